//! The fixpoints of many entries at once, one bit per entry.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

use super::condense::{Condensed, condense};
use super::own_others;
use crate::csr::{index, number};
use crate::fact::Subject;
use crate::graph::{Entry, HopGraph, NONE, SegmentMembers};
use crate::view::View;

/// How many words of 64 entries are carried at once.
const WORDS: usize = 8;
const LANES: usize = WORDS * 64;
type Lanes = [u64; WORDS];
const EMPTY: Lanes = [0; WORDS];

/// For each entry, in the graph's order, what its breach reaches beyond itself.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Spread {
    /// How many subjects.
    pub(crate) count: Vec<u32>,
    /// The sum of their weights.
    pub(crate) weight: Vec<u64>,
    /// Per segment and entry, the weight reached inside the segment.
    pub(crate) inside: Vec<Vec<u64>>,
    /// Whether a hop of several premises takes part in what the entry derives.
    pub(crate) joined: Vec<bool>,
}

/// Derives what each entry reaches, in all and inside of each of `segments`.
pub(crate) fn spread(view: &View<'_>, segments: &[SegmentMembers]) -> Spread {
    let graph = view.graph;
    let condensed = condense(view);
    let members: Vec<Vec<usize>> = segment_members(graph, segments);
    let inside: Vec<BTreeSet<Subject>> =
        segments.iter().map(|segment| segment.members.clone()).collect();
    let mut spread = Spread { inside: vec![Vec::new(); members.len()], ..Spread::default() };
    let mut lane_of = vec![NONE; graph.subjects.len()];
    let mut masks = vec![EMPTY; condensed.count];
    let joint_hops = joint_hops(view);
    for batch in graph.entries.chunks(LANES) {
        masks.fill(EMPTY);
        for (lane, entry) in batch.iter().enumerate() {
            if let Some(subject) = entry.workload() {
                lane_of[index(subject.0)] = number(lane);
            }
            for fact in graph.held_numbers(*entry) {
                set(&mut masks[index(condensed.component_of[index(fact)])], lane);
            }
        }
        propagate(&condensed, &mut masks);
        let reached = reached(graph, &condensed, &masks, &lane_of);
        let first = spread.count.len();
        tally(graph, &reached, &members, batch.len(), &mut spread);
        add_own(view, &condensed, &masks, (batch, first), &inside, &mut spread);
        let joined = joined(view, &joint_hops, &condensed, &masks);
        spread.joined.extend((0..batch.len()).map(|lane| get(&joined, lane)));
        for subject in batch.iter().filter_map(|entry| entry.workload()) {
            lane_of[index(subject.0)] = NONE;
        }
    }
    spread
}

/// Carries the lanes along until nothing changes.
fn propagate(condensed: &Condensed, masks: &mut [Lanes]) {
    let mut waiting = vec![false; condensed.count];
    let mut open = BinaryHeap::new();
    for (place, mask) in masks.iter().enumerate() {
        if *mask != EMPTY {
            waiting[place] = true;
            open.push(Reverse(number(place)));
        }
    }
    // The lowest component first: without hops of several premises each is met once.
    while let Some(Reverse(place)) = open.pop() {
        waiting[index(place)] = false;
        let mask = masks[index(place)];
        let mut pass = |target: u32, mask: &Lanes, masks: &mut [Lanes]| {
            if add(&mut masks[index(target)], mask) && !waiting[index(target)] {
                waiting[index(target)] = true;
                open.push(Reverse(target));
            }
        };
        for target in condensed.leaving.row(place) {
            pass(*target, &mask, masks);
        }
        for joint in condensed.joints_of.row(place) {
            let joint = &condensed.joints[index(*joint)];
            let mut all = mask;
            for premise in joint.premises() {
                keep(&mut all, &masks[index(*premise)]);
            }
            pass(joint.conclusion, &all, masks);
        }
    }
}

/// A subject that counts, by the lanes that reach it.
struct Met {
    lanes: Lanes,
    /// How many workloads it stands for, and their weight together.
    members: u32,
    weight: u64,
}

/// For each counted subject the lanes that reach it, without the lane that begins there.
fn reached(graph: &HopGraph, condensed: &Condensed, masks: &[Lanes], lane_of: &[u32]) -> Vec<Met> {
    let mut reached = Vec::new();
    for (subject, info) in graph.counted() {
        let mut lanes = EMPTY;
        for fact in graph.reach_facts(subject) {
            add(&mut lanes, &masks[index(condensed.component_of[index(fact)])]);
        }
        let own = lane_of[index(subject.0)];
        if own != NONE {
            lanes[index(own) / 64] &= !(1 << (own % 64));
        }
        reached.push(Met { lanes, members: info.members, weight: info.together() });
    }
    reached
}

fn tally(
    graph: &HopGraph,
    reached: &[Met],
    members: &[Vec<usize>],
    entries: usize,
    spread: &mut Spread,
) {
    debug_assert!(graph.counted().count() == reached.len());
    let mut count = Planes::default();
    let mut weight = Planes::default();
    for met in reached {
        count.add(&met.lanes, u64::from(met.members));
        weight.add(&met.lanes, met.weight);
    }
    spread.count.extend((0..entries).map(|lane| narrow(count.total(lane))));
    spread.weight.extend((0..entries).map(|lane| weight.total(lane)));
    for (inside, members) in spread.inside.iter_mut().zip(members) {
        let mut weight = Planes::default();
        for member in members {
            weight.add(&reached[*member].lanes, reached[*member].weight);
        }
        inside.extend((0..entries).map(|lane| weight.total(lane)));
    }
}

/// Adds, for entries that stand for several workloads, the others where a breach of one comes back
/// to them.
fn add_own(
    view: &View<'_>,
    condensed: &Condensed,
    masks: &[Lanes],
    (batch, first): (&[Entry], usize),
    members: &[BTreeSet<Subject>],
    spread: &mut Spread,
) {
    for (lane, entry) in batch.iter().enumerate() {
        let (count, weight) = own_others(view.graph, *entry);
        if count == 0 || !comes_back(view, condensed, masks, *entry, lane) {
            continue;
        }
        spread.count[first + lane] = spread.count[first + lane].saturating_add(count);
        spread.weight[first + lane] += weight;
        for (inside, members) in spread.inside.iter_mut().zip(members) {
            if entry.workload().is_some_and(|own| members.contains(&own)) {
                inside[first + lane] += weight;
            }
        }
    }
}

/// Whether hops lead from a workload back to the class that it is of.
fn comes_back(
    view: &View<'_>,
    condensed: &Condensed,
    masks: &[Lanes],
    entry: Entry,
    lane: usize,
) -> bool {
    let graph = view.graph;
    let held = graph.held_numbers(entry);
    let [own] = held[..] else { return false };
    let has = |fact: u32| get(&masks[index(condensed.component_of[index(fact)])], lane);
    view.leads_to_itself(own)
        || view.arriving(own).iter().any(|hop| {
            let premises = graph.rows[index(*hop)].premises();
            let middle = premises.iter().any(|premise| graph.is_middle(*premise));
            if !premises.iter().all(|premise| has(*premise)) || premises == [own] {
                return false;
            }
            // The middle of a fan may be there by the entry's own arm alone.
            !middle
                || premises.iter().flat_map(|middle| view.arriving(*middle)).any(|arm| {
                    let sources = graph.rows[index(*arm)].premises();
                    sources != [own] && sources.iter().all(|source| has(*source))
                })
        })
}

/// The lanes in which some hop of several premises has all of them.
fn joined(view: &View<'_>, hops: &[u32], condensed: &Condensed, masks: &[Lanes]) -> Lanes {
    let mut joined = EMPTY;
    for hop in hops {
        let mut all = [u64::MAX; WORDS];
        for premise in view.reduced(*hop).premises() {
            keep(&mut all, &masks[index(condensed.component_of[index(*premise)])]);
        }
        add(&mut joined, &all);
    }
    joined
}

fn joint_hops(view: &View<'_>) -> Vec<u32> {
    let hops = view.graph.several.iter().copied();
    hops.filter(|hop| view.stands(*hop) && view.reduced(*hop).premises().len() > 1).collect()
}

/// For each segment the places of its members among the counted subjects.
fn segment_members(graph: &HopGraph, segments: &[SegmentMembers]) -> Vec<Vec<usize>> {
    let places: Vec<Subject> = graph.counted().map(|(subject, _)| subject).collect();
    let place = |member: &Subject| places.binary_search(member).ok();
    let segments = segments.iter();
    segments.map(|segment| segment.members.iter().filter_map(place).collect()).collect()
}

/// Sums per lane, kept as bit planes: adding a set of lanes touches a word per carried bit.
#[derive(Clone, Debug, Default)]
struct Planes {
    planes: Vec<Lanes>,
}

impl Planes {
    fn add(&mut self, lanes: &Lanes, value: u64) {
        if *lanes == EMPTY {
            return;
        }
        let mut rest = value;
        let mut bit = 0;
        while rest > 0 {
            if rest & 1 == 1 {
                self.carry(*lanes, bit);
            }
            rest >>= 1;
            bit += 1;
        }
    }

    fn carry(&mut self, mut lanes: Lanes, mut bit: usize) {
        while lanes != EMPTY {
            if self.planes.len() <= bit {
                self.planes.resize(bit + 1, EMPTY);
            }
            for (plane, lane) in self.planes[bit].iter_mut().zip(&mut lanes) {
                let carried = *plane & *lane;
                *plane ^= *lane;
                *lane = carried;
            }
            bit += 1;
        }
    }

    fn total(&self, lane: usize) -> u64 {
        let planes = self.planes.iter().enumerate();
        planes.map(|(bit, plane)| u64::from(get(plane, lane)) << bit).sum()
    }
}

fn set(lanes: &mut Lanes, lane: usize) {
    lanes[lane / 64] |= 1 << (lane % 64);
}

fn get(lanes: &Lanes, lane: usize) -> bool {
    lanes[lane / 64] >> (lane % 64) & 1 == 1
}

/// Adds lanes; says whether that changed anything.
fn add(lanes: &mut Lanes, more: &Lanes) -> bool {
    let mut changed = 0;
    for (word, more) in lanes.iter_mut().zip(more) {
        changed |= more & !*word;
        *word |= more;
    }
    changed != 0
}

fn keep(lanes: &mut Lanes, others: &Lanes) {
    for (word, other) in lanes.iter_mut().zip(others) {
        *word &= other;
    }
}

fn narrow(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
