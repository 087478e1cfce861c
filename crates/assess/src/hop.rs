//! Hops: one step of an attacker, with its evidence and with what it depends on.

mod variant;

use std::collections::BTreeSet;

pub use variant::{HopKind, Technique, Variant};

use crate::fact::Fact;
use crate::likelihood::{Likelihood, LikelihoodTable};

/// Something in the estate that an action can take away: a rule for a pair of classes, a public
/// address, a route, a statement of a policy.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Removable(pub u32);

/// Whether a hop is known to exist.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Status {
    /// Everything that the hop rests on is known.
    Sure,
    /// An unknown disposition, a port where a listener is not known, a condition that cannot be
    /// evaluated.
    Possible,
}

/// Which hops count.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Bound {
    /// Sure hops only: the lower bound.
    Sure,
    /// Sure and possible hops: the upper bound.
    All,
}

/// Why a hop exists.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Evidence {
    /// The identifier of the resource that says so.
    pub resource: String,
    /// The identifier of the rule, route or statement within it; empty when there is none.
    pub rule: String,
    /// The reason in words.
    pub text: String,
}

/// One step: the premises, all of them, lead to the conclusion.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hop {
    /// Kind and variant.
    pub variant: Variant,
    /// What the attacker must have gained before: one to three facts.
    pub premises: Vec<Fact>,
    /// What the hop gains.
    pub conclusion: Fact,
    /// How likely the hop succeeds.
    pub likelihood: Likelihood,
    /// Whether the hop is known to exist.
    pub status: Status,
    /// The ATT&CK technique.
    pub technique: Technique,
    /// Why the hop exists.
    pub evidence: Vec<Evidence>,
    /// The alternatives that hold the hop up. Each is a set of removable things and stands while
    /// none of them is removed; the hop survives while at least one alternative stands. No
    /// alternatives, or an empty one: nothing removes the hop.
    pub support: Vec<BTreeSet<Removable>>,
}

impl Hop {
    /// A sure hop with the table's likelihood and the variant's technique.
    pub fn new(
        variant: Variant,
        premises: impl IntoIterator<Item = Fact>,
        conclusion: Fact,
        table: &LikelihoodTable,
    ) -> Self {
        Self {
            variant,
            premises: premises.into_iter().collect(),
            conclusion,
            likelihood: table.get(variant),
            status: Status::Sure,
            technique: variant.technique(),
            evidence: Vec::new(),
            support: Vec::new(),
        }
    }

    /// The same hop, not known to exist.
    #[must_use]
    pub fn possible(mut self) -> Self {
        self.status = Status::Possible;
        self
    }

    /// The same hop with one more reason.
    #[must_use]
    pub fn because(mut self, evidence: Evidence) -> Self {
        self.evidence.push(evidence);
        self
    }

    /// The same hop with one more alternative, which stands while none of `things` is removed.
    #[must_use]
    pub fn supported_by(mut self, things: impl IntoIterator<Item = Removable>) -> Self {
        self.support.push(things.into_iter().collect());
        self
    }
}
