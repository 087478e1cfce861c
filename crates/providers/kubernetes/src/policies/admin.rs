//! Administrators' policies: `AdminNetworkPolicy`, `BaselineAdminNetworkPolicy` (v1alpha1) and
//! `ClusterNetworkPolicy` (v1alpha2).
//!
//! Source: network-policy-api, API specification of policy.networking.k8s.io. Admin policies are
//! asked by priority, lowest number first, and their rules in order; the first that matches
//! decides: allow, deny, or pass to `NetworkPolicy`. What no `NetworkPolicy` selects is decided by
//! the baseline.

use watertight_model::Name;
use watertight_net::{AddressSet, PortSet, Protocol};
use watertight_source::{Node, Span};

use super::{Way, not_modelled, prefix, rule_name};
use crate::codes;
use crate::fields::Notes;
use crate::flows::{port, protocol, range, to_ports};
use crate::known::Known;
use crate::labels;
use crate::objects::Object;
use crate::policy::{Effect, PeerSpec, Peers, Policy, PolicyRule, PortSpec, Ports, Rank, Tier};
use crate::selector::{PodSelector, Selector};

/// What a peer is: one of these.
const OF_PEER: [&str; 5] = ["namespaces", "pods", "networks", "nodes", "domainNames"];
/// The highest priority that the API allows.
const PRIORITY_MAX: u64 = 1_000;

/// Which fields rules have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Dialect {
    /// v1alpha1: `ports`.
    Alpha1,
    /// v1alpha2: `protocols`.
    Alpha2,
}

/// Reads an `AdminNetworkPolicy` or a `BaselineAdminNetworkPolicy`.
pub(super) fn read(object: &Object<'_>, known: &Known, notes: &mut Notes) -> Option<Policy> {
    let spec = spec_of(object, notes)?;
    let is_admin = object.kind == "AdminNetworkPolicy";
    if object.version != "v1alpha1" {
        version_unknown(object, notes);
    }
    if is_admin {
        notes.only(spec, &["priority", "subject", "ingress", "egress"]);
    } else {
        notes.only(spec, &["subject", "ingress", "egress"]);
        if *object.name != *"default" {
            let message = format!(
                "the BaselineAdminNetworkPolicy is called `{}`: the API allows one, `default`",
                object.name
            );
            notes.error(codes::BAD_VALUE, object.span, message);
            return None;
        }
    }
    let rank = if is_admin { priority(notes, spec)? } else { Rank::whole(0) };
    let tier = if is_admin { Tier::admin() } else { Tier::baseline() };
    let kind = if is_admin { "AdminNetworkPolicy" } else { "BaselineAdminNetworkPolicy" };
    policy(object, spec, (kind, tier, rank, Dialect::Alpha1), known, notes)
}

/// Reads a `ClusterNetworkPolicy`.
pub(super) fn read_cluster(
    object: &Object<'_>,
    known: &Known,
    notes: &mut Notes,
) -> Option<Policy> {
    let spec = spec_of(object, notes)?;
    if object.version != "v1alpha2" {
        version_unknown(object, notes);
    }
    notes.only(spec, &["tier", "priority", "subject", "ingress", "egress"]);
    let rank = priority(notes, spec)?;
    let tier = match notes.take(spec.str_field("tier")) {
        Some("Admin") => Tier::admin(),
        Some("Baseline") => Tier::baseline(),
        other => {
            let found = other.map_or_else(|| "nothing".to_owned(), |text| format!("`{text}`"));
            let message = format!("expected the tier `Admin` or `Baseline`, found {found}");
            notes.error(codes::BAD_VALUE, spec.span(), message);
            return None;
        }
    };
    policy(object, spec, ("ClusterNetworkPolicy", tier, rank, Dialect::Alpha2), known, notes)
}

fn spec_of<'t>(object: &Object<'t>, notes: &mut Notes) -> Option<Node<'t>> {
    let spec = object.spec(notes);
    if spec.is_none() {
        notes.diagnostics.push(object.node.missing_field("spec", "an object"));
    }
    spec
}

fn version_unknown(object: &Object<'_>, notes: &mut Notes) {
    let message = format!(
        "the version `{}` of {} is not known; it is read as the known one",
        object.version, object.kind
    );
    notes.warn(codes::UNREAD_KIND, object.span, message);
}

fn priority(notes: &mut Notes, spec: Node<'_>) -> Option<Rank> {
    let number = match spec.req_u64("priority") {
        Ok(number) => number,
        Err(error) => {
            notes.diagnostics.push(error);
            return None;
        }
    };
    if number > PRIORITY_MAX {
        let message = format!("the priority {number} is above {PRIORITY_MAX}");
        notes.error(codes::BAD_VALUE, spec.span(), message);
        return None;
    }
    i64::try_from(number).ok().map(Rank::whole)
}

fn policy(
    object: &Object<'_>,
    spec: Node<'_>,
    (kind, tier, rank, dialect): (&'static str, Tier, Rank, Dialect),
    known: &Known,
    notes: &mut Notes,
) -> Option<Policy> {
    let Some(subject) = notes.take(spec.object_field("subject")) else {
        notes.diagnostics.push(spec.missing_field("subject", "an object"));
        return None;
    };
    let subject = pods_of(notes, subject)?;
    let passes = tier == Tier::admin();
    let mut rules = |way: Way| -> Option<Vec<PolicyRule>> {
        let nodes = notes.items(spec, way.key());
        let each = nodes.into_iter().enumerate();
        let rules: Vec<PolicyRule> = each
            .map(|(place, node)| rule(notes, node, (way, place), (dialect, passes), known))
            .collect();
        (!rules.is_empty()).then_some(rules)
    };
    let (ingress, egress) = (rules(Way::Ingress), rules(Way::Egress));
    Some(Policy {
        kind,
        name: object.full_name(),
        tier,
        rank,
        networks: None,
        subject,
        ingress,
        egress,
        isolates: [false, false],
        span: object.span,
    })
}

/// `namespaces` or `pods`, of a subject or a peer.
fn pods_of(notes: &mut Notes, node: Node<'_>) -> Option<PodSelector> {
    let given = |key: &str| node.get(key).filter(|value| !value.is_null());
    if let Some(span) = old_form(given("namespaces"), given("pods")) {
        let message = "this form of an earlier version is not read: whom it means is not known";
        notes.error(codes::NOT_MODELLED, span, message);
        return None;
    }
    match (given("namespaces"), given("pods")) {
        (Some(namespaces), None) => {
            let namespaces = labels::selector(notes, namespaces)?;
            Some(PodSelector::own(namespaces, Selector::Everything))
        }
        (None, Some(pods)) => {
            notes.only(pods, &["namespaceSelector", "podSelector"]);
            if pods.get("podSelector").is_none() {
                let message = "`pods` lacks its `podSelector`: it is taken to select every pod";
                notes.warn(codes::BAD_VALUE, pods.span(), message);
            }
            let namespaces = selector_under(notes, pods, "namespaceSelector")?;
            let pods = selector_under(notes, pods, "podSelector")?;
            Some(PodSelector::own(namespaces, pods))
        }
        _ => {
            let message = "expected exactly one of `namespaces` and `pods`";
            notes.error(codes::BAD_VALUE, node.span(), message);
            None
        }
    }
}

/// Where `namespaces` or `pods` are written as the first versions of the API did; what is read of
/// that would be everything.
fn old_form<'t>(namespaces: Option<Node<'t>>, pods: Option<Node<'t>>) -> Option<Span> {
    let under = |node: Option<Node<'t>>, keys: &[&str]| {
        node.and_then(|node| keys.iter().find_map(|key| node.get(key)))
    };
    let same = ["sameLabels", "notSameLabels"];
    let of_pods = pods.and_then(|pods| pods.get("namespaceSelector"));
    let found = under(namespaces, &[same[0], same[1], "namespaceSelector"])
        .or_else(|| under(pods, &["namespaces"]))
        .or_else(|| under(of_pods, &same));
    found.map(Node::span)
}

fn selector_under(notes: &mut Notes, node: Node<'_>, key: &str) -> Option<Selector> {
    match node.get(key) {
        Some(selector) => labels::selector(notes, selector),
        None => Some(Selector::Everything),
    }
}

fn rule(
    notes: &mut Notes,
    node: Node<'_>,
    (way, place): (Way, usize),
    (dialect, passes): (Dialect, bool),
    known: &Known,
) -> PolicyRule {
    let list = match dialect {
        Dialect::Alpha1 => "ports",
        Dialect::Alpha2 => "protocols",
    };
    notes.only(node, &["name", "action", way.peers(), list]);
    let before = notes.diagnostics.errors();
    let name = rule_name(notes, node, way, place);
    let effect = match (notes.take(node.str_field("action")), dialect) {
        (Some("Allow"), Dialect::Alpha1) | (Some("Accept"), Dialect::Alpha2) => Effect::Allow,
        (Some("Deny"), _) => Effect::Deny,
        (Some("Pass"), _) if passes || dialect == Dialect::Alpha2 => Effect::Pass,
        (other, _) => {
            let found = other.map_or_else(|| "nothing".to_owned(), |text| format!("`{text}`"));
            let message = format!("{found} is no action of such a rule");
            notes.error(codes::BAD_VALUE, node.span(), message);
            Effect::Deny
        }
    };
    let mut listed: Vec<PeerSpec> = Vec::new();
    let peers = notes.items(node, way.peers());
    if peers.is_empty() && notes.diagnostics.errors() == before {
        let message = format!("the rule has no peers under `{}`: it matches nothing", way.peers());
        notes.error(codes::BAD_VALUE, node.span(), message);
    }
    for one in peers {
        peer(notes, one, way, known, &mut listed);
    }
    let nodes = notes.items(node, list);
    let ports = if nodes.is_empty() {
        Ports::All
    } else {
        let each = nodes.into_iter().filter_map(|one| match dialect {
            Dialect::Alpha1 => port_spec(notes, one),
            Dialect::Alpha2 => protocol_spec(notes, one),
        });
        Ports::Listed(each.collect())
    };
    if notes.diagnostics.errors() > before {
        let listed = vec![PeerSpec::Unread(Name::from("a rule that cannot be read"))];
        return PolicyRule {
            name,
            peers: Peers::Listed(listed),
            ports: Ports::All,
            effect,
            span: node.span(),
        };
    }
    PolicyRule { name, peers: Peers::Listed(listed), ports, effect, span: node.span() }
}

fn peer(notes: &mut Notes, node: Node<'_>, way: Way, known: &Known, listed: &mut Vec<PeerSpec>) {
    let given = |key: &str| node.get(key).filter(|value| !value.is_null());
    notes.only(node, &OF_PEER);
    if OF_PEER.iter().filter(|key| given(key).is_some()).count() > 1 {
        let message = "a peer is one thing alone: it has two fields or more";
        notes.error(codes::BAD_VALUE, node.span(), message);
        return;
    }
    let out = way == Way::Egress;
    if let (Some(networks), true) = (given("networks"), out) {
        match networks.to_items() {
            Ok(items) => {
                for one in items {
                    if let Some(prefix) = prefix(notes, one) {
                        let text = Name::from(prefix.to_string());
                        listed.push(PeerSpec::Holders(AddressSet::from_prefix(prefix), text));
                    }
                }
            }
            Err(error) => notes.diagnostics.push(error),
        }
    } else if let (Some(nodes), true) = (given("nodes"), out) {
        let Some(selector) = labels::selector(notes, nodes) else { return };
        // A pod on its host's network has its node's address.
        listed.push(if selector == Selector::Everything {
            PeerSpec::Pods(PodSelector::OF_HOSTS)
        } else {
            PeerSpec::HostPods(Name::from("pods on the network of some nodes"))
        });
        listed.push(known.nodes(&selector).unwrap_or_else(|| {
            not_modelled(
                notes,
                nodes.span(),
                "which addresses nodes have that are not in the input",
            );
            PeerSpec::SomeAddresses(Name::from("nodes, which are not in the input"))
        }));
    } else if let (Some(names), true) = (given("domainNames"), out) {
        listed.push(PeerSpec::SomeAddresses(Name::from("domain names")));
        not_modelled(notes, names.span(), "which addresses domain names have");
    } else {
        listed.extend(pods_of(notes, node).map(PeerSpec::Pods));
    }
}

/// `portNumber`, `portRange` or `namedPort`.
fn port_spec(notes: &mut Notes, node: Node<'_>) -> Option<PortSpec> {
    notes.only(node, &["portNumber", "portRange", "namedPort"]);
    if let Some(name) = notes.name(node, "namedPort") {
        return Some(PortSpec::Named(name, None));
    }
    if let Some(one) = notes.take(node.object_field("portNumber")) {
        notes.only(one, &["protocol", "port"]);
        let protocol = protocol(notes, one)?;
        let number = one.get("port").and_then(|number| port(notes, number))?;
        return Some(PortSpec::Flows(to_ports(protocol, PortSet::single(number))));
    }
    if let Some(one) = notes.take(node.object_field("portRange")) {
        notes.only(one, &["protocol", "start", "end"]);
        let protocol = protocol(notes, one)?;
        let ports = start_to_end(notes, one)?;
        return Some(PortSpec::Flows(to_ports(protocol, ports)));
    }
    let message = "expected `portNumber`, `portRange` or `namedPort`";
    notes.error(codes::BAD_VALUE, node.span(), message);
    None
}

fn start_to_end(notes: &mut Notes, node: Node<'_>) -> Option<PortSet> {
    let first = node.get("start").and_then(|number| port(notes, number))?;
    let last = node.get("end").and_then(|number| port(notes, number))?;
    range(notes, node, first, last)
}

/// `tcp`, `udp` or `sctp` with a `destinationPort`, or `destinationNamedPort`.
fn protocol_spec(notes: &mut Notes, node: Node<'_>) -> Option<PortSpec> {
    notes.only(node, &["tcp", "udp", "sctp", "destinationNamedPort"]);
    if let Some(name) = notes.name(node, "destinationNamedPort") {
        return Some(PortSpec::Named(name, None));
    }
    let all = [("tcp", Protocol::TCP), ("udp", Protocol::UDP), ("sctp", Protocol::SCTP)];
    for (key, protocol) in all {
        let Some(one) = notes.take(node.object_field(key)) else { continue };
        notes.only(one, &["destinationPort"]);
        let ports = match notes.take(one.object_field("destinationPort")) {
            None => PortSet::full(),
            Some(to) => {
                notes.only(to, &["number", "range"]);
                match (to.get("number"), to.get("range")) {
                    (Some(number), None) => PortSet::single(port(notes, number)?),
                    (None, Some(range)) => start_to_end(notes, range)?,
                    _ => {
                        let message = "expected exactly one of `number` and `range`";
                        notes.error(codes::BAD_VALUE, to.span(), message);
                        return None;
                    }
                }
            }
        };
        return Some(PortSpec::Flows(to_ports(protocol, ports)));
    }
    let message = "expected `tcp`, `udp`, `sctp` or `destinationNamedPort`";
    notes.error(codes::BAD_VALUE, node.span(), message);
    None
}
