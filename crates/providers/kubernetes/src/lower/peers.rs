//! Peers of rules: selectors as membership in guards, addresses as lists.

use std::collections::{BTreeMap, BTreeSet};

use watertight_model::Name;
use watertight_model::network::{AddressList, Guard, GuardId, LayerId, ListContent, ListId, Peer};
use watertight_net::{AddressSet, Protocol};

use super::{Lowering, members};
use crate::convert::layer;
use crate::policy::PeerSpec;
use crate::selector::{Hosts, PodSelector, Selector};

/// Pods that a rule means: by a selector, and by what number a port of theirs has.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct PeerKey {
    pub(super) selector: PodSelector,
    pub(super) port: Option<PortKey>,
}

/// A port of this name, protocol and number.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct PortKey {
    pub(super) name: Name,
    pub(super) protocol: Protocol,
    pub(super) number: u16,
}

/// Guards that stand for selectors, and lists that stand for addresses.
#[derive(Debug, Default)]
pub(super) struct PeerGuards {
    guards: BTreeMap<PeerKey, GuardId>,
    lists: BTreeMap<(AddressSet, Name), ListId>,
    unread: BTreeMap<Name, ListId>,
    /// Whoever has some addresses.
    pub(super) holders: BTreeMap<(AddressSet, Name), Vec<Peer>>,
    /// Whom peers mean that are put together from others.
    pub(super) resolved: BTreeMap<PeerSpec, Vec<Peer>>,
}

impl Lowering<'_> {
    /// The peer that means pods of a selector.
    pub(super) fn pods_peer(&mut self, mut key: PeerKey) -> Peer {
        if !self.has_hosts && key.selector.hosts == Hosts::Never {
            key.selector.hosts = Hosts::Too;
        }
        if let Some(known) = self.peers.guards.get(&key) {
            return Peer::Members(*known);
        }
        let text = describe(&key);
        let guard = self.estate.network.guards.push(marker(text));
        self.peers.guards.insert(key, guard);
        Peer::Members(guard)
    }

    /// The ports of a name among the pods of a selector.
    pub(super) fn ports_named(
        &self,
        selector: &PodSelector,
        name: &Name,
        protocol: Option<Protocol>,
    ) -> BTreeSet<PortKey> {
        // Classes are ordered by namespace.
        let all = self.classes.as_slice();
        let within = crate::selector::only_namespace(&selector.namespaces).and_then(|name| {
            let first = all.partition_point(|class| class.namespace < *name);
            let last = all.partition_point(|class| class.namespace <= *name);
            all.get(first..last)
        });
        let classes = within.unwrap_or(all).iter().filter(|class| {
            let pod = (&class.labels, class.host_network);
            selector.matches(self.namespaces.labels(&class.namespace), pod)
        });
        let ports = classes.flat_map(|class| &class.ports);
        ports
            .filter(|port| port.name == *name && protocol.is_none_or(|one| one == port.protocol))
            .map(|port| PortKey {
                name: name.clone(),
                protocol: port.protocol,
                number: port.number,
            })
            .collect()
    }

    /// The peer that means addresses outside of the cluster.
    pub(super) fn addresses_peer(&mut self, addresses: &AddressSet, text: &Name) -> Peer {
        let outside = addresses.difference(&self.own_space());
        let key = (outside, text.clone());
        if let Some(known) = self.peers.lists.get(&key) {
            return Peer::List(*known);
        }
        let list = self.estate.network.lists.push(AddressList {
            name: text.clone(),
            content: ListContent::Known(key.0.prefixes()),
            origin: None,
        });
        self.peers.lists.insert(key, list);
        Peer::List(list)
    }

    /// The peer that means some addresses outside of the cluster, which ones is not known.
    pub(super) fn some_addresses_peer(&mut self, text: &Name) -> Peer {
        if let Some(known) = self.peers.unread.get(text) {
            return Peer::List(*known);
        }
        let candidates = self.outside();
        let list = self.estate.network.lists.push(AddressList {
            name: text.clone(),
            content: ListContent::Unread(candidates),
            origin: None,
        });
        self.peers.unread.insert(text.clone(), list);
        Peer::List(list)
    }

    /// All addresses that are not the cluster's own.
    pub(super) fn outside(&self) -> AddressSet {
        let all = if self.has_v6 { AddressSet::all() } else { AddressSet::all_v4() };
        all.difference(&self.own_space())
    }

    /// For each class, the layer that says which selectors hold for its pods; none where none does.
    pub(super) fn memberships(&mut self) -> Vec<Option<LayerId>> {
        let selected = members::of_classes(&self.peers.guards, self.namespaces, &self.classes);
        let each = selected.into_iter();
        each.map(|guards| (!guards.is_empty()).then(|| self.layer(layer(guards, true)))).collect()
    }

    /// A guard that all pods with a network of their own are to have.
    pub(super) fn all_pods_guard(&mut self) -> GuardId {
        self.estate.network.guards.push(marker(Name::from("pods of the cluster")))
    }

    /// The layer of something in the cluster of which no labels are known: only what selects every
    /// pod selects it for sure.
    pub(crate) fn unlabelled(&mut self) -> LayerId {
        let all = self.peers.guards.iter();
        let mut guards: Vec<GuardId> = all
            .filter(|(key, _)| key.selector.is_everything() && key.port.is_none())
            .map(|(_, guard)| *guard)
            .collect();
        if guards.is_empty() {
            guards.push(self.estate.network.guards.push(marker(Name::from("no known labels"))));
        }
        self.layer(layer(guards, false))
    }
}

/// A guard that accepts everything: to have it is what matters.
fn marker(text: Name) -> Guard {
    Guard {
        name: text.clone(),
        title: text,
        kind: Name::from("selector"),
        stateful: true,
        ingress: Vec::new(),
        egress: Vec::new(),
        origin: None,
    }
}

/// A selector in words.
pub(super) fn describe(key: &PeerKey) -> Name {
    let PodSelector { namespaces, pods, hosts } = &key.selector;
    let mut text = match pods {
        Selector::Everything => "all pods".to_owned(),
        Selector::Nothing => "fronts whose labels are not known".to_owned(),
        other => format!("pods with {}", words(other)),
    };
    match (crate::selector::only_namespace(namespaces), namespaces) {
        (_, Selector::Everything) => text.push_str(" of all namespaces"),
        (Some(name), Selector::In(..)) => {
            text.push_str(" of ");
            text.push_str(name);
        }
        (_, other) => {
            text.push_str(" of namespaces with ");
            text.push_str(&words(other));
        }
    }
    text.push_str(match hosts {
        Hosts::Too => "",
        Hosts::Never => " that have a network of their own",
        Hosts::Only => " on their host's network",
    });
    if let Some(port) = &key.port {
        let PortKey { name, protocol, number } = port;
        return Name::from(format!("{text} whose port {name} is {protocol}/{number}"));
    }
    Name::from(text)
}

/// A condition in words, as `kubectl` writes selectors.
fn words(selector: &Selector) -> String {
    let list = |values: &BTreeSet<Name>| {
        let all: Vec<&str> = values.iter().map(Name::as_str).collect();
        all.join(",")
    };
    let join = |parts: &[Selector], word: &str| {
        let all: Vec<String> = parts.iter().map(words).collect();
        all.join(word)
    };
    match selector {
        Selector::Everything => "anything".to_owned(),
        Selector::Nothing => "nothing".to_owned(),
        Selector::In(key, values) if values.len() == 1 => format!("{key}={}", list(values)),
        Selector::In(key, values) => format!("{key} in ({})", list(values)),
        Selector::Exists(key) => key.to_string(),
        Selector::StartsWith(key, text) => format!("{key} starting with {text}"),
        Selector::EndsWith(key, text) => format!("{key} ending with {text}"),
        Selector::Contains(key, text) => format!("{key} containing {text}"),
        Selector::Not(inner) => match &**inner {
            Selector::Exists(key) => format!("!{key}"),
            Selector::In(key, values) => format!("{key} notin ({})", list(values)),
            other => format!("not ({})", words(other)),
        },
        Selector::And(parts) => join(parts, ","),
        Selector::Or(parts) => format!("({})", join(parts, " or ")),
    }
}
