use super::support::{endpoints, estate, guards, label, places, workload};

#[test]
fn buckets_answer_in_the_providers_plane() {
    let estate = estate(&[
        (
            "list-buckets.json",
            r#"{"Buckets": [{"Name": "photos"}, {"Name": "logs",
            "BucketRegion": "eu-central-1", "BucketArn": "arn:aws:s3:::logs"}]}"#,
        ),
        (
            "s3api-get-bucket-tagging/photos.json",
            r#"{"TagSet": [{"Key": "criticality", "Value": "crown-jewel"}]}"#,
        ),
        ("s3api-get-bucket-location/photos.json", r#"{"LocationConstraint": null}"#),
    ]);
    let photos = workload(&estate, "photos");
    assert_eq!(photos.id, "arn:aws:s3:::photos");
    assert_eq!(photos.kind.word(), "object-store");
    assert!(photos.stores_data);
    assert_eq!(photos.region.as_ref().unwrap(), &"us-east-1");
    assert_eq!(label(&estate, "photos", "criticality"), Some("crown-jewel"));
    assert_eq!(label(&estate, "logs", "region"), Some("eu-central-1"));
    assert_eq!(places(&estate, "photos"), ["-"]);
    assert_eq!(guards(&estate, endpoints(&estate, "photos")[0]), ["API of a store"]);
}

#[test]
fn tables_are_found_by_name_and_by_body_once() {
    let estate = estate(&[
        ("list-tables.json", r#"{"TableNames": ["carts", "users"]}"#),
        (
            "describe-table/carts.json",
            r#"{"Table": {"TableName": "carts",
            "TableArn": "arn:aws:dynamodb:eu-west-1:111122223333:table/carts"}}"#,
        ),
    ]);
    let tables = estate.workloads.values().filter(|workload| workload.kind.word() == "table");
    let names: Vec<&str> = tables.map(|table| table.name.as_str()).collect();
    assert_eq!(names, ["carts", "users"]);
    let users = workload(&estate, "users");
    assert_eq!(users.id, "arn:aws:dynamodb:eu-west-1:111122223333:table/users");
}

#[test]
fn queues_are_named_by_their_urls() {
    let estate = estate(&[(
        "list-queues.json",
        r#"{"QueueUrls": [
        "https://sqs.eu-west-1.amazonaws.com/111122223333/jobs",
        "https://queue.amazonaws.com/444455556666/old"]}"#,
    )]);
    assert_eq!(workload(&estate, "jobs").id, "arn:aws:sqs:eu-west-1:111122223333:jobs");
    let old = workload(&estate, "old");
    assert_eq!(old.id, "arn:aws:sqs:us-east-1:444455556666:old");
    assert_eq!(old.account.as_ref().unwrap(), &"444455556666");
    assert_eq!(old.kind.word(), "queue");
}

#[test]
fn tags_come_by_arn_too() {
    let estate = estate(&[
        (
            "list-queues.json",
            r#"{"QueueUrls": ["https://sqs.eu-west-1.amazonaws.com/111122223333/jobs"]}"#,
        ),
        (
            "get-resources.json",
            r#"{"ResourceTagMappingList": [
            {"ResourceARN": "arn:aws:sqs:eu-west-1:111122223333:jobs",
             "Tags": [{"Key": "env", "Value": "prod"}]}]}"#,
        ),
    ]);
    assert_eq!(label(&estate, "jobs", "env"), Some("prod"));
}

/// A service's own call and the one about all services name a resource by keys of their own.
#[test]
fn tags_that_two_calls_tell_are_read_once_and_the_services_own_call_is_believed() {
    let tagged = |own: &str, others: &str| {
        let own = format!(
            r#"{{"TagDescriptions": [{{"ResourceArn": "arn:aws:sqs:eu-west-1:111122223333:jobs",
                "Tags": [{own}]}}]}}"#
        );
        let others = format!(
            r#"{{"ResourceTagMappingList": [{{"ResourceARN": "arn:aws:sqs:eu-west-1:111122223333:jobs",
                "Tags": [{others}]}}]}}"#
        );
        let queues = r#"{"QueueUrls": ["https://sqs.eu-west-1.amazonaws.com/111122223333/jobs"]}"#;
        estate(&[
            ("list-queues.json", queues),
            ("elbv2-describe-tags.json", &own),
            ("get-resources.json", &others),
        ])
    };
    let (env, app) = (r#"{"Key": "env", "Value": "prod"}"#, r#"{"Key": "app", "Value": "jobs"}"#);
    let alike = tagged(&format!("{env}, {app}"), &format!("{app}, {env}"));
    assert_eq!(label(&alike, "jobs", "env"), Some("prod"));
    let apart = tagged(env, app);
    assert_eq!((label(&apart, "jobs", "env"), label(&apart, "jobs", "app")), (Some("prod"), None));
}
