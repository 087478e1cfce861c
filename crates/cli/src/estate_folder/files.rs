//! Which files an estate consists of.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use watertight_source::{Diagnostic, Diagnostics, Limits};

use super::{NOT_READ, PROVIDER_UNREAD};
use crate::exit::Failure;

/// Folders inside each other. Layouts in use have fewer than ten.
const FOLDERS_MAX: usize = 64;

/// Providers whose bodies are read.
const PROVIDERS: [&str; 2] = ["aws", "kubernetes"];
/// Where bodies of clusters are.
const CLUSTERS: &str = "raw/kubernetes/";

/// One file to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// Where it is.
    pub(super) path: PathBuf,
    /// How diagnostics call it.
    pub(super) shown: String,
    /// Its path within the estate, with `/` between names.
    pub(super) relative: String,
}

impl Found {
    /// Whether it tells of a cluster, and which: by the folders below `raw/kubernetes`.
    pub(super) fn cluster(&self) -> Option<&str> {
        let rest = self.relative.strip_prefix(CLUSTERS)?;
        let mut folders = rest.split('/');
        let (first, second) = (folders.next()?, folders.next());
        match (second, folders.next()) {
            (Some(second), Some(_)) => Some(second),
            (Some(_), None) => Some(first),
            (None, _) => Some("cluster"),
        }
    }
}

/// The files of an estate, ordered by their path within it.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// Bodies.
    pub(super) bodies: Vec<Found>,
    /// The description, `estate.json`.
    pub(super) manifest: Option<Found>,
}

/// Lists a folder, or a single file.
///
/// A folder with `raw/` is an estate as `docs/reference/estate-folder.md` defines it: the rest of
/// it is not the estate's. Any other folder is a bare tree of bodies.
pub(super) fn list(
    root: &Path,
    limits: &Limits,
    diagnostics: &mut Diagnostics,
) -> Result<Listing, Failure> {
    let shown = root.to_string_lossy().into_owned();
    let kind = fs::metadata(root).map_err(|error| no_estate(root, error))?;
    if kind.is_file() {
        let name = root.file_name().unwrap_or(root.as_os_str());
        let relative = name.to_string_lossy().into_owned();
        let found = Found { path: root.to_path_buf(), shown, relative };
        return Ok(Listing { bodies: vec![found], manifest: None });
    }
    let mut walk = Walk { limits, diagnostics, found: Vec::new(), above: Vec::new() };
    let raw = root.join("raw");
    let has_raw = raw.is_dir();
    let start = if has_raw { raw.as_path() } else { root };
    walk.folder(start, if has_raw { "raw" } else { "" })?;
    let mut bodies = walk.found;
    if has_raw {
        bodies = of_known_providers(bodies, diagnostics);
    }
    bodies.sort_by(|left, right| left.relative.cmp(&right.relative));
    let path = root.join("estate.json");
    let manifest = path.is_file().then(|| Found {
        shown: path.to_string_lossy().into_owned(),
        path,
        relative: "estate.json".to_owned(),
    });
    bodies.retain(|found| found.relative != "estate.json");
    Ok(Listing { bodies, manifest })
}

fn no_estate(root: &Path, error: io::Error) -> Failure {
    if error.kind() == io::ErrorKind::NotFound {
        Failure::Estate(format!(
            "`{}` does not exist: name a folder of bodies, or one body",
            root.display()
        ))
    } else {
        Failure::File { path: root.to_path_buf(), action: "read", source: error }
    }
}

/// Keeps the bodies whose provider is read; says once for each other one that it is not.
fn of_known_providers(bodies: Vec<Found>, diagnostics: &mut Diagnostics) -> Vec<Found> {
    let provider_of = |found: &Found| found.relative.split('/').nth(1).map(ToOwned::to_owned);
    let mut others: Vec<String> =
        bodies.iter().filter_map(provider_of).filter(|one| !is_read(one)).collect();
    others.sort();
    others.dedup();
    for provider in others {
        let read = PROVIDERS.map(|one| format!("`raw/{one}`")).join(" and ");
        let message = format!("bodies in `raw/{provider}` are not read: only {read} are");
        diagnostics.push(Diagnostic::warning(PROVIDER_UNREAD, message));
    }
    bodies.into_iter().filter(|found| provider_of(found).is_some_and(|one| is_read(&one))).collect()
}

fn is_read(provider: &str) -> bool {
    PROVIDERS.contains(&provider)
}

struct Walk<'w> {
    limits: &'w Limits,
    diagnostics: &'w mut Diagnostics,
    found: Vec<Found>,
    /// The folders that are being read, outermost first, without symbolic links.
    above: Vec<PathBuf>,
}

impl Walk<'_> {
    fn folder(&mut self, folder: &Path, relative: &str) -> Result<(), Failure> {
        let failed = |source| Failure::File { path: folder.to_path_buf(), action: "read", source };
        let real = fs::canonicalize(folder).map_err(failed)?;
        if self.above.contains(&real) {
            return Err(Failure::Estate(format!(
                "`{}` is a symbolic link that leads back to a folder above it",
                folder.display()
            )));
        }
        if self.above.len() >= FOLDERS_MAX {
            return Err(Failure::Estate(format!(
                "`{}` lies more than {FOLDERS_MAX} folders deep",
                folder.display()
            )));
        }
        self.above.push(real);
        for entry in fs::read_dir(folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name();
            let Some(name) = name.to_str() else {
                return Err(Failure::Estate(format!(
                    "the name of `{}` is not UTF-8",
                    entry.path().display()
                )));
            };
            if name.starts_with('.') {
                continue;
            }
            let relative =
                if relative.is_empty() { name.to_owned() } else { format!("{relative}/{name}") };
            self.entry(entry.path(), relative)?;
        }
        self.above.pop();
        Ok(())
    }

    fn entry(&mut self, path: PathBuf, relative: String) -> Result<(), Failure> {
        let kind = match fs::metadata(&path) {
            Ok(kind) => kind,
            Err(source) => return Err(Failure::File { path, action: "read", source }),
        };
        if kind.is_dir() {
            return self.folder(&path, &relative);
        }
        let shown = path.to_string_lossy().into_owned();
        let extension = path.extension().map(std::ffi::OsStr::to_ascii_lowercase);
        let is_body = extension.is_some_and(|one| {
            one == "json" || relative.starts_with(CLUSTERS) && (one == "yaml" || one == "yml")
        });
        if !kind.is_file() || !is_body {
            let message = format!("`{shown}` is not read: it is no `.json` file");
            self.diagnostics.push(Diagnostic::note(NOT_READ, message));
            return Ok(());
        }
        let files_max = usize::try_from(self.limits.files_max).unwrap_or(usize::MAX);
        if self.found.len() >= files_max {
            return Err(Failure::Estate(format!(
                "the estate has more than {files_max} files, the limit `files_max`"
            )));
        }
        self.found.push(Found { path, shown, relative });
        Ok(())
    }
}
