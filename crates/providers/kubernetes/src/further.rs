//! Networks beside the primary one: what the input tells of who is joined by them.
//!
//! Sources: Network Plumbing Working Group, *Kubernetes Network Custom Resource Definition De-facto
//! Standard*, `NetworkAttachmentDefinition`; `OVN-Kubernetes` documentation, "User Defined Networks"
//! and "Multiple networks": a secondary network of the topology `layer2` or `layer3` joins its pods
//! on whatever node and leads nowhere else; `localnet` joins them to a network of the nodes. Any
//! other plugin hands pods something of their node, and what that is joined to is not in the input.

use std::collections::BTreeMap;

use watertight_model::Name;
use watertight_source::{Node, Span};

use crate::attachments::{self, NetworkName};
use crate::codes;
use crate::fields::Notes;
use crate::labels;
use crate::namespaces::Namespaces;
use crate::networks::{is_primary, topology};
use crate::objects::Object;

/// The API group of attachment definitions and of policies for them.
pub(crate) const GROUP: &str = "k8s.cni.cncf.io";
/// The type of `OVN-Kubernetes`' own definitions.
const OVN: &str = "ovn-k8s-cni-overlay";

/// A network beside the primary one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Further {
    /// How output calls it.
    pub(crate) name: Name,
    /// Why it is not known whom it joins; none where it joins those that are on it, and them alone.
    pub(crate) doubt: Option<Name>,
    /// Where it is defined, where it is.
    pub(crate) span: Option<Span>,
}

/// The networks that pods may ask for, by the names by which they ask.
#[derive(Debug, Default)]
pub(crate) struct Furthers {
    by_name: BTreeMap<NetworkName, Further>,
}

impl Furthers {
    /// Reads the definitions of all objects.
    pub(crate) fn read(objects: &[Object<'_>], namespaces: &Namespaces, notes: &mut Notes) -> Self {
        let mut found = Self::default();
        for object in objects.iter().filter(|object| object.group == "k8s.ovn.org") {
            found.of_users(object, namespaces, notes);
        }
        let is_definition = |object: &&Object<'_>| {
            object.group == GROUP && object.kind == "NetworkAttachmentDefinition"
        };
        for object in objects.iter().filter(is_definition) {
            let key = (object.namespace.clone(), object.name.clone());
            // `OVN-Kubernetes` writes a definition for each network of users.
            found.by_name.entry(key).or_insert_with(|| definition(object, notes));
        }
        found
    }

    /// The network of a name; one of which nothing is known where no object defines it.
    pub(crate) fn get(&self, name: Option<&NetworkName>) -> Further {
        let known = name.and_then(|name| self.by_name.get(name)).cloned();
        known.unwrap_or_else(|| match name {
            Some((namespace, name)) => Further {
                name: Name::from(format!("{namespace}/{name}")),
                doubt: Some(Name::from("its definition is not in the input")),
                span: None,
            },
            None => Further {
                name: Name::from("network that cannot be read"),
                doubt: Some(Name::from("the pod's words for it cannot be read")),
                span: None,
            },
        })
    }

    /// Networks of users with the role `Secondary`.
    fn of_users(&mut self, object: &Object<'_>, namespaces: &Namespaces, notes: &mut Notes) {
        let Some(spec) = object.spec(notes) else { return };
        let own = |doubt| Further { name: object.full_name(), doubt, span: Some(object.span) };
        match object.kind {
            "UserDefinedNetwork" if !is_primary(spec) => {
                let key = (object.namespace.clone(), object.name.clone());
                self.by_name.insert(key, own(doubt_of(topology(spec))));
            }
            "ClusterUserDefinedNetwork" => {
                let Some(network) = spec.get("network").filter(|one| !is_primary(*one)) else {
                    return;
                };
                let selector = spec.get("namespaceSelector");
                let Some(selector) = selector.and_then(|one| labels::selector(notes, one)) else {
                    return;
                };
                for namespace in namespaces.names() {
                    if selector.matches(namespaces.labels(namespace)) {
                        let key = (namespace.clone(), object.name.clone());
                        self.by_name.insert(key, own(doubt_of(topology(network))));
                    }
                }
            }
            _ => {}
        }
    }
}

/// Why it is not known whom a network of `OVN-Kubernetes` of this topology joins.
fn doubt_of(topology: Option<&str>) -> Option<Name> {
    match topology {
        Some("layer2" | "layer3") => None,
        Some("localnet") => Some(Name::from("it is joined to a network of the nodes")),
        _ => Some(Name::from("its topology is not known")),
    }
}

/// What a `NetworkAttachmentDefinition` defines: `spec.config` is the plugin's configuration as
/// JSON, and may lie on the nodes instead.
fn definition(object: &Object<'_>, notes: &mut Notes) -> Further {
    let of = |name: Name, doubt: Option<&str>| Further {
        name,
        doubt: doubt.map(Name::from),
        span: Some(object.span),
    };
    let spec = object.spec(notes);
    let config = spec.and_then(|spec| spec.get("config")).filter(|config| !config.is_null());
    let Some(text) = config.and_then(Node::as_str).filter(|text| !text.trim().is_empty()) else {
        return of(object.full_name(), Some("its configuration is on the nodes"));
    };
    let tree = config.and_then(|config| attachments::parsed(notes, config, text));
    let Some(tree) = tree else {
        return of(object.full_name(), Some("its configuration cannot be read"));
    };
    let root = tree.root();
    let plugins = root.get("plugins").into_iter().flat_map(Node::items).next();
    let plugin = plugins.unwrap_or(root);
    let text_of = |key: &str| plugin.get(key).or(root.get(key)).and_then(Node::as_str);
    match text_of("type") {
        Some(OVN) => {
            if text_of("role").is_some_and(|role| role.eq_ignore_ascii_case("primary")) {
                let message = format!(
                    "`{}` makes a primary network of users: that is read of their own kinds only, and \
                     its pods are taken to be on the cluster's network",
                    object.full_name()
                );
                notes.warn(codes::NOT_MODELLED, object.span, message);
            }
            // Definitions of one name are one network, in whatever namespace they are.
            let name = text_of("name").map_or_else(|| object.full_name(), Name::from);
            Further { name, doubt: doubt_of(text_of("topology")), span: Some(object.span) }
        }
        Some(kind) => {
            let doubt = format!("what a plugin of the type {kind} joins depends on the nodes");
            of(object.full_name(), Some(&doubt))
        }
        None => of(object.full_name(), Some("its configuration names no plugin")),
    }
}
