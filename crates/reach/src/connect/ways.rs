//! What is between sites, as far as it was asked for, as functions of the sender's position.

use std::sync::Arc;

use rustc_hash::FxHashMap;
use watertight_model::network::SubnetId;
use watertight_net::Family;

use super::effects::{EffectId, NOTHING};
use super::positions::{Positions, place};
use super::sites::{SiteId, Sites};
use super::targets::Target;
use crate::runs::{Run, push};

/// What is between every sender and one target, as a function of the sender's position.
pub(super) type Between = Arc<[Run<EffectId>]>;

/// Consecutive positions of one site, subnet and family.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Stretch {
    pub(super) start: u32,
    pub(super) end: u32,
    site: SiteId,
    subnet: Option<SubnetId>,
    family: Family,
}

/// What is between sites.
#[derive(Debug)]
pub(super) struct Ways {
    senders: Sites,
    receivers: Sites,
    receiver_of: Vec<SiteId>,
    stretches: Vec<Stretch>,
    /// The stretches of each sending site.
    of_site: Vec<Vec<u32>>,
    /// For each receiving site, what is between it and each sending site in other subnets.
    across: Vec<Vec<EffectId>>,
    /// The same for a sender in the subnet of the receiver.
    within: FxHashMap<(SiteId, SiteId), EffectId>,
    /// The number of each complete row of `across`, by receiving site and subnet.
    rows: FxHashMap<(SiteId, Option<SubnetId>), u32>,
    row_ids: FxHashMap<Vec<EffectId>, u32>,
    known: FxHashMap<Key, u32>,
    functions: Vec<Between>,
    ids: FxHashMap<Between, u32>,
}

/// What a function depends on: the row, and what is different within one subnet.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Key {
    row: u32,
    within: Vec<(SiteId, EffectId)>,
    subnet: Option<SubnetId>,
    family: Family,
}

/// No answer: nobody has asked, or nobody but the target itself is there to ask.
const UNASKED: EffectId = EffectId::MAX;

impl Ways {
    pub(super) fn new(
        senders: Sites,
        receivers: Sites,
        receiver_of: Vec<SiteId>,
        stretches: Vec<Stretch>,
    ) -> Self {
        let mut of_site: Vec<Vec<u32>> = vec![Vec::new(); senders.len()];
        for (number, stretch) in (0_u32..).zip(&stretches) {
            if let Some(of_site) = of_site.get_mut(place(stretch.site)) {
                of_site.push(number);
            }
        }
        Self {
            stretches,
            of_site,
            across: vec![Vec::new(); receivers.len()],
            rows: FxHashMap::default(),
            senders,
            receivers,
            receiver_of,
            within: FxHashMap::default(),
            row_ids: FxHashMap::default(),
            known: FxHashMap::default(),
            functions: Vec::new(),
            ids: FxHashMap::default(),
        }
    }

    /// A function by its number.
    pub(super) fn function(&self, number: u32) -> Option<Between> {
        self.functions.get(place(number)).map(Arc::clone)
    }

    /// The number of the function that tells what is between every sender and a target. `ask`
    /// finds out about the senders of a stretch; none when only the target itself is there.
    pub(super) fn between(
        &mut self,
        number: usize,
        target: &Target,
        mut ask: impl FnMut(&Stretch) -> Option<EffectId>,
    ) -> Option<u32> {
        let site = self.receiver_of.get(number).copied()?;
        let group = self.receivers.group(site);
        // None where the answer for this one target may hold for no other.
        let mut row = self.row(site, target, &mut ask);
        let mut within: Vec<(SiteId, EffectId)> = Vec::new();
        let mates: Vec<SiteId> =
            group.map(|group| self.senders.of_group(group).to_vec()).unwrap_or_default();
        for sender in mates {
            match self.effect_within(sender, site, target, &mut ask) {
                Some(UNASKED) => row = None,
                Some(effect) => within.push((sender, effect)),
                None => {}
            }
        }
        let across = |sender: SiteId| {
            self.across.get(place(site)).and_then(|row| row.get(place(sender)).copied())
        };
        // Where nobody sends from another subnet, what is within the subnet tells functions apart.
        let differs = |(sender, effect): &&(SiteId, EffectId)| across(*sender) != Some(*effect);
        let different: Vec<(SiteId, EffectId)> = within.iter().filter(differs).copied().collect();
        let alike = different.iter().all(|(sender, _)| across(*sender) == Some(UNASKED));
        let key = row.map(|row| Key {
            row,
            subnet: target.subnet.filter(|_| !alike),
            within: different,
            family: target.family(),
        });
        if let Some(known) = key.as_ref().and_then(|key| self.known.get(key)) {
            return Some(*known);
        }
        let runs = self.expanded(site, target, &within);
        let next = u32::try_from(self.functions.len()).unwrap_or(u32::MAX);
        let id = *self.ids.entry(Arc::clone(&runs)).or_insert(next);
        if id == next {
            self.functions.push(runs);
        }
        if let Some(key) = key {
            self.known.insert(key, id);
        }
        Some(id)
    }

    /// The number of what is between a receiving site and every sending site in other subnets;
    /// none while some of it could not be asked.
    fn row(
        &mut self,
        site: SiteId,
        target: &Target,
        ask: &mut impl FnMut(&Stretch) -> Option<EffectId>,
    ) -> Option<u32> {
        if let Some(known) = self.rows.get(&(site, target.subnet)) {
            return Some(*known);
        }
        let row = self.across.get_mut(place(site))?;
        row.resize(self.of_site.len(), UNASKED);
        let group = self.receivers.group(site);
        let mut whole = true;
        for ((slot, stretches), sender) in row.iter_mut().zip(&self.of_site).zip(0..) {
            if *slot != UNASKED {
                continue;
            }
            let mate = group.is_some() && group == self.senders.group(sender);
            let mut stretches = stretches
                .iter()
                .filter_map(|number| self.stretches.get(place(*number)))
                .filter(|stretch| stretch.family == target.family())
                .filter(|stretch| !mate || stretch.subnet != target.subnet)
                .peekable();
            if stretches.peek().is_none() {
                // Nobody is there, or only within the subnet.
                continue;
            }
            match stretches.find_map(&mut *ask) {
                Some(effect) => *slot = effect,
                None => whole = false,
            }
        }
        if !whole {
            return None;
        }
        let next = u32::try_from(self.row_ids.len()).unwrap_or(u32::MAX);
        let id = *self.row_ids.entry(row.clone()).or_insert(next);
        self.rows.insert((site, target.subnet), id);
        Some(id)
    }

    /// What is between a sending site and a target in one subnet; none when nobody sends there,
    /// [`UNASKED`] when only the target itself does.
    fn effect_within(
        &mut self,
        sender: SiteId,
        site: SiteId,
        target: &Target,
        ask: &mut impl FnMut(&Stretch) -> Option<EffectId>,
    ) -> Option<EffectId> {
        if let Some(known) = self.within.get(&(sender, site)) {
            return Some(*known);
        }
        let stretches = self.of_site.get(place(sender))?.iter();
        let mut near = stretches
            .filter_map(|number| self.stretches.get(place(*number)))
            .filter(|stretch| stretch.family == target.family() && stretch.subnet == target.subnet)
            .peekable();
        near.peek()?;
        let Some(found) = near.find_map(ask) else { return Some(UNASKED) };
        self.within.insert((sender, site), found);
        Some(found)
    }

    fn expanded(&self, site: SiteId, target: &Target, within: &[(SiteId, EffectId)]) -> Between {
        let mut effects: Vec<EffectId> = self.across.get(place(site)).cloned().unwrap_or_default();
        let group = self.receivers.group(site);
        let mates: Vec<SiteId> =
            group.map(|group| self.senders.of_group(group).to_vec()).unwrap_or_default();
        let mut in_subnet: Vec<EffectId> =
            vec![UNASKED; if mates.is_empty() { 0 } else { effects.len() }];
        for (sender, effect) in within {
            if let Some(slot) = in_subnet.get_mut(place(*sender)) {
                *slot = *effect;
            }
        }
        effects.resize(self.of_site.len(), UNASKED);
        let mut is_mate = vec![false; effects.len()];
        for mate in mates {
            if let Some(slot) = is_mate.get_mut(place(mate)) {
                *slot = true;
            }
        }
        let mut runs: Vec<Run<EffectId>> = Vec::new();
        for stretch in self.stretches.iter().filter(|one| one.family == target.family()) {
            let sender = place(stretch.site);
            let near =
                is_mate.get(sender).copied().unwrap_or(false) && stretch.subnet == target.subnet;
            let table = if near { &in_subnet } else { &effects };
            match table.get(sender).copied() {
                Some(NOTHING | UNASKED) | None => {}
                Some(effect) => push(&mut runs, stretch.start, stretch.end, effect),
            }
        }
        runs.into()
    }
}

/// Consecutive positions that are treated alike.
pub(super) fn stretches(positions: &Positions, sender_of: &[Option<SiteId>]) -> Vec<Stretch> {
    let mut found: Vec<Stretch> = Vec::new();
    for (number, position) in positions.iter() {
        let Some(site) = sender_of.get(place(number)).copied().flatten() else { continue };
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
                    && (last.site, last.subnet, last.family)
                        == (site, next.subnet, next.family) =>
            {
                last.end = number + 1;
            }
            _ => found.push(next),
        }
    }
    found
}
