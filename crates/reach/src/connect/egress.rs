//! What the guards of senders accept of what is sent to a target, as functions of the position.
//!
//! Most senders' guards answer alike whoever the target is. What they answer to anybody is one
//! function; a target is left with those whose rules mean it in particular, found by what it is.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use watertight_model::Network;
use watertight_model::network::{
    Action, Direction, GuardId, LayerId, ListContent, Peer, StageDefault,
};
use watertight_net::{AddressSet, Family, Prefix};

use super::accepting::Accepting;
use super::filters::{Accepts, Opens, accepted};
use super::positions::{LayerLists, LayersId, Positions, place};
use super::sets::{BoundsId, Sets};
use super::targets::Target;
use crate::path::Seen;
use crate::runs::{Run, of_ascending, push};
use crate::transparent::{could_accept_family, rules};

/// What the layers of senders accept of what is sent to a target.
#[derive(Debug)]
pub(super) struct Egress {
    v4: OfFamily,
    v6: OfFamily,
}

/// Which of the layers that senders have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Of {
    All,
    /// The layer of this number in each list, by itself.
    Rank(usize),
}

/// The number of a function that [`Egress`] gave.
pub(super) type EgressId = u32;

#[derive(Debug, Default)]
struct OfFamily {
    /// What is let out to anybody.
    base: Accepts,
    restricted: BTreeMap<LayersId, Restricted>,
    by_prefix: HashMap<Prefix, Vec<Part>>,
    prefix_lengths: BTreeSet<u8>,
    by_member: HashMap<GuardId, Vec<Part>>,
    /// Lists of layers with a rule that refers to members.
    with_members: BTreeSet<LayersId>,
    /// Lists of layers that are asked whoever the target is.
    always: BTreeSet<LayersId>,
    ids: HashMap<Vec<(LayersId, BoundsId)>, EgressId>,
    functions: Vec<Accepts>,
}

/// A list of layers that accepts some things.
#[derive(Debug)]
struct Restricted {
    /// The positions that have it.
    runs: Vec<Run<()>>,
    /// What it accepts of anybody, where what it accepts of others is what is added by their parts;
    /// none where it has to be asked.
    base: Option<BoundsId>,
}

/// What rules for one peer add to what a list of layers accepts.
type Part = (LayersId, BoundsId);

impl Egress {
    pub(super) fn new(
        network: &Network,
        lists: &mut LayerLists,
        positions: &Positions,
        sets: &mut Sets,
        which: Of,
    ) -> Self {
        let mut opens = Opens::default();
        let mut of =
            |family| OfFamily::new(network, lists, positions, sets, &mut opens, (family, which));
        Self { v4: of(Family::V4), v6: of(Family::V6) }
    }

    /// What every position's layers accept of what is sent to a target's address, with `members`
    /// where references to the target's guards hold.
    pub(super) fn of(
        &mut self,
        network: &Network,
        lists: &LayerLists,
        sets: &mut Sets,
        target: &Target,
        members: bool,
    ) -> EgressId {
        let seen = Seen {
            address: Some(target.address),
            ipv6: target.family() == Family::V6,
            member: target.endpoint.filter(|_| members),
            front: None,
        };
        let family = match target.family() {
            Family::V4 => &mut self.v4,
            Family::V6 => &mut self.v6,
        };
        let key = family.exceptions(network, lists, sets, seen);
        family.function(key)
    }

    /// A function as exceptions and what holds elsewhere.
    pub(super) fn get(&self, family: Family, id: EgressId) -> (Accepts, Accepts) {
        let family = self.family(family);
        let found = family.functions.get(place(id));
        let over = found.map_or_else(|| Arc::new([]) as Accepts, Arc::clone);
        (over, Arc::clone(&family.base))
    }

    fn family(&self, family: Family) -> &OfFamily {
        match family {
            Family::V4 => &self.v4,
            Family::V6 => &self.v6,
        }
    }
}

impl OfFamily {
    fn new(
        network: &Network,
        lists: &mut LayerLists,
        positions: &Positions,
        sets: &mut Sets,
        opens: &mut Opens,
        (family, which): (Family, Of),
    ) -> Self {
        let mut found = Self::default();
        let mut base: Vec<Run<BoundsId>> = Vec::new();
        let mut without_open: HashMap<LayersId, LayersId> = HashMap::new();
        let mut restricted: BTreeMap<LayersId, Vec<u32>> = BTreeMap::new();
        for (number, position) in positions.iter() {
            if position.family() != family {
                continue;
            }
            let closed = *without_open.entry(position.layers).or_insert_with(|| {
                let all = lists.get(position.layers);
                let mut layers = match which {
                    Of::All => all.to_vec(),
                    Of::Rank(rank) => all.get(rank).copied().into_iter().collect(),
                };
                layers.retain(|one| !opens.is_open(network, *one, Direction::Egress, family));
                lists.intern(&layers)
            });
            if lists.get(closed).is_empty() {
                push(&mut base, number, number + 1, BoundsId::ALL);
            } else {
                restricted.entry(closed).or_default().push(number);
            }
        }
        for (id, positions) in restricted {
            let layers = lists.get(id);
            let could =
                |layer: &LayerId| could_accept_family(network, *layer, Direction::Egress, family);
            if !layers.iter().all(could) {
                continue;
            }
            let runs = of_ascending(positions);
            let simple = Accepting::of(network, layers, Direction::Egress, sets);
            let always = simple.as_ref().map(|simple| simple.always);
            if let Some(always) = always.filter(|always| *always != BoundsId::NONE) {
                let of = |run: &Run<()>| Run { start: run.start, end: run.end, value: always };
                base.extend(runs.iter().map(of));
            }
            found.restricted.insert(id, Restricted { runs, base: always });
            match simple {
                Some(simple) => found.add_parts(network, id, &simple),
                None => found.add(network, id, layers),
            }
        }
        base.sort_unstable_by_key(|run| run.start);
        let mut whole = Vec::with_capacity(base.len());
        for run in base {
            push(&mut whole, run.start, run.end, run.value);
        }
        found.base = whole.into();
        found
    }

    /// Notes what rules for each peer add to what a list of layers accepts of anybody.
    fn add_parts(&mut self, network: &Network, id: LayersId, simple: &Accepting<'_>) {
        for (peer, part) in &simple.by_peer {
            self.add_peer(network, peer, (id, *part));
        }
    }

    /// Notes for which targets a list of layers could accept anything: by the first of its layers.
    fn add(&mut self, network: &Network, id: LayersId, layers: &[LayerId]) {
        let Some(first) = layers.first() else { return };
        let layer = &network.layers[*first];
        let could_by_default = layer.guards.iter().any(|guard| {
            let stage = network.guards[*guard].stages(Direction::Egress).first();
            stage.is_none_or(|stage| stage.default != StageDefault::Deny)
        });
        if could_by_default {
            self.always.insert(id);
            return;
        }
        for (peer, action) in rules(network, layer, Direction::Egress) {
            if action != Action::Deny {
                self.add_peer(network, peer, (id, BoundsId::NONE));
            }
        }
    }

    fn add_peer(&mut self, network: &Network, peer: &Peer, part: Part) {
        match peer {
            Peer::Any | Peer::Unread(_) => {
                self.always.insert(part.0);
            }
            Peer::Prefix(prefix) => self.add_prefixes(&[*prefix], part),
            Peer::List(list) => match &network.lists[*list].content {
                ListContent::Known(prefixes) => {
                    let set = AddressSet::from_prefixes(prefixes.iter().copied());
                    self.add_prefixes(&set.prefixes(), part);
                }
                ListContent::Unread(candidates) => {
                    self.add_prefixes(&candidates.prefixes(), part);
                }
            },
            Peer::Members(guard) => {
                self.by_member.entry(*guard).or_default().push(part);
                self.with_members.insert(part.0);
            }
        }
    }

    fn add_prefixes(&mut self, prefixes: &[Prefix], part: Part) {
        for prefix in prefixes {
            self.prefix_lengths.insert(prefix.len());
            self.by_prefix.entry(*prefix).or_default().push(part);
        }
    }

    /// The lists of layers that answer otherwise than to anybody, with their answers.
    fn exceptions(
        &self,
        network: &Network,
        lists: &LayerLists,
        sets: &mut Sets,
        seen: Seen,
    ) -> Vec<(LayersId, BoundsId)> {
        if self.restricted.is_empty() {
            return Vec::new();
        }
        let mut parts: Vec<Part> = Vec::new();
        let mut asked: BTreeSet<LayersId> = self.always.clone();
        for prefix in seen.address.into_iter().flat_map(|address| self.prefixes_of(address)) {
            parts.extend(self.by_prefix.get(&prefix).into_iter().flatten());
        }
        let layers = seen.member.map(|member| &network.endpoints[member].layers);
        for layer in layers.into_iter().flatten() {
            let layer = &network.layers[*layer];
            if !layer.complete {
                asked.extend(&self.with_members);
            }
            for guard in &layer.guards {
                parts.extend(self.by_member.get(guard).into_iter().flatten());
            }
        }
        parts.sort_unstable();
        let mut found: Vec<(LayersId, BoundsId)> = Vec::new();
        for of_list in parts.chunk_by(|(one, _), (other, _)| one == other) {
            let Some((id, _)) = of_list.first().copied() else { continue };
            match self.restricted.get(&id).and_then(|restricted| restricted.base) {
                Some(base) if !asked.contains(&id) => {
                    let whole = of_list.iter().fold(base, |all, (_, part)| sets.join(all, *part));
                    if whole != base {
                        found.push((id, whole));
                    }
                }
                _ => {
                    asked.insert(id);
                }
            }
        }
        for id in asked {
            let base = self.restricted.get(&id).and_then(|restricted| restricted.base);
            let answer = accepted(network, lists.get(id), Direction::Egress, seen);
            let answer = sets.intern(answer);
            if answer != base.unwrap_or(BoundsId::NONE) {
                found.push((id, answer));
            }
        }
        found.sort_unstable();
        found
    }

    fn prefixes_of(&self, address: IpAddr) -> impl Iterator<Item = Prefix> + '_ {
        let lengths = self.prefix_lengths.iter();
        lengths.filter_map(move |length| Prefix::masked(address, *length).ok())
    }

    fn function(&mut self, key: Vec<(LayersId, BoundsId)>) -> EgressId {
        if let Some(id) = self.ids.get(&key) {
            return *id;
        }
        let mut pieces: Vec<Run<BoundsId>> = Vec::new();
        for (layers, value) in &key {
            let runs = self.restricted.get(layers).into_iter().flat_map(|one| &one.runs);
            pieces.extend(runs.map(|run| Run { start: run.start, end: run.end, value: *value }));
        }
        pieces.sort_unstable_by_key(|run| run.start);
        let mut runs = Vec::with_capacity(pieces.len());
        for piece in pieces {
            push(&mut runs, piece.start, piece.end, piece.value);
        }
        let id = u32::try_from(self.functions.len()).unwrap_or(u32::MAX);
        self.functions.push(runs.into());
        self.ids.insert(key, id);
        id
    }
}
