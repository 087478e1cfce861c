//! Reading and printing prefixes.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use std::net::IpAddr;

use watertight_net::{Family, Prefix};

fn error(text: &str) -> String {
    text.parse::<Prefix>().unwrap_err().to_string()
}

#[test]
fn canonical_prefixes_read_back() {
    let texts = [
        "0.0.0.0/0",
        "10.0.0.0/8",
        "255.255.255.255/32",
        "::/0",
        "2001:db8::/32",
        "::ffff:10.0.0.0/104",
    ];
    for text in texts {
        let prefix: Prefix = text.parse().unwrap();
        assert_eq!(prefix.to_string(), text);
        assert_eq!(Prefix::parse_lenient(text), Ok(prefix));
        assert!(prefix.contains(prefix.first()) && prefix.contains(prefix.last()));
    }
    assert_eq!("0.0.0.0/0".parse(), Ok(Prefix::ALL_V4));
    assert_eq!("::/0".parse(), Ok(Prefix::ALL_V6));
}

#[test]
fn strict_and_lenient_differ_in_host_bits_and_bare_addresses() {
    assert_eq!(
        error("10.1.2.3/8"),
        "`10.1.2.3/8` has host bits that are not zero: write `10.0.0.0/8`, or `10.1.2.3/32` for one address"
    );
    assert_eq!(
        error("10.1.2.3"),
        "`10.1.2.3` has no prefix length: write `10.1.2.3/32` for this one address"
    );
    assert_eq!(Prefix::parse_lenient("10.1.2.3/8").unwrap().to_string(), "10.0.0.0/8");
    assert_eq!(Prefix::parse_lenient("10.1.2.3").unwrap().to_string(), "10.1.2.3/32");
    assert_eq!(Prefix::parse_lenient("2001:db8::1/32").unwrap().to_string(), "2001:db8::/32");
}

#[test]
fn errors_say_what_to_write() {
    assert_eq!(
        error("10.0.0.0/33"),
        "prefix length `33` of `10.0.0.0` is not a number from 0 to 32"
    );
    assert_eq!(error("::/129"), "prefix length `129` of `::` is not a number from 0 to 128");
    assert_eq!(
        error("10.0.0/8"),
        "`10.0.0/8` does not start with an IPv4 or IPv6 address: write a prefix as in `10.0.0.0/8` or \
         `2001:db8::/32`"
    );
    for text in
        ["", "/8", "10.0.0.0/", "10.0.0.0/+8", "10.0.0.0/8/8", "010.0.0.0/8", "fe80::1%eth0/64"]
    {
        assert!(text.parse::<Prefix>().is_err(), "`{text}` was read");
        assert!(Prefix::parse_lenient(text).is_err(), "`{text}` was read");
    }
    let ten: IpAddr = "10.0.0.0".parse().unwrap();
    assert!(Prefix::new(ten, 33).is_err());
    assert!(Prefix::new(ten, 4).is_err());
}

#[test]
fn a_mapped_prefix_is_ipv6() {
    let mapped: Prefix = "::ffff:10.0.0.0/104".parse().unwrap();
    let ten: Prefix = "10.0.0.0/8".parse().unwrap();
    assert_eq!((mapped.family(), ten.family()), (Family::V6, Family::V4));
    assert!(!mapped.overlaps(ten));
    assert!(Prefix::ALL_V6.covers(mapped));
    assert!(!Prefix::ALL_V4.overlaps(mapped));
}

#[test]
fn the_ends_of_a_prefix_are_its_first_and_last_address() {
    let ends = |text: &str| {
        let prefix: Prefix = text.parse().unwrap();
        (prefix.first().to_string(), prefix.last().to_string())
    };
    assert_eq!(ends("10.0.0.0/30"), ("10.0.0.0".into(), "10.0.0.3".into()));
    assert_eq!(ends("0.0.0.0/0"), ("0.0.0.0".into(), "255.255.255.255".into()));
    let greatest = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
    assert_eq!(ends("::/0"), ("::".into(), greatest.into()));
    assert_eq!(ends("fe80::/10"), ("fe80::".into(), greatest.replacen("ffff", "febf", 1)));
    let host = Prefix::host(greatest.parse().unwrap());
    assert!(host.is_host() && host.first() == host.last());
    assert!(!Prefix::ALL_V6.is_host());
}

#[test]
fn order_is_by_first_address_then_length() {
    let texts = ["0.0.0.0/0", "10.0.0.0/8", "10.0.0.0/16", "10.1.0.0/16", "::/0"];
    let prefixes: Vec<Prefix> = texts.iter().map(|text| text.parse().unwrap()).collect();
    assert!(prefixes.is_sorted());
}
