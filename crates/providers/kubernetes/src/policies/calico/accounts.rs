//! Service accounts in Calico's policies.
//!
//! Source: Calico documentation, "Use service accounts rules in policy": pods have the name of their
//! service account as a label, and rules name accounts or select them by their own labels.

use std::collections::{BTreeMap, BTreeSet};

use watertight_model::Name;
use watertight_source::Node;

use super::{Place, given, selector};
use crate::fields::Notes;
use crate::known::Known;
use crate::policy::PeerSpec;
use crate::selector::{PodSelector, SERVICE_ACCOUNT, Selector};

/// The pods of a namespace whose service accounts have such labels.
pub(super) fn of_namespace(known: &Known, namespace: &Name, labels: &Selector) -> Selector {
    let all = known.accounts.iter();
    let those = all.filter(|((place, _), own)| place == namespace && labels.matches(own));
    named(those.map(|((_, name), _)| name.clone()).collect())
}

fn named(names: BTreeSet<Name>) -> Selector {
    if names.is_empty() { Selector::Nothing } else { Selector::In(SERVICE_ACCOUNT.into(), names) }
}

/// The pods that a rule's `serviceAccounts` mean, among those of a selector.
pub(super) fn peers(
    notes: &mut Notes,
    node: Node<'_>,
    known: &Known,
    place: &Place,
    pods: &Selector,
) -> Vec<PeerSpec> {
    notes.only(node, &["names", "selector"]);
    let listed = notes.items(node, "names");
    let names: BTreeSet<Name> =
        listed.into_iter().filter_map(Node::as_str).map(Name::from).collect();
    let by_name = if names.is_empty() { Selector::Everything } else { named(names) };
    let pods = Selector::all([pods.clone(), by_name]);
    let peer =
        |namespaces: Selector, pods: Selector| PeerSpec::Pods(PodSelector::own(namespaces, pods));
    if given(node, "selector").is_none() {
        return vec![peer(place.namespaces(), pods)];
    }
    let Some(labels) = selector(notes, node, "selector") else { return Vec::new() };
    let mut by_namespace: BTreeMap<&Name, BTreeSet<Name>> = BTreeMap::new();
    for ((namespace, name), own) in &known.accounts {
        if labels.matches(own) {
            by_namespace.entry(namespace).or_default().insert(name.clone());
        }
    }
    let each = by_namespace.into_iter();
    each.map(|(namespace, names)| {
        let namespaces = Selector::all([place.namespaces(), crate::selector::namespace(namespace)]);
        peer(namespaces, Selector::all([pods.clone(), named(names)]))
    })
    .collect()
}
