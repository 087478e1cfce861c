//! Connectivity of whole classes at once.
//!
//! The way between two addresses depends on their sites alone, and what the guards of the two ends
//! accept on who is at the other end alone. So the way is walked once for each pair of sites, each
//! end's guards are asked once for each combination of rules that others match, and the answers are
//! laid over each other as functions of the sender: one such column for every receiver, shared by
//! receivers that nothing tells apart. What does not fit this is asked pair by pair.

mod accepting;
mod columns;
mod effects;
mod egress;
mod filters;
mod positions;
mod sets;
mod sites;
mod targets;
mod ways;

use std::collections::BTreeMap;

use watertight_model::network::EndpointId;

use self::columns::Columns;
pub(crate) use self::columns::{Column, Connected};
use self::effects::{Effects, Scene};
use self::egress::Egress;
use self::filters::{Accepts, Ingress, View};
use self::positions::{LayerLists, LayersId, Positions};
use self::sets::Sets;
use self::sites::Ground;
use self::targets::{Target, targets};
use self::ways::{Ways, stretches};
use crate::answer::Reach;
use crate::classes::Class;
use crate::matrix::ClassIndex;

/// Everything that columns are made of.
struct Work<'a, 'r, 'n> {
    reach: &'r Reach<'n>,
    classes: &'a [Class],
    class_of: &'a BTreeMap<EndpointId, ClassIndex>,
    lists: LayerLists,
    positions: Positions,
    targets: Vec<Target>,
    sets: Sets,
    ingress: Ingress,
    egress: Egress,
    effects: Effects,
    ways: Ways,
}

impl Reach<'_> {
    /// Who reaches whom over what, by class.
    pub(crate) fn connect(
        &self,
        classes: &[Class],
        class_of: &BTreeMap<EndpointId, ClassIndex>,
    ) -> Connected {
        let mut lists = LayerLists::default();
        let positions = Positions::new(self, classes, &mut lists);
        let targets = targets(self, classes, &mut lists);
        let mut sets = Sets::new();
        let egress = Egress::new(self.network, &mut lists, &positions, &mut sets);
        let ground = Ground::new(self, &targets);
        let (senders, sender_of) = ground.senders(&positions);
        let (receivers, receiver_of) = ground.receivers(&targets);
        let ways =
            Ways::new(senders, receivers, receiver_of, stretches(&positions, &sender_of, &egress));
        let mut work = Work {
            reach: self,
            classes,
            class_of,
            lists,
            positions,
            targets,
            sets,
            ingress: Ingress::default(),
            egress,
            effects: Effects::new(),
            ways,
        };
        let mut columns = Columns::new(classes.len());
        for number in 0..work.targets.len() {
            columns.add(&mut work, number);
        }
        columns.finish(work)
    }
}

impl Work<'_, '_, '_> {
    /// What layers at the receiving end accept of every position.
    fn ingress(&mut self, layers: LayersId, view: View) -> Accepts {
        let Self { reach, lists, positions, sets, ingress, .. } = self;
        ingress.of(reach.network, lists, positions, sets, (layers, view))
    }

    /// The number of what is left of layers at the receiving end without those that accept all.
    fn closed(&mut self, layers: LayersId) -> LayersId {
        let Self { reach, lists, ingress, .. } = self;
        ingress.closed(reach.network, lists, layers)
    }

    /// The number of the function that tells what is between every sender and a target.
    fn between(&mut self, number: usize) -> Option<u32> {
        let target = self.targets.get(number)?;
        let mut scene = Scene {
            reach: self.reach,
            classes: self.classes,
            lists: &mut self.lists,
            sets: &mut self.sets,
        };
        let (positions, effects) = (&self.positions, &mut self.effects);
        self.ways.between(number, target, |stretch| {
            (stretch.start..stretch.end)
                .find_map(|number| effects.between(&mut scene, positions.get(number)?, target))
        })
    }
}
