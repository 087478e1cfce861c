//! All answers about an estate after one of its rules has changed.

use std::collections::BTreeMap;
use std::hint::black_box;

use watertight_model::network::{Direction, Guard, GuardId, Peer, Rule};
use watertight_model::{ArenaId, Estate};
use watertight_net::{FlowSet, PortSet};
use watertight_reach::{Renewed, Standing};

use super::measure::say;
use super::{clock, float, since};

/// How many guards that few interfaces have get other rules, beside the one that most have.
const FEW: usize = 4;

/// Changes rules one after the other, and reports how long all answers take after each.
pub(super) fn run(estate: Estate) {
    let start = clock();
    let mut standing = Standing::new(estate);
    say("standing", since(start));
    let mut whole = 0;
    for (name, slowest, direction) in [
        ("changed", "changed_slowest", Direction::Ingress),
        ("changed_out", "changed_out_slowest", Direction::Egress),
    ] {
        let mut seconds = Vec::new();
        for id in guards(standing.estate()) {
            for change in [port_changed, rule_added, rule_removed] {
                let guard = change(&standing.estate().network.guards[id], direction, id);
                let start = clock();
                let (after, renewed) = standing.with_guard(id, guard);
                black_box((after.exposure(), after.blasts()));
                seconds.push(since(start));
                whole += usize::from(renewed != Renewed::Part);
                standing = after;
            }
        }
        seconds.sort_by(f64::total_cmp);
        say(name, seconds.get(seconds.len() / 2).copied().unwrap_or_default());
        say(slowest, seconds.last().copied().unwrap_or_default());
    }
    say("changed_whole", float(whole));
}

/// Some guards that few interfaces have, spread over the estate, and the one that most have.
fn guards(estate: &Estate) -> Vec<GuardId> {
    let network = &estate.network;
    let mut having: BTreeMap<GuardId, usize> = BTreeMap::new();
    for endpoint in network.endpoints.values() {
        for layer in &endpoint.layers {
            for guard in &network.layers[*layer].guards {
                *having.entry(*guard).or_default() += 1;
            }
        }
    }
    let mut ordered: Vec<(usize, GuardId)> =
        having.iter().map(|(id, count)| (*count, *id)).collect();
    ordered.sort_unstable();
    let few = ordered.len() / 2;
    let step = (few / FEW).max(1);
    let mut found: Vec<GuardId> =
        ordered.iter().take(few).step_by(step).take(FEW).map(|(_, id)| *id).collect();
    found.extend(ordered.last().map(|(_, id)| *id));
    found
}

/// The first rule of a guard is for another port.
fn port_changed(guard: &Guard, direction: Direction, _: GuardId) -> Guard {
    let mut guard = guard.clone();
    if let Some(rule) = rules(&mut guard, direction).and_then(|rules| rules.first_mut()) {
        rule.flows = FlowSet::tcp(PortSet::single(8443));
    }
    guard
}

/// Another rule refers to the members of the guard before.
fn rule_added(guard: &Guard, direction: Direction, id: GuardId) -> Guard {
    let mut guard = guard.clone();
    if let Some(rules) = rules(&mut guard, direction)
        && let Some(mut rule) = rules.first().cloned()
    {
        let before = u32::try_from(id.index().saturating_sub(1)).unwrap_or_default();
        rule.peer = Peer::Members(GuardId::from_index(before));
        rule.flows = FlowSet::tcp(PortSet::single(9443));
        rules.push(rule);
    }
    guard
}

/// The first rule is gone.
fn rule_removed(guard: &Guard, direction: Direction, _: GuardId) -> Guard {
    let mut guard = guard.clone();
    if let Some(rules) = rules(&mut guard, direction)
        && !rules.is_empty()
    {
        rules.remove(0);
    }
    guard
}

fn rules(guard: &mut Guard, direction: Direction) -> Option<&mut Vec<Rule>> {
    let stages = match direction {
        Direction::Ingress => &mut guard.ingress,
        Direction::Egress => &mut guard.egress,
    };
    stages.first_mut().map(|stage| &mut stage.rules)
}
