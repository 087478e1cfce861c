//! `gc`: groups of ours that nobody needs go, and come back when the plan is taken back.

use std::fs;

use serde_json::Value;
use tempfile::TempDir;
use watertight_live_aws::Way;
use watertight_testkit::aws_server::{Lost, Recording, Server, Strictness, Troubles};

use crate::support::{ACCOUNT, Lab, policy};

/// The groups that are made by hand; the strict server counts those that it makes.
const OLD: &str = "sg-0fee1000000000004";
const OLDER: &str = "sg-0fee1000000000005";
const NAMED: &str = "sg-0fee1000000000006";
/// A group of the plan that was applied.
const OURS: &str = "sg-0fee1000000000002";

/// An estate after a plan, with groups that no plan wants: two that name each other, one of which a rule
/// of ours names, and one that a rule of others names.
struct Littered {
    folder: TempDir,
}

fn make(name: &str) -> String {
    format!(
        "Action=CreateSecurityGroup&GroupName=watertight%2F{name}&GroupDescription=made+for+{name}\
         &VpcId=vpc-0000000000000c001&TagSpecification.1.ResourceType=security-group\
         &TagSpecification.1.Tag.1.Key=watertight.io%2Fmanaged&TagSpecification.1.Tag.1.Value=true\
         &TagSpecification.1.Tag.2.Key=team&TagSpecification.1.Tag.2.Value={name}"
    )
}

fn name_in(group: &str, peer: &str) -> String {
    format!(
        "Action=AuthorizeSecurityGroupIngress&GroupId={group}&IpPermissions.1.IpProtocol=tcp\
         &IpPermissions.1.FromPort=22&IpPermissions.1.ToPort=22&IpPermissions.1.Groups.1.GroupId={peer}"
    )
}

/// A group of others in the estate.
fn others(lab: &Lab) -> String {
    let plan = lab.plan();
    plan["attachments"][0]["before"][0].as_str().unwrap().to_owned()
}

impl Littered {
    fn new() -> Self {
        let lab = Lab::plain();
        lab.take(Way::Apply).unwrap();
        for name in ["old", "older", "named"] {
            lab.by_hand(&make(name));
        }
        for (group, peer) in [(OLD, OLDER), (OLDER, OLD), (OURS, OLD)] {
            lab.by_hand(&name_in(group, peer));
        }
        lab.by_hand(&name_in(&others(&lab), NAMED));
        let (estate, plan) = (lab.path("estate"), lab.path("gc.plan"));
        collect(&lab, estate.to_str().unwrap());
        let (code, told, error) = lab.watertight(&[
            "gc",
            policy().to_str().unwrap(),
            "--estate",
            estate.to_str().unwrap(),
            "-o",
            plan.to_str().unwrap(),
        ]);
        assert_eq!(code, 2, "{error}");
        assert!(told.contains("watertight/named (sg-0fee1000000000006) stays: "), "{told}");
        Self { folder: lab.folder }
    }

    fn lab(&self, strictness: Strictness) -> Lab {
        let recording = Recording::read(&self.folder.path().join("estate")).unwrap();
        let server = Server::start_strict(recording, Troubles::default(), strictness).unwrap();
        let folder = TempDir::new().unwrap();
        fs::copy(self.folder.path().join("gc.plan"), folder.path().join("change.plan")).unwrap();
        Lab { server, folder }
    }

    fn estate(&self) -> String {
        self.folder.path().join("estate").to_str().unwrap().to_owned()
    }
}

fn collect(lab: &Lab, estate: &str) {
    let (code, _, error) =
        lab.watertight(&["collect", "aws", "--region", "eu-central-1", "-o", estate]);
    assert!(code == 0 || code == 2, "{error}");
}

fn names(held: &Value) -> Vec<&str> {
    let groups = held[format!("{ACCOUNT}/eu-central-1")]["groups"].as_object().unwrap();
    groups.keys().map(|name| name.rsplit_once("watertight/").map_or("", |(_, name)| name)).collect()
}

fn steps(plan: &Value) -> Vec<String> {
    let steps = plan["steps"].as_array().unwrap().iter();
    let word = |step: &Value, key: &str| step[key].as_str().unwrap().to_owned();
    let told = steps.map(|step| {
        let action = &step["action"];
        format!("{} {}", word(action, "do"), word(action, "group"))
    });
    told.collect()
}

#[test]
fn what_nobody_needs_goes_with_the_rules_that_name_it_and_comes_back() {
    let littered = Littered::new();
    let lab = littered.lab(Strictness::default());
    let (before, plan) = (lab.server.held(), lab.plan());
    let told = steps(&plan);
    assert!(told[0].starts_with("remove-rules watertight/vpc-"), "{told:?}");
    assert_eq!(
        told[1..],
        [
            "remove-rules watertight/old",
            "remove-rules watertight/older",
            "delete-group watertight/old",
            "delete-group watertight/older"
        ]
    );
    let (code, _, error) = lab.run("apply", &["--dry-run"]);
    assert_eq!((code, lab.server.held()), (0, before.clone()), "{error}");
    lab.take(Way::Apply).unwrap();
    let after = lab.server.held();
    let left = names(&after);
    assert!(!left.contains(&"old") && !left.contains(&"older") && left.contains(&"named"));
    lab.take(Way::Rollback).unwrap();
    assert_eq!(lab.server.held(), before);
}

#[test]
fn without_a_policy_what_is_carried_is_wanted() {
    let littered = Littered::new();
    let lab = littered.lab(Strictness::default());
    let out = lab.path("other.plan");
    let estate = littered.estate();
    let arguments = ["gc", "--estate", &estate, "-o", out.to_str().unwrap()];
    let (code, told, error) = lab.watertight(&arguments);
    assert_eq!(code, 2, "{error}");
    assert!(told.contains("stays: carried by eni-"), "{told}");
    let plan: Value = serde_json::from_slice(&fs::read(out).unwrap()).unwrap();
    assert_eq!(plan["steps"], lab.plan()["steps"]);
}

#[test]
fn what_somebody_carries_since_is_not_touched() {
    let littered = Littered::new();
    let lab = littered.lab(Strictness::default());
    let estate = fs::read_to_string(littered.folder.path().join(format!(
        "estate/raw/aws/{ACCOUNT}/eu-central-1/ec2-describe-network-interfaces.json"
    )));
    let body: Value = serde_json::from_str(&estate.unwrap()).unwrap();
    let interface = &body["NetworkInterfaces"][0];
    let (id, carried) = (&interface["NetworkInterfaceId"], &interface["Groups"][0]["GroupId"]);
    let (id, carried) = (id.as_str().unwrap(), carried.as_str().unwrap());
    lab.by_hand(&format!(
        "Action=ModifyNetworkInterfaceAttribute&NetworkInterfaceId={id}&SecurityGroupId.1={carried}\
         &SecurityGroupId.2={OLD}"
    ));
    let before = lab.server.held();
    let (code, _, error) = lab.run("apply", &[]);
    assert_eq!((code, lab.server.held()), (2, before), "{error}");
    assert!(error.contains(&format!("carriers of {OLD}: interfaces; new {id}")), "{error}");
}

/// Rules that somebody gave a group since are theirs.
#[test]
fn a_group_that_was_changed_since_it_was_read_stays() {
    let littered = Littered::new();
    let lab = littered.lab(Strictness::default());
    lab.by_hand(&name_in(OLD, OURS));
    let before = lab.server.held();
    let (code, _, error) = lab.run("apply", &[]);
    assert_eq!((code, lab.server.held()), (2, before), "{error}");
}

/// Killed at every request, before it does anything and after it did, resumed and taken back; and what
/// is possible is at every one of them what was possible before.
#[test]
fn taking_away_that_is_killed_anywhere_opens_and_interrupts_nothing_and_is_resumed() {
    const LATE: Strictness =
        Strictness { rules_max: 60, groups_max: 5, unseen: 2, busy: 0, fails: false };
    let littered = Littered::new();
    let whole = littered.lab(Strictness::default());
    let before = whole.server.held();
    let asked = whole.server.requests();
    whole.take(Way::Apply).unwrap();
    let (count, after) = (whole.server.requests() - asked, whole.server.held());
    assert!(count > 10, "{count}");
    for stop in 0..count {
        for lost in [Lost::Request, Lost::Answer] {
            let lab = littered.lab(if stop % 2 == 0 { LATE } else { Strictness::default() });
            lab.server.stop_after(Some((stop, lost)));
            assert!(lab.take(Way::Apply).is_err(), "{stop}");
            lab.server.stop_after(None);
            if lost == Lost::Answer {
                let between = lab.path("between");
                let between = between.to_str().unwrap();
                collect(&lab, between);
                let (code, told, _) = lab.watertight(&["diff", &littered.estate(), between]);
                assert_eq!(code, 0, "{stop}: {told}");
            }
            lab.take(Way::Apply).unwrap_or_else(|error| panic!("{stop} {lost:?}: {error}"));
            assert_eq!(lab.server.held(), after, "{stop} {lost:?}");
            lab.take(Way::Rollback).unwrap_or_else(|error| panic!("{stop} {lost:?}: {error}"));
            assert_eq!(lab.server.held(), before, "{stop} {lost:?}");
        }
    }
}

#[test]
fn taking_back_that_is_killed_anywhere_is_resumed() {
    let littered = Littered::new();
    let whole = littered.lab(Strictness::default());
    let before = whole.server.held();
    whole.take(Way::Apply).unwrap();
    let asked = whole.server.requests();
    let (code, _, error) = whole.run("rollback", &["--dry-run"]);
    assert_eq!(code, 3, "the journal is that of another hash: {error}");
    let dry = whole.server.requests() - asked;
    whole.take(Way::Rollback).unwrap();
    let count = whole.server.requests() - asked - dry;
    assert!(count > 10, "{count}");
    for stop in 0..count {
        let lab = littered.lab(Strictness::default());
        lab.take(Way::Apply).unwrap();
        let lost = if stop % 2 == 0 { Lost::Request } else { Lost::Answer };
        lab.server.stop_after(Some((stop, lost)));
        assert!(lab.take(Way::Rollback).is_err(), "{stop}");
        lab.server.stop_after(None);
        lab.take(Way::Rollback).unwrap_or_else(|error| panic!("{stop}: {error}"));
        assert_eq!(lab.server.held(), before, "{stop}");
    }
}
