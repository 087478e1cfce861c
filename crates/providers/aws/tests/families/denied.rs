//! Calls that were denied: what they would have told is unknown.

use watertight_aws::{DeniedCall, Options};
use watertight_model::{Certainty, Estate};
use watertight_reach::Start;
use watertight_source::Severity;

use crate::partial::{Bodies, INTERFACES, address, dispositions, web_to};
use crate::support::{codes, converted_with};

const HOME: [&str; 2] = ["111111111111", "eu-west-1"];

fn denied_in([account, region]: [&str; 2], call: &str, argument: Option<&str>) -> Options {
    let call = DeniedCall {
        account: Some(account.to_owned()),
        region: Some(region.to_owned()),
        call: call.to_owned(),
        argument: argument.map(str::to_owned),
        error: Some("AccessDenied".to_owned()),
    };
    Options { denied: vec![call], ..Options::default() }
}

fn denied(call: &str) -> Options {
    denied_in(HOME, call, None)
}

#[test]
fn each_denied_call_that_would_be_read_is_a_warning() {
    let said = |options: &Options| {
        let converted = Bodies::whole().converted(options);
        codes(&converted, Severity::Warning).iter().filter(|code| **code == "WT0116").count()
    };
    assert_eq!(said(&Options::default()), 0);
    assert_eq!(said(&denied("ec2-describe-flow-logs")), 0, "nobody would have read it");
    for call in ["ec2-describe-vpn-gateways", "describe-vpn-gateways", "ec2:DescribeVpnGateways"] {
        let mut options = denied(call);
        options.denied.extend(options.denied.clone());
        assert_eq!(said(&options), 1, "{call}");
    }
}

#[test]
fn a_denied_list_is_not_whole_although_others_were_read() {
    let call = "describe-network-interfaces";
    let flat = Bodies::whole().without(call).with_in("all", call, INTERFACES);
    let free = |options: &Options| {
        let estate = flat.converted(options).estate;
        [web_to(&estate, "10.0.1.99", 80), web_to(&estate, "10.0.2.10", 5432)]
    };
    assert_eq!(free(&Options::default()), ["neighbor_unreachable", "accepted"]);
    assert_eq!(free(&denied("ec2-describe-network-interfaces")), ["unknown", "accepted"]);
    let elsewhere =
        denied_in(["111111111111", "us-east-1"], "ec2-describe-network-interfaces", None);
    assert_eq!(free(&elsewhere), ["neighbor_unreachable", "accepted"]);
    let again = Bodies::whole().converted(&denied("ec2-describe-network-interfaces")).estate;
    assert_eq!(
        web_to(&again, "10.0.1.99", 80),
        "neighbor_unreachable",
        "asked again, and answered"
    );
}

#[test]
fn a_page_that_is_missing_may_hold_a_subnets_own_table() {
    let call = "describe-route-tables";
    let key = "{\"RouteTables\"";
    let cut = Bodies::whole().changed(call, key, "{\"NextToken\": \"more\", \"RouteTables\"");
    assert_eq!(Bodies::whole().web_to("10.0.2.10", 5432), "accepted");
    assert_eq!(cut.web_to("10.0.2.10", 5432), "unknown");
    let main = "\"Associations\": [{\"Main\": true}";
    let own = "\"Associations\": [{\"Main\": true}, {\"SubnetId\": \"subnet-1\"}, \
               {\"SubnetId\": \"subnet-2\"}";
    assert_eq!(cut.changed(call, main, own).web_to("10.0.2.10", 5432), "accepted");
    let denied = Bodies::whole().converted(&denied("ec2-describe-route-tables")).estate;
    assert_eq!(web_to(&denied, "10.0.2.10", 5432), "unknown");
}

#[test]
fn the_switch_for_public_access_is_unknown_where_it_was_denied() {
    let gateway = r#"{"InternetGateways": [{"InternetGatewayId": "igw-1",
        "Attachments": [{"State": "available", "VpcId": "vpc-a"}]}]}"#;
    let options = r#"{"VpcBlockPublicAccessOptions": {"AwsAccountId": "111111111111",
        "AwsRegion": "eu-west-1", "InternetGatewayBlockMode": "block-bidirectional"}}"#;
    let local = "\"GatewayId\": \"local\"}";
    let route = "\"GatewayId\": \"local\"}, {\"DestinationCidrBlock\": \"0.0.0.0/0\", \
                 \"GatewayId\": \"igw-1\"}";
    let private = "\"PrivateIpAddress\": \"10.0.2.10\", \"Groups\"";
    let public = "\"PrivateIpAddress\": \"10.0.2.10\", \"Association\": \
                  {\"PublicIp\": \"198.51.100.10\"}, \"Groups\"";
    let bodies = || {
        Bodies::whole()
            .with("describe-internet-gateways", gateway)
            .changed("describe-route-tables", local, route)
            .changed("describe-network-interfaces", private, public)
    };
    let inbound = |estate: &Estate| {
        let start = Start::Internet { address: address("8.8.8.8") };
        dispositions(estate, &start, "198.51.100.10", 5432)
    };
    assert_eq!(inbound(&bodies().estate()), "denied_in", "no rule of the group lets it in");
    let asked = |body: &Bodies, call: &str| {
        let estate = body.converted(&denied(call)).estate;
        let endpoint = estate.network.endpoints.iter().find(|(_, one)| one.name == "eni-db");
        let start =
            Start::Endpoint { endpoint: endpoint.unwrap().0, address: address("10.0.2.10") };
        dispositions(&estate, &start, "8.8.8.8", 443)
    };
    let group = |body: Bodies| {
        let egress = "\"IpPermissionsEgress\": []";
        let open = "\"IpPermissionsEgress\": [{\"IpProtocol\": \"-1\", \
                    \"IpRanges\": [{\"CidrIp\": \"0.0.0.0/0\"}]}]";
        body.changed("describe-security-groups", egress, open)
    };
    let open = group(bodies());
    let switched = group(bodies()).with("describe-vpc-block-public-access-options", options);
    assert_eq!(asked(&open, "ec2-describe-hosts"), "exits_network");
    assert_eq!(asked(&open, "ec2-describe-vpc-block-public-access-options"), "unknown");
    assert_eq!(asked(&open, "ec2-describe-vpc-block-public-access-exclusions"), "exits_network");
    // So it is where its mode, or that of an exclusion, is none that is known.
    let with =
        |options: &str| group(bodies()).with("describe-vpc-block-public-access-options", options);
    let mode = options.replace("block-bidirectional", "block-tuesdays");
    assert_eq!(asked(&with(&mode), "ec2-describe-hosts"), "unknown");
    assert_eq!(inbound(&with(&mode).estate()), "denied_in", "the group refuses it anyway");
    let ingress = "\"IpPermissions\": [\n";
    let any = "\"IpPermissions\": [{\"IpProtocol\": \"-1\", \
               \"IpRanges\": [{\"CidrIp\": \"0.0.0.0/0\"}]}, ";
    let let_in = |options: &str| with(options).changed("describe-security-groups", ingress, any);
    assert_eq!(inbound(&let_in(&mode).estate()), "unknown");
    assert_eq!(inbound(&let_in(options).estate()), "denied_in");
    let exclusion = r#"{"VpcBlockPublicAccessExclusions": [{"ExclusionId": "vpcbpa-1",
        "State": "create-complete", "InternetGatewayExclusionMode": "allow-tuesdays",
        "ResourceArn": "arn:aws:ec2:eu-west-1:111111111111:vpc/vpc-a"}]}"#;
    let excluded = with(options).with("describe-vpc-block-public-access-exclusions", exclusion);
    assert_eq!(asked(&excluded, "ec2-describe-hosts"), "unknown");
    assert_eq!(asked(&switched, "ec2-describe-hosts"), "denied_in");
    assert_eq!(asked(&switched, "ec2-describe-vpc-block-public-access-exclusions"), "unknown");
}

#[test]
fn a_denied_policy_of_a_resource_may_deny() {
    let role = r#"{"RoleDetailList": [{"RoleName": "app", "Path": "/",
        "Arn": "arn:aws:iam::111111111111:role/app", "RoleId": "AROAAPP",
        "AssumeRolePolicyDocument": {"Statement": []}, "InstanceProfileList": [],
        "RolePolicyList": [{"PolicyName": "own", "PolicyDocument": {"Statement":
          [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}}],
        "AttachedManagedPolicies": []}]}"#;
    let files = [
        ("111111111111/global/iam-get-account-authorization-details.json", role),
        (
            "111111111111/eu-west-1/s3api-list-buckets.json",
            r#"{"Buckets": [{"Name": "data"}, {"Name": "logs"}]}"#,
        ),
        (
            "111111111111/eu-west-1/s3api-get-bucket-policy/logs.json",
            r#"{"Policy": "{\"Statement\": []}"}"#,
        ),
        (
            "111111111111/eu-west-1/secretsmanager-list-secrets.json",
            r#"{"SecretList": [{"Name": "key", "Tags": [],
                "ARN": "arn:aws:secretsmanager:eu-west-1:111111111111:secret:key-abcdef"}]}"#,
        ),
    ];
    let sure = |options: &Options| {
        let converted = converted_with(&files, options);
        assert!(!converted.diagnostics.has_errors(), "{:?}", converted.diagnostics);
        let grants = converted.estate.grants.iter();
        grants.filter(|grant| grant.certainty == Certainty::Sure).count()
    };
    let all = sure(&Options::default());
    let call = "s3api-get-bucket-policy";
    assert_eq!(sure(&denied_in(HOME, call, Some("data"))), all - 1);
    assert_eq!(sure(&denied_in(HOME, call, Some("other"))), all);
    assert_eq!(sure(&denied_in(["222222222222", "eu-west-1"], call, Some("data"))), all);
    let call = "secretsmanager-get-resource-policy";
    assert_eq!(sure(&denied_in(HOME, call, Some("key"))), all - 1);
}
