//! `cargo xtask aws-calls`: takes from the published API models what a collection needs to know about
//! its calls.
//!
//! The models come with `botocore`, which is installed below the target folder. `facts.py` reads them
//! for the calls of `crates/live/aws/calls/plan.json`; the result is committed beside the plan.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use clap::{Arg, ArgAction, ArgMatches, Command as Chore};

use crate::Subcommand;
use crate::workspace::Error;

/// The release whose models are read.
const BOTOCORE: &str = "botocore==1.44.8";
const CALLS: &str = "crates/live/aws/calls";

pub(crate) const SUBCOMMAND: Subcommand = Subcommand {
    command: || {
        Chore::new("aws-calls")
            .about("Write what the API models of AWS say about the calls of a collection")
            .arg(
                Arg::new("check")
                    .long("check")
                    .action(ArgAction::SetTrue)
                    .help("Write nothing; fail if the facts are not those of the models"),
            )
    },
    run,
};

fn run(root: &Path, arguments: &ArgMatches) -> Result<ExitCode, Error> {
    let folder = target(root).join("botocore");
    if !install(&folder)? {
        println!("aws-calls: `{BOTOCORE}` cannot be installed into `{}`", folder.display());
        return Ok(ExitCode::FAILURE);
    }
    let plan = root.join(CALLS).join("plan.json");
    let facts = root.join(CALLS).join("facts.json");
    let written = folder.join("facts.json");
    let mut script = python(&folder);
    script.arg(root.join("xtask/src/aws_calls/facts.py")).arg(plan).arg(&written);
    if !succeeds(&mut script)? {
        return Ok(ExitCode::FAILURE);
    }
    let read = |path: &Path| {
        let failed = |source| Error::File { path: path.to_path_buf(), source };
        std::fs::read(path).map_err(failed)
    };
    let fresh = read(&written)?;
    let is_same = read(&facts).is_ok_and(|known| known == fresh);
    if arguments.get_flag("check") {
        println!("aws-calls: the facts are {}", if is_same { "fresh" } else { "stale" });
        return Ok(if is_same { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    std::fs::write(&facts, fresh).map_err(|source| Error::File { path: facts.clone(), source })?;
    println!(
        "aws-calls: {} bytes of facts from {BOTOCORE}",
        std::fs::metadata(&facts).map_or(0, |meta| meta.len())
    );
    Ok(ExitCode::SUCCESS)
}

fn target(root: &Path) -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from)
}

/// Whether the models are there afterwards.
fn install(folder: &Path) -> Result<bool, Error> {
    let wanted =
        format!("import botocore; assert 'botocore==' + botocore.__version__ == '{BOTOCORE}'");
    let is_there = || succeeds(python(folder).args(["-c", &wanted]).stderr(Stdio::null()));
    if folder.join("bin/python").exists() && is_there()? {
        return Ok(true);
    }
    let mut environment = Command::new("python3");
    environment.args(["-m", "venv", "--clear"]).arg(folder);
    let mut pip = python(folder);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", BOTOCORE]);
    Ok(succeeds(&mut environment)? && succeeds(&mut pip)?)
}

fn python(folder: &Path) -> Command {
    Command::new(folder.join("bin/python"))
}

fn succeeds(command: &mut Command) -> Result<bool, Error> {
    let program = command.get_program().to_string_lossy().into_owned();
    let status = command.stdin(Stdio::null()).status();
    Ok(status.map_err(|source| Error::Start { program, source })?.success())
}
