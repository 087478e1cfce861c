//! Tables for a terminal: aligned columns, limited in width, nothing left out.

#[cfg(test)]
mod tests;

use crate::text::{clean, columns, letter_columns};

/// No column gets narrower than this.
const COLUMN_MIN: usize = 10;

/// Blanks between columns.
const GAP: &str = "  ";

/// How text for a terminal is laid out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Layout {
    /// How many columns there are; longer cells go on in the next line.
    pub width: usize,
    /// Whether headings are set off by colour codes.
    pub colour: bool,
}

impl Default for Layout {
    fn default() -> Self {
        Self { width: 110, colour: false }
    }
}

impl Layout {
    /// A heading.
    pub(crate) fn heading(&self, text: &str) -> String {
        if self.colour { format!("\u{1b}[1m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    /// A remark that matters less.
    pub(crate) fn faint(&self, text: &str) -> String {
        if self.colour { format!("\u{1b}[2m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

/// Rows under headings.
#[derive(Debug)]
pub(crate) struct Table {
    headings: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(headings: &[&'static str]) -> Self {
        Self { headings: headings.to_vec(), rows: Vec::new() }
    }

    pub(crate) fn push(&mut self, row: Vec<String>) {
        self.rows.push(row.iter().map(|cell| clean(cell)).collect());
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The table's lines. A cell that repeats the one above it, left of the first that differs, is
    /// left blank.
    pub(crate) fn render(&self, layout: &Layout) -> String {
        let widths = self.widths(layout.width);
        let mut rendered = String::new();
        let heading: Vec<String> = self.headings.iter().map(|text| (*text).to_owned()).collect();
        let mut line = String::new();
        push_row(&mut line, &heading, &widths);
        rendered.push_str(&layout.heading(line.trim_end()));
        rendered.push('\n');
        let mut above: Option<&Vec<String>> = None;
        for row in &self.rows {
            let mut shown = row.clone();
            if let Some(above) = above {
                let same = row.iter().zip(above).take_while(|(own, other)| own == other).count();
                let keep = same.min(row.len().saturating_sub(1));
                shown.iter_mut().take(keep).for_each(String::clear);
            }
            push_row(&mut rendered, &shown, &widths);
            above = Some(row);
        }
        rendered
    }

    /// The widths of the columns: as wide as their cells, the widest made narrower until all fit.
    fn widths(&self, width: usize) -> Vec<usize> {
        let mut widths: Vec<usize> = self.headings.iter().map(|text| columns(text)).collect();
        for row in &self.rows {
            for (own, cell) in widths.iter_mut().zip(row) {
                *own = (*own).max(columns(cell));
            }
        }
        let gaps = GAP.len() * widths.len().saturating_sub(1);
        let room = width.saturating_sub(gaps);
        while widths.iter().sum::<usize>() > room {
            let over = widths.iter().sum::<usize>() - room;
            let widest = widths.iter().copied().max().unwrap_or(0);
            if widest <= COLUMN_MIN {
                break;
            }
            let next = widths.iter().copied().filter(|own| *own < widest).max().unwrap_or(0);
            let tied = widths.iter().filter(|own| **own == widest).count().max(1);
            let step = (widest - next).min(over.div_ceil(tied)).max(1);
            for own in widths.iter_mut().filter(|own| **own == widest) {
                *own = widest.saturating_sub(step).max(COLUMN_MIN);
            }
        }
        widths
    }
}

fn push_row(rendered: &mut String, row: &[String], widths: &[usize]) {
    let wrapped: Vec<Vec<String>> =
        row.iter().zip(widths).map(|(cell, width)| wrap(cell, *width)).collect();
    let lines = wrapped.iter().map(Vec::len).max().unwrap_or(0);
    for number in 0..lines {
        let mut line = String::new();
        for (place, (cell, width)) in wrapped.iter().zip(widths).enumerate() {
            if place > 0 {
                line.push_str(GAP);
            }
            let part = cell.get(number).map_or("", String::as_str);
            line.push_str(part);
            line.push_str(&" ".repeat(width.saturating_sub(columns(part))));
        }
        rendered.push_str(line.trim_end());
        rendered.push('\n');
    }
}

/// Breaks a text at blanks, and inside a word where that alone is too long.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines = vec![String::new()];
    for word in text.split_inclusive([' ', ',']) {
        let visible = columns(word.trim_end());
        let used = lines.last().map_or(0, |line| columns(line));
        if used > 0 && used + visible > width {
            lines.push(String::new());
        }
        for letter in word.chars() {
            let used = lines.last().map_or(0, |line| columns(line));
            if used + letter_columns(letter) > width {
                if letter == ' ' {
                    continue;
                }
                lines.push(String::new());
            }
            if let Some(line) = lines.last_mut() {
                line.push(letter);
            }
        }
    }
    lines.iter().map(|line| line.trim_end().to_owned()).collect()
}
