//! Of what rules allow between workloads, what the network does not let through.

use std::collections::{BTreeMap, HashMap};

use watertight_model::Estate;
use watertight_net::FlowSet;
use watertight_policy::decide::Opened;
use watertight_reach::{ClassIndex, Matrix};

use super::{LISTED_MAX, Pairs, Segments, Unopened};

/// Workloads that reach and are reached alike: those whose endpoints are in the same classes.
type Alike = BTreeMap<Vec<ClassIndex>, Vec<usize>>;

/// Finds it for all that rules open.
pub(super) fn found(
    estate: &Estate,
    matrix: &Matrix,
    opened: &[Opened],
    segments: &Segments<'_>,
) -> Pairs<Unopened> {
    let classes: Vec<Vec<ClassIndex>> = estate
        .workloads
        .values()
        .map(|one| {
            let mut classes: Vec<ClassIndex> =
                one.endpoints.iter().filter_map(|id| matrix.class_of(*id)).collect();
            classes.sort_unstable();
            classes.dedup();
            classes
        })
        .collect();
    let names: Vec<&str> = estate.workloads.values().map(|one| one.name.as_str()).collect();
    let name = |place: &usize| names.get(*place).map_or_else(String::new, ToString::to_string);
    let mut found = Pairs { count: 0, listed: Some(Vec::new()), between: BTreeMap::new() };
    let mut between: BTreeMap<(usize, usize), u64> = BTreeMap::new();
    for one in opened {
        let mut known = HashMap::new();
        let (sources, targets) = (alike(&one.from, &classes), alike(&one.to, &classes));
        for (from, senders) in &sources {
            for (to, receivers) in &targets {
                let left = left(matrix, (from, to), &one.flows, &mut known);
                if left.is_empty() {
                    continue;
                }
                // Workloads are in two of these groups or in none, and the same ones in the same segment.
                let itself = if one.from == one.to && from == to { senders.len() } else { 0 };
                let pairs = number(senders.len() * receivers.len() - itself);
                let (Some(first), Some(other)) = (senders.first(), receivers.first()) else {
                    continue;
                };
                let ends = (segments.of_workload(*first), segments.of_workload(*other));
                *between.entry(ends).or_default() += pairs;
                found.count += pairs;
                if found.count > LISTED_MAX {
                    found.listed = None;
                }
                let Some(listed) = &mut found.listed else { continue };
                let pairs =
                    senders.iter().flat_map(|one| receivers.iter().map(move |two| (one, two)));
                listed.extend(pairs.filter(|(from, to)| from != to).map(|(from, to)| Unopened {
                    from: name(from),
                    to: name(to),
                    flows: left.clone(),
                }));
            }
        }
    }
    match &mut found.listed {
        Some(listed) => listed.sort_by(|one, two| (&one.from, &one.to).cmp(&(&two.from, &two.to))),
        None => found.between = segments.named(between),
    }
    found
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

fn alike(workloads: &[usize], classes: &[Vec<ClassIndex>]) -> Alike {
    let mut found = Alike::new();
    for place in workloads {
        let classes = classes.get(*place).cloned().unwrap_or_default();
        found.entry(classes).or_default().push(*place);
    }
    found
}

/// What is left of flows without those that the network establishes from any class to any other.
fn left(
    matrix: &Matrix,
    (from, to): (&[ClassIndex], &[ClassIndex]),
    flows: &FlowSet,
    known: &mut HashMap<Vec<usize>, FlowSet>,
) -> FlowSet {
    let pairs = to.iter().flat_map(|to| from.iter().map(move |from| (*from, *to)));
    let cells: Vec<_> = pairs.filter_map(|(from, to)| matrix.cell(from, to)).collect();
    let key: Vec<usize> = cells.iter().map(|cell| std::ptr::from_ref(*cell).addr()).collect();
    let left = known.entry(key).or_insert_with(|| {
        cells.iter().fold(flows.clone(), |left, cell| {
            left.difference(&cell.established.possible.any_source())
        })
    });
    left.clone()
}
