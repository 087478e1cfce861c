//! Lists of senders and sets of rules, each once.

use std::collections::{BTreeMap, HashMap};

use crate::csr::{index, number};
use crate::derive::rules::RuleId;

/// A sender with the rules that let it out: numbers of a class and of an [`Outs`] entry.
pub(super) type Sender = (u32, u32);

/// Lists of senders, each once.
#[derive(Default)]
pub(super) struct Lists {
    lists: Vec<Vec<Sender>>,
    /// By a sum of what is in them: they are long.
    by_sum: HashMap<u64, Vec<u32>>,
}

impl Lists {
    pub(super) fn number(&mut self, list: Vec<Sender>) -> u32 {
        let alike = self.by_sum.entry(sum(&list)).or_default();
        let known = alike.iter().find(|known| self.lists.get(index(**known)) == Some(&list));
        if let Some(known) = known {
            return *known;
        }
        let next = number(self.lists.len());
        self.lists.push(list);
        alike.push(next);
        next
    }

    pub(super) fn get(&self, list: u32) -> &[Sender] {
        self.lists.get(index(list)).map_or(&[], Vec::as_slice)
    }
}

/// A number that lists of other senders seldom share.
fn sum(list: &[Sender]) -> u64 {
    list.iter().fold(0, |sum: u64, (class, out)| {
        let one = u64::from(*class) << 32 | u64::from(*out);
        (sum.rotate_left(5) ^ one).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    })
}

/// Sets of rules that let senders out, each once.
#[derive(Default)]
pub(super) struct Outs {
    sets: Vec<Vec<RuleId>>,
    numbers: BTreeMap<Vec<RuleId>, u32>,
}

impl Outs {
    pub(super) fn number(&mut self, rules: Vec<RuleId>) -> u32 {
        let next = number(self.sets.len());
        let known = *self.numbers.entry(rules.clone()).or_insert(next);
        if known == next {
            self.sets.push(rules);
        }
        known
    }

    pub(super) fn rules(&self, set: u32) -> &[RuleId] {
        self.sets.get(index(set)).map_or(&[], Vec::as_slice)
    }
}
