//! Where a front that was asked about leads on: the legs that it opens itself.

use std::collections::{BTreeMap, BTreeSet};

use watertight_model::network::{EndpointId, EndpointRole, FrontId, TargetEnd};
use watertight_model::{Estate, Name};
use watertight_net::{FlowSet, PortSet, Protocol};
use watertight_reach::ends::End;
use watertight_reach::{Reach, Start, Target};

use super::ask::clients;

/// How many targets are asked about.
const TARGETS_MAX: usize = 200;

/// Where a front leads on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ahead {
    /// The front.
    pub(super) front: Name,
    /// The port of the targets; none where the provider calls them.
    pub(super) over: Option<u16>,
    /// Whether the network lets the leg through.
    pub(super) answer: &'static str,
    /// The targets, by name.
    pub(super) to: Vec<Name>,
    /// Whether there are more targets than were asked about.
    pub(super) more: bool,
}

/// Where the fronts among the ends that were asked about lead what arrives there. Those that hand
/// on what they get are no ends of a leg, and their targets are in the answer itself.
pub(super) fn of(estate: &Estate, reach: &Reach<'_>, to: &End, arrives: &FlowSet) -> Vec<Ahead> {
    let End::Endpoints { endpoints, .. } = to else { return Vec::new() };
    let network = &estate.network;
    let fronts: BTreeSet<FrontId> = endpoints
        .iter()
        .filter_map(|id| match network.endpoints[*id].role {
            EndpointRole::Front(front) => Some(front),
            _ => None,
        })
        .collect();
    let mut found: BTreeMap<(Name, Option<u16>, &str), BTreeSet<Name>> = BTreeMap::new();
    let mut left = TARGETS_MAX;
    let mut more = false;
    for front in fronts {
        let name = &estate.workloads[network.fronts[front].workload].name;
        for (end, port, protocols) in targets(estate, front, arrives) {
            if left == 0 {
                more = true;
                break;
            }
            left -= 1;
            let (target, answer) = match end {
                TargetEnd::Endpoint(id, address) => {
                    let to = &estate.workloads[network.endpoints[id].workload].name;
                    let own = &network.fronts[front].endpoints;
                    (to.clone(), leg(reach, own, &Target::Address(address), (port, &protocols)))
                }
                TargetEnd::Workload(id) => (estate.workloads[id].name.clone(), "called"),
                TargetEnd::Front(id) => {
                    (estate.workloads[network.fronts[id].workload].name.clone(), "unknown")
                }
                TargetEnd::Address(address) => (Name::from(address.to_string()), "unknown"),
                TargetEnd::Unread(what) => (what, "unknown"),
            };
            found.entry((name.clone(), port, answer)).or_default().insert(target);
        }
    }
    let ahead =
        |((front, over, answer), to): ((Name, Option<u16>, &'static str), BTreeSet<Name>)| Ahead {
            front,
            over,
            answer,
            to: to.into_iter().collect(),
            more,
        };
    found.into_iter().map(ahead).collect()
}

/// A target, its port, and the protocols in which the front speaks to it.
type Led = (TargetEnd, Option<u16>, Vec<Protocol>);

/// The targets of the listeners that hear something of what arrives, each once.
fn targets(estate: &Estate, front: FrontId, arrives: &FlowSet) -> Vec<Led> {
    let network = &estate.network;
    let mut found = Vec::new();
    let listeners = network.fronts[front].listeners.iter();
    for listener in listeners.filter(|one| one.flows.intersects(arrives)) {
        let groups = listener.target_groups.iter().map(|id| &network.target_groups[*id]);
        for target in groups.filter(|one| !one.preserves_source).flat_map(|one| &one.targets) {
            let protocols = listener.flows.protocols().collect();
            let one = (target.end.clone(), target.port, protocols);
            if !found.contains(&one) {
                found.push(one);
            }
        }
    }
    found
}

/// What the network does with what any attachment of a front opens to a target.
fn leg(
    reach: &Reach<'_>,
    own: &[EndpointId],
    target: &Target,
    (port, protocols): (Option<u16>, &[Protocol]),
) -> &'static str {
    let ports = port.map_or_else(PortSet::full, PortSet::single);
    let each = protocols.iter().map(|one| FlowSet::ports(*one, PortSet::full(), ports.clone()));
    let over = each.collect::<FlowSet>().intersection(&clients());
    let (mut sure, mut possible) = (FlowSet::none(), FlowSet::none());
    for from in own {
        for start in reach.starts_of(*from) {
            if !matches!(start, Start::Endpoint { .. }) {
                continue;
            }
            for part in reach.ask(&start, target, &over) {
                sure = sure.union(&part.established.sure);
                possible = possible.union(&part.established.possible);
            }
        }
    }
    match (sure.contains(&over), sure.is_empty(), possible.is_empty()) {
        (true, ..) => "accepted",
        (false, false, _) => "partly",
        (false, true, false) => "unknown",
        (false, true, true) => "denied",
    }
}
