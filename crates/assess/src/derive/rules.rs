//! The rules of endpoints' guards, and whom each matches.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use watertight_model::network::{
    self, Action, Combine, Direction, Endpoint, GatewayKind, GuardId, LayerId, ListContent, Peer,
    StageDefault,
};
use watertight_net::{AddressSet, FlowSet, Prefix};
use watertight_reach::{Class, ClassIndex, RuleAt};

use super::Input;
use super::hops::Source;
use crate::csr::{index, number};
use crate::graph::NONE;

/// How many ways through the layers of one end are told apart. Beyond, only the layer with the fewest
/// rules is: the others count as standing.
const WAYS_MAX: usize = 64;

/// The number of a way through the guards of one end in one direction: a rule, or one of each of
/// several layers.
pub(super) type RuleId = u32;

/// The number of the guards of a class's endpoints.
pub(super) type SideId = u32;

/// What decides at one end in one direction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Side {
    /// One of these ways has to accept; without any, nothing stands in the way.
    Rules(Vec<RuleId>),
    /// Something that does not come down to rules that accept.
    Other,
}

/// What others see of a class.
struct Face {
    addresses: Vec<IpAddr>,
    guards: Vec<GuardId>,
    /// Whether it may have further guards.
    partial: bool,
}

/// A way: rules of different layers, all of which have to accept.
struct Way {
    at: Vec<RuleAt>,
    /// The number of the peers that are all meant.
    peer: u32,
    /// The number of the flows that all accept.
    flows: u32,
}

/// The rules by which classes let others in and themselves out.
pub(super) struct Rules {
    all: Vec<Way>,
    peers: Vec<Vec<Peer>>,
    flows: Vec<FlowSet>,
    ingress: Vec<Side>,
    egress: Vec<Side>,
    side_of: Vec<SideId>,
    faces: Vec<Option<Face>>,
    /// For each peer of a rule the senders that it matches, ordered.
    senders: Vec<Vec<u32>>,
    everybody: Vec<u32>,
    /// What is known to be in lists, by list.
    lists: Vec<AddressSet>,
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
            ListContent::Known(prefixes) => AddressSet::from_prefixes(prefixes.iter().copied()),
            ListContent::Unread(_) => AddressSet::empty(),
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
        rules.senders = rules.matched();
        rules
    }

    /// For each peer of a rule the senders that it matches.
    fn matched(&self) -> Vec<Vec<u32>> {
        let places = Places::new(&self.faces);
        let each = self.peers.iter().map(|peers| {
            let mut all = self.perhaps_meant(peers, &places);
            all.retain(|class| {
                self.everybody.binary_search(class).is_ok() && self.are_meant(peers, index(*class))
            });
            all
        });
        each.collect()
    }

    /// How many rules there are.
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// The ways of which one has to let others in at a class; none where it does not come down to that.
    pub(super) fn ingress(&self, class: ClassIndex) -> Option<&[RuleId]> {
        let side = self.side_of.get(class).and_then(|side| self.ingress.get(index(*side)));
        match side {
            Some(Side::Rules(ways)) => Some(ways),
            Some(Side::Other) | None => None,
        }
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
        rule.is_some_and(|rule| self.are_meant(&self.peers[index(rule.peer)], class))
    }

    /// The flows of a rule.
    pub(super) fn flows(&self, rule: RuleId) -> &FlowSet {
        &self.flows[index(self.flows_id(rule))]
    }

    /// The number of a rule's flows; rules share them.
    pub(super) fn flows_id(&self, rule: RuleId) -> u32 {
        self.all[index(rule)].flows
    }

    /// Where the rules of a way stand.
    pub(super) fn at(&self, rule: RuleId) -> &[RuleAt] {
        &self.all[index(rule)].at
    }

    /// The numbers of the peers that rules let out to, ascending.
    fn egress_peers(&self) -> BTreeSet<u32> {
        let sides = self.egress.iter().filter_map(|side| match side {
            Side::Rules(rules) => Some(rules),
            Side::Other => None,
        });
        sides.flatten().map(|rule| self.peer(*rule)).collect()
    }

    /// For each class the peers that rules let out to and that mean it, ascending.
    pub(super) fn peers_let_out_to(&self) -> Vec<Vec<u32>> {
        let places = Places::new(&self.faces);
        let mut found = vec![Vec::new(); self.faces.len()];
        for number in self.egress_peers() {
            let peers = &self.peers[index(number)];
            for class in self.perhaps_meant(peers, &places) {
                if self.are_meant(peers, index(class)) {
                    found[index(class)].push(number);
                }
            }
        }
        found
    }

    /// Classes among which are all that peers mean, ascending.
    fn perhaps_meant(&self, peers: &[Peer], places: &Places) -> Vec<u32> {
        let candidates = peers.iter().find_map(|peer| places.candidates(peer, self));
        candidates.unwrap_or_else(|| (0..number(self.faces.len())).collect())
    }

    /// How many numbers of peers there are.
    pub(super) fn peers_len(&self) -> usize {
        self.peers.len()
    }

    /// The number of a rule's peers; rules share them.
    pub(super) fn peer(&self, rule: RuleId) -> u32 {
        self.all[index(rule)].peer
    }

    fn are_meant(&self, peers: &[Peer], class: ClassIndex) -> bool {
        peers.iter().all(|peer| self.is_meant(peer, class))
    }

    /// Whether a peer means a class, or perhaps does.
    fn is_meant(&self, peer: &Peer, class: ClassIndex) -> bool {
        let Some(Some(face)) = self.faces.get(class) else { return false };
        let mut addresses = face.addresses.iter();
        match peer {
            Peer::Any | Peer::Unread(_) => true,
            Peer::Prefix(prefix) => addresses.any(|address| prefix.contains(*address)),
            Peer::List(list) => {
                let place = watertight_model::ArenaId::index(*list);
                self.unread.get(place).copied().unwrap_or(true)
                    || self
                        .lists
                        .get(place)
                        .is_some_and(|list| addresses.any(|address| list.contains(*address)))
            }
            Peer::Members(guard) => face.partial || face.guards.contains(guard),
        }
    }
}

/// Where others see classes, to find those that a peer may mean.
struct Places {
    by_address: Vec<(IpAddr, u32)>,
    by_guard: BTreeMap<GuardId, Vec<u32>>,
    partial: Vec<u32>,
}

impl Places {
    fn new(faces: &[Option<Face>]) -> Self {
        let mut found =
            Self { by_address: Vec::new(), by_guard: BTreeMap::new(), partial: Vec::new() };
        for (class, face) in faces.iter().enumerate() {
            let (Some(face), class) = (face, number(class)) else { continue };
            found.by_address.extend(face.addresses.iter().map(|address| (*address, class)));
            for guard in &face.guards {
                found.by_guard.entry(*guard).or_default().push(class);
            }
            if face.partial {
                found.partial.push(class);
            }
        }
        found.by_address.sort_unstable();
        found
    }

    /// Classes among which are all that a peer means, ascending; none where that may be any.
    fn candidates(&self, peer: &Peer, rules: &Rules) -> Option<Vec<u32>> {
        let mut found = match peer {
            Peer::Any | Peer::Unread(_) => return None,
            Peer::Prefix(prefix) => self.within(*prefix).collect(),
            Peer::List(list) => {
                let place = watertight_model::ArenaId::index(*list);
                if rules.unread.get(place).copied().unwrap_or(true) {
                    return None;
                }
                let prefixes = rules.lists.get(place).map(AddressSet::prefixes);
                prefixes.into_iter().flatten().flat_map(|prefix| self.within(prefix)).collect()
            }
            Peer::Members(guard) => {
                let members = self.by_guard.get(guard).into_iter().flatten();
                members.chain(&self.partial).copied().collect::<Vec<u32>>()
            }
        };
        found.sort_unstable();
        found.dedup();
        Some(found)
    }

    fn within(&self, prefix: Prefix) -> impl Iterator<Item = u32> + '_ {
        let first = self.by_address.partition_point(|(address, _)| *address < prefix.first());
        let rest = self.by_address.get(first..).unwrap_or_default().iter();
        let within = rest.take_while(move |(address, _)| *address <= prefix.last());
        within.map(|(_, class)| *class)
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
    rules: Vec<Way>,
    known: BTreeMap<Vec<RuleAt>, RuleId>,
    peers: Vec<Vec<Peer>>,
    peer_numbers: BTreeMap<Vec<Peer>, u32>,
    flows: Vec<FlowSet>,
    flow_numbers: BTreeMap<FlowSet, u32>,
}

impl Gathering {
    /// What layers decide in a direction. Guards that keep no state do not count: their rules shadow
    /// each other, so that taking one away is no action; nor do layers that come down to no rules
    /// that accept: what passes them is what the matrix says.
    fn side(&mut self, input: &Input<'_>, layers: &[LayerId], direction: Direction) -> Side {
        let network = &input.estate.network;
        let stateful = |layer: &&LayerId| {
            network.layers[**layer].guards.iter().any(|guard| network.guards[*guard].stateful)
        };
        let deciding: Vec<&LayerId> = layers.iter().filter(stateful).collect();
        if deciding.is_empty() {
            return Side::Rules(Vec::new());
        }
        let mut plain: Vec<Vec<RuleAt>> = Vec::new();
        for layer in deciding {
            match accepting(input, *layer, direction) {
                // Rules that accept nothing are as good as none, and none would mean that nothing
                // decides.
                Some(rules) if rules.is_empty() => return Side::Other,
                Some(rules) => plain.push(rules),
                None => {}
            }
        }
        let ways = plain.iter().try_fold(1_usize, |ways, rules| ways.checked_mul(rules.len()));
        if ways.is_none_or(|ways| ways > WAYS_MAX) {
            plain.sort_by_key(Vec::len);
            plain.truncate(1);
        }
        let Some((first, others)) = plain.split_first() else { return Side::Other };
        let mut ways: Vec<Vec<RuleAt>> = first.iter().map(|at| vec![*at]).collect();
        for rules in others {
            let longer = |way: &Vec<RuleAt>| {
                let way = way.clone();
                rules.iter().map(move |at| way.iter().chain([at]).copied().collect())
            };
            ways = ways.iter().flat_map(longer).collect();
        }
        let numbers = ways.into_iter().filter_map(|way| self.rule(input, way));
        Side::Rules(numbers.collect())
    }

    /// The number of a way; none where its rules have no flow in common.
    fn rule(&mut self, input: &Input<'_>, way: Vec<RuleAt>) -> Option<RuleId> {
        if let Some(known) = self.known.get(&way) {
            return Some(*known);
        }
        let rules: Vec<_> = way.iter().filter_map(|at| rule_at(input, *at)).collect();
        let flows = rules.iter().map(|rule| FlowSet::clone(&rule.flows));
        let flows = flows.reduce(|all, one| all.intersection(&one))?;
        if flows.is_empty() {
            return None;
        }
        let peers: Vec<Peer> = rules.iter().map(|rule| rule.peer.clone()).collect();
        let next = number(self.peers.len());
        let peer = *self.peer_numbers.entry(peers.clone()).or_insert(next);
        if peer == next {
            self.peers.push(peers);
        }
        let next = number(self.flows.len());
        let number_of_flows = *self.flow_numbers.entry(flows.clone()).or_insert(next);
        if number_of_flows == next {
            self.flows.push(flows);
        }
        let id = number(self.rules.len());
        self.rules.push(Way { at: way.clone(), peer, flows: number_of_flows });
        self.known.insert(way, id);
        Some(id)
    }
}

/// The rules by which a layer accepts, where it comes down to them: any of them is enough, and
/// without one nothing passes.
fn accepting(input: &Input<'_>, layer: LayerId, direction: Direction) -> Option<Vec<RuleAt>> {
    let network = &input.estate.network;
    let mut found = Vec::new();
    for guard in &network.layers[layer].guards {
        let [stage] = network.guards[*guard].stages(direction) else { return None };
        let plain = stage.combine == Combine::Union && stage.default == StageDefault::Deny;
        if !plain || !network.guards[*guard].stateful {
            return None;
        }
        let accepts =
            |rule: &network::Rule| matches!(rule.action, Action::Accept | Action::AcceptHere);
        let places = stage.rules.iter().enumerate().filter(|(_, rule)| accepts(rule));
        found.extend(places.map(|(rule, _)| RuleAt { guard: *guard, direction, stage: 0, rule }));
    }
    Some(found)
}

fn rule_at<'i>(input: &Input<'i>, at: RuleAt) -> Option<&'i network::Rule> {
    let guard = &input.estate.network.guards[at.guard];
    guard.stages(at.direction).get(at.stage)?.rules.get(at.rule)
}
