//! Rules about people who are known by their groups alone.

use watertight_source::{Diagnostic, Diagnostics};

use super::{Linted, warning};
use crate::checked::{Action, End, Users};
use crate::codes;

/// Who is signed in at an end is told by nothing that reads an estate, so that everybody may be one of them: a
/// denial closes more than its words say, and an allow opens nothing.
pub(super) fn users(linted: &Linted<'_>, diagnostics: &mut Diagnostics) {
    let by_group = |users: &&Users| !users.groups.is_empty() && users.pools.is_empty();
    for (_, rule) in linted.rules() {
        for peer in rule.from.iter().chain(&rule.to) {
            let End::Conditions(conditions) = &peer.end else { continue };
            let named = conditions.users.iter();
            let mut named = named.filter_map(|id| linted.policy.users.get(id.index()));
            let Some(users) = named.find(by_group) else { continue };
            let rest = if conditions.workloads.is_some() { " that the peer names" } else { "" };
            let does = match rule.action {
                Action::Allow => "this rule allows nothing",
                Action::Deny => &format!("this rule denies every end{rest}"),
                Action::Pass => "this rule passes nothing on",
            };
            let message = format!(
                "{does}: `{}` are known by groups alone, and nothing tells who is signed in, so that each end{rest} \
                 may be one of them",
                users.name
            );
            let help = "give them `pools` too, the addresses from which they come: those stand for the groups; or \
                        name beside them, with `matchLabels`, the workloads at which they work";
            let found = match rule.action {
                Action::Allow => {
                    let note = Diagnostic::note(codes::SIGNED_IN, message);
                    note.with_label(peer.span, "").with_help(help)
                }
                Action::Deny | Action::Pass => warning(codes::SIGNED_IN, peer.span, message, help),
            };
            diagnostics.push(found.with_related(users.span, "these people"));
        }
    }
}
