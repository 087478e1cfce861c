//! Findings about fronts that can be walked around.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use watertight_model::WorkloadKind;
use watertight_model::network::{EndpointId, FrontId, TargetEnd};
use watertight_net::FlowSet;
use watertight_reach::{Class, ClassIndex, FrontLeg, Reach, front_legs};

use super::Input;
use crate::assessment::view::{EvidenceView, FindingView, Severity};
use crate::ends::Member;
use crate::text::few;

/// For how many pairs of one front the rules that let by are named.
const PAIRS_TOLD_MAX: usize = 4;

/// For how many pairs of one front that keeps the sender's address it is asked how they connect.
const PAIRS_ASKED_MAX: usize = 500;

/// Who reaches the targets of one front past it.
#[derive(Default)]
struct Around {
    /// The senders, with the target's class.
    pairs: BTreeSet<(ClassIndex, ClassIndex)>,
    /// Those of them whom no listener of the front hears.
    unheard: BTreeSet<ClassIndex>,
    over: Vec<FlowSet>,
}

/// One finding for each front whose targets can be reached past it.
pub(super) fn findings(input: &Input<'_>) -> Vec<FindingView> {
    let network = &input.facts.estate.network;
    let matrix = input.facts.matrix;
    let mut fronts: BTreeMap<FrontId, Around> = BTreeMap::new();
    let legs = front_legs(network, matrix);
    let heard = heard(input, &legs);
    let columns = columns(input, &legs);
    for leg in &legs {
        let Some(to) = matrix.class_of(leg.to) else { continue };
        let around = fronts.entry(leg.front).or_default();
        for (from, established) in columns.get(&to).into_iter().flatten() {
            if is_front(input, *from) || !established.intersects(&leg.flows.possible) {
                continue;
            }
            around.pairs.insert((*from, to));
            let flows = leg.flows.possible.any_source();
            if !around.over.contains(&flows) {
                around.over.push(flows);
            }
            if !heard.get(&leg.front).is_some_and(|heard| heard.contains(from)) {
                around.unheard.insert(*from);
            }
        }
    }
    let reach = Reach::new(network);
    keeping(input, &reach, &mut fronts);
    fronts
        .into_iter()
        .filter(|(_, around)| !around.pairs.is_empty())
        .map(|(front, around)| finding(input, &reach, front, &around))
        .collect()
}

/// Adds the fronts that keep the sender's address. Who gets past them looks like who gets through, so
/// that each pair is asked by which way it goes.
fn keeping(input: &Input<'_>, reach: &Reach<'_>, fronts: &mut BTreeMap<FrontId, Around>) {
    let network = &input.facts.estate.network;
    let matrix = input.facts.matrix;
    for (id, front) in network.fronts.iter() {
        let targets = kept_targets(input, id);
        let dialled: BTreeSet<ClassIndex> =
            front.endpoints.iter().filter_map(|endpoint| matrix.class_of(*endpoint)).collect();
        let senders = matrix.classes.iter().enumerate().map(|(from, _)| from);
        let pairs = senders.flat_map(|from| targets.iter().map(move |target| (from, target)));
        let open = pairs.filter(|(from, (to, flows))| {
            let cell = matrix.cell(*from, *to);
            !is_front(input, *from)
                && cell.is_some_and(|cell| cell.established.possible.intersects(flows))
        });
        let around = fronts.entry(id).or_default();
        for (from, (to, flows)) in open.take(PAIRS_ASKED_MAX) {
            let by = |class: ClassIndex| {
                let ways = reach.ways(matrix, from, class).into_iter();
                let mut ending = ways.filter(|way| {
                    let end = way.to.and_then(|end| matrix.class_of(end));
                    end == Some(*to) && way.established.possible.intersects(flows)
                });
                ending.next().is_some()
            };
            if by(*to) {
                around.pairs.insert((from, *to));
                let told = flows.any_source();
                if !around.over.contains(&told) {
                    around.over.push(told);
                }
                if !dialled.iter().any(|class| by(*class)) {
                    around.unheard.insert(from);
                }
            }
        }
    }
}

/// The classes of the targets that see the sender's address, with what a front sends them.
fn kept_targets(input: &Input<'_>, front: FrontId) -> Vec<(ClassIndex, FlowSet)> {
    let network = &input.facts.estate.network;
    let mut found: BTreeSet<(ClassIndex, FlowSet)> = BTreeSet::new();
    for listener in &network.fronts[front].listeners {
        let groups = listener.target_groups.iter().map(|group| &network.target_groups[*group]);
        for group in groups.filter(|group| group.preserves_source) {
            for target in &group.targets {
                let TargetEnd::Endpoint(endpoint, _) = &target.end else { continue };
                let Some(class) = input.facts.matrix.class_of(*endpoint) else { continue };
                let flows = target.port.map_or_else(
                    || listener.flows.clone(),
                    |port| listener.flows.with_destination_port(port),
                );
                found.insert((class, flows));
            }
        }
    }
    found.into_iter().collect()
}

/// What every class of endpoints can open towards the targets of legs.
fn columns(
    input: &Input<'_>,
    legs: &[FrontLeg],
) -> BTreeMap<ClassIndex, Vec<(ClassIndex, FlowSet)>> {
    let matrix = input.facts.matrix;
    let wanted: BTreeSet<ClassIndex> =
        legs.iter().filter_map(|leg| matrix.class_of(leg.to)).collect();
    let mut columns: BTreeMap<ClassIndex, Vec<(ClassIndex, FlowSet)>> = BTreeMap::new();
    for ((from, to), cell) in matrix.cells() {
        let inside = matches!(matrix.classes.get(from), Some(Class::Endpoints(_)));
        if inside && wanted.contains(&to) && !cell.established.possible.is_empty() {
            let flows = cell.established.possible.clone();
            columns.entry(to).or_default().push((from, flows));
        }
    }
    columns
}

/// The classes that reach a listener of each front.
fn heard(input: &Input<'_>, legs: &[FrontLeg]) -> BTreeMap<FrontId, BTreeSet<ClassIndex>> {
    let matrix = input.facts.matrix;
    let mut listening: BTreeMap<ClassIndex, Vec<&FrontLeg>> = BTreeMap::new();
    for leg in legs {
        if let Some(class) = matrix.class_of(leg.from) {
            listening.entry(class).or_default().push(leg);
        }
    }
    let mut heard: BTreeMap<FrontId, BTreeSet<ClassIndex>> = BTreeMap::new();
    for ((from, to), cell) in matrix.cells() {
        for leg in listening.get(&to).into_iter().flatten() {
            if cell.established.possible.intersects(&leg.listens) {
                heard.entry(leg.front).or_default().insert(from);
            }
        }
    }
    heard
}

/// Whether a class is of fronts, or of what runs no code and asks for nothing.
fn is_front(input: &Input<'_>, class: ClassIndex) -> bool {
    let estate = input.facts.estate;
    let Some(Class::Endpoints(members)) = input.facts.matrix.classes.get(class) else {
        return true;
    };
    let kind = |id: &EndpointId| estate.workloads[estate.network.endpoints[*id].workload].kind;
    members.iter().all(|id| {
        matches!(
            kind(id),
            WorkloadKind::LoadBalancer | WorkloadKind::Gateway | WorkloadKind::PrivateService
        ) || !kind(id).runs_code()
    })
}

fn finding(input: &Input<'_>, reach: &Reach<'_>, front: FrontId, around: &Around) -> FindingView {
    let estate = input.facts.estate;
    let front = &estate.network.fronts[front];
    let name = input.names.of(front.workload);
    let labels = |classes: BTreeSet<ClassIndex>| -> Vec<String> {
        let classes = classes.iter().filter_map(|class| input.facts.matrix.classes.get(*class));
        let members: BTreeSet<Member> =
            classes.flat_map(|class| input.names.class_members(class)).collect();
        let labels: BTreeSet<String> = members.into_iter().map(|member| member.label).collect();
        labels.into_iter().collect()
    };
    let senders = labels(around.pairs.iter().map(|(from, _)| *from).collect());
    let targets = labels(around.pairs.iter().map(|(_, to)| *to).collect());
    let unheard = labels(around.unheard.clone());
    let over: Vec<String> = around.over.iter().map(ToString::to_string).collect();
    let evidence = rules(input, reach, around);
    let mut text = format!(
        "{} reach {} over {} without it.",
        few(&senders, 20),
        few(&targets, 4),
        few(&over, 3)
    );
    if !unheard.is_empty() {
        let _ = write!(text, " Its listeners would not hear {}.", few(&unheard, 20));
    }
    let mut resources: BTreeSet<String> = evidence.iter().map(|one| one.resource.clone()).collect();
    resources.insert(front.name.to_string());
    FindingView {
        id: String::new(),
        rule: "front-bypassed",
        severity: if unheard.is_empty() { Severity::Low } else { Severity::Medium },
        title: format!("{name} can be walked around to {}", few(&targets, 3)),
        text,
        resources: resources.into_iter().collect(),
        evidence,
        links: Vec::new(),
    }
}

/// The rules at the targets that let others in past the front.
fn rules(input: &Input<'_>, reach: &Reach<'_>, around: &Around) -> Vec<EvidenceView> {
    let network = &input.facts.estate.network;
    let first = |unheard: bool| {
        let pairs = around.pairs.iter();
        pairs.filter(move |(from, _)| around.unheard.contains(from) == unheard)
    };
    let told = first(true).chain(first(false)).take(PAIRS_TOLD_MAX);
    let mut found: BTreeSet<EvidenceView> = BTreeSet::new();
    for (from, to) in told {
        for way in reach.ways(input.facts.matrix, *from, *to) {
            let Some((_, rules)) = way.layers.last() else { continue };
            for (at, accepts) in rules {
                if !around.over.iter().any(|over| accepts.intersects(over)) {
                    continue;
                }
                let guard = &network.guards[at.guard];
                let stage = guard.stages(at.direction).get(at.stage);
                let Some(rule) = stage.and_then(|stage| stage.rules.get(at.rule)) else {
                    continue;
                };
                let text = format!("accepts {} past the front", rule.flows);
                found.insert(input.evidence(&guard.name, &rule.name, &text));
            }
        }
    }
    found.into_iter().collect()
}
