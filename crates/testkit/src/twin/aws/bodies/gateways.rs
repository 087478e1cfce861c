//! Gateways, peerings, transit gateways, endpoints and Block Public Access.

use std::net::IpAddr;

use serde_json::Value;

use super::{Bodies, Origin, address, list, optional, prefix, text, texts};
use crate::twin::aws::prefix::Prefix;

#[derive(Debug, Clone)]
pub(in crate::twin::aws) struct Nat {
    pub(in crate::twin::aws) available: bool,
    pub(in crate::twin::aws) subnet: String,
    pub(in crate::twin::aws) private: Option<IpAddr>,
    pub(in crate::twin::aws) interfaces: Vec<String>,
}

#[derive(Debug, Clone)]
pub(in crate::twin::aws) struct Peering {
    pub(in crate::twin::aws) active: bool,
    /// The VPCs of the requester and of the accepter with the prefixes that the peering says.
    pub(in crate::twin::aws) sides: [PeeringSide; 2],
}

#[derive(Debug, Clone)]
pub(in crate::twin::aws) struct PeeringSide {
    pub(in crate::twin::aws) vpc: String,
    pub(in crate::twin::aws) region: Option<String>,
    pub(in crate::twin::aws) prefixes: Vec<Prefix>,
}

#[derive(Debug, Clone)]
pub(in crate::twin::aws) struct TransitGateway {
    pub(in crate::twin::aws) references: bool,
}

#[derive(Debug, Clone, Default)]
pub(in crate::twin::aws) struct Attachment {
    pub(in crate::twin::aws) id: String,
    pub(in crate::twin::aws) transit_gateway: String,
    pub(in crate::twin::aws) available: bool,
    /// `vpc`, `vpn`, `direct-connect-gateway`, `connect`, `peering`.
    pub(in crate::twin::aws) kind: String,
    pub(in crate::twin::aws) resource: String,
    /// The associated table, when the body says so.
    pub(in crate::twin::aws) table: Option<String>,
    /// For VPC attachments.
    pub(in crate::twin::aws) subnets: Vec<String>,
    /// Whether security-group references work over this VPC attachment.
    pub(in crate::twin::aws) references: bool,
}

#[derive(Debug, Clone)]
pub(in crate::twin::aws) struct TransitPeering {
    pub(in crate::twin::aws) accepter_attachment: String,
    pub(in crate::twin::aws) requester: String,
    pub(in crate::twin::aws) accepter: String,
}

#[derive(Debug, Clone)]
pub(in crate::twin::aws) struct TransitRoute {
    pub(in crate::twin::aws) prefix: Prefix,
    pub(in crate::twin::aws) propagated: bool,
    pub(in crate::twin::aws) blackhole: bool,
    pub(in crate::twin::aws) attachment: Option<String>,
}

#[derive(Debug, Clone)]
pub(in crate::twin::aws) struct Endpoint {
    pub(in crate::twin::aws) available: bool,
    pub(in crate::twin::aws) kind: String,
    pub(in crate::twin::aws) vpc: String,
    pub(in crate::twin::aws) service: String,
    pub(in crate::twin::aws) subnet: Option<String>,
}

#[derive(Debug, Clone)]
pub(in crate::twin::aws) struct PublicAccess {
    pub(in crate::twin::aws) account: Option<String>,
    pub(in crate::twin::aws) region: Option<String>,
    pub(in crate::twin::aws) mode: String,
}

#[derive(Debug, Clone)]
pub(in crate::twin::aws) struct Exclusion {
    /// The id of a VPC or a subnet.
    pub(in crate::twin::aws) resource: String,
    pub(in crate::twin::aws) bidirectional: bool,
}

impl Bodies {
    pub(super) fn read_attached(&mut self, value: &Value, id: &str, attachments: &str) {
        for gateway in list(value) {
            let attached = list(&gateway[attachments])
                .filter(|one| matches!(one["State"].as_str(), Some("attached" | "available")));
            for attachment in attached {
                self.attached.insert(text(gateway, id), text(attachment, "VpcId"));
            }
        }
    }

    pub(super) fn read_nats(&mut self, value: &Value) {
        for nat in list(value) {
            let addresses: Vec<&Value> = list(&nat["NatGatewayAddresses"]).collect();
            let primary =
                addresses.iter().find(|one| one["IsPrimary"] == true).or_else(|| addresses.first());
            self.nats.insert(
                text(nat, "NatGatewayId"),
                Nat {
                    available: nat["State"] == "available",
                    subnet: text(nat, "SubnetId"),
                    private: primary.and_then(|one| address(one, "PrivateIp")),
                    interfaces: addresses
                        .iter()
                        .map(|one| text(one, "NetworkInterfaceId"))
                        .collect(),
                },
            );
        }
    }

    pub(super) fn read_peerings(&mut self, value: &Value) {
        for body in list(value) {
            self.peerings.entry(text(body, "VpcPeeringConnectionId")).or_insert(Peering {
                active: body["Status"]["Code"] == "active",
                sides: [read_side(&body["RequesterVpcInfo"]), read_side(&body["AccepterVpcInfo"])],
            });
        }
    }

    pub(super) fn read_transit_gateways(&mut self, value: &Value) {
        for body in list(value) {
            let references = body["Options"]["SecurityGroupReferencingSupport"] == "enable";
            self.transit_gateways
                .insert(text(body, "TransitGatewayId"), TransitGateway { references });
        }
    }

    fn attachment(&mut self, body: &Value) -> &mut Attachment {
        let id = text(body, "TransitGatewayAttachmentId");
        let transit_gateway = text(body, "TransitGatewayId");
        let one = self.attachments.entry((id.clone(), transit_gateway.clone())).or_default();
        one.id = id;
        one.transit_gateway = transit_gateway;
        one
    }

    pub(super) fn read_attachments(&mut self, value: &Value) {
        for body in list(value) {
            let one = self.attachment(body);
            one.available = body["State"] == "available";
            one.kind = text(body, "ResourceType");
            one.resource = text(body, "ResourceId");
            if body["Association"]["State"] == "associated" {
                one.table = optional(&body["Association"], "TransitGatewayRouteTableId");
            }
        }
    }

    pub(super) fn read_vpc_attachments(&mut self, value: &Value) {
        for body in list(value) {
            let one = self.attachment(body);
            one.available = body["State"] == "available";
            "vpc".clone_into(&mut one.kind);
            one.resource = text(body, "VpcId");
            one.subnets = texts(&body["SubnetIds"]);
            one.references = body["Options"]["SecurityGroupReferencingSupport"] == "enable";
        }
    }

    pub(super) fn read_transit_peerings(&mut self, value: &Value) {
        for body in list(value) {
            let id = text(body, "TransitGatewayAttachmentId");
            let accepter_attachment =
                optional(body, "AccepterTransitGatewayAttachmentId").unwrap_or_else(|| id.clone());
            self.transit_peerings.insert(
                id,
                TransitPeering {
                    accepter_attachment,
                    requester: text(&body["RequesterTgwInfo"], "TransitGatewayId"),
                    accepter: text(&body["AccepterTgwInfo"], "TransitGatewayId"),
                },
            );
        }
    }

    pub(super) fn read_transit_routes(&mut self, value: &Value, origin: &Origin) {
        if let Some(table) = origin.id("tgw-rtb") {
            let routes = list(value).filter_map(read_transit_route);
            self.transit_routes.entry(table).or_default().extend(routes);
        }
    }

    pub(super) fn read_listed_transit_routes(&mut self, value: &Value) {
        for one in list(value) {
            let routes = list(&one["Routes"]).filter_map(read_transit_route);
            self.transit_routes
                .entry(text(one, "TransitGatewayRouteTableId"))
                .or_default()
                .extend(routes);
        }
    }

    pub(super) fn read_propagations(&mut self, table: &str, value: &Value) {
        let enabled = list(value).filter(|one| one["State"] == "enabled");
        self.propagations
            .entry(table.to_owned())
            .or_default()
            .extend(enabled.map(|one| text(one, "TransitGatewayAttachmentId")));
    }

    pub(super) fn read_associations(&mut self, value: &Value, origin: &Origin) {
        let Some(table) = origin.id("tgw-rtb") else { return };
        for one in list(value).filter(|one| one["State"] == "associated") {
            self.associations.insert(text(one, "TransitGatewayAttachmentId"), table.clone());
        }
    }

    pub(super) fn read_endpoints(&mut self, value: &Value) {
        for body in list(value) {
            let available = text(body, "State").eq_ignore_ascii_case("available");
            self.endpoints.insert(
                text(body, "VpcEndpointId"),
                Endpoint {
                    available,
                    kind: text(body, "VpcEndpointType"),
                    vpc: text(body, "VpcId"),
                    service: text(body, "ServiceName"),
                    subnet: texts(&body["SubnetIds"]).into_iter().next(),
                },
            );
        }
    }

    pub(super) fn read_public_access(&mut self, value: &Value, origin: &Origin) {
        self.public_access.push(PublicAccess {
            account: optional(value, "AwsAccountId").or_else(|| origin.account.clone()),
            region: optional(value, "AwsRegion").or_else(|| origin.region.clone()),
            mode: text(value, "InternetGatewayBlockMode"),
        });
    }

    pub(super) fn read_exclusions(&mut self, value: &Value) {
        for body in list(value) {
            if matches!(body["State"].as_str(), Some("create-complete" | "update-complete")) {
                let arn = text(body, "ResourceArn");
                self.exclusions.push(Exclusion {
                    resource: arn.rsplit('/').next().unwrap_or_default().to_owned(),
                    bidirectional: body["InternetGatewayExclusionMode"] == "allow-bidirectional",
                });
            }
        }
    }
}

fn read_side(info: &Value) -> PeeringSide {
    let mut prefixes: Vec<Prefix> = prefix(info, "CidrBlock").into_iter().collect();
    prefixes.extend(list(&info["CidrBlockSet"]).filter_map(|one| prefix(one, "CidrBlock")));
    prefixes.extend(list(&info["Ipv6CidrBlockSet"]).filter_map(|one| prefix(one, "Ipv6CidrBlock")));
    PeeringSide { vpc: text(info, "VpcId"), region: optional(info, "Region"), prefixes }
}

fn read_transit_route(route: &Value) -> Option<TransitRoute> {
    let state = route["State"].as_str().unwrap_or("active");
    if !matches!(state, "active" | "blackhole") {
        return None;
    }
    let mut attachments: Vec<String> = list(&route["TransitGatewayAttachments"])
        .map(|one| text(one, "TransitGatewayAttachmentId"))
        .collect();
    // Equal-cost attachments carry a flow each; the first by id stands for them.
    attachments.sort();
    Some(TransitRoute {
        prefix: prefix(route, "DestinationCidrBlock")?,
        propagated: route["Type"] == "propagated",
        blackhole: state == "blackhole",
        attachment: attachments.into_iter().next(),
    })
}
