//! Neighbours among parties between which nothing tells.

use std::ops::Range;

use rustc_hash::FxHashMap;

use super::alike::Intents;
use super::scene::Scene;

/// What of a sender every receiver is looked at with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Block {
    /// What the policy sees in them.
    pub(super) intent: usize,
    pub(super) is_governed: bool,
    pub(super) is_nobody: bool,
    /// Whether what they send is looked at, whoever gets it.
    pub(super) is_about: bool,
}

/// Consecutive parties that are alike in that, all that are classes.
#[derive(Debug)]
pub(super) struct Blocks {
    /// Each with where it ends.
    all: Vec<(usize, Block)>,
    /// By party, the place of its block.
    of: Vec<usize>,
}

/// Parties between which nothing tells as receivers.
#[derive(Debug)]
pub(super) struct Receivers {
    /// Their numbers.
    pub(super) members: Vec<usize>,
    /// The class of the first.
    pub(super) class: usize,
    /// The row of intents.
    pub(super) intent: usize,
    pub(super) is_governed: bool,
    pub(super) is_nobody: bool,
    /// Whether what they are sent is looked at, whoever sends it.
    pub(super) is_about: bool,
}

impl Blocks {
    pub(super) fn new(scene: &Scene<'_, '_>, intents: &Intents) -> Self {
        let mut found = Self { all: Vec::new(), of: Vec::new() };
        for party in scene.parties().iter().take(scene.classes_len()) {
            let intent = intents.of(party);
            let (is_governed, is_nobody) = (party.is_governed, party.who.is_nobody());
            let is_about = scene.is_about(party);
            let block = Block { intent, is_governed, is_nobody, is_about };
            let end = party.number.saturating_add(1);
            match found.all.last_mut() {
                Some((last, known)) if *known == block => *last = end,
                _ => found.all.push((end, block)),
            }
            found.of.push(found.all.len().saturating_sub(1));
        }
        found
    }

    /// The blocks of a range of parties, with what of each is in it.
    pub(super) fn within(
        &self,
        range: Range<usize>,
    ) -> impl Iterator<Item = (Range<usize>, Block)> {
        let first = self.of.get(range.start).copied().unwrap_or(usize::MAX);
        let mut start = range.start;
        let blocks = self.all.get(first..).unwrap_or_default().iter();
        blocks.map_while(move |(end, block)| {
            let part = start..range.end.min(*end);
            start = *end;
            (!part.is_empty()).then_some((part, *block))
        })
    }

    /// For each row of intents, the ranges of parties that may send something, ascending.
    pub(super) fn allowing(&self, intents: &Intents) -> Vec<Vec<Range<u32>>> {
        let place = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let of_row = |allows: &[bool]| {
            let mut ranges: Vec<Range<u32>> = Vec::new();
            let mut start = 0;
            for (end, block) in &self.all {
                let part = place(start)..place(*end);
                start = *end;
                if !allows.get(block.intent).copied().unwrap_or(true) {
                    continue;
                }
                match ranges.last_mut() {
                    Some(last) if last.end == part.start => last.end = part.end,
                    _ => ranges.push(part),
                }
            }
            ranges
        };
        intents.allowing().map(of_row).collect()
    }
}

/// Parties that are sent the same, and with whom the same is intended; ordered by the first of each.
pub(super) fn receivers(scene: &Scene<'_, '_>, intents: &Intents) -> Vec<Receivers> {
    type Key = ([Option<u32>; 3], usize, bool, bool, bool);
    let mut places: FxHashMap<Key, usize> = FxHashMap::default();
    let mut found: Vec<Receivers> = Vec::new();
    for party in scene.parties().iter().take(scene.classes_len()) {
        let columns = scene.matrices().map(|matrix| matrix.receivers_alike(party.number));
        let (intent, is_governed) = (intents.row_of(party), party.is_governed);
        let (is_nobody, is_about) = (party.who.is_nobody(), scene.is_about(party));
        let next = found.len();
        let key = (columns, intent, is_governed, is_nobody, is_about);
        let place = *places.entry(key).or_insert(next);
        match found.get_mut(place) {
            Some(alike) => alike.members.push(party.number),
            None => found.push(Receivers {
                members: vec![party.number],
                class: party.number,
                intent,
                is_governed,
                is_nobody,
                is_about,
            }),
        }
    }
    found
}
