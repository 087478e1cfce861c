//! A cluster beside the network of its nodes: one path through both.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]
#![expect(clippy::panic, reason = "a helper that fails fails its test")]

#[path = "joined/legs.rs"]
mod legs;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

const JOINED: &str = "crates/cli/tests/estates/joined";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn watertight(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_watertight"))
        .args(arguments)
        .current_dir(root())
        .output()
        .unwrap()
}

fn can(from: &str, to: &str, over: &str) -> Value {
    let arguments = ["can", JOINED, "--from", from, "--to", to, "--over", over, "-f", "json"];
    let output = watertight(&arguments);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!("{arguments:?}: {error}: {}", String::from_utf8_lossy(&output.stderr))
    })
}

/// The dispositions of all parts of an answer, each once.
fn dispositions(answer: &Value) -> Vec<String> {
    let all = answer["dispositions"].as_array().unwrap().iter();
    all.map(|one| one.as_str().unwrap().to_owned()).collect()
}

#[track_caller]
fn expect(from: &str, to: &str, over: &str, disposition: &str) -> String {
    let answer = can(from, to, over);
    assert_eq!(dispositions(&answer), [disposition], "{from} to {to} over {over}: {answer:#}");
    answer.to_string()
}

#[test]
fn a_pod_reaches_a_database_by_the_group_of_the_attachment_that_holds_its_address() {
    expect("k8s:shop/checkout", "orders-db", "tcp/5432", "accepted");
    // On the second attachment of the node, and in a prefix that is delegated to it.
    expect("k8s:shop/second", "orders-db", "tcp/5432", "accepted");
    expect("k8s:shop/delegated", "orders-db", "tcp/5432", "accepted");
    expect("k8s:shop/checkout", "orders-db", "tcp/5433", "denied_in");
}

#[test]
fn policies_stand_beside_the_groups() {
    let answer = expect("k8s:shop/cart", "orders-db", "tcp/5432", "denied_out");
    assert!(answer.contains("shop/cart (policies 1)"), "{answer}");
    assert!(!answer.contains("translation at nodes in shop, ingress: no rule"), "{answer}");
}

#[test]
fn what_stays_on_a_node_meets_policies_and_no_group() {
    expect("k8s:shop/checkout", "k8s:shop/cart", "tcp/8080", "accepted");
    expect("k8s:shop/delegated", "k8s:shop/checkout", "tcp/22", "accepted");
    expect("node-1", "k8s:shop/checkout", "tcp/22", "accepted");
    // The policy admits the checkout alone.
    expect("k8s:shop/second", "k8s:shop/cart", "tcp/8080", "denied_in");
}

#[test]
fn what_goes_between_nodes_meets_the_groups_of_both() {
    expect("k8s:shop/far", "k8s:shop/checkout", "tcp/8443", "accepted");
    let answer = expect("k8s:shop/far", "k8s:shop/checkout", "tcp/22", "denied_in");
    assert!(answer.contains("security group nodes"), "{answer}");
    expect("orders-db", "k8s:shop/checkout", "tcp/8443", "denied_in");
}

#[test]
fn beyond_the_network_of_the_nodes_a_pod_is_its_node() {
    // The other side of the peering admits the address of the first node alone.
    let answer = expect("k8s:shop/checkout", "reports", "tcp/443", "accepted");
    assert!(answer.contains("10.0.1.10"), "{answer}");
    expect("k8s:shop/far", "reports", "tcp/443", "denied_in");
    let answer = can("k8s:shop/checkout", "internet@198.51.100.7", "tcp/443");
    assert_eq!(dispositions(&answer), ["exits_network"]);
    assert!(answer.to_string().contains("203.0.113.5"), "{answer}");
}

#[test]
fn a_reply_finds_the_pod_behind_its_node() {
    for (from, to, over) in [
        ("k8s:shop/checkout", "reports", "tcp/443"),
        ("k8s:shop/checkout", "internet@198.51.100.7", "tcp/443"),
        ("k8s:shop/overlay", "orders-db", "tcp/5432"),
        ("k8s:shop/far", "k8s:shop/checkout", "tcp/8443"),
    ] {
        let output = watertight(&["can", JOINED, "--from", from, "--to", to, "--over", over]);
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains("the connection can be established"), "{text}");
    }
}

#[test]
fn an_attachment_of_its_own_takes_a_pod_from_its_node() {
    expect("k8s:shop/branch", "orders-db", "tcp/5433", "accepted");
    expect("k8s:shop/branch", "orders-db", "tcp/5432", "denied_in");
    // Not translated, and filtered on its own node as well.
    expect("k8s:shop/branch", "reports", "tcp/443", "denied_in");
    expect("k8s:shop/far", "k8s:shop/branch", "tcp/8443", "denied_in");
}

#[test]
fn a_pod_in_a_network_over_that_of_the_nodes_leaves_under_its_nodes_address() {
    let answer = expect("k8s:shop/overlay", "orders-db", "tcp/5432", "accepted");
    assert!(answer.contains("10.0.1.20"), "{answer}");
}

#[test]
fn a_pod_on_its_nodes_network_is_its_node() {
    expect("k8s:ops/agent", "orders-db", "tcp/5432", "accepted");
    expect("k8s:ops/agent", "k8s:shop/far", "tcp/22", "accepted");
}

#[test]
fn the_metadata_service_answers_pods_only_beyond_a_hop_limit_of_one() {
    let answer = expect("k8s:shop/checkout", "169.254.169.254", "tcp/80", "denied_in");
    assert!(answer.contains("do not travel beyond the host"), "{answer}");
    expect("k8s:shop/far", "169.254.169.254", "tcp/80", "accepted");
    expect("node-1", "169.254.169.254", "tcp/80", "accepted");
    // A policy stands before it, and no group does.
    expect("k8s:shop/cart", "169.254.169.254", "tcp/443", "denied_out");
}

#[test]
fn what_cannot_be_joined_is_unknown_and_told() {
    expect("k8s:shop/planned", "orders-db", "tcp/5432", "unknown");
    expect("k8s:shop/elsewhere", "orders-db", "tcp/5432", "unknown");
    expect("k8s:shop/stale", "orders-db", "tcp/5432", "unknown");
    expect("node-2", "k8s:shop/stale", "tcp/5432", "unknown");
    let output = watertight(&["inventory", JOINED, "--verbose"]);
    let told = String::from_utf8(output.stderr).unwrap();
    for (code, what) in [
        ("WT0220", "`ip-10-0-1-40`"),
        ("WT0221", "`shop/planned`"),
        ("WT0221", "`shop/elsewhere`"),
        ("WT0221", "`shop/stale`"),
    ] {
        let line = told.lines().find(|line| line.contains(code) && line.contains(what));
        assert!(line.is_some(), "{code} {what}: {told}");
    }
}

#[test]
fn between_a_pod_and_its_own_node_policies_deny_nothing() {
    expect("node-1", "k8s:shop/cart", "tcp/22", "accepted");
    expect("k8s:shop/cart", "node-1", "tcp/10250", "accepted");
    let answer = expect("node-2", "k8s:shop/cart", "tcp/8080", "denied_in");
    assert!(answer.contains("network policies"), "{answer}");
    expect("k8s:shop/cart", "node-2", "tcp/10250", "denied_out");
    // A pod on its node's network is that node.
    expect("k8s:ops/agent", "k8s:shop/cart", "tcp/8080", "denied_in");
}

#[test]
fn a_pod_is_led_by_a_service_to_where_the_pods_behind_it_are() {
    let answer = expect("k8s:shop/checkout", "k8s:shop/basket", "tcp/80", "accepted");
    assert!(answer.contains("10.0.1.12"), "{answer}");
    expect("k8s:shop/checkout", "10.100.0.20", "tcp/80", "accepted");
    expect("k8s:shop/checkout", "k8s:shop/basket", "tcp/8080", "denied_in");
    // The policy admits the checkout alone.
    expect("k8s:shop/second", "k8s:shop/basket", "tcp/80", "denied_in");
    // Between nodes the groups are met, at the port of the pods.
    expect("k8s:shop/far", "k8s:shop/pay", "tcp/443", "accepted");
    expect("k8s:shop/branch", "k8s:shop/basket", "tcp/80", "denied_in");
    // Pods on their node's network are behind a service at the node's address.
    let answer = expect("k8s:shop/far", "k8s:ops/agents", "tcp/22", "accepted");
    assert!(answer.contains("10.0.1.20"), "{answer}");
    let output = watertight(&[
        "can",
        JOINED,
        "--from",
        "k8s:shop/far",
        "--to",
        "k8s:shop/pay",
        "--over",
        "tcp/443",
    ]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("the connection can be established"), "{text}");
}

#[test]
fn nodes_are_led_as_pods_are_and_nobody_else() {
    expect("node-1", "k8s:shop/pay", "tcp/443", "accepted");
    expect("k8s:ops/agent", "k8s:shop/pay", "tcp/443", "accepted");
    // Nobody else knows a cluster IP; what leads to a service from outside the cluster's objects
    // do not tell.
    for from in ["orders-db", "internet@198.51.100.7"] {
        expect(from, "k8s:shop/pay", "tcp/443", "unknown");
        let answer = can(from, "k8s:shop/basket", "tcp/80");
        assert_eq!(answer["answer"], "denied", "{answer:#}");
    }
}

#[test]
fn the_matrix_says_of_pods_what_each_pair_says() {
    let matrix = watertight(&["reach", JOINED, "-f", "csv"]);
    let text = String::from_utf8(matrix.stdout).unwrap();
    let has = |from: &str, to: &str, flows: &str| {
        text.lines().any(|line| {
            let mut cells = line.split(',');
            let (one, other) = (cells.next().unwrap_or(""), cells.next().unwrap_or(""));
            one.contains(from) && other.contains(to) && line.contains(flows)
        })
    };
    assert!(has("shop/checkout", "orders-db", "tcp/5432"), "{text}");
    assert!(has("shop/checkout", "reports", "tcp/443"), "{text}");
    assert!(!has("shop/far", "reports", ""), "{text}");
    assert!(!has("shop/cart", "orders-db", ""), "{text}");
    assert!(has("shop/branch", "orders-db", "tcp/5433"), "{text}");
}

/// What a policy that governs everything and allows what is given decides about a connection.
fn asked(rule: &str, estate: &str, leg: [&str; 3]) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("policy.yaml");
    let text = format!(
        "apiVersion: watertight.io/v1alpha1\nkind: Segment\nmetadata: {{name: all}}\nspec: {{members: \
         {{matchExpressions: [{{key: kind, operator: Exists}}]}}, mode: enforce}}\n---\n\
         apiVersion: watertight.io/v1alpha1\nkind: Policy\nmetadata: {{name: p}}\nspec:\n  mode: enforce\n  \
         rules: [{{action: allow, from: [any], {rule}}}]\n"
    );
    std::fs::write(&file, text).unwrap();
    let [from, to, over] = leg;
    let output = watertight(&[
        "policy",
        "ask",
        file.to_str().unwrap(),
        "--estate",
        estate,
        "--from",
        from,
        "--to",
        to,
        "--over",
        over,
        "-f",
        "json",
    ]);
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)))
}

/// "What translates 1:1 or destinations only does not end a leg (public address, `ClusterIP`, ...): the rule sees
/// the true source, the final destination and the port after translation; what was dialled is the fact `via`."
#[test]
fn a_rule_sees_where_a_leg_is_accepted_and_not_what_was_dialled() {
    let pods = "to: [{addresses: [10.0.1.12/32]}], over: [{tcp: 8080}]";
    let service = "to: [{addresses: [10.100.0.0/16]}], over: [{tcp: 80}]";
    for to in ["k8s:shop/basket", "10.100.0.20"] {
        let leg = ["k8s:shop/checkout", to, "tcp/80"];
        let answer = asked(pods, JOINED, leg);
        assert_eq!(answer["decision"], "allow", "{answer:#}");
        let leg_of = |answer: &Value| answer["ways"][0]["legs"][0].clone();
        let told = leg_of(&answer);
        assert_eq!(
            (&told["to"], &told["over"], &told["via"]),
            (&"shop/cart".into(), &"tcp/8080".into(), &serde_json::json!(["10.100.0.20"])),
        );
        assert_eq!(told["network"]["answer"], "accepted");
        let denied = asked(service, JOINED, leg);
        assert_eq!(denied["decision"], "deny", "{denied:#}");
        assert_eq!(leg_of(&denied)["reasons"][0]["kind"], "default");
    }
    let private = "to: [{addresses: [10.10.0.20/32]}], over: [{tcp: 22}]";
    let public = "to: [{addresses: [203.0.113.20/32]}], over: [{tcp: 22}]";
    for to in ["bastion", "203.0.113.20"] {
        let leg = ["internet@198.51.100.7", to, "tcp/22"];
        let answer = asked(private, "examples/estates/shop", leg);
        assert_eq!(answer["decision"], "allow", "{answer:#}");
        assert_eq!(answer["ways"][0]["legs"][0]["via"], serde_json::json!(["203.0.113.20"]));
        assert_eq!(asked(public, "examples/estates/shop", leg)["decision"], "deny");
    }
    // From within, a private address is what is dialled, and is accepted there.
    let within = asked(private, "examples/estates/shop", ["web-1", "10.10.0.20", "tcp/22"]);
    assert_eq!(within["decision"], "allow");
    assert_eq!(within["ways"][0]["legs"][0]["via"], serde_json::json!([]));
}

/// "What terminates and reopens ends one leg and begins the next: application load balancers, ..." and "What translates
/// ... destinations only does not end a leg (..., client-address-preserving load balancer)".
#[test]
fn a_front_ends_a_leg_where_it_opens_the_next() {
    let shop = "examples/estates/shop";
    let rule = "to: [{matchLabels: {app: web}}], over: [{tcp: 8080}]";
    let answer = asked(rule, shop, ["internet@198.51.100.7", "web-1", "tcp/8080"]);
    let ways = answer["ways"].as_array().unwrap();
    let [_, through] = &ways[..] else { panic!("{answer:#}") };
    assert_eq!(through["through"], "copper-kettle-web");
    let ends = |leg: &Value| format!("{} -> {} over {}", leg["from"], leg["to"], leg["over"]);
    let legs: Vec<String> = through["legs"].as_array().unwrap().iter().map(ends).collect();
    assert_eq!(
        legs.join("; ").replace('"', ""),
        "internet@198.51.100.7 -> copper-kettle-web over tcp/443; copper-kettle-web -> web-1 over tcp/8080"
    );
    // This one hands on what it gets: there is one leg, to each of its targets.
    let rule = "to: [{matchLabels: {app: payments, kind: machine}}], over: [{tcp: 8443}]";
    let answer = asked(rule, shop, ["orders-api-1", "payments-internal", "tcp/8443"]);
    assert_eq!(answer["decision"], "allow", "{answer:#}");
    let legs = answer["ways"].as_array().unwrap().iter().map(|way| &way["legs"]);
    let targets: std::collections::BTreeSet<&str> = legs
        .map(|legs| {
            assert_eq!(legs.as_array().unwrap().len(), 1);
            let via = legs[0]["via"][0].as_str().unwrap();
            assert!(["10.10.40.8", "10.10.41.8"].contains(&via), "{via}");
            legs[0]["to"].as_str().unwrap()
        })
        .collect();
    assert_eq!(
        targets.into_iter().collect::<Vec<_>>(),
        ["payments-1", "payments-2", "payments-3", "payments-4"]
    );
}

/// Copies an estate in which all machines for payments are called like the first.
fn copy_with_one_name(from: &Path, to: &Path) {
    for file in std::fs::read_dir(from).unwrap() {
        let (path, to) = (file.as_ref().unwrap().path(), to.join(file.unwrap().file_name()));
        if path.is_dir() {
            std::fs::create_dir(&to).unwrap();
            copy_with_one_name(&path, &to);
        } else {
            let text = std::fs::read_to_string(path).unwrap();
            let number = |text: String, one: u32| {
                text.replace(&format!("\"payments-{one}\""), "\"payments-1\"")
            };
            std::fs::write(to, (2..=4).fold(text, number)).unwrap();
        }
    }
}

/// Who shares a name is not one: a leg that is denied was once dropped for another of that name.
#[test]
fn each_target_is_decided_about_though_all_have_one_name() {
    let folder = tempfile::tempdir().unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    copy_with_one_name(&root.join("examples/estates/shop"), folder.path());
    let estate = folder.path().to_str().unwrap();
    let rule = "to: [{addresses: [10.10.40.0/24]}], over: [{tcp: 8443}]";
    let answer = asked(rule, estate, ["orders-api-1", "payments-internal", "tcp/8443"]);
    let ways = answer["ways"].as_array().unwrap();
    let to = |way: &Value| way["legs"][0]["to"].as_str().unwrap().to_owned();
    let targets: std::collections::BTreeSet<String> = ways.iter().map(to).collect();
    assert_eq!(targets.len(), 4, "{answer:#}");
    assert!(targets.iter().all(|one| one.starts_with("payments-1 at 10.10.4")), "{targets:?}");
    assert_eq!(answer["decision"], "deny", "{answer:#}");
}

/// "Many-to-one source translation does not end a leg either: the source side decides on the true destination".
#[test]
fn who_is_behind_a_translated_source_is_decided_about_all_the_same() {
    let leg = ["k8s:shop/checkout", "reports", "tcp/443"];
    let sent = asked("to: [{matchLabels: {Name: reports}}], over: [{tcp: 443}]", JOINED, leg);
    assert_eq!(sent["decision"], "allow", "{sent:#}");
    let [way] = &sent["ways"].as_array().unwrap()[..] else { panic!("{sent:#}") };
    let [leg_of] = &way["legs"].as_array().unwrap()[..] else { panic!("{way:#}") };
    assert_eq!((&leg_of["from"], &leg_of["to"]), (&"k8s:shop/checkout".into(), &"reports".into()));
    assert_eq!(leg_of["via"], serde_json::json!([]));
    let elsewhere = "to: [{matchLabels: {Name: orders-db}}], over: [{tcp: 443}]";
    assert_eq!(asked(elsewhere, JOINED, leg)["decision"], "deny");
}

/// "Provider facts are labels under reserved prefixes ...; tags and Kubernetes labels keep their own keys."
#[test]
fn tags_and_labels_keep_their_keys_beside_what_providers_tell() {
    let output = watertight(&["inventory", JOINED, "-f", "json"]);
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let labels = |name: &str| {
        let mut all = told["workloads"].as_array().unwrap().iter();
        all.find(|one| one["name"] == name).unwrap()["labels"].clone()
    };
    let pod = labels("shop/cart");
    for (key, value) in [
        ("app", "cart"),
        ("k8s.namespace", "shop"),
        ("k8s.serviceaccount", "default"),
        ("cloud", "k8s"),
        ("kind", "pod"),
    ] {
        assert_eq!(pod[key], value, "{key}");
    }
    let machine = labels("orders-db");
    for (key, value) in [
        ("Name", "orders-db"),
        ("aws.account", "111111111111"),
        ("aws.vpc", "vpc-000000000000000a1"),
        ("region", "eu-west-1"),
        ("kind", "machine"),
    ] {
        assert_eq!(machine[key], value, "{key}");
    }
}
