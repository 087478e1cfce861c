//! `drift`: what is done by hand after a plan, told by what it means.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

const PLACE: &str = "raw/aws/123456789012/eu-central-1";
const CUSTOMERS: &str = "203.0.113.0/24";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Exit code and standard output.
fn watertight(arguments: &[&str]) -> (i32, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_watertight"))
        .args(arguments)
        .current_dir(root())
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.code() != Some(3), "{error}");
    (output.status.code().unwrap(), text)
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// The estate with three tiers as it is after its plan: what the provider would describe.
struct Applied {
    folder: TempDir,
}

impl Applied {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        copy(&root().join("testdata/estates/tiers"), folder.path());
        let applied = Self { folder };
        let (_, bodies) = watertight(&[
            "plan",
            "testdata/plans/tiers/policy.yaml",
            "--estate",
            "testdata/estates/tiers",
            "-f",
            "bodies",
        ]);
        for body in bodies.split("// raw/").skip(1) {
            let (_, text) = body.split_once('\n').unwrap();
            let body: Value = serde_json::from_str(text).unwrap();
            applied.take(&body);
        }
        applied
    }

    fn estate(&self) -> &str {
        self.folder.path().to_str().unwrap()
    }

    fn change(&self, call: &str, change: impl FnOnce(&mut Value)) {
        let path = self.folder.path().join(PLACE).join(format!("{call}.json"));
        let mut body: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        change(&mut body);
        fs::write(path, body.to_string()).unwrap();
    }

    /// Adds the groups of a rendered body, or has interfaces carry what it says.
    fn take(&self, rendered: &Value) {
        if let Some(groups) = rendered["SecurityGroups"].as_array() {
            self.change("ec2-describe-security-groups", |body| {
                body["SecurityGroups"].as_array_mut().unwrap().extend(groups.iter().cloned());
            });
        }
        for wanted in rendered["NetworkInterfaces"].as_array().into_iter().flatten() {
            for call in ["ec2-describe-network-interfaces", "ec2-describe-instances"] {
                self.change(call, |body| carry(body, wanted));
            }
        }
    }

    /// Changes a group by the segment in its name.
    fn group(&self, segment: &str, change: impl FnOnce(&mut Value)) {
        self.change("ec2-describe-security-groups", |body| {
            let groups = body["SecurityGroups"].as_array_mut().unwrap();
            let part = format!("/{segment}/");
            let is_it = |group: &&mut Value| group["GroupName"].as_str().unwrap().contains(&part);
            change(groups.iter_mut().find(is_it).unwrap());
        });
    }

    fn drift(&self, policy: &str, more: &[&str]) -> (i32, Value) {
        let mut arguments = vec!["drift", policy, "--estate", self.estate(), "-f", "json"];
        arguments.extend(more);
        let (code, text) = watertight(&arguments);
        (code, serde_json::from_str(&text).unwrap())
    }
}

/// Has an interface carry other groups, wherever it stands in a body.
fn carry(body: &mut Value, wanted: &Value) {
    match body {
        Value::Array(items) => items.iter_mut().for_each(|item| carry(item, wanted)),
        Value::Object(object) => {
            object.values_mut().for_each(|inner| carry(inner, wanted));
            if object.get("NetworkInterfaceId") == Some(&wanted["NetworkInterfaceId"]) {
                object.insert("Groups".to_owned(), wanted["Groups"].clone());
            }
        }
        _ => {}
    }
}

fn rule(port: u16, prefix: &str) -> Value {
    json!({"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "UserIdGroupPairs": [],
        "IpRanges": [{"CidrIp": prefix}], "Ipv6Ranges": [], "PrefixListIds": []})
}

fn add_in(group: &mut Value, rule: Value) {
    group["IpPermissions"].as_array_mut().unwrap().push(rule);
}

const POLICY: &str = "testdata/plans/tiers/policy.yaml";

#[test]
fn what_a_plan_has_put_in_place_does_not_drift_and_needs_no_second_plan() {
    let applied = Applied::new();
    let (code, told) = applied.drift(POLICY, &[]);
    assert_eq!((code, &told["pairs"], &told["items"]), (0, &json!([]), &json!([])));
    let (_, text) = watertight(&["plan", POLICY, "--estate", applied.estate(), "-f", "json"]);
    let plan: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(plan["steps"], json!([]));
    assert_eq!(plan["groups"].as_array().unwrap().len(), 3);
}

#[test]
fn a_rule_that_lets_more_in_is_widening_and_a_plan_takes_it_off() {
    let applied = Applied::new();
    applied.group("web", |group| add_in(group, rule(22, "192.0.2.0/24")));
    let (code, told) = applied.drift(POLICY, &[]);
    assert_eq!(code, 2);
    let pairs = told["pairs"].as_array().unwrap();
    assert_eq!(pairs.len(), 3, "{told:#}");
    for pair in pairs {
        assert_eq!((&pair["kind"], &pair["over"]), (&json!("widening"), &json!("tcp/22")));
        assert_eq!(pair["from"], "internet@192.0.2.0/24");
    }
    assert_eq!(told["items"][0]["kinds"], json!(["widening"]));
    let (_, text) = watertight(&["plan", POLICY, "--estate", applied.estate(), "-f", "json"]);
    let plan: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(plan["steps"].as_array().unwrap().len(), 1, "{:#}", plan["steps"]);
    let step = &plan["steps"][0];
    assert_eq!(
        (&step["action"]["do"], &step["inverse"]["do"]),
        (&json!("remove-rules"), &json!("add-rules"))
    );
    assert_eq!(
        step["action"]["rules"],
        json!({"ingress": [{"peer": "192.0.2.0/24", "over": "tcp/22"}], "egress": []})
    );
}

#[test]
fn a_rule_that_is_missing_is_narrowing_and_one_that_nobody_uses_is_neutral() {
    let applied = Applied::new();
    applied.group("web", |group| group["IpPermissions"] = json!([]));
    applied.group("db", |group| add_in(group, rule(22, "10.40.0.0/16")));
    let (code, told) = applied.drift(POLICY, &[]);
    assert_eq!(code, 2);
    for pair in told["pairs"].as_array().unwrap() {
        assert_eq!((&pair["kind"], &pair["over"]), (&json!("narrowing"), &json!("tcp/443")));
        assert_eq!(pair["from"], format!("internet@{CUSTOMERS}"));
    }
    let kinds: Vec<(bool, &Value)> = told["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| (item["item"].as_str().unwrap().contains("/db/"), &item["kinds"]))
        .collect();
    assert_eq!(kinds, [(true, &json!(["neutral"])), (false, &json!(["narrowing"]))]);
}

#[test]
fn an_interface_that_lost_its_group_is_told() {
    let applied = Applied::new();
    let flat = json!({"NetworkInterfaceId": "eni-0000000000000c006",
        "Groups": [{"GroupId": "sg-0000000000000c002", "GroupName": "flat"}]});
    applied.take(&json!({ "NetworkInterfaces": [flat] }));
    let (code, told) = applied.drift(POLICY, &[]);
    assert_eq!(code, 2);
    let items = told["items"].as_array().unwrap();
    assert_eq!(items.len(), 1, "{told:#}");
    assert_eq!(items[0]["item"], "eni-0000000000000c006");
    assert!(items[0]["how"].as_str().unwrap().starts_with("of db-1 is to carry watertight/"));
}

/// "A label change is a change of policy: drift shows what it opens", and what is still open of what it closes.
#[test]
fn what_another_label_opens_and_closes_is_told() {
    let applied = Applied::new();
    applied.change("ec2-describe-instances", |body| {
        let machines = body["Reservations"].as_array_mut().unwrap().iter_mut();
        let mut all = machines.flat_map(|one| one["Instances"].as_array_mut().unwrap());
        let web = all.find(|one| one["InstanceId"] == "i-0000000000000c001").unwrap();
        let tags = web["Tags"].as_array_mut().unwrap();
        tags.iter_mut().find(|tag| tag["Key"] == "app").unwrap()["Value"] = json!("app");
    });
    let (code, told) = applied.drift(POLICY, &[]);
    assert_eq!(code, 2);
    let name = |end: &Value| end.as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let pairs = told["pairs"].as_array().unwrap().iter();
    let told_of = |kind: &str| {
        let own = pairs.clone().filter(|pair| pair["kind"] == kind);
        own.map(|pair| {
            format!(
                "{} {} {}",
                name(&pair["from"]),
                name(&pair["to"]),
                pair["over"].as_str().unwrap()
            )
        })
        .collect::<std::collections::BTreeSet<String>>()
    };
    let id = |number: u32| format!("i-0000000000000c00{number}");
    let opens = [(1, 6, "tcp/5432"), (1, 7, "tcp/5432"), (2, 1, "tcp/8080"), (3, 1, "tcp/8080")];
    let opens = opens.map(|(from, to, over)| format!("{} {} {over}", id(from), id(to)));
    assert_eq!(told_of("narrowing"), opens.into());
    let stays = [
        format!("{} {} tcp/8080", id(1), id(4)),
        format!("{} {} tcp/8080", id(1), id(5)),
        format!("24 {} tcp/443", id(1)),
    ];
    assert_eq!(told_of("widening"), stays.into());
    let how = told["items"][0]["how"].as_str().unwrap();
    assert!(how.starts_with("of web-1 is to carry watertight/") && how.contains("/app/"), "{how}");
}

#[test]
fn what_a_policy_allowed_until_it_expired_is_told_as_expired() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("policy.yaml");
    let text = fs::read_to_string(root().join(POLICY)).unwrap();
    let text = text.replace(
        "metadata: {name: tiers, owner: shop}\nspec:\n",
        "metadata: {name: tiers, owner: shop}\nspec:\n  expires: 2026-12-31T00:00:00Z\n",
    );
    assert!(text.contains("expires"));
    fs::write(&path, text).unwrap();
    let applied = Applied::new();
    let policy = path.to_str().unwrap();
    assert_eq!(applied.drift(policy, &["--at", "2026-12-30T00:00:00Z"]).0, 0);
    let (code, told) = applied.drift(policy, &["--at", "2027-01-01T00:00:00Z"]);
    assert_eq!(code, 2);
    let pairs = told["pairs"].as_array().unwrap();
    assert!(pairs.len() > 10, "{told:#}");
    for pair in pairs {
        assert_eq!(
            (&pair["kind"], &pair["until"]),
            (&json!("expired"), &json!(["tiers"])),
            "{pair}"
        );
    }
}

/// An estate in which somebody let administrators in by hand, and a folder for what is made of that.
fn widened() -> (Applied, TempDir) {
    let applied = Applied::new();
    applied.group("web", |group| add_in(group, rule(22, "192.0.2.0/24")));
    (applied, TempDir::new().unwrap())
}

#[test]
fn what_is_accepted_is_told_apart_until_its_exceptions_expire() {
    let (applied, folder) = widened();
    let path = folder.path().join("accepted.yaml");
    let accepted = path.to_str().unwrap();
    let accept = ["--accept", accepted, "--until", "2027-01-31T00:00:00Z", "--owner", "shop"];
    let at = |time| ["--at", time];
    let now = at("2026-12-01T00:00:00Z");
    let (code, told) = applied.drift(POLICY, &[&accept[..], &now].concat());
    assert_eq!((code, &told["pairs"][0]["accepted"]), (2, &Value::Null));
    let text = fs::read_to_string(&path).unwrap();
    let gaps: std::collections::BTreeSet<&str> =
        told["pairs"].as_array().unwrap().iter().map(|one| one["gap"].as_str().unwrap()).collect();
    assert_eq!(text.matches("kind: Exception").count(), gaps.len(), "{text}");
    assert!(text.contains("widening: internet@192.0.2.0/24 to web-"), "{text}");

    let (code, told) = applied.drift(POLICY, &[accepted, now[0], now[1]]);
    assert_eq!(code, 0, "{told:#}");
    let by = told["pairs"][0]["accepted"].as_str().unwrap();
    assert!(by.ends_with(" until 2027-01-31T00:00:00Z (shop)"), "{by}");
    let table = ["drift", POLICY, accepted, "--estate", applied.estate(), now[0], now[1]];
    let (code, text) = watertight(&table);
    assert!(
        code == 0 && text.starts_with("0 pairs widened, 0 expired, 0 narrowed, 3 accepted"),
        "{text}"
    );

    // More than what was accepted is another gap.
    applied.group("web", |group| add_in(group, rule(22, "198.51.100.0/24")));
    assert_eq!(applied.drift(POLICY, &[accepted, now[0], now[1]]).0, 2);
    applied.group("web", |group| {
        group["IpPermissions"].as_array_mut().unwrap().pop();
    });
    let later = at("2027-01-31T00:00:00Z");
    assert_eq!(applied.drift(POLICY, &[accepted, later[0], later[1]]).0, 2);

    // It is accepted anew beside the exceptions that have expired.
    let path = folder.path().join("again.yaml");
    let again = path.to_str().unwrap();
    let accept = ["--accept", again, "--until", "2027-03-31T00:00:00Z", "--owner", "shop"];
    let (code, _) = applied.drift(POLICY, &[&[accepted], &accept[..], &later].concat());
    assert_eq!(code, 2);
    assert_eq!(applied.drift(POLICY, &[accepted, again, later[0], later[1]]).0, 0);
}

#[test]
fn what_is_imported_is_intended_and_nothing_else_is() {
    let (applied, folder) = widened();
    applied.group("db", |group| add_in(group, rule(5433, "10.40.0.0/16")));
    applied.group("app", |group| {
        let out = group["IpPermissionsEgress"].as_array_mut().unwrap();
        out.push(rule(5433, "10.40.0.0/16"));
    });
    let path = folder.path().join("imported.yaml");
    let imported = path.to_str().unwrap();
    let (code, told) = applied.drift(POLICY, &["--import", imported]);
    assert_eq!(code, 2);
    assert!(
        told["pairs"].as_array().unwrap().iter().any(|one| one["over"] == "tcp/5433"),
        "{told:#}"
    );
    let (code, told) = applied.drift(POLICY, &[imported]);
    assert_eq!((code, &told["pairs"]), (0, &json!([])), "{}", fs::read_to_string(&path).unwrap());
    // The same without the rule of one group: its policy intends it now.
    applied.group("web", |group| {
        group["IpPermissions"].as_array_mut().unwrap().pop();
    });
    let (code, told) = applied.drift(POLICY, &[imported]);
    assert_eq!((code, &told["pairs"][0]["kind"]), (2, &json!("narrowing")), "{told:#}");
}

/// A Labeling may give labels to others: a rule by labels would open more than what is open.
#[test]
fn what_is_imported_goes_by_addresses_where_labels_select_others_too() {
    let (applied, folder) = widened();
    let labels = folder.path().join("labels.yaml");
    let text = "apiVersion: watertight.io/v1alpha1\nkind: Labeling\nmetadata: {name: more, owner: shop}\nspec:\n  \
                rules:\n  - {when: {name: [app-1]}, labels: {app: web, env: prod}}\n";
    fs::write(&labels, text).unwrap();
    let path = folder.path().join("imported.yaml");
    let (labels, imported) = (labels.to_str().unwrap(), path.to_str().unwrap());
    let (_, told) = applied.drift(POLICY, &[labels, "--import", imported]);
    assert!(
        told["pairs"].as_array().unwrap().iter().any(|one| one["over"] == "tcp/22"),
        "{told:#}"
    );
    let text = fs::read_to_string(&path).unwrap();
    let rule = text.split("- action").find(|rule| rule.contains("tcp: 22")).unwrap();
    assert!(rule.contains("addresses") && !rule.contains("matchLabels"), "{text}");
}

/// Replicas go by their group's name in pairs.
#[test]
fn what_is_imported_of_replicas_is_a_rule_for_all_of_them() {
    let (applied, folder) = widened();
    applied.change("ec2-describe-instances", tag_web);
    let path = folder.path().join("imported.yaml");
    let imported = path.to_str().unwrap();
    let (code, told) = applied.drift(POLICY, &["--import", imported]);
    assert_eq!((code, &told["pairs"][0]["to"]), (2, &json!("web-group")), "{told:#}");
    let (code, told) = applied.drift(POLICY, &[imported]);
    assert_eq!((code, &told["pairs"]), (0, &json!([])), "{}", fs::read_to_string(&path).unwrap());
}

/// Tags machines that are called after the web as a scaling group's.
fn tag_web(body: &mut Value) {
    match body {
        Value::Array(items) => items.iter_mut().for_each(tag_web),
        Value::Object(object) => {
            object.values_mut().for_each(tag_web);
            let tags = object.get_mut("Tags").and_then(Value::as_array_mut);
            let Some(tags) = tags else { return };
            let is_web = |tag: &Value| {
                tag["Key"] == "Name" && tag["Value"].as_str().unwrap().starts_with("web-")
            };
            if tags.iter().any(is_web) {
                tags.push(json!({"Key": "aws:autoscaling:groupName", "Value": "web-group"}));
            }
        }
        _ => {}
    }
}

#[test]
fn a_plan_that_reverts_is_the_plan_of_the_policy() {
    let (applied, folder) = widened();
    let path = folder.path().join("back.plan");
    let at = ["--at", "2026-12-01T00:00:00Z"];
    let (code, _) = applied.drift(POLICY, &["--revert", path.to_str().unwrap(), at[0], at[1]]);
    assert_eq!(code, 2);
    let arguments = ["plan", POLICY, "--estate", applied.estate(), "-f", "json", at[0], at[1]];
    let (_, plan) = watertight(&arguments);
    assert_eq!(fs::read_to_string(path).unwrap(), plan);
    let plan: Value = serde_json::from_str(&plan).unwrap();
    assert_eq!(plan["steps"][0]["action"]["do"], "remove-rules");
}

#[test]
fn chains_that_drift_opens_are_told() {
    let (applied, folder) = widened();
    let path = folder.path().join("policy.yaml");
    let text = fs::read_to_string(root().join(POLICY)).unwrap();
    let jewel = "{members: {matchLabels: {app: db, env: prod}}, mode: enforce";
    assert!(text.contains(jewel));
    let text = text.replace(jewel, &format!("{jewel}, criticality: crown-jewel"));
    fs::write(&path, text).unwrap();
    let policy = path.to_str().unwrap();
    // The database is a step away from the application already, and now from the internet too.
    let (_, told) = applied.drift(policy, &[]);
    let chains = &told["chains"];
    assert!(!chains["opened"].as_array().unwrap().is_empty(), "{told:#}");
    let example = chains["example"].as_array().unwrap();
    assert!(example.iter().any(|step| step.as_str().unwrap().starts_with("new: ")), "{chains:#}");
    assert_eq!(chains["closed"], json!([]));
    applied.group("app", |group| group["IpPermissions"] = json!([]));
    let (_, told) = applied.drift(policy, &[]);
    assert!(!told["chains"]["closed"].as_array().unwrap().is_empty(), "{told:#}");
}

#[test]
fn files_that_are_there_are_not_written_over_and_nothing_is_accepted_until_a_time_that_is_past() {
    let (applied, folder) = widened();
    let path = folder.path().join("there.yaml");
    fs::write(&path, "kept").unwrap();
    let there = path.to_str().unwrap();
    let estate = applied.estate();
    let failed = |more: &[&str]| {
        let arguments = [&["drift", POLICY, "--estate", estate], more].concat();
        let output = Command::new(env!("CARGO_BIN_EXE_watertight"))
            .args(arguments)
            .current_dir(root())
            .output()
            .unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, error) = failed(&["--import", there]);
    assert!(code == 3 && error.contains("there already"), "{code}: {error}");
    let new = folder.path().join("new.yaml");
    let new = new.to_str().unwrap();
    let (code, error) = failed(&["--import", new, "--revert", new]);
    assert!(code == 3 && error.contains("one file"), "{code}: {error}");
    let past = ["--accept", new, "--until", "2026-01-01T00:00:00Z", "--owner", "shop"];
    let (code, error) = failed(&past);
    assert!(code == 3 && error.contains("is past"), "{code}: {error}");
    assert!(!Path::new(new).exists());
    assert_eq!(fs::read_to_string(path).unwrap(), "kept");
}
