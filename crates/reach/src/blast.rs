//! How far code on a workload gets by the network alone: in one hop, and in any number.

mod components;
mod kept;
mod nodes;
mod spread;

use std::collections::{BTreeMap, BTreeSet};

use watertight_model::network::EndpointId;
use watertight_model::{Bounds, Estate, WorkloadId};
use watertight_net::FlowSet;

pub(crate) use self::kept::KeptBlasts;
use self::nodes::{Bound, Legs, Nodes};
use crate::exposure::{FrontLeg, front_legs};
use crate::matrix::Matrix;

/// What a workload reaches.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Blast {
    /// The workload from which it starts.
    pub from: WorkloadId,
    /// Every other workload that it reaches, by id.
    pub reached: BTreeMap<WorkloadId, Reached>,
    /// The sum of weights of what is reached.
    pub weight: Bounds<u64>,
    /// The sum of weights of all other workloads.
    pub weight_all: u64,
}

/// How a workload is reached.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reached {
    /// The least number of hops.
    pub hops: u32,
    /// The workload from which the last of those hops is made.
    pub by: WorkloadId,
    /// Over what: connections that can be established in that last hop.
    pub over: Bounds<FlowSet>,
    /// Whether it is reached for sure in some number of hops.
    pub sure: bool,
}

/// How much of the estate a workload reaches, by weight.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BlastSize {
    /// The workload from which it starts.
    pub from: WorkloadId,
    /// The sum of weights of what it reaches in one hop.
    pub one_hop: Bounds<u64>,
    /// The sum of weights of what it reaches in any number of hops.
    pub any: Bounds<u64>,
    /// The sum of weights of all other workloads.
    pub all: u64,
}

/// Who opens connections to whom. Workloads with endpoints in the same classes are one node.
#[derive(Debug)]
pub struct Graph<'m> {
    matrix: &'m Matrix,
    nodes: Nodes,
    /// Legs that fronts open, between nodes.
    legs: Legs,
}

impl<'m> Graph<'m> {
    /// The graph of an estate: what code on each workload can open, fronts passed through.
    ///
    /// A front opens only the legs that its listeners lead to; what stores or serves without
    /// running a user's code opens nothing.
    pub fn new(estate: &Estate, matrix: &'m Matrix) -> Self {
        let opened = front_legs(&estate.network, matrix);
        let (mut nodes, legs) = nodes_and_legs(estate, matrix, &opened);
        nodes.connect(matrix, &legs);
        Self { matrix, nodes, legs }
    }

    /// What a workload reaches in one hop and in any number.
    pub fn blast(&self, estate: &Estate, from: WorkloadId) -> Blast {
        let mut reached: BTreeMap<WorkloadId, Reached> = BTreeMap::new();
        if let Some(start) = self.nodes.of(from) {
            let sure = self.levels(start, Bound::Sure);
            for (node, step) in self.levels(start, Bound::Possible) {
                // A hop into the own node is made from one of its members to another.
                let by = match self.nodes.members(step.by) {
                    _ if step.by == start => Some(from),
                    members => members.first().copied(),
                };
                let Some(by) = by else { continue };
                let over = self.over(step.by, node);
                let members = self.nodes.members(node);
                for member in members.iter().filter(|member| **member != from) {
                    let sure = sure.contains_key(&node);
                    let found = Reached { hops: step.hops, by, over: over.clone(), sure };
                    reached.insert(*member, found);
                }
            }
        }
        let sum = |sure_only: bool| {
            let counted = reached.iter().filter(|(_, found)| found.sure || !sure_only);
            counted.map(|(id, _)| weight_of(estate, *id)).sum()
        };
        let weight = Bounds { sure: sum(true), possible: sum(false) };
        let weight_all = self.nodes.weight_all().saturating_sub(weight_of(estate, from));
        Blast { from, reached, weight, weight_all }
    }

    /// The nodes that a node reaches, by the least number of hops: level by level, every node that
    /// was not reached yet asks whether one of the last level sends to it.
    fn levels(&self, start: usize, bound: Bound) -> BTreeMap<usize, Level> {
        let mut found: BTreeMap<usize, Level> = BTreeMap::new();
        if !self.nodes.opens(start) {
            return found;
        }
        let mut last = vec![start];
        let mut hops = 0;
        while !last.is_empty() {
            hops += 1;
            let mut next = Vec::new();
            for node in (0..self.nodes.len()).filter(|node| !found.contains_key(node)) {
                let by = self.nodes.senders(node, bound).iter().find_map(|run| {
                    let position = last.partition_point(|one| *one < place(run.start));
                    last.get(position..)?
                        .iter()
                        .copied()
                        .find(|one| *one != node || self.nodes.members(node).len() > 1)
                        .filter(|one| *one < place(run.end))
                });
                if let Some(by) = by {
                    next.push((node, by));
                }
            }
            found.extend(next.iter().map(|(node, by)| (*node, Level { hops, by: *by })));
            let senders = next.into_iter().map(|(node, _)| node);
            last = senders.filter(|node| self.nodes.opens(*node)).collect();
        }
        found
    }

    /// What one node opens to another.
    fn over(&self, from: usize, to: usize) -> Bounds<FlowSet> {
        let mut over =
            self.legs.get(&(from, to)).cloned().unwrap_or_else(|| Bounds::exact(FlowSet::none()));
        let classes = if self.nodes.runs_code(from) { self.nodes.classes(from) } else { &[] };
        for source in classes {
            for destination in self.nodes.classes(to) {
                let Some(cell) = self.matrix.cell(*source, *destination) else { continue };
                over.sure = over.sure.union(&cell.established.sure);
                over.possible = over.possible.union(&cell.established.possible);
            }
        }
        over
    }

    /// How much every workload reaches, in the order of workloads.
    pub fn every_blast(&self, estate: &Estate) -> Vec<BlastSize> {
        let sure = spread::spread(&self.nodes, Bound::Sure);
        let possible = spread::spread(&self.nodes, Bound::Possible);
        sizes(estate, &self.nodes, &Bounds { sure, possible })
    }
}
/// Nodes that are not connected yet, and the legs of fronts between them.
fn nodes_and_legs(estate: &Estate, matrix: &Matrix, opened: &[FrontLeg]) -> (Nodes, Legs) {
    let nodes = Nodes::new(estate, matrix, &opening(estate, opened));
    let legs = legs_between(estate, &nodes, opened);
    (nodes, legs)
}

/// The workloads that open legs of fronts.
fn opening(estate: &Estate, opened: &[FrontLeg]) -> BTreeSet<WorkloadId> {
    opened.iter().map(|leg| estate.network.endpoints[leg.from].workload).collect()
}

fn legs_between(estate: &Estate, nodes: &Nodes, opened: &[FrontLeg]) -> Legs {
    let workload = |endpoint: EndpointId| estate.network.endpoints[endpoint].workload;
    let mut legs = Legs::new();
    for leg in opened {
        if let (Some(from), Some(to)) = (nodes.of(workload(leg.from)), nodes.of(workload(leg.to))) {
            let known = legs.entry((from, to)).or_insert_with(|| Bounds::exact(FlowSet::none()));
            known.sure = known.sure.union(&leg.flows.sure);
            known.possible = known.possible.union(&leg.flows.possible);
        }
    }
    legs
}

/// How much every workload reaches, in the order of workloads, from how much every node does.
fn sizes(estate: &Estate, nodes: &Nodes, of_nodes: &Bounds<Vec<spread::Size>>) -> Vec<BlastSize> {
    let found = estate.workloads.iter().filter_map(|(from, _)| {
        let number = nodes.of(from)?;
        let own = nodes.own_weight(from);
        // What reaches its own node reaches the other members, not itself.
        let without = |sizes: &[spread::Size]| {
            let size = sizes.get(number).copied().unwrap_or_default();
            let one_hop = size.one_hop - if size.one_hop_own { own } else { 0 };
            let any = size.any - if size.any_own { own } else { 0 };
            (one_hop, any)
        };
        let (sure, possible) = (without(&of_nodes.sure), without(&of_nodes.possible));
        Some(BlastSize {
            from,
            one_hop: Bounds { sure: sure.0, possible: possible.0 },
            any: Bounds { sure: sure.1, possible: possible.1 },
            all: nodes.weight_all() - own,
        })
    });
    found.collect()
}

/// How a node is first reached.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Level {
    hops: u32,
    /// The first node from which the last hop can be made.
    by: usize,
}

fn weight_of(estate: &Estate, workload: WorkloadId) -> u64 {
    u64::from(estate.workloads[workload].criticality().weight())
}

fn place(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
