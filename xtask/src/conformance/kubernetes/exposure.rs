//! Published exposure: what pods that are not in the input could reach and be reached by.
//!
//! For every selector that rules name, an endpoint is added that this selector selects and no other
//! but those of all pods, and one that only those select. The answer about these is compared with
//! the lines.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use watertight_model::network::{Direction, Endpoint, GuardId, Layer};
use watertight_model::{Name, Workload};
use watertight_net::FlowSet;

use super::cluster::Cluster;
use super::connections::Connections;
use super::listing::{Listing, Peer, flows_text, parse_flows};

/// The other end of a line that is any pod of the cluster.
const ANYBODY: &str = "entire-cluster";

/// What is published.
#[derive(Debug, Default)]
struct Published {
    listing: String,
    /// By direction (egress first), workload and the other end: the flows, as text.
    lines: [BTreeMap<(String, String), String>; 2],
    /// Workloads that no policy governs, by direction.
    unprotected: [BTreeSet<String>; 2],
}

/// In what our answers differ from published exposure.
pub(super) fn differences(cluster: &Cluster, text: &str) -> Result<Vec<String>, String> {
    let published = parse(text);
    let listing = Listing::parse(&published.listing)?;
    let mut found = cluster.connections().differences(&listing);
    let extras = extras(cluster);
    let connections = widened(cluster, &extras).connections();
    let flows = flows_of(&connections);
    for (place, lines) in published.lines.iter().enumerate() {
        let word = if place == 0 { "egress" } else { "ingress" };
        found.extend(compare_protected(cluster, &published, place, word));
        for ((workload, other), theirs) in lines {
            // A name of a port has no number as long as nobody is there to give it one.
            let Ok(theirs) = parse_flows(theirs) else { continue };
            let ours = ours(&flows, &connections, &extras, (workload, other, place));
            let Some(ours) = ours else {
                found.push(format!("{workload} {word} {other}: no pod stands for it"));
                continue;
            };
            if ours != theirs {
                let (ours, theirs) = (flows_text(&ours), flows_text(&theirs));
                found.push(format!("{workload} {word} {other}: {ours}, not {theirs}"));
            }
        }
        found.extend(unlisted(&flows, &extras, lines, (cluster, place, word)));
    }
    Ok(found)
}

fn parse(text: &str) -> Published {
    let mut found = Published::default();
    let (listing, rest) = text.split_once("Exposure Analysis Result:").unwrap_or((text, ""));
    listing.trim().clone_into(&mut found.listing);
    let mut place = 0;
    for line in rest.lines() {
        if line.starts_with("Egress Exposure") {
            place = 0;
        } else if line.starts_with("Ingress Exposure") {
            place = 1;
        } else if let Some((workload, way)) = line.split_once(" is not protected on ") {
            let place = usize::from(way == "Ingress");
            found.unprotected[place].insert(workload.to_owned());
        } else if let Some((workload, rest)) = line.split_once('\t')
            && let Some((other, flows)) =
                rest.trim_start_matches(['=', '<', '>', '\t']).rsplit_once(" : ")
        {
            let key = (workload.trim().to_owned(), other.trim().to_owned());
            found.lines[place].insert(key, flows.trim().to_owned());
        }
    }
    found
}

/// Pods that a selector selects.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Extra {
    pods: Described,
    id: String,
    /// The guards that stand for selectors.
    guards: Vec<GuardId>,
}

/// A selector in words: of namespaces and of pods, the words of each in any order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Described {
    namespaces: BTreeSet<String>,
    pods: BTreeSet<String>,
}

/// One for each selector of the cluster's rules, after one for any pod.
fn extras(cluster: &Cluster) -> Vec<Extra> {
    let network = &cluster.estate.network;
    let selectors = network.guards.iter().filter(|(_, guard)| *guard.kind == *"selector");
    let described: Vec<(GuardId, Described)> = selectors
        .filter(|(_, guard)| !guard.title.contains(" whose port "))
        .filter_map(|(id, guard)| Some((id, of_title(&guard.title)?)))
        .collect();
    let anybody = Described { namespaces: BTreeSet::new(), pods: BTreeSet::new() };
    let all: Vec<GuardId> =
        described.iter().filter(|(_, one)| *one == anybody).map(|(id, _)| *id).collect();
    let mut found =
        vec![Extra { pods: anybody.clone(), id: "extra 0".into(), guards: all.clone() }];
    for (guard, pods) in described.into_iter().filter(|(_, one)| *one != anybody) {
        let mut guards = all.clone();
        guards.push(guard);
        guards.sort();
        found.push(Extra { pods, id: format!("extra {}", found.len()), guards });
    }
    found
}

/// A selector as guards are called: `pods with a=b,!c of namespaces with d`.
fn of_title(title: &str) -> Option<Described> {
    let (pods, namespaces) = title.rsplit_once(" of ")?;
    let pods = match pods {
        "all pods" => BTreeSet::new(),
        other => terms(other.strip_prefix("pods with ")?),
    };
    let namespaces = match namespaces {
        "all namespaces" => BTreeSet::new(),
        other => match other.strip_prefix("namespaces with ") {
            Some(words) => terms(words),
            None => BTreeSet::from([format!("kubernetes.io/metadata.name={other}")]),
        },
    };
    Some(Described { namespaces, pods })
}

/// Splits at commas outside of parentheses.
fn terms(words: &str) -> BTreeSet<String> {
    let mut depth = 0_i32;
    let split = words.split(|one: char| {
        depth += i32::from(one == '(') - i32::from(one == ')');
        one == ',' && depth == 0
    });
    split.map(ToOwned::to_owned).collect()
}

/// A selector as lines call it: `[namespace with {d=e}]/[pod with {{Key:a,...}}]`.
fn of_line(text: &str) -> Option<Described> {
    if text == ANYBODY {
        return Some(Described { namespaces: BTreeSet::new(), pods: BTreeSet::new() });
    }
    let (namespaces, pods) = match text.split_once("]/[") {
        Some((namespaces, pods)) => (namespaces, pods),
        None => text.split_once("/[")?,
    };
    let namespaces = match namespaces {
        "[all namespaces" => BTreeSet::new(),
        other => match other.strip_prefix("[namespace with {") {
            Some(words) => requirements(words.strip_suffix('}')?),
            None => BTreeSet::from([format!("kubernetes.io/metadata.name={other}")]),
        },
    };
    let pods = match pods.strip_suffix(']')? {
        "all pods" => BTreeSet::new(),
        other => requirements(other.strip_prefix("pod with {")?.strip_suffix('}')?),
    };
    Some(Described { namespaces, pods })
}

/// `a=b,{Key:c,Operator:In,Values:[d e],}` in the words of guards.
fn requirements(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (one, next) = if let Some(expression) = rest.strip_prefix("{Key:") {
            let (one, next) = expression.split_once(",}").unwrap_or((expression, ""));
            (expression_words(one), next)
        } else {
            let (one, next) = rest.split_once(',').unwrap_or((rest, ""));
            (one.to_owned(), next)
        };
        found.insert(one);
        rest = next.trim_start_matches(',');
    }
    found
}

fn expression_words(text: &str) -> String {
    let (key, rest) = text.split_once(",Operator:").unwrap_or((text, ""));
    let (operator, values) = rest.split_once(",Values:[").unwrap_or((rest, ""));
    let mut values: Vec<&str> = values.trim_end_matches(']').split(' ').collect();
    values.sort_unstable();
    let list = values.join(",");
    match (operator, values.as_slice()) {
        ("In", [one]) => format!("{key}={one}"),
        ("In", _) => format!("{key} in ({list})"),
        ("NotIn", _) => format!("{key} notin ({list})"),
        ("DoesNotExist", _) => format!("!{key}"),
        _ => key.to_owned(),
    }
}

/// The cluster with an endpoint for each.
fn widened(cluster: &Cluster, extras: &[Extra]) -> Cluster {
    let mut estate = cluster.estate.clone();
    let Some(subnet) = estate.network.subnets.ids().next() else {
        return cluster.with(estate);
    };
    for (number, extra) in (0_u8..).zip(extras) {
        let mut layers = Vec::new();
        if !extra.guards.is_empty() {
            let content = Layer { guards: extra.guards.clone(), complete: true };
            layers.push(estate.network.layers.push(content));
        }
        let kind = watertight_model::WorkloadKind::Pod;
        let workload = estate.workloads.push(workload(&extra.id, kind));
        let address = IpAddr::V4(Ipv4Addr::new(240, 255, 255, number));
        let id = estate.network.endpoints.push(Endpoint {
            name: Name::from(extra.id.as_str()),
            workload,
            subnet: Some(subnet),
            addresses: vec![address],
            delegated: Vec::new(),
            public: Vec::new(),
            layers,
            role: watertight_model::network::EndpointRole::Host,
            inferred: true,
            origin: None,
        });
        estate.workloads[workload].endpoints.push(id);
    }
    cluster.with(estate)
}

fn workload(id: &str, kind: watertight_model::WorkloadKind) -> Workload {
    Workload {
        id: Name::from(id),
        name: Name::from(id),
        kind,
        account: None,
        region: None,
        labels: watertight_model::Labels::new(),
        endpoints: Vec::new(),
        owner: None,
        credential: None,
        metadata: None,
        stores_data: false,
        origin: None,
    }
}

fn flows_of(connections: &Connections) -> BTreeMap<(&str, &str), &FlowSet> {
    connections.inside().map(|((from, to), flows)| ((from.as_str(), to.as_str()), flows)).collect()
}

/// What a workload and another end reach of each other in our answer.
fn ours(
    flows: &BTreeMap<(&str, &str), &FlowSet>,
    connections: &Connections,
    extras: &[Extra],
    (workload, other, place): (&str, &str, usize),
) -> Option<FlowSet> {
    if other.ends_with("[External]") {
        let Ok(Peer::Outside(first, last)) = Peer::parse(other) else { return None };
        let mut beyond = connections.beyond(1 - place);
        let parts = beyond.find(|(name, _)| *name == workload).map(|(_, parts)| parts);
        let address = if first.octets()[0] == 240 { last } else { first };
        let part = parts.into_iter().flatten().find(|(_, all)| all.contains(address.into()));
        return Some(part.map(|(flows, _)| flows.clone()).unwrap_or_default());
    }
    let pods = of_line(other)?;
    let extra = extras.iter().find(|extra| extra.pods == pods)?;
    Some(between(flows, workload, &extra.id, place))
}

fn between(
    flows: &BTreeMap<(&str, &str), &FlowSet>,
    workload: &str,
    other: &str,
    place: usize,
) -> FlowSet {
    let key = if place == 0 { (workload, other) } else { (other, workload) };
    flows.get(&key).map(|flows| (*flows).clone()).unwrap_or_default()
}

/// Pods of which a selector of rules selects some, that do another amount than any pod does, and
/// that are not listed.
fn unlisted(
    flows: &BTreeMap<(&str, &str), &FlowSet>,
    extras: &[Extra],
    lines: &BTreeMap<(String, String), String>,
    (cluster, place, word): (&Cluster, usize, &str),
) -> Vec<String> {
    let mut listed: BTreeSet<(&str, Described)> = BTreeSet::new();
    for (workload, other) in lines.keys() {
        listed.extend(of_line(other).map(|pods| (workload.as_str(), pods)));
    }
    // Selectors of given labels that a pod of the input has are left out of such listings: the
    // pod itself is listed.
    let known: BTreeSet<GuardId> = members(cluster);
    let left_out = |extra: &Extra| {
        let terms = || extra.pods.pods.iter().chain(&extra.pods.namespaces);
        terms().all(|term| term.contains('=')) && extra.guards.iter().any(|one| known.contains(one))
    };
    let mut found = Vec::new();
    let workloads = cluster.estate.workloads.values().filter(|one| !one.id.contains("controller"));
    for workload in workloads {
        let id = workload.id.as_str();
        let whole = between(flows, id, "extra 0", place);
        for (number, extra) in extras.iter().enumerate() {
            let own = between(flows, id, &extra.id, place);
            let differs = if number == 0 { !own.is_empty() } else { own != whole };
            if differs
                && (number == 0 || !left_out(extra))
                && !listed.contains(&(id, extra.pods.clone()))
            {
                let own = flows_text(&own);
                found.push(format!("{id} {word} {:?}: {own}, not listed", extra.pods));
            }
        }
    }
    found
}

/// The guards of selectors, other than those of all pods, that a pod has.
fn members(cluster: &Cluster) -> BTreeSet<GuardId> {
    let network = &cluster.estate.network;
    let layers = network.endpoints.values().flat_map(|endpoint| &endpoint.layers);
    let guards = layers.flat_map(|layer| &network.layers[*layer].guards).copied();
    guards
        .filter(|guard| {
            let guard = &network.guards[*guard];
            *guard.kind == *"selector" && *guard.title != *"all pods of all namespaces"
        })
        .collect()
}

/// Whether the workloads that no policy governs are the same.
fn compare_protected(
    cluster: &Cluster,
    published: &Published,
    place: usize,
    word: &str,
) -> Vec<String> {
    let direction = if place == 0 { Direction::Egress } else { Direction::Ingress };
    let network = &cluster.estate.network;
    let mut ours = BTreeSet::new();
    for endpoint in network.endpoints.values() {
        let layers = endpoint.layers.iter();
        let guards = layers.flat_map(|layer| &network.layers[*layer].guards);
        let governs = |guard: &GuardId| !network.guards[*guard].stages(direction).is_empty();
        let id = &cluster.estate.workloads[endpoint.workload].id;
        if !guards.into_iter().any(governs) && !id.contains("controller") {
            ours.insert(id.to_string());
        }
    }
    let theirs = &published.unprotected[place];
    let mut found = Vec::new();
    for one in ours.symmetric_difference(theirs) {
        let who = if theirs.contains(one) { "they" } else { "we" };
        found.push(format!("{one} {word}: only {who} say that no policy governs it"));
    }
    found
}
