//! Small documents with the answers that the documented logic gives.

use super::support::{document, role, user};
use crate::iam::evaluate::{Guardrails, Policies, ResourcePolicy, Sides, evaluate};
use crate::iam::pattern::Subject;
use crate::iam::policy::Document;
use crate::iam::request::{Caller, Place, Request, Target};
use crate::iam::truth::Truth::{self, No, Unknown, Yes};

const OWN: &str = "111111111111";
const OTHER: &str = "222222222222";
const ALL: &str = r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#;

fn of(statements: &str) -> Document {
    document(&format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#))
}

/// One request with the policies that decide about it.
struct Case {
    caller: Caller,
    identity: Document,
    boundary: Option<Document>,
    guardrails: Vec<Document>,
    doubtful: Vec<Document>,
    resource: Option<Document>,
    account: Option<&'static str>,
    sides: Sides,
}

impl Case {
    fn new(identity: &str) -> Self {
        Self {
            caller: role(),
            identity: of(identity),
            boundary: None,
            guardrails: Vec::new(),
            doubtful: Vec::new(),
            resource: None,
            account: Some(OWN),
            sides: Sides::Either,
        }
    }

    fn by(self, caller: Caller) -> Self {
        Self { caller, ..self }
    }

    fn within(self, boundary: &str) -> Self {
        Self { boundary: Some(of(boundary)), ..self }
    }

    fn under(mut self, guardrail: &str) -> Self {
        self.guardrails.push(of(guardrail));
        self
    }

    fn perhaps_under(mut self, guardrail: &str) -> Self {
        self.doubtful.push(of(guardrail));
        self
    }

    fn at(self, resource: &str) -> Self {
        Self { resource: Some(of(resource)), ..self }
    }

    fn of_account(self, account: Option<&'static str>) -> Self {
        Self { account, ..self }
    }

    fn by_resource(self) -> Self {
        Self { sides: Sides::Resource, ..self }
    }

    fn asks(&self, action: &str, resource: &str) -> Truth {
        let guardrails = Guardrails {
            levels: self.guardrails.iter().map(|one| vec![one]).collect(),
            doubtful: self.doubtful.iter().collect(),
        };
        let policies = Policies {
            identity: &[&self.identity],
            boundary: self.boundary.as_ref(),
            guardrails: &guardrails,
            over_resource: None,
            resource: self.resource.as_ref().map_or(ResourcePolicy::Absent, ResourcePolicy::Read),
            sides: self.sides,
        };
        let target = Target::new(Subject::exact(resource), self.account);
        let place = Place::Unsaid;
        evaluate(&Request { caller: &self.caller, action, target, place: &place }, &policies)
            .allowed
    }
}

const OBJECT: &str = "arn:aws:s3:::b/k";

#[test]
fn identity_policies_of_one_account() {
    let get = |rest: &str| format!(r#"{{"Effect":"Allow",{rest}}}"#);
    let cases = [
        (get(r#""Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*""#), Yes),
        (get(r#""Action":"S3:getOBJECT","Resource":"*""#), Yes),
        (get(r#""Action":"s3:Get?bject","Resource":"*""#), Yes),
        (get(r#""Action":"s3:Put*","Resource":"*""#), No),
        (get(r#""Action":"s3:*","Resource":"arn:aws:s3:::b""#), No),
        (get(r#""NotAction":"iam:*","Resource":"*""#), Yes),
        (get(r#""NotAction":["s3:*"],"Resource":"*""#), No),
        (get(r#""Action":"s3:*","NotResource":"arn:aws:s3:::c/*""#), Yes),
        (get(r#""Action":"s3:*","NotResource":"arn:aws:s3:::b/*""#), No),
        (get(r#""Action":"s3:*","Resource":"arn:aws:s3:::b/${aws:username}/*""#), No),
        (get(r#""Action":"s3:*","Resource":"arn:aws:s3:::b/${aws:userid}""#), Unknown),
        (get(r#""Action":"s3:*","NotResource":"arn:aws:s3:::b/${aws:userid}""#), Unknown),
        (String::new(), No),
    ];
    for (statements, expected) in cases {
        assert_eq!(Case::new(&statements).asks("s3:getobject", OBJECT), expected, "{statements}");
    }
}

#[test]
fn conditions_on_what_the_estate_tells() {
    let cases = [
        (r#""StringEquals":{"aws:PrincipalAccount":"111111111111"}"#, Yes),
        (r#""StringEquals":{"aws:PrincipalAccount":"222222222222"}"#, No),
        (r#""ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/app"}"#, Yes),
        (r#""StringNotLike":{"aws:PrincipalArn":"*:role/app"}"#, No),
        (r#""StringEquals":{"aws:PrincipalOrgID":"o-one"}"#, Yes),
        (r#""StringNotEquals":{"aws:PrincipalOrgID":"o-one"}"#, No),
        (r#""StringEquals":{"aws:PrincipalType":"AssumedRole"}"#, Yes),
        (r#""StringEquals":{"aws:PrincipalTag/Team":"web"}"#, Yes),
        (r#""StringEquals":{"aws:PrincipalTag/team":"db"}"#, No),
        (r#""StringEquals":{"aws:PrincipalTag/stage":"dev"}"#, Unknown),
        (r#""StringEquals":{"aws:ResourceAccount":"111111111111"}"#, Yes),
        (r#""Bool":{"aws:SecureTransport":"true"}"#, Yes),
        (r#""Bool":{"aws:SecureTransport":false}"#, No),
        (r#""Bool":{"aws:MultiFactorAuthPresent":"true"}"#, No),
        (r#""BoolIfExists":{"aws:MultiFactorAuthPresent":"true"}"#, Yes),
        (r#""Null":{"aws:MultiFactorAuthPresent":"true"}"#, Yes),
        (r#""Bool":{"aws:ViaAWSService":"true"}"#, No),
        (r#""Null":{"aws:SourceArn":"true"}"#, Yes),
        (r#""StringEquals":{"aws:username":"app"}"#, No),
        (r#""StringEquals":{"aws:SourceVpce":"vpce-1"}"#, Unknown),
        (r#""IpAddress":{"aws:SourceIp":"10.0.0.0/8"}"#, Unknown),
        (r#""StringEquals":{"s3:ExistingObjectTag/class":"open"}"#, Unknown),
        (r#""DateLessThan":{"aws:CurrentTime":"2020-01-01T00:00:00Z"}"#, Unknown),
        (
            r#""StringEquals":{"aws:PrincipalAccount":"111111111111","aws:PrincipalOrgID":"o-two"}"#,
            No,
        ),
        (r#""StringEquals":{"x:y":"z"},"Bool":{"aws:SecureTransport":"false"}"#, No),
    ];
    for (condition, expected) in cases {
        let allow = format!(
            r#"{{"Effect":"Allow","Action":"*","Resource":"*","Condition":{{{condition}}}}}"#
        );
        let deny = format!(
            r#"{ALL},{{"Effect":"Deny","Action":"*","Resource":"*","Condition":{{{condition}}}}}"#
        );
        assert_eq!(Case::new(&allow).asks("s3:getobject", OBJECT), expected, "{condition}");
        assert_eq!(
            Case::new(&deny).asks("s3:getobject", OBJECT),
            expected.not(),
            "not {condition}"
        );
    }
}

#[test]
fn users_have_names_and_perhaps_a_second_factor() {
    let home = r#"{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::b/*","Condition":{"StringEquals":{"aws:username":"bob"}}}"#;
    assert_eq!(Case::new(home).by(user()).asks("s3:getobject", OBJECT), Yes);
    let factor = r#"{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"}}}"#;
    assert_eq!(Case::new(factor).by(user()).asks("s3:getobject", OBJECT), Unknown);
}

#[test]
fn an_explicit_deny_is_final_wherever_it_stands() {
    const DENY: &str = r#"{"Effect":"Deny","Action":"s3:Get*","Resource":"*"}"#;
    const DENY_ALL: &str = r#"{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*"}"#;
    const DOUBT: &str = r#"{"Effect":"Deny","Action":"s3:*","Resource":"*","Condition":{"StringEquals":{"x:y":"z"}}}"#;
    let both = |deny: &str| format!("{ALL},{deny}");
    let cases = [
        (Case::new(&both(DENY)), No),
        (Case::new(ALL).within(&both(DENY)), No),
        (Case::new(ALL).under(&both(DENY)), No),
        (Case::new(ALL).at(DENY_ALL), No),
        (Case::new(&both(DOUBT)), Unknown),
        (Case::new(ALL).under(&both(DOUBT)), Unknown),
        (Case::new(ALL).perhaps_under(DENY), Unknown),
        (Case::new(ALL).perhaps_under(ALL), Yes),
        (
            Case::new(DENY).at(r#"{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}"#),
            No,
        ),
    ];
    for (at, (case, expected)) in cases.iter().enumerate() {
        assert_eq!(case.asks("s3:getobject", OBJECT), *expected, "case {at}");
    }
}

#[test]
fn boundaries_and_service_control_policies_allow_nothing_by_themselves() {
    const S3: &str = r#"{"Effect":"Allow","Action":"s3:*","Resource":"*"}"#;
    const SQS: &str = r#"{"Effect":"Allow","Action":"sqs:*","Resource":"*"}"#;
    let cases = [
        (Case::new(S3).within(S3), Yes),
        (Case::new(S3).within(SQS), No),
        (Case::new(SQS).within(S3), No),
        (Case::new(S3).under(ALL), Yes),
        (Case::new(S3).under(SQS), No),
        (Case::new(S3).under(ALL).under(SQS), No),
        (Case::new(S3).under(SQS).perhaps_under(ALL), Unknown),
        (Case::new(SQS).under(S3), No),
        (Case::new(S3).within(S3).under(S3), Yes),
    ];
    for (at, (case, expected)) in cases.iter().enumerate() {
        assert_eq!(case.asks("s3:getobject", OBJECT), *expected, "case {at}");
    }
    let unread = Case { boundary: Some(Document::unread(&"b".into(), None)), ..Case::new(S3) };
    assert_eq!(unread.asks("s3:getobject", OBJECT), Unknown);
    let unread = Case { identity: Document::unread(&"b".into(), None), ..Case::new("") };
    assert_eq!(unread.asks("s3:getobject", OBJECT), Unknown);
}

fn names(principal: &str) -> String {
    format!(r#"{{"Effect":"Allow","Principal":{principal},"Action":"s3:*","Resource":"*"}}"#)
}

const ROLE: &str = r#"{"AWS":"arn:aws:iam::111111111111:role/app"}"#;
const ROOT: &str = r#"{"AWS":"arn:aws:iam::111111111111:root"}"#;
const NUMBER: &str = r#"{"AWS":"111111111111"}"#;
const SESSION: &str = r#"{"AWS":"arn:aws:sts::111111111111:assumed-role/app/i-1"}"#;
const ID: &str = r#"{"AWS":["AROAZZZ","AROAAPP"]}"#;
const SERVICE: &str = r#"{"Service":"ec2.amazonaws.com"}"#;
const FEDERATED: &str = r#"{"Federated":"accounts.google.com"}"#;

#[test]
fn resource_policies_within_one_account() {
    const SQS: &str = r#"{"Effect":"Allow","Action":"sqs:*","Resource":"*"}"#;
    let cases = [
        (ROLE, Yes),
        (r#""*""#, Yes),
        (r#"{"AWS":"*"}"#, Yes),
        (ID, Yes),
        (SESSION, Unknown),
        // The account's name leaves it to the caller's own policies, which say nothing.
        (ROOT, No),
        (NUMBER, No),
        (SERVICE, No),
        (FEDERATED, No),
        (r#"{"AWS":"arn:aws:iam::111111111111:role/other"}"#, No),
    ];
    for (principal, expected) in cases {
        let case = Case::new("").at(&names(principal));
        assert_eq!(case.asks("s3:getobject", OBJECT), expected, "{principal}");
    }
    // A boundary limits a role that is named, not a session of it, and not a user.
    assert_eq!(Case::new("").within(SQS).at(&names(ROLE)).asks("s3:getobject", OBJECT), No);
    assert_eq!(Case::new("").within(SQS).at(&names(SESSION)).asks("s3:getobject", OBJECT), Unknown);
    let bob = names(r#"{"AWS":"arn:aws:iam::111111111111:user/bob"}"#);
    let case = Case::new("").within(SQS).by(user()).at(&bob);
    assert_eq!(case.asks("s3:getobject", OBJECT), Yes);
    assert_eq!(Case::new("").under(SQS).at(&names(ROLE)).asks("s3:getobject", OBJECT), No);
}

#[test]
fn across_accounts_both_sides_must_allow() {
    let cases = [
        (Case::new(ALL), No),
        (Case::new("").at(&names(ROLE)), No),
        (Case::new(ALL).at(&names(ROLE)), Yes),
        (Case::new(ALL).at(&names(ROOT)), Yes),
        (Case::new(ALL).at(&names(r#""*""#)), Yes),
        (Case::new(ALL).at(&names(SERVICE)), No),
        (Case::new(ALL).at(&names(r#"{"AWS":"333333333333"}"#)), No),
        (
            Case::new(ALL)
                .within(r#"{"Effect":"Allow","Action":"sqs:*","Resource":"*"}"#)
                .at(&names(ROLE)),
            No,
        ),
    ];
    for (at, (case, expected)) in cases.into_iter().enumerate() {
        let case = case.of_account(Some(OTHER));
        assert_eq!(case.asks("s3:getobject", OBJECT), expected, "case {at}");
    }
    // Whose the resource is decides which sides count.
    assert_eq!(Case::new(ALL).of_account(None).asks("s3:getobject", OBJECT), Unknown);
}

#[test]
fn trust_and_key_policies_must_allow_themselves() {
    let trust = |principal: &str| names(principal).replace("s3:*", "sts:AssumeRole");
    let ask =
        |case: Case| case.by_resource().asks("sts:assumerole", "arn:aws:iam::111111111111:role/r");
    assert_eq!(ask(Case::new(ALL)), No);
    assert_eq!(ask(Case::new("").at(&trust(ROLE))), Yes);
    assert_eq!(ask(Case::new("").at(&trust(ROOT))), No);
    assert_eq!(ask(Case::new(ALL).at(&trust(ROOT))), Yes);
    assert_eq!(ask(Case::new(ALL).at(&trust(SERVICE))), No);
    assert_eq!(ask(Case::new(ALL).at(&trust(FEDERATED))), No);
    let external = trust(ROOT).replace(
        r#","Resource""#,
        r#","Condition":{"StringEquals":{"sts:ExternalId":"x"}},"Resource""#,
    );
    assert_eq!(ask(Case::new(ALL).at(&external)), Unknown);
    assert_eq!(ask(Case::new(ALL).at(&trust(ROLE)).of_account(Some(OTHER))), Yes);
    assert_eq!(ask(Case::new("").at(&trust(ROLE)).of_account(Some(OTHER))), No);
}

#[test]
fn not_principal_spares_who_is_named_with_account_and_session() {
    let deny = |names: &str| {
        format!(
            r#"{{"Effect":"Deny","NotPrincipal":{{"AWS":[{names}]}},"Action":"s3:*","Resource":"*"}}"#
        )
    };
    let bob = r#""arn:aws:iam::111111111111:user/bob""#;
    let root = r#""arn:aws:iam::111111111111:root""#;
    let app = r#""arn:aws:iam::111111111111:role/app""#;
    let ask = |caller: Caller, policy: &str| {
        Case::new(ALL).by(caller).at(policy).asks("s3:getobject", OBJECT)
    };
    assert_eq!(ask(user(), &deny(&format!("{bob},{root}"))), Yes);
    assert_eq!(ask(user(), &deny(bob)), Unknown);
    assert_eq!(ask(user(), &deny(root)), No);
    assert_eq!(ask(role(), &deny(&format!("{app},{root}"))), Unknown);
    assert_eq!(ask(role(), &deny(bob)), No);
}

#[test]
fn what_a_statement_holds_beyond_the_known_makes_it_doubtful() {
    let (odd, _) = super::support::read_document(
        r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Mood":"x"}}"#,
    );
    let case = Case { identity: odd, ..Case::new("") };
    assert_eq!(case.asks("s3:getobject", OBJECT), Unknown);
}
