//! A plan after another one, whose policy differs in a rule: it is the one from the beginning.

use std::collections::BTreeSet;
use std::sync::Arc;

use watertight_compile::{
    Artifacts, Earlier, GroupName, InTurn, Intent, Occasion, Places, Plan, PlanPieces, Plane as _,
    Proved, Refusal, prove, prove_again,
};
use watertight_model::Estate;
use watertight_net::FlowSet;
use watertight_policy::checked::{CheckedPolicy, Clause};
use watertight_policy::decide::{Decider, Essentials, World};
use watertight_policy::is_written;

use crate::lab::{Lab, NOW};
use crate::{drawn, note, seeds};

fn proved(
    lab: &Lab,
    policy: &Lab,
    prove: impl FnOnce(&Intent<'_>) -> Result<Proved, Refusal>,
) -> Result<Proved, String> {
    proved_of(lab, (&policy.policy, &policy.essentials), prove)
}

fn proved_of(
    lab: &Lab,
    (policy, essentials): (&CheckedPolicy, &Essentials),
    prove: impl FnOnce(&Intent<'_>) -> Result<Proved, Refusal>,
) -> Result<Proved, String> {
    let world = World::of_estate(&lab.estate);
    let decider = Decider::new(policy, &world, essentials);
    let intent = Intent::new(&lab.estate, &decider, (&lab.modes, NOW));
    prove(&intent.with_places(places(policy))).map_err(|refusal| refusal.to_string())
}

/// Where rules and segments stand, letter by letter: an edit moves all that is behind it.
fn places(policy: &CheckedPolicy) -> Places {
    let mut places = Places::default();
    for (number, one) in (0_u32..).zip(&policy.policies) {
        for (place, rule) in (0_u32..).zip(&one.rules).filter(|(_, one)| is_written(one.span)) {
            places.rules.insert((number, place), format!("policy.yaml:{}", rule.span.start));
        }
    }
    for (number, segment) in (0_u32..).zip(&policy.segments) {
        let at = segment.span.map(|span| format!("policy.yaml:{}", span.start));
        places.segments.extend(at.map(|at| (number, at)));
    }
    places
}

fn occasion() -> Occasion {
    let text = |text: &str| text.to_owned();
    Occasion {
        estate: text("drawn"),
        under: text("enforced"),
        made: text("now"),
        valid_until: None,
    }
}

#[test]
fn what_takes_over_from_another_proof_and_plan_is_the_one_from_the_beginning() {
    let (mut all, mut taken_over, mut changed) = (0, 0, 0);
    for seed in seeds(1).take(400) {
        let (lab, policies) = drawn::rewritten(seed);
        lab.with(|_, plane| {
            let mut earlier = Earlier::new(&lab.estate, plane);
            let mut pieces = PlanPieces::default();
            let mut last = None;
            for (number, policy) in [&lab].into_iter().chain(&policies).enumerate() {
                let place = format!("seed {seed}, policy {number}");
                let whole =
                    proved(&lab, policy, |intent| prove(intent, plane, &[], (None, &InTurn)));
                let before = earlier.taken_over();
                let again =
                    proved(&lab, policy, |intent| prove_again(intent, &mut earlier, &InTurn));
                let (whole, again) = match (whole, again) {
                    (Ok(whole), Ok(again)) => (whole, again),
                    (whole, again) => {
                        assert_eq!(whole.err(), again.err(), "{place}");
                        continue;
                    }
                };
                assert_eq!(again.compiled.artifacts, whole.compiled.artifacts, "{place}");
                assert_eq!(again.compiled.gaps, whole.compiled.gaps, "{place}");
                assert_eq!(again.compiled.unheld, whole.compiled.unheld, "{place}");
                assert_eq!(again.rendered, whole.rendered, "{place}");
                assert_eq!(again.proof, whole.proof, "{place}");
                assert_eq!(again.notes, whole.notes, "{place}");
                let of = (&whole.compiled, &whole.proof);
                let from_the_beginning = Plan::new(occasion(), plane, of, &InTurn);
                let of = (&again.compiled, &again.proof);
                let after = Plan::after(occasion(), plane, of, (&mut pieces, &InTurn));
                assert_eq!(after.text().unwrap(), from_the_beginning.text().unwrap(), "{place}");
                all += 1;
                let is_taken_over = earlier.taken_over() > before;
                taken_over += usize::from(is_taken_over);
                // What was taken over from another policy shows more than what stayed.
                let is_other = last.as_ref().is_some_and(|last| *last != again.rendered);
                changed += usize::from(is_taken_over && is_other);
                last = Some(again.rendered);
            }
        });
    }
    note(&format!(
        "plan: {all} proofs after one another, {taken_over} took over from the one before, {changed} of these with other \
         groups"
    ));
    assert!(changed > 100, "{changed} of {all} are too few to tell ({taken_over})");
}

/// Targets of one load balancer that keeps its clients' addresses share its group, and fronts are in every second way.
#[test]
fn each_rule_of_the_shop_may_change() {
    let lab = Lab::promoted_shop();
    let rules: Vec<(usize, usize)> = (0..lab.policy.policies.len())
        .flat_map(|policy| {
            (0..lab.policy.policies[policy].rules.len()).map(move |rule| (policy, rule))
        })
        .filter(|(policy, rule)| is_written(lab.policy.policies[*policy].rules[*rule].span))
        .collect();
    let flows = ["tcp/4242", "tcp/443", "udp/53"].map(|text| text.parse::<FlowSet>().unwrap());
    let taken_over = lab.with(|_, plane| {
        let mut earlier = Earlier::new(&lab.estate, plane);
        for (number, (policy, rule)) in rules.iter().enumerate() {
            let mut changed = lab.policy.clone();
            let place = &mut changed.policies[*policy].rules[*rule];
            let (span, flows) = (place.span, flows[number % flows.len()].clone());
            place.over = [Clause { span, flows, tls: false, http: [].into() }].into();
            for policy in [&changed, &lab.policy] {
                let of = (policy, &lab.essentials);
                let whole = proved_of(&lab, of, |one| prove(one, plane, &[], (None, &InTurn)));
                let again = proved_of(&lab, of, |one| prove_again(one, &mut earlier, &InTurn));
                let (whole, again) = (whole.unwrap(), again.unwrap());
                let rule = &policy.policies[rules[number].0].rules[rules[number].1];
                assert_eq!(again.compiled.artifacts, whole.compiled.artifacts, "{rule:?}");
                assert_eq!(again.proof, whole.proof, "{rule:?}");
                assert_eq!(again.rendered, whole.rendered, "{rule:?}");
            }
        }
        earlier.taken_over()
    });
    note(&format!(
        "plan: {} rules of the shop changed, {taken_over} proofs took over",
        rules.len()
    ));
    assert!(taken_over > rules.len(), "{taken_over} of {} took over", 2 * rules.len());
}

/// The groups that are others, if nothing else is.
fn changed(one: &Artifacts, other: &Artifacts) -> Option<Vec<GroupName>> {
    let names = |artifacts: &Artifacts| -> BTreeSet<String> {
        artifacts.groups.iter().map(|group| group.name.0.clone()).collect()
    };
    let is_alike = names(one) == names(other)
        && one.attachments == other.attachments
        && one.edges == other.edges;
    let pairs = one.groups.iter().zip(&other.groups).filter(|(one, other)| one != other);
    is_alike.then(|| pairs.map(|(one, _)| one.name.clone()).collect())
}

/// An estate without where its guards were read from: bodies of other groups stand elsewhere in their text.
fn nowhere(mut estate: Estate) -> Estate {
    for (_, guard) in estate.network.guards.iter_mut() {
        guard.origin = None;
        for stage in guard.ingress.iter_mut().chain(&mut guard.egress) {
            stage.rules.iter_mut().for_each(|rule| rule.origin = None);
        }
    }
    estate
}

#[test]
fn bodies_and_guards_of_changed_groups_are_those_of_all_groups() {
    let (mut compared, mut groups) = (0, 0);
    for seed in seeds(1).take(200) {
        let (lab, policies) = drawn::rewritten(seed);
        lab.with(|_, plane| {
            let compiled = |policy: &Lab| {
                proved(&lab, policy, |intent| prove(intent, plane, &[], (None, &InTurn))).ok()
            };
            let Some(first) = compiled(&lab) else { return };
            let one = first.compiled.artifacts;
            for policy in &policies {
                let Some(second) = compiled(policy) else { continue };
                let other = second.compiled.artifacts;
                let Some(changed) = changed(&one, &other).filter(|all| !all.is_empty()) else {
                    continue;
                };
                let before = [plane.render(&one), plane.render(&one)];
                let bodies = plane.render_again(
                    [&other, &other],
                    before.each_ref().map(Vec::as_slice),
                    (&changed, &InTurn),
                );
                let [after, _] = &bodies;
                assert_eq!(*after, plane.render(&other), "seed {seed}");
                let fresh = before.iter().zip(&bodies).map(|(before, now)| {
                    let pairs = before.iter().zip(now);
                    let is_other =
                        pairs.filter(|(one, other)| !Arc::ptr_eq(&one.text, &other.text));
                    is_other.map(|(_, body)| body).collect::<Vec<_>>()
                });
                let fresh: Vec<_> = fresh.collect();
                let [mut here, mut there] = [plane.convert(&before[0]), plane.convert(&before[1])];
                let renewed = plane.renew(
                    [&mut here, &mut there],
                    fresh.try_into().unwrap(),
                    (&changed, &InTurn),
                );
                let [guards, _] = renewed.unwrap();
                assert_eq!(guards.len(), changed.len(), "seed {seed}");
                let wanted = nowhere(plane.convert(&plane.render(&other)));
                assert_eq!(nowhere(here), wanted, "seed {seed}");
                assert_eq!(nowhere(there), wanted, "seed {seed}");
                compared += 1;
                groups += changed.len();
            }
        });
    }
    note(&format!("plan: {groups} groups with other rules, taken over {compared} times"));
    assert!(compared > 50, "{compared} are too few to tell");
}
