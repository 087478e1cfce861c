//! Endpoints that no guard protects.

use watertight_model::network::{
    Action, Combine, Direction, Endpoint, EndpointRole, Guard, LayerId, Peer, Stage, StageDefault,
};
use watertight_model::{Estate, Name, Network, WorkloadKind};
use watertight_net::{AddressSet, Family};

/// An endpoint that accepts whatever comes.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ungoverned {
    pub(super) workload: Name,
    pub(super) endpoint: Name,
    pub(super) why: String,
}

/// Every endpoint of which all guards accept everything from everywhere, ordered.
pub(super) fn ungoverned(estate: &Estate) -> Vec<Ungoverned> {
    let network = &estate.network;
    let mut found = Vec::new();
    for endpoint in network.endpoints.values() {
        let accepts_nothing = matches!(
            endpoint.role,
            EndpointRole::Translator(_) | EndpointRole::InitiatesOnly | EndpointRole::CarriesOnly
        );
        let workload = &estate.workloads[endpoint.workload];
        let is_gateway = workload.kind == WorkloadKind::Gateway;
        if accepts_nothing || is_gateway || endpoint.subnet.is_none() {
            continue;
        }
        if let Some(why) = why_ungoverned(network, endpoint) {
            found.push(Ungoverned {
                workload: workload.name.clone(),
                endpoint: endpoint.name.clone(),
                why,
            });
        }
    }
    found.sort();
    found
}

fn why_ungoverned(network: &Network, endpoint: &Endpoint) -> Option<String> {
    let at_edge = endpoint.subnet.map(|subnet| network.subnets[subnet].layers.as_slice());
    let layers: Vec<LayerId> =
        endpoint.layers.iter().chain(at_edge.unwrap_or_default()).copied().collect();
    if layers.is_empty() {
        return Some("no guard at all".to_owned());
    }
    let families: Vec<Family> = [Family::V4, Family::V6]
        .into_iter()
        .filter(|family| endpoint.address(*family).is_some())
        .collect();
    let open = |layer: &LayerId| {
        let guards = &network.layers[*layer].guards;
        families.iter().all(|family| {
            guards.iter().any(|guard| is_open(network, &network.guards[*guard], *family))
        })
    };
    // An endpoint without addresses says nothing about families: its guards are not judged.
    if families.is_empty() || !layers.iter().all(open) {
        return None;
    }
    let names = crate::text::layers(network, &layers);
    Some(format!("everything from everywhere is accepted by {names}"))
}

/// Whether a guard's first stage accepts every packet of a family from everywhere.
fn is_open(network: &Network, guard: &Guard, family: Family) -> bool {
    let stages = guard.stages(Direction::Ingress);
    stages.is_empty() || stages.iter().all(|stage| stage_is_open(network, stage, family))
}

fn stage_is_open(network: &Network, stage: &Stage, family: Family) -> bool {
    let whole = match family {
        Family::V4 => AddressSet::all_v4(),
        Family::V6 => AddressSet::all_v6(),
    };
    let mut accepted = AddressSet::empty();
    for rule in &stage.rules {
        let from = peers(network, &rule.peer);
        match rule.action {
            Action::Deny if stage.combine == Combine::Ordered => {
                // What is accepted before does not meet this rule.
                if !accepted.contains_set(&from.intersection(&whole)) {
                    return false;
                }
            }
            Action::Deny => return false,
            Action::Accept | Action::AcceptHere if rule.flows.is_all() => {
                accepted = accepted.union(&from);
            }
            Action::Accept | Action::AcceptHere | Action::Next => {}
        }
    }
    let default_accepts = matches!(stage.default, StageDefault::Accept | StageDefault::Next);
    default_accepts || accepted.contains_set(&whole)
}

/// The addresses that a rule surely matches; a reference or an unread list matches none surely.
fn peers(network: &Network, peer: &Peer) -> AddressSet {
    match peer {
        Peer::Any => AddressSet::all(),
        Peer::Prefix(prefix) => AddressSet::from_prefix(*prefix),
        Peer::List(list) => match &network.lists[*list].content {
            watertight_model::network::ListContent::Known(prefixes) => {
                prefixes.iter().copied().collect()
            }
            watertight_model::network::ListContent::Unread(_) => AddressSet::empty(),
        },
        Peer::Members(_) | Peer::Unread(_) => AddressSet::empty(),
    }
}
