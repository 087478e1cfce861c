//! One concrete packet, as far as a filter sees it.

use std::fmt;

use crate::flow_set::FlowSet;
use crate::protocol::Protocol;

/// What one packet shows to a filter besides its addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Flow {
    /// A packet of a protocol with ports.
    Ports {
        /// One of [`Protocol::WITH_PORTS`]; with any other protocol the flow is in no set.
        protocol: Protocol,
        /// The sender's port.
        source_port: u16,
        /// The receiver's port.
        destination_port: u16,
    },
    /// An ICMP or `ICMPv6` packet.
    Icmp {
        /// One of [`Protocol::WITH_TYPES`]; with any other protocol the flow is in no set.
        protocol: Protocol,
        /// The message's type.
        icmp_type: u8,
        /// The message's code.
        icmp_code: u8,
    },
    /// A packet of any other protocol.
    Other {
        /// The protocol; one with ports or types makes a flow that is in no set.
        protocol: Protocol,
    },
}

impl Flow {
    /// A TCP packet.
    pub const fn tcp(source_port: u16, destination_port: u16) -> Self {
        Self::Ports { protocol: Protocol::TCP, source_port, destination_port }
    }

    /// A UDP packet.
    pub const fn udp(source_port: u16, destination_port: u16) -> Self {
        Self::Ports { protocol: Protocol::UDP, source_port, destination_port }
    }

    /// The protocol.
    pub const fn protocol(self) -> Protocol {
        match self {
            Self::Ports { protocol, .. } => protocol,
            Self::Icmp { protocol, .. } => protocol,
            Self::Other { protocol } => protocol,
        }
    }

    /// The packet that answers this one; see [`FlowSet::reply`].
    #[must_use]
    pub fn reply(self) -> Self {
        match self {
            Self::Ports { protocol, source_port, destination_port } => Self::Ports {
                protocol,
                source_port: destination_port,
                destination_port: source_port,
            },
            Self::Icmp { protocol, icmp_type, icmp_code } => {
                Self::Icmp { protocol, icmp_type: reply_type(protocol, icmp_type), icmp_code }
            }
            Self::Other { protocol } => Self::Other { protocol },
        }
    }
}

/// The types that are each other's answer: RFC 792 (echo, timestamp) and RFC 4443 (`ICMPv6` echo).
pub(crate) const fn reply_pairs(protocol: Protocol) -> &'static [(u8, u8)] {
    match protocol {
        Protocol::ICMP => &[(8, 0), (13, 14)],
        Protocol::ICMPV6 => &[(128, 129)],
        _ => &[],
    }
}

fn reply_type(protocol: Protocol, icmp_type: u8) -> u8 {
    for &(request, reply) in reply_pairs(protocol) {
        if icmp_type == request {
            return reply;
        }
        if icmp_type == reply {
            return request;
        }
    }
    icmp_type
}

/// The text form of the set that holds this flow alone, as in `tcp/443 from 50000`.
impl fmt::Display for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ports { protocol, source_port, destination_port } => {
                write!(f, "{protocol}/{destination_port} from {source_port}")
            }
            Self::Icmp { protocol, icmp_type, icmp_code } => {
                write!(f, "{protocol}/{icmp_type}/{icmp_code}")
            }
            Self::Other { protocol } => write!(f, "{protocol}"),
        }
    }
}

impl From<Flow> for FlowSet {
    fn from(flow: Flow) -> Self {
        match flow {
            Flow::Ports { protocol, source_port, destination_port } if protocol.has_ports() => {
                Self::ports(protocol, source_port.into(), destination_port.into())
            }
            Flow::Icmp { protocol, icmp_type, icmp_code } if protocol.has_types() => {
                Self::icmp(protocol, icmp_type.into(), icmp_code.into())
            }
            Flow::Other { protocol } if !protocol.has_ports() && !protocol.has_types() => {
                Self::protocol(protocol)
            }
            Flow::Ports { .. } | Flow::Icmp { .. } | Flow::Other { .. } => Self::none(),
        }
    }
}
