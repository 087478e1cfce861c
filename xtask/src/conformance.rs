//! `cargo xtask conformance`: inputs and answers that other projects published, as an independent
//! oracle. `docs/reference/conformance.md` says what is compared and how.

mod batfish;
mod deviations;
mod estate;
mod kubernetes;
mod npguard;
mod report;

use std::path::Path;
use std::process::ExitCode;

use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::Subcommand;
use crate::workspace::Error;
use report::Report;

/// Where the cases are, from the root of the checkout. The project builds and tests without them.
const FOLDER: &str = "../shared/conformance/aws";

pub(crate) const SUBCOMMAND: Subcommand = Subcommand {
    command: || {
        Command::new("conformance")
            .about("Compare answers with those that other projects published")
            .arg(
                Arg::new("case").long("case").value_name("ID").help("Run only the case of this id"),
            )
            .arg(
                Arg::new("verbose")
                    .short('v')
                    .long("verbose")
                    .action(ArgAction::SetTrue)
                    .help("Name every case"),
            )
    },
    run: |root: &Path, arguments: &ArgMatches| {
        let options = Options {
            case: arguments.get_one::<String>("case").cloned(),
            verbose: arguments.get_flag("verbose"),
        };
        Ok(match run(root, &options)? {
            Verdict::Failed => ExitCode::FAILURE,
            Verdict::Passed | Verdict::Absent(_) => ExitCode::SUCCESS,
        })
    },
};

/// What is asked for.
#[derive(Debug, Default)]
pub(crate) struct Options {
    /// The one case to run; all of them where there is none.
    case: Option<String>,
    /// Whether every case is named.
    verbose: bool,
}

impl Options {
    /// Whether a case is asked for.
    fn wants(&self, id: &str) -> bool {
        self.case.as_deref().is_none_or(|case| case == id)
    }
}

/// How the comparison ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Every case agrees, or deviates as listed.
    Passed,
    /// Some case does not, or did not run.
    Failed,
    /// There are no cases; the text says so.
    Absent(String),
}

/// The cases of one origin.
#[derive(Debug)]
struct Suite {
    /// How output calls it.
    name: &'static str,
    /// How many cases the folder holds, counted without understanding them.
    held: usize,
    /// The cases that ran.
    cases: Vec<Case>,
    /// Cases that could not run, with the reason.
    broken: Vec<String>,
}

/// One case that ran.
#[derive(Debug)]
struct Case {
    id: String,
    /// In what the answers differ; empty where they agree.
    differences: Vec<String>,
}

/// Finds who reaches whom in one of the clusters: how many cells that has; none where it is absent.
pub(crate) fn pairs_of(root: &Path, case: &str) -> Option<Result<usize, String>> {
    kubernetes::pairs_of(&root.join(kubernetes::FOLDER), case)
}

/// Runs the cases that are asked for and prints what came of them.
pub(crate) fn run(root: &Path, options: &Options) -> Result<Verdict, Error> {
    let folder = root.join(FOLDER);
    if !folder.is_dir() {
        let text = format!("conformance: skipped: there is no folder `{FOLDER}`");
        println!("{text}");
        return Ok(Verdict::Absent(text));
    }
    let suites = [
        batfish::run(&folder, options)?,
        npguard::run(&folder, options)?,
        kubernetes::run(&root.join(kubernetes::FOLDER), options)?,
    ];
    let report = Report::new(&suites, deviations::LISTED, options);
    print!("{}", report.text);
    Ok(if report.passed { Verdict::Passed } else { Verdict::Failed })
}
