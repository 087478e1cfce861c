//! Rules that contradict each other where nothing says which of them goes first.

use watertight_source::Diagnostics;

use crate::checked::{CheckedPolicy, Policy, Rule};
use crate::codes;
use crate::syntax::Tier;

use super::error;
use super::overlap::Overlap;

/// Reports, for every two policies of one tier and order, the rules of different action that some
/// leg could match both, whether or not the estate of today has such a leg.
pub(super) fn conflicts(policy: &CheckedPolicy, diagnostics: &mut Diagnostics) {
    let mut overlap = Overlap::new(policy);
    let is_peer = |a: &Policy, b: &Policy| (a.tier, a.order) == (b.tier, b.order);
    for same in policy.policies.chunk_by(is_peer) {
        if same.first().is_none_or(|first| first.tier == Tier::Standard) {
            continue;
        }
        for (index, first) in same.iter().enumerate() {
            for second in same.iter().skip(index + 1) {
                between(first, second, &mut overlap, diagnostics);
            }
        }
    }
}

fn between(
    first: &Policy,
    second: &Policy,
    overlap: &mut Overlap<'_>,
    diagnostics: &mut Diagnostics,
) {
    for a in &first.rules {
        for b in &second.rules {
            if a.action != b.action && can_both_match(a, b, overlap) {
                let message = format!(
                    "this rule can match what a rule of `{}` matches; one says {}, the other {}, and \
                     both policies have the order {}",
                    first.name, b.action, a.action, first.order
                );
                let help = "give one of the policies another order";
                let diagnostic = error(codes::CONFLICT, b.span, message, help);
                diagnostics.push(diagnostic.with_related(a.span, "the other rule is here"));
            }
        }
    }
}

fn can_both_match(a: &Rule, b: &Rule, overlap: &mut Overlap<'_>) -> bool {
    let flows =
        a.over.iter().any(|one| b.over.iter().any(|other| one.flows.intersects(&other.flows)));
    flows && overlap.of_any(&a.from, &b.from) && overlap.of_any(&a.to, &b.to)
}
