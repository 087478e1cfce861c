//! What a plan does to groups of ours, and to those that carry them.
//!
//! The same goes for network ACLs of ours and for the prefix lists that rules of ours name.
//!
//! A group is ours by its tag or by its name, a network ACL by its tag. Only what is told to stay stays: where a plan knows what
//! something carries only after it is applied, it counts as taken off.

mod edges;
mod lists;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use watertight_compile::GroupName;
use watertight_source::Node;

use super::super::super::{text, texts};
use super::super::rules::{EXCLUSIVE, RULES};
use super::known::is_unknown;
use super::{PlannedAction, PlannedChange, Sides, TerraformPlan};
use crate::Body;
use crate::plane::{MANAGED, is_managed, value_of};

/// Keys under which arguments of carriers list groups.
const CARRYING: [&str; 3] = ["security_group_ids", "security_groups", "vpc_security_group_ids"];

/// Types that put one group on something, with the argument that names it.
const ATTACHMENTS: [(&str, &str); 2] = [
    ("aws_network_interface_sg_attachment", "network_interface_id"),
    ("aws_vpc_endpoint_security_group_association", "vpc_endpoint_id"),
];

/// The arguments of rules that say what they let through.
const MEANING: [&str; 17] = [
    "cidr_blocks",
    "cidr_ipv4",
    "cidr_ipv6",
    "egress_rule_ids",
    "from_port",
    "ingress_rule_ids",
    "ip_protocol",
    "ipv6_cidr_blocks",
    "prefix_list_id",
    "prefix_list_ids",
    "protocol",
    "referenced_security_group_id",
    "security_group_id",
    "self",
    "source_security_group_id",
    "to_port",
    "type",
];

/// The types of carriers of which bodies tell what they carry: the list of bodies, the keys of the id in
/// a body and in the plan, and those of the groups and their ids in a body.
const TOLD: [(&str, &str, [&str; 2], [&str; 2]); 10] = [
    (
        "aws_network_interface",
        "NetworkInterfaces",
        ["NetworkInterfaceId", "id"],
        ["Groups", "GroupId"],
    ),
    ("aws_lb", "LoadBalancers", ["LoadBalancerArn", "arn"], ["SecurityGroups", ""]),
    ("aws_elb", "LoadBalancerDescriptions", ["LoadBalancerName", "name"], ["SecurityGroups", ""]),
    ("aws_alb", "LoadBalancers", ["LoadBalancerArn", "arn"], ["SecurityGroups", ""]),
    (
        "aws_db_instance",
        "DBInstances",
        ["DBInstanceIdentifier", "identifier"],
        ["VpcSecurityGroups", "VpcSecurityGroupId"],
    ),
    (
        "aws_rds_cluster",
        "DBClusters",
        ["DBClusterIdentifier", "cluster_identifier"],
        ["VpcSecurityGroups", "VpcSecurityGroupId"],
    ),
    (
        "aws_redshift_cluster",
        "Clusters",
        ["ClusterIdentifier", "cluster_identifier"],
        ["VpcSecurityGroups", "VpcSecurityGroupId"],
    ),
    (
        "aws_opensearch_domain",
        "DomainStatusList",
        ["DomainName", "domain_name"],
        ["SecurityGroupIds", ""],
    ),
    (
        "aws_elasticsearch_domain",
        "DomainStatusList",
        ["DomainName", "domain_name"],
        ["SecurityGroupIds", ""],
    ),
    ("aws_vpc_endpoint", "VpcEndpoints", ["VpcEndpointId", "id"], ["Groups", "GroupId"]),
];

/// The key under which bodies of search domains tell their groups.
const NESTED: &str = "VPCOptions";

/// What a change does to a group of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Loosening {
    /// It takes it off what carries it.
    TakenOff,
    /// It deletes it.
    Deleted,
    /// It changes its rules.
    Rules,
    /// It takes the tag off by which it is ours.
    Untagged,
}

/// What of ours it is done to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// A group.
    Group,
    /// A network ACL, at the edges of these subnets.
    Edge {
        /// The ids of the subnets, in order.
        subnets: Vec<String>,
    },
    /// A prefix list that rules of a group of ours name.
    List {
        /// Its id; nothing where it is known only after the plan is applied.
        id: Option<String>,
    },
}

/// A change that loosens what a group or a network ACL of ours enforces.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Loosened {
    /// The place of the change in [`TerraformPlan::changes`].
    pub change: usize,
    /// What it is done to.
    pub part: Part,
    /// What it does.
    pub how: Loosening,
    /// The id of the group or network ACL; nothing where it is known only after the plan is applied.
    pub id: Option<String>,
    /// Its name; nothing where it is known only after the plan is applied.
    pub name: Option<String>,
    /// The segments that it enforces, as far as it tells them.
    pub segments: Vec<String>,
    /// Whether what will be is known only after the plan is applied.
    pub unknown: bool,
}

/// A group of ours.
#[derive(Debug, Clone)]
struct Own {
    name: String,
    segments: Vec<String>,
}

/// What a change does to something of ours.
#[derive(Debug, Clone)]
struct Touched {
    part: Part,
    how: Loosening,
    id: Option<String>,
    name: Option<String>,
    unknown: bool,
}

/// Groups of ours, by id.
type Ours = BTreeMap<String, Own>;

impl Own {
    /// The segments are in its description, and a long list of them is cut there; else in its name, as
    /// plans give it: `watertight/REALM/SEGMENTS/MARK`.
    fn new(name: &str, description: &str) -> Self {
        let told = description.strip_prefix("Written by Watertight for ");
        let named = || name.strip_prefix(GroupName::PREFIX).and_then(|own| own.split('/').nth(1));
        let segments: Vec<String> = told
            .map(|told| told.split(", ").map(str::to_owned).collect())
            .or_else(|| named().map(|part| part.split('+').map(str::to_owned).collect()))
            .unwrap_or_default();
        let segments = segments.into_iter().filter(|one| !one.is_empty()).collect();
        Self { name: name.to_owned(), segments }
    }
}

impl TerraformPlan {
    /// What the plan's changes do to what of ours is in an estate, in the order of the changes.
    pub fn loosened(&self, bodies: &[Body]) -> Vec<Loosened> {
        let (ours, edges) = (self.ours(bodies), self.own_edges(bodies));
        let lists = self.own_lists(bodies, &ours);
        let mut found = BTreeSet::new();
        for (place, change) in self.changes.iter().enumerate() {
            let Some(sides) = self.resources.get(&change.address) else { continue };
            let touched = self
                .of_edges(change, sides, &edges)
                .or_else(|| self.of_lists(change, sides, (&lists, &ours)))
                .unwrap_or_else(|| self.of_groups(change, sides, &ours, bodies));
            for Touched { part, how, id, name, unknown } in touched {
                let own = id.as_ref().and_then(|id| ours.get(id));
                let segments = own.map(|own| own.segments.clone()).unwrap_or_default();
                found.insert(Loosened { change: place, part, how, id, name, segments, unknown });
            }
        }
        found.into_iter().collect()
    }

    /// What a change does to groups of ours.
    fn of_groups(
        &self,
        change: &PlannedChange,
        sides: &Sides,
        ours: &Ours,
        bodies: &[Body],
    ) -> Vec<Touched> {
        if ours.is_empty() {
            return Vec::new();
        }
        let found = self.of_change(change, sides, ours, bodies).into_iter();
        let touched = found.map(|(id, how, unknown)| {
            let name = id.as_ref().and_then(|id| ours.get(id)).map(|own| own.name.clone());
            Touched { part: Part::Group, how, id, name, unknown }
        });
        touched.collect()
    }

    /// The groups of ours that are there: in the estate, and in what Terraform knows.
    fn ours(&self, bodies: &[Body]) -> Ours {
        let is_named = |name: &str| name.starts_with(GroupName::PREFIX);
        let mut ours = Ours::new();
        for sides in self.resources.values().filter(|one| one.kind == "aws_security_group") {
            let Some(values) = &sides.before else { continue };
            let (name, description) = (text(values, "name"), text(values, "description"));
            let name = name.unwrap_or_default();
            if let Some(id) = text(values, "id").filter(|_| is_named(name) || is_tagged(values)) {
                ours.insert(id.to_owned(), Own::new(name, description.unwrap_or_default()));
            }
        }
        for item in listed(bodies, "SecurityGroups") {
            let field = |key: &str| item.get(key).and_then(Node::as_str).unwrap_or_default();
            let (id, name) = (field("GroupId"), field("GroupName"));
            if is_named(name) || is_managed(&value_of(item)) {
                ours.insert(id.to_owned(), Own::new(name, field("Description")));
            }
        }
        ours
    }

    /// The groups that a change loosens, how, and whether what will be is unknown.
    fn of_change(
        &self,
        change: &PlannedChange,
        sides: &Sides,
        ours: &Ours,
        bodies: &[Body],
    ) -> Vec<(Option<String>, Loosening, bool)> {
        let kind = change.kind.as_str();
        if kind == "aws_security_group" {
            return of_group(change.action, sides, ours);
        }
        if RULES.contains(&kind) || kind == EXCLUSIVE {
            return self.of_rule(change, sides, ours);
        }
        if let Some((_, carrier)) = ATTACHMENTS.iter().find(|(one, _)| *one == kind) {
            return of_attachment(sides, carrier, ours);
        }
        let is_changed = matches!(change.action, PlannedAction::Update | PlannedAction::Replace);
        if is_changed && kind.starts_with("aws_") {
            return of_carrier(change, sides, ours, bodies);
        }
        Vec::new()
    }

    /// A rule of a group of ours, before or after.
    fn of_rule(
        &self,
        change: &PlannedChange,
        sides: &Sides,
        ours: &Ours,
    ) -> Vec<(Option<String>, Loosening, bool)> {
        let of = |side: &Option<Value>| -> Option<String> {
            text(side.as_ref()?, "security_group_id").map(str::to_owned)
        };
        let differs = |key: &str| {
            let value = |side: &Option<Value>| side.as_ref().and_then(|one| one.get(key)).cloned();
            value(&sides.before) != value(&sides.after) || open(sides, key)
        };
        let is_same =
            change.action == PlannedAction::Update && !MEANING.iter().any(|key| differs(key));
        // Without the list that was the whole, the rules stay.
        let is_let_go = change.kind == EXCLUSIVE && change.action == PlannedAction::Delete;
        if is_same || is_let_go {
            return Vec::new();
        }
        let is_open = MEANING.iter().any(|key| open(sides, key));
        let named: BTreeSet<String> =
            of(&sides.before).into_iter().chain(of(&sides.after)).collect();
        let mut found: Vec<_> = named
            .into_iter()
            .filter(|id| ours.contains_key(id))
            .map(|id| (Some(id), Loosening::Rules, is_open))
            .collect();
        if open(sides, "security_group_id") {
            match self.meant(&change.address, "security_group_id") {
                None => found.push((None, Loosening::Rules, true)),
                Some(meant) => {
                    let meant = meant.into_iter().filter(|id| ours.contains_key(id));
                    found.extend(meant.map(|id| (Some(id), Loosening::Rules, true)));
                }
            }
        }
        found
    }

    /// The ids before the change of what an argument refers to; nothing where it may refer to anything.
    fn meant(&self, address: &str, key: &str) -> Option<Vec<String>> {
        let named = self.configuration.references(address, key, None, key)?;
        let all = self.resources.keys().map(String::as_str).collect();
        let own = super::known::Own { all: &all, asked: address };
        let found = self.configuration.resolve(address, &named, &own)?;
        let ids = found.iter().map(|(address, _)| {
            let before = self.resources.get(address)?.before.as_ref();
            Some(before.and_then(|before| text(before, "id")).map(str::to_owned))
        });
        let ids: Option<Vec<Option<String>>> = ids.collect();
        Some(ids?.into_iter().flatten().collect())
    }
}

/// The items of a list in bodies.
fn listed<'b>(bodies: &'b [Body], list: &'b str) -> impl Iterator<Item = Node<'b>> {
    bodies.iter().flat_map(move |body| body.tree.root().get(list).into_iter().flat_map(Node::items))
}

/// Whether an argument, or a part of it, is known only after the plan is applied.
fn open(sides: &Sides, key: &str) -> bool {
    sides.unknown.get(key).is_some_and(is_unknown)
}

fn is_tagged(values: &Value) -> bool {
    let has =
        |key: &str| values.get(key).and_then(|tags| tags.get(MANAGED)) == Some(&"true".into());
    has("tags") || has("tags_all")
}

/// A group itself.
fn of_group(
    action: PlannedAction,
    sides: &Sides,
    ours: &Ours,
) -> Vec<(Option<String>, Loosening, bool)> {
    let Some(before) = &sides.before else { return Vec::new() };
    let Some(id) = text(before, "id").filter(|id| ours.contains_key(*id)) else {
        return Vec::new();
    };
    let Some(after) = sides.after.as_ref().filter(|_| action == PlannedAction::Update) else {
        return vec![(Some(id.to_owned()), Loosening::Deleted, false)];
    };
    let mut found = Vec::new();
    let lists = ["ingress", "egress"];
    let is_open = lists.iter().any(|key| open(sides, key));
    if is_open || lists.iter().any(|key| before.get(key) != after.get(key)) {
        found.push((Some(id.to_owned()), Loosening::Rules, is_open));
    }
    if is_tagged(before) && !is_tagged(after) {
        let is_open = open(sides, "tags") || open(sides, "tags_all");
        found.push((Some(id.to_owned()), Loosening::Untagged, is_open));
    }
    found
}

/// What puts a group of ours on something: another group, or on something else, takes it off this.
fn of_attachment(
    sides: &Sides,
    carrier: &str,
    ours: &Ours,
) -> Vec<(Option<String>, Loosening, bool)> {
    let Some(before) = &sides.before else { return Vec::new() };
    let Some(id) = text(before, "security_group_id").filter(|id| ours.contains_key(*id)) else {
        return Vec::new();
    };
    let keys = ["security_group_id", carrier];
    let is_open = keys.iter().any(|key| open(sides, key));
    let stays = sides.after.as_ref().is_some_and(|after| {
        keys.iter().all(|key| text(after, key).is_some() && text(after, key) == text(before, key))
    });
    if stays && !is_open {
        return Vec::new();
    }
    vec![(Some(id.to_owned()), Loosening::TakenOff, is_open && sides.after.is_some())]
}

/// How often something lists each group of ours, by id.
fn carried(value: &Value, is_list: bool, ours: &Ours, found: &mut BTreeMap<String, usize>) {
    match value {
        Value::String(text) if is_list => {
            // A machine outside of a VPC of one's own lists names.
            let own = ours.iter().find(|(id, own)| *id == text || own.name == *text);
            if let Some((id, _)) = own {
                *found.entry(id.clone()).or_default() += 1;
            }
        }
        Value::Array(items) => items.iter().for_each(|one| carried(one, is_list, ours, found)),
        Value::Object(fields) => {
            for (key, inner) in fields {
                carried(inner, is_list || CARRYING.contains(&key.as_str()), ours, found);
            }
        }
        _ => {}
    }
}

/// Something that carries groups of ours, argument by argument.
fn of_carrier(
    change: &PlannedChange,
    sides: &Sides,
    ours: &Ours,
    bodies: &[Body],
) -> Vec<(Option<String>, Loosening, bool)> {
    let nothing = Value::Null;
    let before = sides.before.as_ref().unwrap_or(&nothing);
    let after = sides.after.as_ref().unwrap_or(&nothing);
    let mut lost: BTreeMap<String, bool> = BTreeMap::new();
    let count = |key: &str, value: &Value| {
        let mut found = BTreeMap::new();
        let inner = value.get(key).unwrap_or(&Value::Null);
        carried(inner, CARRYING.contains(&key), ours, &mut found);
        found
    };
    for key in before.as_object().into_iter().flat_map(serde_json::Map::keys) {
        let is = count(key, after);
        for (id, times) in count(key, before) {
            if is.get(&id).copied().unwrap_or_default() < times {
                *lost.entry(id).or_default() |= open(sides, key);
            }
        }
    }
    // What is written replaces what is there, also what Terraform has not seen.
    let is_written = change.action == PlannedAction::Replace
        || CARRYING.iter().any(|key| before.get(key) != after.get(key) || open(sides, key));
    if is_written {
        let mut kept = BTreeMap::new();
        carried(after, false, ours, &mut kept);
        let is_open = CARRYING.iter().any(|key| open(sides, key));
        for id in told(&change.kind, before, bodies) {
            if ours.contains_key(&id) && !kept.contains_key(&id) {
                lost.entry(id).or_insert(is_open);
            }
        }
    }
    lost.into_iter().map(|(id, is_open)| (Some(id), Loosening::TakenOff, is_open)).collect()
}

/// What the estate says that something carries, by id.
fn told(kind: &str, before: &Value, bodies: &[Body]) -> BTreeSet<String> {
    // A machine's own arguments are about its first interface.
    if kind == "aws_instance" {
        let Some(primary) = text(before, "primary_network_interface_id") else {
            return BTreeSet::new();
        };
        return told("aws_network_interface", &serde_json::json!({"id": primary}), bodies);
    }
    let Some((_, list, [own, key], [groups, field])) = TOLD.iter().find(|(one, ..)| *one == kind)
    else {
        return BTreeSet::new();
    };
    let sought = text(before, key);
    let nested = |value: &Value| value.get(NESTED).cloned();
    let is_it =
        |item: &Node<'_>| sought.is_some() && item.get(own).and_then(Node::as_str) == sought;
    let mut found = BTreeSet::new();
    for item in listed(bodies, list).filter(is_it) {
        let value = value_of(item);
        let value = nested(&value).unwrap_or(value);
        found.extend(texts(&value, groups).map(str::to_owned));
        let inner = value.get(groups).and_then(Value::as_array).into_iter().flatten();
        found.extend(inner.filter_map(|one| text(one, field)).map(str::to_owned));
    }
    found
}
