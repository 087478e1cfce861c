//! The pure crates do no I/O, start no runtime and read no clock.

#[cfg(test)]
mod tests;

use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::visit::Visit;

use super::Finding;
use super::manifests::line_of;
use crate::workspace::{Tree, has_extension};

/// Folders of the crates that must stay pure.
const PURE: &[&str] = &[
    "crates/source",
    "crates/net",
    "crates/model",
    "crates/policy",
    "crates/reach",
    "crates/assess",
    "crates/compile",
    "crates/providers/aws",
    "crates/providers/azure",
    "crates/providers/gcp",
    "crates/providers/kubernetes",
    "crates/providers/host",
    "crates/report",
];

/// Runtimes, clients and query engines, by name or by the start of a family's names.
const IMPURE_PACKAGES: &[&str] = &[
    "actix-*",
    "async-std",
    "aws-*",
    "axum*",
    "aya*",
    "azure_*",
    "ballista*",
    "chrono",
    "datafusion*",
    "duckdb",
    "fs-err",
    "google-cloud-*",
    "hyper*",
    "k8s-openapi",
    "kube*",
    "mio",
    "object_store",
    "polars*",
    "rayon*",
    "redb",
    "reqwest*",
    "rusqlite",
    "rustls*",
    "smol",
    "socket2",
    "sqlx*",
    "time",
    "tokio*",
    "tonic*",
    "ureq",
];

/// Parts of the standard library that reach outside the program or start something.
const IMPURE_PATHS: &[&str] = &[
    "std::env",
    "std::fs",
    "std::io::stderr",
    "std::io::stdin",
    "std::io::stdout",
    "std::net::TcpListener",
    "std::net::TcpStream",
    "std::net::ToSocketAddrs",
    "std::net::UdpSocket",
    "std::os",
    "std::process",
    "std::thread",
    "std::time::Instant",
    "std::time::SystemTime",
];

/// Normal dependencies of the pure crates against the list of impure packages.
pub(super) fn dependencies(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in tree.packages.iter().filter(|package| PURE.contains(&package.folder())) {
        let normal = package.dependencies.iter().filter(|dependency| dependency.kind.is_none());
        for dependency in normal.filter(|dependency| is_impure_package(&dependency.name)) {
            let path = &package.manifest_path;
            findings.push(Finding::error(
                path,
                line_of(tree, path, &dependency.name),
                format!("`{}` is pure and must not depend on `{}`", package.name, dependency.name),
            ));
        }
    }
    findings
}

fn is_impure_package(name: &str) -> bool {
    IMPURE_PACKAGES.iter().any(|pattern| {
        pattern.strip_suffix('*').map_or(name == *pattern, |start| name.starts_with(start))
    })
}

/// The sources of the pure crates, tests apart, against the list of impure paths.
pub(super) fn sources(tree: &Tree) -> Vec<Finding> {
    let is_pure = |path: &str| {
        PURE.iter().any(|folder| path.starts_with(&format!("{folder}/src/")))
            && has_extension(path, "rs")
            && !path.split('/').any(|part| part == "tests" || part == "tests.rs")
    };
    let mut findings = Vec::new();
    for (path, text) in tree.texts(is_pure) {
        // What does not parse is the compiler's to report.
        let Ok(file) = syn::parse_file(text) else { continue };
        let mut paths = Paths::default();
        paths.visit_file(&file);
        for (line, found) in paths.found {
            let message = format!("pure crates do not use `{found}`: take it as an argument");
            findings.push(Finding::error(path, line, message));
        }
    }
    findings
}

/// Collects the impure paths of a file and their lines, without the parts compiled for tests.
#[derive(Default)]
struct Paths {
    found: Vec<(usize, String)>,
}

impl Paths {
    fn add(&mut self, path: &str, span: Span) {
        let is_below = |whole: &str, part: &str| {
            whole.strip_prefix(part).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
        };
        let path = path.strip_prefix("::").unwrap_or(path);
        let banned = IMPURE_PATHS.iter().find(|banned| {
            let imported = banned.trim_start_matches("std::");
            // A path of one segment could be anything; `net::TcpStream` could not.
            is_below(path, banned) || (imported.contains("::") && is_below(path, imported))
        });
        if let Some(banned) = banned {
            self.found.push((span.start().line, (*banned).to_owned()));
        }
    }

    fn add_uses(&mut self, prefix: &str, tree: &syn::UseTree) {
        let join = |name: &syn::Ident| {
            if prefix.is_empty() { name.to_string() } else { format!("{prefix}::{name}") }
        };
        match tree {
            syn::UseTree::Path(path) => self.add_uses(&join(&path.ident), &path.tree),
            syn::UseTree::Name(name) if name.ident == "self" => self.add(prefix, name.span()),
            syn::UseTree::Name(name) => self.add(&join(&name.ident), name.span()),
            syn::UseTree::Rename(rename) => self.add(&join(&rename.ident), rename.span()),
            syn::UseTree::Glob(glob) => self.add(prefix, glob.span()),
            syn::UseTree::Group(group) => {
                group.items.iter().for_each(|tree| self.add_uses(prefix, tree));
            }
        }
    }
}

impl<'ast> Visit<'ast> for Paths {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        if !is_for_tests(item) {
            syn::visit::visit_item(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.add_uses("", &item.tree);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names: Vec<String> =
            path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        self.add(&names.join("::"), path.span());
        syn::visit::visit_path(self, path);
    }

    /// Tokens in a macro are not parsed: look for whole paths in their text.
    fn visit_macro(&mut self, invocation: &'ast syn::Macro) {
        let tokens: String = invocation.tokens.to_string().split_whitespace().collect();
        for banned in IMPURE_PATHS.iter().filter(|banned| tokens.contains(**banned)) {
            self.found.push((invocation.span().start().line, (*banned).to_owned()));
        }
        syn::visit::visit_macro(self, invocation);
    }
}

fn is_for_tests(item: &syn::Item) -> bool {
    let attributes = match item {
        syn::Item::Fn(item) => &item.attrs,
        syn::Item::Impl(item) => &item.attrs,
        syn::Item::Mod(item) => &item.attrs,
        syn::Item::Use(item) => &item.attrs,
        _ => return false,
    };
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Path>().is_ok_and(|path| path.is_ident("test"))
    })
}
