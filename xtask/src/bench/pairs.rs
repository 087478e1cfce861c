//! Every pair by itself: what a program does that knows pods, labels and policies and nothing else.
//! It reads what the generator writes: `NetworkPolicy` with selectors by `matchLabels`.

use std::collections::BTreeMap;

use serde_json::Value;

/// The port that is asked about, of TCP.
pub(super) const PORT: u16 = 8080;

type Labels = BTreeMap<String, String>;

/// The pods and policies of a cluster.
#[derive(Debug)]
pub(super) struct PerPair {
    pods: Vec<Pod>,
    /// The policies of each namespace.
    policies: BTreeMap<String, Vec<Policy>>,
}

#[derive(Debug)]
struct Pod {
    name: String,
    namespace: String,
    labels: Labels,
    of_namespace: Labels,
    ports: BTreeMap<String, u16>,
}

#[derive(Debug)]
struct Policy {
    subject: Labels,
    ingress: Option<Vec<Rule>>,
    egress: Option<Vec<Rule>>,
}

#[derive(Debug)]
struct Rule {
    /// None for everybody.
    peers: Option<Vec<Peer>>,
    ports: Vec<Port>,
}

#[derive(Debug)]
struct Peer {
    /// None for the policy's own namespace.
    namespaces: Option<Labels>,
    pods: Labels,
}

#[derive(Debug)]
enum Port {
    Number(u16),
    Named(String),
    OtherProtocol,
}

impl PerPair {
    /// Reads a `List`.
    pub(super) fn read(list: &Value) -> Self {
        let items = array(list, "/items");
        let of_kind =
            |kind: &'static str| items.iter().filter(move |one| text(one, "/kind") == kind);
        let mut namespaces: BTreeMap<String, Labels> = BTreeMap::new();
        for object in of_kind("Namespace") {
            let name = text(object, "/metadata/name");
            let mut found = labels(object.pointer("/metadata/labels"));
            found.insert("kubernetes.io/metadata.name".to_owned(), name.to_owned());
            namespaces.insert(name.to_owned(), found);
        }
        let pods = of_kind("Pod").map(|object| pod(object, &namespaces)).collect();
        let mut policies: BTreeMap<String, Vec<Policy>> = BTreeMap::new();
        for object in of_kind("NetworkPolicy") {
            let namespace = text(object, "/metadata/namespace").to_owned();
            policies.entry(namespace).or_default().push(policy(object));
        }
        Self { pods, policies }
    }

    /// How many pods there are.
    pub(super) fn len(&self) -> usize {
        self.pods.len()
    }

    /// A pod's name with its namespace.
    pub(super) fn name(&self, pod: usize) -> Option<&str> {
        self.pods.get(pod).map(|pod| pod.name.as_str())
    }

    /// Whether one pod may open a connection to another, over [`PORT`].
    pub(super) fn allows(&self, from: usize, to: usize) -> bool {
        let (Some(from), Some(to)) = (self.pods.get(from), self.pods.get(to)) else { return false };
        self.side(from, to, to, |policy| policy.egress.as_deref())
            && self.side(to, from, to, |policy| policy.ingress.as_deref())
    }

    fn side<'p>(
        &'p self,
        own: &Pod,
        other: &Pod,
        destination: &Pod,
        rules: impl Fn(&'p Policy) -> Option<&'p [Rule]>,
    ) -> bool {
        let mut isolated = false;
        for policy in self.policies.get(&own.namespace).into_iter().flatten() {
            let Some(rules) = rules(policy) else { continue };
            if !holds(&policy.subject, &own.labels) {
                continue;
            }
            isolated = true;
            let mut rules = rules.iter();
            if rules.any(|rule| rule.means(own, other) && rule.is_over(destination)) {
                return true;
            }
        }
        !isolated
    }
}

impl Rule {
    fn means(&self, own: &Pod, other: &Pod) -> bool {
        let Some(peers) = &self.peers else { return true };
        peers.iter().any(|peer| {
            let in_namespace = match &peer.namespaces {
                Some(selector) => holds(selector, &other.of_namespace),
                None => own.namespace == other.namespace,
            };
            in_namespace && holds(&peer.pods, &other.labels)
        })
    }

    fn is_over(&self, destination: &Pod) -> bool {
        self.ports.is_empty()
            || self.ports.iter().any(|port| match port {
                Port::Number(number) => *number == PORT,
                Port::Named(name) => destination.ports.get(name) == Some(&PORT),
                Port::OtherProtocol => false,
            })
    }
}

fn holds(selector: &Labels, labels: &Labels) -> bool {
    selector.iter().all(|(key, value)| labels.get(key) == Some(value))
}

fn pod(object: &Value, namespaces: &BTreeMap<String, Labels>) -> Pod {
    let namespace = text(object, "/metadata/namespace").to_owned();
    let containers = array(object, "/spec/containers").iter();
    let ports = containers.flat_map(|one| array(one, "/ports")).filter_map(|port| {
        let number = port.get("containerPort").and_then(Value::as_u64)?;
        Some((text(port, "/name").to_owned(), u16::try_from(number).ok()?))
    });
    Pod {
        name: format!("{namespace}/{}", text(object, "/metadata/name")),
        labels: labels(object.pointer("/metadata/labels")),
        of_namespace: namespaces.get(&namespace).cloned().unwrap_or_default(),
        namespace,
        ports: ports.collect(),
    }
}

fn policy(object: &Value) -> Policy {
    let types = array(object, "/spec/policyTypes");
    let listed = |way: &str| types.iter().any(|one| one.as_str() == Some(way));
    let rules = |key: &str, peers: &str| -> Vec<Rule> {
        array(object, &format!("/spec/{key}")).iter().map(|one| rule(one, peers)).collect()
    };
    let has_egress = object.pointer("/spec/egress").is_some();
    let governs_in = types.is_empty() || listed("Ingress");
    let governs_out = if types.is_empty() { has_egress } else { listed("Egress") };
    Policy {
        subject: labels(object.pointer("/spec/podSelector/matchLabels")),
        ingress: governs_in.then(|| rules("ingress", "from")),
        egress: governs_out.then(|| rules("egress", "to")),
    }
}

fn rule(node: &Value, peers: &str) -> Rule {
    let listed = array(node, &format!("/{peers}"));
    let pods = listed.iter().filter(|peer| peer.get("ipBlock").is_none());
    let each = pods.map(|peer| Peer {
        namespaces: peer
            .get("namespaceSelector")
            .map(|selector| labels(selector.get("matchLabels"))),
        pods: labels(peer.pointer("/podSelector/matchLabels")),
    });
    let ports = array(node, "/ports").iter().map(|port| {
        if !matches!(text(port, "/protocol"), "" | "TCP") {
            return Port::OtherProtocol;
        }
        match port.get("port") {
            Some(Value::String(name)) => Port::Named(name.clone()),
            number => {
                let number = number.and_then(Value::as_u64).unwrap_or(0);
                Port::Number(u16::try_from(number).unwrap_or(0))
            }
        }
    });
    Rule { peers: (!listed.is_empty()).then(|| each.collect()), ports: ports.collect() }
}

fn labels(node: Option<&Value>) -> Labels {
    let entries = node.and_then(Value::as_object).into_iter().flatten();
    entries.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
}

fn array<'v>(node: &'v Value, path: &str) -> &'v [Value] {
    node.pointer(path).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn text<'v>(node: &'v Value, path: &str) -> &'v str {
    node.pointer(path).and_then(Value::as_str).unwrap_or_default()
}
