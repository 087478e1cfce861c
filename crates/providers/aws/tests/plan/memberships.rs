//! The membership steps of a plan alone, replayed: what is possible after each lies between old ∩ new
//! and old ∪ new, where new is the whole plan.

use std::collections::BTreeSet;

use watertight_compile::{Membership, Occasion, Plan, Plane, Whole, membership};
use watertight_reach::named_prefixes;

use crate::drawn;
use crate::lab::{Lab, Made};
use crate::transitions::{Between, Passing, passing};
use crate::{note, seeds};

/// The membership part of a plan, and the plan of that.
fn part(lab: &Lab, made: &Made, widen: bool) -> (Membership, Plan) {
    lab.with(|intent, plane| {
        let rendered = plane.render(&made.compiled.artifacts);
        let (compiled, proof) = (&made.compiled, &made.proof);
        let whole = Whole { compiled, rendered: &rendered, proof };
        let found = membership(intent, plane, &whole, widen, &|_| None);
        let text = String::new;
        let occasion = Occasion { estate: text(), under: text(), made: text(), valid_until: None };
        let plan = found.plan(occasion, plane, &whole);
        (found, plan)
    })
}

/// Replays the steps; how many there were.
fn replay(case: &str, lab: &Lab, made: &Made, plan: &Plan) -> usize {
    let whole = &made.compiled.artifacts;
    let held = lab.with(|_, plane| plane.held());
    let mut boundaries = named_prefixes(&made.after.network);
    boundaries.extend(named_prefixes(&lab.estate.network));
    let (old, new) = (passing(&lab.estate, &boundaries), passing(&made.after, &boundaries));
    let mut between = Between::new(lab, whole, &held);
    for (number, step) in plan.steps.iter().enumerate() {
        let name = format!("{case}, step {number} ({})", step.action.words());
        assert!(step.is_membership() && step.transient.is_none(), "{name}");
        between.take(&step.action, whole);
        let now = passing(&between.estate(whole), &boundaries);
        let pairs: BTreeSet<_> = old.keys().chain(new.keys()).chain(now.keys()).collect();
        for pair in pairs {
            let of = |all: &Passing| all.get(pair).cloned().unwrap_or_default();
            let (old, new, now) = (of(&old), of(&new), of(&now));
            let (at_least, at_most) = (old.intersection(&new), old.union(&new));
            assert!(now.contains(&at_least), "{name}: {pair:?} loses {at_least:?}, has {now:?}");
            assert!(at_most.contains(&now), "{name}: {pair:?} opens {now:?}, may {at_most:?}");
        }
    }
    plan.steps.len()
}

#[test]
fn every_membership_step_alone_stays_between_old_and_new() {
    let (mut steps, mut moved, mut left, mut needs, mut plans) = (0, 0, 0, 0, 0);
    for seed in seeds(2) {
        let case = format!("seed {seed}");
        let Some(lab) = drawn::relabelled(seed) else { continue };
        let Ok(made) = lab.make() else { continue };
        if !made.proof.holds() {
            continue;
        }
        let (found, plan) = part(&lab, &made, true);
        steps += replay(&case, &lab, &made, &plan);
        moved += found.moved.len();
        left += found.left.len();
        needs += found.needs.len();
        plans += 1;
        // Without what no rule asks for, fewer go over, and the same holds.
        let (fewer, plan) = part(&lab, &made, false);
        assert!(fewer.moved.len() <= found.moved.len(), "{case}");
        steps += replay(&case, &lab, &made, &plan);
    }
    note(&format!(
        "reconcile: {plans} estates with workloads that came or moved: {moved} endpoints go over, \
         {left} are left, {needs} groups are not as they are to be; {steps} steps replayed, none \
         opens or interrupts what it must not"
    ));
    assert!(steps > 50 && moved > 20 && left > 5, "{steps} steps, {moved} moved, {left} left");
}
