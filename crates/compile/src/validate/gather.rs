//! Differences of pairs, put together where they are alike.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashMap;
use watertight_model::{Estate, Name};
use watertight_net::{AddressRange, AddressSet, Family, FlowSet};

use super::scene::Ruled;
use super::told::{Party, PartyWho};
use super::{AtOnce, both};
use crate::gap::{Gap, GapKind, Reason};
use crate::identity::name_of;

/// What tells gaps apart beside who their ends are, and of which family.
type Key = (Sort, Option<Reason>, FlowSet, Ruled, String);

/// Something that was found, at whichever pairs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Finding(u32);

/// Pairs by the numbers of their sides: those of whichever family, and those of each alone, as in [`FAMILIES`].
type Pairs = [Vec<(u32, u32)>; 3];

const FAMILIES: [Option<Family>; 3] = [None, Some(Family::V4), Some(Family::V6)];

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Sort {
    Gap(GapKind),
    Surprise,
    /// What becomes possible and is forbidden.
    Inadmissible,
}

/// Who is at one end of several pairs: the numbers of names, and addresses by what they are behind.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
struct Side {
    /// Ascending, each once.
    names: Vec<u32>,
    addresses: Vec<(Name, AddressSet)>,
}

/// Names, each once. What is told of thousands of pairs names the same ends again and again.
#[derive(Default)]
struct Names {
    all: Vec<String>,
    of: FxHashMap<String, u32>,
}

/// Differences of pairs.
pub(super) struct Gathered<'e> {
    estate: &'e Estate,
    /// The family that is looked at, where families are looked at apart.
    family: Option<Family>,
    /// What was found, by the number of the finding: pairs are many, and what is said of them is written once.
    keys: Vec<Key>,
    findings: FxHashMap<Key, u32>,
    pairs: Vec<Pairs>,
    /// So is who is at their ends.
    sides: Vec<Side>,
    names: Names,
    /// The numbers of sides, by who is there and by the party.
    numbers: FxHashMap<Side, u32>,
    of: Vec<Option<u32>>,
    /// Whether a party has addresses of both families, by its number.
    both: Vec<Option<bool>>,
}

impl<'e> Gathered<'e> {
    pub(super) fn new(estate: &'e Estate, family: Option<Family>) -> Self {
        let (keys, findings, pairs) = (Vec::new(), FxHashMap::default(), Vec::new());
        let (sides, names, numbers) = (Vec::new(), Names::default(), FxHashMap::default());
        let (of, both) = (Vec::new(), Vec::new());
        Self { estate, family, keys, findings, pairs, sides, names, numbers, of, both }
    }

    /// What is permitted and not intended, or intended and not permitted.
    pub(super) fn gap(
        &mut self,
        (kind, reason): (GapKind, Option<Reason>),
        flows: FlowSet,
        rules: Ruled,
    ) -> Finding {
        let place = String::from(reason.map_or("not explained", Reason::place));
        self.finding((Sort::Gap(kind), reason, flows, rules, place))
    }

    /// What passes within one machine.
    pub(super) fn inside(&mut self, flows: FlowSet, rules: Ruled) -> Finding {
        let place = String::from("both ends are on one machine, and pass no interface");
        let reason = Some(Reason::Unfilterable);
        self.finding((Sort::Gap(GapKind::Over), reason, flows, rules, place))
    }

    /// What becomes possible although nothing asks for it.
    pub(super) fn surprise(&mut self, flows: FlowSet, rules: Ruled) -> Finding {
        let place = String::from("no allow rule asks for it");
        self.finding((Sort::Surprise, None, flows, rules, place))
    }

    /// What becomes possible although something forbids it.
    pub(super) fn inadmissible(&mut self, flows: FlowSet, rules: Ruled) -> Finding {
        let place = String::from("it becomes possible, and something forbids it");
        self.finding((Sort::Inadmissible, None, flows, rules, place))
    }

    /// Adds a pair at which some things were found.
    pub(super) fn found(&mut self, findings: &[Finding], (from, to): (&Party, &Party)) {
        if findings.is_empty() {
            return;
        }
        let of = self.hidden((from, to));
        let of = FAMILIES.iter().position(|family| *family == of).unwrap_or_default();
        let pair = (self.party(from), self.party(to));
        for finding in findings {
            self.push(*finding, of, [pair]);
        }
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
        let finding = self.finding((kind, Some(Reason::Unfilterable), flows, rules, place));
        let to = Side { names: vec![self.names.number(address)], addresses: Vec::new() };
        let pair = (self.party(from), self.number(to));
        self.push(finding, 0, [pair]);
    }

    fn finding(&mut self, key: Key) -> Finding {
        if let Some(known) = self.findings.get(&key) {
            return Finding(*known);
        }
        let number = u32::try_from(self.keys.len()).unwrap_or(u32::MAX);
        self.keys.push(key.clone());
        self.pairs.push(Pairs::default());
        self.findings.insert(key, number);
        Finding(number)
    }

    fn push(
        &mut self,
        Finding(number): Finding,
        of: usize,
        pairs: impl IntoIterator<Item = (u32, u32)>,
    ) {
        let place = usize::try_from(number).unwrap_or(usize::MAX);
        if let Some(all) = self.pairs.get_mut(place).and_then(|all| all.get_mut(of)) {
            all.extend(pairs);
        }
    }

    /// The family that is looked at, where both ends have addresses of the other one too.
    fn hidden(&mut self, (from, to): (&Party, &Party)) -> Option<Family> {
        self.family.filter(|_| self.has_both(from) && self.has_both(to))
    }

    fn has_both(&mut self, party: &Party) -> bool {
        let PartyWho::Endpoints(members, _) = &party.who else { return false };
        if let Some(Some(known)) = self.both.get(party.number) {
            return *known;
        }
        let endpoints = &self.estate.network.endpoints;
        let all = members.iter().filter_map(|id| endpoints.get(*id));
        let all = all.flat_map(|one| &one.addresses);
        let families: BTreeSet<Family> = all.map(|one| Family::of(*one)).collect();
        let has_both = families.len() > 1;
        *slot(&mut self.both, party.number) = Some(has_both);
        has_both
    }

    fn party(&mut self, party: &Party) -> u32 {
        if let Some(Some(known)) = self.of.get(party.number) {
            return *known;
        }
        let side = self.side(party);
        let number = self.number(side);
        *slot(&mut self.of, party.number) = Some(number);
        number
    }

    fn number(&mut self, side: Side) -> u32 {
        let next = u32::try_from(self.sides.len()).unwrap_or(u32::MAX);
        let number = *self.numbers.entry(side.clone()).or_insert(next);
        if number == next {
            self.sides.push(side);
        }
        number
    }

    /// Pairs as sides: those with the same sender as one, and then those with the same receivers.
    fn joined(&self, pairs: &[(u32, u32)]) -> Vec<(Side, Side)> {
        // As one number they are sorted quicker.
        let mut packed: Vec<u64> =
            pairs.iter().map(|(from, to)| u64::from(*from) << 32 | u64::from(*to)).collect();
        packed.sort_unstable();
        packed.dedup();
        let unpacked = |pair: &u64| (pair >> 32, u32::try_from(pair & 0xffff_ffff).unwrap_or(0));
        let mut by_receivers: BTreeMap<Vec<u32>, Vec<u32>> = BTreeMap::new();
        for part in packed.chunk_by(|one, other| one >> 32 == other >> 32) {
            let receivers = part.iter().map(|pair| unpacked(pair).1).collect();
            let from = part.first().and_then(|pair| u32::try_from(unpacked(pair).0).ok());
            by_receivers.entry(receivers).or_default().extend(from);
        }
        let all = |numbers: &[u32]| {
            let places =
                numbers.iter().map(|number| usize::try_from(*number).unwrap_or(usize::MAX));
            Side::of_all(places.filter_map(|place| self.sides.get(place)))
        };
        // What is called differently may hold the same in all.
        let turned = by_receivers.iter().map(|(to, from)| (all(to), all(from))).collect();
        merged(turned).into_iter().map(|(to, from)| (from, to)).collect()
    }

    fn side(&mut self, party: &Party) -> Side {
        let mut side = Side::default();
        match &party.who {
            PartyWho::Endpoints(members, _) => {
                let names = members.iter().map(|id| name_of(self.estate, *id));
                side.names.extend(names.map(|name| self.names.number(name)));
                side.names.sort_unstable();
                side.names.dedup();
            }
            PartyWho::Outside(addresses, name) => {
                side.addresses.push((name.clone(), addresses.clone()));
            }
            PartyWho::Vacant(vacancy, _) => side.names.push(self.names.number(vacancy.name())),
        }
        side
    }

    /// Adds what was gathered of another family.
    pub(super) fn add_all(&mut self, other: Self) {
        let Self { sides, names, keys, pairs, .. } = other;
        let names: Vec<u32> = names.all.into_iter().map(|name| self.names.number(name)).collect();
        let name = |number: u32| {
            let place = usize::try_from(number).ok()?;
            names.get(place).copied()
        };
        let numbers = sides.into_iter().map(|mut side| {
            side.names = side.names.into_iter().filter_map(name).collect();
            side.names.sort_unstable();
            self.number(side)
        });
        let numbers: Vec<u32> = numbers.collect();
        let number = |side: u32| {
            let place = usize::try_from(side).ok()?;
            numbers.get(place).copied()
        };
        for (key, families) in keys.into_iter().zip(pairs) {
            let finding = self.finding(key);
            for (place, pairs) in families.into_iter().enumerate() {
                let pairs = pairs.into_iter();
                let pairs = pairs.filter_map(|(from, to)| number(from).zip(number(to)));
                self.push(finding, place, pairs);
            }
        }
    }

    /// Gives names other numbers, so that these are in their order.
    fn order_names(&mut self) {
        let mut order: Vec<usize> = (0..self.names.all.len()).collect();
        order.sort_unstable_by(|one, other| self.names.all[*one].cmp(&self.names.all[*other]));
        let mut ranks = vec![0; order.len()];
        for (rank, place) in (0_u32..).zip(&order) {
            ranks[*place] = rank;
        }
        self.names.all = order.iter().map(|at| std::mem::take(&mut self.names.all[*at])).collect();
        for side in &mut self.sides {
            for name in &mut side.names {
                *name = usize::try_from(*name)
                    .ok()
                    .and_then(|at| ranks.get(at))
                    .map_or(*name, |rank| *rank);
            }
            side.names.sort_unstable();
        }
    }

    /// All of it, each ordered; `at_once` is how two halves of the work are done.
    pub(super) fn finish(mut self, at_once: &dyn AtOnce) -> Finished {
        self.order_names();
        let told = &self;
        let half = |first: usize| {
            let mut found = Finished::default();
            let all = told.keys.iter().zip(&told.pairs);
            for (key, families) in all.skip(first).step_by(2) {
                for (family, pairs) in FAMILIES.into_iter().zip(families) {
                    for ends in told.joined(pairs) {
                        found.add(key, family, (&told.names, &ends));
                    }
                }
            }
            found
        };
        let (mut all, more) = both(at_once, || half(0), || half(1));
        all.gaps.extend(more.gaps);
        all.unexplained.extend(more.unexplained);
        all.surprises.extend(more.surprises);
        all.inadmissible.extend(more.inadmissible);
        let Finished { gaps, unexplained, surprises, inadmissible } = all;
        Finished {
            gaps: of_both(gaps),
            unexplained: of_both(unexplained),
            surprises: of_both(surprises),
            inadmissible: of_both(inadmissible),
        }
    }
}

/// The place of something in a list that grows as far as it has to.
fn slot<T: Clone>(all: &mut Vec<Option<T>>, number: usize) -> &mut Option<T> {
    all.resize(all.len().max(number.saturating_add(1)), None);
    &mut all[number]
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

impl Finished {
    fn add(
        &mut self,
        key: &Key,
        family: Option<Family>,
        (names, (from, to)): (&Names, &(Side, Side)),
    ) {
        let (sort, reason, flows, rules, place) = key;
        let kind = match sort {
            Sort::Gap(kind) => *kind,
            Sort::Surprise | Sort::Inadmissible => GapKind::Over,
        };
        let gap = Gap {
            kind,
            reason: reason.unwrap_or(Reason::UnknownBox),
            from: from.texts(names),
            to: to.texts(names),
            over: flows.to_string(),
            family: family.map(|family| word(family).to_owned()),
            rules: rules.rules.clone(),
            place: place.clone(),
            forbidden: rules.forbidden,
        };
        match (sort, reason) {
            (Sort::Surprise, _) => self.surprises.push(gap),
            (Sort::Inadmissible, _) => self.inadmissible.push(gap),
            (Sort::Gap(_), Some(_)) => self.gaps.push(gap),
            (Sort::Gap(_), None) => self.unexplained.push(gap),
        }
    }
}

const fn word(family: Family) -> &'static str {
    match family {
        Family::V4 => "IPv4",
        Family::V6 => "IPv6",
    }
}

/// Gaps, ordered, of which those that both families have are told without a family.
fn of_both(gaps: Vec<Gap>) -> Vec<Gap> {
    let mut families: BTreeMap<Gap, BTreeSet<Option<String>>> = BTreeMap::new();
    for mut gap in gaps {
        let family = gap.family.take();
        families.entry(gap).or_default().insert(family);
    }
    let every = [Family::V4, Family::V6].map(|family| Some(word(family).to_owned()));
    let mut told = Vec::with_capacity(families.len());
    for (gap, families) in families {
        if every.iter().all(|family| families.contains(family)) {
            told.push(gap);
            continue;
        }
        let mut families = families.into_iter();
        let last = families.next_back();
        told.extend(families.map(|family| Gap { family, ..gap.clone() }));
        told.extend(last.map(|family| Gap { family, ..gap }));
    }
    told.sort();
    told
}

impl Names {
    fn number(&mut self, name: String) -> u32 {
        let next = u32::try_from(self.all.len()).unwrap_or(u32::MAX);
        let number = *self.of.entry(name.clone()).or_insert(next);
        if number == next {
            self.all.push(name);
        }
        number
    }

    fn get(&self, number: u32) -> Option<&String> {
        usize::try_from(number).ok().and_then(|place| self.all.get(place))
    }
}

impl Side {
    /// Who is at any of some.
    fn of_all<'s>(all: impl IntoIterator<Item = &'s Self>) -> Self {
        let mut found = Self::default();
        let mut ranges: BTreeMap<&Name, Vec<AddressRange>> = BTreeMap::new();
        for side in all {
            found.names.extend_from_slice(&side.names);
            for (name, more) in &side.addresses {
                ranges.entry(name).or_default().extend(more.ranges());
            }
        }
        found.names.sort_unstable();
        found.names.dedup();
        let of = |(name, ranges): (&Name, _)| (name.clone(), AddressSet::from_ranges(ranges));
        found.addresses = ranges.into_iter().map(of).collect();
        found
    }

    fn texts(&self, names: &Names) -> Vec<String> {
        let outside = self.addresses.iter().flat_map(|(name, set)| {
            set.prefixes().into_iter().map(move |prefix| format!("{name}@{prefix}"))
        });
        let names = self.names.iter().filter_map(|number| names.get(*number)).cloned();
        names.chain(outside).collect()
    }
}

/// Pairs with the same sender as one.
fn merged(pairs: Vec<(Side, Side)>) -> Vec<(Side, Side)> {
    let mut found: Vec<(Side, Side)> = Vec::new();
    let mut places: FxHashMap<Side, usize> = FxHashMap::default();
    for (one, other) in pairs {
        let next = found.len();
        let place = *places.entry(one.clone()).or_insert(next);
        match found.get_mut(place) {
            Some((_, all)) => *all = Side::of_all([&*all, &other]),
            None => found.push((one, other)),
        }
    }
    found
}
