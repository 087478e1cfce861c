//! Namespaces and their labels.

use std::collections::{BTreeMap, BTreeSet};

use watertight_model::Name;

use crate::objects::Object;
use crate::selector::{LabelMap, NAMESPACE_NAME};

/// The namespaces of a cluster.
#[derive(Debug, Default)]
pub(crate) struct Namespaces {
    labels: BTreeMap<Name, LabelMap>,
    /// Those that have an object in the input.
    pub(crate) declared: BTreeSet<Name>,
    none: LabelMap,
}

impl Namespaces {
    /// Those that have an object, and those in which some object is.
    pub(crate) fn read(objects: &[Object<'_>]) -> Self {
        let mut found = Self::default();
        for object in objects.iter().filter(|object| is_namespace(object)) {
            found.add(&object.name, object.labels.clone());
            found.declared.insert(object.name.clone());
        }
        for object in objects.iter().filter(|object| !object.namespace.is_empty()) {
            if !found.labels.contains_key(&object.namespace) {
                found.add(&object.namespace, LabelMap::new());
            }
        }
        found
    }

    fn add(&mut self, name: &Name, mut labels: LabelMap) {
        labels.insert(Name::from(NAMESPACE_NAME), name.clone());
        self.labels.insert(name.clone(), labels);
    }

    /// The labels of a namespace.
    pub(crate) fn labels(&self, name: &Name) -> &LabelMap {
        self.labels.get(name).unwrap_or(&self.none)
    }

    /// All names, ordered.
    pub(crate) fn names(&self) -> impl Iterator<Item = &Name> {
        self.labels.keys()
    }
}

fn is_namespace(object: &Object<'_>) -> bool {
    object.kind == "Namespace" && object.group.is_empty()
}
