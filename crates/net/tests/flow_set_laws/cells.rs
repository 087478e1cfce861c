//! The slow, obvious twin of `FlowSet`: the set of the cells that it holds.
//!
//! Ports, types and codes are cut into a few cells, some of one number, some long. A set that is a
//! union of products of cells is known by listing them.

use std::collections::BTreeSet;

use proptest::prelude::*;
use watertight_net::{ByteSet, Flow, FlowSet, PortSet, Protocol};

/// Ports, cut where off-by-one mistakes would be.
pub(crate) const PORTS: [(u16, u16); 7] =
    [(0, 0), (1, 1), (2, 79), (80, 80), (81, 65_533), (65_534, 65_534), (65_535, 65_535)];
/// ICMP types, cut around the types that answer each other.
pub(crate) const TYPES: [(u8, u8); 10] = [
    (0, 0),
    (1, 7),
    (8, 8),
    (9, 12),
    (13, 13),
    (14, 14),
    (15, 127),
    (128, 128),
    (129, 129),
    (130, 255),
];
pub(crate) const CODES: [(u8, u8); 3] = [(0, 0), (1, 254), (255, 255)];

/// `(protocol number, destination port or type cell, source port or code cell)`.
pub(crate) type Cell = (u8, usize, usize);
pub(crate) type Cells = BTreeSet<Cell>;

pub(crate) fn dimensions(protocol: Protocol) -> (usize, usize) {
    if protocol.has_ports() {
        (PORTS.len(), PORTS.len())
    } else if protocol.has_types() {
        (TYPES.len(), CODES.len())
    } else {
        (1, 1)
    }
}

/// Every cell of every protocol.
pub(crate) fn universe() -> Cells {
    let mut cells = Cells::new();
    for number in 0..=u8::MAX {
        let (outer, inner) = dimensions(Protocol(number));
        for a in 0..outer {
            cells.extend((0..inner).map(|b| (number, a, b)));
        }
    }
    cells
}

/// The set that consists of one cell.
pub(crate) fn cell_set((number, outer, inner): Cell) -> FlowSet {
    let protocol = Protocol(number);
    if protocol.has_ports() {
        FlowSet::ports(protocol, port_cell(inner), port_cell(outer))
    } else if protocol.has_types() {
        FlowSet::icmp(protocol, byte_cell(TYPES[outer]), byte_cell(CODES[inner]))
    } else {
        FlowSet::protocol(protocol)
    }
}

fn port_cell(index: usize) -> PortSet {
    PortSet::range(PORTS[index].0, PORTS[index].1).unwrap()
}

fn byte_cell((first, last): (u8, u8)) -> ByteSet {
    ByteSet::range(first, last).unwrap()
}

/// The four corners of a cell.
pub(crate) fn corners((number, outer, inner): Cell) -> Vec<Flow> {
    let protocol = Protocol(number);
    let mut flows = Vec::new();
    if protocol.has_ports() {
        for destination_port in [PORTS[outer].0, PORTS[outer].1] {
            for source_port in [PORTS[inner].0, PORTS[inner].1] {
                flows.push(Flow::Ports { protocol, source_port, destination_port });
            }
        }
    } else if protocol.has_types() {
        for icmp_type in [TYPES[outer].0, TYPES[outer].1] {
            for icmp_code in [CODES[inner].0, CODES[inner].1] {
                flows.push(Flow::Icmp { protocol, icmp_type, icmp_code });
            }
        }
    } else {
        flows.push(Flow::Other { protocol });
    }
    flows
}

/// The set that consists of the given cells, put together in an order that has nothing to do with
/// theirs.
pub(crate) fn build(cells: &Cells) -> FlowSet {
    let mut shuffled: Vec<Cell> = cells.iter().copied().collect();
    shuffled.sort_by_key(|(number, outer, inner)| (inner * 5 % 7, outer * 3 % 7, *number));
    shuffled.into_iter().map(cell_set).collect()
}

/// Checks, by concrete flows, that a set holds the given cells and no others.
pub(crate) fn assert_members(set: &FlowSet, cells: &Cells) {
    for cell in universe() {
        for flow in corners(cell) {
            assert_eq!(set.contains_flow(flow), cells.contains(&cell), "{flow} in {set}");
        }
    }
}

/// Where the reply of a packet in a cell is.
pub(crate) fn reply((number, outer, inner): Cell) -> Cell {
    let protocol = Protocol(number);
    if protocol.has_ports() {
        return (number, inner, outer);
    }
    let pairs: &[(usize, usize)] = match protocol {
        Protocol::ICMP => &[(0, 2), (4, 5)],
        Protocol::ICMPV6 => &[(7, 8)],
        _ => &[],
    };
    for (one, other) in pairs {
        if outer == *one {
            return (number, *other, inner);
        }
        if outer == *other {
            return (number, *one, inner);
        }
    }
    (number, outer, inner)
}

/// Unions of rectangles of cells, some of them complemented, so that both sparse and dense sets
/// occur.
pub(crate) fn any_cells() -> impl Strategy<Value = Cells> {
    let rectangle = (any_protocol(), any::<u16>(), any::<u16>());
    let dense = prop::bool::weighted(0.25);
    (prop::collection::vec(rectangle, 0..6), dense).prop_map(|(rectangles, dense)| {
        let mut cells = Cells::new();
        for (protocol, outer_bits, inner_bits) in rectangles {
            let (outer, inner) = dimensions(protocol);
            for a in (0..outer).filter(|a| outer == 1 || outer_bits >> a & 1 == 1) {
                let chosen = (0..inner).filter(|b| inner == 1 || inner_bits >> b & 1 == 1);
                cells.extend(chosen.map(|b| (protocol.number(), a, b)));
            }
        }
        if dense { &universe() - &cells } else { cells }
    })
}

/// Few protocols, so that two sets often meet.
fn any_protocol() -> impl Strategy<Value = Protocol> {
    prop::sample::select(vec![
        Protocol::TCP,
        Protocol::TCP,
        Protocol::UDP,
        Protocol::DCCP,
        Protocol::SCTP,
        Protocol::UDPLITE,
        Protocol::ICMP,
        Protocol::ICMPV6,
        Protocol::GRE,
        Protocol(0),
        Protocol(63),
        Protocol(64),
        Protocol(255),
    ])
}
