//! Since when endpoints have been seen without their groups: kept beside the plans, so that it is
//! measured from pass to pass and from run to run.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use watertight_compile::Membership;
use watertight_policy::Timestamp;
use watertight_source::{FileId, Limits, Tree};

use crate::exit::Failure;
use crate::output;
use crate::staged::{self, Change};

/// The name and version of the format; `docs/reference/plan.md` describes it.
const FORMAT: &str = "watertight.unheld/v1alpha1";
/// The file in the folder of the plans.
const NAME: &str = "unheld.json";

/// One endpoint without its groups.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    workload: String,
    since: Timestamp,
}

/// The endpoints without their groups.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Record {
    path: Option<PathBuf>,
    endpoints: BTreeMap<String, Seen>,
}

impl Record {
    /// What is known in a folder; nothing without one.
    ///
    /// # Errors
    /// When the file is there and is no record.
    pub(super) fn read(folder: Option<&Path>) -> Result<Self, Failure> {
        let Some(path) = folder.map(|folder| folder.join(NAME)) else {
            return Ok(Self::default());
        };
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self { path: Some(path), ..Self::default() });
            }
            Err(source) => return Err(Failure::File { path, action: "read", source }),
        };
        let wrong = |why: &str| {
            let path = path.display();
            Failure::Estate(format!("`{path}`: {why}; without the file, it is measured anew"))
        };
        let tree = Tree::parse_json(FileId(0), bytes, &Limits::default());
        let tree = tree.map_err(|error| wrong(&error.to_string()))?;
        let value = watertight_aws::value_of(tree.root());
        if value["format"] != FORMAT {
            return Err(wrong(&format!("it is not `{FORMAT}`")));
        }
        let mut endpoints = BTreeMap::new();
        for (endpoint, seen) in value["endpoints"].as_object().into_iter().flatten() {
            let since = seen["since"].as_str().and_then(|text| text.parse().ok());
            let since = since.ok_or_else(|| wrong("an endpoint has no time as `since`"))?;
            let workload = seen["workload"].as_str().unwrap_or_default().to_owned();
            endpoints.insert(endpoint.clone(), Seen { workload, since });
        }
        Ok(Self { path: Some(path), endpoints })
    }

    /// Takes in what a pass found: who is without groups now, and for the first time perhaps.
    pub(super) fn see(&mut self, now: Timestamp, found: &Membership) {
        let moved = found.moved.iter().map(|one| (&one.endpoint, &one.workload));
        let left = found.left.iter().map(|one| (&one.endpoint, &one.workload));
        let each = moved.chain(left).map(|(endpoint, workload)| {
            let since = self.endpoints.get(endpoint).map_or(now, |seen| seen.since.min(now));
            (endpoint.clone(), Seen { workload: workload.clone(), since })
        });
        self.endpoints = each.collect();
    }

    /// For how many seconds each has been without its groups.
    pub(super) fn seconds(&self, now: Timestamp) -> BTreeMap<String, i64> {
        let each = self.endpoints.iter();
        each.map(|(endpoint, seen)| (endpoint.clone(), now.0.saturating_sub(seen.since.0)))
            .collect()
    }

    /// Those without their groups for so many seconds or longer, as lines for people.
    pub(super) fn alarms(&self, now: Timestamp, least: i64) -> Vec<String> {
        let long = self.endpoints.iter().map(|(id, seen)| (id, seen, now.0 - seen.since.0));
        let long = long.filter(|(_, _, seconds)| *seconds >= least);
        long.map(|(id, seen, seconds)| {
            format!(
                "ALARM: {} ({id}) has been seen without its groups for {seconds} s, since {}",
                seen.workload, seen.since
            )
        })
        .collect()
    }

    /// Forgets those that have their groups now.
    pub(super) fn forget_moved(&mut self, found: &Membership) {
        for one in &found.moved {
            self.endpoints.remove(&one.endpoint);
        }
    }

    /// Writes what is known, where there is a folder.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn write(&self) -> Result<(), Failure> {
        let Some(path) = &self.path else { return Ok(()) };
        let each = self.endpoints.iter().map(|(endpoint, seen)| {
            let seen = json!({"workload": seen.workload, "since": seen.since.to_string()});
            (endpoint.clone(), seen)
        });
        let endpoints: Value = Value::Object(each.collect());
        let text = output::json(&json!({"format": FORMAT, "endpoints": endpoints}));
        staged::write(&[Change::of_output(path, text.into_bytes())?])
    }
}
