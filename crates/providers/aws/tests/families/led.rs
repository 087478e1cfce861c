//! Where fronts lead past networks: the provider carries it, and no route shows how.

use std::collections::BTreeSet;

use watertight_model::Estate;
use watertight_reach::{Reach, exposure};

use crate::doors::{Door, LOCAL};

/// What the internet reaches through fronts: whom, through which front, and what the last one opens.
fn through(estate: &Estate) -> Vec<String> {
    let network = &estate.network;
    let matrix = Reach::new(network).matrix(&BTreeSet::new());
    let name = |id| estate.workloads[network.endpoints[id].workload].name.to_string();
    let each = exposure(network, &matrix).through.into_iter().map(|(_, leg)| {
        let certainty = if leg.flows.sure.is_empty() { "perhaps" } else { "surely" };
        format!(
            "{} by {}: {certainty} {}",
            name(leg.to),
            estate.workloads[network.fronts[leg.front].workload].name,
            leg.flows.possible
        )
    });
    each.collect::<BTreeSet<String>>().into_iter().collect()
}

/// A network load balancer in `vpc-a`, before the machine there.
const BALANCER: &str = r#"{"LoadBalancers": [{"LoadBalancerName": "nlb", "Type": "network",
    "Scheme": "internal", "VpcId": "vpc-a", "State": {"Code": "active"},
    "LoadBalancerArn": "arn:aws:elasticloadbalancing:eu-west-1:111111111111:loadbalancer/net/nlb/0a",
    "AvailabilityZones": [{"SubnetId": "subnet-a", "ZoneName": "eu-west-1a"}]}]}"#;
const INTERFACE: &str = r#"{"NetworkInterfaces": [{"NetworkInterfaceId": "eni-nlb",
    "SubnetId": "subnet-a", "VpcId": "vpc-a", "PrivateIpAddress": "10.0.1.80",
    "InterfaceType": "network_load_balancer", "Description": "ELB net/nlb/0a", "Groups": []}]}"#;
const LISTENERS: &str = r#"{"Listeners": [{"Port": 80, "Protocol": "TCP",
    "ListenerArn": "arn:aws:elasticloadbalancing:eu-west-1:111111111111:listener/net/nlb/0a/01",
    "LoadBalancerArn": "arn:aws:elasticloadbalancing:eu-west-1:111111111111:loadbalancer/net/nlb/0a",
    "DefaultActions": [{"Type": "forward", "TargetGroupArn": "arn:tg"}]}]}"#;
const GROUPS: &str = r#"{"TargetGroups": [{"TargetGroupArn": "arn:tg", "TargetGroupName": "tg",
    "Protocol": "TCP", "Port": 8080, "TargetType": "instance", "VpcId": "vpc-a"}]}"#;
const HEALTH: &str = r#"{"TargetHealthDescriptions": [{"Target": {"Id": "i-a", "Port": 8080},
    "TargetHealth": {"State": "healthy"}}]}"#;
const APIS: &str = r#"{"Items": [{"ApiId": "h1", "Name": "web", "ProtocolType": "HTTP"}]}"#;

const BEHIND: [(&str, &str); 5] = [
    ("elbv2-describe-load-balancers", BALANCER),
    ("ec2-describe-network-interfaces-2", INTERFACE),
    ("elbv2-describe-listeners", LISTENERS),
    ("elbv2-describe-target-groups", GROUPS),
    ("elbv2-describe-target-health/arn%3Atg", HEALTH),
];

#[test]
fn an_api_leads_through_a_load_balancer_that_nothing_else_leads_to() {
    let integrations = r#"{"Items": [{"IntegrationId": "1", "IntegrationType": "HTTP_PROXY",
        "ConnectionType": "VPC_LINK", "ConnectionId": "l1", "IntegrationUri":
        "arn:aws:elasticloadbalancing:eu-west-1:111111111111:listener/net/nlb/0a/01"}]}"#;
    let mut files = BEHIND.to_vec();
    files.push(("apigatewayv2-get-apis", APIS));
    files.push(("apigatewayv2-get-integrations/h1", integrations));
    let door = Door { target: LOCAL, files: &files };
    let whole = door.estate("", "");
    assert_eq!(through(&whole), ["i-a by web: perhaps tcp/8080", "nlb by web: perhaps tcp/80"]);
    // Whom the load balancer itself does not reach is not reached through it either.
    let closed = door.estate(
        r#""IpPermissions": [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]"#,
        r#""IpPermissions": []"#,
    );
    assert_eq!(through(&closed), ["nlb by web: perhaps tcp/80"]);
}

#[test]
fn an_accelerator_leads_to_a_machine_without_a_public_address() {
    let arn = "arn:aws:globalaccelerator::111111111111:accelerator/x";
    let accelerator = format!(
        r#"{{"Accelerators": [{{"AcceleratorArn": "{arn}", "Name": "ga", "Enabled": true,
        "IpSets": [{{"IpAddresses": ["198.51.100.1"]}}]}}]}}"#
    );
    let listener = format!(
        r#"{{"Listeners": [{{"ListenerArn": "{arn}/listener/y", "Protocol": "TCP",
        "PortRanges": [{{"FromPort": 80, "ToPort": 80}}]}}]}}"#
    );
    let group = format!(
        r#"{{"EndpointGroups": [{{"EndpointGroupArn": "{arn}/listener/y/endpoint-group/z",
        "EndpointDescriptions": [{{"EndpointId": "i-a", "Weight": 1,
        "HealthState": "HEALTHY"}}]}}]}}"#
    );
    let files = [
        ("globalaccelerator-list-accelerators", accelerator.as_str()),
        ("globalaccelerator-list-listeners/x", listener.as_str()),
        ("globalaccelerator-list-endpoint-groups/y", group.as_str()),
    ];
    let door = Door { target: LOCAL, files: &files };
    assert_eq!(through(&door.estate("", "")), ["i-a by ga: perhaps tcp"]);
    let nobody: [&str; 0] = [];
    assert_eq!(through(&door.estate(r#""Weight": 1"#, r#""Weight": 0"#)), nobody);
}

#[test]
fn a_function_that_an_api_calls_is_reached_for_sure() {
    let integrations = r#"{"Items": [{"IntegrationId": "1", "IntegrationType": "AWS_PROXY",
        "IntegrationUri": "arn:aws:lambda:eu-west-1:111111111111:function:f"}]}"#;
    let functions = r#"{"Functions": [{"FunctionName": "f",
        "FunctionArn": "arn:aws:lambda:eu-west-1:111111111111:function:f"}]}"#;
    let files = [
        ("apigatewayv2-get-apis", APIS),
        ("apigatewayv2-get-integrations/h1", integrations),
        ("lambda-list-functions", functions),
    ];
    let door = Door { target: LOCAL, files: &files };
    assert_eq!(through(&door.estate("", "")), ["f by web: surely tcp/443"]);
    let nobody: [&str; 0] = [];
    let own = r#""FunctionArn": "arn:aws:lambda:eu-west-1:111111111111:function:f""#;
    let other = own.replace("function:f", "function:g");
    assert_eq!(through(&door.estate(own, &other)), nobody);
}

#[test]
fn an_endpoint_of_an_offered_service_answers_and_opens_nothing() {
    let service = r#"{"ServiceConfigurations": [{"ServiceId": "vpce-svc-1",
        "ServiceName": "com.amazonaws.vpce.eu-west-1.vpce-svc-1", "NetworkLoadBalancerArns":
        ["arn:aws:elasticloadbalancing:eu-west-1:111111111111:loadbalancer/net/nlb/0a"]}]}"#;
    let endpoint = r#"{"VpcEndpoints": [{"VpcEndpointId": "vpce-1", "VpcId": "vpc-b",
        "VpcEndpointType": "Interface", "State": "available", "SubnetIds": ["subnet-b"],
        "Groups": [{"GroupId": "sg-b"}], "NetworkInterfaceIds": ["eni-e"],
        "ServiceName": "com.amazonaws.vpce.eu-west-1.vpce-svc-1"}]}"#;
    let own = r#"{"NetworkInterfaces": [{"NetworkInterfaceId": "eni-e", "VpcId": "vpc-b",
        "SubnetId": "subnet-b", "PrivateIpAddress": "10.1.1.20", "InterfaceType": "vpc_endpoint",
        "Groups": [{"GroupId": "sg-b"}], "Description": "VPC Endpoint Interface vpce-1"}]}"#;
    let mut files = BEHIND.to_vec();
    files.push(("ec2-describe-vpc-endpoint-service-configurations", service));
    files.push(("ec2-describe-vpc-endpoints", endpoint));
    files.push(("ec2-describe-network-interfaces-3", own));
    let estate = Door { target: LOCAL, files: &files }.estate("", "");
    let network = &estate.network;
    let matrix = Reach::new(network).matrix(&BTreeSet::new());
    let of = |name: &str| {
        let found = network.endpoints.iter().find(|(_, one)| one.name == name);
        matrix.class_of(found.unwrap().0).unwrap()
    };
    let (machine, door) = (of("eni-b"), of("eni-e"));
    assert!(matrix.cell(door, machine).is_none_or(|cell| cell.forward.possible.is_empty()));
    let legs = watertight_reach::front_legs(network, &matrix);
    let led: BTreeSet<&str> = legs
        .iter()
        .filter(|leg| network.endpoints[leg.from].name == "eni-e")
        .map(|leg| network.endpoints[leg.to].name.as_str())
        .collect();
    assert_eq!(led, BTreeSet::from(["eni-a", "eni-nlb"]), "through the load balancer");
}
