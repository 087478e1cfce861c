//! `watertight policy fmt`: the one form of a policy's files.

use std::path::{Path, PathBuf};

use clap::Args;
use watertight_policy::{Format, formatted};
use watertight_source::render_text;

use super::files::Files;
use crate::exit::{Failure, Outcome, say};
use crate::output;
use crate::staged::{self, Change};
use crate::text::{clean, counted, one_line};

const EXAMPLES: &str = "\
Examples:
  watertight policy fmt policies/
  watertight policy fmt policies/ --check

With --check nothing is written, and exit code 2 says that a file is not in its form.";

/// The arguments of `policy fmt`.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct FmtArguments {
    /// The policy's files and folders
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    /// Write nothing, and list the files that are not in their form
    #[arg(long)]
    check: bool,
}

/// Rewrites the files that are not in their form, or lists them. With an error in any file none is
/// touched.
pub(super) fn run(arguments: &FmtArguments) -> Result<Outcome, Failure> {
    let mut files = Files::read(&arguments.paths)?;
    let mut changes = Vec::new();
    let mut count = 0;
    for (file, path) in files.sources.iter() {
        let contents = files.sources.contents(file);
        count += 1;
        match formatted(file, contents, Format::of_path(path), files.limits()) {
            Ok(new) if new.as_bytes() == contents.as_bytes() => {}
            Ok(new) => {
                let (path, old) = (PathBuf::from(path), Some(contents.as_bytes().to_vec()));
                changes.push(Change { path, old, new: new.into_bytes() });
            }
            // Whoever reads the documents says the same.
            Err(error) if !files.diagnostics.has_errors() => files.diagnostics.push(error),
            Err(_) => {}
        }
    }
    let errors = files.diagnostics.errors();
    say(&clean(&render_text(&files.diagnostics.into_sorted(), &files.sources)));
    if errors > 0 {
        return Err(Failure::Reported { errors });
    }
    if !arguments.check {
        staged::write(&changes)?;
    }
    let (of, changed) = (counted(count, "file"), super::count(changes.len()));
    let mut lines: Vec<String> =
        changes.iter().map(|change| one_line(&path_text(&change.path))).collect();
    lines.push(match (arguments.check, changed) {
        (_, 0) => format!("{of} in form\n"),
        (true, _) => format!("{changed} of {of} not in form\n"),
        (false, _) => format!("{changed} of {of} rewritten\n"),
    });
    output::write(None, &lines.join("\n"))?;
    let is_found = arguments.check && !changes.is_empty();
    Ok(if is_found { Outcome::Found } else { Outcome::Fine })
}

fn path_text(path: &Path) -> String {
    path.display().to_string()
}
