//! Whether two peers can match the same end, decided on what they say alone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use watertight_model::{Name, Selector};
use watertight_net::{AddressSet, Prefix};

use crate::Domain;
use crate::checked::{CheckedPolicy, Conditions, End, Peer, SelectorId, SelectorNode};

/// How many alternatives of a selector are looked at; one with more counts as matching anything.
const ALTERNATIVES_MAX: usize = 256;

/// Blocks that are inside of estates and never on the internet.
const PRIVATE: [&str; 7] = [
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "fc00::/7",
];

/// What one alternative of a selector asks of each label.
pub(crate) type Alternative = BTreeMap<Name, Asked>;

/// What is asked of one label.
#[derive(Clone, Default)]
pub(crate) struct Asked {
    /// It has one of these values.
    pub(crate) values: Option<BTreeSet<Name>>,
    /// It has none of these values.
    but: BTreeSet<Name>,
    /// It is there.
    exists: bool,
    /// It is not there.
    absent: bool,
}

impl Asked {
    /// Whether each label that fulfils this fulfils the other.
    pub(crate) fn implies(&self, other: &Self) -> bool {
        let values = self.values.as_ref();
        let has = other.values.as_ref();
        let is_none_of = |but: &BTreeSet<Name>| {
            self.absent
                || but.is_subset(&self.but)
                || values.is_some_and(|values| values.is_disjoint(but))
        };
        (!other.exists || self.exists || values.is_some())
            && (!other.absent || self.absent)
            && has.is_none_or(|has| values.is_some_and(|values| values.is_subset(has)))
            && is_none_of(&other.but)
    }
}

/// Compares peers of one policy, and remembers the alternatives of its selectors.
pub(crate) struct Overlap<'p> {
    policy: &'p CheckedPolicy,
    alternatives: BTreeMap<SelectorId, Option<Arc<[Alternative]>>>,
    private: AddressSet,
}

impl<'p> Overlap<'p> {
    pub(crate) fn new(policy: &'p CheckedPolicy) -> Self {
        let private = PRIVATE.iter().filter_map(|block| block.parse::<Prefix>().ok());
        let private = AddressSet::from_prefixes(private);
        Self { policy, alternatives: BTreeMap::new(), private }
    }

    /// Whether any peer of the one list and any of the other can match the same end.
    pub(crate) fn of_any(&mut self, some: &[Peer], others: &[Peer]) -> bool {
        some.iter().any(|one| others.iter().any(|other| self.of(&one.end, &other.end)))
    }

    fn of(&mut self, one: &End, other: &End) -> bool {
        match (one, other) {
            (End::Any, _) | (_, End::Any) | (End::Internet, End::Internet) => true,
            (End::Internet, End::Conditions(conditions))
            | (End::Conditions(conditions), End::Internet) => self.is_outside(conditions),
            (End::Conditions(one), End::Conditions(other)) => self.of_conditions(one, other),
        }
    }

    /// Whether something on the internet can match.
    fn is_outside(&self, conditions: &Conditions) -> bool {
        conditions.workloads.is_none()
            && conditions.provider.is_empty()
            && !conditions.metadata
            && conditions.addresses.as_ref().is_none_or(|set| !self.private.contains_set(set))
    }

    fn of_conditions(&mut self, one: &Conditions, other: &Conditions) -> bool {
        let special =
            |conditions: &Conditions| (conditions.metadata, !conditions.provider.is_empty());
        let can_be_special =
            |conditions: &Conditions| conditions.workloads.is_none() && conditions.users.is_empty();
        if special(one) != special(other) && !(can_be_special(one) && can_be_special(other)) {
            return false;
        }
        let addresses = match (&one.addresses, &other.addresses) {
            (Some(one), Some(other)) => one.intersects(other),
            _ => true,
        };
        let networks = match (&one.network, &other.network) {
            (Some(one), Some(other)) => one == other,
            _ => true,
        };
        let provider = one.provider.is_empty()
            || other.provider.is_empty()
            || one.provider.iter().any(|service| other.provider.contains(service));
        addresses
            && networks
            && provider
            && of_domains(&one.domains, &other.domains)
            && self.of_workloads(one.workloads, other.workloads)
    }

    fn of_workloads(&mut self, one: Option<SelectorId>, other: Option<SelectorId>) -> bool {
        let (Some(one), Some(other)) = (one, other) else { return true };
        let (Some(one), Some(other)) = (self.alternatives(one), self.alternatives(other)) else {
            return true;
        };
        one.iter().any(|one| other.iter().any(|other| both(one, other).is_some()))
    }

    /// The alternatives of a selector; `None` when they are too many to look at.
    pub(crate) fn alternatives(&mut self, id: SelectorId) -> Option<Arc<[Alternative]>> {
        if let Some(known) = self.alternatives.get(&id) {
            return known.clone();
        }
        // Parts come before what holds them, so this goes no deeper than groups are nested; a list
        // of what is missing takes the place of the stack.
        let mut missing = vec![id];
        while let Some(next) = missing.last().copied() {
            let parts: &[SelectorId] = match self.policy.selector(next) {
                SelectorNode::Labels(_) => &[],
                SelectorNode::All(parts) | SelectorNode::Any(parts) => parts,
            };
            let unknown = parts.iter().copied().find(|part| !self.alternatives.contains_key(part));
            if let Some(part) = unknown {
                missing.push(part);
                continue;
            }
            let found = self.combined(next).map(Arc::from);
            self.alternatives.insert(next, found);
            missing.pop();
        }
        self.alternatives.get(&id).cloned().flatten()
    }

    /// The alternatives of a node whose parts are known.
    fn combined(&self, id: SelectorId) -> Option<Vec<Alternative>> {
        let of = |part: &SelectorId| self.alternatives.get(part).cloned().flatten();
        let found: Vec<Alternative> = match self.policy.selector(id) {
            SelectorNode::Labels(selector) => {
                let mut asked = Alternative::new();
                let can_hold = add(selector, &mut asked)?;
                if can_hold { vec![asked] } else { Vec::new() }
            }
            SelectorNode::Any(parts) => {
                let mut any = Vec::new();
                for part in parts {
                    any.extend(of(part)?.iter().cloned());
                    if any.len() > ALTERNATIVES_MAX {
                        return None;
                    }
                }
                any
            }
            SelectorNode::All(parts) => {
                let mut all = vec![Alternative::new()];
                for part in parts {
                    let part = of(part)?;
                    if all.len().saturating_mul(part.len()) > ALTERNATIVES_MAX {
                        return None;
                    }
                    all = all
                        .iter()
                        .flat_map(|one| part.iter().filter_map(|other| both(one, other)))
                        .collect();
                }
                all
            }
        };
        Some(found)
    }
}

/// Adds what a selector asks; whether labels can fulfil it, or `None` for one of another form.
fn add(selector: &Selector, asked: &mut Alternative) -> Option<bool> {
    let new = match selector {
        Selector::Everything => return Some(true),
        Selector::Nothing => return Some(false),
        Selector::And(parts) => {
            let mut can_hold = true;
            for part in parts {
                can_hold &= add(part, asked)?;
            }
            return Some(can_hold);
        }
        Selector::In(key, values) => {
            (key, Asked { values: Some(values.clone()), exists: true, ..Asked::default() })
        }
        Selector::Exists(key) => (key, Asked { exists: true, ..Asked::default() }),
        Selector::Not(inner) => match &**inner {
            Selector::In(key, values) => (key, Asked { but: values.clone(), ..Asked::default() }),
            Selector::Exists(key) => (key, Asked { absent: true, ..Asked::default() }),
            _ => return None,
        },
        _ => return None,
    };
    let before = asked.remove(new.0).unwrap_or_default();
    let Some(merged) = merged(&before, &new.1) else { return Some(false) };
    asked.insert(new.0.clone(), merged);
    Some(true)
}

/// What both ask; `None` when no label can be both.
fn merged(one: &Asked, other: &Asked) -> Option<Asked> {
    let values = match (&one.values, &other.values) {
        (Some(one), Some(other)) => Some(one.intersection(other).cloned().collect()),
        (Some(values), None) | (None, Some(values)) => Some(values.clone()),
        (None, None) => None,
    };
    let but: BTreeSet<Name> = one.but.union(&other.but).cloned().collect();
    let values: Option<BTreeSet<Name>> =
        values.map(|values: BTreeSet<Name>| values.difference(&but).cloned().collect());
    let (exists, absent) = (one.exists || other.exists, one.absent || other.absent);
    let is_empty = values.as_ref().is_some_and(BTreeSet::is_empty);
    if is_empty || (exists && absent) {
        return None;
    }
    Some(Asked { values, but, exists, absent })
}

/// What both alternatives ask; `None` when no labels can fulfil both.
fn both(one: &Alternative, other: &Alternative) -> Option<Alternative> {
    let mut all = one.clone();
    for (key, asked) in other {
        let merged = match all.get(key) {
            Some(before) => merged(before, asked)?,
            None => asked.clone(),
        };
        all.insert(key.clone(), merged);
    }
    Some(all)
}

fn of_domains(one: &[Domain], other: &[Domain]) -> bool {
    let overlap = |a: &Domain, b: &Domain| a.covers_all_of(b) || b.covers_all_of(a);
    one.is_empty()
        || other.is_empty()
        || one.iter().any(|one| other.iter().any(|other| overlap(one, other)))
}
