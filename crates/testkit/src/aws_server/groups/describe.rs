//! Lists of groups, of their rules and of interfaces.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::rules::{LISTS, Rule, permissions};
use super::state::{Group, Held, Interface};
use super::write::numbered;
use super::{Fault, acls, domains, functions, services, tasks, templates};

type Form = BTreeMap<String, String>;
/// A call that lists.
pub(super) type List = fn(&Held, &Form) -> Result<Value, Fault>;

/// The list of a call.
pub(super) fn call(name: &str) -> Option<List> {
    Some(match name {
        "ec2-describe-security-groups" => groups,
        "ec2-describe-security-group-rules" => listed_rules,
        "ec2-describe-network-interfaces" => interfaces,
        _ => return None,
    })
}

/// The filters of a request: names with the values of which one must be there.
pub(super) fn filters(form: &Form) -> Vec<(&str, Vec<&str>)> {
    let each = (1..).map_while(|number| {
        let name = form.get(&format!("Filter.{number}.Name"))?;
        Some((name.as_str(), numbered(form, &format!("Filter.{number}.Value"))))
    });
    each.collect()
}

fn groups(held: &Held, form: &Form) -> Result<Value, Fault> {
    let ids = numbered(form, "GroupId");
    if ids.iter().any(|id| !held.groups.contains_key(*id)) {
        return Err(Fault::new("InvalidGroup.NotFound"));
    }
    let mut found = Vec::new();
    for (id, group) in &held.groups {
        if (ids.is_empty() || ids.contains(&id.as_str())) && fits(id, group, &filters(form))? {
            found.push(body_of(id, group));
        }
    }
    Ok(json!({ "SecurityGroups": found }))
}

fn fits(id: &str, group: &Group, filters: &[(&str, Vec<&str>)]) -> Result<bool, Fault> {
    for (name, values) in filters {
        let own = match *name {
            "group-id" => Some(id),
            "group-name" => Some(group.name.as_str()),
            "vpc-id" => Some(group.vpc.as_str()),
            "owner-id" => Some(group.owner.as_str()),
            other => match other.strip_prefix("tag:") {
                Some(key) => group.tags.get(key).map(String::as_str),
                None => return Err(Fault::new("InvalidParameterValue")),
            },
        };
        if own.is_none_or(|own| !values.contains(&own)) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn body_of(id: &str, group: &Group) -> Value {
    let tags = group.tags.iter().map(|(key, value)| json!({"Key": key, "Value": value}));
    let mut body = json!({
        "GroupId": id,
        "GroupName": group.name,
        "Description": group.description,
        "OwnerId": group.owner,
        "VpcId": group.vpc,
        "IpPermissions": permissions(&group.ingress),
        "IpPermissionsEgress": permissions(&group.egress),
    });
    let tags: Vec<Value> = tags.collect();
    if !tags.is_empty() {
        body["Tags"] = Value::Array(tags);
    }
    body
}

fn listed_rules(held: &Held, form: &Form) -> Result<Value, Fault> {
    if !filters(form).is_empty() {
        return Err(Fault::new("InvalidParameterValue"));
    }
    let mut listed = Vec::new();
    for (id, group) in &held.groups {
        for is_egress in [false, true] {
            for (number, rule) in group.side(is_egress).iter().enumerate() {
                let way = if is_egress { "e" } else { "i" };
                let mut body = json!({
                    "SecurityGroupRuleId": format!("sgr-{}{way}{number}", id.trim_start_matches("sg-")),
                    "GroupId": id,
                    "GroupOwnerId": group.owner,
                    "IsEgress": is_egress,
                    "IpProtocol": rule.protocol,
                    "FromPort": rule.ports.map_or(-1, |ports| ports.0),
                    "ToPort": rule.ports.map_or(-1, |ports| ports.1),
                });
                match rule.list {
                    0 => body["CidrIpv4"] = json!(rule.peer),
                    1 => body["CidrIpv6"] = json!(rule.peer),
                    2 => body["ReferencedGroupInfo"] = rule.body.clone(),
                    _ => body["PrefixListId"] = json!(rule.peer),
                }
                listed.push(body);
            }
        }
    }
    Ok(json!({ "SecurityGroupRules": listed }))
}

fn interfaces(held: &Held, form: &Form) -> Result<Value, Fault> {
    let ids = numbered(form, "NetworkInterfaceId");
    if ids.iter().any(|id| !held.interfaces.contains_key(*id)) {
        return Err(Fault::new("InvalidNetworkInterfaceID.NotFound"));
    }
    let mut wanted: Vec<BTreeSet<&str>> = Vec::new();
    for (name, values) in filters(form) {
        match name {
            "network-interface-id" => wanted.push(values.into_iter().collect()),
            "group-id" => {
                let carries = |interface: &Interface| {
                    interface.groups.iter().any(|id| values.contains(&id.as_str()))
                };
                let found = held.interfaces.iter().filter(|(_, one)| carries(one));
                wanted.push(found.map(|(id, _)| id.as_str()).collect());
            }
            _ => return Err(Fault::new("InvalidParameterValue")),
        }
    }
    let each = held.interfaces.iter().filter(|(id, _)| {
        let id = id.as_str();
        (ids.is_empty() || ids.contains(&id)) && wanted.iter().all(|some| some.contains(id))
    });
    let bodies = each.map(|(_, interface)| {
        let mut body = interface.body.clone();
        body["Groups"] = carried(held, &interface.groups);
        body
    });
    Ok(json!({ "NetworkInterfaces": bodies.collect::<Vec<_>>() }))
}

fn carried(held: &Held, groups: &[String]) -> Value {
    let named = groups.iter().map(|id| {
        let name = held.groups.get(id).map(|group| group.name.as_str()).unwrap_or_default();
        json!({"GroupId": id, "GroupName": name})
    });
    named.collect()
}

/// Has every interface in a body, and every machine of its first interface, tell its groups.
pub(super) fn refresh(held: &Held, body: &mut Value) {
    match body {
        Value::Array(items) => items.iter_mut().for_each(|item| refresh(held, item)),
        Value::Object(object) => {
            object.values_mut().for_each(|inner| refresh(held, inner));
            let id = object.get("NetworkInterfaceId").and_then(Value::as_str);
            let groups =
                id.and_then(|id| held.interfaces.get(id)).map(|one| carried(held, &one.groups));
            if let (Some(groups), true) = (groups, object.contains_key("Groups")) {
                object.insert("Groups".to_owned(), groups);
            }
            let first = object.get("NetworkInterfaces").and_then(|all| all.get(0));
            let groups = first.and_then(|first| first.get("Groups")).cloned();
            if let (Some(groups), true) = (groups, object.contains_key("InstanceId")) {
                object.insert("SecurityGroups".to_owned(), groups);
            }
        }
        _ => {}
    }
}

/// Groups by VPC and name, and interfaces with the names of their groups.
pub(super) fn canonical(held: &Held) -> Value {
    let name = |id: &str| match held.groups.get(id) {
        Some(group) => format!("{}/{}", group.vpc, group.name),
        None => id.to_owned(),
    };
    let rule = |rule: &Rule| {
        let (list, _, _) = LISTS.get(rule.list).copied().unwrap_or_default();
        let peer = if rule.list == 2 { name(&rule.peer) } else { rule.peer.clone() };
        format!("{} {:?} {list} {peer}", rule.protocol, rule.ports)
    };
    let side = |rules: &BTreeSet<Rule>| -> BTreeSet<String> { rules.iter().map(rule).collect() };
    let groups = held.groups.iter().map(|(id, group)| {
        let body = json!({
            "description": group.description, "tags": group.tags,
            "ingress": side(&group.ingress), "egress": side(&group.egress),
        });
        (name(id), body)
    });
    // The ids of those of tasks, functions and domains are made up.
    let of_tasks = held.clusters.interfaces();
    let own = held
        .interfaces
        .iter()
        .filter(|(id, one)| !of_tasks.contains(id.as_str()) && !functions::is_own(one))
        .filter(|(_, one)| !domains::is_own(one));
    let interfaces = own.map(|(id, interface)| {
        let groups: BTreeSet<String> = interface.groups.iter().map(|group| name(group)).collect();
        (id.clone(), json!(groups))
    });
    json!({
        "groups": groups.collect::<Map<_, _>>(),
        "interfaces": interfaces.collect::<Map<_, _>>(),
        "resources": services::canonical(held, &name),
        "templates": templates::canonical(held, &name),
        "acls": acls::canonical(held),
        "tasks": tasks::canonical(held, &name),
        "functions": functions::canonical(held, &name),
        "domains": domains::canonical(held, &name),
    })
}
