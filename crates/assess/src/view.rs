//! The hops that count for one question: those that a bound admits and that removals leave.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

use crate::csr::{Rows, index, number};
use crate::fact::Fact;
use crate::graph::{Entry, HopGraph, HopRow, NONE};
use crate::hop::{Bound, Removable};
use crate::likelihood::Likelihood;

/// How far back it is looked for a premise on which another premise rests.
const REST_DEPTH_MAX: usize = 4;

/// A hop graph under a bound and without what was removed.
#[derive(Clone, Debug)]
pub struct View<'g> {
    pub(crate) graph: &'g HopGraph,
    all: bool,
    /// For each of the graph's supports the alternative that stands; `NONE` if none does.
    standing: Vec<u32>,
    leaving: Rows,
    arriving: Rows,
    /// The hops of several premises, by number, without premises that another premise always rests
    /// on. From an entry, such a premise is gained whenever the other is, and is at least as likely.
    reduced: Vec<(u32, HopRow)>,
}

impl<'g> View<'g> {
    pub(crate) fn new(graph: &'g HopGraph, bound: Bound, removed: &BTreeSet<Removable>) -> Self {
        let removed = Removed::new(graph, removed);
        let standing = graph.supports.iter().map(|support| removed.left(support)).collect();
        let all = bound == Bound::All;
        let mut view = Self {
            graph,
            all,
            standing,
            leaving: Rows::default(),
            arriving: Rows::default(),
            reduced: Vec::new(),
        };
        let mut leaving = Vec::with_capacity(graph.rows.len());
        let mut arriving = Vec::with_capacity(graph.rows.len());
        for (place, row) in graph.rows.iter().enumerate() {
            if view.counts(row) {
                leaving.extend(row.premises().iter().map(|premise| (*premise, number(place))));
                arriving.push((row.conclusion, number(place)));
            }
        }
        view.leaving = Rows::gather(graph.nodes(), &leaving);
        view.arriving = Rows::gather(graph.nodes(), &arriving);
        let several = graph.several.iter();
        view.reduced = several.map(|hop| (*hop, view.reduce(&graph.rows[index(*hop)]))).collect();
        view
    }

    /// The supports that stand here and would not if all of `removed` were taken away.
    pub(crate) fn gone(&self, removed: &BTreeSet<Removable>) -> Vec<u32> {
        let resting = &self.graph.resting;
        let mut touched: Vec<u32> =
            removed.iter().flat_map(|thing| resting.row(thing.0)).copied().collect();
        touched.sort_unstable();
        touched.dedup();
        let removed = Removed::new(self.graph, removed);
        touched.retain(|support| {
            let stands = self.standing[index(*support)] != NONE;
            stands && removed.left(&self.graph.supports[index(*support)]) == NONE
        });
        touched
    }

    fn counts(&self, row: &HopRow) -> bool {
        (row.sure || self.all) && self.standing[index(row.support)] != NONE
    }

    fn reduce(&self, row: &HopRow) -> HopRow {
        // One after the other: of premises that rest on one another in a circle, one must stay.
        let mut reduced = *row;
        for premise in row.premises() {
            let mut others = reduced.premises().iter().filter(|other| *other != premise);
            if others.any(|other| self.rests_on(*other, *premise, REST_DEPTH_MAX)) {
                reduced = reduced.keeping(|kept| kept != *premise);
            }
        }
        reduced
    }

    /// Whether every derivation of `fact` from an entry is known to derive `other` first.
    fn rests_on(&self, fact: u32, other: u32, depth: usize) -> bool {
        if depth == 0 || self.graph.is_held(fact) || self.arriving(fact).is_empty() {
            return false;
        }
        self.arriving(fact).iter().all(|hop| {
            let premises = self.graph.rows[index(*hop)].premises();
            let rests =
                |premise: &u32| *premise == other || self.rests_on(*premise, other, depth - 1);
            !premises.contains(&fact) && premises.iter().any(rests)
        })
    }

    /// Everything derivable from what `entry` holds: F(e), with what it holds.
    pub fn derive(&self, entry: Entry) -> BTreeSet<Fact> {
        self.derive_from(&self.graph.held(entry))
    }

    /// Everything derivable from some facts, with the facts themselves.
    pub fn derive_from(&self, held: &[Fact]) -> BTreeSet<Fact> {
        let numbers: Vec<u32> = held.iter().filter_map(|fact| self.graph.number(*fact)).collect();
        let reached = self.closure(&numbers);
        let facts = self.graph.facts.iter().zip(reached);
        let mut derived: BTreeSet<Fact> =
            facts.filter(|(_, reached)| *reached).map(|(fact, _)| *fact).collect();
        derived.extend(held);
        derived
    }

    /// What one hop from `entry` adds.
    pub fn one_hop(&self, entry: Entry) -> BTreeSet<Fact> {
        let held = self.graph.held_numbers(entry);
        let first = self.first(&held);
        first.into_iter().filter_map(|fact| self.graph.fact(fact)).collect()
    }

    /// The greatest likelihood of each derivable fact, with the derivation that attains it.
    pub fn likelihoods(&self, entry: Entry) -> Likelihoods<'g> {
        let mut search = Search::new(self);
        search.run(self, &self.graph.held_numbers(entry), |_, _| true);
        Likelihoods { graph: self.graph, marks: search.into_marks() }
    }

    /// Whether a hop counts in this view.
    pub(crate) fn stands(&self, hop: u32) -> bool {
        self.counts(&self.graph.rows[index(hop)])
    }

    /// A hop with the premises that matter to breaches that begin at an entry.
    pub(crate) fn reduced(&self, hop: u32) -> &HopRow {
        let row = &self.graph.rows[index(hop)];
        if row.premises().len() == 1 {
            return row;
        }
        match self.reduced.binary_search_by_key(&hop, |(number, _)| *number) {
            Ok(place) => &self.reduced[place].1,
            Err(_) => row,
        }
    }

    /// What holds a standing hop up.
    pub(crate) fn holding_up(&self, hop: u32) -> Option<&BTreeSet<Removable>> {
        let support = index(self.graph.rows[index(hop)].support);
        self.graph.supports[support].get(index(self.standing[support]))
    }

    /// The standing hops that have this fact as a premise.
    pub(crate) fn leaving(&self, fact: u32) -> &[u32] {
        self.leaving.row(fact)
    }

    /// The standing hops that conclude this fact.
    pub(crate) fn arriving(&self, fact: u32) -> &[u32] {
        self.arriving.row(fact)
    }

    /// The facts that hops with all premises in `held` conclude, beyond `held`; sorted.
    pub(crate) fn first(&self, held: &[u32]) -> Vec<u32> {
        let mut first = Vec::new();
        for hop in held.iter().flat_map(|fact| self.leaving(*fact)) {
            let row = &self.graph.rows[index(*hop)];
            if !row.premises().iter().all(|premise| held.contains(premise)) {
                continue;
            }
            if row.silent {
                let ends = self.leaving(row.conclusion).iter();
                first.extend(ends.map(|end| self.graph.rows[index(*end)].conclusion));
            } else {
                first.push(row.conclusion);
            }
        }
        first.sort_unstable();
        first.dedup();
        first.retain(|fact| !held.contains(fact));
        first
    }

    /// Whether a hop leads from a fact to itself: from one workload to another that nothing tells
    /// apart.
    pub(crate) fn leads_to_itself(&self, fact: u32) -> bool {
        self.leaving(fact).iter().any(|hop| {
            let row = &self.graph.rows[index(*hop)];
            row.conclusion == fact && row.premises() == [fact]
        })
    }

    /// Which facts are derivable from `held`.
    pub(crate) fn closure(&self, held: &[u32]) -> Vec<bool> {
        let mut reached = vec![false; self.graph.nodes()];
        let mut met = vec![0_u8; self.graph.rows.len()];
        let mut open = Vec::new();
        for fact in held {
            if !reached[index(*fact)] {
                reached[index(*fact)] = true;
                open.push(*fact);
            }
        }
        while let Some(fact) = open.pop() {
            for hop in self.leaving(fact) {
                let row = &self.graph.rows[index(*hop)];
                met[index(*hop)] += 1;
                let fires = usize::from(met[index(*hop)]) == row.premises().len();
                if fires && !reached[index(row.conclusion)] {
                    reached[index(row.conclusion)] = true;
                    open.push(row.conclusion);
                }
            }
        }
        reached
    }

    /// Which facts matter to some of `targets`: those from which hops, taking any one premise for
    /// all of them, lead there.
    pub(crate) fn relevant(&self, targets: &[u32]) -> Vec<bool> {
        let mut relevant = vec![false; self.graph.nodes()];
        let mut open: Vec<u32> = targets.to_vec();
        while let Some(fact) = open.pop() {
            if std::mem::replace(&mut relevant[index(fact)], true) {
                continue;
            }
            for hop in self.arriving(fact) {
                open.extend(self.graph.rows[index(*hop)].premises());
            }
        }
        relevant
    }

    /// The least value from each fact to the nearest of `targets`, backwards. Hops of several
    /// premises are left out, or, when `relaxed`, taken as if any one premise were enough.
    pub(crate) fn backwards(&self, targets: &[u32], relaxed: bool) -> Vec<Value> {
        let mut values = vec![Value::NEVER; self.graph.nodes()];
        let mut open = BinaryHeap::new();
        for target in targets {
            values[index(*target)] = Value::HELD;
            open.push(Reverse((Value::HELD, *target)));
        }
        while let Some(Reverse((value, fact))) = open.pop() {
            if value > values[index(fact)] {
                continue;
            }
            for hop in self.arriving(fact) {
                let row = self.reduced(*hop);
                if row.premises().len() > 1 && !relaxed {
                    continue;
                }
                let before = value.plus(row.adds());
                for premise in row.premises() {
                    if before < values[index(*premise)] {
                        values[index(*premise)] = before;
                        open.push(Reverse((before, *premise)));
                    }
                }
            }
        }
        values
    }
}

/// What was removed, to be looked up.
struct Removed {
    things: Vec<bool>,
}

impl Removed {
    fn new(graph: &HopGraph, removed: &BTreeSet<Removable>) -> Self {
        let mut things = vec![false; graph.removables.len()];
        for thing in removed {
            if let Some(entry) = things.get_mut(index(thing.0)) {
                *entry = true;
            }
        }
        Self { things }
    }

    /// The first alternative that stands; `NONE` if none does.
    fn left(&self, support: &[BTreeSet<Removable>]) -> u32 {
        let gone = |thing: &Removable| self.things.get(index(thing.0)) == Some(&true);
        let left = support.iter().position(|things| !things.iter().any(gone));
        left.map_or(NONE, number)
    }
}

/// How dear a derivation is: the logarithmic cost of its likelihood, then its length along the
/// premises that decide the likelihood, in one number. Less is likelier.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Value(u64);

impl Value {
    /// What is held from the start.
    pub(crate) const HELD: Self = Self(0);
    /// What is not derivable.
    pub(crate) const NEVER: Self = Self(u64::MAX);
    const LENGTH_BITS: u32 = 16;

    /// The value of a derivation of this cost and length. What does not fit is still derivable.
    pub(crate) fn new(cost: u64, length: u32) -> Self {
        let cost = cost.min(u64::MAX >> Self::LENGTH_BITS);
        let packed = (cost << Self::LENGTH_BITS).saturating_add(u64::from(length));
        Self(packed.min(Self::NEVER.0 - 1))
    }

    /// The value after hops of the value `more`; never, if this is never.
    #[inline]
    pub(crate) const fn plus(self, more: Self) -> Self {
        let sum = self.0.saturating_add(more.0);
        if self.0 == u64::MAX || sum < u64::MAX { Self(sum) } else { Self(u64::MAX - 1) }
    }

    pub(crate) const fn cost(self) -> u64 {
        self.0 >> Self::LENGTH_BITS
    }

    pub(crate) const fn length(self) -> u32 {
        // Only the low bits remain.
        (self.0 & ((1 << Self::LENGTH_BITS) - 1)) as u32
    }
}

/// What a search knows of a fact.
#[derive(Clone, Copy, Debug)]
struct Mark {
    value: Value,
    hop: u32,
    settled: bool,
}

const UNSEEN: Mark = Mark { value: Value::NEVER, hop: NONE, settled: false };

/// Knuth's generalisation of Dijkstra's algorithm over hops, reusable from entry to entry.
#[derive(Clone, Debug)]
pub(crate) struct Search {
    marks: Vec<Mark>,
    met: Vec<u8>,
    seen: Vec<u32>,
    fired: Vec<u32>,
    open: BinaryHeap<Reverse<(Value, u32)>>,
}

impl Search {
    pub(crate) fn new(view: &View<'_>) -> Self {
        Self {
            marks: vec![UNSEEN; view.graph.nodes()],
            met: vec![0; view.graph.rows.len()],
            seen: Vec::new(),
            fired: Vec::new(),
            open: BinaryHeap::new(),
        }
    }

    /// Values every fact derivable from `held`. A conclusion is left out where `admit`
    /// refuses the fact at its cost.
    pub(crate) fn run(&mut self, view: &View<'_>, held: &[u32], admit: impl Fn(u32, u64) -> bool) {
        self.reset();
        for fact in held {
            self.offer(*fact, Value::HELD, NONE);
        }
        while let Some(Reverse((value, fact))) = self.open.pop() {
            let mark = &mut self.marks[index(fact)];
            if mark.settled || value > mark.value {
                continue;
            }
            mark.settled = true;
            for hop in view.leaving(fact) {
                let row = &view.graph.rows[index(*hop)];
                let premises = row.premises().len();
                if premises > 1 {
                    let met = &mut self.met[index(*hop)];
                    if *met == 0 {
                        self.fired.push(*hop);
                    }
                    *met += 1;
                    if usize::from(*met) < premises {
                        continue;
                    }
                }
                // Facts settle from the likeliest on, so this premise is the least likely one.
                let next = value.plus(row.adds());
                if admit(row.conclusion, next.cost()) {
                    self.offer(row.conclusion, next, *hop);
                }
            }
        }
    }

    /// The value of a fact; [`Value::NEVER`] when it is not derivable.
    pub(crate) fn value(&self, fact: u32) -> Value {
        self.marks[index(fact)].value
    }

    /// The rows of the best derivation of a fact, premises first; of a fan's hop both arms.
    pub(crate) fn derivation(&self, graph: &HopGraph, fact: u32) -> Vec<u32> {
        trace(graph, &self.marks, fact)
    }

    fn into_marks(self) -> Vec<Mark> {
        self.marks
    }

    fn offer(&mut self, fact: u32, value: Value, hop: u32) {
        let mark = &mut self.marks[index(fact)];
        if mark.settled || (value, hop) >= (mark.value, mark.hop) {
            return;
        }
        if mark.value == Value::NEVER {
            self.seen.push(fact);
        }
        if value < mark.value {
            self.open.push(Reverse((value, fact)));
        }
        mark.value = value;
        mark.hop = hop;
    }

    fn reset(&mut self) {
        for fact in self.seen.drain(..) {
            self.marks[index(fact)] = UNSEEN;
        }
        for hop in self.fired.drain(..) {
            self.met[index(hop)] = 0;
        }
        self.open.clear();
    }
}

/// Follows the hops back from a fact; premises come before what they lead to.
fn trace(graph: &HopGraph, marks: &[Mark], fact: u32) -> Vec<u32> {
    let mut hops = Vec::new();
    let mut done: BTreeSet<u32> = BTreeSet::new();
    let mut open = vec![(fact, false)];
    while let Some((fact, premises_done)) = open.pop() {
        let hop = marks[index(fact)].hop;
        if hop == NONE || (!premises_done && done.contains(&fact)) {
            continue;
        }
        if premises_done {
            if done.insert(fact) {
                hops.push(hop);
            }
            continue;
        }
        open.push((fact, true));
        let premises = graph.rows[index(hop)].premises();
        open.extend(premises.iter().rev().map(|premise| (*premise, false)));
    }
    hops
}

/// The numbers of the hops that rows make: an arm into the middle of a fan goes with the arm out
/// of it that follows it.
pub(crate) fn paired(graph: &HopGraph, rows: &[u32]) -> Vec<usize> {
    let mut sources: Vec<(u32, u32)> = Vec::new();
    let mut hops = Vec::new();
    for hop in rows {
        let row = &graph.rows[index(*hop)];
        let middle = row.premises().first().filter(|premise| graph.is_middle(**premise));
        if row.silent {
            sources.push((row.conclusion, *hop));
        } else if let Some(middle) = middle {
            let source = sources.iter().rev().find(|(conclusion, _)| conclusion == middle);
            hops.extend(source.map(|(_, source)| graph.paired(*source, *hop)));
        } else {
            hops.push(index(*hop));
        }
    }
    hops
}

/// The likelihoods of everything derivable from one entry: P(e, f).
#[derive(Clone, Debug)]
pub struct Likelihoods<'g> {
    graph: &'g HopGraph,
    marks: Vec<Mark>,
}

impl Likelihoods<'_> {
    /// P(e, fact); `None` when the fact is not derivable.
    pub fn get(&self, fact: Fact) -> Option<Likelihood> {
        let mark = self.marks[index(self.graph.number(fact)?)];
        (mark.value != Value::NEVER).then(|| Likelihood::from_cost(mark.value.cost()))
    }

    /// The hops of the best derivation of a fact, premises first, as places in
    /// [`HopGraph::hops`]; empty when the fact is held or not derivable.
    pub fn derivation(&self, fact: Fact) -> Vec<usize> {
        let Some(fact) = self.graph.number(fact) else { return Vec::new() };
        paired(self.graph, &trace(self.graph, &self.marks, fact))
    }

    /// Every derivable fact with its likelihood, in the order of facts.
    pub fn iter(&self) -> impl Iterator<Item = (Fact, Likelihood)> {
        let marked = self.graph.facts.iter().zip(&self.marks);
        marked
            .filter(|(_, mark)| mark.value != Value::NEVER)
            .map(|(fact, mark)| (*fact, Likelihood::from_cost(mark.value.cost())))
    }
}
