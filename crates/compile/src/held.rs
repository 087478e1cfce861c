//! Groups of ours that a provider holds already.

use crate::plan::{PlannedRule, PlannedRules};

/// A group that an earlier plan made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HeldGroup {
    /// Its name.
    pub name: String,
    /// The provider's id.
    pub id: String,
    /// Its rules: groups of ours stand by their names, all else as the provider calls it.
    pub rules: PlannedRules,
}

impl HeldGroup {
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
