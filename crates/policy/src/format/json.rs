//! JSON as it is written.

use std::fmt::Write;

use watertight_source::{Kind, Node, Tree};

use super::{WIDTH_MAX, is_free, rank};

/// The value of a text.
pub(super) fn written(tree: &Tree) -> String {
    let mut text = String::new();
    write(&mut text, tree.root(), 0, "");
    text.push('\n');
    text
}

/// Writes a value, as deep as the limits of trees allow.
fn write(text: &mut String, node: Node<'_>, indent: usize, under: &str) {
    let (open, close) = match node.kind() {
        Kind::Array => ("[", "]"),
        Kind::Object => ("{", "}"),
        _ => return text.push_str(&scalar(node)),
    };
    if indent > 0 && node.span().len() < 1000 {
        let line = one_line(node, under);
        if indent + line.chars().count() <= WIDTH_MAX {
            return text.push_str(&line);
        }
    }
    text.push_str(open);
    let inner = inner(node, under);
    let inside = indent + 2;
    for (number, (key, value)) in inner.iter().enumerate() {
        text.push_str(if number > 0 { ",\n" } else { "\n" });
        text.extend(std::iter::repeat_n(' ', inside));
        if let Some(key) = key {
            text.push_str(&string(key));
            text.push_str(": ");
        }
        write(text, *value, inside, key.unwrap_or(under));
    }
    if !inner.is_empty() {
        text.push('\n');
        text.extend(std::iter::repeat_n(' ', indent));
    }
    text.push_str(close);
}

/// Values with their keys, in the order in which they are written.
fn inner<'t>(node: Node<'t>, under: &str) -> Vec<(Option<&'t str>, Node<'t>)> {
    if node.kind() == Kind::Array {
        return node.items().map(|item| (None, item)).collect();
    }
    let mut fields: Vec<_> = node.entries().map(|entry| (Some(entry.key), entry.value)).collect();
    if !is_free(under) {
        fields.sort_by_key(|(key, _)| rank(key.unwrap_or_default()));
    }
    fields
}

fn one_line(node: Node<'_>, under: &str) -> String {
    let parts = inner(node, under).into_iter().map(|(key, value)| match key {
        Some(key) => format!("{}: {}", string(key), one_line(value, key)),
        None => one_line(value, under),
    });
    match node.kind() {
        Kind::Array => format!("[{}]", parts.collect::<Vec<_>>().join(", ")),
        Kind::Object => format!("{{{}}}", parts.collect::<Vec<_>>().join(", ")),
        _ => scalar(node),
    }
}

fn scalar(node: Node<'_>) -> String {
    node.as_str().map_or_else(|| node.raw().to_owned(), string)
}

fn string(text: &str) -> String {
    let mut written = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => written.extend(['\\', letter]),
            _ if letter.is_control() => {
                // Writing to a String cannot fail.
                let _infallible = write!(written, "\\u{:04x}", u32::from(letter));
            }
            _ => written.push(letter),
        }
    }
    written.push('"');
    written
}
