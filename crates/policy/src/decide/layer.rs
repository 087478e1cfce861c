//! A policy as one more layer of guards at the ends that it governs, so that what is asked of a
//! network can be asked of the network as it would be under the policy.

mod ends;
mod guards;

use std::collections::BTreeMap;

use watertight_model::network::{Direction, EndpointId, RealmId};
use watertight_model::{ArenaId, Estate, Truth};
use watertight_net::{AddressSet, FlowSet};

use crate::ESTATE;
use crate::checked::{Peer, Segment};
use crate::decide::compile::Decider;
use crate::decide::ends::{End, Seen};
use crate::decide::parts::Asked;
use crate::decide::types::{Outcome, Reason};
use crate::decide::under::{Deciding, Modes};
use ends::{Alike, Peers};
use guards::Accepted;

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
        let mut layering = Layering { deciding: self, alike: &alike, known: BTreeMap::new() };
        let places = layering.places(estate, &layered.governed);
        let mut of_realms: BTreeMap<Option<RealmId>, Peers> = BTreeMap::new();
        for ((realm, group), endpoints) in places {
            let peers = of_realms
                .entry(realm)
                .or_insert_with(|| Peers::seen_in(realm, estate, self.decider, &alike));
            let ingress = layering.accepted(estate, peers, group, Direction::Ingress);
            let egress = layering.accepted(estate, peers, group, Direction::Egress);
            guards::put(&mut layered.estate.network, &ingress, &egress, &endpoints);
        }
        layered
    }

    /// The same, with the rules of policies in monitor beside those that are on. What it allows
    /// and this does not, only a rule in monitor would save.
    #[must_use]
    pub fn with_monitored_rules(&self) -> Self {
        let mut more = Self::new(self.decider, &Modes::Pending, self.now);
        more.segments_on.clone_from(&self.segments_on);
        more
    }

    /// What allow rules open between workloads of which one is governed, by their places.
    pub fn allowed_by_rules(&self) -> Vec<(usize, usize, FlowSet)> {
        let alike = Alike::new(self.decider);
        let mut known: BTreeMap<(usize, usize), FlowSet> = BTreeMap::new();
        let mut found = Vec::new();
        for (from, source) in alike.of.iter().enumerate() {
            for (to, target) in alike.of.iter().enumerate() {
                let flows = known.entry((*source, *target)).or_insert_with(|| {
                    self.opened_by_rules(&alike.end(&[*source]), &alike.end(&[*target]))
                });
                if from != to && !flows.is_empty() {
                    found.push((from, to, flows.clone()));
                }
            }
        }
        found
    }

    fn opened_by_rules(&self, source: &End, destination: &End) -> FlowSet {
        let flows = &FlowSet::all();
        let asked = Asked { source, destination, flows, request: None, bindings: &[] };
        let parts = self.parts(&asked).into_iter();
        let open = parts.filter(|part| {
            let mut reasons = part.decision.reasons.iter();
            part.decision.outcome != Outcome::Deny
                && reasons.any(|reason| matches!(reason, Reason::Rule(_)))
        });
        open.fold(FlowSet::none(), |all, part| all.union(&part.flows))
    }

    /// Whether something of the policy binds at a workload.
    fn binds_at(&self, workload: usize) -> bool {
        let Some(class) = self.decider.class_of(workload) else { return false };
        class.quarantine.0 != Truth::No || self.holding(&class.selectors).next().is_some()
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

/// Endpoints of workloads that are alike in one realm: they get one guard.
type Places = BTreeMap<(Option<RealmId>, usize), Vec<EndpointId>>;

/// What is worked out on the way.
struct Layering<'l, 'd> {
    deciding: &'l Deciding<'d>,
    alike: &'l Alike,
    /// What is let through between two ends, by their numbers.
    known: BTreeMap<(End, End), FlowSet>,
}

impl Layering<'_, '_> {
    /// The endpoints that get a guard. A front that keeps its clients' addresses ends no leg, so
    /// that nothing is decided at it.
    fn places(&self, estate: &Estate, governed: &[usize]) -> Places {
        let mut places = Places::new();
        for (id, endpoint) in estate.network.endpoints.iter() {
            let workload = endpoint.workload.index();
            if governed.binary_search(&workload).is_err()
                || ends::keeps_sources(&estate.network, endpoint)
            {
                continue;
            }
            let Some(group) = self.alike.of.get(workload) else { continue };
            let realm = ends::realm_of(&estate.network, endpoint);
            places.entry((realm, *group)).or_default().push(id);
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
        let own = self.alike.end(&[group]);
        let mut accepted = Accepted::default();
        for peer in &peers.list {
            let flows = match direction {
                Direction::Ingress => self.between(&peer.end, &own),
                Direction::Egress => {
                    let mut flows = self.between(&own, &peer.end);
                    for (listens, target, sent) in ends::led_by(estate, &peer.fronts) {
                        let Some(number) = self.alike.of.get(target) else { continue };
                        let target = self.alike.end(&[*number]);
                        if self.between(&own, &target).contains(&sent) {
                            flows = flows.union(&listens);
                        }
                    }
                    flows
                }
            };
            accepted.sure(peer.addresses.difference(&peers.shared), &flows);
            accepted.perhaps(peer.addresses.intersection(&peers.shared), &flows);
        }
        accepted
    }

    /// What is let through from one end to another: all that is not denied.
    fn between(&mut self, source: &End, destination: &End) -> FlowSet {
        let key = (source.clone(), destination.clone());
        if let Some(known) = self.known.get(&key) {
            return known.clone();
        }
        let flows = &FlowSet::all();
        let asked = Asked { source, destination, flows, request: None, bindings: &[] };
        let parts = self.deciding.parts(&asked).into_iter();
        let open = parts.filter(|part| part.decision.outcome != Outcome::Deny);
        let open = open.fold(FlowSet::none(), |all, part| all.union(&part.flows));
        self.known.insert(key, open.clone());
        open
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
