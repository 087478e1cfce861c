//! Why a text was not read, and why a field was not.

use crate::{Code, Diagnostic, Span, codes};

/// A text that is not the JSON or YAML that it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct ParseError {
    /// The place that cannot be read; empty at the end of a text that is too short.
    pub span: Span,
    /// What is wrong there.
    pub reason: ParseReason,
    /// Another place that matters: the first of two equal keys, the anchor of an alias.
    pub related: Option<Span>,
}

/// What is wrong with a text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseReason {
    /// A byte sequence that is no character.
    #[error("the file is not UTF-8 from here on")]
    NotUtf8,
    /// No text at all where a value was needed.
    #[error("the file is empty, expected a value")]
    Empty,
    /// The end of the text where more was needed.
    #[error("the text ends here, expected {expected}")]
    Truncated {
        /// What was needed.
        expected: &'static str,
    },
    /// A character that does not fit.
    #[error("found `{}`, expected {expected}", .found.escape_debug())]
    Unexpected {
        /// The character.
        found: char,
        /// What was needed instead.
        expected: &'static str,
    },
    /// Something after the end of the value.
    #[error("found `{}` after the end of the value, expected the end of the text", .found.escape_debug())]
    Trailing {
        /// The first character of it.
        found: char,
    },
    /// A backslash followed by something that RFC 8259, section 7, does not define.
    #[error("the escape `{text}` does not exist")]
    BadEscape {
        /// The escape as written.
        text: String,
    },
    /// Half of a surrogate pair.
    #[error("the escape is half of a surrogate pair without its other half")]
    LoneSurrogate,
    /// A raw control character inside a string.
    #[error("the string holds the raw control character U+{code:04X}, expected an escape")]
    ControlCharacter {
        /// The character.
        code: u8,
    },
    /// A number that RFC 8259, section 6, does not allow.
    #[error("the number is not well-formed: {why}")]
    Number {
        /// What is wrong with it.
        why: &'static str,
    },
    /// The same key twice in one object; `related` is the first.
    #[error("the object names the key `{key}` twice")]
    DuplicateKey {
        /// The key, shortened when it is long.
        key: String,
    },
    /// More than a limit allows.
    #[error("the input exceeds the limit `{name}`, which is {max}")]
    Limit {
        /// The field of [`Limits`](crate::Limits).
        name: &'static str,
        /// Its value.
        max: u64,
    },
    /// The rest of a text of which too much is broken.
    #[error("what follows is not read; errors before it: {errors}")]
    Unread {
        /// How many.
        errors: usize,
    },
    /// YAML that its grammar does not allow.
    #[error("not well-formed YAML: {why}")]
    Yaml {
        /// What the YAML scanner says.
        why: String,
    },
    /// A YAML tag that is not read, or does not fit its value.
    #[error("the tag `{tag}` is not supported on this value")]
    Tag {
        /// The tag as written.
        tag: String,
    },
    /// A YAML merge key `<<`.
    #[error("the merge key `<<` is not supported")]
    MergeKey,
    /// A YAML key that is not a string.
    #[error("the key is {found}, expected a string")]
    KeyType {
        /// What the key is.
        found: &'static str,
    },
    /// A YAML alias whose anchor does not exist before it in the document.
    #[error("the alias refers to an anchor that the document does not define before it")]
    UnknownAlias,
    /// A YAML alias inside the value that it refers to.
    #[error("the alias refers to a value that holds the alias itself")]
    RecursiveAlias,
}

impl ParseError {
    pub(crate) const fn new(span: Span, reason: ParseReason) -> Self {
        Self { span, reason, related: None }
    }

    /// The code of the diagnostic that this becomes.
    pub const fn code(&self) -> Code {
        match &self.reason {
            ParseReason::NotUtf8 => codes::ENCODING,
            ParseReason::Empty | ParseReason::Truncated { .. } => codes::TRUNCATED,
            ParseReason::Unexpected { .. } | ParseReason::Yaml { .. } => codes::SYNTAX,
            ParseReason::Trailing { .. } => codes::TRAILING,
            ParseReason::BadEscape { .. }
            | ParseReason::LoneSurrogate
            | ParseReason::ControlCharacter { .. } => codes::STRING,
            ParseReason::Number { .. } => codes::NUMBER,
            ParseReason::DuplicateKey { .. } => codes::DUPLICATE_KEY,
            ParseReason::Limit { .. } | ParseReason::Unread { .. } => codes::LIMIT,
            ParseReason::Tag { .. } | ParseReason::MergeKey | ParseReason::KeyType { .. } => {
                codes::UNSUPPORTED
            }
            ParseReason::UnknownAlias | ParseReason::RecursiveAlias => codes::ALIAS,
        }
    }

    const fn help(&self) -> Option<&'static str> {
        match &self.reason {
            ParseReason::NotUtf8 => Some("convert the file to UTF-8"),
            ParseReason::Empty => Some(
                "a command that failed may have left it: delete the file, and what it would have \
                 told is unknown; or collect it again",
            ),
            ParseReason::Truncated { .. } => {
                Some("the file may have been cut off while it was written; collect it again")
            }
            ParseReason::Limit { .. } => Some("split the input, or raise the limit"),
            ParseReason::Unread { .. } => Some("correct these errors first"),
            ParseReason::MergeKey => Some("write the merged fields out"),
            ParseReason::KeyType { .. } => Some("put the key in quotes"),
            _ => None,
        }
    }
}

impl From<ParseError> for Diagnostic {
    fn from(error: ParseError) -> Self {
        let mut diagnostic =
            Self::error(error.code(), error.to_string()).with_label(error.span, "");
        if let Some(span) = error.related {
            let text = match error.reason {
                ParseReason::DuplicateKey { .. } => "the first one is here",
                _ => "see here",
            };
            diagnostic = diagnostic.with_related(span, text);
        }
        match error.help() {
            Some(help) => diagnostic.with_help(help),
            None => diagnostic,
        }
    }
}

/// A field that is missing although it is required, or has another type than expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{path}`: expected {expected}, found {found}")]
pub struct FieldError {
    /// The value that is wrong, or the object that lacks the field.
    pub span: Span,
    /// The field from the top of the document, such as `$.Vpcs[3].CidrBlock`.
    pub path: String,
    /// What was expected, with its article.
    pub expected: &'static str,
    /// What stands there, shortened when it is long; `nothing` when the field is missing.
    pub found: String,
    /// Whether the field is missing or null, as opposed to being of another type.
    pub missing: bool,
}

impl FieldError {
    /// The code of the diagnostic that this becomes.
    pub const fn code(&self) -> Code {
        if self.missing { codes::FIELD_MISSING } else { codes::FIELD_TYPE }
    }
}

impl From<FieldError> for Diagnostic {
    fn from(error: FieldError) -> Self {
        Self::error(error.code(), error.to_string()).with_label(error.span, "")
    }
}
