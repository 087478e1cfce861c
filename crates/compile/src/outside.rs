//! Addresses that no endpoint of the estate has, in the parts that a policy tells apart.

use std::net::IpAddr;

use watertight_model::Estate;
use watertight_net::{AddressAtoms, AddressSet, Prefix};
use watertight_policy::decide::{End, Place, Who};

use crate::intent::{Allowed, Intent};

/// A part of the space that no endpoint has.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) addresses: AddressSet,
    pub(crate) end: End,
}

/// Space in which hosts are. What is not here is no peer of anybody: nothing, loopback, multicast,
/// and what stays on the link, which no guard filters.
pub(crate) fn hosts() -> AddressSet {
    let none = [
        "0.0.0.0/8",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "224.0.0.0/3",
        "::/8",
        "64:ff9b::/96",
        "100::/8",
        "fe80::/10",
        "ff00::/8",
    ];
    let none = none.iter().filter_map(|text| text.parse::<Prefix>().ok());
    AddressSet::all().difference(&AddressSet::from_prefixes(none))
}

/// The addresses of endpoints, public ones too.
pub(crate) fn held(estate: &Estate) -> AddressSet {
    let endpoints = estate.network.endpoints.values();
    let all = endpoints.flat_map(|one| {
        let public = one.public.iter().map(|(_, outer)| *outer);
        one.addresses.iter().copied().chain(public).map(Prefix::host).chain(one.delegated.clone())
    });
    AddressSet::from_prefixes(all)
}

/// The parts: outside of realms as outside ends, inside of them as unknown ones.
pub(crate) fn parts(intent: &Intent<'_>) -> Vec<Part> {
    let estate = intent.estate();
    let network = &estate.network;
    let realms: Vec<(AddressSet, &watertight_model::Name)> = network
        .realms
        .values()
        .map(|one| (AddressSet::from_prefixes(one.prefixes.iter().copied()), &one.name))
        .collect();
    let inside = realms.iter().fold(AddressSet::empty(), |all, (set, _)| all.union(set));
    let atoms = AddressAtoms::new([], intent.sets());
    let free = hosts().difference(&held(estate));
    let mut parts = Vec::new();
    let mut add = |space: &AddressSet, end: &dyn Fn(&AddressSet, IpAddr) -> End| {
        for atom in atoms.classes_in_set(space) {
            let addresses = atoms.addresses(atom).intersection(space);
            if let Some(first) = addresses.first() {
                parts.push(Part { end: end(&addresses, first), addresses });
            }
        }
    };
    add(&free.difference(&inside), &|addresses, _| End::outside(addresses.clone()));
    for (set, name) in &realms {
        let network = Some((*name).clone());
        add(&free.intersection(set), &|_, address| End {
            who: Who::Unknown,
            places: vec![Place { network: network.clone(), address }],
            groups: None,
        });
    }
    parts
}

/// What is allowed to or from a part.
pub(crate) fn ask(intent: &Intent<'_>, own: &End, part: &Part, ingress: bool) -> Allowed {
    if ingress { intent.ask(&part.end, own) } else { intent.ask(own, &part.end) }
}
