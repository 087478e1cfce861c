//! `watertight policy essentials`: what every platform of an estate needs.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};
use watertight_policy::{ESSENTIALS_VERSION, Essential, EssentialState, essentials};

use crate::args::{InputArguments, TextFormat};
use crate::estate_folder;
use crate::exit::{Failure, Outcome};
use crate::output;
use crate::table::Table;

/// The arguments of `policy essentials`.
#[derive(Debug, Args)]
pub(crate) struct EssentialsArguments {
    /// The estate's folder, or one file of it
    #[arg(long, value_name = "ESTATE")]
    estate: PathBuf,
    #[command(flatten)]
    input: InputArguments,
    /// How to print the rules
    #[arg(short, long, value_enum, default_value_t = TextFormat::Table)]
    format: TextFormat,
    /// Write the rules to this file instead of standard output
    #[arg(short, long, value_name = "PATH")]
    out: Option<PathBuf>,
}

/// Prints the rules.
pub(super) fn run(arguments: &EssentialsArguments) -> Result<Outcome, Failure> {
    let estate = estate_folder::load_folder(&arguments.estate, &arguments.input)?.estate;
    let found = essentials(&estate);
    let data = match arguments.format {
        TextFormat::Table => text(&found),
        TextFormat::Json => output::json(&json!({
            "schema": "watertight.essentials/v1",
            "estate": estate.id.0,
            "version": ESSENTIALS_VERSION,
            "essentials": found.iter().map(value).collect::<Vec<Value>>(),
        })),
    };
    output::write(arguments.out.as_deref(), &data)?;
    Ok(Outcome::Fine)
}

fn text(found: &[Essential]) -> String {
    let mut table = Table::new(&["platform", "for", "from", "to", "over", "state"]);
    for one in found {
        let state = match &one.state {
            EssentialState::On => one.state.word().to_owned(),
            EssentialState::Unfilterable { plane, gap } => {
                format!("{}: {plane}, {gap}", one.state.word())
            }
        };
        table.row(vec![
            one.platform.to_string(),
            one.name.to_string(),
            one.from.to_string(),
            one.to.to_string(),
            one.over.to_string(),
            state,
        ]);
    }
    let unfilterable = found.iter().filter(|one| one.state != EssentialState::On).count();
    format!(
        "{}\nVersion {ESSENTIALS_VERSION}: {} on, {unfilterable} unfilterable. Instance metadata is not among them: a rule \
         `to: [{{metadata: instance}}]` allows it.\n",
        table.aligned(0),
        found.len().saturating_sub(unfilterable)
    )
}

fn value(one: &Essential) -> Value {
    let (plane, gap) = match &one.state {
        EssentialState::On => (None, None),
        EssentialState::Unfilterable { plane, gap } => (Some(plane.as_str()), Some(gap.as_str())),
    };
    json!({
        "platform": one.platform.as_str(),
        "name": one.name.as_str(),
        "from": one.from.as_str(),
        "to": one.to.as_str(),
        "over": one.over.to_string(),
        "state": one.state.word(),
        "plane": plane,
        "gap": gap,
    })
}
