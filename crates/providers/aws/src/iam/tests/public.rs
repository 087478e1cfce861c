//! What buckets grant to anybody.

use super::support::{converted, errors, lines};

const POLICY: &str = r#"{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject",
    "Resource": "arn:aws:s3:::data/*"}"#;

/// A bucket with a policy, and whatever else its account says; another account has a role that may
/// read whatever it is let.
struct Bucket<'b> {
    policy: &'b str,
    more: Vec<(&'b str, &'b str)>,
}

impl Bucket<'_> {
    /// Whether anybody may read it, and whether the other account's role may.
    fn reads(&self) -> (String, String) {
        let policy = format!(r#"{{"Statement": [{}]}}"#, self.policy).replace('"', "\\\"");
        let policy = format!(r#"{{"Policy": "{}"}}"#, policy.replace('\n', " "));
        let role = r#"{"RoleDetailList": [{"RoleName": "app", "Path": "/",
            "Arn": "arn:aws:iam::222222222222:role/app", "AssumeRolePolicyDocument":
            {"Statement": []}, "RolePolicyList": [{"PolicyName": "p", "PolicyDocument":
            {"Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}}]}]}"#;
        let mut bodies = vec![
            ("222222222222/global/iam-get-account-authorization-details.json", role),
            (
                "111111111111/eu-west-1/s3api-list-buckets.json",
                r#"{"Buckets": [{"Name": "data"}]}"#,
            ),
            ("111111111111/eu-west-1/s3api-get-bucket-policy/data.json", &policy),
        ];
        bodies.extend(&self.more);
        let converted = converted(&bodies);
        assert_eq!(errors(&converted), "");
        let bucket = converted.estate.workloads.values().find(|one| one.name == "data").unwrap();
        let label = bucket.labels.get("aws.publicly-readable").unwrap().to_string();
        (label, lines(&converted.estate).join(", "))
    }

    fn listed(&self) -> String {
        let mut bodies = vec![(
            "111111111111/eu-west-1/s3api-list-buckets.json",
            r#"{"Buckets": [{"Name": "data"}]}"#,
        )];
        bodies.extend(&self.more);
        let converted = converted(&bodies);
        let bucket = converted.estate.workloads.values().find(|one| one.name == "data").unwrap();
        bucket.labels.get("aws.publicly-listed").unwrap().to_string()
    }
}

const OWN: &str = "111111111111/eu-west-1/s3api-get-public-access-block/data.json";
const ACCOUNTS: &str = "111111111111/eu-west-1/s3control-get-public-access-block.json";
const OFF: &str = r#"{"PublicAccessBlockConfiguration": {"BlockPublicAcls": false,
    "IgnorePublicAcls": true, "BlockPublicPolicy": false, "RestrictPublicBuckets": false}}"#;
const ON: &str = r#"{"PublicAccessBlockConfiguration": {"BlockPublicAcls": true,
    "IgnorePublicAcls": true, "BlockPublicPolicy": true, "RestrictPublicBuckets": true}}"#;

const OWNERS: &str = "111111111111/eu-west-1/s3api-get-bucket-ownership-controls/data.json";
const WRITER: &str = r#"{"OwnershipControls": {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}}"#;

fn under(policy: &str, own: &str, account: &str) -> (String, String) {
    Bucket { policy, more: vec![(OWN, own), (ACCOUNTS, account)] }.reads()
}

fn pair(anybody: &str, other: &str) -> (String, String) {
    (anybody.to_owned(), other.to_owned())
}

#[test]
fn the_stricter_of_two_blocks_holds() {
    let public = pair("true", "app reads data, anybody reads data");
    let closed = pair("false", "");
    assert_eq!(under(POLICY, OFF, OFF), public);
    assert_eq!(under(POLICY, ON, OFF), closed);
    assert_eq!(under(POLICY, OFF, ON), closed);
    let later = OFF.replace("\"BlockPublicPolicy\": false", "\"BlockPublicPolicy\": true");
    assert_eq!(under(POLICY, &later, &later), public, "it holds for new policies alone");
    let named = ACCOUNTS.replace(".json", "/111111111111.json");
    let asked = Bucket { policy: POLICY, more: vec![(OWN, OFF), (&named, ON)] };
    assert_eq!(asked.reads(), closed);
    let others = ACCOUNTS.replace("111111111111/", "222222222222/");
    let perhaps = pair("unknown", "app reads data ?, anybody reads data ?");
    let elsewhere = Bucket { policy: POLICY, more: vec![(OWN, OFF), (&others, ON)] };
    assert_eq!(elsewhere.reads(), perhaps, "of another account");
}

#[test]
fn a_block_that_was_not_read_may_be_on() {
    let perhaps = pair("unknown", "app reads data ?, anybody reads data ?");
    assert_eq!(Bucket { policy: POLICY, more: Vec::new() }.reads(), perhaps);
    assert_eq!(Bucket { policy: POLICY, more: vec![(OWN, OFF)] }.reads(), perhaps);
    assert_eq!(Bucket { policy: POLICY, more: vec![(OWN, ON)] }.reads(), pair("false", ""));
    let named = POLICY.replace("\"*\"", r#"{"AWS": "222222222222"}"#);
    let own = Bucket { policy: &named, more: vec![(OWN, OFF)] };
    assert_eq!(own.reads(), pair("false", "app reads data"), "the policy is not public");
}

#[test]
fn a_policy_that_is_tied_to_a_place_is_not_public() {
    let tied = |condition: &str| {
        let policy = POLICY.replacen('{', &format!(r#"{{"Condition": {{{condition}}}, "#), 1);
        under(&policy, ON, ON)
    };
    let other = |condition: &str| tied(condition).1;
    assert_eq!(
        other(r#""StringEquals": {"aws:PrincipalAccount": "222222222222"}"#),
        "app reads data"
    );
    assert_eq!(other(r#""StringEquals": {"aws:PrincipalAccount": "333333333333"}"#), "");
    assert_eq!(
        other(r#""StringLike": {"aws:PrincipalArn": "*"}"#),
        "app reads data ?, anybody reads data ?"
    );
    let either = "app reads data ?, anybody reads data ?";
    assert_eq!(other(r#""Bool": {"aws:SecureTransport": "true"}"#), either);
    let from = |prefix: &str| other(&format!(r#""IpAddress": {{"aws:SourceIp": "{prefix}"}}"#));
    assert_eq!(from("198.51.100.0/24"), "app reads data from 198.51.100.0/24");
    assert_eq!(from("128.0.0.0/1"), "app reads data from 128.0.0.0/1 ?");
    assert_eq!(tied(r#""IpAddress": {"aws:SourceIp": "198.51.100.0/24"}"#).0, "false");
}

#[test]
fn lists_of_objects_may_grant_where_nothing_switches_them_off() {
    let nothing =
        r#"{"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": "*"}"#;
    let lists = OFF.replace("\"IgnorePublicAcls\": true", "\"IgnorePublicAcls\": false");
    assert_eq!(under(nothing, OFF, OFF).0, "false");
    assert_eq!(under(nothing, &lists, &lists).0, "unknown");
    let enforced = WRITER.replace("ObjectWriter", "BucketOwnerEnforced");
    let owned = (OWNERS, enforced.as_str());
    let more = vec![(OWN, lists.as_str()), (ACCOUNTS, lists.as_str()), owned];
    assert_eq!(Bucket { policy: nothing, more }.reads().0, "false");
}

#[test]
fn a_buckets_own_list_may_let_everybody_list_it() {
    let path = "111111111111/eu-west-1/s3api-get-bucket-acl/data.json";
    let acl = |group: &str, permission: &str| {
        format!(
            r#"{{"Owner": {{"ID": "1"}}, "Grants": [{{"Permission": "{permission}", "Grantee":
            {{"Type": "Group", "URI": "http://acs.amazonaws.com/groups/{group}"}}}}]}}"#
        )
    };
    let lists = OFF.replace("\"IgnorePublicAcls\": true", "\"IgnorePublicAcls\": false");
    let listed = |list: &str, block: &str| {
        let more = vec![(path, list), (OWN, block), (ACCOUNTS, block), (OWNERS, WRITER)];
        Bucket { policy: "", more }.listed()
    };
    let open = acl("global/AllUsers", "READ");
    assert_eq!(listed(&open, &lists), "true");
    assert_eq!(listed(&open, OFF), "false", "access lists are ignored");
    assert_eq!(listed(&acl("global/AuthenticatedUsers", "FULL_CONTROL"), &lists), "true");
    assert_eq!(listed(&acl("global/AllUsers", "WRITE"), &lists), "false");
    assert_eq!(listed(&acl("s3/LogDelivery", "READ"), &lists), "false");
    let owners = Bucket {
        policy: "",
        more: vec![(path, open.as_str()), (OWN, lists.as_str()), (ACCOUNTS, lists.as_str())],
    };
    assert_eq!(owners.listed(), "unknown", "who owns objects may switch lists off");
    let unread = Bucket { policy: "", more: vec![(OWN, lists.as_str())] };
    assert_eq!(unread.listed(), "unknown");
}
