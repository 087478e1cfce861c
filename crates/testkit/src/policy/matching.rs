//! Ends against peers.

use std::net::IpAddr;

use watertight_net::Prefix;
use watertight_policy::Domain;
use watertight_policy::syntax::{
    AddressItem, Conditions, Document, DomainItem, Object, Peer, PeerEnd,
};

use super::workloads::{Labels, in_group, in_segment, selected};
use super::{Case, End, Place, Truth, Who, World, agreed, all, any};

/// Everything that an answer may rest on.
#[derive(Clone, Copy)]
pub(crate) struct Scene<'s> {
    pub(crate) documents: &'s [Document],
    pub(crate) world: &'s World,
    /// By workload.
    pub(crate) labels: &'s [Labels],
    pub(crate) case: &'s Case,
}

/// What keeps an address from the internet, and multicast and reserved space.
const SPECIAL: [&str; 11] = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "224.0.0.0/4",
    "240.0.0.0/4",
];

fn is_in(prefix: &str, address: IpAddr) -> bool {
    prefix.parse::<Prefix>().is_ok_and(|prefix| prefix.contains(address))
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(_) => !SPECIAL.iter().any(|special| is_in(special, address)),
        IpAddr::V6(_) => is_in("2000::/3", address),
    }
}

/// Every address of a small prefix.
fn addresses(prefix: Prefix) -> Vec<IpAddr> {
    let mut addresses = Vec::new();
    let mut next = Some(prefix.first());
    while let Some(address) = next
        && prefix.contains(address)
    {
        addresses.push(address);
        next = match address {
            IpAddr::V4(v4) => u32::from(v4).checked_add(1).map(|bits| IpAddr::V4(bits.into())),
            IpAddr::V6(v6) => u128::from(v6).checked_add(1).map(|bits| IpAddr::V6(bits.into())),
        };
    }
    addresses
}

/// Whether any of the peers matches an end; `is_source` tells which end of the leg it is.
pub(crate) fn any_peer(scene: Scene<'_>, peers: &[Peer], end: &End, is_source: bool) -> Truth {
    any(peers.iter().map(|peer| match &peer.end {
        PeerEnd::Any => Some(true),
        PeerEnd::Internet => outside(end, |address| {
            let world = scene.world;
            let is_ours = world
                .workloads
                .iter()
                .flat_map(|workload| &workload.places)
                .any(|(network, own)| network.is_none() && *own == address);
            let services = world.services.values().flatten().chain(&world.service_space);
            let is_service = services.into_iter().any(|prefix| prefix.contains(address));
            is_public(address) && !is_ours && !is_service
        }),
        PeerEnd::Conditions(conditions) => matches(scene, conditions, end, is_source),
    }))
}

/// What all addresses of an outside end agree on; no for other ends.
fn outside(end: &End, test: impl Fn(IpAddr) -> bool) -> Truth {
    match &end.who {
        Who::Outside(prefix, _) => {
            agreed(addresses(*prefix).into_iter().map(|address| Some(test(address))))
        }
        Who::Workloads(_) | Who::Unknown => Some(false),
    }
}

/// What all the places that an end may be at agree on.
fn placed(scene: Scene<'_>, end: &End, test: impl Fn(&Place) -> bool) -> Truth {
    let places: Vec<Place> = match &end.who {
        Who::Outside(prefix, network) => {
            addresses(*prefix).into_iter().map(|address| (network.clone(), address)).collect()
        }
        _ if !end.places.is_empty() => end.places.clone(),
        Who::Workloads(workloads) => {
            let own = |workload: &usize| scene.world.workloads[*workload].places.clone();
            workloads.iter().flat_map(own).collect()
        }
        Who::Unknown => Vec::new(),
    };
    agreed(places.iter().map(|place| Some(test(place))))
}

/// What all the workloads that an end may be agree on. Outside there are none.
pub(crate) fn of_workloads(end: &End, test: impl Fn(usize) -> Truth) -> Truth {
    match &end.who {
        Who::Workloads(workloads) => agreed(workloads.iter().map(|workload| test(*workload))),
        Who::Outside(..) => Some(false),
        Who::Unknown => None,
    }
}

fn matches(scene: Scene<'_>, conditions: &Conditions, end: &End, is_source: bool) -> Truth {
    let documents = scene.documents;
    let mut parts = Vec::new();
    let Conditions { selector, segment, group, .. } = conditions;
    if selector.is_some() || segment.is_some() || group.is_some() {
        parts.push(of_workloads(end, |workload| {
            let labels = &scene.labels[workload];
            let selector = selector.iter().map(|one| selected(one, labels));
            let segment = segment.iter().map(|one| in_segment(documents, &one.value, labels));
            let group = group.iter().map(|one| in_group(documents, &one.value, labels));
            all(selector.chain(segment).chain(group))
        }));
    }
    let network = conditions.network.as_ref().map(|network| network.value.to_string());
    if !conditions.addresses.is_empty() || network.is_some() {
        let items: Vec<&AddressItem> = conditions.addresses.iter().map(|one| &one.value).collect();
        parts.push(placed(scene, end, |(here, address)| {
            let in_network = network.is_none() || *here == network;
            let is_held = items.iter().any(|item| holds(documents, item, *address));
            in_network && (items.is_empty() || is_held)
        }));
    }
    if !conditions.domains.is_empty() {
        let items: Vec<&DomainItem> = conditions.domains.iter().map(|one| &one.value).collect();
        parts.push(if is_source { Some(false) } else { bound(scene, &items, end) });
    }
    if !conditions.users.is_empty() {
        let names = conditions.users.iter();
        parts.push(any(names.map(|name| is_user(scene, &name.value, end))));
    }
    if !conditions.provider.is_empty() {
        let services = conditions.provider.iter();
        parts.push(any(services.map(|service| is_service(scene, &service.value, end))));
    }
    if conditions.metadata.is_some() {
        parts.push(outside(end, |address| {
            is_in("169.254.169.254/32", address) || is_in("fd00:ec2::254/128", address)
        }));
    }
    all(parts)
}

fn holds(documents: &[Document], item: &AddressItem, address: IpAddr) -> bool {
    match item {
        AddressItem::Prefix(prefix) => prefix.contains(address),
        AddressItem::Named(name) => documents.iter().any(|document| match &document.object {
            Object::Addresses(addresses) if document.metadata.name.value == *name => {
                addresses.prefixes.iter().any(|prefix| prefix.value.contains(address))
            }
            _ => false,
        }),
    }
}

fn covers(domain: &Domain, asked: &str) -> bool {
    if domain.is_wildcard() {
        asked.ends_with(&format!(".{}", domain.name())) && asked.len() > domain.name().len() + 1
    } else {
        asked == domain.name()
    }
}

fn is_named(documents: &[Document], item: &DomainItem, asked: &str) -> bool {
    match item {
        DomainItem::Domain(domain) => covers(domain, asked),
        DomainItem::Named(name) => documents.iter().any(|document| match &document.object {
            Object::Domains(domains) if document.metadata.name.value == *name => {
                domains.names.iter().any(|domain| covers(&domain.value, asked))
            }
            _ => false,
        }),
    }
}

/// Whether the asker was told the end's address for one of the names, and the answer still holds.
fn bound(scene: Scene<'_>, items: &[&DomainItem], end: &End) -> Truth {
    let Who::Workloads(askers) = &scene.case.source.who else { return Some(false) };
    agreed(askers.iter().map(|asker| {
        placed(scene, end, |(_, address)| {
            scene.case.bindings.iter().any(|(by, name, told, until)| {
                by == asker
                    && told == address
                    && scene.case.now < *until
                    && items.iter().any(|item| is_named(scene.documents, item, name))
            })
        })
    }))
}

fn is_user(scene: Scene<'_>, name: &str, end: &End) -> Truth {
    for document in scene.documents {
        if let Object::Users(users) = &document.object
            && *document.metadata.name.value == *name
        {
            let is_in = |group: &str| end.groups.iter().flatten().any(|own| own == group);
            if users.groups.iter().any(|group| is_in(&group.value)) {
                return Some(true);
            }
            if users.pools.is_empty() {
                return if end.groups.is_some() { Some(false) } else { None };
            }
            return placed(scene, end, |(_, address)| {
                users.pools.iter().any(|pool| holds(scene.documents, &pool.value, *address))
            });
        }
    }
    Some(false)
}

fn is_service(scene: Scene<'_>, name: &str, end: &End) -> Truth {
    if let Some(prefixes) = scene.world.services.get(name) {
        return outside(end, |address| prefixes.iter().any(|prefix| prefix.contains(address)));
    }
    // Nobody tells where it answers: at any public address that is nobody else's, maybe.
    let may_be = outside(end, |address| {
        let places = scene.world.workloads.iter().flat_map(|workload| &workload.places);
        let mut named = scene.world.services.values().flatten();
        let mut public = places.filter(|(network, _)| network.is_none());
        is_public(address)
            && !public.any(|(_, own)| *own == address)
            && !named.any(|prefix| prefix.contains(address))
    });
    if may_be == Some(false) { Some(false) } else { None }
}
