//! What `terraform show -json` would hold of a configuration: references are followed, and what the
//! outputs ask for is done by those who configure interfaces.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Map, Value, json};
use watertight_aws::Body;
use watertight_compile::{Plan, PlannedAttachment, PlannedGroup};
use watertight_source::Node;

/// How much is known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Known {
    /// All of it, as when it was applied.
    Everything,
    /// What a plan knows: ids of what is made are known after it is applied.
    BeforeApply,
}

/// The addresses of the resources whose ids a text names.
pub(crate) fn references(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((before, inner)) = rest.split_once("${") {
        let (inner, after) = inner.split_once('}').expect("a template ends");
        if !before.ends_with('$') {
            found.push(inner.strip_suffix(".id").expect("ids alone are named").to_owned());
        }
        rest = after;
    }
    found
}

/// A configuration as `terraform show -json` prints the plan of it.
pub(crate) fn shown(file: &Value, plan: &Plan, bodies: &[Body], known: Known) -> Value {
    let mut ids = BTreeMap::new();
    for one in file["import"].as_array().into_iter().flatten() {
        let text = |key: &str| one[key].as_str().expect("it is a text").to_owned();
        ids.insert(text("to"), text("id"));
    }
    let imported: BTreeSet<String> = ids.keys().cloned().collect();
    let resources = file["resource"].as_object().into_iter().flatten();
    let all: Vec<(String, &str, &Value)> = resources
        .flat_map(|(kind, all)| {
            let all = all.as_object().expect("resources by name");
            all.iter().map(move |(name, one)| (format!("{kind}.{name}"), kind.as_str(), one))
        })
        .collect();
    if known == Known::Everything {
        for (number, (address, kind, _)) in all.iter().enumerate() {
            let start = match *kind {
                "aws_security_group" => "sg",
                "aws_network_acl" => "acl",
                _ => "sgr",
            };
            ids.entry(address.clone()).or_insert_with(|| format!("{start}-0{number:016x}"));
        }
    }
    let (changes, expressions) = (Vec::new(), BTreeMap::new());
    let mut resolver = Resolver { known, ids, imported, changes, expressions };
    for (address, kind, arguments) in &all {
        resolver.resource(address, kind, arguments, bodies);
    }
    resolver.carriers(file, plan);
    resolver.finish()
}

struct Resolver {
    known: Known,
    /// The ids of what is imported, and in an applied configuration of all else.
    ids: BTreeMap<String, String>,
    imported: BTreeSet<String>,
    changes: Vec<Value>,
    expressions: BTreeMap<String, Map<String, Value>>,
}

impl Resolver {
    /// A value, where it is not known, and the resources that it names which are not known.
    fn value(&self, value: &Value) -> (Value, Value, BTreeSet<String>) {
        match value {
            Value::String(text) => {
                let named = references(text);
                if named.iter().any(|address| !self.ids.contains_key(address)) {
                    return (Value::Null, json!(true), named.into_iter().collect());
                }
                let mut text = text.clone();
                for address in named {
                    text = text.replace(&format!("${{{address}.id}}"), &self.ids[&address]);
                }
                let text = text.replace("$${", "${").replace("%%{", "%{");
                (json!(text), json!(false), BTreeSet::new())
            }
            Value::Array(items) => {
                let mut named = BTreeSet::new();
                let (mut values, mut masks) = (Vec::new(), Vec::new());
                for one in items {
                    let (value, mask, inner) = self.value(one);
                    named.extend(inner);
                    values.push(value);
                    masks.push(mask);
                }
                (Value::Array(values), Value::Array(masks), named)
            }
            other => (other.clone(), json!(false), BTreeSet::new()),
        }
    }

    /// The arguments of a resource: what is known after the change, and what is not.
    fn arguments(&mut self, address: &str, all: &Value) -> [Map<String, Value>; 2] {
        let (mut after, mut unknown) = (Map::new(), Map::new());
        for (key, value) in all.as_object().expect("arguments by name") {
            if key == "provider" {
                continue;
            }
            let (value, mask, named) = self.value(value);
            if mask != json!(true) {
                after.insert(key.clone(), value);
            }
            if !named.is_empty() {
                let named = named.iter().flat_map(|one| [format!("{one}.id"), one.clone()]);
                let named: Vec<String> = named.collect();
                let own = self.expressions.entry(address.to_owned()).or_default();
                own.insert(key.clone(), json!({ "references": named }));
                unknown.insert(key.clone(), mask);
            }
        }
        [after, unknown]
    }

    fn resource(&mut self, address: &str, kind: &str, arguments: &Value, bodies: &[Body]) {
        let [mut after, mut unknown] = self.arguments(address, arguments);
        if let Some(tags) = after.get("tags").cloned() {
            after.insert("tags_all".to_owned(), tags);
        }
        match self.ids.get(address) {
            Some(id) => after.insert("id".to_owned(), json!(id)),
            None => unknown.insert("id".to_owned(), json!(true)),
        };
        let is_group = kind == "aws_security_group";
        let mut held = Map::new();
        let is_imported = self.imported.contains(address);
        if is_group && is_imported {
            // The provider reads the rules of a group that is there into its own lists.
            for (key, rules) in described(&self.ids[address], bodies) {
                held.insert(key.clone(), rules.clone());
                after.entry(key).or_insert(rules);
            }
        } else if is_group && self.known == Known::BeforeApply {
            let keys = ["ingress", "egress"].into_iter().filter(|key| !after.contains_key(*key));
            unknown.extend(keys.map(|key| (key.to_owned(), json!(true))));
        }
        let (action, before) = if is_imported {
            let mut before = after.clone();
            before.extend(held);
            (if before == after { "no-op" } else { "update" }, Value::Object(before))
        } else {
            ("create", Value::Null)
        };
        self.change(address, kind, action, before, [after, unknown]);
    }

    fn change(
        &mut self,
        address: &str,
        kind: &str,
        action: &str,
        before: Value,
        [after, unknown]: [Map<String, Value>; 2],
    ) {
        self.changes.push(json!({
            "address": address, "mode": "managed", "type": kind, "change": {
                "actions": [action], "before": before, "after": after, "after_unknown": unknown,
            },
        }));
    }

    /// Does at interfaces what the outputs ask for.
    fn carriers(&mut self, file: &Value, plan: &Plan) {
        let of = |name: &str| file["output"][name]["value"].as_object().expect("an output");
        let mut asked: BTreeMap<String, Value> = BTreeMap::new();
        for (interface, wanted) in of("watertight_interfaces") {
            asked.insert(interface.clone(), wanted.clone());
        }
        for wanted in of("watertight_services").values() {
            for one in wanted["interfaces"].as_array().expect("a list") {
                asked.insert(one.as_str().expect("an id").to_owned(), wanted.clone());
            }
        }
        for one in &plan.attachments {
            let wanted = asked.remove(&one.endpoint).expect("every attachment is asked for");
            let address = format!("aws_network_interface.{}", one.endpoint);
            let arguments = json!({"security_groups": wanted["security_groups"]});
            let [mut after, unknown] = self.arguments(&address, &arguments);
            after.insert("id".to_owned(), json!(one.endpoint));
            let before = before(one, &plan.groups);
            // What stays of what is carried, and what is told to be taken off, is all that there is.
            let told = |key: &str| self.value(&wanted[key]).0.as_array().expect("a list").clone();
            let (carried, off) = (told("security_groups"), told("take_off"));
            for group in &before {
                assert!(carried.contains(group) != off.contains(group), "{group}: {wanted:#}");
            }
            let before = json!({"id": one.endpoint, "security_groups": before});
            self.change(&address, "aws_network_interface", "update", before, [after, unknown]);
        }
        assert!(asked.is_empty(), "{asked:?} is in no plan");
    }

    fn finish(self) -> Value {
        let resources: Vec<Value> = self
            .expressions
            .into_iter()
            .map(|(address, expressions)| {
                let (kind, name) = address.split_once('.').expect("an address");
                json!({"address": address, "mode": "managed", "type": kind, "name": name,
                    "expressions": expressions})
            })
            .collect();
        json!({
            "format_version": "1.2",
            "resource_changes": self.changes,
            "configuration": {"root_module": {"resources": resources}},
        })
    }
}

/// What an interface carries now, by id.
fn before(one: &PlannedAttachment, groups: &[Arc<PlannedGroup>]) -> Vec<Value> {
    let id = |name: &String| {
        let group = groups.iter().find(|group| group.name == *name);
        let there = group.and_then(|group| group.there.as_ref());
        json!(there.map_or(name, |there| &there.id))
    };
    one.before.iter().map(id).collect()
}

/// The rules of a group that is there, as the provider reads them.
fn described(id: &str, bodies: &[Body]) -> Map<String, Value> {
    let lists = bodies.iter().filter_map(|body| body.tree.root().get("SecurityGroups"));
    let mut all = lists.flat_map(Node::items);
    let group = all.find(|one| one.get("GroupId").and_then(Node::as_str) == Some(id));
    let group: Value = serde_json::from_str(group.expect("it is there").raw()).expect("it is JSON");
    let side = |key: &str| -> Value {
        let rules = group[key].as_array().cloned().unwrap_or_default();
        let each = rules.iter().map(|rule| {
            let of = |list: &str, key: &str| -> Vec<Value> {
                let items = rule[list].as_array().cloned().unwrap_or_default();
                items.iter().map(|one| one[key].clone()).collect()
            };
            json!({
                "protocol": rule["IpProtocol"],
                "from_port": rule["FromPort"], "to_port": rule["ToPort"],
                "cidr_blocks": of("IpRanges", "CidrIp"),
                "ipv6_cidr_blocks": of("Ipv6Ranges", "CidrIpv6"),
                "security_groups": of("UserIdGroupPairs", "GroupId"),
                "prefix_list_ids": of("PrefixListIds", "PrefixListId"),
                "self": false,
            })
        });
        each.collect()
    };
    Map::from_iter([
        ("ingress".to_owned(), side("IpPermissions")),
        ("egress".to_owned(), side("IpPermissionsEgress")),
    ])
}
