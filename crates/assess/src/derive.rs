//! From an estate to a hop graph: what an attacker can do with what the estate permits.
//!
//! Subjects are workloads (replicas of one owner are one), stores, credentials and the internet.
//! Hops come from connectivity, from metadata services, from grants and from ways out. Each hop
//! says on which rules, public addresses and grants it rests, so that actions can be offered and
//! their effect computed; [`Derived::change`] says what an action means for the estate, so that
//! a cut can be verified by asking the changed estate.

mod actions;
mod apply;
mod columns;
mod fans;
mod grants;
mod hops;
mod hosted;
mod origin;
mod own;
mod ports;
mod rules;
mod subjects;
mod support;
mod verify;

use std::collections::{BTreeMap, BTreeSet};

use watertight_model::network::{EndpointId, GuardId, RealmId, TableId};
use watertight_model::{Estate, Name, WorkloadId, WorkloadKind};
use watertight_net::FlowSet;
use watertight_reach::{FrontLeg, Matrix, Reach, RuleAt, Survey};

use crate::action::Action;
use crate::graph::{GraphBuilder, GraphError, HopGraph};
use crate::hop::Removable;
use crate::likelihood::LikelihoodTable;

pub use apply::apply;
pub use subjects::Members;
pub use support::Without;
pub use verify::{Verified, Way, verify};

/// What the user decides about an assessment.
#[derive(Clone, PartialEq, Debug)]
pub struct DeriveOptions {
    /// Kinds of workload that are jewels beside those with `criticality: crown-jewel`.
    pub jewel_kinds: BTreeSet<WorkloadKind>,
    /// Ids or names of workloads that are jewels.
    pub jewel_names: BTreeSet<Name>,
    /// The likelihoods.
    pub likelihoods: LikelihoodTable,
    /// How many pairs of classes are asked for their ways one by one. In larger estates the rules of
    /// the guards at both ends tell instead, and hops say less about what lies between.
    pub pairs_max: usize,
    /// How many senders are kept in lists of whom rules mean, there; beyond, they are found again, which
    /// takes longer and gives the same.
    pub senders_max: usize,
}

impl Default for DeriveOptions {
    fn default() -> Self {
        Self {
            jewel_kinds: BTreeSet::new(),
            jewel_names: BTreeSet::new(),
            likelihoods: LikelihoodTable::default(),
            pairs_max: 10_000,
            senders_max: 1 << 24,
        }
    }
}

/// One thing that can be taken away from an estate.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Change {
    /// A rule of a guard is removed.
    RemoveRule(RuleAt),
    /// A rule of a guard goes on to match all but some addresses.
    NarrowRule(RuleAt, Without),
    /// A rule of a guard goes on to match these of its flows only.
    NarrowPorts(RuleAt, FlowSet),
    /// An ordered list denies flows to data ports that come in from a realm's addresses.
    AddDeny(GuardId, RealmId),
    /// A route is removed from a table, by its place.
    DropRoute(TableId, usize),
    /// A public address is taken from an endpoint.
    DropPublic(EndpointId, std::net::IpAddr),
    /// A machine's metadata service requires a token.
    RequireToken(WorkloadId),
    /// A grant is removed, as a place in [`Estate::grants`].
    RemoveGrant(usize),
    /// A store's data are given only to who asks from networks with a private endpoint of its
    /// service.
    GuardOrigin(WorkloadId),
}

/// A hop graph with what is needed to read it.
#[derive(Clone, Debug)]
pub struct Derived {
    /// The graph.
    pub graph: HopGraph,
    /// The actions on offer.
    pub actions: Vec<Action>,
    /// What each removable thing is, by number.
    pub changes: Vec<Change>,
    /// The workloads of each subject that has any, by subject number.
    pub members: Members,
}

impl Derived {
    /// What an action changes.
    pub fn change(&self, action: usize) -> Vec<Change> {
        let things = self.actions.get(action).map(|action| action.removes.iter());
        things
            .into_iter()
            .flatten()
            .filter_map(|thing| self.changes.get(place_of(*thing)).cloned())
            .collect()
    }
}

fn place_of(thing: Removable) -> usize {
    usize::try_from(thing.0).unwrap_or(usize::MAX)
}

/// What a derivation works on.
pub(crate) struct Input<'a> {
    pub(crate) estate: &'a Estate,
    pub(crate) reach: &'a Reach<'a>,
    pub(crate) matrix: &'a Matrix,
    pub(crate) legs: &'a [FrontLeg],
    pub(crate) survey: Option<&'a Survey>,
    pub(crate) options: &'a DeriveOptions,
}

/// The graph under construction.
pub(crate) struct Building {
    pub(crate) graph: GraphBuilder,
    changes: Vec<Change>,
    numbers: BTreeMap<Change, Removable>,
    /// Pairs of subjects that a change takes part in, for its cost.
    pub(crate) pairs: BTreeMap<Removable, BTreeSet<(u32, u32)>>,
    /// The same as a number, where pairs are too many to be kept.
    pub(crate) closed: BTreeMap<Removable, u64>,
}

impl Building {
    fn new() -> Self {
        Self {
            graph: GraphBuilder::new(),
            changes: Vec::new(),
            numbers: BTreeMap::new(),
            pairs: BTreeMap::new(),
            closed: BTreeMap::new(),
        }
    }

    /// Whether something of a way stays open when a thing is taken away: the ports that are known.
    fn is_open_after(&self, thing: Removable, way: &watertight_reach::Way) -> bool {
        let Some(Change::NarrowPorts(at, ports)) = self.changes.get(place_of(thing)) else {
            return false;
        };
        let rules = way.layers.iter().flat_map(|(_, rules)| rules);
        let mut accepting = rules.filter(|(rule, _)| rule == at);
        accepting.any(|(_, accepted)| accepted.intersects(ports))
    }

    /// The number of a change.
    pub(crate) fn removable(
        &mut self,
        change: &Change,
        name: impl FnOnce() -> String,
    ) -> Removable {
        if let Some(known) = self.numbers.get(change) {
            return *known;
        }
        let number = self.graph.removable(name());
        self.numbers.insert(change.clone(), number);
        self.changes.push(change.clone());
        number
    }
}

/// Derives the hop graph of an estate, with the actions on offer.
///
/// Without a survey no hop by tampering with guards is derived.
///
/// # Errors
/// When the estate has more parts than a graph holds.
pub fn derive(
    estate: &Estate,
    reach: &Reach<'_>,
    matrix: &Matrix,
    legs: &[FrontLeg],
    survey: Option<&Survey>,
    options: &DeriveOptions,
) -> Result<Derived, GraphError> {
    let input = Input { estate, reach, matrix, legs, survey, options };
    let mut building = Building::new();
    let subjects = subjects::add(&input, &mut building.graph);
    hops::add(&input, &subjects, &mut building);
    grants::add(&input, &subjects, &mut building);
    let actions = actions::offer(&input, &subjects, &building);
    let graph = building.graph.build()?;
    Ok(Derived { graph, actions, changes: building.changes, members: subjects.members })
}
