//! Work on the items of two lists, done once for those that are the same.

use std::collections::BTreeMap;

use watertight_compile::{AtOnce, both};

/// What `work` makes of each item of two lists, in their order. Of items with one key only the first is worked on;
/// it is told in which list that is. Every second one is worked on beside the others.
pub(super) fn once<T: Sync, K: Ord, R: Clone + Send>(
    lists: [&[T]; 2],
    key: impl Fn(usize, &T) -> K,
    work: impl Fn(usize, &T) -> R + Sync,
    at_once: &dyn AtOnce,
) -> [Vec<R>; 2] {
    let mut places: BTreeMap<K, usize> = BTreeMap::new();
    let mut distinct: Vec<(usize, &T)> = Vec::new();
    let [one, other] = lists;
    let places = [(0, one), (1, other)].map(|(of, list)| -> Vec<usize> {
        let place = |item| {
            let next = distinct.len();
            let place = *places.entry(key(of, item)).or_insert(next);
            if place == next {
                distinct.push((of, item));
            }
            place
        };
        list.iter().map(place).collect()
    });
    let half = |first: usize| -> Vec<R> {
        distinct.iter().skip(first).step_by(2).map(|(of, item)| work(*of, item)).collect()
    };
    let (even, odd) = both(at_once, || half(0), || half(1));
    let halves = [even, odd];
    let done = |place: &usize| &halves[place % 2][place / 2];
    places.map(|places| places.iter().map(done).cloned().collect())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use watertight_compile::InTurn;

    use super::*;

    #[test]
    fn what_both_have_is_worked_on_once() {
        let done = AtomicUsize::new(0);
        let work = |of: usize, number: &u32| {
            done.fetch_add(1, Ordering::Relaxed);
            (of, number * 10)
        };
        let found = once([&[3, 1, 2], &[2, 4, 1]], |_, number| *number, work, &InTurn);
        assert_eq!(found, [[(0, 30), (0, 10), (0, 20)], [(0, 20), (1, 40), (0, 10)]]);
        assert_eq!(done.into_inner(), 4);
    }
}
