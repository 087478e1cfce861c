//! An estate as decisions see it.

use watertight_model::network::{EndpointId, Front};
use watertight_model::{ArenaId, Estate, Name, Network};
use watertight_net::{FlowSet, PortSet, Protocol};

use crate::decide::world::{FrontLegs, ListenerLegs, Member, Place, TargetLegs, World};

impl World {
    /// The workloads, fronts and services of an estate. Workloads keep their places.
    ///
    /// Where the input does not name the service behind an address in `service_space`, a rule about one
    /// that it does not name may match it.
    pub fn of_estate(estate: &Estate) -> Self {
        let network = &estate.network;
        let workloads = estate.workloads.values().map(|workload| {
            let endpoints = || workload.endpoints.iter().copied();
            let subnets = endpoints().filter_map(|id| network.endpoints.get(id)?.subnet);
            let subnets = subnets.filter_map(|id| network.subnets.get(id));
            Member {
                id: workload.id.clone(),
                name: workload.name.clone(),
                account: workload.account.clone(),
                subnets: subnets.flat_map(|one| [one.name.clone(), one.title.clone()]).collect(),
                labels: workload.labels.clone(),
                places: endpoints().flat_map(|id| Place::of_endpoint(network, id)).collect(),
            }
        });
        Self {
            workloads: workloads.collect(),
            fronts: network.fronts.values().map(|front| front_legs(network, front)).collect(),
            services: network.services.clone(),
            service_space: network.service_space.clone(),
        }
    }
}

impl Place {
    /// The addresses of an endpoint: its own, in its realm, and then its public ones.
    pub fn of_endpoint(network: &Network, id: EndpointId) -> Vec<Self> {
        let Some(endpoint) = network.endpoints.get(id) else { return Vec::new() };
        let subnet = endpoint.subnet.and_then(|id| network.subnets.get(id));
        let realm = subnet.and_then(|subnet| network.realms.get(subnet.realm));
        let name: Option<Name> = realm.map(|realm| realm.name.clone());
        let own = endpoint.addresses.iter();
        let own = own.map(|address| Self { network: name.clone(), address: *address });
        let public = endpoint.public.iter();
        own.chain(public.map(|(_, outer)| Self { network: None, address: *outer })).collect()
    }
}

/// The legs of a front. Targets that see their clients' addresses end no leg of theirs.
fn front_legs(network: &Network, front: &Front) -> FrontLegs {
    let mut listeners = Vec::new();
    let mut health: Vec<TargetLegs> = Vec::new();
    for listener in &front.listeners {
        let mut targets = Vec::new();
        let groups = listener.target_groups.iter().filter_map(|id| network.target_groups.get(*id));
        for group in groups.filter(|group| !group.preserves_source) {
            for target in &group.targets {
                let Some(workload) = target.end.workload(network) else { continue };
                let workload = workload.index();
                let flows = target.sent(&listener.flows);
                if let Some(port) = target.health_port {
                    health.push(TargetLegs { workload, flows: to_port(Protocol::TCP, port) });
                }
                targets.push(TargetLegs { workload, flows });
            }
        }
        listeners.push(ListenerLegs { flows: listener.flows.clone(), targets });
    }
    FrontLegs { workload: front.workload.index(), listeners, health }
}

fn to_port(protocol: Protocol, port: u16) -> FlowSet {
    if protocol.has_ports() {
        FlowSet::ports(protocol, PortSet::full(), PortSet::single(port))
    } else {
        FlowSet::none()
    }
}
