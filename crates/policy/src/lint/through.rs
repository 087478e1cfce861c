//! What rules with `through` stand for in an estate.

use std::collections::BTreeMap;

use watertight_net::FlowSet;
use watertight_source::{Diagnostic, Diagnostics, Span};

use crate::checked::{Peer, Rule};
use crate::codes;
use crate::decide::{Decider, Essentials, Expanded, LegPart, World};

use super::Linted;

/// Names that one line lists.
const NAMES_MAX: usize = 5;

/// Shows each leg that such a rule stands for: nobody wrote it down.
pub(super) fn through(linted: &Linted<'_>, world: &World, diagnostics: &mut Diagnostics) {
    let rules: Vec<&Rule> =
        linted.rules().map(|(_, rule)| rule).filter(|rule| !rule.through.is_empty()).collect();
    if rules.is_empty() {
        return;
    }
    let decider = Decider::new(linted.policy, world, &Essentials::default());
    for rule in rules {
        diagnostics.push(shown(rule, &decider.expansion(rule), world));
    }
}

fn shown(rule: &Rule, legs: &[Expanded], world: &World) -> Diagnostic {
    if legs.is_empty() {
        let message = "this rule stands for no leg of the estate: no front that `through` means leads from a listener to \
            whom `to` means, over what `over` says";
        let note = Diagnostic::note(codes::EXPANDED, message).with_label(rule.span, "");
        return note.with_help("compare `through`, `to` and `over` with the front's targets");
    }
    let mut note = Diagnostic::note(codes::EXPANDED, "this rule stands for these legs");
    note = note.with_label(rule.span, "");
    let name = |place: usize| world.workloads.get(place).map_or("", |member| &*member.name);
    // Legs of one front over the same flows are one line, those to fronts first.
    let mut lines: BTreeMap<(LegPart, &str, &FlowSet), Vec<&str>> = BTreeMap::new();
    for leg in legs {
        let targets = lines.entry((leg.part, name(leg.front), &leg.flows)).or_default();
        targets.extend(leg.target.map(name));
    }
    for ((part, front, flows), targets) in lines {
        let (at, text) = match part {
            LegPart::ToFront => (&rule.from, format!("whoever this means -> {front} over {flows}")),
            LegPart::HealthCheck => {
                (&rule.to, format!("health checks: {front} -> {} over {flows}", some(&targets)))
            }
            LegPart::FromFront | LegPart::Direct => {
                (&rule.to, format!("{front} -> {} over {flows}", some(&targets)))
            }
        };
        note = note.with_related(place(at, rule), text);
    }
    note
}

/// Where a list of peers begins.
fn place(peers: &[Peer], rule: &Rule) -> Span {
    peers.first().map_or(rule.span, |peer| peer.span)
}

fn some(names: &[&str]) -> String {
    let shown: Vec<&str> = names.iter().take(NAMES_MAX).copied().collect();
    let rest = names.len().saturating_sub(NAMES_MAX);
    if rest == 0 { shown.join(", ") } else { format!("{} and {rest} more", shown.join(", ")) }
}
