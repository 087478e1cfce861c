//! Three versions of a resource into one: the estate's own, and what is changed in it.

use serde_json::{Map, Value, json};

/// The fields that tell parts of a list apart, by the list.
const PARTS: [(&str, &[&str]); 11] = [
    ("Associations", &["Main", "SubnetId", "GatewayId"]),
    ("Attachments", &["VpcId"]),
    ("CidrBlockAssociationSet", &["CidrBlock"]),
    ("Entries", &["Egress", "RuleNumber", "Cidr"]),
    ("Groups", &["GroupId"]),
    ("Ipv6CidrBlockAssociationSet", &["Ipv6CidrBlock"]),
    ("PrivateIpAddresses", &["PrivateIpAddress"]),
    ("Routes", &["DestinationCidrBlock", "DestinationIpv6CidrBlock", "DestinationPrefixListId"]),
    ("SecurityGroups", &["GroupId"]),
    ("Tags", &["Key"]),
    ("VpcSecurityGroups", &["VpcSecurityGroupId"]),
];

/// The rules of a security group.
const PERMISSIONS: [&str; 2] = ["IpPermissions", "IpPermissionsEgress"];

/// The lists of peers of a rule, each with the field that names the peer.
const PEERS: [(&str, &str); 4] = [
    ("IpRanges", "CidrIp"),
    ("Ipv6Ranges", "CidrIpv6"),
    ("PrefixListIds", "PrefixListId"),
    ("UserIdGroupPairs", "GroupId"),
];

/// `current` with what differs between `before` and `after`; `key` is the name that it stands under.
pub(super) fn merge(key: &str, current: Value, before: &Value, after: &Value) -> Value {
    if before == after {
        return current;
    }
    match (current, after) {
        (Value::Object(current), Value::Object(after)) => {
            Value::Object(objects(current, before, after))
        }
        (Value::Array(current), Value::Array(after)) => {
            let before = before.as_array().map_or(&[][..], Vec::as_slice);
            Value::Array(lists(key, current, before, after))
        }
        (_, after) => after.clone(),
    }
}

fn objects(
    mut current: Map<String, Value>,
    before: &Value,
    after: &Map<String, Value>,
) -> Map<String, Value> {
    for (key, value) in after {
        let before = before.get(key).unwrap_or(&Value::Null);
        let own = current.remove(key).unwrap_or_default();
        // A reader of an older or partial estate knows nothing of a list that it does not hold.
        let own = match (own, value) {
            (Value::Null, Value::Array(_)) if !before.is_null() => before.clone(),
            (own, _) => own,
        };
        current.insert(key.clone(), merge(key, own, before, value));
    }
    for key in before.as_object().into_iter().flat_map(Map::keys) {
        if !after.contains_key(key) {
            current.remove(key);
        }
    }
    current
}

fn lists(key: &str, current: Vec<Value>, before: &[Value], after: &[Value]) -> Vec<Value> {
    if PERMISSIONS.contains(&key) {
        let before: Vec<Value> = before.iter().flat_map(atoms).collect();
        let after: Vec<Value> = after.iter().flat_map(atoms).collect();
        let current: Vec<Value> = current.iter().flat_map(atoms).collect();
        return exchanged(current, &before, &after, &|one, other| same_rule(one, other));
    }
    let parts = PARTS.iter().find(|(list, _)| *list == key).map(|(_, fields)| *fields);
    let same = |one: &Value, other: &Value| match parts {
        Some(fields) if one.is_object() => {
            let of = |value: &Value, field: &&str| {
                // What is no main association says so, or says nothing.
                value
                    .get(*field)
                    .filter(|told| **told != json!(false) || *field == "Egress")
                    .cloned()
            };
            fields.iter().all(|field| of(one, field) == of(other, field))
        }
        _ => covers(one, other),
    };
    exchanged(current, before, after, &same)
}

/// A list without what is gone, with what is new in place of what it was.
fn exchanged(
    mut current: Vec<Value>,
    before: &[Value],
    after: &[Value],
    same: &dyn Fn(&Value, &Value) -> bool,
) -> Vec<Value> {
    let gone = before.iter().filter(|one| !after.iter().any(|other| same(one, other)));
    for one in gone {
        current.retain(|own| !same(own, one));
    }
    for one in after {
        let known = before.iter().find(|other| same(one, other));
        if known == Some(one) {
            continue;
        }
        match current.iter_mut().find(|own| same(own, one)) {
            Some(own) => *own = merge("", own.take(), known.unwrap_or(&Value::Null), one),
            None => current.push(one.clone()),
        }
    }
    current
}

/// Whether a value says everything that another says.
fn covers(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            other.iter().all(|(key, value)| one.get(key).is_some_and(|own| covers(own, value)))
        }
        _ => one == other,
    }
}

/// The rules of a permission, one for each peer.
fn atoms(permission: &Value) -> Vec<Value> {
    let mut found = Vec::new();
    for (list, _) in PEERS {
        let peers = permission.get(list).and_then(Value::as_array).into_iter().flatten();
        for peer in peers {
            let mut rule = Map::new();
            for key in ["IpProtocol", "FromPort", "ToPort"] {
                if let Some(value) = permission.get(key).filter(|value| !value.is_null()) {
                    rule.insert(key.to_owned(), value.clone());
                }
            }
            rule.insert(list.to_owned(), json!([peer]));
            found.push(Value::Object(rule));
        }
    }
    found
}

/// Whether two rules of one peer are the same rule.
fn same_rule(one: &Value, other: &Value) -> bool {
    let field = |rule: &Value, key: &str| rule.get(key).cloned();
    let peer = |rule: &Value| {
        PEERS.iter().find_map(|(list, key)| {
            let peer = rule.get(list)?.get(0)?.get(key)?;
            Some((*list, peer.clone()))
        })
    };
    let number = |rule: &Value| match rule.get("IpProtocol").and_then(Value::as_str) {
        Some("6") => "tcp".to_owned(),
        Some("17") => "udp".to_owned(),
        Some("1") => "icmp".to_owned(),
        Some("58") => "icmpv6".to_owned(),
        other => other.unwrap_or_default().to_owned(),
    };
    let ports = |rule: &Value| {
        let is_all = number(rule) == "-1";
        ["FromPort", "ToPort"].map(|key| field(rule, key).filter(|_| !is_all))
    };
    number(one) == number(other) && ports(one) == ports(other) && peer(one) == peer(other)
}
