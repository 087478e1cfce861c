//! Pods and policies into endpoints and guards.
//!
//! The cluster is one realm with one subnet, around which is everything else. Addresses of pods are
//! made up, from space that no network uses, because manifests do not tell them and policies do not
//! go by them: what a rule selects by labels is membership in a guard that accepts everything.

mod admitted;
mod forwarded;
mod further;
mod guards;
mod holders;
mod members;
mod networks;
mod peers;
mod resolved;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use watertight_model::network::{
    Endpoint, EndpointRole, Gateway, GatewayKind, Hop, InternetAccess, Layer, LayerId, Realm,
    RealmId, Route, Subnet, SubnetId, Table,
};
use watertight_model::{Estate, Name, Workload, WorkloadId, WorkloadKind};
use watertight_net::{AddressSet, Family, Prefix};

use crate::codes;
use crate::convert::layer;
use crate::fields::Notes;
use crate::namespaces::Namespaces;
use crate::policies::{Forwarded, Way};
use crate::policy::{NamedPort, PeerSpec, Peers, Policy};
use crate::selector::LabelMap;
use crate::workloads::{Pod, WorkloadKey};
use further::Held;
use guards::GuardKey;
use holders::Told;
use peers::PeerGuards;

/// Where pods get their addresses: space "reserved for future use" that no host has (RFC 1112,
/// section 4).
const PODS_V4: (Ipv4Addr, u8) = (Ipv4Addr::new(240, 0, 0, 0), 8);
/// The same for IPv6: the prefix to discard (RFC 6666).
const PODS_V6: (Ipv6Addr, u8) = (Ipv6Addr::new(0x100, 0, 0, 0, 0, 0, 0, 0), 64);

/// The number of the first pod's address; the others follow in their order.
const FIRST_POD: u32 = 1;

/// What pods are told apart by.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct PodClass {
    pub(crate) namespace: Name,
    pub(crate) labels: LabelMap,
    pub(crate) ports: Vec<NamedPort>,
    pub(crate) host_network: bool,
}

/// An estate that is being built.
#[derive(Debug)]
pub(crate) struct Lowering<'i> {
    pub(crate) notes: &'i mut Notes,
    pub(crate) namespaces: &'i Namespaces,
    pub(crate) all_pods: &'i [Pod],
    policies: &'i [Policy],
    pub(crate) estate: Estate,
    pub(crate) subnet: SubnetId,
    pub(crate) account: Name,
    classes: Vec<PodClass>,
    class_of_pod: Vec<usize>,
    peers: PeerGuards,
    layers: BTreeMap<Layer, LayerId>,
    pub(crate) has_v6: bool,
    /// Whether a pod is on its host's network.
    has_hosts: bool,
    /// Whether there is a cloud's network beside the cluster, where pods have their real addresses.
    joins: bool,
    told: Told,
    /// The endpoint of each pod, in their order.
    pub(crate) endpoints: Vec<watertight_model::network::EndpointId>,
    next_address: u32,
    /// Guards of policies that were made.
    guards_made: usize,
    /// The attachments of the further network whose policies are being lowered.
    held: Vec<Held>,
    /// The policies at hosts that may refuse what hosts forward.
    pub(crate) forwarded: Forwarded,
}

impl<'i> Lowering<'i> {
    /// A cluster without pods, beside what an estate holds; `has_v6` says that something beside pods
    /// and policies tells of IPv6.
    pub(crate) fn new(
        mut estate: Estate,
        account: Name,
        namespaces: &'i Namespaces,
        pods: &'i [Pod],
        policies: &'i [Policy],
        notes: &'i mut Notes,
        has_v6: bool,
    ) -> Self {
        let joins = !estate.network.realms.is_empty();
        let has_v6 = has_v6 || policies.iter().any(names_v6) || pods.iter().any(holds_v6);
        let subnet = cluster(&mut estate, &account, has_v6);
        let (classes, class_of_pod) = classes_of(pods);
        Self {
            notes,
            namespaces,
            all_pods: pods,
            policies,
            estate,
            subnet,
            account,
            classes,
            class_of_pod,
            peers: PeerGuards::default(),
            layers: BTreeMap::new(),
            has_v6,
            has_hosts: pods.iter().any(|pod| pod.host_network),
            joins,
            told: Told::of(pods),
            endpoints: Vec::new(),
            next_address: FIRST_POD,
            guards_made: 0,
            held: Vec::new(),
            forwarded: Forwarded::default(),
        }
    }

    /// Adds every pod with its guards.
    pub(crate) fn pods(&mut self, networks: &BTreeMap<Name, Name>) {
        let selected = self.selected_on_primary();
        let mut known: BTreeMap<GuardKey, LayerId> = BTreeMap::new();
        let mut guarded: Vec<Option<LayerId>> = Vec::with_capacity(self.classes.len());
        for (number, lists) in selected.into_iter().enumerate() {
            let key = self.guard_key(number, lists);
            if key.is_empty() {
                guarded.push(None);
                continue;
            }
            let known_layer = known.get(&key).copied();
            let layer = known_layer.unwrap_or_else(|| {
                let guard = self.policy_guard(&key);
                self.layer(layer(vec![guard], true))
            });
            known.insert(key, layer);
            guarded.push(Some(layer));
        }
        // Only when every guard is made is it known which selectors there are.
        let mut layers: Vec<Vec<LayerId>> = Vec::with_capacity(self.classes.len());
        for (members, guard) in self.memberships().into_iter().zip(guarded) {
            layers.push(members.into_iter().chain(guard).collect());
        }
        let all_pods = (self.joins && !networks.is_empty()).then(|| self.all_pods_guard());
        let on_network = self.network_layers(networks, all_pods);
        let all_pods = all_pods.map(|guard| self.layer(layer(vec![guard], true)));
        let forwarding = self.forwarding_layers();
        let alone = self.estate.network.realms.len() == 1;
        let mut workloads: BTreeMap<&WorkloadKey, WorkloadId> = BTreeMap::new();
        for (pod, class) in self.all_pods.iter().zip(self.class_of_pod.clone()) {
            let known = workloads.get(&pod.workload).copied();
            let workload = known.unwrap_or_else(|| self.workload(pod));
            workloads.insert(&pod.workload, workload);
            let mut layers = layers.get(class).cloned().unwrap_or_default();
            if !pod.host_network {
                let network = networks.get(&pod.workload.namespace);
                let network = network.map_or(networks::OWN, Name::as_str);
                layers.extend(all_pods);
                layers.extend(on_network.get(network));
            }
            layers.extend(Self::forwarding(&forwarding, pod));
            let name = Name::from(format!("{}/{}", pod.workload.namespace, pod.name));
            // The name alone means the workload, with all its attachments.
            let has_further = !pod.further.is_empty() && !pod.host_network;
            let name = if has_further { Name::from(format!("{name} on pods")) } else { name };
            let endpoint = self.endpoint(name, workload, layers);
            let made = &mut self.estate.network.endpoints[endpoint];
            made.origin = Some(pod.span);
            // A pod of which addresses are told has those families, and no other.
            let told = &pod.place.addresses;
            let has = |one: &IpAddr| told.iter().any(|own| own.is_ipv4() == one.is_ipv4());
            made.addresses.retain(|one| told.is_empty() || has(one));
            self.endpoints.push(endpoint);
            if alone && !pod.host_network {
                for address in told {
                    let known = self.estate.network.known_as.entry(*address).or_default();
                    known.push(endpoint);
                }
            }
            if pod.host_network && alone {
                let message = format!(
                    "`{}` is on its host's network: whether a NetworkPolicy governs it is up to the \
                     network plugin; here it does",
                    pod.workload.name
                );
                self.notes.warn(codes::HOST_NETWORK, pod.span, message);
            }
        }
    }

    /// The cluster's realm.
    pub(crate) fn realm(&self) -> RealmId {
        self.estate.network.subnets[self.subnet].realm
    }

    /// The estate.
    pub(crate) fn finish(self) -> Estate {
        self.estate
    }

    /// The pods with their endpoints.
    pub(crate) fn placed(
        &self,
    ) -> impl Iterator<Item = (&'i Pod, watertight_model::network::EndpointId)> + use<'i, '_> {
        self.all_pods.iter().zip(self.endpoints.iter().copied())
    }

    /// The pods with their workloads.
    pub(crate) fn owned(&self) -> Vec<(Pod, WorkloadId)> {
        let network = &self.estate.network;
        self.placed().map(|(pod, id)| (pod.clone(), network.endpoints[id].workload)).collect()
    }

    /// The layer of the policies that select a pod.
    pub(crate) fn policies_of(
        &self,
        endpoint: watertight_model::network::EndpointId,
    ) -> Option<LayerId> {
        let network = &self.estate.network;
        let mut layers = network.endpoints[endpoint].layers.iter().copied();
        layers.find(|layer| {
            let mut guards = network.layers[*layer].guards.iter();
            guards.any(|guard| *network.guards[*guard].kind == *guards::KIND)
        })
    }

    /// An endpoint in the cluster, with an address of its own.
    pub(crate) fn endpoint(
        &mut self,
        name: Name,
        workload: WorkloadId,
        layers: Vec<LayerId>,
    ) -> watertight_model::network::EndpointId {
        let number = self.next_address;
        self.next_address = number.saturating_add(1);
        let mut addresses = vec![made_up(number, Family::V4)];
        addresses.extend(self.has_v6.then(|| made_up(number, Family::V6)));
        let id = self.estate.network.endpoints.push(Endpoint {
            name,
            workload,
            subnet: Some(self.subnet),
            addresses,
            delegated: Vec::new(),
            public: Vec::new(),
            layers,
            role: EndpointRole::Host,
            inferred: false,
            origin: None,
        });
        self.estate.workloads[workload].endpoints.push(id);
        id
    }

    /// A layer, each once.
    pub(crate) fn layer(&mut self, content: Layer) -> LayerId {
        if let Some(known) = self.layers.get(&content) {
            return *known;
        }
        let id = self.estate.network.layers.push(content.clone());
        self.layers.insert(content, id);
        id
    }

    fn workload(&mut self, pod: &Pod) -> WorkloadId {
        let WorkloadKey { namespace, name, kind } = &pod.workload;
        let mut labels = pod.labels.clone();
        let facts = [
            ("cloud", Name::from("k8s")),
            ("k8s.cluster", self.account.clone()),
            ("k8s.namespace", namespace.clone()),
            ("k8s.kind", kind.clone()),
            ("kind", Name::from(WorkloadKind::Pod.word())),
        ];
        for (key, value) in facts {
            labels.insert(Name::from(key), value);
        }
        if let Some(account) = &pod.service_account {
            labels.insert(Name::from("k8s.serviceaccount"), account.clone());
        }
        self.estate.workloads.push(Workload {
            id: Name::from(format!("{namespace}/{name}[{kind}]")),
            name: Name::from(format!("{namespace}/{name}")),
            kind: WorkloadKind::Pod,
            account: Some(self.account.clone()),
            region: None,
            labels,
            endpoints: Vec::new(),
            owner: None,
            credential: None,
            metadata: None,
            stores_data: false,
            origin: Some(pod.span),
        })
    }

    /// Those of some policies that select the pods of some classes, by class and direction.
    fn selected(
        &self,
        numbers: impl Iterator<Item = usize>,
        classes: impl IntoIterator<Item = usize>,
    ) -> Vec<(usize, [Vec<usize>; 2])> {
        let mut by_namespace: BTreeMap<&Name, Vec<usize>> = BTreeMap::new();
        let mut anywhere = Vec::new();
        for number in numbers {
            let Some(policy) = self.policies.get(number) else { continue };
            match crate::selector::only_namespace(&policy.subject.namespaces) {
                Some(name) => by_namespace.entry(name).or_default().push(number),
                None => anywhere.push(number),
            }
        }
        let each = classes.into_iter().filter_map(|number| {
            let class = self.classes.get(number)?;
            let mut found = [Vec::new(), Vec::new()];
            let own = by_namespace.get(&class.namespace).into_iter().flatten();
            let mut candidates: Vec<usize> = own.chain(&anywhere).copied().collect();
            candidates.sort_unstable();
            let namespace = self.namespaces.labels(&class.namespace);
            for number in candidates {
                let Some(policy) = self.policies.get(number) else { continue };
                if !policy.subject.matches(namespace, (&class.labels, class.host_network)) {
                    continue;
                }
                for (list, rules) in found.iter_mut().zip([&policy.ingress, &policy.egress]) {
                    if rules.is_some() {
                        list.push(number);
                    }
                }
            }
            Some((number, found))
        });
        each.collect()
    }

    /// Those for the primary network that select the pods of each class.
    fn selected_on_primary(&self) -> Vec<[Vec<usize>; 2]> {
        let all = self.policies.iter().enumerate();
        let those = all.filter(|(_, policy)| policy.networks.is_none()).map(|(number, _)| number);
        let selected = self.selected(those, 0..self.classes.len());
        selected.into_iter().map(|(_, lists)| lists).collect()
    }

    /// The prefixes of the cluster's own addresses.
    pub(crate) fn own_space(&self) -> AddressSet {
        AddressSet::from_prefixes(self.estate.network.subnets[self.subnet].prefixes.iter().copied())
    }
}

/// What pods are told apart by, in order, and the number of each pod's.
fn classes_of(pods: &[Pod]) -> (Vec<PodClass>, Vec<usize>) {
    fn key(pod: &Pod) -> (&Name, &LabelMap, &LabelMap, &[NamedPort], bool) {
        (&pod.workload.namespace, &pod.labels, &pod.implied, &pod.ports, pod.host_network)
    }
    let owned = |(key, value): (&Name, &Name)| (key.clone(), value.clone());
    let mut order: Vec<usize> = (0..pods.len()).collect();
    order.sort_by(|one, other| pods.get(*one).map(key).cmp(&pods.get(*other).map(key)));
    let mut classes: Vec<PodClass> = Vec::new();
    let mut class_of_pod = vec![0; pods.len()];
    let same = |one: &usize, other: &usize| pods.get(*one).map(key) == pods.get(*other).map(key);
    for together in order.chunk_by(same) {
        for number in together {
            if let Some(slot) = class_of_pod.get_mut(*number) {
                *slot = classes.len();
            }
        }
        classes.extend(together.first().and_then(|number| pods.get(*number)).map(|pod| PodClass {
            namespace: pod.workload.namespace.clone(),
            labels: pod.labels.iter().chain(&pod.implied).map(owned).collect(),
            ports: pod.ports.clone(),
            host_network: pod.host_network,
        }));
    }
    (classes, class_of_pod)
}

/// Whether a pod is known to have an IPv6 address.
fn holds_v6(pod: &Pod) -> bool {
    let further = pod.further.iter().flat_map(|attached| &attached.addresses);
    pod.place.addresses.iter().chain(further).any(IpAddr::is_ipv6)
}

/// Whether a rule names IPv6 addresses: then pods have some.
fn names_v6(policy: &Policy) -> bool {
    let rules = [&policy.ingress, &policy.egress].into_iter().flatten().flatten();
    rules
        .filter_map(|rule| match &rule.peers {
            Peers::Listed(listed) => Some(listed),
            Peers::Anybody => None,
        })
        .flatten()
        .any(PeerSpec::names_v6)
}

/// The made-up address of a family that has a number.
fn made_up(number: u32, family: Family) -> IpAddr {
    match family {
        Family::V4 => IpAddr::V4(Ipv4Addr::from_bits(PODS_V4.0.to_bits().saturating_add(number))),
        Family::V6 => {
            let bits = PODS_V6.0.to_bits().saturating_add(u128::from(number));
            IpAddr::V6(Ipv6Addr::from_bits(bits))
        }
    }
}

/// The cluster's realm, subnet, table and surroundings.
fn cluster(estate: &mut Estate, name: &Name, has_v6: bool) -> SubnetId {
    let mut prefixes: Vec<Prefix> = Vec::new();
    prefixes.extend(Prefix::masked(IpAddr::V4(PODS_V4.0), PODS_V4.1).ok());
    let mut everywhere: Vec<Prefix> = Vec::new();
    everywhere.extend(Prefix::masked(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0).ok());
    if has_v6 {
        prefixes.extend(Prefix::masked(IpAddr::V6(PODS_V6.0), PODS_V6.1).ok());
        everywhere.extend(Prefix::masked(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 0).ok());
    }
    // Beside a cloud's network the name alone is its control plane's.
    let alone = estate.network.realms.is_empty();
    let own = if alone { name.clone() } else { Name::from(format!("network of {name}")) };
    let network = &mut estate.network;
    let realm = network.realms.push(Realm {
        name: own.clone(),
        title: own,
        account: Some(name.clone()),
        region: None,
        prefixes: prefixes.clone(),
        internet: None,
        resolvers: Vec::new(),
        subnets_read: true,
        further: false,
        origin: None,
    });
    let gateway = network.gateways.push(Gateway {
        name: name.clone(),
        kind: GatewayKind::Surroundings { realm },
        available: true,
        origin: None,
    });
    let text = Name::from("whatever is outside of the cluster");
    let routes = everywhere.into_iter().map(|destination| Route {
        destination,
        rank: 0,
        hop: Hop::Gateway(gateway),
        text: text.clone(),
        origin: None,
    });
    let table = network.tables.push(Table {
        name: Name::from(format!("routes of {name}")),
        routes: routes.collect(),
        unread: Vec::new(),
        origin: None,
    });
    network.subnets.push(Subnet {
        name: Name::from(format!("pods of {name}")),
        title: Name::from("pods"),
        realm,
        prefixes,
        zone: Name::from(""),
        table: Some(table),
        layers: Vec::new(),
        internet_access: InternetAccess::Open,
        kept: AddressSet::empty(),
        endpoints_read: true,
        origin: None,
    })
}

/// Both directions with their place in pairs.
pub(crate) const WAYS: [(usize, Way); 2] = [(0, Way::Ingress), (1, Way::Egress)];
