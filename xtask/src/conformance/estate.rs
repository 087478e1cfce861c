//! Bodies on disk, or made here, into an estate.

use std::path::Path;

use watertight_aws::{Body, Options, convert};
use watertight_model::Estate;
use watertight_source::{Limits, Sources, Tree};

use crate::workspace::Error;

/// A body: its path in the estate's folder, and its text.
pub(super) type Text = (String, String);

/// Every JSON file below a folder, ordered by path.
pub(super) fn read_folder(folder: &Path) -> Result<Vec<Text>, Error> {
    let mut found = Vec::new();
    walk(folder, folder, &mut found)?;
    found.sort();
    Ok(found)
}

/// The names in a folder, ordered.
pub(super) fn entries(folder: &Path) -> Result<Vec<String>, Error> {
    let failed = |source| Error::File { path: folder.to_path_buf(), source };
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        names.push(entry.map_err(failed)?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

/// The text of a file.
pub(super) fn read(path: &Path) -> Result<String, Error> {
    let failed = |source| Error::File { path: path.to_path_buf(), source };
    std::fs::read_to_string(path).map_err(failed)
}

fn walk(root: &Path, folder: &Path, found: &mut Vec<Text>) -> Result<(), Error> {
    for name in entries(folder)? {
        let path = folder.join(&name);
        if path.is_dir() {
            walk(root, &path, found)?;
        } else if crate::workspace::has_extension(&name, "json") {
            let relative = path.strip_prefix(root).unwrap_or(&path);
            found.push((relative.to_string_lossy().into_owned(), read(&path)?));
        }
    }
    Ok(())
}

/// Converts bodies; the error says which one cannot be read.
pub(super) fn estate_of(texts: &[Text]) -> Result<Estate, String> {
    let limits = Limits::default();
    let mut sources = Sources::new();
    let mut bodies = Vec::new();
    for (path, text) in texts {
        let file = sources.add(path, text.as_str()).map_err(|error| error.to_string())?;
        let tree = Tree::parse_json(file, sources.contents(file), &limits)
            .map_err(|error| format!("`{path}` cannot be read: {error}"))?;
        bodies.push(Body { path: path.clone(), tree });
    }
    Ok(convert(&bodies, &Options::default()).estate)
}
