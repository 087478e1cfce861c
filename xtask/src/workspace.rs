//! What the checks look at: the files of the checkout and the packages that cargo sees in it.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

/// Folders that hold nothing written by hand.
const SKIPPED_FOLDERS: &[&str] = &[".git", "target", "out", "node_modules"];

/// Why a chore could not even start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// No folder at or above the current one has a workspace manifest.
    #[error("no workspace manifest at or above `{0}`; run this inside the checkout")]
    NoRoot(PathBuf),
    /// A file or folder could not be read or written.
    #[error("cannot use `{path}`: {source}")]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A program could not be started.
    #[error("cannot start `{program}`: {source}")]
    Start {
        /// The program.
        program: String,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// `cargo metadata` failed or printed something else than its document.
    #[error("`cargo metadata` gave no package list: {0}")]
    Metadata(String),
}

/// The checkout's root: the nearest folder upwards whose manifest has a `[workspace]` table.
pub(crate) fn root() -> Result<PathBuf, Error> {
    let here = Path::new(".");
    let here =
        here.canonicalize().map_err(|source| Error::File { path: here.to_path_buf(), source })?;
    let is_root = |folder: &&Path| {
        std::fs::read_to_string(folder.join("Cargo.toml"))
            .is_ok_and(|manifest| manifest.lines().any(|line| line.trim() == "[workspace]"))
    };
    here.ancestors().find(is_root).map(Path::to_path_buf).ok_or(Error::NoRoot(here.clone()))
}

/// A package of the workspace.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Package {
    /// Its name in the manifest.
    pub(crate) name: String,
    /// Its manifest; absolute as cargo prints it, relative to the root once in a [`Tree`].
    pub(crate) manifest_path: String,
    /// What it depends on.
    pub(crate) dependencies: Vec<Dependency>,
}

impl Package {
    /// The package's folder, relative to the root.
    pub(crate) fn folder(&self) -> &str {
        self.manifest_path.strip_suffix("/Cargo.toml").unwrap_or("")
    }
}

/// One dependency of a package.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Dependency {
    /// The package that it names.
    pub(crate) name: String,
    /// `dev`, `build`, or nothing for a normal one.
    pub(crate) kind: Option<String>,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

/// The files of the checkout, by path relative to the root, and its packages.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    /// Every file; the text where it is UTF-8 and of a kind that the checks read.
    pub(crate) files: BTreeMap<String, Option<String>>,
    /// The members of the workspace.
    pub(crate) packages: Vec<Package>,
}

impl Tree {
    /// Reads the checkout at `root`.
    pub(crate) fn read(root: &Path) -> Result<Self, Error> {
        let mut tree = Self::default();
        tree.walk(root, root)?;
        tree.packages = packages(root)?;
        Ok(tree)
    }

    /// The files that were read as text and whose path satisfies `wanted`.
    pub(crate) fn texts(
        &self,
        wanted: impl Fn(&str) -> bool,
    ) -> impl Iterator<Item = (&str, &str)> {
        let texts = self.files.iter().filter_map(|(path, text)| Some((&**path, text.as_deref()?)));
        texts.filter(move |(path, _)| wanted(path))
    }

    /// Whether `path`, relative to the root, is a file or a folder that holds one.
    pub(crate) fn contains(&self, path: &str) -> bool {
        let folder = format!("{path}/");
        path.is_empty()
            || self.files.contains_key(path)
            || self.files.range(folder.clone()..).next().is_some_and(|f| f.0.starts_with(&folder))
    }

    fn walk(&mut self, root: &Path, folder: &Path) -> Result<(), Error> {
        let failed = |source| Error::File { path: folder.to_path_buf(), source };
        for entry in std::fs::read_dir(folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let path = entry.path();
            let name = entry.file_name();
            if entry.file_type().map_err(failed)?.is_dir() {
                if !SKIPPED_FOLDERS.iter().any(|skipped| name == OsStr::new(skipped)) {
                    self.walk(root, &path)?;
                }
                continue;
            }
            let relative = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
            let text = if is_text(&relative) { std::fs::read_to_string(&path).ok() } else { None };
            self.files.insert(relative, text);
        }
        Ok(())
    }
}

/// Whether a path ends in the extension `wanted`.
pub(crate) fn has_extension(path: &str, wanted: &str) -> bool {
    Path::new(path).extension() == Some(OsStr::new(wanted))
}

/// Whether the checks read a file: what people write, not data and golden output.
fn is_text(path: &str) -> bool {
    let by_extension = ["rs", "md", "toml", "css", "js"].iter().any(|end| has_extension(path, end));
    let is_written = by_extension || path == "Makefile" || path.starts_with(".ci/");
    is_written && !path.split('/').any(|part| part == "testdata")
}

fn packages(root: &Path) -> Result<Vec<Package>, Error> {
    let program = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = Command::new(&program)
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root)
        .output()
        .map_err(|source| Error::Start { program, source })?;
    if !output.status.success() {
        return Err(Error::Metadata(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
    }
    let metadata: Metadata = serde_json::from_slice(&output.stdout)
        .map_err(|error| Error::Metadata(error.to_string()))?;
    let relative = |mut package: Package| {
        let manifest = Path::new(&package.manifest_path);
        let manifest = manifest.strip_prefix(root).unwrap_or(manifest);
        package.manifest_path = manifest.to_string_lossy().into_owned();
        package
    };
    Ok(metadata.packages.into_iter().map(relative).collect())
}
