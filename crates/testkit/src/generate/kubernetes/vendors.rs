//! Clusters with policies of Cilium, or of Calico, beside those of Kubernetes.

use serde_json::{Map, Value, json};

use super::{
    KEYS, NAMES, NAMESPACES, PARTS, PORTS, PREFIXES, PROTOCOLS, VALUES, labels, namespaces_of,
    network_policy, pick, selector, tell_addresses, workload,
};
use crate::generate::Random;

/// A cluster with policies of Kubernetes and Cilium.
pub fn cilium_cluster(seed: u64) -> Vec<Value> {
    let mut random = Random::new(seed ^ 0xc1);
    let mut objects = base(&mut random);
    objects.push(json!({"apiVersion": "cilium.io/v2alpha1", "kind": "CiliumCIDRGroup",
        "metadata": {"name": "partners"},
        "spec": {"externalCIDRs": ["192.0.2.0/24", "198.51.100.0/25"]}}));
    for number in 0..random.between(1, 5) {
        let wide = random.chance(30);
        let namespace = pick(&mut random, &NAMESPACES, "shop");
        let mut metadata = json!({"name": format!("c{number}")});
        if !wide {
            metadata["namespace"] = json!(namespace);
        }
        let kind = if wide { "CiliumClusterwideNetworkPolicy" } else { "CiliumNetworkPolicy" };
        objects.push(json!({"apiVersion": "cilium.io/v2", "kind": kind, "metadata": metadata,
            "spec": cilium_spec(&mut random)}));
    }
    objects
}

/// A cluster with policies of Kubernetes and Calico.
pub fn calico_cluster(seed: u64) -> Vec<Value> {
    let mut random = Random::new(seed ^ 0xca);
    let mut objects = base(&mut random);
    let mut tiers = vec!["default"];
    if random.chance(60) {
        tiers.push("early");
        let action = if random.chance(50) { "Pass" } else { "Deny" };
        objects.push(json!({"apiVersion": "projectcalico.org/v3", "kind": "Tier",
            "metadata": {"name": "early"},
            "spec": {"order": 100, "defaultAction": action}}));
    }
    for (number, namespace) in [Some("shop"), None].into_iter().enumerate() {
        let mut metadata = json!({"name": format!("s{number}"), "labels": labels(&mut random)});
        if let Some(namespace) = namespace {
            metadata["namespace"] = json!(namespace);
        }
        let kind = if namespace.is_some() { "NetworkSet" } else { "GlobalNetworkSet" };
        let nets = [pick(&mut random, &PREFIXES, "192.0.2.0/24")];
        objects.push(json!({"apiVersion": "projectcalico.org/v3", "kind": kind,
            "metadata": metadata, "spec": {"nets": nets}}));
    }
    // Orders are drawn without repetition, on both sides of that of Kubernetes' own policies.
    let mut order = 0;
    for number in 0..random.between(1, 5) {
        order += random.between(1, 600);
        let global = random.chance(40);
        let mut spec = calico_spec(&mut random, global);
        spec["order"] = json!(if order == 1_000 { 1_001 } else { order });
        spec["tier"] = json!(pick(&mut random, &tiers, "default"));
        let tier = spec["tier"].as_str().unwrap_or("default").to_owned();
        let mut metadata = json!({"name": format!("{tier}.k{number}")});
        if !global {
            metadata["namespace"] = json!(pick(&mut random, &NAMESPACES, "shop"));
        }
        let kind = if global { "GlobalNetworkPolicy" } else { "NetworkPolicy" };
        objects.push(json!({"apiVersion": "projectcalico.org/v3", "kind": kind,
            "metadata": metadata, "spec": spec}));
    }
    tell_addresses(&mut objects);
    objects
}

/// A cluster with policies of Calico for pods and for hosts: some for what hosts forward, some before
/// any translation, some for hosts alone.
pub fn host_cluster(seed: u64) -> Vec<Value> {
    let mut random = Random::new(seed ^ 0x4057);
    let mut objects = calico_cluster(seed);
    let nodes = ["n1", "n2", "n3"];
    for pod in objects.iter_mut().filter(|one| one["kind"] == "Pod") {
        if random.chance(75) {
            pod["spec"]["nodeName"] = json!(pick(&mut random, &nodes, "n1"));
        }
    }
    for node in nodes {
        objects.push(json!({"apiVersion": "v1", "kind": "Node",
            "metadata": {"name": node, "labels": labels(&mut random)}}));
        if random.chance(60) {
            objects.push(json!({"apiVersion": "projectcalico.org/v3", "kind": "HostEndpoint",
                "metadata": {"name": format!("{node}-eth0"), "labels": labels(&mut random)},
                "spec": {"node": node, "interfaceName": "eth0"}}));
        }
    }
    if random.chance(30) {
        objects.push(json!({"apiVersion": "projectcalico.org/v3",
            "kind": "KubeControllersConfiguration", "metadata": {"name": "default"},
            "spec": {"controllers": {"node": {"hostEndpoint": {"autoCreate":
                pick(&mut random, &["Enabled", "Enabled", "Disabled"], "Enabled")}}}}}));
    }
    for number in 0..random.below(3) {
        let mut spec = calico_spec(&mut random, true);
        spec["order"] = json!(10_000 + number);
        objects.push(json!({"apiVersion": "projectcalico.org/v3", "kind": "GlobalNetworkPolicy",
            "metadata": {"name": format!("default.h{number}")}, "spec": spec}));
    }
    let global = |one: &&mut Value| one["kind"] == "GlobalNetworkPolicy";
    for policy in objects.iter_mut().filter(global) {
        match random.below(6) {
            0 | 1 => policy["spec"]["applyOnForward"] = json!(true),
            2 => {
                policy["spec"]["applyOnForward"] = json!(true);
                policy["spec"]["preDNAT"] = json!(true);
                policy["spec"].as_object_mut().map(|spec| spec.remove("egress"));
                policy["spec"]["types"] = json!(["Ingress"]);
            }
            3 => {
                policy["spec"]["applyOnForward"] = json!(true);
                policy["spec"]["doNotTrack"] = json!(true);
            }
            _ => {}
        }
    }
    objects
}

fn base(random: &mut Random) -> Vec<Value> {
    let mut objects = namespaces_of(random);
    for number in 0..random.between(3, 6) {
        objects.push(workload(random, number));
    }
    for number in 0..random.below(4) {
        objects.push(network_policy(random, number));
    }
    objects
}

fn cilium_spec(random: &mut Random) -> Value {
    let mut spec = Map::new();
    spec.insert("endpointSelector".to_owned(), subject(random));
    for (way, peers) in [("ingress", "from"), ("egress", "to")] {
        if random.chance(60) {
            let rules: Vec<Value> =
                (0..random.between(1, 3)).map(|_| cilium_rule(random, peers)).collect();
            spec.insert(way.to_owned(), json!(rules));
        }
        if random.chance(30) {
            spec.insert(format!("{way}Deny"), json!([cilium_rule(random, peers)]));
        }
    }
    if random.chance(20) {
        spec.insert(
            "enableDefaultDeny".to_owned(),
            json!({"ingress": random.chance(50), "egress": random.chance(50)}),
        );
    }
    Value::Object(spec)
}

/// Whom a policy of Cilium's is about; some name a namespace, which need not be the policy's.
fn subject(random: &mut Random) -> Value {
    let key = "k8s:io.kubernetes.pod.namespace";
    let name = pick(random, &NAMESPACES, "shop");
    match random.below(8) {
        0 => json!({"matchLabels": {key: name}}),
        1 => json!({"matchExpressions": [{"key": key, "operator": "In", "values": [name]}]}),
        2 => json!({"matchExpressions": [{"key": key, "operator": "NotIn", "values": [name]}]}),
        _ => selector(random),
    }
}

fn cilium_rule(random: &mut Random, peers: &str) -> Value {
    let mut rule = Map::new();
    let place = random.below(PREFIXES.len());
    match random.below(7) {
        0 => {}
        1 => {
            let entity = pick(random, &["all", "world", "world-ipv4"], "all");
            rule.insert(format!("{peers}Entities"), json!([entity]));
        }
        2 => drop(rule.insert(format!("{peers}CIDR"), json!([PREFIXES.get(place)]))),
        3 => {
            let block = if random.chance(50) {
                json!({"cidr": PREFIXES.get(place), "except": [PARTS.get(place)]})
            } else {
                json!({"cidrGroupRef": "partners", "except": ["192.0.2.64/26"]})
            };
            rule.insert(format!("{peers}CIDRSet"), json!([block]));
        }
        kind => {
            let mut endpoint = selector(random);
            let key = pick(random, &KEYS, "app");
            if kind == 4 {
                let key = if random.chance(50) {
                    "k8s:io.kubernetes.pod.namespace".to_owned()
                } else {
                    format!("k8s:io.cilium.k8s.namespace.labels.{key}")
                };
                let value = if key.ends_with("namespace") {
                    pick(random, &NAMESPACES, "shop")
                } else {
                    pick(random, &VALUES, "a")
                };
                endpoint = json!({"matchLabels": {key: value}});
            }
            rule.insert(format!("{peers}Endpoints"), json!([endpoint]));
        }
    }
    if random.chance(50) {
        let first = pick(random, &PORTS, 80);
        let mut port = match random.below(4) {
            0 => json!({"port": pick(random, &NAMES, "web")}),
            1 => json!({"port": first.to_string(), "endPort": first.saturating_add(400)}),
            _ => json!({"port": first.to_string()}),
        };
        port["protocol"] = json!(pick(random, &["TCP", "UDP", "SCTP", "ANY"], "TCP"));
        if port["port"].as_str().is_some_and(|name| NAMES.contains(&name)) {
            port["protocol"] = json!("ANY");
        }
        rule.insert("toPorts".to_owned(), json!([{"ports": [port]}]));
    }
    Value::Object(rule)
}

fn calico_spec(random: &mut Random, global: bool) -> Value {
    let mut spec = json!({"selector": expression(random)});
    if global && random.chance(50) {
        spec["namespaceSelector"] = json!(expression(random));
    }
    for way in ["ingress", "egress"] {
        if random.chance(60) {
            let rules: Vec<Value> =
                (0..random.between(1, 3)).map(|_| calico_rule(random, way)).collect();
            spec[way] = json!(rules);
        }
    }
    match random.below(4) {
        0 => spec["types"] = json!(["Ingress"]),
        1 => spec["types"] = json!(["Ingress", "Egress"]),
        _ => {}
    }
    spec
}

fn calico_rule(random: &mut Random, way: &str) -> Value {
    let action = pick(random, &["Allow", "Allow", "Deny", "Pass", "Log"], "Allow");
    let mut rule = json!({"action": action});
    let mut side = Map::new();
    match random.below(8) {
        0 => {}
        6 => {
            side.insert("selector".to_owned(), json!(expression(random)));
            side.insert("notSelector".to_owned(), json!(expression(random)));
        }
        7 => {
            side.insert("selector".to_owned(), json!(expression(random)));
            let key = if random.chance(50) { "nets" } else { "notNets" };
            side.insert(key.to_owned(), json!([pick(random, &PREFIXES, "10.1.0.0/16")]));
        }
        1 => {
            side.insert("nets".to_owned(), json!([pick(random, &PREFIXES, "0.0.0.0/0")]));
            if random.chance(40) {
                side.insert("notNets".to_owned(), json!([pick(random, &PARTS, "10.1.0.0/16")]));
            }
        }
        2 => drop(side.insert("notSelector".to_owned(), json!(expression(random)))),
        kind => {
            side.insert("selector".to_owned(), json!(expression(random)));
            if kind == 3 {
                side.insert("namespaceSelector".to_owned(), json!(expression(random)));
            } else if kind == 4 {
                side.insert("namespaceSelector".to_owned(), json!("global()"));
            }
        }
    }
    if random.chance(50) {
        let key = if random.chance(80) { "protocol" } else { "notProtocol" };
        rule[key] = json!(pick(random, &PROTOCOLS, "TCP"));
        if key == "protocol" && random.chance(60) {
            let first = pick(random, &PORTS, 80);
            let port = match random.below(3) {
                0 => json!(first),
                1 => json!(format!("{first}:{}", first.saturating_add(400))),
                _ => json!(pick(random, &NAMES, "web")),
            };
            let list = if random.chance(80) { "ports" } else { "notPorts" };
            let port = if list == "notPorts" { json!(first) } else { port };
            if way == "egress" {
                side.insert(list.to_owned(), json!([port]));
            } else {
                rule["destination"] = json!({list: [port]});
            }
        }
    }
    rule[if way == "ingress" { "source" } else { "destination" }] = Value::Object(side);
    rule
}

fn expression(random: &mut Random) -> String {
    let mut one = || {
        let (key, value) = (pick(random, &KEYS, "app"), pick(random, &VALUES, "a"));
        match random.below(6) {
            0 => "all()".to_owned(),
            1 => format!("has({key})"),
            2 => format!("!has({key})"),
            3 if value == "c" => match key {
                "app" => "projectcalico.org/namespace == 'shop'".to_owned(),
                "tier" => "pcns.app == 'a'".to_owned(),
                _ => "projectcalico.org/orchestrator == 'k8s'".to_owned(),
            },
            3 => format!("{key} != '{value}'"),
            _ => format!("{key} == '{value}'"),
        }
    };
    let first = one();
    if first == "all()" || first.starts_with('!') { first } else { format!("{first} && {}", one()) }
}
