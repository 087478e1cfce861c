//! Reading of documents.

use watertight_source::Severity;

use super::support::{document, read_document};
use crate::iam::policy::Effect;

const PLAIN: &str = r#"{"Version":"2012-10-17","Statement":{"Sid":"Read","Effect":"Allow","Action":"s3:GetObject","Resource":["arn:aws:s3:::b/*"],"Condition":{"StringEquals":{"sts:ExternalId":"hush"}}}}"#;

fn lines(text: &str) -> Vec<(Effect, String, String)> {
    let document = document(text);
    let about = document.about("s3:getobject");
    about
        .map(|one| (one.effect, one.evidence.rule.to_string(), one.evidence.text.to_string()))
        .collect()
}

#[test]
fn objects_strings_and_percent_encoded_strings_read_alike() {
    let quoted = format!("\"{}\"", PLAIN.replace('"', "\\\""));
    let bytes: Vec<String> = PLAIN.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let encoded = format!("\"{}\"", bytes.concat());
    let expected = vec![(
        Effect::Allow,
        "Read".to_owned(),
        "Allow s3:GetObject on arn:aws:s3:::b/* if StringEquals sts:externalid".to_owned(),
    )];
    assert_eq!(lines(PLAIN), expected);
    assert_eq!(lines(&quoted), expected);
    assert_eq!(lines(&encoded), expected);
}

#[test]
fn no_value_of_a_condition_stands_in_the_summary() {
    assert!(lines(PLAIN).iter().all(|(_, _, text)| !text.contains("hush")));
}

#[test]
fn statements_are_found_by_service_whatever_their_case() {
    let text = r#"{"Statement":[
        {"Effect":"Allow","Action":["S3:Get*","ec2:*"],"Resource":"*"},
        {"Effect":"Allow","Action":"sqs:*","Resource":"*"},
        {"Effect":"Deny","NotAction":"iam:*","Resource":"*"},
        {"Effect":"Deny","Action":"s*:Get*","Resource":"*"},
        {"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
    let document = document(text);
    let rules = |action| {
        let mut rules: Vec<String> =
            document.about(action).map(|one| one.evidence.rule.to_string()).collect();
        rules.sort();
        rules
    };
    assert_eq!(rules("s3:getobject"), ["statement 1", "statement 3", "statement 4", "statement 5"]);
    assert_eq!(
        rules("sqs:receivemessage"),
        ["statement 2", "statement 3", "statement 4", "statement 5"]
    );
    assert_eq!(rules("iam:passrole"), ["statement 3", "statement 4", "statement 5"]);
}

#[test]
fn what_is_no_document_is_an_error() {
    for text in [
        r#""{\"Statement\":""#,
        r#""%7B%22Statement""#,
        "7",
        r#"{"Statement":7}"#,
        r#"{"Statement":["x"]}"#,
        r#"{"Statement":{"Effect":"Maybe","Action":"*","Resource":"*"}}"#,
        r#"{"Statement":{"Effect":"Allow","Action":{"a":1},"Resource":"*"}}"#,
        r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":"x"}}"#,
        r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Principal":7}}"#,
    ] {
        let (_, diagnostics) = read_document(text);
        assert!(diagnostics.has_errors(), "{text}");
    }
}

#[test]
fn what_is_odd_is_a_warning() {
    for text in [
        r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Mood":"x"}}"#,
        r#"{"Statement":{"Effect":"Allow","Resource":"*"}}"#,
        r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"Sounds":{"a":"b"}}}}"#,
    ] {
        let (document, diagnostics) = read_document(text);
        assert!(!diagnostics.has_errors(), "{text}");
        assert!(diagnostics.kept().iter().any(|one| one.severity == Severity::Warning), "{text}");
        assert_eq!(document.about("s3:getobject").count(), 1, "{text}");
    }
}
