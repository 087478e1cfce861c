//! Look-ups that the walk needs, made once for a network.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use rustc_hash::FxHashMap;
use watertight_model::Name;
use watertight_model::Network;
use watertight_model::network::{
    Attached, AttachmentId, EndpointId, GatewayId, GuardId, LayerId, RealmId, Route, SubnetId,
    TableId,
};
use watertight_net::{Family, Prefix};

use crate::transparent::is_transparent;

/// What a routing table says about one destination.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Lookup<'n> {
    /// This route decides.
    Route(&'n Route),
    /// Nothing matches.
    NoRoute,
    /// A route whose addresses the input does not tell could decide; its text.
    Unread(&'n Name),
}

/// Look-ups by address, attachment and membership.
#[derive(Debug)]
pub(crate) struct Index {
    by_address: FxHashMap<(SubnetId, IpAddr), EndpointId>,
    delegated: BTreeMap<SubnetId, Vec<(Prefix, EndpointId)>>,
    by_realm_address: FxHashMap<(RealmId, IpAddr), EndpointId>,
    by_public: FxHashMap<IpAddr, (EndpointId, IpAddr)>,
    subnets_of: BTreeMap<RealmId, Vec<(Prefix, SubnetId)>>,
    attachments_of: BTreeMap<(GatewayId, RealmId), Vec<AttachmentId>>,
    tables: BTreeMap<TableId, Vec<u32>>,
    platform_realms: BTreeMap<IpAddr, Vec<RealmId>>,
    /// Endpoints with uplinks, by host and own address.
    guests: BTreeMap<(EndpointId, IpAddr), EndpointId>,
    /// Layers of subnets without state that accept everything, whoever the peer is.
    transparent: BTreeSet<LayerId>,
}

impl Index {
    pub(crate) fn new(network: &Network) -> Self {
        let mut index = Self {
            by_address: FxHashMap::default(),
            delegated: BTreeMap::new(),
            by_realm_address: FxHashMap::default(),
            by_public: FxHashMap::default(),
            subnets_of: BTreeMap::new(),
            attachments_of: BTreeMap::new(),
            tables: BTreeMap::new(),
            platform_realms: BTreeMap::new(),
            guests: guests(network),
            transparent: transparent(network),
        };
        index.add_subnets(network);
        index.add_endpoints(network);
        index.add_attachments(network);
        index.add_tables(network);
        index
    }

    fn add_subnets(&mut self, network: &Network) {
        for (id, subnet) in network.subnets.iter() {
            let list = self.subnets_of.entry(subnet.realm).or_default();
            list.extend(subnet.prefixes.iter().map(|prefix| (*prefix, id)));
        }
        for list in self.subnets_of.values_mut() {
            list.sort_by_key(|(prefix, id)| (std::cmp::Reverse(prefix.len()), *prefix, *id));
        }
        for (id, realm) in network.realms.iter() {
            for resolver in &realm.resolvers {
                self.platform_realms.entry(*resolver).or_default().push(id);
            }
        }
    }

    fn add_endpoints(&mut self, network: &Network) {
        for (id, endpoint) in network.endpoints.iter() {
            for (private, public) in &endpoint.public {
                self.by_public.entry(*public).or_insert((id, *private));
            }
            let Some(subnet_id) = endpoint.subnet else {
                for address in &endpoint.addresses {
                    self.by_public.entry(*address).or_insert((id, *address));
                }
                continue;
            };
            let realm = network.subnets[subnet_id].realm;
            for address in &endpoint.addresses {
                self.by_address.entry((subnet_id, *address)).or_insert(id);
                self.by_realm_address.entry((realm, *address)).or_insert(id);
                if Family::of(*address) == Family::V6 {
                    self.by_public.entry(*address).or_insert((id, *address));
                }
            }
            if !endpoint.delegated.is_empty() {
                let list = self.delegated.entry(subnet_id).or_default();
                list.extend(endpoint.delegated.iter().map(|prefix| (*prefix, id)));
            }
        }
    }

    fn add_attachments(&mut self, network: &Network) {
        for (id, attachment) in network.attachments.iter() {
            if let Attached::Realm { realm: Some(realm), .. } = attachment.attached {
                self.attachments_of.entry((attachment.gateway, realm)).or_default().push(id);
            }
        }
    }

    fn add_tables(&mut self, network: &Network) {
        for (id, table) in network.tables.iter() {
            let mut order: Vec<u32> =
                (0..table.routes.len()).filter_map(|index| u32::try_from(index).ok()).collect();
            order.sort_by_key(|index| {
                let route = table.routes.get(usize::try_from(*index).unwrap_or(usize::MAX));
                route.map(|route| (std::cmp::Reverse(route.destination.len()), route.rank, *index))
            });
            self.tables.insert(id, order);
        }
    }

    /// Whether a layer is one of a subnet, keeps no state and accepts everything: asking it changes
    /// no answer.
    pub(crate) fn is_transparent(&self, layer: LayerId) -> bool {
        self.transparent.contains(&layer)
    }

    /// The endpoint that has an address in a subnet.
    pub(crate) fn endpoint_in(&self, subnet: SubnetId, address: IpAddr) -> Option<EndpointId> {
        self.by_address.get(&(subnet, address)).copied().or_else(|| {
            let list = self.delegated.get(&subnet)?;
            list.iter().find(|(prefix, _)| prefix.contains(address)).map(|(_, id)| *id)
        })
    }

    /// The endpoint that has an address in a realm.
    pub(crate) fn endpoint_of(&self, realm: RealmId, address: IpAddr) -> Option<EndpointId> {
        self.by_realm_address.get(&(realm, address)).copied()
    }

    /// The endpoint that a public address stands for, and its address in its realm.
    pub(crate) fn public(&self, address: IpAddr) -> Option<(EndpointId, IpAddr)> {
        self.by_public.get(&address).copied()
    }

    /// The subnet of a realm that holds an address: the longest prefix.
    pub(crate) fn subnet_of(&self, realm: RealmId, address: IpAddr) -> Option<SubnetId> {
        let list = self.subnets_of.get(&realm)?;
        list.iter().find(|(prefix, _)| prefix.contains(address)).map(|(_, id)| *id)
    }

    /// Whether an address is a resolver of a realm.
    pub(crate) fn is_resolver(&self, realm: RealmId, address: IpAddr) -> bool {
        self.platform_realms.get(&address).is_some_and(|realms| realms.contains(&realm))
    }

    /// The endpoint with an uplink by a host that has an address.
    pub(crate) fn guest_of(&self, host: EndpointId, address: IpAddr) -> Option<EndpointId> {
        self.guests.get(&(host, address)).copied()
    }

    /// The attachments of a realm to a transit gateway, in order.
    pub(crate) fn attachments(&self, gateway: GatewayId, realm: RealmId) -> &[AttachmentId] {
        self.attachments_of.get(&(gateway, realm)).map_or(&[], Vec::as_slice)
    }

    /// What a table says about a destination: the longest prefix, then the lowest rank, then the
    /// first. A list that the input does not tell could hold a longer prefix, so it leaves a
    /// look-up undecided unless the known route is for that one address.
    pub(crate) fn lookup<'n>(
        &self,
        network: &'n Network,
        table: TableId,
        destination: IpAddr,
    ) -> Lookup<'n> {
        let content = &network.tables[table];
        let order = self.tables.get(&table).map_or(&[][..], Vec::as_slice);
        let found = order
            .iter()
            .filter_map(|index| content.routes.get(usize::try_from(*index).unwrap_or(usize::MAX)))
            .find(|route| route.destination.contains(destination));
        let decided = found.is_some_and(|route| route.destination.is_host() && route.rank == 0);
        if !decided
            && let Some(unread) =
                content.unread.iter().find(|unread| unread.candidates.contains(destination))
        {
            return Lookup::Unread(&unread.text);
        }
        found.map_or(Lookup::NoRoute, Lookup::Route)
    }
}

/// Endpoints with uplinks, by host and own address.
fn guests(network: &Network) -> BTreeMap<(EndpointId, IpAddr), EndpointId> {
    let each = network.uplinks.iter().flat_map(|(guest, uplink)| {
        let addresses = network.endpoints[*guest].addresses.iter();
        addresses.map(move |address| ((uplink.by, *address), *guest))
    });
    each.collect()
}

/// Layers of subnets without state that accept everything.
fn transparent(network: &Network) -> BTreeSet<LayerId> {
    let layers = network.subnets.values().flat_map(|subnet| subnet.layers.iter().copied());
    let layers: BTreeSet<LayerId> = layers.collect();
    let stateless = |layer: &LayerId| {
        let mut guards = network.layers[*layer].guards.iter();
        guards.all(|guard| !network.guards[*guard].stateful)
    };
    let open = layers.into_iter().filter(|layer| is_transparent(network, *layer));
    open.filter(stateless).collect()
}

/// Whether an endpoint has a guard.
pub(crate) fn has_guard(network: &Network, endpoint: EndpointId, guard: GuardId) -> bool {
    network.endpoints[endpoint]
        .layers
        .iter()
        .any(|layer| network.layers[*layer].guards.binary_search(&guard).is_ok())
}

/// The realm of an endpoint.
pub(crate) fn realm_of(network: &Network, endpoint: EndpointId) -> Option<RealmId> {
    network.endpoints[endpoint].subnet.map(|subnet| network.subnets[subnet].realm)
}
