//! Services as ends of questions: their addresses in the cluster and outside of it.
//!
//! Source: Kubernetes, *Service* and *Virtual IPs and Service Proxies*: what a pod sends to a cluster
//! IP is led to a pod behind the service where it is sent, and keeps its source; what comes from
//! outside to a node port or a load balancer keeps it where `externalTrafficPolicy` is `Local`.

use std::collections::{BTreeMap, BTreeSet};
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

const FAMILIES: [Family; 2] = [Family::V4, Family::V6];

/// Names that stand for names; resolvers follow about as many.
const ALIASES_MAX: usize = 16;

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
        .filter_map(|object| Addressed::read(object, lowering.notes))
        .collect();
    let names: BTreeSet<Name> =
        lowering.estate.workloads.values().map(|workload| workload.name.clone()).collect();
    let mut known: BTreeMap<Name, Vec<EndpointId>> = BTreeMap::new();
    let mut aliases: BTreeMap<Name, (WorkloadId, Name)> = BTreeMap::new();
    for content in &addressed {
        let Some(service) = services.get(&content.namespace, &content.name) else { continue };
        let workload = workload(lowering, content, &names);
        let mut adding = Adding { lowering, service, content, workload, joins };
        let within = match &content.kind {
            Kind::Alias(domain) => {
                aliases.insert(content.domain(), (workload, domain.clone()));
                continue;
            }
            Kind::Headless => adding.headless(),
            Kind::Virtual => adding.virtual_addresses(),
        };
        known.insert(content.domain(), within);
    }
    for (workload, domain) in aliases.values() {
        let endpoints = known.get(meant(&aliases, domain)).cloned();
        lowering.estate.workloads[*workload].endpoints = endpoints.unwrap_or_default();
    }
}

/// What a domain name stands for in the end: a name may stand for another one, and so on.
///
/// Source: Kubernetes, *Service*, "type: `ExternalName`": the answer is a `CNAME` record.
fn meant<'n>(aliases: &'n BTreeMap<Name, (WorkloadId, Name)>, domain: &'n Name) -> &'n Name {
    let mut found = domain;
    for _ in 0..ALIASES_MAX {
        let Some((_, next)) = aliases.get(found) else { break };
        found = next;
    }
    found
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
pub(super) struct Adding<'a, 'i> {
    pub(super) lowering: &'a mut Lowering<'i>,
    pub(super) service: &'a Service,
    pub(super) content: &'a Addressed,
    workload: WorkloadId,
    joins: bool,
}

/// Who is asked how a connection comes in, over which family.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum From {
    /// A pod, to a cluster IP.
    Inside(Family),
    /// A client outside.
    Outside(Family),
    /// A pod, to an address that the service has outside: it is led as to a cluster IP, wherever pods are.
    ///
    /// Source: Kubernetes API reference, `ServiceSpec.externalTrafficPolicy`: from within the cluster,
    /// outer addresses have the semantics of `Cluster`.
    Around(Family),
}

impl From {
    pub(super) const fn family(self) -> Family {
        match self {
            Self::Inside(family) | Self::Outside(family) | Self::Around(family) => family,
        }
    }
}

/// One of the sides of a service that clients outside see.
struct Outer<'c> {
    name: Name,
    family: Family,
    addresses: &'c [IpAddr],
    /// Whether a load balancer's ranges hold there, and nodes' ports lead there.
    is_main: bool,
}

impl Adding<'_, '_> {
    /// A name for the pods themselves: nothing is translated. Returns what the name stands for.
    fn headless(&mut self) -> Vec<EndpointId> {
        let listed = if self.service.has_selector() {
            BTreeSet::new()
        } else {
            self.service.lists.addresses()
        };
        let mut elsewhere = listed.clone();
        let mut found: Vec<EndpointId> = Vec::new();
        for (pod, endpoint) in self.lowering.placed() {
            let is_listed = pod.place.addresses.iter().any(|one| listed.contains(one));
            for address in &pod.place.addresses {
                elsewhere.remove(address);
            }
            if self.service.selects(pod) || is_listed {
                found.push(endpoint);
            }
        }
        self.lowering.estate.workloads[self.workload].endpoints.clone_from(&found);
        for family in FAMILIES {
            let those: Vec<IpAddr> =
                elsewhere.iter().copied().filter(|one| Family::of(*one) == family).collect();
            if !those.is_empty() && self.has(family) {
                found.push(self.elsewhere(family, &those));
            }
        }
        found
    }

    /// What a name stands for beside pods: addresses outside of the cluster, at any port.
    fn elsewhere(&mut self, family: Family, addresses: &[IpAddr]) -> EndpointId {
        let targets = addresses.iter().map(|address| Target {
            end: TargetEnd::Address(*address),
            port: None,
            health_port: None,
            health: Health::Unknown,
        });
        let name = self.content.domain();
        let content = group(name.clone(), targets.collect(), true, self.content);
        let group = self.lowering.estate.network.target_groups.push(content);
        let listener = Listener {
            name: Name::from("any port"),
            flows: FlowSet::all(),
            target_groups: vec![group],
            clauses: Vec::new(),
            origin: Some(self.content.span),
        };
        self.within(&over(&name, family), family, vec![listener])
    }

    /// Whether anybody in the cluster has addresses of a family.
    fn has(&self, family: Family) -> bool {
        family == Family::V4 || self.lowering.has_v6
    }

    /// What leads pods; returns it.
    fn virtual_addresses(&mut self) -> Vec<EndpointId> {
        let mut found = Vec::new();
        for family in FAMILIES {
            if self.has(family) && self.content.is_served_over(family) {
                let listeners = self.listeners(From::Inside(family), true);
                let inside = over(&self.content.domain(), family);
                found.push(self.within(&inside, family, listeners));
            }
        }
        let Addressed { namespace, name, .. } = self.content;
        let outside = Name::from(format!("{name}.{namespace} from outside"));
        if !self.has_outer_side() {
            return found;
        }
        if self.joins {
            self.beyond(&outside);
            return found;
        }
        let external = Name::from(format!("{name}.{namespace} by external addresses"));
        // Ranges are the load balancer's: what comes by other addresses does not pass it.
        let apart = !self.content.ranges.is_empty() && !self.content.external_addresses.is_empty();
        let mut main = self.content.balancer_addresses.clone();
        if !apart {
            main.extend(&self.content.external_addresses);
        }
        for family in FAMILIES {
            if !self.has(family) || !self.content.is_served_over(family) {
                continue;
            }
            let name = over(&outside, family);
            self.outer_side(&Outer { name, family, addresses: &main, is_main: true });
            let more = self.content.external_addresses.clone();
            if apart && more.iter().any(|one| Family::of(*one) == family) {
                let name = over(&external, family);
                self.outer_side(&Outer { name, family, addresses: &more, is_main: false });
            }
        }
        found
    }

    /// An endpoint that leads what pods send to it, and that nobody outside knows.
    fn within(&mut self, name: &Name, family: Family, listeners: Vec<Listener>) -> EndpointId {
        let led = self.front(name, listeners);
        let endpoint = self.endpoint(name, family, &self.content.cluster_addresses.clone());
        self.serve(endpoint, led);
        self.lowering.estate.network.at_sender.insert(endpoint, led);
        // What comes from outside of the cluster to a cluster IP finds nobody who knows it.
        let nothing = self.front(name, Vec::new());
        self.lowering.estate.network.endpoints[endpoint].role = EndpointRole::Front(nothing);
        endpoint
    }

    /// What clients outside send to: no family leads to another.
    fn outer_side(&mut self, outer: &Outer<'_>) {
        let Outer { name, family, addresses, is_main } = outer;
        let listeners = self.listeners(From::Outside(*family), *is_main);
        let front = self.front(name, listeners);
        if !self.content.keeps_source {
            self.lowering.estate.network.translating.insert(front);
        }
        let endpoint = self.endpoint(name, *family, addresses);
        let has_ranges = *is_main && !self.content.ranges.is_empty();
        let ranges = if has_ranges { self.ranges() } else { Vec::new() };
        self.lowering.estate.network.endpoints[endpoint].layers.extend(ranges);
        self.serve(endpoint, front);
        let around = self.listeners(From::Around(*family), *is_main);
        let is_direct = self.content.keeps_source && !has_ranges;
        let from_pods =
            if is_direct { self.front(name, around) } else { self.unread(name, around) };
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

    /// A front whose targets see pods or nodes as their clients: which is not known. Where there is no
    /// target nobody sees anybody.
    fn unread(&mut self, name: &Name, mut listeners: Vec<Listener>) -> FrontId {
        let groups = &mut self.lowering.estate.network.target_groups;
        let name_of_group = Name::from(format!("pods of {name} by way of a node"));
        let unread = groups.push(group(name_of_group, Vec::new(), false, self.content));
        for listener in &mut listeners {
            let leads = |id: &TargetGroupId| {
                let content = &groups[*id];
                !content.targets_read || !content.targets.is_empty()
            };
            if listener.target_groups.iter().any(leads) {
                listener.target_groups = vec![unread];
            }
        }
        self.front(name, listeners)
    }

    /// An endpoint of one family: at its own addresses of it, or at one that is made up.
    fn endpoint(&mut self, name: &Name, family: Family, addresses: &[IpAddr]) -> EndpointId {
        let id = self.lowering.endpoint(name.clone(), self.workload, Vec::new());
        let network = &mut self.lowering.estate.network;
        let taken = |one: &IpAddr| network.endpoints.values().any(|other| other.holds(*one));
        let own: Vec<IpAddr> = addresses
            .iter()
            .copied()
            .filter(|one| Family::of(*one) == family && !taken(one))
            .collect();
        if own.is_empty() {
            network.endpoints[id].addresses.retain(|one| Family::of(*one) == family);
        } else {
            let subnet = self.lowering.subnet;
            let realm = network.subnets[subnet].realm;
            let hosts: Vec<Prefix> = own.iter().copied().map(Prefix::host).collect();
            network.subnets[subnet].prefixes.extend(&hosts);
            network.realms[realm].prefixes.extend(&hosts);
            network.endpoints[id].addresses = own;
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

    /// What it listens on for somebody, on the ports of nodes too or not.
    fn listeners(&mut self, from: From, by_node: bool) -> Vec<Listener> {
        let ports: Vec<ServicePort> = self.service.ports().to_vec();
        let mut heard: Vec<(&ServicePort, PortSet, bool)> = Vec::new();
        for port in &ports {
            let numbers = match from {
                From::Inside(_) => vec![(PortSet::single(port.number), true)],
                From::Outside(family) | From::Around(family) => {
                    self.outer_numbers(port, by_node, family)
                }
            };
            heard.extend(numbers.into_iter().map(|(numbers, known)| (port, numbers, known)));
        }
        // A port of nodes that is named is not the one that is not.
        heard.sort_by_key(|(.., known)| !known);
        let mut found = Vec::new();
        for (port, numbers, known) in heard {
            let group = self.targets(port, from, known);
            found.push(Listener {
                name: port.title(),
                flows: to_ports(port.protocol, numbers),
                target_groups: vec![group],
                clauses: Vec::new(),
                origin: Some(self.content.span),
            });
        }
        found
    }

    /// Whether anything of it is reached from outside.
    fn has_outer_side(&self) -> bool {
        let numbers = |port, family| self.outer_numbers(port, true, family);
        let mut ports = self.service.ports().iter();
        ports.any(|port| FAMILIES.into_iter().any(|family| !numbers(port, family).is_empty()))
    }

    /// The ports at which a port of the service is reached from outside, and whether they are known.
    fn outer_numbers(
        &self,
        port: &ServicePort,
        by_node: bool,
        family: Family,
    ) -> Vec<(PortSet, bool)> {
        let mut found = Vec::new();
        let mut external = self.content.external_addresses.iter();
        if self.content.is_balanced || external.any(|one| Family::of(*one) == family) {
            found.push((PortSet::single(port.number), true));
        }
        if !by_node {
            return found;
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

    /// A load balancer's ranges of clients. Node ports do not know them.
    ///
    /// Source: Kubernetes API reference, `ServiceSpec.loadBalancerSourceRanges`.
    fn ranges(&mut self) -> Vec<watertight_model::network::LayerId> {
        let (mut balanced, mut by_node) = (FlowSet::none(), FlowSet::none());
        for port in self.service.ports() {
            let own = to_ports(port.protocol, PortSet::single(port.number));
            balanced = balanced.union(&own);
            for (numbers, _) in
                FAMILIES.into_iter().flat_map(|family| self.outer_numbers(port, true, family))
            {
                by_node = by_node.union(&to_ports(port.protocol, numbers));
            }
        }
        by_node = by_node.difference(&balanced);
        let rule = |name: &str, peer, flows: &FlowSet| Rule {
            name: Name::from(name),
            peer,
            flows: flows.clone().into(),
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
            ingress: vec![Stage {
                combine: Combine::Union,
                rules: rules.into(),
                default: StageDefault::Deny,
            }],
            egress: Vec::new(),
            origin: Some(self.content.span),
        });
        vec![self.lowering.layer(layer(vec![guard], true))]
    }
}

/// A name with its family, where that is not the usual one.
fn over(name: &Name, family: Family) -> Name {
    match family {
        Family::V4 => name.clone(),
        Family::V6 => Name::from(format!("{name} over IPv6")),
    }
}

pub(super) fn group(name: Name, targets: Vec<Target>, known: bool, of: &Addressed) -> TargetGroup {
    TargetGroup {
        name,
        preserves_source: true,
        cross_zone: None,
        targets,
        targets_read: known,
        origin: Some(of.span),
    }
}
