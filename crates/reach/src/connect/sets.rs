//! Interned pairs of bounds and cells, with remembered results.

use rustc_hash::FxHashMap;
use watertight_model::Bounds;
use watertight_net::{FlowSet, FlowSetId, FlowSets};

use crate::matrix::Cell;

/// The number of a pair of bounds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct BoundsId(u32);

impl BoundsId {
    /// Nothing, for sure.
    pub(super) const NONE: Self = Self(0);
    /// Everything, for sure.
    pub(super) const ALL: Self = Self(1);
}

/// The number of a [`Cell`].
pub(super) type CellId = u32;

/// What a cell consists of.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct CellParts {
    pub(super) forward: BoundsId,
    pub(super) established: BoundsId,
}

type Pair = Bounds<FlowSetId>;

/// Everything that is interned.
#[derive(Debug)]
pub(super) struct Sets {
    flows: FlowSets,
    bounds: Vec<(FlowSetId, FlowSetId)>,
    bounds_ids: FxHashMap<(FlowSetId, FlowSetId), BoundsId>,
    meets: FxHashMap<(BoundsId, BoundsId), BoundsId>,
    joins: FxHashMap<(BoundsId, BoundsId), BoundsId>,
    cells: Vec<CellParts>,
    cell_ids: FxHashMap<CellParts, CellId>,
    cell_joins: FxHashMap<(CellId, CellId), CellId>,
}

impl Sets {
    pub(super) fn new() -> Self {
        let mut sets = Self {
            flows: FlowSets::new(),
            bounds: Vec::new(),
            bounds_ids: FxHashMap::default(),
            meets: FxHashMap::default(),
            joins: FxHashMap::default(),
            cells: Vec::new(),
            cell_ids: FxHashMap::default(),
            cell_joins: FxHashMap::default(),
        };
        sets.pair(Bounds { sure: FlowSetId::NONE, possible: FlowSetId::NONE });
        sets.pair(Bounds { sure: FlowSetId::ALL, possible: FlowSetId::ALL });
        sets
    }

    fn pair(&mut self, pair: Pair) -> BoundsId {
        let key = (pair.sure, pair.possible);
        if let Some(id) = self.bounds_ids.get(&key) {
            return *id;
        }
        let id = BoundsId(u32::try_from(self.bounds.len()).unwrap_or(u32::MAX));
        self.bounds.push(key);
        self.bounds_ids.insert(key, id);
        id
    }

    fn parts(&self, id: BoundsId) -> (FlowSetId, FlowSetId) {
        let place = usize::try_from(id.0).unwrap_or(usize::MAX);
        self.bounds.get(place).copied().unwrap_or((FlowSetId::NONE, FlowSetId::NONE))
    }

    /// The number of two bounds.
    pub(super) fn intern(&mut self, bounds: Bounds<FlowSet>) -> BoundsId {
        let sure = self.flows.intern(bounds.sure);
        let possible = self.flows.intern(bounds.possible);
        self.pair(Bounds { sure, possible })
    }

    /// What both let through.
    pub(super) fn meet(&mut self, a: BoundsId, b: BoundsId) -> BoundsId {
        if a == b || b == BoundsId::ALL || a == BoundsId::NONE {
            return a;
        }
        if a == BoundsId::ALL || b == BoundsId::NONE {
            return b;
        }
        let key = (a.min(b), a.max(b));
        if let Some(id) = self.meets.get(&key) {
            return *id;
        }
        let ((a_sure, a_possible), (b_sure, b_possible)) = (self.parts(a), self.parts(b));
        let sure = self.flows.intersection(a_sure, b_sure);
        let possible = self.flows.intersection(a_possible, b_possible);
        let id = self.pair(Bounds { sure, possible });
        self.meets.insert(key, id);
        id
    }

    /// What either lets through.
    pub(super) fn join(&mut self, a: BoundsId, b: BoundsId) -> BoundsId {
        if a == b || b == BoundsId::NONE || a == BoundsId::ALL {
            return a;
        }
        if a == BoundsId::NONE || b == BoundsId::ALL {
            return b;
        }
        let key = (a.min(b), a.max(b));
        if let Some(id) = self.joins.get(&key) {
            return *id;
        }
        let ((a_sure, a_possible), (b_sure, b_possible)) = (self.parts(a), self.parts(b));
        let sure = self.flows.union(a_sure, b_sure);
        let possible = self.flows.union(a_possible, b_possible);
        let id = self.pair(Bounds { sure, possible });
        self.joins.insert(key, id);
        id
    }

    /// For sure one, and possibly the other too.
    pub(super) fn perhaps(&mut self, sure: BoundsId, more: BoundsId) -> BoundsId {
        let possible = self.join(sure, more);
        let ((sure, _), (_, possible)) = (self.parts(sure), self.parts(possible));
        self.pair(Bounds { sure, possible })
    }

    /// What is possible.
    pub(super) fn possible(&self, id: BoundsId) -> &FlowSet {
        self.flows.get(self.parts(id).1)
    }

    /// Whether nothing is possible.
    pub(super) fn is_nothing(&self, id: BoundsId) -> bool {
        self.parts(id).1 == FlowSetId::NONE
    }

    /// The number of a cell; none where nothing is possible.
    pub(super) fn cell(&mut self, parts: CellParts) -> Option<CellId> {
        if self.is_nothing(parts.forward) {
            return None;
        }
        if let Some(id) = self.cell_ids.get(&parts) {
            return Some(*id);
        }
        let id = u32::try_from(self.cells.len()).unwrap_or(u32::MAX);
        self.cells.push(parts);
        self.cell_ids.insert(parts, id);
        Some(id)
    }

    /// What either of two cells allows.
    pub(super) fn join_cells(&mut self, a: CellId, b: CellId) -> CellId {
        if a == b {
            return a;
        }
        let key = (a.min(b), a.max(b));
        if let Some(id) = self.cell_joins.get(&key) {
            return *id;
        }
        let of = |id: CellId| {
            let place = usize::try_from(id).unwrap_or(usize::MAX);
            let none = CellParts { forward: BoundsId::NONE, established: BoundsId::NONE };
            self.cells.get(place).copied().unwrap_or(none)
        };
        let (first, second) = (of(a), of(b));
        let forward = self.join(first.forward, second.forward);
        let established = self.join(first.established, second.established);
        let id = self.cell(CellParts { forward, established }).unwrap_or(a);
        self.cell_joins.insert(key, id);
        id
    }

    /// How many cells there are.
    pub(super) fn cells_len(&self) -> usize {
        self.cells.len()
    }

    /// The cells from a number on.
    pub(super) fn cells_from(&self, first: usize) -> Vec<Cell> {
        let bounds = |id: BoundsId| {
            let (sure, possible) = self.parts(id);
            Bounds {
                sure: self.flows.get(sure).clone(),
                possible: self.flows.get(possible).clone(),
            }
        };
        let cell = |parts: &CellParts| Cell {
            forward: bounds(parts.forward),
            established: bounds(parts.established),
        };
        self.cells.iter().skip(first).map(cell).collect()
    }
}
