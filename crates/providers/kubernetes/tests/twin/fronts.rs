//! Whom ingresses and routes lead to: engine and twin agree.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::Value;
use watertight_model::{Disposition, Estate};
use watertight_net::{Family, FlowSet};
use watertight_reach::ends::{resolve_destination, resolve_start};
use watertight_reach::{Part, Place, Reach, Start};
use watertight_testkit::generate::kubernetes::{
    ELSEWHERE, PORTS, fronted_cluster, service_cluster,
};
use watertight_testkit::twin::kubernetes::services::{Led, led};
use watertight_testkit::twin::kubernetes::{Pod, pods};

use crate::services::{MORE_PORTS, estate};
use crate::support::{PROTOCOLS, contains};

/// Whether a front leads to somebody.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Leads {
    No,
    Perhaps,
    Surely,
}

/// Somebody whom a front may lead to.
#[derive(Clone, Copy, Debug)]
enum To {
    /// A pod by its place, over IPv6 or not.
    Pod(usize, bool),
    Address(IpAddr),
}

impl To {
    fn v6(self) -> bool {
        match self {
            Self::Pod(_, v6) => v6,
            Self::Address(address) => address.is_ipv6(),
        }
    }

    /// What the twin says.
    fn expected(self, led: &Led, protocol: &str, port: u16) -> Leads {
        let key = |place, v6| (place, v6, protocol.to_owned(), port);
        let (is_sure, is_one) = match self {
            Self::Pod(place, v6) => {
                (led.pods.contains(&key(place, v6)), led.one_of.contains(&key(place, v6)))
            }
            Self::Address(address) => {
                (led.outside.contains(&(address, protocol.to_owned(), port)), false)
            }
        };
        match (is_sure, is_one || (led.untold && protocol == "TCP")) {
            (true, _) => Leads::Surely,
            (false, true) => Leads::Perhaps,
            (false, false) => Leads::No,
        }
    }

    /// What a front sends, whatever becomes of it at its receivers' own policies.
    fn parts(self, estate: &Estate, reach: &Reach<'_>, pods: &[Pod], start: &Start) -> Vec<Part> {
        let end = match self {
            Self::Pod(place, _) => {
                let pod = &pods[place];
                format!("{}/{}[{}]", pod.namespace, pod.name, pod.kind)
            }
            Self::Address(address) => format!("outside:cluster@{address}"),
        };
        let targets = resolve_destination(estate, &end).unwrap().targets(&estate.network);
        let family = if self.v6() { Family::V6 } else { Family::V4 };
        let of_family = targets.iter().filter(|target| target.family() == family);
        of_family.flat_map(|target| reach.ask(start, target, &FlowSet::all())).collect()
    }
}

/// Whether what a part says agrees with whether a front leads there. What it may send perhaps can be
/// refused for sure behind it.
fn agrees(part: &Part, own: Place, expected: Leads) -> bool {
    match part.disposition {
        Disposition::DeniedOut => expected == Leads::No,
        Disposition::Accepted | Disposition::ExitsNetwork => expected == Leads::Surely,
        Disposition::Unknown if part.at == own => expected == Leads::Perhaps,
        _ => expected != Leads::No,
    }
}

/// How often a front leads to a pod or an address, by how surely.
type Counts = BTreeMap<(&'static str, Leads), usize>;

fn compare(objects: &[Value], seed: u64, counts: &mut Counts) {
    let estate = estate(objects);
    let Ok(start) = resolve_start(&estate, "ingress-controller") else { return };
    let pods = pods(objects);
    let reach = Reach::new(&estate.network);
    let is_front = |one: &&Value| one["kind"] == "Ingress" || one["kind"] == "Route";
    let all = objects.iter().filter(is_front).map(|front| led(objects, &pods, front));
    let expected = all.fold(Led::default(), Led::union);
    let outside = ELSEWHERE.iter().map(|text| To::Address(text.parse().unwrap()));
    let ends = (0..pods.len()).flat_map(|place| [To::Pod(place, false), To::Pod(place, true)]);
    for to in ends.chain(outside) {
        let family = if to.v6() { Family::V6 } else { Family::V4 };
        for start in start.starts(&estate.network, family) {
            let Start::Endpoint { endpoint, .. } = start else { unreachable!("a front is one") };
            let parts = to.parts(&estate, &reach, &pods, &start);
            for protocol in PROTOCOLS {
                for port in PORTS.iter().chain(&MORE_PORTS) {
                    let expected = to.expected(&expected, protocol, *port);
                    for part in parts.iter().filter(|one| contains(&one.flows, protocol, *port)) {
                        assert!(
                            agrees(part, Place::Endpoint(endpoint), expected),
                            "seed {seed}: {to:?} over {protocol} {port}: {expected:?}, found {part:#?}\n{}",
                            serde_json::to_string_pretty(objects).unwrap()
                        );
                        let whom = if matches!(to, To::Pod(..)) { "pod" } else { "address" };
                        *counts.entry((whom, expected)).or_default() += 1;
                    }
                }
            }
        }
    }
}

/// Services without selectors among them lead where `Endpoints` and slices say.
#[test]
fn engine_and_twin_agree_on_whom_a_front_leads_to() {
    let mut counts = Counts::new();
    for seed in 0..300 {
        compare(&service_cluster(seed), seed, &mut counts);
        compare(&fronted_cluster(seed), seed, &mut counts);
    }
    for (whom, leads) in
        [("pod", Leads::Perhaps), ("pod", Leads::Surely), ("address", Leads::Surely)]
    {
        assert!(counts.get(&(whom, leads)).is_some_and(|count| *count > 60), "{counts:?}");
    }
}
