//! What assertions claim of an estate, how far they follow, and what they say where they do not hold.

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::{PLAN, gate, root};

const JOINED: &str = "crates/cli/tests/estates/joined";
const SHOP: &str = "examples/estates/shop";
/// What excuses what is broken in the shop today.
const EXCUSED: &str = "examples/plans/shop/exceptions.yaml";

fn assertion(name: &str, spec: &str) -> String {
    format!(
        "apiVersion: watertight.io/v1alpha1\nkind: Assertion\nmetadata: {{name: {name}}}\n\
         spec: {{{spec}}}\n---\n"
    )
}

/// What the gate finds about a policy in an estate as it is.
fn judged(policy: &str, estate: &str) -> Vec<Value> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("assertions.yaml");
    fs::write(&file, policy).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_watertight"))
        .args(["gate", file.to_str().unwrap(), "--estate", estate, "-f", "json"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(!output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let findings = found["findings"].as_array().unwrap().clone();
    assert_eq!(output.status.code(), Some(if findings.is_empty() { 0 } else { 2 }));
    findings
}

/// What is said about an assertion of this name; nothing where it holds.
fn said<'f>(found: &'f [Value], name: &str) -> Option<(&'f str, Vec<&'f str>)> {
    let own = format!("the assertion {name} ");
    let of = |one: &'f Value| Some((one["message"].as_str()?.strip_prefix(&own)?, one));
    let (how, one) = found.iter().find_map(of)?;
    let details = one["details"].as_array().unwrap().iter();
    Some((how, details.map(|line| line.as_str().unwrap()).collect()))
}

/// The names of those who accept a connection, hop by hop.
fn ends<'w>(witness: &[&'w str]) -> Vec<&'w str> {
    let accepts = |hop: &&'w str| hop.split(" (").last()?.split(')').next();
    witness.iter().filter_map(accepts).collect()
}

const BREAKS: &str = "does not hold";
const DOUBT: &str = "is not known to hold";

/// "`reach: direct | front | any` (default front: through fronts, not through compromised workloads; any is
/// transitive)".
#[test]
fn an_assertion_follows_fronts_and_on_request_whoever_is_compromised() {
    let to_web =
        "from: [internet], to: [{matchLabels: {app: web, kind: machine}}], over: [{tcp: 8080}]";
    let to_data =
        "from: [internet], to: [{matchLabels: {app: orders, kind: database}}], over: [{tcp: 5432}]";
    let mut policy = String::new();
    for (whom, claim) in [("web", to_web), ("data", to_data)] {
        for (how, reach) in [
            ("direct", ", reach: direct"),
            ("default", ""),
            ("front", ", reach: front"),
            ("any", ", reach: any"),
        ] {
            policy += &assertion(&format!("{whom}-{how}"), &format!("never: {{{claim}}}{reach}"));
        }
    }
    let found = judged(&policy, SHOP);
    assert_eq!((said(&found, "web-direct"), said(&found, "data-direct")), (None, None));
    for through_fronts in ["web-default", "web-front", "web-any"] {
        let (how, witness) = said(&found, through_fronts).unwrap();
        assert_eq!(how, BREAKS);
        let ends = ends(&witness);
        assert!(ends[0] == "copper-kettle-web" && ends[1].starts_with("web-"), "{witness:?}");
    }
    assert_eq!((said(&found, "data-default"), said(&found, "data-front")), (None, None));
    let (how, witness) = said(&found, "data-any").unwrap();
    assert_eq!((how, witness.len()), (BREAKS, 3));
    assert!(
        ends(&witness)[1].starts_with("web-") && ends(&witness)[2] == "orders-db",
        "{witness:?}"
    );
}

/// "A failing one prints a witness: a concrete flow and its path": each hop with its two ends, port and all.
#[test]
fn an_assertion_that_fails_shows_one_flow_hop_by_hop() {
    let claim =
        "from: [internet], to: [{matchLabels: {app: web, kind: machine}}], over: [{tcp: 8080}]";
    let found = judged(&assertion("closed", &format!("never: {{{claim}}}")), SHOP);
    let (_, witness) = said(&found, "closed").unwrap();
    let [to_front, from_front] = witness[..] else { panic!("{witness:?}") };
    assert!(to_front.contains(" on the internet -> 203.0.113.10"), "{to_front}");
    assert!(to_front.contains("(copper-kettle-web) over tcp/443 from 1024"), "{to_front}");
    assert!(from_front.starts_with("10.10.") && from_front.contains(" copper-kettle-web (eni-"));
    assert!(from_front.ends_with(") over tcp/8080 from 1024"), "{from_front}");
}

/// "All fail on `unknown` and name what is missing": each claim about a pod of which nobody knows on which node
/// it runs.
#[test]
fn every_claim_that_is_not_known_to_hold_fails_and_names_what_is_missing() {
    let (pod, data) = ("{matchLabels: {app: planned}}", "{matchLabels: {Name: orders-db}}");
    let others =
        "{matchExpressions: [{key: app, operator: NotIn, values: [planned, elsewhere, stale]}]}";
    let any = "{matchLabels: {cloud: k8s}}";
    let over = "over: [{tcp: 5432}]";
    let policy = [
        assertion("never", &format!("never: {{from: [{pod}], to: [{data}], {over}}}")),
        assertion("always", &format!("always: {{from: [{pod}], to: [{data}], {over}}}")),
        assertion("only-from", &format!("onlyFrom: {{from: [{others}], to: [{data}], {over}}}")),
        // The pods of the cluster it may reach.
        assertion("only-to", &format!("onlyTo: {{from: [{pod}], to: [{any}], {over}}}")),
    ];
    let found = judged(&policy.concat(), JOINED);
    assert_eq!(found.len(), policy.len(), "{found:#?}");
    for name in ["never", "always", "only-from", "only-to"] {
        let (how, details) = said(&found, name).unwrap();
        assert_eq!(how, DOUBT, "{name}");
        let missing = "not known: a node of kettle forwards in a way that cannot be read";
        assert!(details.contains(&missing), "{name}: {details:?}");
    }
}

/// "and proposed changes in CI": what holds today and not with a change is told with the change that breaks it.
#[test]
fn a_proposed_change_that_breaks_an_assertion_is_stopped_at_what_does() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("assertions.yaml");
    let (web, vault) =
        ("{matchLabels: {app: web, kind: machine}}", "{matchLabels: {app: vault, kind: database}}");
    let claim =
        |port: u16| format!("never: {{from: [{web}], to: [{vault}], over: [{{tcp: {port}}}]}}");
    fs::write(&file, assertion("closed", &claim(5432)) + &assertion("other", &claim(22))).unwrap();
    let file = file.to_str().unwrap();
    let (code, today) = gate(&[file, EXCUSED]);
    assert_eq!(code, 0, "{today}");
    let (code, text) = gate(&[file, EXCUSED, "--terraform-plan", PLAN, "-f", "json"]);
    assert_eq!(code, 2);
    let found: Value = serde_json::from_str(&text).unwrap();
    let found = found["findings"].as_array().unwrap();
    let broken: Vec<&Value> = found.iter().filter(|one| one["code"] == "WT0912").collect();
    let [broken] = broken[..] else { panic!("{found:#?}") };
    assert_eq!(broken["message"], "the assertion closed does not hold any more");
    let addresses = broken["changes"].as_array().unwrap().iter().map(|one| &one["address"]);
    assert_eq!(
        addresses.collect::<Vec<_>>(),
        ["aws_vpc_security_group_ingress_rule.vault_db_from_web"]
    );
}

/// The same of who is meant: a network knows of no names, people and services.
#[test]
fn ends_that_no_network_knows_are_named() {
    let data = "{matchLabels: {app: orders, kind: database}}";
    let users = "apiVersion: watertight.io/v1alpha1\nkind: Users\nmetadata: {name: staff}\n\
                 spec: {groups: [staff]}\n---\n";
    let policy = [
        users.to_owned(),
        assertion("people", &format!("never: {{from: [{{users: [staff]}}], to: [{data}]}}")),
        assertion(
            "names",
            &format!("always: {{from: [{data}], to: [{{domains: [example.com]}}]}}"),
        ),
        assertion("services", &format!("never: {{from: [{data}], to: [{{provider: [aws.s3]}}]}}")),
    ];
    let found = judged(&policy.concat(), SHOP);
    for (name, missing) in [
        ("people", "not known: which addresses whoever is of the users staff has"),
        ("names", "not known: which addresses the name example.com has"),
        ("services", "not known: which addresses the service aws.s3 has"),
    ] {
        let (how, details) = said(&found, name).unwrap();
        assert!(how == DOUBT && details.contains(&missing), "{name}: {how}: {details:?}");
    }
}
