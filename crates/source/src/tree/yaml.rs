//! Reading YAML 1.2: granit-parser finds the tokens, this builds the trees and keeps the limits.

use std::collections::BTreeMap;

use granit_parser::{Event, Parser, ScalarStyle, StrInput, StructureStyle, Tag as YamlTag};

use crate::{Limits, ParseError, ParseReason, Span};

use super::build::{Builder, measure, shortened};
use super::slot::{Tag, offset_of, widen};
use places::Places;

mod comments;
mod places;
mod stream;

pub(super) use stream::parse;

pub use comments::{YamlComment, is_yaml_string, yaml_comments};

#[cfg(test)]
mod tests;

type Step = Result<(), ParseError>;

struct Document<'s> {
    text: &'s str,
    places: Places<'s>,
    builder: Builder<'s>,
    frames: Vec<Frame>,
    /// The slot of each finished value that has an anchor, and where it stands.
    anchors: BTreeMap<usize, u32>,
    expansion_left: u64,
    expansion_max: u64,
}

/// An open collection.
struct Frame {
    slot: u32,
    anchor: usize,
    is_object: bool,
    is_flow: bool,
    /// Whether the next event of an object is a key.
    awaits_key: bool,
    /// Where the last thing inside ends: block collections have no end of their own.
    last_end: u32,
}

impl<'s> Document<'s> {
    /// Takes the events up to the end of the document, and says where that is.
    fn read(
        &mut self,
        parser: &mut Parser<'s, StrInput<'s>>,
        limits: &Limits,
    ) -> Result<u32, ParseError> {
        while let Some(next) = parser.next_event() {
            let (event, place) = next.map_err(|error| self.places.error(limits, &error))?;
            let span = self.places.span(place);
            let tag_span = place.tag_span().map_or(span, |tag| self.places.span(tag));
            match event {
                Event::DocumentEnd => return Ok(span.start),
                Event::Scalar(value, style, anchor, tag) => {
                    let span = self.without_line_breaks(style, span);
                    let tag = tag.as_deref();
                    let scalar = Scalar { value: &value, style, tag, tag_span, span };
                    self.scalar(&scalar, anchor)?;
                }
                Event::SequenceStart(style, anchor, tag) => {
                    check_tag(tag.as_deref(), "seq", tag_span)?;
                    let span = self.with_first_dash(style, span);
                    self.open(Tag::Array, style, anchor, span)?;
                }
                Event::MappingStart(style, anchor, tag) => {
                    check_tag(tag.as_deref(), "map", tag_span)?;
                    self.open(Tag::Object, style, anchor, span)?;
                }
                Event::SequenceEnd | Event::MappingEnd => self.close(span)?,
                Event::Alias(anchor) => self.alias(anchor, span)?,
                Event::UnresolvedAlias(_) => {
                    return Err(ParseError::new(span, ParseReason::UnknownAlias));
                }
                // Presentation, not data.
                _ => {}
            }
        }
        Ok(offset_of(self.text.len()))
    }

    /// The parser lets a block sequence that is indented no further than its key start after its
    /// first dash. Such a dash is the first thing in its line.
    fn with_first_dash(&self, style: StructureStyle, span: Span) -> Span {
        let is_field = self.frames.last().is_some_and(|frame| frame.is_object);
        if style == StructureStyle::Flow || !is_field {
            return span;
        }
        let before = self.text.get(..widen(span.start)).unwrap_or_default();
        let line = before.rsplit(['\n', '\r']).next().unwrap_or_default();
        let content = line.trim_start_matches([' ', '\t']);
        match content.strip_prefix('-') {
            Some(rest) if rest.is_empty() || rest.starts_with([' ', '\t']) => {
                Span { start: offset_of(before.len() - content.len()), ..span }
            }
            _ => span,
        }
    }

    /// The parser counts the empty lines after a block scalar to it.
    fn without_line_breaks(&self, style: ScalarStyle, span: Span) -> Span {
        let raw = self.text.get(widen(span.start)..widen(span.end)).unwrap_or_default();
        match style {
            ScalarStyle::Literal | ScalarStyle::Folded => {
                let length = offset_of(raw.trim_end().len());
                Span { end: span.start.saturating_add(length), ..span }
            }
            _ => span,
        }
    }

    fn awaits_key(&self) -> bool {
        self.frames.last().is_some_and(|frame| frame.is_object && frame.awaits_key)
    }

    /// Notes that a key or value has ended before `end`.
    fn ended(&mut self, end: u32) {
        if let Some(frame) = self.frames.last_mut() {
            frame.last_end = frame.last_end.max(end);
            frame.awaits_key = !frame.awaits_key;
        }
    }

    fn open(&mut self, tag: Tag, style: StructureStyle, anchor: usize, span: Span) -> Step {
        let is_object = tag == Tag::Object;
        if self.awaits_key() {
            let found = if is_object { "an object" } else { "an array" };
            return Err(ParseError::new(span, ParseReason::KeyType { found }));
        }
        let slot = self.builder.next_slot();
        self.builder.open(tag, span.start, span.end)?;
        self.frames.push(Frame {
            slot,
            anchor,
            is_object,
            is_flow: style == StructureStyle::Flow,
            awaits_key: true,
            last_end: span.start,
        });
        Ok(())
    }

    fn close(&mut self, span: Span) -> Step {
        let Some(frame) = self.frames.pop() else { return Ok(()) };
        let end = if frame.is_flow { span.end.max(frame.last_end) } else { frame.last_end };
        self.builder.close(end)?;
        self.define(frame.anchor, frame.slot);
        self.ended(end);
        Ok(())
    }

    /// Makes a finished value known to the aliases that follow.
    fn define(&mut self, anchor: usize, slot: u32) {
        if anchor > 0 {
            self.anchors.insert(anchor, slot);
        }
    }

    fn alias(&mut self, anchor: usize, span: Span) -> Step {
        let Some(from) = self.anchors.get(&anchor).copied() else {
            // The parser knows the anchor, so it belongs to a value that is still open.
            let open = self.frames.iter().find(|frame| frame.anchor == anchor);
            let related = open.map(|frame| {
                let start = self.builder.store().slot(frame.slot).offset;
                Span::at(self.builder.file, start)
            });
            return Err(ParseError { span, reason: ParseReason::RecursiveAlias, related });
        };
        if self.awaits_key() {
            if self.builder.store().string(from).is_none() {
                let found = "an alias of a value that is not a string";
                return Err(ParseError::new(span, ParseReason::KeyType { found }));
            }
            self.expand(1, span)?;
            self.builder.copy_key(from);
        } else {
            let size = measure(self.builder.store(), from);
            self.expand(size.0, span)?;
            self.builder.copy_value(from, size, span)?;
        }
        self.ended(span.end);
        Ok(())
    }

    fn expand(&mut self, nodes: u64, span: Span) -> Step {
        let Some(left) = self.expansion_left.checked_sub(nodes) else {
            let max = self.expansion_max;
            return Err(self.builder.limit("alias_expansion_max", max, span.start, span.end));
        };
        self.expansion_left = left;
        Ok(())
    }

    fn scalar(&mut self, scalar: &Scalar<'_>, anchor: usize) -> Step {
        let span = scalar.span;
        let longest = span.len().max(offset_of(scalar.value.len()));
        let max = self.builder.string_bytes_max;
        if longest > max && scalar.written_length(self.text) > max {
            return Err(self.builder.limit("string_bytes_max", max.into(), span.start, span.end));
        }
        let slot = self.builder.next_slot();
        let tag = scalar.resolve(self.text)?;
        if self.awaits_key() {
            self.key(scalar, tag)?;
        } else if tag == Tag::Decoded {
            let decoded_from = self.builder.decoded.len();
            self.builder.decoded.push_str(scalar.value);
            self.builder.decoded_scalar(span.start, span.end, decoded_from)?;
        } else {
            self.builder.scalar(tag, span.start, span.end)?;
        }
        self.define(anchor, slot);
        self.ended(span.end);
        Ok(())
    }

    fn key(&mut self, scalar: &Scalar<'_>, tag: Tag) -> Step {
        let span = scalar.span;
        let found = match tag {
            Tag::Null => "null",
            Tag::False | Tag::True => "a boolean",
            Tag::Number => "a number",
            Tag::Plain if scalar.value == "<<" => {
                return Err(ParseError::new(span, ParseReason::MergeKey));
            }
            Tag::Decoded => {
                let decoded_from = self.builder.decoded.len();
                self.builder.decoded.push_str(scalar.value);
                self.builder.decoded_key(span.start, span.end, decoded_from);
                return Ok(());
            }
            _ => {
                self.builder.key(tag, span.start, span.end);
                return Ok(());
            }
        };
        Err(ParseError::new(span, ParseReason::KeyType { found }))
    }
}

/// A scalar as the parser reports it.
struct Scalar<'e> {
    value: &'e str,
    style: ScalarStyle,
    tag: Option<&'e YamlTag>,
    tag_span: Span,
    span: Span,
}

impl Scalar<'_> {
    fn raw<'t>(&self, text: &'t str) -> &'t str {
        text.get(widen(self.span.start)..widen(self.span.end)).unwrap_or_default()
    }

    /// The longer of the text without its quotes and the value.
    fn written_length(&self, text: &str) -> u32 {
        let quotes = match self.style {
            ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => 2,
            _ => 0,
        };
        let written = self.raw(text).len().saturating_sub(quotes);
        offset_of(written.max(self.value.len()))
    }

    /// What the scalar is, by its tag or else by the core schema.
    fn resolve(&self, text: &str) -> Result<Tag, ParseError> {
        let plain = match self.style {
            ScalarStyle::Plain => core_schema(self.value),
            _ => None,
        };
        let Some(tag) = self.tag else { return Ok(plain.unwrap_or_else(|| self.string(text))) };
        let fits = match plain {
            _ if tag.is_yaml_core_schema_tag("str") => return Ok(self.string(text)),
            Some(Tag::Null) => tag.is_yaml_core_schema_tag("null"),
            Some(Tag::False | Tag::True) => tag.is_yaml_core_schema_tag("bool"),
            Some(_) if is_integer(self.value) => {
                tag.is_yaml_core_schema_tag("int") || tag.is_yaml_core_schema_tag("float")
            }
            Some(_) => tag.is_yaml_core_schema_tag("float"),
            None => false,
        };
        match plain {
            Some(plain) if fits => Ok(plain),
            _ => Err(ParseError::new(self.tag_span, tag_reason(tag))),
        }
    }

    /// How the value of a string relates to its text.
    fn string(&self, text: &str) -> Tag {
        let raw = self.raw(text);
        match self.style {
            ScalarStyle::Plain if raw == self.value => Tag::Plain,
            ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted
                if raw.get(1..raw.len().saturating_sub(1)) == Some(self.value) =>
            {
                Tag::Quoted
            }
            _ => Tag::Decoded,
        }
    }
}

/// A collection carries no tag but its own.
fn check_tag(tag: Option<&YamlTag>, suffix: &str, span: Span) -> Step {
    match tag {
        Some(tag) if !tag.is_yaml_core_schema_tag(suffix) => {
            Err(ParseError::new(span, tag_reason(tag)))
        }
        _ => Ok(()),
    }
}

fn tag_reason(tag: &YamlTag) -> ParseReason {
    ParseReason::Tag { tag: shortened(&tag.original()) }
}

/// What a plain scalar is in the core schema (YAML 1.2.2, section 10.3.2); `None` for a string.
fn core_schema(value: &str) -> Option<Tag> {
    match value {
        "" | "~" | "null" | "Null" | "NULL" => return Some(Tag::Null),
        "true" | "True" | "TRUE" => return Some(Tag::True),
        "false" | "False" | "FALSE" => return Some(Tag::False),
        ".nan" | ".NaN" | ".NAN" => return Some(Tag::Number),
        _ => {}
    }
    let unsigned = value.strip_prefix(['-', '+']).unwrap_or(value);
    let is_number =
        matches!(unsigned, ".inf" | ".Inf" | ".INF") || is_integer(value) || is_float(unsigned);
    is_number.then_some(Tag::Number)
}

/// `[-+]?[0-9]+`, `0o[0-7]+` or `0x[0-9a-fA-F]+`.
fn is_integer(value: &str) -> bool {
    let all = |digits: &str, base| !digits.is_empty() && digits.chars().all(|c| c.is_digit(base));
    match (value.strip_prefix("0x"), value.strip_prefix("0o")) {
        (Some(digits), _) => all(digits, 16),
        (_, Some(digits)) => all(digits, 8),
        _ => all(value.strip_prefix(['-', '+']).unwrap_or(value), 10),
    }
}

/// `( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?`
fn is_float(unsigned: &str) -> bool {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let exponent_fits = exponent.is_none_or(|exponent| {
        let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        !exponent.is_empty() && digits(exponent)
    });
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let any = !whole.is_empty() || !fraction.is_empty();
    exponent_fits && any && digits(whole) && digits(fraction)
}
