//! Coverage and layers of whole classes at once, as columns like those of connectivity: what decides
//! about each sender and one receiver. Here denied pairs count as others do, and every layer is asked
//! by itself.

mod legs;
mod passages;
mod points;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rustc_hash::FxHashMap;
use watertight_model::network::LayerId;

use self::legs::Legs;
pub use self::points::Point;
use super::egress::{Egress, Of};
use super::positions::{LayerLists, LayersId, place};
use super::{Made, Work};
use crate::answer::Reach;
use crate::classes::Class;
use crate::matrix::{ClassIndex, Matrix};
use crate::runs::{Run, overlay, push};
use crate::survey::{DecidingLayer, Judged, Leg, Surveyed, Who};

/// A function of the sender: the number of what decides.
type Column = Arc<[Run<u32>]>;

/// What decides each pair of classes that routes connect, grouped by who sends and who receives.
///
/// Pairs that no route connects are left out: nothing has to decide them.
#[derive(Debug)]
pub struct Survey {
    /// For each class, what its addresses add, by position of the sender.
    parts: Vec<Vec<Column>>,
    /// What was asked pair by pair, by receiving class: the sending one, and what decides.
    pairs: BTreeMap<ClassIndex, BTreeSet<(ClassIndex, u32)>>,
    judged: Vec<Judged>,
    /// For each position, its class and the layers that it has itself.
    positions: Vec<(ClassIndex, LayersId)>,
    lists: LayerLists,
    /// The layers that refuse nothing, whoever asks.
    transparent: BTreeSet<LayerId>,
    /// How many endpoints each class has; none of an end that is outside.
    members: Vec<Option<usize>>,
}

/// How many pairs of classes a [`Survey`] tells of.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct SurveyTotals {
    /// Pairs, one for each way that is decided otherwise.
    pub pairs: u64,
    /// Those of them that nothing decides.
    pub ungoverned: u64,
    /// Those of them over which nothing arrives.
    pub refused: u64,
    /// Those of the refused that one layer alone decides.
    pub refused_by_one: u64,
}

impl Reach<'_> {
    /// What decides every pair of classes that routes connect, grouped.
    pub fn survey(&self, matrix: &Matrix) -> Survey {
        let (classes, class_of) = matrix.parts();
        let made = self.made(classes);
        let ranks = made.positions.iter().map(|(_, one)| made.lists.get(one.layers).len()).max();
        let mut work = Work { reach: self, classes, class_of, made };
        let egress: Vec<Egress> = (0..ranks.unwrap_or(0))
            .map(|rank| {
                let Made { lists, positions, sets, .. } = &mut work.made;
                Egress::new(self.network, lists, positions, sets, (Of::Rank(rank), None))
            })
            .collect();
        let mut legs = Legs::new(classes.len(), egress);
        for number in 0..work.made.targets.len() {
            legs.add(&mut work, number);
        }
        legs.finish(work)
    }
}

impl Survey {
    /// What decides about one receiving class: every way by which somebody gets there, senders that
    /// are decided alike together, ordered by sender.
    pub fn onto(&self, to: ClassIndex) -> Vec<Leg<'_>> {
        let parts = self.parts.get(to).map_or(&[][..], Vec::as_slice);
        let is_plain =
            |part: &Column| part.last().is_none_or(|run| place(run.end) <= self.members.len());
        let mut legs = Vec::new();
        match parts {
            [one] if is_plain(one) && !self.pairs.contains_key(&to) => {
                for run in one.iter() {
                    self.add_leg(to, (run.start, run.end), run.value, &mut legs);
                }
            }
            _ => self.merge(to, parts, &mut legs),
        }
        legs
    }

    /// Several functions as one, each thing that decides once.
    fn merge<'s>(&'s self, to: ClassIndex, parts: &[Column], legs: &mut Vec<Leg<'s>>) {
        let classes = u32::try_from(self.members.len()).unwrap_or(u32::MAX);
        let mut layers: Vec<Vec<Run<u32>>> = Vec::new();
        let mut singles: BTreeMap<ClassIndex, BTreeSet<u32>> = BTreeMap::new();
        for part in parts {
            let mut first = Vec::new();
            for run in part.iter() {
                push(&mut first, run.start, run.end.min(classes), run.value);
                for number in run.start.max(classes)..run.end {
                    let Some((class, _)) = self.positions.get(place(number)) else { continue };
                    singles.entry(*class).or_default().insert(run.value);
                }
            }
            layers.push(first);
        }
        for (class, judged) in self.pairs.get(&to).into_iter().flatten() {
            singles.entry(*class).or_default().insert(*judged);
        }
        for (class, several) in singles {
            let class = u32::try_from(class).unwrap_or(u32::MAX);
            for (rank, judged) in several.into_iter().enumerate() {
                let rank = parts.len() + rank;
                if layers.len() <= rank {
                    layers.push(Vec::new());
                }
                if let Some(layer) = layers.get_mut(rank) {
                    push(layer, class, class.saturating_add(1), judged);
                }
            }
        }
        let functions: Vec<&[Run<u32>]> = layers.iter().map(Vec::as_slice).collect();
        overlay(&functions, |start, end, values| {
            let distinct: BTreeSet<u32> = values.iter().copied().collect();
            for judged in distinct {
                self.add_leg(to, (start, end), judged, legs);
            }
        });
    }

    /// Adds a leg; a class with one member sends nothing to itself.
    fn add_leg<'s>(
        &'s self,
        to: ClassIndex,
        (start, end): (u32, u32),
        judged: u32,
        legs: &mut Vec<Leg<'s>>,
    ) {
        let Some(judged) = self.judged.get(place(judged)) else { return };
        let (start, end) = (place(start), place(end));
        let several = self.members.get(to).copied().flatten().is_some_and(|members| members > 1);
        let pieces = if several || !(start..end).contains(&to) {
            [start..end, end..end]
        } else {
            [start..to, to + 1..end]
        };
        let some = pieces.into_iter().filter(|piece| !piece.is_empty());
        legs.extend(some.map(|from| Leg { from, judged }));
    }

    /// The layers that refuse anything of what a class sends over a leg, in the order in which they
    /// are met.
    pub fn deciding(&self, leg: &Leg<'_>, from: ClassIndex) -> Vec<DecidingLayer> {
        let own = self.layers_of(from);
        let refusing = leg.judged.refusing.iter();
        let found = refusing.filter_map(|one| {
            let layer = match one.who {
                Who::Layer(layer) => layer,
                Who::Sender(rank) => *own.get(rank)?,
            };
            let (side, direction) = (one.side, one.direction);
            Some(DecidingLayer { side, direction, layer, accepts: Arc::clone(&one.accepts) })
        });
        found.collect()
    }

    /// How many layers that could refuse anything are on the way of what a class sends over a leg.
    pub fn layers_len(&self, leg: &Leg<'_>, from: ClassIndex) -> usize {
        let own = if leg.judged.asks_sender { self.layers_of(from) } else { &[] };
        let counted = own.iter().copied().filter(|layer| !self.transparent.contains(layer));
        let distinct: BTreeSet<LayerId> = counted.collect();
        leg.judged.layers + distinct.len()
    }

    /// The layers that a class has itself.
    pub fn layers_of(&self, class: ClassIndex) -> &[LayerId] {
        self.positions.get(class).map_or(&[], |(_, layers)| self.lists.get(*layers))
    }

    /// How many classes there are.
    pub fn classes_len(&self) -> usize {
        self.members.len()
    }

    /// Every pair by itself: as many as there are pairs of classes, and more than fit into memory
    /// where an estate is large.
    pub fn pairs(&self) -> impl Iterator<Item = Surveyed> + '_ {
        (0..self.members.len()).flat_map(move |to| {
            let legs = self.onto(to).into_iter();
            legs.flat_map(move |leg| {
                leg.from.clone().map(move |from| Surveyed {
                    from,
                    to,
                    arrives: Arc::clone(&leg.judged.arrives),
                    deciding: self.deciding(&leg, from),
                    layers: self.layers_len(&leg, from),
                })
            })
        })
    }

    /// How many pairs there are, and how many of them are decided by how much.
    pub fn totals(&self) -> SurveyTotals {
        let mut totals = SurveyTotals::default();
        for to in 0..self.members.len() {
            for leg in self.onto(to) {
                let pairs = u64::try_from(leg.from.len()).unwrap_or(u64::MAX);
                let refused = leg.arrives().is_empty();
                let add = |counted: bool| if counted { pairs } else { 0 };
                totals.pairs += pairs;
                totals.ungoverned += add(leg.is_ungoverned());
                totals.refused += add(refused);
                totals.refused_by_one += add(refused && leg.refusing_len() == 1);
            }
        }
        totals
    }
}

/// How many endpoints each class has.
fn members(classes: &[Class]) -> Vec<Option<usize>> {
    let of = |class: &Class| match class {
        Class::Endpoints(members) => Some(members.len()),
        Class::Internet(_) | Class::Outside(..) => None,
    };
    classes.iter().map(of).collect()
}

/// Values that are numbered, each once.
#[derive(Debug)]
struct Numbered<T> {
    all: Vec<T>,
    ids: FxHashMap<T, u32>,
}

impl<T: Clone + Eq + std::hash::Hash> Numbered<T> {
    fn new() -> Self {
        Self { all: Vec::new(), ids: FxHashMap::default() }
    }

    fn number(&mut self, value: T) -> u32 {
        let next = u32::try_from(self.all.len()).unwrap_or(u32::MAX);
        *self.ids.entry(value).or_insert_with_key(|value| {
            self.all.push(value.clone());
            next
        })
    }

    fn get(&self, number: u32) -> Option<&T> {
        self.all.get(place(number))
    }
}
