//! Connectivity, differences and explanations of clusters.
//!
//! The published answers know TCP, UDP and SCTP, ports from 1, and IPv4 outside. Text is compared
//! as sets; JSON and CSV byte for byte with what a writer here makes of our answer.

mod cluster;
mod connections;
mod diff;
mod explain;
mod exposure;
mod listing;

use std::path::Path;

use super::{Case, Options, Suite, estate};
use crate::workspace::Error;
use cluster::Cluster;
use listing::Listing;

/// Where the cases are, from the root of the checkout.
pub(super) const FOLDER: &str = "../shared/conformance/kubernetes";

/// The ends of the names of published files.
const ANSWERS: [(&str, Answer); 5] = [
    ("_connlist_output.txt", Answer::Text),
    ("_connlist_output.json", Answer::Json),
    ("_connlist_output.csv", Answer::Csv),
    ("_exposure_output.txt", Answer::Exposure),
    ("_explain_output.txt", Answer::Explanation),
];

/// What a published file tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Text,
    Json,
    Csv,
    Exposure,
    Explanation,
}

/// Runs every published file.
pub(super) fn run(folder: &Path, options: &Options) -> Result<Suite, Error> {
    let folder = folder.join("np-guard");
    let name = "kubernetes/np-guard";
    let mut suite = Suite { name, held: 0, cases: Vec::new(), broken: Vec::new() };
    if !folder.is_dir() {
        return Ok(suite);
    }
    for file in estate::entries(&folder.join("expected"))? {
        if !options.wants(&file) {
            continue;
        }
        suite.held += 1;
        let text = estate::read(&folder.join("expected").join(&file))?;
        match differences(&folder.join("cases"), &file, &text) {
            Ok(differences) => suite.cases.push(Case { id: file, differences }),
            Err(error) => suite.broken.push(format!("{file}: {error}")),
        }
    }
    Ok(suite)
}

/// Reads a case and finds all pairs; see [`super::pairs_of`].
pub(super) fn pairs_of(folder: &Path, case: &str) -> Option<Result<usize, String>> {
    let folder = folder.join("np-guard/cases").join(case);
    folder.is_dir().then(|| Cluster::read(&folder).map(|cluster| cluster.matrix.cells_len()))
}

/// In what a published file and our answer differ.
fn differences(cases: &Path, file: &str, text: &str) -> Result<Vec<String>, String> {
    if let Some(names) = file.strip_prefix("diff_between_").and_then(|one| one.strip_suffix(".csv"))
    {
        return diff::differences(cases, names, text);
    }
    let known = ANSWERS.iter().find_map(|(end, kind)| Some((file.strip_suffix(end)?, *kind)));
    let (case, answer) = known.ok_or("the name tells no kind of answer")?;
    let cluster = Cluster::read(&cases.join(case))?;
    match answer {
        Answer::Text => Ok(cluster.connections().differences(&Listing::parse(text)?)),
        Answer::Json => Ok(unequal(&cluster.written().json(), text)),
        Answer::Csv => Ok(unequal(&cluster.written().csv(), text)),
        Answer::Exposure => exposure::differences(&cluster, text),
        Answer::Explanation => explain::differences(&cluster, text),
    }
}

/// The first line in which two texts differ.
fn unequal(ours: &str, theirs: &str) -> Vec<String> {
    if ours == theirs {
        return Vec::new();
    }
    let mut lines = (1..).zip(ours.lines()).zip(theirs.lines());
    let found = lines.find(|((_, ours), theirs)| ours != theirs);
    vec![match found {
        Some(((number, ours), theirs)) => format!("line {number}: `{ours}`, not `{theirs}`"),
        None => format!("{} bytes, not {}", ours.len(), theirs.len()),
    }]
}
