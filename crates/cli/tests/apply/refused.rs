//! Plans that are not applied, and what is said about why.

use std::fs;

use serde_json::{Value, json};
use watertight_testkit::aws_server::{Recording, Server, Strictness, Troubles};

use crate::support::{ACCOUNT, Lab, estate, told, watertight};

#[test]
fn a_plan_whose_interface_changed_is_refused_and_says_how() {
    let lab = Lab::plain();
    let form = "Action=ModifyNetworkInterfaceAttribute&NetworkInterfaceId=eni-0000000000000c001\
                &SecurityGroupId.1=sg-0000000000000c002";
    lab.by_hand(form);
    let (code, _, error) = lab.run("apply", &[]);
    assert_eq!(code, 2, "{error}");
    let how = "endpoint eni-0000000000000c001: groups; gone sg-0000000000000c001; new sg-0000000000000c002";
    assert!(error.contains(how), "{error}");
    assert_eq!(lab.server.written().len(), 1, "only what was done by hand");
}

#[test]
fn a_plan_whose_neighbours_rules_changed_is_refused() {
    let lab = Lab::plain();
    let form = "Action=AuthorizeSecurityGroupIngress&GroupId=sg-0000000000000c002\
                &IpPermissions.1.IpProtocol=tcp&IpPermissions.1.FromPort=22&IpPermissions.1.ToPort=22\
                &IpPermissions.1.IpRanges.1.CidrIp=192.0.2.0/24";
    lab.by_hand(form);
    let (code, _, error) = lab.run("apply", &[]);
    assert_eq!(code, 2, "{error}");
    assert!(
        error.contains("group sg-0000000000000c002: ingress; new tcp/22 192.0.2.0/24"),
        "{error}"
    );
}

/// What is proved rests on the ways: another one may open what no group was asked to close.
#[test]
fn a_plan_whose_routes_or_access_lists_changed_is_refused_and_says_how() {
    let body = |call: &str| -> Value {
        let file = format!("raw/aws/{ACCOUNT}/eu-central-1/{call}.json");
        serde_json::from_slice(&fs::read(estate().join(file)).unwrap()).unwrap()
    };
    let (tables, acls) = ("ec2-describe-route-tables", "ec2-describe-network-acls");
    let mut other = body(tables);
    other["RouteTables"][1]["Routes"][1]["GatewayId"] = json!("vgw-0000000000000c001");
    let routed = "routes rtb-0000000000000c002: routes; gone 0.0.0.0/0 to igw-0000000000000c001; \
                  new 0.0.0.0/0 to vgw-0000000000000c001";
    let mut moved = body(acls);
    moved["NetworkAcls"][0]["Associations"].as_array_mut().unwrap().pop();
    let mut open = body(acls);
    open["NetworkAcls"][0]["Entries"][2]["PortRange"] = json!({"From": 22, "To": 22});
    open["NetworkAcls"][0]["Entries"][2]["Protocol"] = json!("6");
    let id = "access list acl-0000000000000c001";
    let narrowed =
        format!("{id}: entries; gone in 100 allow -1 0.0.0.0/0; new in 100 allow 6 22-22");
    let left = format!("{id}: of; gone subnet-0000000000000c003");
    let cases = [(tables, other, routed), (acls, moved, &*left), (acls, open, &*narrowed)];
    for (call, body, how) in cases {
        let mut recording = Recording::read(&estate()).unwrap();
        recording.replace((ACCOUNT, "eu-central-1"), call, &body);
        let server =
            Server::start_strict(recording, Troubles::default(), Strictness::default()).unwrap();
        let lab = Lab { server, ..Lab::plain() };
        let (code, _, error) = lab.run("apply", &[]);
        assert_eq!(code, 2, "{error}");
        assert!(error.contains(how), "{how}: {error}");
        assert!(lab.server.written().is_empty());
    }
}

#[test]
fn a_name_that_somebody_has_is_not_taken_over() {
    let lab = Lab::plain();
    let name =
        lab.plan()["groups"][0]["name"].as_str().unwrap().replace('/', "%2F").replace('+', "%2B");
    let form = format!(
        "Action=CreateSecurityGroup&GroupName={name}&GroupDescription=mine&VpcId=vpc-0000000000000c001"
    );
    lab.by_hand(&form);
    let (code, _, error) = lab.run("apply", &[]);
    assert_eq!(code, 2, "{error}");
    assert!(error.contains("there is a group of this name"), "{error}");
}

#[test]
fn an_interface_that_somebody_changes_in_between_stops_the_plan_and_is_left_alone() {
    let lab = Lab::plain();
    // Groups and rules are there, and no interface is changed yet: 1 question about who asks, 5 about
    // what was read, and what the first 6 steps ask and write.
    lab.server.stop_after(Some((32, watertight_testkit::aws_server::Lost::Request)));
    assert!(lab.take(watertight_live_aws::Way::Apply).is_err());
    lab.server.stop_after(None);
    let set = "Action=ModifyNetworkInterfaceAttribute&NetworkInterfaceId=eni-0000000000000c007\
               &SecurityGroupId.1=sg-0000000000000c000";
    lab.by_hand(set);
    let failed = lab.take(watertight_live_aws::Way::Apply).unwrap_err().to_string();
    assert!(failed.contains("has changed") || failed.contains("it carries"), "{failed}");
    let held = lab.server.held();
    let carried = &held[format!("{ACCOUNT}/eu-central-1")]["interfaces"]["eni-0000000000000c007"];
    assert_eq!(carried[0], "vpc-0000000000000c001/default");
}

#[test]
fn a_plan_that_is_no_longer_valid_is_refused() {
    let lab = Lab::plain();
    let text = fs::read_to_string(lab.path("change.plan")).unwrap();
    let text = text.replace("\"valid_until\": null", "\"valid_until\": \"2020-01-01T00:00:00Z\"");
    fs::write(lab.path("change.plan"), text).unwrap();
    let (code, _, error) = lab.run("apply", &[]);
    assert_eq!(code, 2, "{error}");
    assert!(error.contains("was valid until 2020-01-01T00:00:00Z"), "{error}");
    assert_eq!(lab.server.requests(), 0);
}

#[test]
fn a_step_that_may_interrupt_something_wants_consent() {
    let lab = Lab::plain();
    let text = fs::read_to_string(lab.path("change.plan")).unwrap();
    let mut plan: Value = serde_json::from_str(&text).unwrap();
    plan["steps"][0]["transient"] = "web-1 is interrupted".into();
    fs::write(lab.path("change.plan"), plan.to_string()).unwrap();
    let (code, _, error) = lab.run("apply", &[]);
    assert_eq!(code, 2, "{error}");
    assert!(error.contains("web-1 is interrupted; `--accept-transient`"), "{error}");
    assert_eq!(lab.run("apply", &["--accept-transient"]).0, 0);
}

#[test]
fn another_account_needs_a_role() {
    let lab = Lab::plain();
    let plan = lab.path("change.plan");
    let arguments = ["apply", plan.to_str().unwrap()];
    let key = Server::key_of("999999999999");
    let (code, _, error) = told(&watertight(&arguments, &lab.server.url(), &key));
    assert_eq!(code, 1, "{error}");
    assert!(error.contains("name a role with `--role`"), "{error}");
    let arguments = ["apply", plan.to_str().unwrap(), "--role", "deploy"];
    let (code, _, error) = told(&watertight(&arguments, &lab.server.url(), &key));
    assert_eq!(code, 0, "{error}");
}

#[test]
fn a_journal_of_another_plan_is_refused() {
    let lab = Lab::plain();
    assert_eq!(lab.run("apply", &[]).0, 0);
    let text = fs::read_to_string(lab.path("change.plan")).unwrap();
    fs::write(lab.path("change.plan"), format!("{text}\n")).unwrap();
    let (code, _, error) = lab.run("rollback", &[]);
    assert_eq!(code, 3, "{error}");
    assert!(error.contains("is about another plan"), "{error}");
}

#[test]
fn a_plan_whose_end_of_validity_cannot_be_read_is_none() {
    let lab = Lab::plain();
    let text = fs::read_to_string(lab.path("change.plan")).unwrap();
    let text = text.replace("\"valid_until\": null", "\"valid_until\": \"soon\"");
    fs::write(lab.path("change.plan"), text).unwrap();
    let (code, _, error) = lab.run("apply", &[]);
    assert_eq!(code, 3, "{error}");
    assert!(error.contains("`soon`"), "{error}");
    assert_eq!(lab.server.requests(), 0);
}

#[test]
fn what_was_not_applied_from_here_is_not_taken_back_in_silence() {
    let lab = Lab::plain();
    for more in [&[][..], &["--dry-run"]] {
        let (code, _, error) = lab.run("rollback", more);
        assert_eq!(code, 3, "{error}");
        assert!(error.contains("change.plan.journal` is not there"), "{error}");
    }
    assert_eq!(lab.server.requests(), 0);
    assert!(!lab.path("change.plan.journal").exists());
}

#[test]
fn a_dry_run_of_taking_back_says_where_somebody_else_was() {
    let lab = Lab::plain();
    assert_eq!(lab.run("apply", &[]).0, 0);
    let set = "Action=ModifyNetworkInterfaceAttribute&NetworkInterfaceId=eni-0000000000000c007\
               &SecurityGroupId.1=sg-0000000000000c000";
    lab.by_hand(set);
    let (code, _, error) = lab.run("rollback", &["--dry-run"]);
    assert_eq!(code, 1, "{error}");
    assert!(error.contains("it carries sg-0000000000000c000"), "{error}");
}

#[test]
fn a_rule_of_a_group_that_is_neither_planned_nor_an_id_is_refused() {
    let lab = Lab::plain();
    let mut plan = lab.plan();
    let name = plan["groups"][0]["name"].clone();
    let rules = serde_json::json!({"ingress": [{"peer": "watertight/old", "over": "tcp/22"}], "egress": []});
    let action = |what: &str| serde_json::json!({"do": what, "group": name, "rules": rules});
    plan["steps"] = serde_json::json!([
        {"action": action("remove-rules"), "inverse": action("add-rules")},
    ]);
    fs::write(lab.path("change.plan"), plan.to_string()).unwrap();
    let (code, _, error) = lab.run("apply", &[]);
    assert_eq!(code, 3, "{error}");
    assert!(error.contains("`watertight/old`"), "{error}");
}
