//! Single rules, and the permissions that they make.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::Fault;
use crate::aws_server::call::text;

/// The lists of a permission, the key of a peer in each, and the same on the wire of requests.
pub(super) const LISTS: [(&str, &str, &str); 4] = [
    ("IpRanges", "CidrIp", "IpRanges"),
    ("Ipv6Ranges", "CidrIpv6", "Ipv6Ranges"),
    ("UserIdGroupPairs", "GroupId", "Groups"),
    ("PrefixListIds", "PrefixListId", "PrefixListIds"),
];

/// From and to, for protocols that have them.
type Ports = Option<(i64, i64)>;

/// One rule: what tells it from others, and how its peer was written down.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    pub(super) protocol: String,
    pub(super) ports: Option<(i64, i64)>,
    /// The place of the peer's list in [`LISTS`].
    pub(super) list: usize,
    pub(super) peer: String,
    pub(super) body: Value,
}

impl Rule {
    fn key(&self) -> (&str, Option<(i64, i64)>, usize, &str) {
        (&self.protocol, self.ports, self.list, &self.peer)
    }

    /// Whether it counts against the limit of IPv4 or of IPv6: a reference counts against both.
    pub(super) const fn counts(&self, is_v6: bool) -> bool {
        match self.list {
            0 => !is_v6,
            1 => is_v6,
            _ => true,
        }
    }
}

impl PartialEq for Rule {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Rule {}

impl PartialOrd for Rule {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Rule {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

/// The rules of recorded permissions.
pub(super) fn rules_of(permissions: &Value) -> BTreeSet<Rule> {
    let mut rules = BTreeSet::new();
    for permission in permissions.as_array().into_iter().flatten() {
        let protocol = text(&permission["IpProtocol"]).to_owned();
        let ports = permission["FromPort"].as_i64().zip(permission["ToPort"].as_i64());
        let ports = ports.filter(|_| has_ports(&protocol));
        for (list, (key, id, _)) in LISTS.into_iter().enumerate() {
            for body in permission[key].as_array().into_iter().flatten() {
                let peer = text(&body[id]).to_owned();
                let (protocol, body) = (protocol.clone(), body.clone());
                rules.insert(Rule { protocol, ports, list, peer, body });
            }
        }
    }
    rules
}

fn has_ports(protocol: &str) -> bool {
    matches!(protocol, "tcp" | "udp" | "icmp" | "icmpv6")
}

/// Rules as permissions: those of one protocol and ports share one.
pub(super) fn permissions(rules: &BTreeSet<Rule>) -> Value {
    let mut grouped: BTreeMap<(&str, Ports), Vec<&Rule>> = BTreeMap::new();
    for rule in rules {
        grouped.entry((&rule.protocol, rule.ports)).or_default().push(rule);
    }
    let each = grouped.into_iter().map(|((protocol, ports), rules)| {
        let mut body = Map::from_iter([("IpProtocol".to_owned(), json!(protocol))]);
        if let Some((from, to)) = ports {
            body.insert("FromPort".to_owned(), json!(from));
            body.insert("ToPort".to_owned(), json!(to));
        }
        for (list, (key, _, _)) in LISTS.into_iter().enumerate() {
            let own = rules.iter().filter(|rule| rule.list == list);
            body.insert(key.to_owned(), own.map(|rule| rule.body.clone()).collect());
        }
        Value::Object(body)
    });
    each.collect()
}

/// The rules that a request names.
///
/// # Errors
/// When one of them is none.
pub(super) fn asked(form: &BTreeMap<String, String>, owner: &str) -> Result<Vec<Rule>, Fault> {
    let mut rules = Vec::new();
    for number in 1.. {
        let at = |key: &str| form.get(&format!("IpPermissions.{number}.{key}"));
        let Some(protocol) = at("IpProtocol") else { break };
        let protocol = named(protocol);
        let ports = ports_of(&protocol, at("FromPort"), at("ToPort"))?;
        let before = rules.len();
        for (list, (_, id, wire)) in LISTS.into_iter().enumerate() {
            for place in 1.. {
                let Some(peer) = at(&format!("{wire}.{place}.{id}")) else { break };
                let peer = if list < 2 { prefix(peer, list == 1)? } else { peer.clone() };
                let body = match list {
                    2 => json!({"GroupId": peer, "UserId": owner}),
                    _ => json!({ id: peer }),
                };
                rules.push(Rule { protocol: protocol.clone(), ports, list, peer, body });
            }
        }
        if rules.len() == before {
            return Err(Fault::new("InvalidPermission.Malformed"));
        }
    }
    if rules.is_empty() {
        return Err(Fault::new("MissingParameter"));
    }
    let distinct: BTreeSet<&Rule> = rules.iter().collect();
    if distinct.len() < rules.len() {
        return Err(Fault::new("InvalidParameterValue"));
    }
    Ok(rules)
}

/// Four protocols are called by their names, whatever they were asked by.
fn named(protocol: &str) -> String {
    let name = match protocol {
        "6" => "tcp",
        "17" => "udp",
        "1" => "icmp",
        "58" => "icmpv6",
        other => other,
    };
    name.to_ascii_lowercase()
}

fn ports_of(
    protocol: &str,
    from: Option<&String>,
    to: Option<&String>,
) -> Result<Option<(i64, i64)>, Fault> {
    let malformed = || Fault::new("InvalidParameterValue");
    if !has_ports(protocol) {
        let number = protocol.parse::<i64>().map_err(|_error| malformed())?;
        return if (-1..=255).contains(&number) { Ok(None) } else { Err(malformed()) };
    }
    let number = |text: Option<&String>| {
        let text = text.ok_or_else(|| Fault::new("MissingParameter"))?;
        text.parse::<i64>().map_err(|_error| malformed())
    };
    let (from, to) = (number(from)?, number(to)?);
    let good = match protocol {
        "tcp" | "udp" => 0 <= from && from <= to && to <= 65_535,
        _ => (-1..=255).contains(&from) && (-1..=255).contains(&to) && (from >= 0 || to == -1),
    };
    if good { Ok(Some((from, to))) } else { Err(malformed()) }
}

/// A prefix in its usual form: bits behind its length are dropped.
fn prefix(text: &str, is_v6: bool) -> Result<String, Fault> {
    let malformed = || Fault::new("InvalidParameterValue");
    let (address, length) = text.split_once('/').ok_or_else(malformed)?;
    let address: std::net::IpAddr = address.parse().map_err(|_error| malformed())?;
    let length: u8 = length.parse().map_err(|_error| malformed())?;
    if address.is_ipv6() != is_v6 || length > if is_v6 { 128 } else { 32 } {
        return Err(malformed());
    }
    let wide = match address {
        std::net::IpAddr::V4(four) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0);
            std::net::IpAddr::from((u32::from(four) & mask).to_be_bytes())
        }
        std::net::IpAddr::V6(six) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0);
            std::net::IpAddr::from((u128::from(six) & mask).to_be_bytes())
        }
    };
    Ok(format!("{wide}/{length}"))
}
