//! What is sent: protocols, ports and requests.

use watertight_model::Name;
use watertight_net::{ByteSet, FlowSet, PortSet, Protocol};
use watertight_source::{Kind, Node};

use crate::codes;
use crate::normal_path;
use crate::suggest;
use crate::syntax::{Clause, HttpMatch, Over, PathMatch, Spanned, Transport};

use super::reader::{Reader, shortened};

const TRANSPORTS: [&str; 8] =
    ["tcp", "udp", "sctp", "tls", "icmp", "icmpv6", "protocol", "service"];
const FIELDS: [&str; 9] =
    ["tcp", "udp", "sctp", "tls", "icmp", "icmpv6", "protocol", "service", "http"];
const METHODS: [&str; 9] =
    ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE"];

/// The clauses under `over`; `None` where there are none.
pub(super) fn over(reader: &mut Reader<'_>, node: Node<'_>) -> Option<Over> {
    let span = node.get("over")?.span();
    let clauses = reader.items(node, "over", clause);
    Some(Over { span, clauses })
}

fn clause(reader: &mut Reader<'_>, node: Node<'_>) -> Option<Clause> {
    reader.object(node, &FIELDS)?;
    let mut named = node.entries().filter(|entry| TRANSPORTS.contains(&entry.key));
    let Some(first) = named.next() else {
        // A field that is not known is the likelier mistake, and is noted.
        if node.entries().all(|entry| FIELDS.contains(&entry.key)) {
            let message = "the clause does not say what carries it";
            let help = suggest::help("", &TRANSPORTS);
            reader.error(codes::EMPTY, node.span(), message, help);
        }
        return None;
    };
    if let Some(second) = named.next() {
        let message = format!("one clause cannot be both `{}` and `{}`", first.key, second.key);
        let help = "write two clauses: entries of a list are alternatives";
        reader.error(codes::NOT_TOGETHER, second.key_span, message, help);
        return None;
    }
    // That it has no value is noted.
    let known = (!first.value.is_null()).then_some(first.value);
    let transport = known.and_then(|value| transport(reader, first.key, value));
    let carries_http = matches!(first.key, "tcp" | "tls");
    if let (Some(http), false) = (node.get("http"), carries_http) {
        let message = format!("`{}` carries no HTTP", first.key);
        reader.error(codes::NOT_TOGETHER, http.span(), message, "use `tcp` or `tls`");
    }
    let http = reader.items(node, "http", http_match);
    Some(Clause { span: node.span(), transport: transport?, http })
}

fn transport(reader: &mut Reader<'_>, key: &str, value: Node<'_>) -> Option<Transport> {
    let flows = match key {
        "tls" => return Some(Transport::Tls(ports(reader, value)?)),
        "service" => return Some(Transport::Service(reader.name(value)?)),
        "tcp" => of_ports(Protocol::TCP, ports(reader, value)?),
        "udp" => of_ports(Protocol::UDP, ports(reader, value)?),
        "sctp" => of_ports(Protocol::SCTP, ports(reader, value)?),
        "icmp" => icmp(reader, Protocol::ICMP, value)?,
        "icmpv6" => icmp(reader, Protocol::ICMPV6, value)?,
        _ => FlowSet::protocol(protocol(reader, value)?),
    };
    Some(Transport::Flows(flows))
}

fn of_ports(protocol: Protocol, ports: PortSet) -> FlowSet {
    FlowSet::ports(protocol, PortSet::full(), ports)
}

/// A port, a range, `all`, or a list of ports and ranges.
fn ports(reader: &mut Reader<'_>, node: Node<'_>) -> Option<PortSet> {
    if node.kind() != Kind::Array {
        return port_item(reader, node);
    }
    if node.is_empty() {
        let message = "the list of ports is empty, which would match nothing";
        reader.error(codes::EMPTY, node.span(), message, "name a port, or write `all`");
        return None;
    }
    // Every entry is read, so that every error is seen.
    let sets: Vec<Option<PortSet>> = node.items().map(|item| port_item(reader, item)).collect();
    sets.into_iter().try_fold(PortSet::none(), |all, set| Some(all.union(&set?)))
}

fn port_item(reader: &mut Reader<'_>, node: Node<'_>) -> Option<PortSet> {
    let text = match node.kind() {
        Kind::Number => node.raw(),
        Kind::String => node.as_str().unwrap_or_default(),
        _ => {
            reader.push(node.type_error("a port, a range such as \"8000-8999\", or `all`"));
            return None;
        }
    };
    if text == "all" {
        return Some(PortSet::full());
    }
    match port_range(text) {
        Ok(set) => Some(set),
        Err(problem) => {
            let message = format!("`{}` {problem}", shortened(text));
            let help = "ports are 1 to 65535, as in `443` and `8000-8999`; every port is `all`";
            reader.error(codes::BAD_PORT, node.span(), message, help);
            None
        }
    }
}

fn port_range(text: &str) -> Result<PortSet, &'static str> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (port(first)?, port(last)?);
    PortSet::range(first, last).map_err(|_reversed| "ends before it starts")
}

fn port(text: &str) -> Result<u16, &'static str> {
    if text.is_empty() || text.len() > 9 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err("is no port");
    }
    if text.len() > 1 && text.starts_with('0') {
        return Err("has a needless zero in front");
    }
    match text.parse::<u16>() {
        Ok(0) => Err("is no port that traffic is sent to"),
        Ok(port) => Ok(port),
        Err(_) => Err("is no port"),
    }
}

/// `all`, or a type with or without a code.
fn icmp(reader: &mut Reader<'_>, protocol: Protocol, node: Node<'_>) -> Option<FlowSet> {
    if node.kind() == Kind::String {
        return reader.word(node, &[("all", ())]).map(|_| FlowSet::protocol(protocol));
    }
    reader.object(node, &["type", "code"])?;
    let mut byte = |key: &str| -> Option<Option<u8>> {
        let Some(value) = node.get(key) else { return Some(None) };
        let number = value.as_u64().and_then(|number| u8::try_from(number).ok());
        if number.is_none() {
            let message = format!("the {key} is {}", value.describe());
            let help = "types and codes are numbers from 0 to 255";
            reader.error(codes::BAD_PORT, value.span(), message, help);
        }
        number.map(Some)
    };
    let (kind, code) = (byte("type"), byte("code"));
    let Some(kind) = kind? else {
        let message = "the `type` is missing";
        reader.error(codes::EMPTY, node.span(), message, "write `all` for every type");
        return None;
    };
    let codes = code?.map_or_else(ByteSet::full, ByteSet::single);
    Some(FlowSet::icmp(protocol, ByteSet::single(kind), codes))
}

/// A protocol by its name or its number.
fn protocol(reader: &mut Reader<'_>, node: Node<'_>) -> Option<Protocol> {
    let number = node.as_u64().and_then(|number| u8::try_from(number).ok()).map(Protocol);
    if let Some(protocol) = number.or_else(|| node.as_str().and_then(|text| text.parse().ok())) {
        return Some(protocol);
    }
    let message = format!("{} is no protocol", node.describe());
    let help = "write a number from 0 to 255, or a name such as `gre`, `esp` or `sctp`";
    reader.error(codes::BAD_PORT, node.span(), message, help);
    None
}

fn http_match(reader: &mut Reader<'_>, node: Node<'_>) -> Option<HttpMatch> {
    reader.object(node, &["methods", "path", "pathPrefix"])?;
    let methods = reader.items(node, "methods", method);
    let exact = path(reader, node, "path")
        .map(|path| Spanned::new(PathMatch::Exact(path.value), path.span));
    let prefix = path(reader, node, "pathPrefix")
        .map(|path| Spanned::new(PathMatch::Prefix(path.value), path.span));
    if let (Some(_), Some(prefix)) = (&exact, &prefix) {
        let message = "a request has one path: `path` and `pathPrefix` do not go together";
        let help = "write two entries: entries of a list are alternatives";
        reader.error(codes::NOT_TOGETHER, prefix.span, message, help);
    }
    Some(HttpMatch { span: node.span(), methods, path: exact.or(prefix) })
}

fn method(reader: &mut Reader<'_>, node: Node<'_>) -> Option<Spanned<Name>> {
    let text = reader.string(node)?;
    let is_method = !text.is_empty()
        && text.len() <= 64
        && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-' || byte == b'_');
    if !is_method {
        let message = format!("`{}` is no method of HTTP", shortened(text));
        reader.error(codes::BAD_REQUEST, node.span(), message, suggest::help(text, &METHODS));
        return None;
    }
    Some(Spanned::new(Name::from(text), node.span()))
}

fn path(reader: &mut Reader<'_>, node: Node<'_>, key: &str) -> Option<Spanned<Name>> {
    let value = reader.take(node.field(key)).flatten()?;
    let text = reader.string(value)?;
    match normal_path(text) {
        Some(normal) if normal == text => Some(Spanned::new(Name::from(text), value.span())),
        Some(normal) => {
            let message = format!("the path `{}` is not in its normal form", shortened(text));
            let help =
                format!("requests are normalised before they are compared; write `{normal}`");
            reader.error(codes::BAD_REQUEST, value.span(), message, help);
            None
        }
        None => {
            let message = format!("`{}` is no path of a request", shortened(text));
            let help = "a path begins with a slash and stays below it";
            reader.error(codes::BAD_REQUEST, value.span(), message, help);
            None
        }
    }
}
