//! Changes that loosen what groups of Watertight enforce.

use watertight_aws::{Loosened, Loosening, MANAGED};

use super::findings::{Finding, LOOSENED};
use super::proposed::Change;

/// A finding for each group of ours that a change of the plan loosens.
pub(super) fn findings(change: &Change<'_>) -> Vec<Finding> {
    let all = change.plan.loosened(&change.raw.bodies);
    all.iter().filter_map(|one| finding(change, one)).collect()
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
