//! What the policies of an organization leave of grants.

use std::collections::BTreeMap;

use super::support::{errors, lines};
use crate::{Body, DeniedCall, Options, convert};
use watertight_source::{Limits, Sources, Tree};

const ROOT: &str = "r-1";
const UNIT: &str = "ou-1";
const ACCOUNT: &str = "111111111111";
const ELSEWHERE: &str = "ou-2";
const SERVICE: &str = "SERVICE_CONTROL_POLICY";
const RESOURCE: &str = "RESOURCE_CONTROL_POLICY";

/// Bodies by path: an account in a unit below the root, with a role that may do everything, a bucket,
/// a queue and a table.
struct Bodies {
    files: BTreeMap<String, String>,
    denied: Vec<DeniedCall>,
    policies: Vec<String>,
}

fn summary(id: &str, kind: &str) -> String {
    format!(
        r#"{{"Id": "{id}", "Name": "{id}", "Type": "{kind}",
        "Arn": "arn:aws:organizations::999999999999:policy/o-1/{id}"}}"#
    )
}

impl Bodies {
    fn new() -> Self {
        let mut bodies = Self { files: BTreeMap::new(), denied: Vec::new(), policies: Vec::new() };
        let account = |id: &str| {
            let arn = format!("arn:aws:organizations::999999999999:account/o-1/{id}");
            format!(r#"{{"Id": "{id}", "Arn": "{arn}", "Name": "{id}"}}"#)
        };
        let accounts =
            format!(r#"{{"Accounts": [{}, {}]}}"#, account(ACCOUNT), account("999999999999"));
        bodies.add("list-accounts", &accounts);
        bodies.parent(ACCOUNT, UNIT);
        bodies.parent(UNIT, ROOT);
        bodies.account(ACCOUNT);
        bodies
    }

    fn add(&mut self, call: &str, body: &str) {
        let path = format!("999999999999/global/organizations-{call}.json");
        self.files.insert(path, body.to_owned());
    }

    fn parent(&mut self, child: &str, parent: &str) {
        let body = format!(r#"{{"Parents": [{{"Id": "{parent}", "Type": "ROOT"}}]}}"#);
        self.add(&format!("list-parents/{child}"), &body);
    }

    fn account(&mut self, account: &str) {
        let role = format!(
            r#"{{"RoleDetailList": [{{"RoleName": "app", "Path": "/", "RoleId": "AROA",
            "Arn": "arn:aws:iam::{account}:role/app", "AssumeRolePolicyDocument": {{"Statement": []}},
            "RolePolicyList": [{{"PolicyName": "p", "PolicyDocument": {{"Statement": [{{
              "Effect": "Allow", "Resource": "*",
              "Action": ["s3:GetObject", "sqs:ReceiveMessage", "dynamodb:GetItem"]}}]}}}}]}}]}}"#
        );
        let region = "eu-west-1";
        let queue = format!("https://sqs.{region}.amazonaws.com/{account}/jobs");
        let table = format!("arn:aws:dynamodb:{region}:{account}:table/carts");
        let bodies = [
            ("iam-get-account-authorization-details", role),
            ("s3api-list-buckets", r#"{"Buckets": [{"Name": "data"}]}"#.to_owned()),
            ("s3api-get-bucket-policy/data", r#"{"Policy": "{\"Statement\": []}"}"#.to_owned()),
            ("sqs-list-queues", format!(r#"{{"QueueUrls": ["{queue}"]}}"#)),
            (
                "dynamodb-describe-table/carts",
                format!(r#"{{"Table": {{"TableName": "carts", "TableArn": "{table}"}}}}"#),
            ),
        ];
        for (call, body) in bodies {
            self.files.insert(format!("{account}/{region}/{call}.json"), body);
        }
    }

    /// A policy with its statement and targets.
    fn policy(mut self, id: &str, kind: &str, statement: &str, targets: &[&str]) -> Self {
        let summary = summary(id, kind);
        let text = format!(r#"{{"Statement": [{statement}]}}"#).replace('"', "\\\"");
        let body = format!(r#"{{"Policy": {{"PolicySummary": {summary}, "Content": "{text}"}}}}"#);
        self.add(&format!("describe-policy/{id}"), &body);
        let targets = targets.iter().map(|id| format!(r#"{{"TargetId": "{id}", "Type": "ROOT"}}"#));
        let targets = targets.collect::<Vec<_>>().join(",");
        let body = format!(r#"{{"Targets": [{targets}]}}"#);
        self.add(&format!("list-targets-for-policy/{id}"), &body);
        self.policies.push(summary);
        self
    }

    /// The policy that allows everything, where it is attached.
    fn full(self, targets: &[&str]) -> Self {
        let all = r#"{"Effect": "Allow", "Action": "*", "Resource": "*"}"#;
        self.policy("p-FullAWSAccess", SERVICE, all, targets)
    }

    fn without(mut self, call: &str) -> Self {
        let path = format!("999999999999/global/organizations-{call}.json");
        assert!(self.files.remove(&path).is_some(), "{path}");
        self
    }

    fn with(mut self, call: &str, body: &str) -> Self {
        self.add(call, body);
        self
    }

    /// What the role may read, in short.
    fn reads(mut self) -> String {
        if !self.policies.is_empty() {
            let list = format!(r#"{{"Policies": [{}]}}"#, self.policies.join(","));
            self.add("list-policies", &list);
        }
        let mut sources = Sources::new();
        let mut bodies = Vec::new();
        for (path, text) in &self.files {
            let file = sources.add(path.as_str(), text.as_str()).unwrap();
            let limits = Limits::default();
            let tree = Tree::parse_json(file, sources.contents(file), &limits).unwrap();
            bodies.push(Body { path: path.clone(), tree });
        }
        let options = Options { denied: self.denied, ..Options::default() };
        let converted = convert(&bodies, &options);
        assert_eq!(errors(&converted), "");
        let lines = lines(&converted.estate);
        let words: Vec<String> =
            lines.iter().map(|line| line.replace("app reads ", "").replace(' ', "")).collect();
        words.join(" ")
    }
}

fn statement(effect: &str, actions: &str) -> String {
    format!(r#"{{"Effect": "{effect}", "Action": {actions}, "Resource": "*"}}"#)
}

const ALL: &str = "data carts jobs";
const PERHAPS: &str = "data? carts? jobs?";
const EVERYWHERE: [&str; 4] = [ROOT, UNIT, ELSEWHERE, ACCOUNT];

#[test]
fn a_denial_on_the_way_from_the_root_takes_away() {
    let denied = |target: &str| {
        let denies = statement("Deny", r#""sqs:*""#);
        Bodies::new().full(&EVERYWHERE).policy("p-1", SERVICE, &denies, &[target]).reads()
    };
    assert_eq!(Bodies::new().full(&EVERYWHERE).reads(), ALL);
    for target in [ROOT, UNIT, ACCOUNT] {
        assert_eq!(denied(target), "data carts", "{target}");
    }
    assert_eq!(denied(ELSEWHERE), ALL);
}

#[test]
fn every_level_must_allow() {
    let allows = |actions: &str, full: &[&str]| {
        let allows = statement("Allow", actions);
        Bodies::new().full(full).policy("p-1", SERVICE, &allows, &[UNIT]).reads()
    };
    assert_eq!(allows(r#""s3:*""#, &[ROOT, ACCOUNT]), "data");
    assert_eq!(allows(r#"["s3:*", "sqs:*"]"#, &[ROOT, ACCOUNT]), "data jobs");
    assert_eq!(allows(r#""s3:*""#, &EVERYWHERE), ALL, "one policy of a level is enough");
    assert_eq!(allows(r#""ec2:*""#, &[ROOT, ACCOUNT]), "");
    assert_eq!(allows(r#""s3:*""#, &[UNIT, ACCOUNT]), "data? carts? jobs?", "nothing at the root?");
}

#[test]
fn what_is_not_in_the_input_makes_grants_possible() {
    let bodies = || {
        let denies = statement("Deny", r#""sqs:*""#);
        Bodies::new().full(&EVERYWHERE).policy("p-1", SERVICE, &denies, &[ELSEWHERE])
    };
    assert_eq!(bodies().reads(), ALL);
    assert_eq!(bodies().without(&format!("list-parents/{UNIT}")).reads(), PERHAPS);
    assert_eq!(bodies().without(&format!("list-parents/{ACCOUNT}")).reads(), PERHAPS);
    assert_eq!(bodies().without("list-targets-for-policy/p-1").reads(), PERHAPS);
    assert_eq!(bodies().without("describe-policy/p-1").reads(), ALL, "it is attached elsewhere");
    let attached = || {
        let denies = statement("Deny", r#""sqs:*""#);
        Bodies::new().full(&EVERYWHERE).policy("p-1", SERVICE, &denies, &[UNIT])
    };
    assert_eq!(attached().without("describe-policy/p-1").reads(), PERHAPS);
    let hidden = attached().without(&format!("list-parents/{UNIT}")).reads();
    assert_eq!(hidden, "data? carts?", "what is known to deny denies");
}

#[test]
fn who_has_no_such_policies_is_left_alone() {
    assert_eq!(Bodies::new().reads(), ALL, "with a note");
    let denied = DeniedCall {
        account: Some("999999999999".to_owned()),
        region: Some("global".to_owned()),
        call: "organizations-list-policies".to_owned(),
        argument: None,
        error: None,
    };
    let mut bodies = Bodies::new();
    bodies.denied = vec![denied];
    assert_eq!(bodies.reads(), PERHAPS);
    let blocked = || {
        let denies = statement("Deny", r#""*""#);
        Bodies::new().full(&EVERYWHERE).policy("p-1", SERVICE, &denies, &[ROOT])
    };
    assert_eq!(blocked().reads(), "");
    let organization = r#"{"Organization": {"Id": "o-1", "FeatureSet": "ALL",
        "MasterAccountId": "111111111111"}}"#;
    let managed = blocked().with("describe-organization", organization);
    assert_eq!(managed.reads(), ALL, "the management account is exempt");
    let billing = organization.replace("\"ALL\"", "\"CONSOLIDATED_BILLING\"");
    let billing = billing.replace(ACCOUNT, "999999999999");
    assert_eq!(blocked().with("describe-organization", &billing).reads(), ALL);
    let roots = |types: &str| {
        let body = format!(r#"{{"Roots": [{{"Id": "r-1", "PolicyTypes": [{types}]}}]}}"#);
        blocked().with("list-roots", &body).reads()
    };
    assert_eq!(roots(r#"{"Type": "SERVICE_CONTROL_POLICY", "Status": "ENABLED"}"#), "");
    assert_eq!(roots(""), ALL, "the root has policies of this kind switched off");
}

#[test]
fn policies_that_are_enabled_and_not_in_the_input_make_grants_possible() {
    let roots = |types: &[(&str, &str)]| {
        let types = types
            .iter()
            .map(|(kind, status)| format!(r#"{{"Type": "{kind}", "Status": "{status}"}}"#));
        let types = types.collect::<Vec<_>>().join(",");
        format!(r#"{{"Roots": [{{"Id": "r-1", "PolicyTypes": [{types}]}}]}}"#)
    };
    let with =
        |bodies: Bodies, types: &[(&str, &str)]| bodies.with("list-roots", &roots(types)).reads();
    assert_eq!(with(Bodies::new(), &[(SERVICE, "ENABLED")]), PERHAPS);
    assert_eq!(with(Bodies::new(), &[("TAG_POLICY", "ENABLED")]), ALL);
    assert_eq!(with(Bodies::new(), &[]), ALL);
    let both = [(SERVICE, "ENABLED"), (RESOURCE, "ENABLED")];
    let listed = with(Bodies::new().full(&EVERYWHERE), &both);
    assert_eq!(listed, "data? carts? jobs?", "those over resources were not asked for");
    assert_eq!(with(Bodies::new().full(&EVERYWHERE), &both[..1]), ALL);
    let managed = r#"{"Organization": {"Id": "o-1", "MasterAccountId": "111111111111"}}"#;
    let managed = Bodies::new().with("describe-organization", managed);
    assert_eq!(with(managed, &both[..1]), ALL, "the management account is exempt");
}

#[test]
fn policies_and_units_may_be_asked_for_from_above() {
    let denies = statement("Deny", r#""sqs:*""#);
    let mut bodies = Bodies::new().full(&[]).policy("p-1", SERVICE, &denies, &[]);
    bodies = bodies.without("list-targets-for-policy/p-1");
    bodies = bodies.without("list-targets-for-policy/p-FullAWSAccess");
    bodies = bodies.without(&format!("list-parents/{UNIT}"));
    bodies = bodies.without(&format!("list-parents/{ACCOUNT}"));
    let units = format!(r#"{{"OrganizationalUnits": [{{"Id": "{UNIT}", "Name": "u"}}]}}"#);
    bodies.add(&format!("list-organizational-units-for-parent/{ROOT}"), &units);
    let accounts = format!(r#"{{"Accounts": [{{"Id": "{ACCOUNT}", "Name": "a"}}]}}"#);
    bodies.add(&format!("list-accounts-for-parent/{UNIT}"), &accounts);
    let full = summary("p-FullAWSAccess", SERVICE);
    for target in [ROOT, ACCOUNT] {
        let body = format!(r#"{{"Policies": [{full}]}}"#);
        bodies.add(&format!("list-policies-for-target/{target}"), &body);
    }
    let both = format!(r#"{{"Policies": [{full}, {}]}}"#, summary("p-1", SERVICE));
    let path = format!("list-policies-for-target/{UNIT}");
    bodies.add(&path, &both);
    let text = format!("[{both}, {{\"Policies\": [{}]}}]", summary("p-2", RESOURCE));
    bodies.add(&path, &text);
    assert_eq!(bodies.reads(), "data? carts?", "one policy over resources is not in the input");
}

#[test]
fn resource_control_policies_deny_what_is_done_to_an_account() {
    let over = |actions: &str, target: &str| {
        let denies = format!(
            r#"{{"Effect": "Deny", "Principal": "*", "Action": {actions}, "Resource": "*"}}"#
        );
        Bodies::new().policy("p-1", RESOURCE, &denies, &[target]).reads()
    };
    assert_eq!(over(r#""s3:*""#, UNIT), "carts jobs");
    assert_eq!(over(r#""s3:*""#, ELSEWHERE), ALL);
    assert_eq!(over(r#""*""#, ROOT), "carts?", "which services it reaches changes");
    assert_eq!(over(r#""iam:*""#, ROOT), ALL);
}
