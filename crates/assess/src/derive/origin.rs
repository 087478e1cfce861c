//! Guards of stores that look at how a request came: those that could be added.

use std::collections::BTreeSet;

use watertight_model::network::{Hop, Origin, OriginGuard, RealmId};
use watertight_model::{Estate, Name, Power, Scope, WorkloadId};

/// The networks with a way to a store that does not cross the internet: through a gateway that their
/// routes lead to, or an attachment in them.
pub(super) fn private_networks(estate: &Estate, store: WorkloadId) -> BTreeSet<RealmId> {
    let network = &estate.network;
    let endpoints = estate.workloads[store].endpoints.iter();
    let known: Vec<_> = endpoints.filter_map(|id| network.unaddressed.get(id)).collect();
    let interfaces = known.iter().flat_map(|known| &known.interfaces);
    let of_interfaces = interfaces
        .filter_map(|id| network.endpoints[*id].subnet)
        .map(|subnet| network.subnets[subnet].realm);
    let leads = |hop: &Hop| match hop {
        Hop::Gateway(id) => known.iter().any(|known| known.gateways.contains(id)),
        Hop::Local | Hop::Endpoint(_) | Hop::Attachment(_) | Hop::Blackhole(_) | Hop::Unread(_) => {
            false
        }
    };
    let routed = network.subnets.values().filter(|subnet| {
        subnet
            .table
            .is_some_and(|table| network.tables[table].routes.iter().any(|route| leads(&route.hop)))
    });
    routed.map(|subnet| subnet.realm).chain(of_interfaces).collect()
}

/// Adds the guard to a store: it admits what comes from those networks.
pub(super) fn guard(estate: &mut Estate, store: WorkloadId) {
    let realms = private_networks(estate, store);
    let names: Vec<Name> =
        realms.iter().map(|realm| estate.network.realms[*realm].name.clone()).collect();
    for grant in &mut estate.grants {
        if let Power::ReadData { store: own, scope } = &mut grant.power
            && *own == store
            && *scope == Scope::Anywhere
        {
            *scope = Scope::Only(names.clone());
        }
    }
    let admits: Vec<Origin> = realms.into_iter().map(Origin::Realm).collect();
    for endpoint in estate.workloads[store].endpoints.clone() {
        if let Some(known) = estate.network.unaddressed.get_mut(&endpoint) {
            let name = Name::from("the added guard");
            known.origin_guards.push(OriginGuard { name, admits: admits.clone(), unread: None });
        }
    }
}
