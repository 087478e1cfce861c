//! What guards let through, as sets of flows with two bounds.

use std::collections::BTreeSet;

use watertight_model::network::{
    Action, Combine, Direction, EndpointId, Guard, GuardId, LayerId, ListContent, Peer, Rule,
    Stage, StageDefault,
};
use watertight_model::{Bounds, Network};
use watertight_net::{Family, FlowSet, Prefix};

use crate::index::has_guard;
use crate::path::Seen;

/// Whether a rule's peer is what a guard sees.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Match {
    No,
    Maybe,
    Yes,
}

/// Which bound is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Bound {
    Sure,
    Possible,
}

/// A rule that took part in a decision.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Deciding {
    /// The guard.
    pub guard: GuardId,
    /// The direction.
    pub direction: Direction,
    /// The stage, counted from 0, and the rule in it; none where the stage's default decided.
    pub rule: Option<(usize, usize)>,
    /// Whether the flows were accepted.
    pub accepts: bool,
    /// The flows that it decided.
    pub flows: FlowSet,
}

/// What of `flows` a layer accepts: what any of its guards accepts.
pub(crate) fn layer_accepts(
    network: &Network,
    layer: LayerId,
    direction: Direction,
    seen: Seen,
    flows: &FlowSet,
) -> Bounds<FlowSet> {
    let mut accepted = Bounds::exact(FlowSet::none());
    for guard in &network.layers[layer].guards {
        let content = &network.guards[*guard];
        let stages = content.stages(direction);
        let one = |bound| stages_accept(network, stages, 0, 0, seen, flows.clone(), bound);
        accepted.sure = accepted.sure.union(&one(Bound::Sure));
        accepted.possible = accepted.possible.union(&one(Bound::Possible));
    }
    accepted
}

/// Whether a layer could accept anything of what it sees: far quicker than asking what, and never
/// `false` where anything is possible.
pub(crate) fn could_accept(
    network: &Network,
    layer: LayerId,
    direction: Direction,
    seen: Seen,
) -> bool {
    network.layers[layer].guards.iter().any(|guard| {
        let Some(stage) = network.guards[*guard].stages(direction).first() else { return true };
        stage.default != StageDefault::Deny
            || stage.rules.iter().any(|rule| {
                rule.action != Action::Deny && matches(network, &rule.peer, seen) != Match::No
            })
    })
}

/// Whether a rule of a layer plainly accepts all from anybody, and none beside it denies anything.
pub(crate) fn accepts_anything(network: &Network, layer: LayerId, direction: Direction) -> bool {
    network.layers[layer].guards.iter().any(|guard| {
        let [stage] = network.guards[*guard].stages(direction) else { return false };
        let accepts = |rule: &Rule| rule.action == Action::Accept;
        stage.combine == Combine::Union
            && stage.rules.iter().all(accepts)
            && stage.rules.iter().any(|rule| rule.peer == Peer::Any && rule.flows.is_all())
    })
}

/// What stages accept of flows, from a rule of a stage on.
///
/// A rule that matches perhaps is tried both ways: what both accept is sure, what either accepts
/// is possible.
fn stages_accept(
    network: &Network,
    stages: &[Stage],
    position: usize,
    first_rule: usize,
    seen: Seen,
    flows: FlowSet,
    bound: Bound,
) -> FlowSet {
    let Some(stage) = stages.get(position) else { return flows };
    if flows.is_empty() {
        return flows;
    }
    match stage.combine {
        Combine::Ordered => {
            ordered_accepts(network, stages, position, first_rule, seen, flows, bound)
        }
        Combine::Union | Combine::DenyOverAccept => {
            let (accepted, denied) = unordered(network, stage, seen, &flows, bound);
            let rest = flows.difference(&accepted).difference(&denied);
            let accepted = accepted.difference(&denied);
            accepted.union(&default_accepts(network, stages, position, seen, rest, bound))
        }
    }
}

/// What the rules of an unordered stage accept and deny.
fn unordered(
    network: &Network,
    stage: &Stage,
    seen: Seen,
    flows: &FlowSet,
    bound: Bound,
) -> (FlowSet, FlowSet) {
    let mut accepted = FlowSet::none();
    let mut denied = FlowSet::none();
    for rule in &stage.rules {
        let counts = match (matches(network, &rule.peer, seen), rule.action) {
            (Match::No, _) => false,
            (Match::Yes, _) => true,
            (Match::Maybe, Action::Deny) => bound == Bound::Sure,
            (Match::Maybe, Action::Accept | Action::AcceptHere | Action::Next) => {
                bound == Bound::Possible
            }
        };
        if !counts {
            continue;
        }
        let part = flows.intersection(&rule.flows);
        match rule.action {
            Action::Accept | Action::AcceptHere => accepted = accepted.union(&part),
            Action::Deny => denied = denied.union(&part),
            Action::Next => {}
        }
    }
    (accepted, denied)
}

fn ordered_accepts(
    network: &Network,
    stages: &[Stage],
    position: usize,
    first_rule: usize,
    seen: Seen,
    flows: FlowSet,
    bound: Bound,
) -> FlowSet {
    let Some(stage) = stages.get(position) else { return flows };
    let mut rest = flows;
    let mut accepted = FlowSet::none();
    for (number, rule) in stage.rules.iter().enumerate().skip(first_rule) {
        let matched = matches(network, &rule.peer, seen);
        if matched == Match::No {
            continue;
        }
        let part = rest.intersection(&rule.flows);
        if part.is_empty() {
            continue;
        }
        rest = rest.difference(&part);
        let taken = match rule.action {
            Action::Accept => part.clone(),
            Action::AcceptHere | Action::Next => {
                stages_accept(network, stages, position + 1, 0, seen, part.clone(), bound)
            }
            Action::Deny => FlowSet::none(),
        };
        let taken = if matched == Match::Yes {
            taken
        } else {
            let passed_by =
                ordered_accepts(network, stages, position, number + 1, seen, part, bound);
            match bound {
                Bound::Sure => taken.intersection(&passed_by),
                Bound::Possible => taken.union(&passed_by),
            }
        };
        accepted = accepted.union(&taken);
        if rest.is_empty() {
            return accepted;
        }
    }
    accepted.union(&default_accepts(network, stages, position, seen, rest, bound))
}

fn default_accepts(
    network: &Network,
    stages: &[Stage],
    position: usize,
    seen: Seen,
    rest: FlowSet,
    bound: Bound,
) -> FlowSet {
    let Some(stage) = stages.get(position) else { return rest };
    match &stage.default {
        StageDefault::Accept => rest,
        StageDefault::Deny => FlowSet::none(),
        StageDefault::Next => stages_accept(network, stages, position + 1, 0, seen, rest, bound),
        StageDefault::Unknown(_) => match bound {
            Bound::Sure => FlowSet::none(),
            Bound::Possible => rest,
        },
    }
}

/// Whether a peer is what a guard sees.
pub(crate) fn matches(network: &Network, peer: &Peer, seen: Seen) -> Match {
    let yes = |holds: bool| if holds { Match::Yes } else { Match::No };
    match peer {
        Peer::Any => Match::Yes,
        Peer::Prefix(prefix) => yes(prefix_matches(*prefix, seen)),
        Peer::List(list) => match &network.lists[*list].content {
            ListContent::Known(prefixes) => {
                yes(prefixes.iter().any(|prefix| prefix_matches(*prefix, seen)))
            }
            ListContent::Unread(candidates) => match seen.address {
                Some(address) if candidates.contains(address) => Match::Maybe,
                Some(_) | None => Match::No,
            },
        },
        Peer::Members(guard) => {
            let front = seen.front.map(|front| &network.fronts[front].endpoints);
            let mut found = Match::No;
            for endpoint in seen.member.iter().chain(front.into_iter().flatten()) {
                if has_guard(network, *endpoint, *guard) {
                    return Match::Yes;
                }
                if !are_guards_known(network, *endpoint) {
                    found = Match::Maybe;
                }
            }
            found
        }
        Peer::Unread(_) => Match::Maybe,
    }
}

/// Whether the input tells all guards of an endpoint.
fn are_guards_known(network: &Network, endpoint: EndpointId) -> bool {
    network.endpoints[endpoint].layers.iter().all(|layer| network.layers[*layer].complete)
}

fn prefix_matches(prefix: Prefix, seen: Seen) -> bool {
    match seen.address {
        Some(address) => prefix.contains(address),
        // An address that no rule could name is matched by a whole family only.
        None => prefix.len() == 0 && (prefix.family() == Family::V6) == seen.ipv6,
    }
}

/// The rules that decide about `flows` at a layer, for explanations: every part of the flows with
/// the rule (or default) that accepts it, or that denies it where no guard accepts it.
pub(crate) fn deciding(
    network: &Network,
    layer: LayerId,
    direction: Direction,
    seen: Seen,
    flows: &FlowSet,
) -> Vec<Deciding> {
    let accepted = layer_accepts(network, layer, direction, seen, flows).possible;
    let mut found = BTreeSet::new();
    let guards = &network.layers[layer].guards;
    // What nobody wrote refuses nothing that the guards beside it would not.
    let some_written = guards.iter().any(|guard| network.guards[*guard].is_written());
    for guard in guards {
        let content = &network.guards[*guard];
        let is_silent = some_written && !content.is_written();
        for decision in first_matches(network, *guard, content, direction, seen, flows) {
            let part = if decision.accepts {
                decision.flows.clone()
            } else {
                decision.flows.difference(&accepted)
            };
            if !part.is_empty() && (decision.accepts || !is_silent) {
                found.insert(Deciding { flows: part, ..decision });
            }
        }
    }
    found.into_iter().collect()
}

/// What each rule of a guard's stages decides, in the order of evaluation.
fn first_matches(
    network: &Network,
    guard: GuardId,
    content: &Guard,
    direction: Direction,
    seen: Seen,
    flows: &FlowSet,
) -> Vec<Deciding> {
    let mut found = Vec::new();
    let mut rest = flows.clone();
    for (position, stage) in content.stages(direction).iter().enumerate() {
        let denies_first = |rule: &&(usize, &Rule)| match stage.combine {
            Combine::Ordered | Combine::Union => false,
            Combine::DenyOverAccept => rule.1.action == Action::Deny,
        };
        // Rules of a union are independent: each decides all that it matches.
        let whole = rest.clone();
        let rules: Vec<(usize, &Rule)> = stage.rules.iter().enumerate().collect();
        let (first, second): (Vec<_>, Vec<_>) = rules.iter().partition(denies_first);
        let mut next = FlowSet::none();
        for (number, rule) in first.into_iter().chain(second) {
            if matches(network, &rule.peer, seen) == Match::No {
                continue;
            }
            let before = if stage.combine == Combine::Union { &whole } else { &rest };
            let part = before.intersection(&rule.flows);
            if part.is_empty() {
                continue;
            }
            rest = rest.difference(&part);
            match rule.action {
                Action::Accept | Action::Deny => found.push(Deciding {
                    guard,
                    direction,
                    rule: Some((position, number)),
                    accepts: rule.action == Action::Accept,
                    flows: part,
                }),
                Action::AcceptHere | Action::Next => next = next.union(&part),
            }
        }
        let accepts = match stage.default {
            StageDefault::Accept | StageDefault::Unknown(_) => true,
            StageDefault::Deny => false,
            StageDefault::Next => {
                rest = rest.union(&next);
                continue;
            }
        };
        if !rest.is_empty() {
            found.push(Deciding { guard, direction, rule: None, accepts, flows: rest });
        }
        rest = next;
    }
    found
}
