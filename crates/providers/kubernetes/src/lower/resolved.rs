//! Peers that are put together from others, as addresses: those of some but not of others, and those of
//! some where something else holds too.

use watertight_model::Name;
use watertight_model::network::Peer;
use watertight_net::{AddressSet, Prefix};

use super::Lowering;
use super::holders::Inside;
use super::peers::{PeerKey, describe};
use crate::policy::PeerSpec;
use crate::selector::{Hosts, PodSelector, Selector};

/// Whom a peer means, by addresses.
#[derive(Clone, Debug, Default)]
pub(super) struct Resolved {
    /// In the cluster the made-up addresses; beside a cloud the told ones too.
    pub(super) inside: Inside,
    /// Whether fronts, of which no labels are known, may be meant.
    fronts: bool,
    /// What may be anybody.
    anybody: Option<Name>,
}

impl Resolved {
    fn add(&mut self, other: Self) {
        self.inside.sure = self.inside.sure.union(&other.inside.sure);
        self.inside.perhaps = self.inside.perhaps.union(&other.inside.perhaps);
        self.fronts |= other.fronts;
        self.anybody = self.anybody.take().or(other.anybody);
    }

    /// These without others: who is perhaps among those is perhaps left.
    fn but(self, other: &Self) -> Self {
        let all = self.inside.sure.union(&self.inside.perhaps);
        let out = other.inside.sure.union(&other.inside.perhaps);
        let nobody = other.anybody.is_none();
        let sure = if nobody { self.inside.sure.difference(&out) } else { AddressSet::empty() };
        let perhaps = all.difference(&other.inside.sure).difference(&sure);
        Self { inside: Inside { sure, perhaps }, ..self }
    }

    /// These, perhaps.
    fn perhaps(self) -> Self {
        let perhaps = self.inside.sure.union(&self.inside.perhaps);
        Self { inside: Inside { sure: AddressSet::empty(), perhaps }, ..self }
    }
}

impl Lowering<'_> {
    /// The peers that mean whom a peer does that is put together.
    pub(super) fn resolved_peers(&mut self, peer: &PeerSpec, text: &Name) -> Vec<Peer> {
        if let Some(known) = self.peers.resolved.get(peer) {
            return known.clone();
        }
        let Resolved { inside, fronts, anybody } = self.resolved(peer);
        let text = self.said(peer, text);
        let mut found = self.list_peers(inside.sure, inside.perhaps, &text);
        if fronts {
            let selector = PodSelector::own(Selector::Everything, Selector::Nothing);
            found.push(self.pods_peer(PeerKey { selector, port: None }));
        }
        found.extend(anybody.map(Peer::Unread));
        self.peers.resolved.insert(peer.clone(), found.clone());
        found
    }

    /// How output calls whom a peer means: where something holds beside, whom, and what that is.
    fn said(&self, peer: &PeerSpec, text: &Name) -> Name {
        let PeerSpec::If(those, clause) = peer else { return text.clone() };
        let each = those.iter().map(|one| match one {
            PeerSpec::Pods(selector) => {
                let mut selector = selector.clone();
                if !self.has_hosts {
                    selector.hosts = Hosts::Too;
                }
                describe(&PeerKey { selector, port: None })
            }
            PeerSpec::Addresses(_, text)
            | PeerSpec::Holders(_, text)
            | PeerSpec::HostPods(text)
            | PeerSpec::SomeAddresses(text)
            | PeerSpec::Unread(text)
            | PeerSpec::But(.., text)
            | PeerSpec::If(_, text) => text.clone(),
        });
        let words: Vec<String> = each.map(|one| one.to_string()).collect();
        Name::from(format!("{}, {clause}", words.join(" or ")))
    }

    /// Whom a peer means, by addresses.
    pub(super) fn resolved(&self, peer: &PeerSpec) -> Resolved {
        match peer {
            PeerSpec::Pods(selector) => {
                let sure = self.addresses_of(selector);
                let fronts = selector.hosts != Hosts::Only;
                let inside = Inside { sure, perhaps: AddressSet::empty() };
                Resolved { inside, fronts, anybody: None }
            }
            PeerSpec::Addresses(addresses, _) => {
                let sure = addresses.difference(&self.own_space());
                let inside = Inside { sure, perhaps: AddressSet::empty() };
                Resolved { inside, ..Resolved::default() }
            }
            PeerSpec::Holders(addresses, _) => {
                let mut inside = self.inside(addresses);
                inside.sure = inside.sure.union(&addresses.difference(&self.own_space()));
                Resolved { inside, ..Resolved::default() }
            }
            PeerSpec::HostPods(_) => {
                let perhaps = self.made_up_of(|class| class.host_network);
                let inside = Inside { sure: AddressSet::empty(), perhaps };
                Resolved { inside, ..Resolved::default() }
            }
            PeerSpec::SomeAddresses(_) => {
                let perhaps = self.outside();
                let inside = Inside { sure: AddressSet::empty(), perhaps };
                Resolved { inside, ..Resolved::default() }
            }
            PeerSpec::Unread(text) => {
                Resolved { anybody: Some(text.clone()), ..Resolved::default() }
            }
            PeerSpec::But(those, others, _) => self.all_of(those).but(&self.all_of(others)),
            PeerSpec::If(those, text) => {
                let mut found = self.all_of(those).perhaps();
                found.anybody = found.anybody.map(|_| text.clone());
                found
            }
        }
    }

    fn all_of(&self, peers: &[PeerSpec]) -> Resolved {
        let mut found = Resolved::default();
        for peer in peers {
            found.add(self.resolved(peer));
        }
        found
    }

    /// The addresses of the pods of a selector.
    fn addresses_of(&self, selector: &PodSelector) -> AddressSet {
        let made_up = self.made_up_of(|class| {
            let pod = (&class.labels, class.host_network);
            selector.matches(self.namespaces.labels(&class.namespace), pod)
        });
        if !self.joins {
            return made_up;
        }
        let is_one = |class: usize| {
            self.classes.get(class).is_some_and(|class| {
                let pod = (&class.labels, class.host_network);
                selector.matches(self.namespaces.labels(&class.namespace), pod)
            })
        };
        let pods = self.all_pods.iter().zip(&self.class_of_pod);
        let those = pods.filter(|(_, class)| is_one(**class));
        let told = those.flat_map(|(pod, _)| pod.place.addresses.iter().copied().map(Prefix::host));
        made_up.union(&AddressSet::from_prefixes(told))
    }
}
