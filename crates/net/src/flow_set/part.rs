//! A set taken apart into rectangles, for display and export.

use std::fmt;

use super::FlowSet;
use crate::flow::Flow;
use crate::interval::{ByteSet, PortSet};
use crate::protocol::{Layer, Protocol};

/// One rectangle of a [`FlowSet`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FlowPart {
    /// Packets of a protocol with ports.
    Ports {
        /// One of [`Protocol::WITH_PORTS`].
        protocol: Protocol,
        /// The senders' ports.
        source: PortSet,
        /// The receivers' ports.
        destination: PortSet,
    },
    /// ICMP or `ICMPv6` packets.
    Icmp {
        /// One of [`Protocol::WITH_TYPES`].
        protocol: Protocol,
        /// The types.
        types: ByteSet,
        /// The codes.
        codes: ByteSet,
    },
    /// Every packet of any other protocol.
    Other {
        /// The protocol.
        protocol: Protocol,
    },
}

impl FlowPart {
    /// The protocol.
    pub fn protocol(&self) -> Protocol {
        match self {
            Self::Ports { protocol, .. } => *protocol,
            Self::Icmp { protocol, .. } => *protocol,
            Self::Other { protocol } => *protocol,
        }
    }
}

impl From<FlowPart> for FlowSet {
    fn from(part: FlowPart) -> Self {
        match part {
            FlowPart::Ports { protocol, source, destination } => {
                Self::ports(protocol, source, destination)
            }
            FlowPart::Icmp { protocol, types, codes } => Self::icmp(protocol, types, codes),
            FlowPart::Other { protocol } => Self::protocol(protocol),
        }
    }
}

impl FlowSet {
    /// Disjoint rectangles whose union is the set: by protocol number, then by their first
    /// destination port or type. Two rectangles of a protocol never have the same source ports or
    /// codes.
    pub fn parts(&self) -> impl Iterator<Item = FlowPart> + '_ {
        self.protocols().flat_map(|protocol| self.parts_of(protocol))
    }

    /// The smallest packet: by protocol number, then destination port or type, then source port or
    /// code.
    pub fn sample(&self) -> Option<Flow> {
        let protocol = self.protocols().next()?;
        Some(match protocol.layer() {
            Layer::Ports(index) => {
                let destination_port = self.ports[index].outer().first()?;
                let source_port = self.ports[index].inner_of(destination_port).first()?;
                Flow::Ports { protocol, source_port, destination_port }
            }
            Layer::Types(index) => {
                let icmp_type = self.types[index].outer().first()?;
                let icmp_code = self.types[index].inner_of(icmp_type).first()?;
                Flow::Icmp { protocol, icmp_type, icmp_code }
            }
            Layer::Opaque => Flow::Other { protocol },
        })
    }

    fn parts_of(&self, protocol: Protocol) -> Vec<FlowPart> {
        match protocol.layer() {
            Layer::Ports(index) => {
                let rectangles = self.ports[index].rectangles().into_iter();
                rectangles
                    .map(|(destination, source)| FlowPart::Ports { protocol, source, destination })
                    .collect()
            }
            Layer::Types(index) => {
                let rectangles = self.types[index].rectangles().into_iter();
                rectangles.map(|(types, codes)| FlowPart::Icmp { protocol, types, codes }).collect()
            }
            Layer::Opaque => vec![FlowPart::Other { protocol }],
        }
    }
}

/// One term of the text form of a [`FlowSet`].
impl fmt::Display for FlowPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.protocol())?;
        match self {
            Self::Ports { source, destination, .. } => {
                if !destination.is_full() {
                    write!(f, "/{destination}")?;
                }
                if !source.is_full() {
                    write!(f, " from {source}")?;
                }
            }
            Self::Icmp { types, codes, .. } => {
                if !types.is_full() || !codes.is_full() {
                    write!(f, "/{types}")?;
                }
                if !codes.is_full() {
                    write!(f, "/{codes}")?;
                }
            }
            Self::Other { .. } => {}
        }
        Ok(())
    }
}
