//! Estates of up to a million interfaces, written resource by resource.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::random::Random;

mod bodies;

use bodies::{base_group, group, internet_gateway, network, permission, vpc_body};

/// How large an estate to write. Interfaces belong to services: the replicas of one share a security
/// group of their own and lie in up to three subnets, so an engine that merges what nothing tells
/// apart is left with about three classes for a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scale {
    /// Interfaces.
    pub endpoints: usize,
    /// Security groups: one for each VPC, the rest one for each service.
    pub groups: usize,
    /// Rules of all services together; one in ten has a prefix that cuts a subnet.
    pub rules: usize,
    /// VPCs, at most 256; all are attached to one transit gateway.
    pub vpcs: usize,
    /// Subnets of all VPCs together, at most 32 in each.
    pub subnets: usize,
    /// Where random choices begin.
    pub seed: u64,
}

/// What was written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Written {
    /// Files.
    pub files: usize,
    /// Interfaces.
    pub endpoints: usize,
    /// Rules.
    pub rules: usize,
    /// Rules with a prefix that cuts a subnet.
    pub cutting_rules: usize,
    /// Interfaces with an IPv6 address.
    pub version_6: usize,
    /// Pairs of a service and a subnet that it lies in.
    pub classes: usize,
}

impl Scale {
    /// The usual proportions: a hundred replicas for a service, six rules for a group, 200 VPCs with
    /// 5,000 subnets at a million interfaces.
    pub fn of(endpoints: usize) -> Self {
        let vpcs = (endpoints / 5_000).clamp(8, 200);
        let groups = (endpoints / 100).max(vpcs * 3) + vpcs;
        Self { endpoints, groups, rules: groups * 6, vpcs, subnets: vpcs * 25, seed: 1 }
    }
}

const REGION: &str = "us-east-1";
const TRANSIT_GATEWAY: &str = "tgw-00000000000000001";
const TRANSIT_TABLE: &str = "tgw-rtb-00000000000000001";
/// VPCs of one account.
const VPCS_IN_ACCOUNT: usize = 10;

/// Writes an estate; `open` gives a writer for each path, one after the other. Nothing but the file
/// that is being written is held open, and no list of interfaces is kept.
///
/// # Errors
/// Whatever `open` or its writers fail with.
pub fn aws_scaled<W: Write>(
    scale: &Scale,
    mut open: impl FnMut(&str) -> io::Result<W>,
) -> io::Result<Written> {
    let mut written = Written::default();
    let mut writer = Writer { scale, open: &mut open, written: &mut written };
    let accounts = scale.vpcs.div_ceil(VPCS_IN_ACCOUNT);
    for account in 0..accounts {
        let first = account * VPCS_IN_ACCOUNT;
        let vpcs = first..scale.vpcs.min(first + VPCS_IN_ACCOUNT);
        writer.account(account, vpcs)?;
    }
    writer.transit_gateway()?;
    Ok(written)
}

struct Writer<'a, O> {
    scale: &'a Scale,
    open: &'a mut O,
    written: &'a mut Written,
}

/// One service: its group, its VPC and the subnets that it lies in.
struct Service {
    number: usize,
    vpc: usize,
    subnets: Vec<usize>,
    replicas: usize,
}

fn id(kind: &str, number: usize) -> String {
    format!("{kind}-{:017x}", number + 1)
}

fn account_id(account: usize) -> String {
    format!("{}", 100_000_000_000 + account)
}

fn owner(vpc: usize) -> String {
    account_id(vpc / VPCS_IN_ACCOUNT)
}

fn byte(number: usize) -> u8 {
    u8::try_from(number % 256).unwrap_or(0)
}

impl<W: Write, O: FnMut(&str) -> io::Result<W>> Writer<'_, O> {
    fn file(
        &mut self,
        account: usize,
        call: &str,
        key: &str,
        each: impl FnOnce(&mut Self, &mut dyn FnMut(&Value) -> io::Result<()>) -> io::Result<()>,
    ) -> io::Result<()> {
        let path = format!("raw/aws/{}/{REGION}/{call}.json", account_id(account));
        let mut file = (self.open)(&path)?;
        write!(file, "{{\"{key}\":[")?;
        let mut first = true;
        let mut push = |value: &Value| {
            if !first {
                file.write_all(b",")?;
            }
            first = false;
            serde_json::to_writer(&mut file, value).map_err(io::Error::from)
        };
        each(self, &mut push)?;
        file.write_all(b"]}")?;
        file.flush()?;
        self.written.files += 1;
        Ok(())
    }

    fn account(&mut self, account: usize, vpcs: std::ops::Range<usize>) -> io::Result<()> {
        let all = || vpcs.clone();
        let scale = *self.scale;
        self.file(account, "describe-vpcs", "Vpcs", |_, push| {
            all().try_for_each(|vpc| push(&vpc_body(vpc)))
        })?;
        self.file(account, "describe-subnets", "Subnets", |_, push| {
            all().flat_map(|vpc| scale.subnets_of(vpc)).try_for_each(|at| push(&scale.subnet(at)))
        })?;
        self.file(account, "describe-route-tables", "RouteTables", |_, push| {
            all().try_for_each(|vpc| {
                push(&scale.table(vpc, false)).and_then(|()| push(&scale.table(vpc, true)))
            })
        })?;
        self.file(account, "describe-network-acls", "NetworkAcls", |_, push| {
            all().try_for_each(|vpc| push(&scale.acl(vpc)))
        })?;
        self.file(account, "describe-internet-gateways", "InternetGateways", |_, push| {
            all().try_for_each(|vpc| push(&internet_gateway(vpc)))
        })?;
        self.file(account, "describe-security-groups", "SecurityGroups", |writer, push| {
            all().try_for_each(|vpc| writer.groups(vpc, push))
        })?;
        self.file(account, "describe-network-interfaces", "NetworkInterfaces", |writer, push| {
            all().try_for_each(|vpc| writer.interfaces(vpc, push))
        })
    }

    fn groups(
        &mut self,
        vpc: usize,
        push: &mut dyn FnMut(&Value) -> io::Result<()>,
    ) -> io::Result<()> {
        let scale = *self.scale;
        let base = json!([permission(
            "tcp",
            9100,
            9100,
            (
                "IpRanges",
                json!([{
                    "CidrIp": format!("10.{}.0.0/24", byte(vpc)),
                }])
            )
        )]);
        push(&group(&base_group(vpc), vpc, base))?;
        for number in scale.services_of(vpc) {
            let mut random = Random::new(scale.seed ^ (0x5eed_0000_0000 + number as u64));
            let services = scale.services().max(1);
            let count = scale.rules * (number + 1) / services - scale.rules * number / services;
            let mut rules = Vec::with_capacity(count);
            for rule in 0..count {
                // One rule in ten, counted over all services.
                let cuts = (scale.rules * number / services + rule).is_multiple_of(10);
                self.written.rules += 1;
                self.written.cutting_rules += usize::from(cuts);
                rules.push(scale.rule(&mut random, vpc, cuts));
            }
            push(&group(&id("sg", number), vpc, Value::Array(rules)))?;
        }
        Ok(())
    }

    fn interfaces(
        &mut self,
        vpc: usize,
        push: &mut dyn FnMut(&Value) -> io::Result<()>,
    ) -> io::Result<()> {
        let scale = *self.scale;
        let first_subnet = scale.subnets_of(vpc).start;
        let mut used = vec![3_usize; scale.subnets_of(vpc).len()];
        for number in scale.services_of(vpc) {
            let service = scale.service(number, vpc);
            self.written.classes += service.subnets.len().min(service.replicas);
            let before = scale.endpoints * number / scale.services().max(1);
            for replica in 0..service.replicas {
                let place = replica % service.subnets.len().max(1);
                let subnet = service.subnets.get(place).copied().unwrap_or(first_subnet);
                let Some(next) = used.get_mut(subnet - first_subnet) else { continue };
                *next += 1;
                let endpoint = before + replica;
                let version_6 = endpoint.is_multiple_of(20);
                self.written.endpoints += 1;
                self.written.version_6 += usize::from(version_6);
                push(&scale.interface(&service, endpoint, (subnet, *next), version_6))?;
            }
        }
        Ok(())
    }

    fn transit_gateway(&mut self) -> io::Result<()> {
        let scale = *self.scale;
        self.file(0, "describe-transit-gateways", "TransitGateways", |_, push| {
            push(&json!({
                "TransitGatewayId": TRANSIT_GATEWAY, "State": "available",
                "OwnerId": account_id(0), "Description": "", "Tags": [],
                "TransitGatewayArn": format!(
                    "arn:aws:ec2:{REGION}:{}:transit-gateway/{TRANSIT_GATEWAY}", account_id(0)
                ),
                "Options": {
                    "AmazonSideAsn": 64512, "DnsSupport": "enable",
                    "SecurityGroupReferencingSupport": "enable",
                },
            }))
        })?;
        let call = "describe-transit-gateway-route-tables";
        self.file(0, call, "TransitGatewayRouteTables", |_, push| {
            push(&json!({
                "TransitGatewayRouteTableId": TRANSIT_TABLE, "State": "available",
                "TransitGatewayId": TRANSIT_GATEWAY, "DefaultAssociationRouteTable": true,
                "DefaultPropagationRouteTable": true, "Tags": [],
            }))
        })?;
        let call = "describe-transit-gateway-vpc-attachments";
        self.file(0, call, "TransitGatewayVpcAttachments", |_, push| {
            (0..scale.vpcs).try_for_each(|vpc| push(&scale.vpc_attachment(vpc)))
        })?;
        let call = "describe-transit-gateway-attachments";
        self.file(0, call, "TransitGatewayAttachments", |_, push| {
            (0..scale.vpcs).try_for_each(|vpc| {
                push(&json!({
                    "TransitGatewayAttachmentId": id("tgw-attach", vpc), "State": "available",
                    "TransitGatewayId": TRANSIT_GATEWAY, "TransitGatewayOwnerId": account_id(0),
                    "ResourceOwnerId": owner(vpc), "ResourceType": "vpc", "Tags": [],
                    "ResourceId": id("vpc", vpc), "Association": {
                        "TransitGatewayRouteTableId": TRANSIT_TABLE, "State": "associated",
                    },
                }))
            })
        })?;
        let call = format!("search-transit-gateway-routes-{TRANSIT_TABLE}");
        self.file(0, &call, "Routes", |_, push| {
            (0..scale.vpcs).try_for_each(|vpc| {
                push(&json!({
                    "DestinationCidrBlock": network(vpc), "Type": "propagated", "State": "active",
                    "TransitGatewayAttachments": [{
                        "ResourceId": id("vpc", vpc), "ResourceType": "vpc",
                        "TransitGatewayAttachmentId": id("tgw-attach", vpc),
                    }],
                }))
            })
        })
    }
}
