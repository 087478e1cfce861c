//! Arrows between the crates point down.

#[cfg(test)]
mod tests;

use super::Finding;
use super::manifests::line_of;
use crate::workspace::{Package, Tree};

/// Packages that are built for tests and chores alone, and ship with nothing.
const DEV_ONLY: &[&str] = &["watertight-testkit", "watertight-fuzz", "xtask"];

/// What the slow twins must not share code with.
const TWINNED: &[&str] = &["watertight-reach", "watertight-aws"];

/// The ranks; a crate may depend on crates of a lower rank only.
const RANKS: &[&[&str]] = &[
    &["source"],
    &["net"],
    &["model"],
    &["policy", "reach"],
    &["assess", "compile"],
    &["aws", "azure", "gcp", "kubernetes", "host", "datapath"],
    &["flows", "live-aws", "live-azure", "live-gcp", "live-kubernetes", "proxy"],
    &["store"],
    &["report", "scale-out"],
    &["control"],
];

/// The rank of a package; nothing for one that the table does not know.
fn rank(package: &str) -> Option<usize> {
    if package == "watertight" {
        return Some(RANKS.len());
    }
    let noun = package.strip_prefix("watertight-")?;
    RANKS.iter().position(|nouns| nouns.contains(&noun))
}

/// Every arrow of every package against the table of ranks.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    tree.packages.iter().flat_map(|package| check_package(tree, package)).collect()
}

fn check_package(tree: &Tree, package: &Package) -> Vec<Finding> {
    let path = &package.manifest_path;
    let dev_only = DEV_ONLY.contains(&&*package.name);
    if rank(&package.name).is_none() && !dev_only {
        let message = format!("`{}` has no rank; give it one in xtask's table", package.name);
        return vec![Finding::error(path, 1, message)];
    }
    let mut findings = Vec::new();
    for dependency in &package.dependencies {
        let name = &*dependency.name;
        let ours = name.starts_with("watertight") || DEV_ONLY.contains(&name);
        if !ours || dependency.kind.as_deref() == Some("dev") {
            continue;
        }
        if let Some(message) = refusal(&package.name, name) {
            findings.push(Finding::error(path, line_of(tree, path, name), message));
        }
    }
    findings
}

/// Why `from` may not depend on `to` outside its tests.
fn refusal(from: &str, to: &str) -> Option<String> {
    let from_dev_only = DEV_ONLY.contains(&from);
    if DEV_ONLY.contains(&to) && !from_dev_only {
        return Some(format!("`{to}` ships with nothing: make it a dev-dependency of `{from}`"));
    }
    if from == "watertight-testkit" && TWINNED.contains(&to) {
        return Some(format!("the slow twins in `{from}` share no code with `{to}`"));
    }
    if from_dev_only || rank(from) > rank(to) {
        return None;
    }
    Some(format!("the arrow from `{from}` to `{to}` does not point down"))
}
