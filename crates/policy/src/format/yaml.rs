//! YAML as it is written.

use watertight_source::{Tree, YamlComment};

use super::WIDTH_MAX;
use super::attach::{Comment, Lines, attach};
use super::item::{Item, Note, Value, items};

/// The documents of a text.
pub(super) fn written(trees: &[Tree], comments: &[YamlComment], text: &str) -> String {
    let lines = Lines::new(text);
    let mut documents: Vec<Vec<Item>> = Vec::new();
    // Comments of documents that hold nothing.
    let mut left: Vec<Note> = Vec::new();
    for (number, tree) in trees.iter().enumerate() {
        let own = comments.iter().filter(|comment| comment.document == number);
        let own: Vec<Comment> = own
            .map(|comment| Comment { start: comment.span.start, end: comment.span.end })
            .collect();
        if tree.root().is_null() {
            left.extend(own.iter().map(|comment| note(*comment, text)));
            continue;
        }
        let mut items = items(tree.root());
        attach(&mut items, &own, &lines);
        if let Some(document) = items.first_mut() {
            let behind = std::mem::replace(&mut document.lead, std::mem::take(&mut left));
            document.lead.extend(behind);
        }
        pass_on(&mut items);
        hoist(&mut items);
        measure(&mut items, 0);
        documents.push(items);
    }
    if trees.is_empty() {
        let all = comments.iter().map(|one| Comment { start: one.span.start, end: one.span.end });
        left.extend(all.map(|comment| note(comment, text)));
    }
    let mut printer = Printer { text: String::new(), is_fresh: true };
    for (number, items) in documents.iter().enumerate() {
        if number > 0 {
            printer.line(0, "---");
        }
        printer.is_fresh = true;
        printer.document(items);
    }
    printer.notes(0, &left);
    printer.text
}

fn note(comment: Comment, text: &str) -> Note {
    let [start, end] = [comment.start, comment.end].map(|at| usize::try_from(at).unwrap_or(0));
    let text = text.get(start..end).unwrap_or_default().trim_end();
    Note { text: text.to_owned(), blank: false }
}

/// Moves comments at the end of a field's list to the next field: they stand in one column.
fn pass_on(items: &mut [Item]) {
    for at in 0..items.len() {
        let Value::Object(fields) = &items[at].value else { continue };
        for (one, next) in fields.clone().into_iter().zip(fields.clone().into_iter().skip(1)) {
            if matches!(items[one].value, Value::List(_)) {
                let notes = std::mem::take(&mut items[one].tail);
                items[next].lead.splice(0..0, notes);
            }
        }
    }
}

/// Moves comments of the first thing in an entry of a list before the entry, since behind the dash is
/// no place for them, and the comment in the line of an only thing to the entry.
fn hoist(items: &mut [Item]) {
    // Inner items come behind those that hold them.
    for at in (1..items.len()).rev() {
        let inner = match &items[at].value {
            Value::List(inner) | Value::Object(inner) if items[at].key.is_none() => inner,
            _ => continue,
        };
        let (Some(&first), is_only) = (inner.first(), inner.len() == 1) else { continue };
        let notes = std::mem::take(&mut items[first].lead);
        items[at].lead.extend(notes.into_iter().map(|note| Note { blank: false, ..note }));
        if is_only && items[first].trail.is_some() && !has_notes(items, first) {
            let own = items[at].trail.take();
            items[at].lead.extend(own.map(|text| Note { text, blank: false }));
            items[at].trail = items[first].trail.take();
        }
    }
}

/// Whether there are comments in what an item holds.
fn has_notes(items: &[Item], at: usize) -> bool {
    let item = &items[at];
    let (Value::List(inner) | Value::Object(inner)) = &item.value else { return false };
    let is_noted = |one: &usize| {
        let one = &items[*one];
        !one.lead.is_empty() || one.trail.is_some()
    };
    !item.tail.is_empty() || inner.iter().any(|one| is_noted(one) || has_notes(items, *one))
}

/// Finds how wide an item is, and whether it can be written in one line.
fn measure(items: &mut [Item], at: usize) {
    let Some(item) = items.get(at) else { return };
    let key = item.key.as_ref().map_or(0, |key| key.chars().count() + 2);
    let is_rule = is_rules(items.get(item.parent)) && item.key.is_none();
    let is_block = item.depth == 0
        || is_rule
        || is_rules(Some(item))
        || (item.depth == 1 && item.key.as_deref() == Some("spec"));
    let (width, is_long) = match &item.value {
        Value::Scalar(text) => (text.chars().count(), false),
        Value::List(inner) | Value::Object(inner) => {
            let inner = inner.clone();
            let (mut width, mut is_long) = (2 * inner.len().max(1), is_block && !inner.is_empty());
            for one in inner {
                measure(items, one);
                let Some(one) = items.get(one) else { continue };
                width += one.width;
                is_long |= one.is_long || !one.lead.is_empty() || one.trail.is_some();
            }
            (width, is_long)
        }
    };
    if let Some(item) = items.get_mut(at) {
        item.width = key + width;
        item.is_long = is_long || !item.tail.is_empty();
    }
}

fn is_rules(item: Option<&Item>) -> bool {
    item.is_some_and(|item| item.depth == 2 && item.key.as_deref() == Some("rules"))
}

struct Printer {
    text: String,
    /// Whether nothing was written since the last separator.
    is_fresh: bool,
}

impl Printer {
    fn line(&mut self, indent: usize, text: &str) {
        self.text.extend(std::iter::repeat_n(' ', indent));
        self.text.push_str(text);
        self.text.push('\n');
        self.is_fresh = false;
    }

    fn notes(&mut self, indent: usize, notes: &[Note]) {
        for note in notes {
            self.blank(note.blank);
            self.line(indent, &note.text);
        }
    }

    fn blank(&mut self, is_blank: bool) {
        if is_blank && !self.is_fresh {
            self.text.push('\n');
        }
    }

    fn document(&mut self, items: &[Item]) {
        let Some(document) = items.first() else { return };
        self.notes(0, &document.lead);
        match &document.value {
            Value::Scalar(text) => self.line(0, text),
            Value::List(inner) | Value::Object(inner) if inner.is_empty() => {
                self.line(0, &one_line(items, document));
            }
            Value::List(_) | Value::Object(_) => self.inside(items, document, 0, false),
        }
        self.notes(0, &document.tail);
        if let Some(trail) = &document.trail {
            self.line(0, trail);
        }
    }

    /// What an item holds, a line or more each. With `is_begun` the line of the first is begun.
    fn inside(&mut self, items: &[Item], item: &Item, indent: usize, is_begun: bool) {
        let (Value::List(inner) | Value::Object(inner)) = &item.value else { return };
        for (number, one) in inner.iter().filter_map(|at| items.get(*at)).enumerate() {
            if number > 0 || !is_begun {
                // An empty line is between two things, not between a thing and what holds it.
                let mut can_part = number > 0 || (item.depth == 0 && !item.lead.is_empty());
                for note in one.lead.iter().chain(&hoisted(items, one, indent)) {
                    self.blank(can_part && note.blank);
                    self.line(indent, &note.text);
                    can_part = true;
                }
                self.blank(can_part && one.blank);
                self.text.extend(std::iter::repeat_n(' ', indent));
            }
            self.item(items, one, indent);
        }
    }

    /// One item from where its line stands at.
    fn item(&mut self, items: &[Item], item: &Item, indent: usize) {
        self.is_fresh = false;
        let mark = if item.key.is_some() { 0 } else { 2 };
        if mark > 0 {
            self.text.push_str("- ");
        }
        if !is_in_lines(item, indent) {
            let line = one_line(items, item);
            return self.end(&line, item);
        }
        let is_list = matches!(item.value, Value::List(_));
        let indent = if is_list && item.key.is_some() { indent } else { indent + 2 };
        if let Some(key) = &item.key {
            self.end(&format!("{key}:"), item);
        }
        // The comments of the first thing in an entry were written before the dash.
        self.inside(items, item, indent, item.key.is_none());
        self.tail(indent, item);
    }

    fn end(&mut self, line: &str, item: &Item) {
        self.text.push_str(line);
        if let Some(trail) = &item.trail {
            self.text.push(' ');
            self.text.push_str(trail);
        }
        self.text.push('\n');
    }

    fn tail(&mut self, indent: usize, item: &Item) {
        self.notes(indent, &item.tail);
    }
}

/// Whether an item that starts in a column is written in several lines.
fn is_in_lines(item: &Item, column: usize) -> bool {
    let (Value::List(inner) | Value::Object(inner)) = &item.value else { return false };
    let mark = if item.key.is_some() { 0 } else { 2 };
    !inner.is_empty() && (item.is_long || column + mark + item.width > WIDTH_MAX)
}

/// The comment in the line of an entry in several lines would stand behind its dash; so would that
/// of the first thing in it, if that is one more list.
fn hoisted(items: &[Item], entry: &Item, column: usize) -> Vec<Note> {
    let (Value::List(inner) | Value::Object(inner)) = &entry.value else { return Vec::new() };
    if entry.key.is_some() || !is_in_lines(entry, column) {
        return Vec::new();
    }
    let note = |text: &String| Note { text: text.clone(), blank: false };
    let mut notes: Vec<Note> = entry.trail.iter().map(note).collect();
    if let Some(first) = inner.first().and_then(|at| items.get(*at)) {
        notes.extend(hoisted(items, first, column + 2));
    }
    notes
}

/// An item in one line.
fn one_line(items: &[Item], item: &Item) -> String {
    let value = match &item.value {
        Value::Scalar(text) => text.clone(),
        Value::List(inner) => format!("[{}]", joined(items, inner)),
        Value::Object(inner) => format!("{{{}}}", joined(items, inner)),
    };
    item.key.as_ref().map_or_else(|| value.clone(), |key| format!("{key}: {value}"))
}

fn joined(items: &[Item], inner: &[usize]) -> String {
    let inner = inner.iter().filter_map(|at| items.get(*at));
    inner.map(|item| one_line(items, item)).collect::<Vec<_>>().join(", ")
}
