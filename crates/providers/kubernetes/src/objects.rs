//! The objects that documents hold.

use std::collections::BTreeMap;

use watertight_model::Name;
use watertight_source::{Diagnostic, Kind, Node, Span, Tree};

use crate::codes;
use crate::fields::Notes;
use crate::labels;
use crate::selector::LabelMap;

/// Lists inside each other; what is deeper is no list of objects that any tool writes.
const LISTS_MAX: u32 = 8;

/// Kinds that live in no namespace.
const CLUSTER_WIDE: [&str; 22] = [
    "Namespace",
    "Node",
    "AdminNetworkPolicy",
    "BaselineAdminNetworkPolicy",
    "ClusterNetworkPolicy",
    "CiliumClusterwideNetworkPolicy",
    "CiliumNode",
    "CiliumCIDRGroup",
    "GlobalNetworkPolicy",
    "GlobalNetworkSet",
    "Tier",
    "GatewayClass",
    "IngressClass",
    "ClusterRole",
    "ClusterRoleBinding",
    "PersistentVolume",
    "StorageClass",
    "PriorityClass",
    "CustomResourceDefinition",
    "HostEndpoint",
    "KubeControllersConfiguration",
    "ClusterUserDefinedNetwork",
];

/// One object.
#[derive(Clone, Debug)]
pub(crate) struct Object<'t> {
    /// Its API group, empty for the core group.
    pub(crate) group: &'t str,
    pub(crate) version: &'t str,
    pub(crate) kind: &'t str,
    /// Its namespace; `default` where a kind that has one leaves it out, empty for kinds that live
    /// in none.
    pub(crate) namespace: Name,
    pub(crate) name: Name,
    pub(crate) labels: LabelMap,
    pub(crate) node: Node<'t>,
    /// Where its name stands.
    pub(crate) span: Span,
}

impl<'t> Object<'t> {
    /// Its `spec`, where it has one.
    pub(crate) fn spec(&self, notes: &mut Notes) -> Option<Node<'t>> {
        notes.take(self.node.object_field("spec"))
    }

    /// Its name with its namespace in front, where it has one.
    pub(crate) fn full_name(&self) -> Name {
        if self.namespace.is_empty() {
            return self.name.clone();
        }
        Name::from(format!("{}/{}", self.namespace, self.name))
    }
}

/// Every object of all documents, ordered by kind, namespace and name; the first of two of the same
/// name and kind counts.
pub(crate) fn read<'t>(documents: &'t [Tree], notes: &mut Notes) -> Vec<Object<'t>> {
    let mut found: Vec<Object<'t>> = Vec::new();
    for document in documents {
        add(document.root(), None, LISTS_MAX, notes, &mut found);
    }
    let mut known: BTreeMap<(&str, &str, Name, Name), Object<'t>> = BTreeMap::new();
    for object in found {
        let key = (object.kind, object.group, object.namespace.clone(), object.name.clone());
        match known.get(&key) {
            None => {
                known.insert(key, object);
            }
            Some(first) if same(first.node, object.node) => {}
            Some(first) => {
                let message =
                    format!("two {} have the name `{}`", plural(object.kind), object.full_name());
                let diagnostic = Diagnostic::error(codes::TWICE, message)
                    .with_label(object.span, "this one is not read")
                    .with_related(first.span, "the other one is here");
                notes.diagnostics.push(diagnostic);
            }
        }
    }
    known.into_values().collect()
}

fn plural(kind: &str) -> String {
    match kind.strip_suffix('y') {
        Some(stem) => format!("{stem}ies"),
        None => format!("{kind}s"),
    }
}

/// Whether two nodes hold the same values.
fn same(one: Node<'_>, other: Node<'_>) -> bool {
    if one.kind() != other.kind() || one.len() != other.len() {
        return false;
    }
    match one.kind() {
        Kind::Object => one
            .entries()
            .all(|entry| other.get(entry.key).is_some_and(|value| same(entry.value, value))),
        Kind::Array => one.items().zip(other.items()).all(|(one, other)| same(one, other)),
        Kind::String => one.as_str() == other.as_str(),
        Kind::Null | Kind::Bool | Kind::Number => one.raw() == other.raw(),
    }
}

/// Adds an object, or the items of a list; `of` is what a typed list says of its items.
fn add<'t>(
    node: Node<'t>,
    of: Option<(&'t str, &'t str)>,
    depth: u32,
    notes: &mut Notes,
    found: &mut Vec<Object<'t>>,
) {
    if node.is_null() {
        return;
    }
    if node.kind() != Kind::Object {
        let message = format!("the document is {}, no Kubernetes object", node.describe());
        return notes.warn(codes::NO_OBJECT, node.span(), message);
    }
    let own = |key| node.get(key).and_then(Node::as_str);
    let version = own("apiVersion").or(of.map(|(version, _)| version));
    let kind = own("kind").or(of.map(|(_, kind)| kind));
    let (Some(version), Some(kind)) = (version, kind) else {
        let message = "the document has no `apiVersion` or no `kind`: it is not read";
        return notes.warn(codes::NO_OBJECT, node.span(), message);
    };
    let item_kind = kind.strip_suffix("List");
    if let (Some(item_kind), Some(items)) = (item_kind, node.get("items")) {
        let Some(depth) = depth.checked_sub(1) else {
            let message = "lists lie in lists too deep to be read";
            return notes.error(codes::NO_OBJECT, node.span(), message);
        };
        match items.to_items() {
            Ok(items) => {
                let of = (!item_kind.is_empty()).then_some((version, item_kind));
                for item in items {
                    add(item, of, depth, notes, found);
                }
            }
            // An empty list of Go is `null`.
            Err(_) if items.is_null() => {}
            Err(error) => notes.diagnostics.push(error),
        }
        return;
    }
    found.extend(object(node, (version, kind), notes));
}

fn object<'t>(
    node: Node<'t>,
    (api_version, kind): (&'t str, &'t str),
    notes: &mut Notes,
) -> Option<Object<'t>> {
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let metadata = notes.take(node.object_field("metadata"));
    let name = metadata.and_then(|metadata| {
        let name = notes.take(metadata.str_field("name"));
        name.or_else(|| notes.take(metadata.str_field("generateName")))
    });
    let (Some(metadata), Some(name)) = (metadata, name) else {
        let message = format!("the {kind} has no name: it is not read");
        notes.warn(codes::NO_OBJECT, node.span(), message);
        return None;
    };
    let namespace = if CLUSTER_WIDE.contains(&kind) {
        Name::from("")
    } else {
        let given = notes.name(metadata, "namespace").filter(|given| !given.is_empty());
        given.unwrap_or_else(|| Name::from("default"))
    };
    let labels = labels::read(notes, metadata, "labels");
    let span = metadata.get("name").map_or(node.span(), Node::span);
    Some(Object { group, version, kind, namespace, name: Name::from(name), labels, node, span })
}
