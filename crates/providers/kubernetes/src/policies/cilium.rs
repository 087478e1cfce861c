//! `CiliumNetworkPolicy` and `CiliumClusterwideNetworkPolicy`, their rules for addresses and ports.
//!
//! Source: Cilium documentation, "Layer 3 Policies", "Layer 4 Policies", "Deny Policies" and
//! "Using Kubernetes Constructs In Policy". Rules add up beside those of `NetworkPolicy`, and one
//! that denies wins; addresses never mean pods. Rules for contents (HTTP, DNS, Kafka) narrow what a
//! rule for ports accepts, so that rule is taken as perhaps accepting.

mod peers;

use std::collections::BTreeSet;

use watertight_model::Name;
use watertight_net::{AddressSet, FlowSet, PortSet, Protocol};
use watertight_source::Node;

use super::{Way, not_modelled, numbered, prefix};
use crate::codes;
use crate::fields::Notes;
use crate::flows::{range, to_ports};
use crate::known::Known;
use crate::labels;
use crate::objects::Object;
use crate::policy::{Effect, PeerSpec, Peers, Policy, PolicyRule, PortSpec, Ports, Rank, Tier};
use crate::selector::{PodSelector, Selector};

/// The label by which selectors name a namespace.
const NAMESPACE: &str = "io.kubernetes.pod.namespace";
/// What comes before the keys of a namespace's own labels.
const OF_NAMESPACE: &str = "io.cilium.k8s.namespace.labels.";
/// The label that says what the cluster of a pod is called.
const CLUSTER: &str = "io.cilium.k8s.policy.cluster";

/// What an entry of a rule's ports says.
const OF_PORTS: [&str; 6] =
    ["ports", "rules", "serverNames", "listener", "terminatingTLS", "originatingTLS"];
/// What of it is about contents, or what stands in between.
const OF_CONTENTS: [&str; 5] =
    ["rules", "serverNames", "listener", "terminatingTLS", "originatingTLS"];

/// What a rule is read with.
#[derive(Clone, Copy, Debug)]
struct Scene<'k> {
    known: &'k Known,
    /// The policy's namespace, where it has one.
    own: Option<&'k Name>,
}

/// Reads a policy: one for each of its specifications.
pub(super) fn read(object: &Object<'_>, known: &Known, notes: &mut Notes) -> Vec<Policy> {
    let mut specs: Vec<Node<'_>> = object.spec(notes).into_iter().collect();
    specs.extend(notes.items(object.node, "specs"));
    if specs.is_empty() {
        notes.diagnostics.push(object.node.missing_field("spec", "an object"));
    }
    specs.into_iter().filter_map(|spec| policy(object, spec, known, notes)).collect()
}

fn policy(object: &Object<'_>, spec: Node<'_>, known: &Known, notes: &mut Notes) -> Option<Policy> {
    let scene = Scene { known, own: (!object.namespace.is_empty()).then_some(&object.namespace) };
    notes.only(
        spec,
        &[
            "endpointSelector",
            "nodeSelector",
            "ingress",
            "ingressDeny",
            "egress",
            "egressDeny",
            "enableDefaultDeny",
            "labels",
            "description",
        ],
    );
    let Some(selector) = spec.get("endpointSelector") else {
        if let Some(nodes) = spec.get("nodeSelector") {
            notes.note(codes::NO_EFFECT, nodes.span(), "policies for nodes are not read");
        } else {
            notes.diagnostics.push(spec.missing_field("endpointSelector", "an object"));
        }
        return None;
    };
    let own = (!object.namespace.is_empty()).then(|| object.namespace.clone());
    let subject = subject(notes, selector, own.as_ref())?;
    let mut read = |way: Way, denies: &str| -> Option<Vec<PolicyRule>> {
        let deny = notes.items(spec, denies);
        let allow = notes.items(spec, way.key());
        let mut rules = Vec::new();
        for (place, node) in deny.iter().enumerate() {
            let name = Name::from(format!("{denies} {}", place.saturating_add(1)));
            rules.extend(rule(notes, *node, (way, name), Effect::Deny, scene));
        }
        for (place, node) in allow.iter().enumerate() {
            let name = numbered(way, place);
            rules.extend(requirement(notes, *node, (way, &name)));
            rules.extend(rule(notes, *node, (way, name), Effect::Allow, scene));
        }
        (!deny.is_empty() || !allow.is_empty()).then_some(rules)
    };
    let (ingress, egress) = (read(Way::Ingress, "ingressDeny"), read(Way::Egress, "egressDeny"));
    let default = notes.take(spec.object_field("enableDefaultDeny"));
    let said =
        Way::BOTH.map(|way| default.and_then(|default| notes.take(default.bool_field(way.key()))));
    // What denies by default needs no rule to do so.
    let governed = |rules: Option<Vec<PolicyRule>>, said: Option<bool>| {
        rules.or_else(|| (said == Some(true)).then(Vec::new))
    };
    let (ingress, egress) = (governed(ingress, said[0]), governed(egress, said[1]));
    let isolates = said.map(|said| said.unwrap_or(true));
    let kind = if own.is_some() { "CiliumNetworkPolicy" } else { "CiliumClusterwideNetworkPolicy" };
    Some(Policy {
        kind,
        name: object.full_name(),
        tier: Tier::policies(),
        rank: Rank::whole(0),
        networks: None,
        subject,
        ingress,
        egress,
        isolates,
        span: object.span,
    })
}

/// Whom a policy is about: in a namespace's policy always pods of that namespace.
///
/// Source: Cilium documentation, "Using Kubernetes Constructs In Policy": the selector of a
/// namespaced policy holds in the namespace of the policy; one for another namespace is taken out.
fn subject(notes: &mut Notes, node: Node<'_>, own: Option<&Name>) -> Option<PodSelector> {
    let selector = labels::selector(notes, node)?;
    if asks_cluster(&selector) {
        let message = "the policy selects by the name of the cluster: it is not read";
        notes.error(codes::NOT_MODELLED, node.span(), message);
        return None;
    }
    let (namespaces, pods, _) = split(selector)?;
    let Some(own) = own else { return Some(PodSelector::own(namespaces, pods)) };
    let parts = match namespaces {
        Selector::And(parts) => parts,
        one => vec![one],
    };
    let (names, rest): (Vec<Selector>, Vec<Selector>) = parts.into_iter().partition(|part| {
        matches!(part, Selector::In(key, values)
            if *key == crate::selector::NAMESPACE_NAME && values.len() == 1)
    });
    let is_own = |part: &Selector| crate::selector::only_namespace(part) == Some(own);
    if !names.iter().all(is_own) {
        let message = format!("the policy is about pods of its own namespace, `{own}`, alone");
        notes.warn(codes::BAD_VALUE, node.span(), message);
    }
    let own = crate::selector::namespace(own);
    Some(PodSelector::own(Selector::all(rest.into_iter().chain([own])), pods))
}

/// Whether a selector asks what the cluster is called, which manifests do not tell.
fn asks_cluster(selector: &Selector) -> bool {
    let mut keys = BTreeSet::new();
    selector.keys(&mut keys);
    keys.into_iter().any(|key| key.strip_prefix("k8s:").unwrap_or(key) == CLUSTER)
}

/// An endpoint selector of a rule: in a namespace's policy, of that namespace unless it names
/// another.
fn pods(notes: &mut Notes, node: Node<'_>, own: Option<&Name>) -> Option<PodSelector> {
    let (namespaces, pods, named) = split(labels::selector(notes, node)?)?;
    let namespaces = match own {
        Some(own) if !named => Selector::all([namespaces, crate::selector::namespace(own)]),
        _ => namespaces,
    };
    Some(PodSelector::own(namespaces, pods))
}

/// Takes a selector apart into what it asks of namespaces and of pods, and whether it names a
/// namespace at all. Nothing for labels of what is no pod.
fn split(selector: Selector) -> Option<(Selector, Selector, bool)> {
    let parts = match selector {
        Selector::And(parts) => parts,
        one => vec![one],
    };
    let (mut namespaces, mut pods, mut named) = (Vec::new(), Vec::new(), false);
    for part in parts {
        let (negated, part) = match part {
            Selector::Not(inner) => (true, *inner),
            other => (false, other),
        };
        let key = match &part {
            Selector::In(key, _) | Selector::Exists(key) => key.clone(),
            other => {
                pods.push(other.clone());
                continue;
            }
        };
        if key.starts_with("reserved:") {
            return None;
        }
        let key = key.strip_prefix("k8s:").or(key.strip_prefix("any:")).unwrap_or(&key);
        let of_namespace = if key == NAMESPACE {
            Some(crate::selector::NAMESPACE_NAME)
        } else {
            key.strip_prefix(OF_NAMESPACE)
        };
        let renamed = |key: &str| match &part {
            Selector::In(_, values) => Selector::In(Name::from(key), values.clone()),
            _ => Selector::Exists(Name::from(key)),
        };
        let one = renamed(of_namespace.unwrap_or(key));
        let one = if negated { one.negated() } else { one };
        named |= of_namespace.is_some();
        if of_namespace.is_some() { namespaces.push(one) } else { pods.push(one) }
    }
    Some((Selector::all(namespaces), Selector::all(pods), named))
}

/// What a rule requires beside what it allows: a constraint upon every rule of the pods in its
/// direction, which is not known here, so that all that they accept is perhaps denied.
///
/// Source: Cilium documentation, "Layer 3 Policies": `fromRequires` and `toRequires` allow nothing
/// by themselves.
fn requirement(notes: &mut Notes, node: Node<'_>, (way, name): (Way, &Name)) -> Option<PolicyRule> {
    let key = format!("{}Requires", way.peers());
    let required = node.get(&key)?;
    not_modelled(notes, required.span(), &format!("`{key}` of a rule"));
    Some(PolicyRule {
        name: Name::from(format!("{name}, {key}")),
        peers: Peers::Listed(vec![PeerSpec::Unread(Name::from(key))]),
        ports: Ports::All,
        effect: Effect::Deny,
        span: required.span(),
    })
}

/// One rule; an empty one accepts nothing.
fn rule(
    notes: &mut Notes,
    node: Node<'_>,
    (way, name): (Way, Name),
    effect: Effect,
    scene: Scene<'_>,
) -> Option<PolicyRule> {
    let before = notes.diagnostics.errors();
    let mut listed: Vec<PeerSpec> = Vec::new();
    let (mut has_peers, mut unread) = (false, None);
    for entry in node.entries() {
        let field = entry.key.strip_prefix(way.peers()).unwrap_or(entry.key);
        match field {
            "toPorts" | "Ports" | "icmps" | "authentication" | "Requires" => continue,
            "FQDNs" => {
                not_modelled(notes, entry.key_span, "which addresses domain names have");
                listed.push(PeerSpec::SomeAddresses(Name::from("domain names")));
            }
            "Endpoints" | "Entities" | "CIDR" | "CIDRSet" | "Services" | "Nodes" => {
                for one in notes.items(node, entry.key) {
                    ends(notes, one, field, scene, &mut listed);
                }
            }
            _ => {
                let what = format!("`{}` of a rule", entry.key);
                not_modelled(notes, entry.key_span, &what);
                unread = Some(Name::from(what));
            }
        }
        has_peers = true;
    }
    let names = |word: &str| {
        listed.iter().any(|peer| matches!(peer, PeerSpec::HostPods(name) if **name == *word))
    };
    // Between them, every host.
    if names("host") && names("remote-node") {
        listed.push(PeerSpec::Pods(PodSelector::OF_HOSTS));
    }
    let (ports, contents) = ports(notes, node);
    let ports = match (peers::icmps(notes, node), ports) {
        (None, ports) => ports,
        (Some(icmp), Ports::All) => Ports::Listed(vec![icmp]),
        (Some(icmp), Ports::Listed(mut listed)) => {
            listed.push(icmp);
            Ports::Listed(listed)
        }
    };
    if notes.diagnostics.errors() > before {
        unread = Some(Name::from("a rule that cannot be read"));
    }
    if contents && effect == Effect::Allow {
        unread = Some(Name::from("a rule that looks at contents"));
    }
    let empty = !has_peers && ports == Ports::All && unread.is_none();
    if empty {
        return None;
    }
    let peers = match unread {
        Some(text) => Peers::Listed(vec![PeerSpec::Unread(text)]),
        None if has_peers => Peers::Listed(listed),
        None => Peers::Anybody,
    };
    Some(PolicyRule { name, peers, ports, effect, span: node.span() })
}

/// What one item of a rule's field names; `field` is the field without its direction.
fn ends(
    notes: &mut Notes,
    node: Node<'_>,
    field: &str,
    scene: Scene<'_>,
    listed: &mut Vec<PeerSpec>,
) {
    match field {
        "Endpoints" => listed.push(match pods(notes, node, scene.own) {
            Some(pods) if asks_cluster(&pods.pods) => {
                not_modelled(notes, node.span(), "what the cluster is called");
                PeerSpec::Unread(Name::from("pods by the name of their cluster"))
            }
            Some(pods) => PeerSpec::Pods(pods),
            None => PeerSpec::SomeAddresses(Name::from("reserved labels")),
        }),
        "Entities" => entity(notes, node, scene.known, listed),
        "CIDR" => listed.extend(prefix(notes, node).map(|prefix| {
            let text = Name::from(prefix.to_string());
            PeerSpec::Addresses(AddressSet::from_prefix(prefix), text)
        })),
        "CIDRSet" => listed.extend(peers::cidr_set(notes, node, scene)),
        "Services" => listed.push(peers::service(notes, node, scene)),
        _ => {
            listed.push(PeerSpec::HostPods(Name::from("pods on the network of some nodes")));
            listed.extend(peers::nodes(notes, node, scene));
        }
    }
}

/// Source: "Layer 3 Policies", entities based.
fn entity(notes: &mut Notes, node: Node<'_>, known: &Known, listed: &mut Vec<PeerSpec>) {
    match node.as_str() {
        Some("all") => {
            listed.push(PeerSpec::Pods(PodSelector::ALL));
            listed.push(PeerSpec::Addresses(AddressSet::all(), Name::from("everything outside")));
        }
        Some("world") => {
            listed.push(PeerSpec::Addresses(AddressSet::all(), Name::from("the world")));
        }
        Some("world-ipv4") => {
            listed.push(PeerSpec::Addresses(AddressSet::all_v4(), Name::from("the world, IPv4")));
        }
        Some("world-ipv6") => {
            listed.push(PeerSpec::Addresses(AddressSet::all_v6(), Name::from("the world, IPv6")));
        }
        Some("cluster") => {
            listed.push(PeerSpec::Pods(PodSelector::ALL));
            listed.push(known.nodes(&Selector::Everything).unwrap_or_else(|| {
                PeerSpec::SomeAddresses(Name::from("nodes, which are not in the input"))
            }));
        }
        Some("none") => {}
        // Pods on their host's network are that host.
        Some(name @ ("host" | "remote-node" | "kube-apiserver")) => {
            listed.push(PeerSpec::SomeAddresses(Name::from(name)));
            listed.push(PeerSpec::HostPods(Name::from(name)));
        }
        Some(name @ ("ingress" | "init" | "health" | "unmanaged")) => {
            listed.push(PeerSpec::SomeAddresses(Name::from(name)));
        }
        _ => {
            let message = format!("{} is no entity", node.describe());
            notes.error(codes::BAD_VALUE, node.span(), message);
        }
    }
}

/// The ports of a rule, and whether it looks at contents too.
fn ports(notes: &mut Notes, node: Node<'_>) -> (Ports, bool) {
    let mut listed = Vec::new();
    let mut contents = false;
    let groups = notes.items(node, "toPorts");
    for group in &groups {
        notes.only(*group, &OF_PORTS);
        contents |= OF_CONTENTS.iter().any(|key| group.get(key).is_some());
        if group.get("ports").is_none() {
            not_modelled(notes, group.span(), "an entry of `toPorts` without `ports`");
            contents = true;
        }
        for one in notes.items(*group, "ports") {
            listed.extend(port(notes, one));
        }
    }
    let ports = if listed.is_empty() { Ports::All } else { Ports::Listed(listed) };
    (ports, contents)
}

/// Source: "Layer 4 Policies": no protocol, or `ANY`, is TCP, UDP and SCTP; port 0 is all.
fn port(notes: &mut Notes, node: Node<'_>) -> Option<PortSpec> {
    let protocols = match notes.take(node.str_field("protocol")) {
        Some("TCP") => vec![Protocol::TCP],
        Some("UDP") => vec![Protocol::UDP],
        Some("SCTP") => vec![Protocol::SCTP],
        Some("ANY") | None => vec![Protocol::TCP, Protocol::UDP, Protocol::SCTP],
        Some(other) => {
            let message = format!("the protocol `{other}` is not read in a rule for ports");
            notes.error(codes::BAD_VALUE, node.span(), message);
            return None;
        }
    };
    let text = node.get("port").map(|port| port.as_str().unwrap_or(port.raw()));
    let Some(text) = text else {
        notes.diagnostics.push(node.missing_field("port", "a port"));
        return None;
    };
    let ports = match text.parse::<u16>() {
        Ok(0) => PortSet::full(),
        Ok(first) => match notes.take(node.u16_field("endPort")) {
            Some(last) if last > 0 => range(notes, node, first, last)?,
            _ => PortSet::single(first),
        },
        Err(_) => {
            let only = if protocols.len() == 1 { protocols.first().copied() } else { None };
            return Some(PortSpec::Named(Name::from(text), only));
        }
    };
    let each = protocols.into_iter().map(|protocol| to_ports(protocol, ports.clone()));
    Some(PortSpec::Flows(each.collect::<FlowSet>()))
}
