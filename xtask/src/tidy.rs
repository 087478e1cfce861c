//! `cargo xtask tidy`: the rules of the house that no compiler checks.
//!
//! Each check is a function from the [`Tree`] to findings, and has a test with a sample that it
//! refuses: a check that cannot fail is a defect.

mod lengths;
mod manifests;
mod markdown;
mod pages;
mod purity;
mod ranks;
mod words;

use std::fmt;
use std::path::Path;
use std::process::ExitCode;

use clap::{ArgMatches, Command};

use crate::Subcommand;
use crate::workspace::{Error, Tree};

pub(crate) const SUBCOMMAND: Subcommand = Subcommand {
    command: || Command::new("tidy").about("Check the rules of the house that no compiler checks"),
    run: |root: &Path, _: &ArgMatches| {
        Ok(if run(root)? == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    },
};

/// Every check, in the order in which they run.
const CHECKS: &[fn(&Tree) -> Vec<Finding>] = &[
    ranks::check,
    purity::dependencies,
    purity::sources,
    lengths::check,
    manifests::check,
    words::check,
    markdown::check,
    pages::status,
    pages::decisions,
];

/// Whether a finding fails the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Severity {
    /// Printed, and the run goes on.
    Warning,
    /// Printed, and the run fails.
    Error,
}

/// A place where a rule is broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    /// The file, relative to the root of the checkout.
    pub(crate) path: String,
    /// The line, from 1.
    pub(crate) line: usize,
    /// Whether it fails the run.
    pub(crate) severity: Severity,
    /// What is wrong and what would be right.
    pub(crate) message: String,
}

impl Finding {
    fn error(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, severity: Severity::Error, message: message.into() }
    }

    fn warning(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(path, line, message) }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.severity == Severity::Error { "error" } else { "warning" };
        write!(formatter, "{}:{}: {kind}: {}", self.path, self.line, self.message)
    }
}

/// Runs every check, prints what they find, and returns how many findings are errors.
pub(crate) fn run(root: &Path) -> Result<usize, Error> {
    let tree = Tree::read(root)?;
    let findings: Vec<Finding> = CHECKS.iter().flat_map(|check| check(&tree)).collect();
    for finding in &findings {
        println!("{finding}");
    }
    let errors = findings.iter().filter(|finding| finding.severity == Severity::Error).count();
    let warnings = findings.len() - errors;
    println!(
        "tidy: {} files, {} checks, {errors} errors, {warnings} warnings",
        tree.files.len(),
        CHECKS.len()
    );
    Ok(errors)
}

/// Samples for the tests of the checks.
#[cfg(test)]
mod sample {
    use crate::workspace::{Dependency, Package, Tree};

    /// A tree of the given files, without packages.
    pub(super) fn files(files: &[(&str, &str)]) -> Tree {
        let entry = |&(path, text): &(&str, &str)| (path.to_owned(), Some(text.to_owned()));
        Tree { files: files.iter().map(entry).collect(), packages: Vec::new() }
    }

    /// A tree of one package in `folder` with one dependency of the given kind, manifest included.
    pub(super) fn package(name: &str, folder: &str, on: &str, kind: Option<&str>) -> Tree {
        let manifest_path = format!("{folder}/Cargo.toml");
        let manifest = format!("[package]\nname = \"{name}\"\n\n[dependencies]\n{on} = \"1\"\n");
        let mut tree = files(&[(&manifest_path, &manifest)]);
        let kind = kind.map(str::to_owned);
        let dependencies = vec![Dependency { name: on.to_owned(), kind }];
        tree.packages.push(Package { name: name.to_owned(), manifest_path, dependencies });
        tree
    }
}
