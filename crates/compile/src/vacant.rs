//! Addresses of subnets that nobody has, as ends of a proof.
//!
//! A machine that nobody knows yet, or that an inventory misses, would be at such an address: the policy takes it
//! for an *unknown* end, of which no label is known. A proof asks about these too, or a rule by a prefix
//! could let in whoever comes next and nobody would be told.

use std::collections::{BTreeMap, BTreeSet};

use watertight_model::network::{
    Endpoint, EndpointId, EndpointRole, RealmId, Subnet, SubnetId, Uplink,
};
use watertight_model::{Estate, Name, Network};
use watertight_net::{AddressSet, Prefix};
use watertight_policy::decide::{End, Place, Who};

use crate::outside::{held, hosts};

/// Addresses of one subnet that nobody has and that nothing tells apart.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Vacancy {
    /// The subnet, by the provider's id.
    pub(crate) subnet: Name,
    /// The network that it is part of.
    pub(crate) realm: RealmId,
    /// The same, by the provider's id.
    pub(crate) network: Name,
    /// The narrowest prefix that somebody names, or that of the subnet, in which they are.
    pub(crate) prefix: Prefix,
    /// The addresses: those of the prefix that no endpoint has and no narrower one holds.
    pub(crate) addresses: AddressSet,
}

impl Vacancy {
    /// How it is called: an end of the form `subnet-id@address`, with a prefix for the address.
    pub(crate) fn name(&self) -> String {
        format!("{}@{}", self.subnet, self.prefix)
    }

    /// What the policy sees there: nobody knows who it is.
    pub(crate) fn end(&self) -> End {
        let network = Some(self.network.clone());
        let place = self.addresses.first().map(|address| Place { network, address });
        End { who: Who::Unknown, places: place.into_iter().collect(), groups: None }
    }
}

/// What nobody has in the subnets of a network and somebody could, by subnet and prefix; `boundaries` is what is told
/// apart. Where
/// hosts translate what their guests send, as in overlays of clusters, nobody is at an address but behind a host:
/// such networks have none.
pub(crate) fn vacancies(estate: &Estate, boundaries: &BTreeSet<Prefix>) -> Vec<Vacancy> {
    let network = &estate.network;
    let free = hosts().difference(&held(estate));
    let of_guests = networks_of_guests(network);
    let with_place = network.subnets.values().filter(|one| {
        let is_alone = network.realms.get(one.realm).is_none_or(|realm| realm.further);
        !is_alone && !of_guests.contains(&one.realm)
    });
    let mut found: Vec<Vacancy> = with_place
        .flat_map(|subnet| {
            let realm = subnet.realm;
            let of = network.realms.get(realm);
            let resolvers = of.iter().flat_map(|one| one.resolvers.iter().copied());
            let resolvers = AddressSet::from_prefixes(resolvers.map(Prefix::host));
            let network = of.map(|realm| realm.name.clone());
            let network = network.unwrap_or_else(|| Name::from(""));
            let own = AddressSet::from_prefixes(subnet.prefixes.iter().copied());
            let free = free.intersection(&own).difference(&subnet.kept).difference(&resolvers);
            let prefixes = subnet.prefixes.iter();
            prefixes
                .flat_map(|prefix| parts(*prefix, boundaries, &free))
                .map(|(prefix, addresses)| {
                    let (subnet, network) = (subnet.name.clone(), network.clone());
                    Vacancy { subnet, realm, network, prefix, addresses }
                })
                .collect::<Vec<_>>()
        })
        .collect();
    found.sort_by(|one, other| (&one.subnet, one.prefix).cmp(&(&other.subnet, other.prefix)));
    found
}

/// Puts an endpoint without guards at the first address of each, and gives their ids in this order. For copies of
/// estates of which ways alone are asked: the endpoints are nobody's, and go by a workload that is somebody's.
pub(crate) fn furnish(network: &mut Network, vacancies: &[Vacancy]) -> Vec<Option<EndpointId>> {
    let subnets: BTreeMap<Name, SubnetId> =
        network.subnets.iter().map(|(id, one): (_, &Subnet)| (one.name.clone(), id)).collect();
    let nobody = network.endpoints.values().map(|one| one.workload).max();
    let Some(nobody) = nobody else { return vec![None; vacancies.len()] };
    let put = |vacancy: &Vacancy| {
        let subnet = subnets.get(&vacancy.subnet).copied()?;
        let address = vacancy.addresses.first()?;
        Some(network.endpoints.push(Endpoint {
            name: Name::from(vacancy.name()),
            workload: nobody,
            subnet: Some(subnet),
            addresses: vec![address],
            delegated: Vec::new(),
            public: Vec::new(),
            layers: Vec::new(),
            role: EndpointRole::Host,
            inferred: true,
            origin: None,
        }))
    };
    vacancies.iter().map(put).collect()
}

/// The parts of a prefix, by the narrowest boundary in which they are, as far as they are free.
fn parts(
    whole: Prefix,
    boundaries: &BTreeSet<Prefix>,
    free: &AddressSet,
) -> Vec<(Prefix, AddressSet)> {
    let free = free.intersection(&AddressSet::from_prefix(whole));
    let within = boundaries.range(whole..).take_while(|one| whole.covers(**one));
    let narrower: Vec<Prefix> =
        within.copied().filter(|one| *one != whole && free.span_in(*one).is_some()).collect();
    let mut found = Vec::new();
    for (place, prefix) in [whole].iter().chain(&narrower).enumerate() {
        // What is in a prefix follows it in their order.
        let inner = narrower.iter().skip(place).take_while(|one| prefix.covers(**one));
        let inner = AddressSet::from_prefixes(inner.copied());
        let own = free.intersection(&AddressSet::from_prefix(*prefix)).difference(&inner);
        if !own.is_empty() {
            found.push((*prefix, own));
        }
    }
    found
}

/// The networks whose endpoints send under the addresses of hosts that are in another one.
fn networks_of_guests(network: &Network) -> BTreeSet<RealmId> {
    let realm = |id: EndpointId| {
        let subnet = network.endpoints.get(id)?.subnet?;
        network.subnets.get(subnet).map(|subnet| subnet.realm)
    };
    let guests = network.uplinks.iter();
    guests
        .filter_map(|(id, uplink): (_, &Uplink)| {
            let own = realm(*id)?;
            (realm(uplink.by) != Some(own)).then_some(own)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(text: &str) -> Prefix {
        text.parse().unwrap()
    }

    #[test]
    fn parts_are_by_the_narrowest_boundary_and_leave_out_what_is_held() {
        let boundaries =
            ["10.0.0.0/8", "10.0.0.0/25", "10.0.0.0/26", "10.0.0.128/32", "10.0.1.0/24"];
        let boundaries = boundaries.map(prefix).into_iter().collect();
        let held = AddressSet::from_prefixes(["10.0.0.4/32", "10.0.0.128/32"].map(prefix));
        let free = AddressSet::all_v4().difference(&held);
        let found = parts(prefix("10.0.0.0/24"), &boundaries, &free);
        let set =
            |prefixes: &[&str]| AddressSet::from_prefixes(prefixes.iter().map(|text| prefix(text)));
        let wanted = [
            (prefix("10.0.0.0/24"), set(&["10.0.0.128/25"]).difference(&held)),
            (prefix("10.0.0.0/25"), set(&["10.0.0.64/26"])),
            (prefix("10.0.0.0/26"), set(&["10.0.0.0/26"]).difference(&held)),
        ];
        assert_eq!(found, wanted);
        let all = found.iter().fold(AddressSet::empty(), |all, (_, part)| all.union(part));
        assert_eq!(all, set(&["10.0.0.0/24"]).difference(&held));
    }
}
