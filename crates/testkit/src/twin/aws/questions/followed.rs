//! Who is reached by following connections interface by interface, through load balancers by the
//! listener that was dialled.

use std::collections::{BTreeMap, BTreeSet};

use super::super::Estate;
use super::{Arrival, Bounds, Connection, Peer, Probe, Row, Workload};

/// What a load balancer's interface sends on for one of its listeners, and to which interface.
struct Leg {
    protocols: &'static [u8],
    port: u16,
    to: String,
    arrival: Arrival,
    certain: bool,
}

/// One way of following.
struct Following<'e> {
    rows: &'e BTreeMap<Peer, Row>,
    probes: &'e [Probe],
    workloads: BTreeMap<String, Workload>,
    legs: BTreeMap<String, Vec<Leg>>,
    /// Whether only what is certain counts.
    certain: bool,
    /// Whether code goes on from the workloads that are reached.
    breaching: bool,
}

impl Estate {
    /// What arrives, at the end of any number of connections, at a workload by its key: from
    /// another one, through load balancers by their listeners and, if `breaching`, through every
    /// workload that runs code. First if nothing unreadable passes, then if all of it does.
    pub fn followed(
        &self,
        (from, to): (&str, &str),
        rows: &BTreeMap<Peer, Row>,
        probes: &[Probe],
        breaching: bool,
    ) -> Bounds {
        let workloads = self.workloads();
        let fronts = workloads.values().filter(|one| one.is_front);
        let legs = fronts
            .flat_map(|one| &one.interfaces)
            .map(|id| (id.clone(), self.legs_of(id, probes)))
            .collect();
        let mut following = Following { rows, probes, workloads, legs, certain: true, breaching };
        let certain = following.arrivals(from, to);
        following.certain = false;
        Bounds { certain, possible: following.arrivals(from, to) }
    }

    fn legs_of(&self, interface: &str, probes: &[Probe]) -> Vec<Leg> {
        let mut legs = Vec::new();
        for (listener, packet) in self.legs_by_listener(interface) {
            for (to, arrival, (certain, _)) in self.leg(interface, packet, probes) {
                let (protocols, port) = (listener.carried(), listener.port);
                legs.push(Leg { protocols, port, to, arrival, certain });
            }
        }
        legs
    }
}

impl Following<'_> {
    fn arrivals(&self, from: &str, to: &str) -> BTreeSet<Arrival> {
        let Some(start) = self.workloads.get(from) else { return BTreeSet::new() };
        let mut senders: BTreeSet<String> = start.interfaces.clone();
        // What arrives at each interface.
        let mut arrived: BTreeMap<String, BTreeSet<Arrival>> = BTreeMap::new();
        loop {
            let before = (senders.len(), arrived.values().map(BTreeSet::len).sum::<usize>());
            for sender in &senders {
                for (id, connection) in self.row(sender) {
                    if self.key_of(id) != self.key_of(sender) {
                        arrived.entry(id.clone()).or_default().extend(self.counting(connection));
                    }
                }
            }
            for (front, legs) in &self.legs {
                let heard = arrived.get(front).cloned().unwrap_or_default();
                for leg in legs.iter().filter(|leg| leg.certain || !self.certain) {
                    if heard.iter().any(|arrival| self.hears(leg, *arrival)) {
                        arrived.entry(leg.to.clone()).or_default().insert(leg.arrival);
                    }
                }
            }
            if self.breaching {
                let breached = self.workloads.values().filter(|one| {
                    let reached = |id| arrived.get(id).is_some_and(|some| !some.is_empty());
                    one.runs_code && one.interfaces.iter().any(reached)
                });
                senders.extend(breached.flat_map(|one| one.interfaces.iter().cloned()));
            }
            if before == (senders.len(), arrived.values().map(BTreeSet::len).sum()) {
                break;
            }
        }
        let ends = self.workloads.get(to).into_iter().flat_map(|one| &one.interfaces);
        ends.filter_map(|id| arrived.get(id)).flatten().copied().collect()
    }

    fn row(&self, interface: &str) -> impl Iterator<Item = (&String, &Connection)> {
        let row = self.rows.get(&Peer::Interface(interface.to_owned()));
        row.into_iter().flatten().filter_map(|(peer, connection)| match peer {
            Peer::Interface(id) => Some((id, connection)),
            Peer::Internet(_) | Peer::Outside(..) => None,
        })
    }

    fn counting<'c>(&self, connection: &'c Connection) -> &'c BTreeSet<Arrival> {
        let established = &connection.established;
        if self.certain { &established.certain } else { &established.possible }
    }

    fn hears(&self, leg: &Leg, arrival: Arrival) -> bool {
        let Some(probe) = self.probes.get(arrival.probe) else { return false };
        let (first, last) = arrival.port.map_or(probe.second, |port| (port, port));
        probe.protocols.iter().any(|one| leg.protocols.contains(one))
            && (first..=last).contains(&leg.port)
    }

    fn key_of(&self, interface: &str) -> Option<&String> {
        let mut all = self.workloads.iter();
        all.find(|(_, one)| one.interfaces.contains(interface)).map(|(key, _)| key)
    }
}
