//! What changes between two cases.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use watertight_net::FlowSet;

use super::cluster::Cluster;
use super::listing::{flows_text, quoted};
use super::unequal;

/// Compares the published differences of the cases in `names` (`b_and_a`: from the latter to the
/// former, written as from the first reference to the second) with ours, byte for byte.
pub(super) fn differences(cases: &Path, names: &str, text: &str) -> Result<Vec<String>, String> {
    let mut found = None;
    for (place, _) in names.match_indices("_and_") {
        let (Some(after), Some(before)) = (names.get(..place), names.get(place + 5..)) else {
            continue;
        };
        if cases.join(after).is_dir() && cases.join(before).is_dir() {
            found = Some((after, before));
        }
    }
    let (after, before) = found.ok_or("the name tells no two cases")?;
    let old = Cluster::read(&cases.join(before))?;
    let new = Cluster::read(&cases.join(after))?;
    Ok(unequal(&written(&old, &new), text))
}

/// Our differences, as the published ones are written.
fn written(before: &Cluster, after: &Cluster) -> String {
    let (old, new) = (pairs(before), pairs(after));
    let keys: BTreeSet<&(String, String)> = old.keys().chain(new.keys()).collect();
    let none = FlowSet::none();
    let mut lines = Vec::new();
    for key in keys {
        let was = old.get(key).unwrap_or(&none);
        let is = new.get(key).unwrap_or(&none);
        if was == is {
            continue;
        }
        let word = match (was.is_empty(), is.is_empty()) {
            (true, _) => "added",
            (_, true) => "removed",
            _ => "changed",
        };
        let (from, to) = key;
        let info = info((before, after), (from.as_str(), to.as_str()));
        let (was, is) = (quoted(&flows_text(was)), quoted(&flows_text(is)));
        lines.push(format!("{word},{from},{to},{was},{is},{info}\n"));
    }
    lines.sort();
    format!("diff-type,source,destination,ref1,ref2,workloads-diff-info\n{}", lines.concat())
}

/// Which of two workloads is in one of the cases alone, as the published lines say it.
fn info((before, after): (&Cluster, &Cluster), (from, to): (&str, &str)) -> String {
    let has = |cluster: &Cluster, name: &str| {
        cluster.estate.workloads.values().any(|workload| *workload.id == *name)
    };
    let mut parts = Vec::new();
    for (one, other, word) in [(after, before, "added"), (before, after, "removed")] {
        let alone: Vec<&str> =
            [from, to].into_iter().filter(|name| has(one, name) && !has(other, name)).collect();
        match alone.as_slice() {
            [] => {}
            [name] => parts.push(format!("workload {name} {word}")),
            names => parts.push(format!("workloads {} {word}", names.join(" and "))),
        }
    }
    parts.join(", ")
}

/// Every pair by name; what is outside counts as far as the cases' own rules cut it.
fn pairs(cluster: &Cluster) -> BTreeMap<(String, String), FlowSet> {
    let listing = cluster.written();
    listing
        .lines
        .iter()
        .map(|line| ((line.from.text(), line.to.text()), line.flows.clone()))
        .collect()
}
