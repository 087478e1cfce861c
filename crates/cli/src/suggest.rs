//! `watertight suggest`: a first policy, drafted from the assessment's cut set and from what connects.

mod draft;
pub(crate) mod groups;
pub(crate) mod over;
mod paths;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use watertight_model::{Estate, Name, WorkloadId};
use watertight_policy::decide::{Decider, Modes, World};
use watertight_policy::{CheckedPolicy, Documents, Format, check, formatted, with_essentials};
use watertight_reach::Held;
use watertight_source::{Diagnostics, Limits, Sources};

use crate::args::InputArguments;
use crate::exit::{Failure, Outcome, say};
use crate::jewels::JewelArguments;
use crate::simulate::assertions::verdicts;
use crate::text::{clean, counted};
use crate::{clock, estate_folder, output};
use draft::Draft;
use paths::Paths;

pub(crate) const EXAMPLES: &str = "\
Examples:
  watertight suggest --estate estate/ > policies/suggested.yaml
  watertight simulate policies/ --estate estate/ --under pending

Everything is in mode monitor: nothing is denied before somebody enforces it. Read it before you do.";

/// What a draft is called in errors.
const NAME: &str = "suggested.yaml";

/// What there is to do where nothing is a crown jewel: no chain has an end, and so nothing is cut.
const NO_JEWEL: &str = "no crown jewel is known, so that there is no chain to cut: name what must not be lost with \
                        `--jewel` or `--jewel-kind`, or by the tag or label `criticality=crown-jewel`\n";

/// Lines about what is left out.
const LINES_MAX: usize = 20;

/// The arguments of `suggest`.
#[derive(Debug, Args)]
pub(crate) struct SuggestArguments {
    /// The estate's folder, or one file of it
    #[arg(long, value_name = "ESTATE")]
    estate: PathBuf,
    #[command(flatten)]
    input: InputArguments,
    #[command(flatten)]
    jewels: JewelArguments,
    /// The label that says what a workload is a part of, and by which segments hold it
    #[arg(long, value_name = "LABEL", default_value = "app")]
    by: String,
    /// Write the policy to this file instead of standard output
    #[arg(short, long, value_name = "PATH")]
    out: Option<PathBuf>,
}

/// Drafts and prints.
pub(crate) fn run(arguments: &SuggestArguments) -> Result<Outcome, Failure> {
    let estate = estate_folder::load_folder(&arguments.estate, &arguments.input)?.estate;
    let paths = Paths::of(&estate, &arguments.jewels.options(&estate)?)?;
    let draft = drafted(&estate, &paths, &Name::from(arguments.by.as_str()))?;
    let (text, _) = in_form(NAME, &draft.text())?;
    output::write(arguments.out.as_deref(), &text)?;
    say(&clean(&told(&draft, &paths)));
    Ok(Outcome::Fine)
}

/// A draft that was asked of the estate as it would be under it. Where a segment closes nothing of the
/// cut set and does not keep all that connects, as of candidates behind one address that fare
/// differently, there is none.
///
/// # Errors
/// When the draft is no policy.
fn drafted(estate: &Estate, paths: &Paths, by: &Name) -> Result<Draft, Failure> {
    let mut draft = Draft::new(estate, paths, (by, &BTreeSet::new()));
    let lost = verify(estate, paths, &mut draft)?;
    let is_needed = |one: &WorkloadId| paths.jewels.contains(one) || paths.closes_at(*one);
    let needless: BTreeSet<WorkloadId> =
        lost.into_keys().filter(|target| !is_needed(target)).collect();
    if needless.is_empty() {
        return Ok(draft);
    }
    let mut draft = Draft::new(estate, paths, (by, &needless));
    verify(estate, paths, &mut draft)?;
    Ok(draft)
}

/// Asks the estate as it would be under the draft. Assertions that are not known to hold are left out:
/// where a path leads by addresses that nobody knows, the draft promises nothing. Gives the paths that
/// the draft does not keep, by who accepts them.
///
/// # Errors
/// When the draft is no policy.
fn verify(
    estate: &Estate,
    paths: &Paths,
    draft: &mut Draft,
) -> Result<BTreeMap<WorkloadId, Vec<String>>, Failure> {
    if draft.segments == 0 {
        return Ok(BTreeMap::new());
    }
    let (_, mut policy) = in_form(NAME, &draft.text())?;
    let essentials = with_essentials(&mut policy, estate);
    let world = World::of_estate(estate);
    let decider = Decider::new(&policy, &world, &essentials);
    let layered = decider.under(&Modes::Pending, clock::now()).layered(estate).estate;
    let judged = verdicts(&layered, &decider);
    let named = policy.assertions.iter().zip(judged);
    let doubtful = named.filter(|(_, one)| one.held != Held::Holds);
    let doubtful: BTreeSet<Name> = doubtful.map(|(one, _)| one.name.clone()).collect();
    draft.leave_out(&doubtful);
    let lost = paths.lost(&layered, &draft.held);
    draft.left_out.extend(lost.values().flatten().cloned());
    Ok(lost)
}

/// What the draft is, in a few lines.
fn told(draft: &Draft, paths: &Paths) -> String {
    let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    let mut text = format!(
        "{} around {}, {}, {}; {} closed by {} of the cut set\n",
        counted(count(draft.segments), "segment"),
        counted(count(draft.held.len()), "workload"),
        counted(count(draft.rules), "rule"),
        counted(count(draft.assertions), "assertion"),
        counted(count(paths.closed), "pair"),
        counted(count(paths.actions.len()), "action"),
    );
    if paths.jewels.is_empty() {
        text.push_str(NO_JEWEL);
    }
    for action in &paths.beyond {
        // Writing to a String cannot fail.
        let _written = writeln!(text, "no policy does this action of the cut set: {action}");
    }
    for line in draft.left_out.iter().take(LINES_MAX) {
        let _written = writeln!(text, "left out: {line}");
    }
    let rest = draft.left_out.len().saturating_sub(LINES_MAX);
    if rest > 0 {
        let _written = writeln!(text, "and {rest} more left out");
    }
    text
}

/// A policy's text in its one form, and what it says.
///
/// # Errors
/// When it is none: the draft is wrong then, and nothing is written.
pub(crate) fn in_form(name: &str, text: &str) -> Result<(String, CheckedPolicy), Failure> {
    let limits = Limits::default();
    let wrong =
        |why: String| Failure::Plan(format!("the draft is no policy, which is a defect: {why}"));
    let mut sources = Sources::with_limits(limits.clone());
    let file =
        sources.add(name, text.as_bytes().to_vec()).map_err(|error| wrong(error.to_string()))?;
    let contents = sources.contents(file);
    let formed = formatted(file, contents, Format::Yaml, &limits)
        .map_err(|error| wrong(error.to_string()))?;
    let mut diagnostics = Diagnostics::new(&limits);
    let mut documents = Documents::default();
    documents.read(file, contents, Format::Yaml, &limits, &mut diagnostics);
    let Some(policy) = check(&documents, &watertight_policy::Feeds::new(), &mut diagnostics) else {
        let first = diagnostics.into_sorted().into_iter().next();
        return Err(wrong(first.map(|one| one.message).unwrap_or_default()));
    };
    Ok((formed, policy))
}
