//! What differs at a pair and why, worked out once for all pairs of which the same is known.
//!
//! Pairs that differ are many where a prefix was merged into a wider one, and what can be said of them is little: it
//! follows from what passes, from the answer of the policy and from what was widened between them. Only where that
//! does not explain all of it is the pair itself looked at.

use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;

use rustc_hash::FxHashMap;
use watertight_net::{AddressSet, FlowSet};
use watertight_policy::decide::Reason as Because;

use super::alike::Sight;
use super::explain::Needs;
use super::gather::{Finding, Gathered};
use super::scene::{Cells, Ruled, Scene, needed};
use super::told::Party;
use crate::compiler::Widened;
use crate::gap::{Forbidden, GapKind, Reason};
use crate::intent::Allowed;

/// What a look at one pair finds.
#[derive(Debug)]
pub(super) struct Judged {
    /// The differences whole.
    pub(super) over: FlowSet,
    pub(super) under: FlowSet,
    /// What of `over` a guardrail denies, and something on the way could refuse.
    pub(super) denied: FlowSet,
    /// Each part of the differences with its reason.
    pub(super) findings: Vec<Finding>,
    /// Whether nothing was found: it is the same for all pairs with the same cells and intent.
    pub(super) is_in_order: bool,
}

/// What of an answer of the policy is asked here, with what decided in words.
#[derive(Debug)]
struct Part {
    flows: FlowSet,
    ruled: Ruled,
    /// Whether rules alone decided, and no default.
    is_by_rule: bool,
}

/// What is known of a pair.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Known {
    /// What passes before, after and with our guards open, as numbers of cells.
    cells: [u32; 3],
    /// The number of the policy's answer.
    answer: u32,
    /// Which end carries our groups.
    held: (bool, bool),
    /// The numbers of what was widened at each, where that was asked.
    widened: Option<[u32; 2]>,
}

/// The judgements of one scene.
pub(super) struct Judgements<'s, 'i, 'a> {
    scene: &'s Scene<'i, 'a>,
    judged: Vec<Judged>,
    /// By place; nothing, where more must be known.
    known: FxHashMap<Known, Option<usize>>,
    answers: Answers,
    widenings: Widenings,
}

/// What is allowed, what depends on requests, and the parts.
type Content = (FlowSet, FlowSet, Vec<(FlowSet, Ruled, bool)>);

/// Answers of the policy, numbered: the same number for the same content.
#[derive(Default)]
struct Answers {
    of: FxHashMap<Content, u32>,
    parts: Vec<Rc<[Part]>>,
    /// What the policy sees in each party.
    sights: Vec<u32>,
    /// The answers between two of these.
    known: FxHashMap<[u32; 2], u32>,
    last: Option<([u32; 2], u32)>,
}

/// What was widened at ends, numbered.
struct Widenings {
    /// By the place of what was widened: the same number for the same flows and reason.
    contents: Vec<u32>,
    /// The places of what was widened at each identity.
    places: Vec<Range<usize>>,
    /// The number of several such things, by that of all but the last, and the last.
    longer: FxHashMap<(u32, u32), u32>,
    /// By the number of the party.
    addresses: Vec<Option<AddressSet>>,
}

impl<'s, 'i, 'a> Judgements<'s, 'i, 'a> {
    pub(super) fn new(scene: &'s Scene<'i, 'a>) -> Self {
        let widenings = Widenings::new(&scene.compiled.widened, scene.parties().len());
        let (judged, known) = (Vec::new(), FxHashMap::default());
        Self { scene, judged, known, answers: Answers::new(scene), widenings }
    }

    /// What one pair adds; `cells` are the numbers of what passes between the two.
    pub(super) fn of(
        &mut self,
        pair: (&Party, &Party),
        cells: [u32; 3],
        gathered: &mut Gathered<'_>,
    ) -> &Judged {
        let place = self.place(pair, cells, gathered);
        &self.judged[place]
    }

    fn place(
        &mut self,
        pair: (&Party, &Party),
        cells: [u32; 3],
        gathered: &mut Gathered<'_>,
    ) -> usize {
        let answer = self.answers.number(self.scene, pair);
        let held = (pair.0.identity.is_some(), pair.1.identity.is_some());
        let plain = Known { cells, answer, held, widened: None };
        if let Some(Some(known)) = self.known.get(&plain) {
            return *known;
        }
        let widened = Known { widened: Some(self.widenings.numbers(self.scene, pair)), ..plain };
        if let Some(Some(known)) = self.known.get(&widened) {
            return *known;
        }
        let allowed = self.scene.allowed(pair.0, pair.1);
        let parts = self.answers.parts(answer);
        let (judged, needs) = judge(self.scene, pair, (&allowed, &parts), gathered);
        let place = self.judged.len();
        self.judged.push(judged);
        self.known.insert(plain, (needs == Needs::Cells).then_some(place));
        if needs != Needs::Cells {
            self.known.insert(widened, (needs == Needs::Widening).then_some(place));
        }
        place
    }
}

impl Answers {
    fn new(scene: &Scene<'_, '_>) -> Self {
        let mut numbers: FxHashMap<Sight, u32> = FxHashMap::default();
        let sights = scene.parties().iter().map(|party| {
            let next = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
            *numbers.entry(scene.sight(party)).or_insert(next)
        });
        Self { sights: sights.collect(), ..Self::default() }
    }

    /// The number of what the policy says of a pair: it depends on what it sees in both.
    fn number(&mut self, scene: &Scene<'_, '_>, (from, to): (&Party, &Party)) -> u32 {
        let seen = [from, to].map(|one| self.sights.get(one.number).copied().unwrap_or(u32::MAX));
        // Neighbours are alike more often than not.
        if let Some((known, number)) = self.last
            && known == seen
        {
            return number;
        }
        let known = self.known.get(&seen).copied();
        let number = known.unwrap_or_else(|| self.add(scene, &scene.allowed(from, to)));
        self.known.insert(seen, number);
        self.last = Some((seen, number));
        number
    }

    fn parts(&self, number: u32) -> Rc<[Part]> {
        let place = usize::try_from(number).unwrap_or(usize::MAX);
        self.parts.get(place).map_or_else(|| Rc::new([]), Rc::clone)
    }

    fn add(&mut self, scene: &Scene<'_, '_>, allowed: &Allowed) -> u32 {
        let by_rule = |one: &Because| matches!(one, Because::Rule(_) | Because::Essential(_));
        let parts = allowed.parts.iter().map(|(flows, decision)| {
            let is_by_rule = decision.reasons.iter().all(by_rule);
            (flows.clone(), scene.ruled(decision), is_by_rule)
        });
        let parts: Vec<_> = parts.collect();
        let content = (allowed.allow.clone(), allowed.inspect.clone(), parts.clone());
        let next = u32::try_from(self.parts.len()).unwrap_or(u32::MAX);
        let number = *self.of.entry(content).or_insert(next);
        if number == next {
            let part = |(flows, ruled, is_by_rule)| Part { flows, ruled, is_by_rule };
            self.parts.push(parts.into_iter().map(part).collect());
        }
        number
    }
}

impl Widenings {
    fn new(widened: &[Widened], parties: usize) -> Self {
        let mut numbers: FxHashMap<(&FlowSet, Reason), u32> = FxHashMap::default();
        let contents = widened.iter().map(|one| {
            let next = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
            *numbers.entry((&one.flows, one.reason)).or_insert(next)
        });
        let contents = contents.collect();
        // They are ordered by identity.
        let mut places: Vec<Range<usize>> = Vec::new();
        for (place, one) in widened.iter().enumerate() {
            places.resize(places.len().max(one.identity.saturating_add(1)), place..place);
            if let Some(own) = places.get_mut(one.identity) {
                own.end = place.saturating_add(1);
            }
        }
        let (longer, addresses) = (FxHashMap::default(), vec![None; parties]);
        Self { contents, places, longer, addresses }
    }

    fn numbers(&mut self, scene: &Scene<'_, '_>, (from, to): (&Party, &Party)) -> [u32; 2] {
        let ends = [(to, from, true), (from, to, false)];
        ends.map(|(end, other, ingress)| {
            let places = end.identity.and_then(|identity| self.places.get(identity)).cloned();
            let own = places.clone().and_then(|places| scene.compiled.widened.get(places));
            let Some(known) = self.addresses.get_mut(other.number) else { return u32::MAX };
            let addresses = known.get_or_insert_with(|| scene.addresses(other));
            let mut number = 0;
            for (place, one) in places.unwrap_or_default().zip(own.into_iter().flatten()) {
                if one.ingress == ingress && one.added.intersects(addresses) {
                    let content = self.contents.get(place).copied().unwrap_or(u32::MAX);
                    let next = u32::try_from(self.longer.len()).unwrap_or(u32::MAX);
                    let next = next.saturating_add(1);
                    number = *self.longer.entry((number, content)).or_insert(next);
                }
            }
            number
        })
    }
}

/// What one pair adds: its differences whole, and each part of them with its reason. Also what had to be known of
/// the pair for that.
fn judge(
    scene: &Scene<'_, '_>,
    pair: (&Party, &Party),
    (allowed, parts): (&Allowed, &[Part]),
    gathered: &mut Gathered<'_>,
) -> (Judged, Needs) {
    let cells = scene.cells(pair.0, pair.1);
    let over = cells.after.possible.difference(&allowed.allow);
    let accepted = cells.before.sure.union(&cells.open.sure);
    let under = missing(allowed, &cells, &accepted);
    let mut findings = Vec::new();
    let (explained, needs_over) = scene.explain_over(pair, &cells, allowed, &over);
    let mut denied = FlowSet::none();
    for (flows, reason) in explained {
        let inside = reason == Some(Reason::Unfilterable) && scene.are_on_one_machine(pair);
        let flows = if inside && scene.is_node_to_own_pod(pair) {
            flows.difference(&needed(allowed, &flows))
        } else {
            flows
        };
        for (flows, rules) in ruled(parts, &flows) {
            if let Some(forbidden) = rules.forbidden {
                if forbidden == Forbidden::Guardrail && reason != Some(Reason::Unfilterable) {
                    denied = denied.union(&flows);
                }
                let fresh = flows.difference(&cells.before.possible);
                if !fresh.is_empty() {
                    findings.push(gathered.inadmissible(fresh, rules.clone()));
                }
            }
            findings.push(if inside {
                gathered.inside(flows, rules)
            } else {
                gathered.gap((GapKind::Over, reason), flows, rules)
            });
        }
    }
    let (explained, needs_under) = scene.explain_under(pair, &cells, &under);
    // Requests that a condition would let through and that are cut with the rest.
    let cut = allowed.inspect.intersection(&accepted).difference(&cells.after.sure);
    let is_kept = over.is_empty() && under.is_empty() && cut.is_empty();
    for (flows, reason) in explained.into_iter().chain([(cut, Some(Reason::L7))]) {
        for (flows, rules) in ruled(parts, &flows) {
            findings.push(gathered.gap((GapKind::Under, reason), flows, rules));
        }
    }
    findings.extend(surprises(allowed, parts, &cells, gathered));
    let is_in_order = is_kept && findings.is_empty();
    (Judged { over, under, denied, findings, is_in_order }, needs_over.max(needs_under))
}

/// What is intended and accepted before or with our guards open, and is not any more, or is not answered.
fn missing(allowed: &Allowed, cells: &Cells, accepted: &FlowSet) -> FlowSet {
    let under = allowed.allow.intersection(accepted).difference(&cells.after.sure);
    let Some([before, after, open]) = &cells.answered else { return under };
    let answered = allowed.allow.intersection(&before.sure.union(&open.sure));
    under.union(&answered.difference(&after.sure))
}

/// What becomes possible that no rule asked for.
fn surprises(
    allowed: &Allowed,
    parts: &[Part],
    cells: &Cells,
    gathered: &mut Gathered<'_>,
) -> Vec<Finding> {
    let fresh = cells.after.sure.difference(&cells.before.possible);
    let unasked = parts.iter().filter(|part| !part.is_by_rule);
    let unasked = unasked.filter_map(|part| {
        let flows = part.flows.intersection(&fresh).intersection(&allowed.allow);
        let rules = Ruled { rules: part.ruled.rules.clone(), forbidden: None };
        (!flows.is_empty()).then(|| gathered.surprise(flows, rules))
    });
    unasked.collect()
}

/// Flows by what of the policy decided about them.
fn ruled(parts: &[Part], flows: &FlowSet) -> Vec<(FlowSet, Ruled)> {
    let mut found: BTreeMap<&Ruled, FlowSet> = BTreeMap::new();
    for part in parts {
        let flows = part.flows.intersection(flows);
        if !flows.is_empty() {
            let all = found.entry(&part.ruled).or_default();
            *all = all.union(&flows);
        }
    }
    found.into_iter().map(|(ruled, flows)| (flows, ruled.clone())).collect()
}
