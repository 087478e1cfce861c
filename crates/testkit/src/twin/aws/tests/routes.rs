use serde_json::json;

use super::world::{ELSEWHERE, World, from, from_group, from_prefix, tcp};
use crate::twin::aws::Disposition::{
    Accepted, DeniedIn, DeniedOut, ExitsNetwork, Loop, NeighborUnreachable, NoRoute, NullRouted,
    Unknown,
};
use crate::twin::aws::Start;

fn peered(region: Option<&str>) -> World {
    let mut world = World::new();
    match region {
        Some(path) => world.vpc_in(path, "b", 1),
        None => world.vpc("b", 1),
    }
    world.add(
        "VpcPeeringConnections",
        json!({
            "VpcPeeringConnectionId": "pcx-1", "Status": {"Code": "active"},
            "RequesterVpcInfo": {"VpcId": "vpc-a", "CidrBlock": "10.0.0.0/16"},
            "AccepterVpcInfo": {"VpcId": "vpc-b", "CidrBlock": "10.1.0.0/16"},
        }),
    );
    world.route("rtb-a", "10.1.0.0/16", "VpcPeeringConnectionId", "pcx-1");
    world.route("rtb-b", "10.0.0.0/16", "VpcPeeringConnectionId", "pcx-1");
    world
}

#[test]
fn rule_02_reference_over_an_active_peering_in_one_region() {
    let mut world = peered(None);
    world.admit("b1", from_group("sg-a1"));
    world.expect(&tcp("eni-a1", "10.1.1.10"), Accepted);
    world.release("a1", from_group("sg-b1"));
    assert!(world.walk(&tcp("eni-a1", "10.1.1.10")).established);
    world.expect(&tcp("eni-a1", "10.1.2.10"), DeniedOut);
    world.get("pcx-1")["Status"]["Code"] = json!("deleted");
    world.release("a1", from_prefix("0.0.0.0/0"));
    world.expect(&tcp("eni-a1", "10.1.1.10"), NullRouted);
    let mut far = peered(Some(ELSEWHERE));
    far.expect(&tcp("eni-a1", "10.1.1.10"), Accepted);
    far.admit("b1", from_group("sg-a1"));
    far.expect(&tcp("eni-a1", "10.1.1.10"), DeniedIn);
}

#[test]
fn rule_13_longest_prefix_then_static_then_list_then_learnt() {
    let mut world = World::new();
    world.deleted_nat();
    world.add(
        "VpnGateways",
        json!({
            "VpnGatewayId": "vgw-a", "VpcAttachments": [{"State": "attached", "VpcId": "vpc-a"}],
        }),
    );
    let learnt = |world: &mut World, prefix: &str| {
        world.route("rtb-a", prefix, "GatewayId", "vgw-a");
        let routes = world.get("rtb-a")["Routes"].as_array_mut().unwrap();
        routes.last_mut().unwrap()["Origin"] = json!("EnableVgwRoutePropagation");
    };
    learnt(&mut world, "172.16.0.0/12");
    world.expect(&tcp("eni-a1", "172.16.0.1"), ExitsNetwork);
    // A list with the same prefix goes before what is learnt; a static prefix before the list.
    world.add("PrefixLists", json!({"PrefixListId": "pl-0a", "Cidrs": ["172.16.0.0/12"]}));
    world.route("rtb-a", "pl-0a", "NatGatewayId", "nat-gone");
    world.expect(&tcp("eni-a1", "172.16.0.1"), NullRouted);
    let mut ranked = world.clone();
    ranked.route("rtb-a", "172.16.0.0/12", "GatewayId", "vgw-a");
    ranked.expect(&tcp("eni-a1", "172.16.0.1"), ExitsNetwork);
    // A longer prefix wins whatever its origin.
    learnt(&mut world, "172.16.0.0/16");
    world.expect(&tcp("eni-a1", "172.16.0.1"), ExitsNetwork);
    world.expect(&tcp("eni-a1", "172.17.0.1"), NullRouted);
    world.expect(&tcp("eni-a1", "192.0.2.1"), NoRoute);
    // Except within the VPC: the local route goes before what is learnt, however long.
    learnt(&mut world, "10.0.2.0/24");
    world.expect(&tcp("eni-a1", "10.0.2.10"), Accepted);
}

#[test]
fn rule_12_route_with_an_unknown_list_is_unknown() {
    let mut world = World::new();
    world.route("rtb-a", "pl-0b", "NatGatewayId", "nat-gone");
    world.expect(&tcp("eni-a1", "192.0.2.1"), Unknown);
}

#[test]
fn rule_14_own_table_before_the_main_one() {
    let mut world = World::new();
    world.internet_gateway("a");
    world.publish("eni-a1", "54.0.0.1");
    world.expect(&tcp("eni-a1", "8.8.8.8"), ExitsNetwork);
    world.own_table("subnet-a1");
    world.expect(&tcp("eni-a1", "8.8.8.8"), NoRoute);
}

#[test]
fn rule_15_a_subnet_may_be_reached_through_something_else() {
    let mut world = World::new();
    world.interface("box", "subnet-a1", "10.0.1.99");
    let table = world.own_table("subnet-a1");
    world.route(&table, "10.0.2.0/24", "NetworkInterfaceId", "eni-box");
    // The forwarding interface checks destinations: nothing passes.
    world.expect(&tcp("eni-a1", "10.0.2.10"), DeniedIn);
}

#[test]
fn rule_17_blackhole_still_wins() {
    let mut world = World::new();
    world.internet_gateway("a");
    world.deleted_nat();
    world.publish("eni-a1", "54.0.0.1");
    world.route("rtb-a", "8.8.8.0/24", "NatGatewayId", "nat-gone");
    world.expect(&tcp("eni-a1", "8.8.8.8"), NullRouted);
    let routes = world.get("rtb-a")["Routes"].as_array_mut().unwrap();
    routes.last_mut().unwrap()["State"] = json!("blackhole");
    world.expect(&tcp("eni-a1", "8.8.8.8"), NullRouted);
    world.expect(&tcp("eni-a1", "8.8.4.4"), ExitsNetwork);
}

#[test]
fn rule_17_target_that_no_body_has() {
    // The route is active, so something is there that was not collected: another account's, say.
    let mut world = World::new();
    world.route("rtb-a", "192.0.2.0/24", "NetworkInterfaceId", "eni-elsewhere");
    world.expect(&tcp("eni-a1", "192.0.2.1"), Unknown);
    let routes = world.get("rtb-a")["Routes"].as_array_mut().unwrap();
    routes.last_mut().unwrap()["State"] = json!("blackhole");
    world.expect(&tcp("eni-a1", "192.0.2.1"), NullRouted);
}

#[test]
fn rule_21_peering_is_not_transitive() {
    let mut world = peered(None);
    world.vpc("c", 2);
    world.add(
        "VpcPeeringConnections",
        json!({
            "VpcPeeringConnectionId": "pcx-2", "Status": {"Code": "active"},
            "RequesterVpcInfo": {"VpcId": "vpc-b", "CidrBlock": "10.1.0.0/16"},
            "AccepterVpcInfo": {"VpcId": "vpc-c", "CidrBlock": "10.2.0.0/16"},
        }),
    );
    world.route("rtb-a", "10.2.0.0/16", "VpcPeeringConnectionId", "pcx-1");
    world.route("rtb-b", "10.2.0.0/16", "VpcPeeringConnectionId", "pcx-2");
    world.expect(&tcp("eni-a1", "10.2.1.10"), NullRouted);
    world.expect(&tcp("eni-b1", "10.2.1.10"), Accepted);
    // Nor to the peer's internet gateway.
    world.internet_gateway("b");
    world.route("rtb-a", "8.8.8.0/24", "VpcPeeringConnectionId", "pcx-1");
    world.expect(&tcp("eni-a1", "8.8.8.8"), NullRouted);
}

#[test]
fn rule_21_peer_outside_the_estate() {
    let mut world = World::new();
    world.add(
        "VpcPeeringConnections",
        json!({
            "VpcPeeringConnectionId": "pcx-1", "Status": {"Code": "active"},
            "RequesterVpcInfo": {"VpcId": "vpc-a", "CidrBlock": "10.0.0.0/16"},
            "AccepterVpcInfo": {"VpcId": "vpc-other", "CidrBlock": "10.9.0.0/16"},
        }),
    );
    world.route("rtb-a", "10.0.0.0/8", "VpcPeeringConnectionId", "pcx-1");
    let outcome = world.walk(&tcp("eni-a1", "10.9.1.1"));
    assert_eq!((outcome.disposition, outcome.at.as_str()), (ExitsNetwork, "outside:vpc-other"));
    assert_eq!((outcome.established, outcome.may_establish), (false, true));
    // Asked of the twin alone: the model keeps no prefixes of a network that is not in the input.
    let elsewhere = world.estate().walk(&tcp("eni-a1", "10.8.1.1"));
    assert_eq!(elsewhere.outcomes[0].disposition, NullRouted);
}

#[test]
fn rule_32_source_destination_check() {
    let mut world = World::new();
    world.interface("box", "subnet-a2", "10.0.2.99");
    world.route("rtb-a", "192.0.2.0/24", "NetworkInterfaceId", "eni-box");
    world.expect(&tcp("eni-a1", "192.0.2.1"), DeniedIn);
    world.get("eni-box")["SourceDestCheck"] = json!(false);
    let outcome = world.walk(&tcp("eni-a1", "192.0.2.1"));
    assert_eq!((outcome.disposition, outcome.at.as_str()), (Unknown, "eni-box"));
    // If it passes, the box's own routes send it to the box again.
    assert_eq!(outcome.upper[0].disposition, Unknown);
    assert_eq!(outcome.upper[0].upper[0].disposition, Loop);
    // The box's groups see the packet first.
    world.admit("box", from_prefix("10.0.2.0/24"));
    world.expect(&tcp("eni-a1", "192.0.2.1"), DeniedIn);
    // An instance stands for its primary interface.
    world.route("rtb-a", "203.0.113.0/24", "InstanceId", "i-box");
    let outcome = world.walk(&tcp("eni-a1", "203.0.113.1"));
    assert_eq!((outcome.disposition, outcome.at.as_str()), (DeniedIn, "eni-box"));
}

#[test]
fn places_where_nothing_is() {
    let world = World::new();
    world.expect(&tcp("eni-a1", "10.0.1.11"), NeighborUnreachable);
    world.expect(&tcp("eni-a1", "10.0.2.11"), NeighborUnreachable);
    let outcome = world.walk(&tcp("eni-a1", "10.0.9.9"));
    assert_eq!((outcome.disposition, outcome.at.as_str()), (NullRouted, "vpc-a"));
    let own = world.walk(&tcp("eni-a1", "10.0.1.10"));
    assert_eq!((own.disposition, own.established), (Accepted, true));
    // No IPv6 address to send from.
    world.expect(&tcp("eni-a1", "2600:1f18:0:2::10"), NoRoute);
}

#[test]
fn starts_without_an_interface() {
    let mut world = World::new();
    let subnet = Start::SubnetAt("subnet-a1".to_owned());
    let packet = from(subnet, Some("10.0.1.250"), "10.0.2.10");
    let outcome = world.walk(&packet);
    assert_eq!((outcome.disposition, outcome.established), (Accepted, true));
    // No interface, so no group that a reference could mean.
    world.admit("a2", from_group("sg-a1"));
    world.expect(&packet, DeniedIn);
    let router = from(Start::Vpc("vpc-a".to_owned()), None, "10.0.2.10");
    world.admit("a2", from_prefix("10.0.0.0/8"));
    world.expect(&router, DeniedIn);
    world.admit("a2", from_prefix("0.0.0.0/0"));
    world.expect(&router, Accepted);
}
