//! The essentials of each platform of an estate.

use std::collections::BTreeSet;
use std::net::IpAddr;

use watertight_model::network::{EndpointId, TargetEnd, TargetGroup};
use watertight_model::{Estate, Name, Workload, WorkloadId, WorkloadKind};
use watertight_net::{FlowSet, PortSet, Protocol};

use super::clusters::{Cluster, Clusters};
use super::legs::{api, dns, kubelet};
use super::{Essential, EssentialState};

const AWS: &str = "aws";
const KUBERNETES: &str = "kubernetes";
const GROUPS: &str = "security groups and network ACLs";
const POLICIES: &str = "NetworkPolicy";

pub(super) fn of(estate: &Estate) -> Vec<Essential> {
    let mut all = Vec::new();
    let is_pod = |kind: WorkloadKind| matches!(kind, WorkloadKind::Pod);
    if estate.workloads.values().any(is_in_cloud) {
        aws(estate, &mut all);
        health(estate, &mut all);
    }
    if estate.workloads.values().any(|one| is_pod(one.kind)) {
        node_to_own_pod(&mut all);
    }
    let clusters = Clusters::of(estate);
    for (id, cluster) in clusters.iter() {
        self::cluster(estate, (&clusters.title(id), cluster), &mut all);
    }
    all
}

/// What is no pod, and no front that a cluster's services make, runs in the one cloud that estates are read
/// from.
pub(super) fn is_in_cloud(workload: &Workload) -> bool {
    let of_cluster = workload.labels.get("cloud").is_some_and(|cloud| **cloud == *"k8s");
    match workload.kind {
        WorkloadKind::Pod => false,
        WorkloadKind::LoadBalancer => !of_cluster,
        _ => true,
    }
}

fn on(platform: &str, name: &str, (from, to): (&str, &str), over: FlowSet) -> Essential {
    Essential {
        platform: Name::from(platform),
        name: Name::from(name),
        from: Name::from(from),
        to: Name::from(to),
        over,
        state: EssentialState::On,
    }
}

fn unfilterable(plane: &str, gap: &str) -> EssentialState {
    EssentialState::Unfilterable { plane: Name::from(plane), gap: Name::from(gap) }
}

pub(super) fn tcp(port: u16) -> FlowSet {
    FlowSet::tcp(PortSet::single(port))
}

pub(super) fn udp(port: u16) -> FlowSet {
    FlowSet::udp(PortSet::single(port))
}

/// Solicitations and advertisements of routers and neighbours (RFC 4861).
pub(super) fn neighbours() -> FlowSet {
    let each = (133..=136).filter_map(|kind| format!("icmpv6/{kind}").parse().ok());
    each.fold(FlowSet::none(), |all, one: FlowSet| all.union(&one))
}

fn aws(estate: &Estate, all: &mut Vec<Essential>) {
    let every = "every workload";
    let dhcp = udp(67).union(&udp(547));
    all.push(Essential {
        state: unfilterable(GROUPS, "they do not filter the provider's DHCP"),
        ..on(AWS, "address configuration", (every, "the provider's DHCP"), dhcp)
    });
    all.push(Essential {
        state: unfilterable(GROUPS, "the provider's network answers in the neighbours' place"),
        ..on(AWS, "neighbour discovery", (every, "its subnet"), neighbours())
    });
    all.push(Essential {
        state: unfilterable(GROUPS, "they do not filter the provider's time service"),
        ..on(AWS, "time", (every, "169.254.169.123 and fd00:ec2::123"), udp(123))
    });
    for realm in estate.network.realms.values().filter(|realm| !realm.resolvers.is_empty()) {
        let addresses: Vec<String> = realm.resolvers.iter().map(ToString::to_string).collect();
        let from = format!("every workload in {}", realm.name);
        all.push(Essential {
            state: unfilterable(GROUPS, "they do not filter the provider's resolver"),
            ..on(AWS, "resolver", (&from, &addresses.join(", ")), dns())
        });
    }
}

/// What fronts send to check the health of their targets.
fn health(estate: &Estate, all: &mut Vec<Essential>) {
    let network = &estate.network;
    for front in network.fronts.values() {
        let Some(workload) = estate.workloads.get(front.workload) else { continue };
        let ids: BTreeSet<_> =
            front.listeners.iter().flat_map(|listener| &listener.target_groups).collect();
        let groups = ids.into_iter().filter_map(|id| network.target_groups.get(*id));
        for (target, port) in groups.flat_map(|group| checked(estate, group)) {
            let Some(target) = estate.workloads.get(target) else { continue };
            let platform = if target.kind == WorkloadKind::Pod { KUBERNETES } else { AWS };
            let ends = (&*workload.name, &*target.name);
            all.push(on(platform, "health checks", ends, tcp(port)));
        }
    }
}

fn checked(estate: &Estate, group: &TargetGroup) -> Vec<(WorkloadId, u16)> {
    let targets = group.targets.iter();
    let of = targets.filter_map(|target| match &target.end {
        TargetEnd::Endpoint(id, _) => {
            Some((estate.network.endpoints.get(*id)?.workload, target.health_port?))
        }
        TargetEnd::Front(id) => {
            Some((estate.network.fronts.get(*id)?.workload, target.health_port?))
        }
        // A function is called, not connected to; nobody is known at a bare address.
        TargetEnd::Workload(_) | TargetEnd::Address(_) | TargetEnd::Unread(_) => None,
    });
    of.collect()
}

fn node_to_own_pod(all: &mut Vec<Essential>) {
    let probes = Protocol::WITH_PORTS.iter().map(|protocol| FlowSet::protocol(*protocol));
    let probes = probes.fold(FlowSet::none(), |all, one| all.union(&one));
    all.push(Essential {
        state: unfilterable(POLICIES, "it does not block a pod's own node"),
        ..on(KUBERNETES, "node to own pod", ("its node", "every pod"), probes)
    });
}

/// What pods, nodes and the control plane of a cluster ask one another.
fn cluster(estate: &Estate, (name, own): (&Name, &Cluster), all: &mut Vec<Essential>) {
    let of = if name.is_empty() { String::new() } else { format!(" of {name}") };
    if !own.pods.is_empty() {
        let resolver = if own.resolvers.is_empty() {
            format!("the resolver{of}, whose pods are not known")
        } else {
            names(estate, &own.resolvers)
        };
        all.push(on(KUBERNETES, "resolver", (&format!("every pod{of}"), &resolver), dns()));
    }
    if own.pods.is_empty() && own.nodes.is_empty() {
        return;
    }
    let nodes = format!("every node{of}");
    let planes = own.control(&estate.network);
    let mut addresses: BTreeSet<IpAddr> = BTreeSet::new();
    for id in planes.iter().flat_map(|(_, planes)| planes) {
        let found = estate.network.endpoints.get(*id);
        addresses.extend(found.into_iter().flat_map(|one| &one.addresses));
    }
    let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    let plane = if addresses.is_empty() {
        format!("the control plane{of}, whose addresses are not known")
    } else {
        format!("the control plane{of} at {}", addresses.join(", "))
    };
    all.push(on(KUBERNETES, "control plane", (&plane, &nodes), kubelet()));
    all.push(on(KUBERNETES, "control plane", (&nodes, &plane), api()));
}

/// The workloads of endpoints, by name.
fn names(estate: &Estate, endpoints: &[EndpointId]) -> String {
    let of = endpoints
        .iter()
        .filter_map(|id| estate.workloads.get(estate.network.endpoints.get(*id)?.workload));
    let names: BTreeSet<&str> = of.map(|one| one.name.as_str()).collect();
    names.into_iter().collect::<Vec<_>>().join(", ")
}
