//! What a policy forbids whatever else allows it, and how strict it is about what is not written as it says.

use watertight_model::{ArenaId, Criticality};
use watertight_policy::checked::{Action, LoweringChoice, Mode, Rule, Tier};
use watertight_policy::decide::{Decision, Modes, Outcome, QUARANTINE, Reason};

use super::Intent;
use crate::gap::Forbidden;

impl Intent<'_> {
    /// Whether a guardrail that is on denies anything, or somebody is in quarantine.
    pub(crate) fn has_guardrails(&self) -> bool {
        let policy = self.decider.policy();
        let is_on = |mode: Mode| {
            mode == Mode::Enforce || (self.modes == Modes::Pending && mode != Mode::Disabled)
        };
        let of_guardrails = policy.policies.iter().any(|one| {
            let denies = |rule: &Rule| rule.action == Action::Deny;
            one.tier == Tier::Guardrail && is_on(one.mode) && one.rules.iter().any(denies)
        });
        let mut workloads = self.estate.workloads.ids().map(ArenaId::index);
        of_guardrails
            || workloads.any(|id| {
                self.decider
                    .labels(id)
                    .is_some_and(|labels| labels.keys().any(|key| &**key == QUARANTINE))
            })
    }

    /// What forbids what was decided about, where that is more than a rule of its tier or a default.
    pub(crate) fn forbids(&self, decision: &Decision) -> Option<Forbidden> {
        if decision.outcome != Outcome::Deny {
            return None;
        }
        if self.is_guardrail(decision) {
            return Some(Forbidden::Guardrail);
        }
        let is_jewel = |reason: &Reason| match reason {
            Reason::Default(_, id, _) => {
                let segment = self.decider.policy().segments.get(id.index());
                segment.is_some_and(|one| one.criticality == Criticality::CrownJewel)
            }
            _ => false,
        };
        decision.reasons.iter().any(is_jewel).then_some(Forbidden::CrownJewel)
    }

    pub(super) fn is_guardrail(&self, decision: &Decision) -> bool {
        decision.reasons.iter().any(|reason| match reason {
            Reason::Rule(id) => {
                let policy = self.decider.policy().policies.get(id.policy as usize);
                policy.is_some_and(|policy| policy.tier == Tier::Guardrail)
            }
            Reason::Quarantine(_) => true,
            _ => false,
        })
    }

    /// What the policies whose rules decided say of conditions on requests: the strictest.
    pub(crate) fn lowering_of_requests(&self, decision: &Decision) -> LoweringChoice {
        let policies = decision.reasons.iter().filter_map(|reason| match reason {
            Reason::Rule(id) => self.decider.policy().policies.get(id.policy as usize),
            _ => None,
        });
        let choices = policies.map(|policy| policy.lowering.requests);
        choices.fold(LoweringChoice::Widen, |one, other| match (one, other) {
            (LoweringChoice::Refuse, _) | (_, LoweringChoice::Refuse) => LoweringChoice::Refuse,
            (LoweringChoice::Close, _) | (_, LoweringChoice::Close) => LoweringChoice::Close,
            (LoweringChoice::Widen, LoweringChoice::Widen) => LoweringChoice::Widen,
        })
    }
}
