//! `watertight drift`.

use std::path::PathBuf;

use clap::Args;
use watertight_compile::{Before, Intent, compile, drift};
use watertight_policy::Timestamp;
use watertight_policy::checked::Mode;

use crate::args::{InputArguments, TextFormat};
use crate::enforcing::{self, Asked, Ready};
use crate::exit::{Failure, Outcome, say};
use crate::live::{Origin, SourceArguments};
use crate::output;
use crate::text::clean;

pub(crate) const EXAMPLES: &str = "\
Examples:
  watertight collect aws --all-regions -o estate/ && watertight drift policies/ --estate estate/
  watertight drift policies/ --live --all-regions
  watertight drift policies/ --live --estate estate/ --since 1d
  watertight drift policies/ --estate estate/ --under promote:cardholder -f json

With `--live` the estate is collected first, with the options of `collect aws`; calls that are not
answered are named, and what they would have told is unknown.

Exit code 0: what is possible is what is intended, whatever differs in its text. Exit code 2: more or
less is possible.";

/// The arguments of `drift`.
#[derive(Debug, Args)]
pub(crate) struct DriftArguments {
    /// The policy's files and folders
    #[arg(value_name = "POLICY", required = true)]
    policy: Vec<PathBuf>,
    #[command(flatten)]
    source: SourceArguments,
    /// What is enforced, as for `plan`
    #[arg(long, value_name = "MODES", default_value = "enforced")]
    under: String,
    /// The instant at which the policy is asked, as in `2027-01-31T00:00:00Z`; now, if not given
    #[arg(long, value_name = "INSTANT")]
    at: Option<String>,
    #[command(flatten)]
    input: InputArguments,
    /// How to print the answer
    #[arg(short, long, value_enum, default_value_t = TextFormat::Table)]
    format: TextFormat,
    /// Write the answer to this file instead of standard output
    #[arg(short, long, value_name = "PATH")]
    out: Option<PathBuf>,
}

/// Compares what is live with what is intended.
pub(crate) fn run(arguments: &DriftArguments) -> Result<Outcome, Failure> {
    let estate = arguments.source.read(Origin::Named, arguments.input.verbose)?;
    let asked = Asked {
        policy: &arguments.policy,
        estate: &estate.folder,
        under: &arguments.under,
        at: arguments.at.as_deref(),
        input: &arguments.input,
    };
    enforcing::with(&asked, |ready| compare(arguments, ready))
}

fn compare(arguments: &DriftArguments, ready: &Ready<'_>) -> Result<Outcome, Failure> {
    let refused = |refusal: watertight_compile::Refusal| Failure::Plan(refusal.to_string());
    let compiled = compile(ready.intent, ready.plane).map_err(refused)?;
    let earlier = expired(ready);
    let live = ready.intent.estate();
    let found = drift(ready.plane, live, &compiled.artifacts, &earlier);
    let out = arguments.out.as_deref();
    let data = match arguments.format {
        TextFormat::Table => clean(&watertight_report::drift::table(live, &found)),
        TextFormat::Json => output::json(&watertight_report::drift::json(&found)),
    };
    output::write(out, &data)?;
    Ok(if found.is_harmless() { Outcome::Fine } else { Outcome::Found })
}

/// What was intended in the second before each policy expired.
fn expired(ready: &Ready<'_>) -> Vec<Before> {
    let mut earlier = Vec::new();
    for policy in &ready.policy.policies {
        let Some(expires) = policy.expires.filter(|expires| *expires <= ready.now) else {
            continue;
        };
        if policy.mode == Mode::Disabled {
            continue;
        }
        let then = Timestamp(expires.0.saturating_sub(1));
        let intent = Intent::new(ready.intent.estate(), ready.decider, (ready.modes, then));
        let policy = policy.name.to_string();
        match compile(&intent, ready.plane) {
            Ok(compiled) => earlier.push(Before { policy, artifacts: compiled.artifacts }),
            // What no group could hold then was not held; what is left of it is told as widening.
            Err(refusal) => {
                let told =
                    format!("what `{policy}` allowed before it expired cannot be told: {refusal}");
                say(&format!("{}\n", crate::text::one_line(&told)));
            }
        }
    }
    earlier
}
