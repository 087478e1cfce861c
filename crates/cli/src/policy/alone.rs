//! How much of an estate nobody has put into a segment yet.

use watertight_model::Truth;
use watertight_policy::ESTATE;
use watertight_policy::decide::Decider;

use crate::text::counted;

/// How many workloads no segment but the built-in one holds, or may hold, and how many there are: every report of
/// a policy says it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Alone {
    /// In no other segment.
    pub(crate) estate_only: u64,
    /// All.
    pub(crate) workloads: u64,
}

impl Alone {
    pub(crate) fn of(decider: &Decider<'_>) -> Self {
        let segments = &decider.policy().segments;
        let is_alone = |workload: &usize| {
            let mut others = segments.iter().filter(|one| *one.name != *ESTATE);
            others.all(|segment| decider.holds(segment, *workload) == Truth::No)
        };
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        let all = decider.world().workloads.len();
        Self { estate_only: count((0..all).filter(is_alone).count()), workloads: count(all) }
    }
}

/// A line of a report.
impl std::fmt::Display for Alone {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let verb = if self.workloads == 1 { "is" } else { "are" };
        let all = counted(self.workloads, "workload");
        write!(formatter, "{} of {all} {verb} in segment `estate` alone", self.estate_only)
    }
}
