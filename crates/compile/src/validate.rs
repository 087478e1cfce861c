//! What artifacts mean, read back from their bytes, against what is intended.

mod about;
mod alike;
mod between;
mod blocks;
mod explain;
mod gather;
mod judge;
mod scene;
mod told;
mod unfilterable;
mod within;

use std::collections::BTreeSet;

use watertight_model::Estate;
use watertight_model::network::Guard;
use watertight_net::{Family, FlowSet};

use crate::artifact::Artifacts;
use crate::compiler::{Compiled, opened};
use crate::edge::Barred;
use crate::gap::{Gap, GapKind, Reason};
use crate::intent::Intent;
use crate::plane::{Plane, RenderedBody};
use about::About;
pub(crate) use about::{Former, Touched};
use alike::LookedFor;
use gather::{Finished, Gathered};
use judge::Judgements;
use scene::{Cells, Ruled, Scene, Sheets};
use told::{Apart, ESTATES, Party, PartyWho, missing};
pub use within::Kept;
pub(crate) use within::{Breach, Within};

/// How two things are worked out that do not need each other: who runs this crate knows whether there are
/// threads.
pub trait AtOnce {
    /// Does both, in whatever order or beside each other, and returns when both are done.
    fn both(&self, here: &mut dyn FnMut(), beside: &mut (dyn FnMut() + Send));
}

/// One after the other.
#[derive(Clone, Copy, Debug)]
pub struct InTurn;

impl AtOnce for InTurn {
    fn both(&self, here: &mut dyn FnMut(), beside: &mut (dyn FnMut() + Send)) {
        here();
        beside();
    }
}

/// What was proved, and what was not.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Proof {
    /// Where the network permits more or less than intended, with the reason, ordered.
    pub gaps: Vec<Gap>,
    /// Differences for which the compiler gave no reason: it or the proof is wrong, and nothing
    /// must be applied.
    pub unexplained: Vec<Gap>,
    /// What becomes possible that no allow rule asked for.
    pub surprises: Vec<Gap>,
    /// What becomes possible although a guardrail or the default of a crown jewel forbids it.
    pub inadmissible: Vec<Gap>,
    /// What passes where a guardrail denies it, and could be refused on the way.
    pub(crate) barred: Vec<Barred>,
    /// Pairs without a governed end that would change.
    pub frame: Vec<String>,
    /// What is possible in the middle of the plan alone, as text.
    pub between: Vec<String>,
    /// How many pairs of classes were compared.
    pub compared: u64,
}

/// The exact difference of one pair, for those who compare pair by pair.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Found {
    /// Who opens the legs: endpoints by the provider's id, or prefixes.
    pub from: Vec<String>,
    /// Who accepts them.
    pub to: Vec<String>,
    /// At addresses of this family, where families are looked at apart.
    pub family: Option<Family>,
    /// Permitted, or perhaps so, and not intended.
    pub over: FlowSet,
    /// Intended and not permitted.
    pub under: FlowSet,
}

impl Proof {
    /// Whether a plan may be made of it.
    pub fn holds(&self) -> bool {
        self.unexplained.is_empty() && self.frame.is_empty()
    }

    /// Gaps of a kind.
    pub fn of(&self, kind: GapKind) -> impl Iterator<Item = &Gap> {
        self.gaps.iter().filter(move |gap| gap.kind == kind)
    }
}

/// Reads rendered bodies back and compares what they permit with what is intended. `found` takes what
/// differs, pair by pair, ordered, for those who want that; `at_once` is how two halves of the work are done.
pub fn validate(
    intent: &Intent<'_>,
    compiled: &Compiled,
    plane: &dyn Plane,
    rendered: &[RenderedBody],
    with: (Option<&mut Vec<Found>>, &dyn AtOnce),
) -> Proof {
    let middle = plane.render(&middle(&compiled.artifacts, plane));
    validate_bodies(intent, compiled, plane, [rendered, &middle], with)
}

/// What is there in the middle of the plan.
pub(crate) fn middle(artifacts: &Artifacts, plane: &dyn Plane) -> Artifacts {
    between::both(artifacts, &plane.held(), &plane.edges())
}

/// What is compiled as bodies, and the estates of which a proof is about: before, after, after with our guards open, and in
/// the middle of the plan.
pub(crate) fn rendered(
    intent: &Intent<'_>,
    compiled: &Compiled,
    plane: &dyn Plane,
    at_once: &dyn AtOnce,
) -> ([Vec<RenderedBody>; 2], [Estate; ESTATES]) {
    let middle = middle(&compiled.artifacts, plane);
    let bodies = plane.render_both([&compiled.artifacts, &middle], at_once);
    let estates = estates(intent, compiled, plane, (bodies.each_ref().map(Vec::as_slice), at_once));
    (bodies, estates)
}

fn validate_bodies(
    intent: &Intent<'_>,
    compiled: &Compiled,
    plane: &dyn Plane,
    rendered: [&[RenderedBody]; 2],
    (found, at_once): (Option<&mut Vec<Found>>, &dyn AtOnce),
) -> Proof {
    let mut estates = estates(intent, compiled, plane, (rendered, at_once));
    proof((intent, compiled), &mut estates, None, (found, at_once)).0
}

/// The estates after a plan and in its middle, read back, with the two that follow from what is there and these.
fn estates(
    intent: &Intent<'_>,
    compiled: &Compiled,
    plane: &dyn Plane,
    (rendered, at_once): ([&[RenderedBody]; 2], &dyn AtOnce),
) -> [Estate; ESTATES] {
    let [after, middle] = plane.convert_both(rendered, at_once);
    let open = || {
        // What is at edges stands in for what others wrote, which stays when ours is open.
        let edges = compiled.artifacts.edges.as_ref().filter(|edges| !edges.is_empty());
        let without = edges.map(|_| {
            let edges = Some(Vec::new());
            plane.convert(&plane.render(&Artifacts { edges, ..compiled.artifacts.clone() }))
        });
        // What somebody carries of an earlier plan, and can be given no more, filters as it does.
        let planned: BTreeSet<&str> =
            compiled.artifacts.groups.iter().map(|group| group.name.0.as_str()).collect();
        let is_planned = |guard: &Guard| scene::is_ours(guard) && planned.contains(&*guard.title);
        let open = opened(&without.as_ref().unwrap_or(&after).network, is_planned);
        Estate { network: open, ..Estate::default() }
    };
    let there = intent.estate();
    let (open, before) = both(at_once, open, || there.clone());
    [before, after, open, middle]
}

/// What is proved of estates; with `former`, of what was touched since, and else as it was proved then. The estates are
/// left as they were.
pub(crate) fn proof(
    (intent, compiled): (&Intent<'_>, &Compiled),
    estates: &mut [Estate; ESTATES],
    former: Option<(Former, &Touched)>,
    (found, at_once): (Option<&mut Vec<Found>>, &dyn AtOnce),
) -> (Proof, Former) {
    let counts = estates.each_ref().map(|estate| estate.network.endpoints.len());
    let apart = Apart::new((intent, compiled), estates.each_mut(), at_once);
    let about = former.and_then(|(former, touched)| About::new(former, touched, &apart.told));
    let (about, former) = about.map_or((None, None), |(about, found)| (Some(about), Some(found)));
    let sheets = Sheets::new(apart, about.as_ref(), at_once);
    let [there, ..] = sheets.estates();
    let mut parts = of_families((intent, compiled), &sheets, found.is_some(), at_once).into_iter();
    let mut whole = parts.next().unwrap_or_else(|| Part::new(there, None));
    for part in parts {
        whole.add(part);
    }
    let Part { mut proof, mut gathered, found: differing } = whole;
    if let Some((about, former)) = about.as_ref().zip(former) {
        gathered.add(former, |party| about.now(party));
    }
    for lines in [&mut proof.frame, &mut proof.between] {
        lines.sort();
        lines.dedup();
    }
    // Where some are looked at anew, pairs are met in another order.
    proof.barred.sort();
    let parties = sheets.parties();
    let (Finished { gaps, unexplained, surprises, inadmissible }, pairs) =
        gathered.finish(parties, at_once);
    (proof.gaps, proof.unexplained) = (gaps, unexplained);
    (proof.surprises, proof.inadmissible) = (surprises, inadmissible);
    proof.gaps.extend(compiled.gaps.iter().cloned());
    proof.gaps.sort();
    if let Some(found) = found {
        found.extend(differing);
        found.sort_by(|one, other| {
            (&one.from, &one.to, one.family).cmp(&(&other.from, &other.to, other.family))
        });
    }
    let former = Former::new(sheets.into_parties(), pairs, about.is_some());
    for (estate, count) in estates.iter_mut().zip(counts) {
        estate.network.endpoints.truncate(count);
    }
    (proof, former)
}

/// Does both, as whoever runs this does two things. Whoever was to do both and did not has nothing skipped.
pub fn both<A, B: Send>(
    at_once: &dyn AtOnce,
    here: impl Fn() -> A,
    beside: impl Fn() -> B + Sync,
) -> (A, B) {
    let (mut one, mut other) = (None, None);
    at_once.both(&mut || one = Some(here()), &mut || other = Some(beside()));
    (one.unwrap_or_else(here), other.unwrap_or_else(beside))
}

/// The places among what is compared: before, after, after with our guards open, and the middle of the plan.
const AFTER: [usize; 3] = [0, 1, 2];
const BETWEEN: [usize; 3] = [0, 1, 3];

/// What is proved of one family.
struct Part<'e> {
    /// All but the gaps.
    proof: Proof,
    gathered: Gathered<'e>,
    found: Vec<Found>,
}

impl<'e> Part<'e> {
    fn new(estate: &'e Estate, family: Option<Family>) -> Self {
        let (proof, found) = (Proof::default(), Vec::new());
        Self { proof, gathered: Gathered::new(estate, family), found }
    }

    fn add(&mut self, other: Self) {
        self.proof.frame.extend(other.proof.frame);
        self.proof.between.extend(other.proof.between);
        self.proof.barred.extend(other.proof.barred);
        self.proof.compared = other.proof.compared;
        self.gathered.add_all(other.gathered);
        self.found.extend(other.found);
    }
}

/// What is proved of each family, in their order. What takes part in it for itself asks the policy for itself, so
/// that the results are the same beside each other as one after the other: what is possible in the middle of the
/// plan over the first family, and all about the second, is apart from all else about the first.
fn of_families<'s>(
    (intent, compiled): (&Intent<'_>, &Compiled),
    sheets: &'s Sheets<'s>,
    is_found: bool,
    at_once: &dyn AtOnce,
) -> Vec<Part<'s>> {
    let [before, others @ ..] = sheets.estates();
    let after = |intent: &Intent<'_>, family: usize| {
        let scene = Scene::new((intent, compiled), sheets, AFTER, family)?;
        Some(of_scene(&scene, before, is_found))
    };
    let services = |intent: &Intent<'_>| {
        let scene = Scene::new((intent, compiled), sheets, AFTER, 0)?;
        let mut part = Part::new(before, scene.family);
        unfilterable::add(&scene, &mut part.gathered);
        Some(part)
    };
    let between = |intent: &Intent<'_>, family: usize| {
        let scene = Scene::new((intent, compiled), sheets, BETWEEN, family);
        scene.map(|scene| between::opened_between(&scene)).unwrap_or_default()
    };
    let premises = intent.premises();
    let beside = || {
        let intent = premises.intent();
        let first = between(&intent, 0);
        let second = after(&intent, 1).map(|mut part| {
            part.proof.between = between(&intent, 1);
            part
        });
        (first, services(&intent), second)
    };
    let (mut first, (between, services, second)) = both(at_once, || after(intent, 0), beside);
    if let Some(part) = &mut first {
        part.proof.between = between;
        // Who is not in all of them is in no comparison; where some are looked at anew, that did not change.
        if sheets.about().is_none() {
            part.proof.frame.extend(others.into_iter().flat_map(|other| missing(before, other)));
        }
        if let Some(services) = services {
            part.gathered.add_all(services.gathered);
        }
    }
    [first, second].into_iter().flatten().collect()
}

fn of_scene<'e>(scene: &Scene<'_, '_>, before: &'e Estate, is_found: bool) -> Part<'e> {
    let mut part = Part::new(before, scene.family);
    let Part { proof, gathered, found } = &mut part;
    let differing = is_found.then_some(found);
    proof.compared = compare(scene, (&mut proof.frame, &mut proof.barred), gathered, differing);
    part
}

/// Compares every pair of a scene with what is intended. Gives how many there are.
fn compare(
    scene: &Scene<'_, '_>,
    (frame, barred): (&mut Vec<String>, &mut Vec<Barred>),
    gathered: &mut Gathered<'_>,
    mut found: Option<&mut Vec<Found>>,
) -> u64 {
    let before = scene.estates[0];
    let mut judgements = Judgements::new(scene);
    scene.look_at_pairs(LookedFor::Differences, |(from, to), numbers| {
        if !from.is_governed && !to.is_governed {
            let cells = scene.cells(from, to);
            let answers = |at: usize| cells.answered.as_ref().map(|all| &all[at]);
            let is_kept = cells.after == cells.before && answers(0) == answers(1);
            if !is_kept && !told_of_vacant(scene, (from, to), &cells, gathered) {
                frame.push(format!("{} to {}", from.text(before), to.text(before)));
            }
            return is_kept;
        }
        let judged = judgements.of((from, to), numbers, gathered);
        gathered.found(&judged.findings, (from, to));
        // Nobody's address is no reason for a denial at an edge.
        if !judged.denied.is_empty() && !is_vacant((from, to)) {
            let (from, to) = (from.barred(), to.barred());
            barred.push(Barred { from, to, flows: judged.denied.clone() });
        }
        if let Some(found) = &mut found
            && !(judged.over.is_empty() && judged.under.is_empty())
        {
            let (from, to) = (from.names(before), to.names(before));
            let (over, under) = (judged.over.clone(), judged.under.clone());
            found.push(Found { from, to, family: scene.family, over, under });
        }
        judged.is_in_order
    })
}

/// Tells what a free address loses with an end that no segment holds, where that is the doing of a group that a
/// plan takes off or of guards of ours at whoever hands it on. Whether that is all that changes.
fn told_of_vacant(
    scene: &Scene<'_, '_>,
    pair: (&Party, &Party),
    cells: &Cells,
    gathered: &mut Gathered<'_>,
) -> bool {
    let answers = |at: usize| cells.answered.as_ref().map(|all| &all[at]);
    let more = cells.after.possible.difference(&cells.before.possible);
    if !is_vacant(pair) || !more.is_empty() {
        return false;
    }
    let no_more = cells.before.possible.difference(&cells.after.possible);
    let lost = no_more.union(&cells.before.sure.difference(&cells.after.sure));
    if lost.is_empty() && answers(0) != answers(1) {
        return false;
    }
    // With our guards open and no edge of ours it is gone too: a group that others name was taken off.
    let by_name = lost.difference(&cells.open.possible);
    let on_the_way = lost.difference(&by_name).intersection(&scene.held_on_the_way(pair));
    if !lost.difference(&by_name).difference(&on_the_way).is_empty() {
        return false;
    }
    for (flows, reason) in [(by_name, Reason::Membership), (on_the_way, Reason::IdentityShared)] {
        if !flows.is_empty() {
            let finding = gathered.gap((GapKind::Under, Some(reason)), flows, Ruled::default());
            gathered.found(&[finding], pair);
        }
    }
    true
}

/// Whether nobody is at an end, as far as is known.
fn is_vacant((from, to): (&Party, &Party)) -> bool {
    [from, to].iter().any(|party| matches!(party.who, PartyWho::Vacant(..)))
}
