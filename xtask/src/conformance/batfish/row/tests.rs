use watertight_model::Disposition;
use watertight_net::FlowSet;

use super::{Destination, Expected, From, Row, Source, id_of};
use crate::conformance::batfish::claim::{Claims, Kind};

fn parse(line: &str) -> Row {
    Row::parse(line).expect("the row is well-formed")
}

#[test]
fn a_row_is_read_and_comments_are_left_out() {
    let row = parse(
        "X1,i-00000001 (A),auto,10.0.0.9 (no ENI),0/HOPOPT,-,NEIGHBOR_UNREACHABLE,deny,stops at subnetA (no ENI)",
    );
    assert_eq!(row.source, Source::Machine("i-00000001".to_owned()));
    assert_eq!(row.from, From::Auto);
    assert_eq!(row.destination, Destination::Address("10.0.0.9".parse().expect("an address")));
    assert_eq!(row.flows, "protocol-0".parse::<FlowSet>().expect("flows"));
    let dispositions = vec![Disposition::NeighborUnreachable];
    assert_eq!(row.expected, Expected { dispositions, exists: false, bidirectional: false });
    assert_eq!(row.reach, Some(false));
    assert_eq!(
        row.claims,
        Claims { passes: Vec::new(), stop_id: None, stop_kind: Some(Kind::Subnet) }
    );
}

#[test]
fn a_port_is_asked_for_from_the_ports_of_clients() {
    let row = parse("X1,internet,8.8.8.8,1.2.3.4,tcp,80,ACCEPTED bidirectional,allow,a, b");
    assert_eq!(row.flows, "tcp/80 from 49152-65535".parse().expect("flows"));
    assert!(row.expected.bidirectional);
    assert_eq!(row.source, Source::Internet);
}

#[test]
fn protocols_are_names_numbers_or_any() {
    let flows = |text: &str| parse(&format!("X,vpc-1,none,1.2.3.4,{text},ACCEPTED,n/a,")).flows;
    assert_eq!(flows("107 (AN),-"), "protocol-107".parse().expect("flows"));
    assert_eq!(flows("icmp,-"), "icmp".parse().expect("flows"));
    assert_eq!(flows("6,-"), "tcp".parse().expect("flows"));
    assert_eq!(flows("any,any"), FlowSet::all());
}

#[test]
fn several_dispositions_and_existence() {
    let row = parse("X,on-prem router,any,NLB node eni-01,any,any,exists ACCEPTED/EXITS,n/a,");
    assert!(row.expected.exists);
    let both = vec![Disposition::Accepted, Disposition::ExitsNetwork];
    assert_eq!(row.expected.dispositions, both);
    assert_eq!(row.destination, Destination::Machine("eni-01".to_owned()));
}

#[test]
fn words_that_are_not_known_are_errors() {
    for (line, column) in [
        ("X,router,auto,1.2.3.4,0,-,ACCEPTED,allow,", "src"),
        ("X,internet,some,1.2.3.4,0,-,ACCEPTED,allow,", "src_ip"),
        ("X,internet,auto,lb-1,0,-,ACCEPTED,allow,", "dst"),
        ("X,internet,auto,1.2.3.4,carrier-pigeon,-,ACCEPTED,allow,", "proto"),
        ("X,internet,auto,1.2.3.4,tcp,http,ACCEPTED,allow,", "dport"),
        ("X,internet,auto,1.2.3.4,0,-,LOST,allow,", "disposition"),
        ("X,internet,auto,1.2.3.4,0,-,exists,allow,", "disposition"),
        ("X,internet,auto,1.2.3.4,0,-,ACCEPTED,perhaps,", "reach"),
    ] {
        let error = Row::parse(line).expect_err("the word is not known");
        assert!(error.contains(&format!("`{column}`")), "{error}");
    }
    assert!(Row::parse("X,internet").is_err());
}

#[test]
fn the_id_is_found_in_any_line() {
    assert_eq!(id_of(" A1 ,what,ever"), "A1");
}
