//! Who gets where from one side of an assertion, with the way.

use std::collections::{BTreeMap, BTreeSet};

use watertight_model::network::{EndpointId, TargetEnd};
use watertight_model::{Bounds, Name, WorkloadId, WorkloadKind};
use watertight_net::{FlowSet, Protocol};

use super::sides::{Members, Sides};
use super::{Assertion, Follow, Judge};
use crate::classes::Class;
use crate::matrix::{Cell, ClassIndex};

/// How many pairs of classes are asked for by name, where the matrix does not tell of one.
const ASKED_MAX: usize = 2_000;

/// Which of two bounds is meant.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Bound {
    Sure,
    Possible,
}

impl Bound {
    pub(super) fn of<T>(self, bounds: &Bounds<T>) -> &T {
        match self {
            Self::Sure => &bounds.sure,
            Self::Possible => &bounds.possible,
        }
    }

    /// What counts for a hop: in the last one all that does harm, before it what code can be driven
    /// by, which are connections.
    pub(super) fn counted(self, cell: &Cell, is_last: bool) -> FlowSet {
        if is_last { self.harm(cell) } else { self.of(&cell.established).clone() }
    }

    /// What does harm: connections, and packets of protocols for which one is enough.
    pub(super) fn harm(self, cell: &Cell) -> FlowSet {
        let alone = self.of(&cell.forward).difference(&FlowSet::protocol(Protocol::TCP));
        self.of(&cell.established).union(&alone)
    }
}

/// One end of a hop: an endpoint, or the outside addresses of a class.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) enum Who {
    Endpoint(EndpointId),
    Outside(ClassIndex),
}

/// One hop of a way.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Way {
    pub(super) from: Who,
    pub(super) to: Who,
    pub(super) over: FlowSet,
    /// The hop before it.
    after: Option<usize>,
}

/// Somebody who opens connections, and by which hop code got there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Sender {
    who: Who,
    by: Option<usize>,
}

/// What the side `from` reaches.
pub(super) struct Search<'j, 'e> {
    judge: &'j Judge<'e>,
    follow: Follow,
    sides: &'j Sides,
    over: &'j FlowSet,
    bound: Bound,
    senders: BTreeMap<ClassIndex, Vec<Sender>>,
    /// The legs of fronts that somebody makes them open, with the hop before; none before those of
    /// fronts that belong to `from` themselves.
    active: BTreeMap<usize, Option<usize>>,
    reached: BTreeSet<ClassIndex>,
    ways: Vec<Way>,
    harms: BTreeMap<(u32, bool), bool>,
    asked: BTreeMap<(ClassIndex, ClassIndex), Cell>,
    missing: BTreeSet<Name>,
}

impl<'j, 'e> Search<'j, 'e> {
    pub(super) fn new(
        judge: &'j Judge<'e>,
        assertion: &'j Assertion,
        sides: &'j Sides,
        bound: Bound,
    ) -> Self {
        let mut search = Self {
            judge,
            follow: assertion.follow,
            sides,
            over: &assertion.over,
            bound,
            senders: BTreeMap::new(),
            active: BTreeMap::new(),
            reached: BTreeSet::new(),
            ways: Vec::new(),
            harms: BTreeMap::new(),
            asked: BTreeMap::new(),
            missing: BTreeSet::new(),
        };
        search.begin();
        search
    }

    fn begin(&mut self) {
        for (class, members) in self.sides.from.iter().enumerate() {
            let opening = members.of(self.bound).filter(|one| self.opens(*one));
            let mut senders: Vec<Sender> = self
                .two(opening)
                .into_iter()
                .map(|one| Sender { who: Who::Endpoint(one), by: None })
                .collect();
            if members.outside {
                senders.push(Sender { who: Who::Outside(class), by: None });
            }
            if !senders.is_empty() {
                self.senders.insert(class, senders);
            }
        }
        if self.sides.fronts_open {
            for (number, leg) in self.judge.legs.iter().enumerate() {
                if self.belongs(&self.sides.from, leg.from) {
                    self.active.insert(number, None);
                }
            }
        }
    }

    /// The hops of a way that breaks the claim, if there is one.
    pub(super) fn find(&mut self) -> Option<Vec<Way>> {
        loop {
            if let Some(last) = self.arrives() {
                return Some(self.chain(last));
            }
            if !self.grow() {
                return None;
            }
        }
    }

    /// Follows as far as the assertion does, for what [`Self::established`] tells.
    pub(super) fn spread(&mut self) {
        while self.grow() {}
    }

    /// What connections the senders can establish with an end, over all hops that lead there.
    pub(super) fn established(&self, to: Who) -> FlowSet {
        let class = match to {
            Who::Outside(class) => Some(class),
            Who::Endpoint(endpoint) => self.judge.matrix.class_of(endpoint),
        };
        let mut found = FlowSet::none();
        for (from, senders) in &self.senders {
            let Some((sender, _)) = self.differing(senders, &[to]) else { continue };
            if self.is_unaddressed(sender.who) || self.is_unaddressed(to) {
                let cell = self.judge.asked(sender.who, to);
                found = found.union(self.bound.of(&cell.established));
            } else if let Some(cell) = class.and_then(|to| self.judge.matrix.cell(*from, to)) {
                found = found.union(self.bound.of(&cell.established));
            }
        }
        for leg in self.active.keys().filter_map(|number| self.judge.legs.get(*number)) {
            if Who::Endpoint(leg.to) == to {
                found = found.union(self.bound.of(&leg.flows));
            }
        }
        found
    }

    /// What the input lacks about fronts and ends on the way, whatever was found.
    pub(super) fn missing(&mut self) -> BTreeSet<Name> {
        if self.follow != Follow::Direct {
            for (_, front) in self.judge.estate.network.fronts.iter() {
                let Some(lacks) = self.lacking(front) else { continue };
                let heard = front.endpoints.iter().any(|endpoint| {
                    let all = FlowSet::all();
                    self.hop_to(*endpoint, &all, false).is_some()
                });
                if heard {
                    self.missing.insert(lacks);
                }
            }
        }
        std::mem::take(&mut self.missing)
    }

    /// What the input does not tell of where a front leads.
    fn lacking(&self, front: &watertight_model::network::Front) -> Option<Name> {
        if !front.listeners_read {
            return Some(Name::from(format!("the listeners of {}", front.name)));
        }
        let groups = front.listeners.iter().flat_map(|listener| &listener.target_groups);
        for group in groups.map(|id| &self.judge.estate.network.target_groups[*id]) {
            if !group.targets_read {
                return Some(Name::from(format!("the targets of {}", group.name)));
            }
            for target in &group.targets {
                if let TargetEnd::Unread(name) = &target.end {
                    return Some(Name::from(format!("the target {name} of {}", front.name)));
                }
            }
        }
        None
    }

    /// Whether the side `to` is reached, by which hop.
    fn arrives(&mut self) -> Option<usize> {
        let sides = self.sides;
        for (class, members) in sides.to.iter().enumerate() {
            let found = if members.outside {
                self.hop(class, &[Who::Outside(class)], self.over, true)
            } else {
                let accepting: Vec<EndpointId> =
                    members.of(self.bound).filter(|one| self.accepts(*one)).collect();
                let two = self.two(accepting.into_iter());
                let two: Vec<Who> = two.into_iter().map(Who::Endpoint).collect();
                self.hop(class, &two, self.over, true)
            };
            if found.is_some() {
                return found;
            }
        }
        let active: Vec<(usize, Option<usize>)> =
            self.active.iter().map(|(leg, by)| (*leg, *by)).collect();
        for (number, by) in active {
            let leg = self.judge.legs.get(number)?;
            let over = self.bound.of(&leg.flows).intersection(self.over);
            if !over.is_empty() && self.accepts(leg.to) && self.belongs(&sides.to, leg.to) {
                let (from, to) = (Who::Endpoint(leg.from), Who::Endpoint(leg.to));
                return Some(self.push(Way { from, to, over, after: by }));
            }
        }
        None
    }

    /// Follows fronts, and breached workloads where the assertion does. Says whether anything new
    /// is reached.
    fn grow(&mut self) -> bool {
        if self.follow == Follow::Direct {
            return false;
        }
        let mut grown = false;
        for number in 0..self.judge.legs.len() {
            if self.active.contains_key(&number) {
                continue;
            }
            let Some(leg) = self.judge.legs.get(number) else { continue };
            if let Some(by) = self.hop_to(leg.from, &leg.listens, true) {
                self.active.insert(number, Some(by));
                grown = true;
            }
        }
        if self.follow == Follow::Any {
            grown |= self.breach();
        }
        grown
    }

    /// A hop to an endpoint, by a sender or by a leg of a front.
    fn hop_to(&mut self, endpoint: EndpointId, over: &FlowSet, keep: bool) -> Option<usize> {
        let class = self.judge.matrix.class_of(endpoint)?;
        if let Some(found) = self.hop(class, &[Who::Endpoint(endpoint)], over, keep) {
            return Some(found);
        }
        let active: Vec<(usize, Option<usize>)> =
            self.active.iter().map(|(leg, by)| (*leg, *by)).collect();
        for (number, by) in active {
            let leg = self.judge.legs.get(number)?;
            let flows = self.bound.of(&leg.flows).intersection(over);
            if leg.to == endpoint && !flows.is_empty() {
                let (from, to) = (Who::Endpoint(leg.from), Who::Endpoint(leg.to));
                return Some(self.push(Way { from, to, over: flows, after: by }));
            }
        }
        None
    }

    /// Every workload that runs code and is reached opens connections from now on.
    fn breach(&mut self) -> bool {
        let mut new: Vec<(EndpointId, usize)> = Vec::new();
        let all = FlowSet::all();
        for (class, content) in self.judge.matrix.classes.iter().enumerate() {
            let Class::Endpoints(members) = content else { continue };
            if self.reached.contains(&class) {
                continue;
            }
            let running = members.iter().copied().filter(|one| self.runs_code(*one));
            let running: Vec<EndpointId> = running.collect();
            let two: Vec<Who> =
                self.two(running.iter().copied()).into_iter().map(Who::Endpoint).collect();
            if let Some(by) = self.hop(class, &two, &all, true) {
                self.reached.insert(class);
                new.extend(running.iter().map(|one| (*one, by)));
            }
        }
        let active: Vec<(usize, Option<usize>)> =
            self.active.iter().map(|(leg, by)| (*leg, *by)).collect();
        for (number, after) in active {
            let Some(leg) = self.judge.legs.get(number) else { continue };
            let over = self.bound.of(&leg.flows).clone();
            if over.is_empty() || !self.runs_code(leg.to) || self.sends(leg.to) {
                continue;
            }
            let (from, to) = (Who::Endpoint(leg.from), Who::Endpoint(leg.to));
            let by = self.push(Way { from, to, over, after });
            new.push((leg.to, by));
        }
        let mut grown = false;
        for (endpoint, by) in new {
            // Code on a workload sends from all of its endpoints.
            let workload = self.workload(endpoint);
            for own in &self.judge.estate.workloads[workload].endpoints {
                grown |= self.add_sender(*own, by);
            }
        }
        grown
    }

    fn add_sender(&mut self, endpoint: EndpointId, by: usize) -> bool {
        let Some(class) = self.judge.matrix.class_of(endpoint) else { return false };
        let workload = self.workload(endpoint);
        let known: BTreeSet<Option<WorkloadId>> = self
            .senders
            .get(&class)
            .into_iter()
            .flatten()
            .map(|one| self.workload_of(one.who))
            .collect();
        // Two workloads of a class send to whatever any of its workloads sends to.
        if known.len() > 1 || known.contains(&Some(workload)) {
            return false;
        }
        let sender = Sender { who: Who::Endpoint(endpoint), by: Some(by) };
        self.senders.entry(class).or_default().push(sender);
        true
    }

    fn sends(&self, endpoint: EndpointId) -> bool {
        let class = self.judge.matrix.class_of(endpoint);
        let senders = class.and_then(|class| self.senders.get(&class)).into_iter().flatten();
        let workload = self.workload(endpoint);
        let known: BTreeSet<Option<WorkloadId>> =
            senders.map(|one| self.workload_of(one.who)).collect();
        known.len() > 1 || known.contains(&Some(workload))
    }

    /// A hop from any sender to one of some receivers of a class.
    fn hop(
        &mut self,
        class: ClassIndex,
        receivers: &[Who],
        over: &FlowSet,
        keep: bool,
    ) -> Option<usize> {
        if receivers.is_empty() {
            return None;
        }
        let (from, to, cell) = self.pair(class, receivers, over)?;
        let over = self.bound.counted(&cell, std::ptr::eq(over, self.over)).intersection(over);
        let way = Way { from: from.who, to, over, after: from.by };
        Some(if keep { self.push(way) } else { 0 })
    }

    fn pair(
        &mut self,
        class: ClassIndex,
        receivers: &[Who],
        over: &FlowSet,
    ) -> Option<(Sender, Who, Cell)> {
        let judge = self.judge;
        let (is_all, is_last) = (over.is_all(), std::ptr::eq(over, self.over));
        for run in judge.matrix.runs(class) {
            let Some(cell) = judge.matrix.numbered(run.value) else { continue };
            let bound = self.bound;
            let counts = || bound.counted(cell, is_last).intersects(over);
            let harms = if is_all || is_last {
                *self.harms.entry((run.value, is_last)).or_insert_with(counts)
            } else {
                counts()
            };
            if !harms {
                continue;
            }
            let first = usize::try_from(run.start).unwrap_or(usize::MAX);
            let end = usize::try_from(run.end).unwrap_or(usize::MAX);
            for (_, senders) in self.senders.range(first..end) {
                if let Some((sender, to)) = self.differing(senders, receivers) {
                    return Some((sender, to, cell.clone()));
                }
            }
        }
        self.ask_pairs(class, receivers, over)
    }

    /// The matrix tells of no endpoint whose address the input does not tell: those are asked for.
    fn ask_pairs(
        &mut self,
        class: ClassIndex,
        receivers: &[Who],
        over: &FlowSet,
    ) -> Option<(Sender, Who, Cell)> {
        let to_unaddressed = receivers.iter().any(|who| self.is_unaddressed(*who));
        let classes: Vec<ClassIndex> = self
            .senders
            .iter()
            .filter(|(_, senders)| {
                to_unaddressed || senders.iter().any(|one| self.is_unaddressed(one.who))
            })
            .map(|(class, _)| *class)
            .collect();
        for from in classes {
            let senders = self.senders.get(&from).cloned().unwrap_or_default();
            let Some((sender, to)) = self.differing(&senders, receivers) else { continue };
            if !self.asked.contains_key(&(from, class)) {
                if self.asked.len() >= ASKED_MAX {
                    self.missing.insert(Name::from(format!(
                        "the addresses of more than {ASKED_MAX} pairs of ends"
                    )));
                    return None;
                }
                let cell = self.judge.asked(sender.who, to);
                self.asked.insert((from, class), cell);
            }
            let cell = self.asked.get(&(from, class))?;
            if self.bound.counted(cell, std::ptr::eq(over, self.over)).intersects(over) {
                return Some((sender, to, cell.clone()));
            }
        }
        None
    }

    /// A sender and a receiver that are not of one workload.
    fn differing(&self, senders: &[Sender], receivers: &[Who]) -> Option<(Sender, Who)> {
        senders.iter().find_map(|sender| {
            let own = self.workload_of(sender.who);
            let other = |who: &&Who| match (own, self.workload_of(**who)) {
                (None, None) => false,
                (own, other) => own != other,
            };
            receivers.iter().find(other).map(|to| (*sender, *to))
        })
    }

    fn push(&mut self, way: Way) -> usize {
        self.ways.push(way);
        self.ways.len() - 1
    }

    fn chain(&self, last: usize) -> Vec<Way> {
        let mut found = Vec::new();
        let mut next = Some(last);
        while let Some(way) = next.and_then(|number| self.ways.get(number)) {
            found.push(way.clone());
            next = way.after;
        }
        found.reverse();
        found
    }

    /// The first endpoint, and the first of another workload.
    fn two(&self, endpoints: impl Iterator<Item = EndpointId>) -> Vec<EndpointId> {
        let mut found: Vec<EndpointId> = Vec::new();
        for endpoint in endpoints {
            match found.as_slice() {
                [] => found.push(endpoint),
                [first] if self.workload(*first) != self.workload(endpoint) => {
                    found.push(endpoint);
                    break;
                }
                _ => {}
            }
        }
        found
    }

    fn belongs(&self, side: &[Members], endpoint: EndpointId) -> bool {
        let class = self.judge.matrix.class_of(endpoint);
        let members = class.and_then(|class| side.get(class));
        members.is_some_and(|members| members.holds(endpoint, self.bound))
    }

    fn workload(&self, endpoint: EndpointId) -> WorkloadId {
        self.judge.estate.network.endpoints[endpoint].workload
    }

    fn workload_of(&self, who: Who) -> Option<WorkloadId> {
        match who {
            Who::Endpoint(endpoint) => Some(self.workload(endpoint)),
            Who::Outside(_) => None,
        }
    }

    fn is_unaddressed(&self, who: Who) -> bool {
        match who {
            Who::Endpoint(id) => self.judge.estate.network.endpoints[id].addresses.is_empty(),
            Who::Outside(_) => false,
        }
    }

    fn kind(&self, endpoint: EndpointId) -> WorkloadKind {
        self.judge.estate.workloads[self.workload(endpoint)].kind
    }

    fn runs_code(&self, endpoint: EndpointId) -> bool {
        self.kind(endpoint).runs_code()
    }

    /// Whether an endpoint opens connections of its own: what forwards and what leads on does not.
    fn opens(&self, endpoint: EndpointId) -> bool {
        !matches!(
            self.kind(endpoint),
            WorkloadKind::Gateway | WorkloadKind::PrivateService | WorkloadKind::LoadBalancer
        )
    }

    /// Whether reaching an endpoint counts, or only what is behind it.
    fn accepts(&self, endpoint: EndpointId) -> bool {
        self.sides.fronts_accept || !self.judge.leading.contains(&endpoint)
    }
}
