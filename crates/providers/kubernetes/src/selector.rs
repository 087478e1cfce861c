//! Selectors over labels.

use std::collections::{BTreeMap, BTreeSet};

use watertight_model::Name;

/// The label that the API server gives every namespace: its own name.
///
/// Source: Kubernetes, "Well-Known Labels, Annotations and Taints", `kubernetes.io/metadata.name`.
pub(crate) const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";

/// Labels of a pod or a namespace.
pub(crate) type LabelMap = BTreeMap<Name, Name>;

/// A condition on labels.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Selector {
    /// Holds for all.
    Everything,
    /// Holds for none.
    Nothing,
    /// The label is there with one of these values.
    In(Name, BTreeSet<Name>),
    /// The label is there.
    Exists(Name),
    /// The label is there and its value begins so.
    StartsWith(Name, Name),
    /// The label is there and its value ends so.
    EndsWith(Name, Name),
    /// The label is there and its value holds this.
    Contains(Name, Name),
    /// The other condition does not hold.
    Not(Box<Self>),
    /// All hold.
    And(Vec<Self>),
    /// Any holds.
    Or(Vec<Self>),
}

impl Selector {
    /// The label has this value.
    pub(crate) fn is(key: &str, value: &str) -> Self {
        Self::In(Name::from(key), BTreeSet::from([Name::from(value)]))
    }

    /// The namespace of this name.
    pub(crate) fn namespace(name: &str) -> Self {
        Self::is(NAMESPACE_NAME, name)
    }

    /// All of them hold; in one form whatever their order.
    pub(crate) fn all(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut flat = BTreeSet::new();
        for part in parts {
            match part {
                Self::Everything => {}
                Self::Nothing => return Self::Nothing,
                Self::And(inner) => flat.extend(inner),
                other => {
                    flat.insert(other);
                }
            }
        }
        let mut flat: Vec<Self> = flat.into_iter().collect();
        match flat.len() {
            0 => Self::Everything,
            1 => flat.remove(0),
            _ => Self::And(flat),
        }
    }

    /// Any of them holds; in one form whatever their order.
    pub(crate) fn any(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut flat = BTreeSet::new();
        for part in parts {
            match part {
                Self::Nothing => {}
                Self::Everything => return Self::Everything,
                Self::Or(inner) => flat.extend(inner),
                other => {
                    flat.insert(other);
                }
            }
        }
        let mut flat: Vec<Self> = flat.into_iter().collect();
        match flat.len() {
            0 => Self::Nothing,
            1 => flat.remove(0),
            _ => Self::Or(flat),
        }
    }

    /// The opposite.
    pub(crate) fn negated(self) -> Self {
        match self {
            Self::Everything => Self::Nothing,
            Self::Nothing => Self::Everything,
            Self::Not(inner) => *inner,
            other => Self::Not(Box::new(other)),
        }
    }

    /// Whether it holds for these labels.
    pub(crate) fn matches(&self, labels: &LabelMap) -> bool {
        match self {
            Self::Everything => true,
            Self::Nothing => false,
            Self::In(key, values) => labels.get(key).is_some_and(|value| values.contains(value)),
            Self::Exists(key) => labels.contains_key(key),
            Self::StartsWith(key, text) => {
                labels.get(key).is_some_and(|value| value.starts_with(text.as_str()))
            }
            Self::EndsWith(key, text) => {
                labels.get(key).is_some_and(|value| value.ends_with(text.as_str()))
            }
            Self::Contains(key, text) => {
                labels.get(key).is_some_and(|value| value.contains(text.as_str()))
            }
            Self::Not(inner) => !inner.matches(labels),
            Self::And(parts) => parts.iter().all(|part| part.matches(labels)),
            Self::Or(parts) => parts.iter().any(|part| part.matches(labels)),
        }
    }

    /// The one namespace in which it can hold, where it says so outright.
    pub(crate) fn only_namespace(&self) -> Option<&Name> {
        match self {
            Self::In(key, values) if *key == NAMESPACE_NAME && values.len() == 1 => values.first(),
            Self::And(parts) => parts.iter().find_map(Self::only_namespace),
            _ => None,
        }
    }

    /// Labels other than a namespace's own name that it asks about.
    pub(crate) fn asks_more_than_name(&self) -> bool {
        match self {
            Self::Everything | Self::Nothing => false,
            Self::In(key, _)
            | Self::Exists(key)
            | Self::StartsWith(key, _)
            | Self::EndsWith(key, _)
            | Self::Contains(key, _) => *key != NAMESPACE_NAME,
            Self::Not(inner) => inner.asks_more_than_name(),
            Self::And(parts) | Self::Or(parts) => parts.iter().any(Self::asks_more_than_name),
        }
    }
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
