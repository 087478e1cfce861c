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

/// A rendered body, read; nothing where it cannot be.
pub(super) fn read(one: &RenderedBody, limits: &Limits) -> Option<Body> {
    // Positions in what nobody wrote down are of no use to anybody.
    let tree = Tree::parse_json(FileId(u32::MAX), one.text.as_str(), limits).ok()?;
    Some(Body { path: one.path.clone(), tree })
}

/// `bodies` as they would be if the provider held what is rendered.
pub(super) fn bodies<'b>(
    bodies: &'b [Body],
    rendered: impl IntoIterator<Item = &'b Body>,
    limits: &Limits,
) -> Rewritten<'b> {
    let (mut carried, mut edges) = (Carried::default(), Edges::default());
    let mut kept = Vec::new();
    for one in rendered {
        let root = one.tree.root();
        if root.get("NetworkAclAssociations").is_some() {
            edges.learn(root);
        } else if ["NetworkInterfaces", "Services"].iter().any(|key| root.get(key).is_some()) {
            carried.learn(root);
        } else {
            edges.learn(root);
            kept.push(one);
        }
    }
    let mut new = Vec::new();
    let wanted = |id: &str| carried.by_resource.get(&(Service::Function, id.to_owned())).cloned();
    for (path, interface) in functions::twins(bodies, &wanted) {
        let text = json!({ "NetworkInterfaces": [interface] }).to_string();
        if let Ok(tree) = Tree::parse_json(FileId(u32::MAX), text, limits) {
            new.push(Body { path, tree });
        }
    }
    let rendered = kept.iter().copied().chain(&new);
    let groups = rendered.flat_map(|body| groups_of(body.tree.root()));
    let replaced: BTreeSet<String> = groups.map(ToOwned::to_owned).collect();
    for body in bodies {
        let root = body.tree.root();
        if groups_of(root).any(|id| replaced.contains(id)) {
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
        let mut copy = Copy::of(root);
        write((None, root), (&carried, &Scope::of_path(&body.path)), &mut copy);
        match Tree::parse_json(body.tree.file(), copy.finish(), limits) {
            Ok(tree) => new.push(Body { path: body.path.clone(), tree }),
            Err(_) => kept.push(body),
        }
    }
    Rewritten { kept, new }
}

/// The ids of the groups that a body describes.
fn groups_of<'t>(root: Node<'t>) -> impl Iterator<Item = &'t str> {
    let groups = root.get("SecurityGroups").into_iter().flat_map(Node::items);
    groups.filter_map(|group| group.get("GroupId").and_then(Node::as_str))
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

/// A text in which some values are others: what is between them is copied at once.
struct Copy<'t> {
    old: &'t str,
    /// Where the old text begins in its file, and to where in it the new one has got.
    start: u32,
    at: u32,
    new: String,
}

impl<'t> Copy<'t> {
    fn of(root: Node<'t>) -> Self {
        let (old, start) = (root.raw(), root.span().start);
        Self { old, start, at: start, new: String::with_capacity(old.len()) }
    }

    /// Goes on to a place in the file.
    fn up_to(&mut self, place: u32) {
        let offset = |place: u32| usize::try_from(place.saturating_sub(self.start)).ok();
        let part = offset(self.at).zip(offset(place));
        let part = part.and_then(|(from, to)| self.old.get(from..to));
        self.new.push_str(part.unwrap_or_default());
        self.at = place;
    }

    /// Puts a text in the place of a value that is behind all before.
    fn put(&mut self, value: Node<'_>, text: &str) {
        let span = value.span();
        self.up_to(span.start);
        self.new.push_str(text);
        self.at = span.end;
    }

    fn finish(mut self) -> String {
        let end = u32::try_from(self.old.len()).unwrap_or(u32::MAX);
        self.up_to(self.start.saturating_add(end));
        self.new
    }
}

/// Copies a value as it stands, but for the groups of interfaces and resources that are to carry
/// others. `list` is the key of the list in which the value is, `scope` where its body is from.
fn write(
    (list, node): (Option<&str>, Node<'_>),
    (carried, scope): (&Carried, &Scope),
    copy: &mut Copy<'_>,
) {
    match node.kind() {
        Kind::Array => {
            for item in node.items() {
                write((list, item), (carried, scope), copy);
            }
        }
        Kind::Object => {
            let id = node.get("NetworkInterfaceId").and_then(Node::as_str);
            let interface = id.and_then(|id| carried.by_interface.get(id));
            let resource = carried.of_item(list, node, scope);
            if let Some(body) =
                resource.and_then(|(service, groups)| service.nested(&value_of(node), groups))
            {
                copy.put(node, &body.to_string());
                return;
            }
            let resource = resource.map(|(_, groups)| groups);
            for entry in node.entries() {
                match (interface, resource) {
                    (_, Some(groups)) if LISTS.contains(&entry.key) => {
                        copy.put(entry.value, &written(entry.value, groups));
                    }
                    (Some(groups), None) if entry.key == "Groups" => copy.put(entry.value, groups),
                    _ => write((Some(entry.key), entry.value), (carried, scope), copy),
                }
            }
        }
        Kind::Null | Kind::Bool | Kind::Number | Kind::String => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a body comes to with the groups of one interface, and with nothing that has others.
    fn copied(text: &str, groups: &[(&str, &str)]) -> String {
        let tree = Tree::parse_json(FileId(0), text, &Limits::default()).unwrap();
        let by_interface = groups.iter().map(|(id, to)| ((*id).to_owned(), (*to).to_owned()));
        let carried = Carried { by_interface: by_interface.collect(), ..Carried::default() };
        let mut copy = Copy::of(tree.root());
        write((None, tree.root()), (&carried, &Scope::of_path("raw/aws/a.json")), &mut copy);
        copy.finish()
    }

    #[test]
    fn what_carries_nothing_else_is_copied_letter_by_letter() {
        let text = "\u{feff} {\"a\\u0062\": [1, \"\u{e9}\\n\", {}], \"Groups\": [ ] } ";
        assert_eq!(copied(text, &[]), text.trim_matches(['\u{feff}', ' ']));
    }

    #[test]
    fn only_the_groups_of_an_interface_are_others() {
        let text = r#"
            {"NetworkInterfaces": [
                {"Groups": [{"GroupId": "sg-1"}], "NetworkInterfaceId": "eni-1", "Tags": ["é"]},
                {"Groups": [{"GroupId": "sg-1"}], "NetworkInterfaceId": "eni-2"},
                {"Inner": {"NetworkInterfaceId": "eni-1", "Groups": null}, "Groups": []}
            ]}"#;
        let new = copied(text, &[("eni-1", r#"[{"GroupId":"sg-9"}]"#)]);
        let new: Value = serde_json::from_str(&new).unwrap();
        let mut wanted: Value = serde_json::from_str(text).unwrap();
        let groups = json!([{"GroupId": "sg-9"}]);
        wanted["NetworkInterfaces"][0]["Groups"] = groups.clone();
        wanted["NetworkInterfaces"][2]["Inner"]["Groups"] = groups;
        assert_eq!(new, wanted);
    }
}
