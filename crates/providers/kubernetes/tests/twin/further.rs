//! Networks beside and in the place of the cluster's own: the engine and the slow twin agree on generated
//! clusters.

use std::collections::BTreeMap;
use std::net::IpAddr;

use watertight_model::network::EndpointId;
use watertight_net::FlowSet;
use watertight_reach::{Class, OutsideBy};
use watertight_testkit::generate::kubernetes::{PORTS, clients, further_cluster};
use watertight_testkit::twin::kubernetes::further::{
    Attachment, Bounds, Over, attachments, comes_in, reaches,
};
use watertight_testkit::twin::kubernetes::{Connection, End, Pod, allows, pods};

use crate::support::{Cluster, PROTOCOLS, contains};

/// Ports beside those that rules name.
const MORE_PORTS: [u16; 2] = [480, 65535];

/// How often each kind of pair is asked about, open for sure, and open perhaps.
#[derive(Debug, Default)]
struct Counts {
    asked: u64,
    of: BTreeMap<&'static str, (u64, u64, u64)>,
}

impl Counts {
    fn count(&mut self, kind: &'static str, (sure, possible): Bounds) {
        self.asked += 1;
        let entry = self.of.entry(kind).or_default();
        entry.0 += 1;
        entry.1 += u64::from(sure);
        entry.2 += u64::from(possible && !sure);
    }
}

#[track_caller]
fn endpoint(cluster: &Cluster, pods: &[Pod], attachment: &Attachment) -> EndpointId {
    let pod = &pods[attachment.pod];
    let name = format!("{}/{} on {}", pod.namespace, pod.name, attachment.network);
    let mut all = cluster.estate.network.endpoints.iter();
    all.find(|(_, one)| *one.name == *name).map(|(id, _)| id).unwrap()
}

fn holds(flows: (&FlowSet, &FlowSet), over: Over<'_>) -> Bounds {
    (contains(flows.0, over.protocol, over.port), contains(flows.1, over.protocol, over.port))
}

fn everything() -> impl Iterator<Item = Over<'static>> {
    let ports = || PORTS.iter().chain(&MORE_PORTS).copied();
    PROTOCOLS.into_iter().flat_map(move |protocol| ports().map(move |port| Over { protocol, port }))
}

fn kind(from: &Attachment, to: &Attachment) -> &'static str {
    match (from.is_closed, to.is_closed, from.network == to.network) {
        (true, true, true) => "one network that is closed",
        (true, true, false) => "two that are closed",
        (false, false, true) => "one that leads nobody knows where",
        (false, false, false) => "two that do",
        _ => "one of each kind",
    }
}

#[test]
fn engine_and_twin_agree_on_further_networks() {
    let mut counts = Counts::default();
    let clients: Vec<IpAddr> = clients().iter().map(|text| text.parse().unwrap()).collect();
    for seed in 0..300 {
        let objects = further_cluster(seed);
        let cluster = Cluster::of(&objects);
        let pods = pods(&objects);
        let all = attachments(&objects, &pods);
        let none = FlowSet::none();
        for to in &all {
            let id = endpoint(&cluster, &pods, to);
            for from in all.iter().filter(|from| from.pod != to.pod) {
                let cell = cluster.matrix.between(endpoint(&cluster, &pods, from), id);
                let flows = cell.map(|cell| (&cell.established.sure, &cell.established.possible));
                for over in everything() {
                    let expected = reaches(&objects, &pods, (from, to), over);
                    assert_eq!(
                        holds(flows.unwrap_or((&none, &none)), over),
                        expected,
                        "seed {seed}: {from:?} to {to:?}, {over:?}\n{}",
                        serde_json::to_string_pretty(&objects).unwrap()
                    );
                    counts.count(kind(from, to), expected);
                }
            }
            let class = cluster.matrix.class_of(id).unwrap();
            for client in &clients {
                let Some(from) = outside(&cluster, *client) else { continue };
                let cell = cluster.matrix.cell(from, class);
                let flows = cell.map(|cell| (&cell.established.sure, &cell.established.possible));
                for over in everything() {
                    let expected = comes_in(&objects, &pods, (*client, to), over);
                    assert_eq!(
                        holds(flows.unwrap_or((&none, &none)), over),
                        expected,
                        "seed {seed}: {client} to {to:?}, {over:?}\n{}",
                        serde_json::to_string_pretty(&objects).unwrap()
                    );
                    counts.count("from outside", expected);
                }
            }
        }
    }
    assert!(counts.asked > 300_000, "{counts:?}");
    assert_eq!(counts.of.len(), 6, "{counts:?}");
    for (kind, (asked, sure, perhaps)) in &counts.of {
        assert!(asked * 200 > counts.asked, "{kind} is drawn too seldom: {counts:?}");
        let opens = !matches!(*kind, "two that are closed" | "one of each kind");
        assert_eq!(opens, sure + perhaps > 1_000, "{kind}: {counts:?}");
    }
}

/// What is outside of the further networks, at an address.
fn outside(cluster: &Cluster, address: IpAddr) -> Option<usize> {
    let network = &cluster.estate.network;
    cluster.matrix.classes.iter().position(|class| match class {
        Class::Outside(by, atom) => {
            let OutsideBy::Gateway(gateway) = by else { return false };
            network.gateways[*gateway].name.ends_with("-networks")
                && atom.prefixes.iter().any(|prefix| prefix.contains(address))
        }
        Class::Endpoints(_) | Class::Internet(_) => false,
    })
}

/// On the primary network: pods of one network of users reach each other and what is outside.
#[test]
fn engine_and_twin_agree_on_primary_networks_of_users() {
    let (mut asked, mut apart, mut allowed) = (0_u64, 0_u64, 0_u64);
    for seed in 0..300 {
        let objects = further_cluster(seed);
        let cluster = Cluster::of(&objects);
        let pods = pods(&objects);
        let primary = |pod: &Pod| {
            let id = format!("{}/{}[{}]", pod.namespace, pod.name, pod.kind);
            let workload = cluster.estate.workloads.values().find(|one| *one.id == *id).unwrap();
            workload.endpoints[0]
        };
        let has_users = objects.iter().any(|one| one.to_string().contains("\"Primary\""));
        for from in pods.iter().filter(|_| has_users) {
            for to in pods.iter().filter(|to| *to != from) {
                let cell = cluster.matrix.between(primary(from), primary(to));
                let flows = cell.map(|cell| cell.established.sure.clone());
                for Over { protocol, port } in everything() {
                    let connection = |objects: &[serde_json::Value]| {
                        let (from, to) = (End::Pod(from), End::Pod(to));
                        allows(objects, Connection { from, to, protocol, port, over_v6: None })
                    };
                    let expected = connection(&objects);
                    let found = flows.as_ref().is_some_and(|all| contains(all, protocol, port));
                    assert_eq!(
                        found,
                        expected,
                        "seed {seed}: {from:?} to {to:?} over {protocol}/{port}\n{}",
                        serde_json::to_string_pretty(&objects).unwrap()
                    );
                    asked += 1;
                    allowed += u64::from(expected);
                    apart += u64::from(from.namespace != to.namespace);
                }
            }
        }
    }
    assert!(asked > 50_000 && apart * 4 > asked, "{apart} of {asked}");
    assert!(allowed * 10 > asked && allowed * 10 < asked * 9, "{allowed} of {asked} allowed");
}
