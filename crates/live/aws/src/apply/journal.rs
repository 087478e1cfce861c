//! What was begun and what was done, on disk before and after each step.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::ApplyError;
use crate::time::seconds_of;

/// The name and version of the format; `docs/reference/plan.md` describes it.
const FORMAT: &str = "watertight.journal/v1alpha1";

/// The longest journal that is read.
const BYTES_MAX: u64 = 1 << 30;

/// Which way the steps of a plan are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// From the first to the last.
    Apply,
    /// Their inverses, from the last that was taken to the first.
    Rollback,
}

/// A line of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "line", rename_all = "kebab-case")]
pub(super) enum Line {
    /// The first: which plan it is about.
    Plan {
        format: String,
        /// The hash of the plan's bytes.
        plan: String,
    },
    /// A step is about to be taken.
    Begin {
        step: usize,
        way: Way,
        at: String,
        /// What was there: the groups of an interface.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        found: Vec<String>,
    },
    /// It was taken, and read back.
    Done { step: usize, way: Way, at: String },
    /// All steps are taken, and are to be taken back at an instant unless somebody confirms them before.
    Await { until: String, at: String },
    /// Somebody did.
    Confirm { at: String },
    /// Nobody did in time: all of it is being taken back.
    Lapse { at: String },
}

/// How far a plan is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Progress {
    /// So many steps are done, from the first.
    pub(super) done: usize,
    /// The step that was begun and of which it is not known whether it was taken.
    pub(super) doubt: Option<usize>,
    /// Whether what is done waits for somebody to confirm it.
    pub(super) standing: Standing,
}

/// Whether what is done stays.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Standing {
    /// Nobody asked for it to be confirmed.
    #[default]
    Unasked,
    /// It is to be taken back at this instant, in seconds since the beginning of 1970, unless somebody confirms it.
    Awaiting {
        /// The instant.
        until: i64,
    },
    /// It was confirmed.
    Confirmed,
    /// Nobody confirmed it in time, and not all of it is taken back yet.
    Lapsed,
}

impl Progress {
    fn follow(&mut self, line: &Line) -> Result<(), &'static str> {
        match line {
            Line::Plan { .. } => {}
            Line::Begin { step, way, .. } => {
                let next = match way {
                    Way::Apply => self.first(),
                    Way::Rollback => {
                        self.end().checked_sub(1).ok_or("takes back what was not done")?
                    }
                };
                if *step != next {
                    return Err("leaves out a step");
                }
                self.done = match way {
                    Way::Apply => *step,
                    Way::Rollback => step.saturating_add(1),
                };
                self.doubt = Some(*step);
                if (*way, self.standing) != (Way::Rollback, Standing::Lapsed) {
                    self.standing = Standing::Unasked;
                }
            }
            Line::Done { step, way, .. } => {
                if self.doubt != Some(*step) {
                    return Err("ends a step that was not begun");
                }
                self.done = match way {
                    Way::Apply => step.saturating_add(1),
                    Way::Rollback => *step,
                };
                self.doubt = None;
                if self.done == 0 {
                    self.standing = Standing::Unasked;
                }
            }
            Line::Await { until, .. } => {
                if self.doubt.is_some() || self.standing != Standing::Unasked {
                    return Err("awaits what is not done");
                }
                let until = seconds_of(until).ok_or("tells no instant")?;
                self.standing = Standing::Awaiting { until };
            }
            Line::Confirm { .. } => {
                if !matches!(self.standing, Standing::Awaiting { .. }) {
                    return Err("confirms what nobody awaits");
                }
                self.standing = Standing::Confirmed;
            }
            Line::Lapse { .. } => {
                if !matches!(self.standing, Standing::Awaiting { .. }) {
                    return Err("gives up what nobody awaits");
                }
                self.standing = Standing::Lapsed;
            }
        }
        Ok(())
    }

    /// The step with which applying goes on.
    pub(super) fn first(self) -> usize {
        self.doubt.map_or(self.done, |doubt| doubt.min(self.done))
    }

    /// The step before which taking back goes on.
    pub(super) fn end(self) -> usize {
        self.doubt.map_or(self.done, |doubt| self.done.max(doubt.saturating_add(1)))
    }
}

/// A journal that is open, and nobody else's as long as it is.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    file: File,
    pub(super) progress: Progress,
}

impl Journal {
    /// Reads how far a plan is, without a trace.
    pub(super) fn look(path: &Path, plan: &str) -> Result<Progress, ApplyError> {
        match File::open(path) {
            Ok(file) => Ok(read(path, &file, plan)?.0),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Progress::default()),
            Err(error) => Err(failed(path, "read")(error)),
        }
    }

    /// Opens the journal of a plan, or begins it.
    pub(super) fn open(path: &Path, plan: &str) -> Result<Self, ApplyError> {
        let options = OpenOptions::new().read(true).append(true).create(true).open(path);
        let file = options.map_err(failed(path, "written"))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(ApplyError::InUse(path.to_owned())),
            Err(TryLockError::Error(error)) => return Err(failed(path, "written")(error)),
        }
        let (progress, whole) = read(path, &file, plan)?;
        // A line that was cut off was never said; a file that is none of ours has no such line.
        file.set_len(whole).map_err(failed(path, "written"))?;
        let mut journal = Self { path: path.to_owned(), file, progress };
        if whole == 0 {
            journal.say(&Line::Plan { format: FORMAT.to_owned(), plan: plan.to_owned() })?;
            sync_folder(path)?;
        }
        Ok(journal)
    }

    /// Writes a line; it is on disk when this returns.
    pub(super) fn say(&mut self, line: &Line) -> Result<(), ApplyError> {
        let mut progress = self.progress;
        progress.follow(line).map_err(|problem| wrong(&self.path, 0, problem))?;
        let mut text = serde_json::to_string(line).unwrap_or_default();
        text.push('\n');
        let written = self.file.write_all(text.as_bytes()).and_then(|()| self.file.sync_all());
        written.map_err(failed(&self.path, "written"))?;
        self.progress = progress;
        Ok(())
    }
}

/// The lines of a journal, and how many bytes of it are whole lines.
fn read(path: &Path, file: &File, plan: &str) -> Result<(Progress, u64), ApplyError> {
    let mut bytes = Vec::new();
    let taken = file.take(BYTES_MAX).read_to_end(&mut bytes);
    taken.map_err(failed(path, "read"))?;
    let mut progress = Progress::default();
    let mut whole = 0_u64;
    let is_whole = bytes.contains(&b'\n') || BEGINNING.as_bytes().starts_with(head(&bytes));
    if !is_whole {
        return Err(wrong(path, 1, "is none of a journal"));
    }
    let lines = bytes.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n"));
    for (number, bytes) in (1_usize..).zip(lines) {
        let line: Line = serde_json::from_slice(bytes)
            .map_err(|_error| wrong(path, number, "is none of a journal"))?;
        let is_first = number == 1;
        match &line {
            Line::Plan { format, plan: of } if is_first => {
                if format != FORMAT {
                    return Err(wrong(path, number, "is of another format"));
                }
                if of != plan {
                    return Err(wrong(path, number, "is about another plan of this name"));
                }
            }
            _ if is_first => return Err(wrong(path, number, "does not tell its plan")),
            _ => {}
        }
        progress.follow(&line).map_err(|problem| wrong(path, number, problem))?;
        whole = whole.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
    }
    Ok((progress, whole))
}

/// What every journal begins with.
const BEGINNING: &str = r#"{"line":"plan","format":"watertight.journal/"#;

/// As much of a file as could be the beginning of a journal.
fn head(bytes: &[u8]) -> &[u8] {
    bytes.get(..bytes.len().min(BEGINNING.len())).unwrap_or_default()
}

/// A new file is there for sure when its folder is on disk.
fn sync_folder(path: &Path) -> Result<(), ApplyError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or_else(|| Path::new("."));
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(failed(folder, "written"))
}

fn wrong(path: &Path, line: usize, problem: &str) -> ApplyError {
    let problem = format!("line {line} {problem}");
    ApplyError::Journal { path: path.to_owned(), problem }
}

fn failed<'p>(path: &'p Path, action: &'static str) -> impl FnOnce(io::Error) -> ApplyError + 'p {
    move |source| ApplyError::File { path: path.to_owned(), action, source }
}

#[cfg(test)]
mod tests;
