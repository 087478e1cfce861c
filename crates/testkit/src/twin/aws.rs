//! What becomes of one packet in an AWS estate, read from the raw bodies of the AWS CLI.
//!
//! One function per lettered step of the walk: A leave an interface, B same subnet, C the subnet's
//! ACL, D routes, L local delivery, E enter a subnet, F arrive at an interface, T transit gateway,
//! I from the internet, O from outside, and the reply. Nothing is remembered between two packets.

use std::net::IpAddr;

use serde_json::Value;

mod bodies;
mod front;
mod guards;
mod prefix;
mod questions;
mod reply;
mod routes;
mod walk;

#[cfg(test)]
mod tests;

pub use prefix::Prefix;
pub use questions::{
    Arrival, Blast, Bounds, Connection, Connections, Hop, Member, Peer, Probe, Row, Workload,
    probes,
};

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
    /// The destination port that a load balancer changed it to, when one did.
    pub changed_port: Option<u16>,
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
}

fn either(bounds: impl Iterator<Item = (bool, bool)>) -> (bool, bool) {
    bounds.fold((false, false), |all, one| (all.0 || one.0, all.1 || one.1))
}
