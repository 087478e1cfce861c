//! The labels that a workload has after the labelings.

use std::collections::BTreeMap;

use watertight_model::{Label, Name};

use crate::checked::{CheckedPolicy, RawFacts};
use crate::decide::world::Member;
use crate::is_trusted;

/// The value of a label, as far as it is known.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Known {
    /// It has this value.
    Value(Name),
    /// Two labelings disagree about it.
    Unknown,
}

/// A label with whether the workload's users can set it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct LabelOf {
    /// Its value.
    pub value: Known,
    /// Whether it rests on a tag or another claim; else it is its provider's word.
    pub claimed: bool,
}

/// The labels of one workload.
pub type Labelled = BTreeMap<Name, LabelOf>;

/// The labels of a workload: its own, and over them those that labelings give, which read raw facts
/// only, in one pass. Two that disagree leave the label unknown.
pub(crate) fn labels_of(policy: &CheckedPolicy, member: &Member) -> Labelled {
    let mut given: Labelled = BTreeMap::new();
    for rule in policy.labelings.iter().flat_map(|(_, labeling)| &labeling.rules) {
        if !holds(&rule.when, member) {
            continue;
        }
        let claimed = rule.when.is_claimed();
        for (key, value) in &rule.labels {
            let value = Known::Value(value.value.clone());
            let entry = given
                .entry(key.clone())
                .or_insert_with(|| LabelOf { value: value.clone(), claimed });
            entry.claimed |= claimed;
            if entry.value != value {
                entry.value = Known::Unknown;
            }
        }
    }
    let mut labels: Labelled = member
        .labels
        .iter()
        .map(|(key, value)| {
            let claimed = !is_trusted(key);
            (key.clone(), LabelOf { value: Known::Value(value.clone()), claimed })
        })
        .collect();
    labels.extend(given);
    labels
}

/// What a selector is told of a label.
pub(crate) fn look<'l>(labels: &'l Labelled, key: &Name) -> Label<'l> {
    match labels.get(key).map(|label| &label.value) {
        None => Label::Absent,
        Some(Known::Value(value)) => Label::Value(value),
        Some(Known::Unknown) => Label::Unknown,
    }
}

/// Whether the conditions of a labeling's rule hold for a workload.
fn holds(when: &RawFacts, member: &Member) -> bool {
    let any = |empty: bool, some: bool| empty || some;
    let names = when.name.iter().any(|pattern| pattern.value.matches(&member.name));
    let accounts =
        when.account.iter().any(|account| Some(&account.value) == member.account.as_ref());
    let subnets = when.subnet.iter().any(|subnet| member.subnets.contains(&subnet.value));
    let addresses = when
        .addresses
        .iter()
        .any(|prefix| member.places.iter().any(|place| prefix.value.contains(place.address)));
    any(when.name.is_empty(), names)
        && any(when.account.is_empty(), accounts)
        && any(when.subnet.is_empty(), subnets)
        && any(when.addresses.is_empty(), addresses)
        && when.tags.iter().all(|(key, pattern)| {
            member.labels.get(key).is_some_and(|value| pattern.value.matches(value))
        })
}
