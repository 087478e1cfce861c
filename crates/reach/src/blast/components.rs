//! Nodes that reach each other, found on sets of senders: no edge is ever looked at by itself.

use super::nodes::{Bound, Nodes};
use super::place;
use crate::runs::Run;

/// Strongly connected components, each after those that it leads to.
///
/// Kosaraju and Sharir's two searches: one against the edges that notes when a node is done, one
/// along them in the reverse of that order. Against the edges, nodes that were not visited yet are
/// skipped to; along them, a set of senders is used up once by the first sender that comes by.
pub(super) fn components(nodes: &Nodes, stabs: &Stabs, bound: Bound) -> Vec<Vec<usize>> {
    let order = done_against_edges(nodes, bound);
    let mut along = Along {
        stabs,
        looked_at: vec![false; stabs.tree.len()],
        used: vec![false; nodes.sets_len()],
        component: vec![usize::MAX; nodes.len()],
        found: Vec::new(),
    };
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

struct Along<'s> {
    stabs: &'s Stabs,
    /// Places of the tree that need no other look.
    looked_at: Vec<bool>,
    used: Vec<bool>,
    component: Vec<usize>,
    found: Vec<Vec<usize>>,
}

impl Along<'_> {
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
            for set in self.use_up(node) {
                for receiver in self.stabs.receivers(set) {
                    if let Some(slot) = self.component.get_mut(receiver)
                        && *slot == usize::MAX
                    {
                        *slot = number;
                        stack.push(receiver);
                    }
                }
            }
        }
        members.sort_unstable();
        self.found.push(members);
    }

    /// The sets that hold a node and that no earlier call gave.
    fn use_up(&mut self, node: usize) -> Vec<usize> {
        let mut found = Vec::new();
        let (looked_at, used) = (&mut self.looked_at, &mut self.used);
        self.stabs.at(node, |at, sets| {
            let Some(looked_at) = looked_at.get_mut(at).filter(|looked_at| !**looked_at) else {
                return;
            };
            *looked_at = true;
            for set in sets.iter().map(|set| place(*set)) {
                if let Some(used) = used.get_mut(set)
                    && !*used
                {
                    *used = true;
                    found.push(set);
                }
            }
        });
        found
    }
}

/// Which sets hold a node: a segment tree over the runs of all sets.
#[derive(Debug)]
pub(super) struct Stabs {
    leaves: usize,
    /// The sets noted at each place of the tree.
    tree: Lists,
    receivers: Lists,
}

/// Short lists of numbers, one behind the other.
#[derive(Debug)]
struct Lists {
    /// Where each list begins, and where the last one ends.
    starts: Vec<usize>,
    content: Vec<u32>,
}

impl Lists {
    /// Lists from entries that `each` gives as list and number, twice the same.
    fn new(count: usize, each: impl Fn(&mut dyn FnMut(usize, usize))) -> Self {
        let mut starts = vec![0_usize; count + 1];
        each(&mut |list, _| {
            if let Some(slot) = starts.get_mut(list + 1) {
                *slot += 1;
            }
        });
        let mut sum = 0;
        for slot in &mut starts {
            sum += *slot;
            *slot = sum;
        }
        let mut next = starts.clone();
        let mut content = vec![0_u32; sum];
        each(&mut |list, number| {
            let Some(next) = next.get_mut(list) else { return };
            if let Some(slot) = content.get_mut(*next) {
                *slot = u32::try_from(number).unwrap_or(u32::MAX);
            }
            *next += 1;
        });
        Self { starts, content }
    }

    fn len(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }

    fn get(&self, list: usize) -> &[u32] {
        let start = self.starts.get(list).copied().unwrap_or(usize::MAX);
        let end = self.starts.get(list + 1).copied().unwrap_or_default();
        self.content.get(start..end).unwrap_or_default()
    }
}

impl Stabs {
    pub(super) fn new(nodes: &Nodes, bound: Bound) -> Self {
        let leaves = nodes.opening().next_power_of_two();
        let receivers = Lists::new(nodes.sets_len(), |note| {
            for node in 0..nodes.len() {
                note(nodes.set_of(node, bound), node);
            }
        });
        let tree = Lists::new(2 * leaves, |note| {
            for set in (0..nodes.sets_len()).filter(|set| !receivers.get(*set).is_empty()) {
                for run in nodes.set(set) {
                    cover(leaves, *run, |place| note(place, set));
                }
            }
        });
        Self { leaves, tree, receivers }
    }

    /// The nodes whose senders are a set.
    pub(super) fn receivers(&self, set: usize) -> impl Iterator<Item = usize> + '_ {
        self.receivers.get(set).iter().map(|node| place(*node))
    }

    /// Calls `visit` for the sets at every place of the tree that covers a node.
    fn at(&self, node: usize, mut visit: impl FnMut(usize, &[u32])) {
        let mut at = node + self.leaves;
        while at > 0 {
            visit(at, self.tree.get(at));
            at /= 2;
        }
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
                found.extend(self.tree.get(at).iter().map(|set| place(*set)));
                at /= 2;
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}

/// The fewest places of a tree that cover a run.
fn cover(leaves: usize, run: Run<()>, mut visit: impl FnMut(usize)) {
    let (mut low, mut high) = (place(run.start) + leaves, place(run.end) + leaves);
    while low < high {
        if low % 2 == 1 {
            visit(low);
            low += 1;
        }
        if high % 2 == 1 {
            high -= 1;
            visit(high);
        }
        low /= 2;
        high /= 2;
    }
}
