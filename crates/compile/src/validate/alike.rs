//! Every two parties, looked at once for all between which the same passes and the same is intended.
//!
//! Parties are many, and what passes between them and what is intended are few: nearly all pairs repeat what
//! another showed to be in order. Only those that are not in order are looked at one by one.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;

use watertight_net::{AtomId, FlowSet};
use watertight_policy::decide::Reason;
use watertight_reach::Matrix;

use super::scene::{Party, PartyWho, Scene};
use crate::intent::{Allowed, KindId};

/// The number of what is intended where nothing was asked for.
const UNASKED: u32 = u32::MAX;

/// What passes before, after, and with our guards open; what is intended; whether an end is governed.
type Key = ([u32; 3], u32, bool);

/// What of an answer a proof looks at.
type Content = (FlowSet, FlowSet, Vec<(FlowSet, bool)>);

/// What is intended, numbered: the same number for the same content.
#[derive(Debug, Default)]
struct Numbers {
    of: BTreeMap<Content, u32>,
    /// By where an answer is kept, which holds it as long as this looks.
    kept: HashMap<*const Allowed, (Rc<Allowed>, u32)>,
    /// By the kind that accepts, or the addresses outside that do, what each party may send there.
    rows: BTreeMap<(Option<KindId>, Option<AtomId>), Vec<u32>>,
}

impl Scene<'_, '_> {
    /// Calls `look` with pairs until it has said of each, or of one like it, that it is in order. With
    /// `by_intent`, only pairs with the same intent are alike. Returns how many pairs there are.
    pub(super) fn look_at_pairs(
        &self,
        by_intent: bool,
        mut look: impl FnMut(&Party, &Party) -> bool,
    ) -> u64 {
        let mut numbers = Numbers::default();
        let mut in_order: HashSet<Key> = HashSet::new();
        let mut last = None;
        let mut columns = [Vec::new(), Vec::new(), Vec::new()];
        let mut compared = 0_u64;
        for to in self.parties() {
            for (at, column) in columns.iter_mut().enumerate() {
                let class = to.classes.get(at).copied().flatten();
                if let Some(matrix) = self.matrix(at) {
                    matrix.numbers(class, column);
                }
            }
            let row = if by_intent { self.row(to, &mut numbers) } else { &[] };
            for from in self.parties().iter().filter(|from| is_pair(from, to)) {
                compared = compared.saturating_add(1);
                let cell = |at: usize| {
                    let class = from.classes.get(at).copied().flatten();
                    let number = class.and_then(|class| columns.get(at)?.get(class));
                    number.copied().unwrap_or(Matrix::NOTHING)
                };
                let intent = row.get(from.number).copied().unwrap_or(UNASKED);
                let is_governed = from.is_governed || to.is_governed;
                let key = ([cell(0), cell(1), cell(2)], intent, is_governed);
                // Neighbours are alike more often than not.
                if last == Some(key) || in_order.contains(&key) {
                    last = Some(key);
                } else if look(from, to) {
                    in_order.insert(key);
                    last = Some(key);
                }
            }
        }
        compared
    }

    /// The numbers of what each party may send to one, by the number of the party.
    fn row<'n>(&self, to: &Party, numbers: &'n mut Numbers) -> &'n [u32] {
        let at = match &to.who {
            PartyWho::Endpoints(_, kind) => (Some(*kind), None),
            PartyWho::Outside(addresses, _) => (None, self.intent.atom_of(addresses)),
        };
        if !numbers.rows.contains_key(&at) {
            let mut by_kind: HashMap<KindId, u32> = HashMap::new();
            let mut row = Vec::with_capacity(self.parties().len());
            for from in self.parties() {
                row.push(match &from.who {
                    PartyWho::Endpoints(_, kind) => *by_kind
                        .entry(*kind)
                        .or_insert_with(|| numbers.number(&self.allowed(from, to))),
                    PartyWho::Outside(..) => numbers.number(&self.allowed(from, to)),
                });
            }
            numbers.rows.insert(at, row);
        }
        numbers.rows.get(&at).map_or(&[], Vec::as_slice)
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
        self.kept.insert(Rc::as_ptr(allowed), (Rc::clone(allowed), number));
        number
    }
}

/// Whether legs between two parties are asked about: one is in the estate, and they are not one endpoint.
fn is_pair(from: &Party, to: &Party) -> bool {
    match (&from.who, &to.who) {
        (PartyWho::Outside(..), PartyWho::Outside(..)) => false,
        (PartyWho::Endpoints(one, _), PartyWho::Endpoints(..)) => {
            from.number != to.number || one.len() > 1
        }
        _ => true,
    }
}
