use serde_json::json;

use super::world::{World, from_group, from_prefix, tcp};
use crate::twin::aws::{Prefix, Sample};

const WEB: Sample = Sample { protocol: 6, source_port: 40_000, destination_port: 443 };

#[test]
fn connectivity_and_difference_by_brute_force() {
    let mut world = World::new();
    world.admit("a2", from_group("sg-a1"));
    world.interface("a3", "subnet-a2", "10.0.2.11");
    let before = world.estate();
    let pairs: Vec<(String, String)> =
        before.connectivity(&[WEB]).into_iter().map(|one| (one.from, one.to)).collect();
    let expected = [
        ("eni-a1", "eni-a2"),
        ("eni-a1", "eni-a3"),
        ("eni-a2", "eni-a1"),
        ("eni-a2", "eni-a3"),
        ("eni-a3", "eni-a1"),
    ];
    assert_eq!(pairs, expected.map(|(from, to)| (from.to_owned(), to.to_owned())));
    world.admit("a2", from_prefix("10.0.2.0/24"));
    let difference = before.diff(&world.estate(), &[WEB]);
    let names = |set: &std::collections::BTreeSet<crate::twin::aws::Connection>| {
        set.iter().map(|one| format!("{}>{}", one.from, one.to)).collect::<Vec<_>>()
    };
    assert_eq!(names(&difference.added), ["eni-a3>eni-a2"]);
    assert_eq!(names(&difference.removed), ["eni-a1>eni-a2"]);
}

#[test]
fn blast_goes_on_from_what_is_reached() {
    let mut world = World::new();
    world.interface("a3", "subnet-a2", "10.0.2.11");
    world.admit("a2", from_group("sg-a1"));
    world.admit("a3", from_group("sg-a2"));
    world.expect(&tcp("eni-a1", "10.0.2.11"), crate::twin::aws::Disposition::DeniedIn);
    let blast = world.estate().blast("eni-a1", &[WEB]);
    assert_eq!(blast.certain.iter().collect::<Vec<_>>(), ["eni-a2", "eni-a3"]);
    assert_eq!(blast.possible, blast.certain);
    world.get("eni-a2")["Groups"] = json!([{"GroupId": "sg-a2"}, {"GroupId": "sg-nowhere"}]);
    world.admit("a2", from_group("sg-nobody"));
    let blast = world.estate().blast("eni-a1", &[WEB]);
    assert!(blast.certain.is_empty());
    assert_eq!(blast.possible.iter().collect::<Vec<_>>(), ["eni-a2", "eni-a3"]);
}

#[test]
fn prefixes_of_both_families() {
    let prefix = Prefix::parse("10.0.1.7/24").unwrap();
    assert!(prefix.contains("10.0.1.255".parse().unwrap()));
    assert!(!prefix.contains("10.0.2.0".parse().unwrap()));
    let any = Prefix::parse("::/0").unwrap();
    assert!(any.is_any() && any.contains("2a00::1".parse().unwrap()));
    assert!(!any.contains("10.0.0.1".parse().unwrap()));
    for text in ["10.0.0.0", "10.0.0.0/33", "::/129", "x/8", "10.0.0.0/-1"] {
        assert_eq!(Prefix::parse(text), None, "{text}");
    }
}
