//! What makes replicas: its template is given the groups that the replicas are to carry.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;
use watertight_live_aws::Way;
use watertight_testkit::aws_server::{Strictness, Troubles};

use crate::support::{ACCOUNT, Lab, copied, killed_while_applying, killed_while_taking_back, root};

const POLICY: &str = "testdata/plans/scaling/policy.yaml";
const ESTATE: &str = "testdata/estates/scaling";
const AT: &str = "2026-11-28T09:00:00Z";

fn lab(strictness: Strictness) -> Lab {
    Lab::of("scaling", Troubles::default(), strictness)
}

fn templates(held: &Value) -> &Value {
    &held[format!("{ACCOUNT}/eu-central-1")]["templates"]
}

/// The owners of a plan over the estate after a change of its bodies.
fn owners(more: &[&str], change: impl Fn(&str, &mut Value)) -> Vec<Value> {
    let folder = TempDir::new().unwrap();
    let estate = copied(&root().join(ESTATE), folder.path(), change);
    let lab = Lab::plain();
    let arguments =
        ["plan", POLICY, "--estate", estate.to_str().unwrap(), "--at", AT, "-f", "json"];
    let (code, plan, error) = lab.watertight(&[arguments.as_slice(), more].concat());
    assert_eq!(code, 2, "{error}");
    let plan: Value = serde_json::from_str(&plan).unwrap();
    plan["owners"].as_array().unwrap().clone()
}

/// Why a scaling group's replicas are not held after a change.
fn why(id: &str, more: &[&str], change: impl Fn(&str, &mut Value)) -> String {
    let owners = owners(more, change);
    let owner = owners.iter().find(|one| one["id"] == id).unwrap();
    assert_eq!(owner["holds"], "unheld", "{owner:#}");
    owner["why"].as_str().unwrap().to_owned()
}

/// A change of the body of a scaling group.
fn scaling(id: &'static str, change: impl Fn(&mut Value)) -> impl Fn(&str, &mut Value) {
    move |file, body| {
        if file.starts_with("autoscaling") {
            let groups = body["AutoScalingGroups"].as_array_mut().unwrap();
            let found = groups.iter_mut().find(|one| one["AutoScalingGroupName"] == id);
            change(found.unwrap());
        }
    }
}

/// A change of what the versions of a template tell.
fn version(id: &'static str, change: impl Fn(&mut Value)) -> impl Fn(&str, &mut Value) {
    move |file, body| {
        if file.starts_with("ec2-describe-launch") {
            let versions = body["LaunchTemplateVersions"].as_array_mut().unwrap();
            let own = versions.iter_mut().filter(|one| one["LaunchTemplateId"] == id);
            own.for_each(|one| change(&mut one["LaunchTemplateData"]));
        }
    }
}

#[test]
fn the_plan_of_what_makes_replicas_is_what_it_was() {
    let folder = TempDir::new().unwrap();
    let out = folder.path().join("change.plan");
    let arguments = ["plan", POLICY, "--estate", ESTATE, "--at", AT, "-o", out.to_str().unwrap()];
    let (code, told, error) = Lab::plain().watertight(&arguments);
    assert_eq!(code, 2, "{error}");
    let again = fs::read_to_string(out).unwrap();
    let golden = root().join("testdata/plans/scaling/change.plan");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&golden, &again).unwrap();
    }
    assert_eq!(fs::read_to_string(golden).unwrap(), again);
    assert!(told.contains("scaling-group web: with this plan"), "{told}");
    assert!(told.contains("scaling-group db: no: it makes them from the launch"), "{told}");
}

#[test]
fn a_new_replica_is_made_with_what_the_others_carry_and_nothing_else_is_different() {
    let lab = lab(Strictness::default());
    let before = lab.server.held();
    lab.take(Way::Apply).unwrap();
    let held = lab.server.held();
    let carried = |endpoint: &str| &held[format!("{ACCOUNT}/eu-central-1")]["interfaces"][endpoint];
    let of = |held: &Value, id: &str| templates(held)["groups"][id]["groups"].clone();
    assert_eq!(&of(&held, "web"), carried("eni-0000000000000c001"));
    assert_eq!(&of(&held, "app"), carried("eni-0000000000000c004"));
    assert_eq!(of(&held, "db"), of(&before, "db"));
    let estate = lab.path("estate");
    let estate = estate.to_str().unwrap();
    let (code, _, error) =
        lab.watertight(&["collect", "aws", "--region", "eu-central-1", "-o", estate]);
    assert!(code == 0 || code == 2, "{error}");
    let file = format!("raw/aws/{ACCOUNT}/eu-central-1/ec2-describe-launch-template-versions.json");
    let body: Value =
        serde_json::from_slice(&fs::read(Path::new(estate).join(file)).unwrap()).unwrap();
    let newest = |id: &str| {
        let versions = body["LaunchTemplateVersions"].as_array().unwrap().iter();
        let own = versions.filter(|one| one["LaunchTemplateId"] == id);
        own.max_by_key(|one| one["VersionNumber"].as_i64()).unwrap().clone()
    };
    let app = newest("lt-0000000000000c002");
    let interface = &app["LaunchTemplateData"]["NetworkInterfaces"][0];
    assert_eq!(interface["AssociatePublicIpAddress"], false);
    assert_eq!(interface["Description"], "first");
    assert_eq!(app["LaunchTemplateData"]["TagSpecifications"][0]["Tags"][0]["Value"], "app");
    assert_eq!(app["DefaultVersion"], false);
    let web = newest("lt-0000000000000c001");
    assert_eq!(web["LaunchTemplateData"]["ImageId"], "ami-12c6146b");
    assert_eq!(web["LaunchTemplateData"]["UserData"], "REDACTED");
    // A second plan has nothing to do; that `db` is not held it still says.
    let (code, told, error) = lab.watertight(&["plan", POLICY, "--estate", estate]);
    assert_eq!(code, 2, "{error}");
    assert!(told.starts_with("Nothing to do"), "{told}");
    assert!(told.contains("  2 more: already"), "{told}");
    lab.take(Way::Rollback).unwrap();
    assert_eq!(lab.server.held(), before);
}

/// The steps about templates come last.
#[test]
fn killed_anywhere_it_goes_on_and_is_taken_back_without_a_trace() {
    killed_while_applying(&lab, |count| count - 24..count);
}

/// They are the first to be taken back.
#[test]
fn taking_back_that_is_killed_anywhere_ends_where_it_began() {
    killed_while_taking_back(&lab, |_| 0..24);
}

#[test]
fn a_scaling_group_that_somebody_gave_another_version_is_refused_and_left_alone() {
    let lab = lab(Strictness::default());
    lab.by_hand(
        "Action=UpdateAutoScalingGroup&AutoScalingGroupName=web\
         &LaunchTemplate.LaunchTemplateId=lt-0000000000000c001&LaunchTemplate.Version=1",
    );
    let (code, _, error) = lab.run("apply", &[]);
    assert_eq!(code, 2, "{error}");
    assert!(error.contains("template of web: version; gone 3; new 1"), "{error}");
    assert_eq!(lab.server.written().len(), 1, "only what was done by hand");
}

#[test]
fn what_somebody_had_it_make_since_stays_so_when_a_plan_is_taken_back() {
    let lab = lab(Strictness::default());
    let before = lab.server.held();
    lab.take(Way::Apply).unwrap();
    lab.by_hand(
        "Action=UpdateAutoScalingGroup&AutoScalingGroupName=web\
         &LaunchTemplate.LaunchTemplateId=lt-0000000000000c001&LaunchTemplate.Version=1",
    );
    lab.take(Way::Rollback).unwrap();
    let held = lab.server.held();
    assert_eq!(templates(&held)["groups"]["web"]["groups"], json!([]));
    assert_eq!(templates(&held)["versions"], templates(&before)["versions"]);
}

#[test]
fn a_dry_run_writes_nothing_and_only_such_plans_need_to_pass_roles() {
    let lab = lab(Strictness::default());
    let (code, told, error) = lab.run("apply", &["--dry-run"]);
    assert_eq!(code, 0, "{error}");
    assert!(format!("{told}{error}").contains("scaling-group web: a version after 3"), "{told}");
    assert!(lab.server.written().is_empty());
    let printed = |plan: &Path| {
        let plan = plan.to_str().unwrap();
        lab.watertight(&["apply", plan, "--print-iam-policy"]).1
    };
    assert!(printed(&lab.path("change.plan")).contains("iam:PassRole"));
    let others = printed(&root().join("testdata/plans/tiers/change.plan"));
    assert!(!others.contains("iam:PassRole") && !others.contains("autoscaling"), "{others}");
}

#[test]
fn templates_that_code_describes_are_told_and_left_alone() {
    let told = why("web", &["--keep-templates"], |_, _| {});
    assert!(told.contains("left alone"), "{told}");
    let stack = scaling("web", |group| {
        let tag = json!({"Key": "aws:cloudformation:stack-name", "Value": "shop"});
        group["Tags"].as_array_mut().unwrap().push(tag);
    });
    assert!(why("web", &[], stack).contains("the stack shop describes it"));
    let nodes = scaling("web", |group| {
        group["Tags"]
            .as_array_mut()
            .unwrap()
            .push(json!({"Key": "eks:nodegroup-name", "Value": "n"}));
    });
    assert!(why("web", &[], nodes).contains("the managed node group n writes its template"));
}

#[test]
fn what_the_policy_would_not_see_in_a_new_replica_is_named() {
    let lost = scaling("web", |group| {
        group["Tags"].as_array_mut().unwrap().retain(|tag| tag["Key"] != "env");
    });
    let told = why("web", &[], lost);
    assert!(told.contains("made without") && told.contains("`env=prod`"), "{told}");
    let other = scaling("web", |group| {
        group["Tags"].as_array_mut().unwrap()[0]["Value"] = json!("app");
    });
    let told = why("web", &[], other);
    assert!(told.contains("with `app=app`"), "{told}");
    // A tag that no selector names makes no difference.
    let cost = scaling("web", |group| {
        let tag = json!({"Key": "cost", "Value": "8", "PropagateAtLaunch": true});
        group["Tags"].as_array_mut().unwrap().push(tag);
    });
    let owners = owners(&[], cost);
    assert!(owners.iter().any(|one| one["id"] == "web" && one["holds"] == "planned"));
}

#[test]
fn what_cannot_be_written_word_for_word_is_left_alone() {
    let several = version("lt-0000000000000c002", |data| {
        let first = data["NetworkInterfaces"][0].clone();
        data["NetworkInterfaces"].as_array_mut().unwrap().push(first);
    });
    assert!(why("app", &[], several).contains("several interfaces"));
    let fast = version("lt-0000000000000c002", |data| {
        data["NetworkInterfaces"][0]["EnaSrdSpecification"] = json!({"EnaSrdEnabled": true});
    });
    assert!(why("app", &[], fast).contains("`EnaSrdSpecification`"));
    let named = version("lt-0000000000000c001", |data| {
        data["SecurityGroups"] = json!(["web"]);
    });
    assert!(why("web", &[], named).contains("groups by name"));
    let mixed = scaling("web", |group| {
        let specification = group["LaunchTemplate"].take();
        group.as_object_mut().unwrap().remove("LaunchTemplate");
        group["MixedInstancesPolicy"] =
            json!({"LaunchTemplate": {"LaunchTemplateSpecification": specification}});
    });
    assert!(why("web", &[], mixed).contains("mixed instances"));
    let own = scaling("web", |group| {
        let specification = group["LaunchTemplate"].take();
        group.as_object_mut().unwrap().remove("LaunchTemplate");
        let others = [json!({"LaunchTemplateSpecification": specification})];
        group["MixedInstancesPolicy"] = json!({"LaunchTemplate": {
            "LaunchTemplateSpecification": specification, "Overrides": others,
        }});
    });
    let web = owners(&[], own).into_iter().find(|one| one["id"] == "web").unwrap();
    assert!(web.get("template").is_none(), "{web:#}");
    let old = scaling("web", |group| group["LaunchTemplate"]["Version"] = json!("2"));
    let told = why("web", &[], old);
    assert!(told.contains("does not hold version 2 of its template"), "{told}");
}

#[test]
fn no_version_is_made_that_another_scaling_group_would_use() {
    let shared = scaling("db", |group| {
        group.as_object_mut().unwrap().remove("LaunchConfigurationName");
        group["LaunchTemplate"] =
            json!({"LaunchTemplateId": "lt-0000000000000c001", "Version": "$Latest"});
    });
    let told = why("web", &[], &shared);
    assert!(told.contains("db takes the newest version of lt-0000000000000c001 too"), "{told}");
    // For one kind of its machines, or for all but one.
    let (newest, other) = (
        json!({"LaunchTemplateId": "lt-0000000000000c001", "Version": "$Latest"}),
        json!({"LaunchTemplateId": "lt-0000000000000c009", "Version": "1"}),
    );
    for (main, of_kind) in [(&newest, &other), (&other, &newest)] {
        let told = why(
            "web",
            &[],
            scaling("db", |group| {
                group.as_object_mut().unwrap().remove("LaunchConfigurationName");
                group["MixedInstancesPolicy"] = json!({"LaunchTemplate": {
                    "LaunchTemplateSpecification": main,
                    "Overrides": [{"InstanceType": "a1.large"},
                        {"InstanceType": "b1.large", "LaunchTemplateSpecification": of_kind}],
                }});
            }),
        );
        assert!(told.contains("db takes the newest version of lt-0000000000000c001 too"), "{told}");
    }
    // It may make machines later.
    let told = why("web", &[], |file, body| {
        shared(file, body);
        scaling("db", |group| group["Instances"] = json!([]))(file, body);
    });
    assert!(told.contains("db takes the newest version of lt-0000000000000c001 too"), "{told}");
}

#[test]
fn replicas_that_the_policy_tells_apart_have_no_one_template() {
    let told = why("web", &[], |file, body| {
        if file.starts_with("ec2-describe-instances") {
            let first = &mut body["Reservations"][0]["Instances"][0]["Tags"];
            let tags = first.as_array_mut().unwrap();
            tags.iter_mut().find(|tag| tag["Key"] == "app").unwrap()["Value"] = json!("app");
        }
    });
    assert!(told.contains("tells its replicas"), "{told}");
}

#[test]
fn a_configuration_of_terraform_tells_what_its_templates_are_to_name() {
    let lab = lab(Strictness::default());
    let (code, text, error) = lab.run("show", &["--format", "terraform"]);
    assert_eq!(code, 0, "{error}");
    assert!(error.contains("launch templates of 3 scaling groups"), "{error}");
    let file: Value = serde_json::from_str(&text).unwrap();
    let told = &file["output"]["watertight_templates"]["value"];
    let app = &told[format!("{ACCOUNT} eu-central-1 app")];
    assert_eq!(app["argument"], "aws_launch_template.network_interfaces.security_groups");
    let group = app["security_groups"][0].as_str().unwrap();
    let made = file["resource"]["aws_security_group"].as_object().unwrap();
    assert!(made.keys().any(|name| group == format!("${{aws_security_group.{name}.id}}")));
    assert_eq!(told[format!("{ACCOUNT} eu-central-1 web")]["template"], "lt-0000000000000c001");
}

/// A machine that is to be made with a group which is gone is never made.
#[test]
fn a_group_that_a_scaling_group_may_name_is_not_taken_away() {
    let lab = lab(Strictness::default());
    lab.by_hand(
        "Action=CreateSecurityGroup&GroupName=watertight%2Fold&GroupDescription=old\
         &VpcId=vpc-0000000000000c001&TagSpecification.1.ResourceType=security-group\
         &TagSpecification.1.Tag.1.Key=watertight.io%2Fmanaged&TagSpecification.1.Tag.1.Value=true",
    );
    let gc = |name: &str| {
        let (estate, plan) = (lab.path(name), lab.path(&format!("{name}.plan")));
        let (estate, plan) = (estate.to_str().unwrap(), plan.to_str().unwrap());
        let (code, _, error) =
            lab.watertight(&["collect", "aws", "--region", "eu-central-1", "-o", estate]);
        assert!(code == 0 || code == 2, "{error}");
        lab.watertight(&["gc", POLICY, "--estate", estate, "-o", plan])
    };
    let (code, told, error) = gc("before");
    assert_eq!(code, 2, "{told}{error}");
    assert!(told.contains("does not tell the groups with which db makes machines"), "{told}");
    // Its launch configuration, which no input holds, is in use no more.
    lab.by_hand(
        "Action=UpdateAutoScalingGroup&AutoScalingGroupName=db\
         &LaunchTemplate.LaunchTemplateId=lt-0000000000000c001&LaunchTemplate.Version=3",
    );
    let (code, told, error) = gc("after");
    assert_eq!(code, 0, "{told}{error}");
}

#[test]
fn a_template_that_lost_its_groups_is_drift_before_a_machine_is_replaced() {
    let lab = lab(Strictness::default());
    lab.take(Way::Apply).unwrap();
    let of = |held: &Value| templates(held)["groups"]["web"]["groups"].clone();
    let intended = of(&lab.server.held());
    let drift = |more: &[&str]| {
        let estate = lab.path("estate");
        if estate.exists() {
            fs::remove_dir_all(&estate).unwrap();
        }
        let estate = estate.to_str().unwrap();
        let region = ["collect", "aws", "--region", "eu-central-1", "-o", estate];
        let (code, _, error) = lab.watertight(&region);
        assert!(code == 0 || code == 2, "{error}");
        let (code, told, error) =
            lab.watertight(&[&["drift", POLICY, "--estate", estate, "--at", AT], more].concat());
        assert!(code == 0 || code == 2, "{error}");
        (code, told)
    };
    // That one makes them from what cannot change is told, and is no drift.
    let (code, told) = drift(&[]);
    assert!(code == 0 && told.starts_with("No drift: "), "{told}");
    assert!(
        told.contains("scaling-group db: it makes them from the launch configuration"),
        "{told}"
    );
    lab.by_hand(
        "Action=UpdateAutoScalingGroup&AutoScalingGroupName=web\
         &LaunchTemplate.LaunchTemplateId=lt-0000000000000c001&LaunchTemplate.Version=1",
    );
    let plan = lab.path("change.plan");
    fs::remove_file(lab.path("change.plan.journal")).unwrap();
    let (code, told) = drift(&["--revert", plan.to_str().unwrap()]);
    assert_eq!(code, 2, "{told}");
    assert!(told.starts_with("No drift of what is there: "), "{told}");
    let line = "scaling-group web: lt-0000000000000c001 version 1 gives no groups\n";
    assert!(told.contains(line), "{told}");
    // No pass writes templates: who sees one tells it.
    let region = ["reconcile", POLICY, "--region", "eu-central-1", "--at", AT, "--dry-run"];
    let (_, passed, error) = lab.watertight(&region);
    assert!(passed.contains(line), "{passed}{error}");
    let (_, json) = drift(&["-f", "json"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    let holds = |id: &str| {
        let mut owners = json["owners"].as_array().unwrap().iter();
        owners.find(|one| one["id"] == id).map(|one| one["holds"].clone())
    };
    assert_eq!(holds("web"), Some(json!("planned")));
    assert_eq!(holds("db"), Some(json!("unheld")));
    assert_eq!(holds("app"), None);
    lab.take(Way::Apply).unwrap();
    assert_eq!(of(&lab.server.held()), intended);
    assert_eq!(drift(&[]).0, 0);
}

/// The number of a machine that comes is nothing that a template could know, whoever is in the share today.
#[test]
fn a_share_of_so_many_leaves_new_replicas_to_the_next_pass() {
    let folder = TempDir::new().unwrap();
    let of = |share: &str| {
        let text = fs::read_to_string(root().join(POLICY)).unwrap();
        let whole = "{matchLabels: {app: web, env: prod}}, mode: enforce";
        let text = text.replacen(whole, &format!("{whole}, share: {share}"), 1);
        let policy = folder.path().join("policy.yaml");
        fs::write(&policy, text).unwrap();
        let policy = policy.to_str().unwrap();
        let arguments = ["plan", policy, "--estate", ESTATE, "--at", AT, "-f", "json"];
        let (_, plan, error) = Lab::plain().watertight(&arguments);
        let plan: Value = serde_json::from_str(&plan).unwrap_or_else(|_| panic!("{error}"));
        let owners = plan["owners"].as_array().unwrap();
        owners.iter().find(|one| one["id"] == "web").cloned().unwrap_or_default()
    };
    let why = |share: &str| {
        let owner = of(share);
        assert_eq!((&owner["holds"], &owner["groups"]), (&json!("unheld"), &json!([])), "{share}");
        owner["why"].as_str().unwrap().to_owned()
    };
    // At one of a hundred none of the three is in the share, and the next one may be.
    for percent in [1, 50, 99] {
        let told = why(&format!("{{percent: {percent}}}"));
        let wanted = format!("{percent} percent of segment web are enforced, and whether a new");
        assert!(told.starts_with(&wanted), "{told}");
    }
    let told = why("{select: {matchLabels: {Name: web-1}}}");
    assert!(told.contains("which holds web-1 and not web-2"), "{told}");
    // Where all of them are in it, by labels that the template gives too, it is as without a share.
    assert_eq!(of("{select: {matchLabels: {app: web}}}")["holds"], "planned");
    assert_eq!(of("{percent: 100}")["holds"], "planned");
    assert_eq!(of("{percent: 0}"), Value::Null);
}

/// Nobody stands for what the next machine is to carry: the plan says whose it would be.
#[test]
fn a_scaling_group_without_machines_is_told_where_a_segment_would_hold_the_next() {
    let empty = |id: &'static str| {
        scaling(id, |group| {
            group["Instances"] = json!([]);
            group["DesiredCapacity"] = json!(0);
        })
    };
    let told = why("web", &[], empty("web"));
    let wanted = "no replica of it is in the input to tell which groups the next one is to carry, which web would hold";
    assert_eq!(told, wanted);
    // A share by number holds who comes or not.
    let folder = TempDir::new().unwrap();
    let text = fs::read_to_string(root().join(POLICY)).unwrap();
    let whole = "{matchLabels: {app: web, env: prod}}, mode: enforce";
    let plan = |share: &str| {
        let policy = folder.path().join("policy.yaml");
        fs::write(&policy, text.replacen(whole, &format!("{whole}{share}"), 1)).unwrap();
        let estate = copied(&root().join(ESTATE), folder.path(), empty("web"));
        let (policy, estate) = (policy.to_str().unwrap(), estate.to_str().unwrap());
        let out = folder.path().join("change.plan");
        let arguments =
            ["plan", policy, "--estate", estate, "--at", AT, "-o", out.to_str().unwrap()];
        let (code, told, error) = Lab::plain().watertight(&arguments);
        assert_eq!(code, 2, "{error}");
        let (_, shown, _) = Lab::plain().watertight(&["show", out.to_str().unwrap()]);
        assert!(told.starts_with(&shown), "{told}{shown}");
        shown
    };
    for share in ["", ", share: {percent: 1}"] {
        let told = plan(share);
        assert!(told.contains(&format!("  scaling-group web: no: {wanted}\n")), "{told}");
    }
    // Its template is not told, so that tags may come from there; what holds nobody is left out.
    let told = why("db", &[], |file, body| {
        empty("db")(file, body);
        scaling("db", |group| group["Tags"] = json!([]))(file, body);
    });
    let wanted = "no replica of it is in the input, and what it makes them from is not known, and so which tags that \
                  gives: whether a segment holds the next one is not known";
    assert_eq!(told, wanted);
    let others = owners(&[], |file, body| {
        empty("web")(file, body);
        scaling("web", |group| {
            let tag = json!({"Key": "app", "Value": "batch", "PropagateAtLaunch": true});
            group["Tags"] = json!([tag]);
        })(file, body);
    });
    assert!(others.iter().all(|one| one["id"] != "web"), "{others:#?}");
}
