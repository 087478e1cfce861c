//! What an earlier collection of an account left behind: its bodies, and when each was asked for.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::CollectError;
use crate::staging::{Done, Key, State, body_path, failed, write_beside};
use crate::time;

/// The file of an account's folder that says what became of each call, and when.
const CALLS: &str = ".calls";

/// The first line of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Heading {
    /// The table that was asked.
    table: String,
    /// When the collection began: the time of each answer that tells no other.
    collected: String,
}

/// The answers of an earlier collection.
#[derive(Debug)]
pub(crate) struct Former {
    folder: PathBuf,
    calls: BTreeMap<Key, (Done, i64)>,
}

impl Former {
    /// Reads what an account's folder says; nothing when it does not, or was asked by another table:
    /// no body of it is known well enough then.
    pub(crate) fn open(folder: &Path, table: &str) -> Option<Self> {
        let text = fs::read_to_string(folder.join(CALLS)).ok()?;
        let mut lines = text.lines();
        let heading: Heading = serde_json::from_str(lines.next()?).ok()?;
        if heading.table != table {
            return None;
        }
        let mut calls = BTreeMap::new();
        for line in lines {
            let mut done: Done = serde_json::from_str(line).ok()?;
            let collected = done.collected.get_or_insert_with(|| heading.collected.clone());
            let seconds = time::seconds_of(collected)?;
            calls.insert(done.key(), (done, seconds));
        }
        Some(Self { folder: folder.to_path_buf(), calls })
    }

    /// What became of a call, and when it was asked, in seconds since 1970; nothing when it was not
    /// answered.
    pub(crate) fn find(
        &self,
        region: &str,
        call: &str,
        argument: Option<&str>,
    ) -> Option<(&Done, i64)> {
        let key = (region.to_owned(), call.to_owned(), argument.map(ToOwned::to_owned));
        let (done, seconds) = self.calls.get(&key)?;
        matches!(done.state, State::Answered | State::Absent).then_some((done, *seconds))
    }

    /// The body of an answer, if it is still there and whole.
    pub(crate) fn read(&self, done: &Done) -> Option<Map<String, Value>> {
        let argument = done.argument.as_deref();
        let path = body_path(&self.folder, &done.region, &done.call, argument);
        serde_json::from_slice(&fs::read(path).ok()?).ok()
    }

    /// The time of the oldest answer that is not older than `from`.
    pub(crate) fn oldest(&self, from: i64) -> Option<i64> {
        self.calls.values().map(|(_, seconds)| *seconds).filter(|one| *one >= from).min()
    }
}

/// Writes down in a folder of bodies what became of each call.
pub(crate) fn seal(
    folder: &Path,
    table: &str,
    collected: &str,
    done: &[Done],
) -> Result<(), CollectError> {
    let heading = Heading { table: table.to_owned(), collected: collected.to_owned() };
    let path = folder.join(CALLS);
    let written = write_beside(&path, |file| {
        writeln!(file, "{}", serde_json::to_string(&heading)?)?;
        done.iter().try_for_each(|one| writeln!(file, "{}", serde_json::to_string(one)?))
    });
    written.map_err(failed(&path, "written"))
}
