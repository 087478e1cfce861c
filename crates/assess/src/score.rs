//! The score: how much a breach is expected to cost, for the estate and per segment.

use std::collections::BTreeSet;

use crate::blast::{Bounds, Spread, own_weight, spread, total_weight};
use crate::csr::index;
use crate::graph::{Entry, HopGraph};
use crate::hop::{Bound, Removable};
use crate::jewel::{BestPairs, Critical, jewel_values, pairs};
use crate::likelihood::{Likelihood, ONE, real};
use crate::view::{Value, View};

/// What a breach is expected to cost, 0 to 1.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Loss {
    /// `L_all`: the expected share of the estate's weight that is reached.
    pub all: f64,
    /// `L_jewel`: the expected likelihood that a jewel is reached; `all` where there are no jewels.
    pub jewel: f64,
}

impl Loss {
    /// The score of this loss, 0 to 100; 100 only where nothing is lost.
    pub fn score(self) -> f64 {
        let lost = self.all + self.jewel;
        let score = 100.0 * (1.0 - lost / 2.0);
        // A loss too small for a float to tell from none is a loss.
        if lost > 0.0 && score >= 100.0 { 100.0_f64.next_down() } else { score.max(0.0) }
    }
}

/// A score with what it is made of.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Score {
    /// The score: on sure and possible hops, 0 to 100, more is better.
    pub value: f64,
    /// The best case: on sure hops only.
    pub best_case: f64,
    /// The losses behind both: `upper` makes the score, `lower` the best case.
    pub loss: Bounds<Loss>,
}

impl Score {
    fn of(loss: Bounds<Loss>) -> Self {
        Self { value: loss.upper.score(), best_case: loss.lower.score(), loss }
    }
}

/// The scores of one segment.
#[derive(Clone, PartialEq, Debug)]
pub struct SegmentScore {
    /// The segment's name.
    pub name: String,
    /// Breaches outside (the internet and workloads that are no members), weights inside.
    pub inbound: Score,
    /// Breaches of members, weights outside.
    pub outbound: Score,
}

/// The scores of an estate and what was computed on the way.
#[derive(Clone, Debug)]
pub(crate) struct Measured {
    pub(crate) score: Score,
    pub(crate) segments: Vec<SegmentScore>,
    pub(crate) spread: Bounds<Spread>,
    pub(crate) pairs: BestPairs,
}

/// Scores a graph without what is removed, for instance to project a policy that only monitors.
pub fn score(graph: &HopGraph, removed: &BTreeSet<Removable>) -> Score {
    let lower = graph.view(Bound::Sure, removed);
    let upper = graph.view(Bound::All, removed);
    measure(&lower, &upper, 0).score
}

/// Scores a graph and keeps the `most` likeliest pairs of entry and jewel fact.
pub(crate) fn measure(lower: &View<'_>, upper: &View<'_>, most: usize) -> Measured {
    let graph = upper.graph;
    let inside = membership(graph);
    let mut best = BestPairs::new(most);
    let (low, low_spread) = losses(lower, &inside, &mut BestPairs::new(0));
    let (high, high_spread) = losses(upper, &inside, &mut best);
    let mut scores =
        low.into_iter().zip(high).map(|(lower, upper)| Score::of(Bounds { lower, upper }));
    let none = Score::of(Bounds::default());
    let score = scores.next().unwrap_or(none);
    let mut segments = Vec::with_capacity(graph.segments.len());
    for segment in &graph.segments {
        let inbound = scores.next().unwrap_or(none);
        let outbound = scores.next().unwrap_or(none);
        segments.push(SegmentScore { name: segment.name.clone(), inbound, outbound });
    }
    let spread = Bounds { lower: low_spread, upper: high_spread };
    Measured { score, segments, spread, pairs: best }
}

/// One scope of the score: the estate, or a segment in one direction. Sums are whole numbers, so
/// that no order of addition can change them.
#[derive(Clone, Copy, Debug)]
struct Scope {
    internet: bool,
    shares: u128,
    blast_internet: u128,
    blast: u128,
    jewel_weight: u128,
    jewel_internet: u128,
    jewel: u128,
}

/// Which scopes an entry and a place of weight belong to.
#[derive(Clone, Copy, Debug)]
enum Direction {
    Whole,
    Inbound(usize),
    Outbound(usize),
}

impl Direction {
    fn admits_entry(self, inside: &[Vec<bool>], entry: Entry) -> bool {
        let member = |segment: usize| {
            entry.workload().is_some_and(|subject| inside[segment][index(subject.0)])
        };
        match self {
            Self::Whole => true,
            Self::Inbound(segment) => !member(segment),
            Self::Outbound(segment) => member(segment),
        }
    }

    fn admits_weight(self, inside: &[Vec<bool>], subject: crate::Subject) -> bool {
        match self {
            Self::Whole => true,
            Self::Inbound(segment) => inside[segment][index(subject.0)],
            Self::Outbound(segment) => !inside[segment][index(subject.0)],
        }
    }
}

fn directions(graph: &HopGraph) -> Vec<Direction> {
    let segments = 0..graph.segments.len();
    let both = segments.flat_map(|at| [Direction::Inbound(at), Direction::Outbound(at)]);
    std::iter::once(Direction::Whole).chain(both).collect()
}

/// Per segment, whether each subject is a member.
fn membership(graph: &HopGraph) -> Vec<Vec<bool>> {
    let mut inside = vec![vec![false; graph.subjects.len()]; graph.segments.len()];
    for (row, segment) in inside.iter_mut().zip(&graph.segments) {
        for member in &segment.members {
            row[index(member.0)] = true;
        }
    }
    inside
}

fn losses(view: &View<'_>, inside: &[Vec<bool>], best: &mut BestPairs) -> (Vec<Loss>, Spread) {
    let graph = view.graph;
    let spread = spread(view, &graph.segments);
    let directions = directions(graph);
    let mut scopes: Vec<Scope> =
        directions.iter().map(|direction| open_scope(graph, inside, *direction)).collect();
    let weights: Vec<u128> =
        directions.iter().map(|direction| weight_of(graph, inside, *direction)).collect();
    for (place, entry) in graph.entries.iter().enumerate() {
        for (at, direction) in directions.iter().enumerate() {
            if direction.admits_entry(inside, *entry) {
                let (reached, own) = match direction {
                    Direction::Whole => (spread.weight[place], own_weight(graph, *entry)),
                    Direction::Inbound(segment) => (spread.inside[*segment][place], 0),
                    Direction::Outbound(segment) => {
                        (spread.weight[place] - spread.inside[*segment][place], 0)
                    }
                };
                let others = weights[at] - u128::from(own);
                scopes[at].add_blast(graph, *entry, fixed_ratio(u128::from(reached), others));
            }
        }
    }
    jewel_values(view, &spread.joined, None, None, &mut |place, jewel, values| {
        let entry = graph.entries[place];
        let subject = graph.jewels[jewel].subject;
        let value = weighed(graph, subject, values);
        for (scope, direction) in scopes.iter_mut().zip(&directions) {
            let entry_counts = direction.admits_entry(inside, entry);
            if entry_counts && direction.admits_weight(inside, subject) {
                scope.add_jewel(graph, entry, value);
            }
        }
        pairs(graph, place, jewel, values).for_each(|pair| best.offer(pair));
    });
    (scopes.iter().map(Scope::loss).collect(), spread)
}

/// The weight of a jewel times the likelihood of its likeliest fact, in fixed point.
fn weighed(graph: &HopGraph, subject: crate::Subject, values: &[Value]) -> u128 {
    let likeliest = values.iter().map(|value| value.cost()).min().unwrap_or(u64::MAX);
    let fixed = u128::from(Likelihood::from_cost(likeliest).fixed());
    u128::from(graph.weight(subject)) * fixed
}

/// What jewels add to the loss of a view, entry by entry, with what that rests on.
#[derive(Clone, Debug)]
pub(crate) struct JewelPart {
    by_entry: Vec<u128>,
    critical: Critical,
}

impl JewelPart {
    fn of(view: &View<'_>, joined: &[bool]) -> Self {
        let graph = view.graph;
        let mut critical = Critical::new(graph);
        let mut by_entry = vec![0; graph.entries.len()];
        jewel_values(view, joined, None, Some(&mut critical), &mut |place, jewel, values| {
            by_entry[place] += weighed(graph, graph.jewels[jewel].subject, values);
        });
        Self { by_entry, critical }
    }
}

/// The loss of the whole estate in a view, with what jewels add to it.
pub(crate) fn whole_loss(view: &View<'_>) -> (Loss, JewelPart) {
    let spread = spread(view, &[]);
    let part = JewelPart::of(view, &spread.joined);
    (whole_scope(view, &spread, &part.by_entry).loss(), part)
}

/// The score of the whole estate in a view of a graph of which more stood before, or `None` if it is
/// less than `least`. What jewels add is asked only of entries to which the supports that are `gone`
/// since matter, and only where the score may be enough without what those added.
pub(crate) fn score_after(
    view: &View<'_>,
    before: &JewelPart,
    gone: &[u32],
    least: Option<f64>,
) -> Option<f64> {
    let graph = view.graph;
    let spread = spread(view, &[]);
    let mut by_entry = before.by_entry.clone();
    if let Some(touched) = before.critical.touched(gone) {
        for (value, touched) in by_entry.iter_mut().zip(&touched) {
            *value = if *touched { 0 } else { *value };
        }
        let most = whole_scope(view, &spread, &by_entry).loss().score();
        if least.is_some_and(|least| most < least) {
            return None;
        }
        jewel_values(view, &spread.joined, Some(&touched), None, &mut |place, jewel, values| {
            by_entry[place] += weighed(graph, graph.jewels[jewel].subject, values);
        });
    }
    Some(whole_scope(view, &spread, &by_entry).loss().score())
}

fn whole_scope(view: &View<'_>, spread: &Spread, jewels: &[u128]) -> Scope {
    let graph = view.graph;
    let mut scope = open_scope(graph, &[], Direction::Whole);
    let total = weight_of(graph, &[], Direction::Whole);
    for (place, entry) in graph.entries.iter().enumerate() {
        let others = total - u128::from(own_weight(graph, *entry));
        let reached = u128::from(spread.weight[place]);
        scope.add_blast(graph, *entry, fixed_ratio(reached, others));
        scope.add_jewel(graph, *entry, jewels[place]);
    }
    scope
}

fn open_scope(graph: &HopGraph, inside: &[Vec<bool>], direction: Direction) -> Scope {
    let entries = graph.entries.iter().filter(|entry| direction.admits_entry(inside, **entry));
    let shares = entries
        .filter_map(|entry| entry.workload())
        .map(|subject| u128::from(graph.share(subject)))
        .sum();
    let jewels = graph.jewels.iter().map(|jewel| jewel.subject);
    let jewel_weight = jewels
        .filter(|subject| direction.admits_weight(inside, *subject))
        .map(|subject| u128::from(graph.weight(subject)))
        .sum();
    Scope {
        internet: !matches!(direction, Direction::Outbound(_)),
        shares,
        blast_internet: 0,
        blast: 0,
        jewel_weight,
        jewel_internet: 0,
        jewel: 0,
    }
}

fn weight_of(graph: &HopGraph, inside: &[Vec<bool>], direction: Direction) -> u128 {
    if matches!(direction, Direction::Whole) {
        return u128::from(total_weight(graph));
    }
    let counted = graph.counted().filter(|(subject, _)| direction.admits_weight(inside, *subject));
    counted.map(|(_, info)| u128::from(info.together())).sum()
}

impl Scope {
    fn add_blast(&mut self, graph: &HopGraph, entry: Entry, share: u128) {
        match entry {
            Entry::Internet => self.blast_internet += share,
            Entry::Workload(subject) => self.blast += u128::from(graph.share(subject)) * share,
        }
    }

    fn add_jewel(&mut self, graph: &HopGraph, entry: Entry, value: u128) {
        match entry {
            Entry::Internet => self.jewel_internet += value,
            Entry::Workload(subject) => self.jewel += u128::from(graph.share(subject)) * value,
        }
    }

    fn loss(&self) -> Loss {
        let one = real(u128::from(ONE));
        let all = self.blend(real(self.blast_internet) / one, real(self.blast) / one);
        if self.jewel_weight == 0 {
            return Loss { all, jewel: all };
        }
        let most = real(self.jewel_weight) * one;
        Loss { all, jewel: self.blend(real(self.jewel_internet) / most, real(self.jewel) / most) }
    }

    /// Half for the internet and half for the workloads by their shares; where there is only one
    /// of the two, all of it.
    fn blend(&self, internet: f64, workloads: f64) -> f64 {
        if self.shares == 0 {
            return internet;
        }
        let workloads = workloads / real(self.shares);
        if self.internet { f64::midpoint(internet, workloads) } else { workloads }
    }
}

/// A ratio in fixed point; above 0 where `part` is, 0 where there is no whole.
fn fixed_ratio(part: u128, whole: u128) -> u128 {
    if part == 0 || whole == 0 {
        return 0;
    }
    (part * u128::from(ONE) / whole).max(1)
}
