//! Likelihoods: exact products, and the published table.

mod table;

use std::cmp::Ordering;
use std::fmt;

pub use table::{LikelihoodTable, TableError};

/// How many units one halving costs: likelihoods are kept as `-log2(q)` in units of 2^-40.
const UNITS_PER_HALVING: f64 = 1_099_511_627_776.0;

/// One, in the fixed-point scale in which likelihoods are added up.
pub(crate) const ONE: u64 = 1 << 52;

/// Why a number is no likelihood.
#[derive(Clone, Copy, PartialEq, Debug, thiserror::Error)]
#[error("likelihood `{0}` is not above 0 and at most 1; choose a number in that range")]
pub struct LikelihoodError(pub f64);

/// A likelihood in (0, 1].
///
/// It is kept as a whole number of logarithmic units, so that a product is a sum: the same factors
/// give the same likelihood in whatever order they are multiplied, and comparison is exact.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Likelihood {
    cost: u64,
}

impl Likelihood {
    /// Likelihood 1.
    pub const CERTAIN: Self = Self { cost: 0 };

    /// A likelihood from a number in (0, 1].
    pub fn new(value: f64) -> Result<Self, LikelihoodError> {
        if value > 0.0 && value <= 1.0 {
            Ok(Self { cost: whole(-value.log2() * UNITS_PER_HALVING) })
        } else {
            Err(LikelihoodError(value))
        }
    }

    /// The number, rounded to ten decimals where it is at least a thousandth.
    pub fn value(self) -> f64 {
        let value = (-real(u128::from(self.cost)) / UNITS_PER_HALVING).exp2();
        if value >= 1e-3 { (value * 1e10).round() / 1e10 } else { value }
    }

    /// The product of two likelihoods.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self { cost: self.cost.saturating_add(other.cost) }
    }

    pub(crate) const fn from_cost(cost: u64) -> Self {
        Self { cost }
    }

    pub(crate) const fn cost(self) -> u64 {
        self.cost
    }

    /// The likelihood in fixed point, where [`ONE`] is 1; never 0.
    pub(crate) fn fixed(self) -> u64 {
        let value = (-real(u128::from(self.cost)) / UNITS_PER_HALVING).exp2();
        whole(value * real(u128::from(ONE))).max(1)
    }
}

impl PartialOrd for Likelihood {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Likelihood {
    fn cmp(&self, other: &Self) -> Ordering {
        other.cost.cmp(&self.cost)
    }
}

impl fmt::Debug for Likelihood {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.value())
    }
}

impl fmt::Display for Likelihood {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.value())
    }
}

/// The nearest whole number to a non-negative number; saturates.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a float saturates when cast, and callers pass numbers that are not negative"
)]
pub(crate) fn whole(number: f64) -> u64 {
    number.round() as u64
}

/// The nearest float to a whole number.
#[expect(clippy::cast_precision_loss, reason = "the nearest float is what is asked for")]
pub(crate) fn real(number: u128) -> f64 {
    number as f64
}
