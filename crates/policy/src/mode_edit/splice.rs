//! Candidates for an edit of one field.

use watertight_source::{Entry, Kind, Node, Span};

use super::wanted::Field;

/// A part of a text, and what comes in its place.
#[derive(Debug)]
pub(super) struct Splice {
    start: usize,
    end: usize,
    new: String,
}

impl Splice {
    pub(super) fn applied(&self, text: &str) -> Option<String> {
        Some([text.get(..self.start)?, &self.new, text.get(self.end..)?].concat())
    }
}

/// What may be the edit, the most natural first.
pub(super) fn candidates(text: &str, spec: Node<'_>, field: &Field) -> Vec<Splice> {
    let entries: Vec<Entry<'_>> = spec.entries().collect();
    if let Some((place, entry)) = entries.iter().enumerate().find(|(_, one)| one.key == field.key) {
        return match &field.value {
            None => removed(text, spec, (&entries, place)),
            Some(_) => replaced(text, spec, entry, field),
        };
    }
    let mut found = Vec::new();
    let after = entries.iter().find(|entry| entry.key == field.behind);
    found.extend(after.and_then(|entry| inserted_after(text, spec, entry, field)));
    match entries.first() {
        Some(first) => found.extend(inserted_before(text, spec, first, field)),
        None => found.extend(into_braces(text, spec, field)),
    }
    found
}

/// Another value for the field.
fn replaced(text: &str, spec: Node<'_>, entry: &Entry<'_>, field: &Field) -> Vec<Splice> {
    let mut found = Vec::new();
    let wanted = field.value.as_ref().and_then(serde_json::Value::as_object);
    // One number for another, where both have one.
    if let Some((key, value)) = wanted.and_then(|wanted| wanted.iter().next())
        && let Some(number) = value.as_u64()
        && let Some(inner) = entry.value.entries().find(|inner| inner.key == key)
        && inner.value.kind() == Kind::Number
    {
        let span = inner.value.span();
        found.push(Splice {
            start: wide(span.start),
            end: wide(span.end),
            new: number.to_string(),
        });
    }
    let (key_end, span) = (wide(entry.key_span.end), entry.value.span());
    let end = value_end(text, spec, entry);
    let of_key = quote_at(text, wide(entry.key_span.start));
    if let Some(alias) = alias_start(text, key_end) {
        // An alias is replaced where it stands: what it names has other users.
        let new = field.text(of_key.filter(|quote| *quote == '"'));
        found.extend(new.map(|new| Splice { start: alias, end, new }));
        return found;
    }
    let start = wide(span.start);
    let (of_value, is_word) = (quote_at(text, start), wanted.is_none());
    let quote = if is_word { of_value } else { of_key };
    let Some(new) = field.text(quote) else { return found };
    if !is_word && !is_flow(text, entry.value) {
        // Lines become braces behind the key.
        found.push(Splice { start: key_end, end, new: format!(": {new}") });
    }
    found.push(Splice { start, end, new });
    found
}

/// Without the field.
fn removed(text: &str, spec: Node<'_>, (entries, place): (&[Entry<'_>], usize)) -> Vec<Splice> {
    let Some(entry) = entries.get(place) else { return Vec::new() };
    let (start, end) = (wide(entry.key_span.start), value_end(text, spec, entry));
    let gone = |start: usize, end: usize| Splice { start, end, new: String::new() };
    let mut found = Vec::new();
    if is_flow(text, spec) {
        let before = place.checked_sub(1).and_then(|place| entries.get(place));
        found.extend(before.map(|before| gone(value_end(text, spec, before), end)));
        let after = entries.get(place.saturating_add(1));
        found.extend(after.map(|after| gone(start, wide(after.key_span.start))));
    } else if let Some(indent) = indent(text, start) {
        let line = start.saturating_sub(indent.len());
        match text.get(end..).and_then(|rest| rest.find('\n')) {
            Some(more) => found.push(gone(line, end.saturating_add(more).saturating_add(1))),
            None => found.push(gone(line, text.len())),
        }
    }
    // What is behind it on its line stays: a remark.
    found.push(gone(start, end));
    found
}

/// Where an alias stands that is the value behind a key.
fn alias_start(text: &str, key_end: usize) -> Option<usize> {
    let value = text.get(key_end..)?.trim_start().strip_prefix(':')?.trim_start();
    value.starts_with('*').then(|| text.len().saturating_sub(value.len()))
}

/// Where the value of a field ends in its own place.
fn value_end(text: &str, object: Node<'_>, entry: &Entry<'_>) -> usize {
    if let Some(start) = alias_start(text, wide(entry.key_span.end)) {
        let is_end =
            |letter: char| letter.is_whitespace() || matches!(letter, ',' | ']' | '}' | '[' | '{');
        let alias = text.get(start..).unwrap_or_default();
        return start.saturating_add(alias.find(is_end).unwrap_or(alias.len()));
    }
    let end = wide(end_within(object.span(), entry));
    text.get(..end).map_or(end, |before| before.trim_end().len())
}

fn quote_at(text: &str, place: usize) -> Option<char> {
    let first = text.get(place..).and_then(|rest| rest.chars().next());
    first.filter(|letter| matches!(letter, '"' | '\''))
}

/// The field in the quotes of another key.
fn pair(text: &str, like: &Entry<'_>, field: &Field) -> String {
    in_quotes(field, quote_at(text, wide(like.key_span.start)))
}

fn in_quotes(field: &Field, quote: Option<char>) -> String {
    let value = field.text(quote).unwrap_or_default();
    match quote {
        Some(quote) => format!("{quote}{}{quote}: {value}", field.key),
        None => format!("{}: {value}", field.key),
    }
}

/// Behind a field: on a line of its own where the field begins one, else on the same line.
fn inserted_after(text: &str, spec: Node<'_>, entry: &Entry<'_>, field: &Field) -> Option<Splice> {
    let key = wide(entry.key_span.start);
    let end = wide(end_within(spec.span(), entry));
    let pair = pair(text, entry, field);
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
fn inserted_before(text: &str, spec: Node<'_>, entry: &Entry<'_>, field: &Field) -> Option<Splice> {
    let key = wide(entry.key_span.start);
    let pair = pair(text, entry, field);
    match (is_flow(text, spec), indent(text, key)) {
        (true, None) => Some(at(key, format!("{pair}, "))),
        (true, Some(indent)) => Some(at(key, format!("{pair},{}{indent}", line_break(text, key)))),
        (false, Some(indent)) => Some(at(key, format!("{pair}{}{indent}", line_break(text, key)))),
        (false, None) => None,
    }
}

/// Into `{}`.
fn into_braces(text: &str, spec: Node<'_>, field: &Field) -> Option<Splice> {
    let start = wide(spec.span().start);
    let is_json = text.trim_start().starts_with(['{', '[']);
    let quote = is_json.then_some('"');
    let pair = in_quotes(field, quote);
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
