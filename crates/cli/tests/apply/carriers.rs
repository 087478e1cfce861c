//! Load balancers of the first generation, warehouses and search domains, whose groups are set through their services'
//! own calls.

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Value, json};
use watertight_live_aws::Way;
use watertight_testkit::aws_server::{Strictness, Troubles};

use crate::support::{ACCOUNT, Lab, carried_as_set, killed_anywhere, root, slow_comes_to_the_same};

const POLICY: &str = "testdata/plans/carriers/policy.yaml";
const ESTATE: &str = "testdata/estates/carriers";
const AT: &str = "2026-11-28T09:00:00Z";

/// Services that are about what they were asked for a while, behind lists that are late.
const SLOW: Strictness =
    Strictness { rules_max: 60, groups_max: 5, unseen: 1, busy: 4, fails: false };

/// What each kind is set with, and what it is read with, in the words of permissions.
const CALLS: [(&str, &str, &str); 3] = [
    (
        "classic-load-balancer",
        "elasticloadbalancing:ApplySecurityGroupsToLoadBalancer",
        "elasticloadbalancing:DescribeLoadBalancers",
    ),
    ("redshift-cluster", "redshift:ModifyCluster", "redshift:DescribeClusters"),
    ("search-domain", "es:UpdateDomainConfig", "es:DescribeDomains"),
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
    let own = |action: &&Value| action["through"]["kind"] != "search-domain";
    carried_as_set(place(&held), through.iter().skip(CALLS.len()).filter(own));
}

#[test]
fn these_services_take_their_time_and_come_to_the_same_and_are_taken_back() {
    slow_comes_to_the_same("carriers", SLOW);
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

/// Its nodes are replaced by others at other addresses: none of its interfaces is what it was, and all carry the same.
#[test]
fn a_domain_is_read_by_its_subnets_and_its_new_nodes_carry_what_the_old_ones_were_to() {
    let lab = plain();
    let plan = lab.plan();
    let reads = plan["reads"].as_array().unwrap();
    let find = |id: &str| reads.iter().find(|read| read["id"].as_str().unwrap().contains(id));
    let domain = find(":domain/logs").unwrap();
    assert_eq!(domain["facts"]["subnets"].as_array().unwrap().len(), 2);
    assert_eq!(find("eni-0000000000000f007").or(find("eni-0000000000000f008")), None);
    let moves = "search-domain arn:aws:es:eu-central-1:123456789012:domain/logs replaces its nodes at each of \
                 its steps: they have other addresses then";
    assert!(texts(&plan["notes"]).contains(moves), "{:#}", plan["notes"]);
    let before = lab.server.held();
    lab.take(Way::Apply).unwrap();
    let held = lab.server.held();
    let own = &place(&held)["domains"]["logs"];
    for key in ["subnets", "egress"] {
        assert_eq!(own[key], place(&before)["domains"]["logs"][key], "{key} is given again");
    }
    let nodes = own["nodes"].as_array().unwrap();
    assert_eq!(nodes.len(), 2);
    let carried = |node: &Value| node[1] == own["groups"] && node[1].to_string().contains("/logs/");
    assert!(nodes.iter().all(carried), "{own}");
    let again = collected(&lab);
    let body =
        format!("{again}/raw/aws/{ACCOUNT}/eu-central-1/ec2-describe-network-interfaces.json");
    let body: Value = serde_json::from_slice(&fs::read(body).unwrap()).unwrap();
    let mut ids =
        body["NetworkInterfaces"].as_array().unwrap().iter().map(|one| &one["NetworkInterfaceId"]);
    assert!(!ids.any(|id| id == "eni-0000000000000f007"), "it is gone with its node");
}

/// What its service finds wrong is told, and it is not asked again.
#[test]
fn a_change_that_a_domain_finds_wrong_is_told_and_not_asked_for_again() {
    let lab = lab(Strictness { fails: true, ..SLOW });
    let before = lab.server.held();
    let error = lab.take_with(Way::Apply, 8).unwrap_err().to_string();
    assert!(error.contains("went back to what it was before"), "{error}");
    let written = lab.server.written();
    let own = written.iter().filter(|one| one.action == "UpdateDomainConfig");
    assert_eq!(own.count(), 1);
    lab.take_with(Way::Rollback, 8).unwrap();
    assert_eq!(lab.server.held(), before);
}

#[test]
fn a_domain_that_somebody_gave_other_groups_is_drift_and_refuses_the_plan() {
    let options = json!({"VPCOptions": {"SecurityGroupIds": ["sg-0000000000000f001"],
        "SubnetIds": ["subnet-0000000000000f001", "subnet-0000000000000f002"]}});
    let by_hand = |lab: &Lab| {
        let path = "/2021-01-01/opensearch/domain/logs/config";
        lab.by_hand_at("es", path, "", &options.to_string());
    };
    let lab = plain();
    assert_eq!(lab.run("apply", &[]).0, 0);
    by_hand(&lab);
    let (code, told, error) = lab.watertight(&["drift", POLICY, "--estate", &collected(&lab)]);
    assert_eq!(code, 2, "{told}{error}");
    assert!(told.contains("logs"), "{told}");
    let lab = plain();
    by_hand(&lab);
    let (code, _, error) = lab.run("apply", &[]);
    assert_eq!(code, 2, "{error}");
    let how = "resource arn:aws:es:eu-central-1:123456789012:domain/logs: groups; \
               gone sg-0000000000000f004; new sg-0000000000000f001";
    assert!(error.contains(how), "{error}");
    assert_eq!(lab.server.written().len(), 1, "only what was done by hand");
}

/// Each action that the policy permits for one of these services is called, and none else is.
#[test]
fn the_printed_policy_permits_what_is_called_and_nothing_else_of_these_services() {
    let lab = plain();
    let plan = lab.path("change.plan");
    let (_, printed, _) = lab.watertight(&["apply", plan.to_str().unwrap(), "--print-iam-policy"]);
    let policy: Value = serde_json::from_str(&printed).unwrap();
    let each = policy["Statement"].as_array().unwrap().iter().map(|statement| &statement["Action"]);
    let each = each.flat_map(|action| match action {
        Value::Array(actions) => actions.clone(),
        action => vec![action.clone()],
    });
    let mut permitted: BTreeSet<String> =
        each.map(|action| action.as_str().unwrap().to_owned()).collect();
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
    assert!(count > 55, "{count}");
}
