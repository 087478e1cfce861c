//! Cilium's policies, connection by connection.
//!
//! Sources: Cilium documentation, "Layer 3 Policies", "Layer 4 Policies", "Deny Policies", "Using
//! Kubernetes Constructs In Policy" and "Policy Enforcement Modes".

use std::collections::BTreeMap;

use serde_json::Value;

use super::read::{Pod, items, namespace, text};
use super::selector::{block_holds, prefix_holds, selects};
use super::{Connection, End, is_named, other_end};

/// What Cilium's policies say of a connection at one of its ends.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// Some policy isolates the pod in this direction.
    pub(super) isolates: bool,
    /// Some rule allows the connection.
    pub(super) allows: bool,
    /// Some rule denies it.
    pub(super) denies: bool,
}

/// Asks every policy that selects the pod.
pub(super) fn said(objects: &[Value], pod: &Pod, connection: Connection<'_>, way: &str) -> Said {
    let mut said = Said::default();
    for policy in objects {
        let own = match text(policy, "/kind") {
            "CiliumNetworkPolicy" => Some(text(policy, "/metadata/namespace")),
            "CiliumClusterwideNetworkPolicy" => None,
            _ => continue,
        };
        let mut specs: Vec<&Value> = policy.get("spec").into_iter().collect();
        specs.extend(items(policy, "/specs"));
        for spec in specs {
            let subject = spec.get("endpointSelector").unwrap_or(&Value::Null);
            let elsewhere = own.is_some_and(|own| own != pod.namespace);
            // "EndpointSelector always applies in namespace of the policy": the label of another
            // one is overwritten, and an expression is not.
            let mut subject = subject.clone();
            let label = "k8s:io.kubernetes.pod.namespace";
            let written = subject.pointer_mut("/matchLabels").and_then(|one| one.get_mut(label));
            if let (Some(written), Some(own)) = (written, own) {
                *written = Value::from(own);
            }
            if elsewhere || !endpoint_is(objects, &subject, pod, own) {
                continue;
            }
            let allowing = items(spec, &format!("/{way}"));
            let denying = items(spec, &format!("/{way}Deny"));
            let has_rules = !allowing.is_empty() || !denying.is_empty();
            let default = spec.pointer(&format!("/enableDefaultDeny/{way}"));
            said.isolates |= default.and_then(Value::as_bool).unwrap_or(has_rules);
            let holds = |rule: &Value| rule_holds(objects, rule, connection, way, own);
            said.allows |= allowing.iter().any(holds);
            said.denies |= denying.iter().any(holds);
        }
    }
    said
}

/// Whether an endpoint selector means a pod: of the policy's namespace, unless it names one.
fn endpoint_is(objects: &[Value], selector: &Value, pod: &Pod, own: Option<&str>) -> bool {
    if pod.on_host {
        return false;
    }
    let mut labels: BTreeMap<String, String> = pod.labels.clone();
    labels.insert("k8s:io.kubernetes.pod.namespace".to_owned(), pod.namespace.clone());
    for (key, value) in namespace(objects, &pod.namespace) {
        labels.insert(format!("k8s:io.cilium.k8s.namespace.labels.{key}"), value);
    }
    for (key, value) in &pod.labels {
        labels.insert(format!("any:{key}"), value.clone());
        labels.insert(format!("k8s:{key}"), value.clone());
    }
    let written = selector.to_string();
    let names_one = written.contains("io.kubernetes.pod.namespace")
        || written.contains("io.cilium.k8s.namespace.labels.");
    let in_place = names_one || own.is_none_or(|own| own == pod.namespace);
    in_place && selects(selector, &labels)
}

/// Whether a rule means a connection: who is at the other end, and the port. A rule that says
/// nothing at all means nobody.
fn rule_holds(
    objects: &[Value],
    rule: &Value,
    connection: Connection<'_>,
    way: &str,
    own: Option<&str>,
) -> bool {
    let (prefix, other) = other_end(connection, way);
    let given = |name: &str| rule.get(format!("{prefix}{name}"));
    let lists = ["Endpoints", "Entities", "CIDR", "CIDRSet"].map(|name| (name, given(name)));
    let ports = items(rule, "/toPorts");
    let says_who = lists.iter().any(|(_, list)| list.is_some());
    if !says_who && ports.is_empty() {
        return false;
    }
    let by_who = !says_who
        || lists.iter().any(|(name, list)| {
            let list = list.and_then(Value::as_array).into_iter().flatten();
            list.into_iter().any(|one| peer_is(objects, name, one, other, own))
        });
    let by_port = ports.is_empty()
        || ports.iter().any(|group| {
            let listed = items(group, "/ports");
            listed.is_empty() || listed.iter().any(|port| port_is(port, connection))
        });
    by_who && by_port
}

fn peer_is(objects: &[Value], kind: &str, peer: &Value, end: End<'_>, own: Option<&str>) -> bool {
    match (kind, end) {
        ("Endpoints", End::Pod(pod)) => endpoint_is(objects, peer, pod, own),
        ("Entities", End::Pod(_)) => matches!(peer.as_str(), Some("all" | "cluster")),
        ("Entities", End::Outside(address)) => match peer.as_str() {
            Some("all" | "world") => true,
            Some("world-ipv4") => address.is_ipv4(),
            Some("world-ipv6") => address.is_ipv6(),
            _ => false,
        },
        ("CIDR", End::Outside(address)) => prefix_holds(peer.as_str().unwrap_or(""), address),
        ("CIDRSet", End::Outside(address)) => match peer.get("cidrGroupRef") {
            None => block_holds(peer, address),
            Some(name) => {
                let group = objects.iter().find(|one| {
                    text(one, "/kind") == "CiliumCIDRGroup"
                        && one.pointer("/metadata/name") == Some(name)
                });
                let prefixes = group.map(|group| items(group, "/spec/externalCIDRs"));
                let held = |list: &[Value]| {
                    list.iter().any(|one| prefix_holds(one.as_str().unwrap_or(""), address))
                };
                prefixes.is_some_and(held) && !held(items(peer, "/except"))
            }
        },
        _ => false,
    }
}

fn port_is(port: &Value, connection: Connection<'_>) -> bool {
    let protocol = text(port, "/protocol");
    if !matches!(protocol, "" | "ANY") && protocol != connection.protocol {
        return false;
    }
    let written = text(port, "/port");
    let Ok(first) = written.parse::<u64>() else {
        return is_named(written, None, connection);
    };
    let last = port.get("endPort").and_then(Value::as_u64).unwrap_or(first);
    first == 0 || (first..=last).contains(&u64::from(connection.port))
}
