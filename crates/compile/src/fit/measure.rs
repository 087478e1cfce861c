//! How many addresses of a set lie in a prefix, found without walking the set: prices of mergers ask that
//! of the same sets again and again.

use std::net::IpAddr;

use watertight_net::{AddressSet, Family, Prefix};

/// The ranges of a set, each with how many addresses lie before it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Measure {
    v4: Vec<Range>,
    v6: Vec<Range>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Range {
    first: u128,
    last: u128,
    /// Modulo 2^128, as all counts here: all IPv6 addresses are one more than fit.
    before: u128,
}

/// Counts in prefixes that lie near each other: where the last one was found, the next is sought first.
#[derive(Clone, Debug)]
pub(crate) struct Nearby<'m> {
    measure: &'m Measure,
    first: usize,
    last: usize,
}

impl Measure {
    pub(crate) fn of(set: &AddressSet) -> Self {
        let mut measure = Self::default();
        for range in set.ranges() {
            let all = match range.first() {
                IpAddr::V4(_) => &mut measure.v4,
                IpAddr::V6(_) => &mut measure.v6,
            };
            push(all, number(range.first()), number(range.last()));
        }
        measure
    }

    /// What lies in both: quick where this set is small or all of the other lies in few places of it.
    pub(crate) fn intersection(&self, other: &Self) -> Self {
        Self { v4: both(&self.v4, &other.v4), v6: both(&self.v6, &other.v6) }
    }

    /// Counts in one prefix after another.
    pub(crate) const fn nearby(&self) -> Nearby<'_> {
        Nearby { measure: self, first: 0, last: 0 }
    }

    fn of_family(&self, family: Family) -> &[Range] {
        match family {
            Family::V4 => &self.v4,
            Family::V6 => &self.v6,
        }
    }
}

impl Nearby<'_> {
    /// How many addresses of the set lie in a prefix, modulo 2^128.
    pub(crate) fn within(&mut self, prefix: Prefix) -> u128 {
        let all = self.measure.of_family(prefix.family());
        let (first, last) = (number(prefix.first()), number(prefix.last()));
        let before = first.checked_sub(1).map_or(0, |last| up_to(all, last, &mut self.first));
        up_to(all, last, &mut self.last).wrapping_sub(before)
    }
}

impl Range {
    fn size(&self) -> u128 {
        self.last.wrapping_sub(self.first).wrapping_add(1)
    }
}

fn push(all: &mut Vec<Range>, first: u128, last: u128) {
    let before = all.last().map_or(0, |one| one.before.wrapping_add(one.size()));
    all.push(Range { first, last, before });
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()),
        IpAddr::V6(address) => address.to_bits(),
    }
}

fn both(some: &[Range], other: &[Range]) -> Vec<Range> {
    let mut found = Vec::new();
    let (mut left, mut right) = (0_usize, 0_usize);
    while let (Some(a), Some(b)) = (some.get(left), other.get(right)) {
        if b.last < a.first {
            right = seek(other, right, |range| range.last < a.first);
        } else if a.last < b.first {
            left = seek(some, left, |range| range.last < b.first);
        } else {
            push(&mut found, a.first.max(b.first), a.last.min(b.last));
            if a.last <= b.last {
                left = left.saturating_add(1);
            } else {
                right = right.saturating_add(1);
            }
        }
    }
    found
}

/// How many addresses of ranges are no greater than one, which is sought from `near`.
fn up_to(ranges: &[Range], last: u128, near: &mut usize) -> u128 {
    *near = seek(ranges, *near, |range| range.first <= last);
    let Some(range) = near.checked_sub(1).and_then(|at| ranges.get(at)) else { return 0 };
    let part = Range { last: range.last.min(last), ..*range };
    range.before.wrapping_add(part.size())
}

/// How many ranges `is_before` holds for, which are the first ones: asked of few where the answer is near `near`.
fn seek(ranges: &[Range], near: usize, is_before: impl Fn(&Range) -> bool) -> usize {
    let near = near.min(ranges.len());
    let (mut low, mut high) = (near, near);
    let mut step = 1_usize;
    while let Some(range) = ranges.get(high) {
        if !is_before(range) {
            break;
        }
        low = high.saturating_add(1);
        high = high.saturating_add(step);
        step = step.saturating_mul(2);
    }
    high = high.min(ranges.len());
    if low == near {
        // Whatever is asked for is at `near` or before it.
        while let Some(range) = low.checked_sub(1).and_then(|at| ranges.get(at)) {
            if is_before(range) {
                break;
            }
            high = low.saturating_sub(1);
            low = low.saturating_sub(step);
            step = step.saturating_mul(2);
        }
    }
    let between = ranges.get(low..high).unwrap_or_default();
    low.saturating_add(between.partition_point(is_before))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Prefixes in a few small and large places, so that they meet.
    fn any_prefix() -> impl Strategy<Value = Prefix> {
        let v4 = (0_u32..64, 24_u8..=32).prop_map(|(low, length)| (IpAddr::V4(low.into()), length));
        let v6 = (0_u128..64, prop::sample::select(vec![0_u8, 1, 64, 120, 126, 128]))
            .prop_map(|(low, length)| (IpAddr::V6((low << 122 | low).into()), length));
        let wide = (any::<u32>(), 0_u8..9).prop_map(|(at, length)| (IpAddr::V4(at.into()), length));
        prop_oneof![4 => v4, 2 => v6, 1 => wide]
            .prop_filter_map("a prefix", |(at, length)| Prefix::masked(at, length).ok())
    }

    proptest! {
        #[test]
        fn it_counts_what_the_part_in_a_prefix_holds(
            prefixes in prop::collection::vec(any_prefix(), 0..24),
            asked in prop::collection::vec(any_prefix(), 1..6),
        ) {
            let set = AddressSet::from_prefixes(prefixes);
            let measure = Measure::of(&set);
            let mut nearby = measure.nearby();
            for prefix in asked {
                let part = set.intersection(&AddressSet::from_prefix(prefix));
                let size = part.ranges().fold(0_u128, |all, range| {
                    let (first, last) = (number(range.first()), number(range.last()));
                    all.wrapping_add(last.wrapping_sub(first)).wrapping_add(1)
                });
                prop_assert_eq!(nearby.within(prefix), size);
            }
        }

        #[test]
        fn what_lies_in_both_is_measured_as_what_the_sets_share(
            one in prop::collection::vec(any_prefix(), 0..24),
            other in prop::collection::vec(any_prefix(), 0..24),
        ) {
            let (one, other) = (AddressSet::from_prefixes(one), AddressSet::from_prefixes(other));
            let both = Measure::of(&one).intersection(&Measure::of(&other));
            prop_assert_eq!(both, Measure::of(&one.intersection(&other)));
        }
    }
}
