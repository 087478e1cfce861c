//! Bodies on disk while a collection runs, and how they take their place.
//!
//! Everything is written below `.collecting/` in the estate's folder. Each body is written beside
//! its place and renamed; a line of the account's journal says that a call is done. A run that was
//! stopped goes on from the journals. At the end each account's folder is exchanged for the old one
//! in one step.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use serde::{Deserialize, Serialize};
use serde_json::ser::PrettyFormatter;
use serde_json::{Map, Serializer, Value};

use crate::arguments::file_name;
use crate::error::CollectError;
use crate::former;

/// The folder of a collection that runs; readers skip names that begin with a dot.
const WORK: &str = ".collecting";
/// The file of that folder that says which collection it is.
const IDENTITY: &str = "identity.json";
/// The file of an account's folder that tells which collection it is from.
const MARK: &str = ".collected";

/// What became of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    /// There is a body.
    Answered,
    /// The answer was that there is nothing.
    Absent,
    /// Refused for want of a permission.
    Denied,
    /// Not answered for another reason.
    Failed,
}

/// One line of a journal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Done {
    pub(crate) region: String,
    pub(crate) call: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) argument: Option<String>,
    pub(crate) state: State,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
    /// When it was asked, for what was kept from an earlier collection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) collected: Option<String>,
}

impl Done {
    /// What tells the call from others.
    pub(crate) fn key(&self) -> Key {
        (self.region.clone(), self.call.clone(), self.argument.clone())
    }
}

/// Which collection the folder is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    /// What was asked for: a run that asks for something else starts anew.
    pub(crate) request: String,
    /// When it began.
    pub(crate) started: String,
    /// A number that no other collection has, to tell two of the same second apart.
    pub(crate) number: u64,
    /// Since when changes count, in seconds since 1970, where not all is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) since: Option<i64>,
}

impl Identity {
    /// A new collection's.
    pub(crate) fn new(request: String, started: String, since: Option<i64>) -> Self {
        Self { request, started, number: fastrand::u64(..), since }
    }

    /// What marks the folders that it put in place.
    fn mark(&self) -> String {
        format!("{} {:016x}", self.started, self.number)
    }
}

/// The folder of a collection that runs.
#[derive(Debug)]
pub(crate) struct Staging {
    out: PathBuf,
    work: PathBuf,
    pub(crate) identity: Identity,
    /// Whether it goes on from where another run stopped.
    pub(crate) resumed: bool,
    _lock: File,
}

pub(crate) fn failed(path: &Path, action: &'static str) -> impl FnOnce(io::Error) -> CollectError {
    let path = path.to_path_buf();
    move |source| CollectError::File { path, action, source }
}

impl Staging {
    /// Opens the folder of a collection: that of a run which was stopped and asked for the same, or
    /// a new one.
    pub(crate) fn open(out: &Path, identity: Identity) -> Result<Self, CollectError> {
        let work = out.join(WORK);
        // A run that was stopped while it put its first bodies in place left no `raw` yet.
        let is_ours = out.join("raw").is_dir() || work.join(IDENTITY).is_file();
        if out.is_dir() && !is_ours && has_files(out)? {
            let problem = "holds files and is no estate folder: name a new folder, or an estate";
            return Err(CollectError::Folder { path: out.to_path_buf(), problem });
        }
        fs::create_dir_all(&work).map_err(failed(&work, "written"))?;
        let lock = work.join("lock");
        let file = File::create(&lock).map_err(failed(&lock, "written"))?;
        if file.try_lock().is_err() {
            let problem = "is being written by another collection";
            return Err(CollectError::Folder { path: out.to_path_buf(), problem });
        }
        let path = work.join(IDENTITY);
        let known = fs::read(&path).ok();
        let known = known.and_then(|bytes| serde_json::from_slice::<Identity>(&bytes).ok());
        if let Some(known) = known.filter(|known| known.request == identity.request) {
            let out = out.to_path_buf();
            return Ok(Self { out, work, identity: known, resumed: true, _lock: file });
        }
        for entry in fs::read_dir(&work).map_err(failed(&work, "read"))? {
            let entry = entry.map_err(failed(&work, "read"))?.path();
            if entry.is_dir() {
                fs::remove_dir_all(&entry).map_err(failed(&entry, "written"))?;
            }
        }
        let text = serde_json::to_value(&identity).unwrap_or_default();
        write_whole(&path, &text)?;
        Ok(Self { out: out.to_path_buf(), work, identity, resumed: false, _lock: file })
    }

    /// The folder of an account, with what is done already.
    pub(crate) fn account(&self, account: &str) -> Result<AccountStaging, CollectError> {
        let place = self.place(account);
        let mark = self.identity.mark();
        let is_switched = fs::read_to_string(place.join(MARK)).is_ok_and(|known| known == mark);
        let folder = self.work.join(account);
        let bodies = if is_switched { place } else { folder.join("bodies") };
        AccountStaging::open(&folder, bodies, &mark)
    }

    /// Where an account's bodies are put.
    pub(crate) fn place(&self, account: &str) -> PathBuf {
        self.out.join("raw/aws").join(account)
    }

    /// Whether an account was collected before.
    pub(crate) fn has_older(&self, account: &str) -> bool {
        self.place(account).is_dir()
    }

    /// The description of the estate as it is.
    pub(crate) fn description(&self) -> Result<Value, CollectError> {
        let path = self.out.join("estate.json");
        match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|_error| CollectError::Folder {
                path,
                problem: "is no JSON: mend it or take it away",
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Value::Null),
            Err(source) => Err(CollectError::File { path, action: "read", source }),
        }
    }

    /// Replaces the description.
    pub(crate) fn describe(&self, description: &Value) -> Result<(), CollectError> {
        write_whole(&self.out.join("estate.json"), description)
    }

    /// Puts the folder of an account in the place of the old one; once more does nothing.
    pub(crate) fn switch(&self, account: &str) -> Result<(), CollectError> {
        let fresh = self.work.join(account).join("bodies");
        let place = self.place(account);
        let mark = fs::read_to_string(place.join(MARK)).unwrap_or_default();
        if mark == self.identity.mark() || !fresh.is_dir() {
            return Ok(());
        }
        let parent = self.out.join("raw/aws");
        fs::create_dir_all(&parent).map_err(failed(&parent, "written"))?;
        if !place.exists() {
            return fs::rename(&fresh, &place).map_err(failed(&place, "written"));
        }
        if renameat_with(CWD, &fresh, CWD, &place, RenameFlags::EXCHANGE).is_ok() {
            return Ok(());
        }
        // A file system that cannot exchange two folders: out of the way first.
        let old = self.work.join(account).join("old");
        fs::rename(&place, &old).map_err(failed(&place, "written"))?;
        fs::rename(&fresh, &place).map_err(failed(&place, "written"))
    }

    /// Takes the working folder away.
    pub(crate) fn finish(self) -> Result<(), CollectError> {
        fs::remove_dir_all(&self.work).map_err(failed(&self.work, "written"))
    }
}

/// Whether a folder holds anything but names that begin with a dot.
fn has_files(folder: &Path) -> Result<bool, CollectError> {
    for entry in fs::read_dir(folder).map_err(failed(folder, "read"))? {
        let name = entry.map_err(failed(folder, "read"))?.file_name();
        if !name.to_string_lossy().starts_with('.') {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The key of a call in a journal: region, call, argument.
pub(crate) type Key = (String, String, Option<String>);

/// The folder of an account while it is collected.
#[derive(Debug)]
pub(crate) struct AccountStaging {
    bodies: PathBuf,
    path: PathBuf,
    journal: Mutex<File>,
    done: Mutex<BTreeMap<Key, Done>>,
}

impl AccountStaging {
    fn open(folder: &Path, bodies: PathBuf, mark: &str) -> Result<Self, CollectError> {
        fs::create_dir_all(folder).map_err(failed(folder, "written"))?;
        fs::create_dir_all(&bodies).map_err(failed(&bodies, "written"))?;
        let marked = bodies.join(MARK);
        fs::write(&marked, mark).map_err(failed(&marked, "written"))?;
        let path = folder.join("journal");
        let text = match fs::read(&path) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(source) => return Err(CollectError::File { path, action: "read", source }),
        };
        let mut done = BTreeMap::new();
        let mut whole = 0;
        for line in text.split_inclusive('\n').filter(|line| line.ends_with('\n')) {
            whole += line.len();
            // What was refused is asked again.
            if let Ok(one) = serde_json::from_str::<Done>(line)
                && matches!(one.state, State::Answered | State::Absent)
            {
                done.insert(one.key(), one);
            }
        }
        let mut options = OpenOptions::new();
        let journal = options.append(true).create(true).open(&path);
        let journal = journal.map_err(failed(&path, "written"))?;
        // A line that was cut off when the run was stopped was never said.
        let length = u64::try_from(whole).unwrap_or(u64::MAX);
        journal.set_len(length).map_err(failed(&path, "written"))?;
        Ok(Self { bodies, path, journal: Mutex::new(journal), done: Mutex::new(done) })
    }

    /// What is known about a call already.
    pub(crate) fn find(&self, region: &str, call: &str, argument: Option<&str>) -> Option<Done> {
        let key = (region.to_owned(), call.to_owned(), argument.map(ToOwned::to_owned));
        self.done.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned()
    }

    /// Everything that is done, in order.
    pub(crate) fn all(&self) -> Vec<Done> {
        self.done.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// Says that a call is done. A body must have been written before.
    pub(crate) fn record(&self, done: Done) -> Result<(), CollectError> {
        let mut line = serde_json::to_string(&done).unwrap_or_default();
        line.push('\n');
        let mut journal = self.journal.lock().unwrap_or_else(PoisonError::into_inner);
        journal.write_all(line.as_bytes()).map_err(failed(&self.path, "written"))?;
        self.done.lock().unwrap_or_else(PoisonError::into_inner).insert(done.key(), done);
        Ok(())
    }

    /// Says in the folder of bodies what became of each call, for a later collection.
    pub(crate) fn seal(&self, table: &str, collected: &str) -> Result<(), CollectError> {
        former::seal(&self.bodies, table, collected, &self.all())
    }

    /// Writes a body in its place.
    pub(crate) fn write(
        &self,
        region: &str,
        call: &str,
        argument: Option<&str>,
        body: &Map<String, Value>,
    ) -> Result<(), CollectError> {
        let path = body_path(&self.bodies, region, call, argument);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(failed(folder, "written"))?;
        }
        write_whole(&path, body)
    }

    /// Reads a body that was written before.
    pub(crate) fn read(
        &self,
        region: &str,
        call: &str,
        argument: Option<&str>,
    ) -> Result<Value, CollectError> {
        let path = body_path(&self.bodies, region, call, argument);
        let bytes = fs::read(&path).map_err(failed(&path, "read"))?;
        serde_json::from_slice(&bytes).map_err(|_error| CollectError::Folder {
            path,
            problem: "was changed while the collection was interrupted: take `.collecting` away",
        })
    }
}

/// Where the body of a call lies in an account's folder.
pub(crate) fn body_path(
    folder: &Path,
    region: &str,
    call: &str,
    argument: Option<&str>,
) -> PathBuf {
    let folder = folder.join(region);
    match argument {
        Some(argument) => folder.join(call).join(format!("{}.json", file_name(argument))),
        None => folder.join(format!("{call}.json")),
    }
}

/// Writes a document beside its place and renames it there.
fn write_whole<T: Serialize>(path: &Path, document: &T) -> Result<(), CollectError> {
    let written = write_beside(path, |file| {
        let formatter = PrettyFormatter::with_indent(b"    ");
        document.serialize(&mut Serializer::with_formatter(&mut *file, formatter))?;
        file.write_all(b"\n")
    });
    written.map_err(failed(path, "written"))
}

/// Writes a file beside its place and renames it there.
pub(crate) fn write_beside(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let beside = path.with_file_name(format!(".{name}.part"));
    let mut file = BufWriter::new(File::create(&beside)?);
    write(&mut file)?;
    file.flush()?;
    fs::rename(&beside, path)
}
