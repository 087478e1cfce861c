use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::*;
use crate::table::Table;

fn answer(table: &Table, call: &str, bytes: &[u8]) -> Result<Value, AnswerError> {
    let call = table.call(call).unwrap();
    let service = table.service(call).unwrap();
    let shapes = table.shapes(&call.facts.service);
    read(call, service.protocol, shapes, bytes).map(|page| Value::Object(page.body))
}

/// `testdata/answers` holds answers of a mock server, and what the provider's own library makes of
/// them.
#[test]
fn xml_becomes_what_the_command_line_prints() {
    let table = Table::load().unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/answers");
    let mut count = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "xml") {
            continue;
        }
        let call = path.file_stem().unwrap().to_str().unwrap();
        let expected = fs::read(path.with_extension("json")).unwrap();
        let expected: Value = serde_json::from_slice(&expected).unwrap();
        let read = answer(&table, call, &fs::read(&path).unwrap()).unwrap();
        assert_eq!(read, expected, "{call}");
        count += 1;
    }
    assert_eq!(count, 18);
}

#[test]
fn json_is_kept_whole_and_times_are_texts() {
    let table = Table::load().unwrap();
    let body = br#"{"Table":{"TableArn":"arn:t","CreationDateTime":1789369200.0,"New":{"a":[1]}}}"#;
    let read = answer(&table, "dynamodb-describe-table", body).unwrap();
    let expected = json!({"Table": {
        "TableArn": "arn:t",
        "CreationDateTime": "2026-09-14T07:00:00+00:00",
        "New": {"a": [1]},
    }});
    assert_eq!(read, expected);
}

#[test]
fn members_have_their_names_and_not_those_of_the_wire() {
    let table = Table::load().unwrap();
    let body = br#"{"clusterInfoList":[{"clusterArn":"arn:k","clusterName":"k"}],"nextToken":"n"}"#;
    let read = answer(&table, "kafka-list-clusters-v2", body).unwrap();
    let clusters = json!([{"ClusterArn": "arn:k", "ClusterName": "k"}]);
    assert_eq!(read, json!({"ClusterInfoList": clusters, "NextToken": "n"}));
    let read = answer(&table, "apigateway-get-rest-apis", br#"{"item":[{"id":"a"}]}"#).unwrap();
    assert_eq!(read, json!({"items": [{"id": "a"}]}));
}

#[test]
fn a_token_that_looks_like_a_secret_asks_for_the_next_page() {
    let table = Table::load().unwrap();
    let call = table.call("resourcegroupstaggingapi-get-resources").unwrap();
    let body = br#"{"PaginationToken":"AKIAIOSFODNN7EXAMPLE","ResourceTagMappingList":[]}"#;
    let page = read(call, Protocol::Json, table.shapes("resourcegroupstaggingapi"), body).unwrap();
    let tokens = [("PaginationToken".to_owned(), json!("AKIAIOSFODNN7EXAMPLE"))].into();
    assert_eq!(page.next, Next::Page(tokens));
    assert_eq!(page.body.len(), 2);
}

#[test]
fn elements_that_the_models_do_not_know_are_kept() {
    let table = Table::load().unwrap();
    let body =
        b"<DescribeVpcsResponse><vpcSet><item><vpcId>v</vpcId><later><a>1</a><a>2</a></later>\
        </item></vpcSet><requestId>r</requestId></DescribeVpcsResponse>";
    let read = answer(&table, "ec2-describe-vpcs", body).unwrap();
    assert_eq!(read, json!({"Vpcs": [{"VpcId": "v", "later": {"a": ["1", "2"]}}]}));
}

#[test]
fn a_policy_that_is_the_whole_answer_is_a_text() {
    let table = Table::load().unwrap();
    let read = answer(&table, "s3api-get-bucket-policy", br#"{"Version":"2012-10-17"}"#).unwrap();
    assert_eq!(read, json!({"Policy": "{\"Version\":\"2012-10-17\"}"}));
}

#[test]
fn the_oldest_region_is_told_by_nothing() {
    let table = Table::load().unwrap();
    let read = answer(&table, "s3api-get-bucket-location", b"<LocationConstraint/>").unwrap();
    assert_eq!(read, json!({"LocationConstraint": null}));
}

#[test]
fn what_was_cut_off_is_no_answer() {
    let table = Table::load().unwrap();
    let cut = b"<DescribeVpcsResponse><vpcSet><item><vpcId>v</vpcId>";
    assert_eq!(
        answer(&table, "ec2-describe-vpcs", cut),
        Err(AnswerError::Xml(xml::XmlError::Malformed))
    );
    assert_eq!(answer(&table, "kms-list-keys", b"{\"Keys\": ["), Err(AnswerError::Json));
    assert_eq!(answer(&table, "kms-list-keys", b"\xff"), Err(AnswerError::Encoding));
    let other = b"<ErrorPage><Body/></ErrorPage>";
    let missing = Err(AnswerError::Element("DescribeLoadBalancersResult".to_owned()));
    assert_eq!(answer(&table, "elbv2-describe-load-balancers", other), missing);
}
