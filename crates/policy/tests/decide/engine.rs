//! The interpreter's questions in the engine's terms, and the engine's answers in its words.

use std::collections::BTreeSet;

use watertight_model::Name;
use watertight_net::AddressSet;
use watertight_policy::checked::FaultMode;
use watertight_policy::decide::{
    Assumption, Binding, Decider, End, Essentials, Fault, FrontLegs, Http, Leg, LegPart,
    ListenerLegs, Member, Modes, Place, Question, Reason, Request, RuleId, Side, TargetLegs, Who,
    World,
};
use watertight_policy::syntax::{OnFault, Spanned};
use watertight_policy::{CheckedPolicy, Documents, Feeds, check, with_failsafe};
use watertight_source::Diagnostics;
use watertight_testkit::policy::generate::Generated;
use watertight_testkit::policy::{self, Answer, Case};

type Field = fn(&OnFault) -> Option<FaultMode>;

fn value(written: Option<Spanned<FaultMode>>) -> Option<FaultMode> {
    written.map(|written| written.value)
}

pub(crate) const FAULTS: [(Fault, Field); 4] = [
    (Fault::MapFull, |fields| value(fields.map_full)),
    (Fault::UnknownIdentity, |fields| value(fields.unknown_identity)),
    (Fault::ProxyGone, |fields| value(fields.proxy_gone)),
    (Fault::StaleIdentity, |fields| value(fields.stale_identity)),
];

/// What an engine borrows.
pub(crate) struct Prepared {
    policy: CheckedPolicy,
    world: World,
    /// The failsafe tuples that its documents list.
    listed: Essentials,
}

/// The engine for one generated policy.
pub(crate) struct Engine<'p> {
    decider: Decider<'p>,
}

fn names(texts: &[String]) -> Vec<Name> {
    texts.iter().map(|text| Name::from(text.as_str())).collect()
}

fn place(place: &policy::Place) -> Place {
    Place { network: place.0.as_deref().map(Name::from), address: place.1 }
}

fn target((workload, flows): &policy::Target) -> TargetLegs {
    TargetLegs { workload: *workload, flows: flows.clone() }
}

impl Prepared {
    pub(crate) fn of(generated: &Generated) -> Self {
        let documents =
            Documents { documents: generated.documents.clone(), ..Documents::default() };
        let mut diagnostics = Diagnostics::default();
        let policy = check(&documents, &Feeds::new(), &mut diagnostics);
        let Some(mut policy) = policy else {
            panic!("what is drawn is sound: {:?}", diagnostics.into_sorted())
        };
        let from = &generated.world;
        let world = World {
            workloads: from.workloads.iter().map(member).collect(),
            fronts: from.fronts.iter().map(front).collect(),
            services: from
                .services
                .iter()
                .map(|(name, prefixes)| {
                    let prefixes = prefixes.iter().copied();
                    (Name::from(name.as_str()), AddressSet::from_prefixes(prefixes))
                })
                .collect(),
            service_space: AddressSet::from_prefixes(from.service_space.iter().copied()),
        };
        let listed = with_failsafe(&mut policy);
        Self { policy, world, listed }
    }
}

fn member(from: &policy::Workload) -> Member {
    let labels = from.labels.iter();
    Member {
        id: Name::from(from.id.as_str()),
        name: Name::from(from.name.as_str()),
        account: from.account.as_deref().map(Name::from),
        subnets: names(&from.subnets),
        labels: labels.map(|(key, value)| (key.as_str().into(), value.as_str().into())).collect(),
        places: from.places.iter().map(place).collect(),
    }
}

fn front(from: &policy::Front) -> FrontLegs {
    let listeners = from.listeners.iter();
    FrontLegs {
        workload: from.workload,
        listeners: listeners
            .map(|(flows, targets)| ListenerLegs {
                flows: flows.clone(),
                targets: targets.iter().map(target).collect(),
            })
            .collect(),
        health: from.health.iter().map(target).collect(),
    }
}

fn end(from: &policy::End) -> End {
    let who = match &from.who {
        policy::Who::Workloads(workloads) => Who::Workloads(workloads.clone()),
        policy::Who::Outside(prefix, network) => Who::Outside {
            addresses: AddressSet::from_prefix(*prefix),
            network: network.as_deref().map(Name::from),
        },
        policy::Who::Unknown => Who::Unknown,
    };
    End {
        who,
        places: from.places.iter().map(place).collect(),
        groups: from.groups.as_deref().map(names),
    }
}

fn modes(from: &policy::Modes) -> Modes {
    match from {
        policy::Modes::Enforced => Modes::Enforced,
        policy::Modes::Pending => Modes::Pending,
        policy::Modes::PromoteSegment(name) => Modes::PromoteSegment(name.as_str().into()),
        policy::Modes::PromotePolicy(name) => Modes::PromotePolicy(name.as_str().into()),
    }
}

const fn side(side: Side) -> &'static str {
    match side {
        Side::Source => "source",
        Side::Destination => "destination",
    }
}

impl Prepared {
    pub(crate) fn policy(&self) -> &CheckedPolicy {
        &self.policy
    }
}

impl<'p> Engine<'p> {
    pub(crate) fn new(generated: &Generated, prepared: &'p Prepared) -> Self {
        let mut essentials = prepared.listed.clone();
        essentials.policies.extend(names(&generated.essentials.policies));
        essentials.failsafe.extend(names(&generated.essentials.failsafe));
        Self { decider: Decider::new(&prepared.policy, &prepared.world, &essentials) }
    }

    fn rule(&self, id: RuleId) -> String {
        let policy = &self.decider.policy().policies[id.policy as usize];
        let part = match id.part {
            LegPart::Direct => "direct",
            LegPart::ToFront => "to front",
            LegPart::FromFront => "from front",
            LegPart::HealthCheck => "health check",
        };
        format!("{}/{} {part}", policy.name, id.rule)
    }

    fn segment(&self, id: watertight_policy::checked::SegmentId) -> &str {
        &self.decider.policy().segments[id.index()].name
    }

    fn reason(&self, reason: &Reason) -> String {
        match reason {
            Reason::Quarantine(end) => format!("quarantine {}", side(*end)),
            Reason::Essential(rule) => format!("essential {}", self.rule(*rule)),
            Reason::Ungoverned => "ungoverned".to_owned(),
            Reason::Rule(rule) => format!("rule {}", self.rule(*rule)),
            Reason::Itself => "itself".to_owned(),
            Reason::Default(end, segment, kind) => {
                format!("default {} {} {}", side(*end), self.segment(*segment), kind.word())
            }
        }
    }

    fn assumption(&self, assumption: &Assumption) -> String {
        match assumption {
            Assumption::Quarantined(end) => format!("quarantined {}", side(*end)),
            Assumption::Governed(end) => format!("governed {}", side(*end)),
            Assumption::Matches(rule) => format!("matches {}", self.rule(*rule)),
            Assumption::MatchesNot(rule) => format!("matches not {}", self.rule(*rule)),
            Assumption::Holds(end, segment) => {
                format!("holds {} {}", side(*end), self.segment(*segment))
            }
        }
    }

    pub(crate) fn decide(&self, case: &Case) -> Answer {
        self.ask(case, |deciding, question| {
            let decision = deciding.decide(question);
            Answer {
                outcome: decision.outcome.word(),
                reasons: decision.reasons.iter().map(|one| self.reason(one)).collect(),
                assumed: decision.assumed.iter().map(|one| self.assumption(one)).collect(),
                governed: (decision.governed.source, decision.governed.destination),
            }
        })
    }

    pub(crate) fn near_misses(&self, case: &Case) -> BTreeSet<String> {
        self.ask(case, |deciding, question| {
            let misses = deciding.near_misses(question).into_iter();
            misses.map(|miss| format!("{} {}", miss.fails.word(), self.rule(miss.rule))).collect()
        })
    }

    pub(crate) fn on_fault(&self, case: &Case, workload: usize, fault: Fault) -> Option<FaultMode> {
        let deciding = self.decider.under(&modes(&case.modes), case.now);
        deciding.on_fault(workload, fault).map(|said| said.mode)
    }

    fn ask<T>(
        &self,
        case: &Case,
        answer: impl FnOnce(&watertight_policy::decide::Deciding<'_>, &Question<'_>) -> T,
    ) -> T {
        let leg =
            Leg { source: end(&case.source), destination: end(&case.destination), flow: case.flow };
        let request = case.request.as_ref().map(|request| Request {
            tls: request.tls,
            http: request.http.as_ref().map(|(method, path)| Http {
                method: method.as_str().into(),
                path: path.as_str().into(),
            }),
        });
        let bindings: Vec<Binding> = case
            .bindings
            .iter()
            .map(|(asker, name, address, until)| Binding {
                asker: *asker,
                name: name.as_str().into(),
                address: *address,
                until: *until,
            })
            .collect();
        let question = Question { leg: &leg, request: request.as_ref(), bindings: &bindings };
        answer(&self.decider.under(&modes(&case.modes), case.now), &question)
    }
}
