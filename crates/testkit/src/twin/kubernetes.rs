//! Network policies of Kubernetes, packet by packet, straight from their documents.
//!
//! Sources: "Network Policies" in the concepts of Kubernetes, the API reference of `NetworkPolicy`,
//! and the API specification of network-policy-api (`AdminNetworkPolicy`,
//! `BaselineAdminNetworkPolicy`, `ClusterNetworkPolicy`).

pub mod calico;
mod cilium;
pub mod further;
mod read;
mod selector;
pub mod served;
pub mod services;

#[cfg(test)]
mod tests;

use std::net::IpAddr;

use serde_json::Value;

pub use read::{Pod, pods};
use read::{items, text};
use selector::{block_holds, selects};

/// One end of a connection.
#[derive(Debug, Clone, Copy)]
pub enum End<'c> {
    /// A pod.
    Pod(&'c Pod),
    /// An address outside of the cluster.
    Outside(IpAddr),
}

/// A connection that somebody opens.
#[derive(Debug, Clone, Copy)]
pub struct Connection<'c> {
    /// Who opens it.
    pub from: End<'c>,
    /// To whom.
    pub to: End<'c>,
    /// `TCP`, `UDP` or `SCTP`.
    pub protocol: &'c str,
    /// The port at the other end.
    pub port: u16,
    /// Whether it is over IPv6; absent where it may be over either.
    pub over_v6: Option<bool>,
}

/// What a rule or a policy says of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    Allow,
    Deny,
    Pass,
}

/// Whether a connection can be opened: both ends must allow it, and what is outside allows all.
pub fn allows(objects: &[Value], connection: Connection<'_>) -> bool {
    let meet = match (connection.from, connection.to) {
        (End::Pod(pod), End::Outside(address)) | (End::Outside(address), End::Pod(pod)) => {
            pod.speaks(address)
        }
        (End::Pod(one), End::Pod(other)) => {
            connection.over_v6.is_none_or(|v6| one.is_of(v6) && other.is_of(v6))
                && further::primary(objects, one) == further::primary(objects, other)
        }
        _ => true,
    };
    meet && side_allows(objects, connection, "egress")
        && side_allows(objects, connection, "ingress")
}

/// Whether a connection can be opened where pods have addresses of the network around them: there a block
/// of addresses in a `NetworkPolicy` means whoever has one, pods too, as the plugins of Amazon and Calico
/// have it.
pub fn allows_by_address(objects: &[Value], connection: Connection<'_>) -> bool {
    lets_by_address(objects, connection, "egress")
        && lets_by_address(objects, connection, "ingress")
}

/// Whether one end lets it through there: `egress` is the sender's, `ingress` the receiver's. What either
/// sees of the other may not be the same, where something stands in the sender's place on the way.
pub fn lets_by_address(objects: &[Value], connection: Connection<'_>, way: &str) -> bool {
    let as_address = |end: End<'_>| match end {
        End::Pod(pod) => pod.addresses.first().copied().map(End::Outside),
        End::Outside(_) => None,
    };
    let (from, to) = (connection.from, connection.to);
    let meet = match (from, to) {
        (End::Pod(one), End::Pod(other)) => {
            further::primary(objects, one) == further::primary(objects, other)
        }
        _ => true,
    };
    let other = match way {
        "egress" => as_address(to).map(|to| Connection { to, ..connection }),
        _ => as_address(from).map(|from| Connection { from, ..connection }),
    };
    meet && (side_allows(objects, connection, way)
        || other.is_some_and(|other| side_allows(objects, other, way)))
}

/// Whether the policies of the pod at one end allow it: administrators' first, then those of
/// `NetworkPolicy` where any selects the pod, else the baseline, else everything.
fn side_allows(objects: &[Value], connection: Connection<'_>, way: &str) -> bool {
    let own = if way == "ingress" { connection.to } else { connection.from };
    let End::Pod(pod) = own else { return true };
    if objects.iter().any(|one| text(one, "/apiVersion").starts_with("projectcalico.org/")) {
        return calico::allows(objects, pod, connection, way);
    }
    match admin(objects, pod, connection, way, "Admin") {
        Some(Word::Allow) => return true,
        Some(Word::Deny) => return false,
        Some(Word::Pass) | None => {}
    }
    let selecting: Vec<&Value> =
        objects.iter().filter(|object| policy_selects(object, pod, way)).collect();
    let cilium = cilium::said(objects, pod, connection, way);
    if cilium.denies {
        return false;
    }
    if !selecting.is_empty() || cilium.isolates || cilium.allows {
        let mut selecting = selecting.iter();
        return cilium.allows
            || selecting.any(|policy| policy_allows(objects, policy, connection, way));
    }
    !matches!(admin(objects, pod, connection, way, "Baseline"), Some(Word::Deny))
}

/// Whether a `NetworkPolicy` isolates a pod in a direction.
fn policy_selects(policy: &Value, pod: &Pod, way: &str) -> bool {
    if text(policy, "/kind") != "NetworkPolicy" {
        return false;
    }
    let namespace = text(policy, "/metadata/namespace");
    let namespace = if namespace.is_empty() { "default" } else { namespace };
    if namespace != pod.namespace {
        return false;
    }
    let types = items(policy, "/spec/policyTypes");
    let governs = if types.is_empty() {
        // "all policies are assumed to affect ingress", and those with egress rules egress.
        way == "ingress" || !items(policy, "/spec/egress").is_empty()
    } else {
        let wanted = if way == "ingress" { "Ingress" } else { "Egress" };
        types.iter().any(|one| one.as_str() == Some(wanted))
    };
    governs && selects(policy.pointer("/spec/podSelector").unwrap_or(&Value::Null), &pod.labels)
}

/// Whether any rule of a policy allows a connection.
fn policy_allows(objects: &[Value], policy: &Value, connection: Connection<'_>, way: &str) -> bool {
    let (peers, other) = other_end(connection, way);
    let own = text(policy, "/metadata/namespace");
    let own = if own.is_empty() { "default" } else { own };
    items(policy, &format!("/spec/{way}")).iter().any(|rule| {
        let listed = items(rule, &format!("/{peers}"));
        let by_peer =
            listed.is_empty() || listed.iter().any(|peer| peer_is(objects, peer, other, own));
        let ports = items(rule, "/ports");
        by_peer && (ports.is_empty() || ports.iter().any(|port| port_is(port, connection)))
    })
}

/// The key of a rule's peers, and the end that they are about.
fn other_end<'c>(connection: Connection<'c>, way: &str) -> (&'static str, End<'c>) {
    if way == "ingress" { ("from", connection.from) } else { ("to", connection.to) }
}

/// Whether one peer of a `NetworkPolicy` in namespace `own` means an end.
fn peer_is(objects: &[Value], peer: &Value, end: End<'_>, own: &str) -> bool {
    match (end, peer.get("ipBlock")) {
        (End::Outside(address), Some(block)) => block_holds(block, address),
        // "These should be cluster-external IPs, since Pod IPs are ephemeral and unpredictable."
        (End::Pod(_), Some(_)) | (End::Outside(_), None) => false,
        (End::Pod(pod), None) => {
            let in_namespace = match peer.get("namespaceSelector") {
                Some(selector) => selects(selector, &read::namespace(objects, &pod.namespace)),
                None => pod.namespace == own,
            };
            in_namespace && peer.get("podSelector").is_none_or(|one| selects(one, &pod.labels))
        }
    }
}

/// Whether one port of a `NetworkPolicy` means a connection's.
fn port_is(port: &Value, connection: Connection<'_>) -> bool {
    let protocol = port.get("protocol").and_then(Value::as_str).unwrap_or("TCP");
    if protocol != connection.protocol {
        return false;
    }
    match port.get("port") {
        None | Some(Value::Null) => true,
        Some(Value::String(name)) => is_named(name, Some(protocol), connection),
        Some(number) => {
            let first = number.as_u64().unwrap_or(0);
            let last = port.get("endPort").and_then(Value::as_u64).unwrap_or(first);
            (first..=last).contains(&u64::from(connection.port))
        }
    }
}

/// Whether the pod that is connected to calls the port by a name.
fn is_named(name: &str, protocol: Option<&str>, connection: Connection<'_>) -> bool {
    let End::Pod(pod) = connection.to else { return false };
    pod.ports.iter().any(|port| {
        port.name == name
            && port.number == connection.port
            && port.protocol == connection.protocol
            && protocol.is_none_or(|one| one == port.protocol)
    })
}

/// What the administrators' policies of a tier say; nothing when none matches.
fn admin(
    objects: &[Value],
    pod: &Pod,
    connection: Connection<'_>,
    way: &str,
    tier: &str,
) -> Option<Word> {
    let mut policies: Vec<&Value> = objects.iter().filter(|one| tier_of(one) == tier).collect();
    policies.sort_by_key(|one| one.pointer("/spec/priority").and_then(Value::as_u64).unwrap_or(0));
    let (peers, other) = other_end(connection, way);
    for policy in policies {
        let subject = policy.pointer("/spec/subject").unwrap_or(&Value::Null);
        if !pods_are(objects, subject, End::Pod(pod)) {
            continue;
        }
        for rule in items(policy, &format!("/spec/{way}")) {
            let listed = items(rule, &format!("/{peers}"));
            let by_peer =
                listed.iter().any(|peer| admin_peer_is(objects, peer, (other, connection.over_v6)));
            if by_peer && admin_ports_are(rule, connection) {
                return Some(match text(rule, "/action") {
                    "Allow" | "Accept" => Word::Allow,
                    "Deny" => Word::Deny,
                    _ => Word::Pass,
                });
            }
        }
    }
    None
}

fn tier_of(object: &Value) -> &str {
    match text(object, "/kind") {
        "AdminNetworkPolicy" => "Admin",
        "BaselineAdminNetworkPolicy" => "Baseline",
        "ClusterNetworkPolicy" => text(object, "/spec/tier"),
        _ => "",
    }
}

fn admin_peer_is(objects: &[Value], peer: &Value, (end, over_v6): (End<'_>, Option<bool>)) -> bool {
    match (peer.get("networks"), end) {
        (Some(networks), End::Outside(address)) => networks
            .as_array()
            .into_iter()
            .flatten()
            .any(|one| selector::prefix_holds(one.as_str().unwrap_or(""), address)),
        // "If you Allow or Deny traffic to 0.0.0.0/0, that will allow or deny all IPv4 pod-to-pod
        // traffic as well."
        (Some(networks), End::Pod(pod)) => networks
            .as_array()
            .into_iter()
            .flatten()
            .any(|one| pod.has_address_in(one.as_str().unwrap_or(""), over_v6)),
        (None, _) => pods_are(objects, peer, end),
    }
}

/// `namespaces`, or `pods` with both selectors.
fn pods_are(objects: &[Value], peer: &Value, end: End<'_>) -> bool {
    let End::Pod(pod) = end else { return false };
    if pod.on_host {
        return false;
    }
    let labels = read::namespace(objects, &pod.namespace);
    if let Some(namespaces) = peer.get("namespaces") {
        return selects(namespaces, &labels);
    }
    let Some(pods) = peer.get("pods") else { return false };
    let by = |key: &str| pods.get(key).unwrap_or(&Value::Null);
    selects(by("namespaceSelector"), &labels) && selects(by("podSelector"), &pod.labels)
}

fn admin_ports_are(rule: &Value, connection: Connection<'_>) -> bool {
    let ports = items(rule, "/ports");
    let protocols = items(rule, "/protocols");
    if ports.is_empty() && protocols.is_empty() {
        return true;
    }
    ports.iter().any(|port| admin_port_is(port, connection))
        || protocols.iter().any(|one| cluster_port_is(one, connection))
}

fn admin_port_is(port: &Value, connection: Connection<'_>) -> bool {
    if let Some(name) = port.get("namedPort").and_then(Value::as_str) {
        return is_named(name, None, connection);
    }
    let protocol =
        |one: &Value| one.get("protocol").and_then(Value::as_str) == Some(connection.protocol);
    if let Some(one) = port.get("portNumber") {
        return protocol(one) && number(one, "port") == u64::from(connection.port);
    }
    port.get("portRange").is_some_and(|one| {
        protocol(one)
            && (number(one, "start")..=number(one, "end")).contains(&u64::from(connection.port))
    })
}

fn cluster_port_is(one: &Value, connection: Connection<'_>) -> bool {
    if let Some(name) = one.get("destinationNamedPort").and_then(Value::as_str) {
        return is_named(name, None, connection);
    }
    let Some(port) = one.get(connection.protocol.to_lowercase()) else { return false };
    let Some(to) = port.get("destinationPort") else { return true };
    if to.get("number").is_some() {
        return number(to, "number") == u64::from(connection.port);
    }
    to.get("range").is_some_and(|range| {
        (number(range, "start")..=number(range, "end")).contains(&u64::from(connection.port))
    })
}

fn number(value: &Value, key: &str) -> u64 {
    value.get(key).and_then(Value::as_u64).unwrap_or(0)
}
