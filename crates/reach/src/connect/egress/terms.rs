//! What a list of layers lets out, by how its rules name targets.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::net::IpAddr;

use rustc_hash::FxHashSet;
use watertight_model::Network;
use watertight_model::network::{Action, Direction, GuardId, LayerId, ListId, Peer, StageDefault};
use watertight_net::{Family, Prefix};

use super::super::accepting::Accepting;
use super::super::positions::{LayersId, is_in};
use super::super::sets::{BoundsId, Sets};
use super::super::targets::Target;
use crate::transparent::{could_accept_family, rules};

/// How rules name a target.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(in crate::connect) enum Name {
    /// By a guard that it has.
    Member(GuardId),
    /// By its address.
    Prefix(Prefix),
    /// By a list that its address is in.
    List(ListId),
}

/// What rules for one peer add to what a list of layers accepts.
pub(super) type Part = (LayersId, BoundsId);

/// The targets that are asked about, where these are few: by their addresses, and by their guards.
#[derive(Debug, Default)]
pub(in crate::connect) struct Meant {
    /// Ascending.
    addresses: Vec<(IpAddr, ())>,
    guards: FxHashSet<GuardId>,
}

impl Meant {
    pub(in crate::connect) fn new<'t>(
        network: &Network,
        targets: impl Iterator<Item = &'t Target>,
    ) -> Self {
        let mut found = Self::default();
        for target in targets {
            found.addresses.push((target.address, ()));
            let Some(endpoint) = target.endpoint else { continue };
            let layers = network.endpoints[endpoint].layers.iter();
            found.guards.extend(layers.flat_map(|layer| &network.layers[*layer].guards));
        }
        found.addresses.sort_unstable();
        found
    }

    /// Whether a rule's peer may be one of them.
    fn may_be(&self, peer: &Peer) -> bool {
        match peer {
            Peer::Any | Peer::List(_) | Peer::Unread(_) => true,
            Peer::Prefix(prefix) => is_in(&self.addresses, *prefix),
            Peer::Members(guard) => self.guards.contains(guard),
        }
    }
}

/// What a list of layers lets out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Terms {
    /// What it accepts of anybody, where what it accepts of others is what is added by their parts;
    /// none where it has to be asked.
    pub(super) base: Option<BoundsId>,
    /// What rules for each name add.
    pub(super) parts: Vec<(Name, BoundsId)>,
    /// Whether it is asked whoever the target is.
    pub(super) always: bool,
    /// Whether a rule refers to members.
    pub(super) with_members: bool,
}

impl Terms {
    pub(super) fn of(
        network: &Network,
        layers: &[LayerId],
        (family, meant): (Family, Option<&Meant>),
        sets: &mut Sets,
    ) -> Self {
        let mut found = Self { base: None, parts: Vec::new(), always: false, with_members: false };
        let could =
            |layer: &LayerId| could_accept_family(network, *layer, Direction::Egress, family);
        if !layers.iter().all(could) {
            found.base = Some(BoundsId::NONE);
            return found;
        }
        let members = Cell::new(false);
        let is_meant = |peer: &Peer| {
            members.set(members.get() || matches!(peer, Peer::Members(_)));
            meant.is_none_or(|meant| meant.may_be(peer))
        };
        match Accepting::of(network, layers, (Direction::Egress, &is_meant), sets) {
            Some(simple) => {
                found.base = Some(simple.always);
                found.with_members = members.get();
                for (peer, part) in &simple.by_peer {
                    found.add_peer(peer, *part);
                }
            }
            None => found.add(network, layers),
        }
        found
    }

    /// What it lets out to whoever is not named.
    pub(super) fn to_anybody(&self) -> BoundsId {
        self.base.unwrap_or(BoundsId::NONE)
    }

    /// The names for which what is let out may be another than by other terms.
    pub(super) fn differing(&self, other: &Self) -> BTreeSet<Name> {
        if self.base.is_none() || self.base != other.base {
            // What its rules say is not in the parts, or what the parts are added to is another.
            return self.parts.iter().chain(&other.parts).map(|(name, _)| *name).collect();
        }
        let own: BTreeSet<&(Name, BoundsId)> = self.parts.iter().collect();
        let others: BTreeSet<&(Name, BoundsId)> = other.parts.iter().collect();
        own.symmetric_difference(&others).map(|(name, _)| *name).collect()
    }

    /// Notes for which targets a list of layers could accept anything: by the first of its layers.
    fn add(&mut self, network: &Network, layers: &[LayerId]) {
        let Some(first) = layers.first() else { return };
        let layer = &network.layers[*first];
        let could_by_default = layer.guards.iter().any(|guard| {
            let stage = network.guards[*guard].stages(Direction::Egress).first();
            stage.is_none_or(|stage| stage.default != StageDefault::Deny)
        });
        if could_by_default {
            self.always = true;
            return;
        }
        for (peer, action) in rules(network, layer, Direction::Egress) {
            if action != Action::Deny {
                self.add_peer(peer, BoundsId::NONE);
            }
        }
    }

    fn add_peer(&mut self, peer: &Peer, part: BoundsId) {
        match peer {
            Peer::Any | Peer::Unread(_) => self.always = true,
            Peer::Prefix(prefix) => self.parts.push((Name::Prefix(*prefix), part)),
            Peer::List(list) => self.parts.push((Name::List(*list), part)),
            Peer::Members(guard) => {
                self.parts.push((Name::Member(*guard), part));
                self.with_members = true;
            }
        }
    }
}
