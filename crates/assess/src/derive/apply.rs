//! An estate after changes, to be asked whether a cut holds.

use std::collections::{BTreeMap, BTreeSet};

use watertight_model::Estate;
use watertight_model::network::{Action, Direction, Peer, Rule, TableId};
use watertight_net::FlowSet;
use watertight_reach::RuleAt;

use super::support::{Without, kept};
use super::{Change, origin, ports};

/// What becomes of one rule.
#[derive(Default)]
struct Edit {
    removed: bool,
    without: Vec<Without>,
    ports: Option<FlowSet>,
}

/// The estate after changes: to ask it whether a cut holds.
#[must_use]
pub fn apply(estate: &Estate, changes: &[Change]) -> Estate {
    let mut changed = estate.clone();
    let mut edits: BTreeMap<RuleAt, Edit> = BTreeMap::new();
    let mut denies = BTreeSet::new();
    let mut routes: BTreeSet<(TableId, usize)> = BTreeSet::new();
    let mut grants: BTreeSet<usize> = BTreeSet::new();
    for change in changes {
        match change {
            Change::RemoveRule(at) => edits.entry(*at).or_default().removed = true,
            Change::NarrowRule(at, without) => {
                edits.entry(*at).or_default().without.push(*without);
            }
            Change::NarrowPorts(at, ports) => {
                edits.entry(*at).or_default().ports = Some(ports.clone());
            }
            Change::AddDeny(guard, realm) => {
                denies.insert((*guard, *realm));
            }
            Change::DropRoute(table, place) => {
                routes.insert((*table, *place));
            }
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
            Change::GuardOrigin(store) => origin::guard(&mut changed, *store),
        }
    }
    // From the last to the first, so that the places of the others stay as they are.
    for (at, edit) in edits.iter().rev() {
        edit_rule(estate, &mut changed, *at, edit);
    }
    for (table, place) in routes.iter().rev() {
        let routes = &mut changed.network.tables[*table].routes;
        if *place < routes.len() {
            routes.remove(*place);
        }
    }
    for (guard, realm) in denies {
        let prefixes = estate.network.realms[realm].prefixes.iter();
        let rules: Vec<Rule> = prefixes
            .map(|prefix| Rule {
                name: "added".into(),
                peer: Peer::Prefix(*prefix),
                flows: ports::data().into(),
                action: Action::Deny,
                origin: None,
            })
            .collect();
        if let Some(stage) = changed.network.guards[guard].ingress.first_mut() {
            stage.rules.splice(0..0, rules);
        }
    }
    let mut place = 0;
    changed.grants.retain(|_| {
        place += 1;
        !grants.contains(&(place - 1))
    });
    changed
}

fn edit_rule(estate: &Estate, changed: &mut Estate, at: RuleAt, edit: &Edit) {
    let guard = &mut changed.network.guards[at.guard];
    let stages = match at.direction {
        Direction::Ingress => &mut guard.ingress,
        Direction::Egress => &mut guard.egress,
    };
    let Some(stage) = stages.get_mut(at.stage) else { return };
    let Some(rule) = stage.rules.get(at.rule).cloned() else { return };
    let mut rules = if edit.removed { Vec::new() } else { vec![rule] };
    if let Some(ports) = &edit.ports {
        for rule in &mut rules {
            rule.flows = ports.clone().into();
        }
    }
    for without in &edit.without {
        rules = rules
            .into_iter()
            .flat_map(|rule| match kept(&estate.network, &rule.peer, *without) {
                Some(prefixes) => prefixes
                    .into_iter()
                    .map(|prefix| Rule { peer: Peer::Prefix(prefix), ..rule.clone() })
                    .collect(),
                // One part of a rule that was cut up may lie in what is left out as a whole.
                None if touches(estate, &rule.peer, *without) => Vec::new(),
                None => vec![rule],
            })
            .collect();
    }
    stage.rules.splice(at.rule..=at.rule, rules);
}

/// Whether a peer's addresses are among those that are left out.
fn touches(estate: &Estate, peer: &Peer, without: Without) -> bool {
    let Peer::Prefix(prefix) = peer else { return false };
    match without {
        Without::Realm(realm) => {
            let prefixes = estate.network.realms[realm].prefixes.iter();
            prefixes.clone().any(|own| own.contains(prefix.first()))
        }
        Without::Internet => watertight_reach::is_public(prefix.first()),
    }
}
