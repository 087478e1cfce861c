//! Actions on offer.

use watertight_model::Power;
use watertight_model::network::{Direction, GuardId, Peer};
use watertight_reach::RuleAt;

use super::subjects::Subjects;
use super::{Building, Change, Input, Without, origin};
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
            if let Change::NarrowRule(at, _) = change {
                // Where it closes all that the rule opens, it is the rule's removal.
                let rule = building.numbers.get(&Change::RemoveRule(*at));
                let of = |thing: &Removable| building.pairs.get(thing);
                if rule.and_then(of) == of(&number) {
                    return None;
                }
            }
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
    let network = &estate.network;
    let of_guard =
        |guard: GuardId| format!("{} {}", network.guards[guard].kind, network.guards[guard].name);
    match change {
        Change::NarrowRule(at, without) => {
            let whom = match without {
                Without::Internet => "the internet".to_owned(),
                Without::Realm(realm) => network.realms[*realm].title.to_string(),
            };
            let (text, guard) = (rule_text(input, *at), of_guard(at.guard));
            (format!("leave {whom} out of {text} in {guard}"), Seen::Unlogged)
        }
        Change::NarrowPorts(at, ports) => {
            let (text, guard) = (rule_text(input, *at), of_guard(at.guard));
            (format!("narrow {text} in {guard} to {ports}"), Seen::Unlogged)
        }
        Change::AddDeny(guard, realm) => {
            let (realm, guard) = (&network.realms[*realm].title, of_guard(*guard));
            (format!("deny data ports from {realm} in {guard}"), Seen::Unlogged)
        }
        Change::DropRoute(table, place) => {
            let table = &network.tables[*table];
            let text = table.routes.get(*place).map(|route| route.text.to_string());
            let text = text.unwrap_or_default();
            (format!("drop the route {text} from {}", table.name), Seen::Unlogged)
        }
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
        Change::GuardOrigin(store) => {
            let realms = origin::private_networks(input.estate, *store);
            let realms: Vec<&str> =
                realms.iter().map(|realm| network.realms[*realm].title.as_str()).collect();
            let name = &estate.workloads[*store].name;
            (format!("admit to {name} only what comes from {}", realms.join(", ")), Seen::Unlogged)
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
