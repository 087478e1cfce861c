//! Bodies in, grants out.

use super::support::{converted, errors, lines};
use crate::Converted;

const ACCOUNT: &str = "111111111111";

/// A role as `get-account-authorization-details` lists it.
fn role(name: &str, trust: &str, policy: &str, more: &str) -> String {
    format!(
        r#"{{"RoleName":"{name}","Path":"/","Arn":"arn:aws:iam::{ACCOUNT}:role/{name}","RoleId":"AROA{name}",
        "AssumeRolePolicyDocument":{{"Version":"2012-10-17","Statement":[{trust}]}},
        "InstanceProfileList":[{{"Arn":"arn:aws:iam::{ACCOUNT}:instance-profile/{name}"}}],
        "RolePolicyList":[{{"PolicyName":"own","PolicyDocument":{{"Version":"2012-10-17","Statement":[{policy}]}}}}],
        "AttachedManagedPolicies":[],"Tags":[]{more}}}"#
    )
}

fn allow(action: &str, resource: &str) -> String {
    format!(r#"{{"Effect":"Allow","Action":"{action}","Resource":"{resource}"}}"#)
}

fn trusts(kind: &str, principal: &str) -> String {
    format!(
        r#"{{"Effect":"Allow","Principal":{{"{kind}":"{principal}"}},"Action":"sts:AssumeRole"}}"#
    )
}

fn ec2() -> String {
    trusts("Service", "ec2.amazonaws.com")
}

fn details(roles: &[String], policies: &str) -> String {
    format!(
        r#"{{"RoleDetailList":[{}],"UserDetailList":[],"GroupDetailList":[],"Policies":[{policies}]}}"#,
        roles.join(",")
    )
}

const DETAILS: &str = "111111111111/global/iam-get-account-authorization-details.json";
const BUCKETS: (&str, &str) =
    ("111111111111/eu-west-1/s3api-list-buckets.json", r#"{"Buckets":[{"Name":"data"}]}"#);
const POLICY: &str = "111111111111/eu-west-1/s3api-get-bucket-policy/data.json";

fn bucket_policy(statements: &str) -> String {
    let document = format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#);
    format!(r#"{{"Policy":"{}"}}"#, document.replace('"', "\\\""))
}

fn run(details: &str, more: &[(&str, &str)]) -> Converted {
    let mut bodies = vec![(DETAILS, details)];
    bodies.extend(more);
    let converted = converted(&bodies);
    assert_eq!(errors(&converted), "");
    converted
}

fn grants(details: &str, more: &[(&str, &str)]) -> Vec<String> {
    lines(&run(details, more).estate)
}

/// What one role may do with the bucket `data` under a bucket policy.
fn reads(policy: &str, bucket: &str, more: &[(&str, &str)]) -> Vec<String> {
    let details = details(&[role("app", &ec2(), policy, "")], "");
    let bucket = bucket_policy(bucket);
    let mut bodies = vec![BUCKETS, (POLICY, bucket.as_str())];
    bodies.extend(more);
    grants(&details, &bodies)
}

fn guard(condition: &str) -> String {
    format!(
        r#"{{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*","Condition":{{{condition}}}}}"#
    )
}

#[test]
fn origin_guards_become_scopes() {
    let all = allow("s3:*", "*");
    let cases = [
        (guard(r#""Bool":{"aws:SecureTransport":"false"}"#), "app reads data"),
        (
            guard(r#""StringNotEquals":{"aws:SourceVpce":["vpce-b","vpce-a"]}"#),
            "app reads data from vpce-a vpce-b ?",
        ),
        (guard(r#""StringNotEquals":{"aws:SourceVpc":"vpc-a"}"#), "app reads data from vpc-a"),
        (
            guard(r#""NotIpAddress":{"aws:SourceIp":["198.51.100.0/24"]}"#),
            "app reads data from 198.51.100.0/24",
        ),
        (
            guard(
                r#""NotIpAddress":{"aws:SourceIp":"198.51.100.0/24"},"StringNotEquals":{"aws:SourceVpc":"vpc-a"}"#,
            ),
            "app reads data from vpc-a 198.51.100.0/24",
        ),
        (guard(r#""IpAddress":{"aws:SourceIp":"198.51.100.0/24"}"#), "app reads data"),
        (guard(r#""StringEquals":{"s3:signatureversion":"AWS"}"#), "app reads data ?"),
    ];
    for (policy, expected) in cases {
        assert_eq!(reads(&all, &policy, &[]), [expected], "{policy}");
    }
}

#[test]
fn the_policy_of_an_endpoint_decides_with_the_guard() {
    let endpoint = |id: &str, statement: &str| {
        let document = format!(r#"{{"Statement":[{statement}]}}"#).replace('"', "\\\"");
        format!(
            r#"{{"VpcEndpointId":"{id}","VpcId":"vpc-a","ServiceName":"com.amazonaws.eu-west-1.s3","VpcEndpointType":"Gateway","PolicyDocument":"{document}"}}"#
        )
    };
    let open = r#"{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}"#;
    let narrow =
        r#"{"Effect":"Allow","Principal":"*","Action":"*","Resource":"arn:aws:s3:::other/*"}"#;
    let body = format!(
        r#"{{"VpcEndpoints":[{},{}]}}"#,
        endpoint("vpce-a", open),
        endpoint("vpce-b", narrow)
    );
    let endpoints = [("111111111111/eu-west-1/ec2-describe-vpc-endpoints.json", body.as_str())];
    let named = guard(r#""StringNotEquals":{"aws:SourceVpce":["vpce-a","vpce-b"]}"#);
    assert_eq!(reads(&allow("s3:*", "*"), &named, &endpoints), ["app reads data from vpce-a"]);
    let any = guard(r#""Null":{"aws:SourceVpce":"true"}"#);
    assert_eq!(reads(&allow("s3:*", "*"), &any, &endpoints), ["app reads data from vpce-a"]);
    let own = r#"{"Effect":"Allow","Action":"s3:GetObject","Resource":"*","Condition":{"StringEquals":{"aws:SourceVpc":"vpc-a"}}}"#;
    assert_eq!(reads(own, "", &endpoints), ["app reads data from vpc-a"]);
}

#[test]
fn a_part_of_a_bucket_is_possible_and_another_accounts_is_not_read() {
    assert_eq!(
        reads(&allow("s3:GetObject", "arn:aws:s3:::data/a/*"), "", &[]),
        ["app reads data ?"]
    );
    assert_eq!(reads(&allow("s3:GetObject", "arn:aws:s3:::data*"), "", &[]), ["app reads data"]);
    assert!(reads(&allow("s3:PutObject", "*"), "", &[]).is_empty());
    assert!(reads(&allow("s3:GetObject", "arn:aws:s3:::other/*"), "", &[]).is_empty());
    let details = details(&[role("app", &ec2(), &allow("s3:*", "*"), "")], "");
    let foreign = "222222222222/eu-west-1/s3api-list-buckets.json";
    let list = r#"{"Buckets":[{"Name":"data"},{"Name":"more"}]}"#;
    let policy = bucket_policy(
        r#"{"Effect":"Allow","Principal":{"AWS":"111111111111"},"Action":"s3:*","Resource":"*"}"#,
    );
    let own = ("222222222222/eu-west-1/s3api-get-bucket-policy/data.json", policy.as_str());
    assert_eq!(grants(&details, &[(foreign, list), own]), ["app reads data"]);
    // Without any policy of that account in the input, either bucket may let the role in, and
    // anybody else.
    let all =
        ["app reads data ?", "app reads more ?", "anybody reads data ?", "anybody reads more ?"];
    assert_eq!(grants(&details, &[(foreign, list)]), all);
}

#[test]
fn boundaries_groups_and_missing_policies_count() {
    let boundary = r#","PermissionsBoundary":{"PermissionsBoundaryType":"Policy","PermissionsBoundaryArn":"arn:aws:iam::111111111111:policy/b"}"#;
    let managed = |statement: &str| {
        format!(
            r#"{{"PolicyName":"b","Arn":"arn:aws:iam::111111111111:policy/b","DefaultVersionId":"v2","PolicyVersionList":[
            {{"VersionId":"v1","IsDefaultVersion":false,"Document":{{"Statement":[{}]}}}},
            {{"VersionId":"v2","IsDefaultVersion":true,"Document":{{"Statement":[{statement}]}}}}]}}"#,
            allow("*", "*")
        )
    };
    let bodies = [BUCKETS, (POLICY, r#"{"Policy":"{\"Statement\":[]}"}"#)];
    let app = [role("app", &ec2(), &allow("s3:*", "*"), boundary)];
    assert_eq!(grants(&details(&app, &managed(&allow("s3:*", "*"))), &bodies), ["app reads data"]);
    assert!(grants(&details(&app, &managed(&allow("sqs:*", "*"))), &bodies).is_empty());
    // The boundary is not in the input.
    assert_eq!(grants(&details(&app, ""), &bodies), ["app reads data ?"]);
    let users = format!(
        r#"{{"RoleDetailList":[],"Policies":[],
        "GroupDetailList":[{{"GroupName":"g","Arn":"arn:aws:iam::111111111111:group/g","AttachedManagedPolicies":[],
            "GroupPolicyList":[{{"PolicyName":"p","PolicyDocument":{{"Statement":{}}}}}]}}],
        "UserDetailList":[{{"UserName":"bob","Arn":"arn:aws:iam::111111111111:user/bob","GroupList":["g"],"AttachedManagedPolicies":[]}}]}}"#,
        allow("s3:Get*", "arn:aws:s3:::data/*")
    );
    assert_eq!(grants(&users, &bodies), ["bob reads data"]);
    let administrator = users.replace(
        r#""GroupList":["g"],"AttachedManagedPolicies":[]"#,
        r#""GroupList":[],"AttachedManagedPolicies":[{"PolicyArn":"arn:aws:iam::aws:policy/AdministratorAccess"}]"#,
    );
    assert_eq!(grants(&administrator, &bodies), ["bob reads data"]);
}

#[test]
fn secrets_take_the_key_that_encrypts_them() {
    let arn = "arn:aws:secretsmanager:eu-west-1:111111111111:secret:db-AbCdEf";
    let secret = |key: &str| {
        format!(
            r#"{{"SecretList":[{{"ARN":"{arn}","Name":"db"{key},"Tags":[{{"Key":"env","Value":"prod"}}]}}]}}"#
        )
    };
    let path = "111111111111/eu-west-1/secretsmanager-list-secrets.json";
    let key = "arn:aws:kms:eu-west-1:111111111111:key/k1";
    let own = format!(r#","KmsKeyId":"{key}""#);
    let read =
        allow("secretsmanager:GetSecretValue", "arn:aws:secretsmanager:*:*:secret:db-??????");
    let both = format!("{read},{}", allow("kms:Decrypt", key));
    let one = |policy: &str, secret: &str, more: &[(&str, &str)]| {
        let mut bodies = vec![(path, secret)];
        bodies.extend(more);
        grants(&details(&[role("app", &ec2(), policy, "")], ""), &bodies)
    };
    let delegates = bucket_policy(
        r#"{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:root"},"Action":"kms:*","Resource":"*"}"#,
    );
    let keys = [("111111111111/eu-west-1/kms-get-key-policy/k1.json", delegates.as_str())];
    assert_eq!(one(&read, &secret(""), &[]), ["app opens db"]);
    assert_eq!(one(&read, &secret(&own), &[]), ["app opens db ?"]);
    assert_eq!(one(&both, &secret(&own), &keys), ["app opens db"]);
    assert!(one(&read, &secret(&own), &keys).is_empty());
    let tagged =
        read.replace('}', r#","Condition":{"StringEquals":{"aws:ResourceTag/env":"prod"}}}"#);
    assert_eq!(one(&tagged, &secret(""), &[]), ["app opens db"]);
    assert!(one(&tagged.replace("prod", "dev"), &secret(""), &[]).is_empty());
    let parameter =
        allow("ssm:GetParameter*", "arn:aws:ssm:eu-west-1:111111111111:parameter/db/password");
    assert_eq!(one(&parameter, r#"{"SecretList":[]}"#, &[]), ["app opens db/password ?"]);
}

#[test]
fn machines_take_commands_where_they_are_managed() {
    let agent =
        format!("{},{}", allow("ssm:UpdateInstanceInformation", "*"), allow("ssmmessages:*", "*"));
    let roles = |operator: &str| {
        details(&[role("node", &ec2(), &agent, ""), role("operator", &ec2(), operator, "")], "")
    };
    let instances = r#"{"Reservations":[{"OwnerId":"111111111111","Instances":[
        {"InstanceId":"i-1","Tags":[{"Key":"Name","Value":"one"},{"Key":"app","Value":"web"}],"IamInstanceProfile":{"Arn":"arn:aws:iam::111111111111:instance-profile/node"}},
        {"InstanceId":"i-2","Tags":[{"Key":"Name","Value":"two"}]}]}]}"#;
    let bodies = [("111111111111/eu-west-1/ec2-describe-instances.json", instances)];
    let run = |policy: &str| grants(&roles(policy), &bodies);
    let both = ["operator runs on one", "operator runs on two ?"];
    assert_eq!(run(&allow("ssm:SendCommand", "*")), both);
    assert_eq!(run(&allow("ssm:StartSession", "arn:aws:ec2:*:*:instance/*")), both);
    assert!(run(&allow("ssm:SendCommand", "arn:aws:ec2:*:*:instance/*")).is_empty());
    assert_eq!(
        run(&allow("ec2-instance-connect:SendSSHPublicKey", "*")),
        ["operator runs on one ?", "operator runs on two ?"]
    );
    let tagged = r#"{"Effect":"Allow","Action":"ssm:StartSession","Resource":"*","Condition":{"StringEquals":{"ssm:resourceTag/app":"web"}}}"#;
    assert_eq!(run(tagged), ["operator runs on one"]);
    let changes = allow("ec2:CreateTags", "arn:aws:ec2:eu-west-1:111111111111:instance/i-2");
    assert_eq!(run(&changes), ["operator changes 111111111111"]);
}

#[test]
fn permissions_lead_to_other_roles() {
    let admin = role("admin", &trusts("Service", "lambda.amazonaws.com"), "", "");
    let with = |policy: &str, trust: &str| {
        grants(&details(&[admin.clone(), role("app", trust, policy, "")], ""), &[])
    };
    let on_admin = |action: &str| allow(action, "arn:aws:iam::111111111111:role/admin");
    assert_eq!(with(&on_admin("iam:UpdateAssumeRolePolicy"), &ec2()), ["app assumes admin"]);
    assert!(with(&on_admin("sts:AssumeRole"), &ec2()).is_empty());
    assert!(with(&on_admin("iam:PassRole"), &ec2()).is_empty());
    let launch = format!("{},{}", on_admin("iam:PassRole"), allow("lambda:CreateFunction", "*"));
    assert_eq!(with(&launch, &ec2()), ["app assumes admin"]);
    let machine = format!("{},{}", on_admin("iam:PassRole"), allow("ec2:RunInstances", "*"));
    assert!(with(&machine, &ec2()).is_empty());
    let passed = launch.replace(
        r#"role/admin"}"#,
        r#"role/admin","Condition":{"StringEquals":{"iam:PassedToService":"ec2.amazonaws.com"}}}"#,
    );
    assert!(with(&passed, &ec2()).is_empty());
    let own = allow("iam:PutRolePolicy", "arn:aws:iam::111111111111:role/app");
    assert_eq!(with(&own, &ec2()), ["app assumes admin"]);
    assert!(with(&on_admin("iam:PutRolePolicy"), &ec2()).is_empty());
}

#[test]
fn a_service_control_policy_without_contents_leaves_all_possible() {
    let accounts = r#"{"Accounts":[{"Id":"111111111111","Arn":"arn:aws:organizations::999999999999:account/o-1/111111111111","Name":"a"}]}"#;
    let organization = ("999999999999/global/organizations-list-accounts.json", accounts);
    let list = |more: &str| {
        format!(
            r#"{{"Policies":[{{"Id":"p-1","Arn":"arn:aws:organizations::999999999999:policy/o-1/service_control_policy/p-1","Name":"x","Type":"SERVICE_CONTROL_POLICY"{more}}}]}}"#
        )
    };
    let path = "999999999999/global/organizations-list-policies.json";
    let app = details(&[role("app", &ec2(), &allow("s3:*", "*"), "")], "");
    let policy = (POLICY, r#"{"Policy":"{\"Statement\":[]}"}"#);
    let unread = list("");
    assert_eq!(grants(&app, &[BUCKETS, policy, organization]), ["app reads data"]);
    assert_eq!(
        grants(&app, &[BUCKETS, policy, organization, (path, &unread)]),
        ["app reads data ?"]
    );
    let denies = r#","Content":"{\"Statement\":[{\"Effect\":\"Deny\",\"Action\":\"s3:*\",\"Resource\":\"*\"}]}","Targets":[{"TargetId":"111111111111","Type":"ACCOUNT"}]"#;
    let denies = list(denies);
    assert!(grants(&app, &[BUCKETS, policy, organization, (path, &denies)]).is_empty());
    let queues = denies.replace("s3:*", "sqs:*");
    let full = r#"{"Id":"p-FullAWSAccess","Arn":"arn:aws:organizations::aws:policy/service_control_policy/p-FullAWSAccess","Type":"SERVICE_CONTROL_POLICY"},{"Id":"p-1""#;
    let both = queues.replace(r#"{"Id":"p-1""#, full);
    assert!(grants(&app, &[BUCKETS, policy, organization, (path, &queues)]).is_empty());
    assert_eq!(
        grants(&app, &[BUCKETS, policy, organization, (path, &both)]),
        ["app reads data ?"],
        "where the policy that allows everything is attached is not told"
    );
    let full = unread.replace("p-1", "p-FullAWSAccess");
    assert_eq!(grants(&app, &[BUCKETS, policy, organization, (path, &full)]), ["app reads data"]);
}

#[test]
fn a_policy_that_is_no_json_is_an_error() {
    let converted = converted(&[BUCKETS, (POLICY, r#"{"Policy":"{\"Statement\":["}"#)]);
    assert!(converted.diagnostics.has_errors());
}

#[test]
fn a_role_without_details_is_a_credential_without_grants() {
    let functions = r#"{"Functions":[{"FunctionName":"f","FunctionArn":"arn:aws:lambda:eu-west-1:111111111111:function:f","Role":"arn:aws:iam::111111111111:role/gone"}]}"#;
    let converted = converted(&[("111111111111/eu-west-1/lambda-list-functions.json", functions)]);
    let estate = &converted.estate;
    assert!(estate.grants.is_empty());
    let function = estate.workloads.values().find(|workload| workload.name == "f").unwrap();
    assert_eq!(estate.credentials[function.credential.unwrap()].name, "gone");
    let mut kept = converted.diagnostics.kept().iter();
    assert!(
        kept.any(|one| one
            .message
            .contains("the policies of `arn:aws:iam::111111111111:role/gone`"))
    );
}
