//! What an assessment shows, as plain values: the same for the terminal, JSON, SARIF and the page.
//!
//! Field names are those of the published schema, `docs/reference/assessment-schema.json`.

use serde::Serialize;

/// An assessment, ready to be shown. Made by [`view`](super::view).
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct View {
    pub(crate) schema: &'static str,
    pub(crate) estate: EstateView,
    /// How many workloads no segment of a policy but the built-in one holds, where a policy was given.
    pub(crate) estate_only: Option<u64>,
    pub(crate) score: Option<ScoreView>,
    pub(crate) segment_scores: Vec<SegmentScoreView>,
    pub(crate) findings: Vec<FindingView>,
    pub(crate) findings_total: usize,
    pub(crate) chains: ChainsView,
    pub(crate) cut_set: Option<CutView>,
    pub(crate) ranking: Vec<ActionView>,
    pub(crate) blasts: Vec<BlastView>,
    pub(crate) exposure: Vec<ExposedView>,
    pub(crate) segments: Vec<NodeView>,
    pub(crate) connectivity: Vec<EdgeView>,
    pub(crate) coverage: CoverageView,
    pub(crate) diagnostics: Vec<DiagnosticView>,
    pub(crate) diagnostics_total: usize,
}

/// What was read.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub(crate) struct EstateView {
    pub(crate) id: String,
    pub(crate) accounts: Vec<String>,
    pub(crate) sources: Vec<SourceView>,
    pub(crate) workloads: usize,
    pub(crate) endpoints: usize,
    pub(crate) realms: usize,
    pub(crate) subnets: usize,
    pub(crate) guards: usize,
    pub(crate) classes: usize,
    pub(crate) jewels: usize,
    /// Calls that were refused or are missing.
    pub(crate) unread: Vec<String>,
}

/// One collection.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub(crate) struct SourceView {
    pub(crate) provider: String,
    pub(crate) account: Option<String>,
    pub(crate) regions: Vec<String>,
    pub(crate) collected: Option<String>,
}

/// The score, 0 to 100, and what it is made of.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub(crate) struct ScoreView {
    pub(crate) value: f64,
    pub(crate) best_case: f64,
    /// After the whole cut set.
    pub(crate) after_cut: Option<f64>,
    /// The expected share of the estate's weight that a breach reaches.
    pub(crate) loss_all: f64,
    /// The expected likelihood that a breach reaches a jewel.
    pub(crate) loss_jewel: f64,
    pub(crate) internet_blast: f64,
    pub(crate) greatest_blast: f64,
}

/// The score of one segment in both directions.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub(crate) struct SegmentScoreView {
    pub(crate) name: String,
    pub(crate) inbound: f64,
    pub(crate) outbound: f64,
}

/// How bad a finding is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// A likely way from the internet to a jewel.
    Critical,
    /// A way to a jewel, or an open door that has no reason to be open.
    High,
    /// A defence that is weaker than it looks.
    Medium,
    /// Worth a look.
    Low,
}

impl Severity {
    /// All, worst first.
    pub const ALL: [Self; 4] = [Self::Critical, Self::High, Self::Medium, Self::Low];

    /// The word that output uses.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::High => "high",
            Self::Medium => "medium",
            Self::Low => "low",
        }
    }
}

/// Something to know or to change.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub(crate) struct FindingView {
    pub(crate) id: String,
    pub(crate) rule: &'static str,
    pub(crate) severity: Severity,
    pub(crate) title: String,
    pub(crate) text: String,
    pub(crate) resources: Vec<String>,
    pub(crate) evidence: Vec<EvidenceView>,
    pub(crate) links: Vec<LinkView>,
}

/// A way from a finding to what shows it, by the id of an item of this assessment.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub(crate) struct LinkView {
    pub(crate) text: String,
    pub(crate) to: String,
}

/// Why something is so.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub(crate) struct EvidenceView {
    pub(crate) resource: String,
    pub(crate) rule: String,
    pub(crate) text: String,
    pub(crate) place: Option<PlaceView>,
}

/// Where something stands in the input.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub(crate) struct PlaceView {
    pub(crate) file: String,
    pub(crate) line: u32,
    pub(crate) column: u32,
}

/// The chains, likeliest first.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub(crate) struct ChainsView {
    /// How many there are in all: a decimal number; none where nothing was derived.
    pub(crate) total: Option<String>,
    /// Whether `total` is exact, rather than a lower bound.
    pub(crate) total_exact: bool,
    /// Whether the list is known to be the best.
    pub(crate) complete: bool,
    /// The likeliest from the internet to each jewel that it gets to.
    pub(crate) to_jewels: Vec<ChainView>,
    /// For each jewel the likeliest of each kind: from the internet or not, by the credentials on the
    /// way and the last hop.
    pub(crate) various: Vec<ChainView>,
    pub(crate) listed: Vec<ChainView>,
}

/// One chain.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub(crate) struct ChainView {
    pub(crate) id: String,
    pub(crate) entry: String,
    pub(crate) from_internet: bool,
    pub(crate) target: FactView,
    pub(crate) likelihood: f64,
    pub(crate) sure_likelihood: Option<f64>,
    pub(crate) hops: Vec<HopView>,
}

/// One hop of a chain.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub(crate) struct HopView {
    pub(crate) kind: &'static str,
    pub(crate) variant: &'static str,
    pub(crate) technique: &'static str,
    pub(crate) technique_name: &'static str,
    pub(crate) likelihood: f64,
    pub(crate) sure: bool,
    pub(crate) premises: Vec<FactView>,
    pub(crate) conclusion: FactView,
    pub(crate) evidence: Vec<EvidenceView>,
}

/// What an attacker has gained.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub(crate) struct FactView {
    /// `exec`, `hold`, `read` or `out`.
    pub(crate) fact: &'static str,
    pub(crate) subject: String,
    /// `workload`, `store`, `credential` or `outside`.
    pub(crate) kind: &'static str,
    pub(crate) jewel: bool,
}

impl FactView {
    /// The fact as a short sentence without its subject.
    pub(crate) const fn verb(&self) -> &'static str {
        match self.fact.as_bytes() {
            b"exec" => "runs code on",
            b"hold" => "holds",
            b"read" => "reads",
            _ => "carries out",
        }
    }
}

/// The cut set.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub(crate) struct CutView {
    pub(crate) actions: Vec<ActionView>,
    pub(crate) cost: f64,
    pub(crate) optimal: bool,
    /// How much cheaper an optimal set may be, 0 to 1.
    pub(crate) gap: f64,
    pub(crate) uncuttable: Vec<String>,
    pub(crate) uncuttable_total: usize,
    /// Actions that are not on offer.
    pub(crate) withheld: Vec<WithheldView>,
    pub(crate) withheld_total: usize,
}

/// An action that is not on offer, and what it would break.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub(crate) struct WithheldView {
    pub(crate) name: String,
    pub(crate) breaks: Vec<String>,
}

/// One action with its effect after those before it.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub(crate) struct ActionView {
    pub(crate) name: String,
    pub(crate) cost: f64,
    pub(crate) denies: Vec<String>,
    pub(crate) score_before: Option<f64>,
    pub(crate) score_after: Option<f64>,
    pub(crate) blast_before: Option<f64>,
    pub(crate) blast_after: Option<f64>,
}

/// How far a breach of one entry spreads: shares of weight, 0 to 1, and counts.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub(crate) struct BlastView {
    pub(crate) entry: String,
    pub(crate) one_hop: u32,
    pub(crate) reached_sure: u32,
    pub(crate) reached: u32,
    pub(crate) share_sure: f64,
    pub(crate) share: f64,
}

/// What the internet reaches.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub(crate) struct ExposedView {
    pub(crate) id: String,
    pub(crate) workloads: String,
    pub(crate) from: String,
    pub(crate) over: String,
    pub(crate) reply: String,
    pub(crate) through: Option<String>,
}

/// A segment: a node of the map, and a row and a column of the matrix.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub(crate) struct NodeView {
    pub(crate) label: String,
    /// `internet`, `inside`, `services` or `outside`.
    pub(crate) kind: &'static str,
    pub(crate) account: String,
    pub(crate) realm: String,
    pub(crate) tier: String,
    pub(crate) workloads: usize,
    pub(crate) members: Vec<MemberView>,
}

/// A workload of a segment, or the replicas of one owner.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub(crate) struct MemberView {
    pub(crate) name: String,
    pub(crate) kind: &'static str,
    pub(crate) count: usize,
    pub(crate) jewel: bool,
}

/// What one segment lets through to another: an edge of the map, and a cell of the matrix.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub(crate) struct EdgeView {
    pub(crate) id: String,
    pub(crate) from: usize,
    pub(crate) to: usize,
    /// How much can be established: 0 nothing, 1 a few ports, 2 up to 100, 3 many, 4 nearly all.
    pub(crate) openness: u8,
    pub(crate) over: String,
    pub(crate) exact: bool,
    pub(crate) flows: Vec<FlowView>,
    pub(crate) flows_total: usize,
}

/// What is let through between two groups of workloads.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub(crate) struct FlowView {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) over: String,
    pub(crate) reply: String,
}

/// How many paths are decided by a guard.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub(crate) struct CoverageView {
    pub(crate) paths: usize,
    pub(crate) governed: usize,
    pub(crate) single_layers: usize,
}

/// What the input lacks or says strangely.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub(crate) struct DiagnosticView {
    pub(crate) severity: &'static str,
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) resource: Option<String>,
    pub(crate) place: Option<PlaceView>,
    pub(crate) help: Option<String>,
}
