//! Interfaces of services that a plan makes: the provider makes them, in subnets and with groups that the
//! plan tells.
//!
//! Which of its subnets a database will be in is known only after the plan is applied. It gets an
//! interface in each, so that whatever may reach it somewhere counts. Where subnets or groups are not
//! told, there is none, and the service is named.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::super::super::overlay::Overlay;
use super::super::super::{items, text, told};
use super::places::{PART, PUBLIC, SERVICE};

/// What follows a function's name in the description of its interface, in place of a number.
const SUFFIX: &str = "-00000000-0000-0000-0000-000000000000";

/// A service that is made.
struct Service {
    list: &'static str,
    id: String,
    /// By which name it is told of.
    name: String,
    subnets: Vec<String>,
    groups: Vec<String>,
    description: String,
    of_type: &'static str,
    is_public: bool,
}

/// Adds the interfaces.
pub(super) fn add(overlay: &mut Overlay<'_>, subnets: &BTreeMap<String, Value>) {
    let listed = subnet_groups(overlay);
    let mut services: Vec<Service> = overlay
        .all("DBInstances")
        .iter()
        .filter_map(|one| database(one, &listed))
        .chain(overlay.all("Functions").iter().filter_map(function))
        .collect();
    services.retain(|one| overlay.added.contains(&(one.list, one.id.clone())));
    for service in &services {
        let is_known = |subnet: &String| subnets.contains_key(subnet);
        // An attachment at a place that nobody knows may be anywhere.
        if service.groups.is_empty() || !service.subnets.iter().all(is_known) {
            continue;
        }
        for subnet in service.subnets.iter().collect::<BTreeSet<_>>() {
            overlay.add_beside((service.list, &service.id), interface(service, subnet));
        }
    }
}

fn interface(service: &Service, subnet: &str) -> Value {
    let marked = |start: &str| format!("{start}{}{PART}{subnet}", service.name);
    let public = service.is_public.then(|| json!({"PublicIp": marked(PUBLIC)}));
    let groups = service.groups.iter().map(|id| json!({"GroupId": id}));
    let private = marked(SERVICE);
    told(json!({
        "NetworkInterfaceId": format!("{}/{subnet}", service.name),
        "SubnetId": subnet,
        "Description": service.description,
        "InterfaceType": service.of_type,
        "RequesterManaged": true,
        "Status": "in-use",
        "PrivateIpAddress": private,
        "PrivateIpAddresses":
            [told(json!({"PrivateIpAddress": private, "Primary": true, "Association": public}))],
        "Groups": groups.collect::<Vec<Value>>(),
        "Association": public,
    }))
}

/// The subnets of each group of subnets that the estate knows.
fn subnet_groups(overlay: &Overlay<'_>) -> BTreeMap<String, Vec<String>> {
    let groups = overlay.all("DBSubnetGroups");
    let named = groups
        .iter()
        .filter_map(|one| Some((text(one, "DBSubnetGroupName")?.to_owned(), subnets_of(one))));
    named.collect()
}

fn subnets_of(group: &Value) -> Vec<String> {
    let listed = items(group, "Subnets").filter_map(|one| text(one, "SubnetIdentifier"));
    listed.map(str::to_owned).collect()
}

/// A database by itself, with IPv4 alone. Where members of clusters are is told by their clusters.
fn database(item: &Value, listed: &BTreeMap<String, Vec<String>>) -> Option<Service> {
    let has_six = text(item, "NetworkType") == Some("DUAL");
    if has_six || text(item, "DBClusterIdentifier").is_some() {
        return None;
    }
    let id = text(item, "DBInstanceIdentifier")?.to_owned();
    let group = item.get("DBSubnetGroup")?;
    let mut subnets = subnets_of(group);
    if subnets.is_empty() {
        subnets.clone_from(listed.get(text(group, "DBSubnetGroupName")?)?);
    }
    let groups = items(item, "VpcSecurityGroups").filter_map(|one| text(one, "VpcSecurityGroupId"));
    Some(Service {
        list: "DBInstances",
        name: text(item, "DBInstanceArn").unwrap_or(&id).to_owned(),
        subnets,
        groups: groups.map(str::to_owned).collect(),
        description: String::from("RDSNetworkInterface"),
        of_type: "interface",
        is_public: item.get("PubliclyAccessible") == Some(&json!(true)),
        id,
    })
}

/// A function in a network.
fn function(item: &Value) -> Option<Service> {
    let id = text(item, "FunctionName")?.to_owned();
    let config = item.get("VpcConfig")?;
    if config.get("Ipv6AllowedForDualStack") == Some(&json!(true)) {
        return None;
    }
    let list = |key: &str| -> Vec<String> {
        let values = config.get(key).and_then(Value::as_array).into_iter().flatten();
        values.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    Some(Service {
        list: "Functions",
        name: text(item, "FunctionArn").unwrap_or(&id).to_owned(),
        subnets: list("SubnetIds"),
        groups: list("SecurityGroupIds"),
        description: format!("AWS Lambda VPC ENI-{id}{SUFFIX}"),
        of_type: "lambda",
        is_public: false,
        id,
    })
}
