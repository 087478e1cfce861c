//! The assessment: everything that is known about an estate, for the terminal, JSON, SARIF and one
//! page of HTML.

mod breach;
mod build;
mod findings;
mod html;
mod sarif;
mod text;
mod view;

use serde_json::Value;
use watertight_assess::{Action, Assessment, HopGraph, Withheld};
use watertight_model::Estate;
use watertight_reach::{Exposure, Matrix, Survey};
use watertight_source::{Diagnostic, Sources};

pub use html::html;
pub use sarif::sarif;
pub use text::text;
pub use view::{Severity, View};

/// The version of the JSON that [`json()`] gives; `docs/reference/assessment-schema.json` describes it.
pub const SCHEMA: &str = "watertight.assessment/v1";

/// What is known, to be shown.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The estate.
    pub estate: &'a Estate,
    /// Its connectivity.
    pub matrix: &'a Matrix,
    /// What the internet and the estate reach of each other.
    pub exposure: &'a Exposure,
    /// What decides each pair.
    pub survey: &'a Survey,
    /// The files that the estate was read from, for lines; without them places are left out.
    pub sources: Option<&'a Sources>,
    /// What the input lacks or says strangely.
    pub diagnostics: &'a [Diagnostic],
    /// How many workloads no segment of a policy but the built-in one holds, where there is a policy.
    pub estate_only: Option<u64>,
    /// How breaches spread, where that was computed.
    pub assessed: Option<Assessed<'a>>,
}

/// How breaches spread.
#[derive(Clone, Copy, Debug)]
pub struct Assessed<'a> {
    /// The hops.
    pub graph: &'a HopGraph,
    /// The actions that were on offer.
    pub actions: &'a [Action],
    /// What was found.
    pub assessment: &'a Assessment,
    /// The actions that are not on offer for what they would break.
    pub withheld: &'a [Withheld],
}

/// Puts together what an assessment shows.
pub fn view(facts: &Facts<'_>) -> View {
    build::view(facts)
}

/// The assessment as JSON.
pub fn json(view: &View) -> Value {
    // A view holds texts, numbers and lists only: it always has a JSON form.
    serde_json::to_value(view).unwrap_or(Value::Null)
}

impl View {
    /// How many findings there are of a severity or worse.
    pub fn findings_at_least(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity <= severity).count()
    }
}
