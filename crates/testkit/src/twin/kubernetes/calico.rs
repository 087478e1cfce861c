//! Calico's tiers and policies, connection by connection.
//!
//! Sources: Calico documentation, "Network policy", "Global network policy", "Tier" and "Network
//! set": in the order of tiers, of policies and of rules, the first that matches decides; the end of
//! a tier that governs a pod denies unless the tier says `Pass`.

use std::collections::BTreeMap;

use serde_json::Value;

use super::read::{Pod, items, namespace, text};
use super::selector::prefix_holds;
use super::{Connection, End, Word, is_named, other_end, policy_allows, policy_selects};

/// Whether the tiers allow a connection at one of its ends.
pub(super) fn allows(objects: &[Value], pod: &Pod, connection: Connection<'_>, way: &str) -> bool {
    let narrow = |end: End<'_>| match (end, connection.over_v6) {
        (End::Pod(one), Some(v6)) => Some(one.over(v6)),
        _ => None,
    };
    let (from, to) = (narrow(connection.from), narrow(connection.to));
    let connection = Connection {
        from: from.as_ref().map_or(connection.from, End::Pod),
        to: to.as_ref().map_or(connection.to, End::Pod),
        ..connection
    };
    let mut tiers: Vec<(u64, &str, bool)> = vec![(1_000_000, "default", false)];
    for tier in objects.iter().filter(|one| text(one, "/kind") == "Tier") {
        let passes = text(tier, "/spec/defaultAction") == "Pass";
        tiers.push((number(tier, "/spec/order"), text(tier, "/metadata/name"), passes));
    }
    tiers.sort_unstable();
    for (_, tier, passes) in tiers {
        match of_tier(objects, tier, pod, connection, way) {
            (_, Some(Word::Allow)) => return true,
            (_, Some(Word::Deny)) => return false,
            (_, Some(Word::Pass)) | (false, None) => {}
            (true, None) => {
                if !passes {
                    return false;
                }
            }
        }
    }
    true
}

/// Whether a tier governs the pod, and what the first rule that matches says.
fn of_tier(
    objects: &[Value],
    tier: &str,
    pod: &Pod,
    connection: Connection<'_>,
    way: &str,
) -> (bool, Option<Word>) {
    let mut policies: Vec<(u64, &Value)> = Vec::new();
    for policy in objects {
        if is_calicos(policy) {
            let own = text(policy, "/spec/tier");
            if (if own.is_empty() { "default" } else { own }) == tier {
                policies.push((number(policy, "/spec/order"), policy));
            }
        } else if text(policy, "/kind") == "NetworkPolicy" && tier == "default" {
            policies.push((1_000, policy));
        }
    }
    policies.sort_by_key(|(order, _)| *order);
    let mut governs = false;
    for (_, policy) in policies {
        if !is_calicos(policy) {
            if policy_selects(policy, pod, way) {
                governs = true;
                if policy_allows(objects, policy, connection, way) {
                    return (true, Some(Word::Allow));
                }
            }
            continue;
        }
        if !governs_pod(objects, policy, pod, way) {
            continue;
        }
        governs = true;
        for rule in items(policy, &format!("/spec/{way}")) {
            if rule_holds(objects, policy, rule, connection, way) {
                match text(rule, "/action") {
                    "Allow" => return (true, Some(Word::Allow)),
                    "Deny" => return (true, Some(Word::Deny)),
                    "Pass" => return (true, Some(Word::Pass)),
                    _ => {}
                }
            }
        }
    }
    (governs, None)
}

fn is_calicos(object: &Value) -> bool {
    text(object, "/apiVersion").starts_with("projectcalico.org/")
        && matches!(text(object, "/kind"), "NetworkPolicy" | "GlobalNetworkPolicy")
}

/// The namespace of a policy that has one.
fn own(policy: &Value) -> Option<&str> {
    (text(policy, "/kind") == "NetworkPolicy").then(|| text(policy, "/metadata/namespace"))
}

fn governs_pod(objects: &[Value], policy: &Value, pod: &Pod, way: &str) -> bool {
    let types = items(policy, "/spec/types");
    let wanted = if way == "ingress" { "Ingress" } else { "Egress" };
    // What is asked of hosts before any translation, or untracked, governs no pod.
    if ["/spec/preDNAT", "/spec/doNotTrack"]
        .into_iter()
        .any(|key| policy.pointer(key) == Some(&Value::Bool(true)))
    {
        return false;
    }
    let governs = if types.is_empty() {
        let has = |key: &str| !items(policy, &format!("/spec/{key}")).is_empty();
        if way == "egress" { has("egress") } else { has("ingress") || !has("egress") }
    } else {
        types.iter().any(|one| one.as_str() == Some(wanted))
    };
    let in_namespace = match own(policy) {
        Some(own) => own == pod.namespace,
        None => holds(text(policy, "/spec/namespaceSelector"), &namespace(objects, &pod.namespace)),
    };
    governs
        && !pod.on_host
        && in_namespace
        && holds(text(policy, "/spec/selector"), &of_pod(objects, pod))
}

fn rule_holds(
    objects: &[Value],
    policy: &Value,
    rule: &Value,
    connection: Connection<'_>,
    way: &str,
) -> bool {
    let protocol = text(rule, "/protocol");
    let not_protocol = text(rule, "/notProtocol");
    if !protocol.is_empty() && protocol != connection.protocol
        || not_protocol == connection.protocol
    {
        return false;
    }
    let ports = items(rule, "/destination/ports");
    let by_port = ports.is_empty() || ports.iter().any(|port| port_is(port, connection));
    let not_ports = items(rule, "/destination/notPorts");
    let (_, end) = other_end(connection, way);
    let side = rule.get(if way == "ingress" { "source" } else { "destination" });
    by_port
        && !not_ports.iter().any(|port| port_is(port, connection))
        && side.is_none_or(|side| side_is(objects, side, end, own(policy)))
}

/// Whether what a rule says of the other side means an end: each thing that it says must hold. Selectors
/// mean pods and sets of networks by labels.
fn side_is(objects: &[Value], side: &Value, end: End<'_>, own: Option<&str>) -> bool {
    let nets = items(side, "/nets");
    if !nets.is_empty() && !in_prefixes(nets, end) || in_prefixes(items(side, "/notNets"), end) {
        return false;
    }
    let not = text(side, "/notSelector");
    if !not.is_empty() && is_labelled(objects, not, end) {
        return false;
    }
    let positive = ["selector", "namespaceSelector"].iter().any(|key| side.get(key).is_some());
    // A policy of a namespace that excludes by labels is about its namespace.
    if !positive && (not.is_empty() || own.is_none()) {
        return true;
    }
    let by_itself = match end {
        End::Pod(pod) => {
            let of_namespace = namespace(objects, &pod.namespace);
            let place = (Some(pod.namespace.as_str()), &of_namespace);
            !pod.on_host && labels_are(side, &of_pod(objects, pod), place, own)
        }
        End::Outside(_) => false,
    };
    by_itself || objects.iter().any(|set| set_is(objects, set, side, end, own))
}

/// Whether a selector means an end wherever it is: a pod by its labels, and whoever has an address in
/// a set of networks with such labels.
fn is_labelled(objects: &[Value], selector: &str, end: End<'_>) -> bool {
    let by_itself = match end {
        End::Pod(pod) => !pod.on_host && holds(selector, &of_pod(objects, pod)),
        End::Outside(_) => false,
    };
    by_itself
        || objects.iter().any(|set| {
            matches!(text(set, "/kind"), "NetworkSet" | "GlobalNetworkSet")
                && in_prefixes(items(set, "/spec/nets"), end)
                && holds(selector, &of_set(objects, set))
        })
}

/// The labels of a set of networks, with those that Calico gives it.
fn of_set(objects: &[Value], set: &Value) -> BTreeMap<String, String> {
    let mut labels = map(set);
    if text(set, "/kind") == "NetworkSet" {
        labels.extend(of_place(objects, text(set, "/metadata/namespace")));
    }
    labels
}

/// Whether a set of networks that a side means holds an end.
fn set_is(objects: &[Value], set: &Value, side: &Value, end: End<'_>, own: Option<&str>) -> bool {
    let place = match text(set, "/kind") {
        "NetworkSet" => Some(text(set, "/metadata/namespace")),
        "GlobalNetworkSet" => None,
        _ => return false,
    };
    let of_namespace = place.map(|place| namespace(objects, place)).unwrap_or_default();
    in_prefixes(items(set, "/spec/nets"), end)
        && labels_are(side, &of_set(objects, set), (place, &of_namespace), own)
}

/// Whether selectors mean something with labels in a namespace, or in none.
fn labels_are(
    side: &Value,
    labels: &BTreeMap<String, String>,
    (place, of_namespace): (Option<&str>, &BTreeMap<String, String>),
    own: Option<&str>,
) -> bool {
    let in_namespace = match (side.get("namespaceSelector"), own) {
        (None, Some(own)) => place == Some(own),
        (None, None) => true,
        (Some(selector), _) => match selector.as_str() {
            Some("global()") => place.is_none(),
            Some(text) => place.is_some() && holds(text, of_namespace),
            None => false,
        },
    };
    in_namespace && holds(text(side, "/selector"), labels)
}

/// A pod's labels with those that Calico gives it: where it is, what made it, and the labels of its
/// namespace with `pcns.` before them.
fn of_pod(objects: &[Value], pod: &Pod) -> BTreeMap<String, String> {
    let mut found = pod.labels.clone();
    found.insert("projectcalico.org/orchestrator".to_owned(), "k8s".to_owned());
    found.extend(of_place(objects, &pod.namespace));
    found
}

fn of_place(objects: &[Value], name: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for (key, value) in namespace(objects, name) {
        found.insert(format!("pcns.{key}"), value);
    }
    found.insert("pcns.projectcalico.org/name".to_owned(), name.to_owned());
    found.insert("projectcalico.org/namespace".to_owned(), name.to_owned());
    found
}

fn map(object: &Value) -> BTreeMap<String, String> {
    let labels = object.pointer("/metadata/labels").and_then(Value::as_object);
    let each = labels.into_iter().flatten();
    each.map(|(key, value)| (key.clone(), value.as_str().unwrap_or("").to_owned())).collect()
}

/// Whether prefixes hold an end: a pod by the addresses that are told of it.
fn in_prefixes(prefixes: &[Value], end: End<'_>) -> bool {
    prefixes.iter().filter_map(Value::as_str).any(|one| match end {
        End::Pod(pod) => pod.has_address_in(one, None),
        End::Outside(address) => prefix_holds(one, address),
    })
}

fn port_is(port: &Value, connection: Connection<'_>) -> bool {
    match port {
        Value::Number(number) => number.as_u64() == Some(u64::from(connection.port)),
        Value::String(written) => match written.split_once(':') {
            Some((first, last)) => {
                let of = |text: &str| text.parse::<u16>().unwrap_or(0);
                (of(first)..=of(last)).contains(&connection.port)
            }
            None => is_named(written, Some(connection.protocol), connection),
        },
        _ => false,
    }
}

/// The few expressions that are generated: parts with `&&` between them.
fn holds(expression: &str, labels: &BTreeMap<String, String>) -> bool {
    expression.split("&&").map(str::trim).all(|part| {
        if let Some((key, value)) = part.split_once(" == ") {
            labels.get(key).map(String::as_str) == Some(value.trim_matches('\''))
        } else if let Some((key, value)) = part.split_once(" != ") {
            labels.get(key).map(String::as_str) != Some(value.trim_matches('\''))
        } else if let Some(key) = part.strip_prefix("has(") {
            labels.contains_key(key.trim_end_matches(')'))
        } else if let Some(key) = part.strip_prefix("!has(") {
            !labels.contains_key(key.trim_end_matches(')'))
        } else {
            matches!(part, "" | "all()")
        }
    })
}

/// A number at a pointer; what has none comes last.
fn number(value: &Value, pointer: &str) -> u64 {
    value.pointer(pointer).and_then(Value::as_u64).unwrap_or(u64::MAX)
}

/// Whether a policy at a host may refuse what the host forwards to a pod or from it: one with
/// `applyOnForward`, or `preDNAT` for what comes in, that selects a host endpoint of the pod's node, by
/// its labels or by those of the node that Calico made it for. What is not tracked has no effect on pods.
pub fn may_be_refused_at_hosts(objects: &[Value], node: Option<&str>, way: &str) -> bool {
    let mut endpoints: Vec<(BTreeMap<String, String>, Option<&str>)> = Vec::new();
    for object in objects.iter().filter(|one| text(one, "/kind") == "HostEndpoint") {
        endpoints.push((map(object), object.pointer("/spec/node").and_then(Value::as_str)));
    }
    let automatic = "/spec/controllers/node/hostEndpoint/autoCreate";
    if objects.iter().any(|one| text(one, automatic) == "Enabled") {
        for object in objects.iter().filter(|one| text(one, "/kind") == "Node") {
            let mut labels = map(object);
            let by = "calico-kube-controllers";
            labels.insert("projectcalico.org/created-by".to_owned(), by.to_owned());
            endpoints.push((labels, Some(text(object, "/metadata/name"))));
        }
    }
    endpoints.retain(|(_, own)| own.is_none() || node.is_none() || *own == node);
    objects.iter().any(|policy| {
        let is = |key: &str| policy.pointer(&format!("/spec/{key}")) == Some(&Value::Bool(true));
        let of_types = {
            let types = items(policy, "/spec/types");
            let has = |key: &str| !items(policy, &format!("/spec/{key}")).is_empty();
            let wanted = if way == "ingress" { "Ingress" } else { "Egress" };
            match (types.is_empty(), way) {
                (false, _) => types.iter().any(|one| one.as_str() == Some(wanted)),
                (true, "egress") => has("egress"),
                (true, _) => has("ingress") || !has("egress"),
            }
        };
        let governs =
            if is("preDNAT") { way == "ingress" } else { is("applyOnForward") && of_types };
        text(policy, "/kind") == "GlobalNetworkPolicy"
            && governs
            && !is("doNotTrack")
            && text(policy, "/spec/namespaceSelector").is_empty()
            && endpoints.iter().any(|(labels, _)| holds(text(policy, "/spec/selector"), labels))
    })
}
