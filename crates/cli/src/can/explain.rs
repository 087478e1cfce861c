//! A part of an answer as text: each step with what decided there.

use watertight_model::network::StageDefault;
use watertight_model::{Bounds, Disposition, Estate, Name, Network, Workload};
use watertight_net::{FlowSet, PortSet};
use watertight_reach::{Check, Deciding, End, Part, Path, Place, Reach, Reply, Step};
use watertight_source::Sources;

use crate::estate_folder::Loaded;
use crate::text;

/// Makes explanations for one estate.
pub(super) struct Explainer<'l> {
    estate: &'l Estate,
    sources: &'l Sources,
    reach: &'l Reach<'l>,
}

/// One part of an answer, without the addresses of the pair that it is about, so that pairs that
/// fare alike are equal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Explained {
    pub(super) flows: FlowSet,
    pub(super) disposition: Disposition,
    pub(super) at: String,
    pub(super) at_id: Option<Name>,
    pub(super) at_kind: &'static str,
    pub(super) why: Name,
    pub(super) established: Bounds<FlowSet>,
    pub(super) hops: Vec<Hop>,
    pub(super) reply: Option<ExplainedReply>,
}

impl Explained {
    /// What arrives at another workload than the one that was asked about does not reach that one.
    pub(super) fn goes_elsewhere(&mut self, to: &Workload) {
        self.disposition = Disposition::NullRouted;
        let why = format!("there the address is that of {} ({})", to.name, to.id);
        self.why = Name::from(why);
        self.established = Bounds::exact(FlowSet::none());
        self.reply = None;
    }
}

/// How the reply fares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ExplainedReply {
    pub(super) hops: Vec<Hop>,
    /// Where some of it ends, and why.
    pub(super) stop: Option<(String, Name)>,
    pub(super) returns: bool,
}

/// One place on the way, with what happened there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hop {
    pub(super) at: String,
    pub(super) at_id: Option<Name>,
    pub(super) at_kind: &'static str,
    pub(super) events: Vec<Event>,
}

/// What happened at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Event {
    /// The word for programs.
    pub(super) kind: &'static str,
    /// What a person reads.
    pub(super) text: String,
    /// The guard or table that decided.
    pub(super) by: Option<Name>,
    /// The rule in it.
    pub(super) rule: Option<Name>,
    /// Whether a guard accepted.
    pub(super) accepts: Option<bool>,
    /// Which of the flows it is about, where it is about some only.
    pub(super) flows: Option<FlowSet>,
    /// `file:line` in the input.
    pub(super) origin: Option<String>,
}

/// What refused at the end of a way, where a guard did.
pub(super) fn refusal(hops: &[Hop]) -> Option<&str> {
    let events = &hops.last()?.events;
    events.iter().rev().find(|event| event.accepts == Some(false)).map(|event| event.text.as_str())
}

impl Event {
    fn new(kind: &'static str, text: String) -> Self {
        Self { kind, text, by: None, rule: None, accepts: None, flows: None, origin: None }
    }
}

/// How guards treat what is followed.
#[derive(Clone, Copy)]
enum Travel<'r> {
    Forward,
    Back(&'r Reply),
}

impl<'l> Explainer<'l> {
    pub(super) fn new(loaded: &'l Loaded, reach: &'l Reach<'l>) -> Self {
        Self { estate: &loaded.estate, sources: &loaded.sources, reach }
    }

    fn network(&self) -> &'l Network {
        &self.estate.network
    }

    /// A part with its way and its reply's way.
    pub(super) fn explain(&self, part: &Part) -> Explained {
        let steps = part.ends_at_step.saturating_add(1);
        let (at, at_id, at_kind) = match &part.path.end {
            End::Platform(name) if part.disposition.is_delivered() => {
                (format!("the platform's {name}"), None, "platform")
            }
            _ => (
                text::place(self.estate, part.at),
                text::place_id(self.network(), part.at),
                text::place_kind(part.at),
            ),
        };
        Explained {
            flows: part.flows.clone(),
            disposition: part.disposition,
            at,
            at_id,
            at_kind,
            why: part.why.clone(),
            established: part.established.clone(),
            hops: self.hops(&part.path, steps, &part.flows, Travel::Forward),
            reply: part.reply.as_ref().map(|reply| self.reply(reply)),
        }
    }

    fn reply(&self, reply: &Reply) -> ExplainedReply {
        let steps = match (&reply.stop, reply.returns) {
            (Some((step, _)), _) => step.saturating_add(1),
            (None, _) => reply.path.steps.len(),
        };
        let stop = reply.stop.as_ref().map(|(step, why)| {
            let at = match reply.path.steps.get(*step) {
                Some(Step::Guards(check)) => text::place(self.estate, check.place),
                _ => self.last_place(&reply.path, *step),
            };
            (at, why.clone())
        });
        ExplainedReply {
            hops: self.hops(&reply.path, steps, &reply.flows, Travel::Back(reply)),
            stop,
            returns: reply.returns,
        }
    }

    fn last_place(&self, path: &Path, step: usize) -> String {
        let before = path.steps.iter().take(step.saturating_add(1)).rev();
        let place = before.filter_map(|step| match step {
            Step::At(place) => Some(*place),
            _ => None,
        });
        place.take(1).map(|place| text::place(self.estate, place)).collect()
    }

    fn hops(&self, path: &Path, steps: usize, flows: &FlowSet, travel: Travel<'_>) -> Vec<Hop> {
        let mut hops: Vec<Hop> = Vec::new();
        let mut flows = flows.clone();
        for step in path.steps.iter().take(steps) {
            match step {
                Step::At(place) => hops.push(self.hop(*place)),
                Step::Port(port) => flows = flows.with_destination_port(*port),
                Step::SourcePort(port) => {
                    flows = flows.with_source_ports(&PortSet::single(*port));
                }
                _ => {}
            }
            let (place, events) = self.events(step, &flows, travel);
            if events.is_empty() {
                continue;
            }
            if let Some(place) = place {
                let hop = self.hop(place);
                if hops.last().is_none_or(|last| last.at != hop.at) {
                    hops.push(hop);
                }
            }
            if let Some(last) = hops.last_mut() {
                last.events.extend(events);
            }
        }
        hops
    }

    fn hop(&self, place: Place) -> Hop {
        Hop {
            at: text::place(self.estate, place),
            at_id: text::place_id(self.network(), place),
            at_kind: text::place_kind(place),
            events: Vec::new(),
        }
    }

    /// What a step does, and where, if the step says so.
    fn events(
        &self,
        step: &Step,
        flows: &FlowSet,
        travel: Travel<'_>,
    ) -> (Option<Place>, Vec<Event>) {
        match step {
            Step::At(_) => (None, Vec::new()),
            Step::Route { table, text: route } => {
                let name = &self.network().tables[*table].name;
                let mut event = Event::new("route", format!("route {route} ({name})"));
                event.by = Some(name.clone());
                event.rule = Some(route.clone());
                event.origin =
                    text::origin(self.sources, text::route_origin(self.network(), *table, route));
                (None, vec![event])
            }
            Step::Guards(check) => (Some(check.place), self.guards(step, check, flows, travel)),
            Step::Source { at, from, to } => {
                (Some(*at), vec![Event::new("source", format!("source {from} becomes {to}"))])
            }
            Step::Destination { at, from, to } => {
                let text = format!("destination {from} becomes {to}");
                (Some(*at), vec![Event::new("destination", text)])
            }
            Step::Select(selected) => {
                (None, vec![Event::new("select", format!("for {selected} only"))])
            }
            Step::Carry { at, flows: carried } => {
                let dropped = flows.difference(carried);
                let events = if dropped.is_empty() {
                    Vec::new()
                } else {
                    vec![Event::new("carry", format!("carries only {carried}"))]
                };
                (Some(*at), events)
            }
            Step::Port(port) => {
                (None, vec![Event::new("port", format!("destination port becomes {port}"))])
            }
            Step::SourcePort(port) => {
                (None, vec![Event::new("port", format!("source port becomes {port}"))])
            }
            Step::Switch { at, text } => {
                let text = format!("{text}: lets it pass or not, the input does not tell");
                (Some(*at), vec![Event::new("switch", text)])
            }
            Step::Box { at, text } => {
                let text = format!("{text}: passes it or not, the input does not tell");
                (Some(*at), vec![Event::new("box", text)])
            }
        }
    }

    fn guards(
        &self,
        step: &Step,
        check: &Check,
        flows: &FlowSet,
        travel: Travel<'_>,
    ) -> Vec<Event> {
        let mut events = Vec::new();
        let direction = check.direction.word();
        if let Travel::Back(reply) = travel {
            let opened = reply.opened.contains(&check.place);
            for layer in &check.layers {
                let guards = &self.network().layers[*layer].guards;
                if !guards.iter().all(|guard| text::is_stateful(self.network(), *guard)) {
                    continue;
                }
                let names = text::layers(self.network(), &[*layer]);
                let says = if opened {
                    "passes as a reply"
                } else {
                    "did not see the connection being opened, drops the reply"
                };
                let mut event = Event::new("session", format!("{names}, {direction}: {says}"));
                event.accepts = Some(opened);
                events.push(event);
            }
        }
        for deciding in self.reach.deciding(step, flows) {
            let stateful = text::is_stateful(self.network(), deciding.guard);
            if matches!(travel, Travel::Back(_)) && stateful {
                continue;
            }
            events.push(self.decision(&deciding, flows));
        }
        events
    }

    fn decision(&self, deciding: &Deciding, flows: &FlowSet) -> Event {
        let network = self.network();
        let guard = &network.guards[deciding.guard];
        let named = format!("{}, {}:", text::guard(guard), deciding.direction.word());
        let rule = text::rule_of(network, deciding);
        let says = match rule {
            Some(rule) => text::rule(network, rule, deciding.direction),
            None if !deciding.accepts => "no rule accepts it".to_owned(),
            None => match unread_default(network, deciding) {
                Some(missing) => format!("not in the input: {missing}"),
                None => "no rule denies it".to_owned(),
            },
        };
        let mut event = Event::new("guard", format!("{named} {says}"));
        event.by = Some(guard.name.clone());
        event.rule = rule.map(|rule| rule.name.clone());
        event.accepts = Some(deciding.accepts);
        event.flows = (deciding.flows != *flows).then(|| deciding.flows.clone());
        let span = rule.map_or(guard.origin, |rule| rule.origin);
        event.origin = text::origin(self.sources, span);
        event
    }
}

/// What the input does not tell about a guard's default.
fn unread_default<'n>(network: &'n Network, deciding: &Deciding) -> Option<&'n Name> {
    let stages = network.guards[deciding.guard].stages(deciding.direction);
    stages.iter().find_map(|stage| match &stage.default {
        StageDefault::Unknown(missing) => Some(missing),
        StageDefault::Accept | StageDefault::Deny | StageDefault::Next => None,
    })
}
