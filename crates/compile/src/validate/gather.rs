//! Differences of pairs, put together where they are alike.

use std::collections::{BTreeMap, BTreeSet};

use watertight_model::{Estate, Name};
use watertight_net::{AddressSet, FlowSet};

use super::scene::{Party, PartyWho};
use crate::gap::{Gap, GapKind, Reason, RuleRef};
use crate::identity::name_of;

/// What tells gaps apart beside who their ends are.
type Key = (Sort, Option<Reason>, FlowSet, Vec<RuleRef>, String);

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Sort {
    Gap(GapKind),
    Surprise,
}

/// Who is at one end of several pairs: names of workloads, and addresses by what they are behind.
#[derive(Clone, Default, PartialEq, Eq)]
struct Side {
    names: BTreeSet<String>,
    addresses: BTreeMap<Name, AddressSet>,
}

/// Differences of pairs.
pub(super) struct Gathered<'e> {
    estate: &'e Estate,
    pairs: BTreeMap<Key, Vec<(Side, Side)>>,
}

impl<'e> Gathered<'e> {
    pub(super) const fn new(estate: &'e Estate) -> Self {
        Self { estate, pairs: BTreeMap::new() }
    }

    pub(super) fn add(
        &mut self,
        (kind, reason): (GapKind, Option<Reason>),
        pair: (&Party, &Party),
        flows: FlowSet,
        rules: Vec<RuleRef>,
    ) {
        let place = String::from(reason.map_or("not explained", Reason::place));
        self.push((Sort::Gap(kind), reason, flows, rules, place), pair);
    }

    /// What passes within one machine.
    pub(super) fn inside(&mut self, pair: (&Party, &Party), flows: FlowSet, rules: Vec<RuleRef>) {
        let place = String::from("both ends are on one machine, and pass no interface");
        let reason = Some(Reason::Unfilterable);
        self.push((Sort::Gap(GapKind::Over), reason, flows, rules, place), pair);
    }

    pub(super) fn surprise(&mut self, pair: (&Party, &Party), flows: FlowSet, rules: Vec<RuleRef>) {
        let place = String::from("no allow rule asks for it");
        self.push((Sort::Surprise, None, flows, rules, place), pair);
    }

    /// What a service answers past every guard.
    pub(super) fn service(
        &mut self,
        from: &Party,
        (service, address): (&str, String),
        flows: FlowSet,
        rules: Vec<RuleRef>,
    ) {
        let place = format!("{service} answers past every guard");
        let key = (Sort::Gap(GapKind::Over), Some(Reason::Unfilterable), flows, rules, place);
        let to = Side { names: BTreeSet::from([address]), addresses: BTreeMap::new() };
        let from = self.side(from);
        self.pairs.entry(key).or_default().push((from, to));
    }

    fn push(&mut self, key: Key, (from, to): (&Party, &Party)) {
        let pair = (self.side(from), self.side(to));
        self.pairs.entry(key).or_default().push(pair);
    }

    fn side(&self, party: &Party) -> Side {
        let mut side = Side::default();
        match &party.who {
            PartyWho::Endpoints(members, _) => {
                side.names.extend(members.iter().map(|id| name_of(self.estate, *id)));
            }
            PartyWho::Outside(addresses, name) => {
                side.addresses.insert(name.clone(), addresses.clone());
            }
        }
        side
    }

    /// The gaps, the differences without a reason, and the surprises.
    pub(super) fn finish(self) -> (Vec<Gap>, Vec<Gap>, Vec<Gap>) {
        let (mut gaps, mut unexplained, mut surprises) = (Vec::new(), Vec::new(), Vec::new());
        for ((sort, reason, flows, rules, place), pairs) in self.pairs {
            for (from, to) in joined(pairs) {
                let kind = match sort {
                    Sort::Gap(kind) => kind,
                    Sort::Surprise => GapKind::Over,
                };
                let gap = Gap {
                    kind,
                    reason: reason.unwrap_or(Reason::UnknownBox),
                    from: from.texts(),
                    to: to.texts(),
                    over: flows.to_string(),
                    rules: rules.clone(),
                    place: place.clone(),
                };
                match (sort, reason) {
                    (Sort::Surprise, _) => surprises.push(gap),
                    (Sort::Gap(_), Some(_)) => gaps.push(gap),
                    (Sort::Gap(_), None) => unexplained.push(gap),
                }
            }
        }
        (gaps, unexplained, surprises)
    }
}

impl Side {
    fn add(&mut self, other: &Self) {
        self.names.extend(other.names.iter().cloned());
        for (name, more) in &other.addresses {
            let all = self.addresses.entry(name.clone()).or_default();
            *all = all.union(more);
        }
    }

    fn texts(&self) -> Vec<String> {
        let outside = self.addresses.iter().flat_map(|(name, set)| {
            set.prefixes().into_iter().map(move |prefix| format!("{name}@{prefix}"))
        });
        self.names.iter().cloned().chain(outside).collect()
    }
}

/// Pairs with the same sender as one, and then those with the same receivers.
fn joined(pairs: Vec<(Side, Side)>) -> Vec<(Side, Side)> {
    let by_from = merged(pairs);
    let turned = by_from.into_iter().map(|(from, to)| (to, from)).collect();
    merged(turned).into_iter().map(|(to, from)| (from, to)).collect()
}

fn merged(pairs: Vec<(Side, Side)>) -> Vec<(Side, Side)> {
    let mut found: Vec<(Side, Side)> = Vec::new();
    let mut places: BTreeMap<Vec<String>, usize> = BTreeMap::new();
    for (one, other) in pairs {
        let next = found.len();
        let place = *places.entry(one.texts()).or_insert(next);
        match found.get_mut(place) {
            Some((_, all)) => all.add(&other),
            None => found.push((one, other)),
        }
    }
    found
}
