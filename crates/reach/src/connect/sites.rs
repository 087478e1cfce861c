//! Sites: addresses that routes, gateways and subnets' guards treat alike, so that one walk between
//! two sites tells the way of every pair in them. Only the guards of the two ends then differ.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use watertight_model::network::{
    Attached, AttachmentId, EndpointId, EndpointRole, Hop, InternetAccess, LayerId, ListContent,
    Peer, RealmId, Subnet, SubnetId, TableId, Uplink,
};
use watertight_model::{Network, WorkloadId};
use watertight_net::{AddressAtoms, AddressSet, AtomId, Family, Prefix};

use super::positions::{Position, Positions};
use super::targets::Target;
use crate::answer::Reach;
use crate::path::{OutsideBy, Start};
use crate::transparent::is_transparent;

/// The number of a site of senders or of receivers.
pub(super) type SiteId = u32;

/// The number of a group of subnets that forward alike.
pub(super) type GroupId = u32;

/// What makes two subnets forward alike.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct GroupKey {
    realm: RealmId,
    table: Option<TableId>,
    layers: Vec<LayerId>,
    zone: usize,
    access: (u8, String),
    endpoints_read: bool,
    /// Set for subnets to which something leads in particular.
    alone: Option<SubnetId>,
}

/// What makes two addresses of a group of subnets one site.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum SiteKey {
    Endpoint {
        group: GroupId,
        /// The address that is sent from or dialled.
        address: AtomId,
        /// The address on the other side of the internet gateway.
        other: Option<AtomId>,
        /// For receivers: whether the public address is dialled.
        dialled_public: bool,
        role: EndpointRole,
        uplink: Option<Uplink>,
        /// The machine, where others are on it: what stays on one goes another way.
        machine: Option<WorkloadId>,
        guarded: bool,
        stateless: bool,
    },
    Internet(AtomId),
    Outside(OutsideBy, AtomId),
    Alone(u32),
}

/// Sites of senders or of receivers.
#[derive(Debug, Default)]
pub(super) struct Sites {
    ids: BTreeMap<SiteKey, SiteId>,
    /// The group of each site's subnets.
    groups: Vec<Option<GroupId>>,
    of_group: BTreeMap<GroupId, Vec<SiteId>>,
}

impl Sites {
    fn intern(&mut self, key: SiteKey) -> SiteId {
        let next = u32::try_from(self.groups.len()).unwrap_or(u32::MAX);
        let group = match &key {
            SiteKey::Endpoint { group, .. } => Some(*group),
            SiteKey::Internet(_) | SiteKey::Outside(..) | SiteKey::Alone(_) => None,
        };
        let id = *self.ids.entry(key).or_insert(next);
        if id == next {
            self.groups.push(group);
            if let Some(group) = group {
                self.of_group.entry(group).or_default().push(id);
            }
        }
        id
    }

    pub(super) fn len(&self) -> usize {
        self.groups.len()
    }

    /// The sites in a group of subnets.
    pub(super) fn of_group(&self, group: GroupId) -> &[SiteId] {
        self.of_group.get(&group).map_or(&[], Vec::as_slice)
    }

    pub(super) fn group(&self, site: SiteId) -> Option<GroupId> {
        self.groups.get(super::positions::place(site)).copied().flatten()
    }
}

/// What sites are made of.
#[derive(Debug)]
pub(super) struct Ground<'r, 'n> {
    reach: &'r Reach<'n>,
    atoms: AddressAtoms,
    group_of: BTreeMap<SubnetId, GroupId>,
    routed_to: BTreeSet<EndpointId>,
    /// Machines that others are on.
    machines: BTreeSet<WorkloadId>,
    /// Who is dialled by an address; none where several are.
    dialled: BTreeMap<IpAddr, Option<EndpointId>>,
}

impl<'r, 'n> Ground<'r, 'n> {
    /// Reads what routes, gateways and subnets' guards tell apart.
    pub(super) fn new(reach: &'r Reach<'n>, targets: &[Target]) -> Self {
        let network = reach.network;
        let routed_to = routed_to(network);
        let overlapping = overlapping(network, targets);
        let mut prefixes = told_apart(network);
        for subnet in &overlapping {
            prefixes.extend(&network.subnets[*subnet].prefixes);
        }
        let holders = holders(network, &routed_to);
        let (special, zones) = (special_subnets(network, &holders), zones(network, &holders));
        let mut groups: BTreeMap<GroupKey, GroupId> = BTreeMap::new();
        let mut group_of = BTreeMap::new();
        for (id, subnet) in network.subnets.iter() {
            let access = match &subnet.internet_access {
                InternetAccess::Open => (0, String::new()),
                InternetAccess::EgressOnly(switch) => (1, switch.to_string()),
                InternetAccess::Closed(switch) => (2, switch.to_string()),
                InternetAccess::Unread(switch) => (3, switch.to_string()),
            };
            let alone = special.contains(&id) || overlapping.contains(&id);
            let key = GroupKey {
                realm: subnet.realm,
                table: subnet.table,
                layers: subnet.layers.clone(),
                zone: zones.get(subnet.zone.as_str()).copied().unwrap_or(usize::MAX),
                access,
                endpoints_read: subnet.endpoints_read,
                alone: alone.then_some(id),
            };
            let next = u32::try_from(groups.len()).unwrap_or(u32::MAX);
            group_of.insert(id, *groups.entry(key).or_insert(next));
        }
        let mut dialled: BTreeMap<IpAddr, Option<EndpointId>> = BTreeMap::new();
        for target in targets {
            let known = dialled.entry(target.address).or_insert(target.endpoint);
            if *known != target.endpoint {
                *known = None;
            }
        }
        let atoms = AddressAtoms::from_prefixes(prefixes);
        let hosts = network.uplinks.values();
        let machines = hosts.map(|uplink| network.endpoints[uplink.by].workload).collect();
        Self { reach, atoms, group_of, routed_to, machines, dialled }
    }

    /// The machine that an endpoint is or is on, where others are on it.
    fn machine_of(&self, id: EndpointId) -> Option<WorkloadId> {
        let network = self.reach.network;
        let host = network.uplinks.get(&id).map_or(id, |uplink| uplink.by);
        let machine = network.endpoints[host].workload;
        self.machines.contains(&machine).then_some(machine)
    }

    /// The sites of positions, by number; none where a position has no address.
    pub(super) fn senders(&self, positions: &Positions) -> (Sites, Vec<Option<SiteId>>) {
        let mut sites = Sites::default();
        let count = super::positions::place(positions.len());
        let mut of: Vec<Option<SiteId>> = vec![None; count];
        for (number, position) in positions.iter() {
            let key = self.sender(position).unwrap_or(SiteKey::Alone(number));
            if let Some(slot) = of.get_mut(super::positions::place(number)) {
                *slot = Some(sites.intern(key));
            }
        }
        (sites, of)
    }

    fn sender(&self, position: &Position) -> Option<SiteKey> {
        let address = self.atoms.atom_of(position.own);
        match &position.start {
            Start::Internet { .. } => Some(SiteKey::Internet(address)),
            Start::Outside { by, .. } => Some(SiteKey::Outside(*by, address)),
            Start::Endpoint { endpoint, .. } => {
                // What is sent to an address that the sender has itself never leaves it.
                let mut addresses = self.reach.network.endpoints[*endpoint].addresses.iter();
                let shared = addresses
                    .any(|own| self.dialled.get(own).is_some_and(|who| *who != Some(*endpoint)));
                if shared {
                    return None;
                }
                let public = position.public;
                self.endpoint(*endpoint, position.own, position.own, public, false)
            }
            Start::Unaddressed { .. } | Start::Subnet { .. } | Start::Realm(_) => None,
        }
    }

    /// The sites of targets, by number.
    pub(super) fn receivers(&self, targets: &[Target]) -> (Sites, Vec<SiteId>) {
        let mut sites = Sites::default();
        let of = (0_u32..).zip(targets).map(|(number, target)| {
            let key = self.receiver(target).unwrap_or(SiteKey::Alone(number));
            sites.intern(key)
        });
        let of = of.collect();
        (sites, of)
    }

    fn receiver(&self, target: &Target) -> Option<SiteKey> {
        let address = self.atoms.atom_of(target.address);
        match (target.endpoint, target.outside) {
            (Some(endpoint), _) => {
                // Whether a public address stands for the one that is dialled is all the same: a
                // reply that left through the internet would not come from the dialled address.
                let own = target.private.unwrap_or(target.address);
                let dialled_public = target.private.is_some();
                self.endpoint(endpoint, target.address, own, target.private, dialled_public)
            }
            (None, Some(by)) => Some(SiteKey::Outside(by, address)),
            (None, None) => Some(SiteKey::Internet(address)),
        }
    }

    /// The site of an endpoint's address, if the endpoint forwards like others.
    fn endpoint(
        &self,
        id: EndpointId,
        address: IpAddr,
        own: IpAddr,
        other: Option<IpAddr>,
        dialled_public: bool,
    ) -> Option<SiteKey> {
        let network = self.reach.network;
        let endpoint = &network.endpoints[id];
        let subnet = endpoint.subnet?;
        let plain = matches!(
            endpoint.role,
            EndpointRole::Host
                | EndpointRole::Forwarder
                | EndpointRole::InitiatesOnly
                | EndpointRole::AnswersOnly
                | EndpointRole::CarriesOnly
        );
        if !plain || !endpoint.delegated.is_empty() || self.routed_to.contains(&id) {
            return None;
        }
        let index = &self.reach.index;
        let realm = network.subnets[subnet].realm;
        let public = if dialled_public { Some(address) } else { other };
        let found = index.endpoint_in(subnet, own) == Some(id)
            && index.endpoint_of(realm, own) == Some(id)
            && public.is_none_or(|public| index.public(public) == Some((id, own)))
            && (Family::of(own) == Family::V4 || index.public(own) == Some((id, own)))
            && holds(&network.subnets[subnet], own);
        if !found {
            return None;
        }
        let guards = endpoint.layers.iter().flat_map(|layer| &network.layers[*layer].guards);
        let stateless = guards.into_iter().any(|guard| !network.guards[*guard].stateful);
        Some(SiteKey::Endpoint {
            group: self.group_of.get(&subnet).copied()?,
            address: self.atoms.atom_of(address),
            other: other.map(|other| self.atoms.atom_of(other)),
            dialled_public,
            role: endpoint.role,
            uplink: network.uplinks.get(&id).cloned(),
            machine: self.machine_of(id),
            guarded: !endpoint.layers.is_empty(),
            stateless,
        })
    }
}

/// Prefixes that routes, realms and subnets' guards tell apart.
fn told_apart(network: &Network) -> BTreeSet<Prefix> {
    let mut prefixes: BTreeSet<Prefix> = BTreeSet::new();
    for table in network.tables.values() {
        prefixes.extend(table.routes.iter().map(|route| route.destination));
        prefixes.extend(table.unread.iter().flat_map(|unread| unread.candidates.prefixes()));
    }
    for realm in network.realms.values() {
        prefixes.extend(&realm.prefixes);
        prefixes.extend(realm.resolvers.iter().map(|resolver| Prefix::host(*resolver)));
    }
    prefixes.extend(network.uplinks.values().flat_map(|uplink| uplink.keeps.iter().copied()));
    for service in &network.platform {
        prefixes.extend(service.addresses.prefixes());
    }
    prefixes.extend(network.service_space.prefixes());
    let layers: BTreeSet<LayerId> =
        network.subnets.values().flat_map(|subnet| subnet.layers.iter().copied()).collect();
    let guards = layers.into_iter().flat_map(|layer| &network.layers[layer].guards);
    for guard in guards {
        let guard = &network.guards[*guard];
        for rule in guard.ingress.iter().chain(&guard.egress).flat_map(|stage| &stage.rules) {
            match &rule.peer {
                Peer::Prefix(prefix) => {
                    prefixes.insert(*prefix);
                }
                Peer::List(list) => match &network.lists[*list].content {
                    ListContent::Known(known) => prefixes.extend(known),
                    ListContent::Unread(candidates) => prefixes.extend(candidates.prefixes()),
                },
                Peer::Any | Peer::Members(_) | Peer::Unread(_) => {}
            }
        }
    }
    prefixes
}

/// Endpoints to which routes lead: packets for them may take ways of their own.
fn routed_to(network: &Network) -> BTreeSet<EndpointId> {
    let routes = network.tables.values().flat_map(|table| &table.routes);
    let targets = routes.filter_map(|route| match route.hop {
        Hop::Endpoint(endpoint) => Some(endpoint),
        Hop::Local | Hop::Gateway(_) | Hop::Attachment(_) | Hop::Blackhole(_) | Hop::Unread(_) => {
            None
        }
    });
    targets.collect()
}

/// Subnets with an endpoint to which a gateway, a route or a front leads in particular.
fn holders(network: &Network, routed_to: &BTreeSet<EndpointId>) -> BTreeSet<SubnetId> {
    let particular = network.endpoints.iter().filter(|(id, endpoint)| {
        let ordinary = matches!(
            endpoint.role,
            EndpointRole::Host
                | EndpointRole::Forwarder
                | EndpointRole::InitiatesOnly
                | EndpointRole::AnswersOnly
                | EndpointRole::CarriesOnly
        );
        !ordinary || routed_to.contains(id)
    });
    particular.filter_map(|(_, endpoint)| endpoint.subnet).collect()
}

/// These, and subnets by which attachments lead in and out, unless nothing is noticed of it.
fn special_subnets(network: &Network, holders: &BTreeSet<SubnetId>) -> BTreeSet<SubnetId> {
    let mut special = holders.clone();
    for attachment in network.attachments.values() {
        if let Attached::Realm { subnets, .. } = &attachment.attached {
            special.extend(subnets.iter().filter(|id| !is_open(network, **id)));
        }
    }
    special
}

/// Whether neither a subnet's guards nor its switch for the internet ever take anything away.
fn is_open(network: &Network, id: SubnetId) -> bool {
    let subnet = &network.subnets[id];
    subnet.internet_access == InternetAccess::Open
        && subnet.layers.iter().all(|layer| is_transparent(network, *layer))
}

/// Subnets that share addresses with another one, or with a target that is not in them.
fn overlapping(network: &Network, targets: &[Target]) -> BTreeSet<SubnetId> {
    let mut all: Vec<(IpAddr, IpAddr, SubnetId)> = network
        .subnets
        .iter()
        .flat_map(|(id, subnet)| {
            subnet.prefixes.iter().map(move |prefix| (prefix.first(), prefix.last(), id))
        })
        .collect();
    all.sort_unstable();
    let mut found: BTreeSet<SubnetId> = BTreeSet::new();
    let mut widest: Option<(IpAddr, SubnetId)> = None;
    for (first, last, id) in &all {
        if let Some((end, other)) = widest
            && *first <= end
            && other != *id
        {
            found.extend([*id, other]);
        }
        if widest.is_none_or(|(end, _)| *last > end) {
            widest = Some((*last, *id));
        }
    }
    let space = AddressSet::from_prefixes(
        network.subnets.values().flat_map(|subnet| subnet.prefixes.iter().copied()),
    );
    for target in targets {
        let home = target.subnet.filter(|_| target.private.is_none());
        let at_home = home.is_some_and(|id| holds(&network.subnets[id], target.address));
        if at_home || !space.contains(target.address) {
            continue;
        }
        found.extend(network.subnets.iter().filter_map(|(id, subnet)| {
            (holds(subnet, target.address) && home != Some(id)).then_some(id)
        }));
    }
    found
}

fn holds(subnet: &Subnet, address: IpAddr) -> bool {
    subnet.prefixes.iter().any(|prefix| prefix.contains(address))
}

/// Zones as numbers; zones in which every attachment has subnets that forward alike have one.
fn zones<'n>(network: &'n Network, holders: &BTreeSet<SubnetId>) -> BTreeMap<&'n str, usize> {
    let entry = |id: Option<SubnetId>| match id {
        None => Entry::Nowhere,
        Some(id) if is_open(network, id) && !holders.contains(&id) => {
            Entry::Plain(network.subnets[id].table)
        }
        Some(id) => Entry::Particular(id),
    };
    let names: BTreeSet<&str> =
        network.subnets.values().map(|subnet| subnet.zone.as_str()).collect();
    let mut numbers: BTreeMap<Vec<(AttachmentId, Entry, Entry)>, usize> = BTreeMap::new();
    let mut found = BTreeMap::new();
    for zone in names {
        let mut key = Vec::new();
        for (id, attachment) in network.attachments.iter() {
            let Attached::Realm { subnets, .. } = &attachment.attached else { continue };
            let same =
                subnets.iter().copied().find(|subnet| network.subnets[*subnet].zone == *zone);
            let first = same.or(subnets.first().copied());
            key.push((id, entry(same), entry(first)));
        }
        let next = numbers.len();
        found.insert(zone, *numbers.entry(key).or_insert(next));
    }
    found
}

/// How a subnet of an attachment lets packets in and out.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Entry {
    Nowhere,
    /// Through guards that accept everything, on by this table.
    Plain(Option<TableId>),
    Particular(SubnetId),
}
