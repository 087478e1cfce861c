//! All answers about an estate after one of its rules has changed.

use std::collections::{BTreeMap, BTreeSet};
use std::hint::black_box;

use watertight_model::network::{Direction, Guard, GuardId, Peer, Rule};
use watertight_model::{ArenaId, Estate};
use watertight_net::{FlowSet, PortSet};
use watertight_reach::{Renewed, Standing};
use watertight_source::Span;

use super::measure::say;
use super::{clock, since};

/// How many guards that few interfaces have get other rules, beside the one that most have.
const FEW: usize = 4;
/// How many policies get other rules.
const POLICIES: usize = 60;

/// What becomes of a list of rules of a guard.
type Change = fn(Vec<Rule>, GuardId) -> Vec<Rule>;

/// Changes rules of groups one after the other, and reports how long all answers take after each.
pub(super) fn run(estate: Estate) {
    let groups: Vec<Meant> = guards(&estate).into_iter().map(Meant::Guard).collect();
    change(estate, &groups);
}

/// The same with the rules of policies.
pub(super) fn run_policies(estate: Estate) {
    let policies: Vec<Meant> = policies(&estate).into_iter().map(Meant::Policy).collect();
    change(estate, &policies);
}

/// Whose rules change.
enum Meant {
    Guard(GuardId),
    /// All that were read from one place: guards of pods that a policy selects beside others.
    Policy(Span),
}

fn change(estate: Estate, meant: &[Meant]) {
    let start = clock();
    let mut standing = Standing::new(estate);
    say("standing", since(start));
    let mut whole: u32 = 0;
    for (name, slowest, direction) in [
        ("changed", "changed_slowest", Direction::Ingress),
        ("changed_out", "changed_out_slowest", Direction::Egress),
    ] {
        let mut seconds = Vec::new();
        for meant in meant {
            for change in [port_changed as Change, rule_added, rule_removed] {
                let guards = changed(standing.estate(), meant, direction, change);
                if guards.is_empty() {
                    continue;
                }
                let start = clock();
                let (after, renewed) = standing.with_guards(guards);
                black_box((after.exposure(), after.blasts()));
                seconds.push(since(start));
                whole += u32::from(renewed != Renewed::Part);
                standing = after;
            }
        }
        say_of(name, slowest, seconds);
    }
    select_others(standing, meant, &mut whole);
    say("changed_whole", f64::from(whole));
}

/// Has policies select other pods, one after the other: what they say of some guards' pods they say of
/// those of the guard before. Pods that the same policies select go together.
fn select_others(mut standing: Standing, meant: &[Meant], whole: &mut u32) {
    let mut seconds = Vec::new();
    for meant in meant {
        let Meant::Policy(span) = meant else { continue };
        for direction in [Direction::Ingress, Direction::Egress] {
            let guards = moved(standing.estate(), *span, direction);
            if guards.len() < 2 {
                continue;
            }
            let start = clock();
            let (after, renewed) = standing.with_guards(guards);
            black_box((after.exposure(), after.blasts()));
            seconds.push(since(start));
            *whole += u32::from(renewed != Renewed::Part);
            standing = after;
        }
    }
    if !seconds.is_empty() {
        say_of("changed_pods", "changed_pods_slowest", seconds);
    }
}

/// Says what some changes took, the median and the slowest.
fn say_of(median: &str, slowest: &str, mut seconds: Vec<f64>) {
    seconds.sort_by(f64::total_cmp);
    say(median, seconds.get(seconds.len() / 2).copied().unwrap_or_default());
    say(slowest, seconds.last().copied().unwrap_or_default());
}

/// The guards without the rules of a policy, and the one before the first of them with these.
fn moved(estate: &Estate, span: Span, direction: Direction) -> Vec<(GuardId, Guard)> {
    let is_own = |rule: &Rule| rule.origin == Some(span);
    let mut own: Vec<Rule> = Vec::new();
    let mut found: Vec<(GuardId, Guard)> = Vec::new();
    let mut other: Option<(GuardId, Guard)> = None;
    for (id, guard) in estate.network.guards.iter() {
        let mut guard = guard.clone();
        let Some(rules) = rules(&mut guard, direction) else { continue };
        if rules.iter().any(is_own) {
            own = rules.iter().filter(|rule| is_own(rule)).cloned().collect();
            rules.retain(|rule| !is_own(rule));
            found.push((id, guard));
        } else if found.is_empty() {
            other = Some((id, guard));
        }
    }
    if let Some((id, mut guard)) = other.filter(|_| !found.is_empty()) {
        if let Some(rules) = rules(&mut guard, direction) {
            rules.extend(own);
        }
        found.push((id, guard));
    }
    found
}

/// The guards that a change makes other ones.
fn changed(
    estate: &Estate,
    meant: &Meant,
    direction: Direction,
    change: Change,
) -> Vec<(GuardId, Guard)> {
    let all = estate.network.guards.iter();
    let of = |(id, guard): (GuardId, &Guard)| {
        let mut guard = guard.clone();
        let rules = rules(&mut guard, direction)?;
        match meant {
            Meant::Guard(only) => {
                if id != *only {
                    return None;
                }
                *rules = change(std::mem::take(rules), id);
            }
            Meant::Policy(span) => {
                let is_own = |rule: &Rule| rule.origin == Some(*span);
                let first = rules.iter().position(is_own)?;
                let (own, others): (Vec<Rule>, Vec<Rule>) = rules.drain(..).partition(is_own);
                rules.extend(others);
                rules.splice(first..first, change(own, id));
            }
        }
        Some((id, guard))
    };
    all.filter_map(of).collect()
}

/// Some policies, spread over the cluster, by where their first rules were read from.
fn policies(estate: &Estate) -> Vec<Span> {
    let guards = estate.network.guards.values();
    let stages = guards.flat_map(|guard| guard.ingress.iter().chain(&guard.egress));
    let spans: BTreeSet<Span> =
        stages.flat_map(|stage| &stage.rules).filter_map(|rule| rule.origin).collect();
    let step = (spans.len() / POLICIES).max(1);
    spans.into_iter().step_by(step).take(POLICIES).collect()
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

/// The first rule is for another port.
fn port_changed(mut rules: Vec<Rule>, _: GuardId) -> Vec<Rule> {
    if let Some(rule) = rules.first_mut() {
        rule.flows = FlowSet::tcp(PortSet::single(8443)).into();
    }
    rules
}

/// Another rule refers to the members of the guard before.
fn rule_added(mut rules: Vec<Rule>, id: GuardId) -> Vec<Rule> {
    if let Some(mut rule) = rules.first().cloned() {
        let before = u32::try_from(id.index().saturating_sub(1)).unwrap_or_default();
        rule.peer = Peer::Members(GuardId::from_index(before));
        rule.flows = FlowSet::tcp(PortSet::single(9443)).into();
        rules.push(rule);
    }
    rules
}

/// The first rule is gone.
fn rule_removed(rules: Vec<Rule>, _: GuardId) -> Vec<Rule> {
    rules.into_iter().skip(1).collect()
}

fn rules(guard: &mut Guard, direction: Direction) -> Option<&mut Vec<Rule>> {
    let stages = match direction {
        Direction::Ingress => &mut guard.ingress,
        Direction::Egress => &mut guard.egress,
    };
    stages.first_mut().map(|stage| &mut *stage.rules)
}
