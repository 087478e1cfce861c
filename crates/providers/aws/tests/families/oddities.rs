//! Layouts, malformed bodies, and bodies that are legal but odd.

use watertight_aws::Options;
use watertight_model::network::{Attached, Health, Hop, StageDefault};
use watertight_source::Severity;

use crate::base::FILES;
use crate::support::{
    base, codes, content, converted, converted_with, endpoint, guard, subnet, table,
};

const VPC: &str = r#"{"Vpcs": [{"VpcId": "vpc-1", "CidrBlock": "10.0.0.0/16"}]}"#;

#[test]
fn the_order_of_bodies_does_not_matter() {
    let mut files = FILES.to_vec();
    files.reverse();
    assert_eq!(content(&converted(&files).estate), content(&base()));
}

#[test]
fn layouts_are_recognised_by_content() {
    let bodies = [
        ("Vpcs.json", VPC.to_owned()),
        ("ec2.DescribeVpcs_1.json", format!(r#"{{"status_code": 200, "data": {VPC}}}"#)),
        ("pages.json", format!("[{VPC}]")),
        ("dump.json", VPC.replace("Vpcs", "vpcs")),
        ("describe-vpcs.json", r#"[{"VpcId": "vpc-1", "CidrBlock": "10.0.0.0/16"}]"#.to_owned()),
    ];
    for (path, text) in bodies {
        let converted = converted(&[(path, &text)]);
        assert_eq!(converted.estate.network.realms.len(), 1, "{path}");
        assert!(codes(&converted, Severity::Error).is_empty(), "{path}");
    }
}

#[test]
fn bodies_about_one_resource_are_named_by_their_file() {
    let routes = r#"{"Routes": [{"DestinationCidrBlock": "10.0.0.0/8", "Type": "static",
        "State": "blackhole"}], "AdditionalRoutesAvailable": false}"#;
    let tables = r#"{"TransitGatewayRouteTables": [
        {"TransitGatewayRouteTableId": "tgw-rtb-1", "TransitGatewayId": "tgw-1"}]}"#;
    let path = "search-transit-gateway-routes/tgw-rtb-1.json";
    let network = converted(&[("t.json", tables), (path, routes)]).estate.network;
    let table = network.tables.values().next().unwrap();
    assert_eq!((table.name.as_str(), table.routes.len(), table.unread.len()), ("tgw-rtb-1", 1, 0));
    let converted = converted(&[("t.json", tables), ("r.json", routes)]);
    assert!(codes(&converted, Severity::Warning).contains(&"WT0109"));
    let table = converted.estate.network.tables.values().next().unwrap();
    assert_eq!((table.routes.len(), table.unread.len()), (0, 1));
}

#[test]
fn what_is_not_recognised_is_said() {
    for text in [r#"{"Something": [1]}"#, "[1]", "3"] {
        assert_eq!(codes(&converted(&[("x.json", text)]), Severity::Note), ["WT0101"], "{text}");
    }
    let mixed = VPC.replacen('{', r#"{"Something": [1], "#, 1);
    assert_eq!(codes(&converted(&[("x.json", &mixed)]), Severity::Note), ["WT0102"]);
}

#[test]
fn one_id_with_two_contents_is_an_error() {
    let gateways = ("g.json", r#"{"InternetGateways": []}"#);
    let same = converted(&[("a.json", VPC), ("b.json", VPC), gateways]);
    assert!(same.diagnostics.is_empty());
    let other = VPC.replace("/16", "/17");
    let differing = converted(&[("a.json", VPC), ("b.json", &other)]);
    let error = &differing.diagnostics.kept()[0];
    assert_eq!((error.code.as_str(), error.severity), ("WT0100", Severity::Error));
    assert!(error.label.is_some() && error.related.len() == 1);
}

#[test]
fn names_that_two_regions_share_are_two_things() {
    let balancer = |subnet: &str| {
        format!(
            r#"{{"LoadBalancerDescriptions": [{{"LoadBalancerName": "old", "Scheme": "internal",
            "Subnets": ["{subnet}"], "Instances": [{{"InstanceId": "i-1"}}],
            "ListenerDescriptions": [{{"Listener": {{"Protocol": "TCP", "LoadBalancerPort": 80,
              "InstancePort": 80}}}}]}}]}}"#
        )
    };
    let health = |state: &str| {
        format!(r#"{{"InstanceStates": [{{"InstanceId": "i-1", "State": "{state}"}}]}}"#)
    };
    let crossing = |on: bool| {
        format!(
            r#"{{"LoadBalancerAttributes": {{"CrossZoneLoadBalancing": {{"Enabled": {on}}}}}}}"#
        )
    };
    let mut files = Vec::new();
    for (region, state, on) in
        [("eu-west-1", "InService", true), ("us-east-1", "OutOfService", false)]
    {
        let path = |call: &str| format!("111111111111/{region}/elb-{call}.json");
        files.push((path("describe-load-balancers"), balancer("subnet-1")));
        files.push((path("describe-instance-health/old"), health(state)));
        files.push((path("describe-load-balancer-attributes/old"), crossing(on)));
    }
    let pairs: Vec<(&str, &str)> =
        files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let converted = converted(&pairs);
    assert!(codes(&converted, Severity::Error).is_empty(), "{:?}", converted.diagnostics);
    let network = &converted.estate.network;
    let mut found: Vec<_> = network
        .fronts
        .values()
        .map(|front| {
            let group = front.listeners[0].target_groups[0];
            (front.cross_zone, network.target_groups[group].targets[0].health)
        })
        .collect();
    found.sort_unstable();
    assert_eq!(found, [(false, Health::Unhealthy), (true, Health::Healthy)]);
}

#[test]
fn accounts_may_see_a_shared_resource_differently() {
    let owner = VPC.replace("\"VpcId\"", r#""OwnerId": "111111111111", "Tags": [], "VpcId""#);
    let guest = owner.replace("[],", r#"[{"Key": "Name", "Value": "guest"}],"#);
    let gateways = ("g.json", r#"{"InternetGateways": []}"#);
    let files =
        [("222222222222/v.json", guest.as_str()), ("111111111111/v.json", &owner), gateways];
    let converted = converted(&files);
    assert!(converted.diagnostics.is_empty());
    assert_eq!(converted.estate.network.realms.values().next().unwrap().title, "vpc-1");
}

#[test]
fn regions_may_see_a_peering_between_them_differently() {
    let seen = |region: &str, tags: &str, options: &str| {
        let sides =
            [("RequesterVpcInfo", "vpc-1", "eu-west-1"), ("AccepterVpcInfo", "vpc-2", "us-east-1")];
        let sides = sides.map(|(key, vpc, at)| {
            format!(r#""{key}": {{"OwnerId": "111111111111", "VpcId": "{vpc}", "Region": "{at}"{options}}}"#)
        });
        let text = format!(
            r#"{{"VpcPeeringConnections": [{{"VpcPeeringConnectionId": "pcx-1", {},
                "Status": {{"Code": "active"}}, "Tags": [{tags}]}}]}}"#,
            sides.join(", ")
        );
        (format!("111111111111/{region}/pcx.json"), text)
    };
    let tag = r#"{"Key": "Name", "Value": "to-the-other-side"}"#;
    let options = r#", "PeeringOptions": {"AllowDnsResolutionFromRemoteVpc": true}"#;
    let [near, far, again] =
        [seen("eu-west-1", tag, options), seen("us-east-1", "", ""), seen("eu-west-1", "", "")];
    let errors = |files: [&(String, String); 2]| {
        let files = files.map(|(path, text)| (path.as_str(), text.as_str()));
        codes(&converted(&files), Severity::Error)
    };
    assert_eq!(errors([&near, &far]), Vec::<String>::new());
    // Twice in one region is another matter.
    assert_eq!(errors([&near, &(again.0.replace("pcx.", "pcx2."), again.1)]), ["WT0100"]);
}

#[test]
fn wrong_types_and_values_are_errors_with_a_place() {
    let cases = [
        (VPC.replace(r#""10.0.0.0/16""#, "7"), "WT0011"),
        (VPC.replace("10.0.0.0/16", "10.0.0.0/33"), "WT0104"),
        (VPC.replace(r#""VpcId": "vpc-1", "#, ""), "WT0012"),
        (r#"{"Vpcs": [7]}"#.to_owned(), "WT0011"),
        (
            r#"{"NetworkInterfaces": [{"NetworkInterfaceId": "eni-1", "PrivateIpAddress": "x"}]}"#
                .to_owned(),
            "WT0105",
        ),
        (
            r#"{"SecurityGroups": [{"GroupId": "sg-1", "IpPermissions": [{"IpProtocol": "tcp",
            "FromPort": 70000, "ToPort": 70000, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}]}]}"#
                .to_owned(),
            "WT0106",
        ),
    ];
    for (text, code) in cases {
        let converted = converted(&[("x.json", &text)]);
        let errors = converted.diagnostics.kept().iter();
        let errors: Vec<_> = errors.filter(|one| one.severity == Severity::Error).collect();
        assert_eq!(errors.len(), 1, "{text}");
        assert_eq!(errors[0].code.as_str(), code, "{text}");
        assert!(errors[0].label.is_some(), "{text}");
    }
}

#[test]
fn lists_are_bounded() {
    let list =
        r#"{"PrefixListId": "pl-1", "Entries": [{"Cidr": "10.0.0.0/8"}, {"Cidr": "11.0.0.0/8"}]}"#;
    for (parts_max, expected) in [(2, vec![]), (1, vec!["WT0103"])] {
        let options = Options { parts_max, ..Options::default() };
        assert_eq!(
            codes(&converted_with(&[("x.json", list)], &options), Severity::Error),
            expected
        );
    }
}

#[test]
fn what_is_missing_makes_answers_unknown() {
    let files = [
        ("v.json", VPC),
        (
            "s.json",
            r#"{"Subnets": [{"SubnetId": "subnet-1", "VpcId": "vpc-1",
            "CidrBlock": "10.0.1.0/24"}, {"SubnetId": "subnet-2", "VpcId": "vpc-gone",
            "CidrBlock": "10.5.1.0/24"}]}"#,
        ),
        (
            "i.json",
            r#"{"NetworkInterfaces": [{"NetworkInterfaceId": "eni-1",
            "SubnetId": "subnet-1", "PrivateIpAddress": "10.0.1.5"},
            {"NetworkInterfaceId": "eni-2", "SubnetId": "subnet-1",
            "PrivateIpAddress": "10.0.1.6", "Groups": [{"GroupId": "sg-gone"}]}]}"#,
        ),
        (
            "r.json",
            r#"{"RouteTables": [{"RouteTableId": "rtb-1", "VpcId": "vpc-gone",
            "Associations": [{"Main": true}], "Routes": [
            {"DestinationCidrBlock": "0.0.0.0/0", "GatewayId": "igw-gone", "State": "active"},
            {"DestinationCidrBlock": "10.8.0.0/16", "TransitGatewayId": "tgw-gone"},
            {"DestinationCidrBlock": "10.9.0.0/16", "GatewayId": "igw-gone", "State": "odd"}]}]}"#,
        ),
    ];
    let converted = converted(&files);
    assert!(codes(&converted, Severity::Error).is_empty());
    let network = &converted.estate.network;
    assert_eq!(subnet(network, "subnet-1").table, None);
    assert_eq!(network.realms.len(), 2);
    for name in ["eni-1", "eni-2"] {
        let layer = &network.layers[endpoint(network, name).layers[0]];
        let guard = &network.guards[layer.guards[0]];
        assert!(matches!(guard.egress[0].default, StageDefault::Unknown(_)), "{name}");
    }
    let table = network.tables.values().next().unwrap();
    assert!(table.routes.iter().all(|route| matches!(route.hop, Hop::Unread(_))));
    let warnings = codes(&converted, Severity::Warning);
    assert!(warnings.contains(&"WT0107") && warnings.contains(&"WT0108"));
}

#[test]
fn bodies_without_their_contents_make_answers_unknown() {
    let files = [
        ("a.json", r#"{"NetworkAcls": [{"NetworkAclId": "acl-1"}]}"#),
        (
            "g.json",
            r#"{"SecurityGroups": [{"GroupId": "sg-1"}, {"GroupId": "sg-2",
            "IpPermissions": []}]}"#,
        ),
        ("r.json", r#"{"RouteTables": [{"RouteTableId": "rtb-1"}]}"#),
        (
            "i.json",
            r#"{"NetworkInterfaces": [{"NetworkInterfaceId": "eni-1", "VpcId": "vpc-9",
            "SubnetId": "subnet-9", "PrivateIpAddress": "10.0.1.5", "Groups": []}]}"#,
        ),
    ];
    let network = converted(&files).estate.network;
    let is_unknown = |default: &StageDefault| matches!(default, StageDefault::Unknown(_));
    for (name, expected) in
        [("acl-1", [true, true]), ("sg-1", [true, true]), ("sg-2", [false, true])]
    {
        let guard = guard(&network, name);
        let found = [&guard.ingress, &guard.egress].map(|stages| is_unknown(&stages[0].default));
        assert_eq!(found, expected, "{name}");
    }
    assert!(table(&network, "rtb-1").unread[0].candidates.is_all());
    let stub = subnet(&network, "subnet-9");
    assert_eq!(stub.prefixes[0].to_string(), "10.0.1.5/32");
    assert!(stub.table.is_none() && endpoint(&network, "eni-1").subnet.is_some());
    assert_eq!(network.realms[stub.realm].prefixes, stub.prefixes);
}

#[test]
fn a_peering_of_transit_gateways_has_two_sides() {
    let side = |own: &str, other: &str| {
        format!(
            r#"{{"TransitGateways": [{{"TransitGatewayId": "{own}", "State": "available"}}],
            "TransitGatewayAttachments": [{{"TransitGatewayAttachmentId": "att-p",
              "TransitGatewayId": "{own}", "ResourceType": "peering", "ResourceId": "{other}",
              "State": "available"}}]}}"#
        )
    };
    let (one, other) = (side("tgw-1", "tgw-2"), side("tgw-2", "tgw-1"));
    let converted = converted(&[("a/x.json", &one), ("b/x.json", &other)]);
    assert!(codes(&converted, Severity::Error).is_empty());
    let attachments = &converted.estate.network.attachments;
    assert_eq!(attachments.len(), 2);
    for (id, attachment) in attachments.iter() {
        let Attached::Peer(Some(peer)) = attachment.attached else { panic!() };
        assert_ne!(peer, id);
    }
}

#[test]
fn a_dump_without_owners_keeps_its_interfaces() {
    let dump = r#"{"vpcs": [{"VpcId": "VpcId:1", "CidrBlock": "10.0.0.0/16", "Region": "eu-north-1"}],
        "subnets": [{"SubnetId": "SubnetId:2", "VpcId": "VpcId:1", "CidrBlock": "10.0.1.0/24"}],
        "instances": [{"InstanceId": "InstanceId:3", "VpcId": "VpcId:1", "NetworkInterfaces": [
            {"NetworkInterfaceId": "NetworkInterfaceId:4", "SubnetId": "SubnetId:2",
             "PrivateIpAddress": "10.0.1.5", "Groups": []}]}],
        "security_groups": [], "network_acls": [], "collector_version": "0.14.0"}"#;
    let estate = converted(&[("dump.json", dump)]).estate;
    assert_eq!(
        estate.network.realms.values().next().unwrap().region.as_deref(),
        Some("eu-north-1")
    );
    let interface = endpoint(&estate.network, "NetworkInterfaceId:4");
    assert_eq!(estate.workloads[interface.workload].id, "InstanceId:3");
    assert!(estate.network.layers[interface.layers[0]].guards.is_empty());
}
