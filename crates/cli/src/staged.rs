//! Files written all or none: each is written beside its place, and then all are renamed.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::exit::Failure;

/// A file that gets another content.
pub(crate) struct Change {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// What it held when it was read; nothing where it was not there.
    pub(crate) old: Option<Vec<u8>>,
    /// What it is to hold.
    pub(crate) new: Vec<u8>,
}

impl Change {
    /// A file that is written whatever it holds.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    pub(crate) fn of_output(path: &Path, new: Vec<u8>) -> Result<Self, Failure> {
        let old = match fs::read(path) {
            Ok(old) => Some(old),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(failed(path, error)),
        };
        Ok(Self { path: path.to_path_buf(), old, new })
    }
}

/// Writes all files in their order, or none.
///
/// # Errors
/// When one cannot be written, and when one does not hold any more what was read.
pub(crate) fn write(changes: &[Change]) -> Result<(), Failure> {
    let mut staged: Vec<(PathBuf, PathBuf)> = Vec::with_capacity(changes.len());
    for change in changes {
        match stage(&change.path, &change.new) {
            Ok(pair) => staged.push(pair),
            Err(source) => {
                discard(&staged);
                return Err(failed(&change.path, source));
            }
        }
    }
    if let Some(change) = changes.iter().find(|change| !is_as_read(change)) {
        discard(&staged);
        let source = io::Error::other("it was changed since it was read; nothing is written");
        return Err(failed(&change.path, source));
    }
    for (place, (fresh, path)) in staged.iter().enumerate() {
        if let Err(source) = fs::rename(fresh, path) {
            discard(staged.get(place..).unwrap_or_default());
            for change in changes.iter().take(place) {
                restore(change);
            }
            return Err(failed(path, source));
        }
    }
    Ok(())
}

/// What was renamed gets what it held again, as far as that is possible.
fn restore(change: &Change) {
    let Some(old) = &change.old else {
        let _removed = fs::remove_file(&change.path);
        return;
    };
    let again = stage(&change.path, old);
    let _restored = again.and_then(|(fresh, path)| fs::rename(fresh, path));
}

fn is_as_read(change: &Change) -> bool {
    match (&change.old, fs::read(&change.path)) {
        (Some(old), Ok(now)) => *old == now,
        (None, Err(error)) => error.kind() == io::ErrorKind::NotFound,
        _ => false,
    }
}

/// Writes a file piece by piece, whole or not at all: what is no file, such as a pipe or a device, is written as it
/// comes.
///
/// # Errors
/// When it cannot be written: then the file is as it was.
pub(crate) fn stream(
    path: &Path,
    tell: impl FnOnce(&mut File) -> io::Result<()>,
) -> Result<(), Failure> {
    let is_file = fs::metadata(path).map_or(true, |found| found.is_file());
    let written = if is_file {
        beside(path, tell).and_then(|(fresh, path)| {
            fs::rename(&fresh, path).inspect_err(|_| {
                let _removed = fs::remove_file(&fresh);
            })
        })
    } else {
        OpenOptions::new().write(true).open(path).and_then(|mut file| tell(&mut file))
    };
    written.map_err(|source| failed(path, source))
}

/// Writes a text beside a file, so that it stays when the machine goes down. Returns where, and the file behind links.
fn stage(path: &Path, text: &[u8]) -> io::Result<(PathBuf, PathBuf)> {
    beside(path, |file| {
        file.write_all(text)?;
        file.sync_all()
    })
}

/// Writes beside a file, with the permissions of the file that is there. Returns where, and the file behind links.
fn beside(
    path: &Path,
    tell: impl FnOnce(&mut File) -> io::Result<()>,
) -> io::Result<(PathBuf, PathBuf)> {
    let path = match fs::canonicalize(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => path.to_path_buf(),
        other => other?,
    };
    let permissions = fs::metadata(&path).map(|found| found.permissions()).ok();
    if permissions.as_ref().is_some_and(fs::Permissions::readonly) {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "it is read-only"));
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let fresh = path.with_file_name(format!(".{name}.{}.new", std::process::id()));
    let written =
        OpenOptions::new().write(true).create_new(true).open(&fresh).and_then(|mut file| {
            permissions.map_or(Ok(()), |permissions| file.set_permissions(permissions))?;
            tell(&mut file)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<String> =
            entries.map(|one| one.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_that_cannot_be_written_whole_stays_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plan");
        fs::write(&path, "before").unwrap();
        let full = |file: &mut File| {
            file.write_all(b"a part")?;
            Err(io::Error::from(io::ErrorKind::StorageFull))
        };
        let error = stream(&path, full).unwrap_err().to_string();
        assert!(error.contains("plan"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), b"before");
        stream(&path, |file| file.write_all(b"after")).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"after");
        assert_eq!(names(folder.path()), ["plan"]);
        stream(Path::new("/dev/null"), |file| file.write_all(b"gone")).unwrap();
    }

    #[test]
    fn a_file_that_was_changed_since_it_was_read_keeps_all_from_being_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("a"), "theirs").unwrap();
        let edit =
            |old: &[u8]| Change { path: path("a"), old: Some(old.to_vec()), new: b"new".to_vec() };
        let plan = || Change::of_output(&path("plan"), b"plan".to_vec()).unwrap();
        let error = write(&[plan(), edit(b"ours")]).unwrap_err().to_string();
        assert!(error.contains("changed since it was read"), "{error}");
        assert_eq!(
            (names(folder.path()), fs::read(path("a")).unwrap()),
            (vec!["a".to_owned()], b"theirs".to_vec())
        );
        write(&[plan(), edit(b"theirs")]).unwrap();
        assert_eq!(names(folder.path()), ["a", "plan"]);
        assert_eq!(fs::read(path("a")).unwrap(), b"new");
    }

    #[test]
    fn a_file_that_cannot_be_renamed_gives_the_others_back_what_they_held() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("a"), "old").unwrap();
        let first = Change { path: path("a"), old: Some(b"old".to_vec()), new: b"new".to_vec() };
        let fresh = Change { path: path("b"), old: None, new: b"new".to_vec() };
        // A folder is where the third is to be.
        let third = || Change { path: path("c"), old: None, new: b"new".to_vec() };
        fs::create_dir(path("c")).unwrap();
        assert!(write(&[first, fresh, third()]).is_err());
        assert_eq!(fs::read(path("a")).unwrap(), b"old");
        assert_eq!(names(folder.path()), ["a", "c"]);
    }
}
