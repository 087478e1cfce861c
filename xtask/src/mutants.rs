//! `cargo xtask mutants`: seeded faults of the converter and the engine, one for each family of
//! rules, each of which the comparison with the slow twin has to catch.
//!
//! `docs/reference/benchmarks.md` says how to run it and how to add one.

mod copy;
mod table;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Output, Stdio};

use clap::{Arg, ArgMatches, Command as Chore, value_parser};

use crate::Subcommand;
use crate::workspace::Error;
use table::MUTANTS;

pub(crate) const SUBCOMMAND: Subcommand = Subcommand {
    command: || {
        Chore::new("mutants")
            .about("Seed faults into a copy and see that the comparison with the twin catches them")
            .arg(
                Arg::new("estates")
                    .long("estates")
                    .value_name("N")
                    .default_value("300")
                    .value_parser(value_parser!(u32).range(1..))
                    .help("Generated estates to compare for each mutant; ten times as many if it survives"),
            )
            .arg(
                Arg::new("only")
                    .long("only")
                    .value_name("TEXT")
                    .help("Run only mutants whose family contains this text"),
            )
            .arg(
                Arg::new("jobs")
                    .long("jobs")
                    .value_name("N")
                    .default_value("2")
                    .value_parser(value_parser!(u32).range(1..))
                    .help("Compilers at the same time"),
            )
    },
    run: |root: &Path, arguments: &ArgMatches| {
        let number = |name: &str| arguments.get_one::<u32>(name).copied().unwrap_or(1);
        let runner = Runner {
            copy: target(root).join("mutants").join("workspace"),
            target: target(root).join("mutants").join("target"),
            estates: number("estates"),
            jobs: number("jobs"),
        };
        let only = arguments.get_one::<String>("only").map_or("", String::as_str);
        run(root, &runner, only)
    },
};

/// How many times as many estates are compared before a mutant counts as survived: some families
/// of rules decide in few of them.
const PATIENCE: u32 = 10;

/// Less optimisation for the crates that mutants change: building them takes longer than comparing.
const QUICK_TO_BUILD: &[&str] = &[
    "--config",
    "profile.dev.package.watertight-aws.opt-level=1",
    "--config",
    "profile.dev.package.watertight-reach.opt-level=1",
];

/// A fault that somebody could have made.
#[derive(Debug)]
struct Mutant {
    /// The family of rules that it breaks.
    family: &'static str,
    /// What is wrong then, in a few words.
    fault: &'static str,
    /// What makes it.
    edits: &'static [Edit],
}

/// One replacement in one file.
#[derive(Debug)]
struct Edit {
    /// The file, from the root of the checkout.
    file: &'static str,
    /// The text before, which occurs exactly once.
    before: &'static str,
    /// The text after.
    after: &'static str,
}

impl Edit {
    /// The file's text with the fault in it.
    fn apply(&self, text: &str) -> Result<String, String> {
        match text.matches(self.before).count() {
            1 => Ok(text.replacen(self.before, self.after, 1)),
            count => Err(format!(
                "a text of the mutant occurs {count} times in `{}`, not once; \
                 change the mutant along with the code: {}",
                self.file,
                self.before.lines().next().unwrap_or_default().trim()
            )),
        }
    }
}

/// How a mutant fared.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Fate {
    /// The comparison found a difference; the first line of it.
    Caught(String),
    /// The test passed.
    Survived,
    /// Nothing was compared; why.
    Broken(String),
}

/// Where and how mutants are built and compared.
#[derive(Debug)]
struct Runner {
    copy: PathBuf,
    target: PathBuf,
    estates: u32,
    jobs: u32,
}

fn target(root: &Path) -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| root.join("target"), |target| root.join(target))
}

fn run(root: &Path, runner: &Runner, only: &str) -> Result<ExitCode, Error> {
    copy::refresh(root, &runner.copy)?;
    let most = runner.estates.saturating_mul(PATIENCE);
    println!("comparing the engine as it is over {most} estates");
    match runner.compare(most)? {
        Fate::Survived => {}
        Fate::Caught(how) | Fate::Broken(how) => {
            println!("mutants: the engine differs from its twin without any mutant: {how}");
            return Ok(ExitCode::FAILURE);
        }
    }
    let mutants = MUTANTS.iter().filter(|mutant| mutant.family.contains(only));
    let (mut run, mut caught) = (0, 0);
    println!("{:<34} {:<9} how", "family", "fate");
    for mutant in mutants {
        run += 1;
        let (fate, how) = match runner.fate(root, mutant)? {
            Fate::Caught(how) => {
                caught += 1;
                ("caught", how)
            }
            Fate::Survived => ("SURVIVED", mutant.fault.to_owned()),
            Fate::Broken(why) => ("BROKEN", why),
        };
        println!("{:<34} {fate:<9} {how}", mutant.family);
    }
    println!("mutants: {caught} of {run} caught, {} to {most} estates each", runner.estates);
    Ok(if caught == run && run > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Runner {
    /// Seeds one mutant into the copy, compares, and takes it out again.
    fn fate(&self, root: &Path, mutant: &Mutant) -> Result<Fate, Error> {
        for edit in mutant.edits {
            let path = self.copy.join(edit.file);
            match edit.apply(&copy::read(&path)?) {
                Ok(text) => copy::write(&path, &text)?,
                Err(why) => {
                    copy::refresh(root, &self.copy)?;
                    return Ok(Fate::Broken(why));
                }
            }
        }
        let fate = match self.compare(self.estates) {
            Ok(Fate::Survived) => self.compare(self.estates.saturating_mul(PATIENCE)),
            fate => fate,
        };
        copy::refresh(root, &self.copy)?;
        fate
    }

    /// Builds the copy and compares it with the twin over so many estates.
    fn compare(&self, estates: u32) -> Result<Fate, Error> {
        let build = self.test(estates, &["--no-run"])?;
        if !build.status.success() {
            let text = String::from_utf8_lossy(&build.stderr).into_owned();
            let error = text.lines().find(|line| line.starts_with("error"));
            let error = error.unwrap_or("cargo failed").to_owned();
            return Ok(Fate::Broken(format!("it does not compile: {error}")));
        }
        let test = self.test(estates, &[])?;
        if test.status.success() {
            return Ok(Fate::Survived);
        }
        let text = String::from_utf8_lossy(&test.stdout).into_owned()
            + &String::from_utf8_lossy(&test.stderr);
        Ok(difference(&text).map_or_else(
            || Fate::Broken("the test failed without a difference to the twin".to_owned()),
            Fate::Caught,
        ))
    }

    fn test(&self, estates: u32, more: &[&str]) -> Result<Output, Error> {
        let program = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
        Command::new(&program)
            .args(["test", "--quiet", "--offline", "--package", "watertight-aws"])
            .args(["--test", "twin", "--jobs", &self.jobs.to_string()])
            .args(QUICK_TO_BUILD)
            .args(more)
            // The named tests of single rules would say less than a generated estate does.
            .args(["--", "--skip", "rule_"])
            .current_dir(&self.copy)
            .env("CARGO_TARGET_DIR", &self.target)
            .env("WATERTIGHT_TWIN_ESTATES", estates.to_string())
            .env_remove("WATERTIGHT_TWIN_SEED")
            .stdin(Stdio::null())
            .output()
            .map_err(|source| Error::Start { program, source })
    }
}

/// What a failed comparison says first: how many differences, and the first packet's seed; or the
/// engine's panic.
fn difference(text: &str) -> Option<String> {
    let mut lines = text.lines().map(str::trim);
    let first = lines.find(|line| {
        line.ends_with(" differences:")
            || line.starts_with("too many differences")
            || (line.contains("panicked at crates/") && !line.contains("/tests/"))
    })?;
    let seed = lines.find_map(|line| {
        let (seed, _) = line.split_once(':')?;
        seed.starts_with("seed ").then(|| format!(", such as in {seed}"))
    });
    Some(format!("{}{}", first.trim_end_matches(':'), seed.unwrap_or_default()))
}
