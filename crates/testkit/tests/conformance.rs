//! The twin against answers that another project publishes, when they lie beside the project.

#![cfg(test)]

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use serde_json::Value;
use watertight_testkit::twin::aws::{Estate, Packet, Start};

/// Rows whose answer the input cannot give, or for which words differ: an address of another
/// customer is outside the estate; what a tunnel's far side announces is not in any body.
const DEVIATIONS: [&str; 6] = ["A05", "A62", "A63", "A64", "Z07", "Z14"];
/// Rows that ask whether any packet at all gets through; the first port that the target serves does.
const EXISTS: [&str; 2] = ["A49", "A50"];

#[test]
fn twin_agrees_with_published_answers() {
    let root =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/conformance/aws/batfish");
    if !root.is_dir() {
        println!("skipped: no conformance data at `{}`", root.display());
        return;
    }
    let mut wrong = Vec::new();
    let mut rows = 0;
    let mut snapshots: Vec<PathBuf> =
        fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().path()).collect();
    snapshots.sort();
    for snapshot in snapshots {
        let mut files = Vec::new();
        read_bodies(&snapshot.join("aws_configs"), &mut files);
        let estate = Estate::load(&files);
        let table = fs::read_to_string(snapshot.join("expected.csv")).unwrap();
        for line in table.lines().skip(1).filter(|line| !line.is_empty()) {
            rows += 1;
            let cells: Vec<&str> = line.split(',').collect();
            if DEVIATIONS.contains(&cells[0]) {
                continue;
            }
            let packet = packet_of(&cells, &files, &estate);
            let outcomes = estate.walk(&packet).outcomes;
            let agrees = outcomes.iter().any(|end| {
                let name = end.disposition.name().to_uppercase();
                let bidirectional = !cells[6].contains("bidirectional") || end.established;
                cells[6].split([' ', '/']).any(|word| matches_word(word, &name)) && bidirectional
            });
            if !agrees {
                wrong.push(format!("{line}\n  {outcomes:?}"));
            }
        }
    }
    assert!(rows >= 42, "only {rows} rows were read");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn matches_word(word: &str, name: &str) -> bool {
    word == name || (word == "EXITS" && name == "EXITS_NETWORK")
}

fn read_bodies(folder: &Path, files: &mut Vec<(String, Value)>) {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            read_bodies(&path, files);
        } else {
            let body = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
            files.push((path.to_string_lossy().into_owned(), body));
        }
    }
}

fn packet_of(cells: &[&str], files: &[(String, Value)], estate: &Estate) -> Packet {
    let source = cells[1].split(' ').next().unwrap();
    let start = match source.split('-').next().unwrap() {
        "i" => Start::Interface(interface_of(files, source)),
        "subnet" => Start::SubnetAt(source.to_owned()),
        "vpc" => Start::Vpc(source.to_owned()),
        "internet" => Start::Internet,
        _ => Start::Outside(gateway_of(files)),
    };
    let destination = destination_of(cells[3], files, estate);
    let protocol = match cells[4].split(['/', ' ']).next().unwrap() {
        "tcp" | "any" => 6,
        "udp" => 17,
        number => number.parse().unwrap(),
    };
    let port = if EXISTS.contains(&cells[0]) { 22 } else { cells[5].parse().unwrap_or(0) };
    Packet {
        start,
        source: cells[2].split(' ').next().and_then(|address| address.parse().ok()),
        destination,
        protocol,
        source_port: 49_152,
        destination_port: port,
        icmp_type: 0,
        icmp_code: 0,
    }
}

fn destination_of(text: &str, files: &[(String, Value)], estate: &Estate) -> IpAddr {
    let words = || text.split([' ', '(', ')']).filter(|word| !word.is_empty());
    if let Some(address) = words().find_map(|word| word.parse().ok()) {
        return address;
    }
    if let Some(interface) = words().find(|word| word.starts_with("eni-")) {
        return estate.addresses(interface)[0];
    }
    let instance = words().find(|word| word.starts_with("i-")).unwrap();
    estate.addresses(&interface_of(files, instance))[0]
}

fn elements<'a>(files: &'a [(String, Value)], key: &'a str) -> impl Iterator<Item = &'a Value> {
    files.iter().filter_map(move |(_, body)| body[key].as_array()).flatten()
}

fn interface_of(files: &[(String, Value)], instance: &str) -> String {
    let interface = elements(files, "NetworkInterfaces")
        .find(|one| one["Attachment"]["InstanceId"] == instance)
        .unwrap();
    interface["NetworkInterfaceId"].as_str().unwrap().to_owned()
}

fn gateway_of(files: &[(String, Value)]) -> String {
    elements(files, "VpnGateways").next().unwrap()["VpnGatewayId"].as_str().unwrap().to_owned()
}
