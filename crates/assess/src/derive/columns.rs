//! A matrix as columns: for each class what every other can open towards it.

use std::collections::{BTreeMap, HashMap};

use watertight_reach::{ClassIndex, Matrix};

use super::fans::Sent;
use crate::csr::{index, number};
use crate::graph::NONE;

/// The number of what a pair can establish; [`NONE`] for nothing.
pub(super) type FlowsId = u32;

/// Consecutive senders that can open the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Run {
    pub(super) start: u32,
    /// The first class behind them.
    pub(super) end: u32,
    pub(super) flows: FlowsId,
}

/// The columns of a matrix.
pub(super) struct Columns {
    flows: Vec<Sent>,
    by_class: Vec<Vec<Run>>,
}

impl Columns {
    pub(super) fn new(matrix: &Matrix) -> Self {
        let classes = matrix.classes.len();
        let mut columns: Vec<Vec<Run>> = vec![Vec::new(); classes];
        let mut flows: Vec<Sent> = Vec::new();
        let mut numbers: BTreeMap<Sent, FlowsId> = BTreeMap::new();
        // Pairs share cells, so that most are known by where they are.
        let mut places: HashMap<*const watertight_reach::Cell, FlowsId> = HashMap::new();
        for (to, column) in columns.iter_mut().enumerate() {
            for (senders, cell) in matrix.stretches(to) {
                let id = *places.entry(std::ptr::from_ref(cell)).or_insert_with(|| {
                    if cell.established.possible.is_empty() {
                        return NONE;
                    }
                    *numbers.entry(cell.established.clone()).or_insert_with(|| {
                        flows.push(cell.established.clone());
                        number(flows.len() - 1)
                    })
                });
                let (start, end) = (number(senders.start), number(senders.end));
                match column.last_mut() {
                    Some(run) if run.end == start && run.flows == id => run.end = end,
                    _ => column.push(Run { start, end, flows: id }),
                }
            }
        }
        Self { flows, by_class: columns }
    }

    /// What classes can open towards one, ascending; classes that can open nothing may be in none.
    pub(super) fn runs(&self, to: ClassIndex) -> &[Run] {
        self.by_class.get(to).map_or(&[], Vec::as_slice)
    }

    /// How many numbers there are.
    pub(super) fn flows_len(&self) -> usize {
        self.flows.len()
    }

    /// What a number stands for.
    pub(super) fn flows(&self, id: FlowsId) -> Option<&Sent> {
        self.flows.get(index(id))
    }
}
