//! Pairs that are no question: an attachment to a network that nothing leads to from the other end.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use watertight_model::Network;
use watertight_model::network::{EndpointId, GatewayKind, RealmId};
use watertight_reach::{OutsideBy, Start, Target};

/// Realms of further attachments, to which no way leads from elsewhere.
#[derive(Debug)]
pub(super) struct Apart<'n> {
    network: &'n Network,
    /// The realm of each address that is asked about, where some are in a realm of this kind.
    realms: BTreeMap<IpAddr, RealmId>,
}

impl<'n> Apart<'n> {
    /// Between whatever of a network and these targets.
    pub(super) fn of(network: &'n Network, targets: &[Target]) -> Self {
        let mut realms = BTreeMap::new();
        if network.realms.values().any(|realm| realm.further) {
            let asked: BTreeSet<IpAddr> = targets.iter().filter_map(address_of).collect();
            for endpoint in network.endpoints.values() {
                let Some(subnet) = endpoint.subnet else { continue };
                let own = endpoint.addresses.iter().filter(|address| asked.contains(*address));
                realms.extend(own.map(|address| (*address, network.subnets[subnet].realm)));
            }
        }
        Self { network, realms }
    }

    /// Whether one is in such a realm and the other somewhere else in the estate.
    pub(super) fn are(&self, start: &Start, target: &Target) -> bool {
        let to = address_of(target).and_then(|address| self.realms.get(&address));
        let Some(to) = to.copied() else { return false };
        let is_further = |realm: RealmId| self.network.realms[realm].further;
        match self.realm_of(start) {
            Some(from) => from != to && (is_further(from) || is_further(to)),
            None => is_further(to),
        }
    }

    fn realm_of(&self, start: &Start) -> Option<RealmId> {
        let of_endpoint = |id: EndpointId| {
            let subnet = self.network.endpoints[id].subnet?;
            Some(self.network.subnets[subnet].realm)
        };
        match start {
            Start::Endpoint { endpoint, .. } => of_endpoint(*endpoint),
            Start::Outside { by: OutsideBy::Gateway(id), .. } => {
                let kind = &self.network.gateways[*id].kind;
                let GatewayKind::Surroundings { realm } = kind else { return None };
                Some(*realm)
            }
            Start::Realm(realm) => Some(*realm),
            Start::Subnet { subnet, .. } => Some(self.network.subnets[*subnet].realm),
            Start::Internet { .. } | Start::Outside { .. } | Start::Unaddressed { .. } => None,
        }
    }
}

fn address_of(target: &Target) -> Option<IpAddr> {
    match target {
        Target::Address(address) => Some(*address),
        Target::Unaddressed { .. } => None,
    }
}
