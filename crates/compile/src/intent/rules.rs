//! The rules of a policy, in words and by what they name.

use watertight_policy::checked::{Action, Conditions, End as PeerEnd, Mode, Rule, SegmentId};
use watertight_policy::decide::{Decision, DefaultKind, Modes, Reason};

use super::Intent;
use crate::gap::RuleRef;

impl Intent<'_> {
    /// What decided, in words that say where to look.
    pub(crate) fn rules(&self, decision: &Decision) -> Vec<RuleRef> {
        let named = decision.reasons.iter().map(|reason| match reason {
            Reason::Rule(id) | Reason::Essential(id) => self.rule((id.policy, id.rule)),
            Reason::Default(_, id, kind) => {
                let text = self.default_of(*id, *kind);
                RuleRef { text, at: self.places.segments.get(&id.0).cloned() }
            }
            Reason::Ungoverned => RuleRef { text: String::from("ungoverned"), at: None },
            Reason::Itself => RuleRef { text: String::from("an endpoint to itself"), at: None },
            Reason::Quarantine(_) => RuleRef { text: String::from("quarantine"), at: None },
        });
        let mut rules: Vec<RuleRef> = named.collect();
        rules.sort();
        rules.dedup();
        rules
    }

    /// The rules of the policy that are on and name domains, with their policies.
    pub(crate) fn rules_with_domains(&self) -> Vec<RuleRef> {
        self.rules_with(|_, asks| !asks.domains.is_empty())
    }

    /// The rules that are on and allow people by their groups.
    pub(crate) fn rules_with_groups(&self) -> Vec<RuleRef> {
        let known = &self.decider.policy().users;
        self.rules_with(|rule, asks| {
            let mut users = asks.users.iter().filter_map(|id| known.get(id.index()));
            rule.action == Action::Allow && users.any(|users| !users.groups.is_empty())
        })
    }

    /// The rules that are on and have a peer of a sort.
    fn rules_with(&self, is_meant: impl Fn(&Rule, &Conditions) -> bool) -> Vec<RuleRef> {
        let named = |rule: &Rule| {
            rule.from.iter().chain(&rule.to).any(|peer| match &peer.end {
                PeerEnd::Conditions(conditions) => is_meant(rule, conditions),
                PeerEnd::Any | PeerEnd::Internet => false,
            })
        };
        let mut found = Vec::new();
        for (place, policy) in (0_u32..).zip(&self.decider.policy().policies) {
            let on = policy.mode == Mode::Enforce
                || (self.modes == Modes::Pending && policy.mode != Mode::Disabled);
            for (number, rule) in (0_u32..).zip(&policy.rules) {
                if on && named(rule) {
                    found.push(self.rule((place, number)));
                }
            }
        }
        found
    }

    /// A default of a segment, in words.
    pub(super) fn default_of(&self, id: SegmentId, kind: DefaultKind) -> String {
        let segment = self.decider.policy().segments.get(id.index());
        let name = segment.map_or("", |segment| &*segment.name);
        format!("segment {name}, default {}", kind.word())
    }

    /// A rule by the places of its policy and of itself in it.
    pub(super) fn rule(&self, id: (u32, u32)) -> RuleRef {
        let policy = self.decider.policy().policies.get(id.0 as usize);
        let rule = policy.and_then(|policy| policy.rules.get(id.1 as usize)?.name.clone());
        let rule = rule.map_or_else(|| id.1.saturating_add(1).to_string(), |one| one.to_string());
        let policy = policy.map_or("", |policy| &*policy.name);
        let at = self.places.rules.get(&id).cloned();
        RuleRef { text: format!("policy {policy}, rule {rule}"), at }
    }
}
