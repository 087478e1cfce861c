//! Pages with a form of their own: the status table and the decision records.

#[cfg(test)]
mod tests;

use super::Finding;
use crate::workspace::Tree;

const STATUS: &str = "docs/status.md";
const DECISIONS: &str = "docs/adr/";

/// What a status line may offer as evidence: a command of one of these programs.
const PROGRAMS: &[&str] = &["cargo", "make", "watertight", ".ci/run"];

/// Each row of `docs/status.md` says `open` or names the command that shows it.
pub(super) fn status(tree: &Tree) -> Vec<Finding> {
    let Some(text) = tree.files.get(STATUS).and_then(Option::as_deref) else {
        return vec![Finding::error(STATUS, 1, "the page is missing")];
    };
    let rows = text.lines().enumerate().filter(|(_, line)| line.starts_with('|'));
    let rows: Vec<(usize, Vec<&str>)> =
        rows.map(|(index, line)| (index + 1, cells(line))).collect();
    let mut findings = Vec::new();
    let is_head = |cells: &[&str]| cells.first() == Some(&"part");
    let is_rule =
        |cells: &[&str]| cells.iter().all(|cell| cell.trim_matches(['-', ':']).is_empty());
    let rows = rows.iter().filter(|(_, cells)| !is_head(cells) && !is_rule(cells));
    let mut count = 0;
    for (line, cells) in rows {
        count += 1;
        let message = match cells[..] {
            [_, evidence, _] if evidence == "open" || is_command(evidence) => continue,
            [_, evidence, _] => format!("`{evidence}` is neither open nor a command in backticks"),
            _ => format!("{} cells; a row is part, what shows it, last figure", cells.len()),
        };
        findings.push(Finding::error(STATUS, *line, message));
    }
    if count == 0 {
        findings.push(Finding::error(STATUS, 1, "the page has no rows"));
    }
    findings
}

fn cells(line: &str) -> Vec<&str> {
    line.trim().trim_matches('|').split('|').map(str::trim).collect()
}

/// Whether a cell holds commands in backticks, of programs that we know.
fn is_command(cell: &str) -> bool {
    let commands: Vec<&str> = cell.split('`').skip(1).step_by(2).collect();
    let known = |command: &&str| {
        command.split_whitespace().next().is_some_and(|program| PROGRAMS.contains(&program))
    };
    !commands.is_empty()
        && commands.iter().all(known)
        && cell.matches('`').count().is_multiple_of(2)
}

/// Decision records are numbered from 0000 without gaps.
pub(super) fn decisions(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut expected = 0_usize;
    for path in tree.files.keys().filter(|path| path.starts_with(DECISIONS)) {
        let name = path.strip_prefix(DECISIONS).unwrap_or(path);
        let number = name.split_once('-').filter(|(digits, _)| digits.len() == 4);
        let Some(number) = number.and_then(|(digits, _)| digits.parse::<usize>().ok()) else {
            findings.push(Finding::error(path, 1, "a record's name is `NNNN-what-was-decided.md`"));
            continue;
        };
        if number != expected {
            let message = format!("the record after the last one is {expected:04}");
            findings.push(Finding::error(path, 1, message));
        }
        expected = number + 1;
    }
    if expected == 0 {
        findings.push(Finding::error(DECISIONS, 1, "there are no decision records"));
    }
    findings
}
