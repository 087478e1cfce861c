//! Selectors over the labels of pods and of namespaces.

use std::collections::{BTreeMap, BTreeSet};

use watertight_model::Name;
pub(crate) use watertight_model::Selector;

/// The label that the API server gives every namespace: its own name.
///
/// Source: Kubernetes, "Well-Known Labels, Annotations and Taints", `kubernetes.io/metadata.name`.
pub(crate) const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";

/// The label that Calico gives pods: the name of their service account.
pub(crate) const SERVICE_ACCOUNT: &str = "projectcalico.org/serviceaccount";

/// Labels of a pod or a namespace.
pub(crate) type LabelMap = BTreeMap<Name, Name>;

/// The namespace of this name.
pub(crate) fn namespace(name: &str) -> Selector {
    Selector::is(NAMESPACE_NAME, name)
}

/// The one namespace in which a selector can hold, where it says so outright.
pub(crate) fn only_namespace(selector: &Selector) -> Option<&Name> {
    match selector {
        Selector::In(key, values) if *key == NAMESPACE_NAME && values.len() == 1 => values.first(),
        Selector::And(parts) => parts.iter().find_map(only_namespace),
        _ => None,
    }
}

/// Whether a selector asks about labels other than a namespace's own name.
pub(crate) fn asks_more_than_name(selector: &Selector) -> bool {
    let mut keys = BTreeSet::new();
    selector.keys(&mut keys);
    keys.into_iter().any(|key| *key != NAMESPACE_NAME)
}

/// Pods by their own labels and those of their namespace.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct PodSelector {
    pub(crate) namespaces: Selector,
    pub(crate) pods: Selector,
}

impl PodSelector {
    /// Every pod of the cluster.
    pub(crate) const ALL: Self =
        Self { namespaces: Selector::Everything, pods: Selector::Everything };

    /// Whether it holds for a pod with these labels in a namespace with those.
    pub(crate) fn matches(&self, namespace: &LabelMap, pod: &LabelMap) -> bool {
        self.namespaces.matches(namespace) && self.pods.matches(pod)
    }

    /// Whether it holds for every pod that there could be.
    pub(crate) fn is_everything(&self) -> bool {
        *self == Self::ALL
    }
}
