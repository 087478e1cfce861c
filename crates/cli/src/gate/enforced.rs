//! Changes that loosen what groups of Watertight enforce.

use std::collections::BTreeSet;

use watertight_aws::{Loosened, Loosening, MANAGED};
use watertight_model::network::Endpoint;
use watertight_model::{Estate, Name};

use super::findings::{Finding, LOOSENED};
use super::proposed::Change;

/// A finding for each group of ours that a change of the plan loosens. Where everything that carried a
/// group goes with the same plan, nothing is left that it could enforce.
pub(super) fn findings(change: &Change<'_>, after: &Estate) -> Vec<Finding> {
    let all = change.plan.loosened(&change.raw.bodies);
    let left: BTreeSet<&Name> = after.network.endpoints.values().map(|one| &one.name).collect();
    let is_left = |one: &&Loosened| {
        let Some(id) = &one.id else { return true };
        let carrying = carriers(change.before, id);
        carrying.is_empty() || carrying.iter().any(|name| left.contains(name))
    };
    all.iter().filter(is_left).filter_map(|one| finding(change, one)).collect()
}

/// The endpoints that carry a group.
fn carriers<'e>(estate: &'e Estate, group: &str) -> BTreeSet<&'e Name> {
    let network = &estate.network;
    let carries = |one: &&Endpoint| {
        let layers = one.layers.iter().filter_map(|layer| network.layers.get(*layer));
        let guards = layers.flat_map(|layer| &layer.guards);
        guards.filter_map(|guard| network.guards.get(*guard)).any(|guard| *guard.name == *group)
    };
    network.endpoints.values().filter(carries).map(|one| &one.name).collect()
}

fn finding(change: &Change<'_>, one: &Loosened) -> Option<Finding> {
    let cause = change.plan.changes.get(one.change)?;
    let address = &cause.address;
    let group = match &one.group {
        Some(name) => format!("`{name}`"),
        None => String::from("a group that is known after apply"),
    };
    let does = match one.how {
        Loosening::TakenOff => format!("takes {group} off"),
        Loosening::Deleted => format!("deletes {group}"),
        Loosening::Rules => format!("changes the rules of {group}"),
        Loosening::Untagged => format!("takes the tag `{MANAGED}` off {group}"),
    };
    let enforces = match (one.segments.as_slice(), &one.group) {
        (_, None) => String::from(", which may be one of Watertight's"),
        ([], Some(_)) => String::new(),
        ([segment], Some(_)) => format!(", which enforces the segment {segment}"),
        (segments, Some(_)) => format!(", which enforces the segments {}", segments.join(", ")),
    };
    let open = one.unknown.then(|| String::from("what will be there instead is known after apply"));
    Some(Finding {
        code: LOOSENED,
        message: format!("`{address}` ({}) {does}{enforces}", cause.action.word()),
        details: open.into_iter().collect(),
        changes: vec![(address.clone(), cause.span)],
        rule: None,
    })
}
