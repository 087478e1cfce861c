//! Essentials as rules that decisions ask before every other.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use watertight_model::network::{Endpoint, EndpointId};
use watertight_model::{Estate, Name, Network, Selector, WorkloadKind};
use watertight_net::{AddressSet, FlowSet, Prefix};
use watertight_source::{FileId, Span};

use super::legs::health;
use super::platforms::{neighbours, tcp, udp};
use crate::checked::{
    Action, CheckedPolicy, Clause, Conditions, End, Lowering, LoweringChoice, Mode, Peer, Policy,
    Rule, SelectorId, SelectorNode, Tier,
};
use crate::decide::Essentials;

/// The provider's time service (Amazon EC2 User Guide, "Set the time reference on your instance").
const TIME: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 123)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x123)),
];

/// Nobody wrote these rules.
const NOWHERE: Span = Span::at(FileId(u32::MAX), 0);

/// Adds an estate's essentials to a policy, and says which of its policies they are.
///
/// Those are added whose ends have addresses: the resolver of each network, time, neighbour
/// discovery, health checks, and what a node asks of its own pods. What goes to everybody on a link
/// is nothing that a policy speaks of.
pub fn with_essentials(policy: &mut CheckedPolicy, estate: &Estate) -> Essentials {
    let mut adding = Adding { policy, added: Vec::new() };
    let network = &estate.network;
    let is_pod = |kind: WorkloadKind| matches!(kind, WorkloadKind::Pod);
    let everybody = adding.everybody();
    if estate.workloads.values().any(|one| !is_pod(one.kind)) {
        let ends = (everybody.clone(), everybody.clone());
        adding.add("essential aws neighbour discovery", vec![ends], &neighbours());
        let time = addresses(TIME, None);
        adding.add("essential aws time", vec![(everybody.clone(), time)], &udp(123));
        let over = udp(53).union(&tcp(53));
        for realm in network.realms.values().filter(|realm| !realm.resolvers.is_empty()) {
            let resolvers = addresses(realm.resolvers.iter().copied(), None);
            let name = format!("essential aws resolver of {}", realm.name);
            adding.add(&name, vec![(everybody.clone(), resolvers)], &over);
        }
    }
    adding.health_checks(estate);
    let hosted = network.uplinks.iter().filter_map(|(guest, uplink)| {
        let (guest, host) = (network.endpoints.get(*guest)?, network.endpoints.get(uplink.by)?);
        Some((all(network, &[host]), all(network, &[guest])))
    });
    let hosted: Vec<(Peer, Peer)> = hosted.collect();
    adding.add("essential kubernetes node to own pod", hosted, &FlowSet::all());
    Essentials { policies: adding.added, failsafe: Vec::new() }
}

/// Adds the essentials that guards at interfaces can cut, and says which policies they are: health
/// checks. The provider's resolver and time answer past such guards, neighbours are found without
/// them, and what a node asks of its own pods passes no interface.
pub fn with_health_checks(policy: &mut CheckedPolicy, estate: &Estate) -> Essentials {
    let mut adding = Adding { policy, added: Vec::new() };
    adding.health_checks(estate);
    Essentials { policies: adding.added, failsafe: Vec::new() }
}

struct Adding<'p> {
    policy: &'p mut CheckedPolicy,
    added: Vec<Name>,
}

impl Adding<'_> {
    /// Every workload.
    fn everybody(&mut self) -> Peer {
        let id = SelectorId::at(self.policy.selectors.len());
        self.policy.selectors.push(SelectorNode::Labels(Selector::all([])));
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
            let side = |ids: &[EndpointId]| {
                let ends: Vec<&Endpoint> =
                    ids.iter().filter_map(|id| network.endpoints.get(*id)).collect();
                all(network, &ends)
            };
            let ends = ends.iter().map(|(from, to)| {
                let front = from.first().and_then(workload);
                (front.map(|front| front.name.clone()), side(from), side(to))
            });
            self.add_named(&format!("essential health checks {port}"), ends.collect(), &tcp(port));
        }
    }

    /// Adds a policy with a rule for each pair of ends.
    fn add(&mut self, name: &str, ends: Vec<(Peer, Peer)>, flows: &FlowSet) {
        let ends = ends.into_iter().map(|(from, to)| (None, from, to));
        self.add_named(name, ends.collect(), flows);
    }

    /// The same, with rules that have names.
    fn add_named(&mut self, name: &str, ends: Vec<(Option<Name>, Peer, Peer)>, flows: &FlowSet) {
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
        let widen = LoweringChoice::Widen;
        self.policy.policies.push(Policy {
            name: Name::from(name),
            name_span: NOWHERE,
            owner: None,
            ticket: None,
            tier: Tier::Standard,
            order: 0,
            mode: Mode::Enforce,
            expires: None,
            lowering: Lowering {
                requests: widen,
                identity: widen,
                internet: widen,
                domains: widen,
                deny: widen,
            },
            rules: rules.collect(),
        });
        self.added.push(Name::from(name));
    }
}

fn peer(conditions: Conditions) -> Peer {
    Peer { span: NOWHERE, end: End::Conditions(Box::new(conditions)) }
}

fn addresses(all: impl IntoIterator<Item = IpAddr>, network: Option<Name>) -> Peer {
    let set = AddressSet::from_prefixes(all.into_iter().map(Prefix::host));
    peer(Conditions { addresses: Some(Arc::new(set)), network, ..Conditions::default() })
}

/// All addresses of endpoints: an end with an address that a peer does not name may be another. A public
/// address is in no network, so that the network is told where there is none.
fn all(network: &Network, endpoints: &[&Endpoint]) -> Peer {
    let own = endpoints.iter().flat_map(|one| one.addresses.iter().copied());
    let public: BTreeSet<IpAddr> =
        endpoints.iter().flat_map(|one| one.public.iter().map(|(_, outer)| *outer)).collect();
    let realm = endpoints.iter().find_map(|one| {
        let subnet = network.subnets.get(one.subnet?)?;
        network.realms.get(subnet.realm).map(|realm| realm.name.clone())
    });
    let realm = realm.filter(|_| public.is_empty());
    addresses(own.chain(public), realm)
}
