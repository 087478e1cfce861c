//! What policies refer to beside pods: nodes, named sets of addresses, services, service accounts.

use std::collections::BTreeMap;
use std::net::IpAddr;

use watertight_model::Name;
use watertight_net::{AddressSet, Prefix};
use watertight_source::Node;

use crate::fields::Notes;
use crate::implied;
use crate::labels;
use crate::namespaces::Namespaces;
use crate::objects::Object;
use crate::policies::prefix;
use crate::policy::PeerSpec;
use crate::selector::{Hosts, LabelMap, PodSelector, Selector};

/// Something with labels that stands for addresses.
#[derive(Clone, Debug)]
pub(crate) struct Labelled {
    /// Empty for what lives in no namespace.
    pub(crate) namespace: Name,
    pub(crate) name: Name,
    pub(crate) labels: LabelMap,
    pub(crate) of_namespace: LabelMap,
    pub(crate) addresses: AddressSet,
}

/// A service as far as policies refer to it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Backends {
    /// The pods behind it, where it selects some.
    pub(crate) pods: Option<PodSelector>,
    /// The addresses behind it, where it selects none.
    pub(crate) addresses: AddressSet,
}

/// What policies refer to.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// Nodes, where the input has any.
    pub(crate) nodes: Vec<Labelled>,
    /// Calico's sets of networks.
    pub(crate) network_sets: Vec<Labelled>,
    /// Cilium's groups of prefixes.
    pub(crate) groups: Vec<Labelled>,
    /// The labels of service accounts, by namespace and name.
    pub(crate) accounts: BTreeMap<(Name, Name), LabelMap>,
    pub(crate) services: BTreeMap<(Name, Name), Backends>,
}

impl Known {
    /// Reads what policies of these objects could refer to.
    pub(crate) fn read(objects: &[Object<'_>], namespaces: &Namespaces, notes: &mut Notes) -> Self {
        let mut found = Self::default();
        let of = |object: &Object<'_>, addresses| labelled(object, namespaces, addresses);
        for object in objects {
            match (object.group, object.kind) {
                ("", "Node") => found.nodes.push(of(object, node_addresses(object))),
                (
                    "projectcalico.org" | "crd.projectcalico.org",
                    "NetworkSet" | "GlobalNetworkSet",
                ) => {
                    let mut set = of(object, prefixes(notes, object, "nets"));
                    set.labels.extend(implied::of_network_set(&set.namespace, &set.of_namespace));
                    found.network_sets.push(set);
                }
                ("cilium.io", "CiliumCIDRGroup") => {
                    let addresses = prefixes(notes, object, "externalCIDRs");
                    found.groups.push(of(object, addresses));
                }
                ("", "ServiceAccount") => {
                    let key = (object.namespace.clone(), object.name.clone());
                    found.accounts.insert(key, object.labels.clone());
                }
                ("", "Service") => {
                    let key = (object.namespace.clone(), object.name.clone());
                    let pods = selected(notes, object);
                    found.services.entry(key).or_default().pods = pods;
                }
                _ => {
                    let Some(name) = service_of(object) else { continue };
                    let entry = found.services.entry((object.namespace.clone(), name));
                    let known = entry.or_default();
                    known.addresses = known.addresses.union(&slice_addresses(object));
                }
            }
        }
        found
    }

    /// The nodes that a selector holds for; nothing where the input has no nodes.
    pub(crate) fn nodes(&self, selector: &Selector) -> Option<PeerSpec> {
        if self.nodes.is_empty() {
            return None;
        }
        let those = self.nodes.iter().filter(|node| selector.matches(&node.labels));
        Some(together(those, "nodes"))
    }
}

/// Addresses of several as one peer, with their names.
pub(crate) fn together<'l>(those: impl Iterator<Item = &'l Labelled>, what: &str) -> PeerSpec {
    let (mut addresses, mut names) = (AddressSet::empty(), Vec::new());
    for one in those {
        addresses = addresses.union(&one.addresses);
        names.push(if one.namespace.is_empty() {
            one.name.to_string()
        } else {
            format!("{}/{}", one.namespace, one.name)
        });
    }
    PeerSpec::Addresses(addresses, Name::from(format!("{what} {}", names.join(", "))))
}

fn labelled(object: &Object<'_>, namespaces: &Namespaces, addresses: AddressSet) -> Labelled {
    Labelled {
        namespace: object.namespace.clone(),
        name: object.name.clone(),
        labels: object.labels.clone(),
        of_namespace: namespaces.labels(&object.namespace).clone(),
        addresses,
    }
}

/// Source: Kubernetes API reference, `NodeStatus.addresses`: hostnames are among them too.
fn node_addresses(object: &Object<'_>) -> AddressSet {
    let listed = object.node.get("status").and_then(|status| status.get("addresses"));
    let each = listed.into_iter().flat_map(Node::items);
    hosts(each.filter_map(|entry| entry.get("address").and_then(Node::as_str)))
}

fn hosts<'t>(texts: impl Iterator<Item = &'t str>) -> AddressSet {
    let parsed = texts.filter_map(|text| text.parse::<IpAddr>().ok());
    AddressSet::from_prefixes(parsed.map(Prefix::host))
}

fn prefixes(notes: &mut Notes, object: &Object<'_>, key: &str) -> AddressSet {
    let Some(spec) = object.spec(notes) else { return AddressSet::empty() };
    let nodes = notes.items(spec, key);
    AddressSet::from_prefixes(nodes.into_iter().filter_map(|node| prefix(notes, node)))
}

fn selected(notes: &mut Notes, object: &Object<'_>) -> Option<PodSelector> {
    let spec = object.spec(notes)?;
    let labels = labels::read(notes, spec, "selector");
    let parts = labels.iter().map(|(key, value)| Selector::is(key, value));
    let namespaces = crate::selector::namespace(&object.namespace);
    (!labels.is_empty()).then(|| PodSelector {
        namespaces,
        pods: Selector::all(parts),
        hosts: Hosts::Too,
    })
}

/// The service of an object that lists addresses behind one: that which the label of an `EndpointSlice`
/// names, or of the name of an `Endpoints` object.
///
/// Source: Kubernetes, *`EndpointSlices`*, "Ownership" and "`EndpointSlice` mirroring": without its label a
/// slice is no service's, and services do not lead to what is not mirrored.
pub(crate) fn service_of(object: &Object<'_>) -> Option<Name> {
    match (object.group, object.kind) {
        ("discovery.k8s.io", "EndpointSlice") => {
            object.labels.get("kubernetes.io/service-name").cloned()
        }
        ("", "Endpoints") => {
            let skipped = object.labels.get("endpointslice.kubernetes.io/skip-mirror");
            let is_mirrored = skipped.is_none_or(|value| **value != *"true");
            is_mirrored.then(|| object.name.clone())
        }
        _ => None,
    }
}

fn slice_addresses(object: &Object<'_>) -> AddressSet {
    let list = |key: &str| object.node.get(key).into_iter().flat_map(Node::items);
    let slices = list("endpoints").filter_map(|one| one.get("addresses"));
    let of_slices = slices.flat_map(Node::items).filter_map(Node::as_str);
    // Ready or not, as for services themselves.
    let keys = ["addresses", "notReadyAddresses"];
    let subsets =
        list("subsets").flat_map(|one| keys.into_iter().filter_map(move |key| one.get(key)));
    let of_subsets = subsets.flat_map(Node::items);
    let of_subsets = of_subsets.filter_map(|one| one.get("ip").and_then(Node::as_str));
    hosts(of_slices.chain(of_subsets))
}
