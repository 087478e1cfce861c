//! Clusters of up to a million pods, as `kubectl get -o json` prints them, written object by object.

use std::io::{self, Write};

use serde_json::{Map, Value, json};

use super::random::Random;

/// How large a cluster to write, and of which sort.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClusterScale {
    /// Running pods.
    pub pods: usize,
    /// Namespaces.
    pub namespaces: usize,
    /// Policies, all of them `NetworkPolicy`.
    pub policies: usize,
    /// What pods and policies look like.
    pub shape: ClusterShape,
    /// Where random choices begin.
    pub seed: u64,
}

/// What pods and policies of a cluster look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClusterShape {
    /// Pods belong to deployments, ten replicas each, and have their labels; policies are what teams
    /// write: a default for the namespace, then one for each deployment.
    Owned,
    /// The workload of the literature: every pod has labels of its own, drawn from few keys and
    /// values, and every policy selects by some of them.
    Random,
}

impl ClusterScale {
    /// The proportions that are wanted: fifty pods and five policies in a namespace.
    pub fn owned(pods: usize) -> Self {
        let namespaces = (pods / 50).max(2);
        let policies = namespaces * 5;
        Self { pods, namespaces, policies, shape: ClusterShape::Owned, seed: 1 }
    }

    /// The proportions of the literature: five namespaces, a policy for every two pods up to 500.
    pub fn random(pods: usize) -> Self {
        let policies = (pods / 2).clamp(1, 500);
        Self { pods, namespaces: 5, policies, shape: ClusterShape::Random, seed: 1 }
    }
}

/// Replicas of a deployment.
const REPLICAS: usize = 10;
/// Nodes hold this many pods.
const PODS_ON_NODE: usize = 100;
/// Namespaces of a team.
const NAMESPACES_OF_TEAM: usize = 10;
/// What a namespace's deployments are for, in turn.
const COMPONENTS: [(&str, u16); 5] =
    [("web", 8080), ("api", 8443), ("worker", 9000), ("cache", 6379), ("store", 5432)];
/// Keys of random labels, values of each, and how many a pod, a selector and a namespace have at
/// most: the defaults of the generator that came with Kano.
const RANDOM_KEYS: usize = 5;
const RANDOM_VALUES: usize = 10;
const RANDOM_IN_SELECTOR: usize = 3;

/// Writes a cluster as one `List`; returns how many objects it has.
///
/// # Errors
/// Whatever the writer fails with.
pub fn cluster_scaled(scale: &ClusterScale, into: &mut impl Write) -> io::Result<usize> {
    let mut random = Random::new(scale.seed);
    let mut list = List { into, written: 0 };
    list.into.write_all(b"{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[\n")?;
    for number in 0..scale.namespaces {
        list.add(&namespace(scale, &mut random, number))?;
    }
    match scale.shape {
        ClusterShape::Owned => owned(scale, &mut random, &mut list)?,
        ClusterShape::Random => {
            for number in 0..scale.pods {
                list.add(&random_pod(scale, &mut random, number))?;
            }
        }
    }
    for number in 0..scale.policies {
        list.add(&cluster_policy(scale, &mut random, number))?;
    }
    list.into.write_all(b"]}\n")?;
    Ok(list.written)
}

/// The policy of a number, with choices of its own: to write it, or to change one policy of a cluster.
pub fn cluster_policy(scale: &ClusterScale, random: &mut Random, number: usize) -> Value {
    match scale.shape {
        ClusterShape::Owned => owned_policy(scale, random, number),
        ClusterShape::Random => random_policy(scale, random, number),
    }
}

struct List<'w, W> {
    into: &'w mut W,
    written: usize,
}

impl<W: Write> List<'_, W> {
    fn add(&mut self, object: &Value) -> io::Result<()> {
        if self.written > 0 {
            self.into.write_all(b",\n")?;
        }
        serde_json::to_writer(&mut *self.into, object)?;
        self.written += 1;
        Ok(())
    }
}

fn namespace_name(number: usize) -> String {
    format!("ns-{number:04}")
}

fn namespace(scale: &ClusterScale, random: &mut Random, number: usize) -> Value {
    let name = namespace_name(number);
    let labels = match scale.shape {
        ClusterShape::Owned => json!({"team": format!("team-{}", number / NAMESPACES_OF_TEAM),
            "env": if number.is_multiple_of(4) { "test" } else { "live" }}),
        ClusterShape::Random => Value::Object(random_labels(random, RANDOM_KEYS)),
    };
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
}

fn owned<W: Write>(
    scale: &ClusterScale,
    random: &mut Random,
    list: &mut List<'_, W>,
) -> io::Result<()> {
    for first in (0..scale.pods).step_by(REPLICAS) {
        let deployment = first / REPLICAS;
        let replicas = REPLICAS.min(scale.pods - first);
        let set = replica_set(scale, deployment, random.number() & 0xff_ffff);
        list.add(&set)?;
        for replica in 0..replicas {
            list.add(&owned_pod(&set, first + replica, random.number() & 0xf_ffff))?;
        }
    }
    Ok(())
}

/// The deployment's namespace, component and place among those of its component there.
fn place_of(scale: &ClusterScale, deployment: usize) -> (String, &'static str, u16, usize) {
    let round = deployment / scale.namespaces.max(1);
    let (component, port) = *COMPONENTS.get(round % COMPONENTS.len()).unwrap_or(&("web", 8080));
    let namespace = namespace_name(deployment % scale.namespaces.max(1));
    (namespace, component, port, round / COMPONENTS.len())
}

fn replica_set(scale: &ClusterScale, deployment: usize, hash: u64) -> Value {
    let (namespace, component, port, number) = place_of(scale, deployment);
    let hash = format!("{hash:06x}");
    let labels = json!({"app.kubernetes.io/name": format!("{component}-{number}"),
        "app.kubernetes.io/component": component, "pod-template-hash": hash});
    json!({"apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {"name": format!("{component}-{number}-{hash}"), "namespace": namespace,
            "labels": labels,
            "ownerReferences": [{"apiVersion": "apps/v1", "controller": true, "kind": "Deployment",
                "name": format!("{component}-{number}")}]},
        "spec": {"replicas": REPLICAS, "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels},
                "spec": {"containers": [{"name": component, "image": format!("shop/{component}:1"),
                    "ports": [{"name": "main", "containerPort": port, "protocol": "TCP"}]}],
                    "serviceAccountName": component}}}})
}

fn owned_pod(set: &Value, number: usize, suffix: u64) -> Value {
    let node = number / PODS_ON_NODE;
    let name = set.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
    let mut spec = set.pointer("/spec/template/spec").cloned().unwrap_or_default();
    spec["nodeName"] = json!(format!("node-{node}"));
    spec["restartPolicy"] = json!("Always");
    let address = format!("10.{}.{}.{}", node / 200, node % 200, 2 + number % PODS_ON_NODE);
    json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": format!("{name}-{suffix:05x}{}", number % REPLICAS),
            "namespace": set.pointer("/metadata/namespace"),
            "labels": set.pointer("/metadata/labels"),
            "ownerReferences": [{"apiVersion": "apps/v1", "controller": true,
                "kind": "ReplicaSet", "name": name}]},
        "spec": spec,
        "status": {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}],
            "qosClass": "BestEffort"}})
}

/// What teams write: nothing but what is allowed, then who may reach each component.
fn owned_policy(scale: &ClusterScale, random: &mut Random, number: usize) -> Value {
    let namespaces = scale.namespaces.max(1);
    let place = number % namespaces;
    let component =
        |number: usize| COMPONENTS.get(number % COMPONENTS.len()).unwrap_or(&("web", 0));
    let with = |name: &str| json!({"matchLabels": {"app.kubernetes.io/component": name}});
    let (name, spec) = match number / namespaces {
        0 => ("default".to_owned(), json!({"podSelector": {}, "policyTypes": ["Ingress"]})),
        1 => {
            let team = format!("team-{}", random.below(namespaces.div_ceil(NAMESPACES_OF_TEAM)));
            let from = json!([{"namespaceSelector": {"matchLabels": {"team": team}}},
                {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name":
                    namespace_name(0)}}}, {"ipBlock": {"cidr": "10.64.0.0/12"}}]);
            let rule = json!({"from": from, "ports": [{"port": 8080}, {"port": "main"}]});
            ("web".to_owned(), json!({"podSelector": with("web"), "ingress": [rule]}))
        }
        round => {
            let (name, port) = component(round - 1);
            let (caller, _) = component(random.below(COMPONENTS.len()));
            let mut spec = json!({"podSelector": with(name),
                "ingress": [{"from": [{"podSelector": with(caller)}], "ports": [{"port": port}]}]});
            if random.chance(30) {
                let other = namespace_name(random.below(namespaces));
                spec["egress"] = json!([{"ports": [{"port": 53, "protocol": "UDP"}]},
                    {"to": [{"podSelector": {}}, {"namespaceSelector": {"matchLabels":
                        {"kubernetes.io/metadata.name": other}}, "podSelector": with("web")}]}]);
            }
            (format!("{name}-{round}"), spec)
        }
    };
    policy(&name, &namespace_name(place), spec)
}

fn random_labels(random: &mut Random, max: usize) -> Map<String, Value> {
    let count = random.below(max + 1);
    (0..count)
        .map(|_| {
            let key = format!("key{}", random.below(RANDOM_KEYS));
            (key, json!(format!("value{}", random.below(RANDOM_VALUES))))
        })
        .collect()
}

fn random_pod(scale: &ClusterScale, random: &mut Random, number: usize) -> Value {
    let namespace = namespace_name(random.below(scale.namespaces));
    json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": format!("pod-{number}"), "namespace": namespace,
            "labels": random_labels(random, RANDOM_KEYS)},
        "spec": {"containers": [{"name": "main", "image": "main:1"}]}})
}

/// One way, one rule, with one peer that selects by both.
fn random_policy(scale: &ClusterScale, random: &mut Random, number: usize) -> Value {
    let select = |labels: Map<String, Value>| json!({"matchLabels": labels});
    let subject = select(random_labels(random, RANDOM_IN_SELECTOR));
    let peer = json!({"podSelector": select(random_labels(random, RANDOM_IN_SELECTOR)),
        "namespaceSelector": select(random_labels(random, RANDOM_IN_SELECTOR))});
    let spec = if random.chance(50) {
        json!({"podSelector": subject, "policyTypes": ["Ingress"], "ingress": [{"from": [peer]}]})
    } else {
        json!({"podSelector": subject, "policyTypes": ["Egress"], "egress": [{"to": [peer]}]})
    };
    policy(&format!("policy-{number}"), &namespace_name(random.below(scale.namespaces)), spec)
}

fn policy(name: &str, namespace: &str, spec: Value) -> Value {
    json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": {"name": name, "namespace": namespace}, "spec": spec})
}
