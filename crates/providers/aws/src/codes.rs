//! The codes of this crate's diagnostics.

use watertight_source::{Code, CodeLine};

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
    CONFLICT = "WT0100": "one id stands for two resources with different contents";
    UNRECOGNISED = "WT0101": "a body is no answer of a call that is read";
    UNREAD_KEY = "WT0102": "a body holds a list that is not read beside those that are";
    TOO_MANY = "WT0103": "a resource holds more parts than a limit allows";
    BAD_PREFIX = "WT0104": "a field that should be an address prefix is none";
    BAD_ADDRESS = "WT0105": "a field that should be an IP address is none";
    BAD_NUMBER = "WT0106": "a port, type or protocol number is outside of its range";
    MISSING = "WT0107": "a reference leads to a resource that is not in the input";
    UNKNOWN_VALUE = "WT0108": "a field has a value that is not known";
    NO_PARAMETER = "WT0109": "the body does not say which resource it is about";
    UNREAD_CONTENT = "WT0110": "the contents of a list or table are not in the input";
    NOT_MODELLED = "WT0111": "something that could carry traffic is not modelled; it becomes a Box";
    TWO_VIEWS = "WT0112": "two accounts see one resource differently; the owner's view is used";
    UNKNOWN_OWNER = "WT0113": "the input does not tell whose network interface it is";
    INFERRED = "WT0114": "a network attachment was inferred, because the input does not hold it";
    BAD_DOCUMENT = "WT0115": "a text that should be a JSON document is none";
    DENIED = "WT0116": "a call was denied or failed, so what it would have told is unknown";
}

/// What a code of this crate means; `None` for a code of another crate.
pub fn explain(code: Code) -> Option<&'static str> {
    CODES.iter().find(|line| line.code == code).map(|line| line.meaning)
}
