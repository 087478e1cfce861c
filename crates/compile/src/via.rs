//! Fronts that keep their clients' addresses: they end no leg, and guards stand at them all the same.

use std::collections::{BTreeMap, BTreeSet};

use watertight_model::network::{EndpointId, FrontId, TargetEnd};
use watertight_model::{Estate, Name, Network};
use watertight_net::{AddressSet, Family, FlowSet, PortSet, Protocol};

/// One way through such a front: who dials an attachment of it gets to a target.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Via {
    pub(crate) front: FrontId,
    /// Those that lead to the target: where the front crosses no zones, those of its zone.
    pub(crate) attachments: Vec<EndpointId>,
    pub(crate) target: EndpointId,
    listener: FlowSet,
    port: u16,
    /// That of the target's address: what comes in the other family is translated, and ends at the
    /// front.
    family: Family,
}

/// All of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Vias {
    pub(crate) list: Vec<Via>,
    fronts: BTreeMap<EndpointId, FrontId>,
    targets: BTreeSet<EndpointId>,
}

impl Vias {
    pub(crate) fn new(estate: &Estate) -> Self {
        let network = &estate.network;
        let mut found = Self::default();
        for (id, front) in network.fronts.iter() {
            for listener in &front.listeners {
                let groups = listener.target_groups.iter();
                let groups = groups.filter_map(|id| network.target_groups.get(*id));
                let groups = groups.filter(|one| one.preserves_source);
                let targets =
                    groups.flat_map(|group| group.targets.iter().map(move |one| (group, one)));
                for (group, target) in targets {
                    let (TargetEnd::Endpoint(endpoint, address), Some(port)) =
                        (&target.end, target.port)
                    else {
                        continue;
                    };
                    found.fronts.extend(front.endpoints.iter().map(|endpoint| (*endpoint, id)));
                    found.targets.insert(*endpoint);
                    let crosses = group.cross_zone.unwrap_or(front.cross_zone);
                    let leads = |one: &&EndpointId| {
                        crosses || zone_of(network, **one) == zone_of(network, *endpoint)
                    };
                    found.list.push(Via {
                        front: id,
                        attachments: front.endpoints.iter().filter(leads).copied().collect(),
                        target: *endpoint,
                        listener: listener.flows.clone(),
                        port,
                        family: Family::of(*address),
                    });
                }
            }
        }
        found
    }

    /// Whether an endpoint is an attachment of such a front: what names it as a group at a target
    /// would admit each of its clients.
    pub(crate) fn is_front(&self, endpoint: EndpointId) -> bool {
        self.fronts.contains_key(&endpoint)
    }

    /// The front of which an endpoint is an attachment.
    pub(crate) fn front_of(&self, endpoint: EndpointId) -> Option<FrontId> {
        self.fronts.get(&endpoint).copied()
    }

    /// Whether what comes to an endpoint may come through such a front, across which no reference
    /// to the client's group holds.
    pub(crate) fn is_target(&self, endpoint: EndpointId) -> bool {
        self.targets.contains(&endpoint)
    }
}

fn zone_of(network: &Network, endpoint: EndpointId) -> Option<&Name> {
    let subnet = network.endpoints.get(endpoint)?.subnet?;
    Some(&network.subnets.get(subnet)?.zone)
}

impl Via {
    /// The addresses that keep their place on the way through the front: those of its target's family.
    pub(crate) fn kept(&self, addresses: &AddressSet) -> AddressSet {
        addresses.of_family(self.family)
    }

    /// What the target gets of what a client is allowed to send the front itself.
    pub(crate) fn forwarded(&self, to_front: &FlowSet) -> FlowSet {
        let dialled = self.listener.intersection(to_front);
        let sent = [Protocol::TCP, Protocol::UDP]
            .into_iter()
            .filter(|protocol| dialled.intersects(&FlowSet::protocol(*protocol)));
        let at = |one| FlowSet::ports(one, PortSet::full(), PortSet::single(self.port));
        sent.fold(FlowSet::none(), |all, one| all.union(&at(one)))
    }

    /// What a client sends to the front so that what the target gets is within `allowed`.
    pub(crate) fn dialled(&self, allowed: &FlowSet) -> FlowSet {
        let mut dialled = FlowSet::none();
        for protocol in [Protocol::TCP, Protocol::UDP] {
            let at = FlowSet::ports(protocol, PortSet::full(), PortSet::single(self.port));
            if allowed.contains(&at) {
                let of = self.listener.intersection(&FlowSet::protocol(protocol));
                dialled = dialled.union(&of);
            }
        }
        dialled
    }
}
