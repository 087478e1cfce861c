//! What stands in place of what is known only after a plan is applied.
//!
//! The id of a resource that is made is its address in the configuration. What refers to it refers to
//! that id, where the configuration leaves no doubt. Everything else that is not known becomes a name
//! that the estate does not hold: whatever meets it is unknown, and neither allowed nor denied.

mod configuration;

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::super::Resource;
use super::places::{PRIVATE, PUBLIC, PUBLIC_BY_SUBNET};
use super::{Sides, text};
pub(super) use configuration::{Configuration, Own};

/// A resource whose values are filled in.
pub(super) struct Asked<'a> {
    pub(super) address: &'a str,
    pub(super) kind: &'a str,
    pub(super) unknown: &'a Value,
}

/// Attributes that hold ids and that are nothing where nobody writes them: what is unknown then is
/// what the provider fills in and nobody asks for.
const OWN: [&str; 12] = [
    "association_id",
    "carrier_ip",
    "default_network_acl_id",
    "default_route_table_id",
    "default_security_group_id",
    "dhcp_options_id",
    "ipv6_association_id",
    "ipv6_cidr_block_association_id",
    "main_route_table_id",
    "owner_id",
    "security_group_rule_id",
    "vpc_owner_id",
];

/// Attributes that the provider fills in with something that decides.
const FILLED_IN: [&str; 5] =
    ["security_group_ids", "security_groups", "subnet_id", "vpc_id", "vpc_security_group_ids"];

/// Lists of blocks that are whole resources' worth of rules.
const BLOCKS: [&str; 3] = ["ingress", "egress", "route"];

/// A name that no estate holds.
pub(super) fn unknown(address: &str, key: &str) -> String {
    id_to_come(&format!("known after apply ({address}.{key})"))
}

/// The id of a resource that is made. Colons would be taken for those of a resource name.
pub(super) fn id_to_come(address: &str) -> String {
    address.replace(':', "_")
}

/// The attribute that is the id of resources of a type, and that whoever writes them chooses.
fn named_by(kind: &str) -> Option<&'static str> {
    match kind {
        "aws_rds_cluster" | "aws_docdb_cluster" | "aws_neptune_cluster" => {
            Some("cluster_identifier")
        }
        "aws_db_subnet_group"
        | "aws_docdb_subnet_group"
        | "aws_neptune_subnet_group"
        | "aws_elasticache_subnet_group" => Some("name"),
        "aws_elasticache_replication_group" => Some("replication_group_id"),
        _ => None,
    }
}

/// The attribute by which a list knows resources of a type.
fn name_key(kind: &str) -> Option<&'static str> {
    named_by(kind).or(match kind {
        "aws_db_instance"
        | "aws_docdb_cluster_instance"
        | "aws_neptune_cluster_instance"
        | "aws_rds_cluster_instance" => Some("identifier"),
        "aws_elasticache_cluster" => Some("cluster_id"),
        _ => None,
    })
}

/// The values with something in place of what is unknown; what cannot be bounded is untold.
pub(super) fn fill<'r>(
    asked: &Asked<'_>,
    mut values: Value,
    configuration: &Configuration,
    others: &dyn Fn(&str) -> Option<&'r Sides>,
    own: &BTreeSet<&str>,
    untold: &mut BTreeSet<(String, String)>,
) -> Value {
    let Value::Object(masks) = asked.unknown else { return values };
    let Some(fields) = values.as_object_mut() else { return values };
    let mut filler = Filler { asked, configuration, others, own, untold };
    // A name that the provider makes up stands for the resource as its id does.
    let name_key = name_key(asked.kind);
    if let Some(key) = name_key
        && masks.get(key).is_some_and(is_unknown)
    {
        fields.insert(key.to_owned(), json!(id_to_come(asked.address)));
    }
    let own_name = named_by(asked.kind).and_then(|key| fields.get(key)).and_then(Value::as_str);
    let own_name = own_name.map(str::to_owned);
    for key in ["id", "arn", "allocation_id"] {
        if masks.get(key) == Some(&Value::Bool(true)) {
            let name = own_name.clone().filter(|_| key == "id");
            let id = name.unwrap_or_else(|| id_to_come(asked.address));
            fields.insert(key.to_owned(), json!(id));
        }
    }
    for (key, mask) in masks {
        if BLOCKS.contains(&key.as_str()) {
            filler.blocks(fields, key, mask);
        } else if Some(key.as_str()) != name_key
            && !["id", "arn", "allocation_id"].contains(&key.as_str())
        {
            filler.field(fields, mask, &At { top: key, place: None, key });
        }
    }
    if ["aws_instance", "aws_network_interface"].contains(&asked.kind)
        && masks.get("ipv6_addresses") == Some(&Value::Bool(true))
        && fields.get("ipv6_address_count").and_then(Value::as_u64).is_some_and(|count| count > 0)
    {
        let why = "its IPv6 addresses are known after apply".to_owned();
        filler.untold.insert((asked.address.to_owned(), why));
    }
    addresses(asked, fields, masks);
    values
}

/// Says where addresses will be that the provider chooses.
fn addresses(asked: &Asked<'_>, fields: &mut Map<String, Value>, masks: &Map<String, Value>) {
    let is_open = |key: &str| masks.get(key) == Some(&Value::Bool(true));
    let own = id_to_come(asked.address);
    match asked.kind {
        "aws_instance" => {
            let primary = format!("{own}/primary");
            if is_open("primary_network_interface_id") {
                fields.insert("primary_network_interface_id".to_owned(), json!(primary));
            }
            if is_open("private_ip") {
                fields.insert("private_ip".to_owned(), json!(format!("{PRIVATE}{own}")));
            }
            let asks = fields.get("associate_public_ip_address").and_then(Value::as_bool);
            let marker = match asks {
                Some(true) => Some(PUBLIC),
                Some(false) => None,
                None => Some(PUBLIC_BY_SUBNET),
            };
            if let Some(marker) = marker.filter(|_| is_open("public_ip")) {
                fields.insert("public_ip".to_owned(), json!(format!("{marker}{own}")));
            }
            if is_open("instance_state") {
                fields.insert("instance_state".to_owned(), json!("running"));
            }
        }
        "aws_network_interface" if is_open("private_ip") => {
            fields.insert("private_ip".to_owned(), json!(format!("{PRIVATE}{own}")));
        }
        "aws_nat_gateway" => {
            if is_open("private_ip") {
                fields.insert("private_ip".to_owned(), json!(format!("{PRIVATE}{own}")));
            }
            if is_open("public_ip") {
                fields.insert("public_ip".to_owned(), json!(format!("{PUBLIC}{own}")));
            }
        }
        "aws_eip" if is_open("public_ip") => {
            fields.insert("public_ip".to_owned(), json!(format!("{PUBLIC}{own}")));
        }
        _ => {}
    }
}

/// Where a value stands: its top attribute, the block of it, its key there.
struct At<'a> {
    top: &'a str,
    place: Option<usize>,
    key: &'a str,
}

struct Filler<'f, 'r> {
    asked: &'f Asked<'f>,
    configuration: &'f Configuration,
    others: &'f dyn Fn(&str) -> Option<&'r Sides>,
    own: &'f BTreeSet<&'f str>,
    untold: &'f mut BTreeSet<(String, String)>,
}

impl Filler<'_, '_> {
    /// Fills a list of blocks. One that is unknown as a whole holds something unknown.
    fn blocks(&mut self, fields: &mut Map<String, Value>, key: &str, mask: &Value) {
        if *mask == Value::Bool(true) {
            let name = unknown(self.asked.address, key);
            let block = match key {
                "route" => json!({}),
                _ => json!({
                    "protocol": if self.asked.kind.ends_with("acl") { name.as_str() } else { "-1" },
                    "rule_no": 0, "action": "allow", "prefix_list_ids": [name],
                }),
            };
            fields.insert(key.to_owned(), json!([block]));
            return;
        }
        let masks = mask.as_array().cloned().unwrap_or_default();
        let Some(Value::Array(blocks)) = fields.get_mut(key) else { return };
        for (place, (block, mask)) in blocks.iter_mut().zip(&masks).enumerate() {
            let (Some(block), Value::Object(masks)) = (block.as_object_mut(), mask) else {
                continue;
            };
            for (inner, mask) in masks {
                self.field(block, mask, &At { top: key, place: Some(place), key: inner });
            }
        }
    }

    /// Fills one attribute, of the resource or of a block.
    fn field(&mut self, fields: &mut Map<String, Value>, mask: &Value, at: &At<'_>) {
        if !is_unknown(mask) {
            return;
        }
        let is_rule = self.asked.kind.contains("security_group");
        let is_entry = self.asked.kind.contains("network_acl");
        match at.key {
            "cidr_blocks" | "ipv6_cidr_blocks" | "cidr_ipv4" | "cidr_ipv6" | "self" if is_rule => {
                let name = unknown(self.asked.address, at.key);
                let single = at.key.starts_with("cidr_ipv");
                if single {
                    fields.insert("prefix_list_id".to_owned(), json!(name));
                } else {
                    push(fields, "prefix_list_ids", name);
                }
                if let Some(Value::Array(known)) = fields.get_mut(at.key) {
                    known.retain(|one| !one.is_null());
                }
            }
            "protocol" | "ip_protocol" | "from_port" | "to_port" | "icmp_type" | "icmp_code"
            | "icmp_type_code"
                if is_rule || is_entry =>
            {
                let key =
                    if fields.contains_key("ip_protocol") { "ip_protocol" } else { "protocol" };
                fields.insert(key.to_owned(), json!(unknown(self.asked.address, at.key)));
            }
            "action" | "rule_action" if is_entry => {
                fields.insert(at.key.to_owned(), json!(unknown(self.asked.address, at.key)));
            }
            "type" | "egress" | "rule_number" | "rule_no" if is_rule || is_entry => {
                self.tell(at.key);
            }
            "cidr_block" if ["aws_vpc", "aws_subnet"].contains(&self.asked.kind) => {
                self.tell(at.key);
            }
            key if is_reference(key) => self.reference(fields, mask, at),
            _ => {}
        }
    }

    fn tell(&mut self, key: &str) {
        let why = format!("its `{key}` is known after apply");
        self.untold.insert((self.asked.address.to_owned(), why));
    }

    /// Fills an attribute that holds the ids of others.
    fn reference(&mut self, fields: &mut Map<String, Value>, mask: &Value, at: &At<'_>) {
        let named = self.configuration.references(self.asked.address, at.top, at.place, at.key);
        if named.is_none() && !FILLED_IN.contains(&at.key) {
            return;
        }
        let own = self.own;
        let found = named.and_then(|named| {
            let own = Own { all: own, asked: self.asked.address };
            self.configuration.resolve(self.asked.address, &named, &own)
        });
        let open: Option<Vec<String>> = found.map(|found| {
            let ids = found.iter().filter_map(|(address, key)| self.open(address, key));
            let ids: BTreeSet<String> = ids.collect();
            ids.into_iter().collect()
        });
        let nothing = unknown(self.asked.address, at.key);
        let is_list = at.key.ends_with('s');
        let known = match fields.get(at.key) {
            Some(Value::Array(items)) => {
                items.iter().filter(|one| !one.is_null()).cloned().collect()
            }
            _ => Vec::new(),
        };
        let missing = match mask {
            Value::Array(masks) => Some(masks.iter().filter(|mask| is_unknown(mask)).count()),
            _ => None,
        };
        let value = match (open, is_list, missing) {
            (Some(ids), false, _) if ids.len() == 1 => json!(ids[0]),
            (Some(ids), true, Some(missing)) if ids.len() == missing => {
                known.into_iter().chain(ids.into_iter().map(Value::from)).collect()
            }
            (_, true, _) => known.into_iter().chain([json!(nothing)]).collect(),
            (_, false, _) => json!(nothing),
        };
        fields.insert(at.key.to_owned(), value);
    }

    /// The id that stands for an attribute of another resource, where that is not known yet.
    fn open(&self, address: &str, key: &str) -> Option<String> {
        let sides = (self.others)(address)?;
        let known = sides.after.as_ref().is_some_and(|values| text(values, key).is_some());
        if known {
            return None;
        }
        let name = named_by(&sides.kind).filter(|_| key == "id");
        let name = name.and_then(|name| text(sides.after.as_ref()?, name));
        if let Some(name) = name {
            return Some(name.to_owned());
        }
        Some(match key {
            "id" | "arn" | "allocation_id" => id_to_come(address),
            _ if name_key(&sides.kind) == Some(key) => id_to_come(address),
            "primary_network_interface_id" => format!("{}/primary", id_to_come(address)),
            _ => unknown(address, key),
        })
    }
}

/// Whether something under a mask is unknown.
pub(super) fn is_unknown(mask: &Value) -> bool {
    match mask {
        Value::Bool(flag) => *flag,
        Value::Array(items) => items.iter().any(is_unknown),
        Value::Object(fields) => fields.values().any(is_unknown),
        _ => false,
    }
}

/// Whether an attribute holds ids of other resources.
fn is_reference(key: &str) -> bool {
    let ends = ["_id", "_ids", "_arn", "_arns"].iter().any(|end| key.ends_with(end));
    let named = [
        "cluster_identifier",
        "db_subnet_group_name",
        "instance",
        "neptune_subnet_group_name",
        "network_interface",
        "role",
        "security_groups",
        "subnet_group_name",
        "subnets",
    ];
    (ends || named.contains(&key)) && !OWN.contains(&key)
}

fn push(fields: &mut Map<String, Value>, key: &str, name: String) {
    match fields.get_mut(key) {
        Some(Value::Array(items)) => items.push(json!(name)),
        _ => {
            fields.insert(key.to_owned(), json!([name]));
        }
    }
}

/// Takes out the unknown rules and routes of what has rules and routes of their own resources:
/// nobody writes both (documentation of `aws_security_group`, `aws_network_acl`, `aws_route_table`),
/// and what is not written is unknown until the resource is there.
pub(super) fn settle(resources: &mut [Resource]) {
    const APART: [(&str, &str); 5] = [
        ("aws_security_group_rule", "security_group_id"),
        ("aws_vpc_security_group_ingress_rule", "security_group_id"),
        ("aws_vpc_security_group_egress_rule", "security_group_id"),
        ("aws_network_acl_rule", "network_acl_id"),
        ("aws_route", "route_table_id"),
    ];
    let apart: BTreeSet<String> = resources
        .iter()
        .filter_map(|one| {
            let (_, key) = APART.iter().find(|(kind, _)| *kind == one.kind)?;
            text(&one.values, key).map(str::to_owned)
        })
        .collect();
    for resource in resources {
        let has_apart = text(&resource.values, "id").is_some_and(|id| apart.contains(id));
        let Some(fields) = resource.values.as_object_mut().filter(|_| has_apart) else { continue };
        for key in BLOCKS {
            let is_whole = fields
                .get(key)
                .and_then(Value::as_array)
                .is_some_and(|blocks| blocks.len() == 1 && blocks.iter().all(is_whole_unknown));
            if is_whole {
                fields.remove(key);
            }
        }
    }
}

/// Whether a block stands for a list of blocks that is unknown as a whole.
fn is_whole_unknown(block: &Value) -> bool {
    let Some(fields) = block.as_object() else { return false };
    fields.is_empty() || (fields.get("rule_no") == Some(&json!(0)) && fields.len() == 4)
}
