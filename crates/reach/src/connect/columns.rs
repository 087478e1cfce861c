//! Columns: what every class may send to one class.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rustc_hash::FxHashMap;
use watertight_model::Bounds;
use watertight_model::network::Direction;
use watertight_net::{Family, FlowSet};

use super::Work;
use super::effects::{Asked, EffectId, PAIRWISE, PassageId};
use super::filters::{Accepts, accepted};
use super::positions::{LayersId, place};
use super::sets::{BoundsId, CellId, CellParts};
use super::targets::Target;
use crate::matrix::{Cell, ClassIndex};
use crate::path::Seen;
use crate::runs::{Run, advance, overlay, push};

/// A function of the sending class: the cell.
pub(crate) type Column = Arc<[Run<CellId>]>;

/// Connectivity as columns.
#[derive(Debug)]
pub(crate) struct Connected {
    /// For each class, the number of its column.
    pub(crate) column_of: Vec<u32>,
    /// Each column once.
    pub(crate) columns: Vec<Column>,
    /// Each cell once.
    pub(crate) cells: Vec<Cell>,
}

/// What makes two targets have one column.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Key {
    pub(super) between: u32,
    pub(super) layers: LayersId,
    /// What senders let out to it, with and without references to its guards.
    pub(super) egress: [u32; 2],
    pub(super) family: Family,
    /// Set where a guard on the way asks about the target by itself.
    pub(super) alone: Option<usize>,
}

/// What the column of a target is known by, and where it stands in [`Columns::all`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    pub(super) key: Key,
    pub(super) place: usize,
}

/// Columns under construction.
#[derive(Debug)]
pub(super) struct Columns {
    classes: usize,
    /// Columns of single addresses, each once for what makes it what it is.
    pub(super) all: Vec<Column>,
    /// Where each of them stands.
    pub(super) places: FxHashMap<Key, usize>,
    cells: FxHashMap<(PassageId, BoundsId), Option<CellId>>,
    /// For each class, what its addresses add, by position.
    pub(super) parts: Vec<Vec<Column>>,
    /// For each target, what its column is known by.
    pub(super) keys: Vec<Option<Known>>,
    /// What was asked pair by pair, by receiving and sending class.
    pub(super) pairs: Pairs,
    /// The targets about which pairs were asked one by one.
    pub(super) pairwise: BTreeSet<usize>,
}

/// Cells by receiving and sending class.
pub(super) type Pairs = BTreeMap<ClassIndex, BTreeMap<ClassIndex, CellId>>;

/// A function as exceptions and what holds elsewhere.
type Layered = (Accepts, Accepts);

/// What is asked on one passage towards one target.
struct Opened {
    passage: PassageId,
    functions: Vec<Layered>,
    /// How far each of the functions was read, and up to which position.
    cursors: (Vec<(usize, usize)>, u32),
    constant: BoundsId,
}

impl Columns {
    pub(super) fn new(classes: usize) -> Self {
        Self {
            classes,
            all: Vec::new(),
            places: FxHashMap::default(),
            cells: FxHashMap::default(),
            parts: vec![Vec::new(); classes],
            keys: Vec::new(),
            pairs: BTreeMap::new(),
            pairwise: BTreeSet::new(),
        }
    }

    /// How many columns of single addresses are known.
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// Adds what reaches one address.
    pub(super) fn add(&mut self, work: &mut Work<'_, '_, '_>, number: usize) {
        self.add_part(work, number);
        self.add_pairs(work, number);
    }

    /// Adds what reaches one address by what is asked of whole sites.
    pub(super) fn add_part(&mut self, work: &mut Work<'_, '_, '_>, number: usize) {
        let Some(between) = work.between(number) else { return };
        let Some(target) = work.made.targets.get(number).cloned() else { return };
        let Some(function) = work.made.ways.function(between) else { return };
        if function.is_empty() {
            return;
        }
        let egress = work.egress(&target);
        let particular = function.iter().any(|run| is_particular(work, run.value));
        let key = Key {
            between,
            layers: work.closed(target.layers),
            egress,
            family: target.family(),
            alone: particular.then_some(number),
        };
        let column = match self.get(&key) {
            Some(known) => known,
            None => self.column(work, &target, &function, egress).into(),
        };
        self.keep(number, key, &column);
        if !column.is_empty()
            && let Some(parts) = self.parts.get_mut(target.class)
        {
            parts.push(column);
        }
    }

    /// The column that is known by a key.
    pub(super) fn get(&self, key: &Key) -> Option<Column> {
        self.places.get(key).and_then(|place| self.all.get(*place)).map(Arc::clone)
    }

    /// Notes what the column of a target is, and what it is known by.
    pub(super) fn keep(&mut self, number: usize, key: Key, column: &Column) {
        let place = *self.places.entry(key).or_insert_with(|| {
            self.all.push(Arc::clone(column));
            self.all.len() - 1
        });
        if self.keys.len() <= number {
            self.keys.resize(number + 1, None);
        }
        if let Some(slot) = self.keys.get_mut(number) {
            *slot = Some(Known { key, place });
        }
    }

    /// Adds what reaches one address from where pairs are asked one by one.
    pub(super) fn add_pairs(&mut self, work: &mut Work<'_, '_, '_>, number: usize) {
        let Some(between) = work.between(number) else { return };
        let Some(target) = work.made.targets.get(number).cloned() else { return };
        let Some(function) = work.made.ways.function(between) else { return };
        for run in function.iter().filter(|run| run.value == PAIRWISE) {
            self.pairwise.insert(number);
            self.ask_pairs(work, &target, run);
        }
    }

    pub(super) fn column(
        &mut self,
        work: &mut Work<'_, '_, '_>,
        target: &Target,
        function: &[Run<EffectId>],
        egress: [u32; 2],
    ) -> Vec<Run<CellId>> {
        let mut opened: BTreeMap<PassageId, Opened> = BTreeMap::new();
        let mut layers: Vec<Vec<Run<CellId>>> = Vec::new();
        let mut values: Vec<BoundsId> = Vec::new();
        for run in function.iter().filter(|run| run.value != PAIRWISE) {
            let passages = work.made.effects.passages(run.value).len();
            for rank in 0..passages {
                let Some(passage) = work.made.effects.passages(run.value).get(rank).copied() else {
                    continue;
                };
                let open =
                    opened.entry(passage).or_insert_with(|| open(work, target, passage, egress));
                if layers.len() <= rank {
                    layers.push(Vec::new());
                }
                let Some(into) = layers.get_mut(rank) else { continue };
                self.pass(work, open, (run.start, run.end), (&mut values, into));
            }
        }
        match layers.len() {
            0 | 1 => layers.pop().unwrap_or_default(),
            _ => join(work, &layers),
        }
    }

    /// Adds what a passage lets through from a range of positions.
    fn pass(
        &mut self,
        work: &mut Work<'_, '_, '_>,
        Opened { passage, functions, cursors, constant }: &mut Opened,
        range: (u32, u32),
        (values, into): (&mut Vec<BoundsId>, &mut Vec<Run<CellId>>),
    ) {
        together(functions, cursors, range, values, |from, to, values| {
            let value =
                values.iter().fold(*constant, |met, value| work.made.sets.meet(met, *value));
            let cells = &mut self.cells;
            let cell = *cells.entry((*passage, value)).or_insert_with(|| {
                let passage = work.made.effects.passage(*passage)?;
                let forward = work.made.sets.meet(passage.forward, value);
                let established = work.made.sets.meet(passage.established, value);
                work.made.sets.cell(CellParts { forward, established })
            });
            if let Some(cell) = cell {
                push(into, from, to, cell);
            }
        });
    }

    /// Asks about every position of a run by itself.
    fn ask_pairs(&mut self, work: &mut Work<'_, '_, '_>, target: &Target, run: &Run<EffectId>) {
        for number in run.start..run.end {
            let Some(sender) = work.made.positions.get(number) else { continue };
            let Some((_, address)) = target.other_than(sender.endpoint) else { continue };
            let ask = (&sender.start, address);
            let found = work.reach.pair(work.classes, work.class_of, target.class, ask);
            let sender = sender.class;
            for (class, cell) in found {
                let forward = work.made.sets.intern(cell.forward);
                let established = work.made.sets.intern(cell.established);
                let Some(cell) = work.made.sets.cell(CellParts { forward, established }) else {
                    continue;
                };
                let known = self.pairs.entry(class).or_default();
                let joined = known
                    .get(&sender)
                    .map_or(cell, |known| work.made.sets.join_cells(*known, cell));
                known.insert(sender, joined);
            }
        }
    }

    /// The columns by class.
    pub(super) fn finish(&self, work: &mut Work<'_, '_, '_>) -> Connected {
        let mut columns: Vec<Column> = Vec::new();
        let mut ids: FxHashMap<Vec<*const Run<CellId>>, u32> = FxHashMap::default();
        let mut column_of: Vec<u32> = Vec::with_capacity(self.classes);
        for class in 0..self.classes {
            // The parts stay alive: their addresses are what tells them apart.
            let key = self.parts_of(class).iter().map(|part| part.as_ptr()).collect();
            let shared = !self.pairs.contains_key(&class);
            if let Some(id) = ids.get(&key).filter(|_| shared) {
                column_of.push(*id);
                continue;
            }
            let id = u32::try_from(columns.len()).unwrap_or(u32::MAX);
            column_of.push(id);
            columns.push(self.of_class(work, class));
            if shared {
                ids.insert(key, id);
            }
        }
        Connected { column_of, columns, cells: work.made.sets.cells_from(0) }
    }

    fn parts_of(&self, class: ClassIndex) -> &[Column] {
        self.parts.get(class).map_or(&[], Vec::as_slice)
    }

    /// The column of a class.
    pub(super) fn of_class(&self, work: &mut Work<'_, '_, '_>, class: ClassIndex) -> Column {
        let (parts, pairs) = (self.parts_of(class), self.pairs.get(&class));
        let is_plain = |part: &Column| part.last().is_none_or(|run| place(run.end) <= self.classes);
        match (parts, pairs) {
            ([], None) => Arc::new([]),
            ([one], None) if is_plain(one) => Arc::clone(one),
            _ => self.merged(work, parts, pairs),
        }
    }

    /// One column by class of several by position.
    fn merged(
        &self,
        work: &mut Work<'_, '_, '_>,
        parts: &[Column],
        pairs: Option<&BTreeMap<ClassIndex, CellId>>,
    ) -> Column {
        let mut layers: Vec<Vec<Run<CellId>>> = Vec::new();
        for part in parts {
            let (mut first, mut further) = (Vec::new(), Vec::new());
            for run in part.iter() {
                let edge = u32::try_from(self.classes).unwrap_or(u32::MAX);
                push(&mut first, run.start, run.end.min(edge), run.value);
                for number in run.start.max(edge)..run.end {
                    let Some(position) = work.made.positions.get(number) else { continue };
                    further.push((position.class, run.value));
                }
            }
            layers.push(first);
            add_singles(work, further, &mut layers);
        }
        if let Some(pairs) = pairs {
            let singles = pairs.iter().map(|(class, cell)| (*class, *cell)).collect();
            add_singles(work, singles, &mut layers);
        }
        join(work, &layers).into()
    }
}

/// Adds cells of single classes as functions of the class.
fn add_singles(
    work: &mut Work<'_, '_, '_>,
    singles: Vec<(ClassIndex, CellId)>,
    layers: &mut Vec<Vec<Run<CellId>>>,
) {
    let mut by_class: BTreeMap<ClassIndex, CellId> = BTreeMap::new();
    for (class, cell) in singles {
        let joined =
            by_class.get(&class).map_or(cell, |known| work.made.sets.join_cells(*known, cell));
        by_class.insert(class, joined);
    }
    let mut runs = Vec::new();
    for (class, cell) in by_class {
        let class = u32::try_from(class).unwrap_or(u32::MAX);
        push(&mut runs, class, class.saturating_add(1), cell);
    }
    layers.push(runs);
}

/// Whether an effect depends on the target otherwise than by its layers and what senders let out.
fn is_particular(work: &Work<'_, '_, '_>, effect: EffectId) -> bool {
    effect != PAIRWISE
        && work.made.effects.passages(effect).iter().any(|id| {
            work.made.effects.passage(*id).is_some_and(|passage| {
                passage.asked.iter().any(|asked| matches!(asked, Asked::OutOf(..)))
            })
        })
}

fn open(work: &mut Work<'_, '_, '_>, target: &Target, id: PassageId, egress: [u32; 2]) -> Opened {
    let network = work.reach.network;
    let (functions, cursors) = (Vec::new(), (Vec::new(), 0));
    let mut opened = Opened { passage: id, functions, cursors, constant: BoundsId::ALL };
    let asked =
        work.made.effects.passage(id).map(|passage| passage.asked.clone()).unwrap_or_default();
    let mut alike = |work: &mut Work<'_, '_, '_>, layers, direction, seen| {
        let answer: Bounds<FlowSet> =
            accepted(network, work.made.lists.get(layers), direction, seen);
        let answer = work.made.sets.intern(answer);
        opened.constant = work.made.sets.meet(opened.constant, answer);
    };
    for one in asked {
        match one {
            Asked::Sender { members } => {
                let [with, without] = egress;
                let id = if members { with } else { without };
                opened.functions.push(work.made.egress.get(target.family(), id));
            }
            Asked::Receiver(view) => {
                opened.functions.push((nothing(), work.ingress(target.layers, view)));
            }
            Asked::Into(layers, view) => {
                opened.functions.push((nothing(), work.ingress(layers, view)));
            }
            Asked::ReceiverSees(seen) => alike(work, target.layers, Direction::Ingress, seen),
            Asked::IntoSees(layers, seen) => alike(work, layers, Direction::Ingress, seen),
            Asked::OutOf(layers, members) => {
                let seen = Seen {
                    address: Some(target.address),
                    ipv6: target.family() == Family::V6,
                    member: target.endpoint.filter(|_| members),
                    front: None,
                };
                alike(work, layers, Direction::Egress, seen);
            }
        }
    }
    opened
}

/// Joins functions of which several may have a cell at one place.
fn join(work: &mut Work<'_, '_, '_>, layers: &[Vec<Run<CellId>>]) -> Vec<Run<CellId>> {
    let functions: Vec<&[Run<CellId>]> = layers.iter().map(Vec::as_slice).collect();
    let mut joined = Vec::new();
    overlay(&functions, |start, end, values| {
        let mut values = values.iter().copied();
        let Some(first) = values.next() else { return };
        let cell = values.fold(first, |known, more| work.made.sets.join_cells(known, more));
        push(&mut joined, start, end, cell);
    });
    joined
}

fn nothing() -> Accepts {
    Arc::new([])
}

/// Calls `visit` for every piece of a range in which all functions have a value. Each function is
/// exceptions, which hold where they have a value, and what holds elsewhere. Where this range lies behind those of
/// before, `cursors` go on from there.
fn together(
    functions: &[Layered],
    (cursors, passed): &mut (Vec<(usize, usize)>, u32),
    (start, end): (u32, u32),
    values: &mut Vec<BoundsId>,
    mut visit: impl FnMut(u32, u32, &[BoundsId]),
) {
    if start < *passed {
        cursors.clear();
    }
    *passed = end;
    cursors.resize(functions.len(), (0, 0));
    let mut from = start;
    while from < end {
        let mut to = end;
        // Where a function has no value: the next place at which it could have one.
        let mut resume: Option<u32> = None;
        values.clear();
        for ((over, base), (in_over, in_base)) in functions.iter().zip(&mut *cursors) {
            let exception = advance(over, in_over, from);
            if let Some(run) = exception.filter(|run| run.start <= from) {
                to = to.min(run.end);
                values.push(run.value);
                continue;
            }
            let usual = advance(base, in_base, from);
            let until = exception.map_or(end, |run| run.start);
            match usual {
                Some(run) if run.start <= from => {
                    to = to.min(run.end).min(until);
                    values.push(run.value);
                }
                _ => {
                    let next = usual.map_or(end, |run| run.start).min(until);
                    resume = Some(resume.unwrap_or(0).max(next));
                }
            }
        }
        if let Some(next) = resume {
            from = next;
            continue;
        }
        visit(from, to, values);
        from = to;
    }
}
