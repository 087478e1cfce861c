use serde_json::json;

use super::world::{
    OPEN, World, from_group, from_internet, from_prefix, nothing, tcp, with_icmp, with_ports,
    with_protocol,
};
use crate::twin::aws::Disposition::{Accepted, DeniedIn, DeniedOut, ExitsNetwork, Unknown};

#[test]
fn rule_01_reference_matches_private_addresses_only() {
    let mut world = World::new();
    world.internet_gateway("a");
    world.publish("eni-a1", "54.0.0.1");
    world.publish("eni-a2", "54.0.0.2");
    world.admit("a2", from_group("sg-a1"));
    world.expect(&tcp("eni-a1", "10.0.2.10"), Accepted);
    // By the public address it leaves through the internet gateway and comes back as somebody else.
    world.expect(&tcp("eni-a1", "54.0.0.2"), DeniedIn);
    world.admit("a2", from_prefix("54.0.0.1/32"));
    world.expect(&tcp("eni-a1", "54.0.0.2"), Accepted);
}

#[test]
fn rule_01_egress_reference_matches_where_the_way_leads() {
    let mut world = World::new();
    world.interface("a3", "subnet-a2", "10.0.2.11");
    world.release("a1", from_group("sg-a2"));
    world.expect(&tcp("eni-a1", "10.0.2.10"), Accepted);
    world.expect(&tcp("eni-a1", "10.0.2.11"), DeniedOut);
}

#[test]
fn rule_04_reference_does_not_match_through_a_middlebox() {
    let mut world = World::new();
    world.third_subnet();
    world.interface("box", "subnet-a3", "10.0.3.99");
    world.get("eni-box")["SourceDestCheck"] = json!(false);
    let table = world.own_table("subnet-a1");
    world.route(&table, "10.0.2.0/24", "NetworkInterfaceId", "eni-box");
    let packet = tcp("eni-a1", "10.0.2.10");
    world.expect(&packet, Unknown);
    assert_eq!(world.estate().accepts(&packet), (false, true));
    world.admit("a2", from_group("sg-a1"));
    assert_eq!(world.estate().accepts(&packet), (false, false));
    world.admit("a2", from_prefix("10.0.1.0/24"));
    assert_eq!(world.estate().accepts(&packet), (false, true));
}

#[test]
fn rule_05_acl_order() {
    let mut world = World::new();
    let mut entries = vec![
        (false, 200, true, "-1", "0.0.0.0/0", None),
        (false, 100, false, "6", "10.0.1.0/24", Some((443, 443))),
        (true, 100, true, "-1", "0.0.0.0/0", None),
    ];
    world.acl("subnet-a2", &entries);
    world.expect(&tcp("eni-a1", "10.0.2.10"), DeniedIn);
    world.expect(&with_ports(tcp("eni-a1", "10.0.2.10"), 40_000, 80), Accepted);
    entries[1].1 = 300;
    let mut world = World::new();
    world.acl("subnet-a2", &entries);
    world.expect(&tcp("eni-a1", "10.0.2.10"), Accepted);
    // Nothing matches: the implicit last entry denies.
    let mut world = World::new();
    world.acl("subnet-a2", &entries[2..]);
    world.expect(&tcp("eni-a1", "10.0.2.10"), DeniedIn);
}

#[test]
fn rule_05_own_acl_refuses_on_the_way_out() {
    let mut world = World::new();
    world.acl("subnet-a1", &OPEN[..1]);
    let outcome = world.walk(&tcp("eni-a1", "10.0.2.10"));
    assert_eq!((outcome.disposition, outcome.at.as_str()), (DeniedOut, "subnet-a1"));
}

#[test]
fn rule_06_acl_does_not_act_within_a_subnet() {
    let mut world = World::new();
    world.interface("a3", "subnet-a1", "10.0.1.11");
    world.acl("subnet-a1", &[]);
    world.expect(&tcp("eni-a1", "10.0.1.11"), Accepted);
    world.expect(&tcp("eni-a1", "10.0.2.10"), DeniedOut);
}

#[test]
fn rule_07_acl_is_stateless() {
    let mut world = World::new();
    world.acl("subnet-a2", &[OPEN[0], (true, 100, true, "6", "0.0.0.0/0", Some((32_768, 60_999)))]);
    assert!(world.walk(&tcp("eni-a1", "10.0.2.10")).established);
    let outcome = world.walk(&with_ports(tcp("eni-a1", "10.0.2.10"), 1024, 443));
    assert_eq!((outcome.disposition, outcome.established), (Accepted, false));
}

#[test]
fn rule_08_no_guard_filters_the_platform() {
    let mut world = World::new();
    world.release("a1", nothing());
    world.acl("subnet-a1", &[]);
    world.add(
        "Reservations",
        json!({"Instances": [
            {"InstanceId": "i-a1", "MetadataOptions": {"HttpEndpoint": "enabled"}},
            {"InstanceId": "i-a2", "MetadataOptions": {"HttpEndpoint": "disabled"}},
        ]}),
    );
    let dns = |port| with_ports(with_protocol(tcp("eni-a1", "10.0.0.2"), 17), 40_000, port);
    world.expect(&dns(53), Accepted);
    world.expect(&dns(54), DeniedIn);
    let metadata = |interface, port| with_ports(tcp(interface, "169.254.169.254"), 40_000, port);
    world.expect(&metadata("eni-a1", 80), Accepted);
    world.expect(&metadata("eni-a1", 81), DeniedIn);
    world.expect(&metadata("eni-a2", 80), DeniedIn);
    world.expect(&tcp("eni-a1", "169.254.169.123"), Accepted);
    world.expect(&tcp("eni-a1", "10.0.2.10"), DeniedOut);
}

#[test]
fn rule_09_families_are_apart() {
    let mut world = World::new();
    world.version_6("eni-a1", "2600:1f18:0:1::10");
    world.version_6("eni-a2", "2600:1f18:0:2::10");
    let packet = tcp("eni-a1", "2600:1f18:0:2::10");
    world.expect(&packet, Accepted);
    world.admit("a2", from_prefix("0.0.0.0/0"));
    world.expect(&packet, DeniedIn);
    world.admit("a2", json!({"IpProtocol": "-1", "Ipv6Ranges": [{"CidrIpv6": "2600:1f18::/32"}]}));
    world.expect(&packet, Accepted);
    world.acl("subnet-a2", &OPEN);
    world.expect(&packet, DeniedIn);
    world.expect(&tcp("eni-a1", "10.0.2.10"), DeniedIn);
}

#[test]
fn rule_10_groups_are_stateful() {
    let mut world = World::new();
    world.release("a2", nothing());
    world.admit("a1", nothing());
    assert!(world.walk(&tcp("eni-a1", "10.0.2.10")).established);
    world.expect(&tcp("eni-a2", "10.0.1.10"), DeniedOut);
}

#[test]
fn rule_11_groups_are_a_union_and_deny_without_rules() {
    let mut world = World::new();
    world.admit("a2", nothing());
    world.expect(&tcp("eni-a1", "10.0.2.10"), DeniedIn);
    world.add("SecurityGroups", json!({
        "GroupId": "sg-more", "IpPermissionsEgress": [], "IpPermissions": [
            {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "10.0.1.0/24"}]},
        ],
    }));
    world.get("eni-a2")["Groups"] = json!([{"GroupId": "sg-a2"}, {"GroupId": "sg-more"}]);
    world.expect(&tcp("eni-a1", "10.0.2.10"), Accepted);
    world.expect(&with_ports(tcp("eni-a1", "10.0.2.10"), 40_000, 444), DeniedIn);
}

#[test]
fn rule_11_group_without_a_body_is_unknown() {
    let mut world = World::new();
    world.get("eni-a2")["Groups"] = json!([{"GroupId": "sg-nowhere"}]);
    assert_eq!(world.estate().accepts(&tcp("eni-a1", "10.0.2.10")), (false, true));
}

#[test]
fn rule_12_prefix_lists_stand_for_their_entries() {
    let mut world = World::new();
    let rule = json!({"IpProtocol": "-1", "PrefixListIds": [{"PrefixListId": "pl-0a"}]});
    world.admit("a2", rule);
    world.expect(&tcp("eni-a1", "10.0.2.10"), Unknown);
    let mut known = world.clone();
    known.add_in(
        "raw/aws/111122223333/us-east-1/get-managed-prefix-list-entries-pl-0a.json",
        "Entries",
        json!([{"Cidr": "10.0.1.0/24"}]),
    );
    known.expect(&tcp("eni-a1", "10.0.2.10"), Accepted);
    known.interface("a3", "subnet-a2", "10.0.2.11");
    known.expect(&tcp("eni-a3", "10.0.2.10"), DeniedIn);
    // A list of the other family holds no such address, whatever its entries.
    world.add("PrefixLists", json!({"PrefixListId": "pl-0a", "AddressFamily": "IPv6"}));
    world.expect(&tcp("eni-a1", "10.0.2.10"), DeniedIn);
}

#[test]
fn rule_31_icmp_type_and_code() {
    let mut world = World::new();
    let rule = |from: i64, to: i64| {
        json!({
            "IpProtocol": "icmp", "FromPort": from, "ToPort": to,
            "IpRanges": [{"CidrIp": "0.0.0.0/0"}],
        })
    };
    let ping = |kind, code| with_icmp(tcp("eni-a1", "10.0.2.10"), 1, kind, code);
    world.admit("a2", rule(8, -1));
    assert!(world.walk(&ping(8, 0)).established);
    world.expect(&ping(13, 0), DeniedIn);
    world.admit("a2", rule(3, 4));
    world.expect(&ping(3, 4), Accepted);
    world.expect(&ping(3, 3), DeniedIn);
    world.admit("a2", rule(-1, -1));
    world.expect(&ping(13, 0), Accepted);
    world.expect(&tcp("eni-a1", "10.0.2.10"), DeniedIn);
    world.acl("subnet-a2", &[(false, 1, true, "1", "0.0.0.0/0", Some((8, 0)))]);
    world.expect(&ping(8, 0), Accepted);
    world.expect(&ping(13, 0), DeniedIn);
    // The echo's reply has another type, which the ACL going out does not know.
    assert!(!world.walk(&ping(8, 0)).established);
}

#[test]
fn rule_31_other_protocols_ignore_ports() {
    let mut world = World::new();
    world.admit("a2", json!({"IpProtocol": "50", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}));
    world.expect(&with_protocol(tcp("eni-a1", "10.0.2.10"), 50), Accepted);
    world.expect(&with_protocol(tcp("eni-a1", "10.0.2.10"), 51), DeniedIn);
}

#[test]
fn rule_30_groups_of_another_account_act_in_a_shared_vpc() {
    let mut world = World::new();
    world.add_in(
        "raw/aws/444455556666/us-east-1/file.json",
        "SecurityGroups",
        json!({
            "GroupId": "sg-participant", "VpcId": "vpc-a", "OwnerId": "444455556666",
            "IpPermissions": [from_group("sg-a1")], "IpPermissionsEgress": [],
        }),
    );
    world.get("eni-a2")["Groups"] = json!([{"GroupId": "sg-participant"}]);
    world.expect(&tcp("eni-a1", "10.0.2.10"), Accepted);
    world.interface("a3", "subnet-a1", "10.0.1.11");
    world.expect(&tcp("eni-a3", "10.0.2.10"), DeniedIn);
}

#[test]
fn rule_33_every_address_of_an_interface_counts() {
    let mut world = World::new();
    world.internet_gateway("a");
    world.get("eni-a2")["PrivateIpAddresses"] = json!([
        {"Primary": true, "PrivateIpAddress": "10.0.2.10"},
        {"Primary": false, "PrivateIpAddress": "10.0.2.20", "Association": {"PublicIp": "54.0.0.9"}},
    ]);
    world.expect(&tcp("eni-a1", "10.0.2.20"), Accepted);
    let outcome = world.walk(&from_internet("54.0.0.9"));
    assert_eq!(outcome.delivered_to.as_deref(), Some("eni-a2"));
    assert!(outcome.established);
    // The public address belongs to the second private one, not to the first.
    world.expect(&tcp("eni-a2", "8.8.8.8"), DeniedIn);
    let mut packet = tcp("eni-a2", "8.8.8.8");
    packet.source = "10.0.2.20".parse().ok();
    world.expect(&packet, ExitsNetwork);
}
