//! Where what the parser tells of stands in the text.

use granit_parser::{ErrorKind, ScanError, Span as Place};

use crate::tree::slot::offset_of;
use crate::{FileId, Limits, ParseError, ParseReason, Span};

/// Where what the parser tells of stands: it reads from `base` on.
#[derive(Clone, Copy)]
pub(super) struct Places<'t> {
    pub(super) file: FileId,
    pub(super) base: usize,
    pub(super) text: &'t str,
}

impl Places<'_> {
    fn offset(self, offset: Option<usize>) -> usize {
        offset.unwrap_or_default().saturating_add(self.base).min(self.text.len())
    }

    pub(super) fn span(self, place: Place) -> Span {
        let start = offset_of(self.offset(place.start.byte_offset()));
        let end = offset_of(self.offset(place.end.byte_offset()));
        Span::new(self.file, start, end.max(start))
    }

    pub(super) fn error(self, limits: &Limits, error: &ScanError) -> ParseError {
        let span = Span::at(self.file, offset_of(self.offset(error.marker().byte_offset())));
        let reason = match error.kind() {
            ErrorKind::RecursionLimitExceeded => {
                ParseReason::Limit { name: "depth_max", max: limits.depth_max.into() }
            }
            ErrorKind::UnexpectedEof
            | ErrorKind::UnexpectedEofBlockMapping
            | ErrorKind::UnexpectedEofBlockSequence
            | ErrorKind::UnexpectedEofFlowMapping
            | ErrorKind::UnexpectedEofFlowSequence
            | ErrorKind::UnexpectedEofImplicitFlowMapping => {
                ParseReason::Truncated { expected: "the end of the collection" }
            }
            ErrorKind::UnknownAnchor => ParseReason::UnknownAlias,
            _ => ParseReason::Yaml { why: error.info() },
        };
        ParseError::new(span, reason)
    }
}
