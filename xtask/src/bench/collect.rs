//! `cargo xtask bench-collect`: collects many accounts from recorded bodies, and prints calls, time and
//! the most memory that it took.
//!
//! The server of recorded answers runs here; the program that ships collects from it in a process of its
//! own. Every account answers as the smaller one of the example estate does.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;

use clap::{Arg, ArgMatches, Command as Chore, value_parser};
use watertight_testkit::aws_server::{Recording, Server, Troubles};

use super::{clock, since};
use crate::Subcommand;
use crate::workspace::Error;

/// The account whose bodies every other one has.
const RECORDED: &str = "444455556666";
/// How often the memory of the process is looked at.
const LOOK: Duration = Duration::from_millis(50);

pub(crate) const SUBCOMMAND: Subcommand = Subcommand {
    command: || {
        Chore::new("bench-collect")
            .about("Collect many accounts from recorded bodies: calls, time and memory")
            .arg(
                Arg::new("accounts")
                    .long("accounts")
                    .value_name("N")
                    .default_value("1000")
                    .value_parser(value_parser!(u32).range(1..=100_000))
                    .help("How many accounts"),
            )
            .arg(
                Arg::new("program")
                    .long("program")
                    .value_name("PATH")
                    .value_parser(value_parser!(PathBuf))
                    .help("The program, instead of one that is built as it ships"),
            )
    },
    run,
};

fn run(root: &Path, arguments: &ArgMatches) -> Result<ExitCode, Error> {
    let count = arguments.get_one::<u32>("accounts").copied().unwrap_or(1);
    let file = |path: &Path| {
        let path = path.to_path_buf();
        move |source| Error::File { path, source }
    };
    let estate = root.join("examples/estates/shop");
    let mut recording = Recording::read(&estate).map_err(file(&estate))?;
    let accounts: Vec<String> =
        (0..count).map(|one| format!("{:012}", 500_000_000_000 + u64::from(one))).collect();
    for account in &accounts {
        recording.copy(RECORDED, account);
    }
    let server = Server::start(recording, Troubles::default()).map_err(file(root))?;
    let folder = tempfile::tempdir().map_err(file(root))?;
    let program = match arguments.get_one::<PathBuf>("program") {
        Some(program) => Some(program.clone()),
        None => build(root)?,
    };
    let Some(program) = program else { return Ok(ExitCode::FAILURE) };
    let start = clock();
    let mut command = Command::new(&program);
    command
        .args(["collect", "aws", "--role", "audit", "--accounts", &accounts.join(","), "-o"])
        .arg(folder.path())
        .env("AWS_ENDPOINT_URL", server.url())
        .env("AWS_ACCESS_KEY_ID", Server::key_of(RECORDED))
        .env("AWS_SECRET_ACCESS_KEY", "recorded")
        .env("AWS_REGION", "eu-central-1")
        .env("AWS_EC2_METADATA_DISABLED", "true");
    let started = |source| Error::Start { program: program.display().to_string(), source };
    let mut child = command.stdout(Stdio::inherit()).spawn().map_err(started)?;
    let peak = watch(&mut child).map_err(file(&program))?;
    let status = child.wait().map_err(file(&program))?;
    let seconds = since(start);
    let requests = server.requests();
    println!("accounts {count}, requests {requests}, {seconds:.1} s, peak {} MB", peak / 1024);
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Builds the program as it ships.
pub(super) fn build(root: &Path) -> Result<Option<PathBuf>, Error> {
    let mut cargo = Command::new("cargo");
    cargo
        .args(["build", "--locked", "--release", "--quiet", "--package", "watertight"])
        .current_dir(root);
    let status = cargo.status();
    let status = status.map_err(|source| Error::Start { program: "cargo".to_owned(), source })?;
    let target = std::env::var_os("CARGO_TARGET_DIR");
    let target = target.map_or_else(|| root.join("target"), PathBuf::from);
    Ok(status.success().then(|| target.join("release/watertight")))
}

/// The most memory that a process takes until it ends, in KB; 0 where the system does not tell.
pub(super) fn watch(child: &mut Child) -> std::io::Result<u64> {
    let path = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    while child.try_wait()?.is_none() {
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let now = line.and_then(|line| line.trim().split(' ').next()?.parse().ok());
        peak = peak.max(now.unwrap_or(0));
        std::thread::park_timeout(LOOK);
    }
    Ok(peak)
}
