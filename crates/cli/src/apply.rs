//! `watertight apply` and `watertight rollback`.

mod confirm;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;
use sha2::{Digest as _, Sha256};
use watertight_compile::Plan;
use watertight_live_aws::{
    Applied, ApplyError, ApplyRequest, Clock, Pace, Role, Watcher, Way, apply_policy,
};
use watertight_policy::Timestamp;

use crate::exit::{Failure, Outcome, say};
use crate::text::clean;
use crate::{clock, output, plan};
pub(crate) use confirm::confirm;

pub(crate) const APPLY_EXAMPLES: &str = "\
Examples:
  watertight apply change.plan --dry-run
  watertight apply change.plan --profile deploy
  watertight apply change.plan --role watertight-apply
  watertight apply change.plan --confirm-within 10m
  watertight apply --print-iam-policy

Credentials, the region and the endpoint are found as the AWS CLI finds them. Exit code 0: all steps
are taken. Exit code 2: nothing was written, because what the plan read has changed, because it is no
longer valid, or because a step may interrupt something and `--accept-transient` is not given; or all
steps are taken back, because nobody confirmed them in time. Exit code 1: it stopped; the same command
goes on from where it stopped.";

pub(crate) const CONFIRM_EXAMPLES: &str = "\
Examples:
  watertight confirm change.plan

Exit code 0: it stays. Exit code 1 or 3: it is not confirmed, because nobody waits for that, or not any
more.";

pub(crate) const ROLLBACK_EXAMPLES: &str = "\
Examples:
  watertight rollback change.plan --dry-run
  watertight rollback change.plan

Exit code 0: all steps that were taken are taken back. Exit code 1: it stopped; the same command goes
on from where it stopped.";

/// The arguments of `apply`.
#[derive(Debug, Args)]
pub(crate) struct ApplyArguments {
    /// The plan; its journal is written beside it
    #[arg(value_name = "PLAN", required_unless_present = "print_iam_policy")]
    plan: Option<PathBuf>,
    /// Apply although a step may interrupt or open something until the steps after it are done
    #[arg(long)]
    accept_transient: bool,
    /// Print the policy that permits applying and rolling back (this plan, if one is given), and
    /// nothing else, and apply nothing
    #[arg(long)]
    print_iam_policy: bool,
    /// Wait so long behind the last step, as in `10m`, `2h` or `1d`, for `watertight confirm`, and take all
    /// steps back if nobody gives it. What is stopped while it waits takes nothing back until the same
    /// command is given again
    #[arg(long, value_name = "DURATION", conflicts_with = "dry_run")]
    confirm_within: Option<String>,
    #[command(flatten)]
    live: LiveArguments,
}

/// The arguments of `confirm`.
#[derive(Debug, Args)]
pub(crate) struct ConfirmArguments {
    /// The plan, with its journal beside it
    #[arg(value_name = "PLAN")]
    plan: PathBuf,
}

/// The arguments of `rollback`.
#[derive(Debug, Args)]
pub(crate) struct RollbackArguments {
    /// The plan, with its journal beside it
    #[arg(value_name = "PLAN")]
    plan: PathBuf,
    #[command(flatten)]
    live: LiveArguments,
}

/// How the provider is reached.
#[derive(Debug, Args)]
struct LiveArguments {
    /// Write nothing: look whether all is as the plan read it, and say what would be done
    #[arg(long)]
    dry_run: bool,
    /// The profile of the shared configuration whose credentials are used
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// The role to assume in each account but the credentials' own
    #[arg(long, value_name = "NAME")]
    role: Option<String>,
    /// The external id that the trust policies of the roles ask for
    #[arg(long, value_name = "TEXT", requires = "role")]
    external_id: Option<String>,
    /// The address that stands for all endpoints of the provider
    #[arg(long, value_name = "URL")]
    endpoint_url: Option<String>,
}

impl From<ApplyError> for Failure {
    fn from(error: ApplyError) -> Self {
        match error {
            ApplyError::Access(error) => error.into(),
            ApplyError::File { path, action, source } => Self::File { path, action, source },
            error @ (ApplyError::Plan(_) | ApplyError::Journal { .. } | ApplyError::InUse(_)) => {
                Self::Estate(error.to_string())
            }
            other => Self::Apply(other.to_string()),
        }
    }
}

/// The clock of the shell.
#[derive(Debug)]
struct Now;

impl Clock for Now {
    fn now(&self) -> String {
        watertight_live_aws::time_of(clock::since_epoch())
    }
}

/// Tells each step on standard error.
struct Telling {
    dry_run: bool,
}

impl Watcher for Telling {
    fn step(&self, number: usize, steps: usize, what: &str, was_so: bool) {
        let word = match (self.dry_run, was_so) {
            (true, _) => "would ",
            (false, true) => "was so: ",
            (false, false) => "",
        };
        let number = number.saturating_add(1);
        say(&format!("{}\n", crate::text::one_line(&format!("[{number}/{steps}] {word}{what}"))));
    }
}

/// Applies a plan.
pub(crate) fn run(arguments: &ApplyArguments) -> Result<Outcome, Failure> {
    let Some(path) = arguments.plan.as_deref().filter(|_| !arguments.print_iam_policy) else {
        return print_policy(arguments);
    };
    let within = arguments.confirm_within.as_deref().map(within).transpose()?;
    let (plan, bytes) = plan::read(path)?;
    let trial = within.filter(|_| !plan.steps.is_empty());
    let trial = trial.map(|within| confirm::Trial::new(path, (&plan, &bytes), within));
    // What is on trial is waited for or taken back, whatever has become of the plan since.
    if let Some(trial) = &trial
        && trial.is_begun()?
    {
        return trial.run(&arguments.live);
    }
    if let Some(why) = refused(&plan, clock::now(), arguments.accept_transient)? {
        say(&format!("refused: {}\n", crate::text::one_line(&why)));
        return Ok(Outcome::Found);
    }
    let Some(trial) = trial else {
        let ended = take(path, (&plan, &bytes), &arguments.live, Way::Apply)?;
        confirm::remind(path, (&plan, &bytes));
        return Ok(ended);
    };
    let how = Taken { way: Way::Apply, dry_run: false, unless_confirmed: false };
    match put(path, (&plan, &bytes), arguments.live.access(), how)? {
        Ended::Taken(applied) => {
            // It is on trial before anything is said: what reads that may be gone with the change.
            trial.begin()?;
            confirm::tell(&summary(&applied, Way::Apply, false));
            trial.run(&arguments.live)
        }
        Ended::Refused(why) => {
            say(&why);
            Ok(Outcome::Found)
        }
        Ended::Confirmed => Ok(Outcome::Fine),
    }
}

fn within(text: &str) -> Result<i64, Failure> {
    clock::seconds(text).ok_or_else(|| Failure::Argument {
        flag: "confirm-within",
        problem: format!("`{text}` is no duration as `90s`, `10m`, `2h` or `1d`"),
    })
}

/// Prints what applying needs: a given plan, or any.
fn print_policy(arguments: &ApplyArguments) -> Result<Outcome, Failure> {
    let plan = arguments.plan.as_deref().map(plan::read).transpose()?;
    let plan = plan.as_ref().map(|(plan, _)| plan);
    let policy = apply_policy(arguments.live.role.as_deref(), plan);
    output::write(None, &output::json(&policy))?;
    Ok(Outcome::Fine)
}

/// Takes an applied plan back.
pub(crate) fn roll_back(arguments: &RollbackArguments) -> Result<Outcome, Failure> {
    let (plan, bytes) = plan::read(&arguments.plan)?;
    take(&arguments.plan, (&plan, &bytes), &arguments.live, Way::Rollback)
}

/// Why a plan is not applied, before anybody is asked.
///
/// # Errors
/// When it tells no instant until which it is valid.
pub(crate) fn refused(
    plan: &Plan,
    now: Timestamp,
    accept_transient: bool,
) -> Result<Option<String>, Failure> {
    if let Some(until) = &plan.valid_until {
        let wrong =
            |_| Failure::Estate(format!("the plan: `valid_until` is `{until}`, no instant"));
        if now >= until.parse::<Timestamp>().map_err(wrong)? {
            return Ok(Some(format!("the plan was valid until {until}; make a new one")));
        }
    }
    let transient: Vec<&str> =
        plan.steps.iter().filter_map(|step| step.transient.as_deref()).collect();
    let Some((first, more)) = transient.split_first().filter(|_| !accept_transient) else {
        return Ok(None);
    };
    let more = if more.is_empty() { String::new() } else { format!(" ({} more)", more.len()) };
    Ok(Some(format!("{first}{more}; `--accept-transient` applies the plan all the same")))
}

fn take(
    path: &Path,
    (plan, bytes): (&Plan, &[u8]),
    live: &LiveArguments,
    way: Way,
) -> Result<Outcome, Failure> {
    let as_given = Taken { way, dry_run: live.dry_run, unless_confirmed: false };
    match put(path, (plan, bytes), live.access(), as_given)? {
        Ended::Taken(applied) => {
            output::write(None, &summary(&applied, way, live.dry_run))?;
            Ok(Outcome::Fine)
        }
        Ended::Refused(why) => {
            say(&why);
            Ok(Outcome::Found)
        }
        Ended::Confirmed => Ok(Outcome::Fine),
    }
}

impl LiveArguments {
    fn access(&self) -> Access {
        let role = self.role.clone();
        Access {
            profile: self.profile.clone(),
            role: role.map(|name| Role { name, external_id: self.external_id.clone() }),
            address: self.endpoint_url.clone(),
        }
    }
}

/// How steps are taken.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Taken {
    pub(crate) way: Way,
    pub(crate) dry_run: bool,
    /// Nothing is taken back that somebody has confirmed.
    pub(crate) unless_confirmed: bool,
}

/// With whose credentials the provider is written to, and where.
#[derive(Debug)]
pub(crate) struct Access {
    pub(crate) profile: Option<String>,
    pub(crate) role: Option<Role>,
    pub(crate) address: Option<String>,
}

/// How taking the steps of a plan ended.
#[derive(Debug)]
pub(crate) enum Ended {
    /// They were taken.
    Taken(Applied),
    /// Nothing was written, since what was read has changed: the differences, for people.
    Refused(String),
    /// Nothing was taken back, since somebody has confirmed it.
    Confirmed,
}

/// Takes the steps of a plan, with the journal beside it; each is told on standard error.
///
/// # Errors
/// When something is in the way.
pub(crate) fn put(
    path: &Path,
    (plan, bytes): (&Plan, &[u8]),
    access: Access,
    Taken { way, dry_run, unless_confirmed }: Taken,
) -> Result<Ended, Failure> {
    let hash = hash_of(bytes);
    let Access { profile, role, address } = access;
    let request = ApplyRequest {
        profile,
        given: None,
        address,
        role,
        plan,
        hash,
        journal: journal_of(path),
        way,
        unless_confirmed,
        dry_run,
        clock: &Now,
        pace: Pace::default(),
    };
    match watertight_live_aws::apply(&request, &Telling { dry_run }) {
        Ok(applied) => Ok(Ended::Taken(applied)),
        Err(ApplyError::Confirmed) => Ok(Ended::Confirmed),
        Err(ref error @ ApplyError::Changed { ref changes, is_begun }) => {
            let more = if is_begun { " more" } else { "" };
            let mut text = format!("refused: {error}; nothing{more} was written\n");
            for change in changes {
                // Writing to a string cannot fail.
                let _written =
                    writeln!(text, "  {} {}: {}", change.what.word(), change.id, change.how);
            }
            Ok(Ended::Refused(clean(&text)))
        }
        Err(error) => Err(error.into()),
    }
}

/// By which its journal knows a plan.
fn hash_of(bytes: &[u8]) -> String {
    let mut hash = String::new();
    for byte in Sha256::digest(bytes) {
        // Writing to a string cannot fail.
        let _written = write!(hash, "{byte:02x}");
    }
    hash
}

/// The journal of a plan: beside it, with its name.
pub(crate) fn journal_of(plan: &Path) -> PathBuf {
    let mut name = plan.as_os_str().to_owned();
    name.push(".journal");
    PathBuf::from(name)
}

fn summary(applied: &Applied, way: Way, dry_run: bool) -> String {
    let Applied { steps, taken, found_so, writes, resumed } = applied;
    let verb = match (way, dry_run) {
        (Way::Apply, false) => "applied",
        (Way::Apply, true) => "would be applied",
        (Way::Rollback, false) => "taken back",
        (Way::Rollback, true) => "would be taken back",
    };
    let mut text = format!("{taken} of {steps} steps {verb}");
    if !dry_run {
        let _written = write!(text, ", {found_so} of them were so already; {writes} writes");
    }
    if *resumed && way == Way::Apply {
        text.push_str("; the steps before them were taken earlier");
    }
    text.push('\n');
    text
}
