//! What a plan promises, on generated estates and policies, and against packets over raw bodies.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde_json::Value;
use watertight_compile::{
    Forbidden, Found, Gap, GapKind, GroupRule, Plane as _, Reason, Refusal, RulePeer,
};
use watertight_model::network::{Endpoint, EndpointRole, TargetEnd};
use watertight_model::{Criticality, Network};
use watertight_net::{Flow, FlowSet, Protocol};
use watertight_policy::decide::World;
use watertight_testkit::generate::Generated;
use watertight_testkit::policy as interpreter;
use watertight_testkit::twin::aws::{Estate as Twin, Packet, Start};

use crate::lab::{Lab, Made, NOW};
use crate::vacant::{self, Stranger};
use crate::{drawn, note, seeds};

#[test]
fn what_is_compiled_is_proved() {
    let mut reasons: BTreeMap<(GapKind, Reason), u64> = BTreeMap::new();
    let mut failures = Vec::new();
    let (mut plans, mut refused, mut groups, mut listed) = (0_u64, 0_u64, 0_usize, 0_usize);
    let (mut barred, mut forbidden) = (0_usize, 0_u64);
    let (mut tasks, mut functions) = (0_usize, 0_usize);
    for seed in seeds(1) {
        let (lab, _) = drawn::lab(seed);
        let made = match lab.make() {
            Ok(made) => made,
            Err(refusal) => {
                refused += 1;
                // Admissible: see the packets below.
                forbidden += u64::from(matches!(refusal, Refusal::Forbidden { .. }));
                println!("seed {seed}: {refusal}");
                continue;
            }
        };
        plans += 1;
        groups += made.compiled.artifacts.groups.len();
        let mut rules = made.compiled.artifacts.groups.iter().flat_map(|group| &group.egress);
        listed += usize::from(rules.any(names_a_list));
        let through = |kind: &str| {
            let attachments = made.compiled.artifacts.attachments.iter();
            let mut kinds = attachments.filter_map(|one| one.through.as_ref());
            usize::from(kinds.any(|through| through.kind == kind))
        };
        tasks += through("ecs-service");
        functions += through("function");
        let proof = &made.proof;
        // Safety, Liveness and Prediction: whatever differs, the compiler has a reason for.
        let unexplained = proof.unexplained.iter();
        failures.extend(unexplained.map(|gap| {
            let ends = [&gap.from, &gap.to].map(|names| names.first().cloned().unwrap_or_default());
            let (kind, over, rules) = (gap.kind, &gap.over, &gap.rules);
            format!("seed {seed}: {kind:?} from {} to {} over {over}, {rules:?}", ends[0], ends[1])
        }));
        let by_guardrail = |gap: &&Gap| gap.forbidden == Some(Forbidden::Guardrail);
        barred += proof.gaps.iter().filter(by_guardrail).count();
        // Frame: nothing changes where nobody is governed.
        failures.extend(proof.frame.iter().map(|pair| format!("seed {seed}: {pair} changes")));
        failures.extend(misnamed(&lab, &made).iter().map(|gap| format!("seed {seed}: {gap}")));
        for gap in &proof.gaps {
            *reasons.entry((gap.kind, gap.reason)).or_default() += 1;
        }
    }
    note(&format!(
        "plan: {plans} plans with {groups} groups proved, {listed} of them with lists of the provider's, {tasks} with \
         tasks and {functions} with functions, {refused} refused, {forbidden} of them for what would become possible \
         and is forbidden; {barred} gaps that guardrails forbid; {reasons:?}"
    ));
    assert!(failures.is_empty(), "{} differences:\n{}", failures.len(), failures.join("\n"));
    assert!(groups > 100, "{groups} groups are too few to tell");
    assert!(listed > 0, "no rule names a list of the provider's");
    assert!(tasks > 0 && functions > 0, "{tasks} and {functions} are too few to tell");
}

/// The ends of gaps between which, pair by pair, there is none.
fn misnamed(lab: &Lab, made: &Made) -> Vec<String> {
    let network = &lab.estate.network;
    let names: BTreeMap<&str, &str> = network
        .endpoints
        .values()
        .map(|one| (one.name.as_str(), lab.estate.workloads[one.workload].name.as_str()))
        .collect();
    let named = |ends: &[String]| -> Vec<String> {
        let known = ends.iter().filter_map(|id| names.get(id.as_str()));
        known.map(|name| (*name).to_owned()).collect()
    };
    let mut pairs: BTreeSet<(GapKind, String, String)> = BTreeSet::new();
    for one in &made.found {
        let kinds = [(GapKind::Over, &one.over), (GapKind::Under, &one.under)];
        for (kind, _) in kinds.into_iter().filter(|(_, flows)| !flows.is_empty()) {
            for from in named(&one.from) {
                pairs.extend(named(&one.to).into_iter().map(|to| (kind, from.clone(), to)));
            }
        }
    }
    let mut found = Vec::new();
    for gap in &made.proof.gaps {
        // Neither is a difference of flows between two ends of the estate.
        let is_other = matches!(gap.reason, Reason::L7 | Reason::Domain | Reason::People)
            || gap.place.contains("past every guard");
        let is_name = |end: &&String| !end.contains('@');
        for from in gap.from.iter().filter(is_name).filter(|_| !is_other) {
            for to in gap.to.iter().filter(is_name).filter(|to| *to != from) {
                if !pairs.contains(&(gap.kind, from.clone(), to.clone())) {
                    let (reason, family) = (gap.reason, &gap.family);
                    found.push(format!("{reason:?}, {family:?}: {from} to {to} is no gap"));
                }
            }
        }
    }
    found
}

/// Whether a rule names a list that the provider keeps.
fn names_a_list(rule: &GroupRule) -> bool {
    matches!(&rule.peer, RulePeer::Group(name) if name.0.starts_with("pl-"))
}

/// What two interfaces are asked about.
const FLOWS: [Flow; 6] = [
    Flow::tcp(40_000, 443),
    Flow::tcp(40_000, 22),
    Flow::tcp(40_000, 8080),
    Flow::tcp(40_000, 5432),
    Flow::udp(40_000, 53),
    Flow::tcp(40_000, 9999),
];

#[test]
fn over_and_under_are_those_that_single_packets_show() {
    let mut walked = Walked::default();
    for seed in seeds(4) {
        let (lab, generated) = drawn::lab(seed);
        let Ok(made) = lab.make() else { continue };
        walked.walk(&format!("seed {seed}"), &lab, &generated, &made);
    }
    let Walked { asked, over, under, forbidden, strange, strange_over } = walked;
    note(&format!(
        "plan: {asked} legs asked packet by packet, {over} over and {under} under, all told; {forbidden} are \
         forbidden, and none of these becomes possible; {strange} legs with machines that nobody knows, \
         {strange_over} of them over, all told"
    ));
    assert!(strange > 1_000, "{strange} are too few to tell");
    assert!(forbidden > 100, "{forbidden} are too few to tell");
    assert!(asked > 1_000, "{asked} are too few to tell");
}

/// Legs that were asked packet by packet.
#[derive(Default)]
pub(crate) struct Walked {
    pub(crate) asked: u64,
    pub(crate) over: u64,
    pub(crate) under: u64,
    /// Those that a guardrail or the default of a crown jewel denies.
    pub(crate) forbidden: u64,
    /// Those with a machine that nobody knows, and what of them is over.
    pub(crate) strange: u64,
    pub(crate) strange_over: u64,
}

impl Walked {
    /// Walks between all interfaces of an estate before and after a plan: what differs from what the
    /// interpreter says must be told.
    pub(crate) fn walk(&mut self, case: &str, lab: &Lab, generated: &Generated, made: &Made) {
        let rendered = lab.with(|_, plane| plane.render(&made.compiled.artifacts));
        let bodies: Vec<(String, Value)> = rendered
            .iter()
            .map(|one| (one.path.clone(), serde_json::from_str(&one.text).expect("it is JSON")))
            .collect();
        let strangers = vacant::strangers(lab);
        let twin = |files: &[(String, Value)]| Twin::load(&vacant::with(files, &strangers));
        let twins = (twin(&generated.files), twin(&drawn::overlaid(&generated.files, &bodies)));
        let cases = Cases::new(lab);
        self.walk_to_strangers((case, &cases, made), &strangers, &twins);
        let (before, after) = twins;
        for (source, from) in &cases.endpoints {
            for (destination, to) in &cases.endpoints {
                if source == destination {
                    continue;
                }
                for flow in FLOWS {
                    let Decided { governed, allows, forbidden } =
                        cases.decided(known(from), known(to), flow);
                    if !governed {
                        continue;
                    }
                    self.asked += 1;
                    let told = told(made, source, destination);
                    let arrives = |twin: &Twin| passes(twin, source, destination, flow);
                    let after = arrives(&after);
                    self.forbidden += u64::from(forbidden);
                    // Admissible, as single packets and the interpreter show it.
                    let becomes = after.0 && !arrives(&before).1;
                    assert!(
                        !(becomes && forbidden),
                        "{case}: {source} to {destination} over {flow}"
                    );
                    let text = format!("{case}: {source} to {destination} over {flow}");
                    if after.0 && !allows {
                        self.over += 1;
                        assert!(told.0.contains_flow(flow), "{text} is over, and not told");
                    }
                    if allows && arrives(&before).0 && !after.1 {
                        self.under += 1;
                        assert!(told.1.contains_flow(flow), "{text} is under, and not told");
                    }
                }
            }
        }
    }
}

impl Walked {
    /// Walks between interfaces and machines that nobody knows, in both directions.
    fn walk_to_strangers(
        &mut self,
        (case, cases, made): (&str, &Cases<'_>, &Made),
        strangers: &[Stranger],
        (before, after): &(Twin, Twin),
    ) {
        let directions = [true, false];
        let pairs = strangers.iter().flat_map(|one| cases.endpoints.iter().map(move |e| (one, e)));
        for ((stranger, (name, end)), ingress) in
            pairs.flat_map(|pair| directions.map(|ingress| (pair, ingress)))
        {
            let (source, destination) = if ingress {
                (stranger.interface.as_str(), name.as_str())
            } else {
                (name.as_str(), stranger.interface.as_str())
            };
            let is_name = |one: &String| one == name;
            let is_stranger = |one: &String| stranger.is_at(one);
            let is_pair = |one: &&Found| {
                let (own, other) =
                    if ingress { (&one.to, &one.from) } else { (&one.from, &one.to) };
                own.iter().any(is_name) && other.iter().any(is_stranger)
            };
            let told = all_of(made.found.iter().filter(is_pair));
            for flow in FLOWS {
                let (own, other) = (known(end), stranger.end());
                let (from, to) = if ingress { (other, own) } else { (own, other) };
                let Decided { governed, allows, forbidden } = cases.decided(from, to, flow);
                if !governed {
                    continue;
                }
                self.strange += 1;
                let arrives = |twin: &Twin| passes(twin, source, destination, flow);
                let (was, is) = (arrives(before), arrives(after));
                let text = format!("{case}: {source} to {destination} over {flow}");
                assert!(!(is.0 && !was.1 && forbidden), "{text} becomes possible");
                if is.0 && !allows {
                    self.strange_over += 1;
                    assert!(told.0.contains_flow(flow), "{text} is over, and not told");
                }
                if allows && was.0 && !is.1 {
                    assert!(told.1.contains_flow(flow), "{text} is under, and not told");
                }
            }
        }
    }
}

/// What the interpreter sees of an interface.
fn known((workload, places): &(usize, Vec<interpreter::Place>)) -> interpreter::End {
    let who = interpreter::Who::Workloads(vec![*workload]);
    interpreter::End { who, places: places.clone(), groups: None }
}

/// What the proof says of two interfaces.
fn told(made: &Made, source: &str, destination: &str) -> (FlowSet, FlowSet) {
    let names = |list: &[String], one: &str| list.iter().any(|name| name == one);
    let of = |found: &&Found| names(&found.from, source) && names(&found.to, destination);
    all_of(made.found.iter().filter(of))
}

fn all_of<'f>(found: impl Iterator<Item = &'f Found>) -> (FlowSet, FlowSet) {
    let none = (FlowSet::none(), FlowSet::none());
    found.fold(none, |(over, under), one| (over.union(&one.over), under.union(&one.under)))
}

/// Whether a packet from an interface gets to another at one of its addresses: surely, perhaps.
fn passes(twin: &Twin, source: &str, destination: &str, flow: Flow) -> (bool, bool) {
    let (Some(from), Flow::Ports { protocol, source_port, destination_port }) =
        (twin.addresses(source).first().copied(), flow)
    else {
        return (false, false);
    };
    let mut found = (false, false);
    for to in twin.addresses(destination) {
        if to.is_ipv4() != from.is_ipv4() {
            continue;
        }
        let packet = Packet {
            start: Start::Interface(source.to_owned()),
            source: Some(from),
            destination: to,
            protocol: protocol.number(),
            source_port,
            destination_port,
            icmp_type: 0,
            icmp_code: 0,
        };
        for outcome in twin.walk(&packet).outcomes {
            let accepts = outcome.accepts();
            let is_there = outcome.delivered_to.as_deref() == Some(destination);
            found.0 |= accepts.0 && is_there && outcome.changed_port.is_none();
            found.1 |= accepts.1;
        }
    }
    found
}

/// What load balancers send to their targets to ask for their health.
fn checks(network: &Network) -> BTreeSet<(IpAddr, IpAddr, u16)> {
    let mut found = BTreeSet::new();
    for endpoint in network.endpoints.values() {
        let EndpointRole::Front(front) = endpoint.role else { continue };
        let listeners = network.fronts[front].listeners.iter();
        let groups = listeners.flat_map(|one| &one.target_groups);
        for target in groups.flat_map(|id| &network.target_groups[*id].targets) {
            let TargetEnd::Endpoint(end, _) = &target.end else { continue };
            let to = &network.endpoints[*end].addresses;
            let pairs =
                endpoint.addresses.iter().flat_map(|from| to.iter().map(move |to| (from, to)));
            found.extend(pairs.filter_map(|(from, to)| Some((*from, *to, target.health_port?))));
        }
    }
    found
}

/// The interpreter's view of an estate.
struct Cases<'l> {
    lab: &'l Lab,
    world: interpreter::World,
    endpoints: Vec<(String, (usize, Vec<interpreter::Place>))>,
    /// Who asks for whose health, and at which port.
    checks: BTreeSet<(IpAddr, IpAddr, u16)>,
}

impl<'l> Cases<'l> {
    fn new(lab: &'l Lab) -> Self {
        let of = World::of_estate(&lab.estate);
        let text = |name: &watertight_model::Name| name.to_string();
        let place =
            |one: &watertight_policy::decide::Place| (one.network.as_ref().map(text), one.address);
        let workloads = of.workloads.iter().map(|one| interpreter::Workload {
            id: text(&one.id),
            name: text(&one.name),
            account: one.account.as_ref().map(text),
            subnets: one.subnets.iter().map(text).collect(),
            labels: one.labels.iter().map(|(key, value)| (text(key), text(value))).collect(),
            places: one.places.iter().map(place).collect(),
        });
        let world = interpreter::World {
            workloads: workloads.collect(),
            services: of.services.iter().map(|(name, set)| (text(name), set.prefixes())).collect(),
            service_space: of.service_space.prefixes(),
            ..interpreter::World::default()
        };
        let network = &lab.estate.network;
        // A translator's interface, which has no groups, opens no connection of its own.
        let has_groups = |one: &Endpoint| {
            let layers = one.layers.iter().filter_map(|layer| network.layers.get(*layer));
            layers.flat_map(|layer| &layer.guards).next().is_some()
        };
        let endpoints = network.endpoints.values();
        let endpoints = endpoints.filter(|one| one.name.starts_with("eni-") && has_groups(one));
        let endpoints = endpoints.map(|one| {
            let subnet = one.subnet.and_then(|id| network.subnets.get(id));
            let realm = subnet.and_then(|subnet| network.realms.get(subnet.realm));
            let realm = realm.map(|realm| realm.name.to_string());
            let own: Vec<(Option<String>, IpAddr)> =
                one.addresses.iter().map(|address| (realm.clone(), *address)).collect();
            let workload = watertight_model::ArenaId::index(one.workload);
            (one.name.to_string(), (workload, own))
        });
        let endpoints = endpoints.collect();
        Self { lab, world, endpoints, checks: checks(network) }
    }

    /// What the interpreter says of a leg.
    fn decided(&self, from: interpreter::End, to: interpreter::End, flow: Flow) -> Decided {
        let case = interpreter::Case {
            source: from,
            destination: to,
            flow,
            request: None,
            bindings: Vec::new(),
            modes: interpreter::Modes::Enforced,
            now: NOW,
        };
        let documents = &self.lab.documents.documents;
        let essentials = interpreter::Essentials::default();
        let answer = interpreter::decide(documents, &self.world, &essentials, &case);
        let is_check = match flow {
            Flow::Ports { protocol: Protocol::TCP, destination_port: port, .. } => {
                let sent = |from: &interpreter::Place| {
                    let asked =
                        |to: &interpreter::Place| self.checks.contains(&(from.1, to.1, port));
                    case.destination.places.iter().any(asked)
                };
                case.source.places.iter().any(sent)
            }
            _ => false,
        };
        let allows = is_check || answer.outcome == "allow";
        let jewels = self.lab.policy.segments.iter();
        let jewels = jewels.filter(|one| one.criticality == Criticality::CrownJewel);
        let jewels: Vec<String> = jewels.map(|one| one.name.to_string()).collect();
        let is_strict = |reason: &String| {
            let mut words = reason.split(' ');
            match (words.next(), words.next(), words.next()) {
                (Some("rule"), Some(rule), _) => {
                    rule.starts_with("guardrail/") || rule.starts_with("never/")
                }
                (Some("default"), _, Some(name)) => jewels.iter().any(|jewel| jewel == name),
                _ => false,
            }
        };
        Decided {
            governed: answer.governed.0 || answer.governed.1,
            allows,
            forbidden: answer.outcome == "deny"
                && !is_check
                && answer.reasons.iter().any(is_strict),
        }
    }
}

/// What the interpreter says of a leg.
struct Decided {
    /// Whether an end is governed.
    governed: bool,
    allows: bool,
    /// Whether more than a rule of its tier or a default denies it.
    forbidden: bool,
}
