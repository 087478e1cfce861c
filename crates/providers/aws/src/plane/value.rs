//! Trees as values.

use serde_json::Value;
use watertight_source::{Kind, Node};

/// A tree as a value, without its positions. The tree's limits bound its depth.
pub fn value_of(node: Node<'_>) -> Value {
    match node.kind() {
        Kind::Null => Value::Null,
        Kind::Bool => node.as_bool().map_or(Value::Null, Value::Bool),
        Kind::Number => serde_json::from_str(node.raw()).unwrap_or(Value::Null),
        Kind::String => Value::from(node.as_str().unwrap_or_default()),
        Kind::Array => node.items().map(value_of).collect(),
        Kind::Object => {
            let entries = node.entries().map(|entry| (entry.key.to_owned(), value_of(entry.value)));
            Value::Object(entries.collect())
        }
    }
}
