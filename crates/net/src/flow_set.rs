//! Sets of packets, as far as a filter sees them besides addresses.

mod part;
mod reshape;
pub(crate) mod text;

use std::array;
use std::fmt;

pub use part::FlowPart;

use crate::flow::Flow;
use crate::grid::Grid;
use crate::interval::{ByteSet, PortSet};
use crate::protocol::{Layer, Protocol};

/// A set of protocol x source port x destination port, or ICMP type x code, or protocol alone.
///
/// Canonical: two sets with the same members are equal, hash alike and print alike. Exact: no
/// operation rounds. Cloning copies no port list. The order (`Ord`) is total and stable, and is not
/// inclusion.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FlowSet {
    /// Destination x source ports, by [`Protocol::WITH_PORTS`].
    ports: [Grid<u16>; 5],
    /// Type x code, by [`Protocol::WITH_TYPES`].
    types: [Grid<u8>; 2],
    /// One bit per protocol number. INVARIANT: the bits of protocols with ports or types are 0.
    opaque: [u64; 4],
}

/// The bits of every protocol that has neither ports nor types.
const OPAQUE_ALL: [u64; 4] = {
    let mut bits = [u64::MAX; 4];
    let mut index = 0;
    while index < Protocol::WITH_PORTS.len() {
        let number = Protocol::WITH_PORTS[index].number();
        bits[(number / 64) as usize] &= !(1 << (number % 64));
        index += 1;
    }
    index = 0;
    while index < Protocol::WITH_TYPES.len() {
        let number = Protocol::WITH_TYPES[index].number();
        bits[(number / 64) as usize] &= !(1 << (number % 64));
        index += 1;
    }
    bits
};

impl FlowSet {
    /// No packet.
    pub const fn none() -> Self {
        Self {
            ports: [const { Grid::Empty }; 5],
            types: [const { Grid::Empty }; 2],
            opaque: [0; 4],
        }
    }

    /// Every packet.
    pub const fn all() -> Self {
        Self {
            ports: [const { Grid::Full }; 5],
            types: [const { Grid::Full }; 2],
            opaque: OPAQUE_ALL,
        }
    }

    /// Every packet of a protocol.
    pub fn protocol(protocol: Protocol) -> Self {
        let mut set = Self::none();
        match protocol.layer() {
            Layer::Ports(index) => set.ports[index] = Grid::Full,
            Layer::Types(index) => set.types[index] = Grid::Full,
            Layer::Opaque => {
                set.opaque[usize::from(protocol.number() / 64)] = 1 << (protocol.number() % 64);
            }
        }
        set
    }

    /// The packets of a protocol from a source port in `source` to a destination port in
    /// `destination`.
    ///
    /// A protocol without ports has no packet that a port could single out: the result is the whole
    /// protocol when both sets are full, and empty otherwise. Ask [`Protocol::has_ports`] first
    /// when the protocol comes from input.
    #[expect(clippy::needless_pass_by_value, reason = "callers build the sets in place")]
    pub fn ports(protocol: Protocol, source: PortSet, destination: PortSet) -> Self {
        if let Layer::Ports(index) = protocol.layer() {
            let mut set = Self::none();
            set.ports[index] = Grid::rectangle(&destination, &source);
            return set;
        }
        if source.is_full() && destination.is_full() {
            Self::protocol(protocol)
        } else {
            Self::none()
        }
    }

    /// TCP to a destination port in the set, from any port.
    pub fn tcp(destination: PortSet) -> Self {
        Self::ports(Protocol::TCP, PortSet::full(), destination)
    }

    /// UDP to a destination port in the set, from any port.
    pub fn udp(destination: PortSet) -> Self {
        Self::ports(Protocol::UDP, PortSet::full(), destination)
    }

    /// ICMP or `ICMPv6` messages of a type in `types` with a code in `codes`.
    ///
    /// For any other protocol: the whole protocol when both sets are full, and empty otherwise, as
    /// with [`FlowSet::ports`].
    #[expect(clippy::needless_pass_by_value, reason = "callers build the sets in place")]
    pub fn icmp(protocol: Protocol, types: ByteSet, codes: ByteSet) -> Self {
        if let Layer::Types(index) = protocol.layer() {
            let mut set = Self::none();
            set.types[index] = Grid::rectangle(&types, &codes);
            return set;
        }
        if types.is_full() && codes.is_full() { Self::protocol(protocol) } else { Self::none() }
    }

    /// Whether no packet is in the set.
    pub fn is_empty(&self) -> bool {
        self.ports.iter().all(Grid::is_empty)
            && self.types.iter().all(Grid::is_empty)
            && self.opaque == [0; 4]
    }

    /// Whether every packet is in the set.
    pub fn is_all(&self) -> bool {
        self.ports.iter().all(Grid::is_full)
            && self.types.iter().all(Grid::is_full)
            && self.opaque == OPAQUE_ALL
    }

    /// The packets in either set.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        self.zip(other, Grid::union, Grid::union, |a, b| a | b)
    }

    /// The packets in both sets.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        self.zip(other, Grid::intersection, Grid::intersection, |a, b| a & b)
    }

    /// The packets in this set and not in `other`.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        self.zip(other, Grid::difference, Grid::difference, |a, b| a & !b)
    }

    /// The packets that are not in the set.
    #[must_use]
    pub fn complement(&self) -> Self {
        Self::all().difference(self)
    }

    /// Whether every packet of `other` is in this set.
    pub fn contains(&self, other: &Self) -> bool {
        self.ports.iter().zip(&other.ports).all(|(a, b)| a.contains_grid(b))
            && self.types.iter().zip(&other.types).all(|(a, b)| a.contains_grid(b))
            && self.opaque.iter().zip(&other.opaque).all(|(a, b)| b & !a == 0)
    }

    /// Whether the two sets share a packet.
    pub fn intersects(&self, other: &Self) -> bool {
        self.ports.iter().zip(&other.ports).any(|(a, b)| a.intersects(b))
            || self.types.iter().zip(&other.types).any(|(a, b)| a.intersects(b))
            || self.opaque.iter().zip(&other.opaque).any(|(a, b)| a & b != 0)
    }

    /// Whether one packet is in the set. A flow that no packet can have is in no set.
    pub fn contains_flow(&self, flow: Flow) -> bool {
        match (flow, flow.protocol().layer()) {
            (Flow::Ports { source_port, destination_port, .. }, Layer::Ports(index)) => {
                self.ports[index].contains(destination_port, source_port)
            }
            (Flow::Icmp { icmp_type, icmp_code, .. }, Layer::Types(index)) => {
                self.types[index].contains(icmp_type, icmp_code)
            }
            (Flow::Other { protocol }, Layer::Opaque) => self.has_opaque(protocol),
            (Flow::Ports { .. } | Flow::Icmp { .. } | Flow::Other { .. }, _) => false,
        }
    }

    /// The protocols that have at least one packet in the set, by number.
    pub fn protocols(&self) -> impl Iterator<Item = Protocol> + '_ {
        (0..=u8::MAX).map(Protocol).filter(|protocol| match protocol.layer() {
            Layer::Ports(index) => !self.ports[index].is_empty(),
            Layer::Types(index) => !self.types[index].is_empty(),
            Layer::Opaque => self.has_opaque(*protocol),
        })
    }

    fn has_opaque(&self, protocol: Protocol) -> bool {
        self.opaque[usize::from(protocol.number() / 64)] >> (protocol.number() % 64) & 1 == 1
    }

    fn zip(
        &self,
        other: &Self,
        ports: fn(&Grid<u16>, &Grid<u16>) -> Grid<u16>,
        types: fn(&Grid<u8>, &Grid<u8>) -> Grid<u8>,
        bits: fn(u64, u64) -> u64,
    ) -> Self {
        Self {
            ports: array::from_fn(|index| ports(&self.ports[index], &other.ports[index])),
            types: array::from_fn(|index| types(&self.types[index], &other.types[index])),
            opaque: array::from_fn(|index| bits(self.opaque[index], other.opaque[index])),
        }
    }
}

impl Default for FlowSet {
    fn default() -> Self {
        Self::none()
    }
}

impl fmt::Debug for FlowSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FlowSet({self})")
    }
}

impl FromIterator<Self> for FlowSet {
    fn from_iter<I: IntoIterator<Item = Self>>(sets: I) -> Self {
        sets.into_iter().fold(Self::none(), |union, set| union.union(&set))
    }
}
