//! The essentials whose two ends are endpoints of the estate.

use std::collections::{BTreeMap, BTreeSet};

use watertight_model::network::{EndpointId, EndpointRole, RealmId, TargetEnd};
use watertight_model::{ArenaId as _, Estate, Name, Network, Truth};
use watertight_net::FlowSet;

use crate::checked::{CheckedPolicy, Narrowable, Narrowed, Peer};
use crate::decide::{Decider, End};

use super::clusters::Clusters;
use super::platforms::{tcp, udp};

/// Connections that a platform needs: between each of some endpoints and each of others.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EssentialLegs {
    /// What they are for.
    pub name: Name,
    /// As what a policy may narrow them.
    pub essential: Narrowable,
    /// Who opens them.
    pub from: Vec<EndpointId>,
    /// Who accepts them.
    pub to: Vec<EndpointId>,
    /// Over what.
    pub over: FlowSet,
}

/// What an estate's platforms need between its own endpoints: health checks of fronts, what the pods of
/// a cluster ask its resolver, and what its control plane and its nodes ask one another. What goes to
/// the provider's own services has no endpoint.
pub fn essential_legs(estate: &Estate) -> Vec<EssentialLegs> {
    const CONTROL: Narrowable = Narrowable::ControlPlane;
    let workload = |endpoint: EndpointId| {
        estate.network.endpoints.get(endpoint).and_then(|one| estate.workloads.get(one.workload))
    };
    let mut found = Vec::new();
    for (port, checks) in health(estate) {
        for (from, to) in checks {
            let front = from.first().and_then(|one| workload(*one));
            let front = front.map_or("", |one| &*one.name);
            let name = Name::from(format!("health checks by {front} over tcp/{port}"));
            let essential = Narrowable::HealthChecks;
            found.push(EssentialLegs { name, essential, from, to, over: tcp(port) });
        }
    }
    let clusters = Clusters::of(estate);
    for (id, own) in clusters.iter() {
        let cluster = clusters.title(id);
        if !own.resolvers.is_empty() {
            let name = Name::from(format!("the resolver of cluster {cluster}"));
            let (from, to) = (own.pods.clone(), own.resolvers.clone());
            let essential = Narrowable::ClusterResolver;
            found.push(EssentialLegs { name, essential, from, to, over: dns() });
        }
        for (nodes, planes) in own.control(&estate.network) {
            let name = Name::from(format!("the control plane of cluster {cluster}"));
            let (from, to) = (nodes.clone(), planes.clone());
            found.push(EssentialLegs { name, essential: CONTROL, from, to, over: api() });
            let name = Name::from(format!("the nodes of cluster {cluster}"));
            let (from, to) = (planes, nodes);
            found.push(EssentialLegs { name, essential: CONTROL, from, to, over: kubelet() });
        }
    }
    found
}

/// The same under a policy that narrows some of them, for the workloads of the decider's world. Whoever
/// only may be meant is not needed.
pub fn narrowed_legs(estate: &Estate, decider: &Decider<'_>) -> Vec<EssentialLegs> {
    let among = |ends: &[EndpointId], peers: &[Peer]| -> Vec<EndpointId> {
        let is_meant = |id: &&EndpointId| {
            let Some(one) = estate.network.endpoints.get(**id) else { return false };
            let end = End::workload(vec![one.workload.index()]);
            peers.is_empty() || decider.belongs(peers, &end) == Truth::Yes
        };
        ends.iter().filter(is_meant).copied().collect()
    };
    let mut found = Vec::new();
    for legs in essential_legs(estate) {
        let own: Vec<&Narrowed> = decider
            .policy()
            .narrowed
            .iter()
            .filter(|one| one.essential == legs.essential)
            .collect();
        if own.is_empty() {
            found.push(legs);
            continue;
        }
        for one in own {
            let (from, to) = (among(&legs.from, &one.from), among(&legs.to, &one.to));
            if !from.is_empty() && !to.is_empty() {
                found.push(EssentialLegs { from, to, ..legs.clone() });
            }
        }
    }
    found
}

/// Who opens legs, and who accepts them.
type Ends = (Vec<EndpointId>, Vec<EndpointId>);

/// One way in which an essential is needed, with who opens and who accepts its legs; nobody stands for an address.
#[derive(Clone, Debug)]
pub(crate) struct Direction {
    /// What it is, in words.
    pub(crate) what: &'static str,
    /// Between whom.
    pub(crate) legs: Vec<Ends>,
}

/// The ways in which the essentials that can be narrowed are needed in an estate.
pub(crate) fn directions(estate: &Estate, policy: &CheckedPolicy) -> Vec<(Narrowable, Direction)> {
    const TO_PLANE: &str = "what nodes ask their control plane";
    const TO_NODES: &str = "what a control plane asks its nodes";
    let mut found: BTreeMap<&'static str, (Narrowable, Vec<Ends>)> = BTreeMap::new();
    let mut add = |what, essential, ends: Ends| {
        found.entry(what).or_insert_with(|| (essential, Vec::new())).1.push(ends);
    };
    for one in essential_legs(estate) {
        let what = match one.essential {
            Narrowable::HealthChecks => "what fronts send to check the health of their targets",
            Narrowable::ClusterResolver => "what pods ask the resolver of their cluster",
            Narrowable::ControlPlane if one.over == api() => TO_PLANE,
            Narrowable::ControlPlane => TO_NODES,
        };
        if !one.from.is_empty() && !one.to.is_empty() {
            add(what, one.essential, (one.from, one.to));
        }
    }
    let clusters = Clusters::of(estate);
    for (id, own) in clusters.iter().filter(|(_, own)| !own.nodes.is_empty()) {
        if policy.control_planes.iter().any(|one| clusters.is_of(one, id)) {
            let nodes: Vec<EndpointId> = own.nodes.iter().copied().collect();
            add(TO_PLANE, Narrowable::ControlPlane, (nodes.clone(), Vec::new()));
            add(TO_NODES, Narrowable::ControlPlane, (Vec::new(), nodes));
        }
    }
    let found = found.into_iter();
    found.map(|(what, (essential, legs))| (essential, Direction { what, legs })).collect()
}

/// What resolvers are asked over.
pub(super) fn dns() -> FlowSet {
    udp(53).union(&tcp(53))
}

/// Where a managed control plane answers (Amazon EKS User Guide, "View Amazon EKS security group
/// requirements for clusters").
pub(super) fn api() -> FlowSet {
    tcp(443)
}

/// Where nodes answer their control plane (the same page; Kubernetes, "Ports and Protocols").
pub(super) fn kubelet() -> FlowSet {
    tcp(10_250)
}

/// What is sent between nodes and a control plane that a policy lists: with `true` to the control
/// plane, which may be nobody's service and answer where programs for clusters have it.
pub fn control_flows(to_plane: bool) -> FlowSet {
    if to_plane { api().union(&tcp(6443)) } else { kubelet() }
}

/// Endpoints that have an address, by the network in which they are.
pub(super) fn by_realm(
    network: &Network,
    all: impl IntoIterator<Item = EndpointId>,
) -> BTreeMap<Option<RealmId>, Vec<EndpointId>> {
    let mut found: BTreeMap<Option<RealmId>, Vec<EndpointId>> = BTreeMap::new();
    for id in all {
        let Some(one) = network.endpoints.get(id).filter(|one| !one.addresses.is_empty()) else {
            continue;
        };
        let subnet = one.subnet.and_then(|id| network.subnets.get(id));
        found.entry(subnet.map(|subnet| subnet.realm)).or_default().push(id);
    }
    found
}

/// Endpoints of fronts, and of their targets.
type Checks = Vec<Ends>;

/// What fronts send to check the health of their targets, by port.
pub(super) fn health(estate: &Estate) -> BTreeMap<u16, Checks> {
    let network = &estate.network;
    let mut found: BTreeMap<u16, Checks> = BTreeMap::new();
    for (id, front) in network.fronts.iter() {
        let ids: BTreeSet<_> =
            front.listeners.iter().flat_map(|listener| &listener.target_groups).collect();
        let groups = ids.into_iter().filter_map(|id| network.target_groups.get(*id));
        let mut targets: BTreeMap<u16, Vec<EndpointId>> = BTreeMap::new();
        for target in groups.flat_map(|group| &group.targets) {
            let (Some(port), TargetEnd::Endpoint(end, _)) = (target.health_port, &target.end)
            else {
                continue;
            };
            targets.entry(port).or_default().push(*end);
        }
        let own = network.endpoints.iter();
        let own = own.filter(|(_, one)| one.role == EndpointRole::Front(id)).map(|(own, _)| own);
        let own: Vec<EndpointId> = own.collect();
        for (port, ends) in targets {
            found.entry(port).or_default().push((own.clone(), ends));
        }
    }
    found
}
