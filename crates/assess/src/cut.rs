//! The cut set: the cheapest actions that leave no likely chain.
//!
//! Every surviving chain gives a constraint: some action must take away something that the chain
//! rests on. The cheapest actions that satisfy the constraints met so far are found exactly; if
//! chains survive them, these give further constraints; if none does, the actions are the cut set.

mod hitting;
mod survivors;

use std::collections::BTreeSet;

use hitting::{Clauses, solve};
use survivors::{Survivor, Survivors};

use crate::action::{Action, Cost, removed_by};
use crate::csr::{index, number};
use crate::fact::Fact;
use crate::graph::{Entry, HopGraph};
use crate::hop::{Bound, Removable};
use crate::likelihood::Likelihood;

/// How many constraints are taken from one round of surviving chains.
const ROUND_MAX: usize = 64;

/// How many actions of a cut set that is not known to be optimal are tried for being left out.
const TRIALS_MAX: usize = 64;

/// Limits of the search for a cut set.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct CutLimits {
    /// Chains at least this likely must be cut.
    pub likelihood_min: Likelihood,
    /// How many constraints are gathered.
    pub constraints_max: usize,
    /// How many nodes branch and bound visits, over all rounds.
    pub nodes_max: usize,
    /// How many uncuttable pairs are listed; all are counted.
    pub uncuttable_listed_max: usize,
}

impl Default for CutLimits {
    fn default() -> Self {
        Self {
            likelihood_min: Likelihood::new(0.01).unwrap_or(Likelihood::CERTAIN),
            constraints_max: 2_000,
            nodes_max: 200_000,
            uncuttable_listed_max: 100,
        }
    }
}

/// Actions after which no chain of the stated likelihood remains between any entry and any jewel
/// that the actions on offer can part.
#[derive(Clone, PartialEq, Debug)]
pub struct CutSet {
    /// The actions, as places in the list that was offered, in order.
    pub actions: Vec<usize>,
    /// What they cost together.
    pub cost: Cost,
    /// What any such set costs at least. Equal to `cost` where the set is optimal.
    pub cost_min: Cost,
    /// Whether some chain remains likely whatever is done: entries and jewel facts of such chains,
    /// likeliest first.
    pub uncuttable: Vec<(Entry, Fact)>,
    /// How many such pairs there are.
    pub uncuttable_total: usize,
}

impl CutSet {
    /// Whether no cheaper set exists.
    pub fn is_optimal(&self) -> bool {
        self.cost == self.cost_min
    }

    /// How much cheaper an optimal set may be, as a share of the cost, 0 to 1.
    pub fn gap(&self) -> f64 {
        if self.is_optimal() {
            return 0.0;
        }
        1.0 - self.cost_min.value() / self.cost.value()
    }
}

/// Entries and jewel facts between which some chain of at least a likelihood remains.
pub(crate) fn likely(
    graph: &HopGraph,
    removed: &BTreeSet<Removable>,
    likelihood_min: Likelihood,
) -> Vec<(Entry, Fact)> {
    let survivors = Survivors::new(graph, likelihood_min);
    let found = survivors.find(&graph.view(Bound::All, removed), usize::MAX);
    found.iter().map(|survivor| named(graph, survivor)).collect()
}

fn named(graph: &HopGraph, survivor: &Survivor) -> (Entry, Fact) {
    let entry = graph.entries[index(survivor.pair.entry)];
    (entry, graph.facts[index(survivor.pair.target)])
}

/// Finds the cut set of a graph, on sure and possible hops.
pub fn cut_set(graph: &HopGraph, actions: &[Action], limits: CutLimits) -> CutSet {
    let mut survivors = Survivors::new(graph, limits.likelihood_min);
    let all = removed_by(actions, 0..actions.len());
    let uncuttable = survivors.find(&graph.view(Bound::All, &all), usize::MAX);
    survivors.accept(&uncuttable);
    let mut search = CutSearch {
        graph,
        actions,
        survivors,
        offers: Offers::new(graph, actions),
        costs: actions.iter().map(|action| action.cost.millionths()).collect(),
        clauses: Clauses::default(),
    };
    let (chosen, cost_min) = search.run(limits);
    let cost: Cost = chosen.iter().map(|place| actions[*place].cost).sum();
    let listed = uncuttable.iter().take(limits.uncuttable_listed_max);
    CutSet {
        actions: chosen.into_iter().collect(),
        cost,
        cost_min: cost_min.min(cost),
        uncuttable: listed.map(|survivor| named(graph, survivor)).collect(),
        uncuttable_total: uncuttable.len(),
    }
}

/// Which actions remove a thing.
struct Offers {
    of: Vec<Vec<u32>>,
}

impl Offers {
    fn new(graph: &HopGraph, actions: &[Action]) -> Self {
        let mut of = vec![Vec::new(); graph.removables.len()];
        for (place, action) in actions.iter().enumerate() {
            for thing in &action.removes {
                if let Some(actions) = of.get_mut(index(thing.0)) {
                    actions.push(number(place));
                }
            }
        }
        Self { of }
    }
}

struct CutSearch<'g> {
    graph: &'g HopGraph,
    actions: &'g [Action],
    survivors: Survivors<'g>,
    offers: Offers,
    costs: Vec<u64>,
    clauses: Clauses,
}

impl CutSearch<'_> {
    fn run(&mut self, limits: CutLimits) -> (BTreeSet<usize>, Cost) {
        let mut nodes = limits.nodes_max;
        let mut least = 0;
        loop {
            let solution = solve(&self.costs, &self.clauses, &mut nodes);
            least = least.max(solution.least);
            let mut chosen: BTreeSet<usize> = solution.chosen.into_iter().map(index).collect();
            let more = self.constraints(&chosen, ROUND_MAX);
            if more.is_empty() {
                if !solution.exact {
                    self.leave_out(&mut chosen);
                }
                return (chosen, Cost::from_millionths(least));
            }
            for clause in more {
                self.clauses.add(clause);
            }
            if nodes == 0 || self.clauses.len() > limits.constraints_max {
                self.complete(&mut chosen);
                self.leave_out(&mut chosen);
                return (chosen, Cost::from_millionths(least));
            }
        }
    }

    /// Constraints that the chosen actions do not meet: each a set of actions of which one must be
    /// taken.
    fn constraints(&mut self, chosen: &BTreeSet<usize>, most: usize) -> Vec<Vec<u32>> {
        let removed = removed_by(self.actions, chosen.iter().copied());
        let view = self.graph.view(Bound::All, &removed);
        let survivors = self.survivors.find(&view, most);
        let clause = |survivor: &Survivor| {
            let things = survivor.hops.iter().filter_map(|hop| view.holding_up(*hop)).flatten();
            let actions: BTreeSet<u32> =
                things.flat_map(|thing| &self.offers.of[index(thing.0)]).copied().collect();
            actions.into_iter().collect()
        };
        survivors.iter().map(clause).collect()
    }

    /// Takes further actions, the cheapest for what they meet, until no chain survives.
    fn complete(&mut self, chosen: &mut BTreeSet<usize>) {
        loop {
            let open = self.constraints(chosen, ROUND_MAX);
            if open.is_empty() {
                return;
            }
            let mut open: Vec<Vec<u32>> = open;
            while !open.is_empty() {
                let Some(action) = hitting::best_value(&self.costs, &open) else { return };
                chosen.insert(index(action));
                open.retain(|clause| !clause.contains(&action));
            }
        }
    }

    /// Leaves out actions that are not needed, the dearest first.
    fn leave_out(&mut self, chosen: &mut BTreeSet<usize>) {
        let mut order: Vec<usize> = chosen.iter().copied().collect();
        order.sort_by_key(|place| (std::cmp::Reverse(self.costs[*place]), *place));
        for place in order.into_iter().take(TRIALS_MAX) {
            chosen.remove(&place);
            if !self.constraints(chosen, 1).is_empty() {
                chosen.insert(place);
            }
        }
    }
}
