//! Gateways of a VPC, and the routes to them.

use serde_json::{Value, json};

use super::Feature;
use super::draft::Draft;
use super::machines;
use super::vpcs;

pub(super) fn draw(draft: &mut Draft) {
    for vpc in 0..draft.vpcs.len() {
        let Some(tables) = Tables::of(draft, vpc) else { continue };
        draw_internet_gateway(draft, vpc, &tables);
        draw_nats(draft, vpc, &tables);
        draw_egress_only_gateway(draft, vpc, &tables);
        draw_vpn_gateway(draft, vpc, &tables);
        draw_gateway_endpoint(draft, vpc, &tables);
        draw_blackhole(draft, &tables);
        draw_forwarder(draft, vpc, &tables);
        draw_inspection(draft, vpc, &tables);
    }
    draw_public_access(draft);
}

/// A VPC's tables and its public subnets.
struct Tables {
    main: usize,
    public: usize,
    private: usize,
    subnets: Vec<usize>,
    public_subnets: Vec<usize>,
}

impl Tables {
    fn of(draft: &Draft, vpc: usize) -> Option<Self> {
        let tables = draft.tables_of(vpc);
        let [main, public, private] = tables.first_chunk().copied()?;
        let subnets = draft.subnets_of(vpc);
        let is_public = |at: &usize| draft.subnets.get(*at).is_some_and(|subnet| subnet.public);
        let public_subnets = subnets.iter().copied().filter(is_public).collect();
        Some(Self { main, public, private, subnets, public_subnets })
    }

    /// The first table that subnets use and that is not the public one.
    fn inner(&self, draft: &mut Draft) -> usize {
        if draft.random.chance(25) { self.main } else { self.private }
    }
}

fn id_of(draft: &Draft, vpc: usize) -> String {
    draft.vpcs.get(vpc).map(|vpc| vpc.id.clone()).unwrap_or_default()
}

fn owner_of(draft: &Draft, vpc: usize) -> String {
    draft.vpcs.get(vpc).map(|vpc| vpc.account.clone()).unwrap_or_default()
}

fn draw_internet_gateway(draft: &mut Draft, vpc: usize, tables: &Tables) {
    if !draft.random.chance(72) {
        return;
    }
    let id = draft.random.id("igw");
    // A gateway that somebody detached leaves its routes behind.
    let attached = draft.random.chance(96);
    let attachments = if attached {
        json!([{"State": "available", "VpcId": id_of(draft, vpc)}])
    } else {
        json!([])
    };
    let body = json!({
        "Attachments": attachments, "InternetGatewayId": id, "OwnerId": owner_of(draft, vpc),
        "Tags": [],
    });
    draft.emit_for_vpc(vpc, "describe-internet-gateways", "InternetGateways", body);
    draft.note(Feature::InternetGateway);
    draft.add_route(tables.public, "0.0.0.0/0", "GatewayId", &id);
    if draft.random.chance(80) && draft.vpcs.get(vpc).is_some_and(|vpc| vpc.version_6.is_some()) {
        draft.add_route(tables.public, "::/0", "GatewayId", &id);
    }
    if let Some(vpc) = draft.vpcs.get_mut(vpc).filter(|_| attached) {
        vpc.internet_gateway = Some(id);
    }
}

fn draw_nats(draft: &mut Draft, vpc: usize, tables: &Tables) {
    let open = draft.vpcs.get(vpc).is_some_and(|vpc| vpc.internet_gateway.is_some());
    if open && draft.random.chance(50) {
        let id = draw_nat(draft, vpc, tables, true);
        draft.note(Feature::PublicNat);
        let dead = draft.random.chance(7);
        let state = if dead { "blackhole" } else { "active" };
        for table in [tables.private, tables.main] {
            if draft.random.chance(75) {
                draft.add_route_in_state(table, "0.0.0.0/0", ("NatGatewayId", &id), state);
            }
        }
        if draft.random.chance(12) {
            draft.add_route(tables.public, "203.0.113.0/24", "NatGatewayId", &id);
            draft.note(Feature::NatBesideClients);
        }
        if draft.version_6 && draft.random.chance(40) {
            draft.add_route(tables.private, "64:ff9b::/96", "NatGatewayId", &id);
        }
    }
    if draft.random.chance(12) {
        let id = draw_nat(draft, vpc, tables, false);
        draft.note(Feature::PrivateNat);
        let destination = if draft.random.chance(50) { "10.0.0.0/8" } else { "172.16.0.0/12" };
        draft.add_route(tables.private, destination, "NatGatewayId", &id);
    }
}

fn draw_nat(draft: &mut Draft, vpc: usize, tables: &Tables, public: bool) -> String {
    let id = draft.random.id("nat");
    let subnet = draft.random.pick(&tables.public_subnets).copied().unwrap_or(0);
    let description = format!("Interface for NAT Gateway {id}");
    let at = machines::add(draft, subnet, "nat_gateway", &description);
    let address = public.then(|| machines::public_address(draft));
    let owner = owner_of(draft, vpc);
    let Some(interface) = draft.interfaces.get_mut(at) else { return id };
    interface.groups.clear();
    interface.version_6 = None;
    interface.public = address;
    interface.source_dest_check = false;
    interface.account = owner;
    let mut one = json!({
        "NetworkInterfaceId": interface.id, "IsPrimary": true, "Status": "succeeded",
        "PrivateIp": interface.addresses.first().map(ToString::to_string),
    });
    if let Some(address) = address {
        one["PublicIp"] = json!(address.to_string());
    }
    let subnet = draft.subnets.get(subnet).map(|subnet| subnet.id.clone());
    let state = if draft.random.chance(94) { "available" } else { "deleted" };
    let body = json!({
        "CreateTime": "2024-03-01T00:00:00+00:00", "NatGatewayAddresses": [one],
        "NatGatewayId": id, "State": state, "SubnetId": subnet, "VpcId": id_of(draft, vpc),
        "Tags": [], "ConnectivityType": if public { "public" } else { "private" },
    });
    draft.emit_for_vpc(vpc, "describe-nat-gateways", "NatGateways", body);
    id
}

fn draw_egress_only_gateway(draft: &mut Draft, vpc: usize, tables: &Tables) {
    let version_6 = draft.vpcs.get(vpc).is_some_and(|vpc| vpc.version_6.is_some());
    if !version_6 || !draft.random.chance(60) {
        return;
    }
    let id = draft.random.id("eigw");
    let body = json!({
        "Attachments": [{"State": "attached", "VpcId": id_of(draft, vpc)}],
        "EgressOnlyInternetGatewayId": id, "Tags": [],
    });
    let call = "describe-egress-only-internet-gateways";
    draft.emit_for_vpc(vpc, call, "EgressOnlyInternetGateways", body);
    draft.note(Feature::EgressOnlyGateway);
    draft.add_route(tables.private, "::/0", "EgressOnlyInternetGatewayId", &id);
}

fn draw_vpn_gateway(draft: &mut Draft, vpc: usize, tables: &Tables) {
    if !draft.random.chance(14) {
        return;
    }
    let id = draft.random.id("vgw");
    let customer = draft.random.id("cgw");
    let connection = draft.random.id("vpn");
    let body = json!({
        "State": "available", "Type": "ipsec.1", "VpnGatewayId": id, "AmazonSideAsn": 64512,
        "VpcAttachments": [{"State": "attached", "VpcId": id_of(draft, vpc)}], "Tags": [],
    });
    draft.emit_for_vpc(vpc, "describe-vpn-gateways", "VpnGateways", body);
    let body = json!({
        "CustomerGatewayId": customer, "IpAddress": "203.0.113.9", "BgpAsn": "65000",
        "State": "available", "Type": "ipsec.1", "Tags": [],
    });
    draft.emit_for_vpc(vpc, "describe-customer-gateways", "CustomerGateways", body);
    let body = json!({
        "VpnConnectionId": connection, "VpnGatewayId": id, "CustomerGatewayId": customer,
        "State": "available", "Type": "ipsec.1", "Category": "VPN", "Tags": [],
        "Options": {"StaticRoutesOnly": true}, "Routes": [], "VgwTelemetry": [],
    });
    draft.emit_for_vpc(vpc, "describe-vpn-connections", "VpnConnections", body);
    draft.note(Feature::VpnGateway);
    draft.outside.push(id.clone());
    for table in [tables.private, tables.public] {
        draft.add_route(table, "172.16.0.0/12", "GatewayId", &id);
        if let Some(route) = draft.tables.get_mut(table).and_then(|table| table.routes.last_mut())
            && route["GatewayId"] == id.as_str()
        {
            route["Origin"] = json!("EnableVgwRoutePropagation");
        }
    }
    if draft.random.chance(25) {
        edge_table(draft, vpc, &id, None);
    }
}

/// A gateway's table: the local routes, and perhaps one subnet through something else.
fn edge_table(draft: &mut Draft, vpc: usize, gateway: &str, through: Option<(usize, &str, &str)>) {
    let at = vpcs::table(draft, vpc);
    if let Some(table) = draft.tables.get_mut(at) {
        table.gateway = Some(gateway.to_owned());
    }
    if let Some((subnet, field, id)) = through
        && let Some(subnet) = draft.subnets.get(subnet)
    {
        let destination = format!("{}/24", subnet.network);
        draft.add_route(at, &destination, field, id);
    }
    draft.note(Feature::EdgeTable);
}

fn draw_gateway_endpoint(draft: &mut Draft, vpc: usize, tables: &Tables) {
    if !draft.random.chance(15) {
        return;
    }
    let id = draft.random.id("vpce");
    let list = draft.random.id("pl");
    let region = draft.vpcs.get(vpc).map(|vpc| vpc.region.clone()).unwrap_or_default();
    let service = format!("com.amazonaws.{region}.s3");
    let body = json!({
        "PrefixListId": list, "PrefixListName": service,
        "Cidrs": ["52.216.0.0/15", "3.5.0.0/19"],
    });
    draft.emit_for_vpc(vpc, "describe-prefix-lists", "PrefixLists", body);
    let route_tables: Vec<Value> = [tables.private, tables.public]
        .iter()
        .filter_map(|at| draft.tables.get(*at))
        .map(|table| json!(table.id))
        .collect();
    let body = json!({
        "VpcEndpointId": id, "VpcEndpointType": "Gateway", "VpcId": id_of(draft, vpc),
        "ServiceName": service, "State": "available", "RouteTableIds": route_tables,
        "SubnetIds": [], "Groups": [], "PrivateDnsEnabled": false, "RequesterManaged": false,
        "NetworkInterfaceIds": [], "DnsEntries": [], "Tags": [], "OwnerId": owner_of(draft, vpc),
    });
    draft.emit_for_vpc(vpc, "describe-vpc-endpoints", "VpcEndpoints", body);
    draft.note(Feature::GatewayEndpoint);
    for table in [tables.private, tables.public] {
        draft.add_route(table, &list, "GatewayId", &id);
    }
}

fn draw_blackhole(draft: &mut Draft, tables: &Tables) {
    if !draft.random.chance(9) {
        return;
    }
    draft.note(Feature::Blackhole);
    let table = tables.inner(draft);
    let (field, kind) = if draft.random.chance(50) {
        ("NatGatewayId", "nat")
    } else {
        ("VpcPeeringConnectionId", "pcx")
    };
    let id = draft.random.id(kind);
    draft.add_route_in_state(table, "198.51.0.0/16", (field, &id), "blackhole");
    // A target that is gone although the route is not marked.
    if draft.random.chance(40) {
        let id = draft.random.id("eni");
        draft.add_route(table, "192.0.2.0/24", "NetworkInterfaceId", &id);
    }
}

/// An interface that forwards, or that would if its check let it.
fn draw_forwarder(draft: &mut Draft, vpc: usize, tables: &Tables) {
    if !draft.random.chance(10) {
        return;
    }
    let inner = |at: &usize| {
        let interface = draft.interfaces.get(*at);
        interface.is_some_and(|one| one.instance.is_some() && one.device_index == 0)
            && interface
                .and_then(|one| draft.subnets.get(one.subnet))
                .is_some_and(|subnet| subnet.vpc == vpc && subnet.public)
    };
    let candidates: Vec<usize> = (0..draft.interfaces.len()).filter(inner).collect();
    let Some(at) = draft.random.pick(&candidates).copied() else { return };
    let checked = draft.random.chance(40);
    let Some(interface) = draft.interfaces.get_mut(at) else { return };
    interface.source_dest_check = checked;
    let id = interface.id.clone();
    let instance = interface.instance.clone().unwrap_or_default();
    draft.note(if checked { Feature::CheckedForwarder } else { Feature::Forwarder });
    let subnet = draft.random.pick(&tables.subnets).and_then(|at| draft.subnets.get(*at));
    let inside = subnet.map(|subnet| format!("{}/24", subnet.network)).unwrap_or_default();
    let destination = match draft.random.below(3) {
        0 => inside,
        1 => "198.51.100.0/24".to_owned(),
        _ => "0.0.0.0/0".to_owned(),
    };
    // The call prints an instance's route with both ids.
    draft.add_route(tables.private, &destination, "NetworkInterfaceId", &id);
    if let Some(route) = draft.tables.get_mut(tables.private).and_then(|one| one.routes.last_mut())
        && route["NetworkInterfaceId"] == id.as_str()
    {
        route["InstanceId"] = json!(instance);
    }
}

/// A firewall behind a Gateway Load Balancer endpoint, often in the way from the internet.
fn draw_inspection(draft: &mut Draft, vpc: usize, tables: &Tables) {
    let gateway = draft.vpcs.get(vpc).and_then(|vpc| vpc.internet_gateway.clone());
    if !draft.random.chance(12) {
        if let Some(gateway) = gateway.filter(|_| draft.random.chance(6)) {
            edge_table(draft, vpc, &gateway, None);
        }
        return;
    }
    let id = draft.random.id("vpce");
    let Some(at) = draft.random.pick(&tables.public_subnets).copied() else { return };
    let subnet = draft.subnets.get(at).map(|subnet| subnet.id.clone());
    let interface = machines::add(
        draft,
        at,
        "gateway_load_balancer_endpoint",
        &format!("VPC Endpoint Interface {id}"),
    );
    let owner = owner_of(draft, vpc);
    if let Some(interface) = draft.interfaces.get_mut(interface) {
        interface.groups.clear();
        interface.account.clone_from(&owner);
    }
    let interface = draft.interfaces.get(interface).map(|one| one.id.clone());
    let body = json!({
        "VpcEndpointId": id, "VpcEndpointType": "GatewayLoadBalancer", "VpcId": id_of(draft, vpc),
        "ServiceName": "com.amazonaws.vpce.us-east-1.vpce-svc-0123456789abcdef0",
        "State": "available", "RouteTableIds": [], "SubnetIds": [subnet], "Groups": [],
        "PrivateDnsEnabled": false, "RequesterManaged": false, "DnsEntries": [], "Tags": [],
        "NetworkInterfaceIds": [interface], "OwnerId": owner,
    });
    draft.emit_for_vpc(vpc, "describe-vpc-endpoints", "VpcEndpoints", body);
    draft.note(Feature::InspectionEndpoint);
    let destination = if draft.random.chance(50) { "0.0.0.0/0" } else { "198.51.100.0/24" };
    draft.add_route(tables.private, destination, "GatewayId", &id);
    if let Some(gateway) = gateway.filter(|_| draft.random.chance(60)) {
        let protected = draft.random.pick(&tables.public_subnets).copied().unwrap_or(at);
        edge_table(draft, vpc, &gateway, Some((protected, "GatewayId", &id)));
    }
}

fn draw_public_access(draft: &mut Draft) {
    if !draft.random.chance(16) {
        return;
    }
    draft.note(Feature::PublicAccessBlocked);
    for account in draft.accounts.clone() {
        for region in draft.regions.clone() {
            let mode = ["off", "block-bidirectional", "block-ingress"];
            let mode = draft.random.pick(&mode).copied().unwrap_or("off");
            let name = "describe-vpc-block-public-access-options";
            let body = json!({"VpcBlockPublicAccessOptions": {
                "AwsAccountId": account, "AwsRegion": region, "State": "update-complete",
                "InternetGatewayBlockMode": mode, "ManagedBy": "account",
                "ExclusionsAllowed": "allowed", "Reason": "",
                "LastUpdateTimestamp": "2025-01-01T00:00:00+00:00",
            }});
            draft.emit_body(&account, &region, name, body);
        }
    }
    for vpc in 0..draft.vpcs.len() {
        if draft.random.chance(35) {
            draw_exclusion(draft, vpc);
        }
    }
}

fn draw_exclusion(draft: &mut Draft, vpc: usize) {
    let Some(body) = draft.vpcs.get(vpc).cloned() else { return };
    let subnets = draft.subnets_of(vpc);
    let subnet = draft.random.pick(&subnets).and_then(|at| draft.subnets.get(*at)).cloned();
    let resource = match subnet.filter(|_| draft.random.chance(50)) {
        Some(subnet) => format!("subnet/{}", subnet.id),
        None => format!("vpc/{}", body.id),
    };
    let mode = if draft.random.chance(60) { "allow-bidirectional" } else { "allow-egress" };
    let state = if draft.random.chance(90) { "create-complete" } else { "delete-complete" };
    let id = draft.random.id("vpcbpa-exclude");
    let exclusion = json!({
        "ExclusionId": id, "InternetGatewayExclusionMode": mode, "State": state, "Tags": [],
        "ResourceArn": format!("arn:aws:ec2:{}:{}:{resource}", body.region, body.account),
    });
    let call = "describe-vpc-block-public-access-exclusions";
    draft.emit_for_vpc(vpc, call, "VpcBlockPublicAccessExclusions", exclusion);
    draft.note(Feature::PublicAccessExclusion);
}
