//! Converting bodies that stand in the tests.

use watertight_aws::{Body, Converted, Options, convert};
use watertight_model::network::{Endpoint, Gateway, Guard, Subnet, Table};
use watertight_model::{Estate, Network, Workload};
use watertight_source::{Severity, Sources, Tree};

use crate::base::FILES;

/// Converts bodies given as path and text.
pub(crate) fn converted(files: &[(&str, &str)]) -> Converted {
    converted_with(files, &Options::default())
}

/// Converts bodies within bounds.
pub(crate) fn converted_with(files: &[(&str, &str)], options: &Options) -> Converted {
    let mut sources = Sources::new();
    let mut bodies = Vec::new();
    for (path, text) in files {
        let file = sources.add(*path, *text).unwrap();
        let tree = Tree::parse_json(file, sources.contents(file), &options.limits).unwrap();
        bodies.push(Body { path: (*path).to_owned(), tree });
    }
    convert(&bodies, options)
}

/// The estate of the base bodies.
pub(crate) fn base() -> Estate {
    let converted = converted(FILES);
    assert!(!converted.diagnostics.has_errors(), "{:?}", converted.diagnostics.kept());
    converted.estate
}

/// The estate of the base bodies with one text replaced by another, which must be there.
pub(crate) fn changed(from: &str, to: &str) -> Estate {
    let mut files: Vec<(&str, String)> =
        FILES.iter().map(|(path, text)| (*path, (*text).to_owned())).collect();
    let file = files.iter_mut().find(|(_, text)| text.contains(from));
    let (_, text) = file.unwrap_or_else(|| panic!("no body holds `{from}`"));
    *text = text.replacen(from, to, 1);
    let files: Vec<(&str, &str)> =
        files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    converted(&files).estate
}

/// The content of an estate as text, without the places that it was read from.
pub(crate) fn content(estate: &Estate) -> String {
    let text = format!("{estate:?}");
    let mut parts = text.split("origin: Some(Span {");
    let mut content = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        content.push_str(part.split_once("})").map_or(part, |(_, rest)| rest));
    }
    content
}

/// The codes of all diagnostics of a severity.
pub(crate) fn codes(converted: &Converted, severity: Severity) -> Vec<&'static str> {
    let kept = converted.diagnostics.kept().iter();
    kept.filter(|one| one.severity == severity).map(|one| one.code.as_str()).collect()
}

pub(crate) fn subnet<'n>(network: &'n Network, name: &str) -> &'n Subnet {
    network.subnets.values().find(|one| one.name == name).unwrap()
}

pub(crate) fn endpoint<'n>(network: &'n Network, name: &str) -> &'n Endpoint {
    network.endpoints.values().find(|one| one.name == name).unwrap()
}

pub(crate) fn gateway<'n>(network: &'n Network, name: &str) -> &'n Gateway {
    network.gateways.values().find(|one| one.name == name).unwrap()
}

pub(crate) fn table<'n>(network: &'n Network, name: &str) -> &'n Table {
    network.tables.values().find(|one| one.name == name).unwrap()
}

pub(crate) fn guard<'n>(network: &'n Network, name: &str) -> &'n Guard {
    network.guards.values().find(|one| one.name == name).unwrap()
}

pub(crate) fn workload<'n>(estate: &'n Estate, id: &str) -> &'n Workload {
    estate.workloads.values().find(|one| one.id == id).unwrap()
}
