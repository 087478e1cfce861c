//! Policies, estates and legs from a seed.
//!
//! Everything is drawn from a small vocabulary, so that what is drawn meets: three values of a
//! label, two networks, a handful of ports, two instants around which policies expire.

mod documents;
mod ends;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use watertight_net::{Flow, FlowSet, PortSet, Protocol};
use watertight_policy::Timestamp;
use watertight_policy::syntax::Document;

use super::{Case, Essentials, Front, Modes, Place, Request, Workload, World};
use crate::generate::Random;

/// The keys of labels, with their values.
const LABELS: [(&str, &[&str]); 4] = [
    ("app", &["web", "api", "db"]),
    ("env", &["prod", "dev"]),
    ("team", &["red", "blue"]),
    ("front", &["yes"]),
];
const NETWORKS: [&str; 2] = ["vpc-a", "vpc-b"];
const PORTS: [u16; 4] = [443, 8443, 5432, 22];
const NAMES: [&str; 3] = ["api.example.com", "example.com", "pay.example.net"];
const METHODS: [&str; 2] = ["GET", "POST"];
const PATHS: [&str; 4] = ["/v1", "/v1/charges", "/", "/admin"];
/// When policies that expire do.
const EXPIRES: Timestamp = Timestamp(1_000);

/// A policy, an estate, and questions.
#[derive(Clone, Debug)]
pub struct Generated {
    /// The documents.
    pub documents: Vec<Document>,
    /// The estate.
    pub world: World,
    /// Which policies are essentials.
    pub essentials: Essentials,
    /// The questions.
    pub cases: Vec<Case>,
}

/// Draws a policy, an estate and so many questions; the same seed gives the same.
pub fn policy(seed: u64, questions: usize) -> Generated {
    let mut random = Random::new(seed);
    let world = world(&mut random);
    let drawn = documents::draw(&mut random);
    let cases = (0..questions).map(|_| case(&mut random, &world, &drawn.names)).collect();
    Generated { documents: drawn.documents, world, essentials: drawn.essentials, cases }
}

pub(super) fn word<'w>(random: &mut Random, words: &[&'w str]) -> &'w str {
    random.pick(words).copied().unwrap_or_default()
}

fn v4(octets: [u8; 4]) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from(octets))
}

fn small(random: &mut Random, end: usize) -> u8 {
    u8::try_from(random.below(end)).unwrap_or(0)
}

fn world(random: &mut Random) -> World {
    let mut world = World::default();
    for number in 0..random.between(4, 8) {
        let workload = workload(random, number);
        world.workloads.push(workload);
    }
    for _ in 0..random.between(1, 2) {
        let workload = random.below(world.workloads.len());
        world.workloads[workload].labels.insert("front".to_owned(), "yes".to_owned());
        let front = front(random, workload, world.workloads.len());
        world.fronts.push(front);
    }
    if random.chance(60) {
        let prefix = "198.51.100.0/26".parse().into_iter().collect();
        world.services.insert("aws.s3".to_owned(), prefix);
    }
    if random.chance(60) {
        world.service_space = "198.51.100.0/25".parse().into_iter().collect();
    }
    world
}

fn workload(random: &mut Random, number: usize) -> Workload {
    let mut labels = BTreeMap::new();
    for (key, values) in LABELS {
        if key != "front" && random.chance(80) {
            labels.insert(key.to_owned(), word(random, values).to_owned());
        }
    }
    if random.chance(4) {
        labels.insert("watertight.io/quarantine".to_owned(), "yes".to_owned());
    }
    let mut places: Vec<Place> = Vec::new();
    for _ in 0..random.below(3) {
        let network = word(random, &NETWORKS).to_owned();
        places.push((Some(network), v4([10, 0, small(random, 2), small(random, 8)])));
    }
    if random.chance(25) {
        places.push((None, v4([203, 0, 113, small(random, 16)])));
    }
    Workload {
        id: format!("i-{number}{}", random.below(10_000)),
        name: format!("{}-{number}", word(random, &["web", "db"])),
        account: random.chance(50).then(|| "111122223333".to_owned()),
        subnets: vec![word(random, &["subnet-a", "subnet-b"]).to_owned()],
        labels,
        places,
    }
}

fn tcp(port: u16) -> FlowSet {
    FlowSet::tcp(PortSet::single(port))
}

fn front(random: &mut Random, workload: usize, workloads: usize) -> Front {
    let mut listeners = Vec::new();
    let mut health = Vec::new();
    for _ in 0..random.between(1, 2) {
        let mut targets = Vec::new();
        for _ in 0..random.between(1, 3) {
            let target = random.below(workloads);
            targets.push((target, tcp(*random.pick(&PORTS).unwrap_or(&443))));
            if random.chance(50) {
                health.push((target, tcp(22)));
            }
        }
        listeners.push((tcp(*random.pick(&[443, 8443]).unwrap_or(&443)), targets));
    }
    Front { workload, listeners, health }
}

fn case(random: &mut Random, world: &World, names: &documents::Names) -> Case {
    let mut source = ends::draw(random, world);
    let mut destination = ends::draw(random, world);
    if let Some(front) = random.pick(&world.fronts)
        && random.chance(35)
    {
        let targets = front.listeners.iter().flat_map(|(_, targets)| targets);
        let targets: Vec<usize> = targets.map(|(target, _)| *target).collect();
        match (random.pick(&targets), random.chance(50)) {
            (Some(target), true) => {
                source = ends::one(front.workload);
                destination = ends::one(*target);
            }
            _ => destination = ends::one(front.workload),
        }
    }
    if random.chance(3) {
        destination = source.clone();
    }
    let bindings = ends::bindings(random, world, &destination);
    Case {
        source,
        destination,
        flow: flow(random),
        request: random.chance(25).then(|| request(random)),
        bindings,
        modes: modes(random, names),
        now: *random.pick(&[Timestamp(999), EXPIRES, Timestamp(0)]).unwrap_or(&EXPIRES),
    }
}

fn modes(random: &mut Random, names: &documents::Names) -> Modes {
    match random.below(10) {
        0..=3 => Modes::Enforced,
        4..=6 => Modes::Pending,
        7 | 8 => Modes::PromoteSegment(random.pick(&names.segments).cloned().unwrap_or_default()),
        _ => Modes::PromotePolicy(random.pick(&names.policies).cloned().unwrap_or_default()),
    }
}

fn flow(random: &mut Random) -> Flow {
    let port = *random.pick(&PORTS).unwrap_or(&443);
    match random.below(16) {
        0 => Flow::udp(40_000, 53),
        1 => Flow::Icmp { protocol: Protocol::ICMP, icmp_type: 8, icmp_code: 0 },
        2 => Flow::Other { protocol: Protocol(47) },
        3..=7 => Flow::tcp(40_000, 443),
        _ => Flow::tcp(40_000, port),
    }
}

fn request(random: &mut Random) -> Request {
    let paths = ["/v1", "/v1/charges?a=1", "/v1x", "/%76%31/./", "/a/../admin", "/..", "/", "/v1/"];
    let http = random.chance(80).then(|| {
        let method = word(random, &["GET", "POST", "PUT"]);
        (method.to_owned(), word(random, &paths).to_owned())
    });
    Request { tls: random.chance(40), http }
}
