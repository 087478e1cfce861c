//! Which changes of a plan bring something about.

use std::collections::{BTreeMap, BTreeSet};

/// Changes that are taken back one by one; of larger plans all changes together are named.
const CHANGES_MAX: usize = 24;

/// What is asked of an estate with some of the changes: the keys of what is found there.
pub(super) type Ask<'a, K> = dyn FnMut(&BTreeSet<usize>) -> BTreeSet<K> + 'a;

/// For each key that all changes together bring about, the changes without which it would not be; where
/// each can be done without, those that bring it about alone; where there are none, or too many to
/// ask, all of them.
pub(super) fn causes<K: Ord + Clone>(
    changes: usize,
    keys: &BTreeSet<K>,
    ask: &mut Ask<'_, K>,
) -> BTreeMap<K, BTreeSet<usize>> {
    let all: BTreeSet<usize> = (0..changes).collect();
    let mut found: BTreeMap<K, BTreeSet<usize>> = BTreeMap::new();
    if keys.is_empty() || changes > CHANGES_MAX || changes <= 1 {
        return keys.iter().map(|key| (key.clone(), all.clone())).collect();
    }
    for change in &all {
        let mut others = all.clone();
        others.remove(change);
        let left = ask(&others);
        for key in keys.difference(&left) {
            found.entry(key.clone()).or_default().insert(*change);
        }
    }
    if keys.iter().any(|key| !found.contains_key(key)) {
        let open: BTreeSet<K> =
            keys.iter().filter(|key| !found.contains_key(key)).cloned().collect();
        for change in &all {
            let alone = ask(&BTreeSet::from([*change]));
            for key in open.intersection(&alone) {
                found.entry(key.clone()).or_default().insert(*change);
            }
        }
    }
    for key in keys {
        found.entry(key.clone()).or_insert_with(|| all.clone());
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is found where some changes are made, for rules that need changes together.
    fn asked(rules: &[(&'static str, &[usize])], made: &BTreeSet<usize>) -> BTreeSet<&'static str> {
        let holds = |needs: &[usize]| needs.iter().all(|one| made.contains(one));
        rules.iter().filter(|(_, needs)| holds(needs)).map(|(key, _)| *key).collect()
    }

    fn of(rules: &[(&'static str, &[usize])]) -> BTreeMap<&'static str, BTreeSet<usize>> {
        let keys = asked(rules, &(0..4).collect());
        causes(4, &keys, &mut |made| asked(rules, made))
    }

    #[test]
    fn changes_that_are_needed_together_are_named_together() {
        assert_eq!(of(&[("a", &[1, 3])])["a"], BTreeSet::from([1, 3]));
    }

    #[test]
    fn changes_of_which_each_suffices_are_each_named() {
        assert_eq!(of(&[("a", &[1]), ("a", &[2])])["a"], BTreeSet::from([1, 2]));
    }

    #[test]
    fn changes_that_are_needed_in_one_of_two_ways_are_all_named() {
        assert_eq!(of(&[("a", &[0, 1]), ("a", &[2, 3])])["a"], BTreeSet::from([0, 1, 2, 3]));
    }
}
