//! Connectivity, blast radius and differences of whole estates against the twin's own.
//!
//! The twin tries every probe between every two interfaces and to addresses outside. Probes are
//! the parts of the flows that any rule tells apart, so the sets of flows are compared exactly.

use std::collections::{BTreeMap, BTreeSet};

use watertight_model::{Bounds, Name, WorkloadId};
use watertight_net::{FlowSet, Prefix};
use watertight_reach::{Cell, Change, Class, ClassIndex, Graph, Matrix, diff};
use watertight_testkit::generate::{self, Mutation, Random, Size};
use watertight_testkit::twin::aws::{
    Bounds as TwinBounds, Connection, Connections, Estate, Member, Peer, Row, probes,
};

use crate::engine::Engine;
use crate::flows::Probes;
use crate::rows::told;
use crate::{estates, note, setting};

/// How many differences of an estate are shown.
const SHOWN: usize = 4;
/// After how many estates that differ the comparison ends.
const FAILING_MAX: usize = 8;
/// Each so many estates nothing tells what the prefix lists hold, so that what names one may match.
const UNDESCRIBED_EVERY: u64 = 5;
/// How many addresses outside are tried in each estate.
const OUTSIDE_MAX: usize = 2;

/// One estate as both sides see it.
struct Side {
    twin: Estate,
    engine: Engine,
}

impl Side {
    fn new(files: &[(String, serde_json::Value)]) -> Self {
        Self { twin: Estate::load(files), engine: Engine::new(files) }
    }

    /// The engine's workload of each of the twin's; both must group interfaces alike.
    fn workloads(&self) -> BTreeMap<String, WorkloadId> {
        let network = &self.engine.estate.network;
        let mut named = BTreeMap::new();
        for (key, workload) in self.twin.workloads() {
            let ids: BTreeSet<WorkloadId> = workload
                .interfaces
                .iter()
                .map(|interface| network.endpoints[self.engine.endpoint(interface)].workload)
                .collect();
            assert_eq!(ids.len(), 1, "{key} is one workload: {ids:?}");
            named.extend(ids.into_iter().map(|id| (key.clone(), id)));
        }
        let distinct: BTreeSet<WorkloadId> = named.values().copied().collect();
        assert_eq!(distinct.len(), named.len(), "workloads of their own: {named:?}");
        named
    }

    /// The class of the matrix that a peer belongs to.
    fn class(&self, matrix: &Matrix, peer: &Peer) -> Option<ClassIndex> {
        let holds = |prefixes: &[Prefix], address| prefixes.iter().any(|one| one.contains(address));
        let mut classes = matrix.classes.iter();
        match peer {
            Peer::Interface(id) => matrix.class_of(self.engine.endpoint(id)),
            Peer::Internet(address) => classes.position(|class| match class {
                Class::Internet(atom) => holds(&atom.prefixes, *address),
                Class::Endpoints(_) | Class::Outside(..) => false,
            }),
            Peer::Outside(id, address) => {
                let wanted = self.engine.outside(id);
                classes.position(|class| match class {
                    Class::Outside(by, atom) => *by == wanted && holds(&atom.prefixes, *address),
                    Class::Endpoints(_) | Class::Internet(_) => false,
                })
            }
        }
    }

    fn some_outside(&self, matrix: &Matrix, random: &mut Random) -> Vec<Peer> {
        let all: Vec<Peer> = self
            .twin
            .outside_peers()
            .into_iter()
            .filter(|peer| self.class(matrix, peer).is_some())
            .collect();
        let chosen = (0..OUTSIDE_MAX).filter_map(|_| random.pick(&all).cloned());
        chosen.collect::<BTreeSet<Peer>>().into_iter().collect()
    }
}

/// What the comparison has covered.
#[derive(Default)]
struct Counts {
    estates: usize,
    interfaces: usize,
    outside: usize,
    probes: usize,
    pairs: usize,
    connected: usize,
    blasts: usize,
    reached: usize,
    uncertain: usize,
    mutations: BTreeMap<Mutation, usize>,
    changed: usize,
    changes: usize,
    outside_changes: usize,
}

type Rows = BTreeMap<Peer, Row>;

/// The connectivity of classes against the twin's rows.
fn compare_matrix(
    side: &Side,
    matrix: &Matrix,
    (rows, probes): (&Rows, &Probes),
    counts: &mut Counts,
) -> Vec<String> {
    let (none, nothing) = (Cell::default(), Connection::default());
    let mut found = Vec::new();
    for (from, row) in rows {
        for to in rows.keys().filter(|to| *to != from) {
            let outside = |peer: &Peer| !matches!(peer, Peer::Interface(_));
            if outside(from) && outside(to) {
                continue;
            }
            let expected = row.get(to).unwrap_or(&nothing);
            let classes = (side.class(matrix, from), side.class(matrix, to));
            let cell = match classes {
                (Some(from), Some(to)) => matrix.cell(from, to).unwrap_or(&none),
                _ => &none,
            };
            counts.pairs += 1;
            counts.connected += usize::from(!cell.forward.possible.is_empty());
            let empty = *expected == nothing && *cell == none;
            let expected = Cell {
                forward: probes.bounds(&expected.forward),
                established: probes.bounds(&expected.established),
            };
            if !empty && expected != *cell {
                found.push(format!(
                    "connectivity {from:?} to {to:?}\n    twin:   {}\n    engine: {}",
                    told(&expected),
                    told(cell)
                ));
            }
        }
    }
    found
}

/// The blast radius of every workload against the twin's.
fn compare_blast(
    side: &Side,
    matrix: &Matrix,
    (connections, probes): (&Connections, &Probes),
    counts: &mut Counts,
) -> Vec<String> {
    let estate = &side.engine.estate;
    let graph = Graph::new(estate, matrix);
    let opened = side.twin.opened(connections, &probes.all);
    let workloads = side.workloads();
    let keys: BTreeMap<WorkloadId, &String> =
        workloads.iter().map(|(key, id)| (*id, key)).collect();
    let mut found = Vec::new();
    for (key, id) in &workloads {
        counts.blasts += 1;
        let expected = Estate::blast(key, &opened);
        let blast = graph.blast(estate, *id);
        let mut got = BTreeMap::new();
        for (to, reached) in &blast.reached {
            let Some(to) = keys.get(to) else {
                found.push(format!("blast of {key}: the twin has no {}", estate.workloads[*to].id));
                continue;
            };
            got.insert((*to).clone(), (reached.hops, reached.sure));
            let by = keys.get(&reached.by).map_or_else(String::new, |by| (*by).clone());
            let over = opened.get(&(by.clone(), (*to).clone()));
            let over = over.map_or_else(none, |over| probes.bounds(over));
            if over != reached.over {
                found.push(format!(
                    "blast of {key}: {by} opens to {to}\n    twin:   {}\n    engine: {}",
                    show(&over),
                    show(&reached.over)
                ));
            }
        }
        counts.reached += got.len();
        counts.uncertain += got.values().filter(|(_, sure)| !sure).count();
        let expected: BTreeMap<String, (u32, bool)> =
            expected.into_iter().map(|(to, hop)| (to, (hop.hops, hop.certain))).collect();
        if got != expected {
            found.push(format!("blast of {key}\n    twin:   {expected:?}\n    engine: {got:?}"));
        }
    }
    found
}

fn none() -> Bounds<FlowSet> {
    Bounds::exact(FlowSet::none())
}

fn show(bounds: &Bounds<FlowSet>) -> String {
    format!("[sure {}; possible {}]", bounds.sure, bounds.possible)
}

/// How a difference names a member of the twin.
fn is_named(side: &Side, name: &Name, member: &Member) -> bool {
    let text = name.to_string();
    match member {
        Member::Workload(key) => {
            let twins = side.twin.workloads();
            let Some(interface) = twins.get(key).and_then(|one| one.interfaces.first()) else {
                return false;
            };
            let estate = &side.engine.estate;
            let workload = estate.network.endpoints[side.engine.endpoint(interface)].workload;
            estate.workloads[workload].id == *name
        }
        Member::Outside(Peer::Internet(address)) => text
            .strip_prefix("internet@")
            .and_then(|prefix| prefix.parse::<Prefix>().ok())
            .is_some_and(|prefix| prefix.contains(*address)),
        Member::Outside(Peer::Outside(id, address)) => text
            .strip_prefix("outside:")
            .and_then(|rest| rest.split_once('@'))
            .and_then(|(name, prefix)| Some((name, prefix.parse::<Prefix>().ok()?)))
            .is_some_and(|(name, prefix)| name == id && prefix.contains(*address)),
        Member::Outside(Peer::Interface(_)) => false,
    }
}

/// The difference of two estates against that of what the twin established in each.
fn compare_diff(
    sides: (&Side, &Side),
    established: (&Connections, &Connections),
    outside: &[Peer],
    probes: &Probes,
    counts: &mut Counts,
) -> Vec<String> {
    let mut found = Vec::new();
    let changes = diff(&sides.0.engine.estate, &sides.1.engine.estate);
    counts.changed += usize::from(!changes.is_empty());
    let members: BTreeSet<Member> = [sides.0, sides.1]
        .iter()
        .flat_map(|side| side.twin.workloads().into_keys())
        .map(Member::Workload)
        .chain(outside.iter().cloned().map(Member::Outside))
        .collect();
    let named = |name: &Name| -> Vec<&Member> {
        let either =
            |member: &&Member| is_named(sides.0, name, member) || is_named(sides.1, name, member);
        members.iter().filter(either).collect()
    };
    let mut got: BTreeMap<(Member, Member), &Change> = BTreeMap::new();
    for change in &changes {
        for from in named(&change.from) {
            for to in named(&change.to) {
                got.insert((from.clone(), to.clone()), change);
            }
        }
    }
    let empty = TwinBounds::default();
    let pairs: BTreeSet<&(Member, Member)> =
        established.0.keys().chain(established.1.keys()).chain(got.keys()).collect();
    for pair in pairs {
        let bounds =
            |connections: &Connections| probes.bounds(connections.get(pair).unwrap_or(&empty));
        let (before, after) = (bounds(established.0), bounds(established.1));
        let change = got.get(pair).map(|change| (change.before.clone(), change.after.clone()));
        let expected = (before != after).then(|| (before.clone(), after.clone()));
        counts.changes += usize::from(expected.is_some());
        let outside = matches!(pair, (Member::Outside(_), _) | (_, Member::Outside(_)));
        counts.outside_changes += usize::from(expected.is_some() && outside);
        if change != expected {
            let shown = |change: Option<(Bounds<FlowSet>, Bounds<FlowSet>)>| {
                let text = |(was, is)| format!("{} -> {}", show(&was), show(&is));
                change.map_or_else(|| "no change".to_owned(), text)
            };
            found.push(format!(
                "diff {:?} to {:?}\n    twin:   {}\n    engine: {}",
                pair.0,
                pair.1,
                shown(expected),
                shown(change)
            ));
        }
    }
    found
}

fn compare(seed: u64, counts: &mut Counts) -> Vec<String> {
    let mut generated = generate::aws(seed, Size::FEW);
    if seed.is_multiple_of(UNDESCRIBED_EVERY) {
        let told = |path: &str| !path.contains("/get-managed-prefix-list-entries-");
        generated.files.retain(|(path, _)| told(path));
    }
    let (changed, mutation) = generate::mutated(&generated.files, seed);
    let sides = (Side::new(&generated.files), Side::new(&changed));
    let probes = Probes { all: probes(&[&sides.0.twin, &sides.1.twin]) };
    let ask = sides.0.engine.asker();
    let matrix = ask.reach.matrix(&BTreeSet::new());
    let outside = sides.0.some_outside(&matrix, &mut Random::new(seed));
    let rows = sides.0.twin.rows(&outside, &probes.all);
    counts.estates += 1;
    counts.interfaces += sides.0.twin.interfaces().len();
    counts.outside += outside.len();
    counts.probes += probes.all.len();
    let mut found = compare_matrix(&sides.0, &matrix, (&rows, &probes), counts);
    let before = sides.0.twin.connections(&rows);
    found.extend(compare_blast(&sides.0, &matrix, (&before, &probes), counts));
    if let Some(mutation) = mutation {
        *counts.mutations.entry(mutation).or_default() += 1;
        let after = sides.1.twin.connections(&sides.1.twin.rows(&outside, &probes.all));
        found.extend(compare_diff(
            (&sides.0, &sides.1),
            (&before, &after),
            &outside,
            &probes,
            counts,
        ));
    }
    found
}

/// Connectivity, blast radius and difference of whole small estates equal the twin's.
///
/// `WATERTIGHT_WHOLE_ESTATES` says how many, `WATERTIGHT_TWIN_SEED` where the seeds begin.
#[test]
fn connectivity_blast_radius_and_difference_equal_the_twins() {
    let first = setting("WATERTIGHT_TWIN_SEED", 1);
    let estates = setting("WATERTIGHT_WHOLE_ESTATES", estates());
    let mut counts = Counts::default();
    let mut failures = Vec::new();
    for seed in first..first + estates {
        let found = compare(seed, &mut counts);
        if !found.is_empty() {
            let shown: Vec<String> = found.iter().take(SHOWN).cloned().collect();
            let text = shown.join("\n  ");
            failures.push(format!(
                "seed {seed}, {} differences; again by WATERTIGHT_TWIN_SEED={seed} \
                 WATERTIGHT_WHOLE_ESTATES=1\n  {text}",
                found.len()
            ));
        }
        assert!(failures.len() < FAILING_MAX, "{}", failures.join("\n"));
    }
    let text = counts.to_string();
    println!("{text}");
    note(&format!("whole estates: {} that differ in\n{text}", failures.len()));
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    counts.check();
}

impl Counts {
    fn check(&self) {
        assert!(self.connected * 20 > self.pairs, "at least 5 % of the pairs are connected");
        assert!(self.changed * 3 > self.estates, "at least a third of the changes show");
        assert!(self.reached > self.blasts / 2, "workloads reach something");
        assert!(self.uncertain * 200 > self.reached, "what cannot be read is in the way at times");
    }
}

impl std::fmt::Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(
            f,
            "{} estates with {} interfaces, {} addresses outside, {} probes",
            self.estates, self.interfaces, self.outside, self.probes
        )?;
        writeln!(f, "  {} pairs, {} connected", self.pairs, self.connected)?;
        writeln!(
            f,
            "  {} blast radii reach {}, {} perhaps",
            self.blasts, self.reached, self.uncertain
        )?;
        writeln!(
            f,
            "  {} estates changed by their mutation, {} pairs, {} with an end outside",
            self.changed, self.changes, self.outside_changes
        )?;
        for (mutation, count) in &self.mutations {
            writeln!(f, "  {mutation:?}: {count}")?;
        }
        Ok(())
    }
}
