//! Over what a rule of Calico's is.

use watertight_model::Name;
use watertight_net::{ByteSet, FlowSet, PortSet, Protocol};
use watertight_source::Node;

use super::super::not_modelled;
use crate::codes;
use crate::fields::Notes;
use crate::policy::{PortSpec, Ports};

/// The protocol, the source's ports and the destination's, or types of ICMP.
pub(super) fn read(notes: &mut Notes, node: Node<'_>, unread: &mut Option<Name>) -> Ports {
    let protocol = protocol(notes, node, "protocol");
    needs_protocol(notes, node, protocol);
    if let Some(not) = self::protocol(notes, node, "notProtocol") {
        let whole = protocol.map_or_else(FlowSet::all, FlowSet::protocol);
        let flows = whole.difference(&FlowSet::protocol(not));
        return Ports::Listed(vec![PortSpec::Flows(flows)]);
    }
    let Some(protocol) = protocol else { return Ports::All };
    if node.get("icmp").is_some() || node.get("notICMP").is_some() {
        return Ports::Listed(vec![PortSpec::Flows(icmp(notes, node, protocol))]);
    }
    let (from, from_names) = side(notes, node, "source");
    let (to, names) = side(notes, node, "destination");
    if !from_names.is_empty() {
        not_modelled(notes, node.span(), "a source's port by name");
        *unread = Some(Name::from("a source's port by name"));
    }
    let mut listed = vec![PortSpec::Flows(FlowSet::ports(protocol, from, to))];
    listed.extend(names.into_iter().map(|name| PortSpec::Named(name, Some(protocol))));
    Ports::Listed(listed)
}

/// Source: "Network policy", `EntityRule.ports` and `Rule.icmp`: ports need a protocol that has some,
/// and types need one of ICMP; what lacks it is refused.
fn needs_protocol(notes: &mut Notes, node: Node<'_>, protocol: Option<Protocol>) {
    let sides = ["source", "destination"].into_iter().filter_map(|side| node.get(side));
    let mut lists = sides.flat_map(|side| ["ports", "notPorts"].map(|key| side.get(key)));
    let has_ports = lists.any(|list| list.is_some_and(|list| !list.is_empty()));
    if has_ports && !matches!(protocol, Some(Protocol::TCP | Protocol::UDP | Protocol::SCTP)) {
        let message = "a rule with ports needs the `protocol` TCP, UDP or SCTP";
        notes.error(codes::BAD_VALUE, node.span(), message);
    }
    let has_types = ["icmp", "notICMP"].iter().any(|key| node.get(key).is_some());
    if has_types && !matches!(protocol, Some(Protocol::ICMP | Protocol::ICMPV6)) {
        let message = "a rule with types of ICMP needs the `protocol` ICMP or ICMPv6";
        notes.error(codes::BAD_VALUE, node.span(), message);
    }
}

fn protocol(notes: &mut Notes, node: Node<'_>, key: &str) -> Option<Protocol> {
    let given = node.get(key)?;
    let text = given.as_str().unwrap_or(given.raw());
    let found = text.to_lowercase().parse::<Protocol>().ok();
    let found = found.or_else(|| text.parse::<u8>().ok().map(Protocol));
    if found.is_none() {
        let message = format!("`{text}` is no protocol");
        notes.error(codes::BAD_VALUE, given.span(), message);
    }
    found
}

/// Source: "Network policy", `ICMPMatch`: a type and a code, or a type alone.
fn icmp(notes: &mut Notes, node: Node<'_>, protocol: Protocol) -> FlowSet {
    let mut of = |key: &str| {
        let given = node.get(key)?;
        let mut number = |key: &str| {
            let number = notes.take(given.u16_field(key))?;
            u8::try_from(number).ok().map(ByteSet::single)
        };
        let (types, codes) = (number("type"), number("code"));
        let full = ByteSet::full;
        Some(FlowSet::icmp(protocol, types.unwrap_or_else(full), codes.unwrap_or_else(full)))
    };
    let flows = of("icmp").unwrap_or_else(|| FlowSet::protocol(protocol));
    match of("notICMP") {
        Some(not) => flows.difference(&not),
        None => flows,
    }
}

/// The ports of one side: numbers and ranges, and names.
fn side(notes: &mut Notes, node: Node<'_>, key: &str) -> (PortSet, Vec<Name>) {
    let Some(side) = node.get(key) else { return (PortSet::full(), Vec::new()) };
    let (mut all, names) = match list(notes, side, "ports") {
        (_, _, true) => (PortSet::full(), Vec::new()),
        (numbers, names, false) => (numbers, names),
    };
    let (not, not_names, _) = list(notes, side, "notPorts");
    if !not_names.is_empty() {
        let message = "a port that is excluded by its name is not read";
        notes.error(codes::NOT_MODELLED, side.span(), message);
    }
    all = all.difference(&not);
    (all, names)
}

/// The numbers and names under a key, and whether there are none at all.
fn list(notes: &mut Notes, side: Node<'_>, key: &str) -> (PortSet, Vec<Name>, bool) {
    let nodes = notes.items(side, key);
    let (mut numbers, mut names) = (PortSet::none(), Vec::new());
    for one in &nodes {
        let text = one.as_str().unwrap_or(one.raw());
        let (first, last) = text.split_once(':').unwrap_or((text, text));
        match (first.parse::<u16>(), last.parse::<u16>()) {
            (Ok(first), Ok(last)) => {
                if let Ok(range) = PortSet::range(first, last) {
                    numbers = numbers.union(&range);
                } else {
                    let message = format!("the range of ports `{text}` ends before it begins");
                    notes.error(codes::BAD_PORT, one.span(), message);
                }
            }
            _ if text.contains(':') => {
                let message = format!("`{text}` is no range of ports");
                notes.error(codes::BAD_PORT, one.span(), message);
            }
            _ => names.push(Name::from(text)),
        }
    }
    (numbers, names, nodes.is_empty())
}
