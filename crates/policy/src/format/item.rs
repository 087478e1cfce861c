//! A document as what is written of it: fields and entries, each with its comments.

use watertight_source::{Kind, Node};

use super::{is_free, is_ports, rank, scalar};

/// A comment, or an empty line before something.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Note {
    pub(super) text: String,
    /// Whether an empty line stands before it.
    pub(super) blank: bool,
}

/// What an item holds.
#[derive(Debug)]
pub(super) enum Value {
    Scalar(String),
    List(Vec<usize>),
    Object(Vec<usize>),
}

/// A field of an object, an entry of a list, or the document itself.
#[derive(Debug)]
pub(super) struct Item {
    /// Its key as it is written; `None` in a list, and for the document.
    pub(super) key: Option<String>,
    pub(super) value: Value,
    pub(super) parent: usize,
    pub(super) depth: usize,
    /// Where it starts and ends in the text; empty for what an alias stands for.
    pub(super) start: u32,
    pub(super) end: u32,
    /// Where its value starts.
    pub(super) value_start: u32,
    /// Whether the value is written in brackets.
    pub(super) is_flow: bool,
    /// Whether it stands in the text, and is no copy by an alias.
    pub(super) is_own: bool,
    /// Whether an empty line stands before it.
    pub(super) blank: bool,
    /// Comments in the lines before it.
    pub(super) lead: Vec<Note>,
    /// The comment in its line.
    pub(super) trail: Option<String>,
    /// Comments behind the last thing that it holds.
    pub(super) tail: Vec<Note>,
    /// How wide it is in one line.
    pub(super) width: usize,
    /// Whether it must be written in several lines.
    pub(super) is_long: bool,
}

impl Item {
    /// Whether it is a list or an object that holds nothing.
    pub(super) fn is_empty(&self) -> bool {
        matches!(&self.value, Value::List(inner) | Value::Object(inner) if inner.is_empty())
    }
}

/// Every item of a document; the first is the document.
pub(super) fn items(root: Node<'_>) -> Vec<Item> {
    let mut items = Vec::new();
    let place = Place { key: None, parent: 0, depth: 0, start: root.span().start, is_own: true };
    add(&mut items, root, place, "");
    items
}

struct Place<'k> {
    key: Option<&'k str>,
    parent: usize,
    depth: usize,
    start: u32,
    is_own: bool,
}

/// Adds a value with all that it holds, as deep as the limits of trees allow. `under` is the key by
/// which the value, or the list that it is in, is known.
fn add(items: &mut Vec<Item>, node: Node<'_>, place: Place<'_>, under: &str) -> usize {
    let span = node.span();
    let is_own = place.is_own && span.start >= place.start;
    let end = if is_own { span.end } else { place.start };
    let index = items.len();
    items.push(Item {
        key: place.key.map(scalar::string),
        value: Value::Scalar(String::new()),
        parent: place.parent,
        depth: place.depth,
        start: place.start,
        end,
        value_start: if is_own { span.start } else { place.start },
        is_flow: node.raw().starts_with(['[', '{']),
        is_own: place.is_own && (is_own || place.key.is_some()),
        blank: false,
        lead: Vec::new(),
        trail: None,
        tail: Vec::new(),
        width: 0,
        is_long: false,
    });
    let depth = place.depth + 1;
    let value = match node.kind() {
        Kind::Array => {
            let mut list = Vec::with_capacity(node.len());
            let mut before = span.start;
            for item in node.items() {
                let here = item.span();
                let is_here = is_own && here.start >= before && here.end <= end;
                before = if is_here { here.end } else { before };
                let start = if is_here { here.start } else { before };
                let place = Place { key: None, parent: index, depth, start, is_own: is_here };
                list.push(add(items, item, place, under));
            }
            Value::List(list)
        }
        Kind::Object => {
            let mut fields: Vec<(usize, usize)> = Vec::with_capacity(node.len());
            for entry in node.entries() {
                let start = entry.key_span.start;
                let is_here = is_own && start >= span.start && start < end.max(start + 1);
                let key = Some(entry.key);
                let place = Place { key, parent: index, depth, start, is_own: is_here };
                let order = if is_free(under) { 0 } else { rank(entry.key) };
                fields.push((order, add(items, entry.value, place, entry.key)));
            }
            fields.sort_by_key(|(order, _)| *order);
            Value::Object(fields.into_iter().map(|(_, field)| field).collect())
        }
        _ => Value::Scalar(scalar::written(node, is_ports(under))),
    };
    if let Some(item) = items.get_mut(index) {
        item.value = value;
    }
    index
}
