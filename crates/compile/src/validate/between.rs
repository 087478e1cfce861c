//! What is possible in the middle of a plan that neither what is there nor what is intended permits.
//!
//! Steps add before they take off: when all old and new rules are there, and every endpoint carries its
//! old and its new groups, at least as much is possible as after any step. Both ends of a pair get the
//! same flows in most plans, and then that is old or new. It is more where one end alone holds what is not
//! intended, and where endpoints change between groups that are there before and after.

use watertight_model::{Estate, Name};

use super::scene::Scene;
use crate::artifact::{Artifacts, Attachment, Group, GroupName, GroupRule};
use crate::compiler::Compiled;
use crate::held::HeldGroup;
use crate::intent::Intent;
use crate::plan::PlannedRule;
use crate::plane::Plane;
use crate::via::Vias;

/// What opens in between, as text: from, to and the flows. For plans over groups of ours that are
/// there, and for those about fronts that keep their clients' addresses: what such a front lets in for
/// one of its targets, only the guards of the others keep from these.
pub(super) fn opened_between(
    intent: &Intent<'_>,
    compiled: &Compiled,
    plane: &dyn Plane,
    after: &Estate,
) -> Vec<String> {
    let held = plane.held();
    if held.is_empty() && Vias::new(intent.estate()).list.is_empty() {
        return Vec::new();
    }
    let before = intent.estate();
    let middle = plane.convert(&plane.render(&both(&compiled.artifacts, &held)));
    let scene = Scene::new(intent, compiled, [before, after, &middle]);
    let mut opened = Vec::new();
    for (from, to) in scene.pairs().filter(|(from, to)| from.is_governed || to.is_governed) {
        let cells = scene.cells(from, to);
        let most = cells.before.possible.union(&cells.after.possible);
        let more = cells.open.possible.difference(&most);
        if !more.is_empty() {
            opened.push(format!("{} to {} over {more}", from.text(before), to.text(before)));
        }
    }
    opened
}

/// Old and new rules, on those who carry old and new groups.
pub(super) fn both(artifacts: &Artifacts, held: &[HeldGroup]) -> Artifacts {
    let groups = artifacts.groups.iter().map(|group| {
        let mut group: Group = group.clone();
        if let Some(there) = held.iter().find(|one| one.name == group.name.0) {
            add(&mut group.ingress, &there.rules.ingress);
            add(&mut group.egress, &there.rules.egress);
        }
        group
    });
    let attachments = artifacts.attachments.iter().map(|one| {
        let mut groups = one.groups.clone();
        let mut others = one.others.clone();
        for name in &one.before {
            if name.starts_with(GroupName::PREFIX) {
                groups.push(GroupName(name.to_string()));
            } else {
                others.push(Name::clone(name));
            }
        }
        groups.sort();
        groups.dedup();
        others.sort();
        others.dedup();
        Attachment { groups, others, ..one.clone() }
    });
    Artifacts { groups: groups.collect(), attachments: attachments.collect() }
}

fn add(rules: &mut Vec<GroupRule>, more: &[PlannedRule]) {
    rules.extend(more.iter().filter_map(PlannedRule::rule));
    rules.sort();
    rules.dedup();
}
