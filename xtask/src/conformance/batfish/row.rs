//! One row of `expected.csv`.

use std::net::IpAddr;

use watertight_model::Disposition;
use watertight_net::{FlowSet, PortSet, Protocol};

use super::claim::Claims;

#[cfg(test)]
mod tests;

/// The table's first line.
pub(super) const HEADING: &str = "id,src,src_ip,dst,proto,dport,disposition,reach,stop_or_path";

/// The ports that a client picks by itself (RFC 6335, section 6): a row names none.
const CLIENT_PORTS: (u16, u16) = (49_152, 65_535);

/// One row, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) source: Source,
    pub(super) from: From,
    pub(super) destination: Destination,
    pub(super) flows: FlowSet,
    pub(super) expected: Expected,
    /// Whether the flow gets where it was sent, where the row says.
    pub(super) reach: Option<bool>,
    pub(super) claims: Claims,
}

/// Where the flow starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    /// A machine or an interface, by id.
    Machine(String),
    /// A subnet, by id.
    Subnet(String),
    /// A VPC, by id.
    Realm(String),
    Internet,
    /// Behind the one virtual private gateway of the snapshot.
    OnPremises,
}

/// From which address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum From {
    /// The primary one, or any one outside.
    Auto,
    /// Each of them.
    Any,
    /// None that a rule could name.
    Nowhere,
    Address(IpAddr),
}

/// Where the flow goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Destination {
    Address(IpAddr),
    /// A machine or an interface, by id.
    Machine(String),
}

/// How it ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Expected {
    /// Any of these.
    pub(super) dispositions: Vec<Disposition>,
    /// Whether it is enough that some flow ends so.
    pub(super) exists: bool,
    /// Whether the reply comes back.
    pub(super) bidirectional: bool,
}

/// The id of a row, whatever else is in it.
pub(super) fn id_of(line: &str) -> &str {
    line.split(',').next().unwrap_or_default().trim()
}

impl Row {
    /// Reads a row; a word that is not known is an error.
    pub(super) fn parse(line: &str) -> Result<Self, String> {
        let fields: Vec<&str> = line.splitn(9, ',').map(str::trim).collect();
        let [_, source, from, destination, protocol, port, disposition, reach, path] =
            fields.as_slice()
        else {
            return Err(format!("the row has {} fields, not 9", fields.len()));
        };
        Ok(Self {
            source: source_of(without_comment(source))?,
            from: from_of(without_comment(from))?,
            destination: destination_of(without_comment(destination))?,
            flows: flows_of(without_comment(protocol), without_comment(port))?,
            expected: expected_of(disposition)?,
            reach: match *reach {
                "allow" => Some(true),
                "deny" => Some(false),
                "n/a" => None,
                other => return Err(unknown("reach", other)),
            },
            claims: Claims::parse(path),
        })
    }
}

fn unknown(column: &str, text: &str) -> String {
    format!("the column `{column}` says `{text}`, which is no word that is known")
}

/// A field without the comment in parentheses.
fn without_comment(field: &str) -> &str {
    field.split_once('(').map_or(field, |(before, _)| before).trim()
}

fn source_of(text: &str) -> Result<Source, String> {
    match text {
        "internet" => Ok(Source::Internet),
        "on-prem router" => Ok(Source::OnPremises),
        id if id.starts_with("i-") || id.starts_with("eni-") => Ok(Source::Machine(id.to_owned())),
        id if id.starts_with("subnet-") => Ok(Source::Subnet(id.to_owned())),
        id if id.starts_with("vpc-") => Ok(Source::Realm(id.to_owned())),
        other => Err(unknown("src", other)),
    }
}

fn from_of(text: &str) -> Result<From, String> {
    match text {
        "auto" => Ok(From::Auto),
        "any" => Ok(From::Any),
        "none" => Ok(From::Nowhere),
        other => other.parse().map(From::Address).map_err(|_error| unknown("src_ip", other)),
    }
}

fn destination_of(text: &str) -> Result<Destination, String> {
    if let Ok(address) = text.parse() {
        return Ok(Destination::Address(address));
    }
    let id = text.strip_prefix("NLB ").map_or(text, |rest| rest.trim_start_matches("node ").trim());
    if id.starts_with("i-") || id.starts_with("eni-") {
        return Ok(Destination::Machine(id.to_owned()));
    }
    Err(unknown("dst", text))
}

fn flows_of(protocol: &str, port: &str) -> Result<FlowSet, String> {
    // `0/HOPOPT`: the number, and what IANA calls it.
    let number = protocol.split('/').next().unwrap_or_default();
    let any_port = matches!(port, "-" | "any" | "");
    if protocol == "any" {
        return if any_port { Ok(FlowSet::all()) } else { Err(unknown("dport", port)) };
    }
    let protocol = match number.parse() {
        Ok(number) => Protocol(number),
        Err(_) => protocol.parse().map_err(|_error| unknown("proto", protocol))?,
    };
    if any_port {
        return Ok(FlowSet::protocol(protocol));
    }
    let port: u16 = port.parse().map_err(|_error| unknown("dport", port))?;
    if !protocol.has_ports() {
        return Err(format!("`{protocol}` has no port `{port}`"));
    }
    let clients = PortSet::range(CLIENT_PORTS.0, CLIENT_PORTS.1).map_err(|e| e.to_string())?;
    Ok(FlowSet::ports(protocol, clients, PortSet::single(port)))
}

fn expected_of(text: &str) -> Result<Expected, String> {
    let mut expected = Expected { dispositions: Vec::new(), exists: false, bidirectional: false };
    for word in text.split_whitespace() {
        match word {
            "exists" => expected.exists = true,
            "bidirectional" => expected.bidirectional = true,
            words => {
                for word in words.split('/') {
                    expected.dispositions.extend(dispositions_of(word)?);
                }
            }
        }
    }
    if expected.dispositions.is_empty() {
        return Err(unknown("disposition", text));
    }
    Ok(expected)
}

fn dispositions_of(word: &str) -> Result<Vec<Disposition>, String> {
    Ok(match word {
        "ACCEPTED" => vec![Disposition::Accepted],
        "DENIED_IN" => vec![Disposition::DeniedIn],
        "DENIED_OUT" => vec![Disposition::DeniedOut],
        "NO_ROUTE" => vec![Disposition::NoRoute],
        "NULL_ROUTED" => vec![Disposition::NullRouted],
        "NEIGHBOR_UNREACHABLE" => vec![Disposition::NeighborUnreachable],
        "EXITS_NETWORK" | "EXITS" => vec![Disposition::ExitsNetwork],
        // To hosts behind a border that the input does not describe one by one.
        "DELIVERED_TO_SUBNET" => vec![Disposition::Accepted, Disposition::ExitsNetwork],
        "LOOP" => vec![Disposition::Loop],
        other => return Err(unknown("disposition", other)),
    })
}
