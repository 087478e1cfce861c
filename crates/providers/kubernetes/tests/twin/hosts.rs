//! Policies of Calico's for what hosts forward: what they may refuse is perhaps.

use std::net::IpAddr;

use serde_json::Value;
use watertight_testkit::generate::kubernetes::{ADDRESSES, PORTS, host_cluster};
use watertight_testkit::twin::kubernetes::calico::may_be_refused_at_hosts;
use watertight_testkit::twin::kubernetes::{Connection, End, Pod, allows, pods};

use crate::support::{Cluster, PROTOCOLS, contains};

fn node_of<'o>(objects: &'o [Value], pod: &Pod) -> Option<&'o str> {
    let is = |one: &&Value| one["kind"] == *pod.kind && one["metadata"]["name"] == *pod.name;
    objects.iter().find(is)?["spec"]["nodeName"].as_str()
}

/// Whether a policy at a host may refuse what policies of pods allow.
fn may_be_refused(objects: &[Value], from: End<'_>, to: End<'_>) -> bool {
    fn node<'o>(objects: &'o [Value], end: End<'_>) -> Option<&'o str> {
        match end {
            // What hosts themselves send and get is not told apart.
            End::Pod(pod) if pod.on_host => None,
            End::Pod(pod) => node_of(objects, pod),
            End::Outside(_) => None,
        }
    }
    let node = |end: End<'_>| node(objects, end);
    // What stays on a node passes none of its interfaces.
    if let (End::Pod(_), End::Pod(_), Some(one), Some(other)) = (from, to, node(from), node(to))
        && one == other
    {
        return false;
    }
    let at = |end: End<'_>, way| match end {
        End::Pod(pod) => !pod.on_host && may_be_refused_at_hosts(objects, node(end), way),
        End::Outside(_) => false,
    };
    at(from, "egress") || at(to, "ingress")
}

#[test]
fn engine_and_twin_agree_on_policies_for_what_hosts_forward() {
    let (mut asked, mut allowed, mut doubted) = (0_u64, 0_u64, 0_u64);
    for seed in 0..300 {
        let objects = host_cluster(seed);
        let cluster = Cluster::of(&objects);
        let pods = pods(&objects);
        let outside: Vec<IpAddr> = ADDRESSES.iter().map(|text| text.parse().unwrap()).collect();
        let ends = pods.iter().map(End::Pod).chain(outside.into_iter().map(End::Outside));
        let ends: Vec<End<'_>> = ends.collect();
        for from in &ends {
            for to in &ends {
                if crate::is_left_out(*from, *to) || !cluster.has(*from) || !cluster.has(*to) {
                    continue;
                }
                let flows = cluster.bounds(*from, *to);
                let may = may_be_refused(&objects, *from, *to);
                for protocol in PROTOCOLS {
                    for port in PORTS {
                        let connection =
                            Connection { from: *from, to: *to, protocol, port, over_v6: None };
                        let expected = allows(&objects, connection);
                        let found = (
                            contains(&flows.sure, protocol, port),
                            contains(&flows.possible, protocol, port),
                        );
                        assert_eq!(
                            found,
                            (expected && !may, expected),
                            "seed {seed}: {connection:?}\n{}",
                            serde_json::to_string_pretty(&objects).unwrap()
                        );
                        asked += 1;
                        allowed += u64::from(expected);
                        doubted += u64::from(expected && may);
                    }
                }
            }
        }
    }
    assert!(asked > 200_000 && allowed * 5 > asked, "{allowed} of {asked} allowed");
    assert!(doubted * 20 > allowed && doubted * 2 < allowed, "{doubted} of {allowed} in doubt");
}
