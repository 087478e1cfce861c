//! Finding out what a body is: by its keys, the name of its file and the fields of its items.

use watertight_source::{Diagnostic, Kind as ValueKind, Node};

use crate::codes;
use crate::fields::Fields;
use crate::index::{Collected, Item};
use crate::scope::Scope;
use crate::shapes::{Form, SHAPES, SILENT_KEYS, Shape};

/// Sorts everything that one body holds into the collections.
pub(crate) fn collect<'t>(
    root: Node<'t>,
    scope: &'t Scope,
    collected: &mut Collected<'t>,
    fields: &mut Fields,
) {
    let mut reader = Reader { scope, collected, fields };
    match root.kind() {
        ValueKind::Object => reader.object(unwrapped(root)),
        ValueKind::Array => reader.array(root),
        _ => reader.unrecognised(root),
    }
}

/// The answer inside of a recorded exchange (`{"status_code": 200, "data": {...}}`).
fn unwrapped(root: Node<'_>) -> Node<'_> {
    let data = root.get("data").filter(|data| data.kind() == ValueKind::Object);
    match (root.get("status_code"), data) {
        (Some(_), Some(data)) => data,
        _ => root,
    }
}

struct Reader<'r, 't> {
    scope: &'t Scope,
    collected: &'r mut Collected<'t>,
    fields: &'r mut Fields,
}

impl<'t> Reader<'_, 't> {
    /// A list of bodies (pages, or one for each resource that was asked about), or of resources.
    fn array(&mut self, root: Node<'t>) {
        let hinted = SHAPES.iter().filter(|shape| shape.form == Form::List);
        let hinted = hinted.filter(|shape| has_words(&self.scope.words, shape.call));
        let shape = hinted.max_by_key(|shape| shape.call.len());
        for element in root.items() {
            match shape {
                Some(shape) if holds_resource(element, shape) => {
                    self.collected.mark(shape.kind, self.scope, true);
                    self.item(shape, element, element);
                }
                _ if element.kind() == ValueKind::Object => self.object(unwrapped(element)),
                _ => self.unrecognised(element),
            }
        }
    }

    fn object(&mut self, body: Node<'t>) {
        let mut unread = Vec::new();
        let mut found = false;
        for entry in body.entries() {
            if SILENT_KEYS.contains(&entry.key) {
                found |= entry.key == "ResponseMetadata";
                continue;
            }
            match self.shape_of(body, entry.key, entry.value) {
                Some(shape) => {
                    found = true;
                    self.take(shape, body, entry.value);
                }
                None if matches!(entry.value.kind(), ValueKind::Array | ValueKind::Object) => {
                    unread.push(entry);
                }
                None => {}
            }
        }
        if !found {
            self.unrecognised(body);
            return;
        }
        for entry in unread {
            let message = format!("`{}` is not read", entry.key);
            let diagnostic = Diagnostic::note(codes::UNREAD_KEY, message);
            self.fields.diagnostics.push(diagnostic.with_label(entry.key_span, ""));
        }
    }

    /// The line of the table that a key of a body stands for.
    fn shape_of(&self, body: Node<'t>, key: &str, value: Node<'t>) -> Option<&'static Shape> {
        let mut named: Vec<&'static Shape> = shapes_of_key(key);
        if named.is_empty() && key.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase()) {
            named = shapes_of_key(&camel_case(key));
        }
        let is_empty = value.kind() == ValueKind::Array && value.is_empty();
        let scored = named.iter().filter_map(|shape| {
            Some((self.score(shape, body, value)?, std::cmp::Reverse(shape.kind), *shape))
        });
        let mut scored: Vec<_> = scored.collect();
        scored.sort_by_key(|(score, kind, _)| std::cmp::Reverse((*score, *kind)));
        match scored.as_slice() {
            [(_, _, shape)] => Some(shape),
            [(first, _, shape), (second, _, _), ..] if first > second || is_empty => Some(shape),
            _ => None,
        }
    }

    /// How well a line of the table fits; `None` when it cannot be meant.
    fn score(&self, shape: &Shape, body: Node<'t>, value: Node<'t>) -> Option<u32> {
        let expected = match shape.form {
            Form::List | Form::Nested(_) => value.kind() == ValueKind::Array,
            Form::One => value.kind() == ValueKind::Object,
            Form::Whole => true,
        };
        let hinted = has_words(&self.scope.words, shape.call);
        if !expected && !hinted {
            // A wrong type is reported when the collection is read.
            return (shape.needs.is_empty() && value.is_null()).then_some(0);
        }
        let first = match value.kind() {
            ValueKind::Array => value.items().next(),
            ValueKind::Object => Some(value),
            _ => None,
        };
        let has_needed = first.is_some_and(|first| has_any(first, shape.needs));
        if !shape.needs.is_empty() && !has_needed && !hinted && first.is_some() {
            return None;
        }
        let is_named = shape.form == Form::Whole && has_any(body, shape.ids);
        // A longer call that is in the file's name says more than a shorter one.
        let length = u32::try_from(shape.call.len()).unwrap_or(0);
        let hint = if hinted { 100_u32.saturating_add(length) } else { 0 };
        Some(hint.saturating_add(u32::from(is_named) * 2).saturating_add(u32::from(has_needed)))
    }

    fn take(&mut self, shape: &'static Shape, body: Node<'t>, value: Node<'t>) {
        let is_last = !PAGE_KEYS.iter().any(|key| has_more(body, key));
        self.collected.mark(shape.kind, self.scope, is_last);
        match shape.form {
            Form::Whole => self.item(shape, body, body),
            Form::One => self.item(shape, value, body),
            Form::List => {
                for item in self.fields.keep(value.to_items()).into_iter().flatten() {
                    self.item(shape, item, body);
                }
            }
            Form::Nested(inner) => {
                for holder in self.fields.keep(value.to_items()).into_iter().flatten() {
                    for item in self.fields.list(holder, inner) {
                        self.item(shape, item, holder);
                    }
                }
            }
        }
    }

    fn item(&mut self, shape: &'static Shape, node: Node<'t>, holder: Node<'t>) {
        if self.fields.keep(node.to_object()).is_none() {
            return;
        }
        let id = self.id(shape, node);
        if id.is_empty() && shape.form != Form::Whole && !shape.ids.is_empty() {
            let missing = shape.ids.first().copied().unwrap_or_default();
            self.fields.diagnostics.push(node.missing_field(missing, "a string"));
            return;
        }
        self.collected.push(shape.kind, Item { id, node, holder, scope: self.scope });
    }

    fn id(&mut self, shape: &'static Shape, node: Node<'t>) -> &'t str {
        for field in shape.ids {
            if let Some(id) = self.fields.text(node, field).filter(|id| !id.is_empty()) {
                return id;
            }
        }
        match shape.form {
            Form::Whole => self.scope.parameter(shape.call).unwrap_or_default(),
            _ => "",
        }
    }

    fn unrecognised(&mut self, node: Node<'t>) {
        let message = String::from("this is no answer of a call that is read");
        let diagnostic = Diagnostic::note(codes::UNRECOGNISED, message);
        let help = "name the file after its call, such as `describe-vpcs.json`, if it is one";
        self.fields.diagnostics.push(diagnostic.with_label(node.span(), "").with_help(help));
    }
}

/// The fields of a body that say that another page follows.
const PAGE_KEYS: [&str; 4] = ["NextToken", "nextToken", "Marker", "NextMarker"];

fn has_more(body: Node<'_>, key: &str) -> bool {
    body.get(key).and_then(Node::as_str).is_some_and(|token| !token.is_empty())
}

fn shapes_of_key(key: &str) -> Vec<&'static Shape> {
    SHAPES.iter().filter(|shape| shape.key == key).collect()
}

fn has_any(node: Node<'_>, keys: &[&str]) -> bool {
    keys.iter().any(|key| node.get(key).is_some_and(|value| !value.is_null()))
}

/// Whether an element of a list is itself a resource of this shape, and not a body that holds some.
fn holds_resource(element: Node<'_>, shape: &Shape) -> bool {
    element.get(shape.key).is_none() && has_any(element, shape.ids)
}

/// Whether the words of a path hold those of a call, at the borders of words.
fn has_words(words: &str, call: &str) -> bool {
    words.match_indices(call).any(|(start, _)| {
        let before = words.as_bytes().get(start.wrapping_sub(1));
        let after = words.as_bytes().get(start.saturating_add(call.len()));
        before.is_none_or(|byte| *byte == b'-') && after.is_none_or(|byte| *byte == b'-')
    })
}

/// `internet_gateways` as `InternetGateways`.
fn camel_case(key: &str) -> String {
    let mut name = String::with_capacity(key.len());
    for word in key.split('_') {
        let mut characters = word.chars();
        name.extend(characters.next().map(|first| first.to_ascii_uppercase()));
        name.extend(characters);
    }
    name
}
