//! A dump of a VPC with what it lacks: routes, and for questions about subnets an interface in each.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::{Value, json};
use watertight_model::Estate;
use watertight_model::network::{EndpointId, RealmId};
use watertight_net::{Family, Prefix};

use crate::conformance::estate::estate_of;

#[cfg(test)]
mod tests;

/// What a probe's id begins with; a subnet's id follows.
const PROBE: &str = "probe-in-";

/// The group of probes, which lets everything pass.
const OPEN_GROUP: &str = "group-of-probes";

/// Addresses for documentation (RFC 5737): nobody has them, and no dump's rules name them.
const PUBLIC: [[u8; 3]; 3] = [[192, 0, 2], [198, 51, 100], [203, 0, 113]];

/// Whether interfaces are made up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Probe {
    None,
    /// One in every subnet, without filters of its own and with a public address where routes
    /// lead to the internet.
    EverySubnet,
}

/// A dump, converted.
#[derive(Debug)]
pub(super) struct Dump {
    pub(super) estate: Estate,
    pub(super) probe: Probe,
    /// The names by which published files call resources, by id.
    names: BTreeMap<String, String>,
}

impl Dump {
    /// Adds to a dump what it lacks, and converts it.
    pub(super) fn read(name: &str, text: &str, probe: Probe) -> Result<Self, String> {
        let dump: Value =
            serde_json::from_str(text).map_err(|error| format!("`{name}` is no dump: {error}"))?;
        let mut bodies = vec![
            (format!("{name}.json"), text.to_owned()),
            ("routes/describe-route-tables.json".to_owned(), route_tables(&dump).to_string()),
        ];
        if probe == Probe::EverySubnet {
            let groups = json!({ "SecurityGroups": [open_group()] });
            let interfaces = json!({ "NetworkInterfaces": probes(&dump)? });
            bodies.push(("probes/describe-security-groups.json".to_owned(), groups.to_string()));
            bodies.push((
                "probes/describe-network-interfaces.json".to_owned(),
                interfaces.to_string(),
            ));
        }
        Ok(Self { estate: estate_of(&bodies)?, probe, names: names(&dump) })
    }

    /// The name of a resource: that of its tag, or its id.
    pub(super) fn name<'a>(&'a self, id: &'a str) -> &'a str {
        self.names.get(id).map_or(id, String::as_str)
    }

    /// The one VPC of a name.
    pub(super) fn realm(&self, name: &str) -> Result<RealmId, String> {
        let realms = self.estate.network.realms.iter();
        let named: Vec<RealmId> =
            realms.filter(|(_, realm)| self.name(&realm.name) == name).map(|(id, _)| id).collect();
        match named.as_slice() {
            [one] => Ok(*one),
            several => Err(format!("{} VPCs are named `{name}`, not 1", several.len())),
        }
    }

    /// The endpoints that files tell about, by realm and by the name that they write.
    pub(super) fn ends(&self) -> BTreeMap<(RealmId, String), EndpointId> {
        let network = &self.estate.network;
        let mut ends = BTreeMap::new();
        for (id, endpoint) in network.endpoints.iter() {
            let Some(subnet) = endpoint.subnet else { continue };
            let subnet = &network.subnets[subnet];
            let is_probe = endpoint.name.starts_with(PROBE);
            let name = match self.probe {
                Probe::EverySubnet if is_probe => self.name(&subnet.name).to_owned(),
                Probe::None => {
                    let Some(address) = endpoint.address(Family::V4) else { continue };
                    let workload = &self.estate.workloads[endpoint.workload];
                    format!("{}[{address}]", workload.name)
                }
                Probe::EverySubnet => continue,
            };
            ends.insert((subnet.realm, name), id);
        }
        ends
    }
}

fn list<'v>(value: &'v Value, key: &str) -> impl Iterator<Item = &'v Value> {
    value.get(key).and_then(Value::as_array).into_iter().flatten()
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// The local route everywhere, and one to the internet gateway where machines get public addresses.
fn route_tables(dump: &Value) -> Value {
    let tables: Vec<Value> = list(dump, "subnets")
        .map(|subnet| {
            let (id, realm) = (text(subnet, "SubnetId"), text(subnet, "VpcId"));
            let mut routes = local_routes(dump, realm);
            if let Some(gateway) = gateway_of(dump, subnet) {
                routes.push(json!({
                    "DestinationCidrBlock": "0.0.0.0/0", "GatewayId": gateway,
                    "Origin": "CreateRoute", "State": "active",
                }));
            }
            json!({
                "RouteTableId": format!("routes-of-{id}"), "VpcId": realm, "Routes": routes,
                "Associations": [{ "SubnetId": id, "Main": false }],
            })
        })
        .collect();
    json!({ "RouteTables": tables })
}

fn local_routes(dump: &Value, realm: &str) -> Vec<Value> {
    let realms = list(dump, "vpcs").filter(|one| text(one, "VpcId") == realm);
    let prefixes = realms.flat_map(|one| {
        let associated = list(one, "CidrBlockAssociationSet").map(|entry| text(entry, "CidrBlock"));
        let mut all: Vec<&str> = associated.chain([text(one, "CidrBlock")]).collect();
        all.sort_unstable();
        all.dedup();
        all
    });
    let prefixes = prefixes.filter(|prefix| !prefix.is_empty());
    prefixes
        .map(|prefix| {
            json!({
                "DestinationCidrBlock": prefix, "GatewayId": "local",
                "Origin": "CreateRouteTable", "State": "active",
            })
        })
        .collect()
}

/// The internet gateway to which a subnet's default route leads.
fn gateway_of<'v>(dump: &'v Value, subnet: &Value) -> Option<&'v str> {
    if subnet.get("MapPublicIpOnLaunch").and_then(Value::as_bool) != Some(true) {
        return None;
    }
    let is_attached = |gateway: &&Value| {
        let mut attachments = list(gateway, "Attachments");
        attachments.any(|one| text(one, "VpcId") == text(subnet, "VpcId"))
    };
    list(dump, "internet_gateways").find(is_attached).map(|one| text(one, "InternetGatewayId"))
}

fn open_group() -> Value {
    let open = json!([{ "IpProtocol": "-1", "IpRanges": [{ "CidrIp": "0.0.0.0/0" }] }]);
    json!({
        "GroupId": OPEN_GROUP, "GroupName": OPEN_GROUP,
        "IpPermissions": open, "IpPermissionsEgress": open,
    })
}

fn probes(dump: &Value) -> Result<Vec<Value>, String> {
    let taken: Vec<&str> = list(dump, "instances")
        .flat_map(|instance| list(instance, "NetworkInterfaces"))
        .map(|interface| text(interface, "PrivateIpAddress"))
        .collect();
    let mut found = Vec::new();
    for (position, subnet) in list(dump, "subnets").enumerate() {
        let (id, block) = (text(subnet, "SubnetId"), text(subnet, "CidrBlock"));
        let address = free_address(block, &taken)?;
        let association = match gateway_of(dump, subnet) {
            Some(_) => json!({ "PublicIp": public_address(position)? }),
            None => Value::Null,
        };
        found.push(json!({
            "NetworkInterfaceId": format!("{PROBE}{id}"), "SubnetId": id,
            "VpcId": text(subnet, "VpcId"), "PrivateIpAddress": address,
            "Groups": [{ "GroupId": OPEN_GROUP }], "SourceDestCheck": true,
            "Association": association, "InterfaceType": "interface",
        }));
    }
    Ok(found)
}

/// The last address of a block that nobody has; the very last one is for broadcasts.
fn free_address(block: &str, taken: &[&str]) -> Result<String, String> {
    let prefix: Prefix = block.parse().map_err(|_error| format!("`{block}` is no prefix"))?;
    let IpAddr::V4(last) = prefix.last() else {
        return Err(format!("`{block}` has no IPv4 address"));
    };
    let last = u32::from(last);
    (1..=last)
        .map(|back| std::net::Ipv4Addr::from(last.saturating_sub(back)))
        .take_while(|address| prefix.contains(IpAddr::V4(*address)))
        .map(|address| address.to_string())
        .find(|address| !taken.contains(&address.as_str()))
        .ok_or_else(|| format!("no address of `{block}` is free"))
}

fn public_address(position: usize) -> Result<String, String> {
    let error = |_| format!("{position} subnets are more than there are public addresses");
    let number = u16::try_from(position).map_err(error)?;
    let [block, host] = number.to_be_bytes();
    let [a, b, c] = PUBLIC
        .get(usize::from(block))
        .ok_or_else(|| format!("{position} subnets are more than there are public addresses"))?;
    Ok(format!("{a}.{b}.{c}.{host}"))
}

/// The tag `Name` of every resource that has one, by id.
fn names(dump: &Value) -> BTreeMap<String, String> {
    let kinds = [
        ("vpcs", "VpcId"),
        ("subnets", "SubnetId"),
        ("network_acls", "NetworkAclId"),
        ("security_groups", "GroupId"),
        ("internet_gateways", "InternetGatewayId"),
    ];
    let mut names = BTreeMap::new();
    for (key, id) in kinds {
        for one in list(dump, key) {
            let tag = list(one, "Tags").find(|tag| text(tag, "Key") == "Name");
            if let Some(name) = tag.map(|tag| text(tag, "Value")).filter(|name| !name.is_empty()) {
                names.insert(text(one, id).to_owned(), name.to_owned());
            }
        }
    }
    names
}
