//! The addresses at which classes are reached, numbered.

use std::collections::BTreeSet;
use std::net::IpAddr;

use rustc_hash::FxHashMap;
use watertight_model::Network;
use watertight_model::network::{EndpointId, GuardId, SubnetId};
use watertight_net::{Family, Prefix};

use super::egress::{Name, Touching};
use super::positions::{LayerLists, LayersId};
use crate::answer::Reach;
use crate::classes::{Class, addresses};
use crate::matrix::ClassIndex;
use crate::path::OutsideBy;

/// One address at which a class is reached.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) class: ClassIndex,
    /// The address that is dialled.
    pub(super) address: IpAddr,
    /// The address behind it, where the dialled one is public and stands for another.
    pub(super) private: Option<IpAddr>,
    pub(super) endpoint: Option<EndpointId>,
    /// Another member of the class with its own address of the same kind, to ask about members of
    /// one class among each other.
    pub(super) another: Option<(EndpointId, IpAddr)>,
    pub(super) subnet: Option<SubnetId>,
    pub(super) layers: LayersId,
    /// What an outside network is reached by.
    pub(super) outside: Option<OutsideBy>,
}

impl Target {
    pub(super) fn family(&self) -> Family {
        Family::of(self.address)
    }

    /// The endpoint and address to ask about when `sender` sends: another member when it is the
    /// first one itself; none when there is no other.
    pub(super) fn other_than(
        &self,
        sender: Option<EndpointId>,
    ) -> Option<(Option<EndpointId>, IpAddr)> {
        if self.endpoint.is_none() || self.endpoint != sender {
            return Some((self.endpoint, self.address));
        }
        self.another.map(|(endpoint, address)| (Some(endpoint), address))
    }
}

/// Targets by how rules name them.
#[derive(Debug)]
pub(super) struct Named {
    by_guard: FxHashMap<GuardId, Vec<usize>>,
    by_address: Vec<(IpAddr, usize)>,
    /// Those of which the input does not tell all guards.
    doubtful: Vec<usize>,
}

impl Named {
    pub(super) fn new(network: &Network, targets: &[Target]) -> Self {
        let mut found =
            Self { by_guard: FxHashMap::default(), by_address: Vec::new(), doubtful: Vec::new() };
        for (number, target) in targets.iter().enumerate() {
            found.by_address.push((target.address, number));
            let Some(endpoint) = target.endpoint else { continue };
            let layers = &network.endpoints[endpoint].layers;
            let layers = || layers.iter().map(|layer| &network.layers[*layer]);
            for guard in layers().flat_map(|layer| &layer.guards) {
                found.by_guard.entry(*guard).or_default().push(number);
            }
            if !layers().all(|layer| layer.complete) {
                found.doubtful.push(number);
            }
        }
        found.by_address.sort_unstable();
        found
    }

    /// The targets that are meant.
    pub(super) fn meant(&self, network: &Network, touching: &Touching) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        let within = |prefix: Prefix, found: &mut BTreeSet<usize>| {
            let all = &self.by_address;
            let first = all.partition_point(|(address, _)| *address < prefix.first());
            let last = all.partition_point(|(address, _)| *address <= prefix.last());
            let within = all.get(first..last).unwrap_or_default();
            found.extend(within.iter().map(|(_, number)| number));
        };
        for name in &touching.names {
            match name {
                Name::Member(guard) => found.extend(self.by_guard.get(guard).into_iter().flatten()),
                Name::Prefix(prefix) => within(*prefix, &mut found),
                Name::List(list) => {
                    let content = addresses(&network.lists[*list].content);
                    content.prefixes().into_iter().for_each(|one| within(one, &mut found));
                }
            }
        }
        if touching.doubtful {
            found.extend(&self.doubtful);
        }
        found
    }
}

/// Every address of every class, in the order of classes.
pub(super) fn targets(reach: &Reach<'_>, classes: &[Class], lists: &mut LayerLists) -> Vec<Target> {
    let mut found: Vec<Target> = Vec::with_capacity(classes.len());
    for (class, content) in classes.iter().enumerate() {
        match content {
            Class::Endpoints(members) => {
                let Some(first) = members.first() else { continue };
                of_endpoint(reach, class, *first, members.get(1).copied(), lists, &mut found);
            }
            Class::Internet(atom) => {
                found.push(outside(class, atom.representative, None, lists));
            }
            Class::Outside(by, atom) => {
                found.push(outside(class, atom.representative, Some(*by), lists));
            }
        }
    }
    found
}

fn of_endpoint(
    reach: &Reach<'_>,
    class: ClassIndex,
    first: EndpointId,
    second: Option<EndpointId>,
    lists: &mut LayerLists,
    found: &mut Vec<Target>,
) {
    let endpoints = &reach.network.endpoints;
    let (content, other) = (&endpoints[first], second.map(|id| (id, &endpoints[id])));
    let target = |address, private, another| Target {
        class,
        address,
        private,
        endpoint: Some(first),
        another,
        subnet: content.subnet,
        layers: 0,
        outside: None,
    };
    let from = found.len();
    for (place, address) in content.addresses.iter().enumerate() {
        let another = other.and_then(|(id, other)| Some((id, *other.addresses.get(place)?)));
        found.push(target(*address, None, another));
    }
    for (place, (private, public)) in content.public.iter().enumerate() {
        if content.addresses.contains(public) {
            continue;
        }
        let another = other.and_then(|(id, other)| Some((id, other.public.get(place)?.1)));
        found.push(target(*public, Some(*private), another));
    }
    let layers = lists.intern(&content.layers);
    found.iter_mut().skip(from).for_each(|target| target.layers = layers);
}

fn outside(
    class: ClassIndex,
    address: IpAddr,
    by: Option<OutsideBy>,
    lists: &mut LayerLists,
) -> Target {
    Target {
        class,
        address,
        private: None,
        endpoint: None,
        another: None,
        subnet: None,
        layers: lists.intern(&[]),
        outside: by,
    }
}
