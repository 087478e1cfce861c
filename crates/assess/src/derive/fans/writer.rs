//! Fans written into a graph.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::lists::{Lists, Outs};
use super::{FanKey, Receiver, things};
use crate::csr::index;
use crate::derive::actions::{rule_name, rule_text};
use crate::derive::hops::Source;
use crate::derive::rules::{RuleId, Rules};
use crate::derive::{Building, Input};
use crate::graph::{Arm, Fan, Shared};
use crate::hop::Evidence;

/// Writes fans into a graph.
pub(super) struct Writer<'a> {
    input: &'a Input<'a>,
    rules: &'a Rules,
    outs: &'a Outs,
    arms: BTreeMap<Vec<RuleId>, Shared>,
    /// The same for sets of rules by their number, and for single rules.
    of_outs: HashMap<u32, Shared>,
    of_rules: HashMap<Option<RuleId>, Shared>,
}

impl<'a> Writer<'a> {
    pub(super) fn new(input: &'a Input<'a>, rules: &'a Rules, outs: &'a Outs) -> Self {
        let (of_outs, of_rules) = (HashMap::new(), HashMap::new());
        Self { input, rules, outs, arms: BTreeMap::new(), of_outs, of_rules }
    }

    pub(super) fn write(
        &mut self,
        building: &mut Building,
        sources: &[Option<Source>],
        lists: &Lists,
        fans: BTreeMap<FanKey, BTreeSet<Receiver>>,
    ) {
        for ((variant, status, list), receivers) in fans {
            let mut senders = Vec::new();
            for (class, out) in lists.get(list) {
                let Some(Some(source)) = sources.get(index(*class)) else { continue };
                let shared = self.share_outs(building, *out);
                senders.extend(source.facts.iter().map(|(_, fact)| Arm { fact: *fact, shared }));
            }
            let mut targets = Vec::with_capacity(receivers.len());
            for (fact, rule) in receivers {
                let shared = self.share_rule(building, rule);
                targets.push(Arm { fact, shared });
            }
            let likelihood = self.input.options.likelihoods.get(variant);
            building.graph.fan(Fan { variant, likelihood, status, sources: senders, targets });
        }
    }

    fn share_outs(&mut self, building: &mut Building, out: u32) -> Shared {
        if let Some(known) = self.of_outs.get(&out) {
            return *known;
        }
        let shared = self.share(building, self.outs.rules(out).to_vec());
        self.of_outs.insert(out, shared);
        shared
    }

    fn share_rule(&mut self, building: &mut Building, rule: Option<RuleId>) -> Shared {
        if let Some(known) = self.of_rules.get(&rule) {
            return *known;
        }
        let shared = self.share(building, rule.into_iter().collect());
        self.of_rules.insert(rule, shared);
        shared
    }

    /// What arms have in common that stand while one of some rules does.
    fn share(&mut self, building: &mut Building, rules: Vec<RuleId>) -> Shared {
        if let Some(known) = self.arms.get(&rules) {
            return *known;
        }
        let mut evidence = Vec::new();
        let mut support = Vec::new();
        for rule in &rules {
            for at in self.rules.at(*rule) {
                let one = Evidence {
                    resource: self.input.estate.network.guards[at.guard].name.to_string(),
                    rule: rule_name(self.input, *at),
                    text: rule_text(self.input, *at),
                };
                if !evidence.contains(&one) {
                    evidence.push(one);
                }
            }
            support.push(things(self.input, self.rules, building, *rule));
        }
        let shared = building.graph.share(evidence, support);
        self.arms.insert(rules, shared);
        shared
    }
}
