//! Groups of ours that a provider holds already.

use std::collections::BTreeMap;

use crate::plan::{PlannedRule, PlannedRules, There, ThereRule};

/// A group that an earlier plan made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HeldGroup {
    /// Its name.
    pub name: String,
    /// The provider's id.
    pub id: String,
    /// Its rules: groups of ours stand by their names, all else as the provider calls it.
    pub rules: PlannedRules,
    /// The provider's ids of these rules, where it tells them: what comes in, and what goes out.
    pub ids: [BTreeMap<PlannedRule, String>; 2],
}

impl HeldGroup {
    /// What a plan tells of it.
    pub(crate) fn there(&self) -> There {
        let [ingress, egress] =
            [(&self.rules.ingress, &self.ids[0]), (&self.rules.egress, &self.ids[1])].map(
                |(rules, ids)| {
                    let each = rules.iter().map(|rule| ThereRule {
                        peer: rule.peer.clone(),
                        over: rule.over.clone(),
                        id: ids.get(rule).cloned(),
                    });
                    each.collect()
                },
            );
        There { id: self.id.clone(), ingress, egress }
    }

    /// What it lacks of these rules, and what it has beside them.
    pub(crate) fn differences(&self, wanted: &PlannedRules) -> (PlannedRules, PlannedRules) {
        let minus = |one: &[PlannedRule], other: &[PlannedRule]| -> Vec<PlannedRule> {
            one.iter().filter(|rule| !other.contains(rule)).cloned().collect()
        };
        let lacking = PlannedRules {
            ingress: minus(&wanted.ingress, &self.rules.ingress),
            egress: minus(&wanted.egress, &self.rules.egress),
        };
        let surplus = PlannedRules {
            ingress: minus(&self.rules.ingress, &wanted.ingress),
            egress: minus(&self.rules.egress, &wanted.egress),
        };
        (lacking, surplus)
    }
}
