//! Which selectors hold for which pods, without trying every selector on every pod.

use std::collections::BTreeMap;

use watertight_model::Name;
use watertight_model::network::GuardId;

use super::PodClass;
use super::peers::PeerKey;
use crate::namespaces::Namespaces;
use crate::selector::Selector;

/// A selector with the guard that stands for it.
type Selecting<'k> = (&'k PeerKey, GuardId);

/// The guards of the selectors that hold for each class; classes are ordered by namespace.
pub(super) fn of_classes(
    guards: &BTreeMap<PeerKey, GuardId>,
    namespaces: &Namespaces,
    classes: &[PodClass],
) -> Vec<Vec<GuardId>> {
    let mut of_one: BTreeMap<&Name, Vec<Selecting<'_>>> = BTreeMap::new();
    let mut of_several: Vec<Selecting<'_>> = Vec::new();
    for (key, guard) in guards {
        match crate::selector::only_namespace(&key.selector.namespaces) {
            Some(name) => of_one.entry(name).or_default().push((key, *guard)),
            None => of_several.push((key, *guard)),
        }
    }
    let mut found = Vec::with_capacity(classes.len());
    for together in classes.chunk_by(|one, other| one.namespace == other.namespace) {
        let Some(namespace) = together.first().map(|class| &class.namespace) else { continue };
        let labels = namespaces.labels(namespace);
        let own = of_one.get(namespace).into_iter().flatten();
        let here = own.chain(&of_several).copied();
        let here = here.filter(|(key, _)| key.selector.namespaces.matches(labels));
        let here = ByLabel::of(here);
        found.extend(together.iter().map(|class| here.holding(class)));
    }
    found
}

/// Selectors by a label that pods must have for them.
#[derive(Debug, Default)]
struct ByLabel<'k> {
    by_label: BTreeMap<(&'k Name, &'k Name), Vec<Selecting<'k>>>,
    rest: Vec<Selecting<'k>>,
}

impl<'k> ByLabel<'k> {
    fn of(all: impl Iterator<Item = Selecting<'k>>) -> Self {
        let mut found = Self::default();
        for one in all {
            match needed(&one.0.selector.pods) {
                Some(label) => found.by_label.entry(label).or_default().push(one),
                None => found.rest.push(one),
            }
        }
        found
    }

    fn holding(&self, class: &PodClass) -> Vec<GuardId> {
        let by_label = class.labels.iter().filter_map(|label| self.by_label.get(&label));
        let candidates = by_label.flatten().chain(&self.rest);
        candidates.filter(|(key, _)| holds(key, class)).map(|(_, guard)| *guard).collect()
    }
}

/// A label without which a condition does not hold.
fn needed(selector: &Selector) -> Option<(&Name, &Name)> {
    match selector {
        Selector::In(key, values) if values.len() == 1 => Some((key, values.first()?)),
        Selector::And(parts) => parts.iter().find_map(needed),
        _ => None,
    }
}

/// Whether a selector that holds for the namespace of a class holds for its pods.
fn holds(key: &PeerKey, class: &PodClass) -> bool {
    let has = |name: &Name, protocol, number| {
        class
            .ports
            .iter()
            .any(|one| one.name == *name && one.protocol == protocol && one.number == number)
    };
    key.selector.is_pod(&class.labels, class.host_network)
        && key.port.as_ref().is_none_or(|port| has(&port.name, port.protocol, port.number))
}
