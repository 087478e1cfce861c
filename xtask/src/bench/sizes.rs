//! Each size in processes of its own, watched from here.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use watertight_testkit::generate::{ClusterShape, Scale};

use super::figures::Figures;
use super::measure::peak_kib;
use super::{Options, Subject, clock, cluster, estate, float, table};
use crate::workspace::Error;

/// How often memory is looked at while nothing is reported.
const LOOK: Duration = Duration::from_millis(200);

/// One size with all its runs.
#[derive(Debug, Default)]
pub(super) struct Size {
    /// Interfaces.
    pub(super) endpoints: u32,
    /// Groups.
    pub(super) groups: usize,
    /// Rules of those groups.
    pub(super) rules: usize,
    /// The figures of every run, by name.
    pub(super) figures: BTreeMap<String, Figures>,
    /// Why a run was stopped.
    pub(super) stopped: Option<String>,
}

/// Measures every size and prints the table.
pub(super) fn run(options: &Options, subject: Subject) -> Result<(), Error> {
    let mut sizes = Vec::new();
    for endpoints in &options.sizes {
        sizes.push(match subject {
            Subject::Estate => size(*endpoints, options)?,
            Subject::Cluster(shape) => cluster_size(*endpoints, options, shape)?,
        });
    }
    print!("{}", table::of(&sizes, options, subject));
    Ok(())
}

fn size(endpoints: u32, options: &Options) -> Result<Size, Error> {
    let scale = estate::scale(endpoints, options.replicas);
    let folder = temporary()?;
    let start = clock();
    let written = estate::write(folder.path(), &scale)?;
    progress(&scale, super::since(start));
    let mut size =
        Size { endpoints, groups: scale.groups, rules: written.rules, ..Size::default() };
    size.add("subnets", float(scale.subnets));
    for _ in 0..options.runs {
        if size.stopped.is_none() {
            measure(folder.path(), options, &[], &mut size)?;
        }
    }
    Ok(size)
}

fn cluster_size(pods: u32, options: &Options, shape: ClusterShape) -> Result<Size, Error> {
    let scale = cluster::scale(pods, shape);
    let folder = temporary()?;
    cluster::write(folder.path(), &scale)?;
    let mut size = Size { endpoints: pods, ..Size::default() };
    size.add("namespaces", float(scale.namespaces));
    size.add("policies", float(scale.policies));
    for _ in 0..options.runs {
        if size.stopped.is_none() {
            measure(folder.path(), options, &["--cluster"], &mut size)?;
        }
    }
    Ok(size)
}

fn progress(scale: &Scale, seconds: f64) {
    println!("wrote an estate of {} interfaces in {seconds:.1} s", scale.endpoints);
}

/// A folder that is removed when it is dropped.
pub(super) fn temporary() -> Result<tempfile::TempDir, Error> {
    tempfile::tempdir().map_err(|source| Error::File { path: std::env::temp_dir(), source })
}

/// One run; figures are added as they come.
fn measure(folder: &Path, options: &Options, flags: &[&str], size: &mut Size) -> Result<(), Error> {
    let program = std::env::current_exe()
        .map_err(|source| Error::File { path: folder.to_path_buf(), source })?;
    let mut child = Command::new(&program)
        .arg("bench-run")
        .args(flags)
        .arg(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|source| Error::Start { program: program.display().to_string(), source })?;
    let stopped = watch(&mut child, options, size);
    if stopped.is_some() {
        let peak = peak_kib(&child.id().to_string());
        size.add("peak", peak.and_then(|kib| u32::try_from(kib).ok()).map_or(0.0, f64::from));
        // It may have ended by itself since; either way it is gone after the wait.
        let _ = child.kill();
    }
    let status = child
        .wait()
        .map_err(|source| Error::Start { program: program.display().to_string(), source })?;
    size.stopped = match stopped {
        None if !status.success() => Some(format!("failed ({status})")),
        stopped => stopped,
    };
    Ok(())
}

/// Reads what a run reports until it ends or is over a limit, and says which.
fn watch(child: &mut Child, options: &Options, size: &mut Size) -> Option<String> {
    let (sender, lines) = mpsc::channel();
    let output = child.stdout.take()?;
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    let start = clock();
    loop {
        match lines.recv_timeout(LOOK) {
            Ok(line) => {
                if let Some((name, figure)) = line.split_once(' ')
                    && let Ok(figure) = figure.parse()
                {
                    size.add(name, figure);
                } else {
                    println!("{line}");
                }
            }
            Err(RecvTimeoutError::Disconnected) => return None,
            Err(RecvTimeoutError::Timeout) => {}
        }
        if clock().duration_since(start) > options.limit {
            return Some(format!("> {} s", options.limit.as_secs()));
        }
        if peak_kib(&child.id().to_string()).is_some_and(|peak| peak > options.memory_kib) {
            return Some(format!("> {} MB", options.memory_kib * 1024 / 1_000_000));
        }
    }
}

impl Size {
    fn add(&mut self, name: &str, figure: f64) {
        self.figures.entry(name.to_owned()).or_default().add(figure);
    }

    /// The median of a figure; none where no run got there.
    pub(super) fn median(&self, name: &str) -> Option<f64> {
        self.figures.get(name).and_then(Figures::median)
    }
}
