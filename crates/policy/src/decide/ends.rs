use std::sync::Arc;

use watertight_model::{Name, Truth};
use watertight_net::AddressSet;

use crate::checked::{self, Conditions, Peer, Users};
use crate::decide::compile::Decider;
use crate::decide::internet::METADATA;
use crate::decide::types::Binding;
use crate::decide::world::Place;
use crate::{Domain, Timestamp};

/// One end of a leg.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct End {
    /// Who it is.
    pub who: Who,
    /// The addresses of which the leg uses one; empty for all that its workloads have.
    pub places: Vec<Place>,
    /// The groups of the person who is signed in there, none where nobody is; `None` where nothing tells, so that
    /// it may be anybody.
    pub groups: Option<Vec<Name>>,
}

/// Who an end is.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Who {
    /// One of these workloads, by their places in the world.
    Workloads(Vec<usize>),
    /// Some of these addresses, which no workload holds.
    Outside {
        /// The addresses.
        addresses: AddressSet,
        /// The network that they are in; `None` for the public address space.
        network: Option<Name>,
    },
    /// An address inside a range of the estate that no endpoint holds.
    Unknown,
}

impl End {
    /// A workload, at any of its addresses.
    pub const fn workload(workload: Vec<usize>) -> Self {
        Self { who: Who::Workloads(workload), places: Vec::new(), groups: None }
    }

    /// Addresses outside.
    pub const fn outside(addresses: AddressSet) -> Self {
        let who = Who::Outside { addresses, network: None };
        Self { who, places: Vec::new(), groups: None }
    }

    /// The one place that is meant, where one is.
    pub(super) fn one_place(&self) -> Option<(usize, &Place)> {
        match (&self.who, &*self.places) {
            (Who::Workloads(workloads), [place]) => match &**workloads {
                [one] => Some((*one, place)),
                _ => None,
            },
            _ => None,
        }
    }
}

/// All agree, or it is maybe.
pub(super) fn agreed(truths: impl IntoIterator<Item = Truth>) -> Truth {
    let mut truths = truths.into_iter();
    let Some(first) = truths.next() else { return Truth::Maybe };
    if truths.all(|truth| truth == first) { first } else { Truth::Maybe }
}

/// How much of a set of addresses another holds.
fn held(addresses: &AddressSet, set: &AddressSet) -> Truth {
    if set.contains_set(addresses) {
        Truth::Yes
    } else if set.intersects(addresses) {
        Truth::Maybe
    } else {
        Truth::No
    }
}

/// What a peer is matched against.
#[derive(Clone, Copy)]
pub(super) struct Seen<'s> {
    pub(super) end: &'s End,
    /// The truth of every selector for the end.
    pub(super) selectors: &'s [Truth],
    /// Who asks for names, when the end is a destination.
    pub(super) asker: Option<&'s End>,
    pub(super) bindings: &'s [Binding],
    pub(super) now: Timestamp,
}

impl Decider<'_> {
    /// Whether any of the peers matches.
    pub(super) fn any_peer(&self, peers: &[Peer], seen: Seen<'_>) -> Truth {
        Truth::any(peers.iter().map(|peer| self.peer(peer, seen)))
    }

    fn peer(&self, peer: &Peer, seen: Seen<'_>) -> Truth {
        match &peer.end {
            checked::End::Any => Truth::Yes,
            checked::End::Internet => match &seen.end.who {
                Who::Outside { addresses, .. } => held(addresses, &self.internet),
                Who::Workloads(_) | Who::Unknown => Truth::No,
            },
            checked::End::Conditions(conditions) => self.conditions(conditions, seen),
        }
    }

    fn conditions(&self, conditions: &Conditions, seen: Seen<'_>) -> Truth {
        let mut all = Truth::Yes;
        if let Some(selector) = conditions.workloads {
            all = seen.selectors.get(selector.index()).copied().unwrap_or(Truth::No);
        }
        if all == Truth::No {
            return all;
        }
        let network = conditions.network.as_ref();
        if let Some(set) = &conditions.addresses {
            all = all.and(self.holds_address(seen.end, set, network));
        } else if let Some(network) = network {
            all = all.and(self.holds_address(seen.end, &self.everywhere, Some(network)));
        }
        if !conditions.residents.is_empty() {
            all = all.and(self.resides(seen.end, &conditions.residents));
        }
        if !conditions.domains.is_empty() {
            all = all.and(self.bound(&conditions.domains, seen));
        }
        if !conditions.users.is_empty() {
            let users = conditions.users.iter().filter_map(|id| self.policy.users.get(id.index()));
            all = all.and(Truth::any(users.map(|users| self.is_one_of(users, seen.end))));
        }
        if !conditions.provider.is_empty() {
            let services = conditions.provider.iter();
            all = all.and(Truth::any(services.map(|name| self.is_service(seen.end, name))));
        }
        if conditions.metadata {
            all = all.and(match &seen.end.who {
                Who::Outside { addresses, .. } => held(addresses, &METADATA),
                Who::Workloads(_) | Who::Unknown => Truth::No,
            });
        }
        all
    }

    /// Whether somebody of these people is at an end. Who is signed in says most; else the pools stand for the
    /// groups; else it may be anybody.
    fn is_one_of(&self, users: &Users, end: &End) -> Truth {
        let told = end.groups.as_ref();
        if told.is_some_and(|told| users.groups.iter().any(|group| told.contains(group))) {
            return Truth::Yes;
        }
        if !users.pools.is_empty() {
            return self.holds_address(end, &users.pools, None);
        }
        if told.is_some() { Truth::No } else { Truth::Maybe }
    }

    /// Runs over the places of an end; maybe where they differ or none is known.
    fn over_places(&self, end: &End, test: impl Fn(&Place) -> bool + Copy) -> Truth {
        if !end.places.is_empty() {
            return agreed(end.places.iter().map(|place| Truth::from(test(place))));
        }
        let Who::Workloads(workloads) = &end.who else { return Truth::Maybe };
        let members = workloads.iter().filter_map(|place| self.world.workloads.get(*place));
        agreed(members.flat_map(|member| &member.places).map(|place| Truth::from(test(place))))
    }

    /// Whether an end holds an address of a set, in a network.
    fn holds_address(&self, end: &End, set: &AddressSet, network: Option<&Name>) -> Truth {
        let in_network = |here: Option<&Name>| network.is_none() || here == network;
        match &end.who {
            Who::Outside { addresses, network: here } => {
                if in_network(here.as_ref()) {
                    held(addresses, set)
                } else {
                    Truth::No
                }
            }
            Who::Workloads(_) | Who::Unknown => self.over_places(end, |place| {
                in_network(place.network.as_ref()) && set.contains(place.address)
            }),
        }
    }

    /// Whether an end is a workload with an address in one of some networks.
    fn resides(&self, end: &End, networks: &[Name]) -> Truth {
        let workloads = match &end.who {
            Who::Workloads(workloads) => workloads,
            Who::Outside { .. } => return Truth::No,
            Who::Unknown => return Truth::Maybe,
        };
        let is_here = |place: &Place| {
            place.network.as_ref().is_some_and(|network| networks.binary_search(network).is_ok())
        };
        // What says which of its addresses it uses says more than what it has.
        let told = end.places.iter().filter(|place| place.network.is_some());
        if told.clone().next().is_some() {
            return agreed(told.map(|place| Truth::from(is_here(place))));
        }
        let members = workloads.iter().filter_map(|place| self.world.workloads.get(*place));
        agreed(members.map(|member| Truth::from(member.places.iter().any(is_here))))
    }

    /// Whether the source asked for one of the names and was told this end's address.
    fn bound(&self, domains: &Arc<[Domain]>, seen: Seen<'_>) -> Truth {
        let Some(End { who: Who::Workloads(askers), .. }) = seen.asker else { return Truth::No };
        agreed(askers.iter().map(|asker| {
            let told = seen.bindings.iter().filter(|binding| {
                binding.asker == *asker
                    && seen.now < binding.until
                    && domains.iter().any(|domain| domain.covers(&binding.name))
            });
            let told = AddressSet::from_prefixes(
                told.map(|one| watertight_net::Prefix::host(one.address)),
            );
            match &seen.end.who {
                Who::Outside { addresses, .. } => held(addresses, &told),
                Who::Workloads(_) | Who::Unknown => {
                    self.over_places(seen.end, |place| told.contains(place.address))
                }
            }
        }))
    }

    /// Whether an end is a provider's service. Where a service answers is not always known.
    fn is_service(&self, end: &End, name: &Name) -> Truth {
        let Who::Outside { addresses, .. } = &end.who else { return Truth::No };
        match self.world.services.get(name) {
            Some(space) => held(addresses, space),
            None if self.unnamed.intersects(addresses) => Truth::Maybe,
            None => Truth::No,
        }
    }
}
