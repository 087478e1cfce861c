//! The form of a configuration: arguments are those that the documentation of Terraform and of its AWS
//! provider names, each with its type, and everything that is referred to is there.

use std::collections::BTreeSet;

use serde_json::Value;

use super::resolved::references;

/// What an argument holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Form {
    Text,
    Number,
    Flag,
    Texts,
    Tags,
    /// An empty list.
    Empty,
}

use Form::{Empty, Flag, Number, Tags, Text, Texts};

/// Types of resources with their arguments: name, form, whether it is required.
type Arguments = &'static [(&'static str, Form, bool)];

const RULE: Arguments = &[
    ("provider", Text, true),
    ("security_group_id", Text, true),
    ("ip_protocol", Text, true),
    ("from_port", Number, false),
    ("to_port", Number, false),
    ("cidr_ipv4", Text, false),
    ("cidr_ipv6", Text, false),
    ("prefix_list_id", Text, false),
    ("referenced_security_group_id", Text, false),
];

const ENTRY: Arguments = &[
    ("provider", Text, true),
    ("network_acl_id", Text, true),
    ("rule_number", Number, true),
    ("egress", Flag, true),
    ("protocol", Text, true),
    ("rule_action", Text, true),
    ("cidr_block", Text, false),
    ("ipv6_cidr_block", Text, false),
    ("from_port", Number, false),
    ("to_port", Number, false),
    ("icmp_type", Number, false),
    ("icmp_code", Number, false),
];

const TYPES: [(&str, Arguments); 8] = [
    (
        "aws_security_group",
        &[
            ("provider", Text, true),
            ("name", Text, true),
            ("description", Text, true),
            ("vpc_id", Text, true),
            ("tags", Tags, true),
            ("ingress", Empty, false),
            ("egress", Empty, false),
        ],
    ),
    ("aws_vpc_security_group_ingress_rule", RULE),
    ("aws_vpc_security_group_egress_rule", RULE),
    (
        "aws_vpc_security_group_rules_exclusive",
        &[
            ("provider", Text, true),
            ("security_group_id", Text, true),
            ("ingress_rule_ids", Texts, true),
            ("egress_rule_ids", Texts, true),
        ],
    ),
    (
        "aws_network_interface_sg_attachment",
        &[
            ("provider", Text, true),
            ("network_interface_id", Text, true),
            ("security_group_id", Text, true),
        ],
    ),
    ("aws_network_acl", &[("provider", Text, true), ("vpc_id", Text, true), ("tags", Tags, true)]),
    ("aws_network_acl_rule", ENTRY),
    (
        "aws_network_acl_association",
        &[("provider", Text, true), ("network_acl_id", Text, true), ("subnet_id", Text, true)],
    ),
];

/// What stands at the top: the blocks of the language that are used, and the key of comments.
const TOP: [&str; 7] = ["//", "terraform", "provider", "variable", "import", "resource", "output"];

pub(crate) fn check(file: &Value) {
    for key in file.as_object().expect("an object").keys() {
        assert!(TOP.contains(&key.as_str()), "{key}");
    }
    let mut addresses = BTreeSet::new();
    for (kind, all) in file["resource"].as_object().into_iter().flatten() {
        let known = TYPES.iter().find(|(name, _)| name == kind);
        let (_, arguments) = known.unwrap_or_else(|| panic!("{kind}"));
        for (name, one) in all.as_object().expect("resources by name") {
            identifier(name);
            resource(&format!("{kind}.{name}"), one, arguments);
            assert!(addresses.insert(format!("{kind}.{name}")));
        }
    }
    let aliases = aliases(file);
    for (kind, all) in file["resource"].as_object().into_iter().flatten() {
        for one in all.as_object().expect("resources by name").values() {
            let provider = one["provider"].as_str().expect("a text");
            assert!(aliases.contains(provider), "{kind}: {provider}");
        }
    }
    imports(file, &addresses);
    let mut named = BTreeSet::new();
    collect(&file["resource"], &mut named);
    collect(&file["output"], &mut named);
    for one in named {
        assert!(addresses.contains(&one), "{one} is not there");
    }
    outputs(file);
}

/// Letters, digits, underscores and hyphens, and no digit at the beginning.
fn identifier(name: &str) {
    assert!(name.starts_with(|first: char| first.is_ascii_alphabetic()), "{name}");
    assert!(name.chars().all(|one| one.is_ascii_alphanumeric() || "_-".contains(one)), "{name}");
}

fn resource(address: &str, one: &Value, arguments: Arguments) {
    let values = one.as_object().expect("arguments by name");
    for (name, form, is_required) in arguments {
        let Some(value) = values.get(*name) else {
            assert!(!is_required, "{address} has no {name}");
            continue;
        };
        let is_texts =
            |value: &Value| value.as_array().is_some_and(|all| all.iter().all(Value::is_string));
        let fits = match form {
            Text => value.as_str().is_some_and(|text| !text.is_empty()),
            Number => value.as_i64().is_some_and(|one| (-1..=65_535).contains(&one)),
            Flag => value.is_boolean(),
            Texts => is_texts(value),
            Empty => value.as_array().is_some_and(Vec::is_empty),
            Tags => value.as_object().is_some_and(|all| all.values().all(Value::is_string)),
        };
        assert!(fits, "{address}: {name}: {value}");
    }
    for name in values.keys() {
        assert!(arguments.iter().any(|(known, ..)| known == name), "{address}: {name}");
    }
    if let Some(protocol) = values.get("ip_protocol") {
        rule(address, values, protocol.as_str().expect("a text"));
    }
}

/// Exactly one peer, and ports just where the protocol has them.
fn rule(address: &str, values: &serde_json::Map<String, Value>, protocol: &str) {
    let peers = ["cidr_ipv4", "cidr_ipv6", "prefix_list_id", "referenced_security_group_id"];
    let count = peers.into_iter().filter(|peer| values.contains_key(*peer)).count();
    assert_eq!(count, 1, "{address}");
    let has_ports = ["tcp", "udp", "icmp", "icmpv6"].contains(&protocol);
    let is_number = protocol == "-1" || protocol.parse::<u8>().is_ok();
    assert!(has_ports || is_number, "{address}: {protocol}");
    for key in ["from_port", "to_port"] {
        assert_eq!(values.contains_key(key), has_ports, "{address}");
    }
}

fn aliases(file: &Value) -> BTreeSet<String> {
    let known = ["alias", "region", "allowed_account_ids", "dynamic"];
    let all = file["provider"]["aws"].as_array().into_iter().flatten();
    let aliases = all.map(|one| {
        for key in one.as_object().expect("arguments by name").keys() {
            assert!(known.contains(&key.as_str()), "{key}");
        }
        let alias = one["alias"].as_str().expect("a text");
        identifier(alias);
        format!("aws.{alias}")
    });
    aliases.collect()
}

/// Each is of something that is there, with an id of the form of its type.
fn imports(file: &Value, addresses: &BTreeSet<String>) {
    let mut seen = BTreeSet::new();
    for one in file["import"].as_array().into_iter().flatten() {
        assert_eq!(keys(one), BTreeSet::from(["id", "to"]));
        let to = one["to"].as_str().expect("an address, and no template");
        assert!(addresses.contains(to) && seen.insert(to.to_owned()), "{to}");
        let id = one["id"].as_str().expect("a text");
        let fits = match to.split('.').next() {
            Some("aws_security_group") => id.starts_with("sg-") && !id.contains('_'),
            Some("aws_network_interface_sg_attachment") => {
                id.starts_with("sg-") && id.contains("_eni-")
            }
            Some("aws_network_acl") => id.starts_with("acl-") && !id.contains(':'),
            Some("aws_network_acl_rule") => id.starts_with("acl-") && id.split(':').count() == 4,
            Some(_) => id.starts_with("sgr-"),
            None => false,
        };
        assert!(fits, "{to}: {id}");
    }
}

fn collect(value: &Value, named: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => named.extend(references(text)),
        Value::Array(items) => items.iter().for_each(|one| collect(one, named)),
        Value::Object(fields) => fields.values().for_each(|one| collect(one, named)),
        _ => {}
    }
}

fn outputs(file: &Value) {
    let names = ["watertight_interfaces", "watertight_security_groups", "watertight_services"];
    assert_eq!(keys(&file["output"]), BTreeSet::from(names));
    for name in names {
        assert_eq!(keys(&file["output"][name]), BTreeSet::from(["description", "value"]), "{name}");
    }
}

fn keys(value: &Value) -> BTreeSet<&str> {
    value.as_object().expect("it has names").keys().map(String::as_str).collect()
}
