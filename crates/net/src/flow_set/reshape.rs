//! What becomes of a set on the way: replies, translated and forgotten ports.

use std::array;

use super::FlowSet;
use crate::flow;
use crate::grid::Grid;
use crate::interval::{ByteSet, PortSet};
use crate::protocol::{Layer, Protocol};

impl FlowSet {
    /// The packets that answer the packets of this set.
    ///
    /// Source and destination ports change places. Echo request and echo reply change places (ICMP
    /// 8 and 0, `ICMPv6` 128 and 129), and so do ICMP timestamp and timestamp reply (13 and 14): a
    /// stateless filter on the way back sees the reply's type. Every other ICMP type, and every
    /// protocol without ports or types, stands for itself: such packets have no answer of a kind of
    /// their own, and mapping them to themselves keeps `reply` an involution, `s.reply().reply() ==
    /// s`.
    #[must_use]
    pub fn reply(&self) -> Self {
        Self {
            ports: self.ports.each_ref().map(Grid::transpose),
            types: array::from_fn(|index| {
                reply_types(&self.types[index], flow::reply_pairs(Protocol::WITH_TYPES[index]))
            }),
            opaque: self.opaque,
        }
    }

    /// The packets of one protocol.
    #[must_use]
    pub fn of_protocol(&self, protocol: Protocol) -> Self {
        self.intersection(&Self::protocol(protocol))
    }

    /// The destination ports that occur with a protocol; empty for a protocol without ports.
    pub fn destination_ports(&self, protocol: Protocol) -> PortSet {
        match protocol.layer() {
            Layer::Ports(index) => self.ports[index].outer(),
            Layer::Types(_) | Layer::Opaque => PortSet::none(),
        }
    }

    /// The source ports that occur with a protocol; empty for a protocol without ports.
    pub fn source_ports(&self, protocol: Protocol) -> PortSet {
        match protocol.layer() {
            Layer::Ports(index) => self.ports[index].inner(),
            Layer::Types(_) | Layer::Opaque => PortSet::none(),
        }
    }

    /// The destination ports that occur with any protocol.
    pub fn project_destination(&self) -> PortSet {
        self.ports.iter().flat_map(|grid| grid.outer().intervals().to_vec()).collect()
    }

    /// The source ports that occur with any protocol.
    pub fn project_source(&self) -> PortSet {
        self.ports.iter().flat_map(|grid| grid.inner().intervals().to_vec()).collect()
    }

    /// Source ports forgotten: the packets of the same protocol and destination port as a packet of
    /// this set. Protocols without ports stay as they are.
    #[must_use]
    pub fn any_source(&self) -> Self {
        self.map_ports(|grid| Grid::rectangle(&grid.outer(), &PortSet::full()))
    }

    /// Destination ports forgotten: the packets of the same protocol and source port as a packet of
    /// this set. Protocols without ports stay as they are.
    #[must_use]
    pub fn any_destination(&self) -> Self {
        self.map_ports(|grid| Grid::rectangle(&PortSet::full(), &grid.inner()))
    }

    /// Every destination port replaced by one port, source ports kept: what a load balancer or a
    /// port mapping makes of the packets. Protocols without ports stay as they are.
    #[must_use]
    pub fn with_destination_port(&self, port: u16) -> Self {
        self.map_ports(|grid| Grid::rectangle(&PortSet::single(port), &grid.inner()))
    }

    /// Every source port replaced by a set of ports: what source address translation makes of the
    /// packets when it picks ports from that set. Protocols without ports stay as they are.
    #[must_use]
    pub fn with_source_ports(&self, ports: &PortSet) -> Self {
        self.map_ports(|grid| Grid::rectangle(&grid.outer(), ports))
    }

    /// The packets of the given protocols to a port in `from` arrive at port `to`; all others stay
    /// as they are. Protocols without ports are not translated.
    #[must_use]
    pub fn translate_destination(&self, protocols: &[Protocol], from: &PortSet, to: u16) -> Self {
        let matching: Self = protocols
            .iter()
            .filter(|protocol| protocol.has_ports())
            .map(|protocol| Self::ports(*protocol, PortSet::full(), from.clone()))
            .collect();
        let translated = self.intersection(&matching).with_destination_port(to);
        self.difference(&matching).union(&translated)
    }

    fn map_ports(&self, map: impl Fn(&Grid<u16>) -> Grid<u16>) -> Self {
        Self { ports: self.ports.each_ref().map(map), ..self.clone() }
    }
}

fn reply_types(grid: &Grid<u8>, pairs: &[(u8, u8)]) -> Grid<u8> {
    if grid.is_empty() || grid.is_full() {
        return grid.clone();
    }
    let paired: ByteSet = pairs.iter().flat_map(|(request, reply)| [*request, *reply]).collect();
    let mut swapped = grid.difference(&Grid::rectangle(&paired, &ByteSet::full()));
    for (request, reply) in pairs {
        for (from, to) in [(*request, *reply), (*reply, *request)] {
            swapped = swapped.union(&Grid::rectangle(&ByteSet::single(to), &grid.inner_of(from)));
        }
    }
    swapped
}
