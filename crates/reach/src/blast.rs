//! How far code on a workload gets by the network alone: in one hop, and in any number.

mod spread;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use watertight_model::{Bounds, Estate, WorkloadId};
use watertight_net::FlowSet;

use crate::exposure::front_legs;
use crate::matrix::{ClassIndex, Matrix};

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
pub struct Graph {
    nodes: Vec<Node>,
    node_of: BTreeMap<WorkloadId, usize>,
    weight_all: u64,
}

/// Workloads that nothing in the network tells apart.
#[derive(Debug)]
struct Node {
    members: Vec<WorkloadId>,
    /// The sum of the members' weights.
    weight: u64,
    /// What each member opens to each member of another node, or to the other members of its own.
    edges: BTreeMap<usize, Bounds<FlowSet>>,
}

/// The classes of a workload's endpoints, and whether code runs on it.
type NodeKey = (BTreeSet<ClassIndex>, bool);

impl Graph {
    /// The graph of an estate: what code on each workload can open, fronts passed through.
    ///
    /// A front opens only the legs that its listeners lead to; what stores or serves without
    /// running a user's code opens nothing.
    pub fn new(estate: &Estate, matrix: &Matrix) -> Self {
        let mut groups: BTreeMap<NodeKey, Vec<WorkloadId>> = BTreeMap::new();
        for (id, workload) in estate.workloads.iter() {
            let endpoints = workload.endpoints.iter();
            let classes = endpoints.filter_map(|endpoint| matrix.class_of(*endpoint)).collect();
            groups.entry((classes, workload.kind.runs_code())).or_default().push(id);
        }
        let mut graph = Self { nodes: Vec::new(), node_of: BTreeMap::new(), weight_all: 0 };
        let mut senders: BTreeMap<ClassIndex, Vec<usize>> = BTreeMap::new();
        let mut receivers: BTreeMap<ClassIndex, Vec<usize>> = BTreeMap::new();
        for ((classes, runs_code), members) in groups {
            let number = graph.nodes.len();
            for class in classes {
                receivers.entry(class).or_default().push(number);
                if runs_code {
                    senders.entry(class).or_default().push(number);
                }
            }
            graph.node_of.extend(members.iter().map(|member| (*member, number)));
            let weight = members.iter().map(|id| weight_of(estate, *id)).sum();
            graph.weight_all += weight;
            graph.nodes.push(Node { members, weight, edges: BTreeMap::new() });
        }
        for ((from, to), cell) in matrix.cells() {
            if cell.established.possible.is_empty() {
                continue;
            }
            for source in senders.get(&from).into_iter().flatten() {
                for destination in receivers.get(&to).into_iter().flatten() {
                    graph.add(*source, *destination, &cell.established);
                }
            }
        }
        for leg in front_legs(&estate.network, matrix) {
            let node = |endpoint| {
                let workload = estate.network.endpoints[endpoint].workload;
                graph.node_of.get(&workload).copied()
            };
            if let (Some(from), Some(to)) = (node(leg.from), node(leg.to)) {
                graph.add(from, to, &leg.flows);
            }
        }
        graph
    }

    fn add(&mut self, from: usize, to: usize, flows: &Bounds<FlowSet>) {
        let Some(node) = self.nodes.get_mut(from) else { return };
        if from == to && node.members.len() < 2 {
            return;
        }
        let entry = node.edges.entry(to).or_insert_with(|| Bounds::exact(FlowSet::none()));
        entry.sure = entry.sure.union(&flows.sure);
        entry.possible = entry.possible.union(&flows.possible);
    }

    fn edges(&self, node: usize) -> impl Iterator<Item = (usize, &Bounds<FlowSet>)> {
        let edges = self.nodes.get(node).map(|node| &node.edges);
        edges.into_iter().flatten().map(|(to, over)| (*to, over))
    }

    /// What a workload reaches in one hop and in any number.
    pub fn blast(&self, estate: &Estate, from: WorkloadId) -> Blast {
        let mut reached: BTreeMap<WorkloadId, Reached> = BTreeMap::new();
        if let Some(start) = self.node_of.get(&from) {
            let sure = self.surely(*start);
            let mut entered = BTreeSet::new();
            let mut queue = VecDeque::from([(*start, from, 0_u32)]);
            while let Some((node, by, hops)) = queue.pop_front() {
                for (to, over) in self.edges(node) {
                    if over.possible.is_empty() || !entered.insert(to) {
                        continue;
                    }
                    let Some(next) = self.nodes.get(to) else { continue };
                    for member in next.members.iter().filter(|member| **member != from) {
                        let sure = sure.contains(&to);
                        let found = Reached { hops: hops + 1, by, over: over.clone(), sure };
                        reached.insert(*member, found);
                    }
                    if let Some(member) = next.members.iter().find(|member| **member != from) {
                        queue.push_back((to, *member, hops + 1));
                    }
                }
            }
        }
        let sum = |sure_only: bool| {
            let counted = reached.iter().filter(|(_, found)| found.sure || !sure_only);
            counted.map(|(id, _)| weight_of(estate, *id)).sum()
        };
        let weight = Bounds { sure: sum(true), possible: sum(false) };
        let weight_all = self.weight_all.saturating_sub(weight_of(estate, from));
        Blast { from, reached, weight, weight_all }
    }

    /// The nodes that are surely reached from a node in one hop or more.
    fn surely(&self, start: usize) -> BTreeSet<usize> {
        let mut seen = BTreeSet::new();
        let mut queue = vec![start];
        while let Some(here) = queue.pop() {
            for (to, over) in self.edges(here) {
                if !over.sure.is_empty() && seen.insert(to) {
                    queue.push(to);
                }
            }
        }
        seen
    }

    /// How much every workload reaches, in the order of workloads.
    pub fn every_blast(&self, estate: &Estate) -> Vec<BlastSize> {
        let sure = spread::spread(self, |over| !over.sure.is_empty());
        let possible = spread::spread(self, |over| !over.possible.is_empty());
        let mut sizes: Vec<BlastSize> = Vec::new();
        for (number, node) in self.nodes.iter().enumerate() {
            for from in &node.members {
                let own = weight_of(estate, *from);
                // What reaches its own node reaches the other members, not itself.
                let without = |size: spread::Size| {
                    let one_hop = size.one_hop - if size.one_hop_own { own } else { 0 };
                    let any = size.any - if size.any_own { own } else { 0 };
                    (one_hop, any)
                };
                let of = |sizes: &[spread::Size]| sizes.get(number).copied().unwrap_or_default();
                let (sure, possible) = (without(of(&sure)), without(of(&possible)));
                sizes.push(BlastSize {
                    from: *from,
                    one_hop: Bounds { sure: sure.0, possible: possible.0 },
                    any: Bounds { sure: sure.1, possible: possible.1 },
                    all: self.weight_all - own,
                });
            }
        }
        sizes.sort_by_key(|size| size.from);
        sizes
    }
}

fn weight_of(estate: &Estate, workload: WorkloadId) -> u64 {
    u64::from(estate.workloads[workload].criticality().weight())
}
