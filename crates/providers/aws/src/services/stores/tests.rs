//! How stores are reached, and which statements of policies are guards of the network.

use watertight_model::Estate;
use watertight_model::network::{Origin, Unaddressed};
use watertight_net::AddressSet;

use crate::services::tests::support::{converted, endpoints, guards, workload};

const BUCKETS: &str = r#"{"Buckets": [{"Name": "photos", "BucketRegion": "eu-west-1"}]}"#;
const ENDPOINTS: &str = r#"{"VpcEndpoints": [
    {"VpcEndpointId": "vpce-s3", "VpcEndpointType": "Gateway", "VpcId": "vpc-1",
     "ServiceName": "com.amazonaws.eu-west-1.s3", "State": "available"},
    {"VpcEndpointId": "vpce-other", "VpcEndpointType": "Gateway", "VpcId": "vpc-1",
     "ServiceName": "com.amazonaws.eu-west-1.dynamodb", "State": "available"},
    {"VpcEndpointId": "vpce-sqs", "VpcEndpointType": "Interface", "VpcId": "vpc-1",
     "ServiceName": "com.amazonaws.eu-west-1.sqs", "State": "available",
     "SubnetIds": ["subnet-a"], "PrivateDnsEnabled": true},
    {"VpcEndpointId": "vpce-in", "VpcEndpointType": "Interface", "VpcId": "vpc-1",
     "ServiceName": "com.amazonaws.eu-west-1.s3", "State": "available",
     "SubnetIds": ["subnet-a"], "PrivateDnsEnabled": true,
     "DnsOptions": {"PrivateDnsOnlyForInboundResolverEndpoint": true}}]}"#;
const LISTS: &str = r#"{"PrefixLists": [{"PrefixListId": "pl-1",
    "PrefixListName": "com.amazonaws.eu-west-1.s3", "Cidrs": ["3.5.64.0/21"]}]}"#;

fn known<'e>(estate: &'e Estate, name: &str) -> &'e Unaddressed {
    let [endpoint] = workload(estate, name).endpoints.as_slice() else { panic!("one endpoint") };
    &estate.network.unaddressed[endpoint]
}

fn with_policy(statements: &str) -> Estate {
    let policy = format!(r#"{{"Version": "2012-10-17", "Statement": {statements}}}"#);
    let body = format!(r#"{{"Policy": {policy:?}}}"#);
    let bodies = [
        ("list-buckets.json", BUCKETS),
        ("describe-vpc-endpoints.json", ENDPOINTS),
        ("describe-prefix-lists.json", LISTS),
        ("s3api-get-bucket-policy/photos.json", body.as_str()),
    ];
    converted(&bodies).estate
}

/// A statement that denies everything to everybody on some conditions.
fn deny(conditions: &str) -> String {
    format!(
        r#"{{"Sid": "Door", "Effect": "Deny", "Principal": "*", "Action": "s3:*",
        "Resource": ["arn:aws:s3:::photos", "arn:aws:s3:::photos/*"], "Condition": {{{conditions}}}}}"#
    )
}

/// What the only guard of the bucket admits, and why it could admit more.
fn admitted(statements: &str) -> (Vec<String>, Option<String>) {
    let estate = with_policy(statements);
    let [guard] = known(&estate, "photos").origin_guards.as_slice() else {
        panic!("one guard for {statements}")
    };
    let network = &estate.network;
    let words = |origin: &Origin| match origin {
        Origin::Gateway(id) => network.gateways[*id].name.to_string(),
        Origin::Interface(id) => network.endpoints[*id].name.to_string(),
        Origin::Realm(id) => network.realms[*id].name.to_string(),
        Origin::Addresses(set) => format!("{set:?}"),
    };
    let admits = guard.admits.iter().map(words).collect();
    (admits, guard.unread.as_ref().map(ToString::to_string))
}

#[test]
fn a_bucket_is_at_the_addresses_of_its_list_and_behind_gateways_of_its_service() {
    let estate = with_policy("[]");
    let bucket = known(&estate, "photos");
    assert_eq!(bucket.service, "s3.eu-west-1");
    let listed: Vec<_> = "3.5.64.0/21".parse().into_iter().collect();
    assert_eq!(bucket.public, AddressSet::from_prefixes(listed));
    let names = bucket.gateways.iter().map(|id| estate.network.gateways[*id].name.as_str());
    assert_eq!(names.collect::<Vec<_>>(), ["vpce-s3"]);
    // Its private name is for what comes in from outside of the VPC alone.
    assert!(bucket.interfaces.is_empty());
    assert!(bucket.origin_guards.is_empty());
    assert!(!bucket.opens);
}

#[test]
fn without_a_list_a_store_is_at_any_address_of_no_other_service() {
    let queue = r#"{"Attributes": {"QueueArn": "arn:aws:sqs:eu-west-1:111122223333:jobs"}}"#;
    let estate = converted(&[
        ("describe-vpc-endpoints.json", ENDPOINTS),
        ("describe-prefix-lists.json", LISTS),
        ("sqs-get-queue-attributes/jobs.json", queue),
    ])
    .estate;
    let queue = known(&estate, "jobs");
    assert_eq!(queue.service, "sqs.eu-west-1");
    let listed = AddressSet::from_prefixes("3.5.64.0/21".parse());
    assert_eq!(queue.public, AddressSet::all_v4().difference(&listed));
    let names = queue.interfaces.iter().map(|id| estate.network.endpoints[*id].name.as_str());
    assert_eq!(names.collect::<Vec<_>>(), ["vpce-sqs/subnet-a"]);
    assert!(queue.origin_guards.is_empty(), "its attributes would hold a policy");
}

#[test]
fn a_policy_that_denies_all_but_some_ways_is_a_guard() {
    let only = |text: &str| (vec![text.to_owned()], None);
    let endpoint = deny(r#""StringNotEquals": {"aws:SourceVpce": "vpce-s3"}"#);
    assert_eq!(admitted(&endpoint), only("vpce-s3"));
    assert_eq!(admitted(&format!("[{endpoint}]")), only("vpce-s3"));
    let realm = deny(r#""StringNotEqualsIfExists": {"AWS:sourcevpc": ["vpc-1", "vpc-gone"]}"#);
    assert_eq!(admitted(&realm), only("vpc-1"));
    let interface = deny(r#""StringNotLike": {"aws:SourceVpce": "vpce-in"}"#);
    assert_eq!(admitted(&interface), only("vpce-in/subnet-a"));
    let gone = deny(r#""StringNotEquals": {"aws:SourceVpce": "vpce-gone"}"#);
    assert_eq!(admitted(&gone), (Vec::new(), None));
    let any = deny(r#""Null": {"aws:SourceVpce": "true"}"#);
    assert_eq!(admitted(&any).0, ["vpce-s3", "vpce-in/subnet-a"]);
    let both = deny(
        r#""StringNotEquals": {"aws:SourceVpce": "vpce-s3"},
        "NotIpAddress": {"aws:SourceIp": ["203.0.113.0/24"]}, "Bool": {"aws:ViaAWSService": "false"}"#,
    );
    let (admits, unread) = admitted(&both);
    assert_eq!((admits.len(), unread), (2, None));
    assert!(admits[1].contains("203.0.113.0"), "{admits:?}");
}

#[test]
fn what_else_a_denial_depends_on_leaves_doubt() {
    let who = deny(
        r#""StringNotEquals": {"aws:SourceVpce": "vpce-s3"},
        "ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::111122223333:role/admin"}"#,
    );
    let (admits, unread) = admitted(&who);
    assert_eq!(admits, ["vpce-s3"]);
    assert_eq!(unread.unwrap(), "it depends on `aws:PrincipalArn`, too");
    let pattern = deny(r#""StringNotLike": {"aws:SourceVpce": "vpce-*"}"#);
    assert!(admitted(&pattern).1.is_some());
}

#[test]
fn what_denies_less_than_everything_is_for_permissions() {
    let guard = deny(r#""StringNotEquals": {"aws:SourceVpce": "vpce-s3"}"#);
    let smaller = [
        guard.replace("Deny", "Allow"),
        guard.replace("\"s3:*\"", "\"s3:DeleteObject\""),
        guard.replace("\"Principal\": \"*\"", "\"Principal\": {\"AWS\": \"111122223333\"}"),
        guard.replace("photos/*", "photos/private/*"),
    ];
    for statement in smaller {
        let estate = with_policy(&statement);
        assert!(known(&estate, "photos").origin_guards.is_empty(), "{statement}");
    }
    let everybody = guard.replace("\"Principal\": \"*\"", "\"Principal\": {\"AWS\": [\"*\"]}");
    assert_eq!(admitted(&everybody).0, ["vpce-s3"]);
}

#[test]
fn a_policy_that_wants_encryption_closes_the_plain_port() {
    let estate = with_policy(&deny(r#""Bool": {"aws:SecureTransport": "false"}"#));
    assert!(known(&estate, "photos").origin_guards.is_empty());
    let endpoint = endpoints(&estate, "photos")[0];
    assert_eq!(guards(&estate, endpoint), ["API of a store, by its policy over TLS only"]);
}

#[test]
fn a_policy_that_is_not_in_the_input_leaves_doubt() {
    let estate = converted(&[("list-buckets.json", BUCKETS)]).estate;
    let guards = &known(&estate, "photos").origin_guards;
    assert!(guards[0].unread.is_some() && guards[0].admits.is_empty());
    let other = r#"{"Policy": "{\"Version\": \"2012-10-17\", \"Statement\": []}"}"#;
    let bodies = [("list-buckets.json", BUCKETS), ("s3api-get-bucket-policy/other.json", other)];
    let estate = converted(&bodies).estate;
    assert!(known(&estate, "photos").origin_guards.is_empty(), "it has none");
    let broken = r#"{"Policy": "{"}"#;
    let bodies = [("list-buckets.json", BUCKETS), ("s3api-get-bucket-policy/photos.json", broken)];
    let estate = converted(&bodies).estate;
    assert!(known(&estate, "photos").origin_guards[0].unread.is_some());
}
