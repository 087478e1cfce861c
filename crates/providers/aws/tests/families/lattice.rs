//! VPC Lattice: who reaches a service, and what the service reaches.

use std::collections::BTreeSet;

use watertight_model::Estate;
use watertight_net::Family;
use watertight_reach::{Reach, Start, Target};

use crate::doors::{Door, LOCAL, endpoints, tcp, words};
use crate::partial::address;

const ARN: &str = "arn:aws:vpc-lattice:eu-west-1:111111111111";

/// A service in a network of the first VPC, with a machine of the second as its target.
fn bodies() -> Vec<(&'static str, String)> {
    let network = format!("{ARN}:servicenetwork/sn-1");
    let service = format!("{ARN}:service/svc-1");
    let association = format!("{ARN}:servicenetworkvpcassociation/snva-1");
    vec![
        (
            "vpc-lattice-list-service-networks",
            format!(r#"{{"items": [{{"arn": "{network}", "id": "sn-1", "name": "mesh"}}]}}"#),
        ),
        (
            "vpc-lattice-list-service-network-vpc-associations",
            format!(
                r#"{{"items": [{{"arn": "{association}", "id": "snva-1", "status": "ACTIVE",
                "vpcId": "vpc-a", "serviceNetworkArn": "{network}"}}]}}"#
            ),
        ),
        (
            "vpc-lattice-get-service-network-vpc-association/snva-1",
            format!(r#"{{"arn": "{association}", "securityGroupIds": ["sg-b"]}}"#),
        ),
        (
            "vpc-lattice-list-services",
            format!(
                r#"{{"items": [{{"arn": "{service}", "id": "svc-1", "name": "pay",
                "status": "ACTIVE", "dnsEntry": {{"domainName": "pay.example"}}}}]}}"#
            ),
        ),
        (
            "vpc-lattice-get-service/svc-1",
            format!(r#"{{"arn": "{service}", "name": "pay", "authType": "NONE"}}"#),
        ),
        (
            "vpc-lattice-get-service-network/sn-1",
            format!(r#"{{"arn": "{network}", "name": "mesh", "authType": "NONE" }}"#),
        ),
        (
            "vpc-lattice-list-service-network-service-associations",
            format!(
                r#"{{"items": [{{"arn": "{ARN}:servicenetworkserviceassociation/snsa-1",
                "serviceArn": "{service}", "serviceNetworkArn": "{network}", "status": "ACTIVE"}}]}}"#
            ),
        ),
        (
            "vpc-lattice-get-listener/listener-1",
            format!(
                r#"{{"arn": "{service}/listener/listener-1", "port": 80, "protocol": "HTTP",
                "defaultAction": {{"forward": {{"targetGroups": [
                  {{"targetGroupIdentifier": "tg-1", "weight": 100}}]}}}}}}"#
            ),
        ),
        (
            "vpc-lattice-list-target-groups",
            format!(
                r#"{{"items": [{{"arn": "{ARN}:targetgroup/tg-1", "id": "tg-1", "port": 80,
                "vpcIdentifier": "vpc-b", "type": "IP", "serviceArns": ["{service}"]}}]}}"#
            ),
        ),
        (
            "vpc-lattice-list-targets/tg-1",
            r#"{"items": [{"id": "10.1.1.10", "port": 80, "status": "HEALTHY"}]}"#.to_owned(),
        ),
    ]
}

fn asked(estate: &Estate, ask: impl Fn(&Reach<'_>, Target, Start) -> String) -> String {
    let Some(endpoints) = endpoints(estate, "pay") else { return "nobody".to_owned() };
    let reach = Reach::new(&estate.network);
    let family = Family::V4;
    let answers = endpoints.iter().map(|endpoint| {
        let target = Target::Unaddressed { endpoint: *endpoint, family, public: false };
        ask(&reach, target, Start::Unaddressed { endpoint: *endpoint, family })
    });
    let answers: BTreeSet<String> = answers.collect();
    answers.into_iter().collect::<Vec<_>>().join(", ")
}

/// What becomes of requests of the first machine to each attachment of the service.
fn requests(estate: &Estate) -> String {
    let client = estate.network.endpoints.iter().find(|(_, one)| one.name == "eni-a").unwrap().0;
    let start = Start::Endpoint { endpoint: client, address: address("10.0.1.10") };
    asked(estate, |reach, target, _| words(&reach.ask(&start, &target, &tcp(80))))
}

/// What becomes of the service's own connections to its target, from each attachment.
fn legs(estate: &Estate) -> String {
    let target = Target::Address(address("10.1.1.10"));
    asked(estate, |reach, _, start| words(&reach.ask(&start, &target, &tcp(80))))
}

/// Another VPC's attachment has no address where the client is.
const NOBODY: &str = "neighbor_unreachable";

#[test]
fn each_field_of_a_service_changes_an_answer() {
    let bodies = bodies();
    let files: Vec<(&str, &str)> =
        bodies.iter().map(|(call, body)| (*call, body.as_str())).collect();
    let door = Door { target: LOCAL, files: &files };
    let both =
        |estate: &Estate| [requests(estate), legs(estate)].map(|text| text.replace(NOBODY, "-"));
    let whole = ["accepted, -", "accepted, denied_out"];
    assert_eq!(both(&door.estate("", "")), whole);
    let ended = ["no_route", "accepted"];
    let doubted = ["-, unknown", "accepted, denied_out"];
    let lost = ["accepted", "denied_out"];
    let changes = [
        (
            r#""status": "ACTIVE",
                "vpcId""#,
            r#""status": "CREATE_FAILED", "vpcId""#,
            ended,
        ),
        (r#""vpcId": "vpc-a""#, r#""vpcId": "vpc-b""#, ["no_route", "accepted, denied_out"]),
        (r#"["sg-b"]"#, r#"["sg-z"]"#, ["-, unknown", "accepted, no_route"]),
        (r#""securityGroupIds""#, r#""others""#, ["-, unknown", "accepted, no_route"]),
        (r#"["sg-b"]"#, "[]", ["accepted, -", "accepted, no_route"]),
        (
            r#""status": "ACTIVE", "dnsEntry""#,
            r#""status": "CREATE_FAILED", "dnsEntry""#,
            ["nobody"; 2],
        ),
        (r#""authType": "NONE"}"#, r#""authType": "AWS_IAM"}"#, doubted),
        (r#""authType": "NONE" }"#, r#""authType": "AWS_IAM" }"#, doubted),
        (r#"sn-1", "status": "ACTIVE""#, r#"sn-1", "status": "DELETE_IN_PROGRESS""#, ended),
        (r#""port": 80, "protocol""#, r#""port": 90, "protocol""#, ["denied_in, -", whole[1]]),
        (r#""weight": 100"#, r#""weight": 0"#, lost),
        (r#""10.1.1.10", "port": 80"#, r#""10.1.1.11", "port": 80"#, lost),
    ];
    for (from, to, expected) in changes {
        assert_ne!(expected, whole, "`{from}` does not count");
        assert_eq!(both(&door.estate(from, to)), expected, "`{from}` to `{to}`");
    }
}

#[test]
fn targets_hear_of_link_local_addresses_alone() {
    let bodies = bodies();
    let files: Vec<(&str, &str)> =
        bodies.iter().map(|(call, body)| (*call, body.as_str())).collect();
    let door = Door { target: LOCAL, files: &files };
    let listed = |prefix: &str| {
        let own = format!(
            r#""IpRanges": [{{"CidrIp": "{prefix}"}}]}},
              {{"IpProtocol": "tcp", "FromPort": 81"#
        );
        let everybody = "\"IpRanges\": [{\"CidrIp\": \"0.0.0.0/0\"}]},\n              \
                         {\"IpProtocol\": \"tcp\", \"FromPort\": 81";
        legs(&door.estate(everybody, &own))
    };
    assert_eq!(listed("169.254.171.0/24"), "accepted, denied_out");
    assert_eq!(listed("10.0.0.0/16"), "denied_in, denied_out");
}

#[test]
fn a_route_to_the_mesh_is_local_where_its_associations_are_told() {
    let bodies = bodies();
    let files: Vec<(&str, &str)> =
        bodies.iter().map(|(call, body)| (*call, body.as_str())).collect();
    let tables = crate::ways::tables(LOCAL).replace("172.16.0.0/12", "169.254.171.0/24");
    let tables = tables.replacen(
        r#"{"DestinationCidrBlock": "169.254.171.0/24", "GatewayId": "local"}"#,
        r#"{"DestinationCidrBlock": "169.254.171.0/24", "GatewayId": "VpcLattice"}"#,
        1,
    );
    let routed = [files.as_slice(), &[("describe-route-tables", tables.as_str())]].concat();
    let estate = Door { target: LOCAL, files: &routed }.estate("", "");
    assert_eq!(requests(&estate), "accepted, neighbor_unreachable");
}
