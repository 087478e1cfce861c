//! Words that mark something unfinished or bound to one machine, and stray blanks.

#[cfg(test)]
mod tests;

use super::Finding;
use crate::workspace::Tree;

/// What is banned, and why. Each is put together from two halves, so that this file may hold it.
const BANNED: &[(&str, &str)] = &[
    (concat!("to", "do!"), "finish it or leave it out"),
    (concat!("unimple", "mented!"), "finish it or leave it out"),
    (concat!("FIX", "ME"), "fix it, or write an issue"),
    (concat!("TO", "DO"), "do it, or write an issue"),
    (concat!("#[ig", "nore"), "a test runs or does not exist"),
    (concat!("thread::", "sleep"), "wait for what you need, not for time"),
];

/// Beginnings of absolute paths of one machine.
const MACHINE_PATHS: &[&str] =
    &[concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/"), concat!("/tm", "p/t/")];

/// Every file that people write.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.texts(|_| true) {
        for (index, line) in text.lines().enumerate() {
            let mut add = |message: String| findings.push(Finding::error(path, index + 1, message));
            for (word, advice) in BANNED.iter().filter(|(word, _)| has_word(line, word)) {
                add(format!("`{word}`: {advice}"));
            }
            for start in MACHINE_PATHS.iter().filter(|start| has_path(line, start)) {
                add(format!("`{start}` names a path of one machine"));
            }
            if line.ends_with([' ', '\t']) {
                add("blanks at the end of the line".to_owned());
            }
        }
        if !text.is_empty() && !text.ends_with('\n') {
            findings.push(Finding::error(path, text.lines().count(), "no newline at the end"));
        }
    }
    findings
}

/// Whether `line` has `word` and not merely a longer word around it.
fn has_word(line: &str, word: &str) -> bool {
    let is_part = |letter: char| letter.is_alphanumeric() || letter == '_';
    line.match_indices(word).any(|(start, _)| {
        let before = line.get(..start).and_then(|text| text.chars().next_back());
        let after = line.get(start + word.len()..).and_then(|text| text.chars().next());
        let begins_inside = word.starts_with(is_part) && before.is_some_and(is_part);
        let ends_inside = word.ends_with(is_part) && after.is_some_and(is_part);
        !begins_inside && !ends_inside
    })
}

/// Whether `line` has a path that begins with `start`, as opposed to a longer one that holds it.
fn has_path(line: &str, start: &str) -> bool {
    line.match_indices(start).any(|(index, _)| {
        let before = line.get(..index).and_then(|text| text.chars().next_back());
        before.is_none_or(|letter| !letter.is_alphanumeric() && !"._-~}$*>)/".contains(letter))
    })
}
