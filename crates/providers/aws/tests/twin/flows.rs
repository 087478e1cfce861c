//! The twin's probes as sets of flows.

use std::collections::BTreeSet;

use watertight_model::Bounds;
use watertight_net::{ByteSet, FlowSet, PortSet, Protocol};
use watertight_testkit::twin::aws::{Arrival, Bounds as TwinBounds, Probe};

/// Probes that can be turned into sets of flows.
pub(crate) struct Probes {
    pub(crate) all: Vec<Probe>,
}

impl Probes {
    /// The union of the flows that probes stand for.
    pub(crate) fn union(&self, arrivals: &BTreeSet<Arrival>) -> FlowSet {
        arrivals.iter().fold(FlowSet::none(), |all, one| all.union(&self.flows(*one)))
    }

    pub(crate) fn bounds(&self, bounds: &TwinBounds) -> Bounds<FlowSet> {
        let sure = self.union(&bounds.certain);
        let possible = if bounds.certain == bounds.possible {
            sure.clone()
        } else {
            self.union(&bounds.possible)
        };
        Bounds { sure, possible }
    }

    /// The flows that a probe stands for, as they arrive.
    fn flows(&self, arrival: Arrival) -> FlowSet {
        let probe = &self.all[arrival.probe];
        let port = |port: u16| (port, port);
        let second = arrival.port.map_or(probe.second, port);
        let each = probe.protocols.iter().map(|protocol| match *protocol {
            6 | 17 => FlowSet::ports(Protocol(*protocol), ports(probe.first), ports(second)),
            1 | 58 => FlowSet::icmp(Protocol(*protocol), bytes(probe.first), bytes(probe.second)),
            other => FlowSet::protocol(Protocol(other)),
        });
        each.fold(FlowSet::none(), |all, one| all.union(&one))
    }
}

fn ports((first, last): (u16, u16)) -> PortSet {
    PortSet::range(first, last).expect("ranges of probes are in order")
}

fn bytes((first, last): (u16, u16)) -> ByteSet {
    let byte = |number: u16| u8::try_from(number).expect("ICMP types and codes are bytes");
    ByteSet::range(byte(first), byte(last)).expect("ranges of probes are in order")
}
