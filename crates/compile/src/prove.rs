//! What is compiled, with its proof, and with denials at the edges of subnets where groups hold too little.

use std::collections::BTreeSet;

use watertight_model::network::EndpointId;

use crate::artifact::Artifacts;
use crate::compiler::{Compiled, Refusal, compile};
use crate::edge::{Edge, propose};
use crate::gap::{Forbidden, Gap, GapKind, Reason};
use crate::intent::Intent;
use crate::moving;
use crate::plane::{Plane, RenderedBody};
use crate::validate::{AtOnce, Found, Proof, proof, rendered};

/// What was compiled and proved.
#[derive(Clone, Debug)]
pub struct Proved {
    /// What the plane must hold.
    pub compiled: Compiled,
    /// The bodies in which the provider would describe it.
    pub rendered: Vec<RenderedBody>,
    /// What it means.
    pub proof: Proof,
    /// What could not be written, and why.
    pub notes: Vec<String>,
}

/// Compiles what is intended, and proves it. Where a guardrail denies what no group of ours holds, as at
/// workloads on which none can be put, denials come to the edges of subnets: if the proof shows that they
/// refuse nothing that is intended.
///
/// Between endpoints that are to be `cut` off and other subnets, denials come to all edges: what sees no
/// connections ends those that are there.
///
/// `found` takes what differs, pair by pair; `at_once` is how two halves of the work are done.
///
/// # Errors
/// See [`compile`].
pub fn prove(
    intent: &Intent<'_>,
    plane: &dyn Plane,
    cut: &[EndpointId],
    how: (Option<&mut Vec<Found>>, &dyn AtOnce),
) -> Result<Proved, Refusal> {
    let (mut found, at_once) = how;
    let mut compiled = compile(intent, plane, at_once)?;
    with_no_edges(&mut compiled, plane);
    let of_groups = proved(intent, plane, compiled, (found.as_deref_mut(), at_once));
    let mut proved = with_edges(intent, plane, (of_groups, cut), (found, at_once));
    proved.notes.extend(plane.notes(intent.estate(), &proved.compiled.artifacts));
    Ok(proved)
}

/// Lists of ours that nobody needs any more give way to what they stand in for.
pub(crate) fn with_no_edges(compiled: &mut Compiled, plane: &dyn Plane) {
    if !held(plane).is_empty() {
        compiled.artifacts.edges = Some(Vec::new());
    }
}

/// What is proved of groups, with denials at edges where these are to be.
pub(crate) fn with_edges(
    intent: &Intent<'_>,
    plane: &dyn Plane,
    (of_groups, cut): (Proved, &[EndpointId]),
    (found, at_once): (Option<&mut Vec<Found>>, &dyn AtOnce),
) -> Proved {
    let held = held(plane);
    if of_groups.proof.barred.is_empty() && cut.is_empty() {
        return of_groups;
    }
    let proposed = propose(intent, plane, (&of_groups.proof.barred, cut));
    let notes = proposed.notes;
    let mut notes = notes;
    // Where what is proposed cannot be, what is there stays, so that nothing opens for want of more.
    for (edges, what) in
        [(proposed.edges, "no network ACL"), (held, "no network ACL that is there")]
    {
        if edges.is_empty() {
            continue;
        }
        if let Some(name) = moving::denied(intent, &of_groups.compiled.identities, &edges) {
            notes.push(format!(
                "{what} is written against what guardrails deny: it would name an address of {name}, which \
                 gets another one with its groups"
            ));
            continue;
        }
        let artifacts = Artifacts { edges: Some(edges), ..of_groups.compiled.artifacts.clone() };
        let compiled = Compiled { artifacts, ..of_groups.compiled.clone() };
        let mut differing = found.is_some().then(Vec::new);
        let of_all = proved(intent, plane, compiled, (differing.as_mut(), at_once));
        if let Some(why) = worse(&of_all.proof, &of_groups.proof) {
            notes.push(format!("{what} is written against what guardrails deny: {why}"));
            continue;
        }
        if let (Some(found), Some(differing)) = (found, differing) {
            *found = differing;
        }
        return Proved { notes, ..of_all };
    }
    Proved { notes, ..of_groups }
}

/// The lists of ours at edges.
fn held(plane: &dyn Plane) -> Vec<Edge> {
    let lists = plane.edges().into_iter().filter_map(|list| list.ours);
    let mut held: Vec<Edge> = lists.map(|ours| ours.edge).collect();
    held.sort();
    held.dedup();
    held
}

/// Refuses what becomes possible although something forbids it, unless it is among the ids of gaps that are
/// `excused`.
///
/// # Errors
/// When there is such a gap.
pub fn admit(proof: &Proof, excused: &BTreeSet<String>) -> Result<(), Refusal> {
    let open = || proof.inadmissible.iter().filter(|gap| !excused.contains(&gap.id()));
    let Some(first) = open().next() else { return Ok(()) };
    let gap = first.id();
    let ids: BTreeSet<String> = open().map(Gap::id).filter(|id| *id != gap).collect();
    let others = match ids.len() {
        0 => String::new(),
        more => {
            let ids: Vec<String> = ids.into_iter().collect();
            format!(", and {more} more such gaps: {}", ids.join(", "))
        }
    };
    Err(Refusal::Forbidden {
        from: first.from.join(", "),
        to: first.to.join(", "),
        over: first.over.clone(),
        forbidden: first.forbidden.map_or("the policy", Forbidden::word),
        gaps: format!("{gap} excuses it{others}"),
    })
}

/// What is to be there: the artifacts of [`prove`], without its proof where nothing of them depends on it.
///
/// # Errors
/// See [`compile`].
pub fn wanted(
    intent: &Intent<'_>,
    plane: &dyn Plane,
    at_once: &dyn AtOnce,
) -> Result<Artifacts, Refusal> {
    if !intent.has_guardrails() && held(plane).is_empty() {
        return Ok(compile(intent, plane, at_once)?.artifacts);
    }
    Ok(prove(intent, plane, &[], (None, at_once))?.compiled.artifacts)
}

fn proved(
    intent: &Intent<'_>,
    plane: &dyn Plane,
    compiled: Compiled,
    with: (Option<&mut Vec<Found>>, &dyn AtOnce),
) -> Proved {
    let (_, at_once) = with;
    let ([rendered, _], mut estates) = rendered(intent, &compiled, plane, at_once);
    let (proof, _) = proof((intent, &compiled), &mut estates, None, with);
    Proved { compiled, rendered, proof, notes: Vec::new() }
}

/// What denials at edges would break, where they would.
fn worse(all: &Proof, groups: &Proof) -> Option<String> {
    let of =
        |gap: &Gap| format!("{} to {} over {}", gap.from.join(", "), gap.to.join(", "), gap.over);
    if let Some(pair) = all.frame.iter().find(|pair| !groups.frame.contains(pair)) {
        return Some(format!("{pair} would change, and no segment holds either"));
    }
    let is_new = |gap: &&Gap| !groups.unexplained.contains(gap) && !groups.gaps.contains(gap);
    let is_told = |gap: &&Gap| gap.kind == GapKind::Under && gap.reason != Reason::StatelessReply;
    let mut cut =
        all.unexplained.iter().filter(is_new).chain(all.gaps.iter().filter(is_new).filter(is_told));
    cut.next().map(|gap| format!("they would cut {}", of(gap)))
}
