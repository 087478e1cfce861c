//! Columns after a change of rules, from those of before.
//!
//! Rules about what comes in change the columns of receivers that have them. Rules about what goes out
//! change what is at the positions of senders that have them, in any column: a column is asked anew at
//! these positions and keeps the rest.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use watertight_model::network::LayerId;

use super::columns::{Column, Columns, Key};
use super::targets::Target;
use super::{Changed, Senders, Work};
use crate::matrix::ClassIndex;
use crate::runs::{Run, of_ascending, push};

/// How many times as many columns as targets are kept before those that nobody has are forgotten.
const UNUSED_MAX: usize = 2;

impl Columns {
    /// The columns of classes where a change of rules could make them other ones, each with its class.
    pub(super) fn renew(
        &mut self,
        work: &mut Work<'_, '_, '_>,
        changed: &Changed,
        senders: Senders,
    ) -> Vec<(ClassIndex, Column)> {
        let mut classes = self.renew_receivers(work, &changed.ingress);
        match senders {
            Senders::None => {}
            Senders::Some(runs, targets) => {
                classes.extend(self.renew_some(work, &runs, targets));
            }
            Senders::All => classes.extend(self.renew_senders(work, changed)),
        }
        classes.extend(self.renew_pairs(work));
        let of_class = |class| (class, self.of_class(work, class));
        classes.into_iter().map(of_class).collect()
    }

    /// Finds columns anew of receivers that have a layer with other rules about what comes in.
    fn renew_receivers(
        &mut self,
        work: &mut Work<'_, '_, '_>,
        changed: &BTreeSet<LayerId>,
    ) -> BTreeSet<ClassIndex> {
        let lists = &work.made.lists;
        let has = |layers| lists.get(layers).iter().any(|layer| changed.contains(layer));
        self.known.retain(|key, _| !has(key.layers));
        let touched = work.made.targets.iter().filter(|one| has(one.layers));
        let classes: BTreeSet<ClassIndex> = touched.map(|target| target.class).collect();
        for class in &classes {
            if let Some(parts) = self.parts.get_mut(*class) {
                parts.clear();
            }
            // Targets are in the order of classes.
            let first = work.made.targets.partition_point(|target| target.class < *class);
            let next = work.made.targets.partition_point(|target| target.class <= *class);
            for number in first..next {
                self.add_part(work, number);
            }
        }
        classes
    }

    /// Asks all columns anew at the positions of senders that have a layer with other rules about what
    /// goes out; the classes whose columns are others then.
    fn renew_senders(
        &mut self,
        work: &mut Work<'_, '_, '_>,
        changed: &Changed,
    ) -> BTreeSet<ClassIndex> {
        let lists = &work.made.lists;
        let has = |layers| lists.get(layers).iter().any(|layer| changed.egress.contains(layer));
        let having = work.made.positions.iter().filter(|(_, one)| has(one.layers));
        let ranges = of_ascending(having.map(|(number, _)| number));
        let before = std::mem::take(&mut self.known);
        let mut classes = BTreeSet::new();
        for number in 0..self.keys.len() {
            let Some(Some(key)) = self.keys.get(number).copied() else { continue };
            let Some(target) = work.made.targets.get(number).cloned() else { continue };
            let Some(known) = before.get(&key) else { continue };
            let key = Key { egress: work.egress(&target), ..key };
            let column = match self.known.get(&key) {
                Some(column) => Arc::clone(column),
                None => self.patched(work, &target, &key, known, &ranges),
            };
            if !Arc::ptr_eq(&column, known) {
                classes.insert(target.class);
            }
            self.known.insert(key, column);
            if let Some(slot) = self.keys.get_mut(number) {
                *slot = Some(key);
            }
        }
        for class in &classes {
            self.gather(work, *class);
        }
        classes
    }

    /// Asks the columns of some targets anew at the positions of senders with other rules, where
    /// nothing has changed for other targets; the classes whose columns are others then.
    ///
    /// A column is what it is known by, whoever has it: those that nobody has any more stay until
    /// they are too many.
    fn renew_some(
        &mut self,
        work: &mut Work<'_, '_, '_>,
        ranges: &[Run<()>],
        targets: BTreeSet<usize>,
    ) -> BTreeSet<ClassIndex> {
        let mut classes = BTreeSet::new();
        for number in targets {
            let Some(Some(before)) = self.keys.get(number).copied() else { continue };
            let Some(target) = work.made.targets.get(number).cloned() else { continue };
            let key = Key { egress: work.egress(&target), ..before };
            if key == before {
                continue;
            }
            let Some(known) = self.known.get(&before).map(Arc::clone) else { continue };
            let column = match self.known.get(&key) {
                Some(column) => Arc::clone(column),
                None => self.patched(work, &target, &key, &known, ranges),
            };
            if !Arc::ptr_eq(&column, &known) {
                classes.insert(target.class);
            }
            self.known.insert(key, column);
            if let Some(slot) = self.keys.get_mut(number) {
                *slot = Some(key);
            }
        }
        for class in &classes {
            self.gather(work, *class);
        }
        if self.known.len() > self.keys.len().saturating_mul(UNUSED_MAX) {
            let used: HashSet<Key> = self.keys.iter().flatten().copied().collect();
            self.known.retain(|key, _| used.contains(key));
        }
        classes
    }

    /// Puts the columns of a class's addresses together again.
    fn gather(&mut self, work: &Work<'_, '_, '_>, class: ClassIndex) {
        let first = work.made.targets.partition_point(|target| target.class < class);
        let next = work.made.targets.partition_point(|target| target.class <= class);
        let keys = self.keys.get(first..next.min(self.keys.len())).unwrap_or_default();
        let columns = keys.iter().flatten().filter_map(|key| self.known.get(key));
        let parts = columns.filter(|column| !column.is_empty()).map(Arc::clone).collect();
        if let Some(slot) = self.parts.get_mut(class) {
            *slot = parts;
        }
    }

    /// A column that is asked anew within ranges of positions: the same one where nothing differs.
    fn patched(
        &mut self,
        work: &mut Work<'_, '_, '_>,
        target: &Target,
        key: &Key,
        known: &Column,
        ranges: &[Run<()>],
    ) -> Column {
        let Some(function) = work.made.ways.function(key.between) else { return Arc::clone(known) };
        let asked = within(&function, ranges);
        let found = self.column(work, target, &asked, key.egress);
        if found == within(known, ranges) {
            Arc::clone(known)
        } else {
            replaced(known, ranges, &found)
        }
    }
    /// Asks all pairs again that are asked one by one; the classes for which that gives others.
    fn renew_pairs(&mut self, work: &mut Work<'_, '_, '_>) -> Vec<ClassIndex> {
        let before = std::mem::take(&mut self.pairs);
        for number in self.pairwise.clone() {
            self.add_pairs(work, number);
        }
        let all: BTreeSet<ClassIndex> = before.keys().chain(self.pairs.keys()).copied().collect();
        let differs = |class: &ClassIndex| before.get(class) != self.pairs.get(class);
        all.into_iter().filter(differs).collect()
    }
}

/// What a function is within ranges.
fn within<T: Copy + PartialEq>(function: &[Run<T>], ranges: &[Run<()>]) -> Vec<Run<T>> {
    let mut found = Vec::new();
    for range in ranges {
        let first = function.partition_point(|run| run.end <= range.start);
        let runs = function.get(first..).unwrap_or_default().iter();
        for run in runs.take_while(|run| run.start < range.end) {
            push(&mut found, run.start.max(range.start), run.end.min(range.end), run.value);
        }
    }
    found
}

/// A function with other values within ranges.
fn replaced<T: Copy + PartialEq>(
    function: &[Run<T>],
    ranges: &[Run<()>],
    values: &[Run<T>],
) -> Arc<[Run<T>]> {
    let mut pieces: Vec<Run<T>> = Vec::with_capacity(function.len() + values.len());
    let mut ranges = ranges.iter().peekable();
    for run in function {
        let mut from = run.start;
        while ranges.next_if(|range| range.end <= from).is_some() {}
        while let Some(range) = ranges.peek().filter(|range| range.start < run.end) {
            push(&mut pieces, from, range.start, run.value);
            from = range.end;
            if range.end > run.end {
                break;
            }
            ranges.next();
        }
        push(&mut pieces, from, run.end, run.value);
    }
    let mut found = Vec::with_capacity(pieces.len() + values.len());
    let mut values = values.iter().peekable();
    for piece in pieces {
        while let Some(value) = values.next_if(|value| value.start < piece.start) {
            push(&mut found, value.start, value.end, value.value);
        }
        push(&mut found, piece.start, piece.end, piece.value);
    }
    for value in values {
        push(&mut found, value.start, value.end, value.value);
    }
    found.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The value at each of the first places.
    fn values(runs: &[Run<char>]) -> String {
        (0..12).map(|place| crate::runs::at(runs, place).map_or('.', |run| run.value)).collect()
    }

    fn function(text: &str) -> Vec<Run<char>> {
        let mut runs = Vec::new();
        for (place, value) in (0..).zip(text.chars()).filter(|(_, value)| *value != '.') {
            push(&mut runs, place, place + 1, value);
        }
        runs
    }

    #[test]
    fn a_function_gets_other_values_within_ranges_and_keeps_the_rest() {
        let before = function("aaaabb..ccc.");
        let texts =
            ["aaaabb..ccc.", "..xx....y...", "............", "xxxxxxxxxxxx", "aa.ab..ycc.z"];
        let places =
            ["............", "..rr....r...", "rrrrrrrrrrrr", "r..r..rr...r", "...rr.rr...."];
        for (text, place) in texts.into_iter().flat_map(|text| places.map(|place| (text, place))) {
            let ranges: Vec<u32> =
                (0..).zip(place.chars()).filter(|(_, one)| *one == 'r').map(|(at, _)| at).collect();
            let ranges = of_ascending(ranges);
            let inside = within(&function(text), &ranges);
            let found = replaced(&before, &ranges, &inside);
            let before = values(&before);
            let mixed = before
                .chars()
                .zip(text.chars())
                .zip(place.chars())
                .map(|((old, new), place)| if place == 'r' { new } else { old });
            let expected: String = mixed.collect();
            assert_eq!(values(&found), expected);
            assert_eq!(*found, *function(&expected), "it is as short as it can be");
        }
    }
}
