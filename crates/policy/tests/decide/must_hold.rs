//! What must hold whatever is drawn.

use watertight_policy::syntax::{Mode, Object};
use watertight_testkit::policy::Modes;
use watertight_testkit::policy::generate::Generated;

use crate::each;
use crate::engine::{Engine, Prepared};

/// The questions of another policy, asked of a changed one.
fn asked(changed: &Generated, mut check: impl FnMut(&Engine<'_>)) {
    let prepared = Prepared::of(changed);
    check(&Engine::new(changed, &prepared));
}

/// "A workload is governed under M if a segment that is on holds it", and "an enforced rule does
/// nothing at a workload whose segments are off": with every segment in monitor no rule decides.
#[test]
fn where_every_segment_is_in_monitor_no_enforced_rule_touches_anything() {
    let mut asked_about = 0_usize;
    each(|seed, generated, _| {
        let mut monitored = generated.clone();
        for document in &mut monitored.documents {
            if let Object::Segment(segment) = &mut document.object {
                segment.mode = segment.mode.filter(|mode| mode.value == Mode::Monitor);
            }
        }
        asked(&monitored, |engine| {
            let enforced = monitored
                .cases
                .iter()
                .filter(|case| matches!(case.modes, Modes::Enforced | Modes::PromotePolicy(_)));
            for case in enforced {
                asked_about += 1;
                let answer = engine.decide(case);
                assert_eq!(answer.governed, (false, false), "seed {seed}: {case:#?}");
                let is_untouched = |reason: &String| {
                    reason == "ungoverned"
                        || reason.starts_with("essential ")
                        || reason.starts_with("quarantine ")
                };
                assert!(answer.reasons.iter().all(is_untouched), "seed {seed}: {answer:?}");
                let in_quarantine = answer.reasons.iter().any(|one| one.starts_with("quarantine"));
                assert!(answer.outcome == "allow" || in_quarantine, "seed {seed}: {answer:?}");
            }
        });
    });
    assert!(asked_about > 500, "{asked_about} questions are too few to tell");
}

/// "Neither end governed: allow, reason `ungoverned`": rules make no difference there.
#[test]
fn between_two_ends_that_are_not_governed_rules_make_no_difference() {
    let mut asked_about = 0_usize;
    each(|seed, generated, engine| {
        let mut bare = generated.clone();
        let kept = &generated.essentials.policies;
        bare.documents.retain(|document| {
            let name = &document.metadata.name.value;
            let is_policy = matches!(document.object, Object::Policy(_));
            !is_policy || kept.iter().any(|one| one.as_str() == name.as_str())
        });
        asked(&bare, |without_rules| {
            for case in &generated.cases {
                let answer = engine.decide(case);
                if answer.governed == (false, false) {
                    asked_about += 1;
                    assert_eq!(without_rules.decide(case), answer, "seed {seed}: {case:#?}");
                }
            }
        });
    });
    assert!(asked_about > 200, "{asked_about} questions are too few to tell");
}

/// "Promotion of X is judged on `D(M_promote(X))`, never on pending: an allow that is itself only in
/// monitor does not save a flow": without the policies that are in monitor the answers are the same.
#[test]
fn a_rule_in_monitor_never_saves_a_flow_under_promotion() {
    let (mut asked_about, mut saved_when_pending) = (0_usize, 0_usize);
    each(|seed, generated, engine| {
        let mut enforced = generated.clone();
        enforced.documents.retain(|document| match &document.object {
            Object::Policy(policy) => {
                let name = &document.metadata.name.value;
                let is_essential =
                    generated.essentials.policies.iter().any(|one| one.as_str() == name.as_str());
                is_essential || policy.mode() == Mode::Enforce
            }
            _ => true,
        });
        asked(&enforced, |without_monitored| {
            let promotions = generated
                .cases
                .iter()
                .filter(|case| matches!(case.modes, Modes::PromoteSegment(_)));
            for case in promotions {
                asked_about += 1;
                let answer = engine.decide(case);
                assert_eq!(without_monitored.decide(case), answer, "seed {seed}: {case:#?}");
                let mut pending = case.clone();
                pending.modes = Modes::Pending;
                let would_be = engine.decide(&pending).outcome;
                saved_when_pending += usize::from(answer.outcome == "deny" && would_be == "allow");
            }
        });
    });
    assert!(asked_about > 200, "{asked_about} questions are too few to tell");
    assert!(saved_when_pending > 3, "{saved_when_pending} flows would be saved by monitored rules");
}
