//! Over what rules are: ports, types of ICMP, and contents.

use watertight_model::Name;
use watertight_net::{FlowSet, PortSet, Protocol};
use watertight_source::Node;

use super::{not_modelled, peers};
use crate::codes;
use crate::fields::Notes;
use crate::flows::{range, to_ports};
use crate::policy::{PortSpec, Ports};

/// What an entry of a rule's ports says.
const OF_PORTS: [&str; 6] =
    ["ports", "rules", "serverNames", "listener", "terminatingTLS", "originatingTLS"];
/// What of it is about contents, or what stands in between.
const OF_CONTENTS: [&str; 5] =
    ["rules", "serverNames", "listener", "terminatingTLS", "originatingTLS"];
/// What a clause quotes of one rule, in characters.
const CLAUSE_MAX: usize = 80;

/// Over what a rule is.
#[derive(Debug)]
pub(super) struct Over {
    /// Whatever the contents.
    pub(super) plain: Option<Ports>,
    /// By contents, with the words for them.
    pub(super) by_contents: Vec<(Ports, Name)>,
}

impl Over {
    /// Whether nothing is said of ports.
    pub(super) fn says_nothing(&self) -> bool {
        self.plain == Some(Ports::All) && self.by_contents.is_empty()
    }

    /// All of it, whatever the contents.
    pub(super) fn all(self) -> Ports {
        let by_contents = self.by_contents.into_iter().map(|(ports, _)| ports);
        let mut all = Vec::new();
        for ports in self.plain.into_iter().chain(by_contents) {
            match ports {
                Ports::All => return Ports::All,
                Ports::Listed(listed) => all.extend(listed),
            }
        }
        Ports::Listed(all)
    }
}

/// Reads the entries of `toPorts` and `icmps`; without any, a rule is over everything.
pub(super) fn read(notes: &mut Notes, node: Node<'_>) -> Over {
    let mut plain: Vec<PortSpec> = peers::icmps(notes, node).into_iter().collect();
    let mut by_contents = Vec::new();
    let groups = notes.items(node, "toPorts");
    for group in &groups {
        notes.only(*group, &OF_PORTS);
        let contents = clause(*group);
        if group.get("ports").is_none() {
            not_modelled(notes, group.span(), "an entry of `toPorts` without `ports`");
            let text = contents.unwrap_or_else(|| Name::from("an entry without ports"));
            by_contents.push((Ports::All, text));
            continue;
        }
        let nodes = notes.items(*group, "ports");
        let listed: Vec<PortSpec> = nodes.into_iter().filter_map(|one| port(notes, one)).collect();
        let no_ports = listed.is_empty();
        match contents {
            Some(text) if no_ports => by_contents.push((Ports::All, text)),
            Some(text) => by_contents.push((Ports::Listed(listed), text)),
            None if no_ports => {
                return Over { plain: Some(Ports::All), by_contents: Vec::new() };
            }
            None => plain.extend(listed),
        }
    }
    let plain = if plain.is_empty() {
        groups.is_empty().then_some(Ports::All)
    } else {
        Some(Ports::Listed(plain))
    };
    Over { plain, by_contents }
}

/// What an entry says of contents, in its own words; none where it says nothing of them.
fn clause(group: Node<'_>) -> Option<Name> {
    let said = group.entries().filter(|entry| OF_CONTENTS.contains(&entry.key));
    let said: Vec<String> = said
        .flat_map(|entry| match entry.key {
            "rules" => entry.value.entries().map(|one| rules(one.key, one.value)).collect(),
            other => vec![other.to_owned()],
        })
        .collect();
    (!said.is_empty()).then(|| Name::from(format!("if {}", said.join(" and "))))
}

/// Rules of one kind, such as those for HTTP.
fn rules(kind: &str, node: Node<'_>) -> String {
    let each: Vec<String> = node
        .items()
        .map(|rule| {
            let fields = rule.entries().map(|field| {
                let value = field.value.as_str().unwrap_or(field.value.raw());
                format!("{} {value}", field.key)
            });
            fields.collect::<Vec<_>>().join(" ")
        })
        .collect();
    let text = format!("{kind} {}", each.join(" or "));
    match text.char_indices().nth(CLAUSE_MAX) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text.trim_end().to_owned(),
    }
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
