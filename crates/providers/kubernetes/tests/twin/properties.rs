use serde_json::{Value, json};
use watertight_net::FlowSet;
use watertight_testkit::generate::Random;
use watertight_testkit::generate::kubernetes::cluster;

use crate::support::Cluster;

/// How many clusters each property is tried on.
const CLUSTERS: u64 = 60;

#[test]
fn a_policy_that_selects_nothing_changes_nothing() {
    for seed in 0..CLUSTERS {
        let mut objects = cluster(seed);
        let before = Cluster::of(&objects).pairs();
        objects.push(json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
            "metadata": {"name": "nobody", "namespace": "shop"},
            "spec": {"podSelector": {"matchLabels": {"nobody": "has-this"}},
                "policyTypes": ["Ingress", "Egress"]}}));
        assert_eq!(Cluster::of(&objects).pairs(), before, "seed {seed}");
    }
}

#[test]
fn the_order_of_documents_changes_nothing() {
    for seed in 0..CLUSTERS {
        let mut objects = cluster(seed);
        let before = Cluster::of(&objects).pairs();
        let mut random = Random::new(seed);
        for last in (1..objects.len()).rev() {
            objects.swap(last, random.below(last + 1));
        }
        assert_eq!(Cluster::of(&objects).pairs(), before, "seed {seed}");
    }
}

#[test]
fn splitting_a_policy_in_two_with_the_same_pods_changes_nothing() {
    let mut split = 0;
    for seed in 0..CLUSTERS {
        let mut objects = cluster(seed);
        let before = Cluster::of(&objects).pairs();
        let policies = objects.iter().position(|object| object["kind"] == "NetworkPolicy");
        let Some(place) = policies else { continue };
        let mut other = objects[place].clone();
        other["metadata"]["name"] = json!("the-other-half");
        for way in ["ingress", "egress"] {
            let Some(rules) = objects[place]["spec"].get(way).and_then(Value::as_array).cloned()
            else {
                continue;
            };
            let (one, two) = rules.split_at(rules.len() / 2);
            objects[place]["spec"][way] = json!(one);
            other["spec"][way] = json!(two);
        }
        objects.push(other);
        assert_eq!(Cluster::of(&objects).pairs(), before, "seed {seed}");
        split += 1;
    }
    assert!(split > 10, "{split} policies were split");
}

#[test]
fn adding_a_rule_that_allows_never_removes_a_pair() {
    for seed in 0..CLUSTERS {
        let mut objects = cluster(seed);
        let before = Cluster::of(&objects);
        let mut random = Random::new(seed);
        let policies: Vec<usize> = objects
            .iter()
            .enumerate()
            .filter(|(_, object)| object["kind"] == "NetworkPolicy")
            .map(|(place, _)| place)
            .collect();
        let Some(place) = random.pick(&policies).copied() else { continue };
        let spec = &mut objects[place]["spec"];
        let rule = json!({"from": [{"podSelector": {}, "namespaceSelector": {}}],
            "ports": [{"port": 443}]});
        match spec.get_mut("ingress").and_then(Value::as_array_mut) {
            Some(rules) => rules.push(rule),
            None => spec["ingress"] = json!([rule]),
        }
        let after = Cluster::of(&objects);
        for (from, to, _) in before.pairs() {
            let (was, is) = (flows(&before, &from, &to), flows(&after, &from, &to));
            assert!(is.contains(&was), "seed {seed}: {from} to {to}: {was} became {is}");
        }
    }
}

/// What one name reaches at another.
fn flows(cluster: &Cluster, from: &str, to: &str) -> FlowSet {
    let mut found = FlowSet::none();
    for ((sender, receiver), cell) in cluster.matrix.cells() {
        let is = |class, name: &str| cluster.names(class).iter().any(|one| one == name);
        if is(sender, from) && is(receiver, to) {
            found = found.union(&cell.established.possible);
        }
    }
    found
}
