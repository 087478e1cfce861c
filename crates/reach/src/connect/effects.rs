//! What the way between two sites does to flows, apart from the guards of its two ends.

use std::net::IpAddr;

use rustc_hash::FxHashMap;
use watertight_model::Network;
use watertight_model::network::{Direction, EndpointId};
use watertight_net::FlowSet;

use super::filters::View;
use super::positions::{LayerLists, LayersId, Position, Shown};
use super::sets::{BoundsId, Sets};
use super::targets::Target;
use crate::answer::{Reach, Reply};
use crate::classes::Class;
use crate::fold::{Asking, fold};
use crate::matrix::{Arrival, arrival};
use crate::path::{Check, Path, Place, Seen, Start, Step};
use crate::space::is_public;

/// The number of an [`Effect`].
pub(super) type EffectId = u32;

/// The number of a [`Passage`].
pub(super) type PassageId = u32;

/// Nothing gets from one site to the other.
pub(super) const NOTHING: EffectId = 0;

/// Every pair has to be asked by itself.
pub(super) const PAIRWISE: EffectId = 1;

/// One way between two sites. What it lets through is what `forward` and all `asked` let through.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Passage {
    /// The guards whose answer depends on who sends or receives.
    pub(super) asked: Vec<Asked>,
    /// What arrives if these guards let everything pass.
    pub(super) forward: BoundsId,
    /// That part of it whose reply comes back.
    pub(super) established: BoundsId,
}

/// A guard whose answer depends on who sends or receives.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Asked {
    /// The sender's own, which see the dialled address; with `members`, also who has it.
    Sender { members: bool },
    /// The receiver's own.
    Receiver(View),
    /// Those of an endpoint on the way, coming in.
    Into(LayersId, View),
    /// The receiver's own, where every sender looks alike.
    ReceiverSees(Seen),
    /// Those of an endpoint on the way, coming in, where every sender looks alike.
    IntoSees(LayersId, Seen),
    /// Those of an endpoint on the way, going out: they see the receiver.
    OutOf(LayersId, bool),
}

/// What is between pairs of sites, interned.
#[derive(Debug)]
pub(super) struct Effects {
    passages: Vec<Passage>,
    passage_ids: FxHashMap<Passage, PassageId>,
    lists: Vec<Vec<PassageId>>,
    list_ids: FxHashMap<Vec<PassageId>, EffectId>,
}

/// What is needed to find an effect.
pub(super) struct Scene<'a, 'r, 'n> {
    pub(super) reach: &'r Reach<'n>,
    pub(super) classes: &'a [Class],
    pub(super) lists: &'a mut LayerLists,
    pub(super) sets: &'a mut Sets,
}

impl Effects {
    pub(super) fn new() -> Self {
        let mut effects = Self {
            passages: Vec::new(),
            passage_ids: FxHashMap::default(),
            lists: Vec::new(),
            list_ids: FxHashMap::default(),
        };
        effects.intern(Vec::new());
        // No effect has this passage: its number is never given.
        effects.lists.push(vec![PassageId::MAX]);
        effects
    }

    /// The passages of an effect other than [`PAIRWISE`].
    pub(super) fn passages(&self, effect: EffectId) -> &[PassageId] {
        self.lists.get(super::positions::place(effect)).map_or(&[], Vec::as_slice)
    }

    pub(super) fn passage(&self, id: PassageId) -> Option<&Passage> {
        self.passages.get(super::positions::place(id))
    }

    /// The layers of endpoints on the way that are asked for their rules.
    pub(super) fn on_the_way(&self) -> impl Iterator<Item = LayersId> + '_ {
        let asked = self.passages.iter().flat_map(|passage| &passage.asked);
        asked.filter_map(|asked| match asked {
            Asked::Into(layers, _) | Asked::IntoSees(layers, _) | Asked::OutOf(layers, _) => {
                Some(*layers)
            }
            Asked::Sender { .. } | Asked::Receiver(_) | Asked::ReceiverSees(_) => None,
        })
    }

    fn intern(&mut self, passages: Vec<PassageId>) -> EffectId {
        if let Some(id) = self.list_ids.get(&passages) {
            return *id;
        }
        let id = u32::try_from(self.lists.len()).unwrap_or(u32::MAX);
        self.lists.push(passages.clone());
        self.list_ids.insert(passages, id);
        id
    }

    /// What is between a sender and a target, and so between all of their sites. `None` when the
    /// two are one endpoint.
    pub(super) fn between(
        &mut self,
        scene: &mut Scene<'_, '_, '_>,
        sender: &Position,
        target: &Target,
    ) -> Option<EffectId> {
        let (endpoint, address) = target.other_than(sender.endpoint)?;
        if is_hopeless(sender, endpoint, address) {
            return Some(NOTHING);
        }
        let mut passages: Vec<PassageId> = Vec::new();
        for path in scene.reach.walker().paths(&sender.start, address) {
            match passage(scene, sender, (endpoint, address), target, &path) {
                Found::Nothing => {}
                Found::Pairwise => return Some(PAIRWISE),
                Found::Passage(passage) => {
                    let next = u32::try_from(self.passages.len()).unwrap_or(u32::MAX);
                    let id = *self.passage_ids.entry(passage).or_insert_with_key(|passage| {
                        self.passages.push(passage.clone());
                        next
                    });
                    passages.push(id);
                }
            }
        }
        passages.sort_unstable();
        passages.dedup();
        Some(self.intern(passages))
    }
}

/// Whether nothing that a sender sends to an address is of the estate's concern, or none gets there.
pub(super) fn is_hopeless(
    sender: &Position,
    endpoint: Option<EndpointId>,
    address: IpAddr,
) -> bool {
    let unroutable = match &sender.start {
        Start::Internet { .. } => !is_public(address),
        Start::Endpoint { .. }
        | Start::Unaddressed { .. }
        | Start::Subnet { .. }
        | Start::Realm(_)
        | Start::Outside { .. } => false,
    };
    unroutable || (sender.endpoint.is_none() && endpoint.is_none())
}

enum Found {
    Nothing,
    Pairwise,
    Passage(Passage),
}

fn passage(
    scene: &mut Scene<'_, '_, '_>,
    sender: &Position,
    (endpoint, address): (Option<EndpointId>, IpAddr),
    target: &Target,
    path: &Path,
) -> Found {
    let network = scene.reach.network;
    let Some(arrival) = arrival(scene.reach, scene.classes, path, target.class) else {
        return Found::Nothing;
    };
    let mut asked: Vec<Asked> = Vec::new();
    let mut steps: Vec<Step> = Vec::with_capacity(path.steps.len());
    for step in &path.steps {
        match step {
            Step::Guards(check) if matches!(check.place, Place::Endpoint(_)) => {
                let Some(one) = asked_by(scene, sender, (endpoint, address), check) else {
                    return Found::Pairwise;
                };
                if !asked.contains(&one) {
                    asked.push(one);
                }
            }
            _ => steps.push(step.clone()),
        }
    }
    let all = FlowSet::all();
    let rest = path.with_steps(steps);
    let folded = fold(scene.reach, &rest, &all, Asking::All);
    if folded.arrived.possible.is_empty() {
        return Found::Nothing;
    }
    // Another end than the target, or a port that is rewritten on the way: guards behind it see
    // other flows than were sent.
    if let Arrival::Endpoint(id) = arrival
        && (Some(id) != endpoint || path.by_front)
    {
        return Found::Pairwise;
    }
    let (established, reply) = scene.reach.reply(&sender.start, path, &folded);
    if reply.is_some_and(|reply| asks_endpoints(network, &reply)) {
        return Found::Pairwise;
    }
    let forward = scene.sets.intern(folded.arrived.clone());
    let established = scene.sets.intern(established);
    Found::Passage(Passage { asked, forward, established })
}

/// Whether a reply asks the rules of an endpoint's guards: what they see is this pair's own.
fn asks_endpoints(network: &Network, reply: &Reply) -> bool {
    reply.path.steps.iter().any(|step| {
        let Step::Guards(check) = step else { return false };
        let mut guards = check.layers.iter().flat_map(|layer| &network.layers[*layer].guards);
        let skipped = reply.opened.contains(&check.place)
            && guards.all(|guard| network.guards[*guard].stateful);
        matches!(check.place, Place::Endpoint(_)) && !skipped
    })
}

/// Whose answer a check of an endpoint's guards is; none where the pair has to be asked by itself.
pub(super) fn asked_by(
    scene: &mut Scene<'_, '_, '_>,
    sender: &Position,
    (endpoint, address): (Option<EndpointId>, IpAddr),
    check: &Check,
) -> Option<Asked> {
    let Place::Endpoint(place) = check.place else { return None };
    let own = Some(place) == sender.endpoint;
    match check.direction {
        Direction::Egress => {
            let members = match check.seen.member {
                None => false,
                Some(member) if Some(member) == endpoint => true,
                Some(_) => return None,
            };
            if check.seen.address != Some(address) || check.seen.front.is_some() {
                return None;
            }
            let layers = scene.lists.intern(&check.layers);
            Some(if own { Asked::Sender { members } } else { Asked::OutOf(layers, members) })
        }
        Direction::Ingress => {
            let members = match check.seen.member {
                None => false,
                Some(member) if Some(member) == sender.endpoint => true,
                Some(_) => return None,
            };
            let layers = scene.lists.intern(&check.layers);
            let receiver = Some(place) == endpoint;
            let shown = match check.seen.address {
                Some(shown) if shown == sender.own => Shown::Own,
                Some(shown) if Some(shown) == sender.public => Shown::Public,
                Some(_) | None if members => return None,
                Some(_) | None if receiver => return Some(Asked::ReceiverSees(check.seen)),
                Some(_) | None => return Some(Asked::IntoSees(layers, check.seen)),
            };
            let view = View { shown, members, front: check.seen.front };
            Some(if receiver { Asked::Receiver(view) } else { Asked::Into(layers, view) })
        }
    }
}
