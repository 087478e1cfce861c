//! What decides about everybody who sends to one address.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rustc_hash::FxHashMap;
use watertight_model::Bounds;
use watertight_model::network::{Direction, LayerId};
use watertight_net::{Family, FlowSet};

use super::super::effects::{Asked, Scene};
use super::super::egress::Egress;
use super::super::filters::{Accepts, accepted};
use super::super::positions::LayersId;
use super::super::sets::BoundsId;
use super::super::targets::Target;
use super::super::{Made, Work};
use super::passages::{Met, PAIRWISE, Passages};
use super::{Column, Numbered, Survey, members};
use crate::matrix::ClassIndex;
use crate::path::Seen;
use crate::runs::{Run, push, sweep};
use crate::survey::{Judged, Refusing, Side, Who};

/// What makes two targets have one function.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Key {
    between: u32,
    layers: LayersId,
    /// What senders' layers of each number let out to it, with and without references to its guards.
    egress: Vec<[u32; 2]>,
    family: Family,
    /// Set where a guard on the way asks about the target by itself.
    alone: Option<usize>,
}

/// Functions under construction.
#[derive(Debug)]
pub(super) struct Legs {
    passages: Passages,
    /// What senders' layers let out, those of each number by themselves.
    egress: Vec<Egress>,
    known: FxHashMap<Key, Vec<Column>>,
    judged: Numbered<Judged>,
    flows: FxHashMap<BoundsId, Arc<FlowSet>>,
    parts: Vec<Vec<Column>>,
    pairs: BTreeMap<ClassIndex, BTreeSet<(ClassIndex, u32)>>,
}

/// A passage towards one target.
struct Open {
    passage: u32,
    asked: Vec<Opened>,
    /// What decides, by what the asked layers accept.
    known: FxHashMap<Vec<BoundsId>, u32>,
}

/// One layer that is asked about everybody.
struct Opened {
    side: Side,
    direction: Direction,
    who: Who,
    /// Exceptions, and what holds elsewhere: what it accepts of each position.
    accepts: (Accepts, Accepts),
    /// What it accepts of all, where they are alike.
    of_all: Option<BoundsId>,
}

impl Legs {
    pub(super) fn new(classes: usize, egress: Vec<Egress>) -> Self {
        Self {
            passages: Passages::new(),
            egress,
            known: FxHashMap::default(),
            judged: Numbered::new(),
            flows: FxHashMap::default(),
            parts: vec![Vec::new(); classes],
            pairs: BTreeMap::new(),
        }
    }

    pub(super) fn finish(self, work: Work<'_, '_, '_>) -> Survey {
        let positions = (0..work.made.positions.len()).map(|number| {
            work.made.positions.get(number).map_or((ClassIndex::MAX, LayersId::MAX), |position| {
                (position.class, position.layers)
            })
        });
        let index = &work.reach.index;
        let layers = work.reach.network.layers.iter().map(|(id, _)| id);
        Survey {
            positions: positions.collect(),
            transparent: layers.filter(|layer| index.is_transparent(*layer)).collect(),
            parts: self.parts,
            pairs: self.pairs,
            judged: self.judged.all,
            members: members(work.classes),
            lists: work.made.lists,
        }
    }

    /// Adds what decides about everybody who sends to one address.
    pub(super) fn add(&mut self, work: &mut Work<'_, '_, '_>, number: usize) {
        let Some(between) = self.between(work, number) else { return };
        let Some(target) = work.made.targets.get(number).cloned() else { return };
        let Some(function) = work.made.ways.function(between) else { return };
        let Made { lists, sets, .. } = &mut work.made;
        let mut of = |one: &mut Egress| {
            [true, false].map(|members| one.of(work.reach.network, lists, sets, &target, members))
        };
        let egress = self.egress.iter_mut().map(&mut of).collect();
        let particular = function.iter().any(|run| self.is_particular(run.value));
        let key = Key {
            between,
            layers: target.layers,
            egress,
            family: target.family(),
            alone: particular.then_some(number),
        };
        let columns = if let Some(known) = self.known.get(&key) {
            known.clone()
        } else {
            let found = self.columns(work, &target, &function, &key.egress);
            self.known.insert(key, found.clone());
            found
        };
        if let Some(parts) = self.parts.get_mut(target.class) {
            parts.extend(columns);
        }
        for run in function.iter().filter(|run| run.value == PAIRWISE) {
            self.ask_pairs(work, &target, run);
        }
    }

    fn between(&mut self, work: &mut Work<'_, '_, '_>, number: usize) -> Option<u32> {
        let Made { lists, positions, targets, sets, ways, .. } = &mut work.made;
        let target = targets.get(number)?;
        let mut scene = Scene { reach: work.reach, classes: work.classes, lists, sets };
        let passages = &mut self.passages;
        ways.between(number, target, |stretch| {
            (stretch.start..stretch.end).find_map(|number| {
                passages.between(&mut scene, work.class_of, positions.get(number)?, target)
            })
        })
    }

    fn is_particular(&self, effect: u32) -> bool {
        let mut passages = self.passages.of(effect).iter().filter_map(|id| self.passages.get(*id));
        passages.any(|passage| {
            passage.met.iter().any(|met| matches!(met, Met::Asked(_, Asked::OutOf(..))))
        })
    }

    /// One function for each of the ways that a sender may have at once.
    fn columns(
        &mut self,
        work: &mut Work<'_, '_, '_>,
        target: &Target,
        function: &[Run<u32>],
        egress: &[[u32; 2]],
    ) -> Vec<Column> {
        let mut opened: BTreeMap<u32, Open> = BTreeMap::new();
        let mut columns: Vec<Vec<Run<u32>>> = Vec::new();
        for run in function.iter().filter(|run| run.value != PAIRWISE) {
            let passages = self.passages.of(run.value).to_vec();
            for (rank, passage) in passages.into_iter().enumerate() {
                let open = opened.entry(passage).or_insert_with(|| Open {
                    passage,
                    asked: self.open(work, target, passage, egress),
                    known: FxHashMap::default(),
                });
                if columns.len() <= rank {
                    columns.push(Vec::new());
                }
                let Some(into) = columns.get_mut(rank) else { continue };
                self.pass(work, target, (open, (run.start, run.end)), into);
            }
        }
        columns.into_iter().map(Into::into).collect()
    }

    /// Adds what decides on a passage from a range of positions.
    fn pass(
        &mut self,
        work: &mut Work<'_, '_, '_>,
        target: &Target,
        (open, range): (&mut Open, (u32, u32)),
        into: &mut Vec<Run<u32>>,
    ) {
        let Open { passage, asked, known } = open;
        let functions: Vec<_> =
            asked.iter().map(|one| (&*one.accepts.0, &*one.accepts.1)).collect();
        let mut values: Vec<BoundsId> = Vec::with_capacity(functions.len());
        sweep(&functions, range, |from, to, found| {
            values.clear();
            let answers = asked.iter().zip(found);
            values.extend(
                answers.map(|(one, found)| one.of_all.or(*found).unwrap_or(BoundsId::NONE)),
            );
            let judged = if let Some(judged) = known.get(values.as_slice()) {
                *judged
            } else {
                let tables = (&self.passages, &mut self.flows);
                let judged = judge(tables, work, target, (*passage, asked, &values));
                let judged = self.judged.number(judged);
                known.insert(values.clone(), judged);
                judged
            };
            push(into, from, to, judged);
        });
    }

    /// The layers of a passage towards a target that are asked.
    fn open(
        &self,
        work: &mut Work<'_, '_, '_>,
        target: &Target,
        passage: u32,
        egress: &[[u32; 2]],
    ) -> Vec<Opened> {
        let met = self.passages.get(passage).map(|passage| passage.met.clone());
        let mut opened = Vec::new();
        for one in met.unwrap_or_default() {
            let (side, asked) = match one {
                Met::Fixed(refusing) => {
                    let accepts = Bounds::exact((*refusing.accepts).clone());
                    opened.push(Opened {
                        side: refusing.side,
                        direction: refusing.direction,
                        who: refusing.who,
                        accepts: nothing(),
                        of_all: Some(work.made.sets.intern(accepts)),
                    });
                    continue;
                }
                Met::Asked(side, asked) => (side, asked),
            };
            match asked {
                Asked::Sender { members } => {
                    for (rank, (of_rank, ids)) in self.egress.iter().zip(egress).enumerate() {
                        let [with, without] = *ids;
                        let id = if members { with } else { without };
                        opened.push(Opened {
                            side,
                            direction: Direction::Egress,
                            who: Who::Sender(rank),
                            accepts: of_rank.get(target.family(), id),
                            of_all: None,
                        });
                    }
                }
                _ => open_layers(work, target, (side, asked), &mut opened),
            }
        }
        opened
    }

    /// Asks about every position of a run by itself.
    fn ask_pairs(&mut self, work: &Work<'_, '_, '_>, target: &Target, run: &Run<u32>) {
        let (reach, parts) = (work.reach, (work.classes, work.class_of));
        for number in run.start..run.end {
            let Some(sender) = work.made.positions.get(number) else { continue };
            let Some((endpoint, address)) = target.other_than(sender.endpoint) else { continue };
            for path in reach.walker().paths(&sender.start, address) {
                if !reach.is_surveyed(parts, (&sender.start, &path), target.class) {
                    continue;
                }
                let judged = reach.judge(&path, (sender.endpoint, endpoint));
                let judged = self.judged.number(judged);
                self.pairs.entry(target.class).or_default().insert((sender.class, judged));
            }
        }
    }
}

/// Adds layers of an endpoint other than the sender.
fn open_layers(
    work: &mut Work<'_, '_, '_>,
    target: &Target,
    (side, asked): (Side, Asked),
    opened: &mut Vec<Opened>,
) {
    let layers = match asked {
        Asked::Receiver(_) | Asked::ReceiverSees(_) | Asked::Sender { .. } => target.layers,
        Asked::Into(layers, _) | Asked::IntoSees(layers, _) | Asked::OutOf(layers, _) => layers,
    };
    let layers: Vec<LayerId> = work.made.lists.get(layers).to_vec();
    for layer in layers {
        let mut fixed = |direction, seen| {
            let found = accepted(work.reach.network, &[layer], direction, seen);
            Some(work.made.sets.intern(found))
        };
        let mut direction = Direction::Ingress;
        let mut accepts = nothing();
        let of_all = match asked {
            Asked::Receiver(view) | Asked::Into(_, view) => {
                let alone = work.made.lists.intern(&[layer]);
                accepts = (Arc::new([]), work.ingress(alone, view));
                None
            }
            Asked::ReceiverSees(seen) | Asked::IntoSees(_, seen) => fixed(direction, seen),
            Asked::OutOf(_, members) => {
                direction = Direction::Egress;
                let seen = Seen {
                    address: Some(target.address),
                    ipv6: target.family() == Family::V6,
                    member: target.endpoint.filter(|_| members),
                    front: None,
                };
                fixed(direction, seen)
            }
            Asked::Sender { .. } => continue,
        };
        opened.push(Opened { side, direction, who: Who::Layer(layer), accepts, of_all });
    }
}

/// What decides where the asked layers answer so.
fn judge(
    (passages, flows): (&Passages, &mut FxHashMap<BoundsId, Arc<FlowSet>>),
    work: &mut Work<'_, '_, '_>,
    target: &Target,
    (passage, opened, values): (u32, &[Opened], &[BoundsId]),
) -> Judged {
    let Made { lists, sets, .. } = &mut work.made;
    let passage = passages.get(passage);
    let forward = passage.map_or(BoundsId::NONE, |passage| passage.forward);
    let arrives = values.iter().fold(forward, |met, value| sets.meet(met, *value));
    let mut of = |id: BoundsId| {
        let known = flows.entry(id).or_insert_with(|| Arc::new(sets.possible(id).clone()));
        Arc::clone(known)
    };
    let mut refusing = Vec::new();
    for (one, value) in opened.iter().zip(values) {
        let accepts = of(*value);
        if !accepts.is_all() {
            let Opened { side, direction, who, .. } = *one;
            refusing.push(Refusing { side, direction, who, accepts });
        }
    }
    let asks = |end: Side| {
        let met = passage.into_iter().flat_map(|passage| &passage.met);
        met.into_iter().any(|met| matches!(met, Met::Asked(side, _) if *side == end))
    };
    let index = &work.reach.index;
    let own = if asks(Side::Receiver) { lists.get(target.layers) } else { &[] };
    let own: BTreeSet<LayerId> =
        own.iter().copied().filter(|layer| !index.is_transparent(*layer)).collect();
    Judged {
        arrives: of(arrives),
        refusing,
        layers: passage.map_or(0, |passage| passage.layers) + own.len(),
        asks_sender: asks(Side::Sender),
    }
}

fn nothing() -> (Accepts, Accepts) {
    (Arc::new([]), Arc::new([]))
}
