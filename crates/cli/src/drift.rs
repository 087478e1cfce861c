//! `watertight drift`.

pub(crate) mod accept;
mod import;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use clap::Args;
use watertight_compile::{Before, Intent, compile, drift, wanted};
use watertight_model::Estate;
use watertight_policy::Timestamp;
use watertight_policy::checked::Mode;
use watertight_report::drift::DriftChains;

use crate::args::{InputArguments, TextFormat};
use crate::beside::Threads;
use crate::chains::{Steps, crowned};
use crate::enforcing::{self, Asked, Ends, Ready};
use crate::exit::{Failure, Outcome, say};
use crate::live::{Origin, SourceArguments};
use crate::plan::{Allowing, Templates};
use crate::policy::alone::Alone;
use crate::text::clean;
use crate::{clock, output, plan};

pub(crate) const EXAMPLES: &str = "\
Examples:
  watertight collect aws --all-regions -o estate/ && watertight drift policies/ --estate estate/
  watertight drift policies/ --live --all-regions
  watertight drift policies/ --live --estate estate/ --since 1d
  watertight drift policies/ --estate estate/ --under promote:cardholder -f json
  watertight drift policies/ --estate estate/ --revert back.plan && watertight apply back.plan
  watertight drift policies/ --estate estate/ --import policies/imported.yaml
  watertight drift policies/ --estate estate/ --accept policies/accepted.yaml \\
    --until 2027-01-31T00:00:00Z --owner payments

With `--live` the estate is collected first, with the options of `collect aws`; calls that are not
answered are named, and what they would have told is unknown.

What differs is reverted by a plan, imported into the policy as rules, or accepted by exceptions that
expire. What an exception of the policy accepts is told apart; a plan takes it back all the same.

Exit code 0: what is possible is what is intended or accepted, whatever differs in its text. Exit code
2: more or less is possible, or will be as soon as a machine is replaced: what makes replicas makes them
with other groups, and a plan would change that.";

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
    /// Write a plan that takes all of it back to this file
    #[arg(long, value_name = "PATH")]
    revert: Option<PathBuf>,
    /// Write rules that allow what is possible and not intended to this file
    #[arg(long, value_name = "PATH")]
    import: Option<PathBuf>,
    /// Write exceptions that accept it until a time to this file
    #[arg(long, value_name = "PATH", requires_all = ["until", "owner"])]
    accept: Option<PathBuf>,
    /// Until when it is accepted, as in `2027-01-31T00:00:00Z`
    #[arg(long, value_name = "INSTANT", requires = "accept")]
    until: Option<String>,
    /// Who answers for what is accepted
    #[arg(long, value_name = "NAME", requires = "accept")]
    owner: Option<String>,
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
    for (flag, path) in [("import", &arguments.import), ("accept", &arguments.accept)] {
        if path.as_ref().is_some_and(|path| path.exists()) {
            let problem =
                String::from("the file is there already, and may be a part of the policy");
            return Err(Failure::Argument { flag, problem });
        }
    }
    let files = [&arguments.out, &arguments.revert, &arguments.import, &arguments.accept];
    let files: Vec<&PathBuf> = files.into_iter().flatten().collect();
    if files.iter().collect::<BTreeSet<_>>().len() < files.len() {
        let problem = String::from("two answers would be written to one file");
        return Err(Failure::Argument { flag: "out", problem });
    }
    let now = clock::at(arguments.at.as_deref())?;
    let until = arguments.until.as_deref().map(|text| accept::until(text, now)).transpose()?;
    let estate = arguments.source.read(Origin::Named, arguments.input.verbose)?;
    let asked = Asked {
        policy: &arguments.policy,
        estate: &estate.folder,
        under: &arguments.under,
        at: arguments.at.as_deref(),
        input: &arguments.input,
        former: None,
        ends: Ends::WithThis,
    };
    enforcing::with(&asked, |ready| compare(arguments, until, ready))
}

/// What was open by a drift may be what an assertion holds by: the plan tells that, and takes it back.
const REVERTING: Allowing =
    Allowing { widen: false, templates: Templates::Change, breaks: true, cut: None };

fn compare(
    arguments: &DriftArguments,
    until: Option<Timestamp>,
    ready: &Ready<'_>,
) -> Result<Outcome, Failure> {
    let refused = |refusal: watertight_compile::Refusal| Failure::Plan(refusal.to_string());
    let intended = wanted(ready.intent, ready.plane, &Threads).map_err(refused)?;
    let earlier = expired(ready);
    let live = ready.intent.estate();
    let (mut found, wanted) = drift(ready.plane, live, &intended, &earlier);
    found.accept(&accept::exceptions(ready.policy, ready.now));
    let owners = plan::owners::planned(ready, &intended, REVERTING.templates);
    let chains = if found.pairs.is_empty() {
        Ok(DriftChains::default())
    } else {
        chains(ready, &wanted, live).map_err(|failure| failure.to_string())
    };
    // Nothing is written before all is known that may be refused.
    let revert = match &arguments.revert {
        Some(path) => {
            Some((path, plan::text(&plan::make(ready, &arguments.under, REVERTING)?.plan)?))
        }
        None => None,
    };
    let out = arguments.out.as_deref();
    let alone = Alone::of(ready.decider);
    let data = match arguments.format {
        TextFormat::Table => {
            let table = watertight_report::drift::table(live, (&found, &owners), &chains);
            clean(&format!("{table}\n{alone}.\n"))
        }
        TextFormat::Json => {
            let counts = (alone.workloads, alone.estate_only);
            output::json(&watertight_report::drift::json((&found, &owners), &chains, counts))
        }
    };
    output::write(out, &data)?;
    let names = live.workloads.values().map(|one| (&*one.id, &*one.name)).collect();
    if let Some(path) = &arguments.import {
        import::write(path, (live, ready.decider), &names, &found)?;
    }
    if let (Some(path), Some(until), Some(owner)) = (&arguments.accept, until, &arguments.owner) {
        accept::write(path, (until, owner), &names, &found)?;
    }
    if let Some((path, text)) = revert {
        output::write(Some(path), &text)?;
    }
    let is_lasting = !owners.iter().any(watertight_report::drift::lacks);
    Ok(if found.is_harmless() && is_lasting { Outcome::Fine } else { Outcome::Found })
}

/// What is open and closed of breach chains beside what is intended.
fn chains(ready: &Ready<'_>, wanted: &Estate, live: &Estate) -> Result<DriftChains, Failure> {
    let (of_wanted, of_live) = (
        Steps::of(wanted, &crowned(ready.policy, wanted))?,
        Steps::of(live, &crowned(ready.policy, live))?,
    );
    let opened = of_wanted.new_in(&of_live, live);
    let closed = of_live.new_in(&of_wanted, wanted);
    let names = |names: BTreeSet<String>| names.into_iter().collect();
    let example = of_live.chain(live, &opened).filter(|_| !opened.is_empty());
    Ok(DriftChains {
        opened: names(of_live.jewels(live, &opened)),
        example: example.map(|chain| chain.steps).unwrap_or_default(),
        closed: names(of_wanted.jewels(wanted, &closed)),
    })
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
        match compile(&intent, ready.plane, &Threads) {
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

/// An end of a pair by its name.
fn named(end: &str, names: &BTreeMap<&str, &str>) -> String {
    names.get(end).copied().unwrap_or(end).to_owned()
}
