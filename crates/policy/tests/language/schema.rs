//! The published schema: it takes what a check takes, and refuses what is wrong in structure.

use serde_json::{Map, Value};
use watertight_policy::{Documents, Format, schema};
use watertight_source::{Diagnostics, Kind, Limits, Node, Sources, Tree};

/// Whether a value fits a schema.
///
/// # Panics
/// When the schema uses a keyword that is not checked here: a check that looks away is none.
fn fits(root: &Value, schema: &Value, value: &Value) -> bool {
    if let Value::Bool(fits) = schema {
        return *fits;
    }
    let each = |list: &Value| -> usize {
        list.as_array().unwrap().iter().filter(|one| fits(root, one, value)).count()
    };
    let has = |name: &Value| value.get(name.as_str().unwrap()).is_some();
    let size = |wanted: &Value, own: Option<usize>| {
        own.is_none_or(|own| own as u64 >= wanted.as_u64().unwrap())
    };
    schema.as_object().unwrap().iter().all(|(keyword, wanted)| match keyword.as_str() {
        "$schema" | "$id" | "$defs" | "title" | "description" | "then" | "else" => true,
        "$ref" => {
            let pointer = wanted.as_str().unwrap().strip_prefix('#').unwrap();
            fits(root, root.pointer(pointer).unwrap(), value)
        }
        "if" => {
            let branch = if fits(root, wanted, value) { "then" } else { "else" };
            schema.get(branch).is_none_or(|branch| fits(root, branch, value))
        }
        "not" => !fits(root, wanted, value),
        "anyOf" => each(wanted) > 0,
        "oneOf" => each(wanted) == 1,
        "allOf" => each(wanted) == wanted.as_array().unwrap().len(),
        "type" => match wanted {
            Value::Array(types) => types.iter().any(|one| is_a(value, one.as_str().unwrap())),
            one => is_a(value, one.as_str().unwrap()),
        },
        "const" => value == wanted,
        "enum" => wanted.as_array().unwrap().contains(value),
        "minimum" => value.as_i64().is_none_or(|own| own >= wanted.as_i64().unwrap()),
        "maximum" => value.as_i64().is_none_or(|own| own <= wanted.as_i64().unwrap()),
        "minLength" => size(wanted, value.as_str().map(str::len)),
        "minItems" => size(wanted, value.as_array().map(Vec::len)),
        "minProperties" => size(wanted, value.as_object().map(Map::len)),
        "pattern" => value.as_str().is_none_or(|own| matches(wanted.as_str().unwrap(), own)),
        "items" => value.as_array().is_none_or(|own| own.iter().all(|one| fits(root, wanted, one))),
        "properties" => value.as_object().is_none_or(|own| {
            own.iter().all(|(name, one)| wanted.get(name).is_none_or(|of| fits(root, of, one)))
        }),
        "required" => !value.is_object() || wanted.as_array().unwrap().iter().all(has),
        "dependentRequired" => wanted.as_object().unwrap().iter().all(|(field, others)| {
            value.get(field).is_none() || others.as_array().unwrap().iter().all(has)
        }),
        "additionalProperties" => value.as_object().is_none_or(|own| {
            let known =
                |name: &str| schema.get("properties").is_some_and(|of| of.get(name).is_some());
            own.iter().all(|(name, one)| known(name) || fits(root, wanted, one))
        }),
        other => panic!("the keyword `{other}` is not checked"),
    })
}

fn is_a(value: &Value, name: &str) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_u64() || value.is_i64(),
        "boolean" => value.is_boolean(),
        other => panic!("the type `{other}` is not known"),
    }
}

/// The two patterns of the schema, in code.
fn matches(pattern: &str, text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let port = |text: &str| {
        (1..=5).contains(&text.len())
            && !text.starts_with('0')
            && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    match pattern {
        "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$" => {
            (1..=63).contains(&text.len())
                && text.bytes().all(inner)
                && !text.starts_with('-')
                && !text.ends_with('-')
        }
        "^[1-9][0-9]{0,4}(-[1-9][0-9]{0,4})?$" => match text.split_once('-') {
            Some((first, last)) => port(first) && port(last),
            None => port(text),
        },
        other => panic!("the pattern `{other}` is not known"),
    }
}

fn value(node: Node<'_>) -> Value {
    match node.kind() {
        Kind::Null => Value::Null,
        Kind::Bool => Value::Bool(node.as_bool().unwrap()),
        Kind::Number => {
            node.as_i64().map_or_else(|| node.as_f64().unwrap_or(0.5).into(), Value::from)
        }
        Kind::String => Value::from(node.as_str().unwrap()),
        Kind::Array => node.items().map(value).collect(),
        Kind::Object => {
            node.entries().map(|entry| (entry.key.to_owned(), value(entry.value))).collect()
        }
    }
}

/// Each document of a text, with the codes of what is wrong with it alone.
fn documents(text: &str) -> Vec<(String, Value, Vec<String>)> {
    let mut found = Vec::new();
    for part in format!("\n{text}").split("\n---") {
        let (mut sources, mut diagnostics) = (Sources::new(), Diagnostics::default());
        let file = sources.add("a.yaml", part).unwrap();
        let contents = sources.contents(file);
        let Ok(trees) = Tree::parse_yaml_documents(file, contents, &Limits::default()) else {
            continue;
        };
        let Some(tree) = trees.first().filter(|tree| !tree.root().is_null()) else { continue };
        let mut read = Documents::default();
        read.read(file, contents, Format::Yaml, &Limits::default(), &mut diagnostics);
        let codes = diagnostics.kept().iter().map(|one| one.code.to_string()).collect();
        found.push((part.to_owned(), value(tree.root()), codes));
    }
    found
}

#[test]
fn the_schema_takes_every_sound_document() {
    let schema = schema();
    let mut taken = 0;
    for path in ["segments", "rules", "assertions"] {
        let path =
            format!("{}/../../examples/policies/shop/{path}.yaml", env!("CARGO_MANIFEST_DIR"));
        for (text, document, codes) in documents(&std::fs::read_to_string(path).unwrap()) {
            assert_eq!(codes, [""; 0]);
            assert!(fits(&schema, &schema, &document), "{text}");
            assert!(fits(&schema, &schema, &Value::from(vec![document.clone()])), "{text}");
            taken += 1;
        }
    }
    let all = include_str!("every-field.yaml");
    for (text, document, codes) in documents(all) {
        assert_eq!(codes, [""; 0], "{text}");
        assert!(fits(&schema, &schema, &document), "{text}");
        taken += 1;
    }
    assert!(taken >= 25, "{taken}");
}

/// Codes of what is wrong in structure; the others are about what stands in a value, or about two
/// documents.
const STRUCTURAL: [&str; 8] =
    ["WT0011", "WT0012", "WT0300", "WT0301", "WT0302", "WT0303", "WT0308", "WT0315"];

/// Every value with one thing changed somewhere: a field too many, a value gone or of another kind.
fn changed(value: &Value) -> Vec<Value> {
    let mut found: Vec<Value> = ["null", "7", "\"x!\"", "[]", "{}", "true"]
        .iter()
        .map(|text| text.parse().unwrap())
        .collect();
    match value {
        Value::Array(items) => {
            for (place, item) in items.iter().enumerate() {
                found.extend(changed(item).into_iter().map(|one| {
                    let mut items = items.clone();
                    items[place] = one;
                    Value::from(items)
                }));
            }
        }
        Value::Object(fields) => {
            let with = |key: &str, value: Value| {
                let mut fields = fields.clone();
                fields.insert(key.to_owned(), value);
                Value::Object(fields)
            };
            found.push(with("zzz", Value::from("1")));
            for (key, value) in fields {
                let mut without = fields.clone();
                without.remove(key);
                found.push(Value::Object(without));
                found.extend(changed(value).into_iter().map(|one| with(key, one)));
            }
        }
        _ => {}
    }
    found
}

fn codes(document: &Value) -> Vec<String> {
    let (mut sources, mut diagnostics) = (Sources::new(), Diagnostics::default());
    let file = sources.add("a.json", document.to_string()).unwrap();
    let mut read = Documents::default();
    let contents = sources.contents(file);
    read.read(file, contents, Format::Json, &Limits::default(), &mut diagnostics);
    diagnostics.kept().iter().map(|one| one.code.to_string()).collect()
}

/// A document with one thing changed is taken where a check takes it, and refused where that says
/// that the structure is wrong.
#[test]
fn the_schema_refuses_what_is_wrong_in_structure() {
    let schema = schema();
    let mut counts = std::collections::BTreeMap::new();
    let mut wrong = Vec::new();
    for (_, document, _) in documents(include_str!("every-field.yaml")) {
        for changed in
            changed(&document).into_iter().filter(|one| !one.is_array() && !one.is_null())
        {
            let codes = codes(&changed);
            let structural = codes.iter().find(|code| STRUCTURAL.contains(&code.as_str()));
            let is_taken = fits(&schema, &schema, &changed);
            match structural {
                Some(code) if is_taken => wrong.push(format!("{code} is taken: {changed}")),
                None if codes.is_empty() && !is_taken => wrong.push(format!("refused: {changed}")),
                _ => {}
            }
            let code = codes.first().cloned().unwrap_or_default();
            *counts.entry(code).or_insert(0) += 1;
        }
    }
    let shown: Vec<&String> = wrong.iter().take(12).collect();
    assert!(wrong.is_empty(), "{} of {counts:?}: {shown:#?}", wrong.len());
    for code in STRUCTURAL.iter().filter(|code| **code != "WT0300") {
        assert!(counts.contains_key(*code), "{code} in {counts:?}");
    }
    assert!(counts[""] > 100, "{counts:?}");
}

/// `UPDATE=1 cargo test -p watertight-policy --test language schema` writes it anew.
#[test]
fn the_published_schema_is_fresh() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/policy-schema.json");
    let expected = format!("{:#}\n", schema());
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(path, &expected).unwrap();
    }
    assert_eq!(std::fs::read_to_string(path).unwrap_or_default(), expected);
}
