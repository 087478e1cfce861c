//! What the provider holds now, with rendered bodies in place of what they replace.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use watertight_compile::RenderedBody;
use watertight_source::{FileId, Kind, Limits, Node, Tree};

use super::facts::{RESOURCES, mount_target};
use super::functions;
use super::services::{IDS, Service, resource_of};
use super::value::value_of;
use crate::Body;
use crate::scope::Scope;

/// Bodies, some of them new.
pub(super) struct Rewritten<'b> {
    kept: Vec<&'b Body>,
    new: Vec<Body>,
}

impl Rewritten<'_> {
    pub(super) fn all(&self) -> Vec<&Body> {
        self.kept.iter().copied().chain(&self.new).collect()
    }
}

/// What is to be carried.
#[derive(Default)]
struct Carried {
    /// The `Groups` of interfaces, by interface, as text.
    by_interface: BTreeMap<String, String>,
    /// The ids of groups that resources of services set, by kind and id: their own bodies tell them
    /// too, and interfaces that are not in the input are inferred from these.
    by_resource: BTreeMap<(Service, String), Vec<String>>,
}

/// Keys under which bodies list groups.
const LISTS: [&str; 3] = ["VpcSecurityGroups", "SecurityGroups", "Groups"];
/// Keys under which settings in bodies list them.
const NESTED: [&str; 2] = ["securityGroups", "SecurityGroupIds"];

impl Carried {
    /// Learns what a rendered body wants; nothing of a body of groups.
    fn learn(&mut self, root: Node<'_>) {
        let items = |key: &str| root.get(key).into_iter().flat_map(Node::items);
        let text =
            |node: Node<'_>, key: &str| node.get(key).and_then(Node::as_str).map(ToOwned::to_owned);
        for interface in items("NetworkInterfaces") {
            let id = text(interface, "NetworkInterfaceId");
            if let (Some(id), Some(groups)) = (id, interface.get("Groups")) {
                self.by_interface.insert(id, groups.raw().to_owned());
            }
        }
        for resource in items("Services") {
            let kind = resource.get("Kind").and_then(Node::as_str).and_then(Service::of);
            let groups = resource.get("Groups").into_iter().flat_map(Node::items);
            let ids = groups.filter_map(|group| text(group, "GroupId")).collect();
            if let (Some(kind), Some(id)) = (kind, text(resource, "Id")) {
                self.by_resource.insert((kind, id), ids);
            }
        }
    }

    /// The groups of the resource to which an item of a service's list belongs.
    fn of_item(
        &self,
        list: Option<&str>,
        item: Node<'_>,
        scope: &Scope,
    ) -> Option<(Service, &[String])> {
        let list = list.filter(|list| !self.by_resource.is_empty() && RESOURCES.contains(list))?;
        let resource = resource_of(list, &value_of(item), scope)?;
        let groups = self.by_resource.get(&resource)?;
        Some((resource.0, groups))
    }

    /// The body of the groups of a mount target, where a resource sets them.
    fn of_mount_target(&self, body: &Body) -> Option<String> {
        let groups = self.by_resource.get(&(Service::MountTarget, mount_target(body)?))?;
        Some(json!({ "SecurityGroups": groups }).to_string())
    }
}

/// Which network ACLs subnets have.
#[derive(Default)]
struct Edges {
    /// By subnet.
    of: BTreeMap<String, String>,
    /// Those that are rendered.
    ours: BTreeSet<String>,
}

impl Edges {
    /// Learns what a rendered body says.
    fn learn(&mut self, root: Node<'_>) {
        let list = |key: &str| root.get(key).into_iter().flat_map(Node::items).map(value_of);
        let acls: Vec<Value> = list("NetworkAcls").collect();
        let own = acls.iter().filter_map(|acl| acl["Associations"].as_array()).flatten().cloned();
        for one in own.chain(list("NetworkAclAssociations")) {
            let text = |key: &str| one[key].as_str().map(ToOwned::to_owned);
            self.of.extend(text("SubnetId").zip(text("NetworkAclId")));
        }
        let ids = acls.iter().filter_map(|acl| acl["NetworkAclId"].as_str());
        self.ours.extend(ids.map(ToOwned::to_owned));
    }

    /// A body of network ACLs without those that are rendered anew, each with the subnets that have it
    /// then; nothing of any other body.
    fn of_body(&self, root: Node<'_>) -> Option<String> {
        let acls = root.get("NetworkAcls").filter(|_| !self.of.is_empty())?;
        let each = acls
            .items()
            .map(value_of)
            .filter(|acl| acl["NetworkAclId"].as_str().is_none_or(|id| !self.ours.contains(id)));
        let moved = each.map(|mut acl| {
            let id = acl["NetworkAclId"].as_str().unwrap_or_default().to_owned();
            let mut associations = acl["Associations"].as_array().cloned().unwrap_or_default();
            associations.retain(|one| {
                let subnet = one["SubnetId"].as_str();
                subnet.and_then(|subnet| self.of.get(subnet)).is_none_or(|to| *to == id)
            });
            let has = |subnet: &str| associations.iter().any(|one| one["SubnetId"] == subnet);
            let came: Vec<Value> = self
                .of
                .iter()
                .filter(|(subnet, to)| **to == id && !has(subnet))
                .map(|(subnet, to)| json!({"NetworkAclId": to, "SubnetId": subnet}))
                .collect();
            associations.extend(came);
            acl["Associations"] = Value::from(associations);
            acl
        });
        Some(json!({ "NetworkAcls": moved.collect::<Vec<_>>() }).to_string())
    }
}

/// Groups in the form in which a list has them: by their ids, or in objects.
fn written(list: Node<'_>, groups: &[String]) -> String {
    let first = list.items().next();
    let key = first.and_then(|item| IDS.into_iter().find(|key| item.get(key).is_some()));
    let each = groups.iter().map(|id| match key {
        Some(key) => json!({ key: id, "Status": "active" }),
        None => json!(id),
    });
    each.collect::<Value>().to_string()
}

pub(super) fn bodies<'b>(
    bodies: &'b [Body],
    rendered: &[RenderedBody],
    limits: &Limits,
) -> Rewritten<'b> {
    let (mut carried, mut edges) = (Carried::default(), Edges::default());
    let mut new = Vec::new();
    for one in rendered {
        // Positions in what nobody wrote down are of no use to anybody.
        let Ok(tree) = Tree::parse_json(FileId(u32::MAX), one.text.as_str(), limits) else {
            continue;
        };
        if tree.root().get("NetworkAclAssociations").is_some() {
            edges.learn(tree.root());
        } else if ["NetworkInterfaces", "Services"].iter().any(|key| tree.root().get(key).is_some())
        {
            carried.learn(tree.root());
        } else {
            edges.learn(tree.root());
            new.push(Body { path: one.path.clone(), tree });
        }
    }
    let wanted = |id: &str| carried.by_resource.get(&(Service::Function, id.to_owned())).cloned();
    for (path, interface) in functions::twins(bodies, &wanted) {
        let text = json!({ "NetworkInterfaces": [interface] }).to_string();
        if let Ok(tree) = Tree::parse_json(FileId(u32::MAX), text, limits) {
            new.push(Body { path, tree });
        }
    }
    let replaced: BTreeSet<String> =
        new.iter().flat_map(|body| groups_of(body.tree.root())).collect();
    let mut kept = Vec::new();
    for body in bodies {
        let root = body.tree.root();
        if groups_of(root).any(|id| replaced.contains(&id)) {
            let text = without(root, &replaced);
            match Tree::parse_json(body.tree.file(), text, limits) {
                Ok(tree) => new.push(Body { path: body.path.clone(), tree }),
                Err(_) => kept.push(body),
            }
            continue;
        }
        if let Some(text) = edges.of_body(root).or_else(|| carried.of_mount_target(body)) {
            match Tree::parse_json(body.tree.file(), text, limits) {
                Ok(tree) => new.push(Body { path: body.path.clone(), tree }),
                Err(_) => kept.push(body),
            }
            continue;
        }
        let names = |key: &str| root.raw().contains(key);
        let is_told = || LISTS.iter().chain(&NESTED).any(|key| names(key));
        if root.get("SecurityGroups").is_some() || !is_told() {
            kept.push(body);
            continue;
        }
        let mut text = String::with_capacity(root.raw().len());
        write((None, root), (&carried, &Scope::of_path(&body.path)), &mut text);
        match Tree::parse_json(body.tree.file(), text, limits) {
            Ok(tree) => new.push(Body { path: body.path.clone(), tree }),
            Err(_) => kept.push(body),
        }
    }
    Rewritten { kept, new }
}

/// The ids of the groups that a body describes.
fn groups_of(root: Node<'_>) -> impl Iterator<Item = String> {
    let groups = root.get("SecurityGroups").into_iter().flat_map(Node::items);
    groups.filter_map(|group| group.get("GroupId").and_then(Node::as_str).map(ToOwned::to_owned))
}

/// A body of groups without those that are rendered anew.
fn without(root: Node<'_>, replaced: &BTreeSet<String>) -> String {
    let is_kept = |group: &Node<'_>| {
        let id = group.get("GroupId").and_then(Node::as_str);
        id.is_none_or(|id| !replaced.contains(id))
    };
    let groups = root.get("SecurityGroups").into_iter().flat_map(Node::items);
    let kept: Vec<&str> = groups.filter(is_kept).map(Node::raw).collect();
    format!("{{\"SecurityGroups\":[{}]}}", kept.join(","))
}

/// Writes a value as it stands, but for the groups of interfaces and resources that are to carry
/// others. `list` is the key of the list in which the value is, `scope` where its body is from.
fn write(
    (list, node): (Option<&str>, Node<'_>),
    (carried, scope): (&Carried, &Scope),
    text: &mut String,
) {
    match node.kind() {
        Kind::Array => {
            text.push('[');
            for (at, item) in node.items().enumerate() {
                if at > 0 {
                    text.push(',');
                }
                write((list, item), (carried, scope), text);
            }
            text.push(']');
        }
        Kind::Object => {
            let id = node.get("NetworkInterfaceId").and_then(Node::as_str);
            let interface = id.and_then(|id| carried.by_interface.get(id));
            let resource = carried.of_item(list, node, scope);
            if let Some(body) =
                resource.and_then(|(service, groups)| service.nested(&value_of(node), groups))
            {
                text.push_str(&body.to_string());
                return;
            }
            let resource = resource.map(|(_, groups)| groups);
            text.push('{');
            for (at, entry) in node.entries().enumerate() {
                if at > 0 {
                    text.push(',');
                }
                text.push_str(&Value::from(entry.key).to_string());
                text.push(':');
                match (interface, resource) {
                    (_, Some(groups)) if LISTS.contains(&entry.key) => {
                        text.push_str(&written(entry.value, groups));
                    }
                    (Some(groups), None) if entry.key == "Groups" => text.push_str(groups),
                    _ => write((Some(entry.key), entry.value), (carried, scope), text),
                }
            }
            text.push('}');
        }
        Kind::Null | Kind::Bool | Kind::Number | Kind::String => text.push_str(node.raw()),
    }
}
