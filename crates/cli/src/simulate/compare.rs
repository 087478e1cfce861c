//! The estate as it is, and as it would be.

use std::collections::{BTreeMap, BTreeSet};

use watertight_assess::{
    AssessmentLimits, ChainTotal, DeriveOptions, Entry, Standing, assess, derive,
};
use watertight_model::Estate;
use watertight_net::FlowSet;
use watertight_policy::Timestamp;
use watertight_policy::decide::{Decider, Modes};
use watertight_reach::{Change, Matrix, Reach, diff, front_legs};

use super::assertions::{Judged, judged};
use crate::exit::Failure;

/// How breaches spread in one estate.
pub(super) struct Spread {
    pub(super) standing: Standing,
    pub(super) chains: ChainTotal,
    /// The share of the estate that a breach of each entry reaches at most, by name.
    pub(super) shares: BTreeMap<String, f64>,
}

/// A flow that the policy's rules allow and the network does not let through.
pub(super) struct Unopened {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) flows: FlowSet,
}

/// What a policy would change.
pub(super) struct Simulation {
    pub(super) before: Spread,
    pub(super) after: Spread,
    /// Connections that would be closed.
    pub(super) closed: Vec<Change>,
    /// Those of them that only rules of policies in monitor would keep open.
    pub(super) saved_by_monitored: Vec<Change>,
    pub(super) unopened: Vec<Unopened>,
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
    let saving = deciding.with_monitored_rules().layered(estate);
    let matrix = Reach::new(&estate.network).matrix(&BTreeSet::new());
    let saved_by_monitored = diff(&layered.estate, &saving.estate);
    Ok(Simulation {
        before: spread(estate)?,
        after: spread(&layered.estate)?,
        closed: diff(estate, &layered.estate),
        saved_by_monitored,
        unopened: unopened(estate, &matrix, deciding.allowed_by_rules()),
        assertions: judged(estate, &layered.estate, decider),
        workloads: estate.workloads.len(),
        governed: layered.governed.len(),
        estate_only: layered.estate_only.len(),
    })
}

fn spread(estate: &Estate) -> Result<Spread, Failure> {
    let reach = Reach::new(&estate.network);
    let matrix = reach.matrix(&BTreeSet::new());
    let legs = front_legs(&estate.network, &matrix);
    let derived = derive(estate, &reach, &matrix, &legs, None, &DeriveOptions::default())
        .map_err(|error| Failure::Estate(error.to_string()))?;
    // Nobody asks for actions here, so that none are ranked.
    let limits = AssessmentLimits { ranked_max: 0, scorings_max: 1, ..Default::default() };
    let found = assess(&derived.graph, &[], &limits);
    let shares = found.blasts.iter().map(|blast| {
        let name = match blast.entry {
            Entry::Internet => "internet".to_owned(),
            Entry::Workload(subject) => derived.graph.name(subject),
        };
        (name, blast.any.upper.share)
    });
    let shares = shares.collect();
    Ok(Spread { standing: found.standing, chains: found.chains.total, shares })
}

/// Of what rules allow between workloads, what the network does not let through.
fn unopened(
    estate: &Estate,
    matrix: &Matrix,
    allowed: Vec<(usize, usize, FlowSet)>,
) -> Vec<Unopened> {
    let known: Vec<_> = estate.workloads.values().collect();
    let mut found = Vec::new();
    for (from, to, flows) in allowed {
        let (Some(source), Some(target)) = (known.get(from), known.get(to)) else { continue };
        let mut left = flows;
        for one in &source.endpoints {
            for other in &target.endpoints {
                if let Some(cell) = matrix.between(*one, *other) {
                    left = left.difference(&cell.established.possible.any_source());
                }
            }
        }
        if !left.is_empty() && from != to {
            let (from, to) = (source.name.to_string(), target.name.to_string());
            found.push(Unopened { from, to, flows: left });
        }
    }
    found
}
