//! JSON and YAML as an immutable tree of values that know their place.
//!
//! A tree is one array of 8-byte slots in the order of the text, next to the text itself. A scalar or
//! key takes one slot (two when it had to be decoded), an array or object two. Strings, keys and
//! numbers stay in the text; only those with escapes are copied.

use std::fmt;
use std::sync::Arc;

use crate::{Contents, FileId, Limits, ParseError, ParseReason, Span};

mod build;
mod field;
mod json;
mod node;
mod slot;
mod yaml;

pub use node::{Entries, Entry, Items, Kind, Node};
pub use yaml::{YamlComment, is_yaml_string, yaml_comments};

use build::Builder;
use slot::Slot;

/// How many errors one text may have before the rest is left: a document may be read to the end of the text
/// before it is seen to be broken.
const ERRORS_MAX: usize = 100;

/// What can be read of a text in which something may be wrong.
#[derive(Debug, Default)]
pub struct Recovered {
    /// The documents without an error.
    pub trees: Vec<Tree>,
    /// Documents of which only this is wrong: an object names a key a second time. Readers disagree about what
    /// that means, so they are there for what else is wrong with them, and for nothing else.
    pub repeating: Vec<Tree>,
    /// What is wrong, in the order of the text.
    pub errors: Vec<ParseError>,
}

/// One parsed document with its positions.
pub struct Tree {
    file: FileId,
    text: Arc<String>,
    slots: Vec<Slot>,
    decoded: String,
    nodes: u64,
}

impl Tree {
    /// Reads one JSON value: RFC 8259 to the letter, except that a byte order mark may come first.
    ///
    /// An object that names a key twice is an error, since readers disagree about what it means.
    /// `contents` is best the `&Contents` of [`Sources`](crate::Sources), which is shared rather
    /// than copied.
    pub fn parse_json(
        file: FileId,
        contents: impl Into<Contents>,
        limits: &Limits,
    ) -> Result<Self, ParseError> {
        let contents = contents.into();
        let text = checked_text(file, &contents, limits)?;
        let mut builder = Builder::new(file, text, limits, 0);
        json::parse(text, &mut builder)?;
        Ok(builder.finish(Arc::clone(text), 0))
    }

    /// Reads every document of a YAML 1.2 stream, in order.
    ///
    /// Plain scalars follow the core schema (YAML 1.2.2, section 10.3): `yes` and `on` are strings.
    /// Aliases are expanded within `alias_expansion_max`; what they add carries the span of the
    /// anchored value. Keys that are not strings, keys named twice, merge keys and tags outside the
    /// core schema are errors.
    pub fn parse_yaml_documents(
        file: FileId,
        contents: impl Into<Contents>,
        limits: &Limits,
    ) -> Result<Vec<Self>, ParseError> {
        let contents = contents.into();
        let text = checked_text(file, &contents, limits)?;
        let Recovered { trees, errors, .. } = yaml::parse(file, text, limits, 1);
        errors.into_iter().next().map_or(Ok(trees), Err)
    }

    /// Reads every document of a YAML 1.2 stream that can be read, in order, with the errors of those that
    /// cannot: what is wrong in one document hides no other, and no key that is there a second time hides
    /// another.
    ///
    /// What exceeds a limit ends the reading, as what is no text at all does, and a hundred errors do: then
    /// one more says where the rest begins.
    pub fn parse_yaml_recovering(
        file: FileId,
        contents: impl Into<Contents>,
        limits: &Limits,
    ) -> Recovered {
        let contents = contents.into();
        match checked_text(file, &contents, limits) {
            Ok(text) => yaml::parse(file, text, limits, ERRORS_MAX),
            Err(error) => Recovered { errors: vec![error], ..Recovered::default() },
        }
    }

    /// Reads one JSON value as [`parse_json`](Self::parse_json) does, with an error for each key that is there
    /// a second time, up to a hundred, and one for what else ends the reading.
    pub fn parse_json_recovering(
        file: FileId,
        contents: impl Into<Contents>,
        limits: &Limits,
    ) -> Recovered {
        let contents = contents.into();
        let mut found = Recovered::default();
        let text = match checked_text(file, &contents, limits) {
            Ok(text) => text,
            Err(error) => return Recovered { errors: vec![error], ..found },
        };
        let mut builder = Builder::new(file, text, limits, 0).going_on(ERRORS_MAX, 0);
        let read = json::parse(text, &mut builder);
        found.errors = builder.take_repeated();
        let is_sound = found.errors.is_empty();
        match read {
            Err(error) => found.errors.push(error),
            Ok(()) if is_sound => found.trees.push(builder.finish(Arc::clone(text), 0)),
            Ok(()) => found.repeating.push(builder.finish(Arc::clone(text), 0)),
        }
        found
    }

    /// The value at the top.
    pub const fn root(&self) -> Node<'_> {
        Node::new(self, 0)
    }

    /// The file that it was read from.
    pub const fn file(&self) -> FileId {
        self.file
    }

    /// The number of values: scalars, arrays and objects; keys do not count.
    pub const fn node_count(&self) -> u64 {
        self.nodes
    }

    /// Bytes of memory that the tree takes beside the text.
    pub fn heap_bytes(&self) -> usize {
        self.slots.capacity() * size_of::<Slot>() + self.decoded.capacity()
    }
}

impl fmt::Debug for Tree {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Tree")
            .field("file", &self.file)
            .field("nodes", &self.nodes)
            .finish_non_exhaustive()
    }
}

/// The text, when it is UTF-8 and within `file_bytes_max`.
fn checked_text<'c>(
    file: FileId,
    contents: &'c Contents,
    limits: &Limits,
) -> Result<&'c Arc<String>, ParseError> {
    let max = limits.file_bytes_max.min(u64::from(u32::MAX));
    if u64::try_from(contents.len()).unwrap_or(u64::MAX) > max {
        let reason = ParseReason::Limit { name: "file_bytes_max", max };
        let offset = u32::try_from(max).unwrap_or(u32::MAX);
        return Err(ParseError::new(Span::at(file, offset), reason));
    }
    contents.shared_text().map_err(|offset| {
        ParseError::new(Span::at(file, slot::offset_of(offset)), ParseReason::NotUtf8)
    })
}
