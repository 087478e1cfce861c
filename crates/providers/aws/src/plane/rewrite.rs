//! What the provider holds now, with rendered bodies in place of what they replace.

use std::collections::{BTreeMap, BTreeSet};

use watertight_compile::RenderedBody;
use watertight_source::{FileId, Kind, Limits, Node, Tree};

use crate::Body;

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
    /// For the groups of interfaces that services own, the ids that come in their place: nothing
    /// where two such interfaces differ afterwards. A service's own body tells its groups too.
    by_groups: BTreeMap<BTreeSet<String>, Option<Vec<String>>>,
}

/// Keys under which services' bodies list their groups.
const LISTS: [&str; 4] = ["VpcSecurityGroups", "SecurityGroups", "SecurityGroupIds", "Groups"];

/// Keys of a group's id in such lists.
const IDS: [&str; 3] = ["GroupId", "VpcSecurityGroupId", "SecurityGroupId"];

/// The ids in a list of groups, and the key under which each stands, if they are objects.
fn ids_of(list: Node<'_>) -> Option<(Vec<String>, Option<&'static str>)> {
    let mut ids = Vec::new();
    let mut found = None;
    for item in list.items() {
        if let Some(id) = item.as_str() {
            ids.push(id.to_owned());
            continue;
        }
        let key = IDS.into_iter().find(|key| item.get(key).is_some())?;
        ids.push(item.get(key).and_then(Node::as_str)?.to_owned());
        found = Some(key);
    }
    (!ids.is_empty()).then_some((ids, found))
}

impl Carried {
    /// Learns which groups of services are replaced by which.
    fn learn(&mut self, node: Node<'_>) {
        let interfaces = node.get("NetworkInterfaces").map(Node::items);
        for interface in interfaces.into_iter().flatten() {
            let is_service = interface.get("RequesterManaged").and_then(Node::as_bool);
            let id = interface.get("NetworkInterfaceId").and_then(Node::as_str);
            let new = id.and_then(|id| self.by_interface.get(id)).cloned();
            let old = interface.get("Groups").and_then(ids_of);
            let (Some(true), Some(new), Some((old, _))) = (is_service, new, old) else { continue };
            let new = Tree::parse_json(FileId(u32::MAX), new, &Limits::default());
            let new = new.ok().and_then(|tree| ids_of(tree.root())).map(|(ids, _)| ids);
            let known = self.by_groups.entry(old.into_iter().collect());
            known
                .and_modify(|before| {
                    if *before != new {
                        *before = None;
                    }
                })
                .or_insert(new);
        }
    }

    /// What stands in place of a service's list of groups.
    fn replaced(&self, key: &str, list: Node<'_>) -> Option<String> {
        if !LISTS.contains(&key) {
            return None;
        }
        let (ids, key) = ids_of(list)?;
        let new = self.by_groups.get(&ids.into_iter().collect::<BTreeSet<_>>())?.as_ref()?;
        let new: Vec<serde_json::Value> = new
            .iter()
            .map(|id| match key {
                Some(key) => serde_json::json!({ key: id, "Status": "active" }),
                None => serde_json::Value::from(id.as_str()),
            })
            .collect();
        Some(serde_json::Value::from(new).to_string())
    }
}

pub(super) fn bodies<'b>(
    bodies: &'b [Body],
    rendered: &[RenderedBody],
    limits: &Limits,
) -> Rewritten<'b> {
    let mut carried = Carried::default();
    let mut new = Vec::new();
    for one in rendered {
        // Positions in what nobody wrote down are of no use to anybody.
        let Ok(tree) = Tree::parse_json(FileId(u32::MAX), one.text.as_str(), limits) else {
            continue;
        };
        let interfaces = tree.root().get("NetworkInterfaces");
        if let Some(interfaces) = interfaces {
            for interface in interfaces.items() {
                let id = interface.get("NetworkInterfaceId").and_then(Node::as_str);
                if let (Some(id), Some(groups)) = (id, interface.get("Groups")) {
                    carried.by_interface.insert(id.to_owned(), groups.raw().to_owned());
                }
            }
        } else {
            new.push(Body { path: one.path.clone(), tree });
        }
    }
    for body in bodies {
        carried.learn(body.tree.root());
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
        let names = |key: &str| root.raw().contains(key);
        if root.get("SecurityGroups").is_some() || !LISTS.iter().any(|key| names(key)) {
            kept.push(body);
            continue;
        }
        let mut text = String::with_capacity(root.raw().len());
        write(root, &carried, &mut text);
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

/// Writes a value as it stands, but for the groups of interfaces that are to carry others.
fn write(node: Node<'_>, carried: &Carried, text: &mut String) {
    match node.kind() {
        Kind::Array => {
            text.push('[');
            for (at, item) in node.items().enumerate() {
                if at > 0 {
                    text.push(',');
                }
                write(item, carried, text);
            }
            text.push(']');
        }
        Kind::Object => {
            let id = node.get("NetworkInterfaceId").and_then(Node::as_str);
            let groups = id.and_then(|id| carried.by_interface.get(id));
            let is_interface = id.is_some();
            text.push('{');
            for (at, entry) in node.entries().enumerate() {
                if at > 0 {
                    text.push(',');
                }
                text.push_str(&serde_json::Value::from(entry.key).to_string());
                text.push(':');
                match groups {
                    Some(groups) if entry.key == "Groups" => text.push_str(groups),
                    _ => match carried.replaced(entry.key, entry.value) {
                        Some(list) if !is_interface => text.push_str(&list),
                        _ => write(entry.value, carried, text),
                    },
                }
            }
            text.push('}');
        }
        Kind::Null | Kind::Bool | Kind::Number | Kind::String => text.push_str(node.raw()),
    }
}
