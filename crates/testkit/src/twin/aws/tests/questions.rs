use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::world::{World, from_group, from_prefix, tcp};
use crate::twin::aws::{
    Blast, Connections, Disposition, Estate, Hop, Member, Peer, Prefix, Probe, probes,
};

/// What is established between workloads, by hand.
fn connections(estate: &Estate) -> (Connections, Vec<Probe>) {
    let probes = probes(&[estate]);
    let rows = estate.rows(&[], &probes);
    (estate.connections(&rows), probes)
}

fn pairs(connections: &Connections) -> BTreeSet<String> {
    let name = |member: &Member| match member {
        Member::Workload(key) => key.clone(),
        Member::Outside(peer) => format!("{peer:?}"),
    };
    connections.keys().map(|(from, to)| format!("{}>{}", name(from), name(to))).collect()
}

fn blast(estate: &Estate, start: &str) -> Blast {
    let (connections, probes) = connections(estate);
    Estate::blast(start, &estate.opened(&connections, &probes))
}

fn https(peer: serde_json::Value) -> serde_json::Value {
    let mut rule = peer;
    rule["IpProtocol"] = json!("tcp");
    rule["FromPort"] = json!(443);
    rule["ToPort"] = json!(443);
    rule
}

#[test]
fn connections_by_brute_force() {
    let mut world = World::new();
    world.admit("a2", https(from_group("sg-a1")));
    world.interface("a3", "subnet-a2", "10.0.2.11");
    let (found, probes) = connections(&world.estate());
    let expected = ["i-a1>i-a2", "i-a1>i-a3", "i-a2>i-a1", "i-a2>i-a3", "i-a3>i-a1"];
    assert_eq!(pairs(&found), expected.map(str::to_owned).into());
    let pair =
        |from: &str, to: &str| (Member::Workload(from.to_owned()), Member::Workload(to.to_owned()));
    let through = &found[&pair("i-a1", "i-a2")].certain;
    let through: Vec<&Probe> = through.iter().map(|one| &probes[one.probe]).collect();
    assert_eq!(through.len(), 1);
    assert_eq!((&through[0].protocols, through[0].second), (&vec![6], (443, 443)));
    let everything = &found[&pair("i-a2", "i-a1")];
    assert_eq!(
        (everything.certain.len(), &everything.possible),
        (probes.len(), &everything.certain)
    );
    world.admit("a2", from_prefix("10.0.2.0/24"));
    let (after, _) = connections(&world.estate());
    assert_eq!(pairs(&after).difference(&pairs(&found)).collect::<Vec<_>>(), ["i-a3>i-a2"]);
    assert_eq!(pairs(&found).difference(&pairs(&after)).collect::<Vec<_>>(), ["i-a1>i-a2"]);
}

#[test]
fn probes_cover_every_flow_once() {
    let mut world = World::new();
    world.admit("a2", https(from_prefix("10.0.0.0/8")));
    let mut rule = from_prefix("10.0.0.0/8");
    rule["IpProtocol"] = json!("icmp");
    rule["FromPort"] = json!(3);
    rule["ToPort"] = json!(4);
    world.admit("a1", rule);
    world.acl("subnet-a1", &[(true, 1, true, "6", "0.0.0.0/0", Some((1024, 65_535)))]);
    let mut sizes: BTreeMap<u8, u64> = BTreeMap::new();
    for probe in probes(&[&world.estate()]) {
        let width = |(first, last): (u16, u16)| u64::from(last) - u64::from(first) + 1;
        for protocol in &probe.protocols {
            *sizes.entry(*protocol).or_default() += width(probe.first) * width(probe.second);
        }
    }
    assert_eq!(sizes.len(), 256);
    assert_eq!(
        (sizes[&6], sizes[&17], sizes[&1], sizes[&58]),
        (1 << 32, 1 << 32, 1 << 16, 1 << 16)
    );
    assert_eq!(sizes[&47], 1);
}

#[test]
fn blast_goes_on_from_what_is_reached() {
    let mut world = World::new();
    world.interface("a3", "subnet-a2", "10.0.2.11");
    world.admit("a2", from_group("sg-a1"));
    world.admit("a3", from_group("sg-a2"));
    world.expect(&tcp("eni-a1", "10.0.2.11"), Disposition::DeniedIn);
    let hop = |to: &str, hops, certain| (to.to_owned(), Hop { hops, certain });
    let expected = [hop("i-a2", 1, true), hop("i-a3", 2, true)];
    assert_eq!(blast(&world.estate(), "i-a1"), expected.into());
    world.get("eni-a2")["Groups"] = json!([{"GroupId": "sg-a2"}, {"GroupId": "sg-nowhere"}]);
    world.admit("a2", from_group("sg-nobody"));
    let expected = [hop("i-a2", 1, false), hop("i-a3", 2, false)];
    assert_eq!(blast(&world.estate(), "i-a1"), expected.into());
}

#[test]
fn a_database_opens_nothing_and_two_interfaces_are_one_workload() {
    let mut world = World::new();
    world.interface("a3", "subnet-a2", "10.0.2.11");
    world.get("eni-a2")["Description"] = json!("RDSNetworkInterface");
    world.get("eni-a2")["Attachment"] = json!({"Status": "attached"});
    world.get("eni-a3")["Attachment"]["InstanceId"] = json!("i-a1");
    let estate = world.estate();
    assert_eq!(estate.workloads().keys().collect::<Vec<_>>(), ["eni-a2", "i-a1"]);
    assert_eq!(blast(&estate, "eni-a2"), Blast::new());
    assert_eq!(blast(&estate, "i-a1").keys().collect::<Vec<_>>(), ["eni-a2"]);
    let itself = estate.row(&Peer::Interface("eni-a1".to_owned()), &[], &probes(&[&estate]));
    assert!(!itself.contains_key(&Peer::Interface("eni-a1".to_owned())));
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
