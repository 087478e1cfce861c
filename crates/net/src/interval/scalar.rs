//! The numbers that intervals are made of.

use std::fmt::{Debug, Display};
use std::hash::Hash;
use std::str::FromStr;

/// A bounded unsigned number: `u8`, `u16`, `u32` or `u128`. Closed to other types.
pub trait Scalar: sealed::Sealed + Copy + Ord + Hash + Debug + Display + FromStr + 'static {
    /// The smallest number.
    const MIN: Self;
    /// The greatest number.
    const MAX: Self;

    /// The next number, or nothing after the greatest.
    fn successor(self) -> Option<Self>;
    /// The number before, or nothing before the smallest.
    fn predecessor(self) -> Option<Self>;
}

mod sealed {
    pub trait Sealed {}
}

macro_rules! scalar {
    ($($number:ty),*) => {$(
        impl sealed::Sealed for $number {}

        impl Scalar for $number {
            const MIN: Self = Self::MIN;
            const MAX: Self = Self::MAX;

            fn successor(self) -> Option<Self> {
                self.checked_add(1)
            }

            fn predecessor(self) -> Option<Self> {
                self.checked_sub(1)
            }
        }
    )*};
}

scalar!(u8, u16, u32, u128);
