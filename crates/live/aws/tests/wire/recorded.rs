//! The example shop behind a server that speaks AWS's protocols: what is collected is what was
//! recorded, whatever happens on the way.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::support::{DEVELOPMENT, SHOP, files, pace, request, run, shop};
use serde_json::{Value, json};
use tempfile::TempDir;
use watertight_live_aws::{CollectError, Pace, Request, Who};
use watertight_testkit::aws_server::{Recording, Server, Trouble, Troubles};

fn server(troubles: Troubles) -> Server {
    Server::start(Recording::read(&shop()).unwrap(), troubles).unwrap()
}

/// The resources of an estate by account and call: every element of every list, whatever file it
/// lies in, and every other field. So bodies that were asked for one by one are equal to one body
/// about all.
fn resources(estate: &Path) -> BTreeMap<(String, String), BTreeSet<String>> {
    let mut found: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
    for (path, bytes) in files(&estate.join("raw/aws")) {
        let parts: Vec<&str> = path.split('/').collect();
        let call = parts[2].trim_end_matches(".json");
        let entry = found.entry((parts[0].to_owned(), call.to_owned())).or_default();
        let body: Value = serde_json::from_slice(&bytes).unwrap();
        for (key, value) in body.as_object().unwrap() {
            match value {
                Value::Null => {}
                Value::Array(items) => entry.extend(items.iter().map(|item| text(key, item))),
                other => {
                    entry.insert(text(key, other));
                }
            }
        }
    }
    found
}

fn text(key: &str, value: &Value) -> String {
    format!("{key}: {}", ordered(value))
}

/// A value with its keys in order, and without what is never kept: values of variables, and the
/// addresses of accounts' owners.
fn ordered(value: &Value) -> String {
    match value {
        Value::Object(object) => {
            let entry = |(key, inner): (&String, &Value)| match (key.as_str(), inner) {
                ("Variables", Value::Object(inner)) => {
                    (key.clone(), inner.keys().map(String::as_str).collect())
                }
                ("Email", _) => (key.clone(), String::new()),
                _ => (key.clone(), ordered(inner)),
            };
            let sorted: BTreeMap<String, String> = object.iter().map(entry).collect();
            format!("{sorted:?}")
        }
        Value::Array(items) => format!("{:?}", items.iter().map(ordered).collect::<Vec<_>>()),
        other => other.to_string(),
    }
}

/// Whether everything that the shop's bodies tell is there.
fn assert_holds_the_shop(out: &Path) {
    let (recorded, collected) = (resources(&shop()), resources(out));
    for ((account, call), resources) in &recorded {
        let ours = collected.get(&(account.clone(), call.clone()));
        let ours = ours.cloned().unwrap_or_default();
        for one in resources {
            // What a request named and its answer does not repeat is in the file's name.
            let is_echo = one.starts_with("TargetGroupArn:") || one.starts_with("LoadBalancerArn:");
            assert!(ours.contains(one) || is_echo, "{account} {call}\n{one}\n{ours:#?}");
        }
    }
}

#[test]
fn the_shop_is_collected_as_it_was_recorded() {
    let server = server(Troubles::default());
    let out = TempDir::new().unwrap();
    let report = run(&request(&server, out.path())).unwrap();
    assert_eq!(report.unanswered, []);
    assert_eq!((report.accounts, report.places), (2, 4));
    assert_holds_the_shop(out.path());
    let description = crate::support::json(&out.path().join("estate.json"));
    assert_eq!(description["denied"], json!([]));
    assert_eq!(description["sources"][1]["account"], DEVELOPMENT);
    assert_eq!(description["sources"][1]["collected"], "2026-11-28T10:00:00Z");
}

#[test]
fn pages_of_one_throttling_faults_silence_cuts_and_expiry_change_nothing() {
    let plain = TempDir::new().unwrap();
    run(&request(&server(Troubles::default()), plain.path())).unwrap();
    let troubled = TempDir::new().unwrap();
    let first = vec![
        Trouble::Throttle(1),
        Trouble::Fault,
        Trouble::Cut,
        Trouble::Expired,
        Trouble::Throttle(2),
    ];
    let troubles = Troubles { page_size: Some(1), first, every: 3, ..Troubles::default() };
    let report = run(&request(&server(troubles), troubled.path())).unwrap();
    assert_eq!(report.unanswered, []);
    let silent = TempDir::new().unwrap();
    let troubles = Troubles { first: vec![Trouble::Silence], every: 40, ..Troubles::default() };
    let report = run(&request(&server(troubles), silent.path())).unwrap();
    assert_eq!(report.unanswered, []);
    let (plainly, despite) = (resources(plain.path()), resources(troubled.path()));
    assert_eq!(plainly.keys().collect::<Vec<_>>(), despite.keys().collect::<Vec<_>>());
    for (call, resources) in &plainly {
        assert_eq!(resources, &despite[call], "{call:?}");
    }
    assert_eq!(files(plain.path()), files(silent.path()));
}

#[test]
fn pages_that_were_asked_for_too_late_are_asked_for_from_the_first_one_on() {
    let plain = TempDir::new().unwrap();
    let own = |server: &Server, out: &Path| run(&Request { who: Who::Own, ..request(server, out) });
    own(&server(Troubles::default()), plain.path()).unwrap();
    let late = Troubles { page_size: Some(1), late_pages: true, ..Troubles::default() };
    let out = TempDir::new().unwrap();
    let report = own(&server(late), out.path()).unwrap();
    assert_eq!(report.unanswered, []);
    assert_eq!(resources(plain.path()), resources(out.path()));
}

#[test]
fn what_is_denied_or_fails_is_named_and_the_rest_is_there() {
    let calls = |calls: &[&str]| calls.iter().map(ToString::to_string).collect();
    let troubles = Troubles {
        denied: calls(&["ec2-describe-subnets", "s3api-get-bucket-policy", "ecs-list-clusters"]),
        failing: calls(&["ec2-describe-addresses"]),
        ..Troubles::default()
    };
    let server = server(troubles);
    let out = TempDir::new().unwrap();
    let mut request = request(&server, out.path());
    request.who = Who::Own;
    let report = run(&request).unwrap();
    let named: BTreeSet<(&str, Option<&str>, bool)> = report
        .unanswered
        .iter()
        .map(|one| (one.call.as_str(), one.argument.as_deref(), one.denied))
        .collect();
    let expected = BTreeSet::from([
        ("ec2-describe-subnets", None, true),
        ("ec2-describe-addresses", None, false),
        ("s3api-get-bucket-policy", Some("copper-kettle-assets"), true),
        ("s3api-get-bucket-policy", Some("copper-kettle-backups"), true),
        ("s3api-get-bucket-policy", Some("copper-kettle-customers"), true),
        ("s3api-get-bucket-policy", Some("copper-kettle-logs"), true),
        // Nobody knows what to ask these about.
        ("ecs-list-clusters", None, true),
        ("ecs-describe-clusters", None, true),
        ("ecs-list-services", None, true),
        ("ecs-describe-services", None, true),
        ("ecs-list-tasks", None, true),
        ("ecs-describe-tasks", None, true),
        ("ecs-describe-task-definition", None, true),
    ]);
    assert_eq!(named, expected);
    let region = out.path().join("raw/aws").join(SHOP).join("eu-central-1");
    assert!(region.join("ec2-describe-vpcs.json").is_file());
    assert!(!region.join("ec2-describe-subnets.json").exists());
    let description = crate::support::json(&out.path().join("estate.json"));
    let failed = json!([{"provider": "aws", "account": SHOP, "region": "eu-central-1",
        "call": "ec2-describe-addresses", "error": "InternalFailure"}]);
    assert_eq!(description["failed"], failed);
}

#[test]
fn an_account_that_cannot_be_entered_is_unknown_and_keeps_what_it_had() {
    let out = TempDir::new().unwrap();
    run(&request(&server(Troubles::default()), out.path())).unwrap();
    let before = files(&out.path().join("raw/aws").join(DEVELOPMENT));
    let closed =
        || Troubles { closed: BTreeSet::from([DEVELOPMENT.to_owned()]), ..Troubles::default() };
    let report = run(&request(&server(closed()), out.path())).unwrap();
    let calls: Vec<&str> = report.unanswered.iter().map(|one| one.call.as_str()).collect();
    assert_eq!(calls, ["sts-assume-role"]);
    assert!(report.unanswered[0].denied);
    assert_eq!(files(&out.path().join("raw/aws").join(DEVELOPMENT)), before);
    let fresh = TempDir::new().unwrap();
    let report = run(&request(&server(closed()), fresh.path())).unwrap();
    assert!(report.unanswered.len() > 150);
    assert!(report.unanswered.iter().all(|one| one.account == DEVELOPMENT));
}

/// The server stops answering after so many requests, so that the run ends somewhere in its middle;
/// another server lets it go on.
#[test]
fn a_run_that_was_cut_off_anywhere_gives_the_same_estate_when_it_is_tried_again() {
    let whole = TempDir::new().unwrap();
    let plain = server(Troubles::default());
    run(&request(&plain, whole.path())).unwrap();
    for stop_after in [0, 1, 2, 30, 90, 150, 200] {
        let out = TempDir::new().unwrap();
        let cut = server(Troubles { stop_after: Some(stop_after), ..Troubles::default() });
        let mut first = request(&cut, out.path());
        first.pace = Pace { attempts_max: 2, ..pace() };
        match run(&first) {
            // It knew nothing yet.
            Err(CollectError::Credentials(_) | CollectError::Listing { .. }) => {
                assert!(!out.path().join("raw").exists());
            }
            Err(other) => panic!("{other}"),
            Ok(report) => assert_ne!(report.unanswered, []),
        }
        run(&request(&plain, out.path())).unwrap();
        assert_eq!(files(whole.path()), files(out.path()), "{stop_after}");
    }
}

#[test]
fn every_call_of_the_table_can_be_told_from_the_others_by_its_request() {
    let server = server(Troubles::default());
    let out = TempDir::new().unwrap();
    run(&request(&server, out.path())).unwrap();
    let table = watertight_live_aws::Table::load().unwrap();
    let asked = server.asked();
    let unasked: Vec<&str> = table.names().filter(|name| !asked.contains(*name)).collect();
    assert_eq!(unasked, NOT_IN_THE_SHOP);
}

/// The calls that are asked about something of which the shop has none, in the table's order.
const NOT_IN_THE_SHOP: [&str; 40] = [
    "organizations-describe-policy",
    "organizations-list-targets-for-policy",
    "organizations-list-organizational-units-for-parent",
    "organizations-list-accounts-for-parent",
    "ec2-describe-client-vpn-target-networks",
    "directconnect-describe-direct-connect-gateway-associations",
    "elb-describe-load-balancer-attributes",
    "elb-describe-instance-health",
    "opensearch-describe-domains",
    "kafka-get-bootstrap-brokers",
    "mq-describe-broker",
    "ecs-describe-clusters",
    "ecs-list-services",
    "ecs-describe-services",
    "ecs-list-tasks",
    "ecs-describe-tasks",
    "ecs-describe-task-definition",
    "eks-describe-nodegroup",
    "eks-describe-pod-identity-association",
    "apigateway-get-resources",
    "apigatewayv2-get-integrations",
    "globalaccelerator-list-listeners",
    "globalaccelerator-list-endpoint-groups",
    "vpc-lattice-get-service-network",
    "vpc-lattice-list-service-network-vpc-associations",
    "vpc-lattice-get-service-network-vpc-association",
    "vpc-lattice-list-service-network-service-associations",
    "vpc-lattice-get-service",
    "vpc-lattice-list-listeners",
    "vpc-lattice-get-listener",
    "vpc-lattice-list-rules",
    "vpc-lattice-get-rule",
    "vpc-lattice-list-targets",
    "network-firewall-describe-firewall",
    "network-firewall-describe-firewall-policy",
    "network-firewall-describe-rule-group",
    "dynamodb-describe-table",
    "sqs-get-queue-attributes",
    "sns-get-topic-attributes",
    "kms-get-key-policy",
];
