//! A snapshot of AWS Config: configuration items, whose `configuration` holds what the service's
//! own call answers with, with names that begin small.
//!
//! *Config*, "Supported resource types" and "Components of a configuration item", AWS Config
//! developer guide.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use watertight_source::Tree;

use super::{Bodies, ExportError, Exported, List, Place, UNTOLD, items, of_arn, text, value_of};

/// Types of resources whose items become items of a list.
const LISTS: [(&str, List); 27] = [
    ("AWS::EC2::VPC", ("ec2-describe-vpcs", "Vpcs")),
    ("AWS::EC2::Subnet", ("ec2-describe-subnets", "Subnets")),
    ("AWS::EC2::RouteTable", ("ec2-describe-route-tables", "RouteTables")),
    ("AWS::EC2::InternetGateway", ("ec2-describe-internet-gateways", "InternetGateways")),
    (
        "AWS::EC2::EgressOnlyInternetGateway",
        ("ec2-describe-egress-only-internet-gateways", "EgressOnlyInternetGateways"),
    ),
    ("AWS::EC2::NatGateway", ("ec2-describe-nat-gateways", "NatGateways")),
    ("AWS::EC2::EIP", ("ec2-describe-addresses", "Addresses")),
    ("AWS::EC2::NetworkAcl", ("ec2-describe-network-acls", "NetworkAcls")),
    ("AWS::EC2::SecurityGroup", ("ec2-describe-security-groups", "SecurityGroups")),
    ("AWS::EC2::NetworkInterface", ("ec2-describe-network-interfaces", "NetworkInterfaces")),
    ("AWS::EC2::Instance", ("ec2-describe-instances", "Instances")),
    ("AWS::EC2::VPCEndpoint", ("ec2-describe-vpc-endpoints", "VpcEndpoints")),
    (
        "AWS::EC2::VPCPeeringConnection",
        ("ec2-describe-vpc-peering-connections", "VpcPeeringConnections"),
    ),
    ("AWS::EC2::VPNGateway", ("ec2-describe-vpn-gateways", "VpnGateways")),
    ("AWS::EC2::CustomerGateway", ("ec2-describe-customer-gateways", "CustomerGateways")),
    ("AWS::EC2::VPNConnection", ("ec2-describe-vpn-connections", "VpnConnections")),
    ("AWS::EC2::TransitGateway", ("ec2-describe-transit-gateways", "TransitGateways")),
    (
        "AWS::EC2::TransitGatewayAttachment",
        ("ec2-describe-transit-gateway-attachments", "TransitGatewayAttachments"),
    ),
    (
        "AWS::EC2::TransitGatewayRouteTable",
        ("ec2-describe-transit-gateway-route-tables", "TransitGatewayRouteTables"),
    ),
    (
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
        ("elbv2-describe-load-balancers", "LoadBalancers"),
    ),
    ("AWS::ElasticLoadBalancingV2::Listener", ("elbv2-describe-listeners", "Listeners")),
    (
        "AWS::ElasticLoadBalancing::LoadBalancer",
        ("elb-describe-load-balancers", "LoadBalancerDescriptions"),
    ),
    (
        "AWS::AutoScaling::AutoScalingGroup",
        ("autoscaling-describe-auto-scaling-groups", "AutoScalingGroups"),
    ),
    ("AWS::RDS::DBInstance", ("rds-describe-db-instances", "DBInstances")),
    ("AWS::RDS::DBCluster", ("rds-describe-db-clusters", "DBClusters")),
    ("AWS::RDS::DBSubnetGroup", ("rds-describe-db-subnet-groups", "DBSubnetGroups")),
    ("AWS::Lambda::Function", ("lambda-list-functions", "Functions")),
];

/// Types of resources that an account's details of identities tell of, and the key of its list.
const IDENTITIES: [(&str, &str); 4] = [
    ("AWS::IAM::Role", "RoleDetailList"),
    ("AWS::IAM::User", "UserDetailList"),
    ("AWS::IAM::Group", "GroupDetailList"),
    ("AWS::IAM::Policy", "Policies"),
];

/// The call that tells of identities.
const DETAILS: &str = "iam-get-account-authorization-details";

/// Turns a snapshot into bodies.
///
/// # Errors
/// When it is no snapshot.
pub fn config_snapshot(tree: &Tree) -> Result<Exported, ExportError> {
    let root = value_of(tree.root());
    if root.get("configurationItems").and_then(Value::as_array).is_none() {
        let why = "it has no list `configurationItems`".to_owned();
        return Err(ExportError::NotOne { what: "AWS Config snapshot", why });
    }
    let mut bodies = Bodies::default();
    let mut passed_over: BTreeMap<String, usize> = BTreeMap::new();
    for item in items(&root, "configurationItems") {
        let kind = text(item, "resourceType").unwrap_or(UNTOLD);
        if !is_there(item) {
            continue;
        }
        let place = place(item);
        let Some(mut content) = configuration(item) else {
            *passed_over.entry(kind.to_owned()).or_default() += 1;
            continue;
        };
        if let Some((_, list)) = LISTS.iter().find(|(one, _)| *one == kind) {
            mend(kind, &mut content);
            bodies.add(&place, *list, Value::Object(content));
        } else if let Some((_, key)) = IDENTITIES.iter().find(|(one, _)| *one == kind) {
            bodies.add(&place.global(), (DETAILS, key), Value::Object(content));
        } else if kind == "AWS::S3::Bucket" {
            bucket(&mut bodies, &place, item);
        } else {
            *passed_over.entry(kind.to_owned()).or_default() += 1;
        }
    }
    // What is recorded is chosen by type: of a type that has an item, there are all items.
    Ok(Exported { bodies: bodies.finish(true), passed_over })
}

/// Whether the resource was there when the snapshot was made.
fn is_there(item: &Value) -> bool {
    let status = text(item, "configurationItemStatus").unwrap_or("OK");
    !matches!(status, "ResourceDeleted" | "ResourceDeletedNotRecorded")
}

fn place(item: &Value) -> Place {
    let arn = text(item, "ARN").or_else(|| text(item, "arn"));
    let (account, region) = arn.map_or((None, None), of_arn);
    let account = text(item, "awsAccountId").or(account).unwrap_or(UNTOLD);
    let region = text(item, "awsRegion").or(region).unwrap_or(UNTOLD);
    Place { account: account.to_owned(), region: region.to_owned() }
}

/// What the service said; some items hold it as text.
fn configuration(item: &Value) -> Option<Map<String, Value>> {
    let value = match item.get("configuration")? {
        Value::String(text) => serde_json::from_str(text).ok()?,
        other => other.clone(),
    };
    match large(value) {
        Value::Object(content) => Some(content),
        _ => None,
    }
}

/// The same with names that begin large, as the calls write them.
fn large(value: Value) -> Value {
    match value {
        Value::Object(entries) => {
            let renamed = entries.into_iter().map(|(key, value)| {
                let mut letters = key.chars();
                let first = letters.next().map(|letter| letter.to_ascii_uppercase());
                (first.into_iter().chain(letters).collect::<String>(), large(value))
            });
            Value::Object(renamed.filter(|(_, value)| !value.is_null()).collect())
        }
        Value::Array(items) => items.into_iter().map(large).collect(),
        other => other,
    }
}

/// Where an item differs from the answer by more than its letters.
fn mend(kind: &str, content: &mut Map<String, Value>) {
    match kind {
        // Ranges stand there as text too, beside the objects.
        "AWS::EC2::SecurityGroup" => {
            for list in ["IpPermissions", "IpPermissionsEgress"] {
                let rules = content.get_mut(list).and_then(Value::as_array_mut);
                for rule in rules.into_iter().flatten() {
                    ranges(rule);
                }
            }
        }
        "AWS::Lambda::Function" => {
            // Outside of every VPC, the item holds a configuration without subnets.
            let is_empty = content
                .get("VpcConfig")
                .is_some_and(|config| items(config, "SubnetIds").next().is_none());
            if is_empty {
                content.remove("VpcConfig");
            }
        }
        _ => {}
    }
}

fn ranges(rule: &mut Value) {
    let objects = |rule: &Value, key: &str, name: &str| -> Vec<Value> {
        items(rule, key)
            .map(|one| one.as_str().map_or_else(|| one.clone(), |text| json!({name: text})))
            .collect()
    };
    let four = match rule.get("Ipv4Ranges") {
        Some(_) => objects(rule, "Ipv4Ranges", "CidrIp"),
        None => objects(rule, "IpRanges", "CidrIp"),
    };
    let six = objects(rule, "Ipv6Ranges", "CidrIpv6");
    if let Some(fields) = rule.as_object_mut() {
        fields.remove("Ipv4Ranges");
        fields.insert("IpRanges".to_owned(), Value::Array(four));
        fields.insert("Ipv6Ranges".to_owned(), Value::Array(six));
    }
}

/// A bucket with its policy and its block of public access.
fn bucket(bodies: &mut Bodies, place: &Place, item: &Value) {
    let Some(name) = text(item, "resourceName").or_else(|| text(item, "resourceId")) else {
        return;
    };
    let list = ("s3api-list-buckets", "Buckets");
    bodies.add(&place.global(), list, json!({"Name": name, "BucketRegion": place.region}));
    let Some(more) = item.get("supplementaryConfiguration") else { return };
    if let Some(policy) = more.get("BucketPolicy").and_then(|one| text(one, "policyText")) {
        let body = json!({"Policy": policy});
        bodies.about(place, "s3api-get-bucket-policy", name, body);
    }
    if let Some(block) = more.get("PublicAccessBlockConfiguration") {
        let body = json!({"PublicAccessBlockConfiguration": large(block.clone())});
        bodies.about(place, "s3api-get-public-access-block", name, body);
    }
}
