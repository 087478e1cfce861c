use watertight_net::FlowSet;

use super::{parse, tcp, universe};

fn flows(text: &str) -> FlowSet {
    text.parse().expect("well-formed flows")
}

#[test]
fn everything_is_tcp_udp_and_icmp_without_port_0() {
    let all = flows("tcp/1-65535 from 1-65535; udp/1-65535 from 1-65535; icmp");
    assert_eq!(parse("All Connections"), Ok(all));
    assert_eq!(parse("No Connections"), Ok(FlowSet::none()));
    assert_eq!(tcp(), flows("tcp/1-65535 from 1-65535"));
}

#[test]
fn fields_narrow_a_protocol() {
    assert_eq!(
        parse("protocol: TCP src-ports: 1-1024,5001-65535 dst-ports: 9080"),
        Ok(flows("tcp/9080 from 1-1024,5001-65535"))
    );
    assert_eq!(parse("protocol: ICMP icmp-type: 8 icmp-code: 0-1"), Ok(flows("icmp/8/0-1")));
    assert_eq!(
        parse("protocol: UDP dst-ports: 53; protocol: ICMP"),
        Ok(flows("udp/53 from 1-65535; icmp"))
    );
    assert_eq!(
        parse("protocol: TCP,UDP dst-ports: 53"),
        Ok(flows("tcp/53 from 1-65535; udp/53 from 1-65535"))
    );
    assert_eq!(parse("protocol: UDP").map(|one| universe().contains(&one)), Ok(true));
}

#[test]
fn words_that_are_not_known_are_errors() {
    for text in [
        "Some Connections",
        "protocol: SCTP",
        "protocol: TCP ports: 80",
        "protocol: TCP dst-ports: http",
        "protocol: TCP dst-ports:",
        "dst-ports: 80",
    ] {
        assert!(parse(text).is_err(), "{text}");
    }
}
