//! The ends of questions about networks, as decisions take them.

use std::net::IpAddr;

use watertight_model::network::{EndpointId, Realm};
use watertight_model::{ArenaId, Estate, Network};
use watertight_net::{AddressSet, Prefix};
use watertight_policy::decide::{Decider, End, Place, Who};
use watertight_reach::ends;

/// A named end as decisions take it.
pub(super) fn end_of(estate: &Estate, decider: &Decider<'_>, end: &ends::End) -> End {
    let network = &estate.network;
    match end {
        ends::End::Endpoints { workload, endpoints, address } => {
            let is_whole = estate
                .workloads
                .get(*workload)
                .is_some_and(|one| one.endpoints.len() == endpoints.len());
            let places = match address {
                None if is_whole => Vec::new(),
                _ => places(network, endpoints, *address),
            };
            End { who: Who::Workloads(vec![workload.index()]), places, groups: None }
        }
        ends::End::Address(address) => of_address(estate, *address),
        ends::End::Subnet { address, subnet } => {
            let realm = network.subnets.get(*subnet).and_then(|one| network.realms.get(one.realm));
            let place = Place { network: realm.map(|one| one.name.clone()), address: *address };
            End { who: Who::Unknown, places: vec![place], groups: None }
        }
        ends::End::Realm(_) => End { who: Who::Unknown, places: Vec::new(), groups: None },
        ends::End::Internet { address: Some(address) }
        | ends::End::Outside { address: Some(address), .. } => End::outside(host(*address)),
        ends::End::Internet { address: None } => End::outside(decider.internet().clone()),
        ends::End::Outside { by, address: None } => {
            let atoms = ends::outside_atoms(network, *by).into_iter();
            let prefixes = atoms.map(|(_, address)| Prefix::host(address));
            End::outside(AddressSet::from_prefixes(prefixes))
        }
    }
}

fn host(address: IpAddr) -> AddressSet {
    AddressSet::from_prefix(Prefix::host(address))
}

/// The places of some attachments, at an address where one is meant.
fn places(network: &Network, endpoints: &[EndpointId], address: Option<IpAddr>) -> Vec<Place> {
    let of = |id: &EndpointId| match address {
        None => Place::of_endpoint(network, *id),
        Some(address) => at(network, *id, address),
    };
    endpoints.iter().flat_map(of).collect()
}

/// The places of an attachment that an address means: a public one stands for the one behind it, which is what
/// both ends of a leg see of that end.
fn at(network: &Network, id: EndpointId, address: IpAddr) -> Vec<Place> {
    let public = network.endpoints.get(id).map_or(&[][..], |one| &one.public);
    let inner = public.iter().find(|(_, outer)| *outer == address);
    let is_meant = |place: &Place| match inner {
        Some((inner, _)) => place.address == *inner,
        None => place.address == address,
    };
    Place::of_endpoint(network, id).into_iter().filter(is_meant).collect()
}

/// Whoever has an address: workloads, nobody that is known, or somebody outside.
fn of_address(estate: &Estate, address: IpAddr) -> End {
    let network = &estate.network;
    let mut workloads = Vec::new();
    let mut places = Vec::new();
    for (id, endpoint) in network.endpoints.iter() {
        let here = at(network, id, address);
        if !here.is_empty() {
            workloads.push(endpoint.workload.index());
            places.extend(here);
        }
    }
    workloads.sort_unstable();
    workloads.dedup();
    if !workloads.is_empty() {
        return End { who: Who::Workloads(workloads), places, groups: None };
    }
    let holds = |realm: &&Realm| realm.prefixes.iter().any(|prefix| prefix.contains(address));
    let realms = network.realms.values().filter(holds);
    let places = realms.map(|realm| Place { network: Some(realm.name.clone()), address });
    let places: Vec<Place> = places.collect();
    if !places.is_empty() {
        return End { who: Who::Unknown, places, groups: None };
    }
    End::outside(host(address))
}
