//! Reading fields, with what is wrong as diagnostics.

use watertight_model::Name;
use watertight_source::{Code, Diagnostic, Diagnostics, FieldError, Node, Span};

use crate::codes;

/// Collects what is wrong while objects are read.
#[derive(Debug)]
pub(crate) struct Notes {
    pub(crate) diagnostics: Diagnostics,
}

impl Notes {
    /// The value of a field; what is wrong with it is noted.
    pub(crate) fn take<T>(&mut self, field: Result<Option<T>, FieldError>) -> Option<T> {
        field.unwrap_or_else(|error| {
            self.diagnostics.push(error);
            None
        })
    }

    /// The items of a field that is an array; nothing when it is absent.
    pub(crate) fn items<'t>(&mut self, node: Node<'t>, key: &str) -> Vec<Node<'t>> {
        self.take(node.array_field(key)).map(Iterator::collect).unwrap_or_default()
    }

    /// Notes an error at a place of the input.
    pub(crate) fn error(&mut self, code: Code, span: Span, message: impl Into<String>) {
        self.diagnostics.push(Diagnostic::error(code, message).with_label(span, ""));
    }

    /// Notes something odd at a place of the input.
    pub(crate) fn warn(&mut self, code: Code, span: Span, message: impl Into<String>) {
        self.diagnostics.push(Diagnostic::warning(code, message).with_label(span, ""));
    }

    /// Notes something good to know about a place of the input.
    pub(crate) fn note(&mut self, code: Code, span: Span, message: impl Into<String>) {
        self.diagnostics.push(Diagnostic::note(code, message).with_label(span, ""));
    }

    /// Warns of fields that are not among those that are read: a misspelt one would be no rule.
    pub(crate) fn only(&mut self, node: Node<'_>, known: &[&str]) {
        for entry in node.entries().filter(|entry| !known.contains(&entry.key)) {
            let message = format!("the field `{}` is not read here", entry.key);
            let listed = known.join("`, `");
            let diagnostic = Diagnostic::warning(codes::UNREAD_FIELD, message)
                .with_label(entry.key_span, "")
                .with_help(format!("what is read: `{listed}`"));
            self.diagnostics.push(diagnostic);
        }
    }

    /// A string's value as a name.
    pub(crate) fn name(&mut self, node: Node<'_>, key: &str) -> Option<Name> {
        self.take(node.str_field(key)).map(Name::from)
    }
}
