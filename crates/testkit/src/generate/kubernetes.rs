//! Clusters from a seed: namespaces, workloads and policies of every kind, as objects.

use serde_json::{Map, Value, json};

use super::Random;

mod endpoints;
mod further;
mod services;
mod vendors;

pub use endpoints::{
    ELSEWHERE, calico_endpoint_cluster, cilium_endpoint_cluster, clients, endpoint_cluster,
    fronted_cluster,
};
pub use further::further_cluster;
pub use services::service_cluster;
pub use vendors::{calico_cluster, cilium_cluster, host_cluster};

/// Values of labels; few, so that selectors meet some pods and miss others.
const VALUES: [&str; 3] = ["a", "b", "c"];
/// Keys of labels.
const KEYS: [&str; 3] = ["app", "tier", "role"];
/// Names of ports.
const NAMES: [&str; 3] = ["web", "db", "metrics"];
/// Numbers of ports, so that rules and containers meet.
pub const PORTS: [u16; 6] = [53, 80, 443, 5432, 8080, 9090];
/// Prefixes outside.
const PREFIXES: [&str; 6] = [
    "0.0.0.0/0",
    "10.0.0.0/8",
    "192.0.2.0/24",
    "198.51.100.0/25",
    "2001:db8::/32",
    "203.0.113.7/32",
];
/// Parts of the prefixes above, in their order.
const PARTS: [&str; 6] = [
    "192.0.2.64/26",
    "10.1.0.0/16",
    "192.0.2.128/25",
    "198.51.100.64/26",
    "2001:db8:1::/48",
    "203.0.113.7/32",
];
/// Addresses outside that tell the prefixes apart.
pub const ADDRESSES: [&str; 10] = [
    "8.8.8.8",
    "10.2.3.4",
    "10.1.3.4",
    "192.0.2.1",
    "192.0.2.70",
    "192.0.2.200",
    "198.51.100.1",
    "198.51.100.70",
    "203.0.113.7",
    "2001:db8::1",
];
const NAMESPACES: [&str; 4] = ["shop", "data", "ops", "default"];
const PROTOCOLS: [&str; 3] = ["TCP", "UDP", "SCTP"];

/// The objects of a cluster.
pub fn cluster(seed: u64) -> Vec<Value> {
    let mut random = Random::new(seed);
    let mut objects = namespaces_of(&mut random);
    for number in 0..random.between(3, 7) {
        objects.push(workload(&mut random, number));
    }
    for number in 0..random.between(2, 9) {
        objects.push(network_policy(&mut random, number));
    }
    // Priorities are drawn without repetition: equal ones have no order.
    let mut priority = 0;
    for number in 0..random.below(6) {
        priority += random.between(1, 9);
        objects.push(admin_policy(&mut random, number, priority));
    }
    if random.chance(40) {
        objects.push(json!({"apiVersion": "policy.networking.k8s.io/v1alpha1",
            "kind": "BaselineAdminNetworkPolicy", "metadata": {"name": "default"},
            "spec": admin_spec(&mut random, None, &["Allow", "Deny"], "ports")}));
    }
    if random.chance(60) {
        tell_addresses(&mut objects);
    } else {
        // Of pods whose addresses nobody knows only what covers all of them is certain.
        for object in &mut objects {
            cover_everybody(object);
        }
    }
    objects
}

/// Makes every workload a pod with an address, one in four on its host's network.
fn tell_addresses(objects: &mut [Value]) {
    const FIRST: [&str; 4] = ["10.1.9", "10.2.9", "192.0.2", "172.16.0"];
    let is_workload = |one: &&mut Value| {
        matches!(one["kind"].as_str(), Some("Pod" | "Deployment" | "StatefulSet"))
    };
    for (number, object) in objects.iter_mut().filter(is_workload).enumerate() {
        if object["kind"] != "Pod" {
            let template = object["spec"]["template"].take();
            object["apiVersion"] = json!("v1");
            object["kind"] = json!("Pod");
            object["metadata"]["labels"] = template["metadata"]["labels"].clone();
            object["spec"] = template["spec"].clone();
        }
        let first = FIRST.get(number % FIRST.len()).copied().unwrap_or("10.9.9");
        object["status"] = json!({"podIP": format!("{first}.{}", number.saturating_add(20))});
        if number % 4 == 3 {
            object["spec"]["hostNetwork"] = json!(true);
        }
    }
}

/// Widens the networks of administrators' rules to everything.
fn cover_everybody(object: &mut Value) {
    let Some(rules) = object.pointer_mut("/spec/egress").and_then(Value::as_array_mut) else {
        return;
    };
    for peer in rules.iter_mut().filter_map(|rule| rule["to"].as_array_mut()).flatten() {
        if peer.get("networks").is_some() {
            peer["networks"] = json!(["0.0.0.0/0", "::/0"]);
        }
    }
}

fn namespaces_of(random: &mut Random) -> Vec<Value> {
    let mut objects = Vec::new();
    for name in NAMESPACES {
        if name != "default" || random.chance(50) {
            objects.push(json!({"apiVersion": "v1", "kind": "Namespace",
                "metadata": {"name": name, "labels": labels(random)}}));
        }
    }
    objects
}

fn pick<T: Copy>(random: &mut Random, of: &[T], or: T) -> T {
    random.pick(of).copied().unwrap_or(or)
}

fn labels(random: &mut Random) -> Value {
    let mut found = Map::new();
    for key in KEYS {
        if random.chance(60) {
            found.insert(key.to_owned(), json!(pick(random, &VALUES, "a")));
        }
    }
    Value::Object(found)
}

fn workload(random: &mut Random, number: usize) -> Value {
    let mut ports = Vec::new();
    for name in NAMES {
        if random.chance(50) {
            let mut port = json!({"name": name, "containerPort": pick(random, &PORTS, 80)});
            if random.chance(40) {
                port["protocol"] = json!(pick(random, &PROTOCOLS, "TCP"));
            }
            ports.push(port);
        }
    }
    let namespace = pick(random, &NAMESPACES, "shop");
    let spec = json!({"containers": [{"name": "main", "image": "main", "ports": ports}]});
    let labels = labels(random);
    let metadata = json!({"name": format!("w{number}"), "namespace": namespace});
    match random.below(3) {
        0 => {
            let mut metadata = metadata;
            metadata["labels"] = labels;
            json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
        }
        kind => json!({"apiVersion": "apps/v1",
            "kind": if kind == 1 { "Deployment" } else { "StatefulSet" }, "metadata": metadata,
            "spec": {"template": {"metadata": {"labels": labels}, "spec": spec}}}),
    }
}

fn selector(random: &mut Random) -> Value {
    match random.below(6) {
        0 => json!({}),
        1 | 2 => json!({"matchLabels": {pick(random, &KEYS, "app"): pick(random, &VALUES, "a")}}),
        _ => {
            let mut expressions = Vec::new();
            for _ in 0..random.between(1, 2) {
                let key = pick(random, &KEYS, "app");
                expressions.push(match random.below(4) {
                    0 => json!({"key": key, "operator": "Exists"}),
                    1 => json!({"key": key, "operator": "DoesNotExist"}),
                    other => json!({"key": key,
                        "operator": if other == 2 { "In" } else { "NotIn" },
                        "values": [pick(random, &VALUES, "a"), pick(random, &VALUES, "b")]}),
                });
            }
            json!({"matchExpressions": expressions})
        }
    }
}

fn namespace_selector(random: &mut Random) -> Value {
    if random.chance(30) {
        let name = pick(random, &NAMESPACES, "shop");
        return json!({"matchLabels": {"kubernetes.io/metadata.name": name}});
    }
    selector(random)
}

fn network_policy(random: &mut Random, number: usize) -> Value {
    let mut spec = Map::new();
    if random.chance(90) {
        spec.insert("podSelector".to_owned(), selector(random));
    }
    for (way, peers) in [("ingress", "from"), ("egress", "to")] {
        if random.chance(70) {
            let count = random.below(4);
            let rules: Vec<Value> = (0..count).map(|_| rule(random, peers)).collect();
            spec.insert(way.to_owned(), json!(rules));
        }
    }
    match random.below(5) {
        0 => drop(spec.insert("policyTypes".to_owned(), json!(["Ingress"]))),
        1 => drop(spec.insert("policyTypes".to_owned(), json!(["Egress"]))),
        2 => drop(spec.insert("policyTypes".to_owned(), json!(["Egress", "Ingress"]))),
        _ => {}
    }
    let mut metadata = json!({"name": format!("p{number}")});
    let namespace = pick(random, &NAMESPACES, "shop");
    if namespace != "default" {
        metadata["namespace"] = json!(namespace);
    }
    let old = random.chance(15);
    json!({"apiVersion": if old { "extensions/v1beta1" } else { "networking.k8s.io/v1" },
        "kind": "NetworkPolicy", "metadata": metadata, "spec": spec})
}

fn rule(random: &mut Random, peers: &str) -> Value {
    let mut rule = Map::new();
    if random.chance(80) {
        let count = random.below(3);
        let listed: Vec<Value> = (0..count).map(|_| peer(random)).collect();
        rule.insert(peers.to_owned(), json!(listed));
    }
    if random.chance(60) {
        let count = random.below(3);
        let listed: Vec<Value> = (0..count).map(|_| port(random)).collect();
        rule.insert("ports".to_owned(), json!(listed));
    }
    Value::Object(rule)
}

fn peer(random: &mut Random) -> Value {
    match random.below(5) {
        0 => {
            let place = random.below(PREFIXES.len());
            let mut block = json!({"cidr": PREFIXES.get(place)});
            if random.chance(50) {
                block["except"] = json!([PARTS.get(place)]);
            }
            json!({"ipBlock": block})
        }
        1 => json!({"podSelector": selector(random)}),
        2 => json!({"namespaceSelector": namespace_selector(random)}),
        _ => json!({"podSelector": selector(random),
            "namespaceSelector": namespace_selector(random)}),
    }
}

fn port(random: &mut Random) -> Value {
    let mut port = Map::new();
    if random.chance(60) {
        port.insert("protocol".to_owned(), json!(pick(random, &PROTOCOLS, "TCP")));
    }
    match random.below(4) {
        0 => {}
        1 => drop(port.insert("port".to_owned(), json!(pick(random, &NAMES, "web")))),
        other => {
            let first = pick(random, &PORTS, 80);
            port.insert("port".to_owned(), json!(first));
            if other == 2 {
                port.insert("endPort".to_owned(), json!(first.saturating_add(400)));
            }
        }
    }
    Value::Object(port)
}

fn admin_policy(random: &mut Random, number: usize, priority: usize) -> Value {
    if random.chance(30) {
        let mut spec = admin_spec(random, Some(priority), &["Accept", "Deny", "Pass"], "protocols");
        spec["tier"] = json!("Admin");
        return json!({"apiVersion": "policy.networking.k8s.io/v1alpha2",
            "kind": "ClusterNetworkPolicy", "metadata": {"name": format!("c{number}")},
            "spec": spec});
    }
    json!({"apiVersion": "policy.networking.k8s.io/v1alpha1", "kind": "AdminNetworkPolicy",
        "metadata": {"name": format!("a{number}")},
        "spec": admin_spec(random, Some(priority), &["Allow", "Deny", "Pass"], "ports")})
}

fn admin_spec(random: &mut Random, priority: Option<usize>, actions: &[&str], list: &str) -> Value {
    let mut spec = Map::new();
    if let Some(priority) = priority {
        spec.insert("priority".to_owned(), json!(priority));
    }
    spec.insert("subject".to_owned(), pods(random));
    for (way, peers) in [("ingress", "from"), ("egress", "to")] {
        let count = random.below(4);
        let rules: Vec<Value> = (0..count)
            .map(|_| {
                let count = random.between(1, 2);
                let listed: Vec<Value> =
                    (0..count).map(|_| admin_peer(random, peers == "to")).collect();
                let mut rule = json!({"action": pick(random, actions, "Deny"), peers: listed});
                if random.chance(50) {
                    let count = random.between(1, 2);
                    let ports: Vec<Value> = (0..count).map(|_| admin_port(random, list)).collect();
                    rule[list] = json!(ports);
                }
                rule
            })
            .collect();
        spec.insert(way.to_owned(), json!(rules));
    }
    Value::Object(spec)
}

fn pods(random: &mut Random) -> Value {
    if random.chance(50) {
        return json!({"namespaces": namespace_selector(random)});
    }
    json!({"pods": {"namespaceSelector": namespace_selector(random),
        "podSelector": selector(random)}})
}

fn admin_peer(random: &mut Random, out: bool) -> Value {
    if out && random.chance(30) {
        return json!({"networks": [pick(random, &PREFIXES, "0.0.0.0/0"),
            pick(random, &PARTS, "192.0.2.64/26")]});
    }
    pods(random)
}

fn admin_port(random: &mut Random, list: &str) -> Value {
    let protocol = pick(random, &PROTOCOLS, "TCP");
    let name = pick(random, &NAMES, "web");
    let first = pick(random, &PORTS, 80);
    let range = json!({"start": first, "end": first.saturating_add(400)});
    let kind = random.below(4);
    if list == "protocols" {
        return match kind {
            0 => json!({"destinationNamedPort": name}),
            1 => json!({protocol.to_lowercase(): {"destinationPort": {"number": first}}}),
            2 => json!({protocol.to_lowercase(): {"destinationPort": {"range": range}}}),
            _ => json!({protocol.to_lowercase(): {}}),
        };
    }
    match kind {
        0 => json!({"namedPort": name}),
        1 => json!({"portNumber": {"protocol": protocol, "port": first}}),
        _ => json!({"portRange": {"protocol": protocol, "start": first,
            "end": first.saturating_add(400)}}),
    }
}
