//! Another mode for one segment in its own text, with or without a share: nothing else of the text changes.
//!
//! A candidate is spliced into the text and read again; it is taken only where what is read is what
//! was read before but for that field, comments included. So no way of writing YAML is trusted to be
//! understood: what a candidate would break, it does not.

mod same;
mod splice;
mod wanted;

use thiserror::Error;
use watertight_source::{Contents, FileId, Limits, Node, ParseError, Sources, Span, Tree};

use crate::read::{Documents, Format};
use crate::suggest;
use crate::syntax::{Mode, Object};

use wanted::Field;
pub use wanted::NewShare;

/// What a segment is to become.
#[derive(Clone, Copy, Debug)]
pub struct Promotion<'p> {
    /// The segment.
    pub segment: &'p str,
    /// The mode that it gets.
    pub to: Mode,
    /// The part of it that is enforced; all of it where there is none.
    pub share: Option<&'p NewShare>,
}

/// A segment whose mode can be as wanted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ModeEdit {
    /// The file of the segment.
    pub file: FileId,
    /// The mode that it has.
    pub from: Mode,
    /// The share that it has, in words.
    pub from_share: Option<String>,
    /// The whole text with the other mode and share; nothing where it has them already.
    pub text: Option<String>,
}

/// Why a segment does not get another mode.
#[derive(Debug, Error)]
pub enum ModeError {
    /// There is none of that name.
    #[error("no segment is called `{name}`: {help}")]
    Unknown {
        /// The name.
        name: String,
        /// A name like it, or those that there are.
        help: String,
    },
    /// It would bind without having been looked at.
    #[error(
        "`{name}` is disabled: it goes to monitor first, where its denials are told and bind nobody, \
         and to enforce from there"
    )]
    Skips {
        /// The segment.
        name: String,
    },
    /// A part of it would be in a mode that binds nobody.
    #[error("a share of `{name}` is for enforce alone: in {to} nothing of a segment binds anybody")]
    NotEnforced {
        /// The segment.
        name: String,
        /// The mode.
        to: Mode,
    },
    /// No change of its place alone gives it the mode.
    #[error(
        "the {field} of `{name}` cannot be set by changing its own place alone: an alias, a remark or another way \
         of writing is in the way; {help}"
    )]
    Tangled {
        /// The segment.
        name: String,
        /// The field.
        field: &'static str,
        /// What to write by hand.
        help: String,
    },
}

/// The text of a segment's file with another mode for the segment, and with the share that is wanted or none.
///
/// # Errors
/// When no segment has the name, when it would go from disabled to enforce, when a share is wanted in another mode
/// than enforce, and when the text is written such that only changing more than mode and share would do it.
pub fn with_mode(
    documents: &Documents,
    sources: &Sources,
    limits: &Limits,
    promotion: &Promotion<'_>,
) -> Result<ModeEdit, ModeError> {
    let (name, to) = (promotion.segment, promotion.to);
    let segments =
        || documents.of(|object| if let Object::Segment(one) = object { Some(one) } else { None });
    let found = segments().find(|(document, _)| *document.metadata.name.value == *name);
    let Some((document, segment)) = found else {
        let known: Vec<&str> = segments().map(|(one, _)| &*one.metadata.name.value).collect();
        let help = suggest::help(name, &known);
        return Err(ModeError::Unknown { name: name.to_owned(), help });
    };
    let (file, from) = (document.span.file, segment.mode());
    if promotion.share.is_some() && to != Mode::Enforce {
        return Err(ModeError::NotEnforced { name: name.to_owned(), to });
    }
    if from == Mode::Disabled && to == Mode::Enforce {
        return Err(ModeError::Skips { name: name.to_owned() });
    }
    let share = segment.share.as_ref();
    let from_share = share.map(|share| wanted::words(&share.of));
    let is_shared = match (share, promotion.share) {
        (None, None) => true,
        (Some(share), Some(wanted)) => wanted.is(&share.of),
        _ => false,
    };
    let mut fields = Vec::new();
    if from != to {
        fields.push(Field::mode(to));
    }
    if !is_shared {
        fields.push(Field::share(promotion.share));
    }
    if fields.is_empty() {
        return Ok(ModeEdit { file, from, from_share, text: None });
    }
    let tangled = |field: &Field| {
        let (name, help) = (name.to_owned(), field.help());
        ModeError::Tangled { name, field: field.key, help }
    };
    let format = Format::of_path(sources.path(file));
    let text = sources.contents(file).as_str();
    let mut text = text.map_err(|_unread| tangled(&fields[0]))?.to_owned();
    let place = trees(file, &Contents::from(&text), format, limits).ok();
    let place = place.and_then(|trees| Place::of(&trees, document.span));
    for field in &fields {
        let edit = Edit { file, format, limits, field };
        let new = place.and_then(|place| edit.applied(&text, place));
        text = new.ok_or_else(|| tangled(field))?;
    }
    Ok(ModeEdit { file, from, from_share, text: Some(text) })
}

/// One field of one text.
struct Edit<'e> {
    file: FileId,
    format: Format,
    limits: &'e Limits,
    field: &'e Field,
}

impl Edit<'_> {
    /// The text with the field as wanted in the segment at a place; nothing where no candidate does it.
    fn applied(&self, text: &str, place: Place) -> Option<String> {
        let Self { file, format, limits, field } = *self;
        let read = |text: &str| trees(file, &Contents::from(text), format, limits).ok();
        let old = read(text)?;
        let wanted = field.tree(file, limits);
        let fits = |candidate: &String| {
            let is_same = read(candidate)
                .is_some_and(|new| same::but_for(&old, &new, place, (field.key, wanted.as_ref())));
            is_same && (format == Format::Json || same::comments(file, text, candidate, limits))
        };
        let spec = place.document(&old)?.get("spec")?;
        let splices = splice::candidates(text, spec, field);
        splices.into_iter().filter_map(|edit| edit.applied(text)).find(fits)
    }
}

fn trees(
    file: FileId,
    contents: &Contents,
    format: Format,
    limits: &Limits,
) -> Result<Vec<Tree>, ParseError> {
    match format {
        Format::Yaml => Tree::parse_yaml_documents(file, contents, limits),
        Format::Json => Ok(vec![Tree::parse_json(file, contents, limits)?]),
    }
}

/// Where a document stands in a file: in which tree, as its root or as an item of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Place {
    tree: usize,
    item: Option<usize>,
}

impl Place {
    fn of(trees: &[Tree], span: Span) -> Option<Self> {
        trees.iter().enumerate().find_map(|(tree, one)| {
            let root = one.root();
            if root.span() == span {
                return Some(Self { tree, item: None });
            }
            let item = root.items().position(|item| item.span() == span)?;
            Some(Self { tree, item: Some(item) })
        })
    }

    fn document(self, trees: &[Tree]) -> Option<Node<'_>> {
        let root = trees.get(self.tree)?.root();
        match self.item {
            None => Some(root),
            Some(item) => root.items().nth(item),
        }
    }
}
