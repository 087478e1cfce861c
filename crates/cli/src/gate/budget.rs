//! What may be reachable at most.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use watertight_model::{ArenaId, Estate, Name, Truth, WorkloadId};
use watertight_policy::decide::Decider;
use watertight_reach::{Class, Matrix, Reach};
use watertight_source::{FileId, Kind, Limits, Tree};

use crate::exit::Failure;

/// The most that may be reachable.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Budget {
    /// Ordered pairs of different workloads that connect.
    pub(super) pairs: Option<u64>,
    /// Pairs that a change opens.
    pub(super) opened: Option<u64>,
    /// Workloads that the internet reaches.
    pub(super) internet: Option<u64>,
    /// Pairs from outside of a segment to its members.
    pub(super) segments: BTreeMap<Name, u64>,
}

/// Reads `--budget`: a number of pairs, or a file.
///
/// # Errors
/// When the file cannot be read, or says something else.
pub(super) fn read(text: &str) -> Result<Budget, Failure> {
    if let Ok(pairs) = text.parse() {
        return Ok(Budget { pairs: Some(pairs), ..Budget::default() });
    }
    let path = Path::new(text);
    let bytes = fs::read(path).map_err(|source| Failure::File {
        path: path.to_path_buf(),
        action: "read",
        source,
    })?;
    let wrong = |problem: String| {
        let problem = format!("`{text}`: {problem}");
        Failure::Argument { flag: "budget", problem }
    };
    let trees = Tree::parse_yaml_documents(FileId(0), bytes, &Limits::default())
        .map_err(|error| wrong(error.to_string()))?;
    let [tree] = &trees[..] else {
        return Err(wrong("it holds more or less than one document".into()));
    };
    let root = tree.root();
    if root.kind() != Kind::Object || root.is_empty() {
        return Err(wrong(
            "it limits nothing: expected `pairs`, `opened`, `internet` or `segments`".into(),
        ));
    }
    let mut budget = Budget::default();
    for entry in root.entries() {
        let number = entry.value.as_u64();
        let known = match entry.key {
            "pairs" => &mut budget.pairs,
            "opened" => &mut budget.opened,
            "internet" => &mut budget.internet,
            "segments" => {
                if entry.value.kind() != Kind::Object {
                    return Err(wrong("`segments` is no object of names and numbers".into()));
                }
                for segment in entry.value.entries() {
                    let number = segment.value.as_u64();
                    let number = number.ok_or_else(|| no_number(segment.key)).map_err(wrong)?;
                    budget.segments.insert(Name::from(segment.key), number);
                }
                continue;
            }
            other => {
                let problem =
                    format!("`{other}` is none of `pairs`, `opened`, `internet` and `segments`");
                return Err(wrong(problem));
            }
        };
        *known = Some(number.ok_or_else(|| no_number(entry.key)).map_err(wrong)?);
    }
    Ok(budget)
}

fn no_number(key: &str) -> String {
    format!("`{key}` is no number of 0 or more")
}

/// A workload by its id, which is the same before and after a change.
type Pair = (Name, Name);

/// Who may reach whom in an estate.
pub(super) struct Reachable {
    /// The pairs of different workloads that connect, or could.
    pub(super) pairs: BTreeSet<Pair>,
    /// The workloads that the internet reaches, or could.
    pub(super) internet: BTreeSet<Name>,
}

impl Reachable {
    pub(super) fn of(estate: &Estate) -> Self {
        let reach = Reach::new(&estate.network);
        let matrix = reach.matrix(&BTreeSet::new());
        let names: Vec<BTreeSet<Name>> =
            matrix.classes.iter().map(|class| members(estate, class)).collect();
        let mut found = Self { pairs: BTreeSet::new(), internet: BTreeSet::new() };
        for ((from, to), cell) in matrix.cells() {
            if cell.established.possible.is_empty() {
                continue;
            }
            let (Some(sources), Some(targets)) = (names.get(from), names.get(to)) else { continue };
            if matches!(class(&matrix, from), Some(Class::Internet(_))) {
                found.internet.extend(targets.iter().cloned());
            }
            for source in sources {
                let others = targets.iter().filter(|target| *target != source);
                found.pairs.extend(others.map(|target| (source.clone(), target.clone())));
            }
        }
        found
    }
}

fn class(matrix: &Matrix, place: usize) -> Option<&Class> {
    matrix.classes.get(place)
}

fn members(estate: &Estate, class: &Class) -> BTreeSet<Name> {
    let Class::Endpoints(members) = class else { return BTreeSet::new() };
    let workload = |id: WorkloadId| estate.workloads.get(id).map(|one| one.id.clone());
    let of = members.iter().filter_map(|id| estate.network.endpoints.get(*id));
    of.filter_map(|endpoint| workload(endpoint.workload)).collect()
}

/// The members of each segment by their ids, those that may be among them.
pub(super) fn segments(decider: &Decider<'_>, estate: &Estate) -> BTreeMap<Name, BTreeSet<Name>> {
    let policy = decider.policy();
    let mut found = BTreeMap::new();
    for segment in &policy.segments {
        let member = |id: &WorkloadId| decider.holds(segment, id.index()) != Truth::No;
        let members = estate.workloads.iter().filter(|(id, _)| member(id));
        found.insert(segment.name.clone(), members.map(|(_, one)| one.id.clone()).collect());
    }
    found
}
