//! What of one plan is the same in the next.

use std::sync::Arc;

use super::{PlannedAttachment, PlannedGroup, There};
use crate::artifact::{Artifacts, Group};
use crate::read::Read;
use crate::shared::Shared;
use crate::step::Step;

/// What of the last plan on a plane may be the same in the next one.
#[derive(Debug, Default)]
pub struct Pieces {
    pub(super) last: Option<Last>,
}

/// A plan without edges, of which nothing opens in between.
#[derive(Debug)]
pub(super) struct Last {
    pub(super) artifacts: Artifacts,
    /// In the order of those of the artifacts.
    pub(super) groups: Vec<Arc<PlannedGroup>>,
    pub(super) attachments: Shared<PlannedAttachment>,
    pub(super) reads: Shared<Read>,
    pub(super) steps: Shared<Step>,
}

/// The last plan, where the rules of groups alone are others.
pub(super) struct Rest<'p> {
    pub(super) of: &'p Last,
    /// Groups with other rules, as they were and as they are.
    pub(super) changed: Vec<[&'p Group; 2]>,
}

impl Pieces {
    /// The last plan, if artifacts have the same groups by name, carried by the same.
    pub(super) fn rest<'p>(&'p self, artifacts: &'p Artifacts) -> Option<Rest<'p>> {
        let of = self.last.as_ref()?;
        let (before, now) = (&of.artifacts.groups, &artifacts.groups);
        if !artifacts.attachments.is(&of.artifacts.attachments) || before.len() != now.len() {
            return None;
        }
        let mut changed = Vec::new();
        for (one, other) in before.iter().zip(now).filter(|(one, other)| !Arc::ptr_eq(one, other)) {
            let place = |group: &Group| (group.realm.clone(), group.place.clone());
            if one.name != other.name || place(one) != place(other) {
                return None;
            }
            changed.push([&**one, &**other]);
        }
        Some(Rest { of, changed })
    }

    /// The groups of artifacts as a plan has them; `there` is what the provider holds of each.
    pub(super) fn groups(
        &self,
        artifacts: &Artifacts,
        there: impl Fn(&str) -> Option<There>,
    ) -> Vec<Arc<PlannedGroup>> {
        let mut known =
            self.last.iter().flat_map(|last| last.artifacts.groups.iter().zip(&last.groups));
        let mut next = known.next();
        let groups = artifacts.groups.iter().map(|group| {
            while let Some((one, _)) = next
                && one.name < group.name
            {
                next = known.next();
            }
            let same = next.filter(|(one, _)| Arc::ptr_eq(one, group));
            same.map_or_else(
                || {
                    let there = there(&group.name.0);
                    Arc::new(PlannedGroup { there, ..PlannedGroup::of(group) })
                },
                |(_, planned)| Arc::clone(planned),
            )
        });
        groups.collect()
    }
}
