use serde_json::json;

use super::world::{OPEN, World, from, from_group, from_prefix, tcp};
use crate::twin::aws::Disposition::{
    Accepted, DeniedIn, DeniedOut, ExitsNetwork, Loop, NoRoute, NullRouted, Unknown,
};
use crate::twin::aws::Start;

const TABLE: &str = "raw/aws/111122223333/us-east-1/search-transit-gateway-routes-tgw-rtb-1.json";

fn attach(world: &mut World, name: &str, subnets: &[&str]) {
    attach_to(world, "1", name, &format!("tgw-attach-{name}"), subnets);
    world.route(&format!("rtb-{name}"), "10.0.0.0/8", "TransitGatewayId", "tgw-1");
}

/// Attaches a VPC to `tgw-<number>`, whose table is `tgw-rtb-<number>`.
fn attach_to(world: &mut World, number: &str, name: &str, id: &str, subnets: &[&str]) {
    let gateway = format!("tgw-{number}");
    let vpc = format!("vpc-{name}");
    world.add(
        "TransitGatewayVpcAttachments",
        json!({
            "Id": id.replace("tgw-attach", "options"), "TransitGatewayAttachmentId": id,
            "TransitGatewayId": gateway, "VpcId": vpc, "State": "available", "SubnetIds": subnets,
            "Options": {"SecurityGroupReferencingSupport": "enable"},
        }),
    );
    world.add(
        "TransitGatewayAttachments",
        json!({
            "TransitGatewayAttachmentId": id, "TransitGatewayId": gateway, "State": "available",
            "ResourceType": "vpc", "ResourceId": vpc,
            "Association": {
                "TransitGatewayRouteTableId": format!("tgw-rtb-{number}"), "State": "associated",
            },
        }),
    );
}

fn route(prefix: &str, kind: &str, attachment: Option<&str>) -> serde_json::Value {
    let attachments: Vec<_> =
        attachment.iter().map(|id| json!({"TransitGatewayAttachmentId": id})).collect();
    json!({
        "DestinationCidrBlock": prefix, "Type": kind, "TransitGatewayAttachments": attachments,
        "State": if attachments.is_empty() { "blackhole" } else { "active" },
    })
}

/// VPCs a and b, each attached by its first subnet.
fn connected() -> World {
    let mut world = World::new();
    world.vpc("b", 1);
    world.add(
        "TransitGateways",
        json!({
            "TransitGatewayId": "tgw-1", "Options": {"SecurityGroupReferencingSupport": "enable"},
        }),
    );
    attach(&mut world, "a", &["subnet-a1"]);
    attach(&mut world, "b", &["subnet-b1"]);
    world.add_in(
        TABLE,
        "Routes",
        json!([
            route("10.0.0.0/16", "propagated", Some("tgw-attach-a")),
            route("10.1.0.0/16", "propagated", Some("tgw-attach-b")),
        ]),
    );
    world
}

#[test]
fn rule_03_reference_over_a_transit_gateway_inbound_only() {
    let mut world = connected();
    world.admit("b1", from_group("sg-a1"));
    world.expect(&tcp("eni-a1", "10.1.1.10"), Accepted);
    world.release("a1", from_group("sg-b1"));
    world.expect(&tcp("eni-a1", "10.1.1.10"), DeniedOut);
    world.release("a1", from_prefix("0.0.0.0/0"));
    let options = json!({"SecurityGroupReferencingSupport": "disable"});
    world.get("options-b")["Options"] = options.clone();
    world.expect(&tcp("eni-a1", "10.1.1.10"), DeniedIn);
    let mut world = connected();
    world.admit("b1", from_group("sg-a1"));
    world.get("tgw-1")["Options"] = options;
    world.expect(&tcp("eni-a1", "10.1.1.10"), DeniedIn);
}

#[test]
fn rule_03_reference_holds_over_one_transit_gateway_not_over_two() {
    // From a over the first gateway into b, whose attachment's subnet leads on over the second to c.
    let mut world = connected();
    world.vpc("c", 2);
    world.add(
        "TransitGateways",
        json!({
            "TransitGatewayId": "tgw-2", "Options": {"SecurityGroupReferencingSupport": "enable"},
        }),
    );
    attach_to(&mut world, "2", "b", "tgw-attach-b-2", &["subnet-b1"]);
    attach_to(&mut world, "2", "c", "tgw-attach-c", &["subnet-c1"]);
    world.route("rtb-b", "10.2.0.0/16", "TransitGatewayId", "tgw-2");
    let to_b = route("10.2.0.0/16", "static", Some("tgw-attach-b"));
    world.add_in(TABLE, "Routes", json!([to_b]));
    let to_c = route("10.2.0.0/16", "propagated", Some("tgw-attach-c"));
    world.add_in(&TABLE.replace("rtb-1", "rtb-2"), "Routes", json!([to_c]));
    world.admit("c1", from_group("sg-b1"));
    world.expect(&tcp("eni-b1", "10.2.1.10"), Accepted);
    world.admit("c1", from_group("sg-a1"));
    world.expect(&tcp("eni-a1", "10.2.1.10"), DeniedIn);
    world.admit("c1", from_prefix("10.0.0.0/16"));
    world.expect(&tcp("eni-a1", "10.2.1.10"), Accepted);
}

#[test]
fn rule_22_zone_of_the_source_must_have_an_attachment_subnet() {
    let mut world = connected();
    assert!(world.walk(&tcp("eni-a1", "10.1.1.10")).established);
    // Zone 2 has none on the side of the source; on the other side the first subnet serves.
    let outcome = world.walk(&tcp("eni-a2", "10.1.1.10"));
    assert_eq!((outcome.disposition, outcome.at.as_str()), (NullRouted, "subnet-a2"));
    let outcome = world.walk(&tcp("eni-a1", "10.1.2.10"));
    assert_eq!((outcome.disposition, outcome.established), (Accepted, false));
    world.get("options-b")["State"] = json!("deleted");
    world.get("tgw-attach-b")["State"] = json!("deleted");
    world.expect(&tcp("eni-a1", "10.1.1.10"), NullRouted);
}

#[test]
fn rule_22_association_decides_the_table() {
    let mut world = connected();
    world.get("tgw-attach-a")["Association"] = json!({});
    let outcome = world.walk(&tcp("eni-a1", "10.1.1.10"));
    assert_eq!((outcome.disposition, outcome.at.as_str()), (NoRoute, "tgw-1"));
    let other = json!({"TransitGatewayRouteTableId": "tgw-rtb-2", "State": "associated"});
    world.get("tgw-attach-a")["Association"] = other;
    world.expect(&tcp("eni-a1", "10.1.1.10"), Unknown);
    world.add_in(
        &TABLE.replace("rtb-1", "rtb-2"),
        "Routes",
        json!([
            route("10.1.0.0/16", "propagated", Some("tgw-attach-b")),
            route("10.1.1.0/24", "static", None),
        ]),
    );
    world.expect(&tcp("eni-a1", "10.1.1.10"), NullRouted);
    world.expect(&tcp("eni-a1", "10.1.2.10"), Accepted);
    world.expect(&tcp("eni-a1", "10.2.2.10"), NoRoute);
}

#[test]
fn rule_22_static_before_propagated() {
    let mut world = connected();
    world.add_in(TABLE, "Routes", json!([route("10.1.0.0/16", "static", None)]));
    world.expect(&tcp("eni-a1", "10.1.1.10"), NullRouted);
}

#[test]
fn rule_06_acls_and_the_attachment_subnet() {
    // Both ends lie in attachment subnets: what comes out of the gateway meets no ACL there, what
    // goes into it meets the ACL both ways.
    let mut world = connected();
    world.acl("subnet-b1", &[]);
    let outcome = world.walk(&tcp("eni-a1", "10.1.1.10"));
    assert_eq!((outcome.disposition, outcome.established), (Accepted, false));
    world.acl("subnet-a1", &[]);
    world.expect(&tcp("eni-a1", "10.1.1.10"), DeniedOut);
    let mut world = connected();
    world.acl("subnet-a1", &OPEN[1..]);
    let outcome = world.walk(&tcp("eni-a1", "10.1.1.10"));
    assert_eq!((outcome.disposition, outcome.at.as_str()), (DeniedIn, "subnet-a1"));
    let mut world = connected();
    world.acl("subnet-b1", &[]);
    // Further on, the attachment subnet's ACL lets nothing out.
    world.expect(&tcp("eni-a1", "10.1.2.10"), DeniedIn);
    let mut world = connected();
    world.get("options-a")["SubnetIds"] = json!(["subnet-a2"]);
    world.get("subnet-a2")["AvailabilityZoneId"] = json!("use1-az1");
    world.expect(&tcp("eni-a1", "10.1.1.10"), Accepted);
    world.acl("subnet-a2", &OPEN[1..]);
    let outcome = world.walk(&tcp("eni-a1", "10.1.1.10"));
    assert_eq!((outcome.disposition, outcome.at.as_str()), (DeniedIn, "subnet-a2"));
}

#[test]
fn rule_22_attachment_subnets_table_routes_what_comes_out() {
    let mut world = connected();
    world.deleted_nat();
    world.route("rtb-b", "10.1.2.0/24", "NatGatewayId", "nat-gone");
    let outcome = world.walk(&tcp("eni-a1", "10.1.2.10"));
    assert_eq!((outcome.disposition, outcome.at.as_str()), (NullRouted, "subnet-b1"));
}

#[test]
fn rule_22_a_default_route_can_run_in_circles() {
    let mut world = connected();
    world.add_in(TABLE, "Routes", json!([route("10.0.0.0/8", "static", Some("tgw-attach-b"))]));
    world.expect(&tcp("eni-a1", "10.9.9.9"), Loop);
}

#[test]
fn rule_22_peering_of_transit_gateways() {
    let mut world = connected();
    world.vpc("c", 2);
    world.add("TransitGateways", json!({"TransitGatewayId": "tgw-2", "Options": {}}));
    attach(&mut world, "c", &["subnet-c1"]);
    for id in ["options-c", "tgw-attach-c"] {
        world.get(id)["TransitGatewayId"] = json!("tgw-2");
    }
    let association = json!({"TransitGatewayRouteTableId": "tgw-rtb-2", "State": "associated"});
    world.get("tgw-attach-c")["Association"] = association.clone();
    world.get("rtb-c")["Routes"][2]["TransitGatewayId"] = json!("tgw-2");
    for (here, there, table) in [("tgw-1", "tgw-2", "tgw-rtb-1"), ("tgw-2", "tgw-1", "tgw-rtb-2")] {
        world.add(
            "TransitGatewayAttachments",
            json!({
                "TransitGatewayAttachmentId": "tgw-attach-peer", "TransitGatewayId": here,
                "State": "available", "ResourceType": "peering", "ResourceId": there,
                "Association": {"TransitGatewayRouteTableId": table, "State": "associated"},
            }),
        );
    }
    world.add(
        "TransitGatewayPeeringAttachments",
        json!({
            "TransitGatewayAttachmentId": "tgw-attach-peer", "State": "available",
            "RequesterTgwInfo": {"TransitGatewayId": "tgw-1"},
            "AccepterTgwInfo": {"TransitGatewayId": "tgw-2"},
        }),
    );
    world.add_in(TABLE, "Routes", json!([route("10.2.0.0/16", "static", Some("tgw-attach-peer"))]));
    world.add_in(
        &TABLE.replace("rtb-1", "rtb-2"),
        "Routes",
        json!([
            route("10.0.0.0/16", "static", Some("tgw-attach-peer")),
            route("10.2.0.0/16", "propagated", Some("tgw-attach-c")),
        ]),
    );
    let outcome = world.walk(&tcp("eni-a1", "10.2.1.10"));
    assert_eq!((outcome.disposition, outcome.established), (Accepted, true), "{outcome:?}");
    // References do not work over two transit gateways.
    world.admit("c1", from_group("sg-a1"));
    world.expect(&tcp("eni-a1", "10.2.1.10"), DeniedIn);
}

#[test]
fn rule_22_tunnels_of_a_transit_gateway() {
    let mut world = connected();
    world.add(
        "TransitGatewayAttachments",
        json!({
            "TransitGatewayAttachmentId": "tgw-attach-vpn", "TransitGatewayId": "tgw-1",
            "State": "available", "ResourceType": "vpn", "ResourceId": "vpn-1",
            "Association": {"TransitGatewayRouteTableId": "tgw-rtb-1", "State": "associated"},
        }),
    );
    world.add_in(
        TABLE,
        "Routes",
        json!([route("172.16.0.0/12", "propagated", Some("tgw-attach-vpn")),]),
    );
    world.route("rtb-a", "172.16.0.0/12", "TransitGatewayId", "tgw-1");
    let outcome = world.walk(&tcp("eni-a1", "172.16.0.9"));
    assert_eq!((outcome.disposition, outcome.established), (ExitsNetwork, true), "{outcome:?}");
    assert_eq!(outcome.at, "outside:vpn-1");
    let inbound = from(Start::Outside("vpn-1".to_owned()), Some("172.16.0.9"), "10.0.1.10");
    assert!(world.walk(&inbound).established);
}
