//! Rows of text, aligned for people or as CSV for programs.

use std::fmt::Write as _;

use crate::text::one_line;

#[cfg(test)]
mod tests;

/// Rows under a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Table {
    header: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table without rows.
    pub(crate) fn new(header: &[&'static str]) -> Self {
        Self { header: header.to_vec(), rows: Vec::new() }
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// Columns of equal width, two spaces apart; an empty cell is `-`.
    ///
    /// Cells are made harmless for a terminal.
    pub(crate) fn aligned(&self, indent: usize) -> String {
        let rows: Vec<Vec<String>> =
            self.rows.iter().map(|row| row.iter().map(|cell| one_line(cell)).collect()).collect();
        let mut widths: Vec<usize> = self.header.iter().map(|one| one.chars().count()).collect();
        for row in &rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(shown(cell).chars().count());
            }
        }
        let mut text = String::new();
        let header: Vec<String> = self.header.iter().map(|one| one.to_uppercase()).collect();
        for row in std::iter::once(&header).chain(&rows) {
            let mut line = " ".repeat(indent);
            for (width, cell) in widths.iter().zip(row) {
                let cell = shown(cell);
                let filling = width.saturating_sub(cell.chars().count()).saturating_add(2);
                line.push_str(cell);
                line.push_str(&" ".repeat(filling));
            }
            // Writing to a String cannot fail.
            let _infallible = writeln!(text, "{}", line.trim_end());
        }
        text
    }

    /// Comma-separated values with a header (RFC 4180), lines ended by a line feed.
    pub(crate) fn csv(&self) -> String {
        let mut text = String::new();
        let header: Vec<String> = self.header.iter().map(|one| one.replace(' ', "_")).collect();
        for row in std::iter::once(&header).chain(&self.rows) {
            let cells: Vec<String> = row.iter().map(|cell| quoted(cell)).collect();
            let _infallible = writeln!(text, "{}", cells.join(","));
        }
        text
    }
}

fn shown(cell: &str) -> &str {
    if cell.is_empty() { "-" } else { cell }
}

fn quoted(cell: &str) -> String {
    // A spreadsheet would run a cell that begins like this as a formula.
    let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    if formula || cell.contains(['"', ',', '\n', '\r']) {
        let guard = if formula { "'" } else { "" };
        format!("\"{guard}{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_owned()
    }
}
