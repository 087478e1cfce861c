//! Which rules could cover a rule: a look-up by labels, so that not each is compared with each.

use std::collections::BTreeMap;

use watertight_model::Name;

use crate::checked::{End, Peer, Rule};

use super::cover::Cover;

/// A side of a rule, and what a selector there asks for: a label and one of its values.
type Key = (bool, Name, Name);

/// Rules by what their selectors ask for.
#[derive(Default)]
pub(super) struct Index {
    by_label: BTreeMap<Key, Vec<usize>>,
    /// Rules that no label finds: by whether both sides ask for addresses.
    others: Vec<usize>,
}

impl Index {
    pub(super) fn new(rules: &[&Rule], cover: &mut Cover<'_>) -> Self {
        let mut counts: BTreeMap<Key, usize> = BTreeMap::new();
        for rule in rules {
            for key in sides(rule).into_iter().flat_map(|side| all_keys(side, cover)) {
                *counts.entry(key).or_default() += 1;
            }
        }
        let mut index = Self::default();
        for (place, rule) in rules.iter().enumerate() {
            let found = sides(rule).into_iter().filter_map(|side| keys(side, cover, &counts));
            match found.min_by_key(|(count, _)| *count) {
                Some((_, keys)) => {
                    for key in keys {
                        index.by_label.entry(key).or_default().push(place);
                    }
                }
                None => index.others.push(place),
            }
        }
        index
    }

    /// The rules that could cover a rule, in order.
    pub(super) fn candidates(&self, rule: &Rule, cover: &mut Cover<'_>) -> Vec<usize> {
        let mut found = self.others.clone();
        for (is_from, peers) in sides(rule) {
            let Some(id) = peers.first().and_then(workloads) else { continue };
            let Some(alternatives) = cover.overlap.alternatives(id) else { continue };
            for (key, asked) in alternatives.first().into_iter().flatten() {
                let value = asked.values.as_ref().and_then(|values| values.first());
                let Some(value) = value else { continue };
                let key = (is_from, key.clone(), value.clone());
                found.extend(self.by_label.get(&key).into_iter().flatten());
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}

fn sides(rule: &Rule) -> [(bool, &[Peer]); 2] {
    [(true, &rule.from), (false, &rule.to)]
}

fn workloads(peer: &Peer) -> Option<crate::checked::SelectorId> {
    match &peer.end {
        End::Conditions(conditions) => conditions.workloads,
        _ => None,
    }
}

/// All that the selectors of a side ask for.
fn all_keys((is_from, peers): (bool, &[Peer]), cover: &mut Cover<'_>) -> Vec<Key> {
    let mut keys = Vec::new();
    for id in peers.iter().filter_map(workloads) {
        for alternative in cover.overlap.alternatives(id).iter().flat_map(|all| all.iter()) {
            for (key, asked) in alternative {
                let values = asked.values.iter().flatten();
                keys.extend(values.map(|value| (is_from, key.clone(), value.clone())));
            }
        }
    }
    keys
}

/// Keys by which the side is found by whatever it covers, the rarest there are, with how often they
/// occur; `None` where it may cover what asks for no label.
fn keys(
    (is_from, peers): (bool, &[Peer]),
    cover: &mut Cover<'_>,
    counts: &BTreeMap<Key, usize>,
) -> Option<(usize, Vec<Key>)> {
    let (mut total, mut keys) = (0, Vec::new());
    for peer in peers {
        let alternatives = cover.overlap.alternatives(workloads(peer)?)?;
        for alternative in alternatives.iter() {
            let asked = alternative.iter().filter_map(|(key, asked)| {
                let values = asked.values.as_ref()?;
                let keys: Vec<Key> =
                    values.iter().map(|value| (is_from, key.clone(), value.clone())).collect();
                let count: usize = keys.iter().filter_map(|key| counts.get(key)).sum();
                Some((count, keys))
            });
            let (count, rarest) = asked.min_by_key(|(count, _)| *count)?;
            total += count;
            keys.extend(rarest);
        }
    }
    Some((total, keys))
}
