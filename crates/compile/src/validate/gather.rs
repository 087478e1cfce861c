//! Differences of pairs, put together where they are alike.

mod sides;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rustc_hash::FxHashMap;
use watertight_model::Estate;
use watertight_net::{Family, FlowSet};

use super::scene::Ruled;
use super::told::{Party, PartyWho};
use super::{AtOnce, both};
use crate::gap::{Gap, GapKind, Reason};
use crate::intent::Moved;
use sides::{Names, Side, Sides};

/// What tells gaps apart beside who their ends are, and of which family.
type Key = (Sort, Option<Reason>, FlowSet, Ruled, String);

/// Something that was found, at whichever pairs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Finding(u32);

/// Pairs by the numbers of their ends: those of whichever family, and those of each alone, as in [`FAMILIES`].
type Pairs = [Vec<(u32, u32)>; 3];

/// The number of the first service as an end: those below are of parties.
const SERVICES: u32 = 1 << 31;

const FAMILIES: [Option<Family>; 3] = [None, Some(Family::V4), Some(Family::V6)];

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Sort {
    Gap(GapKind),
    Surprise,
    /// What becomes possible and is forbidden.
    Inadmissible,
}

/// Differences of pairs.
pub(super) struct Gathered<'e> {
    estate: &'e Estate,
    /// The family that is looked at, where families are looked at apart.
    family: Option<Family>,
    found: Pairwise,
    findings: FxHashMap<Key, u32>,
    /// The numbers of services as ends, by their addresses in words.
    services: FxHashMap<String, u32>,
    /// Whether a party has addresses of both families, by its number.
    both: Vec<Option<bool>>,
}

/// What was found, and at which pairs.
#[derive(Clone, Default)]
pub(super) struct Pairwise {
    /// By the number of the finding: pairs are many, and what is said of them is written once.
    keys: Vec<Key>,
    pairs: Vec<Pairs>,
    /// What was told of each, where its pairs are those of which that was told.
    told: Vec<Option<Arc<Finished>>>,
    /// The addresses of services, in words.
    services: Vec<String>,
}

impl Pairwise {
    /// Tells rules where they stand now.
    pub(super) fn move_rules(&mut self, moved: &Moved) {
        for (key, told) in self.keys.iter_mut().zip(&mut self.told) {
            let (_, _, _, ruled, _) = key;
            let Some(rules) = moved.of(&ruled.rules) else { continue };
            if let Some(told) = told {
                let Finished { gaps, unexplained, surprises, inadmissible } = Arc::make_mut(told);
                for gap in [gaps, unexplained, surprises, inadmissible].into_iter().flatten() {
                    gap.rules.clone_from(&rules);
                }
            }
            ruled.rules = rules;
        }
    }
}

impl<'e> Gathered<'e> {
    pub(super) fn new(estate: &'e Estate, family: Option<Family>) -> Self {
        let (findings, services) = (FxHashMap::default(), FxHashMap::default());
        Self { estate, family, found: Pairwise::default(), findings, services, both: Vec::new() }
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
        let number = |party: &Party| u32::try_from(party.number).unwrap_or(u32::MAX);
        let pair = (number(from), number(to));
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
        let to = self.service_at(address);
        self.push(finding, 0, [(u32::try_from(from.number).unwrap_or(u32::MAX), to)]);
    }

    fn service_at(&mut self, address: String) -> u32 {
        let next = u32::try_from(self.found.services.len()).unwrap_or(SERVICES);
        let next = next.saturating_add(SERVICES);
        let number = *self.services.entry(address.clone()).or_insert(next);
        if number == next {
            self.found.services.push(address);
        }
        number
    }

    fn finding(&mut self, key: Key) -> Finding {
        if let Some(known) = self.findings.get(&key) {
            return Finding(*known);
        }
        let number = u32::try_from(self.found.keys.len()).unwrap_or(u32::MAX);
        self.found.keys.push(key.clone());
        self.found.pairs.push(Pairs::default());
        self.found.told.push(None);
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
        if let Some(all) = self.found.pairs.get_mut(place).and_then(|all| all.get_mut(of)) {
            all.extend(pairs);
            self.found.told[place] = None;
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

    /// Adds what was gathered of another family, or of other pairs.
    pub(super) fn add_all(&mut self, other: Self) {
        self.add(other.found, Some);
    }

    /// Adds what was found before at pairs of parties that have other numbers now, or none any more.
    pub(super) fn add(&mut self, found: Pairwise, number: impl Fn(u32) -> Option<u32>) {
        let Pairwise { keys, pairs, told, services } = found;
        let services: Vec<u32> = services.into_iter().map(|one| self.service_at(one)).collect();
        let number = |end: u32| match end.checked_sub(SERVICES) {
            None => number(end),
            Some(place) => services.get(usize::try_from(place).ok()?).copied(),
        };
        for ((key, families), told) in keys.into_iter().zip(pairs).zip(told) {
            let is_known = self.findings.contains_key(&key);
            let before: usize = families.iter().map(Vec::len).sum();
            let families = families.map(|mut pairs| {
                pairs.retain_mut(|pair| {
                    let now = number(pair.0).zip(number(pair.1));
                    *pair = now.unwrap_or_default();
                    now.is_some()
                });
                pairs
            });
            let stay: usize = families.iter().map(Vec::len).sum();
            if stay == 0 {
                continue;
            }
            let finding = self.finding(key);
            for (place, pairs) in families.into_iter().enumerate() {
                self.push(finding, place, pairs);
            }
            let place = usize::try_from(finding.0).unwrap_or(usize::MAX);
            let told = told.filter(|_| !is_known && stay == before);
            if let Some(slot) = self.found.told.get_mut(place) {
                *slot = told;
            }
        }
    }

    /// All of it, each ordered; `at_once` is how two halves of the work are done. `parties` are those with whose numbers
    /// it was gathered.
    pub(super) fn finish(self, parties: &[Party], at_once: &dyn AtOnce) -> (Finished, Pairwise) {
        let mut found = self.found;
        let fresh = found.told.iter().enumerate().filter(|(_, told)| told.is_none());
        let fresh: Vec<usize> = fresh.map(|(place, _)| place).collect();
        let sides = &Sides::new(self.estate, parties, (&found, &fresh));
        let (keys, pairs) = (&found.keys, &found.pairs);
        let half = |first: usize| {
            let of_one = |place: &usize| {
                let mut told = Finished::default();
                for (family, pairs) in FAMILIES.into_iter().zip(&pairs[*place]) {
                    for ends in sides.joined(pairs) {
                        told.add(&keys[*place], family, (&sides.names, &ends));
                    }
                }
                (*place, told)
            };
            fresh.iter().skip(first).step_by(2).map(of_one).collect::<Vec<_>>()
        };
        let (some, more) = both(at_once, || half(0), || half(1));
        for (place, told) in some.into_iter().chain(more) {
            found.told[place] = Some(Arc::new(told));
        }
        let all = || found.told.iter().flatten();
        let finished = Finished {
            gaps: of_both(all().flat_map(|one| &one.gaps)),
            unexplained: of_both(all().flat_map(|one| &one.unexplained)),
            surprises: of_both(all().flat_map(|one| &one.surprises)),
            inadmissible: of_both(all().flat_map(|one| &one.inadmissible)),
        };
        (finished, found)
    }
}

/// The place of something in a list that grows as far as it has to.
fn slot<T: Clone>(all: &mut Vec<Option<T>>, number: usize) -> &mut Option<T> {
    all.resize(all.len().max(number.saturating_add(1)), None);
    &mut all[number]
}

/// What was gathered.
#[derive(Clone, Default)]
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
            from: from.texts(names).into(),
            to: to.texts(names).into(),
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
fn of_both<'g>(gaps: impl Iterator<Item = &'g Gap>) -> Vec<Gap> {
    let mut families: BTreeMap<Gap, BTreeSet<Option<String>>> = BTreeMap::new();
    for mut gap in gaps.cloned() {
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
