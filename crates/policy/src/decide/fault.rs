use watertight_model::Truth;

use crate::checked::{FaultMode, OnFault, SegmentId};
use crate::decide::under::Deciding;

/// What an enforcement point can lack.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Fault {
    /// Room in the kernel's map.
    MapFull,
    /// The other end's identity.
    UnknownIdentity,
    /// The proxy that reads requests.
    ProxyGone,
    /// A fresh identity of the other end.
    StaleIdentity,
}

/// What an enforcement point does about a fault, and which segment says so.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Faulting {
    /// What it does.
    pub mode: FaultMode,
    /// The segment.
    pub segment: SegmentId,
}

impl Deciding<'_> {
    /// What the enforcement point at a workload does about a fault; `None` for a workload that is
    /// not governed, where nothing enforces. Of several segments the strictest is heard: closed
    /// before last before open, and a segment that may hold the workload counts.
    pub fn on_fault(&self, workload: usize, fault: Fault) -> Option<Faulting> {
        let class = self.decider.class_of(workload)?;
        let holding = self.holding(class).filter(|(_, truth)| *truth != Truth::No);
        let said = holding.filter_map(|(segment, _)| {
            let on_fault = self.decider.policy.segments.get(segment.index())?.on_fault;
            Some(Faulting { mode: of(on_fault, fault), segment })
        });
        said.min_by_key(|said| match said.mode {
            FaultMode::Closed => 0,
            FaultMode::Last => 1,
            FaultMode::Open => 2,
        })
    }
}

const fn of(on_fault: OnFault, fault: Fault) -> FaultMode {
    match fault {
        Fault::MapFull => on_fault.map_full,
        Fault::UnknownIdentity => on_fault.unknown_identity,
        Fault::ProxyGone => on_fault.proxy_gone,
        Fault::StaleIdentity => on_fault.stale_identity,
    }
}
