//! The legs that fronts open, from one to the next.

use std::collections::BTreeSet;

use watertight_model::network::{Front, FrontId, TargetEnd};
use watertight_model::{ArenaId, Estate, WorkloadKind};
use watertight_net::{Flow, FlowSet};

/// How many fronts stand behind each other at most: as many as reachability follows.
const FRONTS_MAX: usize = 3;

/// What a front opens for what one of its listeners hears.
#[derive(Debug)]
pub(super) struct Hop {
    /// The front.
    pub(super) workload: usize,
    /// What the listener hears.
    pub(super) listens: FlowSet,
    /// Where it leads.
    pub(super) target: usize,
    /// What is sent there.
    pub(super) sent: FlowSet,
    /// Whether it opens a leg for other fronts alone: whoever else comes is seen there himself.
    is_for_fronts: bool,
    /// Whether the provider carries it, so that nothing tells which guards see it.
    pub(super) is_carried: bool,
}

/// All of an estate.
pub(super) struct Hops(Vec<Hop>);

impl Hops {
    pub(super) fn of(estate: &Estate) -> Self {
        let network = &estate.network;
        let groups = network.target_groups.values();
        let led: BTreeSet<FrontId> = groups
            .flat_map(|group| &group.targets)
            .filter_map(|target| match target.end {
                TargetEnd::Front(front) => Some(front),
                _ => None,
            })
            .collect();
        let mut hops = Vec::new();
        for (id, front) in network.fronts.iter() {
            let is_carried = carries(estate, front);
            for listener in &front.listeners {
                let ids = listener.target_groups.iter();
                for group in ids.filter_map(|id| network.target_groups.get(*id)) {
                    if group.preserves_source && !led.contains(&id) {
                        continue;
                    }
                    hops.extend(group.targets.iter().filter_map(|target| {
                        Some(Hop {
                            workload: front.workload.index(),
                            listens: listener.flows.clone(),
                            target: target.end.workload(network)?.index(),
                            sent: target.sent(&listener.flows),
                            is_for_fronts: group.preserves_source,
                            is_carried,
                        })
                    }));
                }
            }
        }
        Self(hops)
    }

    /// The ways through fronts that end in a leg to a workload.
    pub(super) fn leading_to(&self, target: usize, flow: Flow) -> Vec<Vec<&Hop>> {
        let last = self.0.iter().filter(|hop| hop.target == target && hop.sent.contains_flow(flow));
        let mut found = Vec::new();
        for hop in last {
            self.extend(vec![hop], &mut found);
        }
        found
    }

    /// Adds a way, and those that lead to it.
    fn extend<'h>(&'h self, way: Vec<&'h Hop>, found: &mut Vec<Vec<&'h Hop>>) {
        let Some(first) = way.first().copied() else { return };
        if way.len() < FRONTS_MAX {
            let leads = |hop: &&Hop| {
                hop.target == first.workload
                    && hop.sent.intersects(&first.listens)
                    && way.iter().all(|one| one.workload != hop.workload)
            };
            for hop in self.0.iter().filter(leads) {
                self.extend([&[hop][..], &way].concat(), found);
            }
        }
        if !first.is_for_fronts {
            found.push(way);
        }
    }

    /// The legs that are opened for what a front hears, and by those behind it.
    pub(super) fn behind(&self, front: usize, flow: Flow) -> Vec<&Hop> {
        let hears = |hop: &&Hop| {
            hop.workload == front && !hop.is_for_fronts && hop.listens.contains_flow(flow)
        };
        let mut found: Vec<&Hop> = self.0.iter().filter(hears).collect();
        let mut latest = found.clone();
        for _ in 1..FRONTS_MAX {
            let is_next = |hop: &&Hop| {
                let mut before = latest.iter();
                before.any(|one| one.target == hop.workload && one.sent.intersects(&hop.listens))
                    && !found.iter().any(|one| std::ptr::eq(*one, *hop))
            };
            let next: Vec<&Hop> = self.0.iter().filter(is_next).collect();
            found.extend(&next);
            latest = next;
        }
        found
    }
}

/// Whether the provider carries what a front sends: it is in no network, or is an endpoint of a private link.
fn carries(estate: &Estate, front: &Front) -> bool {
    let network = &estate.network;
    let mut endpoints = front.endpoints.iter().filter_map(|id| network.endpoints.get(*id));
    let is_apart = !front.endpoints.is_empty() && endpoints.all(|one| one.subnet.is_none());
    let kind = estate.workloads.get(front.workload).map(|one| one.kind);
    is_apart || kind == Some(WorkloadKind::PrivateService)
}
