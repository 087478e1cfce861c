//! The codes of this crate's diagnostics.

use std::fmt;

/// The stable name of a kind of diagnostic, such as `WT0003`.
///
/// `WT00xx` belong to this crate; each other crate has a hundred of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code(pub &'static str);

impl Code {
    /// The code as text.
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for Code {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0)
    }
}

/// One line of the table of codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodeLine {
    /// The code.
    pub code: Code,
    /// What it means, in one line.
    pub meaning: &'static str,
}

macro_rules! codes {
    ($($name:ident = $text:literal: $meaning:literal;)*) => {
        $(
            #[doc = $meaning]
            pub(crate) const $name: Code = Code($text);
        )*

        /// Every code of this crate with its meaning, in the order of the codes.
        pub const CODES: &[CodeLine] =
            &[$(CodeLine { code: $name, meaning: $meaning }),*];
    };
}

codes! {
    SYNTAX = "WT0001": "the text is not well-formed JSON or YAML";
    TRUNCATED = "WT0002": "the text ends before the value is complete";
    TRAILING = "WT0003": "text follows the end of the value";
    ENCODING = "WT0004": "the file is not UTF-8";
    STRING = "WT0005": "a string holds a bad escape, a lone surrogate or a raw control character";
    NUMBER = "WT0006": "a number is not written the way the format allows";
    DUPLICATE_KEY = "WT0007": "an object names the same key twice";
    LIMIT = "WT0008": "the input is larger, deeper or longer than a limit allows";
    UNSUPPORTED = "WT0009": "the YAML uses a feature that is not read: a tag, a merge key, a key that is not a string";
    ALIAS = "WT0010": "a YAML alias refers to nothing, or to a value that holds it";
    FIELD_TYPE = "WT0011": "a field has another type than the format defines";
    FIELD_MISSING = "WT0012": "a field that the format requires is missing or null";
    LEFT_OUT = "WT0013": "diagnostics were left out because there were too many";
    FORMAT = "WT0014": "the text names a format, or a version of one, that is not read";
}

/// What a code of this crate means; `None` for a code of another crate.
pub fn explain(code: Code) -> Option<&'static str> {
    CODES.iter().find(|line| line.code == code).map(|line| line.meaning)
}
