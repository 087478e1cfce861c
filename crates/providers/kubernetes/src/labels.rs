//! Labels and label selectors as objects write them.

use std::collections::BTreeSet;

use watertight_model::Name;
use watertight_source::Node;

use crate::codes;
use crate::fields::Notes;
use crate::selector::{LabelMap, Selector};

/// The labels under a key: a map from strings to strings.
pub(crate) fn read(notes: &mut Notes, node: Node<'_>, key: &str) -> LabelMap {
    let Some(labels) = notes.take(node.object_field(key)) else { return LabelMap::new() };
    let mut found = LabelMap::new();
    for entry in labels.entries() {
        match entry.value.to_str() {
            Ok(value) => {
                found.insert(Name::from(entry.key), Name::from(value));
            }
            Err(error) => notes.diagnostics.push(error),
        }
    }
    found
}

/// A `LabelSelector`: an empty one holds for everything; every part must hold. Nothing when it
/// cannot be read, which is noted.
///
/// Source: Kubernetes API reference, `LabelSelector`: "The result of matchLabels and
/// matchExpressions are `ANDed`. An empty label selector matches all objects."
pub(crate) fn selector(notes: &mut Notes, node: Node<'_>) -> Option<Selector> {
    if node.is_null() {
        return Some(Selector::Everything);
    }
    let before = notes.diagnostics.errors();
    notes.only(node, &["matchLabels", "matchExpressions"]);
    if let Err(error) = node.to_object() {
        notes.diagnostics.push(error);
        return None;
    }
    let equal = read(notes, node, "matchLabels");
    let mut parts: Vec<Selector> =
        equal.iter().map(|(key, value)| Selector::is(key, value)).collect();
    for expression in notes.items(node, "matchExpressions") {
        parts.extend(requirement(notes, expression));
    }
    (notes.diagnostics.errors() == before).then(|| Selector::all(parts))
}

fn requirement(notes: &mut Notes, node: Node<'_>) -> Option<Selector> {
    let key = Name::from(required(notes, node, "key")?);
    let operator = required(notes, node, "operator")?;
    let values: BTreeSet<Name> = notes
        .items(node, "values")
        .into_iter()
        .filter_map(|value| match value.to_str() {
            Ok(text) => Some(Name::from(text)),
            Err(error) => {
                notes.diagnostics.push(error);
                None
            }
        })
        .collect();
    let takes_values = matches!(operator, "In" | "NotIn");
    if takes_values == values.is_empty() {
        let needs = if takes_values { "needs values" } else { "takes no values" };
        notes.error(codes::BAD_VALUE, node.span(), format!("the operator `{operator}` {needs}"));
        return None;
    }
    match operator {
        "In" => Some(Selector::In(key, values)),
        "NotIn" => Some(Selector::In(key, values).negated()),
        "Exists" => Some(Selector::Exists(key)),
        "DoesNotExist" => Some(Selector::Exists(key).negated()),
        other => {
            let message = format!(
                "the operator `{other}` is none of `In`, `NotIn`, `Exists` and `DoesNotExist`"
            );
            notes.error(codes::BAD_VALUE, node.span(), message);
            None
        }
    }
}

fn required<'t>(notes: &mut Notes, node: Node<'t>, key: &str) -> Option<&'t str> {
    match node.req_str(key) {
        Ok(text) => Some(text),
        Err(error) => {
            notes.diagnostics.push(error);
            None
        }
    }
}
