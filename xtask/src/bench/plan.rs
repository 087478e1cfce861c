//! Policies compiled to security groups and proved, on estates of growing size, by the program that
//! ships.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use super::collect::build;
use super::figures::seconds;
use super::simulate::{RULES, machines, text, timed};
use super::{estate, sizes};
use crate::workspace::Error;

/// What `plan` ends with where there are no gaps, and where there are.
const PLANNED: [i32; 2] = [0, 2];

/// Measures estates of these sizes, and prints.
pub(super) fn run(root: &Path, endpoints: &[u32]) -> Result<ExitCode, Error> {
    let Some(program) = build(root)? else { return Ok(ExitCode::FAILURE) };
    println!(
        "\n{:>9} {:>9} {:>9} {:>9} {:>9} {:>8}",
        "rules", "endpoints", "loading", "plan", "peak", "growth"
    );
    let mut last = None;
    for size in endpoints {
        let folder = sizes::temporary()?;
        let bodies = folder.path().join("estate");
        estate::write(&bodies, &estate::scale(*size, None))?;
        machines(&bodies)?;
        let policy = folder.path().join("policy.yaml");
        let failed = |source| Error::File { path: policy.clone(), source };
        fs::write(&policy, text()).map_err(failed)?;
        let text = |path: &Path| path.display().to_string();
        let (estate, policy, out) =
            (text(&bodies), text(&policy), text(&folder.path().join("change.plan")));
        let (loading, _) = timed(&program, &["inventory", &estate], &[0])?;
        let plan = ["plan", &policy, "--estate", &estate, "--widen", "-o", &out];
        let (whole, peak) = timed(&program, &plan, &PLANNED)?;
        let growth = last.map_or_else(String::new, |last: f64| format!("{:.1}x", whole / last));
        last = Some(whole);
        let peak = format!("{} MB", peak / 1024);
        let [loading, whole] = [loading, whole].map(seconds);
        println!("{RULES:>9} {size:>9} {loading:>9} {whole:>9} {peak:>9} {growth:>8}");
    }
    Ok(ExitCode::SUCCESS)
}
