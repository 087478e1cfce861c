//! Instances, interfaces and public addresses.

use std::net::{Ipv4Addr, Ipv6Addr};

use serde_json::{Value, json};

use super::draft::{Draft, InterfaceDraft};
use super::vpcs::ZONES;
use super::{Feature, Size};

pub(super) fn draw(draft: &mut Draft, size: &Size) {
    for subnet in 0..draft.subnets.len() {
        let most = (size.interfaces_per_subnet * 2).saturating_sub(1).max(1);
        for _ in 0..draft.random.between(1, most) {
            draw_one(draft, subnet);
        }
    }
    for vpc in 0..draft.vpcs.len() {
        if draft.random.chance(22) {
            draw_replicas(draft, vpc, size);
        }
    }
}

/// A service: machines with the same groups, several in each of some subnets.
fn draw_replicas(draft: &mut Draft, vpc: usize, size: &Size) {
    let choices = draft.groups_of(vpc);
    let groups: Vec<usize> = draft.random.pick(&choices).copied().into_iter().collect();
    let spread = draft.random.between(1, 2);
    let version_6 = draft.random.chance(70);
    let is_public = draft.random.chance(50);
    let mut subnets = draft.subnets_of(vpc);
    let mut used = 0;
    for _ in 0..spread.min(subnets.len()) {
        let at = draft.random.below(subnets.len());
        let subnet = subnets.remove(at);
        let public = is_public && draft.subnets.get(subnet).is_some_and(|one| one.public);
        let mut members = Vec::new();
        for _ in 0..draft.random.between(2, size.interfaces_per_subnet + 1) {
            let member = add(draft, subnet, "interface", "");
            let instance = draft.random.id("i");
            let address = public.then(|| public_address(draft));
            let of_version_6 = version_6_beside(draft, subnet, member).filter(|_| version_6);
            let Some(interface) = draft.interfaces.get_mut(member) else { continue };
            interface.groups.clone_from(&groups);
            interface.instance = Some(instance.clone());
            interface.public = address;
            interface.version_6 = of_version_6;
            emit_instance(draft, subnet, &instance);
            members.push(member);
        }
        draft.replicas.push(members);
        used += 1;
        if public {
            draft.note(Feature::PublicReplicas);
        }
    }
    draft.note(Feature::Replicas);
    if used > 1 {
        draft.note(Feature::SpreadReplicas);
    }
}

/// The IPv6 address that goes with an interface's first IPv4 address.
fn version_6_beside(draft: &Draft, subnet: usize, interface: usize) -> Option<Ipv6Addr> {
    let [a, b, c, d, ..] = draft.subnets.get(subnet)?.version_6?.segments();
    let [_, _, _, last] = draft.interfaces.get(interface)?.addresses.first()?.octets();
    Some(Ipv6Addr::new(a, b, c, d, 0, 0, 0, u16::from(last)))
}

const FUNCTION: &str = "AWS Lambda VPC ENI-";
const ENDPOINT: &str = "VPC Endpoint Interface ";

/// What is written on an attachment of the VPC's one function.
fn attachment_of_function(draft: &mut Draft, subnet: usize) -> String {
    let vpc = draft.subnets.get(subnet).map_or(0, |subnet| subnet.vpc);
    let hex = format!("{:016x}{:016x}", draft.random.number(), draft.random.number());
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default().to_owned();
    let uuid = [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-");
    format!("{FUNCTION}drawn{vpc}-{uuid}")
}

fn draw_one(draft: &mut Draft, subnet: usize) {
    let (kind, description) = match draft.random.below(100) {
        0..74 => ("interface", ""),
        74..80 => ("lambda", FUNCTION),
        80..86 => ("interface", "RDSNetworkInterface"),
        86..92 => ("vpc_endpoint", ENDPOINT),
        _ => ("interface", "spare"),
    };
    let told = match description {
        FUNCTION => {
            draft.note(Feature::Function);
            attachment_of_function(draft, subnet)
        }
        ENDPOINT => format!("{ENDPOINT}{}", draft.random.id("vpce")),
        other => other.to_owned(),
    };
    let at = add(draft, subnet, kind, &told);
    if !description.is_empty() {
        return;
    }
    let instance = draft.random.id("i");
    let public = draft.subnets.get(subnet).is_some_and(|subnet| subnet.public);
    let address = (public && draft.random.chance(60)).then(|| public_address(draft));
    let secondary = draft.random.chance(15).then(|| next_address(draft, subnet));
    if let Some(interface) = draft.interfaces.get_mut(at) {
        interface.instance = Some(instance.clone());
        interface.public = address;
        interface.addresses.extend(secondary);
        let both = interface.version_6.is_some();
        if secondary.is_some() {
            draft.note(Feature::SecondaryAddress);
            if both {
                draft.note(Feature::SeveralOfBothFamilies);
            }
        }
    }
    emit_instance(draft, subnet, &instance);
    if draft.random.chance(10) {
        draft.note(Feature::SeveralInterfaces);
        let zone = draft.subnets.get(subnet).map(|subnet| (subnet.vpc, subnet.zone));
        let positions = draft.subnets.iter().enumerate();
        let beside: Vec<usize> = positions
            .filter(|(_, other)| Some((other.vpc, other.zone)) == zone)
            .map(|(at, _)| at)
            .collect();
        let other = draft.random.pick(&beside).copied().unwrap_or(subnet);
        let second = add(draft, other, "interface", "");
        if let Some(interface) = draft.interfaces.get_mut(second) {
            interface.instance = Some(instance);
            interface.device_index = 1;
        }
    }
}

/// Adds an interface with the subnet's next address and some groups; its position.
pub(super) fn add(
    draft: &mut Draft,
    subnet: usize,
    kind: &'static str,
    description: &str,
) -> usize {
    let at = draft.interfaces.len();
    let id = draft.random.id("eni");
    let address = next_address(draft, subnet);
    let Some(body) = draft.subnets.get(subnet).cloned() else { return at };
    let choices = draft.groups_of(body.vpc);
    let mut groups = Vec::new();
    for _ in 0..draft.random.between(1, 2) {
        groups.extend(draft.random.pick(&choices).filter(|group| !groups.contains(*group)));
    }
    let version_6 = body.version_6.filter(|_| draft.random.chance(80)).map(|network| {
        let [a, b, c, d, ..] = network.segments();
        let [_, _, _, last] = address.octets();
        Ipv6Addr::new(a, b, c, d, 0, 0, 0, u16::from(last))
    });
    let owner = draft.vpcs.get(body.vpc).map(|vpc| vpc.account.clone()).unwrap_or_default();
    let account = groups
        .first()
        .and_then(|at| draft.groups.get(*at))
        .map_or(owner, |one| one.account.clone());
    draft.interfaces.push(InterfaceDraft {
        id,
        account,
        subnet,
        addresses: vec![address],
        version_6,
        public: None,
        groups,
        kind,
        description: description.to_owned(),
        source_dest_check: true,
        instance: None,
        device_index: 0,
    });
    at
}

fn next_address(draft: &mut Draft, subnet: usize) -> Ipv4Addr {
    let step = u8::try_from(draft.random.between(1, 3)).unwrap_or(1);
    let Some(subnet) = draft.subnets.get_mut(subnet) else { return Ipv4Addr::UNSPECIFIED };
    subnet.next = subnet.next.wrapping_add(step);
    let [a, b, c, _] = subnet.network.octets();
    Ipv4Addr::new(a, b, c, subnet.next)
}

/// A public address that nobody else has.
pub(super) fn public_address(draft: &mut Draft) -> Ipv4Addr {
    loop {
        let address = Ipv4Addr::new(54, 80, draft.random.byte(), draft.random.byte());
        if draft.interfaces.iter().all(|interface| interface.public != Some(address)) {
            return address;
        }
    }
}

fn emit_instance(draft: &mut Draft, subnet: usize, id: &str) {
    let Some(body) = draft.subnets.get(subnet).cloned() else { return };
    let Some(vpc) = draft.vpcs.get(body.vpc).cloned() else { return };
    let endpoint = if draft.random.chance(90) { "enabled" } else { "disabled" };
    let reservation = draft.random.id("r");
    let zone = ZONES.get(body.zone).copied().unwrap_or("a");
    let instance = json!({
        "InstanceId": id, "InstanceType": "m7g.large", "State": {"Code": 16, "Name": "running"},
        "SubnetId": body.id, "VpcId": vpc.id, "SourceDestCheck": true, "Tags": [],
        "Placement": {"AvailabilityZone": format!("{}{zone}", vpc.region), "Tenancy": "default"},
        "MetadataOptions": {
            "State": "applied", "HttpTokens": "required", "HttpPutResponseHopLimit": 2,
            "HttpEndpoint": endpoint, "HttpProtocolIpv6": "disabled",
        },
    });
    let body_of_call = json!({
        "ReservationId": reservation, "OwnerId": vpc.account, "Groups": [],
        "Instances": [instance],
    });
    draft.emit_for_vpc(body.vpc, "describe-instances", "Reservations", body_of_call);
}

/// The bodies of interfaces and addresses.
pub(super) fn emit(draft: &mut Draft) {
    for vpc in draft.vpcs.clone() {
        let (call, key) = ("describe-network-interfaces", "NetworkInterfaces");
        draft.emit_list(&vpc.account, &vpc.region, call, key);
    }
    for interface in draft.interfaces.clone() {
        let Some(subnet) = draft.subnets.get(interface.subnet).cloned() else { continue };
        let Some(vpc) = draft.vpcs.get(subnet.vpc).cloned() else { continue };
        let elastic = interface.public.is_some() && draft.random.chance(50);
        let association = |address: Ipv4Addr| {
            json!({
                "IpOwnerId": if elastic { vpc.account.as_str() } else { "amazon" },
                "PublicDnsName": "", "PublicIp": address.to_string(),
            })
        };
        let mut addresses = Vec::new();
        for (at, address) in interface.addresses.iter().enumerate() {
            let mut one = json!({"Primary": at == 0, "PrivateIpAddress": address.to_string()});
            if let Some(public) = interface.public.filter(|_| at == 0) {
                one["Association"] = association(public);
            }
            addresses.push(one);
        }
        let groups: Vec<Value> = interface
            .groups
            .iter()
            .filter_map(|at| draft.groups.get(*at))
            .map(|group| json!({"GroupId": group.id, "GroupName": group.id}))
            .collect();
        let version_6: Vec<Value> = interface
            .version_6
            .iter()
            .map(|address| json!({"Ipv6Address": address.to_string(), "IsPrimaryIpv6": false}))
            .collect();
        let zone = ZONES.get(subnet.zone).copied().unwrap_or("a");
        let managed = !matches!(interface.description.as_str(), "" | "spare");
        let mut body = json!({
            "AvailabilityZone": format!("{}{zone}", vpc.region),
            "Description": interface.description, "Groups": groups,
            "InterfaceType": interface.kind, "Ipv6Addresses": version_6,
            "MacAddress": "0e:00:00:00:00:01", "NetworkInterfaceId": interface.id,
            "OwnerId": interface.account, "PrivateIpAddresses": addresses,
            "PrivateIpAddress": interface.addresses.first().map(ToString::to_string),
            "RequesterManaged": managed, "SourceDestCheck": interface.source_dest_check,
            "Status": if interface.description == "spare" { "available" } else { "in-use" },
            "SubnetId": subnet.id, "TagSet": [], "VpcId": vpc.id,
        });
        if let Some(public) = interface.public {
            body["Association"] = association(public);
        }
        if let Some(instance) = &interface.instance {
            let attachment = draft.random.id("eni-attach");
            body["Attachment"] = json!({
                "AttachmentId": attachment, "DeleteOnTermination": true, "NetworkCardIndex": 0,
                "DeviceIndex": interface.device_index, "InstanceId": instance,
                "InstanceOwnerId": vpc.account, "Status": "attached",
            });
        }
        let (account, region) = (interface.account.clone(), vpc.region.clone());
        draft.emit(&account, &region, "describe-network-interfaces", "NetworkInterfaces", body);
        if elastic {
            emit_address(draft, &interface, &vpc.region);
        }
    }
}

fn emit_address(draft: &mut Draft, interface: &InterfaceDraft, region: &str) {
    let allocation = draft.random.id("eipalloc");
    let association = draft.random.id("eipassoc");
    let body = json!({
        "AllocationId": allocation, "AssociationId": association, "Domain": "vpc",
        "NetworkInterfaceId": interface.id, "NetworkInterfaceOwnerId": interface.account,
        "PrivateIpAddress": interface.addresses.first().map(ToString::to_string), "Tags": [],
        "PublicIpv4Pool": "amazon", "NetworkBorderGroup": region,
        "PublicIp": interface.public.map(|address| address.to_string()),
    });
    draft.emit(&interface.account, region, "describe-addresses", "Addresses", body);
}
