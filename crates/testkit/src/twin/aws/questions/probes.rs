//! Packets that stand for all others: one for each part of the flows that some rule tells apart.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::super::bodies::{Bodies, Destination, Peer};
use super::super::{Estate, Prefix};

/// Flows that no rule of the estates asked about tells apart; the first of each range stands for
/// all of them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Probe {
    /// The IP protocol; several only where no rule names any of them.
    pub protocols: Vec<u8>,
    /// The first and the last source port, or ICMP type.
    pub first: (u16, u16),
    /// The first and the last destination port, or ICMP code.
    pub second: (u16, u16),
}

/// Where ranges of rules begin, and the numbers after their ends.
#[derive(Default)]
struct Cuts {
    protocols: BTreeSet<u8>,
    first: BTreeMap<u8, BTreeSet<u16>>,
    second: BTreeMap<u8, BTreeSet<u16>>,
}

/// One probe for each part of the flows that a rule of any of the estates tells apart.
pub fn probes(estates: &[&Estate]) -> Vec<Probe> {
    let mut cuts = Cuts::default();
    for estate in estates {
        cuts.read(&estate.bodies);
    }
    let mut probes = Vec::new();
    for protocol in [6, 17, 1, 58] {
        let last = if matches!(protocol, 6 | 17) { u16::MAX } else { 255 };
        for first in ranges(cuts.first.get(&protocol), last) {
            for second in ranges(cuts.second.get(&protocol), last) {
                probes.push(Probe { protocols: vec![protocol], first, second });
            }
        }
    }
    cuts.protocols.extend([6, 17, 1, 58]);
    let whole = |protocols| Probe { protocols, first: (0, 0), second: (0, 0) };
    let others = cuts.protocols.iter().filter(|one| !matches!(one, 6 | 17 | 1 | 58));
    probes.extend(others.map(|protocol| whole(vec![*protocol])));
    probes.push(whole((0..=u8::MAX).filter(|one| !cuts.protocols.contains(one)).collect()));
    probes
}

fn ranges(cuts: Option<&BTreeSet<u16>>, last: u16) -> Vec<(u16, u16)> {
    let mut starts: BTreeSet<u16> = cuts.cloned().unwrap_or_default();
    starts.insert(0);
    starts.retain(|start| *start <= last);
    let starts: Vec<u16> = starts.into_iter().collect();
    let ends = starts.iter().skip(1).map(|next| next - 1).chain([last]);
    starts.iter().copied().zip(ends).collect()
}

impl Cuts {
    fn read(&mut self, bodies: &Bodies) {
        // What forwards and cannot be read may drop the connection and pass its reply: then security
        // groups look at replies too.
        let boxed = bodies.endpoints.values().any(|one| one.kind == "GatewayLoadBalancer")
            || bodies.interfaces.values().any(|one| !one.source_dest_check);
        for group in bodies.groups.values() {
            for rule in group.ingress.iter().chain(&group.egress) {
                self.range(rule.protocol, (rule.from, rule.to), boxed);
            }
        }
        for entry in bodies.acls.values().flat_map(|acl| &acl.entries) {
            let icmp = entry.icmp.map(|icmp| (icmp.kind, icmp.code));
            let range = entry.ports.or(icmp).unwrap_or((-1, -1));
            self.range(entry.protocol, range, true);
        }
        for listener in &bodies.listeners {
            let port = i64::from(listener.port);
            self.range(Some(6), (port, port), false);
            self.range(Some(17), (port, port), false);
        }
    }

    /// Cuts at a range of ports, or at a type and a code; in both directions where a rule looks at
    /// replies.
    fn range(&mut self, protocol: Option<u8>, (from, to): (i64, i64), both: bool) {
        let Some(protocol) = protocol else { return };
        self.protocols.insert(protocol);
        let cut = |set: &mut BTreeSet<u16>, at: i64| {
            if let Ok(at) = u16::try_from(at) {
                set.insert(at);
            }
        };
        let first = self.first.entry(protocol).or_default();
        let second = self.second.entry(protocol).or_default();
        if from == -1 {
            return;
        }
        if matches!(protocol, 6 | 17) {
            cut(second, from);
            cut(second, to + 1);
            if both {
                cut(first, from);
                cut(first, to + 1);
            }
            return;
        }
        // Echo and its reply are one connection with two types.
        let echoes: &[i64] = match (protocol, from) {
            (1, 13 | 14) => &[0, 1, 8, 9, 13, 14, 15],
            (1, _) => &[0, 1, 8, 9],
            _ => &[128, 129, 130],
        };
        for at in [from, from + 1].iter().chain(echoes) {
            cut(first, *at);
        }
        if to != -1 {
            cut(second, to);
            cut(second, to + 1);
        }
    }
}

/// The first and the last address of every prefix that rules, lists and routes name, and those
/// before and after.
pub(super) fn edge_addresses(bodies: &Bodies) -> BTreeSet<IpAddr> {
    let mut prefixes: Vec<Prefix> = Vec::new();
    for group in bodies.groups.values() {
        let peers = group.ingress.iter().chain(&group.egress).flat_map(|rule| &rule.peers);
        prefixes.extend(peers.filter_map(|peer| match peer {
            Peer::Prefix(prefix) => Some(*prefix),
            _ => None,
        }));
    }
    prefixes.extend(bodies.acls.values().flat_map(|acl| &acl.entries).map(|entry| entry.prefix));
    prefixes.extend(bodies.prefix_lists.values().filter_map(|list| list.entries.clone()).flatten());
    let routes = bodies.tables.values().flat_map(|table| &table.routes);
    prefixes.extend(routes.filter_map(|route| match route.destination {
        Destination::Prefix(prefix) => Some(prefix),
        Destination::PrefixList(_) => None,
    }));
    let held = bodies.vpcs.values().flat_map(|vpc| &vpc.prefixes);
    let mut addresses: BTreeSet<IpAddr> = prefixes.iter().flat_map(|one| edges(*one)).collect();
    addresses.retain(|address| !held.clone().any(|prefix| prefix.contains(*address)));
    for interface in bodies.interfaces.values() {
        for (_, public) in &interface.public {
            addresses.remove(public);
        }
    }
    addresses
}

fn edges(prefix: Prefix) -> Vec<IpAddr> {
    match prefix.network {
        IpAddr::V4(network) => {
            let first = network.to_bits();
            let rest = u32::MAX.checked_shr(u32::from(prefix.length)).unwrap_or(0);
            let last = first | rest;
            let all = [first.checked_sub(1), Some(first), Some(last), last.checked_add(1)];
            let address = |bits| IpAddr::V4(Ipv4Addr::from_bits(bits));
            all.into_iter().flatten().map(address).collect()
        }
        IpAddr::V6(network) => {
            let first = network.to_bits();
            let rest = u128::MAX.checked_shr(u32::from(prefix.length)).unwrap_or(0);
            let last = first | rest;
            let all = [first.checked_sub(1), Some(first), Some(last), last.checked_add(1)];
            let address = |bits| IpAddr::V6(Ipv6Addr::from_bits(bits));
            all.into_iter().flatten().map(address).collect()
        }
    }
}
