//! Who of each class belongs to the two sides of an assertion.

use watertight_model::network::EndpointId;

use super::search::Bound;
use super::{Assertion, Claim, Follow, Judge, Party};
use crate::classes::Class;

/// The members of one class that belong to a side.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Members {
    /// Endpoints that do.
    pub(super) sure: Vec<EndpointId>,
    /// Endpoints that perhaps do.
    pub(super) perhaps: Vec<EndpointId>,
    /// Whether the class is of outside addresses, which do.
    pub(super) outside: bool,
}

impl Members {
    /// The endpoints that count for a bound.
    pub(super) fn of(&self, bound: Bound) -> impl Iterator<Item = EndpointId> + '_ {
        let perhaps = self.perhaps.iter().filter(move |_| bound == Bound::Possible);
        self.sure.iter().chain(perhaps).copied()
    }

    /// Whether an endpoint counts.
    pub(super) fn holds(&self, endpoint: EndpointId, bound: Bound) -> bool {
        self.sure.binary_search(&endpoint).is_ok()
            || (bound == Bound::Possible && self.perhaps.binary_search(&endpoint).is_ok())
    }
}

/// Both sides, by class. For `onlyFrom` the first is everybody else, for `onlyTo` the second.
#[derive(Clone, Debug)]
pub(super) struct Sides {
    pub(super) from: Vec<Members>,
    pub(super) to: Vec<Members>,
    /// Whether fronts among `from` count as those who open their legs: not where everybody else is
    /// meant and those behind the fronts are followed instead.
    pub(super) fronts_open: bool,
    /// Whether fronts among `to` count as ends, by the same measure.
    pub(super) fronts_accept: bool,
}

impl Sides {
    pub(super) fn new(judge: &Judge<'_>, assertion: &Assertion) -> Self {
        let followed = assertion.follow != Follow::Direct;
        let (from_others, to_others) =
            (assertion.claim == Claim::OnlyFrom, assertion.claim == Claim::OnlyTo);
        let of = |party: &Party, others: bool| {
            judge.matrix.classes.iter().map(|class| members(class, party, others)).collect()
        };
        Self {
            from: of(&assertion.from, from_others),
            to: of(&assertion.to, to_others),
            fronts_open: !(from_others && followed),
            fronts_accept: !(to_others && followed),
        }
    }
}

fn members(class: &Class, party: &Party, others: bool) -> Members {
    let mut found = Members::default();
    match class {
        Class::Endpoints(members) => {
            for member in members {
                if party.perhaps.contains(member) && !party.endpoints.contains(member) {
                    found.perhaps.push(*member);
                } else if party.endpoints.contains(member) != others {
                    found.sure.push(*member);
                }
            }
        }
        Class::Internet(atom) => {
            found.outside = party.internet.contains(atom.representative) != others;
        }
        Class::Outside(_, atom) => {
            found.outside = party.outside.contains(atom.representative) != others;
        }
    }
    found
}
