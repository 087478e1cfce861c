//! What a plan reads of the ways between those that it is about: route tables and network ACLs of their
//! VPCs.
//!
//! Sources: Amazon EC2 API reference, `RouteTable`, `Route`, `NetworkAcl` and `NetworkAclEntry`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use watertight_compile::{Artifacts, EdgeList, Read, ReadKind};
use watertight_source::Node;

use super::facts::Facts;
use super::value::value_of;
use crate::Body;
use crate::scope::Scope;

/// Keys of a route that say where it is for, and where it leads.
const DESTINATIONS: [&str; 3] =
    ["DestinationCidrBlock", "DestinationIpv6CidrBlock", "DestinationPrefixListId"];
const TARGETS: [&str; 10] = [
    "GatewayId",
    "NatGatewayId",
    "TransitGatewayId",
    "VpcPeeringConnectionId",
    "EgressOnlyInternetGatewayId",
    "NetworkInterfaceId",
    "LocalGatewayId",
    "CarrierGatewayId",
    "CoreNetworkArn",
    "InstanceId",
];

/// The accounts and regions of the VPCs in which artifacts have groups, by their ids.
pub(super) fn places<'a>(
    lists: &'a [EdgeList],
    artifacts: &'a Artifacts,
) -> BTreeMap<&'a str, (String, String)> {
    let groups = artifacts.groups.iter().map(|group| (&*group.realm, &group.place));
    let edges = artifacts.edges.iter().flatten().map(|edge| (&*edge.realm, &edge.place));
    // What gives way to what it stands in for, too.
    let held = lists.iter().filter(|_| artifacts.edges.is_some());
    let held = held.filter_map(|list| list.ours.as_ref());
    let held = held.map(|ours| (&*ours.edge.realm, &ours.edge.place));
    groups
        .chain(edges)
        .chain(held)
        .map(|(realm, (account, region))| (realm, (account.to_string(), region.to_string())))
        .collect()
}

/// The route tables and network ACLs of VPCs, which are at `places`, in order.
pub(super) fn reads(bodies: &[Body], places: &BTreeMap<&str, (String, String)>) -> Vec<Read> {
    // Another account with which subnets are shared is told a part of it: that counts where nobody else
    // tells, and is asked of the same account again.
    let mut own = BTreeMap::new();
    let mut others = BTreeMap::new();
    for body in bodies {
        let teller = Scope::of_path(&body.path).account;
        for kind in [ReadKind::Routes, ReadKind::Acl] {
            let Some((list, key, facts)) = told(kind) else { continue };
            for item in body.tree.root().get(list).into_iter().flat_map(Node::items) {
                let text = |key: &str| item.get(key).and_then(Node::as_str);
                let place = text("VpcId").and_then(|vpc| places.get(vpc)).cloned();
                let Some(((account, region), id)) = place.zip(text(key)) else { continue };
                let teller = teller.as_deref();
                let is_own =
                    [text("OwnerId"), teller].into_iter().flatten().all(|one| *one == account);
                let account = teller.filter(|_| !is_own).map_or(account, ToOwned::to_owned);
                let facts = facts(&value_of(item));
                let read = Read { what: kind, id: id.to_owned(), account, region, facts };
                let known = if is_own { &mut own } else { &mut others };
                known.insert((kind, id.to_owned()), read);
            }
        }
    }
    others.extend(own);
    others.into_values().collect::<BTreeSet<Read>>().into_iter().collect()
}

/// What is read of a body.
type Reading = fn(&Value) -> Facts;

/// The list in which bodies of a kind of read are, the key of their ids, and what is read of one;
/// nothing for other kinds.
pub fn told(kind: ReadKind) -> Option<(&'static str, &'static str, Reading)> {
    match kind {
        ReadKind::Routes => Some(("RouteTables", "RouteTableId", table_facts)),
        ReadKind::Acl => Some(("NetworkAcls", "NetworkAclId", acl_facts)),
        _ => None,
    }
}

/// What is read of a route table: its routes, and whose it is.
fn table_facts(body: &Value) -> Facts {
    let routes = items(&body["Routes"]).map(|route| {
        let first = |keys: &[&str]| {
            let mut found = keys.iter().filter_map(|key| route[*key].as_str());
            found.next().unwrap_or_default().to_owned()
        };
        let state = if route["State"] == "blackhole" { ", black hole" } else { "" };
        format!("{} to {}{state}", first(&DESTINATIONS), first(&TARGETS))
    });
    let whose = items(&body["Associations"]).filter_map(|one| {
        let gone = ["disassociating", "disassociated", "failed"];
        let state = one["AssociationState"]["State"].as_str();
        if state.is_some_and(|state| gone.contains(&state)) {
            return None;
        }
        let named = one["SubnetId"].as_str().or_else(|| one["GatewayId"].as_str());
        Some(if one["Main"] == true { "main" } else { named? }.to_owned())
    });
    facts(body, [("routes", routes.collect()), ("of", whose.collect())])
}

/// What is read of a network ACL: its entries, and whose it is.
pub(super) fn acl_facts(body: &Value) -> Facts {
    let entries = items(&body["Entries"]).map(|entry| {
        let text = |key: &str| entry[key].as_str().unwrap_or_default().to_owned();
        let way = if entry["Egress"] == true { "out" } else { "in" };
        let (number, protocol) = (&entry["RuleNumber"], text("Protocol"));
        let range = |value: &Value, keys: [&str; 2]| match value {
            Value::Object(range) => {
                let [from, to] = keys.map(|key| range.get(key).map(Value::to_string));
                format!(" {}-{}", from.unwrap_or_default(), to.unwrap_or_default())
            }
            _ => String::new(),
        };
        let ports = range(&entry["PortRange"], ["From", "To"]);
        let icmp = range(&entry["IcmpTypeCode"], ["Type", "Code"]);
        let (action, block) = (text("RuleAction"), text("CidrBlock") + &text("Ipv6CidrBlock"));
        format!("{way} {number} {action} {protocol}{ports}{icmp} {block}")
    });
    let whose = items(&body["Associations"])
        .filter_map(|one| one["SubnetId"].as_str().map(ToOwned::to_owned));
    facts(body, [("entries", entries.collect()), ("of", whose.collect())])
}

fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

/// What is told, with the VPC: it is asked by that.
fn facts(body: &Value, told: [(&str, BTreeSet<String>); 2]) -> Facts {
    let told = told.into_iter().map(|(key, all)| (key.to_owned(), all.into_iter().collect()));
    let vpc = body["VpcId"].as_str().unwrap_or_default().to_owned();
    told.chain([(String::from("vpc"), vec![vpc])]).collect()
}
