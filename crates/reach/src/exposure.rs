//! What the internet reaches, through which front, and what reaches the internet.

mod gather;
mod leads;

use std::collections::{BTreeMap, BTreeSet};

use watertight_model::network::{EndpointId, Front, FrontId};
use watertight_model::{Bounds, Network};
use watertight_net::{AddressSet, FlowSet};

use self::gather::{Way, gather};
use self::leads::{is_apart, leads};
use crate::answer::Reach;
use crate::classes::Class;
use crate::matrix::{ClassIndex, Matrix, Touched};

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
///
/// A leg goes to the address under which its target is registered: others of the target's do not
/// count.
pub fn front_legs(network: &Network, matrix: &Matrix) -> Vec<FrontLeg> {
    if network.fronts.is_empty() {
        return Vec::new();
    }
    legs_of(&Reach::new(network), matrix)
}

/// The same, asked of who answers about the network.
pub(crate) fn legs_of(reach: &Reach<'_>, matrix: &Matrix) -> Vec<FrontLeg> {
    let network = reach.network;
    let mut legs = Vec::new();
    for (id, front) in network.fronts.iter() {
        if !front.listeners_read {
            let hears = (front.listeners.len(), &FlowSet::all());
            legs.extend(unread_legs(matrix, (id, front), hears));
        }
        for (position, listener) in front.listeners.iter().enumerate() {
            for group in &listener.target_groups {
                let group = &network.target_groups[*group];
                if !group.targets_read {
                    let hears = (position, &listener.flows);
                    legs.extend(unread_legs(matrix, (id, front), hears));
                }
                for from in &front.endpoints {
                    let is_walked = group.preserves_source && !is_apart(network, *from);
                    if is_walked {
                        continue;
                    }
                    for lead in leads(network, *from, (front, &listener.flows), group) {
                        let flows = lead.flows(reach, matrix, *from, &listener.flows);
                        if flows.possible.is_empty() {
                            continue;
                        }
                        legs.push(FrontLeg {
                            front: id,
                            listener: position,
                            listens: listener.flows.clone(),
                            from: *from,
                            to: lead.to,
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

/// The legs that a front may open where the input does not tell its listeners or targets: to whoever
/// it can reach.
fn unread_legs(
    matrix: &Matrix,
    (id, front): (FrontId, &Front),
    (listener, listens): (usize, &FlowSet),
) -> Vec<FrontLeg> {
    let mut legs = Vec::new();
    for from in &front.endpoints {
        let Some(own) = matrix.class_of(*from) else { continue };
        for (place, class) in matrix.classes.iter().enumerate() {
            let (Class::Endpoints(members), Some(cell)) = (class, matrix.cell(own, place)) else {
                continue;
            };
            let possible = &cell.established.possible;
            if possible.is_empty() {
                continue;
            }
            let flows = Bounds { sure: FlowSet::none(), possible: possible.clone() };
            legs.extend(members.iter().filter(|to| *to != from).map(|to| FrontLeg {
                front: id,
                listener,
                listens: listens.clone(),
                from: *from,
                to: *to,
                flows: flows.clone(),
            }));
        }
    }
    legs
}

/// What the internet and the estate reach of each other.
pub fn exposure(network: &Network, matrix: &Matrix) -> Exposure {
    let reach = Reach::new(network);
    let legs = legs_of(&reach, matrix);
    exposure_of(&reach, matrix, &legs)
}

/// The same, asked of who answers about the network.
pub(crate) fn exposure_of(reach: &Reach<'_>, matrix: &Matrix, legs: &[FrontLeg]) -> Exposure {
    let inbound = one_way(reach, matrix, Way::In, None);
    let outbound = one_way(reach, matrix, Way::Out, None);
    let through = behind_fronts(matrix, &inbound, legs);
    Exposure { inbound, through, outbound }
}

/// The same after a change, from what was found before.
pub(crate) fn renewed(
    before: Exposure,
    (reach, matrix): (&Reach<'_>, &Matrix),
    legs: &[FrontLeg],
    touched: &Touched,
) -> Exposure {
    // What such classes reach and are reached from is not in the matrix.
    let unaddressed: BTreeSet<ClassIndex> =
        reach.unaddressed_classes(matrix).into_iter().map(|(class, _)| class).collect();
    let renew = |mut known: Vec<Exposed>, way, classes: &BTreeSet<ClassIndex>| {
        if classes.is_empty() {
            return known;
        }
        known.retain(|exposed| !classes.contains(&exposed.class));
        known.extend(if unaddressed.is_empty() {
            gather(reach.network, matrix, (way, Some(classes)), std::iter::empty())
        } else {
            one_way(reach, matrix, way, Some(classes))
        });
        // Stable, and only of two runs that are in order.
        known.sort_by_key(|exposed| exposed.class);
        known
    };
    let with = |classes: &BTreeSet<ClassIndex>| classes.union(&unaddressed).copied().collect();
    let inbound = renew(before.inbound, Way::In, &with(&touched.classes));
    let mut receivers = touched.classes.iter().filter_map(|class| matrix.classes.get(*class));
    // No guard stands before what is outside: who is let out otherwise is who reaches it otherwise.
    let outbound = match &touched.senders {
        _ if receivers.all(|class| matches!(class, Class::Endpoints(_))) => {
            renew(before.outbound, Way::Out, &unaddressed)
        }
        Some(senders) => renew(before.outbound, Way::Out, &with(senders)),
        None => one_way(reach, matrix, Way::Out, None),
    };
    let through = behind_fronts(matrix, &inbound, legs);
    Exposure { inbound, through, outbound }
}

/// What some classes or all are reached by from the internet, or reach there.
fn one_way(
    reach: &Reach<'_>,
    matrix: &Matrix,
    way: Way,
    only: Option<&BTreeSet<ClassIndex>>,
) -> Vec<Exposed> {
    let more = match way {
        Way::In => reach.unaddressed_inbound(matrix),
        Way::Out => reach.unaddressed_outbound(matrix),
    };
    let more = more.iter().map(|one| (one.class, one.atom, &one.cell));
    gather(reach.network, matrix, (way, only), more)
}

/// What the internet reaches through fronts.
fn behind_fronts(
    matrix: &Matrix,
    inbound: &[Exposed],
    legs: &[FrontLeg],
) -> Vec<(Exposed, FrontLeg)> {
    let mut inbound_of: BTreeMap<ClassIndex, Vec<&Exposed>> = BTreeMap::new();
    if !legs.is_empty() {
        for exposed in inbound {
            inbound_of.entry(exposed.class).or_default().push(exposed);
        }
    }
    let mut through = Vec::new();
    for leg in legs {
        let class = matrix.class_of(leg.from);
        let exposed_at = class.and_then(|class| inbound_of.get(&class));
        for exposed in exposed_at.into_iter().flatten().copied() {
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
    through
}
