//! What a change of a policy reaches, and what of an earlier proof holds after it.
//!
//! What is said of two ends follows from what the policy says of them, from their guards, and from those on the way
//! between them. Where none of that changed it is what was said before, so that a proof after a change looks at pairs
//! with an end that was touched, and takes over the others.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;
use watertight_model::network::{EndpointId, GatewayKind, GuardId, Hop, LayerId, TargetEnd};
use watertight_model::{Name, Network};
use watertight_net::{AddressSet, Prefix};
use watertight_reach::{OutsideBy, Start};

use super::gather::Pairwise;
use super::told::{Party, PartyWho, Told};
use crate::compiler::Compiled;
use crate::intent::{Intent, KindId, Moved};

/// What was said in a proof, and of whom.
pub(crate) struct Former {
    parties: Vec<Party>,
    found: Pairwise,
    /// Whether some of it was said in the proof before that.
    pub(crate) is_taken_over: bool,
}

impl Former {
    pub(super) const fn new(parties: Vec<Party>, found: Pairwise, is_taken_over: bool) -> Self {
        Self { parties, found, is_taken_over }
    }

    /// Tells rules of which it speaks where they stand now.
    pub(crate) fn move_rules(&mut self, moved: &Moved) {
        self.found.move_rules(moved);
    }
}

/// The endpoints about which something may be otherwise than before, by their ids in the estate that is there.
#[derive(Debug)]
pub(crate) struct Touched(BTreeSet<EndpointId>);

impl Touched {
    /// Those of which the policy says other things, those who carry groups for which it does, and those of an estate after
    /// the plan who have a guard with other rules; with whoever is behind one of them. `is_kind` and `is_identity` tell
    /// the first.
    ///
    /// Nothing, where a guard with other rules stands on ways between others, so that it cannot be told who is touched.
    pub(crate) fn new(
        (intent, compiled): (&Intent<'_>, &Compiled),
        (is_kind, is_identity): (impl Fn(usize) -> bool, impl Fn(usize) -> bool),
        after: &[(&Network, &BTreeSet<GuardId>)],
    ) -> Option<Self> {
        let network = &intent.estate().network;
        if !after.iter().all(|(after, _)| has_same_ids(network, after)) {
            return None;
        }
        let is_meant = |id: &EndpointId| {
            let identity = compiled.identities.guarding(*id);
            is_kind(intent.kind_of(*id)) || identity.is_some_and(&is_identity)
        };
        let mut found: BTreeSet<EndpointId> = network.endpoints.ids().filter(is_meant).collect();
        for (network, changed) in after {
            found.extend(guarded(network, changed)?);
        }
        with_behind(network, &mut found);
        Some(Self(found))
    }
}

/// Whether endpoints have the same ids in both.
fn has_same_ids(one: &Network, other: &Network) -> bool {
    let mut pairs = one.endpoints.values().zip(other.endpoints.values());
    one.endpoints.len() == other.endpoints.len() && pairs.all(|(one, other)| one.name == other.name)
}

/// The endpoints that have one of some guards; nothing, where one of these is met by others on their way.
fn guarded(network: &Network, guards: &BTreeSet<GuardId>) -> Option<BTreeSet<EndpointId>> {
    let layers = network.layers.iter();
    let layers = layers.filter(|(_, layer)| layer.guards.iter().any(|one| guards.contains(one)));
    let layers: BTreeSet<LayerId> = layers.map(|(id, _)| id).collect();
    let has = |own: &[LayerId]| own.iter().any(|layer| layers.contains(layer));
    if network.subnets.values().any(|subnet| has(&subnet.layers)) {
        return None;
    }
    let endpoints = network.endpoints.iter().filter(|(_, one)| has(&one.layers));
    let found: BTreeSet<EndpointId> = endpoints.map(|(id, _)| id).collect();
    let hops = network.tables.values().flat_map(|table| &table.routes);
    let hops = hops.filter_map(|route| match route.hop {
        Hop::Endpoint(endpoint) => Some(endpoint),
        _ => None,
    });
    let gateways = network.gateways.values().filter_map(|gateway| match gateway.kind {
        GatewayKind::SourceNat { endpoint, .. }
        | GatewayKind::Service { endpoint }
        | GatewayKind::Inspection { endpoint } => Some(endpoint),
        _ => None,
    });
    let is_on_the_way = hops.chain(gateways).any(|endpoint| found.contains(&endpoint));
    (!is_on_the_way).then_some(found)
}

/// Adds whom a front leads to and its other attachments, and guests of a machine: what passes between others and these
/// passes guards of one of them.
fn with_behind(network: &Network, found: &mut BTreeSet<EndpointId>) {
    loop {
        let before = found.len();
        for front in network.fronts.values() {
            let groups = front.listeners.iter().flat_map(|listener| &listener.target_groups);
            let groups = groups.filter_map(|id| network.target_groups.get(*id));
            let targets = groups.flat_map(|group| &group.targets);
            let behind = targets.flat_map(|target| match &target.end {
                TargetEnd::Endpoint(endpoint, _) => std::slice::from_ref(endpoint),
                TargetEnd::Front(id) => {
                    network.fronts.get(*id).map_or(&[][..], |front| &front.endpoints)
                }
                TargetEnd::Address(_) | TargetEnd::Workload(_) | TargetEnd::Unread(_) => &[],
            });
            let all: Vec<EndpointId> = front.endpoints.iter().chain(behind).copied().collect();
            if all.iter().any(|endpoint| found.contains(endpoint)) {
                found.extend(all);
            }
        }
        let guests = network.uplinks.iter().filter(|(_, uplink)| found.contains(&uplink.by));
        let guests: Vec<EndpointId> = guests.map(|(guest, _)| *guest).collect();
        found.extend(guests);
        if found.len() == before {
            return;
        }
    }
}

/// Who a party is, without who stands in for it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Whose<'p> {
    Endpoints(&'p [EndpointId], KindId),
    Outside(&'p AddressSet, &'p Name, Option<OutsideBy>),
    Vacant(&'p Name, Prefix, &'p AddressSet),
}

impl<'p> Whose<'p> {
    fn of(party: &'p Party) -> Self {
        match &party.who {
            PartyWho::Endpoints(members, kind) => Self::Endpoints(members, *kind),
            // Several networks outside may have one name: what leads to them tells them apart.
            PartyWho::Outside(addresses, name) => match party.start {
                Some(Start::Outside { by, .. }) => Self::Outside(addresses, name, Some(by)),
                _ => Self::Outside(addresses, name, None),
            },
            PartyWho::Vacant(vacancy, _) => {
                Self::Vacant(&vacancy.subnet, vacancy.prefix, &vacancy.addresses)
            }
        }
    }
}

/// Whom a proof is about, and who the others were before.
pub(super) struct About {
    /// By party, whether what it sends and is sent is looked at.
    parties: Vec<bool>,
    /// The numbers of parties that stay, by their numbers before.
    now: Vec<Option<u32>>,
}

impl About {
    /// What is to be looked at: parties with somebody who was touched, and those that were not told apart so before. With
    /// what was found before. Nothing, where that is most of all.
    pub(super) fn new(former: Former, touched: &Touched, told: &Told) -> Option<(Self, Pairwise)> {
        let Former { parties, found, .. } = former;
        let before: FxHashMap<Whose<'_>, &Party> =
            parties.iter().map(|party| (Whose::of(party), party)).collect();
        if before.len() != parties.len() {
            return None;
        }
        let mut now = vec![None; parties.len()];
        let mut about = Vec::with_capacity(told.parties.len());
        for party in &told.parties {
            let is_touched = match &party.who {
                PartyWho::Endpoints(members, _) => members.iter().any(|id| touched.0.contains(id)),
                PartyWho::Outside(..) | PartyWho::Vacant(..) => false,
            };
            let same = before.get(&Whose::of(party)).filter(|one| {
                one.is_governed == party.is_governed && one.identity == party.identity
            });
            let stays = same.filter(|_| !is_touched);
            about.push(stays.is_none());
            if let Some(slot) = stays.and_then(|one| now.get_mut(one.number)) {
                *slot = u32::try_from(party.number).ok();
            }
        }
        let many = about.iter().filter(|is_about| **is_about).count();
        (many.saturating_mul(2) < about.len()).then_some((Self { parties: about, now }, found))
    }

    /// By party.
    pub(super) fn parties(&self) -> &[bool] {
        &self.parties
    }

    pub(super) fn is_about(&self, party: usize) -> bool {
        self.parties.get(party).copied().unwrap_or(true)
    }

    /// The number that a party of before has now, if it stays.
    pub(super) fn now(&self, party: u32) -> Option<u32> {
        usize::try_from(party).ok().and_then(|place| self.now.get(place)).copied().flatten()
    }
}
