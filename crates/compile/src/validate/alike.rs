//! Every two parties, looked at once for all between which the same passes and the same is intended.
//!
//! Parties are many, and what passes between them and what is intended are few: parties that send alike, and
//! parties that are sent alike, are taken together before anything is compared, and nearly all pairs of what
//! is left repeat what another showed to be in order. Only those that are not in order are looked at one by
//! one.

use std::collections::BTreeMap;
use std::hash::Hash;
use std::rc::Rc;

use rustc_hash::{FxHashMap, FxHashSet};
use watertight_net::FlowSet;
use watertight_policy::decide::Reason;
use watertight_reach::Matrix;

use super::blocks::{Blocks, Receivers, receivers};
use super::scene::Scene;
use super::told::{Party, PartyWho};
use crate::intent::{Allowed, KindId, NobodySight};

/// The number of what is intended where nobody asks.
const UNASKED: u32 = u32::MAX;
/// The same between those whose pairs are left out.
const LEFT_OUT: u32 = u32::MAX - 1;

/// What passes before, after, and with our guards open; what is intended; whether an end is governed.
type Key = ([u32; 3], u32, bool);

/// What of an answer a proof looks at.
type Content = (FlowSet, FlowSet, Vec<(FlowSet, bool)>);

/// What the policy sees in a party: its kind, or the addresses outside.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Sight {
    Kind(KindId),
    Nobody(Option<NobodySight>),
}

/// What somebody looks for at pairs: others need not be looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum LookedFor {
    /// What after the plan is not as intended; and between ends that no segment holds, what is not as before. Pairs
    /// with the same intent are alike.
    Differences,
    /// What is possible in the third estate.
    Opened,
    /// Anything that passes in any of the three. Pairs with the same intent are alike.
    Anything,
}

/// What is intended between what the policy sees in parties.
#[derive(Debug, Default)]
pub(super) struct Intents {
    /// For each party, the number of what is seen in it.
    of: Vec<usize>,
    /// The number of the row of each of those.
    as_receiver: Vec<usize>,
    /// What each may send to one, by the number of the receiver.
    rows: Vec<Vec<u32>>,
    /// For each such row, whether something may be sent.
    allowing: Vec<Vec<bool>>,
}

/// Contents, numbered: the same number for the same content.
#[derive(Debug, Default)]
struct Numbers {
    of: BTreeMap<Content, u32>,
    /// By where an answer is kept, which holds it as long as this looks.
    kept: FxHashMap<*const Allowed, (Rc<Allowed>, u32)>,
    /// Whether anything is allowed, by number.
    allows: Vec<bool>,
}

impl Scene<'_, '_> {
    /// Calls `look` with pairs until it has said of each, or of one like it, that it is in order. Where there
    /// cannot be what is looked for, it is not called. It is told the numbers of what passes in each of the three.
    /// Returns how many pairs there are.
    pub(super) fn look_at_pairs(
        &self,
        sought: LookedFor,
        mut look: impl FnMut((&Party, &Party), [u32; 3]) -> bool,
    ) -> u64 {
        let by_intent = sought != LookedFor::Opened;
        let intents = if by_intent { self.intents() } else { Intents::default() };
        let blocks = Blocks::new(self, &intents);
        let allowing = match sought {
            LookedFor::Differences => blocks.allowing(&intents),
            LookedFor::Opened | LookedFor::Anything => Vec::new(),
        };
        let mut in_order: FxHashSet<Key> = FxHashSet::default();
        let mut last = None;
        for to in &receivers(self, &intents) {
            let row = intents.row(to.intent);
            let also = allowing.get(to.intent).map_or(&[][..], Vec::as_slice);
            Matrix::alongside(self.matrices(), to.class, also, |range, cells, is_allowed| {
                if !(is_allowed || sought.may_be(cells, to.is_governed)) {
                    return;
                }
                for (range, block) in blocks.within(range) {
                    let is_left_out = !(block.is_about || to.is_about);
                    if is_left_out || (block.is_nobody && to.is_nobody) {
                        continue;
                    }
                    let intent = row.get(block.intent).copied().unwrap_or(UNASKED);
                    let key = (cells, intent, block.is_governed || to.is_governed);
                    // Neighbours are alike more often than not.
                    if last == Some(key) || in_order.contains(&key) {
                        last = Some(key);
                        continue;
                    }
                    let senders = self.parties().get(range).unwrap_or_default();
                    if self.pairs(senders, to).any(|pair| look(pair, cells)) {
                        in_order.insert(key);
                        last = Some(key);
                    }
                }
            });
        }
        self.count()
    }

    /// How many pairs there are: no two parties outside, and nobody with itself.
    fn count(&self) -> u64 {
        let all = self.parties().len();
        let is_outside = |one: &&Party| one.who.is_nobody();
        let outside = self.parties().iter().filter(is_outside).count();
        let alone =
            self.parties().iter().filter(|one| !is_pair(one, one) && !is_outside(one)).count();
        let square = |count: usize| count.saturating_mul(count);
        let pairs = square(all).saturating_sub(square(outside)).saturating_sub(alone);
        u64::try_from(pairs).unwrap_or(u64::MAX)
    }

    fn pairs<'p>(
        &'p self,
        senders: &'p [Party],
        to: &'p Receivers,
    ) -> impl Iterator<Item = (&'p Party, &'p Party)> {
        let receivers = to.members.iter().filter_map(|number| self.parties().get(*number));
        let pairs = receivers.flat_map(move |to| senders.iter().map(move |from| (from, to)));
        pairs.filter(|(from, to)| is_pair(from, to))
    }

    /// What is intended between all that the policy tells apart in parties.
    fn intents(&self) -> Intents {
        let mut places: FxHashMap<Sight, usize> = FxHashMap::default();
        let mut seen: Vec<&Party> = Vec::new();
        // Of each, whether pairs with one of those in whom it is seen are looked at.
        let mut is_about: Vec<bool> = Vec::new();
        let mut of = Vec::with_capacity(self.parties().len());
        for party in self.parties() {
            let next = seen.len();
            let place = *places.entry(self.sight(party)).or_insert(next);
            if place == next {
                seen.push(party);
                is_about.push(false);
            }
            is_about[place] |= self.is_about(party);
            of.push(place);
        }
        let mut numbers = Numbers::default();
        let mut known: FxHashMap<Vec<u32>, usize> = FxHashMap::default();
        let (mut rows, mut allowing) = (Vec::new(), Vec::new());
        let mut as_receiver = Vec::with_capacity(seen.len());
        for (to, is_about_to) in seen.iter().zip(&is_about) {
            let each = seen.iter().zip(&is_about).map(|(from, is_about_from)| {
                let is_left_out = !(*is_about_to || *is_about_from);
                if is_left_out { LEFT_OUT } else { self.number(from, to, &mut numbers) }
            });
            let row: Vec<u32> = each.collect();
            let next = known.len();
            let place = *known.entry(row.clone()).or_insert(next);
            as_receiver.push(place);
            if place == next {
                allowing.push(row.iter().map(|number| numbers.allows(Some(number))).collect());
                rows.push(row);
            }
        }
        Intents { of, as_receiver, rows, allowing }
    }

    pub(super) fn sight(&self, party: &Party) -> Sight {
        match &party.who {
            PartyWho::Endpoints(_, kind) => Sight::Kind(*kind),
            PartyWho::Outside(addresses, _) => {
                Sight::Nobody(self.intent.sight_of_outside(addresses))
            }
            PartyWho::Vacant(vacancy, _) => Sight::Nobody(self.intent.sight_of_vacant(vacancy)),
        }
    }

    fn number(&self, from: &Party, to: &Party, numbers: &mut Numbers) -> u32 {
        // Nobody asks about those.
        let is_asked = !(from.who.is_nobody() && to.who.is_nobody());
        if is_asked { numbers.number(&self.allowed(from, to)) } else { UNASKED }
    }
}

impl LookedFor {
    /// Whether what is looked for may be where this passes, as numbers of cells, to one whom a segment holds or not,
    /// if nothing is intended there.
    ///
    /// Where nothing passes after a plan and nothing is intended, all is as it is to be, whatever was before; but
    /// between ends that no segment holds nothing may have passed before either.
    fn may_be(self, [before, after, third]: [u32; 3], is_governed: bool) -> bool {
        let passes = |number: u32| number != Matrix::NOTHING;
        match self {
            Self::Differences => passes(after) || !is_governed && passes(before),
            Self::Opened => passes(third),
            Self::Anything => true,
        }
    }
}

impl Intents {
    /// The number of what is seen in a party.
    pub(super) fn of(&self, party: &Party) -> usize {
        self.of.get(party.number).copied().unwrap_or_default()
    }

    /// The number of the row of a party.
    pub(super) fn row_of(&self, party: &Party) -> usize {
        self.as_receiver.get(self.of(party)).copied().unwrap_or_default()
    }

    /// What each may send by a row.
    fn row(&self, number: usize) -> &[u32] {
        self.rows.get(number).map_or(&[], Vec::as_slice)
    }

    /// For each row, whether each may send something.
    pub(super) fn allowing(&self) -> impl Iterator<Item = &[bool]> {
        self.allowing.iter().map(Vec::as_slice)
    }
}

impl Numbers {
    fn number(&mut self, allowed: &Rc<Allowed>) -> u32 {
        if let Some((_, number)) = self.kept.get(&Rc::as_ptr(allowed)) {
            return *number;
        }
        let by_rule = |one: &Reason| matches!(one, Reason::Rule(_) | Reason::Essential(_));
        let parts = allowed
            .parts
            .iter()
            .map(|(flows, decision)| (flows.clone(), decision.reasons.iter().all(by_rule)));
        let content = (allowed.allow.clone(), allowed.inspect.clone(), parts.collect());
        let next = u32::try_from(self.of.len()).unwrap_or(UNASKED);
        let number = *self.of.entry(content).or_insert(next);
        if number == next {
            self.allows.push(!(allowed.allow.is_empty() && allowed.inspect.is_empty()));
        }
        self.kept.insert(Rc::as_ptr(allowed), (Rc::clone(allowed), number));
        number
    }

    /// Whether an answer allows anything; one that nobody asked for might. What is left out is not looked for.
    fn allows(&self, number: Option<&u32>) -> bool {
        if number == Some(&LEFT_OUT) {
            return false;
        }
        let place = number.and_then(|number| usize::try_from(*number).ok());
        place.and_then(|place| self.allows.get(place)).copied().unwrap_or(true)
    }
}

/// Whether legs between two parties are asked about: one is in the estate, and they are not one endpoint.
fn is_pair(from: &Party, to: &Party) -> bool {
    match (&from.who, &to.who) {
        (PartyWho::Endpoints(one, _), PartyWho::Endpoints(..)) => {
            from.number != to.number || one.len() > 1
        }
        (one, other) => !(one.is_nobody() && other.is_nobody()),
    }
}
