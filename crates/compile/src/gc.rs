//! A plan that takes away groups of ours which nobody needs any more.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::artifact::GroupName;
use crate::edge::OwnEdge;
use crate::plan::{FORMAT, Occasion, Plan, PlannedGroup, PlannedLimits, PlannedRule, PlannedRules};
use crate::plane::Plane;
use crate::read::{Read, ReadKind};
use crate::shared::Shared;
use crate::step::{Action, Step};

/// A group of ours as the provider holds it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OwnGroup {
    /// The provider's id.
    pub id: String,
    /// What it is, and how it would be made again. Rules name groups by id.
    pub group: PlannedGroup,
    /// What of it is read again before anything is written.
    pub facts: BTreeMap<String, Vec<String>>,
    /// What holds it beside rules of ours: it cannot be taken away, or must not be.
    pub holders: Vec<String>,
}

/// A plan without the groups of ours that are not `wanted` and that nothing holds, and without `edges` of ours
/// that no subnet has.
///
/// Nobody carries them, so no rule that names them matches anybody, and none of their own rules is
/// asked: no step changes what is possible. Rules of ours that name them go first, since a provider
/// keeps a group that a rule names, then their own, then they themselves.
pub fn gc(
    occasion: Occasion,
    plane: &dyn Plane,
    (own, edges): (&[OwnGroup], &[OwnEdge]),
    wanted: &BTreeSet<GroupName>,
) -> Plan {
    let unwanted = |one: &&OwnGroup| {
        let name = &one.group.name;
        name.starts_with(GroupName::PREFIX) && !wanted.contains(&GroupName(name.clone()))
    };
    let (gone, held): (Vec<&OwnGroup>, Vec<&OwnGroup>) =
        own.iter().filter(unwanted).partition(|one| one.holders.is_empty());
    let names: BTreeMap<&str, &str> =
        gone.iter().map(|one| (one.id.as_str(), one.group.name.as_str())).collect();
    let is_gone = |one: &OwnGroup| names.contains_key(one.id.as_str());
    let mut groups = Vec::new();
    let mut steps = Vec::new();
    let mut reads = BTreeSet::new();
    for one in own.iter().filter(|one| !is_gone(one)) {
        let rules = naming(&one.group, &names);
        if !rules.is_empty() {
            steps.push(removal(&one.group.name, Some(rules)));
            groups.push(one.group.clone());
            reads.insert(read(one, ReadKind::Group, one.facts.clone()));
        }
    }
    for one in &gone {
        let group = named(&one.group, &names);
        if !group.rules().is_empty() {
            steps.push(removal(&group.name, None));
        }
        groups.push(group);
        reads.insert(read(one, ReadKind::Group, one.facts.clone()));
        let nobody = BTreeMap::from([(String::from("interfaces"), Vec::new())]);
        reads.insert(read(one, ReadKind::Carriers, nobody));
    }
    for one in &gone {
        let name = || one.group.name.clone();
        steps.push(Step::new(
            Action::DeleteGroup { group: name() },
            Action::CreateGroup { group: name() },
        ));
    }
    for one in edges {
        let (what_is_read, step) = of_edge(one);
        reads.insert(what_is_read);
        steps.push(step);
    }
    groups.sort_by(|one, other| one.name.cmp(&other.name));
    let mut notes: Vec<String> = held
        .iter()
        .map(|one| format!("{} ({}) stays: {}", one.group.name, one.id, one.holders.join("; ")))
        .collect();
    notes.sort();
    let Occasion { estate, under, made, valid_until } = occasion;
    Plan {
        format: FORMAT.to_owned(),
        estate,
        under,
        made,
        valid_until,
        workloads: None,
        estate_only: None,
        plane: plane.name().to_owned(),
        limits: PlannedLimits::of(&plane.limits()),
        groups: groups.into_iter().map(Arc::new).collect(),
        attachments: Shared::default(),
        edges: edges.iter().map(|one| one.edge.clone()).collect(),
        unheld: Vec::new(),
        owners: Vec::new(),
        assertions: Vec::new(),
        gaps: Vec::new(),
        surprises: Vec::new(),
        compared: 0,
        reads: reads.into_iter().collect(),
        steps: steps.into(),
        notes,
    }
}

/// What is read of a list for edges, and the step that takes it away.
fn of_edge(one: &OwnEdge) -> (Read, Step) {
    let (edge, id) = (|| one.edge.name.clone(), one.edge.there.clone().unwrap_or_default());
    let (account, region) = (one.edge.account.clone(), one.edge.region.clone());
    let read = Read { what: ReadKind::Acl, id, account, region, facts: one.facts.clone() };
    let (away, again) = (Action::DeleteEdge { edge: edge() }, Action::CreateEdge { edge: edge() });
    (read, Step::new(away, again))
}

fn removal(group: &str, rules: Option<PlannedRules>) -> Step {
    let (group, again) = (group.to_owned(), rules.clone());
    Step::new(
        Action::RemoveRules { group: group.clone(), rules },
        Action::AddRules { group, rules: again },
    )
}

fn read(one: &OwnGroup, what: ReadKind, facts: BTreeMap<String, Vec<String>>) -> Read {
    let (account, region) = (one.group.account.clone(), one.group.region.clone());
    Read { what, id: one.id.clone(), account, region, facts }
}

/// The rules that name groups which go, by name: their ids are others when they are made again.
fn naming(group: &PlannedGroup, names: &BTreeMap<&str, &str>) -> PlannedRules {
    let some = |rules: &[PlannedRule]| -> Vec<PlannedRule> {
        let found = rules.iter().filter_map(|rule| {
            let name = names.get(rule.peer.as_str())?;
            Some(PlannedRule { peer: (*name).to_owned(), ..rule.clone() })
        });
        found.collect()
    };
    PlannedRules { ingress: some(&group.ingress), egress: some(&group.egress) }
}

/// A group whose rules name those that go with it by name.
fn named(group: &PlannedGroup, names: &BTreeMap<&str, &str>) -> PlannedGroup {
    let each = |rules: &[PlannedRule]| -> Vec<PlannedRule> {
        let named = rules.iter().map(|rule| match names.get(rule.peer.as_str()) {
            Some(name) => PlannedRule { peer: (*name).to_owned(), ..rule.clone() },
            None => rule.clone(),
        });
        named.collect()
    };
    PlannedGroup { ingress: each(&group.ingress), egress: each(&group.egress), ..group.clone() }
}
