//! Whom a rule may let in, and who of them gets in: by stretches, not one by one.

use std::collections::HashMap;
use std::ops::Range;

use super::lists::{Lists, Sender};
use crate::csr::{index, number};
use crate::derive::columns::{FlowsId, Run};
use crate::hop::Status;

/// Consecutive places in a list of candidates, or consecutive classes.
pub(super) type Stretch = Range<u32>;

/// Those whom a rule means and whom their own rules let out to a receiver.
pub(super) struct Candidates {
    /// Ascending by class.
    senders: Vec<Sender>,
    /// How many workloads send from those before each of them, and from all.
    before: Vec<u64>,
    /// For each of them the place behind the consecutive classes that it is among.
    ends: Vec<u32>,
    /// The numbers of lists of some of them, by their stretches.
    known: HashMap<Box<[Stretch]>, u32>,
}

/// Who of some candidates gets in, as ascending stretches of places.
#[derive(Default)]
pub(super) struct Admitted {
    pub(super) sure: Vec<Stretch>,
    pub(super) possible: Vec<Stretch>,
}

impl Candidates {
    /// Candidates, ascending by class, with how many workloads send from every class.
    pub(super) fn new(senders: Vec<Sender>, counts: &[u64]) -> Self {
        let mut before = Vec::with_capacity(senders.len() + 1);
        let mut all: u64 = 0;
        before.push(all);
        for (class, _) in &senders {
            all += counts.get(index(*class)).copied().unwrap_or_default();
            before.push(all);
        }
        let mut ends = vec![0; senders.len()];
        let mut end = number(senders.len());
        for (place, (class, _)) in senders.iter().enumerate().rev() {
            if senders.get(place + 1).is_some_and(|next| next.0 != class + 1) {
                end = number(place + 1);
            }
            ends[place] = end;
        }
        Self { senders, before, ends, known: HashMap::new() }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.senders.len()
    }

    /// The place of a class.
    pub(super) fn place(&self, class: u32) -> Option<u32> {
        self.senders.binary_search_by_key(&class, |sender| sender.0).ok().map(number)
    }

    /// Who gets in by a column, of which `counts_for` tells what its flows are good for. Of candidates
    /// and runs, those between which nothing of the others lies are not looked at.
    pub(super) fn admitted(
        &self,
        column: &[Run],
        mut counts_for: impl FnMut(FlowsId) -> Option<Status>,
    ) -> Admitted {
        let mut found = Admitted::default();
        let (mut sender, mut run) = (0, 0);
        while let Some((class, _)) = self.senders.get(sender) {
            run += column[run..].partition_point(|one| one.end <= *class);
            let Some(one) = column.get(run) else { break };
            let into = match counts_for(one.flows) {
                Some(Status::Sure) => Some(&mut found.sure),
                Some(Status::Possible) => Some(&mut found.possible),
                None => None,
            };
            let end = self.from(sender, one.end);
            if let Some(into) = into {
                let start = self.from(sender, one.start);
                if start < end {
                    append(into, number(start)..number(end));
                }
            }
            sender = end;
            run += 1;
        }
        found
    }

    /// The first place that is not before `place` and whose class is not before `class`: it is mostly near.
    fn from(&self, place: usize, class: u32) -> usize {
        let rest = &self.senders[place..];
        let mut end = 1;
        while rest.get(end - 1).is_some_and(|sender| sender.0 < class) {
            end *= 2;
        }
        let near = &rest[end / 2..rest.len().min(end)];
        place + end / 2 + near.partition_point(|sender| sender.0 < class)
    }

    /// From how many workloads those in stretches send.
    pub(super) fn workloads(&self, stretches: &[Stretch]) -> u64 {
        let each = stretches.iter();
        each.map(|one| self.before[index(one.end)] - self.before[index(one.start)]).sum()
    }

    /// Adds the classes of those in stretches, consecutive ones together.
    pub(super) fn add_classes(&self, stretches: &[Stretch], classes: &mut Vec<Stretch>) {
        for one in stretches {
            let mut place = one.start;
            while place < one.end {
                let end = self.ends[index(place)].min(one.end);
                let first = self.senders[index(place)].0;
                classes.push(first..first + (end - place));
                place = end;
            }
        }
    }

    /// The number of the list of those in stretches.
    pub(super) fn list(&mut self, stretches: Vec<Stretch>, lists: &mut Lists) -> u32 {
        if let Some(known) = self.known.get(&*stretches) {
            return *known;
        }
        let places = stretches.iter().map(|one| index(one.start)..index(one.end));
        let list = places.flat_map(|places| self.senders[places].iter().copied()).collect();
        let number = lists.number(list);
        self.known.insert(stretches.into(), number);
        number
    }
}

/// Adds a stretch behind others, as one with the last where nothing lies between.
fn append(stretches: &mut Vec<Stretch>, one: Stretch) {
    match stretches.last_mut() {
        Some(last) if last.end == one.start => last.end = one.end,
        _ => stretches.push(one),
    }
}

/// Adds one place to ascending stretches.
pub(super) fn with_place(stretches: Vec<Stretch>, place: u32) -> Vec<Stretch> {
    if stretches.iter().any(|one| one.contains(&place)) {
        return stretches;
    }
    let behind = stretches.partition_point(|one| one.start <= place);
    let mut found = Vec::with_capacity(stretches.len() + 1);
    let (before, after) = stretches.split_at(behind);
    found.extend_from_slice(before);
    append(&mut found, place..place + 1);
    for one in after {
        append(&mut found, one.clone());
    }
    found
}

/// Stretches in order, each place in one of them.
pub(super) fn joined(mut stretches: Vec<Stretch>) -> Vec<Stretch> {
    stretches.sort_unstable_by_key(|one| one.start);
    let mut found: Vec<Stretch> = Vec::new();
    for one in stretches {
        match found.last_mut() {
            Some(last) if one.start <= last.end => last.end = last.end.max(one.end),
            _ => found.push(one),
        }
    }
    found
}

/// What of a range lies in none of some stretches that are in order.
pub(super) fn outside(range: Range<usize>, stretches: &[Stretch]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut start = range.start;
    let first = stretches.partition_point(|one| index(one.end) <= range.start);
    for one in stretches.iter().skip(first) {
        if index(one.start) >= range.end {
            break;
        }
        if start < index(one.start) {
            found.push(start..index(one.start));
        }
        start = start.max(index(one.end));
    }
    if start < range.end {
        found.push(start..range.end);
    }
    found
}

#[cfg(test)]
mod tests;
