//! What the guards of senders and receivers accept of each other, as functions of the position.
//!
//! Positions for which the same rules match are found by sorting the ends of the rules' peers; the
//! guards are then asked once for each combination of matching rules.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use watertight_model::network::{
    Action, Combine, Direction, FrontId, GuardId, LayerId, ListContent, Peer, StageDefault,
};
use watertight_model::{Bounds, Network};
use watertight_net::{AddressSet, Family, FlowSet, Prefix};

use super::positions::{LayerLists, LayersId, Position, Positions, Shown};
use super::sets::{BoundsId, Sets};
use super::targets::Target;
use crate::guards::layer_accepts;
use crate::path::Seen;
use crate::runs::{Run, of_ascending, push};
use crate::transparent::{could_accept_family, is_open, rules};

/// How a guard that packets come in by sees their senders.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct View {
    pub(super) shown: Shown,
    /// Whether references to the sender's guards hold.
    pub(super) members: bool,
    pub(super) front: Option<FrontId>,
}

/// A function of the position: what is accepted.
pub(super) type Accepts = Arc<[Run<BoundsId>]>;

/// What `layers` accept, all of them.
pub(super) fn accepted(
    network: &Network,
    layers: &[LayerId],
    direction: Direction,
    seen: Seen,
) -> Bounds<FlowSet> {
    let mut current = Bounds::exact(FlowSet::all());
    for layer in layers {
        let one = layer_accepts(network, *layer, direction, seen, &current.possible);
        current.sure = current.sure.intersection(&one.sure);
        current.possible = current.possible.intersection(&one.possible);
    }
    current
}

/// What layers at the receiving end accept of every position, by view.
#[derive(Debug, Default)]
pub(super) struct Ingress {
    known: HashMap<(LayersId, View), Accepts>,
}

impl Ingress {
    pub(super) fn of(
        &mut self,
        network: &Network,
        lists: &LayerLists,
        positions: &mut Positions,
        sets: &mut Sets,
        (layers, view): (LayersId, View),
    ) -> Accepts {
        if let Some(known) = self.known.get(&(layers, view)) {
            return Arc::clone(known);
        }
        let found = asked(network, lists.get(layers), view, positions, sets);
        self.known.insert((layers, view), Arc::clone(&found));
        found
    }
}

/// Asks layers once for every combination of rules that positions match.
fn asked(
    network: &Network,
    layers: &[LayerId],
    view: View,
    positions: &mut Positions,
    sets: &mut Sets,
) -> Accepts {
    let peers = peer_runs(network, layers, view, positions);
    let simple = Accepting::of(network, layers, view, &peers, sets);
    let mut edges: Vec<(u32, usize)> = Vec::new();
    for (number, (_, runs)) in peers.iter().enumerate() {
        edges.extend(runs.iter().flat_map(|run| [(run.start, number), (run.end, number)]));
    }
    edges.push((positions.len(), usize::MAX));
    edges.sort_unstable();
    let mut matching = vec![0_u64; peers.len().div_ceil(64)];
    let mut answers: HashMap<Box<[u64]>, BoundsId> = HashMap::new();
    let mut found: Vec<Run<BoundsId>> = Vec::new();
    let mut from = 0;
    for (position, number) in edges {
        if position > from {
            let value = match answers.get(matching.as_slice()) {
                Some(value) => Some(*value),
                None => positions.first_shown(from, position, view.shown).map(|sender| {
                    let value = if let Some(simple) = &simple {
                        simple.accepted(&matching, sets)
                    } else {
                        let seen = seen(sender, view);
                        sets.intern(accepted(network, layers, Direction::Ingress, seen))
                    };
                    answers.insert(matching.clone().into_boxed_slice(), value);
                    value
                }),
            };
            if let Some(value) = value
                && value != BoundsId::NONE
            {
                push(&mut found, from, position, value);
            }
            from = position;
        }
        if let Some(word) = matching.get_mut(number / 64) {
            *word ^= 1 << (number % 64);
        }
    }
    found.into()
}

fn seen(sender: &Position, view: View) -> Seen {
    let address = match view.shown {
        Shown::Own => Some(sender.own),
        Shown::Public => sender.public,
    };
    Seen {
        address,
        ipv6: sender.family() == Family::V6,
        member: sender.endpoint.filter(|_| view.members),
        front: view.front,
    }
}

/// One layer of guards that only accept, and of which nothing is in doubt: what it accepts is what
/// any matching rule accepts.
#[derive(Debug)]
struct Accepting {
    /// What matches whoever sends.
    always: BoundsId,
    /// What rules for each peer accept.
    by_peer: Vec<BoundsId>,
}

impl Accepting {
    /// None for layers that are not like this.
    fn of(
        network: &Network,
        layers: &[LayerId],
        view: View,
        peers: &[PeerRuns<'_>],
        sets: &mut Sets,
    ) -> Option<Self> {
        let [layer] = layers else { return None };
        if view.front.is_some() || peers.iter().any(|(peer, _)| peer.is_none()) {
            return None;
        }
        let mut found = Self { always: BoundsId::NONE, by_peer: vec![BoundsId::NONE; peers.len()] };
        for guard in &network.layers[*layer].guards {
            let [stage] = network.guards[*guard].ingress.as_slice() else { return None };
            if stage.combine != Combine::Union || stage.default != StageDefault::Deny {
                return None;
            }
            for rule in &stage.rules {
                let known = match &rule.peer {
                    Peer::Unread(_) => false,
                    Peer::List(list) => {
                        matches!(network.lists[*list].content, ListContent::Known(_))
                    }
                    Peer::Any | Peer::Prefix(_) | Peer::Members(_) => true,
                };
                if rule.action != Action::Accept || !known {
                    return None;
                }
                let slot = match &rule.peer {
                    Peer::Any => Some(&mut found.always),
                    peer => {
                        let place = peers.iter().position(|(one, _)| *one == Some(peer));
                        place.and_then(|place| found.by_peer.get_mut(place))
                    }
                };
                // A peer that no position matches has no place.
                let Some(slot) = slot else { continue };
                let flows = sets.intern(Bounds::exact(rule.flows.clone()));
                *slot = sets.join(*slot, flows);
            }
        }
        Some(found)
    }

    fn accepted(&self, matching: &[u64], sets: &mut Sets) -> BoundsId {
        let matches = |place: usize| {
            matching.get(place / 64).is_some_and(|word| word & (1 << (place % 64)) != 0)
        };
        let by_peer = self.by_peer.iter().enumerate();
        by_peer
            .filter(|(place, _)| matches(*place))
            .fold(self.always, |all, (_, one)| sets.join(all, *one))
    }
}

/// A peer with the positions that it means or may mean; no peer for those that are in doubt.
type PeerRuns<'n> = (Option<&'n Peer>, Arc<[Run<()>]>);

/// For every peer of a rule that not all positions match alike, the positions that do or may.
fn peer_runs<'n>(
    network: &'n Network,
    layers: &[LayerId],
    view: View,
    positions: &mut Positions,
) -> Vec<PeerRuns<'n>> {
    let contents = layers.iter().map(|layer| &network.layers[*layer]);
    let peers: BTreeSet<&Peer> = contents
        .flat_map(|layer| rules(network, layer, Direction::Ingress).map(|(peer, _)| peer))
        .collect();
    let mut found: Vec<PeerRuns<'n>> = Vec::new();
    let mut members = false;
    for peer in peers {
        match peer {
            Peer::Any | Peer::Unread(_) => {}
            Peer::Prefix(prefix) => {
                found.push((Some(peer), positions.in_prefix(*prefix, view.shown)));
            }
            Peer::List(list) => {
                let prefixes = match &network.lists[*list].content {
                    ListContent::Known(prefixes) => {
                        AddressSet::from_prefixes(prefixes.iter().copied()).prefixes()
                    }
                    ListContent::Unread(candidates) => candidates.prefixes(),
                };
                let mut runs: Vec<Run<()>> = Vec::new();
                for prefix in prefixes {
                    runs.extend_from_slice(&positions.in_prefix(prefix, view.shown));
                }
                runs.sort_unstable();
                found.push((Some(peer), runs.into()));
            }
            Peer::Members(guard) if view.members => {
                found.push((Some(peer), positions.members(*guard)));
                members = true;
            }
            Peer::Members(_) => {}
        }
    }
    if members {
        found.push((None, positions.doubtful()));
    }
    found.retain(|(_, runs)| !runs.is_empty());
    found
}

/// What the layers of senders accept of what is sent to a target.
#[derive(Debug)]
pub(super) struct Egress {
    v4: OfFamily,
    v6: OfFamily,
}

/// The number of a function that [`Egress`] gave.
pub(super) type EgressId = u32;

#[derive(Debug, Default)]
struct OfFamily {
    /// Positions whose layers accept everything.
    open: Vec<Run<BoundsId>>,
    open_lists: BTreeSet<LayersId>,
    /// Positions of each list of layers that accepts some things.
    restricted: BTreeMap<LayersId, Vec<Run<()>>>,
    by_prefix: HashMap<Prefix, Vec<LayersId>>,
    prefix_lengths: BTreeSet<u8>,
    by_member: HashMap<GuardId, Vec<LayersId>>,
    /// Lists of layers with a rule that refers to members.
    with_members: Vec<LayersId>,
    /// Lists of layers that could accept something whoever the target is.
    always: Vec<LayersId>,
    ids: HashMap<Vec<(LayersId, BoundsId)>, EgressId>,
    functions: Vec<Accepts>,
}

impl Egress {
    pub(super) fn new(network: &Network, lists: &LayerLists, positions: &Positions) -> Self {
        Self {
            v4: OfFamily::new(network, lists, positions, Family::V4),
            v6: OfFamily::new(network, lists, positions, Family::V6),
        }
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
        let family = self.family_mut(target.family());
        let candidates = family.candidates(network, seen);
        let mut key: Vec<(LayersId, BoundsId)> = Vec::new();
        for layers in candidates {
            let answer = accepted(network, lists.get(layers), Direction::Egress, seen);
            if !answer.possible.is_empty() {
                key.push((layers, sets.intern(answer)));
            }
        }
        family.function(key)
    }

    /// Whether a position's layers could accept anything of its family.
    pub(super) fn could_send(&self, position: &Position) -> bool {
        let family = match position.family() {
            Family::V4 => &self.v4,
            Family::V6 => &self.v6,
        };
        family.open_lists.contains(&position.layers)
            || family.restricted.contains_key(&position.layers)
    }

    pub(super) fn get(&self, family: Family, id: EgressId) -> Accepts {
        let functions = match family {
            Family::V4 => &self.v4.functions,
            Family::V6 => &self.v6.functions,
        };
        let found = functions.get(super::positions::place(id));
        found.map_or_else(|| Arc::new([]) as Accepts, Arc::clone)
    }

    fn family_mut(&mut self, family: Family) -> &mut OfFamily {
        match family {
            Family::V4 => &mut self.v4,
            Family::V6 => &mut self.v6,
        }
    }
}

impl OfFamily {
    fn new(network: &Network, lists: &LayerLists, positions: &Positions, family: Family) -> Self {
        let mut found = Self::default();
        let count = u32::try_from(lists.len()).unwrap_or(u32::MAX);
        let open: Vec<bool> = (0..count)
            .map(|id| {
                let mut layers = lists.get(id).iter();
                layers.all(|layer| is_open(network, *layer, Direction::Egress, family))
            })
            .collect();
        let mut restricted: BTreeMap<LayersId, Vec<u32>> = BTreeMap::new();
        for (number, position) in positions.iter() {
            if position.family() != family {
                continue;
            }
            if open.get(super::positions::place(position.layers)).copied().unwrap_or(false) {
                push(&mut found.open, number, number + 1, BoundsId::ALL);
                found.open_lists.insert(position.layers);
            } else {
                restricted.entry(position.layers).or_default().push(number);
            }
        }
        for (id, positions) in restricted {
            let layers = lists.get(id);
            let could =
                |layer: &LayerId| could_accept_family(network, *layer, Direction::Egress, family);
            if layers.iter().all(could) {
                found.restricted.insert(id, of_ascending(positions));
                found.add(network, id, layers);
            }
        }
        found
    }

    /// Notes for which targets a list of layers could accept anything: by the first of its layers.
    fn add(&mut self, network: &Network, id: LayersId, layers: &[LayerId]) {
        let Some(first) = layers.first() else { return self.always.push(id) };
        let layer = &network.layers[*first];
        let could_by_default = layer.guards.iter().any(|guard| {
            let stage = network.guards[*guard].stages(Direction::Egress).first();
            stage.is_none_or(|stage| stage.default != StageDefault::Deny)
        });
        if could_by_default {
            return self.always.push(id);
        }
        for (peer, action) in rules(network, layer, Direction::Egress) {
            if action == Action::Deny {
                continue;
            }
            match peer {
                Peer::Any | Peer::Unread(_) => self.always.push(id),
                Peer::Prefix(prefix) => self.add_prefixes(&[*prefix], id),
                Peer::List(list) => match &network.lists[*list].content {
                    ListContent::Known(prefixes) => self.add_prefixes(prefixes, id),
                    ListContent::Unread(candidates) => {
                        self.add_prefixes(&candidates.prefixes(), id);
                    }
                },
                Peer::Members(guard) => {
                    self.by_member.entry(*guard).or_default().push(id);
                    self.with_members.push(id);
                }
            }
        }
    }

    fn add_prefixes(&mut self, prefixes: &[Prefix], id: LayersId) {
        for prefix in prefixes {
            self.prefix_lengths.insert(prefix.len());
            self.by_prefix.entry(*prefix).or_default().push(id);
        }
    }

    /// The restricted lists of layers that could accept anything of what they see.
    fn candidates(&self, network: &Network, seen: Seen) -> BTreeSet<LayersId> {
        if self.restricted.is_empty() {
            return BTreeSet::new();
        }
        let mut found: BTreeSet<LayersId> = self.always.iter().copied().collect();
        if let Some(address) = seen.address {
            for prefix in self.prefixes_of(address) {
                found.extend(self.by_prefix.get(&prefix).into_iter().flatten());
            }
        }
        if let Some(member) = seen.member {
            let layers = &network.endpoints[member].layers;
            for layer in layers {
                let layer = &network.layers[*layer];
                if !layer.complete {
                    found.extend(&self.with_members);
                }
                for guard in &layer.guards {
                    found.extend(self.by_member.get(guard).into_iter().flatten());
                }
            }
        }
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
        let mut pieces: Vec<Run<BoundsId>> = self.open.clone();
        for (layers, value) in &key {
            let runs = self.restricted.get(layers).into_iter().flatten();
            pieces.extend(runs.map(|run| Run { start: run.start, end: run.end, value: *value }));
        }
        pieces.sort_unstable_by_key(|run| run.start);
        let mut runs = Vec::new();
        for piece in pieces {
            push(&mut runs, piece.start, piece.end, piece.value);
        }
        let id = u32::try_from(self.functions.len()).unwrap_or(u32::MAX);
        self.functions.push(runs.into());
        self.ids.insert(key, id);
        id
    }
}
