//! What the internet reaches, through which front, and what reaches the internet.

use std::collections::BTreeMap;

use watertight_model::network::{EndpointId, FrontId, TargetEnd, TargetGroup};
use watertight_model::{Bounds, Network};
use watertight_net::{AddressSet, FlowSet, PortSet, Protocol};

use crate::answer::Reach;
use crate::classes::Class;
use crate::matrix::{Cell, ClassIndex, Matrix};
use crate::services::Outward;

/// One leg that a front opens to a target on behalf of whoever reaches one of its listeners.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct FrontLeg {
    /// The front.
    pub front: FrontId,
    /// The listener's position in the front.
    pub listener: usize,
    /// What reaches the listener.
    pub listens: FlowSet,
    /// The front's attachment that opens the leg.
    pub from: EndpointId,
    /// The target's endpoint.
    pub to: EndpointId,
    /// What the target sees: the listener's protocol at the target's port.
    pub flows: Bounds<FlowSet>,
}

/// What the internet reaches at one class, or what one class reaches on the internet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Exposed {
    /// The class of the estate.
    pub class: ClassIndex,
    /// The internet addresses, as the fewest prefixes; all public space where `everywhere`.
    pub addresses: AddressSet,
    /// Whether that is all of the internet that rules tell apart, in the addresses' families.
    pub everywhere: bool,
    /// What arrives.
    pub forward: Bounds<FlowSet>,
    /// That part for which a connection can be established.
    pub established: Bounds<FlowSet>,
}

/// What the internet and the estate reach of each other.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Exposure {
    /// What the internet reaches directly: legs that end at an endpoint.
    pub inbound: Vec<Exposed>,
    /// What it reaches through fronts: the listener's exposure, and the leg behind it.
    pub through: Vec<(Exposed, FrontLeg)>,
    /// What reaches the internet.
    pub outbound: Vec<Exposed>,
}

/// The legs that fronts open to their targets, as far as guards and routes admit them.
pub fn front_legs(network: &Network, matrix: &Matrix) -> Vec<FrontLeg> {
    let mut legs = Vec::new();
    for (id, front) in network.fronts.iter() {
        for (position, listener) in front.listeners.iter().enumerate() {
            for group in &listener.target_groups {
                let group = &network.target_groups[*group];
                if group.preserves_source {
                    continue;
                }
                for (to, port) in endpoint_targets(network, group) {
                    for from in &front.endpoints {
                        let wanted = towards(&listener.flows, port);
                        let Some(cell) = matrix.between(*from, to) else { continue };
                        let flows = Bounds {
                            sure: cell.established.sure.intersection(&wanted),
                            possible: cell.established.possible.intersection(&wanted),
                        };
                        if flows.possible.is_empty() {
                            continue;
                        }
                        legs.push(FrontLeg {
                            front: id,
                            listener: position,
                            listens: listener.flows.clone(),
                            from: *from,
                            to,
                            flows,
                        });
                    }
                }
            }
        }
    }
    legs.sort();
    legs.dedup();
    legs
}

/// The endpoints of a target group with their ports; a target that is another front counts as
/// that front's attachments.
fn endpoint_targets(network: &Network, group: &TargetGroup) -> Vec<(EndpointId, Option<u16>)> {
    let mut found = Vec::new();
    for target in &group.targets {
        match &target.end {
            TargetEnd::Endpoint(endpoint, _) => found.push((*endpoint, target.port)),
            TargetEnd::Front(front) => {
                let attachments = network.fronts[*front].endpoints.iter();
                found.extend(attachments.map(|endpoint| (*endpoint, target.port)));
            }
            TargetEnd::Address(_) | TargetEnd::Workload(_) | TargetEnd::Unread(_) => {}
        }
    }
    found
}

/// What a front sends for what its listener hears: the same transport protocols, at the target's
/// port, from any source port.
fn towards(listens: &FlowSet, port: Option<u16>) -> FlowSet {
    let protocols: Vec<Protocol> = listens.protocols().collect();
    protocols
        .into_iter()
        .map(|protocol| {
            let ports = port.map_or_else(PortSet::full, PortSet::single);
            FlowSet::ports(protocol, PortSet::full(), ports)
        })
        .fold(FlowSet::none(), |all, one| all.union(&one))
}

/// What the internet and the estate reach of each other.
pub fn exposure(network: &Network, matrix: &Matrix) -> Exposure {
    let reach = Reach::new(network);
    let inbound = gather(matrix, |from, to| (to, from), reach.unaddressed_inbound(matrix));
    let outbound = gather(matrix, |from, to| (from, to), reach.unaddressed_outbound(matrix));
    let mut through = Vec::new();
    for leg in front_legs(network, matrix) {
        for exposed in &inbound {
            if matrix.class_of(leg.from) != Some(exposed.class) {
                continue;
            }
            let heard = |flows: &FlowSet| flows.intersection(&leg.listens);
            let forward = Bounds {
                sure: heard(&exposed.forward.sure),
                possible: heard(&exposed.forward.possible),
            };
            if forward.possible.is_empty() {
                continue;
            }
            let established = Bounds {
                sure: heard(&exposed.established.sure),
                possible: heard(&exposed.established.possible),
            };
            through.push((Exposed { forward, established, ..exposed.clone() }, leg.clone()));
        }
    }
    Exposure { inbound, through, outbound }
}

/// Cells between classes of the estate and of the internet, `more` among them, grouped by what
/// they allow.
fn gather(
    matrix: &Matrix,
    order: impl Fn(ClassIndex, ClassIndex) -> (ClassIndex, ClassIndex),
    more: Vec<Outward<'_>>,
) -> Vec<Exposed> {
    let mut whole = AddressSet::empty();
    for class in &matrix.classes {
        if let Class::Internet(atom) = class {
            whole = whole.union(&AddressSet::from_prefixes(atom.prefixes.iter().copied()));
        }
    }
    let mut groups: BTreeMap<(ClassIndex, String), (AddressSet, Cell)> = BTreeMap::new();
    let cells = matrix.cells().filter_map(|((from, to), cell)| {
        let (inside, outside) = order(from, to);
        match (matrix.classes.get(inside), matrix.classes.get(outside)) {
            (Some(Class::Endpoints(_)), Some(Class::Internet(atom))) => Some((inside, atom, cell)),
            _ => None,
        }
    });
    let more = more.iter().map(|one| (one.class, one.atom, &one.cell));
    for (inside, atom, cell) in cells.chain(more) {
        let addresses = AddressSet::from_prefixes(atom.prefixes.iter().copied());
        let key = format!(
            "{}|{}|{}|{}",
            cell.forward.sure,
            cell.forward.possible,
            cell.established.sure,
            cell.established.possible
        );
        let entry =
            groups.entry((inside, key)).or_insert_with(|| (AddressSet::empty(), cell.clone()));
        entry.0 = entry.0.union(&addresses);
    }
    groups
        .into_iter()
        .map(|((class, _), (addresses, cell))| Exposed {
            class,
            everywhere: covers(&addresses, &whole),
            addresses,
            forward: cell.forward,
            established: cell.established,
        })
        .collect()
}

/// Whether addresses are all of `whole` in every family that they touch.
fn covers(addresses: &AddressSet, whole: &AddressSet) -> bool {
    [watertight_net::Family::V4, watertight_net::Family::V6].into_iter().all(|family| {
        let own = addresses.of_family(family);
        own.is_empty() || own == whole.of_family(family)
    })
}
