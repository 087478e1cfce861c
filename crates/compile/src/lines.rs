//! JSON over many lines, as `serde_json` writes it to be read, in fewer and larger pieces.
//!
//! A plan of a large estate has tens of millions of lines, and so have its bodies: writing each step of an
//! indentation for itself takes longer than all the rest of it.

use std::io;

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

/// A line's end after a value, and the start of the next one as deep as anything that is written here.
const BREAK: &[u8; 66] = b",\n                                                                ";
/// Spaces of one level.
const STEP: usize = 2;

/// Writes a value with two spaces a level: the bytes are those of [`serde_json::to_writer_pretty`].
///
/// # Errors
/// When writing fails, and for values that JSON does not have.
pub fn write_lines(out: impl io::Write, value: &impl Serialize) -> serde_json::Result<()> {
    value.serialize(&mut Serializer::with_formatter(out, Lines::default()))
}

/// The same with what is deeper than `depth` levels on the line that it begins on.
///
/// # Errors
/// When writing fails, and for values that JSON does not have.
pub(crate) fn write_lines_to(
    depth: usize,
    out: impl io::Write,
    value: &impl Serialize,
) -> serde_json::Result<()> {
    let lines = Lines { deepest: depth, ..Lines::default() };
    value.serialize(&mut Serializer::with_formatter(out, lines))
}

/// The text that [`write_lines`] writes.
///
/// # Errors
/// For values that JSON does not have.
pub fn text_in_lines(value: &impl Serialize) -> serde_json::Result<String> {
    let mut bytes = Vec::new();
    write_lines(&mut bytes, value)?;
    String::from_utf8(bytes).map_err(serde::ser::Error::custom)
}

/// The same with what is deeper than `depth` levels on the line that it begins on.
///
/// # Errors
/// For values that JSON does not have.
pub fn text_in_lines_to(depth: usize, value: &impl Serialize) -> serde_json::Result<String> {
    let mut bytes = Vec::new();
    write_lines_to(depth, &mut bytes, value)?;
    String::from_utf8(bytes).map_err(serde::ser::Error::custom)
}

/// Where the writer is.
struct Lines {
    depth: usize,
    /// What is deeper than so many levels begins no line.
    deepest: usize,
    /// Whether the innermost array or object has a value.
    has_value: bool,
}

impl Default for Lines {
    fn default() -> Self {
        Self { depth: 0, deepest: usize::MAX, has_value: false }
    }
}

impl Lines {
    fn open<W: ?Sized + io::Write>(&mut self, out: &mut W, bracket: &[u8]) -> io::Result<()> {
        self.depth = self.depth.saturating_add(1);
        self.has_value = false;
        out.write_all(bracket)
    }

    fn close<W: ?Sized + io::Write>(&mut self, out: &mut W, bracket: &[u8]) -> io::Result<()> {
        let is_line = self.is_line();
        self.depth = self.depth.saturating_sub(1);
        if self.has_value && is_line {
            self.line(out, true)?;
        }
        out.write_all(bracket)
    }

    /// Whether what is here begins lines.
    const fn is_line(&self) -> bool {
        self.depth <= self.deepest
    }

    /// Begins a line, where there are any so deep, behind a comma unless it is the first.
    fn line<W: ?Sized + io::Write>(&self, out: &mut W, is_first: bool) -> io::Result<()> {
        if !self.is_line() {
            return out.write_all(if is_first { b"" } else { b", " });
        }
        let (from, spaces) = (usize::from(is_first), self.depth.saturating_mul(STEP));
        if let Some(line) = BREAK.get(from..spaces.saturating_add(2)) {
            return out.write_all(line);
        }
        out.write_all(if is_first { b"\n" } else { b",\n" })?;
        (0..self.depth).try_for_each(|_| out.write_all(b"  "))
    }
}

impl Formatter for Lines {
    fn begin_array<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.open(out, b"[")
    }

    fn end_array<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.close(out, b"]")
    }

    fn begin_array_value<W: ?Sized + io::Write>(
        &mut self,
        out: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.line(out, first)
    }

    fn end_array_value<W: ?Sized + io::Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.has_value = true;
        Ok(())
    }

    fn begin_object<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.open(out, b"{")
    }

    fn end_object<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.close(out, b"}")
    }

    fn begin_object_key<W: ?Sized + io::Write>(
        &mut self,
        out: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.line(out, first)
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, out: &mut W) -> io::Result<()> {
        out.write_all(b": ")
    }

    fn end_object_value<W: ?Sized + io::Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.has_value = true;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".*".prop_map(Value::from),
        ];
        leaf.prop_recursive(6, 64, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(".*", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn the_bytes_are_those_of_the_library(value in values()) {
            prop_assert_eq!(text_in_lines(&value).unwrap(), serde_json::to_string_pretty(&value).unwrap());
        }
    }

    #[test]
    fn what_is_deeper_than_asked_for_stays_on_its_line() {
        let value = json!({"a": [{"b": [1, {"c": 2, "d": []}], "e": {}}, 3]});
        let text = text_in_lines_to(3, &value).unwrap();
        let lines = [
            "{",
            "  \"a\": [",
            "    {",
            "      \"b\": [1, {\"c\": 2, \"d\": []}],",
            "      \"e\": {}",
            "    },",
            "    3",
            "  ]",
            "}",
        ];
        assert_eq!(text, lines.join("\n"));
        assert_eq!(text_in_lines_to(9, &value).unwrap(), text_in_lines(&value).unwrap());
    }

    #[test]
    fn what_is_deeper_than_a_line_begins_alike() {
        let mut value = json!([1, {"a": []}]);
        for _ in 0..40 {
            value = json!({"inner": [value], "more": 1});
        }
        assert_eq!(text_in_lines(&value).unwrap(), serde_json::to_string_pretty(&value).unwrap());
    }
}
