//! Reading fields, with everything that is wrong noted and nothing given up early.

use watertight_model::Name;
use watertight_source::{Code, Diagnostic, Diagnostics, FieldError, Kind, Node, Span};

use crate::codes;
use crate::suggest;
use crate::syntax::Spanned;
use crate::words::Words;

/// The longest label key, label value or other free text that is kept.
const TEXT_BYTES_MAX: usize = 4096;

/// Where errors go while documents are read.
pub(super) struct Reader<'d> {
    diagnostics: &'d mut Diagnostics,
}

impl<'d> Reader<'d> {
    pub(super) fn new(diagnostics: &'d mut Diagnostics) -> Self {
        Self { diagnostics }
    }

    pub(super) fn push(&mut self, diagnostic: impl Into<Diagnostic>) {
        self.diagnostics.push(diagnostic);
    }

    pub(super) fn error(
        &mut self,
        code: Code,
        span: Span,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        let diagnostic = Diagnostic::error(code, message).with_label(span, "").with_help(help);
        self.diagnostics.push(diagnostic);
    }

    /// The value, or nothing and a diagnostic.
    pub(super) fn take<T>(&mut self, result: Result<T, FieldError>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                self.diagnostics.push(error);
                None
            }
        }
    }

    /// The node, if it is an object. Fields that are not known, and those without a value, are
    /// noted.
    pub(super) fn object<'t>(&mut self, node: Node<'t>, known: &[&str]) -> Option<Node<'t>> {
        let node = self.take(node.to_object())?;
        for entry in node.entries() {
            if !known.contains(&entry.key) {
                let message = format!("there is no field `{}` here", shortened(entry.key));
                let help = suggest::help(entry.key, known);
                self.error(codes::UNKNOWN_FIELD, entry.key_span, message, help);
            } else if entry.value.is_null() {
                let message = format!("the field `{}` has no value", entry.key);
                let help = "give it a value, or leave the field out";
                self.error(codes::BAD_VALUE, entry.key_span, message, help);
            }
        }
        Some(node)
    }

    /// The entries of a list. Absent is empty, and anything else is noted.
    pub(super) fn list<'t>(&mut self, node: Node<'t>, key: &str) -> Vec<Node<'t>> {
        match node.array_field(key) {
            Ok(items) => items.into_iter().flatten().collect(),
            Err(error) => {
                let help = format!("write a list: `{key}: [...]`");
                self.push(Diagnostic::from(error).with_help(help));
                Vec::new()
            }
        }
    }

    /// As [`list`](Self::list); one that is there and empty is noted.
    pub(super) fn full_list<'t>(&mut self, node: Node<'t>, key: &str) -> Vec<Node<'t>> {
        let items = self.list(node, key);
        if let Some(value) = node.get(key)
            && value.kind() == Kind::Array
            && items.is_empty()
        {
            let message = format!("`{key}` is an empty list, which would match nothing");
            self.error(codes::EMPTY, value.span(), message, "name something, or leave it out");
        }
        items
    }

    /// As [`full_list`](Self::full_list), of a list that must be there.
    pub(super) fn required_list<'t>(&mut self, node: Node<'t>, key: &str) -> Vec<Node<'t>> {
        let is_absent = node.get(key).is_none_or(Node::is_null);
        if is_absent && node.kind() == Kind::Object {
            let message = format!("`{key}` is missing");
            let help = match key {
                "from" | "to" => format!("write `{key}: [any]` where everything is meant"),
                _ => format!("write a list of at least one: `{key}: [...]`"),
            };
            self.error(codes::EMPTY, node.span(), message, help);
            return Vec::new();
        }
        self.full_list(node, key)
    }

    /// A field that is one word of an enumeration.
    pub(super) fn word_field<T: Words>(&mut self, node: Node<'_>, key: &str) -> Option<Spanned<T>> {
        let value = self.take(node.field(key)).flatten()?;
        self.word(value, T::WORDS)
    }

    /// A value that is one of these words.
    pub(super) fn word<T: Copy>(
        &mut self,
        node: Node<'_>,
        words: &[(&str, T)],
    ) -> Option<Spanned<T>> {
        // A number or a boolean is no text that lacks its quotes: none of the words is one.
        let is_scalar = matches!(node.kind(), Kind::Number | Kind::Bool);
        let text = if is_scalar { node.raw() } else { self.string(node)? };
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
            return Some(Spanned::new(*value, node.span()));
        }
        let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let message = format!("`{}` is not a value of this field", shortened(text));
        self.error(codes::BAD_VALUE, node.span(), message, suggest::help(text, &known));
        None
    }

    /// A string; for a number or a boolean, the help says how to make it one.
    pub(super) fn string<'t>(&mut self, node: Node<'t>) -> Option<&'t str> {
        match node.to_str() {
            Ok(text) if text.len() > TEXT_BYTES_MAX => {
                let message = format!("a text here has at most {TEXT_BYTES_MAX} bytes");
                self.error(codes::BAD_VALUE, node.span(), message, "shorten it");
                None
            }
            Ok(text) => Some(text),
            Err(error) => {
                let mut diagnostic = Diagnostic::from(error);
                if matches!(node.kind(), Kind::Number | Kind::Bool) {
                    let help = format!("put it in quotes: `\"{}\"`", shortened(node.raw()));
                    diagnostic = diagnostic.with_help(help);
                }
                self.push(diagnostic);
                None
            }
        }
    }

    /// A text that is not empty and has no control characters.
    pub(super) fn text(&mut self, node: Node<'_>) -> Option<Spanned<Name>> {
        let text = self.string(node)?;
        if text.is_empty() || text.chars().any(char::is_control) {
            let message = "the text is empty or holds a control character";
            self.error(codes::BAD_VALUE, node.span(), message, "write a text of one line");
            return None;
        }
        Some(Spanned::new(Name::from(text), node.span()))
    }

    pub(super) fn text_field(&mut self, node: Node<'_>, key: &str) -> Option<Spanned<Name>> {
        let value = self.take(node.field(key)).flatten()?;
        self.text(value)
    }

    /// The name of a document, or a reference to one.
    pub(super) fn name(&mut self, node: Node<'_>) -> Option<Spanned<Name>> {
        let text = self.string(node)?;
        if !is_name(text) {
            let message = format!("`{}` is not a name", shortened(text));
            let help = "names have 1 to 63 lower-case letters, digits and hyphens, and no hyphen at \
                        an end";
            self.error(codes::BAD_NAME, node.span(), message, help);
            return None;
        }
        Some(Spanned::new(Name::from(text), node.span()))
    }

    pub(super) fn name_field(&mut self, node: Node<'_>, key: &str) -> Option<Spanned<Name>> {
        let value = self.take(node.field(key)).flatten()?;
        self.name(value)
    }

    /// A list whose entries `read` takes; one that is there must not be empty.
    pub(super) fn items<'t, T>(
        &mut self,
        node: Node<'t>,
        key: &str,
        mut read: impl FnMut(&mut Self, Node<'t>) -> Option<T>,
    ) -> Vec<T> {
        let items = self.full_list(node, key);
        items.into_iter().filter_map(|item| read(self, item)).collect()
    }
}

/// Whether a text can be the name of a document: no dot, slash or colon, so that no address and no
/// domain name can be taken for one.
pub(crate) fn is_name(text: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=63).contains(&text.len())
        && text.bytes().all(is_inner)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// The start of a text for a message.
pub(crate) fn shortened(text: &str) -> String {
    let mut characters = text.chars();
    let mut short: String = characters.by_ref().take(60).flat_map(char::escape_debug).collect();
    if characters.next().is_some() {
        short.push_str("...");
    }
    short
}
