//! Artifacts as the bodies in which the provider would describe them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};
use watertight_compile::{
    Artifacts, Group, GroupName, GroupRule, RenderedBody, RulePeer, Through, short_hash,
};
use watertight_net::{ByteSet, Family, FlowPart, FlowSet, PortSet};

/// The key of the tag, with the value `true`, of every group that is ours.
pub const MANAGED: &str = "watertight.io/managed";

/// One body for the groups of each account and region, one for the interfaces, and one for the
/// resources of services that set the groups of some of them.
pub(super) fn bodies(artifacts: &Artifacts, held: &Ids) -> Vec<RenderedBody> {
    let mut groups: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for group in &artifacts.groups {
        let (account, region) = &group.place;
        let folder = format!("raw/aws/{account}/{region}/ec2-describe-security-groups");
        groups.entry(folder).or_default().push(body_of(group, artifacts, held));
    }
    let interfaces: Vec<Value> = artifacts
        .attachments
        .iter()
        .map(|one| {
            let ours = one
                .groups
                .iter()
                .map(|name| json!({"GroupId": id_of(name, held), "GroupName": name.0}));
            let others = one.others.iter().map(|id| json!({"GroupId": &**id}));
            let carried: Vec<Value> = ours.chain(others).collect();
            json!({"NetworkInterfaceId": &*one.endpoint, "Groups": carried})
        })
        .collect();
    let mut services: BTreeMap<&Through, Value> = BTreeMap::new();
    for (one, interface) in artifacts.attachments.iter().zip(&interfaces) {
        let Some(through) = &one.through else { continue };
        let body = services.entry(through).or_insert_with(|| {
            json!({
                "Kind": through.kind, "Id": through.id, "Endpoints": [],
                "Groups": interface["Groups"],
            })
        });
        if let Some(endpoints) = body["Endpoints"].as_array_mut() {
            endpoints.push(json!(&*one.endpoint));
        }
    }
    let services = (!services.is_empty()).then(|| RenderedBody {
        path: String::from("raw/aws/services/watertight.json"),
        text: text_of(&json!({ "Services": services.values().collect::<Vec<_>>() })),
    });
    let groups = groups.into_iter().map(|(folder, bodies)| RenderedBody {
        path: format!("{folder}/watertight.json"),
        text: text_of(&json!({ "SecurityGroups": bodies })),
    });
    let interfaces = RenderedBody {
        path: String::from("raw/aws/interfaces/watertight.json"),
        text: text_of(&json!({ "NetworkInterfaces": interfaces })),
    };
    groups.chain([interfaces]).chain(services).collect()
}

fn text_of(value: &Value) -> String {
    format!("{value:#}\n")
}

/// The ids of groups of ours that are there already, by name.
pub(super) type Ids = BTreeMap<String, String>;

/// The id of a group; before the provider gives it one, one that is made from its name.
pub(super) fn id_of(name: &GroupName, held: &Ids) -> String {
    if let Some(id) = held.get(&name.0) {
        return id.clone();
    }
    // A group of others' that a rule names which is there.
    if name.0.starts_with("sg-") {
        return name.0.clone();
    }
    format!("sg-0{:016x}", short_hash(name.0.bytes()))
}

fn body_of(group: &Group, artifacts: &Artifacts, held: &Ids) -> Value {
    let (account, region) = &group.place;
    let id = id_of(&group.name, held);
    let segments: Vec<String> = group.segments.iter().map(ToString::to_string).collect();
    json!({
        "GroupId": id,
        "GroupName": group.name.0,
        "Description": description_of(&segments),
        "VpcId": &*group.realm,
        "OwnerId": &**account,
        "SecurityGroupArn": format!("arn:aws:ec2:{region}:{account}:security-group/{id}"),
        "Tags": [{"Key": MANAGED, "Value": "true"}],
        "IpPermissions": permissions(&group.ingress, artifacts, held),
        "IpPermissionsEgress": permissions(&group.egress, artifacts, held),
    })
}

/// The most letters of a description.
const DESCRIPTION_MAX: usize = 255;

/// What a group is described as, from the segments of those who carry it.
pub fn description_of(segments: &[String]) -> String {
    let text = format!("Written by Watertight for {}", segments.join(", "));
    text.chars().take(DESCRIPTION_MAX).collect()
}

/// What is left together: a group, or an endpoint with all that its resource sets alike.
pub(super) fn together(rendered: &[RenderedBody], item: &str) -> BTreeSet<String> {
    let mut items = BTreeSet::from([item.to_owned()]);
    for body in rendered {
        let value: Value = serde_json::from_str(&body.text).unwrap_or_default();
        for service in value["Services"].as_array().into_iter().flatten() {
            let endpoints = service["Endpoints"].as_array().into_iter().flatten();
            let endpoints: Vec<&str> = endpoints.filter_map(Value::as_str).collect();
            if endpoints.contains(&item) {
                items.extend(endpoints.into_iter().map(ToOwned::to_owned));
                items.extend(service["Id"].as_str().map(ToOwned::to_owned));
            }
        }
    }
    items
}

/// A body without groups of names, and interfaces and resources of ids.
pub(super) fn without(body: &RenderedBody, items: &BTreeSet<String>) -> RenderedBody {
    let is_it = |one: &Value| {
        ["GroupName", "NetworkInterfaceId", "Id"]
            .into_iter()
            .any(|key| one[key].as_str().is_some_and(|text| items.contains(text)))
    };
    let mut value: Value = serde_json::from_str(&body.text).unwrap_or_default();
    for list in value.as_object_mut().into_iter().flat_map(Map::values_mut) {
        if let Some(list) = list.as_array_mut() {
            list.retain(|one| !is_it(one));
        }
    }
    RenderedBody { path: body.path.clone(), text: text_of(&value) }
}

/// Rules of one kind of flows share a permission.
fn permissions(rules: &[GroupRule], artifacts: &Artifacts, held: &Ids) -> Vec<Value> {
    let mut by_flows: BTreeMap<&FlowSet, Vec<&RulePeer>> = BTreeMap::new();
    for rule in rules {
        by_flows.entry(&rule.flows).or_default().push(&rule.peer);
    }
    by_flows.into_iter().map(|(flows, peers)| permission(flows, &peers, artifacts, held)).collect()
}

fn permission(flows: &FlowSet, peers: &[&RulePeer], artifacts: &Artifacts, held: &Ids) -> Value {
    let mut pairs = Vec::new();
    let (mut v4, mut v6, mut lists) = (Vec::new(), Vec::new(), Vec::new());
    for peer in peers {
        match peer {
            RulePeer::Group(name) if name.0.starts_with("pl-") => {
                lists.push(json!({ "PrefixListId": name.0 }));
            }
            RulePeer::Group(name) => {
                let owner = artifacts.group(name).map_or("", |group| &*group.place.0);
                pairs.push(json!({"GroupId": id_of(name, held), "UserId": owner}));
            }
            RulePeer::Prefix(prefix) if prefix.family() == Family::V4 => {
                v4.push(json!({ "CidrIp": prefix.to_string() }));
            }
            RulePeer::Prefix(prefix) => v6.push(json!({ "CidrIpv6": prefix.to_string() })),
        }
    }
    let mut body = Map::new();
    let (protocol, ports) = protocol_of(flows);
    body.insert(String::from("IpProtocol"), json!(protocol));
    if let Some((from, to)) = ports {
        body.insert(String::from("FromPort"), json!(from));
        body.insert(String::from("ToPort"), json!(to));
    }
    body.insert(String::from("UserIdGroupPairs"), Value::Array(pairs));
    body.insert(String::from("IpRanges"), Value::Array(v4));
    body.insert(String::from("Ipv6Ranges"), Value::Array(v6));
    body.insert(String::from("PrefixListIds"), Value::Array(lists));
    Value::Object(body)
}

/// The protocol and ports of one piece of flows, in the provider's words.
pub(super) fn protocol_of(flows: &FlowSet) -> (String, Option<(i64, i64)>) {
    let mut parts = flows.parts();
    let (Some(part), None) = (parts.next(), parts.next()) else {
        return (String::from("-1"), None);
    };
    let number = part.protocol().number();
    match (&part, number) {
        (FlowPart::Ports { destination, .. }, 6) => (String::from("tcp"), Some(ends(destination))),
        (FlowPart::Ports { destination, .. }, 17) => (String::from("udp"), Some(ends(destination))),
        (FlowPart::Icmp { types, codes, .. }, _) => {
            let name = if number == 1 { "icmp" } else { "icmpv6" };
            (name.to_owned(), Some((single(types), single(codes))))
        }
        (FlowPart::Ports { .. } | FlowPart::Other { .. }, _) => (number.to_string(), None),
    }
}

fn ends(ports: &PortSet) -> (i64, i64) {
    (ports.first().map_or(0, i64::from), ports.last().map_or(0, i64::from))
}

/// One value, or -1 for all.
fn single(set: &ByteSet) -> i64 {
    if set.is_full() { -1 } else { set.first().map_or(-1, i64::from) }
}
