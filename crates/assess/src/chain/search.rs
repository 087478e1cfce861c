//! The best chains, by best-first search backwards from the jewels.
//!
//! A derivation in the making is worth at most what it would be worth if each open fact were
//! derived in the best way. Derivations are taken up in the order of that bound, so complete ones
//! come out in the order of chains.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use super::count::count;
use super::links::{Chosen, Links, Partial};
use super::{Chain, ChainLimits, ChainList};
use crate::csr::{index, number};
use crate::jewel::{BestPairs, Pair};
use crate::likelihood::Likelihood;
use crate::view::{Search, Value, View};

/// How many pairs of entry and jewel fact are kept for each chain to be listed. A pair has a chain
/// at least as good as any that follows it, so that one per chain is enough without hops of
/// several premises.
pub(crate) const PAIRS_PER_CHAIN: usize = 8;

/// Lists and counts the chains of a view, from its best pairs of entry and jewel fact.
pub(crate) fn list(
    view: &View<'_>,
    pairs: BestPairs,
    joined: &[bool],
    limits: ChainLimits,
) -> ChainList {
    let graph = view.graph;
    let targets: Vec<u32> =
        graph.jewels.iter().flat_map(|jewel| jewel.targets.iter().copied()).collect();
    let dropped = pairs.dropped;
    let links = Links::new(view, &targets);
    let mut finder = Finder { view, links, pairs: pairs.into_sorted(), dropped };
    let (chains, complete) = finder.find(limits);
    let total = count(view, &mut finder.links, joined, limits.count_work_max);
    ChainList { total: total.at_least(chains.len()), chains, complete }
}

/// A derivation in the making, in the order in which it is taken up.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Candidate {
    bound: Pair,
    partial: Partial,
}

/// What is known of an entry: what it holds, and the best value of each fact.
struct Start {
    held: Vec<u32>,
    values: Vec<Value>,
}

struct Finder<'v, 'g> {
    view: &'v View<'g>,
    links: Links<'v, 'g>,
    pairs: Vec<Pair>,
    dropped: bool,
}

impl Finder<'_, '_> {
    fn find(&mut self, limits: ChainLimits) -> (Vec<Chain>, bool) {
        let mut starts: BTreeMap<u32, Start> = BTreeMap::new();
        let mut search = Search::new(self.view);
        let mut open: BinaryHeap<Reverse<Candidate>> = BinaryHeap::new();
        let pairs = self.pairs.clone();
        let mut pairs = pairs.iter().peekable();
        // Each pair has a chain as good as itself, so that nothing beyond the last is listed.
        let last = limits.listed_max.checked_sub(1).and_then(|last| self.pairs.get(last)).copied();
        let mut chains = Vec::new();
        let mut complete = true;
        let mut work = 0;
        while chains.len() < limits.listed_max {
            let next = open.peek().map(|Reverse(candidate)| candidate.bound);
            if let Some(pair) = pairs.next_if(|pair| next.is_none_or(|next| **pair <= next)) {
                let start =
                    starts.entry(pair.entry).or_insert_with(|| self.start(&mut search, pair.entry));
                let partial = Partial::new(pair.target, &start.held);
                open.push(Reverse(Candidate { bound: *pair, partial }));
                continue;
            }
            let Some(Reverse(candidate)) = open.pop() else { break };
            let past_the_last = self.pairs.last().is_none_or(|last| candidate.bound > *last);
            if self.dropped && past_the_last {
                complete = false;
            }
            if candidate.partial.open.is_empty() {
                chains.push(self.chain(&candidate));
                continue;
            }
            work += candidate.partial.work(&mut self.links);
            if work > limits.search_work_max {
                return (chains, false);
            }
            if let Some(start) = starts.get(&candidate.bound.entry) {
                self.extend(&candidate, start, last, &mut open);
            }
        }
        let short = chains.len() < limits.listed_max;
        (chains, complete && !(short && self.dropped))
    }

    fn start(&self, search: &mut Search, entry: u32) -> Start {
        let graph = self.view.graph;
        let held = graph.held_numbers(graph.entries[index(entry)]);
        search.run(self.view, &held, |_, _| true);
        let values = (0..graph.facts.len()).map(|fact| search.value(number(fact))).collect();
        Start { held, values }
    }

    fn extend(
        &self,
        candidate: &Candidate,
        start: &Start,
        last: Option<Pair>,
        open: &mut BinaryHeap<Reverse<Candidate>>,
    ) {
        let derivable = |fact: u32| start.values[index(fact)] != Value::NEVER;
        for partial in candidate.partial.extended(&self.links, &start.held, derivable) {
            let value = self.value(&partial, start, candidate.bound.target);
            // What bounded the derivation before bounds it still.
            let bound = Pair { value: value.max(candidate.bound.value), ..candidate.bound };
            if last.is_none_or(|last| bound.value.cost() <= last.value.cost()) {
                open.push(Reverse(Candidate { bound, partial }));
            }
        }
    }

    /// The least value that completing the derivation can have; its value if it is complete.
    fn value(&self, partial: &Partial, start: &Start, target: u32) -> Value {
        let chosen = partial.by_conclusion(&self.links);
        let cost = |link: u32| self.links.link(link).cost;
        let open = |fact: u32| start.values[index(fact)].cost();
        let cost = evaluate(&self.links, &chosen, target, &start.held, &cost, &open);
        let path = partial.chosen.iter().all(|link| self.links.link(*link).premises.len() == 1);
        let missing = match partial.open.as_slice() {
            [fact] if path => start.values[index(*fact)].length(),
            several => number(several.len()),
        };
        let length = number(partial.chosen.len()).saturating_add(missing);
        cost.map_or(Value::NEVER, |cost| Value::new(cost, length))
    }

    fn chain(&self, candidate: &Candidate) -> Chain {
        let graph = self.view.graph;
        let Pair { value, entry, target } = candidate.bound;
        let chosen = candidate.partial.by_conclusion(&self.links);
        let entry = graph.entries[index(entry)];
        let held = graph.held_numbers(entry);
        let links = candidate.partial.chosen.iter().map(|link| self.links.link(*link));
        let all_sure = links.clone().all(|link| link.sure.is_some());
        let sure_cost = |link: u32| self.links.link(link).sure.unwrap_or(u64::MAX);
        let sure = evaluate(&self.links, &chosen, target, &held, &sure_cost, &|_| 0);
        Chain {
            entry,
            target: graph.facts[index(target)],
            likelihood: Likelihood::from_cost(value.cost()),
            sure: sure.filter(|_| all_sure).map(Likelihood::from_cost),
            hops: candidate.partial.hops(&self.links, target),
        }
    }
}

/// The cost of a derivation with the cost of each link and of each open fact given.
fn evaluate(
    links: &Links<'_, '_>,
    chosen: &Chosen,
    target: u32,
    held: &[u32],
    link_cost: &dyn Fn(u32) -> u64,
    open_cost: &dyn Fn(u32) -> u64,
) -> Option<u64> {
    let mut known = Known::default();
    let mut open = vec![(target, false)];
    while let Some((fact, premises_known)) = open.pop() {
        if known.get(fact).is_some() {
            continue;
        }
        if held.contains(&fact) {
            known.insert(fact, 0);
            continue;
        }
        let Some(place) = chosen.get(fact) else {
            known.insert(fact, open_cost(fact));
            continue;
        };
        let premises = &links.link(place).premises;
        if premises_known {
            let least = premises.iter().filter_map(|premise| known.get(*premise)).max();
            known.insert(fact, least?.saturating_add(link_cost(place)));
        } else {
            open.push((fact, true));
            open.extend(premises.iter().map(|premise| (*premise, false)));
        }
    }
    known.get(target)
}

/// The costs of facts that are known so far; few.
#[derive(Default)]
struct Known {
    costs: Vec<(u32, u64)>,
}

impl Known {
    fn get(&self, fact: u32) -> Option<u64> {
        self.costs.iter().find(|(known, _)| *known == fact).map(|(_, cost)| *cost)
    }

    fn insert(&mut self, fact: u32, cost: u64) {
        self.costs.push((fact, cost));
    }
}
