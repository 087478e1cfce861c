//! Where something stands in a file, and where a fact came from.

use std::sync::Arc;

use crate::FileId;

/// A range of bytes of one file: `start` inclusive, `end` exclusive, both counted from 0.
///
/// Ordered by file, then start, then end: the order in which a reader meets the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The file.
    pub file: FileId,
    /// Offset of the first byte.
    pub start: u32,
    /// Offset after the last byte.
    pub end: u32,
}

impl Span {
    /// A span of `file` from byte `start` up to, not including, byte `end`.
    pub const fn new(file: FileId, start: u32, end: u32) -> Self {
        Self { file, start, end }
    }

    /// The empty span at byte `offset`: a place between two characters.
    pub const fn at(file: FileId, offset: u32) -> Self {
        Self { file, start: offset, end: offset }
    }

    /// Length in bytes; 0 when the end does not lie after the start.
    pub const fn len(self) -> u32 {
        self.end.saturating_sub(self.start)
    }

    /// Whether the span covers no byte.
    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }
}

/// Where a fact came from: a place in a file, a resource, a rule of it, or several of these.
///
/// The texts are shared, so that many facts of one resource cost one copy of its id.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin {
    /// The place in a file.
    pub span: Option<Span>,
    /// The id of the resource, as its provider writes it.
    pub resource: Option<Arc<str>>,
    /// The id of the rule within the resource.
    pub rule: Option<Arc<str>>,
}

impl Origin {
    /// An origin that is a place in a file.
    pub const fn of_span(span: Span) -> Self {
        Self { span: Some(span), resource: None, rule: None }
    }

    /// An origin that is a resource.
    pub fn of_resource(resource: impl Into<Arc<str>>) -> Self {
        Self { span: None, resource: Some(resource.into()), rule: None }
    }

    /// The same origin, with its place in a file.
    #[must_use]
    pub fn with_span(mut self, span: Span) -> Self {
        self.span = Some(span);
        self
    }

    /// The same origin, narrowed to one rule of the resource.
    #[must_use]
    pub fn with_rule(mut self, rule: impl Into<Arc<str>>) -> Self {
        self.rule = Some(rule.into());
        self
    }
}
