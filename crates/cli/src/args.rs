//! The tree of commands: help, completions, man pages and `docs/reference/cli.md` come from it.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::jewels::JewelArguments;

const EXIT_CODES: &str = "\
Exit codes:
  0  fine
  1  failed: a file cannot be read or written
  2  found something: denied, only partly or unknown
  3  invalid input or usage";

/// Says what can reach what in an estate, and why.
#[derive(Debug, Parser)]
#[command(name = "watertight", version, max_term_width = 100, after_help = EXIT_CODES)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What there is to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Tell whether one end reaches another, with every hop, the rules that decide, and the reply
    ///
    /// Asks about every source and destination address of the two ends, private and public, and
    /// prints identical answers once.
    #[command(after_long_help = CAN_EXAMPLES)]
    Can(CanArguments),
    /// List workloads, owners, missing labels, access points, dependencies, and what nothing governs
    #[command(after_long_help = INVENTORY_EXAMPLES)]
    Inventory(InventoryArguments),
    /// Print the connectivity matrix, grouped: who reaches whom over what
    #[command(
        after_long_help = "Examples:\n  watertight reach estate/\n  watertight reach estate/ -f svg --out reach.svg"
    )]
    Reach(ReachArguments),
    /// Tell what the internet reaches, through which front, and what reaches the internet
    Exposure(ListArguments),
    /// Tell what a breach of a workload reaches, in one hop and in any number
    #[command(after_long_help = "Examples:\n  watertight blast estate/ --from web-7")]
    Blast(BlastArguments),
    /// Compare two estates: pairs that can connect in one and not in the other
    ///
    /// Exit code 2 says that there is a difference.
    #[command(after_long_help = "Examples:\n  watertight diff estate-monday/ estate-tuesday/")]
    Diff(DiffArguments),
    /// Tell which control decides each path, and which paths none decides
    Coverage(ListArguments),
    /// Assess how far breaches spread: score, chains to crown jewels, and the cut that breaks them
    ///
    /// Prints a summary. With `--out`, a folder, it also writes `assessment.html`,
    /// `assessment.json` and `assessment.sarif` there.
    #[command(after_long_help = ASSESS_EXAMPLES)]
    Assess(AssessArguments),
    /// Ask a provider and write what it tells into an estate folder
    #[command(subcommand)]
    Collect(crate::collect::CollectCommand),
    /// Check the policy that segments the estate
    #[command(subcommand)]
    Policy(crate::policy::PolicyCommand),
    /// Turn one segment on or off, one mode at a time
    #[command(subcommand)]
    Segment(crate::segment::SegmentCommand),
    /// Compile a policy to security groups, prove what they mean, and write the plan
    ///
    /// Nothing is applied. Where the groups permit more or less than the policy intends, the plan
    /// says so as exact flows with the reason; `docs/reference/plan.md` describes it.
    #[command(after_long_help = crate::plan::EXAMPLES)]
    Plan(crate::plan::PlanArguments),
    /// Print a plan for people, or as a configuration of Terraform
    #[command(after_long_help = "Examples:\n  watertight show change.plan\n  \
        watertight show change.plan -f terraform -o watertight.tf.json")]
    Show(crate::plan::ShowArguments),
    /// Put a plan in place, step by step, with a journal beside it
    ///
    /// Nothing is decided: each step of the plan is written, and read back. A run that was stopped
    /// anywhere goes on when the same command is given again. Nothing without the tag of Watertight
    /// is changed but the list of groups of interfaces that the plan names.
    #[command(after_long_help = crate::apply::APPLY_EXAMPLES)]
    Apply(crate::apply::ApplyArguments),
    /// Confirm an applied plan, for whose confirmation `apply --confirm-within` waits
    #[command(after_long_help = crate::apply::CONFIRM_EXAMPLES)]
    Confirm(crate::apply::ConfirmArguments),
    /// Take an applied plan back, from its last step to its first
    #[command(after_long_help = crate::apply::ROLLBACK_EXAMPLES)]
    Rollback(crate::apply::RollbackArguments),
    /// Compare the security groups in an estate with what a policy intends, by what they mean
    #[command(after_long_help = crate::drift::EXAMPLES)]
    Drift(crate::drift::DriftArguments),
    /// Give fresh endpoints and those with other labels the groups that a policy intends
    ///
    /// Collects, compiles, and applies the steps of the plan that set which groups are carried, and
    /// nothing else: to groups that are there with the rules that the policy needs. No group is made,
    /// changed or taken away; what needs that is named. The plan of each pass and its journal stay in a
    /// folder, for `rollback`.
    #[command(after_long_help = crate::reconcile::EXAMPLES)]
    Reconcile(crate::reconcile::ReconcileArguments),
    /// Plan to take away groups of Watertight that nobody needs any more
    ///
    /// Those with our tag which no policy wants, which no interface carries, and which nothing of others
    /// names. What still holds a group is told, and the group stays. Nothing is applied.
    #[command(after_long_help = crate::gc::EXAMPLES)]
    Gc(crate::gc::GcArguments),
    /// Plan to cut one workload off from everything, and say what becomes of its live connections
    ///
    /// The workload gets the label `watertight.io/quarantine` and with it an empty group in place of all
    /// others. Nothing is applied; `rollback` of the plan releases it.
    #[command(after_long_help = crate::quarantine::EXAMPLES)]
    Quarantine(crate::quarantine::QuarantineArguments),
    /// Simulate a policy: what it would close, and how far breaches would spread then
    #[command(after_long_help = crate::simulate::EXAMPLES)]
    Simulate(crate::simulate::SimulateArguments),
    /// Draft a policy from the assessment's cut set and from what connects today
    ///
    /// The draft is in mode monitor. It closes at its segments what the cut set closes, and keeps what
    /// connects besides.
    #[command(after_long_help = crate::suggest::EXAMPLES)]
    Suggest(crate::suggest::SuggestArguments),
    /// Judge a change, or the estate as it is: new breach chains, assertions, a budget
    ///
    /// For CI: a plan of Terraform makes the estate as it would be, which is compared with the estate
    /// as it is. `docs/reference/gate.md` describes what is judged.
    #[command(after_long_help = crate::gate::EXAMPLES)]
    Gate(crate::gate::GateArguments),
    /// Tell what the code of a diagnostic means
    Explain(crate::explain::ExplainArguments),
    /// Print a completion script for a shell
    Completions(CompletionsArguments),
    /// Print a man page, or write all of them into a folder
    Man(ManArguments),
    /// Print the reference of the commands as Markdown
    #[command(hide = true)]
    Reference,
}

const CAN_EXAMPLES: &str = "\
Examples:
  watertight can estate/ --from web-7 --to orders-db --over tcp/5432
  watertight can estate/ --from internet --to i-0abc --over 'tcp/22; tcp/3389'
  watertight can estate/ --from subnet-0a1@10.0.1.9 --to 10.0.2.5 --over icmp -f json

Exit code 0: each of the flows is accepted (or leaves the estate) between at least one pair of
addresses, and a connection can be established. Exit code 2: denied, one-way, only partly, or unknown.";

const INVENTORY_EXAMPLES: &str = "\
Examples:
  watertight inventory estate/
  watertight inventory estate/ --require app,env,owner -f csv --out workloads.csv";

const ASSESS_EXAMPLES: &str = "\
Examples:
  watertight assess estate/ -o out/
  watertight assess estate/ --jewel orders-db --jewel-kind object-store --fail-on critical
  watertight assess estate/ --likelihood net/known-listener=0.2 --likelihoods ours.txt
  watertight assess estate/ -f sarif > findings.sarif

Crown jewels are workloads with the label `criticality: crown-jewel`, those of the kinds of
`--jewel-kind`, and those that `--jewel` or a line of the file of `--jewels` names. The likelihoods
are listed in `docs/concepts/breach-chains.md`. Exit code 2 says that there is a finding as bad as
`--fail-on` or worse.";

/// The estate that a command reads.
#[derive(Debug, Args)]
pub(crate) struct EstateArguments {
    /// The estate's folder, or one file of it
    #[arg(value_name = "ESTATE", required_unless_present = "manifests")]
    pub(crate) estate: Option<PathBuf>,
    /// Kubernetes manifests instead: a file, a folder, or `-` for standard input; may be given
    /// several times
    #[arg(long, value_name = "PATH", conflicts_with = "estate")]
    pub(crate) manifests: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) input: InputArguments,
}

/// How input is taken.
#[derive(Debug, Args)]
pub(crate) struct InputArguments {
    /// Refuse input that is legal but odd: warnings become errors
    #[arg(long)]
    pub(crate) strict: bool,
    /// Print every diagnostic of the input, not only counts and the first few
    #[arg(short, long)]
    pub(crate) verbose: bool,
}

/// The arguments of `can`.
#[derive(Debug, Args)]
pub(crate) struct CanArguments {
    #[command(flatten)]
    pub(crate) estate: EstateArguments,
    /// Where packets start: a workload, an address, `vpc-id`, `subnet-id@address`, `internet`,
    /// `outside:gateway-id`
    #[arg(long, value_name = "END")]
    pub(crate) from: String,
    /// Where they go
    #[arg(long, value_name = "END")]
    pub(crate) to: String,
    /// Which packets, as in `tcp/5432`; without `from`, those that clients send: source ports
    /// 1024-65535
    #[arg(long, value_name = "FLOWS", default_value = "all")]
    pub(crate) over: String,
    /// How to print the answer
    #[arg(short, long, value_enum, default_value_t = TextFormat::Table)]
    pub(crate) format: TextFormat,
    /// Write the answer to this file instead of standard output
    #[arg(short, long, value_name = "PATH")]
    pub(crate) out: Option<PathBuf>,
}

/// The arguments of `inventory`.
#[derive(Debug, Args)]
pub(crate) struct InventoryArguments {
    #[command(flatten)]
    pub(crate) estate: EstateArguments,
    /// The labels that every workload should have
    #[arg(long, value_name = "LABELS", value_delimiter = ',', default_value = "app,env,owner")]
    pub(crate) require: Vec<String>,
    /// How to print the inventory; `csv` is the list of workloads alone
    #[arg(short, long, value_enum, default_value_t = ListFormat::Table)]
    pub(crate) format: ListFormat,
    /// Write the inventory to this file instead of standard output
    #[arg(short, long, value_name = "PATH")]
    pub(crate) out: Option<PathBuf>,
}

/// The arguments of `reach`.
#[derive(Debug, Args)]
pub(crate) struct ReachArguments {
    #[command(flatten)]
    pub(crate) estate: EstateArguments,
    /// How to print the matrix
    #[arg(short, long, value_enum, default_value_t = MatrixFormat::Table)]
    pub(crate) format: MatrixFormat,
    /// Write the matrix to this file instead of standard output
    #[arg(short, long, value_name = "PATH")]
    pub(crate) out: Option<PathBuf>,
}

/// The arguments of commands that answer one question about one estate.
#[derive(Debug, Args)]
pub(crate) struct ListArguments {
    #[command(flatten)]
    pub(crate) estate: EstateArguments,
    #[command(flatten)]
    pub(crate) output: OutputArguments,
}

/// The arguments of `blast`.
#[derive(Debug, Args)]
pub(crate) struct BlastArguments {
    #[command(flatten)]
    pub(crate) estate: EstateArguments,
    /// The workload that is breached
    #[arg(long, value_name = "END")]
    pub(crate) from: String,
    #[command(flatten)]
    pub(crate) output: OutputArguments,
}

/// The arguments of `diff`.
#[derive(Debug, Args)]
pub(crate) struct DiffArguments {
    /// The estate as it was
    #[arg(value_name = "BEFORE")]
    pub(crate) before: PathBuf,
    /// The estate as it is
    #[arg(value_name = "AFTER")]
    pub(crate) after: PathBuf,
    /// Both are Kubernetes manifests: files, folders, or `-` for standard input
    #[arg(long)]
    pub(crate) manifests: bool,
    #[command(flatten)]
    pub(crate) input: InputArguments,
    #[command(flatten)]
    pub(crate) output: OutputArguments,
}

/// The arguments of `assess`.
#[derive(Debug, Args)]
pub(crate) struct AssessArguments {
    #[command(flatten)]
    pub(crate) estate: EstateArguments,
    #[command(flatten)]
    pub(crate) jewels: JewelArguments,
    /// How likely a kind of hop succeeds, instead of what is published, as in
    /// `net/known-listener=0.2`; may be given several times
    #[arg(long, value_name = "HOP=NUMBER")]
    pub(crate) likelihood: Vec<String>,
    /// A file with such a setting in each line; lines that begin with `#` are comments, and
    /// `--likelihood` goes before the file
    #[arg(long, value_name = "PATH")]
    pub(crate) likelihoods: Option<PathBuf>,
    /// A policy's file or folder: what its `always` assertions claim, no action on offer breaks; may be
    /// given several times
    #[arg(long, value_name = "PATH")]
    pub(crate) policy: Vec<PathBuf>,
    /// How bad a finding must be for exit code 2
    #[arg(long, value_enum, default_value_t = FailOn::High)]
    pub(crate) fail_on: FailOn,
    /// What to print on standard output
    #[arg(short, long, value_enum, default_value_t = AssessFormat::Table)]
    pub(crate) format: AssessFormat,
    /// Write the page, the JSON and the SARIF log into this folder, which is made if it is missing
    #[arg(short, long, value_name = "FOLDER")]
    pub(crate) out: Option<PathBuf>,
}

/// How a list is printed, and where.
#[derive(Debug, Args)]
pub(crate) struct OutputArguments {
    /// How to print the answer
    #[arg(short, long, value_enum, default_value_t = ListFormat::Table)]
    pub(crate) format: ListFormat,
    /// Write the answer to this file instead of standard output
    #[arg(short, long, value_name = "PATH")]
    pub(crate) out: Option<PathBuf>,
}

/// The arguments of `completions`.
#[derive(Debug, Args)]
pub(crate) struct CompletionsArguments {
    /// The shell
    #[arg(value_enum)]
    pub(crate) shell: clap_complete::Shell,
}

/// The arguments of `man`.
#[derive(Debug, Args)]
pub(crate) struct ManArguments {
    /// Write one page for each command into this folder, which must exist
    #[arg(short, long, value_name = "PATH")]
    pub(crate) out: Option<PathBuf>,
}

/// Formats of an explanation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TextFormat {
    /// Text for people
    Table,
    /// JSON with a schema
    Json,
}

/// Formats of the connectivity matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum MatrixFormat {
    /// Text for people
    Table,
    /// JSON with a schema
    Json,
    /// Comma-separated values with a header line (RFC 4180), one line for each pair of names
    Csv,
    /// A picture: segments against segments
    Svg,
}

/// Formats of an assessment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AssessFormat {
    /// A summary for people
    Table,
    /// JSON with a schema
    Json,
    /// A SARIF 2.1.0 log of the findings
    Sarif,
}

/// How bad a finding must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FailOn {
    /// A likely way from the internet to a jewel
    Critical,
    /// A way to a jewel, or an open door that has no reason to be open
    High,
    /// A defence that is weaker than it looks
    Medium,
    /// Anything
    Low,
    /// Nothing: exit code 0 whatever is found
    Never,
}

/// Formats of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ListFormat {
    /// Text for people
    Table,
    /// JSON with a schema
    Json,
    /// Comma-separated values with a header line (RFC 4180)
    Csv,
}
