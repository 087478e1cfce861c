//! Decisions about many packets at once.

use std::collections::BTreeSet;

use watertight_net::{Flow, FlowSet};

use crate::decide::compile::{Over, Prepared};
use crate::decide::ends::End;
use crate::decide::engine::Ends;
use crate::decide::fronts::FrontPart;
use crate::decide::request::Request;
use crate::decide::types::{Binding, Decision, Leg, Question};
use crate::decide::under::Deciding;

/// How many parts flows are cut into; what is more is decided as one of them.
const PARTS_MAX: usize = 4096;

/// Flows that fare alike, with a leg that stands for all of them.
#[derive(Clone, Debug)]
pub struct Part {
    /// The flows.
    pub flows: FlowSet,
    /// One of the legs.
    pub leg: Leg,
    /// The decision about each.
    pub decision: Decision,
}

/// What is asked of many flows.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'q> {
    /// Who opens the legs.
    pub source: &'q End,
    /// Who accepts them.
    pub destination: &'q End,
    /// What is sent.
    pub flows: &'q FlowSet,
    /// The request; `None` for every one.
    pub request: Option<&'q Request>,
    /// What names workloads asked for.
    pub bindings: &'q [Binding],
}

impl Deciding<'_> {
    /// The decisions about flows, those that fare alike together, in the order of their first
    /// packets.
    pub fn parts(&self, asked: &Asked<'_>) -> Vec<Part> {
        let (source, destination) = (asked.source, asked.destination);
        let [source, destination] = [source, destination].map(|end| self.decider.class(end));
        self.parts_between(asked, &Ends { source, destination })
    }

    /// The same, of ends whose classes are known.
    pub(super) fn parts_between(&self, asked: &Asked<'_>, ends: &Ends) -> Vec<Part> {
        let mut parts: Vec<Part> = Vec::new();
        let (source, destination) = (asked.source.clone(), asked.destination.clone());
        let mut leg = Leg { source, destination, flow: Flow::tcp(0, 0) };
        for flows in self.cut(asked.flows, ends) {
            let Some(flow) = flows.sample() else { continue };
            leg.flow = flow;
            let (request, bindings) = (asked.request, asked.bindings);
            let decision = self.decide_between(&Question { leg: &leg, request, bindings }, ends);
            match parts.iter_mut().find(|part| part.decision == decision) {
                Some(part) => part.flows = part.flows.union(&flows),
                None => parts.push(Part { flows, leg: leg.clone(), decision }),
            }
        }
        parts
    }

    /// Cuts flows where a rule that can match the ends tells packets apart.
    fn cut(&self, flows: &FlowSet, ends: &Ends) -> Vec<FlowSet> {
        let decider = self.decider;
        let rules = ends.source.from.common(&ends.destination.to, &self.active);
        let rules = rules.filter_map(|place| decider.rules.get(place));
        let mut edges: BTreeSet<&FlowSet> = BTreeSet::new();
        for rule in decider.essentials.iter().chain(rules) {
            add_edges(rule, &mut edges);
        }
        let mut pieces = vec![flows.clone()];
        for edge in edges {
            if pieces.len() >= PARTS_MAX {
                break;
            }
            let cut = |piece: FlowSet| {
                let within = piece.intersection(edge);
                let beyond = piece.difference(edge);
                [within, beyond].into_iter().filter(|part| !part.is_empty())
            };
            pieces = pieces.into_iter().flat_map(cut).collect();
        }
        pieces.sort_by_key(FlowSet::sample);
        pieces
    }
}

fn add_edges<'r>(rule: &'r Prepared<'_>, edges: &mut BTreeSet<&'r FlowSet>) {
    edges.extend(rule.clauses().iter().map(|clause| &clause.flows));
    match &rule.over {
        Over::Clauses(_) => {}
        Over::Front(_, FrontPart::To(by_front)) => {
            edges.extend(by_front.values().flatten().map(|(flows, ..)| flows));
        }
        Over::Front(_, FrontPart::From(pairs) | FrontPart::Health(pairs)) => {
            edges.extend(pairs.values());
        }
    }
}
