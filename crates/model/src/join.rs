//! One network of a cluster and of what its nodes run on.
//!
//! A cluster's own objects tell on which machine a pod runs and which address it has; the estate
//! beside it tells which attachment of which machine holds that address. [`join`] puts the two
//! together: it knows machines by the provider's id and attachments by their addresses, and no
//! provider.

mod afar;
mod guards;
mod remove;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use watertight_net::{Family, Prefix};
use watertight_source::Span;

use crate::Network;
use crate::network::{
    Endpoint, EndpointId, GatewayId, GatewayKind, GuardId, LayerId, RealmId, SubnetId, TargetEnd,
    Uplink,
};
use crate::{Estate, Hosted, Name, Workload, WorkloadId, WorkloadKind};
use guards::Guards;

/// Where machines find the metadata service that hands out their credentials, in every cloud.
const METADATA: [u8; 4] = [169, 254, 169, 254];

/// What a cluster's objects tell about where its pods are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Placement {
    /// The cluster's own realm, in which its pods are before they are joined.
    pub realm: RealmId,
    /// What leads from there to everything else.
    pub surroundings: GatewayId,
    /// Its nodes.
    pub nodes: Vec<PlacedNode>,
    /// Its pods.
    pub pods: Vec<PlacedPod>,
    /// Whether what pods send out of the network of their nodes leaves under a node's address.
    pub translates: bool,
    /// Further destinations to which pods send under their own addresses.
    pub keeps: Vec<Prefix>,
    /// Whether an attachment of a pod's own keeps what it sends from its node's: then it is not
    /// translated, and its guards look at what stays on the node as well.
    pub own_attachments_strict: bool,
}

/// A node of a cluster.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PlacedNode {
    /// Its name in the cluster.
    pub name: Name,
    /// The provider's id of the machine that it is, where the cluster knows it.
    pub machine: Option<Name>,
    /// Its own addresses.
    pub addresses: Vec<IpAddr>,
}

/// A pod, or what stands for pods of which only the template is known.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PlacedPod {
    /// Its endpoint in the cluster's realm.
    pub endpoint: EndpointId,
    /// The node that it runs on, where that is known.
    pub node: Option<Name>,
    /// Its addresses, where they are known.
    pub addresses: Vec<IpAddr>,
    /// Whether it uses its node's network.
    pub host_network: bool,
    /// The layer of the policies that select it, where any does.
    pub policies: Option<LayerId>,
    /// Why code in it may take its node, where it may.
    pub unconfined: Option<Name>,
}

/// What could not be joined, in order.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Unjoined {
    /// Nodes whose machines the estate does not hold.
    pub nodes: Vec<Name>,
    /// Pods of which it is not known where they run or which address they have.
    pub pods: Vec<Stray>,
    /// Pods with an address of their node's network that no attachment in the estate has.
    pub unattached: Vec<Stray>,
}

/// A pod that could not be joined: its name, and where it was read from.
pub type Stray = (Name, Option<Span>);

/// Moves a cluster's pods to where they are in the network of their nodes.
///
/// A pod whose address an attachment holds becomes an endpoint in that attachment's subnet, with
/// its guards beside the policies'. A pod with an address that this network does not know leaves
/// by its node, under the node's address. What is between any other pod and the rest of the estate
/// is not known: its way out is a Box.
pub fn join(estate: &mut Estate, placement: &Placement) -> Unjoined {
    let mut unjoined = Unjoined::default();
    let mut joining = Joining::new(estate, placement, &mut unjoined);
    for pod in &placement.pods {
        joining.place(pod, &mut unjoined);
    }
    joining.finish();
    unjoined
}

/// A node whose machine the estate holds.
#[derive(Clone, Debug)]
struct Node {
    name: Name,
    machine: WorkloadId,
    /// The machine's attachment that has the node's address.
    endpoint: EndpointId,
    realm: RealmId,
}

struct Joining<'e> {
    estate: &'e mut Estate,
    placement: &'e Placement,
    nodes: BTreeMap<Name, Node>,
    /// Attachments by realm and address, before any pod has taken one.
    holders: BTreeMap<(RealmId, IpAddr), EndpointId>,
    guards: Guards,
    /// Pods by the address that they took, and from whom.
    taken: BTreeMap<(EndpointId, IpAddr), EndpointId>,
    by_address: BTreeMap<IpAddr, BTreeSet<EndpointId>>,
    /// The cluster's own guards: those of its pods before any was placed.
    own_guards: BTreeSet<GuardId>,
    /// Pods that are at another endpoint now, or at their own with other addresses.
    moved: BTreeMap<EndpointId, EndpointId>,
    hosted: BTreeSet<Hosted>,
    /// Endpoints that stand for nothing any more.
    gone: BTreeSet<EndpointId>,
}

impl<'e> Joining<'e> {
    fn new(estate: &'e mut Estate, placement: &'e Placement, unjoined: &mut Unjoined) -> Self {
        let mut holders = BTreeMap::new();
        let mut by_own: BTreeMap<IpAddr, BTreeSet<WorkloadId>> = BTreeMap::new();
        for (id, endpoint) in estate.network.endpoints.iter() {
            let Some(subnet) = endpoint.subnet else { continue };
            let realm = estate.network.subnets[subnet].realm;
            for address in &endpoint.addresses {
                holders.entry((realm, *address)).or_insert(id);
                by_own.entry(*address).or_default().insert(endpoint.workload);
            }
        }
        let ids: BTreeMap<Name, WorkloadId> =
            estate.workloads.iter().map(|(id, workload)| (workload.id.clone(), id)).collect();
        let mut nodes = BTreeMap::new();
        for node in &placement.nodes {
            let by_id = node.machine.as_ref().and_then(|machine| machine_of(&ids, machine));
            let machine = by_id.or_else(|| {
                let mut found = node.addresses.iter().filter_map(|address| by_own.get(address));
                let only = found.next().filter(|only| only.len() == 1)?;
                let only = only.first().copied()?;
                (estate.workloads[only].kind == WorkloadKind::Machine).then_some(only)
            });
            let joined = machine.and_then(|machine| joined_node(estate, node, machine));
            match joined {
                Some(joined) => {
                    nodes.insert(node.name.clone(), joined);
                }
                None => unjoined.nodes.push(node.name.clone()),
            }
        }
        let network = &estate.network;
        let pods = placement.pods.iter();
        let layers = pods.flat_map(|pod| network.endpoints[pod.endpoint].layers.iter().copied());
        let own_guards = afar::guards(network, layers);
        Self {
            estate,
            placement,
            nodes,
            holders,
            own_guards,
            guards: Guards::default(),
            taken: BTreeMap::new(),
            by_address: BTreeMap::new(),
            moved: BTreeMap::new(),
            hosted: BTreeSet::new(),
            gone: BTreeSet::new(),
        }
    }

    fn place(&mut self, pod: &PlacedPod, unjoined: &mut Unjoined) {
        let node = pod.node.as_ref().and_then(|name| self.nodes.get(name)).cloned();
        let Some(node) = node else { return unjoined.pods.push(self.stray(pod)) };
        self.hosted.insert(Hosted {
            host: node.machine,
            guest: self.estate.network.endpoints[pod.endpoint].workload,
            unconfined: pod.unconfined.clone(),
            shares_network: pod.host_network,
        });
        if pod.host_network {
            return self.on_host(pod.endpoint, &node);
        }
        let Some(first) = pod.addresses.first().copied() else {
            return unjoined.pods.push(self.stray(pod));
        };
        let Some(subnet) = self.subnet_of(node.realm, first) else {
            let mut own = self.estate.network.realms[node.realm].prefixes.iter();
            if own.any(|prefix| prefix.contains(first)) {
                return unjoined.pods.push(self.stray(pod));
            }
            return self.behind(pod.endpoint, &node);
        };
        let holder = self.holder(node.realm, subnet, first);
        if holder.is_none() {
            unjoined.unattached.push(self.stray(pod));
        }
        self.attach(pod, &node, subnet, holder);
    }

    /// On its node's network: it sends and receives as the node does, past the policies.
    fn on_host(&mut self, pod: EndpointId, node: &Node) {
        let workload = self.estate.network.endpoints[pod].workload;
        let endpoints = &mut self.estate.workloads[workload].endpoints;
        endpoints.retain(|endpoint| *endpoint != pod);
        if !endpoints.contains(&node.endpoint) {
            endpoints.push(node.endpoint);
        }
        self.gone.insert(pod);
        self.moved.insert(pod, node.endpoint);
    }

    /// In a network that lies over that of the nodes: what it sends out of it is its node's.
    fn behind(&mut self, pod: EndpointId, node: &Node) {
        let own = &self.placement.realm;
        let mut keeps = self.estate.network.realms[*own].prefixes.clone();
        keeps.retain(|prefix| prefix.family() == Family::V4);
        self.estate.network.uplinks.insert(pod, Uplink { by: node.endpoint, keeps });
    }

    /// In the network of the nodes, at the attachment that holds its address.
    fn attach(
        &mut self,
        pod: &PlacedPod,
        node: &Node,
        subnet: SubnetId,
        holder: Option<EndpointId>,
    ) {
        let own = pod.endpoint;
        let held = holder.map(|holder| self.estate.network.endpoints[holder].workload);
        let is_nodes = held.is_none_or(|held| held == node.machine);
        let shares = is_nodes || !self.placement.own_attachments_strict;
        if shares {
            self.guards.stay(self.estate, node.machine, &node.name);
        }
        let layers = match holder {
            Some(holder) if shares => {
                let beyond = self.guards.beyond(self.estate, node.realm, self.placement);
                let layers = self.estate.network.endpoints[holder].layers.clone();
                self.guards.beside(self.estate, node.machine, &layers, beyond)
            }
            Some(holder) => self.estate.network.endpoints[holder].layers.clone(),
            None => vec![self.guards.unread(self.estate, own)],
        };
        if shares {
            let keeps = guards::keeps(self.estate, node.realm, self.placement);
            self.estate.network.uplinks.insert(own, Uplink { by: node.endpoint, keeps });
        }
        self.moved.insert(own, own);
        let by_node = pod.policies.and_then(|policies| {
            let past =
                self.guards.past_policies(self.estate, (node.machine, &node.name), policies)?;
            Some((policies, past))
        });
        let public = self.take(own, holder, &pod.addresses);
        let endpoint = &mut self.estate.network.endpoints[own];
        endpoint.subnet = Some(subnet);
        endpoint.addresses.clone_from(&pod.addresses);
        endpoint.public = public;
        if let Some((policies, past)) = by_node {
            for layer in endpoint.layers.iter_mut().filter(|layer| **layer == policies) {
                *layer = past;
            }
        }
        endpoint.layers.extend(layers);
    }

    /// Takes addresses from the attachment that held them; returns their public ones.
    fn take(
        &mut self,
        pod: EndpointId,
        holder: Option<EndpointId>,
        addresses: &[IpAddr],
    ) -> Vec<(IpAddr, IpAddr)> {
        for address in addresses {
            self.by_address.entry(*address).or_default().insert(pod);
        }
        let Some(holder) = holder else { return Vec::new() };
        for address in addresses {
            self.taken.insert((holder, *address), pod);
        }
        let from: &mut Endpoint = &mut self.estate.network.endpoints[holder];
        from.addresses.retain(|address| !addresses.contains(address));
        let is_own = |(private, _): &(IpAddr, IpAddr)| addresses.contains(private);
        let public = from.public.iter().copied().filter(is_own).collect();
        from.public.retain(|pair| !is_own(pair));
        let is_empty = from.addresses.is_empty() && from.delegated.is_empty();
        if is_empty && remove::is_plain(self.estate, holder) {
            self.gone.insert(holder);
        }
        public
    }

    fn stray(&self, pod: &PlacedPod) -> Stray {
        let endpoint = &self.estate.network.endpoints[pod.endpoint];
        (endpoint.name.clone(), endpoint.origin)
    }

    fn subnet_of(&self, realm: RealmId, address: IpAddr) -> Option<SubnetId> {
        let subnets = self.estate.network.subnets.iter().filter(|(_, one)| one.realm == realm);
        let held = subnets.filter_map(|(id, subnet)| {
            let own = subnet.prefixes.iter().filter(|prefix| prefix.contains(address));
            own.map(|prefix| prefix.len()).max().map(|length| (length, id))
        });
        held.max().map(|(_, id)| id)
    }

    /// The attachment that has an address, or to which a prefix that holds it is delegated.
    fn holder(&self, realm: RealmId, subnet: SubnetId, address: IpAddr) -> Option<EndpointId> {
        let exact = self.holders.get(&(realm, address)).copied();
        exact.or_else(|| {
            let mut all = self.estate.network.endpoints.iter();
            let holds = |endpoint: &Endpoint| {
                endpoint.subnet == Some(subnet)
                    && endpoint.delegated.iter().any(|prefix| prefix.contains(address))
            };
            all.find(|(_, endpoint)| holds(endpoint)).map(|(id, _)| id)
        })
    }

    /// Follows the pods: targets of fronts, services that refuse them, the cluster's way out; and
    /// takes out what pods have replaced.
    fn finish(self) {
        let Self { estate, placement, nodes, taken, by_address, moved, hosted, gone, .. } = self;
        let placed: BTreeSet<EndpointId> =
            moved.iter().filter(|(pod, now)| pod == now).map(|(pod, _)| *pod).collect();
        afar::add(&mut estate.network, &self.own_guards, &placed);
        let of_nodes: Vec<EndpointId> = nodes
            .values()
            .flat_map(|node| estate.workloads[node.machine].endpoints.iter().copied())
            .collect();
        let network = &mut estate.network;
        lead(network, placement, &moved, &of_nodes);
        for (_, group) in network.target_groups.iter_mut() {
            for target in &mut group.targets {
                match target.end {
                    TargetEnd::Endpoint(holder, address) => {
                        if let Some(pod) = taken.get(&(holder, address)) {
                            target.end = TargetEnd::Endpoint(*pod, address);
                        }
                    }
                    TargetEnd::Address(address) => {
                        let pods = by_address.get(&address).filter(|pods| pods.len() == 1);
                        if let Some(pod) = pods.and_then(BTreeSet::first) {
                            target.end = TargetEnd::Endpoint(*pod, address);
                        }
                    }
                    TargetEnd::Front(_) | TargetEnd::Workload(_) | TargetEnd::Unread(_) => {}
                }
            }
        }
        let far: BTreeSet<WorkloadId> = estate
            .workloads
            .iter()
            .filter(|(_, one)| one.metadata.is_none_or(|one| !one.enabled || one.hop_limit < 2))
            .map(|(id, _)| id)
            .collect();
        let distant = network
            .uplinks
            .iter()
            .filter(|(_, uplink)| far.contains(&network.endpoints[uplink.by].workload));
        let distant: Vec<EndpointId> = distant.map(|(guest, _)| *guest).collect();
        for service in &mut network.platform {
            if service.addresses.contains(IpAddr::from(METADATA)) {
                service.refuses.extend(&distant);
                service.refuses.sort();
                service.refuses.dedup();
            }
        }
        let gateway = &mut network.gateways[placement.surroundings];
        gateway.kind = GatewayKind::Opaque(Name::from(format!("a node of {}", gateway.name)));
        estate.hosted.extend(hosted);
        let all_gone = |workload: &Workload| {
            let mut own = workload.endpoints.iter();
            workload.kind == WorkloadKind::Pod
                && !workload.endpoints.is_empty()
                && own.all(|endpoint| gone.contains(endpoint))
        };
        let of_nobody = estate.workloads.iter().filter(|(_, workload)| all_gone(workload));
        let of_nobody: BTreeSet<WorkloadId> = of_nobody.map(|(id, _)| id).collect();
        remove::remove(estate, &gone, &of_nobody);
        estate.hosted.sort();
    }
}

/// Lets virtual endpoints of the cluster's realm lead its pods and nodes where they are now, and to pods
/// where they are.
fn lead(
    network: &mut Network,
    placement: &Placement,
    moved: &BTreeMap<EndpointId, EndpointId>,
    nodes: &[EndpointId],
) {
    let is_own = |id: &EndpointId| {
        let subnet = network.endpoints[*id].subnet;
        subnet.is_some_and(|subnet| network.subnets[subnet].realm == placement.realm)
    };
    if !network.at_sender.keys().any(is_own) {
        return;
    }
    let led = moved.values().chain(nodes).copied().map(|id| (id, placement.realm));
    network.led_in.extend(led);
    for (_, group) in network.target_groups.iter_mut() {
        for target in &mut group.targets {
            let TargetEnd::Endpoint(id, address) = target.end else { continue };
            let Some(to) = moved.get(&id) else { continue };
            let endpoint = &network.endpoints[*to];
            if endpoint.holds(address) {
                continue;
            }
            target.end = match endpoint.address(Family::of(address)) {
                Some(own) => TargetEnd::Endpoint(*to, own),
                None => TargetEnd::Unread(endpoint.name.clone()),
            };
        }
    }
}

/// The machine that a provider's id means: the id itself, or its last part.
fn machine_of(ids: &BTreeMap<Name, WorkloadId>, machine: &Name) -> Option<WorkloadId> {
    let last = machine.rsplit('/').next()?;
    ids.get(machine).or_else(|| ids.get(last)).copied()
}

fn joined_node(estate: &Estate, node: &PlacedNode, machine: WorkloadId) -> Option<Node> {
    let endpoints = &estate.workloads[machine].endpoints;
    let has_address = |id: &&EndpointId| {
        let own = &estate.network.endpoints[**id].addresses;
        node.addresses.iter().any(|address| own.contains(address))
    };
    let endpoint = endpoints.iter().find(has_address).or(endpoints.first()).copied()?;
    let subnet = estate.network.endpoints[endpoint].subnet?;
    let realm = estate.network.subnets[subnet].realm;
    Some(Node { name: node.name.clone(), machine, endpoint, realm })
}
