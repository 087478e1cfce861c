//! Services and what leads to them: the engine and the slow twin agree on generated clusters.

use std::collections::BTreeSet;
use std::net::IpAddr;

use serde_json::Value;
use watertight_kubernetes::{Options, convert};
use watertight_model::network::EndpointId;
use watertight_model::{Disposition, Estate};
use watertight_net::{Family, FlowSet};
use watertight_reach::ends::{resolve_destination, resolve_start};
use watertight_reach::{Reach, Start, Target};
use watertight_source::{Limits, Sources, Tree};
use watertight_testkit::generate::kubernetes::{ADDRESSES, PORTS, service_cluster};
use watertight_testkit::twin::kubernetes::services::{is_headless, led, served};
use watertight_testkit::twin::kubernetes::{End, Pod, pods};

use crate::support::{PROTOCOLS, contains};

/// Ports beside those that services have: some of nodes, and one that nobody names.
const MORE_PORTS: [u16; 7] = [30_100, 30_101, 30_110, 30_111, 30_120, 30_130, 999];

fn estate(objects: &[Value]) -> Estate {
    let (mut sources, limits) = (Sources::new(), Limits::default());
    let mut documents = Vec::new();
    for (number, object) in objects.iter().enumerate() {
        let file = sources.add(format!("{number}.json"), object.to_string()).unwrap();
        documents.push(Tree::parse_json(file, sources.contents(file), &limits).unwrap());
    }
    let converted = convert(&documents, &Options { services: true, ..Options::default() });
    let errors: Vec<_> = converted.diagnostics.kept().iter().collect();
    assert!(!converted.diagnostics.has_errors(), "{errors:#?}");
    converted.estate
}

/// The place among all pods of the one that has an endpoint.
fn place_of(estate: &Estate, pods: &[Pod], endpoint: EndpointId) -> Option<usize> {
    let id = &estate.workloads[estate.network.endpoints[endpoint].workload].id;
    pods.iter().position(|pod| **id == *format!("{}/{}[{}]", pod.namespace, pod.name, pod.kind))
}

/// What gets to whom from a start to some targets.
fn arrived(
    estate: &Estate,
    reach: &Reach<'_>,
    start: &Start,
    targets: &[Target],
) -> Vec<(EndpointId, FlowSet)> {
    let mut found = Vec::new();
    for target in targets.iter().filter(|target| target.family() == Family::V4) {
        for part in reach.ask(start, target, &FlowSet::all()) {
            assert_ne!(part.disposition, Disposition::Unknown, "{part:?}");
            if part.disposition == Disposition::Accepted
                && let watertight_reach::End::Delivered(endpoint) = part.path.end
            {
                assert_eq!(part.established.sure, part.flows, "{:?}", estate.id);
                found.push((endpoint, part.flows));
            }
        }
    }
    found
}

#[test]
fn engine_and_twin_agree_on_whom_a_service_serves() {
    let (mut asked, mut got) = (0_u64, 0_u64);
    for seed in 0..300 {
        let objects = service_cluster(seed);
        let estate = estate(&objects);
        let reach = Reach::new(&estate.network);
        let pods = pods(&objects);
        let outside: Vec<IpAddr> = ADDRESSES.iter().map(|text| text.parse().unwrap()).collect();
        let outside: Vec<IpAddr> = outside.into_iter().filter(IpAddr::is_ipv4).collect();
        let froms = pods.iter().map(End::Pod).chain(outside.into_iter().map(End::Outside));
        let froms: Vec<End<'_>> = froms.collect();
        for service in objects.iter().filter(|object| object["kind"] == "Service") {
            if service["spec"].get("selector").is_none() {
                continue;
            }
            let name = |key: &str| service["metadata"][key].as_str().unwrap();
            let id = format!("{}/{}[Service]", name("namespace"), name("name"));
            let end = resolve_destination(&estate, &id).unwrap();
            for from in &froms {
                if matches!(from, End::Outside(_)) && is_headless(service) {
                    continue;
                }
                let (start, targets) = question(&estate, *from, (service, &end));
                let found = arrived(&estate, &reach, &start, &targets);
                for protocol in PROTOCOLS {
                    for port in PORTS.iter().chain(&MORE_PORTS) {
                        let expected = served(&objects, &pods, service, (*from, protocol, *port));
                        let holds = |flows: &FlowSet| contains(flows, protocol, *port);
                        let heard = found.iter().filter(|(_, flows)| holds(flows));
                        let ours: BTreeSet<usize> =
                            heard.filter_map(|(to, _)| place_of(&estate, &pods, *to)).collect();
                        assert_eq!(
                            ours,
                            expected,
                            "seed {seed}: {from:?} to {id} over {protocol}/{port}\n{}",
                            serde_json::to_string_pretty(&objects).unwrap()
                        );
                        asked += 1;
                        got += u64::from(!expected.is_empty());
                    }
                }
            }
        }
    }
    assert!(asked > 300_000, "{asked} connections");
    assert!(got > 5_000, "{got} of {asked} get to somebody");
}

/// Where a connection starts, and the service's addresses for that side: within the cluster its cluster
/// IP, outside whatever else it has.
fn question(
    estate: &Estate,
    from: End<'_>,
    (service, to): (&Value, &watertight_reach::ends::End),
) -> (Start, Vec<Target>) {
    let network = &estate.network;
    let name = match from {
        End::Pod(pod) => format!("{}/{}[{}]", pod.namespace, pod.name, pod.kind),
        End::Outside(address) => format!("outside:cluster@{address}"),
    };
    let start = resolve_start(estate, &name).unwrap().starts(network, Family::V4).remove(0);
    let all = to.targets(network);
    if is_headless(service) {
        return (start, all);
    }
    let own = Target::Address(service["spec"]["clusterIP"].as_str().unwrap().parse().unwrap());
    assert!(all.contains(&own), "{all:?}");
    let targets = match from {
        End::Pod(_) => vec![own],
        End::Outside(_) => all.into_iter().filter(|one| *one != own).collect(),
    };
    (start, targets)
}

/// What a front sends to some targets, whatever becomes of it at their own policies.
fn offered(reach: &Reach<'_>, start: &Start, targets: &[Target]) -> Vec<FlowSet> {
    let of_v4 = targets.iter().filter(|target| target.family() == Family::V4);
    let parts = of_v4.flat_map(|target| reach.ask(start, target, &FlowSet::all()));
    parts.filter(|part| part.disposition != Disposition::DeniedOut).map(|part| part.flows).collect()
}

#[test]
fn engine_and_twin_agree_on_whom_a_front_leads_to() {
    let mut reached = 0;
    for seed in 0..300 {
        let objects = service_cluster(seed);
        let estate = estate(&objects);
        let pods = pods(&objects);
        let mut ours: BTreeSet<(usize, String, u16)> = BTreeSet::new();
        let reach = Reach::new(&estate.network);
        if let Ok(start) = resolve_start(&estate, "ingress-controller") {
            let start = start.starts(&estate.network, Family::V4).remove(0);
            for (place, pod) in pods.iter().enumerate() {
                let id = format!("{}/{}[{}]", pod.namespace, pod.name, pod.kind);
                let targets = resolve_destination(&estate, &id).unwrap().targets(&estate.network);
                for flows in offered(&reach, &start, &targets) {
                    for protocol in PROTOCOLS {
                        let heard = PORTS.iter().chain(&MORE_PORTS);
                        let heard = heard.filter(|port| contains(&flows, protocol, **port));
                        ours.extend(heard.map(|port| (place, protocol.to_owned(), *port)));
                    }
                }
            }
        }
        let fronts =
            objects.iter().filter(|one| one["kind"] == "Ingress" || one["kind"] == "Route");
        let theirs: BTreeSet<(usize, String, u16)> =
            fronts.flat_map(|front| led(&objects, &pods, front)).collect();
        assert_eq!(
            ours,
            theirs,
            "seed {seed}\n{}",
            serde_json::to_string_pretty(&objects).unwrap()
        );
        reached += theirs.len();
    }
    assert!(reached > 60, "{reached} targets");
}
