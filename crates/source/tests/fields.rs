//! Reading fields of known type, and what the errors say.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use watertight_source::{Diagnostic, FileId, Limits, Node, Sources, Span, Tree, render_text};

const TEXT: &str = r#"{"Vpcs": [
  {"VpcId": "vpc-1", "CidrBlock": null, "IsDefault": false, "Size": 7, "Port": 65536,
   "Tags": [{"Key": "Name"}], "Options": {"a b": [1, {"c": "x"}]}, "Share": 0.5, "Debt": -1}
]}"#;

fn tree() -> Tree {
    Tree::parse_json(FileId(0), TEXT, &Limits::default()).unwrap()
}

fn vpc(tree: &Tree) -> Node<'_> {
    tree.root().req_array("Vpcs").unwrap().next().unwrap()
}

#[test]
fn fields_of_the_right_type_are_read() {
    let tree = tree();
    let vpc = vpc(&tree);
    assert_eq!(vpc.str_field("VpcId"), Ok(Some("vpc-1")));
    assert_eq!(vpc.req_str("VpcId"), Ok("vpc-1"));
    assert_eq!(vpc.bool_field("IsDefault"), Ok(Some(false)));
    assert_eq!(vpc.i64_field("Debt"), Ok(Some(-1)));
    assert_eq!((vpc.u64_field("Size"), vpc.u32_field("Size")), (Ok(Some(7)), Ok(Some(7))));
    assert_eq!((vpc.u32_field("Port"), vpc.f64_field("Share")), (Ok(Some(65536)), Ok(Some(0.5))));
    assert_eq!(vpc.req_array("Tags").unwrap().len(), 1);
    assert_eq!(vpc.req_object("Options").unwrap().len(), 1);
    assert_eq!(vpc.req_field("Size").unwrap().to_i64(), Ok(7));
}

#[test]
fn absent_and_null_fields_are_none_or_an_error_when_required() {
    let tree = tree();
    let vpc = vpc(&tree);
    assert_eq!((vpc.str_field("CidrBlock"), vpc.str_field("Nothing")), (Ok(None), Ok(None)));
    assert!(vpc.array_field("CidrBlock").unwrap().is_none());
    assert!(vpc.object_field("Nothing").unwrap().is_none());
    let null = vpc.req_str("CidrBlock").unwrap_err();
    assert_eq!(null.to_string(), "`$.Vpcs[0].CidrBlock`: expected a string, found null");
    assert_eq!((null.missing, null.span.len()), (true, 4));
    let absent = vpc.req_i64("Nothing").unwrap_err();
    assert_eq!(absent.to_string(), "`$.Vpcs[0].Nothing`: expected an integer, found nothing");
    assert_eq!((absent.code().as_str(), absent.span), ("WT0012", vpc.span()));
}

#[test]
fn fields_of_another_type_are_errors_that_say_where() {
    let tree = tree();
    let vpc = vpc(&tree);
    let text = |error: watertight_source::FieldError| error.to_string();
    let error = vpc.str_field("Size").unwrap_err();
    assert_eq!((error.code().as_str(), error.missing, error.span.len()), ("WT0011", false, 1));
    assert_eq!(text(error), "`$.Vpcs[0].Size`: expected a string, found the number `7`");
    assert_eq!(
        text(vpc.u16_field("Port").unwrap_err()),
        "`$.Vpcs[0].Port`: expected an integer from 0 to 65535, found the number `65536`"
    );
    assert_eq!(
        text(vpc.u64_field("Debt").unwrap_err()),
        "`$.Vpcs[0].Debt`: expected an integer from 0, found the number `-1`"
    );
    assert_eq!(
        text(vpc.bool_field("VpcId").unwrap_err()),
        "`$.Vpcs[0].VpcId`: expected a boolean, found the string `vpc-1`"
    );
    assert_eq!(
        text(vpc.array_field("Options").unwrap_err()),
        "`$.Vpcs[0].Options`: expected an array, found an object"
    );
    assert_eq!(
        text(vpc.object_field("Tags").unwrap_err()),
        "`$.Vpcs[0].Tags`: expected an object, found an array"
    );
    let first = vpc.req_field("Options").unwrap().req_array("a b").unwrap().next().unwrap();
    assert_eq!(
        text(first.str_field("x").unwrap_err()),
        "`$.Vpcs[0].Options[\"a b\"][0]`: expected an object, found the number `1`"
    );
}

#[test]
fn long_values_are_shortened_at_a_character() {
    let text = format!("{{\"a\": \"{}\"}}", "\u{e9}".repeat(100));
    let tree = Tree::parse_json(FileId(0), text, &Limits::default()).unwrap();
    let error = tree.root().i64_field("a").unwrap_err();
    assert_eq!(error.found, format!("the string `{}...`", "\u{e9}".repeat(30)));
}

#[test]
fn errors_become_diagnostics_with_line_and_column() {
    let mut sources = Sources::new();
    let file = sources.add("raw/vpcs.json", TEXT).unwrap();
    let tree = Tree::parse_json(file, sources.contents(file), &Limits::default()).unwrap();
    let mistyped =
        Diagnostic::from(vpc(&tree).str_field("Size").unwrap_err()).with_resource("vpc-1");
    assert_eq!(
        render_text(&[mistyped], &sources),
        "raw/vpcs.json:2:69: error[WT0011]: `$.Vpcs[0].Size`: expected a string, found the number `7`\n  \
         resource: vpc-1\n"
    );
    let file = sources.add("twice.json", "{\"\u{e9}\": 1,\n \"\u{e9}\": 2}").unwrap();
    let error = Tree::parse_json(file, sources.contents(file), &Limits::default()).unwrap_err();
    assert_eq!(error.span, Span::new(file, 11, 15));
    assert_eq!(
        render_text(&[error.into()], &sources),
        "twice.json:2:2: error[WT0007]: the object names the key `\u{e9}` twice\n  \
         twice.json:1:2: the first one is here\n"
    );
}
