//! Questions about whole estates, answered by trying every packet that rules tell apart.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::{Disposition, Estate, Outcome, Packet, Start};

mod followed;
mod probes;
mod workloads;

pub use probes::{Probe, probes};
pub use workloads::{Blast, Connections, Hop, Member, Workload};

/// Who sends or receives.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Peer {
    /// A network interface, by id.
    Interface(String),
    /// An address of the internet that nobody in the estate has.
    Internet(IpAddr),
    /// An address behind a tunnel or a direct link, with the id of what it is behind.
    Outside(String, IpAddr),
}

/// What of a probe gets to somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Arrival {
    /// The probe's position.
    pub probe: usize,
    /// The destination port that a load balancer changed it to, when one did.
    pub port: Option<u16>,
}

/// What gets through if nothing unreadable passes, and if all of it does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bounds {
    /// If nothing unreadable passes.
    pub certain: BTreeSet<Arrival>,
    /// If all of it does; contains `certain`.
    pub possible: BTreeSet<Arrival>,
}

impl Bounds {
    fn add(&mut self, arrival: Arrival, (certain, possible): (bool, bool)) {
        if certain {
            self.certain.insert(arrival);
        }
        if certain || possible {
            self.possible.insert(arrival);
        }
    }

    pub(super) fn extend(&mut self, other: &Self) {
        self.certain.extend(&other.certain);
        self.possible.extend(&other.possible);
    }
}

/// What one peer can send to another.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Connection {
    /// What arrives.
    pub forward: Bounds,
    /// That part of it whose reply comes back.
    pub established: Bounds,
}

/// What one peer can send to every other.
pub type Row = BTreeMap<Peer, Connection>;

/// An address to try, and who is meant by it.
struct Dialled {
    address: IpAddr,
    peers: Vec<Peer>,
}

impl Estate {
    /// Sends every probe from each of a peer's addresses to each address of each interface and to
    /// those of `outside`.
    pub fn row(&self, from: &Peer, outside: &[Peer], probes: &[Probe]) -> Row {
        let mut row = Row::new();
        let starts = self.starts(from);
        for dialled in self.dialled(from, outside) {
            for (start, source) in &starts {
                if source.is_ipv4() != dialled.address.is_ipv4() {
                    continue;
                }
                for (number, probe) in probes.iter().enumerate() {
                    let packet = probe.packet(start.clone(), *source, dialled.address);
                    for outcome in self.walk(&packet).outcomes {
                        self.add_outcome(&mut row, number, &outcome, &dialled, true);
                    }
                }
            }
        }
        row.remove(from);
        row
    }

    fn starts(&self, from: &Peer) -> Vec<(Start, IpAddr)> {
        match from {
            // What only forwards sends nothing of its own.
            Peer::Interface(id) if self.only_forwards(id) => Vec::new(),
            Peer::Interface(id) => {
                let addresses = self.addresses(id).into_iter();
                addresses.map(|address| (Start::Interface(id.clone()), address)).collect()
            }
            Peer::Internet(address) => vec![(Start::Internet, *address)],
            Peer::Outside(id, address) => vec![(Start::Outside(id.clone()), *address)],
        }
    }

    fn only_forwards(&self, interface: &str) -> bool {
        let kinds = ["nat_gateway", "gateway_load_balancer_endpoint"];
        let interface = self.bodies.interfaces.get(interface);
        interface.is_some_and(|one| kinds.contains(&one.kind.as_str()))
    }

    fn dialled(&self, from: &Peer, outside: &[Peer]) -> Vec<Dialled> {
        let mut holders: BTreeMap<IpAddr, Vec<Peer>> = BTreeMap::new();
        for interface in self.bodies.interfaces.values() {
            let public = interface.public.iter().map(|(_, public)| *public);
            let all: BTreeSet<IpAddr> = interface.addresses.iter().copied().chain(public).collect();
            for address in all {
                holders.entry(address).or_default().push(Peer::Interface(interface.id.clone()));
            }
        }
        let mut dialled: Vec<Dialled> =
            holders.into_iter().map(|(address, peers)| Dialled { address, peers }).collect();
        if matches!(from, Peer::Interface(_)) {
            dialled.extend(outside.iter().filter_map(|peer| match peer {
                Peer::Interface(_) => None,
                Peer::Internet(address) | Peer::Outside(_, address) => {
                    Some(Dialled { address: *address, peers: vec![peer.clone()] })
                }
            }));
        }
        dialled
    }

    fn add_outcome(
        &self,
        row: &mut Row,
        probe: usize,
        outcome: &Outcome,
        dialled: &Dialled,
        certain: bool,
    ) {
        let arrival = Arrival { probe, port: outcome.changed_port };
        let mut add = |peer: &Peer| {
            let connection = row.entry(peer.clone()).or_default();
            let known = certain && outcome.disposition != Disposition::Unknown;
            connection.forward.add(arrival, (known, true));
            let established = (known && outcome.established, outcome.may_establish);
            if established.0 || established.1 {
                connection.established.add(arrival, established);
            }
        };
        match outcome.disposition {
            Disposition::Accepted => {
                let outside_is_meant =
                    dialled.peers.iter().any(|peer| !matches!(peer, Peer::Interface(_)));
                if let Some(id) = outcome.delivered_to.as_ref().filter(|_| !outside_is_meant) {
                    add(&Peer::Interface(id.clone()));
                }
            }
            Disposition::ExitsNetwork => {
                for peer in &dialled.peers {
                    let there = match peer {
                        Peer::Interface(_) => false,
                        Peer::Internet(_) => outcome.at == "internet",
                        Peer::Outside(id, _) => outcome.at == format!("outside:{id}"),
                    };
                    if there {
                        add(peer);
                    }
                }
            }
            // Who else has an address in a subnet is unknown: nobody who is listed.
            Disposition::Unknown
                if outcome.upper.is_empty() && self.bodies.subnets.contains_key(&outcome.at) => {}
            Disposition::Unknown if outcome.upper.is_empty() => {
                dialled.peers.iter().for_each(add);
            }
            Disposition::Unknown => {
                for upper in &outcome.upper {
                    self.add_outcome(row, probe, upper, dialled, false);
                }
            }
            _ => {}
        }
    }

    /// Addresses of the internet and behind tunnels on both sides of every edge of every prefix
    /// that the bodies name.
    pub fn outside_peers(&self) -> BTreeSet<Peer> {
        let mut peers = BTreeSet::new();
        let behind = self.outside_ids();
        for address in probes::edge_addresses(&self.bodies) {
            if super::prefix::is_global_unicast(address) {
                peers.insert(Peer::Internet(address));
            } else {
                peers.extend(behind.iter().map(|id| Peer::Outside(id.clone(), address)));
            }
        }
        peers
    }

    /// The ids of what networks outside of the estate are behind.
    fn outside_ids(&self) -> BTreeSet<String> {
        let attached = self.bodies.attached.keys().filter(|id| id.starts_with("vgw-")).cloned();
        let kinds = ["vpn", "direct-connect-gateway", "connect"];
        let attachments = self.bodies.attachments.values();
        let links = attachments
            .filter(|one| kinds.contains(&one.kind.as_str()))
            .map(|one| one.resource.clone());
        attached.chain(links).collect()
    }
}

impl Probe {
    /// The packet that stands for the probe.
    pub fn packet(&self, start: Start, source: IpAddr, destination: IpAddr) -> Packet {
        let protocol = self.protocols.first().copied().unwrap_or(0);
        let byte = |number: u16| u8::try_from(number).unwrap_or(0);
        let (first, second) = (self.first.0, self.second.0);
        let ports = matches!(protocol, 6 | 17);
        let icmp = matches!(protocol, 1 | 58);
        Packet {
            start,
            source: Some(source),
            destination,
            protocol,
            source_port: if ports { first } else { 0 },
            destination_port: if ports { second } else { 0 },
            icmp_type: if icmp { byte(first) } else { 0 },
            icmp_code: if icmp { byte(second) } else { 0 },
        }
    }
}
