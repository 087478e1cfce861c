//! Hops, breach chains, blast radius, score, cut set.
//!
//! This crate answers how far a breach spreads. It takes a [`HopGraph`] (facts that an attacker
//! may gain, and hops that lead from facts to further facts) and computes from it the blast radius
//! of every entry, the chains that end at a jewel, a score, and the cheapest set of actions that
//! leaves no likely chain. [`assess`] does all of it; the parts can be had one by one.
//!
//! It knows no cloud and no network: who builds the graph says what the hops are. The definitions
//! are those of `docs/concepts/breach-chains.md`.
//!
//! **Invariants.** The same graph gives the same result, whatever the order in which its parts
//! were added and however its rules were split. Likelihoods are compared and multiplied exactly.
//! What was cut short by a limit says so.

mod action;
mod assessment;
mod blast;
mod chain;
mod csr;
mod cut;
mod derive;
mod fact;
mod graph;
mod hop;
mod jewel;
mod keep;
mod likelihood;
mod score;
mod view;

pub use action::{Action, Cost, Seen};
pub use assessment::{
    Assessment, AssessmentLimits, Effect, Outline, Ranking, Standing, assess, outline,
};
pub use blast::{BlastRadius, Bounds, Reached};
pub use chain::{Chain, ChainLimits, ChainList, ChainTotal};
pub use cut::{CutLimits, CutSet, cut_set};
pub use derive::{
    Change, DeriveOptions, Derived, Members, Verified, Way, Without, apply, derive, verify,
};
pub use fact::{Fact, FactKind, Subject};
pub use graph::{
    Arm, Entry, Fan, GraphBuilder, GraphError, HopGraph, SegmentMembers, Shared, SubjectInfo,
    SubjectKind,
};
pub use hop::{Bound, Evidence, Hop, HopKind, Removable, Status, Technique, Variant};
pub use keep::{Kept, NeededLegs, Needs, Withheld, assess_keeping};
pub use likelihood::{Likelihood, LikelihoodError, LikelihoodTable, TableError};
pub use score::{Loss, Score, SegmentScore, score};
pub use view::{Likelihoods, View};
