//! Endpoints that get other addresses when their groups are set.
//!
//! The proof of a plan is about the addresses that are there. What it says of an endpoint that moves holds after
//! the move because nothing tells its addresses apart from those that it may get: neither the policy, nor a
//! rule of ours (ADR 0026).

use std::collections::BTreeMap;

use watertight_model::Estate;
use watertight_model::network::EndpointId;
use watertight_net::{AddressSet, Family, Prefix};

use crate::compiler::Widened;
use crate::edge::Edge;
use crate::identity::{Identities, name_of};
use crate::intent::Intent;
use crate::plane::Holding;

/// Endpoints that move and would have to be named by their addresses, with why.
#[derive(Clone, Debug, Default)]
pub(crate) struct Named(BTreeMap<EndpointId, String>);

impl Named {
    /// Remembers that rules at a workload name an endpoint by its addresses.
    pub(crate) fn by(&mut self, endpoint: EndpointId, workload: &str) {
        let why = format!(
            "rules at {workload} have to name its address, and it gets another one when its service sets its \
             groups"
        );
        self.add(endpoint, why);
    }

    /// The same text whoever comes first.
    fn add(&mut self, endpoint: EndpointId, why: String) {
        match self.0.get_mut(&endpoint) {
            Some(known) if *known <= why => {}
            Some(known) => *known = why,
            None => {
                self.0.insert(endpoint, why);
            }
        }
    }

    pub(crate) fn extend(&mut self, more: Self) {
        for (endpoint, why) in more.0 {
            self.add(endpoint, why);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Why an endpoint carries no groups.
    pub(crate) fn why(&self, endpoint: EndpointId) -> Option<String> {
        self.0.get(&endpoint).cloned()
    }
}

/// The addresses of those that stay where they are: nobody else gets one of them.
pub(crate) fn stays(estate: &Estate, holdings: &[(EndpointId, Holding)]) -> AddressSet {
    if holdings.iter().all(|(_, one)| one.moves.is_none()) {
        return AddressSet::empty();
    }
    let stay = holdings.iter().filter(|(_, one)| one.moves.is_none());
    let found = stay.filter_map(|(id, _)| estate.network.endpoints.get(*id));
    AddressSet::from_prefixes(found.flat_map(|one| one.addresses.iter().copied()).map(Prefix::host))
}

/// Why the policy may see something else in an endpoint once it has moved within `space`.
pub(crate) fn split(
    intent: &Intent<'_>,
    endpoint: EndpointId,
    (space, stays): (&AddressSet, &AddressSet),
) -> Option<String> {
    let found = intent.estate().network.endpoints.get(endpoint)?;
    let own = AddressSet::from_prefixes(found.addresses.iter().copied().map(Prefix::host));
    // Who shares its interface may stay at its address.
    if !space.union(stays).contains_set(&own) {
        return Some(String::from(
            "it gets another address when its service sets its groups, and it is at one that its subnets do not \
             hold",
        ));
    }
    let space = &space.union(&own);
    for set in intent.written_sets() {
        let parts = [Family::V4, Family::V6].map(|family| space.of_family(family));
        if let Some(part) = parts.iter().find(|one| set.intersects(one) && !set.contains_set(one)) {
            let named = set.intersection(part).prefixes();
            let named = named.first().map(ToString::to_string).unwrap_or_default();
            return Some(format!(
                "it gets another address when its service sets its groups, and the policy tells {named} apart from \
                 where it may be then"
            ));
        }
        let outer = found.public.iter().map(|(_, outer)| *outer);
        for address in outer.filter(|outer| set.contains(*outer)) {
            if !set.contains_set(intent.internet()) {
                return Some(format!(
                    "it gets another public address when its service sets its groups, and the policy names \
                     {address}"
                ));
            }
        }
    }
    None
}

/// Those that move and may come to be in what prefixes of rules hold that were merged over a limit.
pub(crate) fn merged(
    identities: &Identities,
    widened: &[Widened],
    by: impl Fn(usize) -> String,
) -> Named {
    let mut named = Named::default();
    for (endpoint, space) in &identities.moving {
        for one in widened.iter().filter(|one| one.added.intersects(space)) {
            let why = format!(
                "rules at {} were merged over a limit and hold a part of where it may be once its service has set \
                 its groups",
                by(one.identity)
            );
            named.add(*endpoint, why);
        }
    }
    named
}

/// The first workload that moves of which a denial at an edge names an address.
pub(crate) fn denied(
    intent: &Intent<'_>,
    identities: &Identities,
    edges: &[Edge],
) -> Option<String> {
    let estate = intent.estate();
    let rules = edges.iter().flat_map(|edge| edge.ingress.iter().chain(&edge.egress));
    let denied = AddressSet::from_prefixes(rules.map(|rule| rule.prefix));
    let mut moving = identities.moving.keys().copied();
    let is_denied = |id: &EndpointId| {
        let found = estate.network.endpoints.get(*id);
        found.is_some_and(|one| one.addresses.iter().any(|address| denied.contains(*address)))
    };
    moving.find(is_denied).map(|id| name_of(estate, id))
}
