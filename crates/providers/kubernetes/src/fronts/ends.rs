//! Services as ends of questions: their addresses in the cluster and outside of it.
//!
//! Source: Kubernetes, *Service* and *Virtual IPs and Service Proxies*: what a pod sends to a cluster
//! IP is led to a pod behind the service where it is sent, and keeps its source; what comes from
//! outside to a node port or a load balancer keeps it where `externalTrafficPolicy` is `Local`.

use std::collections::BTreeSet;
use std::net::IpAddr;

use watertight_model::network::{
    Action, Combine, EndpointId, EndpointRole, Front, FrontId, Guard, Health, Listener,
    OriginGuard, Peer, Rule, Stage, StageDefault, Target, TargetEnd, TargetGroup, TargetGroupId,
    Unaddressed,
};
use watertight_model::{Name, WorkloadId};
use watertight_net::{AddressSet, Family, FlowSet, PortSet, Prefix};

use super::addressed::{Addressed, Kind};
use super::services::{Service, ServicePort, Services};
use crate::convert::layer;
use crate::flows::to_ports;
use crate::lower::Lowering;
use crate::objects::Object;

/// The ports from which the API server takes one where a manifest names none.
///
/// Source: Kubernetes, *Service*, "type: `NodePort`": `--service-node-port-range`.
const NODE_PORTS: (u16, u16) = (30_000, 32_767);

/// Adds every service as something that packets can be sent to; `joins` says that the cluster is
/// beside a cloud's network, which has what serves clients outside.
pub(super) fn add(
    lowering: &mut Lowering<'_>,
    objects: &[Object<'_>],
    services: &Services,
    joins: bool,
) {
    let addressed: Vec<Addressed> = objects
        .iter()
        .filter(|object| object.kind == "Service" && object.group.is_empty())
        .filter_map(|object| Addressed::read(object, objects, lowering.notes))
        .collect();
    let sees = lowering.sees_addresses();
    let names: BTreeSet<Name> =
        lowering.estate.workloads.values().map(|workload| workload.name.clone()).collect();
    let mut known: Vec<(Name, WorkloadId)> = Vec::new();
    let mut aliases: Vec<(WorkloadId, Name)> = Vec::new();
    for content in &addressed {
        let Some(service) = services.get(&content.namespace, &content.name) else { continue };
        let workload = workload(lowering, content, &names);
        known.push((content.domain(), workload));
        let mut adding = Adding { lowering, service, content, workload, sees: &sees, joins };
        match &content.kind {
            Kind::Alias(domain) => aliases.push((workload, domain.clone())),
            Kind::Headless => adding.headless(),
            Kind::Virtual => adding.virtual_addresses(),
        }
    }
    for (workload, domain) in aliases {
        let target = known.iter().find(|(name, _)| *name == domain);
        let endpoints =
            target.map(|(_, target)| lowering.estate.workloads[*target].endpoints.clone());
        lowering.estate.workloads[workload].endpoints = endpoints.unwrap_or_default();
    }
}

/// The service's own name, unless a workload has it: that one is meant then.
fn workload(lowering: &mut Lowering<'_>, of: &Addressed, names: &BTreeSet<Name>) -> WorkloadId {
    let id = Name::from(format!("{}/{}[Service]", of.namespace, of.name));
    let name = Name::from(format!("{}/{}", of.namespace, of.name));
    let mut labels = super::facts();
    let facts = [("k8s.kind", Name::from("Service")), ("k8s.namespace", of.namespace.clone())];
    labels.extend(facts.map(|(key, value)| (Name::from(key), value)));
    let name = if names.contains(&name) { id.clone() } else { name };
    super::workload(lowering, (id, name), labels, Some(of.span))
}

/// Adds one service.
struct Adding<'a, 'i> {
    lowering: &'a mut Lowering<'i>,
    service: &'a Service,
    content: &'a Addressed,
    workload: WorkloadId,
    /// The pods whose policies tell addresses outside apart.
    sees: &'a BTreeSet<EndpointId>,
    joins: bool,
}

/// Who is asked how a connection comes in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum From {
    Inside,
    Outside(Family),
}

impl From {
    /// Whether an address of a pod is led to.
    fn leads_to(self, address: IpAddr) -> bool {
        match self {
            Self::Inside => true,
            Self::Outside(family) => Family::of(address) == family,
        }
    }
}

impl Adding<'_, '_> {
    /// A name for the pods themselves: nothing is translated.
    fn headless(&mut self) {
        let mut found: Vec<EndpointId> = Vec::new();
        for (pod, endpoint) in self.lowering.placed() {
            let listed = pod.place.addresses.iter().any(|one| self.content.holds(*one));
            if self.service.selects(pod) || (!self.service.has_selector() && listed) {
                found.push(endpoint);
            }
        }
        self.lowering.estate.workloads[self.workload].endpoints = found;
    }

    fn virtual_addresses(&mut self) {
        let Addressed { namespace, name, .. } = self.content;
        let inside = Name::from(format!("{name}.{namespace}.svc"));
        let listeners = self.listeners(From::Inside);
        let led = self.front(&inside, listeners);
        let endpoint = self.endpoint(&inside, &self.content.cluster_addresses.clone());
        self.serve(endpoint, led);
        self.lowering.estate.network.at_sender.insert(endpoint, led);
        // What comes from outside of the cluster to a cluster IP finds nobody who knows it.
        let nothing = self.front(&inside, Vec::new());
        self.lowering.estate.network.endpoints[endpoint].role = EndpointRole::Front(nothing);

        let outside = Name::from(format!("{name}.{namespace} from outside"));
        if !self.has_outer_side() {
            return;
        }
        if self.joins {
            return self.beyond(&outside);
        }
        self.outer_side(&outside, Family::V4);
        let is_told = self.content.outer_addresses.iter().any(IpAddr::is_ipv6);
        if self.lowering.has_v6 || is_told {
            self.outer_side(&Name::from(format!("{outside} over IPv6")), Family::V6);
        }
    }

    /// What clients outside send to: no family leads to another.
    fn outer_side(&mut self, name: &Name, family: Family) {
        let listeners = self.listeners(From::Outside(family));
        let front = self.front(name, listeners.clone());
        let own = self.content.outer_addresses.iter().copied();
        let addresses: Vec<IpAddr> = own.filter(|one| Family::of(*one) == family).collect();
        let endpoint = self.endpoint(name, &addresses);
        let ranges = self.ranges();
        let content = &mut self.lowering.estate.network.endpoints[endpoint];
        content.addresses.retain(|one| Family::of(*one) == family);
        content.layers.extend(ranges);
        self.serve(endpoint, front);
        let direct = self.content.keeps_source && self.content.ranges.is_empty();
        let from_pods = if direct { front } else { self.unread(name, listeners) };
        self.lowering.estate.network.at_sender.insert(endpoint, from_pods);
    }

    /// The outer side of a service beside a cloud's network: the cluster's objects do not tell which of
    /// the cloud's balancers leads there, nor at which addresses nodes answer.
    fn beyond(&mut self, name: &Name) {
        let id = self.lowering.endpoint(name.clone(), self.workload, Vec::new());
        let network = &mut self.lowering.estate.network;
        network.endpoints[id].subnet = None;
        network.endpoints[id].addresses = Vec::new();
        network.endpoints[id].origin = Some(self.content.span);
        let all = Name::from("what leads to the service from outside of its cluster is not known");
        network.unaddressed.insert(
            id,
            Unaddressed {
                service: name.clone(),
                public: AddressSet::all_v4(),
                gateways: Vec::new(),
                interfaces: Vec::new(),
                opens: false,
                origin_guards: vec![OriginGuard {
                    name: name.clone(),
                    admits: Vec::new(),
                    unread: Some(all),
                }],
            },
        );
    }

    /// A front whose targets see pods or nodes as their clients: which is not known.
    fn unread(&mut self, name: &Name, mut listeners: Vec<Listener>) -> FrontId {
        let groups = &mut self.lowering.estate.network.target_groups;
        let name_of_group = Name::from(format!("pods of {name} by way of a node"));
        let unread = groups.push(group(name_of_group, Vec::new(), false, self.content));
        for listener in &mut listeners {
            listener.target_groups = vec![unread];
        }
        self.front(name, listeners)
    }

    fn endpoint(&mut self, name: &Name, addresses: &[IpAddr]) -> EndpointId {
        let id = self.lowering.endpoint(name.clone(), self.workload, Vec::new());
        let network = &mut self.lowering.estate.network;
        let taken = |one: &IpAddr| network.endpoints.values().any(|other| other.holds(*one));
        let own: Vec<IpAddr> = addresses.iter().copied().filter(|one| !taken(one)).collect();
        if !own.is_empty() {
            let subnet = self.lowering.subnet;
            let realm = network.subnets[subnet].realm;
            let hosts: Vec<Prefix> = own.iter().copied().map(Prefix::host).collect();
            network.subnets[subnet].prefixes.extend(&hosts);
            network.realms[realm].prefixes.extend(&hosts);
            let made_up = std::mem::take(&mut network.endpoints[id].addresses);
            let has = |family| own.iter().any(|one| Family::of(*one) == family);
            let rest = made_up.into_iter().filter(|one| !has(Family::of(*one)));
            let all: Vec<IpAddr> = own.iter().copied().chain(rest).collect();
            network.endpoints[id].addresses = all;
        }
        network.endpoints[id].origin = Some(self.content.span);
        id
    }

    fn front(&mut self, name: &Name, listeners: Vec<Listener>) -> FrontId {
        self.lowering.estate.network.fronts.push(Front {
            name: name.clone(),
            workload: self.workload,
            endpoints: Vec::new(),
            listeners,
            cross_zone: true,
            listeners_read: true,
            origin: Some(self.content.span),
        })
    }

    fn serve(&mut self, endpoint: EndpointId, front: FrontId) {
        let network = &mut self.lowering.estate.network;
        network.fronts[front].endpoints.push(endpoint);
        network.endpoints[endpoint].role = EndpointRole::Front(front);
    }

    fn listeners(&mut self, from: From) -> Vec<Listener> {
        let ports: Vec<ServicePort> = self.service.ports().to_vec();
        let mut found = Vec::new();
        for port in &ports {
            let numbers = match from {
                From::Inside => vec![(PortSet::single(port.number), true)],
                From::Outside(_) => self.outer_numbers(port),
            };
            for (numbers, known) in numbers {
                let group = self.targets(port, from, known);
                found.push(Listener {
                    name: port.title(),
                    flows: to_ports(port.protocol, numbers),
                    target_groups: vec![group],
                    clauses: Vec::new(),
                    origin: Some(self.content.span),
                });
            }
        }
        found
    }

    /// Whether anything of it is reached from outside.
    fn has_outer_side(&self) -> bool {
        let ports = self.service.ports();
        ports.iter().any(|port| !self.outer_numbers(port).is_empty())
    }

    /// The ports at which a port of the service is reached from outside, and whether they are known.
    fn outer_numbers(&self, port: &ServicePort) -> Vec<(PortSet, bool)> {
        let mut found = Vec::new();
        if self.content.is_balanced || self.content.has_external {
            found.push((PortSet::single(port.number), true));
        }
        // The API takes no port of nodes for what has a cluster IP alone.
        match port.node_port.filter(|_| self.content.may_have_node_ports) {
            Some(number) => found.push((PortSet::single(number), true)),
            None if self.content.has_node_ports => {
                let any = PortSet::range(NODE_PORTS.0, NODE_PORTS.1).unwrap_or_default();
                found.push((any, false));
            }
            None => {}
        }
        found
    }

    fn targets(&mut self, port: &ServicePort, from: From, known: bool) -> TargetGroupId {
        let mut targets: Vec<Target> = Vec::new();
        let pods: Vec<_> = self.lowering.placed().collect();
        for (pod, endpoint) in pods.iter().filter(|(pod, _)| self.service.selects(pod)) {
            for number in super::services::numbers(pod, port) {
                targets.extend(self.at_pod(from, *endpoint, number));
            }
        }
        let listed =
            if self.service.has_selector() { Vec::new() } else { self.content.listed(port) };
        for (address, number) in listed {
            let has = |(pod, _): &&(&crate::workloads::Pod, EndpointId)| {
                pod.place.addresses.contains(&address)
            };
            let holders: Vec<_> = pods.iter().filter(has).collect();
            // Pods on their host's network share its address: who has the port is meant.
            let listens =
                |pod: &crate::workloads::Pod| pod.ports.iter().any(|port| port.number == number);
            let by_port: Vec<_> = holders.iter().filter(|(pod, _)| listens(pod)).collect();
            match (holders.as_slice(), by_port.as_slice()) {
                ([(_, only)], _) | (_, [(_, only)]) => {
                    targets.extend(self.at_pod(from, *only, number));
                }
                ([], _) if from.leads_to(address) => {
                    targets.push(target(TargetEnd::Address(address), number));
                }
                ([], _) => {}
                _ => {
                    let why = Name::from(format!("one of several pods at {address}"));
                    targets.push(target(TargetEnd::Unread(why), number));
                }
            }
        }
        let known = known && (self.service.has_selector() || self.content.has_slices);
        let name = Name::from(format!("{} of {}", port.title(), self.content.domain()));
        let content = group(name, targets, known, self.content);
        self.lowering.estate.network.target_groups.push(content)
    }

    /// A pod at its addresses, or why it may not be it.
    fn at_pod(&self, from: From, pod: EndpointId, number: u16) -> Vec<Target> {
        if let Some(why) = self.doubt(from, pod) {
            return vec![target(TargetEnd::Unread(why), number)];
        }
        let own = self.lowering.estate.network.endpoints[pod].addresses.iter().copied();
        let own = own.filter(|address| from.leads_to(*address));
        own.map(|address| target(TargetEnd::Endpoint(pod, address), number)).collect()
    }

    /// Why the input does not tell whether a pod is reached, or as whose client.
    fn doubt(&self, from: From, pod: EndpointId) -> Option<Name> {
        let name = &self.lowering.estate.network.endpoints[pod].name;
        match from {
            From::Inside if self.content.stays_on_node => {
                Some(Name::from(format!("{name} as a pod on the sender's own node")))
            }
            From::Outside(_) if !self.content.keeps_source && self.sees.contains(&pod) => Some(
                Name::from(format!("{name} as its policies see the client or a node in its place")),
            ),
            From::Inside | From::Outside(_) => None,
        }
    }

    /// A load balancer's ranges of clients. Node ports do not know them.
    ///
    /// Source: Kubernetes API reference, `ServiceSpec.loadBalancerSourceRanges`.
    fn ranges(&mut self) -> Vec<watertight_model::network::LayerId> {
        if self.content.ranges.is_empty() {
            return Vec::new();
        }
        let (mut balanced, mut by_node) = (FlowSet::none(), FlowSet::none());
        for port in self.service.ports() {
            let own = |number| to_ports(port.protocol, PortSet::single(number));
            balanced = balanced.union(&own(port.number));
            by_node = port.node_port.map_or(by_node.clone(), |number| by_node.union(&own(number)));
        }
        let rule = |name: &str, peer, flows: &FlowSet| Rule {
            name: Name::from(name),
            peer,
            flows: flows.clone(),
            action: Action::Accept,
            origin: Some(self.content.span),
        };
        let ranges = self.content.ranges.iter().copied();
        let mut rules: Vec<Rule> = ranges
            .map(|prefix| rule("loadBalancerSourceRanges", Peer::Prefix(prefix), &balanced))
            .collect();
        rules.push(rule("node ports", Peer::Any, &by_node));
        let title = Name::from(format!("source ranges of {}", self.content.domain()));
        let guard = self.lowering.estate.network.guards.push(Guard {
            name: title.clone(),
            title,
            kind: Name::from("load balancer"),
            stateful: true,
            ingress: vec![Stage { combine: Combine::Union, rules, default: StageDefault::Deny }],
            egress: Vec::new(),
            origin: Some(self.content.span),
        });
        vec![self.lowering.layer(layer(vec![guard], true))]
    }
}

fn target(end: TargetEnd, port: u16) -> Target {
    Target { end, port: Some(port), health_port: Some(port), health: Health::Unknown }
}

fn group(name: Name, targets: Vec<Target>, known: bool, of: &Addressed) -> TargetGroup {
    TargetGroup {
        name,
        preserves_source: true,
        cross_zone: None,
        targets,
        targets_read: known,
        origin: Some(of.span),
    }
}
