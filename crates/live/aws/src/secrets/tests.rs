use serde_json::json;

use super::*;

fn redacted(mut value: Value) -> Value {
    redact(&mut value);
    value
}

#[test]
fn fields_that_are_named_as_secrets_are() {
    let value = json!({
        "MasterUserPassword": "hunter2", "PreSharedKey": "k", "UserData": "IyEv", "AuthToken": "t",
        "db_password": "p", "NextToken": "n", "UpdateToken": "u", "SecretArn": "arn:aws:s",
        "MasterUserSecret": {"SecretArn": "arn:aws:s"}, "AuthTokenEnabled": true,
    });
    let expected = json!({
        "MasterUserPassword": REDACTED, "PreSharedKey": REDACTED, "UserData": REDACTED,
        "AuthToken": REDACTED, "db_password": REDACTED, "NextToken": "n", "UpdateToken": "u",
        "SecretArn": "arn:aws:s", "MasterUserSecret": {"SecretArn": "arn:aws:s"},
        "AuthTokenEnabled": true,
    });
    assert_eq!(redacted(value), expected);
}

#[test]
fn names_of_variables_stay_and_values_go() {
    let value = json!({
        "Environment": {"Variables": {"DB_URL": "postgres://u:p@db", "MODE": "fast"}},
        "environment": [{"name": "A", "value": "1"}],
        "command": ["run", "--password", "x"],
        "logConfiguration": {"logDriver": "splunk", "options": {"splunk-token": "t"}},
    });
    let expected = json!({
        "Environment": {"Variables": {"DB_URL": REDACTED, "MODE": REDACTED}},
        "environment": [{"name": "A", "value": REDACTED}],
        "command": [REDACTED, REDACTED, REDACTED],
        "logConfiguration": {"logDriver": "splunk", "options": {"splunk-token": REDACTED}},
    });
    assert_eq!(redacted(value), expected);
}

#[test]
fn tags_keep_their_values_unless_their_names_say_otherwise() {
    let value = json!([
        {"Key": "app", "Value": "shop"},
        {"Key": "db-password", "Value": "hunter2"},
        {"Key": "owner", "Value": "AKIAIOSFODNN7EXAMPLE"},
    ]);
    let expected = json!([
        {"Key": "app", "Value": "shop"},
        {"Key": "db-password", "Value": REDACTED},
        {"Key": "owner", "Value": REDACTED},
    ]);
    assert_eq!(redacted(value), expected);
}

#[test]
fn external_ids_leave_policies_in_both_forms() {
    let document = json!({"Condition": {"StringEquals": {
        "sts:ExternalId": ["e1", "e2"], "aws:PrincipalTag/token": "t",
    }}});
    let expected = json!({"Condition": {"StringEquals": {
        "sts:ExternalId": [REDACTED, REDACTED], "aws:PrincipalTag/token": "t",
    }}});
    assert_eq!(redacted(document.clone()), expected);
    let text = redacted(json!({"Policy": document.to_string()}));
    assert_eq!(text, json!({"Policy": expected.to_string()}));
}

#[test]
fn a_policy_without_a_secret_keeps_its_own_writing() {
    let text = "{\"Version\": \"2012-10-17\",  \"Statement\": []}";
    assert_eq!(redacted(json!({"Policy": text})), json!({"Policy": text}));
}

#[test]
fn texts_that_look_like_secrets_are() {
    for text in [
        "key AKIAIOSFODNN7EXAMPLE here",
        "-----BEGIN RSA PRIVATE KEY-----",
        "https://user:word@host/path",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJtZSJ9.c2lnbmF0dXJl",
        "the password = hunter2",
        "token: abcdef",
    ] {
        assert!(looks_secret(text), "{text}");
    }
    for text in [
        "AKIA",
        "https://host:8080/path@1",
        "arn:aws:secretsmanager:eu-central-1:111122223333:secret:prod/db",
        "rotates the password every day",
        "secretsmanager:GetSecretValue",
        "eyJ",
    ] {
        assert!(!looks_secret(text), "{text}");
    }
}
