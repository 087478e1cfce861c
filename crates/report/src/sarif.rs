//! What all SARIF logs share, and references to files.
//!
//! Source: OASIS Static Analysis Results Interchange Format (SARIF) 2.1.0.

use serde_json::{Value, json};

/// A log of one run of the program.
pub(crate) fn log(rules: Vec<Value>, results: Vec<Value>) -> Value {
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "watertight",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

/// A path as a reference of RFC 3986: what could be taken for something else is escaped.
pub fn uri(path: &str) -> String {
    let mut uri = String::new();
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            let digit = |four: u8| char::from_digit(u32::from(four), 16).unwrap_or('0');
            uri.extend(
                ['%', digit(byte >> 4), digit(byte & 15)].map(|one| one.to_ascii_uppercase()),
            );
        }
    }
    uri
}
