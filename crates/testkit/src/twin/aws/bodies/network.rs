//! VPCs, subnets, route tables, interfaces and instances.

use std::net::IpAddr;

use serde_json::Value;

use super::{Bodies, Origin, address, list, optional, prefix, text};
use crate::twin::aws::prefix::Prefix;

#[derive(Debug, Clone)]
pub(in crate::twin::aws) struct Vpc {
    pub(in crate::twin::aws) id: String,
    pub(in crate::twin::aws) account: Option<String>,
    pub(in crate::twin::aws) region: Option<String>,
    /// The first IPv4 one leads.
    pub(in crate::twin::aws) prefixes: Vec<Prefix>,
}

#[derive(Debug, Clone)]
pub(in crate::twin::aws) struct Subnet {
    pub(in crate::twin::aws) id: String,
    pub(in crate::twin::aws) vpc: String,
    pub(in crate::twin::aws) prefixes: Vec<Prefix>,
    /// The zone's id, which means the same in every account, else its name.
    pub(in crate::twin::aws) zone: String,
}

#[derive(Debug, Clone)]
pub(in crate::twin::aws) struct RouteTable {
    pub(in crate::twin::aws) vpc: String,
    pub(in crate::twin::aws) main: bool,
    pub(in crate::twin::aws) subnets: Vec<String>,
    /// Internet and virtual private gateways whose edge table this is.
    pub(in crate::twin::aws) gateways: Vec<String>,
    pub(in crate::twin::aws) routes: Vec<Route>,
}

#[derive(Debug, Clone)]
pub(in crate::twin::aws) struct Route {
    pub(in crate::twin::aws) destination: Destination,
    pub(in crate::twin::aws) target: NextHop,
    pub(in crate::twin::aws) propagated: bool,
    pub(in crate::twin::aws) blackhole: bool,
}

#[derive(Debug, Clone)]
pub(in crate::twin::aws) enum Destination {
    Prefix(Prefix),
    PrefixList(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::twin::aws) enum NextHop {
    Local,
    InternetGateway(String),
    Nat(String),
    EgressOnly(String),
    TransitGateway(String),
    Peering(String),
    VpnGateway(String),
    Endpoint(String),
    Interface(String),
    Instance(String),
    /// Something that the walk does not read, such as a carrier gateway or a core network.
    Other(String),
}

#[derive(Debug, Clone)]
pub(in crate::twin::aws) struct Interface {
    pub(in crate::twin::aws) id: String,
    pub(in crate::twin::aws) vpc: String,
    pub(in crate::twin::aws) subnet: String,
    /// Private IPv4 addresses, the primary one first, then IPv6 addresses.
    pub(in crate::twin::aws) addresses: Vec<IpAddr>,
    /// Private IPv4 addresses with the public address that each is associated with.
    pub(in crate::twin::aws) public: Vec<(IpAddr, IpAddr)>,
    pub(in crate::twin::aws) groups: Vec<String>,
    pub(in crate::twin::aws) kind: String,
    pub(in crate::twin::aws) description: String,
    pub(in crate::twin::aws) source_dest_check: bool,
    pub(in crate::twin::aws) instance: Option<String>,
    pub(in crate::twin::aws) device_index: u64,
    /// Plugged into nothing: whatever is sent to it is lost.
    pub(in crate::twin::aws) loose: bool,
}

#[derive(Debug, Clone)]
pub(in crate::twin::aws) struct Instance {
    pub(in crate::twin::aws) metadata_enabled: bool,
}

impl Bodies {
    pub(super) fn read_vpcs(&mut self, value: &Value, origin: &Origin) {
        for vpc in list(value) {
            let id = text(vpc, "VpcId");
            let mut prefixes: Vec<Prefix> = prefix(vpc, "CidrBlock").into_iter().collect();
            let associations = list(&vpc["CidrBlockAssociationSet"])
                .filter(|set| associated(&set["CidrBlockState"]))
                .filter_map(|set| prefix(set, "CidrBlock"));
            let version_6 = list(&vpc["Ipv6CidrBlockAssociationSet"])
                .filter(|set| associated(&set["Ipv6CidrBlockState"]))
                .filter_map(|set| prefix(set, "Ipv6CidrBlock"));
            for prefix in associations.chain(version_6) {
                if !prefixes.contains(&prefix) {
                    prefixes.push(prefix);
                }
            }
            self.vpcs.entry(id.clone()).or_insert(Vpc {
                id,
                account: optional(vpc, "OwnerId").or_else(|| origin.account.clone()),
                region: origin.region.clone(),
                prefixes,
            });
        }
    }

    pub(super) fn read_subnets(&mut self, value: &Value) {
        for subnet in list(value) {
            let id = text(subnet, "SubnetId");
            let version_6 = list(&subnet["Ipv6CidrBlockAssociationSet"])
                .filter(|set| associated(&set["Ipv6CidrBlockState"]))
                .filter_map(|set| prefix(set, "Ipv6CidrBlock"));
            self.subnets.entry(id.clone()).or_insert(Subnet {
                id,
                vpc: text(subnet, "VpcId"),
                prefixes: prefix(subnet, "CidrBlock").into_iter().chain(version_6).collect(),
                zone: optional(subnet, "AvailabilityZoneId")
                    .unwrap_or_else(|| text(subnet, "AvailabilityZone")),
            });
        }
    }

    pub(super) fn read_route_tables(&mut self, value: &Value) {
        for table in list(value) {
            let associations: Vec<&Value> = list(&table["Associations"])
                .filter(|one| {
                    !matches!(
                        one["AssociationState"]["State"].as_str(),
                        Some("disassociated" | "failed")
                    )
                })
                .collect();
            self.tables.entry(text(table, "RouteTableId")).or_insert(RouteTable {
                vpc: text(table, "VpcId"),
                main: associations.iter().any(|one| one["Main"] == true),
                subnets: associations.iter().filter_map(|one| optional(one, "SubnetId")).collect(),
                gateways: associations
                    .iter()
                    .filter_map(|one| optional(one, "GatewayId"))
                    .collect(),
                routes: list(&table["Routes"]).filter_map(read_route).collect(),
            });
        }
    }

    pub(super) fn read_interfaces(&mut self, value: &Value) {
        for body in list(value) {
            let id = text(body, "NetworkInterfaceId");
            let mut interface = Interface {
                id: id.clone(),
                vpc: text(body, "VpcId"),
                subnet: text(body, "SubnetId"),
                addresses: address(body, "PrivateIpAddress").into_iter().collect(),
                public: Vec::new(),
                groups: list(&body["Groups"]).map(|group| text(group, "GroupId")).collect(),
                kind: text(body, "InterfaceType"),
                description: text(body, "Description"),
                source_dest_check: body["SourceDestCheck"].as_bool().unwrap_or(true),
                instance: optional(&body["Attachment"], "InstanceId"),
                device_index: body["Attachment"]["DeviceIndex"].as_u64().unwrap_or(0),
                loose: body["Attachment"].is_null() && body["Status"] == "available",
            };
            for one in list(&body["PrivateIpAddresses"]) {
                let Some(private) = address(one, "PrivateIpAddress") else { continue };
                if !interface.addresses.contains(&private) {
                    interface.addresses.push(private);
                }
                if let Some(public) = address(&one["Association"], "PublicIp") {
                    interface.public.push((private, public));
                }
            }
            if let (Some(private), Some(public)) =
                (address(body, "PrivateIpAddress"), address(&body["Association"], "PublicIp"))
                && !interface.public.iter().any(|pair| pair.0 == private)
            {
                interface.public.push((private, public));
            }
            let version_6 =
                list(&body["Ipv6Addresses"]).filter_map(|one| address(one, "Ipv6Address"));
            interface.addresses.extend(version_6);
            self.interfaces.entry(id).or_insert(interface);
        }
    }

    pub(super) fn read_addresses(&mut self, value: &Value) {
        for body in list(value) {
            let (Some(public), Some(private)) =
                (address(body, "PublicIp"), address(body, "PrivateIpAddress"))
            else {
                continue;
            };
            if let Some(interface) = self.interfaces.get_mut(&text(body, "NetworkInterfaceId"))
                && !interface.public.iter().any(|pair| pair.0 == private)
            {
                interface.public.push((private, public));
            }
        }
    }

    pub(super) fn read_reservations(&mut self, value: &Value) {
        for instance in list(value).flat_map(|one| list(&one["Instances"])) {
            let endpoint = &instance["MetadataOptions"]["HttpEndpoint"];
            self.instances.insert(
                text(instance, "InstanceId"),
                Instance { metadata_enabled: endpoint != "disabled" },
            );
        }
    }
}

fn associated(state: &Value) -> bool {
    !matches!(
        state["State"].as_str(),
        Some("disassociated" | "disassociating" | "failed" | "failing")
    )
}

fn read_route(route: &Value) -> Option<Route> {
    let destination = prefix(route, "DestinationCidrBlock")
        .or_else(|| prefix(route, "DestinationIpv6CidrBlock"))
        .map(Destination::Prefix)
        .or_else(|| optional(route, "DestinationPrefixListId").map(Destination::PrefixList))?;
    Some(Route {
        destination,
        target: read_target(route),
        propagated: route["Origin"] == "EnableVgwRoutePropagation",
        blackhole: route["State"] == "blackhole",
    })
}

fn read_target(route: &Value) -> NextHop {
    if let Some(gateway) = optional(route, "GatewayId") {
        return match gateway.split('-').next() {
            Some("local") => NextHop::Local,
            Some("igw") => NextHop::InternetGateway(gateway),
            Some("vgw") => NextHop::VpnGateway(gateway),
            Some("vpce") => NextHop::Endpoint(gateway),
            _ => NextHop::Other(gateway),
        };
    }
    let kinds = [
        optional(route, "NatGatewayId").map(NextHop::Nat),
        optional(route, "TransitGatewayId").map(NextHop::TransitGateway),
        optional(route, "VpcPeeringConnectionId").map(NextHop::Peering),
        optional(route, "EgressOnlyInternetGatewayId").map(NextHop::EgressOnly),
        optional(route, "NetworkInterfaceId").map(NextHop::Interface),
        optional(route, "InstanceId").map(NextHop::Instance),
    ];
    if let Some(kind) = kinds.into_iter().flatten().next() {
        return kind;
    }
    let others = ["CarrierGatewayId", "LocalGatewayId", "CoreNetworkArn", "OdbNetworkArn"];
    let other = others.iter().find_map(|field| optional(route, field));
    NextHop::Other(other.unwrap_or_else(|| "no target".to_owned()))
}
