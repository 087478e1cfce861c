//! Tasks of container services, whose groups are set with a deployment that replaces them, and functions, which
//! use other interfaces with other groups.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;
use watertight_live_aws::Way;
use watertight_testkit::aws_server::{Strictness, Troubles};

use crate::support::{ACCOUNT, Lab, killed_anywhere, root, slow_comes_to_the_same};

const POLICY: &str = "testdata/plans/serverless/policy.yaml";
const ESTATE: &str = "testdata/estates/serverless";
const AT: &str = "2026-11-28T09:00:00Z";
const UPDATE: &str = "AmazonEC2ContainerServiceV20141113.UpdateService";

/// Services that are about what they were asked for a while, behind lists that are late.
const SLOW: Strictness =
    Strictness { rules_max: 60, groups_max: 5, unseen: 1, busy: 4, fails: false };

fn lab(strictness: Strictness) -> Lab {
    Lab::of("serverless", Troubles::default(), strictness)
}

fn plain() -> Lab {
    lab(Strictness::default())
}

fn place(held: &Value) -> &Value {
    &held[format!("{ACCOUNT}/eu-central-1")]
}

/// A plan over an estate, as JSON.
fn planned(lab: &Lab, estate: &str) -> Value {
    let (code, plan, error) =
        lab.watertight(&["plan", POLICY, "--estate", estate, "--at", AT, "-f", "json"]);
    assert_eq!(code, 2, "{error}");
    serde_json::from_str(&plan).unwrap()
}

fn collected(lab: &Lab) -> String {
    let estate = lab.path("estate");
    let estate = estate.to_str().unwrap().to_owned();
    let (code, _, error) =
        lab.watertight(&["collect", "aws", "--region", "eu-central-1", "-o", &estate]);
    assert!(code == 0 || code == 2, "{error}");
    estate
}

#[test]
fn the_plan_of_what_has_no_machines_is_what_it_was() {
    let lab = Lab::plain();
    let out = lab.path("again.plan");
    let arguments = ["plan", POLICY, "--estate", ESTATE, "--at", AT, "-o", out.to_str().unwrap()];
    let (code, told, error) = lab.watertight(&arguments);
    assert_eq!(code, 2, "{error}");
    let again = fs::read_to_string(out).unwrap();
    let golden = root().join("testdata/plans/serverless/change.plan");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&golden, &again).unwrap();
    }
    assert_eq!(fs::read_to_string(golden).unwrap(), again);
    let note = "service/shop/orders: 10.60.1.31/32 is a part of where it may be then, and holds an address that \
                it has now: a rule of sg-0000000000000e001 may mean something else of it afterwards";
    assert!(told.contains(note), "{told}");
}

#[test]
fn what_no_call_can_give_groups_is_named_with_the_reason() {
    let plan = plain().plan();
    let unheld = plan["unheld"].as_array().unwrap();
    let why = |name: &str| {
        let one = unheld.iter().find(|one| one["workload"].as_str().unwrap().starts_with(name));
        one.map(|one| one["why"].as_str().unwrap().to_owned()).unwrap_or_default()
    };
    assert!(why("blue/").starts_with("AWS CodeDeploy deploys its service"), "{unheld:#?}");
    assert!(
        why("report/").starts_with("no service that the input holds has made it"),
        "{unheld:#?}"
    );
    assert!(why("dated").starts_with("an alias of it leads to a published version"), "{unheld:#?}");
    assert_eq!(why("orders/") + &why("mail/") + &why("hook") + &why("bill"), "");
}

/// What rests on addresses of tasks would not be so any more: their services are read, and not their interfaces.
#[test]
fn a_plan_reads_services_and_no_interfaces_of_tasks() {
    let plan = plain().plan();
    let reads = plan["reads"].as_array().unwrap();
    let of =
        |id: &str| reads.iter().filter(|read| read["id"].as_str().unwrap().contains(id)).count();
    assert_eq!((of("service/shop/orders"), of("service/shop/mail")), (1, 1));
    assert_eq!(of("eni-0000000000000e010") + of("eni-0000000000000e012"), 0);
    let orders = reads.iter().find(|read| read["id"].as_str().unwrap().ends_with("shop/orders"));
    assert_eq!(orders.unwrap()["facts"]["subnets"].as_array().unwrap().len(), 2);
}

#[test]
fn all_tasks_of_a_service_are_replaced_and_new_ones_are_made_the_same_way() {
    let lab = plain();
    let before = lab.server.held();
    let steps = lab.plan()["steps"].as_array().unwrap().clone();
    lab.take(Way::Apply).unwrap();
    let held = lab.server.held();
    for name in ["orders", "mail"] {
        let action =
            &steps.iter().rev().map(|step| &step["action"]).find(|action| {
                action["through"]["id"].as_str().is_some_and(|id| id.ends_with(name))
            });
        let wanted: BTreeSet<&str> = action.unwrap()["to"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one.as_str().unwrap())
            .collect();
        let own = &place(&held)["tasks"][name];
        let (old, new) = (&place(&before)["tasks"][name], own);
        for key in ["subnets", "public"] {
            assert_eq!(old[key], new[key], "{name}: all else is given again");
        }
        for carried in own["tasks"].as_array().unwrap().iter().chain([&own["groups"]]) {
            let carried = carried.as_array().unwrap().iter();
            let carried = carried.filter_map(|one| one.as_str().unwrap().split_once('/'));
            assert_eq!(carried.map(|(_, name)| name).collect::<BTreeSet<_>>(), wanted, "{name}");
        }
    }
    let untouched = |held: &Value| {
        [place(held)["tasks"]["blue"].clone(), place(held)["functions"]["dated"].clone()]
    };
    assert_eq!(untouched(&held), untouched(&before));
    // Two functions that shared an interface have one each.
    let functions = &place(&held)["functions"];
    assert_ne!(functions["hook"]["groups"], functions["bill"]["groups"]);
    for (name, segment) in [("hook", "/hooks/"), ("bill", "/bills/")] {
        let own = &functions[name];
        let groups = own["groups"].as_array().unwrap();
        assert!(groups.len() == 1 && groups[0].as_str().unwrap().contains(segment), "{own}");
        assert_eq!(own["attached"], true);
        for key in ["subnets", "dual"] {
            assert_eq!(
                own[key],
                place(&before)["functions"][name][key],
                "{name}: all else is given again"
            );
        }
    }
    // At other addresses the policy means the same, and what was promised of the old ones holds.
    let estate = collected(&lab);
    let again = planned(&lab, &estate);
    assert_eq!(again["steps"], json!([]));
    let names = |plan: &Value| -> BTreeSet<String> {
        let groups = plan["groups"].as_array().unwrap().iter();
        groups.map(|one| one["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&again), names(&lab.plan()));
    for owner in again["owners"].as_array().unwrap() {
        assert_eq!(owner["holds"], "already", "{owner:#}");
    }
    let (_, told, error) = lab.watertight(&["drift", POLICY, "--estate", &estate]);
    assert!(told.starts_with("No drift"), "{told}{error}");
    lab.take(Way::Rollback).unwrap();
    assert_eq!(lab.server.held(), before);
}

#[test]
fn deployments_that_take_their_time_come_to_the_same_and_are_taken_back() {
    slow_comes_to_the_same("serverless", SLOW);
}

#[test]
fn a_deployment_that_fails_and_is_rolled_back_stops_the_plan_and_is_not_tried_again() {
    let lab = lab(Strictness { busy: 3, fails: true, ..Strictness::default() });
    let before = lab.server.held();
    let error = lab.take(Way::Apply).unwrap_err().to_string();
    assert!(error.contains("its service was about it and went back"), "{error}");
    let asked = ["UpdateService", "UpdateFunctionConfiguration"];
    let written = lab.server.written();
    let asked = written.iter().filter(|one| asked.contains(&one.action.as_str()));
    assert_eq!(asked.count(), 1);
    lab.take(Way::Rollback).unwrap();
    assert_eq!(lab.server.held(), before);
}

fn by_hand(lab: &Lab, service: &str, subnets: &[&str], groups: &[&str]) {
    let body = json!({"cluster": "shop", "service": service, "networkConfiguration": {
        "awsvpcConfiguration": {"subnets": subnets, "securityGroups": groups, "assignPublicIp": "DISABLED"},
    }});
    lab.by_hand_as("ecs", UPDATE, &body.to_string());
}

#[test]
fn a_service_that_somebody_configured_otherwise_is_refused_and_left_alone() {
    let both = ["subnet-0000000000000e001", "subnet-0000000000000e002"];
    for (subnets, groups, told) in [
        (
            &both[..],
            "sg-0000000000000e003",
            "groups; gone sg-0000000000000e002; new sg-0000000000000e003",
        ),
        (&both[..1], "sg-0000000000000e002", "subnets; gone subnet-0000000000000e002"),
    ] {
        let lab = plain();
        by_hand(&lab, "orders", subnets, &[groups]);
        let (code, _, error) = lab.run("apply", &[]);
        assert_eq!(code, 2, "{error}");
        assert!(error.contains(told), "{error}");
        assert_eq!(lab.server.written().len(), 1, "only what was done by hand");
    }
    // Tasks that were replaced in between are nothing that a plan rests on.
    let lab = plain();
    by_hand(&lab, "orders", &both, &["sg-0000000000000e002"]);
    let (code, _, error) = lab.run("apply", &[]);
    assert_eq!(code, 0, "{error}");
}

#[test]
fn the_printed_policy_permits_deployments_where_a_plan_needs_them_alone() {
    let lab = plain();
    let printed =
        |plan: &Path| lab.watertight(&["apply", plan.to_str().unwrap(), "--print-iam-policy"]).1;
    let own = printed(&lab.path("change.plan"));
    for action in [
        "ecs:UpdateService",
        "ecs:DescribeServices",
        "lambda:UpdateFunctionConfiguration",
        "lambda:GetFunctionConfiguration",
        "ec2:DescribeSubnets",
    ] {
        assert!(own.contains(action), "{action}: {own}");
    }
    let others = printed(&root().join("testdata/plans/services/change.plan"));
    assert!(!others.contains("ecs:") && !others.contains("lambda:"), "{others}");
}

#[test]
fn applying_that_is_killed_anywhere_and_resumed_ends_as_if_it_never_was() {
    killed_anywhere(&plain, &|| lab(SLOW));
}

/// A copy of the estate in which a service has no tasks, and its body is changed.
fn without_tasks(to: &Path, service: &str, change: impl Fn(&mut Value)) -> String {
    let from = root().join(ESTATE);
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        fs::create_dir_all(to.join(&folder)).unwrap();
        for entry in fs::read_dir(from.join(&folder)).unwrap() {
            let path = folder.join(entry.unwrap().file_name());
            if from.join(&path).is_dir() {
                folders.push(path);
                continue;
            }
            if path.extension().is_none_or(|end| end != "json") {
                continue;
            }
            let mut body: Value =
                serde_json::from_slice(&fs::read(from.join(&path)).unwrap()).unwrap();
            if let Some(tasks) = body.get_mut("tasks").and_then(Value::as_array_mut) {
                tasks.retain(|task| task["group"] != format!("service:{service}"));
            }
            let services = body.get_mut("services").and_then(Value::as_array_mut);
            let mut own = services.into_iter().flatten();
            if let Some(own) = own.find(|one| one["serviceName"] == service) {
                own["desiredCount"] = json!(0);
                own["runningCount"] = json!(0);
                change(own);
            }
            fs::write(to.join(&path), body.to_string()).unwrap();
        }
    }
    to.to_str().unwrap().to_owned()
}

#[test]
fn a_service_without_tasks_is_told_where_a_segment_would_hold_the_next() {
    let folder = TempDir::new().unwrap();
    let why = |change: &dyn Fn(&mut Value)| {
        let estate = without_tasks(folder.path(), "mail", change);
        let plan = planned(&Lab::plain(), &estate);
        let owners = plan["owners"].as_array().unwrap();
        let own = owners.iter().find(|one| one["id"].as_str().unwrap().ends_with("/mail"))?;
        assert_eq!(own["holds"], "unheld", "{own:#}");
        Some(own["why"].as_str().unwrap().to_owned())
    };
    let told = why(&|_| {});
    let wanted = "no replica of it is in the input to tell which groups the next one is to carry, which mail would hold";
    assert_eq!(told.as_deref(), Some(wanted));
    let told = why(&|service| service["propagateTags"] = json!("TASK_DEFINITION"));
    let wanted = "no replica of it is in the input, and the input does not hold the tags of its next task: whether a \
                  segment holds the next one is not known";
    assert_eq!(told.as_deref(), Some(wanted));
    let told = why(&|service| service["propagateTags"] = json!("NONE"));
    assert_eq!(told, None, "it has no tags");
}
