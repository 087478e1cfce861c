//! How far code on a workload gets by the network alone.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::{Value, json};
use watertight_model::{Estate, WorkloadId};
use watertight_reach::Blast;

use crate::csv;
use crate::ends::Names;
use crate::rows::{bounds_json, over};
use crate::table::{Layout, Table};
use crate::text::{clean, count, percent};

/// The version of the JSON that [`json()`] gives.
pub const SCHEMA: &str = "watertight.blast/v1";

/// A table of what a workload reaches, nearest first, with a line that sums it up.
pub fn table(estate: &Estate, blast: &Blast, layout: &Layout) -> String {
    let names = Names::new(estate);
    let from = clean(&names.of(blast.from));
    if blast.reached.is_empty() {
        let mut text = format!("{from} reaches no other workload over the network\n");
        let _ = write!(text, "{}", layout.faint(&credentials(estate, blast)));
        return text;
    }
    let mut table = Table::new(&["HOPS", "REACHED", "KIND", "FROM", "OVER", "CERTAINTY"]);
    for ((hops, name, [kind, by, over, certainty]), alike) in by_name(estate, &names, blast) {
        let name = if alike == 1 { name } else { format!("{name} (×{alike})") };
        table.push(vec![hops.to_string(), name, kind, by, over, certainty]);
    }
    let mut text = table.render(layout);
    let direct = blast.reached.values().filter(|reached| reached.hops == 1).count();
    let sums = format!(
        "\n{from} reaches {} in one hop and {} in any number: {} of what all others weigh\n{}",
        count(direct, "workload"),
        blast.reached.len(),
        share_text(blast),
        credentials(estate, blast),
    );
    let _ = write!(text, "{}", layout.faint(&sums));
    text
}

/// One line of the table: hops, name; kind, by whom, over what, how sure.
type Line = (u32, String, [String; 4]);

/// What is reached, nearest first and then by name, with how many are alike in all that is told.
fn by_name(estate: &Estate, names: &Names<'_>, blast: &Blast) -> BTreeMap<Line, usize> {
    let mut lines: BTreeMap<Line, usize> = BTreeMap::new();
    for (id, reached) in &blast.reached {
        let kind = estate.workloads[*id].kind.word().to_owned();
        let certainty = if reached.sure { "sure" } else { "possible" }.to_owned();
        let told = [kind, names.of(reached.by), over(&reached.over), certainty];
        *lines.entry((reached.hops, names.of(*id), told)).or_default() += 1;
    }
    lines
}

/// A line that says that credentials are not followed, where there are some.
fn credentials(estate: &Estate, blast: &Blast) -> String {
    let all = std::iter::once(blast.from).chain(blast.reached.keys().copied());
    let holders = all.filter(|id| estate.workloads[*id].credential.is_some()).count();
    if holders == 0 {
        return String::new();
    }
    let holders = count(holders, "workload");
    format!("by the network alone: {holders} with a credential, which `assess` follows\n")
}

/// The workloads that are reached, by number of hops and then in the estate's order.
fn nearest_first(blast: &Blast) -> Vec<WorkloadId> {
    let mut order: Vec<(u32, WorkloadId)> =
        blast.reached.iter().map(|(id, reached)| (reached.hops, *id)).collect();
    order.sort_unstable();
    order.into_iter().map(|(_, id)| id).collect()
}

fn share_text(blast: &Blast) -> String {
    let (sure, possible) = (share(blast, true), share(blast, false));
    if blast.weight.is_exact() {
        percent(possible)
    } else {
        format!("{} to {}", percent(sure), percent(possible))
    }
}

/// The share of weight that is reached, 0 to 1.
fn share(blast: &Blast, sure: bool) -> f64 {
    let part = if sure { blast.weight.sure } else { blast.weight.possible };
    // Weights are at most 100 for each workload; an estate stays far below 2^32 of them.
    let real = |number: u64| f64::from(u32::try_from(number).unwrap_or(u32::MAX));
    if blast.weight_all == 0 { 0.0 } else { real(part) / real(blast.weight_all) }
}

/// A blast radius as JSON.
pub fn json(estate: &Estate, blast: &Blast) -> Value {
    let names = Names::new(estate);
    let reached: Vec<Value> = nearest_first(blast)
        .into_iter()
        .filter_map(|id| {
            let reached = blast.reached.get(&id)?;
            let workload = &estate.workloads[id];
            Some(json!({
                "workload": workload.id.as_str(),
                "name": names.of(id),
                "kind": workload.kind.word(),
                "hops": reached.hops,
                "by": estate.workloads[reached.by].id.as_str(),
                "over": bounds_json(&reached.over),
                "sure": reached.sure,
            }))
        })
        .collect();
    json!({
        "schema": SCHEMA,
        "estate": estate.id.0,
        "from": {"workload": estate.workloads[blast.from].id.as_str(), "name": names.of(blast.from)},
        "weight": {"sure": blast.weight.sure, "possible": blast.weight.possible, "all": blast.weight_all},
        "reached": reached,
    })
}

/// A blast radius as comma-separated values.
pub fn csv(estate: &Estate, blast: &Blast) -> String {
    let names = Names::new(estate);
    let header = ["hops", "workload", "name", "kind", "by", "over", "certainty"];
    let rows = nearest_first(blast).into_iter().filter_map(|id| {
        let reached = blast.reached.get(&id)?;
        let workload = &estate.workloads[id];
        Some(vec![
            reached.hops.to_string().into(),
            workload.id.as_str().to_owned().into(),
            names.of(id).into(),
            workload.kind.word().into(),
            estate.workloads[reached.by].id.as_str().to_owned().into(),
            over(&reached.over).into(),
            if reached.sure { "sure" } else { "possible" }.into(),
        ])
    });
    csv::write(std::iter::once(header.map(Into::into).to_vec()).chain(rows))
}
