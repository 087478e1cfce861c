//! Rules about a provider's services, and the lists that the provider keeps of their addresses.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;
use watertight_live_aws::Way;
use watertight_testkit::aws_server::{Recording, Server, Strictness, Troubles};

use crate::support::{ACCOUNT, Lab, copied, estate, policy};

/// The list of the region's S3, and another region's.
const HERE: &str = "pl-0000000000000c001";
const ELSEWHERE: &str = "pl-0000000000000c002";

/// The three tiers with a gateway endpoint, and a policy by which `app` may ask S3.
fn written(folder: &Path) -> (PathBuf, PathBuf) {
    let to = copied(&estate(), folder, |_, body| {
        let tables = body.get_mut("RouteTables").and_then(Value::as_array_mut);
        for table in tables.into_iter().flatten() {
            table["Routes"].as_array_mut().unwrap().push(json!({
                "DestinationPrefixListId": HERE, "GatewayId": "vpce-0000000000000c001",
                "Origin": "CreateRoute", "State": "active",
            }));
        }
    });
    let list = |id: &str, name: &str, cidrs: Value| json!({"PrefixListId": id, "PrefixListName": name, "Cidrs": cidrs});
    let lists = json!({"PrefixLists": [
        list(HERE, "com.amazonaws.eu-central-1.s3", json!(["52.219.72.0/22", "3.5.134.0/23"])),
        list(ELSEWHERE, "com.amazonaws.us-east-1.s3", json!(["54.231.0.0/16"])),
    ]});
    let endpoints = json!({"VpcEndpoints": [{
        "VpcEndpointId": "vpce-0000000000000c001", "VpcEndpointType": "Gateway",
        "VpcId": "vpc-0000000000000c001", "ServiceName": "com.amazonaws.eu-central-1.s3",
        "State": "available", "RouteTableIds": [], "SubnetIds": [], "Groups": [],
        "NetworkInterfaceIds": [], "DnsEntries": [], "Tags": [], "OwnerId": ACCOUNT,
    }]});
    for (name, body) in [("prefix-lists", lists), ("vpc-endpoints", endpoints)] {
        let path = to.join(format!("raw/aws/{ACCOUNT}/eu-central-1/ec2-describe-{name}.json"));
        fs::write(path, body.to_string()).unwrap();
    }
    let more = "---\napiVersion: watertight.io/v1alpha1\nkind: Policy\nmetadata: {name: objects, owner: shop}\n\
                spec:\n  mode: enforce\n  rules:\n  - name: services keep objects\n    action: allow\n    \
                from: [{segment: app}]\n    to: [{provider: [aws.s3]}]\n    over: [{tcp: 443}]\n";
    let text = fs::read_to_string(policy()).unwrap();
    let rules = folder.join("policy.yaml");
    fs::write(&rules, format!("{text}{more}")).unwrap();
    (to, rules)
}

/// A server that holds the estate, with its plan.
fn lab() -> (Lab, PathBuf) {
    let folder = TempDir::new().unwrap();
    let (estate, rules) = written(folder.path());
    let recording = Recording::read(&estate).unwrap();
    let server =
        Server::start_strict(recording, Troubles::default(), Strictness::default()).unwrap();
    let lab = Lab { server, folder };
    let (plan, estate) = (lab.path("change.plan"), estate.to_str().unwrap().to_owned());
    let arguments = ["--estate", &estate, "-o", plan.to_str().unwrap()];
    let (code, told, error) =
        lab.watertight(&[["plan", rules.to_str().unwrap()].as_slice(), &arguments].concat());
    assert!(code == 0 || code == 2, "{told}{error}");
    (lab, rules)
}

#[test]
fn a_service_is_named_by_the_list_that_the_provider_keeps() {
    let (lab, rules) = lab();
    let plan = lab.plan();
    let groups = plan["groups"].as_array().unwrap();
    let app = groups.iter().find(|one| one["segments"] == json!(["app"])).unwrap();
    let egress = app["egress"].as_array().unwrap();
    assert!(egress.contains(&json!({"peer": HERE, "over": "tcp/443"})), "{egress:#?}");
    // What the list does not hold stands as it is.
    assert!(egress.contains(&json!({"peer": "54.231.0.0/16", "over": "tcp/443"})), "{egress:#?}");
    assert!(!egress.iter().any(|rule| rule["peer"] == "52.219.72.0/22"), "{egress:#?}");
    let others = groups.iter().filter(|one| one["segments"] != json!(["app"]));
    assert!(!others.map(ToString::to_string).any(|group| group.contains("pl-")));
    let under = plan["gaps"].as_array().unwrap().iter().filter(|gap| gap["kind"] == "under");
    assert_eq!(under.count(), 0, "{:#}", plan["gaps"]);
    let before = lab.server.held();
    lab.take(Way::Apply).unwrap();
    let estate = lab.path("after");
    let estate = estate.to_str().unwrap();
    let (code, _, error) =
        lab.watertight(&["collect", "aws", "--region", "eu-central-1", "-o", estate]);
    assert!(code == 0 || code == 2, "{error}");
    let (_, told, error) = lab.watertight(&["plan", rules.to_str().unwrap(), "--estate", estate]);
    assert!(told.starts_with("Nothing to do"), "{told}{error}");
    lab.take(Way::Rollback).unwrap();
    assert_eq!(lab.server.held(), before);
}

/// Who writes addresses means these, and not what the provider adds to its list.
#[test]
fn addresses_that_a_list_holds_too_are_not_named_by_it() {
    let folder = TempDir::new().unwrap();
    let (estate, rules) = written(folder.path());
    let text = fs::read_to_string(&rules).unwrap();
    let addresses = "{addresses: [52.219.72.0/22, 3.5.134.0/23]}";
    let written = text.replace("{provider: [aws.s3]}", addresses);
    assert_ne!(written, text);
    fs::write(&rules, written).unwrap();
    let (rules, estate) = (rules.to_str().unwrap(), estate.to_str().unwrap());
    let (_, plan, error) =
        Lab::plain().watertight(&["plan", rules, "--estate", estate, "-f", "json"]);
    assert!(plan.contains(r#""peer": "52.219.72.0/22""#), "{plan}{error}");
    assert!(!plan.contains(r#""peer": "pl-"#), "{plan}");
    // Nor where others name the service.
    let other = text.replace("{segment: app}", "{segment: web}").replace("name: ", "name: other-");
    let other = other.rsplit("---\n").next().unwrap();
    let text = fs::read_to_string(rules).unwrap();
    fs::write(rules, format!("{text}---\n{other}")).unwrap();
    let (_, plan, error) =
        Lab::plain().watertight(&["plan", rules, "--estate", estate, "-f", "json"]);
    assert!(plan.contains(r#""peer": "52.219.72.0/22""#), "{plan}{error}");
    assert!(plan.contains(r#""peer": "pl-"#), "{plan}");
}

#[test]
fn what_a_policy_allows_with_a_service_is_told() {
    let folder = TempDir::new().unwrap();
    let (estate, rules) = written(folder.path());
    let lab = Lab::plain();
    let ask = |from: &str, to: &str| {
        let (rules, estate) = (rules.to_str().unwrap(), estate.to_str().unwrap());
        let ends = ["--from", from, "--to", to, "--over", "tcp/443"];
        let arguments = ["policy", "ask", rules, "--estate", estate];
        lab.watertight(&[arguments.as_slice(), &ends].concat())
    };
    let (code, told, error) = ask("app-1", "52.219.72.9");
    assert_eq!(code, 0, "{told}{error}");
    assert!(told.contains("services keep objects"), "{told}");
    for (from, to) in [("web-1", "52.219.72.9"), ("app-1", "52.219.80.9")] {
        let (code, told, error) = ask(from, to);
        assert_eq!(code, 2, "{from} {to} {told}{error}");
    }
}
