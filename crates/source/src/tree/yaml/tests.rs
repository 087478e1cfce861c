use crate::{Contents, FileId, Kind, Limits, Node, ParseError, ParseReason, Recovered, Span, Tree};

const FILE: FileId = FileId(1);

fn parse(text: impl Into<Contents>) -> Result<Vec<Tree>, ParseError> {
    Tree::parse_yaml_documents(FILE, text, &Limits::default())
}

#[track_caller]
fn one(text: &str) -> Tree {
    let mut trees = parse(text).unwrap();
    assert_eq!(trees.len(), 1);
    trees.pop().unwrap()
}

#[track_caller]
fn assert_error(text: &str, at: &str, message: &str) {
    let error = parse(text).expect_err("the text must be rejected");
    let start = usize::try_from(error.span.start).unwrap();
    let end = usize::try_from(error.span.end).unwrap();
    assert_eq!((error.to_string().as_str(), text.get(start..end)), (message, Some(at)));
}

fn raw_of<'t>(root: Node<'t>, key: &str) -> &'t str {
    root.get(key).unwrap().raw()
}

#[test]
fn reads_a_manifest_with_spans() {
    let text = "\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web, labels: {\"a/b\": 'x y'}}
spec:
  podSelector: {}
  ingress:
  - from:
    - ipBlock:
        cidr: 10.0.0.0/8   # inside
    ports:
    - port: 80

  note: |
    two
    lines
";
    let tree = one(text);
    let root = tree.root();
    assert_eq!(root.req_str("kind").unwrap(), "NetworkPolicy");
    assert_eq!(raw_of(root, "metadata"), "{name: web, labels: {\"a/b\": 'x y'}}");
    let labels = root.get("metadata").unwrap().get("labels").unwrap();
    let entry = labels.entries().next().unwrap();
    assert_eq!((entry.key, entry.value.as_str(), entry.value.raw()), ("a/b", Some("x y"), "'x y'"));
    let spec = root.get("spec").unwrap();
    assert_eq!(spec.get("podSelector").unwrap().kind(), Kind::Object);
    let rule = spec.get("ingress").unwrap().items().next().unwrap();
    let block = rule.get("from").unwrap().items().next().unwrap().get("ipBlock").unwrap();
    assert_eq!(block.raw(), "cidr: 10.0.0.0/8");
    assert_eq!(block.get("cidr").unwrap().path(), "$.spec.ingress[0].from[0].ipBlock.cidr");
    assert_eq!(rule.get("ports").unwrap().items().next().unwrap().req_i64("port").unwrap(), 80);
    assert_eq!(spec.req_str("note").unwrap(), "two\nlines\n");
    assert_eq!(raw_of(spec, "note").trim_start(), "two\n    lines");
    assert!(raw_of(rule, "from").starts_with("- ipBlock"), "{}", raw_of(rule, "from"));
    assert_eq!(raw_of(rule, "ports"), "- port: 80");
    assert!(raw_of(root, "spec").starts_with("podSelector"), "{}", raw_of(root, "spec"));
}

#[test]
fn plain_scalars_follow_the_core_schema() {
    let tree = one(
        "[~, null, \"\", true, False, 12, -7, +3, 0x1F, 0o17, 1.5, .5, 2e3, .inf, -.INF, .nan, \
         yes, on, 0644, 1_000, '12', 1.2.3.4, 10.0.0.0/8, 0x, 1e, e1, ., E5]",
    );
    let kinds: String = tree
        .root()
        .items()
        .map(|item| match item.kind() {
            Kind::Null => 'n',
            Kind::Bool => 'b',
            Kind::Number => '0',
            Kind::String => 's',
            _ => '?',
        })
        .collect();
    assert_eq!(kinds, "nnsbb00000000000ss0sssssssss");
    let items: Vec<_> = tree.root().items().collect();
    let integers: Vec<_> = items.iter().filter_map(|item| item.as_i64()).collect();
    assert_eq!(integers, [12, -7, 3, 31, 15]);
    assert_eq!((items[8].as_f64(), items[14].as_f64()), (Some(31.0), Some(f64::NEG_INFINITY)));
    assert!(items[15].as_f64().unwrap().is_nan());
    // Octal for YAML 1.1, decimal for YAML 1.2.
    assert_eq!((items[18].as_i64(), items[18].as_f64()), (None, None));
    assert_eq!(items[18].number_text(), Some("0644"));
}

#[test]
fn core_tags_are_read_and_others_rejected() {
    let tree = one("[!!str 12, !!int 12, !!float 12, !!map {}, !!seq [], !!null ~, !!bool true]");
    let items: Vec<_> = tree.root().items().collect();
    assert_eq!((items[0].as_str(), items[1].as_i64()), (Some("12"), Some(12)));
    assert_eq!((items[2].as_f64(), items[6].as_bool()), (Some(12.0), Some(true)));
    assert_error("a: !Ref Vpc", "!Ref", "the tag `!Ref` is not supported on this value");
    assert_error("a: !!int x", "!!int", "the tag `!!int` is not supported on this value");
    assert_error("a: !!seq {}", "!!seq", "the tag `!!seq` is not supported on this value");
}

#[test]
fn documents_come_in_order_and_share_the_limits() {
    let trees = parse("a: 1\n---\n[b]\n---\n...\n").unwrap();
    assert_eq!(trees.len(), 3);
    assert_eq!(trees[0].root().req_i64("a").unwrap(), 1);
    assert_eq!(trees[1].root().items().next().unwrap().as_str(), Some("b"));
    assert!(trees[2].root().is_null());
    assert_eq!(trees.iter().map(Tree::node_count).collect::<Vec<_>>(), [2, 2, 1]);
    assert!(parse("").unwrap().is_empty());
    assert!(parse("# nothing but a comment\n").unwrap().is_empty());
}

/// What can be read of a text, and where its errors are.
fn recovered(text: &str) -> (Vec<String>, Vec<u32>) {
    let Recovered { trees, errors, .. } =
        Tree::parse_yaml_recovering(FILE, text, &Limits::default());
    let raw = trees.iter().map(|tree| tree.root().raw().to_owned());
    (raw.collect(), errors.iter().map(|error| error.span.start).collect())
}

/// Ways to break a document: where the scanner notices it differs, and what it takes in until then.
const BROKEN: [&str; 10] = [
    "a: [b\n",
    "a: {b: c\n",
    "a: \"b\n",
    "a: 'b\nc: d\n",
    "a:\n\tb: c\n",
    "a: b: c\n",
    "a: 1\na: 2\n",
    "a: *b\n",
    "? [a]\n: b\n",
    "]\n",
];

#[test]
fn a_broken_document_hides_no_other() {
    for broken in BROKEN {
        let text = format!("one\n---\n{broken}---\ntwo\n--- three\n...\n---\n{broken}...\nfour\n");
        let (read, errors) = recovered(&text);
        assert_eq!(read, ["one", "two", "three", "four"], "{broken}");
        assert_eq!(errors.len(), 2, "{broken}: {errors:?}");
        assert!(errors[0] < errors[1], "{broken}: {errors:?}");
        assert!(parse(text.as_str()).is_err_and(|error| error.span.start == errors[0]), "{broken}");
    }
}

/// Each document by itself says the same, at the same places.
#[test]
fn going_on_after_errors_equals_reading_each_document_by_itself() {
    let sound = ["a: [1, 2]\n", "|\n --- no marker\n ... nor this\n", "\"x\\u00e9\"\n", "---x\n"];
    let parts: Vec<&str> = sound.into_iter().chain(BROKEN).collect();
    for (first, second) in parts.iter().flat_map(|one| parts.iter().map(move |two| (one, two))) {
        let documents = [*first, "last\n", *second, *first];
        let (mut text, mut read, mut errors) = (String::new(), Vec::new(), Vec::new());
        for document in documents {
            text.push_str("--- \n");
            match parse(document) {
                Ok(trees) => read.extend(trees.iter().map(|one| one.root().raw().to_owned())),
                Err(_) => errors.push(text.len()..=text.len() + document.len()),
            }
            text.push_str(document);
        }
        let (found, places) = recovered(&text);
        assert_eq!(found, read, "{text}");
        assert_eq!(places.len(), errors.len(), "{text}: {places:?}");
        for (place, within) in places.iter().zip(&errors) {
            assert!(within.contains(&usize::try_from(*place).unwrap()), "{text}: {places:?}");
        }
    }
}

#[test]
fn a_limit_ends_the_reading_and_so_do_a_hundred_broken_documents() {
    let limits = Limits { nodes_max: 4, ..Limits::default() };
    let Recovered { trees, errors, .. } =
        Tree::parse_yaml_recovering(FILE, "[1, 2, 3, 4]\n---\na\n", &limits);
    assert_eq!((trees.len(), errors.len()), (0, 1));
    let Recovered { trees, errors, .. } =
        Tree::parse_yaml_recovering(FILE, "]\n---\n".repeat(300), &Limits::default());
    assert_eq!((trees.len(), errors.len()), (0, 101));
    assert!(matches!(errors[100].reason, ParseReason::Unread { errors: 100 }), "{errors:?}");
    // One error that is met again behind each marker is told once, and not looked for for ever.
    let text = "...\n".repeat(100_000) + "@";
    let Recovered { trees, errors, .. } =
        Tree::parse_yaml_recovering(FILE, text, &Limits::default());
    assert_eq!((trees.len(), errors.len()), (0, 2), "{errors:?}");
    // What broken documents hold counts as well.
    let text = "[1, 2, a: *b]\n---\n[1, 2]\n";
    let Recovered { trees, errors, .. } = Tree::parse_yaml_recovering(FILE, text, &limits);
    assert_eq!((trees.len(), errors.len()), (0, 2), "{errors:?}");
}

#[test]
fn every_key_that_is_there_a_second_time_is_told_beside_what_else_is_wrong() {
    let told = |text: &str| {
        let found = Tree::parse_yaml_recovering(FILE, text, &Limits::default());
        let json = Tree::parse_json_recovering(FILE, text, &Limits::default());
        let is_json = serde_json::from_str::<serde_json::Value>(text).is_ok();
        assert!(!is_json || json.errors == found.errors, "{text}: {:?}", json.errors);
        let places = found.errors.iter().map(|error| {
            let first = error.related.map(|first| first.start);
            (error.span.start, first)
        });
        (found.trees.len(), found.repeating.len(), places.collect::<Vec<_>>())
    };
    // The inner object ends first; a third key names the first one too.
    let text = r#"{"a": 1, "a": {"b": 1, "b": 2, "b": 3}, "c": [], "c": 0}"#;
    let expected = vec![(9, Some(1)), (23, Some(15)), (31, Some(15)), (49, Some(40))];
    assert_eq!(told(text), (0, 1, expected));
    // Beside another document, and before what ends this one.
    let text = "a: 1\n---\nb: {c: 1, c: 2}\nb: 1\n---\nd: {e: 1, e: 2}\nf: ]\n--- {g: 1}\n";
    let expected = vec![(19, Some(13)), (25, Some(9)), (44, Some(38)), (53, None)];
    assert_eq!(told(text), (2, 1, expected));
    // More than are sorted pair by pair, and more than anybody reads.
    let keys = |count: usize| {
        let keys: Vec<String> = (0..count).map(|key| format!("k{}: 1\n", key % 60)).collect();
        keys.concat()
    };
    assert_eq!(told(&keys(100)).2.len(), 40);
    let found = Tree::parse_yaml_recovering(FILE, keys(300) + "---\nx\n", &Limits::default());
    assert_eq!((found.trees.len(), found.errors.len()), (0, 101));
    assert!(matches!(found.errors[100].reason, ParseReason::Unread { errors: 100 }));
    // Of two documents together, and with those of an inner object behind the one that is left out.
    let inner: String = keys(120).lines().map(|line| line.to_owned() + "\n").collect();
    let found = Tree::parse_yaml_recovering(FILE, inner + "---\n" + &keys(120), &Limits::default());
    assert!(matches!(found.errors[100].reason, ParseReason::Unread { errors: 100 }), "{found:?}");
    let inner: Vec<String> = keys(160).lines().map(|line| format!("  {line}\n")).collect();
    let text = format!("a: 1\na: 2\nb:\n{}", inner.concat());
    let found = Tree::parse_yaml_recovering(FILE, text, &Limits::default());
    assert_eq!(found.errors.len(), 101);
    assert!(found.errors.is_sorted_by_key(|error| error.span.start), "{:?}", found.errors);
    // An object that aliases repeat is told of once.
    assert_eq!(told("a: &x {b: 1, b: 2}\nc: [*x, *x]\n").2, [(13, Some(7))]);
}

#[test]
fn aliases_are_expanded_with_the_span_of_the_anchor() {
    let text = "base: &b {cidrs: [10.0.0.0/8, &k key]}\nuse: *b\n*k : 1\n";
    let tree = one(text);
    let root = tree.root();
    let used = root.get("use").unwrap();
    assert_eq!(used.raw(), "{cidrs: [10.0.0.0/8, &k key]}");
    let item = used.get("cidrs").unwrap().items().next().unwrap();
    assert_eq!((item.as_str(), item.path().as_str()), (Some("10.0.0.0/8"), "$.use.cidrs[0]"));
    assert_eq!(root.req_i64("key").unwrap(), 1);
    assert_eq!(tree.node_count(), 10);
    assert_error(
        "a: *b",
        "*b",
        "the alias refers to an anchor that the document does not define before it",
    );
    assert_error("a: &a [*a]", "*a", "the alias refers to a value that holds the alias itself");
    assert_error(
        "a: &a [1]\n*a : 2",
        "*a",
        "the key is an alias of a value that is not a string, expected a string",
    );
    // Anchors end with their document.
    assert_error(
        "&a 1\n---\n*a\n",
        "*a",
        "the alias refers to an anchor that the document does not define before it",
    );
}

#[test]
fn keys_are_strings_and_unique() {
    assert_error("a: 1\nb: 2\n'a': 3", "'a'", "the object names the key `a` twice");
    let found = parse("a: 1\n\"\\x61\": 3").unwrap_err();
    assert_eq!(found.related, Some(Span::new(FILE, 0, 1)));
    assert_error("80: x", "80", "the key is a number, expected a string");
    assert_error("true: x", "true", "the key is a boolean, expected a string");
    assert_error("~: x", "~", "the key is null, expected a string");
    assert_error("? [a]\n: x", "[", "the key is an array, expected a string");
    assert_error("? {a: b}\n: x", "{", "the key is an object, expected a string");
    assert_error("a: &a {b: 1}\nc:\n  <<: *a", "<<", "the merge key `<<` is not supported");
    assert_eq!(one("'80': x").root().req_str("80").unwrap(), "x");
    assert_eq!(one("'<<': x").root().req_str("<<").unwrap(), "x");
}

fn limit_name(text: &str, limits: &Limits) -> &'static str {
    match Tree::parse_yaml_documents(FILE, text, limits) {
        Ok(_) => "",
        Err(error) => match error.reason {
            ParseReason::Limit { name, .. } => name,
            other => panic!("{other}"),
        },
    }
}

#[test]
fn limits_hold_at_the_bound_and_not_past_it() {
    let limits = Limits {
        file_bytes_max: 60,
        depth_max: 3,
        nodes_max: 8,
        alias_expansion_max: 4,
        string_bytes_max: 5,
        documents_max: 2,
        ..Limits::default()
    };
    let name = |text: &str| limit_name(text, &limits);
    assert_eq!(name(&format!("a{}", " ".repeat(59))), "");
    assert_eq!(name(&format!("a{}", " ".repeat(60))), "file_bytes_max");
    assert_eq!((name("[[[a]]]"), name("[[[[]]]]")), ("", "depth_max"));
    assert_eq!(name("a:\n b:\n  c: d"), "");
    assert_eq!(name("a:\n b:\n  c:\n   d: e"), "depth_max");
    assert_eq!((name("- - - a"), name("- - - - a")), ("", "depth_max"));
    assert_eq!((name("[1,2,3,4,5,6,7]"), name("[1,2,3,4,5,6,7,8]")), ("", "nodes_max"));
    assert_eq!((name("[1,2,3]\n--- [1,2,3]"), name("[1,2,3]\n--- [1,2,3,4]")), ("", "nodes_max"));
    assert_eq!(
        (name("- &a [1]\n- *a\n- *a\n- 2"), name("- &a [1]\n- *a\n- *a\n- [3]")),
        ("", "nodes_max")
    );
    let twice = "- &a x\n- *a\n- *a\n- *a\n- *a\n";
    assert_eq!((name(twice), name(&format!("{twice}- *a"))), ("", "alias_expansion_max"));
    assert_eq!((name("- &a [[1]]\n- *a\n"), name("- &a [[1]]\n- [*a]\n")), ("", "depth_max"));
    assert_eq!((name("abcde: 12345"), name("abcdef: 1")), ("", "string_bytes_max"));
    assert_eq!((name("'abcde'"), name("'abcdef'")), ("", "string_bytes_max"));
    assert_eq!((name("--- a\n--- b\n"), name("--- a\n--- b\n--- c\n")), ("", "documents_max"));
}

#[test]
fn a_billion_laughs_are_cut_short() {
    let mut text = String::from("a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n");
    for level in 1..10 {
        let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
        let line = format!("a{level}: &a{level} [{aliases}]\n");
        text.push_str(&line);
    }
    assert_eq!(limit_name(&text, &Limits::default()), "alias_expansion_max");
}

#[test]
fn deep_nesting_neither_overflows_the_stack_nor_passes() {
    let limits = Limits::default();
    assert_eq!(limit_name(&"[".repeat(10_000), &limits), "depth_max");
    assert_eq!(limit_name(&"- ".repeat(10_000), &limits), "depth_max");
}

#[test]
fn errors_of_the_grammar_say_where() {
    let found = parse("a: [1, 2\nb: 3\n").unwrap_err();
    assert_eq!(found.code().as_str(), "WT0001", "{found}");
    let found = parse("a: \"open").unwrap_err();
    assert_eq!(found.code().as_str(), "WT0001", "{found}");
    let found = parse(b"a: \xff").unwrap_err();
    assert_eq!((found.reason, found.span), (ParseReason::NotUtf8, Span::at(FILE, 3)));
}

#[test]
fn offsets_count_bytes_and_not_characters() {
    let text = "\u{e9}: \u{1f600}\nb: \"\u{e9}\"\nc: d\r\ne: >-\n  x\n  y\n";
    let tree = one(text);
    let root = tree.root();
    assert_eq!((raw_of(root, "\u{e9}"), raw_of(root, "b")), ("\u{1f600}", "\"\u{e9}\""));
    assert_eq!((raw_of(root, "c"), root.req_str("e").unwrap()), ("d", "x y"));
}

#[test]
fn sequences_start_at_their_first_dash() {
    let text = "a:\n- b\n-  - c\nd:\n  -\n    e\nf:\n- # why\n  g\nh:\n- -1\ni:\n- - j\nk:\n  - - l\nm:\n-\n  n\n";
    let tree = one(text);
    let root = tree.root();
    let first = |key: &str, index| root.get(key).unwrap().items().nth(index).unwrap().raw();
    assert_eq!((raw_of(root, "a"), first("a", 1)), ("- b\n-  - c", "- c"));
    assert_eq!((raw_of(root, "d"), raw_of(root, "h")), ("-\n    e", "- -1"));
    assert_eq!((raw_of(root, "f"), raw_of(root, "m")), ("- # why\n  g", "-\n  n"));
    assert_eq!((raw_of(root, "k"), first("k", 0)), ("- - l", "- l"));
    assert_eq!(raw_of(root, "i"), "- - j");
}
