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
                numbers = numbers.union(&PortSet::range(first, last).unwrap_or_default());
            }
            _ => names.push(Name::from(text)),
        }
    }
    (numbers, names, nodes.is_empty())
}
