//! Allows of what an assertion forbids.

use std::sync::Arc;

use watertight_source::Diagnostics;

use crate::checked::{
    Action, Assertion, AssertionId, ClaimKind, Clause, End, Excused, Peer, Policy, Rule, Tier,
};
use crate::codes;

use super::cover::Cover;
use super::{Linted, warning};

/// Says which allows permit what an assertion forbids, where no denial goes before them and no
/// exception excuses it.
pub(super) fn forbidden(linted: &Linted<'_>, diagnostics: &mut Diagnostics) {
    let mut cover = Cover::new(linted.policy);
    for (place, assertion) in linted.policy.assertions.iter().enumerate() {
        let id = Excused::Assertion(AssertionId::at(place));
        let mut exceptions = linted.policy.exceptions.iter();
        if exceptions.any(|one| one.excused == id && linted.now < one.expires) {
            continue;
        }
        for (policy, rule) in linted.rules().filter(|(_, rule)| rule.action == Action::Allow) {
            let Some(part) = forbidden_part(assertion, rule, &mut cover) else { continue };
            if is_denied(linted, policy, &part, &mut cover) {
                continue;
            }
            let message =
                format!("this rule allows what the assertion `{}` forbids", assertion.name);
            let help =
                "narrow the rule, or give the assertion an Exception with an owner and an end";
            let finding = warning(codes::FORBIDDEN, rule.span, message, help);
            diagnostics.push(finding.with_related(assertion.name_span, "the assertion"));
        }
    }
}

/// The part of a rule that an assertion forbids for sure, as far as there is any.
fn forbidden_part(assertion: &Assertion, rule: &Rule, cover: &mut Cover<'_>) -> Option<Rule> {
    let over = assertion.over.iter().find_map(|asserted| {
        rule.over.iter().find_map(|clause| {
            let flows = clause.flows.intersection(&asserted.flows);
            (!flows.is_empty()).then(|| Clause { flows, ..clause.clone() })
        })
    })?;
    let (from, to) = match assertion.kind {
        ClaimKind::Always => return None,
        ClaimKind::Never => {
            (common(&rule.from, &assertion.from, cover)?, common(&rule.to, &assertion.to, cover)?)
        }
        ClaimKind::OnlyFrom => {
            (beyond(&rule.from, &assertion.from, cover)?, common(&rule.to, &assertion.to, cover)?)
        }
        ClaimKind::OnlyTo => {
            (common(&rule.from, &assertion.from, cover)?, beyond(&rule.to, &assertion.to, cover)?)
        }
    };
    let over = Arc::from(vec![over]);
    Some(Rule { from: vec![from], to: vec![to], over, ..rule.clone() })
}

/// A peer that both lists hold whole: one of the one list that the other covers, or the other way.
fn common(some: &[Peer], others: &[Peer], cover: &mut Cover<'_>) -> Option<Peer> {
    let inner = some.iter().find(|one| cover.any_of(others, &one.end));
    let inner = inner.or_else(|| others.iter().find(|other| cover.any_of(some, &other.end)));
    inner.cloned()
}

/// A peer of the one list that reaches beyond the other for sure.
fn beyond(some: &[Peer], others: &[Peer], cover: &mut Cover<'_>) -> Option<Peer> {
    let found = some.iter().find(|one| {
        let is_wide = matches!(one.end, End::Any | End::Internet);
        !cover.any_of(others, &one.end)
            && (is_wide || !cover.overlap.of_any(std::slice::from_ref(*one), others))
    });
    found.cloned()
}

/// Whether denials go before a part of an allow whenever that is on.
fn is_denied(linted: &Linted<'_>, policy: &Policy, part: &Rule, cover: &mut Cover<'_>) -> bool {
    let denials = linted.rules().filter(|(its, rule)| {
        let is_before = its.tier == Tier::Guardrail || its.tier == Tier::Standard;
        rule.action == Action::Deny
            && is_before
            && policy.tier != Tier::Guardrail
            && super::order::is_on_whenever(its, policy)
    });
    let denials: Vec<&Rule> = denials.map(|(_, rule)| rule).collect();
    cover.rule(part, &denials).is_some()
}
