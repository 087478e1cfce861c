//! Ways in and to services: each field of what they are made of changes an answer when it changes.

use std::collections::BTreeSet;

use watertight_model::Estate;
use watertight_model::network::EndpointId;
use watertight_net::{Family, Flow, FlowSet, Protocol};
use watertight_reach::{Part, Reach, Start, Target};

use crate::partial::address;
use crate::support::converted;
use crate::ways::{DENIED, HOME, LOST, NETWORKS, OUT, UNKNOWN, YES, tables};

/// Bodies by call, on top of two VPCs with a machine each.
pub(crate) struct Door<'d> {
    pub(crate) target: &'d str,
    pub(crate) files: &'d [(&'d str, &'d str)],
}

impl Door<'_> {
    /// The estate with one text replaced by another.
    pub(crate) fn estate(&self, from: &str, to: &str) -> Estate {
        let tables = tables(self.target);
        let own = [("describe-route-tables", tables.as_str())];
        let is_own = |call: &str| self.files.iter().any(|(own, _)| *own == call);
        let base = NETWORKS.iter().chain(&own).filter(|(call, _)| !is_own(call));
        let all = base.chain(self.files);
        let mut is_found = from.is_empty();
        let mut files: Vec<(String, String)> = Vec::new();
        for (call, body) in all {
            is_found |= !from.is_empty() && body.contains(from);
            let body =
                if from.is_empty() { (*body).to_owned() } else { body.replacen(from, to, 1) };
            files.push((format!("{HOME}/{call}.json"), body));
        }
        assert!(is_found, "no body holds `{from}`");
        let files: Vec<(&str, &str)> =
            files.iter().map(|(path, body)| (path.as_str(), body.as_str())).collect();
        converted(&files).estate
    }

    /// Each change gives another answer.
    pub(crate) fn check(
        &self,
        ask: impl Fn(&Estate) -> String,
        expected: &str,
        changes: &[(&str, &str, &str)],
    ) {
        assert_eq!(ask(&self.estate("", "")), expected);
        for (from, to, changed) in changes {
            assert_ne!(expected, *changed, "`{from}` does not count");
            assert_eq!(ask(&self.estate(from, to)), *changed, "`{from}` to `{to}`");
        }
    }
}

pub(crate) fn tcp(port: u16) -> FlowSet {
    FlowSet::from(Flow::Ports {
        protocol: Protocol::TCP,
        source_port: 40000,
        destination_port: port,
    })
}

pub(crate) fn words(parts: &[Part]) -> String {
    let words: BTreeSet<&str> = parts.iter().map(|part| part.disposition.word()).collect();
    words.into_iter().collect::<Vec<_>>().join(" ")
}

pub(crate) fn endpoints(estate: &Estate, name: &str) -> Option<Vec<EndpointId>> {
    let workload = estate.workloads.values().find(|one| one.name == name)?;
    Some(workload.endpoints.clone())
}

/// What becomes of connections from a workload, whose address is not told, to the first machine.
fn from(estate: &Estate, name: &str) -> String {
    let Some(endpoints) = endpoints(estate, name) else { return "nobody".to_owned() };
    let reach = Reach::new(&estate.network);
    let answers = endpoints.iter().map(|endpoint| {
        let start = Start::Unaddressed { endpoint: *endpoint, family: Family::V4 };
        words(&reach.ask(&start, &Target::Address(address("10.0.1.10")), &tcp(80)))
    });
    let answers: BTreeSet<String> = answers.collect();
    answers.into_iter().collect::<Vec<_>>().join(" ")
}

/// What becomes of connections from the first machine to a workload, at an address of its own.
fn to(estate: &Estate, name: &str, port: u16) -> String {
    let start = estate.network.endpoints.iter().find(|(_, one)| one.name == "eni-a").unwrap().0;
    let start = Start::Endpoint { endpoint: start, address: address("10.0.1.10") };
    asked(estate, &start, name, port)
}

fn asked(estate: &Estate, start: &Start, name: &str, port: u16) -> String {
    let Some(endpoints) = endpoints(estate, name) else { return "nobody".to_owned() };
    let reach = Reach::new(&estate.network);
    let answers = endpoints.iter().map(|endpoint| {
        let target = Target::Unaddressed { endpoint: *endpoint, family: Family::V4, public: true };
        words(&reach.ask(start, &target, &tcp(port)))
    });
    let answers: BTreeSet<String> = answers.collect();
    answers.into_iter().collect::<Vec<_>>().join(" ")
}

fn internet() -> Start {
    Start::Internet { address: address("8.8.8.8") }
}

pub(crate) const LOCAL: &str = r#""GatewayId": "local""#;

#[test]
fn client_vpn_endpoints() {
    let body = r#"{"ClientVpnEndpoints": [{"ClientVpnEndpointId": "cvpn-1", "VpcId": "vpc-a",
        "Status": {"Code": "available"}, "SecurityGroupIds": ["sg-a"], "VpnPort": 443,
        "AssociatedTargetNetworks": [{"NetworkType": "vpc", "NetworkId": "subnet-a"}],
        "ClientCidrBlock": "10.99.0.0/22"}]}"#;
    let ask = |estate: &Estate| from(estate, "cvpn-1");
    Door { target: LOCAL, files: &[("describe-client-vpn-endpoints", body)] }.check(
        ask,
        YES,
        &[
            (r#"{"Code": "available"}"#, r#"{"Code": "deleted"}"#, "nobody"),
            (r#"["sg-a"], "VpnPort""#, r#"["sg-b"], "VpnPort""#, "denied_out"),
            (r#""NetworkId": "subnet-a""#, r#""NetworkId": "subnet-b""#, LOST),
            (r#""NetworkId": "subnet-a""#, r#""NetworkId": "subnet-z""#, ""),
        ],
    );
    let alone = body.replace(r#"{"NetworkType": "vpc", "NetworkId": "subnet-a"}"#, "");
    let networks = r#"{"ClientVpnTargetNetworks": [{"AssociationId": "cvpn-assoc-1",
        "ClientVpnEndpointId": "cvpn-1", "TargetNetworkId": "subnet-a",
        "Status": {"Code": "associated"}}]}"#;
    let files = [
        ("describe-client-vpn-endpoints", alone.as_str()),
        ("describe-client-vpn-target-networks/cvpn-1", networks),
    ];
    Door { target: LOCAL, files: &files }.check(
        ask,
        YES,
        &[
            (r#""TargetNetworkId": "subnet-a""#, r#""TargetNetworkId": "subnet-b""#, LOST),
            (r#"Id": "cvpn-1", "TargetNetworkId""#, r#"Id": "cvpn-2", "TargetNetworkId""#, ""),
            (r#"{"Code": "associated"}"#, r#"{"Code": "disassociated"}"#, ""),
        ],
    );
}

#[test]
fn instance_connect_endpoints() {
    let body = r#"{"InstanceConnectEndpoints": [{"InstanceConnectEndpointId": "eice-1",
        "State": "create-complete", "SubnetId": "subnet-a", "VpcId": "vpc-a",
        "SecurityGroupIds": ["sg-a"], "OwnerId": "111111111111"}]}"#;
    Door { target: LOCAL, files: &[("describe-instance-connect-endpoints", body)] }.check(
        |estate| from(estate, "eice-1"),
        YES,
        &[
            ("create-complete", "create-failed", "nobody"),
            ("create-complete", "delete-complete", "nobody"),
            (r#"["sg-a"], "OwnerId""#, r#"["sg-b"], "OwnerId""#, "denied_out"),
            (r#"complete", "SubnetId": "subnet-a""#, r#"complete", "SubnetId": "subnet-b""#, LOST),
        ],
    );
}

#[test]
fn links_of_apis_into_a_vpc() {
    let body = r#"{"Items": [{"VpcLinkId": "l1", "Name": "link", "SubnetIds": ["subnet-a"],
        "SecurityGroupIds": ["sg-a"], "VpcLinkStatus": "AVAILABLE", "Tags": {}}]}"#;
    Door { target: LOCAL, files: &[("apigatewayv2-get-vpc-links", body)] }.check(
        |estate| from(estate, "link"),
        YES,
        &[
            ("AVAILABLE", "FAILED", "nobody"),
            (r#"["sg-a"], "VpcLink"#, r#"["sg-b"], "VpcLink"#, "denied_out"),
            (r#""SubnetIds": ["subnet-a"]"#, r#""SubnetIds": ["subnet-b"]"#, LOST),
            (r#""SubnetIds": ["subnet-a"]"#, r#""SubnetIds": []"#, ""),
        ],
    );
}

const BUCKETS: &str = r#"{"Buckets": [{"Name": "photos", "BucketRegion": "eu-west-1"}]}"#;
const LISTS: &str = r#"{"PrefixLists": [{"PrefixListId": "pl-1",
    "PrefixListName": "com.amazonaws.eu-west-1.s3", "Cidrs": ["3.5.64.0/21"]}]}"#;
const LISTED: &str = r#"{"RouteTables": [{"RouteTableId": "rtb-a", "VpcId": "vpc-a",
    "Associations": [{"Main": true}], "Routes": [
      {"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local"},
      {"DestinationPrefixListId": "pl-1", "GatewayId": "vpce-s3", "State": "active"}]}]}"#;
const POLICY: &str = concat!(
    r#"{"Policy": "{\"Version\": \"2012-10-17\", \"Statement\": [{\"Sid\": \"Door\", "#,
    r#"\"Effect\": \"Deny\", \"Principal\": \"*\", \"Action\": \"s3:*\", \"Resource\": "#,
    r#"[\"arn:aws:s3:::photos\", \"arn:aws:s3:::photos/*\"], \"Condition\": "#,
    r#"{\"StringNotEquals\": {\"aws:SourceVpce\": \"vpce-s3\"}}}]}"}"#,
);

#[test]
fn gateway_endpoints() {
    let body = r#"{"VpcEndpoints": [{"VpcEndpointId": "vpce-s3", "VpcEndpointType": "Gateway",
        "VpcId": "vpc-a", "ServiceName": "com.amazonaws.eu-west-1.s3", "State": "available"}]}"#;
    let files = [
        ("describe-vpc-endpoints", body),
        ("describe-prefix-lists", LISTS),
        ("describe-route-tables", LISTED),
        ("s3api-list-buckets", BUCKETS),
        ("s3api-get-bucket-policy/photos", POLICY),
    ];
    Door { target: LOCAL, files: &files }.check(
        |estate| to(estate, "photos", 443),
        YES,
        &[
            (r#""State": "available""#, r#""State": "deleted""#, LOST),
            (r#""State": "available""#, r#""State": "resting""#, UNKNOWN),
            ("eu-west-1.s3\", \"State", "eu-west-1.dynamodb\", \"State", LOST),
            (r#""State": "active""#, r#""State": "blackhole""#, LOST),
            (r#""GatewayId": "vpce-s3""#, r#""GatewayId": "vpce-z""#, UNKNOWN),
            (r#"ListId": "pl-1", "GatewayId""#, r#"ListId": "pl-2", "GatewayId""#, UNKNOWN),
            (r#"vpce-s3\"}}}"#, r#"vpce-z\"}}}"#, DENIED),
            ("eu-west-1.s3\", \"Cidrs", "eu-west-1.dynamodb\", \"Cidrs", "no_route"),
        ],
    );
}

#[test]
fn interface_endpoints_that_answer_to_the_service_s_name() {
    let body = r#"{"VpcEndpoints": [{"VpcEndpointId": "vpce-1", "VpcEndpointType": "Interface",
        "VpcId": "vpc-a", "ServiceName": "com.amazonaws.eu-west-1.sqs", "State": "available",
        "SubnetIds": ["subnet-a"], "Groups": [{"GroupId": "sg-a"}], "PrivateDnsEnabled": true,
        "NetworkInterfaceIds": ["eni-e"],
        "DnsOptions": {"PrivateDnsOnlyForInboundResolverEndpoint": false}}]}"#;
    let interface = r#"{"NetworkInterfaces": [{"NetworkInterfaceId": "eni-e", "VpcId": "vpc-a",
        "SubnetId": "subnet-a", "PrivateIpAddress": "10.0.1.20", "InterfaceType": "vpc_endpoint",
        "Groups": [{"GroupId": "sg-a"}], "Description": "VPC Endpoint Interface vpce-1"}]}"#;
    let queue = r#"{"Attributes": {"QueueArn": "arn:aws:sqs:eu-west-1:111111111111:jobs"}}"#;
    let files = [
        ("describe-vpc-endpoints", body),
        ("describe-network-interfaces-2", interface),
        ("sqs-get-queue-attributes/jobs", queue),
    ];
    Door { target: LOCAL, files: &files }.check(
        |estate| through(estate, "jobs"),
        "through eni-e",
        &[
            (r#""State": "available""#, r#""State": "rejected""#, "none"),
            ("eu-west-1.sqs\", \"State", "eu-west-1.sns\", \"State", "none"),
            (r#""PrivateDnsEnabled": true"#, r#""PrivateDnsEnabled": false"#, "none"),
            ("ResolverEndpoint\": false", "ResolverEndpoint\": true", "none"),
            (
                r#"{"GroupId": "sg-a"}], "Description""#,
                r#"{"GroupId": "sg-b"}], "Description""#,
                "none",
            ),
            (
                r#""SubnetId": "subnet-a", "PrivateIpAddress": "10.0.1.20""#,
                r#""SubnetId": "subnet-b", "PrivateIpAddress": "10.1.1.20""#,
                "none",
            ),
        ],
    );
}

/// Through which interface the first machine reaches a service in the provider's plane.
fn through(estate: &Estate, name: &str) -> String {
    let service = endpoints(estate, name).unwrap()[0];
    let known = &estate.network.unaddressed[&service];
    let start = estate.network.endpoints.iter().find(|(_, one)| one.name == "eni-a").unwrap().0;
    let start = Start::Endpoint { endpoint: start, address: address("10.0.1.10") };
    let reach = Reach::new(&estate.network);
    let mut open = Vec::new();
    for interface in &known.interfaces {
        let own = &estate.network.endpoints[*interface];
        for address in &own.addresses {
            let parts = reach.ask(&start, &Target::Address(*address), &tcp(443));
            if words(&parts) == YES {
                open.push(own.name.to_string());
            }
        }
    }
    if open.is_empty() { "none".to_owned() } else { format!("through {}", open.join(", ")) }
}

#[test]
fn accelerators() {
    let arn = "arn:aws:globalaccelerator::111111111111:accelerator/x";
    let accelerator = format!(
        r#"{{"Accelerators": [{{"AcceleratorArn": "{arn}", "Name": "ga", "Enabled": true,
        "IpSets": [{{"IpAddresses": ["198.51.100.1"]}}]}}]}}"#
    );
    let listener = format!(
        r#"{{"Listeners": [{{"ListenerArn": "{arn}/listener/y", "Protocol": "TCP",
        "PortRanges": [{{"FromPort": 79, "ToPort": 81}}]}}]}}"#
    );
    let files = [
        ("globalaccelerator-list-accelerators", accelerator.as_str()),
        ("globalaccelerator-list-listeners/x", listener.as_str()),
    ];
    let ask = |estate: &Estate| {
        let reach = Reach::new(&estate.network);
        let target = Target::Address(address("198.51.100.1"));
        words(&reach.ask(&internet(), &target, &tcp(80)))
    };
    Door { target: LOCAL, files: &files }.check(
        ask,
        YES,
        &[
            (r#""Enabled": true"#, r#""Enabled": false"#, DENIED),
            ("198.51.100.1", "198.51.100.2", OUT),
            (r#""Protocol": "TCP""#, r#""Protocol": "UDP""#, DENIED),
            (r#""FromPort": 79"#, r#""FromPort": 81"#, DENIED),
            (r#""ToPort": 81"#, r#""ToPort": 79"#, DENIED),
            ("accelerator/x/listener", "accelerator/z/listener", DENIED),
        ],
    );
}

#[test]
fn apis() {
    let http = r#"{"Items": [{"ApiId": "h1", "Name": "web", "ProtocolType": "HTTP",
        "DisableExecuteApiEndpoint": false}]}"#;
    let ask = |estate: &Estate| asked(estate, &internet(), "web", 443);
    Door { target: LOCAL, files: &[("apigatewayv2-get-apis", http)] }.check(
        ask,
        YES,
        &[(r#"Endpoint": false"#, r#"Endpoint": true"#, UNKNOWN)],
    );
    let rest = r#"{"items": [{"id": "a1", "name": "web", "disableExecuteApiEndpoint": false,
        "endpointConfiguration": {"types": ["REGIONAL"]}}]}"#;
    Door { target: LOCAL, files: &[("apigateway-get-rest-apis", rest)] }.check(
        ask,
        YES,
        &[
            (r#"Endpoint": false"#, r#"Endpoint": true"#, UNKNOWN),
            (r#"["REGIONAL"]"#, r#"["PRIVATE"]"#, DENIED),
        ],
    );
}

/// API Gateway prints policies with their quotation marks escaped once more.
const API_POLICY: &str = concat!(
    r#"{"items": [{"id": "a1", "name": "web", "endpointConfiguration": {"types": ["PRIVATE"]}, "#,
    r#""policy": "{\\\"Version\\\": \\\"2012-10-17\\\", \\\"Statement\\\": [{"#,
    r#"\\\"Effect\\\": \\\"Allow\\\", \\\"Principal\\\": \\\"*\\\", "#,
    r#"\\\"Action\\\": \\\"execute-api:Invoke\\\", "#,
    r#"\\\"Resource\\\": \\\"execute-api:/*\\\", \\\"Condition\\\": "#,
    r#"{\\\"StringEquals\\\": {\\\"aws:SourceVpce\\\": \\\"vpce-1\\\"}}}]}"}]}"#,
);

#[test]
fn private_apis_answer_behind_the_endpoints_that_their_policy_allows() {
    let body = r#"{"VpcEndpoints": [{"VpcEndpointId": "vpce-1", "VpcEndpointType": "Interface",
        "VpcId": "vpc-a", "ServiceName": "com.amazonaws.eu-west-1.execute-api",
        "State": "available", "SubnetIds": ["subnet-a"], "Groups": [{"GroupId": "sg-a"}],
        "PrivateDnsEnabled": false, "NetworkInterfaceIds": ["eni-e"]}]}"#;
    let interface = r#"{"NetworkInterfaces": [{"NetworkInterfaceId": "eni-e", "VpcId": "vpc-a",
        "SubnetId": "subnet-a", "PrivateIpAddress": "10.0.1.20", "InterfaceType": "vpc_endpoint",
        "Groups": [{"GroupId": "sg-a"}], "Description": "VPC Endpoint Interface vpce-1"}]}"#;
    let files = [
        ("describe-vpc-endpoints", body),
        ("describe-network-interfaces-2", interface),
        ("apigateway-get-rest-apis", API_POLICY),
    ];
    let door = Door { target: LOCAL, files: &files };
    door.check(
        |estate| to(estate, "web", 443),
        YES,
        &[
            (r#"\"vpce-1\"#, r#"\"vpce-2\"#, DENIED),
            (r#"\"Allow\"#, r#"\"Deny\"#, DENIED),
            ("aws:SourceVpce", "aws:SourceAccount", UNKNOWN),
            (r#"\"*\"#, r#"\"arn:aws:iam::111111111111:role/x\"#, UNKNOWN),
            (r#""policy""#, r#""description""#, UNKNOWN),
        ],
    );
    let outside = |estate: &Estate| asked(estate, &internet(), "web", 443);
    assert_eq!(outside(&door.estate("", "")), DENIED, "it is private");
    let unnamed = r#""disableExecuteApiEndpoint": true, "endpointConfiguration""#;
    let unnamed = door.estate(r#""endpointConfiguration""#, unnamed);
    assert_eq!(outside(&unnamed), DENIED, "whatever its name is");
    assert_eq!(to(&unnamed, "web", 443), UNKNOWN);
}

#[test]
fn search_domains_outside_of_vpcs_keep_out_whom_their_policy_denies() {
    let domain = concat!(
        r#"{"DomainStatus": {"ARN": "arn:aws:es:eu-west-1:111111111111:domain/logs", "#,
        r#""DomainName": "logs", "DomainId": "1/logs", "Deleted": false, "Created": true, "#,
        r#""AccessPolicies": "{\"Statement\": [{\"Effect\": \"Allow\", \"Principal\": "#,
        r#"{\"AWS\": \"*\"}, \"Action\": \"es:*\", \"Resource\": \"*\"}, "#,
        r#"{\"Effect\": \"Deny\", \"Principal\": {\"AWS\": \"*\"}, "#,
        r#"\"Action\": \"es:ESHttp*\", \"Resource\": "#,
        r#"\"arn:aws:es:eu-west-1:111111111111:domain/logs/*\", \"Condition\": "#,
        r#"{\"NotIpAddress\": {\"aws:SourceIp\": \"8.8.0.0/16\"}}}]}"}}"#,
    );
    Door { target: LOCAL, files: &[("opensearch-describe-domain/logs", domain)] }.check(
        |estate| asked(estate, &internet(), "logs", 443),
        YES,
        &[("8.8.0.0/16", "9.9.0.0/16", DENIED), ("NotIpAddress", "NotIpAddressOfMars", UNKNOWN)],
    );
}
