//! AWS bodies, whatever is in them, through convert.

use std::collections::BTreeMap;

use watertight_aws::{Body, Converted, DeniedCall, Options, convert};
use watertight_model::network::{EndpointRole, Hop};
use watertight_model::{ArenaId, Network};
use watertight_source::{FileId, Limits, Node, Span, Tree};

/// The path whose body lists the calls that were denied.
const DENIED: &str = "denied.json";

/// Any bodies convert, to the same estate and diagnostics in any order; everything that the estate
/// names is in it, and every place that a diagnostic names is in its file.
///
/// The input is a number of bodies. A line `== path` begins one; what is before the first such line
/// is a body without a name.
///
/// # Panics
///
/// When the property does not hold.
pub fn bodies(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let limits = Limits { depth_max: 40, nodes_max: 20_000, ..Limits::default() };
    let parts = parts(text);
    let parse = |number: usize, text: &str| {
        let file = FileId(u32::try_from(number).ok()?);
        Tree::parse_json(file, text, &limits).ok()
    };
    let read = || -> Vec<Body> {
        let trees = parts.iter().enumerate();
        let trees = trees.filter(|(_, (path, _))| **path != DENIED);
        let bodies = trees.filter_map(|(number, (path, text))| {
            Some(Body { path: (*path).to_owned(), tree: parse(number, text)? })
        });
        bodies.collect()
    };
    let mut options = Options { parts_max: 200, limits: limits.clone(), ..Options::default() };
    if let Some(tree) = parts.get(DENIED).and_then(|text| parse(parts.len(), text)) {
        options.denied = denied(tree.root());
    }
    let forward = read();
    let mut backward = read();
    backward.reverse();
    options.denied.reverse();
    let one = convert(&forward, &options);
    options.denied.reverse();
    let other = convert(&backward, &options);
    assert!(one.estate == other.estate, "the order of bodies changes the estate");
    assert_eq!(one.diagnostics.kept(), other.diagnostics.kept(), "and the diagnostics");
    assert_whole(&one.estate.network);
    assert_owned(&one);
    assert_placed(&one, &parts);
}

/// The texts by path; the first of two with one path counts.
fn parts(text: &str) -> BTreeMap<&str, &str> {
    let mut parts = BTreeMap::new();
    let (mut path, mut start) = ("body.json", 0);
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if let Some(next) = line.strip_prefix("== ") {
            parts.entry(path).or_insert(text.get(start..at).unwrap_or_default());
            path = next.trim();
            start = at + line.len();
        }
        at += line.len();
    }
    parts.entry(path).or_insert(text.get(start..).unwrap_or_default());
    parts.retain(|_, text| !text.trim().is_empty());
    parts
}

fn denied(root: Node<'_>) -> Vec<DeniedCall> {
    let text = |node: Node<'_>, key| node.get(key).and_then(Node::as_str).map(str::to_owned);
    let calls = root.get("denied").into_iter().flat_map(Node::items);
    let calls = calls.filter_map(|node| {
        Some(DeniedCall {
            account: text(node, "account"),
            region: text(node, "region"),
            call: text(node, "call")?,
            argument: text(node, "argument"),
            error: text(node, "error"),
        })
    });
    calls.collect()
}

/// Every id leads to something.
fn assert_whole(network: &Network) {
    for subnet in network.subnets.values() {
        assert!(subnet.realm.index() < network.realms.len(), "{subnet:?}");
        assert!(subnet.table.is_none_or(|id| id.index() < network.tables.len()), "{subnet:?}");
        assert!(subnet.layers.iter().all(|id| id.index() < network.layers.len()), "{subnet:?}");
    }
    for endpoint in network.endpoints.values() {
        assert!(endpoint.subnet.is_none_or(|id| id.index() < network.subnets.len()));
        assert!(endpoint.layers.iter().all(|id| id.index() < network.layers.len()));
        match endpoint.role {
            EndpointRole::Front(id) => assert!(id.index() < network.fronts.len(), "{endpoint:?}"),
            EndpointRole::Translator(id) | EndpointRole::Inspector(id) => {
                assert!(id.index() < network.gateways.len(), "{endpoint:?}");
            }
            _ => {}
        }
    }
    for route in network.tables.values().flat_map(|table| &table.routes) {
        let is_there = match route.hop {
            Hop::Endpoint(id) => id.index() < network.endpoints.len(),
            Hop::Gateway(id) => id.index() < network.gateways.len(),
            Hop::Attachment(id) => id.index() < network.attachments.len(),
            _ => true,
        };
        assert!(is_there, "{route:?}");
    }
    for front in network.fronts.values() {
        assert!(front.endpoints.iter().all(|id| id.index() < network.endpoints.len()));
        let mut groups = front.listeners.iter().flat_map(|listener| &listener.target_groups);
        assert!(groups.all(|id| id.index() < network.target_groups.len()), "{front:?}");
    }
}

/// Every endpoint belongs to a workload, which knows it.
fn assert_owned(converted: &Converted) {
    let estate = &converted.estate;
    for (id, endpoint) in estate.network.endpoints.iter() {
        assert!(endpoint.workload.index() < estate.workloads.len(), "nobody owns {endpoint:?}");
        let owner = &estate.workloads[endpoint.workload];
        assert!(owner.endpoints.contains(&id), "{owner:?} does not know {endpoint:?}");
    }
    for grant in &estate.grants {
        assert!(grant.holder.index() < estate.credentials.len(), "{grant:?}");
    }
}

fn assert_placed(converted: &Converted, parts: &BTreeMap<&str, &str>) {
    let texts: Vec<&str> = parts.values().copied().collect();
    let is_inside = |span: Span| {
        let file = usize::try_from(span.file.0).unwrap_or(usize::MAX);
        let text = texts.get(file).copied().unwrap_or_default();
        let (start, end) = (usize::try_from(span.start), usize::try_from(span.end));
        start.ok().zip(end.ok()).is_some_and(|(start, end)| text.get(start..end).is_some())
    };
    for diagnostic in converted.diagnostics.kept() {
        let labels = diagnostic.label.iter().chain(&diagnostic.related);
        for (span, _) in labels {
            assert!(is_inside(*span), "{diagnostic:?} is on characters of no body");
        }
    }
}
