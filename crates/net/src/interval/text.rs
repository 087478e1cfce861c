//! Text form: `80`, `8000-8999`, `80,443,8000-8999`.

use std::fmt;
use std::str::FromStr;

use super::{Interval, IntervalSet, Scalar};

/// Why a text or a pair of ends is not an interval.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IntervalError {
    /// The ends are in the wrong order.
    #[error("range `{first}-{last}` ends before it starts: write `{last}-{first}`")]
    Reversed {
        /// The end that was given first.
        first: String,
        /// The end that was given last.
        last: String,
    },
    /// Not a number, or out of bounds.
    #[error("`{text}` is not a number from 0 to {greatest}")]
    Number {
        /// What was given.
        text: String,
        /// The greatest number allowed.
        greatest: String,
    },
    /// Nothing between two commas, or nothing at all.
    #[error(
        "a number or a range is missing: write numbers and ranges separated by commas, as in `1,5-9`"
    )]
    Missing,
}

impl<T: Scalar> fmt::Display for Interval<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last {
            write!(f, "{}", self.first)
        } else {
            write!(f, "{}-{}", self.first, self.last)
        }
    }
}

/// The intervals separated by commas; `none` for the empty set.
impl<T: Scalar> fmt::Display for IntervalSet<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("none");
        }
        for (index, interval) in self.intervals.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            write!(f, "{interval}")?;
        }
        Ok(())
    }
}

impl<T: Scalar> FromStr for Interval<T> {
    type Err = IntervalError;

    fn from_str(text: &str) -> Result<Self, IntervalError> {
        match text.split_once('-') {
            Some((first, last)) => Self::new(number(first)?, number(last)?),
            None => number(text).map(Self::single),
        }
    }
}

/// Numbers and ranges separated by commas, in any order; `none` is the empty set.
impl<T: Scalar> FromStr for IntervalSet<T> {
    type Err = IntervalError;

    fn from_str(text: &str) -> Result<Self, IntervalError> {
        if text == "none" {
            return Ok(Self::none());
        }
        Self::parse_list(text)
    }
}

impl<T: Scalar> IntervalSet<T> {
    /// Numbers and ranges separated by commas, at least one.
    pub(crate) fn parse_list(text: &str) -> Result<Self, IntervalError> {
        text.split(',').map(|item| item.trim().parse::<Interval<T>>()).collect()
    }
}

/// Digits only: the standard parser would take a sign too.
fn number<T: Scalar>(text: &str) -> Result<T, IntervalError> {
    if text.is_empty() {
        return Err(IntervalError::Missing);
    }
    let error = || IntervalError::Number { text: text.to_owned(), greatest: T::MAX.to_string() };
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(error());
    }
    text.parse().ok().ok_or_else(error)
}
