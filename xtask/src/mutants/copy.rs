//! A copy of the checkout that stays where it is, so that a build finds what it built before.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::workspace::Error;

/// What a build reads, from the root of the checkout.
const COPIED: &[&str] =
    &["Cargo.toml", "Cargo.lock", "crates", "fuzz", "xtask", "docs", "examples", "testdata"];

/// Makes the copy equal to the checkout. Files that are equal already are left alone: a new time
/// of change would have them built again.
pub(super) fn refresh(root: &Path, copy: &Path) -> Result<(), Error> {
    let mut wanted = BTreeSet::new();
    for name in COPIED {
        files(root, &root.join(name), &mut wanted)?;
    }
    let mut present = BTreeSet::new();
    if copy.is_dir() {
        files(copy, copy, &mut present)?;
    }
    for gone in present.difference(&wanted) {
        let path = copy.join(gone);
        std::fs::remove_file(&path).map_err(|source| Error::File { path, source })?;
    }
    for file in &wanted {
        let from = root.join(file);
        let content = std::fs::read(&from).map_err(|source| Error::File { path: from, source })?;
        let to = copy.join(file);
        if std::fs::read(&to).is_ok_and(|present| present == content) {
            continue;
        }
        write_bytes(&to, &content)?;
    }
    Ok(())
}

/// The text of a file.
pub(super) fn read(path: &Path) -> Result<String, Error> {
    std::fs::read_to_string(path).map_err(|source| Error::File { path: path.to_path_buf(), source })
}

/// Replaces a file's text.
pub(super) fn write(path: &Path, text: &str) -> Result<(), Error> {
    write_bytes(path, text.as_bytes())
}

fn write_bytes(path: &Path, content: &[u8]) -> Result<(), Error> {
    let failed = |source| Error::File { path: path.to_path_buf(), source };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    std::fs::write(path, content).map_err(failed)
}

/// Every file at or below a path, relative to the root; build folders are left out.
fn files(root: &Path, path: &Path, found: &mut BTreeSet<PathBuf>) -> Result<(), Error> {
    let failed = |source| Error::File { path: path.to_path_buf(), source };
    if !path.is_dir() {
        if path.exists() {
            found.insert(path.strip_prefix(root).unwrap_or(path).to_path_buf());
        }
        return Ok(());
    }
    if path.file_name().is_some_and(|name| name == "target") {
        return Ok(());
    }
    for entry in std::fs::read_dir(path).map_err(failed)? {
        files(root, &entry.map_err(failed)?.path(), found)?;
    }
    Ok(())
}
