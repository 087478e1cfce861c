//! Hops that connectivity gives: net, front, datanet, local, meta, exfil.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use watertight_model::network::{EndpointId, Health, TargetEnd};
use watertight_model::{Bounds, CredentialId, WorkloadId};
use watertight_net::FlowSet;
use watertight_reach::{Class, ClassIndex, FrontLeg, RuleAt, Way};

use super::subjects::Subjects;
use super::{Building, Change, Input, ports};
use crate::fact::{Fact, Subject};
use crate::hop::{Evidence, Hop, Removable, Status, Variant};

/// The most alternatives that one hop keeps; beyond, the hop counts as standing whatever is
/// removed, which never makes a cut look better than it is.
const ALTERNATIVES_MAX: usize = 64;

/// Adds every hop that does not need a grant.
pub(crate) fn add(input: &Input<'_>, subjects: &Subjects, building: &mut Building) {
    let listeners = known_listeners(input);
    let by_class: BTreeMap<ClassIndex, Vec<&FrontLeg>> = legs_by_class(input);
    let pairs: BTreeSet<(ClassIndex, ClassIndex)> =
        input.matrix.cells().map(|(pair, _)| pair).collect();
    for (from, to) in pairs {
        let Some(source) = Source::of(input, subjects, from) else { continue };
        for way in input.reach.ways(input.matrix, from, to) {
            let Some(end) = way.to else { continue };
            let legs = by_class.get(&to).into_iter().flatten();
            for leg in legs.filter(|leg| leg.from == end) {
                add_front(input, subjects, building, &source, &way, leg);
            }
            add_direct(input, subjects, building, &source, &way, end, &listeners);
        }
    }
    add_own(input, subjects, building);
    add_exfil(input, subjects, building);
}

/// Who sends: workloads that run code, or the internet.
pub(crate) struct Source {
    facts: Vec<(Subject, Fact)>,
}

impl Source {
    fn of(input: &Input<'_>, subjects: &Subjects, class: ClassIndex) -> Option<Self> {
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

fn legs_by_class<'a>(input: &Input<'a>) -> BTreeMap<ClassIndex, Vec<&'a FrontLeg>> {
    let mut found: BTreeMap<ClassIndex, Vec<&FrontLeg>> = BTreeMap::new();
    for leg in input.legs {
        if let Some(class) = input.matrix.class_of(leg.from) {
            found.entry(class).or_default().push(leg);
        }
    }
    found
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

fn add_direct(
    input: &Input<'_>,
    subjects: &Subjects,
    building: &mut Building,
    source: &Source,
    way: &Way,
    end: EndpointId,
    listeners: &BTreeMap<EndpointId, FlowSet>,
) {
    let Some(target) = subjects.endpoint(input.estate, end) else { return };
    let mut kinds: Vec<(Variant, FlowSet, bool)> = Vec::new();
    if subjects.is_store(target) {
        kinds.push((Variant::DatanetWithoutKey, ports::data(), true));
    } else {
        let known = listeners.get(&end).cloned().unwrap_or_else(FlowSet::none);
        let administration = ports::administration();
        let rest = ports::connections().difference(&administration).difference(&known);
        kinds.push((Variant::NetAdministration, administration, true));
        kinds.push((Variant::NetKnownListener, known, true));
        kinds.push((Variant::NetPossibleListener, rest, false));
    }
    for (variant, flows, known) in kinds {
        let over = meet(&way.established, &flows);
        if over.possible.is_empty() {
            continue;
        }
        let conclusion =
            if subjects.is_store(target) { Fact::read(target) } else { Fact::exec(target) };
        let sure = known && !over.sure.is_empty();
        let support = support(input, building, way, &flows);
        let evidence = evidence(input, way, &over.possible);
        for (subject, premise) in &source.facts {
            if *subject == target {
                continue;
            }
            note_pairs(building, &support, *subject, target);
            let mut hop = Hop::new(variant, [*premise], conclusion, &input.options.likelihoods);
            hop.status = if sure { Status::Sure } else { Status::Possible };
            hop.evidence.clone_from(&evidence);
            hop.support.clone_from(&support);
            building.graph.hop(hop);
        }
    }
}

fn add_front(
    input: &Input<'_>,
    subjects: &Subjects,
    building: &mut Building,
    source: &Source,
    way: &Way,
    leg: &FrontLeg,
) {
    let Some(target) = subjects.endpoint(input.estate, leg.to) else { return };
    let heard = meet(&way.established, &leg.listens);
    if heard.possible.is_empty() {
        return;
    }
    let store = subjects.is_store(target);
    let (variant, conclusion) = if store {
        (Variant::DatanetWithoutKey, Fact::read(target))
    } else {
        (Variant::FrontKnownListener, Fact::exec(target))
    };
    let sure = !heard.sure.is_empty() && !leg.flows.sure.is_empty();
    let support = support(input, building, way, &leg.listens);
    let mut evidence = evidence(input, way, &heard.possible);
    let front = &input.estate.network.fronts[leg.front];
    evidence.push(Evidence {
        resource: front.name.to_string(),
        rule: front
            .listeners
            .get(leg.listener)
            .map(|listener| listener.name.to_string())
            .unwrap_or_default(),
        text: format!("listener leads to {}", leg.flows.possible),
    });
    for (subject, premise) in &source.facts {
        if *subject == target {
            continue;
        }
        note_pairs(building, &support, *subject, target);
        let mut hop = Hop::new(variant, [*premise], conclusion, &input.options.likelihoods);
        hop.status = if sure { Status::Sure } else { Status::Possible };
        hop.evidence.clone_from(&evidence);
        hop.support.clone_from(&support);
        building.graph.hop(hop);
    }
}

fn meet(flows: &Bounds<FlowSet>, with: &FlowSet) -> Bounds<FlowSet> {
    Bounds { sure: flows.sure.intersection(with), possible: flows.possible.intersection(with) }
}

/// On which removable things a way rests: one accepting rule at each place with guards that state
/// what they let in, and the public address that is dialled. Every choice is an alternative.
fn support(
    input: &Input<'_>,
    building: &mut Building,
    way: &Way,
    flows: &FlowSet,
) -> Vec<BTreeSet<Removable>> {
    let mut alternatives: Vec<BTreeSet<Removable>> = vec![BTreeSet::new()];
    for (_, rules) in &way.layers {
        let accepting: Vec<RuleAt> = rules
            .iter()
            .filter(|(at, accepted)| is_removable(input, *at) && accepted.intersects(flows))
            .map(|(at, _)| *at)
            .collect();
        if accepting.is_empty() {
            continue;
        }
        let numbers: Vec<Removable> = accepting
            .iter()
            .map(|at| {
                building
                    .removable(&Change::RemoveRule(*at), || super::actions::rule_text(input, *at))
            })
            .collect();
        alternatives = alternatives
            .iter()
            .flat_map(|alternative| {
                numbers.iter().map(|number| {
                    let mut more = alternative.clone();
                    more.insert(*number);
                    more
                })
            })
            .collect();
        if alternatives.len() > ALTERNATIVES_MAX {
            return Vec::new();
        }
    }
    if let Some((endpoint, address)) = way.public {
        let number = public_address(input, building, endpoint, address);
        for alternative in &mut alternatives {
            alternative.insert(number);
        }
    }
    if alternatives.iter().any(BTreeSet::is_empty) { Vec::new() } else { alternatives }
}

fn public_address(
    input: &Input<'_>,
    building: &mut Building,
    endpoint: EndpointId,
    address: IpAddr,
) -> Removable {
    building.removable(&Change::DropPublic(endpoint, address), || {
        let name = &input.estate.network.endpoints[endpoint].name;
        format!("public address {address} of {name}")
    })
}

/// Rules of stateful guards can be removed one by one; an ordered list's entries shadow each
/// other, so taking one away could open what it closes.
fn is_removable(input: &Input<'_>, at: RuleAt) -> bool {
    input.estate.network.guards[at.guard].stateful
}

fn note_pairs(
    building: &mut Building,
    support: &[BTreeSet<Removable>],
    from: Subject,
    to: Subject,
) {
    for thing in support.iter().flatten() {
        building.pairs.entry(*thing).or_default().insert((from.0, to.0));
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

/// What code on a workload has without the network: its data and its credential.
fn add_own(input: &Input<'_>, subjects: &Subjects, building: &mut Building) {
    for (id, workload) in input.estate.workloads.iter() {
        let Some(subject) = subjects.workload(id) else { continue };
        if subjects.is_store(subject) {
            continue;
        }
        let table = &input.options.likelihoods;
        if workload.stores_data {
            let hop =
                Hop::new(Variant::LocalStored, [Fact::exec(subject)], Fact::read(subject), table);
            building.graph.hop(hop.because(Evidence {
                resource: workload.id.to_string(),
                rule: String::new(),
                text: "stores data".to_owned(),
            }));
        }
        if let Some(credential) = workload.credential.and_then(|id| subjects.credential(id)) {
            add_meta(input, building, id, subject, credential);
        }
    }
}

fn add_meta(
    input: &Input<'_>,
    building: &mut Building,
    id: WorkloadId,
    subject: Subject,
    credential: Subject,
) {
    let workload = &input.estate.workloads[id];
    let (first, text) = match workload.metadata {
        // What has no metadata service of a machine finds its credential in its own environment.
        None => (true, "hands its role to the code that runs on it"),
        Some(metadata) if !metadata.enabled => return,
        Some(metadata) if metadata.token_required => (false, "metadata service with token"),
        Some(_) => (true, "metadata service without token (IMDSv1)"),
    };
    let table = &input.options.likelihoods;
    let role = workload.credential.map(|id: CredentialId| &input.estate.credentials[id]);
    let evidence = Evidence {
        resource: workload.id.to_string(),
        rule: role.map(|role| role.id.to_string()).unwrap_or_default(),
        text: text.to_owned(),
    };
    let hop = |variant| {
        let hop = Hop::new(variant, [Fact::exec(subject)], Fact::hold(credential), table);
        hop.because(evidence.clone())
    };
    if !first {
        return building.graph.hop(hop(Variant::MetaImdsV2));
    }
    if workload.metadata.is_none() {
        return building.graph.hop(hop(Variant::MetaImdsV1));
    }
    // Requiring a token leaves the harder way.
    let number =
        building.removable(&Change::RequireToken(id), || format!("IMDSv1 on {}", workload.name));
    building.graph.hop(hop(Variant::MetaImdsV1).supported_by([number]));
    building.graph.hop(hop(Variant::MetaImdsV2));
}

/// Ways out for data: what is read at a workload leaves by whatever that workload reaches.
fn add_exfil(input: &Input<'_>, subjects: &Subjects, building: &mut Building) {
    let mut leaving: BTreeMap<Subject, (bool, Evidence)> = BTreeMap::new();
    for ((from, to), cell) in input.matrix.cells() {
        if !matches!(input.matrix.classes.get(to), Some(Class::Internet(_))) {
            continue;
        }
        let open = meet(&cell.established, &ports::connections());
        if open.possible.is_empty() {
            continue;
        }
        let Some(Class::Endpoints(_)) = input.matrix.classes.get(from) else { continue };
        for id in subjects.in_class(from) {
            let Some(subject) = subjects.workload(id).filter(|one| !subjects.is_store(*one)) else {
                continue;
            };
            let known = leaving.entry(subject).or_insert_with(|| {
                let name = input.estate.workloads[id].id.to_string();
                let text = format!("reaches the internet over {}", open.possible);
                let evidence = Evidence { resource: name, rule: String::new(), text };
                (false, evidence)
            });
            known.0 |= !open.sure.is_empty();
        }
    }
    let data: Vec<Subject> = subjects
        .members
        .iter()
        .filter(|(subject, members)| {
            subjects.is_store(**subject)
                || members.iter().any(|id| input.estate.workloads[*id].stores_data)
        })
        .map(|(subject, _)| *subject)
        .collect();
    for (subject, (sure, evidence)) in leaving {
        for store in &data {
            let premises = [Fact::read(*store), Fact::exec(subject)];
            let out = Fact::out(*store);
            let mut hop =
                Hop::new(Variant::ExfilInternet, premises, out, &input.options.likelihoods);
            hop.status = if sure { Status::Sure } else { Status::Possible };
            building.graph.hop(hop.because(evidence.clone()));
        }
    }
}
