//! `cargo xtask bench`: how long the questions about whole estates take, and how much memory, on
//! generated estates. `docs/reference/benchmarks.md` says what is measured and how to read it.
//!
//! Nothing here fails because something is slow: a machine has its own speed.

mod changes;
mod cluster;
mod collect;
mod editor;
mod estate;
mod figures;
mod measure;
mod pairs;
mod plan;
mod policy;
mod published;
mod simulate;
mod sizes;
mod table;
#[cfg(test)]
mod tests;
mod z3;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use clap::{Arg, ArgAction, ArgMatches, Command as Chore, value_parser};
use watertight_testkit::generate::ClusterShape;

use crate::Subcommand;
use crate::workspace::Error;

pub(crate) use collect::SUBCOMMAND as COLLECT;

pub(crate) const SUBCOMMAND: Subcommand = Subcommand {
    command: || {
        Chore::new("bench")
            .about("Measure the questions about whole estates on generated ones")
            .arg(
                Arg::new("endpoints")
                    .long("endpoints")
                    .value_name("N,N")
                    .value_delimiter(',')
                    .default_value("10000,100000")
                    .value_parser(value_parser!(u32).range(100..=1_000_000))
                    .help("Sizes of the estates"),
            )
            .arg(number("runs", "3", "Runs of each size, each in a process of its own"))
            .arg(number("limit", "300", "Seconds after which a run is stopped"))
            .arg(number("memory", "12000", "MB of memory at which a run is stopped"))
            .arg(
                Arg::new("replicas")
                    .long("replicas")
                    .value_name("N")
                    .value_parser(value_parser!(u32).range(1..))
                    .help("Interfaces that share their groups, in the place of the usual share"),
            )
            .arg(
                Arg::new("cluster")
                    .long("cluster")
                    .action(ArgAction::SetTrue)
                    .help("Measure Kubernetes clusters of so many pods, in the place of estates"),
            )
            .arg(
                Arg::new("policy")
                    .long("policy")
                    .action(ArgAction::SetTrue)
                    .help("Measure policies, in the place of estates"),
            )
            .arg(
                Arg::new("plan")
                    .long("plan")
                    .action(ArgAction::SetTrue)
                    .help("Measure plans: a policy compiled and proved, on estates of these sizes"),
            )
            .arg(
                Arg::new("z3")
                    .long("z3")
                    .action(ArgAction::SetTrue)
                    .help("Compare with one z3 query for each pair of a small estate"),
            )
            .arg(number("z3-endpoints", "200", "Size of that small estate"))
    },
    run: |root: &Path, arguments: &ArgMatches| {
        if cfg!(debug_assertions) {
            return optimised(root);
        }
        let number = |name: &str| arguments.get_one::<u32>(name).copied().unwrap_or(1);
        let sizes = arguments.get_many::<u32>("endpoints").unwrap_or_default().copied();
        let options = Options {
            sizes: sizes.collect(),
            runs: number("runs"),
            limit: Duration::from_secs(number("limit").into()),
            memory_kib: u64::from(number("memory")) * 1000 * 1000 / 1024,
            replicas: arguments.get_one::<u32>("replicas").copied(),
        };
        if arguments.get_flag("policy") {
            if policy::run() != ExitCode::SUCCESS || editor::run(root)? != ExitCode::SUCCESS {
                return Ok(ExitCode::FAILURE);
            }
            return simulate::run(root);
        }
        if arguments.get_flag("plan") {
            return plan::run(root, &options.sizes);
        }
        if arguments.get_flag("cluster") {
            sizes::run(&options, Subject::Cluster(ClusterShape::Owned))?;
            sizes::run(&options, Subject::Cluster(ClusterShape::Random))?;
            published::run(root);
            return Ok(ExitCode::SUCCESS);
        }
        sizes::run(&options, Subject::Estate)?;
        if arguments.get_flag("z3") {
            z3::run(&target(root), number("z3-endpoints"), options.runs)?;
        }
        Ok(ExitCode::SUCCESS)
    },
};

/// The process that one run is measured in.
pub(crate) const MEASURE: Subcommand = Subcommand {
    command: || {
        Chore::new("bench-run")
            .hide(true)
            .about("Measure one estate once; `bench` starts it")
            .arg(Arg::new("folder").required(true).value_parser(value_parser!(PathBuf)))
            .arg(Arg::new("cluster").long("cluster").action(ArgAction::SetTrue))
    },
    run: |_: &Path, arguments: &ArgMatches| {
        let Some(folder) = arguments.get_one::<PathBuf>("folder") else {
            return Ok(ExitCode::FAILURE);
        };
        if arguments.get_flag("cluster") {
            return cluster::run(folder);
        }
        measure::run(folder)
    },
};

fn number(name: &'static str, default: &'static str, help: &'static str) -> Arg {
    let parser = value_parser!(u32).range(1..);
    Arg::new(name).long(name).value_name("N").default_value(default).value_parser(parser).help(help)
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Subject {
    /// Estates of a cloud.
    Estate,
    /// Clusters.
    Cluster(ClusterShape),
}

/// What is asked for.
#[derive(Debug)]
struct Options {
    sizes: Vec<u32>,
    runs: u32,
    limit: Duration,
    memory_kib: u64,
    replicas: Option<u32>,
}

/// Runs the same command in a build with optimisation.
fn optimised(root: &Path) -> Result<ExitCode, Error> {
    let program = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let status = Command::new(&program)
        .args(["run", "--release", "--quiet", "--package", "xtask", "--"])
        .args(std::env::args_os().skip(1))
        .current_dir(root)
        .status()
        .map_err(|source| Error::Start { program, source })?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn target(root: &Path) -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| root.join("target"), |target| root.join(target))
}

/// The clock that everything here is measured with.
#[expect(clippy::disallowed_methods, reason = "measuring time is what a benchmark is for")]
fn clock() -> Instant {
    Instant::now()
}

/// Seconds since a moment.
fn since(start: Instant) -> f64 {
    clock().duration_since(start).as_secs_f64()
}

/// A number of things, for arithmetic; exact up to 2^53.
fn float(count: usize) -> f64 {
    let low = count & 0xffff_ffff;
    let half = |part: usize| f64::from(u32::try_from(part).unwrap_or(u32::MAX));
    half(count >> 32) * 4_294_967_296.0 + half(low)
}
