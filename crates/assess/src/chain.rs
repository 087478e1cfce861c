//! Breach chains: the ways from an entry to a jewel.

mod count;
mod links;
mod search;
mod various;

use crate::fact::Fact;
use crate::graph::Entry;
use crate::likelihood::Likelihood;

pub(crate) use search::{PAIRS_PER_CHAIN, list};
pub(crate) use various::various;

/// A derivation of a jewel fact from one entry from which no premise can be dropped.
///
/// Hops with the same premises and the same conclusion are one step; the likeliest stands for it.
#[derive(Clone, PartialEq, Debug)]
pub struct Chain {
    /// Where the breach begins.
    pub entry: Entry,
    /// What it gains.
    pub target: Fact,
    /// How likely the whole chain is, P: on sure and possible hops.
    pub likelihood: Likelihood,
    /// How likely it is by sure hops only; `None` where some step has none.
    pub sure: Option<Likelihood>,
    /// The hops, premises first, as places in [`crate::HopGraph::hops`]. Empty where the entry
    /// holds the target.
    pub hops: Vec<usize>,
}

/// How many chains there are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ChainTotal {
    /// Exactly this many.
    Exactly(u128),
    /// This many were counted before the limit of the count was met.
    AtLeast(u128),
}

/// The best chains of a graph.
#[derive(Clone, PartialEq, Debug)]
pub struct ChainList {
    /// The chains: likeliest first, then by number of hops, then by entry, target and hops.
    pub chains: Vec<Chain>,
    /// How many there are in all.
    pub total: ChainTotal,
    /// Whether the list is known to be the best; `false` where the search met its limit, and a
    /// chain that belongs here may be missing.
    pub complete: bool,
}

/// Limits of listing and counting chains.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ChainLimits {
    /// How many chains are listed.
    pub listed_max: usize,
    /// How many kinds of chains are listed for each jewel.
    pub various_max: usize,
    /// How much work the search for them takes: the lengths of all derivations that it extends.
    pub search_work_max: usize,
    /// How much work counting takes where there is no formula, in the same measure.
    pub count_work_max: usize,
}

impl Default for ChainLimits {
    fn default() -> Self {
        Self {
            listed_max: 100,
            various_max: 24,
            search_work_max: 4_000_000,
            count_work_max: 4_000_000,
        }
    }
}
