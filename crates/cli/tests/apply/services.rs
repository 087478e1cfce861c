//! Groups of interfaces that services own, set through the services' own calls.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;
use tempfile::TempDir;
use watertight_live_aws::Way;
use watertight_testkit::aws_server::{Recording, Server, Strictness, Troubles};

use crate::support::{
    ACCOUNT, Lab, carried_as_set, killed_anywhere, root, slow_comes_to_the_same, told, watertight,
};

const POLICY: &str = "testdata/plans/services/policy.yaml";

/// Services that are about what they were asked for a while, behind lists that are late.
const SLOW: Strictness =
    Strictness { rules_max: 60, groups_max: 5, unseen: 1, busy: 4, fails: false };

fn plain() -> Lab {
    Lab::services(Strictness::default())
}

fn texts(list: &Value) -> BTreeSet<&str> {
    list.as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect()
}

fn place(held: &Value) -> &Value {
    &held[format!("{ACCOUNT}/eu-central-1")]
}

#[test]
fn the_plan_of_what_services_own_is_what_it_was() {
    let lab = Lab::plain();
    let out = lab.path("again.plan");
    let estate = "testdata/estates/services";
    let arguments = ["plan", POLICY, "--estate", estate, "--at", "2026-11-28T09:00:00Z", "-o"];
    let (code, _, error) =
        lab.watertight(&[arguments.as_slice(), &[out.to_str().unwrap()]].concat());
    assert_eq!(code, 2, "{error}");
    let golden = root().join("testdata/plans/services/change.plan");
    let again = fs::read_to_string(out).unwrap();
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&golden, &again).unwrap();
    }
    assert_eq!(fs::read_to_string(golden).unwrap(), again);
}

#[test]
fn what_no_service_can_be_given_groups_for_is_named_with_the_reason() {
    let plan = plain().plan();
    let why: BTreeSet<(&str, &str)> = plan["unheld"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["workload"].as_str().unwrap(), one["why"].as_str().unwrap()))
        .collect();
    let bare = "a network load balancer that was made without security groups can never get any";
    let hook = "an alias of it leads to a published version, which keeps the groups that it has: the next \
                version is to be published with others";
    assert_eq!(why, BTreeSet::from([("bare", bare), ("hook", hook)]));
}

#[test]
fn every_kind_of_service_takes_part_and_all_interfaces_of_a_resource_get_the_same() {
    let lab = plain();
    let plan = lab.plan();
    let through: Vec<&Value> = plan["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| &step["action"])
        .filter(|action| action["do"] == "set-groups-through")
        .collect();
    let kinds: BTreeSet<&str> =
        through.iter().map(|action| action["through"]["kind"].as_str().unwrap()).collect();
    let all = ["db-cluster", "db-instance", "load-balancer", "mount-target", "replication-group"];
    let all = all.into_iter().chain(["vpc-endpoint"]).collect();
    assert_eq!(kinds, all);
    // Seven resources, each twice: ours beside the others', then the others' taken off.
    assert_eq!(through.len(), 14);
    lab.take(Way::Apply).unwrap();
    let held = lab.server.held();
    carried_as_set(place(&held), through.iter().skip(7).copied());
}

#[test]
fn services_that_take_their_time_come_to_the_same_and_are_taken_back() {
    slow_comes_to_the_same("services", SLOW);
}

#[test]
fn what_is_collected_after_it_has_a_plan_without_steps() {
    let lab = plain();
    assert_eq!(lab.run("apply", &[]).0, 0);
    let estate = lab.path("estate");
    let estate = estate.to_str().unwrap();
    let (code, _, error) =
        lab.watertight(&["collect", "aws", "--region", "eu-central-1", "-o", estate]);
    assert!(code == 0 || code == 2, "{error}");
    let (_, told, error) = lab.watertight(&["plan", POLICY, "--estate", estate]);
    assert!(told.starts_with("Nothing to do"), "{told}{error}");
    let (_, told, error) = lab.watertight(&["drift", POLICY, "--estate", estate]);
    assert!(told.starts_with("No drift"), "{told}{error}");
}

#[test]
fn a_resource_that_somebody_gave_other_groups_is_refused_and_left_alone() {
    let lab = plain();
    let form = "Action=ModifyDBInstance&DBInstanceIdentifier=ledger\
                &VpcSecurityGroupIds.VpcSecurityGroupId.1=sg-0000000000000d001";
    lab.by_hand(form);
    let (code, _, error) = lab.run("apply", &[]);
    assert_eq!(code, 2, "{error}");
    let how = "resource arn:aws:rds:eu-central-1:123456789012:db:ledger: groups; \
               gone sg-0000000000000d004; new sg-0000000000000d001";
    assert!(error.contains(how), "{error}");
    assert_eq!(lab.server.written().len(), 1, "only what was done by hand");
}

#[test]
fn the_printed_policy_permits_what_a_plan_writes_and_no_other_services() {
    let lab = plain();
    assert_eq!(lab.run("apply", &[]).0, 0);
    let actions = |arguments: &[&str]| -> BTreeSet<String> {
        let (_, printed, _) = lab.watertight(arguments);
        let policy: Value = serde_json::from_str(&printed).unwrap();
        let statements = policy["Statement"].as_array().unwrap().iter();
        let each = statements.flat_map(|statement| match &statement["Action"] {
            Value::Array(actions) => actions.clone(),
            action => vec![action.clone()],
        });
        each.map(|action| action.as_str().unwrap().to_owned()).collect()
    };
    let (plan, tiers) = (lab.path("change.plan"), root().join("testdata/plans/tiers/change.plan"));
    let own = actions(&["apply", plan.to_str().unwrap(), "--print-iam-policy"]);
    let written = lab.server.written();
    for one in &written {
        let action = format!("{}:{}", one.service, one.action);
        assert!(own.contains(&action), "{action}");
    }
    for action in ["rds:ModifyDBInstance", "elasticfilesystem:ModifyMountTargetSecurityGroups"] {
        assert!(own.contains(action), "{action}");
        assert!(written.iter().any(|one| format!("{}:{}", one.service, one.action) == action));
    }
    let others = actions(&["apply", tiers.to_str().unwrap(), "--print-iam-policy"]);
    assert!(others.iter().all(|action| action.starts_with("ec2:")), "{others:?}");
    assert!(actions(&["apply", "--print-iam-policy"]).is_superset(&own));
}

/// The shop's own plan: databases, a cluster of them and mount targets among what it is about, in two
/// accounts.
#[test]
fn the_plan_of_the_shop_is_applied_and_taken_back() {
    let recording = Recording::read(&root().join("examples/estates/shop")).unwrap();
    let strictness = Strictness::default();
    let server = Server::start_strict(recording, Troubles::default(), strictness).unwrap();
    let folder = TempDir::new().unwrap();
    let plan = folder.path().join("change.plan");
    let plan = plan.to_str().unwrap();
    let run = |arguments: &[&str]| {
        told(&watertight(arguments, &server.url(), &Server::key_of("111122223333")))
    };
    let (estate, policy) = ("examples/estates/shop", "examples/policies/shop");
    let asked =
        ["plan", policy, "--estate", estate, "--under", "promote-all", "--widen", "-o", plan];
    let (code, _, error) = run(&asked);
    assert_eq!(code, 2, "{error}");
    let before = server.held();
    let role = ["--role", "watertight-apply"];
    let (code, said, error) =
        run(&[["apply", plan, "--accept-transient"].as_slice(), &role].concat());
    assert_eq!(code, 0, "{error}");
    assert!(said.contains(" steps applied, "), "{said}");
    let after = server.held();
    let resources = &after["111122223333/eu-central-1"]["resources"];
    for database in ["orders-db", "vault-db", "customers", "customers-1"] {
        let carried = texts(&resources[database]);
        assert!(
            carried.iter().all(|name| name.contains("/watertight/")),
            "{database}: {carried:?}"
        );
    }
    let interfaces = &after["111122223333/eu-central-1"]["interfaces"];
    assert!(interfaces["eni-0cc8ec135853fe28f"][0].as_str().unwrap().contains("/watertight/"));
    let (code, _, error) = run(&[["rollback", plan].as_slice(), &role].concat());
    assert_eq!(code, 0, "{error}");
    assert_eq!(server.held(), before);
}

#[test]
fn applying_that_is_killed_anywhere_and_resumed_ends_as_if_it_never_was() {
    let count = killed_anywhere(&plain, &|| Lab::services(SLOW));
    assert!(count > 60, "{count}");
}
