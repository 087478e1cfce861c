//! On which removable things a way rests, and what can be done about it short of removing a rule.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use watertight_model::network::{
    Attached, Direction, EndpointId, GatewayKind, GuardId, Hop, Peer, RealmId, Rule,
};
use watertight_net::{AddressSet, FlowSet, Prefix};
use watertight_reach::{Class, ClassIndex, RuleAt, Way};

use super::actions::rule_text;
use super::hops::Goal;
use super::{Building, Change, Input, ports};
use crate::hop::Removable;

/// The most alternatives that one hop keeps; beyond, the hop counts as standing whatever is
/// removed, which never makes a cut look better than it is.
const ALTERNATIVES_MAX: usize = 64;

/// Whom a narrowed rule leaves out.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Without {
    /// The addresses of a realm.
    Realm(RealmId),
    /// All but the estate's own and private addresses.
    Internet,
}

/// The addresses that a narrowed rule keeps; none where it would match as before or nobody.
pub(super) fn kept(
    input: &watertight_model::Network,
    peer: &Peer,
    without: Without,
) -> Option<Vec<Prefix>> {
    let before = match peer {
        Peer::Any => AddressSet::all(),
        Peer::Prefix(prefix) => AddressSet::from_prefix(*prefix),
        Peer::List(_) | Peer::Members(_) | Peer::Unread(_) => return None,
    };
    let after = match without {
        Without::Realm(realm) => before
            .difference(&AddressSet::from_prefixes(input.realms[realm].prefixes.iter().copied())),
        Without::Internet => {
            let realms = input.realms.values().flat_map(|realm| realm.prefixes.iter().copied());
            let private = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"];
            let private = private.iter().filter_map(|text| text.parse::<Prefix>().ok());
            before.intersection(&AddressSet::from_prefixes(realms.chain(private)))
        }
    };
    (!after.is_empty() && after != before).then(|| after.prefixes())
}

/// The ports that a rule keeps when it is narrowed to what is known to listen, and to remote
/// administration; none where that is as before or nothing.
pub(super) fn known_ports(rule: &Rule, listening: &FlowSet) -> Option<FlowSet> {
    let kept = rule.flows.intersection(&listening.union(&ports::administration()));
    (!kept.is_empty() && kept != *rule.flows).then_some(kept)
}

/// What is to be known of the two ends of a way.
pub(super) struct Ends<'a> {
    pub(super) input: &'a Input<'a>,
    /// What is known to listen behind each guard.
    pub(super) listening: &'a BTreeMap<GuardId, FlowSet>,
    pub(super) from: ClassIndex,
    pub(super) to: ClassIndex,
}

impl Ends<'_> {
    /// On which removable things a way rests: one accepting rule at each place with guards that keep
    /// state, the public address that is dialled, routes that have no substitute. Every choice of
    /// rules is an alternative.
    pub(super) fn support(
        &self,
        building: &mut Building,
        way: &Way,
        goal: &Goal,
    ) -> Vec<BTreeSet<Removable>> {
        let mut common = self.common(building, way, goal);
        let mut alternatives: Vec<BTreeSet<Removable>> = vec![BTreeSet::new()];
        for (_, rules) in &way.layers {
            // What nobody wrote cannot be removed, whatever else in the layer is.
            if rules
                .iter()
                .any(|(at, accepted)| !self.is_written(*at) && accepted.intersects(&goal.flows))
            {
                continue;
            }
            let accepting: Vec<BTreeSet<Removable>> = rules
                .iter()
                .filter(|(at, accepted)| self.is_removable(*at) && accepted.intersects(&goal.flows))
                .map(|(at, accepted)| self.things(building, *at, accepted, way, goal))
                .collect();
            if accepting.is_empty() {
                continue;
            }
            alternatives = alternatives
                .iter()
                .flat_map(|alternative| accepting.iter().map(move |things| alternative | things))
                .collect();
            if alternatives.len() > ALTERNATIVES_MAX {
                return Vec::new();
            }
        }
        if let Some((endpoint, address)) = way.public {
            common.insert(self.public_address(building, endpoint, address));
        }
        for alternative in &mut alternatives {
            alternative.extend(&common);
        }
        if alternatives.iter().any(BTreeSet::is_empty) { Vec::new() } else { alternatives }
    }

    /// What ends an accepting rule's part in a hop: the rule's removal, or what narrows it enough.
    fn things(
        &self,
        building: &mut Building,
        at: RuleAt,
        accepted: &FlowSet,
        way: &Way,
        goal: &Goal,
    ) -> BTreeSet<Removable> {
        let network = &self.input.estate.network;
        let name = || rule_text(self.input, at);
        let mut things = BTreeSet::from([building.removable(&Change::RemoveRule(at), name)]);
        let rules = network.guards[at.guard].stages(at.direction).get(at.stage);
        let Some(rule) = rules.and_then(|stage| stage.rules.get(at.rule)) else { return things };
        let (own, other) = match at.direction {
            Direction::Ingress => (self.to, self.from),
            Direction::Egress => (self.from, self.to),
        };
        // What a realm's workloads are to each other is nothing to leave out as a whole.
        let own = self.realm_of(own).map(Without::Realm);
        let other = self.seen_from(other, way).filter(|other| Some(*other) != own);
        if let Some(without) = other.filter(|other| kept(network, &rule.peer, *other).is_some()) {
            things.insert(building.removable(&Change::NarrowRule(at, without), name));
        }
        if at.direction == Direction::Ingress
            && let Some(listening) = self.listening.get(&at.guard)
            && let Some(ports) = known_ports(rule, listening)
            && !accepted.intersection(&goal.flows).intersects(&ports)
        {
            things.insert(building.removable(&Change::NarrowPorts(at, ports), name));
        }
        things
    }

    /// The realm of a class, or the internet, as the other end sees its address.
    fn seen_from(&self, class: ClassIndex, way: &Way) -> Option<Without> {
        match self.input.matrix.classes.get(class)? {
            Class::Internet(_) => Some(Without::Internet),
            Class::Endpoints(_) if self.is_direct(way) => self.realm_of(class).map(Without::Realm),
            Class::Endpoints(_) | Class::Outside(..) => None,
        }
    }

    /// The realm of a class's endpoints.
    fn realm_of(&self, class: ClassIndex) -> Option<RealmId> {
        let network = &self.input.estate.network;
        let Class::Endpoints(members) = self.input.matrix.classes.get(class)? else { return None };
        let subnet = network.endpoints[*members.first()?].subnet?;
        Some(network.subnets[subnet].realm)
    }

    /// Whether both ends of a way see each other's own addresses.
    fn is_direct(&self, way: &Way) -> bool {
        let network = &self.input.estate.network;
        let plain = |(table, text): &(_, watertight_model::Name)| {
            let routes = network.tables[*table].routes.iter();
            routes.filter(|route| route.text == *text).all(|route| match &route.hop {
                Hop::Local | Hop::Attachment(_) => true,
                Hop::Gateway(id) => matches!(
                    network.gateways[*id].kind,
                    GatewayKind::Peering { .. } | GatewayKind::Transit
                ),
                Hop::Endpoint(_) | Hop::Blackhole(_) | Hop::Unread(_) => false,
            })
        };
        way.public.is_none() && !way.boxed && way.routes.iter().all(plain)
    }

    /// What ends a way whatever rules accept it.
    fn common(&self, building: &mut Building, way: &Way, goal: &Goal) -> BTreeSet<Removable> {
        let network = &self.input.estate.network;
        let mut things = BTreeSet::new();
        for (table, text) in &way.routes {
            let routes = &network.tables[*table].routes;
            let Some(place) = routes.iter().position(|route| route.text == *text) else {
                continue;
            };
            let route = &routes[place];
            let leads_away = match &route.hop {
                Hop::Gateway(id) => matches!(
                    network.gateways[*id].kind,
                    GatewayKind::Peering { .. } | GatewayKind::Transit
                ),
                Hop::Attachment(id) => {
                    matches!(network.attachments[*id].attached, Attached::Realm { .. })
                }
                Hop::Local | Hop::Endpoint(_) | Hop::Blackhole(_) | Hop::Unread(_) => false,
            };
            // Without it, a wider one would take its place.
            let substitute = routes.iter().enumerate().any(|(other, wider)| {
                other != place && wider.destination.overlaps(route.destination)
            });
            if leads_away && !substitute && network.tables[*table].unread.is_empty() {
                let change = Change::DropRoute(*table, place);
                things.insert(building.removable(&change, || text.to_string()));
            }
        }
        let data = goal.flows == ports::data();
        if let Some(Without::Realm(realm)) = self.seen_from(self.from, way).filter(|_| data) {
            things.extend(self.denies(building, way, realm));
        }
        things
    }

    /// Entries that could be put in front of lists at the target's side: data ports, from a realm
    /// that is not the target's own.
    fn denies(&self, building: &mut Building, way: &Way, realm: RealmId) -> Vec<Removable> {
        let network = &self.input.estate.network;
        let own = self.realm_of(self.to);
        if own.is_none() || own == Some(realm) {
            return Vec::new();
        }
        let rules = way.layers.iter().flat_map(|(_, rules)| rules).map(|(at, _)| at);
        let lists: BTreeSet<GuardId> = rules
            .filter(|at| at.direction == Direction::Ingress && !self.is_removable(**at))
            .map(|at| at.guard)
            .collect();
        let name = |guard: GuardId| {
            format!("{} at {}", network.realms[realm].title, network.guards[guard].name)
        };
        lists
            .into_iter()
            .map(|guard| building.removable(&Change::AddDeny(guard, realm), || name(guard)))
            .collect()
    }

    fn public_address(
        &self,
        building: &mut Building,
        endpoint: EndpointId,
        address: IpAddr,
    ) -> Removable {
        building.removable(&Change::DropPublic(endpoint, address), || {
            let name = &self.input.estate.network.endpoints[endpoint].name;
            format!("public address {address} of {name}")
        })
    }

    fn is_written(&self, at: RuleAt) -> bool {
        self.input.estate.network.guards[at.guard].is_written()
    }

    /// Rules of stateful guards can be removed one by one; an ordered list's entries shadow each
    /// other, so taking one away could open what it closes.
    fn is_removable(&self, at: RuleAt) -> bool {
        self.input.estate.network.guards[at.guard].stateful
    }
}
