//! Assertions: what must hold whatever the rules say, with a witness where it does not.
//!
//! A claim is judged on classes: who opens connections to whom, through fronts and, where it says
//! so, through workloads that were breached on the way. What the input does not tell never makes a
//! claim hold.

mod pairs;
mod search;
mod sides;
mod witness;

use std::collections::BTreeSet;

use watertight_model::network::EndpointId;
use watertight_model::{Estate, Name};
use watertight_net::{AddressSet, FlowSet, Prefix};

use crate::answer::Reach;
use crate::exposure::{FrontLeg, front_legs};
use crate::matrix::Matrix;
use search::{Bound, Search};
use sides::Sides;
pub use witness::{Hop, Witness};

/// What an assertion claims.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Claim {
    /// `from` never reaches `to`.
    Never,
    /// Everybody in `from` reaches everybody in `to`.
    Always,
    /// Nothing but `from` reaches `to`.
    OnlyFrom,
    /// `from` reaches nothing but `to`.
    OnlyTo,
}

/// How far an assertion follows what can be reached.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Follow {
    /// One leg.
    Direct,
    /// Through fronts, which lead on for whoever reaches them.
    Front,
    /// Through fronts and through every workload that runs code.
    Any,
}

/// One side of an assertion.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Party {
    /// The endpoints that belong to it.
    pub endpoints: BTreeSet<EndpointId>,
    /// The endpoints of which the input does not tell whether they do.
    pub perhaps: BTreeSet<EndpointId>,
    /// Addresses of the internet.
    pub internet: AddressSet,
    /// Addresses of networks outside of the estate.
    pub outside: AddressSet,
    /// What the input lacks to tell who belongs to it.
    pub missing: BTreeSet<Name>,
}

/// What must hold.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Assertion {
    /// What is claimed.
    pub claim: Claim,
    /// How far it follows.
    pub follow: Follow,
    /// Who opens connections.
    pub from: Party,
    /// Who accepts them.
    pub to: Party,
    /// Over what, as the end that accepts sees it.
    pub over: FlowSet,
}

/// Whether a claim holds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Held {
    /// It does, whatever the unknown parts do.
    Holds,
    /// It does not, whatever the unknown parts do.
    Fails,
    /// It depends on what the input does not tell.
    Unknown,
}

impl Held {
    /// The word that output uses.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Fails => "fails",
            Self::Unknown => "unknown",
        }
    }
}

/// What an assertion comes to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Judgement {
    /// Whether it holds.
    pub held: Held,
    /// A way that breaks it, or, where that is unknown, one that could.
    pub witness: Option<Witness>,
    /// What the input lacks, where that decides.
    pub missing: BTreeSet<Name>,
}

/// Judges assertions about one estate. Making one computes its connectivity once.
#[derive(Debug)]
pub struct Judge<'e> {
    estate: &'e Estate,
    reach: Reach<'e>,
    matrix: Matrix,
    legs: Vec<FrontLeg>,
    /// The endpoints from which fronts open legs.
    leading: BTreeSet<EndpointId>,
}

impl<'e> Judge<'e> {
    /// Prepares an estate for some assertions: the addresses that they name are told apart.
    pub fn new(estate: &'e Estate, assertions: &[Assertion]) -> Self {
        let mut boundaries: BTreeSet<Prefix> = BTreeSet::new();
        for party in assertions.iter().flat_map(|one| [&one.from, &one.to]) {
            boundaries.extend(party.internet.prefixes());
            boundaries.extend(party.outside.prefixes());
        }
        let reach = Reach::new(&estate.network);
        let matrix = reach.matrix(&boundaries);
        let legs = front_legs(&estate.network, &matrix);
        let leading = legs.iter().map(|leg| leg.from).collect();
        Self { estate, reach, matrix, legs, leading }
    }

    /// The connectivity that it was judged by.
    pub fn into_matrix(self) -> Matrix {
        self.matrix
    }

    /// What an assertion comes to.
    pub fn judge(&self, assertion: &Assertion) -> Judgement {
        let sides = Sides::new(self, assertion);
        let mut judgement = if assertion.claim == Claim::Always {
            self.always(assertion, &sides)
        } else {
            self.never(assertion, &sides)
        };
        let lacking = assertion.from.missing.union(&assertion.to.missing);
        if judgement.held != Held::Fails
            && assertion.from.missing.len() + assertion.to.missing.len() > 0
        {
            judgement.held = Held::Unknown;
            judgement.missing.extend(lacking.cloned());
        }
        judgement
    }

    /// Claims that nothing of a sort gets anywhere.
    fn never(&self, assertion: &Assertion, sides: &Sides) -> Judgement {
        let mut sure = Search::new(self, assertion, sides, Bound::Sure);
        if let Some(ways) = sure.find() {
            let (witness, _) = self.witness(&ways, Bound::Sure);
            return Judgement {
                held: Held::Fails,
                witness: Some(witness),
                missing: BTreeSet::new(),
            };
        }
        let mut possible = Search::new(self, assertion, sides, Bound::Possible);
        let found = possible.find();
        let mut missing = possible.missing();
        let Some(ways) = found else {
            let held = if missing.is_empty() { Held::Holds } else { Held::Unknown };
            return Judgement { held, witness: None, missing };
        };
        let (witness, lacking) = self.witness(&ways, Bound::Possible);
        missing.extend(lacking);
        if missing.is_empty() {
            missing.insert(Name::from("whether one of the ends belongs to the assertion"));
        }
        Judgement { held: Held::Unknown, witness: Some(witness), missing }
    }
}
