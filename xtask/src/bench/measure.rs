//! One estate measured once, in a process of its own. Each figure is a line on standard output as
//! soon as it is known, so that a run that is stopped leaves what it got to.

use std::collections::BTreeSet;
use std::hint::black_box;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use watertight_aws::{Options, convert};
use watertight_model::Estate;
use watertight_net::{Family, FlowSet, PortSet};
use watertight_reach::ends::Directory;
use watertight_reach::{Class, Graph, Reach, exposure};
use watertight_source::Sources;
use watertight_testkit::generate::Random;

use super::{changes, clock, estate, float, since};
use crate::workspace::Error;

/// How many times `can` is asked; odd, so that there is one in the middle.
const ASKED: usize = 1001;

/// Measures an estate, in the order in which a program asks.
pub(super) fn run(folder: &Path) -> Result<ExitCode, Error> {
    let mut sources = Sources::new();
    let start = clock();
    let bodies = estate::read(folder, &mut sources)?;
    say("read", since(start));
    let start = clock();
    let converted = convert(&bodies, &Options::default());
    drop(bodies);
    say("convert", since(start));
    say_peak("load_peak");
    questions(&converted.estate);
    say_peak("peak");
    coverage(&converted.estate);
    say_peak("coverage_peak");
    changes::run(converted.estate);
    say_peak("standing_peak");
    Ok(ExitCode::SUCCESS)
}

fn questions(estate: &Estate) {
    let start = clock();
    let reach = Reach::new(&estate.network);
    let directory = Directory::new(estate);
    say("prepare", since(start));
    can(estate, &directory, &reach);
    let start = clock();
    let matrix = reach.matrix(&BTreeSet::new());
    say("connectivity", since(start));
    let inside = matrix.classes.iter().filter(|class| matches!(class, Class::Endpoints(_)));
    let inside = inside.count();
    say("classes", float(inside));
    say("outside", float(matrix.classes.len() - inside));
    say("cells", float(matrix.cells_len()));
    let start = clock();
    let exposed = exposure(&estate.network, &matrix);
    say("exposure", since(start));
    say("exposed", float(exposed.inbound.len()));
    let start = clock();
    let graph = Graph::new(estate, &matrix);
    let sizes = black_box(graph.every_blast(estate));
    say("blast", since(start));
    say("reached", float(sizes.iter().filter(|size| size.any.possible > 0).count()));
}

/// What decides each pair of classes, and what each layer decides.
fn coverage(estate: &Estate) {
    let reach = Reach::new(&estate.network);
    let matrix = reach.matrix(&BTreeSet::new());
    let start = clock();
    let survey = reach.survey(&matrix);
    say("coverage", since(start));
    let start = clock();
    say("points", float(black_box(survey.points()).len()));
    say("layers", since(start));
}

/// Asks for single flows between workloads drawn at random, from names to answers.
fn can(estate: &Estate, directory: &Directory<'_>, reach: &Reach<'_>) {
    let names: Vec<&str> =
        estate.network.endpoints.iter().map(|(_, endpoint)| endpoint.name.as_str()).collect();
    let flows = FlowSet::tcp(PortSet::single(443));
    let mut random = Random::new(1);
    let mut seconds = Vec::with_capacity(ASKED);
    for _ in 0..ASKED {
        let (Some(from), Some(to)) = (random.pick(&names), random.pick(&names)) else { return };
        let start = clock();
        black_box(ask(estate, (directory, reach), (from, to), &flows));
        seconds.push(since(start));
    }
    seconds.sort_by(f64::total_cmp);
    say("can", seconds.get(ASKED / 2).copied().unwrap_or_default());
    say("can_slowest", seconds.last().copied().unwrap_or_default());
}

/// How many parts the answers have.
fn ask(
    estate: &Estate,
    (directory, reach): (&Directory<'_>, &Reach<'_>),
    (from, to): (&str, &str),
    flows: &FlowSet,
) -> usize {
    let network = &estate.network;
    let (Ok(from), Ok(to)) = (directory.start(from), directory.destination(to)) else {
        return 0;
    };
    let mut parts = 0;
    for destination in to.destinations(network) {
        for start in from.starts(network, Family::of(destination)) {
            parts += reach.answer(&start, destination, flows).len();
        }
    }
    parts
}

/// Reports a figure.
pub(super) fn say(name: &str, figure: f64) {
    println!("{name} {figure}");
    // Whoever reads has gone when this fails, and ends this process too.
    let _ = std::io::stdout().flush();
}

/// Reports the most memory so far.
pub(super) fn say_peak(name: &str) {
    if let Some(kib) = peak_kib("self") {
        say(name, f64::from(u32::try_from(kib).unwrap_or(u32::MAX)));
    }
}

/// The most memory that a process had at once (`VmHWM`), in KiB.
pub(super) fn peak_kib(process: &str) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches("kB").trim().parse().ok()
}
