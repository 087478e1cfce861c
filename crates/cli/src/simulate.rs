//! `watertight simulate`: the estate as it would be under a policy.

pub(crate) mod assertions;
mod compare;
mod print;

use std::path::PathBuf;

use clap::Args;

use crate::args::TextFormat;
use crate::exit::{Failure, Outcome};
use crate::output;
use crate::policy::loaded::AskedArguments;

pub(crate) const EXAMPLES: &str = "\
Examples:
  watertight simulate policies/ --estate estate/
  watertight simulate policies/ --estate estate/ --under promote:cardholder -f json

Nothing is changed anywhere. What a policy allows opens nothing in a network that denies it: that is listed apart.";

/// The arguments of `simulate`.
#[derive(Debug, Args)]
pub(crate) struct SimulateArguments {
    #[command(flatten)]
    asked: AskedArguments,
    /// How to print the simulation
    #[arg(short, long, value_enum, default_value_t = TextFormat::Table)]
    format: TextFormat,
    /// Write the simulation to this file instead of standard output
    #[arg(short, long, value_name = "PATH")]
    out: Option<PathBuf>,
}

/// Simulates and prints.
pub(crate) fn run(arguments: &SimulateArguments) -> Result<Outcome, Failure> {
    let asked = arguments.asked.load()?;
    let estate = &asked.loaded.estate;
    let found = compare::simulate(estate, &asked.decider(), (&asked.modes, asked.now))?;
    let about = print::About { estate, under: &arguments.asked.under.under, at: asked.now };
    let data = match arguments.format {
        TextFormat::Table => print::text(&about, &found),
        TextFormat::Json => output::json(&print::json(&about, &found)),
    };
    output::write(arguments.out.as_deref(), &data)?;
    Ok(Outcome::Fine)
}
