//! The part of JSON Schema that the published schemas use, checked.

use serde_json::Value;

/// What of `value` is not as `schema` says, each with its path.
///
/// # Panics
/// When the schema uses a keyword that is not checked here: a check that looks away is none.
pub(crate) fn check(schema: &Value, value: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    visit(schema, schema, value, "$", &mut wrong);
    wrong
}

fn visit(root: &Value, schema: &Value, value: &Value, path: &str, wrong: &mut Vec<String>) {
    for (keyword, wanted) in schema.as_object().unwrap() {
        let holds = match keyword.as_str() {
            "$schema" | "$id" | "$defs" | "title" | "description" => true,
            "$ref" => {
                let pointer = wanted.as_str().unwrap().strip_prefix('#').unwrap();
                visit(root, root.pointer(pointer).unwrap(), value, path, wrong);
                true
            }
            "anyOf" => wanted.as_array().unwrap().iter().any(|one| {
                let mut inner = Vec::new();
                visit(root, one, value, path, &mut inner);
                inner.is_empty()
            }),
            "type" => match wanted {
                Value::Array(types) => types.iter().any(|one| is_a(value, one.as_str().unwrap())),
                one => is_a(value, one.as_str().unwrap()),
            },
            "const" => value == wanted,
            "enum" => wanted.as_array().unwrap().contains(value),
            "minimum" => value.as_f64().is_none_or(|own| own >= wanted.as_f64().unwrap()),
            "maximum" => value.as_f64().is_none_or(|own| own <= wanted.as_f64().unwrap()),
            "pattern" => value.as_str().is_none_or(is_technique),
            "items" => {
                for (place, one) in value.as_array().into_iter().flatten().enumerate() {
                    visit(root, wanted, one, &format!("{path}[{place}]"), wrong);
                }
                true
            }
            "properties" => {
                for (name, one) in value.as_object().into_iter().flatten() {
                    if let Some(of) = wanted.get(name) {
                        visit(root, of, one, &format!("{path}.{name}"), wrong);
                    }
                }
                true
            }
            "required" => value.as_object().is_none_or(|own| {
                wanted
                    .as_array()
                    .unwrap()
                    .iter()
                    .all(|name| own.contains_key(name.as_str().unwrap()))
            }),
            "additionalProperties" => {
                assert_eq!(*wanted, Value::Bool(false));
                let known = schema["properties"].as_object().unwrap();
                value.as_object().is_none_or(|own| own.keys().all(|name| known.contains_key(name)))
            }
            other => panic!("the keyword `{other}` is not checked"),
        };
        if !holds {
            let text: String = value.to_string().chars().take(80).collect();
            wrong.push(format!("{path}: {keyword} of {text}"));
        }
    }
}

fn is_a(value: &Value, name: &str) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => panic!("the type `{other}` is not known"),
    }
}

/// The one pattern of the published schema: a technique of ATT&CK.
fn is_technique(text: &str) -> bool {
    let digits =
        |text: &str, number| text.len() == number && text.bytes().all(|b| b.is_ascii_digit());
    let Some(rest) = text.strip_prefix('T') else { return false };
    match rest.split_once('.') {
        Some((technique, part)) => digits(technique, 4) && digits(part, 3),
        None => digits(rest, 4),
    }
}
