//! Folder, crate and lints agree.

#[cfg(test)]
mod tests;

use super::Finding;
use crate::workspace::Tree;

/// Folder against package name, and the workspace's lints in every manifest.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in &tree.packages {
        let path = &package.manifest_path;
        let wanted = name_of(package.folder());
        if package.name != wanted {
            let line = line_of(tree, path, "name");
            let message = format!("`{}` lies in a folder of `{wanted}`", package.name);
            findings.push(Finding::error(path, line, message));
        }
        let text = tree.files.get(path).and_then(Option::as_deref).unwrap_or_default();
        if !inherits_lints(text) {
            let message = "the manifest does not inherit the lints of the workspace";
            findings.push(Finding::error(path, text.lines().count().max(1), message));
        }
    }
    findings
}

/// The line of `key = ...` or `key.workspace = ...` in a manifest; 1 when there is none.
pub(super) fn line_of(tree: &Tree, path: &str, key: &str) -> usize {
    let text = tree.files.get(path).and_then(Option::as_deref).unwrap_or_default();
    let is_key = |line: &str| {
        line.trim_start().strip_prefix(key).is_some_and(|rest| rest.starts_with([' ', '=', '.']))
    };
    text.lines().position(is_key).map_or(1, |index| index + 1)
}

/// The package that a folder holds.
fn name_of(folder: &str) -> String {
    match folder.strip_prefix("crates/") {
        None if folder == "fuzz" => "watertight-fuzz".to_owned(),
        None => folder.to_owned(),
        Some("cli") => "watertight".to_owned(),
        Some(noun) => {
            let noun = noun.strip_prefix("providers/").unwrap_or(noun);
            format!("watertight-{}", noun.replace('/', "-"))
        }
    }
}

fn inherits_lints(manifest: &str) -> bool {
    let mut lines = manifest.lines().map(str::trim).skip_while(|line| *line != "[lints]").skip(1);
    lines
        .find(|line| !line.is_empty())
        .is_some_and(|line| line.replace(' ', "") == "workspace=true")
}
