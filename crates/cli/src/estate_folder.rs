//! The estate on disk: which files are read, and what they say.
//!
//! `docs/reference/estate-folder.md` describes the folder. Everything is read before anything is
//! answered; what cannot be read as it stands is an error that says where.

mod files;
pub(crate) mod identity;
mod manifest;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use watertight_aws::{Body, Options};
use watertight_model::Estate;
use watertight_source::{
    Code, Diagnostic, Diagnostics, EstateDescription, FileId, Limits, ParseError, Severity,
    SourceError, Sources, Tree,
};

use crate::args::{EstateArguments, InputArguments};
use crate::beside::both;
use crate::diagnostics;
use crate::exit::Failure;
use files::Found;

/// A file of the estate's folder is not read, because it is no JSON.
const NOT_READ: Code = Code("WT0900");
/// The estate's description names a body that is not there.
const BODY_ABSENT: Code = Code("WT0902");
/// Answers are older than the collection that they are part of.
const ANSWERS_KEPT: Code = Code("WT0905");
/// Bodies of a provider that is not read.
const PROVIDER_UNREAD: Code = Code("WT0903");

/// An estate with what it was read from.
#[derive(Debug)]
pub(crate) struct Loaded {
    /// The estate, with its id.
    pub(crate) estate: Estate,
    /// Its files, for positions.
    pub(crate) sources: Sources,
    /// What the input lacks or says strangely, in order.
    pub(crate) diagnostics: Vec<Diagnostic>,
}

/// What an estate was made of: bodies and clusters, to make it anew with other bodies.
pub(crate) struct Raw {
    /// The provider's bodies.
    pub(crate) bodies: Vec<Body>,
    /// How they were read.
    pub(crate) options: Options,
    clusters: Clusters,
    limits: Limits,
}

impl Raw {
    /// Adds the clusters to an estate that was converted from bodies.
    pub(crate) fn complete(&self, estate: Estate) -> Estate {
        let diagnostics = &mut Diagnostics::new(&self.limits);
        add_clusters(estate, &self.clusters, (&self.limits, false), diagnostics)
    }
}

/// Reads an estate and says on standard error what there is to know about its input.
///
/// # Errors
/// When a file cannot be read, when the input is malformed, and with `--strict` when it is odd.
pub(crate) fn load(arguments: &EstateArguments) -> Result<Loaded, Failure> {
    match &arguments.estate {
        Some(root) => load_folder(root, &arguments.input),
        None => crate::manifests::load(&arguments.manifests, &arguments.input),
    }
}

/// [`load`], for a folder that another argument names.
pub(crate) fn load_folder(root: &Path, arguments: &InputArguments) -> Result<Loaded, Failure> {
    load_raw(root, arguments).map(|(loaded, _)| loaded)
}

/// [`load_folder`], with clusters' services as ends that packets can be sent to.
pub(crate) fn load_with_services(
    root: &Path,
    arguments: &InputArguments,
) -> Result<Loaded, Failure> {
    load_as(root, arguments, true).map(|(loaded, _)| loaded)
}

/// [`load_folder`], with what the estate was made of.
pub(crate) fn load_raw(root: &Path, arguments: &InputArguments) -> Result<(Loaded, Raw), Failure> {
    load_as(root, arguments, false)
}

fn load_as(
    root: &Path,
    arguments: &InputArguments,
    services: bool,
) -> Result<(Loaded, Raw), Failure> {
    let limits = Limits::default();
    let (mut loaded, raw, diagnostics) = read(root, &limits, services)?;
    let errors = diagnostics.errors();
    let sorted = diagnostics.into_sorted();
    if errors > 0 {
        let serious = of(&sorted, |severity| severity == Severity::Error);
        diagnostics::errors(&serious, &loaded.sources, arguments.verbose);
        return Err(Failure::Reported { errors });
    }
    let warnings = diagnostics::count(&sorted, Severity::Warning);
    if arguments.strict && warnings > 0 {
        let serious = of(&sorted, |severity| severity == Severity::Warning);
        diagnostics::errors(&serious, &loaded.sources, arguments.verbose);
        return Err(Failure::Strict { warnings });
    }
    diagnostics::summarise(&sorted, &loaded.sources, arguments.verbose);
    loaded.diagnostics = sorted;
    Ok((loaded, raw))
}

fn of(diagnostics: &[Diagnostic], wanted: impl Fn(Severity) -> bool) -> Vec<Diagnostic> {
    diagnostics.iter().filter(|one| wanted(one.severity)).cloned().collect()
}

/// Reads and converts a folder or file.
fn read(
    root: &Path,
    limits: &Limits,
    services: bool,
) -> Result<(Loaded, Raw, Diagnostics), Failure> {
    let mut diagnostics = Diagnostics::new(limits);
    let listing = files::list(root, limits, &mut diagnostics)?;
    let mut sources = Sources::with_limits(limits.clone());
    let mut manifest = None;
    let mut bodies = Vec::new();
    let mut clusters: BTreeMap<String, Vec<Body>> = BTreeMap::new();
    let mut files = Vec::with_capacity(listing.bodies.len());
    for found in &listing.bodies {
        files.push(add_file(&found.path, &found.shown, &mut sources, limits, &mut diagnostics)?);
    }
    let trees = parsed(&files, &sources, limits);
    for (found, trees) in listing.bodies.iter().zip(trees) {
        let trees = told(trees, &mut diagnostics);
        let parsed = trees.into_iter().map(|tree| Body { path: found.relative.clone(), tree });
        match found.cluster() {
            Some(cluster) => clusters.entry(cluster.to_owned()).or_default().extend(parsed),
            None => bodies.extend(parsed),
        }
    }
    if let Some(found) = &listing.manifest
        && let Some(tree) =
            read_file(&found.path, &found.shown, &mut sources, limits, &mut diagnostics)?.pop()
    {
        manifest = EstateDescription::read(&tree, &mut diagnostics).map(|read| (read, tree));
    }
    if bodies.is_empty() && clusters.is_empty() && !diagnostics.has_errors() {
        return Err(Failure::Estate(format!(
            "`{}` holds no body: expected `*.json` files as the provider's command line writes them",
            root.display()
        )));
    }
    let all = || bodies.iter().chain(clusters.values().flatten());
    let id = || identity::of(all(), manifest.as_ref().map(|(_, tree)| tree));
    let denied = manifest.as_ref().map(|(description, _)| manifest::denied(description));
    let denied = denied.unwrap_or_default();
    let options = Options { limits: limits.clone(), denied, ..Options::default() };
    let is_provider = !bodies.is_empty() || clusters.is_empty();
    let convert = || is_provider.then(|| watertight_aws::convert(&bodies, &options));
    let (converted, id) = both(convert, id);
    let estate = converted.map(|converted| {
        diagnostics.merge(converted.diagnostics);
        converted.estate
    });
    let estate = estate.unwrap_or_default();
    let trees = |bodies: Vec<Body>| bodies.into_iter().map(|body| body.tree).collect();
    let clusters: Clusters =
        clusters.into_iter().map(|(name, bodies)| (name, trees(bodies))).collect();
    let mut estate = add_clusters(estate, &clusters, (limits, services), &mut diagnostics);
    estate.id = id;
    if let Some((description, _)) = manifest {
        manifest::check(&description, &listing.bodies, &mut diagnostics);
        manifest::apply(description, &mut estate);
    }
    let raw = Raw { bodies, options, clusters, limits: limits.clone() };
    Ok((Loaded { estate, sources, diagnostics: Vec::new() }, raw, diagnostics))
}

/// The documents of each cluster, by its name.
type Clusters = BTreeMap<String, Vec<Tree>>;

/// Adds clusters to an estate, each joined to what its nodes run on.
fn add_clusters(
    mut estate: Estate,
    clusters: &Clusters,
    (limits, services): (&Limits, bool),
    diagnostics: &mut Diagnostics,
) -> Estate {
    for (cluster, documents) in clusters {
        let (cluster, limits) = (cluster.clone(), limits.clone());
        let options =
            watertight_kubernetes::Options { cluster, services, limits, ..Default::default() };
        let converted = watertight_kubernetes::convert_into(estate, documents, &options);
        diagnostics.merge(converted.diagnostics);
        estate = converted.estate;
    }
    estate
}

/// The documents of files, in their order: about half of the text is parsed beside the other half.
fn parsed(files: &[Option<Added>], sources: &Sources, limits: &Limits) -> Vec<Parsed> {
    let mut halves = [(0, Vec::new()), (0, Vec::new())];
    for (place, file) in files.iter().enumerate() {
        let size = file.as_ref().map_or(0, |file| file.bytes);
        let [(first, _), (second, _)] = &halves;
        let half = usize::from(first > second);
        halves[half].0 += size;
        halves[half].1.push((place, file));
    }
    let parse = |half: &[(usize, &Option<Added>)]| -> Vec<(usize, Parsed)> {
        let each = half.iter().map(|(place, file)| {
            let parsed =
                file.as_ref().map_or_else(|| Ok(Vec::new()), |one| one.parse(sources, limits));
            (*place, parsed)
        });
        each.collect()
    };
    let [(_, first), (_, second)] = &halves;
    let (mut all, more) = both(|| parse(first), || parse(second));
    all.extend(more);
    all.sort_by_key(|(place, _)| *place);
    all.into_iter().map(|(_, parsed)| parsed).collect()
}

/// The documents of a file, or what is wrong with it.
type Parsed = Result<Vec<Tree>, ParseError>;

/// A file that is read and not parsed.
struct Added {
    file: FileId,
    bytes: usize,
    is_yaml: bool,
}

impl Added {
    fn parse(&self, sources: &Sources, limits: &Limits) -> Parsed {
        let contents = sources.contents(self.file);
        if self.is_yaml {
            return Tree::parse_yaml_documents(self.file, contents, limits);
        }
        Tree::parse_json(self.file, contents, limits).map(|tree| vec![tree])
    }
}

/// What was parsed; what is wrong becomes a diagnostic.
fn told(parsed: Parsed, diagnostics: &mut Diagnostics) -> Vec<Tree> {
    parsed.unwrap_or_else(|error| {
        diagnostics.push(error);
        Vec::new()
    })
}

/// Reads one file of JSON, or of YAML by its name; what is wrong with its contents is a diagnostic.
pub(crate) fn read_file(
    path: &Path,
    shown: &str,
    sources: &mut Sources,
    limits: &Limits,
    diagnostics: &mut Diagnostics,
) -> Result<Vec<Tree>, Failure> {
    let added = add_file(path, shown, sources, limits, diagnostics)?;
    let parsed = added.map(|added| added.parse(sources, limits));
    Ok(parsed.map(|parsed| told(parsed, diagnostics)).unwrap_or_default())
}

/// Reads one file; none that is too large or one too many, which is a diagnostic.
fn add_file(
    path: &Path,
    shown: &str,
    sources: &mut Sources,
    limits: &Limits,
    diagnostics: &mut Diagnostics,
) -> Result<Option<Added>, Failure> {
    let failed = |source| Failure::File { path: path.to_path_buf(), action: "read", source };
    let file = File::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    // One byte past the limit is enough to know that the file is too large.
    let limit = limits.file_bytes_max.saturating_add(1);
    file.take(limit).read_to_end(&mut bytes).map_err(failed)?;
    let (size, added) = (bytes.len(), sources.add(shown.to_owned(), bytes));
    let file = match added {
        Ok(file) => file,
        Err(error @ (SourceError::TooLarge { .. } | SourceError::TooMany { .. })) => {
            diagnostics.push(Diagnostic::error(Code("WT0008"), error.to_string()));
            return Ok(None);
        }
    };
    let is_yaml = path
        .extension()
        .is_some_and(|one| one.eq_ignore_ascii_case("yaml") || one.eq_ignore_ascii_case("yml"));
    Ok(Some(Added { file, bytes: size, is_yaml }))
}
