//! Policies: what their tier allows, with defaults filled in.

use watertight_source::{Diagnostic, Diagnostics};

use crate::checked::{End, Lowering, Peer, Policy, Rule};
use crate::codes;
use crate::read::Documents;
use crate::syntax::{self, Action, LoweringChoice, Metadata, Object, Spanned, Tier};

use super::ends::Ends;
use super::over::Services;
use super::{error, text};

/// Every policy, by tier, order and name.
pub(super) fn policies(
    documents: &Documents,
    services: &Services<'_>,
    ends: &mut Ends<'_>,
    diagnostics: &mut Diagnostics,
) -> Vec<Policy> {
    let mut policies = Vec::new();
    let found = documents.of(|object| match object {
        Object::Policy(policy) => Some(&**policy),
        _ => None,
    });
    for (document, policy) in found {
        let metadata = &document.metadata;
        check_alone(policy, metadata, diagnostics);
        let mut rules = Vec::with_capacity(policy.rules.len());
        for rule in &policy.rules {
            let checked = Rule {
                span: rule.span,
                name: text(rule.name.as_ref()),
                action: rule.action.value,
                from: ends.peers(&rule.from, diagnostics),
                to: ends.peers(&rule.to, diagnostics),
                through: ends.peers(&rule.through, diagnostics),
                over: services.clauses(rule.over.as_ref(), rule.span, diagnostics),
            };
            check_domains(&checked, diagnostics);
            rules.push(checked);
        }
        policies.push(Policy {
            name: metadata.name.value.clone(),
            name_span: metadata.name.span,
            owner: text(metadata.owner.as_ref()),
            ticket: text(metadata.ticket.as_ref()),
            tier: policy.tier(),
            order: policy.order.map_or(0, |order| order.value),
            mode: policy.mode(),
            expires: policy.expires.map(|expires| expires.value),
            lowering: lowering(&policy.lowering),
            rules,
        });
    }
    policies.sort_by(|a, b| (a.tier, a.order, &a.name).cmp(&(b.tier, b.order, &b.name)));
    policies
}

fn lowering(written: &syntax::Lowering) -> Lowering {
    let choice = |written: Option<Spanned<LoweringChoice>>, default| {
        written.map_or(default, |choice| choice.value)
    };
    Lowering {
        requests: choice(written.requests, LoweringChoice::Widen),
        identity: choice(written.identity, LoweringChoice::Widen),
        internet: choice(written.internet, LoweringChoice::Widen),
        domains: choice(written.domains, LoweringChoice::Close),
        deny: choice(written.deny, LoweringChoice::Refuse),
    }
}

/// What one policy alone can have wrong, whatever its ends are.
pub(super) fn check_alone(
    policy: &syntax::Policy,
    metadata: &Metadata,
    diagnostics: &mut Diagnostics,
) {
    check_tier(policy, metadata, diagnostics);
    check_expiry(policy, diagnostics);
}

fn check_tier(policy: &syntax::Policy, metadata: &Metadata, diagnostics: &mut Diagnostics) {
    let tier = policy.tier();
    match (tier, policy.order) {
        (Tier::Standard, Some(order)) => {
            let message = "standard rules have no order: a deny goes before an allow";
            let help = "leave `order` out, or choose another tier";
            diagnostics.push(error(codes::TIER, order.span, message, help));
        }
        (Tier::Guardrail | Tier::Baseline, None) => {
            let message = format!("the rules of the tier `{tier}` are asked in order");
            let span = policy.tier.map_or(metadata.name.span, |tier| tier.span);
            let help = "add `order`: policies with a smaller one are asked first";
            diagnostics.push(error(codes::TIER, span, message, help));
        }
        _ => {}
    }
    for rule in &policy.rules {
        if rule.action.value == Action::Pass && tier != Tier::Guardrail {
            let message = format!("a rule of the tier `{tier}` cannot pass");
            let help = "`pass` leaves the rest of the guardrails out; elsewhere leave the rule out";
            diagnostics.push(error(codes::TIER, rule.action.span, message, help));
        }
    }
}

/// A denial that ends by itself opens something.
fn check_expiry(policy: &syntax::Policy, diagnostics: &mut Diagnostics) {
    let Some(expires) = policy.expires else { return };
    if policy.expiry_opens.is_some_and(|opens| opens.value) {
        return;
    }
    let deny = policy.rules.iter().find(|rule| rule.action.value == Action::Deny);
    if let Some(deny) = deny {
        let message = "when this policy expires, what it denies may open";
        let help = "add `expiryOpens: true` if that is meant, or move the denial elsewhere";
        let diagnostic: Diagnostic = error(codes::EXPIRY_OPENS, expires.span, message, help);
        diagnostics.push(diagnostic.with_related(deny.action.span, "the rule that denies"));
    }
}

/// A name and others share addresses, and its addresses change: a denial looks at what is said.
fn check_domains(rule: &Rule, diagnostics: &mut Diagnostics) {
    if rule.action != Action::Deny {
        return;
    }
    let names_domains = |peer: &&Peer| match &peer.end {
        End::Conditions(conditions) => !conditions.domains.is_empty(),
        _ => false,
    };
    let Some(peer) = rule.to.iter().find(names_domains) else { return };
    if let Some(clause) = rule.over.iter().find(|clause| !clause.has_conditions()) {
        let message = "domains can be denied by what is said in TLS or HTTP, not by address";
        let help = "write `over: [{tls: 443}]`, or add `http`";
        let diagnostic = error(codes::DENIED_DOMAINS, peer.span, message, help);
        let note = "this looks at addresses alone";
        diagnostics.push(diagnostic.with_related(clause.span, note));
    }
}
