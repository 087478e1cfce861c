//! How far each breach spreads: B1, B and BR for every entry at once.

mod condense;
mod lanes;

use std::cmp::Reverse;

pub(crate) use condense::components;
pub(crate) use lanes::{Spread, spread};

use crate::csr::index;
use crate::fact::Subject;
use crate::graph::{Entry, HopGraph};
use crate::likelihood::real;
use crate::view::View;

/// A lower and an upper bound: from sure hops, and from all hops.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Bounds<T> {
    /// By sure hops only.
    pub lower: T,
    /// By sure and possible hops.
    pub upper: T,
}

/// What a breach reaches beyond its entry.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Reached {
    /// How many workloads and stores; a class of replicas is one.
    pub count: u32,
    /// The sum of their weights.
    pub weight: u64,
    /// That sum over the weights of all others, 0 to 1: BR(w).
    pub share: f64,
}

/// How far a breach of one entry spreads.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct BlastRadius {
    /// The entry.
    pub entry: Entry,
    /// In one hop: B1.
    pub one_hop: Bounds<Reached>,
    /// In any number of hops: B.
    pub any: Bounds<Reached>,
}

/// The blast radius of every entry: first the internet, then the workloads, greatest upper bound
/// first.
pub(crate) fn blasts(
    lower: &View<'_>,
    upper: &View<'_>,
    spreads: &Bounds<Spread>,
) -> Vec<BlastRadius> {
    let graph = upper.graph;
    let total = total_weight(graph);
    let mut met = Met::new(graph);
    let all = in_any_number(graph, spreads).into_iter();
    all.map(|(entry, any)| {
        let others = total - own_weight(graph, entry);
        let one_hop = Bounds {
            lower: first_hop(lower, entry, others, &mut met),
            upper: first_hop(upper, entry, others, &mut met),
        };
        BlastRadius { entry, one_hop, any }
    })
    .collect()
}

/// B of every entry, in the order of [`blasts`].
pub(crate) fn in_any_number(
    graph: &HopGraph,
    spreads: &Bounds<Spread>,
) -> Vec<(Entry, Bounds<Reached>)> {
    let total = total_weight(graph);
    let mut all = Vec::with_capacity(graph.entries.len());
    for (place, entry) in graph.entries.iter().enumerate() {
        let others = total - own_weight(graph, *entry);
        let any = |spread: &Spread| reached(spread.count[place], spread.weight[place], others);
        all.push((*entry, Bounds { lower: any(&spreads.lower), upper: any(&spreads.upper) }));
    }
    let rank = |(entry, any): &(Entry, Bounds<Reached>)| {
        let outside = *entry == Entry::Internet;
        (!outside, Reverse(any.upper.weight), Reverse(any.lower.weight), *entry)
    };
    // Shares have different denominators where weights differ, so they rank before weights.
    all.sort_by(|one, two| {
        let first = (two.0 == Entry::Internet).cmp(&(one.0 == Entry::Internet));
        let shares = two.1.upper.share.total_cmp(&one.1.upper.share);
        first.then(shares).then_with(|| rank(one).cmp(&rank(two)))
    });
    all
}

/// The sum of all weights.
pub(crate) fn total_weight(graph: &HopGraph) -> u64 {
    graph.counted().map(|(_, info)| info.together()).sum()
}

/// The weight of an entry's own workload.
pub(crate) fn own_weight(graph: &HopGraph, entry: Entry) -> u64 {
    entry.workload().map_or(0, |subject| u64::from(graph.weight(subject)))
}

fn first_hop(view: &View<'_>, entry: Entry, others: u64, met: &mut Met) -> Reached {
    let graph = view.graph;
    let held = graph.held_numbers(entry);
    met.next();
    let mut count = 0;
    let mut weight = 0;
    let mut add = |subject: Subject, met: &mut Met| {
        let Some(info) = graph.subjects.get(index(subject.0)) else { return };
        if info.kind.counts() && entry.workload() != Some(subject) && met.first(subject) {
            count += info.members;
            weight += info.together();
        }
    };
    for hop in held.iter().flat_map(|fact| view.leaving(*fact)) {
        let row = &graph.rows[index(*hop)];
        if !row.premises().iter().all(|premise| held.contains(premise)) {
            continue;
        }
        let arms =
            if row.silent { view.leaving(row.conclusion) } else { std::slice::from_ref(hop) };
        for arm in arms {
            if let Some(fact) = graph.fact(graph.rows[index(*arm)].conclusion) {
                add(fact.subject, met);
            }
        }
    }
    if entry == Entry::Internet {
        for fact in held.iter().filter_map(|fact| graph.fact(*fact)) {
            add(fact.subject, met);
        }
    } else if held.iter().any(|fact| view.leads_to_itself(*fact)) {
        let (more, together) = own_others(graph, entry);
        count += more;
        weight += together;
    }
    reached(count, weight, others)
}

/// The workloads that nothing tells apart from an entry's own: their number and weight.
pub(crate) fn own_others(graph: &HopGraph, entry: Entry) -> (u32, u64) {
    let info = entry.workload().and_then(|subject| graph.subjects.get(index(subject.0)));
    info.map_or((0, 0), |info| {
        let others = info.members.saturating_sub(1);
        (others, u64::from(others) * u64::from(info.weight))
    })
}

/// Which subjects were met, from entry to entry.
struct Met {
    marks: Vec<u32>,
    round: u32,
}

impl Met {
    fn new(graph: &HopGraph) -> Self {
        Self { marks: vec![0; graph.subjects.len()], round: 0 }
    }

    fn next(&mut self) {
        self.round += 1;
    }

    /// Whether a subject is met for the first time in this round.
    fn first(&mut self, subject: Subject) -> bool {
        let round = self.round;
        let mark = self.marks.get_mut(index(subject.0));
        mark.is_some_and(|mark| std::mem::replace(mark, round) != round)
    }
}

fn reached(count: u32, weight: u64, others: u64) -> Reached {
    let share = if others == 0 { 0.0 } else { real(u128::from(weight)) / real(u128::from(others)) };
    Reached { count, weight, share }
}
