//! The tree of commands: help, completions, man pages and `docs/reference/cli.md` come from it.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

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

/// The estate that a command reads.
#[derive(Debug, Args)]
pub(crate) struct EstateArguments {
    /// The estate's folder, or one file of it
    #[arg(value_name = "ESTATE")]
    pub(crate) estate: PathBuf,
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
