//! `watertight gate` on the shop.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

#[path = "gate/assertions.rs"]
mod assertions;
#[path = "gate/edges.rs"]
mod edges;
#[path = "gate/enforced.rs"]
mod enforced;
#[path = "gate/made.rs"]
mod made;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

const AT: &str = "2026-12-01T00:00:00Z";
const PLAN: &str = "examples/plans/shop/plan.json";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Exit code and standard output of the gate on the shop.
fn gate(arguments: &[&str]) -> (i32, String) {
    let estate =
        ["gate", "examples/policies/shop", "--estate", "examples/estates/shop", "--at", AT];
    let output = Command::new(env!("CARGO_BIN_EXE_watertight"))
        .args(estate)
        .args(arguments)
        .current_dir(root())
        .output()
        .unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    let code = output.status.code().unwrap();
    assert!(code != 3 || errors.contains("error"), "{errors}");
    (code, String::from_utf8(output.stdout).unwrap())
}

/// The findings about a plan, with what is broken today excused.
fn findings(plan: &Value) -> Vec<Value> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("plan.json");
    fs::write(&file, plan.to_string()).unwrap();
    let excused = "examples/plans/shop/exceptions.yaml";
    let file = file.to_str().unwrap();
    let (code, text) = gate(&[excused, "--terraform-plan", file, "-f", "json"]);
    let found: Value = serde_json::from_str(&text).unwrap();
    let findings = found["findings"].as_array().unwrap().clone();
    assert_eq!(code, if findings.is_empty() { 0 } else { 2 });
    findings
}

fn plan() -> Value {
    serde_json::from_str(&fs::read_to_string(root().join(PLAN)).unwrap()).unwrap()
}

/// The plan with those of its changes whose types are given.
fn part(kinds: &[&str]) -> Value {
    let mut plan = plan();
    let changes = plan["resource_changes"].as_array_mut().unwrap();
    changes.retain(|one| kinds.contains(&one["type"].as_str().unwrap()));
    plan
}

fn codes(findings: &[Value]) -> Vec<&str> {
    findings.iter().map(|one| one["code"].as_str().unwrap()).collect()
}

#[test]
fn a_plan_that_lets_the_web_into_the_vault_is_stopped_at_the_rule_that_does() {
    let found = findings(&plan());
    let chain = found.iter().find(|one| one["code"] == "WT0911").unwrap();
    let addresses: Vec<&Value> =
        chain["changes"].as_array().unwrap().iter().map(|one| &one["address"]).collect();
    assert_eq!(addresses, ["aws_vpc_security_group_ingress_rule.vault_db_from_web"]);
    let details = chain["details"].to_string();
    assert!(details.contains("new: ") && details.contains("vault-db"), "{details}");
}

#[test]
fn a_machine_whose_ids_are_known_after_apply_is_judged_by_the_rules_of_its_planned_group() {
    let found = findings(&part(&["aws_instance", "aws_security_group"]));
    // It may ask the databases by the rules of its group, which is on the way to crown jewels.
    let addresses = found.iter().flat_map(|one| one["changes"].as_array().unwrap());
    let addresses: Vec<&str> = addresses.map(|one| one["address"].as_str().unwrap()).collect();
    assert!(addresses.contains(&"module.reports.aws_instance.this[0]"), "{found:#?}");
    assert!(!codes(&found).contains(&"WT0914"), "{found:#?}");
}

#[test]
fn a_plan_without_a_network_opens_the_gate() {
    assert_eq!(findings(&part(&["aws_cloudwatch_log_group"])), Vec::<Value>::new());
}

/// What the configuration does not tell for sure may be anything.
#[test]
fn a_group_that_is_not_known_does_not_look_closed() {
    let mut plan = part(&["aws_instance"]);
    let module = &mut plan["configuration"]["root_module"]["module_calls"]["reports"]["module"];
    for resource in module["resources"].as_array_mut().unwrap() {
        if resource["type"] == "aws_instance" {
            resource["expressions"]["vpc_security_group_ids"] =
                json!({"references": ["local.groups"]});
        }
    }
    let found = findings(&plan);
    assert!(codes(&found).contains(&"WT0911"), "{found:#?}");
}

#[test]
fn a_service_that_is_made_is_named_because_its_addresses_are_not_known() {
    let mut plan = part(&["aws_cloudwatch_log_group"]);
    let changes = plan["resource_changes"].as_array_mut().unwrap();
    changes.push(json!({
        "address": "aws_elasticache_cluster.new", "mode": "managed", "type": "aws_elasticache_cluster",
        "change": {"actions": ["create"], "before": null,
            "after": {"cluster_id": "new", "subnet_group_name": "data"}, "after_unknown": {"id": true}},
    }));
    let found = findings(&plan);
    assert_eq!(codes(&found), ["WT0914"], "{found:#?}");
}

#[test]
fn a_machine_that_gets_addresses_of_ipv6_is_named_because_they_are_not_known() {
    let mut plan = part(&["aws_instance", "aws_security_group"]);
    let changes = plan["resource_changes"].as_array_mut().unwrap();
    for change in changes.iter_mut().filter(|one| one["type"] == "aws_instance") {
        change["change"]["after"]["ipv6_address_count"] = json!(1);
    }
    let found = findings(&plan);
    assert!(codes(&found).contains(&"WT0914"), "{found:#?}");
    let told = found.iter().find(|one| one["code"] == "WT0914").unwrap().to_string();
    assert!(told.contains("IPv6 addresses are known after apply"), "{told}");
}

/// What cannot be read is left out of the estate, which must not look closed for that.
#[test]
fn a_plan_with_a_prefix_that_is_none_is_not_known() {
    let mut plan = part(&["aws_security_group"]);
    let group = &mut plan["resource_changes"][0]["change"]["after"];
    group["egress"][0]["cidr_blocks"] = json!(["10.10.50.0/99"]);
    let found = findings(&plan);
    assert!(codes(&found).contains(&"WT0914"), "{found:#?}");
}

#[test]
fn a_change_that_the_plan_puts_off_is_not_known() {
    let mut plan = part(&["aws_cloudwatch_log_group"]);
    plan["deferred_changes"] = json!([{
        "reason": "provider_config_unknown",
        "resource_change": {"address": "aws_security_group.later", "type": "aws_security_group"},
    }]);
    let found = findings(&plan);
    assert_eq!(codes(&found), ["WT0914"], "{found:#?}");
    assert!(found[0].to_string().contains("aws_security_group.later"), "{found:#?}");
}

/// What does not hold all changes must not look as if it changed little.
#[test]
fn a_plan_that_is_not_whole_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("plan.json");
    let whole = || part(&["aws_cloudwatch_log_group"]);
    let with = |key: &str, value: Value| {
        let mut plan = whole();
        plan[key] = value;
        plan
    };
    for (plan, why) in [
        (with("errored", json!(true)), "planning has failed"),
        (with("resource_changes", json!({})), "is no array"),
        (with("resource_changes", json!([{"address": "a.b", "type": "a"}])), "has no `address`"),
    ] {
        fs::write(&file, plan.to_string()).unwrap();
        assert_refused(["--terraform-plan", file.to_str().unwrap()], why);
    }
}

/// An argument that cannot be taken is exit code 3, and says why.
fn assert_refused(argument: [&str; 2], why: &str) {
    let output = Command::new(env!("CARGO_BIN_EXE_watertight"))
        .args(["gate", "examples/policies/shop", "--estate", "examples/estates/shop"])
        .args(argument)
        .current_dir(root())
        .output()
        .unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{errors}");
    assert!(errors.contains(why), "{errors}");
}

#[test]
fn the_estate_as_it_is_is_judged_by_its_assertions() {
    let (code, text) = gate(&[]);
    assert_eq!(code, 2);
    assert!(text.contains("WT0912: the assertion card-numbers-stay-in does not hold\n"), "{text}");
    assert!(text.contains("stated at examples/policies/shop/assertions.yaml:3"), "{text}");
    let (code, text) = gate(&["examples/plans/shop/exceptions.yaml"]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("excused by card-numbers-until-spring"), "{text}");
}

#[test]
fn an_exception_excuses_until_it_expires() {
    let late = ["examples/plans/shop/exceptions.yaml", "--at", "2027-03-01T00:00:00Z"];
    let estate = ["gate", "examples/policies/shop", "--estate", "examples/estates/shop"];
    let output = Command::new(env!("CARGO_BIN_EXE_watertight"))
        .args(estate)
        .args(late)
        .current_dir(root())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn a_budget_is_a_number_of_pairs_or_a_file() {
    let excused = "examples/plans/shop/exceptions.yaml";
    let (code, text) = gate(&[excused, "--budget", "100"]);
    assert_eq!(code, 2);
    assert!(text.contains("WT0913: pairs of workloads that connect: "), "{text}");
    let (code, text) = gate(&[excused, "--budget", "1000000"]);
    assert_eq!(code, 0, "{text}");
    let budget = "examples/plans/shop/budget.yaml";
    let (code, text) = gate(&[excused, "--terraform-plan", PLAN, "--budget", budget]);
    assert_eq!(code, 2);
    assert!(text.contains("WT0913: pairs that the change opens: "), "{text}");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("budget.yaml");
    for (wrong, why) in [
        ("pears: 3\n", "`pears` is none of"),
        ("pairs: many\n", "`pairs` is no number"),
        ("segments: {nowhere: 3}\n", "the policy has no segment `nowhere`"),
        ("- pairs: 3\n", "it limits nothing"),
        ("3\n", "it limits nothing"),
        ("{}\n", "it limits nothing"),
        ("segments: [data]\n", "`segments` is no object"),
    ] {
        fs::write(&file, wrong).unwrap();
        assert_refused(["--budget", file.to_str().unwrap()], why);
    }
}

#[test]
fn code_review_gets_the_places_in_plan_and_policy() {
    let (code, text) = gate(&["--terraform-plan", PLAN, "-f", "sarif"]);
    assert_eq!(code, 2);
    let log: Value = serde_json::from_str(&text).unwrap();
    let results = log["runs"][0]["results"].as_array().unwrap();
    let uri = |one: &Value| {
        one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let of = |code: &str| results.iter().find(|one| one["ruleId"] == code).unwrap();
    assert_eq!(uri(of("WT0911")), PLAN);
    assert_eq!(uri(of("WT0912")), "examples/policies/shop/assertions.yaml");
}

/// What every platform needs is no policy's to close, and no change's.
#[test]
fn a_change_that_cuts_health_checks_is_stopped_at_what_cuts_them() {
    let file = root().join("examples/estates/shop/raw/aws/111122223333/eu-central-1");
    let file = file.join("ec2-describe-security-groups.json");
    let groups: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    let groups = groups["SecurityGroups"].as_array().unwrap();
    let web = groups.iter().find(|group| group["GroupName"] == "web").unwrap();
    let id = web["GroupId"].as_str().unwrap();
    let rules = |ingress: Value| {
        json!({"id": id, "name": "web", "description": web["Description"], "vpc_id": web["VpcId"],
            "tags": {}, "ingress": ingress, "egress": [{"from_port": 0, "to_port": 0,
            "protocol": "-1", "cidr_blocks": ["0.0.0.0/0"]}]})
    };
    let front = groups.iter().find(|group| group["GroupName"] == "alb-web").unwrap();
    let checks = json!([{"from_port": 8080, "to_port": 8080, "protocol": "tcp",
        "security_groups": [front["GroupId"]]}]);
    let mut plan = part(&["aws_cloudwatch_log_group"]);
    let changes = plan["resource_changes"].as_array_mut().unwrap();
    changes.push(json!({
        "address": "aws_security_group.web", "mode": "managed", "type": "aws_security_group",
        "change": {"actions": ["update"], "before": rules(checks), "after": rules(json!([])),
            "after_unknown": {}},
    }));
    let found = findings(&plan);
    let cut: Vec<&Value> = found.iter().filter(|one| one["code"] == "WT0916").collect();
    let [cut] = cut[..] else { panic!("{found:#?}") };
    assert!(
        cut["message"].as_str().unwrap().contains("health checks by copper-kettle-web"),
        "{cut:#}"
    );
    assert_eq!(cut["changes"][0]["address"], "aws_security_group.web");
    assert!(
        cut["details"][0].as_str().unwrap().starts_with("cut: copper-kettle-web -> web-"),
        "{cut:#}"
    );
    // A policy that needs the checks of others alone lets these go.
    let folder = tempfile::tempdir().unwrap();
    let (file, narrowed) = (folder.path().join("plan.json"), folder.path().join("narrowed.yaml"));
    fs::write(&file, plan.to_string()).unwrap();
    let text = "apiVersion: watertight.io/v1alpha1\nkind: Essentials\nmetadata: {name: narrowed}\n\
                spec: {narrowed: [{essential: health checks, to: [{matchLabels: {app: payments}}]}]}\n";
    fs::write(&narrowed, text).unwrap();
    let (file, narrowed) = (file.to_str().unwrap(), narrowed.to_str().unwrap());
    let found = gate(&[narrowed, "--terraform-plan", file, "-f", "json"]).1;
    assert!(!found.contains("WT0916"), "{found}");
}
