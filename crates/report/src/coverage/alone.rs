use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use watertight_model::network::{Direction, LayerId};
use watertight_model::{Criticality, Estate};
use watertight_net::FlowSet;
use watertight_reach::{Class, ClassIndex, Leg, Matrix, Survey};

use super::{describe, end_of};
use crate::ends::{End, Names, Wholes};
use crate::openness::Openness;

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

/// By whom it protects and by layer: the layer in words, from whom, what it alone refuses.
type Found = BTreeMap<Key, (String, BTreeSet<ClassIndex>, FlowSet)>;
type Key = (ClassIndex, LayerId, Direction);

/// The denials before what is important or a crown jewel that hang on one layer alone, the most
/// critical first.
///
/// Asked about are flows that the target takes from somebody: that is where it listens, and where a
/// denial matters.
pub(crate) fn alone(estate: &Estate, matrix: &Matrix, survey: &Survey) -> Vec<Alone> {
    let criticality = |class: ClassIndex| match matrix.classes.get(class) {
        Some(Class::Endpoints(members)) => {
            let workloads = members.iter().map(|id| estate.network.endpoints[*id].workload);
            let each = workloads.map(|id| estate.workloads[id].criticality());
            each.max().unwrap_or_default()
        }
        _ => Criticality::None,
    };
    let mut found: Found = BTreeMap::new();
    for to in (0..matrix.classes.len()).filter(|class| criticality(*class) > Criticality::None) {
        held_alone(estate, survey, to, &mut found);
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

/// Adds the denials before one class that hang on one layer alone.
fn held_alone(estate: &Estate, survey: &Survey, to: ClassIndex, found: &mut Found) {
    let legs = survey.onto(to);
    // What a filter on the way lets through because it cannot tell replies is no listener.
    let taken: BTreeSet<&FlowSet> = legs.iter().map(Leg::arrives).collect();
    let narrow = taken.into_iter().filter(|flows| !Openness::of(flows).is_wide());
    let listens = narrow.fold(FlowSet::none(), |all, flows| all.union(flows));
    for leg in &legs {
        let denied = listens.difference(leg.arrives());
        if denied.is_empty() {
            continue;
        }
        let only = refused_alone(leg, &denied);
        if only.iter().all(FlowSet::is_empty) {
            continue;
        }
        // The layers are the same for all senders, unless they are the senders' own.
        let each = if leg.is_decided_by_senders() { leg.from.len() } else { 1 };
        for first in leg.from.clone().take(each) {
            let from = if each > 1 { first..first + 1 } else { leg.from.clone() };
            for (layer, only) in survey.deciding(leg, first).into_iter().zip(&only) {
                if only.is_empty() {
                    continue;
                }
                let (number, direction) = (layer.layer, layer.direction);
                let entry = found.entry((to, number, direction)).or_insert_with(|| {
                    let text = describe(estate, number, direction, layer.side.is_subnet());
                    (text, BTreeSet::new(), FlowSet::none())
                });
                entry.1.extend(from.clone());
                if !entry.2.contains(only) {
                    entry.2 = entry.2.union(only);
                }
            }
        }
    }
}

/// What each layer that decides refuses of flows, and no other one does.
fn refused_alone(leg: &Leg<'_>, denied: &FlowSet) -> Vec<FlowSet> {
    let refused: Vec<FlowSet> = leg.accepts().map(|accepts| denied.difference(accepts)).collect();
    let only = refused.iter().enumerate().map(|(place, own)| {
        let others = refused.iter().enumerate().filter(|(other, _)| *other != place);
        let by_others = others.fold(FlowSet::none(), |all, (_, flows)| all.union(flows));
        own.difference(&by_others)
    });
    only.collect()
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
