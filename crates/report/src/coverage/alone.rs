use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use watertight_model::network::{Direction, LayerId};
use watertight_model::{Criticality, Estate};
use watertight_net::FlowSet;
use watertight_reach::{Class, ClassIndex, Matrix, Surveyed};

use super::{describe, end_of};
use crate::ends::{End, Names, Wholes};

/// A denial that one layer alone upholds: were that layer opened by mistake, nothing else would
/// refuse.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Alone {
    /// The most that hangs on it.
    pub(crate) criticality: Criticality,
    /// Whom it protects.
    pub(crate) target: End,
    /// The layer in words.
    pub(crate) layer: String,
    /// The ids of its guards.
    pub(crate) guards: Vec<String>,
    /// Whether the layer is on the target's side.
    pub(crate) inbound: bool,
    /// From whom.
    pub(crate) sources: Vec<End>,
    /// What it alone refuses, of what the target takes from others.
    pub(crate) flows: FlowSet,
}

impl Alone {
    /// From whom, in a few words.
    pub(crate) fn sources_text(&self) -> String {
        let labels: Vec<String> = self.sources.iter().map(End::label).collect();
        crate::text::few(&labels, 6)
    }
}

type Key = (ClassIndex, LayerId, Direction);

/// The denials before what is important or a crown jewel that hang on one layer alone, the most
/// critical first.
///
/// Asked about are flows that the target takes from somebody: that is where it listens, and where a
/// denial matters.
pub(crate) fn alone(estate: &Estate, matrix: &Matrix, surveyed: &[Surveyed]) -> Vec<Alone> {
    let criticality = |class: ClassIndex| match matrix.classes.get(class) {
        Some(Class::Endpoints(members)) => {
            let workloads = members.iter().map(|id| estate.network.endpoints[*id].workload);
            let each = workloads.map(|id| estate.workloads[id].criticality());
            each.max().unwrap_or_default()
        }
        _ => Criticality::None,
    };
    let mut taken: BTreeMap<ClassIndex, FlowSet> = BTreeMap::new();
    for one in surveyed.iter().filter(|one| criticality(one.to) > Criticality::None) {
        let all = taken.entry(one.to).or_default();
        // What a filter on the way lets through because it cannot tell replies is no listener.
        if !crate::openness::Openness::of(&one.arrives).is_wide() {
            *all = all.union(&one.arrives);
        }
    }
    let mut found: BTreeMap<Key, (String, BTreeSet<ClassIndex>, FlowSet)> = BTreeMap::new();
    for one in surveyed {
        let Some(listens) = taken.get(&one.to) else { continue };
        let denied = listens.difference(&one.arrives);
        let refused: Vec<FlowSet> =
            one.deciding.iter().map(|layer| denied.difference(&layer.accepts)).collect();
        for (place, layer) in one.deciding.iter().enumerate() {
            let others = refused.iter().enumerate().filter(|(other, _)| *other != place);
            let by_others = others.fold(FlowSet::none(), |all, (_, flows)| all.union(flows));
            let Some(own) = refused.get(place) else { continue };
            let only = own.difference(&by_others);
            if only.is_empty() {
                continue;
            }
            let entry = found
                .entry((one.to, layer.layer, layer.direction))
                .or_insert_with(|| (describe(estate, layer), BTreeSet::new(), FlowSet::none()));
            entry.1.insert(one.from);
            entry.2 = entry.2.union(&only);
        }
    }
    let names = Names::new(estate);
    let wholes = Wholes::new(matrix);
    let end = |class: ClassIndex| end_of(estate, &names, &wholes, matrix.classes.get(class));
    let mut listed: Vec<Alone> = found
        .into_iter()
        .map(|((to, layer, direction), (text, from, flows))| {
            let sources: BTreeSet<End> = from.into_iter().map(end).collect();
            let guards = estate.network.layers[layer].guards.iter();
            Alone {
                criticality: criticality(to),
                target: end(to),
                layer: text,
                guards: guards.map(|id| estate.network.guards[*id].name.to_string()).collect(),
                sources: sources.into_iter().collect(),
                flows,
                inbound: direction == Direction::Ingress,
            }
        })
        .collect();
    listed = merged(listed);
    listed.sort_by(|one, two| two.criticality.cmp(&one.criticality).then_with(|| one.cmp(two)));
    listed
}

/// Denials of the same layer before the same target as one: a target may be in several classes.
fn merged(listed: Vec<Alone>) -> Vec<Alone> {
    let mut groups: BTreeMap<(End, String), Alone> = BTreeMap::new();
    for one in listed {
        match groups.entry((one.target.clone(), one.layer.clone())) {
            Entry::Vacant(free) => {
                free.insert(one);
            }
            Entry::Occupied(mut known) => {
                let known = known.get_mut();
                let sources: BTreeSet<End> = known.sources.drain(..).chain(one.sources).collect();
                known.sources = sources.into_iter().collect();
                known.flows = known.flows.union(&one.flows);
            }
        }
    }
    groups.into_values().collect()
}
