//! From facts to what is shown of them.

use std::collections::BTreeMap;

use watertight_model::{CoverageState, Criticality, Estate};
use watertight_reach::{Class, ClassIndex, Matrix};
use watertight_source::{Diagnostic, Sources};

use super::view::{
    CoverageView, DiagnosticView, EdgeView, EstateView, ExposedView, FlowView, MemberView,
    NodeView, PlaceView, SourceView, View,
};
use super::{Facts, SCHEMA, breach, findings};
use crate::coverage::alone;
use crate::ends::{Names, Wholes};
use crate::exposure::{Line, Way, lines};
use crate::openness::Openness;
use crate::places::position;
use crate::rows::{over, reply};
use crate::segments::{SEGMENTS_MAX, Segment, Segments};
use crate::text::few;

/// How many flows of one cell are listed; all are counted.
const FLOWS_LISTED_MAX: usize = 8;
/// How many exposed groups are listed.
const EXPOSED_LISTED_MAX: usize = 1_000;
/// How many diagnostics are listed; all are counted.
const DIAGNOSTICS_LISTED_MAX: usize = 200;
/// How many refused or missing calls are listed.
const UNREAD_LISTED_MAX: usize = 100;
/// How many members of a segment are listed.
const MEMBERS_LISTED_MAX: usize = 200;

pub(super) fn view(facts: &Facts<'_>) -> View {
    let segments = Segments::new(facts.estate, facts.matrix, SEGMENTS_MAX);
    let exposed = lines(facts.estate, facts.matrix, facts.exposure);
    let single = alone(facts.estate, facts.matrix, facts.survey);
    let totals = facts.survey.totals();
    let told = |pairs: u64| usize::try_from(pairs).unwrap_or(usize::MAX);
    let breach = facts.assessed.map(|assessed| breach::Breach::new(facts, assessed));
    let mut view = View {
        schema: SCHEMA,
        estate: estate(facts),
        estate_only: facts.estate_only,
        score: None,
        segment_scores: Vec::new(),
        findings: Vec::new(),
        findings_total: 0,
        chains: breach::no_chains(),
        cut_set: None,
        ranking: Vec::new(),
        blasts: Vec::new(),
        exposure: exposure(&exposed),
        segments: nodes(&segments),
        connectivity: edges(facts.estate, facts.matrix, &segments),
        coverage: CoverageView {
            paths: told(totals.pairs),
            governed: told(totals.pairs - totals.ungoverned),
            single_layers: single.len(),
        },
        diagnostics: diagnostics(facts.diagnostics, facts.sources),
        diagnostics_total: facts.diagnostics.len(),
    };
    if let Some(breach) = &breach {
        breach.fill(&mut view);
    }
    if facts.estate.workloads.is_empty() {
        // A score of nothing would read as praise.
        view.score = None;
    }
    let found = findings::findings(facts, &view, &exposed, &single);
    view.findings_total = found.total;
    view.findings = found.listed;
    view
}

fn estate(facts: &Facts<'_>) -> EstateView {
    let estate = facts.estate;
    let account = |account: &watertight_model::Account| match &account.name {
        Some(name) => format!("{name} ({})", account.id),
        None => account.id.to_string(),
    };
    EstateView {
        id: estate.id.0.clone(),
        accounts: estate.accounts.iter().map(account).collect(),
        sources: estate
            .sources
            .iter()
            .map(|source| SourceView {
                provider: source.provider.to_string(),
                account: source.account.as_ref().map(ToString::to_string),
                regions: source.regions.iter().map(ToString::to_string).collect(),
                collected: source.collected.as_ref().map(ToString::to_string),
            })
            .collect(),
        workloads: estate.workloads.len(),
        endpoints: estate.network.endpoints.len(),
        realms: estate.network.realms.len(),
        subnets: estate.network.subnets.len(),
        guards: estate.network.guards.len(),
        classes: facts.matrix.classes.len(),
        jewels: jewels(facts),
        unread: unread(estate),
    }
}

fn jewels(facts: &Facts<'_>) -> usize {
    if let Some(assessed) = facts.assessed {
        return assessed.graph.subjects().iter().filter(|subject| subject.jewel).count();
    }
    let workloads = facts.estate.workloads.values();
    workloads.filter(|workload| workload.criticality() == Criticality::CrownJewel).count()
}

/// What the sources do not tell, as `account region: call was refused`.
fn unread(estate: &Estate) -> Vec<String> {
    let missing = estate.coverage.iter().filter_map(|coverage| {
        let state = match coverage.state {
            CoverageState::Read(_) => return None,
            CoverageState::Denied => "was refused",
            CoverageState::Absent => "is not in the input",
        };
        let of = [&coverage.account, &coverage.region];
        let mut parts: Vec<String> = of.into_iter().flatten().map(ToString::to_string).collect();
        parts.push(format!("{} {state}", coverage.what));
        Some(parts.join(" "))
    });
    missing.take(UNREAD_LISTED_MAX).collect()
}

fn exposure(lines: &[Line]) -> Vec<ExposedView> {
    let inbound = lines.iter().filter(|line| line.direction == Way::Inbound);
    inbound
        .take(EXPOSED_LISTED_MAX)
        .enumerate()
        .map(|(number, line)| ExposedView {
            id: format!("exposed-{}", number + 1),
            workloads: line.inside.label(),
            from: line.outside.label(),
            over: match &line.behind {
                Some(behind) => format!("{}, then {}", over(&line.forward), over(behind)),
                None => over(&line.forward),
            },
            reply: reply(&line.forward, &line.established),
            through: line.through.clone(),
        })
        .collect()
}

fn nodes(segments: &Segments) -> Vec<NodeView> {
    let member = |group: &crate::segments::Group| MemberView {
        name: group.label.clone(),
        kind: group.kind,
        count: group.count,
        jewel: group.criticality == Criticality::CrownJewel,
    };
    let node = |(place, segment): (usize, &Segment)| NodeView {
        label: segments.label(place),
        kind: segment.kind.word(),
        account: segment.account.clone(),
        realm: segment.realm.clone(),
        tier: segment.tier.clone(),
        workloads: segment.workloads,
        members: segment.groups.iter().take(MEMBERS_LISTED_MAX).map(member).collect(),
    };
    segments.all.iter().enumerate().map(node).collect()
}

/// The edges between segments, each with the widest flows behind it.
fn edges(estate: &Estate, matrix: &Matrix, segments: &Segments) -> Vec<EdgeView> {
    let mut pairs: BTreeMap<(usize, usize), Vec<(ClassIndex, ClassIndex)>> = BTreeMap::new();
    for ((from, to), _) in matrix.cells() {
        let of = |class: ClassIndex| segments.of_class.get(class).copied();
        if let (Some(source), Some(destination)) = (of(from), of(to)) {
            pairs.entry((source, destination)).or_default().push((from, to));
        }
    }
    let names = Names::new(estate);
    let wholes = Wholes::new(matrix);
    let mut labels: BTreeMap<ClassIndex, String> = BTreeMap::new();
    let mut edges = Vec::new();
    for ((from, to), flows) in segments.cells(matrix) {
        let classes = pairs.get(&(from, to)).map_or(&[][..], Vec::as_slice);
        let mut label = |class: ClassIndex| {
            let of = || short_label(estate, matrix, &names, &wholes, class);
            labels.entry(class).or_insert_with(of).clone()
        };
        let mut listed: Vec<FlowView> = Vec::new();
        for (source, destination) in widest(matrix, classes) {
            let Some(cell) = matrix.cell(source, destination) else { continue };
            let flow = FlowView {
                from: label(source),
                to: label(destination),
                over: over(&cell.forward),
                reply: reply(&cell.forward, &cell.established),
            };
            if !listed.contains(&flow) {
                listed.push(flow);
            }
            if listed.len() == FLOWS_LISTED_MAX {
                break;
            }
        }
        let shown =
            if flows.established.possible.is_empty() { &flows.forward } else { &flows.established };
        edges.push(EdgeView {
            id: format!("cell-{from}-{to}"),
            from,
            to,
            openness: Openness::of(&flows.established.possible).step(),
            over: over(shown),
            exact: flows.established.is_exact(),
            flows: listed,
            flows_total: classes.len(),
        });
    }
    edges
}

/// Pairs of classes, the widest open first, then in order.
fn widest(matrix: &Matrix, pairs: &[(ClassIndex, ClassIndex)]) -> Vec<(ClassIndex, ClassIndex)> {
    let mut order: Vec<_> = pairs
        .iter()
        .map(|pair| {
            let cell = matrix.cell(pair.0, pair.1);
            let step =
                cell.map_or(Openness::Nothing, |cell| Openness::of(&cell.established.possible));
            (std::cmp::Reverse(step), *pair)
        })
        .collect();
    order.sort_unstable();
    order.into_iter().map(|(_, pair)| pair).collect()
}

fn short_label(
    estate: &Estate,
    matrix: &Matrix,
    names: &Names<'_>,
    wholes: &Wholes,
    class: ClassIndex,
) -> String {
    match matrix.classes.get(class) {
        Some(class @ Class::Endpoints(_)) => {
            let members = names.class_members(class);
            let labels: Vec<&str> = members.iter().map(|member| member.label.as_str()).collect();
            few(&labels, 3)
        }
        class => crate::coverage::end_of(estate, names, wholes, class).label(),
    }
}

fn diagnostics(diagnostics: &[Diagnostic], sources: Option<&Sources>) -> Vec<DiagnosticView> {
    let mut sorted: Vec<&Diagnostic> = diagnostics.iter().collect();
    sorted.sort_by(|one, two| one.severity.cmp(&two.severity).then_with(|| one.cmp(two)));
    sorted
        .into_iter()
        .take(DIAGNOSTICS_LISTED_MAX)
        .map(|one| DiagnosticView {
            severity: one.severity.as_str(),
            code: one.code.as_str().to_owned(),
            message: one.message.clone(),
            resource: one.resource.clone(),
            place: one.span().zip(sources).map(|(span, sources)| {
                let (file, line, column) = position(sources, span);
                PlaceView { file, line, column }
            }),
            help: one.help.clone(),
        })
        .collect()
}
