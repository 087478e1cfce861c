//! Where the internet could knock: public addresses and fronts. Whether it gets in is another
//! question, which `exposure` answers.

use std::net::IpAddr;

use watertight_model::network::{Endpoint, EndpointRole, Front, GatewayKind};
use watertight_model::{Estate, Name, WorkloadKind};
use watertight_net::Family;

/// A place that has an address on the internet.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct AccessPoint {
    pub(super) kind: &'static str,
    pub(super) workload: Name,
    pub(super) endpoint: Name,
    /// None for what the provider answers for at a name of its own (a function's URL).
    pub(super) address: Option<IpAddr>,
    /// What it listens on, for fronts.
    pub(super) listens: String,
}

/// Every access point, ordered.
pub(super) fn points(estate: &Estate) -> Vec<AccessPoint> {
    let mut points = Vec::new();
    for endpoint in estate.network.endpoints.values() {
        // Nothing can open a connection to these, whatever address they have.
        if matches!(
            endpoint.role,
            EndpointRole::Translator(_) | EndpointRole::InitiatesOnly | EndpointRole::CarriesOnly
        ) {
            continue;
        }
        let front = front_of(estate, endpoint);
        let workload = &estate.workloads[endpoint.workload];
        let addresses = public_addresses(estate, endpoint).into_iter().map(Some);
        let is_called = workload.kind == WorkloadKind::Function || front.is_some();
        let by_name = endpoint.subnet.is_none() && endpoint.addresses.is_empty() && is_called;
        for address in addresses.chain(by_name.then_some(None)) {
            points.push(AccessPoint {
                kind: match (front, endpoint.subnet) {
                    (Some(_), _) => "front",
                    (None, Some(_)) => "address",
                    (None, None) => "service",
                },
                workload: workload.name.clone(),
                endpoint: endpoint.name.clone(),
                address,
                listens: front.map_or_else(String::new, listens),
            });
        }
    }
    points.sort();
    points
}

fn front_of<'e>(estate: &'e Estate, endpoint: &Endpoint) -> Option<&'e Front> {
    match endpoint.role {
        EndpointRole::Front(front) => estate.network.fronts.get(front),
        _ => None,
    }
}

fn listens(front: &Front) -> String {
    if !front.listeners_read {
        return "not in the input".to_owned();
    }
    let flows: watertight_net::FlowSet =
        front.listeners.iter().map(|listener| listener.flows.clone()).collect();
    flows.to_string()
}

/// Public addresses, and IPv6 addresses in a realm that has a way to the internet.
fn public_addresses(estate: &Estate, endpoint: &Endpoint) -> Vec<IpAddr> {
    let network = &estate.network;
    let mut addresses: Vec<IpAddr> = endpoint.public.iter().map(|(_, outer)| *outer).collect();
    let connected = match endpoint.subnet {
        None => true,
        Some(subnet) => {
            let realm = &network.realms[network.subnets[subnet].realm];
            realm.internet.is_some_and(|gateway| {
                matches!(network.gateways[gateway].kind, GatewayKind::Internet { .. })
            })
        }
    };
    if connected {
        let own = endpoint.addresses.iter().copied().filter(|address| {
            let routed = endpoint.subnet.is_none() || Family::of(*address) == Family::V6;
            routed && watertight_reach::is_public(*address)
        });
        addresses.extend(own);
    }
    addresses.sort();
    addresses.dedup();
    addresses
}
