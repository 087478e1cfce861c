//! Security groups, their rules and prefix lists.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::{Bodies, items, tags, text, texts, told};
use super::State;

const GROUPS: [&str; 2] = ["aws_security_group", "aws_default_security_group"];

/// Rules that are resources of their own.
pub(super) const RULES: [&str; 3] = [
    "aws_security_group_rule",
    "aws_vpc_security_group_ingress_rule",
    "aws_vpc_security_group_egress_rule",
];

/// What takes every rule off a group that it does not list (documentation of
/// `aws_vpc_security_group_rules_exclusive`).
pub(super) const EXCLUSIVE: &str = "aws_vpc_security_group_rules_exclusive";

const LISTS: [&str; 2] = ["aws_ec2_managed_prefix_list", "aws_ec2_managed_prefix_list_entry"];

/// Reads them; gives the types that are read.
pub(super) fn read(state: &State, bodies: &mut Bodies) -> Vec<&'static str> {
    for group in state.all(&GROUPS) {
        let list = ("ec2-describe-security-groups", "SecurityGroups");
        bodies.add(&state.place(group), list, self::group(state, group));
    }
    for list in state.all(&LISTS[..1]) {
        let place = state.place(list);
        let Some(id) = text(list, "id") else { continue };
        let item = told(json!({
            "PrefixListId": id,
            "PrefixListArn": text(list, "arn"),
            "PrefixListName": text(list, "name"),
            "AddressFamily": text(list, "address_family"),
            "MaxEntries": list.get("max_entries"),
            "OwnerId": text(list, "owner_id"),
            "Version": list.get("version"),
            "State": "create-complete",
            "Tags": tags(list, "tags_all"),
        }));
        bodies.add(&place, ("ec2-describe-managed-prefix-lists", "PrefixLists"), item);
        let apart = state.all(&LISTS[1..]).filter(|one| text(one, "prefix_list_id") == Some(id));
        let mut prefixes: Vec<&str> =
            items(list, "entry").chain(apart).filter_map(|one| text(one, "cidr")).collect();
        prefixes.sort_unstable();
        prefixes.dedup();
        let entries: Vec<Value> = prefixes.iter().map(|one| json!({"Cidr": one})).collect();
        let body = json!({"Entries": entries});
        bodies.about(&place, "ec2-get-managed-prefix-list-entries", id, body);
    }
    [&GROUPS[..], &RULES, &[EXCLUSIVE], &LISTS].concat()
}

fn group(state: &State, group: &Value) -> Value {
    let id = text(group, "id").unwrap_or_default();
    let (mut inward, mut outward): (Vec<Value>, Vec<Value>) = (Vec::new(), Vec::new());
    for (list, rules) in [("ingress", &mut inward), ("egress", &mut outward)] {
        rules.extend(items(group, list).map(|rule| inline(rule, id)));
    }
    for rule in state.all(&RULES[..1]) {
        if text(rule, "security_group_id") == Some(id) {
            let is_inward = text(rule, "type") == Some("ingress");
            let rules = if is_inward { &mut inward } else { &mut outward };
            rules.push(inline(rule, id));
        }
    }
    let only = state.all(&[EXCLUSIVE]).find(|one| text(one, "security_group_id") == Some(id));
    for (kinds, rules, listed) in [
        (&RULES[1..2], &mut inward, "ingress_rule_ids"),
        (&RULES[2..], &mut outward, "egress_rule_ids"),
    ] {
        let own = state.all(kinds).filter(|rule| text(rule, "security_group_id") == Some(id));
        let listed: Option<BTreeSet<&str>> = only.map(|only| texts(only, listed).collect());
        let is_listed = |rule: &&Value| {
            let id = text(rule, "id");
            listed.as_ref().is_none_or(|listed| id.is_some_and(|id| listed.contains(id)))
        };
        let (kept, gone): (Vec<&Value>, Vec<&Value>) = own.partition(is_listed);
        // A rule that is listed and is no resource may be any of those that are there.
        if listed.is_some_and(|listed| listed.len() == kept.len()) {
            rules.clear();
        } else {
            rules.extend(gone.into_iter().map(single));
        }
        rules.extend(kept.into_iter().map(single));
    }
    // A rule that is a resource of its own stands in the group's own lists as well once they were
    // read again.
    for rules in [&mut inward, &mut outward] {
        let mut known: Vec<Value> = Vec::new();
        rules.retain(|rule| {
            !known.contains(rule) && {
                known.push(rule.clone());
                true
            }
        });
    }
    told(json!({
        "GroupId": id,
        "GroupName": text(group, "name"),
        "Description": text(group, "description"),
        "VpcId": text(group, "vpc_id"),
        "OwnerId": text(group, "owner_id"),
        "IpPermissions": inward,
        "IpPermissionsEgress": outward,
        "Tags": tags(group, "tags_all"),
    }))
}

fn protocol_and_ports(rule: &Value, protocol: &str) -> Value {
    let number = text(rule, protocol).unwrap_or("-1");
    let number = if number == "all" { "-1" } else { number };
    let all = number == "-1";
    let port = |key: &str| rule.get(key).filter(|_| !all).and_then(Value::as_i64);
    told(json!({
        "IpProtocol": number, "FromPort": port("from_port"), "ToPort": port("to_port"),
    }))
}

/// A rule of `aws_security_group`, or an `aws_security_group_rule`: several peers.
fn inline(rule: &Value, own: &str) -> Value {
    let mut permission = protocol_and_ports(rule, "protocol");
    let is_self = rule.get("self").and_then(Value::as_bool) == Some(true);
    let groups = texts(rule, "security_groups").chain(text(rule, "source_security_group_id"));
    let pairs: Vec<Value> = groups.chain(is_self.then_some(own)).map(pair).collect();
    let of = |list: &str, key: &str| -> Vec<Value> {
        texts(rule, list).map(|prefix| json!({key: prefix})).collect()
    };
    if let Some(fields) = permission.as_object_mut() {
        fields.insert("IpRanges".to_owned(), Value::Array(of("cidr_blocks", "CidrIp")));
        fields.insert("Ipv6Ranges".to_owned(), Value::Array(of("ipv6_cidr_blocks", "CidrIpv6")));
        fields.insert(
            "PrefixListIds".to_owned(),
            Value::Array(of("prefix_list_ids", "PrefixListId")),
        );
        fields.insert("UserIdGroupPairs".to_owned(), Value::Array(pairs));
    }
    permission
}

/// A rule with one peer.
fn single(rule: &Value) -> Value {
    let mut permission = protocol_and_ports(rule, "ip_protocol");
    let of = |key: &str, name: &str| -> Vec<Value> {
        text(rule, key).map(|peer| json!({name: peer})).into_iter().collect()
    };
    let pairs: Vec<Value> =
        text(rule, "referenced_security_group_id").map(pair).into_iter().collect();
    if let Some(fields) = permission.as_object_mut() {
        fields.insert("IpRanges".to_owned(), Value::Array(of("cidr_ipv4", "CidrIp")));
        fields.insert("Ipv6Ranges".to_owned(), Value::Array(of("cidr_ipv6", "CidrIpv6")));
        fields
            .insert("PrefixListIds".to_owned(), Value::Array(of("prefix_list_id", "PrefixListId")));
        fields.insert("UserIdGroupPairs".to_owned(), Value::Array(pairs));
    }
    permission
}

/// A group that a rule names; one of another account as `account/group`.
fn pair(group: &str) -> Value {
    match group.split_once('/') {
        Some((account, group)) => json!({"UserId": account, "GroupId": group}),
        None => json!({"GroupId": group}),
    }
}
