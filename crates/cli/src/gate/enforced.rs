//! Changes that loosen what groups of Watertight enforce.

use std::collections::BTreeSet;

use watertight_aws::{Loosened, LoosenedPart, Loosening, MANAGED};
use watertight_model::network::Endpoint;
use watertight_model::{Estate, Name};

use super::findings::{Finding, LOOSENED};
use super::proposed::Change;

/// A finding for each group or network ACL of ours that a change of the plan loosens. Where everything that
/// carried a group goes with the same plan, or all subnets that had a network ACL, nothing is left that it
/// could enforce.
pub(super) fn findings(change: &Change<'_>, after: &Estate) -> Vec<Finding> {
    let all = change.plan.loosened(&change.raw.bodies);
    let left: BTreeSet<&Name> = after.network.endpoints.values().map(|one| &one.name).collect();
    let subnets: BTreeSet<&str> = after.network.subnets.values().map(|one| &*one.name).collect();
    let is_left = |one: &&Loosened| {
        if let LoosenedPart::Edge { subnets: own } = &one.part {
            return own.is_empty() || own.iter().any(|subnet| subnets.contains(subnet.as_str()));
        }
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
    let does = match &one.part {
        LoosenedPart::Group => of_group(one),
        LoosenedPart::Edge { subnets } => of_edge(one, subnets),
        LoosenedPart::List { id } => of_list(one, id.as_deref()),
    };
    let open = one.unknown.then(|| String::from("what will be there instead is known after apply"));
    Some(Finding {
        code: LOOSENED,
        message: format!("`{address}` ({}) {does}", cause.action.word()),
        details: open.into_iter().collect(),
        changes: vec![(address.clone(), cause.span)],
        rule: None,
    })
}

/// What is done to a group, and what that enforces.
fn of_group(one: &Loosened) -> String {
    let group = match &one.name {
        Some(name) => format!("`{name}`"),
        None => String::from("a group that is known after apply"),
    };
    let does = done_to(one.how, &group, "rules");
    let enforces = match (one.segments.as_slice(), &one.name) {
        (_, None) => String::from(", which may be one of Watertight's"),
        ([], Some(_)) => String::new(),
        (segments, Some(_)) => format!(", which enforces {}", named(segments)),
    };
    does + &enforces
}

/// What is done to a network ACL, and at the edges of which subnets it is.
fn of_edge(one: &Loosened, subnets: &[String]) -> String {
    let Some(name) = &one.name else {
        let what = "a network ACL that is known after apply";
        return match one.how {
            Loosening::TakenOff => String::from(
                "gives another network ACL to a subnet that is known after apply, which may have one of Watertight's",
            ),
            how => done_to(how, what, "entries") + ", which may be one of Watertight's",
        };
    };
    let does = done_to(one.how, &format!("the network ACL `{name}`"), "entries");
    match (subnets, one.how) {
        ([], _) => does,
        (subnets, Loosening::TakenOff) => format!("{does} {}", subnets.join(", ")),
        (subnets, _) => format!("{does}, which is at the edge of {}", subnets.join(", ")),
    }
}

/// What is done to a prefix list, and the group of which rules name it.
fn of_list(one: &Loosened, list: Option<&str>) -> String {
    let (Some(list), Some(name)) = (list, &one.name) else {
        let what = "a prefix list that is known after apply";
        return done_to(one.how, what, "entries") + ", which rules of Watertight's may name";
    };
    let does = done_to(one.how, &format!("the prefix list `{list}`"), "entries");
    if one.segments.is_empty() {
        return format!("{does}, which rules of `{name}` name");
    }
    format!("{does}, by which `{name}` enforces {}", named(&one.segments))
}

fn done_to(how: Loosening, what: &str, content: &str) -> String {
    match how {
        Loosening::TakenOff => format!("takes {what} off"),
        Loosening::Deleted => format!("deletes {what}"),
        Loosening::Rules => format!("changes the {content} of {what}"),
        Loosening::Untagged => format!("takes the tag `{MANAGED}` off {what}"),
    }
}

fn named(segments: &[String]) -> String {
    match segments {
        [segment] => format!("the segment {segment}"),
        segments => format!("the segments {}", segments.join(", ")),
    }
}
