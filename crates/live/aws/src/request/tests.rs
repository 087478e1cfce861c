use serde_json::json;

use super::*;
use crate::table::Table;

fn written(call: &str, parameters: Value) -> Wire {
    let table = Table::load().unwrap();
    let call = table.call(call).unwrap();
    let Value::Object(parameters) = parameters else { panic!("no object") };
    wire(call, table.service(call).unwrap(), &parameters.into_iter().collect())
}

#[test]
fn a_form_numbers_its_lists() {
    let wire = written("elbv2-describe-tags", json!({"ResourceArns": ["arn:a/b", "c"]}));
    assert_eq!(
        wire.body,
        "Action=DescribeTags&Version=2015-12-01&ResourceArns.member.1=arn%3Aa%2Fb\
         &ResourceArns.member.2=c"
    );
    assert_eq!((&*wire.method, &*wire.path), ("POST", "/"));
    let wire = written(
        "ec2-search-transit-gateway-routes",
        json!({"TransitGatewayRouteTableId": "t", "MaxResults": 1000}),
    );
    assert_eq!(
        wire.body,
        "Action=SearchTransitGatewayRoutes&Version=2016-11-15&Filter.1.Name=state\
         &Filter.1.Value.1=active&Filter.1.Value.2=blackhole&MaxResults=1000\
         &TransitGatewayRouteTableId=t"
    );
}

#[test]
fn json_names_its_operation_in_a_header() {
    let wire = written("kms-get-key-policy", json!({"KeyId": "k", "PolicyName": "default"}));
    assert_eq!(wire.body, r#"{"KeyId":"k","PolicyName":"default"}"#);
    let target = ("x-amz-target".to_owned(), "TrentService.GetKeyPolicy".to_owned());
    assert!(wire.headers.contains(&target));
    let kind = ("content-type".to_owned(), "application/x-amz-json-1.1".to_owned());
    assert!(wire.headers.contains(&kind));
}

#[test]
fn a_path_takes_what_it_has_a_place_for() {
    let wire = written("lambda-get-policy", json!({"FunctionName": "a/b c"}));
    assert_eq!(wire.path, "/2015-03-31/functions/a%2Fb%20c/policy");
    assert_eq!((&*wire.method, &*wire.body), ("GET", ""));
    let wire = written("apigateway-get-resources", json!({"restApiId": "r", "embed": ["methods"]}));
    assert_eq!(wire.path, "/restapis/r/resources?embed=methods");
    let wire = written("s3api-get-bucket-policy", json!({"Bucket": "books"}));
    assert_eq!(wire.path, "/books?policy");
    let wire = written("s3control-get-public-access-block", json!({"AccountId": "1"}));
    assert_eq!(wire.headers, [("x-amz-account-id".to_owned(), "1".to_owned())]);
    let wire = written("opensearch-describe-domains", json!({"DomainNames": ["a"]}));
    assert_eq!((&*wire.method, &*wire.body), ("POST", r#"{"DomainNames":["a"]}"#));
}
