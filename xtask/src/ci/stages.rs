//! The stages, in order. A stage is a function and a line in [`STAGES`].

use std::process::Command;

use super::run::Runner;
use super::totals::Format;
use super::{Outcome, Stage};
use crate::conformance::{self, Options, Verdict};
use crate::tidy;
use crate::workspace::Error;

/// Cheap checks first; the build that lints is the build that the tests run from.
pub(super) const STAGES: &[Stage] = &[
    Stage { name: "fmt", run: fmt },
    Stage { name: "tidy", run: tidy_stage },
    Stage { name: "lint", run: lint },
    Stage { name: "deny", run: deny },
    Stage { name: "doc", run: doc },
    Stage { name: "tests", run: tests },
    Stage { name: "doctests", run: doctests },
    Stage { name: "conformance", run: conformance_stage },
];

fn fmt(runner: &mut Runner) -> Result<Outcome, Error> {
    Runner::run(&mut runner.cargo(&["fmt", "--all", "--check"])).map(Outcome::passed_if)
}

fn tidy_stage(runner: &mut Runner) -> Result<Outcome, Error> {
    Ok(Outcome::passed_if(tidy::run(&runner.root)? == 0))
}

/// Builds every target with clippy in the compiler's place: a separate `cargo clippy` would check
/// all dependencies once more.
fn lint(runner: &mut Runner) -> Result<Outcome, Error> {
    // What does not build is reported for every crate, not for the first one alone.
    let every = ["--workspace", "--all-targets", "--no-run", "--no-fail-fast", "--locked"];
    let mut build = runner.cargo(&["test"]);
    build.args(every);
    runner.built_with_lints = Runner::run(with_lints(&mut build))?;
    Ok(Outcome::passed_if(runner.built_with_lints))
}

/// Puts clippy in the compiler's place for the workspace's own crates, with warnings as errors.
/// The second variable is the one by which `cargo clippy` hands its arguments on.
fn with_lints(command: &mut Command) -> &mut Command {
    command
        .env("RUSTC_WORKSPACE_WRAPPER", "clippy-driver")
        .env("CLIPPY_ARGS", "-Dwarnings__CLIPPY_HACKERY__")
}

/// Licences, sources and duplicates of what is compiled in. The check itself needs no network.
fn deny(runner: &mut Runner) -> Result<Outcome, Error> {
    let installed = runner.tools.join("bin").join("cargo-deny");
    let program = if installed.is_file() { installed } else { "cargo-deny".into() };
    if !Runner::works(Command::new(&program).arg("--version")) {
        let reason = "cargo-deny is neither in the tools folder nor on the path; `make tools`";
        return Ok(Outcome::Skipped(reason.to_owned()));
    }
    // The lock file names crates of other platforms, which no build on this one has fetched.
    Runner::run(&mut runner.cargo(&["fetch", "--locked", "--quiet"]))?;
    let mut command = Command::new(program);
    command.current_dir(&runner.root);
    command.args(["--offline", "--workspace", "--locked", "check", "bans", "licenses", "sources"]);
    Runner::run(&mut command).map(Outcome::passed_if)
}

fn doc(runner: &mut Runner) -> Result<Outcome, Error> {
    let mut command = runner.cargo(&["doc", "--workspace", "--no-deps", "--locked"]);
    Runner::run(command.env("RUSTDOCFLAGS", "-D warnings")).map(Outcome::passed_if)
}

fn tests(runner: &mut Runner) -> Result<Outcome, Error> {
    let has_nextest = Runner::works(&mut runner.cargo(&["nextest", "--version"]));
    let all = ["--workspace", "--lib", "--bins", "--tests", "--no-fail-fast", "--locked"];
    let (mut command, format) = if has_nextest {
        let mut nextest = runner.cargo(&["nextest", "run", "--status-level", "slow"]);
        nextest.args(["--final-status-level", "slow"]);
        (nextest, Format::Nextest)
    } else {
        (runner.cargo(&["test", "--quiet"]), Format::Libtest)
    };
    command.args(all);
    if runner.built_with_lints {
        with_lints(&mut command);
    }
    runner.run_tests(&mut command, format).map(Outcome::passed_if)
}

fn doctests(runner: &mut Runner) -> Result<Outcome, Error> {
    let mut command = runner.cargo(&["test", "--workspace", "--doc", "--locked", "--quiet"]);
    if runner.built_with_lints {
        with_lints(&mut command);
    }
    runner.run_tests(&mut command, Format::Libtest).map(Outcome::passed_if)
}

/// Cases of other projects; without their folder there is nothing to compare with.
fn conformance_stage(runner: &mut Runner) -> Result<Outcome, Error> {
    Ok(match conformance::run(&runner.root, &Options::default())? {
        Verdict::Passed => Outcome::Passed,
        Verdict::Failed => Outcome::Failed,
        Verdict::Absent(reason) => Outcome::Skipped(reason),
    })
}
