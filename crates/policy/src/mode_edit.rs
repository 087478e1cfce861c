//! Another mode for one segment in its own text: nothing else of the text changes.
//!
//! A candidate is spliced into the text and read again; it is taken only where what is read is what
//! was read before but for that mode, comments included. So no way of writing YAML is trusted to be
//! understood: what a candidate would break, it does not.

mod same;

use thiserror::Error;
use watertight_source::{Contents, Entry, FileId, Limits, Node, ParseError, Sources, Span, Tree};

use crate::read::{Documents, Format};
use crate::suggest;
use crate::syntax::{Mode, Object};

/// A segment whose mode can be as wanted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ModeEdit {
    /// The file of the segment.
    pub file: FileId,
    /// The mode that it has.
    pub from: Mode,
    /// The whole text with the other mode; nothing where it has it already.
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
    /// No change of its place alone gives it the mode.
    #[error(
        "the mode of `{name}` cannot be set by changing its own place alone: an alias or another way \
         of writing is in the way; write `mode: {to}` by hand"
    )]
    Tangled {
        /// The segment.
        name: String,
        /// The mode.
        to: Mode,
    },
}

/// The text of a segment's file with another mode for the segment.
///
/// # Errors
/// When no segment has the name, when it would go from disabled to enforce, and when the text is
/// written such that only changing more than the mode would do it.
pub fn with_mode(
    documents: &Documents,
    sources: &Sources,
    limits: &Limits,
    (name, to): (&str, Mode),
) -> Result<ModeEdit, ModeError> {
    let segments =
        || documents.of(|object| if let Object::Segment(one) = object { Some(one) } else { None });
    let found = segments().find(|(document, _)| *document.metadata.name.value == *name);
    let Some((document, segment)) = found else {
        let known: Vec<&str> = segments().map(|(one, _)| &*one.metadata.name.value).collect();
        let help = suggest::help(name, &known);
        return Err(ModeError::Unknown { name: name.to_owned(), help });
    };
    let (file, from) = (document.span.file, segment.mode());
    if from == to {
        return Ok(ModeEdit { file, from, text: None });
    }
    if from == Mode::Disabled && to == Mode::Enforce {
        return Err(ModeError::Skips { name: name.to_owned() });
    }
    let tangled = || ModeError::Tangled { name: name.to_owned(), to };
    let contents = sources.contents(file);
    let format = Format::of_path(sources.path(file));
    let text = contents.as_str().map_err(|_unread| tangled())?;
    let old = trees(file, contents, format, limits).map_err(|_unread| tangled())?;
    let spec =
        old.iter().find_map(|tree| spec_at(tree.root(), document.span)).ok_or_else(tangled)?;
    let fits = |candidate: &String| {
        let new = trees(file, &Contents::from(candidate), format, limits);
        new.is_ok_and(|new| same::but_for_mode(&old, &new, document.span, to))
            && (format == Format::Json || same::comments(file, text, candidate, limits))
    };
    let mut texts = candidates(text, spec, to).into_iter().filter_map(|edit| edit.applied(text));
    Ok(ModeEdit { file, from, text: Some(texts.find(fits).ok_or_else(tangled)?) })
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

/// The `spec` of the document that stands at a place: the root, or an item of it.
fn spec_at(root: Node<'_>, place: Span) -> Option<Node<'_>> {
    let at = |node: Node<'_>| node.span() == place;
    let document = if at(root) { Some(root) } else { root.items().find(|item| at(*item)) };
    document?.get("spec")
}

/// A part of a text, and what comes in its place.
#[derive(Debug)]
struct Splice {
    start: usize,
    end: usize,
    new: String,
}

impl Splice {
    fn applied(&self, text: &str) -> Option<String> {
        Some([text.get(..self.start)?, &self.new, text.get(self.end..)?].concat())
    }
}

/// What may be the edit, the most natural first.
fn candidates(text: &str, spec: Node<'_>, to: Mode) -> Vec<Splice> {
    if let Some(entry) = spec.entries().find(|entry| entry.key == "mode") {
        return replaced(text, &entry, to).into_iter().collect();
    }
    let mut found = Vec::new();
    let entries: Vec<Entry<'_>> = spec.entries().collect();
    let after = entries.iter().find(|entry| entry.key == "members");
    found.extend(after.and_then(|entry| inserted_after(text, spec, entry, to)));
    match entries.first() {
        Some(first) => found.extend(inserted_before(text, spec, first, to)),
        None => found.extend(into_braces(text, spec, to)),
    }
    found
}

/// Another word for the mode, in the quotes that it has.
fn replaced(text: &str, entry: &Entry<'_>, to: Mode) -> Option<Splice> {
    let (key_end, span) = (wide(entry.key_span.end), entry.value.span());
    let (start, end) = (wide(span.start), wide(span.end));
    let between = text.get(key_end..)?;
    let value = between.trim_start().strip_prefix(':').map(str::trim_start);
    if let Some(alias) = value.filter(|value| value.starts_with('*')) {
        // An alias is replaced where it stands: what it names has other users.
        let start = text.len().saturating_sub(alias.len());
        let is_end =
            |letter: char| letter.is_whitespace() || matches!(letter, ',' | ']' | '}' | '[' | '{');
        let end = start.saturating_add(alias.find(is_end).unwrap_or(alias.len()));
        return Some(Splice { start, end, new: to.to_string() });
    }
    let quote = text.get(start..end)?.chars().next().filter(|letter| matches!(letter, '"' | '\''));
    Some(Splice { start, end, new: quoted(to.word(), quote) })
}

fn quoted(word: &str, quote: Option<char>) -> String {
    match quote {
        Some(quote) => format!("{quote}{word}{quote}"),
        None => word.to_owned(),
    }
}

/// `mode: WORD` in the quotes of another key.
fn pair(text: &str, like: &Entry<'_>, to: Mode) -> String {
    let first = text.get(wide(like.key_span.start)..).and_then(|key| key.chars().next());
    let quote = first.filter(|letter| matches!(letter, '"' | '\''));
    format!("{}: {}", quoted("mode", quote), quoted(to.word(), quote))
}

/// Behind a field: on a line of its own where the field begins one, else on the same line.
fn inserted_after(text: &str, spec: Node<'_>, entry: &Entry<'_>, to: Mode) -> Option<Splice> {
    let key = wide(entry.key_span.start);
    let end = wide(end_within(spec.span(), entry));
    let pair = pair(text, entry, to);
    let is_flow = is_flow(text, spec);
    match indent(text, key) {
        None => Some(at(end, format!(", {pair}"))),
        // In braces, a comma ends the field, and whatever is behind it on its line belongs to it.
        Some(indent) if is_flow => {
            Some(at(end, format!(",{}{indent}{pair}", line_break(text, end))))
        }
        Some(indent) => {
            let line_end = text.get(end..)?.find('\n').map(|more| end.saturating_add(more));
            let line_end = line_end.unwrap_or(text.len());
            let is_crlf = text.get(..line_end).is_some_and(|before| before.ends_with('\r'));
            let place = if is_crlf { line_end.saturating_sub(1) } else { line_end };
            Some(at(place, format!("{}{indent}{pair}", line_break(text, place))))
        }
    }
}

/// Before a field, which keeps its own place in the line.
fn inserted_before(text: &str, spec: Node<'_>, entry: &Entry<'_>, to: Mode) -> Option<Splice> {
    let key = wide(entry.key_span.start);
    let pair = pair(text, entry, to);
    match (is_flow(text, spec), indent(text, key)) {
        (true, None) => Some(at(key, format!("{pair}, "))),
        (true, Some(indent)) => Some(at(key, format!("{pair},{}{indent}", line_break(text, key)))),
        (false, Some(indent)) => Some(at(key, format!("{pair}{}{indent}", line_break(text, key)))),
        (false, None) => None,
    }
}

/// Into `{}`.
fn into_braces(text: &str, spec: Node<'_>, to: Mode) -> Option<Splice> {
    let start = wide(spec.span().start);
    let is_json = text.trim_start().starts_with(['{', '[']);
    let quote = is_json.then_some('"');
    let pair = format!("{}: {}", quoted("mode", quote), quoted(to.word(), quote));
    is_flow(text, spec).then(|| at(start.saturating_add(1), pair))
}

const fn at(place: usize, new: String) -> Splice {
    Splice { start: place, end: place, new }
}

/// The last place of a field that stands within its object: what an alias names stands elsewhere.
fn end_within(object: Span, entry: &Entry<'_>) -> u32 {
    let holds = |span: Span| object.start <= span.start && span.end <= object.end;
    let key = entry.key_span;
    let value = entry.value.span();
    if holds(value) && value.start >= key.end {
        return value.end;
    }
    key.end
}

/// What stands before a place in its line, where that is blank.
fn indent(text: &str, place: usize) -> Option<&str> {
    let before = text.get(..place)?;
    let line = before.rsplit('\n').next().unwrap_or_default();
    line.chars().all(|letter| letter == ' ' || letter == '\t').then_some(line)
}

/// How the line of a place ends, or the line before it.
fn line_break(text: &str, place: usize) -> &'static str {
    let (before, after) = text.split_at_checked(place).unwrap_or((text, ""));
    let is_crlf = match after.find('\n') {
        Some(end) => after.get(..end).is_some_and(|line| line.ends_with('\r')),
        None => before.contains("\r\n"),
    };
    if is_crlf { "\r\n" } else { "\n" }
}

fn is_flow(text: &str, object: Node<'_>) -> bool {
    text.get(wide(object.span().start)..).is_some_and(|rest| rest.starts_with('{'))
}

fn wide(offset: u32) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}
