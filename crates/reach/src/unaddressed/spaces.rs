//! The addresses that an endpoint could have whose own the input does not tell.

use std::collections::BTreeMap;
use std::net::IpAddr;

use watertight_model::Network;
use watertight_model::network::{EndpointId, SubnetId};
use watertight_net::{AddressAtoms, AddressSet, Family, Prefix};

use crate::assumed::Held;
use crate::ends::{internet_space, named_atoms};

/// What every look for addresses needs, made once for a network.
#[derive(Debug)]
pub(crate) struct Spaces {
    /// Public space that the estate does not hold itself.
    internet: AddressSet,
    /// What rules, lists and routes tell apart.
    atoms: AddressAtoms,
    /// What endpoints have in each subnet.
    taken: BTreeMap<SubnetId, Vec<Prefix>>,
    /// Addresses that no endpoint has because the platform answers there.
    platform: Vec<Prefix>,
}

/// The addresses among which an endpoint's public ones are, as far as its service says.
pub(super) fn public_candidates(network: &Network, endpoint: EndpointId) -> AddressSet {
    match network.unaddressed.get(&endpoint) {
        Some(known) => known.public.clone(),
        None if network.endpoints[endpoint].subnet.is_some() => AddressSet::empty(),
        None => AddressSet::all_v4(),
    }
}

impl Spaces {
    pub(crate) fn new(network: &Network) -> Self {
        let mut taken: BTreeMap<SubnetId, Vec<Prefix>> = BTreeMap::new();
        for endpoint in network.endpoints.values() {
            let Some(subnet) = endpoint.subnet else { continue };
            let own = taken.entry(subnet).or_default();
            own.extend(endpoint.addresses.iter().copied().map(Prefix::host));
            own.extend(&endpoint.delegated);
        }
        let resolvers = network.realms.values().flat_map(|realm| &realm.resolvers);
        let services = network.platform.iter().flat_map(|service| service.addresses.prefixes());
        Self {
            internet: internet_space(network),
            atoms: named_atoms(network),
            taken,
            platform: resolvers.copied().map(Prefix::host).chain(services).collect(),
        }
    }

    /// The addresses that an endpoint could have, save `others`: one of each part that the network
    /// tells apart.
    pub(crate) fn candidates(
        &self,
        network: &Network,
        endpoint: EndpointId,
        family: Family,
        others: &AddressSet,
    ) -> Vec<Held> {
        let public = public_candidates(network, endpoint).intersection(&self.internet);
        let outer = self.parts(&public.difference(others));
        let Some(subnet) = network.endpoints[endpoint].subnet else {
            let own = outer.into_iter().filter(|address| Family::of(*address) == family);
            let held = |address| Held { endpoint, private: None, public: Some(address) };
            return own.map(held).collect();
        };
        let mut found = Vec::new();
        for address in self.parts(&self.free(network, subnet, family).difference(others)) {
            let held = |public| Held { endpoint, private: Some(address), public };
            let before = found.len();
            let outer = outer.iter().copied().filter(IpAddr::is_ipv4);
            found.extend(outer.map(|one| held(Some(one))));
            if found.len() == before {
                found.push(held(None));
            }
        }
        found
    }

    /// The addresses of a subnet that an interface in it could have.
    fn free(&self, network: &Network, subnet: SubnetId, family: Family) -> AddressSet {
        let own = network.subnets[subnet].prefixes.iter().copied();
        let own = AddressSet::from_prefixes(own.filter(|prefix| prefix.family() == family));
        let taken = self.taken.get(&subnet).into_iter().flatten().chain(&self.platform);
        own.difference(&AddressSet::from_prefixes(taken.copied()))
    }

    /// One address of each part of a set that the network tells apart, ordered.
    fn parts(&self, within: &AddressSet) -> Vec<IpAddr> {
        let atoms = self.atoms.classes_in_set(within).into_iter();
        let mut found: Vec<IpAddr> = atoms
            .filter_map(|atom| self.atoms.addresses(atom).intersection(within).first())
            .collect();
        found.sort_unstable();
        found
    }
}
