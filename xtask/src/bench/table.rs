//! The table: a row for each figure, a column for each size, and the growth between them.

use std::fmt::Write as _;

use watertight_testkit::generate::ClusterShape;

use super::figures::{Figures, count, memory, seconds};
use super::sizes::Size;
use super::{Options, Subject};

/// What is wanted: interfaces, seconds for the questions about the whole estate, MB at most.
const TARGETS: [(u32, f64, f64); 3] =
    [(10_000, 1.0, 300.0), (100_000, 10.0, 1_500.0), (1_000_000, 120.0, 8_000.0)];
/// What one question about a loaded estate may take, in seconds.
const TARGET_CAN: f64 = 0.005;
/// What all answers after one changed rule may take, in seconds, and of how many interfaces.
const TARGET_CHANGED: (u32, f64) = (100_000, 0.1);

/// What makes up the time to load, and the time to answer.
const LOAD: &[&str] = &["read", "convert"];
const QUERY: &[&str] = &["prepare", "connectivity", "exposure", "blast"];

/// How a row's figures are written.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Time,
    Memory,
    Count,
}

/// One row: its label, the figures that it adds up, how they are written.
struct Row(&'static str, &'static [&'static str], Kind);

const ROWS: &[Row] = &[
    Row("classes of interfaces", &["classes"], Kind::Count),
    Row("classes outside", &["outside"], Kind::Count),
    Row("connected pairs of classes", &["cells"], Kind::Count),
    Row("read and parse", &["read"], Kind::Time),
    Row("convert", &["convert"], Kind::Time),
    Row("load: both", LOAD, Kind::Time),
    Row("can, median", &["can"], Kind::Time),
    Row("can, slowest", &["can_slowest"], Kind::Time),
    Row("prepare", &["prepare"], Kind::Time),
    Row("connectivity", &["connectivity"], Kind::Time),
    Row("exposure", &["exposure"], Kind::Time),
    Row("blast radius of every workload", &["blast"], Kind::Time),
    Row("query: these four", QUERY, Kind::Time),
    Row("peak after loading", &["load_peak"], Kind::Memory),
    Row("peak", &["peak"], Kind::Memory),
    Row("coverage and layers of every pair", &["coverage"], Kind::Time),
    Row("layers that decide anything", &["points"], Kind::Count),
    Row("what each of them decides, added up", &["layers"], Kind::Time),
    Row("peak with coverage", &["coverage_peak"], Kind::Memory),
    Row("all answers, kept for changes", &["standing"], Kind::Time),
    Row("after a changed rule, median", &["changed"], Kind::Time),
    Row("after a changed rule, slowest", &["changed_slowest"], Kind::Time),
    Row("after one about what goes out, median", &["changed_out"], Kind::Time),
    Row("after one about what goes out, slowest", &["changed_out_slowest"], Kind::Time),
    Row("changes that everything was computed for", &["changed_whole"], Kind::Count),
    Row("peak with answers kept", &["standing_peak"], Kind::Memory),
];

/// The rows of clusters.
const CLUSTER_ROWS: &[Row] = &[
    Row("namespaces", &["namespaces"], Kind::Count),
    Row("policies", &["policies"], Kind::Count),
    Row("classes of pods", &["classes"], Kind::Count),
    Row("classes outside", &["outside"], Kind::Count),
    Row("connected pairs of classes", &["cells"], Kind::Count),
    Row("read and parse", &["read"], Kind::Time),
    Row("convert", &["convert"], Kind::Time),
    Row("load: both", LOAD, Kind::Time),
    Row("prepare", &["prepare"], Kind::Time),
    Row("all pairs by class", &["connectivity"], Kind::Time),
    Row("exposure", &["exposure"], Kind::Time),
    Row("peak after loading", &["load_peak"], Kind::Memory),
    Row("peak", &["peak"], Kind::Memory),
    Row("all pairs one by one, from a sample", &["pairwise"], Kind::Time),
    Row("pairs of the sample that differ", &["differ"], Kind::Count),
    Row("all answers, kept for changes", &["standing"], Kind::Time),
    Row("after a changed policy, median", &["changed"], Kind::Time),
    Row("after a changed policy, slowest", &["changed_slowest"], Kind::Time),
    Row("after one about what goes out, median", &["changed_out"], Kind::Time),
    Row("after one about what goes out, slowest", &["changed_out_slowest"], Kind::Time),
    Row("after a policy that selects other pods, median", &["changed_pods"], Kind::Time),
    Row("after a policy that selects other pods, slowest", &["changed_pods_slowest"], Kind::Time),
    Row("changes that everything was computed for", &["changed_whole"], Kind::Count),
    Row("peak with answers kept", &["standing_peak"], Kind::Memory),
];
/// What all pairs of a cluster of 100,000 pods may take, in seconds.
const TARGET_CLUSTER: f64 = 1.0;
/// What all answers after one changed policy may take, in seconds.
const TARGET_POLICY: f64 = 0.01;

/// The whole table as text.
pub(super) fn of(sizes: &[Size], options: &Options, subject: Subject) -> String {
    let rows = match subject {
        Subject::Estate => estates(sizes),
        Subject::Cluster(shape) => clusters(sizes, shape),
    };
    let runs = options.runs;
    let mut text = aligned(&rows);
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "Runs: {runs}. Figures are medians; \u{b1} is how far the furthest run lies from it.\n\
         Growth: times, and the power of what the first row counts (1.0 is linear).\n\
         Targets: what was measured as a multiple of what is wanted; up to 1.0 is met."
    );
    text
}

fn clusters(sizes: &[Size], shape: ClusterShape) -> Vec<Vec<String>> {
    let label = match shape {
        ClusterShape::Owned => "pods, ten to a deployment",
        ClusterShape::Random => "pods with random labels",
    };
    let mut rows = vec![heading(label, sizes)];
    rows.extend(CLUSTER_ROWS.iter().map(|row| measured(row, sizes)));
    rows.push(described("one by one, as a multiple of by class", sizes, |size| {
        let (one, all) = (size.median("pairwise"), sum(size, &["prepare", "connectivity"]));
        one.zip(all).map_or_else(|| "-".to_owned(), |(one, all)| format!("{:.0} x", one / all))
    }));
    rows.push(described("target: all pairs by class", sizes, |size| {
        let is_wanted = shape == ClusterShape::Owned && size.endpoints <= 100_000;
        let wanted = is_wanted.then_some(TARGET_CLUSTER);
        against(size, &["prepare", "connectivity"], wanted, seconds)
    }));
    for (label, name) in [
        ("target: after a changed policy, median", "changed"),
        ("target: after a changed policy, slowest", "changed_slowest"),
        ("target: after one about what goes out, median", "changed_out"),
        ("target: after one about what goes out, slowest", "changed_out_slowest"),
        ("target: after a policy that selects other pods, slowest", "changed_pods_slowest"),
    ] {
        rows.push(described(label, sizes, |size| {
            let is_wanted = shape == ClusterShape::Owned && size.endpoints <= 100_000;
            against(size, &[name], is_wanted.then_some(TARGET_POLICY), seconds)
        }));
    }
    rows
}

fn estates(sizes: &[Size]) -> Vec<Vec<String>> {
    let mut rows = vec![heading("interfaces", sizes)];
    rows.push(described("groups", sizes, |size| count(super::float(size.groups))));
    rows.push(described("rules", sizes, |size| count(super::float(size.rules))));
    rows.push(described("subnets", sizes, |size| {
        size.median("subnets").map_or_else(String::new, count)
    }));
    for row in ROWS {
        rows.push(measured(row, sizes));
    }
    rows.push(described("target: query", sizes, |size| {
        against(size, QUERY, target(size).map(|target| target.1), seconds)
    }));
    rows.push(described("target: peak", sizes, |size| {
        let kib = target(size).map(|target| target.2 * 1e6 / 1024.0);
        against(size, &["peak"], kib, memory)
    }));
    rows.push(described("target: can", sizes, |size| {
        against(size, &["can"], Some(TARGET_CAN), seconds)
    }));
    rows.push(described("target: after a changed rule, slowest", sizes, |size| {
        let wanted = (size.endpoints <= TARGET_CHANGED.0).then_some(TARGET_CHANGED.1);
        against(size, &["changed_slowest"], wanted, seconds)
    }));
    rows.push(described("all answers, as a multiple of after a changed rule", sizes, |size| {
        let (all, one) = (size.median("standing"), size.median("changed"));
        all.zip(one).map_or_else(|| "-".to_owned(), |(all, one)| format!("{:.1} x", all / one))
    }));
    rows
}

fn heading(label: &str, sizes: &[Size]) -> Vec<String> {
    described(label, sizes, |size| count(f64::from(size.endpoints)))
        .into_iter()
        .enumerate()
        .map(|(column, text)| if column > 0 && column % 2 == 0 { "growth".into() } else { text })
        .collect()
}

/// A row without growth.
fn described(label: &str, sizes: &[Size], cell: impl Fn(&Size) -> String) -> Vec<String> {
    let mut row = vec![label.to_owned()];
    for (position, size) in sizes.iter().enumerate() {
        if position > 0 {
            row.push(String::new());
        }
        row.push(cell(size));
    }
    row
}

fn measured(Row(label, names, kind): &Row, sizes: &[Size]) -> Vec<String> {
    let mut row = vec![(*label).to_owned()];
    let mut before: Option<(f64, u32)> = None;
    for (position, size) in sizes.iter().enumerate() {
        let own = sum(size, names).map(|value| (value, size.endpoints));
        if position > 0 {
            row.push(match (before, own) {
                (Some(before), Some(own)) => growth(before, own),
                _ => String::new(),
            });
        }
        row.push(cell(size, names, *kind));
        before = own;
    }
    row
}

/// The sum of the medians; none where one of them was not measured.
fn sum(size: &Size, names: &[&str]) -> Option<f64> {
    names.iter().map(|name| size.median(name)).sum()
}

fn cell(size: &Size, names: &[&str], kind: Kind) -> String {
    let Some(value) = sum(size, names) else {
        let stopped = size.stopped.clone().filter(|_| !matches!(kind, Kind::Count));
        return stopped.unwrap_or_else(|| "-".to_owned());
    };
    let spread = match names {
        [name] => size.figures.get(*name).and_then(Figures::spread),
        _ => None,
    };
    let spread = spread.map(|share| format!(" \u{b1}{:.0}%", share * 100.0)).unwrap_or_default();
    match kind {
        Kind::Time => seconds(value) + &spread,
        Kind::Memory if size.stopped.is_some() && names == ["peak"] => {
            format!("> {}", memory(value))
        }
        Kind::Memory => memory(value) + &spread,
        Kind::Count => count(value),
    }
}

fn growth((before, fewer): (f64, u32), (after, more): (f64, u32)) -> String {
    let sizes = f64::from(more) / f64::from(fewer);
    let times = after / before;
    if !times.is_finite() || times <= 0.0 || sizes <= 1.0 {
        return String::new();
    }
    format!("x{times:.1} ^{:.2}", times.ln() / sizes.ln())
}

/// The target of a size: that of the smallest of the three that is not smaller.
fn target(size: &Size) -> Option<(u32, f64, f64)> {
    TARGETS.into_iter().find(|(endpoints, _, _)| size.endpoints <= *endpoints)
}

fn against(
    size: &Size,
    names: &[&str],
    wanted: Option<f64>,
    show: impl Fn(f64) -> String,
) -> String {
    let Some(wanted) = wanted else { return String::new() };
    match sum(size, names) {
        Some(value) if size.stopped.is_none() || names == ["can"] => {
            format!("{:.2} x {}", value / wanted, show(wanted))
        }
        _ => size.stopped.clone().unwrap_or_else(|| "not measured".to_owned()),
    }
}

/// Labels to the left, all other columns to the right.
fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let texts = rows.iter().filter_map(|row| row.get(column));
        texts.map(|text| text.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            let _ = match column {
                0 => write!(line, "{cell:<width$}"),
                _ => write!(line, "  {cell:>width$}"),
            };
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}
