//! Connectivity of whole classes at once.
//!
//! The way between two addresses depends on their sites alone, and what the guards of the two ends
//! accept on who is at the other end alone. So the way is walked once for each pair of sites, each
//! end's guards are asked once for each combination of rules that others match, and the answers are
//! laid over each other as functions of the sender: one such column for every receiver, shared by
//! receivers that nothing tells apart. What does not fit this is asked pair by pair.

mod about;
mod accepting;
mod columns;
mod effects;
mod egress;
mod filters;
mod partition;
mod positions;
mod renew;
mod sets;
mod sites;
mod survey;
mod targets;
mod ways;

use std::collections::{BTreeMap, BTreeSet};

use watertight_model::Network;
use watertight_model::network::{EndpointId, LayerId};
use watertight_net::Family;

use self::columns::Columns;
pub(crate) use self::columns::{Column, Connected};
use self::effects::{Effects, Scene};
use self::egress::{Egress, Meant, Of, Touching};
use self::filters::{Accepts, Ingress, View};
use self::positions::{LayerLists, LayersId, Positions};
use self::renew::{Senders, Touched};
use self::sets::Sets;
use self::sites::Ground;
pub use self::survey::{Point, Survey, SurveyTotals};
use self::targets::{Named, Target, targets};
use self::ways::{Ways, stretches};
use crate::answer::Reach;
use crate::classes::Class;
use crate::matrix::{Cell, ClassIndex};
use crate::standing::WholeBecause;

/// Everything that columns are made of.
struct Work<'a, 'r, 'n> {
    reach: &'r Reach<'n>,
    classes: &'a [Class],
    class_of: &'a BTreeMap<EndpointId, ClassIndex>,
    made: Made,
}

/// What was found out so far. Nothing of it but `sets` and what guards accept depends on the rules
/// of guards that stand at endpoints alone.
#[derive(Debug)]
struct Made {
    lists: LayerLists,
    positions: Positions,
    targets: Vec<Target>,
    /// Targets by how rules name them, where rules change.
    named: Option<Named>,
    sets: Sets,
    ingress: Ingress,
    egress: Egress,
    effects: Effects,
    ways: Ways,
}

/// What connectivity was made of, kept to find it again after a change.
#[derive(Debug)]
pub(crate) struct Kept {
    made: Made,
    columns: Columns,
}

/// Which layers have other rules than before: layers of endpoints alone.
#[derive(Debug, Default)]
pub(crate) struct Changed {
    /// All that have a guard with other rules.
    pub(crate) layers: BTreeSet<LayerId>,
    /// Those with other rules about what comes in.
    pub(crate) ingress: BTreeSet<LayerId>,
    /// Those with other rules about what goes out.
    pub(crate) egress: BTreeSet<LayerId>,
}

impl Changed {
    /// What has changed besides.
    pub(crate) fn add(&mut self, more: Self) {
        self.layers.extend(more.layers);
        self.ingress.extend(more.ingress);
        self.egress.extend(more.egress);
    }
}

/// What a change makes of connectivity.
#[derive(Debug)]
pub(crate) struct Reconnected {
    /// Classes with the columns that they have now, where it may be another one.
    pub(crate) columns: Vec<(ClassIndex, Column)>,
    /// Cells that come behind those of before.
    pub(crate) cells: Vec<Cell>,
    /// The classes that send otherwise to whom no guard stands before; none where any may.
    pub(crate) senders: Option<BTreeSet<ClassIndex>>,
}

impl Reach<'_> {
    /// Who reaches whom over what, by class.
    pub(crate) fn connect(
        &self,
        classes: &[Class],
        class_of: &BTreeMap<EndpointId, ClassIndex>,
    ) -> (Connected, Kept) {
        let made = self.made(classes);
        let mut work = Work { reach: self, classes, class_of, made };
        let (connected, columns) = work.connected(None);
        (connected, Kept { made: work.made, columns })
    }

    /// The same for what is dialled at addresses of each of some families, or at all.
    pub(crate) fn connect_by_family(
        &self,
        classes: &[Class],
        class_of: &BTreeMap<EndpointId, ClassIndex>,
        families: &[Option<Family>],
    ) -> Vec<Connected> {
        let made = self.made(classes);
        let mut work = Work { reach: self, classes, class_of, made };
        families.iter().map(|family| work.connected(*family).0).collect()
    }

    /// What everything else is found from.
    fn made(&self, classes: &[Class]) -> Made {
        let mut lists = LayerLists::default();
        let targets = targets(self, classes, &mut lists);
        self.made_of(classes, |_| true, None, (lists, targets, Sets::new()))
    }

    /// The same, where only some classes send anything, or it is asked about some targets alone.
    fn made_of(
        &self,
        classes: &[Class],
        sends: impl Fn(ClassIndex) -> bool,
        meant: Option<&Meant>,
        (mut lists, targets, mut sets): (LayerLists, Vec<Target>, Sets),
    ) -> Made {
        let positions = Positions::new(self, classes, sends, &mut lists);
        let egress = Egress::new(self.network, &mut lists, &positions, &mut sets, (Of::All, meant));
        let ground = Ground::new(self, &targets);
        let (senders, sender_of) = ground.senders(&positions);
        let (receivers, receiver_of) = ground.receivers(&targets);
        let stretches = stretches(&positions, &sender_of);
        let ways = Ways::new(senders, receivers, receiver_of, stretches);
        let (ingress, effects) = (Ingress::default(), Effects::new());
        let named = None;
        Made { lists, positions, targets, named, sets, ingress, egress, effects, ways }
    }

    /// Who reaches whom after rules have changed, from what was kept of before, unless the change
    /// reaches further than to the two ends of connections.
    pub(crate) fn reconnect(
        &self,
        (classes, class_of): (&[Class], &BTreeMap<EndpointId, ClassIndex>),
        kept: Kept,
        changed: &Changed,
    ) -> Result<(Reconnected, Kept), WholeBecause> {
        let Kept { mut made, mut columns } = kept;
        let has = |layers: &[LayerId]| layers.iter().any(|layer| changed.layers.contains(layer));
        if made.effects.on_the_way().any(|layers| has(made.lists.get(layers))) {
            return Err(WholeBecause::OnTheWay);
        }
        let senders = made.renew_egress(self.network, changed);
        if columns.is_too_much(&made, changed, &senders) {
            return Err(WholeBecause::Extent);
        }
        made.ingress.forget(&made.lists, &changed.ingress);
        let before = made.sets.cells_len();
        let mut work = Work { reach: self, classes, class_of, made };
        let sending = columns.sending(&work, &senders);
        let found = columns.renew(&mut work, changed, senders);
        let cells = work.made.sets.cells_from(before);
        let found = Reconnected { columns: found, cells, senders: sending };
        Ok((found, Kept { made: work.made, columns }))
    }
}

impl Made {
    /// Takes over other rules about what goes out.
    fn renew_egress(&mut self, network: &Network, changed: &Changed) -> Senders {
        if changed.egress.is_empty() {
            return Senders::None;
        }
        let Self { lists, positions, targets, named, sets, egress, .. } = self;
        if let Some(touching) = egress.renew(network, lists, sets, &changed.egress) {
            let named = named.get_or_insert_with(|| Named::new(network, targets));
            let targets = named.meant(network, &touching);
            let Touching { runs, to_anybody, .. } = touching;
            return Senders::Some(Touched { runs, targets, to_anybody });
        }
        *egress = Egress::new(network, lists, positions, sets, (Of::All, None));
        Senders::All
    }
}

impl Kept {
    /// Finds beforehand what only changes need, so that the first one takes no longer than others, and
    /// forgets what only the beginning needed.
    pub(crate) fn prepare(&mut self, network: &Network) {
        let Made { targets, named, egress, .. } = &mut self.made;
        *named = Some(Named::new(network, targets));
        egress.forget_names();
    }

    /// How much is kept of what changes add to.
    pub(crate) fn size(&self) -> usize {
        self.columns.len() + self.made.sets.cells_len() + self.made.egress.len()
    }
}

impl Work<'_, '_, '_> {
    /// Who reaches whom at addresses of one family, or at all.
    fn connected(&mut self, family: Option<Family>) -> (Connected, Columns) {
        let mut columns = Columns::new(self.classes.len());
        for number in self.targets_of(family) {
            columns.add(self, number);
        }
        (columns.finish(self), columns)
    }

    /// What layers at the receiving end accept of every position.
    fn ingress(&mut self, layers: LayersId, view: View) -> Accepts {
        let closed = self.closed(layers);
        self.ingress_of(closed, view)
    }

    /// The same of what is left of layers without those that accept all.
    fn ingress_of(&mut self, closed: LayersId, view: View) -> Accepts {
        let Made { lists, positions, sets, ingress, .. } = &mut self.made;
        ingress.of_closed(self.reach.network, lists, positions, sets, (closed, view))
    }

    /// The number of what is left of layers at the receiving end without those that accept all.
    fn closed(&mut self, layers: LayersId) -> LayersId {
        let Made { lists, ingress, .. } = &mut self.made;
        ingress.closed(self.reach.network, lists, layers)
    }

    /// The numbers of what senders let out to a target, with and without references to its guards.
    fn egress(&mut self, target: &Target) -> [u32; 2] {
        let Made { lists, sets, egress, .. } = &mut self.made;
        [true, false].map(|members| egress.of(self.reach.network, lists, sets, target, members))
    }

    /// The number of the function that tells what is between every sender and a target.
    fn between(&mut self, number: usize) -> Option<u32> {
        let Made { lists, positions, targets, sets, effects, ways, .. } = &mut self.made;
        let target = targets.get(number)?;
        let mut scene = Scene { reach: self.reach, classes: self.classes, lists, sets };
        ways.between(number, target, |stretch| {
            (stretch.start..stretch.end)
                .find_map(|number| effects.between(&mut scene, positions.get(number)?, target))
        })
    }
}
