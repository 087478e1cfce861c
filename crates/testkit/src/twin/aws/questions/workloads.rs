//! Who opens connections to whom: workloads with all their interfaces, blast radius, difference.

use std::collections::{BTreeMap, BTreeSet};

use super::super::{Estate, Packet, Start};
use super::{Arrival, Bounds, Peer, Probe, Row};

/// What one machine, load balancer or service has in the network.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Workload {
    /// Its interfaces, by id.
    pub interfaces: BTreeSet<String>,
    /// Whether a user's code runs on it, so that it opens connections of its own.
    pub runs_code: bool,
    /// Whether it is a load balancer, which opens connections to its targets alone.
    pub is_front: bool,
}

/// Who sends or receives: a workload by its key, or an address outside of the estate.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Member {
    /// A workload.
    Workload(String),
    /// An address outside of the estate.
    Outside(Peer),
}

/// What is established between members.
pub type Connections = BTreeMap<(Member, Member), Bounds>;

/// How a workload is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hop {
    /// The least number of connections, one after the other, if all that cannot be read passes.
    pub hops: u32,
    /// Whether it is reached in some number of them if nothing unreadable passes.
    pub certain: bool,
}

/// What a workload reaches, by the key of the workload reached.
pub type Blast = BTreeMap<String, Hop>;

impl Estate {
    /// The workloads, by a key of their own: an instance's or a gateway's id, a load balancer's or
    /// a function's name, else the interface's id.
    pub fn workloads(&self) -> BTreeMap<String, Workload> {
        let mut workloads: BTreeMap<String, Workload> = BTreeMap::new();
        for interface in self.bodies.interfaces.values() {
            let description = interface.description.as_str();
            let is_front = self.is_front(&interface.id);
            let key = match (&interface.instance, self.nat_of(&interface.id)) {
                (Some(instance), _) => instance,
                (None, Some(nat)) => nat,
                (None, None) if is_front => description,
                (None, None) if interface.kind == "lambda" => function_of(description),
                (None, None) => {
                    let endpoint = description.strip_prefix("VPC Endpoint Interface ");
                    endpoint.unwrap_or(interface.id.as_str())
                }
            };
            let serves = ["vpc_endpoint", "nat_gateway", "gateway_load_balancer_endpoint"];
            let runs_code = !is_front
                && !serves.contains(&interface.kind.as_str())
                && description != "RDSNetworkInterface";
            let workload = workloads.entry(key.to_owned()).or_default();
            workload.interfaces.insert(interface.id.clone());
            workload.runs_code = runs_code;
            workload.is_front = is_front;
        }
        workloads
    }

    /// The rows of every interface, and of every outside peer.
    pub fn rows(&self, outside: &[Peer], probes: &[Probe]) -> BTreeMap<Peer, Row> {
        let interfaces = self.bodies.interfaces.keys().map(|id| Peer::Interface(id.clone()));
        let all = interfaces.chain(outside.iter().cloned());
        all.map(|peer| (peer.clone(), self.row(&peer, outside, probes))).collect()
    }

    /// What is established between every two workloads, and between them and outside peers.
    pub fn connections(&self, rows: &BTreeMap<Peer, Row>) -> Connections {
        let workloads = self.workloads();
        let member = |peer: &Peer| match peer {
            Peer::Interface(id) => {
                let mut found = workloads.iter().filter(|(_, one)| one.interfaces.contains(id));
                Member::Workload(found.next().map(|(key, _)| key.clone()).unwrap_or_default())
            }
            Peer::Internet(_) | Peer::Outside(..) => Member::Outside(peer.clone()),
        };
        let mut connections = Connections::new();
        for (from, row) in rows {
            let from = member(from);
            for (to, connection) in row {
                if !connection.established.possible.is_empty() {
                    let entry = connections.entry((from.clone(), member(to))).or_default();
                    entry.extend(&connection.established);
                }
            }
        }
        connections
    }

    /// What each workload can open to each other one: its own connections where code runs on it,
    /// those to its targets where it is a load balancer.
    pub fn opened(
        &self,
        connections: &Connections,
        probes: &[Probe],
    ) -> BTreeMap<(String, String), Bounds> {
        let workloads = self.workloads();
        let mut opened: BTreeMap<(String, String), Bounds> = BTreeMap::new();
        for ((from, to), over) in connections {
            let (Member::Workload(from), Member::Workload(to)) = (from, to) else { continue };
            let runs_code = workloads.get(from).is_some_and(|one| one.runs_code);
            if from != to && runs_code {
                opened.insert((from.clone(), to.clone()), over.clone());
            }
        }
        for (key, front) in workloads.iter().filter(|(_, one)| one.is_front) {
            for interface in &front.interfaces {
                for (holder, arrival, established) in self.legs(interface, probes) {
                    let mut others = workloads.iter();
                    let to = others.find(|(_, one)| one.interfaces.contains(&holder));
                    if let Some((to, _)) = to.filter(|(to, _)| *to != key) {
                        let entry = opened.entry((key.clone(), to.clone())).or_default();
                        entry.add(arrival, established);
                    }
                }
            }
        }
        opened
    }

    /// What a load balancer's interface establishes with its targets, from every part of the source
    /// ports.
    fn legs(&self, interface: &str, probes: &[Probe]) -> Vec<(String, Arrival, (bool, bool))> {
        let packets = self.second_legs(interface).into_iter();
        packets.flat_map(|packet| self.leg(interface, packet, probes)).collect()
    }

    /// Who receives a packet of a load balancer's interface, and whether connections like it are
    /// established, from every part of the source ports.
    pub(super) fn leg(
        &self,
        interface: &str,
        mut packet: Packet,
        probes: &[Probe],
    ) -> Vec<(String, Arrival, (bool, bool))> {
        let port = packet.destination_port;
        let fits = |probe: &Probe| {
            probe.protocols.contains(&packet.protocol)
                && (probe.second.0..=probe.second.1).contains(&port)
        };
        let fitting: Vec<usize> =
            probes.iter().enumerate().filter(|(_, one)| fits(one)).map(|(at, _)| at).collect();
        let mut legs = Vec::new();
        for number in fitting {
            let Some(probe) = probes.get(number) else { continue };
            packet.source_port = probe.first.0;
            packet.start = Start::Interface(interface.to_owned());
            for outcome in self.walk(&packet).outcomes {
                let possible = outcome.may_establish;
                let arrival = Arrival { probe: number, port: Some(port) };
                let holders: BTreeSet<&String> =
                    outcome.delivered_to.iter().chain(upper_ends(&outcome.upper)).collect();
                if outcome.established || possible {
                    let bounds = (outcome.established, possible);
                    legs.extend(holders.into_iter().map(|id| (id.clone(), arrival, bounds)));
                }
            }
        }
        legs
    }

    /// What a workload reaches in any number of hops.
    pub fn blast(start: &str, opened: &BTreeMap<(String, String), Bounds>) -> Blast {
        let spread = |certain: bool| {
            let mut hops: BTreeMap<String, u32> = BTreeMap::from([(start.to_owned(), 0)]);
            let mut round = 0;
            loop {
                let next: BTreeSet<String> = opened
                    .iter()
                    .filter(|((from, to), _)| hops.contains_key(from) && !hops.contains_key(to))
                    .filter(|(_, over)| !certain || !over.certain.is_empty())
                    .map(|((_, to), _)| to.clone())
                    .collect();
                if next.is_empty() {
                    return hops;
                }
                round += 1;
                hops.extend(next.into_iter().map(|to| (to, round)));
            }
        };
        let certain = spread(true);
        let mut reached = spread(false);
        reached.remove(start);
        reached
            .into_iter()
            .map(|(to, hops)| (to.clone(), Hop { hops, certain: certain.contains_key(&to) }))
            .collect()
    }
}

/// The part of the description before the UUID and its hyphen.
fn function_of(description: &str) -> &str {
    const UUID: usize = 36;
    description.get(..description.len().saturating_sub(UUID + 1)).unwrap_or(description)
}

fn upper_ends(upper: &[super::Outcome]) -> impl Iterator<Item = &String> {
    upper.iter().filter_map(|one| one.delivered_to.as_ref())
}
