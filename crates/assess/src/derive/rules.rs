//! The rules of endpoints' guards, and whom each matches.

use std::collections::BTreeMap;
use std::net::IpAddr;

use watertight_model::network::{
    Action, Combine, Direction, Endpoint, GatewayKind, GuardId, LayerId, ListContent, Peer,
    StageDefault,
};
use watertight_net::FlowSet;
use watertight_reach::{Class, ClassIndex, RuleAt};

use super::Input;
use super::hops::Source;
use crate::csr::{index, number};
use crate::graph::NONE;

/// The number of a rule.
pub(super) type RuleId = u32;

/// The number of the guards of a class's endpoints.
pub(super) type SideId = u32;

/// What decides at one end in one direction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Side {
    /// One of these rules has to accept; without rules, nothing stands in the way.
    Rules(Vec<RuleId>),
    /// Something that does not come down to one rule that accepts.
    Other,
}

/// What others see of a class.
struct Face {
    addresses: Vec<IpAddr>,
    guards: Vec<GuardId>,
    /// Whether it may have further guards.
    partial: bool,
}

struct Rule {
    at: RuleAt,
    peer: u32,
    flows: u32,
}

/// The rules by which classes let others in and themselves out.
pub(super) struct Rules {
    all: Vec<Rule>,
    peers: Vec<Peer>,
    flows: Vec<FlowSet>,
    ingress: Vec<Side>,
    egress: Vec<Side>,
    side_of: Vec<SideId>,
    faces: Vec<Option<Face>>,
    /// For each peer of a rule the senders that it matches, ordered.
    senders: Vec<Vec<u32>>,
    everybody: Vec<u32>,
    /// Prefixes of lists, by list.
    lists: Vec<Vec<watertight_net::Prefix>>,
    unread: Vec<bool>,
}

impl Rules {
    /// Reads the guards of every class with endpoints.
    pub(super) fn new(input: &Input<'_>, sources: &[Option<Source>]) -> Self {
        let network = &input.estate.network;
        let mut gathered = Gathering::default();
        let mut sides: BTreeMap<Vec<LayerId>, SideId> = BTreeMap::new();
        let (mut ingress, mut egress) = (Vec::new(), Vec::new());
        let (mut side_of, mut faces) = (Vec::new(), Vec::new());
        // A translating gateway may stand for anybody behind it.
        let translated: Vec<IpAddr> = network
            .gateways
            .values()
            .filter_map(|gateway| match gateway.kind {
                GatewayKind::SourceNat { endpoint, .. } => Some(endpoint),
                _ => None,
            })
            .flat_map(|endpoint| addresses(&network.endpoints[endpoint]))
            .collect();
        for class in &input.matrix.classes {
            let Class::Endpoints(members) = class else {
                side_of.push(NONE);
                faces.push(None);
                continue;
            };
            let Some(endpoint) = members.first().map(|id| &network.endpoints[*id]) else {
                side_of.push(NONE);
                faces.push(None);
                continue;
            };
            let next = number(sides.len());
            let side = *sides.entry(endpoint.layers.clone()).or_insert(next);
            if side == next {
                ingress.push(gathered.side(input, &endpoint.layers, Direction::Ingress));
                egress.push(gathered.side(input, &endpoint.layers, Direction::Egress));
            }
            side_of.push(side);
            // What it sends may come from its host, which others then see in its place.
            let uplink = members.first().and_then(|id| network.uplinks.get(id));
            let host = uplink.map(|uplink| &network.endpoints[uplink.by]);
            let both = || [Some(endpoint), host].into_iter().flatten();
            let layers = || both().flat_map(|one| &one.layers).map(|id| &network.layers[*id]);
            let own = both().flat_map(addresses);
            faces.push(Some(Face {
                addresses: own.chain(translated.iter().copied()).collect(),
                guards: layers().flat_map(|layer| layer.guards.iter().copied()).collect(),
                partial: layers().any(|layer| !layer.complete),
            }));
        }
        let known = |content: &ListContent| match content {
            ListContent::Known(prefixes) => prefixes.clone(),
            ListContent::Unread(_) => Vec::new(),
        };
        let lists = network.lists.values();
        let everybody = (0..sources.len()).filter(|place| sources[*place].is_some());
        let mut rules = Self {
            all: gathered.rules,
            peers: Vec::new(),
            flows: gathered.flows,
            ingress,
            egress,
            side_of,
            faces,
            senders: Vec::new(),
            everybody: everybody.map(number).collect(),
            lists: lists.clone().map(|list| known(&list.content)).collect(),
            unread: lists.map(|list| matches!(list.content, ListContent::Unread(_))).collect(),
        };
        rules.peers = gathered.peers;
        rules.senders = rules
            .peers
            .iter()
            .map(|peer| {
                let all = rules.everybody.iter().copied();
                all.filter(|class| rules.is_meant(peer, index(*class))).collect()
            })
            .collect();
        rules
    }

    /// How many rules there are.
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// What has to let others in at a class.
    pub(super) fn ingress(&self, class: ClassIndex) -> Side {
        let side = self.side_of.get(class).and_then(|side| self.ingress.get(index(*side)));
        side.cloned().unwrap_or(Side::Other)
    }

    /// What has to let senders out, in the order of the numbers of their guards.
    pub(super) fn egress_sides(&self) -> std::slice::Iter<'_, Side> {
        self.egress.iter()
    }

    /// The guards of a class, by number.
    pub(super) fn side(&self, class: u32) -> SideId {
        self.side_of.get(index(class)).copied().unwrap_or(NONE)
    }

    /// The senders that a rule matches; everybody where no rule is needed.
    pub(super) fn senders(&self, rule: Option<RuleId>) -> &[u32] {
        match rule.and_then(|rule| self.all.get(index(rule))) {
            Some(rule) => &self.senders[index(rule.peer)],
            None => &self.everybody,
        }
    }

    /// Whether a rule matches a class.
    pub(super) fn matches(&self, rule: RuleId, class: ClassIndex) -> bool {
        let rule = self.all.get(index(rule));
        rule.is_some_and(|rule| self.is_meant(&self.peers[index(rule.peer)], class))
    }

    /// The flows of a rule.
    pub(super) fn flows(&self, rule: RuleId) -> &FlowSet {
        &self.flows[index(self.flows_id(rule))]
    }

    /// The number of a rule's flows; rules share them.
    pub(super) fn flows_id(&self, rule: RuleId) -> u32 {
        self.all[index(rule)].flows
    }

    /// Where a rule stands.
    pub(super) fn at(&self, rule: RuleId) -> RuleAt {
        self.all[index(rule)].at
    }

    /// Whether a peer means a class, or perhaps does.
    fn is_meant(&self, peer: &Peer, class: ClassIndex) -> bool {
        let Some(Some(face)) = self.faces.get(class) else { return false };
        let within = |prefix: &watertight_net::Prefix| {
            face.addresses.iter().any(|address| prefix.contains(*address))
        };
        match peer {
            Peer::Any | Peer::Unread(_) => true,
            Peer::Prefix(prefix) => within(prefix),
            Peer::List(list) => {
                let place = watertight_model::ArenaId::index(*list);
                self.unread.get(place).copied().unwrap_or(true)
                    || self.lists.get(place).is_some_and(|list| list.iter().any(within))
            }
            Peer::Members(guard) => face.partial || face.guards.contains(guard),
        }
    }
}

/// Every address by which an endpoint may be seen.
fn addresses(endpoint: &Endpoint) -> impl Iterator<Item = IpAddr> + '_ {
    let public = endpoint.public.iter().map(|(_, public)| *public);
    endpoint.addresses.iter().copied().chain(public)
}

/// Rules in the making, with peers and flows kept once.
#[derive(Default)]
struct Gathering {
    rules: Vec<Rule>,
    known: BTreeMap<RuleAt, RuleId>,
    peers: Vec<Peer>,
    peer_numbers: BTreeMap<Peer, u32>,
    flows: Vec<FlowSet>,
    flow_numbers: BTreeMap<FlowSet, u32>,
}

impl Gathering {
    /// What layers decide in a direction. Guards that keep no state do not count: their rules shadow
    /// each other, so that taking one away is no action.
    fn side(&mut self, input: &Input<'_>, layers: &[LayerId], direction: Direction) -> Side {
        let network = &input.estate.network;
        let stateful = |layer: &&LayerId| {
            network.layers[**layer].guards.iter().any(|guard| network.guards[*guard].stateful)
        };
        let mut deciding = layers.iter().filter(stateful);
        let Some(layer) = deciding.next() else { return Side::Rules(Vec::new()) };
        if deciding.next().is_some() {
            return Side::Other;
        }
        let mut found = Vec::new();
        for guard in &network.layers[*layer].guards {
            let [stage] = network.guards[*guard].stages(direction) else { return Side::Other };
            let plain = stage.combine == Combine::Union && stage.default == StageDefault::Deny;
            let decides = network.guards[*guard].stateful && network.guards[*guard].is_written();
            if !plain || !decides {
                return Side::Other;
            }
            for (place, rule) in stage.rules.iter().enumerate() {
                if matches!(rule.action, Action::Accept | Action::AcceptHere) {
                    let at = RuleAt { guard: *guard, direction, stage: 0, rule: place };
                    found.push(self.rule(at, rule));
                }
            }
        }
        // Rules that accept nothing are as good as none, and none would mean that nothing decides.
        if found.is_empty() { Side::Other } else { Side::Rules(found) }
    }

    fn rule(&mut self, at: RuleAt, rule: &watertight_model::network::Rule) -> RuleId {
        if let Some(known) = self.known.get(&at) {
            return *known;
        }
        let next = number(self.peers.len());
        let peer = *self.peer_numbers.entry(rule.peer.clone()).or_insert(next);
        if peer == next {
            self.peers.push(rule.peer.clone());
        }
        let next = number(self.flows.len());
        let flows = *self.flow_numbers.entry(rule.flows.clone()).or_insert(next);
        if flows == next {
            self.flows.push(rule.flows.clone());
        }
        let id = number(self.rules.len());
        self.rules.push(Rule { at, peer, flows });
        self.known.insert(at, id);
        id
    }
}
