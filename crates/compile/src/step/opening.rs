//! What steps open that neither what is there nor what is intended permits.
//!
//! In the middle of a plan every group has old and new rules and every endpoint carries old and new
//! groups. That is the union of old and new as long as nobody changes between groups that are there
//! before and after. An endpoint that comes to such a group has its old rules for a while, one that
//! leaves it has its new ones, and rules of third groups that name it hold for both.

use std::collections::{BTreeMap, BTreeSet};

use crate::artifact::{Artifacts, Attachment};
use crate::held::HeldGroup;
use crate::plan::{PlannedGroup, PlannedRule, PlannedRules};

/// Where in a plan something opens.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Place {
    /// Where a group gets rules.
    Add(String),
    /// Where an endpoint gets groups.
    Set(String),
}

/// A rule, and whether it is about what goes out.
type Sided<'r> = (bool, &'r PlannedRule);

/// Rules before and after of those who carry the same.
#[derive(Default)]
struct Carried<'r> {
    old: BTreeSet<Sided<'r>>,
    new: BTreeSet<Sided<'r>>,
}

/// What opens, and where.
pub(super) fn openings(artifacts: &Artifacts, held: &[HeldGroup]) -> BTreeMap<Place, String> {
    let wanted: BTreeMap<String, PlannedRules> = artifacts
        .groups
        .iter()
        .map(|group| (group.name.to_string(), PlannedGroup::of(group).rules()))
        .collect();
    let by_name = held.iter().map(|one| (one.name.as_str(), &one.rules));
    let by_id = held.iter().map(|one| (one.id.as_str(), &one.rules));
    let there: BTreeMap<&str, &PlannedRules> = by_name.chain(by_id).collect();
    let scene = Scene { wanted: &wanted, there };
    let moves = Moves::new(artifacts, &scene);
    if moves.joined.is_empty() && moves.left.is_empty() {
        return BTreeMap::new();
    }
    let mut found = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for one in &artifacts.attachments {
        let carried = scene.carried(one);
        let all = |rule: &Sided<'_>| carried.old.contains(rule) || carried.new.contains(rule);
        for group in scene.joined(one) {
            if scene.held(&group).iter().any(|rule| !all(rule)) {
                let place = Place::Set(one.endpoint.to_string());
                let text = "whose old rules hold for it until they are taken off";
                found
                    .entry(place)
                    .or_insert_with(|| format!("{} gets {group}, {text}", one.workload));
            }
        }
        for group in scene.left(one) {
            if scene.intended(&group).iter().any(|rule| !all(rule)) {
                let text = "which hold for it until it leaves the group";
                let said =
                    || format!("{} carries {group} when it gets rules, {text}", one.workload);
                found.entry(Place::Add(group.clone())).or_insert_with(said);
            }
        }
        // Those who carry the same see the same in others.
        if seen.insert((&one.before, &one.groups)) {
            moves.named(one, &carried, &scene, &mut found);
        }
    }
    found
}

struct Scene<'r> {
    wanted: &'r BTreeMap<String, PlannedRules>,
    /// By name and by id.
    there: BTreeMap<&'r str, &'r PlannedRules>,
}

impl<'r> Scene<'r> {
    /// Whether a group is there before and after.
    fn is_kept(&self, name: &str) -> bool {
        self.wanted.contains_key(name) && self.there.contains_key(name)
    }

    fn held(&self, group: &str) -> BTreeSet<Sided<'r>> {
        self.there.get(group).map(|rules| sided(rules)).unwrap_or_default()
    }

    fn intended(&self, group: &str) -> BTreeSet<Sided<'r>> {
        self.wanted.get(group).map(sided).unwrap_or_default()
    }

    fn carried(&self, one: &Attachment) -> Carried<'r> {
        let mut carried = Carried::default();
        for group in &one.before {
            carried.old.extend(self.held(group));
        }
        for group in &one.groups {
            carried.new.extend(self.intended(&group.0));
        }
        carried
    }

    /// The groups that are there and to which an endpoint comes.
    fn joined(&self, one: &Attachment) -> Vec<String> {
        let is_new = |name: &&String| one.before.iter().all(|before| **before != ***name);
        let names = one.groups.iter().map(|group| &group.0);
        names.filter(|name| self.is_kept(name)).filter(is_new).cloned().collect()
    }

    /// The groups that stay and that an endpoint leaves.
    fn left(&self, one: &Attachment) -> Vec<String> {
        let is_old = |name: &&str| one.groups.iter().all(|group| group.0 != **name);
        let names = one.before.iter().map(|name| &**name);
        names.filter(|name| self.is_kept(name)).filter(is_old).map(ToOwned::to_owned).collect()
    }
}

fn sided(rules: &PlannedRules) -> BTreeSet<Sided<'_>> {
    let ingress = rules.ingress.iter().map(|rule| (false, rule));
    ingress.chain(rules.egress.iter().map(|rule| (true, rule))).collect()
}

/// Who changes between groups that are there before and after: one endpoint for each group.
struct Moves<'a> {
    joined: BTreeMap<String, &'a Attachment>,
    left: BTreeMap<String, &'a Attachment>,
}

impl<'a> Moves<'a> {
    fn new(artifacts: &'a Artifacts, scene: &Scene<'_>) -> Self {
        let (mut joined, mut left) = (BTreeMap::new(), BTreeMap::new());
        for one in &artifacts.attachments {
            joined.extend(scene.joined(one).into_iter().map(|group| (group, one)));
            left.extend(scene.left(one).into_iter().map(|group| (group, one)));
        }
        Self { joined, left }
    }

    /// What rules of an endpoint's groups permit with those who come to or leave groups that they name.
    fn named(
        &self,
        one: &Attachment,
        carried: &Carried<'_>,
        scene: &Scene<'_>,
        found: &mut BTreeMap<Place, String>,
    ) {
        for (_, rule) in carried.old.difference(&carried.new) {
            if let Some(mover) = self.joined.get(&rule.peer) {
                let place = Place::Set(mover.endpoint.to_string());
                let (mover, peer) = (&mover.workload, &rule.peer);
                let said =
                    || format!("{mover} gets {peer}, which old rules of {} name", one.workload);
                found.entry(place).or_insert_with(said);
            }
        }
        for sided in carried.new.difference(&carried.old) {
            let peer = &sided.1.peer;
            if let Some(mover) = self.left.get(peer) {
                let mut own = one.groups.iter().map(|group| &group.0);
                let there =
                    own.find(|name| scene.is_kept(name) && scene.intended(name).contains(sided));
                let place = match there {
                    Some(name) => Place::Add(name.clone()),
                    None => Place::Set(one.endpoint.to_string()),
                };
                let said = || {
                    format!(
                        "new rules of {} name {peer}, which {} still carries",
                        one.workload, mover.workload
                    )
                };
                found.entry(place).or_insert_with(said);
            }
        }
    }
}
