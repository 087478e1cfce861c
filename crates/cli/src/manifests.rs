//! Kubernetes manifests as input: files, folders and standard input.
//!
//! A folder is read with its subfolders, in the order of names; files ending in `.yaml`, `.yml` and
//! `.json` are manifests. What is malformed is an error that says where, and the rest is used,
//! unless `--strict` forbids it.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use watertight_aws::Body;
use watertight_kubernetes::{Converted, Options, convert};
use watertight_source::{Code, Diagnostic, Diagnostics, FileId, Limits, Severity, Sources, Tree};

use crate::args::InputArguments;
use crate::diagnostics;
use crate::estate_folder::{Loaded, identity};
use crate::exit::Failure;

/// Folders inside each other.
const FOLDERS_MAX: usize = 64;
/// A file cannot be taken as input.
const TOO_MUCH: Code = Code("WT0904");
/// Bytes that the documents of a malformed file may take when each is read for itself.
const APART_BYTES_MAX: usize = 256 << 20;
/// The name that stands for standard input.
const STANDARD_INPUT: &str = "-";

/// Reads manifests and says on standard error what there is to know about them.
///
/// # Errors
/// When a file cannot be read, when there is no manifest at all, and with `--strict` when anything
/// is malformed or odd.
pub(crate) fn load(paths: &[PathBuf], arguments: &InputArguments) -> Result<Loaded, Failure> {
    load_as(paths, arguments, &Options::default())
}

/// [`load`], with services as ends that packets can be sent to.
pub(crate) fn load_with_services(
    paths: &[PathBuf],
    arguments: &InputArguments,
) -> Result<Loaded, Failure> {
    load_as(paths, arguments, &Options { services: true, ..Options::default() })
}

fn load_as(
    paths: &[PathBuf],
    arguments: &InputArguments,
    options: &Options,
) -> Result<Loaded, Failure> {
    let limits = Limits::default();
    let mut input = Input {
        sources: Sources::with_limits(limits.clone()),
        diagnostics: Diagnostics::new(&limits),
        documents: Vec::new(),
        limits,
    };
    for path in paths {
        input.path(path)?;
    }
    if input.documents.is_empty() && !input.diagnostics.has_errors() {
        let named: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
        return Err(Failure::Estate(format!(
            "`{}` holds no manifest: expected files ending in `.yaml`, `.yml` or `.json`",
            named.join("`, `")
        )));
    }
    let id = identity::of(&input.documents, None);
    let documents: Vec<Tree> = input.documents.into_iter().map(|body| body.tree).collect();
    let options = Options { limits: input.limits, ..options.clone() };
    let Converted { mut estate, diagnostics: converted } = convert(&documents, &options);
    estate.id = id;
    input.diagnostics.merge(converted);
    let errors = input.diagnostics.errors();
    let sorted = input.diagnostics.into_sorted();
    let sources = input.sources;
    let of = |wanted: Severity| -> Vec<Diagnostic> {
        sorted.iter().filter(|one| one.severity == wanted).cloned().collect()
    };
    if errors > 0 {
        diagnostics::errors(&of(Severity::Error), &sources, arguments.verbose);
        if arguments.strict || documents.is_empty() {
            return Err(Failure::Reported { errors });
        }
    }
    let warnings = diagnostics::count(&sorted, Severity::Warning);
    if arguments.strict && warnings > 0 {
        diagnostics::errors(&of(Severity::Warning), &sources, arguments.verbose);
        return Err(Failure::Strict { warnings });
    }
    let rest: Vec<Diagnostic> =
        sorted.iter().filter(|one| one.severity != Severity::Error).cloned().collect();
    diagnostics::summarise(&rest, &sources, arguments.verbose);
    Ok(Loaded { estate, sources, diagnostics: sorted })
}

/// What was read so far.
struct Input {
    sources: Sources,
    diagnostics: Diagnostics,
    documents: Vec<Body>,
    limits: Limits,
}

impl Input {
    fn path(&mut self, path: &Path) -> Result<(), Failure> {
        if path.as_os_str() == STANDARD_INPUT {
            return self.text("(standard input)", std::io::stdin().lock(), path);
        }
        let kind = fs::metadata(path).map_err(|source| failed(path, source))?;
        if kind.is_dir() { self.folder(path, FOLDERS_MAX) } else { self.file(path) }
    }

    fn folder(&mut self, folder: &Path, left: usize) -> Result<(), Failure> {
        let Some(left) = left.checked_sub(1) else {
            return Err(Failure::Estate(format!(
                "`{}` lies more than {FOLDERS_MAX} folders deep, or links lead back to it",
                folder.display()
            )));
        };
        let mut paths = Vec::new();
        for entry in fs::read_dir(folder).map_err(|source| failed(folder, source))? {
            paths.push(entry.map_err(|source| failed(folder, source))?.path());
        }
        paths.sort();
        for path in paths {
            let name = path.file_name().map(std::ffi::OsStr::as_encoded_bytes);
            let hidden = name.is_some_and(|name| name.starts_with(b"."));
            let kind = fs::metadata(&path).map_err(|source| failed(&path, source))?;
            if hidden {
                continue;
            }
            if kind.is_dir() {
                self.folder(&path, left)?;
            } else if is_manifest(&path) {
                self.file(&path)?;
            }
        }
        Ok(())
    }

    fn file(&mut self, path: &Path) -> Result<(), Failure> {
        let file = File::open(path).map_err(|source| failed(path, source))?;
        self.text(&path.to_string_lossy(), file, path)
    }

    fn text(&mut self, shown: &str, from: impl Read, path: &Path) -> Result<(), Failure> {
        let mut bytes = Vec::new();
        // One byte past the limit is enough to know that the file is too large.
        let limit = self.limits.file_bytes_max.saturating_add(1);
        from.take(limit).read_to_end(&mut bytes).map_err(|source| failed(path, source))?;
        let file: FileId = match self.sources.add(shown, bytes) {
            Ok(file) => file,
            Err(error) => {
                self.diagnostics.push(Diagnostic::error(TOO_MUCH, error.to_string()));
                return Ok(());
            }
        };
        let contents = self.sources.contents(file).clone();
        let parsed = if path.extension().is_some_and(|one| one.eq_ignore_ascii_case("json")) {
            Tree::parse_json(file, &contents, &self.limits).map(|tree| vec![tree])
        } else {
            Tree::parse_yaml_documents(file, &contents, &self.limits)
        };
        match parsed {
            Ok(trees) => self.add(shown, trees),
            Err(error) => match contents.as_str().ok().and_then(apart) {
                Some(texts) => {
                    for text in texts {
                        match Tree::parse_yaml_documents(file, text, &self.limits) {
                            Ok(trees) => self.add(shown, trees),
                            Err(error) => self.diagnostics.push(error),
                        }
                    }
                }
                None => self.diagnostics.push(error),
            },
        }
        Ok(())
    }

    fn add(&mut self, shown: &str, trees: Vec<Tree>) {
        let bodies = trees.into_iter().map(|tree| Body { path: shown.to_owned(), tree });
        self.documents.extend(bodies);
    }
}

/// The documents of a malformed file one by one, each with blanks in the place of the others, so
/// that places stay; nothing for one document, or for more text than is worth it.
fn apart(text: &str) -> Option<Vec<String>> {
    let mut starts = vec![0];
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        if line.trim_end() == "---" || line.starts_with("--- ") {
            starts.push(offset);
        }
        offset += line.len();
    }
    if starts.len() < 2 || starts.len().saturating_mul(text.len()) > APART_BYTES_MAX {
        return None;
    }
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    let blank = |part: &str| -> String {
        part.bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }).collect()
    };
    let each = starts.iter().copied().zip(ends).filter_map(|(start, end)| {
        Some(format!("{}{}", blank(text.get(..start)?), text.get(start..end)?))
    });
    Some(each.collect())
}

/// Whether a file of a folder is a manifest, by its name.
fn is_manifest(path: &Path) -> bool {
    let extension = path.extension().map(std::ffi::OsStr::to_ascii_lowercase);
    extension.is_some_and(|one| one == "yaml" || one == "yml" || one == "json")
}

fn failed(path: &Path, source: std::io::Error) -> Failure {
    Failure::File { path: path.to_path_buf(), action: "read", source }
}
