//! The files of a policy.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use watertight_policy::{Documents, Feeds, Format, feeds_of};
use watertight_source::{Code, Contents, Diagnostic, Diagnostics, FileId, Limits, Sources};

use crate::exit::Failure;

/// Folders inside each other.
const FOLDERS_MAX: usize = 64;
/// A file cannot be taken as input.
const TOO_MUCH: Code = Code("WT0904");

/// Texts that an editor holds, by the real path of the file that they are of.
pub(super) type Open = BTreeMap<PathBuf, String>;

/// Files as they were read last, each with what it came to: what has not changed since is not read again.
#[derive(Default)]
pub(super) struct Parsed(BTreeMap<FileId, ParsedFile>);

impl Parsed {
    /// Nothing.
    pub(super) const fn new() -> Self {
        Self(BTreeMap::new())
    }
}

struct ParsedFile {
    path: String,
    contents: Contents,
    documents: Documents,
    said: Diagnostics,
}

/// Everything that was read.
pub(super) struct Files {
    pub(super) sources: Sources,
    pub(super) documents: Documents,
    pub(super) diagnostics: Diagnostics,
    limits: Limits,
    open: Open,
    /// What was read before and now, where somebody will read the same again.
    parsed: Option<(Parsed, Parsed)>,
}

impl Files {
    /// Reads every file and folder. What is wrong with a file goes to the diagnostics.
    ///
    /// # Errors
    /// When a file cannot be read, or there is none.
    pub(super) fn read(paths: &[PathBuf]) -> Result<Self, Failure> {
        Self::read_all(paths, Open::new(), None)
    }

    /// As [`read`](Self::read), with texts in the place of what is on disk, and without reading again
    /// what was read before. Gives what was read now.
    ///
    /// # Errors
    /// As there.
    pub(super) fn read_with(
        paths: &[PathBuf],
        open: Open,
        before: Parsed,
    ) -> Result<(Self, Parsed), Failure> {
        let mut files = Self::read_all(paths, open, Some((before, Parsed::default())))?;
        let (_, now) = files.parsed.take().unwrap_or_default();
        Ok((files, now))
    }

    fn read_all(
        paths: &[PathBuf],
        open: Open,
        parsed: Option<(Parsed, Parsed)>,
    ) -> Result<Self, Failure> {
        // A policy is written by people: what is larger is a mistake, or an attack.
        let limits =
            Limits { file_bytes_max: 256 << 20, nodes_max: 20_000_000, ..Limits::default() };
        let mut files = Self {
            sources: Sources::with_limits(limits.clone()),
            documents: Documents::default(),
            diagnostics: Diagnostics::new(&limits),
            limits,
            open,
            parsed,
        };
        for path in paths {
            files.path(path, FOLDERS_MAX)?;
        }
        if !paths.is_empty() && files.sources.is_empty() && !files.diagnostics.has_errors() {
            let named: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
            return Err(Failure::Estate(format!(
                "`{}` holds no policy: expected files ending in `.yaml`, `.yml` or `.json`",
                named.join("`, `")
            )));
        }
        Ok(files)
    }

    /// Reads one more text, as if it stood in a file.
    pub(super) fn add_text(&mut self, path: &str, text: &str) {
        if let Some((file, contents)) = self.add_bytes(Path::new(path), text.as_bytes().to_vec()) {
            let Self { documents, diagnostics, limits, .. } = self;
            documents.read(file, &contents, Format::of_path(path), limits, diagnostics);
        }
    }

    /// The files that feeds name. One that is not there is left out, which the check reports.
    ///
    /// # Errors
    /// When a file is there and cannot be read.
    pub(super) fn feeds(&mut self) -> Result<Feeds, Failure> {
        let mut feeds = Feeds::new();
        for (file, name) in feeds_of(&self.documents) {
            let beside = PathBuf::from(self.sources.path(file));
            let path = beside.parent().unwrap_or(Path::new("")).join(&*name);
            if !path.is_file() {
                continue;
            }
            if let Some((feed, contents)) = self.add(&path)? {
                feeds.insert((file, name), (feed, contents));
            }
        }
        Ok(feeds)
    }

    /// The bounds on what is read.
    pub(super) fn limits(&self) -> &Limits {
        &self.limits
    }

    fn path(&mut self, path: &Path, left: usize) -> Result<(), Failure> {
        let kind = fs::metadata(path).map_err(|source| failed(path, source))?;
        if !kind.is_dir() {
            return self.file(path);
        }
        let Some(left) = left.checked_sub(1) else {
            return Err(Failure::Estate(format!(
                "`{}` lies more than {FOLDERS_MAX} folders deep, or links lead back to it",
                path.display()
            )));
        };
        let mut paths = Vec::new();
        for entry in fs::read_dir(path).map_err(|source| failed(path, source))? {
            paths.push(entry.map_err(|source| failed(path, source))?.path());
        }
        paths.sort();
        for path in paths {
            let name = path.file_name().map(std::ffi::OsStr::as_encoded_bytes);
            if name.is_none_or(|name| name.starts_with(b".")) {
                continue;
            }
            if path.is_dir() || is_policy(&path) {
                self.path(&path, left)?;
            }
        }
        Ok(())
    }

    fn file(&mut self, path: &Path) -> Result<(), Failure> {
        if let Some((file, contents)) = self.add(path)? {
            let format = Format::of_path(&path.to_string_lossy());
            let Self { sources, documents, diagnostics, limits, parsed, .. } = self;
            let Some((before, now)) = parsed else {
                documents.read(file, &contents, format, limits, diagnostics);
                return Ok(());
            };
            let path = sources.path(file).to_owned();
            let is_same = |one: &ParsedFile| {
                one.path == path && one.contents.as_bytes() == contents.as_bytes()
            };
            let one = before.0.remove(&file).filter(is_same).unwrap_or_else(|| {
                let (mut own, mut said) = (Documents::default(), Diagnostics::new(limits));
                own.read(file, &contents, format, limits, &mut said);
                ParsedFile { path, contents, documents: own, said }
            });
            documents.extend(&one.documents);
            diagnostics.merge(one.said.clone());
            now.0.insert(file, one);
        }
        Ok(())
    }

    fn add(&mut self, path: &Path) -> Result<Option<(FileId, Contents)>, Failure> {
        let mut bytes = Vec::new();
        if let Some(text) = self.open.get(&real(path)) {
            bytes.extend_from_slice(text.as_bytes());
            return Ok(self.add_bytes(path, bytes));
        }
        let file = File::open(path).map_err(|source| failed(path, source))?;
        // One byte past the limit is enough to know that the file is too large.
        let limit = self.limits.file_bytes_max.saturating_add(1);
        file.take(limit).read_to_end(&mut bytes).map_err(|source| failed(path, source))?;
        Ok(self.add_bytes(path, bytes))
    }

    fn add_bytes(&mut self, path: &Path, bytes: Vec<u8>) -> Option<(FileId, Contents)> {
        match self.sources.add(path.to_string_lossy(), bytes) {
            Ok(file) => Some((file, self.sources.contents(file).clone())),
            Err(error) => {
                self.diagnostics.push(Diagnostic::error(TOO_MUCH, error.to_string()));
                None
            }
        }
    }
}

/// A path without links, where there is such a file; else the path as it is.
pub(super) fn real(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_absent| path.to_path_buf())
}

/// Whether a file of a folder belongs to the policy, by its name.
fn is_policy(path: &Path) -> bool {
    let extension = path.extension().map(std::ffi::OsStr::to_ascii_lowercase);
    extension.is_some_and(|one| one == "yaml" || one == "yml" || one == "json")
}

fn failed(path: &Path, source: std::io::Error) -> Failure {
    Failure::File { path: path.to_path_buf(), action: "read", source }
}
