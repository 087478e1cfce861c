//! Clusters with services of every type, and with what leads to them.

use serde_json::{Value, json};

use super::{NAMES, NAMESPACES, PORTS, cluster, pick};
use crate::generate::Random;

/// The kinds of labels by which services select.
pub(super) const KEYS: [&str; 2] = ["app", "tier"];
const VALUES: [&str; 3] = ["a", "b", "c"];
pub(super) const PROTOCOLS: [&str; 4] = ["TCP", "TCP", "UDP", "SCTP"];
/// The first port of nodes that is given to a service.
const NODE_PORT: usize = 30_100;

/// The objects of a cluster with services, ingresses and gateways.
pub fn service_cluster(seed: u64) -> Vec<Value> {
    let mut objects = cluster(seed);
    let mut random = Random::new(seed ^ 0x5eed);
    let mut services = Vec::new();
    for number in 0..random.between(3, 6) {
        services.push(service(&mut random, number));
    }
    for number in 0..random.between(1, 5) {
        objects.push(front(&mut random, number, &services));
    }
    objects.extend(services);
    objects
}

fn service(random: &mut Random, number: usize) -> Value {
    let kind = pick(random, &["ClusterIP", "ClusterIP", "NodePort", "LoadBalancer"], "ClusterIP");
    let mut spec = json!({"type": kind, "ports": ports(random, number, kind != "ClusterIP")});
    if random.chance(90) {
        let mut selector = json!({});
        selector[pick(random, &KEYS, "app")] = json!(pick(random, &VALUES, "a"));
        if random.chance(25) {
            selector[pick(random, &KEYS, "app")] = json!(pick(random, &VALUES, "b"));
        }
        spec["selector"] = selector;
    }
    if kind == "ClusterIP" && random.chance(25) {
        spec["clusterIP"] = json!("None");
    } else {
        spec["clusterIP"] = json!(format!("10.96.0.{}", number + 10));
    }
    if kind != "ClusterIP" {
        // With any other policy it is not known as whose clients the pods see what comes in.
        spec["externalTrafficPolicy"] = json!("Local");
        if random.chance(30) {
            spec["externalIPs"] = json!([format!("192.0.2.{}", number + 210)]);
        }
    }
    let mut object = json!({"apiVersion": "v1", "kind": "Service",
        "metadata": {"name": format!("s{number}"), "namespace": pick(random, &NAMESPACES, "shop")},
        "spec": spec});
    if kind == "LoadBalancer" {
        if random.chance(40) {
            let ranges = ["198.51.100.0/25", "192.0.2.0/24", "0.0.0.0/1"];
            object["spec"]["loadBalancerSourceRanges"] =
                json!([pick(random, &ranges, "0.0.0.0/1")]);
        }
        if random.chance(60) {
            let ip = format!("192.0.2.{}", number + 220);
            object["status"] = json!({"loadBalancer": {"ingress": [{"ip": ip}]}});
        }
    }
    object
}

fn ports(random: &mut Random, service: usize, by_node: bool) -> Value {
    let mut found: Vec<Value> = Vec::new();
    for number in 0..random.between(1, 3) {
        let name = format!("p{number}");
        let own = pick(random, &PORTS, 80);
        let protocol = pick(random, &PROTOCOLS, "TCP");
        let is_taken = |other: &Value| other["port"] == own && other["protocol"] == protocol;
        if found.iter().any(is_taken) {
            continue;
        }
        let mut port = json!({"name": name, "port": own, "protocol": protocol});
        match random.below(3) {
            0 => {}
            1 => port["targetPort"] = json!(pick(random, &PORTS, 80)),
            _ => port["targetPort"] = json!(pick(random, &NAMES, "web")),
        }
        if by_node {
            port["nodePort"] = json!(NODE_PORT + service * 10 + number);
        }
        found.push(port);
    }
    json!(found)
}

pub(super) fn front(random: &mut Random, number: usize, services: &[Value]) -> Value {
    let to = random.pick(services).cloned().unwrap_or_default();
    let (namespace, name) = (to["metadata"]["namespace"].clone(), to["metadata"]["name"].clone());
    let port = to["spec"]["ports"][0].clone();
    let metadata = json!({"name": format!("f{number}"), "namespace": namespace});
    match random.below(5) {
        3 => {
            // The API before version 1 wrote a backend in two fields.
            let port = if random.chance(50) { port["port"].clone() } else { port["name"].clone() };
            let backend = json!({"serviceName": name, "servicePort": port});
            let version = pick(
                random,
                &["extensions/v1beta1", "networking.k8s.io/v1beta1"],
                "extensions/v1beta1",
            );
            let spec = if random.chance(50) {
                json!({"backend": backend})
            } else {
                json!({"rules": [{"http": {"paths": [{"path": "/", "backend": backend}]}}]})
            };
            json!({"apiVersion": version, "kind": "Ingress", "metadata": metadata, "spec": spec})
        }
        4 => {
            let of_namespace =
                services.iter().filter(|one| one["metadata"]["namespace"] == namespace);
            let others: Vec<Value> = of_namespace
                .map(|one| {
                    let weight = if random.chance(30) { 0 } else { 10 };
                    json!({"kind": "Service", "name": one["metadata"]["name"], "weight": weight})
                })
                .collect();
            let weight = if random.chance(30) { 0 } else { 100 };
            json!({"apiVersion": "route.openshift.io/v1", "kind": "Route", "metadata": metadata,
                "spec": {"to": {"kind": "Service", "name": name, "weight": weight},
                    "alternateBackends": others}})
        }
        0 => {
            let port = if random.chance(50) {
                json!({"number": port["port"]})
            } else {
                json!({"name": port["name"]})
            };
            let backend = json!({"service": {"name": name, "port": port}});
            json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": metadata,
                "spec": {"rules": [{"http": {"paths": [{"path": "/", "backend": backend}]}}]}})
        }
        1 => {
            let mut spec = json!({"to": {"kind": "Service", "name": name}});
            if random.chance(50) {
                spec["port"] = json!({"targetPort": port["targetPort"].clone()});
                if port["targetPort"].is_null() {
                    spec["port"] = json!({"targetPort": port["port"]});
                }
            }
            json!({"apiVersion": "route.openshift.io/v1", "kind": "Route", "metadata": metadata,
                "spec": spec})
        }
        _ => {
            let service = json!({"name": name, "port": {"number": port["port"]}});
            json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": metadata,
                "spec": {"defaultBackend": {"service": service}}})
        }
    }
}
