//! The atoms of one address family.

use std::collections::HashMap;

use super::AtomId;
use super::membership::{Memberships, NO_SETS};
use crate::interval::{Interval, IntervalSet, Scalar};

/// Address space of one family cut into intervals.
#[derive(Clone, Debug)]
pub(super) struct FamilyAtoms<T> {
    // INVARIANT: ascending, the first is the smallest address; as many as `atoms`.
    starts: Vec<T>,
    atoms: Vec<AtomId>,
    atom_end: u32,
}

impl<T: Scalar> FamilyAtoms<T> {
    pub(super) fn interval_count(&self) -> u32 {
        count(self.starts.len())
    }

    /// One more than the greatest atom number.
    pub(super) fn atom_end(&self) -> u32 {
        self.atom_end
    }

    pub(super) fn atoms(&self) -> &[AtomId] {
        &self.atoms
    }

    pub(super) fn position(&self, value: T) -> u32 {
        count(self.starts.partition_point(|start| *start <= value)).saturating_sub(1)
    }

    pub(super) fn atom(&self, position: u32) -> AtomId {
        self.atoms[position as usize]
    }

    pub(super) fn start(&self, position: u32) -> Option<T> {
        self.starts.get(position as usize).copied()
    }

    pub(super) fn interval(&self, position: u32) -> Option<(Interval<T>, AtomId)> {
        let index = position as usize;
        let first = *self.starts.get(index)?;
        let last = self.starts.get(index + 1).and_then(|next| next.predecessor()).unwrap_or(T::MAX);
        Some((Interval::ordered(first, last), *self.atoms.get(index)?))
    }
}

/// The given prefixes and sets of one family.
pub(super) struct FamilyInput<T> {
    prefixes: Vec<Interval<T>>,
    /// Where a set starts or ends, and its number: membership toggles there.
    toggles: Vec<(T, u32)>,
    set_count: u32,
}

impl<T> Default for FamilyInput<T> {
    fn default() -> Self {
        Self { prefixes: Vec::new(), toggles: Vec::new(), set_count: 0 }
    }
}

impl<T: Scalar> FamilyInput<T> {
    pub(super) fn prefix(&mut self, prefix: Interval<T>) {
        self.prefixes.push(prefix);
    }

    pub(super) fn set(&mut self, set: &IntervalSet<T>) {
        for interval in set.intervals() {
            self.toggles.push((interval.first(), self.set_count));
            self.toggles.extend(interval.last().successor().map(|after| (after, self.set_count)));
        }
        self.set_count += 1;
    }

    /// Cuts the family; atom numbers start at `atom_start`.
    pub(super) fn build(self, atom_start: u32) -> FamilyAtoms<T> {
        let innermost = innermost(self.prefixes);
        let sets = memberships(self.toggles, self.set_count);
        let mut starts = Vec::with_capacity(innermost.len() + sets.len());
        let mut atoms = Vec::with_capacity(innermost.len() + sets.len());
        let mut atom_end = atom_start;
        let mut numbers: HashMap<(u32, u32), AtomId> = HashMap::with_capacity(innermost.len());
        let (mut prefix, mut set) = (0, 0);
        loop {
            let start = innermost[prefix].0.max(sets[set].0);
            let atom = *numbers.entry((innermost[prefix].1, sets[set].1)).or_insert_with(|| {
                atom_end += 1;
                AtomId(atom_end - 1)
            });
            starts.push(start);
            atoms.push(atom);
            let next_prefix = innermost.get(prefix + 1).map(|(start, _)| *start);
            let next_set = sets.get(set + 1).map(|(start, _)| *start);
            match (next_prefix, next_set) {
                (None, None) => break,
                (Some(_), None) => prefix += 1,
                (None, Some(_)) => set += 1,
                (Some(a), Some(b)) => {
                    prefix += usize::from(a <= b);
                    set += usize::from(b <= a);
                }
            }
        }
        FamilyAtoms { starts, atoms, atom_end }
    }
}

/// Where the innermost prefix changes, and which it is from there on; 0 is none.
///
/// Of two prefixes either one holds the other or they share nothing, so the innermost prefix of an
/// address tells every prefix that holds it.
fn innermost<T: Scalar>(mut prefixes: Vec<Interval<T>>) -> Vec<(T, u32)> {
    prefixes.sort_unstable_by(|a, b| a.first().cmp(&b.first()).then(b.last().cmp(&a.last())));
    prefixes.dedup();
    let mut changes: Vec<(T, u32)> = Vec::with_capacity(2 * prefixes.len() + 1);
    changes.push((T::MIN, 0));
    let mut open: Vec<(T, u32)> = Vec::new();
    for (number, prefix) in (1_u32..).zip(&prefixes) {
        close(&mut open, &mut changes, Some(prefix.first()));
        change(&mut changes, prefix.first(), number);
        open.push((prefix.last(), number));
    }
    close(&mut open, &mut changes, None);
    changes
}

/// Closes the open prefixes that end before `before`, or all of them.
fn close<T: Scalar>(open: &mut Vec<(T, u32)>, changes: &mut Vec<(T, u32)>, before: Option<T>) {
    while let Some((last, _)) = open.last().copied() {
        if before.is_some_and(|before| last >= before) {
            return;
        }
        open.pop();
        if let Some(after) = last.successor() {
            change(changes, after, open.last().map_or(0, |(_, number)| *number));
        }
    }
}

/// A later change at the same place replaces an earlier one.
fn change<T: Scalar>(changes: &mut Vec<(T, u32)>, at: T, number: u32) {
    match changes.last_mut() {
        Some(end) if end.0 == at => end.1 = number,
        _ => changes.push((at, number)),
    }
}

/// Where the sets that hold an address change, and the number of that collection from there on.
fn memberships<T: Scalar>(mut toggles: Vec<(T, u32)>, set_count: u32) -> Vec<(T, u32)> {
    toggles.sort_unstable();
    let mut memberships = Memberships::new(set_count);
    let mut changes = vec![(T::MIN, NO_SETS)];
    let mut collection = NO_SETS;
    for (at, set) in toggles {
        collection = memberships.toggle(collection, set);
        change(&mut changes, at, collection);
    }
    changes
}

/// More than 2^32 intervals would take more memory than there is.
fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
