//! Connectivity of some classes with all, without that of the others with each other.

use std::collections::BTreeMap;

use watertight_model::network::EndpointId;
use watertight_net::Family;

use super::columns::{Columns, Connected};
use super::egress::Meant;
use super::positions::LayerLists;
use super::sets::Sets;
use super::targets::targets;
use super::{Made, Work};
use crate::answer::Reach;
use crate::classes::Class;
use crate::matrix::ClassIndex;

impl Reach<'_> {
    /// Who reaches whom over each of some families, or at all, as far as it is about classes for which `about` holds: what
    /// these send, and what they are sent.
    ///
    /// It is found in two parts: what all send to them, and what they send to all others.
    pub(crate) fn connect_about(
        &self,
        (classes, class_of): (&[Class], &BTreeMap<EndpointId, ClassIndex>),
        families: &[Option<Family>],
        about: &[bool],
    ) -> Vec<Connected> {
        let is_about = |class: ClassIndex| about.get(class).copied().unwrap_or(false);
        let mut lists = LayerLists::default();
        let targets = targets(self, classes, &mut lists);
        let theirs = targets.iter().filter(|target| is_about(target.class));
        let meant = Meant::new(self.network, theirs);
        let made = self.made_of(classes, |_| true, Some(&meant), (lists, targets, Sets::new()));
        let mut work = Work { reach: self, classes, class_of, made };
        let columns = families.iter().map(|family| work.those(*family, is_about));
        let columns: Vec<Columns> = columns.collect();
        let to_them = columns.iter().map(|columns| columns.finish(&mut work));
        let to_them: Vec<Connected> = to_them.collect();
        // What is found one by one may be about others than who was dialled: it was found of all targets.
        let pairs = columns.into_iter().map(|columns| columns.pairs);
        let Made { lists, targets, sets, .. } = work.made;
        let made = self.made_of(classes, is_about, None, (lists, targets, sets));
        let mut work = Work { reach: self, classes, class_of, made };
        let from_them = families.iter().zip(pairs).map(|(family, pairs)| {
            let mut columns = Columns::new(classes.len());
            for number in work.targets_of(*family) {
                if work.class_of_target(number).is_some_and(|class| !is_about(class)) {
                    columns.add_part(&mut work, number);
                }
            }
            columns.pairs = pairs;
            columns.finish(&mut work)
        });
        let from_them: Vec<Connected> = from_them.collect();
        let cells = work.made.sets.cells_from(0);
        let both = to_them.into_iter().zip(from_them);
        both.map(|(to, from)| Connected { cells: cells.clone(), ..joined(to, from, is_about) })
            .collect()
    }
}

impl Work<'_, '_, '_> {
    /// What all send to some classes, and what is asked one by one of all and is about these.
    fn those(&mut self, family: Option<Family>, is_about: impl Fn(ClassIndex) -> bool) -> Columns {
        let mut columns = Columns::new(self.classes.len());
        for number in self.targets_of(family) {
            if self.class_of_target(number).is_some_and(&is_about) {
                columns.add_part(self, number);
            }
            columns.add_pairs(self, number);
        }
        for (to, senders) in &mut columns.pairs {
            senders.retain(|from, _| is_about(*to) || is_about(*from));
        }
        columns.pairs.retain(|_, senders| !senders.is_empty());
        columns
    }

    /// The targets at addresses of a family, or all, by number.
    pub(super) fn targets_of(&self, family: Option<Family>) -> Vec<usize> {
        let targets = self.made.targets.iter().enumerate();
        let of_family = |family: Option<Family>, own| family.is_none_or(|family| own == family);
        let those = targets.filter(|(_, one)| of_family(family, one.family()));
        those.map(|(number, _)| number).collect()
    }

    fn class_of_target(&self, number: usize) -> Option<ClassIndex> {
        self.made.targets.get(number).map(|target| target.class)
    }
}

/// The columns of those from the one, and of all others from the other.
fn joined(one: Connected, other: Connected, is_of_one: impl Fn(ClassIndex) -> bool) -> Connected {
    let behind = u32::try_from(one.columns.len()).unwrap_or(u32::MAX);
    let each = one.column_of.into_iter().zip(other.column_of).enumerate();
    let column_of = each.map(
        |(class, (own, further))| {
            if is_of_one(class) { own } else { further.saturating_add(behind) }
        },
    );
    Connected {
        column_of: column_of.collect(),
        columns: one.columns.into_iter().chain(other.columns).collect(),
        cells: other.cells,
    }
}
