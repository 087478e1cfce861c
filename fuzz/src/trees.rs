//! The JSON and YAML trees against their twin, and against their own text.

use serde_json::Value;
use watertight_source::{
    FileId, Kind, Limits, Node, ParseError, ParseReason, Recovered, Span, Tree,
};

const FILE: FileId = FileId(0);

/// Small enough that a fuzzer reaches each of them.
fn limits() -> Limits {
    Limits {
        depth_max: 100,
        nodes_max: 10_000,
        alias_expansion_max: 500,
        string_bytes_max: 5_000,
        documents_max: 50,
        ..Limits::default()
    }
}

/// JSON is accepted and rejected as `serde_json` does, with the same values, and spans hold the text
/// of what they belong to. The differences that are meant are those of ADR 0002 and the limits.
///
/// # Panics
///
/// When the property does not hold.
pub fn json(data: &[u8]) {
    let parsed = Tree::parse_json(FILE, data, &limits());
    let Ok(text) = str::from_utf8(data) else {
        let error = parsed.err();
        assert!(
            matches!(error, Some(ParseError { reason: ParseReason::NotUtf8, .. })),
            "text that is not UTF-8 gave {error:?}"
        );
        return;
    };
    let body = text.strip_prefix('\u{feff}').unwrap_or(text);
    let twin: Result<Value, _> = serde_json::from_str(body);
    match (parsed, twin) {
        (Ok(tree), Ok(value)) => {
            assert_same(tree.root(), &value);
            assert_inside(text, tree.root(), Span::new(FILE, 0, u32::MAX));
            assert_cut_is_noticed(text, &tree);
        }
        (Ok(_), Err(error)) => {
            let message = error.to_string();
            assert!(message.contains("number out of range"), "only the twin rejects: {message}");
        }
        (Err(error), twin) => {
            assert_error_is_placed(text, &error);
            if twin.is_ok() {
                assert_meant(text, &error);
            }
        }
    }
}

/// Every document of a YAML stream has spans inside of its text, reads the same again, and JSON that
/// is YAML too has the same shape in both.
///
/// # Panics
///
/// When the property does not hold.
pub fn yaml(data: &[u8]) {
    let parsed = Tree::parse_yaml_documents(FILE, data, &limits());
    let Ok(text) = str::from_utf8(data) else {
        assert!(parsed.is_err(), "text that is not UTF-8 was accepted");
        return;
    };
    let Recovered { trees: read, repeating, errors } =
        Tree::parse_yaml_recovering(FILE, data, &limits());
    let trees = match parsed {
        Ok(trees) => {
            assert!(
                errors.is_empty() && repeating.is_empty() && read.len() == trees.len(),
                "only recovering finds {errors:?}"
            );
            trees
        }
        Err(error) => {
            assert_error_is_placed(text, &error);
            // Of what is noticed first only repeated keys stand before it: an object is looked at when it ends.
            assert!(errors.contains(&error), "{error:?} is not among {errors:?}");
            let mut before = errors.iter().take_while(|one| **one != error);
            let is_repeated =
                |one: &ParseError| matches!(one.reason, ParseReason::DuplicateKey { .. });
            assert!(before.all(is_repeated), "before {error:?}: {errors:?}");
            for error in &errors {
                assert_error_is_placed(text, error);
            }
            read
        }
    };
    let nodes: u64 = trees.iter().chain(&repeating).map(Tree::node_count).sum();
    assert!(nodes <= limits().nodes_max, "{nodes} nodes");
    for tree in trees.iter().chain(&repeating) {
        let counted = count(tree.root(), limits().depth_max);
        assert_eq!(counted, tree.node_count(), "nodes that were counted while building");
    }
    // What names a key twice finds the first by it.
    for tree in &trees {
        assert_spans_are_text(text, tree.root());
    }
    let again = Tree::parse_yaml_recovering(FILE, data, &limits()).trees;
    assert_eq!(again.len(), trees.len(), "the number of documents differs between two runs");
    for (one, other) in trees.iter().zip(&again) {
        assert_equal(one.root(), other.root());
    }
    if errors.is_empty()
        && let ([yaml], Ok(json)) = (trees.as_slice(), Tree::parse_json(FILE, data, &limits()))
    {
        assert_equal(yaml.root(), json.root());
    }
}

fn slice(text: &str, span: Span) -> Option<&str> {
    let start = usize::try_from(span.start).ok()?;
    text.get(start..usize::try_from(span.end).ok()?)
}

fn assert_same(node: Node<'_>, value: &Value) {
    match value {
        Value::Null => assert!(node.is_null(), "{node:?} is not null"),
        Value::Bool(value) => assert_eq!(node.as_bool(), Some(*value), "{node:?}"),
        Value::String(value) => assert_eq!(node.as_str(), Some(value.as_str()), "{node:?}"),
        Value::Number(number) => {
            // The twin takes minus zero for a fraction.
            if node.number_text() != Some("-0") {
                assert_eq!(node.as_i64(), number.as_i64(), "{node:?}");
                assert_eq!(node.as_u64(), number.as_u64(), "{node:?}");
            }
            let (ours, twin) = (node.as_f64(), number.as_f64().unwrap_or(f64::NAN));
            let is_close =
                ours.is_some_and(|ours| (ours - twin).abs() <= twin.abs() * 1e-15 + 1e-300);
            assert!(is_close, "{node:?}: {ours:?} and {twin}");
        }
        Value::Array(values) => {
            assert_eq!((node.kind(), node.len()), (Kind::Array, values.len()), "{node:?}");
            node.items().zip(values).for_each(|(item, value)| assert_same(item, value));
        }
        Value::Object(fields) => {
            assert_eq!((node.kind(), node.len()), (Kind::Object, fields.len()), "{node:?}");
            for (entry, (key, value)) in node.entries().zip(fields) {
                assert_eq!(entry.key, key, "{node:?}");
                assert_eq!(node.get(key), Some(entry.value), "{node:?}");
                assert_same(entry.value, value);
            }
        }
    }
}

/// Children lie inside of their parent, in order, without overlap; scalars read back from their span.
fn assert_inside(text: &str, node: Node<'_>, parent: Span) {
    let span = node.span();
    assert!(parent.start <= span.start && span.end <= parent.end, "{node:?} leaves its parent");
    let raw = slice(text, span).unwrap_or_default();
    assert_eq!(raw, node.raw(), "{node:?}");
    if let Kind::String = node.kind() {
        let reread = serde_json::from_str::<String>(raw).ok();
        assert_eq!(reread.as_deref(), node.as_str(), "{node:?} and its text");
    }
    let mut from = span.start;
    let mut child = |place: Span| {
        assert!(from <= place.start && place.start < place.end, "{place:?} is out of order");
        from = place.end;
    };
    for item in node.items() {
        child(item.span());
        assert_inside(text, item, span);
    }
    for entry in node.entries() {
        child(entry.key_span);
        child(entry.value.span());
        let key = slice(text, entry.key_span).and_then(|raw| serde_json::from_str(raw).ok());
        assert_eq!(key, Some(entry.key.to_owned()), "the key of {:?}", entry.value);
        assert_inside(text, entry.value, span);
    }
}

/// Without its last character an array, object or string is cut off, and the error is at the cut.
fn assert_cut_is_noticed(text: &str, tree: &Tree) {
    if let Kind::Array | Kind::Object | Kind::String = tree.root().kind() {
        let cut = tree.root().span().end - 1;
        let shorter = slice(text, Span::new(FILE, 0, cut)).unwrap_or_default();
        let error = Tree::parse_json(FILE, shorter, &limits()).err();
        let place = error.as_ref().map(|error| error.span);
        assert_eq!(place, Some(Span::at(FILE, cut)), "{error:?}");
    }
}

fn assert_error_is_placed(text: &str, error: &ParseError) {
    assert!(slice(text, error.span).is_some(), "{error:?} is not on characters of the text");
    if let Some(span) = error.related {
        assert!(slice(text, span).is_some(), "{error:?} relates to no characters of the text");
    }
    assert!(!error.to_string().is_empty(), "{error:?} says nothing");
}

/// What only we reject: two keys that are equal, or more than a limit allows.
fn assert_meant(text: &str, error: &ParseError) {
    let key = |span| {
        let raw = slice(text, span)?;
        serde_json::from_str::<String>(raw).ok()
    };
    let is_meant = match &error.reason {
        ParseReason::Limit { .. } => true,
        ParseReason::DuplicateKey { .. } => {
            let first = error.related.and_then(key);
            first.is_some() && first == key(error.span)
        }
        _ => false,
    };
    assert!(is_meant, "only we reject: {error}");
}

fn count(node: Node<'_>, depth_left: u32) -> u64 {
    let is_container = matches!(node.kind(), Kind::Array | Kind::Object);
    assert!(depth_left > 0 || !is_container, "{node:?} is deeper than the limit");
    let left = depth_left.saturating_sub(1);
    let items: u64 = node.items().map(|item| count(item, left)).sum();
    let fields: u64 = node.entries().map(|entry| count(entry.value, left)).sum();
    1 + items + fields
}

fn assert_spans_are_text(text: &str, node: Node<'_>) {
    assert_eq!(slice(text, node.span()), Some(node.raw()), "{node:?}");
    node.items().for_each(|item| assert_spans_are_text(text, item));
    let mut keys = Vec::new();
    for entry in node.entries() {
        assert!(slice(text, entry.key_span).is_some(), "{entry:?}");
        assert_eq!(node.get(entry.key), Some(entry.value), "{entry:?} is not found by its key");
        keys.push(entry.key);
        assert_spans_are_text(text, entry.value);
    }
    keys.sort_unstable();
    assert!(keys.is_sorted_by(|one, next| one < next), "{node:?} has equal keys");
}

fn assert_equal(one: Node<'_>, other: Node<'_>) {
    assert_eq!((one.kind(), one.len(), one.as_str()), (other.kind(), other.len(), other.as_str()));
    assert_eq!((one.as_i64(), one.as_u64()), (other.as_i64(), other.as_u64()), "{one:?}");
    assert_eq!((one.as_bool(), one.path()), (other.as_bool(), other.path()), "{one:?}");
    one.items().zip(other.items()).for_each(|(one, other)| assert_equal(one, other));
    for (one, other) in one.entries().zip(other.entries()) {
        assert_eq!(one.key, other.key, "{:?}", one.value);
        assert_equal(one.value, other.value);
    }
}
