//! Artifacts as the bodies in which the provider would describe them.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use watertight_compile::{Artifacts, Group, GroupName, GroupRule, RenderedBody, RulePeer};
use watertight_net::{ByteSet, Family, FlowPart, FlowSet, PortSet};

/// One body for the groups of each account and region, and one for the interfaces.
pub(super) fn bodies(artifacts: &Artifacts) -> Vec<RenderedBody> {
    let mut groups: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for group in &artifacts.groups {
        let (account, region) = &group.place;
        let folder = format!("raw/aws/{account}/{region}/ec2-describe-security-groups");
        groups.entry(folder).or_default().push(body_of(group, artifacts));
    }
    let interfaces: Vec<Value> = artifacts
        .attachments
        .iter()
        .map(|one| {
            let ours =
                one.groups.iter().map(|name| json!({"GroupId": id_of(name), "GroupName": name.0}));
            let others = one.others.iter().map(|id| json!({"GroupId": &**id}));
            let carried: Vec<Value> = ours.chain(others).collect();
            json!({"NetworkInterfaceId": &*one.endpoint, "Groups": carried})
        })
        .collect();
    let groups = groups.into_iter().map(|(folder, bodies)| RenderedBody {
        path: format!("{folder}/watertight.json"),
        text: text_of(&json!({ "SecurityGroups": bodies })),
    });
    let interfaces = RenderedBody {
        path: String::from("raw/aws/interfaces/watertight.json"),
        text: text_of(&json!({ "NetworkInterfaces": interfaces })),
    };
    groups.chain([interfaces]).collect()
}

fn text_of(value: &Value) -> String {
    format!("{value:#}\n")
}

/// The id under which a group stands before the provider gives it one: made from its name.
pub(super) fn id_of(name: &GroupName) -> String {
    // FNV-1a: short, and the same everywhere.
    let hash = name.0.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("sg-0{hash:016x}")
}

fn body_of(group: &Group, artifacts: &Artifacts) -> Value {
    let (account, region) = &group.place;
    let id = id_of(&group.name);
    json!({
        "GroupId": id,
        "GroupName": group.name.0,
        "Description": format!("Written by Watertight for {}", segments_of(group)),
        "VpcId": &*group.realm,
        "OwnerId": &**account,
        "SecurityGroupArn": format!("arn:aws:ec2:{region}:{account}:security-group/{id}"),
        "Tags": [{"Key": "watertight.io/managed", "Value": "true"}],
        "IpPermissions": permissions(&group.ingress, artifacts),
        "IpPermissionsEgress": permissions(&group.egress, artifacts),
    })
}

fn segments_of(group: &Group) -> String {
    group.segments.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Rules of one kind of flows share a permission.
fn permissions(rules: &[GroupRule], artifacts: &Artifacts) -> Vec<Value> {
    let mut by_flows: BTreeMap<&FlowSet, Vec<&RulePeer>> = BTreeMap::new();
    for rule in rules {
        by_flows.entry(&rule.flows).or_default().push(&rule.peer);
    }
    by_flows.into_iter().map(|(flows, peers)| permission(flows, &peers, artifacts)).collect()
}

fn permission(flows: &FlowSet, peers: &[&RulePeer], artifacts: &Artifacts) -> Value {
    let mut pairs = Vec::new();
    let (mut v4, mut v6) = (Vec::new(), Vec::new());
    for peer in peers {
        match peer {
            RulePeer::Group(name) => {
                let owner = artifacts.group(name).map_or("", |group| &*group.place.0);
                pairs.push(json!({"GroupId": id_of(name), "UserId": owner}));
            }
            RulePeer::Prefix(prefix) if prefix.family() == Family::V4 => {
                v4.push(json!({ "CidrIp": prefix.to_string() }));
            }
            RulePeer::Prefix(prefix) => v6.push(json!({ "CidrIpv6": prefix.to_string() })),
        }
    }
    let mut body = Map::new();
    for (key, value) in protocol_of(flows) {
        body.insert(key.to_owned(), value);
    }
    body.insert(String::from("UserIdGroupPairs"), Value::Array(pairs));
    body.insert(String::from("IpRanges"), Value::Array(v4));
    body.insert(String::from("Ipv6Ranges"), Value::Array(v6));
    body.insert(String::from("PrefixListIds"), json!([]));
    Value::Object(body)
}

/// The protocol and ports of one piece of flows, in the provider's words.
fn protocol_of(flows: &FlowSet) -> Vec<(&'static str, Value)> {
    let mut parts = flows.parts();
    let (Some(part), None) = (parts.next(), parts.next()) else {
        return vec![("IpProtocol", json!("-1"))];
    };
    let protocol = part.protocol();
    let named = |name: &str, from: i64, to: i64| {
        vec![("IpProtocol", json!(name)), ("FromPort", json!(from)), ("ToPort", json!(to))]
    };
    let number = protocol.number();
    match (&part, number) {
        (FlowPart::Ports { destination, .. }, 6) => {
            let (from, to) = ends(destination);
            named("tcp", from, to)
        }
        (FlowPart::Ports { destination, .. }, 17) => {
            let (from, to) = ends(destination);
            named("udp", from, to)
        }
        (FlowPart::Icmp { types, codes, .. }, _) => {
            let name = if number == 1 { "icmp" } else { "icmpv6" };
            named(name, single(types), single(codes))
        }
        (FlowPart::Ports { .. } | FlowPart::Other { .. }, _) => {
            vec![("IpProtocol", json!(number.to_string()))]
        }
    }
}

fn ends(ports: &PortSet) -> (i64, i64) {
    (ports.first().map_or(0, i64::from), ports.last().map_or(0, i64::from))
}

/// One value, or -1 for all.
fn single(set: &ByteSet) -> i64 {
    if set.is_full() { -1 } else { set.first().map_or(-1, i64::from) }
}
