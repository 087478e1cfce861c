//! Rules of security groups one by one, as the provider tells them apart.

use std::collections::BTreeSet;

use serde_json::Value;
use thiserror::Error;
use watertight_compile::PlannedRule;
use watertight_net::{ByteSet, Family, FlowSet, PortRange, PortSet, Prefix, Protocol};

use super::render::protocol_of;

/// One rule of a security group: one protocol, one range, one peer.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct RuleUnit {
    /// In the provider's words: `tcp`, `-1`, `50`.
    pub protocol: String,
    /// From and to; for ICMP its type and code; nothing for a protocol that has neither.
    pub ports: Option<(i64, i64)>,
    /// Who is at the other end.
    pub peer: UnitPeer,
}

/// Whom a [`RuleUnit`] names.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum UnitPeer {
    /// Addresses of IPv4.
    V4(String),
    /// Addresses of IPv6.
    V6(String),
    /// A security group: its id, or its name where it is planned.
    Group(String),
    /// A prefix list by its id.
    List(String),
}

/// Why a planned rule is none.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("`{over}` is no flow set of one rule: {why}")]
pub struct UnitError {
    over: String,
    why: String,
}

impl RuleUnit {
    /// A planned rule. Groups stand by their names.
    ///
    /// # Errors
    /// When its flows cannot be read.
    pub fn planned(rule: &PlannedRule) -> Result<Self, UnitError> {
        let wrong = |why: String| UnitError { over: rule.over.clone(), why };
        let flows: FlowSet = rule.over.parse().map_err(|error| wrong(format!("{error}")))?;
        if flows.parts().count() != 1 && !flows.is_all() {
            return Err(wrong(String::from("it has several parts")));
        }
        let (protocol, ports) = protocol_of(&flows);
        let peer = match rule.peer.parse::<Prefix>() {
            Ok(prefix) if prefix.family() == Family::V4 => UnitPeer::V4(prefix.to_string()),
            Ok(prefix) => UnitPeer::V6(prefix.to_string()),
            Err(_) if rule.peer.starts_with("pl-") => UnitPeer::List(rule.peer.clone()),
            Err(_) => UnitPeer::Group(rule.peer.clone()),
        };
        Ok(Self { protocol, ports, peer })
    }

    /// All planned rules.
    ///
    /// # Errors
    /// When the flows of one cannot be read.
    pub fn all_planned(rules: &[PlannedRule]) -> Result<BTreeSet<Self>, UnitError> {
        rules.iter().map(Self::planned).collect()
    }

    /// The rules of permissions as the provider describes them (`IpPermissions`).
    pub fn described(permissions: &Value) -> BTreeSet<Self> {
        let mut units = BTreeSet::new();
        for permission in permissions.as_array().into_iter().flatten() {
            let protocol = named(text(&permission["IpProtocol"]));
            let number = |key: &str| permission[key].as_i64().unwrap_or(-1);
            let ports = has_ports(protocol).then(|| (number("FromPort"), number("ToPort")));
            for (list, key, peer) in LISTS {
                for one in permission[list].as_array().into_iter().flatten() {
                    let (protocol, peer) = (protocol.to_owned(), peer(text(&one[key]).to_owned()));
                    units.insert(Self { protocol, ports, peer });
                }
            }
        }
        units
    }

    /// A rule as the list of rules (`DescribeSecurityGroupRules`) tells it; nothing where it names no
    /// peer.
    pub(super) fn listed(body: &Value) -> Option<Self> {
        let protocol = named(text(&body["IpProtocol"])).to_owned();
        let number = |key: &str| body[key].as_i64().unwrap_or(-1);
        let ports = has_ports(&protocol).then(|| (number("FromPort"), number("ToPort")));
        let told = |value: &Value| value.as_str().map(ToOwned::to_owned);
        let peer = told(&body["CidrIpv4"])
            .map(UnitPeer::V4)
            .or_else(|| told(&body["CidrIpv6"]).map(UnitPeer::V6))
            .or_else(|| told(&body["PrefixListId"]).map(UnitPeer::List))
            .or_else(|| told(&body["ReferencedGroupInfo"]["GroupId"]).map(UnitPeer::Group))?;
        Some(Self { protocol, ports, peer })
    }

    /// The rule as plans write it.
    pub(super) fn rule(&self) -> PlannedRule {
        let peer = match &self.peer {
            UnitPeer::V4(text) | UnitPeer::V6(text) => text,
            UnitPeer::Group(text) | UnitPeer::List(text) => text,
        };
        PlannedRule { peer: peer.clone(), over: self.flows().to_string() }
    }

    pub(super) fn flows(&self) -> FlowSet {
        let port = |number: i64| u16::try_from(number).unwrap_or(0);
        let bytes = |number: i64| u8::try_from(number).map_or(ByteSet::full(), ByteSet::single);
        match (self.protocol.as_str(), self.ports) {
            ("tcp" | "udp", Some((from, to))) => {
                let ports =
                    PortRange::new(port(from), port(to)).map_or(PortSet::full(), PortSet::from);
                if self.protocol == "tcp" { FlowSet::tcp(ports) } else { FlowSet::udp(ports) }
            }
            ("icmp", Some((of, code))) => FlowSet::icmp(Protocol::ICMP, bytes(of), bytes(code)),
            ("icmpv6", Some((of, code))) => FlowSet::icmp(Protocol::ICMPV6, bytes(of), bytes(code)),
            (number, _) => match number.parse::<u8>() {
                Ok(number) => FlowSet::protocol(Protocol(number)),
                Err(_) => FlowSet::all(),
            },
        }
    }

    /// The rule as text for people.
    pub fn text(&self) -> String {
        let peer = match &self.peer {
            UnitPeer::V4(text) | UnitPeer::V6(text) => text,
            UnitPeer::Group(text) | UnitPeer::List(text) => text,
        };
        match self.ports {
            Some((from, to)) if from == to => format!("{}/{from} {peer}", self.protocol),
            Some((from, to)) => format!("{}/{from}-{to} {peer}", self.protocol),
            None => format!("{} {peer}", self.protocol),
        }
    }

    /// What a request that adds or takes away the rule says of it, below `IpPermissions.N`.
    pub fn wire(&self) -> Vec<(String, String)> {
        let mut pairs = vec![(String::from("IpProtocol"), self.protocol.clone())];
        if let Some((from, to)) = self.ports {
            pairs.push((String::from("FromPort"), from.to_string()));
            pairs.push((String::from("ToPort"), to.to_string()));
        }
        let (key, text) = match &self.peer {
            UnitPeer::V4(text) => ("IpRanges.1.CidrIp", text),
            UnitPeer::V6(text) => ("Ipv6Ranges.1.CidrIpv6", text),
            UnitPeer::Group(text) => ("Groups.1.GroupId", text),
            UnitPeer::List(text) => ("PrefixListIds.1.PrefixListId", text),
        };
        pairs.push((key.to_owned(), text.clone()));
        pairs
    }
}

type Made = fn(String) -> UnitPeer;

/// The lists of a permission, the key of a peer in each, and what it makes of the peer.
const LISTS: [(&str, &str, Made); 4] = [
    ("IpRanges", "CidrIp", UnitPeer::V4),
    ("Ipv6Ranges", "CidrIpv6", UnitPeer::V6),
    ("UserIdGroupPairs", "GroupId", UnitPeer::Group),
    ("PrefixListIds", "PrefixListId", UnitPeer::List),
];

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Four protocols are called by their names, whatever they were asked by.
fn named(protocol: &str) -> &str {
    match protocol {
        "6" => "tcp",
        "17" => "udp",
        "1" => "icmp",
        "58" => "icmpv6",
        other => other,
    }
}

fn has_ports(protocol: &str) -> bool {
    matches!(protocol, "tcp" | "udp" | "icmp" | "icmpv6")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn planned(peer: &str, over: &str) -> RuleUnit {
        RuleUnit::planned(&PlannedRule { peer: peer.to_owned(), over: over.to_owned() }).unwrap()
    }

    #[test]
    fn a_planned_rule_is_the_one_that_the_provider_describes() {
        let described = RuleUnit::described(&json!([
            {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "10.0.0.0/8"}],
             "UserIdGroupPairs": [{"GroupId": "web", "UserId": "1"}]},
            {"IpProtocol": "-1", "Ipv6Ranges": [{"CidrIpv6": "2001:db8::/32"}]},
            {"IpProtocol": "icmp", "FromPort": 8, "ToPort": -1, "IpRanges": [{"CidrIp": "10.1.0.0/16"}]},
            {"IpProtocol": "50", "IpRanges": [{"CidrIp": "10.2.0.0/16"}]},
        ]));
        let ours = BTreeSet::from([
            planned("10.0.0.0/8", "tcp/443"),
            planned("web", "tcp/443"),
            planned("2001:db8::/32", "all"),
            planned("10.1.0.0/16", "icmp/8"),
            planned("10.2.0.0/16", "esp"),
        ]);
        assert_eq!(described, ours);
    }

    #[test]
    fn flows_of_several_rules_are_refused() {
        let rule = PlannedRule { peer: "web".to_owned(), over: "tcp/1; udp/1".to_owned() };
        assert!(RuleUnit::planned(&rule).is_err());
    }
}
