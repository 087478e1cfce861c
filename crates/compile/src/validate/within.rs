//! Whether a part of a plan, taken alone, stays between what is there and what the whole plan intends.
//!
//! The whole plan is proved; a part of it is not: a group that goes over while its peers wait may open
//! what neither permits, or cut what both do. So the part is read back like the whole, and compared
//! pair by pair with both, and so is its own middle, in which everybody carries old and new groups.

use std::collections::BTreeSet;

use watertight_model::{Estate, Name};
use watertight_net::FlowSet;
use watertight_policy::decide::Reason as Because;

use super::InTurn;
use super::alike::LookedFor;
use super::between::both;
use super::scene::{Cells, Scene, Sheets};
use super::told::{Apart, Party, missing};
use crate::artifact::{Artifacts, Attachment};
use crate::compiler::Compiled;
use crate::intent::Intent;
use crate::plane::{Plane, RenderedBody};

/// Two ends between which a part of a plan would do what the whole does not.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Breach {
    /// The endpoints of both, by the provider's ids.
    pub(crate) ends: BTreeSet<String>,
    /// What it would do, as text.
    pub(crate) text: String,
}

/// Says what an estate breaks that holds in the one that is there; nothing, where it breaks nothing.
pub type Kept<'k> = &'k dyn Fn(&Estate) -> Option<String>;

/// What parts of a plan are compared with.
pub(crate) struct Within<'w, 'a> {
    intent: &'w Intent<'a>,
    compiled: &'w Compiled,
    plane: &'w dyn Plane,
    whole: Estate,
    widen: bool,
    kept: Kept<'w>,
}

impl<'w, 'a> Within<'w, 'a> {
    /// `rendered` is what the provider would hold after the whole plan; with `widen`, what no rule asks
    /// for may become possible.
    pub(crate) fn new(
        intent: &'w Intent<'a>,
        compiled: &'w Compiled,
        plane: &'w dyn Plane,
        (rendered, kept): (&[RenderedBody], Kept<'w>),
        widen: bool,
    ) -> Self {
        Self { intent, compiled, plane, whole: plane.convert(rendered), widen, kept }
    }

    /// What a part would do besides, taken after another part that is done, and how many pairs were
    /// compared for that. Groups are not in it: their bodies stay as the provider holds them.
    pub(crate) fn breaches(&self, done: &[Attachment], part: &[Attachment]) -> (Vec<Breach>, u64) {
        let now = self.intent.estate();
        let later = (!done.is_empty()).then(|| self.holding(done.to_vec()));
        let after = self.holding([done, part].concat());
        let together = both(&artifacts(part.to_vec()), &[], &[]).attachments;
        let middle = self.holding([done, &together].concat());
        let mut found: Vec<Breach> = Vec::new();
        // What the policy sees in an endpoint is known by its place in the estate that is there.
        if later.as_ref().is_some_and(|later| !are_alike(now, later)) {
            let text = String::from("the endpoints are not the same after other steps");
            found.push(Breach { ends: BTreeSet::new(), text });
            return (found, 0);
        }
        if let Some(text) = (self.kept)(&after) {
            // Whose doing it is shows when each is tried by itself.
            found.push(Breach { ends: BTreeSet::new(), text });
            return (found, 0);
        }
        let mut before = later.unwrap_or_else(|| now.clone());
        let (mut after, mut middle, mut whole) = (after, middle, self.whole.clone());
        let apart = [&mut before, &mut after, &mut middle, &mut whole];
        let apart = Apart::new((self.intent, self.compiled), apart, &InTurn);
        let sheets = Sheets::new(apart, None, &InTurn);
        let [before, others @ ..] = sheets.estates();
        for text in others.into_iter().flat_map(|other| missing(before, other)) {
            found.push(Breach { ends: BTreeSet::new(), text });
        }
        let mut compared = 0_u64;
        for family in 0..sheets.families.len() {
            let of = |places| Scene::new((self.intent, self.compiled), &sheets, places, family);
            let (Some(scene), Some(in_between)) = (of([0, 3, 1]), of([0, 1, 2])) else { continue };
            let pairs = scene.look_at_pairs(LookedFor::Anything, |(from, to), _| {
                let cells = scene.cells(from, to);
                let besides = self.besides(&scene, (from, to), &cells);
                for (word, flows) in &besides {
                    found.push(breach(before, (from, to), word, flows));
                }
                besides.is_empty()
            });
            let more = in_between.look_at_pairs(LookedFor::Opened, |(from, to), _| {
                let cells = in_between.cells(from, to);
                let most = cells.before.possible.union(&cells.after.possible);
                let more = cells.open.possible.difference(&most);
                if !more.is_empty() {
                    found.push(breach(before, (from, to), "in between it would open", &more));
                }
                more.is_empty()
            });
            compared = pairs.saturating_add(more);
        }
        found.sort();
        found.dedup();
        (found, compared)
    }

    /// The estate while these carry what they are to, and all else is as the provider holds it.
    fn holding(&self, attachments: Vec<Attachment>) -> Estate {
        self.plane.convert(&self.plane.render(&artifacts(attachments)))
    }

    /// What is open, cut, or open without a rule, at one pair. The part is where cells have what is open.
    fn besides(
        &self,
        scene: &Scene<'_, '_>,
        (from, to): (&Party, &Party),
        cells: &Cells,
    ) -> Vec<(&'static str, FlowSet)> {
        let Cells { before, after: whole, open: part, .. } = cells;
        let most = before.possible.union(&whole.possible);
        let least = before.sure.intersection(&whole.sure);
        let mut found = vec![
            ("alone it would open", part.possible.difference(&most)),
            ("alone it would interrupt", least.difference(&part.sure)),
        ];
        if !self.widen && (from.is_governed || to.is_governed) {
            let fresh = part.sure.difference(&before.possible);
            if !fresh.is_empty() {
                let allowed = scene.allowed(from, to);
                let by_rule =
                    |one: &Because| matches!(one, Because::Rule(_) | Because::Essential(_));
                let unasked = allowed
                    .parts
                    .iter()
                    .filter(|(_, decision)| !decision.reasons.iter().all(by_rule));
                let unasked = unasked.fold(FlowSet::none(), |all, (flows, _)| all.union(flows));
                let unasked = unasked.intersection(&fresh).intersection(&allowed.allow);
                found.push(("no rule asks for what it would open", unasked));
            }
        }
        found.retain(|(_, flows)| !flows.is_empty());
        found
    }
}

fn artifacts(attachments: Vec<Attachment>) -> Artifacts {
    Artifacts { groups: Vec::new(), attachments: attachments.into(), edges: None }
}

/// Whether two estates have the same endpoints in the same places.
fn are_alike(one: &Estate, other: &Estate) -> bool {
    let names = |estate: &Estate| -> Vec<Name> {
        estate.network.endpoints.values().map(|endpoint| endpoint.name.clone()).collect()
    };
    names(one) == names(other)
}

fn breach(estate: &Estate, (from, to): (&Party, &Party), word: &str, flows: &FlowSet) -> Breach {
    let ends = from.names(estate).into_iter().chain(to.names(estate)).collect();
    let text = format!("{word} {} to {} over {flows}", from.text(estate), to.text(estate));
    Breach { ends, text }
}
