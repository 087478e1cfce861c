use watertight_model::network::{EndpointRole, GatewayKind};

use super::support::{converted, endpoints, estate, guards, interfaces, label, places, workload};

const CONNECT: &str = r#"{"InstanceConnectEndpoints": [{"InstanceConnectEndpointId": "eice-1",
    "State": "create-complete", "SubnetId": "subnet-a", "VpcId": "vpc-1",
    "NetworkInterfaceIds": ["eni-1"], "SecurityGroupIds": ["sg-2"], "PreserveClientIp": true,
    "OwnerId": "111122223333", "Tags": [{"Key": "Name", "Value": "door"}]}]}"#;

#[test]
fn instance_connect_endpoints_open_connections_only() {
    let inferred = converted(&[("describe-instance-connect-endpoints.json", CONNECT)]);
    assert!(format!("{:?}", inferred.diagnostics).contains("keeps its clients' addresses"));
    let inferred = inferred.estate;
    assert_eq!(places(&inferred, "door"), ["subnet-a"]);
    let endpoint = endpoints(&inferred, "door")[0];
    assert_eq!(endpoint.role, EndpointRole::InitiatesOnly);
    assert_eq!(guards(&inferred, endpoint), ["sg-2"]);
    let nics = interfaces(&[("eni-1", "subnet-a", "10.0.1.9", &["sg-3"], "")]);
    let claimed = estate(&[
        ("describe-instance-connect-endpoints.json", CONNECT),
        ("describe-network-interfaces.json", &nics),
    ]);
    assert_eq!(endpoints(&claimed, "door")[0].name, "eni-1");
    let gone = CONNECT.replace("create-complete", "delete-complete");
    let gone = estate(&[("describe-instance-connect-endpoints.json", &gone)]);
    assert!(gone.workloads.values().all(|one| one.name != "door"));
}

#[test]
fn client_vpns_are_ways_in_and_said_to_be_unread() {
    let body = r#"{"ClientVpnEndpoints": [{"ClientVpnEndpointId": "cvpn-1", "VpcId": "vpc-1",
        "Status": {"Code": "available"}, "SecurityGroupIds": ["sg-2"], "VpnPort": 443,
        "ClientCidrBlock": "10.99.0.0/22", "Tags": []}]}"#;
    let networks = r#"{"ClientVpnTargetNetworks": [{"AssociationId": "cvpn-assoc-1",
        "ClientVpnEndpointId": "cvpn-1", "TargetNetworkId": "subnet-b"}]}"#;
    let converted = converted(&[
        ("describe-client-vpn-endpoints.json", body),
        ("describe-client-vpn-target-networks/cvpn-1.json", networks),
    ]);
    let estate = converted.estate;
    assert_eq!(places(&estate, "cvpn-1"), ["subnet-b"]);
    assert_eq!(guards(&estate, endpoints(&estate, "cvpn-1")[0]), ["sg-2"]);
    assert_eq!(label(&estate, "cvpn-1", "aws.port"), Some("443"));
    assert_eq!(label(&estate, "cvpn-1", "aws.client-cidr"), Some("10.99.0.0/22"));
    assert!(format!("{:?}", converted.diagnostics).contains("who dials in"));
    let deleted = body.replace("available", "deleted");
    let deleted = super::support::estate(&[("describe-client-vpn-endpoints.json", &deleted)]);
    assert!(deleted.workloads.values().all(|one| one.name != "cvpn-1"));
}

#[test]
fn vpc_links_reach_into_their_subnets() {
    let estate = estate(&[(
        "apigatewayv2-get-vpc-links.json",
        r#"{"Items": [{"VpcLinkId": "l1",
        "Name": "link", "SubnetIds": ["subnet-a"], "SecurityGroupIds": ["sg-3"],
        "Tags": {"env": "prod"}}]}"#,
    )]);
    assert_eq!(places(&estate, "link"), ["subnet-a"]);
    assert_eq!(guards(&estate, endpoints(&estate, "link")[0]), ["sg-3"]);
    assert_eq!(label(&estate, "link", "env"), Some("prod"));
    assert_eq!(workload(&estate, "link").kind.word(), "gateway");
}

#[test]
fn what_is_not_modelled_is_a_box_with_a_diagnostic() {
    let converted = converted(&[
        (
            "networkmanager-list-core-networks.json",
            r#"{"CoreNetworks": [{"CoreNetworkId": "core-network-1"}]}"#,
        ),
        (
            "list-firewall-rule-group-associations.json",
            r#"{"FirewallRuleGroupAssociations": [{"Id": "rslvr-1"}]}"#,
        ),
    ]);
    let text = format!("{:?}", converted.diagnostics);
    assert!(text.contains("core-network-1") && text.contains("rslvr-1"), "{text}");
    let gateways = &converted.estate.network.gateways;
    assert!(
        gateways
            .values()
            .any(|one| one.name == "core-network-1" && matches!(one.kind, GatewayKind::Opaque(_)))
    );
}
