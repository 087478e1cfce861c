//! Policies compiled to security groups and proved, on estates of growing size, by the program that
//! ships.

use std::fs;
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use super::collect::build;
use super::figures::seconds;
use super::simulate::{RULES, machines, text, timed};
use super::{clock, estate, since, sizes};
use crate::workspace::Error;

/// What `plan` ends with where there are no gaps, and where there are.
const PLANNED: [i32; 2] = [0, 2];

/// Measures estates of these sizes, and prints.
pub(super) fn run(root: &Path, endpoints: &[u32]) -> Result<ExitCode, Error> {
    let Some(program) = build(root)? else { return Ok(ExitCode::FAILURE) };
    println!(
        "\n{:>9} {:>9} {:>9} {:>9} {:>9} {:>8} {:>9}",
        "rules", "endpoints", "loading", "plan", "peak", "growth", "again"
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
        let shown = |path: &Path| path.display().to_string();
        let (estate, path, out) =
            (shown(&bodies), shown(&policy), shown(&folder.path().join("change.plan")));
        let (loading, _) = timed(&program, &["inventory", &estate], &[0])?;
        let plan = ["plan", &path, "--estate", &estate, "--widen", "-o", &out];
        let (whole, peak) = timed(&program, &plan, &PLANNED)?;
        let growth = last.map_or_else(String::new, |last: f64| format!("{:.1}x", whole / last));
        last = Some(whole);
        let peak = format!("{} MB", peak / 1024);
        let again = again(&program, &plan, &policy)?;
        let [loading, whole, again] = [loading, whole, again].map(seconds);
        println!("{RULES:>9} {size:>9} {loading:>9} {whole:>9} {peak:>9} {growth:>8} {again:>9}");
    }
    println!("again: from a change of one rule to the next plan of a watch, with its file");
    Ok(ExitCode::SUCCESS)
}

/// Seconds from a change of one rule to the plan that a watch makes of it.
fn again(program: &Path, plan: &[&str], policy: &Path) -> Result<f64, Error> {
    let started = |source| Error::Start { program: program.display().to_string(), source };
    let mut command = Command::new(program);
    command.args(plan).arg("--watch").stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(started)?;
    let taken = child.stderr.take().map_or(Ok(0.0), |told| changed(BufReader::new(told), policy));
    let ended = child.kill().and_then(|()| child.wait());
    ended.map_err(started)?;
    taken
}

/// Waits for a first plan, changes a rule, and waits for the next one.
fn changed(mut told: impl BufRead, policy: &Path) -> Result<f64, Error> {
    let failed = |source| Error::File { path: policy.to_path_buf(), source };
    let mut planned = || -> Result<(), Error> {
        loop {
            let mut line = String::new();
            if told.read_line(&mut line).map_err(failed)? == 0 || line.starts_with("error: ") {
                return Err(failed(io::Error::other(format!("the watch has no plan: {line}"))));
            }
            if line.starts_with("planned after ") {
                return Ok(());
            }
        }
    };
    planned()?;
    let fresh = policy.with_extension("fresh");
    fs::write(&fresh, text().replacen("tcp: 443", "tcp: 444", 1)).map_err(failed)?;
    let start = clock();
    fs::rename(fresh, policy).map_err(failed)?;
    planned()?;
    Ok(since(start))
}
