//! What is possible in the middle of a plan that neither what is there nor what is intended permits.
//!
//! Steps add before they take off: when all old and new rules are there, and every endpoint carries its
//! old and its new groups, at least as much is possible as after any step. Both ends of a pair get the
//! same flows in most plans, and then that is old or new. It is more where one end alone holds what is not
//! intended, and where endpoints change between groups that are there before and after.

use std::sync::Arc;

use watertight_model::Name;

use super::alike::LookedFor;
use super::scene::Scene;
use crate::artifact::{Artifacts, Attachment, Group, GroupName, GroupRule};
use crate::edge::EdgeList;
use crate::held::HeldGroup;
use crate::plan::PlannedRule;
use crate::step::{by_name, middle};

/// What opens in between, as text: from, to and the flows. What a front that keeps its clients' addresses
/// lets in for one of its targets, for example, only the guards of the others keep from these.
///
/// The third estate of `scene` is the one with [`both`].
pub(super) fn opened_between(scene: &Scene<'_, '_>) -> Vec<String> {
    let before = scene.estates[0];
    let mut opened = Vec::new();
    scene.look_at_pairs(LookedFor::Opened, |(from, to), _| {
        if !from.is_governed && !to.is_governed {
            return true;
        }
        let cells = scene.cells(from, to);
        let most = cells.before.possible.union(&cells.after.possible);
        let more = cells.open.possible.difference(&most);
        if !more.is_empty() {
            opened.push(format!("{} to {} over {more}", from.text(before), to.text(before)));
        }
        more.is_empty()
    });
    opened.sort();
    opened
}

/// Old and new rules, on those who carry old and new groups.
pub(super) fn both(artifacts: &Artifacts, held: &[HeldGroup], edges: &[EdgeList]) -> Artifacts {
    let there = by_name(held);
    let groups = artifacts.groups.iter().map(|group| {
        let Some(there) = there.get(&*group.name.0) else { return Arc::clone(group) };
        let mut both: Group = Group::clone(group);
        add(&mut both.ingress, &there.rules.ingress);
        add(&mut both.egress, &there.rules.egress);
        if both == **group { Arc::clone(group) } else { Arc::new(both) }
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
    let edges = artifacts.edges.as_ref().map(|wanted| middle(wanted, edges));
    Artifacts { groups: groups.collect(), attachments: attachments.collect(), edges }
}

fn add(rules: &mut Vec<GroupRule>, more: &[PlannedRule]) {
    rules.extend(more.iter().filter_map(PlannedRule::rule));
    rules.sort();
    rules.dedup();
}
