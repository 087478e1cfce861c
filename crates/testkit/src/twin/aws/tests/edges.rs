use serde_json::json;

use super::world::{OPEN, World, from, from_internet, from_prefix, tcp, with_icmp, with_protocol};
use crate::twin::aws::Disposition::{
    Accepted, DeniedIn, DeniedOut, ExitsNetwork, NoRoute, NullRouted, Unknown,
};
use crate::twin::aws::Start;

/// A public NAT gateway in `subnet-a2`, which routes to the internet; `subnet-a1` routes to it.
fn with_nat() -> World {
    let mut world = World::new();
    world.add(
        "InternetGateways",
        json!({
            "InternetGatewayId": "igw-a", "Attachments": [{"State": "available", "VpcId": "vpc-a"}],
        }),
    );
    let public = world.own_table("subnet-a2");
    world.route(&public, "0.0.0.0/0", "GatewayId", "igw-a");
    world.route("rtb-a", "0.0.0.0/0", "NatGatewayId", "nat-1");
    world.route("rtb-a", "64:ff9b::/96", "NatGatewayId", "nat-1");
    world.interface("nat", "subnet-a2", "10.0.2.50");
    world.get("eni-nat")["InterfaceType"] = json!("nat_gateway");
    world.get("eni-nat")["Groups"] = json!([]);
    world.publish("eni-nat", "54.0.0.5");
    world.add("NatGateways", json!({
        "NatGatewayId": "nat-1", "State": "available", "SubnetId": "subnet-a2", "VpcId": "vpc-a",
        "NatGatewayAddresses": [{
            "PrivateIp": "10.0.2.50", "PublicIp": "54.0.0.5", "NetworkInterfaceId": "eni-nat",
        }],
    }));
    world
}

#[test]
fn rule_18_internet_gateway_translates_one_to_one() {
    let mut world = World::new();
    world.internet_gateway("a");
    world.publish("eni-a1", "54.0.0.1");
    let outcome = world.walk(&tcp("eni-a1", "8.8.8.8"));
    assert_eq!((outcome.disposition, outcome.established), (ExitsNetwork, true));
    // No public address: dropped at the gateway.
    let outcome = world.walk(&tcp("eni-a2", "8.8.8.8"));
    assert_eq!((outcome.disposition, outcome.at.as_str()), (DeniedIn, "igw-a"));
    let outcome = world.walk(&from_internet("54.0.0.1"));
    assert_eq!(outcome.delivered_to.as_deref(), Some("eni-a1"));
    assert!(outcome.established);
    world.expect(&from_internet("10.0.1.10"), NullRouted);
    world.expect(&from_internet("54.0.0.2"), ExitsNetwork);
    // Private addresses do not get past the internet's edge.
    world.expect(&tcp("eni-a1", "192.168.0.1"), NullRouted);
    // IPv6 is not translated.
    world.version_6("eni-a2", "2600:1f18:0:2::10");
    assert!(world.walk(&from_internet("2600:1f18:0:2::10")).established);
}

#[test]
fn rule_18_detached_gateway_drops() {
    let mut world = World::new();
    world.internet_gateway("a");
    world.publish("eni-a1", "54.0.0.1");
    world.get("igw-a")["Attachments"] = json!([]);
    world.expect(&tcp("eni-a1", "8.8.8.8"), NullRouted);
    world.expect(&from_internet("54.0.0.1"), NullRouted);
}

#[test]
fn rule_18_edge_of_public_address_in_the_addresses_body() {
    let mut world = World::new();
    world.internet_gateway("a");
    world.add(
        "Addresses",
        json!({
            "AllocationId": "eipalloc-1", "PublicIp": "54.0.0.1", "PrivateIpAddress": "10.0.1.10",
            "NetworkInterfaceId": "eni-a1",
        }),
    );
    world.expect(&tcp("eni-a1", "8.8.8.8"), ExitsNetwork);
}

#[test]
fn rule_19_egress_only_gateway_lets_replies_in_and_nothing_else() {
    let mut world = World::new();
    world.add(
        "EgressOnlyInternetGateways",
        json!({
            "EgressOnlyInternetGatewayId": "eigw-a",
            "Attachments": [{"State": "attached", "VpcId": "vpc-a"}],
        }),
    );
    world.route("rtb-a", "::/0", "EgressOnlyInternetGatewayId", "eigw-a");
    world.version_6("eni-a1", "2600:1f18:0:1::10");
    let outcome = world.walk(&tcp("eni-a1", "2a00:1450::1"));
    assert_eq!((outcome.disposition, outcome.established), (ExitsNetwork, true));
    world.expect(&from_internet("2600:1f18:0:1::10"), NullRouted);
    // Through the internet gateway of the same VPC something comes in; the answer does not go out.
    world.internet_gateway("a");
    world.get("rtb-a")["Routes"].as_array_mut().unwrap().retain(|route| {
        route["DestinationIpv6CidrBlock"] != "::/0" || route["GatewayId"] != "igw-a"
    });
    let outcome = world.walk(&from_internet("2600:1f18:0:1::10"));
    assert_eq!((outcome.disposition, outcome.established), (Accepted, false));
}

#[test]
fn rule_20_nat_gateway() {
    let mut world = with_nat();
    let outcome = world.walk(&tcp("eni-a1", "8.8.8.8"));
    assert_eq!((outcome.disposition, outcome.established), (ExitsNetwork, true));
    // Nothing but TCP, UDP and ICMP.
    let outcome = world.walk(&with_protocol(tcp("eni-a1", "8.8.8.8"), 50));
    assert_eq!((outcome.disposition, outcome.at.as_str()), (DeniedIn, "nat-1"));
    world.expect(&with_icmp(tcp("eni-a1", "8.8.8.8"), 1, 8, 0), ExitsNetwork);
    // Nobody can begin towards it.
    world.expect(&from_internet("54.0.0.5"), DeniedIn);
    world.expect(&tcp("eni-a2", "10.0.2.50"), DeniedIn);
    // The ACL of its subnet sees the client on the way in and the NAT's address on the way out.
    world.acl(
        "subnet-a2",
        &[(false, 1, true, "-1", "10.0.1.0/24", None), (true, 1, true, "-1", "0.0.0.0/0", None)],
    );
    let outcome = world.walk(&tcp("eni-a1", "8.8.8.8"));
    assert_eq!((outcome.disposition, outcome.established), (ExitsNetwork, false));
    world.get("nat-1")["State"] = json!("failed");
    world.expect(&tcp("eni-a1", "8.8.8.8"), NullRouted);
}

#[test]
fn rule_20_private_nat_drops_at_the_internet_gateway() {
    let mut world = with_nat();
    world.get("eni-nat")["PrivateIpAddresses"] = json!([]);
    let addresses = &mut world.get("nat-1")["NatGatewayAddresses"];
    addresses[0].as_object_mut().unwrap().remove("PublicIp");
    let outcome = world.walk(&tcp("eni-a1", "8.8.8.8"));
    assert_eq!((outcome.disposition, outcome.at.as_str()), (DeniedIn, "igw-a"));
}

#[test]
fn rule_20_nat_translates_between_families() {
    let mut world = with_nat();
    world.version_6("eni-a1", "2600:1f18:0:1::10");
    let outcome = world.walk(&tcp("eni-a1", "64:ff9b::808:808"));
    assert_eq!((outcome.disposition, outcome.established), (ExitsNetwork, true));
    let ping = with_icmp(tcp("eni-a1", "64:ff9b::808:808"), 58, 128, 0);
    assert!(world.walk(&ping).established);
}

#[test]
fn rule_16_edge_table_redirects() {
    let mut world = World::new();
    world.internet_gateway("a");
    world.publish("eni-a1", "54.0.0.1");
    world.interface("box", "subnet-a2", "10.0.2.99");
    world.get("eni-box")["SourceDestCheck"] = json!(false);
    world.add(
        "RouteTables",
        json!({
            "RouteTableId": "rtb-edge", "VpcId": "vpc-a", "Associations": [{"GatewayId": "igw-a"}],
            "Routes": [
                {"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local", "State": "active"},
                {"DestinationCidrBlock": "10.0.1.0/24", "NetworkInterfaceId": "eni-box"},
            ],
        }),
    );
    let packet = from_internet("54.0.0.1");
    world.expect(&packet, Unknown);
    assert_eq!(world.estate().accepts(&packet), (false, true));
    world.publish("eni-a2", "54.0.0.2");
    world.expect(&from_internet("54.0.0.2"), Accepted);
    // The gateway's table routes nothing on the way out.
    assert_eq!(world.ends(&tcp("eni-a1", "8.8.8.8")), ExitsNetwork);
    world.get("rtb-edge")["Routes"] = json!([]);
    world.expect(&packet, NoRoute);
}

#[test]
fn rule_16_virtual_private_gateway_and_its_edge() {
    let mut world = World::new();
    world.add(
        "VpnGateways",
        json!({
            "VpnGatewayId": "vgw-a", "VpcAttachments": [{"State": "attached", "VpcId": "vpc-a"}],
        }),
    );
    world.route("rtb-a", "172.16.0.0/12", "GatewayId", "vgw-a");
    let inbound =
        |destination| from(Start::Outside("vgw-a".to_owned()), Some("172.16.0.9"), destination);
    assert!(world.walk(&inbound("10.0.1.10")).established);
    world.expect(&inbound("8.8.8.8"), NullRouted);
    let outcome = world.walk(&tcp("eni-a1", "172.16.0.9"));
    assert_eq!((outcome.disposition, outcome.established), (ExitsNetwork, true));
    assert_eq!(outcome.at, "outside:vgw-a");
    world.add(
        "RouteTables",
        json!({
            "RouteTableId": "rtb-edge", "VpcId": "vpc-a", "Associations": [{"GatewayId": "vgw-a"}],
            "Routes": [{"DestinationCidrBlock": "10.0.2.0/24", "GatewayId": "local"}],
        }),
    );
    world.expect(&inbound("10.0.1.10"), NoRoute);
    world.expect(&inbound("10.0.2.10"), Accepted);
}

#[test]
fn rule_22_public_access_is_blocked_in_a_region() {
    let mut world = World::new();
    world.internet_gateway("a");
    world.publish("eni-a1", "54.0.0.1");
    let option = |mode: &str| {
        json!({
            "AwsAccountId": "111122223333", "AwsRegion": "us-east-1",
            "InternetGatewayBlockMode": mode,
        })
    };
    let exclusion = |mode: &str, resource: &str| {
        json!({
            "ExclusionId": "vpcbpa-exclude-1", "InternetGatewayExclusionMode": mode,
            "State": "create-complete",
            "ResourceArn": format!("arn:aws:ec2:us-east-1:111122223333:{resource}"),
        })
    };
    let mut ingress = world.clone();
    ingress.add("VpcBlockPublicAccessOptions", option("block-ingress"));
    ingress.expect(&from_internet("54.0.0.1"), DeniedIn);
    // Only what a NAT gateway or an egress-only gateway opens gets out.
    ingress.expect(&tcp("eni-a1", "8.8.8.8"), DeniedIn);
    world.add("VpcBlockPublicAccessOptions", option("block-bidirectional"));
    world.expect(&from_internet("54.0.0.1"), DeniedIn);
    world.expect(&tcp("eni-a1", "8.8.8.8"), DeniedIn);
    let mut excluded = world.clone();
    let both = exclusion("allow-bidirectional", "subnet/subnet-a1");
    excluded.add("VpcBlockPublicAccessExclusions", both);
    excluded.expect(&from_internet("54.0.0.1"), Accepted);
    excluded.expect(&tcp("eni-a1", "8.8.8.8"), ExitsNetwork);
    world.add("VpcBlockPublicAccessExclusions", exclusion("allow-egress", "vpc/vpc-a"));
    world.expect(&from_internet("54.0.0.1"), DeniedIn);
    world.expect(&tcp("eni-a1", "8.8.8.8"), DeniedIn);
}

#[test]
fn rule_22_answers_to_a_nat_pass_an_ingress_block() {
    let mut world = with_nat();
    world.add(
        "VpcBlockPublicAccessOptions",
        json!({
            "AwsAccountId": "111122223333", "AwsRegion": "us-east-1",
            "InternetGatewayBlockMode": "block-ingress",
        }),
    );
    assert!(world.walk(&tcp("eni-a1", "8.8.8.8")).established);
}

#[test]
fn rule_23_gateway_endpoint() {
    let mut world = World::new();
    world.add("PrefixLists", json!({"PrefixListId": "pl-0c", "Cidrs": ["52.216.0.0/15"]}));
    world.add(
        "VpcEndpoints",
        json!({
            "VpcEndpointId": "vpce-1", "VpcEndpointType": "Gateway", "VpcId": "vpc-a",
            "ServiceName": "com.amazonaws.us-east-1.s3", "State": "available",
        }),
    );
    world.route("rtb-a", "pl-0c", "GatewayId", "vpce-1");
    assert!(world.walk(&tcp("eni-a1", "52.216.1.1")).established);
    world.expect(&tcp("eni-a1", "52.218.1.1"), NoRoute);
    // The group must let the service's addresses out, and the ACL its answers in.
    world.acl("subnet-a1", &[(false, 1, true, "-1", "10.0.0.0/8", None), OPEN[1]]);
    let outcome = world.walk(&tcp("eni-a1", "52.216.1.1"));
    assert_eq!((outcome.disposition, outcome.established), (Accepted, false));
    world.get("vpce-1")["State"] = json!("deleted");
    world.expect(&tcp("eni-a1", "52.216.1.1"), NullRouted);
}

#[test]
fn rule_24_interface_endpoint_has_groups() {
    let mut world = World::new();
    world.get("eni-a2")["InterfaceType"] = json!("vpc_endpoint");
    world.expect(&tcp("eni-a1", "10.0.2.10"), Accepted);
    world.expect(&tcp("eni-a2", "10.0.1.10"), DeniedOut);
    world.admit("a2", from_prefix("10.0.2.0/24"));
    world.expect(&tcp("eni-a1", "10.0.2.10"), DeniedIn);
}

#[test]
fn rule_22_the_interface_of_a_transit_gateway_carries_and_nothing_else() {
    let mut world = World::new();
    world.get("eni-a2")["InterfaceType"] = json!("transit_gateway");
    world.expect(&tcp("eni-a1", "10.0.2.10"), DeniedIn);
    world.expect(&tcp("eni-a2", "10.0.1.10"), DeniedOut);
}

#[test]
fn rule_16_gateway_load_balancer_endpoint_has_two_bounds() {
    let mut world = World::new();
    world.internet_gateway("a");
    world.publish("eni-a1", "54.0.0.1");
    world.add(
        "VpcEndpoints",
        json!({
            "VpcEndpointId": "vpce-1", "VpcEndpointType": "GatewayLoadBalancer", "VpcId": "vpc-a",
            "ServiceName": "com.amazonaws.vpce.us-east-1.vpce-svc-1", "State": "available",
            "SubnetIds": ["subnet-a2"],
        }),
    );
    let table = world.own_table("subnet-a1");
    world.route(&table, "0.0.0.0/0", "GatewayId", "vpce-1");
    let outcome = world.walk(&tcp("eni-a1", "8.8.8.8"));
    assert_eq!((outcome.disposition, outcome.at.as_str()), (Unknown, "vpce-1"));
    assert_eq!(outcome.upper[0].disposition, ExitsNetwork);
    assert!(outcome.may_establish && !outcome.established);
}

#[test]
fn rule_29_nothing_begins_towards_a_function() {
    let mut world = World::new();
    world.get("eni-a2")["InterfaceType"] = json!("lambda");
    world.expect(&tcp("eni-a1", "10.0.2.10"), DeniedIn);
    assert!(world.walk(&tcp("eni-a2", "10.0.1.10")).established);
}
