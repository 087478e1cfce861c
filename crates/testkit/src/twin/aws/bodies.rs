//! The bodies, indexed by id: what `describe` calls print, field by field, nothing derived.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::Value;

use super::prefix::Prefix;

mod front;
mod gateways;
mod guards;
mod network;

pub(super) use front::{Listener, LoadBalancer, Target, TargetGroup};
pub(super) use gateways::{
    Attachment, Endpoint, Exclusion, Nat, Peering, PublicAccess, TransitGateway, TransitPeering,
    TransitRoute,
};
pub(super) use guards::{AclEntry, NetworkAcl, Peer, PrefixList, Rule, SecurityGroup};
pub(super) use network::{
    Destination, Instance, Interface, NextHop, Route, RouteTable, Subnet, Vpc,
};

/// Every body that the walk reads.
#[derive(Debug, Clone, Default)]
pub(super) struct Bodies {
    pub(super) vpcs: BTreeMap<String, Vpc>,
    pub(super) subnets: BTreeMap<String, Subnet>,
    pub(super) tables: BTreeMap<String, RouteTable>,
    pub(super) acls: BTreeMap<String, NetworkAcl>,
    pub(super) groups: BTreeMap<String, SecurityGroup>,
    pub(super) interfaces: BTreeMap<String, Interface>,
    pub(super) instances: BTreeMap<String, Instance>,
    /// Internet, egress-only and virtual private gateways with the VPC that each is attached to.
    pub(super) attached: BTreeMap<String, String>,
    pub(super) nats: BTreeMap<String, Nat>,
    pub(super) peerings: BTreeMap<String, Peering>,
    pub(super) transit_gateways: BTreeMap<String, TransitGateway>,
    /// By attachment id and transit gateway id: a peering attachment has one id on both sides.
    pub(super) attachments: BTreeMap<(String, String), Attachment>,
    pub(super) transit_peerings: BTreeMap<String, TransitPeering>,
    /// By table id. A table that is known without a body of routes has none here.
    pub(super) transit_routes: BTreeMap<String, Vec<TransitRoute>>,
    /// Attachments whose prefixes a table learns, by table id.
    pub(super) propagations: BTreeMap<String, Vec<String>>,
    /// The table that is associated with an attachment, from the calls that print it by table.
    pub(super) associations: BTreeMap<String, String>,
    pub(super) prefix_lists: BTreeMap<String, PrefixList>,
    pub(super) endpoints: BTreeMap<String, Endpoint>,
    pub(super) public_access: Vec<PublicAccess>,
    pub(super) exclusions: Vec<Exclusion>,
    pub(super) load_balancers: BTreeMap<String, LoadBalancer>,
    pub(super) listeners: Vec<Listener>,
    pub(super) target_groups: BTreeMap<String, TargetGroup>,
    /// By target group.
    pub(super) targets: BTreeMap<String, Vec<Target>>,
    /// Attributes of load balancers and target groups, by ARN.
    pub(super) attributes: BTreeMap<String, BTreeMap<String, String>>,
}

/// Where a file lies: what its path says of the bodies in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) account: Option<String>,
    pub(super) region: Option<String>,
    pub(super) file: String,
}

impl Origin {
    fn of(path: &str) -> Self {
        let mut parts = path.split('/').rev();
        let file = parts.next().unwrap_or_default().to_owned();
        let folders: Vec<&str> = parts.collect();
        let region = folders.iter().find(|part| is_region(part)).map(|part| (*part).to_owned());
        let account = folders
            .iter()
            .find(|part| part.len() == 12 && part.bytes().all(|byte| byte.is_ascii_digit()))
            .map(|part| (*part).to_owned());
        Self { account, region, file }
    }

    /// The id in the file's name that begins with `kind` and a hyphen.
    fn id(&self, kind: &str) -> Option<String> {
        let start = self.file.find(&format!("{kind}-"))?;
        let rest = self.file.get(start + kind.len() + 1..)?;
        let digits: String = rest.chars().take_while(char::is_ascii_alphanumeric).collect();
        Some(format!("{kind}-{digits}"))
    }
}

fn is_region(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    parts.len() >= 3
        && parts.first().is_some_and(|part| part.len() == 2)
        && parts.last().is_some_and(|part| part.bytes().all(|byte| byte.is_ascii_digit()))
}

impl Bodies {
    pub(super) fn load(files: &[(String, Value)]) -> Self {
        let mut bodies = Self::default();
        for (path, body) in files {
            let origin = Origin::of(path);
            for (key, value) in body.as_object().into_iter().flatten() {
                bodies.read(key, value, &origin);
            }
        }
        // These belong to what other files name, so they wait until everything is read.
        for (path, body) in files {
            let origin = Origin::of(path);
            for (key, value) in body.as_object().into_iter().flatten() {
                bodies.read_named_by_file(key, value, &origin);
            }
        }
        bodies
    }

    fn read(&mut self, key: &str, value: &Value, origin: &Origin) {
        match key {
            "Vpcs" => self.read_vpcs(value, origin),
            "Subnets" => self.read_subnets(value),
            "RouteTables" => self.read_route_tables(value),
            "NetworkInterfaces" => self.read_interfaces(value),
            "Reservations" => self.read_reservations(value),
            "NetworkAcls" => self.read_acls(value),
            "SecurityGroups" => self.read_groups(value),
            "PrefixLists" => self.read_prefix_lists(value),
            "Entries" => self.read_prefix_list_entries(value, origin),
            "InternetGateways" => {
                self.read_attached(value, "InternetGatewayId", "Attachments");
            }
            "EgressOnlyInternetGateways" => {
                self.read_attached(value, "EgressOnlyInternetGatewayId", "Attachments");
            }
            "VpnGateways" => self.read_attached(value, "VpnGatewayId", "VpcAttachments"),
            "NatGateways" => self.read_nats(value),
            "VpcPeeringConnections" => self.read_peerings(value),
            "TransitGateways" => self.read_transit_gateways(value),
            "TransitGatewayAttachments" => self.read_attachments(value),
            "TransitGatewayVpcAttachments" => self.read_vpc_attachments(value),
            "TransitGatewayPeeringAttachments" => self.read_transit_peerings(value),
            "Routes" => self.read_transit_routes(value, origin),
            "TransitGatewayStaticRoutes" => self.read_listed_transit_routes(value),
            "TransitGatewayRouteTablePropagations" => {
                if let Some(table) = origin.id("tgw-rtb") {
                    self.read_propagations(&table, value);
                }
            }
            "TransitGatewayPropagations" => {
                for one in list(value) {
                    self.read_propagations(
                        &text(one, "TransitGatewayRouteTableId"),
                        &one["TransitGatewayRouteTablePropagations"],
                    );
                }
            }
            "Associations" => self.read_associations(value, origin),
            "VpcEndpoints" => self.read_endpoints(value),
            "VpcBlockPublicAccessOptions" => self.read_public_access(value, origin),
            "VpcBlockPublicAccessExclusions" => self.read_exclusions(value),
            "LoadBalancers" => self.read_load_balancers(value),
            "Listeners" => self.read_listeners(value),
            "LoadBalancerListeners" => {
                list(value).for_each(|one| self.read_listeners(&one["Listeners"]));
            }
            "TargetGroups" => self.read_target_groups(value),
            _ => {}
        }
    }

    fn read_named_by_file(&mut self, key: &str, value: &Value, origin: &Origin) {
        match key {
            "Addresses" => self.read_addresses(value),
            "TargetHealthDescriptions" => self.read_target_health(value, origin),
            "LoadBalancerTargetHealth" => {
                for one in list(value) {
                    let group = text(one, "TargetGroupArn");
                    self.read_targets(group, &one["TargetHealthDescriptions"]);
                }
            }
            "Attributes" => self.read_attributes(value, origin),
            "LoadBalancerAttributes" => {
                for one in list(value) {
                    self.read_attributes_of(text(one, "LoadBalancerArn"), &one["Attributes"]);
                }
            }
            _ => {}
        }
    }
}

/// The elements of an array; none for anything else.
fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// A text field; empty when it is absent.
fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_default().to_owned()
}

/// A text field, when it is there and not empty.
fn optional(value: &Value, field: &str) -> Option<String> {
    value[field].as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

fn prefix(value: &Value, field: &str) -> Option<Prefix> {
    value[field].as_str().and_then(Prefix::parse)
}

fn address(value: &Value, field: &str) -> Option<IpAddr> {
    value[field].as_str().and_then(|text| text.parse().ok())
}

fn texts(value: &Value) -> Vec<String> {
    list(value).filter_map(Value::as_str).map(str::to_owned).collect()
}
