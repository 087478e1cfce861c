//! `watertight policy fmt`: the one form of a policy's files.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use watertight_policy::{Format, formatted};
use watertight_source::render_text;

use super::files::Files;
use crate::exit::{Failure, Outcome, say};
use crate::output;
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

/// A file that is not in its form.
struct Change {
    path: PathBuf,
    old: Vec<u8>,
    new: String,
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
                let (path, old) = (PathBuf::from(path), contents.as_bytes().to_vec());
                changes.push(Change { path, old, new });
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
        write(&changes)?;
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

/// Writes all files, or none: each is written beside its place, and then all are renamed.
fn write(changes: &[Change]) -> Result<(), Failure> {
    let mut staged: Vec<(PathBuf, PathBuf)> = Vec::with_capacity(changes.len());
    for change in changes {
        match stage(&change.path, change.new.as_bytes()) {
            Ok(pair) => staged.push(pair),
            Err(source) => {
                discard(&staged);
                return Err(failed(&change.path, source));
            }
        }
    }
    for (place, (fresh, path)) in staged.iter().enumerate() {
        if let Err(source) = fs::rename(fresh, path) {
            discard(staged.get(place..).unwrap_or_default());
            for change in changes.iter().take(place) {
                // What was renamed gets its old text again, as far as that is possible.
                let again = stage(&change.path, &change.old);
                let _restored = again.and_then(|(fresh, path)| fs::rename(fresh, path));
            }
            return Err(failed(path, source));
        }
    }
    Ok(())
}

/// Writes a text beside a file, with the file's permissions. Returns where, and the file behind
/// links.
fn stage(path: &Path, text: &[u8]) -> io::Result<(PathBuf, PathBuf)> {
    let path = fs::canonicalize(path)?;
    let permissions = fs::metadata(&path)?.permissions();
    if permissions.readonly() {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "it is read-only"));
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let fresh = path.with_file_name(format!(".{name}.{}.new", std::process::id()));
    let written =
        OpenOptions::new().write(true).create_new(true).open(&fresh).and_then(|mut file| {
            file.write_all(text)?;
            file.set_permissions(permissions)?;
            file.sync_all()
        });
    match written {
        Ok(()) => Ok((fresh, path)),
        Err(error) => {
            if error.kind() != io::ErrorKind::AlreadyExists {
                let _removed = fs::remove_file(&fresh);
            }
            Err(error)
        }
    }
}

fn discard(staged: &[(PathBuf, PathBuf)]) {
    for (fresh, _) in staged {
        let _removed = fs::remove_file(fresh);
    }
}

fn failed(path: &Path, source: io::Error) -> Failure {
    Failure::File { path: path.to_path_buf(), action: "written", source }
}
