//! `watertight gate` on plans that touch groups of Watertight.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::root;

pub(crate) const GROUP: &str = "sg-0000000000000ffff";
pub(crate) const NAME: &str = "watertight/vpc-0000000000000c001/db/0fed0f1d";
const OTHER: &str = "sg-0000000000000eeee";

/// The tiers with a group of ours on an interface; the interface's id and its machine's.
pub(crate) struct Lab {
    pub(crate) folder: TempDir,
    interface: String,
    machine: String,
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let to = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &to);
        } else {
            fs::copy(&path, &to).unwrap();
        }
    }
}

/// Changes the list of a body of the copy.
pub(crate) fn change(folder: &Path, call: &str, list: &str, with: impl FnOnce(&mut Vec<Value>)) {
    let path = folder.join(format!("estate/raw/aws/123456789012/eu-central-1/{call}.json"));
    let mut body: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    with(body[list].as_array_mut().unwrap());
    fs::write(&path, body.to_string()).unwrap();
}

impl Lab {
    pub(crate) fn new() -> Self {
        let folder = TempDir::new().unwrap();
        copy(&root().join("testdata/estates/tiers"), &folder.path().join("estate"));
        change(folder.path(), "ec2-describe-security-groups", "SecurityGroups", |groups| {
            let vpc = groups[0]["VpcId"].clone();
            groups.push(json!({
                "GroupId": GROUP, "GroupName": NAME, "VpcId": vpc, "OwnerId": "123456789012",
                "Description": "Written by Watertight for db, ledger",
                "Tags": [{"Key": "watertight.io/managed", "Value": "true"}],
                "IpPermissions": [], "IpPermissionsEgress": [],
            }));
            groups.push(json!({
                "GroupId": OTHER, "GroupName": "other", "VpcId": vpc, "OwnerId": "123456789012",
                "Description": "another", "IpPermissions": [], "IpPermissionsEgress": [],
            }));
        });
        let (mut interface, mut machine) = (String::new(), String::new());
        change(folder.path(), "ec2-describe-network-interfaces", "NetworkInterfaces", |all| {
            let one = &mut all[0];
            one["Groups"] = json!([{"GroupId": GROUP, "GroupName": NAME}]);
            one["NetworkInterfaceId"].as_str().unwrap().clone_into(&mut interface);
            one["Attachment"]["InstanceId"].as_str().unwrap().clone_into(&mut machine);
        });
        Self { folder, interface, machine }
    }

    /// Exit code and output of the gate on a plan with these changes.
    fn gate(&self, changes: &Value, configuration: &Value, format: &str) -> (i32, String) {
        let plan = self.folder.path().join("plan.json");
        let text = json!({
            "format_version": "1.2", "resource_changes": changes, "configuration": configuration,
        });
        fs::write(&plan, text.to_string()).unwrap();
        let estate = self.folder.path().join("estate");
        let output = Command::new(env!("CARGO_BIN_EXE_watertight"))
            .args(["gate", "testdata/plans/tiers/policy.yaml", "--at", crate::AT, "--estate"])
            .arg(estate)
            .args(["--terraform-plan", plan.to_str().unwrap(), "-f", format])
            .current_dir(root())
            .output()
            .unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        let code = output.status.code().unwrap();
        assert!(code == 0 || code == 2, "{errors}");
        (code, String::from_utf8(output.stdout).unwrap())
    }

    /// The messages and details of the findings about groups of ours.
    pub(crate) fn found_in(&self, changes: &Value, configuration: &Value) -> Vec<String> {
        let (code, text) = self.gate(changes, configuration, "json");
        let judged: Value = serde_json::from_str(&text).unwrap();
        let all = judged["findings"].as_array().unwrap();
        assert_eq!(code, if all.is_empty() { 0 } else { 2 });
        let own = all.iter().filter(|one| one["code"] == "WT0915");
        own.map(|one| {
            let address = one["changes"][0]["address"].as_str().unwrap();
            assert!(one["changes"][0]["place"].as_str().unwrap().contains("plan.json:"));
            let message = one["message"].as_str().unwrap();
            assert!(message.starts_with(&format!("`{address}` (")), "{message}");
            let details =
                one["details"].as_array().unwrap().iter().map(|one| one.as_str().unwrap());
            [message].into_iter().chain(details).collect::<Vec<_>>().join(" | ")
        })
        .collect()
    }

    pub(crate) fn found(&self, changes: &Value) -> Vec<String> {
        self.found_in(changes, &Value::Null)
    }
}

pub(crate) fn planned(address: &str, actions: &[&str], sides: [Value; 3]) -> Value {
    let [before, after, unknown] = sides;
    let kind = address.split('.').next().unwrap();
    json!({"address": address, "mode": "managed", "type": kind, "change": {
        "actions": actions, "before": before, "after": after, "after_unknown": unknown,
    }})
}

pub(crate) fn updated(address: &str, before: Value, after: Value) -> Value {
    planned(address, &["update"], [before, after, json!({})])
}

pub(crate) const SEGMENTS: &str = "which enforces the segments db, ledger";

/// Whatever carries groups: the argument that lists them, wherever it stands.
#[test]
fn taking_a_group_off_is_found_wherever_it_is_carried() {
    let lab = Lab::new();
    let both = json!([GROUP, OTHER]);
    for (address, with) in [
        (
            "aws_instance.a",
            (|groups| json!({"vpc_security_group_ids": groups})) as fn(Value) -> Value,
        ),
        ("aws_lb.a", |groups| json!({"security_groups": groups})),
        ("aws_elb.a", |groups| json!({"security_groups": groups})),
        ("aws_db_instance.a", |groups| json!({"vpc_security_group_ids": groups})),
        ("aws_rds_cluster.a", |groups| json!({"vpc_security_group_ids": groups})),
        (
            "aws_opensearch_domain.a",
            |groups| json!({"vpc_options": [{"security_group_ids": groups}]}),
        ),
        ("aws_redshift_cluster.a", |groups| json!({"vpc_security_group_ids": groups})),
        ("aws_vpc_endpoint.a", |groups| json!({"security_group_ids": groups})),
        (
            "aws_launch_template.a",
            |groups| json!({"network_interfaces": [{"security_groups": groups}]}),
        ),
        ("aws_lambda_function.a", |groups| json!({"vpc_config": [{"security_group_ids": groups}]})),
        (
            "aws_ecs_service.a",
            |groups| json!({"network_configuration": [{"security_groups": groups}]}),
        ),
    ] {
        for action in [&["update"][..], &["delete", "create"]] {
            let word = if action.len() == 1 { "update" } else { "replace" };
            let sides = [with(both.clone()), with(json!([OTHER])), json!({})];
            let found = lab.found(&json!([planned(address, action, sides)]));
            assert_eq!(found, [format!("`{address}` ({word}) takes `{NAME}` off, {SEGMENTS}")]);
            let sides = [with(both.clone()), with(json!([GROUP])), json!({})];
            assert_eq!(lab.found(&json!([planned(address, action, sides)])), [""; 0], "{address}");
        }
    }
}

/// Of two interfaces of a template one loses it.
#[test]
fn a_group_that_stays_elsewhere_in_the_same_resource_is_taken_off_all_the_same() {
    let lab = Lab::new();
    let template = |one: &str| json!({"network_interfaces": [{"security_groups": [one]}, {"security_groups": [GROUP]}]});
    let change = updated("aws_launch_template.a", template(GROUP), template(OTHER));
    assert_eq!(lab.found(&json!([change])).len(), 1);
}

#[test]
fn an_attachment_that_goes_or_moves_takes_the_group_off() {
    let lab = Lab::new();
    let address = "aws_network_interface_sg_attachment.a";
    let of = |group: &str, interface: &str| json!({"security_group_id": group, "network_interface_id": interface});
    let before = || of(GROUP, &lab.interface);
    let off = |word: &str| [format!("`{address}` ({word}) takes `{NAME}` off, {SEGMENTS}")];
    let gone = planned(address, &["delete"], [before(), Value::Null, json!({})]);
    assert_eq!(lab.found(&json!([gone])), off("delete"));
    let replace = ["delete", "create"];
    for after in [of(OTHER, &lab.interface), of(GROUP, "eni-0000000000000eeee")] {
        let moved = planned(address, &replace, [before(), after, json!({})]);
        assert_eq!(lab.found(&json!([moved])), off("replace"));
    }
    let same = planned(address, &replace, [before(), before(), json!({})]);
    assert_eq!(lab.found(&json!([same])), [""; 0]);
    let other = planned(address, &["delete"], [of(OTHER, &lab.interface), Value::Null, json!({})]);
    assert_eq!(lab.found(&json!([other])), [""; 0]);
}

fn group(more: &[(&str, Value)]) -> Value {
    let tags = json!({"watertight.io/managed": "true"});
    let mut group = json!({"id": GROUP, "name": NAME, "ingress": [], "egress": [], "tags": tags});
    for (key, value) in more {
        group[*key] = value.clone();
    }
    group
}

#[test]
fn a_group_that_is_deleted_or_loses_its_tag_is_found() {
    let lab = Lab::new();
    let address = "aws_security_group.a";
    let deleted = [format!("`{address}` (delete) deletes `{NAME}`, {SEGMENTS}")];
    let gone = planned(address, &["delete"], [group(&[]), Value::Null, json!({})]);
    assert_eq!(lab.found(&json!([gone])), deleted);
    let named = group(&[("name", json!("watertight/other"))]);
    let anew = planned(address, &["create", "delete"], [group(&[]), named, json!({"id": true})]);
    assert_eq!(
        lab.found(&json!([anew])),
        [format!("`{address}` (replace) deletes `{NAME}`, {SEGMENTS}")]
    );
    let bare = updated(address, group(&[]), group(&[("tags", json!({"team": "shop"}))]));
    let expected = format!(
        "`{address}` (update) takes the tag `watertight.io/managed` off `{NAME}`, {SEGMENTS}"
    );
    assert_eq!(lab.found(&json!([bare])), [expected]);
}

fn rule(group: &str, prefix: &str, description: &str) -> Value {
    json!({"id": "sgr-1", "security_group_id": group, "cidr_ipv4": prefix, "ip_protocol": "tcp",
        "from_port": 5432, "to_port": 5432, "description": description})
}

#[test]
fn rules_that_are_made_changed_or_taken_away_are_found() {
    let lab = Lab::new();
    let address = "aws_vpc_security_group_ingress_rule.a";
    let changes =
        |word: &str| [format!("`{address}` ({word}) changes the rules of `{NAME}`, {SEGMENTS}")];
    let (old, new) = (rule(GROUP, "10.0.0.0/8", "a"), rule(GROUP, "0.0.0.0/0", "a"));
    let made = planned(address, &["create"], [Value::Null, new.clone(), json!({"id": true})]);
    assert_eq!(lab.found(&json!([made])), changes("create"));
    assert_eq!(lab.found(&json!([updated(address, old.clone(), new)])), changes("update"));
    let gone = planned(address, &["delete"], [old, Value::Null, json!({})]);
    assert_eq!(lab.found(&json!([gone])), changes("delete"));
    let inline = json!([{"protocol": "-1", "cidr_blocks": ["0.0.0.0/0"]}]);
    let own = updated("aws_security_group.a", group(&[]), group(&[("ingress", inline)]));
    let expected =
        format!("`aws_security_group.a` (update) changes the rules of `{NAME}`, {SEGMENTS}");
    assert_eq!(lab.found(&json!([own])), [expected]);
}

#[test]
fn what_leaves_groups_of_ours_as_they_are_is_no_finding() {
    let lab = Lab::new();
    let machine = |groups: Value, size: &str| json!({"id": lab.machine, "vpc_security_group_ids": groups, "instance_type": size});
    let rule_of = |description: &str| rule(GROUP, "10.0.0.0/8", description);
    let changes = json!([
        updated(
            "aws_instance.a",
            machine(json!([GROUP]), "small"),
            machine(json!([GROUP]), "large")
        ),
        updated("aws_instance.b", machine(json!([OTHER]), "a"), machine(json!([]), "a")),
        updated("aws_vpc_security_group_ingress_rule.a", rule_of("one"), rule_of("two")),
        updated(
            "aws_security_group.a",
            group(&[("revoke_rules_on_delete", json!(false))]),
            group(&[("revoke_rules_on_delete", json!(true))])
        ),
        planned(
            "aws_security_group.b",
            &["delete"],
            [
                json!({"id": OTHER, "name": "other", "ingress": [], "egress": []}),
                Value::Null,
                json!({})
            ]
        ),
    ]);
    assert_eq!(lab.found(&changes), [""; 0]);
}

const OPEN: &str = "what will be there instead is known after apply";

#[test]
fn what_is_known_after_apply_never_looks_as_if_it_stayed() {
    let lab = Lab::new();
    let open = |text: &str| [format!("{text}, {SEGMENTS} | {OPEN}")];
    let key = "vpc_security_group_ids";
    let machine = planned(
        "aws_instance.a",
        &["delete", "create"],
        [json!({key: [GROUP]}), json!({}), json!({key: true})],
    );
    let off = format!("`aws_instance.a` (replace) takes `{NAME}` off");
    assert_eq!(lab.found(&json!([machine])), open(&off));
    let attachment = "aws_network_interface_sg_attachment.a";
    let before = json!({"security_group_id": GROUP, "network_interface_id": lab.interface});
    let after = json!({"security_group_id": GROUP});
    let unknown = json!({"network_interface_id": true});
    let moved = planned(attachment, &["delete", "create"], [before, after, unknown]);
    let off = format!("`{attachment}` (replace) takes `{NAME}` off");
    assert_eq!(lab.found(&json!([moved])), open(&off));
    let own = planned(
        "aws_security_group.a",
        &["update"],
        [
            group(&[]),
            json!({"id": GROUP, "name": NAME, "egress": [], "tags": group(&[])["tags"]}),
            json!({"ingress": true}),
        ],
    );
    let changes = format!("`aws_security_group.a` (update) changes the rules of `{NAME}`");
    assert_eq!(lab.found(&json!([own])), open(&changes));
}

/// A rule of a group that is made by the same plan is none of ours; of one that nobody can tell, it may be.
#[test]
fn a_rule_of_a_group_that_is_not_known_may_be_one_of_ours() {
    let lab = Lab::new();
    let address = "aws_vpc_security_group_ingress_rule.a";
    let mut after = rule(GROUP, "10.0.0.0/8", "a");
    after.as_object_mut().unwrap().remove("security_group_id");
    let unknown = json!({"id": true, "security_group_id": true});
    let new = json!({"name": "new", "ingress": []});
    let changes = json!([
        planned(address, &["create"], [Value::Null, after, unknown]),
        planned("aws_security_group.new", &["create"], [Value::Null, new, json!({"id": true})]),
    ]);
    let configuration = |reference: &[&str]| {
        json!({"root_module": {"resources": [{
            "address": address, "mode": "managed", "type": "aws_vpc_security_group_ingress_rule",
            "name": "a", "expressions": {"security_group_id": {"references": reference}},
        }]}})
    };
    let clear = configuration(&["aws_security_group.new.id", "aws_security_group.new"]);
    assert_eq!(lab.found_in(&changes, &clear), [""; 0]);
    let doubt = configuration(&["local.group"]);
    let expected = format!(
        "`{address}` (create) changes the rules of a group that is known after apply, which may be one of \
         Watertight's | {OPEN}"
    );
    assert_eq!(lab.found_in(&changes, &doubt), [expected]);
}

/// A state that was read before our group was put on does not list it, and what is written replaces it.
#[test]
fn what_terraform_has_not_seen_is_taken_off_by_what_it_writes() {
    let lab = Lab::new();
    let of = |groups: Value| {
        json!({"id": lab.machine, "primary_network_interface_id": lab.interface,
            "vpc_security_group_ids": groups})
    };
    let change = updated("aws_instance.a", of(json!([])), of(json!([OTHER])));
    let expected = format!("`aws_instance.a` (update) takes `{NAME}` off, {SEGMENTS}");
    assert_eq!(lab.found(&json!([change])), [expected]);
    let untouched = updated("aws_instance.a", of(json!([OTHER])), of(json!([OTHER])));
    assert_eq!(lab.found(&json!([untouched])), [""; 0]);
}

#[test]
fn text_and_code_review_name_resource_group_and_segment() {
    let lab = Lab::new();
    let of = |groups: Value| json!({"vpc_security_group_ids": groups});
    let changes = json!([updated("aws_instance.a", of(json!([GROUP])), of(json!([OTHER])))]);
    let (code, text) = lab.gate(&changes, &Value::Null, "table");
    assert_eq!(code, 2);
    let line = format!("WT0915: `aws_instance.a` (update) takes `{NAME}` off, {SEGMENTS}\n");
    assert!(text.contains(&line) && text.contains("caused by aws_instance.a ("), "{text}");
    let (_, text) = lab.gate(&changes, &Value::Null, "sarif");
    let log: Value = serde_json::from_str(&text).unwrap();
    let results = log["runs"][0]["results"].as_array().unwrap();
    let own = results.iter().find(|one| one["ruleId"] == "WT0915").unwrap();
    assert!(own["message"]["text"].as_str().unwrap().contains(NAME), "{own:#}");
    let place = &own["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
    assert!(place.as_str().unwrap().ends_with("plan.json"), "{own:#}");
}

/// A machine that goes with its group, the group's rules and what attaches it: nothing is left to enforce. Where
/// another still carries the group, it is loosened for that one.
#[test]
fn a_group_that_goes_with_all_that_carries_it_is_no_finding() {
    let lab = Lab::new();
    let gone = |address: &str, before: Value| {
        planned(address, &["delete"], [before, Value::Null, json!({})])
    };
    let machine = json!({"id": lab.machine, "primary_network_interface_id": lab.interface,
        "arn": "arn:aws:ec2:eu-central-1:123456789012:instance/x", "instance_state": "running",
        "vpc_security_group_ids": [GROUP]});
    let together = |with_machine: bool| {
        let mut changes = vec![
            gone("aws_security_group.a", group(&[])),
            gone("aws_vpc_security_group_ingress_rule.a", rule(GROUP, "10.0.0.0/8", "a")),
        ];
        if with_machine {
            changes.push(gone("aws_instance.a", machine.clone()));
        }
        lab.found(&Value::from(changes))
    };
    assert_eq!(together(true), [""; 0]);
    assert_eq!(together(false).len(), 2);
    let mut second = String::new();
    change(lab.folder.path(), "ec2-describe-network-interfaces", "NetworkInterfaces", |all| {
        let one = &mut all[1];
        one["Groups"] = json!([{"GroupId": GROUP, "GroupName": NAME}]);
        one["NetworkInterfaceId"].as_str().unwrap().clone_into(&mut second);
    });
    assert_ne!(second, lab.interface);
    assert_eq!(together(true).len(), 2, "{second} carries it still");
}
