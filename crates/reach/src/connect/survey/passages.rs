//! The ways between two sites, with every layer on them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use watertight_model::network::{Direction, EndpointId, LayerId};
use watertight_net::FlowSet;

use super::super::effects::{Asked, Scene, asked_by, is_hopeless};
use super::super::positions::Position;
use super::super::sets::BoundsId;
use super::super::targets::Target;
use super::Numbered;
use crate::fold::{Asking, fold};
use crate::guards::layer_accepts;
use crate::matrix::{Arrival, ClassIndex, arrival};
use crate::path::{End, Path, Place, Step};
use crate::survey::{Refusing, Side, Who};

/// Nothing gets from one site to the other.
pub(super) const NOTHING: u32 = 0;
/// Every pair has to be asked by itself.
pub(super) const PAIRWISE: u32 = 1;

/// One way between two sites.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Passage {
    /// Guards, in the order in which they are met.
    pub(super) met: Vec<Met>,
    /// What arrives if the guards of endpoints let everything pass.
    pub(super) forward: BoundsId,
    /// How many layers could refuse anything, those of the two ends left out.
    pub(super) layers: usize,
}

/// Guards on the way.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) enum Met {
    /// A layer that refuses something, whoever sends and receives.
    Fixed(Refusing),
    /// Guards of an endpoint, whose answer depends on that.
    Asked(Side, Asked),
}

/// What is between pairs of sites, numbered.
#[derive(Debug)]
pub(super) struct Passages {
    passages: Numbered<Passage>,
    lists: Numbered<Vec<u32>>,
}

impl Passages {
    pub(super) fn new() -> Self {
        let mut lists = Numbered::new();
        lists.number(Vec::new());
        // No way has this passage: its number is never given.
        lists.number(vec![u32::MAX]);
        Self { passages: Numbered::new(), lists }
    }

    /// The passages of an effect other than [`PAIRWISE`].
    pub(super) fn of(&self, effect: u32) -> &[u32] {
        self.lists.get(effect).map_or(&[], Vec::as_slice)
    }

    pub(super) fn get(&self, passage: u32) -> Option<&Passage> {
        self.passages.get(passage)
    }

    /// What is between a sender and a target, and so between all of their sites; `None` when the two
    /// are one endpoint.
    pub(super) fn between(
        &mut self,
        scene: &mut Scene<'_, '_, '_>,
        class_of: &BTreeMap<EndpointId, ClassIndex>,
        sender: &Position,
        target: &Target,
    ) -> Option<u32> {
        let (endpoint, address) = target.other_than(sender.endpoint)?;
        if is_hopeless(sender, endpoint, address) {
            return Some(NOTHING);
        }
        let mut passages: Vec<u32> = Vec::new();
        for path in scene.reach.walker().paths(&sender.start, address) {
            let parts = (scene.classes, class_of);
            if !scene.reach.is_surveyed(parts, (&sender.start, &path), target.class) {
                continue;
            }
            let Some(passage) = passage(scene, sender, (endpoint, address), target, &path) else {
                return Some(PAIRWISE);
            };
            passages.push(self.passages.number(passage));
        }
        passages.sort_unstable();
        passages.dedup();
        Some(self.lists.number(passages))
    }
}

/// A way as a passage; none where the pair has to be asked by itself.
fn passage(
    scene: &mut Scene<'_, '_, '_>,
    sender: &Position,
    (endpoint, address): (Option<EndpointId>, IpAddr),
    target: &Target,
    path: &Path,
) -> Option<Passage> {
    let network = scene.reach.network;
    if let Some(Arrival::Endpoint(id)) = arrival(scene.reach, scene.classes, path, target.class)
        && (Some(id) != endpoint || path.by_front)
    {
        return None;
    }
    let ends = (sender.endpoint, endpoint);
    let all = FlowSet::all();
    let mut met: Vec<Met> = Vec::new();
    let mut layers: BTreeSet<(Place, Direction, LayerId)> = BTreeSet::new();
    let mut steps: Vec<Step> = Vec::with_capacity(path.steps.len());
    for step in &path.steps {
        let Step::Guards(check) = step else {
            steps.push(step.clone());
            continue;
        };
        let side = scene.reach.side(check.place, ends);
        let of_end = matches!(side, Side::Sender | Side::Receiver);
        if !of_end {
            let index = &scene.reach.index;
            let counted = check.layers.iter().filter(|one| !index.is_transparent(**one));
            layers.extend(counted.map(|one| (check.place, check.direction, *one)));
        }
        if matches!(check.place, Place::Endpoint(_)) {
            met.push(Met::Asked(side, asked_by(scene, sender, (endpoint, address), check)?));
            continue;
        }
        steps.push(step.clone());
        for layer in &check.layers {
            let accepts =
                layer_accepts(network, *layer, check.direction, check.seen, &all).possible;
            if !accepts.is_all() {
                met.push(Met::Fixed(Refusing {
                    side,
                    direction: check.direction,
                    who: Who::Layer(*layer),
                    accepts: Arc::new(accepts),
                }));
            }
        }
    }
    debug_assert!(
        !matches!(path.end, End::Unknown { .. }),
        "nothing decides about what is unknown"
    );
    let folded = fold(scene.reach, &path.with_steps(steps), &all, Asking::All);
    let forward = scene.sets.intern(folded.arrived);
    Some(Passage { met, forward, layers: layers.len() })
}
