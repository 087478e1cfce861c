//! What was intended before, and what of it is otherwise now.

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;
use watertight_net::AddressSet;
use watertight_policy::checked::{CheckedPolicy, SegmentId};
use watertight_policy::decide::{DefaultKind, Modes};
use watertight_policy::{RulePlace, changed_rules};

use super::{Intent, KindId, Places};
use crate::gap::RuleRef;

/// What an intent followed from, without what it was asked.
pub(crate) struct FormerIntent {
    policy: CheckedPolicy,
    modes: Modes,
    /// By policy, whether it took part at the time.
    is_live: Vec<bool>,
    places: Places,
    /// By endpoint.
    kinds: Vec<KindId>,
    sets: Vec<AddressSet>,
}

/// What is otherwise than it was intended before.
pub(crate) struct Since {
    /// By kind, whether the policy may say something else of it.
    pub(crate) kinds: Vec<bool>,
    pub(crate) moved: Moved,
}

/// Where rules and segments stand now, by what they are called and where they stood: of those that stand elsewhere.
pub(crate) struct Moved(FxHashMap<RuleRef, Option<String>>);

impl Moved {
    /// Rules as they are told now; nothing, where that is as before.
    pub(crate) fn of(&self, rules: &[RuleRef]) -> Option<Vec<RuleRef>> {
        if !rules.iter().any(|rule| self.0.contains_key(rule)) {
            return None;
        }
        let now = |rule: &RuleRef| match self.0.get(rule) {
            Some(at) => RuleRef { text: rule.text.clone(), at: at.clone() },
            None => rule.clone(),
        };
        let mut rules: Vec<RuleRef> = rules.iter().map(now).collect();
        rules.sort();
        rules.dedup();
        Some(rules)
    }
}

impl Intent<'_> {
    /// What is needed to tell a later intent from this one.
    pub(crate) fn former(&self) -> FormerIntent {
        FormerIntent {
            policy: self.decider.policy().clone(),
            modes: self.modes.clone(),
            is_live: self.live(),
            places: self.places.clone(),
            kinds: self.kinds.clone(),
            sets: self.sets.clone(),
        }
    }

    /// What is otherwise than before, of the same estate. Nothing, where others are told apart, or something else than
    /// rules has changed.
    pub(crate) fn since(&self, before: &FormerIntent) -> Option<Since> {
        let FormerIntent { policy, modes, is_live, places, kinds, sets } = before;
        let is_alike = *modes == self.modes
            && *is_live == self.live()
            && *kinds == self.kinds
            && *sets == self.sets
            && self.leaving.is_empty();
        let changed = changed_rules(policy, self.decider.policy()).filter(|_| is_alike)?;
        let generated = self.decider.generated_policies();
        let is_generated = |(policy, _): &RulePlace| generated.contains(policy);
        if changed.iter().any(is_generated) {
            return None;
        }
        let is_meant = self.deciding.meaning(&changed);
        let kinds = (0..self.samples.len()).map(|kind| is_meant(&self.end_of(kind))).collect();
        Some(Since { kinds, moved: self.moved(places)? })
    }

    /// Rules and segments that stand elsewhere than before. Nothing, where what went by one name and place stands at several
    /// now.
    fn moved(&self, before: &Places) -> Option<Moved> {
        let ids: BTreeSet<&(u32, u32)> =
            before.rules.keys().chain(self.places.rules.keys()).collect();
        let of_rules = ids.into_iter().map(|id| {
            let now = self.rule(*id);
            (now.text, before.rules.get(id).cloned(), now.at)
        });
        let ids: BTreeSet<&u32> =
            before.segments.keys().chain(self.places.segments.keys()).collect();
        let of_segments = ids.into_iter().flat_map(|id| {
            let at = |places: &Places| places.segments.get(id).cloned();
            let (old, now) = (at(before), at(&self.places));
            let texts = DefaultKind::ALL.map(|kind| self.default_of(SegmentId(*id), kind));
            texts.map(|text| (text, old.clone(), now.clone()))
        });
        let mut found: FxHashMap<RuleRef, Option<String>> = FxHashMap::default();
        for (text, at, now) in of_rules.chain(of_segments) {
            let known = found.entry(RuleRef { text, at }).or_insert_with(|| now.clone());
            if *known != now {
                return None;
            }
        }
        // What went by several places and goes by one now would be told as one.
        let told: BTreeSet<(&str, &Option<String>)> =
            found.iter().map(|(rule, now)| (rule.text.as_str(), now)).collect();
        if told.len() != found.len() {
            return None;
        }
        found.retain(|rule, now| rule.at != *now);
        Some(Moved(found))
    }

    fn live(&self) -> Vec<bool> {
        self.decider.policy().policies.iter().map(|one| one.is_live(self.now)).collect()
    }
}
