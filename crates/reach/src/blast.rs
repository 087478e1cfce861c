//! How far code on a workload gets by the network alone: in one hop, and in any number.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use watertight_model::network::EndpointId;
use watertight_model::{Bounds, Estate, WorkloadId};
use watertight_net::FlowSet;

use crate::exposure::{FrontLeg, front_legs};
use crate::matrix::{ClassIndex, Matrix};

/// What a workload reaches.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Blast {
    /// The workload from which it starts.
    pub from: WorkloadId,
    /// Every other workload that it reaches, by id.
    pub reached: BTreeMap<WorkloadId, Reached>,
    /// The sum of weights of what is reached, and of all other workloads.
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

/// Who opens connections to whom, workload by workload.
#[derive(Debug)]
pub struct Graph {
    edges: BTreeMap<WorkloadId, BTreeMap<WorkloadId, Bounds<FlowSet>>>,
}

impl Graph {
    /// The graph of an estate: what code on each workload can open, fronts passed through.
    ///
    /// A front opens only the legs that its listeners lead to; what stores or serves without
    /// running a user's code opens nothing.
    pub fn new(estate: &Estate, matrix: &Matrix) -> Self {
        let mut graph = Self { edges: BTreeMap::new() };
        let members = members_by_class(estate, matrix);
        for ((from, to), cell) in &matrix.cells {
            let (Some(sources), Some(destinations)) = (members.get(from), members.get(to)) else {
                continue;
            };
            if cell.established.possible.is_empty() {
                continue;
            }
            for source in sources {
                if !estate.workloads[*source].kind.runs_code() {
                    continue;
                }
                for destination in destinations {
                    graph.add(*source, *destination, &cell.established);
                }
            }
        }
        for leg in front_legs(&estate.network, matrix) {
            graph.add_leg(estate, &leg);
        }
        graph
    }

    fn add_leg(&mut self, estate: &Estate, leg: &FrontLeg) {
        let of = |endpoint: EndpointId| estate.network.endpoints[endpoint].workload;
        self.add(of(leg.from), of(leg.to), &leg.flows);
    }

    fn add(&mut self, from: WorkloadId, to: WorkloadId, flows: &Bounds<FlowSet>) {
        if from == to {
            return;
        }
        let entry = self
            .edges
            .entry(from)
            .or_default()
            .entry(to)
            .or_insert_with(|| Bounds::exact(FlowSet::none()));
        entry.sure = entry.sure.union(&flows.sure);
        entry.possible = entry.possible.union(&flows.possible);
    }

    /// What one workload opens connections to.
    pub fn from(
        &self,
        workload: WorkloadId,
    ) -> impl Iterator<Item = (WorkloadId, &Bounds<FlowSet>)> {
        self.edges.get(&workload).into_iter().flatten().map(|(to, flows)| (*to, flows))
    }

    /// What a workload reaches in one hop and in any number.
    pub fn blast(&self, estate: &Estate, from: WorkloadId) -> Blast {
        let mut reached: BTreeMap<WorkloadId, Reached> = BTreeMap::new();
        let mut queue = VecDeque::from([(from, 0_u32)]);
        while let Some((here, hops)) = queue.pop_front() {
            for (to, over) in self.from(here) {
                if to == from || reached.contains_key(&to) || over.possible.is_empty() {
                    continue;
                }
                let found = Reached { hops: hops + 1, by: here, over: over.clone(), sure: false };
                reached.insert(to, found);
                queue.push_back((to, hops + 1));
            }
        }
        for sure in self.surely(from) {
            if let Some(found) = reached.get_mut(&sure) {
                found.sure = true;
            }
        }
        let weight = |id: WorkloadId| u64::from(estate.workloads[id].criticality().weight());
        let sum = |sure_only: bool| {
            let counted = reached.iter().filter(|(_, found)| found.sure || !sure_only);
            counted.map(|(id, _)| weight(*id)).sum()
        };
        let weight_all = estate.workloads.ids().filter(|id| *id != from).map(weight).sum();
        let weight = Bounds { sure: sum(true), possible: sum(false) };
        Blast { from, reached, weight, weight_all }
    }

    fn surely(&self, from: WorkloadId) -> BTreeSet<WorkloadId> {
        let mut seen = BTreeSet::new();
        let mut queue = vec![from];
        while let Some(here) = queue.pop() {
            for (to, over) in self.from(here) {
                if to != from && !over.sure.is_empty() && seen.insert(to) {
                    queue.push(to);
                }
            }
        }
        seen
    }
}

fn members_by_class(
    estate: &Estate,
    matrix: &Matrix,
) -> BTreeMap<ClassIndex, BTreeSet<WorkloadId>> {
    let mut members: BTreeMap<ClassIndex, BTreeSet<WorkloadId>> = BTreeMap::new();
    for (id, endpoint) in estate.network.endpoints.iter() {
        if let Some(class) = matrix.class_of(id) {
            members.entry(class).or_default().insert(endpoint.workload);
        }
    }
    members
}
