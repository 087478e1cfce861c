//! Diagnostics on the terminal.

use std::fmt::Write as _;
use std::io::IsTerminal;
use std::sync::OnceLock;

use miette::{
    GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError, MietteSpanContents,
    SourceCode, SourceSpan, SpanContents,
};
use watertight_source::{Diagnostic, Severity, Sources, Span, render_text};

use crate::exit::say;
use crate::text::{clean, one_line};

/// How many warnings are printed without `--verbose`.
const SHOWN_MAX: usize = 3;
/// How many errors are printed without `--verbose`.
const ERRORS_SHOWN_MAX: usize = 20;
/// How many characters of a line are shown around the place of a diagnostic.
const EXCERPT_MAX: usize = 160;

/// How many diagnostics of a severity there are.
pub(crate) fn count(diagnostics: &[Diagnostic], severity: Severity) -> u64 {
    let count = diagnostics.iter().filter(|one| one.severity == severity).count();
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// Says what there is to know about an input that is used: counts and the first few warnings, or
/// everything.
pub(crate) fn summarise(diagnostics: &[Diagnostic], sources: &Sources, verbose: bool) {
    if diagnostics.is_empty() {
        return;
    }
    if verbose {
        say(&clean(&render_text(diagnostics, sources)));
        return;
    }
    let warnings = diagnostics.iter().filter(|one| one.severity == Severity::Warning);
    let mut text = String::new();
    for diagnostic in warnings.take(SHOWN_MAX) {
        let place = diagnostic.span().map_or_else(String::new, |span| place(span, sources));
        // Writing to a String cannot fail.
        let _infallible = writeln!(
            text,
            "warning[{}]: {}{}{place}",
            diagnostic.code,
            diagnostic.message,
            if place.is_empty() { "" } else { ", at " },
        );
    }
    let (warnings, notes) =
        (count(diagnostics, Severity::Warning), count(diagnostics, Severity::Note));
    let counts: Vec<String> = [(warnings, "warning"), (notes, "note")]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, noun)| crate::text::counted(count, noun))
        .collect();
    let _infallible =
        writeln!(text, "the input has {}; `--verbose` shows all", counts.join(" and "));
    say(&clean(&text));
}

/// `file:line` of a place.
pub(crate) fn place(span: Span, sources: &Sources) -> String {
    format!("{}:{}", sources.path(span.file), sources.position(span.file, span.start).line)
}

/// Prints errors with the lines that they are about.
pub(crate) fn errors(diagnostics: &[Diagnostic], sources: &Sources, verbose: bool) {
    let shown = if verbose { usize::MAX } else { ERRORS_SHOWN_MAX };
    let handler = GraphicalReportHandler::new_themed(theme()).with_width(100);
    let mut text = String::new();
    for diagnostic in diagnostics.iter().take(shown) {
        let report = Report { diagnostic, sources, excerpt: OnceLock::new() };
        if handler.render_report(&mut text, &report).is_err() {
            text.push_str(&clean(&render_text(std::slice::from_ref(diagnostic), sources)));
        }
    }
    let more = diagnostics.len().saturating_sub(shown);
    if more > 0 {
        let _infallible = writeln!(text, "and {more} more; `--verbose` shows all");
    }
    say(&text);
}

/// Colours only where somebody sees them and wants them.
fn theme() -> GraphicalTheme {
    if crate::output::colours_wanted() && std::io::stderr().is_terminal() {
        GraphicalTheme::unicode()
    } else {
        GraphicalTheme::unicode_nocolor()
    }
}

/// A diagnostic for miette to draw.
struct Report<'a> {
    diagnostic: &'a Diagnostic,
    sources: &'a Sources,
    /// The line of the place, made harmless for a terminal.
    excerpt: OnceLock<Vec<u8>>,
}

impl std::fmt::Debug for Report<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.diagnostic.fmt(formatter)
    }
}

impl std::fmt::Display for Report<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&one_line(&self.diagnostic.message))
    }
}

impl std::error::Error for Report<'_> {}

impl miette::Diagnostic for Report<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        Some(Box::new(self.diagnostic.code))
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.diagnostic.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
            Severity::Note => miette::Severity::Advice,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        let help = self.diagnostic.help.as_deref()?;
        Some(Box::new(help))
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.diagnostic.span().is_some().then_some(self)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let (span, text) = self.diagnostic.label.as_ref()?;
        let text = if text.is_empty() { "here" } else { text.as_str() };
        let label = LabeledSpan::new_with_span(Some(text.to_owned()), self.shown(*span));
        Some(Box::new(std::iter::once(label)))
    }
}

impl Report<'_> {
    /// The part of a span on its first line and within the excerpt.
    fn shown(&self, span: Span) -> SourceSpan {
        let bytes = self.sources.contents(span.file).as_bytes();
        let start = usize::try_from(span.start).unwrap_or(usize::MAX).min(bytes.len());
        let end = usize::try_from(span.end).unwrap_or(usize::MAX).clamp(start, bytes.len());
        if start == bytes.len() {
            // The end of the text is shown under its last character.
            let last = bytes.iter().rposition(|byte| !byte.is_ascii_whitespace()).unwrap_or(0);
            return SourceSpan::new(last.into(), usize::from(!bytes.is_empty()));
        }
        let covered = bytes.get(start..end).unwrap_or_default();
        let line = covered.iter().position(|byte| *byte == b'\n').unwrap_or(covered.len());
        SourceSpan::new(start.into(), line.min(EXCERPT_MAX / 2))
    }
}

impl SourceCode for Report<'_> {
    /// The line of the place, cut on both sides where it is long: bodies may be one line.
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        lines_before: usize,
        lines_after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let place = self.diagnostic.span().ok_or(MietteError::OutOfBounds)?;
        let bytes = self.sources.contents(place.file).as_bytes();
        let start = span.offset().min(bytes.len());
        let before = bytes.get(..start).unwrap_or_default();
        let from = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |feed| feed + 1);
        let from = character_start(bytes, from.max(start.saturating_sub(EXCERPT_MAX / 2)));
        let rest = bytes.get(start..).unwrap_or_default();
        let length = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
        let wanted = start.saturating_add(length.min(EXCERPT_MAX).max(span.len()));
        let until = character_start(bytes, wanted.min(bytes.len()));
        let excerpt = bytes.get(from..until).unwrap_or_default();
        // Byte for byte, so that offsets stay: what is no printable ASCII is a question mark.
        let excerpt =
            self.excerpt.get_or_init(|| excerpt.iter().map(|byte| shown(*byte)).collect());
        // Without context, it is the position of the place itself that is asked for.
        let asked = if lines_before == 0 && lines_after == 0 { start } else { from };
        let offset = u32::try_from(asked).unwrap_or(u32::MAX);
        let position = self.sources.position(place.file, offset);
        let zero_based = |number: u32| usize::try_from(number.saturating_sub(1)).unwrap_or(0);
        Ok(Box::new(MietteSpanContents::new_named(
            self.sources.path(place.file).to_owned(),
            excerpt,
            SourceSpan::new(from.into(), excerpt.len()),
            zero_based(position.line),
            zero_based(position.column),
            1,
        )))
    }
}

fn shown(byte: u8) -> u8 {
    if byte == b' ' || byte.is_ascii_graphic() { byte } else { b'?' }
}

/// The start of the character that holds a byte.
fn character_start(bytes: &[u8], offset: usize) -> usize {
    let mut start = offset;
    while start > 0 && bytes.get(start).is_some_and(|byte| byte & 0xC0 == 0x80) {
        start -= 1;
    }
    start
}
