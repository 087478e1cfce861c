//! Ends that get other addresses with their groups: they are held only where nothing tells these apart.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use watertight_compile::{Plane as _, RulePeer};

use crate::lab::{Lab, Made};
use crate::services::{files_of, lab_of};

fn files() -> Vec<(String, Value)> {
    files_of("serverless")
}

fn made(files: &[(String, Value)], more: &str) -> Made {
    let made = lab_of("serverless", files, more).make().expect("it compiles");
    assert!(made.proof.holds(), "{:#?}\n{:#?}", made.proof.unexplained, made.proof.frame);
    made
}

/// Why what is called so is not held; nothing where it is.
fn why(made: &Made, name: &str) -> BTreeSet<String> {
    let is_it = |workload: &str| workload == name || workload.starts_with(&format!("{name}/"));
    let unheld = made.compiled.unheld.iter().filter(|one| is_it(&one.workload));
    let why: BTreeSet<String> = unheld.map(|one| one.why.clone()).collect();
    let mut held = made.compiled.artifacts.attachments.iter().filter(|one| is_it(&one.workload));
    assert_eq!(why.is_empty(), held.next().is_some(), "{name}: {why:#?}");
    why
}

fn policy(rule: &str) -> String {
    format!(
        "---\napiVersion: watertight.io/v1alpha1\nkind: Policy\nmetadata: {{name: more, owner: shop}}\n\
         spec:\n  mode: enforce\n  rules:\n  {rule}\n"
    )
}

/// Changes what bodies of a call say.
fn change(files: &mut [(String, Value)], call: &str, mut with: impl FnMut(&mut Value)) {
    let found = files.iter_mut().filter(|(path, _)| path.contains(call));
    found.for_each(|(_, body)| with(body));
}

#[test]
fn what_moves_is_held_where_its_group_alone_is_named() {
    let made = made(&files(), "");
    for name in ["orders", "mail"] {
        assert!(why(&made, name).is_empty());
    }
}

#[test]
fn a_policy_that_names_a_part_of_where_it_may_be_keeps_it_from_being_held() {
    let rule = |prefix: &str| {
        policy(&format!(
            "- {{action: allow, from: [{{segment: web}}], to: [{{addresses: [{prefix}]}}], over: [{{tcp: 9}}]}}"
        ))
    };
    let part = made(&files(), &rule("10.60.1.0/25"));
    let told = why(&part, "mail");
    assert!(told.iter().all(|why| why.contains("the policy tells 10.60.1.0/")), "{told:#?}");
    assert!(!told.is_empty() && !why(&part, "orders").is_empty());
    // All of where it may be, or an address at which somebody stays.
    for prefix in ["10.60.0.0/16", "10.60.1.11/32"] {
        assert!(why(&made(&files(), &rule(prefix)), "mail").is_empty(), "{prefix}");
    }
    let one = made(&files(), &rule("10.60.1.0/24"));
    assert!(why(&one, "mail").is_empty(), "it is in this subnet alone");
    assert!(!why(&one, "orders").is_empty(), "it may be in another one");
}

/// Behind a front that keeps its clients' addresses, and at one, only addresses can be named.
#[test]
fn what_rules_have_to_name_by_its_address_is_not_held() {
    let mut files = files();
    change(&mut files, "describe-load-balancers", |body| {
        body["LoadBalancers"][0]["Type"] = json!("network");
    });
    for call in ["describe-target-groups", "describe-listeners"] {
        change(&mut files, call, |body| {
            for list in body.as_object_mut().expect("it is an object").values_mut() {
                list[0]["Protocol"] = json!("TCP");
            }
        });
    }
    let group = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/orders/00000000000e0001";
    files.push((
        String::from(
            "raw/aws/123456789012/eu-central-1/elbv2-describe-target-group-attributes/orders.json",
        ),
        json!({"TargetGroupArn": group,
            "Attributes": [{"Key": "preserve_client_ip.enabled", "Value": "true"}]}),
    ));
    let made = made(&files, "");
    let told = why(&made, "orders");
    assert!(
        told.iter().any(|why| why.starts_with("rules at front have to name its address")),
        "{told:#?}"
    );
    assert!(why(&made, "mail").is_empty(), "orders is named by address at it, and stays");
}

/// Whoever is at an address that nobody has today may be one to whom something is denied: prefixes hold such
/// addresses only where all are allowed, so that they mean the same once somebody has them.
#[test]
fn prefixes_hold_no_address_that_somebody_may_get_to_whom_it_is_denied() {
    let more = policy(
        "- {action: allow, from: [{addresses: [10.60.0.0/16]}], to: [{addresses: [10.60.0.0/16]}], over: [{tcp: 9}]}",
    ) + &policy(
        "- {action: deny, from: [{segment: mail}], to: [{segment: orders}], over: [{tcp: 9}]}",
    )
    .replace("name: more", "name: never");
    let made = made(&files(), &more);
    let groups = &made.compiled.artifacts.groups;
    let mail = groups.iter().find(|group| group.name.0.contains("/mail/")).expect("it is planned");
    let prefixes = mail.egress.iter().filter_map(|rule| match &rule.peer {
        RulePeer::Prefix(prefix) => Some(prefix.to_string()),
        RulePeer::Group(_) => None,
    });
    // Those of tasks that stay.
    let prefixes: Vec<String> = prefixes.collect();
    assert_eq!(prefixes, ["10.60.1.33/32", "10.60.2.33/32"]);
    assert!(why(&made, "mail").is_empty() && why(&made, "orders").is_empty());
}

#[test]
fn a_service_whose_subnets_are_not_all_there_is_not_held() {
    let mut files = files();
    change(&mut files, "ecs-describe-services", |body| {
        let settings = &mut body["services"][1]["networkConfiguration"]["awsvpcConfiguration"];
        settings["subnets"] = json!(["subnet-0000000000000e001", "subnet-0000000000000e009"]);
    });
    let told = why(&made(&files, ""), "mail");
    assert!(
        told.iter().all(|why| why.contains("does not hold subnet-0000000000000e009")),
        "{told:#?}"
    );
}

/// The addresses of tasks, moved within their subnets, change nothing that the policy or the groups mean.
#[test]
fn after_the_move_the_same_groups_are_needed_and_nothing_is_unexplained() {
    let (old, mut moved) = (files(), files());
    for (_, body) in &mut moved {
        let text = body.to_string();
        let text = [
            ("10.60.1.31", "10.60.2.77"),
            ("10.60.2.31", "10.60.1.78"),
            ("10.60.1.32", "10.60.1.31"),
        ]
        .iter()
        .fold(text, |text, (from, to)| text.replace(&format!("\"{from}\""), &format!("\"{to}~\"")));
        *body = serde_json::from_str(&text.replace("~\"", "\"")).expect("it is JSON");
    }
    let subnets =
        [("10.60.2.77", "subnet-0000000000000e002"), ("10.60.1.78", "subnet-0000000000000e001")];
    change(&mut moved, "describe-network-interfaces", |body| {
        for one in body["NetworkInterfaces"].as_array_mut().expect("it is a list") {
            for (address, subnet) in subnets {
                if one["PrivateIpAddress"] == address {
                    one["SubnetId"] = json!(subnet);
                }
            }
        }
    });
    let rules = |lab: &Lab| {
        let made = lab.make().expect("it compiles");
        assert!(made.proof.holds(), "{:#?}", made.proof.unexplained);
        made.compiled.artifacts.groups
    };
    let lab = |files: &[(String, Value)]| lab_of("serverless", files, "");
    assert_eq!(rules(&lab(&old)), rules(&lab(&moved)));
}

/// Groups of ours that an earlier plan gave what can be given none any more filter as they do.
#[test]
fn what_is_held_no_more_keeps_what_it_carries_and_that_is_explained() {
    let files = files();
    let first = lab_of("serverless", &files, "").with(|_, plane| {
        let made = lab_of("serverless", &files, "").make().expect("it compiles");
        plane.render(&made.compiled.artifacts)
    });
    let mut after: Vec<(String, Value)> =
        files.iter().filter(|(path, _)| !path.contains("ecs-describe-services")).cloned().collect();
    let mut carried = Vec::new();
    for body in &first {
        let body_of: Value = serde_json::from_str(&body.text).expect("it is JSON");
        carried.extend(body_of["NetworkInterfaces"].as_array().cloned().unwrap_or_default());
        if body_of.get("SecurityGroups").is_some() {
            after.push((body.path.clone(), body_of));
        }
    }
    change(&mut after, "describe-network-interfaces", |body| {
        for one in body["NetworkInterfaces"].as_array_mut().expect("it is a list") {
            let own =
                carried.iter().find(|own| own["NetworkInterfaceId"] == one["NetworkInterfaceId"]);
            if let Some(own) = own {
                one["Groups"] = own["Groups"].clone();
            }
        }
    });
    change(&mut after, "elbv2-describe-listeners", |body| body["Listeners"] = json!([]));
    let made = made(&after, "");
    assert!(!why(&made, "orders").is_empty());
}

/// Each set of groups among functions that share an interface has one of its own afterwards: nothing that one of
/// them may do is possible for the other.
#[test]
fn functions_that_share_an_interface_are_told_apart_once_they_carry_different_groups() {
    let lab = lab_of("serverless", &files(), "");
    let made = made(&files(), "");
    let after = lab.holding(&made.compiled.artifacts);
    let guards = |name: &str| -> BTreeSet<String> {
        let all = after.network.endpoints.values();
        let found = all.filter(|one| *after.workloads[one.workload].name == *name);
        let layers = found.flat_map(|one| &one.layers).map(|layer| &after.network.layers[*layer]);
        let guards = layers.flat_map(|layer| &layer.guards);
        guards.map(|guard| after.network.guards[*guard].title.to_string()).collect()
    };
    let (hook, bill) = (guards("hook"), guards("bill"));
    assert!(hook.len() == 1 && hook.iter().all(|one| one.contains("/hooks/")), "{hook:?}");
    assert!(bill.len() == 1 && bill.iter().all(|one| one.contains("/bills/")), "{bill:?}");
    let all = after.network.endpoints.values();
    let told = |name: &str| {
        let own = all.clone().filter(|one| *after.workloads[one.workload].name == *name);
        own.filter(|one| !one.addresses.is_empty()).count()
    };
    assert_eq!((told("hook"), told("bill")), (2, 1));
}

#[test]
fn a_function_whose_aliases_lead_to_published_versions_or_are_not_told_is_not_held() {
    let alias = |version: &str| json!({"Aliases": [{"Name": "live", "FunctionVersion": version}]});
    for (body, told) in [
        (Some(alias("7")), "an alias of it leads to a published version"),
        (
            Some(json!({"Aliases": [{"Name": "live", "FunctionVersion": "$LATEST",
                "RoutingConfig": {"AdditionalVersionWeights": {"4": 0.5}}}]})),
            "an alias of it leads to a published version",
        ),
        (None, "the input does not tell its aliases"),
        (Some(alias("$LATEST")), ""),
    ] {
        let mut files = files();
        files.retain(|(path, _)| !path.ends_with("lambda-list-aliases/hook.json"));
        let path = "raw/aws/123456789012/eu-central-1/lambda-list-aliases/hook.json";
        files.extend(body.map(|body| (String::from(path), body)));
        let made = made(&files, "");
        let why = why(&made, "hook");
        assert_eq!(why.is_empty(), told.is_empty(), "{why:#?}");
        assert!(why.iter().all(|why| why.starts_with(told)), "{why:#?}");
        assert!(self::why(&made, "bill").is_empty(), "whoever shares its interface");
    }
}
