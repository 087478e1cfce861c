use std::collections::BTreeSet;

use crate::{Labels, Name, Truth};

#[cfg(test)]
mod tests;

/// What is known of one label.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Label<'l> {
    /// It is not there.
    Absent,
    /// It is there with this value.
    Value(&'l Name),
    /// Whether it is there, or its value, is not known.
    Unknown,
}

/// A condition on labels.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Selector {
    /// Holds for all.
    Everything,
    /// Holds for none.
    Nothing,
    /// The label is there with one of these values.
    In(Name, BTreeSet<Name>),
    /// The label is there.
    Exists(Name),
    /// The label is there and its value begins so.
    StartsWith(Name, Name),
    /// The label is there and its value ends so.
    EndsWith(Name, Name),
    /// The label is there and its value holds this.
    Contains(Name, Name),
    /// The other condition does not hold.
    Not(Box<Self>),
    /// All hold.
    And(Vec<Self>),
    /// Any holds.
    Or(Vec<Self>),
}

impl Selector {
    /// The label has this value.
    pub fn is(key: &str, value: &str) -> Self {
        Self::In(Name::from(key), BTreeSet::from([Name::from(value)]))
    }

    /// All of them hold; in one form whatever their order.
    pub fn all(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut flat = BTreeSet::new();
        for part in parts {
            match part {
                Self::Everything => {}
                Self::Nothing => return Self::Nothing,
                Self::And(inner) => flat.extend(inner),
                other => {
                    flat.insert(other);
                }
            }
        }
        let mut flat: Vec<Self> = flat.into_iter().collect();
        match flat.len() {
            0 => Self::Everything,
            1 => flat.remove(0),
            _ => Self::And(flat),
        }
    }

    /// Any of them holds; in one form whatever their order.
    pub fn any(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut flat = BTreeSet::new();
        for part in parts {
            match part {
                Self::Nothing => {}
                Self::Everything => return Self::Everything,
                Self::Or(inner) => flat.extend(inner),
                other => {
                    flat.insert(other);
                }
            }
        }
        let mut flat: Vec<Self> = flat.into_iter().collect();
        match flat.len() {
            0 => Self::Nothing,
            1 => flat.remove(0),
            _ => Self::Or(flat),
        }
    }

    /// The opposite.
    #[must_use]
    pub fn negated(self) -> Self {
        match self {
            Self::Everything => Self::Nothing,
            Self::Nothing => Self::Everything,
            Self::Not(inner) => *inner,
            other => Self::Not(Box::new(other)),
        }
    }

    /// Whether it holds for these labels.
    pub fn matches(&self, labels: &Labels) -> bool {
        match self {
            Self::Everything => true,
            Self::Nothing => false,
            Self::In(key, values) => labels.get(key).is_some_and(|value| values.contains(value)),
            Self::Exists(key) => labels.contains_key(key),
            Self::StartsWith(key, text) => {
                labels.get(key).is_some_and(|value| value.starts_with(text.as_str()))
            }
            Self::EndsWith(key, text) => {
                labels.get(key).is_some_and(|value| value.ends_with(text.as_str()))
            }
            Self::Contains(key, text) => {
                labels.get(key).is_some_and(|value| value.contains(text.as_str()))
            }
            Self::Not(inner) => !inner.matches(labels),
            Self::And(parts) => parts.iter().all(|part| part.matches(labels)),
            Self::Or(parts) => parts.iter().any(|part| part.matches(labels)),
        }
    }

    /// Whether it holds where some labels are not known.
    ///
    /// `label` tells what is known of a key. The answer is three-valued logic (Kleene's), so a label
    /// that is not known makes `Maybe` of those answers that rest on it, and of no others.
    pub fn evaluate<'l>(&self, label: &impl Fn(&Name) -> Label<'l>) -> Truth {
        let holds = |key: &Name, test: &dyn Fn(&Name) -> bool| match label(key) {
            Label::Absent => Truth::No,
            Label::Value(value) => Truth::from(test(value)),
            Label::Unknown => Truth::Maybe,
        };
        match self {
            Self::Everything => Truth::Yes,
            Self::Nothing => Truth::No,
            Self::In(key, values) => holds(key, &|value| values.contains(value)),
            Self::Exists(key) => holds(key, &|_| true),
            Self::StartsWith(key, text) => holds(key, &|value| value.starts_with(text.as_str())),
            Self::EndsWith(key, text) => holds(key, &|value| value.ends_with(text.as_str())),
            Self::Contains(key, text) => holds(key, &|value| value.contains(text.as_str())),
            Self::Not(inner) => !inner.evaluate(label),
            Self::And(parts) => Truth::all(parts.iter().map(|part| part.evaluate(label))),
            Self::Or(parts) => Truth::any(parts.iter().map(|part| part.evaluate(label))),
        }
    }

    /// Adds the keys that it asks about.
    pub fn keys<'s>(&'s self, keys: &mut BTreeSet<&'s Name>) {
        match self {
            Self::Everything | Self::Nothing => {}
            Self::In(key, _)
            | Self::Exists(key)
            | Self::StartsWith(key, _)
            | Self::EndsWith(key, _)
            | Self::Contains(key, _) => {
                keys.insert(key);
            }
            Self::Not(inner) => inner.keys(keys),
            Self::And(parts) | Self::Or(parts) => {
                for part in parts {
                    part.keys(keys);
                }
            }
        }
    }
}
