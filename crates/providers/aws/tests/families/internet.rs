//! The way between a VPC and the internet, where the input tells only a part of it.

use std::collections::BTreeSet;

use watertight_aws::{DeniedCall, Options};
use watertight_model::{Bounds, Estate};
use watertight_net::FlowSet;
use watertight_reach::{Class, Reach, Start};
use watertight_source::Severity;

use crate::partial::{Bodies, address, dispositions, web_to};
use crate::support::codes;

const PUBLIC: &str = "198.51.100.10";
const ELSEWHERE: &str = "8.8.8.8";
const GATEWAY: &str = r#"{"InternetGateways": [{"InternetGatewayId": "igw-1",
    "Attachments": [{"State": "available", "VpcId": "vpc-a"}]}]}"#;
const NONE: &str = r#"{"InternetGateways": []}"#;

/// A web server with a public address, open to the world, whose subnet has a route to a gateway.
fn public() -> Bodies {
    let ingress = "\"VpcId\": \"vpc-a\", \"IpPermissions\": [],";
    let open = "\"VpcId\": \"vpc-a\", \"IpPermissions\": [{\"IpProtocol\": \"tcp\", \
                \"FromPort\": 80, \"ToPort\": 80, \"IpRanges\": [{\"CidrIp\": \"0.0.0.0/0\"}]}],";
    let private = "\"PrivateIpAddress\": \"10.0.1.10\", \"Groups\"";
    let public = "\"PrivateIpAddress\": \"10.0.1.10\", \"Association\": \
                  {\"PublicIp\": \"198.51.100.10\"}, \"Groups\"";
    let local = "\"GatewayId\": \"local\"}";
    let route = "\"GatewayId\": \"local\"}, {\"DestinationCidrBlock\": \"0.0.0.0/0\", \
                 \"GatewayId\": \"igw-1\", \"State\": \"active\"}";
    Bodies::whole()
        .changed("describe-security-groups", ingress, open)
        .changed("describe-network-interfaces", private, public)
        .changed("describe-route-tables", local, route)
}

fn from_internet(estate: &Estate, destination: &str) -> String {
    dispositions(estate, &Start::Internet { address: address(ELSEWHERE) }, destination, 80)
}

/// In from the internet, and out to it.
fn both(estate: &Estate) -> [String; 2] {
    [from_internet(estate, PUBLIC), web_to(estate, ELSEWHERE, 443)]
}

const CALL: &str = "describe-internet-gateways";

/// What may come from the internet is told in the matrix too, which `exposure` and `assess` are made of: where
/// the way is in doubt, "the internet reaches nothing" would be wrong.
#[test]
fn what_may_come_from_the_internet_is_in_the_matrix() {
    let sent = |estate: &Estate| {
        let matrix = Reach::new(&estate.network).matrix(&BTreeSet::new());
        let web = estate.network.endpoints.iter().find(|(_, one)| one.name == "eni-web");
        let to = matrix.class_of(web.unwrap().0).unwrap();
        let column = matrix.column(to);
        let mut from =
            column.filter(|(from, _)| matches!(matrix.classes[*from], Class::Internet(_)));
        from.next().map(|(_, cell)| cell.forward.clone())
    };
    let http = "tcp/80".parse::<FlowSet>().unwrap();
    let sure = sent(&public().with(CALL, GATEWAY).estate()).unwrap();
    assert_eq!(sure, Bounds::exact(http.clone()));
    let denied = vec![DeniedCall {
        account: Some("111111111111".to_owned()),
        region: Some("eu-west-1".to_owned()),
        call: String::from("ec2-describe-vpc-block-public-access-options"),
        argument: None,
        error: None,
    }];
    let options = Options { denied, ..Options::default() };
    let switched = sent(&public().with(CALL, GATEWAY).converted(&options).estate).unwrap();
    assert_eq!(switched, Bounds { sure: FlowSet::none(), possible: http.clone() });
    let without = sent(&public().estate()).unwrap();
    assert!(without.sure.is_empty() && without.possible.contains(&http), "{without:?}");
    assert_eq!(sent(&public().with(CALL, NONE).estate()), None);
}

#[test]
fn without_a_list_of_internet_gateways_one_may_be_there() {
    assert_eq!(both(&public().with(CALL, GATEWAY).estate()), ["accepted", "exits_network"]);
    assert_eq!(both(&public().estate()), ["unknown", "unknown"]);
    let without = public().converted(&Options::default());
    assert!(codes(&without, Severity::Warning).contains(&"WT0110"));
    let none = public().with(CALL, NONE).converted(&Options::default());
    assert_eq!(from_internet(&none.estate, PUBLIC), "null_routed");
    assert!(!codes(&none, Severity::Warning).contains(&"WT0110"));
    let odd = public().with(CALL, &GATEWAY.replace("available", "resting"));
    assert_eq!(both(&odd.estate()), ["unknown", "unknown"]);
    assert!(codes(&odd.converted(&Options::default()), Severity::Warning).contains(&"WT0108"));
    let detached = GATEWAY.replace("available", "detached");
    assert_eq!(both(&public().with(CALL, &detached).estate()), ["null_routed", "null_routed"]);
}

#[test]
fn a_list_of_internet_gateways_counts_where_it_was_read() {
    for folder in ["111111111111/us-east-1", "222222222222/eu-west-1"] {
        let elsewhere = public().with_in(folder, CALL, NONE).estate();
        assert_eq!(from_internet(&elsewhere, PUBLIC), "unknown", "{folder}");
    }
    let flat = public().with_in("all", CALL, NONE);
    assert_eq!(from_internet(&flat.estate(), PUBLIC), "null_routed");
    let cut = public().with(CALL, &NONE.replacen('{', r#"{"NextToken": "more", "#, 1));
    assert_eq!(from_internet(&cut.estate(), PUBLIC), "unknown");
    let denied = |region: &str| {
        let denied = vec![DeniedCall {
            account: Some("111111111111".to_owned()),
            region: Some(region.to_owned()),
            call: format!("ec2-{CALL}"),
            argument: None,
            error: None,
        }];
        let options = Options { denied, ..Options::default() };
        from_internet(&flat.converted(&options).estate, PUBLIC)
    };
    assert_eq!(denied("eu-west-1"), "unknown", "the flat list is of somebody else");
    assert_eq!(denied("us-east-1"), "null_routed");
}

#[test]
fn an_elastic_address_of_a_missing_interface_is_somebodys() {
    let elastic = r#"{"Addresses": [{"AllocationId": "eipalloc-1", "PublicIp": "198.51.100.7",
        "NetworkInterfaceId": "eni-gone", "PrivateIpAddress": "10.0.2.77"}]}"#;
    let with = |body: &str| public().with(CALL, GATEWAY).with("describe-addresses", body).estate();
    let to = |estate: &Estate| from_internet(estate, "198.51.100.7");
    assert_eq!(to(&public().with(CALL, GATEWAY).estate()), "exits_network");
    assert_eq!(to(&with(elastic)), "unknown");
    let nowhere = elastic.replace("10.0.2.77", "10.77.0.1");
    assert_eq!(to(&with(&nowhere)), "unknown", "its subnet is not in the input either");
    let free = elastic.replace(r#""NetworkInterfaceId": "eni-gone", "#, "");
    assert_eq!(to(&with(&free)), "exits_network", "nobody has it");
    let known = elastic.replace("eni-gone", "eni-web").replace("10.0.2.77", "10.0.1.10");
    assert_eq!(to(&with(&known)), "accepted");
}

/// Of prefix lists in one table that hold the same prefix, the provider takes one, nobody knows
/// which.
#[test]
fn prefix_lists_that_lead_a_prefix_to_different_targets_are_unknown() {
    let lists = r#"{"PrefixLists": [
        {"PrefixListId": "pl-1", "PrefixListName": "one", "Cidrs": ["8.8.8.0/24"]},
        {"PrefixListId": "pl-2", "PrefixListName": "two", "Cidrs": ["8.8.8.0/24", "9.9.9.0/24"]}]}"#;
    let routes = |second: &str| {
        format!(
            "\"GatewayId\": \"local\"}}, {{\"DestinationPrefixListId\": \"pl-1\", \
             \"GatewayId\": \"igw-1\", \"State\": \"active\"}}, \
             {{\"DestinationPrefixListId\": \"pl-2\", {second}}}"
        )
    };
    let asked = |second: &str| {
        let bodies = public().with(CALL, GATEWAY).with("describe-prefix-lists", lists);
        let route = "\"GatewayId\": \"local\"}";
        let estate = bodies.changed("describe-route-tables", route, &routes(second)).estate();
        [web_to(&estate, ELSEWHERE, 443), web_to(&estate, "9.9.9.9", 443)]
    };
    let same = "\"GatewayId\": \"igw-1\", \"State\": \"active\"";
    assert_eq!(asked(same), ["exits_network", "exits_network"]);
    let blackhole = "\"GatewayId\": \"igw-1\", \"State\": \"blackhole\"";
    assert_eq!(asked(blackhole), ["unknown", "null_routed"]);
}

/// Private IPv6 addresses look as those of the internet and are not.
#[test]
fn subnets_with_private_ipv6_addresses_have_an_unknown_way_to_the_internet() {
    let asked = |attribute: &str| {
        let block = format!(
            "\"CidrBlock\": \"10.0.1.0/24\", \"Ipv6CidrBlockAssociationSet\": [{{\"Ipv6CidrBlock\": \
             \"2a05:d014::/64\", \"Ipv6AddressAttribute\": \"{attribute}\"}}]"
        );
        let bodies = public().with(CALL, GATEWAY);
        let bodies = bodies.changed("describe-subnets", "\"CidrBlock\": \"10.0.1.0/24\"", &block);
        both(&bodies.estate())
    };
    assert_eq!(asked("public"), ["accepted", "exits_network"]);
    assert_eq!(asked("private"), ["unknown", "unknown"]);
}
