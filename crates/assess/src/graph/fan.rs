//! Fans: many hops of one kind, each from any source to any target.
//!
//! Where a thousand workloads reach a thousand others by one rule, there are a million hops between
//! them and two thousand things to know. A fan keeps the latter; a hop of it is made when somebody
//! asks for it.

use std::collections::BTreeSet;

use super::HopGraph;
use crate::csr::{index, number};
use crate::fact::Fact;
use crate::hop::{Evidence, Hop, Removable, Status, Variant};
use crate::likelihood::Likelihood;

/// Evidence and support that arms share, by number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Shared(pub(crate) u32);

/// What a [`Shared`] stands for.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct SharedContent {
    pub(super) evidence: Vec<Evidence>,
    pub(super) support: Vec<BTreeSet<Removable>>,
}

/// One source or target of a fan.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Arm {
    /// The premise or the conclusion of its hops.
    pub fact: Fact,
    /// What its side adds to their evidence, and what holds its side up.
    pub shared: Shared,
}

/// Hops from every source to every target but itself, all of one kind. A hop stands while both its
/// arms do.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Fan {
    /// Kind and variant.
    pub variant: Variant,
    /// How likely a hop succeeds.
    pub likelihood: Likelihood,
    /// Whether the hops are known to exist.
    pub status: Status,
    /// The conclusions.
    pub targets: Vec<Arm>,
    /// The premises.
    pub sources: Vec<Arm>,
}

impl HopGraph {
    /// The row of a fan's source.
    fn arm(&self, row: u32) -> Option<(&Fan, Arm)> {
        let fan = self.fan_rows.partition_point(|start| *start <= row).checked_sub(1)?;
        let place = index(row - self.fan_rows[fan]);
        let fan = self.fans.get(fan)?;
        let targets = place.checked_sub(fan.sources.len());
        let arm = match targets {
            None => fan.sources.get(place),
            Some(place) => fan.targets.get(place),
        };
        arm.map(|arm| (fan, *arm))
    }

    /// The number of the hop that two arms make.
    pub(crate) fn paired(&self, source: u32, target: u32) -> usize {
        let hops = self.hops.len();
        let arms = self.rows.len() - hops;
        hops + (index(source) - hops) * arms + (index(target) - hops)
    }

    /// The rows behind the number of a hop: one, or the two arms of a fan's.
    pub(crate) fn rows_of(&self, hop: usize) -> Vec<u32> {
        let hops = self.hops.len();
        let arms = (self.rows.len() - hops).max(1);
        match hop.checked_sub(hops) {
            None => vec![number(hop)],
            Some(pair) => vec![number(hops + pair / arms), number(hops + pair % arms)],
        }
    }

    /// A hop by its number, as chains give it; none where there is no such hop.
    pub fn hop(&self, hop: usize) -> Option<Hop> {
        if let Some(hop) = self.hops.get(hop) {
            return Some(hop.clone());
        }
        let [source, target] = self.rows_of(hop)[..] else { return None };
        let (fan, source) = self.arm(source)?;
        let (_, target) = self.arm(target)?;
        let sides = [self.content(source)?, self.content(target)?];
        Some(Hop {
            variant: fan.variant,
            premises: vec![source.fact],
            conclusion: target.fact,
            likelihood: fan.likelihood,
            status: fan.status,
            technique: fan.variant.technique(),
            evidence: sides.iter().flat_map(|side| side.evidence.iter().cloned()).collect(),
            support: both(&sides[0].support, &sides[1].support),
        })
    }

    fn content(&self, arm: Arm) -> Option<&SharedContent> {
        self.shared.get(index(arm.shared.0))
    }
}

/// The alternatives of a hop of which two sides must stand.
fn both(
    sources: &[BTreeSet<Removable>],
    targets: &[BTreeSet<Removable>],
) -> Vec<BTreeSet<Removable>> {
    let nothing = [BTreeSet::new()];
    let sources = if sources.is_empty() { &nothing } else { sources };
    let targets = if targets.is_empty() { &nothing } else { targets };
    let pairs = sources.iter().flat_map(|one| targets.iter().map(move |other| one | other));
    pairs.collect::<BTreeSet<_>>().into_iter().collect()
}
