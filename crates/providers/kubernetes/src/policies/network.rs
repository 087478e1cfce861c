//! `NetworkPolicy`.
//!
//! Source: Kubernetes API reference, `NetworkPolicySpec` of networking.k8s.io/v1, and "Network
//! Policies" in the concepts. The group `extensions`, version `v1beta1`, had the same fields.

use watertight_model::Name;
use watertight_net::PortSet;
use watertight_source::{Kind, Node};

use super::{Way, cidr_except, numbered};
use crate::attachments;
use crate::codes;
use crate::fields::Notes;
use crate::flows::{is_number, port, protocol, range, to_ports};
use crate::labels;
use crate::objects::Object;
use crate::policy::{Effect, PeerSpec, Peers, Policy, PolicyRule, PortSpec, Ports, Rank, Tier};
use crate::selector::{Hosts, PodSelector, Selector};

/// The order of these policies among Calico's in its tier.
const ORDER: i64 = 1_000;

/// Reads one policy; nothing when the pods that it selects cannot be read.
pub(super) fn read(object: &Object<'_>, notes: &mut Notes) -> Option<Policy> {
    let Some(spec) = object.spec(notes) else {
        notes.diagnostics.push(object.node.missing_field("spec", "an object"));
        return None;
    };
    notes.only(spec, &["podSelector", "policyTypes", "ingress", "egress"]);
    let namespaces = crate::selector::namespace(&object.namespace);
    let pods = match spec.get("podSelector") {
        Some(selector) => labels::selector(notes, selector)?,
        None => Selector::Everything,
    };
    let [governs_in, governs_out] = types(notes, spec);
    let ingress = governs_in.then(|| rules(notes, object, spec, Way::Ingress));
    let egress = governs_out.then(|| rules(notes, object, spec, Way::Egress));
    Some(Policy {
        kind: "NetworkPolicy",
        name: object.full_name(),
        tier: Tier::policies(),
        rank: Rank::whole(ORDER),
        networks: None,
        subject: PodSelector { namespaces, pods, hosts: Hosts::Too },
        ingress,
        egress,
        isolates: [true, true],
        span: object.span,
    })
}

/// The annotation that says which further networks a policy is about.
const POLICY_FOR: &str = "k8s.v1.cni.cncf.io/policy-for";

/// Reads a `MultiNetworkPolicy`: a `NetworkPolicy` about the further networks that its annotation
/// names, as pods' annotations do.
///
/// Source: Network Plumbing Working Group, *Multi NetworkPolicy specification* (v1beta1, v1beta2):
/// the same fields; without the annotation it is about no network.
pub(super) fn read_multi(object: &Object<'_>, notes: &mut Notes) -> Option<Policy> {
    let metadata = notes.take(object.node.object_field("metadata"));
    let annotations =
        metadata.and_then(|metadata| notes.take(metadata.object_field("annotations")));
    let node = annotations.and_then(|annotations| annotations.get(POLICY_FOR));
    let text = node.and_then(Node::as_str).unwrap_or_default();
    let named = attachments::names(text, &object.namespace);
    if named.is_empty() {
        let message = format!(
            "`{}` is about no network: it lacks the annotation `{POLICY_FOR}`",
            object.full_name()
        );
        notes.warn(codes::NO_EFFECT, object.span, message);
        return None;
    }
    if named.iter().any(Option::is_none) {
        let message = format!("`{text}` is no list of `[namespace/]name`");
        notes.error(codes::BAD_VALUE, node.map_or(object.span, Node::span), message);
        return None;
    }
    let networks = Some(named.into_iter().flatten().collect());
    Some(Policy { kind: "MultiNetworkPolicy", networks, ..read(object, notes)? })
}

/// Whether the policy governs what goes in, and what goes out.
///
/// Source: `NetworkPolicySpec.policyTypes`: "If this field is not specified, it will default based
/// on the existence of ingress or egress rules": ingress always, egress where there is a rule for
/// it. The API server fills it in by whether the list of rules is empty.
fn types(notes: &mut Notes, spec: Node<'_>) -> [bool; 2] {
    let listed = notes.items(spec, "policyTypes");
    if listed.is_empty() {
        let rules = spec.get("egress").filter(|rules| !rules.is_null());
        if rules.is_some_and(|rules| rules.kind() != Kind::Array) {
            // What should be a list and is none is told where its rules are read.
            return [true, true];
        }
        let has_rules = rules.is_some_and(|rules| !rules.is_empty());
        if let (Some(rules), false) = (rules, has_rules) {
            let message = "`egress` without rules does nothing: to deny what goes out, \
                           `policyTypes` lists `Egress`";
            notes.warn(codes::NO_EFFECT, rules.span(), message);
        }
        return [true, has_rules];
    }
    let mut found = [false, false];
    for one in listed {
        match one.as_str() {
            Some("Ingress") => found[0] = true,
            Some("Egress") => found[1] = true,
            _ => {
                let message = format!(
                    "expected a policy type, `Ingress` or `Egress`, found {}",
                    one.describe()
                );
                notes.error(codes::BAD_VALUE, one.span(), message);
            }
        }
    }
    for (way, governs) in Way::BOTH.into_iter().zip(found) {
        let rules = spec.get(way.key()).filter(|rules| !rules.is_empty());
        if let (Some(rules), false) = (rules, governs) {
            let message =
                format!("the {} rules do nothing: `policyTypes` does not list them", way.key());
            notes.warn(codes::NO_EFFECT, rules.span(), message);
        }
    }
    found
}

fn rules(notes: &mut Notes, object: &Object<'_>, spec: Node<'_>, way: Way) -> Vec<PolicyRule> {
    let nodes = notes.items(spec, way.key());
    let each = nodes.into_iter().enumerate();
    each.map(|(place, node)| {
        let name = numbered(way, place);
        rule(notes, object, node, way, name)
    })
    .collect()
}

/// One rule; what cannot be read of it may match anything.
fn rule(
    notes: &mut Notes,
    object: &Object<'_>,
    node: Node<'_>,
    way: Way,
    name: Name,
) -> PolicyRule {
    if node.kind() != Kind::Null {
        if let Err(error) = node.to_object() {
            notes.diagnostics.push(error);
        }
        notes.only(node, &[way.peers(), "ports"]);
    }
    let peers = peers(notes, object, node, way);
    let before = notes.diagnostics.errors();
    let nodes = notes.items(node, "ports");
    let ports = if nodes.is_empty() {
        Ports::All
    } else {
        Ports::Listed(nodes.into_iter().filter_map(|one| port_spec(notes, one)).collect())
    };
    if notes.diagnostics.errors() > before {
        // The rule may match its peers over anything, or over nothing.
        let listed = vec![PeerSpec::Unread(Name::from("the rule's ports cannot be read"))];
        let (peers, ports) = (Peers::Listed(listed), Ports::All);
        return PolicyRule { name, peers, ports, effect: Effect::Allow, span: node.span() };
    }
    PolicyRule { name, peers, ports, effect: Effect::Allow, span: node.span() }
}

/// Source: `NetworkPolicyIngressRule.from`: "If this field is empty or missing, this rule matches
/// all sources".
fn peers(notes: &mut Notes, object: &Object<'_>, node: Node<'_>, way: Way) -> Peers {
    let before = notes.diagnostics.errors();
    let nodes = notes.items(node, way.peers());
    if nodes.is_empty() && notes.diagnostics.errors() == before {
        return Peers::Anybody;
    }
    let mut found: Vec<PeerSpec> =
        nodes.into_iter().filter_map(|one| peer(notes, object, one)).collect();
    if notes.diagnostics.errors() > before {
        found.push(PeerSpec::Unread(Name::from("a peer that cannot be read")));
    }
    Peers::Listed(found)
}

fn peer(notes: &mut Notes, object: &Object<'_>, node: Node<'_>) -> Option<PeerSpec> {
    notes.only(node, &["podSelector", "namespaceSelector", "ipBlock"]);
    let given = |key: &str| node.get(key).filter(|value| !value.is_null());
    let (block, pods, namespaces) =
        (given("ipBlock"), given("podSelector"), given("namespaceSelector"));
    if let Some(block) = block {
        if pods.is_some() || namespaces.is_some() {
            let message = "a peer has either `ipBlock` or selectors, and not both";
            notes.error(codes::BAD_VALUE, node.span(), message);
            return None;
        }
        notes.only(block, &["cidr", "except"]);
        let (addresses, text) = cidr_except(notes, block, ("cidr", "except"))?;
        return Some(PeerSpec::Addresses(addresses, text));
    }
    if pods.is_none() && namespaces.is_none() {
        let message = "the peer selects nothing: it needs `podSelector`, `namespaceSelector` or \
                       `ipBlock`; a selector of everything is written `{}`";
        notes.error(codes::BAD_VALUE, node.span(), message);
        return None;
    }
    let namespaces = match namespaces {
        Some(selector) => labels::selector(notes, selector)?,
        None => crate::selector::namespace(&object.namespace),
    };
    let pods = match pods {
        Some(selector) => labels::selector(notes, selector)?,
        None => Selector::Everything,
    };
    Some(PeerSpec::Pods(PodSelector { namespaces, pods, hosts: Hosts::Too }))
}

/// Source: `NetworkPolicyPort`: a number or the name of a port of the pod; no port is all of the
/// protocol's; `endPort` needs a number.
fn port_spec(notes: &mut Notes, node: Node<'_>) -> Option<PortSpec> {
    notes.only(node, &["port", "endPort", "protocol"]);
    if let Err(error) = node.to_object() {
        notes.diagnostics.push(error);
        return None;
    }
    let protocol = protocol(notes, node)?;
    let given = |key: &str| node.get(key).filter(|value| !value.is_null());
    let last = given("endPort");
    let Some(first) = given("port") else {
        if let Some(last) = last {
            notes.error(codes::BAD_PORT, last.span(), "`endPort` needs a `port` to begin at");
            return None;
        }
        return Some(PortSpec::Flows(to_ports(protocol, PortSet::full())));
    };
    if let Some(text) = first.as_str() {
        if let Some(last) = last {
            notes.error(codes::BAD_PORT, last.span(), "`endPort` needs a `port` that is a number");
            return None;
        }
        if is_number(notes, first, text) {
            return None;
        }
        return Some(PortSpec::Named(Name::from(text), Some(protocol)));
    }
    let number = port(notes, first)?;
    let ports = match last {
        Some(last) => {
            let last_number = port(notes, last)?;
            range(notes, last, number, last_number)?
        }
        None => PortSet::single(number),
    };
    Some(PortSpec::Flows(to_ports(protocol, ports)))
}
