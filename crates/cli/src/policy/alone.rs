//! How much of an estate nobody has put into a segment yet.

use watertight_model::Truth;
use watertight_policy::ESTATE;
use watertight_policy::decide::Decider;

use crate::text::counted;

/// How many workloads no segment but the built-in one holds, or may hold, and how many there are, as a line of
/// a report.
pub(crate) fn in_estate_alone(decider: &Decider<'_>) -> String {
    let segments = &decider.policy().segments;
    let is_alone = |workload: &usize| {
        let mut others = segments.iter().filter(|one| *one.name != *ESTATE);
        others.all(|segment| decider.holds(segment, *workload) == Truth::No)
    };
    let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    let all = decider.world().workloads.len();
    let alone = (0..all).filter(is_alone).count();
    let verb = if all == 1 { "is" } else { "are" };
    format!("{} of {} {verb} in segment `estate` alone", alone, counted(count(all), "workload"))
}
