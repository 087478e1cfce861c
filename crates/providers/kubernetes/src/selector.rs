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

/// Whether pods on their host's network are meant.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Hosts {
    /// As any other pod.
    Too,
    /// They are part of their host for who writes the rule.
    Never,
    /// They alone.
    Only,
}

impl Hosts {
    const fn means(self, host_network: bool) -> bool {
        match self {
            Self::Too => true,
            Self::Never => !host_network,
            Self::Only => host_network,
        }
    }
}

/// Pods by their own labels and those of their namespace.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct PodSelector {
    pub(crate) namespaces: Selector,
    pub(crate) pods: Selector,
    pub(crate) hosts: Hosts,
}

impl PodSelector {
    /// Every pod of the cluster.
    pub(crate) const ALL: Self =
        Self { namespaces: Selector::Everything, pods: Selector::Everything, hosts: Hosts::Too };
    /// Every pod on its host's network.
    pub(crate) const OF_HOSTS: Self = Self { hosts: Hosts::Only, ..Self::ALL };

    /// Pods with addresses of their own.
    pub(crate) const fn own(namespaces: Selector, pods: Selector) -> Self {
        Self { namespaces, pods, hosts: Hosts::Never }
    }

    /// Whether it holds for a pod with these labels in a namespace with those, on its host's network
    /// or not.
    pub(crate) fn matches(&self, namespace: &LabelMap, pod: (&LabelMap, bool)) -> bool {
        let (labels, host_network) = pod;
        self.namespaces.matches(namespace) && self.is_pod(labels, host_network)
    }

    /// Whether it holds for a pod of a namespace that is meant.
    pub(crate) fn is_pod(&self, labels: &LabelMap, host_network: bool) -> bool {
        self.hosts.means(host_network) && self.pods.matches(labels)
    }

    /// Whether it holds for every pod that there could be, hosts' ones aside.
    pub(crate) fn is_everything(&self) -> bool {
        self.hosts != Hosts::Only && Self { hosts: Hosts::Too, ..self.clone() } == Self::ALL
    }
}
