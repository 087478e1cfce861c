//! Network ACLs as what refuses at the edges of subnets: ours is a copy of the one that others wrote, with
//! denials in front.
//!
//! Sources: Amazon VPC user guide, "Network ACL basics" (a subnet has one at a time; entries with lower
//! numbers are asked first) and "Amazon VPC quotas" (20 rules in each direction; the last one counts, and
//! here both families do together); Amazon EC2 API reference, `NetworkAcl`, `NetworkAclEntry`.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};
use watertight_compile::{
    Artifacts, Edge, EdgeEntry, EdgeList, EdgeRule, GroupName, HeldEdge, OwnEdge, PlannedEdge,
    PlannedRule, RenderedBody, short_hash,
};
use watertight_model::Name;
use watertight_source::Node;

use super::facts::{Facts, is_managed};
use super::network::acl_facts;
use super::units::{RuleUnit, UnitPeer};
use super::value::value_of;
use crate::Body;
use crate::scope::Scope;

/// The key of the tag that tells which network ACL one of ours stands in for.
pub const BASE: &str = "watertight.io/base";

/// Entries in one direction that an account has without asking for more.
const ENTRIES_MAX: u32 = 20;
/// The number of the first entry that is copied: ours have lower ones.
const COPIED_MIN: u32 = 1000;
/// The number from which entries cannot be written: the last ones, which refuse what no other matched.
const LAST_MIN: u32 = 32_767;

/// A network ACL as bodies tell it.
#[derive(Debug, Clone)]
struct Told {
    id: String,
    vpc: String,
    place: (String, String),
    is_ours: bool,
    name: String,
    base: String,
    /// All but the last.
    entries: Vec<EdgeEntry>,
    /// How many there are in each direction with the last: in, and out.
    count: [u32; 2],
    subnets: Vec<String>,
    /// What a plan reads of it.
    facts: Facts,
}

/// What is at the edges of subnets, ordered by subnet.
pub(super) fn lists(bodies: &[Body]) -> Vec<EdgeList> {
    let all = told(bodies);
    let mut found = Vec::new();
    for acl in all.values() {
        let of_others = acl.is_ours.then(|| original(acl, &all)).flatten();
        for subnet in &acl.subnets {
            let list = |base: &Told, ours: Option<HeldEdge>| EdgeList {
                subnet: Name::from(subnet.as_str()),
                base: base.id.clone(),
                stamp: stamp(&base.entries),
                room: base.count.map(|count| ENTRIES_MAX.saturating_sub(count)),
                ours,
            };
            found.push(match of_others {
                Some(base) => {
                    list(base, Some(HeldEdge { id: acl.id.clone(), edge: edge(acl, base) }))
                }
                None => list(acl, None),
            });
        }
    }
    found.sort_by(|one, other| one.subnet.cmp(&other.subnet));
    found.dedup_by(|one, other| one.subnet == other.subnet);
    found
}

/// The network ACLs of ours that no subnet has, by id.
pub(super) fn unused(bodies: &[Body]) -> Vec<OwnEdge> {
    let all = told(bodies);
    let unused = all.values().filter(|acl| acl.is_ours && acl.subnets.is_empty());
    unused
        .map(|acl| OwnEdge {
            // It is looked for by its tag.
            edge: PlannedEdge::of(
                &Edge { name: GroupName(acl.name.clone()), ..edge(acl, acl) },
                acl.entries.clone(),
                Some(acl.id.clone()),
            ),
            facts: acl.facts.clone(),
        })
        .collect()
}

/// The entries of a list of ours, but the last.
pub(super) fn entries(bodies: &[Body], edge: &Edge) -> Vec<EdgeEntry> {
    let base = told(bodies).remove(&edge.base);
    let mut entries = Vec::new();
    for (egress, rules) in [(false, &edge.ingress), (true, &edge.egress)] {
        entries.extend((1..).zip(rules).filter_map(|(number, rule)| denial(egress, number, rule)));
        let copied = base.iter().flat_map(|base| &base.entries);
        let copied = copied.filter(|entry| entry.egress == egress).cloned();
        entries.extend(
            (COPIED_MIN..).zip(copied).map(|(number, entry)| EdgeEntry { number, ..entry }),
        );
    }
    entries
}

/// The network ACLs of ours, and what every other subnet has that has one of ours now.
pub(super) fn bodies(bodies: &[Body], artifacts: &Artifacts) -> Vec<RenderedBody> {
    let Some(edges) = &artifacts.edges else { return Vec::new() };
    let now = lists(bodies);
    let mut found: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for edge in edges {
        let (account, region) = &edge.place;
        let folder = format!("raw/aws/{account}/{region}/ec2-describe-network-acls");
        found.entry(folder).or_default().push(body_of(bodies, &now, edge));
    }
    let bodies = found.into_iter().map(|(folder, acls)| RenderedBody {
        path: format!("{folder}/watertight.json"),
        text: Arc::new(format!("{:#}\n", json!({ "NetworkAcls": acls }))),
    });
    let mut bodies: Vec<RenderedBody> = bodies.collect();
    let is_ours = |subnet: &Name| edges.iter().any(|edge| edge.subnets.contains(subnet));
    let back = now.iter().filter(|list| list.ours.is_some() && !is_ours(&list.subnet));
    let back: Vec<Value> = back
        .map(|list| json!({"NetworkAclId": list.base, "SubnetId": list.subnet.to_string()}))
        .collect();
    if !back.is_empty() {
        bodies.push(RenderedBody {
            path: String::from("raw/aws/edges/watertight.json"),
            text: Arc::new(format!("{:#}\n", json!({ "NetworkAclAssociations": back }))),
        });
    }
    bodies
}

fn body_of(bodies: &[Body], now: &[EdgeList], edge: &Edge) -> Value {
    let held = now.iter().filter_map(|list| list.ours.as_ref());
    let held = held.filter(|held| held.edge.name == edge.name).map(|held| held.id.clone());
    let made = || format!("acl-0{:016x}", short_hash(edge.name.0.bytes()));
    let id = held.min().unwrap_or_else(made);
    let mut entries: Vec<Value> = entries(bodies, edge).iter().map(entry_body).collect();
    for egress in [false, true] {
        let last = |block: &str, all: &str, number: u32| {
            json!({"Egress": egress, "Protocol": "-1", "RuleAction": "deny",
                "RuleNumber": number, block: all})
        };
        entries.push(last("CidrBlock", "0.0.0.0/0", LAST_MIN));
        entries.push(last("Ipv6CidrBlock", "::/0", LAST_MIN.saturating_add(1)));
    }
    let associations: Vec<Value> = edge
        .subnets
        .iter()
        .map(|subnet| json!({"NetworkAclId": id, "SubnetId": subnet.to_string()}))
        .collect();
    json!({
        "NetworkAclId": id,
        "VpcId": edge.realm.to_string(),
        "OwnerId": edge.place.0.to_string(),
        "IsDefault": false,
        "Entries": entries,
        "Associations": associations,
        "Tags": [
            {"Key": "Name", "Value": edge.name.0},
            {"Key": super::MANAGED, "Value": "true"},
            {"Key": BASE, "Value": edge.base},
        ],
    })
}

/// An entry as the provider describes it.
fn entry_body(entry: &EdgeEntry) -> Value {
    let block = if entry.prefix.contains(':') { "Ipv6CidrBlock" } else { "CidrBlock" };
    let mut body = json!({
        "Egress": entry.egress,
        "Protocol": entry.protocol,
        "RuleAction": if entry.allow { "allow" } else { "deny" },
        "RuleNumber": entry.number,
        block: entry.prefix,
    });
    if let Some((from, to)) = entry.ports {
        body["PortRange"] = json!({"From": from, "To": to});
    }
    if let Some((of, code)) = entry.icmp {
        body["IcmpTypeCode"] = json!({"Type": of, "Code": code});
    }
    body
}

/// An entry as a body tells it; nothing where it cannot be read.
pub fn entry_of(body: &Value) -> Option<EdgeEntry> {
    let text = |key: &str| body[key].as_str();
    let range = |key: &str, keys: [&str; 2]| {
        let [from, to] = keys.map(|one| body[key][one].as_i64());
        from.zip(to)
    };
    Some(EdgeEntry {
        egress: body["Egress"].as_bool()?,
        number: u32::try_from(body["RuleNumber"].as_i64()?).ok()?,
        allow: match text("RuleAction")? {
            "allow" => true,
            "deny" => false,
            _ => return None,
        },
        protocol: text("Protocol")?.to_owned(),
        prefix: text("CidrBlock").or_else(|| text("Ipv6CidrBlock"))?.to_owned(),
        ports: range("PortRange", ["From", "To"]),
        icmp: range("IcmpTypeCode", ["Type", "Code"]),
    })
}

/// Whether an entry is one that every network ACL has, and nobody can write.
pub const fn is_last(entry: &EdgeEntry) -> bool {
    entry.number >= LAST_MIN
}

/// One of our denials.
fn denial(egress: bool, number: u32, rule: &EdgeRule) -> Option<EdgeEntry> {
    let planned = PlannedRule { peer: rule.prefix.to_string(), over: rule.flows.to_string() };
    let unit = RuleUnit::planned(&planned).ok()?;
    let is_icmp = unit.protocol.starts_with("icmp");
    let protocol = match unit.protocol.as_str() {
        "tcp" => "6",
        "udp" => "17",
        "icmp" => "1",
        "icmpv6" => "58",
        other => other,
    };
    Some(EdgeEntry {
        egress,
        number,
        allow: false,
        protocol: protocol.to_owned(),
        prefix: planned.peer,
        ports: unit.ports.filter(|_| !is_icmp),
        icmp: unit.ports.filter(|_| is_icmp),
    })
}

/// What one of our denials says; nothing where no rule of ours is like it.
fn rule_of(entry: &EdgeEntry) -> Option<EdgeRule> {
    let prefix = entry.prefix.parse().ok()?;
    let peer = if entry.prefix.contains(':') { UnitPeer::V6 } else { UnitPeer::V4 };
    let protocol = match entry.protocol.as_str() {
        "6" => "tcp",
        "17" => "udp",
        "1" => "icmp",
        "58" => "icmpv6",
        other => other,
    };
    let ports = entry.ports.or(entry.icmp);
    let unit = RuleUnit { protocol: protocol.to_owned(), ports, peer: peer(entry.prefix.clone()) };
    (!entry.allow).then(|| EdgeRule { prefix, flows: unit.flows() })
}

/// One of ours, as what stands in for `base`.
fn edge(acl: &Told, base: &Told) -> Edge {
    let rules = |egress: bool| {
        let own = acl.entries.iter().filter(|one| one.egress == egress && one.number < COPIED_MIN);
        own.filter_map(rule_of).collect()
    };
    let (account, region) = &acl.place;
    let place = (Name::from(account.as_str()), Name::from(region.as_str()));
    let subnets = acl.subnets.iter().map(|subnet| Name::from(subnet.as_str())).collect();
    let copied = acl.entries.iter().filter(|one| one.number >= COPIED_MIN).cloned();
    let copied: Vec<EdgeEntry> = copied.collect();
    let of = if acl.id == base.id { acl.base.as_str() } else { base.id.as_str() };
    // Called after what it holds now, and not after what its tag says: somebody may have changed it.
    let (realm, sides) = (Name::from(acl.vpc.as_str()), [rules(false), rules(true)]);
    Edge::new((realm, place), (of, &stamp(&copied)), subnets, sides)
}

/// The network ACL that one of ours is a copy of still. Where it is gone, or somebody changed it or the copy,
/// nobody knows what is to be at the edge without ours: then it counts as one that others wrote.
fn original<'t>(acl: &Told, all: &'t BTreeMap<String, Told>) -> Option<&'t Told> {
    let base = all.get(&acl.base).filter(|base| !base.is_ours && base.vpc == acl.vpc)?;
    let copied = |entry: &&EdgeEntry| entry.number >= COPIED_MIN;
    let copied: Vec<EdgeEntry> = acl.entries.iter().filter(copied).cloned().collect();
    let is_read = acl.entries.iter().all(|one| one.number >= COPIED_MIN || rule_of(one).is_some());
    (is_read && stamp(&copied) == stamp(&base.entries)).then_some(base)
}

/// Entries in their order, without their numbers.
fn stamp(entries: &[EdgeEntry]) -> String {
    let words = entries.iter().map(|entry| {
        let EdgeEntry { egress, allow, protocol, prefix, ports, icmp, .. } = entry;
        format!("{egress} {allow} {protocol} {prefix} {ports:?} {icmp:?}\n")
    });
    let text: String = words.collect();
    format!("{:016x}", short_hash(text.bytes()))
}

/// The network ACLs that bodies tell wholly, by id. Another account with which subnets are shared is told a
/// part of them: that of their owner counts.
fn told(bodies: &[Body]) -> BTreeMap<String, Told> {
    let mut found: BTreeMap<String, (bool, Told)> = BTreeMap::new();
    for body in bodies {
        let scope = Scope::of_path(&body.path);
        let place = scope.account.as_ref().map(ToString::to_string);
        let place = place.zip(scope.region.as_ref().map(ToString::to_string));
        for item in body.tree.root().get("NetworkAcls").into_iter().flat_map(Node::items) {
            let value = value_of(item);
            let is_own = value["OwnerId"]
                .as_str()
                .is_none_or(|owner| Some(owner) == scope.account.as_deref());
            let read = place.clone().and_then(|place| one(&value, place));
            let Some(acl) = read else { continue };
            let is_known = found.get(&acl.id).is_some_and(|(known, _)| *known || !is_own);
            if !is_known {
                found.insert(acl.id.clone(), (is_own, acl));
            }
        }
    }
    found.into_iter().filter(|(_, (is_own, _))| *is_own).map(|(id, (_, acl))| (id, acl)).collect()
}

fn one(body: &Value, place: (String, String)) -> Option<Told> {
    let text = |key: &str| body[key].as_str().map(ToOwned::to_owned);
    let list = |key: &str| body[key].as_array();
    let tags = list("Tags").into_iter().flatten();
    let tag = |key: &str| {
        let mut own = tags.clone().filter(|tag| tag["Key"] == key);
        own.next().and_then(|tag| tag["Value"].as_str()).unwrap_or_default().to_owned()
    };
    let all: Option<Vec<EdgeEntry>> = list("Entries")?.iter().map(entry_of).collect();
    let mut all = all?;
    all.sort();
    let count = [false, true].map(|egress| {
        let own = all.iter().filter(|entry| entry.egress == egress).count();
        u32::try_from(own).unwrap_or(u32::MAX)
    });
    let associations = list("Associations").into_iter().flatten();
    let mut subnets: Vec<String> =
        associations.filter_map(|one| one["SubnetId"].as_str().map(ToOwned::to_owned)).collect();
    subnets.sort();
    let (name, base) = (tag("Name"), tag(BASE));
    Some(Told {
        id: text("NetworkAclId")?,
        vpc: text("VpcId")?,
        place,
        is_ours: is_managed(body) && name.starts_with(GroupName::PREFIX),
        name,
        base,
        entries: all.into_iter().filter(|entry| !is_last(entry)).collect(),
        count,
        subnets,
        facts: acl_facts(body),
    })
}
