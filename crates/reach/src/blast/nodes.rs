//! Workloads that nothing in the network tells apart, and who sends to them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use watertight_model::{ArenaId, Bounds, Estate, WorkloadId};
use watertight_net::FlowSet;

use super::{place, weight_of};
use crate::matrix::{ClassIndex, Matrix};
use crate::runs::{Run, of_ascending, push};

/// Which of two bounds is meant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Bound {
    Sure,
    Possible,
}

/// What a workload opens connections for; the order is that of nodes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Rank {
    RunsCode,
    OpensLegs,
    OpensNothing,
}

/// Legs that fronts open, between nodes.
pub(super) type Legs = BTreeMap<(usize, usize), Bounds<FlowSet>>;

/// A set of nodes, as runs.
pub(super) type NodeSet = Arc<[Run<()>]>;

/// All nodes. Those that run code come first, in the order of their first classes, so that runs of
/// classes are runs of nodes; then fronts that open legs; then those that open nothing.
#[derive(Debug)]
pub(super) struct Nodes {
    all: Vec<Node>,
    /// The node of each workload, by its position.
    of: Vec<usize>,
    /// The weight of each workload, by its position.
    weights: Vec<u64>,
    running: usize,
    opening: usize,
    weight_all: u64,
    /// Each set of senders once.
    sets: Vec<NodeSet>,
}

#[derive(Debug)]
struct Node {
    members: Vec<WorkloadId>,
    classes: Vec<ClassIndex>,
    /// The sum of the members' weights.
    weight: u64,
    /// Who surely and who perhaps sends to the members: numbers of sets.
    senders: Bounds<usize>,
}

impl Nodes {
    /// The nodes of an estate, not connected yet; `fronts` are workloads that open legs of fronts.
    pub(super) fn new(estate: &Estate, matrix: &Matrix, fronts: &BTreeSet<WorkloadId>) -> Self {
        let mut groups: BTreeMap<(Rank, BTreeSet<ClassIndex>), Vec<WorkloadId>> = BTreeMap::new();
        for (id, workload) in estate.workloads.iter() {
            let endpoints = workload.endpoints.iter();
            let classes = endpoints.filter_map(|endpoint| matrix.class_of(*endpoint)).collect();
            let rank = if workload.kind.runs_code() {
                Rank::RunsCode
            } else if fronts.contains(&id) {
                Rank::OpensLegs
            } else {
                Rank::OpensNothing
            };
            groups.entry((rank, classes)).or_default().push(id);
        }
        let mut found = Self {
            all: Vec::with_capacity(groups.len()),
            of: vec![usize::MAX; estate.workloads.len()],
            weights: estate.workloads.iter().map(|(id, _)| weight_of(estate, id)).collect(),
            running: 0,
            opening: 0,
            weight_all: 0,
            sets: Vec::new(),
        };
        for ((rank, classes), members) in groups {
            let number = found.all.len();
            found.running += usize::from(rank == Rank::RunsCode);
            found.opening += usize::from(rank != Rank::OpensNothing);
            for member in &members {
                if let Some(slot) = found.of.get_mut(member.index()) {
                    *slot = number;
                }
            }
            let weight = members.iter().map(|id| found.own_weight(*id)).sum();
            found.weight_all += weight;
            let classes = classes.into_iter().collect();
            let senders = Bounds { sure: 0, possible: 0 };
            found.all.push(Node { members, classes, weight, senders });
        }
        found
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// How many nodes open connections: the first ones.
    pub(super) fn opening(&self) -> usize {
        self.opening
    }

    /// Whether a node opens whatever is let through, and not only the legs of a front.
    pub(super) fn runs_code(&self, node: usize) -> bool {
        node < self.running
    }

    pub(super) fn opens(&self, node: usize) -> bool {
        node < self.opening
    }

    pub(super) fn of(&self, workload: WorkloadId) -> Option<usize> {
        self.of.get(workload.index()).copied().filter(|node| *node < self.all.len())
    }

    /// The weight of one workload.
    pub(super) fn own_weight(&self, workload: WorkloadId) -> u64 {
        self.weights.get(workload.index()).copied().unwrap_or(0)
    }

    pub(super) fn members(&self, node: usize) -> &[WorkloadId] {
        self.all.get(node).map_or(&[], |node| node.members.as_slice())
    }

    pub(super) fn classes(&self, node: usize) -> &[ClassIndex] {
        self.all.get(node).map_or(&[], |node| node.classes.as_slice())
    }

    pub(super) fn weight(&self, node: usize) -> u64 {
        self.all.get(node).map_or(0, |node| node.weight)
    }

    /// The sum of all weights.
    pub(super) fn weight_all(&self) -> u64 {
        self.weight_all
    }

    /// The number of the set of nodes that send to a node.
    pub(super) fn set_of(&self, node: usize, bound: Bound) -> usize {
        self.all.get(node).map_or(0, |node| match bound {
            Bound::Sure => node.senders.sure,
            Bound::Possible => node.senders.possible,
        })
    }

    /// How many sets there are.
    pub(super) fn sets_len(&self) -> usize {
        self.sets.len()
    }

    pub(super) fn set(&self, number: usize) -> &[Run<()>] {
        self.sets.get(number).map_or(&[], |set| &**set)
    }

    /// The nodes that send to a node. A node with one member may be among its own senders: nothing
    /// comes of that.
    pub(super) fn senders(&self, node: usize, bound: Bound) -> &[Run<()>] {
        self.set(self.set_of(node, bound))
    }

    /// Finds out who sends to whom.
    pub(super) fn connect(&mut self, matrix: &Matrix, legs: &Legs) {
        self.connect_kept(matrix, legs);
    }

    /// The same, with what is needed to find it again after a change.
    pub(super) fn connect_kept(&mut self, matrix: &Matrix, legs: &Legs) -> Making {
        let mut making = Making::new(self, matrix);
        self.connect_some(&mut making, matrix, legs, |_| true);
        making
    }

    /// Finds out who sends to some nodes; whether that is anybody else than before, by bound.
    pub(super) fn connect_some(
        &mut self,
        making: &mut Making,
        matrix: &Matrix,
        legs: &Legs,
        is_meant: impl Fn(&[ClassIndex]) -> bool,
    ) -> Bounds<bool> {
        let mut differs = Bounds { sure: false, possible: false };
        let mut legs_to: BTreeMap<usize, Vec<(u32, &Bounds<FlowSet>)>> = BTreeMap::new();
        for ((from, to), over) in legs {
            if self.opens(*from)
                && let Ok(from) = u32::try_from(*from)
            {
                legs_to.entry(*to).or_default().push((from, over));
            }
        }
        for (number, node) in self.all.iter_mut().enumerate() {
            if !is_meant(&node.classes) {
                continue;
            }
            let legs = legs_to.get(&number).map_or(&[][..], Vec::as_slice);
            let sure = making.senders(matrix, &node.classes, legs, Bound::Sure);
            let possible = making.senders(matrix, &node.classes, legs, Bound::Possible);
            differs.sure |= node.senders.sure != sure;
            differs.possible |= node.senders.possible != possible;
            node.senders = Bounds { sure, possible };
        }
        self.sets.extend(making.sets.iter().skip(self.sets.len()).map(Arc::clone));
        differs
    }

    /// Whether who surely sends is who perhaps does, everywhere.
    pub(super) fn are_exact(&self) -> bool {
        self.all.iter().all(|node| node.senders.sure == node.senders.possible)
    }
}

/// Sets of senders under construction.
#[derive(Debug)]
pub(super) struct Making {
    /// For each class, the first node that runs code whose first class is that or a later one.
    first_node: Vec<u32>,
    /// Further classes of nodes that run code, ordered.
    further: Vec<(ClassIndex, u32)>,
    /// Whether anything can be established by a cell.
    counts: [Vec<bool>; 2],
    by_column: HashMap<(usize, bool), usize>,
    sets: Vec<NodeSet>,
    ids: HashMap<NodeSet, usize>,
}

impl Making {
    fn new(nodes: &Nodes, matrix: &Matrix) -> Self {
        let mut first_node = vec![u32::MAX; matrix.classes.len() + 1];
        let mut further = Vec::new();
        let running = u32::try_from(nodes.running).unwrap_or(u32::MAX);
        for (number, node) in (0..running).zip(&nodes.all).rev() {
            if let Some(first) = node.classes.first().and_then(|class| first_node.get_mut(*class)) {
                *first = number;
            }
            further.extend(node.classes.iter().skip(1).map(|class| (*class, number)));
        }
        let mut next = running;
        for slot in first_node.iter_mut().rev() {
            next = next.min(*slot);
            *slot = next;
        }
        further.sort_unstable();
        let mut making = Self {
            first_node,
            further,
            counts: [Vec::new(), Vec::new()],
            by_column: HashMap::new(),
            sets: Vec::new(),
            ids: HashMap::new(),
        };
        making.count(matrix);
        making.intern(Arc::new([]));
        making
    }

    /// Notes of cells whether they count, those that are known already apart.
    fn count(&mut self, matrix: &Matrix) {
        let [sure, possible] = &mut self.counts;
        let first = u32::try_from(sure.len()).unwrap_or(u32::MAX);
        for cell in (first..).map_while(|number| matrix.numbered(number)) {
            sure.push(!cell.established.sure.is_empty());
            possible.push(!cell.established.possible.is_empty());
        }
    }

    /// Forgets columns that stand for something else than before.
    pub(super) fn forget(&mut self, matrix: &Matrix, columns: &BTreeSet<usize>) {
        self.count(matrix);
        self.by_column.retain(|(column, _), _| !columns.contains(column));
    }

    /// How many sets there are.
    pub(super) fn len(&self) -> usize {
        self.sets.len()
    }

    fn intern(&mut self, set: NodeSet) -> usize {
        let next = self.sets.len();
        let id = *self.ids.entry(Arc::clone(&set)).or_insert(next);
        if id == next {
            self.sets.push(set);
        }
        id
    }

    /// The number of the set of nodes that send to any of some classes, or by a leg of a front.
    fn senders(
        &mut self,
        matrix: &Matrix,
        classes: &[ClassIndex],
        legs: &[(u32, &Bounds<FlowSet>)],
        bound: Bound,
    ) -> usize {
        let mut sets: Vec<usize> =
            classes.iter().map(|class| self.senders_to(matrix, *class, bound)).collect();
        let counts = |over: &Bounds<FlowSet>| match bound {
            Bound::Sure => !over.sure.is_empty(),
            Bound::Possible => !over.possible.is_empty(),
        };
        let counted = legs.iter().filter(|(_, over)| counts(over)).map(|(from, _)| *from);
        let by_legs: BTreeSet<u32> = counted.collect();
        if !by_legs.is_empty() {
            sets.push(self.intern(of_ascending(by_legs).into()));
        }
        sets.sort_unstable();
        sets.dedup();
        sets.retain(|set| *set != 0);
        match sets.as_slice() {
            [] => 0,
            [one] => *one,
            several => {
                let pieces = several.iter().filter_map(|set| self.sets.get(*set));
                let all = pieces.flat_map(|set| set.iter().copied()).collect();
                self.intern(union(all).into())
            }
        }
    }

    /// The number of the set of nodes that send to a class.
    fn senders_to(&mut self, matrix: &Matrix, class: ClassIndex, bound: Bound) -> usize {
        let Some(column) = matrix.column_number(class) else { return 0 };
        let key = (column, bound == Bound::Sure);
        if let Some(known) = self.by_column.get(&key) {
            return *known;
        }
        let [sure, possible] = &self.counts;
        let counts = match bound {
            Bound::Sure => sure,
            Bound::Possible => possible,
        };
        let mut classes: Vec<Run<()>> = Vec::new();
        for run in matrix.runs(class) {
            if counts.get(place(run.value)).copied().unwrap_or(false) {
                push(&mut classes, run.start, run.end, ());
            }
        }
        let mut nodes: Vec<Run<()>> = Vec::new();
        for run in classes {
            let of = |class: u32| self.first_node.get(place(class)).copied().unwrap_or(u32::MAX);
            push(&mut nodes, of(run.start), of(run.end), ());
            let first = self.further.partition_point(|(class, _)| *class < place(run.start));
            let further = self.further.get(first..).unwrap_or_default().iter();
            let further = further.take_while(|(class, _)| *class < place(run.end));
            nodes.extend(further.map(|(_, node)| Run { start: *node, end: node + 1, value: () }));
        }
        let id = self.intern(union(nodes).into());
        self.by_column.insert(key, id);
        id
    }
}

/// The runs that pieces in any order cover.
fn union(mut pieces: Vec<Run<()>>) -> Vec<Run<()>> {
    pieces.sort_unstable();
    let mut runs: Vec<Run<()>> = Vec::new();
    for piece in pieces {
        match runs.last_mut() {
            Some(last) if piece.start <= last.end => last.end = last.end.max(piece.end),
            _ => push(&mut runs, piece.start, piece.end, ()),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_union_joins_what_touches_or_overlaps() {
        let run = |start, end| Run { start, end, value: () };
        let pieces = vec![run(7, 9), run(0, 2), run(2, 3), run(1, 5)];
        assert_eq!(union(pieces), [run(0, 5), run(7, 9)]);
    }
}
