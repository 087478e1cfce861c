//! Shares of segments that make no difference.

use watertight_model::{Name, Truth};
use watertight_source::{Diagnostics, Span};

use crate::checked::{Mode, Segment, ShareOf};
use crate::codes;
use crate::decide::World;
use crate::decide::labels::{Labelled, labels_of, look};

use super::{Linted, warning};

/// Says of what segments a share is written that is not heard, or that leaves all or nothing out. That it is not heard
/// is no error: going back to monitor must never be refused.
pub(super) fn shares(linted: &Linted<'_>, diagnostics: &mut Diagnostics) {
    for segment in &linted.policy.segments {
        let Some(share) = &segment.share else { continue };
        if segment.mode != Mode::Enforce {
            let message = format!(
                "the segment `{}` is in {}, where its share means nothing",
                segment.name, segment.mode
            );
            let help = "leave `share` out, or write `mode: enforce`";
            diagnostics.push(warning(codes::SHARE, share.span, message, help));
            continue;
        }
        match (&share.of, linted.world) {
            (ShareOf::Percent(0), _) => nothing(segment, share.span, diagnostics),
            (ShareOf::Percent(100), _) => all(segment, share.span, diagnostics),
            (of, Some(world)) => by_estate(linted, (world, segment), (share.span, of), diagnostics),
            (_, None) => {}
        }
    }
}

fn nothing(segment: &Segment, span: Span, diagnostics: &mut Diagnostics) {
    let message = format!("the share of the segment `{}` holds nothing of it", segment.name);
    let help = "write `mode: monitor` instead, or a greater share";
    diagnostics.push(warning(codes::SHARE, span, message, help));
}

fn all(segment: &Segment, span: Span, diagnostics: &mut Diagnostics) {
    let message = format!("the share of the segment `{}` holds all of it", segment.name);
    let help = "leave `share` out";
    diagnostics.push(warning(codes::SHARE, span, message, help));
}

/// What the share holds of the members that there are.
fn by_estate(
    linted: &Linted<'_>,
    (world, segment): (&World, &Segment),
    (span, share): (Span, &ShareOf),
    diagnostics: &mut Diagnostics,
) {
    let parts = linted.policy.parts_of(&[segment.members]);
    let mut truths = Vec::new();
    for member in &world.workloads {
        let labels: Labelled = labels_of(linted.policy, member);
        let label = |key: &Name| look(&labels, key);
        let members = linted.policy.memberships_among(&parts, &label);
        if members.get(&segment.members).is_some_and(|truth| *truth != Truth::No) {
            truths.push(share.holds((&segment.name, &member.id), &label));
        }
    }
    if truths.is_empty() {
        return;
    }
    if truths.iter().all(|truth| *truth == Truth::No) {
        nothing(segment, span, diagnostics);
    } else if truths.iter().all(|truth| *truth == Truth::Yes) {
        all(segment, span, diagnostics);
    }
}
