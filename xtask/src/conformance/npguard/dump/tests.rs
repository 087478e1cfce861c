use serde_json::{Value, json};

use super::{free_address, probes, public_address, route_tables};

fn dump() -> Value {
    json!({
        "vpcs": [{
            "VpcId": "v", "CidrBlock": "10.0.0.0/16",
            "CidrBlockAssociationSet": [{ "CidrBlock": "10.0.0.0/16" }, { "CidrBlock": "10.1.0.0/16" }],
        }],
        "subnets": [
            { "SubnetId": "a", "VpcId": "v", "CidrBlock": "10.0.0.0/24", "MapPublicIpOnLaunch": true },
            { "SubnetId": "b", "VpcId": "v", "CidrBlock": "10.1.0.0/24", "MapPublicIpOnLaunch": false },
        ],
        "internet_gateways": [{ "InternetGatewayId": "g", "Attachments": [{ "VpcId": "v" }] }],
        "instances": [{ "NetworkInterfaces": [{ "PrivateIpAddress": "10.0.0.254" }] }],
    })
}

#[test]
fn only_public_subnets_have_a_way_to_the_internet() {
    let tables = route_tables(&dump());
    let targets = |table: usize| -> Vec<(String, String)> {
        let routes = tables["RouteTables"][table]["Routes"].as_array().expect("routes");
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let pair =
            |route: &Value| (text(&route["DestinationCidrBlock"]), text(&route["GatewayId"]));
        routes.iter().map(pair).collect()
    };
    let route = |to: &str, by: &str| (to.to_owned(), by.to_owned());
    let local = [route("10.0.0.0/16", "local"), route("10.1.0.0/16", "local")];
    assert_eq!(targets(0), [&local[..], &[route("0.0.0.0/0", "g")]].concat());
    assert_eq!(targets(1), local);
}

#[test]
fn probes_have_free_addresses_and_public_ones_where_routes_lead_out() {
    let probes = probes(&dump()).expect("probes");
    let addresses: Vec<&Value> = probes.iter().map(|probe| &probe["PrivateIpAddress"]).collect();
    assert_eq!(addresses, [&json!("10.0.0.253"), &json!("10.1.0.254")]);
    assert_eq!(probes[0]["Association"]["PublicIp"], json!("192.0.2.0"));
    assert_eq!(probes[1]["Association"], Value::Null);
}

#[test]
fn addresses_run_out_with_an_error() {
    assert_eq!(public_address(257), Ok("198.51.100.1".to_owned()));
    assert!(public_address(768).is_err());
    assert!(free_address("10.0.0.0/31", &["10.0.0.0"]).is_err());
    assert!(free_address("nowhere", &[]).is_err());
}
