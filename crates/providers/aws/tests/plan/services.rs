//! Interfaces whose groups a resource of a service sets.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Value, json};
use watertight_compile::{Action, Attachment, Plane as _, steps};
use watertight_policy::decide::Modes;

use crate::lab::{Lab, Made};

/// The bodies of the estate whose interfaces services own.
pub(crate) fn files() -> Vec<(String, Value)> {
    files_of("services")
}

/// The bodies of an estate that is kept for tests.
pub(crate) fn files_of(estate: &str) -> Vec<(String, Value)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../testdata/estates").join(estate);
    let mut folders = vec![root.join("raw/aws")];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("the folder is there") {
            let path = entry.expect("it is listed").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).expect("it can be read");
            let name = path.strip_prefix(&root).expect("it is below").display().to_string();
            files.push((name, serde_json::from_str(&text).expect("it is JSON")));
        }
    }
    files.sort_by(|(one, _), (other, _)| one.cmp(other));
    files
}

pub(crate) fn lab(files: &[(String, Value)], more: &str) -> Lab {
    lab_of("services", files, more)
}

/// An estate with the policy that is kept for its plan.
pub(crate) fn lab_of(estate: &str, files: &[(String, Value)], more: &str) -> Lab {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../testdata/plans");
    let path = root.join(estate).join("policy.yaml");
    let own = std::fs::read_to_string(path).expect("it is there");
    Lab::new(files, &[("policy.yaml", format!("{own}{more}"))], Modes::Enforced)
}

/// Changes the items of a list in the bodies of a call.
fn change(files: &mut [(String, Value)], call: &str, mut with: impl FnMut(&mut Vec<Value>)) {
    for (_, body) in files.iter_mut().filter(|(path, _)| path.contains(call)) {
        for list in body.as_object_mut().expect("it is an object").values_mut() {
            with(list.as_array_mut().expect("it is a list"));
        }
    }
}

fn of<'m>(made: &'m Made, workload: &str) -> Vec<&'m Attachment> {
    let all = made.compiled.artifacts.attachments.iter();
    all.filter(|one| &*one.workload == workload).collect()
}

fn why(made: &Made, workload: &str) -> BTreeSet<String> {
    let all = made.compiled.unheld.iter();
    all.filter(|one| one.workload == workload).map(|one| one.why.clone()).collect()
}

/// The inventory may hold no interface of a mount target: bodies of the service tell its address and
/// its groups.
#[test]
fn what_has_no_interface_in_the_input_is_held_through_its_own_body() {
    let mut files = files();
    change(&mut files, "describe-network-interfaces", |all| {
        all.retain(|one| one["InterfaceType"] != "efs");
    });
    let made = lab(&files, "").make().expect("it compiles");
    assert!(made.proof.holds(), "{:#?}\n{:#?}", made.proof.unexplained, made.proof.frame);
    let [held] = of(&made, "files")[..] else { panic!("{:#?}", made.compiled.unheld) };
    assert!(held.endpoint.contains("/subnet-"), "{held:?}");
    assert_eq!(held.through.as_ref().expect("its mount target").kind, "mount-target");
    let group = made.compiled.artifacts.group(&held.groups[0]).expect("it is planned");
    assert_eq!(group.ingress.len(), 1, "{group:?}");
}

/// Who gets to an address that nobody tells is not known, and a group without rules would cut
/// everybody off.
#[test]
fn what_has_no_address_in_the_input_is_not_held() {
    let mut files = files();
    change(&mut files, "describe-network-interfaces", |all| {
        all.retain(|one| one["Description"] != "RDSNetworkInterface");
    });
    let made = lab(&files, "").make().expect("it compiles");
    for name in ["ledger", "people"] {
        assert!(of(&made, name).is_empty());
        let why = why(&made, name);
        assert!(why.iter().all(|why| why.ends_with("does not tell its addresses")), "{why:#?}");
        assert!(!why.is_empty());
    }
}

#[test]
fn interfaces_of_one_resource_that_the_policy_tells_apart_are_not_held() {
    let more = "---\napiVersion: watertight.io/v1alpha1\nkind: Policy\n\
                metadata: {name: half, owner: shop}\nspec:\n  mode: enforce\n  rules:\n  \
                - name: half\n    action: allow\n    from: [{segment: web}]\n    \
                to: [{addresses: [10.50.1.0/24]}]\n    over: [{tcp: 9}]\n";
    let made = lab(&files(), more).make().expect("it compiles");
    assert!(of(&made, "ledger").is_empty());
    let told = "sets the same groups for ledger too, about which the policy decides otherwise";
    assert!(
        why(&made, "ledger").iter().all(|why| why.contains(told)),
        "{:#?}",
        why(&made, "ledger")
    );
    assert_eq!(of(&made, "people").len(), 1, "it is in one subnet");
}

#[test]
fn an_interface_that_carries_other_groups_than_its_service_tells_is_not_held() {
    let mut files = files();
    change(&mut files, "describe-vpc-endpoints", |all| {
        for one in all {
            one["Groups"] = json!([{"GroupId": "sg-0000000000000d001", "GroupName": "web"}]);
        }
    });
    let made = lab(&files, "").make().expect("it compiles");
    assert!(of(&made, "secrets").is_empty());
    let told = "its interface carries other groups than its service's resource tells";
    assert_eq!(why(&made, "secrets"), BTreeSet::from([String::from(told)]));
}

/// What is rendered for the resource and for its interfaces is the same, and a resource has one step.
#[test]
fn a_resource_has_one_step_and_its_body_tells_what_its_interfaces_tell() {
    let lab = lab(&files(), "");
    let made = lab.make().expect("it compiles");
    let artifacts = &made.compiled.artifacts;
    let (rendered, steps) = lab.with(|_, plane| {
        (plane.render(artifacts), steps(artifacts, &plane.held(), &plane.limits()))
    });
    let mut carried: BTreeMap<String, Value> = BTreeMap::new();
    let mut resources = 0;
    for body in &rendered {
        let body: Value = serde_json::from_str(&body.text).expect("it is JSON");
        for one in body["NetworkInterfaces"].as_array().into_iter().flatten() {
            let id = one["NetworkInterfaceId"].as_str().expect("it has one");
            carried.insert(id.to_owned(), one["Groups"].clone());
        }
        for one in body["Services"].as_array().into_iter().flatten() {
            resources += 1;
            for endpoint in one["Endpoints"].as_array().into_iter().flatten() {
                let endpoint = endpoint.as_str().expect("it is an id");
                assert_eq!(carried[endpoint], one["Groups"], "{endpoint}");
            }
        }
    }
    let through =
        steps.iter().filter(|step| matches!(step.action, Action::SetGroupsThrough { .. }));
    assert_eq!((resources, through.count()), (7, 14));
}
