//! A Terraform plan, as `terraform show -json` prints it: the estate as it would be.
//!
//! A plan tells of each resource what it holds before and after. Both sides become bodies by the
//! readers of states, and what differs between them is done to the bodies of the estate: what
//! Terraform does not manage stays. What is known only after the plan is applied is either the
//! resource that the configuration names, or nothing that the estate holds, which makes whatever
//! meets it unknown.

mod attachments;
mod holders;
mod known;
mod ours;
mod places;
mod stubs;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use watertight_source::{Kind, Node, Span, Tree};

use super::super::overlay::{self, Overlay};
use super::super::{Bodies, ExportError, items, text, value_of};
use super::{Resource, State, gateways, machines, networks, rules, stores};
use crate::Body;
use known::Configuration;

pub use ours::{Loosened, Loosening, Part as LoosenedPart};

/// What a plan is called in messages.
const WHAT: &str = "Terraform plan";

/// The keys by which a resource that is not read shows that it is part of a network.
const NETWORKED: [&str; 19] = [
    "cidr_block",
    "db_subnet_group_name",
    "network_acl_id",
    "network_configuration",
    "network_interface_id",
    "neptune_subnet_group_name",
    "route_table_id",
    "security_group_id",
    "security_group_ids",
    "security_groups",
    "subnet_group_name",
    "subnet_id",
    "subnet_ids",
    "subnets",
    "transit_gateway_id",
    "vpc_config",
    "vpc_id",
    "vpc_options",
    "vpc_security_group_ids",
];

/// Types of services whose attachments follow from what a plan tells when they are made. Those that
/// they have by then are told by nothing but their names.
const MADE: [&str; 9] = [
    "aws_docdb_cluster",
    "aws_docdb_cluster_instance",
    "aws_efs_mount_target",
    "aws_elasticache_cluster",
    "aws_elasticache_replication_group",
    "aws_neptune_cluster",
    "aws_neptune_cluster_instance",
    "aws_rds_cluster",
    "aws_rds_cluster_instance",
];

/// What else opens the attachments of a service to others, or gives it further ones.
const MOVING: [&str; 4] = ["ip_address", "ip_address_type", "network_type", "publicly_accessible"];

/// What a plan does to a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PlannedAction {
    /// It is made.
    Create,
    /// It is changed in place.
    Update,
    /// It is taken away.
    Delete,
    /// It is taken away and made anew.
    Replace,
}

impl PlannedAction {
    /// The word that output uses.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Replace => "replace",
        }
    }
}

/// A resource that a plan changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedChange {
    /// The resource's address in the configuration: `module.shop.aws_security_group.web`.
    pub address: String,
    /// Its type.
    pub kind: String,
    /// What is done to it.
    pub action: PlannedAction,
    /// Where the plan says so.
    pub span: Span,
}

/// The estate's bodies after a plan.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Proposal {
    /// The bodies that are new or hold something else than before, as paths and texts.
    pub bodies: Vec<(String, String)>,
    /// The places of bodies of the estate that do not count any more.
    pub replaced: BTreeSet<usize>,
    /// What the plan changes and no body tells: the address and why.
    pub untold: BTreeSet<(String, String)>,
    /// What is judged as if it were known: the address and what is assumed of it.
    pub assumed: BTreeSet<(String, String)>,
}

/// A Terraform plan.
#[derive(Debug, Clone)]
pub struct TerraformPlan {
    /// What it changes, in the order of addresses.
    pub changes: Vec<PlannedChange>,
    resources: BTreeMap<String, Sides>,
    configuration: Configuration,
    /// What the plan puts off: the address and why nothing is told of it.
    deferred: BTreeSet<(String, String)>,
}

/// A resource before and after.
#[derive(Debug, Clone, Default)]
struct Sides {
    kind: String,
    before: Option<Value>,
    after: Option<Value>,
    /// Where `after` is known only after the plan is applied.
    unknown: Value,
    /// Whether it is looked up, and another's.
    looked_up: bool,
}

impl TerraformPlan {
    /// Reads a plan.
    ///
    /// # Errors
    /// When it is no plan.
    pub fn read(tree: &Tree) -> Result<Self, ExportError> {
        let root = tree.root();
        let Some(listed) = root.get("resource_changes") else {
            let why = if root.get("planned_values").is_some() {
                "it lists no `resource_changes`"
            } else {
                "it has no `resource_changes`: write it with `terraform show -json`"
            };
            return Err(not_one(why));
        };
        if listed.kind() != Kind::Array {
            return Err(not_one("its `resource_changes` is no array"));
        }
        if root.get("errored").and_then(Node::as_bool) == Some(true) {
            return Err(not_one("planning has failed, so that it does not hold all changes"));
        }
        let mut resources = BTreeMap::new();
        let prior = root.get("prior_state").map(value_of).unwrap_or_default();
        if let Some(module) = prior.get("values").and_then(|values| values.get("root_module")) {
            of_module(module, &mut resources);
        }
        let mut changes = Vec::new();
        for node in listed.items() {
            if !is_change(node) {
                let why = "an entry of its `resource_changes` has no `address`, `type` or `change.actions`";
                return Err(not_one(why));
            }
            changes.extend(change(node, &mut resources));
        }
        let deferred = root.get("deferred_changes").into_iter().flat_map(Node::items);
        let deferred = deferred.map(|one| {
            let address = one.get("resource_change").and_then(|change| change.get("address"));
            let address = address.and_then(Node::as_str).unwrap_or("a deferred change");
            (
                address.to_owned(),
                "it is deferred: what will be planned for it is not known".to_owned(),
            )
        });
        let deferred = deferred.collect();
        changes.sort_by(|one, other| one.address.cmp(&other.address));
        let configuration = root.get("configuration").map(value_of).unwrap_or_default();
        Ok(Self { changes, resources, configuration: Configuration::new(configuration), deferred })
    }

    /// The estate's bodies when those of the plan's changes are applied whose places are given.
    pub fn propose(&self, bodies: &[Body], applied: &BTreeSet<usize>) -> Proposal {
        let addresses: BTreeSet<&str> = applied
            .iter()
            .filter_map(|place| self.changes.get(*place))
            .map(|change| change.address.as_str())
            .collect();
        let mut untold = self.deferred.clone();
        let mut before = Vec::new();
        let mut after = Vec::new();
        for (address, sides) in &self.resources {
            if sides.looked_up && self.is_managed(sides) {
                continue;
            }
            let resource =
                |values: &Value| Resource { kind: sides.kind.clone(), values: values.clone() };
            before.extend(sides.before.as_ref().map(resource));
            if !addresses.contains(address.as_str()) {
                after.extend(sides.before.as_ref().map(resource));
            } else if let Some(values) = &sides.after {
                let values = self.known(address, sides, values, &mut untold);
                after.push(Resource { kind: sides.kind.clone(), values });
            }
        }
        known::settle(&mut after);
        let stubs = stubs::of(&before, &after);
        before.extend(stubs.iter().cloned());
        after.extend(stubs);
        let (before, after) = (stubs::attached(before), stubs::attached(after));
        let mut overlay = Overlay::new(bodies);
        let edits = overlay::edits(side(before), side(after));
        overlay.apply(edits, &mut untold);
        let mut assumed = BTreeSet::new();
        places::fill(&mut overlay, &mut untold, &mut assumed);
        let taken = kinds();
        for address in addresses {
            let Some(sides) = self.resources.get(address) else { continue };
            if !taken.contains(&sides.kind.as_str()) && is_networked(sides) {
                let why = format!("resources of the type `{}` are not read", sides.kind);
                untold.insert((address.to_owned(), why));
            } else if (MADE.contains(&sides.kind.as_str()) && is_moved(sides)) || is_opened(sides) {
                let why = "what becomes of the attachments that it has is not told".to_owned();
                untold.insert((address.to_owned(), why));
            }
        }
        let (bodies, replaced) = overlay.finish();
        Proposal { bodies, replaced, untold, assumed }
    }

    /// Whether what is looked up is a resource that the plan manages.
    fn is_managed(&self, sides: &Sides) -> bool {
        let id = |values: &Option<Value>| {
            values.as_ref().and_then(|one| text(one, "id")).map(str::to_owned)
        };
        let Some(sought) = id(&sides.before) else { return false };
        let mut managed =
            self.resources.values().filter(|one| !one.looked_up && one.kind == sides.kind);
        managed.any(|one| id(&one.before).as_ref() == Some(&sought))
    }

    /// What a resource holds after, with something in place of what is not known yet.
    fn known(
        &self,
        address: &str,
        sides: &Sides,
        values: &Value,
        untold: &mut BTreeSet<(String, String)>,
    ) -> Value {
        let others = |address: &str| self.resources.get(address);
        let asked = known::Asked { address, kind: &sides.kind, unknown: &sides.unknown };
        let own = self.resources.keys().map(String::as_str).collect();
        known::fill(&asked, values.clone(), &self.configuration, &others, &own, untold)
    }
}

/// The bodies of one side.
fn side(resources: Vec<Resource>) -> Bodies {
    let state = State::new(resources);
    let mut bodies = Bodies::default();
    networks::read(&state, &mut bodies);
    rules::read(&state, &mut bodies);
    gateways::read(&state, &mut bodies);
    machines::read(&state, &mut bodies);
    stores::read(&state, &mut bodies);
    bodies
}

/// The types that are read.
fn kinds() -> Vec<&'static str> {
    let (state, mut bodies) = (State::new(Vec::new()), Bodies::default());
    let readers = [networks::read, rules::read, gateways::read, machines::read, stores::read];
    readers.iter().flat_map(|read| read(&state, &mut bodies)).collect()
}

/// Whether something that is there is taken away, or gets other subnets or groups.
fn is_moved(sides: &Sides) -> bool {
    let Some(before) = &sides.before else { return false };
    let Some(after) = &sides.after else { return true };
    NETWORKED.iter().chain(&MOVING).any(|key| {
        before.get(key) != after.get(key) || sides.unknown.get(key).is_some_and(known::is_unknown)
    })
}

/// Whether a database that is there gets a public address, or loses it: which, no plan tells.
fn is_opened(sides: &Sides) -> bool {
    const KEY: &str = "publicly_accessible";
    let (Some(before), Some(after)) = (&sides.before, &sides.after) else { return false };
    let is_unknown = sides.unknown.get(KEY).is_some_and(known::is_unknown);
    sides.kind == "aws_db_instance" && (before.get(KEY) != after.get(KEY) || is_unknown)
}

/// Whether a resource that is not read could change who reaches whom.
fn is_networked(sides: &Sides) -> bool {
    let has = |value: &Value| {
        NETWORKED.iter().any(|key| match value.get(key) {
            None | Some(Value::Null | Value::Bool(false)) => false,
            Some(Value::Array(items)) => !items.is_empty(),
            Some(_) => true,
        })
    };
    sides.before.iter().chain(&sides.after).chain([&sides.unknown]).any(has)
}

/// The resources of a module of the state before, looked-up ones among them: they tell of what the
/// plan's own resources refer to.
fn of_module(module: &Value, found: &mut BTreeMap<String, Sides>) {
    for resource in items(module, "resources") {
        let (Some(kind), Some(address)) = (text(resource, "type"), text(resource, "address"))
        else {
            continue;
        };
        let values = resource.get("values").cloned();
        let sides = Sides {
            kind: kind.to_owned(),
            before: values.clone(),
            after: values,
            unknown: Value::Null,
            looked_up: text(resource, "mode") == Some("data"),
        };
        found.insert(address.to_owned(), sides);
    }
    for child in items(module, "child_modules") {
        of_module(child, found);
    }
}

fn not_one(why: &str) -> ExportError {
    ExportError::NotOne { what: WHAT, why: why.to_owned() }
}

/// Whether an entry tells what is done to which resource.
fn is_change(node: Node<'_>) -> bool {
    let has = |key: &str| node.get(key).and_then(Node::as_str).is_some();
    let actions = node.get("change").and_then(|change| change.get("actions"));
    has("address") && has("type") && actions.is_some_and(|all| all.kind() == Kind::Array)
}

/// Reads a change; nothing where nothing is done to what is deployed.
fn change(node: Node<'_>, resources: &mut BTreeMap<String, Sides>) -> Option<PlannedChange> {
    let field = |key: &str| node.get(key).and_then(Node::as_str);
    let (address, kind) = (field("address")?, field("type")?);
    if field("mode").is_some_and(|mode| mode != "managed") {
        return None;
    }
    // What was to be replaced and was left over is an object of its own.
    let address = match field("deposed") {
        Some(key) => format!("{address} (deposed {key})"),
        None => address.to_owned(),
    };
    let change = node.get("change")?;
    let actions: Vec<&str> =
        change.get("actions").map(|all| all.items().filter_map(Node::as_str).collect())?;
    let has = |action: &str| actions.contains(&action);
    // What is forgotten stays deployed.
    let action = match (has("create"), has("delete"), has("update")) {
        (true, true, _) => Some(PlannedAction::Replace),
        (true, false, _) => Some(PlannedAction::Create),
        (false, true, _) => Some(PlannedAction::Delete),
        (false, false, true) => Some(PlannedAction::Update),
        (false, false, false) => None,
    };
    let side = |key: &str| change.get(key).map(value_of).filter(|value| !value.is_null());
    let (before, after) = (side("before"), side("after"));
    let unknown = change.get("after_unknown").map(value_of).unwrap_or_default();
    let after = if action.is_none() { before.clone() } else { after };
    let sides = Sides { kind: kind.to_owned(), before, after, unknown, looked_up: false };
    resources.insert(address.clone(), sides);
    let (kind, span) = (kind.to_owned(), node.span());
    action.map(|action| PlannedChange { address, kind, action, span })
}
