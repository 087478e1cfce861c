//! Essentials as rules that decisions ask before every other.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use watertight_model::network::{Endpoint, EndpointId};
use watertight_model::{Estate, Name, Network, Selector};
use watertight_net::{AddressSet, FlowSet, Prefix};
use watertight_source::{FileId, Span};

use super::clusters::Clusters;
use super::legs::{api, by_realm, control_flows, dns, health, kubelet};
use super::platforms::{is_in_cloud, neighbours, tcp, udp};
use crate::checked::{
    Action, CheckedPolicy, Clause, Conditions, ControlPlane, End, Lowering, Mode, Narrowable, Peer,
    Policy, Rule, SelectorId, SelectorNode, Tier,
};
use crate::decide::Essentials;

/// The provider's time service (Amazon EC2 User Guide, "Set the time reference on your instance").
const TIME: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 123)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x123)),
];

/// Nobody wrote these rules.
const NOWHERE: Span = Span::at(FileId(u32::MAX), 0);

/// Whether a rule stands in a file, and was not generated.
pub fn is_written(span: Span) -> bool {
    span.file != NOWHERE.file
}

/// Adds an estate's essentials to a policy, and says which of its policies they are.
///
/// Those are added whose ends have addresses: the resolver of each network, time, neighbour
/// discovery, health checks, what a node asks of its own pods, what pods ask the resolver of their
/// cluster, what nodes and control planes ask one another, and the failsafe tuples that the policy
/// lists. What goes to everybody on a link is nothing that a policy speaks of.
pub fn with_essentials(policy: &mut CheckedPolicy, estate: &Estate) -> Essentials {
    let mut adding = Adding { policy, added: Vec::new() };
    adding.past_guards(estate);
    adding.at_guards(estate)
}

/// Adds those of the same essentials that guards at interfaces can cut, and says which policies they
/// are. The provider's resolver and time answer past such guards, neighbours are found without them,
/// and what a node asks of its own pods passes no interface: [`past_guards`] tells of these.
pub fn with_filterable_essentials(policy: &mut CheckedPolicy, estate: &Estate) -> Essentials {
    Adding { policy, added: Vec::new() }.at_guards(estate)
}

/// Adds the failsafe tuples that a policy lists, and says which of its policies they are.
pub fn with_failsafe(policy: &mut CheckedPolicy) -> Essentials {
    let listed = policy.failsafe.clone();
    let names: Vec<Name> = listed.iter().map(|one| one.name.clone()).collect();
    policy.policies.extend(listed);
    Essentials { policies: names.clone(), failsafe: names }
}

/// What the essentials let an endpoint send to one of the provider's services that answer past every
/// guard: its own network's resolver, and time.
pub fn past_guards(estate: &Estate, endpoint: EndpointId, service: IpAddr) -> FlowSet {
    let network = &estate.network;
    let subnet = network.endpoints.get(endpoint).and_then(|one| network.subnets.get(one.subnet?));
    let realm = subnet.and_then(|subnet| network.realms.get(subnet.realm));
    if realm.is_some_and(|realm| realm.resolvers.contains(&service)) {
        dns()
    } else if TIME.contains(&service) {
        udp(123)
    } else {
        FlowSet::none()
    }
}

/// The ends of a rule, with the rule's name.
type Named = (Option<Name>, Peer, Peer);

struct Adding<'p> {
    policy: &'p mut CheckedPolicy,
    added: Vec<Name>,
}

impl Adding<'_> {
    /// What guards at interfaces do not cut.
    fn past_guards(&mut self, estate: &Estate) {
        let network = &estate.network;
        let everybody = self.everybody();
        if estate.workloads.values().any(is_in_cloud) {
            let ends = (everybody.clone(), everybody.clone());
            self.add("essential aws neighbour discovery", vec![ends], &neighbours());
            let time = addresses(TIME, None);
            self.add("essential aws time", vec![(everybody, time)], &udp(123));
            self.resolvers(network);
        }
        let hosted = network.uplinks.iter().filter_map(|(guest, uplink)| {
            let (guest, host) = (network.endpoints.get(*guest)?, network.endpoints.get(uplink.by)?);
            Some((all(network, &[host]), all(network, &[guest])))
        });
        let hosted: Vec<(Peer, Peer)> = hosted.collect();
        self.add("essential kubernetes node to own pod", hosted, &FlowSet::all());
    }

    /// The resolver of each network, for those who are in it: at its address there, where another network
    /// may have a workload, and at those that it has everywhere, where whoever asks finds the own one.
    fn resolvers(&mut self, network: &Network) {
        let mut held: BTreeMap<IpAddr, Vec<Name>> = BTreeMap::new();
        for realm in network.realms.values() {
            let is_inside = |one: &IpAddr| realm.prefixes.iter().any(|all| all.contains(*one));
            let (own, others): (Vec<IpAddr>, Vec<IpAddr>) =
                realm.resolvers.iter().copied().partition(is_inside);
            if !own.is_empty() {
                let to = addresses(own, Some(realm.name.clone()));
                let name = format!("essential aws resolver of {}", realm.name);
                self.add(&name, vec![(residents(vec![realm.name.clone()]), to)], &dns());
            }
            for one in others {
                held.entry(one).or_default().push(realm.name.clone());
            }
        }
        let mut anywhere: BTreeMap<Vec<Name>, Vec<IpAddr>> = BTreeMap::new();
        for (address, mut networks) in held {
            networks.sort();
            networks.dedup();
            anywhere.entry(networks).or_default().push(address);
        }
        let ends = anywhere.into_iter();
        let ends = ends.map(|(networks, at)| (residents(networks), addresses(at, None)));
        self.add("essential aws resolver", ends.collect(), &dns());
    }

    /// What guards at interfaces can cut.
    fn at_guards(mut self, estate: &Estate) -> Essentials {
        self.health_checks(estate);
        self.clusters(estate);
        let listed = with_failsafe(self.policy);
        self.added.extend(listed.policies);
        Essentials { policies: self.added, failsafe: listed.failsafe }
    }

    /// What pods ask the resolver of their cluster, and what nodes and control planes ask one another.
    fn clusters(&mut self, estate: &Estate) {
        let network = &estate.network;
        let side = |ids: &[EndpointId]| {
            let ends: Vec<&Endpoint> =
                ids.iter().filter_map(|id| network.endpoints.get(*id)).collect();
            all(network, &ends)
        };
        let (mut asked, mut called, mut calls) = (Vec::new(), Vec::new(), Vec::new());
        let listed = self.policy.control_planes.clone();
        let (mut listed_called, mut listed_calls) = (Vec::new(), Vec::new());
        let clusters = Clusters::of(estate);
        for (cluster, own) in clusters.iter() {
            let name = Some(clusters.title(cluster));
            let resolvers = by_realm(network, own.resolvers.iter().copied());
            for pods in by_realm(network, own.pods.iter().copied()).values() {
                for resolvers in resolvers.values() {
                    asked.push((name.clone(), side(pods), side(resolvers)));
                }
            }
            for (nodes, planes) in own.control(network) {
                called.push((name.clone(), side(&nodes), side(&planes)));
                calls.push((name.clone(), side(&planes), side(&nodes)));
            }
            for nodes in by_realm(network, own.nodes.iter().copied()).values() {
                for one in listed.iter().filter(|one| clusters.is_of(one, cluster)) {
                    let plane = listed_plane(one);
                    listed_called.push((name.clone(), side(nodes), plane.clone()));
                    listed_calls.push((name.clone(), plane, side(nodes)));
                }
            }
        }
        let (resolver, control) = (Narrowable::ClusterResolver, Narrowable::ControlPlane);
        self.add_narrowed(resolver, "essential kubernetes resolver", asked, &dns());
        self.add_narrowed(control, "essential kubernetes nodes to control plane", called, &api());
        self.add_narrowed(
            control,
            "essential kubernetes control plane to nodes",
            calls,
            &kubelet(),
        );
        let name = "essential kubernetes nodes to listed control plane";
        self.add_narrowed(control, name, listed_called, &control_flows(true));
        let name = "essential kubernetes listed control plane to nodes";
        self.add_narrowed(control, name, listed_calls, &control_flows(false));
    }

    /// Every workload.
    fn everybody(&mut self) -> Peer {
        let id = SelectorId::at(self.policy.selectors.len());
        self.policy.selectors.push(SelectorNode::Labels(Selector::Everything));
        peer(Conditions { workloads: Some(id), ..Conditions::default() })
    }

    /// What fronts send to check the health of their targets: a policy for each port, with a rule for
    /// each front that is called after it.
    fn health_checks(&mut self, estate: &Estate) {
        let network = &estate.network;
        let workload = |id: &EndpointId| {
            network.endpoints.get(*id).and_then(|one| estate.workloads.get(one.workload))
        };
        for (port, ends) in health(estate) {
            let sides = |ids: &[EndpointId]| {
                let of_realms = by_realm(network, ids.iter().copied()).into_values();
                let ends = of_realms.map(|ids| {
                    let ends = ids.iter().filter_map(|id| network.endpoints.get(*id));
                    all(network, &ends.collect::<Vec<&Endpoint>>())
                });
                ends.collect::<Vec<Peer>>()
            };
            let mut checks = Vec::new();
            for (from, to) in &ends {
                let front = from.first().and_then(workload).map(|front| front.name.clone());
                let to = sides(to);
                for from in sides(from) {
                    let each = to.iter().map(|to| (front.clone(), from.clone(), to.clone()));
                    checks.extend(each);
                }
            }
            let name = format!("essential health checks {port}");
            self.add_narrowed(Narrowable::HealthChecks, &name, checks, &tcp(port));
        }
    }

    /// Adds a policy with a rule for each pair of ends.
    fn add(&mut self, name: &str, ends: Vec<(Peer, Peer)>, flows: &FlowSet) {
        let ends = ends.into_iter().map(|(from, to)| (None, from, to));
        self.add_named(name, ends.collect(), flows);
    }

    /// The same for an essential that the policy may narrow: between workloads that it names alone.
    fn add_narrowed(&mut self, of: Narrowable, name: &str, ends: Vec<Named>, flows: &FlowSet) {
        let own = self.policy.narrowed.iter().filter(|one| one.essential == of);
        let own: Vec<(Vec<Peer>, Vec<Peer>)> =
            own.map(|one| (one.from.clone(), one.to.clone())).collect();
        if own.is_empty() {
            return self.add_named(name, ends, flows);
        }
        let mut narrowed = Vec::new();
        for (title, from, to) in ends {
            for (senders, receivers) in &own {
                for from in within(&from, senders) {
                    let each = within(&to, receivers).into_iter();
                    narrowed.extend(each.map(|to| (title.clone(), from.clone(), to)));
                }
            }
        }
        self.add_named(name, narrowed, flows);
    }

    /// The same, with rules that have names.
    fn add_named(&mut self, name: &str, ends: Vec<Named>, flows: &FlowSet) {
        if ends.is_empty() {
            return;
        }
        let clause =
            Clause { span: NOWHERE, flows: flows.clone(), tls: false, http: Arc::from([]) };
        let over: Arc<[Clause]> = Arc::from([clause]);
        let rules = ends.into_iter().map(|(name, from, to)| Rule {
            span: NOWHERE,
            name,
            action: Action::Allow,
            from: vec![from],
            to: vec![to],
            through: Vec::new(),
            over: Arc::clone(&over),
        });
        self.policy.policies.push(Policy {
            name: Name::from(name),
            name_span: NOWHERE,
            owner: None,
            ticket: None,
            tier: Tier::Standard,
            order: 0,
            mode: Mode::Enforce,
            expires: None,
            lowering: Lowering::WIDEN,
            rules: rules.collect(),
        });
        self.added.push(Name::from(name));
    }
}

/// The workloads of some peers that a generated one means too; itself where there are none. What is
/// generated asks for no selector, so that theirs is the only one.
fn within(generated: &Peer, peers: &[Peer]) -> Vec<Peer> {
    let End::Conditions(own) = &generated.end else { return vec![generated.clone()] };
    if peers.is_empty() {
        return vec![generated.clone()];
    }
    let selected = peers.iter().filter_map(|one| match &one.end {
        End::Conditions(conditions) => conditions.workloads,
        End::Any | End::Internet => None,
    });
    let both = |workloads| peer(Conditions { workloads: Some(workloads), ..(**own).clone() });
    selected.map(both).collect()
}

fn peer(conditions: Conditions) -> Peer {
    Peer { span: NOWHERE, end: End::Conditions(Box::new(conditions)) }
}

/// Where a control plane is that the policy lists.
fn listed_plane(one: &ControlPlane) -> Peer {
    let (addresses, network) = (Some(Arc::clone(&one.addresses)), one.network.clone());
    peer(Conditions { addresses, network, ..Conditions::default() })
}

/// Workloads that are in one of some networks.
fn residents(mut networks: Vec<Name>) -> Peer {
    networks.sort();
    peer(Conditions { residents: networks.into(), ..Conditions::default() })
}

fn addresses(all: impl IntoIterator<Item = IpAddr>, network: Option<Name>) -> Peer {
    let set = AddressSet::from_prefixes(all.into_iter().map(Prefix::host));
    peer(Conditions { addresses: Some(Arc::new(set)), network, ..Conditions::default() })
}

/// All addresses of endpoints of one network: an end with an address that a peer does not name may be
/// another. A public address is in no network, so that whoever is meant is told by where else it is.
fn all(network: &Network, endpoints: &[&Endpoint]) -> Peer {
    let own = endpoints.iter().flat_map(|one| one.addresses.iter().copied());
    let public: BTreeSet<IpAddr> =
        endpoints.iter().flat_map(|one| one.public.iter().map(|(_, outer)| *outer)).collect();
    let realm = endpoints.iter().find_map(|one| {
        let subnet = network.subnets.get(one.subnet?)?;
        network.realms.get(subnet.realm).map(|realm| realm.name.clone())
    });
    let set = AddressSet::from_prefixes(own.chain(public.iter().copied()).map(Prefix::host));
    let addresses = Some(Arc::new(set));
    if public.is_empty() {
        return peer(Conditions { addresses, network: realm, ..Conditions::default() });
    }
    let residents = realm.into_iter().collect();
    peer(Conditions { addresses, residents, ..Conditions::default() })
}
