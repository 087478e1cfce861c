//! The essentials whose two ends are endpoints of the estate.

use std::collections::{BTreeMap, BTreeSet};

use watertight_model::network::{EndpointId, EndpointRole, TargetEnd};
use watertight_model::{Estate, Name, WorkloadKind};
use watertight_net::FlowSet;

use super::platforms::{tcp, udp};

/// Connections that a platform needs: between each of some endpoints and each of others.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EssentialLegs {
    /// What they are for.
    pub name: Name,
    /// Who opens them.
    pub from: Vec<EndpointId>,
    /// Who accepts them.
    pub to: Vec<EndpointId>,
    /// Over what.
    pub over: FlowSet,
}

/// What an estate's platforms need between its own endpoints: health checks of fronts, and what the
/// pods of a cluster ask its resolver. What goes to the provider's own services has no endpoint.
pub fn essential_legs(estate: &Estate) -> Vec<EssentialLegs> {
    let workload = |endpoint: EndpointId| {
        estate.network.endpoints.get(endpoint).and_then(|one| estate.workloads.get(one.workload))
    };
    let mut found = Vec::new();
    for (port, checks) in health(estate) {
        for (from, to) in checks {
            let front = from.first().and_then(|one| workload(*one));
            let front = front.map_or("", |one| &*one.name);
            let name = Name::from(format!("health checks by {front} over tcp/{port}"));
            found.push(EssentialLegs { name, from, to, over: tcp(port) });
        }
    }
    for (cluster, pods) in pods(estate) {
        if !pods.resolvers.is_empty() {
            let name = Name::from(format!("the resolver of cluster {cluster}"));
            let over = udp(53).union(&tcp(53));
            found.push(EssentialLegs { name, from: pods.all, to: pods.resolvers, over });
        }
    }
    found
}

/// The pods of one cluster.
#[derive(Default)]
struct Pods {
    all: Vec<EndpointId>,
    resolvers: Vec<EndpointId>,
}

/// Pods by cluster. Those of its resolver carry the label that the cluster's DNS service selects by
/// (Kubernetes, "Customizing DNS Service": `k8s-app: kube-dns`, whichever program answers).
fn pods(estate: &Estate) -> BTreeMap<Name, Pods> {
    let mut found: BTreeMap<Name, Pods> = BTreeMap::new();
    for workload in estate.workloads.values().filter(|one| one.kind == WorkloadKind::Pod) {
        let label = |key: &str| workload.labels.get(key).map(|value| &**value);
        let pods = found.entry(Name::from(label("k8s.cluster").unwrap_or_default())).or_default();
        pods.all.extend(&workload.endpoints);
        if label("k8s.namespace") == Some("kube-system") && label("k8s-app") == Some("kube-dns") {
            pods.resolvers.extend(&workload.endpoints);
        }
    }
    found
}

/// Endpoints of fronts, and of their targets.
type Checks = Vec<(Vec<EndpointId>, Vec<EndpointId>)>;

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
