//! A policy as one more layer of guards at the ends that it governs, so that what is asked of a
//! network can be asked of the network as it would be under the policy.

mod ends;
mod guards;
mod numbered;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use watertight_model::network::{Direction, EndpointId, RealmId};
use watertight_model::{ArenaId, Estate, Network, Truth};
use watertight_net::{AddressSet, FlowSet};

use crate::ESTATE;
use crate::checked::{Peer, Segment};
use crate::decide::compile::Decider;
use crate::decide::ends::{End, Seen};
use crate::decide::engine::Ends;
use crate::decide::parts::Asked;
use crate::decide::types::{Decision, Outcome, Reason};
use crate::decide::under::{Deciding, Modes};
use ends::{Alike, Peers, View};
use guards::Accepted;
use numbered::{Known, Numbered};

/// An estate as it would be under a policy.
#[derive(Clone, Debug)]
pub struct Layered {
    /// The estate, with a layer of guards at governed ends.
    pub estate: Estate,
    /// The workloads that a segment that is on holds, or may hold, by their places.
    pub governed: Vec<usize>,
    /// The workloads that no segment but `estate` holds, on or not, by their places.
    pub estate_only: Vec<usize>,
}

impl Deciding<'_> {
    /// The estate, with a layer of guards that deny what the policy denies.
    ///
    /// Guards see addresses, not identities. Where several workloads may be behind an address, a
    /// flow is let through for sure if it is whoever of them is there, and else perhaps if it is
    /// for some. What depends on the request is let through: some request is.
    pub fn layered(&self, estate: &Estate) -> Layered {
        let alike = Alike::new(self.decider);
        let governed: Vec<usize> =
            (0..alike.of.len()).filter(|place| self.binds_at(*place)).collect();
        let mut layered = Layered {
            estate: estate.clone(),
            estate_only: (0..alike.of.len()).filter(|place| self.is_alone(*place)).collect(),
            governed,
        };
        let network = &estate.network;
        let views = View::of_realms(network);
        let behind = ends::behind(estate);
        let mut layering = Layering::new(self, &alike);
        let mut of_views: BTreeMap<View, Peers> = BTreeMap::new();
        for ((view, group), endpoints) in layering.places(network, &views, &layered.governed) {
            let peers = of_views.entry(view).or_insert_with(|| {
                let list = Peers::seen_in(view, (estate, &behind), self.decider, &alike);
                list.numbered(&mut layering.ends)
            });
            let ingress = layering.accepted(estate, peers, group, Direction::Ingress);
            let egress = layering.accepted(estate, peers, group, Direction::Egress);
            guards::put(&mut layered.estate.network, peers, (&ingress, &egress), &endpoints);
        }
        layered
    }

    /// The same, with the rules of policies in monitor beside those that are on; none where there are
    /// no others. What it allows and this does not, only a rule in monitor would save.
    pub fn with_monitored_rules(&self) -> Option<Self> {
        let mut more = Self::new(self.decider, &Modes::Pending, self.now);
        more.segments_on.clone_from(&self.segments_on);
        more.on.clone_from(&self.on);
        more.shared.clone_from(&self.shared);
        (more.active != self.active).then_some(more)
    }

    /// What allow rules open between workloads of which one is governed, by their places: those that
    /// the policy does not tell apart together.
    pub fn allowed_by_rules(&self) -> Vec<Opened> {
        let alike = Alike::new(self.decider);
        let groups = alike.groups();
        let mut ends = Numbered::new(self);
        let numbers: Vec<usize> =
            (0..groups.len()).map(|group| ends.of_group(&alike, group)).collect();
        let of = |group: usize| numbers.get(group).and_then(|number| ends.get(*number));
        let mut found = Vec::new();
        for (source, from) in groups.iter().enumerate() {
            for (target, to) in groups.iter().enumerate() {
                let (Some(source), Some(target)) = (of(source), of(target)) else { continue };
                let flows = self.opened_by_rules(source, target);
                if !flows.is_empty() {
                    found.push(Opened { from: from.clone(), to: to.clone(), flows });
                }
            }
        }
        found
    }

    fn opened_by_rules(&self, source: &Known, destination: &Known) -> FlowSet {
        if !self.has_rule_of(source, destination) {
            return FlowSet::none();
        }
        self.let_through(source, destination, |decision| {
            let mut reasons = decision.reasons.iter();
            reasons.any(|reason| matches!(reason, Reason::Rule(_)))
        })
    }

    /// Whether some rule that takes part, besides the essentials, can match both ends.
    fn has_rule_of(&self, source: &Known, destination: &Known) -> bool {
        source.class.from.common(&destination.class.to, &self.active).next().is_some()
    }

    /// What is not denied from one end to another, by decisions that are meant.
    fn let_through(
        &self,
        source: &Known,
        destination: &Known,
        is_meant: impl Fn(&Decision) -> bool,
    ) -> FlowSet {
        let flows = &FlowSet::all();
        let ends =
            Ends { source: Arc::clone(&source.class), destination: Arc::clone(&destination.class) };
        let (source, destination) = (&source.end, &destination.end);
        let asked = Asked { source, destination, flows, request: None, bindings: &[] };
        let parts = self.parts_between(&asked, &ends).into_iter();
        let open =
            parts.filter(|part| part.decision.outcome != Outcome::Deny && is_meant(&part.decision));
        open.fold(FlowSet::none(), |all, part| all.union(&part.flows))
    }

    /// Whether something of the policy binds at a workload.
    fn binds_at(&self, workload: usize) -> bool {
        let Some(class) = self.decider.class_of(workload) else { return false };
        class.quarantine.0 != Truth::No || self.holding(class).next().is_some()
    }

    /// Whether no segment but the built-in one holds a workload for sure.
    fn is_alone(&self, workload: usize) -> bool {
        let Some(class) = self.decider.class_of(workload) else { return false };
        let others = self.decider.policy.segments.iter().filter(|one| &*one.name != ESTATE);
        let mut truths = others.map(|one| class.selectors.get(one.members.index()));
        truths.all(|truth| truth != Some(&Truth::Yes))
    }
}

impl Decider<'_> {
    /// Whether a segment holds a workload, on or not.
    pub fn holds(&self, segment: &Segment, workload: usize) -> Truth {
        let class = self.class_of(workload);
        let truth = class.and_then(|class| class.selectors.get(segment.members.index()));
        truth.copied().unwrap_or(Truth::Maybe)
    }

    /// Whether an end is one of some peers, where no name was asked for.
    pub fn belongs(&self, peers: &[Peer], end: &End) -> Truth {
        let class = self.class(end);
        let (selectors, now) = (&*class.selectors, Self::BEFORE_ALL);
        self.any_peer(peers, Seen { end, selectors, asker: None, bindings: &[], now })
    }
}

/// What rules open between each of some workloads and each of others.
#[derive(Clone, Debug)]
pub struct Opened {
    /// Who sends, by place.
    pub from: Vec<usize>,
    /// Who receives, by place; a workload that is in both is not meant to send to itself.
    pub to: Vec<usize>,
    /// What.
    pub flows: FlowSet,
}

/// Endpoints of workloads that are alike, and that see alike who is where: they get one guard.
type Places = BTreeMap<(View, usize), Vec<EndpointId>>;

/// What is worked out on the way.
struct Layering<'l> {
    deciding: &'l Deciding<'l>,
    alike: &'l Alike,
    ends: Numbered<'l>,
    /// The numbers of the ends that stand for groups.
    own: Vec<usize>,
    /// What is let through between two ends, by their numbers.
    known: HashMap<(usize, usize), FlowSet>,
    /// The same where no rule can match both ends, by their backgrounds: most pairs are such pairs.
    without_rules: HashMap<(usize, usize), FlowSet>,
}

impl<'l> Layering<'l> {
    fn new(deciding: &'l Deciding<'l>, alike: &'l Alike) -> Self {
        let mut ends = Numbered::new(deciding);
        let own = (0..alike.len()).map(|group| ends.of_group(alike, group)).collect();
        let (known, without_rules) = (HashMap::new(), HashMap::new());
        Self { deciding, alike, ends, own, known, without_rules }
    }

    /// The endpoints that get a guard. A front that keeps its clients' addresses ends no leg, so
    /// that nothing is decided at it.
    fn places(
        &self,
        network: &Network,
        views: &BTreeMap<RealmId, View>,
        governed: &[usize],
    ) -> Places {
        let mut places = Places::new();
        for (id, endpoint) in network.endpoints.iter() {
            let workload = endpoint.workload.index();
            if governed.binary_search(&workload).is_err() || ends::keeps_sources(network, endpoint)
            {
                continue;
            }
            let Some(group) = self.alike.of.get(workload) else { continue };
            let realm = ends::realm_of(network, endpoint);
            let view = realm.and_then(|realm| views.get(&realm)).copied().unwrap_or_default();
            places.entry((view, *group)).or_default().push(id);
        }
        places
    }

    /// What the guard of a group lets through, by who is at the other end.
    fn accepted(
        &mut self,
        estate: &Estate,
        peers: &Peers,
        group: usize,
        direction: Direction,
    ) -> Accepted {
        let Some(own) = self.own.get(group).copied() else { return Accepted::new() };
        let mut accepted = Accepted::new();
        for (place, peer) in peers.list.iter().enumerate() {
            let flows = match direction {
                Direction::Ingress => self.between(peer.number, own).clone(),
                Direction::Egress => {
                    let mut flows = self.between(own, peer.number).clone();
                    for (listens, target, sent) in ends::led_by(estate, &peer.fronts) {
                        let target = self.alike.of.get(target).and_then(|one| self.own.get(*one));
                        let Some(target) = target.copied() else { continue };
                        if self.between(own, target).contains(&sent) {
                            flows = flows.union(&listens);
                        }
                    }
                    flows
                }
            };
            if !flows.is_empty() {
                accepted.push((place, flows));
            }
        }
        accepted
    }

    /// What is let through from one end to another: all that is not denied.
    fn between(&mut self, source: usize, destination: usize) -> &FlowSet {
        let Self { deciding, ends, known, without_rules, .. } = self;
        known.entry((source, destination)).or_insert_with(|| {
            let (Some(source), Some(destination)) = (ends.get(source), ends.get(destination))
            else {
                return FlowSet::none();
            };
            let ask = || deciding.let_through(source, destination, |_| true);
            if deciding.has_rule_of(source, destination) {
                return ask();
            }
            let backgrounds = (source.background, destination.background);
            without_rules.entry(backgrounds).or_insert_with(ask).clone()
        })
    }
}

/// The addresses in more than one of some sets.
fn shared<'s>(sets: impl Iterator<Item = &'s AddressSet>) -> AddressSet {
    let (mut once, mut twice) = (AddressSet::empty(), AddressSet::empty());
    for set in sets {
        twice = twice.union(&once.intersection(set));
        once = once.union(set);
    }
    twice
}
