use super::{Line, Listing, Name, addresses_of};
use crate::conformance::npguard::flows;

#[test]
fn sections_hold_lines() {
    let text = "Endpoint connectivity for VPC VpcId:1\n<nothing to report>\n\n\
                Endpoint connectivity for VPC main\n\
                a[10.0.0.1] => Public Internet (all ranges) : All Connections\n\
                Public Internet 8.0.0.0/8,9.9.9.9 => a[10.0.0.1] : protocol: TCP dst-ports: 80 * \n\n\
                TCP connections for which response is not permitted are marked with * \n";
    let listing = Listing::parse(text).expect("a list");
    let names: Vec<&str> = listing.sections.iter().map(|section| section.realm.as_str()).collect();
    assert_eq!(names, ["VpcId:1", "main"]);
    let addresses = addresses_of("8.0.0.0-8.255.255.255,9.9.9.9/32").expect("addresses");
    let a = Name::Inside("a[10.0.0.1]".to_owned());
    let lines = [
        Line { from: a.clone(), to: Name::Internet(None), flows: flows::universe(), replies: true },
        Line {
            from: Name::Internet(Some(addresses)),
            to: a,
            flows: "tcp/80 from 1-65535".parse().expect("flows"),
            replies: false,
        },
    ];
    assert_eq!(listing.sections[1].lines, lines);
    assert_eq!(listing.boundaries().count(), 2);
}

#[test]
fn names_may_hold_colons() {
    let text = "Subnet connectivity for VPC v\nSubnetId:4 => SubnetId:5 : All Connections\n";
    let listing = Listing::parse(text).expect("a list");
    assert_eq!(listing.sections[0].lines[0].to, Name::Inside("SubnetId:5".to_owned()));
}

#[test]
fn lines_that_are_not_known_are_errors() {
    let heading = "Endpoint connectivity for VPC v\n";
    for line in ["a -> b : All Connections", "a => b", "a => b : Some", "Warning: nothing"] {
        assert!(Listing::parse(&format!("{heading}{line}\n")).is_err(), "{line}");
    }
    assert!(Listing::parse("a => b : All Connections\n").is_err());
    assert!(addresses_of("everywhere").is_err());
}
