//! What the guards of senders and receivers accept of each other, as functions of the position.
//!
//! Positions for which the same rules match are found by sorting the ends of the rules' peers; the
//! guards are then asked once for each combination of matching rules.

use std::collections::BTreeSet;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use watertight_model::network::{Direction, FrontId, LayerId, Peer};
use watertight_model::{Bounds, Network};
use watertight_net::{Family, FlowSet};

use super::accepting::Accepting;
use super::partition::Partitions;
use super::positions::{LayerLists, LayersId, Position, Positions, Shown, place};
use super::sets::{BoundsId, Sets};
use crate::guards::layer_accepts;
use crate::path::Seen;
use crate::runs::{Run, push};
use crate::transparent::{is_open, rules};

/// How a guard that packets come in by sees their senders.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
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
    known: FxHashMap<LayersId, FxHashMap<View, Accepts>>,
    /// What is left of each list of layers without those that accept everything.
    closed: FxHashMap<LayersId, LayersId>,
    open: Opens,
    partitions: Partitions,
}

impl Ingress {
    /// What layers none of which accepts everything accept together.
    pub(super) fn of_closed(
        &mut self,
        network: &Network,
        lists: &mut LayerLists,
        positions: &mut Positions,
        sets: &mut Sets,
        (layers, view): (LayersId, View),
    ) -> Accepts {
        if let Some(known) = self.known.get(&layers).and_then(|known| known.get(&view)) {
            return Arc::clone(known);
        }
        let found = match lists.get(layers).to_vec().as_slice() {
            // Many receivers share a layer that few share all of: each is asked by itself.
            [first, rest @ ..] if !rest.is_empty() => {
                let mut one = |layer: LayerId| {
                    let alone = lists.intern(&[layer]);
                    self.of_closed(network, lists, positions, sets, (alone, view))
                };
                let first = one(*first);
                let rest: Vec<Accepts> = rest.iter().map(|layer| one(*layer)).collect();
                rest.iter().fold(first, |met, more| both(&met, more, sets))
            }
            all => asked(network, all, view, (positions, &mut self.partitions), sets),
        };
        self.known.entry(layers).or_default().insert(view, Arc::clone(&found));
        found
    }

    /// Forgets what layers accept whose rules have changed.
    pub(super) fn forget(&mut self, lists: &LayerLists, changed: &BTreeSet<LayerId>) {
        for layer in changed {
            for layers in lists.with(*layer) {
                self.known.remove(layers);
                self.closed.remove(layers);
            }
            for family in [Family::V4, Family::V6] {
                for direction in [Direction::Ingress, Direction::Egress] {
                    self.open.known.remove(&(*layer, direction, family));
                }
            }
        }
    }

    /// The layers of a list that do not accept everything: lists with the same answer the same way.
    pub(super) fn closed(
        &mut self,
        network: &Network,
        lists: &mut LayerLists,
        layers: LayersId,
    ) -> LayersId {
        if let Some(known) = self.closed.get(&layers) {
            return *known;
        }
        let all = lists.get(layers).to_vec();
        let rest: Vec<LayerId> = all
            .into_iter()
            .filter(|layer| {
                let mut families = [Family::V4, Family::V6].into_iter();
                !families
                    .all(|family| self.open.is_open(network, *layer, Direction::Ingress, family))
            })
            .collect();
        let closed = lists.intern(&rest);
        self.closed.insert(layers, closed);
        closed
    }
}

/// What two functions both let through.
fn both(one: &Accepts, other: &Accepts, sets: &mut Sets) -> Accepts {
    let mut met = Vec::new();
    let (mut ones, mut others) = (one.iter().peekable(), other.iter().peekable());
    while let (Some(a), Some(b)) = (ones.peek(), others.peek()) {
        let (start, end) = (a.start.max(b.start), a.end.min(b.end));
        if start < end {
            let value = sets.meet(a.value, b.value);
            if value != BoundsId::NONE {
                push(&mut met, start, end, value);
            }
        }
        if a.end <= b.end {
            ones.next();
        } else {
            others.next();
        }
    }
    met.into()
}

/// Which layers accept everything, as far as it was asked for.
#[derive(Debug, Default)]
pub(super) struct Opens {
    known: FxHashMap<(LayerId, Direction, Family), bool>,
}

impl Opens {
    pub(super) fn is_open(
        &mut self,
        network: &Network,
        layer: LayerId,
        direction: Direction,
        family: Family,
    ) -> bool {
        let known = self.known.entry((layer, direction, family));
        *known.or_insert_with(|| is_open(network, layer, direction, family))
    }

    /// Whether layers with other rules accept everything where they did not, or the other way round.
    pub(super) fn differ(
        &self,
        network: &Network,
        changed: &BTreeSet<LayerId>,
        direction: Direction,
    ) -> bool {
        changed.iter().any(|layer| {
            [Family::V4, Family::V6].into_iter().any(|family| {
                let known = self.known.get(&(*layer, direction, family));
                known.is_some_and(|was| *was != is_open(network, *layer, direction, family))
            })
        })
    }
}

/// Asks layers once for every combination of rules that positions match.
fn asked(
    network: &Network,
    layers: &[LayerId],
    view: View,
    (positions, partitions): (&mut Positions, &mut Partitions),
    sets: &mut Sets,
) -> Accepts {
    let peers = peer_runs(network, layers, view, positions);
    let simple = view.front.is_none().then(|| {
        let is_meant = |peer: &Peer| positions.may_be_meant(peer);
        Accepting::of(network, layers, (Direction::Ingress, &is_meant), sets)
    });
    let simple = simple.flatten().map(|simple| simple.at(&peers, sets));
    let partition = partitions.of(&peers, view, positions);
    let alike = partition.alike.iter();
    let values: Vec<BoundsId> = alike
        .map(|one| match (&simple, positions.get(one.sample)) {
            (Some(simple), _) => simple.accepted(&one.matching, sets),
            (None, Some(sender)) => {
                sets.intern(accepted(network, layers, Direction::Ingress, seen(sender, view)))
            }
            (None, None) => BoundsId::NONE,
        })
        .collect();
    let mut found: Vec<Run<BoundsId>> = Vec::new();
    for piece in &partition.pieces {
        if let Some(value) = values.get(place(piece.value))
            && *value != BoundsId::NONE
        {
            push(&mut found, piece.start, piece.end, *value);
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

/// A peer with the positions that it means or may mean; no peer for those that are in doubt.
pub(super) type PeerRuns<'n> = (Option<&'n Peer>, Arc<[Run<()>]>);

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
        .filter(|peer| positions.may_be_meant(peer))
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
                found.push((Some(peer), positions.in_list(network, *list, view.shown)));
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
