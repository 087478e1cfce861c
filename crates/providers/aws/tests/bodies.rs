//! Every body set of the conformance data and of the examples converts without an error.
//!
//! The conformance data lies beside the checkout; without it these tests say so and are skipped.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

use watertight_aws::{Body, Converted, Options, convert};
use watertight_source::{Limits, Severity, Sources, Tree, render_text};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..")
}

fn files_below(folder: &Path, files: &mut Vec<PathBuf>) {
    if folder.is_file() {
        files.push(folder.to_owned());
        return;
    }
    let mut entries: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for entry in entries {
        if entry.is_dir() {
            files_below(&entry, files);
        } else {
            files.push(entry);
        }
    }
}

/// Reads a file or all JSON files below a folder and converts them; anything else in it is left out.
fn converted(folder: &Path) -> (Converted, Sources) {
    let limits = Limits::default();
    let mut paths = Vec::new();
    files_below(folder, &mut paths);
    let mut sources = Sources::new();
    let mut bodies = Vec::new();
    for path in paths {
        let name = path.strip_prefix(folder).unwrap().to_string_lossy().into_owned();
        let file = sources.add(name.clone(), fs::read(&path).unwrap()).unwrap();
        if let Ok(tree) = Tree::parse_json(file, sources.contents(file), &limits) {
            bodies.push(Body { path: name, tree });
        }
    }
    (convert(&bodies, &Options::default()), sources)
}

fn assert_no_errors(folder: &Path) -> Converted {
    let (converted, sources) = converted(folder);
    let errors: Vec<_> = converted
        .diagnostics
        .kept()
        .iter()
        .filter(|diagnostic| diagnostic.severity == Severity::Error)
        .cloned()
        .collect();
    assert!(errors.is_empty(), "{}: {}", folder.display(), render_text(&errors, &sources));
    converted
}

/// A folder of the conformance data; `None`, with a line that says so, where it is absent.
fn conformance(folder: &str) -> Option<PathBuf> {
    let path = root().join("../shared/conformance").join(folder);
    if path.is_dir() {
        return Some(path);
    }
    println!("skipped: {folder} is not beside the checkout");
    None
}

#[test]
fn batfish_snapshots_convert() {
    let Some(folder) = conformance("aws/batfish") else { return };
    let mut count = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let folder = entry.unwrap().path();
        if folder.is_dir() {
            let converted = assert_no_errors(&folder.join("aws_configs"));
            let network = &converted.estate.network;
            assert!(!network.realms.is_empty() && !network.endpoints.is_empty());
            count += 1;
        }
    }
    assert!(count > 0);
}

#[test]
fn dumps_of_np_guard_convert() {
    let Some(folder) = conformance("aws/np-guard/input") else { return };
    let mut paths = Vec::new();
    files_below(&folder, &mut paths);
    for path in paths {
        let converted = assert_no_errors(&path);
        let network = &converted.estate.network;
        assert!(!network.endpoints.is_empty() && !network.realms.is_empty());
    }
}

#[test]
fn partial_inventories_convert() {
    let Some(folder) = conformance("samples/aws/cloudmapper-demo") else { return };
    let converted = assert_no_errors(&folder);
    assert_eq!(converted.estate.network.subnets.len(), 4);
    assert_eq!(converted.estate.network.realms.len(), 1);
}

#[test]
fn recorded_bodies_convert() {
    let Some(folder) = conformance("samples/aws/cloud-custodian") else { return };
    for case in ["ec2_igw_subnet", "ec2_security_group_filter_multi_enis"] {
        let converted = assert_no_errors(&folder.join(case));
        assert!(!converted.estate.workloads.is_empty(), "{case}");
    }
}

#[test]
fn the_example_estates_convert() {
    for entry in fs::read_dir(root().join("examples/estates")).unwrap() {
        let converted = assert_no_errors(&entry.unwrap().path().join("raw"));
        assert!(!converted.estate.workloads.is_empty());
    }
}
