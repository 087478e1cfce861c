use super::*;
use crate::{Limits, Sources};

/// What is read, or the code of the error, which has a place.
fn read(text: &str) -> Result<EstateDescription, &'static str> {
    let limits = Limits::default();
    let mut sources = Sources::new();
    let file = sources.add("estate.json", text).unwrap();
    let tree = Tree::parse_json(file, sources.contents(file), &limits).unwrap();
    let mut diagnostics = Diagnostics::new(&limits);
    let read = EstateDescription::read(&tree, &mut diagnostics);
    assert_eq!(read.is_none(), diagnostics.has_errors());
    read.ok_or_else(|| {
        let error = &diagnostics.kept()[0];
        assert!(error.span().is_some(), "{text}");
        error.code.as_str()
    })
}

fn with(rest: &str) -> String {
    format!(r#"{{"format": "watertight.estate/v1"{rest}}}"#)
}

#[test]
fn every_field_is_read() {
    let text = with(
        r#", "sources": [{"provider": "aws", "account": "1", "regions": ["r", "s"], "collected": "2026-11-20T06:30:00Z"}],
        "coverage": [{"provider": "aws", "account": "1", "region": "r", "calls": ["a", "b"],
                      "collected": {"a": "2026-11-14T06:30:00Z", "f": {"x": "2026-11-13T06:30:00Z", "y": "2026-11-14T06:30:00Z"}}},
                     {"provider": "aws", "calls": ["c"]}],
        "denied": [{"provider": "aws", "account": "1", "region": "global", "call": "d",
                    "argument": "x y", "error": "AccessDenied"}],
        "failed": [{"call": "e", "more": 7}]"#,
    );
    let description = read(&text).unwrap();
    let source = DescribedSource {
        provider: "aws".to_owned(),
        account: Some("1".to_owned()),
        regions: vec!["r".to_owned(), "s".to_owned()],
        collected: Some("2026-11-20T06:30:00Z".to_owned()),
    };
    assert_eq!(description.sources, [source]);
    let paths: Vec<&str> = description.answered.iter().map(|call| call.path.as_str()).collect();
    assert_eq!(paths, ["raw/aws/1/r/a", "raw/aws/1/r/b", "raw/aws/c"]);
    let kept: Vec<(Option<&str>, &str)> =
        description.kept.iter().map(|one| (one.account.as_deref(), &*one.collected)).collect();
    let times = ["2026-11-14T06:30:00Z", "2026-11-13T06:30:00Z", "2026-11-14T06:30:00Z"];
    assert_eq!(kept, times.map(|time| (Some("1"), time)));
    let denied = UnansweredCall {
        provider: Some("aws".to_owned()),
        account: Some("1".to_owned()),
        region: Some("global".to_owned()),
        call: "d".to_owned(),
        argument: Some("x y".to_owned()),
        error: Some("AccessDenied".to_owned()),
    };
    let failed = UnansweredCall {
        provider: None,
        account: None,
        region: None,
        call: "e".to_owned(),
        argument: None,
        error: None,
    };
    assert_eq!(description.unanswered, [denied, failed]);
}

#[test]
fn the_lists_may_be_absent() {
    assert_eq!(read(&with("")).unwrap(), EstateDescription::default());
    assert_eq!(read(&with(r#", "denied": null"#)).unwrap(), EstateDescription::default());
}

#[test]
fn what_the_format_does_not_allow_is_an_error_with_its_place() {
    for (text, code) in [
        ("[]".to_owned(), "WT0011"),
        ("{}".to_owned(), "WT0012"),
        (r#"{"format": "watertight.estate/v2"}"#.to_owned(), "WT0014"),
        (with(r#", "sources": {}"#), "WT0011"),
        (with(r#", "sources": [{}]"#), "WT0012"),
        (with(r#", "sources": [{"provider": "aws", "regions": [1]}]"#), "WT0011"),
        (with(r#", "sources": [{"provider": "aws", "collected": "today"}]"#), "WT0011"),
        (
            with(r#", "sources": [{"provider": "aws", "collected": "2026-02-03T00:00:00.Z"}]"#),
            "WT0011",
        ),
        (
            with(r#", "sources": [{"provider": "aws", "collected": "2026-02-30T00:00:00Z"}]"#),
            "WT0011",
        ),
        (with(r#", "coverage": [{"calls": []}]"#), "WT0012"),
        (with(r#", "coverage": ["a"]"#), "WT0011"),
        (with(r#", "denied": [7]"#), "WT0011"),
        (with(r#", "denied": [{"call": 1}]"#), "WT0011"),
        (with(r#", "failed": [{"argument": "a"}]"#), "WT0012"),
    ] {
        assert_eq!(read(&text), Err(code), "{text}");
    }
}
