//! For each jewel the likeliest chain of each kind.
//!
//! The best chains of all differ little: many begin next to one jewel. What tells chains apart for a
//! reader is whether they begin outside, which credentials they take on the way, and how they end.

use std::collections::{BTreeMap, BTreeSet};

use super::{Chain, ChainLimits};
use crate::csr::{index, number};
use crate::fact::FactKind;
use crate::graph::{Entry, SubjectKind};
use crate::hop::{Status, Variant};
use crate::jewel::{Pair, is_own};
use crate::likelihood::Likelihood;
use crate::view::{Search, Value, View, paired};

/// From how many entries chains are looked for; beyond, from those of the likeliest pairs.
const ENTRIES_MAX: usize = 512;

/// What tells kinds of chains apart: the jewel, whether they begin outside, how they end, and the
/// credentials that they take.
type Shape = (usize, bool, Option<Variant>, BTreeSet<u32>);

/// A chain in the making: its value, entry, target and rows.
type Found = (Value, u32, u32, Vec<u32>);

/// Finds the likeliest chain of each kind, at most `limits.various_max` for each jewel; likeliest
/// first.
pub(crate) fn various(view: &View<'_>, pairs: &[Pair], limits: ChainLimits) -> Vec<Chain> {
    let graph = view.graph;
    let mut search = Search::new(view);
    let mut best: BTreeMap<Shape, Found> = BTreeMap::new();
    for place in entries(view, pairs) {
        let entry = graph.entries[index(place)];
        search.run(view, &graph.held_numbers(entry), |_, _| true);
        for (at, jewel) in graph.jewels.iter().enumerate() {
            let values = jewel.targets.iter().map(|target| (search.value(*target), *target));
            let likeliest = values.filter(|(value, _)| *value != Value::NEVER).min();
            let Some((value, target)) = likeliest.filter(|_| !is_own(graph, entry, at)) else {
                continue;
            };
            let rows = search.derivation(graph, target);
            let shape = shape(view, at, entry, &rows);
            let found = (value, place, target, rows);
            let known = best.entry(shape).or_insert_with(|| found.clone());
            if found < *known {
                *known = found;
            }
        }
    }
    let mut listed: Vec<(Found, usize)> =
        best.into_iter().map(|((jewel, ..), found)| (found, jewel)).collect();
    listed.sort_unstable();
    let mut counts = vec![0_usize; graph.jewels.len()];
    listed.retain(|(_, jewel)| {
        counts[*jewel] += 1;
        counts[*jewel] <= limits.various_max
    });
    listed.into_iter().map(|(found, _)| chain(view, &found)).collect()
}

/// The entries to begin at: all, or where they are too many, the internet and those of the likeliest
/// pairs.
fn entries(view: &View<'_>, pairs: &[Pair]) -> BTreeSet<u32> {
    let count = view.graph.entries.len();
    if count <= ENTRIES_MAX {
        return (0..number(count)).collect();
    }
    let mut chosen = BTreeSet::from([0]);
    for pair in pairs {
        if chosen.len() == ENTRIES_MAX / 8 {
            break;
        }
        chosen.insert(pair.entry);
    }
    chosen
}

fn shape(view: &View<'_>, jewel: usize, entry: Entry, rows: &[u32]) -> Shape {
    let graph = view.graph;
    let conclusions = rows.iter().filter_map(|row| graph.fact(graph.rows[index(*row)].conclusion));
    let held = conclusions.filter(|fact| fact.kind == FactKind::Hold);
    let credential = |subject: &crate::Subject| {
        let info = graph.subjects.get(index(subject.0));
        info.is_some_and(|info| info.kind == SubjectKind::Credential)
    };
    let credentials = held.map(|fact| fact.subject).filter(credential);
    let last = paired(graph, rows).last().and_then(|hop| graph.hop(*hop));
    (
        jewel,
        entry == Entry::Internet,
        last.map(|hop| hop.variant),
        credentials.map(|subject| subject.0).collect(),
    )
}

fn chain(view: &View<'_>, (value, entry, target, rows): &Found) -> Chain {
    let graph = view.graph;
    let hops = paired(graph, rows);
    let all_sure =
        hops.iter().all(|hop| graph.hop(*hop).is_some_and(|hop| hop.status == Status::Sure));
    let likelihood = Likelihood::from_cost(value.cost());
    Chain {
        entry: graph.entries[index(*entry)],
        target: graph.facts[index(*target)],
        likelihood,
        sure: all_sure.then_some(likelihood),
        hops,
    }
}
