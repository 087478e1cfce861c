//! Networks that users define, in the place of the cluster's own for the pods of some namespaces.
//!
//! Source: `OVN-Kubernetes` documentation, "User Defined Networks": a primary network is the only one
//! over which the pods of its namespaces reach others, and isolated from the cluster's default
//! network and from other primary ones; it takes effect in namespaces that were made with its label.
//! A secondary one is an attachment beside it; `further` reads those.

use std::collections::BTreeMap;

use watertight_model::Name;
use watertight_source::Node;

use crate::codes;
use crate::fields::Notes;
use crate::labels;
use crate::namespaces::Namespaces;
use crate::objects::Object;

/// The label that a namespace has whose pods are on a primary network of their own.
const PRIMARY: &str = "k8s.ovn.org/primary-user-defined-network";

/// The keys of the settings of each topology.
const TOPOLOGIES: [&str; 3] = ["layer2", "layer3", "localnet"];

/// The primary network of each namespace that has one of its own.
pub(crate) fn read(
    objects: &[Object<'_>],
    namespaces: &Namespaces,
    notes: &mut Notes,
) -> BTreeMap<Name, Name> {
    let mut found = BTreeMap::new();
    for object in objects.iter().filter(|object| object.group == "k8s.ovn.org") {
        let Some(spec) = object.spec(notes) else { continue };
        let those: Vec<Name> = match object.kind {
            "UserDefinedNetwork" if is_primary(spec) => vec![object.namespace.clone()],
            "ClusterUserDefinedNetwork" if spec.get("network").is_some_and(is_primary) => {
                let Some(selector) = spec.get("namespaceSelector") else { continue };
                let Some(selector) = labels::selector(notes, selector) else { continue };
                let all = namespaces.names();
                all.filter(|name| selector.matches(namespaces.labels(name))).cloned().collect()
            }
            _ => continue,
        };
        for namespace in those {
            if namespaces.labels(&namespace).contains_key(PRIMARY) {
                found.insert(namespace, object.full_name());
            } else {
                let message = format!(
                    "`{}` has no effect in `{namespace}`, which lacks the label `{PRIMARY}`",
                    object.full_name()
                );
                notes.warn(codes::NO_EFFECT, object.span, message);
            }
        }
    }
    found
}

/// Whether the specification of a network says that it is a primary one.
pub(crate) fn is_primary(spec: Node<'_>) -> bool {
    let topologies = TOPOLOGIES.into_iter().filter_map(|key| spec.get(key));
    let mut roles = topologies.filter_map(|topology| topology.get("role"));
    roles.any(|role| role.as_str() == Some("Primary"))
}

/// The topology of a network of users, by the key of its settings.
pub(crate) fn topology(spec: Node<'_>) -> Option<&'static str> {
    TOPOLOGIES.into_iter().find(|key| spec.get(key).is_some_and(|value| !value.is_null()))
}

/// What the answers do not take in of an object of another network than the primary one.
pub(crate) fn beside(object: &Object<'_>) -> Option<&'static str> {
    match (object.group, object.kind) {
        ("projectcalico.org" | "crd.projectcalico.org", "HostEndpoint") => Some(
            "no policy governs what the host forwards, and what hosts do themselves is not read",
        ),
        _ => None,
    }
}
