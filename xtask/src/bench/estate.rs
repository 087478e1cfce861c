//! Generated estates on disk, and their bodies read back as the program reads them.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use watertight_aws::Body;
use watertight_source::{Limits, Sources, Tree};
use watertight_testkit::generate::{Scale, Written, aws_scaled};

use crate::workspace::Error;

/// The proportions of an estate: groups and rules as the targets state them at 10,000, 100,000 and
/// 1,000,000 interfaces; sizes between these take the nearest of the three.
pub(super) fn scale(endpoints: u32, replicas: Option<u32>) -> Scale {
    let endpoints = usize::try_from(endpoints).unwrap_or(usize::MAX);
    let usual = Scale::of(endpoints);
    let (groups, rules) = if endpoints <= 30_000 {
        (endpoints / 5, endpoints * 2)
    } else if endpoints <= 300_000 {
        (endpoints / 10, endpoints * 2)
    } else {
        (endpoints / 20, endpoints)
    };
    let groups = match replicas.and_then(|replicas| usize::try_from(replicas).ok()) {
        Some(replicas) => endpoints / replicas + usual.vpcs,
        None => groups,
    };
    Scale { groups: groups.max(usual.vpcs * 2), rules, ..usual }
}

/// Writes an estate below a folder.
pub(super) fn write(folder: &Path, scale: &Scale) -> Result<Written, Error> {
    let failed = |source| Error::File { path: folder.to_path_buf(), source };
    aws_scaled(scale, |path| {
        let path = folder.join(path);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        Ok(BufWriter::with_capacity(1 << 20, File::create(path)?))
    })
    .map_err(failed)
}

/// Reads and parses every body below a folder, in the order of their paths.
pub(super) fn read(folder: &Path, sources: &mut Sources) -> Result<Vec<Body>, Error> {
    let mut paths = Vec::new();
    walk(folder, &mut paths)?;
    paths.sort();
    let limits = Limits::default();
    let mut bodies = Vec::new();
    for path in paths {
        let failed =
            |text: String| Error::File { path: path.clone(), source: std::io::Error::other(text) };
        let content =
            std::fs::read(&path).map_err(|source| Error::File { path: path.clone(), source })?;
        let relative = path.strip_prefix(folder).unwrap_or(&path);
        let name = relative.to_string_lossy().into_owned();
        let file = sources.add(name.clone(), content).map_err(|why| failed(why.to_string()))?;
        let tree = Tree::parse_json(file, sources.contents(file), &limits)
            .map_err(|why| failed(why.to_string()))?;
        bodies.push(Body { path: name, tree });
    }
    Ok(bodies)
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) -> Result<(), Error> {
    let failed = |source| Error::File { path: folder.to_path_buf(), source };
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.is_dir() {
            walk(&path, found)?;
        } else {
            found.push(path);
        }
    }
    Ok(())
}
