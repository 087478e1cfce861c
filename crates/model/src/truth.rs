use std::ops::Not;

/// An answer where something may not be known. Ordered: no, maybe, yes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Truth {
    /// It does not hold.
    No,
    /// It may hold: what is known does not say.
    Maybe,
    /// It holds.
    Yes,
}

impl Truth {
    /// Whether both hold.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        self.min(other)
    }

    /// Whether any of the two holds.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        self.max(other)
    }

    /// Whether all hold; yes for none.
    pub fn all(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut all = Self::Yes;
        for part in parts {
            all = all.min(part);
            if all == Self::No {
                break;
            }
        }
        all
    }

    /// Whether any holds; no for none.
    pub fn any(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut any = Self::No;
        for part in parts {
            any = any.max(part);
            if any == Self::Yes {
                break;
            }
        }
        any
    }
}

impl Not for Truth {
    type Output = Self;

    fn not(self) -> Self {
        match self {
            Self::No => Self::Yes,
            Self::Maybe => Self::Maybe,
            Self::Yes => Self::No,
        }
    }
}

impl From<bool> for Truth {
    fn from(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }
}
