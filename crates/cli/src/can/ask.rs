//! The question, put to the engine for every pair of addresses, and what its answers come to.

use std::collections::BTreeSet;

use watertight_model::network::{EndpointId, EndpointRole};
use watertight_model::{Bounds, Disposition, Estate, Network};
use watertight_net::{Family, FlowSet, PortRange, PortSet, Protocol};
use watertight_reach::ends::End;
use watertight_reach::{End as PathEnd, Part, Place, Reach, Start, Step, Target};

use super::Arrival;
use super::ahead::{self, Ahead};
use super::apart::Apart;
use super::explain::{Explained, Explainer};
use crate::estate_folder::Loaded;
use crate::exit::Failure;

/// How many pairs of addresses one question may have.
const PAIRS_MAX: usize = 100_000;
/// The first port that clients send from.
const CLIENT_PORT_MIN: u16 = 1024;

/// What is asked.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) from: End,
    pub(super) to: End,
    pub(super) over: Over,
}

/// Which packets are asked about.
#[derive(Debug)]
pub(super) struct Over {
    /// The flows.
    pub(super) flows: FlowSet,
    /// What clients send, where the question leaves the source ports to them.
    pub(super) clients: Option<FlowSet>,
}

impl Over {
    /// Reads `--over`. Without a `from`, clients choose the source ports: 1024 to 65535.
    pub(super) fn parse(text: &str) -> std::result::Result<Self, String> {
        let flows: FlowSet = text.parse().map_err(|error| format!("{error}"))?;
        if flows.is_empty() {
            return Err(format!("`{text}` is no packet: name flows as in `tcp/443`"));
        }
        if text.split_whitespace().any(|word| word.eq_ignore_ascii_case("from")) {
            return Ok(Self { flows, clients: None });
        }
        let clients = clients();
        Ok(Self { flows: flows.intersection(&clients), clients: Some(clients) })
    }

    /// Flows as output prints them.
    pub(super) fn show(&self, flows: &FlowSet) -> String {
        crate::text::flows(flows, self.clients.as_ref())
    }
}

/// Every packet that a client sends first: any protocol, from a port that clients use.
pub(super) fn clients() -> FlowSet {
    let ports: PortSet = PortRange::new(CLIENT_PORT_MIN, u16::MAX).into_iter().collect();
    let with_ports = Protocol::WITH_PORTS.iter().map(|protocol| FlowSet::protocol(*protocol));
    let portless = with_ports.fold(FlowSet::all(), |rest, ported| rest.difference(&ported));
    Protocol::WITH_PORTS.iter().fold(portless, |all, protocol| {
        all.union(&FlowSet::ports(*protocol, ports.clone(), PortSet::full()))
    })
}

/// One start and one destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pair {
    pub(super) start: Start,
    pub(super) start_text: String,
    pub(super) target: Target,
    pub(super) target_text: String,
}

/// Pairs that fare alike.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) pairs: Vec<Pair>,
    pub(super) parts: Vec<Explained>,
}

/// What all answers come to.
#[derive(Debug)]
pub(super) struct Result {
    pub(super) groups: Vec<Group>,
    pub(super) answer: Answer,
    /// Why there is no pair to ask about.
    pub(super) no_pair: Option<String>,
    /// What arrives for sure, and for which of that a connection can be established.
    pub(super) forward: FlowSet,
    pub(super) established: FlowSet,
    /// Every disposition that some part has.
    pub(super) dispositions: Vec<Disposition>,
    /// Where fronts that were asked about lead on.
    pub(super) ahead: Vec<Ahead>,
}

/// The answer in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// All of it arrives at an endpoint, and connections can be established.
    Accepted,
    /// All of it arrives or leaves the estate, and connections can be established.
    ExitsNetwork,
    /// For some of it connections can be established.
    Partly,
    /// Some of it arrives, and for none of it a connection can be established.
    OneWay,
    /// What is missing from the input decides.
    Unknown,
    /// None of it arrives.
    Denied,
}

impl Answer {
    /// The word for programs.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::ExitsNetwork => "exits_network",
            Self::Partly => "partly",
            Self::OneWay => "one_way",
            Self::Unknown => "unknown",
            Self::Denied => "denied",
        }
    }
}

impl Result {
    /// Whether all flows that were asked for arrive and a connection can be established.
    pub(super) fn holds(&self) -> bool {
        matches!(self.answer, Answer::Accepted | Answer::ExitsNetwork)
    }

    /// Asks for every pair, and groups the pairs that fare alike.
    pub(super) fn of(loaded: &Loaded, question: &Question) -> std::result::Result<Self, Failure> {
        let estate = &loaded.estate;
        let reach = Reach::new(&estate.network);
        let explainer = Explainer::new(loaded, &reach);
        let mut groups: Vec<Group> = Vec::new();
        for pair in pairs(estate, question)? {
            let parts = reach.ask(&pair.start, &pair.target, &question.over.flows);
            let explained = |part: &Part| {
                let mut one = explainer.explain(part);
                if let Some(other) = taken_by(&estate.network, &question.to, part) {
                    one.goes_elsewhere(&estate.workloads[estate.network.endpoints[other].workload]);
                }
                one
            };
            let mut parts: Vec<Explained> = parts.iter().map(explained).collect();
            if matches!(pair.start, Start::Realm(_)) {
                parts.iter_mut().for_each(leave_out_reply);
            }
            match groups.iter_mut().find(|group| group.parts == parts) {
                Some(group) => group.pairs.push(pair),
                None => groups.push(Group { pairs: vec![pair], parts }),
            }
        }
        groups.sort_by_key(|group| group.parts.iter().map(|part| part.disposition).min());
        let mut found = Self::sum(&estate.network, question, groups);
        found.ahead = ahead::of(estate, &reach, &question.to, &found.forward);
        Ok(found)
    }

    fn sum(network: &Network, question: &Question, groups: Vec<Group>) -> Self {
        let asked = &question.over.flows;
        let mut accepted = FlowSet::none();
        let mut exits = FlowSet::none();
        let mut forward = FlowSet::none();
        let mut unknown = FlowSet::none();
        for part in groups.iter().flat_map(|group| &group.parts) {
            let sure = &part.established.sure;
            match part.disposition {
                Disposition::Accepted => accepted = accepted.union(sure),
                Disposition::ExitsNetwork => exits = exits.union(sure),
                Disposition::Unknown => unknown = unknown.union(&part.flows),
                _ => {}
            }
            if part.disposition.is_delivered() {
                forward = forward.union(&part.flows);
                let doubtful = part.established.possible.difference(sure);
                unknown = unknown.union(&doubtful);
            }
        }
        let established = accepted.union(&exits);
        let no_pair = groups.is_empty().then(|| no_pair(network, question));
        let answer = if accepted.contains(asked) {
            Answer::Accepted
        } else if established.contains(asked) {
            Answer::ExitsNetwork
        } else if established.union(&unknown).contains(asked)
            || (established.is_empty() && !unknown.is_empty())
            || matches!(&no_pair, Some((_, true)))
        {
            Answer::Unknown
        } else if !established.is_empty() {
            Answer::Partly
        } else if !forward.is_empty() {
            Answer::OneWay
        } else {
            Answer::Denied
        };
        let dispositions: BTreeSet<Disposition> = groups
            .iter()
            .flat_map(|group| group.parts.iter().map(|part| part.disposition))
            .collect();
        Self {
            groups,
            answer,
            no_pair: no_pair.map(|(why, _)| why),
            forward,
            established,
            dispositions: dispositions.into_iter().collect(),
            ahead: Vec::new(),
        }
    }
}

/// Who gets what was sent to an end's address and is not that end: where networks share addresses,
/// another endpoint has the address on the way that the packet takes.
fn taken_by(network: &Network, to: &End, part: &Part) -> Option<EndpointId> {
    let End::Endpoints { endpoints, .. } = to else { return None };
    let PathEnd::Delivered(got) = part.path.end else { return None };
    let dialled = part.path.dialled;
    let holds = network.endpoints[got].holds(dialled)
        || network.endpoints[got].public.iter().any(|(_, outer)| *outer == dialled);
    (part.disposition == Disposition::Accepted && holds && !endpoints.contains(&got)).then_some(got)
}

/// Who gets what is sent, by what is dialled.
pub(super) fn arrivals(
    estate: &Estate,
    question: &Question,
) -> std::result::Result<BTreeSet<Arrival>, Failure> {
    let reach = Reach::new(&estate.network);
    let mut found = BTreeSet::new();
    for pair in pairs(estate, question)? {
        for part in reach.ask(&pair.start, &pair.target, &question.over.flows) {
            let PathEnd::Delivered(endpoint) = part.path.end else { continue };
            let ports = part.path.steps.iter().filter_map(|step| match step {
                Step::Port(port) => Some(*port),
                _ => None,
            });
            let sent = part.flows.any_source();
            let flows = ports.fold(sent, |flows, port| flows.with_destination_port(port));
            let (address, via) = (part.path.destination, part.path.dialled);
            let is_outside = !matches!(pair.start, Start::Endpoint { .. });
            let is_translated =
                is_outside && part.path.steps.iter().any(|step| translates(estate, step));
            found.insert(Arrival { endpoint, address, flows, via, is_translated });
        }
    }
    Ok(found)
}

/// Whether a front leads on here whose targets do not see the client.
fn translates(estate: &Estate, step: &Step) -> bool {
    let Step::Destination { at: Place::Endpoint(id), .. } = step else { return false };
    let network = &estate.network;
    match network.endpoints[*id].role {
        EndpointRole::Front(front) => network.translating.contains(&front),
        _ => false,
    }
}

/// Every start with every destination of its family.
fn pairs(estate: &Estate, question: &Question) -> std::result::Result<Vec<Pair>, Failure> {
    let network = &estate.network;
    let targets = question.to.targets(network);
    let apart = Apart::of(network, &targets);
    let mut pairs = Vec::new();
    for family in [Family::V4, Family::V6] {
        let starts = question.from.starts(network, family);
        let there: Vec<&Target> = targets.iter().filter(|one| one.family() == family).collect();
        let count = starts.len().saturating_mul(there.len());
        if pairs.len().saturating_add(count) > PAIRS_MAX {
            let problem = format!(
                "the two ends have more than {PAIRS_MAX} pairs of addresses: add `@address` to one of them"
            );
            return Err(Failure::Argument { flag: "from", problem });
        }
        for start in &starts {
            let there = leaving_out_private(start, &there);
            let there = leaving_out_other_side(network, start, there);
            pairs.extend(there.into_iter().map(|target| Pair {
                start: start.clone(),
                start_text: crate::text::start(estate, start),
                target: target.clone(),
                target_text: target.describe(network),
            }));
        }
    }
    let joined = |pair: &Pair| !apart.are(&pair.start, &pair.target);
    if pairs.iter().any(joined) {
        pairs.retain(joined);
    }
    Ok(pairs)
}

/// A realm's router is nobody that a reply could come back to: what arrives counts.
fn leave_out_reply(part: &mut Explained) {
    if part.disposition.is_delivered() {
        part.established = Bounds::exact(part.flows.clone());
    }
    part.reply = None;
}

/// From the internet, private addresses are no question where there is a public one.
fn leaving_out_private<'a>(start: &Start, targets: &[&'a Target]) -> Vec<&'a Target> {
    let on_internet = matches!(start, Start::Internet { .. });
    let some_public = targets.iter().any(|target| target.is_public());
    let keeps = |target: &&Target| !on_internet || !some_public || target.is_public();
    targets.iter().copied().filter(keeps).collect()
}

/// What is led to its targets where it is sent has addresses for its own network and others for
/// outside: each is a question from its own side only, where there is one.
fn leaving_out_other_side<'a>(
    network: &Network,
    start: &Start,
    targets: Vec<&'a Target>,
) -> Vec<&'a Target> {
    let holder = |target: &&Target| -> Option<EndpointId> {
        let Target::Address(address) = target else { return None };
        let mut led = network.at_sender.keys();
        led.find(|id| network.endpoints[**id].holds(*address)).copied()
    };
    let is_for_within = |target: &&Target| {
        let role = holder(target).map(|id| network.endpoints[id].role);
        matches!(role, Some(EndpointRole::Front(id)) if network.fronts[id].listeners.is_empty())
    };
    let within = targets.iter().find(|target| is_for_within(target));
    let Some(virtual_end) = within.and_then(holder) else { return targets };
    let realm_of =
        |id: EndpointId| network.endpoints[id].subnet.map(|one| network.subnets[one].realm);
    let from_within = match start {
        Start::Endpoint { endpoint, .. } => {
            let realm = realm_of(virtual_end);
            realm_of(*endpoint) == realm || network.led_in.get(endpoint).copied() == realm
        }
        _ => false,
    };
    // A name may stand for pods beside what is led: these are themselves for everybody. What has no
    // address that is known is the side for outside.
    let (led, plain): (Vec<_>, Vec<_>) = targets
        .into_iter()
        .partition(|target| !matches!(target, Target::Address(_)) || holder(target).is_some());
    let (within, outside): (Vec<_>, Vec<_>) = led.into_iter().partition(is_for_within);
    let mut found = match (from_within, within.is_empty(), outside.is_empty()) {
        (true, false, _) => within,
        (false, _, true) if plain.is_empty() => within,
        (false, _, true) => Vec::new(),
        (true, true, _) | (false, _, false) => outside,
    };
    found.extend(plain);
    found
}

/// Why there is nothing to ask, and whether that is because the input does not tell.
fn no_pair(network: &Network, question: &Question) -> (String, bool) {
    let starts = [Family::V4, Family::V6].map(|family| question.from.starts(network, family));
    if starts.iter().all(Vec::is_empty) {
        return ("the input tells no address from which the first end sends".to_owned(), true);
    }
    if question.to.targets(network).is_empty() {
        return ("the input tells no address at which the second end is reached".to_owned(), true);
    }
    ("one end has IPv4 addresses only, the other has IPv6 addresses only".to_owned(), false)
}
