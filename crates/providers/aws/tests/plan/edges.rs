//! Denials of guardrails at the edges of subnets, where no group of ours holds them.

use std::collections::BTreeSet;

use watertight_compile::{Forbidden, GapKind, InTurn, Occasion, Plan, Plane as _, Reason, Refusal};

use crate::lab::{Lab, Made};
use crate::properties::Walked;
use crate::transitions::{Replayed, replay};
use crate::{drawn, note, seeds};

/// How many subnets have a list of ours.
fn edged(made: &Made) -> usize {
    made.compiled.artifacts.edges.iter().flatten().map(|edge| edge.subnets.len()).sum()
}

fn plan(lab: &Lab, made: &Made) -> Plan {
    let text = String::new;
    let occasion = Occasion { estate: text(), under: text(), made: text(), valid_until: None };
    lab.with(|_, plane| Plan::new(occasion, plane, (&made.compiled, &made.proof), &InTurn))
}

#[test]
fn what_guardrails_deny_is_refused_at_edges_and_nothing_that_is_intended() {
    let (mut subnets, mut plans, mut left, mut replies) = (0, 0, 0, 0);
    let mut walked = Walked::default();
    let (mut full, mut refused) = (0, 0);
    for seed in seeds(2) {
        let (lab, generated) = drawn::barred(seed);
        let made = match lab.make() {
            Ok(made) => made,
            Err(refusal) => {
                refused += usize::from(matches!(refusal, Refusal::Forbidden { .. }));
                continue;
            }
        };
        let proof = &made.proof;
        assert_eq!(proof.unexplained, [], "seed {seed}");
        assert_eq!(proof.frame, [] as [String; 0], "seed {seed}");
        left += proof.gaps.iter().filter(|gap| gap.forbidden == Some(Forbidden::Guardrail)).count();
        replies +=
            proof.of(GapKind::Under).filter(|gap| gap.reason == Reason::StatelessReply).count();
        // Nothing that is proposed is found to cut anything.
        let broken = made.notes.iter().find(|note| note.contains("is written against"));
        assert_eq!(broken, None, "seed {seed}");
        full += made.notes.iter().filter(|note| note.contains("has room for")).count();
        if edged(&made) > 0 {
            plans += 1;
            subnets += edged(&made);
            walked.walk(&format!("seed {seed}"), &lab, &generated, &made);
        }
    }
    let Walked { asked, over, under, forbidden, .. } = walked;
    note(&format!(
        "edges: {plans} plans put lists at {subnets} edges; {left} gaps that guardrails forbid are left, \
         {replies} are of replies, {full} lists are full, {refused} plans are refused; {asked} legs asked packet by packet, {over} over and {under} under, all told"
    ));
    assert!(plans > 5, "{plans} plans are too few to tell");
    assert!(forbidden > 100, "{forbidden} are too few to tell");
}

#[test]
fn a_second_plan_leaves_edges_as_they_are() {
    let mut plans = 0;
    for seed in seeds(4) {
        let Some(lab) = drawn::barred_later(seed, false) else { continue };
        let Ok(made) = lab.make() else { continue };
        let lists = lab.with(|_, plane| plane.edges());
        let there: BTreeSet<_> =
            lists.iter().filter(|list| list.ours.is_some()).map(|list| &list.subnet).collect();
        plans += usize::from(!there.is_empty());
        assert_eq!(edged(&made), there.len(), "seed {seed}");
        let steps = plan(&lab, &made).steps;
        let words = steps.iter().map(|step| step.action.words());
        let of_edges: Vec<String> = words
            .filter(|words| words.contains("edge of") || words.contains("network ACL"))
            .collect();
        assert_eq!(of_edges, [] as [String; 0], "seed {seed}");
    }
    assert!(plans > 2, "{plans} plans are too few to tell");
}

#[test]
fn every_step_about_edges_stays_between_old_and_new_or_is_named() {
    let (mut replayed, mut steps) = (Replayed::default(), 0);
    for seed in seeds(8) {
        let (lab, _) = drawn::barred(seed);
        if lab.make().is_ok_and(|made| edged(&made) > 0) {
            replay(&format!("seed {seed}"), &lab, &mut replayed);
        }
        let Some(later) = drawn::barred_later(seed, true) else { continue };
        let Ok(made) = later.make() else { continue };
        let is_edge = |step: &&watertight_compile::Step| step.action.words().starts_with("edge of");
        let of_edges = plan(&later, &made).steps.iter().filter(is_edge).count();
        steps += of_edges;
        if of_edges > 0 {
            replay(&format!("seed {seed}, later"), &later, &mut replayed);
        }
    }
    let Replayed { plans, opened, .. } = replayed;
    note(&format!(
        "edges: {plans} plans replayed, {steps} steps over edges that are there; {opened} open something in \
         between, and say so"
    ));
    assert!(steps > 0, "no edge goes over");
}
