//! What every platform needs, as the documentation lists it: asked end by end, with nothing prepared and
//! nothing told by address that can be told by who it is.

use std::net::IpAddr;

use watertight_model::network::{EndpointId, EndpointRole, RealmId, TargetEnd};
use watertight_model::{Estate, WorkloadId, WorkloadKind};
use watertight_net::{Flow, Prefix, Protocol};

/// One end of a connection.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Far {
    /// An attachment of the estate.
    Endpoint(EndpointId),
    /// An address that nobody of the estate has, in a network of the estate or in none.
    Address(Option<RealmId>, IpAddr),
}

/// A control plane that a policy lists.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "each name says what it is")]
pub struct Listed {
    pub cluster: String,
    pub account: Option<String>,
    pub region: Option<String>,
    pub addresses: Prefix,
    pub network: Option<RealmId>,
}

/// Between whom an essential is needed, as a policy narrows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Narrow {
    /// `health checks`, `cluster resolver` or `control plane`.
    pub essential: &'static str,
    /// A label of who opens its legs, where that is said.
    pub from: Option<(String, String)>,
    /// A label of who accepts them.
    pub to: Option<(String, String)>,
}

/// Whether the policy leaves an essential between two ends. No selector means an address.
fn is_left(estate: &Estate, narrowed: &[Narrow], essential: &str, from: &Far, to: &Far) -> bool {
    let is_one = |far: &Far, wanted: &Option<(String, String)>| match (far, wanted) {
        (_, None) => true,
        (Far::Address(..), Some(_)) => false,
        (Far::Endpoint(id), Some((key, value))) => {
            let workload = &estate.workloads[estate.network.endpoints[*id].workload];
            workload.labels.get(key.as_str()).is_some_and(|own| **own == **value)
        }
    };
    let own = || narrowed.iter().filter(|one| one.essential == essential);
    own().next().is_none() || own().any(|one| is_one(from, &one.from) && is_one(to, &one.to))
}

/// What an attachment is to a cluster.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Role {
    Pod,
    Resolver,
    Node,
    Plane,
}

/// An account and a region.
type Where = (Option<String>, Option<String>);

/// A part in a cluster: the name of the cluster, where it is, and who plays it.
#[derive(Clone, Debug)]
struct Part {
    role: Role,
    name: String,
    place: Where,
    endpoint: EndpointId,
}

/// Whether some essential allows a flow between two ends.
pub fn is_essential(
    estate: &Estate,
    (listed, narrowed): (&[Listed], &[Narrow]),
    (from, to): (&Far, &Far),
    flow: Flow,
) -> bool {
    let all = parts(estate);
    let is_left = |essential: &str| is_left(estate, narrowed, essential, from, to);
    match (from, to) {
        (Far::Endpoint(from), Far::Endpoint(to)) => {
            (in_cloud(estate) && is_neighbour(flow))
                || (is_left("health checks") && is_checked(estate, *from, *to, flow))
                || is_host(estate, *from, *to)
                || (is_left("cluster resolver") && is_asked(&all, (*from, *to), flow))
                || (is_left("control plane") && is_controlled(estate, &all, (*from, *to), flow))
        }
        (Far::Endpoint(from), Far::Address(network, address)) => {
            let is_time = ["169.254.169.123", "fd00:ec2::123"].contains(&&*address.to_string());
            let is_time = in_cloud(estate) && is_time && is_to(flow, Protocol::UDP, &[123]);
            is_time
                || is_resolver(estate, *from, (*network, *address), flow)
                || (is_to(flow, Protocol::TCP, &[443, 6443])
                    && is_left("control plane")
                    && is_listed(&all, listed, *from, (*network, *address)))
        }
        (Far::Address(network, address), Far::Endpoint(to)) => {
            is_to(flow, Protocol::TCP, &[10_250])
                && is_left("control plane")
                && is_listed(&all, listed, *to, (*network, *address))
        }
        (Far::Address(..), Far::Address(..)) => false,
    }
}

fn is_to(flow: Flow, protocol: Protocol, ports: &[u16]) -> bool {
    ports.iter().any(|port| match protocol {
        Protocol::UDP => flow == Flow::udp(40_000, *port),
        _ => flow == Flow::tcp(40_000, *port),
    })
}

fn is_name(flow: Flow) -> bool {
    is_to(flow, Protocol::UDP, &[53]) || is_to(flow, Protocol::TCP, &[53])
}

/// Router and neighbour solicitations and advertisements.
fn is_neighbour(flow: Flow) -> bool {
    matches!(flow, Flow::Icmp { protocol: Protocol::ICMPV6, icmp_type: 133..=136, .. })
}

/// Whether anything runs in the cloud: what is no pod does.
fn in_cloud(estate: &Estate) -> bool {
    estate.workloads.values().any(|one| one.kind != WorkloadKind::Pod)
}

fn realm(estate: &Estate, endpoint: EndpointId) -> Option<RealmId> {
    let network = &estate.network;
    Some(network.subnets.get(network.endpoints.get(endpoint)?.subnet?)?.realm)
}

/// Whether an address is where an attachment's own network has its resolver.
fn is_resolver(
    estate: &Estate,
    from: EndpointId,
    (network, address): (Option<RealmId>, IpAddr),
    flow: Flow,
) -> bool {
    let Some(own) = realm(estate, from) else { return false };
    let Some(held) = estate.network.realms.get(own) else { return false };
    let is_inside = held.prefixes.iter().any(|prefix| prefix.contains(address));
    let is_there = if is_inside { network == Some(own) } else { network.is_none() };
    in_cloud(estate) && is_name(flow) && held.resolvers.contains(&address) && is_there
}

/// Whether a front checks the health of one of its targets over this flow.
fn is_checked(estate: &Estate, from: EndpointId, to: EndpointId, flow: Flow) -> bool {
    let network = &estate.network;
    let Some(EndpointRole::Front(front)) = network.endpoints.get(from).map(|one| one.role) else {
        return false;
    };
    let listeners = network.fronts.get(front).into_iter().flat_map(|one| &one.listeners);
    let groups = listeners.flat_map(|one| &one.target_groups);
    let targets = groups.filter_map(|id| network.target_groups.get(*id));
    targets.flat_map(|group| &group.targets).any(|target| {
        let is_meant = matches!(target.end, TargetEnd::Endpoint(end, _) if end == to);
        let port = target.health_port.filter(|_| is_meant);
        port.is_some_and(|port| is_to(flow, Protocol::TCP, &[port]))
    })
}

/// Whether a pod sends by the attachment of its node.
fn is_host(estate: &Estate, from: EndpointId, to: EndpointId) -> bool {
    estate.network.uplinks.get(&to).is_some_and(|uplink| uplink.by == from)
}

/// Pairs of parts in one cluster that two attachments play.
fn in_cluster<'p>(
    all: &'p [Part],
    (from, to): (EndpointId, EndpointId),
) -> impl Iterator<Item = (Role, Role)> + 'p {
    let pairs = all.iter().flat_map(move |one| all.iter().map(move |other| (one, other)));
    let meant = pairs.filter(move |(one, other)| {
        one.endpoint == from
            && other.endpoint == to
            && one.name == other.name
            && one.place == other.place
    });
    meant.map(|(one, other)| (one.role, other.role))
}

/// Whether a pod asks the resolver of its cluster.
fn is_asked(all: &[Part], ends: (EndpointId, EndpointId), flow: Flow) -> bool {
    is_name(flow) && in_cluster(all, ends).any(|roles| roles == (Role::Pod, Role::Resolver))
}

/// Whether a node and a control plane of its cluster speak, in one network.
fn is_controlled(
    estate: &Estate,
    all: &[Part],
    (from, to): (EndpointId, EndpointId),
    flow: Flow,
) -> bool {
    realm(estate, from) == realm(estate, to)
        && in_cluster(all, (from, to)).any(|roles| match roles {
            (Role::Node, Role::Plane) => is_to(flow, Protocol::TCP, &[443]),
            (Role::Plane, Role::Node) => is_to(flow, Protocol::TCP, &[10_250]),
            _ => false,
        })
}

/// Whether a listed control plane at an address is that of a node's cluster, and of no other.
fn is_listed(
    all: &[Part],
    listed: &[Listed],
    node: EndpointId,
    (network, address): (Option<RealmId>, IpAddr),
) -> bool {
    listed.iter().any(|one| {
        let is_told =
            |told: &Option<String>, known: &Option<String>| told.is_none() || told == known;
        let mut nodes = all.iter().filter(|part| {
            part.role == Role::Node
                && part.name == one.cluster
                && is_told(&one.account, &part.place.0)
                && is_told(&one.region, &part.place.1)
        });
        let Some(first) = nodes.clone().next() else { return false };
        let is_one = nodes.clone().all(|part| part.place == first.place);
        let is_at =
            one.addresses.contains(address) && (one.network.is_none() || one.network == network);
        is_one && is_at && nodes.any(|part| part.endpoint == node)
    })
}

/// Who plays which part in which cluster.
fn parts(estate: &Estate) -> Vec<Part> {
    let mut all = Vec::new();
    let label = |id: WorkloadId, key: &str| {
        estate.workloads.get(id).and_then(|one| one.labels.get(key)).map(ToString::to_string)
    };
    let place = |id: WorkloadId| {
        let account = estate.workloads.get(id).and_then(|one| one.account.as_ref());
        (account.map(ToString::to_string), label(id, "region"))
    };
    for (id, workload) in estate.workloads.iter() {
        let mut add = |role, name: String, place: Where, endpoints: &[EndpointId]| {
            all.extend(endpoints.iter().map(|endpoint| Part {
                role,
                name: name.clone(),
                place: place.clone(),
                endpoint: *endpoint,
            }));
        };
        match workload.kind {
            WorkloadKind::Pod => {
                let name = label(id, "k8s.cluster").unwrap_or_default();
                let uplinks = workload.endpoints.iter();
                let uplinks = uplinks.filter_map(|one| estate.network.uplinks.get(one));
                let hosts = uplinks.filter_map(|one| estate.network.endpoints.get(one.by));
                let hosts: Vec<WorkloadId> = hosts.map(|one| one.workload).collect();
                let own = hosts.first().map(|host| place(*host)).unwrap_or_default();
                for host in hosts {
                    let held = estate.workloads.get(host).map(|one| one.endpoints.clone());
                    add(Role::Node, name.clone(), place(host), &held.unwrap_or_default());
                }
                add(Role::Pod, name.clone(), own.clone(), &workload.endpoints);
                let is_resolver = label(id, "k8s.namespace").as_deref() == Some("kube-system")
                    && label(id, "k8s-app").as_deref() == Some("kube-dns");
                if is_resolver {
                    add(Role::Resolver, name, own, &workload.endpoints);
                }
            }
            WorkloadKind::Cluster => {
                add(Role::Plane, workload.name.to_string(), place(id), &workload.endpoints);
            }
            WorkloadKind::Machine => {
                for (key, value) in &workload.labels {
                    let tagged = key.strip_prefix("kubernetes.io/cluster/").map(str::to_owned);
                    let named = (&**key == "eks:cluster-name").then(|| value.to_string());
                    for name in tagged.into_iter().chain(named) {
                        add(Role::Node, name, place(id), &workload.endpoints);
                    }
                }
            }
            _ => {}
        }
    }
    // What is not told of a place is that of the only cluster of the name whose place is told and fits.
    let known = all.clone();
    for part in &mut all {
        let (account, region) = part.place.clone();
        if account.is_some() && region.is_some() {
            continue;
        }
        let fits = |told: &Option<String>, whole: &Option<String>| {
            whole.is_some() && (told.is_none() || told == whole)
        };
        let others = known.iter().filter(|one| one.name == part.name).map(|one| &one.place);
        let mut others = others.filter(|one| fits(&account, &one.0) && fits(&region, &one.1));
        if let Some(first) = others.next()
            && others.all(|one| one == first)
        {
            part.place = first.clone();
        }
    }
    all
}
