//! A generated cluster measured once: reading, converting, all pairs by class, one changed policy,
//! and what asking pair by pair would take.

use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::hint::black_box;
use std::io::{BufReader, BufWriter, Write};
use std::path::Path;
use std::process::ExitCode;

use serde_json::Value;
use watertight_kubernetes::{Options, convert};
use watertight_model::Estate;
use watertight_model::network::EndpointId;
use watertight_net::{FlowSet, PortSet};
use watertight_reach::{Class, Matrix, Reach, exposure};
use watertight_source::{Limits, Sources, Tree};
use watertight_testkit::generate::{ClusterScale, ClusterShape, Random, cluster_scaled};

use super::measure::{say, say_peak};
use super::pairs::PerPair;
use super::{changes, clock, float, since};
use crate::workspace::Error;

/// The file that a cluster is in.
const FILE: &str = "cluster.json";
/// Pairs of pods of which the answer is compared and the time of asking taken.
const PAIRS: usize = 20_000;

/// The proportions of a cluster.
pub(super) fn scale(pods: u32, shape: ClusterShape) -> ClusterScale {
    let pods = usize::try_from(pods).unwrap_or(usize::MAX);
    match shape {
        ClusterShape::Owned => ClusterScale::owned(pods),
        ClusterShape::Random => ClusterScale::random(pods),
    }
}

/// Endpoints by their names.
type Endpoints<'e> = HashMap<&'e str, EndpointId>;

/// Writes a cluster below a folder.
pub(super) fn write(folder: &Path, scale: &ClusterScale) -> Result<(), Error> {
    let path = folder.join(FILE);
    let failed = |source| Error::File { path: path.clone(), source };
    let mut into = BufWriter::with_capacity(1 << 20, File::create(&path).map_err(failed)?);
    cluster_scaled(scale, &mut into).map_err(failed)?;
    into.flush().map_err(failed)
}

/// Measures a cluster, in the order in which a program asks.
pub(super) fn run(folder: &Path) -> Result<ExitCode, Error> {
    let start = clock();
    let (trees, sources) = read(folder)?;
    say("read", since(start));
    let start = clock();
    let estate = convert(&trees, &Options::default()).estate;
    say("convert", since(start));
    drop(trees);
    drop(sources);
    say_peak("load_peak");
    questions(&estate);
    say_peak("peak");
    let compared = by_pairs(&estate, &pairs(folder)?);
    say("pairwise", compared.seconds);
    say("compared", float(compared.asked));
    say("differ", float(compared.differ));
    changes::run_policies(estate);
    say_peak("standing_peak");
    Ok(ExitCode::SUCCESS)
}

/// How many pairs of a cluster were compared, and how many of them differ.
#[cfg(test)]
pub(super) fn compared(folder: &Path) -> Result<(usize, usize), Error> {
    let (trees, _) = read(folder)?;
    let estate = convert(&trees, &Options::default()).estate;
    let compared = by_pairs(&estate, &pairs(folder)?);
    Ok((compared.asked, compared.differ))
}

fn read(folder: &Path) -> Result<(Vec<Tree>, Sources), Error> {
    let path = folder.join(FILE);
    let failed = |source| Error::File { path: path.clone(), source };
    let other = |why: String| failed(std::io::Error::other(why));
    let mut sources = Sources::new();
    let content = std::fs::read(&path).map_err(failed)?;
    let file = sources.add(FILE, content).map_err(|why| other(why.to_string()))?;
    let tree = Tree::parse_json(file, sources.contents(file), &Limits::default());
    let trees = vec![tree.map_err(|why| other(why.to_string()))?];
    Ok((trees, sources))
}

fn pairs(folder: &Path) -> Result<PerPair, Error> {
    let path = folder.join(FILE);
    let failed = |source| Error::File { path: path.clone(), source };
    let objects = File::open(&path).map_err(failed)?;
    let objects: Value = serde_json::from_reader(BufReader::new(objects))
        .map_err(|why| failed(std::io::Error::other(why.to_string())))?;
    Ok(PerPair::read(&objects))
}

fn questions(estate: &Estate) {
    let start = clock();
    let reach = Reach::new(&estate.network);
    say("prepare", since(start));
    let start = clock();
    let matrix = reach.matrix(&BTreeSet::new());
    say("connectivity", since(start));
    let inside = matrix.classes.iter().filter(|class| matches!(class, Class::Endpoints(_)));
    let inside = inside.count();
    say("classes", float(inside));
    say("outside", float(matrix.classes.len() - inside));
    say("cells", float(matrix.cells_len()));
    let start = clock();
    black_box(exposure(&estate.network, &matrix));
    say("exposure", since(start));
}

/// Asks for pairs of pods drawn at random one by one, with a program that knows no class, and says
/// how long all of them would take so, and in how many of those drawn the answers differ.
fn by_pairs(estate: &Estate, pairs: &PerPair) -> Compared {
    let reach = Reach::new(&estate.network);
    let matrix = reach.matrix(&BTreeSet::new());
    let mut random = Random::new(1);
    let drawn: Vec<(usize, usize)> =
        (0..PAIRS).map(|_| (random.below(pairs.len()), random.below(pairs.len()))).collect();
    let start = clock();
    let answers: Vec<bool> = drawn.iter().map(|(from, to)| pairs.allows(*from, *to)).collect();
    let each = since(start) / float(PAIRS);
    let seconds = each * float(pairs.len()) * float(pairs.len());
    let all = estate.network.endpoints.iter();
    let endpoints: Endpoints<'_> = all.map(|(id, one)| (one.name.as_str(), id)).collect();
    let (mut asked, mut differ) = (0, 0);
    for ((from, to), answer) in drawn.into_iter().zip(answers).filter(|((from, to), _)| from != to)
    {
        asked += 1;
        differ += usize::from(known(&endpoints, &matrix, pairs, (from, to)) != Some(answer));
    }
    Compared { seconds, asked, differ }
}

/// Pairs one by one beside pairs by class.
#[derive(Debug)]
struct Compared {
    /// What all pairs would take one by one.
    seconds: f64,
    /// Pairs that were compared.
    asked: usize,
    /// Pairs of which the answers differ.
    differ: usize,
}

/// What the matrix says of two pods: whether anything may be sent over the pairs' port.
fn known(
    endpoints: &Endpoints<'_>,
    matrix: &Matrix,
    pairs: &PerPair,
    (from, to): (usize, usize),
) -> Option<bool> {
    let find = |name: &str| endpoints.get(name).copied();
    let flows = FlowSet::tcp(PortSet::single(super::pairs::PORT));
    let (from, to) = (find(pairs.name(from)?)?, find(pairs.name(to)?)?);
    let cell = matrix.between(from, to);
    Some(cell.is_some_and(|cell| cell.forward.sure.intersects(&flows)))
}
