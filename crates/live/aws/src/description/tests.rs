use super::*;

fn done(call: &str, state: State, error: Option<&str>) -> Done {
    Done {
        region: "eu-central-1".to_owned(),
        call: call.to_owned(),
        argument: None,
        state,
        error: error.map(ToOwned::to_owned),
        collected: None,
    }
}

fn account() -> Account {
    Account {
        id: "1".to_owned(),
        regions: vec!["eu-central-1".to_owned()],
        collected: Some("2026-11-28T10:00:00Z".to_owned()),
        done: vec![
            done("ec2-describe-vpcs", State::Answered, None),
            done("ec2-describe-subnets", State::Denied, Some("AccessDenied")),
            done("ec2-describe-addresses", State::Failed, Some("TimedOut")),
            done("s3api-get-bucket-policy", State::Absent, None),
        ],
        unknown_changes: Vec::new(),
    }
}

#[test]
fn what_was_asked_is_said_in_its_list() {
    let description = merged(&Value::Null, &[account()], false);
    assert_eq!(description["format"], "watertight.estate/v1");
    let calls = json!([{"provider": "aws", "account": "1", "region": "eu-central-1",
        "calls": ["ec2-describe-vpcs"]}]);
    assert_eq!(description["coverage"], calls);
    let entry = |call: &str, error: &str| {
        json!([{"provider": "aws", "account": "1", "region": "eu-central-1", "call": call,
            "error": error}])
    };
    assert_eq!(description["denied"], entry("ec2-describe-subnets", "AccessDenied"));
    assert_eq!(description["failed"], entry("ec2-describe-addresses", "TimedOut"));
}

#[test]
fn others_entries_stay_and_ones_own_are_replaced() {
    let before = json!({
        "format": "watertight.estate/v1",
        "note": "kept",
        "sources": [{"provider": "kubernetes", "account": "1"}, {"provider": "aws", "account": "1"},
            {"provider": "aws", "account": "2"}],
        "denied": [{"provider": "aws", "account": "1", "call": "old"}],
    });
    let description = merged(&before, &[account()], false);
    assert_eq!(description["note"], "kept");
    assert_eq!(description["sources"].as_array().unwrap().len(), 3);
    assert_eq!(description["denied"].as_array().unwrap().len(), 1);
    let between = merged(&before, &[account()], true);
    assert_eq!(between["denied"].as_array().unwrap().len(), 2);
}

#[test]
fn an_account_that_could_not_be_entered_keeps_its_older_bodies() {
    let before = json!({
        "sources": [{"provider": "aws", "account": "1"}],
        "coverage": [{"provider": "aws", "account": "1", "calls": ["a"]}],
    });
    let mut account = account();
    account.collected = None;
    account.done = vec![done("sts-assume-role", State::Denied, Some("AccessDenied"))];
    let description = merged(&before, &[account], false);
    assert_eq!(description["sources"], before["sources"]);
    assert_eq!(description["coverage"], before["coverage"]);
    assert_eq!(description["denied"].as_array().unwrap().len(), 1);
}
