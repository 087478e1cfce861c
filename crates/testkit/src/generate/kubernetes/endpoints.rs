//! Clusters of both families with services of every kind: with and without selectors, with what lists
//! addresses behind them, by names, and with policies for their traffic.

use serde_json::{Value, json};

use super::services::{KEYS, PROTOCOLS, front};
use super::{
    ADDRESSES, NAMES, NAMESPACES, PORTS, VALUES, calico_cluster, cilium_cluster, cluster, pick,
};
use crate::generate::Random;

/// The first port of nodes that is given to a service.
const NODE_PORT: usize = 30_100;
/// Prefixes of pods' addresses over IPv6.
const OF_PODS: [&str; 3] = ["2001:db8:1:", "2001:db8:2:", "fd00:10:"];
/// Addresses that nobody in the cluster has.
pub const ELSEWHERE: [&str; 5] =
    ["203.0.113.7", "198.51.100.70", "10.1.3.4", "2001:db8:1::77", "2001:db8::1"];
/// Ranges of clients.
const RANGES: [&str; 4] = ["198.51.100.0/25", "192.0.2.0/24", "0.0.0.0/1", "2001:db8::/32"];

/// The objects of a cluster with services of every kind.
pub fn endpoint_cluster(seed: u64) -> Vec<Value> {
    with_services(cluster(seed), seed)
}

/// The first of these with ingresses and routes that lead to services.
pub fn fronted_cluster(seed: u64) -> Vec<Value> {
    let mut objects = endpoint_cluster(seed);
    let mut random = Random::new(seed ^ 0xf207);
    let services: Vec<Value> = objects
        .iter()
        .filter(|one| one["kind"] == "Service" && one["spec"]["type"] != "ExternalName")
        .cloned()
        .collect();
    for number in 0..random.between(2, 4) {
        if !services.is_empty() {
            objects.push(front(&mut random, number, &services));
        }
    }
    objects
}

/// The same with policies of Calico.
pub fn calico_endpoint_cluster(seed: u64) -> Vec<Value> {
    with_services(calico_cluster(seed), seed ^ 0xca1)
}

/// The same with policies of Cilium.
pub fn cilium_endpoint_cluster(seed: u64) -> Vec<Value> {
    with_services(cilium_cluster(seed), seed ^ 0xc11)
}

fn with_services(mut objects: Vec<Value>, seed: u64) -> Vec<Value> {
    let mut random = Random::new(seed ^ 0xe9d5);
    let addresses = give_addresses(&mut random, &mut objects);
    let mut names: Vec<(String, String)> = Vec::new();
    for number in 0..random.between(4, 7) {
        let service = service(&mut random, number, &names);
        let name = |key: &str| service["metadata"][key].as_str().unwrap_or("").to_owned();
        names.push((name("namespace"), name("name")));
        let has_selector = service["spec"].get("selector").is_some();
        if !has_selector && service["spec"]["type"] != "ExternalName" {
            objects.extend(listings(&mut random, &service, &addresses));
        }
        objects.push(service);
    }
    objects
}

/// Gives pods that have an address one of the other family, or that in its place; pods on their hosts'
/// networks may have one together. Returns all of them.
fn give_addresses(random: &mut Random, objects: &mut [Value]) -> Vec<String> {
    let mut found = Vec::new();
    let mut of_host: Option<Value> = None;
    let told = objects.iter_mut().filter(|one| one["status"]["podIP"].is_string());
    for (number, pod) in told.enumerate() {
        let first = pod["status"]["podIP"].clone();
        let prefix = OF_PODS.get(number % OF_PODS.len()).copied().unwrap_or("fd00::");
        let other = json!(format!("{prefix}:{:x}", number + 0x20));
        let mut all = match random.below(4) {
            0 => vec![other],
            1 => vec![first],
            _ if random.chance(50) => vec![other, first],
            _ => vec![first, other],
        };
        if pod["spec"]["hostNetwork"] == true {
            match &of_host {
                Some(known) if random.chance(70) => all = vec![known.clone()],
                _ => of_host = all.first().cloned(),
            }
        }
        found.extend(all.iter().filter_map(Value::as_str).map(str::to_owned));
        let listed: Vec<Value> = all.iter().map(|one| json!({"ip": one})).collect();
        pod["status"] = json!({"podIP": all.first(), "podIPs": listed});
        if random.chance(40) {
            let status = pick(random, &["True", "False", "Unknown"], "False");
            pod["status"]["conditions"] = json!([{"type": "Ready", "status": status}]);
        }
    }
    found
}

fn service(random: &mut Random, number: usize, names: &[(String, String)]) -> Value {
    let metadata =
        json!({"name": format!("s{number}"), "namespace": pick(random, &NAMESPACES, "shop")});
    if random.chance(12) {
        return json!({"apiVersion": "v1", "kind": "Service", "metadata": metadata,
            "spec": {"type": "ExternalName", "externalName": domain(random, names)}});
    }
    let kinds = ["ClusterIP", "ClusterIP", "ClusterIP", "NodePort", "LoadBalancer"];
    let kind = pick(random, &kinds, "ClusterIP");
    let is_headless = kind == "ClusterIP" && random.chance(25);
    let by_node = kind != "ClusterIP";
    let mut spec = json!({"type": kind, "ports": ports(random, number, by_node)});
    if random.chance(55) {
        let key = pick(random, &KEYS, "app");
        spec["selector"] = json!({key: pick(random, &VALUES, "a")});
    }
    families(random, number, is_headless, &mut spec);
    if random.chance(15) {
        spec["publishNotReadyAddresses"] = json!(random.chance(50));
    }
    if random.chance(25) && !is_headless {
        spec["internalTrafficPolicy"] =
            json!(pick(random, &["Local", "Local", "Cluster"], "Local"));
    }
    let is_external = random.chance(25) && !is_headless;
    if is_external {
        let all = [format!("192.0.2.{}", number + 210), format!("2001:db8:ffff::{number}")];
        spec["externalIPs"] = json!(all.get(random.below(2)..).unwrap_or_default());
    }
    if (by_node || is_external) && random.chance(70) {
        spec["externalTrafficPolicy"] =
            json!(pick(random, &["Local", "Local", "Cluster"], "Local"));
    }
    let mut object =
        json!({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec});
    if kind == "LoadBalancer" {
        balancer(random, number, &mut object);
    }
    object
}

fn balancer(random: &mut Random, number: usize, object: &mut Value) {
    if random.chance(40) {
        let ranges: Vec<&str> = (0..2).map(|_| pick(random, &RANGES, "0.0.0.0/1")).collect();
        object["spec"]["loadBalancerSourceRanges"] = json!(ranges);
    }
    if random.chance(25) {
        object["spec"]["allocateLoadBalancerNodePorts"] = json!(false);
    }
    if random.chance(60) {
        let v4 = json!({"ip": format!("192.0.2.{}", number + 220)});
        let v6 = json!({"ip": format!("2001:db8:fffe::{number}")});
        let all = match random.below(3) {
            0 => vec![v4],
            1 => vec![v6],
            _ => vec![v4, v6],
        };
        object["status"] = json!({"loadBalancer": {"ingress": all}});
    }
}

/// Of which families a service is, as dumps and as authors say it.
fn families(random: &mut Random, number: usize, is_headless: bool, spec: &mut Value) {
    let v4 = format!("10.96.0.{}", number + 10);
    let v6 = format!("fd00:96::{:x}", number + 10);
    let (words, all): (Vec<&str>, Vec<&str>) = match random.below(6) {
        0 | 1 => (vec!["IPv4"], vec![&v4]),
        2 | 3 => (vec!["IPv6"], vec![&v6]),
        4 => (vec!["IPv4", "IPv6"], vec![&v4, &v6]),
        _ => (vec!["IPv6", "IPv4"], vec![&v6, &v4]),
    };
    let policy = if words.len() == 2 { "RequireDualStack" } else { "SingleStack" };
    if is_headless {
        spec["clusterIP"] = json!("None");
        spec["clusterIPs"] = json!(["None"]);
        spec["ipFamilies"] = json!(words);
        return;
    }
    match random.below(4) {
        // A manifest that asks for families and leaves the addresses to the cluster.
        0 => {
            spec["ipFamilies"] = json!(words);
            spec["ipFamilyPolicy"] = json!(policy);
        }
        // One that asks for one address.
        1 if words.len() == 1 => spec["clusterIP"] = json!(all.first()),
        _ => {
            spec["clusterIP"] = json!(all.first());
            spec["clusterIPs"] = json!(all);
            spec["ipFamilies"] = json!(words);
            spec["ipFamilyPolicy"] = json!(policy);
        }
    }
}

/// What a name stands for: a service that was drawn before, one that is not there, something outside.
fn domain(random: &mut Random, names: &[(String, String)]) -> String {
    let known = random.pick(names).cloned();
    match (random.below(10), known) {
        (0, _) => "db.example.com".to_owned(),
        (1, _) => "none.shop.svc.cluster.local".to_owned(),
        (2, Some((namespace, name))) => format!("{name}.{namespace}.svc"),
        (3, Some((namespace, name))) => format!("{name}.{namespace}.svc.cluster.local."),
        (_, Some((namespace, name))) => format!("{name}.{namespace}.svc.cluster.local"),
        (_, None) => "s1.shop.svc.cluster.local".to_owned(),
    }
}

fn ports(random: &mut Random, service: usize, by_node: bool) -> Value {
    let mut found: Vec<Value> = Vec::new();
    for number in 0..random.between(1, 3) {
        let own = pick(random, &PORTS, 80);
        let protocol = pick(random, &PROTOCOLS, "TCP");
        if found.iter().any(|other| other["port"] == own && other["protocol"] == protocol) {
            continue;
        }
        let mut port = json!({"name": format!("p{number}"), "port": own, "protocol": protocol});
        match random.below(3) {
            0 => {}
            1 => port["targetPort"] = json!(pick(random, &PORTS, 80)),
            _ => port["targetPort"] = json!(pick(random, &NAMES, "web")),
        }
        if by_node && random.chance(80) {
            port["nodePort"] = json!(NODE_PORT + service * 10 + number);
        }
        found.push(port);
    }
    json!(found)
}

/// What lists addresses behind a service without a selector: slices, `Endpoints`, both, or nothing; and
/// what only looks as if it did.
fn listings(random: &mut Random, service: &Value, of_pods: &[String]) -> Vec<Value> {
    let name = service["metadata"]["name"].as_str().unwrap_or("").to_owned();
    let namespace = service["metadata"]["namespace"].clone();
    let is_headless = service["spec"]["clusterIP"] == "None";
    let mut found = Vec::new();
    let kind = random.below(8);
    if kind < 5 {
        for (word, v6) in [("IPv4", false), ("IPv6", true)] {
            let addresses = addresses(random, of_pods, (v6, is_headless));
            let each: Vec<Value> = addresses
                .into_iter()
                .map(|address| {
                    let mut one = json!({"addresses": [address]});
                    place(random, &mut one);
                    if random.chance(40) {
                        one["conditions"] = conditions(random);
                    }
                    one
                })
                .collect();
            found.push(json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
                "metadata": {"name": format!("{name}-{}", word.to_lowercase()),
                    "namespace": namespace, "labels": {"kubernetes.io/service-name": name}},
                "addressType": word, "endpoints": each, "ports": behind(random, service)}));
        }
    }
    if kind > 3 && kind < 7 {
        let subset = subset(random, service, of_pods);
        found.push(json!({"apiVersion": "v1", "kind": "Endpoints",
            "metadata": {"name": name, "namespace": namespace,
                // The label is for slices alone.
                "labels": {"kubernetes.io/service-name": "another"}},
            "subsets": [subset]}));
    } else if random.chance(30) {
        let subset = subset(random, service, of_pods);
        found.push(json!({"apiVersion": "v1", "kind": "Endpoints",
            "metadata": {"name": name, "namespace": namespace,
                "labels": {"endpointslice.kubernetes.io/skip-mirror": "true"}},
            "subsets": [subset]}));
    }
    if random.chance(20) {
        // Without its label a slice is nobody's, whatever it is called.
        found.push(json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
            "metadata": {"name": name, "namespace": namespace}, "addressType": "IPv4",
            "endpoints": [{"addresses": ["203.0.113.7"], "nodeName": "n1"}],
            "ports": behind(random, service)}));
    }
    found
}

fn subset(random: &mut Random, service: &Value, of_pods: &[String]) -> Value {
    let is_headless = service["spec"]["clusterIP"] == "None";
    let mut all = addresses(random, of_pods, (false, is_headless));
    all.extend(addresses(random, of_pods, (true, is_headless)));
    let each: Vec<Value> = all
        .into_iter()
        .map(|address| {
            let mut one = json!({"ip": address});
            place(random, &mut one);
            one
        })
        .collect();
    let (ready, others): (Vec<Value>, Vec<Value>) =
        each.into_iter().partition(|_| random.chance(70));
    json!({"addresses": ready, "notReadyAddresses": others, "ports": behind(random, service)})
}

/// How an endpoint is doing: ready, still serving while it ends, not yet there.
fn conditions(random: &mut Random) -> Value {
    let mut found = json!({});
    for key in ["ready", "serving", "terminating"] {
        if random.chance(70) {
            found[key] = json!(random.chance(50));
        }
    }
    found
}

fn place(random: &mut Random, one: &mut Value) {
    if random.chance(60) {
        one["nodeName"] = json!("n1");
    }
}

/// Addresses of pods and of nobody in the cluster. Which of several pods on one host a name stands for
/// is up to its port, so that for names alone those are left out.
fn addresses(random: &mut Random, of_pods: &[String], (v6, by_name): (bool, bool)) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for _ in 0..random.below(4) {
        let one = if random.chance(65) {
            random.pick(of_pods).cloned()
        } else {
            random.pick(&ELSEWHERE).map(|one| (*one).to_owned())
        };
        let shared = |one: &String| of_pods.iter().filter(|other| *other == one).count() > 1;
        let fits = |one: &String| one.contains(':') == v6 && !(by_name && shared(one));
        found.extend(one.filter(fits));
    }
    found.sort();
    found.dedup();
    found
}

/// The ports of a list: of the service's names, mostly.
fn behind(random: &mut Random, service: &Value) -> Value {
    let mut found = Vec::new();
    for port in service["spec"]["ports"].as_array().into_iter().flatten() {
        if random.chance(15) {
            continue;
        }
        let number =
            if random.chance(60) { port["port"].clone() } else { json!(pick(random, &PORTS, 80)) };
        let mut one = json!({"name": port["name"], "port": number, "protocol": port["protocol"]});
        match random.below(12) {
            0 => one["protocol"] = json!("UDP"),
            1 => one["name"] = json!("other"),
            // A slice may leave the number out, which names no port.
            2 => drop(one.as_object_mut().map(|one| one.remove("port"))),
            _ => {}
        }
        found.push(one);
    }
    json!(found)
}

/// Addresses of clients outside, of both families.
pub fn clients() -> Vec<&'static str> {
    ADDRESSES.into_iter().chain(["2001:db8:1::1", "2a00::1"]).collect()
}
