use watertight_model::Truth;

use crate::checked::Action;
use crate::decide::compile::Prepared;
use crate::decide::engine::{Ends, Matched};
use crate::decide::request::fits;
use crate::decide::types::{Question, RuleId};
use crate::decide::under::Deciding;

/// An allow rule that fails in one attribute alone.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct NearMiss {
    /// In which attribute it fails.
    pub fails: Attribute,
    /// The rule.
    pub rule: RuleId,
}

/// What a rule can fail in.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Attribute {
    /// Its policy is not on.
    Mode,
    /// Its policy is expired.
    Expiry,
    /// The protocol, the port or the front's listener.
    Over,
    /// What the request says.
    Request,
    /// Who opens the leg.
    From,
    /// Who accepts it.
    To,
}

impl Attribute {
    /// The word for people and programs.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Mode => "mode",
            Self::Expiry => "expires",
            Self::Over => "over",
            Self::Request => "request",
            Self::From => "from",
            Self::To => "to",
        }
    }
}

impl Deciding<'_> {
    /// The allow rules that fail in one attribute alone, in order: those that need the least first.
    pub fn near_misses(&self, question: &Question<'_>) -> Vec<NearMiss> {
        let ends = self.ends(question);
        let allows = self.decider.rules.iter().filter(|rule| rule.action == Action::Allow);
        let mut misses: Vec<NearMiss> =
            allows.filter_map(|rule| self.near_miss(rule, question, &ends)).collect();
        misses.sort_unstable();
        misses
    }

    fn near_miss(
        &self,
        rule: &Prepared<'_>,
        question: &Question<'_>,
        ends: &Ends,
    ) -> Option<NearMiss> {
        let of = rule.id.policy as usize;
        let mut fails = Vec::new();
        let mut need = |holds: bool, attribute| {
            if !holds {
                fails.push(attribute);
            }
        };
        need(self.policies_on.get(of).copied().unwrap_or(false), Attribute::Mode);
        let policy = self.decider.policy.policies.get(of)?;
        need(policy.is_live(self.now), Attribute::Expiry);
        need(self.from(rule, question, ends) == Truth::Yes, Attribute::From);
        need(self.to(rule, question, ends) == Truth::Yes, Attribute::To);
        let places = match self.matched(rule, (true, true), question, ends) {
            Matched::Always(truth) => {
                need(truth == Truth::Yes, Attribute::Over);
                Vec::new()
            }
            Matched::ByRequest(_, mut places) => {
                places.retain(|(_, fit)| *fit == Truth::Yes);
                need(!places.is_empty(), Attribute::Over);
                places
            }
        };
        if let (Some(request), false) = (question.request, places.is_empty()) {
            let any = places.iter().any(|(place, _)| {
                let clause = place.and_then(|place| rule.clauses().get(place));
                clause.is_none_or(|clause| fits(clause, request) == Truth::Yes)
            });
            need(any, Attribute::Request);
        }
        match *fails {
            [fails] => Some(NearMiss { fails, rule: rule.id }),
            _ => None,
        }
    }
}
