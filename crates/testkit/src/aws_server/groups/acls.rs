//! Network ACLs, their entries, and which subnet has which.
//!
//! Sources: Amazon EC2 API reference (`CreateNetworkAcl`, `CreateNetworkAclEntry`, `DeleteNetworkAcl`,
//! `ReplaceNetworkAclAssociation`, which gives the association another id); Amazon VPC user guide, "Amazon VPC
//! quotas".

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::describe::filters;
use super::state::Held;
use super::write::{given, tags};
use super::{Fault, Strictness};
use crate::aws_server::call::text;
use crate::aws_server::recording::Recording;

type Form = BTreeMap<String, String>;

/// Entries in one direction, the last among them.
const ENTRIES_MAX: usize = 20;
/// The number of the last entry.
const LAST: i64 = 32_767;

/// The network ACLs by id.
pub(super) type Acls = BTreeMap<String, Value>;

/// What recorded bodies tell.
pub(super) fn read(recording: &Recording, place: (&str, &str)) -> Acls {
    let bodies = recording.all(place, "ec2-describe-network-acls");
    let items = bodies.filter_map(|(_, body)| body["NetworkAcls"].as_array()).flatten().cloned();
    items.map(|body| (text(&body["NetworkAclId"]).to_owned(), body)).collect()
}

/// The list of a call; nothing for others, and where nothing was recorded.
pub(super) fn call(held: &Held, name: &str) -> Option<super::describe::List> {
    (name == "ec2-describe-network-acls" && !held.acls.is_empty()).then_some(list)
}

fn list(held: &Held, form: &Form) -> Result<Value, Fault> {
    let mut found = Vec::new();
    for body in held.acls.values() {
        if fits(body, &filters(form))? {
            found.push(body);
        }
    }
    Ok(json!({ "NetworkAcls": found }))
}

fn fits(body: &Value, filters: &[(&str, Vec<&str>)]) -> Result<bool, Fault> {
    for (name, values) in filters {
        let own: Vec<&str> = match *name {
            "network-acl-id" => vec![text(&body["NetworkAclId"])],
            "vpc-id" => vec![text(&body["VpcId"])],
            "association.subnet-id" => {
                items(body, "Associations").map(|one| text(&one["SubnetId"])).collect()
            }
            other => match other.strip_prefix("tag:") {
                Some(key) => {
                    let own = items(body, "Tags").filter(|tag| tag["Key"] == key);
                    own.map(|tag| text(&tag["Value"])).collect()
                }
                None => return Err(Fault::new("InvalidParameterValue")),
            },
        };
        if !own.iter().any(|own| values.contains(own)) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn items<'v>(body: &'v Value, key: &str) -> impl Iterator<Item = &'v Value> {
    body[key].as_array().into_iter().flatten()
}

/// Makes one that refuses everything.
pub(super) fn create(held: &mut Held, form: &Form, _most: &Strictness) -> Result<String, Fault> {
    let vpc = given(form, "VpcId")?;
    if !held.acls.values().any(|body| body["VpcId"] == vpc) {
        return Err(Fault::new("InvalidVpcID.NotFound"));
    }
    let kind = form.get("TagSpecification.1.ResourceType");
    if kind.is_some_and(|kind| kind != "network-acl") {
        return Err(Fault::new("InvalidParameterValue"));
    }
    let tags: Vec<Value> = tags(form, "TagSpecification.1.Tag")
        .into_iter()
        .map(|(key, value)| json!({"Key": key, "Value": value}))
        .collect();
    held.made += 1;
    let id = format!("acl-0fee1{:012x}", held.made);
    let last = |egress: bool| {
        json!({"Egress": egress, "Protocol": "-1", "RuleAction": "deny", "RuleNumber": LAST,
            "CidrBlock": "0.0.0.0/0"})
    };
    let body = json!({
        "NetworkAclId": id, "VpcId": vpc, "OwnerId": held.account, "IsDefault": false,
        "Entries": [last(false), last(true)], "Associations": [], "Tags": tags,
    });
    held.acls.insert(id.clone(), body);
    Ok(format!("<networkAcl><networkAclId>{id}</networkAclId></networkAcl>"))
}

/// Deletes one that no subnet has.
pub(super) fn delete(held: &mut Held, form: &Form, _most: &Strictness) -> Result<String, Fault> {
    let id = given(form, "NetworkAclId")?;
    let missing = || Fault::new("InvalidNetworkAclID.NotFound");
    let body = held.acls.get(id).ok_or_else(missing)?;
    if body["IsDefault"] == true {
        return Err(Fault::new("InvalidParameterValue"));
    }
    if items(body, "Associations").next().is_some() {
        return Err(Fault::new("DependencyViolation"));
    }
    held.acls.remove(id);
    Ok(String::from("<return>true</return>"))
}

/// Gives one an entry.
pub(super) fn enter(held: &mut Held, form: &Form, _most: &Strictness) -> Result<String, Fault> {
    let id = given(form, "NetworkAclId")?;
    let invalid = || Fault::new("InvalidParameterValue");
    let number: i64 = given(form, "RuleNumber")?.parse().map_err(|_error| invalid())?;
    let egress = given(form, "Egress")? == "true";
    let action = given(form, "RuleAction")?;
    let protocol = given(form, "Protocol")?;
    let pair = |keys: [&str; 2]| -> Option<[i64; 2]> {
        let [one, other] = keys.map(|key| form.get(key)?.parse::<i64>().ok());
        Some([one?, other?])
    };
    let ports = pair(["PortRange.From", "PortRange.To"]);
    let icmp = pair(["Icmp.Type", "Icmp.Code"]);
    let has_ports = ["6", "17"].contains(&protocol);
    let has_types = ["1", "58"].contains(&protocol);
    let is_odd = !(1..LAST).contains(&number)
        || !["allow", "deny"].contains(&action)
        || protocol.parse::<i64>().is_err()
        || ports.is_some_and(|[from, to]| from > to || !has_ports)
        || icmp.is_some() && !has_types;
    if is_odd {
        return Err(invalid());
    }
    if has_ports && ports.is_none() || has_types && icmp.is_none() {
        return Err(Fault::new("MissingParameter"));
    }
    let (v4, v6) = (form.get("CidrBlock"), form.get("Ipv6CidrBlock"));
    let (key, block) = match (v4, v6) {
        (Some(block), None) => ("CidrBlock", block),
        (None, Some(block)) => ("Ipv6CidrBlock", block),
        _ => return Err(Fault::new("InvalidParameterCombination")),
    };
    let missing = || Fault::new("InvalidNetworkAclID.NotFound");
    let body = held.acls.get_mut(id).ok_or_else(missing)?;
    let own = |one: &&Value| one["Egress"] == egress;
    if items(body, "Entries").filter(own).any(|one| one["RuleNumber"] == number) {
        return Err(Fault::new("NetworkAclEntryAlreadyExists"));
    }
    if items(body, "Entries").filter(own).count() >= ENTRIES_MAX {
        return Err(Fault::new("NetworkAclEntryLimitExceeded"));
    }
    let mut entry = json!({"Egress": egress, "Protocol": protocol, "RuleAction": action,
        "RuleNumber": number, key: block});
    if let Some([from, to]) = ports {
        entry["PortRange"] = json!({"From": from, "To": to});
    }
    if let Some([of, code]) = icmp {
        entry["IcmpTypeCode"] = json!({"Type": of, "Code": code});
    }
    if let Some(entries) = body["Entries"].as_array_mut() {
        entries.push(entry);
    }
    Ok(String::from("<return>true</return>"))
}

/// Puts one at the edge of a subnet in place of the one that an association names.
pub(super) fn replace(held: &mut Held, form: &Form, _most: &Strictness) -> Result<String, Fault> {
    let id = given(form, "NetworkAclId")?;
    let association = given(form, "AssociationId")?;
    let missing = |code| Fault::new(code);
    if !held.acls.contains_key(id) {
        return Err(missing("InvalidNetworkAclID.NotFound"));
    }
    let is_it = |one: &Value| one["NetworkAclAssociationId"] == association;
    let mut found = None;
    for body in held.acls.values_mut() {
        if let Some(all) = body["Associations"].as_array_mut() {
            found = found.or_else(|| all.iter().find(|one| is_it(one)).cloned());
            all.retain(|one| !is_it(one));
        }
    }
    let mut found = found.ok_or_else(|| missing("InvalidAssociationID.NotFound"))?;
    held.made += 1;
    let new = format!("aclassoc-0fee1{:012x}", held.made);
    found["NetworkAclAssociationId"] = json!(new);
    found["NetworkAclId"] = json!(id);
    let body = held.acls.get_mut(id).ok_or_else(|| missing("InvalidNetworkAclID.NotFound"))?;
    if let Some(all) = body["Associations"].as_array_mut() {
        all.push(found);
    }
    Ok(format!("<newAssociationId>{new}</newAssociationId>"))
}

/// The network ACLs by their names, or their ids where nobody gave one, with entries and subnets.
pub(super) fn canonical(held: &Held) -> Value {
    let each = held.acls.iter().map(|(id, body)| {
        let mut names = items(body, "Tags").filter(|tag| tag["Key"] == "Name");
        let managed = items(body, "Tags").any(|tag| tag["Key"] == "watertight.io/managed");
        let name = names.next().filter(|_| managed).map(|tag| text(&tag["Value"]).to_owned());
        let entries: BTreeSet<String> = items(body, "Entries").map(Value::to_string).collect();
        let subnets: BTreeSet<&str> =
            items(body, "Associations").map(|one| text(&one["SubnetId"])).collect();
        (name.unwrap_or_else(|| id.clone()), json!({"entries": entries, "subnets": subnets}))
    });
    Value::Object(each.collect())
}
