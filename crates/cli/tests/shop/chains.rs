//! The mistakes of the shop's README that chains of hops show, as `watertight assess` tells them.

use std::sync::OnceLock;

use serde_json::Value;
use watertight_assess::Variant;

use crate::support::{SHOP, hops, json, shop};

/// The assessment of the shop; it is made once.
fn assessment() -> &'static Value {
    static ASSESSMENT: OnceLock<Value> = OnceLock::new();
    ASSESSMENT.get_or_init(|| json(&["assess", SHOP]))
}

fn list(place: &'static Value) -> &'static [Value] {
    place.as_array().unwrap()
}

fn findings(rule: &'static str) -> impl Iterator<Item = &'static Value> {
    list(&assessment()["findings"]).iter().filter(move |one| one["rule"] == rule)
}

/// What a chain gains, in order.
fn gained(chain: &Value) -> Vec<&str> {
    let hops = chain["hops"].as_array().unwrap();
    hops.iter().map(|hop| hop["conclusion"]["subject"].as_str().unwrap()).collect()
}

#[test]
fn mistake_6_payments_are_reached_without_their_front() {
    let finding = findings("front-bypassed")
        .find(|one| one["title"].as_str().unwrap().starts_with("payments-internal"))
        .expect("a finding about payments-internal");
    let text = finding["text"].as_str().unwrap();
    assert!(text.contains("web"), "{text}");
    assert!(text.contains("tcp/8443"), "{text}");
    let evidence = finding["evidence"].as_array().unwrap();
    assert!(evidence.iter().any(|one| one["resource"] == "sg-0bb640583b553cc14"), "{finding}");
}

#[test]
fn mistake_9_a_build_role_of_development_deploys_to_production() {
    let chains = list(&assessment()["chains"]["various"]).iter();
    let mut deploying = chains.filter(|chain| {
        chain["entry"].as_str().unwrap().starts_with("dev-build") && {
            let gained = gained(chain);
            gained.contains(&"dev-ci") && gained.contains(&"deployer")
        }
    });
    let chain = deploying.next().expect("a chain from the build machine over the deployer");
    assert_eq!(chain["target"]["jewel"], true);
    let finding = findings("credential-path")
        .find(|one| one["title"].as_str().unwrap().contains("credential dev-ci"))
        .expect("a finding about the build role");
    assert!(finding["text"].as_str().unwrap().contains("deployer"), "{finding}");
    assert_eq!(finding["severity"], "high");
}

#[test]
fn mistake_10_a_function_may_read_the_password_of_the_database() {
    let secret = "prod/orders-db/master";
    let chains = list(&assessment()["chains"]["various"]).iter();
    let mut opening = chains.filter(|chain| {
        let gained = gained(chain);
        chain["target"]["subject"] == "orders-db"
            && gained.contains(&"order-events")
            && gained.iter().any(|one| one.starts_with(secret))
    });
    let chain = opening.next().expect("a chain over the password");
    let last = chain["hops"].as_array().unwrap().last().unwrap();
    assert_eq!((&last["kind"], &last["variant"]), (&"datanet".into(), &"with-key".into()));
    let mut titles = findings("credential-path").map(|one| one["title"].as_str().unwrap());
    assert!(titles.any(|title| title.contains("order-events") && title.contains("orders-db")));
}

/// The hops of a chain as kind and what they gain.
fn gains(chain: &Value) -> Vec<(&str, &str)> {
    let hops = chain["hops"].as_array().unwrap().iter();
    hops.map(|hop| (hop["kind"].as_str().unwrap(), hop["conclusion"]["subject"].as_str().unwrap()))
        .collect()
}

#[test]
fn mistake_21_a_pod_behind_the_load_balancer_reads_every_bucket() {
    let chains = list(&assessment()["chains"]["to_jewels"]).iter();
    let mut through = chains.filter(|chain| {
        let hops = gains(chain);
        chain["entry"] == "internet"
            && hops.contains(&("front", "shop/recommendations"))
            && hops.contains(&("token", "kettle-recommendations"))
    });
    let chain = through.next().expect("a chain over the pod and its role");
    assert_eq!(chain["target"]["subject"], "copper-kettle-customers");
    let hops = chain["hops"].as_array().unwrap();
    let token = hops.iter().find(|hop| hop["kind"] == "token").unwrap();
    assert_eq!(token["sure"], true, "{token}");
}

#[test]
fn mistakes_22_and_23_pods_take_their_nodes_and_these_their_pods() {
    let estate = shop();
    let derived = hops(&estate);
    let graph = &derived.graph;
    let leads = |variant: Variant, from: &str, to: &str| {
        graph.hops().iter().any(|hop| {
            hop.variant == variant
                && hop.premises.iter().any(|one| graph.name(one.subject) == from)
                && graph.name(hop.conclusion.subject) == to
        })
    };
    let nodes = "eks-kettle-workers";
    assert!(leads(Variant::NodeToPod, nodes, "shop/checkout"));
    assert!(leads(Variant::NodeFromPod, "ops/log-agent", nodes));
    assert!(leads(Variant::NodeFromPod, "ops/image-builder", nodes));
    assert!(leads(Variant::NodeFromPod, "kube-system/kube-proxy", nodes));
    assert!(!leads(Variant::NodeFromPod, "shop/recommendations", nodes));
    // Hop limit 2: who no policy keeps from the metadata service has the nodes' role.
    assert!(leads(Variant::MetaImdsV2, "shop/recommendations", "eks-node"));
    assert!(leads(Variant::MetaImdsV2, "kube-system/aws-node", "eks-node"));
    assert!(!leads(Variant::MetaImdsV2, "shop/checkout", "eks-node"));
    assert!(leads(Variant::TokenMounted, "shop/checkout", "shop/checkout"));
    assert!(leads(Variant::TokenMounted, "shop/checkout", "kettle-checkout"));
    assert!(!leads(Variant::TokenMounted, "shop/cart", "kettle-checkout"));
}
