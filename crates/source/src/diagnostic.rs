//! What is wrong with an input, as plain data.

use std::fmt;

use crate::{Code, Span};

/// How bad it is. Ordered from worst to mildest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The input, or a part of it, cannot be used.
    Error,
    /// The input is used, with a doubt that could change an answer.
    Warning,
    /// Worth knowing; changes no answer.
    Note,
}

impl Severity {
    /// The lower-case name, as reports print it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// One thing to tell the user about an input.
///
/// Ordered by place (those without a place last), then severity, code and the texts, so that a
/// sorted list reads like the files do and is the same on every run.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Diagnostic {
    /// The stable name of this kind of diagnostic.
    pub code: Code,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong: lower-case, no final stop, the user's input in backticks.
    pub message: String,
    /// The place, and what stands there; the text may be empty.
    pub label: Option<(Span, String)>,
    /// Other places that matter, such as the first of two equal keys.
    pub related: Vec<(Span, String)>,
    /// The id of the resource that this is about.
    pub resource: Option<String>,
    /// What to do about it.
    pub help: Option<String>,
}

impl Diagnostic {
    /// A diagnostic without a place, resource or help; add them with the `with_` methods.
    pub fn new(severity: Severity, code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            severity,
            message: message.into(),
            label: None,
            related: Vec::new(),
            resource: None,
            help: None,
        }
    }

    /// A diagnostic of severity error.
    pub fn error(code: Code, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, message)
    }

    /// A diagnostic of severity warning.
    pub fn warning(code: Code, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, message)
    }

    /// A diagnostic of severity note.
    pub fn note(code: Code, message: impl Into<String>) -> Self {
        Self::new(Severity::Note, code, message)
    }

    /// The same diagnostic at a place; `text` says what stands there and may be empty.
    #[must_use]
    pub fn with_label(mut self, span: Span, text: impl Into<String>) -> Self {
        self.label = Some((span, text.into()));
        self
    }

    /// The same diagnostic with one more place that matters.
    #[must_use]
    pub fn with_related(mut self, span: Span, text: impl Into<String>) -> Self {
        self.related.push((span, text.into()));
        self
    }

    /// The same diagnostic about a resource.
    #[must_use]
    pub fn with_resource(mut self, resource: impl Into<String>) -> Self {
        self.resource = Some(resource.into());
        self
    }

    /// The same diagnostic with advice.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The place, if there is one.
    pub fn span(&self) -> Option<Span> {
        self.label.as_ref().map(|(span, _)| *span)
    }

    fn sort_key(&self) -> impl Ord + '_ {
        (
            (self.label.is_none(), &self.label),
            (self.severity, self.code),
            (&self.message, &self.resource, &self.related, &self.help),
        )
    }
}

impl Ord for Diagnostic {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.sort_key().cmp(&other.sort_key())
    }
}

impl PartialOrd for Diagnostic {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
