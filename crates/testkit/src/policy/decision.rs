//! The steps of a decision.

use std::collections::BTreeSet;

use watertight_policy::syntax::{
    Action, DefaultAction, Document, FaultMode, Mode, Object, OnFault, Policy, Rule, Segment,
    ShareOf, Spanned, Tier,
};

use super::matching::{Scene, any_peer, of_workloads};
use super::requests::{clauses, sorts};
use super::through::{Part, accepts, opens, parts, sent};
use super::workloads::{Labels, in_segment, in_share, labels, segments};
use super::{Answer, Case, End, Essentials, Modes, Request, Truth, Who, World, all};

/// What comes of one request: whether it is allowed, why, and what was assumed.
type Verdict = (bool, String, BTreeSet<String>);

/// D(M, leg, request, bindings, time). Without a request: of every one that there can be.
pub fn decide(
    documents: &[Document],
    world: &World,
    essentials: &Essentials,
    case: &Case,
) -> Answer {
    let labels: Vec<Labels> =
        world.workloads.iter().map(|workload| labels(documents, workload)).collect();
    let scene = Scene { documents, world, labels: &labels, case };
    let requests = case.request.clone().map_or_else(|| sorts(documents), |one| vec![one]);
    let verdicts: Vec<Verdict> =
        requests.iter().map(|request| of_request(scene, essentials, request)).collect();
    let outcome = if verdicts.iter().all(|verdict| verdict.0) {
        "allow"
    } else if verdicts.iter().all(|verdict| !verdict.0) {
        "deny"
    } else {
        "inspect"
    };
    Answer {
        outcome,
        reasons: verdicts.iter().map(|verdict| verdict.1.clone()).collect(),
        assumed: verdicts.iter().flat_map(|verdict| verdict.2.clone()).collect(),
        governed: (governed(scene, true) != Some(false), governed(scene, false) != Some(false)),
    }
}

fn is_on(modes: &Modes, mode: Mode, name: &str, is_segment: bool) -> bool {
    match modes {
        Modes::Enforced => mode == Mode::Enforce,
        Modes::Pending => mode == Mode::Enforce || mode == Mode::Monitor,
        Modes::PromoteSegment(one) => mode == Mode::Enforce || (is_segment && one == name),
        Modes::PromotePolicy(one) => mode == Mode::Enforce || (!is_segment && one == name),
    }
}

/// The segments that are on.
fn on(scene: Scene<'_>) -> Vec<(String, Option<&Segment>)> {
    let mut all = segments(scene.documents);
    all.retain(|(name, segment)| {
        let mode = segment.map_or(Mode::Monitor, Segment::mode);
        is_on(&scene.case.modes, mode, name, true)
    });
    all
}

/// Whether a segment holds an end.
fn held(scene: Scene<'_>, segment: &str, is_source: bool) -> Truth {
    let end = if is_source { &scene.case.source } else { &scene.case.destination };
    of_workloads(end, |workload| in_segment(scene.documents, segment, &scene.labels[workload]))
}

/// Whether a segment that is on holds an end such that it binds there: where a share of it alone is on, the
/// share has to hold it too.
fn bound(scene: Scene<'_>, name: &str, segment: Option<&Segment>, is_source: bool) -> Truth {
    let share = segment.and_then(|segment| segment.share.as_ref());
    let is_whole = match &scene.case.modes {
        Modes::Pending => true,
        Modes::PromoteSegment(promoted) => promoted == name,
        Modes::Enforced | Modes::PromotePolicy(_) => false,
    };
    let Some(share) = share.filter(|_| !is_whole) else { return held(scene, name, is_source) };
    let end = if is_source { &scene.case.source } else { &scene.case.destination };
    if matches!((&end.who, &share.of), (Who::Unknown, ShareOf::Percent(0))) {
        return Some(false);
    }
    of_workloads(end, |workload| {
        let (labels, id) = (&scene.labels[workload], &scene.world.workloads[workload].id);
        all([in_segment(scene.documents, name, labels), in_share(&share.of, name, id, labels)])
    })
}

/// Whether a segment that is on holds an end. At an address that nobody holds nothing enforces.
fn governed(scene: Scene<'_>, is_source: bool) -> Truth {
    let end = if is_source { &scene.case.source } else { &scene.case.destination };
    if !matches!(end.who, Who::Workloads(_)) {
        return Some(false);
    }
    super::any(on(scene).iter().map(|(name, segment)| bound(scene, name, *segment, is_source)))
}

fn of_request(scene: Scene<'_>, essentials: &Essentials, request: &Request) -> Verdict {
    let mut assumed = BTreeSet::new();
    let mut quarantine = None;
    for (is_source, side) in [(true, "source"), (false, "destination")] {
        let end = if is_source { &scene.case.source } else { &scene.case.destination };
        if quarantine.is_some() || !matches!(end.who, Who::Workloads(_)) {
            continue;
        }
        let labelled = of_workloads(end, |workload| {
            match scene.labels[workload].get("watertight.io/quarantine") {
                None => Some(false),
                Some(None) => None,
                Some(Some(_)) => Some(true),
            }
        });
        if labelled.is_none() {
            assumed.insert(format!("quarantined {side}"));
        }
        if labelled != Some(false) {
            quarantine = Some(side);
        }
    }
    for (name, policy) in policies(scene.documents) {
        let is_one = |list: &[String]| list.contains(&name);
        if !is_one(&essentials.policies) || (quarantine.is_some() && !is_one(&essentials.failsafe))
        {
            continue;
        }
        for (index, rule) in policy.rules.iter().enumerate() {
            for part in parts(rule) {
                let matched = matched(scene, rule, *part, Some(request));
                if rule.action.value == Action::Allow && matched == Some(true) {
                    let rule = words(&name, index, *part);
                    return (true, format!("essential {rule}"), assumed);
                }
            }
        }
    }
    for (name, tuples) in failsafe(scene.documents) {
        for (index, rule) in tuples.iter().enumerate() {
            if matched(scene, rule, Part::Direct, Some(request)) == Some(true) {
                let rule = words(&name, index, Part::Direct);
                return (true, format!("essential {rule}"), assumed);
            }
        }
    }
    if let Some(side) = quarantine {
        return (false, format!("quarantine {side}"), assumed);
    }
    let ends = [("source", governed(scene, true)), ("destination", governed(scene, false))];
    if ends.iter().all(|(_, governed)| *governed == Some(false)) {
        return (true, "ungoverned".to_owned(), assumed);
    }
    for (side, governed) in ends {
        if governed.is_none() {
            assumed.insert(format!("governed {side}"));
        }
    }
    match by_rules(scene, essentials, request, &mut assumed) {
        Some((allows, rule)) => (allows, format!("rule {rule}"), assumed),
        None => by_default(scene, assumed),
    }
}

/// The policies by order and name; those of standard have no order.
fn policies(documents: &[Document]) -> Vec<(String, &Policy)> {
    let mut policies: Vec<(String, &Policy)> = documents
        .iter()
        .filter_map(|document| match &document.object {
            Object::Policy(policy) => Some((document.metadata.name.value.to_string(), &**policy)),
            _ => None,
        })
        .collect();
    policies.sort_by_key(|(name, policy)| {
        (policy.tier(), policy.order.map_or(0, |order| order.value), name.clone())
    });
    policies
}

/// The failsafe tuples of each document that lists some, by name, as the allows that they are.
fn failsafe(documents: &[Document]) -> Vec<(String, Vec<Rule>)> {
    let mut all: Vec<(String, Vec<Rule>)> = documents
        .iter()
        .filter_map(|document| match &document.object {
            Object::Essentials(essentials) => {
                let rules = essentials.failsafe.iter().map(|one| Rule {
                    span: one.span,
                    name: one.name.clone(),
                    action: Spanned::new(Action::Allow, one.span),
                    from: one.from.clone(),
                    to: one.to.clone(),
                    through: Vec::new(),
                    over: Some(one.over.clone()),
                });
                let name = format!("failsafe {}", document.metadata.name.value);
                Some((name, rules.collect()))
            }
            _ => None,
        })
        .collect();
    all.sort_by_key(|(name, _)| name.clone());
    all
}

fn words(policy: &str, index: usize, part: Part) -> String {
    format!("{policy}/{index} {}", part.word())
}

fn matched(scene: Scene<'_>, rule: &Rule, part: Part, request: Option<&Request>) -> Truth {
    all([
        any_peer(scene, opens(rule, part), &scene.case.source, true),
        any_peer(scene, accepts(rule, part), &scene.case.destination, false),
        sent(scene, rule, part, request),
    ])
}

/// The first rule of the tiers that decides.
fn by_rules(
    scene: Scene<'_>,
    essentials: &Essentials,
    request: &Request,
    assumed: &mut BTreeSet<String>,
) -> Option<(bool, String)> {
    let mut policies = policies(scene.documents);
    policies.retain(|(name, policy)| {
        let is_live = policy.expires.is_none_or(|expires| scene.case.now < expires.value);
        let is_essential = essentials.policies.contains(name);
        is_live && !is_essential && is_on(&scene.case.modes, policy.mode(), name, false)
    });
    let steps = [
        (Tier::Guardrail, vec![Action::Allow, Action::Deny, Action::Pass]),
        (Tier::Standard, vec![Action::Deny]),
        (Tier::Standard, vec![Action::Allow]),
        (Tier::Baseline, vec![Action::Allow, Action::Deny]),
    ];
    for (tier, actions) in steps {
        'tier: for (name, policy) in policies.iter().filter(|(_, policy)| policy.tier() == tier) {
            for (index, rule) in policy.rules.iter().enumerate() {
                let action = rule.action.value;
                if !actions.contains(&action) {
                    continue;
                }
                for part in parts(rule) {
                    let rule_words = words(name, index, *part);
                    match (matched(scene, rule, *part, Some(request)), action) {
                        (Some(false), _) => {}
                        (None, Action::Deny) => {
                            assumed.insert(format!("matches {rule_words}"));
                            return Some((false, rule_words));
                        }
                        (None, Action::Allow | Action::Pass) => {
                            assumed.insert(format!("matches not {rule_words}"));
                        }
                        (Some(true), Action::Allow) => return Some((true, rule_words)),
                        (Some(true), Action::Deny) => return Some((false, rule_words)),
                        (Some(true), Action::Pass) => break 'tier,
                    }
                }
            }
        }
    }
    None
}

fn by_default(scene: Scene<'_>, mut assumed: BTreeSet<String>) -> Verdict {
    let (source, destination) = (&scene.case.source, &scene.case.destination);
    if let (Who::Workloads(from), Who::Workloads(to)) = (&source.who, &destination.who)
        && from.len() == 1
        && from == to
        && source.places.len() == 1
        && source.places == destination.places
    {
        return (true, "itself".to_owned(), assumed);
    }
    // What each segment says, and whether it is sure that it says it.
    let mut said: Vec<(String, DefaultAction, Truth, &str, String)> = Vec::new();
    for (is_source, side) in [(true, "source"), (false, "destination")] {
        for (name, segment) in on(scene) {
            let here = bound(scene, &name, segment, is_source);
            let there = held(scene, &name, !is_source);
            if here == Some(false) {
                continue;
            }
            let defaults = segment.map(|segment| segment.defaults).unwrap_or_default();
            let unwritten =
                if name == "estate" { DefaultAction::Allow } else { DefaultAction::Deny };
            let outward = if is_source { defaults.egress } else { defaults.ingress };
            let outward_word = if is_source { "egress" } else { "ingress" };
            let value =
                |one: Option<Spanned<DefaultAction>>| one.map_or(unwritten, |one| one.value);
            if there != Some(false) {
                let words = format!("default {side} {name} intra");
                said.push((words, value(defaults.intra), all([here, there]), side, name.clone()));
            }
            if there != Some(true) {
                let words = format!("default {side} {name} {outward_word}");
                let sure = all([here, there.map(|there| !there)]);
                said.push((words, value(outward), sure, side, name));
            }
        }
    }
    let denies = said.iter().find(|one| one.1 == DefaultAction::Deny);
    match denies.or(said.first()) {
        None => (true, "ungoverned".to_owned(), assumed),
        Some((words, action, sure, side, name)) => {
            if sure.is_none() && *action == DefaultAction::Deny {
                assumed.insert(format!("holds {side} {name}"));
            }
            (*action == DefaultAction::Allow, words.clone(), assumed)
        }
    }
}

/// The allow rules that fail in one attribute alone, and in which.
pub fn near_misses(
    documents: &[Document],
    world: &World,
    essentials: &Essentials,
    case: &Case,
) -> BTreeSet<String> {
    let labels: Vec<Labels> =
        world.workloads.iter().map(|workload| labels(documents, workload)).collect();
    let scene = Scene { documents, world, labels: &labels, case };
    let mut misses = BTreeSet::new();
    for (name, policy) in policies(documents) {
        for (index, rule) in policy.rules.iter().enumerate() {
            if essentials.policies.contains(&name) || rule.action.value != Action::Allow {
                continue;
            }
            for part in parts(rule) {
                let attributes = [
                    ("mode", is_on(&case.modes, policy.mode(), &name, false)),
                    ("expires", policy.expires.is_none_or(|expires| case.now < expires.value)),
                    ("over", sent(scene, rule, *part, None) == Some(true)),
                    ("request", fits(scene, rule, *part)),
                    ("from", yes(any_peer(scene, opens(rule, *part), &case.source, true))),
                    ("to", yes(any_peer(scene, accepts(rule, *part), &case.destination, false))),
                ];
                let mut failing = attributes.iter().filter(|(_, holds)| !holds);
                if let (Some((fails, _)), None) = (failing.next(), failing.next()) {
                    misses.insert(format!("{fails} {}", words(&name, index, *part)));
                }
            }
        }
    }
    misses
}

fn yes(truth: Truth) -> bool {
    truth == Some(true)
}

/// Whether the request is not what fails: it fits, or none is asked about, or the packet does not.
fn fits(scene: Scene<'_>, rule: &Rule, part: Part) -> bool {
    let asks = rule.over.as_ref().is_some_and(|over| {
        clauses(scene.documents, over).iter().any(|clause| !clause.takes_all())
    });
    let is_sent = yes(sent(scene, rule, part, None));
    match &scene.case.request {
        Some(request) if asks && is_sent => yes(sent(scene, rule, part, Some(request))),
        _ => true,
    }
}

/// What the enforcement point at a workload does about a fault; the strictest of its segments.
pub fn on_fault(
    documents: &[Document],
    world: &World,
    case: &Case,
    workload: usize,
    fault: impl Fn(&OnFault) -> Option<FaultMode>,
) -> Option<FaultMode> {
    let labels: Vec<Labels> =
        world.workloads.iter().map(|workload| labels(documents, workload)).collect();
    let scene = Scene { documents, world, labels: &labels, case };
    let mut said = BTreeSet::new();
    for (name, segment) in on(scene) {
        // The workload as an end of its own.
        let who = Who::Workloads(vec![workload]);
        let source = End { who, places: Vec::new(), groups: None };
        let case = Case { source, ..case.clone() };
        if bound(Scene { case: &case, ..scene }, &name, segment, true) != Some(false) {
            let written = segment.and_then(|segment| fault(&segment.on_fault));
            said.insert(written.unwrap_or(FaultMode::Closed));
        }
    }
    let strictest = [FaultMode::Closed, FaultMode::Last, FaultMode::Open];
    strictest.into_iter().find(|mode| said.contains(mode))
}
