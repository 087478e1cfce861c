//! Clusters whose pods have further attachments, and networks in the place of the cluster's own.

use serde_json::{Value, json};

use super::{NAMESPACES, cluster, network_policy, pick, selector};
use crate::generate::Random;

/// The label of namespaces whose pods may be on a primary network of users.
const PRIMARY: &str = "k8s.ovn.org/primary-user-defined-network";
/// Names by which pods and policies ask for networks. One of them nobody defines.
const NAMES: [&str; 7] = ["blue", "wide", "far", "lan", "bare", "chain", "gone"];
/// Names that name another one's network, or one of another namespace.
const ELSEWHERE: [&str; 3] = ["shop/far", "data/lan", "ops/blue"];

/// The objects of a cluster with networks of users and attachments of pods to them.
pub fn further_cluster(seed: u64) -> Vec<Value> {
    let mut objects = cluster(seed);
    let mut random = Random::new(seed ^ 0xf047);
    objects.retain(|one| {
        !matches!(
            one["kind"].as_str(),
            Some("AdminNetworkPolicy" | "ClusterNetworkPolicy" | "BaselineAdminNetworkPolicy")
        )
    });
    primaries(&mut random, &mut objects);
    definitions(&mut random, &mut objects);
    for object in &mut objects {
        match object["kind"].as_str() {
            Some("Pod") => annotate(&mut random, &mut object["metadata"]),
            Some("Deployment" | "StatefulSet") => {
                annotate(&mut random, &mut object["spec"]["template"]["metadata"]);
            }
            _ => {}
        }
    }
    for number in 0..random.between(2, 6) {
        let mut policy = network_policy(&mut random, number);
        let version = pick(&mut random, &["v1beta1", "v1beta2"], "v1beta1");
        policy["apiVersion"] = json!(format!("k8s.cni.cncf.io/{version}"));
        policy["kind"] = json!("MultiNetworkPolicy");
        policy["metadata"]["name"] = json!(format!("m{number}"));
        let count = random.between(1, 3);
        let names: Vec<&str> = (0..count).map(|_| name(&mut random)).collect();
        policy["metadata"]["annotations"] =
            json!({"k8s.v1.cni.cncf.io/policy-for": names.join(", ")});
        objects.push(policy);
    }
    objects
}

fn name(random: &mut Random) -> &'static str {
    if random.chance(20) {
        return pick(random, &ELSEWHERE, "shop/far");
    }
    pick(random, &NAMES, "blue")
}

/// Networks in the place of the cluster's own, one at most for each namespace; some lack the label.
fn primaries(random: &mut Random, objects: &mut Vec<Value>) {
    if random.chance(40) {
        return;
    }
    let labelled = random.chance(80);
    let together = random.chance(50);
    let chosen = ["data", "ops"];
    for object in objects.iter_mut().filter(|one| one["kind"] == "Namespace") {
        let name = object["metadata"]["name"].as_str().unwrap_or("").to_owned();
        if chosen.contains(&name.as_str()) {
            object["metadata"]["labels"]["place"] = json!("inner");
            if labelled {
                object["metadata"]["labels"][PRIMARY] = json!("");
            }
        }
    }
    let layer = json!({"role": "Primary", "subnets": ["10.20.0.0/16"]});
    if together {
        objects.push(json!({"apiVersion": "k8s.ovn.org/v1", "kind": "ClusterUserDefinedNetwork",
            "metadata": {"name": "inner"},
            "spec": {"namespaceSelector": {"matchLabels": {"place": "inner"}},
                "network": {"topology": "Layer3", "layer3": layer}}}));
        return;
    }
    for namespace in chosen {
        objects.push(json!({"apiVersion": "k8s.ovn.org/v1", "kind": "UserDefinedNetwork",
            "metadata": {"name": "inner", "namespace": namespace},
            "spec": {"topology": "Layer2", "layer2": layer}}));
    }
}

/// What defines further networks, in each namespace or for several.
fn definitions(random: &mut Random, objects: &mut Vec<Value>) {
    let layer = |random: &mut Random| pick(random, &["layer2", "layer3", "localnet"], "layer2");
    let wide = layer(random);
    objects.push(json!({"apiVersion": "k8s.ovn.org/v1", "kind": "ClusterUserDefinedNetwork",
        "metadata": {"name": "wide"}, "spec": {"namespaceSelector": selector(random),
            "network": {"topology": wide, wide: {"role": "Secondary"}}}}));
    let far = json!({"cniVersion": "1.0.0", "name": "far-net", "type": "ovn-k8s-cni-overlay",
        "topology": layer(random)});
    for namespace in NAMESPACES {
        let definition = |name: &str, config: Option<&Value>| {
            let mut spec = json!({});
            if let Some(config) = config {
                spec["config"] = json!(config.to_string());
            }
            json!({"apiVersion": "k8s.cni.cncf.io/v1", "kind": "NetworkAttachmentDefinition",
                "metadata": {"name": name, "namespace": namespace}, "spec": spec})
        };
        let blue = layer(random);
        if random.chance(80) {
            objects.push(json!({"apiVersion": "k8s.ovn.org/v1", "kind": "UserDefinedNetwork",
                "metadata": {"name": "blue", "namespace": namespace},
                "spec": {"topology": blue, blue: {"role": "Secondary"}}}));
            if random.chance(40) {
                // The definition that the plugin writes beside it.
                let own = json!({"cniVersion": "1.0.0", "type": "ovn-k8s-cni-overlay",
                    "name": format!("{namespace}_blue"), "topology": blue, "role": "secondary",
                    "netAttachDefName": format!("{namespace}/blue")});
                objects.push(definition("blue", Some(&own)));
            }
        }
        if random.chance(70) {
            objects.push(definition("far", Some(&far)));
        }
        if random.chance(70) {
            let lan = json!({"cniVersion": "1.0.0", "type": "macvlan", "master": "eth1"});
            objects.push(definition("lan", Some(&lan)));
        }
        if random.chance(40) {
            objects.push(definition("bare", None));
        }
        if random.chance(70) {
            let chain = json!({"cniVersion": "1.0.0", "name": format!("chain-{namespace}"),
                "plugins": [{"type": "ovn-k8s-cni-overlay", "topology": "layer2"},
                    {"type": "tuning"}]});
            objects.push(definition("chain", Some(&chain)));
        }
    }
}

/// What a pod asks for: by names, or with addresses; and what it says that it got.
fn annotate(random: &mut Random, metadata: &mut Value) {
    let mut names: Vec<&str> = Vec::new();
    for _ in 0..random.below(4) {
        let one = name(random);
        // One network twice is two attachments of one name.
        let last = |name: &str| name.rsplit('/').next().unwrap_or("").to_owned();
        if names.iter().all(|known| last(known) != last(one)) {
            names.push(one);
        }
    }
    if names.is_empty() {
        return;
    }
    let address = |random: &mut Random| {
        let all =
            ["10.1.9.7/16", "10.100.0.9", "192.0.2.70/24", "198.51.100.9", "2001:db8:1::9/64"];
        pick(random, &all, "10.100.0.9")
    };
    let mut annotations = json!({});
    if random.chance(50) {
        let words: Vec<String> = names
            .iter()
            .map(|name| if random.chance(30) { format!("{name}@net1") } else { (*name).to_owned() })
            .collect();
        annotations["k8s.v1.cni.cncf.io/networks"] = json!(words.join(","));
    } else {
        let entries: Vec<Value> = names
            .iter()
            .map(|full| {
                let (namespace, name) = full.split_once('/').unwrap_or(("", full));
                let mut entry = json!({"name": name});
                if !namespace.is_empty() {
                    entry["namespace"] = json!(namespace);
                }
                if random.chance(60) {
                    let count = random.between(1, 2);
                    let all: Vec<&str> = (0..count).map(|_| address(random)).collect();
                    entry["ips"] = json!(all);
                }
                entry
            })
            .collect();
        annotations["k8s.v1.cni.cncf.io/networks"] = json!(json!(entries).to_string());
    }
    if random.chance(30) {
        let mut entries = vec![json!({"name": "cluster", "ips": ["10.1.0.4"], "default": true})];
        entries.extend(names.iter().map(|name| json!({"name": name, "ips": [address(random)]})));
        annotations["k8s.v1.cni.cncf.io/network-status"] = json!(json!(entries).to_string());
    }
    metadata["annotations"] = annotations;
}
