//! Relative links in Markdown lead somewhere, headings included.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use super::Finding;
use crate::workspace::{Tree, has_extension};

/// Every Markdown file.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.texts(|path| has_extension(path, "md")) {
        for (line, target) in links(text) {
            if let Some(message) = refusal(tree, path, &target) {
                findings.push(Finding::error(path, line, message));
            }
        }
    }
    findings
}

/// Why a link in `page` is broken; nothing when it holds or leads out of the project.
fn refusal(tree: &Tree, page: &str, target: &str) -> Option<String> {
    let is_elsewhere =
        target.split_once(':').is_some_and(|(scheme, _)| !scheme.contains(['/', '#']));
    if is_elsewhere || target.is_empty() {
        return None;
    }
    let (file, heading) = target.split_once('#').map_or((target, None), |(f, h)| (f, Some(h)));
    let file = if file.is_empty() { Some(page.to_owned()) } else { resolve(page, file) };
    let Some(file) = file.filter(|file| tree.contains(file)) else {
        return Some(format!("the link `{target}` leads nowhere"));
    };
    let heading = heading?;
    let text = tree.files.get(&file).and_then(Option::as_deref)?;
    (has_extension(&file, "md") && !headings(text).contains(heading))
        .then(|| format!("`{file}` has no heading for the link `{target}`"))
}

/// A link's file relative to the root; nothing when it leads out of the checkout.
fn resolve(page: &str, target: &str) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    if !target.starts_with('/') {
        parts.extend(page.split('/'));
        parts.pop();
    }
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// The targets of a page's links and their lines, code apart.
fn links(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (line, prose) in prose_lines(text) {
        let prose = without_code(prose);
        for (start, _) in prose.match_indices("](") {
            let rest = prose.get(start + 2..).unwrap_or_default();
            // A title may follow the target: [text](target "title").
            let target = rest.split([')', ' ']).next().unwrap_or_default();
            found.push((line, target.trim_matches(['<', '>']).to_owned()));
        }
        let definition = prose.trim_start();
        if definition.starts_with('[')
            && let Some((_, target)) = definition.split_once("]: ")
        {
            found.push((line, target.trim().to_owned()));
        }
    }
    found
}

/// The names under which a page's headings can be linked to.
fn headings(text: &str) -> BTreeSet<String> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut names = BTreeSet::new();
    for (_, line) in prose_lines(text) {
        let title = line.trim_start_matches('#');
        if title.len() == line.len() || !title.starts_with(' ') {
            continue;
        }
        let keep = |letter: &char| letter.is_alphanumeric() || " -_".contains(*letter);
        let name: String = title.trim().to_lowercase().chars().filter(keep).collect();
        let name = name.replace(' ', "-");
        let count = seen.entry(name.clone()).or_insert(0);
        names.insert(if *count == 0 { name } else { format!("{name}-{count}") });
        *count += 1;
    }
    names
}

/// The lines outside fenced and indented code, with their numbers.
fn prose_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    text.lines().enumerate().filter_map(move |(index, line)| {
        let is_fence = line.trim_start().starts_with("```");
        fenced ^= is_fence;
        (!fenced && !is_fence && !line.starts_with("    ")).then_some((index + 1, line))
    })
}

/// A line with what stands between backticks taken out.
fn without_code(line: &str) -> String {
    line.split('`').step_by(2).collect()
}
