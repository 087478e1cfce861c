//! `watertight policy`: what can be done with a policy's files.

pub(crate) mod alone;
mod ask;
pub(crate) mod check;
mod essentials;
mod files;
mod fmt;
pub(crate) mod loaded;
mod lsp;

use crate::exit::{Failure, Outcome};
use crate::output;
use ask::AskArguments;
use check::CheckArguments;
use clap::Subcommand;
use essentials::EssentialsArguments;
use fmt::FmtArguments;
use lsp::LspArguments;

/// What there is to do with a policy.
#[derive(Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    /// Check a policy, and print every error of every file at once
    ///
    /// Folders are read with their subfolders; files ending in `.yaml`, `.yml` and `.json` belong to
    /// the policy. The language is described in `docs/reference/policy.md`, the warnings in
    /// `docs/reference/policy-lint.md`.
    Check(CheckArguments),
    /// Write a policy's files in their one form, and keep their comments
    ///
    /// The form decides on the order of fields, quotes, indents, and what stands in one line; it never
    /// changes what a policy means. Aliases are written out. Files that cannot be read as policies
    /// keep every file from being written.
    Fmt(FmtArguments),
    /// Serve an editor: errors, whom selectors select, labels, the form
    ///
    /// A language server over standard input and output. How editors start it is described in
    /// `docs/guides/editors.md`.
    Lsp(LspArguments),
    /// Print the JSON Schema of policies, for editors
    ///
    /// How editors take it is described in `docs/guides/editors.md`.
    Schema,
    /// Ask what the policy decides about a leg, and why, beside what the network does today
    ///
    /// A leg is one connection as both its ends see it. Fronts end legs: what leads through one is
    /// asked leg by leg.
    #[command(after_long_help = ask::EXAMPLES)]
    Ask(AskArguments),
    /// Show what every platform of an estate needs: what is on, and what a plane cannot filter
    Essentials(EssentialsArguments),
}

/// Runs a command on policies.
pub(crate) fn run(command: &PolicyCommand) -> Result<Outcome, Failure> {
    match command {
        PolicyCommand::Check(arguments) => check::run(arguments),
        PolicyCommand::Fmt(arguments) => fmt::run(arguments),
        PolicyCommand::Lsp(arguments) => lsp::run(arguments),
        PolicyCommand::Schema => {
            output::write(None, &output::json(&watertight_policy::schema()))?;
            Ok(Outcome::Fine)
        }
        PolicyCommand::Ask(arguments) => ask::run(arguments),
        PolicyCommand::Essentials(arguments) => essentials::run(arguments),
    }
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
