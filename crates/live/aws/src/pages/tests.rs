use serde_json::json;

use super::*;

fn pages() -> Pages {
    let texts = |texts: &[&str]| texts.iter().map(ToString::to_string).collect();
    Pages {
        input: texts(&["Marker"]),
        output: texts(&["NextMarker"]),
        results: texts(&["Users", "Roles"]),
        more: Some("IsTruncated".to_owned()),
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        other => panic!("{other} is no object"),
    }
}

#[test]
fn pages_become_one_body_without_tokens() {
    let pages = pages();
    let mut whole = Map::new();
    let first = json!({"Users": [1], "Roles": [], "IsTruncated": true, "NextMarker": "m"});
    let last = json!({"Users": [2], "Roles": [3], "IsTruncated": false, "Other": "o"});
    add(&mut whole, object(first), Some(&pages));
    add(&mut whole, object(last), Some(&pages));
    let expected = json!({"Users": [1, 2], "Roles": [3], "IsTruncated": false, "Other": "o"});
    assert_eq!(Value::Object(whole), expected);
}

#[test]
fn a_token_asks_for_the_next_page() {
    let pages = pages();
    let page = object(json!({"NextMarker": "m", "IsTruncated": true}));
    let expected = Next::Page(Parameters::from([("Marker".to_owned(), json!("m"))]));
    assert_eq!(next(Some(&pages), &page), expected);
    for end in [
        json!({"IsTruncated": true}),
        json!({"NextMarker": ""}),
        json!({"NextMarker": null}),
        json!({"NextMarker": "m", "IsTruncated": false}),
    ] {
        assert_eq!(next(Some(&pages), &object(end)), Next::End);
    }
    assert_eq!(next(None, &page), Next::End);
}
