//! Actions on offer, and what they mean for the estate.

use std::collections::BTreeSet;

use watertight_model::network::{Direction, Peer};
use watertight_model::{Estate, Power};
use watertight_reach::RuleAt;

use super::subjects::Subjects;
use super::{Building, Change, Input};
use crate::action::{Action, Cost, Seen};
use crate::fact::Subject;
use crate::hop::Removable;

/// One action for each thing that can be taken away.
///
/// The cost counts pairs of workloads that the change closes beyond the first: what lies on no
/// chain is closed for nothing.
pub(crate) fn offer(input: &Input<'_>, subjects: &Subjects, building: &Building) -> Vec<Action> {
    building
        .changes
        .iter()
        .enumerate()
        .filter_map(|(place, change)| {
            let number = Removable(u32::try_from(place).ok()?);
            let members = |subject: &u32| u64::from(subjects.members_of(Subject(*subject)));
            let known = building.pairs.get(&number).into_iter().flatten();
            let known: u64 = known.map(|(from, to)| members(from) * members(to)).sum();
            let pairs = known + building.closed.get(&number).copied().unwrap_or_default();
            let idle = u32::try_from(pairs.saturating_sub(1)).unwrap_or(u32::MAX);
            let (name, seen) = describe(input, change);
            Some(Action::new(name, [number], Cost::of(seen, idle)))
        })
        .collect()
}

fn describe(input: &Input<'_>, change: &Change) -> (String, Seen) {
    let estate = input.estate;
    match change {
        Change::RemoveRule(at) => {
            let guard = &estate.network.guards[at.guard];
            let text = rule_text(input, *at);
            (format!("remove {} from {} {}", text, guard.kind, guard.name), Seen::Unlogged)
        }
        Change::DropPublic(endpoint, address) => {
            let workload = &estate.workloads[estate.network.endpoints[*endpoint].workload];
            (format!("take public address {address} from {}", workload.name), Seen::Unlogged)
        }
        Change::RequireToken(workload) => {
            let name = &estate.workloads[*workload].name;
            (format!("require IMDSv2 on {name}"), Seen::Share(0.0))
        }
        Change::RemoveGrant(place) => {
            let name = estate.grants.get(*place).map(|grant| {
                let holder = &estate.credentials[grant.holder].name;
                match &grant.power {
                    Power::ReadData { store, .. } => {
                        format!("stop {holder} reading {}", estate.workloads[*store].name)
                    }
                    Power::ReadSecret(secret) => {
                        format!("stop {holder} reading {}", estate.credentials[*secret].name)
                    }
                    Power::Assume(role) => {
                        format!("stop {holder} assuming {}", estate.credentials[*role].name)
                    }
                    Power::RunCode(workload) => {
                        format!(
                            "stop {holder} running code on {}",
                            estate.workloads[*workload].name
                        )
                    }
                    Power::ChangeGuards(account) => {
                        format!("stop {holder} changing guards of {account}")
                    }
                }
            });
            (name.unwrap_or_default(), Seen::Unlogged)
        }
    }
}

/// The rule as the provider names it.
pub(crate) fn rule_name(input: &Input<'_>, at: RuleAt) -> String {
    let guard = &input.estate.network.guards[at.guard];
    let rule = guard.stages(at.direction).get(at.stage).and_then(|stage| stage.rules.get(at.rule));
    rule.map(|rule| rule.name.to_string()).unwrap_or_default()
}

/// What a rule says, in one line.
pub(crate) fn rule_text(input: &Input<'_>, at: RuleAt) -> String {
    let network = &input.estate.network;
    let guard = &network.guards[at.guard];
    let rule = guard.stages(at.direction).get(at.stage).and_then(|stage| stage.rules.get(at.rule));
    let Some(rule) = rule else { return String::new() };
    let peer = match &rule.peer {
        Peer::Any => "anywhere".to_owned(),
        Peer::Prefix(prefix) => prefix.to_string(),
        Peer::List(list) => network.lists[*list].name.to_string(),
        Peer::Members(guard) => network.guards[*guard].title.to_string(),
        Peer::Unread(what) => what.to_string(),
    };
    match at.direction {
        Direction::Ingress => format!("{} from {peer}", rule.flows),
        Direction::Egress => format!("{} to {peer}", rule.flows),
    }
}

/// The estate after changes: to ask it whether a cut holds.
#[must_use]
pub fn apply(estate: &Estate, changes: &[Change]) -> Estate {
    let mut changed = estate.clone();
    let mut rules: Vec<RuleAt> = Vec::new();
    let mut grants: BTreeSet<usize> = BTreeSet::new();
    for change in changes {
        match change {
            Change::RemoveRule(at) => rules.push(*at),
            Change::DropPublic(endpoint, address) => {
                let endpoint = &mut changed.network.endpoints[*endpoint];
                endpoint.public.retain(|(_, public)| public != address);
            }
            Change::RequireToken(workload) => {
                if let Some(metadata) = &mut changed.workloads[*workload].metadata {
                    metadata.token_required = true;
                }
            }
            Change::RemoveGrant(place) => {
                grants.insert(*place);
            }
        }
    }
    // From the last to the first, so that the places of the others stay as they are.
    rules.sort_by(|a, b| b.cmp(a));
    rules.dedup();
    for at in rules {
        let guard = &mut changed.network.guards[at.guard];
        let stages = match at.direction {
            Direction::Ingress => &mut guard.ingress,
            Direction::Egress => &mut guard.egress,
        };
        if let Some(stage) = stages.get_mut(at.stage)
            && at.rule < stage.rules.len()
        {
            stage.rules.remove(at.rule);
        }
    }
    let mut place = 0;
    changed.grants.retain(|_| {
        place += 1;
        !grants.contains(&(place - 1))
    });
    changed
}
