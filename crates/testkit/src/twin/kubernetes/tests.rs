use serde_json::{Value, json};

use super::{Connection, End, Pod, allows, pods};

fn pod(namespace: &str, name: &str, app: &str) -> Value {
    json!({"kind": "Pod", "metadata": {"name": name, "namespace": namespace, "labels": {"app": app}},
        "spec": {"containers": [{"ports": [{"name": "web", "containerPort": 8080}]}]}})
}

fn ask(objects: &[Value], from: &str, to: &str, port: u16) -> bool {
    let pods = pods(objects);
    let find = |name: &str| -> &Pod { pods.iter().find(|pod| pod.name == name).unwrap() };
    let end = |name: &str| match name.parse() {
        Ok(address) => End::Outside(address),
        Err(_) => End::Pod(find(name)),
    };
    allows(
        objects,
        Connection { from: end(from), to: end(to), protocol: "TCP", port, over_v6: None },
    )
}

#[test]
fn the_first_policy_isolates_and_further_ones_add() {
    let mut objects = vec![pod("a", "one", "x"), pod("a", "two", "y"), pod("b", "three", "x")];
    assert!(ask(&objects, "one", "two", 80) && ask(&objects, "192.0.2.1", "two", 80));
    objects.push(json!({"kind": "NetworkPolicy", "metadata": {"name": "p", "namespace": "a"},
        "spec": {"podSelector": {"matchLabels": {"app": "y"}},
            "ingress": [{"from": [{"podSelector": {"matchLabels": {"app": "x"}}}],
                "ports": [{"port": "web"}]}]}}));
    assert!(ask(&objects, "one", "two", 8080));
    assert!(!ask(&objects, "one", "two", 80));
    assert!(!ask(&objects, "three", "two", 8080), "the selector is about its own namespace");
    assert!(ask(&objects, "two", "192.0.2.1", 80), "egress is not governed");
    objects.push(json!({"kind": "NetworkPolicy", "metadata": {"name": "q", "namespace": "a"},
        "spec": {"podSelector": {}, "ingress": [{"from": [{"ipBlock":
            {"cidr": "192.0.2.0/24", "except": ["192.0.2.128/25"]}}]}]}}));
    assert!(ask(&objects, "192.0.2.1", "two", 80));
    assert!(!ask(&objects, "192.0.2.200", "two", 80));
}

#[test]
fn an_administrators_word_comes_first_and_the_baseline_last() {
    let mut objects = vec![pod("a", "one", "x"), pod("a", "two", "y")];
    let everybody = json!([{"namespaces": {}}]);
    objects.push(json!({"kind": "BaselineAdminNetworkPolicy", "metadata": {"name": "default"},
        "spec": {"subject": {"namespaces": {}},
            "ingress": [{"action": "Deny", "from": everybody}]}}));
    assert!(!ask(&objects, "one", "two", 80));
    objects.push(json!({"kind": "NetworkPolicy", "metadata": {"name": "p", "namespace": "a"},
        "spec": {"podSelector": {}, "ingress": [{}]}}));
    assert!(ask(&objects, "one", "two", 80), "a NetworkPolicy ends before the baseline");
    objects.push(json!({"kind": "AdminNetworkPolicy", "metadata": {"name": "d"},
        "spec": {"priority": 5, "subject": {"namespaces": {}},
            "ingress": [{"action": "Deny", "from": everybody,
                "ports": [{"portNumber": {"protocol": "TCP", "port": 80}}]}]}}));
    assert!(!ask(&objects, "one", "two", 80) && ask(&objects, "one", "two", 81));
    objects.push(json!({"kind": "AdminNetworkPolicy", "metadata": {"name": "c"},
        "spec": {"priority": 4, "subject": {"namespaces": {}},
            "ingress": [{"action": "Pass", "from": everybody}]}}));
    assert!(ask(&objects, "one", "two", 80), "passed to the NetworkPolicy");
}
