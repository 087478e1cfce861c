//! Collections of sets, each with one number: equal numbers exactly if equal collections.

use std::collections::HashMap;

/// The number of the empty collection.
pub(super) const NO_SETS: u32 = 0;
/// The number of the leaf that stands for "this set is in the collection".
const PRESENT: u32 = 1;

/// Collections as binary trees over the bits of the set numbers, with equal trees stored once.
/// Adding or removing one set makes at most one node per bit, and comparing two collections
/// compares two numbers.
pub(super) struct Memberships {
    depth: u32,
    /// The two halves of each tree; numbers below 2 are leaves and have none.
    nodes: Vec<(u32, u32)>,
    numbers: HashMap<(u32, u32), u32>,
}

impl Memberships {
    pub(super) fn new(set_count: u32) -> Self {
        Self {
            depth: u32::BITS - set_count.saturating_sub(1).leading_zeros(),
            nodes: vec![(NO_SETS, NO_SETS); 2],
            numbers: HashMap::new(),
        }
    }

    /// The collection with `set` added if it was absent, removed if it was present.
    pub(super) fn toggle(&mut self, collection: u32, set: u32) -> u32 {
        self.toggle_below(collection, set, self.depth)
    }

    fn toggle_below(&mut self, tree: u32, set: u32, depth: u32) -> u32 {
        let Some(depth) = depth.checked_sub(1) else {
            return if tree == NO_SETS { PRESENT } else { NO_SETS };
        };
        let (low, high) = self.nodes[tree as usize];
        let halves = if set >> depth & 1 == 0 {
            (self.toggle_below(low, set, depth), high)
        } else {
            (low, self.toggle_below(high, set, depth))
        };
        self.node(halves)
    }

    /// An empty tree is the same number at every depth.
    fn node(&mut self, halves: (u32, u32)) -> u32 {
        if halves == (NO_SETS, NO_SETS) {
            return NO_SETS;
        }
        let nodes = &mut self.nodes;
        *self.numbers.entry(halves).or_insert_with(|| {
            nodes.push(halves);
            // One node takes 20 bytes: memory ends before the numbers do.
            u32::try_from(nodes.len() - 1).unwrap_or(u32::MAX)
        })
    }
}
