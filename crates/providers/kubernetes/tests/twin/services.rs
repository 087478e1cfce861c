//! Services and what leads to them: the engine and the slow twin agree on generated clusters.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::Value;
use watertight_kubernetes::{Options, convert};
use watertight_model::network::{EndpointId, EndpointRole};
use watertight_model::{Disposition, Estate, Network};
use watertight_net::{Family, FlowSet};
use watertight_reach::ends::{resolve_destination, resolve_start};
use watertight_reach::{Part, Reach, Start, Step, Target};
use watertight_source::{Limits, Sources, Tree};
use watertight_testkit::generate::kubernetes::{
    PORTS, calico_endpoint_cluster, cilium_endpoint_cluster, clients, endpoint_cluster,
    service_cluster,
};
use watertight_testkit::twin::kubernetes::served::{
    At, Question, Served, is_headless, is_over, served,
};
use watertight_testkit::twin::kubernetes::{End, Pod, pods};

use crate::support::{PROTOCOLS, contains};

/// Ports beside those that services have: some of nodes, and one that nobody names.
pub(crate) const MORE_PORTS: [u16; 7] = [30_100, 30_101, 30_110, 30_111, 30_120, 30_130, 999];

pub(crate) fn estate(objects: &[Value]) -> Estate {
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

/// What the engine says of a start and some targets: parts of flows, and whom they get to.
enum Got {
    Pod(EndpointId),
    Outside(IpAddr),
    Unknown,
    /// The input tells no address of it.
    Untold,
}

fn arrived(
    estate: &Estate,
    reach: &Reach<'_>,
    start: &Start,
    targets: &[Target],
) -> Vec<(Got, FlowSet)> {
    let mut found = Vec::new();
    for target in targets {
        for part in reach.ask(start, target, &FlowSet::all()) {
            let got = match (part.disposition, &part.path.end) {
                (Disposition::Accepted, watertight_reach::End::Delivered(endpoint)) => {
                    assert_eq!(part.established.sure, part.flows, "{:?}", estate.id);
                    Got::Pod(*endpoint)
                }
                (Disposition::ExitsNetwork, _) => Got::Outside(destination(&part, target)),
                (Disposition::Unknown, _) => Got::Unknown,
                _ => continue,
            };
            found.push((got, part.flows));
        }
    }
    found
}

/// Where a part goes in the end.
fn destination(part: &Part, target: &Target) -> IpAddr {
    let changed = part.path.steps.iter().rev().find_map(|step| match step {
        Step::Destination { to, .. } => Some(*to),
        _ => None,
    });
    match target {
        Target::Address(address) => changed.unwrap_or(*address),
        Target::Unaddressed { .. } => unreachable!("what is in the cluster has addresses"),
    }
}

/// How often each kind of service is asked about, and gets something to somebody.
#[derive(Debug, Default)]
struct Counts {
    asked: u64,
    got: u64,
    unknown: u64,
    of: BTreeMap<&'static str, (u64, u64)>,
}

impl Counts {
    fn count(&mut self, service: &Value, question: &Question<'_>, served: &Served) {
        let gets = !served.pods.is_empty() || !served.outside.is_empty();
        self.asked += 1;
        self.got += u64::from(gets);
        self.unknown += u64::from(served.unknown);
        let spec = &service["spec"];
        let from_outside = matches!(question.from, End::Outside(_));
        let is_local = |key: &str| spec[key] == "Local";
        let has_selector = spec.get("selector").is_some();
        let is_name = spec["type"] == "ExternalName";
        let kinds = [
            ("over IPv6", question.v6),
            ("dual", is_over(service, true) && is_over(service, false)),
            ("IPv6 alone", is_over(service, true) && !is_over(service, false)),
            ("without a selector", !has_selector && !is_name),
            ("to an address outside", !served.outside.is_empty()),
            ("a name", is_name),
            ("headless", is_headless(service)),
            ("headless without a selector", is_headless(service) && !has_selector),
            ("from outside", from_outside && question.at != At::Within),
            ("a pod to an outer address", !from_outside && question.at != At::Within),
            (
                "external addresses apart",
                question.at == At::External && spec.get("loadBalancerSourceRanges").is_some(),
            ),
            ("keeps clients", from_outside && is_local("externalTrafficPolicy")),
            (
                "hides clients",
                from_outside && question.at != At::Within && !is_local("externalTrafficPolicy"),
            ),
            ("stays on a node", is_local("internalTrafficPolicy") && question.at == At::Within),
        ];
        for (kind, _) in kinds.into_iter().filter(|(_, holds)| *holds) {
            let entry = self.of.entry(kind).or_default();
            entry.0 += 1;
            entry.1 += u64::from(gets || served.unknown);
        }
    }
}

/// Who asks: pods and addresses outside.
fn askers<'c>(pods: &'c [Pod], outside: &[IpAddr]) -> Vec<End<'c>> {
    pods.iter().map(End::Pod).chain(outside.iter().copied().map(End::Outside)).collect()
}

/// Compares whom services serve in some clusters.
fn agree(cluster: fn(u64) -> Vec<Value>, clusters: u64) -> Counts {
    let mut counts = Counts::default();
    let clients: Vec<IpAddr> = clients().iter().map(|text| text.parse().unwrap()).collect();
    for seed in 0..clusters {
        let objects = cluster(seed);
        let estate = estate(&objects);
        let reach = Reach::new(&estate.network);
        let pods = pods(&objects);
        for service in objects.iter().filter(|object| object["kind"] == "Service") {
            for from in askers(&pods, &clients) {
                for (at, v6) in sides() {
                    if matches!(from, End::Outside(client) if client.is_ipv6() != v6) {
                        continue;
                    }
                    let found = found(&estate, &reach, service, (from, at, v6));
                    let Some(found) = found else { continue };
                    for protocol in PROTOCOLS {
                        for port in PORTS.iter().chain(&MORE_PORTS) {
                            let question = Question { from, at, v6, protocol, port: *port };
                            let expected = served(&objects, &pods, service, &question);
                            let mut ours = at_port(&estate, &pods, &found, (protocol, *port));
                            // A name without addresses is in doubt, and may well be nobody's.
                            if let [(Got::Untold, _)] = found.as_slice() {
                                ours.unknown = expected.unknown;
                            }
                            assert_eq!(
                                ours,
                                expected,
                                "seed {seed}: {question:?} to {}\n{}",
                                service["metadata"],
                                serde_json::to_string_pretty(&objects).unwrap()
                            );
                            counts.count(service, &question, &expected);
                        }
                    }
                }
            }
        }
    }
    counts
}

fn sides() -> impl Iterator<Item = (At, bool)> {
    let all = [At::Within, At::Outside, At::External].into_iter();
    all.flat_map(|at| [false, true].into_iter().map(move |v6| (at, v6)))
}

/// What the engine says of a service at one of its sides; nothing where the side is no question: a pod
/// without addresses of the family asks nobody, and a name is not for those outside.
fn found(
    estate: &Estate,
    reach: &Reach<'_>,
    service: &Value,
    (from, at, v6): (End<'_>, At, bool),
) -> Option<Vec<(Got, FlowSet)>> {
    let network = &estate.network;
    let named = is_headless(service) || service["spec"]["type"] == "ExternalName";
    if named && (matches!(from, End::Outside(_)) || at != At::Within) {
        return None;
    }
    let name = match from {
        End::Pod(pod) => format!("{}/{}[{}]", pod.namespace, pod.name, pod.kind),
        End::Outside(address) => format!("outside:cluster@{address}"),
    };
    let family = if v6 { Family::V6 } else { Family::V4 };
    let Some(start) =
        resolve_start(estate, &name).unwrap().starts(network, family).into_iter().next()
    else {
        let of_cluster = network.subnets.values().flat_map(|subnet| &subnet.prefixes);
        let has = of_cluster.into_iter().any(|prefix| prefix.family() == family);
        assert!(
            !has || matches!(from, End::Pod(pod) if !pod.is_of(v6)),
            "{name} sends over {family:?}"
        );
        assert!(
            has || !is_over(service, v6)
                || service["spec"]["type"] == "ExternalName"
                || is_headless(service),
            "{name} is of {family:?}"
        );
        return None;
    };
    let key = |key: &str| service["metadata"][key].as_str().unwrap();
    let end =
        resolve_destination(estate, &format!("{}/{}[Service]", key("namespace"), key("name")));
    let end = end.unwrap();
    let all = end.targets(network);
    if named && all.is_empty() {
        return Some(vec![(Got::Untold, FlowSet::all())]);
    }
    let of_side = all.into_iter().filter(|target| {
        target.family() == family && side(network, target).unwrap_or(At::Within) == at
    });
    Some(arrived(estate, reach, &start, &of_side.collect::<Vec<_>>()))
}

/// At which side of a service an address is, if it is one of a service's.
fn side(network: &Network, target: &Target) -> Option<At> {
    let Target::Address(address) = target else { return None };
    let holder = network.at_sender.keys().find(|id| network.endpoints[**id].holds(*address))?;
    let endpoint = &network.endpoints[*holder];
    let EndpointRole::Front(front) = endpoint.role else { return None };
    Some(if network.fronts[front].listeners.is_empty() {
        At::Within
    } else if endpoint.name.contains("by external addresses") {
        At::External
    } else {
        At::Outside
    })
}

/// Whom what was found gets to at one port.
fn at_port(
    estate: &Estate,
    pods: &[Pod],
    found: &[(Got, FlowSet)],
    (protocol, port): (&str, u16),
) -> Served {
    let mut served = Served::default();
    for (got, _) in found.iter().filter(|(_, flows)| contains(flows, protocol, port)) {
        match got {
            Got::Pod(endpoint) => served.pods.extend(place_of(estate, pods, *endpoint)),
            Got::Outside(address) => drop(served.outside.insert(*address)),
            Got::Unknown | Got::Untold => served.unknown = true,
        }
    }
    served
}

#[test]
fn engine_and_twin_agree_on_whom_a_service_serves() {
    let counts = agree(service_cluster, 300);
    assert!(counts.asked > 300_000 && counts.got > 5_000, "{counts:?}");
}

/// Policies of Calico and Cilium see the pods behind a service, not its address.
#[test]
fn engine_and_twin_agree_on_whom_services_serve_beside_policies_of_calico() {
    let counts = agree(calico_endpoint_cluster, 300);
    assert!(counts.asked > 1_600_000 && counts.got > 6_000, "{counts:?}");
}

#[test]
fn engine_and_twin_agree_on_whom_services_serve_beside_policies_of_cilium() {
    let counts = agree(cilium_endpoint_cluster, 300);
    assert!(counts.asked > 1_600_000 && counts.got > 6_000, "{counts:?}");
}

#[test]
fn engine_and_twin_agree_on_whom_services_of_every_kind_serve() {
    let counts = agree(endpoint_cluster, 300);
    assert!(counts.asked > 1_000_000 && counts.got > 5_000, "{counts:?}");
    assert_eq!(counts.of.len(), 14, "{counts:?}");
    for (kind, (asked, leading)) in &counts.of {
        assert!(asked * 500 > counts.asked, "{kind} is drawn too seldom: {counts:?}");
        assert!(*leading > 50, "{kind} leads to nobody: {counts:?}");
    }
}
