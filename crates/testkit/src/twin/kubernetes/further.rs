//! Networks of pods beside and in the place of the cluster's own, connection by connection.
//!
//! Sources: *Kubernetes Network Custom Resource Definition De-facto Standard*; *Multi NetworkPolicy
//! specification*; `OVN-Kubernetes` documentation, "User Defined Networks" and "Multiple networks".

use std::net::IpAddr;

use serde_json::Value;

use super::read::{items, namespace, text};
use super::selector::{block_holds, selects};
use super::{Connection, End, Pod, is_named};

/// The label of namespaces whose pods may be on a primary network of users.
const PRIMARY: &str = "k8s.ovn.org/primary-user-defined-network";

/// A further attachment of a pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// The pod, by its place.
    pub pod: usize,
    /// The network.
    pub network: String,
    /// Whether it joins the pods on it and nobody else; else nobody knows whom it joins.
    pub is_closed: bool,
    /// The addresses there that are told.
    pub addresses: Vec<IpAddr>,
    /// The policies for its network, by their places.
    policies: Vec<usize>,
}

impl Attachment {
    fn is_of(&self, v6: bool) -> bool {
        self.addresses.is_empty() || self.addresses.iter().any(|one| one.is_ipv6() == v6)
    }
}

/// What may be said of a connection: that it is open for sure, and that it is perhaps.
pub type Bounds = (bool, bool);

/// Who is at the other end of an attachment's connection.
#[derive(Clone, Copy)]
enum Other<'c> {
    Attachment(&'c Attachment),
    Outside(IpAddr),
}

/// A connection on further networks.
#[derive(Debug, Clone, Copy)]
pub struct Over<'c> {
    /// `TCP`, `UDP` or `SCTP`.
    pub protocol: &'c str,
    /// The port at the other end.
    pub port: u16,
}

/// The further attachments of all pods.
pub fn attachments(objects: &[Value], pods: &[Pod]) -> Vec<Attachment> {
    let mut found = Vec::new();
    for (place, pod) in pods.iter().enumerate().filter(|(_, pod)| !pod.on_host) {
        let of_pod = |one: &&Value| {
            let own = text(one, "/metadata/namespace");
            text(one, "/kind") == pod.kind
                && text(one, "/metadata/name") == pod.name
                && (if own.is_empty() { "default" } else { own }) == pod.namespace
        };
        let Some(object) = objects.iter().find(of_pod) else { continue };
        let pointer = if pod.kind == "Pod" { "/metadata" } else { "/spec/template/metadata" };
        let annotations = object.pointer(pointer).and_then(|one| one.get("annotations"));
        let annotation = |key: &str| {
            annotations
                .and_then(|all| all.get(key))
                .and_then(Value::as_str)
                .unwrap_or("")
                .to_owned()
        };
        let status: Value = serde_json::from_str(&annotation("k8s.v1.cni.cncf.io/network-status"))
            .unwrap_or_default();
        for (name, mut addresses) in
            asked(&annotation("k8s.v1.cni.cncf.io/networks"), &pod.namespace)
        {
            for entry in status.as_array().into_iter().flatten() {
                let got = in_namespace(text(entry, "/name"), &pod.namespace);
                let all = parsed(items(entry, "/ips"));
                if got == name && !all.is_empty() {
                    addresses = all;
                }
            }
            let (network, is_closed) = network(objects, &name);
            let policies = (0..objects.len()).filter(|one| is_about(objects, *one, &network));
            let policies = policies.collect();
            found.push(Attachment { pod: place, network, is_closed, addresses, policies });
        }
    }
    found
}

/// `[namespace/]name[@interface]` as a namespace and a name.
fn in_namespace(text: &str, own: &str) -> (String, String) {
    let name = text.split('@').next().unwrap_or("").trim();
    let (namespace, name) = name.split_once('/').unwrap_or((own, name));
    (namespace.to_owned(), name.to_owned())
}

/// The networks that an annotation asks for, each with the addresses that it asks for.
fn asked(annotation: &str, own: &str) -> Vec<((String, String), Vec<IpAddr>)> {
    if let Ok(Value::Array(entries)) = serde_json::from_str(annotation) {
        let each = entries.iter().map(|entry| {
            let namespace = text(entry, "/namespace");
            let own = if namespace.is_empty() { own } else { namespace };
            (in_namespace(text(entry, "/name"), own), parsed(items(entry, "/ips")))
        });
        return each.collect();
    }
    let names = annotation.split(',').filter(|name| !name.trim().is_empty());
    names.map(|name| (in_namespace(name, own), Vec::new())).collect()
}

fn parsed(texts: &[Value]) -> Vec<IpAddr> {
    let each = texts.iter().filter_map(Value::as_str);
    each.filter_map(|one| one.split('/').next().unwrap_or("").parse().ok()).collect()
}

/// The network of a name, and whether it joins those on it alone.
fn network(objects: &[Value], name: &(String, String)) -> (String, bool) {
    let full = format!("{}/{}", name.0, name.1);
    let is_closed = |spec: &Value| spec.get("layer2").or(spec.get("layer3")).is_some();
    for object in objects {
        let spec = object.get("spec").unwrap_or(&Value::Null);
        match text(object, "/kind") {
            "UserDefinedNetwork" if is_secondary(spec) && is_here(object, name) => {
                return (full, is_closed(spec));
            }
            "ClusterUserDefinedNetwork" if text(object, "/metadata/name") == name.1 => {
                let network = spec.get("network").unwrap_or(&Value::Null);
                let selector = spec.get("namespaceSelector").unwrap_or(&Value::Null);
                if is_secondary(network) && selects(selector, &namespace(objects, &name.0)) {
                    return (name.1.clone(), is_closed(network));
                }
            }
            _ => {}
        }
    }
    let definition = objects
        .iter()
        .find(|one| text(one, "/kind") == "NetworkAttachmentDefinition" && is_here(one, name));
    let config: Value = definition
        .and_then(|one| serde_json::from_str(text(one, "/spec/config")).ok())
        .unwrap_or_default();
    let plugin = config.pointer("/plugins/0").unwrap_or(&config);
    if text(plugin, "/type") != "ovn-k8s-cni-overlay" {
        return (full, false);
    }
    let of_either = |key: &str| {
        let own = text(plugin, key);
        if own.is_empty() { text(&config, key).to_owned() } else { own.to_owned() }
    };
    (of_either("/name"), matches!(of_either("/topology").as_str(), "layer2" | "layer3"))
}

fn is_here(object: &Value, (namespace, name): &(String, String)) -> bool {
    text(object, "/metadata/namespace") == namespace && text(object, "/metadata/name") == name
}

fn is_secondary(spec: &Value) -> bool {
    role(spec) == "Secondary"
}

fn role(spec: &Value) -> &str {
    let settings = ["/layer2/role", "/layer3/role", "/localnet/role"].into_iter();
    settings.map(|key| text(spec, key)).find(|role| !role.is_empty()).unwrap_or("")
}

/// The network that a pod is on in the place of the cluster's own: "namespaces must have the label".
pub fn primary(objects: &[Value], pod: &Pod) -> Option<String> {
    let labels = namespace(objects, &pod.namespace);
    if pod.on_host || !labels.contains_key(PRIMARY) {
        return None;
    }
    let found = objects.iter().find(|object| {
        let spec = object.get("spec").unwrap_or(&Value::Null);
        match text(object, "/kind") {
            "UserDefinedNetwork" => {
                role(spec) == "Primary" && text(object, "/metadata/namespace") == pod.namespace
            }
            "ClusterUserDefinedNetwork" => {
                let selector = spec.get("namespaceSelector").unwrap_or(&Value::Null);
                role(spec.get("network").unwrap_or(&Value::Null)) == "Primary"
                    && selects(selector, &labels)
            }
            _ => false,
        }
    });
    found.map(|one| format!("{} {}", text(one, "/metadata/namespace"), text(one, "/metadata/name")))
}

/// Whether one attachment reaches another, over either family.
pub fn reaches(
    objects: &[Value],
    pods: &[Pod],
    (from, to): (&Attachment, &Attachment),
    over: Over<'_>,
) -> Bounds {
    let joined = match (from.is_closed, to.is_closed) {
        (true, true) => (from.network == to.network, from.network == to.network),
        // Two wires of nodes may be one.
        (false, false) => (false, true),
        _ => (false, false),
    };
    let mut found = (false, false);
    for v6 in [false, true] {
        if !from.is_of(v6) || !to.is_of(v6) {
            continue;
        }
        let out = governed(objects, pods, (from, Other::Attachment(to)), (over, "egress", v6));
        let inward = governed(objects, pods, (to, Other::Attachment(from)), (over, "ingress", v6));
        found.0 |= joined.0 && out.0 && inward.0;
        found.1 |= joined.1 && out.1 && inward.1;
    }
    found
}

/// Whether an attachment gets what comes from an address outside of its cluster: perhaps, where nobody
/// knows whom its network joins.
pub fn comes_in(
    objects: &[Value],
    pods: &[Pod],
    (from, to): (IpAddr, &Attachment),
    over: Over<'_>,
) -> Bounds {
    if to.is_closed || !to.is_of(from.is_ipv6()) {
        return (false, false);
    }
    let inward =
        governed(objects, pods, (to, Other::Outside(from)), (over, "ingress", from.is_ipv6()));
    (false, inward.1)
}

/// What the policies of an attachment's network say at it: as `NetworkPolicy`, on that network.
fn governed(
    objects: &[Value],
    pods: &[Pod],
    (own, other): (&Attachment, Other<'_>),
    (over, way, v6): (Over<'_>, &str, bool),
) -> Bounds {
    let Some(pod) = pods.get(own.pod) else { return (false, false) };
    let selecting = own.policies.iter().filter_map(|one| objects.get(*one));
    let selecting: Vec<&Value> = selecting.filter(|one| governs(one, pod, way)).collect();
    if selecting.is_empty() {
        return (true, true);
    }
    let mut found = (false, false);
    for policy in selecting {
        for rule in items(policy, &format!("/spec/{way}")) {
            let target = if way == "ingress" { Other::Attachment(own) } else { other };
            let ports = items(rule, "/ports");
            if !ports.is_empty() && !ports.iter().any(|port| port_is(pods, port, (target, over))) {
                continue;
            }
            let peers = items(rule, if way == "ingress" { "/from" } else { "/to" });
            if peers.is_empty() {
                return (true, true);
            }
            let place = text(policy, "/metadata/namespace");
            let place = if place.is_empty() { "default" } else { place };
            for peer in peers {
                let one = peer_is(objects, pods, peer, (other, place, v6));
                found = (found.0 || one.0, found.1 || one.1);
            }
        }
    }
    found
}

/// Whether a policy is about a network: its annotation names it.
fn is_about(objects: &[Value], place: usize, name: &str) -> bool {
    let Some(policy) = objects.get(place) else { return false };
    if text(policy, "/kind") != "MultiNetworkPolicy" {
        return false;
    }
    let annotations = policy.pointer("/metadata/annotations");
    let names = annotations.and_then(|all| all.get("k8s.v1.cni.cncf.io/policy-for"));
    let own = text(policy, "/metadata/namespace");
    let own = if own.is_empty() { "default" } else { own };
    let mut each = names.and_then(Value::as_str).unwrap_or("").split(',').map(str::trim);
    each.any(|one| !one.is_empty() && network(objects, &in_namespace(one, own)).0 == name)
}

fn governs(policy: &Value, pod: &Pod, way: &str) -> bool {
    let own = text(policy, "/metadata/namespace");
    let types = items(policy, "/spec/policyTypes");
    let is_governed = if types.is_empty() {
        way == "ingress" || !items(policy, "/spec/egress").is_empty()
    } else {
        let wanted = if way == "ingress" { "Ingress" } else { "Egress" };
        types.iter().any(|one| one.as_str() == Some(wanted))
    };
    let selector = policy.pointer("/spec/podSelector").unwrap_or(&Value::Null);
    is_governed
        && (if own.is_empty() { "default" } else { own }) == pod.namespace
        && selects(selector, &pod.labels)
}

/// Whether a port of a rule means a connection's, at whoever it goes to.
fn port_is(pods: &[Pod], port: &Value, (target, over): (Other<'_>, Over<'_>)) -> bool {
    let protocol = port.get("protocol").and_then(Value::as_str).unwrap_or("TCP");
    if protocol != over.protocol {
        return false;
    }
    match port.get("port") {
        None | Some(Value::Null) => true,
        Some(Value::String(name)) => {
            let Other::Attachment(to) = target else { return false };
            let Some(pod) = pods.get(to.pod) else { return false };
            let end = End::Pod(pod);
            let (protocol, port) = (over.protocol, over.port);
            let connection = Connection { from: end, to: end, protocol, port, over_v6: None };
            is_named(name, Some(protocol), connection)
        }
        Some(number) => {
            let first = number.as_u64().unwrap_or(0);
            let last = port.get("endPort").and_then(Value::as_u64).unwrap_or(first);
            (first..=last).contains(&u64::from(over.port))
        }
    }
}

/// Whether a peer means the other end: pods by labels, and whoever has an address in a block, pods too.
fn peer_is(
    objects: &[Value],
    pods: &[Pod],
    peer: &Value,
    (other, own, v6): (Other<'_>, &str, bool),
) -> Bounds {
    match (other, peer.get("ipBlock")) {
        (Other::Outside(address), Some(block)) => {
            let holds = block_holds(block, address);
            (holds, holds)
        }
        (Other::Outside(_), None) => (false, false),
        (Other::Attachment(to), Some(block)) => {
            let mut told = to.addresses.iter().filter(|one| one.is_ipv6() == v6);
            if !to.addresses.is_empty() {
                let holds = told.any(|one| block_holds(block, *one));
                return (holds, holds);
            }
            let whole = if v6 { "::/0" } else { "0.0.0.0/0" };
            let is_whole = text(block, "/cidr") == whole && items(block, "/except").is_empty();
            let is_of_family = text(block, "/cidr").contains(':') == v6;
            // A block of which everything is excepted holds nobody.
            let is_empty = items(block, "/except").iter().any(|one| *one == block["cidr"]);
            (is_whole, is_of_family && !is_empty)
        }
        (Other::Attachment(to), None) => {
            let Some(pod) = pods.get(to.pod) else { return (false, false) };
            let in_namespace = match peer.get("namespaceSelector") {
                Some(selector) => selects(selector, &namespace(objects, &pod.namespace)),
                None => pod.namespace == own,
            };
            let by_labels = peer.get("podSelector").is_none_or(|one| selects(one, &pod.labels));
            (in_namespace && by_labels, in_namespace && by_labels)
        }
    }
}
