//! The likely chains that survive some removals.

use std::collections::BTreeSet;

use crate::csr::{index, number};
use crate::graph::HopGraph;
use crate::jewel::{Pair, is_own};
use crate::likelihood::Likelihood;
use crate::view::{Search, Value, View};

/// Rounding of the factors of a product, one unit each, must not decide whether a chain of exactly
/// the least likelihood counts. Relative to a likelihood this is 4e-11.
const ROUNDING: u64 = 1 << 6;

/// The best surviving chain between an entry and a jewel fact.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Survivor {
    pub(super) pair: Pair,
    /// Its hops, premises first.
    pub(super) hops: Vec<u32>,
}

/// Looks for surviving chains.
pub(super) struct Survivors<'g> {
    graph: &'g HopGraph,
    cost_max: u64,
    targets: Vec<u32>,
    accepted: BTreeSet<(u32, u32)>,
}

impl<'g> Survivors<'g> {
    pub(super) fn new(graph: &'g HopGraph, likelihood_min: Likelihood) -> Self {
        let targets = graph.jewels.iter().flat_map(|jewel| jewel.targets.iter().copied()).collect();
        let cost_max = likelihood_min.cost().saturating_add(ROUNDING);
        Self { graph, cost_max, targets, accepted: BTreeSet::new() }
    }

    /// Takes the pairs of these chains out of consideration: nothing parts them.
    pub(super) fn accept(&mut self, survivors: &[Survivor]) {
        let pairs = survivors.iter().map(|survivor| (survivor.pair.entry, survivor.pair.target));
        self.accepted.extend(pairs);
    }

    /// The best surviving chain of each pair that has one, likeliest first; about `most` of them,
    /// and at least one if there are any. Among them is the likeliest of all.
    pub(super) fn find(&self, view: &View<'_>, most: usize) -> Vec<Survivor> {
        // No chain from an entry is likelier than if one premise of each hop were enough.
        let bounds = view.backwards(&self.targets, true);
        let cost_max = self.cost_max;
        let mut starts: Vec<(Value, u32, Vec<u32>)> = Vec::new();
        for (place, entry) in self.graph.entries.iter().enumerate() {
            let held = self.graph.held_numbers(*entry);
            let bound = held.iter().map(|fact| bounds[index(*fact)]).min();
            if let Some(bound) = bound.filter(|bound| bound.cost() <= cost_max) {
                starts.push((bound, number(place), held));
            }
        }
        starts.sort_unstable();
        let mut search = Search::new(view);
        let mut found: Vec<Survivor> = Vec::new();
        for (bound, entry, held) in starts {
            let enough = found.len() >= most;
            if enough && found.iter().any(|survivor| survivor.pair.value <= bound) {
                break;
            }
            search.run(view, &held, |fact, cost| {
                cost.saturating_add(bounds[index(fact)].cost()) <= cost_max
            });
            self.gather(view, &search, entry, &mut found);
        }
        found.sort_unstable_by_key(|survivor| survivor.pair);
        found.truncate(most.max(1));
        found
    }

    fn gather(&self, view: &View<'_>, search: &Search, entry: u32, found: &mut Vec<Survivor>) {
        let graph = view.graph;
        for (at, jewel) in graph.jewels.iter().enumerate() {
            if is_own(graph, graph.entries[index(entry)], at) {
                continue;
            }
            for target in &jewel.targets {
                let value = search.value(*target);
                if value.cost() > self.cost_max || self.accepted.contains(&(entry, *target)) {
                    continue;
                }
                let pair = Pair { value, entry, target: *target };
                found.push(Survivor { pair, hops: search.derivation(graph, *target) });
            }
        }
    }
}
