//! Allows that leave too much open.

use watertight_model::Selector;
use watertight_source::Diagnostics;

use crate::checked::{Action, CheckedPolicy, Conditions, End, Peer, SelectorNode};
use crate::codes;

use super::text::is_every_port;
use super::{Linted, warning};

/// Says which allows leave two of `from`, `to` and `over` open: one that is open may be meant, two
/// are more than anybody can oversee.
pub(super) fn broad(linted: &Linted<'_>, diagnostics: &mut Diagnostics) {
    let failsafe = linted.policy.failsafe.iter().flat_map(|one| &one.rules);
    let rules = linted.rules().map(|(_, rule)| rule).chain(failsafe);
    for rule in rules.filter(|rule| rule.action == Action::Allow) {
        let is_open = |peers: &[Peer]| peers.iter().any(|peer| is_open(linted.policy, &peer.end));
        let over = rule.over.iter().any(|one| !one.has_conditions() && is_every_port(&one.flows));
        let open = [("from", is_open(&rule.from)), ("to", is_open(&rule.to)), ("over", over)];
        let open: Vec<String> = open
            .iter()
            .filter(|(_, is_open)| *is_open)
            .map(|(field, _)| format!("`{field}`"))
            .collect();
        if open.len() >= 2 {
            let message = format!("this rule leaves {} open", open.join(" and "));
            let help = "name who is meant, or the ports";
            diagnostics.push(warning(codes::BROAD, rule.span, message, help));
        }
    }
}

/// Whether an end is everything, the whole internet, or every workload.
fn is_open(policy: &CheckedPolicy, end: &End) -> bool {
    match end {
        End::Any | End::Internet => true,
        End::Conditions(conditions) => {
            let everybody = conditions.workloads.is_some_and(|id| {
                *policy.selector(id) == SelectorNode::Labels(Selector::Everything)
            });
            let only = Conditions {
                workloads: conditions.workloads,
                segment: conditions.segment,
                ..Conditions::default()
            };
            everybody && **conditions == only
        }
    }
}
