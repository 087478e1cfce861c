//! `watertight segment promote`: one segment at a time.

mod patch;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use watertight_model::{Estate, Name};
use watertight_policy::syntax::Mode;
use watertight_policy::{NewShare, Promotion};

use crate::args::InputArguments;
use crate::enforcing::{self, Asked, Ends};
use crate::exit::{Failure, Outcome, say};
use crate::output;
use crate::plan::{self, Allowing, Made, Templates};
use crate::policy::loaded::OtherMode;
use crate::staged::{self, Change};
use crate::text::one_line;

const EXAMPLES: &str = "\
Examples:
  watertight segment promote cardholder --to enforce policies/ --estate estate/ -o change.plan
  watertight segment promote web --to enforce --share 10% policies/ --estate estate/ -o 10.plan
  watertight segment promote web --to enforce --share zone=eu-west-1a policies/ --print
  watertight segment promote cardholder --to monitor policies/ --estate estate/ -o back.plan
  watertight segment promote cardholder --to enforce policies/ --print | git apply

From disabled a segment goes to monitor, and from monitor to enforce, with `--share` a part of it
first; back it goes at any time. Without `--share` a share that is written is taken out. The exit
codes are those of `plan`; a segment that is so already is left alone, with exit code 0.";

/// What there is to do with a segment.
#[derive(Debug, Subcommand)]
pub(crate) enum SegmentCommand {
    /// Give a segment another mode in the policy's file, and make the plan that follows
    ///
    /// Only the mode and the share change in the file: comments and all else stay as they are. Plan and file are
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
    /// The part of it that is enforced, while the rest stays as in monitor: so many of a hundred, as in `10%`, or
    /// those with these labels, as in `zone=eu-west-1a` or `zone=eu-west-1a,app=web`
    #[arg(long, value_name = "SHARE", value_parser = share)]
    share: Option<NewShare>,
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
    /// An earlier plan, as for `plan`
    #[arg(long, value_name = "PLAN")]
    former: Vec<PathBuf>,
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

/// Reads `--share`.
fn share(text: &str) -> Result<NewShare, String> {
    if let Some(percent) = text.strip_suffix('%') {
        let number = percent.parse::<u8>().ok().filter(|number| *number <= 100);
        return number.map(NewShare::Percent).ok_or_else(|| {
            format!("`{text}` is no share: write a whole number from 0 to 100 before the sign, as in `10%`")
        });
    }
    let labels = text.split(',').map(|pair| match pair.split_once('=') {
        Some((key, value)) if !key.is_empty() && !value.is_empty() => {
            Ok((Name::from(key), Name::from(value)))
        }
        _ => Err(format!(
            "`{pair}` is no label: write `10%`, or labels as in `zone=eu-west-1a,app=web`"
        )),
    });
    let labels = labels.collect::<Result<Vec<_>, String>>()?;
    let keys: BTreeSet<&Name> = labels.iter().map(|(key, _)| key).collect();
    if keys.len() < labels.len() {
        return Err(format!("`{text}` names a label twice: nothing has two values of one"));
    }
    Ok(NewShare::Labels(labels))
}

/// A mode with its share.
fn mode_words(mode: Mode, share: Option<&str>) -> String {
    share.map_or_else(|| mode.to_string(), |share| format!("{mode} ({share})"))
}

fn promote(arguments: &PromoteArguments) -> Result<Outcome, Failure> {
    let to = match arguments.to {
        ModeWord::Disabled => Mode::Disabled,
        ModeWord::Monitor => Mode::Monitor,
        ModeWord::Enforce => Mode::Enforce,
    };
    let name = arguments.segment.as_str();
    let share = arguments.share.as_ref();
    let other = OtherMode::read(&arguments.policy, &Promotion { segment: name, to, share })?;
    let become_words = mode_words(to, share.map(ToString::to_string).as_deref());
    let Some(new) = &other.edit.text else {
        let told = format!("`{name}` is in {become_words} already: nothing is written\n");
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
    let from = mode_words(other.edit.from, other.edit.from_share.as_deref());
    let told = format!("{}\n", one_line(&format!("`{name}`: {from} -> {become_words} in {path}")));
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
        former: Some(&arguments.former),
        ends: Ends::WithThis,
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
