//! Taking endpoints and workloads out of an estate.

use std::collections::BTreeSet;

use crate::network::{
    EndpointId, EndpointRole, GatewayKind, Hop, Origin, TargetEnd, Unaddressed, Uplink,
};
use crate::{Arena, ArenaId, Estate, Power, WorkloadId};

/// New ids for old ones; none for what is gone.
#[derive(Debug)]
struct Renumbered<I>(Vec<Option<I>>);

impl<I: ArenaId> Renumbered<I> {
    /// Takes elements out of an arena.
    fn without<T>(arena: &mut Arena<I, T>, gone: &BTreeSet<I>) -> Self {
        let mut kept = Arena::new();
        let mut new = Vec::with_capacity(arena.len());
        for (id, item) in std::mem::take(arena).into_entries() {
            new.push((!gone.contains(&id)).then(|| kept.push(item)));
        }
        *arena = kept;
        Self(new)
    }

    fn get(&self, id: I) -> Option<I> {
        self.0.get(id.index()).copied().flatten()
    }

    fn change(&self, id: &mut I) {
        if let Some(new) = self.get(*id) {
            *id = new;
        }
    }

    fn change_all(&self, ids: &mut Vec<I>) {
        *ids = ids.iter().filter_map(|id| self.get(*id)).collect();
    }
}

/// Takes out endpoints and workloads that nothing else in the estate leads to.
pub(super) fn remove(
    estate: &mut Estate,
    endpoints: &BTreeSet<EndpointId>,
    workloads: &BTreeSet<WorkloadId>,
) {
    if !endpoints.is_empty() {
        let new = Renumbered::without(&mut estate.network.endpoints, endpoints);
        change_endpoints(estate, &new);
    }
    if !workloads.is_empty() {
        let new = Renumbered::without(&mut estate.workloads, workloads);
        change_workloads(estate, &new);
    }
}

fn change_endpoints(estate: &mut Estate, new: &Renumbered<EndpointId>) {
    for (_, workload) in estate.workloads.iter_mut() {
        new.change_all(&mut workload.endpoints);
    }
    let network = &mut estate.network;
    for (_, table) in network.tables.iter_mut() {
        for route in &mut table.routes {
            if let Hop::Endpoint(id) = &mut route.hop {
                new.change(id);
            }
        }
    }
    for (_, gateway) in network.gateways.iter_mut() {
        match &mut gateway.kind {
            GatewayKind::SourceNat { endpoint, .. }
            | GatewayKind::Service { endpoint }
            | GatewayKind::Inspection { endpoint } => new.change(endpoint),
            GatewayKind::Internet { .. }
            | GatewayKind::EgressOnly { .. }
            | GatewayKind::Peering { .. }
            | GatewayKind::Transit
            | GatewayKind::Tunnel { .. }
            | GatewayKind::Surroundings { .. }
            | GatewayKind::Opaque(_) => {}
        }
    }
    for (_, front) in network.fronts.iter_mut() {
        new.change_all(&mut front.endpoints);
    }
    for (_, group) in network.target_groups.iter_mut() {
        for target in &mut group.targets {
            if let TargetEnd::Endpoint(id, _) = &mut target.end {
                new.change(id);
            }
        }
    }
    for service in &mut network.platform {
        new.change_all(&mut service.refuses);
    }
    let known = std::mem::take(&mut network.unaddressed).into_iter();
    network.unaddressed =
        known.filter_map(|(id, content)| Some((new.get(id)?, renumbered(content, new)))).collect();
    let known = std::mem::take(&mut network.uplinks).into_iter();
    let known = known.filter_map(|(guest, uplink)| {
        Some((new.get(guest)?, Uplink { by: new.get(uplink.by)?, ..uplink }))
    });
    network.uplinks = known.collect();
    let known = std::mem::take(&mut network.at_sender).into_iter();
    network.at_sender = known.filter_map(|(id, front)| Some((new.get(id)?, front))).collect();
    for known in network.known_as.values_mut() {
        new.change_all(known);
    }
    let known = std::mem::take(&mut network.led_in).into_iter();
    network.led_in = known.filter_map(|(id, realm)| Some((new.get(id)?, realm))).collect();
}

fn renumbered(mut content: Unaddressed, new: &Renumbered<EndpointId>) -> Unaddressed {
    new.change_all(&mut content.interfaces);
    for guard in &mut content.origin_guards {
        for origin in &mut guard.admits {
            if let Origin::Interface(id) = origin {
                new.change(id);
            }
        }
    }
    content
}

fn change_workloads(estate: &mut Estate, new: &Renumbered<WorkloadId>) {
    for (_, endpoint) in estate.network.endpoints.iter_mut() {
        new.change(&mut endpoint.workload);
    }
    for (_, front) in estate.network.fronts.iter_mut() {
        new.change(&mut front.workload);
    }
    for (_, group) in estate.network.target_groups.iter_mut() {
        for target in &mut group.targets {
            if let TargetEnd::Workload(id) = &mut target.end {
                new.change(id);
            }
        }
    }
    for grant in &mut estate.grants {
        match &mut grant.power {
            Power::ReadData { store: id, .. } | Power::RunCode(id) => new.change(id),
            Power::ReadSecret(_) | Power::Assume(_) | Power::ChangeGuards(_) => {}
        }
    }
    for hosted in &mut estate.hosted {
        new.change(&mut hosted.host);
        new.change(&mut hosted.guest);
    }
}

/// Whether nothing but its own workload leads to an endpoint.
pub(super) fn is_plain(estate: &Estate, id: EndpointId) -> bool {
    let network = &estate.network;
    let endpoint = &network.endpoints[id];
    let routes = network.tables.values().flat_map(|table| &table.routes);
    let routed = || routes.clone().any(|route| route.hop == Hop::Endpoint(id));
    matches!(
        endpoint.role,
        EndpointRole::Host
            | EndpointRole::InitiatesOnly
            | EndpointRole::AnswersOnly
            | EndpointRole::CarriesOnly
    ) && !routed()
}
