//! What the provider holds now, with rendered bodies in place of what they replace.

use std::collections::BTreeMap;

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

/// The `Groups` of interfaces, by interface, as text.
type Carried = BTreeMap<String, String>;

pub(super) fn bodies<'b>(
    bodies: &'b [Body],
    rendered: &[RenderedBody],
    limits: &Limits,
) -> Rewritten<'b> {
    let mut carried = Carried::new();
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
                    carried.insert(id.to_owned(), groups.raw().to_owned());
                }
            }
        } else {
            new.push(Body { path: one.path.clone(), tree });
        }
    }
    let mut kept = Vec::new();
    for body in bodies {
        let root = body.tree.root();
        if !root.raw().contains("NetworkInterfaceId") {
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
            let groups = id.and_then(|id| carried.get(id));
            text.push('{');
            for (at, entry) in node.entries().enumerate() {
                if at > 0 {
                    text.push(',');
                }
                text.push_str(&serde_json::Value::from(entry.key).to_string());
                text.push(':');
                match groups {
                    Some(groups) if entry.key == "Groups" => text.push_str(groups),
                    _ => write(entry.value, carried, text),
                }
            }
            text.push('}');
        }
        Kind::Null | Kind::Bool | Kind::Number | Kind::String => text.push_str(node.raw()),
    }
}
