//! The estate as it is, and as it would be.

mod unopened;

use std::collections::BTreeMap;

use watertight_assess::{ChainLimits, ChainTotal, DeriveOptions, Entry, Standing, derive, outline};
use watertight_model::{ArenaId, Estate, Truth};
use watertight_net::FlowSet;
use watertight_policy::Timestamp;
use watertight_policy::decide::{Decider, Modes};
use watertight_reach::{
    Change, Class, CommonClasses, Comparison, Graph, Matrix, Reach, front_legs,
};

use super::assertions::{Judged, judged};
use crate::beside::both;
use crate::exit::Failure;

/// Score and chains are found for no more workloads than these, the size for which their time and memory are
/// measured.
const ASSESSED_MAX: usize = 100_000;

/// How breaches spread in one estate.
pub(super) struct Spread {
    /// None where the estate is too large.
    pub(super) assessed: Option<(Standing, ChainTotal)>,
    /// The share of the estate that a breach of each entry reaches at most, by name: by the network
    /// alone where nothing is assessed, and without the internet.
    pub(super) shares: BTreeMap<String, f64>,
}

/// A flow that the policy's rules allow and the network does not let through.
#[derive(Debug)]
pub(super) struct Unopened {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) flows: FlowSet,
}

/// Pairs that are listed one by one where there are few enough.
const LISTED_MAX: u64 = 20_000;

/// Pairs of ends.
#[derive(Debug)]
pub(super) struct Pairs<T> {
    /// How many there are: of names where they are listed, else of endpoints and parts of the outside.
    pub(super) count: u64,
    /// Each; none where there are too many.
    pub(super) listed: Option<Vec<T>>,
    /// How many by the segments of who sends and who receives, where they are not listed.
    pub(super) between: BTreeMap<(String, String), u64>,
}

/// What a policy would change.
pub(super) struct Simulation {
    pub(super) before: Spread,
    pub(super) after: Spread,
    /// Connections that would be closed.
    pub(super) closed: Pairs<Change>,
    /// Those of them that only rules of policies in monitor would keep open.
    pub(super) saved_by_monitored: Pairs<Change>,
    pub(super) unopened: Pairs<Unopened>,
    pub(super) assertions: Vec<Judged>,
    pub(super) workloads: usize,
    pub(super) governed: usize,
    pub(super) estate_only: usize,
}

/// Simulates a policy on an estate.
///
/// # Errors
/// When the estate has more parts than a graph holds.
pub(super) fn simulate(
    estate: &Estate,
    decider: &Decider<'_>,
    (modes, now): (&Modes, Timestamp),
) -> Result<Simulation, Failure> {
    let deciding = decider.under(modes, now);
    let layered = deciding.layered(estate);
    let segments = Segments::new(estate, decider);
    let then = &layered.estate;
    let comparison = compared(estate, then);
    // Connectivity by the classes of one estate is read from that by the classes of both, which is much
    // less work than to find it again.
    let (closed, matrices) = both(
        || changed(&comparison, &segments),
        || (comparison.before_alone(), comparison.after_alone()),
    );
    drop(comparison);
    let saving = deciding.with_monitored_rules().map(|more| more.layered(estate).estate);
    let saved_by_monitored = match &saving {
        Some(saving) => changed(&compared(then, saving), &segments),
        None => Pairs { count: 0, listed: Some(Vec::new()), between: BTreeMap::new() },
    };
    drop(saving);
    let ((before, unopened), (after, assertions)) = both(
        || {
            let unopened =
                unopened::found(estate, &matrices.0, &deciding.allowed_by_rules(), &segments);
            (spread(estate, &matrices.0), unopened)
        },
        || (spread(then, &matrices.1), judged(estate, then, decider)),
    );
    Ok(Simulation {
        before: before?,
        after: after?,
        closed,
        saved_by_monitored,
        unopened,
        assertions,
        workloads: estate.workloads.len(),
        governed: layered.governed.len(),
        estate_only: layered.estate_only.len(),
    })
}

/// Compares two estates that differ in layers, guards and lists, each found beside the other.
fn compared<'e>(before: &'e Estate, after: &'e Estate) -> Comparison<'e> {
    let classes = CommonClasses::new(before, after);
    let (old, new) = both(|| classes.matrix(before), || classes.matrix(after));
    Comparison::of((before, old), (after, new))
}

fn changed(comparison: &Comparison<'_>, segments: &Segments<'_>) -> Pairs<Change> {
    if let Some(listed) = comparison.changes(LISTED_MAX) {
        let count = u64::try_from(listed.len()).unwrap_or(u64::MAX);
        return Pairs { count, listed: Some(listed), between: BTreeMap::new() };
    }
    let between = comparison.pairs_between(|class| segments.of_class(class));
    let count = between.values().fold(0, |all: u64, more| all.saturating_add(*more));
    Pairs { count, listed: None, between: segments.named(between) }
}

/// The segments of ends, by number.
pub(super) struct Segments<'e> {
    estate: &'e Estate,
    names: Vec<String>,
    /// By workload.
    of: Vec<usize>,
}

impl<'e> Segments<'e> {
    const INTERNET: usize = 0;
    const OUTSIDE: usize = 1;
    const ESTATE: usize = 2;

    /// A workload is in the first segment that holds it for sure; in `estate` where no other does.
    fn new(estate: &'e Estate, decider: &Decider<'_>) -> Self {
        let segments = &decider.policy().segments;
        let others = || segments.iter().filter(|one| &*one.name != watertight_policy::ESTATE);
        let fixed = ["the internet", "other networks", "no segment but `estate`"];
        let names = fixed.iter().map(|name| (*name).to_owned());
        let names = names.chain(others().map(|one| one.name.to_string())).collect();
        let of = (0..estate.workloads.len()).map(|workload| {
            let held = |one| decider.holds(one, workload) == Truth::Yes;
            others().position(held).map_or(Self::ESTATE, |place| place + fixed.len())
        });
        Self { estate, names, of: of.collect() }
    }

    pub(super) fn of_workload(&self, workload: usize) -> usize {
        self.of.get(workload).copied().unwrap_or(Self::ESTATE)
    }

    fn of_class(&self, class: &Class) -> usize {
        match class {
            Class::Internet(_) => Self::INTERNET,
            Class::Outside(..) => Self::OUTSIDE,
            Class::Endpoints(members) => {
                let one = members.first().and_then(|id| self.estate.network.endpoints.get(*id));
                one.map_or(Self::ESTATE, |one| self.of_workload(one.workload.index()))
            }
        }
    }

    pub(super) fn named(
        &self,
        between: BTreeMap<(usize, usize), u64>,
    ) -> BTreeMap<(String, String), u64> {
        let name = |number: usize| self.names.get(number).cloned().unwrap_or_default();
        between.into_iter().map(|((from, to), count)| ((name(from), name(to)), count)).collect()
    }
}

fn spread(estate: &Estate, matrix: &Matrix) -> Result<Spread, Failure> {
    if estate.workloads.len() > ASSESSED_MAX {
        return Ok(Spread { assessed: None, shares: by_network(estate, matrix) });
    }
    let reach = Reach::new(&estate.network);
    let legs = front_legs(&estate.network, matrix);
    let derived = derive(estate, &reach, matrix, &legs, None, &DeriveOptions::default())
        .map_err(|error| Failure::Estate(error.to_string()))?;
    let found = outline(&derived.graph, ChainLimits::default());
    let shares = found.blasts.iter().map(|(entry, any)| {
        let name = match entry {
            Entry::Internet => "internet".to_owned(),
            Entry::Workload(subject) => derived.graph.name(*subject),
        };
        (name, any.upper.share)
    });
    let shares = shares.collect();
    Ok(Spread { assessed: Some((found.standing, found.chains)), shares })
}

/// How much of the estate each workload reaches at most by the network alone.
fn by_network(estate: &Estate, matrix: &Matrix) -> BTreeMap<String, f64> {
    let sizes = Graph::new(estate, matrix).every_blast(estate);
    let shares = sizes.iter().filter_map(|size| {
        let name = estate.workloads.get(size.from)?.name.to_string();
        Some((name, share(size.any.possible, size.all)))
    });
    shares.collect()
}

/// A share of weights, which are far below 2^53.
#[expect(clippy::cast_precision_loss, reason = "weights of an estate are far below 2^53")]
fn share(part: u64, all: u64) -> f64 {
    if all == 0 { 0.0 } else { part as f64 / all as f64 }
}
