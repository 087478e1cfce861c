//! Collecting diagnostics up to a limit, and printing them as text.

use std::fmt::Write;

use crate::{Diagnostic, Limits, Severity, Sources, Span, codes};

#[cfg(test)]
mod tests;

/// A bounded collection of diagnostics.
///
/// The first `diagnostics_max` that are pushed are kept; the rest is counted by severity, and
/// [`into_sorted`](Self::into_sorted) says how many were left out.
#[derive(Debug, Clone)]
pub struct Diagnostics {
    kept: Vec<Diagnostic>,
    kept_max: usize,
    left_out: [u64; 3],
    errors: u64,
}

impl Default for Diagnostics {
    fn default() -> Self {
        Self::new(&Limits::default())
    }
}

impl Diagnostics {
    /// An empty collection that keeps up to `limits.diagnostics_max`.
    pub fn new(limits: &Limits) -> Self {
        let kept_max = usize::try_from(limits.diagnostics_max).unwrap_or(usize::MAX);
        Self { kept: Vec::new(), kept_max, left_out: [0; 3], errors: 0 }
    }

    /// Adds one diagnostic, or counts it when the collection is full.
    pub fn push(&mut self, diagnostic: impl Into<Diagnostic>) {
        let diagnostic = diagnostic.into();
        if diagnostic.severity == Severity::Error {
            self.errors = self.errors.saturating_add(1);
        }
        if self.kept.len() < self.kept_max {
            self.kept.push(diagnostic);
        } else {
            let count = &mut self.left_out[severity_index(diagnostic.severity)];
            *count = count.saturating_add(1);
        }
    }

    /// Adds everything that `other` kept or counted.
    pub fn merge(&mut self, other: Self) {
        let kept_errors = other.kept.iter().filter(|one| one.severity == Severity::Error).count();
        let counted_errors = other.errors.saturating_sub(u64::try_from(kept_errors).unwrap_or(0));
        for diagnostic in other.kept {
            self.push(diagnostic);
        }
        self.errors = self.errors.saturating_add(counted_errors);
        for (count, more) in self.left_out.iter_mut().zip(other.left_out) {
            *count = count.saturating_add(more);
        }
    }

    /// Whether any error was pushed, kept or not.
    pub const fn has_errors(&self) -> bool {
        self.errors > 0
    }

    /// The number of errors that were pushed, kept or not.
    pub const fn errors(&self) -> u64 {
        self.errors
    }

    /// The number of diagnostics that were pushed but not kept.
    pub fn left_out(&self) -> u64 {
        self.left_out.iter().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// Whether nothing was pushed.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty() && self.left_out() == 0
    }

    /// The diagnostics that were kept, in the order of pushing.
    pub fn kept(&self) -> &[Diagnostic] {
        &self.kept
    }

    /// The diagnostics in order; the last one says how many were left out, if any.
    pub fn into_sorted(self) -> Vec<Diagnostic> {
        let closing = self.closing();
        let mut sorted = self.kept;
        sorted.sort();
        sorted.extend(closing);
        sorted
    }

    fn closing(&self) -> Option<Diagnostic> {
        let [errors, warnings, notes] = self.left_out;
        if self.left_out() == 0 {
            return None;
        }
        let severity = match (errors, warnings) {
            (0, 0) => Severity::Note,
            (0, _) => Severity::Warning,
            _ => Severity::Error,
        };
        let message = format!(
            "{} more diagnostics were left out: {errors} errors, {warnings} warnings, {notes} notes",
            self.left_out()
        );
        let help =
            format!("mend the ones above, or raise `diagnostics_max`, which is {}", self.kept_max);
        Some(Diagnostic::new(severity, codes::LEFT_OUT, message).with_help(help))
    }
}

impl<D: Into<Diagnostic>> Extend<D> for Diagnostics {
    fn extend<I: IntoIterator<Item = D>>(&mut self, diagnostics: I) {
        for diagnostic in diagnostics {
            self.push(diagnostic);
        }
    }
}

const fn severity_index(severity: Severity) -> usize {
    match severity {
        Severity::Error => 0,
        Severity::Warning => 1,
        Severity::Note => 2,
    }
}

/// The diagnostics as text, one block each, in the given order:
///
/// ```text
/// vpcs.json:3:14: error[WT0011]: `$.Vpcs[0].VpcId`: expected a string, found the number `7`
///   here: a number
///   resource: vpc-1
///   vpcs.json:1:1: the object starts here
///   help: ...
/// ```
///
/// Lines after the first appear only where there is something to say.
pub fn render_text(diagnostics: &[Diagnostic], sources: &Sources) -> String {
    let mut text = String::new();
    for diagnostic in diagnostics {
        render_one(&mut text, diagnostic, sources);
    }
    text
}

fn render_one(text: &mut String, diagnostic: &Diagnostic, sources: &Sources) {
    if let Some((span, _)) = &diagnostic.label {
        push_place(text, *span, sources);
    }
    let Diagnostic { severity, code, message, .. } = diagnostic;
    push_line(text, format_args!("{severity}[{code}]: {message}"));
    if let Some((_, label)) = &diagnostic.label
        && !label.is_empty()
    {
        push_line(text, format_args!("  here: {label}"));
    }
    if let Some(resource) = &diagnostic.resource {
        push_line(text, format_args!("  resource: {resource}"));
    }
    for (span, note) in &diagnostic.related {
        text.push_str("  ");
        push_place(text, *span, sources);
        push_line(text, format_args!("{note}"));
    }
    if let Some(help) = &diagnostic.help {
        push_line(text, format_args!("  help: {help}"));
    }
}

fn push_place(text: &mut String, span: Span, sources: &Sources) {
    let position = sources.position(span.file, span.start);
    let path = sources.path(span.file);
    push(text, format_args!("{path}:{}:{}: ", position.line, position.column));
}

fn push_line(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    push(text, arguments);
    text.push('\n');
}

fn push(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail; the trait merely cannot say so.
    let _infallible = text.write_fmt(arguments);
}
