//! Services expanded, and what rules send.

use std::collections::BTreeMap;
use std::sync::Arc;

use watertight_net::FlowSet;
use watertight_source::{Diagnostics, Span};

use crate::checked::Clause;
use crate::codes;
use crate::read::Documents;
use crate::syntax::{self, Kind, Object, Over, Transport};

use super::graph::{Order, order};
use super::names::Names;
use super::{error, shared};

/// How many clauses a service or a rule may expand to.
const CLAUSES_MAX: usize = 1_000;

/// The clauses of each service, and what a service that does not exist is.
pub(super) struct Services<'n> {
    names: &'n Names,
    /// By the document's place in the list. A service with errors is not there.
    clauses: BTreeMap<usize, Arc<[Clause]>>,
}

impl<'n> Services<'n> {
    pub(super) fn expand(
        documents: &Documents,
        names: &'n Names,
        diagnostics: &mut Diagnostics,
    ) -> Self {
        let services: Vec<(usize, &syntax::Service)> = documents
            .documents
            .iter()
            .enumerate()
            .filter_map(|(index, document)| match &document.object {
                Object::Service(service) => Some((index, service)),
                _ => None,
            })
            .collect();
        let place: BTreeMap<usize, usize> =
            services.iter().enumerate().map(|(place, (index, _))| (*index, place)).collect();
        let mut holds = vec![Vec::new(); services.len()];
        for (held, (_, service)) in holds.iter_mut().zip(&services) {
            for clause in &service.over.clauses {
                if let Transport::Service(name) = &clause.transport
                    && let Some(index) = names.resolve(Kind::Service, name, diagnostics)
                    && let Some(place) = place.get(&index)
                {
                    held.push(*place);
                }
            }
        }
        let Order { sorted, cycles } = order(&holds);
        for cycle in cycles {
            let along: Vec<&syntax::Metadata> = cycle
                .iter()
                .map(|place| &documents.documents[services[*place].0].metadata)
                .collect();
            super::ends::push_cycle(Kind::Service, &along, diagnostics);
        }
        let mut expanded = Self { names, clauses: BTreeMap::new() };
        // Names that lead nowhere were reported above.
        let mut reported = Diagnostics::default();
        for place in sorted {
            let (index, service) = services[place];
            let span = service.over.span;
            let clauses = expanded.expand_one(&service.over, span, &mut reported, diagnostics);
            expanded.clauses.insert(index, clauses);
        }
        expanded
    }

    /// The clauses of a rule; every packet where it does not say.
    pub(super) fn clauses(
        &self,
        over: Option<&Over>,
        rule: Span,
        diagnostics: &mut Diagnostics,
    ) -> Arc<[Clause]> {
        let Some(over) = over else {
            let http = shared(Vec::new());
            return shared(vec![Clause { span: rule, flows: FlowSet::all(), tls: false, http }]);
        };
        if let [only] = &*over.clauses
            && let Transport::Service(name) = &only.transport
        {
            // A rule of one service shares the service's clauses.
            let index = self.names.resolve(Kind::Service, name, diagnostics);
            let clauses = index.and_then(|index| self.clauses.get(&index));
            return clauses.cloned().unwrap_or_else(|| shared(Vec::new()));
        }
        let mut names = Diagnostics::default();
        let clauses = self.expand_one(over, over.span, &mut names, diagnostics);
        diagnostics.merge(names);
        clauses
    }

    fn expand_one(
        &self,
        over: &Over,
        span: Span,
        names: &mut Diagnostics,
        diagnostics: &mut Diagnostics,
    ) -> Arc<[Clause]> {
        let mut clauses: Vec<Clause> = Vec::new();
        for clause in &over.clauses {
            let http = shared(clause.http.clone());
            let (flows, tls) = match &clause.transport {
                Transport::Flows(flows) => (flows.clone(), false),
                Transport::Tls(ports) => (FlowSet::tcp(ports.clone()), true),
                Transport::Service(name) => {
                    let index = self.names.resolve(Kind::Service, name, names);
                    let held = index.and_then(|index| self.clauses.get(&index));
                    clauses.extend(held.into_iter().flat_map(|held| held.iter().cloned()));
                    continue;
                }
            };
            clauses.push(Clause { span: clause.span, flows, tls, http });
        }
        if clauses.len() > CLAUSES_MAX {
            let message = format!("this expands to {} clauses", clauses.len());
            let help = format!("write at most {CLAUSES_MAX}: ranges and lists of ports count once");
            diagnostics.push(error(codes::TOO_MUCH, span, message, help));
            clauses.truncate(CLAUSES_MAX);
        }
        shared(clauses)
    }
}
