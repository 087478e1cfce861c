//! The steps of a plan, replayed: what is possible in between lies between old ∩ new and old ∪ new.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use watertight_compile::{
    Action, Artifacts, Attachment, Edge, Group, GroupName, GroupRule, HeldGroup, InTurn, Occasion,
    Plan, Plane, PlannedRule, RulePeer,
};
use watertight_model::{Estate, Name};
use watertight_net::{FlowSet, Prefix};
use watertight_reach::{Class, Reach, named_prefixes};

use crate::drawn::{self, Since};
use crate::lab::Lab;
use crate::{note, seeds};

/// What passes for sure between endpoints and outside parts, by name.
pub(crate) type Passing = BTreeMap<(String, String), FlowSet>;

pub(crate) fn passing(estate: &Estate, boundaries: &BTreeSet<Prefix>) -> Passing {
    let reach = Reach::new(&estate.network);
    let matrix = reach.matrix(boundaries);
    let names = |class: usize| -> Vec<String> {
        match &matrix.classes[class] {
            Class::Endpoints(members) => {
                members.iter().map(|id| estate.network.endpoints[*id].name.to_string()).collect()
            }
            other => vec![format!("{other:?}")],
        }
    };
    let mut found = Passing::new();
    for ((from, to), cell) in matrix.cells() {
        for one in names(from) {
            for other in names(to).into_iter().filter(|other| *other != one) {
                found.insert((one.clone(), other), cell.forward.possible.clone());
            }
        }
    }
    found
}

/// What the provider holds in between: the rules of each group, and who carries what.
pub(crate) struct Between<'l> {
    lab: &'l Lab,
    groups: Vec<Group>,
    carried: BTreeMap<String, Vec<String>>,
    /// Groups of ours that are there before, by id.
    names: BTreeMap<String, String>,
    /// The lists at the edges of subnets, where some change.
    edges: Option<Vec<Edge>>,
    /// All lists of ours for edges, old and new.
    known: Vec<Edge>,
}

impl<'l> Between<'l> {
    pub(crate) fn new(lab: &'l Lab, whole: &Artifacts, held: &[HeldGroup]) -> Self {
        let groups = whole.groups.iter().map(|group| {
            let there = held.iter().find(|one| one.name == group.name.0);
            let rules = there.map(|one| one.rules.clone()).unwrap_or_default();
            Group {
                ingress: rules_of(&rules.ingress),
                egress: rules_of(&rules.egress),
                ..Group::clone(group)
            }
        });
        let before = |one: &Attachment| one.before.iter().map(ToString::to_string).collect();
        let carried = whole.attachments.iter().map(|one| (one.endpoint.to_string(), before(one)));
        let names = held.iter().map(|one| (one.id.clone(), one.name.clone()));
        let lists = lab.with(|_, plane| plane.edges());
        let held = lists.iter().filter_map(|list| list.ours.as_ref());
        let held: Vec<Edge> = held.map(|ours| ours.edge.clone()).collect();
        let mut now = held.clone();
        now.sort();
        now.dedup();
        let known = whole.edges.iter().flatten().cloned().chain(held).collect();
        let (groups, carried, names) = (groups.collect(), carried.collect(), names.collect());
        Self { lab, groups, carried, names, edges: whole.edges.is_some().then_some(now), known }
    }

    /// Takes a step, as far as it changes what the provider holds.
    pub(crate) fn take(&mut self, action: &Action, whole: &Artifacts) {
        match action {
            Action::CreateGroup { .. }
            | Action::DeleteGroup { .. }
            | Action::SetTemplate(_)
            | Action::UnsetTemplate(_)
            | Action::CreateEdge { .. }
            | Action::DeleteEdge { .. } => {}
            Action::SetEdge { subnet, to, .. } => self.set_edge(subnet, to),
            Action::SetGroups { endpoint, from, to } => {
                self.set(std::slice::from_ref(endpoint), from, to);
            }
            Action::SetGroupsThrough { endpoints, from, to, .. } => {
                self.set(endpoints, from, to);
            }
            Action::AddRules { group: name, rules } => {
                let whole = whole.groups.iter().find(|group| group.name.0 == *name);
                let group = self.groups.iter_mut().find(|group| group.name.0 == *name);
                let (whole, group) = (whole.expect("it is planned"), group.expect("it is there"));
                match rules {
                    None => *group = Group::clone(whole),
                    Some(rules) => {
                        group.ingress.extend(rules_of(&rules.ingress));
                        group.egress.extend(rules_of(&rules.egress));
                    }
                }
            }
            Action::RemoveRules { group: name, rules } => {
                let rules = rules.as_ref().expect("only rules by name are taken off");
                let named = |rules: &[PlannedRule]| -> Vec<GroupRule> {
                    let peer = |rule: &PlannedRule| self.names.get(&rule.peer).cloned();
                    let each = rules.iter().map(|rule| PlannedRule {
                        peer: peer(rule).unwrap_or_else(|| rule.peer.clone()),
                        ..rule.clone()
                    });
                    rules_of(&each.collect::<Vec<_>>())
                };
                let (ingress, egress) = (named(&rules.ingress), named(&rules.egress));
                let group = self.groups.iter_mut().find(|group| group.name.0 == *name);
                let group = group.expect("it is there");
                let before = group.ingress.len() + group.egress.len();
                group.ingress.retain(|rule| !ingress.contains(rule));
                group.egress.retain(|rule| !egress.contains(rule));
                let taken = before - group.ingress.len() - group.egress.len();
                assert_eq!(taken, ingress.len() + egress.len(), "all of {rules:?} are there");
            }
        }
    }

    fn set_edge(&mut self, subnet: &str, to: &str) {
        let edges = self.edges.as_mut().expect("edges change");
        for edge in &mut *edges {
            edge.subnets.retain(|one| **one != *subnet);
        }
        edges.retain(|edge| !edge.subnets.is_empty());
        let Some(known) = self.known.iter().find(|edge| edge.name.0 == to) else {
            assert!(!to.starts_with(GroupName::PREFIX), "{to} is planned");
            return;
        };
        match edges.iter_mut().find(|edge| edge.name == known.name) {
            Some(edge) => edge.subnets.push(Name::from(subnet)),
            None => edges.push(Edge { subnets: vec![Name::from(subnet)], ..known.clone() }),
        }
    }

    fn set(&mut self, endpoints: &[String], from: &[String], to: &[String]) {
        // Groups of ours that a plan does not hold stand by their ids.
        let is_whole = |name: &&String| self.groups.iter().any(|group| group.name.0 == **name);
        let name = |id: &String| self.names.get(id).filter(is_whole).unwrap_or(id).clone();
        let named = |ids: &[String]| -> BTreeSet<String> { ids.iter().map(name).collect() };
        let (from, to) = (named(from), named(to));
        for endpoint in endpoints {
            let carried = self.carried.get(endpoint).into_iter().flatten().cloned().collect();
            assert_eq!(from, carried, "steps follow each other");
            self.carried.insert(endpoint.clone(), to.iter().cloned().collect());
        }
    }

    fn artifacts(&self, whole: &Artifacts) -> Artifacts {
        let attachments = whole.attachments.iter().map(|one| {
            let now = self.carried.get(&*one.endpoint).cloned().unwrap_or_default();
            let (ours, others): (Vec<String>, Vec<String>) =
                now.into_iter().partition(|name| name.starts_with(GroupName::PREFIX));
            Attachment {
                groups: ours.into_iter().map(GroupName).collect(),
                others: others.into_iter().map(Name::from).collect(),
                ..one.clone()
            }
        });
        let groups = self.groups.iter().cloned().map(Arc::new).collect();
        let edges = self.edges.clone();
        Artifacts { groups, attachments: attachments.collect(), edges }
    }

    pub(crate) fn estate(&self, whole: &Artifacts) -> Estate {
        self.lab.holding(&self.artifacts(whole))
    }
}

fn rules_of(rules: &[PlannedRule]) -> Vec<GroupRule> {
    let each = rules.iter().map(|rule| GroupRule {
        peer: match rule.peer.parse::<Prefix>() {
            Ok(prefix) => RulePeer::Prefix(prefix),
            Err(_) => RulePeer::Group(GroupName(rule.peer.clone())),
        },
        flows: Arc::new(rule.over.parse().expect("rules have flows")),
    });
    each.collect()
}

/// How many steps were replayed before something was named.
#[derive(Default)]
pub(crate) struct Replayed {
    pub(crate) steps: u64,
    /// Plans with a step that is named because something is full.
    pub(crate) full: u64,
    /// Plans with a step that opens something.
    pub(crate) opened: u64,
    pub(crate) plans: u64,
}

/// Replays a plan: nothing is opened or interrupted before a step that names it.
pub(crate) fn replay(case: &str, lab: &Lab, replayed: &mut Replayed) {
    let Ok(made) = lab.make() else { return };
    let whole = &made.compiled.artifacts;
    let held = lab.with(|_, plane| plane.held());
    let mut boundaries = named_prefixes(&made.after.network);
    boundaries.extend(named_prefixes(&lab.estate.network));
    let (old, new) = (passing(&lab.estate, &boundaries), passing(&made.after, &boundaries));
    let mut between = Between::new(lab, whole, &held);
    assert_eq!(
        passing(&between.estate(whole), &boundaries),
        old,
        "{case}: it begins with what is there"
    );
    let mut is_named = false;
    let text = String::new;
    let occasion = Occasion { estate: text(), under: text(), made: text(), valid_until: None };
    let plan =
        lab.with(|_, plane| Plan::new(occasion, plane, (&made.compiled, &made.proof), &InTurn));
    for (number, step) in plan.steps.iter().enumerate() {
        between.take(&step.action, whole);
        if let Some(text) = step.transient.as_deref().filter(|_| !is_named) {
            let count =
                if text.contains("no room") { &mut replayed.full } else { &mut replayed.opened };
            *count += 1;
            is_named = true;
        }
        if is_named || matches!(step.action, Action::CreateGroup { .. } | Action::CreateEdge { .. })
        {
            continue;
        }
        let now = passing(&between.estate(whole), &boundaries);
        let pairs: BTreeSet<_> = old.keys().chain(new.keys()).chain(now.keys()).collect();
        for pair in pairs {
            let of = |all: &Passing| all.get(pair).cloned().unwrap_or_default();
            let (old, new, now) = (of(&old), of(&new), of(&now));
            let (at_least, at_most) = (old.intersection(&new), old.union(&new));
            let name = format!("{case}, step {number} ({}): {pair:?}", step.action.words());
            assert!(now.contains(&at_least), "{name} loses {:?}", at_least.difference(&now));
            assert!(at_most.contains(&now), "{name} opens {:?}", now.difference(&at_most));
        }
        replayed.steps += 1;
    }
    replayed.plans += 1;
    assert_eq!(
        passing(&between.estate(whole), &boundaries),
        new,
        "{case}: it ends with what is intended"
    );
}

#[test]
fn every_step_stays_between_old_and_new() {
    let mut replayed = Replayed::default();
    for seed in seeds(10) {
        replay(&format!("seed {seed}"), &drawn::lab(seed).0, &mut replayed);
    }
    let Replayed { steps, opened, plans, .. } = replayed;
    note(&format!(
        "plan: {steps} steps of {plans} plans replayed, none opens or interrupts what it must not; \
         {opened} plans open something in between, and say so"
    ));
    assert!(steps > 50, "{steps} steps are too few to tell");
}

#[test]
fn every_step_over_groups_that_are_there_stays_between_old_and_new_or_is_named() {
    for since in [Since::Drifted, Since::Rewritten, Since::Moved] {
        let mut replayed = Replayed::default();
        for seed in seeds(10) {
            let Some(lab) = drawn::later(seed, since) else { continue };
            replay(&format!("{since:?}, seed {seed}"), &lab, &mut replayed);
        }
        let Replayed { steps, full, opened, plans } = replayed;
        note(&format!(
            "plan: {since:?}: {steps} steps of {plans} plans replayed; in {full} a group or an \
             interface has no room, {opened} open something in between"
        ));
        assert!(steps > 10, "{since:?}: {steps} steps are too few to tell");
        // Only who moves between groups has something opened in between.
        assert!(since != Since::Drifted || opened == 0, "{since:?}: {opened}");
    }
}
