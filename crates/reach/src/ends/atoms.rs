//! What lies outside of an estate, split into the fewest parts that its rules and routes tell apart.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use watertight_model::Network;
use watertight_model::network::{Hop, ListContent, Peer};
use watertight_net::{AddressAtoms, AddressSet, Family, Prefix};

use crate::path::OutsideBy;

/// The parts of the internet, each with one address that stands for it, ordered by address.
///
/// Two addresses are in one part if no rule, list or route of the network tells them apart. What
/// endpoints of the estate hold, and what its realms hold of IPv6, is not part of the internet.
pub fn internet_atoms(network: &Network) -> Vec<(AddressSet, IpAddr)> {
    atoms_within(network, &internet_space(network))
}

/// All of the internet: public space that the estate does not hold itself.
pub(crate) fn internet_space(network: &Network) -> AddressSet {
    public_space().difference(&inside(network))
}

/// The parts of a network outside of the estate, each with one address that stands for it.
///
/// Such a network has the addresses that a route of the estate sends there, save those that a
/// realm of the estate has itself.
pub fn outside_atoms(network: &Network, by: OutsideBy) -> Vec<(AddressSet, IpAddr)> {
    let routes = network.tables.values().flat_map(|table| &table.routes);
    let there = routes.filter(|route| match (&route.hop, by) {
        (Hop::Gateway(gateway), OutsideBy::Gateway(wanted)) => *gateway == wanted,
        (Hop::Attachment(attachment), OutsideBy::Attachment(wanted)) => *attachment == wanted,
        _ => false,
    });
    let routed = AddressSet::from_prefixes(there.map(|route| route.destination));
    let realms = network.realms.values().flat_map(|realm| realm.prefixes.iter().copied());
    let own = AddressSet::from_prefixes(realms).union(&inside(network));
    let usable = unicast().difference(&own);
    atoms_within(network, &routed.intersection(&usable))
}

/// The parts of a set that the network tells apart.
fn atoms_within(network: &Network, within: &AddressSet) -> Vec<(AddressSet, IpAddr)> {
    let (prefixes, mut sets) = named(network);
    let restricted = within.clone();
    sets.push(&restricted);
    let atoms = AddressAtoms::new(prefixes, sets);
    let mut parts: Vec<(AddressSet, IpAddr)> = atoms
        .classes_in_set(within)
        .into_iter()
        .filter_map(|atom| Some((atoms.addresses(atom), atoms.representative(atom)?)))
        .collect();
    parts.sort_by_key(|(_, address)| *address);
    parts
}

/// The parts of all space that the network tells apart.
pub(crate) fn named_atoms(network: &Network) -> AddressAtoms {
    let (prefixes, sets) = named(network);
    AddressAtoms::new(prefixes, sets)
}

/// Every prefix and set that rules, lists and routes name.
fn named(network: &Network) -> (Vec<Prefix>, Vec<&AddressSet>) {
    let mut prefixes = Vec::new();
    let mut sets = vec![&network.service_space];
    for guard in network.guards.values() {
        for stage in guard.ingress.iter().chain(&guard.egress) {
            prefixes.extend(stage.rules.iter().filter_map(|rule| match &rule.peer {
                Peer::Prefix(prefix) => Some(*prefix),
                Peer::Any | Peer::List(_) | Peer::Members(_) | Peer::Unread(_) => None,
            }));
        }
    }
    for list in network.lists.values() {
        match &list.content {
            ListContent::Known(content) => prefixes.extend(content),
            ListContent::Unread(candidates) => sets.push(candidates),
        }
    }
    for table in network.tables.values() {
        prefixes.extend(table.routes.iter().map(|route| route.destination));
        sets.extend(table.unread.iter().map(|route| &route.candidates));
    }
    sets.extend(network.platform.iter().map(|service| &service.addresses));
    prefixes.sort();
    prefixes.dedup();
    (prefixes, sets)
}

/// What the estate itself holds of public space.
fn inside(network: &Network) -> AddressSet {
    let endpoints = || network.endpoints.values();
    let public = endpoints().flat_map(|one| one.public.iter().map(|(_, outer)| *outer));
    let v6 = endpoints().flat_map(|one| one.addresses.iter().copied());
    let service = endpoints().filter(|one| one.subnet.is_none());
    let held = public
        .chain(v6.filter(|address| Family::of(*address) == Family::V6))
        .chain(service.flat_map(|one| one.addresses.iter().copied()))
        .map(Prefix::host);
    let realms = network.realms.values().flat_map(|realm| realm.prefixes.iter().copied());
    let delegated = endpoints().flat_map(|one| one.delegated.iter().copied());
    let v6_prefixes = realms.chain(delegated).filter(|prefix| prefix.family() == Family::V6);
    AddressSet::from_prefixes(held.chain(v6_prefixes))
}

/// The addresses for which [`is_public`](crate::is_public) holds.
fn public_space() -> AddressSet {
    const PRIVATE: [([u8; 4], u8); 11] = [
        ([0, 0, 0, 0], 8),
        ([10, 0, 0, 0], 8),
        ([100, 64, 0, 0], 10),
        ([127, 0, 0, 0], 8),
        ([169, 254, 0, 0], 16),
        ([172, 16, 0, 0], 12),
        ([192, 0, 0, 0], 24),
        ([192, 168, 0, 0], 16),
        ([198, 18, 0, 0], 15),
        ([224, 0, 0, 0], 4),
        ([240, 0, 0, 0], 4),
    ];
    let private = PRIVATE.iter().filter_map(|(first, length)| {
        Prefix::new(IpAddr::V4(Ipv4Addr::from(*first)), *length).ok()
    });
    let v4 = AddressSet::all_v4().difference(&AddressSet::from_prefixes(private));
    let v6 = Prefix::new(IpAddr::V6(Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0)), 3);
    v4.union(&AddressSet::from_prefixes(v6))
}

/// Addresses that one machine can have.
fn unicast() -> AddressSet {
    let special = [
        (IpAddr::V4(Ipv4Addr::UNSPECIFIED), 8),
        (IpAddr::V4(Ipv4Addr::new(127, 0, 0, 0)), 8),
        (IpAddr::V4(Ipv4Addr::new(169, 254, 0, 0)), 16),
        (IpAddr::V4(Ipv4Addr::new(224, 0, 0, 0)), 3),
        (IpAddr::V6(Ipv6Addr::UNSPECIFIED), 127),
        (IpAddr::V6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0)), 10),
        (IpAddr::V6(Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0)), 8),
    ];
    let special = special.into_iter().filter_map(|(first, length)| Prefix::new(first, length).ok());
    AddressSet::all().difference(&AddressSet::from_prefixes(special))
}
