//! Domain names as rules write them and as resolvers are asked for them.

use std::fmt;
use std::str::FromStr;

use watertight_model::Name;

/// A domain name, or every name below one.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Domain {
    is_wildcard: bool,
    name: Name,
}

/// Why a text is no [`Domain`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DomainError {
    /// What is wrong, as a clause that follows the name.
    pub problem: &'static str,
    /// What to do about it.
    pub help: String,
}

impl Domain {
    /// Whether it covers the names below [`name`](Self::name) rather than that name.
    pub const fn is_wildcard(&self) -> bool {
        self.is_wildcard
    }

    /// The name, without the star of a wildcard.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it covers the name that a workload asked for, in lower-case A-labels without the
    /// final dot. A wildcard covers one or more labels before its name, not the name itself.
    pub fn covers(&self, asked: &str) -> bool {
        match asked.strip_suffix(&*self.name) {
            Some("") => !self.is_wildcard,
            Some(before) => self.is_wildcard && before.len() > 1 && before.ends_with('.'),
            None => false,
        }
    }

    /// Whether it covers whatever `other` covers.
    pub fn covers_all_of(&self, other: &Self) -> bool {
        match (self.is_wildcard, other.is_wildcard) {
            (false, false) => self.name == other.name,
            (false, true) => false,
            (true, false) => self.covers(other.name()),
            (true, true) => self.name == other.name || self.covers(other.name()),
        }
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(if self.is_wildcard { "*." } else { "" })?;
        formatter.write_str(&self.name)
    }
}

impl FromStr for Domain {
    type Err = DomainError;

    fn from_str(text: &str) -> Result<Self, DomainError> {
        let error = |problem, help: &str| Err(DomainError { problem, help: help.to_owned() });
        if !text.is_ascii() {
            return error(
                "has characters outside of ASCII",
                "write its A-labels, as in `xn--bcher-kva.example`",
            );
        }
        if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            let lower = text.to_ascii_lowercase();
            return error("is not in lower case", &format!("write `{lower}`"));
        }
        if let Some(bare) = text.strip_suffix('.') {
            return error("ends with a dot", &format!("write `{bare}`"));
        }
        let (is_wildcard, name) = match text.strip_prefix("*.") {
            Some(name) => (true, name),
            None => (false, text),
        };
        if name.contains('*') {
            let help = "a star stands for whole labels at the front, as in `*.example.com`";
            return error("has a star in the wrong place", help);
        }
        if name.len() > 253 {
            return error("is longer than 253 characters", "no resolver answers it");
        }
        let is_label = |label: &str| {
            let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
            (1..=63).contains(&label.len())
                && label.bytes().all(is_inner)
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        if !name.split('.').all(is_label) {
            let help = "labels have 1 to 63 letters, digits and hyphens, and no hyphen at an end";
            return error("has a label that is not well-formed", help);
        }
        let top = name.rsplit('.').next().unwrap_or_default();
        if top.bytes().all(|byte| byte.is_ascii_digit()) {
            return error("is an address", "write it under `addresses`, with its prefix length");
        }
        Ok(Self { is_wildcard, name: Name::from(name) })
    }
}

#[cfg(test)]
mod tests;
