//! On which rules, addresses and routes a connection rests: what to change to close it.

use std::collections::BTreeSet;
use std::net::IpAddr;

use watertight_model::Bounds;
use watertight_model::Name;
use watertight_model::network::{Direction, EndpointId, GuardId, TableId};
use watertight_net::FlowSet;

use crate::answer::Reach;
use crate::fold::{Asking, fold};
use crate::guards::deciding;
use crate::matrix::{ClassIndex, Matrix, arrives_as};
use crate::path::{End, Path, Place, Step};

/// A rule of a guard that accepts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RuleAt {
    /// The guard.
    pub guard: GuardId,
    /// The direction.
    pub direction: Direction,
    /// The stage, counted from 0.
    pub stage: usize,
    /// The rule in it, counted from 0.
    pub rule: usize,
}

/// One way by which one class reaches another, with what it rests on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Way {
    /// The endpoint at which it ends; none where it leaves the estate.
    pub to: Option<EndpointId>,
    /// The connections that can be established, as they were sent.
    pub sent: Bounds<FlowSet>,
    /// The connections, as the end sees them.
    pub established: Bounds<FlowSet>,
    /// For each place with guards, in order, the rules that accept any of it.
    pub layers: Vec<(Place, Vec<(RuleAt, FlowSet)>)>,
    /// The public address that was dialled, with its endpoint.
    pub public: Option<(EndpointId, IpAddr)>,
    /// The routes that led, in order: the table and how the provider writes the route.
    pub routes: Vec<(TableId, Name)>,
    /// Whether it passes a Box.
    pub boxed: bool,
}

impl Reach<'_> {
    /// Every way from one class to another by which a connection can perhaps be established.
    ///
    /// A way that ends at another class than `to` (a front's target) is among them.
    pub fn ways(&self, matrix: &Matrix, from: ClassIndex, to: ClassIndex) -> Vec<Way> {
        let (Some(source), Some(destination)) = (matrix.classes.get(from), matrix.classes.get(to))
        else {
            return Vec::new();
        };
        let addresses = self.class_addresses(destination, from == to);
        let mut found = Vec::new();
        for start in self.class_starts(source) {
            for address in &addresses {
                if start.source().is_some_and(|source| source.is_ipv4() != address.is_ipv4()) {
                    continue;
                }
                for path in self.walker().paths(&start, *address) {
                    let folded = fold(self, &path, &FlowSet::all(), Asking::All);
                    let (sent, _) = self.reply(&start, &path, &folded);
                    if sent.possible.is_empty() {
                        continue;
                    }
                    let as_seen = |flows: &FlowSet| {
                        if path.by_front { arrives_as(&path, flows) } else { flows.clone() }
                    };
                    let established =
                        Bounds { sure: as_seen(&sent.sure), possible: as_seen(&sent.possible) };
                    found.push(self.way(&path, *address, sent, established));
                }
            }
        }
        found
    }

    fn way(
        &self,
        path: &Path,
        dialled: IpAddr,
        sent: Bounds<FlowSet>,
        established: Bounds<FlowSet>,
    ) -> Way {
        let to = match &path.end {
            End::Delivered(endpoint) => Some(*endpoint),
            End::Platform(_)
            | End::Stopped { .. }
            | End::Internet
            | End::Outside(_)
            | End::Unknown { .. } => None,
        };
        let mut layers = Vec::new();
        let mut routes = Vec::new();
        let mut current = sent.possible.clone();
        for step in &path.steps {
            match step {
                Step::Guards(check) => {
                    let mut rules: BTreeSet<(RuleAt, FlowSet)> = BTreeSet::new();
                    for layer in &check.layers {
                        let decisions =
                            deciding(self.network, *layer, check.direction, check.seen, &current);
                        rules.extend(decisions.into_iter().filter_map(|decision| {
                            let (stage, rule) = decision.rule?;
                            let at = RuleAt {
                                guard: decision.guard,
                                direction: decision.direction,
                                stage,
                                rule,
                            };
                            decision.accepts.then_some((at, decision.flows))
                        }));
                    }
                    layers.push((check.place, rules.into_iter().collect()));
                }
                Step::Route { table, text } => routes.push((*table, text.clone())),
                Step::Port(port) => current = current.with_destination_port(*port),
                Step::Select(flows) | Step::Carry { flows, .. } => {
                    current = current.intersection(flows);
                }
                Step::At(_)
                | Step::Source { .. }
                | Step::Destination { .. }
                | Step::SourcePort(_)
                | Step::Switch { .. }
                | Step::Box { .. } => {}
            }
        }
        let boxed = path.steps.iter().any(|step| matches!(step, Step::Box { .. }));
        let public = self
            .index
            .public(dialled)
            .filter(|(_, private)| *private != dialled)
            .map(|(endpoint, _)| (endpoint, dialled));
        Way { to, sent, established, layers, public, routes, boxed }
    }
}
