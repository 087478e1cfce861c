//! Whom addresses mean in the cluster: pods by the addresses that the input tells of them, and perhaps
//! those of which it tells none.

use std::net::{IpAddr, Ipv4Addr};

use watertight_model::Name;
use watertight_model::network::{AddressList, ListContent, Peer};
use watertight_net::{AddressSet, Family, FlowSet, PortSet, Prefix};

use super::Lowering;
use super::peers::PortKey;
use crate::flows::to_ports;
use crate::policy::{PeerSpec, Peers, PolicyRule};
use crate::workloads::Pod;

/// Addresses of those that are meant for sure, and of those that perhaps are; in the cluster the
/// made-up ones.
#[derive(Clone, Debug, Default)]
pub(super) struct Inside {
    pub(super) sure: AddressSet,
    pub(super) perhaps: AddressSet,
}

/// The addresses that the input tells of pods.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// In order, with the numbers of the pods.
    by_address: Vec<(IpAddr, usize)>,
    /// The made-up addresses, over IPv4 and IPv6, of the pods of which some are told.
    made_up: [AddressSet; 2],
}

impl Told {
    pub(super) fn of(pods: &[Pod]) -> Self {
        let mut found = Self::default();
        for (number, pod) in pods.iter().enumerate() {
            found.by_address.extend(pod.place.addresses.iter().map(|address| (*address, number)));
        }
        let has_some =
            |number: &usize| pods.get(*number).is_some_and(|pod| !pod.place.addresses.is_empty());
        found.made_up = [Family::V4, Family::V6].map(|family| {
            let numbers = (0..pods.len()).filter(has_some);
            AddressSet::from_prefixes(numbers.map(|number| made_up_address(number, family)))
        });
        found.by_address.sort_unstable();
        found
    }

    /// The numbers of the pods with an address among some.
    fn within<'t>(&'t self, addresses: &'t AddressSet) -> impl Iterator<Item = usize> + 't {
        addresses.ranges().flat_map(|range| {
            let first = self.by_address.partition_point(|(one, _)| *one < range.first());
            let rest = self.by_address.get(first..).unwrap_or_default().iter();
            rest.take_while(move |(one, _)| *one <= range.last()).map(|(_, number)| *number)
        })
    }
}

impl Lowering<'_> {
    /// The peers that mean whoever has one of these addresses.
    ///
    /// What covers a whole family means everybody in the cluster who has an address of it.
    pub(super) fn holder_peers(&mut self, addresses: &AddressSet, text: &Name) -> Vec<Peer> {
        let key = (addresses.clone(), text.clone());
        if let Some(known) = self.peers.holders.get(&key) {
            return known.clone();
        }
        let Inside { sure, perhaps } = self.inside(addresses);
        let known = addresses.difference(&self.own_space()).union(&sure);
        let peers = self.list_peers(known, perhaps, text);
        self.peers.holders.insert(key, peers.clone());
        peers
    }

    /// The peers of a rule for what goes out that have an address which it means and a port of this
    /// name, with the number that they give it.
    pub(super) fn named_holder_pairs(
        &mut self,
        rule: &PolicyRule,
        ports: impl Iterator<Item = PortKey>,
    ) -> Vec<(Peer, FlowSet)> {
        let Peers::Listed(listed) = &rule.peers else { return Vec::new() };
        let of_addresses: Vec<(Inside, Name)> = listed
            .iter()
            .filter_map(|peer| match peer {
                PeerSpec::Holders(addresses, text) => Some((self.inside(addresses), text.clone())),
                PeerSpec::HostPods(text) => {
                    let perhaps = self.made_up_of(|class| class.host_network);
                    Some((Inside { sure: AddressSet::empty(), perhaps }, text.clone()))
                }
                PeerSpec::But(.., text) | PeerSpec::If(_, text) => {
                    Some((self.resolved(peer).inside, text.clone()))
                }
                PeerSpec::Pods(_)
                | PeerSpec::Addresses(..)
                | PeerSpec::SomeAddresses(_)
                | PeerSpec::Unread(_) => None,
            })
            .collect();
        if of_addresses.is_empty() {
            return Vec::new();
        }
        let mut found = Vec::new();
        for port in ports {
            let having = self.made_up_of(|class| {
                class.ports.iter().any(|one| {
                    one.name == port.name
                        && one.protocol == port.protocol
                        && one.number == port.number
                })
            });
            let flows = to_ports(port.protocol, PortSet::single(port.number));
            for (inside, text) in &of_addresses {
                let text = Name::from(format!("{text} with the port {}", port.name));
                let sure = inside.sure.intersection(&having);
                let perhaps = inside.perhaps.intersection(&having);
                let peers = self.list_peers(sure, perhaps, &text).into_iter();
                found.extend(peers.map(|peer| (peer, flows.clone())));
            }
        }
        found
    }

    /// The peer that perhaps means pods on their host's network; nothing where there are none.
    pub(super) fn host_pods_peer(&mut self, text: &Name) -> Vec<Peer> {
        let hosts = self.made_up_of(|class| class.host_network);
        self.list_peers(AddressSet::empty(), hosts, text)
    }

    pub(super) fn list_peers(
        &mut self,
        sure: AddressSet,
        perhaps: AddressSet,
        text: &Name,
    ) -> Vec<Peer> {
        let mut contents = Vec::new();
        if !sure.is_empty() {
            contents.push(ListContent::Known(sure.prefixes()));
        }
        if !perhaps.is_empty() {
            contents.push(ListContent::Unread(perhaps));
        }
        let lists = &mut self.estate.network.lists;
        let each = contents.into_iter().map(|content| {
            Peer::List(lists.push(AddressList { name: text.clone(), content, origin: None }))
        });
        each.collect()
    }

    /// Who in the cluster has one of these addresses.
    pub(super) fn inside(&self, addresses: &AddressSet) -> Inside {
        let mut found = Inside::default();
        for (family, whole) in
            [(Family::V4, AddressSet::all_v4()), (Family::V6, AddressSet::all_v6())]
        {
            let meant = addresses.of_family(family);
            let own = self.own_space().of_family(family);
            if meant == whole {
                found.sure = found.sure.union(&own);
                continue;
            }
            if meant.is_empty() {
                continue;
            }
            let made_up = |number: usize| made_up_address(number, family);
            let sure = AddressSet::from_prefixes(self.told.within(&meant).map(made_up));
            found.sure = found.sure.union(&sure);
            if family == Family::V6 || !meant.intersection(&private_v4()).is_empty() {
                let [of_v4, of_v6] = &self.told.made_up;
                let told = if family == Family::V4 { of_v4 } else { of_v6 };
                found.perhaps = found.perhaps.union(&own.difference(told));
            }
        }
        found
    }

    /// The made-up addresses of the pods of some classes.
    pub(super) fn made_up_of(&self, is_one: impl Fn(&super::PodClass) -> bool) -> AddressSet {
        let families = if self.has_v6 { vec![Family::V4, Family::V6] } else { vec![Family::V4] };
        let mut found = Vec::new();
        for (number, class) in self.class_of_pod.iter().enumerate() {
            if self.classes.get(*class).is_some_and(&is_one) {
                found.extend(families.iter().map(|family| made_up_address(number, *family)));
            }
        }
        AddressSet::from_prefixes(found)
    }
}

/// Where pods of which no address is told may have theirs over IPv4: in private space (RFC 1918, RFC
/// 6598), or in what else is not routed in public and providers give to pods (RFC 2544, RFC 1112). A
/// prefix of public addresses is not taken for one of theirs.
fn private_v4() -> AddressSet {
    let all = [
        (Ipv4Addr::new(10, 0, 0, 0), 8),
        (Ipv4Addr::new(172, 16, 0, 0), 12),
        (Ipv4Addr::new(192, 168, 0, 0), 16),
        (Ipv4Addr::new(100, 64, 0, 0), 10),
        (Ipv4Addr::new(198, 18, 0, 0), 15),
        (Ipv4Addr::new(240, 0, 0, 0), 4),
    ];
    let each = all.into_iter();
    AddressSet::from_prefixes(
        each.filter_map(|(first, length)| Prefix::masked(IpAddr::V4(first), length).ok()),
    )
}

/// The address that a pod gets by its number.
fn made_up_address(number: usize, family: Family) -> Prefix {
    let number = u32::try_from(number).unwrap_or(u32::MAX).saturating_add(super::FIRST_POD);
    Prefix::host(super::made_up(number, family))
}
