//! Sets of addresses of both families.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::interval::{Interval, IntervalSet};
use crate::prefix::{self, Family, Prefix};

/// The addresses from `first` to `last`, both included, of one family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AddressRange {
    first: IpAddr,
    last: IpAddr,
}

/// Why two addresses are not the ends of a range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressRangeError {
    /// The ends are in the wrong order.
    #[error("address range `{first}-{last}` ends before it starts: write `{last}-{first}`")]
    Reversed {
        /// The end that was given first.
        first: IpAddr,
        /// The end that was given last.
        last: IpAddr,
    },
    /// One end is IPv4 and the other IPv6.
    #[error("address range `{first}-{last}` mixes IPv4 and IPv6: write one range for each")]
    Families {
        /// The end that was given first.
        first: IpAddr,
        /// The end that was given last.
        last: IpAddr,
    },
}

impl AddressRange {
    /// The addresses from `first` to `last`.
    ///
    /// # Errors
    /// When the ends are of two families, or `last` comes before `first`.
    pub fn new(first: IpAddr, last: IpAddr) -> Result<Self, AddressRangeError> {
        if Family::of(first) != Family::of(last) {
            return Err(AddressRangeError::Families { first, last });
        }
        if first > last {
            return Err(AddressRangeError::Reversed { first, last });
        }
        Ok(Self { first, last })
    }

    /// The first address.
    pub const fn first(self) -> IpAddr {
        self.first
    }

    /// The last address.
    pub const fn last(self) -> IpAddr {
        self.last
    }

    /// IPv4 or IPv6.
    pub const fn family(self) -> Family {
        Family::of(self.first)
    }
}

impl From<Prefix> for AddressRange {
    fn from(prefix: Prefix) -> Self {
        Self { first: prefix.first(), last: prefix.last() }
    }
}

impl From<Interval<u32>> for AddressRange {
    fn from(interval: Interval<u32>) -> Self {
        Self {
            first: Ipv4Addr::from(interval.first()).into(),
            last: Ipv4Addr::from(interval.last()).into(),
        }
    }
}

impl From<Interval<u128>> for AddressRange {
    fn from(interval: Interval<u128>) -> Self {
        Self {
            first: Ipv6Addr::from(interval.first()).into(),
            last: Ipv6Addr::from(interval.last()).into(),
        }
    }
}

impl fmt::Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}

/// A set of IPv4 and IPv6 addresses, in canonical form: equal sets have equal representations.
#[derive(Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AddressSet {
    v4: IntervalSet<u32>,
    v6: IntervalSet<u128>,
}

impl AddressSet {
    /// No address.
    pub const fn empty() -> Self {
        Self { v4: IntervalSet::none(), v6: IntervalSet::none() }
    }

    /// Every address of both families.
    pub fn all() -> Self {
        Self { v4: IntervalSet::full(), v6: IntervalSet::full() }
    }

    /// Every IPv4 address.
    pub fn all_v4() -> Self {
        Self { v4: IntervalSet::full(), v6: IntervalSet::none() }
    }

    /// Every IPv6 address.
    pub fn all_v6() -> Self {
        Self { v4: IntervalSet::none(), v6: IntervalSet::full() }
    }

    /// The addresses of one prefix.
    pub fn from_prefix(prefix: Prefix) -> Self {
        Self::from_prefixes([prefix])
    }

    /// The addresses of any of the prefixes.
    pub fn from_prefixes(prefixes: impl IntoIterator<Item = Prefix>) -> Self {
        Self::from_ranges(prefixes.into_iter().map(AddressRange::from))
    }

    /// The addresses of any of the ranges.
    pub fn from_ranges(ranges: impl IntoIterator<Item = AddressRange>) -> Self {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for range in ranges {
            match (range.first, range.last) {
                (IpAddr::V4(first), IpAddr::V4(last)) => {
                    v4.push(Interval::ordered(first.to_bits(), last.to_bits()));
                }
                (IpAddr::V6(first), IpAddr::V6(last)) => {
                    v6.push(Interval::ordered(first.to_bits(), last.to_bits()));
                }
                // A range is of one family.
                (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => {}
            }
        }
        Self { v4: v4.into_iter().collect(), v6: v6.into_iter().collect() }
    }

    /// Whether no address is in the set.
    pub fn is_empty(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty()
    }

    /// Whether every address of both families is in the set.
    pub fn is_all(&self) -> bool {
        self.v4.is_full() && self.v6.is_full()
    }

    /// Whether an address is in the set.
    pub fn contains(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(v4) => self.v4.contains(v4.to_bits()),
            IpAddr::V6(v6) => self.v6.contains(v6.to_bits()),
        }
    }

    /// Whether every address of `other` is in this set.
    pub fn contains_set(&self, other: &Self) -> bool {
        self.v4.contains_set(&other.v4) && self.v6.contains_set(&other.v6)
    }

    /// Whether every address of a prefix is in the set.
    pub fn contains_prefix(&self, prefix: Prefix) -> bool {
        match (prefix.first(), prefix.last()) {
            (IpAddr::V4(first), IpAddr::V4(last)) => {
                self.v4.contains_interval(Interval::ordered(first.to_bits(), last.to_bits()))
            }
            (IpAddr::V6(first), IpAddr::V6(last)) => {
                self.v6.contains_interval(Interval::ordered(first.to_bits(), last.to_bits()))
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }

    /// The smallest range that holds every address of the set in a prefix.
    pub fn span_in(&self, prefix: Prefix) -> Option<AddressRange> {
        match (prefix.first(), prefix.last()) {
            (IpAddr::V4(first), IpAddr::V4(last)) => {
                let within = Interval::ordered(first.to_bits(), last.to_bits());
                self.v4.span_in(within).map(AddressRange::from)
            }
            (IpAddr::V6(first), IpAddr::V6(last)) => {
                let within = Interval::ordered(first.to_bits(), last.to_bits());
                self.v6.span_in(within).map(AddressRange::from)
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => None,
        }
    }

    /// Whether the sets share an address.
    pub fn intersects(&self, other: &Self) -> bool {
        self.v4.intersects(&other.v4) || self.v6.intersects(&other.v6)
    }

    /// The smallest address; IPv4 before IPv6.
    pub fn first(&self) -> Option<IpAddr> {
        self.ranges().next().map(AddressRange::first)
    }

    /// The addresses in either set.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self { v4: self.v4.union(&other.v4), v6: self.v6.union(&other.v6) }
    }

    /// The addresses in both sets.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        Self { v4: self.v4.intersection(&other.v4), v6: self.v6.intersection(&other.v6) }
    }

    /// The addresses in this set and not in `other`.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        Self { v4: self.v4.difference(&other.v4), v6: self.v6.difference(&other.v6) }
    }

    /// The addresses of both families that are not in the set.
    #[must_use]
    pub fn complement(&self) -> Self {
        Self { v4: self.v4.complement(), v6: self.v6.complement() }
    }

    /// The addresses of one family.
    #[must_use]
    pub fn of_family(&self, family: Family) -> Self {
        match family {
            Family::V4 => Self { v4: self.v4.clone(), v6: IntervalSet::none() },
            Family::V6 => Self { v4: IntervalSet::none(), v6: self.v6.clone() },
        }
    }

    /// The fewest ranges whose union is the set, ascending, IPv4 before IPv6.
    pub fn ranges(&self) -> impl Iterator<Item = AddressRange> + '_ {
        let v4 = self.v4.intervals().iter().map(|interval| AddressRange::from(*interval));
        v4.chain(self.v6.intervals().iter().map(|interval| AddressRange::from(*interval)))
    }

    /// The fewest prefixes whose union is the set, ascending, IPv4 before IPv6.
    pub fn prefixes(&self) -> Vec<Prefix> {
        let mut prefixes = Vec::new();
        for interval in self.v4.intervals() {
            prefix::cover_v4(*interval, &mut prefixes);
        }
        for interval in self.v6.intervals() {
            prefix::cover_v6(*interval, &mut prefixes);
        }
        prefixes
    }

    pub(crate) fn v4(&self) -> &IntervalSet<u32> {
        &self.v4
    }

    pub(crate) fn v6(&self) -> &IntervalSet<u128> {
        &self.v6
    }
}

impl From<Prefix> for AddressSet {
    fn from(prefix: Prefix) -> Self {
        Self::from_prefix(prefix)
    }
}

impl From<IpAddr> for AddressSet {
    fn from(address: IpAddr) -> Self {
        Self::from_prefix(Prefix::host(address))
    }
}

impl FromIterator<Prefix> for AddressSet {
    fn from_iter<I: IntoIterator<Item = Prefix>>(prefixes: I) -> Self {
        Self::from_prefixes(prefixes)
    }
}

impl FromIterator<AddressRange> for AddressSet {
    fn from_iter<I: IntoIterator<Item = AddressRange>>(ranges: I) -> Self {
        Self::from_ranges(ranges)
    }
}

/// `none`, or the [prefixes](AddressSet::prefixes) joined by `, `.
impl fmt::Display for AddressSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("none");
        }
        for (index, prefix) in self.prefixes().into_iter().enumerate() {
            if index > 0 {
                f.write_str(", ")?;
            }
            write!(f, "{prefix}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for AddressSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AddressSet({self})")
    }
}
