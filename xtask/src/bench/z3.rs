//! The ratio to one z3 query for each pair: a small estate, asked both ways in the same run.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;
use watertight_aws::{Options, convert};
use watertight_model::Network;
use watertight_reach::{Matrix, Reach};
use watertight_source::Sources;
use watertight_testkit::generate::Scale;

use super::figures::{Figures, count, seconds};
use super::{clock, estate, since, sizes};
use crate::workspace::Error;

/// The encoding, which reads the same bodies and shares nothing with the engine.
const SCRIPT: &str = include_str!("z3.py");
const PACKAGE: &str = "z3-solver";

/// What the encoding reports.
#[derive(Debug, Deserialize)]
struct Solved {
    version: String,
    pairs: u32,
    seconds: f64,
    agreeing: u32,
    differences: Vec<String>,
}

/// Compares, prints the ratio and how far the two agree; says so when there is no solver.
pub(super) fn run(target: &Path, endpoints: u32, runs: u32) -> Result<(), Error> {
    let python = match solver(target) {
        Ok(python) => python,
        Err(why) => {
            println!("z3: skipped: {why}");
            return Ok(());
        }
    };
    let folder = sizes::temporary()?;
    let bodies = folder.path().join("estate");
    estate::write(&bodies, &small(endpoints))?;
    let mut sources = Sources::new();
    let read = estate::read(&bodies, &mut sources)?;
    let converted = convert(&read, &Options::default());
    let network = &converted.estate.network;
    let mut own = Figures::default();
    let mut answers = String::new();
    for _ in 0..runs {
        let start = clock();
        let matrix = Reach::new(network).matrix(&BTreeSet::new());
        own.add(since(start));
        answers = answers_of(network, &matrix);
    }
    let file = folder.path().join("answers.tsv");
    write(&file, &answers)?;
    let script = folder.path().join("z3_pairs.py");
    write(&script, SCRIPT)?;
    match solve(&python, &script, &bodies, &file) {
        Ok(solved) => print!("{}", report(endpoints, &own, &solved)),
        Err(why) => println!("z3: failed: {why}"),
    }
    Ok(())
}

/// The small estate: a few VPCs on one transit gateway, a group for five interfaces.
fn small(endpoints: u32) -> Scale {
    let endpoints = usize::try_from(endpoints).unwrap_or(usize::MAX);
    let vpcs = 4;
    let groups = endpoints / 5 + vpcs;
    Scale { endpoints, groups, rules: endpoints * 2, vpcs, subnets: vpcs * 25, seed: 1 }
}

/// A line for each pair of interfaces that the engine lets connect: from, to, flows.
fn answers_of(network: &Network, matrix: &Matrix) -> String {
    let mut text = String::new();
    for (from, source) in network.endpoints.iter() {
        for (to, destination) in network.endpoints.iter() {
            let Some(cell) = matrix.between(from, to) else { continue };
            let (sure, possible) = (&cell.forward.sure, &cell.forward.possible);
            let flows = if sure == possible { sure.to_string() } else { "unknown".to_owned() };
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{}\t{}\t{flows}", source.name, destination.name);
        }
    }
    text
}

fn write(path: &Path, text: &str) -> Result<(), Error> {
    std::fs::write(path, text).map_err(|source| Error::File { path: path.to_path_buf(), source })
}

/// A Python that has the solver, installed below the build folder on first use.
fn solver(target: &Path) -> Result<PathBuf, String> {
    let folder = target.join("z3");
    let python = folder.join("bin").join("python");
    let works = |python: &Path| {
        let mut command = Command::new(python);
        command.args(["-c", "import z3"]).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    if works(&python) {
        return Ok(python);
    }
    let made = Command::new("python3").args(["-m", "venv"]).arg(&folder).output();
    match made {
        Ok(output) if output.status.success() => {}
        Ok(_) => return Err("`python3 -m venv` failed".to_owned()),
        Err(error) => return Err(format!("cannot start `python3`: {error}")),
    }
    let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", PACKAGE];
    match Command::new(&python).args(install).output() {
        Ok(output) if output.status.success() && works(&python) => Ok(python),
        Ok(_) => Err(format!("the wheel `{PACKAGE}` cannot be installed")),
        Err(error) => Err(format!("cannot start `{}`: {error}", python.display())),
    }
}

fn solve(python: &Path, script: &Path, bodies: &Path, answers: &Path) -> Result<Solved, String> {
    let output = Command::new(python)
        .arg(script)
        .arg(bodies)
        .arg(answers)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| error.to_string())?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(text.lines().last().unwrap_or("no message").to_owned());
    }
    serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())
}

fn report(endpoints: u32, own: &Figures, solved: &Solved) -> String {
    let engine = own.median().unwrap_or_default();
    let pairs = f64::from(solved.pairs);
    let mut text = format!(
        "z3 {}: {} interfaces, {} pairs\n\
         one query a pair  {} in all, {} a pair\n\
         engine            {} in all, {} a pair, all classes at once\n\
         ratio             {:.0} times\n\
         agreement         {} of {} pairs, whole sets of flows\n",
        solved.version,
        count(f64::from(endpoints)),
        count(pairs),
        seconds(solved.seconds),
        seconds(solved.seconds / pairs),
        seconds(engine),
        seconds(engine / pairs),
        solved.seconds / engine,
        count(f64::from(solved.agreeing)),
        count(pairs),
    );
    for difference in solved.differences.iter().take(10) {
        let _ = writeln!(text, "  differs: {difference}");
    }
    if solved.differences.len() > 10 {
        let _ = writeln!(text, "  and {} more", solved.differences.len() - 10);
    }
    text
}
