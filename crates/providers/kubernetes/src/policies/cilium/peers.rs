//! Peers of rules that refer to other objects, and ICMP.

use watertight_model::Name;
use watertight_net::{AddressSet, ByteSet, FlowSet, Protocol};
use watertight_source::Node;

use super::Scene;
use crate::codes;
use crate::fields::Notes;
use crate::known::{Labelled, together};
use crate::labels;
use crate::policies::{cidr_except, not_modelled, prefix};
use crate::policy::{PeerSpec, PortSpec};
use crate::selector::Selector;

/// Source: "Layer 3 Policies", CIDR based: `cidr`, or a `CiliumCIDRGroup` by name or labels, without
/// what `except` lists.
pub(super) fn cidr_set(notes: &mut Notes, node: Node<'_>, scene: Scene<'_>) -> Option<PeerSpec> {
    notes.only(node, &["cidr", "except", "cidrGroupRef", "cidrGroupSelector"]);
    let groups = &scene.known.groups;
    let those: Vec<&Labelled> = if let Some(name) = notes.name(node, "cidrGroupRef") {
        let found: Vec<_> = groups.iter().filter(|group| group.name == name).collect();
        if found.is_empty() {
            let message = format!("the group of prefixes `{name}` is not in the input");
            notes.warn(codes::MISSING, node.span(), message);
            return Some(PeerSpec::SomeAddresses(name));
        }
        found
    } else if let Some(selector) = node.get("cidrGroupSelector") {
        let selector = labels::selector(notes, selector)?;
        groups.iter().filter(|group| selector.matches(&group.labels)).collect()
    } else {
        let (set, text) = cidr_except(notes, node, ("cidr", "except"))?;
        return Some(PeerSpec::Addresses(set, text));
    };
    let except = notes.items(node, "except");
    let except = AddressSet::from_prefixes(except.into_iter().filter_map(|one| prefix(notes, one)));
    Some(match together(those.into_iter(), "prefixes of") {
        PeerSpec::Addresses(all, text) => PeerSpec::Addresses(all.difference(&except), text),
        other => other,
    })
}

/// Source: "Layer 3 Policies", services based: the pods that a service selects, or the addresses of
/// its endpoints where it selects none.
pub(super) fn service(notes: &mut Notes, node: Node<'_>, scene: Scene<'_>) -> PeerSpec {
    let named = notes.take(node.object_field("k8sService"));
    let Some(named) = named else {
        not_modelled(notes, node.span(), "a selector of services");
        return PeerSpec::Unread(Name::from("services by their labels"));
    };
    let name = notes.name(named, "serviceName").unwrap_or_else(|| Name::from(""));
    let namespace = notes.name(named, "namespace").or_else(|| scene.own.cloned());
    let key = (namespace.unwrap_or_else(|| Name::from("default")), name);
    let (namespace, name) = &key;
    let Some(known) = scene.known.services.get(&key) else {
        let text = format!("the service {namespace}/{name}, which is not in the input");
        notes.warn(codes::MISSING, node.span(), text.as_str());
        return PeerSpec::Unread(Name::from(text));
    };
    if let Some(pods) = &known.pods {
        return PeerSpec::Pods(pods.clone());
    }
    let text = format!("endpoints of {namespace}/{name}");
    PeerSpec::Addresses(known.addresses.clone(), Name::from(text))
}

/// Source: "Layer 3 Policies", node based.
pub(super) fn nodes(notes: &mut Notes, node: Node<'_>, scene: Scene<'_>) -> Option<PeerSpec> {
    let selector = labels::selector(notes, node)?;
    let unknown = || PeerSpec::SomeAddresses(Name::from("nodes, which are not in the input"));
    Some(scene.known.nodes(&plain(selector)).unwrap_or_else(unknown))
}

/// A selector without the prefixes that say where labels are from.
fn plain(selector: Selector) -> Selector {
    let short = |key: &Name| {
        let rest = key.strip_prefix("k8s:").or(key.strip_prefix("any:"));
        Name::from(rest.unwrap_or(key))
    };
    match selector {
        Selector::In(key, values) => Selector::In(short(&key), values),
        Selector::Exists(key) => Selector::Exists(short(&key)),
        Selector::Not(inner) => plain(*inner).negated(),
        Selector::And(parts) => Selector::all(parts.into_iter().map(plain)),
        other => other,
    }
}

/// Source: "Layer 4 Policies", ICMP: types by number, or by the names that are known here.
pub(super) fn icmps(notes: &mut Notes, node: Node<'_>) -> Option<PortSpec> {
    let listed = notes.items(node, "icmps");
    if listed.is_empty() {
        return None;
    }
    let mut all = FlowSet::none();
    for field in listed.into_iter().filter_map(|one| one.get("fields")).flat_map(Node::items) {
        let v6 = notes.take(field.str_field("family")) == Some("IPv6");
        let protocol = if v6 { Protocol::ICMPV6 } else { Protocol::ICMP };
        let given = field.get("type");
        let number = given.and_then(|given| match given.as_str() {
            Some(text) => text.parse::<u8>().ok().or_else(|| type_named(text, v6)),
            None => given.as_u64().and_then(|number| u8::try_from(number).ok()),
        });
        match number {
            Some(number) => {
                let types = ByteSet::single(number);
                all = all.union(&FlowSet::icmp(protocol, types, ByteSet::full()));
            }
            None => {
                notes.error(codes::BAD_VALUE, field.span(), "the type of ICMP is not known");
            }
        }
    }
    Some(PortSpec::Flows(all))
}

/// Source: IANA, "ICMP Parameters" and "`ICMPv6` Parameters", in Cilium's spelling.
fn type_named(text: &str, v6: bool) -> Option<u8> {
    let v4_names = [
        ("EchoReply", 0),
        ("DestinationUnreachable", 3),
        ("Redirect", 5),
        ("Echo", 8),
        ("EchoRequest", 8),
        ("RouterAdvertisement", 9),
        ("RouterSelection", 10),
        ("TimeExceeded", 11),
        ("ParameterProblem", 12),
        ("Timestamp", 13),
        ("TimestampReply", 14),
    ];
    let v6_names = [
        ("DestinationUnreachable", 1),
        ("PacketTooBig", 2),
        ("TimeExceeded", 3),
        ("ParameterProblem", 4),
        ("EchoRequest", 128),
        ("EchoReply", 129),
        ("RouterSolicitation", 133),
        ("RouterAdvertisement", 134),
        ("NeighborSolicitation", 135),
        ("NeighborAdvertisement", 136),
        ("RedirectMessage", 137),
    ];
    let names: &[(&str, u8)] = if v6 { &v6_names } else { &v4_names };
    names.iter().find(|(name, _)| *name == text).map(|(_, number)| *number)
}
