//! The bodies of a scaled estate, one resource at a time.

use std::net::{Ipv4Addr, Ipv6Addr};

use serde_json::{Value, json};

use super::{REGION, Scale, Service, TRANSIT_GATEWAY, byte, id, owner};
use crate::generate::random::Random;

impl Scale {
    pub(super) fn services(&self) -> usize {
        self.groups.saturating_sub(self.vpcs).max(1)
    }

    /// The services of a VPC: an equal share of all.
    pub(super) fn services_of(&self, vpc: usize) -> std::ops::Range<usize> {
        self.services() * vpc / self.vpcs..self.services() * (vpc + 1) / self.vpcs
    }

    pub(super) fn subnets_of(&self, vpc: usize) -> std::ops::Range<usize> {
        self.subnets * vpc / self.vpcs..self.subnets * (vpc + 1) / self.vpcs
    }

    fn vpc_of_subnet(&self, subnet: usize) -> usize {
        let guess = subnet * self.vpcs / self.subnets.max(1);
        let near = guess.saturating_sub(1)..=guess + 1;
        near.into_iter().find(|vpc| self.subnets_of(*vpc).contains(&subnet)).unwrap_or(guess)
    }

    pub(super) fn service(&self, number: usize, vpc: usize) -> Service {
        let mut random = Random::new(self.seed ^ (0x5e71_0000_0000 + number as u64));
        let choices = self.subnets_of(vpc);
        let mut subnets: Vec<usize> = Vec::new();
        while subnets.len() < choices.len().min(3) {
            let subnet = choices.start + random.below(choices.len());
            if !subnets.contains(&subnet) {
                subnets.push(subnet);
            }
        }
        let services = self.services();
        let replicas =
            self.endpoints * (number + 1) / services - self.endpoints * number / services;
        Service { number, vpc, subnets, replicas }
    }

    /// The first address of a subnet: a /21 in the VPC's /16.
    fn subnet_network(&self, subnet: usize) -> Ipv4Addr {
        let vpc = self.vpc_of_subnet(subnet);
        let number = subnet - self.subnets_of(vpc).start;
        Ipv4Addr::new(10, byte(vpc), byte(number * 8), 0)
    }

    fn is_public(&self, subnet: usize) -> bool {
        let vpc = self.vpc_of_subnet(subnet);
        (subnet - self.subnets_of(vpc).start).is_multiple_of(8)
    }

    pub(super) fn subnet(&self, subnet: usize) -> Value {
        let vpc = self.vpc_of_subnet(subnet);
        let number = subnet - self.subnets_of(vpc).start;
        let zone = number % 3;
        json!({
            "AvailabilityZone": format!("{REGION}{}", ["a", "b", "c"].get(zone).unwrap_or(&"a")),
            "AvailabilityZoneId": format!("use1-az{}", zone + 1),
            "CidrBlock": format!("{}/21", self.subnet_network(subnet)), "DefaultForAz": false,
            "MapPublicIpOnLaunch": self.is_public(subnet), "State": "available",
            "SubnetId": id("subnet", subnet), "VpcId": id("vpc", vpc), "OwnerId": owner(vpc),
            "Ipv6CidrBlockAssociationSet": [{
                "AssociationId": id("subnet-cidr-assoc", subnet),
                "Ipv6CidrBlock": format!("{}/64", version_6_network(vpc, number)),
                "Ipv6CidrBlockState": {"State": "associated"},
            }],
            "Tags": [],
        })
    }

    pub(super) fn table(&self, vpc: usize, public: bool) -> Value {
        let table = id("rtb", vpc * 2 + usize::from(public));
        let mut routes = vec![
            json!({
                "DestinationCidrBlock": network(vpc), "GatewayId": "local",
                "Origin": "CreateRouteTable", "State": "active",
            }),
            json!({
                "DestinationIpv6CidrBlock": format!("{}/56", version_6_network(vpc, 0)),
                "GatewayId": "local", "Origin": "CreateRouteTable", "State": "active",
            }),
            json!({
                "DestinationCidrBlock": "10.0.0.0/8", "TransitGatewayId": TRANSIT_GATEWAY,
                "Origin": "CreateRoute", "State": "active",
            }),
        ];
        let mut associations = Vec::new();
        if public {
            routes.push(json!({
                "DestinationCidrBlock": "0.0.0.0/0", "GatewayId": id("igw", vpc),
                "Origin": "CreateRoute", "State": "active",
            }));
            for subnet in self.subnets_of(vpc).filter(|subnet| self.is_public(*subnet)) {
                associations.push(json!({
                    "Main": false, "RouteTableAssociationId": id("rtbassoc", subnet * 2),
                    "RouteTableId": table, "SubnetId": id("subnet", subnet),
                    "AssociationState": {"State": "associated"},
                }));
            }
        } else {
            associations.push(json!({
                "Main": true, "RouteTableAssociationId": id("rtbassoc", vpc * 2 + 1),
                "RouteTableId": table, "AssociationState": {"State": "associated"},
            }));
        }
        json!({
            "Associations": associations, "PropagatingVgws": [], "RouteTableId": table,
            "Routes": routes, "Tags": [], "VpcId": id("vpc", vpc), "OwnerId": owner(vpc),
        })
    }

    pub(super) fn acl(&self, vpc: usize) -> Value {
        let acl = id("acl", vpc);
        let associations: Vec<Value> = self
            .subnets_of(vpc)
            .map(|subnet| {
                json!({
                    "NetworkAclAssociationId": id("aclassoc", subnet), "NetworkAclId": acl,
                    "SubnetId": id("subnet", subnet),
                })
            })
            .collect();
        let entry = |egress: bool, number: usize, action: &str, key: &str, prefix: &str| {
            json!({
                key: prefix, "Egress": egress, "Protocol": "-1", "RuleAction": action,
                "RuleNumber": number,
            })
        };
        let entries: Vec<Value> = [false, true]
            .iter()
            .flat_map(|egress| {
                [
                    entry(*egress, 100, "allow", "CidrBlock", "0.0.0.0/0"),
                    entry(*egress, 101, "allow", "Ipv6CidrBlock", "::/0"),
                    entry(*egress, 32767, "deny", "CidrBlock", "0.0.0.0/0"),
                    entry(*egress, 32768, "deny", "Ipv6CidrBlock", "::/0"),
                ]
            })
            .collect();
        json!({
            "Associations": associations, "Entries": entries, "IsDefault": true,
            "NetworkAclId": acl, "Tags": [], "VpcId": id("vpc", vpc), "OwnerId": owner(vpc),
        })
    }

    pub(super) fn rule(&self, random: &mut Random, vpc: usize, cuts: bool) -> Value {
        let port = [443, 8080, 5432, 6379, 9092, 80].get(random.below(6)).copied().unwrap_or(443);
        let peers = if cuts {
            let subnets = self.subnets_of(vpc);
            let subnet = subnets.start + random.below(subnets.len());
            let [a, b, c, _] = self.subnet_network(subnet).octets();
            let prefix = format!("{}/27", Ipv4Addr::new(a, b, c, byte(random.below(8) * 32)));
            ("IpRanges", json!([{"CidrIp": prefix}]))
        } else {
            match random.below(10) {
                0 => ("IpRanges", json!([{"CidrIp": "0.0.0.0/0"}])),
                1 | 2 => {
                    let other = network(random.below(self.vpcs));
                    ("IpRanges", json!([{"CidrIp": other}]))
                }
                3 => {
                    let prefix = format!("{}/56", version_6_network(vpc, 0));
                    ("Ipv6Ranges", json!([{"CidrIpv6": prefix}]))
                }
                _ => {
                    let services = self.services_of(vpc);
                    let other = services.start + random.below(services.len());
                    let pair = json!([{"UserId": owner(vpc), "GroupId": id("sg", other)}]);
                    ("UserIdGroupPairs", pair)
                }
            }
        };
        permission("tcp", port, port, peers)
    }

    pub(super) fn interface(
        &self,
        service: &Service,
        endpoint: usize,
        (subnet, place): (usize, usize),
        version_6: bool,
    ) -> Value {
        let vpc = service.vpc;
        let number = subnet - self.subnets_of(vpc).start;
        let [a, b, c, _] = self.subnet_network(subnet).octets();
        let address =
            Ipv4Addr::new(a, b, c.wrapping_add(byte(place / 256)), byte(place)).to_string();
        let zone = ["a", "b", "c"].get(number % 3).copied().unwrap_or("a");
        let public = self.is_public(subnet) && endpoint.is_multiple_of(10);
        let mut one = json!({"Primary": true, "PrivateIpAddress": address});
        let mut body = json!({
            "Attachment": {
                "AttachmentId": id("eni-attach", endpoint), "DeviceIndex": 0,
                "InstanceId": id("i", endpoint), "InstanceOwnerId": owner(vpc),
                "Status": "attached",
            },
            "AvailabilityZone": format!("{REGION}{zone}"), "Description": "",
            "Groups": [
                {"GroupId": id("sg", service.number), "GroupName": "service"},
                {"GroupId": base_group(vpc), "GroupName": "base"},
            ],
            "InterfaceType": "interface", "Ipv6Addresses": [],
            "NetworkInterfaceId": id("eni", endpoint), "OwnerId": owner(vpc),
            "PrivateIpAddress": address, "RequesterManaged": false, "SourceDestCheck": true,
            "Status": "in-use", "SubnetId": id("subnet", subnet), "TagSet": [],
            "VpcId": id("vpc", vpc),
        });
        if public {
            let [_, high, middle, low] = u32::try_from(endpoint).unwrap_or(0).to_be_bytes();
            let association = json!({
                "IpOwnerId": "amazon", "PublicDnsName": "",
                "PublicIp": Ipv4Addr::new(54, high, middle, low).to_string(),
            });
            one["Association"] = association.clone();
            body["Association"] = association;
        }
        body["PrivateIpAddresses"] = json!([one]);
        if version_6 {
            let [a, b, c, d, ..] = version_6_network(vpc, number).segments();
            let last = u16::try_from(place).unwrap_or(0);
            let address = Ipv6Addr::new(a, b, c, d, 0, 0, 0, last).to_string();
            body["Ipv6Addresses"] = json!([{"Ipv6Address": address, "IsPrimaryIpv6": false}]);
        }
        body
    }

    pub(super) fn vpc_attachment(&self, vpc: usize) -> Value {
        let subnets: Vec<String> =
            self.subnets_of(vpc).take(3).map(|subnet| id("subnet", subnet)).collect();
        json!({
            "TransitGatewayAttachmentId": id("tgw-attach", vpc), "SubnetIds": subnets,
            "TransitGatewayId": TRANSIT_GATEWAY, "VpcId": id("vpc", vpc), "Tags": [],
            "VpcOwnerId": owner(vpc), "State": "available", "Options": {
                "DnsSupport": "enable", "SecurityGroupReferencingSupport": "enable",
                "Ipv6Support": "enable", "ApplianceModeSupport": "disable",
            },
        })
    }
}

pub(super) fn base_group(vpc: usize) -> String {
    format!("sg-1{vpc:016x}")
}

pub(super) fn network(vpc: usize) -> String {
    format!("10.{}.0.0/16", byte(vpc))
}

fn version_6_network(vpc: usize, subnet: usize) -> Ipv6Addr {
    let number = u16::from(byte(vpc)) << 8 | u16::from(byte(subnet));
    Ipv6Addr::new(0x2600, 0x1f18, 0x5000, number, 0, 0, 0, 0)
}

pub(super) fn vpc_body(vpc: usize) -> Value {
    json!({
        "OwnerId": owner(vpc), "InstanceTenancy": "default", "IsDefault": false, "Tags": [],
        "CidrBlockAssociationSet": [{
            "AssociationId": id("vpc-cidr-assoc", vpc), "CidrBlock": network(vpc),
            "CidrBlockState": {"State": "associated"},
        }],
        "Ipv6CidrBlockAssociationSet": [{
            "AssociationId": id("vpc-cidr-assoc", 1_000 + vpc),
            "Ipv6CidrBlock": format!("{}/56", version_6_network(vpc, 0)),
            "Ipv6CidrBlockState": {"State": "associated"},
        }],
        "VpcId": id("vpc", vpc), "State": "available", "CidrBlock": network(vpc),
        "DhcpOptionsId": id("dopt", 0),
    })
}

pub(super) fn internet_gateway(vpc: usize) -> Value {
    json!({
        "Attachments": [{"State": "available", "VpcId": id("vpc", vpc)}],
        "InternetGatewayId": id("igw", vpc), "OwnerId": owner(vpc), "Tags": [],
    })
}

pub(super) fn group(id_of_group: &str, vpc: usize, ingress: Value) -> Value {
    let everything = permission("-1", 0, 0, ("IpRanges", json!([{"CidrIp": "0.0.0.0/0"}])));
    json!({
        "GroupId": id_of_group, "GroupName": id_of_group, "Description": "scaled", "Tags": [],
        "VpcId": id("vpc", vpc), "OwnerId": owner(vpc), "IpPermissions": ingress,
        "IpPermissionsEgress": [everything],
        "SecurityGroupArn": format!(
            "arn:aws:ec2:{REGION}:{}:security-group/{id_of_group}", owner(vpc)
        ),
    })
}

pub(super) fn permission(protocol: &str, from: u16, to: u16, (key, peers): (&str, Value)) -> Value {
    let mut body = json!({
        "IpProtocol": protocol, "UserIdGroupPairs": [], "IpRanges": [], "Ipv6Ranges": [],
        "PrefixListIds": [],
    });
    if protocol != "-1" {
        body["FromPort"] = json!(from);
        body["ToPort"] = json!(to);
    }
    body[key] = peers;
    body
}
