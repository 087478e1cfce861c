//! `watertight segment promote`: one segment at a time.

mod patch;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use watertight_model::Estate;
use watertight_policy::syntax::Mode;

use crate::args::InputArguments;
use crate::enforcing::{self, Asked};
use crate::exit::{Failure, Outcome, say};
use crate::output;
use crate::plan::{self, Allowing, Made, Templates};
use crate::policy::loaded::OtherMode;
use crate::staged::{self, Change};
use crate::text::one_line;

const EXAMPLES: &str = "\
Examples:
  watertight segment promote cardholder --to enforce policies/ --estate estate/ -o change.plan
  watertight segment promote cardholder --to monitor policies/ --estate estate/ -o back.plan
  watertight segment promote cardholder --to enforce policies/ --print | git apply

From disabled a segment goes to monitor, and from monitor to enforce; back it goes at any time. The
exit codes are those of `plan`; a segment that is in the mode already is left alone, with exit code 0.";

/// What there is to do with a segment.
#[derive(Debug, Subcommand)]
pub(crate) enum SegmentCommand {
    /// Give a segment another mode in the policy's file, and make the plan that follows
    ///
    /// Only the mode changes in the file: comments and all else stay as they are. Plan and file are
    /// written both or none, and none where the policy would have errors, nothing is planned, or a
    /// file of the policy was changed in between.
    #[command(after_long_help = EXAMPLES)]
    Promote(PromoteArguments),
}

/// The arguments of `segment promote`.
#[derive(Debug, Args)]
pub(crate) struct PromoteArguments {
    /// The segment
    #[arg(value_name = "SEGMENT")]
    segment: String,
    /// The policy's files and folders
    #[arg(value_name = "POLICY", required = true)]
    policy: Vec<PathBuf>,
    /// The mode that it is to have
    #[arg(long, value_enum, value_name = "MODE")]
    to: ModeWord,
    /// The estate's folder
    #[arg(long, value_name = "ESTATE", required_unless_present = "print")]
    estate: Option<PathBuf>,
    /// The instant at which the policy is asked, as in `2027-01-31T00:00:00Z`; now, if not given
    #[arg(long, value_name = "INSTANT")]
    at: Option<String>,
    /// Plan although something becomes possible that no allow rule asks for
    #[arg(long)]
    widen: bool,
    /// Leave the templates of scaling groups alone, as for `plan`
    #[arg(long)]
    keep_templates: bool,
    /// Write nothing, and print the change of the policy's file as a patch; with `--estate`, the plan
    /// is told on standard error
    #[arg(long)]
    print: bool,
    #[command(flatten)]
    input: InputArguments,
    /// Write the plan to this file
    #[arg(
        short,
        long,
        value_name = "PATH",
        required_unless_present = "print",
        conflicts_with = "print"
    )]
    out: Option<PathBuf>,
}

/// The modes of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ModeWord {
    /// It takes no part in anything
    Disabled,
    /// It is reported on, and binds nobody
    Monitor,
    /// It binds
    Enforce,
}

/// Runs a command on segments.
pub(crate) fn run(command: &SegmentCommand) -> Result<Outcome, Failure> {
    match command {
        SegmentCommand::Promote(arguments) => promote(arguments),
    }
}

fn promote(arguments: &PromoteArguments) -> Result<Outcome, Failure> {
    let to = match arguments.to {
        ModeWord::Disabled => Mode::Disabled,
        ModeWord::Monitor => Mode::Monitor,
        ModeWord::Enforce => Mode::Enforce,
    };
    let name = arguments.segment.as_str();
    let other = OtherMode::read(&arguments.policy, (name, to))?;
    let Some(new) = &other.edit.text else {
        let told = format!("`{name}` is in {to} already: nothing is written\n");
        if arguments.print {
            say(&told);
        } else {
            output::write(None, &told)?;
        }
        return Ok(Outcome::Fine);
    };
    let made = if let Some(estate) = &arguments.estate {
        Some(made(arguments, &other, estate)?)
    } else {
        other.load(&arguments.policy)?;
        None
    };
    let path = other.path.to_string_lossy();
    let told =
        format!("{}\n", one_line(&format!("`{name}`: {} -> {to} in {path}", other.edit.from)));
    let outcome = made.as_ref().map_or(Outcome::Fine, |made| plan::outcome(&made.plan));
    match (&made, &arguments.out) {
        (Some(made), Some(out)) => {
            write(&other, new, (out, &plan::text(&made.plan)?))?;
            output::write(None, &format!("{told}\n{}{}", plan::summary(&made.plan), made.alone))?;
        }
        (made, _) => {
            say(&told);
            say(&made
                .as_ref()
                .map(|made| plan::summary(&made.plan) + &made.alone)
                .unwrap_or_default());
            let old = String::from_utf8_lossy(&other.old);
            output::write(None, &patch::unified(&path, &old, new))?;
        }
    }
    Ok(outcome)
}

/// The plan under the policy as it would be.
fn made(arguments: &PromoteArguments, other: &OtherMode, estate: &Path) -> Result<Made, Failure> {
    const UNDER: &str = "enforced";
    let asked = Asked {
        policy: &arguments.policy,
        estate,
        under: UNDER,
        at: arguments.at.as_deref(),
        input: &arguments.input,
    };
    let load = |_: &Estate| other.load(&arguments.policy);
    let templates = Templates::kept(arguments.keep_templates);
    let allowing = Allowing { widen: arguments.widen, templates, ..Allowing::default() };
    enforcing::with_policy(&asked, load, |ready| plan::make(ready, UNDER, allowing))
}

/// Writes the plan and then the policy's file, or neither: a plan without its edit is made again.
fn write(other: &OtherMode, new: &str, (out, plan): (&Path, &str)) -> Result<(), Failure> {
    if let Some(path) = other.changed() {
        return Err(Failure::Plan(format!(
            "`{path}` was changed since it was read; give the command again"
        )));
    }
    let edit = Change {
        path: other.path.clone(),
        old: Some(other.old.clone()),
        new: new.as_bytes().to_vec(),
    };
    staged::write(&[Change::of_output(out, plan.as_bytes().to_vec())?, edit])
}
