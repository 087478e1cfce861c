//! `quarantine`: one workload cut off, kept so by every later plan, and released again.

use std::fs;

use serde_json::Value;
use watertight_live_aws::Way;
use watertight_testkit::aws_server::{Lost, Strictness, Troubles};

use crate::support::{ACCOUNT, Lab, estate, policy};

const WEB: &str = "eni-0000000000000c001";

/// What an interface carries.
fn carried<'h>(held: &'h Value, interface: &str) -> Vec<&'h str> {
    let all = &held[format!("{ACCOUNT}/eu-central-1")]["interfaces"][interface];
    all.as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect()
}

/// A server with the plan that puts `web-1` into quarantine without a policy.
fn lab(strictness: Strictness) -> Lab {
    let lab = Lab::new(Troubles::default(), strictness);
    let (plan, estate) = (lab.path("change.plan"), estate());
    let (code, told, error) = lab.watertight(&[
        "quarantine",
        "web-1",
        "--estate",
        estate.to_str().unwrap(),
        "--at",
        "2026-11-28T00:00:00Z",
        "-o",
        plan.to_str().unwrap(),
    ]);
    assert_eq!(code, 0, "{error}");
    assert!(told.contains("watertight.io/quarantine: \"yes\""), "{told}");
    lab
}

fn collect(lab: &Lab) -> String {
    let estate = lab.path("estate").to_str().unwrap().to_owned();
    let (code, _, error) =
        lab.watertight(&["collect", "aws", "--region", "eu-central-1", "-o", &estate]);
    assert!(code == 0 || code == 2, "{error}");
    estate
}

#[test]
fn a_workload_in_quarantine_reaches_nobody_and_is_reached_by_nobody_until_it_is_released() {
    let lab = lab(Strictness::default());
    let before = lab.server.held();
    lab.take(Way::Apply).unwrap();
    let after = lab.server.held();
    let own = carried(&after, WEB);
    assert!(own.len() == 1 && own[0].contains("/quarantine/"), "{own:?}");
    for other in ["eni-0000000000000c002", "eni-0000000000000c006"] {
        assert_eq!(carried(&after, other), carried(&before, other), "others are left alone");
    }
    let estate = collect(&lab);
    for (from, to) in [("web-1", "app-1"), ("app-1", "web-1"), ("web-2", "web-1")] {
        let (code, told, _) = lab.watertight(&["can", &estate, "--from", from, "--to", to]);
        assert_eq!(code, 2, "{told}");
        assert!(told.contains("denied") && !told.contains("accepted"), "{told}");
    }
    let (code, told, _) = lab.watertight(&["can", &estate, "--from", "web-2", "--to", "app-1"]);
    assert_eq!(code, 0, "{told}");
    lab.take(Way::Rollback).unwrap();
    assert_eq!(lab.server.held(), before);
}

#[test]
fn the_plan_tells_what_becomes_of_live_connections_and_what_would_cut_them() {
    let plan = lab(Strictness::default()).plan();
    let notes: Vec<&str> =
        plan["notes"].as_array().unwrap().iter().map(|note| note.as_str().unwrap()).collect();
    let all = notes.join("\n");
    for wanted in [
        "connections that are established and tracked go on",
        "stop the machine, or detach eni-0000000000000c001",
        "deny 10.40.1.11/32 as the first entries, in and out",
        "What stays within subnet-0000000000000c001, and what comes from outside",
        "acl-0000000000000c001: in before 100, with 1 of 20 entries; out before 100",
    ] {
        assert!(all.contains(wanted), "{wanted}: {all}");
    }
}

/// What sees no connections ends those that are there: the edges of all other subnets refuse the workload.
#[test]
fn with_cut_live_connections_end_at_the_edges_of_other_subnets_until_it_is_released() {
    let lab = Lab::plain();
    let before = lab.server.held();
    let estate = estate();
    let out = lab.path("change.plan");
    let (estate, out) = (estate.to_str().unwrap(), out.to_str().unwrap());
    let (code, told, error) =
        lab.watertight(&["quarantine", "web-1", "--cut", "--estate", estate, "-o", out]);
    assert_eq!(code, 0, "{told}{error}");
    assert!(told.contains("are cut there"), "{told}");
    let plan = lab.plan();
    let edges = plan["edges"].as_array().unwrap();
    assert_eq!(edges.len(), 1, "{edges:#?}");
    assert_eq!(
        edges[0]["subnets"],
        serde_json::json!(["subnet-0000000000000c002", "subnet-0000000000000c003"])
    );
    let denied = serde_json::json!([{"peer": "10.40.1.11/32", "over": "all"}]);
    assert_eq!((&edges[0]["ingress"], &edges[0]["egress"]), (&denied, &denied));
    lab.take(Way::Apply).unwrap();
    // The subnets are given back by a plan that does not cut, and nothing else is different.
    let after = collect(&lab);
    let later = lab.path("later.plan");
    let (code, told, error) =
        lab.watertight(&["quarantine", "web-1", "--estate", &after, "-o", later.to_str().unwrap()]);
    assert_eq!(code, 0, "{told}{error}");
    let later: Value = serde_json::from_slice(&fs::read(later).unwrap()).unwrap();
    let steps = later["steps"].as_array().unwrap();
    assert_eq!(steps.len(), 2, "{steps:#?}");
    assert!(steps.iter().all(|step| step["action"]["do"] == "set-edge"), "{steps:#?}");
    lab.take(Way::Rollback).unwrap();
    assert_eq!(lab.server.held(), before);
}

#[test]
fn a_quarantine_that_is_killed_anywhere_is_resumed_and_taken_back() {
    let whole = lab(Strictness::default());
    let before = whole.server.held();
    let asked = whole.server.requests();
    whole.take(Way::Apply).unwrap();
    let (count, after) = (whole.server.requests() - asked, whole.server.held());
    assert!(count > 10, "{count}");
    let plan = fs::read(whole.path("change.plan")).unwrap();
    for stop in 0..count {
        for lost in [Lost::Request, Lost::Answer] {
            let strictness = Strictness { unseen: stop % 2 * 2, ..Strictness::default() };
            let lab = Lab::new(Troubles::default(), strictness);
            fs::write(lab.path("change.plan"), &plan).unwrap();
            lab.server.stop_after(Some((stop, lost)));
            assert!(lab.take(Way::Apply).is_err(), "{stop}");
            lab.server.stop_after(None);
            lab.take(Way::Apply).unwrap_or_else(|error| panic!("{stop} {lost:?}: {error}"));
            assert_eq!(lab.server.held(), after, "{stop} {lost:?}");
            lab.take(Way::Rollback).unwrap_or_else(|error| panic!("{stop} {lost:?}: {error}"));
            assert_eq!(lab.server.held(), before, "{stop} {lost:?}");
        }
    }
}

/// The document beside the policy keeps the workload where it is; without it, it is released.
#[test]
fn later_plans_keep_the_quarantine_as_long_as_the_document_is_there() {
    let lab = Lab::plain();
    lab.take(Way::Apply).unwrap();
    fs::remove_file(lab.path("change.plan.journal")).unwrap();
    let policies = lab.path("policies");
    fs::create_dir(&policies).unwrap();
    fs::copy(policy(), policies.join("tiers.yaml")).unwrap();
    let (estate, labels) = (collect(&lab), policies.join("web-1.yaml"));
    let (policies, plan) = (policies.to_str().unwrap(), lab.path("change.plan"));
    let plan = plan.to_str().unwrap();
    let quarantine = ["quarantine", "web-1", policies, "--estate", &estate, "-o", plan];
    let with_labels = [&quarantine[..], &["--labels", labels.to_str().unwrap()]].concat();
    let (code, told, error) = lab.watertight(&with_labels);
    assert_eq!(code, 0, "{told}{error}");
    let steps = lab.plan()["steps"].as_array().unwrap().len();
    assert_eq!(steps, 4, "{told}");
    lab.take(Way::Apply).unwrap();
    let estate = collect(&lab);
    let again = ["plan", policies, "--estate", &estate];
    let (_, told, error) = lab.watertight(&again);
    assert!(told.starts_with("Nothing to do"), "{told}{error}");
    let (code, told, error) =
        lab.watertight(&["quarantine", "web-1", policies, "--estate", &estate]);
    assert_eq!(code, 0, "{error}");
    assert!(told.contains("The policy keeps it in quarantine already."), "{told}");
    fs::remove_file(&labels).unwrap();
    let (_, told, _) = lab.watertight(&again);
    let mut lines = told.lines().filter(|line| line.contains(WEB));
    let back =
        lines.any(|line| line.ends_with(" -> watertight/vpc-0000000000000c001/web/e0118e38"));
    assert!(back, "{told}");
}

#[test]
fn a_workload_that_cannot_be_held_is_told_with_its_reason() {
    let lab = Lab::plain();
    let shop = "examples/estates/shop";
    let (code, told, error) = lab.watertight(&["quarantine", "shop/checkout", "--estate", shop]);
    assert_eq!(code, 2, "{error}");
    assert!(told.contains("shop/checkout cannot be held: it has no interface"), "{told}");
    let (code, _, error) = lab.watertight(&["quarantine", "nobody", "--estate", shop]);
    assert_eq!(code, 3);
    assert!(error.contains("no workload is called `nobody`"), "{error}");
}
