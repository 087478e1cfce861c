//! What makes replicas of the workloads of a plan.

use std::collections::BTreeSet;

use watertight_compile::{Artifacts, Asking, Holds, Owner, Plane as _, PlannedOwner};
use watertight_model::{Estate, Name, Workload, WorkloadKind};
use watertight_policy::decide::{Decider, End, Essentials, World};

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
    planned.extend(unmanned(ready, &owners));
    planned.sort_by(|one, other| {
        let key = |one: &PlannedOwner| {
            (one.account.clone(), one.region.clone(), one.kind.clone(), one.id.clone())
        };
        key(one).cmp(&key(other))
    });
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

/// The owners of which no replica is in the input, where a segment that is on would hold the next one, or may: no
/// endpoint tells which groups that is to carry.
fn unmanned(ready: &Ready<'_>, owners: &[Owner]) -> Vec<PlannedOwner> {
    let none: Vec<&Owner> = owners.iter().filter(|owner| owner.replicas.is_empty()).collect();
    if none.is_empty() {
        return Vec::new();
    }
    let mut estate = Estate::default();
    for owner in &none {
        estate.workloads.push(next(owner));
    }
    let world = World::of_estate(&estate);
    let decider = Decider::new(ready.policy, &world, &Essentials::default());
    let deciding = decider.under(ready.modes, ready.now);
    let segments = |number: usize| -> BTreeSet<String> {
        let holding = deciding.segments_holding(number).into_iter().map(|(id, _)| id);
        // Whether a share holds who is not there yet is not known.
        let shared = deciding.shares_at(&End::workload(vec![number])).into_iter();
        let all = holding.chain(shared.map(|one| one.segment));
        let all = all.filter_map(|id| ready.policy.segments.get(id.index()));
        all.map(|segment| segment.name.to_string()).collect()
    };
    let any = ready.policy.segments.iter().any(|segment| segment.span.is_some());
    let told = none.into_iter().enumerate().filter_map(|(number, owner)| {
        let segments: Vec<String> = segments(number).into_iter().collect();
        let why = match (segments.as_slice(), &owner.untold) {
            ([], Some(untold)) if any => format!(
                "no replica of it is in the input, and {untold}: whether a segment holds the next one is not known"
            ),
            ([], _) => return None,
            (segments, _) => format!(
                "no replica of it is in the input to tell which groups the next one is to carry, which {} would hold",
                segments.join(", ")
            ),
        };
        Some(PlannedOwner {
            kind: owner.kind.clone(),
            id: owner.id.clone(),
            account: owner.place.0.to_string(),
            region: owner.place.1.to_string(),
            workloads: Vec::new(),
            template: owner.template.clone(),
            groups: Vec::new(),
            holds: Holds::Unheld,
            why: Some(why),
        })
    });
    told.collect()
}

/// The next replica of an owner, as far as it is known.
fn next(owner: &Owner) -> Workload {
    let labels = owner.tags.iter().chain(&owner.facts);
    let labels = labels.map(|(key, value)| (Name::from(key.as_str()), Name::from(value.as_str())));
    let kind = match owner.through {
        Some(_) => WorkloadKind::Task,
        None => WorkloadKind::Machine,
    };
    Workload {
        id: Name::from(owner.id.as_str()),
        name: Name::from(owner.id.as_str()),
        kind,
        account: Some(owner.place.0.clone()),
        region: Some(owner.place.1.clone()),
        labels: labels.collect(),
        endpoints: Vec::new(),
        owner: None,
        credential: None,
        metadata: None,
        stores_data: false,
        origin: None,
    }
}
