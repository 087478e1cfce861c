//! The values of facts from several entries at once.
//!
//! Facts are taken component by component in the order of hops, and within a component by the
//! likeliest value that changed for some entry; that value is final. A hop is looked at for all
//! entries of a batch together, which costs little more than looking at it for one.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::Critical;
use crate::blast::components;
use crate::csr::{Rows, index, number};
use crate::graph::NONE;
use crate::view::{Value, View};

/// How many entries make a batch.
pub(super) const LANES: usize = 16;
type Lanes = [Value; LANES];
const NEVER: Lanes = [Value::NEVER; LANES];

/// A hop as one of its premises sees it; facts by their places in the order.
#[derive(Clone, Copy, Debug)]
struct Step {
    conclusion: u32,
    /// The other premises; the premise itself where there are fewer.
    others: [u32; 2],
    several: bool,
    adds: Value,
}

/// The hops that matter to some targets, laid out for going through them in order.
#[derive(Debug)]
pub(super) struct Forward {
    /// The place of each fact; `NONE` where it matters to no target.
    place_of: Vec<u32>,
    /// Where each component ends.
    ends: Vec<usize>,
    starts: Vec<usize>,
    steps: Vec<Step>,
    /// The support of each step's hop.
    supports: Vec<u32>,
    /// The steps into each fact, with the premises from which they are taken; made when asked for.
    arriving: Option<Rows>,
    from: Vec<u32>,
    values: Vec<Lanes>,
    /// The likeliest value of each fact that its hops have not carried on; never, if all have.
    waiting: Vec<Value>,
}

/// Facts of one component whose hops are to be taken, by the values that wait there.
type Open = BinaryHeap<Reverse<(Value, usize)>>;

impl Forward {
    pub(super) fn new(view: &View<'_>, targets: &[u32]) -> Self {
        let facts = view.graph.nodes();
        let relevant = view.relevant(targets);
        let mut edges = Vec::new();
        for fact in 0..number(facts) {
            for hop in view.leaving(fact) {
                edges.push((fact, view.graph.rows[index(*hop)].conclusion));
            }
        }
        let (component_of, count) = components(&Rows::gather(facts, &edges), facts);
        let mut order: Vec<u32> =
            (0..number(facts)).filter(|fact| relevant[index(*fact)]).collect();
        order.sort_by_key(|fact| (component_of[index(*fact)], *fact));
        let mut place_of = vec![NONE; facts];
        let mut ends = vec![0; count];
        for (place, fact) in order.iter().enumerate() {
            place_of[index(*fact)] = number(place);
            ends[index(component_of[index(*fact)])] = place + 1;
        }
        ends.retain(|end| *end > 0);
        let mut forward = Self {
            place_of,
            ends,
            starts: vec![0],
            steps: Vec::new(),
            supports: Vec::new(),
            arriving: None,
            from: Vec::new(),
            values: vec![NEVER; order.len()],
            waiting: vec![Value::NEVER; order.len()],
        };
        for fact in order {
            forward.lay_out(view, fact);
        }
        forward
    }

    fn lay_out(&mut self, view: &View<'_>, fact: u32) {
        let place = self.place_of[index(fact)];
        for hop in view.leaving(fact) {
            let row = view.reduced(*hop);
            let conclusion = self.place_of[index(row.conclusion)];
            let needed = row.premises().contains(&fact);
            if !needed || conclusion == NONE || conclusion == place {
                continue;
            }
            let mut others = [place; 2];
            let rest = row.premises().iter().filter(|premise| **premise != fact);
            for (slot, premise) in others.iter_mut().zip(rest) {
                *slot = self.place_of[index(*premise)];
            }
            let several = row.premises().len() > 1;
            self.steps.push(Step { conclusion, others, several, adds: row.adds() });
            self.supports.push(row.support);
            self.from.push(place);
        }
        self.starts.push(self.steps.len());
    }

    /// Values every fact from up to [`LANES`] entries, by what each holds.
    pub(super) fn run(&mut self, held: &[Vec<u32>]) {
        self.values.fill(NEVER);
        for (lane, facts) in held.iter().enumerate().take(LANES) {
            for fact in facts {
                let place = self.place_of[index(*fact)];
                if place != NONE {
                    self.values[index(place)][lane] = Value::HELD;
                    self.waiting[index(place)] = Value::HELD;
                }
            }
        }
        let mut open = Open::new();
        let mut start = 0;
        for component in 0..self.ends.len() {
            let end = self.ends[component];
            for place in start..end {
                if self.waiting[place] != Value::NEVER {
                    open.push(Reverse((self.waiting[place], place)));
                }
            }
            while let Some(Reverse((value, place))) = open.pop() {
                if self.waiting[place] == value {
                    self.waiting[place] = Value::NEVER;
                    self.pass(place, end, &mut open);
                }
            }
            start = end;
        }
    }

    /// Takes every hop from a fact; conclusions before `end` are taken up in this component.
    fn pass(&mut self, place: usize, end: usize, open: &mut Open) {
        for step in &self.steps[self.starts[place]..self.starts[place + 1]] {
            let mut lanes = self.values[place];
            if step.several {
                for other in step.others {
                    worst(&mut lanes, &self.values[index(other)]);
                }
            }
            let conclusion = index(step.conclusion);
            let changed = better(&mut self.values[conclusion], &lanes, step.adds);
            if changed < self.waiting[conclusion] {
                self.waiting[conclusion] = changed;
                if conclusion < end {
                    open.push(Reverse((changed, conclusion)));
                }
            }
        }
    }

    /// Marks the supports of the hops on which values of `targets` rest in the last run.
    pub(super) fn mark(&mut self, targets: &[u32], batch: &[usize], critical: &mut Critical) {
        if self.arriving.is_none() {
            let steps = self.steps.iter().enumerate();
            let pairs: Vec<(u32, u32)> =
                steps.map(|(place, step)| (step.conclusion, number(place))).collect();
            self.arriving = Some(Rows::gather(self.values.len(), &pairs));
        }
        let Some(arriving) = &self.arriving else { return };
        let mut matters = vec![0_u32; self.values.len()];
        let supports = self.supports.iter().max().map_or(0, |last| index(*last) + 1);
        let mut marked = vec![0_u32; supports];
        let mut open: Vec<u32> = Vec::new();
        for target in targets {
            let place = self.place_of[index(*target)];
            if place != NONE {
                matters[index(place)] = u32::MAX;
                open.push(place);
            }
        }
        while let Some(place) = open.pop() {
            for step in arriving.row(place) {
                let from = self.from[index(*step)];
                let tight = self.tight(index(*step)) & matters[index(place)];
                if tight == 0 {
                    continue;
                }
                let support = index(self.supports[index(*step)]);
                let before = marked[support];
                marked[support] |= tight;
                for (lane, place) in batch.iter().enumerate() {
                    if (tight & !before) >> lane & 1 == 1 {
                        critical.add(number(support), number(*place));
                    }
                }
                if matters[index(from)] | tight != matters[index(from)] {
                    matters[index(from)] |= tight;
                    open.push(from);
                }
            }
        }
    }

    /// The lanes in which a step gives its conclusion the value that it has.
    fn tight(&self, place: usize) -> u32 {
        let step = &self.steps[place];
        let mut lanes = self.values[index(self.from[place])];
        if step.several {
            for other in step.others {
                worst(&mut lanes, &self.values[index(other)]);
            }
        }
        let mut tight = 0;
        let conclusion = &self.values[index(step.conclusion)];
        for (lane, (value, premise)) in conclusion.iter().zip(&lanes).enumerate() {
            if *value != Value::NEVER && premise.plus(step.adds) == *value {
                tight |= 1 << lane;
            }
        }
        tight
    }

    /// The value of a fact from the entry in this lane of the last run.
    pub(super) fn value(&self, fact: u32, lane: usize) -> Value {
        let place = self.place_of[index(fact)];
        if place == NONE { Value::NEVER } else { self.values[index(place)][lane] }
    }
}

fn worst(lanes: &mut Lanes, others: &Lanes) {
    for (value, other) in lanes.iter_mut().zip(others) {
        *value = (*value).max(*other);
    }
}

/// Takes what is better after a hop; gives the likeliest value that changed, or never.
fn better(values: &mut Lanes, premises: &Lanes, adds: Value) -> Value {
    let mut changed = Value::NEVER;
    for (value, premise) in values.iter_mut().zip(premises) {
        let next = premise.plus(adds);
        changed = if next < *value { changed.min(next) } else { changed };
        *value = (*value).min(next);
    }
    changed
}
