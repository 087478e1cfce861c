//! The rules that tools get wrong, asked of the engine.
//!
//! The cases are the twin's own tests, read from its files: every packet that one of them walks is
//! asked of the engine too, on the same bodies, and both must say the same.

#![expect(clippy::unwrap_used, reason = "the twin's tests unwrap what they wrote themselves")]

use serde_json::{Value, json};
use watertight_testkit::twin::aws::{Outcome, Packet};

use crate::engine::Engine;
use crate::expected;

#[path = "../../../../testkit/src/twin/aws/tests/edges.rs"]
mod edges;
#[path = "../../../../testkit/src/twin/aws/tests/fronts.rs"]
mod fronts;
#[path = "../../../../testkit/src/twin/aws/tests/guards.rs"]
mod guards;
#[path = "../../../../testkit/src/twin/aws/tests/routes.rs"]
mod routes;
#[path = "../../../../testkit/src/twin/aws/tests/transit.rs"]
mod transit;
#[path = "../../../../testkit/src/twin/aws/tests/world.rs"]
mod world;

/// Lists of which the bodies of a case may have nothing, and are complete all the same.
const LISTS: [&str; 6] = [
    "InternetGateways",
    "Addresses",
    "VpnGateways",
    "NatGateways",
    "VpcEndpoints",
    "NetworkInterfaces",
];

/// Asks the engine the same.
#[track_caller]
fn also(files: &[(String, Value)], packet: &Packet, outcomes: &[Outcome]) {
    let mut files = merged(files);
    for list in LISTS {
        if !files.iter().any(|(_, body)| body.get(list).is_some()) {
            files.push((world::HERE.to_owned(), json!({list: []})));
        }
    }
    complete(&mut files);
    let engine = Engine::new(&files);
    let ask = engine.asker();
    let verdict = ask.verdict(packet);
    assert_eq!(
        verdict,
        expected(outcomes),
        "{packet:?}{}\n{}",
        ask.ways(packet),
        engine.told.join("\n")
    );
}

/// One file for each call and list, as the calls write them.
fn merged(files: &[(String, Value)]) -> Vec<(String, Value)> {
    let mut merged: Vec<(String, Value)> = Vec::new();
    for (path, body) in files {
        let (key, list) = body.as_object().unwrap().iter().next().unwrap();
        let known = merged.iter_mut().find(|(known, one)| known == path && one[key].is_array());
        match (known, list.as_array()) {
            (Some((_, one)), Some(list)) => {
                one[key].as_array_mut().unwrap().extend(list.iter().cloned());
            }
            _ => merged.push((path.clone(), body.clone())),
        }
    }
    merged
}

/// Adds what the calls always print and the twin's tests leave out.
fn complete(files: &mut Vec<(String, Value)>) {
    for group in all(files, "SecurityGroups") {
        for direction in ["IpPermissions", "IpPermissionsEgress"] {
            let rules = group.get_mut(direction).and_then(Value::as_array_mut);
            for rule in rules.into_iter().flatten().filter_map(Value::as_object_mut) {
                for list in ["IpRanges", "Ipv6Ranges", "PrefixListIds", "UserIdGroupPairs"] {
                    rule.entry(list).or_insert_with(|| json!([]));
                }
            }
        }
    }
    // What belongs to a service is plugged into no instance.
    for interface in all(files, "NetworkInterfaces") {
        let description = interface["Description"].as_str().unwrap_or_default().to_owned();
        if ["ELB ", "Interface for NAT"].iter().any(|one| description.starts_with(one)) {
            interface["Attachment"] = json!({"Status": "attached"});
        }
    }
    let tables: Vec<Value> = all(files, "TransitGatewayAttachments")
        .into_iter()
        .map(|one| {
            json!({
                "TransitGatewayRouteTableId": one["Association"]["TransitGatewayRouteTableId"],
                "TransitGatewayId": one["TransitGatewayId"], "State": "available",
            })
        })
        .filter(|one| one["TransitGatewayRouteTableId"].is_string())
        .collect();
    if all(files, "TransitGatewayRouteTables").is_empty() && !tables.is_empty() {
        let mut distinct: Vec<Value> = Vec::new();
        for table in tables {
            if !distinct.contains(&table) {
                distinct.push(table);
            }
        }
        files.push((world::HERE.to_owned(), json!({"TransitGatewayRouteTables": distinct})));
    }
    let subnets: Vec<Value> = all(files, "Subnets").into_iter().map(|one| one.clone()).collect();
    let mut associated: Vec<Value> = Vec::new();
    for acl in all(files, "NetworkAcls") {
        let associations = acl["Associations"].as_array().unwrap().iter();
        associated.extend(associations.map(|one| one["SubnetId"].clone()));
    }
    for acl in all(files, "NetworkAcls").into_iter().filter(|acl| acl["IsDefault"] == true) {
        let vpc = acl["VpcId"].clone();
        for subnet in subnets.iter().filter(|subnet| subnet["VpcId"] == vpc) {
            if !associated.contains(&subnet["SubnetId"]) {
                let association = json!({"SubnetId": subnet["SubnetId"]});
                acl["Associations"].as_array_mut().unwrap().push(association);
            }
        }
    }
}

fn all<'f>(files: &'f mut [(String, Value)], key: &str) -> Vec<&'f mut Value> {
    let lists = files.iter_mut().filter_map(|(_, body)| body.get_mut(key)?.as_array_mut());
    lists.flatten().collect()
}
