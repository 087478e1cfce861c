//! A text as a stream of documents, of which some may be broken.

use std::collections::BTreeMap;
use std::sync::Arc;

use granit_parser::{Event, Parser, StrInput};

use super::places::Places;
use super::{Document, Step};
use crate::tree::Recovered;
use crate::tree::build::Builder;
use crate::tree::slot::{offset_of, widen};
use crate::{FileId, Limits, ParseError, ParseReason, Span};

/// How many times as often as errors are wanted a text is read from another marker on.
const TRIES: usize = 2;

/// Reads every document of `text`; after one that cannot be read, goes on with the next, until there
/// are `errors_max` errors; one more says then where what is not read begins. They come in the order of
/// the text: where more than one is wanted, one for each key that is there a second time, and one for
/// whatever else ends a document or directive.
///
/// No value runs past a line that begins with a marker (YAML 1.2.2, production `c-forbidden`), so that
/// the next document begins at the first marker behind the beginning of the broken one, wherever in
/// it the error was noticed. What exceeds a limit ends the reading.
pub(in crate::tree) fn parse(
    file: FileId,
    text: &Arc<String>,
    limits: &Limits,
    errors_max: usize,
) -> Recovered {
    let mut reading = Reading {
        file,
        text,
        limits,
        errors_max,
        found: Recovered::default(),
        begun: 0,
        nodes: 0,
        expansion_left: limits.alias_expansion_max,
        behind: 0,
    };
    let (mut base, mut tries) = (0, 0_usize);
    while let Err(error) = reading.read(base) {
        tries = tries.saturating_add(1);
        let is_last =
            matches!(error.reason, ParseReason::Limit { .. } | ParseReason::Unread { .. });
        let errors = &mut reading.found.errors;
        if errors.last() != Some(&error) {
            errors.push(error);
        }
        let next = next_marker(text, reading.behind.max(base.saturating_add(1)));
        let Some(next) = next.filter(|_| !is_last) else { break };
        // An error before any document is met again behind each marker of an end before it.
        if errors.len() >= errors_max || tries >= errors_max.saturating_mul(TRIES) {
            let span = Span::at(file, offset_of(next));
            errors.push(ParseError::new(span, ParseReason::Unread { errors: errors.len() }));
            break;
        }
        base = next;
    }
    reading.found
}

/// Where a document begins at or behind `from`: at the first line with the marker of a start, or behind
/// the first with that of an end.
fn next_marker(text: &str, from: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut start = from;
    loop {
        let rest = bytes.get(start..)?;
        let end = rest.iter().position(|byte| is_break(*byte)).unwrap_or(rest.len());
        let is_line = start == 0 || bytes.get(start - 1).is_some_and(|byte| is_break(*byte));
        let has = |marker: &[u8]| {
            let behind = rest.strip_prefix(marker).map(<[u8]>::first);
            is_line && behind.is_some_and(|next| next.is_none_or(|one| b" \t\r\n".contains(one)))
        };
        if has(b"---") {
            return Some(start);
        }
        start += end;
        if has(b"...") {
            return Some(start);
        }
        start += 1;
    }
}

const fn is_break(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}

/// What has been read of a text.
struct Reading<'t> {
    file: FileId,
    text: &'t Arc<String>,
    limits: &'t Limits,
    errors_max: usize,
    found: Recovered,
    /// How many documents have begun, broken ones among them.
    begun: usize,
    nodes: u64,
    expansion_left: u64,
    /// Behind the marker that the last document begins with, or behind that document.
    behind: usize,
}

impl Reading<'_> {
    /// Reads the documents from one place of the text on, up to the end or the first error.
    fn read(&mut self, base: usize) -> Step {
        let (text, limits) = (self.text, self.limits);
        let depth = widen(limits.depth_max).saturating_add(1);
        let mut options = granit_parser::options! {
            flow_nesting_limit: depth,
            block_nesting_limit: depth,
            emit_unresolved_aliases: true,
        };
        options.set_emit_comments(false);
        let rest = text.get(base..).unwrap_or_default();
        let places = Places { file: self.file, base, text };
        let mut parser: Parser<'_, StrInput<'_>> = Parser::new_from_str_with_options(rest, options);
        while let Some(next) = parser.next_event() {
            let (event, place) = next.map_err(|error| places.error(limits, &error))?;
            if let Event::DocumentStart(..) = event {
                let span = places.span(place);
                if self.begun >= widen(limits.documents_max) {
                    let max = u64::from(limits.documents_max);
                    let reason = ParseReason::Limit { name: "documents_max", max };
                    return Err(ParseError::new(span, reason));
                }
                self.begun += 1;
                self.behind = widen(span.end).saturating_add(1);
                let mut builder = Builder::new(self.file, text, limits, self.nodes);
                if self.errors_max > 1 {
                    builder = builder.going_on(self.errors_max, self.found.errors.len());
                }
                let mut document = Document {
                    text,
                    places,
                    builder,
                    frames: Vec::new(),
                    anchors: BTreeMap::new(),
                    expansion_left: self.expansion_left,
                    expansion_max: limits.alias_expansion_max,
                };
                let end = document.read(&mut parser, limits);
                self.expansion_left = document.expansion_left;
                let repeated = document.builder.take_repeated();
                let is_sound = repeated.is_empty();
                self.found.errors.extend(repeated);
                let total = document.builder.nodes();
                let before = std::mem::replace(&mut self.nodes, total);
                self.behind = self.behind.max(widen(end?));
                let tree = document.builder.finish(Arc::clone(text), before);
                if is_sound {
                    self.found.trees.push(tree);
                } else {
                    self.found.repeating.push(tree);
                }
            }
        }
        Ok(())
    }
}
