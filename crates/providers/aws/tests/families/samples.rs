//! Dumps of other tools that lack many calls: what they do not tell is unknown.
//!
//! They lie beside the checkout; without them these tests say so and are skipped.

use std::collections::BTreeSet;
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use watertight_model::Estate;
use watertight_net::{Flow, FlowSet, Protocol};
use watertight_reach::{Reach, Start};

use crate::support::converted;

/// The estate of a dump; `None`, with a line that says so, where it is absent.
fn sample(name: &str) -> Option<Estate> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..");
    let folder = root.join("../shared/conformance/samples/aws").join(name);
    if !folder.is_dir() {
        println!("skipped: samples/aws/{name} is not beside the checkout");
        return None;
    }
    let mut files = Vec::new();
    read(&folder, &folder, &mut files);
    files.sort();
    let files: Vec<(&str, &str)> =
        files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    Some(converted(&files).estate)
}

fn read(root: &Path, folder: &Path, files: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path: PathBuf = entry.unwrap().path();
        if path.is_dir() {
            read(root, &path, files);
        } else if let Ok(text) = fs::read_to_string(&path)
            && text.trim_start().starts_with(['{', '['])
        {
            files.push((path.strip_prefix(root).unwrap().to_string_lossy().into_owned(), text));
        }
    }
}

/// Questions and what is answered: start, destination, port, dispositions.
type Question<'q> = (&'q str, &'q str, u16, &'q str);

/// Asks all questions and says which answers differ.
fn ask(estate: &Estate, questions: &[Question<'_>]) {
    let mut wrong = Vec::new();
    for (from, to, port, wanted) in questions {
        let protocol = Protocol::TCP;
        let flow = Flow::Ports { protocol, source_port: 40000, destination_port: *port };
        let start = start(estate, from);
        let reach = Reach::new(&estate.network);
        let parts = reach.answer(&start, to.parse().unwrap(), &FlowSet::from(flow));
        let words: BTreeSet<&str> = parts.iter().map(|part| part.disposition.word()).collect();
        let got = words.into_iter().collect::<Vec<_>>().join(" ");
        if got != *wanted {
            let why: Vec<String> = parts.iter().map(|part| part.why.to_string()).collect();
            wrong.push(format!("{from} to {to} {port}: {got} ({}), not {wanted}", why.join("; ")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A VPC, an address in a subnet (`subnet-1@10.0.0.1`), or an interface by its address.
fn start(estate: &Estate, text: &str) -> Start {
    let network = &estate.network;
    if let Some((subnet, address)) = text.split_once('@') {
        let subnet = network.subnets.iter().find(|(_, one)| one.name == subnet).unwrap();
        return Start::Subnet { subnet: subnet.0, address: address.parse().unwrap() };
    }
    if let Ok(address) = text.parse::<IpAddr>() {
        let holds = |addresses: &[IpAddr]| addresses.contains(&address);
        let found = network.endpoints.iter().find(|(_, one)| holds(&one.addresses));
        return Start::Endpoint { endpoint: found.unwrap().0, address };
    }
    Start::Realm(network.realms.iter().find(|(_, one)| one.name == text).unwrap().0)
}

#[test]
fn a_dump_without_routes_acls_and_most_interfaces() {
    let Some(estate) = sample("cloudmapper-demo") else { return };
    ask(
        &estate,
        &[
            // In one subnet no route and no ACL is asked, but who else is there is not told.
            ("10.0.0.1", "10.0.0.50", 443, "unknown"),
            ("10.0.2.1", "10.0.2.50", 443, "unknown"),
            ("subnet-00000003@10.0.2.77", "10.0.2.99", 443, "unknown"),
            ("subnet-00000004@10.0.3.77", "10.0.3.99", 443, "unknown"),
            // Routes are not told.
            ("10.0.0.1", "10.0.2.1", 8000, "unknown"),
            ("10.0.0.1", "10.0.2.50", 443, "unknown"),
            ("10.0.0.1", "10.0.9.9", 443, "unknown"),
            ("10.0.0.1", "8.8.8.8", 443, "unknown"),
            ("10.0.2.1", "10.0.3.1", 8000, "unknown"),
            ("subnet-00000001@10.0.0.77", "10.0.3.1", 8000, "unknown"),
            // From the router: ACLs and interfaces are not told, the list of subnets is whole.
            ("vpc-12345678", "10.0.0.50", 443, "unknown"),
            ("vpc-12345678", "10.0.1.50", 443, "unknown"),
            ("vpc-12345678", "10.0.9.9", 443, "null_routed"),
        ],
    );
}

#[test]
fn a_recording_of_instances_routes_and_subnets() {
    let Some(estate) = sample("cloud-custodian/ec2_igw_subnet") else { return };
    ask(
        &estate,
        &[
            // Groups, ACLs and gateways are not told, nor the interfaces of anything else.
            ("10.0.1.36", "10.0.1.98", 443, "unknown"),
            ("10.0.1.36", "10.0.1.200", 443, "unknown"),
            ("10.0.1.36", "10.0.2.97", 443, "unknown"),
            ("10.0.1.36", "10.0.2.200", 443, "unknown"),
            ("10.0.2.97", "10.0.1.36", 443, "unknown"),
            ("10.0.2.97", "8.8.8.8", 443, "unknown"),
            ("subnet-00a7ff0f29a2f7dd7@10.0.1.222", "10.0.1.223", 443, "unknown"),
            ("subnet-00a7ff0f29a2f7dd7@10.0.1.222", "10.0.2.223", 443, "unknown"),
            ("vpc-06a22444b7946ea01", "10.0.1.36", 443, "unknown"),
            ("vpc-06a22444b7946ea01", "10.0.2.200", 443, "unknown"),
            // The private subnet's table has a local route only.
            ("10.0.1.36", "8.8.8.8", 443, "no_route"),
            ("10.0.1.36", "172.31.0.5", 443, "no_route"),
        ],
    );
}

#[test]
fn a_recording_of_instances_and_groups() {
    let Some(estate) = sample("cloud-custodian/ec2_security_group_filter_multi_enis") else {
        return;
    };
    let vpc = "vpc-0e6611fce3ecb0f0f";
    ask(
        &estate,
        &[
            // Subnets and ACLs are not told.
            (vpc, "10.0.2.155", 443, "unknown"),
            (vpc, "10.0.2.200", 443, "unknown"),
            (vpc, "10.0.1.200", 443, "unknown"),
            (vpc, "10.0.77.1", 443, "unknown"),
            ("subnet-08d70664677d2d011@10.0.2.9", "10.0.2.200", 443, "unknown"),
            ("subnet-08d70664677d2d011@10.0.2.9", "10.0.1.91", 443, "unknown"),
            ("subnet-08d70664677d2d011@10.0.2.9", "8.8.8.8", 443, "unknown"),
            // The groups let nothing out, and in only what has an address of the VPC.
            (vpc, "10.0.2.87", 443, "denied_in"),
            ("10.0.2.87", "10.0.2.155", 443, "denied_out"),
            ("10.0.1.91", "10.0.1.115", 443, "denied_out"),
        ],
    );
}
