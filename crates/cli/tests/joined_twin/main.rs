//! From cluster to cloud and back: the engine on joined estates, against two slow twins. What a pod
//! sends passes if its policies let it out and the cloud lets it through from the attachment that holds
//! its address, or from its node's where that stands in its place; what comes to it, likewise.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod draw;
mod expect;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde_json::Value;
use watertight_aws::Body;
use watertight_model::network::EndpointId;
use watertight_model::{Disposition, Estate};
use watertight_net::{FlowSet, PortSet, Protocol};
use watertight_reach::{Reach, Start, Target};
use watertight_source::{FileId, Limits, Tree};
use watertight_testkit::generate::{Size, aws};
use watertight_testkit::twin::aws as cloud;
use watertight_testkit::twin::kubernetes::{Pod, pods};

use draw::{Drawn, draw};
use expect::{CLIENT_PORT, Twins, Verdict};

const ESTATES: u64 = 300;
const PORTS: [u16; 5] = [22, 80, 443, 5432, 8080];

fn parsed(number: usize, value: &Value) -> Tree {
    let file = FileId(u32::try_from(number).unwrap());
    Tree::parse_json(file, value.to_string().as_str(), &Limits::default()).unwrap()
}

fn joined(files: &[(String, Value)], objects: &[Value]) -> Estate {
    let bodies = files
        .iter()
        .enumerate()
        .map(|(number, (path, value))| Body { path: path.clone(), tree: parsed(number, value) });
    let bodies: Vec<Body> = bodies.collect();
    let estate = watertight_aws::convert(&bodies, &watertight_aws::Options::default()).estate;
    let each = objects.iter().enumerate();
    let documents: Vec<Tree> =
        each.map(|(number, value)| parsed(files.len() + number, value)).collect();
    let options = watertight_kubernetes::Options { services: true, ..Default::default() };
    watertight_kubernetes::convert_into(estate, &documents, &options).estate
}

fn asked(reach: &Reach<'_>, start: &Start, to: IpAddr, port: u16) -> Verdict {
    let flow = FlowSet::ports(Protocol::TCP, PortSet::single(CLIENT_PORT), PortSet::single(port));
    let mut found = Verdict::default();
    for part in reach.ask(start, &Target::Address(to), &flow) {
        found.arrives |= part.disposition == Disposition::Accepted;
        found.established.0 |= !part.established.sure.is_empty();
        found.established.1 |= !part.established.possible.is_empty();
    }
    found
}

/// What the engine says, for those who look into a difference.
fn said(reach: &Reach<'_>, start: &Start, to: IpAddr, port: u16) -> Vec<String> {
    let flow = FlowSet::ports(Protocol::TCP, PortSet::single(CLIENT_PORT), PortSet::single(port));
    let parts = reach.ask(start, &Target::Address(to), &flow).into_iter();
    parts
        .map(|part| {
            let reply = part.reply.map(|reply| (reply.stop, reply.path.end));
            format!("{:?} at {:?}: {}, reply {reply:?}", part.disposition, part.at, part.why)
        })
        .collect()
}

/// The endpoint that holds an address, by the interface's id or as a pod's.
fn endpoint(estate: &Estate, name: &str, address: IpAddr) -> Option<EndpointId> {
    let mut all = estate.network.endpoints.iter();
    all.find(|(_, one)| *one.name == *name && one.addresses.contains(&address)).map(|(id, _)| id)
}

/// How often each kind of question is asked, and how often something arrives.
#[derive(Debug, Default)]
struct Counts {
    asked: usize,
    arriving: usize,
    of: BTreeMap<&'static str, (usize, usize)>,
}

impl Counts {
    fn count(&mut self, kinds: &[(&'static str, bool)], verdict: &Verdict) {
        self.asked += 1;
        self.arriving += usize::from(verdict.arrives);
        for (kind, _) in kinds.iter().filter(|(_, holds)| *holds) {
            let entry = self.of.entry(kind).or_default();
            entry.0 += 1;
            entry.1 += usize::from(verdict.arrives);
        }
    }
}

/// One estate under question.
struct Asking<'e> {
    seed: u64,
    twins: Twins<'e>,
    estate: &'e Estate,
    reach: Reach<'e>,
    /// The network of each interface.
    networks: BTreeMap<String, String>,
}

impl Asking<'_> {
    fn start(&self, pod: usize) -> Start {
        let (pod, place) = (&self.twins.pods[pod], self.twins.place(pod));
        let name = format!("{}/{}", pod.namespace, pod.name);
        let endpoint = endpoint(self.estate, &name, place.address).unwrap();
        Start::Endpoint { endpoint, address: place.address }
    }

    #[track_caller]
    fn compare(&self, start: &Start, to: IpAddr, port: u16, (expected, what): (&Verdict, &str)) {
        assert_eq!(
            asked(&self.reach, start, to, port),
            *expected,
            "seed {}: {what}, {to}:{port}: {:?}\n{:?}\n{:#?}",
            self.seed,
            said(&self.reach, start, to, port),
            self.twins.drawn.plugin,
            self.twins.drawn.places
        );
    }

    /// Between a pod and every address of the cloud that is not on its node.
    fn with_the_cloud(&self, pod: usize, counts: &mut Counts) {
        let twins = &self.twins;
        let place = twins.place(pod);
        let own: BTreeSet<IpAddr> = twins.drawn.places.iter().map(|one| one.address).collect();
        // What stays on a node meets policies alone; networks may have addresses in common.
        let on_node = |interface: &String| twins.machines.get(interface) == Some(&place.instance);
        let all = twins.cloud.interfaces();
        let near = all.iter().filter(|one| on_node(one));
        let near: BTreeSet<IpAddr> = near.flat_map(|one| twins.cloud.addresses(one)).collect();
        let start = self.start(pod);
        // A balancer may lead back to the pod's machine, and the cloud's twin does not know that what is at
        // its second attachment is there too.
        let is_asked = |one: &String| !place.second || twins.machines.contains_key(one);
        for interface in all.into_iter().filter(is_asked) {
            let addresses = twins.cloud.addresses(&interface).into_iter();
            let is_far = |one: &IpAddr| one.is_ipv4() && !own.contains(one) && !near.contains(one);
            for other in addresses.filter(is_far) {
                let translated = twins.is_translated(pod, other);
                let kinds = [
                    ("under its node's address", translated),
                    (
                        "kept although it leaves the network",
                        !translated
                            && twins.drawn.plugin.translates
                            && !twins.is_apart(pod)
                            && self.leaves(pod, other),
                    ),
                    ("at an attachment with routes", place.routed),
                    ("with groups of its own, strict", twins.is_apart(pod)),
                    ("with groups of its own, standard", place.own && !twins.drawn.plugin.strict),
                ];
                for port in PORTS {
                    let expected = twins.pod_sends(pod, other, port);
                    let what = format!("pod {pod} to {interface}");
                    self.compare(&start, other, port, (&expected, &what));
                    counts.count(&kinds, &expected);
                    // Of the others, some open no connections, which is not asked here.
                    if !twins.machines.contains_key(&interface) {
                        continue;
                    }
                    let Some(sender) = endpoint(self.estate, &interface, other) else { continue };
                    let expected = twins.to_pod((&interface, other), pod, port);
                    let back = Start::Endpoint { endpoint: sender, address: other };
                    let what = format!("{interface} {other} to pod {pod}");
                    self.compare(&back, place.address, port, (&expected, &what));
                    counts.count(&kinds[2..], &expected);
                }
            }
        }
    }

    fn leaves(&self, pod: usize, to: IpAddr) -> bool {
        let own = &self.twins.drawn.prefixes[&self.twins.place(pod).vpc];
        !own.iter().any(|prefix| prefix.contains(to))
    }

    fn with_pods(&self, pod: usize, counts: &mut Counts) {
        let twins = &self.twins;
        let start = self.start(pod);
        for other in (0..twins.pods.len()).filter(|other| *other != pod) {
            let (here, there) = (twins.place(pod), twins.place(other));
            let near = here.instance == there.instance;
            for port in PORTS {
                let Some(expected) = twins.between(pod, other, port) else { continue };
                let what =
                    format!("pod {pod} to pod {other}: {}", twins.explained(pod, other, port));
                self.compare(&start, there.address, port, (&expected, &what));
                let is_far = here.vpc != there.vpc;
                let kinds = [
                    ("between pods of one node", near),
                    ("between subnets of one node", near && here.subnet != there.subnet),
                    ("between nodes", !near && !is_far),
                    ("between networks", is_far),
                    ("on networks of users that are apart", twins.are_kept_apart(pod, other)),
                ];
                counts.count(&kinds, &expected);
            }
        }
    }

    fn with_services(&self, services: &[&Value], counts: &mut Counts) {
        let twins = &self.twins;
        for service in services {
            let to: IpAddr = service["spec"]["clusterIP"].as_str().unwrap().parse().unwrap();
            for port in PORTS {
                for pod in 0..twins.pods.len() {
                    let Some(expected) = twins.served(pod, service, port) else { continue };
                    let what = format!("pod {pod} to the service {}", service["metadata"]);
                    self.compare(&self.start(pod), to, port, (&expected, &what));
                    let leads = !twins.behind(service, port).is_empty();
                    let kinds = [("a pod to a service", leads), ("a pod to no port", !leads)];
                    counts.count(&kinds, &expected);
                }
                for (interface, instance) in twins.machines {
                    let is_node = twins.drawn.places.iter().any(|one| one.instance == *instance);
                    let Some(own) = twins.cloud.addresses(interface).first().copied() else {
                        continue;
                    };
                    let vpc = &self.networks[interface];
                    let expected = is_node
                        .then(|| twins.served_to_node((interface, own), vpc, (service, port)));
                    let Some(expected) = expected.flatten() else { continue };
                    let Some(sender) = endpoint(self.estate, interface, own) else { continue };
                    let start = Start::Endpoint { endpoint: sender, address: own };
                    let what =
                        format!("{interface} of a node to the service {}", service["metadata"]);
                    self.compare(&start, to, port, (&expected, &what));
                    let leads = !twins.behind(service, port).is_empty();
                    counts.count(&[("a node to a service", leads)], &expected);
                }
            }
        }
    }
}

/// Asks everything that is asked of one estate.
fn ask(seed: u64, counts: &mut Counts) {
    let mut files = aws(seed, Size::FEW).files;
    let drawn: Drawn = draw(seed, &mut files);
    let estate = joined(&files, &drawn.objects);
    let cloud = cloud::Estate::load(&files);
    let pods: Vec<Pod> = pods(&drawn.objects).into_iter().filter(|pod| pod.kind == "Pod").collect();
    let machines = machines(&files);
    let twins = Twins { drawn: &drawn, cloud: &cloud, pods: &pods, machines: &machines };
    let reach = Reach::new(&estate.network);
    let asking = Asking { seed, twins, estate: &estate, reach, networks: in_networks(&files) };
    for pod in 0..pods.len() {
        asking.with_the_cloud(pod, counts);
        asking.with_pods(pod, counts);
    }
    let services: Vec<&Value> =
        drawn.objects.iter().filter(|object| object["kind"] == "Service").collect();
    asking.with_services(&services, counts);
}

#[test]
fn between_pods_and_the_cloud_engine_and_twins_agree() {
    let mut counts = Counts::default();
    for seed in 0..ESTATES {
        ask(seed, &mut counts);
    }
    assert!(counts.asked > 20_000, "{counts:?}");
    assert!(counts.arriving * 50 > counts.asked, "{counts:?}");
    assert_eq!(counts.of.len(), 13, "{counts:?}");
    for (kind, (asked, arriving)) in &counts.of {
        assert!(asked * 200 > counts.asked, "{kind} is drawn too seldom: {counts:?}");
        let none = ["a pod to no port", "on networks of users that are apart"].contains(kind);
        assert!(none || *arriving > 20, "{kind} arrives too seldom: {counts:?}");
    }
}

/// The machine of each interface that has one.
fn machines(files: &[(String, Value)]) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for one in interfaces(files) {
        if let Some(instance) = one["Attachment"]["InstanceId"].as_str() {
            let id = one["NetworkInterfaceId"].as_str().unwrap();
            found.insert(id.to_owned(), instance.to_owned());
        }
    }
    found
}

/// The network of each interface.
fn in_networks(files: &[(String, Value)]) -> BTreeMap<String, String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let each = interfaces(files);
    each.map(|one| (text(&one["NetworkInterfaceId"]), text(&one["VpcId"]))).collect()
}

fn interfaces(files: &[(String, Value)]) -> impl Iterator<Item = &Value> {
    files.iter().flat_map(|(_, body)| body["NetworkInterfaces"].as_array().into_iter().flatten())
}
