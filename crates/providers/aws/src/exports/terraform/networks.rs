//! VPCs, subnets, route tables and network ACLs.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::super::{Bodies, items, tags, text, texts, told};
use super::State;

const VPCS: [&str; 2] = ["aws_vpc", "aws_default_vpc"];
const SUBNETS: [&str; 2] = ["aws_subnet", "aws_default_subnet"];
const TABLES: [&str; 2] = ["aws_route_table", "aws_default_route_table"];
const ACLS: [&str; 2] = ["aws_network_acl", "aws_default_network_acl"];

/// Everything else that is read here.
const PARTS: [&str; 7] = [
    "aws_vpc_ipv4_cidr_block_association",
    "aws_vpc_ipv6_cidr_block_association",
    "aws_route",
    "aws_route_table_association",
    "aws_main_route_table_association",
    "aws_network_acl_rule",
    "aws_network_acl_association",
];

/// Reads them; gives the types that are read.
pub(super) fn read(state: &State, bodies: &mut Bodies) -> Vec<&'static str> {
    for vpc in state.all(&VPCS) {
        bodies.add(&state.place(vpc), ("ec2-describe-vpcs", "Vpcs"), self::vpc(state, vpc));
    }
    for subnet in state.all(&SUBNETS) {
        let list = ("ec2-describe-subnets", "Subnets");
        bodies.add(&state.place(subnet), list, self::subnet(subnet));
    }
    for table in state.all(&TABLES) {
        let list = ("ec2-describe-route-tables", "RouteTables");
        bodies.add(&state.place(table), list, self::table(state, table));
    }
    for acl in state.all(&ACLS) {
        let list = ("ec2-describe-network-acls", "NetworkAcls");
        bodies.add(&state.place(acl), list, self::acl(state, acl));
    }
    [&VPCS[..], &SUBNETS, &TABLES, &ACLS, &PARTS].concat()
}

fn vpc(state: &State, vpc: &Value) -> Value {
    let id = text(vpc, "id");
    let added = |kind: &'static str| {
        let all = state.by_kind.get(kind).into_iter().flatten();
        all.map(|one| &one.values).filter(move |one| text(one, "vpc_id") == id)
    };
    let first = text(vpc, "cidr_block");
    let more = added("aws_vpc_ipv4_cidr_block_association");
    let blocks = first.into_iter().chain(more.filter_map(|one| text(one, "cidr_block")));
    let four: Vec<Value> = blocks
        .map(|block| json!({"CidrBlock": block, "CidrBlockState": {"State": "associated"}}))
        .collect();
    let first = text(vpc, "ipv6_cidr_block");
    let more = added("aws_vpc_ipv6_cidr_block_association");
    let blocks = first.into_iter().chain(more.filter_map(|one| text(one, "ipv6_cidr_block")));
    let six: Vec<Value> = blocks
        .map(|block| json!({"Ipv6CidrBlock": block, "Ipv6CidrBlockState": {"State": "associated"}}))
        .collect();
    told(json!({
        "VpcId": id,
        "OwnerId": text(vpc, "owner_id"),
        "CidrBlock": text(vpc, "cidr_block"),
        "CidrBlockAssociationSet": four,
        "Ipv6CidrBlockAssociationSet": six,
        "DhcpOptionsId": text(vpc, "dhcp_options_id"),
        "InstanceTenancy": text(vpc, "instance_tenancy"),
        "State": "available",
        "Tags": tags(vpc, "tags_all"),
    }))
}

fn subnet(subnet: &Value) -> Value {
    let six = text(subnet, "ipv6_cidr_block");
    let six: Vec<Value> = six
        .map(|block| json!({"Ipv6CidrBlock": block, "Ipv6CidrBlockState": {"State": "associated"}}))
        .into_iter()
        .collect();
    told(json!({
        "SubnetId": text(subnet, "id"),
        "VpcId": text(subnet, "vpc_id"),
        "OwnerId": text(subnet, "owner_id"),
        "SubnetArn": text(subnet, "arn"),
        "CidrBlock": text(subnet, "cidr_block"),
        "Ipv6CidrBlockAssociationSet": six,
        "AvailabilityZone": text(subnet, "availability_zone"),
        "AvailabilityZoneId": text(subnet, "availability_zone_id"),
        "MapPublicIpOnLaunch": subnet.get("map_public_ip_on_launch"),
        "AssignIpv6AddressOnCreation": subnet.get("assign_ipv6_address_on_creation"),
        "State": "available",
        "Tags": tags(subnet, "tags_all"),
    }))
}

fn table(state: &State, table: &Value) -> Value {
    let id = text(table, "id");
    let vpc = text(table, "vpc_id");
    let held = vpc.and_then(|vpc| state.find(&VPCS, vpc));
    let mut associations: Vec<Value> = Vec::new();
    let mains = state.all(&["aws_main_route_table_association"]);
    let replaced: Vec<&Value> = mains.filter(|one| text(one, "vpc_id") == vpc).collect();
    let is_main = match replaced.first() {
        Some(one) => text(one, "route_table_id") == id,
        None => held.is_some_and(|vpc| text(vpc, "main_route_table_id") == id),
    };
    if is_main && id.is_some() {
        associations.push(json!({
            "Main": true, "RouteTableId": id, "AssociationState": {"State": "associated"},
        }));
    }
    for one in state.all(&["aws_route_table_association"]) {
        if text(one, "route_table_id") == id {
            associations.push(told(json!({
                "Main": false,
                "RouteTableAssociationId": text(one, "id"),
                "RouteTableId": id,
                "SubnetId": text(one, "subnet_id"),
                "GatewayId": text(one, "gateway_id"),
                "AssociationState": {"State": "associated"},
            })));
        }
    }
    let inline = items(table, "route").map(route);
    let apart = state.all(&["aws_route"]).filter(|one| text(one, "route_table_id") == id);
    let mut routes: Vec<Value> = local_routes(state, held);
    let mut known: BTreeSet<String> = routes.iter().filter_map(destination).collect();
    for route in inline.chain(apart.map(route)) {
        // One whose destination is not told may lead anywhere.
        if destination(&route).is_none_or(|destination| known.insert(destination)) {
            routes.push(route);
        }
    }
    let gateways = texts(table, "propagating_vgws").map(|id| json!({"GatewayId": id}));
    told(json!({
        "RouteTableId": id,
        "VpcId": vpc,
        "OwnerId": text(table, "owner_id"),
        "Associations": associations,
        "PropagatingVgws": gateways.collect::<Vec<_>>(),
        "Routes": routes,
        "Tags": tags(table, "tags_all"),
    }))
}

/// The routes that every table has and that Terraform does not list: to the VPC's own prefixes.
fn local_routes(state: &State, held: Option<&Value>) -> Vec<Value> {
    let Some(held) = held else { return Vec::new() };
    let vpc = vpc(state, held);
    let of = |set: &str, key: &'static str| -> Vec<String> {
        let blocks = items(&vpc, set).filter_map(|one| text(one, key));
        blocks.map(str::to_owned).collect()
    };
    let four = of("CidrBlockAssociationSet", "CidrBlock").into_iter();
    let six = of("Ipv6CidrBlockAssociationSet", "Ipv6CidrBlock").into_iter();
    let route = |key: &str, block: String| json!({key: block, "GatewayId": "local", "Origin": "CreateRouteTable", "State": "active"});
    let four = four.map(|block| route("DestinationCidrBlock", block));
    four.chain(six.map(|block| route("DestinationIpv6CidrBlock", block))).collect()
}

/// A route, in line (`cidr_block`) or a resource of its own (`destination_cidr_block`).
fn route(one: &Value) -> Value {
    let either = |left: &str, right: &str| text(one, left).or_else(|| text(one, right));
    told(json!({
        "DestinationCidrBlock": either("cidr_block", "destination_cidr_block"),
        "DestinationIpv6CidrBlock": either("ipv6_cidr_block", "destination_ipv6_cidr_block"),
        "DestinationPrefixListId": text(one, "destination_prefix_list_id"),
        // A gateway endpoint stands where gateways do.
        "GatewayId": either("gateway_id", "vpc_endpoint_id"),
        "NatGatewayId": text(one, "nat_gateway_id"),
        "EgressOnlyInternetGatewayId": either("egress_only_gateway_id", "-"),
        "TransitGatewayId": text(one, "transit_gateway_id"),
        "VpcPeeringConnectionId": text(one, "vpc_peering_connection_id"),
        "NetworkInterfaceId": text(one, "network_interface_id"),
        "LocalGatewayId": text(one, "local_gateway_id"),
        "CarrierGatewayId": text(one, "carrier_gateway_id"),
        "CoreNetworkArn": text(one, "core_network_arn"),
        "Origin": "CreateRoute",
        "State": "active",
    }))
}

fn destination(route: &Value) -> Option<String> {
    let keys = ["DestinationCidrBlock", "DestinationIpv6CidrBlock", "DestinationPrefixListId"];
    keys.iter().find_map(|key| text(route, key)).map(str::to_owned)
}

fn acl(state: &State, acl: &Value) -> Value {
    let id = text(acl, "id");
    // An entry that is a resource of its own stands in the ACL's own lists as well once they were
    // read again.
    let mut entries: BTreeMap<(bool, i64), Value> = BTreeMap::new();
    for (egress, list) in [(false, "ingress"), (true, "egress")] {
        for one in items(acl, list) {
            let number = one.get("rule_no").and_then(Value::as_i64).unwrap_or_default();
            entries.insert((egress, number), entry(one, egress, number, "action"));
        }
    }
    for one in state.all(&["aws_network_acl_rule"]) {
        if text(one, "network_acl_id") == id {
            let egress = one.get("egress").and_then(Value::as_bool).unwrap_or_default();
            let number = one.get("rule_number").and_then(Value::as_i64).unwrap_or_default();
            entries.insert((egress, number), entry(one, egress, number, "rule_action"));
        }
    }
    // The last entry of each direction, which nobody can change, is not among Terraform's.
    let denies = [false, true].map(|egress| {
        json!({"Egress": egress, "RuleNumber": 32767, "RuleAction": "deny", "Protocol": "-1",
            "CidrBlock": "0.0.0.0/0"})
    });
    let apart = state.all(&["aws_network_acl_association"]);
    let apart = apart.filter(|one| text(one, "network_acl_id") == id);
    let subnets: BTreeSet<&str> =
        texts(acl, "subnet_ids").chain(apart.filter_map(|one| text(one, "subnet_id"))).collect();
    let vpc = text(acl, "vpc_id").and_then(|vpc| state.find(&VPCS, vpc));
    told(json!({
        "NetworkAclId": id,
        "VpcId": text(acl, "vpc_id"),
        "OwnerId": text(acl, "owner_id"),
        "IsDefault": vpc.is_some_and(|vpc| text(vpc, "default_network_acl_id") == id),
        "Associations": subnets.iter().map(|subnet| {
            json!({"NetworkAclId": id, "SubnetId": subnet})
        }).collect::<Vec<_>>(),
        "Entries": entries.into_values().chain(denies).collect::<Vec<_>>(),
        "Tags": tags(acl, "tags_all"),
    }))
}

fn entry(one: &Value, egress: bool, number: i64, action: &str) -> Value {
    let whole = |key: &str| one.get(key).and_then(Value::as_i64);
    let protocol = text(one, "protocol").unwrap_or("-1");
    let protocol = match protocol {
        "all" => "-1",
        "tcp" => "6",
        "udp" => "17",
        "icmp" => "1",
        other => other,
    };
    let ported = ["6", "17"].contains(&protocol);
    let ports = ported.then(|| json!({"From": whole("from_port"), "To": whole("to_port")}));
    let icmp = ["1", "58"].contains(&protocol);
    let icmp = icmp.then(|| json!({"Type": whole("icmp_type"), "Code": whole("icmp_code")}));
    told(json!({
        "Egress": egress,
        "RuleNumber": number,
        "RuleAction": text(one, action),
        "Protocol": protocol,
        "CidrBlock": text(one, "cidr_block"),
        "Ipv6CidrBlock": text(one, "ipv6_cidr_block"),
        "PortRange": ports,
        "IcmpTypeCode": icmp,
    }))
}
