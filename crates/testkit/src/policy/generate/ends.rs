//! Ends of legs.

use std::net::IpAddr;

use watertight_net::Prefix;
use watertight_policy::Timestamp;

use super::{EXPIRES, NAMES, NETWORKS, small, v4, word};
use crate::generate::Random;
use crate::policy::{Binding, End, Who, World};

/// One workload.
pub(super) fn one(workload: usize) -> End {
    End { who: Who::Workloads(vec![workload]), places: Vec::new(), groups: None }
}

/// Mostly a workload; else candidates, an address outside, or one that nobody holds.
pub(super) fn draw(random: &mut Random, world: &World) -> End {
    let count = world.workloads.len();
    let mut end = match random.below(20) {
        0..=12 => one(random.below(count)),
        13 | 14 => {
            let first = random.below(count);
            let who = Who::Workloads(vec![first, random.below(count)]);
            End { who, ..one(0) }
        }
        15..=18 => {
            let groups = signed_in(random);
            return End { groups, ..outside(random) };
        }
        _ => {
            let network = word(random, &NETWORKS).to_owned();
            let place = (Some(network), v4([10, 0, small(random, 2), 200]));
            return End { who: Who::Unknown, places: vec![place], groups: None };
        }
    };
    if let Who::Workloads(workloads) = &end.who {
        let own = |workload: &usize| world.workloads[*workload].places.clone();
        let places: Vec<_> = workloads.iter().flat_map(own).collect();
        if random.chance(60) {
            end.places = random.pick(&places).cloned().into_iter().collect();
        }
    }
    end.groups = signed_in(random);
    end
}

/// Mostly nothing tells; else somebody, or nobody.
fn signed_in(random: &mut Random) -> Option<Vec<String>> {
    match random.below(10) {
        0 | 1 => Some(vec![word(random, &["admins", "staff"]).to_owned()]),
        2 => Some(Vec::new()),
        _ => None,
    }
}

fn outside(random: &mut Random) -> End {
    let prefixes = [
        "198.51.100.7/32",
        "198.51.100.56/29",
        "198.51.100.120/28",
        "198.51.100.112/28",
        "203.0.113.0/29",
        "192.0.2.1/32",
        "169.254.169.254/32",
        "172.16.0.4/32",
        "2001:db8::1/128",
    ];
    let text = word(random, &prefixes);
    let prefix = text.parse().unwrap_or(Prefix::host(v4([192, 0, 2, 1])));
    let network = random.chance(15).then(|| "vpn".to_owned());
    End { who: Who::Outside(prefix, network), places: Vec::new(), groups: None }
}

/// What workloads asked for; some were told the address of this end.
pub(super) fn bindings(random: &mut Random, world: &World, end: &End) -> Vec<Binding> {
    let known: Vec<IpAddr> = match &end.who {
        Who::Outside(prefix, _) => vec![prefix.first()],
        _ => end.places.iter().map(|(_, address)| *address).collect(),
    };
    let mut bindings = Vec::new();
    for asker in 0..world.workloads.len() {
        for name in NAMES {
            if let Some(address) = random.pick(&known)
                && random.chance(50)
            {
                let until = if random.chance(70) { Timestamp(5_000) } else { EXPIRES };
                bindings.push((asker, name.to_owned(), *address, until));
            }
        }
    }
    bindings
}
