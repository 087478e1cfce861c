//! What leads out of a VPC: gateways, peerings, transit gateways, endpoints.

use serde_json::{Value, json};

use super::super::{Bodies, Place, tags, text, texts, told};
use super::State;

const KINDS: [&str; 19] = [
    "aws_vpc_block_public_access_options",
    "aws_vpc_block_public_access_exclusion",
    "aws_internet_gateway",
    "aws_internet_gateway_attachment",
    "aws_egress_only_internet_gateway",
    "aws_nat_gateway",
    "aws_eip",
    "aws_eip_association",
    "aws_vpc_peering_connection",
    "aws_vpc_peering_connection_accepter",
    "aws_vpc_endpoint",
    "aws_vpn_gateway",
    "aws_vpn_gateway_attachment",
    "aws_ec2_transit_gateway",
    "aws_ec2_transit_gateway_vpc_attachment",
    "aws_ec2_transit_gateway_route_table",
    "aws_ec2_transit_gateway_route_table_association",
    "aws_ec2_transit_gateway_route_table_propagation",
    "aws_ec2_transit_gateway_route",
];

/// Reads them; gives the types that are read.
pub(super) fn read(state: &State, bodies: &mut Bodies) -> Vec<&'static str> {
    internet(state, bodies);
    translation(state, bodies);
    for peering in peerings(state) {
        let list = ("ec2-describe-vpc-peering-connections", "VpcPeeringConnections");
        bodies.add(&state.place(peering), list, self::peering(state, peering));
    }
    for endpoint in state.all(&["aws_vpc_endpoint"]) {
        let list = ("ec2-describe-vpc-endpoints", "VpcEndpoints");
        bodies.add(&state.place(endpoint), list, self::endpoint(endpoint));
    }
    for gateway in state.all(&["aws_vpn_gateway"]) {
        let id = text(gateway, "id");
        let apart = state.all(&["aws_vpn_gateway_attachment"]);
        let apart = apart.filter(|one| text(one, "vpn_gateway_id") == id);
        let vpcs = text(gateway, "vpc_id").into_iter();
        let vpcs = vpcs.chain(apart.filter_map(|one| text(one, "vpc_id")));
        let attachments: Vec<Value> =
            vpcs.map(|vpc| json!({"VpcId": vpc, "State": "attached"})).collect();
        let item = told(json!({
            "VpnGatewayId": id, "State": "available", "VpcAttachments": attachments,
            "Tags": tags(gateway, "tags_all"),
        }));
        bodies.add(&state.place(gateway), ("ec2-describe-vpn-gateways", "VpnGateways"), item);
    }
    transit(state, bodies);
    public_access(state, bodies);
    KINDS.to_vec()
}

fn internet(state: &State, bodies: &mut Bodies) {
    for gateway in state.all(&["aws_internet_gateway"]) {
        let id = text(gateway, "id");
        let apart = state.all(&["aws_internet_gateway_attachment"]);
        let apart = apart.filter(|one| text(one, "internet_gateway_id") == id);
        let vpcs = text(gateway, "vpc_id").into_iter();
        let vpcs = vpcs.chain(apart.filter_map(|one| text(one, "vpc_id")));
        let attachments: Vec<Value> =
            vpcs.map(|vpc| json!({"VpcId": vpc, "State": "available"})).collect();
        let item = told(json!({
            "InternetGatewayId": id, "OwnerId": text(gateway, "owner_id"),
            "Attachments": attachments, "Tags": tags(gateway, "tags_all"),
        }));
        let list = ("ec2-describe-internet-gateways", "InternetGateways");
        bodies.add(&state.place(gateway), list, item);
    }
    for gateway in state.all(&["aws_egress_only_internet_gateway"]) {
        let item = told(json!({
            "EgressOnlyInternetGatewayId": text(gateway, "id"),
            "Attachments": [{"VpcId": text(gateway, "vpc_id"), "State": "attached"}],
            "Tags": tags(gateway, "tags_all"),
        }));
        let list = ("ec2-describe-egress-only-internet-gateways", "EgressOnlyInternetGateways");
        bodies.add(&state.place(gateway), list, item);
    }
}

fn public_access(state: &State, bodies: &mut Bodies) {
    for options in state.all(&["aws_vpc_block_public_access_options"]) {
        let told_by = |key: &str| text(options, key).map(str::to_owned);
        let home = state.place(options);
        let place = Place {
            account: told_by("aws_account_id").unwrap_or(home.account),
            region: told_by("aws_region").unwrap_or(home.region),
        };
        let body = json!({"VpcBlockPublicAccessOptions": told(json!({
            "AwsAccountId": text(options, "aws_account_id"),
            "AwsRegion": place.region,
            "State": "update-complete",
            "InternetGatewayBlockMode": text(options, "internet_gateway_block_mode"),
        }))});
        bodies.whole(&place, "ec2-describe-vpc-block-public-access-options", body);
    }
    for exclusion in state.all(&["aws_vpc_block_public_access_exclusion"]) {
        let arn = text(exclusion, "resource_arn");
        let of = |kind: &str, key: &str| {
            let id = text(exclusion, key)?;
            let place = state.place(exclusion);
            Some(format!("arn:aws:ec2:{}:{}:{kind}/{id}", place.region, place.account))
        };
        let made = || of("vpc", "vpc_id").or_else(|| of("subnet", "subnet_id"));
        let item = told(json!({
            "ExclusionId": text(exclusion, "id"),
            "InternetGatewayExclusionMode": text(exclusion, "internet_gateway_exclusion_mode"),
            "ResourceArn": arn.map(str::to_owned).or_else(made),
            "State": "create-complete",
        }));
        let list =
            ("ec2-describe-vpc-block-public-access-exclusions", "VpcBlockPublicAccessExclusions");
        bodies.add(&state.place(exclusion), list, item);
    }
}

fn translation(state: &State, bodies: &mut Bodies) {
    for gateway in state.all(&["aws_nat_gateway"]) {
        let subnet = text(gateway, "subnet_id");
        let held = subnet.and_then(|id| state.find(&["aws_subnet", "aws_default_subnet"], id));
        let interface = text(gateway, "network_interface_id");
        let (private, public) = (text(gateway, "private_ip"), text(gateway, "public_ip"));
        let item = told(json!({
            "NatGatewayId": text(gateway, "id"),
            "SubnetId": subnet,
            "VpcId": held.and_then(|subnet| text(subnet, "vpc_id")),
            "ConnectivityType": text(gateway, "connectivity_type"),
            "State": "available",
            "NatGatewayAddresses": [{
                "AllocationId": text(gateway, "allocation_id"),
                "NetworkInterfaceId": interface,
                "PrivateIp": private,
                "PublicIp": public,
                "IsPrimary": true,
                "Status": "succeeded",
            }],
            "Tags": tags(gateway, "tags_all"),
        }));
        bodies.add(&state.place(gateway), ("ec2-describe-nat-gateways", "NatGateways"), item);
    }
    for address in state.all(&["aws_eip"]) {
        let apart = state.all(&["aws_eip_association"]).find(|one| {
            let allocation = text(one, "allocation_id");
            allocation.is_some() && allocation == text(address, "id")
        });
        let told_by = |own: &str, other: &str| {
            text(address, own).or_else(|| apart.and_then(|one| text(one, other)))
        };
        let item = told(json!({
            "AllocationId": text(address, "id"),
            "AssociationId": told_by("association_id", "id"),
            "PublicIp": text(address, "public_ip"),
            "PrivateIpAddress": told_by("private_ip", "private_ip_address"),
            "NetworkInterfaceId": told_by("network_interface", "network_interface_id"),
            "InstanceId": told_by("instance", "instance_id"),
            "Domain": "vpc",
            "Tags": tags(address, "tags_all"),
        }));
        bodies.add(&state.place(address), ("ec2-describe-addresses", "Addresses"), item);
    }
}

/// Peerings, each once: the accepter's resource tells of the same.
fn peerings(state: &State) -> Vec<&Value> {
    let mut found: Vec<&Value> = state.all(&["aws_vpc_peering_connection"]).collect();
    for accepted in state.all(&["aws_vpc_peering_connection_accepter"]) {
        if !found.iter().any(|one| text(one, "id") == text(accepted, "id")) {
            found.push(accepted);
        }
    }
    found
}

fn peering(state: &State, peering: &Value) -> Value {
    // The accepter's resource tells the state after it was accepted.
    let accepted = state
        .all(&["aws_vpc_peering_connection_accepter"])
        .find(|one| text(one, "id") == text(peering, "id"));
    let status = accepted.and_then(|one| text(one, "accept_status"));
    let status = status.or_else(|| text(peering, "accept_status"));
    let own = state.place(peering);
    let side = |vpc: &str, owner: Option<&str>, region: Option<&str>| {
        let id = text(peering, vpc);
        let held = id.and_then(|id| state.find(&["aws_vpc", "aws_default_vpc"], id));
        json!({
            "VpcId": id,
            "OwnerId": owner,
            "Region": region,
            "CidrBlock": held.and_then(|vpc| text(vpc, "cidr_block")),
        })
    };
    let peer_region = text(peering, "peer_region").unwrap_or(&own.region);
    told(json!({
        "VpcPeeringConnectionId": text(peering, "id"),
        "Status": {"Code": status},
        "RequesterVpcInfo": side("vpc_id", Some(&own.account), Some(&own.region)),
        "AccepterVpcInfo": side("peer_vpc_id", text(peering, "peer_owner_id"), Some(peer_region)),
        "Tags": tags(peering, "tags_all"),
    }))
}

fn endpoint(endpoint: &Value) -> Value {
    let groups = texts(endpoint, "security_group_ids").map(|id| json!({"GroupId": id}));
    let list = |key: &str| -> Vec<&str> { texts(endpoint, key).collect() };
    told(json!({
        "VpcEndpointId": text(endpoint, "id"),
        "VpcEndpointType": text(endpoint, "vpc_endpoint_type"),
        "VpcId": text(endpoint, "vpc_id"),
        "OwnerId": text(endpoint, "owner_id"),
        "ServiceName": text(endpoint, "service_name"),
        "State": text(endpoint, "state"),
        "PolicyDocument": text(endpoint, "policy"),
        "RouteTableIds": list("route_table_ids"),
        "SubnetIds": list("subnet_ids"),
        "Groups": groups.collect::<Vec<_>>(),
        "NetworkInterfaceIds": list("network_interface_ids"),
        "PrivateDnsEnabled": endpoint.get("private_dns_enabled"),
        "Tags": tags(endpoint, "tags_all"),
    }))
}

fn transit(state: &State, bodies: &mut Bodies) {
    for gateway in state.all(&["aws_ec2_transit_gateway"]) {
        let item = told(json!({
            "TransitGatewayId": text(gateway, "id"),
            "TransitGatewayArn": text(gateway, "arn"),
            "OwnerId": text(gateway, "owner_id"),
            "State": "available",
            "Options": {
                "AssociationDefaultRouteTableId": text(gateway, "association_default_route_table_id"),
                "PropagationDefaultRouteTableId": text(gateway, "propagation_default_route_table_id"),
                "DefaultRouteTableAssociation": text(gateway, "default_route_table_association"),
                "DefaultRouteTablePropagation": text(gateway, "default_route_table_propagation"),
                "SecurityGroupReferencingSupport":
                    text(gateway, "security_group_referencing_support"),
            },
            "Tags": tags(gateway, "tags_all"),
        }));
        let list = ("ec2-describe-transit-gateways", "TransitGateways");
        bodies.add(&state.place(gateway), list, item);
    }
    for attachment in state.all(&["aws_ec2_transit_gateway_vpc_attachment"]) {
        self::attachment(state, bodies, attachment);
    }
    for table in state.all(&["aws_ec2_transit_gateway_route_table"]) {
        let item = told(json!({
            "TransitGatewayRouteTableId": text(table, "id"),
            "TransitGatewayId": text(table, "transit_gateway_id"),
            "State": "available",
            "DefaultAssociationRouteTable": table.get("default_association_route_table"),
            "DefaultPropagationRouteTable": table.get("default_propagation_route_table"),
            "Tags": tags(table, "tags_all"),
        }));
        let place = state.place(table);
        let list = ("ec2-describe-transit-gateway-route-tables", "TransitGatewayRouteTables");
        bodies.add(&place, list, item);
        routes(state, bodies, &place, text(table, "id").unwrap_or_default());
    }
}

fn attachment(state: &State, bodies: &mut Bodies, attachment: &Value) {
    let place = state.place(attachment);
    let id = text(attachment, "id");
    let subnets: Vec<&str> = texts(attachment, "subnet_ids").collect();
    let association = state
        .all(&["aws_ec2_transit_gateway_route_table_association"])
        .find(|one| text(one, "transit_gateway_attachment_id") == id);
    let table = association.and_then(|one| text(one, "transit_gateway_route_table_id"));
    let association =
        table.map(|table| json!({"TransitGatewayRouteTableId": table, "State": "associated"}));
    let item = told(json!({
        "TransitGatewayAttachmentId": id,
        "TransitGatewayId": text(attachment, "transit_gateway_id"),
        "VpcId": text(attachment, "vpc_id"),
        "VpcOwnerId": text(attachment, "vpc_owner_id"),
        "State": "available",
        "SubnetIds": subnets,
        "Options": {
            "ApplianceModeSupport": text(attachment, "appliance_mode_support"),
            "Ipv6Support": text(attachment, "ipv6_support"),
            "SecurityGroupReferencingSupport":
                text(attachment, "security_group_referencing_support"),
        },
        "Tags": tags(attachment, "tags_all"),
    }));
    let list = ("ec2-describe-transit-gateway-vpc-attachments", "TransitGatewayVpcAttachments");
    bodies.add(&place, list, item);
    let item = told(json!({
        "TransitGatewayAttachmentId": id,
        "TransitGatewayId": text(attachment, "transit_gateway_id"),
        "ResourceType": "vpc",
        "ResourceId": text(attachment, "vpc_id"),
        "ResourceOwnerId": text(attachment, "vpc_owner_id"),
        "State": "available",
        "Association": association,
    }));
    let list = ("ec2-describe-transit-gateway-attachments", "TransitGatewayAttachments");
    bodies.add(&place, list, item);
}

/// The routes of a transit gateway's table that Terraform manages, and what fills the table.
fn routes(state: &State, bodies: &mut Bodies, place: &Place, table: &str) {
    let own = |kind: &'static str| {
        let all = state.by_kind.get(kind).into_iter().flatten().map(|one| &one.values);
        all.filter(move |one| text(one, "transit_gateway_route_table_id") == Some(table))
    };
    let resource = |attachment: Option<&str>| {
        let held =
            attachment.and_then(|id| state.find(&["aws_ec2_transit_gateway_vpc_attachment"], id));
        held.and_then(|one| text(one, "vpc_id")).map(str::to_owned)
    };
    let item = |one: &Value| {
        let attachment = text(one, "transit_gateway_attachment_id");
        json!({
            "TransitGatewayAttachmentId": attachment,
            "ResourceId": resource(attachment),
            "ResourceType": text(one, "resource_type").unwrap_or("vpc"),
        })
    };
    let mut propagations = Vec::new();
    for one in own("aws_ec2_transit_gateway_route_table_propagation") {
        let mut item = item(one);
        item["State"] = json!("enabled");
        propagations.push(told(item));
    }
    let body = json!({
        "TransitGatewayRouteTablePropagations": propagations, "NextToken": super::super::MORE,
    });
    bodies.about(place, "ec2-get-transit-gateway-route-table-propagations", table, body);
    let mut routes = Vec::new();
    for one in own("aws_ec2_transit_gateway_route") {
        let blackhole = one.get("blackhole").and_then(Value::as_bool) == Some(true);
        let attachments: Vec<Value> = if blackhole { Vec::new() } else { vec![told(item(one))] };
        routes.push(told(json!({
            "DestinationCidrBlock": text(one, "destination_cidr_block"),
            "TransitGatewayAttachments": attachments,
            "Type": "static",
            "State": if blackhole { "blackhole" } else { "active" },
        })));
    }
    let body = json!({"Routes": routes, "AdditionalRoutesAvailable": true});
    bodies.about(place, "ec2-search-transit-gateway-routes", table, body);
}
