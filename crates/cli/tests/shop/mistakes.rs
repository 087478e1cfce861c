//! The mistakes that the shop's README lists, as `watertight assess` finds them.

use std::sync::OnceLock;

use serde_json::Value;

use crate::support::{SHOP, json};

/// The assessment of the shop; it is made once.
fn assessment() -> &'static Value {
    static ASSESSMENT: OnceLock<Value> = OnceLock::new();
    ASSESSMENT.get_or_init(|| json(&["assess", SHOP]))
}

fn list(place: &'static Value) -> &'static [Value] {
    place.as_array().unwrap()
}

/// Whether a value, or anything in it, names `text`.
fn names(value: &Value, text: &str) -> bool {
    match value {
        Value::String(own) => own.contains(text),
        Value::Array(values) => values.iter().any(|one| names(one, text)),
        Value::Object(fields) => fields.values().any(|one| names(one, text)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// The findings of one rule.
fn findings(rule: &'static str) -> impl Iterator<Item = &'static Value> {
    list(&assessment()["findings"]).iter().filter(move |one| one["rule"] == rule)
}

/// Whether a finding of a rule is about a resource.
fn found(rule: &'static str, resource: &str) -> bool {
    findings(rule).any(|one| names(&one["resources"], resource))
}

/// Whether a chain that ends at a jewel goes by all of these, in any order.
fn chain(target: &str, by: &[&str]) -> bool {
    let chains = &assessment()["chains"];
    let listed = ["to_jewels", "various", "listed"].map(|which| list(&chains[which]));
    let mut all = listed.into_iter().flatten();
    all.any(|one| one["target"]["subject"] == target && by.iter().all(|text| names(one, text)))
}

/// Whether taking a rule from a guard is part of what cuts the likely chains.
fn cut(guard: &str, rule: &str) -> bool {
    let actions = list(&assessment()["cut_set"]["actions"]);
    actions.iter().any(|one| names(&one["name"], guard) && names(&one["name"], rule))
}

#[test]
fn mistake_1_the_orders_database_is_open_to_development() {
    assert!(cut("sg-0ffa702721443010a", "tcp/5432 from 10.0.0.0/8"));
    let cells = list(&assessment()["connectivity"]).iter();
    let mut flows = cells.flat_map(|cell| list(&cell["flows"]));
    assert!(flows.any(|flow| names(&flow["from"], "dev-app-1") && flow["to"] == "orders-db"));
}

#[test]
fn mistake_2_two_halves_are_the_world() {
    let desktop = "i-015bb061cd8cc8a6c";
    assert!(found("exposed-administration", desktop));
    let finding = findings("exposed-administration").find(|one| names(one, desktop)).unwrap();
    assert!(names(&finding["text"], "tcp/3389 from internet (IPv4)"), "{finding}");
    assert!(names(&finding["evidence"], "sg-029a4cfea336b1d6f"), "{finding}");
    assert_eq!(finding["severity"], "high");
}

#[test]
fn mistake_4_an_exposed_host_gives_out_a_broad_role_without_a_token() {
    let host = "i-0b2e224a31ba8076a";
    assert!(found("metadata-without-token", host));
    assert!(found("exposed", host));
    assert!(chain("copper-kettle-customers", &[host, "imds-v1", "media-pipeline"]));
}

#[test]
fn mistake_5_one_layer_alone_stands_before_cardholder_data() {
    assert!(found("single-layer", "sg-06a3fc68437209126"));
    assert!(found("single-layer", "acl-0e32b74bfb881231e"));
}

#[test]
fn mistake_7_shared_services_reach_the_data_tier() {
    assert!(cut("sg-0fb33e82f42f5f59f", "tcp/5432 from 10.30.0.0/16"));
}

#[test]
fn mistake_8_a_sandbox_can_become_administrator() {
    assert!(chain("vault-api-1", &["ai-agent-sandbox", "platform-automation"]));
    assert!(chain("customers", &["ai-agent-sandbox", "break-glass-admin"]));
    assert!(cut("ai-agent-sandbox", "platform-automation"));
}

/// The lines of the exposure about one workload, inbound and direct.
fn reached(name: &str) -> Vec<&'static Value> {
    static EXPOSURE: OnceLock<Value> = OnceLock::new();
    let exposure = EXPOSURE.get_or_init(|| json(&["exposure", SHOP]));
    let lines = list(&exposure["exposed"]).iter();
    lines
        .filter(|line| line["direction"] == "inbound" && line["through"].is_null())
        .filter(|line| {
            let workloads = line["workloads"]["workloads"].as_array().unwrap();
            workloads.iter().any(|one| one["name"] == name)
        })
        .collect()
}

/// Whether all of the internet opens connections to a workload over exactly these flows.
fn open_to_the_world(name: &str, flows: &str) -> bool {
    match reached(name).as_slice() {
        [line] => line["internet"]["everywhere"] == true && line["established"]["sure"] == flows,
        _ => false,
    }
}

#[test]
fn mistake_11_a_bucket_and_a_function_are_open_to_the_world() {
    assert!(open_to_the_world("copper-kettle-assets", "tcp/80,443"));
    assert!(open_to_the_world("price-webhook", "tcp/443"));
    assert!(found("exposed", "function:price-webhook"));
    assert!(found("exposed", "copper-kettle-assets"));
    // An origin guard keeps the internet out, and nothing reaches a function without a URL.
    assert!(reached("copper-kettle-logs").is_empty());
    assert!(reached("invoice-mailer").is_empty());
}

#[test]
fn mistake_17_the_clusters_api_is_open_to_the_world() {
    assert!(open_to_the_world("kettle", "tcp/443"));
    assert!(found("exposed", "cluster/kettle"));
}

#[test]
fn mistake_12_a_rule_refers_to_nobody() {
    let diagnostics = list(&assessment()["diagnostics"]).iter();
    let mut warnings = diagnostics.filter(|one| one["severity"] == "warning");
    assert!(warnings.any(|one| one["resource"] == "sg-01daffe93a457a2b5"));
}

#[test]
fn mistake_15_the_default_group_is_in_use() {
    assert!(found("ungoverned", "legacy-cron-1"));
    assert!(found("ungoverned", "legacy-report-1"));
}

#[test]
fn mistake_16_half_a_transit_gateway_loses_replies() {
    let finding = findings("reply-lost").find(|one| names(&one["title"], "dev-app-3")).unwrap();
    assert!(names(&finding["text"], "monitoring-1 over tcp/9100"), "{finding}");
}

#[test]
fn mistake_3_answers_of_the_search_tier_never_come_back() {
    let lost = findings("reply-lost").any(|one| names(one, "search") && names(one, "9200"));
    assert!(lost, "a lost reply of the search tier");
}

#[test]
fn mistake_13_routes_lead_to_a_peering_that_is_gone() {
    assert!(found("route-nowhere", "rtb-08f9bf7deffd3cf3d"));
    assert!(found("route-nowhere", "rtb-03f322388c2ddafce"));
}

#[test]
fn mistake_14_an_open_group_belongs_to_nobody() {
    assert!(found("guard-unused", "sg-0a83d23fc0fa86c1e"));
}

#[test]
fn mistake_18_a_forwarder_cannot_be_read() {
    assert!(found("route-unread", "rtb-0876ced0a6ddc35ce"));
}
