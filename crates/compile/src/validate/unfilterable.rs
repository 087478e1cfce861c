//! Services of the platform that answer past every guard, where the policy would deny them.

use std::collections::BTreeMap;
use std::net::IpAddr;

use watertight_model::Disposition;
use watertight_net::{AddressSet, FlowSet, Prefix};
use watertight_policy::decide::{End, Place, Who};
use watertight_policy::past_guards;

use super::gather::Gathered;
use super::scene::{Scene, needed};
use super::told::PartyWho;
use crate::intent::realm_of;

pub(super) fn add(scene: &Scene<'_, '_>, gathered: &mut Gathered<'_>) {
    for party in scene.governed().filter(|party| scene.is_about(party)) {
        let PartyWho::Endpoints(members, _) = &party.who else { continue };
        let Some(first) = members.first().copied() else { continue };
        let Some(later) = scene.later.get(first) else { continue };
        let own = scene.end(party);
        for (address, (name, end)) in services(scene, first) {
            let passes = passing(scene, later, address);
            let allowed = scene.intent.ask(&own, &end);
            // What every platform needs is allowed but for who is in quarantine.
            let needed = needed(&allowed, &past_guards(scene.estates[0], first, address));
            let over = passes.difference(&allowed.allow).difference(&needed);
            for (flows, rules) in scene.rules(&allowed, &over) {
                gathered.service(party, (name, address.to_string()), flows, rules);
            }
        }
    }
}

/// The services that an endpoint has, by address, with what they are as an end.
fn services(
    scene: &Scene<'_, '_>,
    endpoint: watertight_model::network::EndpointId,
) -> BTreeMap<IpAddr, (&'static str, End)> {
    let network = &scene.estates[1].network;
    let mut found = BTreeMap::new();
    for service in &network.platform {
        for range in service.addresses.ranges() {
            let address = range.first();
            let end = End::outside(AddressSet::from_prefix(Prefix::host(address)));
            found.insert(address, ("a service of the platform", end));
        }
    }
    let before = scene.estates[0];
    let realm = realm_of(before, endpoint).and_then(|id| before.network.realms.get(id));
    for address in realm.into_iter().flat_map(|realm| realm.resolvers.iter().copied()) {
        let name = realm.map(|realm| realm.name.clone());
        let is_inside =
            realm.is_some_and(|realm| realm.prefixes.iter().any(|one| one.contains(address)));
        let end = if is_inside {
            let places = vec![Place { network: name, address }];
            End { who: Who::Unknown, places, groups: None }
        } else {
            End::outside(AddressSet::from_prefix(Prefix::host(address)))
        };
        found.insert(address, ("the resolver", end));
    }
    found
}

/// What gets to an address.
fn passing(
    scene: &Scene<'_, '_>,
    endpoint: watertight_model::network::EndpointId,
    address: IpAddr,
) -> FlowSet {
    let reach = &scene.reach[1];
    let starts = reach.starts_of(endpoint);
    let of_family = starts
        .iter()
        .filter(|start| start.source().is_some_and(|source| source.is_ipv4() == address.is_ipv4()));
    of_family
        .flat_map(|start| reach.answer(start, address, &FlowSet::all()))
        .filter(|part| part.disposition == Disposition::Accepted)
        .map(|part| part.flows)
        .collect()
}
