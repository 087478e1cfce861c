//! What connects today, and what of it the cut set closes.

use std::collections::{BTreeMap, BTreeSet};

use watertight_assess::{
    AssessmentLimits, Chain, Change, DeriveOptions, Derived, Entry, apply, assess, derive,
};
use watertight_model::{Estate, WorkloadId};
use watertight_net::{FlowSet, PortSet, Prefix, Protocol};
use watertight_reach::{Class, Reach, front_legs, named_prefixes};

use crate::exit::Failure;

/// Actions whose effect is asked one by one, to say of each target which of them closes it.
const ASKED_MAX: usize = 48;

/// Who opens connections.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum From {
    /// A workload.
    Workload(WorkloadId),
    /// Addresses of the internet.
    Internet(Vec<Prefix>),
    /// Addresses outside of the estate.
    Outside(Vec<Prefix>),
}

/// What is sent from one end to a workload.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Sent {
    /// What connects, and goes on to.
    pub(super) kept: FlowSet,
    /// What connects, and is closed by the cut.
    pub(super) closed: FlowSet,
}

/// What is known about the paths of an estate.
pub(super) struct Paths {
    /// Everything that connects to the workloads that the draft is about.
    pub(super) sent: BTreeMap<WorkloadId, BTreeMap<From, Sent>>,
    /// The actions of the cut set that change what connects.
    pub(super) actions: Vec<String>,
    /// Those that change something else: grants, tokens.
    pub(super) beyond: Vec<String>,
    /// For each workload, which of the actions close something there.
    pub(super) closers: BTreeMap<WorkloadId, BTreeSet<usize>>,
    /// For each workload, the likeliest chain that it is part of, in words.
    pub(super) chains: BTreeMap<WorkloadId, String>,
    /// Workloads that are crown jewels.
    pub(super) jewels: BTreeSet<WorkloadId>,
    /// The parts of the internet that are told apart.
    pub(super) internet: BTreeSet<Vec<Prefix>>,
    /// Pairs of ends between which something is closed.
    pub(super) closed: usize,
}

/// What connects to each workload.
pub(super) type Connected = BTreeMap<WorkloadId, BTreeMap<From, FlowSet>>;

impl Paths {
    /// Assesses an estate and asks it again with the cut.
    ///
    /// # Errors
    /// When the estate has more parts than a graph holds.
    pub(super) fn of(estate: &Estate, options: &DeriveOptions) -> Result<Self, Failure> {
        let reach = Reach::new(&estate.network);
        let matrix = reach.matrix(&BTreeSet::new());
        let survey = reach.survey(&matrix);
        let legs = front_legs(&estate.network, &matrix);
        let derived = derive(estate, &reach, &matrix, &legs, Some(&survey), options)
            .map_err(|error| Failure::Estate(error.to_string()))?;
        // Nobody asks for a ranking here.
        let limits = AssessmentLimits { ranked_max: 0, scorings_max: 1, ..Default::default() };
        let found = assess(&derived.graph, &derived.actions, &limits);
        let chosen: Vec<(String, Vec<Change>)> = found
            .cut_set
            .actions
            .iter()
            .filter_map(|action| {
                let name = derived.actions.get(*action)?.name.clone();
                Some((name, derived.change(*action)))
            })
            .collect();
        let (of_network, beyond): (Vec<_>, Vec<_>) =
            chosen.into_iter().partition(|(_, changes)| changes.iter().any(is_of_network));
        let all: Vec<Change> = of_network.iter().flat_map(|(_, changes)| changes.clone()).collect();
        let cut = apply(estate, &all);
        let mut boundaries = named_prefixes(&estate.network);
        boundaries.extend(named_prefixes(&cut.network));
        let (before, internet) = connected(estate, &boundaries);
        let (after, _) = connected(&cut, &boundaries);
        let jewels = jewels(&derived);
        let chains = found.chains.chains.iter().chain(&found.various);
        let chains = chains_of(&derived, chains);
        let wanted = jewels.iter().chain(chains.keys()).copied().collect();
        let sent = sent(&before, &after, &wanted);
        let closed = sent.values().flatten().filter(|(_, one)| !one.closed.is_empty()).count();
        let mut closers: BTreeMap<WorkloadId, BTreeSet<usize>> = BTreeMap::new();
        for (place, (_, changes)) in of_network.iter().enumerate().take(ASKED_MAX) {
            let (alone, _) = connected(&apply(estate, changes), &boundaries);
            for target in sent.keys() {
                if alone.get(target) != before.get(target) {
                    closers.entry(*target).or_default().insert(place);
                }
            }
        }
        Ok(Self {
            chains,
            actions: of_network.into_iter().map(|(name, _)| name).collect(),
            beyond: beyond.into_iter().map(|(name, _)| name).collect(),
            sent,
            closers,
            jewels,
            internet,
            closed,
        })
    }
}

impl Paths {
    /// Whether the cut closes something at a workload.
    pub(super) fn closes_at(&self, target: WorkloadId) -> bool {
        let sent = self.sent.get(&target).into_iter().flatten();
        sent.into_iter().any(|(_, one)| !one.closed.is_empty())
    }

    /// What the draft should keep and does not, at the workloads that it holds, in words.
    pub(super) fn lost(
        &self,
        layered: &Estate,
        held: &BTreeSet<WorkloadId>,
    ) -> BTreeMap<WorkloadId, Vec<String>> {
        let boundaries = named_prefixes(&layered.network);
        let (after, _) = connected(layered, &boundaries);
        let mut lost: BTreeMap<WorkloadId, Vec<String>> = BTreeMap::new();
        for (target, sources) in self.sent.iter().filter(|(target, _)| held.contains(target)) {
            let then = after.get(target);
            for (from, sent) in sources {
                let From::Workload(source) = from else { continue };
                let open = then.and_then(|then| then.get(from)).cloned();
                let gone = sent.kept.difference(&open.unwrap_or_else(FlowSet::none));
                let gone = gone.difference(&nothing_speaks_of());
                if !gone.is_empty() {
                    let name = |id: WorkloadId| {
                        layered
                            .workloads
                            .get(id)
                            .map(|one| one.name.to_string())
                            .unwrap_or_default()
                    };
                    let (from, to) = (name(*source), name(*target));
                    let line = format!("{from} to {to} over {gone}: the draft does not keep it");
                    lost.entry(*target).or_default().push(line);
                }
            }
        }
        lost
    }
}

/// What no policy speaks of: port 0.
fn nothing_speaks_of() -> FlowSet {
    let zero = |protocol| FlowSet::ports(protocol, PortSet::full(), PortSet::single(0));
    Protocol::WITH_PORTS.iter().fold(FlowSet::none(), |all, one| all.union(&zero(*one)))
}

/// Whether a change is one of what connects.
fn is_of_network(change: &Change) -> bool {
    match change {
        Change::RemoveRule(_)
        | Change::NarrowRule(..)
        | Change::NarrowPorts(..)
        | Change::AddDeny(..)
        | Change::DropRoute(..)
        | Change::DropPublic(..) => true,
        Change::RequireToken(_) | Change::RemoveGrant(_) | Change::GuardOrigin(_) => false,
    }
}

/// Everything that connects, or could, by who accepts it; and the parts of the internet.
pub(super) fn connected(
    estate: &Estate,
    boundaries: &BTreeSet<Prefix>,
) -> (Connected, BTreeSet<Vec<Prefix>>) {
    let reach = Reach::new(&estate.network);
    let matrix = reach.matrix(boundaries);
    let mut found = Connected::new();
    let mut add = |to: WorkloadId, from: From, flows: &FlowSet| {
        if flows.is_empty() || from == From::Workload(to) {
            return;
        }
        let known = found.entry(to).or_default().entry(from).or_insert_with(FlowSet::none);
        *known = known.union(&flows.any_source());
    };
    let ends: Vec<Vec<From>> = matrix.classes.iter().map(|class| ends(estate, class)).collect();
    for ((from, to), cell) in matrix.cells() {
        let (Some(sources), Some(targets)) = (ends.get(from), ends.get(to)) else { continue };
        for target in targets {
            let From::Workload(target) = target else { continue };
            for source in sources {
                add(*target, source.clone(), &cell.established.possible);
            }
        }
    }
    let workload = |id| estate.network.endpoints.get(id).map(|one| one.workload);
    for leg in front_legs(&estate.network, &matrix) {
        if let (Some(from), Some(to)) = (workload(leg.from), workload(leg.to)) {
            add(to, From::Workload(from), &leg.flows.possible);
        }
    }
    let internet = matrix.classes.iter().filter_map(|class| match class {
        Class::Internet(atom) => Some(atom.prefixes.clone()),
        Class::Endpoints(_) | Class::Outside(..) => None,
    });
    let internet = internet.collect();
    (found, internet)
}

/// The ends of a class.
fn ends(estate: &Estate, class: &Class) -> Vec<From> {
    match class {
        Class::Endpoints(members) => {
            let of = members.iter().filter_map(|id| estate.network.endpoints.get(*id));
            let all: BTreeSet<WorkloadId> = of.map(|endpoint| endpoint.workload).collect();
            all.into_iter().map(From::Workload).collect()
        }
        Class::Internet(atom) => vec![From::Internet(atom.prefixes.clone())],
        Class::Outside(_, atom) => vec![From::Outside(atom.prefixes.clone())],
    }
}

/// What is sent to some workloads, and to whatever the cut closes something at.
fn sent(
    before: &Connected,
    after: &Connected,
    wanted: &BTreeSet<WorkloadId>,
) -> BTreeMap<WorkloadId, BTreeMap<From, Sent>> {
    let mut found = BTreeMap::new();
    for (target, sources) in before {
        let left = after.get(target);
        let of = |from: &From| left.and_then(|left| left.get(from)).cloned();
        let mut own = BTreeMap::new();
        for (from, flows) in sources {
            let kept = of(from).unwrap_or_else(FlowSet::none).intersection(flows);
            let closed = flows.difference(&kept);
            own.insert(from.clone(), Sent { kept, closed });
        }
        let is_closed = own.values().any(|one| !one.closed.is_empty());
        if is_closed || wanted.contains(target) {
            found.insert(*target, own);
        }
    }
    found
}

fn jewels(derived: &Derived) -> BTreeSet<WorkloadId> {
    let subjects = (0_u32..).zip(derived.graph.subjects());
    let jewels = subjects.filter(|(_, info)| info.jewel);
    let members =
        jewels.filter_map(|(number, _)| derived.members.get(&watertight_assess::Subject(number)));
    members.flatten().copied().collect()
}

/// For each workload the first of some chains that it is part of.
fn chains_of<'c>(
    derived: &Derived,
    chains: impl Iterator<Item = &'c Chain>,
) -> BTreeMap<WorkloadId, String> {
    let graph = &derived.graph;
    let mut found = BTreeMap::new();
    for chain in chains {
        let start = match chain.entry {
            Entry::Internet => "internet".to_owned(),
            Entry::Workload(subject) => graph.name(subject),
        };
        let hops = chain.hops.iter().filter_map(|hop| graph.hop(*hop));
        let facts: Vec<_> = hops.map(|hop| hop.conclusion).collect();
        let words: Vec<String> = facts.iter().map(|fact| graph.describe(*fact)).collect();
        let text = format!("{start} -> {}", words.join(" -> "));
        for fact in facts {
            for member in derived.members.get(&fact.subject).into_iter().flatten() {
                found.entry(*member).or_insert_with(|| text.clone());
            }
        }
    }
    found
}
