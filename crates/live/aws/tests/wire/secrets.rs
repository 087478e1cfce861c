//! Secrets in every field that can hold one, and a search for them in all that is left behind.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;

use crate::support::{SHOP, request, run};
use serde_json::{Value, json};
use tempfile::TempDir;
use watertight_live_aws::Who;
use watertight_testkit::aws_server::{Recording, Server, Trouble, Troubles};

/// A part of every planted secret.
const PLANTED: &str = "hunter2";
const REGION: &str = "eu-central-1";

fn login() -> String {
    format!("postgres://shop:{PLANTED}@db.example:5432/shop")
}

/// A policy that asks for an external id, as an object.
fn trust() -> Value {
    json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"sts:ExternalId": PLANTED}},
    }]})
}

fn planted() -> Recording {
    let mut recording = Recording::default();
    let mut add = |place: &str, call: &str, about: Option<&str>, body: Value| {
        recording.insert((SHOP, place), call, about, body);
    };
    let variables = json!({"Variables": {"DB_PASSWORD": PLANTED, "URL": login()}});
    add(
        REGION,
        "lambda-list-functions",
        None,
        json!({"Functions": [{
            "FunctionName": "f", "FunctionArn": "arn:aws:lambda:eu-central-1:111122223333:function:f",
            "Environment": variables, "Description": format!("password = {PLANTED}"),
        }]}),
    );
    add(REGION, "lambda-get-policy", Some("f"), json!({"Policy": trust().to_string()}));
    let tags = json!([
        {"Key": "api-token", "Value": PLANTED},
        {"Key": "note", "Value": format!("see {}", login())},
        {"Key": "app", "Value": "kept-in-sight"},
    ]);
    add(
        REGION,
        "ec2-describe-instances",
        None,
        json!({"Reservations": [{"Instances": [{
            "InstanceId": "i-1", "Tags": tags, "UserData": PLANTED,
        }]}]}),
    );
    add(
        REGION,
        "ec2-describe-vpn-connections",
        None,
        json!({"VpnConnections": [{
            "VpnConnectionId": "vpn-1",
            "CustomerGatewayConfiguration": format!("<pre_shared_key>{PLANTED}</pre_shared_key>"),
            "Options": {"TunnelOptions": [{"PreSharedKey": PLANTED, "TunnelInsideCidr": "169.254.6.0/30"}]},
        }]}),
    );
    stores(&mut recording);
    containers(&mut recording);
    interfaces(&mut recording);
    identity(&mut recording);
    recording
}

fn stores(recording: &mut Recording) {
    let mut add = |place: &str, call: &str, about: Option<&str>, body: Value| {
        recording.insert((SHOP, place), call, about, body);
    };
    add(
        REGION,
        "rds-describe-db-instances",
        None,
        json!({"DBInstances": [{
            "DBInstanceIdentifier": "d", "PendingModifiedValues": {"MasterUserPassword": PLANTED},
        }]}),
    );
    add(
        REGION,
        "rds-describe-db-clusters",
        None,
        json!({"DBClusters": [{
            "DBClusterIdentifier": "c", "PendingModifiedValues": {"MasterUserPassword": PLANTED},
        }]}),
    );
    add(
        REGION,
        "redshift-describe-clusters",
        None,
        json!({"Clusters": [{
            "ClusterIdentifier": "r", "PendingModifiedValues": {"MasterUserPassword": PLANTED},
        }]}),
    );
    add(
        REGION,
        "fsx-describe-file-systems",
        None,
        json!({"FileSystems": [{
            "FileSystemId": "fs-1", "OntapConfiguration": {"FsxAdminPassword": PLANTED},
            "WindowsConfiguration": {"SelfManagedActiveDirectoryConfiguration": {"Password": PLANTED}},
        }]}),
    );
    add(
        REGION,
        "elbv2-describe-load-balancers",
        None,
        json!({"LoadBalancers": [
            {"LoadBalancerArn": "arn:lb"},
        ]}),
    );
    add(
        REGION,
        "elbv2-describe-listeners",
        None,
        json!({"Listeners": [{
            "ListenerArn": "arn:listener", "LoadBalancerArn": "arn:lb", "DefaultActions": [{
                "Type": "authenticate-oidc",
                "AuthenticateOidcConfig": {"ClientId": "kept-in-sight", "ClientSecret": PLANTED},
            }],
        }]}),
    );
}

fn containers(recording: &mut Recording) {
    let mut add = |call: &str, about: Option<&str>, body: Value| {
        recording.insert((SHOP, REGION), call, about, body);
    };
    add("ecs-list-clusters", None, json!({"clusterArns": ["arn:c"]}));
    add("ecs-list-tasks", Some("arn:c"), json!({"taskArns": ["arn:t"]}));
    let environment = json!([{"name": "TOKEN", "value": PLANTED}]);
    add(
        "ecs-describe-tasks",
        Some("arn:c arn:t"),
        json!({"tasks": [{
            "taskArn": "arn:t", "taskDefinitionArn": "arn:d",
            "overrides": {"containerOverrides": [
                {"name": "web", "environment": environment, "command": ["run", PLANTED]},
            ]},
        }]}),
    );
    add(
        "ecs-describe-task-definition",
        Some("arn:d"),
        json!({"taskDefinition": {
            "taskDefinitionArn": "arn:d", "containerDefinitions": [{
                "name": "web", "environment": environment, "entryPoint": ["sh", "-c", PLANTED],
                "command": ["serve", format!("--key={PLANTED}")],
                "healthCheck": {"command": ["CMD", PLANTED]},
                "logConfiguration": {"logDriver": "splunk", "options": {"splunk-token": PLANTED}},
                "secrets": [{"name": "KEY", "valueFrom": "arn:aws:secretsmanager:kept-in-sight"}],
            }],
        }}),
    );
    add("eks-list-clusters", None, json!({"clusters": ["k"]}));
    let listed = json!({"associations": [{"clusterName": "k", "associationId": "a-1"}]});
    add("eks-list-pod-identity-associations", Some("k"), listed);
    let association = json!({"association": {
        "clusterName": "k", "associationId": "a-1", "serviceAccount": "s", "externalId": PLANTED,
    }});
    add("eks-describe-pod-identity-association", Some("k a-1"), association);
    add(
        "eks-describe-cluster",
        Some("k"),
        json!({"cluster": {
            "name": "k", "arn": "arn:k", "clientRequestToken": "kept-in-sight",
            "tags": {"db-password": PLANTED, "app": "kept-in-sight"},
        }}),
    );
}

fn interfaces(recording: &mut Recording) {
    let mut add = |call: &str, about: Option<&str>, body: Value| {
        recording.insert((SHOP, REGION), call, about, body);
    };
    add("apigateway-get-rest-apis", None, json!({"items": [{"id": "a", "name": "a"}]}));
    add(
        "apigateway-get-resources",
        Some("a"),
        json!({"items": [{
            "id": "r", "path": "/", "resourceMethods": {"GET": {"methodIntegration": {
                "type": "HTTP", "uri": login(),
                "requestParameters": {"integration.request.header.x-api-key": format!("'{PLANTED}'")},
                "requestTemplates": {"application/json": format!("{{\"k\": \"{PLANTED}\"}}")},
            }}},
        }]}),
    );
    add("apigatewayv2-get-apis", None, json!({"Items": [{"ApiId": "h", "ProtocolType": "HTTP"}]}));
    add(
        "apigatewayv2-get-integrations",
        Some("h"),
        json!({"Items": [{
            "IntegrationId": "i", "IntegrationType": "HTTP_PROXY",
            "RequestParameters": {"overwrite:header.authorization": PLANTED},
        }]}),
    );
    add(
        "secretsmanager-list-secrets",
        None,
        json!({"SecretList": [{
            "ARN": "arn:s", "Name": "kept-in-sight", "Description": format!("the token: {PLANTED}"),
            "Tags": [{"Key": "oldPassword", "Value": PLANTED}],
        }]}),
    );
    add(
        "secretsmanager-get-resource-policy",
        Some("arn:s"),
        json!({
            "ARN": "arn:s", "Name": "kept-in-sight", "ResourcePolicy": trust().to_string(),
        }),
    );
    add("sqs-list-queues", None, json!({"QueueUrls": ["https://sqs/q"]}));
    add(
        "sqs-get-queue-attributes",
        Some("https://sqs/q"),
        json!({"Attributes": {
            "QueueArn": "arn:q", "Policy": trust().to_string(),
        }}),
    );
    add("sns-list-topics", None, json!({"Topics": [{"TopicArn": "arn:topic"}]}));
    add(
        "sns-get-topic-attributes",
        Some("arn:topic"),
        json!({"Attributes": {
            "TopicArn": "arn:topic", "Policy": trust().to_string(),
        }}),
    );
}

fn identity(recording: &mut Recording) {
    let key = format!("-----BEGIN PRIVATE KEY-----{PLANTED}");
    recording.insert(
        (SHOP, "global"),
        "iam-get-account-authorization-details",
        None,
        json!({
            "RoleDetailList": [{
                "RoleName": "r", "Arn": "arn:aws:iam::111122223333:role/r",
                "AssumeRolePolicyDocument": trust(),
                "RolePolicyList": [{"PolicyName": "p", "PolicyDocument": trust()}],
                "Tags": [{"Key": "key", "Value": key}],
            }],
            "UserDetailList": [], "GroupDetailList": [], "Policies": [],
        }),
    );
    recording.insert(
        (SHOP, "global"),
        "s3api-list-buckets",
        None,
        json!({"Buckets": [{"Name": "b"}]}),
    );
    recording.insert(
        (SHOP, "global"),
        "s3api-get-bucket-policy",
        Some("b"),
        json!({
            "Policy": trust().to_string(),
        }),
    );
    recording.insert((SHOP, "global"), "s3api-get-bucket-tagging", Some("b"), json!({
        "TagSet": [{"Key": "secret", "Value": PLANTED}, {"Key": "app", "Value": "kept-in-sight"}],
    }));
}

/// Everything in a folder, names that begin with a dot too.
fn all_bytes(folder: &std::path::Path) -> Vec<u8> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        found.extend(path.to_str().unwrap().as_bytes());
        found.extend(if path.is_dir() { all_bytes(&path) } else { fs::read(path).unwrap() });
    }
    found
}

#[test]
fn planted_secrets_reach_neither_disk_nor_report_nor_errors() {
    let failing = ["ec2-describe-vpcs", "kms-list-keys", "vpc-lattice-list-services"];
    let troubles = Troubles {
        // The text of every error holds a secret as well.
        first: vec![Trouble::Fault],
        every: 5,
        failing: failing.iter().map(ToString::to_string).collect(),
        denied: BTreeSet::from(["efs-describe-file-systems".to_owned()]),
        ..Troubles::default()
    };
    let server = Server::start(planted(), troubles).unwrap();
    let out = TempDir::new().unwrap();
    let mut request = request(&server, out.path());
    request.who = Who::Own;
    let report = run(&request).unwrap();
    assert_eq!(report.unanswered.len(), failing.len() + children_of_failing(&report.unanswered));
    let mut left = String::from_utf8_lossy(&all_bytes(out.path())).into_owned();
    let _written = write!(left, "{report:?} {request:?}");
    assert!(!left.contains(PLANTED), "{}", around(&left, PLANTED));
    assert!(!left.contains("planted-secret-key"));
    // The sieve did not take everything.
    assert_eq!(left.matches("kept-in-sight").count(), 8);
    assert!(left.matches("REDACTED").count() >= 35);
}

/// Calls that a failing or denied one left without anything to ask about, and the denied one.
fn children_of_failing(unanswered: &[watertight_live_aws::Unanswered]) -> usize {
    let prefixes =
        ["kms-get", "vpc-lattice-get", "vpc-lattice-list-l", "vpc-lattice-list-rules", "efs-"];
    let is_child = |call: &str| prefixes.iter().any(|prefix| call.starts_with(prefix));
    unanswered.iter().filter(|one| is_child(&one.call)).count()
}

fn around(text: &str, word: &str) -> String {
    let start = text.find(word).unwrap_or_default().saturating_sub(200);
    text.chars().skip(start).take(400).collect()
}
