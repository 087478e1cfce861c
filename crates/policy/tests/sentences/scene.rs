//! A small estate, and questions about it in one line.

use watertight_model::Name;
use watertight_net::{AddressSet, Flow, FlowSet, PortSet};
use watertight_policy::checked::FaultMode;
use watertight_policy::decide::{
    Assumption, Attribute, Binding, Decider, Decision, End, Essentials, Fault, FrontLegs, Http,
    Leg, ListenerLegs, Member, Modes, Place, Question, Reason, Request, TargetLegs, Who, World,
};
use watertight_policy::{CheckedPolicy, Documents, Feeds, Format, Timestamp, check, with_failsafe};
use watertight_source::{Diagnostics, Limits, Sources};

pub(crate) const WEB: usize = 0;
pub(crate) const DB: usize = 1;
pub(crate) const ALB: usize = 2;
pub(crate) const JOB: usize = 3;
pub(crate) const SICK: usize = 4;
pub(crate) const EDGE: usize = 5;
/// As WEB, in another network.
pub(crate) const TWIN: usize = 6;

pub(crate) const NOW: Timestamp = Timestamp(1_800_000_000);

/// A segment of everything in `data` that denies by default, enforced.
pub(crate) const DATA: &str = "
apiVersion: watertight.io/v1alpha1
kind: Segment
metadata: {name: data}
spec:
  members: {matchLabels: {tier: data}}
  mode: enforce
---
";

/// A policy with rules in flow style, one a line.
pub(crate) fn policy(name: &str, head: &str, rules: &[&str]) -> String {
    let mut text = format!(
        "apiVersion: watertight.io/v1alpha1\nkind: Policy\nmetadata: {{name: {name}}}\nspec:\n"
    );
    for field in head.split(", ").filter(|field| !field.is_empty()) {
        text.push_str(&format!("  {field}\n"));
    }
    text.push_str("  rules:\n");
    for rule in rules {
        text.push_str(&format!("  - {rule}\n"));
    }
    text.push_str("---\n");
    text
}

/// A segment in flow style.
pub(crate) fn segment(name: &str, labels: &str, rest: &str) -> String {
    format!(
        "apiVersion: watertight.io/v1alpha1\nkind: Segment\nmetadata: {{name: {name}}}\n\
         spec: {{members: {{matchLabels: {{{labels}}}}}, {rest}}}\n---\n"
    )
}

pub(crate) struct Scene {
    policy: CheckedPolicy,
    world: World,
    essentials: Essentials,
    pub(crate) now: Timestamp,
    pub(crate) modes: Modes,
    pub(crate) request: Option<Request>,
    pub(crate) bindings: Vec<Binding>,
}

pub(crate) fn place(network: Option<&str>, address: &str) -> Place {
    let address = address.parse().expect("an address");
    Place { network: network.map(Name::from), address }
}

fn member(name: &str, labels: &[(&str, &str)], places: Vec<Place>) -> Member {
    let labels = labels.iter().map(|(key, value)| (Name::from(*key), Name::from(*value)));
    Member {
        id: name.into(),
        name: name.into(),
        account: Some("111122223333".into()),
        subnets: vec!["subnet-a".into()],
        labels: labels.collect(),
        places,
    }
}

fn tcp(port: u16) -> FlowSet {
    FlowSet::tcp(PortSet::single(port))
}

pub(crate) fn world() -> World {
    let inside = |address| vec![place(Some("vpc-a"), address)];
    let target = || TargetLegs { workload: DB, flows: tcp(8443) };
    World {
        workloads: vec![
            member("web", &[("app", "web"), ("env", "prod")], inside("10.0.0.1")),
            member("db", &[("app", "db"), ("tier", "data")], inside("10.0.0.2")),
            member("alb", &[("name", "alb")], inside("10.0.0.3")),
            member("job", &[("app", "job")], inside("10.0.0.4")),
            member("sick", &[("watertight.io/quarantine", "yes")], inside("10.0.0.5")),
            member(
                "edge",
                &[("app", "edge"), ("tier", "data"), ("zone", "x")],
                vec![place(None, "203.0.113.5")],
            ),
            member("twin", &[("app", "web")], vec![place(Some("vpc-b"), "10.0.0.1")]),
        ],
        fronts: vec![FrontLegs {
            workload: ALB,
            listeners: vec![ListenerLegs { flows: tcp(443), targets: vec![target()] }],
            health: vec![TargetLegs { workload: DB, flows: tcp(8080) }],
        }],
        services: [(
            Name::from("aws.s3"),
            AddressSet::from_prefixes(["198.51.100.0/24".parse().expect("a prefix")]),
        )]
        .into(),
        service_space: AddressSet::empty(),
    }
}

impl Scene {
    pub(crate) fn new(text: &str) -> Self {
        let mut sources = Sources::new();
        let file = sources.add("policy.yaml", text).expect("a small file");
        let limits = Limits::default();
        let mut diagnostics = Diagnostics::default();
        let mut documents = Documents::default();
        let contents = sources.contents(file);
        documents.read(file, contents, Format::Yaml, &limits, &mut diagnostics);
        let Some(mut policy) = check(&documents, &Feeds::new(), &mut diagnostics) else {
            panic!("{text}\n{:?}", diagnostics.into_sorted())
        };
        Self {
            essentials: with_failsafe(&mut policy),
            policy,
            world: world(),
            now: NOW,
            modes: Modes::Enforced,
            request: None,
            bindings: Vec::new(),
        }
    }

    pub(crate) fn with_essentials(mut self, policies: &[&str], failsafe: &[&str]) -> Self {
        let names = |list: &[&str]| list.iter().map(|name| Name::from(*name)).collect();
        self.essentials.policies.extend::<Vec<Name>>(names(policies));
        self.essentials.failsafe.extend::<Vec<Name>>(names(failsafe));
        self
    }

    pub(crate) fn under(mut self, modes: Modes) -> Self {
        self.modes = modes;
        self
    }

    pub(crate) fn with_request(mut self, tls: bool, http: Option<(&str, &str)>) -> Self {
        let http = http.map(|(method, path)| Http { method: method.into(), path: path.into() });
        self.request = Some(Request { tls, http });
        self
    }

    pub(crate) fn decision(&self, source: End, destination: End, flow: Flow) -> Decision {
        let decider = Decider::new(&self.policy, &self.world, &self.essentials);
        let leg = Leg { source, destination, flow };
        let request = self.request.as_ref();
        let question = Question { leg: &leg, request, bindings: &self.bindings };
        decider.under(&self.modes, self.now).decide(&question)
    }

    /// The decision in words: the outcome, and what decided.
    pub(crate) fn ask(&self, source: End, destination: End, flow: Flow) -> String {
        let decision = self.decision(source, destination, flow);
        let reasons: Vec<String> = decision.reasons.iter().map(|one| self.reason(one)).collect();
        let assumed = if decision.assumed.is_empty() { "" } else { ", assumed" };
        format!("{}: {}{assumed}", decision.outcome.word(), reasons.join(" | "))
    }

    /// The decision about TCP between two workloads.
    pub(crate) fn tcp(&self, source: usize, destination: usize, port: u16) -> String {
        self.ask(one(source), one(destination), Flow::tcp(40_000, port))
    }

    /// What is done about a fault at a workload.
    pub(crate) fn fault(&self, workload: usize, fault: Fault) -> Option<FaultMode> {
        let decider = Decider::new(&self.policy, &self.world, &self.essentials);
        decider.under(&self.modes, self.now).on_fault(workload, fault).map(|one| one.mode)
    }

    /// The allow rules that fail in one attribute alone.
    pub(crate) fn near(
        &self,
        source: End,
        destination: End,
        flow: Flow,
    ) -> Vec<(Attribute, String)> {
        let decider = Decider::new(&self.policy, &self.world, &self.essentials);
        let leg = Leg { source, destination, flow };
        let request = self.request.as_ref();
        let question = Question { leg: &leg, request, bindings: &self.bindings };
        let near = decider.under(&self.modes, self.now).near_misses(&question);
        near.iter().map(|one| (one.fails, self.reason(&Reason::Rule(one.rule)))).collect()
    }

    fn reason(&self, reason: &Reason) -> String {
        match reason {
            Reason::Quarantine(_) => "quarantine".to_owned(),
            Reason::Essential(id) => {
                format!("essential {}", self.policy.policies[id.policy as usize].name)
            }
            Reason::Ungoverned => "ungoverned".to_owned(),
            Reason::Rule(id) => {
                format!("{}/{}", self.policy.policies[id.policy as usize].name, id.rule)
            }
            Reason::Itself => "itself".to_owned(),
            Reason::Default(_, segment, kind) => {
                format!("{} {}", self.policy.segments[segment.index()].name, kind.word())
            }
        }
    }
}

pub(crate) fn one(workload: usize) -> End {
    End::workload(vec![workload])
}

pub(crate) fn outside(prefix: &str) -> End {
    End::outside(AddressSet::from_prefix(prefix.parse().expect("a prefix")))
}

pub(crate) fn nobody(address: &str) -> End {
    let places = vec![place(Some("vpc-a"), address)];
    End { who: Who::Unknown, places, groups: None }
}

pub(crate) fn is_counted(decision: &Decision, as_matching: bool) -> bool {
    decision.assumed.iter().any(|assumption| match assumption {
        Assumption::Matches(_) => as_matching,
        Assumption::MatchesNot(_) => !as_matching,
        _ => false,
    })
}
