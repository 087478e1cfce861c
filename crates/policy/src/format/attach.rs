//! Which comment belongs to what.

use super::item::{Item, Note, Value};

/// The lines of a text.
pub(super) struct Lines<'t> {
    text: &'t str,
    starts: Vec<u32>,
}

impl<'t> Lines<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        let ends = text.match_indices('\n').map(|(at, _)| u32::try_from(at + 1));
        let starts = [0].into_iter().chain(ends.filter_map(Result::ok)).collect();
        Self { text, starts }
    }

    fn number(&self, offset: u32) -> usize {
        self.starts.partition_point(|start| *start <= offset).saturating_sub(1)
    }

    fn slice(&self, from: u32, to: u32) -> &'t str {
        let [from, to] = [from, to].map(|at| usize::try_from(at).unwrap_or(usize::MAX));
        self.text.get(from..to).unwrap_or_default()
    }

    /// What stands in the line before a place.
    fn before(&self, offset: u32) -> &'t str {
        let start = self.starts.get(self.number(offset)).copied().unwrap_or_default();
        self.slice(start, offset)
    }

    /// Whether the line before the one of a place is empty.
    fn is_after_blank(&self, offset: u32) -> bool {
        let number = self.number(offset);
        let starts = number.checked_sub(1).and_then(|above| self.starts.get(above..=number));
        let Some(&[above, this]) = starts else { return false };
        self.slice(above, this).trim().is_empty()
    }

    /// The column in which something starts; for an entry of a list that of its dash.
    fn column(&self, item: &Item) -> usize {
        let before = self.before(item.start);
        let is_dashed = before.trim_end().ends_with('-') && item.key.is_none();
        if is_dashed { before.trim_end().chars().count() - 1 } else { before.chars().count() }
    }
}

/// A comment of the document.
#[derive(Clone, Copy, Debug)]
pub(super) struct Comment {
    pub(super) start: u32,
    pub(super) end: u32,
}

/// Gives each comment to the item that it stands at, and notes empty lines.
pub(super) fn attach(items: &mut [Item], comments: &[Comment], lines: &Lines<'_>) {
    for item in items.iter_mut().filter(|item| item.is_own && item.depth > 0) {
        item.blank = lines.is_after_blank(item.start);
    }
    // Outer items stand before inner ones that start where they do.
    let mut order: Vec<usize> = (1..items.len()).filter(|at| items[*at].is_own).collect();
    order.sort_by_key(|at| (items[*at].start, items[*at].depth));
    for comment in comments.iter().copied() {
        let text = lines.slice(comment.start, comment.end).trim_end().to_owned();
        let blank = lines.is_after_blank(comment.start);
        let next = order.partition_point(|at| items[*at].start < comment.start);
        let before = lines.before(comment.start).trim_start_matches('\u{feff}');
        let is_alone = before.bytes().all(|byte| matches!(byte, b' ' | b'\t' | b'-'));
        let owner = if is_alone { None } else { trailed(items, &order, next, comment, lines) };
        match owner {
            Some(owner) if items[owner].trail.is_none() => items[owner].trail = Some(text),
            Some(owner) => items[owner].lead.push(Note { text, blank: false }),
            None => {
                let column = before.chars().count();
                let next = order.get(next).copied();
                let note = Note { text, blank };
                match above(items, &order, next, comment, column, lines) {
                    Some(holder) if items[holder].is_empty() => items[holder].lead.push(note),
                    Some(holder) => items[holder].tail.push(note),
                    // What stands before everything is about the document.
                    None if next == order.first().copied() => items[0].lead.push(note),
                    None => items[next.unwrap_or(0)].lead.push(note),
                }
            }
        }
    }
}

/// The item in whose line a comment ends.
fn trailed(
    items: &[Item],
    order: &[usize],
    next: usize,
    comment: Comment,
    lines: &Lines<'_>,
) -> Option<usize> {
    let line = lines.number(comment.start);
    let before = || order.iter().take(next).rev().copied();
    let in_line = || before().take_while(|at| lines.number(items[*at].start) == line);
    let is_ended = |at: &usize| items[*at].end <= comment.start;
    // Of those that end before the comment the outermost, and of them the last.
    let outermost = |ended: Vec<usize>| ended.into_iter().min_by_key(|at| items[*at].depth);
    let ended = outermost(in_line().filter(is_ended).collect());
    ended.or_else(|| in_line().next()).or_else(|| {
        let ends_here = |at: &usize| lines.number(items[*at].end) == line && is_ended(at);
        before().take(64).find(ends_here)
    })
}

/// The list or object behind whose last thing a comment of its own line stands.
fn above(
    items: &[Item],
    order: &[usize],
    next: Option<usize>,
    comment: Comment,
    column: usize,
    lines: &Lines<'_>,
) -> Option<usize> {
    let place = order.partition_point(|at| items[*at].start < comment.start);
    let last = place.checked_sub(1).and_then(|at| order.get(at)).copied();
    let Some(last) = last else { return next.is_none().then_some(0) };
    let is_free = next.is_none_or(|next| column > lines.column(&items[next]));
    let mut at = last;
    loop {
        let item = &items[at];
        let first = match &item.value {
            Value::Scalar(_) => None,
            Value::List(inner) | Value::Object(inner) => {
                inner.iter().filter(|one| items[**one].is_own).min_by_key(|one| items[**one].start)
            }
        };
        let holds = item.value_start <= comment.start && comment.start < item.end;
        if holds && item.is_flow {
            let is_inside = next.is_some_and(|next| items[next].start < item.end);
            return (!is_inside && !matches!(item.value, Value::Scalar(_))).then_some(at);
        }
        let is_left = !holds && !item.is_flow;
        if is_left && is_free && first.is_some_and(|first| lines.column(&items[*first]) <= column) {
            return Some(at);
        }
        if at == 0 {
            return next.is_none().then_some(0);
        }
        at = item.parent;
    }
}
