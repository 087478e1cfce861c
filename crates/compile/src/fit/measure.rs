//! How many addresses of a set lie in a prefix, found without walking the set: prices of mergers ask that
//! of the same sets again and again.

use std::net::IpAddr;

use watertight_net::{AddressSet, Prefix};

/// The ranges of a set, each with how many addresses lie before it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Measure {
    v4: Vec<Range>,
    v6: Vec<Range>,
}

#[derive(Clone, Copy, Debug)]
struct Range {
    first: u128,
    last: u128,
    /// Modulo 2^128, as all counts here: all IPv6 addresses are one more than fit.
    before: u128,
}

impl Measure {
    pub(crate) fn of(set: &AddressSet) -> Self {
        let mut measure = Self::default();
        for range in set.ranges() {
            let (first, last) = (number(range.first()), number(range.last()));
            let all = match range.first() {
                IpAddr::V4(_) => &mut measure.v4,
                IpAddr::V6(_) => &mut measure.v6,
            };
            let before = all.last().map_or(0, |one| one.before.wrapping_add(one.size()));
            all.push(Range { first, last, before });
        }
        measure
    }

    /// How many addresses of the set lie in a prefix, modulo 2^128.
    pub(crate) fn within(&self, prefix: Prefix) -> u128 {
        let all = match prefix.first() {
            IpAddr::V4(_) => &self.v4,
            IpAddr::V6(_) => &self.v6,
        };
        let (first, last) = (number(prefix.first()), number(prefix.last()));
        let before = first.checked_sub(1).map_or(0, |last| up_to(all, last));
        up_to(all, last).wrapping_sub(before)
    }
}

impl Range {
    fn size(&self) -> u128 {
        self.last.wrapping_sub(self.first).wrapping_add(1)
    }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()),
        IpAddr::V6(address) => address.to_bits(),
    }
}

/// How many addresses of ranges are no greater than one.
fn up_to(ranges: &[Range], last: u128) -> u128 {
    let behind = ranges.partition_point(|range| range.first <= last);
    let Some(range) = behind.checked_sub(1).and_then(|at| ranges.get(at)) else { return 0 };
    let part = Range { last: range.last.min(last), ..*range };
    range.before.wrapping_add(part.size())
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
            prefixes in prop::collection::vec(any_prefix(), 0..12),
            prefix in any_prefix(),
        ) {
            let set = AddressSet::from_prefixes(prefixes);
            let part = set.intersection(&AddressSet::from_prefix(prefix));
            let size = part.ranges().fold(0_u128, |all, range| {
                let (first, last) = (number(range.first()), number(range.last()));
                all.wrapping_add(last.wrapping_sub(first)).wrapping_add(1)
            });
            prop_assert_eq!(Measure::of(&set).within(prefix), size);
        }
    }
}
