//! Nodes that reach each other, found on sets of senders: no edge is ever looked at by itself.

use super::nodes::{Bound, Nodes};
use super::place;
use crate::runs::Run;

/// Strongly connected components, each after those that it leads to.
///
/// Kosaraju and Sharir's two searches: one against the edges that notes when a node is done, one
/// along them in the reverse of that order. Against the edges, nodes that were not visited yet are
/// skipped to; along them, a set of senders is used up once by the first sender that comes by.
pub(super) fn components(nodes: &Nodes, bound: Bound) -> Vec<Vec<usize>> {
    let order = done_against_edges(nodes, bound);
    let stabs = Stabs::new(nodes, bound);
    let mut along = Along { stabs, component: vec![usize::MAX; nodes.len()], found: Vec::new() };
    for start in order.into_iter().rev() {
        along.search(start, nodes);
    }
    along.found
}

/// The nodes in the order in which a depth-first search against the edges leaves them.
fn done_against_edges(nodes: &Nodes, bound: Bound) -> Vec<usize> {
    let mut unvisited = Unvisited::new(nodes.len());
    let mut order = Vec::with_capacity(nodes.len());
    // A node with the run of its senders that is being looked at.
    let mut stack: Vec<(usize, usize)> = Vec::new();
    for root in 0..nodes.len() {
        if !unvisited.take(root) {
            continue;
        }
        stack.push((root, 0));
        while let Some((node, cursor)) = stack.last_mut() {
            let runs = nodes.senders(*node, bound);
            let Some(run) = runs.get(*cursor) else {
                order.push(*node);
                stack.pop();
                continue;
            };
            match unvisited.first_from(place(run.start)).filter(|next| *next < place(run.end)) {
                Some(next) => {
                    unvisited.take(next);
                    stack.push((next, 0));
                }
                None => *cursor += 1,
            }
        }
    }
    order
}

/// Nodes that were not visited, with the next one of each place.
struct Unvisited {
    next: Vec<usize>,
}

impl Unvisited {
    fn new(count: usize) -> Self {
        Self { next: (0..=count).collect() }
    }

    /// The first unvisited node from a place on, or the number of nodes.
    fn first_from(&mut self, place: usize) -> Option<usize> {
        let mut root = place;
        while *self.next.get(root)? != root {
            root = *self.next.get(root)?;
        }
        let mut here = place;
        while here != root {
            let slot = self.next.get_mut(here)?;
            here = *slot;
            *slot = root;
        }
        Some(root)
    }

    /// Whether a node was unvisited; it is visited then.
    fn take(&mut self, node: usize) -> bool {
        match self.next.get_mut(node) {
            Some(slot) if *slot == node => {
                *slot = node + 1;
                true
            }
            _ => false,
        }
    }
}

struct Along {
    stabs: Stabs,
    component: Vec<usize>,
    found: Vec<Vec<usize>>,
}

impl Along {
    fn search(&mut self, start: usize, nodes: &Nodes) {
        if self.component.get(start).is_none_or(|component| *component != usize::MAX) {
            return;
        }
        let number = self.found.len();
        let mut members = Vec::new();
        let mut stack = vec![start];
        if let Some(slot) = self.component.get_mut(start) {
            *slot = number;
        }
        while let Some(node) = stack.pop() {
            members.push(node);
            if !nodes.opens(node) {
                continue;
            }
            for set in self.stabs.use_up(node) {
                for receiver in self.stabs.receivers(set) {
                    if let Some(slot) = self.component.get_mut(*receiver)
                        && *slot == usize::MAX
                    {
                        *slot = number;
                        stack.push(*receiver);
                    }
                }
            }
        }
        members.sort_unstable();
        self.found.push(members);
    }
}

/// Which sets hold a node: a segment tree over the runs of all sets.
#[derive(Debug)]
pub(super) struct Stabs {
    leaves: usize,
    tree: Vec<Vec<usize>>,
    receivers: Vec<Vec<usize>>,
    used: Vec<bool>,
}

impl Stabs {
    pub(super) fn new(nodes: &Nodes, bound: Bound) -> Self {
        let leaves = nodes.opening().next_power_of_two();
        let mut receivers: Vec<Vec<usize>> = vec![Vec::new(); nodes.sets_len()];
        for node in 0..nodes.len() {
            if let Some(of_set) = receivers.get_mut(nodes.set_of(node, bound)) {
                of_set.push(node);
            }
        }
        let used = vec![false; receivers.len()];
        let mut stabs = Self { leaves, tree: vec![Vec::new(); 2 * leaves], receivers, used };
        for set in 0..nodes.sets_len() {
            if stabs.receivers(set).is_empty() {
                continue;
            }
            for run in nodes.set(set) {
                stabs.insert(set, *run);
            }
        }
        stabs
    }

    /// Notes a run at the fewest places of the tree that cover it.
    fn insert(&mut self, set: usize, run: Run<()>) {
        let (mut low, mut high) = (place(run.start) + self.leaves, place(run.end) + self.leaves);
        while low < high {
            if low % 2 == 1 {
                self.note(low, set);
                low += 1;
            }
            if high % 2 == 1 {
                high -= 1;
                self.note(high, set);
            }
            low /= 2;
            high /= 2;
        }
    }

    fn note(&mut self, at: usize, set: usize) {
        if let Some(sets) = self.tree.get_mut(at) {
            sets.push(set);
        }
    }

    /// The nodes whose senders are a set.
    pub(super) fn receivers(&self, set: usize) -> &[usize] {
        self.receivers.get(set).map_or(&[], Vec::as_slice)
    }

    /// The sets that hold a node and that no earlier call gave.
    fn use_up(&mut self, node: usize) -> Vec<usize> {
        let mut found = Vec::new();
        let mut at = node + self.leaves;
        while at > 0 {
            for set in self.tree.get_mut(at).map(std::mem::take).unwrap_or_default() {
                if let Some(used) = self.used.get_mut(set)
                    && !*used
                {
                    *used = true;
                    found.push(set);
                }
            }
            at /= 2;
        }
        found
    }

    /// The sets that hold any of some nodes, ascending. `seen` remembers for which `round` each place
    /// of the tree was looked at last, so that a place is looked at once for all of them.
    pub(super) fn holding(
        &self,
        nodes: impl Iterator<Item = usize>,
        seen: &mut Vec<usize>,
        round: usize,
    ) -> Vec<usize> {
        seen.resize(self.tree.len(), usize::MAX);
        let mut found = Vec::new();
        for node in nodes {
            let mut at = node + self.leaves;
            while at > 0 {
                if let Some(last) = seen.get_mut(at) {
                    if *last == round {
                        break;
                    }
                    *last = round;
                }
                found.extend(self.tree.get(at).into_iter().flatten());
                at /= 2;
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}
