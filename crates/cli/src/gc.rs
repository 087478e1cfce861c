//! `watertight gc`: groups of ours that nobody needs any more.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::Args;
use watertight_aws::SecurityGroups;
use watertight_compile::{GroupName, Occasion, Plan, Plane as _, compile, gc};
use watertight_model::Estate;

use crate::args::InputArguments;
use crate::beside::Threads;
use crate::enforcing::{self, Asked, Ends};
use crate::exit::{Failure, Outcome};
use crate::{clock, output, plan};

pub(crate) const EXAMPLES: &str = "\
Examples:
  watertight gc policies/ --estate estate/ -o gc.plan
  watertight gc --estate estate/

Exit code 0: the plan takes away what nobody needs, or there is nothing. Exit code 2: something still
holds a group that no policy wants, and it stays.";

/// The arguments of `gc`.
#[derive(Debug, Args)]
pub(crate) struct GcArguments {
    /// The policy's files and folders; without them, no group is wanted but those that are carried
    #[arg(value_name = "POLICY")]
    policy: Vec<PathBuf>,
    /// The estate's folder, as it was collected last
    #[arg(long, value_name = "ESTATE")]
    estate: PathBuf,
    /// What is enforced, as for `plan`
    #[arg(long, value_name = "MODES", default_value = "enforced", requires = "policy")]
    under: String,
    /// The instant at which the policy is asked, as in `2027-01-31T00:00:00Z`; now, if not given
    #[arg(long, value_name = "INSTANT")]
    at: Option<String>,
    #[command(flatten)]
    input: InputArguments,
    /// Write the plan to this file, and the summary to standard output
    #[arg(short, long, value_name = "PATH")]
    out: Option<PathBuf>,
}

/// Makes a plan that takes groups away.
pub(crate) fn run(arguments: &GcArguments) -> Result<Outcome, Failure> {
    let plan = if arguments.policy.is_empty() {
        without_policy(arguments)?
    } else {
        with_policy(arguments)?
    };
    let text = plan::text(&plan)?;
    if let Some(path) = &arguments.out {
        output::write(Some(path), &text)?;
    }
    output::write(None, &plan::summary(&plan))?;
    Ok(if plan.notes.is_empty() { Outcome::Fine } else { Outcome::Found })
}

fn without_policy(arguments: &GcArguments) -> Result<Plan, Failure> {
    let now = clock::at(arguments.at.as_deref())?;
    enforcing::with_estate(&arguments.estate, &arguments.input, |estate, plane| {
        let occasion = Occasion {
            estate: estate.id.to_string(),
            under: String::from("no policy"),
            made: now.to_string(),
            valid_until: None,
        };
        Ok(collected(occasion, plane, estate, &BTreeSet::new()))
    })
}

fn with_policy(arguments: &GcArguments) -> Result<Plan, Failure> {
    let asked = Asked {
        policy: &arguments.policy,
        estate: &arguments.estate,
        under: &arguments.under,
        at: arguments.at.as_deref(),
        input: &arguments.input,
        former: None,
        ends: Ends::WithThis,
    };
    enforcing::with(&asked, |ready| {
        let compiled = compile(ready.intent, ready.plane, &Threads);
        let compiled = compiled.map_err(|refusal| Failure::Plan(refusal.to_string()))?;
        let wanted = compiled.artifacts.groups.iter().map(|group| group.name.clone()).collect();
        let occasion = plan::occasion(ready, &arguments.under, None);
        Ok(collected(occasion, ready.plane, ready.intent.estate(), &wanted))
    })
}

fn collected(
    occasion: Occasion,
    plane: &SecurityGroups<'_>,
    estate: &Estate,
    wanted: &BTreeSet<GroupName>,
) -> Plan {
    gc(occasion, plane, (&plane.own(estate), &plane.idle_edges()), wanted)
}
