//! The fields that are set, as text of both formats.

use std::fmt::Write as _;

use serde_json::{Map, Value};
use watertight_model::{Name, Selector};
use watertight_source::{Contents, FileId, Limits, Tree};

use crate::share::select_words;
use crate::syntax::{Mode, ShareOf};

/// The part of a segment that is to be enforced.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum NewShare {
    /// So many of a hundred.
    Percent(u8),
    /// Those with all of these labels.
    Labels(Vec<(Name, Name)>),
}

impl NewShare {
    /// Whether a share that is written is this one.
    pub(super) fn is(&self, written: &ShareOf) -> bool {
        match (self, written) {
            (Self::Percent(wanted), ShareOf::Percent(percent)) => wanted == percent,
            (Self::Labels(labels), ShareOf::Select(selector)) => {
                let each = labels.iter().map(|(key, value)| Selector::is(key, value));
                *selector.compiled() == Selector::all(each)
            }
            _ => false,
        }
    }

    fn value(&self) -> Value {
        let (key, value) = match self {
            Self::Percent(percent) => ("percent", Value::from(*percent)),
            Self::Labels(labels) => {
                let each =
                    labels.iter().map(|(key, value)| (key.to_string(), value.as_str().into()));
                let labels = Value::Object(each.collect());
                ("select", Value::Object(Map::from_iter([("matchLabels".to_owned(), labels)])))
            }
        };
        Value::Object(Map::from_iter([(key.to_owned(), value)]))
    }
}

/// A share for people.
impl std::fmt::Display for NewShare {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Percent(percent) => write!(formatter, "{percent} percent"),
            Self::Labels(labels) => {
                let each = labels.iter().map(|(key, value)| format!("{key}={value}"));
                formatter.write_str(&each.collect::<Vec<String>>().join(", "))
            }
        }
    }
}

/// A share that is written, for people.
pub(super) fn words(share: &ShareOf) -> String {
    match share {
        ShareOf::Percent(percent) => NewShare::Percent(*percent).to_string(),
        ShareOf::Select(selector) => select_words(selector.compiled()),
    }
}

/// A field of a segment's `spec`, and the value that it is to have.
pub(super) struct Field {
    pub(super) key: &'static str,
    /// The field behind which it is written, where it is not there yet.
    pub(super) behind: &'static str,
    /// None where it is to go.
    pub(super) value: Option<Value>,
}

impl Field {
    pub(super) fn mode(mode: Mode) -> Self {
        Self { key: "mode", behind: "members", value: Some(mode.word().into()) }
    }

    pub(super) fn share(share: Option<&NewShare>) -> Self {
        Self { key: "share", behind: "mode", value: share.map(NewShare::value) }
    }

    /// The value as a tree, to compare what is read with it.
    pub(super) fn tree(&self, file: FileId, limits: &Limits) -> Option<Tree> {
        let text = self.value.as_ref()?.to_string();
        Tree::parse_json(file, Contents::from(text), limits).ok()
    }

    /// The value as it is written beside keys in these quotes.
    pub(super) fn text(&self, quote: Option<char>) -> Option<String> {
        let value = self.value.as_ref()?;
        Some(match (value, quote) {
            (_, Some('"')) => value.to_string(),
            (Value::String(word), Some(quote)) => format!("{quote}{word}{quote}"),
            _ => flow(value),
        })
    }

    /// What to do by hand.
    pub(super) fn help(&self) -> String {
        match &self.value {
            Some(value) => format!("write `{}: {}` by hand", self.key, flow(value)),
            None => format!("take `{}` out by hand", self.key),
        }
    }
}

/// A value in the braces of YAML: in quotes is what else could be read as something else.
fn flow(value: &Value) -> String {
    let Value::Object(fields) = value else {
        return match value {
            Value::String(text) => scalar(text),
            other => other.to_string(),
        };
    };
    let mut text = String::from("{");
    for (place, (key, value)) in fields.iter().enumerate() {
        let comma = if place == 0 { "" } else { ", " };
        // Writing to a String cannot fail.
        let _written = write!(text, "{comma}{}: {}", scalar(key), flow(value));
    }
    text + "}"
}

fn scalar(text: &str) -> String {
    let is_plain =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'/');
    let words = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    let is_word = words.contains(&text.to_ascii_lowercase().as_str());
    let starts = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic());
    if starts && !is_word && text.bytes().all(is_plain) {
        text.to_owned()
    } else {
        Value::from(text).to_string()
    }
}
