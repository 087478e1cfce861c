//! A small world to change: one VPC, two subnets in two zones, an open interface in each.

use std::net::IpAddr;

use serde_json::{Value, json};

use crate::twin::aws::{Disposition, Estate, Outcome, Packet, Start};

#[derive(Debug, Clone, Default)]
pub(super) struct World {
    bodies: Vec<(String, &'static str, Value)>,
}

pub(super) const HERE: &str = "raw/aws/111122223333/us-east-1/file.json";
pub(super) const ELSEWHERE: &str = "raw/aws/111122223333/eu-west-1/file.json";

impl World {
    pub(super) fn new() -> Self {
        let mut world = Self::default();
        world.vpc("a", 0);
        world
    }

    /// A VPC `vpc-<name>` 10.x.0.0/16 with `subnet-<name>1` and `2`, `eni-<name>1` and `2`.
    pub(super) fn vpc(&mut self, name: &str, block: u8) {
        self.vpc_in(HERE, name, block);
    }

    pub(super) fn vpc_in(&mut self, path: &str, name: &str, block: u8) {
        let vpc = format!("vpc-{name}");
        let network = format!("10.{block}.0.0/16");
        let version_6 = format!("2600:1f18:0:{block}00::/56");
        self.add_in(
            path,
            "Vpcs",
            json!({
                "VpcId": vpc, "OwnerId": "111122223333", "CidrBlock": network,
                "Ipv6CidrBlockAssociationSet": [{"Ipv6CidrBlock": version_6}],
            }),
        );
        for number in 1..=2 {
            let subnet = format!("subnet-{name}{number}");
            self.add("Subnets", json!({
                "SubnetId": subnet, "VpcId": vpc, "CidrBlock": format!("10.{block}.{number}.0/24"),
                "AvailabilityZoneId": format!("use1-az{number}"),
                "Ipv6CidrBlockAssociationSet": [
                    {"Ipv6CidrBlock": format!("2600:1f18:0:{block}0{number}::/64")},
                ],
            }));
            self.interface(&format!("{name}{number}"), &subnet, &format!("10.{block}.{number}.10"));
        }
        self.add("RouteTables", json!({
            "RouteTableId": format!("rtb-{name}"), "VpcId": vpc, "Associations": [{"Main": true}],
            "Routes": [
                {"DestinationCidrBlock": network, "GatewayId": "local", "State": "active"},
                {"DestinationIpv6CidrBlock": version_6, "GatewayId": "local", "State": "active"},
            ],
        }));
        self.add(
            "NetworkAcls",
            json!({
                "NetworkAclId": format!("acl-{name}"), "VpcId": vpc, "IsDefault": true,
                "Associations": [], "Entries": open_entries(),
            }),
        );
    }

    /// A third subnet `subnet-a3` in the first zone.
    pub(super) fn third_subnet(&mut self) {
        self.add(
            "Subnets",
            json!({
                "SubnetId": "subnet-a3", "VpcId": "vpc-a", "CidrBlock": "10.0.3.0/24",
                "AvailabilityZoneId": "use1-az1",
            }),
        );
    }

    /// An interface `eni-<name>` with a group `sg-<name>` that lets everything pass.
    pub(super) fn interface(&mut self, name: &str, subnet: &str, address: &str) {
        let id = format!("eni-{name}");
        let vpc = self.get(subnet)["VpcId"].clone();
        self.add(
            "NetworkInterfaces",
            json!({
                "NetworkInterfaceId": id, "VpcId": vpc, "SubnetId": subnet,
                "PrivateIpAddress": address, "InterfaceType": "interface", "Description": "",
                "PrivateIpAddresses": [{"Primary": true, "PrivateIpAddress": address}],
                "Groups": [{"GroupId": format!("sg-{name}")}], "SourceDestCheck": true,
                "Attachment": {"InstanceId": format!("i-{name}"), "DeviceIndex": 0},
            }),
        );
        self.add(
            "SecurityGroups",
            json!({
                "GroupId": format!("sg-{name}"), "VpcId": vpc,
                "IpPermissions": [any_rule()], "IpPermissionsEgress": [any_rule()],
            }),
        );
    }

    pub(super) fn add(&mut self, key: &'static str, body: Value) {
        self.add_in(HERE, key, body);
    }

    pub(super) fn add_in(&mut self, path: &str, key: &'static str, body: Value) {
        self.bodies.push((path.to_owned(), key, body));
    }

    /// The body whose first field is this id.
    pub(super) fn get(&mut self, id: &str) -> &mut Value {
        self.bodies
            .iter_mut()
            .map(|(_, _, body)| body)
            .find(|body| body.as_object().is_some_and(|body| body.values().next().unwrap() == id))
            .unwrap()
    }

    pub(super) fn route(&mut self, table: &str, destination: &str, field: &str, target: &str) {
        let key = if destination.starts_with("pl-") {
            "DestinationPrefixListId"
        } else if destination.contains(':') {
            "DestinationIpv6CidrBlock"
        } else {
            "DestinationCidrBlock"
        };
        let route = json!({
            key: destination, field: target, "State": "active", "Origin": "CreateRoute",
        });
        self.get(table)["Routes"].as_array_mut().unwrap().push(route);
    }

    /// A table `rtb-<subnet>` for one subnet, with the VPC's local route.
    pub(super) fn own_table(&mut self, subnet: &str) -> String {
        let vpc = self.get(subnet)["VpcId"].clone();
        let body = self.get(vpc.as_str().unwrap());
        let network = body["CidrBlock"].clone();
        let version_6 = body["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"].clone();
        let id = format!("rtb-{subnet}");
        self.add("RouteTables", json!({
            "RouteTableId": id, "VpcId": vpc, "Associations": [{"SubnetId": subnet}],
            "Routes": [
                {"DestinationCidrBlock": network, "GatewayId": "local", "State": "active"},
                {"DestinationIpv6CidrBlock": version_6, "GatewayId": "local", "State": "active"},
            ],
        }));
        id
    }

    /// An ACL of its own for a subnet: `entries` as (egress, number, allow, protocol, prefix, ports).
    pub(super) fn acl(&mut self, subnet: &str, entries: &[Entry]) {
        let vpc = self.get(subnet)["VpcId"].clone();
        let entries: Vec<Value> = entries.iter().map(entry).collect();
        self.add(
            "NetworkAcls",
            json!({
                "NetworkAclId": format!("acl-{subnet}"), "VpcId": vpc, "IsDefault": false,
                "Associations": [{"SubnetId": subnet}], "Entries": entries,
            }),
        );
    }

    /// The only ingress rule of an interface's group.
    pub(super) fn admit(&mut self, name: &str, rule: Value) {
        self.get(&format!("sg-{name}"))["IpPermissions"] = json!([rule]);
    }

    /// The only egress rule of an interface's group.
    pub(super) fn release(&mut self, name: &str, rule: Value) {
        self.get(&format!("sg-{name}"))["IpPermissionsEgress"] = json!([rule]);
    }

    /// An internet gateway of a VPC, with a default route in its main table.
    pub(super) fn internet_gateway(&mut self, name: &str) {
        let id = format!("igw-{name}");
        self.add(
            "InternetGateways",
            json!({
                "InternetGatewayId": id,
                "Attachments": [{"State": "available", "VpcId": format!("vpc-{name}")}],
            }),
        );
        self.route(&format!("rtb-{name}"), "0.0.0.0/0", "GatewayId", &id);
        self.route(&format!("rtb-{name}"), "::/0", "GatewayId", &id);
    }

    /// A NAT gateway `nat-gone` that was deleted: its body stays for a while.
    pub(super) fn deleted_nat(&mut self) {
        self.add(
            "NatGateways",
            json!({
                "NatGatewayId": "nat-gone", "State": "deleted", "NatGatewayAddresses": [],
            }),
        );
    }

    /// Gives an interface's first address a public one.
    pub(super) fn publish(&mut self, interface: &str, public: &str) {
        let association = json!({"PublicIp": public, "IpOwnerId": "amazon"});
        self.get(interface)["PrivateIpAddresses"][0]["Association"] = association;
    }

    pub(super) fn version_6(&mut self, interface: &str, address: &str) {
        self.get(interface)["Ipv6Addresses"] = json!([{"Ipv6Address": address}]);
    }

    pub(super) fn estate(&self) -> Estate {
        Estate::load(&self.files())
    }

    fn files(&self) -> Vec<(String, Value)> {
        self.bodies
            .iter()
            .map(|(path, key, body)| {
                let value = match *key {
                    "VpcBlockPublicAccessOptions" => body.clone(),
                    _ if body.is_array() => body.clone(),
                    _ => json!([body]),
                };
                (path.clone(), json!({*key: value}))
            })
            .collect()
    }

    pub(super) fn walk(&self, packet: &Packet) -> Outcome {
        let mut outcomes = self.estate().walk(packet).outcomes;
        super::also(&self.files(), packet, &outcomes);
        assert_eq!(outcomes.len(), 1, "{outcomes:?}");
        outcomes.remove(0)
    }

    pub(super) fn ends(&self, packet: &Packet) -> Disposition {
        self.walk(packet).disposition
    }

    #[track_caller]
    pub(super) fn expect(&self, packet: &Packet, disposition: Disposition) {
        let outcome = self.walk(packet);
        assert_eq!(outcome.disposition, disposition, "{outcome:?}");
    }
}

pub(super) type Entry = (bool, i64, bool, &'static str, &'static str, Option<(u16, u16)>);

pub(super) const OPEN: [Entry; 2] =
    [(false, 900, true, "-1", "0.0.0.0/0", None), (true, 900, true, "-1", "0.0.0.0/0", None)];

fn entry((egress, number, allow, protocol, prefix, ports): &Entry) -> Value {
    let key = if prefix.contains(':') { "Ipv6CidrBlock" } else { "CidrBlock" };
    let mut body = json!({
        "Egress": egress, "RuleNumber": number, "Protocol": protocol, key: prefix,
        "RuleAction": if *allow { "allow" } else { "deny" },
    });
    match (ports, *protocol) {
        (Some((kind, code)), "1" | "58") => {
            body["IcmpTypeCode"] = json!({"Type": kind, "Code": code});
        }
        (Some((from, to)), _) => body["PortRange"] = json!({"From": from, "To": to}),
        _ => {}
    }
    body
}

fn open_entries() -> Vec<Value> {
    let mut entries: Vec<Value> = OPEN.iter().map(entry).collect();
    entries.push(entry(&(false, 901, true, "-1", "::/0", None)));
    entries.push(entry(&(true, 901, true, "-1", "::/0", None)));
    entries
}

fn any_rule() -> Value {
    json!({
        "IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}],
        "Ipv6Ranges": [{"CidrIpv6": "::/0"}],
    })
}

pub(super) fn from_prefix(prefix: &str) -> Value {
    json!({"IpProtocol": "-1", "IpRanges": [{"CidrIp": prefix}]})
}

pub(super) fn from_group(group: &str) -> Value {
    json!({"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": group}]})
}

pub(super) fn nothing() -> Value {
    json!({"IpProtocol": "-1"})
}

/// TCP to port 443 from an interface.
pub(super) fn tcp(interface: &str, destination: &str) -> Packet {
    from(Start::Interface(interface.to_owned()), None, destination)
}

pub(super) fn from(start: Start, source: Option<&str>, destination: &str) -> Packet {
    let address = |text: &str| text.parse::<IpAddr>().unwrap();
    Packet {
        start,
        source: source.map(address),
        destination: address(destination),
        protocol: 6,
        source_port: 40_000,
        destination_port: 443,
        icmp_type: 0,
        icmp_code: 0,
    }
}

pub(super) fn from_internet(destination: &str) -> Packet {
    let source = if destination.contains(':') { "2a00:1450::1" } else { "198.51.100.7" };
    from(Start::Internet, Some(source), destination)
}

pub(super) fn with_protocol(packet: Packet, protocol: u8) -> Packet {
    Packet { protocol, ..packet }
}

pub(super) fn with_ports(packet: Packet, source_port: u16, destination_port: u16) -> Packet {
    Packet { source_port, destination_port, ..packet }
}

pub(super) fn with_icmp(packet: Packet, protocol: u8, icmp_type: u8, icmp_code: u8) -> Packet {
    Packet { protocol, icmp_type, icmp_code, source_port: 0, destination_port: 0, ..packet }
}
