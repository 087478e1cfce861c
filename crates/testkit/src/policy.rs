//! The reference interpreter of decisions: the page in code, rule by rule and request by request.
//!
//! It reads the syntax tree and shares nothing else with the engine: names are looked up anew each
//! time, addresses are tried one by one, and every request that any rule could tell apart is tried.

mod decision;
pub mod essentials;
pub mod generate;
mod matching;
mod requests;
mod through;
mod workloads;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use watertight_net::{Flow, FlowSet, Prefix};
use watertight_policy::Timestamp;

pub use decision::{decide, near_misses, on_fault};

/// Yes, no, or `None`: maybe.
pub type Truth = Option<bool>;

/// What decisions are about.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "each name says what it is")]
pub struct World {
    pub workloads: Vec<Workload>,
    pub fronts: Vec<Front>,
    pub services: BTreeMap<String, Vec<Prefix>>,
    /// Where services answer whose names nobody knows.
    pub service_space: Vec<Prefix>,
}

/// A workload.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "each name says what it is")]
pub struct Workload {
    pub id: String,
    pub name: String,
    pub account: Option<String>,
    pub subnets: Vec<String>,
    pub labels: BTreeMap<String, String>,
    pub places: Vec<Place>,
}

/// A network, none for the public one, and an address in it.
pub type Place = (Option<String>, IpAddr);

/// What is sent to a workload.
pub type Target = (usize, FlowSet);

/// A front that ends legs.
#[derive(Clone, Debug)]
pub struct Front {
    /// The workload that it is.
    pub workload: usize,
    /// What it listens on, and where that leads.
    pub listeners: Vec<(FlowSet, Vec<Target>)>,
    /// Its health checks.
    pub health: Vec<Target>,
}

/// Who an end is.
#[derive(Clone, Debug)]
pub enum Who {
    /// One of these.
    Workloads(Vec<usize>),
    /// The addresses of a small prefix, in a network.
    Outside(Prefix, Option<String>),
    /// An address of the estate that nobody holds.
    Unknown,
}

/// An end of a leg.
#[derive(Clone, Debug)]
pub struct End {
    /// Who it is.
    pub who: Who,
    /// The addresses of which the leg uses one; all of its workloads' where there is none.
    pub places: Vec<Place>,
    /// The groups of the person who is signed in, where that is told.
    pub groups: Option<Vec<String>>,
}

/// A request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Request {
    /// Whether the first bytes are a `ClientHello`.
    pub tls: bool,
    /// The method and the path, where the bytes are HTTP.
    pub http: Option<(String, String)>,
}

/// Who asked which name, what address it was told, and until when that holds.
pub type Binding = (usize, String, IpAddr, Timestamp);

/// What is on.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "each name says what it is")]
pub enum Modes {
    Enforced,
    Pending,
    PromoteSegment(String),
    PromotePolicy(String),
}

/// One question.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "each name says what it is")]
pub struct Case {
    pub source: End,
    pub destination: End,
    pub flow: Flow,
    pub request: Option<Request>,
    pub bindings: Vec<Binding>,
    pub modes: Modes,
    pub now: Timestamp,
}

/// Which policies are essentials, and which of them are the failsafe ones.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "each name says what it is")]
pub struct Essentials {
    pub policies: Vec<String>,
    pub failsafe: Vec<String>,
}

/// The answer, in words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    /// `allow`, `deny` or `inspect`.
    pub outcome: &'static str,
    /// What decided, such as `rule web/0 direct` or `default source app egress`.
    pub reasons: BTreeSet<String>,
    /// What was assumed.
    pub assumed: BTreeSet<String>,
    /// Whether the source and the destination are governed.
    pub governed: (bool, bool),
}

/// All hold: no where one does not, else maybe where one is.
pub(crate) fn all(truths: impl IntoIterator<Item = Truth>) -> Truth {
    let truths: Vec<Truth> = truths.into_iter().collect();
    if truths.contains(&Some(false)) {
        Some(false)
    } else if truths.contains(&None) {
        None
    } else {
        Some(true)
    }
}

/// Any holds: yes where one does, else maybe where one is.
pub(crate) fn any(truths: impl IntoIterator<Item = Truth>) -> Truth {
    let truths: Vec<Truth> = truths.into_iter().collect();
    if truths.contains(&Some(true)) {
        Some(true)
    } else if truths.contains(&None) {
        None
    } else {
        Some(false)
    }
}

/// What all candidates agree on; maybe where they differ, or where there is none.
pub(crate) fn agreed(truths: impl IntoIterator<Item = Truth>) -> Truth {
    let mut truths: Vec<Truth> = truths.into_iter().collect();
    truths.dedup();
    match *truths {
        [one] => one,
        _ => None,
    }
}
