//! `watertight policy check`: every error of a policy at once, and what it says that nobody can
//! have meant.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use watertight_policy::decide::{Decider, Essentials, World};
use watertight_policy::{CheckedPolicy, Linted, Timestamp, check, lint, lint_narrowed};
use watertight_report::diagnostics::{json, sarif};
use watertight_source::{Severity, render_text};

use super::alone::Alone;
use super::count;
use super::files::Files;
use crate::args::InputArguments;
use crate::clock;
use crate::estate_folder::load_folder;
use crate::exit::{Failure, Outcome, say};
use crate::output;
use crate::text::{clean, counted};

const EXAMPLES: &str = "\
Examples:
  watertight policy check policies/
  watertight policy check policies/ --estate estate/
  watertight policy check policies/ -f sarif > policy.sarif

Exit code 3 says that there is an error. Warnings are no errors, unless --strict makes them so.
`watertight explain CODE` tells what a code means.";

/// Formats of what a check finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CheckFormat {
    /// For people
    Table,
    /// For programs
    Json,
    /// For code review (SARIF 2.1.0)
    Sarif,
}

/// The arguments of `policy check`.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct CheckArguments {
    /// The policy's files and folders
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    /// An estate's folder, to find selectors that select nobody and rules that match no leg
    #[arg(long, value_name = "PATH")]
    estate: Option<PathBuf>,
    /// The time at which expiry is judged, as in `2027-01-31T00:00:00Z`; now when it is left out
    #[arg(long, value_name = "TIME", value_parser = time)]
    at: Option<Timestamp>,
    /// The format; JSON and SARIF go to standard output, errors included
    #[arg(short, long, value_enum, default_value_t = CheckFormat::Table)]
    format: CheckFormat,
    /// The file to write instead of standard output
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    input: InputArguments,
}

fn time(text: &str) -> Result<Timestamp, String> {
    let help = "write date, time and offset, as in `2027-01-31T00:00:00Z`";
    text.parse().map_err(|_problem| help.to_owned())
}

pub(super) fn run(arguments: &CheckArguments) -> Result<Outcome, Failure> {
    let mut files = Files::read(&arguments.paths)?;
    let feeds = files.feeds()?;
    let estate = match &arguments.estate {
        Some(root) => Some(load_folder(root, &arguments.input)?.estate),
        None => None,
    };
    let world = estate.as_ref().map(World::of_estate);
    let policy = check(&files.documents, &feeds, &mut files.diagnostics);
    if let Some(policy) = &policy {
        let now = arguments.at.unwrap_or_else(clock::now);
        let (documents, world) = (&files.documents, world.as_ref());
        lint(&Linted { documents, policy, world, now }, &mut files.diagnostics);
        if let (Some(estate), Some(world)) = (&estate, world) {
            lint_narrowed(policy, (estate, world), &mut files.diagnostics);
        }
    }
    let alone = policy
        .as_ref()
        .zip(world.as_ref())
        .map(|(policy, world)| Alone::of(&Decider::new(policy, world, &Essentials::default())));
    let errors = files.diagnostics.errors();
    let said = files.diagnostics.into_sorted();
    let warnings = count(said.iter().filter(|one| one.severity == Severity::Warning).count());
    let out = arguments.out.as_deref();
    match (arguments.format, &policy) {
        (CheckFormat::Json, _) => {
            output::write(out, &output::json(&with_counts(json(&said, &files.sources), alone)))?;
        }
        (CheckFormat::Sarif, _) => {
            output::write(
                out,
                &output::json(&sarif(&said, &files.sources, &crate::explain::meaning)),
            )?;
        }
        (CheckFormat::Table, policy) => {
            say(&clean(&render_text(&said, &files.sources)));
            if let Some(policy) = policy {
                output::write(out, &summary(policy, warnings, alone))?;
            }
        }
    }
    match policy {
        Some(_) if arguments.input.strict && warnings > 0 => Err(Failure::Strict { warnings }),
        Some(_) => Ok(Outcome::Fine),
        None => Err(Failure::Reported { errors }),
    }
}

/// What the policy holds, in a few lines.
/// What is found, with how much of an estate is in no segment, where one is given.
fn with_counts(mut found: serde_json::Value, alone: Option<Alone>) -> serde_json::Value {
    if let Some(alone) = alone {
        found["workloads"] = alone.workloads.into();
        found["estate_only"] = alone.estate_only.into();
    }
    found
}

fn summary(policy: &CheckedPolicy, warnings: u64, alone: Option<Alone>) -> String {
    let mut modes: BTreeMap<_, u64> = BTreeMap::new();
    for segment in &policy.segments {
        *modes.entry(segment.mode).or_default() += 1;
    }
    let mut tiers: BTreeMap<_, (u64, u64)> = BTreeMap::new();
    for one in &policy.policies {
        let (policies, rules) = tiers.entry(one.tier).or_default();
        *policies += 1;
        *rules += count(one.rules.len());
    }
    let modes: Vec<String> =
        modes.iter().map(|(mode, segments)| format!("{segments} in {mode}")).collect();
    let segments = counted(count(policy.segments.len()), "segment");
    let mut lines = vec![
        match warnings {
            0 => String::from("The policy has no errors."),
            _ => format!("The policy has no errors, and {}.", counted(warnings, "warning")),
        },
        format!("  {segments}, `estate` among them: {}", modes.join(", ")),
    ];
    for segment in &policy.segments {
        let share = segment.enforced_share();
        lines.extend(share.map(|share| {
            format!("  segment {}: a share of it is enforced, {share}", segment.name)
        }));
    }
    for (tier, (policies, rules)) in tiers {
        let noun = if policies == 1 { "policy" } else { "policies" };
        lines.push(format!("  {tier}: {policies} {noun} with {}", counted(rules, "rule")));
    }
    let assertions = counted(count(policy.assertions.len()), "assertion");
    let exceptions = counted(count(policy.exceptions.len()), "exception");
    lines.push(format!("  {assertions}, {exceptions}"));
    let tuples = count(policy.failsafe.iter().map(|one| one.rules.len()).sum());
    let planes = count(policy.control_planes.len());
    if tuples > 0 || planes > 0 {
        let (tuples, planes) = (counted(tuples, "tuple"), counted(planes, "control plane"));
        lines.push(format!("  failsafe: {tuples}; {planes} listed"));
    }
    lines.extend(alone.map(|line| format!("  {line}")));
    lines.join("\n") + "\n"
}
