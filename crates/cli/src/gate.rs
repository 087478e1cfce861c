//! `watertight gate`: whether a change may be merged, for CI.

mod budget;
mod cause;
mod enforced;
pub(crate) mod findings;
mod needs;
mod print;
mod proposed;

use std::path::PathBuf;

use clap::Args;
use watertight_policy::decide::{Decider, Essentials, World};
use watertight_report::diagnostics::sarif;

use crate::args::InputArguments;
use crate::exit::{Failure, Outcome};
use crate::policy::alone::Alone;
use crate::policy::check::CheckFormat;
use crate::policy::loaded;
use crate::{clock, estate_folder, explain, output};
use findings::Gate;
use proposed::Change;

pub(crate) const EXAMPLES: &str = "\
Examples:
  terraform show -json tfplan > plan.json
  watertight gate policies/ --estate estate/ --terraform-plan plan.json
  watertight gate policies/ --estate estate/ --terraform-plan plan.json --budget budget.yaml -f sarif
  watertight gate policies/ --estate estate/ --budget 3400

Exit code 2 says that the gate is closed: there is a new breach chain, an assertion that does not hold and that no
exception excuses, more than the budget allows, something cut that a platform needs or that is failsafe, a change that
takes groups or network ACLs of Watertight off, deletes them or changes their rules, or a change of which nobody can tell
what it does.
Without --terraform-plan the estate is judged as it is. Nothing is changed anywhere.";

/// The arguments of `gate`.
#[derive(Debug, Args)]
pub(crate) struct GateArguments {
    /// The policy's files and folders: its assertions, its exceptions, its crown jewels
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    /// The estate's folder, or one file of it
    #[arg(long, value_name = "ESTATE")]
    estate: PathBuf,
    /// A plan as `terraform show -json` prints it
    #[arg(long, value_name = "PATH")]
    terraform_plan: Option<PathBuf>,
    /// What may be reachable at most: a number of pairs of workloads that connect, or a file
    /// (`docs/reference/gate.md`)
    #[arg(long, value_name = "NUMBER|PATH")]
    budget: Option<String>,
    /// The instant at which exceptions are judged, as in `2027-01-31T00:00:00Z`; now where it is left
    /// out
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    #[command(flatten)]
    input: InputArguments,
    /// How to print what is found
    #[arg(short, long, value_enum, default_value_t = CheckFormat::Table)]
    format: CheckFormat,
    /// Write it to this file instead of standard output
    #[arg(short, long, value_name = "PATH")]
    out: Option<PathBuf>,
}

/// Judges and prints.
pub(crate) fn run(arguments: &GateArguments) -> Result<Outcome, Failure> {
    let now = clock::at(arguments.at.as_deref())?;
    let mut policy = loaded::load(&arguments.paths)?;
    let budget = arguments.budget.as_deref().map(budget::read).transpose()?;
    let (loaded, raw) = estate_folder::load_raw(&arguments.estate, &arguments.input)?;
    let plan = arguments.terraform_plan.as_deref();
    let plan = plan.map(|path| proposed::read(path, &mut policy.sources)).transpose()?;
    let change = plan.as_ref().map(|plan| Change { plan, raw: &raw, before: &loaded.estate });
    let world = World::of_estate(&loaded.estate);
    let decider = Decider::new(&policy.policy, &world, &Essentials::default());
    let gate = Gate {
        before: &loaded.estate,
        decider: &decider,
        change: change.as_ref(),
        budget: budget.as_ref(),
        now,
    };
    let found = gate.judge()?;
    let alone = Alone::of(&decider);
    let data = match arguments.format {
        CheckFormat::Table => print::text(&found, &policy.sources, alone),
        CheckFormat::Json => output::json(&print::json(&found, &policy.sources, alone)),
        CheckFormat::Sarif => {
            output::json(&sarif(&found.diagnostics(), &policy.sources, &explain::meaning))
        }
    };
    output::write(arguments.out.as_deref(), &data)?;
    Ok(if found.findings.is_empty() { Outcome::Fine } else { Outcome::Found })
}
