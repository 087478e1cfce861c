//! What is left over: routes that lead nowhere or through what cannot be read, guards that are open
//! and belong to nobody.

use std::collections::BTreeSet;

use watertight_model::Network;
use watertight_model::network::{
    Action, EndpointRole, Gateway, GatewayKind, Guard, GuardId, Hop, Peer, Route, StageDefault,
};

use super::Input;
use crate::assessment::view::{EvidenceView, FindingView, Severity};

/// Findings about routes and guards by themselves.
pub(super) fn findings(input: &Input<'_>) -> Vec<FindingView> {
    [nowhere(input), unread(input), unused(input)].into_iter().flatten().collect()
}

/// One finding for all routes that match and drop.
fn nowhere(input: &Input<'_>) -> Option<FindingView> {
    let evidence = routes(input, |route| match &route.hop {
        Hop::Blackhole(why) => Some(why.to_string()),
        Hop::Local | Hop::Endpoint(_) | Hop::Gateway(_) | Hop::Attachment(_) | Hop::Unread(_) => {
            None
        }
    });
    let text = "What matches is dropped: the target is gone. Remove the routes, or mend them.";
    listed("route-nowhere", Severity::Low, "Routes lead nowhere", text, evidence)
}

/// One finding for all routes through a Box.
fn unread(input: &Input<'_>) -> Option<FindingView> {
    let network = &input.facts.estate.network;
    let evidence = routes(input, |route| match &route.hop {
        Hop::Endpoint(id) => {
            let endpoint = &network.endpoints[*id];
            let workload = &input.facts.estate.workloads[endpoint.workload];
            (endpoint.role == EndpointRole::Forwarder)
                .then(|| format!("through {} ({})", workload.name, endpoint.name))
        }
        Hop::Gateway(id) => {
            let gateway = &network.gateways[*id];
            is_box(gateway).then(|| format!("through {}", gateway.name))
        }
        Hop::Unread(what) => Some(format!("through {what}")),
        Hop::Local | Hop::Attachment(_) | Hop::Blackhole(_) => None,
    });
    let text = "What goes there is forwarded by something whose rules cannot be read: answers \
                beyond it are unknown.";
    listed("route-unread", Severity::Low, "Routes lead through what cannot be read", text, evidence)
}

fn is_box(gateway: &Gateway) -> bool {
    matches!(gateway.kind, GatewayKind::Inspection { .. } | GatewayKind::Opaque(_))
}

/// One finding for all guards that let anybody in and that no endpoint or subnet has.
fn unused(input: &Input<'_>) -> Option<FindingView> {
    let network = &input.facts.estate.network;
    let used = used(network);
    let mut evidence = Vec::new();
    for (_, guard) in network.guards.iter().filter(|(id, _)| !used.contains(id)) {
        for (rule, text) in open_rules(guard) {
            evidence.push(input.evidence(&guard.name, &rule, &text));
        }
    }
    let text = "Harmless until somebody attaches one. Remove them.";
    listed("guard-unused", Severity::Low, "Open guards belong to nobody", text, evidence)
}

/// The guards that some endpoint or subnet has.
fn used(network: &Network) -> BTreeSet<GuardId> {
    let endpoints = network.endpoints.values().flat_map(|endpoint| &endpoint.layers);
    let subnets = network.subnets.values().flat_map(|subnet| &subnet.layers);
    let layers = endpoints.chain(subnets).map(|layer| &network.layers[*layer]);
    layers.flat_map(|layer| layer.guards.iter().copied()).collect()
}

/// The rules of a guard that accept from everywhere, with what they say.
fn open_rules(guard: &Guard) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for stage in guard.ingress.iter().filter(|stage| stage.default == StageDefault::Deny) {
        for rule in &stage.rules {
            let peer = match &rule.peer {
                Peer::Any => "anywhere".to_owned(),
                Peer::Prefix(prefix) if prefix.len() == 0 => prefix.to_string(),
                Peer::Prefix(_) | Peer::List(_) | Peer::Members(_) | Peer::Unread(_) => continue,
            };
            if guard.stateful && rule.action == Action::Accept {
                found.push((rule.name.to_string(), format!("{} from {peer}", rule.flows)));
            }
        }
    }
    found
}

fn routes(input: &Input<'_>, tell: impl Fn(&Route) -> Option<String>) -> Vec<EvidenceView> {
    let tables = input.facts.estate.network.tables.values();
    let mut found = Vec::new();
    for table in tables {
        for route in &table.routes {
            if let Some(why) = tell(route) {
                let text = format!("{}: {why}", route.text);
                found.push(input.evidence(&table.name, "route", &text));
            }
        }
    }
    found
}

fn listed(
    rule: &'static str,
    severity: Severity,
    title: &str,
    text: &str,
    evidence: Vec<EvidenceView>,
) -> Option<FindingView> {
    let resources: BTreeSet<String> = evidence.iter().map(|one| one.resource.clone()).collect();
    let resources: Vec<String> = resources.into_iter().collect();
    (!resources.is_empty()).then(|| FindingView {
        id: String::new(),
        rule,
        severity,
        title: title.to_owned(),
        text: text.to_owned(),
        resources,
        evidence,
        links: Vec::new(),
    })
}
