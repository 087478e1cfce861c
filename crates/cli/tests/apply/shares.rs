//! Shares of segments that get smaller: who has left goes back to what it carried before, and is as in monitor.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;
use watertight_live_aws::Way;
use watertight_testkit::aws_server::{Recording, Server, Strictness, Troubles};

use crate::governed::{Governed, carried};
use crate::support::{ACCOUNT, Lab, killed_while_applying, root};

const AT: &str = "2026-11-28T09:00:00Z";
const APP_1: &str = "eni-0000000000000c004";
const APP_2: &str = "eni-0000000000000c005";
const FLAT: &str = "vpc-0000000000000c001/flat";

/// The policy of some plans, with a share of one of its segments.
fn shared(plans: &str, folder: &Path, (segment, members, share): (&str, &str, &str)) -> String {
    let path = root().join("testdata/plans").join(plans).join("policy.yaml");
    let text = fs::read_to_string(path).unwrap();
    let whole = format!("{{members: {{matchLabels: {members}}}, mode: enforce");
    assert_eq!(text.matches(&whole).count(), 1, "{segment}");
    let text = text.replacen(&whole, &format!("{whole}, share: {share}"), 1);
    let path = folder.join(format!("{segment}.yaml"));
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

/// The three tiers of which a share of the services is enforced. `app-1` and `app-2` have the numbers 7 and 75.
fn app(folder: &Path, share: &str) -> String {
    shared("tiers", folder, ("app", "{app: app, env: prod}", share))
}

/// Exit code and text of a plan, written to a file.
fn planned(lab: &Lab, arguments: [&str; 2], out: &Path, more: &[&str]) -> (i32, String) {
    let [policy, estate] = arguments;
    let plan = ["plan", policy, "--estate", estate, "--at", AT, "-o", out.to_str().unwrap()];
    let (code, told, error) = lab.watertight(&[&plan[..], more].concat());
    assert!(code == 0 || code == 2, "{told}{error}");
    (code, told)
}

/// What was collected after the whole plan, and a plan for a share, which knows what was before.
fn smaller(governed: &Governed, share: &str) -> (TempDir, PathBuf, String) {
    let folder = TempDir::new().unwrap();
    let out = folder.path().join("change.plan");
    let policy = app(folder.path(), share);
    let former = root().join("testdata/plans/tiers/change.plan");
    let estate = governed.estate();
    let lab = Lab::plain();
    let more = ["--former", former.to_str().unwrap()];
    let (_, told) = planned(&lab, [&policy, estate.to_str().unwrap()], &out, &more);
    (folder, out, told)
}

/// A server that holds what was collected, with a plan for it.
fn holding(governed: &Governed, plan: &Path, strictness: Strictness) -> Lab {
    let recording = Recording::read(&governed.estate()).unwrap();
    let server = Server::start_strict(recording, Troubles::default(), strictness).unwrap();
    let folder = TempDir::new().unwrap();
    fs::copy(plan, folder.path().join("change.plan")).unwrap();
    Lab { server, folder }
}

#[test]
fn who_has_left_a_share_goes_back_to_what_it_carried_and_a_second_plan_is_empty() {
    let governed = Governed::new();
    let (folder, plan, told) = smaller(&governed, "{percent: 50}");
    let line = format!(
        "not in a share that is enforced any more: app-2 ({APP_2}) goes back to sg-0000000000000c002, as the \
         earlier plan tells, and is as in monitor"
    );
    assert!(told.contains(&line), "{told}");
    let lab = holding(&governed, &plan, Strictness::default());
    let before = lab.server.held();
    let (code, told, error) = lab.run("apply", &[]);
    assert_eq!(code, 0, "{told}{error}");
    let held = lab.server.held();
    assert_eq!(carried(&held, APP_2), [FLAT]);
    assert_eq!(carried(&held, APP_1), carried(&before, APP_1));
    let now = Governed::of(lab);
    let policy = app(folder.path(), "{percent: 50}");
    let lab = now.plain();
    let out = lab.path("again.plan");
    let estate = now.estate();
    let (_, told) = planned(&lab, [&policy, estate.to_str().unwrap()], &out, &[]);
    assert!(!told.contains("carrying groups of ours from before"), "{told}");
    let again: Value = serde_json::from_slice(&fs::read(out).unwrap()).unwrap();
    assert_eq!(again["steps"], json!([]), "{told}");
}

#[test]
fn going_back_that_is_killed_anywhere_goes_on_and_is_taken_back() {
    let governed = Governed::new();
    let (_folder, plan, _) = smaller(&governed, "{percent: 50}");
    killed_while_applying(&|strictness| holding(&governed, &plan, strictness), |count| 0..count);
}

/// Nobody is left whom a group is planned for.
#[test]
fn a_share_of_nobody_takes_groups_off_everybody() {
    let governed = Governed::new();
    let folder = TempDir::new().unwrap();
    let mut text = fs::read_to_string(root().join("testdata/plans/tiers/policy.yaml")).unwrap();
    text = text.replace("mode: enforce}\n---", "mode: enforce, share: {percent: 0}}\n---");
    let policy = folder.path().join("none.yaml");
    fs::write(&policy, text).unwrap();
    let former = root().join("testdata/plans/tiers/change.plan");
    let out = folder.path().join("change.plan");
    let estate = governed.estate();
    let more = ["--former", former.to_str().unwrap()];
    let arguments = [policy.to_str().unwrap(), estate.to_str().unwrap()];
    planned(&Lab::plain(), arguments, &out, &more);
    let lab = holding(&governed, &out, Strictness::default());
    assert_eq!(lab.plan()["groups"], json!([]));
    let (code, told, error) = lab.run("apply", &[]);
    assert_eq!(code, 0, "{told}{error}");
    let place = |held: &Value| held[format!("{ACCOUNT}/eu-central-1")]["interfaces"].clone();
    assert_eq!(place(&lab.server.held()), place(&Lab::plain().server.held()));
    let (code, told, error) = lab.run("rollback", &[]);
    assert_eq!(code, 0, "{told}{error}");
    assert_eq!(lab.server.held(), holding(&governed, &out, Strictness::default()).server.held());
}

#[test]
fn what_was_before_is_told_by_whoever_carries_it_beside_ours_and_else_it_stays() {
    let governed = Governed::new();
    let lab = governed.plain();
    let folder = TempDir::new().unwrap();
    let (policy, estate) = (app(folder.path(), "{percent: 50}"), governed.estate());
    let estate = estate.to_str().unwrap();
    let out = lab.path("unknown.plan");
    let (_, told) = planned(&lab, [&policy, estate], &out, &[]);
    let line = "not in a share that is enforced, and carrying groups of ours from before: app-2; what it carried \
                before is not known:";
    assert!(told.contains(line), "{told}");
    let plan: Value = serde_json::from_slice(&fs::read(&out).unwrap()).unwrap();
    assert!(!plan["steps"].to_string().contains(APP_2), "{plan:#}");
    // Somebody has put the old one beside ours.
    let ours = &carried(&lab.server.held(), APP_2)[0];
    let (_, name) = ours.split_once('/').unwrap();
    let body = format!("{estate}/raw/aws/{ACCOUNT}/eu-central-1/ec2-describe-security-groups.json");
    let body: Value = serde_json::from_slice(&fs::read(body).unwrap()).unwrap();
    let groups = body["SecurityGroups"].as_array().unwrap();
    let id = groups.iter().find(|one| one["GroupName"] == name).unwrap()["GroupId"].as_str();
    lab.by_hand(&format!(
        "Action=ModifyNetworkInterfaceAttribute&NetworkInterfaceId={APP_2}&SecurityGroupId.1={}\
         &SecurityGroupId.2=sg-0000000000000c002",
        id.unwrap()
    ));
    let now = Governed::of(lab);
    let lab = now.plain();
    let (estate, out) = (now.estate(), lab.path("change.plan"));
    let (_, told) = planned(&lab, [&policy, estate.to_str().unwrap()], &out, &[]);
    assert!(
        told.contains("goes back to sg-0000000000000c002, which it carries beside ours"),
        "{told}"
    );
    assert_eq!(lab.run("apply", &[]).0, 0);
    assert_eq!(carried(&lab.server.held(), APP_2), [FLAT]);
}

/// While a share by number is enforced, templates keep the groups that they have: machines go back to these.
#[test]
fn what_replicas_are_made_with_is_what_they_go_back_to() {
    let folder = TempDir::new().unwrap();
    let web =
        |share: &str| shared("scaling", folder.path(), ("web", "{app: web, env: prod}", share));
    let lab = Lab::of("scaling", Troubles::default(), Strictness::default());
    let before = lab.server.held();
    let (policy, out) = (web("{percent: 99}"), lab.path("change.plan"));
    planned(&lab, [&policy, "testdata/estates/scaling"], &out, &[]);
    lab.take(Way::Apply).unwrap();
    let interfaces = |held: &Value| held[format!("{ACCOUNT}/eu-central-1")]["interfaces"].clone();
    assert_ne!(interfaces(&lab.server.held()), interfaces(&before));
    let now = Governed::of(lab);
    let lab = now.plain();
    let (policy, out, estate) = (web("{percent: 0}"), lab.path("change.plan"), now.estate());
    let (_, told) = planned(&lab, [&policy, estate.to_str().unwrap()], &out, &[]);
    assert!(
        told.contains(", with which its template makes replicas, and is as in monitor"),
        "{told}"
    );
    let (code, told, error) = lab.run("apply", &[]);
    assert_eq!(code, 0, "{told}{error}");
    let held = lab.server.held();
    let web = lab.plan()["attachments"].as_array().unwrap().clone();
    let web: Vec<&str> = web
        .iter()
        .filter(|one| one["groups"] == json!([]))
        .map(|one| one["endpoint"].as_str().unwrap())
        .collect();
    assert!(!web.is_empty());
    for interface in web {
        assert_eq!(interfaces(&held)[interface], interfaces(&before)[interface], "{interface}");
    }
}

/// What a service sets goes back through it, at all of its interfaces.
#[test]
fn what_a_service_set_goes_back_through_it() {
    let lab = Lab::services(Strictness::default());
    let before = lab.server.held();
    lab.take(Way::Apply).unwrap();
    assert_ne!(lab.server.held(), before);
    let now = Governed::of(lab);
    let lab = now.plain();
    let members = "{kind: load-balancer}";
    let policy = shared("services", lab.folder.path(), ("fronts", members, "{percent: 0}"));
    let former = root().join("testdata/plans/services/change.plan");
    let (out, estate) = (lab.path("change.plan"), now.estate());
    let more = ["--former", former.to_str().unwrap()];
    let (_, told) = planned(&lab, [&policy, estate.to_str().unwrap()], &out, &more);
    let plan = lab.plan();
    let back: Vec<&Value> = plan["attachments"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["groups"] == json!([]))
        .collect();
    assert!(back.len() > 1, "{told}");
    let (code, told, error) = lab.run("apply", &[]);
    assert_eq!(code, 0, "{told}{error}");
    let held = lab.server.held();
    for one in back {
        assert_eq!(one["through"]["kind"], "load-balancer", "{one:#}");
        let interface = one["endpoint"].as_str().unwrap();
        assert_eq!(carried(&held, interface), carried(&before, interface), "{interface}");
    }
    assert_eq!(lab.run("rollback", &[]).0, 0);
    assert_eq!(lab.server.held(), now.plain().server.held());
}

/// A service sets the groups of all of its tasks, each of which has a number of its own.
#[test]
fn a_service_whose_tasks_a_share_parts_is_not_held() {
    let folder = TempDir::new().unwrap();
    let why = |share: &str| {
        let policy = shared("serverless", folder.path(), ("orders", "{app: orders}", share));
        let estate = "testdata/estates/serverless";
        let out = folder.path().join("change.plan");
        planned(&Lab::plain(), [&policy, estate], &out, &[]);
        let plan: Value = serde_json::from_slice(&fs::read(&out).unwrap()).unwrap();
        let unheld = plan["unheld"].as_array().unwrap().iter();
        let tasks = unheld.filter(|one| one["workload"].as_str().unwrap().starts_with("orders/"));
        let told: Vec<String> = tasks
            .map(|one| {
                format!("{}: {}", one["workload"].as_str().unwrap(), one["why"].as_str().unwrap())
            })
            .collect();
        let carried = plan["attachments"].to_string().contains("orders/");
        (told, carried)
    };
    let one = "orders/00000000000000000000000000000001";
    let other = "orders/00000000000000000000000000000002";
    let (told, carried) = why(&format!("{{select: {{matchLabels: {{id: '{one}'}}}}}}"));
    assert_eq!((told.len(), carried), (0, false), "no task has that label: {told:?}");
    let parted = (1..100).map(|percent| why(&format!("{{percent: {percent}}}")));
    let parted = parted.into_iter().find(|(told, _)| !told.is_empty());
    let (told, carried) = parted.unwrap();
    assert!(!carried);
    let wanted = |held: &str, out: &str| {
        format!(
            "{held}: arn:aws:ecs:eu-central-1:123456789012:service/shop/orders sets the groups of {out} too, which is \
             not in the share of orders that is enforced"
        )
    };
    assert!(told == [wanted(one, other)] || told == [wanted(other, one)], "{told:?}");
    let (told, carried) = why("{percent: 100}");
    assert_eq!((told.len(), carried), (0, true), "{told:?}");
}
