mod forbidden;
mod former;
mod named;
mod nobody;
mod rules;
mod shares;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use rustc_hash::FxHashMap;
use watertight_model::network::{EndpointId, RealmId};
use watertight_model::{ArenaId, Criticality, Estate, Label, Name, Truth, WorkloadId};
use watertight_net::{AddressAtoms, AddressSet, AtomId, Flow, FlowSet};
use watertight_policy::Timestamp;
use watertight_policy::checked::{CheckedPolicy, End as PeerEnd, Mode, Peer, Rule, SelectorNode};
use watertight_policy::decide::{
    Asked, Background, Decider, Deciding, Decision, End, Known, Leg, Modes, Outcome, Place,
    Question, Reason, Who, metadata_addresses,
};

use crate::artifact::Attachment;
use crate::naming::words;
pub(crate) use former::{FormerIntent, Moved, Since};
pub use shares::SharePart;

use named::{is_in_network, named_sets, names_network};
pub(crate) use nobody::NobodySight;
use nobody::WithNobody;

/// What a policy intends for the legs of an estate, asked once for each sort of ends.
#[derive(Debug)]
pub struct Intent<'a> {
    estate: &'a Estate,
    decider: &'a Decider<'a>,
    deciding: Deciding<'a>,
    modes: Modes,
    now: Timestamp,
    /// The sets of addresses that the policy and the essentials name.
    sets: Vec<AddressSet>,
    /// The same, in words.
    named: Vec<(String, AddressSet)>,
    kinds: Vec<KindId>,
    /// For each kind, some endpoints: two where there are so many.
    samples: Vec<Vec<EndpointId>>,
    /// By sender, and then by receiver; a row is empty until it is asked for.
    asked: RefCell<Vec<Vec<Option<Rc<Allowed>>>>>,
    /// By kind, the number of what is seen of it where no rule can match both ends.
    backgrounds: Vec<usize>,
    /// What is allowed there, by these numbers.
    without_rules: RefCell<BTreeMap<(usize, usize), Rc<Allowed>>>,
    /// By kind, those to which something is allowed, or with `true` from which something is.
    partners: RefCell<FxHashMap<(KindId, bool), Rc<Partners>>>,
    atoms: AddressAtoms,
    nobody: WithNobody,
    places: Places,
    /// Whether rules tell every workload from every other, by the fronts that they name.
    by_front: bool,
    /// Whether rules tell networks apart.
    by_network: bool,
    /// Those that carry groups of ours and are to go back to what they carried before.
    leaving: Vec<Attachment>,
}

/// The policy as it is when everything in mode monitor is enforced, and what a share leaves out too. The built-in segment stays as it
/// is: it holds everybody, and nobody wrote it.
pub fn promoted(mut policy: CheckedPolicy) -> CheckedPolicy {
    let written = policy.segments.iter_mut().filter(|one| one.span.is_some());
    let modes = written.map(|one| {
        one.share = None;
        &mut one.mode
    });
    for mode in modes.chain(policy.policies.iter_mut().map(|one| &mut one.mode)) {
        if *mode == Mode::Monitor {
            *mode = Mode::Enforce;
        }
    }
    policy
}

/// What an intent follows from.
pub(crate) struct Premises<'a> {
    estate: &'a Estate,
    decider: &'a Decider<'a>,
    modes: Modes,
    now: Timestamp,
    places: Places,
}

impl<'a> Premises<'a> {
    pub(crate) fn intent(&self) -> Intent<'a> {
        let asked = (&self.modes, self.now);
        Intent::new(self.estate, self.decider, asked).with_places(self.places.clone())
    }
}

/// The services of providers to which a rule leads.
fn named_services(rule: &Rule) -> impl Iterator<Item = &Name> {
    let named = rule.to.iter().filter_map(|peer| match &peer.end {
        PeerEnd::Conditions(conditions) => Some(&conditions.provider),
        PeerEnd::Any | PeerEnd::Internet => None,
    });
    named.flatten()
}

/// Where the rules and segments of a policy stand, as text for people (`rules.yaml:12`).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Places {
    /// By the places of the policy and of the rule in it.
    pub rules: BTreeMap<(u32, u32), String>,
    /// By the place of the segment.
    pub segments: BTreeMap<u32, String>,
}

/// Endpoints about which the policy decides alike.
pub(crate) type KindId = usize;

/// Kinds, each with what is allowed with it.
pub(crate) type Partners = Vec<(KindId, Rc<Allowed>)>;

/// What is allowed between two ends.
#[derive(Clone, Debug, Default)]
pub struct Allowed {
    /// What is allowed, whatever the request.
    pub allow: FlowSet,
    /// What depends on the request.
    pub inspect: FlowSet,
    /// What a guardrail denies: nothing may widen into it.
    pub never: FlowSet,
    /// The parts, with what decided.
    pub parts: Vec<(FlowSet, Decision)>,
}

impl Allowed {
    /// Whether nothing is allowed, whatever the request, and no guardrail denies anything.
    pub(crate) fn is_nothing(&self) -> bool {
        self.allow.is_empty() && self.inspect.is_empty() && self.never.is_empty()
    }
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    class: Option<usize>,
    atoms: BTreeSet<AtomId>,
    realm: Option<RealmId>,
    alone: Option<usize>,
}

/// What the policy sees in an endpoint.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct Seen {
    /// By selector.
    memberships: Vec<Truth>,
    /// By set of addresses that rules name, whether it has one of them.
    named: Vec<bool>,
    /// Its workload, where rules name some by what fronts them.
    itself: Option<Name>,
}

impl<'a> Intent<'a> {
    /// Prepares an estate's ends. `decider` must be of the world of this estate.
    pub fn new(
        estate: &'a Estate,
        decider: &'a Decider<'a>,
        (modes, now): (&Modes, Timestamp),
    ) -> Self {
        let policy = decider.policy();
        let named = named_sets(policy, decider);
        let sets = named.iter().map(|(_, set)| set);
        let sets: Vec<AddressSet> = sets.chain([metadata_addresses()]).cloned().collect();
        let atoms = AddressAtoms::new([], &sets);
        let rules = || policy.policies.iter().flat_map(|one| &one.rules);
        let by_front = rules().any(|rule| !rule.through.is_empty());
        let by_network = rules().any(names_network)
            || policy
                .assertions
                .iter()
                .any(|one| one.from.iter().chain(&one.to).any(is_in_network));
        let mut numbers: BTreeMap<Key, KindId> = BTreeMap::new();
        let mut samples: Vec<Vec<EndpointId>> = Vec::new();
        let mut kinds = Vec::new();
        let deciding = decider.under(modes, now);
        let mut seen: BTreeMap<(Background, Key), usize> = BTreeMap::new();
        let mut backgrounds = Vec::new();
        for (id, endpoint) in estate.network.endpoints.iter() {
            let workload = endpoint.workload.index();
            let key = Key {
                class: deciding.class_number(workload),
                // How many addresses it has in each makes no difference.
                atoms: endpoint.addresses.iter().map(|one| atoms.atom_of(*one)).collect(),
                realm: realm_of(estate, id).filter(|_| by_network),
                alone: by_front.then_some(workload),
            };
            let next = samples.len();
            let kind = *numbers.entry(key.clone()).or_insert(next);
            if kind == next {
                samples.push(Vec::new());
                let number = seen.len();
                let key = (deciding.background(workload), Key { class: None, ..key });
                backgrounds.push(*seen.entry(key).or_insert(number));
            }
            if let Some(some) = samples.get_mut(kind).filter(|some| some.len() < 2) {
                some.push(id);
            }
            kinds.push(kind);
        }
        Self {
            estate,
            decider,
            deciding,
            modes: modes.clone(),
            now,
            sets,
            named,
            kinds,
            samples,
            asked: RefCell::new(vec![Vec::new(); backgrounds.len()]),
            backgrounds,
            without_rules: RefCell::default(),
            partners: RefCell::default(),
            atoms,
            nobody: WithNobody::default(),
            places: Places::default(),
            by_front,
            by_network,
            leaving: Vec::new(),
        }
    }

    /// What the same intent is made from in another thread, where it knows nothing yet.
    pub(crate) fn premises(&self) -> Premises<'a> {
        let (estate, decider, now) = (self.estate, self.decider, self.now);
        Premises { estate, decider, modes: self.modes.clone(), now, places: self.places.clone() }
    }

    /// The same, with the places of rules told.
    #[must_use]
    pub fn with_places(mut self, places: Places) -> Self {
        self.places = places;
        self
    }

    /// The same, where these go back to what they carried before ours. The estate is the one in which they
    /// carry it.
    #[must_use]
    pub fn with_leaving(mut self, leaving: Vec<Attachment>) -> Self {
        self.leaving = leaving;
        self
    }

    /// Those that go back to what they carried before ours.
    pub(crate) fn leaving(&self) -> &[Attachment] {
        &self.leaving
    }

    /// The estate.
    pub const fn estate(&self) -> &'a Estate {
        self.estate
    }

    /// The sets of addresses that the policy tells apart.
    pub fn sets(&self) -> &[AddressSet] {
        &self.sets
    }

    /// Those of them that somebody wrote, or that stand for the space of a provider: what essentials name is
    /// where their ends are at the time.
    pub(crate) fn written_sets(&self) -> impl Iterator<Item = &AddressSet> {
        self.named.iter().filter(|(words, _)| words.starts_with("in ")).map(|(_, set)| set)
    }

    /// The addresses that `internet` means.
    pub(crate) fn internet(&self) -> &AddressSet {
        self.decider.internet()
    }

    /// The services of providers that rules name.
    pub(crate) fn services(&self) -> BTreeSet<Name> {
        let policies = self.decider.policy().policies.iter();
        policies.flat_map(|one| &one.rules).flat_map(named_services).cloned().collect()
    }

    /// Those that the rules name which decided.
    pub(crate) fn services_of(&self, decision: &Decision) -> impl Iterator<Item = Name> {
        let rules = decision.reasons.iter().filter_map(|reason| match reason {
            Reason::Rule(id) => {
                let policy = self.decider.policy().policies.get(id.policy as usize)?;
                policy.rules.get(id.rule as usize)
            }
            _ => None,
        });
        rules.flat_map(named_services).cloned()
    }

    /// The kind of an endpoint.
    pub(crate) fn kind_of(&self, endpoint: EndpointId) -> KindId {
        self.kinds.get(endpoint.index()).copied().unwrap_or(usize::MAX)
    }

    /// Whether a segment that is on holds the endpoint's workload.
    pub fn is_governed(&self, endpoint: EndpointId) -> bool {
        let found = self.estate.network.endpoints.get(endpoint);
        found.is_some_and(|found| self.is_governed_workload(found.workload))
    }

    /// Whether a segment that is on holds a workload.
    pub fn is_governed_workload(&self, workload: WorkloadId) -> bool {
        let flow = Flow::tcp(0, 0);
        let destination = End::outside(AddressSet::all_v4());
        let leg = Leg { source: End::workload(vec![workload.index()]), destination, flow };
        self.deciding.decide(&Question { leg: &leg, request: None, bindings: &[] }).governed.source
    }

    /// An endpoint as an end, at its own addresses: a public one is only another name for those.
    pub fn end(&self, id: EndpointId) -> End {
        let Some(endpoint) = self.estate.network.endpoints.get(id) else {
            return End { who: Who::Unknown, places: Vec::new(), groups: None };
        };
        let realm = realm_of(self.estate, id).and_then(|id| self.estate.network.realms.get(id));
        let network = realm.map(|realm| realm.name.clone());
        let own = endpoint.addresses.iter();
        let places = own.map(|address| Place { network: network.clone(), address: *address });
        let who = Who::Workloads(vec![endpoint.workload.index()]);
        End { who, places: places.collect(), groups: None }
    }

    /// One endpoint of a kind as an end.
    pub(crate) fn end_of(&self, kind: KindId) -> End {
        let first = self.samples.get(kind).and_then(|some| some.first());
        first.map_or_else(|| End::workload(Vec::new()), |first| self.end(*first))
    }

    /// What is allowed from one kind of endpoints to another; to another member of the same kind
    /// where it is one kind.
    pub(crate) fn between(&self, from: KindId, to: KindId) -> Rc<Allowed> {
        if let Some(known) = self.asked.borrow().get(from).and_then(|row| row.get(to)?.as_ref()) {
            return Rc::clone(known);
        }
        let sample = |kind: KindId| self.samples.get(kind).and_then(|some| some.first()).copied();
        let other = if from == to {
            self.samples.get(to).and_then(|some| some.get(1)).copied()
        } else {
            sample(to)
        };
        let allowed = match (sample(from), other) {
            (Some(one), Some(other)) => {
                let (one, other) = (self.end(one), self.end(other));
                let seen = self.backgrounds.get(from).zip(self.backgrounds.get(to));
                match seen.filter(|_| !self.deciding.has_rule_between(&one, &other)) {
                    None => Rc::new(self.ask(&one, &other)),
                    Some((from, to)) => {
                        let mut known = self.without_rules.borrow_mut();
                        let ask = || Rc::new(self.ask(&one, &other));
                        Rc::clone(known.entry((*from, *to)).or_insert_with(ask))
                    }
                }
            }
            _ => Rc::default(),
        };
        if let Some(row) = self.asked.borrow_mut().get_mut(from) {
            if row.is_empty() {
                row.resize(self.samples.len(), None);
            }
            if let Some(place) = row.get_mut(to) {
                *place = Some(Rc::clone(&allowed));
            }
        }
        allowed
    }

    /// The kinds to which something is allowed from a kind, or guarded against, and what; with
    /// `ingress` those from which it is.
    pub(crate) fn partners(&self, own: KindId, ingress: bool) -> Rc<Partners> {
        if let Some(known) = self.partners.borrow().get(&(own, ingress)) {
            return Rc::clone(known);
        }
        let found = (0..self.samples.len()).filter_map(|kind| {
            let (from, to) = if ingress { (kind, own) } else { (own, kind) };
            let allowed = self.between(from, to);
            (!allowed.is_nothing()).then_some((kind, allowed))
        });
        let found = Rc::new(found.collect());
        self.partners.borrow_mut().insert((own, ingress), Rc::clone(&found));
        found
    }

    /// What is allowed from an end to another.
    pub fn ask(&self, source: &End, destination: &End) -> Allowed {
        let flows = FlowSet::all();
        let asked = Asked { source, destination, flows: &flows, request: None, bindings: &[] };
        let mut allowed = Allowed::default();
        for part in self.deciding.parts(&asked) {
            let of = match part.decision.outcome {
                Outcome::Allow => Some(&mut allowed.allow),
                Outcome::Inspect => Some(&mut allowed.inspect),
                Outcome::Deny if self.is_guardrail(&part.decision) => Some(&mut allowed.never),
                Outcome::Deny => None,
            };
            if let Some(set) = of {
                *set = set.union(&part.flows);
            }
            allowed.parts.push((part.flows, part.decision));
        }
        allowed
    }

    /// The segments that are on and hold an endpoint's workload, with whether one is a crown jewel's. Where a share
    /// of one is on, it counts where the share holds the workload: so the rest gets the names that it would have
    /// without the segment, and who comes into the share those that it keeps when all of it is on.
    pub(crate) fn segments_of(&self, endpoint: EndpointId) -> (Vec<Name>, bool) {
        let Some(found) = self.estate.network.endpoints.get(endpoint) else {
            return (Vec::new(), false);
        };
        let mut names = Vec::new();
        let mut is_jewel = false;
        for (id, _) in self.deciding.segments_holding(found.workload.index()) {
            let Some(segment) = self.decider.policy().segments.get(id.index()) else { continue };
            names.push(segment.name.clone());
            is_jewel |= segment.criticality == Criticality::CrownJewel;
        }
        (names, is_jewel)
    }

    /// All that the policy sees in an endpoint.
    pub(crate) fn seen_in(&self, endpoint: EndpointId) -> Seen {
        let mut seen = Seen::default();
        let Some(found) = self.estate.network.endpoints.get(endpoint) else { return seen };
        seen.memberships = self.memberships(found.workload.index());
        let holds = |set: &AddressSet| found.addresses.iter().any(|one| set.contains(*one));
        seen.named = self.named.iter().map(|(_, set)| holds(set)).collect();
        if self.by_front {
            seen.itself = self.estate.workloads.get(found.workload).map(|one| one.name.clone());
        }
        seen
    }

    /// The same in words that stay the same as long as it does.
    pub(crate) fn words(&self, seen: &Seen) -> BTreeSet<String> {
        let nodes = self.decider.policy().selectors.iter().zip(&seen.memberships);
        let labels = nodes.filter_map(|(node, truth)| match (node, truth) {
            (SelectorNode::Labels(selector), Truth::Yes) => Some(words(selector)),
            (SelectorNode::Labels(selector), Truth::Maybe) => {
                Some(format!("perhaps {}", words(selector)))
            }
            _ => None,
        });
        let named = self.named.iter().zip(&seen.named).filter(|(_, is_in)| **is_in);
        let named = named.map(|((words, _), _)| words.clone());
        let itself = seen.itself.iter().map(|name| format!("itself {name}"));
        labels.chain(named).chain(itself).collect()
    }

    /// Whether an assertion is about what an endpoint's workload is reached by or reaches.
    pub(crate) fn is_asserted(&self, endpoint: EndpointId) -> bool {
        let Some(found) = self.estate.network.endpoints.get(endpoint) else { return false };
        let truths = self.memberships(found.workload.index());
        let names = |peers: &[Peer]| {
            peers.iter().any(|peer| match &peer.end {
                PeerEnd::Any | PeerEnd::Internet => true,
                PeerEnd::Conditions(conditions) => conditions.workloads.is_none_or(|id| {
                    truths.get(id.index()).copied().unwrap_or(Truth::No) != Truth::No
                }),
            })
        };
        let assertions = self.decider.policy().assertions.iter();
        let mut strict =
            assertions.filter(|one| one.kind != watertight_policy::checked::ClaimKind::Always);
        strict.any(|one| names(&one.from) || names(&one.to))
    }

    fn memberships(&self, workload: usize) -> Vec<Truth> {
        let labels = self.decider.labels(workload);
        let look = |key: &Name| match labels.and_then(|all| all.get(key)).map(|one| &one.value) {
            None => Label::Absent,
            Some(Known::Value(value)) => Label::Value(value),
            Some(Known::Unknown) => Label::Unknown,
        };
        self.decider.policy().memberships_where(&look)
    }
}

/// The realm of an endpoint.
pub(crate) fn realm_of(estate: &Estate, endpoint: EndpointId) -> Option<RealmId> {
    let subnet = estate.network.endpoints.get(endpoint)?.subnet?;
    estate.network.subnets.get(subnet).map(|subnet| subnet.realm)
}
