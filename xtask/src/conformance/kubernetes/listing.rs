//! Published listings of connections, read and written.

use std::fmt::Write as _;
use std::net::Ipv4Addr;

use watertight_net::{FlowSet, PortSet, Protocol};

use super::cluster::{everything, protocols};

/// One end of a line.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Peer {
    /// A workload.
    Inside(String),
    /// Addresses outside, from one to another.
    Outside(Ipv4Addr, Ipv4Addr),
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) from: Peer,
    pub(super) to: Peer,
    pub(super) flows: FlowSet,
}

/// A listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listing {
    pub(super) lines: Vec<Line>,
}

impl Peer {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let Some(range) = text.strip_suffix("[External]") else {
            return Ok(Self::Inside(text.to_owned()));
        };
        let bad = || format!("`{text}` is no range of addresses");
        let (first, last) = range.split_once('-').ok_or_else(bad)?;
        let address = |text: &str| text.parse::<Ipv4Addr>().ok();
        match (address(first), address(last)) {
            (Some(first), Some(last)) => Ok(Self::Outside(first, last)),
            _ => Err(bad()),
        }
    }

    pub(super) fn text(&self) -> String {
        match self {
            Self::Inside(name) => name.clone(),
            Self::Outside(first, last) => format!("{first}-{last}[External]"),
        }
    }
}

impl Listing {
    /// Reads the lines `from => to : flows`, up to the first that is none.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut lines = Vec::new();
        for line in text.lines() {
            let Some((from, rest)) = line.split_once(" => ") else { break };
            let (to, flows) =
                rest.split_once(" : ").ok_or_else(|| format!("`{line}` tells no connections"))?;
            let flows = parse_flows(flows)?;
            lines.push(Line { from: Peer::parse(from)?, to: Peer::parse(to)?, flows });
        }
        Ok(Self { lines })
    }

    /// A listing in the order of its text.
    pub(super) fn sorted(mut lines: Vec<Line>) -> Self {
        lines.sort_by_key(|line| (line.from.text(), line.to.text()));
        Self { lines }
    }

    /// The listing as JSON.
    pub(super) fn json(&self) -> String {
        let mut text = String::from("[");
        for (number, line) in self.lines.iter().enumerate() {
            let comma = if number == 0 { "" } else { "," };
            let (from, to) = (line.from.text(), line.to.text());
            let flows = flows_text(&line.flows);
            let _ = write!(
                text,
                "{comma}\n  {{\n    \"src\": \"{from}\",\n    \"dst\": \"{to}\",\n    \"conn\": \"{flows}\"\n  }}"
            );
        }
        text.push_str(if self.lines.is_empty() { "]" } else { "\n]" });
        text
    }

    /// The listing as comma-separated values.
    pub(super) fn csv(&self) -> String {
        let mut text = String::from("src,dst,conn\n");
        for line in &self.lines {
            let (from, to) = (line.from.text(), line.to.text());
            let _ = writeln!(text, "{from},{to},{}", quoted(&flows_text(&line.flows)));
        }
        text
    }
}

/// A field, in quotes where it holds a comma.
pub(super) fn quoted(text: &str) -> String {
    if text.contains(',') { format!("\"{text}\"") } else { text.to_owned() }
}

/// Reads `All Connections`, `No Connections`, or protocols with their ports.
pub(super) fn parse_flows(text: &str) -> Result<FlowSet, String> {
    match text {
        "All Connections" => return Ok(everything()),
        "No Connections" => return Ok(FlowSet::none()),
        _ => {}
    }
    let mut flows = FlowSet::none();
    let mut protocol = None;
    for part in text.split(',') {
        let (name, range) =
            part.split_once(' ').map_or((None, part), |(name, range)| (Some(name), range));
        protocol = match name {
            Some("TCP") => Some(Protocol::TCP),
            Some("UDP") => Some(Protocol::UDP),
            Some("SCTP") => Some(Protocol::SCTP),
            Some(other) => return Err(format!("`{other}` is no protocol, in `{text}`")),
            None => protocol,
        };
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (Some(protocol), Ok(first), Ok(last)) =
            (protocol, first.parse::<u16>(), last.parse::<u16>())
        else {
            return Err(format!("`{part}` is no range of ports, in `{text}`"));
        };
        let ports = PortSet::range(first, last).map_err(|error| error.to_string())?;
        flows = flows.union(&FlowSet::ports(protocol, PortSet::full(), ports));
    }
    Ok(flows)
}

/// The same the other way round.
pub(super) fn flows_text(flows: &FlowSet) -> String {
    if *flows == everything() {
        return "All Connections".to_owned();
    }
    let parts: Vec<String> = protocols(flows)
        .into_iter()
        .map(|(name, ports)| {
            let ranges: Vec<String> = ports
                .intervals()
                .iter()
                .map(|range| {
                    if range.first() == range.last() {
                        range.first().to_string()
                    } else {
                        format!("{}-{}", range.first(), range.last())
                    }
                })
                .collect();
            format!("{name} {}", ranges.join(","))
        })
        .collect();
    if parts.is_empty() { "No Connections".to_owned() } else { parts.join(",") }
}
