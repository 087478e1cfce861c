//! Whom services serve, connection by connection, straight from their documents.
//!
//! Sources: *Service*, *Virtual IPs and Service Proxies*, *`EndpointSlices`*, *`IPv4/IPv6` dual-stack*,
//! *Service Internal Traffic Policy*, *Network Policies* and *DNS for Services and Pods* in the concepts
//! of Kubernetes; its API reference, `ServiceSpec` and `EndpointSlice`.

use std::collections::BTreeSet;
use std::net::IpAddr;

use serde_json::Value;

use super::read::{items, text};
use super::selector::prefix_holds;
use super::services::{is_behind, protocol_of, targets};
use super::{Connection, End, Pod, allows};
use crate::generate::kubernetes::ADDRESSES;

/// Names that stand for names, at most.
const NAMES_MAX: usize = 8;
/// Ports that nodes may answer at when nobody chose one.
const NODE_PORTS: std::ops::RangeInclusive<u16> = 30_000..=32_767;
/// Addresses that a client behind a node may show beside those that tell generated prefixes apart: they are
/// in all prefixes that are generated, and in none.
const SHOWN: [&str; 4] = ["203.0.113.8", "2001:db8:1::1", "2001:db8:2::1", "2a00::1"];

/// Which of a service's addresses a connection is sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// Its cluster IP, or its name where it has none.
    Within,
    /// A node, or its load balancer.
    Outside,
    /// One of `externalIPs`, where what comes by the load balancer is treated otherwise.
    External,
}

/// A connection to a service.
#[derive(Debug, Clone, Copy)]
pub struct Question<'c> {
    /// Who opens it.
    pub from: End<'c>,
    /// To which of the service's addresses.
    pub at: At,
    /// Whether it is over IPv6.
    pub v6: bool,
    /// `TCP`, `UDP` or `SCTP`.
    pub protocol: &'c str,
    /// The port at the service.
    pub port: u16,
}

/// Whom a connection gets to: any of these, as the service chooses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Served {
    /// Pods, by their places.
    pub pods: BTreeSet<usize>,
    /// Addresses that no pod has.
    pub outside: BTreeSet<IpAddr>,
    /// Whether it may get to somebody of whom the objects do not tell enough.
    pub unknown: bool,
}

/// Something behind a port of a service.
#[derive(Debug, Clone, Copy)]
pub(super) enum Behind {
    /// A pod by its place.
    Pod(usize),
    /// An address that no pod has.
    Address(IpAddr),
    /// One of several pods at an address.
    OneOfSeveral(IpAddr),
}

/// One way of a connection: to whom, at which number, and whether it is told on which node that is.
pub(super) type Way = (Behind, u16, bool);

/// Whom a connection to a service gets to.
pub fn served(objects: &[Value], pods: &[Pod], service: &Value, question: &Question<'_>) -> Served {
    let mut service = service;
    for _ in 0..NAMES_MAX {
        if text(service, "/spec/type") != "ExternalName" {
            return of_itself(objects, pods, service, question);
        }
        // Names are for those in the cluster, and stand for what others have there.
        if matches!(question.from, End::Outside(_)) || question.at != At::Within {
            return Served::default();
        }
        let Some(next) = named(objects, service) else { break };
        service = next;
    }
    Served { unknown: true, ..Served::default() }
}

/// The service that an `ExternalName` stands for, if it is one of the cluster's.
fn named<'o>(objects: &'o [Value], service: &Value) -> Option<&'o Value> {
    let domain = text(service, "/spec/externalName").trim_end_matches('.');
    let domain = domain.strip_suffix(".cluster.local").unwrap_or(domain);
    let (name, namespace) = domain.strip_suffix(".svc")?.split_once('.')?;
    objects.iter().find(|one| {
        text(one, "/kind") == "Service"
            && text(one, "/metadata/name") == name
            && text(one, "/metadata/namespace") == namespace
    })
}

/// Whether a service is a name for its pods and nothing else.
pub fn is_headless(service: &Value) -> bool {
    text(service, "/spec/clusterIP") == "None"
}

/// Whether a service has addresses of a family: "the address families of the Service", which are those
/// of its cluster IPs. What tells of none may have any.
pub fn is_over(service: &Value, v6: bool) -> bool {
    let is = |text: &str| text.parse::<IpAddr>().is_ok_and(|one| one.is_ipv6() == v6);
    let listed = items(service, "/spec/clusterIPs").iter().filter_map(Value::as_str);
    let listed: Vec<&str> = listed.filter(|one| *one != "None").collect();
    if !listed.is_empty() {
        return listed.into_iter().any(is);
    }
    if text(service, "/spec/ipFamilyPolicy") == "RequireDualStack" {
        return true;
    }
    let families = items(service, "/spec/ipFamilies");
    if !families.is_empty() {
        let wanted = if v6 { "IPv6" } else { "IPv4" };
        return families.iter().any(|one| one.as_str() == Some(wanted));
    }
    let own = text(service, "/spec/clusterIP");
    matches!(own, "" | "None") || is(own)
}

fn of_itself(objects: &[Value], pods: &[Pod], service: &Value, question: &Question<'_>) -> Served {
    let mut found = Served::default();
    if is_headless(service) {
        for way in named_by(objects, pods, service, question) {
            follow(objects, pods, service, (question, way), &mut found);
        }
        return found;
    }
    if !is_over(service, question.v6) {
        return found;
    }
    let has_selector = has_selector(service);
    for entry in items(service, "/spec/ports") {
        match hears(service, entry, question) {
            Heard::No => continue,
            Heard::Perhaps => {
                found.unknown = true;
                continue;
            }
            Heard::Yes => {}
        }
        if !has_selector && listings(objects, service).is_empty() {
            found.unknown = true;
            continue;
        }
        for way in ways(objects, pods, service, (entry, question.v6)) {
            follow(objects, pods, service, (question, way), &mut found);
        }
    }
    found
}

pub(super) fn has_selector(service: &Value) -> bool {
    let selector = service.pointer("/spec/selector").and_then(Value::as_object);
    selector.is_some_and(|selector| !selector.is_empty())
}

/// What a headless service's name stands for, at any port: pods at all their addresses, whatever
/// families the name has records of, and addresses that no pod has.
fn named_by(objects: &[Value], pods: &[Pod], service: &Value, question: &Question<'_>) -> Vec<Way> {
    if matches!(question.from, End::Outside(_)) || question.at != At::Within {
        return Vec::new();
    }
    if has_selector(service) {
        let behind = pods.iter().enumerate().filter(|(_, pod)| is_behind(service, pod));
        return behind.map(|(place, _)| (Behind::Pod(place), question.port, true)).collect();
    }
    let mut found = Vec::new();
    for (address, _, _) in listed(objects, service) {
        match holder(pods, address, question.port) {
            Behind::Address(address) if address.is_ipv6() != question.v6 => {}
            behind => found.push((behind, question.port, true)),
        }
    }
    found
}

/// Whether a service hears a connection.
#[derive(Debug, PartialEq, Eq)]
enum Heard {
    Yes,
    No,
    Perhaps,
}

/// Whether a port of a service takes a connection: at its own number within; outside, at its own where
/// it has an address there that lets the client in, and at its port of nodes.
fn hears(service: &Value, entry: &Value, question: &Question<'_>) -> Heard {
    let port = question.port;
    let number = |one: &Value, key: &str| one.get(key).and_then(Value::as_u64).unwrap_or(0);
    let is = |key: &str| number(entry, key) == u64::from(port);
    let kind = text(service, "/spec/type");
    if protocol_of(entry) != question.protocol {
        return Heard::No;
    }
    let is_of = |one: &Value| one.as_str().is_some_and(|one| one.contains(':') == question.v6);
    let has_external = items(service, "/spec/externalIPs").iter().any(is_of);
    let is_heard = match question.at {
        // Nobody outside knows a cluster IP.
        At::Within => matches!(question.from, End::Pod(_)) && is("port"),
        At::External => has_external && has_ranges(service) && is("port"),
        At::Outside => {
            let by_node = kind != "ClusterIP" && is("nodePort");
            let own =
                if kind == "LoadBalancer" { lets_in(service, question.from) } else { has_external };
            by_node || own && is("port")
        }
    };
    if is_heard {
        return Heard::Yes;
    }
    // A port of nodes that nobody chose is one of them, but not another one's.
    let allocates =
        service.pointer("/spec/allocateLoadBalancerNodePorts") != Some(&Value::Bool(false));
    let has_node_port = kind == "NodePort" || kind == "LoadBalancer" && allocates;
    let anothers = items(service, "/spec/ports").iter().any(|one| {
        protocol_of(one) == question.protocol && number(one, "nodePort") == u64::from(port)
    });
    let is_any = question.at == At::Outside && has_node_port && number(entry, "nodePort") == 0;
    if is_any && NODE_PORTS.contains(&port) && !anothers { Heard::Perhaps } else { Heard::No }
}

/// Whether a load balancer lets a client in. Whether it does what comes from within the cluster is not
/// told, which is answered elsewhere.
fn lets_in(service: &Value, from: End<'_>) -> bool {
    let ranges = items(service, "/spec/loadBalancerSourceRanges");
    let End::Outside(address) = from else { return true };
    ranges.is_empty() || ranges.iter().any(|one| prefix_holds(one.as_str().unwrap_or(""), address))
}

/// What is behind a port of a service over a family.
pub(super) fn ways(
    objects: &[Value],
    pods: &[Pod],
    service: &Value,
    (entry, v6): (&Value, bool),
) -> Vec<Way> {
    let mut found = Vec::new();
    if has_selector(service) {
        for (place, pod) in pods.iter().enumerate().filter(|(_, pod)| is_behind(service, pod)) {
            for number in targets(entry, pod) {
                found.push((Behind::Pod(place), number, true));
            }
        }
        return found;
    }
    for (address, has_node, ports) in listed(objects, service) {
        if address.is_ipv6() != v6 {
            continue;
        }
        for port in ports {
            let number = port.get("port").and_then(Value::as_u64).unwrap_or(0);
            let number = u16::try_from(number).unwrap_or(0);
            // The port of a slice is that of the service's port with its name.
            if number != 0
                && protocol_of(port) == protocol_of(entry)
                && text(port, "/name") == text(entry, "/name")
            {
                found.push((holder(pods, address, number), number, has_node));
            }
        }
    }
    found
}

/// Who has an address: of several on one host, the one that listens there.
fn holder(pods: &[Pod], address: IpAddr, number: u16) -> Behind {
    let holds = |(_, pod): &(usize, &Pod)| pod.addresses.contains(&address);
    let holders: Vec<(usize, &Pod)> = pods.iter().enumerate().filter(holds).collect();
    let listens = |(_, pod): &&(usize, &Pod)| pod.ports.iter().any(|port| port.number == number);
    let listening: Vec<_> = holders.iter().filter(listens).collect();
    match (holders.as_slice(), listening.as_slice()) {
        ([], _) => Behind::Address(address),
        ([(only, _)], _) | (_, [(only, _)]) => Behind::Pod(*only),
        _ => Behind::OneOfSeveral(address),
    }
}

/// The objects that list what is behind a service: slices by their label, `Endpoints` by their name.
pub(super) fn listings<'o>(objects: &'o [Value], service: &Value) -> Vec<&'o Value> {
    let name = text(service, "/metadata/name");
    let each = objects
        .iter()
        .filter(|one| text(one, "/metadata/namespace") == text(service, "/metadata/namespace"));
    let label = |one: &Value, key: &str| {
        let labels = one.pointer("/metadata/labels");
        labels.and_then(|all| all.get(key)).and_then(Value::as_str).unwrap_or("").to_owned()
    };
    let own = each.filter(|one| match text(one, "/kind") {
        "EndpointSlice" => label(one, "kubernetes.io/service-name") == name,
        "Endpoints" => {
            text(one, "/metadata/name") == name
                && label(one, "endpointslice.kubernetes.io/skip-mirror") != "true"
        }
        _ => false,
    });
    own.collect()
}

/// The addresses that are listed behind a service, each with whether its node is told and with the ports
/// of its list. What one of several lists places on a node is on it.
fn listed<'o>(objects: &'o [Value], service: &Value) -> Vec<(IpAddr, bool, &'o [Value])> {
    let mut found: Vec<(IpAddr, bool, &[Value])> = Vec::new();
    for object in listings(objects, service) {
        if text(object, "/kind") == "EndpointSlice" {
            for endpoint in items(object, "/endpoints") {
                let has_node = !text(endpoint, "/nodeName").is_empty();
                for address in items(endpoint, "/addresses") {
                    let address = address.as_str().unwrap_or("").parse();
                    found.extend(
                        address.into_iter().map(|one| (one, has_node, items(object, "/ports"))),
                    );
                }
            }
            continue;
        }
        for subset in items(object, "/subsets") {
            // What is not ready now may be at any time.
            let others = items(subset, "/notReadyAddresses");
            for entry in items(subset, "/addresses").iter().chain(others) {
                let has_node = !text(entry, "/nodeName").is_empty();
                let address = text(entry, "/ip").parse();
                found.extend(
                    address.into_iter().map(|one| (one, has_node, items(subset, "/ports"))),
                );
            }
        }
    }
    found
}

/// What becomes of a connection on one of its ways.
fn follow(
    objects: &[Value],
    pods: &[Pod],
    service: &Value,
    (question, (behind, number, has_node)): (&Question<'_>, Way),
    found: &mut Served,
) {
    let is_local = |key: &str| text(service, key) == "Local";
    let near_only = match (question.from, question.at) {
        (End::Pod(_), At::Within) => {
            !is_headless(service) && is_local("/spec/internalTrafficPolicy")
        }
        (End::Outside(_), At::Outside | At::External) => is_local("/spec/externalTrafficPolicy"),
        // "Traffic sent to an External IP or LoadBalancer IP from within the cluster will always get
        // Cluster semantics."
        _ => false,
    };
    if near_only && !has_node {
        return;
    }
    let keeps = is_local("/spec/externalTrafficPolicy");
    let connection = |from, to| Connection {
        from,
        to,
        protocol: question.protocol,
        port: number,
        over_v6: Some(question.v6),
    };
    match (question.from, question.at) {
        // A balancer's ranges hold or not for those within, and a node may stand in their place.
        (End::Pod(_), At::Outside) if !keeps || has_ranges(service) => {
            found.unknown |= may(pods, behind, question);
        }
        (End::Pod(_), At::External) if !keeps => found.unknown |= may(pods, behind, question),
        (End::Pod(sender), _) => match behind {
            Behind::Pod(place) => {
                let Some(pod) = pods.get(place).filter(|pod| pod.is_of(question.v6)) else {
                    return;
                };
                if near_only {
                    found.unknown = true;
                } else if pod == sender || allows(objects, connection(question.from, End::Pod(pod)))
                {
                    found.pods.insert(place);
                }
            }
            Behind::Address(_) | Behind::OneOfSeveral(_) if near_only => found.unknown = true,
            Behind::Address(address) => {
                if allows(objects, connection(question.from, End::Outside(address))) {
                    found.outside.insert(address);
                }
            }
            Behind::OneOfSeveral(_) => found.unknown = true,
        },
        (End::Outside(client), _) => match behind {
            Behind::Pod(place) => {
                let Some(pod) = pods.get(place).filter(|pod| pod.is_of(question.v6)) else {
                    return;
                };
                let lets_in =
                    |one: IpAddr| allows(objects, connection(End::Outside(one), End::Pod(pod)));
                let shown =
                    ADDRESSES.iter().chain(&SHOWN).filter_map(|one| one.parse::<IpAddr>().ok());
                let mut shown = shown.filter(|one| one.is_ipv6() == question.v6);
                if keeps {
                    found.pods.extend(lets_in(client).then_some(place));
                } else if lets_in(client) && shown.all(lets_in) {
                    found.pods.insert(place);
                } else {
                    // The client, its node, or the pod's own node, which is always let in.
                    found.unknown = true;
                }
            }
            // What nodes pass on to others outside is beyond the cluster.
            Behind::Address(_) | Behind::OneOfSeveral(_) => found.unknown = true,
        },
    }
}

/// Whether a load balancer has ranges: then what comes by other addresses is treated otherwise.
fn has_ranges(service: &Value) -> bool {
    text(service, "/spec/type") == "LoadBalancer"
        && !items(service, "/spec/loadBalancerSourceRanges").is_empty()
}

/// Whether something behind a service can get what is asked at all.
fn may(pods: &[Pod], behind: Behind, question: &Question<'_>) -> bool {
    match behind {
        Behind::Pod(place) => pods.get(place).is_some_and(|pod| pod.is_of(question.v6)),
        Behind::Address(_) | Behind::OneOfSeveral(_) => true,
    }
}
