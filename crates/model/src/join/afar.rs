//! Whom a cluster's selectors mean where its nodes are in several networks.
//!
//! A network plugin knows pods by their addresses, wherever packets have come from. References to members
//! hold within one network, and across others as the provider has it for its groups: so every rule that
//! refers to pods gets one beside it that means them by address.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use watertight_net::{AddressSet, Prefix};

use crate::network::{
    AddressList, EndpointId, GuardId, LayerId, ListContent, ListId, Peer, RealmId, Rule, Stage,
};
use crate::{Name, Network};

/// The guards of some layers.
pub(super) fn guards(
    network: &Network,
    layers: impl Iterator<Item = LayerId>,
) -> BTreeSet<GuardId> {
    layers.flat_map(|layer| network.layers[layer].guards.iter().copied()).collect()
}

/// Lets rules of a cluster's guards mean pods by address too, where pods are in several networks.
pub(super) fn add(network: &mut Network, own: &BTreeSet<GuardId>, pods: &BTreeSet<EndpointId>) {
    let realms: BTreeSet<RealmId> = pods.iter().filter_map(|pod| realm_of(network, *pod)).collect();
    if realms.len() < 2 {
        return;
    }
    let mut members: BTreeMap<GuardId, BTreeSet<IpAddr>> = BTreeMap::new();
    for pod in pods {
        let endpoint = &network.endpoints[*pod];
        for guard in guards(network, endpoint.layers.iter().copied()).intersection(own) {
            members.entry(*guard).or_default().extend(&endpoint.addresses);
        }
    }
    let mut lists: BTreeMap<GuardId, Vec<ListId>> = BTreeMap::new();
    for (guard, addresses) in members {
        lists.insert(guard, by_address(network, guard, &addresses));
    }
    for guard in own {
        let content = &mut network.guards[*guard];
        for stage in content.ingress.iter_mut().chain(&mut content.egress) {
            extend(stage, &lists);
        }
    }
}

/// Puts rules for addresses behind those for members: for what the same rule says, and before the next.
fn extend(stage: &mut Stage, lists: &BTreeMap<GuardId, Vec<ListId>>) {
    let mut rules = Vec::with_capacity(stage.rules.len());
    for rule in stage.rules.drain(..) {
        let members = match &rule.peer {
            Peer::Members(guard) => lists.get(guard),
            Peer::Any | Peer::Prefix(_) | Peer::List(_) | Peer::Unread(_) => None,
        };
        let more: Vec<Rule> = members
            .into_iter()
            .flatten()
            .map(|list| Rule { peer: Peer::List(*list), ..rule.clone() })
            .collect();
        rules.push(rule);
        rules.extend(more);
    }
    stage.rules = rules.into();
}

/// Lists of addresses: those that are in one network alone mean pods for sure, those that others could
/// have as well perhaps.
fn by_address(network: &mut Network, guard: GuardId, addresses: &BTreeSet<IpAddr>) -> Vec<ListId> {
    let is_shared = |address: &IpAddr| {
        let holds = |prefixes: &[Prefix]| prefixes.iter().any(|prefix| prefix.contains(*address));
        network.realms.values().filter(|realm| holds(&realm.prefixes)).count() > 1
    };
    let (shared, alone): (Vec<IpAddr>, Vec<IpAddr>) =
        addresses.iter().copied().partition(is_shared);
    let set = |those: Vec<IpAddr>| AddressSet::from_prefixes(those.into_iter().map(Prefix::host));
    let title = network.guards[guard].title.clone();
    let mut found = Vec::new();
    if !alone.is_empty() {
        let name = Name::from(format!("{title}, by address"));
        let content = ListContent::Known(set(alone).prefixes());
        found.push(network.lists.push(AddressList { name, content, origin: None }));
    }
    if !shared.is_empty() {
        let name = Name::from(format!("{title}, at addresses that several networks have"));
        let content = ListContent::Unread(set(shared));
        found.push(network.lists.push(AddressList { name, content, origin: None }));
    }
    found
}

fn realm_of(network: &Network, endpoint: EndpointId) -> Option<RealmId> {
    network.endpoints[endpoint].subnet.map(|subnet| network.subnets[subnet].realm)
}
