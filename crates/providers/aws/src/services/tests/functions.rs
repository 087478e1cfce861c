use watertight_model::network::EndpointRole;

use super::support::{
    converted, endpoints, estate, front, guards, interfaces, places, targets, workload,
};

fn function(name: &str, rest: &str) -> String {
    format!(
        r#"{{"FunctionName": "{name}", "Role": "arn:aws:iam::111122223333:role/{name}",
        "FunctionArn": "arn:aws:lambda:eu-west-1:111122223333:function:{name}",
        "Environment": {{"Variables": {{"PASSWORD": "correct horse"}}}} {rest}}}"#
    )
}

fn functions(list: &[String]) -> String {
    format!(r#"{{"Functions": [{}]}}"#, list.join(", "))
}

const IN_VPC: &str = r#", "VpcConfig": {"VpcId": "vpc-1", "SubnetIds": ["subnet-a", "subnet-b"],
    "SecurityGroupIds": ["sg-2"]}"#;

fn url(name: &str, kind: &str) -> String {
    format!(
        r#"{{"FunctionUrlConfigs": [{{"FunctionUrl": "https://abc.lambda-url.eu-west-1.on.aws/",
        "FunctionArn": "arn:aws:lambda:eu-west-1:111122223333:function:{name}",
        "AuthType": "{kind}"}}]}}"#
    )
}

#[test]
fn a_function_in_a_vpc_only_initiates() {
    let body = functions(&[function("f", IN_VPC)]);
    let estate = estate(&[("list-functions.json", &body)]);
    assert_eq!(places(&estate, "f"), ["subnet-a", "subnet-b"]);
    for endpoint in endpoints(&estate, "f") {
        assert_eq!(endpoint.role, EndpointRole::InitiatesOnly);
        assert_eq!(guards(&estate, endpoint), ["sg-2"]);
    }
}

#[test]
fn functions_with_the_same_subnet_and_groups_share_an_interface() {
    let others = IN_VPC.replace("sg-2", "sg-3");
    let body = functions(&[function("e", IN_VPC), function("f", IN_VPC), function("g", &others)]);
    let uuid = "084b02ea-e988-4532-a250-800e18004526";
    let description = format!("AWS Lambda VPC ENI-f-{uuid}");
    let nics = interfaces(&[("eni-f", "subnet-a", "10.0.1.90", &["sg-2"], &description)]);
    let estate =
        estate(&[("list-functions.json", &body), ("describe-network-interfaces.json", &nics)]);
    let first = endpoints(&estate, "f")[0];
    assert_eq!(first.name, "eni-f");
    let second = endpoints(&estate, "e")[0];
    assert!(second.inferred);
    assert_eq!(second.addresses, first.addresses);
    let third = endpoints(&estate, "g")[0];
    assert!(third.inferred && third.addresses.is_empty());
}

#[test]
fn outside_of_a_vpc_a_url_is_the_only_way_in() {
    let body = functions(&[function("f", "")]);
    let closed = estate(&[("list-functions.json", &body)]);
    assert_eq!(places(&closed, "f"), ["-"]);
    assert_eq!(endpoints(&closed, "f")[0].role, EndpointRole::InitiatesOnly);
    let open = estate(&[
        ("list-functions.json", &body),
        ("list-function-url-configs/f.json", &url("f", "NONE")),
    ]);
    let endpoint = endpoints(&open, "f")[0];
    assert_eq!(endpoint.role, EndpointRole::Host);
    assert_eq!(guards(&open, endpoint), ["function URL"]);
    let signed = estate(&[
        ("list-functions.json", &body),
        ("list-function-url-configs/f.json", &url("f", "AWS_IAM")),
    ]);
    assert_eq!(guards(&signed, endpoints(&signed, "f")[0]), ["signed function URL"]);
}

#[test]
fn the_url_of_a_function_in_a_vpc_is_a_front() {
    let body = functions(&[function("f", IN_VPC)]);
    let estate = estate(&[
        ("list-functions.json", &body),
        ("list-function-url-configs/f.json", &url("f", "NONE")),
    ]);
    assert_eq!(places(&estate, "f"), ["subnet-a", "subnet-b"]);
    let front = front(&estate, "abc.lambda-url.eu-west-1.on.aws");
    assert_eq!(targets(&estate, front), ["call f/Unknown"]);
}

#[test]
fn environments_are_never_kept() {
    let body = functions(&[function("f", "")]);
    let converted = converted(&[("list-functions.json", &body)]);
    assert!(!format!("{:?}", converted.estate).contains("correct horse"));
    assert_eq!(workload(&converted.estate, "f").kind.word(), "function");
}
