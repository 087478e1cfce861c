//! Connectivity of whole classes at once.
//!
//! The way between two addresses depends on their sites alone, and what the guards of the two ends
//! accept on who is at the other end alone. So the way is walked once for each pair of sites, each
//! end's guards are asked once for each combination of rules that others match, and the answers are
//! laid over each other as functions of the sender: one such column for every receiver, shared by
//! receivers that nothing tells apart. What does not fit this is asked pair by pair.

mod columns;
mod effects;
mod filters;
mod positions;
mod sets;
mod sites;
mod targets;
mod transparent;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use watertight_model::network::{EndpointId, SubnetId};
use watertight_net::Family;

use self::columns::Columns;
pub(crate) use self::columns::{Column, Connected};
use self::effects::{EffectId, Effects, NOTHING, Scene};
use self::filters::{Accepts, Egress, Ingress, View};
use self::positions::{LayerLists, LayersId, Positions, place};
use self::sets::Sets;
use self::sites::{Ground, SiteId, Sites};
use self::targets::{Target, targets};
use crate::answer::Reach;
use crate::classes::Class;
use crate::matrix::ClassIndex;
use crate::runs::{Run, push};

/// What is between every sender and one target, as a function of the sender's position.
type Between = Arc<[Run<EffectId>]>;

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

/// What is between sites, as far as it was asked for.
struct Ways {
    senders: Sites,
    receivers: Sites,
    receiver_of: Vec<SiteId>,
    /// Consecutive positions of one site, subnet and family.
    stretches: Vec<Stretch>,
    /// For each receiving site, what is between it and each sending site in other subnets.
    across: Vec<Vec<Option<EffectId>>>,
    /// The same for a sender in the subnet of the receiver.
    within: HashMap<(SiteId, SiteId), EffectId>,
    /// By receiving site and subnet, the number of the function.
    known: HashMap<(SiteId, Option<SubnetId>), u32>,
    functions: Vec<Between>,
    ids: HashMap<Between, u32>,
}

/// Consecutive positions of one site, subnet and family.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Stretch {
    start: u32,
    end: u32,
    site: SiteId,
    subnet: Option<SubnetId>,
    family: Family,
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
        let egress = Egress::new(self.network, &lists, &positions);
        let ground = Ground::new(self, &targets);
        let (senders, sender_of) = ground.senders(&positions);
        let (receivers, receiver_of) = ground.receivers(&targets);
        let ways = Ways {
            stretches: stretches(&positions, &sender_of, &egress),
            across: vec![Vec::new(); receivers.len()],
            senders,
            receivers,
            receiver_of,
            within: HashMap::new(),
            known: HashMap::new(),
            functions: Vec::new(),
            ids: HashMap::new(),
        };
        let mut work = Work {
            reach: self,
            classes,
            class_of,
            lists,
            positions,
            targets,
            sets: Sets::new(),
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

/// Consecutive positions that are treated alike; those that cannot send anything are left out.
fn stretches(positions: &Positions, sender_of: &[Option<SiteId>], egress: &Egress) -> Vec<Stretch> {
    let mut found: Vec<Stretch> = Vec::new();
    for (number, position) in positions.iter() {
        let Some(site) = sender_of.get(place(number)).copied().flatten() else { continue };
        if !egress.could_send(position) {
            continue;
        }
        let next = Stretch {
            start: number,
            end: number + 1,
            site,
            subnet: position.subnet,
            family: position.family(),
        };
        match found.last_mut() {
            Some(last)
                if last.end == number
                    && Stretch { start: last.start, ..next }
                        == Stretch { end: number + 1, ..*last } =>
            {
                last.end = number + 1;
            }
            _ => found.push(next),
        }
    }
    found
}

impl Work<'_, '_, '_> {
    /// What layers at the receiving end accept of every position.
    fn ingress(&mut self, layers: LayersId, view: View) -> Accepts {
        let Self { reach, lists, positions, sets, ingress, .. } = self;
        ingress.of(reach.network, lists, positions, sets, (layers, view))
    }

    /// The number of the function that tells what is between every sender and a target.
    fn between(&mut self, number: usize) -> Option<u32> {
        let target = self.targets.get(number)?.clone();
        let site = self.ways.receiver_of.get(number).copied()?;
        if let Some(known) = self.ways.known.get(&(site, target.subnet)) {
            return Some(*known);
        }
        let group = self.ways.receivers.group(site);
        let mut runs: Vec<Run<EffectId>> = Vec::new();
        // Only a sender that is the target itself leaves a stretch without an answer: the answer
        // for this one target then holds for no other.
        let mut whole = true;
        for place in 0..self.ways.stretches.len() {
            let Some(stretch) = self.ways.stretches.get(place).copied() else { continue };
            if stretch.family != target.family() {
                continue;
            }
            let within = group.is_some()
                && group == self.ways.senders.group(stretch.site)
                && stretch.subnet == target.subnet;
            match self.effect(stretch, site, &target, within) {
                Some(NOTHING) => {}
                Some(effect) => push(&mut runs, stretch.start, stretch.end, effect),
                None => whole = false,
            }
        }
        let runs: Between = runs.into();
        let next = u32::try_from(self.ways.functions.len()).unwrap_or(u32::MAX);
        let id = *self.ways.ids.entry(Arc::clone(&runs)).or_insert(next);
        if id == next {
            self.ways.functions.push(runs);
        }
        if whole {
            self.ways.known.insert((site, target.subnet), id);
        }
        Some(id)
    }

    fn effect(
        &mut self,
        stretch: Stretch,
        site: SiteId,
        target: &Target,
        within: bool,
    ) -> Option<EffectId> {
        let known = if within {
            self.ways.within.get(&(stretch.site, site)).copied()
        } else {
            let row = self.ways.across.get(place(site));
            row.and_then(|row| row.get(place(stretch.site)).copied().flatten())
        };
        if known.is_some() {
            return known;
        }
        let mut scene = Scene {
            reach: self.reach,
            classes: self.classes,
            lists: &mut self.lists,
            sets: &mut self.sets,
        };
        let found = (stretch.start..stretch.end).find_map(|number| {
            let sender = self.positions.get(number)?;
            self.effects.between(&mut scene, sender, target)
        })?;
        if within {
            self.ways.within.insert((stretch.site, site), found);
        } else if let Some(row) = self.ways.across.get_mut(place(site)) {
            if row.is_empty() {
                row.resize(self.ways.senders.len(), None);
            }
            if let Some(slot) = row.get_mut(place(stretch.site)) {
                *slot = Some(found);
            }
        }
        Some(found)
    }
}
