//! Whether a cut does what it claims: the estate is changed, and everything is asked anew.

use std::collections::BTreeSet;

use watertight_model::{Estate, Grant, Power};
use watertight_reach::{Reach, front_legs};

use super::{DeriveOptions, Derived, apply, derive};
use crate::action::removed_by;
use crate::cut::{CutSet, likely};
use crate::graph::{Entry, GraphError, HopGraph};
use crate::hop::Removable;
use crate::likelihood::Likelihood;

/// A likely way from an entry to a fact about a jewel, in words that two graphs share.
pub type Way = (String, String);

/// What is left of likely ways to jewels after a cut.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Verified {
    /// What the cut set says is left: ways that no action on offer parts.
    pub claimed: BTreeSet<Way>,
    /// What the changed estate has.
    pub found: BTreeSet<Way>,
}

impl Verified {
    /// Whether the changed estate has no likely way that the cut set claims to be gone.
    pub fn holds(&self) -> bool {
        self.found.is_subset(&self.claimed)
    }
}

/// Applies a cut to its estate and asks the changed estate for the ways that are left, of at least
/// the likelihood from which chains count.
///
/// # Errors
/// When the changed estate has more parts than a graph holds.
pub fn verify(
    estate: &Estate,
    derived: &Derived,
    cut: &CutSet,
    likelihood_min: Likelihood,
    options: &DeriveOptions,
) -> Result<Verified, GraphError> {
    let removed = removed_by(&derived.actions, cut.actions.iter().copied());
    let claimed = likely_ways(&derived.graph, &removed, likelihood_min);
    let changes: Vec<_> = cut.actions.iter().flat_map(|action| derived.change(*action)).collect();
    let changed = apply(estate, &changes);
    let reach = Reach::new(&changed.network);
    let matrix = reach.matrix(&BTreeSet::new());
    let legs = front_legs(&changed.network, &matrix);
    // Only tampering asks what guards refuse.
    let tampers = |grant: &Grant| matches!(grant.power, Power::ChangeGuards(_));
    let survey = changed.grants.iter().any(tampers).then(|| reach.survey(&matrix));
    let after = derive(&changed, &reach, &matrix, &legs, survey.as_ref(), options)?;
    let found = likely_ways(&after.graph, &BTreeSet::new(), likelihood_min);
    Ok(Verified { claimed, found })
}

fn likely_ways(
    graph: &HopGraph,
    removed: &BTreeSet<Removable>,
    likelihood_min: Likelihood,
) -> BTreeSet<Way> {
    let mut ways = BTreeSet::new();
    for (entry, fact) in likely(graph, removed, likelihood_min) {
        let from = match entry {
            Entry::Internet => "internet".to_owned(),
            Entry::Workload(subject) => graph.name(subject),
        };
        ways.insert((from, graph.describe(fact)));
    }
    ways
}
