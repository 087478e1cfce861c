//! A rule with `through` stands for the legs to its fronts, from them, and their health checks.

use std::collections::BTreeMap;

use watertight_model::Truth;
use watertight_net::{Flow, FlowSet};

use crate::checked::{Action, Clause, Peer, Rule};
use crate::decide::compile::{Decider, Over};
use crate::decide::ends::{End, Seen, Who, agreed};
use crate::decide::types::{Leg, LegPart};
use crate::decide::world::TargetLegs;

/// A leg of a rule: which, its ends and what is sent.
pub(super) type LegOf<'p> = (LegPart, &'p [Peer], &'p [Peer], Over<'p>);

/// What fronts add to the conditions of a rule.
#[derive(Debug)]
pub(super) enum FrontPart {
    /// By front: a listener's flows, the clause by which it leads to the rule's `to`, and whether
    /// it does.
    To(BTreeMap<usize, Vec<(FlowSet, usize, Truth)>>),
    /// By front and target: what is sent there.
    From(BTreeMap<(usize, usize), FlowSet>),
    /// By front and target: what is sent to check its health, whatever the rule's clauses.
    Health(BTreeMap<(usize, usize), FlowSet>),
}

/// The legs that a rule stands for.
pub(super) fn expanded<'p>(decider: &Decider<'p>, rule: &'p Rule) -> Vec<LegOf<'p>> {
    if rule.through.is_empty() {
        return vec![(LegPart::Direct, &rule.from, &rule.to, Over::Clauses(&rule.over))];
    }
    let mut to = BTreeMap::new();
    let mut from: BTreeMap<(usize, usize), FlowSet> = BTreeMap::new();
    let mut health: BTreeMap<(usize, usize), FlowSet> = BTreeMap::new();
    for front in &decider.world.fronts {
        let listens: &mut Vec<_> = to.entry(front.workload).or_default();
        for listener in &front.listeners {
            for target in &listener.targets {
                let leads = decider.leads_to(target, &rule.to);
                add(&mut from, (front.workload, target.workload), &target.flows);
                for (place, clause) in rule.over.iter().enumerate() {
                    if leads != Truth::No && clause.flows.intersects(&target.flows) {
                        listens.push((listener.flows.clone(), place, leads));
                    }
                }
            }
        }
        for check in &front.health {
            add(&mut health, (front.workload, check.workload), &check.flows);
        }
    }
    let over = |part| Over::Front(&rule.over, part);
    vec![
        (LegPart::ToFront, &rule.from, &rule.through, over(FrontPart::To(to))),
        (LegPart::FromFront, &rule.through, &rule.to, over(FrontPart::From(from))),
        (LegPart::HealthCheck, &rule.through, &rule.to, over(FrontPart::Health(health))),
    ]
}

fn add(pairs: &mut BTreeMap<(usize, usize), FlowSet>, pair: (usize, usize), flows: &FlowSet) {
    let all = pairs.entry(pair).or_insert_with(FlowSet::none);
    *all = all.union(flows);
}

/// A leg that a rule with `through` stands for between workloads.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Expanded {
    /// The front.
    pub front: usize,
    /// Which leg: to it, from it, or its health checks.
    pub part: LegPart,
    /// Where a leg from the front leads; none for the leg to it.
    pub target: Option<usize>,
    /// What is sent, conditions on requests left aside.
    pub flows: FlowSet,
}

impl Decider<'_> {
    /// What a rule with `through` stands for: the legs that it matches for sure or, where it denies, may
    /// match, ordered. Who opens those to the fronts is whom its `from` means.
    pub fn expansion(&self, rule: &Rule) -> Vec<Expanded> {
        let counts = |truth: Truth| match rule.action {
            Action::Deny => truth != Truth::No,
            Action::Allow | Action::Pass => truth == Truth::Yes,
        };
        let of =
            |peers: &[Peer], one: usize| counts(self.belongs(peers, &End::workload(vec![one])));
        let is_front = |front: usize| of(&rule.through, front);
        let clauses = rule.flows();
        let mut found = Vec::new();
        for (part, _, _, over) in expanded(self, rule) {
            let Over::Front(_, legs) = over else { continue };
            match legs {
                FrontPart::To(fronts) => {
                    for (front, listens) in fronts.into_iter().filter(|(one, _)| is_front(*one)) {
                        let leading = listens.into_iter().filter(|one| counts(one.2));
                        let flows =
                            leading.fold(FlowSet::none(), |all, (flows, ..)| all.union(&flows));
                        found.push(Expanded { front, part, target: None, flows });
                    }
                }
                FrontPart::From(pairs) | FrontPart::Health(pairs) => {
                    let pairs = pairs.into_iter();
                    for ((front, target), sent) in
                        pairs.filter(|((one, to), _)| is_front(*one) && of(&rule.to, *to))
                    {
                        let flows = match part {
                            LegPart::HealthCheck => sent,
                            _ => sent.intersection(&clauses),
                        };
                        found.push(Expanded { front, part, target: Some(target), flows });
                    }
                }
            }
        }
        found.retain(|one| !one.flows.is_empty());
        found.sort();
        found
    }

    /// Whether a front's target is one of the peers of `to`.
    fn leads_to(&self, target: &TargetLegs, to: &[Peer]) -> Truth {
        let end = End::workload(vec![target.workload]);
        let class = self.class(&end);
        let (selectors, now) = (&*class.selectors, Self::BEFORE_ALL);
        self.any_peer(to, Seen { end: &end, selectors, asker: None, bindings: &[], now })
    }
}

impl FrontPart {
    /// What of each clause holds for a leg, without its requests: pairs of a clause and whether it
    /// holds. A clause of `None` asks nothing.
    pub(super) fn clauses(&self, clauses: &[Clause], leg: &Leg) -> Vec<(Option<usize>, Truth)> {
        match self {
            Self::To(by_front) => {
                let of = |front: &usize, place: usize| {
                    let all = by_front.get(front).into_iter().flatten();
                    let of_clause = all.filter(|(flows, clause, _)| {
                        *clause == place && flows.contains_flow(leg.flow)
                    });
                    Truth::any(of_clause.map(|(_, _, truth)| *truth))
                };
                let places = 0..clauses.len();
                places
                    .map(|place| (Some(place), one_end(&leg.destination, |one| of(one, place))))
                    .collect()
            }
            Self::From(pairs) => {
                let truth = both_ends(pairs, leg);
                let holds = |clause: &Clause| clause.flows.contains_flow(leg.flow);
                let found = clauses.iter().enumerate().filter(|(_, clause)| holds(clause));
                found.map(|(place, _)| (Some(place), truth)).collect()
            }
            Self::Health(pairs) => vec![(None, both_ends(pairs, leg))],
        }
    }
}

fn one_end(end: &End, test: impl Fn(&usize) -> Truth) -> Truth {
    match &end.who {
        Who::Workloads(workloads) => agreed(workloads.iter().map(test)),
        Who::Outside { .. } => Truth::No,
        Who::Unknown => Truth::Maybe,
    }
}

fn both_ends(pairs: &BTreeMap<(usize, usize), FlowSet>, leg: &Leg) -> Truth {
    let sends = |front: usize, target: usize, flow: Flow| {
        Truth::from(pairs.get(&(front, target)).is_some_and(|flows| flows.contains_flow(flow)))
    };
    match (&leg.source.who, &leg.destination.who) {
        (Who::Outside { .. }, _) | (_, Who::Outside { .. }) => Truth::No,
        (Who::Workloads(fronts), Who::Workloads(targets)) => {
            let ends = fronts.iter().flat_map(|front| targets.iter().map(move |to| (front, to)));
            agreed(ends.map(|(front, target)| sends(*front, *target, leg.flow)))
        }
        _ => Truth::Maybe,
    }
}
