//! The shop as the program and as the libraries see it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use watertight_assess::{DeriveOptions, Derived, derive};
use watertight_aws::{Body, Options, convert};
use watertight_model::{Estate, Workload};
use watertight_reach::{Reach, front_legs};
use watertight_source::{FileId, Limits, Tree};

/// The estate's folder, seen from the project's root.
pub(crate) const SHOP: &str = "examples/estates/shop";

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

pub(crate) fn watertight(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_watertight"))
        .args(arguments)
        .current_dir(root())
        .output()
        .unwrap()
}

/// What the program prints as JSON, whatever its exit code says about it.
pub(crate) fn json(arguments: &[&str]) -> Value {
    let output = watertight(&[arguments, &["-f", "json"]].concat());
    match serde_json::from_slice(&output.stdout) {
        Ok(value) => value,
        Err(error) => {
            panic!("{arguments:?}: {error}: {}", String::from_utf8_lossy(&output.stderr))
        }
    }
}

/// The shop's bodies, converted, with its cluster joined.
pub(crate) fn shop() -> Estate {
    let estate = convert(&bodies("aws"), &Options::default()).estate;
    let documents: Vec<Tree> = bodies("kubernetes").into_iter().map(|body| body.tree).collect();
    let options =
        watertight_kubernetes::Options { cluster: "kettle".to_owned(), ..Default::default() };
    watertight_kubernetes::convert_into(estate, &documents, &options).estate
}

/// What there is of a provider.
fn bodies(provider: &str) -> Vec<Body> {
    let raw = root().join(SHOP).join("raw");
    let mut paths = Vec::new();
    below(&raw.join(provider), &mut paths);
    let limits = Limits::default();
    let body = |path: &PathBuf| {
        let tree = Tree::parse_json(FileId(0), fs::read(path).unwrap(), &limits).unwrap();
        let path = path.strip_prefix(&raw).unwrap().to_string_lossy().into_owned();
        Body { path, tree }
    };
    paths.iter().map(body).collect()
}

fn below(folder: &Path, paths: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for entry in entries {
        if entry.is_dir() {
            below(&entry, paths);
        } else if entry.extension().is_some_and(|extension| extension == "json") {
            paths.push(entry);
        }
    }
}

/// The workload that a name or an id stands for.
pub(crate) fn workload<'e>(estate: &'e Estate, name: &str) -> &'e Workload {
    let mut named = estate.workloads.values().filter(|one| one.id == name || one.name == name);
    named.next().unwrap_or_else(|| panic!("no workload is called {name}"))
}

/// The hop graph of an estate, with the hops that the assessment derives.
pub(crate) fn hops(estate: &Estate) -> Derived {
    let reach = Reach::new(&estate.network);
    let matrix = reach.matrix(&BTreeSet::new());
    let survey = reach.survey(&matrix);
    let legs = front_legs(&estate.network, &matrix);
    let options = DeriveOptions::default();
    derive(estate, &reach, &matrix, &legs, Some(&survey), &options).unwrap()
}
