//! Protocols and ports.

use watertight_net::{FlowSet, PortSet, Protocol};
use watertight_source::Node;

use crate::codes;
use crate::fields::Notes;

/// The protocol that a field names; TCP where it is absent, as the API's default is.
pub(crate) fn protocol(notes: &mut Notes, node: Node<'_>) -> Option<Protocol> {
    let Some(text) = notes.take(node.str_field("protocol")) else {
        return (node.get("protocol").is_none_or(Node::is_null)).then_some(Protocol::TCP);
    };
    let found = protocol_named(text);
    if found.is_none() {
        let message = format!("the protocol `{text}` is none of `TCP`, `UDP` and `SCTP`");
        notes.error(codes::BAD_VALUE, node.span(), message);
    }
    found
}

/// The protocol of this name.
pub(crate) fn protocol_named(text: &str) -> Option<Protocol> {
    match text {
        "TCP" => Some(Protocol::TCP),
        "UDP" => Some(Protocol::UDP),
        "SCTP" => Some(Protocol::SCTP),
        _ => None,
    }
}

/// Flows to ports of a protocol, from any source port.
pub(crate) fn to_ports(protocol: Protocol, ports: PortSet) -> FlowSet {
    FlowSet::ports(protocol, PortSet::full(), ports)
}

/// A port number, 1 to 65535.
pub(crate) fn port(notes: &mut Notes, node: Node<'_>) -> Option<u16> {
    let number = node.as_u64().and_then(|number| u16::try_from(number).ok());
    let found = number.filter(|number| *number > 0);
    if found.is_none() {
        let message = format!("expected a port from 1 to 65535, found {}", node.describe());
        notes.error(codes::BAD_PORT, node.span(), message);
    }
    found
}

/// The ports from one to another; an error when they are the wrong way round.
pub(crate) fn range(notes: &mut Notes, node: Node<'_>, first: u16, last: u16) -> Option<PortSet> {
    let found = PortSet::range(first, last).ok();
    if found.is_none() {
        let message = format!("the last port, {last}, is less than the first, {first}");
        notes.error(codes::BAD_PORT, node.span(), message);
    }
    found
}

/// Whether a text is a number, which no name of a port is; an error where it is.
///
/// Source: RFC 6335, section 5.1: a name has at least one letter. The API server refuses what is none.
pub(crate) fn is_number(notes: &mut Notes, node: Node<'_>, text: &str) -> bool {
    let found = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if found {
        let message = format!(
            "`\"{text}\"` in quotes is a name, and the name of a port has a letter: write the number \
             without quotes"
        );
        notes.error(codes::BAD_PORT, node.span(), message);
    }
    found
}
