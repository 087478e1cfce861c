//! One number per distinct set, and remembered results of operations on them.

use rustc_hash::FxHashMap;

use crate::flow_set::FlowSet;

/// The number of a set in a [`FlowSets`]. Equal numbers of one `FlowSets` mean equal sets.
///
/// Numbers follow the order of interning, so the same work gives the same numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FlowSetId(u32);

impl FlowSetId {
    /// No packet, in every [`FlowSets`].
    pub const NONE: Self = Self(0);
    /// Every packet, in every [`FlowSets`].
    pub const ALL: Self = Self(1);

    /// The position among the sets, from 0.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// Interned sets.
#[derive(Clone, Debug)]
pub struct FlowSets {
    sets: Vec<FlowSet>,
    ids: FxHashMap<FlowSet, FlowSetId>,
    unions: FxHashMap<(FlowSetId, FlowSetId), FlowSetId>,
    intersections: FxHashMap<(FlowSetId, FlowSetId), FlowSetId>,
    differences: FxHashMap<(FlowSetId, FlowSetId), FlowSetId>,
    replies: FxHashMap<FlowSetId, FlowSetId>,
}

impl FlowSets {
    /// Holds [`FlowSetId::NONE`] and [`FlowSetId::ALL`].
    pub fn new() -> Self {
        let mut sets = Self {
            sets: Vec::new(),
            ids: FxHashMap::default(),
            unions: FxHashMap::default(),
            intersections: FxHashMap::default(),
            differences: FxHashMap::default(),
            replies: FxHashMap::default(),
        };
        sets.intern(FlowSet::none());
        sets.intern(FlowSet::all());
        sets
    }

    /// How many sets there are, at least 2.
    #[expect(clippy::len_without_is_empty, reason = "never empty")]
    pub fn len(&self) -> usize {
        self.sets.len()
    }

    /// The number of a set.
    pub fn intern(&mut self, set: FlowSet) -> FlowSetId {
        if let Some(id) = self.ids.get(&set) {
            return *id;
        }
        // 2^32 sets would take more than 600 GB: memory ends before the numbers do.
        let id = FlowSetId(u32::try_from(self.sets.len()).unwrap_or(u32::MAX));
        self.sets.push(set.clone());
        self.ids.insert(set, id);
        id
    }

    /// The set with a number.
    ///
    /// # Panics
    /// When the number comes from another `FlowSets` that holds more sets.
    pub fn get(&self, id: FlowSetId) -> &FlowSet {
        &self.sets[id.index()]
    }

    /// The packets in either set.
    pub fn union(&mut self, a: FlowSetId, b: FlowSetId) -> FlowSetId {
        if a == b || b == FlowSetId::NONE || a == FlowSetId::ALL {
            return a;
        }
        if a == FlowSetId::NONE || b == FlowSetId::ALL {
            return b;
        }
        let key = (a.min(b), a.max(b));
        if let Some(id) = self.unions.get(&key) {
            return *id;
        }
        let id = self.intern(self.get(a).union(self.get(b)));
        self.unions.insert(key, id);
        id
    }

    /// The packets in both sets.
    pub fn intersection(&mut self, a: FlowSetId, b: FlowSetId) -> FlowSetId {
        if a == b || b == FlowSetId::ALL || a == FlowSetId::NONE {
            return a;
        }
        if a == FlowSetId::ALL || b == FlowSetId::NONE {
            return b;
        }
        let key = (a.min(b), a.max(b));
        if let Some(id) = self.intersections.get(&key) {
            return *id;
        }
        let id = self.intern(self.get(a).intersection(self.get(b)));
        self.intersections.insert(key, id);
        id
    }

    /// The packets in `a` and not in `b`.
    pub fn difference(&mut self, a: FlowSetId, b: FlowSetId) -> FlowSetId {
        if a == b || b == FlowSetId::ALL {
            return FlowSetId::NONE;
        }
        if a == FlowSetId::NONE || b == FlowSetId::NONE {
            return a;
        }
        if let Some(id) = self.differences.get(&(a, b)) {
            return *id;
        }
        let id = self.intern(self.get(a).difference(self.get(b)));
        self.differences.insert((a, b), id);
        id
    }

    /// The packets that are not in the set.
    pub fn complement(&mut self, a: FlowSetId) -> FlowSetId {
        self.difference(FlowSetId::ALL, a)
    }

    /// The packets that answer the packets of the set; see [`FlowSet::reply`].
    pub fn reply(&mut self, a: FlowSetId) -> FlowSetId {
        if let Some(id) = self.replies.get(&a) {
            return *id;
        }
        let id = self.intern(self.get(a).reply());
        self.replies.insert(a, id);
        self.replies.insert(id, a);
        id
    }
}

impl Default for FlowSets {
    fn default() -> Self {
        Self::new()
    }
}
