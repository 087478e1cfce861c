//! Where resources and their rules stand in the input.

use std::collections::BTreeMap;

use watertight_model::{Estate, Name};
use watertight_source::{Sources, Span};

/// From the ids of resources, and of rules in them, to spans.
#[derive(Debug, Default)]
pub(crate) struct Places<'f> {
    resources: BTreeMap<&'f str, Span>,
    rules: BTreeMap<(&'f str, &'f str), Span>,
}

impl<'f> Places<'f> {
    pub(crate) fn new(estate: &'f Estate) -> Self {
        let mut places = Self::default();
        let network = &estate.network;
        for workload in estate.workloads.values() {
            places.add(&workload.id, workload.origin);
        }
        for credential in estate.credentials.values() {
            places.add(&credential.id, credential.origin);
        }
        for guard in network.guards.values() {
            places.add(&guard.name, guard.origin);
            for rule in guard.ingress.iter().chain(&guard.egress).flat_map(|stage| &stage.rules) {
                places.add_rule(&guard.name, &rule.name, rule.origin);
            }
        }
        for table in network.tables.values() {
            places.add(&table.name, table.origin);
            for route in &table.routes {
                places.add_rule(&table.name, &route.text, route.origin);
            }
        }
        for front in network.fronts.values() {
            places.add(&front.name, front.origin);
            for listener in &front.listeners {
                places.add_rule(&front.name, &listener.name, listener.origin);
            }
        }
        for realm in network.realms.values() {
            places.add(&realm.name, realm.origin);
        }
        for subnet in network.subnets.values() {
            places.add(&subnet.name, subnet.origin);
        }
        for gateway in network.gateways.values() {
            places.add(&gateway.name, gateway.origin);
        }
        for evidence in estate.grants.iter().flat_map(|grant| &grant.evidence) {
            places.add_rule(&evidence.resource, &evidence.rule, evidence.origin);
        }
        places
    }

    fn add(&mut self, id: &'f Name, span: Option<Span>) {
        if let Some(span) = span {
            self.resources.entry(id).or_insert(span);
        }
    }

    fn add_rule(&mut self, id: &'f Name, rule: &'f Name, span: Option<Span>) {
        if let Some(span) = span {
            self.rules.entry((id, rule)).or_insert(span);
        }
    }

    /// The span of a rule by its name or its text, or else of its resource.
    pub(crate) fn find(&self, resource: &str, rule: &str, text: &str) -> Option<Span> {
        let by_name = self.rules.get(&(resource, rule));
        let by_text = || self.rules.get(&(resource, text));
        by_name.or_else(by_text).or_else(|| self.resources.get(resource)).copied()
    }
}

/// File, line and column of a span.
pub(crate) fn position(sources: &Sources, span: Span) -> (String, u32, u32) {
    let position = sources.position(span.file, span.start);
    (sources.path(span.file).to_owned(), position.line, position.column)
}
