//! `watertight collect`: asks a provider and writes what it tells into an estate folder.

mod asking;
mod exports;
mod progress;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, Subcommand};
use watertight_live_aws::{CollectError, Report, Table, Unanswered};

use crate::clock;
use crate::exit::{Failure, Outcome, say};
use crate::output;
pub(crate) use asking::AskingArguments;
use progress::Meter;

/// So many calls without an answer are named; `--verbose` names all.
const NAMED_MAX: usize = 10;

const AWS_EXAMPLES: &str = "\
Examples:
  watertight collect aws --profile audit --all-regions -o estate/
  watertight collect aws --organization --role audit-read --all-regions -o estate/
  watertight collect aws --accounts 111122223333,444455556666 --role audit-read -o estate/
  watertight collect aws --all-regions --since 7d -o estate/
  watertight collect aws --print-iam-policy
  watertight collect aws --from-terraform-state terraform.tfstate -o estate/
  watertight collect aws --from-config snapshot.json -o estate/

Credentials, the region and the endpoint are found as the AWS CLI finds them. Exit code 2: some
call was denied or failed; `estate.json` names each, and what it would have told is unknown.";

/// What says whom to ask: of no use where nobody is asked.
const ASKING: [&str; 8] = [
    "profile",
    "region",
    "all_regions",
    "organization",
    "accounts",
    "role",
    "since",
    "print_iam_policy",
];

/// What there is to collect from.
#[derive(Debug, Subcommand)]
pub(crate) enum CollectCommand {
    /// Ask AWS, with read-only calls, and write an estate folder
    ///
    /// Each answer is kept whole, without the values of secrets. A run that was stopped goes on
    /// when the same command is given again.
    #[command(after_long_help = AWS_EXAMPLES)]
    Aws(AwsArguments),
}

/// The arguments of `collect aws`.
#[derive(Debug, Args)]
pub(crate) struct AwsArguments {
    #[command(flatten)]
    asking: AskingArguments,
    /// Ask nobody: make bodies of a Terraform state, the file itself or what `terraform show -json`
    /// prints of it; may be given several times
    #[arg(long, value_name = "FILE", conflicts_with_all = ASKING)]
    from_terraform_state: Vec<PathBuf>,
    /// Ask nobody: make bodies of a configuration snapshot of AWS Config, unpacked; may be given
    /// several times
    #[arg(long, value_name = "FILE", conflicts_with_all = ASKING)]
    from_config: Vec<PathBuf>,
    /// Print the policy that permits all calls, and no other, and collect nothing
    #[arg(long)]
    print_iam_policy: bool,
    /// Name every call that was not answered
    #[arg(short, long)]
    verbose: bool,
    /// The estate's folder; other providers' and accounts' bodies in it stay as they are
    #[arg(short, long, value_name = "FOLDER", required_unless_present = "print_iam_policy")]
    out: Option<PathBuf>,
}

impl From<CollectError> for Failure {
    fn from(error: CollectError) -> Self {
        match error {
            CollectError::File { path, action, source } => Self::File { path, action, source },
            CollectError::Region => Self::Argument {
                flag: "region",
                problem: "name one, or set one in the profile: it is not known whom to ask"
                    .to_owned(),
            },
            error @ CollectError::Folder { .. } => Self::Estate(error.to_string()),
            other => Self::Collect(other.to_string()),
        }
    }
}

/// Collects.
pub(crate) fn run(command: CollectCommand) -> Result<Outcome, Failure> {
    let CollectCommand::Aws(arguments) = command;
    let Some(out) = arguments.out.clone().filter(|_| !arguments.print_iam_policy) else {
        return print_policy(&arguments);
    };
    if !arguments.from_terraform_state.is_empty() || !arguments.from_config.is_empty() {
        return exports::import(&arguments, &out, &now());
    }
    let keeps = arguments.asking.keeps();
    let report = collect(&arguments.asking, &out, arguments.verbose)?;
    let kept = if keeps { kept(&report) } else { String::new() };
    output::write(None, &format!("{}{kept}", summary(&report)))?;
    Ok(if report.unanswered.is_empty() { Outcome::Fine } else { Outcome::Found })
}

/// Collects into a folder, and says what was not answered.
///
/// # Errors
/// When nothing can be collected.
pub(crate) fn collect(
    asking: &AskingArguments,
    out: &Path,
    verbose: bool,
) -> Result<Report, Failure> {
    let meter = Arc::new(Meter::new());
    let request = asking.request(out.to_owned())?;
    let report = watertight_live_aws::collect(&request, Arc::<Meter>::clone(&meter));
    meter.clear();
    let report = report?;
    tell(&report, verbose);
    Ok(report)
}

fn print_policy(arguments: &AwsArguments) -> Result<Outcome, Failure> {
    let policy = watertight_live_aws::policy(&Table::load()?, arguments.asking.role());
    output::write(None, &output::json(&policy))?;
    Ok(Outcome::Fine)
}

/// The time by RFC 3339.
fn now() -> String {
    watertight_live_aws::time_of(clock::since_epoch())
}

/// Says what was not answered.
fn tell(report: &Report, verbose: bool) {
    let mut text = String::new();
    if report.resumed {
        text.push_str("note: this went on from where an interrupted collection stopped\n");
    }
    let shown = if verbose { usize::MAX } else { NAMED_MAX };
    for one in report.unanswered.iter().take(shown) {
        text.push_str(&line(one));
    }
    for one in report.unknown_changes.iter().take(shown) {
        let line = format!(
            "note: what changed in account `{}`, `{}` is not known, so all was asked there (`{}`: `{}`)",
            one.account, one.region, one.call, one.error
        );
        // Writing to a string cannot fail.
        let _written = writeln!(text, "{}", crate::text::one_line(&line));
    }
    let rest = report.unanswered.len().saturating_sub(shown);
    if rest > 0 {
        let _written =
            writeln!(text, "warning: {rest} more calls were not answered; `--verbose` names them");
    }
    let rest = report.unknown_changes.len().saturating_sub(shown);
    if rest > 0 {
        let _written =
            writeln!(text, "note: nor is it in {rest} more places; `--verbose` names them");
    }
    say(&text);
}

fn line(one: &Unanswered) -> String {
    let about = one.argument.as_deref().map(|name| format!(" about `{name}`")).unwrap_or_default();
    let place = if one.region.is_empty() {
        format!("in account `{}`", one.account)
    } else {
        format!("in account `{}`, `{}`", one.account, one.region)
    };
    let verb = if one.denied { "was denied" } else { "failed" };
    let text = format!("warning: `{}`{about} {place} {verb} (`{}`)", one.call, one.error);
    format!("{}\n", crate::text::one_line(&text))
}

/// What a collection came to, on one line.
pub(crate) fn summary(report: &Report) -> String {
    let denied = report.unanswered.iter().filter(|one| one.denied).count();
    let failed = report.unanswered.len() - denied;
    let counted = |count: usize, one: &str, more: &str| {
        format!("{count} {}", if count == 1 { one } else { more })
    };
    format!(
        "{} in {}: {}, {}, {denied} denied, {failed} failed\n",
        counted(report.accounts, "account", "accounts"),
        counted(report.places, "place", "places"),
        counted(report.answered, "body", "bodies"),
        counted(report.absent, "answer of nothing", "answers of nothing"),
    )
}

/// How much of an earlier collection is still good.
fn kept(report: &Report) -> String {
    match &report.kept_from {
        None => {
            "all of these were asked for: nothing of an earlier collection was kept\n".to_owned()
        }
        Some(from) => format!(
            "{} of these kept from earlier collections, the oldest of {from}: no change is recorded since\n",
            report.kept
        ),
    }
}
