//! Network firewalls: routes through their endpoints, and what their rules refuse for sure.

use std::net::IpAddr;

use watertight_model::Estate;
use watertight_model::network::GatewayKind;
use watertight_net::{Flow, FlowSet, Protocol};
use watertight_reach::{Reach, Start};

use crate::partial::{Bodies, address};
use crate::support::gateway;

const SUBNETS: &str = r#"{"Subnets": [
    {"SubnetId": "subnet-1", "VpcId": "vpc-a", "OwnerId": "111111111111",
     "CidrBlock": "10.0.1.0/24", "AvailabilityZone": "eu-west-1a"},
    {"SubnetId": "subnet-2", "VpcId": "vpc-a", "OwnerId": "111111111111",
     "CidrBlock": "10.0.2.0/24", "AvailabilityZone": "eu-west-1b"},
    {"SubnetId": "subnet-fw", "VpcId": "vpc-a", "OwnerId": "111111111111",
     "CidrBlock": "10.0.3.0/28", "AvailabilityZone": "eu-west-1a"}]}"#;
const TABLES: &str = r#"{"RouteTables": [
    {"RouteTableId": "rtb-1", "VpcId": "vpc-a", "Associations": [{"Main": true}],
     "Routes": [{"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local"},
        {"DestinationCidrBlock": "10.0.2.0/24", "GatewayId": "vpce-fw"}]},
    {"RouteTableId": "rtb-2", "VpcId": "vpc-a", "Associations": [{"SubnetId": "subnet-2"}],
     "Routes": [{"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local"},
        {"DestinationCidrBlock": "10.0.1.0/24", "GatewayId": "vpce-fw"}]},
    {"RouteTableId": "rtb-fw", "VpcId": "vpc-a", "Associations": [{"SubnetId": "subnet-fw"}],
     "Routes": [{"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local"}]}]}"#;
const FIREWALL: &str = r#"{"Firewall": {"FirewallName": "fw", "VpcId": "vpc-a",
      "FirewallArn": "arn:aws:network-firewall:eu-west-1:111111111111:firewall/fw",
      "FirewallPolicyArn": "arn:aws:network-firewall:eu-west-1:111111111111:firewall-policy/p",
      "SubnetMappings": [{"SubnetId": "subnet-fw"}]},
    "FirewallStatus": {"Status": "READY", "SyncStates": {"eu-west-1a": {"Attachment":
      {"SubnetId": "subnet-fw", "EndpointId": "vpce-fw", "Status": "READY"}}}}}"#;

const GROUP: &str = "arn:aws:network-firewall:eu-west-1:111111111111";

/// The estate of two machines with a firewall between their subnets, in which nothing else decides.
fn bodies(policy: &str, groups: &[(&str, &str)]) -> Bodies {
    let policy = format!(
        r#"{{"FirewallPolicyResponse": {{"FirewallPolicyArn": "{GROUP}:firewall-policy/p"}},
        "FirewallPolicy": {{{policy}}}}}"#
    );
    let any = "{\"IpProtocol\": \"-1\", \"IpRanges\": [{\"CidrIp\": \"0.0.0.0/0\"}]}";
    let mut bodies = Bodies::whole()
        .with("describe-subnets", SUBNETS)
        .with("describe-route-tables", TABLES)
        .with("network-firewall-describe-firewall/fw", FIREWALL)
        .with("network-firewall-describe-firewall-policy/p", &policy)
        .changed(
            "describe-network-acls",
            "{\"SubnetId\": \"subnet-2\"}",
            "{\"SubnetId\": \"subnet-2\"}, {\"SubnetId\": \"subnet-fw\"}",
        )
        .changed(
            "describe-security-groups",
            "\"IpPermissions\": []",
            &format!("\"IpPermissions\": [{any}]"),
        )
        .changed(
            "describe-security-groups",
            "\"IpPermissions\": [\n",
            &format!("\"IpPermissions\": [{any},"),
        )
        .changed(
            "describe-security-groups",
            "\"IpPermissionsEgress\": []",
            &format!("\"IpPermissionsEgress\": [{any}]"),
        );
    for (name, source) in groups {
        let body = format!(
            r#"{{"RuleGroupResponse": {{"RuleGroupArn": "{GROUP}:rulegroup/{name}"}},
            "RuleGroup": {{"RulesSource": {{{source}}}}}}}"#
        );
        bodies = bodies.with(&format!("network-firewall-describe-rule-group/{name}"), &body);
    }
    bodies
}

fn between(estate: &Estate, [from, to]: [&str; 2], flow: Flow) -> String {
    let source: IpAddr = address(from);
    let endpoint = estate.network.endpoints.iter().find(|(_, one)| one.holds(source)).unwrap();
    let start = Start::Endpoint { endpoint: endpoint.0, address: source };
    let parts = Reach::new(&estate.network).answer(&start, address(to), &FlowSet::from(flow));
    assert_eq!(parts.len(), 1);
    let is_refused_later = parts[0].why.as_str().contains("unchanged ends: no rule accepts it");
    if is_refused_later { LATER } else { parts[0].disposition.word() }.to_owned()
}

const PAIR: [&str; 2] = ["10.0.1.10", "10.0.2.10"];

/// What becomes of connections to some TCP ports, a UDP port and of an echo request.
fn asked(bodies: &Bodies) -> [String; 4] {
    let estate = bodies.estate();
    let udp = Protocol::UDP;
    let flows = [
        Flow::Ports { protocol: Protocol::TCP, source_port: 40000, destination_port: 443 },
        Flow::Ports { protocol: Protocol::TCP, source_port: 40000, destination_port: 22 },
        Flow::Ports { protocol: udp, source_port: 40000, destination_port: 53 },
        Flow::Icmp { protocol: Protocol::ICMP, icmp_type: 8, icmp_code: 0 },
    ];
    flows.map(|flow| between(&estate, PAIR, flow))
}

const FORWARD: &str = r#""StatelessDefaultActions": ["aws:forward_to_sfe"],
    "StatelessFragmentDefaultActions": ["aws:drop"]"#;

fn stateful(order: &str, default: &str) -> String {
    format!(
        r#"{FORWARD}, "StatefulEngineOptions": {{"RuleOrder": "{order}"}},
        "StatefulDefaultActions": [{default}], "StatefulRuleGroupReferences": [
        {{"ResourceArn": "{GROUP}:rulegroup/g", "Priority": 1}}]"#
    )
}

fn rule(action: &str, protocol: &str, port: &str, more: &str) -> String {
    format!(
        r#"{{"Action": "{action}", "RuleOptions": [{{"Keyword": "sid:1"}} {more}], "Header":
        {{"Protocol": "{protocol}", "Source": "ANY", "SourcePort": "ANY", "Direction": "FORWARD",
          "Destination": "ANY", "DestinationPort": "{port}"}}}}"#
    )
}

fn rules(rules: &[String]) -> String {
    format!(r#""StatefulRules": [{}]"#, rules.join(","))
}

const UNKNOWN: &str = "unknown";
const DENIED: &str = "denied_in";
/// Refused where the Box passes it on, as long as the Box does not translate.
const LATER: &str = "unknown, for what goes on unchanged is refused";

#[test]
fn a_route_to_a_firewalls_endpoint_leads_through_a_box() {
    let bodies = bodies(FORWARD, &[]);
    assert_eq!(asked(&bodies), [UNKNOWN; 4], "nothing of it can be told");
    let network = bodies.estate().network;
    let one = gateway(&network, "vpce-fw");
    assert!(one.available && matches!(one.kind, GatewayKind::Inspection { .. }));
    let call = "network-firewall-describe-firewall/fw";
    let creating = bodies.changed(call, "\"Status\": \"READY\"}}}", "\"Status\": \"CREATING\"}}}");
    assert_eq!(asked(&creating), ["null_routed"; 4]);
    let unread = creating.without(call);
    assert_eq!(asked(&unread), [UNKNOWN; 4]);
}

#[test]
fn stateless_rules_refuse_by_protocol_and_port() {
    let policy = |default: &str| {
        format!(
            r#""StatelessDefaultActions": ["{default}"], "StatelessRuleGroupReferences": [
            {{"ResourceArn": "{GROUP}:rulegroup/s", "Priority": 10}}]"#
        )
    };
    let rule = |priority: u8, action: &str, attributes: &str| {
        format!(
            r#"{{"Priority": {priority}, "RuleDefinition": {{"Actions": ["{action}"],
            "MatchAttributes": {{{attributes}}}}}}}"#
        )
    };
    let with = |default: &str, rules: &[String]| {
        let source = format!(
            r#""StatelessRulesAndCustomActions": {{"StatelessRules": [{}]}}"#,
            rules.join(",")
        );
        asked(&bodies(&policy(default), &[("s", &source)]))
    };
    let port = |port: u16| {
        format!(
            r#""Protocols": [6], "DestinationPorts": [{{"FromPort": {port}, "ToPort": {port}}}]"#
        )
    };
    let ssh = port(22);
    assert_eq!(with("aws:drop", &[]), [DENIED; 4]);
    assert_eq!(with("aws:pass", &[]), [UNKNOWN; 4]);
    let drops = [rule(1, "aws:drop", &ssh)];
    assert_eq!(with("aws:pass", &drops), [UNKNOWN, DENIED, UNKNOWN, UNKNOWN]);
    let passes = [rule(1, "aws:pass", &port(443))];
    assert_eq!(with("aws:drop", &passes), [UNKNOWN, DENIED, DENIED, DENIED]);
    let earlier = [rule(1, "aws:pass", &ssh), rule(2, "aws:drop", &ssh)];
    assert_eq!(with("aws:pass", &earlier), [UNKNOWN; 4], "the first match decides");
    let later = [rule(2, "aws:pass", &ssh), rule(1, "aws:drop", &ssh)];
    assert_eq!(with("aws:pass", &later), [UNKNOWN, DENIED, UNKNOWN, UNKNOWN]);
    let from = |prefix: &str| format!(r#""Sources": [{{"AddressDefinition": "{prefix}"}}], {ssh}"#);
    let narrow = [rule(1, "aws:drop", &from("10.0.9.0/24"))];
    assert_eq!(with("aws:pass", &narrow), [UNKNOWN; 4], "others may pass");
    let wide = [rule(1, "aws:drop", &from("0.0.0.0/0"))];
    assert_eq!(with("aws:pass", &wide), [UNKNOWN, DENIED, UNKNOWN, UNKNOWN]);
    let flags = [rule(1, "aws:drop", &format!(r#""TCPFlags": [{{"Flags": ["SYN"]}}], {ssh}"#))];
    assert_eq!(with("aws:pass", &flags), [UNKNOWN; 4]);
}

#[test]
fn stateful_rules_refuse_in_their_order() {
    let with = |order: &str, default: &str, list: &[String]| {
        asked(&bodies(&stateful(order, default), &[("g", &rules(list))]))
    };
    let strict = "STRICT_ORDER";
    let drop = "\"aws:drop_strict\"";
    let https = rule("PASS", "TCP", "443", "");
    assert_eq!(with(strict, drop, std::slice::from_ref(&https)), [UNKNOWN, DENIED, DENIED, DENIED]);
    assert_eq!(with(strict, "", std::slice::from_ref(&https)), [UNKNOWN; 4], "the default passes");
    let half = with(strict, "\"aws:drop_established\"", std::slice::from_ref(&https));
    assert_eq!(half, [UNKNOWN, UNKNOWN, DENIED, DENIED], "connections are opened before");
    let ssh = rule("DROP", "TCP", "22", "");
    assert_eq!(with(strict, "", std::slice::from_ref(&ssh)), [UNKNOWN, DENIED, UNKNOWN, UNKNOWN]);
    let reject = rule("REJECT", "TCP", "20:25", "");
    assert_eq!(with(strict, "", &[reject]), [UNKNOWN, DENIED, UNKNOWN, UNKNOWN]);
    let alert = rule("ALERT", "TCP", "22", "");
    assert_eq!(with(strict, "", &[alert]), [UNKNOWN; 4]);
    let late = [ssh.clone(), rule("PASS", "TCP", "22", "")];
    assert_eq!(with(strict, "", &late), [UNKNOWN, DENIED, UNKNOWN, UNKNOWN]);
    assert_eq!(with("DEFAULT_ACTION_ORDER", "", &late), [UNKNOWN; 4], "passes come first");
    let inner = rule("DROP", "TCP", "22", r#", {"Keyword": "content", "Settings": ["\"x\""]}"#);
    assert_eq!(with(strict, "", &[inner]), [UNKNOWN; 4], "only some contents are dropped");
    let web = rule("PASS", "HTTP", "ANY", "");
    assert_eq!(with(strict, drop, &[web]), [UNKNOWN; 4], "it may be spoken at any port");
    let ping = rule("PASS", "ICMP", "ANY", "");
    assert_eq!(with(strict, drop, &[ping]), [DENIED, DENIED, DENIED, UNKNOWN]);
}

/// A stateful rule with its addresses.
fn between_addresses(rule: &str, [source, destination]: [&str; 2]) -> String {
    rule.replace("\"Source\": \"ANY\"", &format!("\"Source\": \"{source}\""))
        .replace("\"Destination\": \"ANY\"", &format!("\"Destination\": \"{destination}\""))
}

/// What becomes of TCP connections to port 22 from the first machine to the second, and back.
fn both_ways(bodies: &Bodies) -> [String; 2] {
    let estate = bodies.estate();
    let flow = Flow::Ports { protocol: Protocol::TCP, source_port: 40000, destination_port: 22 };
    [PAIR, [PAIR[1], PAIR[0]]].map(|pair| between(&estate, pair, flow))
}

#[test]
fn stateful_rules_refuse_by_source_and_by_destination() {
    let with = |default: &str, list: &[String], variables: &str| {
        let source = rules(list);
        let mut bodies = bodies(&stateful("STRICT_ORDER", default), &[("g", &source)]);
        let call = "network-firewall-describe-rule-group/g";
        let extended = format!("\"RuleGroup\": {{{variables}");
        bodies = bodies.changed(call, "\"RuleGroup\": {", &extended);
        both_ways(&bodies)
    };
    let ssh = |action: &str, addresses: [&str; 2]| {
        between_addresses(&rule(action, "TCP", "22", ""), addresses)
    };
    let drops = |addresses: [&str; 2]| with("", &[ssh("DROP", addresses)], "");
    let first = [DENIED, UNKNOWN];
    let second = [UNKNOWN, DENIED];
    assert_eq!(drops(["10.0.1.0/24", "ANY"]), first);
    assert_eq!(drops(["10.0.1.10", "ANY"]), first, "a single address");
    assert_eq!(drops(["10.0.2.0/24", "ANY"]), second);
    assert_eq!(drops(["ANY", "10.0.2.0/24"]), [LATER, UNKNOWN]);
    assert_eq!(drops(["ANY", "10.0.1.0/24"]), [UNKNOWN, LATER]);
    assert_eq!(drops(["[10.9.0.0/16, 10.0.1.0/24]", "ANY"]), first);
    assert_eq!(drops(["10.0.1.0/24", "0.0.0.0/0"]), first);
    assert_eq!(drops(["10.0.1.0/24", "::/0"]), [UNKNOWN; 2], "no packet has both families");
    assert_eq!(drops(["10.0.1.0/24", "10.0.2.0/24"]), [UNKNOWN; 2], "either end has others");
    assert_eq!(drops(["!10.0.1.0/24", "ANY"]), [UNKNOWN; 2]);
    assert_eq!(drops(["$HOME", "ANY"]), [UNKNOWN; 2]);
    let home = r#""RuleVariables": {"IPSets": {"HOME": {"Definition": ["10.0.1.0/24"]}}},"#;
    assert_eq!(with("", &[ssh("DROP", ["$HOME", "ANY"])], home), first);
    let passes = |addresses: [&str; 2]| with("\"aws:drop_strict\"", &[ssh("PASS", addresses)], "");
    assert_eq!(passes(["10.0.1.0/24", "ANY"]), second, "others than the first are dropped");
    assert_eq!(passes(["ANY", "10.0.1.0/24"]), [LATER, UNKNOWN]);
    assert_eq!(passes(["10.0.1.0/24", "10.0.2.0/24"]), second);
    assert_eq!(passes(["10.0.9.0/24", "ANY"]), [DENIED; 2]);
    assert_eq!(passes(["$HOME", "ANY"]), [UNKNOWN; 2]);
    let before = [ssh("PASS", ["10.0.1.10", "ANY"]), ssh("DROP", ["10.0.0.0/16", "ANY"])];
    assert_eq!(with("", &before, ""), second);
    let turned = ssh("PASS", ["10.0.1.0/24", "ANY"]).replace("FORWARD", "ANY");
    let turned = with("\"aws:drop_strict\"", &[turned], "");
    assert_eq!(turned, second, "the other way it is about the port of the source");
    let ports = rule("DROP", "TCP", "$ADMIN", "");
    let admin = r#""RuleVariables": {"PortSets": {"ADMIN": {"Definition": ["21:23", "3389"]}}},"#;
    assert_eq!(with("", std::slice::from_ref(&ports), admin), [DENIED; 2]);
    assert_eq!(with("", &[ports], ""), [UNKNOWN; 2]);
}

#[test]
fn stateless_rules_refuse_by_source_and_by_destination() {
    let policy = |default: &str| {
        format!(
            r#""StatelessDefaultActions": ["{default}"], "StatelessRuleGroupReferences": [
            {{"ResourceArn": "{GROUP}:rulegroup/s", "Priority": 10}}],
            "StatefulEngineOptions": {{"RuleOrder": "STRICT_ORDER"}},
            "StatefulDefaultActions": ["aws:drop_strict"]"#
        )
    };
    let with = |default: &str, list: &[(&str, &str, &str)]| {
        let rules = list.iter().enumerate().map(|(number, (action, side, prefix))| {
            format!(
                r#"{{"Priority": {number}, "RuleDefinition": {{"Actions": ["{action}"],
                "MatchAttributes": {{"{side}": [{{"AddressDefinition": "{prefix}"}}]}}}}}}"#
            )
        });
        let rules = rules.collect::<Vec<_>>().join(",");
        let source =
            format!(r#""StatelessRulesAndCustomActions": {{"StatelessRules": [{rules}]}}"#);
        let bodies = bodies(&policy(default), &[("s", &source)]);
        both_ways(&bodies)
    };
    let (pass, drop, forward) = ("aws:pass", "aws:drop", "aws:forward_to_sfe");
    // A reply is a packet of its own: it comes from where the request went.
    assert_eq!(with(pass, &[(drop, "Sources", "10.0.1.10/32")]), [DENIED, UNKNOWN]);
    assert_eq!(with(pass, &[(drop, "Destinations", "10.0.1.10/32")]), [UNKNOWN, LATER]);
    assert_eq!(with(drop, &[(pass, "Sources", "10.0.1.0/24")]), [UNKNOWN, DENIED]);
    assert_eq!(with(drop, &[(pass, "Destinations", "10.0.1.0/24")]), [LATER, UNKNOWN]);
    assert_eq!(with(pass, &[(drop, "Sources", "10.0.9.0/24")]), [UNKNOWN; 2]);
    // Nothing passes the stateful rules.
    assert_eq!(with(forward, &[]), [DENIED; 2]);
    assert_eq!(with(forward, &[(pass, "Sources", "10.0.1.0/24")]), [UNKNOWN, DENIED]);
    assert_eq!(with(pass, &[(forward, "Sources", "10.0.1.0/24")]), [DENIED, UNKNOWN]);
    let order = [(drop, "Sources", "10.0.0.0/16"), (pass, "Sources", "10.0.1.0/24")];
    assert_eq!(with(pass, &order), [DENIED; 2], "the first match decides");
}

#[test]
fn rules_that_cannot_be_read_may_pass_anything() {
    let policy = stateful("STRICT_ORDER", "\"aws:drop_strict\"");
    let text = r#""RulesString": "drop tcp any any -> any any (sid:1;)""#;
    assert_eq!(asked(&bodies(&policy, &[("g", text)])), [UNKNOWN; 4]);
    assert_eq!(asked(&bodies(&policy, &[])), [UNKNOWN; 4], "the group is not in the input");
    let none = rules(&[]);
    assert_eq!(asked(&bodies(&policy, &[("g", &none)])), [DENIED; 4]);
}

#[test]
fn a_subnet_that_others_share_has_no_guard_of_the_firewall() {
    let policy = stateful("STRICT_ORDER", "\"aws:drop_strict\"");
    let none = rules(&[]);
    let other = r#"{"NetworkInterfaces": [{"NetworkInterfaceId": "eni-other", "VpcId": "vpc-a",
        "SubnetId": "subnet-fw", "PrivateIpAddress": "10.0.3.9", "Groups": []}]}"#;
    let shared = bodies(&policy, &[("g", &none)]).with("describe-network-interfaces-2", other);
    assert_eq!(asked(&shared), [UNKNOWN; 4]);
}
