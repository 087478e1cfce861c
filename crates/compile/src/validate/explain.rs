//! Why the network differs from what is intended. What has no reason here is a mistake of ours.

use std::collections::BTreeSet;

use watertight_model::network::EndpointId;
use watertight_model::{Disposition, WorkloadId};
use watertight_net::{AddressSet, FlowSet, PortRange, PortSet, Prefix, Protocol};
use watertight_reach::{Place, Reach, Step};

use super::scene::{Cells, Scene};
use super::told::{Party, PartyWho};
use crate::edge::CLIENTS_MIN;
use crate::gap::Reason;
use crate::intent::Allowed;

/// Parts of a difference, each with its reason or none.
type Explained = Vec<(FlowSet, Option<Reason>)>;

/// What had to be known of a pair to explain a difference.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Needs {
    /// What passes, what is intended, and who carries our groups.
    Cells,
    /// What was widened between the two, too.
    Widening,
    /// Who they are.
    Pair,
}

/// Takes parts off a difference until nothing is left.
struct Rest {
    flows: FlowSet,
    parts: Explained,
}

impl Rest {
    fn take(&mut self, flows: &FlowSet, reason: Reason) {
        let taken = self.flows.intersection(flows);
        if !taken.is_empty() {
            self.flows = self.flows.difference(&taken);
            self.parts.push((taken, Some(reason)));
        }
    }

    /// What is left has no reason.
    fn finish(mut self) -> Explained {
        if !self.flows.is_empty() {
            self.parts.push((self.flows, None));
        }
        self.parts
    }
}

impl Scene<'_, '_> {
    /// Why more is permitted.
    pub(super) fn explain_over(
        &self,
        pair: (&Party, &Party),
        cells: &Cells,
        allowed: &Allowed,
        over: &FlowSet,
    ) -> (Explained, Needs) {
        let mut rest = Rest { flows: over.clone(), parts: Vec::new() };
        let doubtful = cells.after.possible.difference(&cells.after.sure);
        rest.take(&doubtful, Reason::UnknownBox);
        rest.take(&allowed.inspect, Reason::L7);
        let is_held = |party: &Party| party.identity.is_some();
        if !is_held(pair.0) && !is_held(pair.1) {
            rest.take(&FlowSet::all(), Reason::OthersGuard);
        }
        if rest.flows.is_empty() {
            return (rest.finish(), Needs::Cells);
        }
        for (flows, reason) in self.widened(pair) {
            rest.take(&flows, reason);
        }
        if rest.flows.is_empty() {
            return (rest.finish(), Needs::Widening);
        }
        if self.are_on_one_machine(pair) {
            rest.take(&FlowSet::all(), Reason::Unfilterable);
        }
        if !rest.flows.is_empty() {
            rest.take(&self.for_others(pair), Reason::IdentityShared);
        }
        if !rest.flows.is_empty() {
            rest.take(&self.by_fronts(pair), Reason::IdentityShared);
        }
        if !rest.flows.is_empty() {
            rest.take(&self.translated_by_fronts(pair), Reason::IdentityShared);
        }
        let is_shared = |pair| self.is_translated(pair, &self.reach[1]) || self.is_ambiguous(pair);
        if !rest.flows.is_empty() && is_shared(pair) {
            rest.take(&FlowSet::all(), Reason::IdentityShared);
        }
        (rest.finish(), Needs::Pair)
    }

    /// What comes to a target by a front that keeps its clients' addresses, of what a client may send
    /// that front itself, or another of its targets: the client's rules see the front's address, and
    /// not where it leads.
    fn by_fronts(&self, pair: (&Party, &Party)) -> FlowSet {
        let (from, to) = pair;
        let PartyWho::Endpoints(targets, _) = &to.who else { return FlowSet::none() };
        let allowed = |end: EndpointId| {
            let end = self.intent.kind_of(end);
            match &from.who {
                PartyWho::Endpoints(_, kind) => self.intent.between(*kind, end),
                _ => self.allowed_outside(end, from, true),
            }
        };
        let mut all = self.handed_on(pair);
        for via in self.vias.list.iter().filter(|via| targets.contains(&via.target)) {
            for front in &via.attachments {
                all = all.union(&via.forwarded(&allowed(*front).allow));
            }
            for other in self.vias.list.iter().filter(|other| other.front == via.front) {
                let dialled = other.dialled(&allowed(other.target).allow);
                all = all.union(&via.forwarded(&dialled));
            }
        }
        all
    }

    /// What guards of somebody else whom a segment holds refuse on the way, after the plan: who hands on what is
    /// not his.
    pub(super) fn held_on_the_way(&self, (from, to): (&Party, &Party)) -> FlowSet {
        let later = |id: &EndpointId| self.later.get(*id);
        let governed = self.compiled.identities.governed.iter().filter_map(later);
        let governed: BTreeSet<EndpointId> = governed.collect();
        let ends = from.who.endpoints().iter().chain(to.who.endpoints());
        let ends: BTreeSet<EndpointId> = ends.filter_map(later).collect();
        let reach = &self.reach[1];
        let source = from.who.endpoints().first().and_then(later);
        let starts = source.map(|source| reach.starts_of(source)).unwrap_or_default();
        let target = to.who.endpoints().first().and_then(later);
        let addresses = target.map(|target| reach.addresses_of(target)).unwrap_or_default();
        let mut held = FlowSet::none();
        for start in &starts {
            for address in &addresses {
                let parts = reach.answer(start, *address, &FlowSet::all()).into_iter();
                let refused = parts.filter(|part| match part.at {
                    Place::Endpoint(at) => governed.contains(&at) && !ends.contains(&at),
                    _ => false,
                });
                held = refused.fold(held, |held, part| held.union(&part.flows));
            }
        }
        held
    }

    /// What comes to a target by a front that keeps its clients' addresses from who has another one there: who
    /// dials the public address of the front from behind a translator comes with that one's.
    fn translated_by_fronts(&self, (from, to): (&Party, &Party)) -> FlowSet {
        let later = |id: &EndpointId| self.later.get(*id);
        let reach = &self.reach[1];
        let source = from.who.endpoints().first().and_then(later);
        let starts = source.map(|source| reach.starts_of(source)).unwrap_or_default();
        let targets = to.who.endpoints();
        let mut all = FlowSet::none();
        for via in self.vias.list.iter().filter(|via| targets.contains(&via.target)) {
            let fronts = via.attachments.iter().filter_map(later);
            for address in fronts.flat_map(|front| reach.addresses_of(front)) {
                for part in starts.iter().flat_map(|s| reach.answer(s, address, &FlowSet::all())) {
                    let is_translated =
                        part.path.steps.iter().any(|step| matches!(step, Step::Source { .. }));
                    if is_translated && part.disposition == Disposition::Accepted {
                        all = all.union(&via.forwarded(&part.flows));
                    }
                }
            }
        }
        all
    }

    /// What such a front hands on to one of its targets: its own rules cannot tell that from what it would
    /// send itself.
    fn handed_on(&self, (from, to): (&Party, &Party)) -> FlowSet {
        let (PartyWho::Endpoints(fronts, _), PartyWho::Endpoints(targets, _)) =
            (&from.who, &to.who)
        else {
            return FlowSet::none();
        };
        let is_own = |one: &EndpointId| self.vias.front_of(*one);
        let own: BTreeSet<_> = fronts.iter().filter_map(is_own).collect();
        let vias = self.vias.list.iter();
        vias.filter(|via| own.contains(&via.front) && targets.contains(&via.target))
            .fold(FlowSet::none(), |all, via| all.union(&via.forwarded(&FlowSet::all())))
    }

    /// What passes between own addresses of two parties when our guards are open.
    fn directly(&self, (from, to): (&Party, &Party)) -> FlowSet {
        let (PartyWho::Endpoints(sources, _), PartyWho::Endpoints(targets, _)) =
            (&from.who, &to.who)
        else {
            return FlowSet::none();
        };
        let reach = &self.reach[2];
        let later = |id: &EndpointId| self.later.get(*id);
        let Some(source) = sources.first().and_then(later) else { return FlowSet::none() };
        let target = targets.iter().filter_map(later).find(|target| *target != source);
        let target = target.and_then(|id| self.estates[2].network.endpoints.get(id));
        let addresses = target.map_or(&[][..], |target| &target.addresses);
        let mut all = FlowSet::none();
        for start in reach.starts_of(source) {
            for address in addresses {
                let parts = reach.answer(&start, *address, &FlowSet::all()).into_iter();
                let parts = parts.filter(|one| one.disposition == Disposition::Accepted);
                all = parts.fold(all, |all, one| all.union(&one.flows));
            }
        }
        all
    }

    /// Whether others have an address of one of the ends, as in networks that overlap: rules cannot tell
    /// them apart.
    fn is_ambiguous(&self, (from, to): (&Party, &Party)) -> bool {
        let own = self.addresses(from).union(&self.addresses(to));
        let ends = from.who.endpoints().iter().chain(to.who.endpoints()).copied();
        let ends: BTreeSet<EndpointId> = ends.collect();
        let mut others = self.estates[0].network.endpoints.iter();
        let is_held = others.any(|(id, one)| {
            !ends.contains(&id) && one.addresses.iter().any(|address| own.contains(*address))
        });
        // Who stands in has one of these addresses, and another one where more is told apart.
        let mut vacant = self.parties().iter();
        is_held
            || vacant.any(|party| match &party.who {
                PartyWho::Vacant(vacancy, id) => {
                    !ends.contains(id) && vacancy.addresses.intersects(&own)
                }
                PartyWho::Endpoints(..) | PartyWho::Outside(..) => false,
            })
    }

    /// What those who share the interfaces of two parties may send one another.
    fn for_others(&self, (from, to): (&Party, &Party)) -> FlowSet {
        let identities = &self.compiled.identities;
        let shared = |party: &Party| match (&party.who, party.identity) {
            (PartyWho::Outside(..) | PartyWho::Vacant(..), _) => Vec::new(),
            (PartyWho::Endpoints(_, kind), None) => vec![*kind],
            (PartyWho::Endpoints(..), Some(place)) => {
                identities.list.get(place).map(|one| one.kinds.clone()).unwrap_or_default()
            }
        };
        let (sources, targets) = (shared(from), shared(to));
        let mut all = FlowSet::none();
        let mut add = |allowed: &Allowed| all = all.union(&allowed.allow).union(&allowed.inspect);
        for source in &sources {
            for target in &targets {
                add(&self.intent.between(*source, *target));
            }
        }
        match (&from.who, &to.who) {
            (PartyWho::Outside(..) | PartyWho::Vacant(..), _) => {
                for kind in &targets {
                    add(&self.allowed_outside(*kind, from, true));
                }
            }
            (_, PartyWho::Outside(..) | PartyWho::Vacant(..)) => {
                for kind in &sources {
                    add(&self.allowed_outside(*kind, to, false));
                }
            }
            _ => {}
        }
        all
    }

    /// Why less is permitted.
    pub(super) fn explain_under(
        &self,
        pair: (&Party, &Party),
        cells: &Cells,
        under: &FlowSet,
    ) -> (Explained, Needs) {
        let mut rest = Rest { flows: under.clone(), parts: Vec::new() };
        rest.take(&self.compiled.left, Reason::Unfilterable);
        // Even with our guards open it does not pass any more: others refer to a group that is off.
        let lost = cells.before.sure.difference(&cells.open.sure);
        rest.take(&lost, Reason::Membership);
        let doubtful = cells.after.possible.difference(&cells.after.sure);
        rest.take(&doubtful, Reason::UnknownBox);
        // It arrives still, and what is at edges refuses the reply.
        if let Some([before, after, open]) = &cells.answered {
            let unanswered = before.sure.union(&open.sure).difference(&after.sure);
            let unanswered = unanswered.intersection(&cells.after.sure);
            rest.take(&unanswered.intersection(&from_well_known()), Reason::StatelessReply);
        }
        if rest.flows.is_empty() {
            return (rest.finish(), Needs::Cells);
        }
        if self.is_translated(pair, &self.reach[2]) {
            rest.take(&FlowSet::all(), Reason::IdentityShared);
        }
        // A front dials itself at no public address of its own. What passes directly with our guards open is
        // cut by our guards.
        if !rest.flows.is_empty() {
            let handed = self.handed_on(pair).difference(&self.directly(pair));
            rest.take(&handed, Reason::IdentityShared);
        }
        if !rest.flows.is_empty() && self.is_boxed(pair, &self.reach[2]) {
            rest.take(&FlowSet::all(), Reason::Membership);
        }
        (rest.finish(), Needs::Pair)
    }

    /// Whether one machine, or what shares its interfaces, is all there is at both ends: what they send
    /// one another passes no interface.
    pub(super) fn are_on_one_machine(&self, (from, to): (&Party, &Party)) -> bool {
        let network = &self.estates[0].network;
        let machines = |party: &Party| -> BTreeSet<WorkloadId> {
            let PartyWho::Endpoints(members, _) = &party.who else { return BTreeSet::new() };
            let host = |id: &EndpointId| network.uplinks.get(id).map_or(*id, |uplink| uplink.by);
            members.iter().map(|id| network.endpoints[host(id)].workload).collect()
        };
        let machines = machines(from).into_iter().chain(machines(to)).collect::<BTreeSet<_>>();
        machines.len() == 1
            && [from, to].iter().all(|party| matches!(party.who, PartyWho::Endpoints(..)))
    }

    /// The flows that merged prefixes open between two parties: every end that carries our groups
    /// must have been widened, or have a rule for them anyway.
    fn widened(&self, (from, to): (&Party, &Party)) -> Vec<(FlowSet, Reason)> {
        let mut found: Vec<(FlowSet, Reason)> = Vec::new();
        for (end, other, ingress) in [(to, from, true), (from, to, false)] {
            let Some(identity) = end.identity else { continue };
            let addresses = self.addresses(other);
            let at_end = self.widened_at(identity, ingress, &addresses);
            let at_end = at_end.filter_map(|place| self.compiled.widened.get(place));
            let at_end: Vec<(FlowSet, Reason)> =
                at_end.map(|one| (one.flows.clone(), one.reason)).collect();
            if found.is_empty() {
                found = at_end;
            } else {
                let both = |(flows, reason): &(FlowSet, Reason)| {
                    let other = at_end.iter().map(|(flows, _)| flows.clone()).collect::<FlowSet>();
                    (flows.intersection(&other), *reason)
                };
                found = found.iter().map(both).collect();
            }
        }
        found
    }

    /// The places of what was widened at an identity into one of some addresses, in order.
    pub(super) fn widened_at(
        &self,
        identity: usize,
        ingress: bool,
        addresses: &AddressSet,
    ) -> impl Iterator<Item = usize> {
        // They are ordered by identity.
        let all = &self.compiled.widened;
        let start = all.partition_point(|one| one.identity < identity);
        let own = all.iter().enumerate().skip(start);
        own.take_while(move |(_, one)| one.identity == identity)
            .filter(move |(_, one)| one.ingress == ingress && one.added.intersects(addresses))
            .map(|(place, _)| place)
    }

    /// The addresses of a party, public ones too.
    pub(super) fn addresses(&self, party: &Party) -> AddressSet {
        match &party.who {
            PartyWho::Outside(addresses, _) => addresses.clone(),
            PartyWho::Vacant(vacancy, _) => vacancy.addresses.clone(),
            PartyWho::Endpoints(members, _) => {
                let all = members.iter().map(|id| &self.estates[0].network.endpoints[*id]);
                let own = all.flat_map(|one| {
                    let public = one.public.iter().map(|(_, outer)| *outer);
                    one.addresses.iter().copied().chain(public)
                });
                AddressSet::from_prefixes(own.map(Prefix::host))
            }
        }
    }

    /// Whether a way between two parties rewrites the source, or the guards of an end see another
    /// address than its own.
    fn is_translated(&self, pair: (&Party, &Party), reach: &Reach<'_>) -> bool {
        self.any_step(pair, reach, |step| matches!(step, Step::Source { .. }))
    }

    /// Whether a way passes what cannot be read, behind which no reference holds.
    fn is_boxed(&self, pair: (&Party, &Party), reach: &Reach<'_>) -> bool {
        self.any_step(pair, reach, |step| matches!(step, Step::Box { .. }))
    }

    fn any_step(
        &self,
        (from, to): (&Party, &Party),
        reach: &Reach<'_>,
        wanted: impl Fn(&Step) -> bool,
    ) -> bool {
        let (sources, targets) = (from.who.endpoints(), to.who.endpoints());
        if sources.is_empty() || targets.is_empty() {
            return self.outside_step((from, to), reach, &wanted);
        }
        let later = |id: &EndpointId| self.later.get(*id);
        let Some(source) = sources.first().and_then(later) else { return false };
        let target = targets.iter().filter_map(later).find(|target| *target != source);
        let Some(target) = target else { return false };
        let starts = reach.starts_of(source);
        let addresses = reach.addresses_of(target);
        starts.iter().any(|start| {
            addresses.iter().any(|address| {
                let parts = reach.answer(start, *address, &FlowSet::all());
                parts.iter().any(|part| part.path.steps.iter().any(&wanted))
            })
        })
    }

    /// The same where one end is outside.
    fn outside_step(
        &self,
        (from, to): (&Party, &Party),
        reach: &Reach<'_>,
        wanted: &impl Fn(&Step) -> bool,
    ) -> bool {
        let later = |members: &[EndpointId]| members.first().and_then(|id| self.later.get(*id));
        let (starts, addresses) = match (&from.who, &to.who) {
            (PartyWho::Endpoints(sources, _), PartyWho::Outside(addresses, _)) => (
                later(sources).map(|source| reach.starts_of(source)).unwrap_or_default(),
                addresses.first().into_iter().collect::<Vec<_>>(),
            ),
            (PartyWho::Outside(..), PartyWho::Endpoints(targets, _)) => (
                from.start.iter().cloned().collect(),
                later(targets).map(|target| reach.addresses_of(target)).unwrap_or_default(),
            ),
            _ => return false,
        };
        starts.iter().any(|start| {
            addresses.iter().any(|address| {
                let parts = reach.answer(start, *address, &FlowSet::all());
                parts.iter().any(|part| part.path.steps.iter().any(wanted))
            })
        })
    }
}

/// What comes from ports that clients do not take for themselves: a reply to it goes to one of these.
fn from_well_known() -> FlowSet {
    let ports = PortRange::new(0, CLIENTS_MIN.saturating_sub(1)).unwrap_or(PortRange::FULL);
    FlowSet::ports(Protocol::TCP, PortSet::from(ports), PortSet::full())
}
