//! From cluster to cloud and back: the engine on joined estates, against two slow twins. What a pod
//! sends passes if its policies let it out and the cloud lets it through from the attachment that holds
//! its address; what comes to it, likewise.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use serde_json::{Value, json};
use watertight_aws::Body;
use watertight_model::network::EndpointId;
use watertight_model::{Disposition, Estate};
use watertight_net::{FlowSet, PortSet, Prefix, Protocol};
use watertight_reach::{Reach, Start, Target};
use watertight_source::{FileId, Limits, Tree};
use watertight_testkit::generate::{Random, Size, aws, kubernetes};
use watertight_testkit::twin::aws as cloud;
use watertight_testkit::twin::kubernetes::{Connection, End, Pod, allows, pods};

const ESTATES: u64 = 300;
/// Pods of one estate.
const PODS_MAX: usize = 4;
const CLIENT_PORT: u16 = 40_000;
const PORTS: [u16; 5] = [22, 80, 443, 5432, 8080];

/// A pod's place: its attachment, the machine of that, and its address there.
struct Place {
    interface: String,
    instance: String,
    address: IpAddr,
}

/// Gives attachments of machines a further address, for a pod each. Those to which routes lead are left
/// out: a pod and its node are two endpoints for the engine, and one for the twin.
fn places(files: &mut [(String, Value)]) -> Vec<Place> {
    let mut subnets: BTreeMap<String, Prefix> = BTreeMap::new();
    let mut used: BTreeSet<IpAddr> = BTreeSet::new();
    let mut routed: BTreeSet<String> = BTreeSet::new();
    for (_, body) in files.iter() {
        let tables = body["RouteTables"].as_array().into_iter().flatten();
        for route in tables.flat_map(|table| table["Routes"].as_array().into_iter().flatten()) {
            let to = ["NetworkInterfaceId", "InstanceId"].into_iter();
            routed.extend(to.filter_map(|key| route[key].as_str().map(str::to_owned)));
        }
        for subnet in body["Subnets"].as_array().into_iter().flatten() {
            let prefix = subnet["CidrBlock"].as_str().unwrap().parse().unwrap();
            subnets.insert(subnet["SubnetId"].as_str().unwrap().to_owned(), prefix);
        }
        for one in body["NetworkInterfaces"].as_array().into_iter().flatten() {
            for address in one["PrivateIpAddresses"].as_array().into_iter().flatten() {
                used.insert(address["PrivateIpAddress"].as_str().unwrap().parse().unwrap());
            }
        }
    }
    let mut found = Vec::new();
    for (_, body) in files.iter_mut() {
        for one in body["NetworkInterfaces"].as_array_mut().into_iter().flatten() {
            let Some(instance) = one["Attachment"]["InstanceId"].as_str().map(str::to_owned) else {
                continue;
            };
            let id = one["NetworkInterfaceId"].as_str().unwrap().to_owned();
            if routed.contains(&id) || routed.contains(&instance) {
                continue;
            }
            let prefix = subnets[one["SubnetId"].as_str().unwrap()];
            let IpAddr::V4(last) = prefix.last() else { continue };
            let hosts = (2..20).map(|back| IpAddr::V4(Ipv4Addr::from_bits(last.to_bits() - back)));
            let free =
                hosts.filter(|host| prefix.contains(*host)).find(|host| !used.contains(host));
            let Some(address) = free.filter(|_| found.len() < PODS_MAX) else { continue };
            used.insert(address);
            one["PrivateIpAddresses"]
                .as_array_mut()
                .unwrap()
                .push(json!({"Primary": false, "PrivateIpAddress": address.to_string()}));
            found.push(Place { interface: id, instance, address });
        }
    }
    found
}

/// The cluster's objects: pods at their places, and policies.
fn objects(seed: u64, places: &[Place]) -> Vec<Value> {
    let mut random = Random::new(seed);
    let wanted = ["Namespace", "NetworkPolicy"];
    let mut found = kubernetes::cluster(seed);
    found.retain(|object| wanted.contains(&object["kind"].as_str().unwrap()));
    for (number, place) in places.iter().enumerate() {
        let mut labels = json!({});
        for key in ["app", "tier", "role"] {
            labels[key] = json!(random.pick(&["a", "b", "c"]).unwrap());
        }
        let namespace = random.pick(&["shop", "data", "ops"]).unwrap();
        found.push(json!({"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": format!("pod{number}"), "namespace": namespace, "labels": labels},
            "spec": {"nodeName": place.instance, "containers": [{"name": "c", "ports":
                [{"name": "web", "containerPort": 8080}, {"name": "db", "containerPort": 5432}]}]},
            "status": {"podIP": place.address.to_string()}}));
    }
    let nodes: BTreeSet<&String> = places.iter().map(|place| &place.instance).collect();
    for node in nodes {
        found.push(json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": node},
            "spec": {"providerID": format!("aws:///zone/{node}")}}));
    }
    // Pods keep their addresses wherever they send.
    found.push(json!({"apiVersion": "apps/v1", "kind": "DaemonSet",
        "metadata": {"name": "aws-node", "namespace": "kube-system"},
        "spec": {"template": {"spec": {"hostNetwork": true, "containers": [{"name": "aws-node",
            "env": [{"name": "AWS_VPC_K8S_CNI_EXTERNALSNAT", "value": "true"}]}]}}}}));
    found
}

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
    let options = watertight_kubernetes::Options::default();
    watertight_kubernetes::convert_into(estate, &documents, &options).estate
}

/// Whether something is surely delivered, and whether its reply comes back: surely, and perhaps.
#[derive(Debug, Default, PartialEq, Eq)]
struct Verdict {
    arrives: bool,
    established: (bool, bool),
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
    parts.map(|part| format!("{:?} at {:?}: {}", part.disposition, part.at, part.why)).collect()
}

/// A connection that an interface opens from one of its addresses.
fn packet((interface, from): (&str, IpAddr), (to, port): (IpAddr, u16)) -> cloud::Packet {
    cloud::Packet {
        start: cloud::Start::Interface(interface.to_owned()),
        source: Some(from),
        destination: to,
        protocol: 6,
        source_port: CLIENT_PORT,
        destination_port: port,
        icmp_type: 0,
        icmp_code: 0,
    }
}

fn expected(twin: &cloud::Estate, packet: &cloud::Packet, by_policies: bool) -> Verdict {
    if !by_policies {
        return Verdict::default();
    }
    Verdict { arrives: twin.accepts(packet).0, established: twin.establishes(packet) }
}

/// The endpoint that holds an address, by the interface's id or as a pod's.
fn endpoint(estate: &Estate, name: &str, address: IpAddr) -> Option<EndpointId> {
    let mut all = estate.network.endpoints.iter();
    all.find(|(_, one)| *one.name == *name && one.addresses.contains(&address)).map(|(id, _)| id)
}

#[test]
fn between_pods_and_the_cloud_engine_and_twins_agree() {
    let (mut asked_of, mut arriving) = (0, 0);
    for seed in 0..ESTATES {
        let mut files = aws(seed, Size::FEW).files;
        let places = places(&mut files);
        let objects = objects(seed, &places);
        let estate = joined(&files, &objects);
        let (reach, twin) = (Reach::new(&estate.network), cloud::Estate::load(&files));
        let own: BTreeSet<IpAddr> = places.iter().map(|place| place.address).collect();
        let machines = machines(&files);
        let pods: Vec<Pod> = pods(&objects).into_iter().filter(|pod| pod.kind == "Pod").collect();
        for (pod, place) in pods.iter().zip(&places) {
            let name = format!("{}/{}", pod.namespace, pod.name);
            let id = endpoint(&estate, &name, place.address).unwrap();
            let start = Start::Endpoint { endpoint: id, address: place.address };
            // What stays on a node meets policies alone; networks may have addresses in common.
            let on_node = |interface: &String| machines.get(interface) == Some(&place.instance);
            let all = twin.interfaces();
            let near: BTreeSet<IpAddr> =
                all.iter().filter(|one| on_node(one)).flat_map(|one| twin.addresses(one)).collect();
            for interface in all {
                let addresses = twin.addresses(&interface).into_iter();
                let is_far =
                    |one: &IpAddr| one.is_ipv4() && !own.contains(one) && !near.contains(one);
                for other in addresses.filter(is_far) {
                    let outside = End::Outside(other);
                    for port in PORTS {
                        let connection = |from, to| Connection { from, to, protocol: "TCP", port };
                        let lets_out = allows(&objects, connection(End::Pod(pod), outside));
                        let here = (place.interface.as_str(), place.address);
                        let sent = packet(here, (other, port));
                        let theirs = expected(&twin, &sent, lets_out);
                        let ours = asked(&reach, &start, other, port);
                        assert_eq!(
                            ours,
                            theirs,
                            "seed {seed}: {name} at {} to {interface} {other}:{port}, {lets_out}: {:?}",
                            place.interface,
                            said(&reach, &start, other, port)
                        );
                        arriving += usize::from(theirs.arrives);
                        asked_of += 1;
                        // Of the others, some open no connections, which is not asked here.
                        if !machines.contains_key(&interface) {
                            continue;
                        }
                        let Some(sender) = endpoint(&estate, &interface, other) else { continue };
                        let lets_in = allows(&objects, connection(outside, End::Pod(pod)));
                        let there = (interface.as_str(), other);
                        let sent = packet(there, (place.address, port));
                        let theirs = expected(&twin, &sent, lets_in);
                        let back = Start::Endpoint { endpoint: sender, address: other };
                        let ours = asked(&reach, &back, place.address, port);
                        assert_eq!(
                            ours,
                            theirs,
                            "seed {seed}: {interface} {other} to {name}:{port}: {:?}",
                            said(&reach, &back, place.address, port)
                        );
                        arriving += usize::from(theirs.arrives);
                        asked_of += 1;
                    }
                }
            }
        }
    }
    assert!(asked_of > 20_000, "{asked_of} connections");
    assert!(arriving * 50 > asked_of, "{arriving} of {asked_of} arrive");
}

/// The machine of each interface that has one.
fn machines(files: &[(String, Value)]) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for (_, body) in files {
        for one in body["NetworkInterfaces"].as_array().into_iter().flatten() {
            if let Some(instance) = one["Attachment"]["InstanceId"].as_str() {
                let id = one["NetworkInterfaceId"].as_str().unwrap();
                found.insert(id.to_owned(), instance.to_owned());
            }
        }
    }
    found
}
