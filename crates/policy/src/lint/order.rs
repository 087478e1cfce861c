//! Rules that others leave nothing to decide.

use watertight_source::{Diagnostic, Diagnostics};

use crate::checked::{Action, Mode, Policy, Rule, Tier};
use crate::codes;

use super::cover::Cover;
use super::index::Index;
use super::{Linted, warning};

/// How many pairs of rules are compared.
const PAIRS_MAX: usize = 4_000_000;
/// How many other rules a finding shows.
const SHOWN_MAX: usize = 3;

/// A rule with its place in the order in which rules are asked.
type Placed<'l> = (&'l Policy, &'l Rule);

struct Order<'l> {
    rules: Vec<Placed<'l>>,
    cover: Cover<'l>,
    passes: Vec<usize>,
}

/// Says which rules are shadowed, and which change nothing.
pub(super) fn order(linted: &Linted<'_>, diagnostics: &mut Diagnostics) {
    // What is disabled may be promoted: then it passes on, or decides, between two others.
    let rules: Vec<Placed<'_>> = linted.rules_to_come().collect();
    let mut cover = Cover::new(linted.policy);
    let only: Vec<&Rule> = rules.iter().map(|(_, rule)| *rule).collect();
    let index = Index::new(&only, &mut cover);
    let is_pass = |place: &usize| rules.get(*place).is_some_and(|one| one.1.action == Action::Pass);
    let passes = (0..rules.len()).filter(is_pass).collect();
    let mut order = Order { rules, cover, passes };
    let mut left = PAIRS_MAX;
    for place in 0..order.rules.len() {
        let (policy, rule) = order.rules[place];
        if !rule.through.is_empty() || policy.mode == Mode::Disabled {
            continue;
        }
        let mut others = index.candidates(rule, &mut order.cover);
        let Some(rest) = left.checked_sub(others.len()) else {
            let message = format!("no more than {PAIRS_MAX} pairs of rules are compared");
            let help = "rules from here on may be shadowed or redundant without a warning";
            let note = Diagnostic::note(codes::UNFINISHED, message);
            diagnostics.push(note.with_label(rule.span, "").with_help(help));
            return;
        };
        left = rest;
        others.retain(|other| {
            let (its, by) = order.rules[*other];
            *other != place && by.through.is_empty() && is_on_whenever(its, policy)
        });
        if others.is_empty() {
            continue;
        }
        if let Some(finding) =
            order.shadowed(place, &others).or_else(|| order.redundant(place, &others))
        {
            diagnostics.push(finding);
        }
    }
}

/// Whether the one policy is on, from now on, whenever the other is: under each assignment of modes,
/// promotion of the other among them.
pub(super) fn is_on_whenever(one: &Policy, other: &Policy) -> bool {
    let lasts = match (one.expires, other.expires) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(one), Some(other)) => other <= one,
    };
    let is_same = std::ptr::eq(one, other);
    is_same || (lasts && one.mode == Mode::Enforce)
}

impl Order<'_> {
    /// A rule whose every leg is decided before it is asked.
    fn shadowed(&mut self, place: usize, others: &[usize]) -> Option<Diagnostic> {
        let (policy, rule) = self.rules[place];
        let mut before: Vec<usize> =
            others.iter().copied().filter(|other| self.is_asked_before(*other, place)).collect();
        let by: Vec<&Rule> = before.iter().map(|other| self.rules[*other].1).collect();
        let mut used = self.cover.rule(rule, &by)?;
        // What a guardrail passes on is decided behind it.
        let may_pass = policy.tier != Tier::Guardrail && {
            let passes = self.passes.clone();
            passes.into_iter().any(|pass| self.cover.can_both_match(self.rules[pass].1, rule))
        };
        if may_pass {
            before.retain(|other| self.rules[*other].0.tier != Tier::Guardrail);
            let by: Vec<&Rule> = before.iter().map(|other| self.rules[*other].1).collect();
            used = self.cover.rule(rule, &by)?;
        }
        // What may match is denied and is not allowed: an allow leaves that to a denial.
        let is_sure = |other: &usize| {
            rule.action != Action::Deny || self.rules[*other].1.action == Action::Deny
        };
        let sure: Vec<usize> = before.iter().copied().filter(is_sure).collect();
        let by: Vec<&Rule> = sure.iter().map(|other| self.rules[*other].1).collect();
        let (code, message, used) = if let Some(used) = self.cover.rule(rule, &by) {
            let message = "this rule never decides: what it matches is decided before";
            (codes::SHADOWED, message, places(&sure, &used))
        } else {
            let message = "this denial decides only where an end is not known: what it matches is \
                           allowed or passed on before";
            (codes::SHADOWED_KNOWN, message, places(&before, &used))
        };
        let help = "leave it out, narrow what goes before it, or move it before that";
        Some(self.with_others(warning(code, rule.span, message, help), &used))
    }

    /// Whether a rule is asked before another, or goes before it without being asked.
    fn is_asked_before(&self, other: usize, place: usize) -> bool {
        let ((its, by), (policy, rule)) = (self.rules[other], self.rules[place]);
        match (its.tier, policy.tier) {
            (Tier::Standard, Tier::Standard) => {
                by.action == Action::Deny && rule.action == Action::Allow
            }
            (one, same) if one == same => other < place,
            (Tier::Guardrail, _) => by.action != Action::Pass,
            (one, later) => one < later,
        }
    }

    /// A rule that could be left out.
    fn redundant(&mut self, place: usize, others: &[usize]) -> Option<Diagnostic> {
        let (policy, rule) = self.rules[place];
        let mut same = Vec::new();
        for other in others.iter().copied() {
            let (its, by) = self.rules[other];
            if (its.tier, by.action) != (policy.tier, rule.action) {
                continue;
            }
            // Of rules that match the same the first stays; an order keeps the last.
            let stays = match policy.tier {
                Tier::Standard => {
                    other < place
                        || !is_on_whenever(policy, its)
                        || self.cover.rule(by, &[rule]).is_none()
                }
                _ => other > place,
            };
            if stays {
                same.push(other);
            }
        }
        let by: Vec<&Rule> = same.iter().map(|other| self.rules[*other].1).collect();
        let mut used = self.cover.rule(rule, &by)?;
        if policy.tier != Tier::Standard {
            let end = self.first_conflict(place);
            same.retain(|other| *other < end);
            let by: Vec<&Rule> = same.iter().map(|other| self.rules[*other].1).collect();
            used = self.cover.rule(rule, &by)?;
        }
        let message = "this rule changes no decision: others of the same action match all that it \
                       matches";
        let found =
            warning(codes::REDUNDANT, rule.span, message, "leave it out, or narrow the others");
        Some(self.with_others(found, &places(&same, &used)))
    }

    /// The place of the next rule of the tier that does something else with what a rule matches.
    fn first_conflict(&mut self, place: usize) -> usize {
        let (policy, rule) = self.rules[place];
        for other in place + 1..self.rules.len() {
            let (its, by) = self.rules[other];
            let differs = by.action != rule.action && self.cover.can_both_match(by, rule);
            if its.tier != policy.tier || differs {
                return other;
            }
        }
        self.rules.len()
    }

    /// A finding with the rules that it is because of.
    fn with_others(&self, finding: Diagnostic, others: &[usize]) -> Diagnostic {
        let mut finding = finding;
        for other in others.iter().take(SHOWN_MAX) {
            let (policy, rule) = self.rules[*other];
            let text = format!("this {} of `{}` goes before it", rule.action, policy.name);
            let text = if finding.code == codes::REDUNDANT {
                format!("this {} of `{}` matches it too", rule.action, policy.name)
            } else {
                text
            };
            finding = finding.with_related(rule.span, text);
        }
        let more = others.len().saturating_sub(SHOWN_MAX);
        if more > 0 {
            finding.message = format!("{} (and {more} more rules)", finding.message);
        }
        finding
    }
}

fn places(of: &[usize], used: &[usize]) -> Vec<usize> {
    used.iter().filter_map(|one| of.get(*one)).copied().collect()
}
