use serde_json::json;

use super::world::{World, from_group, from_internet, from_prefix, tcp, with_ports, with_protocol};
use crate::twin::aws::Disposition::{Accepted, DeniedIn, NullRouted, Unknown};
use crate::twin::aws::{Packet, Start};

const PREFIX: &str = "arn:aws:elasticloadbalancing:us-east-1:111122223333";
const HEALTH: &str = "raw/aws/111122223333/us-east-1/describe-target-health-arn%3Aaws%3A\
    elasticloadbalancing%3Aus-east-1%3A111122223333%3Atargetgroup%2Fweb%2F0123456789abcdef.json";
const ATTRIBUTES: &str = "raw/aws/111122223333/us-east-1/describe-target-group-attributes-arn%3A\
    aws%3Aelasticloadbalancing%3Aus-east-1%3A111122223333%3Atargetgroup%2Fweb%2F\
    0123456789abcdef.json";
const BALANCER: &str = "raw/aws/111122223333/us-east-1/describe-load-balancer-attributes-arn%3A\
    aws%3Aelasticloadbalancing%3Aus-east-1%3A111122223333%3Aloadbalancer%2Fnet%2Fweb%2F\
    fedcba9876543210.json";

/// A load balancer at 10.0.1.80 with a listener at 443, and `eni-a2`'s instance at port 8443.
fn balanced(kind: &str, protocol: &str, target: &str) -> World {
    balanced_in(kind, protocol, target, "healthy")
}

/// The same, with the instance in a state.
fn balanced_in(kind: &str, protocol: &str, target: &str, state: &str) -> World {
    let mut world = World::new();
    let short = if kind == "network" { "net" } else { "app" };
    world.interface("lb", "subnet-a1", "10.0.1.80");
    world.get("eni-lb")["Description"] = json!(format!("ELB {short}/web/fedcba9876543210"));
    if kind == "network" {
        world.get("eni-lb")["InterfaceType"] = json!("network_load_balancer");
    }
    let arn = format!("{PREFIX}:loadbalancer/{short}/web/fedcba9876543210");
    let group = format!("{PREFIX}:targetgroup/web/0123456789abcdef");
    world.add("LoadBalancers", json!({"LoadBalancerArn": arn, "Type": kind, "VpcId": "vpc-a"}));
    world.add(
        "Listeners",
        json!({
            "ListenerArn": "listener", "LoadBalancerArn": arn, "Port": 443, "Protocol": protocol,
            "DefaultActions": [{"Type": "forward", "TargetGroupArn": group}],
        }),
    );
    let carried = if matches!(protocol, "TLS" | "HTTPS") { "TCP" } else { protocol };
    world.add(
        "TargetGroups",
        json!({
            "TargetGroupArn": group, "TargetType": target, "Protocol": carried, "Port": 80,
            "VpcId": "vpc-a", "IpAddressType": "ipv4",
        }),
    );
    let id = if target == "instance" { "i-a2" } else { "10.0.2.10" };
    world.add_in(
        HEALTH,
        "TargetHealthDescriptions",
        json!([
            {"Target": {"Id": id, "Port": 8443}, "TargetHealth": {"State": state}},
        ]),
    );
    world.add_in(
        BALANCER,
        "Attributes",
        json!([
            {"Key": "load_balancing.cross_zone.enabled", "Value": "true"},
        ]),
    );
    world
}

fn preserve(world: &mut World, value: &str) {
    world.add_in(
        ATTRIBUTES,
        "Attributes",
        json!([
            {"Key": "preserve_client_ip.enabled", "Value": value},
        ]),
    );
}

#[track_caller]
fn delivered(world: &World, packet: &Packet, interface: &str) {
    let outcome = world.walk(packet);
    assert_eq!(outcome.delivered_to.as_deref(), Some(interface), "{outcome:?}");
    assert!(outcome.established, "{outcome:?}");
}

#[test]
fn rule_25_client_address_is_preserved_by_kind_of_target() {
    delivered(&balanced("network", "TCP", "instance"), &tcp("eni-a1", "10.0.1.80"), "eni-a2");
    delivered(&balanced("network", "TCP", "ip"), &tcp("eni-a1", "10.0.1.80"), "eni-lb");
    delivered(&balanced("network", "TLS", "instance"), &tcp("eni-a1", "10.0.1.80"), "eni-a2");
    delivered(&balanced("network", "TLS", "ip"), &tcp("eni-a1", "10.0.1.80"), "eni-lb");
    let udp = with_protocol(tcp("eni-a1", "10.0.1.80"), 17);
    delivered(&balanced("network", "UDP", "ip"), &udp, "eni-a2");
    let mut world = balanced("network", "TCP", "ip");
    preserve(&mut world, "true");
    delivered(&world, &tcp("eni-a1", "10.0.1.80"), "eni-a2");
    let mut world = balanced("network", "TCP", "instance");
    preserve(&mut world, "false");
    delivered(&world, &tcp("eni-a1", "10.0.1.80"), "eni-lb");
    // The attribute has no say in UDP to addresses.
    let mut world = balanced("network", "UDP", "ip");
    preserve(&mut world, "false");
    delivered(&world, &udp, "eni-a2");
}

#[test]
fn rule_26_groups_of_a_network_load_balancer() {
    let mut world = balanced("network", "TCP", "instance");
    let packet = tcp("eni-a1", "10.0.1.80");
    // The target sees the client, and may mean the load balancer's group; not the client's.
    world.admit("a2", from_prefix("10.0.1.10/32"));
    world.expect(&packet, Accepted);
    world.admit("a2", from_group("sg-lb"));
    world.expect(&packet, Accepted);
    world.admit("a2", from_group("sg-a1"));
    world.expect(&packet, DeniedIn);
    world.admit("a2", from_prefix("0.0.0.0/0"));
    world.admit("lb", from_prefix("192.0.2.0/24"));
    let outcome = world.walk(&packet);
    assert_eq!((outcome.disposition, outcome.at.as_str()), (DeniedIn, "eni-lb"));
    world.admit("lb", from_prefix("0.0.0.0/0"));
    // What the load balancer may send is a matter of its own groups.
    world.release("lb", from_prefix("192.0.2.0/24"));
    let outcome = world.walk(&packet);
    assert_eq!((outcome.disposition, outcome.at.as_str()), (DeniedIn, "eni-lb"));
    world.release("lb", from_group("sg-a2"));
    world.expect(&packet, Accepted);
    // Without groups everything reaches the listener.
    world.get("eni-lb")["Groups"] = json!([]);
    world.expect(&packet, Accepted);
}

#[test]
fn rule_26_acl_of_the_target_sees_the_client() {
    let mut world = balanced("network", "TCP", "instance");
    world.internet_gateway("a");
    world.publish("eni-lb", "54.0.0.80");
    assert!(world.walk(&from_internet("54.0.0.80")).established);
    world.acl(
        "subnet-a2",
        &[(false, 1, true, "-1", "10.0.0.0/8", None), (true, 1, true, "-1", "0.0.0.0/0", None)],
    );
    let outcome = world.walk(&from_internet("54.0.0.80"));
    assert_eq!((outcome.disposition, outcome.at.as_str()), (DeniedIn, "subnet-a2"));
    // A client beside the target does not cross the ACL.
    world.interface("a3", "subnet-a2", "10.0.2.11");
    world.get("acl-subnet-a2")["Entries"][0]["CidrBlock"] = json!("192.0.2.0/24");
    world.expect(&tcp("eni-a3", "10.0.1.80"), Accepted);
    world.expect(&tcp("eni-a1", "10.0.1.80"), DeniedIn);
}

#[test]
fn rule_27_application_load_balancer_ends_the_leg() {
    let mut world = balanced("application", "HTTPS", "instance");
    let packet = tcp("eni-a1", "10.0.1.80");
    world.admit("a2", from_group("sg-lb"));
    delivered(&world, &packet, "eni-lb");
    let legs = world.estate().second_legs("eni-lb");
    assert_eq!(legs.len(), 1);
    assert_eq!(legs[0].start, Start::Interface("eni-lb".to_owned()));
    assert_eq!(legs[0].destination_port, 8443);
    delivered(&world, &legs[0], "eni-a2");
    world.expect(&tcp("eni-a1", "10.0.2.10"), DeniedIn);
    world.release("lb", from_prefix("192.0.2.0/24"));
    assert_eq!(world.estate().accepts(&legs[0]), (false, false));
}

#[test]
fn rule_28_listener_and_the_targets_own_port() {
    let mut world = balanced("network", "TCP", "instance");
    let outcome = world.walk(&with_ports(tcp("eni-a1", "10.0.1.80"), 40_000, 80));
    assert_eq!((outcome.disposition, outcome.at.as_str()), (DeniedIn, "eni-lb"));
    world.expect(&with_protocol(tcp("eni-a1", "10.0.1.80"), 17), DeniedIn);
    world.admit(
        "a2",
        json!({
            "IpProtocol": "tcp", "FromPort": 8443, "ToPort": 8443,
            "IpRanges": [{"CidrIp": "10.0.0.0/8"}],
        }),
    );
    world.expect(&tcp("eni-a1", "10.0.1.80"), Accepted);
}

#[test]
fn rule_28_unhealthy_targets_serve_when_nobody_else_does() {
    let mut world = balanced("network", "TCP", "instance");
    world.interface("a3", "subnet-a1", "10.0.1.11");
    let target = |id: &str, state: &str| json!({"Target": {"Id": id, "Port": 8443}, "TargetHealth": {"State": state}});
    world.add_in(HEALTH, "TargetHealthDescriptions", json!([target("i-a3", "unhealthy")]));
    delivered(&world, &tcp("eni-a1", "10.0.1.80"), "eni-a2");
    let mut failing = balanced("network", "TCP", "instance");
    failing.interface("a3", "subnet-a1", "10.0.1.11");
    failing.get("listener")["DefaultActions"][0]["TargetGroupArn"] = json!("arn:group/none");
    // Asked of the twin alone: the model keeps no group that is not in the input.
    let nowhere = failing.estate().walk(&tcp("eni-a1", "10.0.1.80"));
    assert_eq!(nowhere.outcomes[0].disposition, Unknown);
    let mut both = World::new();
    both.clone_from(&world);
    both.add_in(HEALTH, "TargetHealthDescriptions", json!([target("i-a1", "healthy")]));
    let outcomes = both.estate().walk(&tcp("eni-a3", "10.0.1.80")).outcomes;
    let targets: Vec<_> = outcomes.iter().filter_map(|end| end.delivered_to.as_deref()).collect();
    assert_eq!(targets, ["eni-a2", "eni-a1"]);
}

#[test]
fn rule_28_targets_that_are_not_in_use_serve_nobody() {
    for (state, expected) in [("initial", Accepted), ("unused", DeniedIn), ("draining", DeniedIn)] {
        balanced_in("network", "TCP", "instance", state)
            .expect(&tcp("eni-a1", "10.0.1.80"), expected);
    }
}

#[test]
fn rule_28_zones_without_cross_zone() {
    let mut world = balanced("network", "TCP", "instance");
    world.add_in(
        ATTRIBUTES,
        "Attributes",
        json!([
            {"Key": "load_balancing.cross_zone.enabled", "Value": "false"},
        ]),
    );
    // The only target is in the other zone.
    world.expect(&tcp("eni-a1", "10.0.1.80"), DeniedIn);
    world.interface("a3", "subnet-a1", "10.0.1.11");
    world.add_in(
        HEALTH,
        "TargetHealthDescriptions",
        json!([
            {"Target": {"Id": "i-a3", "Port": 8443}, "TargetHealth": {"State": "healthy"}},
        ]),
    );
    delivered(&world, &tcp("eni-a1", "10.0.1.80"), "eni-a3");
}

#[test]
fn rule_28_target_that_is_not_there() {
    let mut world = balanced("network", "UDP", "ip");
    world.add_in(
        HEALTH,
        "TargetHealthDescriptions",
        json!([
            {"Target": {"Id": "192.168.0.1", "Port": 53}, "TargetHealth": {"State": "healthy"}},
        ]),
    );
    let packet = with_protocol(tcp("eni-a1", "10.0.1.80"), 17);
    let outcomes = world.estate().walk(&packet).outcomes;
    assert_eq!(outcomes[1].disposition, NullRouted);
}

#[test]
fn rule_27_load_balancer_without_a_body_is_unknown() {
    let mut world = World::new();
    world.get("eni-a2")["Description"] = json!("ELB classic");
    assert_eq!(world.estate().accepts(&tcp("eni-a1", "10.0.2.10")), (false, true));
}
