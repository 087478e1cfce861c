//! Columns after a change of rules, from those of before.
//!
//! Rules about what comes in change the columns of receivers that have them. Rules about what goes out
//! change what is at the positions of senders that have them, in any column: a column is asked anew at
//! these positions and keeps the rest.

use std::collections::BTreeSet;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use watertight_model::network::LayerId;

use super::columns::{Column, Columns, Key, Known};
use super::effects::{self, PAIRWISE};
use super::filters::View;
use super::positions::place;
use super::targets::Target;
use super::{Changed, Made, Work};
use crate::matrix::ClassIndex;
use crate::runs::{Run, of_ascending, replaced, within};

/// How many times as many columns as targets or keys are kept before those that nobody has are forgotten.
const UNUSED_MAX: usize = 2;

/// How many runs of columns are found from the beginning while one range of a known one is asked anew.
const RANGE_RUNS: usize = 8;
/// Up to how many ranges are asked anew, whatever the rest would take.
const RANGES_MIN: usize = 500_000;

/// Whose connections may be let out otherwise than before.
#[derive(Debug)]
pub(super) enum Senders {
    /// Nobody's.
    None,
    /// Those from some positions to some targets.
    Some(Touched),
    /// Those from all positions that have a layer with other rules, to whatever target.
    All,
}

/// From where, and to whom, other things are let out than before.
#[derive(Debug)]
pub(super) struct Touched {
    /// The positions, and the targets by number.
    pub(super) runs: Vec<Run<()>>,
    pub(super) targets: BTreeSet<usize>,
    /// The positions from where other things are let out to anybody.
    pub(super) to_anybody: Vec<Run<()>>,
}

impl Columns {
    /// Whether asking columns anew within ranges takes longer than finding all from the beginning.
    pub(super) fn is_too_much(&self, made: &Made, changed: &Changed, senders: &Senders) -> bool {
        let places = |number: usize| self.keys.get(number).copied().flatten().map(|one| one.place);
        let every = || (0..self.keys.len()).filter_map(places).collect::<BTreeSet<usize>>();
        let ranges = match senders {
            Senders::None => return false,
            Senders::Some(Touched { runs, targets, to_anybody }) => {
                let most = targets.len().saturating_mul(runs.len());
                let most = most.saturating_add(self.keys.len().saturating_mul(to_anybody.len()));
                if most <= RANGES_MIN {
                    return false;
                }
                let asked: BTreeSet<usize> = targets.iter().copied().filter_map(places).collect();
                let named = asked.len().saturating_mul(runs.len());
                let anybody = if to_anybody.is_empty() { 0 } else { every().len() };
                named.saturating_add(anybody.saturating_mul(to_anybody.len()))
            }
            Senders::All => {
                let holding = made.lists.holding(&changed.egress);
                let has = |layers| holding.get(place(layers)).copied().unwrap_or(false);
                let having = made.positions.iter().filter(|(_, one)| has(one.layers));
                every().len().saturating_mul(of_ascending(having.map(|(at, _)| at)).len())
            }
        };
        let runs = || every().into_iter().filter_map(|at| self.all.get(at)).map(|one| one.len());
        ranges > RANGES_MIN && ranges.saturating_mul(RANGE_RUNS) > runs().sum::<usize>()
    }

    /// The classes that send otherwise than before to whom no guard stands before; none where any may.
    pub(super) fn sending(
        &self,
        work: &Work<'_, '_, '_>,
        senders: &Senders,
    ) -> Option<BTreeSet<ClassIndex>> {
        let runs = match senders {
            _ if !self.pairwise.is_empty() => return None,
            Senders::None => return Some(BTreeSet::new()),
            Senders::All => return None,
            Senders::Some(Touched { runs, .. }) => runs,
        };
        let positions = runs.iter().flat_map(|run| run.start..run.end);
        let classes = positions.filter_map(|one| work.made.positions.get(one));
        Some(classes.map(|position| position.class).collect())
    }

    /// The columns of classes where a change of rules could make them other ones, each with its class.
    pub(super) fn renew(
        &mut self,
        work: &mut Work<'_, '_, '_>,
        changed: &Changed,
        senders: Senders,
    ) -> Vec<(ClassIndex, Column)> {
        let mut classes = BTreeSet::new();
        if let Senders::Some(Touched { to_anybody, .. }) = &senders
            && !to_anybody.is_empty()
        {
            // First: what columns are known by stands for what is let out to anybody now.
            classes.extend(self.renew_to_anybody(work, to_anybody, &changed.ingress));
        }
        if matches!(senders, Senders::All) {
            // Numbers of what is let out stand for other functions now.
            self.places.clear();
        }
        classes.extend(self.renew_receivers(work, &changed.ingress));
        match senders {
            Senders::None => {}
            Senders::Some(Touched { runs, targets, .. }) => {
                classes.extend(self.renew_some(work, &runs, targets));
            }
            Senders::All => classes.extend(self.renew_senders(work, changed)),
        }
        classes.extend(self.renew_pairs(work));
        self.forget_unused();
        let of_class = |class| (class, self.of_class(work, class));
        classes.into_iter().map(of_class).collect()
    }

    /// Finds columns anew of receivers that have a layer with other rules about what comes in.
    fn renew_receivers(
        &mut self,
        work: &mut Work<'_, '_, '_>,
        changed: &BTreeSet<LayerId>,
    ) -> BTreeSet<ClassIndex> {
        if changed.is_empty() {
            return BTreeSet::new();
        }
        let holding = work.made.lists.holding(changed);
        let has = |layers| holding.get(place(layers)).copied().unwrap_or(false);
        self.places.retain(|key, _| !has(key.layers));
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
        let holding = work.made.lists.holding(&changed.egress);
        let has = |layers| holding.get(place(layers)).copied().unwrap_or(false);
        let having = work.made.positions.iter().filter(|(_, one)| has(one.layers));
        let ranges = of_ascending(having.map(|(number, _)| number));
        self.renew_some(work, &ranges, (0..self.keys.len()).collect())
    }

    /// Asks all columns anew at positions from where other things are let out to anybody; the classes
    /// whose columns are others then.
    ///
    /// What a column is known by stays: it tells in what a target is an exception. Columns that
    /// nobody has are forgotten, because nobody asks them anew.
    fn renew_to_anybody(
        &mut self,
        work: &mut Work<'_, '_, '_>,
        ranges: &[Run<()>],
        ingress: &BTreeSet<LayerId>,
    ) -> BTreeSet<ClassIndex> {
        let mut classes = BTreeSet::new();
        let mut asked = Asked::default();
        let holding = work.made.lists.holding(ingress);
        let is_found_anew = |layers| holding.get(place(layers)).copied().unwrap_or(false);
        // For each column, whether it is another one than before.
        let mut differs: Vec<Option<bool>> = vec![None; self.all.len()];
        for number in 0..self.keys.len() {
            let Some(Some(Known { key, place })) = self.keys.get(number).copied() else { continue };
            let Some(target) = work.made.targets.get(number) else { continue };
            // Who takes other things in stands for nobody else, and is found anew afterwards.
            if is_found_anew(target.layers) {
                continue;
            }
            let class = target.class;
            let is_other = match differs.get(place).copied().flatten() {
                Some(known) => known,
                None if asked.is_shut(work, &key, ranges) => false,
                None => self.renew_one(work, number, ranges),
            };
            if let Some(slot) = differs.get_mut(place) {
                *slot = Some(is_other);
            }
            if is_other {
                classes.insert(class);
            }
        }
        self.places.retain(|_, place| differs.get(*place).copied().flatten().is_some());
        for class in &classes {
            self.gather(work, *class);
        }
        classes
    }

    /// Asks the column of a target anew within ranges of positions; whether it is another one then.
    fn renew_one(
        &mut self,
        work: &mut Work<'_, '_, '_>,
        number: usize,
        ranges: &[Run<()>],
    ) -> bool {
        let Some(Some(Known { key, place })) = self.keys.get(number).copied() else { return false };
        let Some(target) = work.made.targets.get(number).cloned() else { return false };
        let Some(known) = self.all.get(place).map(Arc::clone) else { return false };
        let column = self.patched(work, &target, &key, &known, ranges);
        let is_other = !Arc::ptr_eq(&column, &known);
        if let Some(slot) = self.all.get_mut(place) {
            *slot = column;
        }
        is_other
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
            let key = Key { egress: work.egress(&target), ..before.key };
            if self.places.get(&key) == Some(&before.place) {
                continue;
            }
            let Some(known) = self.all.get(before.place).map(Arc::clone) else { continue };
            let column = match self.get(&key) {
                Some(column) => column,
                None => self.patched(work, &target, &key, &known, ranges),
            };
            if !Arc::ptr_eq(&column, &known) {
                classes.insert(target.class);
            }
            self.keep(number, key, &column);
        }
        for class in &classes {
            self.gather(work, *class);
        }
        classes
    }

    /// Forgets columns that nobody has any more where they are too many.
    fn forget_unused(&mut self) {
        let many = |used: usize| used.saturating_mul(UNUSED_MAX);
        if self.all.len() <= many(self.places.len()) && self.places.len() <= many(self.keys.len()) {
            return;
        }
        let all = std::mem::take(&mut self.all);
        self.places.clear();
        for number in 0..self.keys.len() {
            let Some(Some(Known { key, place })) = self.keys.get(number).copied() else { continue };
            if let Some(column) = all.get(place) {
                self.keep(number, key, column);
            }
        }
    }

    /// Puts the columns of a class's addresses together again.
    fn gather(&mut self, work: &Work<'_, '_, '_>, class: ClassIndex) {
        let first = work.made.targets.partition_point(|target| target.class < class);
        let next = work.made.targets.partition_point(|target| target.class <= class);
        let keys = self.keys.get(first..next.min(self.keys.len())).unwrap_or_default();
        let columns = keys.iter().flatten().filter_map(|known| self.all.get(known.place));
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
            replaced(known, ranges, &found).into()
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

/// What receivers' own guards are asked about senders within ranges of positions, by what is between
/// them.
#[derive(Default)]
struct Asked {
    /// None where something comes in that they are not asked about.
    views: FxHashMap<u32, Option<BTreeSet<View>>>,
}

impl Asked {
    /// Whether a receiver's own guards take nothing that comes from ranges of positions, whatever is
    /// let out there.
    fn is_shut(&mut self, work: &mut Work<'_, '_, '_>, key: &Key, ranges: &[Run<()>]) -> bool {
        let between = key.between;
        let views = self.views.entry(between).or_insert_with(|| views(work, between, ranges));
        let is_empty = |function: &[Run<_>]| {
            ranges.iter().all(|range| {
                let next = function.partition_point(|run| run.end <= range.start);
                function.get(next).is_none_or(|run| run.start >= range.end)
            })
        };
        let views = views.as_ref();
        views.is_some_and(|views| {
            views.iter().all(|view| is_empty(&work.ingress_of(key.layers, *view)))
        })
    }
}

/// How the receivers' own guards see those who send from ranges of positions; none where they are not
/// asked about some of what comes from there.
fn views(work: &Work<'_, '_, '_>, between: u32, ranges: &[Run<()>]) -> Option<BTreeSet<View>> {
    let function = work.made.ways.function(between)?;
    let effects = &work.made.effects;
    let mut views = BTreeSet::new();
    for run in within(&function, ranges).iter().filter(|run| run.value != PAIRWISE) {
        for passage in effects.passages(run.value) {
            let asked = &effects.passage(*passage)?.asked;
            views.insert(asked.iter().find_map(|one| match one {
                effects::Asked::Receiver(view) => Some(*view),
                _ => None,
            })?);
        }
    }
    Some(views)
}
