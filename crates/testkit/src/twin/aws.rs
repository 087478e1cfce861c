//! What becomes of one packet in an AWS estate, read from the raw bodies of the AWS CLI.
//!
//! One function per lettered step of the walk: A leave an interface, B same subnet, C the subnet's
//! ACL, D routes, L local delivery, E enter a subnet, F arrive at an interface, T transit gateway,
//! I from the internet, O from outside, and the reply. Nothing is remembered between two packets.

use std::collections::BTreeSet;
use std::net::IpAddr;

use serde_json::Value;

mod bodies;
mod front;
mod guards;
mod prefix;
mod reply;
mod routes;
mod walk;

#[cfg(test)]
mod tests;

pub use prefix::Prefix;

/// An estate as its raw bodies describe it.
#[derive(Debug, Clone, Default)]
pub struct Estate {
    bodies: bodies::Bodies,
}

/// Where a packet begins.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Start {
    /// A network interface, by id; security groups apply.
    Interface(String),
    /// A subnet, by id, from an address that nobody has: no security group.
    SubnetAt(String),
    /// A VPC's router, by id, with no address that any rule names.
    Vpc(String),
    /// The internet.
    Internet,
    /// Behind a virtual private gateway, or behind a VPN or Direct Connect attachment of a transit
    /// gateway (the id of the gateway, of the attachment or of the attached resource).
    Outside(String),
}

/// One packet: the header as its sender writes it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Packet {
    /// Where it begins.
    pub start: Start,
    /// The source address; absent: the interface's primary address of the destination's family, or
    /// for other starts an address that only rules for any address match.
    pub source: Option<IpAddr>,
    /// The destination address.
    pub destination: IpAddr,
    /// The IP protocol number.
    pub protocol: u8,
    /// The source port, for TCP and UDP.
    pub source_port: u16,
    /// The destination port, for TCP and UDP.
    pub destination_port: u16,
    /// The ICMP type, for protocols 1 and 58.
    pub icmp_type: u8,
    /// The ICMP code, for protocols 1 and 58.
    pub icmp_code: u8,
}

/// What becomes of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Disposition {
    /// Delivered.
    Accepted,
    /// An egress guard of the source itself refuses.
    DeniedOut,
    /// Anything else refuses: a gateway, a guard or a listener further on.
    DeniedIn,
    /// No route matches.
    NoRoute,
    /// A route matches and drops, or the way ends where nothing is.
    NullRouted,
    /// The subnet is reached, nobody has the address.
    NeighborUnreachable,
    /// Handed to the internet, a tunnel or a network that is not in the estate.
    ExitsNetwork,
    /// It comes by the same place again with the same header.
    Loop,
    /// Something on the way cannot be read; `Outcome::upper` says what follows if it passes.
    Unknown,
}

impl Disposition {
    /// Every disposition, in order.
    pub const ALL: [Self; 9] = [
        Self::Accepted,
        Self::DeniedOut,
        Self::DeniedIn,
        Self::NoRoute,
        Self::NullRouted,
        Self::NeighborUnreachable,
        Self::ExitsNetwork,
        Self::Loop,
        Self::Unknown,
    ];

    /// The disposition's name in the vocabulary, such as `denied_in`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::DeniedOut => "denied_out",
            Self::DeniedIn => "denied_in",
            Self::NoRoute => "no_route",
            Self::NullRouted => "null_routed",
            Self::NeighborUnreachable => "neighbor_unreachable",
            Self::ExitsNetwork => "exits_network",
            Self::Loop => "loop",
            Self::Unknown => "unknown",
        }
    }
}

/// One possible end of a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// What becomes of it.
    pub disposition: Disposition,
    /// The resource where that is decided: an interface for security groups, a subnet for ACLs and
    /// routes, a gateway, `internet`, or `outside:` and an id.
    pub at: String,
    /// The interface that got it, when one did.
    pub delivered_to: Option<String>,
    /// The resources on the way, in order.
    pub path: Vec<String>,
    /// The packet got through and the reply comes back to the sender.
    pub established: bool,
    /// The same if everything unreadable on the way, and on the way back, lets it pass.
    pub may_establish: bool,
    /// For `Unknown`: the outcomes if what cannot be read passes the packet. Empty: nothing is known
    /// about what follows. The lower bound is always that nothing passes.
    pub upper: Vec<Self>,
}

/// What becomes of a packet: one outcome, or one per target of a load balancer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Walk {
    /// The possible ends.
    pub outcomes: Vec<Outcome>,
}

impl Outcome {
    /// Whether the packet is accepted, if nothing unreadable passes and if all of it does.
    pub fn accepts(&self) -> (bool, bool) {
        match self.disposition {
            Disposition::Accepted => (true, true),
            Disposition::Unknown => {
                (false, self.upper.is_empty() || self.upper.iter().any(|end| end.accepts().1))
            }
            _ => (false, false),
        }
    }

    /// Every interface that gets the packet if what cannot be read passes.
    pub fn may_deliver_to(&self) -> BTreeSet<String> {
        let mut interfaces: BTreeSet<String> =
            self.upper.iter().flat_map(Self::may_deliver_to).collect();
        if self.disposition == Disposition::Accepted {
            interfaces.extend(self.delivered_to.clone());
        }
        interfaces
    }
}

/// A flow without its ends, for samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sample {
    /// The IP protocol number.
    pub protocol: u8,
    /// The source port, for TCP and UDP.
    pub source_port: u16,
    /// The destination port for TCP and UDP; the type times 256 plus the code for ICMP.
    pub destination_port: u16,
}

impl Sample {
    /// The packet of this sample from an interface to an address.
    pub fn packet(self, interface: &str, destination: IpAddr) -> Packet {
        let [icmp_type, icmp_code] = self.destination_port.to_be_bytes();
        let icmp = matches!(self.protocol, 1 | 58);
        Packet {
            start: Start::Interface(interface.to_owned()),
            source: None,
            destination,
            protocol: self.protocol,
            source_port: if icmp { 0 } else { self.source_port },
            destination_port: if icmp { 0 } else { self.destination_port },
            icmp_type: if icmp { icmp_type } else { 0 },
            icmp_code: if icmp { icmp_code } else { 0 },
        }
    }
}

/// One pair of interfaces that a sample connects.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Connection {
    /// The interface that sends.
    pub from: String,
    /// The interface that the destination address belongs to.
    pub to: String,
    /// The destination address.
    pub address: IpAddr,
    /// The flow.
    pub sample: Sample,
    /// Accepted even if nothing unreadable passes (a pair that is accepted in neither bound is not
    /// listed).
    pub certain: bool,
}

/// What changed between two estates.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Difference {
    /// Connections that only the second estate has.
    pub added: BTreeSet<Connection>,
    /// Connections that only the first estate has.
    pub removed: BTreeSet<Connection>,
}

/// The interfaces that a start reaches in any number of hops.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Blast {
    /// Reached even if nothing unreadable passes.
    pub certain: BTreeSet<String>,
    /// Reached if everything unreadable passes; contains `certain`.
    pub possible: BTreeSet<String>,
}

impl Estate {
    /// Reads the bodies. The account and the region come from folders of the path that look like
    /// them (`<account>/<region>/<file>`); a body is known by its top-level key,
    /// and a body without an id in it (routes of a transit gateway, entries of a prefix list, target
    /// health, attributes) belongs to the resource whose id, or last part of the ARN, is in the
    /// file's name. Bodies with other keys are left out.
    pub fn load(files: &[(String, Value)]) -> Self {
        Self { bodies: bodies::Bodies::load(files) }
    }

    /// The ids of the interfaces, in order.
    pub fn interfaces(&self) -> Vec<String> {
        self.bodies.interfaces.keys().cloned().collect()
    }

    /// The private IPv4 addresses and the IPv6 addresses of an interface, the primary one first.
    pub fn addresses(&self, interface: &str) -> Vec<IpAddr> {
        self.bodies.interfaces.get(interface).map(|i| i.addresses.clone()).unwrap_or_default()
    }

    /// What becomes of a packet.
    pub fn walk(&self, packet: &Packet) -> Walk {
        let ends = self.begin(packet);
        Walk { outcomes: ends.into_iter().map(|end| self.outcome(end, packet)).collect() }
    }

    /// Whether some outcome accepts the packet: if nothing unreadable passes, and if all of it does.
    pub fn accepts(&self, packet: &Packet) -> (bool, bool) {
        either(self.begin(packet).into_iter().map(|end| end.accepts()))
    }

    /// Whether the packet gets through and its reply comes back, in both bounds.
    pub fn establishes(&self, packet: &Packet) -> (bool, bool) {
        either(self.walk(packet).outcomes.iter().map(|end| (end.established, end.may_establish)))
    }

    /// Tries every ordered pair of interfaces, every address and every sample.
    pub fn connectivity(&self, samples: &[Sample]) -> BTreeSet<Connection> {
        let mut found = BTreeSet::new();
        for from in self.bodies.interfaces.keys() {
            for (to, interface) in &self.bodies.interfaces {
                if from == to {
                    continue;
                }
                for address in &interface.addresses {
                    for sample in samples {
                        let (certain, possible) = self.accepts(&sample.packet(from, *address));
                        if possible {
                            found.insert(Connection {
                                from: from.clone(),
                                to: to.clone(),
                                address: *address,
                                sample: *sample,
                                certain,
                            });
                        }
                    }
                }
            }
        }
        found
    }

    /// The connections of the samples that two estates do not share.
    pub fn diff(&self, other: &Self, samples: &[Sample]) -> Difference {
        let before = self.connectivity(samples);
        let after = other.connectivity(samples);
        Difference {
            added: after.difference(&before).cloned().collect(),
            removed: before.difference(&after).cloned().collect(),
        }
    }

    /// The interfaces that the samples reach from `start`, each of which sends them on. A load
    /// balancer that ends the leg sends on to its targets only, at their ports.
    pub fn blast(&self, start: &str, samples: &[Sample]) -> Blast {
        Blast {
            certain: self.reached(start, samples, false),
            possible: self.reached(start, samples, true),
        }
    }

    fn reached(&self, start: &str, samples: &[Sample], upper: bool) -> BTreeSet<String> {
        let mut reached = BTreeSet::from([start.to_owned()]);
        let mut frontier = vec![start.to_owned()];
        while let Some(from) = frontier.pop() {
            for packet in self.packets_from(&from, samples) {
                for end in self.walk(&packet).outcomes {
                    let delivered = if upper {
                        end.may_deliver_to()
                    } else if end.disposition == Disposition::Accepted {
                        end.delivered_to.into_iter().collect()
                    } else {
                        BTreeSet::new()
                    };
                    for interface in delivered {
                        if reached.insert(interface.clone()) {
                            frontier.push(interface);
                        }
                    }
                }
            }
        }
        reached.remove(start);
        reached
    }

    fn packets_from(&self, from: &str, samples: &[Sample]) -> Vec<Packet> {
        if self.is_front(from) {
            return self.second_legs(from);
        }
        let mut packets = Vec::new();
        for interface in self.bodies.interfaces.values().filter(|other| other.id != from) {
            let public = interface.public.iter().map(|(_, public)| *public);
            for address in interface.addresses.iter().copied().chain(public) {
                packets.extend(samples.iter().map(|sample| sample.packet(from, address)));
            }
        }
        packets
    }
}

fn either(bounds: impl Iterator<Item = (bool, bool)>) -> (bool, bool) {
    bounds.fold((false, false), |all, one| (all.0 || one.0, all.1 || one.1))
}
