//! Who is at an address, as a guard in a realm sees it.

use std::collections::BTreeMap;
use std::sync::Arc;

use watertight_model::network::{
    Endpoint, EndpointId, EndpointRole, FrontId, ListId, RealmId, TargetEnd,
};
use watertight_model::{ArenaId, Estate, Network, Truth};
use watertight_net::{AddressSet, FlowSet, PortSet, Prefix, Protocol};

use super::numbered::Numbered;
use super::shared;
use crate::checked::{self, Conditions, Peer};
use crate::decide::compile::Decider;
use crate::decide::ends::{End, Seen, Who};
use crate::decide::internet::METADATA;

/// Workloads that the policy does not tell apart.
pub(super) struct Alike {
    /// The group of each workload.
    pub(super) of: Vec<usize>,
    /// One workload of each group.
    one: Vec<usize>,
    /// By group, whether a front makes it a group of its own.
    alone: Vec<bool>,
}

impl Alike {
    pub(super) fn new(decider: &Decider<'_>) -> Self {
        let peers: Vec<&Peer> = telling_peers(decider);
        let mut alone = vec![false; decider.world.workloads.len()];
        for front in &decider.world.fronts {
            let targets = front.listeners.iter().flat_map(|one| &one.targets);
            let targets = targets.chain(&front.health).map(|target| target.workload);
            for place in targets.chain([front.workload]) {
                if let Some(one) = alone.get_mut(place) {
                    *one = true;
                }
            }
        }
        let mut numbers = BTreeMap::new();
        let (mut of, mut one, mut alone_of) = (Vec::new(), Vec::new(), Vec::new());
        for (place, is_alone) in alone.into_iter().enumerate() {
            let class = decider.class_of(place);
            let address = class.map_or(0, |class| Arc::as_ptr(class).addr());
            let end = End::workload(vec![place]);
            let selectors = class.map_or(&[][..], |class| &*class.selectors);
            let seen =
                Seen { end: &end, selectors, asker: None, bindings: &[], now: Decider::BEFORE_ALL };
            let truths: Vec<Truth> = peers
                .iter()
                .map(|peer| decider.any_peer(std::slice::from_ref(*peer), seen))
                .collect();
            let key = (address, truths, is_alone.then_some(place));
            let number = *numbers.entry(key).or_insert_with(|| {
                one.push(place);
                alone_of.push(is_alone);
                one.len() - 1
            });
            of.push(number);
        }
        Self { of, one, alone: alone_of }
    }

    /// How many groups there are.
    pub(super) fn len(&self) -> usize {
        self.one.len()
    }

    /// One workload of a group.
    pub(super) fn sample(&self, group: usize) -> Option<usize> {
        self.one.get(group).copied()
    }

    /// Whether a front tells a workload from all others.
    pub(super) fn is_alone(&self, group: usize) -> bool {
        self.alone.get(group).copied().unwrap_or(true)
    }

    /// The workloads of each group, by place.
    pub(super) fn groups(&self) -> Vec<Vec<usize>> {
        let mut groups = vec![Vec::new(); self.one.len()];
        for (place, group) in self.of.iter().enumerate() {
            if let Some(group) = groups.get_mut(*group) {
                group.push(place);
            }
        }
        groups
    }

    /// The end that stands for workloads of some groups.
    pub(super) fn end(&self, groups: &[usize]) -> End {
        End::workload(groups.iter().filter_map(|group| self.one.get(*group)).copied().collect())
    }
}

fn peers<'d>(decider: &'d Decider<'_>) -> impl Iterator<Item = &'d Peer> {
    let rules = decider.policy.policies.iter().flat_map(|policy| &policy.rules);
    rules.flat_map(|rule| rule.from.iter().chain(&rule.to).chain(&rule.through))
}

/// The peers that tell workloads apart by more than their labels. Whether somebody asks the resolver of
/// its own network tells nobody apart where no workload is at that resolver's address.
fn telling_peers<'d>(decider: &'d Decider<'_>) -> Vec<&'d Peer> {
    let places = || decider.world.workloads.iter().flat_map(|one| &one.places);
    let is_held = |asks: &Conditions| {
        let (Some(addresses), Some(network)) = (&asks.addresses, &asks.network) else {
            return true;
        };
        let mut there = places().filter(|place| place.network.as_ref() == Some(network));
        there.any(|place| addresses.contains(place.address))
    };
    let mut found = Vec::new();
    for rule in decider.policy.policies.iter().flat_map(|policy| &policy.rules) {
        let mut to = rule.to.iter();
        let nobody_is_there = |peer: &Peer| conditions(peer).is_some_and(|asks| !is_held(asks));
        let is_plain =
            |peer: &Peer| conditions(peer).is_some_and(|asks| !asks.residents.is_empty());
        if rule.from.iter().any(is_plain) && to.all(nobody_is_there) {
            continue;
        }
        let peers = rule.from.iter().chain(&rule.to).chain(&rule.through);
        found.extend(peers.filter(|peer| asks_addresses(peer)));
    }
    found
}

fn conditions(peer: &Peer) -> Option<&Conditions> {
    match &peer.end {
        checked::End::Conditions(conditions) => Some(conditions),
        checked::End::Any | checked::End::Internet => None,
    }
}

fn asks_addresses(peer: &Peer) -> bool {
    conditions(peer).is_some_and(|asks| {
        asks.addresses.is_some()
            || asks.network.is_some()
            || !asks.residents.is_empty()
            || !asks.users.is_empty()
    })
}

/// From where addresses are seen: one realm with an address that somebody elsewhere has too, or any
/// of the others, to which all addresses mean the same.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub(super) struct View(Option<RealmId>);

impl View {
    /// The views of realms.
    pub(super) fn of_realms(network: &Network) -> BTreeMap<RealmId, Self> {
        let mut own: BTreeMap<Option<RealmId>, Vec<Prefix>> = BTreeMap::new();
        for (id, endpoint) in network.endpoints.iter() {
            let realm = realm_of(network, endpoint);
            own.entry(realm).or_default().extend(private(endpoint).prefixes());
            let elsewhere = own.entry(None).or_default();
            elsewhere.extend(endpoint.public.iter().map(|(_, outer)| Prefix::host(*outer)));
            if let Some(unaddressed) = network.unaddressed.get(&id) {
                elsewhere.extend(unaddressed.public.prefixes());
            }
        }
        let own: Vec<(Option<RealmId>, AddressSet)> = own
            .into_iter()
            .map(|(realm, prefixes)| (realm, AddressSet::from_prefixes(prefixes)))
            .collect();
        let shared = shared(own.iter().map(|(_, addresses)| addresses));
        let views = own.into_iter().filter_map(|(realm, addresses)| {
            let is_apart = addresses.intersects(&shared);
            Some((realm?, Self(realm.filter(|_| is_apart))))
        });
        views.collect()
    }
}

/// Addresses behind which a guard sees one end.
pub(super) struct AtAddresses {
    pub(super) addresses: AddressSet,
    pub(super) end: End,
    /// The fronts that are there and keep their clients' addresses.
    pub(super) fronts: Vec<FrontId>,
}

/// One who is seen, with the lists of addresses by which guards name it.
pub(super) struct Seeable {
    /// The number of the end.
    pub(super) number: usize,
    pub(super) fronts: Vec<FrontId>,
    /// Where it is for sure, and where it may be; the lists are made when a guard names them.
    pub(super) at: [(AddressSet, Option<ListId>); 2],
}

/// Who is where, as guards see it.
pub(super) struct Peers {
    pub(super) list: Vec<Seeable>,
}

/// Who is where, before ends are numbered.
pub(super) struct PeersByEnd(Vec<AtAddresses>);

impl PeersByEnd {
    /// Ends by number, and addresses of several of them apart from the others.
    pub(super) fn numbered(self, ends: &mut Numbered<'_>) -> Peers {
        let shared = shared(self.0.iter().map(|peer| &peer.addresses));
        let list = self.0.into_iter().map(|peer| Seeable {
            number: ends.of(peer.end),
            fronts: peer.fronts,
            at: [peer.addresses.difference(&shared), peer.addresses.intersection(&shared)]
                .map(|addresses| (addresses, None)),
        });
        Peers { list: list.collect() }
    }
}

impl Peers {
    pub(super) fn seen_in(
        View(realm): View,
        (estate, behind): (&Estate, &Behind),
        decider: &Decider<'_>,
        alike: &Alike,
    ) -> PeersByEnd {
        let network = &estate.network;
        let mut own = Known::default();
        let mut far = Known::default();
        for (id, endpoint) in network.endpoints.iter() {
            let groups = groups(behind, id, endpoint, alike);
            let fronts = keeping(network, endpoint);
            let is_own = realm.is_some() && realm_of(network, endpoint) == realm;
            let here = if is_own { &mut own } else { &mut far };
            here.add(&groups, &fronts, &private(endpoint));
            let public = endpoint.public.iter().map(|(_, outer)| Prefix::host(*outer));
            far.add(&groups, &fronts, &AddressSet::from_prefixes(public));
            if let Some(unaddressed) = network.unaddressed.get(&id) {
                far.add(&groups, &fronts, &unaddressed.public);
            }
        }
        // An address of the own realm is the own realm's, whoever else has it elsewhere.
        let nearer = own.all();
        let held = nearer.union(&far.all());
        let mut list = own.list(alike, None);
        list.extend(far.list(alike, Some(&nearer)));
        let ranges = network.realms.values().flat_map(|realm| realm.prefixes.iter().copied());
        let ranges = AddressSet::from_prefixes(ranges);
        let unknown = End { who: Who::Unknown, places: Vec::new(), groups: None };
        let free = ranges.difference(&held);
        list.push(AtAddresses { addresses: free, end: unknown, fronts: Vec::new() });
        let services: AddressSet = network
            .unaddressed
            .values()
            .fold(AddressSet::empty(), |all, one| all.union(&one.public));
        let certain = held.difference(&services);
        for addresses in
            outside(&AddressSet::all().difference(&ranges).difference(&certain), decider)
        {
            let end = End::outside(addresses.clone());
            list.push(AtAddresses { addresses, end, fronts: Vec::new() });
        }
        list.retain(|peer| !peer.addresses.is_empty());
        PeersByEnd(list)
    }
}

/// Addresses by the groups of the workloads that may be there, and the fronts.
#[derive(Default)]
struct Known(BTreeMap<(Vec<usize>, Vec<FrontId>), Vec<Prefix>>);

impl Known {
    fn add(&mut self, groups: &[usize], fronts: &[FrontId], addresses: &AddressSet) {
        if !addresses.is_empty() {
            let key = (groups.to_vec(), fronts.to_vec());
            self.0.entry(key).or_default().extend(addresses.prefixes());
        }
    }

    fn all(&self) -> AddressSet {
        AddressSet::from_prefixes(self.0.values().flatten().copied())
    }

    fn list(self, alike: &Alike, without: Option<&AddressSet>) -> Vec<AtAddresses> {
        let each = self.0.into_iter();
        each.map(|((groups, fronts), prefixes)| {
            let all = AddressSet::from_prefixes(prefixes);
            let addresses = without.map_or_else(|| all.clone(), |near| all.difference(near));
            AtAddresses { addresses, end: alike.end(&groups), fronts }
        })
        .collect()
    }
}

fn private(endpoint: &Endpoint) -> AddressSet {
    let own = endpoint.addresses.iter().map(|address| Prefix::host(*address));
    AddressSet::from_prefixes(own.chain(endpoint.delegated.iter().copied()))
}

/// The realm in which an endpoint is.
pub(super) fn realm_of(network: &Network, endpoint: &Endpoint) -> Option<RealmId> {
    network.subnets.get(endpoint.subnet?).map(|subnet| subnet.realm)
}

/// The workloads that send under an endpoint's address beside its own, where there are any.
pub(super) type Behind = BTreeMap<EndpointId, Vec<usize>>;

/// Who sends under others' addresses.
pub(super) fn behind(estate: &Estate) -> Behind {
    let network = &estate.network;
    let mut behind = Behind::new();
    for (guest, uplink) in &network.uplinks {
        if let Some(guest) = network.endpoints.get(*guest) {
            behind.entry(uplink.by).or_default().push(guest.workload.index());
        }
    }
    for (id, endpoint) in network.endpoints.iter() {
        if !matches!(endpoint.role, EndpointRole::Translator(_)) {
            continue;
        }
        // Whoever is in the realm may send through its translator.
        let realm = realm_of(network, endpoint);
        let mates = network.endpoints.values().filter(|one| realm_of(network, one) == realm);
        behind.entry(id).or_default().extend(mates.map(|mate| mate.workload.index()));
    }
    behind
}

/// The groups of the workloads that may be at an endpoint's address.
fn groups(behind: &Behind, id: EndpointId, endpoint: &Endpoint, alike: &Alike) -> Vec<usize> {
    let own = endpoint.workload.index();
    let all = behind.get(&id).into_iter().flatten().copied().chain([own]);
    let mut groups: Vec<usize> = all.filter_map(|place| alike.of.get(place)).copied().collect();
    groups.sort_unstable();
    groups.dedup();
    groups
}

/// The front of an endpoint, where it keeps its clients' addresses.
fn keeping(network: &Network, endpoint: &Endpoint) -> Vec<FrontId> {
    match endpoint.role {
        EndpointRole::Front(front) if keeps_sources(network, endpoint) => vec![front],
        _ => Vec::new(),
    }
}

/// Whether an endpoint is a front's all of whose targets see their clients' addresses.
pub(super) fn keeps_sources(network: &Network, endpoint: &Endpoint) -> bool {
    let EndpointRole::Front(front) = endpoint.role else { return false };
    let Some(front) = network.fronts.get(front) else { return false };
    let ids = front.listeners.iter().flat_map(|listener| &listener.target_groups);
    let mut groups = ids.filter_map(|id| network.target_groups.get(*id)).peekable();
    groups.peek().is_some() && groups.all(|group| group.preserves_source)
}

/// What leads on from fronts that keep their clients' addresses: what they listen on, to which
/// workload, and what is sent there.
pub(super) fn led_by(estate: &Estate, fronts: &[FrontId]) -> Vec<(FlowSet, usize, FlowSet)> {
    let network = &estate.network;
    let mut led = Vec::new();
    for front in fronts.iter().filter_map(|id| network.fronts.get(*id)) {
        for listener in &front.listeners {
            let groups = listener.target_groups.iter();
            for group in groups.filter_map(|id| network.target_groups.get(*id)) {
                for target in &group.targets {
                    let TargetEnd::Endpoint(endpoint, _) = target.end else { continue };
                    let Some(endpoint) = network.endpoints.get(endpoint) else { continue };
                    let sent = target.port.map_or_else(FlowSet::none, |port| {
                        listener.flows.protocols().fold(FlowSet::none(), |all, protocol| {
                            all.union(&to_port(protocol, port))
                        })
                    });
                    if !sent.is_empty() {
                        led.push((listener.flows.clone(), endpoint.workload.index(), sent));
                    }
                }
            }
        }
    }
    led
}

fn to_port(protocol: Protocol, port: u16) -> FlowSet {
    if protocol.has_ports() {
        FlowSet::ports(protocol, PortSet::full(), PortSet::single(port))
    } else {
        FlowSet::none()
    }
}

/// Addresses outside, cut where the policy tells them apart.
fn outside(space: &AddressSet, decider: &Decider<'_>) -> Vec<AddressSet> {
    let mut sets: Vec<AddressSet> = vec![decider.internet.clone(), METADATA.clone()];
    sets.push(decider.unnamed.clone());
    sets.extend(decider.world.services.values().cloned());
    let named = peers(decider).filter_map(conditions);
    sets.extend(named.filter_map(|asks| asks.addresses.as_deref().cloned()));
    let users = decider.policy.users.iter();
    sets.extend(users.map(|users| users.pools.clone()));
    let mut pieces = vec![space.clone()];
    for set in sets {
        let cut = |piece: AddressSet| {
            let pair = [piece.intersection(&set), piece.difference(&set)];
            pair.into_iter().filter(|part| !part.is_empty())
        };
        pieces = pieces.into_iter().flat_map(cut).collect();
    }
    pieces
}
