//! VPCs, subnets, route tables and network ACLs.

use std::net::{Ipv4Addr, Ipv6Addr};

use serde_json::{Value, json};

use super::draft::{Draft, SubnetDraft, TableDraft, VpcDraft};
use super::{Feature, Size};

pub(super) const ZONES: [&str; 3] = ["a", "b", "c"];

pub(super) fn draw(draft: &mut Draft, size: &Size) {
    let count = draft.random.between(1, size.vpcs * 2 - 1);
    for at in 0..count {
        let region = if at == 0 { 0 } else { draft.random.below(draft.regions.len()) };
        let account = draft.random.below(draft.accounts.len());
        let overlapping = at > 0 && draft.random.chance(16);
        let number = u8::try_from(at).unwrap_or(0);
        let version_6 = draft.version_6 && draft.random.chance(80);
        let vpc = VpcDraft {
            id: draft.random.id("vpc"),
            account: draft.accounts.get(account).cloned().unwrap_or_default(),
            region: draft.regions.get(region).cloned().unwrap_or_default(),
            block: if overlapping { number - 1 } else { number },
            second_block: draft.random.chance(12).then_some(100 + number),
            version_6: version_6
                .then(|| Ipv6Addr::new(0x2600, 0x1f18, 0x4000, u16::from(number) << 8, 0, 0, 0, 0)),
            internet_gateway: None,
            main_table: draft.tables.len(),
        };
        draft.vpcs.push(vpc);
        let main = table(draft, at);
        draw_subnets(draft, size, at, main);
    }
    for at in 0..draft.vpcs.len() {
        draw_acls(draft, at);
    }
}

/// A table with the local routes.
pub(super) fn table(draft: &mut Draft, vpc: usize) -> usize {
    let at = draft.tables.len();
    let id = draft.random.id("rtb");
    draft.tables.push(TableDraft { id, vpc, gateway: None, routes: Vec::new() });
    let Some(body) = draft.vpcs.get(vpc).cloned() else { return at };
    let mut destinations = vec![format!("{}/16", body.network())];
    destinations.extend(body.second_block.map(|block| format!("10.{block}.0.0/16")));
    destinations.extend(body.version_6.map(|network| format!("{network}/56")));
    for destination in destinations {
        draft.add_route(at, &destination, "GatewayId", "local");
        if let Some(route) = draft.tables.get_mut(at).and_then(|table| table.routes.last_mut()) {
            route["Origin"] = json!("CreateRouteTable");
        }
    }
    at
}

fn draw_subnets(draft: &mut Draft, size: &Size, vpc: usize, main: usize) {
    let public_table = table(draft, vpc);
    let private_table = table(draft, vpc);
    let count = draft.random.between(2, (size.subnets_per_vpc * 2).saturating_sub(2).max(2));
    let Some(body) = draft.vpcs.get(vpc).cloned() else { return };
    for at in 0..count {
        let number = u8::try_from(at).unwrap_or(0);
        let public = at == 0 || draft.random.chance(30);
        let block = match body.second_block {
            Some(second) if at + 1 == count => second,
            _ => body.block,
        };
        let on_main = !public && draft.random.chance(25);
        let subnet = SubnetDraft {
            id: draft.random.id("subnet"),
            vpc,
            network: Ipv4Addr::new(10, block, number * 8, 0),
            version_6: body.version_6.filter(|_| draft.random.chance(85)).map(|network| {
                let [a, b, c, d, ..] = network.segments();
                Ipv6Addr::new(a, b, c, d | u16::from(number), 0, 0, 0, 0)
            }),
            zone: if at < 2 { at } else { draft.random.below(ZONES.len()) },
            public,
            table: if on_main {
                main
            } else if public {
                public_table
            } else {
                private_table
            },
            next: 10,
        };
        draft.subnets.push(subnet);
    }
}

/// The default ACL, and one with ordered entries for some subnets.
fn draw_acls(draft: &mut Draft, vpc: usize) {
    let mut subnets = draft.subnets_of(vpc);
    let mut strict = Vec::new();
    if draft.random.chance(45) && subnets.len() > 1 {
        for _ in 0..draft.random.between(1, 2) {
            if subnets.len() > 1 {
                let at = draft.random.below(subnets.len());
                strict.push(subnets.remove(at));
            }
        }
    }
    let tables: Vec<usize> =
        subnets.iter().filter_map(|at| draft.subnets.get(*at)).map(|one| one.table).collect();
    if (1..tables.len()).any(|at| tables.iter().skip(at).any(|one| tables.get(at - 1) == Some(one)))
    {
        draft.note(Feature::SubnetsAlike);
    }
    let everything = [entry(100, "-1", "allow", "0.0.0.0/0"), entry(101, "-1", "allow", "::/0")];
    let entries: Vec<Value> = everything
        .iter()
        .flat_map(|one| [directed(one, false), directed(one, true)])
        .chain(last_entries())
        .collect();
    emit_acl(draft, vpc, &subnets, true, entries);
    if !strict.is_empty() {
        let mut entries = ordered_entries(draft, vpc, false);
        entries.extend(ordered_entries(draft, vpc, true));
        entries.extend(last_entries());
        draft.note(Feature::OrderedAcl);
        emit_acl(draft, vpc, &strict, false, entries);
    }
}

fn ordered_entries(draft: &mut Draft, vpc: usize, egress: bool) -> Vec<Value> {
    let own = draft.vpcs.get(vpc).map(|vpc| format!("{}/16", vpc.network())).unwrap_or_default();
    let cuts = draft.random.chance(30);
    if cuts {
        draft.note(Feature::AclCutsSubnet);
    }
    let mut entries = Vec::new();
    let mut number = 0;
    let mut push = |mut one: Value| {
        number += 10;
        one["RuleNumber"] = json!(number);
        entries.push(directed(&one, egress));
    };
    if draft.random.chance(35) {
        push(with_ports(entry(0, "6", "deny", "0.0.0.0/0"), 22, 22));
    }
    if draft.random.chance(25) {
        push(with_icmp(entry(0, "1", "deny", "0.0.0.0/0"), 8, -1));
    }
    if draft.random.chance(20) {
        let half = own.replace(".0.0/16", ".8.0/21");
        push(entry(0, "17", "deny", &half));
    }
    if cuts {
        // Some of the addresses that the VPC's first two subnets hand out.
        let part = own.replace(".0.0/16", if egress { ".8.8/29" } else { ".0.8/29" });
        push(entry(0, "6", "deny", &part));
    }
    match draft.random.below(4) {
        // Replies only: what is asked from outside the VPC is refused.
        0 => {
            draft.note(Feature::EphemeralOnly);
            push(entry(0, "-1", "allow", &own));
            push(with_ports(entry(0, "6", "allow", "0.0.0.0/0"), 1024, 65535));
        }
        1 => {
            push(entry(0, "6", "allow", "0.0.0.0/0"));
            push(with_icmp(entry(0, "1", "allow", "0.0.0.0/0"), -1, -1));
            push(with_ports(entry(0, "17", "allow", "10.0.0.0/8"), 0, 65535));
        }
        2 => push(entry(0, "-1", "allow", "10.0.0.0/8")),
        _ => push(entry(0, "-1", "allow", "0.0.0.0/0")),
    }
    if draft.version_6 && draft.random.chance(70) {
        push(with_ports(entry(0, "6", "allow", "::/0"), 443, 65535));
        push(with_icmp(entry(0, "58", "allow", "::/0"), -1, -1));
    }
    // Order decides, not the place in the body.
    if draft.random.chance(30) {
        entries.reverse();
    }
    entries
}

fn entry(number: usize, protocol: &str, action: &str, prefix: &str) -> Value {
    let key = if prefix.contains(':') { "Ipv6CidrBlock" } else { "CidrBlock" };
    let mut entry = json!({"Protocol": protocol, "RuleAction": action, "RuleNumber": number});
    entry[key] = json!(prefix);
    entry
}

fn with_ports(mut entry: Value, from: u16, to: u16) -> Value {
    entry["PortRange"] = json!({"From": from, "To": to});
    entry
}

fn with_icmp(mut entry: Value, kind: i64, code: i64) -> Value {
    entry["IcmpTypeCode"] = json!({"Code": code, "Type": kind});
    entry
}

fn directed(entry: &Value, egress: bool) -> Value {
    let mut entry = entry.clone();
    entry["Egress"] = json!(egress);
    entry
}

/// The entries that end every ACL, as the call prints them.
fn last_entries() -> impl Iterator<Item = Value> {
    let last = [entry(32767, "-1", "deny", "0.0.0.0/0"), entry(32768, "-1", "deny", "::/0")];
    last.into_iter().flat_map(|one| [directed(&one, false), directed(&one, true)])
}

fn emit_acl(draft: &mut Draft, vpc: usize, subnets: &[usize], default: bool, entries: Vec<Value>) {
    let id = draft.random.id("acl");
    let Some(VpcDraft { id: vpc_id, account, .. }) = draft.vpcs.get(vpc).cloned() else { return };
    let mut associations = Vec::new();
    for at in subnets {
        let association = draft.random.id("aclassoc");
        let Some(subnet) = draft.subnets.get(*at) else { continue };
        associations.push(json!({
            "NetworkAclAssociationId": association, "NetworkAclId": id, "SubnetId": subnet.id,
        }));
    }
    let acl = json!({
        "Associations": associations, "Entries": entries, "IsDefault": default,
        "NetworkAclId": id, "Tags": [], "VpcId": vpc_id, "OwnerId": account,
    });
    draft.emit_for_vpc(vpc, "describe-network-acls", "NetworkAcls", acl);
}

/// The bodies of VPCs, subnets and route tables, once all routes are drawn.
pub(super) fn emit(draft: &mut Draft) {
    for at in 0..draft.vpcs.len() {
        let Some(vpc) = draft.vpcs.get(at).cloned() else { continue };
        let blocks = [Some(vpc.block), vpc.second_block].into_iter().flatten();
        let mut set = Vec::new();
        for block in blocks {
            let association = draft.random.id("vpc-cidr-assoc");
            set.push(json!({
                "AssociationId": association, "CidrBlock": format!("10.{block}.0.0/16"),
                "CidrBlockState": {"State": "associated"},
            }));
        }
        let mut body = json!({
            "OwnerId": vpc.account, "InstanceTenancy": "default", "CidrBlockAssociationSet": set,
            "IsDefault": false, "Tags": [], "VpcId": vpc.id, "State": "available",
            "CidrBlock": format!("{}/16", vpc.network()), "DhcpOptionsId": "dopt-0a1b2c3d4e5f60718",
        });
        if let Some(network) = vpc.version_6 {
            let association = draft.random.id("vpc-cidr-assoc");
            body["Ipv6CidrBlockAssociationSet"] =
                version_6_set(&association, &format!("{network}/56"));
        }
        draft.emit_for_vpc(at, "describe-vpcs", "Vpcs", body);
    }
    for subnet in draft.subnets.clone() {
        emit_subnet(draft, &subnet);
    }
    for at in 0..draft.tables.len() {
        emit_table(draft, at);
    }
}

fn version_6_set(association: &str, prefix: &str) -> Value {
    json!([{
        "AssociationId": association, "Ipv6CidrBlock": prefix,
        "Ipv6CidrBlockState": {"State": "associated"}, "NetworkBorderGroup": "us-east-1",
    }])
}

fn emit_subnet(draft: &mut Draft, subnet: &SubnetDraft) {
    let Some(vpc) = draft.vpcs.get(subnet.vpc).cloned() else { return };
    let region = draft.regions.iter().position(|region| *region == vpc.region).unwrap_or(0);
    let zone = ZONES.get(subnet.zone).copied().unwrap_or("a");
    let zone_id = format!("{}-az{}", if region == 0 { "use1" } else { "euw1" }, subnet.zone + 1);
    let mut body = json!({
        "AvailabilityZone": format!("{}{zone}", vpc.region), "AvailabilityZoneId": zone_id,
        "AvailableIpAddressCount": 240, "CidrBlock": format!("{}/24", subnet.network),
        "DefaultForAz": false, "MapPublicIpOnLaunch": subnet.public, "State": "available",
        "SubnetId": subnet.id, "VpcId": vpc.id, "OwnerId": vpc.account,
        "AssignIpv6AddressOnCreation": subnet.version_6.is_some(),
        "Ipv6CidrBlockAssociationSet": [], "Tags": [],
        "SubnetArn": format!("arn:aws:ec2:{}:{}:subnet/{}", vpc.region, vpc.account, subnet.id),
        "EnableDns64": false, "Ipv6Native": false,
    });
    if let Some(network) = subnet.version_6 {
        let association = draft.random.id("subnet-cidr-assoc");
        body["Ipv6CidrBlockAssociationSet"] = version_6_set(&association, &format!("{network}/64"));
    }
    draft.emit_for_vpc(subnet.vpc, "describe-subnets", "Subnets", body);
}

fn emit_table(draft: &mut Draft, at: usize) {
    let Some(table) = draft.tables.get(at).cloned() else { return };
    let Some(vpc) = draft.vpcs.get(table.vpc).cloned() else { return };
    let mut associations = Vec::new();
    let associate = |association: String, field: Option<(&str, &str)>| {
        let mut one = json!({
            "Main": field.is_none(), "RouteTableAssociationId": association,
            "RouteTableId": table.id, "AssociationState": {"State": "associated"},
        });
        if let Some((field, id)) = field {
            one[field] = json!(id);
        }
        one
    };
    if vpc.main_table == at {
        associations.push(associate(draft.random.id("rtbassoc"), None));
    } else if let Some(gateway) = &table.gateway {
        let association = draft.random.id("rtbassoc");
        associations.push(associate(association, Some(("GatewayId", gateway))));
    } else {
        for subnet in draft.subnets.clone().iter().filter(|subnet| subnet.table == at) {
            let association = draft.random.id("rtbassoc");
            associations.push(associate(association, Some(("SubnetId", &subnet.id))));
        }
    }
    let body = json!({
        "Associations": associations, "PropagatingVgws": [], "RouteTableId": table.id,
        "Routes": table.routes, "Tags": [], "VpcId": vpc.id, "OwnerId": vpc.account,
    });
    draft.emit_for_vpc(table.vpc, "describe-route-tables", "RouteTables", body);
}
