//! The JSON tree agrees with `serde_json` on what is JSON and on every value in it.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use proptest::prelude::*;
use serde_json::Value;
use watertight_source::{FileId, Kind, Limits, Node, ParseError, ParseReason, Span, Tree};

const FILE: FileId = FileId(0);

fn parse(text: &str) -> Result<Tree, ParseError> {
    Tree::parse_json(FILE, text, &Limits::default())
}

fn slice(text: &str, span: Span) -> &str {
    let start = usize::try_from(span.start).unwrap();
    text.get(start..usize::try_from(span.end).unwrap()).expect("a span lies on characters")
}

/// Asserts that the node is the value, and that its span holds just its text.
fn assert_same(text: &str, node: Node<'_>, value: &Value) {
    let reread: Value = serde_json::from_str(slice(text, node.span())).unwrap();
    assert_eq!(&reread, value);
    match value {
        Value::Null => assert!(node.is_null()),
        Value::Bool(value) => assert_eq!(node.as_bool(), Some(*value)),
        Value::Number(number) => {
            // The twin reads minus zero as a fraction; it is an integer.
            if node.number_text() != Some("-0") {
                assert_eq!(node.as_i64(), number.as_i64());
                assert_eq!(node.as_u64(), number.as_u64());
            }
            assert_eq!(node.as_f64(), number.as_f64());
        }
        Value::String(value) => assert_eq!(node.as_str(), Some(value.as_str())),
        Value::Array(values) => {
            assert_eq!((node.kind(), node.len()), (Kind::Array, values.len()));
            node.items().zip(values).for_each(|(item, value)| assert_same(text, item, value));
        }
        Value::Object(fields) => {
            assert_eq!((node.kind(), node.len()), (Kind::Object, fields.len()));
            for (entry, (key, value)) in node.entries().zip(fields) {
                assert_eq!(entry.key, key);
                let reread: String = serde_json::from_str(slice(text, entry.key_span)).unwrap();
                assert_eq!(&reread, key);
                assert_eq!(node.get(key), Some(entry.value));
                assert_same(text, entry.value, value);
            }
        }
    }
}

/// Asserts that both readers accept or both reject, with the differences that are meant.
fn assert_agreement(text: &str) {
    let twin = serde_json::from_str::<Value>(text.strip_prefix('\u{feff}').unwrap_or(text));
    match (parse(text), twin) {
        (Ok(tree), Ok(value)) => {
            if !text.starts_with('\u{feff}') {
                assert_same(text, tree.root(), &value);
            }
        }
        (Err(error), Ok(_)) => {
            // The twin keeps the last of two equal keys; here they are an error.
            assert!(matches!(error.reason, ParseReason::DuplicateKey { .. }), "{text}: {error}");
            let key = |span| serde_json::from_str::<String>(slice(text, span)).unwrap();
            let first = error.related.unwrap();
            assert!(first < error.span && key(first) == key(error.span));
        }
        // The twin has no number beyond 64 bits.
        (Ok(_), Err(error)) => {
            assert!(error.to_string().contains("out of range"), "{text}: {error}");
        }
        (Err(error), Err(_)) => {
            let span = error.span;
            assert!(span.start <= span.end && slice(text, span).len() <= text.len());
        }
    }
}

fn values() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        prop::collection::vec(any::<char>(), 0..12).prop_map(String::from_iter),
        prop::collection::vec(
            prop::sample::select(vec!['a', '"', '\\', '\n', '\u{0}', '\u{1f600}', '/']),
            0..20
        )
        .prop_map(String::from_iter),
    ];
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>()
            .prop_filter("JSON has finite numbers", |value| value.is_finite())
            .prop_map(Value::from),
        text.clone().prop_map(Value::from),
    ];
    scalar.prop_recursive(6, 80, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            prop::collection::vec((text.clone(), inner), 0..8)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// Bits of JSON in any order: mostly not JSON, but close to it.
fn almost_json() -> impl Strategy<Value = String> {
    let bits = [
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"a\"",
        "\"b\"",
        "\"\\u0061\"",
        "\"",
        "\\",
        "\\ud800",
        "null",
        "tru",
        "true",
        "false",
        "0",
        "-",
        "1",
        "12",
        ".5",
        "e",
        "E+3",
        "1e999",
        " ",
        "\n",
        "\t",
        "\u{feff}",
        "\u{e9}",
        "\u{1}",
        "+",
        "{\"a\":",
        "[1,",
        "}]",
        ",\"b\":",
        "]}",
    ];
    prop::collection::vec(prop::sample::select(bits.to_vec()), 0..12).prop_map(|bits| bits.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn written_values_are_read_back(value in values(), pretty in any::<bool>()) {
        let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) };
        let text = text.unwrap();
        let tree = parse(&text).unwrap();
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_same(&text, tree.root(), &value);
    }

    #[test]
    fn a_damaged_text_is_judged_as_the_twin_does(
        value in values(),
        place in any::<prop::sample::Index>(),
        cut in 0..3usize,
        patch in "[\\[\\]{}:,\"\\\\0-9a-z \n.-]{0,3}",
    ) {
        let text = value.to_string();
        let mut characters: Vec<char> = text.chars().collect();
        let start = place.index(characters.len() + 1);
        let end = (start + cut).min(characters.len());
        characters.splice(start..end, patch.chars());
        assert_agreement(&String::from_iter(characters));
    }

    #[test]
    fn almost_json_is_judged_as_the_twin_does(text in almost_json()) {
        assert_agreement(&text);
    }

    #[test]
    fn json_is_yaml_with_the_same_strings_and_shape(value in values()) {
        let text = value.to_string();
        // YAML has no raw characters outside of its printable set, and keys of at most 1024 characters.
        let printable = text.chars().all(|c| matches!(c, '\t' | ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}'));
        prop_assume!(printable && text.len() < 900);
        let json = parse(&text).unwrap();
        let yaml = Tree::parse_yaml_documents(FILE, text.as_str(), &Limits::default()).unwrap();
        prop_assert_eq!(yaml.len(), 1);
        assert_equal_shape(json.root(), yaml[0].root());
    }
}

fn assert_equal_shape(json: Node<'_>, yaml: Node<'_>) {
    assert_eq!((json.kind(), json.len(), json.as_str()), (yaml.kind(), yaml.len(), yaml.as_str()));
    assert_eq!((json.as_i64(), json.as_u64()), (yaml.as_i64(), yaml.as_u64()));
    assert_eq!(json.span(), yaml.span());
    json.items().zip(yaml.items()).for_each(|(one, other)| assert_equal_shape(one, other));
    for (one, other) in json.entries().zip(yaml.entries()) {
        assert_eq!((one.key, one.key_span), (other.key, other.key_span));
        assert_equal_shape(one.value, other.value);
    }
}
