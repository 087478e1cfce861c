//! Load balancers of the first generation and warehouses, whose groups are set through their services' own calls.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;
use watertight_live_aws::Way;
use watertight_testkit::aws_server::{Strictness, Trouble, Troubles};

use crate::support::{ACCOUNT, Lab, killed_anywhere, root};

const POLICY: &str = "testdata/plans/carriers/policy.yaml";
const ESTATE: &str = "testdata/estates/carriers";
const AT: &str = "2026-11-28T09:00:00Z";

/// Services that are about what they were asked for a while, behind lists that are late.
const SLOW: Strictness =
    Strictness { rules_max: 60, groups_max: 5, unseen: 1, busy: 4, fails: false };

/// What each kind is set with, and what it is read with, in the words of permissions.
const CALLS: [(&str, &str, &str); 2] = [
    (
        "classic-load-balancer",
        "elasticloadbalancing:ApplySecurityGroupsToLoadBalancer",
        "elasticloadbalancing:DescribeLoadBalancers",
    ),
    ("redshift-cluster", "redshift:ModifyCluster", "redshift:DescribeClusters"),
];

fn lab(strictness: Strictness) -> Lab {
    Lab::of("carriers", Troubles::default(), strictness)
}

fn plain() -> Lab {
    lab(Strictness::default())
}

fn texts(list: &Value) -> BTreeSet<&str> {
    list.as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect()
}

fn place(held: &Value) -> &Value {
    &held[format!("{ACCOUNT}/eu-central-1")]
}

/// The steps of a plan that set groups through a resource.
fn through(plan: &Value) -> Vec<Value> {
    let steps = plan["steps"].as_array().unwrap().iter().map(|step| step["action"].clone());
    steps.filter(|action| action["do"] == "set-groups-through").collect()
}

fn collected(lab: &Lab) -> String {
    let estate = lab.path("estate").to_str().unwrap().to_owned();
    let (code, _, error) =
        lab.watertight(&["collect", "aws", "--region", "eu-central-1", "-o", &estate]);
    assert!(code == 0 || code == 2, "{error}");
    estate
}

#[test]
fn the_plan_of_these_carriers_is_what_it_was() {
    let lab = Lab::plain();
    let out = lab.path("again.plan");
    let arguments = ["plan", POLICY, "--estate", ESTATE, "--at", AT, "-o", out.to_str().unwrap()];
    let (code, _, error) = lab.watertight(&arguments);
    assert_eq!(code, 2, "{error}");
    let golden = root().join("testdata/plans/carriers/change.plan");
    let again = fs::read_to_string(out).unwrap();
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&golden, &again).unwrap();
    }
    assert_eq!(fs::read_to_string(golden).unwrap(), again);
}

#[test]
fn every_one_of_these_kinds_has_its_two_steps_and_all_of_its_interfaces_get_the_same() {
    let lab = plain();
    let plan = lab.plan();
    assert_eq!(plan["unheld"].as_array().unwrap().len(), 0, "{:#}", plan["unheld"]);
    let through = through(&plan);
    for (kind, _, _) in CALLS {
        let own = through.iter().filter(|action| action["through"]["kind"] == kind);
        // Ours beside the others', then the others' taken off.
        assert_eq!(own.count(), 2, "{kind}");
    }
    assert_eq!(through.len(), 2 * CALLS.len());
    lab.take(Way::Apply).unwrap();
    let held = lab.server.held();
    for action in through.iter().skip(CALLS.len()) {
        let wanted = texts(&action["to"]);
        for endpoint in texts(&action["endpoints"]) {
            let carried = texts(&place(&held)["interfaces"][endpoint]);
            let carried =
                carried.iter().filter_map(|name| name.split_once('/')).map(|(_, name)| name);
            assert_eq!(carried.collect::<BTreeSet<_>>(), wanted, "{endpoint}");
        }
    }
}

#[test]
fn these_services_take_their_time_and_come_to_the_same_and_are_taken_back() {
    let whole = plain();
    let before = whole.server.held();
    whole.take(Way::Apply).unwrap();
    let first = vec![Trouble::Throttle(1), Trouble::Cut, Trouble::Fault];
    let troubles = Troubles { first, every: 2, ..Troubles::default() };
    for lab in [lab(SLOW), Lab::of("carriers", troubles, SLOW)] {
        lab.take_with(Way::Apply, 8).unwrap();
        assert_eq!(lab.server.held(), whole.server.held());
        lab.take_with(Way::Rollback, 8).unwrap();
        assert_eq!(lab.server.held(), before);
    }
}

#[test]
fn a_second_plan_is_empty_and_drift_sees_what_somebody_sets_afterwards() {
    let lab = plain();
    assert_eq!(lab.run("apply", &[]).0, 0);
    let estate = collected(&lab);
    let (_, told, error) = lab.watertight(&["plan", POLICY, "--estate", &estate]);
    assert!(told.starts_with("Nothing to do"), "{told}{error}");
    let (_, told, error) = lab.watertight(&["drift", POLICY, "--estate", &estate]);
    assert!(told.starts_with("No drift"), "{told}{error}");
    for (form, interfaces) in BY_HAND {
        lab.by_hand(form);
        let (code, told, error) = lab.watertight(&["drift", POLICY, "--estate", &collected(&lab)]);
        assert_eq!(code, 2, "{told}{error}");
        for number in interfaces {
            assert!(told.contains(&format!("eni-0000000000000f{number:03}")), "{told}");
        }
    }
}

/// Has each of them the group of the machines, in place of its own; and the numbers of its interfaces.
const BY_HAND: [(&str, &[u32]); 2] = [
    (
        "Action=ApplySecurityGroupsToLoadBalancer&LoadBalancerName=entry\
         &SecurityGroups.member.1=sg-0000000000000f001",
        &[2, 3],
    ),
    (
        "Action=ModifyCluster&ClusterIdentifier=reports\
         &VpcSecurityGroupIds.VpcSecurityGroupId.1=sg-0000000000000f001",
        &[4, 5, 6],
    ),
];

#[test]
fn a_carrier_that_somebody_gave_other_groups_is_refused_and_left_alone() {
    let resources = [
        "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/entry",
        "arn:aws:redshift:eu-central-1:123456789012:cluster:reports",
    ];
    for ((number, resource), (form, _)) in (2..).zip(resources).zip(BY_HAND) {
        let lab = plain();
        lab.by_hand(form);
        let (code, _, error) = lab.run("apply", &[]);
        assert_eq!(code, 2, "{error}");
        let how = format!(
            "resource {resource}: groups; gone sg-0000000000000f{number:03}; new sg-0000000000000f001"
        );
        assert!(error.contains(&how), "{error}");
        assert_eq!(lab.server.written().len(), 1, "only what was done by hand");
    }
}

/// Each action that the policy permits for one of these services is called, and none else is.
#[test]
fn the_printed_policy_permits_what_is_called_and_nothing_else_of_these_services() {
    let lab = plain();
    let plan = lab.path("change.plan");
    let (_, printed, _) = lab.watertight(&["apply", plan.to_str().unwrap(), "--print-iam-policy"]);
    let policy: Value = serde_json::from_str(&printed).unwrap();
    let mut permitted = BTreeSet::new();
    for statement in policy["Statement"].as_array().unwrap() {
        match &statement["Action"] {
            Value::Array(actions) => {
                permitted.extend(actions.iter().map(|one| one.as_str().unwrap().to_owned()));
            }
            action => drop(permitted.insert(action.as_str().unwrap().to_owned())),
        }
    }
    permitted.retain(|action| !action.starts_with("ec2:"));
    let wanted: BTreeSet<String> =
        CALLS.iter().flat_map(|(_, set, read)| [*set, *read]).map(ToOwned::to_owned).collect();
    assert_eq!(permitted, wanted);
    assert_eq!(lab.run("apply", &[]).0, 0);
    let written = lab.server.written();
    let written: BTreeSet<String> =
        written.iter().map(|one| format!("{}:{}", one.service, one.action)).collect();
    let set: BTreeSet<String> = CALLS.iter().map(|(_, set, _)| (*set).to_owned()).collect();
    assert!(set.is_subset(&written), "{written:?}");
    assert!(written.iter().all(|action| action.starts_with("ec2:") || set.contains(action)));
}

#[test]
fn applying_these_that_is_killed_anywhere_and_resumed_ends_as_if_it_never_was() {
    let count = killed_anywhere(&plain, &|| lab(SLOW));
    assert!(count > 40, "{count}");
}
