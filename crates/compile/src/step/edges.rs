//! In which order lists come to the edges of subnets.

use std::collections::{BTreeMap, BTreeSet};

use super::{Action, Step};
use crate::edge::{Edge, EdgeList, HeldEdge};

/// A subnet that gets another list.
struct Turn<'t> {
    list: &'t EdgeList,
    wanted: Option<&'t Edge>,
    /// Whether it gets it before anything else is done, and else when all else is done.
    is_first: bool,
    /// What may be possible in between that neither list lets through.
    transient: bool,
}

/// The steps about edges that come before all others, and those that come after. `there` are the names of the
/// lists that need not be made.
///
/// What refuses more comes first, and what refuses less last: in between nothing is possible that neither old
/// nor new permits, and everything that both permit. Where the new list refuses other things than the old
/// one, the step with which it begins is named.
pub(crate) fn edge_steps(
    wanted: Option<&[Edge]>,
    lists: &[EdgeList],
    there: &BTreeSet<&str>,
) -> (Vec<Step>, Vec<Step>) {
    let Some(wanted) = wanted else { return (Vec::new(), Vec::new()) };
    let made = wanted.iter().filter(|edge| !there.contains(&*edge.name.0));
    let mut first: Vec<Step> = made
        .map(|edge| {
            let name = || edge.name.to_string();
            Step::new(Action::CreateEdge { edge: name() }, Action::DeleteEdge { edge: name() })
        })
        .collect();
    let mut last = Vec::new();
    for turn in turns(wanted, lists) {
        let subnet = || turn.list.subnet.to_string();
        // What the plan does not hold goes by its id.
        let is_held = |name: &str| wanted.iter().any(|edge| edge.name.0 == name);
        let of_ours = |ours: &HeldEdge| match ours.edge.name.to_string() {
            name if is_held(&name) => name,
            _ => ours.id.clone(),
        };
        let base = || turn.list.base.clone();
        let from = turn.list.ours.as_ref().map_or_else(base, of_ours);
        let to = turn.wanted.map_or_else(base, |edge| edge.name.to_string());
        let edge = turn.wanted.or(turn.list.ours.as_ref().map(|ours| &ours.edge));
        let place = edge.map(|edge| [&edge.place.0, &edge.place.1].map(ToString::to_string));
        let [account, region] = place.unwrap_or_default();
        let set = |from: &str, to: &str| Action::SetEdge {
            subnet: subnet(),
            account: account.clone(),
            region: region.clone(),
            from: from.to_owned(),
            to: to.to_owned(),
        };
        let mut step = Step::new(set(&from, &to), set(&to, &from));
        step.transient = turn.transient.then(|| {
            format!(
                "the edge of {} goes over at once: until the last step is done more may be possible than \
                 what the old list and the old groups, or the new ones, permit",
                turn.list.subnet
            )
        });
        if turn.is_first { first.push(step) } else { last.push(step) }
    }
    (first, last)
}

/// The lists at edges when the steps that come first are taken, and those that come last are not.
pub(crate) fn middle(wanted: &[Edge], lists: &[EdgeList]) -> Vec<Edge> {
    let last: BTreeSet<&str> = turns(wanted, lists)
        .iter()
        .filter(|turn| !turn.is_first)
        .map(|turn| &*turn.list.subnet)
        .collect();
    let mut found: BTreeMap<&str, Edge> = BTreeMap::new();
    for list in lists {
        let now = list.ours.as_ref().map(|ours| &ours.edge);
        let then = wanted.iter().find(|edge| edge.subnets.contains(&list.subnet));
        let edge = if last.contains(&*list.subnet) { now } else { then };
        if let Some(edge) = edge {
            let all = found.entry(&*edge.name.0);
            let all = all.or_insert_with(|| Edge { subnets: Vec::new(), ..edge.clone() });
            all.subnets.push(list.subnet.clone());
        }
    }
    found.into_values().collect()
}

fn turns<'t>(wanted: &'t [Edge], lists: &'t [EdgeList]) -> Vec<Turn<'t>> {
    let each = lists.iter().filter_map(|list| {
        let wanted = wanted.iter().find(|edge| edge.subnets.contains(&list.subnet));
        let now = list.ours.as_ref().map(|ours| &ours.edge);
        let (is_first, transient) = match (now, wanted) {
            (None, None) => return None,
            (Some(now), Some(then)) if now.name == then.name => return None,
            (None, Some(_)) => (true, false),
            (Some(_), None) => (false, false),
            (Some(now), Some(then)) if then.covers(now) => (true, false),
            (Some(now), Some(then)) if now.covers(then) => (false, false),
            (Some(_), Some(_)) => (true, true),
        };
        Some(Turn { list, wanted, is_first, transient })
    });
    each.collect()
}
