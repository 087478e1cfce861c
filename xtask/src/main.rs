//! Checks and chores of the project. A subcommand is a module and a line in [`SUBCOMMANDS`].

#![expect(clippy::print_stdout, reason = "a developer's program: standard output is its interface")]

mod aws_calls;
mod bench;
mod ci;
mod conformance;
mod mutants;
mod tidy;
mod workspace;

use std::path::Path;
use std::process::ExitCode;

use clap::{ArgMatches, Command};

/// One chore: how it is called, and what runs it from the root of the checkout.
struct Subcommand {
    command: fn() -> Command,
    run: fn(&Path, &ArgMatches) -> Result<ExitCode, workspace::Error>,
}

const SUBCOMMANDS: &[Subcommand] = &[
    tidy::SUBCOMMAND,
    ci::SUBCOMMAND,
    conformance::SUBCOMMAND,
    mutants::SUBCOMMAND,
    bench::SUBCOMMAND,
    bench::MEASURE,
    bench::COLLECT,
    aws_calls::SUBCOMMAND,
];

fn main() -> ExitCode {
    let subcommands = SUBCOMMANDS.iter().map(|subcommand| (subcommand.command)());
    let matches = Command::new("cargo xtask")
        .about("Checks and chores of the project")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommands(subcommands)
        .get_matches();
    match dispatch(&matches) {
        Ok(code) => code,
        Err(error) => {
            println!("xtask: {error}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(matches: &ArgMatches) -> Result<ExitCode, workspace::Error> {
    let root = workspace::root()?;
    let Some((name, arguments)) = matches.subcommand() else { return Ok(ExitCode::FAILURE) };
    let found = SUBCOMMANDS.iter().find(|subcommand| (subcommand.command)().get_name() == name);
    found.map_or(Ok(ExitCode::FAILURE), |subcommand| (subcommand.run)(&root, arguments))
}
