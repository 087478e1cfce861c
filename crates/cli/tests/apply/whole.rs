//! A plan that nothing disturbs.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;
use watertight_live_aws::Way;
use watertight_testkit::aws_server::{Strictness, Trouble, Troubles};

use crate::support::{ACCOUNT, Lab, Mended, key, told, watertight};

#[test]
fn the_plan_of_three_tiers_is_what_it_was() {
    let lab = Lab::plain();
    let out = lab.path("again.plan");
    // The plan names the policy's files as they were given: from the root of the project.
    let (code, _, error) = lab.watertight(&[
        "plan",
        "testdata/plans/tiers/policy.yaml",
        "--estate",
        "testdata/estates/tiers",
        "--at",
        "2026-11-28T09:00:00Z",
        "-o",
        out.to_str().unwrap(),
    ]);
    assert!(code == 0 || code == 2, "{error}");
    let golden = crate::support::root().join("testdata/plans/tiers/change.plan");
    let again = fs::read_to_string(out).unwrap();
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&golden, &again).unwrap();
    }
    assert_eq!(fs::read_to_string(golden).unwrap(), again);
}

#[test]
fn what_is_applied_is_what_was_planned_and_nothing_of_others_is_changed() {
    let lab = Lab::plain();
    let before = lab.server.held();
    let (code, told, error) = lab.run("apply", &[]);
    assert_eq!(code, 0, "{error}");
    assert_eq!(told, "20 of 20 steps applied, 0 of them were so already; 25 writes\n");
    let (before, after) = (place(&before), place(&lab.server.held()));
    for (name, group) in before["groups"].as_object().unwrap() {
        assert_eq!(&after["groups"][name], group, "{name}");
    }
    let plan = lab.plan();
    for group in plan["groups"].as_array().unwrap() {
        let name =
            format!("{}/{}", group["realm"].as_str().unwrap(), group["name"].as_str().unwrap());
        let made = &after["groups"][&name];
        for side in ["ingress", "egress"] {
            let (planned, held) = (group[side].as_array().unwrap(), made[side].as_array().unwrap());
            assert_eq!(planned.len(), held.len(), "{name} {side}");
        }
        assert_eq!(made["tags"]["watertight.io/managed"], "true");
        assert_eq!(made["tags"]["watertight.io/plan"].as_str().unwrap().len(), 32);
    }
    for one in plan["attachments"].as_array().unwrap() {
        let carried = after["interfaces"][one["endpoint"].as_str().unwrap()].as_array().unwrap();
        let named = |group: &Value| {
            carried.iter().any(|one| one.as_str().unwrap().ends_with(group.as_str().unwrap()))
        };
        assert!(one["groups"].as_array().unwrap().iter().all(named), "{one}");
        assert_eq!(carried.len(), one["groups"].as_array().unwrap().len());
    }
    let (code, told, _) = lab.run("apply", &[]);
    assert_eq!(
        (code, told.as_str()),
        (
            0,
            "0 of 20 steps applied, 0 of them were so already; 0 writes; the steps before them were taken earlier\n"
        )
    );
}

#[test]
fn what_is_taken_back_is_as_it_was() {
    let lab = Lab::plain();
    let before = lab.server.held();
    assert_eq!(lab.run("apply", &[]).0, 0);
    assert_ne!(lab.server.held(), before);
    let (code, told, error) = lab.run("rollback", &[]);
    assert_eq!(code, 0, "{error}");
    assert!(told.starts_with("20 of 20 steps taken back"), "{told}");
    assert_eq!(lab.server.held(), before);
    assert_eq!(lab.run("apply", &[]).0, 0, "and it can be applied again");
    assert_eq!(lab.run("rollback", &[]).0, 0);
    assert_eq!(lab.server.held(), before);
}

#[test]
fn a_dry_run_writes_nothing_and_leaves_no_journal() {
    let lab = Lab::plain();
    let before = lab.server.held();
    let (code, told, error) = lab.run("apply", &["--dry-run"]);
    assert_eq!(code, 0, "{error}");
    assert_eq!(told, "20 of 20 steps would be applied\n");
    assert_eq!(error.lines().count(), 20);
    assert_eq!(lab.server.written(), []);
    assert_eq!(lab.server.held(), before);
    assert!(!lab.path("change.plan.journal").exists());
    assert_eq!(lab.run("apply", &[]).0, 0);
    let written = lab.server.written().len();
    let (code, told, _) = lab.run("rollback", &["--dry-run"]);
    assert_eq!((code, told.as_str()), (0, "20 of 20 steps would be taken back\n"));
    assert_eq!(lab.server.written().len(), written);
}

#[test]
fn an_address_that_is_given_goes_before_that_of_the_environment() {
    let lab = Lab::plain();
    let (plan, url) = (lab.path("change.plan"), lab.server.url());
    let arguments = ["apply", plan.to_str().unwrap(), "--endpoint-url", &url];
    let (code, _, error) = told(&watertight(&arguments, "http://127.0.0.1:9", &key()));
    assert_eq!(code, 0, "{error}");
    assert_eq!(lab.server.written().len(), 25);
}

#[test]
fn throttles_faults_and_late_lists_change_nothing_about_where_it_ends() {
    let plain = Lab::plain();
    plain.take(Way::Apply).unwrap();
    let first = vec![Trouble::Throttle(1), Trouble::Cut, Trouble::Fault];
    let troubles = Troubles { first, every: 2, page_size: Some(1), ..Troubles::default() };
    let lab = Lab::new(troubles, Strictness { unseen: 3, ..Strictness::default() });
    let before = lab.server.held();
    let applied = lab.take_with(Way::Apply, 8).unwrap();
    assert_eq!((applied.taken, applied.found_so), (20, 0));
    assert_eq!(lab.server.held(), plain.server.held());
    lab.take_with(Way::Rollback, 8).unwrap();
    assert_eq!(lab.server.held(), before);
}

#[test]
fn every_write_is_one_that_the_printed_policy_permits() {
    let lab = Lab::plain();
    assert_eq!(lab.run("apply", &[]).0, 0);
    assert_eq!(lab.run("rollback", &[]).0, 0);
    let (code, printed, _) = lab.watertight(&["apply", "--print-iam-policy"]);
    assert_eq!(code, 0);
    let policy: Value = serde_json::from_str(&printed).unwrap();
    let mut permitted = BTreeSet::new();
    for statement in policy["Statement"].as_array().unwrap() {
        match &statement["Action"] {
            Value::Array(actions) => {
                permitted.extend(actions.iter().map(|one| one.as_str().unwrap()));
            }
            action => {
                permitted.insert(action.as_str().unwrap());
            }
        }
    }
    let written: BTreeSet<String> = lab
        .server
        .written()
        .into_iter()
        .map(|one| format!("{}:{}", one.service, one.action))
        .collect();
    assert!(written.len() >= 6, "{written:?}");
    for action in &written {
        assert!(permitted.contains(action.as_str()), "{action}");
    }
}

fn place(held: &Value) -> Value {
    held[format!("{ACCOUNT}/eu-central-1")].clone()
}

/// What `apply` put in place goes over to Terraform with nothing made anew, as far as it stays: groups,
/// each rule by its own id, and what is carried.
#[test]
fn what_is_in_place_goes_over_to_terraform_and_what_is_beside_it_is_taken_off() {
    let lab = Lab::drifted(&Mended::new(), Strictness::default());
    let (code, text, error) = lab.run("show", &["-f", "terraform"]);
    assert_eq!(code, 0, "{error}");
    assert!(!error.contains("do not tell their ids"), "{error}");
    let file: Value = serde_json::from_str(&text).unwrap();
    let imports = file["import"].as_array().unwrap();
    let of = |kind: &str, start: &str| {
        let own = imports.iter().filter(|one| one["to"].as_str().unwrap().starts_with(kind));
        own.filter(|one| one["id"].as_str().unwrap().starts_with(start)).count()
    };
    let rules = of("aws_vpc_security_group_ingress_rule.", "sgr-")
        + of("aws_vpc_security_group_egress_rule.", "sgr-");
    let count = |kind: &str| file["resource"][kind].as_object().unwrap().len();
    assert_eq!(of("aws_security_group.", "sg-"), count("aws_security_group"));
    let attachments = "aws_network_interface_sg_attachment";
    assert_eq!(of(&format!("{attachments}."), "sg-"), count(attachments));
    // One rule was taken off by hand: that one is made.
    let wanted =
        count("aws_vpc_security_group_ingress_rule") + count("aws_vpc_security_group_egress_rule");
    assert_eq!(rules + 1, wanted, "{imports:#?}");
    // Two groups have a rule beside them.
    assert_eq!(count("aws_vpc_security_group_rules_exclusive"), 2);
    assert_eq!(file["terraform"]["required_providers"]["aws"]["version"], ">= 6.29.0");
}
