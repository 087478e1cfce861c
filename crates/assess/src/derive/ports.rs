//! What ports are for, as far as their numbers tell.

use watertight_net::{FlowSet, PortSet};

/// Remote administration: shells, desktops, management agents.
///
/// Source: IANA's Service Name and Transport Protocol Port Number Registry; the node agents of
/// Kubernetes (10250) and of container engines (2375, 2376).
const ADMINISTRATION: [u16; 12] =
    [22, 23, 135, 139, 445, 2375, 2376, 3389, 5900, 5985, 5986, 10250];

/// Where data is served: databases, caches, brokers, file systems, search.
///
/// Source: the same registry and the engines' documented defaults.
const DATA: [u16; 25] = [
    111, 443, 1433, 1521, 2049, 2181, 3306, 5432, 5439, 5672, 6379, 6380, 8111, 8182, 9042, 9092,
    9094, 9096, 9098, 9142, 9200, 11211, 27017, 27018, 50000,
];

/// Flows to ports of remote administration.
pub(crate) fn administration() -> FlowSet {
    tcp(&ADMINISTRATION)
}

/// Flows to ports where data is served.
pub(crate) fn data() -> FlowSet {
    tcp(&DATA)
}

/// Flows that can open a connection to a listener of a program: TCP, UDP and SCTP.
pub(crate) fn connections() -> FlowSet {
    [watertight_net::Protocol::TCP, watertight_net::Protocol::UDP, watertight_net::Protocol::SCTP]
        .into_iter()
        .map(FlowSet::protocol)
        .fold(FlowSet::none(), |all, one| all.union(&one))
}

fn tcp(ports: &[u16]) -> FlowSet {
    let set = ports.iter().fold(PortSet::none(), |all, port| all.union(&PortSet::single(*port)));
    FlowSet::tcp(set)
}
