//! The engine and the slow twin agree on generated clusters, and what must not matter does not.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod fronts;
mod further;
mod hosts;
mod properties;
mod services;
mod standing;
mod support;

use serde_json::Value;
use watertight_testkit::generate::kubernetes::{
    ADDRESSES, PORTS, calico_cluster, cilium_cluster, cluster,
};
use watertight_testkit::twin::kubernetes::{Connection, End, Pod, allows, pods};

use support::{Cluster, PROTOCOLS};

/// Ports beside those that rules name: at the edges of their ranges, and one that none names.
const MORE_PORTS: [u16; 4] = [1, 480, 481, 65535];

#[test]
fn engine_and_twin_agree_on_generated_clusters() {
    agree(cluster);
}

#[test]
fn engine_and_twin_agree_on_generated_clusters_with_cilium() {
    agree(cilium_cluster);
}

#[test]
fn engine_and_twin_agree_on_generated_clusters_with_calico() {
    agree(calico_cluster);
}

/// Compares every pair of ends of 300 clusters, over every protocol and port that matters.
fn agree(cluster: fn(u64) -> Vec<Value>) {
    let mut asked = 0_u64;
    let mut allowed = 0_u64;
    for seed in 0..300 {
        let objects = cluster(seed);
        let engine = Cluster::of(&objects);
        let pods = pods(&objects);
        let addresses: Vec<std::net::IpAddr> =
            ADDRESSES.iter().map(|text| text.parse().unwrap()).collect();
        let ends: Vec<End<'_>> =
            pods.iter().map(End::Pod).chain(addresses.iter().copied().map(End::Outside)).collect();
        for from in &ends {
            for to in &ends {
                if is_left_out(*from, *to) || !engine.has(*from) || !engine.has(*to) {
                    continue;
                }
                let flows = engine.forward(*from, *to);
                for protocol in PROTOCOLS {
                    for port in PORTS.iter().chain(&MORE_PORTS) {
                        let connection = Connection {
                            from: *from,
                            to: *to,
                            protocol,
                            port: *port,
                            over_v6: None,
                        };
                        let expected = allows(&objects, connection);
                        let found = support::contains(&flows, protocol, *port);
                        assert_eq!(
                            found,
                            expected,
                            "seed {seed}: {connection:?}\n{}",
                            serde_json::to_string_pretty(&objects).unwrap()
                        );
                        asked += 1;
                        allowed += u64::from(expected);
                    }
                }
            }
        }
    }
    // A generator that opened or closed everything would prove nothing.
    assert!(asked > 500_000, "{asked} connections");
    assert!(allowed * 5 > asked && allowed * 5 < asked * 4, "{allowed} of {asked} allowed");
}

/// A pod reaches itself whatever policies say, and two ends outside are nobody's business.
fn is_left_out(from: End<'_>, to: End<'_>) -> bool {
    let same = |one: &Pod, other: &Pod| one == other;
    match (from, to) {
        (End::Pod(from), End::Pod(to)) => same(from, to),
        (End::Outside(_), End::Outside(_)) => true,
        _ => false,
    }
}
