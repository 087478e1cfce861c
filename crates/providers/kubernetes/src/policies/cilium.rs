//! `CiliumNetworkPolicy` and `CiliumClusterwideNetworkPolicy`, their rules for addresses and ports.
//!
//! Source: Cilium documentation, "Layer 3 Policies", "Layer 4 Policies", "Deny Policies" and
//! "Using Kubernetes Constructs In Policy". Rules add up beside those of `NetworkPolicy`, and one
//! that denies wins; addresses never mean pods. Rules for contents (HTTP, DNS, Kafka) narrow what an
//! entry for ports accepts: whom and what that entry names is perhaps accepted, and nothing else.

mod peers;
mod ports;

use std::collections::BTreeSet;

use watertight_model::Name;
use watertight_net::AddressSet;
use watertight_source::Node;

use super::{Way, not_modelled, numbered, perhaps, prefix};
use crate::codes;
use crate::fields::Notes;
use crate::known::Known;
use crate::labels;
use crate::objects::Object;
use crate::policy::{Effect, PeerSpec, Peers, Policy, PolicyRule, Ports, Rank, Tier};
use crate::selector::{PodSelector, Selector};

/// The label by which selectors name a namespace.
const NAMESPACE: &str = "io.kubernetes.pod.namespace";
/// What comes before the keys of a namespace's own labels.
const OF_NAMESPACE: &str = "io.cilium.k8s.namespace.labels.";
/// The label that says what the cluster of a pod is called.
const CLUSTER: &str = "io.cilium.k8s.policy.cluster";

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
            rules.extend(read_rule(notes, *node, (way, name), Effect::Deny, scene));
        }
        for (place, node) in allow.iter().enumerate() {
            let name = numbered(way, place);
            rules.extend(requirement(notes, *node, (way, &name)));
            rules.extend(read_rule(notes, *node, (way, name), Effect::Allow, scene));
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
/// namespaced policy holds in the namespace of the policy. The label of a namespace under
/// `matchLabels`, with the prefix `k8s:`, gives way to that; any other condition stands beside it.
fn subject(notes: &mut Notes, node: Node<'_>, own: Option<&Name>) -> Option<PodSelector> {
    let selector = labels::selector(notes, node)?;
    if asks_cluster(&selector) {
        let message = "the policy selects by the name of the cluster: it is not read";
        notes.error(codes::NOT_MODELLED, node.span(), message);
        return None;
    }
    let Some(own) = own else {
        let (namespaces, pods, _) = split(selector)?;
        return Some(PodSelector::own(namespaces, pods));
    };
    let key = format!("k8s:{NAMESPACE}");
    let labels = node.get("matchLabels");
    let elsewhere = labels.and_then(|labels| labels.get(&key)).and_then(Node::as_str);
    let elsewhere = elsewhere.filter(|name| **name != **own);
    if let Some(name) = elsewhere {
        let message = format!(
            "the policy is about pods of its own namespace, `{own}`, alone: not of `{name}`"
        );
        notes.warn(codes::BAD_VALUE, node.span(), message);
    }
    let taken = elsewhere.map(|name| Selector::is(&key, name));
    let parts = match selector {
        Selector::And(parts) => parts,
        one => vec![one],
    };
    let kept = parts.into_iter().filter(|part| Some(part) != taken.as_ref());
    let (namespaces, pods, _) = split(Selector::all(kept))?;
    let own = crate::selector::namespace(own);
    Some(PodSelector::own(Selector::all([namespaces, own]), pods))
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

/// One rule as what it accepts whatever the contents, and what by contents; an empty one accepts
/// nothing.
///
/// Source: Cilium documentation, "Layer 7 Policies": where one entry of `toPorts` has rules for contents and
/// another has none, what the other one accepts is accepted.
fn read_rule(
    notes: &mut Notes,
    node: Node<'_>,
    (way, name): (Way, Name),
    effect: Effect,
    scene: Scene<'_>,
) -> Vec<PolicyRule> {
    let before = notes.diagnostics.errors();
    let (peers, unread) = rule_peers(notes, node, way, scene);
    let over = ports::read(notes, node);
    let is_wrong = notes.diagnostics.errors() > before;
    let unread = unread.or_else(|| is_wrong.then(|| Name::from("a rule that cannot be read")));
    let of = |peers: Peers, ports: Ports| PolicyRule {
        name: name.clone(),
        peers,
        ports,
        effect,
        span: node.span(),
    };
    if let Some(text) = unread {
        let ports = over.all();
        return vec![of(Peers::Listed(vec![PeerSpec::Unread(text)]), ports)];
    }
    if peers.is_none() && over.says_nothing() {
        return Vec::new();
    }
    let peers = peers.map_or(Peers::Anybody, Peers::Listed);
    if effect == Effect::Deny {
        return vec![of(peers, over.all())];
    }
    let mut found: Vec<PolicyRule> =
        over.plain.into_iter().map(|ports| of(peers.clone(), ports)).collect();
    let by_contents = over.by_contents.into_iter();
    found.extend(by_contents.map(|(ports, text)| of(perhaps(peers.clone(), text), ports)));
    found
}

/// Whom a rule means, where it says so; what of it is not read.
fn rule_peers(
    notes: &mut Notes,
    node: Node<'_>,
    way: Way,
    scene: Scene<'_>,
) -> (Option<Vec<PeerSpec>>, Option<Name>) {
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
    (has_peers.then_some(listed), unread)
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
        // Cilium's own front for ingresses and gateways, which any front here may be.
        Some("ingress") => {
            let (key, namespaces) = (Name::from("reserved:ingress"), Selector::Everything);
            listed.push(PeerSpec::Pods(PodSelector::own(namespaces, Selector::Exists(key))));
            listed.push(PeerSpec::SomeAddresses(Name::from("ingress")));
        }
        Some(name @ ("init" | "health" | "unmanaged")) => {
            listed.push(PeerSpec::SomeAddresses(Name::from(name)));
        }
        _ => {
            let message = format!("{} is no entity", node.describe());
            notes.error(codes::BAD_VALUE, node.span(), message);
        }
    }
}
