//! Text forms of flows, ports and protocols: what is printed, what is read, what the errors say.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use proptest::prelude::*;
use watertight_net::{FlowSet, PortSet, Prefix, Protocol};

fn printed(text: &str) -> String {
    text.parse::<FlowSet>().unwrap().to_string()
}

fn error(text: &str) -> String {
    text.parse::<FlowSet>().unwrap_err().to_string()
}

#[test]
fn canonical_texts_print_as_they_were_read() {
    let texts = [
        "all",
        "none",
        "tcp",
        "tcp/5432",
        "tcp/80,443,8000-8999",
        "tcp/443 from 1024-65535",
        "tcp from 53",
        "udp/53",
        "icmp",
        "icmp/8",
        "icmp/8/0",
        "icmp/0,8/0-3",
        "icmp/0-255/4",
        "icmpv6/128",
        "gre",
        "protocol-107",
        "icmp/8; tcp/443; udp/53; esp",
        "all except tcp/22",
        "all except icmp/8; tcp/22 from 1-9; gre; protocol-107",
        "dccp; sctp/36412; udplite/7",
    ];
    for text in texts {
        assert_eq!(printed(text), text);
    }
}

#[test]
fn other_ways_to_write_a_set_print_canonically() {
    assert_eq!(printed("  TCP/80 ;udp/53  "), "tcp/80; udp/53");
    assert_eq!(printed("tcp/443,80"), "tcp/80,443");
    assert_eq!(printed("tcp/80; tcp/81-90; tcp/443"), "tcp/80-90,443");
    assert_eq!(printed("tcp/0-65535"), "tcp");
    assert_eq!(printed("protocol-6/22"), "tcp/22");
    assert_eq!(printed("all; tcp/22"), "all");
    assert_eq!(printed("none; tcp/22"), "tcp/22");
    assert_eq!(printed("All  Except\ttcp/22"), "all except tcp/22");
    assert_eq!(printed("all except all"), "none");
    assert_eq!(printed("all except none"), "all");
    assert_eq!(printed("tcp/1 from 5; tcp/2 from 5; tcp/3"), "tcp/1-2 from 5; tcp/3");
}

#[test]
fn every_protocol_together_is_all() {
    let every: Vec<String> = (0..=u8::MAX).map(|number| format!("protocol-{number}")).collect();
    assert_eq!(printed(&every.join(";")), "all");
    assert_eq!(printed(&every[1..].join(";")), "all except protocol-0");
}

#[test]
fn errors_say_what_where_and_what_to_write() {
    assert_eq!(
        error("tcp/443; tpc/80"),
        "in `tpc/80` at column 10: unknown protocol `tpc`: write one of `icmp`, `tcp`, `udp`, `dccp`, \
         `gre`, `esp`, `ah`, `icmpv6`, `sctp`, `udplite`, or a number as in `protocol-107`"
    );
    assert_eq!(
        error("tcp/70000"),
        "in `tcp/70000` at column 1: `70000` is not a number from 0 to 65535: write ports as in \
         `tcp/80,443,8000-8999`"
    );
    assert_eq!(
        error("udp/9-7"),
        "in `udp/9-7` at column 1: range `9-7` ends before it starts: write `7-9`: write ports as in \
         `tcp/80,443,8000-8999`"
    );
    assert_eq!(
        error("gre/5"),
        "in `gre/5` at column 1: `5` is one part too many: write the protocol alone, as in `gre`"
    );
    assert_eq!(
        error("icmp/256"),
        "in `icmp/256` at column 1: `256` is not a number from 0 to 255: write a type as in `icmp/8`, or \
         a type and a code as in `icmp/8/0`"
    );
    assert!(error("all except  tcp/x").starts_with("in `tcp/x` at column 13: `x` is not a number"));
    assert!(error("icmp/8 from 5").contains("`icmp` has no source ports"));
    assert!(error("tcp 443").contains("unexpected `443`"));
    assert!(error("tcp/80, 443").contains("unexpected `443`"));
    assert!(error("").contains("at column 1: a term is missing"));
    assert!(error("tcp/1;").contains("at column 7: a term is missing"));
    assert!(error("all except").contains("a term is missing"));
    assert!(error("tcp/80 from").contains("a number or a range is missing"));
}

#[test]
fn near_misses_are_refused() {
    let texts = [
        "tcp/",
        "tcp/+80",
        "tcp/-80",
        "tcp/80-",
        "tcp/80,,81",
        "tcp/none",
        "tcp/80/81",
        "icmp/8/0/1",
        "protocol-",
        "protocol-256",
        "protocol-+6",
        "any",
        "all from 5",
        "tcp/80 from 5 6",
        "tcp//80",
        "tcp/８０",
        "6",
        "é",
        "all;; tcp",
        "all except; tcp",
    ];
    for text in texts {
        assert!(text.parse::<FlowSet>().is_err(), "`{text}` was read");
    }
}

#[test]
fn ports_and_protocols_read_back() {
    for text in ["none", "0", "0-65535", "22,80-90,65535"] {
        assert_eq!(text.parse::<PortSet>().unwrap().to_string(), text);
    }
    for number in 0..=u8::MAX {
        let protocol = Protocol(number);
        assert_eq!(protocol.to_string().parse::<Protocol>().unwrap(), protocol);
        assert_eq!(format!("protocol-{number}").parse::<Protocol>().unwrap(), protocol);
    }
}

#[test]
fn every_text_in_the_reference_reads_back() {
    let reference = include_str!("../../../docs/reference/flowset.md");
    let rows = reference.lines().filter_map(|line| line.strip_prefix("| `"));
    let texts: Vec<&str> = rows.filter_map(|row| Some(row.split_once('`')?.0)).collect();
    assert!(texts.len() > 10);
    for text in texts {
        assert_eq!(printed(text), text);
    }
}

proptest! {
    #[test]
    fn any_text_is_a_set_or_an_error_inside_it(text in "([a-z]{1,4}|tcp|icmp|all|except|from|[0-9]{1,5}|[/,;é -]){0,12}") {
        match text.parse::<FlowSet>() {
            Ok(set) => prop_assert_eq!(set.to_string().parse::<FlowSet>().unwrap(), set),
            Err(error) => {
                prop_assert!(error.column >= 1 && error.column <= text.chars().count() + 1);
                let rest: String = text.chars().skip(error.column - 1).collect();
                prop_assert!(rest.starts_with(&error.term), "{}", error);
            }
        }
        if let Ok(prefix) = Prefix::parse_lenient(&text) {
            prop_assert_eq!(prefix.to_string().parse::<Prefix>().unwrap(), prefix);
        }
    }
}
