//! Reading documents from trees: everything that one document alone can get wrong.

mod ends;
mod essentials;
mod kinds;
mod labels;
mod over;
mod reader;
mod rules;

use watertight_model::Name;
use watertight_source::{Contents, Diagnostics, FileId, Limits, Node, Recovered, Span, Tree};

use crate::codes;
use crate::syntax::{Document, Kind, Metadata, Object, Spanned};

use reader::Reader;

/// The `apiVersion` that is read.
pub const API_VERSION: &str = "watertight.io/v1alpha1";

/// Documents that were read, and the names of those that could not be.
#[derive(Clone, Debug, Default)]
pub struct Documents {
    /// The sound ones, in the order of reading.
    pub documents: Vec<Document>,
    /// The kind, name and place of documents with errors: references to them are no error.
    pub broken: Vec<(Kind, Spanned<Name>)>,
    /// The names of documents of which nobody can tell what they are: references to them are no error
    /// either.
    pub lost: Vec<Name>,
    /// How many documents could not be taken apart: what is referred to may be in one of them.
    pub unread: usize,
    /// What could be read of documents with errors, so that more than these is found in one run.
    pub partial: Vec<Document>,
}

/// How a file is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// Several documents.
    Yaml,
    /// One document, or an array of documents.
    Json,
}

impl Format {
    /// The format that a file's name tells; YAML where it tells none.
    pub fn of_path(path: &str) -> Self {
        let is_json = path.rsplit('.').next().is_some_and(|end| end.eq_ignore_ascii_case("json"));
        if is_json { Self::Json } else { Self::Yaml }
    }
}

impl Documents {
    /// Reads one more file. Whatever is wrong with it goes to the diagnostics.
    pub fn read(
        &mut self,
        file: FileId,
        contents: &Contents,
        format: Format,
        limits: &Limits,
        diagnostics: &mut Diagnostics,
    ) {
        let Recovered { trees, repeating, errors } = match format {
            Format::Yaml => Tree::parse_yaml_recovering(file, contents, limits),
            Format::Json => Tree::parse_json_recovering(file, contents, limits),
        };
        self.unread = self.unread.saturating_add(errors.len());
        for error in errors {
            diagnostics.push(error);
        }
        for tree in &trees {
            self.read_tree(tree, format, true, diagnostics);
        }
        for tree in &repeating {
            self.read_tree(tree, format, false, diagnostics);
        }
    }

    /// Adds what was read elsewhere.
    pub fn extend(&mut self, other: &Self) {
        let Self { documents, broken, lost, unread, partial } = other;
        self.documents.extend(documents.iter().cloned());
        self.broken.extend(broken.iter().cloned());
        self.lost.extend(lost.iter().cloned());
        self.unread = self.unread.saturating_add(*unread);
        self.partial.extend(partial.iter().cloned());
    }

    /// Whether all that others can name could be read: else a name may lead into what could not.
    pub fn is_named_whole(&self) -> bool {
        let is_named = |(kind, _): &(Kind, Spanned<Name>)| can_be_named(*kind);
        self.unread == 0 && self.lost.is_empty() && !self.broken.iter().any(is_named)
    }

    /// What is needed to tell what stands at a place: the document there, and all that others can name.
    #[must_use]
    pub fn around(&self, file: FileId, offset: u32) -> Self {
        let is_there = |span: Span| span.file == file && span.start <= offset && offset <= span.end;
        let documents = self
            .documents
            .iter()
            .filter(|one| can_be_named(one.object.kind()) || is_there(one.span));
        Self {
            documents: documents.cloned().collect(),
            broken: self.broken.clone(),
            lost: self.lost.clone(),
            unread: self.unread,
            partial: Vec::new(),
        }
    }

    fn read_tree(
        &mut self,
        tree: &Tree,
        format: Format,
        is_sound: bool,
        diagnostics: &mut Diagnostics,
    ) {
        let root = tree.root();
        if format == Format::Json && root.kind() == watertight_source::Kind::Array {
            for item in root.items() {
                self.read_document(item, is_sound, diagnostics);
            }
        } else if !root.is_null() {
            self.read_document(root, is_sound, diagnostics);
        }
    }

    /// Reads a document; one that is not sound has errors already, and is read for others.
    fn read_document(&mut self, root: Node<'_>, is_sound: bool, diagnostics: &mut Diagnostics) {
        let errors = diagnostics.errors();
        let mut reader = Reader::new(diagnostics);
        let (kind, metadata) = header(&mut reader, root);
        let (kind, metadata) = match (kind, metadata) {
            (Some(kind), Some(metadata)) => (kind, metadata),
            (None, metadata) => {
                self.lost.extend(metadata.map(|metadata| metadata.name.value));
                return;
            }
            (Some(kind), None) => {
                // The rest is read for what else is wrong.
                let spec = root.get("spec").filter(|spec| !spec.is_null());
                if let Some(spec) = spec {
                    kinds::object(&mut reader, kind, &nobody(root.span()), spec);
                }
                return;
            }
        };
        let object = root.get("spec").filter(|spec| !spec.is_null());
        let object = if let Some(spec) = object {
            kinds::object(&mut reader, kind, &metadata, spec)
        } else {
            reader.push(root.missing_field("spec", "an object"));
            None
        };
        match object {
            Some(object) if is_sound && diagnostics.errors() == errors => {
                self.documents.push(Document { span: root.span(), metadata, object });
            }
            object => {
                self.broken.push((kind, metadata.name.clone()));
                let span = root.span();
                self.partial.extend(object.map(|object| Document { span, metadata, object }));
            }
        }
    }

    /// The documents of one kind with what `select` takes from their objects.
    pub fn of<'d, T: 'd>(
        &'d self,
        select: impl Fn(&'d Object) -> Option<T> + 'd,
    ) -> impl Iterator<Item = (&'d Document, T)> + 'd {
        self.documents
            .iter()
            .filter_map(move |document| select(&document.object).map(|object| (document, object)))
    }
}

/// Whether documents of a kind are named by others, or give labels to whom others name.
const fn can_be_named(kind: Kind) -> bool {
    match kind {
        Kind::Policy | Kind::Exception | Kind::Essentials => false,
        Kind::Segment
        | Kind::Group
        | Kind::Service
        | Kind::Addresses
        | Kind::Domains
        | Kind::Users
        | Kind::Labeling
        | Kind::Assertion => true,
    }
}

/// The metadata of a document of which it cannot be read.
fn nobody(span: Span) -> Metadata {
    let name = Spanned::new(Name::from(""), span);
    Metadata { name: name.clone(), owner: Some(name), ticket: None, description: None }
}

/// The kind and the metadata, as far as they can be read. The kind of a version that is not read is not
/// known.
fn header(reader: &mut Reader<'_>, root: Node<'_>) -> (Option<Kind>, Option<Metadata>) {
    if reader.object(root, &["apiVersion", "kind", "metadata", "spec"]).is_none() {
        return (None, None);
    }
    let version = reader.take(root.req_str("apiVersion"));
    let kind = reader.take(root.req_str("kind"));
    if let Some(version) = version
        && version != API_VERSION
    {
        let span = span_of(root, "apiVersion");
        let message = format!("the version `{version}` is not read");
        reader.error(codes::VERSION, span, message, format!("write `apiVersion: {API_VERSION}`"));
    }
    let kind = kind.and_then(|word| {
        let found = Kind::ALL.into_iter().find(|kind| kind.word() == word);
        if found.is_none() {
            let words = Kind::ALL.map(Kind::word);
            let help = crate::suggest::help(word, &words);
            let message = format!("there is no kind `{word}`");
            reader.error(codes::UNKNOWN_KIND, span_of(root, "kind"), message, help);
        }
        found
    });
    (kind.filter(|_| version == Some(API_VERSION)), metadata(reader, root))
}

fn span_of(node: Node<'_>, key: &str) -> Span {
    node.get(key).unwrap_or(node).span()
}

fn metadata(reader: &mut Reader<'_>, root: Node<'_>) -> Option<Metadata> {
    let node = reader.take(root.req_field("metadata"))?;
    reader.object(node, &["name", "owner", "ticket", "description"])?;
    let name = reader.take(node.req_field("name"));
    let name = name.and_then(|name| reader.name(name));
    let mut text = |key| reader.text_field(node, key);
    let (owner, ticket, description) = (text("owner"), text("ticket"), text("description"));
    Some(Metadata { name: name?, owner, ticket, description })
}
