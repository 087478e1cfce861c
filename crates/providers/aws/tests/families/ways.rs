//! Ways between networks: each field of what they are made of changes an answer when it changes.

use std::collections::BTreeSet;
use std::net::IpAddr;

use watertight_model::Estate;
use watertight_net::{Flow, FlowSet, Protocol};
use watertight_reach::{Reach, Start};

use crate::partial::address;
use crate::support::converted;

pub(crate) const HOME: &str = "111111111111/eu-west-1";

/// Two VPCs with one machine each, whose groups and lists let everything through.
pub(crate) const NETWORKS: &[(&str, &str)] = &[
    (
        "describe-vpcs",
        r#"{"Vpcs": [{"VpcId": "vpc-a", "OwnerId": "111111111111", "CidrBlock": "10.0.0.0/16"},
            {"VpcId": "vpc-b", "OwnerId": "111111111111", "CidrBlock": "10.1.0.0/16"}]}"#,
    ),
    (
        "describe-subnets",
        r#"{"Subnets": [{"SubnetId": "subnet-a", "VpcId": "vpc-a", "CidrBlock": "10.0.1.0/24",
              "AvailabilityZone": "eu-west-1a"},
            {"SubnetId": "subnet-b", "VpcId": "vpc-b", "CidrBlock": "10.1.1.0/24",
              "AvailabilityZone": "eu-west-1a"}]}"#,
    ),
    ("describe-internet-gateways", r#"{"InternetGateways": []}"#),
    (
        "describe-network-acls",
        r#"{"NetworkAcls": [{"NetworkAclId": "acl-1", "VpcId": "vpc-a",
            "Associations": [{"SubnetId": "subnet-a"}, {"SubnetId": "subnet-b"}], "Entries": [
            {"RuleNumber": 100, "Egress": true, "Protocol": "-1", "RuleAction": "allow",
             "CidrBlock": "0.0.0.0/0"},
            {"RuleNumber": 100, "Egress": false, "Protocol": "-1", "RuleAction": "allow",
             "CidrBlock": "0.0.0.0/0"}]}]}"#,
    ),
    (
        "describe-security-groups",
        r#"{"SecurityGroups": [{"GroupId": "sg-a", "GroupName": "a", "VpcId": "vpc-a",
            "IpPermissions": [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}],
            "IpPermissionsEgress": [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]},
            {"GroupId": "sg-b", "GroupName": "b", "VpcId": "vpc-b", "IpPermissions": [
              {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80,
               "IpRanges": [{"CidrIp": "0.0.0.0/0"}]},
              {"IpProtocol": "tcp", "FromPort": 81, "ToPort": 81,
               "UserIdGroupPairs": [{"GroupId": "sg-a"}]}], "IpPermissionsEgress": []}]}"#,
    ),
    (
        "describe-network-interfaces",
        r#"{"NetworkInterfaces": [{"NetworkInterfaceId": "eni-a", "SubnetId": "subnet-a",
              "VpcId": "vpc-a", "PrivateIpAddress": "10.0.1.10", "Groups": [{"GroupId": "sg-a"}],
              "Attachment": {"InstanceId": "i-a", "DeviceIndex": 0}},
            {"NetworkInterfaceId": "eni-b", "SubnetId": "subnet-b", "VpcId": "vpc-b",
              "PrivateIpAddress": "10.1.1.10", "Groups": [{"GroupId": "sg-b"}],
              "Attachment": {"InstanceId": "i-b", "DeviceIndex": 0}}]}"#,
    ),
];

pub(crate) fn tables(target: &str) -> String {
    format!(
        r#"{{"RouteTables": [
        {{"RouteTableId": "rtb-a", "VpcId": "vpc-a", "Associations": [{{"Main": true}}],
          "Routes": [{{"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local"}},
            {{"DestinationCidrBlock": "10.1.0.0/16", {target}, "State": "active"}},
            {{"DestinationCidrBlock": "172.16.0.0/12", {target}}}]}},
        {{"RouteTableId": "rtb-b", "VpcId": "vpc-b", "Associations": [{{"Main": true}}],
          "Routes": [{{"DestinationCidrBlock": "10.1.0.0/16", "GatewayId": "local"}},
            {{"DestinationCidrBlock": "10.0.0.0/16", {target}}}]}}]}}"#
    )
}

/// A way with its bodies.
struct Way<'w> {
    target: &'w str,
    files: &'w [(&'w str, &'w str)],
}

impl Way<'_> {
    /// The estate with one text replaced by another.
    fn estate(&self, from: &str, to: &str) -> Estate {
        let tables = tables(self.target);
        let own = [("describe-route-tables", tables.as_str())];
        let all = NETWORKS.iter().chain(self.files).chain(&own);
        let mut is_found = from.is_empty();
        let files: Vec<(String, String)> = all
            .map(|(call, body)| {
                is_found |= body.contains(from);
                let body =
                    if from.is_empty() { (*body).to_owned() } else { body.replacen(from, to, 1) };
                (format!("{HOME}/{call}.json"), body)
            })
            .collect();
        assert!(is_found, "no body holds `{from}`");
        let files: Vec<(&str, &str)> =
            files.iter().map(|(path, body)| (path.as_str(), body.as_str())).collect();
        converted(&files).estate
    }

    /// What becomes of packets to the other machine at a port for everybody, at one for a group, and
    /// to an address outside of the estate.
    fn answers(&self, from: &str, to: &str) -> [String; 3] {
        let estate = self.estate(from, to);
        [("10.1.1.10", 80), ("10.1.1.10", 81), ("172.16.0.9", 80)]
            .map(|(destination, port)| answer(&estate, destination, port))
    }

    /// Each change gives other answers.
    fn check(&self, expected: [&str; 3], changes: &[(&str, &str, [&str; 3])]) {
        assert_eq!(self.answers("", ""), expected);
        for (from, to, changed) in changes {
            assert_ne!(expected, *changed, "`{from}` does not count");
            assert_eq!(self.answers(from, to), *changed, "`{from}` to `{to}`");
        }
    }
}

fn answer(estate: &Estate, destination: &str, port: u16) -> String {
    let source: IpAddr = address("10.0.1.10");
    let endpoint = estate.network.endpoints.iter().find(|(_, one)| one.holds(source)).unwrap();
    let start = Start::Endpoint { endpoint: endpoint.0, address: source };
    let protocol = Protocol::TCP;
    let flow = Flow::Ports { protocol, source_port: 40000, destination_port: port };
    let reach = Reach::new(&estate.network);
    let parts = reach.answer(&start, address(destination), &FlowSet::from(flow));
    let words: BTreeSet<&str> = parts.iter().map(|part| part.disposition.word()).collect();
    words.into_iter().collect::<Vec<_>>().join(" ")
}

pub(crate) const YES: &str = "accepted";
pub(crate) const LOST: &str = "null_routed";
pub(crate) const DENIED: &str = "denied_in";
pub(crate) const OUT: &str = "exits_network";
pub(crate) const NONE: &str = "no_route";
pub(crate) const UNKNOWN: &str = "unknown";

#[test]
fn peerings() {
    let body = r#"{"VpcPeeringConnections": [{"VpcPeeringConnectionId": "pcx-1",
        "Status": {"Code": "active"},
        "RequesterVpcInfo": {"VpcId": "vpc-a", "Region": "eu-west-1"},
        "AccepterVpcInfo": {"VpcId": "vpc-b", "Region": "eu-west-1"}}]}"#;
    let way = Way {
        target: r#""VpcPeeringConnectionId": "pcx-1""#,
        files: &[("describe-vpc-peering-connections", body)],
    };
    way.check(
        [YES, YES, LOST],
        &[
            (r#""Code": "active""#, r#""Code": "pending-acceptance""#, [LOST; 3]),
            (r#""Code": "active""#, r#""Code": "deleted""#, [LOST; 3]),
            (r#""Code": "active""#, r#""Code": "resting""#, [UNKNOWN; 3]),
            (r#""Status": {"Code": "active"},"#, "", [UNKNOWN; 3]),
            (r#""Region": "eu-west-1"}}]"#, r#""Region": "eu-west-2"}}]"#, [YES, DENIED, LOST]),
            (r#""VpcId": "vpc-a", "Region""#, r#""VpcId": "vpc-z", "Region""#, [LOST; 3]),
            (r#""VpcId": "vpc-b", "Region""#, r#""VpcId": "vpc-z", "Region""#, [OUT; 3]),
            (
                r#"[{"VpcPeeringConnectionId": "pcx-1""#,
                r#"[{"VpcPeeringConnectionId": "pcx-2""#,
                [UNKNOWN; 3],
            ),
        ],
    );
}

/// Two VPCs and a VPN at one transit gateway.
const TRANSIT: [(&str, &str); 5] = [
    (
        "describe-transit-gateways",
        r#"{"TransitGateways": [{"TransitGatewayId": "tgw-1", "State": "available",
        "Options": {"SecurityGroupReferencingSupport": "enable"}}]}"#,
    ),
    (
        "describe-transit-gateway-attachments",
        r#"{"TransitGatewayAttachments": [
        {"TransitGatewayAttachmentId": "att-a", "TransitGatewayId": "tgw-1", "State": "available",
         "ResourceType": "vpc", "ResourceId": "vpc-a",
         "Association": {"State": "associated", "TransitGatewayRouteTableId": "tgw-rtb-1"}},
        {"TransitGatewayAttachmentId": "att-b", "TransitGatewayId": "tgw-1", "State": "available",
         "ResourceType": "vpc", "ResourceId": "vpc-b",
         "Association": {"State": "associated", "TransitGatewayRouteTableId": "tgw-rtb-1"}},
        {"TransitGatewayAttachmentId": "att-v", "TransitGatewayId": "tgw-1", "State": "available",
         "ResourceType": "vpn", "ResourceId": "vpn-1"}]}"#,
    ),
    (
        "describe-transit-gateway-vpc-attachments",
        r#"{"TransitGatewayVpcAttachments": [
        {"TransitGatewayAttachmentId": "att-a", "TransitGatewayId": "tgw-1", "VpcId": "vpc-a",
         "State": "available", "SubnetIds": ["subnet-a"],
         "Options": {"SecurityGroupReferencingSupport": "enable"}},
        {"TransitGatewayAttachmentId": "att-b", "TransitGatewayId": "tgw-1", "VpcId": "vpc-b",
         "State": "available", "SubnetIds": ["subnet-b"],
         "Options": {"SecurityGroupReferencingSupport": "enable"}}]}"#,
    ),
    (
        "describe-transit-gateway-route-tables",
        r#"{"TransitGatewayRouteTables": [{"TransitGatewayRouteTableId": "tgw-rtb-1",
        "TransitGatewayId": "tgw-1"}]}"#,
    ),
    (
        "search-transit-gateway-routes/tgw-rtb-1",
        r#"{"Routes": [
        {"DestinationCidrBlock": "10.1.0.0/16", "Type": "propagated", "State": "active",
         "TransitGatewayAttachments": [{"TransitGatewayAttachmentId": "att-b"}]},
        {"DestinationCidrBlock": "10.0.0.0/16", "Type": "propagated", "State": "active",
         "TransitGatewayAttachments": [{"TransitGatewayAttachmentId": "att-a"}]},
        {"DestinationCidrBlock": "172.16.0.0/12", "Type": "static", "State": "active",
         "TransitGatewayAttachments": [{"TransitGatewayAttachmentId": "att-v"}]}]}"#,
    ),
];

#[test]
fn transit_gateways() {
    let way = Way { target: r#""TransitGatewayId": "tgw-1""#, files: &TRANSIT };
    let no_reference = [YES, DENIED, OUT];
    let support = r#""SecurityGroupReferencingSupport": "enable"}}"#;
    let off = r#""SecurityGroupReferencingSupport": "disable"}}"#;
    way.check(
        [YES, YES, OUT],
        &[
            (
                r#""State": "available",
        "Options""#,
                r#""State": "deleted",
        "Options""#,
                [LOST; 3],
            ),
            (&format!("{support}]}}"), &format!("{off}]}}"), no_reference),
            (&format!("{support},"), &format!("{off},"), no_reference),
            (r#""State": "associated""#, r#""State": "disassociated""#, [NONE; 3]),
            (r#"["subnet-b"]"#, "[]", [LOST, LOST, OUT]),
            (r#"["subnet-a"]"#, "[]", [LOST; 3]),
            (r#""ResourceType": "vpn""#, r#""ResourceType": "odd""#, [YES, YES, UNKNOWN]),
            (
                r#""Type": "static", "State": "active""#,
                r#""Type": "static", "State": "blackhole""#,
                [YES, YES, LOST],
            ),
            (
                r#"Block": "172.16.0.0/12", "Type""#,
                r#"Block": "172.17.0.0/16", "Type""#,
                [YES, YES, NONE],
            ),
            (r#"AttachmentId": "att-v"}]}]"#, r#"AttachmentId": "att-a"}]}]"#, [YES, YES, "loop"]),
        ],
    );
}

#[test]
fn states_of_transit_gateways_that_are_not_known() {
    let way = Way { target: r#""TransitGatewayId": "tgw-1""#, files: &TRANSIT };
    way.check(
        [YES, YES, OUT],
        &[
            (
                r#""State": "available",
        "Options""#,
                r#""State": "resting",
        "Options""#,
                [UNKNOWN; 3],
            ),
            (
                r#""att-b", "TransitGatewayId": "tgw-1", "State": "available""#,
                r#""att-b", "TransitGatewayId": "tgw-1", "State": "resting""#,
                [UNKNOWN, UNKNOWN, OUT],
            ),
            (
                r#""att-a", "TransitGatewayId": "tgw-1", "State": "available""#,
                r#""att-a", "TransitGatewayId": "tgw-1", "State": "resting""#,
                [UNKNOWN; 3],
            ),
        ],
    );
}

/// A transit gateway with one VPC and an attachment to networks outside of the estate.
const EDGE: [(&str, &str); 5] = [
    (
        "describe-transit-gateways",
        r#"{"TransitGateways": [{"TransitGatewayId": "tgw-1", "State": "available"}]}"#,
    ),
    (
        "describe-transit-gateway-attachments",
        r#"{"TransitGatewayAttachments": [
        {"TransitGatewayAttachmentId": "att-a", "TransitGatewayId": "tgw-1", "State": "available",
         "ResourceType": "vpc", "ResourceId": "vpc-a",
         "Association": {"State": "associated", "TransitGatewayRouteTableId": "tgw-rtb-1"}},
        {"TransitGatewayAttachmentId": "att-o", "TransitGatewayId": "tgw-1", "State": "available",
         "ResourceType": "vpn", "ResourceId": "vpn-1"}]}"#,
    ),
    (
        "describe-transit-gateway-vpc-attachments",
        r#"{"TransitGatewayVpcAttachments": [
        {"TransitGatewayAttachmentId": "att-a", "TransitGatewayId": "tgw-1", "VpcId": "vpc-a",
         "State": "available", "SubnetIds": ["subnet-a"]}]}"#,
    ),
    (
        "describe-transit-gateway-route-tables",
        r#"{"TransitGatewayRouteTables": [{"TransitGatewayRouteTableId": "tgw-rtb-1",
        "TransitGatewayId": "tgw-1"}]}"#,
    ),
    (
        "describe-customer-gateways",
        r#"{"CustomerGateways": [{"CustomerGatewayId": "cgw-1", "State": "available",
        "IpAddress": "198.51.100.4", "BgpAsn": "65000", "Type": "ipsec.1"}]}"#,
    ),
];

#[test]
fn customer_gateways_behind_a_transit_gateway() {
    let connections = r#"{"VpnConnections": [{"VpnConnectionId": "vpn-1", "State": "available",
        "CustomerGatewayId": "cgw-1", "TransitGatewayId": "tgw-1",
        "Options": {"StaticRoutesOnly": true},
        "Routes": [{"DestinationCidrBlock": "172.16.0.0/12", "State": "available"}]}]}"#;
    let propagations = r#"{"TransitGatewayRouteTableId": "tgw-rtb-1",
        "TransitGatewayRouteTablePropagations": [{"TransitGatewayAttachmentId": "att-o",
          "ResourceType": "vpn", "ResourceId": "vpn-1", "State": "enabled"}]}"#;
    let fixed = r#"{"TransitGatewayStaticRoutes": [{"TransitGatewayRouteTableId": "tgw-rtb-1",
        "Routes": []}]}"#;
    let own = [
        ("describe-vpn-connections", connections),
        ("get-transit-gateway-route-table-propagations/tgw-rtb-1", propagations),
        ("search-transit-gateway-routes/tgw-rtb-1", fixed),
    ];
    let files: Vec<_> = EDGE.into_iter().chain(own).collect();
    let way = Way { target: r#""TransitGatewayId": "tgw-1""#, files: &files };
    way.check(
        [NONE, NONE, OUT],
        &[
            (r#""StaticRoutesOnly": true"#, r#""StaticRoutesOnly": false"#, [UNKNOWN; 3]),
            (r#""State": "enabled""#, r#""State": "disabled""#, [NONE; 3]),
            (r#"16.0.0/12", "State": "available""#, r#"16.0.0/12", "State": "deleted""#, [NONE; 3]),
            (
                r#"": "172.16.0.0/12", "State": "available"}]}]}"#,
                r#"": "10.1.0.0/16", "State": "available"}]}]}"#,
                [OUT, OUT, NONE],
            ),
            (r#"[{"VpnConnectionId": "vpn-1""#, r#"[{"VpnConnectionId": "vpn-2""#, [UNKNOWN; 3]),
        ],
    );
}

#[test]
fn direct_connect_gateways_behind_a_transit_gateway() {
    let routes = r#"{"Routes": [{"DestinationCidrBlock": "172.16.0.0/12", "Type": "propagated",
        "State": "active", "TransitGatewayAttachments": [{"TransitGatewayAttachmentId": "att-o"}]}]}"#;
    let gateways = r#"{"directConnectGateways": [{"directConnectGatewayId": "dxgw-1",
        "directConnectGatewayName": "dx", "directConnectGatewayState": "available"}]}"#;
    let links = r#"{"directConnectGatewayAssociations": [{"associationId": "dxa-1",
        "directConnectGatewayId": "dxgw-1", "associationState": "associated",
        "associatedGateway": {"id": "tgw-1", "type": "transitGateway"}}]}"#;
    let own = [
        ("search-transit-gateway-routes/tgw-rtb-1", routes),
        ("directconnect-describe-direct-connect-gateways", gateways),
        ("directconnect-describe-direct-connect-gateway-associations", links),
    ];
    let mut files: Vec<_> = EDGE.into_iter().chain(own).collect();
    let attachments = files[1].1.replace(
        r#""vpn", "ResourceId": "vpn-1""#,
        r#""direct-connect-gateway", "ResourceId": "dxgw-1""#,
    );
    files[1].1 = &attachments;
    let way = Way { target: r#""TransitGatewayId": "tgw-1""#, files: &files };
    let available = r#""att-o", "TransitGatewayId": "tgw-1", "State": "available""#;
    let deleted = r#""att-o", "TransitGatewayId": "tgw-1", "State": "deleted""#;
    way.check(
        [NONE, NONE, OUT],
        &[
            (available, deleted, [NONE, NONE, LOST]),
            (r#""State": "active", "Tr"#, r#""State": "blackhole", "Tr"#, [NONE, NONE, LOST]),
            (r#""direct-connect-gateway""#, r#""something-new""#, [NONE, NONE, UNKNOWN]),
            (
                r#"Block": "172.16.0.0/12", "Type""#,
                r#"Block": "10.1.0.0/16", "Type""#,
                [OUT, OUT, NONE],
            ),
        ],
    );
}

#[test]
fn virtual_private_gateways() {
    let body = r#"{"VpnGateways": [{"VpnGatewayId": "vgw-1", "State": "available",
        "VpcAttachments": [{"State": "attached", "VpcId": "vpc-a"}]}]}"#;
    let way = Way { target: r#""GatewayId": "vgw-1""#, files: &[("describe-vpn-gateways", body)] };
    way.check(
        [OUT, OUT, OUT],
        &[
            (r#""State": "available""#, r#""State": "deleted""#, [LOST; 3]),
            (r#""State": "available""#, r#""State": "resting""#, [UNKNOWN; 3]),
            (r#""State": "attached""#, r#""State": "detached""#, [LOST; 3]),
            (r#""State": "attached""#, r#""State": "resting""#, [UNKNOWN; 3]),
            (
                r#"{"State": "attached", "VpcId": "vpc-a"}"#,
                r#"{"State": "attached", "VpcId": "vpc-b"}"#,
                [LOST; 3],
            ),
            (r#"[{"VpnGatewayId": "vgw-1""#, r#"[{"VpnGatewayId": "vgw-2""#, [UNKNOWN; 3]),
        ],
    );
}

#[test]
fn core_networks_and_other_boxes_are_unknown() {
    for target in [
        r#""CoreNetworkArn": "arn:aws:networkmanager::111111111111:core-network/core-1""#,
        r#""CarrierGatewayId": "cagw-1""#,
        r#""LocalGatewayId": "lgw-1""#,
    ] {
        Way { target, files: &[] }.check([UNKNOWN; 3], &[]);
    }
}

#[test]
fn endpoints_of_services_work_when_both_sides_say_so() {
    let consumer = r#"{"VpcEndpoints": [{"VpcEndpointId": "vpce-1", "VpcId": "vpc-a",
        "VpcEndpointType": "Interface", "State": "available", "SubnetIds": ["subnet-a"],
        "ServiceName": "com.amazonaws.vpce.eu-west-1.vpce-svc-1",
        "NetworkInterfaceIds": ["eni-e"], "Groups": [{"GroupId": "sg-a"}]}]}"#;
    let interface = r#"{"NetworkInterfaces": [{"NetworkInterfaceId": "eni-e", "VpcId": "vpc-a",
        "SubnetId": "subnet-a", "PrivateIpAddress": "10.0.1.20", "InterfaceType": "vpc_endpoint",
        "Groups": [{"GroupId": "sg-a"}], "Description": "VPC Endpoint Interface vpce-1"}]}"#;
    let offered = r#"{"VpcEndpointConnections": [{"ServiceId": "vpce-svc-1",
        "VpcEndpointId": "vpce-1", "VpcEndpointState": "available"}]}"#;
    let way = Way {
        target: r#""GatewayId": "local""#,
        files: &[
            ("describe-vpc-endpoints", consumer),
            ("describe-network-interfaces-2", interface),
            ("describe-vpc-endpoint-connections", offered),
        ],
    };
    let to = |from: &str, to: &str| answer(&way.estate(from, to), "10.0.1.20", 443);
    assert_eq!(to("", ""), YES);
    for state in ["pendingAcceptance", "rejected", "failed", "expired"] {
        let own = format!(r#""State": "{state}", "SubnetIds""#);
        assert_eq!(to(r#""State": "available", "SubnetIds""#, &own), DENIED, "{state}");
        let theirs = format!(r#""VpcEndpointState": "{state}""#);
        assert_eq!(to(r#""VpcEndpointState": "available""#, &theirs), DENIED, "{state}");
    }
    for state in ["partial", "resting"] {
        let own = format!(r#""State": "{state}", "SubnetIds""#);
        assert_eq!(to(r#""State": "available", "SubnetIds""#, &own), UNKNOWN, "{state}");
        let theirs = format!(r#""VpcEndpointState": "{state}""#);
        assert_eq!(to(r#""VpcEndpointState": "available""#, &theirs), UNKNOWN, "{state}");
    }
    let other =
        to(r#""GroupId": "sg-a"}], "Description""#, r#""GroupId": "sg-b"}], "Description""#);
    assert_eq!(other, DENIED, "its groups let another port in");
}
