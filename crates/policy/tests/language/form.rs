//! The form of a text: its own form, with the same values and every comment.

use std::fmt::Write as _;

use watertight_policy::{Format, formatted};
use watertight_source::{Kind, Limits, Node, ParseError, Sources, Tree, yaml_comments};
use watertight_testkit::generate::Random;

const KEYS: [&str; 12] = [
    "rules",
    "spec",
    "from",
    "to",
    "metadata",
    "mode",
    "matchLabels",
    "a key",
    "on",
    "\"*.x\"",
    "tcp",
    "'it''s'",
];
const SCALARS: [&str; 16] = [
    "any",
    "'443'",
    "443",
    "\"a: b\"",
    "yes",
    "0x1f",
    "8000-8999",
    "\"# no\"",
    "'[x]'",
    "true",
    "\"\\u2028\\t\"",
    "a b",
    "::1/128",
    "'- x'",
    "\"\"",
    "~x",
];

/// A text of YAML in every style, with comments in every place.
struct Writer {
    random: Random,
    text: String,
    comments: usize,
}

impl Writer {
    fn line_end(&mut self) {
        if self.random.chance(25) {
            self.comments += 1;
            let number = self.comments;
            write!(self.text, " # c{number}").unwrap();
        }
        self.text.push('\n');
    }

    fn notes(&mut self, indent: usize) {
        while self.random.chance(20) {
            if self.random.chance(30) {
                self.text.push('\n');
            } else {
                let odd = self.random.below(3);
                self.text.push_str(&" ".repeat(indent + odd));
                self.text.push('#');
                self.comments += 1;
                let number = self.comments;
                writeln!(self.text, "c{number}").unwrap();
            }
        }
    }

    fn scalar(&mut self) -> &'static str {
        self.random.pick(&SCALARS).copied().unwrap_or_default()
    }

    fn keys(&mut self) -> Vec<&'static str> {
        let from = self.random.below(KEYS.len());
        let count = self.random.between(1, 4);
        KEYS.iter().cycle().skip(from).take(count).copied().collect()
    }

    /// A value behind `key:` or a dash, up to the end of its last line.
    fn block(&mut self, indent: usize, depth: usize) {
        match self.random.below(if depth == 0 { 2 } else { 5 }) {
            0 => {
                let scalar = self.scalar();
                write!(self.text, " {scalar}").unwrap();
                self.line_end();
            }
            1 => {
                self.text.push(' ');
                self.flow(indent + 1, depth.min(2));
                self.line_end();
            }
            2 => {
                self.line_end();
                self.list(indent, depth - 1);
            }
            _ => {
                self.line_end();
                let step = self.random.between(1, 4);
                self.object(indent + step, depth - 1);
            }
        }
    }

    fn list(&mut self, indent: usize, depth: usize) {
        for _ in 0..self.random.between(1, 3) {
            self.notes(indent);
            self.text.push_str(&" ".repeat(indent));
            self.text.push('-');
            self.block(indent + 1, depth);
        }
        self.notes(indent);
    }

    fn object(&mut self, indent: usize, depth: usize) {
        for key in self.keys() {
            self.notes(indent);
            self.text.push_str(&" ".repeat(indent));
            self.text.push_str(key);
            self.text.push(':');
            self.block(indent, depth);
        }
        self.notes(indent);
    }

    fn flow(&mut self, indent: usize, depth: usize) {
        let is_object = self.random.chance(50);
        self.text.push(if is_object { '{' } else { '[' });
        let keys = self.keys();
        for (number, key) in keys.iter().enumerate() {
            if self.random.chance(30) {
                self.line_end();
                self.notes(indent);
                self.text.push_str(&" ".repeat(indent));
            }
            if is_object {
                write!(self.text, "{key}: ").unwrap();
            }
            if depth > 0 && self.random.chance(40) {
                self.flow(indent, depth - 1);
            } else {
                let scalar = self.scalar();
                self.text.push_str(scalar);
            }
            self.text.push_str(if number + 1 < keys.len() { ", " } else { "" });
        }
        if self.random.chance(20) {
            self.line_end();
            self.notes(indent);
            self.text.push_str(&" ".repeat(indent));
        }
        self.text.push(if is_object { '}' } else { ']' });
    }
}

/// The value, with fields in alphabetical order and ports as texts.
fn value(node: Node<'_>) -> String {
    match node.kind() {
        Kind::Array => {
            let items: Vec<String> = node.items().map(value).collect();
            format!("[{}]", items.join(","))
        }
        Kind::Object => {
            let entry =
                |one: watertight_source::Entry<'_>| format!("{:?}:{}", one.key, value(one.value));
            let mut fields: Vec<String> = node.entries().map(entry).collect();
            fields.sort();
            format!("{{{}}}", fields.join(","))
        }
        Kind::String => match node.as_str() {
            Some("443") => "443".to_owned(),
            text => format!("{text:?}"),
        },
        _ => node.raw().to_owned(),
    }
}

/// The values of the documents, and the comments in alphabetical order.
fn read(text: &str) -> (Vec<String>, Vec<String>) {
    let (mut sources, limits) = (Sources::new(), Limits::default());
    let file = sources.add("a.yaml", text).unwrap();
    let contents = sources.contents(file);
    let trees = Tree::parse_yaml_documents(file, contents, &limits)
        .unwrap_or_else(|error| panic!("{error}\n{text}"));
    let raw = |one: &watertight_source::YamlComment| {
        let [start, end] = [one.span.start, one.span.end].map(|at| usize::try_from(at).unwrap());
        text.get(start..end).unwrap().to_owned()
    };
    let mut comments: Vec<String> =
        yaml_comments(file, contents, &limits).unwrap().iter().map(raw).collect();
    comments.sort();
    (trees.iter().map(|tree| value(tree.root())).collect(), comments)
}

fn form(text: &str, format: Format) -> String {
    formed(text, format).unwrap()
}

fn formed(text: &str, format: Format) -> Result<String, ParseError> {
    let mut sources = Sources::new();
    let file = sources.add("a.yaml", text).unwrap();
    formatted(file, sources.contents(file), format, &Limits::default())
}

#[test]
fn the_form_keeps_values_and_comments_and_is_its_own_form() {
    let mut comments = 0;
    for seed in 0..1_500 {
        let mut writer = Writer { random: Random::new(seed), text: String::new(), comments: 0 };
        for number in 0..writer.random.between(1, 3) {
            if number > 0 {
                writer.text.push_str("---\n");
            }
            writer.object(0, 4);
        }
        let text = writer.text;
        let once = form(&text, Format::Yaml);
        assert_eq!(read(&once), read(&text), "seed {seed}\n{text}\n=>\n{once}");
        let twice = form(&once, Format::Yaml);
        let differs = twice.lines().zip(once.lines()).position(|(one, other)| one != other);
        assert_eq!(twice, once, "seed {seed}, line {differs:?}\n{text}");
        comments += writer.comments;
    }
    assert!(comments > 5_000, "only {comments} comments");
}

#[test]
fn the_form_of_a_text_with_errors_has_the_same_errors() {
    let mut checked = 0;
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/bad")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|end| end != "yaml") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        // Of what names a key twice nobody can tell which one is to stay.
        if path.ends_with("repeated.yaml") {
            assert_eq!(formed(&text, Format::Yaml).unwrap_err().code().as_str(), "WT0007");
            continue;
        }
        let once = form(&text, Format::Yaml);
        assert_eq!(form(&once, Format::Yaml), once, "{}", path.display());
        let count = |text: &str| super::support::diagnostics(text).matches("error[").count();
        assert_eq!(count(&once), count(&text), "{}", path.display());
        checked += 1;
    }
    assert!(checked >= 7, "{checked}");
}
