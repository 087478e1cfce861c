//! Further attachments of pods: endpoints in a realm of their own, with a subnet for each network.
//!
//! The realm has the cluster's made-up space, so that nothing outside is told apart by it. A network
//! that joins those that are on it and nobody else is a guard as a primary one is; of any other one
//! it is not known whom it joins, be they on another network or outside. Policies for these networks
//! stand before all that: what they deny is denied wherever a network leads.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use watertight_model::Name;
use watertight_model::network::{Action, RealmId};
use watertight_model::network::{
    AddressList, Combine, Endpoint, EndpointRole, Gateway, GatewayKind, Guard, Hop, InternetAccess,
    LayerId, ListContent, Peer, Realm, Route, Rule, Stage, StageDefault, Subnet, SubnetId, Table,
    TableId,
};
use watertight_net::{AddressSet, Family, FlowSet, Prefix};

use super::guards::GuardKey;
use super::{Lowering, PODS_V4, PODS_V6};
use crate::codes;
use crate::convert::layer;
use crate::further::{Further, Furthers};

/// Where these endpoints get their addresses: the last sixteenth of the space for pods.
const SPACE_BITS: u8 = 20;
const FIRST_V4: Ipv4Addr = Ipv4Addr::new(240, 240, 0, 0);
const FIRST_V6: Ipv6Addr = Ipv6Addr::new(0x100, 0, 0, 0, 0xf000, 0, 0, 0);

/// An attachment with its made-up addresses, and those that the input tells.
#[derive(Clone, Debug)]
pub(super) struct Held {
    made_up: Vec<IpAddr>,
    told: Vec<IpAddr>,
}

/// A network with the pods that are on it, by their numbers.
#[derive(Debug)]
struct On {
    further: Further,
    pods: Vec<(usize, Vec<IpAddr>)>,
}

/// A network that was added, and what its endpoints need.
#[derive(Debug)]
struct Added<'o> {
    on: &'o On,
    subnet: SubnetId,
    held: Vec<Held>,
    /// The layer that says whom it joins.
    joined: LayerId,
    /// The layer of its policies, by class.
    guarded: BTreeMap<usize, LayerId>,
}

/// Where the endpoints of a network go.
#[derive(Clone, Copy, Debug)]
struct Place {
    realm: RealmId,
    table: TableId,
    /// The number of the first address.
    first: u32,
    size: u32,
}

impl Lowering<'_> {
    /// Adds every further attachment of pods with its guards.
    pub(crate) fn further(&mut self, furthers: &Furthers) {
        let networks = self.attached(furthers);
        self.note_unused(furthers, &networks);
        if networks.is_empty() {
            return;
        }
        let (realm, table) =
            self.further_realm(networks.values().any(|on| on.further.doubt.is_some()));
        let policies = self.by_network(furthers);
        let mut placed: Vec<(&On, Place, Vec<Held>)> = Vec::with_capacity(networks.len());
        let mut next = 0_u32;
        for on in networks.values() {
            self.note_doubt(on);
            let count = u32::try_from(on.pods.len()).unwrap_or(u32::MAX);
            let size = count.checked_next_power_of_two().unwrap_or(u32::MAX);
            let first = next.checked_next_multiple_of(size).unwrap_or(u32::MAX);
            next = first.saturating_add(size);
            if next > 1 << SPACE_BITS {
                let span = on.pods.first().and_then(|(pod, _)| self.all_pods.get(*pod));
                if let Some(pod) = span {
                    let message = format!(
                        "the cluster has too many further attachments: those on `{}` and what comes \
                         after it are not read",
                        on.further.name
                    );
                    self.notes.error(codes::BAD_VALUE, pod.span, message);
                }
                break;
            }
            let place = Place { realm, table, first, size };
            placed.push((on, place, self.held_on(on, place)));
        }
        // Networks of which it is not known whom they join may be one: a policy for one of them meets
        // addresses of all.
        let doubted = placed.iter().filter(|(on, ..)| on.further.doubt.is_some());
        let together: Vec<Held> = doubted.flat_map(|(.., held)| held.iter().cloned()).collect();
        let mut added = Vec::with_capacity(placed.len());
        for (on, place, held) in placed {
            let of_it = policies.get(&on.further.name).map(Vec::as_slice).unwrap_or_default();
            let met = if on.further.doubt.is_some() { &together } else { &held };
            self.held.clone_from(met);
            added.push(self.add_network(of_it, on, (place, held)));
        }
        self.held.clear();
        let members = self.memberships();
        for one in added {
            self.attach(one, &members);
        }
    }

    /// The networks that pods are on. Pods on their host's network get no attachments.
    fn attached(&self, furthers: &Furthers) -> BTreeMap<Name, On> {
        let mut found: BTreeMap<Name, On> = BTreeMap::new();
        for (number, pod) in self.all_pods.iter().enumerate().filter(|(_, pod)| !pod.host_network) {
            for attached in &pod.further {
                let further = furthers.get(attached.network.as_ref());
                let on = found
                    .entry(further.name.clone())
                    .or_insert_with(|| On { further: further.clone(), pods: Vec::new() });
                // Of two definitions of one network, one that tells less is not contradicted.
                on.further.doubt = on.further.doubt.take().or(further.doubt);
                on.pods.push((number, attached.addresses.clone()));
            }
        }
        found
    }

    fn note_unused(&mut self, furthers: &Furthers, networks: &BTreeMap<Name, On>) {
        let all =
            self.policies.iter().filter_map(|policy| Some((policy, policy.networks.as_ref()?)));
        for (policy, named) in all {
            let mut names = named.iter().map(|name| furthers.get(Some(name)).name);
            if !names.any(|name| networks.contains_key(&name)) {
                let message = format!("`{}` is about networks that no pod is on", policy.name);
                self.notes.warn(codes::NO_EFFECT, policy.span, message);
            }
        }
    }

    fn note_doubt(&mut self, on: &On) {
        let Some(doubt) = &on.further.doubt else { return };
        let pod = on.pods.first().and_then(|(number, _)| self.all_pods.get(*number));
        if let Some(span) = on.further.span.or(pod.map(|pod| pod.span)) {
            let message = format!(
                "whom the further network `{}` joins is not known: {doubt}",
                on.further.name
            );
            self.notes.warn(codes::NOT_MODELLED, span, message);
        }
    }

    /// The realm of these networks; what leads out of it where one could.
    fn further_realm(&mut self, leads_out: bool) -> (RealmId, TableId) {
        let name = Name::from(format!("further networks of {}", self.account));
        let alone = self.estate.network.realms.len() == 1;
        let own = self.realm();
        let network = &mut self.estate.network;
        let prefixes = network.realms[own].prefixes.clone();
        let realm = network.realms.push(Realm {
            name: name.clone(),
            title: name.clone(),
            account: Some(self.account.clone()),
            region: None,
            prefixes: prefixes.clone(),
            internet: None,
            resolvers: Vec::new(),
            subnets_read: true,
            further: true,
            origin: None,
        });
        let route = |destination, hop, text: &str| Route {
            destination,
            rank: 0,
            hop,
            text: Name::from(text),
            origin: None,
        };
        let mut routes: Vec<Route> = Vec::new();
        routes.extend(prefixes.iter().map(|own| route(*own, Hop::Local, "further networks")));
        if leads_out {
            let kind = if alone {
                GatewayKind::Surroundings { realm }
            } else {
                GatewayKind::Opaque(Name::from("what the further networks are joined to"))
            };
            let gateway = network.gateways.push(Gateway {
                name: Name::from(format!("{}-networks", self.account)),
                kind,
                available: true,
                origin: None,
            });
            let all = if self.has_v6 { AddressSet::all() } else { AddressSet::all_v4() };
            let text = "whatever the further networks are joined to";
            let each = all.prefixes().into_iter();
            routes.extend(each.map(|prefix| route(prefix, Hop::Gateway(gateway), text)));
        }
        let name = Name::from(format!("routes of the {name}"));
        let table = network.tables.push(Table { name, routes, unread: Vec::new(), origin: None });
        (realm, table)
    }

    /// The numbers of the policies for each network.
    fn by_network(&self, furthers: &Furthers) -> BTreeMap<Name, Vec<usize>> {
        let mut found: BTreeMap<Name, Vec<usize>> = BTreeMap::new();
        for (number, policy) in self.policies.iter().enumerate() {
            let named = policy.networks.iter().flatten();
            let names: BTreeSet<Name> = named.map(|name| furthers.get(Some(name)).name).collect();
            for name in names {
                found.entry(name).or_default().push(number);
            }
        }
        found
    }

    /// The attachments to a network with their addresses: made up, of the families that are told of them.
    fn held_on(&self, on: &On, place: Place) -> Vec<Held> {
        let numbers = place.first..place.first.saturating_add(place.size);
        let each = on.pods.iter().zip(numbers).map(|((_, told), number)| {
            let mut made_up = self.made_up(number);
            let has = |one: &IpAddr| told.iter().any(|own| own.is_ipv4() == one.is_ipv4());
            made_up.retain(|one| told.is_empty() || has(one));
            Held { made_up, told: told.clone() }
        });
        each.collect()
    }

    /// Adds a network with its policies, before it has endpoints.
    fn add_network<'o>(
        &mut self,
        policies: &[usize],
        on: &'o On,
        (place, held): (Place, Vec<Held>),
    ) -> Added<'o> {
        let subnet = self.further_subnet(&on.further, place);
        let joined = self.joining_layer(&on.further);
        let guarded = self.further_policies(policies, on);
        Added { on, subnet, held, joined, guarded }
    }

    /// Adds the attachments to a network. All policies must have been read before: only then is it
    /// known which selectors there are.
    fn attach(&mut self, added: Added<'_>, members: &[Option<LayerId>]) {
        let Added { on, subnet, held, joined, guarded } = added;
        for ((number, _), held) in on.pods.iter().zip(held) {
            let Some(pod) = self.all_pods.get(*number) else { continue };
            let Some(class) = self.class_of_pod.get(*number) else { continue };
            let Some(primary) = self.endpoints.get(*number) else { continue };
            let own = members.get(*class).copied().flatten();
            let layers = own.into_iter().chain([joined]).chain(guarded.get(class).copied());
            let name = format!("{}/{} on {}", pod.workload.namespace, pod.name, on.further.name);
            let workload = self.estate.network.endpoints[*primary].workload;
            let id = self.estate.network.endpoints.push(Endpoint {
                name: Name::from(name),
                workload,
                subnet: Some(subnet),
                addresses: held.made_up,
                delegated: Vec::new(),
                public: Vec::new(),
                layers: layers.collect(),
                role: EndpointRole::Host,
                inferred: false,
                origin: Some(pod.span),
            });
            self.estate.workloads[workload].endpoints.push(id);
        }
    }

    fn made_up(&self, number: u32) -> Vec<IpAddr> {
        let v4 = Ipv4Addr::from_bits(FIRST_V4.to_bits().saturating_add(number));
        let v6 = Ipv6Addr::from_bits(FIRST_V6.to_bits().saturating_add(u128::from(number)));
        let mut found = vec![IpAddr::V4(v4)];
        found.extend(self.has_v6.then_some(IpAddr::V6(v6)));
        found
    }

    fn further_subnet(&mut self, further: &Further, place: Place) -> SubnetId {
        let free = u8::try_from(place.size.trailing_zeros()).unwrap_or(SPACE_BITS);
        let firsts = self.made_up(place.first).into_iter();
        let prefixes = firsts.filter_map(|first| {
            let bits: u8 = if first.is_ipv4() { 32 } else { 128 };
            Prefix::masked(first, bits.saturating_sub(free)).ok()
        });
        let prefixes = prefixes.collect();
        self.estate.network.subnets.push(Subnet {
            name: Name::from(format!("network {} of {}", further.name, self.account)),
            title: further.name.clone(),
            realm: place.realm,
            prefixes,
            zone: Name::from(""),
            table: Some(place.table),
            layers: Vec::new(),
            internet_access: InternetAccess::Open,
            kept: AddressSet::empty(),
            endpoints_read: true,
            origin: further.span,
        })
    }

    /// The layer that says whom a network joins.
    fn joining_layer(&mut self, further: &Further) -> LayerId {
        let guard = self.estate.network.guards.push(Guard {
            name: further.name.clone(),
            title: further.name.clone(),
            kind: Name::from("further network"),
            stateful: true,
            ingress: Vec::new(),
            egress: Vec::new(),
            origin: further.span,
        });
        let (name, peer) = match &further.doubt {
            None => ("same network", Peer::Members(guard)),
            Some(doubt) => ("whomever it joins", Peer::Unread(doubt.clone())),
        };
        let rule = Rule {
            name: Name::from(name),
            peer,
            flows: FlowSet::all().into(),
            action: Action::Accept,
            origin: further.span,
        };
        let stage = Stage {
            combine: Combine::Union,
            rules: vec![rule].into(),
            default: StageDefault::Deny,
        };
        let content = &mut self.estate.network.guards[guard];
        content.ingress = vec![stage.clone()];
        content.egress = vec![stage];
        self.layer(layer(vec![guard], true))
    }

    /// The layer of the policies for a network, for each class of pods on it that some select.
    fn further_policies(&mut self, policies: &[usize], on: &On) -> BTreeMap<usize, LayerId> {
        let mut found = BTreeMap::new();
        if policies.is_empty() {
            return found;
        }
        let classes: BTreeSet<usize> = on
            .pods
            .iter()
            .filter_map(|(number, _)| self.class_of_pod.get(*number).copied())
            .collect();
        let selected = self.selected(policies.iter().copied(), classes);
        let mut known: BTreeMap<GuardKey, LayerId> = BTreeMap::new();
        for (class, lists) in selected {
            let key = self.guard_key(class, lists);
            if key.is_empty() {
                continue;
            }
            let layer = known.get(&key).copied().unwrap_or_else(|| {
                let guard = self.policy_guard(&key);
                self.layer(layer(vec![guard], true))
            });
            known.insert(key, layer);
            found.insert(class, layer);
        }
        found
    }

    /// Whom a block of addresses means on a further network beside what is outside: the pods there
    /// with an address in it, and perhaps those whose addresses the input does not tell.
    pub(super) fn held_peers(&mut self, addresses: &AddressSet, text: &Name) -> Vec<Peer> {
        let (mut sure, mut perhaps) = (Vec::new(), Vec::new());
        for held in &self.held {
            for address in &held.made_up {
                let family = Family::of(*address);
                let meant = addresses.of_family(family);
                let whole = AddressSet::all().of_family(family);
                let mut told = held.told.iter().filter(|one| Family::of(**one) == family);
                if meant == whole || told.any(|one| meant.contains(*one)) {
                    sure.push(Prefix::host(*address));
                } else if held.told.is_empty() && !meant.is_empty() {
                    perhaps.push(Prefix::host(*address));
                }
            }
        }
        let mut found = Vec::new();
        let sure = AddressSet::from_prefixes(sure);
        let perhaps = AddressSet::from_prefixes(perhaps);
        for (set, content) in [
            (&sure, ListContent::Known(sure.prefixes())),
            (&perhaps, ListContent::Unread(perhaps.clone())),
        ] {
            if !set.is_empty() {
                let list = AddressList { name: text.clone(), content, origin: None };
                found.push(Peer::List(self.estate.network.lists.push(list)));
            }
        }
        found
    }
}

/// The prefixes of both spaces lie in the one for pods.
const _: () = {
    assert!(FIRST_V4.to_bits() >> 24 == PODS_V4.0.to_bits() >> 24);
    assert!(FIRST_V6.to_bits() >> 64 == PODS_V6.0.to_bits() >> 64);
};
