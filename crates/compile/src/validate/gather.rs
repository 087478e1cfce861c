//! Differences of pairs, put together where they are alike.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashMap;
use watertight_model::{Estate, Name};
use watertight_net::{AddressSet, Family, FlowSet};

use super::scene::{Party, PartyWho, Ruled};
use crate::gap::{Gap, GapKind, Reason};
use crate::identity::name_of;

/// What tells gaps apart beside who their ends are.
type Key = (Sort, Option<Reason>, FlowSet, Ruled, String, Option<Family>);

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Sort {
    Gap(GapKind),
    Surprise,
    /// What becomes possible and is forbidden.
    Inadmissible,
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
    /// The family that is looked at, where families are looked at apart.
    family: Option<Family>,
    /// By the numbers of the sides: pairs are many, and who is at their ends is written once.
    pairs: BTreeMap<Key, Vec<(u32, u32)>>,
    sides: Vec<Side>,
    /// The numbers of sides, by what they are called and by the party.
    numbers: FxHashMap<Vec<String>, u32>,
    of: FxHashMap<usize, u32>,
}

impl<'e> Gathered<'e> {
    pub(super) fn new(estate: &'e Estate, family: Option<Family>) -> Self {
        let (pairs, sides) = (BTreeMap::new(), Vec::new());
        let (numbers, of) = (FxHashMap::default(), FxHashMap::default());
        Self { estate, family, pairs, sides, numbers, of }
    }

    pub(super) fn add(
        &mut self,
        (kind, reason): (GapKind, Option<Reason>),
        pair: (&Party, &Party),
        flows: FlowSet,
        rules: Ruled,
    ) {
        let place = String::from(reason.map_or("not explained", Reason::place));
        self.push((Sort::Gap(kind), reason, flows, rules, place, self.hidden(pair)), pair);
    }

    /// What passes within one machine.
    pub(super) fn inside(&mut self, pair: (&Party, &Party), flows: FlowSet, rules: Ruled) {
        let place = String::from("both ends are on one machine, and pass no interface");
        let reason = Some(Reason::Unfilterable);
        let kind = Sort::Gap(GapKind::Over);
        self.push((kind, reason, flows, rules, place, self.hidden(pair)), pair);
    }

    pub(super) fn surprise(&mut self, pair: (&Party, &Party), flows: FlowSet, rules: Ruled) {
        let place = String::from("no allow rule asks for it");
        self.push((Sort::Surprise, None, flows, rules, place, self.hidden(pair)), pair);
    }

    /// What becomes possible although something forbids it.
    pub(super) fn inadmissible(&mut self, pair: (&Party, &Party), flows: FlowSet, rules: Ruled) {
        let place = String::from("it becomes possible, and something forbids it");
        self.push((Sort::Inadmissible, None, flows, rules, place, self.hidden(pair)), pair);
    }

    /// What a service answers past every guard.
    pub(super) fn service(
        &mut self,
        from: &Party,
        (service, address): (&str, String),
        flows: FlowSet,
        rules: Ruled,
    ) {
        let place = format!("{service} answers past every guard");
        let kind = Sort::Gap(GapKind::Over);
        let key = (kind, Some(Reason::Unfilterable), flows, rules, place, None);
        let to = Side { names: BTreeSet::from([address]), addresses: BTreeMap::new() };
        let pair = (self.party(from), self.number(to));
        self.pairs.entry(key).or_default().push(pair);
    }

    fn push(&mut self, key: Key, (from, to): (&Party, &Party)) {
        let pair = (self.party(from), self.party(to));
        self.pairs.entry(key).or_default().push(pair);
    }

    /// The family that is looked at, where both ends have addresses of the other one too.
    fn hidden(&self, (from, to): (&Party, &Party)) -> Option<Family> {
        let has_both = |party: &Party| match &party.who {
            PartyWho::Endpoints(members, _) => {
                let addresses =
                    |id| self.estate.network.endpoints.get(id).map(|one| &one.addresses);
                let all = members.iter().filter_map(|id| addresses(*id)).flatten();
                let families: BTreeSet<Family> = all.map(|one| Family::of(*one)).collect();
                families.len() > 1
            }
            PartyWho::Outside(..) | PartyWho::Vacant(..) => false,
        };
        self.family.filter(|_| has_both(from) && has_both(to))
    }

    fn party(&mut self, party: &Party) -> u32 {
        if let Some(number) = self.of.get(&party.number) {
            return *number;
        }
        let number = self.number(self.side(party));
        self.of.insert(party.number, number);
        number
    }

    fn number(&mut self, side: Side) -> u32 {
        let next = u32::try_from(self.sides.len()).unwrap_or(u32::MAX);
        let number = *self.numbers.entry(side.texts()).or_insert(next);
        if number == next {
            self.sides.push(side);
        }
        number
    }

    /// Pairs as sides: those with the same sender as one, and then those with the same receivers.
    fn joined(&self, mut pairs: Vec<(u32, u32)>) -> Vec<(Side, Side)> {
        pairs.sort_unstable();
        pairs.dedup();
        let mut by_receivers: BTreeMap<Vec<u32>, Vec<u32>> = BTreeMap::new();
        for part in pairs.chunk_by(|one, other| one.0 == other.0) {
            let receivers = part.iter().map(|(_, to)| *to).collect();
            let from = part.first().map(|(from, _)| *from);
            by_receivers.entry(receivers).or_default().extend(from);
        }
        let all = |numbers: &[u32]| {
            let places =
                numbers.iter().map(|number| usize::try_from(*number).unwrap_or(usize::MAX));
            let mut side = Side::default();
            for other in places.filter_map(|place| self.sides.get(place)) {
                side.add(other);
            }
            side
        };
        // What is called differently may hold the same in all.
        let turned = by_receivers.iter().map(|(to, from)| (all(to), all(from))).collect();
        merged(turned).into_iter().map(|(to, from)| (from, to)).collect()
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
            PartyWho::Vacant(vacancy, _) => {
                side.names.insert(vacancy.name());
            }
        }
        side
    }

    /// Adds what was gathered of another family.
    pub(super) fn add_all(&mut self, other: Self) {
        let numbers: Vec<u32> = other.sides.into_iter().map(|side| self.number(side)).collect();
        let number = |side: u32| {
            let place = usize::try_from(side).ok()?;
            numbers.get(place).copied()
        };
        for (key, pairs) in other.pairs {
            let pairs = pairs.into_iter();
            let pairs = pairs.filter_map(|(from, to)| number(from).zip(number(to)));
            self.pairs.entry(key).or_default().extend(pairs);
        }
    }

    /// All of it, each ordered.
    pub(super) fn finish(mut self) -> Finished {
        let mut all = Finished::default();
        let pairs = std::mem::take(&mut self.pairs);
        for ((sort, reason, flows, rules, place, family), pairs) in pairs {
            for (from, to) in self.joined(pairs) {
                let kind = match sort {
                    Sort::Gap(kind) => kind,
                    Sort::Surprise | Sort::Inadmissible => GapKind::Over,
                };
                let gap = Gap {
                    kind,
                    reason: reason.unwrap_or(Reason::UnknownBox),
                    from: from.texts(),
                    to: to.texts(),
                    over: flows.to_string(),
                    family: family.map(|family| word(family).to_owned()),
                    rules: rules.rules.clone(),
                    place: place.clone(),
                    forbidden: rules.forbidden,
                };
                match (sort, reason) {
                    (Sort::Surprise, _) => all.surprises.push(gap),
                    (Sort::Inadmissible, _) => all.inadmissible.push(gap),
                    (Sort::Gap(_), Some(_)) => all.gaps.push(gap),
                    (Sort::Gap(_), None) => all.unexplained.push(gap),
                }
            }
        }
        let Finished { gaps, unexplained, surprises, inadmissible } = all;
        Finished {
            gaps: of_both(gaps),
            unexplained: of_both(unexplained),
            surprises: of_both(surprises),
            inadmissible: of_both(inadmissible),
        }
    }
}

/// What was gathered.
#[derive(Default)]
pub(super) struct Finished {
    pub(super) gaps: Vec<Gap>,
    /// Differences without a reason.
    pub(super) unexplained: Vec<Gap>,
    pub(super) surprises: Vec<Gap>,
    /// What becomes possible and is forbidden.
    pub(super) inadmissible: Vec<Gap>,
}

const fn word(family: Family) -> &'static str {
    match family {
        Family::V4 => "IPv4",
        Family::V6 => "IPv6",
    }
}

/// Gaps, ordered, of which those that both families have are told without a family.
fn of_both(gaps: Vec<Gap>) -> Vec<Gap> {
    let all: BTreeSet<Gap> = gaps.into_iter().collect();
    let as_of = |gap: &Gap, family| Gap { family, ..gap.clone() };
    let is_in_both = |gap: &Gap| {
        let families = [Family::V4, Family::V6].iter();
        let mut others = families.map(|family| as_of(gap, Some(word(*family).to_owned())));
        gap.family.is_some() && others.all(|other| all.contains(&other))
    };
    let whole = |gap: &Gap| if is_in_both(gap) { as_of(gap, None) } else { gap.clone() };
    let told: BTreeSet<Gap> = all.iter().map(whole).collect();
    told.into_iter().collect()
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

/// Pairs with the same sender as one.
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
