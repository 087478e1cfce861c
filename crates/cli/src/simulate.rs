//! `watertight simulate`: the estate as it would be under a policy.

mod assertions;
mod compare;
mod print;

use std::path::PathBuf;

use clap::Args;
use watertight_policy::decide::{Decider, Essentials, World};

use crate::args::{InputArguments, TextFormat};
use crate::estate_folder;
use crate::exit::{Failure, Outcome};
use crate::output;
use crate::policy::loaded::{self, UnderArguments};

pub(crate) const EXAMPLES: &str = "\
Examples:
  watertight simulate policies/ --estate estate/
  watertight simulate policies/ --estate estate/ --under promote:cardholder -f json

Nothing is changed anywhere. What a policy allows opens nothing in a network that denies it: that is listed apart.";

/// The arguments of `simulate`.
#[derive(Debug, Args)]
pub(crate) struct SimulateArguments {
    /// The policy's files and folders
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    /// The estate's folder, or one file of it
    #[arg(long, value_name = "ESTATE")]
    estate: PathBuf,
    #[command(flatten)]
    under: UnderArguments,
    #[command(flatten)]
    input: InputArguments,
    /// How to print the simulation
    #[arg(short, long, value_enum, default_value_t = TextFormat::Table)]
    format: TextFormat,
    /// Write the simulation to this file instead of standard output
    #[arg(short, long, value_name = "PATH")]
    out: Option<PathBuf>,
}

/// Simulates and prints.
pub(crate) fn run(arguments: &SimulateArguments) -> Result<Outcome, Failure> {
    let now = arguments.under.now()?;
    let policy = loaded::load(&arguments.paths)?.policy;
    let modes = arguments.under.modes(&policy)?;
    let estate = estate_folder::load_folder(&arguments.estate, &arguments.input)?.estate;
    let world = World::of_estate(&estate);
    let decider = Decider::new(&policy, &world, &Essentials::default());
    let found = compare::simulate(&estate, &decider, (&modes, now))?;
    let about = print::About { estate: &estate, under: &arguments.under.under, at: now };
    let data = match arguments.format {
        TextFormat::Table => print::text(&about, &found),
        TextFormat::Json => output::json(&print::json(&about, &found)),
    };
    output::write(arguments.out.as_deref(), &data)?;
    Ok(Outcome::Fine)
}
