//! `watertight collect`: asks a provider and writes what it tells into an estate folder.

mod exports;
mod progress;

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Subcommand};
use watertight_live_aws::{
    CollectError, Pace, Report, Request, Role, Since, Table, Unanswered, Who,
};

use crate::clock;
use crate::exit::{Failure, Outcome, say};
use crate::output;
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
    /// The profile of the shared configuration whose credentials are used
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// A region to ask, instead of the profile's; may be given several times
    #[arg(long, value_name = "REGION")]
    region: Vec<String>,
    /// Ask every region that is switched on
    #[arg(long, conflicts_with = "region")]
    all_regions: bool,
    /// Collect every account of the organization
    #[arg(long, requires = "role", conflicts_with = "accounts")]
    organization: bool,
    /// Collect these accounts, parted by commas
    #[arg(long, value_name = "IDS", requires = "role", value_delimiter = ',')]
    accounts: Vec<String>,
    /// The role to assume in each account but the credentials' own
    #[arg(long, value_name = "NAME")]
    role: Option<String>,
    /// The external id that the trust policies of the roles ask for
    #[arg(long, value_name = "TEXT", requires = "role")]
    external_id: Option<String>,
    /// Keep answers that the folder has and nothing can have changed since they were given, nor since
    /// this time (`2027-01-31T00:00:00Z`) or so long ago (`90m`, `12h`, `7d`, `2w`)
    #[arg(long, value_name = "TIME|DURATION")]
    since: Option<String>,
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
    let (verbose, keeps) = (arguments.verbose, arguments.since.is_some());
    let meter = Arc::new(Meter::new());
    let report =
        watertight_live_aws::collect(&request(arguments, out)?, Arc::<Meter>::clone(&meter));
    meter.clear();
    let report = report?;
    tell(&report, verbose);
    let kept = if keeps { kept(&report) } else { String::new() };
    output::write(None, &format!("{}{kept}", summary(&report)))?;
    Ok(if report.unanswered.is_empty() { Outcome::Fine } else { Outcome::Found })
}

fn print_policy(arguments: &AwsArguments) -> Result<Outcome, Failure> {
    let policy = watertight_live_aws::policy(&Table::load()?, arguments.role.as_deref());
    output::write(None, &output::json(&policy))?;
    Ok(Outcome::Fine)
}

fn request(arguments: AwsArguments, out: PathBuf) -> Result<Request, Failure> {
    for account in &arguments.accounts {
        if account.len() != 12 || !account.bytes().all(|byte| byte.is_ascii_digit()) {
            let problem = format!("`{account}` is no account's id: twelve digits");
            return Err(Failure::Argument { flag: "accounts", problem });
        }
    }
    let role = arguments.role.map(|name| Role { name, external_id: arguments.external_id });
    let who = match role {
        Some(role) if arguments.organization => Who::Organization(role),
        Some(role) if !arguments.accounts.is_empty() => Who::Accounts(arguments.accounts, role),
        Some(_) => {
            let problem = "say in which accounts: `--organization` or `--accounts`".to_owned();
            return Err(Failure::Argument { flag: "role", problem });
        }
        None => Who::Own,
    };
    Ok(Request {
        profile: arguments.profile,
        given: None,
        who,
        regions: arguments.region,
        all_regions: arguments.all_regions,
        out,
        now: now(),
        since: arguments.since.map(since).transpose()?,
        pace: Pace::default(),
    })
}

/// Since when changes count.
fn since(given: String) -> Result<Since, Failure> {
    let at = u64::try_from(clock::since(&given, clock::now())?.0).unwrap_or_default();
    Ok(Since { given, at: Duration::from_secs(at) })
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

fn summary(report: &Report) -> String {
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
