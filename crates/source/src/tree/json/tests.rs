use crate::{Contents, FileId, Kind, Limits, ParseError, ParseReason, Span, Tree};

const FILE: FileId = FileId(3);

fn parse(text: impl Into<Contents>) -> Result<Tree, ParseError> {
    Tree::parse_json(FILE, text, &Limits::default())
}

fn error(text: impl Into<Contents>) -> ParseError {
    parse(text).expect_err("the text must be rejected")
}

#[track_caller]
fn assert_error(text: impl Into<Contents>, start: u32, end: u32, message: &str) {
    let error = error(text);
    assert_eq!((error.to_string().as_str(), error.span), (message, Span::new(FILE, start, end)));
}

#[test]
fn reads_every_kind_with_its_span() {
    let text = r#" {"a": [null, true, false, -1.5e3, "x\ny"], "b": {}, "c": ""} "#;
    let tree = parse(text).unwrap();
    let root = tree.root();
    assert_eq!((root.kind(), root.len(), tree.node_count()), (Kind::Object, 3, 9));
    assert_eq!(root.span(), Span::new(FILE, 1, 61));
    let entries: Vec<_> = root.entries().collect();
    assert_eq!(entries.iter().map(|entry| entry.key).collect::<Vec<_>>(), ["a", "b", "c"]);
    assert_eq!(entries[1].key_span, Span::new(FILE, 44, 47));
    let items: Vec<_> = entries[0].value.items().collect();
    let raw: Vec<_> = items.iter().map(|item| item.raw()).collect();
    assert_eq!(raw, ["null", "true", "false", "-1.5e3", r#""x\ny""#]);
    assert!(items[0].is_null());
    assert_eq!((items[1].as_bool(), items[2].as_bool()), (Some(true), Some(false)));
    assert_eq!((items[3].as_f64(), items[3].as_i64()), (Some(-1500.0), None));
    assert_eq!((items[4].as_str(), items[3].as_str()), (Some("x\ny"), None));
    assert_eq!(root.get("c").unwrap().as_str(), Some(""));
    assert!(root.get("d").is_none());
    assert!(root.get("b").unwrap().is_empty());
}

#[test]
fn scalars_may_stand_at_the_top_and_a_byte_order_mark_before_them() {
    let tree = parse("\u{feff} 12 ").unwrap();
    assert_eq!((tree.root().as_u64(), tree.root().span()), (Some(12), Span::new(FILE, 4, 6)));
    assert_eq!(tree.root().path(), "$");
    assert_error("\u{feff}\u{feff}1", 3, 6, "found `\\u{feff}`, expected a value");
}

#[test]
fn integers_are_never_lost_silently() {
    let tree = parse("[9223372036854775807, -9223372036854775808, 9223372036854775808, 18446744073709551615, 18446744073709551616, -0, 5.0, 1e3, 1e999]").unwrap();
    let items: Vec<_> = tree.root().items().collect();
    let signed: Vec<_> = items.iter().map(|item| item.as_i64()).collect();
    let none = None::<i64>;
    assert_eq!(
        signed,
        [Some(i64::MAX), Some(i64::MIN), none, none, none, Some(0), none, none, none]
    );
    let unsigned: Vec<_> = items.iter().map(|item| item.as_u64()).collect();
    assert_eq!(unsigned[2..6], [Some(1 << 63), Some(u64::MAX), None, Some(0)]);
    assert_eq!(items[4].number_text(), Some("18446744073709551616"));
    assert_eq!((items[4].as_f64(), items[8].as_f64()), (Some(18_446_744_073_709_551_616.0), None));
}

#[test]
fn escapes_are_decoded_and_bad_ones_located() {
    let tree = parse(r#"["\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00 a\u0000", {"\u0041b": 1}]"#).unwrap();
    let items: Vec<_> = tree.root().items().collect();
    assert_eq!(items[0].as_str(), Some("\"\\/\u{8}\u{c}\n\r\t\u{e9}\u{1f600} a\0"));
    assert_eq!(items[1].get("Ab").unwrap().as_i64(), Some(1));
    assert_error(r#"["ab\x"]"#, 4, 6, "the escape `\\x` does not exist");
    assert_error("[\"\\\u{e9}\"]", 2, 5, "the escape `\\\u{e9}` does not exist");
    assert_error(r#"["\u00g0"]"#, 6, 7, "found `g`, expected a hexadecimal digit");
    let lone = "the escape is half of a surrogate pair without its other half";
    assert_error(r#"["\ud800"]"#, 2, 8, lone);
    assert_error(r#"["\ud800\n"]"#, 2, 8, lone);
    assert_error(r#"["\udc00"]"#, 2, 8, lone);
    assert_error(r#"["\ud800\u0041"]"#, 2, 8, lone);
}

#[test]
fn raw_control_characters_are_rejected_at_every_place_of_a_chunk() {
    for length in 0..20u32 {
        let before = "\u{e9}".repeat(usize::try_from(length).unwrap());
        for code in 0..0x20u8 {
            let found = error(format!("\"{before}{}\"", char::from(code)));
            assert_eq!(found.reason, ParseReason::ControlCharacter { code });
            assert_eq!(found.span, Span::new(FILE, 1 + 2 * length, 2 + 2 * length));
        }
        let text = format!("\"{before}\u{7f}\u{80}!#[]\"");
        let tree = parse(text.as_str()).unwrap();
        assert_eq!(tree.root().as_str(), text.get(1..text.len() - 1));
    }
}

#[test]
fn says_where_what_was_found_and_what_was_expected() {
    assert_error("", 0, 0, "the file is empty, expected a value");
    assert_error(
        " 1 x",
        3,
        4,
        "found `x` after the end of the value, expected the end of the text",
    );
    assert_error(
        "{}{}",
        2,
        3,
        "found `{` after the end of the value, expected the end of the text",
    );
    assert_error("[1,]", 3, 4, "found `]`, expected a value");
    assert_error("[,1]", 1, 2, "found `,`, expected a value or `]`");
    assert_error("[1 2]", 3, 4, "found `2`, expected `,` or `]`");
    assert_error("[1}", 2, 3, "found `}`, expected `,` or `]`");
    assert_error(r#"{"a" 1}"#, 5, 6, "found `1`, expected `:`");
    assert_error(r#"{"a":1,}"#, 7, 8, "found `}`, expected a key in double quotes");
    assert_error(r#"{"a":1 "b":2}"#, 7, 8, "found `\\\"`, expected `,` or `}`");
    assert_error("{a:1}", 1, 2, "found `a`, expected a key in double quotes or `}`");
    assert_error("{,}", 1, 2, "found `,`, expected a key in double quotes or `}`");
    assert_error("nul", 3, 3, "the text ends here, expected `null`");
    assert_error("nulL", 3, 4, "found `L`, expected `null`");
    assert_error(
        "truely",
        4,
        5,
        "found `l` after the end of the value, expected the end of the text",
    );
    assert_error("+1", 0, 1, "found `+`, expected a value");
    assert_error("[01]", 1, 3, "the number is not well-formed: a leading zero is not allowed");
    assert_error("-012", 0, 4, "the number is not well-formed: a leading zero is not allowed");
    assert_error("[1.]", 3, 4, "found `]`, expected a digit");
    assert_error("[-]", 2, 3, "found `]`, expected a digit");
    assert_error("[1e+]", 4, 5, "found `]`, expected a digit");
    assert_error("[\u{a0}1]", 1, 3, "found `\\u{a0}`, expected a value or `]`");
    assert_error(b"[\"ab\xff\"]", 4, 4, "the file is not UTF-8 from here on");
}

#[test]
fn a_file_without_a_value_is_said_to_be_empty() {
    for (text, end) in [("", 0), (" \r\n\t", 4), ("\u{feff}\n", 4)] {
        let found = error(text);
        assert_eq!((found.reason, found.span), (ParseReason::Empty, Span::at(FILE, end)));
    }
}

#[test]
fn every_truncation_is_an_error_at_the_cut() {
    let text =
        r#"{"Vpcs": [{"a\u00e9\ud83d\ude00b": -1.5e+10, "n": null, "t": [true, false]}, {}, []]}"#;
    assert!(text.is_ascii());
    parse(text).unwrap();
    for cut in 1..text.len() {
        let found = error(text.get(..cut).unwrap());
        assert!(matches!(found.reason, ParseReason::Truncated { .. }), "{cut}: {found}");
        assert_eq!(found.span, Span::at(FILE, u32::try_from(cut).unwrap()), "{cut}");
    }
    // A cut inside of a character is found before the grammar is looked at.
    let text = "[\"\u{1f600}\"]".as_bytes();
    for cut in 3..6 {
        let found = error(text.get(..cut).unwrap());
        assert_eq!((found.reason, found.span), (ParseReason::NotUtf8, Span::at(FILE, 2)));
    }
}

#[test]
fn equal_keys_are_an_error_with_both_places() {
    let found = error(r#"{"a": 1, "b": {"a": 2}, "\u0061": 3}"#);
    assert_eq!(found.to_string(), "the object names the key `a` twice");
    assert_eq!(found.span, Span::new(FILE, 24, 32));
    assert_eq!(found.related, Some(Span::new(FILE, 1, 4)));
}

#[test]
fn equal_keys_are_found_in_objects_of_every_size() {
    for size in [2u32, 3, 10, 47, 48, 49, 50, 200] {
        let keys: Vec<_> = (0..size).map(|index| format!("\"Key{index:04}\": {index}")).collect();
        let tree = parse(format!("{{{}}}", keys.join(","))).unwrap();
        for index in 0..size {
            let value = tree.root().get(&format!("Key{index:04}")).unwrap();
            assert_eq!(value.as_u64(), Some(index.into()));
        }
        let mut keys = keys;
        keys.push("\"Key0001\": 0".to_owned());
        keys.push("\"Key0000\": 0".to_owned());
        let text = format!("{{{}}}", keys.join(","));
        let found = error(text.as_str());
        let slice = |span: Span| {
            text.get(usize::try_from(span.start).unwrap()..usize::try_from(span.end).unwrap())
        };
        assert_eq!(
            (slice(found.span), slice(found.related.unwrap())),
            (Some("\"Key0001\""), Some("\"Key0001\""))
        );
        assert!(found.related.unwrap() < found.span);
    }
}

#[test]
fn limits_hold_at_the_bound_and_not_past_it() {
    let limits = Limits {
        file_bytes_max: 40,
        depth_max: 3,
        nodes_max: 6,
        string_bytes_max: 5,
        ..Limits::default()
    };
    let name = |text: &str| match Tree::parse_json(FILE, text, &limits) {
        Ok(_) => "",
        Err(error) => match error.reason {
            ParseReason::Limit { name, .. } => name,
            other => panic!("{other}"),
        },
    };
    assert_eq!(name(&format!("1{}", " ".repeat(39))), "");
    assert_eq!(name(&format!("1{}", " ".repeat(40))), "file_bytes_max");
    assert_eq!((name("[[[1]]]"), name("[[[[]]]]")), ("", "depth_max"));
    assert_eq!((name(r#"[[{"a":1}]]"#), name(r#"[[{"a":{}}]]"#)), ("", "depth_max"));
    assert_eq!((name("[1,2,3,4,5]"), name("[1,2,3,4,5,6]")), ("", "nodes_max"));
    assert_eq!((name(r#"["abcde"]"#), name(r#"["abcdef"]"#)), ("", "string_bytes_max"));
    assert_eq!((name(r#"["abc\n"]"#), name(r#"["abcd\n"]"#)), ("", "string_bytes_max"));
    assert_eq!((name(r#"{"abcde":1}"#), name(r#"{"abcdef":1}"#)), ("", "string_bytes_max"));
    assert_eq!((name("12345"), name("123456")), ("", "string_bytes_max"));
    let unlimited = Limits { depth_max: u32::MAX, ..Limits::default() };
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let tree = Tree::parse_json(FILE, deep, &unlimited).unwrap();
    assert_eq!(tree.node_count(), 100_000);
}

#[test]
fn a_tree_is_smaller_than_its_text() {
    let interface = r#"{"Attachment":{"AttachTime":"2024-05-01T10:00:00+00:00","AttachmentId":"eni-attach-0a1b2c3d4e5f60718","DeleteOnTermination":true,"DeviceIndex":0,"Status":"attached"},"Groups":[{"GroupName":"web","GroupId":"sg-0a1b2c3d4e5f60718"}],"Ipv6Addresses":[],"MacAddress":"02:00:00:00:00:01","NetworkInterfaceId":"eni-0a1b2c3d4e5f60718","PrivateIpAddress":"10.0.0.1","SourceDestCheck":true}"#;
    let text = format!("[{}]", vec![interface; 200].join(","));
    let tree = parse(text.as_str()).unwrap();
    assert!(tree.heap_bytes() < text.len(), "{} of {}", tree.heap_bytes(), text.len());
}
