//! `watertight plan` and `watertight show`.

mod kept;
pub(crate) mod owners;

use std::collections::BTreeSet;
use std::mem::forget;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use watertight_aws::terraform_file;
use watertight_compile::{Gap, Holds, Leaving, Occasion, Plan, Proof, Proved, RenderedBody, prove};
use watertight_model::WorkloadId;
use watertight_model::network::EndpointId;
use watertight_policy::Timestamp;
use watertight_source::{FileId, Limits, Tree};

use crate::args::InputArguments;
use crate::beside::{Threads, both};
use crate::drift::accept;
use crate::enforcing::{self, Asked, Ends, Ready};
use crate::exit::{Failure, Outcome, say};
use crate::output;
use crate::policy::alone::Alone;
use crate::text::{clean, one_line};

pub(crate) use kept::breaking;

pub(crate) const EXAMPLES: &str = "\
Examples:
  watertight plan policies/ --estate estate/ -o change.plan
  watertight plan policies/ --estate estate/ --under promote:cardholder
  watertight plan policies/ --estate estate/ -o change.plan --watch

Exit code 0: the groups mean what the policy says, or there is nothing to do. Exit code 2: there are
gaps, or workloads that cannot be held, or whose replicas will not be, or an assertion that does not hold with the plan and that no
exception excuses. Exit code 1: nothing is planned, because a limit or a widening that is refused is in the way, because an
assertion that holds would not any more, or because the proof found what nobody can explain.";

/// The arguments of `plan`.
#[derive(Debug, Args)]
pub(crate) struct PlanArguments {
    /// The policy's files and folders
    #[arg(value_name = "POLICY", required = true)]
    policy: Vec<PathBuf>,
    /// The estate's folder
    #[arg(long, value_name = "ESTATE")]
    estate: PathBuf,
    /// What is to be enforced: `enforced` (what is in mode enforce), `promote:SEGMENT` (that and one
    /// segment), `promote-all` (what is in mode monitor too, without the built-in segment)
    #[arg(long, value_name = "MODES", default_value = "enforced")]
    under: String,
    /// The instant at which the policy is asked, as in `2027-01-31T00:00:00Z`; now, if not given
    #[arg(long, value_name = "INSTANT")]
    at: Option<String>,
    /// Plan although something becomes possible that no allow rule asks for
    #[arg(long)]
    widen: bool,
    /// Leave the templates of scaling groups alone, for those that code describes: what is to change in
    /// them is told
    #[arg(long)]
    keep_templates: bool,
    /// An earlier plan: it tells what interfaces carried before, to which those go back that have left the share
    /// of a segment
    #[arg(long, value_name = "PLAN")]
    former: Vec<PathBuf>,
    #[command(flatten)]
    input: InputArguments,
    /// How to print the plan, where `--out` is not given
    #[arg(short, long, value_enum, default_value_t = PlanFormat::Table)]
    format: PlanFormat,
    /// Write the plan to this file, and the summary to standard output
    #[arg(short, long, value_name = "PATH")]
    out: Option<PathBuf>,
    /// Keep the estate, and plan again whenever the files of the policy change, until it is stopped
    #[arg(long, requires = "out")]
    watch: bool,
}

/// The arguments of `show`.
#[derive(Debug, Args)]
pub(crate) struct ShowArguments {
    /// The plan
    #[arg(value_name = "PLAN")]
    plan: PathBuf,
    /// How to print it
    #[arg(short, long, value_enum, default_value_t = ShowFormat::Table)]
    format: ShowFormat,
    /// Write it to this file instead of standard output
    #[arg(short, long, value_name = "PATH")]
    out: Option<PathBuf>,
}

/// Formats in which a plan is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ShowFormat {
    /// Text for people
    Table,
    /// The plan itself
    Json,
    /// A configuration of Terraform in its JSON syntax, for a file that ends in `.tf.json`; what it
    /// does not do of the plan is told on standard error
    Terraform,
}

/// Formats of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PlanFormat {
    /// Text for people
    Table,
    /// The plan itself
    Json,
    /// The bodies that the provider would hold, as they were read back for the proof
    Bodies,
}

/// Makes a plan, or one after each change of the policy.
pub(crate) fn run(arguments: &PlanArguments) -> Result<Outcome, Failure> {
    let ends = if arguments.watch { Ends::Never } else { Ends::WithThis };
    let asked = Asked {
        policy: &arguments.policy,
        estate: &arguments.estate,
        under: &arguments.under,
        at: arguments.at.as_deref(),
        input: &arguments.input,
        former: Some(&arguments.former),
        ends,
    };
    let print = |ready: &Ready<'_>| print(arguments, ready);
    if !arguments.watch {
        return enforcing::with(&asked, print);
    }
    let never = enforcing::watch(&asked, print, |done, took| {
        let after =
            format!("after {:.1} s; waiting for the policy to change\n", took.as_secs_f64());
        match done {
            Ok(_) => say(&format!("planned {after}")),
            // Nobody listens any more.
            Err(failure @ Failure::Output(_)) => return Err(failure),
            Err(failure) => say(&format!("error: {}; {after}", one_line(&failure.to_string()))),
        }
        Ok(())
    })?;
    match never {}
}

/// What a plan may do, and what it leaves alone.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Allowing {
    /// Something may become possible that no allow rule asks for.
    pub(crate) widen: bool,
    /// What becomes of what replicas are made from.
    pub(crate) templates: Templates,
    /// Assertions that hold may stop to: who is cut off is cut off from what it should reach, too.
    pub(crate) breaks: bool,
    /// Whose live connections are cut at the edges of other subnets.
    pub(crate) cut: Option<WorkloadId>,
}

/// What a plan does about what replicas are made from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Templates {
    /// It changes it where it can.
    #[default]
    Change,
    /// It says what is to change.
    Tell,
    /// It is about something else.
    Leave,
}

impl Templates {
    /// What `--keep-templates` means.
    pub(crate) const fn kept(is_kept: bool) -> Self {
        if is_kept { Self::Tell } else { Self::Change }
    }
}

/// A plan that was made, with what the provider would hold.
pub(crate) struct Made {
    pub(crate) plan: Plan,
    rendered: Vec<RenderedBody>,
    /// How much of the estate is in no segment that somebody wrote, for the end of a summary.
    pub(crate) alone: String,
}

/// Makes a plan of what is read.
///
/// # Errors
/// When nothing is planned.
pub(crate) fn make(ready: &Ready<'_>, under: &str, allowing: Allowing) -> Result<Made, Failure> {
    let Allowing { widen, templates, breaks, cut } = allowing;
    let plane = ready.plane;
    let endpoints = ready.intent.estate().network.endpoints.iter();
    let cut = endpoints.filter(|(_, one)| Some(one.workload) == cut).map(|(id, _)| id);
    let cut: Vec<EndpointId> = cut.collect();
    let proved = match ready.before.filter(|_| cut.is_empty()) {
        Some(before) => (before.prove)(ready.intent),
        None => prove(ready.intent, plane, &cut, (None, &Threads)),
    };
    let Proved { compiled, rendered, proof, notes } =
        proved.map_err(|refusal| Failure::Plan(refusal.to_string()))?;
    refuse(&proof, widen)?;
    if !breaks {
        admit(ready, &proof)?;
    }
    let mut notes = notes;
    notes.extend(shares(ready));
    let (assertions, until) = kept::broken(ready, &rendered);
    let occasion = occasion(ready, under, until);
    let plan = match ready.before {
        Some(before) => {
            let pieces = &mut before.pieces.borrow_mut();
            Plan::after(occasion, plane, (&compiled, &proof), (pieces, &Threads))
        }
        None => Plan::new(occasion, plane, (&compiled, &proof), &Threads),
    };
    let owners = owners::planned(ready, &compiled.artifacts, templates);
    if ready.ends == Ends::WithThis {
        // Like what is read, it stays to the end of the process, which comes soon.
        forget((compiled, proof));
    }
    let plan = plan.with_owners(owners).with_assertions(assertions).with_notes(notes);
    if !breaks {
        kept::refuse(&plan)?;
    }
    let alone = Alone::of(ready.decider);
    let plan = plan.with_workloads(alone.workloads, alone.estate_only);
    let alone = format!("\n{alone}.\n");
    Ok(Made { plan, rendered, alone })
}

/// Who is in the shares of segments that are enforced in part, who goes back to what it carried before, and who
/// would and cannot.
fn shares(ready: &Ready<'_>) -> Vec<String> {
    let mut told: Vec<String> = ready.intent.shares().iter().map(ToString::to_string).collect();
    let Leaving { attachments, by, kept } = ready.leaving;
    told.extend(attachments.iter().zip(by).map(|(one, by)| {
        let groups: Vec<&str> = one.others.iter().map(|group| &**group).collect();
        format!(
            "not in a share that is enforced any more: {} ({}) goes back to {}, {}, and is as in monitor",
            one.workload,
            one.endpoint,
            groups.join(", "),
            by.words()
        )
    }));
    if !kept.is_empty() {
        let names: BTreeSet<&str> = kept.iter().map(|(name, _)| &**name).collect();
        let names: Vec<&str> = names.into_iter().collect();
        let whys: BTreeSet<&str> = kept.iter().map(|(_, why)| why.as_str()).collect();
        let whys: Vec<&str> = whys.into_iter().collect();
        told.push(format!(
            "not in a share that is enforced, and carrying groups of ours from before: {}; {}: a rollback of the plan \
             that put them there takes them off, or a plan to which `--former` names that one",
            names.join(", "),
            whys.join(", ")
        ));
    }
    told
}

/// What a plan of what is read is made for; it is good until then at the latest.
pub(crate) fn occasion(ready: &Ready<'_>, under: &str, until: Option<Timestamp>) -> Occasion {
    let expiries = ready.policy.policies.iter().filter_map(|one| one.expires).chain(until);
    let next = expiries.filter(|expires| *expires > ready.now).min();
    Occasion {
        estate: ready.intent.estate().id.to_string(),
        under: under.to_owned(),
        made: ready.now.to_string(),
        valid_until: next.map(|next| next.to_string()),
    }
}

/// A plan as its file holds it.
///
/// # Errors
/// Never for a plan that was made here.
pub(crate) fn text(plan: &Plan) -> Result<String, Failure> {
    plan.text().map_err(|error| Failure::Plan(error.to_string()))
}

/// Writes a plan, to the file or to standard output.
fn write(out: Option<&Path>, plan: &Plan) -> Result<(), Failure> {
    output::write_with(out, |out| plan.write(out))
}

/// A plan for people.
pub(crate) fn summary(plan: &Plan) -> String {
    clean(&watertight_report::plan(plan, &output::layout(None)))
}

fn print(arguments: &PlanArguments, ready: &Ready<'_>) -> Result<Outcome, Failure> {
    let templates = Templates::kept(arguments.keep_templates);
    let allowing = Allowing { widen: arguments.widen, templates, ..Allowing::default() };
    let Made { plan, rendered, alone } = make(ready, &arguments.under, allowing)?;
    match (&arguments.out, arguments.format) {
        (Some(path), _) => {
            let (summary, written) = both(|| summary(&plan), || write(Some(path), &plan));
            written?;
            output::write(None, &(summary + &alone))?;
        }
        (None, PlanFormat::Json) => write(None, &plan)?,
        (None, PlanFormat::Bodies) => {
            let bodies = rendered.iter().map(|one| format!("// {}\n{}", one.path, one.text));
            output::write(None, &bodies.collect::<String>())?;
        }
        (None, PlanFormat::Table) => output::write(None, &(summary(&plan) + &alone))?,
    }
    let outcome = outcome(&plan);
    if ready.ends == Ends::WithThis {
        // It takes back at once what would be taken back text by text.
        forget((plan, rendered));
    }
    Ok(outcome)
}

/// What a plan that was made comes to.
pub(crate) fn outcome(plan: &Plan) -> Outcome {
    let is_held = plan.owners.iter().all(|owner| owner.holds != Holds::Unheld);
    let is_kept = plan.assertions.iter().all(|one| one.excused.is_some());
    let is_fine = plan.gaps.is_empty() && plan.unheld.is_empty() && is_held && is_kept;
    if is_fine { Outcome::Fine } else { Outcome::Found }
}

/// Refuses what the proof does not carry.
///
/// # Errors
/// When it does not hold, or something becomes possible that no rule asks for.
pub(crate) fn refuse(proof: &Proof, widen: bool) -> Result<(), Failure> {
    let first = |gaps: &[Gap]| {
        let gap = gaps.first();
        gap.map(|gap| format!("{} to {} over {}", gap.from.join(", "), gap.to.join(", "), gap.over))
            .unwrap_or_default()
    };
    if !proof.holds() {
        let frame = proof.frame.first().cloned().unwrap_or_default();
        let what = if proof.unexplained.is_empty() { frame } else { first(&proof.unexplained) };
        return Err(Failure::Plan(format!(
            "the proof finds {} differences that the compiler does not explain, such as {what}; \
             this is a defect of the program",
            proof.unexplained.len().saturating_add(proof.frame.len()),
        )));
    }
    if !proof.surprises.is_empty() && !widen {
        return Err(Failure::Plan(format!(
            "{} things become possible that no allow rule asks for, such as {}; `--widen` plans them",
            proof.surprises.len(),
            first(&proof.surprises),
        )));
    }
    Ok(())
}

/// Refuses what becomes possible although something forbids it, unless an exception names that gap.
///
/// # Errors
/// When there is such a gap.
pub(crate) fn admit(ready: &Ready<'_>, proof: &Proof) -> Result<(), Failure> {
    let excused = accept::exceptions(ready.policy, ready.now).into_keys().collect();
    watertight_compile::admit(proof, &excused).map_err(|refusal| Failure::Plan(refusal.to_string()))
}

/// Prints a plan.
pub(crate) fn show(arguments: &ShowArguments) -> Result<Outcome, Failure> {
    let (plan, _) = read(&arguments.plan)?;
    let out = arguments.out.as_deref();
    match arguments.format {
        ShowFormat::Table => output::write(out, &summary(&plan))?,
        ShowFormat::Json => write(out, &plan)?,
        ShowFormat::Terraform => {
            let file = terraform_file(&plan).map_err(|error| {
                Failure::Estate(format!("`{}`: {error}", arguments.plan.display()))
            })?;
            output::write(out, &file.text)?;
            for line in &file.notes {
                say(&format!("{}\n", clean(line)));
            }
        }
    }
    Ok(Outcome::Fine)
}

/// Reads a plan within limits, with its bytes.
pub(crate) fn read(path: &Path) -> Result<(Plan, Vec<u8>), Failure> {
    let limits = Limits::default();
    let bytes = std::fs::read(path).map_err(|source| Failure::File {
        path: path.to_path_buf(),
        action: "read",
        source,
    })?;
    let wrong = |why: String| Failure::Estate(format!("`{}`: {why}", path.display()));
    let tree = Tree::parse_json(FileId(0), bytes.clone(), &limits);
    let tree = tree.map_err(|error| wrong(error.to_string()))?;
    let plan = Plan::of_value(watertight_aws::value_of(tree.root()))
        .map_err(|error| wrong(error.to_string()))?;
    Ok((plan, bytes))
}
