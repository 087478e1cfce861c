//! Sets of numbers as sorted, disjoint, inclusive intervals: ports, ICMP types and codes,
//! addresses.

mod scalar;
mod text;

pub use scalar::Scalar;
pub use text::IntervalError;

/// A range of ports, both ends included.
pub type PortRange = Interval<u16>;
/// A set of ports.
pub type PortSet = IntervalSet<u16>;
/// A range of ICMP types or codes, both ends included.
pub type ByteRange = Interval<u8>;
/// A set of ICMP types or codes.
pub type ByteSet = IntervalSet<u8>;

/// The numbers from `first` to `last`, both included; never empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Interval<T> {
    // INVARIANT: first <= last.
    first: T,
    last: T,
}

impl<T: Scalar> Interval<T> {
    /// Every number of the type.
    pub const FULL: Self = Self { first: T::MIN, last: T::MAX };

    /// The numbers from `first` to `last`.
    ///
    /// # Errors
    /// [`IntervalError::Reversed`] when `first` is greater than `last`.
    pub fn new(first: T, last: T) -> Result<Self, IntervalError> {
        if first > last {
            return Err(IntervalError::Reversed {
                first: first.to_string(),
                last: last.to_string(),
            });
        }
        Ok(Self { first, last })
    }

    /// One number.
    pub fn single(value: T) -> Self {
        Self { first: value, last: value }
    }

    /// The smallest number.
    pub fn first(self) -> T {
        self.first
    }

    /// The greatest number.
    pub fn last(self) -> T {
        self.last
    }

    /// Whether `value` lies between the ends.
    pub fn contains(self, value: T) -> bool {
        self.first <= value && value <= self.last
    }

    /// Whether the interval holds every number of its type.
    pub fn is_full(self) -> bool {
        self == Self::FULL
    }

    /// For callers that have established `first <= last`.
    pub(crate) fn ordered(first: T, last: T) -> Self {
        debug_assert!(first <= last);
        Self { first, last }
    }
}

/// A set of numbers, in canonical form: equal sets have equal representations.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IntervalSet<T> {
    // INVARIANT: sorted, and between two neighbours at least one number is missing.
    intervals: Vec<Interval<T>>,
}

impl<T: Scalar> IntervalSet<T> {
    /// The empty set.
    pub const fn none() -> Self {
        Self { intervals: Vec::new() }
    }

    /// Every number of the type.
    pub fn full() -> Self {
        Interval::FULL.into()
    }

    /// One number.
    pub fn single(value: T) -> Self {
        Interval::single(value).into()
    }

    /// The numbers from `first` to `last`, both included.
    ///
    /// # Errors
    /// [`IntervalError::Reversed`] when `first` is greater than `last`.
    pub fn range(first: T, last: T) -> Result<Self, IntervalError> {
        Interval::new(first, last).map(Self::from)
    }

    /// Whether no number is in the set.
    pub fn is_empty(&self) -> bool {
        self.intervals.is_empty()
    }

    /// Whether every number of the type is in the set.
    pub fn is_full(&self) -> bool {
        matches!(self.intervals.as_slice(), [only] if only.is_full())
    }

    /// Whether `value` is in the set.
    pub fn contains(&self, value: T) -> bool {
        self.interval_at(value).is_some_and(|interval| interval.first <= value)
    }

    /// Whether every number of `other` is in the set.
    pub fn contains_set(&self, other: &Self) -> bool {
        other.intervals.iter().all(|inner| self.contains_interval(*inner))
    }

    /// Whether every number of `inner` is in the set.
    pub fn contains_interval(&self, inner: Interval<T>) -> bool {
        self.interval_at(inner.first)
            .is_some_and(|outer| outer.first <= inner.first && inner.last <= outer.last)
    }

    /// Whether the two sets share a number.
    pub fn intersects(&self, other: &Self) -> bool {
        let (few, many) = if self.intervals.len() <= other.intervals.len() {
            (self, other)
        } else {
            (other, self)
        };
        few.intervals.iter().any(|interval| {
            many.interval_at(interval.first).is_some_and(|found| found.first <= interval.last)
        })
    }

    /// The smallest number.
    pub fn first(&self) -> Option<T> {
        self.intervals.first().map(|interval| interval.first)
    }

    /// The greatest number.
    pub fn last(&self) -> Option<T> {
        self.intervals.last().map(|interval| interval.last)
    }

    /// The intervals, ascending; between two of them at least one number is missing.
    pub fn intervals(&self) -> &[Interval<T>] {
        &self.intervals
    }

    /// The numbers in either set.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        if self.is_empty() || other.is_full() {
            return other.clone();
        }
        if other.is_empty() || self.is_full() {
            return self.clone();
        }
        let mut merged = Self { intervals: Vec::with_capacity(self.intervals.len() + 1) };
        let (mut left, mut right) = (self.intervals.iter(), other.intervals.iter());
        let (mut next_left, mut next_right) = (left.next(), right.next());
        loop {
            let next = match (next_left, next_right) {
                (Some(a), Some(b)) if a.first <= b.first => {
                    next_left = left.next();
                    a
                }
                (_, Some(b)) => {
                    next_right = right.next();
                    b
                }
                (Some(a), None) => {
                    next_left = left.next();
                    a
                }
                (None, None) => return merged,
            };
            merged.append(*next);
        }
    }

    /// The numbers in both sets.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        if self.is_full() || other.is_empty() {
            return other.clone();
        }
        if other.is_full() || self.is_empty() {
            return self.clone();
        }
        let mut intervals = Vec::new();
        let (mine, theirs) = (self.near(other), other.near(self));
        let (mut left, mut right) = (0, 0);
        while let (Some(a), Some(b)) = (mine.get(left), theirs.get(right)) {
            let (first, last) = (a.first.max(b.first), a.last.min(b.last));
            if first <= last {
                intervals.push(Interval { first, last });
            }
            if a.last <= b.last {
                left += 1;
            } else {
                right += 1;
            }
        }
        Self { intervals }
    }

    /// The numbers in this set and not in `other`.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        let taken = other.near(self);
        if taken.is_empty() {
            return self.clone();
        }
        let mut intervals = Vec::with_capacity(self.intervals.len());
        let mut passed = 0;
        for interval in &self.intervals {
            let mut rest = Some(interval.first);
            while let (Some(first), Some(next)) = (rest, taken.get(passed)) {
                if next.first > interval.last {
                    break;
                }
                if let Some(last) = next.first.predecessor().filter(|last| first <= *last) {
                    intervals.push(Interval { first, last });
                }
                if next.last >= interval.last {
                    // It may reach into the next interval.
                    rest = None;
                } else {
                    rest = rest.max(next.last.successor());
                    passed += 1;
                }
            }
            intervals.extend(rest.map(|first| Interval { first, last: interval.last }));
        }
        Self { intervals }
    }

    /// The numbers that are not in the set.
    #[must_use]
    pub fn complement(&self) -> Self {
        let mut intervals = Vec::with_capacity(self.intervals.len() + 1);
        let mut next = Some(T::MIN);
        for interval in &self.intervals {
            if let (Some(first), Some(last)) = (next, interval.first.predecessor())
                && first <= last
            {
                intervals.push(Interval { first, last });
            }
            next = interval.last.successor();
        }
        if let Some(first) = next {
            intervals.push(Interval { first, last: T::MAX });
        }
        Self { intervals }
    }

    /// The smallest and the greatest number of the set in an interval.
    pub fn span_in(&self, within: Interval<T>) -> Option<Interval<T>> {
        let first = self.interval_at(within.first).filter(|found| found.first <= within.last)?;
        let behind = self.intervals.partition_point(|interval| interval.first <= within.last);
        let last = self.intervals.get(behind.checked_sub(1)?)?;
        Some(Interval { first: first.first.max(within.first), last: last.last.min(within.last) })
    }

    /// The intervals that lie between the ends of another set, or across one of them: sets are often
    /// large and looked at in one place.
    fn near(&self, other: &Self) -> &[Interval<T>] {
        let (Some(first), Some(last)) = (other.first(), other.last()) else { return &[] };
        let start = self.intervals.partition_point(|interval| interval.last < first);
        let rest = self.intervals.get(start..).unwrap_or_default();
        let end = rest.partition_point(|interval| interval.first <= last);
        rest.get(..end).unwrap_or_default()
    }

    /// The first interval that does not end before `value`.
    fn interval_at(&self, value: T) -> Option<Interval<T>> {
        let index = self.intervals.partition_point(|interval| interval.last < value);
        self.intervals.get(index).copied()
    }

    /// Adds an interval that starts no earlier than any interval in the set.
    fn append(&mut self, next: Interval<T>) {
        match self.intervals.last_mut() {
            Some(end) if end.last.successor().is_none_or(|after| next.first <= after) => {
                end.last = end.last.max(next.last);
            }
            _ => self.intervals.push(next),
        }
    }
}

impl PortSet {
    /// How many ports are in the set, at most 65,536.
    pub fn count(&self) -> u32 {
        self.intervals.iter().map(|range| u32::from(range.last - range.first) + 1).sum()
    }
}

impl ByteSet {
    /// How many numbers are in the set, at most 256.
    pub fn count(&self) -> u32 {
        self.intervals.iter().map(|range| u32::from(range.last - range.first) + 1).sum()
    }
}

impl<T: Scalar> Default for IntervalSet<T> {
    fn default() -> Self {
        Self::none()
    }
}

impl<T: Scalar> From<Interval<T>> for IntervalSet<T> {
    fn from(interval: Interval<T>) -> Self {
        Self { intervals: vec![interval] }
    }
}

impl<T: Scalar> From<T> for IntervalSet<T> {
    fn from(value: T) -> Self {
        Self::single(value)
    }
}

impl<T: Scalar> FromIterator<Interval<T>> for IntervalSet<T> {
    fn from_iter<I: IntoIterator<Item = Interval<T>>>(intervals: I) -> Self {
        let mut sorted: Vec<Interval<T>> = intervals.into_iter().collect();
        sorted.sort_unstable();
        let mut set = Self::none();
        for interval in sorted {
            set.append(interval);
        }
        set
    }
}

impl<T: Scalar> FromIterator<T> for IntervalSet<T> {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        values.into_iter().map(Interval::single).collect()
    }
}
