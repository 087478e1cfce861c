//! `watertight policy`: what can be done with a policy's files.

mod files;
mod fmt;

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use watertight_policy::{CheckedPolicy, check};
use watertight_source::render_text;

use crate::exit::{Failure, Outcome, say};
use crate::output;
use crate::text::{clean, counted};
use files::Files;
use fmt::FmtArguments;

const CHECK_EXAMPLES: &str = "\
Examples:
  watertight policy check policies/
  watertight policy check segments.yaml rules.yaml

Exit code 3 says that there is an error. `watertight explain CODE` tells what a code means.";

/// What there is to do with a policy.
#[derive(Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    /// Check a policy, and print every error of every file at once
    ///
    /// Folders are read with their subfolders; files ending in `.yaml`, `.yml` and `.json` belong to
    /// the policy. The language is described in `docs/reference/policy.md`.
    #[command(after_long_help = CHECK_EXAMPLES)]
    Check(CheckArguments),
    /// Write a policy's files in their one form, and keep their comments
    ///
    /// The form decides on the order of fields, quotes, indents, and what stands in one line; it never
    /// changes what a policy means. Aliases are written out. Files that cannot be read as policies
    /// keep every file from being written.
    Fmt(FmtArguments),
}

/// The arguments of `policy check`.
#[derive(Debug, Args)]
pub(crate) struct CheckArguments {
    /// The policy's files and folders
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
}

/// Runs a command on policies.
pub(crate) fn run(command: &PolicyCommand) -> Result<Outcome, Failure> {
    match command {
        PolicyCommand::Check(arguments) => checked(arguments),
        PolicyCommand::Fmt(arguments) => fmt::run(arguments),
    }
}

fn checked(arguments: &CheckArguments) -> Result<Outcome, Failure> {
    let mut files = Files::read(&arguments.paths)?;
    let feeds = files.feeds()?;
    let policy = check(&files.documents, &feeds, &mut files.diagnostics);
    let errors = files.diagnostics.errors();
    let said = files.diagnostics.into_sorted();
    say(&clean(&render_text(&said, &files.sources)));
    match policy {
        Some(policy) => {
            output::write(None, &summary(&policy))?;
            Ok(Outcome::Fine)
        }
        None => Err(Failure::Reported { errors }),
    }
}

/// What the policy holds, in a few lines.
fn summary(policy: &CheckedPolicy) -> String {
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
        String::from("The policy has no errors."),
        format!("  {segments}, `estate` among them: {}", modes.join(", ")),
    ];
    for (tier, (policies, rules)) in tiers {
        let noun = if policies == 1 { "policy" } else { "policies" };
        lines.push(format!("  {tier}: {policies} {noun} with {}", counted(rules, "rule")));
    }
    let assertions = counted(count(policy.assertions.len()), "assertion");
    let exceptions = counted(count(policy.exceptions.len()), "exception");
    lines.push(format!("  {assertions}, {exceptions}\n"));
    lines.join("\n")
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
