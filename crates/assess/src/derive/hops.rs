//! Hops that connectivity gives: net, front, datanet.

use std::collections::{BTreeMap, BTreeSet};

use watertight_model::network::{EndpointId, GuardId, Health, TargetEnd};
use watertight_model::{Bounds, CredentialId};
use watertight_net::FlowSet;
use watertight_reach::{Class, ClassIndex, FrontLeg, Way};

use super::subjects::Subjects;
use super::support::Ends;
use super::{Building, Input, fans, own, ports};
use crate::fact::{Fact, Subject};
use crate::hop::{Evidence, Hop, Removable, Status, Variant};

/// Adds every hop that does not need a grant.
pub(crate) fn add(input: &Input<'_>, subjects: &Subjects, building: &mut Building) {
    let goals = goals(input, subjects);
    let pairs: BTreeSet<(ClassIndex, ClassIndex)> =
        if input.matrix.cells_len() <= input.options.pairs_max {
            input.matrix.cells().map(|(pair, _)| pair).collect()
        } else {
            fans::add(input, subjects, &goals, building)
        };
    let fronts = fronts_before(input);
    let listening = listening(input);
    for (number, (from, to)) in pairs.into_iter().enumerate() {
        let Some(source) = Source::of(input, subjects, from) else { continue };
        if number < input.options.pairs_max {
            let ends = Ends { input, listening: &listening, from, to };
            add_pair(&ends, building, &source, &goals, &fronts);
        } else {
            add_unasked(input, building, &source, &goals, (from, to));
        }
    }
    own::add(input, subjects, building);
}

/// What being let in to a class is good for.
#[derive(Clone, Debug)]
pub(super) struct Goal {
    /// Whom it is about.
    pub(super) subject: Subject,
    /// What is gained.
    pub(super) conclusion: Fact,
    pub(super) variant: Variant,
    /// What must be held besides code at the sender.
    pub(super) key: Option<Subject>,
    /// By which flows it is gained.
    pub(super) flows: FlowSet,
    /// Whether something is known to be there that listens.
    pub(super) known: bool,
    /// The endpoint that has to be reached, where it matters which.
    endpoint: Option<EndpointId>,
    /// What a front adds to the evidence.
    front: Option<Evidence>,
    /// How many workloads the subject stands for.
    pub(super) members: u32,
}

/// The goals at each class: its own workloads, and what the fronts among them lead to.
pub(super) fn goals(input: &Input<'_>, subjects: &Subjects) -> BTreeMap<ClassIndex, Vec<Goal>> {
    let listeners = known_listeners(input);
    let keys = keys(input, subjects);
    let mut found: BTreeMap<ClassIndex, Vec<Goal>> = BTreeMap::new();
    for (class, content) in input.matrix.classes.iter().enumerate() {
        let Class::Endpoints(members) = content else { continue };
        let mut seen: BTreeSet<Subject> = BTreeSet::new();
        for endpoint in members {
            let Some(subject) = subjects.endpoint(input.estate, *endpoint) else { continue };
            if seen.insert(subject) {
                let known = listeners.get(endpoint).cloned().unwrap_or_else(FlowSet::none);
                let own = direct(subjects, subject, known, keys.get(&subject));
                found.entry(class).or_default().extend(own);
            }
        }
    }
    for leg in input.legs {
        let Some(class) = input.matrix.class_of(leg.from) else { continue };
        if let Some(goal) = through(input, subjects, leg) {
            found.entry(class).or_default().push(goal);
        }
    }
    found
}

/// What is gained by reaching a workload itself.
fn direct(
    subjects: &Subjects,
    subject: Subject,
    known: FlowSet,
    keys: Option<&BTreeSet<Subject>>,
) -> Vec<Goal> {
    let store = subjects.is_store(subject);
    let goal = |variant, flows: FlowSet, known, key| Goal {
        subject,
        conclusion: if store { Fact::read(subject) } else { Fact::exec(subject) },
        variant,
        key,
        flows,
        known,
        endpoint: None,
        front: None,
        members: subjects.members_of(subject),
    };
    let keys = keys.into_iter().flatten().copied();
    if store {
        let with = keys.map(|key| goal(Variant::DatanetWithKey, ports::data(), true, Some(key)));
        let without = goal(Variant::DatanetWithoutKey, ports::data(), true, None);
        return with.chain([without]).collect();
    }
    let administration = ports::administration();
    let rest = ports::connections().difference(&administration).difference(&known);
    let with = keys.map(|key| {
        goal(Variant::NetAdministrationWithKey, administration.clone(), true, Some(key))
    });
    let mut goals: Vec<Goal> = with.collect();
    goals.push(goal(Variant::NetAdministration, administration.clone(), true, None));
    if !known.is_empty() {
        goals.push(goal(Variant::NetKnownListener, known, true, None));
    }
    goals.push(goal(Variant::NetPossibleListener, rest, false, None));
    goals
}

/// What is gained by reaching a listener of a front.
fn through(input: &Input<'_>, subjects: &Subjects, leg: &FrontLeg) -> Option<Goal> {
    let target = subjects.endpoint(input.estate, leg.to)?;
    let (variant, conclusion) = if subjects.is_store(target) {
        (Variant::DatanetWithoutKey, Fact::read(target))
    } else {
        (Variant::FrontKnownListener, Fact::exec(target))
    };
    let front = &input.estate.network.fronts[leg.front];
    let listener = front.listeners.get(leg.listener);
    Some(Goal {
        subject: target,
        conclusion,
        variant,
        key: None,
        flows: leg.listens.clone(),
        known: !leg.flows.sure.is_empty(),
        endpoint: Some(leg.from),
        front: Some(Evidence {
            resource: front.name.to_string(),
            rule: listener.map(|listener| listener.name.to_string()).unwrap_or_default(),
            text: match listener {
                Some(_) => format!("listener leads to {}", leg.flows.possible),
                None => "what it listens on is not in the input".to_owned(),
            },
        }),
        members: subjects.members_of(target),
    })
}

/// The secrets that open a workload. No provider says which do; a secret of the same account with
/// the workload's name as a part of its own (`prod/orders-db/master`) is taken to be one.
fn keys(input: &Input<'_>, subjects: &Subjects) -> BTreeMap<Subject, BTreeSet<Subject>> {
    let mut parts: BTreeMap<&str, Vec<CredentialId>> = BTreeMap::new();
    for (id, credential) in input.estate.credentials.iter() {
        if credential.kind == "secret" {
            for part in credential.name.split('/') {
                parts.entry(part).or_default().push(id);
            }
        }
    }
    let mut found: BTreeMap<Subject, BTreeSet<Subject>> = BTreeMap::new();
    if parts.is_empty() {
        return found;
    }
    for (id, workload) in input.estate.workloads.iter() {
        let Some(subject) = subjects.workload(id) else { continue };
        for secret in parts.get(workload.name.as_str()).into_iter().flatten() {
            if input.estate.credentials[*secret].account == workload.account
                && let Some(secret) = subjects.credential(*secret)
            {
                found.entry(subject).or_default().insert(secret);
            }
        }
    }
    found
}

/// Who sends: workloads that run code, or the internet.
#[derive(Clone, Debug)]
pub(super) struct Source {
    pub(super) facts: Vec<(Subject, Fact)>,
}

impl Source {
    pub(super) fn of(input: &Input<'_>, subjects: &Subjects, class: ClassIndex) -> Option<Self> {
        let facts: BTreeSet<(Subject, Fact)> = match input.matrix.classes.get(class)? {
            Class::Endpoints(_) => subjects
                .in_class(class)
                .filter_map(|id| subjects.workload(id))
                .filter(|subject| !subjects.is_store(*subject))
                .map(|subject| (subject, Fact::exec(subject)))
                .collect(),
            Class::Internet(_) => {
                BTreeSet::from([(subjects.internet, Fact::exec(subjects.internet))])
            }
            Class::Outside(..) => return None,
        };
        (!facts.is_empty()).then(|| Self { facts: facts.into_iter().collect() })
    }
}

/// Ports where something is known to listen: registered with a front.
fn known_listeners(input: &Input<'_>) -> BTreeMap<EndpointId, FlowSet> {
    let network = &input.estate.network;
    let mut known: BTreeMap<EndpointId, FlowSet> = BTreeMap::new();
    for front in network.fronts.values() {
        for listener in &front.listeners {
            for group in &listener.target_groups {
                for target in &network.target_groups[*group].targets {
                    let (TargetEnd::Endpoint(endpoint, _), Some(port)) = (&target.end, target.port)
                    else {
                        continue;
                    };
                    if target.health == Health::Unhealthy {
                        continue;
                    }
                    let flows = listener.flows.with_destination_port(port);
                    let entry = known.entry(*endpoint).or_insert_with(FlowSet::none);
                    *entry = entry.union(&flows);
                }
            }
        }
    }
    known
}

/// Adds what one class gains at another, with the rules and routes of every way.
fn add_pair(
    ends: &Ends<'_>,
    building: &mut Building,
    source: &Source,
    goals: &BTreeMap<ClassIndex, Vec<Goal>>,
    fronts: &BTreeMap<ClassIndex, BTreeSet<ClassIndex>>,
) {
    let Ends { input, from, to, .. } = *ends;
    let dialled = fronts.get(&to).into_iter().flatten().copied().chain([to]);
    for way in dialled.flat_map(|class| input.reach.ways(input.matrix, from, class)) {
        let Some(end) = way.to.filter(|end| input.matrix.class_of(*end) == Some(to)) else {
            continue;
        };
        for goal in goals.get(&to).into_iter().flatten() {
            if goal.endpoint.is_none_or(|endpoint| endpoint == end) {
                add_goal(ends, building, source, goal, &way);
            }
        }
    }
}

/// The classes of fronts that lead to a class and keep the sender's address: who dials them is at
/// their target.
fn fronts_before(input: &Input<'_>) -> BTreeMap<ClassIndex, BTreeSet<ClassIndex>> {
    let network = &input.estate.network;
    let mut found: BTreeMap<ClassIndex, BTreeSet<ClassIndex>> = BTreeMap::new();
    for front in network.fronts.values() {
        let groups = front.listeners.iter().flat_map(|listener| &listener.target_groups);
        let keeping = groups.map(|group| &network.target_groups[*group]);
        for group in keeping.filter(|group| group.preserves_source) {
            for target in &group.targets {
                let TargetEnd::Endpoint(endpoint, _) = &target.end else { continue };
                let Some(class) = input.matrix.class_of(*endpoint) else { continue };
                let fronts = front.endpoints.iter().filter_map(|id| input.matrix.class_of(*id));
                found.entry(class).or_default().extend(fronts);
            }
        }
    }
    found
}

fn add_goal(ends: &Ends<'_>, building: &mut Building, source: &Source, goal: &Goal, way: &Way) {
    let over = meet(&way.established, &goal.flows);
    if over.possible.is_empty() {
        return;
    }
    let input = ends.input;
    let support = ends.support(building, way, goal);
    let mut evidence = evidence(input, way, &over.possible);
    evidence.extend(goal.front.clone());
    for (subject, premise) in &source.facts {
        if *subject == goal.subject && goal.members == 1 {
            continue;
        }
        note_pairs(building, way, &support, (*subject, goal.subject));
        let mut hop = goal_hop(input, goal, *premise, !over.sure.is_empty());
        hop.evidence.clone_from(&evidence);
        hop.support.clone_from(&support);
        building.graph.hop(hop);
    }
}

/// The hop to a goal, without evidence and support.
pub(super) fn goal_hop(input: &Input<'_>, goal: &Goal, premise: Fact, sure: bool) -> Hop {
    let premises = [premise].into_iter().chain(goal.key.map(Fact::hold));
    let table = &input.options.likelihoods;
    let mut hop = Hop::new(goal.variant, premises, goal.conclusion, table);
    // That a secret opens what its name says is likely, not known.
    let sure = sure && goal.known && goal.key.is_none();
    hop.status = if sure { Status::Sure } else { Status::Possible };
    hop
}

/// What is known to listen at the endpoints of each guard.
fn listening(input: &Input<'_>) -> BTreeMap<GuardId, FlowSet> {
    let network = &input.estate.network;
    let mut found: BTreeMap<GuardId, FlowSet> = BTreeMap::new();
    for (endpoint, known) in known_listeners(input) {
        for layer in &network.endpoints[endpoint].layers {
            for guard in &network.layers[*layer].guards {
                let entry = found.entry(*guard).or_insert_with(FlowSet::none);
                *entry = entry.union(&known);
            }
        }
    }
    found
}

/// Adds what one class gains at another by the matrix alone: hops that stand whatever is removed.
fn add_unasked(
    input: &Input<'_>,
    building: &mut Building,
    source: &Source,
    goals: &BTreeMap<ClassIndex, Vec<Goal>>,
    (from, to): (ClassIndex, ClassIndex),
) {
    let Some(cell) = input.matrix.cell(from, to) else { return };
    for goal in goals.get(&to).into_iter().flatten() {
        let over = meet(&cell.established, &goal.flows);
        if over.possible.is_empty() {
            continue;
        }
        for (subject, premise) in &source.facts {
            if *subject != goal.subject || goal.members > 1 {
                building.graph.hop(goal_hop(input, goal, *premise, !over.sure.is_empty()));
            }
        }
    }
}

pub(super) fn meet(flows: &Bounds<FlowSet>, with: &FlowSet) -> Bounds<FlowSet> {
    Bounds { sure: flows.sure.intersection(with), possible: flows.possible.intersection(with) }
}

/// Notes for each removable thing that a pair loses this way without it.
fn note_pairs(
    building: &mut Building,
    way: &Way,
    support: &[BTreeSet<Removable>],
    (from, to): (Subject, Subject),
) {
    let things: BTreeSet<Removable> = support.iter().flatten().copied().collect();
    for thing in things {
        if !building.is_open_after(thing, way) {
            building.pairs.entry(thing).or_default().insert((from.0, to.0));
        }
    }
}

/// The rules and routes by which a way is open.
fn evidence(input: &Input<'_>, way: &Way, flows: &FlowSet) -> Vec<Evidence> {
    let network = &input.estate.network;
    let mut found: Vec<Evidence> = way
        .routes
        .iter()
        .map(|(table, text)| Evidence {
            resource: network.tables[*table].name.to_string(),
            rule: "route".to_owned(),
            text: text.to_string(),
        })
        .collect();
    for (_, rules) in &way.layers {
        for (at, accepted) in rules {
            if !accepted.intersects(flows) {
                continue;
            }
            found.push(Evidence {
                resource: network.guards[at.guard].name.to_string(),
                rule: super::actions::rule_name(input, *at),
                text: super::actions::rule_text(input, *at),
            });
        }
    }
    found
}
