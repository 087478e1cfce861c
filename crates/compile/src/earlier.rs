//! What was found for one plan, for the next one of the same estate.
//!
//! Whoever writes a policy changes a rule and asks again. What does not follow from that rule is what it was: groups of
//! others, the bodies in which these are, and what was proved of pairs that the change does not touch.

use std::collections::BTreeSet;
use std::fmt;
use std::ptr;
use std::sync::Arc;

use watertight_model::Estate;
use watertight_model::network::GuardId;

use crate::artifact::{Artifacts, GroupName};
use crate::compiler::{Basis, Compiled, Refusal, again, compile_kept};
use crate::intent::{FormerIntent, Intent, Since};
use crate::plane::{Plane, RenderedBody};
use crate::prove::{Proved, prove, with_edges, with_no_edges};
use crate::shared::Shared;
use crate::validate::{AtOnce, Former, Proof, Touched, middle, proof, rendered};

/// What was found for the plan before, of one estate on one plane.
pub struct Earlier<'e> {
    estate: &'e Estate,
    plane: &'e dyn Plane,
    kept: Option<Kept>,
    taken_over: usize,
}

/// What was made, and what it means.
struct Kept {
    intent: FormerIntent,
    basis: Basis,
    compiled: Compiled,
    /// After the plan, and in its middle.
    bodies: [Vec<RenderedBody>; 2],
    /// Before, after, after with our guards open, and in the middle.
    estates: [Estate; 4],
    former: Former,
}

impl<'e> Earlier<'e> {
    /// Nothing yet.
    pub fn new(estate: &'e Estate, plane: &'e dyn Plane) -> Self {
        Self { estate, plane, kept: None, taken_over: 0 }
    }

    /// How many proofs took over what another one said of pairs that were not touched.
    pub const fn taken_over(&self) -> usize {
        self.taken_over
    }

    /// What is proved of what may be kept for the next one, which is where it tells all that this needs.
    fn proved(&mut self, intent: &Intent<'_>, kept: Kept, proof: Proof) -> Proved {
        let (compiled, [after, _]) = (kept.compiled.clone(), &kept.bodies);
        let rendered = after.clone();
        self.kept = may_be_kept(intent, &proof).then_some(kept);
        Proved { compiled, rendered, proof, notes: Vec::new() }
    }
}

impl fmt::Debug for Earlier<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = formatter.debug_struct("Earlier");
        debug.field("is_kept", &self.kept.is_some()).field("taken_over", &self.taken_over);
        debug.finish_non_exhaustive()
    }
}

/// [`prove`](crate::prove()) for a policy that is like the one before: what was found `earlier` is taken over where the
/// change does not reach it. What comes of it is the same.
///
/// # Errors
/// See [`compile`](crate::compile()).
pub fn prove_again(
    intent: &Intent<'_>,
    earlier: &mut Earlier<'_>,
    at_once: &dyn AtOnce,
) -> Result<Proved, Refusal> {
    let plane = earlier.plane;
    if !ptr::eq(intent.estate(), earlier.estate) {
        return prove(intent, plane, &[], (None, at_once));
    }
    let of_groups = match renewed(intent, earlier, at_once)? {
        Some(renewed) => renewed,
        None => from_the_beginning(intent, earlier, at_once)?,
    };
    let mut proved = with_edges(intent, plane, (of_groups, &[]), (None, at_once));
    proved.notes.extend(plane.notes(intent.estate(), &proved.compiled.artifacts));
    Ok(proved)
}

/// All of it, which is kept where the next one can do with it.
fn from_the_beginning(
    intent: &Intent<'_>,
    earlier: &mut Earlier<'_>,
    at_once: &dyn AtOnce,
) -> Result<Proved, Refusal> {
    let plane = earlier.plane;
    earlier.kept = None;
    let (mut compiled, basis) = compile_kept(intent, plane, at_once)?;
    with_no_edges(&mut compiled, plane);
    let (bodies, mut estates) = rendered(intent, &compiled, plane, at_once);
    let (proof, former) = proof((intent, &compiled), &mut estates, None, (None, at_once));
    let kept = Kept { intent: intent.former(), basis, compiled, bodies, estates, former };
    Ok(earlier.proved(intent, kept, proof))
}

/// Whether what was found of one plan tells all that the next one needs: what is said of ends in words alone is said of
/// them anew.
fn may_be_kept(intent: &Intent<'_>, proof: &Proof) -> bool {
    let is_silent = proof.frame.is_empty() && proof.between.is_empty() && proof.barred.is_empty();
    is_silent && intent.leaving().is_empty()
}

/// What is kept with what a change of rules makes of it; nothing, where more has changed than it can tell.
fn renewed(
    intent: &Intent<'_>,
    earlier: &mut Earlier<'_>,
    at_once: &dyn AtOnce,
) -> Result<Option<Proved>, Refusal> {
    let plane = earlier.plane;
    let Some(kept) = &earlier.kept else { return Ok(None) };
    let Some(Since { kinds, moved }) = intent.since(&kept.intent) else { return Ok(None) };
    let is_kind = |kind: usize| kinds.get(kind).copied().unwrap_or(true);
    let found = again(intent, plane, (&kept.basis, &kept.compiled), is_kind, at_once)?;
    let Some(mut kept) = earlier.kept.take() else { return Ok(None) };
    let Some(again) = found else { return Ok(None) };
    let bodies = bodies(&again.compiled, &kept.bodies, plane, (&again.changed, at_once));
    let [_, after, _, in_the_middle] = &mut kept.estates;
    let changed = changed_bodies(&kept.bodies, &bodies);
    let guards = plane.renew([after, in_the_middle], changed, (&again.changed, at_once));
    let Some([of_after, of_middle]) = guards else { return Ok(None) };
    let is_identity = |number: usize| again.is_anew.get(number).copied().unwrap_or(true);
    let networks: [(_, &BTreeSet<GuardId>); 2] =
        [(&after.network, &of_after), (&in_the_middle.network, &of_middle)];
    let touched = Touched::new((intent, &again.compiled), (is_kind, is_identity), &networks);
    let Some(touched) = touched else { return Ok(None) };
    let (compiled, made) = again.into_parts();
    kept.former.move_rules(&moved);
    let former = Some((kept.former, &touched));
    let (proof, former) = proof((intent, &compiled), &mut kept.estates, former, (None, at_once));
    earlier.taken_over = earlier.taken_over.saturating_add(usize::from(former.is_taken_over));
    kept.basis.take_over(made);
    let (basis, estates) = (kept.basis, kept.estates);
    let kept = Kept { intent: intent.former(), basis, compiled, bodies, estates, former };
    Ok(Some(earlier.proved(intent, kept, proof)))
}

/// The bodies after a plan and in its middle, where only some groups are others than in those of before.
fn bodies(
    compiled: &Compiled,
    before: &[Vec<RenderedBody>; 2],
    plane: &dyn Plane,
    (changed, at_once): (&[GroupName], &dyn AtOnce),
) -> [Vec<RenderedBody>; 2] {
    if changed.is_empty() {
        return before.clone();
    }
    let groups = compiled.artifacts.groups.clone();
    let after = Artifacts { groups, attachments: Shared::default(), edges: None };
    let in_the_middle = middle(&after, plane);
    let before = before.each_ref().map(Vec::as_slice);
    plane.render_again([&after, &in_the_middle], before, (changed, at_once))
}

/// The bodies that are others than before.
fn changed_bodies<'b>(
    before: &[Vec<RenderedBody>; 2],
    now: &'b [Vec<RenderedBody>; 2],
) -> [Vec<&'b RenderedBody>; 2] {
    let [old_after, old_middle] = before;
    let [after, in_the_middle] = now;
    [(old_after, after), (old_middle, in_the_middle)].map(|(before, now)| {
        let pairs = before.iter().zip(now);
        let is_other =
            |(one, other): &(&RenderedBody, &RenderedBody)| !Arc::ptr_eq(&one.text, &other.text);
        pairs.filter(is_other).map(|(_, body)| body).collect()
    })
}
