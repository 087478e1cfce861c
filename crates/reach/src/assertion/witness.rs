//! Ways as concrete flows with the whole path.

use std::collections::BTreeSet;

use watertight_model::network::{Endpoint, EndpointId, Front, TargetEnd};
use watertight_model::{Disposition, Name};
use watertight_net::{Family, Flow, FlowSet, PortRange, PortSet, Protocol};

use super::Judge;
use super::search::{Bound, Way, Who};
use crate::answer::Part;
use crate::classes::Class;
use crate::ends::End;
use crate::matrix::{Cell, arrives_as};
use crate::path::Start;
use crate::unaddressed::Target;

/// The first port that clients send from.
const CLIENT_PORT_MIN: u16 = 1024;

/// A way that breaks an assertion, hop by hop. One flow is named in each hop.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Witness {
    /// The hops, in order.
    pub hops: Vec<Hop>,
}

/// One hop: one flow between two addresses.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hop {
    /// Who sends: an endpoint, or somebody outside.
    pub from: Option<EndpointId>,
    /// Who accepts.
    pub to: Option<EndpointId>,
    /// Where the flow starts.
    pub start: Start,
    /// Where it is sent.
    pub target: Target,
    /// The flow as it is sent.
    pub flow: Flow,
    /// What becomes of it, with its path.
    pub part: Part,
}

impl Judge<'_> {
    /// The hops as flows, and what the input lacks about them.
    pub(super) fn witness(&self, ways: &[Way], bound: Bound) -> (Witness, BTreeSet<Name>) {
        let mut missing = BTreeSet::new();
        let mut hops = Vec::new();
        for way in ways {
            let Some(hop) = self.hop(way, bound) else { continue };
            if hop.part.disposition == Disposition::Unknown {
                missing.insert(hop.part.why.clone());
            } else if !hop.part.established.sure.contains_flow(hop.flow) {
                missing.insert(Name::from("how the reply comes back"));
            }
            hops.push(hop);
        }
        if bound == Bound::Sure {
            missing.clear();
        }
        (Witness { hops }, missing)
    }

    fn hop(&self, way: &Way, bound: Bound) -> Option<Hop> {
        let counts = |part: &Part| {
            let cell = Cell {
                forward: watertight_model::Bounds {
                    sure: match part.disposition {
                        Disposition::Accepted | Disposition::ExitsNetwork => part.flows.clone(),
                        _ => FlowSet::none(),
                    },
                    possible: match part.disposition {
                        Disposition::Accepted
                        | Disposition::ExitsNetwork
                        | Disposition::Unknown => part.flows.clone(),
                        _ => FlowSet::none(),
                    },
                },
                established: part.established.clone(),
            };
            bound.harm(&cell)
        };
        self.parts(way.from, way.to).into_iter().find_map(|(start, target, part)| {
            let flow = sample(&part, &counts(&part), &way.over)?;
            Some(Hop { from: endpoint(way.from), to: endpoint(way.to), start, target, flow, part })
        })
    }

    /// A flow of `over`, none of which gets from one to the other, with what becomes of it: refused,
    /// unanswered, delivered to somebody else who has the address, or, where the sender's own network
    /// holds the address too, lost among what the input does not tell of that network.
    pub(super) fn refused(&self, from: Who, to: Who, over: &FlowSet) -> Option<Hop> {
        let sent = self.sent(from, to);
        let lost = sent.iter().find_map(|(start, target, part)| {
            if arrives_at(part, to) {
                let lost = part.flows.difference(&part.established.possible);
                Some((start, target, part, sample(part, &lost, over)?))
            } else {
                // What another end receives instead says nothing about what was meant to arrive.
                Some((start, target, part, client_flow(&part.flows.intersection(over))?))
            }
        });
        let (start, target, part, flow) = lost.or_else(|| {
            sent.iter().find_map(|(start, target, part)| {
                Some((start, target, part, client_flow(&part.flows.intersection(over))?))
            })
        })?;
        let (start, target, part) = (start.clone(), target.clone(), part.clone());
        Some(Hop { from: endpoint(from), to: endpoint(to), start, target, flow, part })
    }

    /// What becomes of everything that one sends to the other, for every pair of addresses, as far as
    /// it is not delivered to somebody else. What is sent to a front that keeps its clients' addresses
    /// is delivered to its targets.
    fn parts(&self, from: Who, to: Who) -> Vec<(Start, Target, Part)> {
        let mut parts = self.sent(from, to);
        if let Who::Endpoint(target) = to {
            for front in self.fronts_of(target) {
                parts.extend(self.sent(from, Who::Endpoint(front)));
            }
        }
        parts.retain(|(_, _, part)| arrives_at(part, to));
        parts
    }

    /// The endpoints of the fronts that lead to an endpoint.
    fn fronts_of(&self, target: EndpointId) -> BTreeSet<EndpointId> {
        let network = &self.estate.network;
        let leads_there = |front: &&Front| {
            let groups = front.listeners.iter().flat_map(|listener| &listener.target_groups);
            let mut targets = groups.flat_map(|id| &network.target_groups[*id].targets);
            targets.any(|one| match &one.end {
                TargetEnd::Endpoint(endpoint, _) => *endpoint == target,
                TargetEnd::Front(other) => network.fronts[*other].endpoints.contains(&target),
                TargetEnd::Address(_) | TargetEnd::Workload(_) | TargetEnd::Unread(_) => false,
            })
        };
        let fronts = network.fronts.iter().map(|(_, front)| front).filter(leads_there);
        fronts.flat_map(|front| front.endpoints.iter().copied()).collect()
    }

    /// What becomes of everything that one sends to the other's addresses.
    fn sent(&self, from: Who, to: Who) -> Vec<(Start, Target, Part)> {
        let network = &self.estate.network;
        let mut found = Vec::new();
        for family in [Family::V4, Family::V6] {
            let starts = match from {
                Who::Endpoint(id) if network.endpoints[id].addresses.is_empty() => {
                    self.end_of(id).starts(network, family)
                }
                Who::Endpoint(id) => own_starts(&network.endpoints[id], id, family),
                Who::Outside(class) => self.start_outside(class, family).into_iter().collect(),
            };
            let targets: Vec<Target> = match to {
                Who::Endpoint(id) => self.end_of(id).targets(network),
                Who::Outside(class) => {
                    self.representative(class).map(Target::Address).into_iter().collect()
                }
            };
            for start in &starts {
                for target in targets.iter().filter(|one| one.family() == family) {
                    for part in self.reach.ask(start, target, &FlowSet::all()) {
                        found.push((start.clone(), target.clone(), part));
                    }
                }
            }
        }
        found
    }

    /// Why it is not known what becomes of flows between two ends.
    pub(super) fn doubts(&self, from: Who, to: Who) -> BTreeSet<Name> {
        let parts = self.parts(from, to).into_iter().map(|(_, _, part)| part);
        let unknown = parts.filter(|part| part.disposition == Disposition::Unknown);
        unknown.map(|part| part.why).collect()
    }

    /// What one may send to the other, where the matrix does not tell.
    pub(super) fn asked(&self, from: Who, to: Who) -> Cell {
        let mut cell = Cell::default();
        for (_, _, part) in self.parts(from, to) {
            let delivered = part.disposition.is_delivered();
            if delivered {
                cell.forward.sure = cell.forward.sure.union(&part.flows);
            }
            if delivered || part.disposition == Disposition::Unknown {
                cell.forward.possible = cell.forward.possible.union(&part.flows);
                let (all, own) = (&mut cell.established, &part.established);
                all.sure = all.sure.union(&own.sure);
                all.possible = all.possible.union(&own.possible);
            }
        }
        cell
    }

    fn end_of(&self, endpoint: EndpointId) -> End {
        let workload = self.estate.network.endpoints[endpoint].workload;
        End::Endpoints { workload, endpoints: vec![endpoint], address: None }
    }

    fn representative(&self, class: usize) -> Option<std::net::IpAddr> {
        match self.matrix.classes.get(class)? {
            Class::Internet(atom) | Class::Outside(_, atom) => Some(atom.representative),
            Class::Endpoints(_) => None,
        }
    }

    fn start_outside(&self, class: usize, family: Family) -> Option<Start> {
        let start = match self.matrix.classes.get(class)? {
            Class::Internet(atom) => Start::Internet { address: atom.representative },
            Class::Outside(by, atom) => Start::Outside { by: *by, address: atom.representative },
            Class::Endpoints(_) => return None,
        };
        start.source().is_some_and(|address| Family::of(address) == family).then_some(start)
    }
}

/// An endpoint sends from each of its addresses, the secondary ones too.
fn own_starts(own: &Endpoint, endpoint: EndpointId, family: Family) -> Vec<Start> {
    let addresses = own.addresses.iter().filter(|address| Family::of(**address) == family);
    addresses.map(|address| Start::Endpoint { endpoint, address: *address }).collect()
}

fn endpoint(who: Who) -> Option<EndpointId> {
    match who {
        Who::Endpoint(id) => Some(id),
        Who::Outside(_) => None,
    }
}

/// Whether a part that gets to an endpoint gets to the one that is meant: a front that keeps its
/// client's address leads to others.
fn arrives_at(part: &Part, to: Who) -> bool {
    match (&part.path.end, to) {
        (crate::path::End::Delivered(id), Who::Endpoint(wanted)) => *id == wanted,
        _ => true,
    }
}

/// A flow among those that count which the receiving end sees as one of `over`, rather one that a
/// client would send.
fn sample(part: &Part, counting: &FlowSet, over: &FlowSet) -> Option<Flow> {
    let seen = arrives_as(&part.path, counting).intersection(over);
    if seen.is_empty() {
        return None;
    }
    let wanted = if part.path.by_front {
        let protocols = seen.protocols().map(FlowSet::protocol);
        protocols.fold(FlowSet::none(), |all, one| all.union(&one)).intersection(counting)
    } else {
        seen
    };
    client_flow(&wanted)
}

/// One of some flows, rather one that a client would send.
fn client_flow(flows: &FlowSet) -> Option<Flow> {
    flows.intersection(&clients()).sample().or_else(|| flows.sample())
}

/// What clients send first: from ports that they use, and packets without ports.
pub(super) fn clients() -> FlowSet {
    let ports: PortSet = PortRange::new(CLIENT_PORT_MIN, u16::MAX).into_iter().collect();
    let with_ports = Protocol::WITH_PORTS.iter().map(|protocol| FlowSet::protocol(*protocol));
    let portless = with_ports.fold(FlowSet::all(), |rest, ported| rest.difference(&ported));
    Protocol::WITH_PORTS.iter().fold(portless, |all, protocol| {
        all.union(&FlowSet::ports(*protocol, ports.clone(), PortSet::full()))
    })
}
