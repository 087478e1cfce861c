//! The table of calls: which are made, and what the published API models say about each.
//!
//! `calls/plan.json` is written by hand and says what is asked, in which order. `calls/facts.json` is
//! written by `cargo xtask aws-calls` from the models and says how a request looks and what an
//! answer holds.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::CollectError;
use crate::arguments;

const PLAN: &str = include_str!("../calls/plan.json");
const FACTS: &str = include_str!("../calls/facts.json");

/// Every call that a collection makes, in order: a call comes after those that it depends on.
#[derive(Debug)]
pub struct Table {
    pub(crate) calls: Vec<Call>,
    pub(crate) services: BTreeMap<String, Service>,
    shapes: BTreeMap<String, BTreeMap<String, Shape>>,
    /// The release of the models that the facts were taken from.
    pub models: String,
}

impl Table {
    /// Reads the table that the program holds.
    ///
    /// # Errors
    /// When the two documents do not fit each other, which a test rules out.
    pub fn load() -> Result<Self, CollectError> {
        let failed = |error: serde_json::Error| CollectError::Table(error.to_string());
        let lines: Vec<Line> = serde_json::from_str(PLAN).map_err(failed)?;
        let facts: Document = serde_json::from_str(FACTS).map_err(failed)?;
        let mut calls = Vec::with_capacity(lines.len());
        for line in lines {
            let facts = facts.calls.get(&line.call).cloned();
            let facts = facts.ok_or_else(|| {
                CollectError::Table(format!("nothing is known about the call `{}`", line.call))
            })?;
            calls.push(Call { line, facts });
        }
        Ok(Self { calls, services: facts.services, shapes: facts.shapes, models: facts.models })
    }

    /// The names of the calls whose answers are bodies, in the words of the AWS CLI.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.calls.iter().filter(|call| call.line.place != Place::Changes).map(Call::name)
    }

    /// What tells this table from others: bodies that another one asked for may lack what this one
    /// asks for, or hold what this version would have taken out.
    pub(crate) fn mark() -> String {
        let numbers = [PLAN, FACTS].map(arguments::number_of);
        format!("{} {:016x} {:016x}", env!("CARGO_PKG_VERSION"), numbers[0], numbers[1])
    }

    /// The shapes of a service.
    pub(crate) fn shapes(&self, service: &str) -> Shapes<'_> {
        Shapes(self.shapes.get(service))
    }

    /// The call of a name.
    pub(crate) fn call(&self, name: &str) -> Option<&Call> {
        self.calls.iter().find(|call| call.name() == name)
    }

    /// What a call's service is like.
    pub(crate) fn service(&self, call: &Call) -> Option<&Service> {
        self.services.get(&call.facts.service)
    }
}

/// One line of the table.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) line: Line,
    pub(crate) facts: Facts,
}

impl Call {
    /// Its name in the words of the AWS CLI: `ec2-describe-vpcs`.
    pub(crate) fn name(&self) -> &str {
        &self.line.call
    }

    /// Whether it is asked about one thing at a time.
    pub(crate) fn has_argument(&self) -> bool {
        self.line.each.is_some()
    }
}

/// Where a call is asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Place {
    /// In each region of each account.
    #[default]
    Region,
    /// Once in each account.
    Global,
    /// Once, with the credentials that the collection begins with.
    Organization,
    /// Where it is looked up whether something changed; its answers are no bodies.
    Changes,
}

/// What the plan says about a call.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Line {
    pub(crate) call: String,
    #[serde(default)]
    pub(crate) place: Place,
    /// The one region that answers, for a service that has no region.
    pub(crate) region: Option<String>,
    /// What it is asked about, one by one.
    pub(crate) each: Option<Each>,
    /// Where its own answers name more to ask about.
    pub(crate) again: Option<String>,
    /// Parameters that are those of the call that named the argument.
    #[serde(default)]
    pub(crate) inherit: Vec<String>,
    /// Fixed parameters; `$account` stands for the account.
    #[serde(default)]
    pub(crate) with: BTreeMap<String, Value>,
    /// Parameters of a form in the words of the wire.
    #[serde(default)]
    pub(crate) raw: BTreeMap<String, String>,
    /// Errors that say that there is nothing.
    #[serde(default)]
    pub(crate) absent: Vec<String>,
    /// The permissions, where the service's name and the operation's do not make it.
    #[serde(default)]
    pub(crate) actions: Vec<String>,
    /// All answers together are one list: one that is missing leaves the list incomplete.
    #[serde(default)]
    pub(crate) parts: bool,
    /// The services whose events alone can change its answer, by the first part of their names on
    /// record. Without any, nothing tells that an answer is still the same.
    #[serde(default)]
    pub(crate) events: Vec<String>,
    /// Events tell so only of an answer that holds nothing: what there is may change by itself.
    #[serde(default)]
    pub(crate) while_empty: bool,
}

/// What a call is asked about.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Each {
    /// The calls whose answers name it.
    #[serde(default)]
    pub(crate) of: Vec<String>,
    /// Where each of these answers does, as in `Reservations[].Instances[].InstanceId`.
    #[serde(default)]
    pub(crate) at: Vec<String>,
    /// The things themselves, where they are always the same.
    #[serde(default)]
    pub(crate) values: Vec<String>,
    /// The parameter that takes it.
    #[serde(rename = "as")]
    pub(crate) parameter: String,
    /// How many are asked about at once.
    pub(crate) batch: Option<usize>,
}

#[derive(Debug, Deserialize)]
struct Document {
    models: String,
    services: BTreeMap<String, Service>,
    calls: BTreeMap<String, Facts>,
    shapes: BTreeMap<String, BTreeMap<String, Shape>>,
}

/// How requests and answers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Protocol {
    Ec2,
    Query,
    RestXml,
    Json,
    RestJson,
}

/// What the models say about a service.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Service {
    pub(crate) protocol: Protocol,
    pub(crate) version: String,
    /// The name that requests are signed for, and that leads most of its permissions.
    pub(crate) signing: String,
    pub(crate) endpoints: BTreeMap<String, Endpoints>,
    /// The regions in which the models list it.
    pub(crate) offered: Vec<String>,
    /// What leads the operation's name in the header of a JSON request.
    pub(crate) target: Option<String>,
    /// The version of JSON requests.
    pub(crate) json: Option<String>,
}

/// The endpoints of a service in one partition: address and region of the signature, each with
/// `{region}` where the region stands.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Endpoints {
    pub(crate) usual: (String, String),
    #[serde(default)]
    pub(crate) other: BTreeMap<String, (String, String)>,
}

/// What the models say about a call.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Facts {
    pub(crate) service: String,
    pub(crate) operation: String,
    #[serde(default)]
    pub(crate) input: BTreeMap<String, Input>,
    pub(crate) method: Option<String>,
    pub(crate) uri: Option<String>,
    pub(crate) query: Option<String>,
    pub(crate) pages: Option<Pages>,
    pub(crate) output: Option<String>,
    /// The element around the answer of a query.
    pub(crate) wrapper: Option<String>,
    /// The one member that the whole answer is.
    pub(crate) payload: Option<String>,
}

/// Where a parameter goes.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Input {
    #[serde(rename = "in")]
    pub(crate) place: Location,
    pub(crate) name: String,
}

/// A part of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Location {
    Uri,
    Query,
    Header,
    Body,
}

/// How an answer goes on.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Pages {
    pub(crate) input: Vec<String>,
    pub(crate) output: Vec<String>,
    /// The lists that the pages make together.
    pub(crate) results: Vec<String>,
    /// The field that says whether another page follows.
    pub(crate) more: Option<String>,
}

/// The shapes of the answers of one service. For JSON there are those alone that lead to a time, a
/// secret or a member that is called otherwise on the wire.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shapes<'t>(Option<&'t BTreeMap<String, Shape>>);

impl<'t> Shapes<'t> {
    /// The shape of a name; nothing for a scalar.
    pub(crate) fn find(self, kind: &str) -> Option<&'t Shape> {
        self.0?.get(kind)
    }
}

/// The shape of a value in an answer.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Shape {
    /// The name and kind of elements.
    pub(crate) list: Option<(String, String)>,
    /// The names of key and value, and the kind of values.
    pub(crate) map: Option<(String, String, String)>,
    /// The members by their names on the wire.
    #[serde(rename = "struct")]
    pub(crate) members: Option<BTreeMap<String, Member>>,
    /// Whether elements stand without an element around them.
    #[serde(default, rename = "flat")]
    flat: u8,
    /// Whether all that it holds is secret.
    #[serde(default, rename = "S")]
    secret: u8,
}

impl Shape {
    /// Whether elements stand without an element around them.
    pub(crate) fn is_flat(&self) -> bool {
        self.flat != 0
    }

    /// Whether all that it holds is secret.
    pub(crate) fn is_secret(&self) -> bool {
        self.secret != 0
    }
}

/// A member of a structure.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(crate) enum Member {
    /// Its kind; the name is the same on the wire.
    Same(String),
    /// Its name and its kind.
    Named(String, String),
}

impl Member {
    /// The name and the kind of the member that is called `wire` on the wire.
    pub(crate) fn name_and_kind<'m>(&'m self, wire: &'m str) -> (&'m str, &'m str) {
        match self {
            Self::Same(kind) => (wire, kind),
            Self::Named(name, kind) => (name, kind),
        }
    }
}
