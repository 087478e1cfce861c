//! `IntervalSet` against its twin, a set of numbers.

use std::collections::BTreeSet;

use proptest::prelude::*;
use watertight_net::{ByteSet, Interval, IntervalSet, PortRange, PortSet};

type Twin = BTreeSet<u8>;

fn any_twin() -> impl Strategy<Value = Twin> {
    let run = (any::<u8>(), 0_u8..40);
    let runs = prop::collection::vec(run, 0..8);
    (runs, prop::bool::weighted(0.25)).prop_map(|(runs, dense)| {
        let chosen: Twin =
            runs.iter().flat_map(|(first, more)| *first..=first.saturating_add(*more)).collect();
        if dense { &everything() - &chosen } else { chosen }
    })
}

fn everything() -> Twin {
    (0..=u8::MAX).collect()
}

fn build(twin: &Twin) -> ByteSet {
    twin.iter().rev().copied().collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn operations_are_the_twins_in_canonical_form(a in any_twin(), b in any_twin()) {
        let (x, y) = (build(&a), build(&b));
        prop_assert_eq!(x.union(&y), build(&(&a | &b)));
        prop_assert_eq!(x.intersection(&y), build(&(&a & &b)));
        prop_assert_eq!(x.difference(&y), build(&(&a - &b)));
        prop_assert_eq!(x.complement(), build(&(&everything() - &a)));
        prop_assert_eq!(x.contains_set(&y), a.is_superset(&b));
        prop_assert_eq!(x.intersects(&y), !a.is_disjoint(&b));
        prop_assert_eq!(x.first(), a.first().copied());
        prop_assert_eq!(x.last(), a.last().copied());
        prop_assert_eq!(x.count() as usize, a.len());
        prop_assert_eq!(x.is_full(), a.len() == 256);
        prop_assert_eq!(x.is_empty(), a.is_empty());
        for value in 0..=u8::MAX {
            prop_assert_eq!(x.contains(value), a.contains(&value));
        }
        for run in y.intervals() {
            let mut within = a.range(run.first()..=run.last());
            let span = within.next().map(|first| (*first, *within.next_back().unwrap_or(first)));
            prop_assert_eq!(x.span_in(*run).map(|run| (run.first(), run.last())), span);
        }
    }

    #[test]
    fn intervals_leave_gaps_and_read_back(a in any_twin()) {
        let set = build(&a);
        for pair in set.intervals().windows(2) {
            prop_assert!(pair[0].last() + 1 < pair[1].first());
        }
        prop_assert_eq!(set.to_string().parse::<ByteSet>().unwrap(), set);
    }
}

#[test]
fn the_widest_numbers_do_not_overflow() {
    let ends: IntervalSet<u128> = [0, u128::MAX].into_iter().collect();
    assert_eq!(ends.complement().intervals(), [Interval::new(1, u128::MAX - 1).unwrap()]);
    assert_eq!(ends.union(&ends.complement()), IntervalSet::full());
    assert_eq!(IntervalSet::<u128>::full().complement(), IntervalSet::none());
    assert_eq!(PortSet::full().count(), 65_536);
}

#[test]
fn a_reversed_range_is_an_error() {
    assert_eq!(
        PortRange::new(9, 7).unwrap_err().to_string(),
        "range `9-7` ends before it starts: write `7-9`"
    );
}
