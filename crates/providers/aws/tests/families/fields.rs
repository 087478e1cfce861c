//! Each field that is read changes the estate when it changes.

use crate::support::{base, changed, content};

/// Text of the base bodies, and what to write instead.
const CHANGES: &[(&str, &str)] = &[
    // VPCs and subnets.
    (
        r#""CidrBlock": "10.1.0.0/16", "CidrBlockState": {"State": "associated"}"#,
        r#""CidrBlock": "10.1.0.0/16", "CidrBlockState": {"State": "disassociated"}"#,
    ),
    (r#""CidrBlock": "10.1.0.0/16""#, r#""CidrBlock": "10.99.0.0/16""#),
    (
        r#""Ipv6CidrBlock": "2001:db8:a::/56", "Ipv6CidrBlockState": {"State": "associated"}"#,
        r#""Ipv6CidrBlock": "2001:db8:a::/56", "Ipv6CidrBlockState": {"State": "failed"}"#,
    ),
    (r#""Value": "shop""#, r#""Value": "store""#),
    (
        r#""OwnerId": "222222222222", "CidrBlock": "10.2.0.0/16""#,
        r#""OwnerId": "333333333333", "CidrBlock": "10.2.0.0/16""#,
    ),
    (r#""CidrBlock": "10.0.1.0/24""#, r#""CidrBlock": "10.0.1.0/25""#),
    (r#""Ipv6CidrBlock": "2001:db8:a:1::/64""#, r#""Ipv6CidrBlock": "2001:db8:a:2::/64""#),
    (r#""AvailabilityZone": "eu-west-1b""#, r#""AvailabilityZone": "eu-west-1c""#),
    (r#""AvailabilityZoneId": "euw1-az2""#, r#""AvailabilityZoneId": "euw1-az3""#),
    (r#""Value": "public""#, r#""Value": "front""#),
    // Route tables.
    (r#"{"Main": false, "SubnetId": "subnet-a1"}"#, r#"{"Main": false, "SubnetId": "subnet-a2"}"#),
    (
        r#"{"Main": true, "AssociationState": {"State": "associated"}}"#,
        r#"{"Main": true, "AssociationState": {"State": "failed"}}"#,
    ),
    (r#"{"Main": true, "AssociationState"#, r#"{"Main": false, "AssociationState"#),
    (r#"{"Main": false, "GatewayId": "igw-1"}"#, r#"{"Main": false, "GatewayId": "vgw-1"}"#),
    (r#""GatewayId": "local""#, r#""GatewayId": "igw-1""#),
    (r#""Origin": "EnableVgwRoutePropagation""#, r#""Origin": "CreateRoute""#),
    (r#""State": "blackhole"}"#, r#""State": "active"}"#),
    (r#""DestinationPrefixListId": "pl-s3""#, r#""DestinationPrefixListId": "pl-office""#),
    (r#""DestinationPrefixListId": "pl-unread""#, r#""DestinationPrefixListId": "pl-office""#),
    (r#""DestinationIpv6CidrBlock": "::/0""#, r#""DestinationIpv6CidrBlock": "2000::/3""#),
    (
        r#""EgressOnlyInternetGatewayId": "eigw-1",
                 "State""#,
        r#""GatewayId": "igw-1", "State""#,
    ),
    (r#""NatGatewayId": "nat-1""#, r#""GatewayId": "igw-1""#),
    (r#""VpcPeeringConnectionId": "pcx-1"}"#, r#""TransitGatewayId": "tgw-1"}"#),
    (
        r#""NetworkInterfaceId": "eni-web",
                 "InstanceId""#,
        r#""NetworkInterfaceId": "eni-odd", "InstanceId""#,
    ),
    (r#""10.4.0.0/16", "InstanceId": "i-web""#, r#""10.4.0.0/16", "InstanceId": "i-app""#),
    (r#""CarrierGatewayId": "cagw-1""#, r#""LocalGatewayId": "lgw-1""#),
    // Gateways.
    (r#"{"State": "available", "VpcId": "vpc-a"}"#, r#"{"State": "detached", "VpcId": "vpc-a"}"#),
    (r#"{"State": "available", "VpcId": "vpc-a"}"#, r#"{"State": "available", "VpcId": "vpc-b"}"#),
    (r#"{"State": "attached", "VpcId": "vpc-a"}"#, r#"{"State": "detaching", "VpcId": "vpc-a"}"#),
    (
        r#""VpnGatewayId": "vgw-1", "State": "available""#,
        r#""VpnGatewayId": "vgw-1", "State": "deleting""#,
    ),
    (r#"{"Code": "active"}"#, r#"{"Code": "expired"}"#),
    (
        r#"{"VpcId": "vpc-b", "Region": "eu-west-1"}"#,
        r#"{"VpcId": "vpc-b", "Region": "eu-west-2"}"#,
    ),
    (r#"{"VpcId": "vpc-b", "Region""#, r#"{"VpcId": "vpc-c", "Region""#),
    (r#""State": "available", "ConnectivityType""#, r#""State": "failed", "ConnectivityType""#),
    (r#""ConnectivityType": "public""#, r#""ConnectivityType": "private""#),
    (r#""PublicIp": "198.51.100.9""#, r#""PublicIp": "198.51.100.8""#),
    (r#""NetworkInterfaceId": "eni-nat", "PrivateIp""#, r#""PrivateIp""#),
    (r#""Status": "succeeded""#, r#""Status": "failed""#),
    (
        r#""SubnetId": "subnet-a1",
              "State": "available""#,
        r#""SubnetId": "subnet-x", "State": "available""#,
    ),
    // Prefix lists and endpoints.
    (r#""Cidrs": ["52.216.0.0/15"]"#, r#""Cidrs": ["52.218.0.0/17"]"#),
    (r#""PrefixListName": "com.amazonaws.eu-west-1.s3""#, r#""PrefixListName": "mine""#),
    (r#""AddressFamily": "IPv6""#, r#""AddressFamily": "IPv4""#),
    (r#""Cidr": "203.0.113.0/24""#, r#""Cidr": "203.0.113.0/25""#),
    (r#""VpcEndpointType": "Gateway""#, r#""VpcEndpointType": "Interface""#),
    (
        r#""com.amazonaws.eu-west-1.s3", "State": "available""#,
        r#""com.amazonaws.eu-west-1.s3", "State": "failed""#,
    ),
    (r#""NetworkInterfaceIds": ["eni-sm"]"#, r#""NetworkInterfaceIds": ["eni-odd"]"#),
    (r#""SubnetIds": ["subnet-a2"], "Groups""#, r#""SubnetIds": ["subnet-a1"], "Groups""#),
    (r#""VpcEndpointType": "GatewayLoadBalancer""#, r#""VpcEndpointType": "Interface""#),
    // Security groups.
    (r#""GroupName": "db""#, r#""GroupName": "data""#),
    (r#""IpProtocol": "tcp", "FromPort": 443"#, r#""IpProtocol": "udp", "FromPort": 443"#),
    (r#""FromPort": 5432, "ToPort": 5440"#, r#""FromPort": 5431, "ToPort": 5440"#),
    (r#""FromPort": 5432, "ToPort": 5440"#, r#""FromPort": 5432, "ToPort": 5441"#),
    (r#""FromPort": 8, "ToPort": -1"#, r#""FromPort": 8, "ToPort": 0"#),
    (r#""FromPort": 8, "ToPort": -1"#, r#""FromPort": -1, "ToPort": -1"#),
    (r#"{"CidrIp": "0.0.0.0/0"}"#, r#"{"CidrIp": "0.0.0.0/1"}"#),
    (r#"{"CidrIpv6": "::/0"}"#, r#"{"CidrIpv6": "2000::/3"}"#),
    (r#"{"PrefixListId": "pl-office"}]"#, r#"{"PrefixListId": "pl-s3"}]"#),
    (r#"{"GroupId": "sg-web", "UserId""#, r#"{"GroupId": "sg-db", "UserId""#),
    (r#""CidrIpv4": "0.0.0.0/0""#, r#""CidrIpv4": "0.0.0.0/3""#),
    (r#""IsEgress": true"#, r#""IsEgress": false"#),
    (
        r#""ReferencedGroupInfo": {"GroupId": "sg-db"}"#,
        r#""ReferencedGroupInfo": {"GroupId": "sg-web"}"#,
    ),
    // Network ACLs.
    (r#"{"SubnetId": "subnet-b1"}"#, r#"{"SubnetId": "subnet-a2"}"#),
    (r#""RuleNumber": 110"#, r#""RuleNumber": 90"#),
    (r#""RuleNumber": 100, "Egress": true"#, r#""RuleNumber": 100, "Egress": false"#),
    (r#""Protocol": "6""#, r#""Protocol": "17""#),
    (
        r#""RuleAction": "allow",
                 "CidrBlock": "0.0.0.0/0", "Port"#,
        r#""RuleAction": "deny", "CidrBlock": "0.0.0.0/0", "Port"#,
    ),
    (r#""CidrBlock": "10.0.0.0/8""#, r#""CidrBlock": "10.0.0.0/9""#),
    (r#""Ipv6CidrBlock": "::/0""#, r#""Ipv6CidrBlock": "2000::/3""#),
    (r#"{"From": 80, "To": 443}"#, r#"{"From": 81, "To": 443}"#),
    (r#"{"From": 80, "To": 443}"#, r#"{"From": 80, "To": 444}"#),
    (r#"{"Type": 128, "Code": 0}"#, r#"{"Type": 129, "Code": 0}"#),
    (r#"{"Type": 128, "Code": 0}"#, r#"{"Type": 128, "Code": -1}"#),
    // Interfaces and addresses.
    (
        r#""NetworkInterfaceId": "eni-web", "SubnetId": "subnet-a1""#,
        r#""NetworkInterfaceId": "eni-web", "SubnetId": "subnet-a2""#,
    ),
    (
        r#""PrivateIpAddress": "10.0.1.10",
             "PrivateIp"#,
        r#""PrivateIpAddress": "10.0.1.12", "PrivateIp"#,
    ),
    (
        r#""PrivateIpAddress": "10.0.1.11", "Primary": false"#,
        r#""PrivateIpAddress": "10.0.1.13", "Primary": false"#,
    ),
    (r#"{"PublicIp": "198.51.100.10"}"#, r#"{"PublicIp": "198.51.100.77"}"#),
    (r#""Ipv6Address": "2001:db8:a:1::10""#, r#""Ipv6Address": "2001:db8:a:1::11""#),
    (r#""Ipv4Prefix": "10.0.1.64/28""#, r#""Ipv4Prefix": "10.0.1.80/28""#),
    (
        r#""Groups": [{"GroupId": "sg-web"}, {"GroupId": "sg-db"}]"#,
        r#""Groups": [{"GroupId": "sg-web"}]"#,
    ),
    (
        r#"{"GroupId": "sg-db"}], "SourceDestCheck": true"#,
        r#"{"GroupId": "sg-db"}], "SourceDestCheck": false"#,
    ),
    (r#""InstanceId": "i-web", "DeviceIndex": 0"#, r#""InstanceId": "i-app", "DeviceIndex": 0"#),
    (
        r#""InterfaceType": "lambda", "PrivateIpAddress": "10.0.2.21",
             "Groups": [{"GroupId": "sg-web"}],
             "Description": "AWS Lambda VPC ENI-orders-"#,
        r#""InterfaceType": "interface", "PrivateIpAddress": "10.0.2.21",
             "Groups": [{"GroupId": "sg-web"}], "Description": "orders-"#,
    ),
    (r#""PublicIp": "198.51.100.11""#, r#""PublicIp": "198.51.100.12""#),
    (r#""PrivateIpAddress": "10.0.1.11"}]"#, r#""PrivateIpAddress": "10.0.1.10"}]"#),
    // Instances.
    (r#""HttpEndpoint": "enabled""#, r#""HttpEndpoint": "disabled""#),
    (r#""HttpTokens": "required""#, r#""HttpTokens": "optional""#),
    (r#""HttpPutResponseHopLimit": 2"#, r#""HttpPutResponseHopLimit": 1"#),
    (r#""Value": "web-1""#, r#""Value": "web-2""#),
    (r#""Value": "front"}"#, r#""Value": "back"}"#),
    (r#""Value": "web"}"#, r#""Value": "web-blue"}"#),
    (r#"{"Name": "stopped"}"#, r#"{"Name": "terminated"}"#),
    (r#""PrivateIpAddress": "10.2.1.5""#, r#""PrivateIpAddress": "10.2.1.7""#),
    (r#""PrivateIpAddress": "10.2.1.6""#, r#""PrivateIpAddress": "10.2.1.8""#),
    (r#""SecurityGroups": [{"GroupId": "sg-db"}]"#, r#""SecurityGroups": [{"GroupId": "sg-web"}]"#),
    // Transit gateways.
    (
        r#""TransitGatewayId": "tgw-1", "State": "available",
              "Options""#,
        r#""TransitGatewayId": "tgw-1", "State": "deleting", "Options""#,
    ),
    (
        r#"{"SecurityGroupReferencingSupport": "enable"}}]"#,
        r#"{"SecurityGroupReferencingSupport": "disable"}}]"#,
    ),
    (r#""Association": {"State": "associated""#, r#""Association": {"State": "disassociating""#),
    (r#""ResourceType": "vpn""#, r#""ResourceType": "direct-connect-gateway-x""#),
    (r#""ResourceId": "vpn-1""#, r#""ResourceId": "vpn-2""#),
    (
        r#""ResourceId": "vpc-b", "State": "available""#,
        r#""ResourceId": "vpc-b", "State": "pending""#,
    ),
    (r#""SubnetIds": ["subnet-a2", "subnet-a1"]"#, r#""SubnetIds": ["subnet-a2"]"#),
    (r#""ApplianceModeSupport": "disable""#, r#""ApplianceModeSupport": "enable""#),
    (
        r#""SecurityGroupReferencingSupport": "enable"}},
              {"Trans"#,
        r#""SecurityGroupReferencingSupport": "disable"}}, {"Trans"#,
    ),
    (r#""DestinationCidrBlock": "10.7.0.0/16""#, r#""DestinationCidrBlock": "10.77.0.0/16""#),
    (r#""Type": "static", "State": "active""#, r#""Type": "propagated", "State": "active""#),
    (
        r#""TransitGatewayAttachments": [{"TransitGatewayAttachmentId": "att-a"}]"#,
        r#""TransitGatewayAttachments": [{"TransitGatewayAttachmentId": "att-b"}]"#,
    ),
    (
        r#""TransitGatewayAttachmentId": "att-b", "State": "enabled""#,
        r#""TransitGatewayAttachmentId": "att-b", "State": "disabled""#,
    ),
    (
        r#""DestinationCidrBlock": "192.168.0.0/16", "State": "available""#,
        r#""DestinationCidrBlock": "192.168.0.0/16", "State": "deleted""#,
    ),
    (r#""StaticRoutesOnly": true"#, r#""StaticRoutesOnly": false"#),
    // Block Public Access.
    (
        r#""InternetGatewayBlockMode": "block-bidirectional""#,
        r#""InternetGatewayBlockMode": "off""#,
    ),
    (
        r#""InternetGatewayBlockMode": "block-bidirectional""#,
        r#""InternetGatewayBlockMode": "block-ingress""#,
    ),
    (r#""AwsAccountId": "111111111111""#, r#""AwsAccountId": "222222222222""#),
    (r#""AwsRegion": "eu-west-1""#, r#""AwsRegion": "eu-west-2""#),
    (r#""State": "create-complete""#, r#""State": "delete-complete""#),
    (
        r#""InternetGatewayExclusionMode": "allow-egress""#,
        r#""InternetGatewayExclusionMode": "allow-bidirectional""#,
    ),
    (r#":subnet/subnet-a1""#, r#":vpc/vpc-a""#),
];

#[test]
fn each_field_changes_the_estate() {
    let base = content(&base());
    for (from, to) in CHANGES {
        assert_ne!(content(&changed(from, to)), base, "`{from}` does not count");
    }
}

#[test]
fn a_field_that_is_not_read_changes_nothing() {
    let changed = changed(r#""GroupName": "db""#, r#""GroupName": "db", "NewField": {"x": 1}"#);
    assert_eq!(content(&changed), content(&base()));
}
