//! What lies between VPCs: peerings and transit gateways.

use serde_json::{Value, json};

use super::Feature;
use super::draft::{Draft, VpcDraft};

pub(super) fn draw(draft: &mut Draft) {
    draw_peerings(draft);
    if draft.random.chance(42) {
        let first = draw_transit_gateway(draft, 0);
        if draft.random.chance(45) {
            let region = draft.random.below(draft.regions.len());
            let second = draw_transit_gateway(draft, region);
            draw_transit_peering(draft, first, second);
        }
    }
}

fn draw_peerings(draft: &mut Draft) {
    let count = draft.vpcs.len();
    for _ in 0..draft.random.between(0, 2) {
        let (one, other) = (draft.random.below(count), draft.random.below(count));
        if one == other || draft.overlap(one, other) || draft.connected.contains(&(one, other)) {
            continue;
        }
        let (Some(a), Some(b)) = (draft.vpcs.get(one).cloned(), draft.vpcs.get(other).cloned())
        else {
            continue;
        };
        let id = draft.random.id("pcx");
        let status = if draft.random.chance(92) { "active" } else { "deleted" };
        let body = json!({
            "AccepterVpcInfo": side(&b), "RequesterVpcInfo": side(&a),
            "Status": {"Code": status, "Message": ""}, "Tags": [], "VpcPeeringConnectionId": id,
        });
        let call = "describe-vpc-peering-connections";
        draft.emit_for_vpc(one, call, "VpcPeeringConnections", body.clone());
        if (&a.account, &a.region) != (&b.account, &b.region) {
            draft.emit_for_vpc(other, call, "VpcPeeringConnections", body);
        }
        draft.note(Feature::Peering);
        draft.connected.push((one, other));
        for (from, to) in [(one, &b), (other, &a)] {
            let wide = draft.random.chance(15);
            for table in draft.tables_of(from) {
                if draft.random.chance(88) {
                    let network = to.network();
                    // A wide route also leads where the peer has no addresses.
                    let length = if wide { 13 } else { 16 };
                    let field = "VpcPeeringConnectionId";
                    draft.add_route(
                        table,
                        &format!("{}/{length}", cut(network, length)),
                        field,
                        &id,
                    );
                    if let Some(network) = to.version_6 {
                        draft.add_route(table, &format!("{network}/56"), field, &id);
                    }
                }
            }
        }
    }
}

fn cut(network: std::net::Ipv4Addr, length: u32) -> std::net::Ipv4Addr {
    let kept = u32::MAX.checked_shl(32 - length).unwrap_or(0);
    std::net::Ipv4Addr::from_bits(network.to_bits() & kept)
}

fn side(vpc: &VpcDraft) -> Value {
    let mut set = vec![json!({"CidrBlock": format!("{}/16", vpc.network())})];
    set.extend(vpc.second_block.map(|block| json!({"CidrBlock": format!("10.{block}.0.0/16")})));
    let mut body = json!({
        "CidrBlock": format!("{}/16", vpc.network()), "CidrBlockSet": set,
        "OwnerId": vpc.account, "VpcId": vpc.id, "Region": vpc.region,
        "PeeringOptions": {"AllowDnsResolutionFromRemoteVpc": false},
    });
    if let Some(network) = vpc.version_6 {
        body["Ipv6CidrBlockSet"] = json!([{"Ipv6CidrBlock": format!("{network}/56")}]);
    }
    body
}

/// A transit gateway as later steps need it.
struct Transit {
    id: String,
    account: String,
    region: String,
    tables: Vec<String>,
    routes: Vec<Vec<Value>>,
    /// The positions of the attached VPCs.
    vpcs: Vec<usize>,
}

fn draw_transit_gateway(draft: &mut Draft, region: usize) -> Transit {
    let account = draft.accounts.first().cloned().unwrap_or_default();
    let region = draft.regions.get(region).cloned().unwrap_or_default();
    let count = draft.random.between(1, 2);
    let tables: Vec<String> = (0..count).map(|_| draft.random.id("tgw-rtb")).collect();
    let id = draft.random.id("tgw");
    let mut transit =
        Transit { id, account, region, routes: vec![Vec::new(); count], tables, vpcs: Vec::new() };
    draft.note(Feature::TransitGateway);
    let references = if draft.random.chance(65) { "enable" } else { "disable" };
    let body = json!({
        "TransitGatewayId": transit.id, "State": "available", "OwnerId": transit.account,
        "TransitGatewayArn": format!(
            "arn:aws:ec2:{}:{}:transit-gateway/{}", transit.region, transit.account, transit.id
        ),
        "Description": "", "CreationTime": "2024-01-01T00:00:00+00:00", "Tags": [],
        "Options": {
            "AmazonSideAsn": 64512, "AutoAcceptSharedAttachments": "disable",
            "DefaultRouteTableAssociation": "disable", "DefaultRouteTablePropagation": "disable",
            "VpnEcmpSupport": "enable", "DnsSupport": "enable", "MulticastSupport": "disable",
            "SecurityGroupReferencingSupport": references,
        },
    });
    emit(draft, &transit, "describe-transit-gateways", "TransitGateways", body);
    for table in transit.tables.clone() {
        let body = json!({
            "TransitGatewayRouteTableId": table, "TransitGatewayId": transit.id,
            "State": "available", "DefaultAssociationRouteTable": false,
            "DefaultPropagationRouteTable": false, "Tags": [],
        });
        let call = "describe-transit-gateway-route-tables";
        emit(draft, &transit, call, "TransitGatewayRouteTables", body);
    }
    attach_vpcs(draft, &mut transit);
    if draft.random.chance(35) {
        attach_vpn(draft, &mut transit);
    }
    draw_static_routes(draft, &mut transit);
    emit_routes(draft, &transit);
    transit
}

fn emit(draft: &mut Draft, transit: &Transit, call: &str, key: &str, body: Value) {
    draft.emit(&transit.account, &transit.region, call, key, body);
}

fn attach_vpcs(draft: &mut Draft, transit: &mut Transit) {
    for vpc in 0..draft.vpcs.len() {
        let Some(body) = draft.vpcs.get(vpc).cloned() else { continue };
        let overlap = transit.vpcs.iter().any(|other| draft.overlap(vpc, *other));
        let fits = body.region == transit.region && (!overlap || draft.random.chance(70));
        if !fits || !draft.random.chance(75) {
            continue;
        }
        if overlap {
            draft.note(Feature::OverlapAtTransit);
        }
        let attachment = draft.random.id("tgw-attach");
        attach_vpc(draft, transit, vpc, &attachment);
        for other in transit.vpcs.clone() {
            draft.connected.push((vpc, other));
        }
        transit.vpcs.push(vpc);
        let destination = match draft.random.below(3) {
            0 => "10.0.0.0/8",
            1 => "10.0.0.0/9",
            _ => "0.0.0.0/0",
        };
        for table in draft.tables_of(vpc) {
            if draft.random.chance(85) {
                let id = transit.id.clone();
                draft.add_route(table, destination, "TransitGatewayId", &id);
                if body.version_6.is_some() {
                    draft.add_route(table, "2600:1f18:4000::/48", "TransitGatewayId", &id);
                }
            }
        }
    }
}

/// One subnet in each zone, or in one zone only.
fn attach_vpc(draft: &mut Draft, transit: &mut Transit, vpc: usize, attachment: &str) {
    let Some(body) = draft.vpcs.get(vpc).cloned() else { return };
    let most = if draft.random.chance(70) { 3 } else { 1 };
    let mut zones = Vec::new();
    let mut subnets = Vec::new();
    for at in draft.subnets_of(vpc).into_iter().rev() {
        let Some(subnet) = draft.subnets.get(at) else { continue };
        if zones.len() < most && !zones.contains(&subnet.zone) {
            zones.push(subnet.zone);
            subnets.push(subnet.id.clone());
        }
    }
    let references = if draft.random.chance(80) { "enable" } else { "disable" };
    let state = if draft.random.chance(95) { "available" } else { "deleted" };
    let call = "describe-transit-gateway-vpc-attachments";
    let one = json!({
        "TransitGatewayAttachmentId": attachment, "TransitGatewayId": transit.id,
        "VpcId": body.id, "VpcOwnerId": body.account, "State": state, "SubnetIds": subnets,
        "CreationTime": "2024-01-01T00:00:00+00:00", "Tags": [],
        "Options": {
            "DnsSupport": "enable", "SecurityGroupReferencingSupport": references,
            "Ipv6Support": "enable", "ApplianceModeSupport": "disable",
        },
    });
    emit(draft, transit, call, "TransitGatewayVpcAttachments", one);
    emit_attachment(draft, transit, (attachment, "vpc", &body.id, state), false);
    let prefixes = [
        Some(format!("{}/16", body.network())),
        body.second_block.map(|block| format!("10.{block}.0.0/16")),
        body.version_6.map(|network| format!("{network}/56")),
    ];
    if state != "available" {
        return;
    }
    for prefix in prefixes.into_iter().flatten() {
        for table in 0..transit.tables.len() {
            if draft.random.chance(85) {
                let route = route(&prefix, "propagated", Some((attachment, "vpc", &body.id)));
                transit.push(table, route);
            }
        }
    }
}

impl Transit {
    fn push(&mut self, table: usize, route: Value) {
        let Some(routes) = self.routes.get_mut(table) else { return };
        let same = |one: &Value| {
            one["DestinationCidrBlock"] == route["DestinationCidrBlock"]
                && one["Type"] == route["Type"]
        };
        // A table holds one static and one learnt route for a prefix.
        if !routes.iter().any(same) {
            routes.push(route);
        }
    }
}

fn route(prefix: &str, kind: &str, attachment: Option<(&str, &str, &str)>) -> Value {
    let attachments: Vec<Value> = attachment
        .into_iter()
        .map(|(id, kind, resource)| {
            json!({
                "ResourceId": resource, "TransitGatewayAttachmentId": id, "ResourceType": kind,
            })
        })
        .collect();
    let state = if attachments.is_empty() { "blackhole" } else { "active" };
    let mut route = json!({"DestinationCidrBlock": prefix, "Type": kind, "State": state});
    if !attachments.is_empty() {
        route["TransitGatewayAttachments"] = json!(attachments);
    }
    route
}

/// The attachment's own body, with the table that it is associated with if it is with one.
fn emit_attachment(
    draft: &mut Draft,
    transit: &Transit,
    (id, kind, resource, state): (&str, &str, &str, &str),
    always: bool,
) {
    let mut body = json!({
        "TransitGatewayAttachmentId": id, "TransitGatewayId": transit.id,
        "TransitGatewayOwnerId": transit.account, "ResourceOwnerId": transit.account,
        "ResourceType": kind, "ResourceId": resource, "State": state, "Tags": [],
        "CreationTime": "2024-01-01T00:00:00+00:00",
    });
    if always || draft.random.chance(95) {
        let table = draft.random.pick(&transit.tables);
        body["Association"] = json!({"TransitGatewayRouteTableId": table, "State": "associated"});
    }
    let call = "describe-transit-gateway-attachments";
    emit(draft, transit, call, "TransitGatewayAttachments", body);
}

fn attach_vpn(draft: &mut Draft, transit: &mut Transit) {
    let attachment = draft.random.id("tgw-attach");
    let connection = draft.random.id("vpn");
    let customer = draft.random.id("cgw");
    emit_attachment(draft, transit, (&attachment, "vpn", &connection, "available"), true);
    let body = json!({
        "VpnConnectionId": connection, "TransitGatewayId": transit.id, "Category": "VPN",
        "CustomerGatewayId": customer, "State": "available", "Type": "ipsec.1", "Tags": [],
        "Options": {"StaticRoutesOnly": false}, "Routes": [], "VgwTelemetry": [],
    });
    emit(draft, transit, "describe-vpn-connections", "VpnConnections", body);
    for table in 0..transit.tables.len() {
        let to = Some((attachment.as_str(), "vpn", connection.as_str()));
        transit.push(table, route("172.16.0.0/12", "propagated", to));
    }
    draft.outside.push(connection);
    draft.note(Feature::TransitVpn);
}

fn draw_static_routes(draft: &mut Draft, transit: &mut Transit) {
    for at in 0..transit.tables.len() {
        if draft.random.chance(20) {
            let block = draft.random.below(draft.vpcs.len());
            transit.push(at, route(&format!("10.{block}.16.0/21"), "static", None));
        }
        // One VPC's way out serves the others.
        if draft.random.chance(35)
            && let Some(body) = draft.random.pick(&transit.vpcs).and_then(|at| draft.vpcs.get(*at))
        {
            let id = body.id.clone();
            let attachment = transit.routes.iter().flatten().find_map(|route| {
                let attachment = &route["TransitGatewayAttachments"][0];
                (attachment["ResourceId"] == id.as_str())
                    .then(|| attachment["TransitGatewayAttachmentId"].as_str().map(str::to_owned))
            });
            if let Some(attachment) = attachment.flatten() {
                transit.push(at, route("0.0.0.0/0", "static", Some((&attachment, "vpc", &id))));
            }
        }
    }
}

fn emit_routes(draft: &mut Draft, transit: &Transit) {
    for (table, routes) in transit.tables.iter().zip(&transit.routes) {
        let body = json!({"Routes": routes, "AdditionalRoutesAvailable": false});
        let name = format!("search-transit-gateway-routes-{table}");
        draft.emit_body(&transit.account, &transit.region, &name, body);
    }
}

fn draw_transit_peering(draft: &mut Draft, mut first: Transit, mut second: Transit) {
    let attachment = draft.random.id("tgw-attach");
    let info = |transit: &Transit| {
        json!({
            "TransitGatewayId": transit.id, "OwnerId": transit.account, "Region": transit.region,
        })
    };
    let body = json!({
        "TransitGatewayAttachmentId": attachment, "RequesterTgwInfo": info(&first),
        "AccepterTgwInfo": info(&second), "State": "available", "Tags": [],
        "Status": {"Code": "available", "Message": "Available"},
        "CreationTime": "2024-01-01T00:00:00+00:00",
    });
    let call = "describe-transit-gateway-peering-attachments";
    emit(draft, &first, call, "TransitGatewayPeeringAttachments", body.clone());
    if first.region != second.region {
        emit(draft, &second, call, "TransitGatewayPeeringAttachments", body);
    }
    draft.note(Feature::TransitPeering);
    let sides = [(second.id.clone(), second.vpcs.clone()), (first.id.clone(), first.vpcs.clone())];
    for (transit, (other, vpcs)) in [&mut first, &mut second].into_iter().zip(sides) {
        emit_attachment(draft, transit, (&attachment, "peering", &other, "available"), true);
        for table in 0..transit.tables.len() {
            let to = Some((attachment.as_str(), "peering", other.as_str()));
            for vpc in vpcs.iter().filter_map(|at| draft.vpcs.get(*at)) {
                transit.push(table, route(&format!("{}/16", vpc.network()), "static", to));
            }
            if draft.random.chance(20) {
                transit.push(table, route("10.0.0.0/8", "static", to));
            }
        }
        emit_routes(draft, transit);
    }
}
