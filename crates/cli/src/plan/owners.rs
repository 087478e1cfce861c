//! What makes replicas of the workloads of a plan.

use watertight_compile::{Artifacts, Asking, Holds, Plane as _, PlannedOwner};
use watertight_model::{Estate, Workload};
use watertight_policy::decide::{Decider, Essentials, World};

use super::Templates;
use crate::enforcing::Ready;

/// Why a template that could be changed is not.
const KEPT: &str = "templates are left alone: who describes it gives it these groups";

/// What each owner of workloads that are to carry groups has to say about these.
pub(crate) fn planned(
    ready: &Ready<'_>,
    artifacts: &Artifacts,
    templates: Templates,
) -> Vec<PlannedOwner> {
    if templates == Templates::Leave {
        return Vec::new();
    }
    let (owners, held) = (ready.plane.owners(), ready.plane.held());
    let estate = ready.intent.estate();
    let shared = ready.intent.shared_replicas();
    let asking = Asking { estate, artifacts, held: &held, owners: &owners, shared: &shared };
    let is_told = templates == Templates::Tell;
    let mut planned = asking.planned(&|pairs| alike(ready, pairs));
    for owner in planned
        .iter_mut()
        .filter(|one| is_told && one.template.is_some() && one.holds == Holds::Planned)
    {
        owner.holds = Holds::Unheld;
        owner.why = Some(KEPT.to_owned());
    }
    planned
}

/// In which pairs of workloads the policy sees the same, by what they are called and labelled: where a
/// new replica will be nobody knows yet.
fn alike(ready: &Ready<'_>, pairs: &[(Workload, Workload)]) -> Vec<bool> {
    let mut estate = Estate::default();
    for workload in pairs.iter().flat_map(|(one, other)| [one, other]) {
        estate.workloads.push(Workload { endpoints: Vec::new(), ..workload.clone() });
    }
    let world = World::of_estate(&estate);
    let decider = Decider::new(ready.policy, &world, &Essentials::default());
    let deciding = decider.under(ready.modes, ready.now);
    let class = |number: usize| deciding.class_number(number);
    (0..pairs.len()).map(|pair| class(pair * 2) == class(pair * 2 + 1)).collect()
}
