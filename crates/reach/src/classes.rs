//! Equivalence classes: endpoints and outside addresses that nothing in the network tells apart.
//!
//! Two endpoints are in one class when they are in the same subnet, have the same guards and role,
//! and no prefix in any rule or route, and no list, holds an address of one without the address of
//! the other. Answers about one member then hold for every member.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use watertight_model::Network;
use watertight_model::network::{
    Attached, EndpointId, EndpointRole, GatewayKind, Hop, LayerId, ListContent, Peer, RealmId,
    SubnetId, TargetEnd, Unaddressed, Uplink,
};
use watertight_net::{AddressAtoms, AddressSet, AtomId, Family, Prefix};

use crate::path::OutsideBy;
use crate::space::is_public;

/// One equivalence class.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Class {
    /// Endpoints, ordered.
    Endpoints(Vec<EndpointId>),
    /// Addresses of the internet that no endpoint of the estate has.
    Internet(OutsideAtom),
    /// Addresses of a network outside of the estate.
    Outside(OutsideBy, OutsideAtom),
}

/// Outside addresses that nothing tells apart.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct OutsideAtom {
    /// One of them.
    pub representative: IpAddr,
    /// All of them, as the fewest prefixes.
    pub prefixes: Vec<Prefix>,
}

/// What tells endpoints apart.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    subnet: Option<SubnetId>,
    role: EndpointRole,
    layers: Vec<LayerId>,
    addresses: Vec<(Family, AtomId)>,
    public: Vec<AtomId>,
    /// How it is reached, where the input does not tell its addresses.
    unaddressed: Option<Unaddressed>,
    /// How it leaves its host.
    uplink: Option<Uplink>,
    /// Set for endpoints that routes, fronts or gateways name one by one.
    alone: Option<EndpointId>,
}

/// What tells addresses apart.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(crate) struct Boundaries {
    /// Prefixes, each by itself.
    pub(crate) prefixes: BTreeSet<Prefix>,
    /// Lists, each as a whole: nothing tells apart what is in the same ones, however many prefixes they
    /// are made of.
    pub(crate) lists: Vec<AddressSet>,
}

impl Boundaries {
    /// What a network tells apart.
    pub(crate) fn of(network: &Network) -> Self {
        let lists = network.lists.values().map(|list| addresses(&list.content));
        Self { prefixes: single_prefixes(network), lists: lists.collect() }
    }

    /// Everything that either tells apart.
    pub(crate) fn add(&mut self, more: Self) {
        self.prefixes.extend(more.prefixes);
        self.lists.extend(more.lists);
    }

    fn atoms(&self) -> AddressAtoms {
        AddressAtoms::new(self.prefixes.iter().copied(), &self.lists)
    }
}

/// The addresses that are in a list, or may be.
pub(crate) fn addresses(content: &ListContent) -> AddressSet {
    match content {
        ListContent::Known(known) => AddressSet::from_prefixes(known.iter().copied()),
        ListContent::Unread(candidates) => candidates.clone(),
    }
}

/// The prefixes that rules, lists and routes of a network name.
pub fn named_prefixes(network: &Network) -> BTreeSet<Prefix> {
    let mut prefixes = single_prefixes(network);
    prefixes.extend(network.lists.values().flat_map(|list| addresses(&list.content).prefixes()));
    prefixes
}

/// The prefixes that are named one by one: those of lists are left out.
pub(crate) fn single_prefixes(network: &Network) -> BTreeSet<Prefix> {
    // Rules repeat each other: sorted once, they are sooner a set than one by one.
    let mut prefixes: Vec<Prefix> = Vec::new();
    for guard in network.guards.values() {
        for stage in guard.ingress.iter().chain(&guard.egress) {
            for rule in &stage.rules {
                match &rule.peer {
                    Peer::Prefix(prefix) => {
                        prefixes.push(*prefix);
                    }
                    Peer::List(_) | Peer::Any | Peer::Members(_) | Peer::Unread(_) => {}
                }
            }
        }
    }
    for table in network.tables.values() {
        prefixes.extend(table.routes.iter().map(|route| route.destination));
        prefixes.extend(table.unread.iter().flat_map(|unread| unread.candidates.prefixes()));
    }
    for realm in network.realms.values() {
        prefixes.extend(&realm.prefixes);
    }
    prefixes.extend(network.uplinks.values().flat_map(|uplink| uplink.keeps.iter().copied()));
    for service in &network.platform {
        prefixes.extend(service.addresses.prefixes());
    }
    prefixes.extend(network.service_space.prefixes());
    prefixes.sort_unstable();
    prefixes.dedup();
    prefixes.into_iter().collect()
}

/// The classes of a network; `boundaries` is what else to tell apart (of the other network in a
/// comparison).
pub(crate) fn classes(network: &Network, boundaries: &Boundaries) -> Vec<Class> {
    let mut all = Boundaries::of(network);
    all.add(boundaries.clone());
    let atoms = all.atoms();
    // Classes with public addresses side by side: most ways tell these two sorts apart, so that
    // functions of the class then change their value seldom.
    let mut ordered: Vec<(bool, Vec<EndpointId>)> = endpoint_classes(network, &atoms)
        .into_iter()
        .map(|(key, members)| (!key.public.is_empty(), members))
        .collect();
    ordered.sort();
    let mut found: Vec<Class> =
        ordered.into_iter().map(|(_, members)| Class::Endpoints(members)).collect();
    let estate = estate_space(network);
    if !is_internet_around(network) {
        found.extend(internet_atoms(&atoms, &estate).into_iter().map(Class::Internet));
    }
    for by in outsides(network) {
        let atoms = match by {
            OutsideBy::Gateway(id) => match network.gateways[id].kind {
                GatewayKind::Surroundings { realm } => surrounding_atoms(network, realm, &atoms),
                _ => private_atoms(network, &atoms),
            },
            OutsideBy::Attachment(_) => private_atoms(network, &atoms),
        };
        found.extend(atoms.into_iter().map(|atom| Class::Outside(by, atom)));
    }
    found
}

/// The classes of two networks that have the same endpoints, gateways and attachments, and that differ
/// in layers, guards and lists: neither tells members of one apart.
pub(crate) fn common_classes(one: &Network, other: &Network) -> Vec<Class> {
    let mut all = Boundaries::of(one);
    all.add(Boundaries::of(other));
    let of_other = classes(other, &all);
    let mut number_of: BTreeMap<EndpointId, usize> = BTreeMap::new();
    for (number, class) in of_other.iter().enumerate() {
        if let Class::Endpoints(members) = class {
            number_of.extend(members.iter().map(|member| (*member, number)));
        }
    }
    let mut found = Vec::new();
    for class in classes(one, &all) {
        let Class::Endpoints(members) = class else {
            found.push(class);
            continue;
        };
        let mut parts: BTreeMap<Option<usize>, Vec<EndpointId>> = BTreeMap::new();
        for member in members {
            parts.entry(number_of.get(&member).copied()).or_default().push(member);
        }
        found.extend(parts.into_values().map(Class::Endpoints));
    }
    found
}

fn endpoint_classes(network: &Network, atoms: &AddressAtoms) -> BTreeMap<Key, Vec<EndpointId>> {
    let alone = named_one_by_one(network);
    let mut classes: BTreeMap<Key, Vec<EndpointId>> = BTreeMap::new();
    let all = network.endpoints.iter();
    // Nobody is at a virtual endpoint.
    for (id, endpoint) in all.filter(|(id, _)| !network.at_sender.contains_key(id)) {
        let key = Key {
            subnet: endpoint.subnet,
            role: endpoint.role,
            layers: endpoint.layers.clone(),
            addresses: endpoint
                .addresses
                .iter()
                .map(|address| (Family::of(*address), atoms.atom_of(*address)))
                .collect(),
            public: endpoint.public.iter().map(|(_, public)| atoms.atom_of(*public)).collect(),
            unaddressed: network.unaddressed.get(&id).cloned(),
            uplink: network.uplinks.get(&id).cloned(),
            alone: alone.contains(&id).then_some(id),
        };
        classes.entry(key).or_default().push(id);
    }
    classes
}

/// Endpoints that routes, fronts or gateways name: each is a class of its own.
fn named_one_by_one(network: &Network) -> BTreeSet<EndpointId> {
    let mut named = BTreeSet::new();
    for table in network.tables.values() {
        named.extend(table.routes.iter().filter_map(|route| match route.hop {
            Hop::Endpoint(endpoint) => Some(endpoint),
            Hop::Local
            | Hop::Gateway(_)
            | Hop::Attachment(_)
            | Hop::Blackhole(_)
            | Hop::Unread(_) => None,
        }));
    }
    for gateway in network.gateways.values() {
        match gateway.kind {
            GatewayKind::SourceNat { endpoint, .. }
            | GatewayKind::Service { endpoint }
            | GatewayKind::Inspection { endpoint } => {
                named.insert(endpoint);
            }
            GatewayKind::Internet { .. }
            | GatewayKind::EgressOnly { .. }
            | GatewayKind::Peering { .. }
            | GatewayKind::Transit
            | GatewayKind::Tunnel { .. }
            | GatewayKind::Surroundings { .. }
            | GatewayKind::Opaque(_) => {}
        }
    }
    let mut of_virtual = BTreeSet::new();
    for front in network.fronts.values() {
        let is_virtual = |id: &EndpointId| network.at_sender.contains_key(id);
        if front.endpoints.iter().all(is_virtual) && !network.at_sender.is_empty() {
            of_virtual.extend(front.listeners.iter().flat_map(|one| &one.target_groups).copied());
            continue;
        }
        named.extend(&front.endpoints);
    }
    for (id, group) in network.target_groups.iter() {
        if of_virtual.contains(&id) {
            continue;
        }
        named.extend(group.targets.iter().filter_map(|target| match target.end {
            TargetEnd::Endpoint(endpoint, _) => Some(endpoint),
            TargetEnd::Address(_)
            | TargetEnd::Front(_)
            | TargetEnd::Workload(_)
            | TargetEnd::Unread(_) => None,
        }));
    }
    named
}

/// Addresses that endpoints of the estate have on the internet, and realms' own space.
fn estate_space(network: &Network) -> AddressSet {
    let hosts = network.endpoints.values().flat_map(|endpoint| {
        let public = endpoint.public.iter().map(|(_, public)| *public);
        let own = endpoint.addresses.iter().copied();
        public.chain(own.filter(|address| is_public(*address)))
    });
    // A realm's own space is its own even where it is public (IPv6) and nobody has the address.
    let realms = network.realms.values().flat_map(|realm| realm.prefixes.iter().copied());
    AddressSet::from_prefixes(hosts.map(Prefix::host).chain(realms))
}

/// The fewest parts of the internet that rules and routes tell apart, without the estate's own
/// addresses.
fn internet_atoms(atoms: &AddressAtoms, estate: &AddressSet) -> Vec<OutsideAtom> {
    let public = public_space().difference(estate);
    parts(atoms, &public)
}

/// The fewest parts of space that is neither public nor local to a realm.
fn private_atoms(network: &Network, atoms: &AddressAtoms) -> Vec<OutsideAtom> {
    let local = network.realms.values().flat_map(|realm| realm.prefixes.iter().copied());
    let known = public_space().union(&AddressSet::from_prefixes(local)).union(&not_unicast());
    parts(atoms, &known.complement())
}

/// Whether the internet is met only as a part of a realm's surroundings: nothing leads to it as
/// such.
pub(crate) fn is_internet_around(network: &Network) -> bool {
    let mut kinds = network.gateways.values().map(|gateway| &gateway.kind);
    let all = || network.gateways.values().map(|gateway| &gateway.kind);
    kinds.any(|kind| matches!(kind, GatewayKind::Surroundings { .. }))
        && !all().any(|kind| {
            matches!(kind, GatewayKind::Internet { .. } | GatewayKind::EgressOnly { .. })
        })
}

/// The fewest parts of everything that is not local to a realm; IPv6 only where the realm has it.
fn surrounding_atoms(network: &Network, realm: RealmId, atoms: &AddressAtoms) -> Vec<OutsideAtom> {
    let prefixes = &network.realms[realm].prefixes;
    let has_v6 = prefixes.iter().any(|prefix| prefix.family() == Family::V6);
    let all = if has_v6 { AddressSet::all() } else { AddressSet::all_v4() };
    parts(atoms, &all.difference(&AddressSet::from_prefixes(prefixes.iter().copied())))
}

fn parts(atoms: &AddressAtoms, space: &AddressSet) -> Vec<OutsideAtom> {
    let mut found: Vec<OutsideAtom> = atoms
        .classes_in_set(space)
        .into_iter()
        .filter_map(|atom| {
            let addresses = atoms.addresses(atom).intersection(space);
            let representative = addresses.first()?;
            Some(OutsideAtom { representative, prefixes: addresses.prefixes() })
        })
        .collect();
    found.sort();
    found
}

/// The space for which [`is_public`] holds.
pub(crate) fn public_space() -> AddressSet {
    let special = [
        "0.0.0.0/8",
        "10.0.0.0/8",
        "127.0.0.0/8",
        "224.0.0.0/3",
        "100.64.0.0/10",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
    ];
    let special = AddressSet::from_prefixes(special.iter().filter_map(|text| text.parse().ok()));
    let global_v6 = AddressSet::from_prefixes("2000::/3".parse::<Prefix>());
    AddressSet::all_v4().difference(&special).union(&global_v6)
}

/// What no host has: multicast, loopback, link-local and unspecified space.
fn not_unicast() -> AddressSet {
    let prefixes = [
        "0.0.0.0/8",
        "127.0.0.0/8",
        "224.0.0.0/3",
        "169.254.0.0/16",
        "::/8",
        "fe80::/10",
        "ff00::/8",
        "100::/8",
        "64:ff9b::/96",
    ];
    AddressSet::from_prefixes(prefixes.iter().filter_map(|text| text.parse().ok()))
}

/// Whether private networks outside are reached from a network: any address may be one of theirs.
pub fn leads_outside(network: &Network) -> bool {
    !outsides(network).is_empty()
}

/// By what networks outside of the estate are reached.
fn outsides(network: &Network) -> Vec<OutsideBy> {
    let gateways = network.gateways.iter().filter_map(|(id, gateway)| {
        let leads_out = match &gateway.kind {
            GatewayKind::Tunnel { realm, .. } => realm.is_some(),
            GatewayKind::Surroundings { .. } => true,
            GatewayKind::Peering { sides, .. } => sides.iter().flatten().count() == 1,
            GatewayKind::Internet { .. }
            | GatewayKind::EgressOnly { .. }
            | GatewayKind::SourceNat { .. }
            | GatewayKind::Transit
            | GatewayKind::Service { .. }
            | GatewayKind::Inspection { .. }
            | GatewayKind::Opaque(_) => false,
        };
        (leads_out && gateway.available).then_some(OutsideBy::Gateway(id))
    });
    let attachments = network.attachments.iter().filter_map(|(id, attachment)| {
        let leads_out = match &attachment.attached {
            Attached::Outside(_) | Attached::Peer(None) | Attached::Realm { realm: None, .. } => {
                true
            }
            Attached::Realm { .. } | Attached::Peer(Some(_)) | Attached::Opaque(_) => false,
        };
        (leads_out && attachment.available).then_some(OutsideBy::Attachment(id))
    });
    gateways.chain(attachments).collect()
}
