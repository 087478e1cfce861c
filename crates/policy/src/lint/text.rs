//! Findings about one rule, segment or document alone.

use watertight_model::Name;
use watertight_net::{Flow, FlowSet, PortSet};
use watertight_source::{Diagnostic, Diagnostics};

use crate::checked::{
    Action, CheckedPolicy, End, LabelingRule, Mode, Peer, Rule, SelectorId, SelectorNode, Tier,
};
use crate::codes;
use crate::trust::claimed_label;

use super::cover::Cover;
use super::{Linted, warning};

/// Policies and exceptions whose time is over.
pub(super) fn expired(linted: &Linted<'_>, diagnostics: &mut Diagnostics) {
    let now = linted.now;
    let policies = linted.policy.policies.iter().filter(|policy| policy.mode != Mode::Disabled);
    for policy in policies.filter(|policy| !policy.is_live(now)) {
        let Some(expires) = policy.expires else { continue };
        let message = format!("the policy `{}` has expired at {expires}", policy.name);
        let help = "leave it out, or give it another `expires`";
        diagnostics.push(warning(codes::EXPIRED, policy.name_span, message, help));
    }
    for exception in linted.policy.exceptions.iter().filter(|one| one.expires <= now) {
        let message =
            format!("the exception `{}` has expired at {}", exception.name, exception.expires);
        let help = "leave it out: what it excused fails again";
        diagnostics.push(warning(codes::EXPIRED, exception.name_span, message, help));
    }
}

/// Selectors that contradict themselves.
pub(super) fn never(linted: &Linted<'_>, diagnostics: &mut Diagnostics) {
    let mut cover = Cover::new(linted.policy);
    let mut is_never = |id: SelectorId| {
        cover.overlap.alternatives(id).is_some_and(|alternatives| alternatives.is_empty())
    };
    let help = "no labels fulfil all that it asks for; write alternatives as entries of a list";
    for segment in &linted.policy.segments {
        let Some(span) = segment.span.filter(|_| is_never(segment.members)) else { continue };
        let message = format!("the segment `{}` can have no member", segment.name);
        diagnostics.push(warning(codes::NEVER, span, message, help));
    }
    for (_, rule) in linted.rules() {
        for (field, peers) in [("from", &rule.from), ("to", &rule.to), ("through", &rule.through)] {
            let found: Vec<&Peer> =
                peers.iter().filter(|peer| workloads(peer).is_some_and(&mut is_never)).collect();
            let is_whole = found.len() == peers.len();
            for peer in found {
                let message = if is_whole {
                    format!("this rule never matches: its `{field}` can match nothing")
                } else {
                    String::from("this peer can match nothing")
                };
                diagnostics.push(warning(codes::NEVER, peer.span, message, help));
            }
        }
    }
}

fn workloads(peer: &Peer) -> Option<SelectorId> {
    match &peer.end {
        End::Conditions(conditions) => conditions.workloads,
        _ => None,
    }
}

/// Guardrails that somebody who sets a tag can step around.
pub(super) fn claimed(linted: &Linted<'_>, diagnostics: &mut Diagnostics) {
    for (policy, rule) in linted.rules() {
        if policy.tier != Tier::Guardrail {
            continue;
        }
        let peers = rule.from.iter().chain(&rule.to);
        let found = peers.filter_map(|peer| {
            let label = claimed_of(linted.policy, workloads(peer)?)?;
            Some((peer, label))
        });
        let Some((peer, label)) = found.take(1).next() else { continue };
        let message = format!(
            "this guardrail rests on the label `{label}`, which the users of a workload can set"
        );
        let help = "select by a provider's fact, such as `aws.account`, or by a label that a Labeling \
                    gives by accounts, subnets or addresses alone";
        let place = format!("a rule of the guardrail `{}`", policy.name);
        let finding = warning(codes::CLAIMED, peer.span, message, help);
        diagnostics.push(finding.with_related(rule.span, place));
    }
}

/// A label that a set asks about and that users can set.
fn claimed_of(policy: &CheckedPolicy, id: SelectorId) -> Option<Name> {
    let mut left = vec![id];
    while let Some(id) = left.pop() {
        match policy.selector(id) {
            SelectorNode::All(parts) | SelectorNode::Any(parts) => left.extend(parts),
            SelectorNode::Labels(selector) => {
                let claimed = claimed_label(selector).filter(|key| !is_given(policy, key));
                if claimed.is_some() {
                    return claimed;
                }
            }
        }
    }
    None
}

/// Whether labelings give a label, and all of them by facts that nobody can claim.
fn is_given(policy: &CheckedPolicy, key: &Name) -> bool {
    let rules = policy.labelings.iter().flat_map(|(_, labeling)| &labeling.rules);
    let gives = |rule: &&LabelingRule| rule.labels.iter().any(|(given, _)| given == key);
    let giving: Vec<&LabelingRule> = rules.filter(gives).collect();
    !giving.is_empty() && giving.iter().all(|rule| !rule.when.is_claimed())
}

/// Rules about domain names without one about the questions for them.
pub(super) fn resolvers(linted: &Linted<'_>, diagnostics: &mut Diagnostics) {
    let mut cover = Cover::new(linted.policy);
    let rules: Vec<_> = linted.rules().collect();
    let asks = |rule: &Rule| {
        rule.action == Action::Allow
            && rule
                .over
                .iter()
                .any(|one| !one.has_conditions() && one.flows.contains_flow(Flow::udp(40_000, 53)))
    };
    let resolving: Vec<&Rule> =
        rules.iter().map(|(_, rule)| *rule).filter(|rule| asks(rule)).collect();
    for (_, rule) in &rules {
        let names = rule.to.iter().find(|peer| {
            matches!(&peer.end, End::Conditions(conditions) if !conditions.domains.is_empty())
        });
        let (Some(names), Action::Allow) = (names, rule.action) else { continue };
        if resolving.iter().any(|other| cover.all(&rule.from, &other.from)) {
            continue;
        }
        let message = "no rule lets these workloads ask for the names: they can ask the resolver that \
                       is among the essentials, and no other";
        let help = "where they use another resolver, allow `udp: 53` and `tcp: 53` to it";
        let note = Diagnostic::note(codes::NO_RESOLVER, message);
        diagnostics.push(note.with_label(names.span, "").with_help(help));
    }
}

/// Every packet to a port of TCP or UDP, or of any protocol.
pub(super) fn is_every_port(flows: &FlowSet) -> bool {
    flows.contains(&FlowSet::tcp(PortSet::full()))
}
