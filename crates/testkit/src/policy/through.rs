//! The legs that a rule stands for.

use watertight_policy::syntax::{Peer, Rule};

use super::matching::{Scene, any_peer, of_workloads};
use super::requests::{Carried, clauses};
use super::{End, Request, Truth, Who, agreed, all, any};

/// One of the legs that a rule stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Part {
    Direct,
    ToFront,
    FromFront,
    HealthCheck,
}

impl Part {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::ToFront => "to front",
            Self::FromFront => "from front",
            Self::HealthCheck => "health check",
        }
    }
}

/// The legs of a rule.
pub(crate) fn parts(rule: &Rule) -> &'static [Part] {
    if rule.through.is_empty() {
        &[Part::Direct]
    } else {
        &[Part::ToFront, Part::FromFront, Part::HealthCheck]
    }
}

/// Who opens the leg.
pub(crate) fn opens(rule: &Rule, part: Part) -> &[Peer] {
    match part {
        Part::Direct | Part::ToFront => &rule.from,
        Part::FromFront | Part::HealthCheck => &rule.through,
    }
}

/// Who accepts it.
pub(crate) fn accepts(rule: &Rule, part: Part) -> &[Peer] {
    match part {
        Part::ToFront => &rule.through,
        Part::Direct | Part::FromFront | Part::HealthCheck => &rule.to,
    }
}

/// Whether what is sent is what the rule is about; with `None` for the request, as if every request
/// fitted.
pub(crate) fn sent(scene: Scene<'_>, rule: &Rule, part: Part, request: Option<&Request>) -> Truth {
    let flow = scene.case.flow;
    let fits = |clause: &Carried<'_>| request.map_or(Some(true), |request| clause.fits(request));
    let said = rule.over.as_ref().map(|over| clauses(scene.documents, over));
    match part {
        Part::Direct => match said {
            None => Some(true),
            Some(said) => {
                any(said.iter().map(|clause| all([Some(clause.carries(flow)), fits(clause)])))
            }
        },
        Part::FromFront => {
            let is_sent = between(scene, |front, target| {
                front
                    .listeners
                    .iter()
                    .flat_map(|(_, targets)| targets)
                    .any(|(to, flows)| *to == target && flows.contains_flow(flow))
            });
            match said {
                None => is_sent,
                Some(said) => any(said
                    .iter()
                    .map(|clause| all([Some(clause.carries(flow)), is_sent, fits(clause)]))),
            }
        }
        Part::HealthCheck => between(scene, |front, target| {
            front.health.iter().any(|(to, flows)| *to == target && flows.contains_flow(flow))
        }),
        Part::ToFront => match said {
            None => listens(scene, rule, |_| true),
            Some(said) => any(said.iter().map(|clause| {
                let leads = listens(scene, rule, |flows| carries_some(clause, flows));
                all([leads, fits(clause)])
            })),
        },
    }
}

/// Whether a clause is about some packet of a target's flows. Those have one destination port.
fn carries_some(clause: &Carried<'_>, flows: &watertight_net::FlowSet) -> bool {
    flows.sample().is_some_and(|flow| clause.carries(flow))
}

/// Whether one end is a front, and the other its target, of which something holds.
fn between(scene: Scene<'_>, test: impl Fn(&super::Front, usize) -> bool) -> Truth {
    let holds = |front: usize, target: usize| {
        scene.world.fronts.iter().any(|one| one.workload == front && test(one, target))
    };
    match (&scene.case.source.who, &scene.case.destination.who) {
        (Who::Outside(..), _) | (_, Who::Outside(..)) => Some(false),
        (Who::Workloads(fronts), Who::Workloads(targets)) => agreed(
            fronts
                .iter()
                .flat_map(|front| targets.iter().map(|target| Some(holds(*front, *target)))),
        ),
        _ => None,
    }
}

/// Whether the destination is a front with a listener for the leg that leads to the rule's `to` over
/// flows of which something holds.
fn listens(
    scene: Scene<'_>,
    rule: &Rule,
    test: impl Fn(&watertight_net::FlowSet) -> bool,
) -> Truth {
    of_workloads(&scene.case.destination, |workload| {
        let fronts = scene.world.fronts.iter().filter(|front| front.workload == workload);
        let listeners = fronts.flat_map(|front| &front.listeners);
        let heard = listeners.filter(|(flows, _)| flows.contains_flow(scene.case.flow));
        any(heard.flat_map(|(_, targets)| targets).map(|(target, flows)| {
            let end = End { who: Who::Workloads(vec![*target]), places: Vec::new(), groups: None };
            // Nobody asks a resolver for a front's targets.
            let is_meant = any_peer(scene, &rule.to, &end, true);
            all([Some(test(flows)), is_meant])
        }))
    })
}
