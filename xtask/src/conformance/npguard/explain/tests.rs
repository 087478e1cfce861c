use watertight_model::network::Direction;
use watertight_net::{AddressSet, FlowSet};

use super::line::{GuardLine, RuleLine, Way};
use super::{Explanation, Name};
use crate::conformance::npguard::flows;

fn inside(name: &str) -> Name {
    Name::Inside(name.to_owned())
}

fn addresses(text: &str) -> AddressSet {
    AddressSet::from_prefixes(text.split(',').map(|one| one.parse().expect("a prefix")))
}

const BLOCKED: &str = "\
Explaining connectivity from 10.0.0.1 to 10.0.1.1 within main
Interpreted source(s): a[10.0.0.1]
Interpreted destination(s): b[10.0.1.1]
=======================================

No connectivity from a[10.0.0.1] to b[10.0.1.1];
\tconnection is blocked at ingress

Egress: security group s allows connection; network ACL n allows connection
Ingress: network ACL n blocks connection

Path:
\ta[10.0.0.1] -> security group s -> network ACL n -> subnet x ->
\tsubnet y -> | network ACL n |


Details:
~~~~~~~~
Path is disabled; The relevant rules are:
\tEgress:
\t\tsecurity group s allows connection with the following allow rules
\t\t\tOutbound index: 0, direction: outbound, target: 10.0.0.0/18, 10.1.0.0/18, protocol: all

\tIngress:
\t\tnetwork ACL n blocks connection with the following deny rules:
\t\t\truleNumber: 7, action: deny, direction: inbound, cidr: 0.0.0.0/0, protocol: tcp, dstPorts: 80-90

----------------------------
";

#[test]
fn a_blocked_pair_is_read() {
    let explanation = Explanation::parse(BLOCKED).expect("an explanation");
    assert_eq!(explanation.realm.as_deref(), Some("main"));
    let pair = &explanation.pairs[0];
    assert_eq!((&pair.from, &pair.to), (&inside("a[10.0.0.1]"), &inside("b[10.0.1.1]")));
    assert_eq!(pair.flows, FlowSet::none());
    assert_eq!(pair.enabled, Some(false));
    assert_eq!(pair.stops_at.as_deref(), Some("network ACL n"));
    let effects = [("security group s", true), ("network ACL n", true), ("network ACL n", false)];
    assert_eq!(pair.summary, effects.map(|(guard, allows)| (guard.to_owned(), allows)));
    let egress = GuardLine {
        way: Way::Egress,
        guard: "security group s".to_owned(),
        allows: true,
        tells_denials: false,
        rules: vec![RuleLine {
            direction: Direction::Egress,
            number: None,
            allows: true,
            target: addresses("10.0.0.0/18,10.1.0.0/18"),
            flows: flows::universe(),
        }],
    };
    let ingress = GuardLine {
        way: Way::Ingress,
        guard: "network ACL n".to_owned(),
        allows: false,
        tells_denials: true,
        rules: vec![RuleLine {
            direction: Direction::Ingress,
            number: Some("7".to_owned()),
            allows: false,
            target: addresses("0.0.0.0/0"),
            flows: "tcp/80-90 from 1-65535".parse().expect("flows"),
        }],
    };
    assert_eq!(pair.guards, [egress, ingress]);
}

#[test]
fn replies_that_are_blocked_are_read() {
    let text = "Explaining connectivity from a to b within v using \"protocol: TCP\"\n\
                Connections are allowed from a to b using \"protocol: TCP dst-ports: 80\"\n\
                \tHowever, TCP response is blocked for: src-ports: 1-5\n\n\
                Path:\n\ta -> b\n\nDetails:\nPath is enabled; The relevant rules are:\n\
                TCP response is partly enabled; The relevant rules are:\n\tEgress:\n\
                \t\tnetwork ACL n blocks connection since there are no relevant allow rules\n";
    let explanation = Explanation::parse(text).expect("an explanation");
    assert_eq!(explanation.asked, Some(flows::tcp()));
    let pair = &explanation.pairs[0];
    assert_eq!(pair.flows, "tcp/80 from 1-65535".parse().expect("flows"));
    assert_eq!(pair.no_reply, "tcp/1-65535 from 1-5".parse().expect("flows"));
    assert_eq!((pair.stops_at.as_deref(), pair.guards.len()), (None, 0));
    assert_eq!(pair.reply_guards.len(), 1);
}

#[test]
fn lines_that_are_not_known_are_errors() {
    for (from, to) in [
        ("connection is blocked at", "connection is lost at"),
        ("security group s allows connection;", "firewall s allows connection;"),
        ("with the following deny rules", "with the following odd rules"),
        ("action: deny", "action: drop"),
        ("direction: inbound", "direction: sideways"),
        ("protocol: tcp", "protocol: smoke"),
        ("Path is disabled", "Path is foggy"),
        ("Outbound index: 0", "Other index: 0"),
    ] {
        let text = BLOCKED.replace(from, to);
        assert_ne!(text, BLOCKED);
        assert!(Explanation::parse(&text).is_err(), "{to}");
    }
    assert!(Explanation::parse("").is_err());
}

#[test]
fn messages_are_told_as_in_lists_and_connections_have_a_name() {
    let rule = |text: &str| RuleLine::parse(text).expect("a rule").expect("a rule").flows;
    let start = "Inbound index: 0, direction: inbound, target: 0.0.0.0/0";
    let icmp = format!("{start}, protocol: icmp, icmpType: protocol: ICMP icmp-type: 8");
    assert_eq!(rule(&icmp), "icmp/8".parse().expect("flows"));
    let tcp = format!("{start}, conns: protocol: tcp, dstPorts: 22-22");
    assert_eq!(rule(&tcp), "tcp/22 from 1-65535".parse().expect("flows"));
    assert_eq!(RuleLine::parse("security group s allows connection"), Ok(None));
}

#[test]
fn what_routes_tell_is_no_guard() {
    let text = BLOCKED
        .replace("Ingress: network ACL n", "Ingress: subnet y is private; network ACL n")
        .replace("\tIngress:\n", "\tIngress:\n\t\ta will not reach b, since subnet y is private\n");
    assert_ne!(text, BLOCKED);
    assert_eq!(Explanation::parse(&text), Explanation::parse(BLOCKED));
}
