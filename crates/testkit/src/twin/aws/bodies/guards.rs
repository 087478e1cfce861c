//! Security groups, network ACLs and prefix lists.

use serde_json::Value;

use super::{Bodies, Origin, list, optional, prefix, text};
use crate::twin::aws::prefix::Prefix;

#[derive(Debug, Clone)]
pub(in crate::twin::aws) struct SecurityGroup {
    pub(in crate::twin::aws) ingress: Vec<Rule>,
    pub(in crate::twin::aws) egress: Vec<Rule>,
}

#[derive(Debug, Clone)]
pub(in crate::twin::aws) struct Rule {
    /// Absent: every protocol.
    pub(in crate::twin::aws) protocol: Option<u8>,
    /// Ports, or the ICMP type; -1: any.
    pub(in crate::twin::aws) from: i64,
    /// Ports, or the ICMP code; -1: any.
    pub(in crate::twin::aws) to: i64,
    pub(in crate::twin::aws) peers: Vec<Peer>,
}

#[derive(Debug, Clone)]
pub(in crate::twin::aws) enum Peer {
    Prefix(Prefix),
    PrefixList(String),
    Group(String),
}

#[derive(Debug, Clone)]
pub(in crate::twin::aws) struct NetworkAcl {
    pub(in crate::twin::aws) vpc: String,
    pub(in crate::twin::aws) is_default: bool,
    pub(in crate::twin::aws) subnets: Vec<String>,
    /// By ascending rule number.
    pub(in crate::twin::aws) entries: Vec<AclEntry>,
}

#[derive(Debug, Clone)]
pub(in crate::twin::aws) struct AclEntry {
    pub(in crate::twin::aws) number: i64,
    pub(in crate::twin::aws) egress: bool,
    pub(in crate::twin::aws) allow: bool,
    /// Absent: every protocol.
    pub(in crate::twin::aws) protocol: Option<u8>,
    pub(in crate::twin::aws) prefix: Prefix,
    pub(in crate::twin::aws) ports: Option<(i64, i64)>,
    pub(in crate::twin::aws) icmp: Option<IcmpTypeCode>,
}

#[derive(Debug, Clone, Copy)]
pub(in crate::twin::aws) struct IcmpTypeCode {
    pub(in crate::twin::aws) kind: i64,
    pub(in crate::twin::aws) code: i64,
}

#[derive(Debug, Clone, Default)]
pub(in crate::twin::aws) struct PrefixList {
    /// Whether it holds IPv6 prefixes, when that is known.
    pub(in crate::twin::aws) version_6: Option<bool>,
    /// Absent: no body says what is in it.
    pub(in crate::twin::aws) entries: Option<Vec<Prefix>>,
}

impl Bodies {
    pub(super) fn read_groups(&mut self, value: &Value) {
        for group in list(value) {
            self.groups.entry(text(group, "GroupId")).or_insert(SecurityGroup {
                ingress: list(&group["IpPermissions"]).map(read_rule).collect(),
                egress: list(&group["IpPermissionsEgress"]).map(read_rule).collect(),
            });
        }
    }

    pub(super) fn read_acls(&mut self, value: &Value) {
        for acl in list(value) {
            let mut entries: Vec<AclEntry> = list(&acl["Entries"]).filter_map(read_entry).collect();
            entries.sort_by_key(|entry| entry.number);
            self.acls.entry(text(acl, "NetworkAclId")).or_insert(NetworkAcl {
                vpc: text(acl, "VpcId"),
                is_default: acl["IsDefault"] == true,
                subnets: list(&acl["Associations"]).map(|one| text(one, "SubnetId")).collect(),
                entries,
            });
        }
    }

    pub(super) fn read_prefix_lists(&mut self, value: &Value) {
        for body in list(value) {
            let one = self.prefix_lists.entry(text(body, "PrefixListId")).or_default();
            match optional(body, "AddressFamily").as_deref() {
                Some("IPv4") => one.version_6 = Some(false),
                Some("IPv6") => one.version_6 = Some(true),
                _ => {}
            }
            if body["Cidrs"].is_array() {
                let cidrs = list(&body["Cidrs"]).filter_map(Value::as_str);
                one.entries.get_or_insert_default().extend(cidrs.filter_map(Prefix::parse));
            }
        }
    }

    pub(super) fn read_prefix_list_entries(&mut self, value: &Value, origin: &Origin) {
        let Some(id) = origin.id("pl") else { return };
        let prefixes = list(value).filter_map(|entry| prefix(entry, "Cidr"));
        self.prefix_lists.entry(id).or_default().entries.get_or_insert_default().extend(prefixes);
    }
}

fn read_rule(rule: &Value) -> Rule {
    let prefixes = list(&rule["IpRanges"])
        .filter_map(|range| prefix(range, "CidrIp"))
        .chain(list(&rule["Ipv6Ranges"]).filter_map(|range| prefix(range, "CidrIpv6")));
    let lists = list(&rule["PrefixListIds"]).map(|one| Peer::PrefixList(text(one, "PrefixListId")));
    let groups = list(&rule["UserIdGroupPairs"]).map(|one| Peer::Group(text(one, "GroupId")));
    Rule {
        protocol: protocol(&text(rule, "IpProtocol")),
        from: rule["FromPort"].as_i64().unwrap_or(-1),
        to: rule["ToPort"].as_i64().unwrap_or(-1),
        peers: prefixes.map(Peer::Prefix).chain(lists).chain(groups).collect(),
    }
}

fn read_entry(entry: &Value) -> Option<AclEntry> {
    let ports = &entry["PortRange"];
    let icmp = &entry["IcmpTypeCode"];
    Some(AclEntry {
        number: entry["RuleNumber"].as_i64()?,
        egress: entry["Egress"] == true,
        allow: entry["RuleAction"] == "allow",
        protocol: protocol(&text(entry, "Protocol")),
        prefix: prefix(entry, "CidrBlock").or_else(|| prefix(entry, "Ipv6CidrBlock"))?,
        ports: ports["From"].as_i64().zip(ports["To"].as_i64()),
        icmp: icmp["Type"]
            .as_i64()
            .zip(icmp["Code"].as_i64())
            .map(|(kind, code)| IcmpTypeCode { kind, code }),
    })
}

fn protocol(text: &str) -> Option<u8> {
    match text {
        "tcp" => Some(6),
        "udp" => Some(17),
        "icmp" => Some(1),
        "icmpv6" => Some(58),
        number => number.parse().ok(),
    }
}
