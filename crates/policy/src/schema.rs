//! The JSON Schema of a policy's documents, for editors.
//!
//! It says what one document alone can get wrong in its structure: fields, types, words, what must
//! be there, what goes together. Whether a name leads anywhere, and what a text in a value is, is for
//! [`check`](crate::check) to say.

mod parts;

use serde_json::{Map, Value, json};

use crate::read::API_VERSION;
use crate::syntax::Kind;

/// The schema (JSON Schema, draft 2020-12). A document fits, and so does a list of them.
pub fn schema() -> Value {
    let kinds: Vec<&str> = Kind::ALL.iter().map(|kind| kind.word()).collect();
    let specs: Vec<Value> = Kind::ALL
        .iter()
        .map(|kind| {
            let word = kind.word();
            json!({
                "if": {"properties": {"kind": {"const": word}}},
                "then": {"properties": {"spec": parts::reference(word)}},
            })
        })
        .collect();
    let mut all = specs;
    all.push(parts::segment_members());
    all.push(parts::exception_owner());
    let mut definitions = Map::new();
    definitions.insert(
        String::from("document"),
        json!({
            "type": "object",
            "properties": {
                "apiVersion": {"const": API_VERSION},
                "kind": {"description": "What the document declares.", "enum": kinds},
                "metadata": parts::reference("metadata"),
                "spec": {"type": "object"},
            },
            "required": ["apiVersion", "kind", "metadata", "spec"],
            "additionalProperties": false,
            "allOf": all,
        }),
    );
    definitions.extend(parts::definitions());
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://watertight.io/schema/policy-v1alpha1.json",
        "title": "Watertight policy, v1alpha1",
        "description": "A document of a policy, or a list of documents.",
        "if": {"type": "array"},
        "then": {"items": parts::reference("document")},
        "else": parts::reference("document"),
        "$defs": definitions,
    })
}
