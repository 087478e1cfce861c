//! Three-valued truth: what the input tells, or that it does not tell.

/// Whether something holds, as far as the input says. The order is that of Kleene's logic, in which
/// *and* is the least and *or* the greatest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Truth {
    /// It does not hold.
    No,
    /// The input does not tell.
    Unknown,
    /// It holds.
    Yes,
}

impl Truth {
    /// Both hold.
    pub(crate) fn and(self, other: Self) -> Self {
        self.min(other)
    }

    /// At least one holds.
    pub(crate) fn or(self, other: Self) -> Self {
        self.max(other)
    }

    /// The opposite holds.
    pub(crate) const fn not(self) -> Self {
        match self {
            Self::No => Self::Yes,
            Self::Unknown => Self::Unknown,
            Self::Yes => Self::No,
        }
    }

    /// At least one of several holds; `No` for none. Looks no further than the first `Yes`.
    pub(crate) fn any(values: impl IntoIterator<Item = Self>) -> Self {
        let mut result = Self::No;
        for value in values {
            result = result.or(value);
            if result == Self::Yes {
                break;
            }
        }
        result
    }

    /// All of several hold; `Yes` for none. Looks no further than the first `No`.
    pub(crate) fn all(values: impl IntoIterator<Item = Self>) -> Self {
        let mut result = Self::Yes;
        for value in values {
            result = result.and(value);
            if result == Self::No {
                break;
            }
        }
        result
    }
}

impl From<bool> for Truth {
    fn from(value: bool) -> Self {
        if value { Self::Yes } else { Self::No }
    }
}
