//! Scalars of YAML: plain where every reader of YAML takes that for the same string.

use std::fmt::Write;

use watertight_source::{Kind, Node, is_yaml_string};

/// The scalar, as it is written; `is_port` where a string of digits and a number mean the same.
pub(super) fn written(node: Node<'_>, is_port: bool) -> String {
    match node.kind() {
        Kind::String => {
            let text = node.as_str().unwrap_or_default();
            let is_digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            if is_port && is_digits { text.to_owned() } else { string(text) }
        }
        Kind::Bool => String::from(if node.as_bool() == Some(true) { "true" } else { "false" }),
        Kind::Number => node.number_text().unwrap_or_default().to_owned(),
        _ => String::from("null"),
    }
}

/// A string or a key.
pub(super) fn string(text: &str) -> String {
    if is_plain(text) { text.to_owned() } else { quoted(text) }
}

fn is_plain(text: &str) -> bool {
    let steers = |letter: char| matches!(letter, ',' | '[' | ']' | '{' | '}') || is_hidden(letter);
    is_yaml_string(text)
        && !is_boolean_of_yaml_1_1(text)
        && !text.starts_with([
            '-', '?', ':', '#', '&', '*', '!', '|', '>', '\'', '"', '%', '@', '`', '=', '<', ' ',
        ])
        && !text.starts_with("...")
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && !text.contains(" #")
        && !text.contains(steers)
        && !text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b':' | b'_' | b'.'))
}

/// Older readers take these for booleans.
fn is_boolean_of_yaml_1_1(text: &str) -> bool {
    ["y", "n", "yes", "no", "on", "off"].iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// Whether nobody would see the character, or it would turn the text around.
fn is_hidden(letter: char) -> bool {
    letter.is_control()
        || (letter.is_whitespace() && letter != ' ')
        || matches!(u32::from(letter),
            0xad | 0x61c | 0x180e | 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x206f
            | 0xfeff | 0xfff0..=0xfffb | 0xfffe..=0xffff | 0xe0000..=0xe0fff)
}

fn quoted(text: &str) -> String {
    let mut written = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => written.extend(['\\', letter]),
            _ if is_hidden(letter) => {
                // Writing to a String cannot fail.
                let _infallible = write!(written, "\\U{:08x}", u32::from(letter));
            }
            _ => written.push(letter),
        }
    }
    written.push('"');
    written
}
