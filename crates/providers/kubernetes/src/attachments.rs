//! Further attachments of pods: which networks beside the primary one they ask for.
//!
//! Source: Network Plumbing Working Group, *Kubernetes Network Custom Resource Definition De-facto
//! Standard*: the annotation `k8s.v1.cni.cncf.io/networks` is a list of names with commas between
//! them, `[namespace/]name[@interface]`, or the same as JSON with further fields; pods on their
//! host's network get none of them. What was attached is in `k8s.v1.cni.cncf.io/network-status`.

use std::net::IpAddr;

use watertight_model::Name;
use watertight_source::{Limits, Node, Span, Tree};

use crate::codes;
use crate::fields::Notes;

/// The annotation with which a pod asks for networks.
const NETWORKS: &str = "k8s.v1.cni.cncf.io/networks";
/// The annotation in which a pod says what it got.
const STATUS: &str = "k8s.v1.cni.cncf.io/network-status";
/// The annotation with which a pod takes another network in the place of the cluster's own.
const DEFAULT: &str = "v1.multus-cni.io/default-network";
/// Attachments that one pod may ask for: more than a kernel has interfaces for in practice.
pub(crate) const ATTACHMENTS_MAX: usize = 1_000;
/// Bytes of one annotation: the API server takes no more for all of an object.
const ANNOTATION_BYTES_MAX: u64 = 256 << 10;

/// A network as a pod or a policy names it: its namespace and its name.
pub(crate) type NetworkName = (Name, Name);

/// One attachment that a pod asks for.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Attached {
    /// The network; none where the pod's words cannot be read.
    pub(crate) network: Option<NetworkName>,
    /// The addresses that it has there, where the input tells.
    pub(crate) addresses: Vec<IpAddr>,
    pub(crate) span: Span,
}

/// What a pod asks for, by its metadata, and by its specification where it is a virtual machine's.
pub(crate) fn read(
    notes: &mut Notes,
    metadata: Option<Node<'_>>,
    spec: Node<'_>,
    namespace: &Name,
) -> Vec<Attached> {
    let annotations =
        metadata.and_then(|metadata| notes.take(metadata.object_field("annotations")));
    let mut found = Vec::new();
    if let Some(annotations) = annotations {
        if let Some(node) = annotations.get(NETWORKS) {
            found = asked(notes, node, namespace);
        }
        if let Some(node) = annotations.get(DEFAULT) {
            let message = "the pod has another network in the place of the cluster's own: what is \
                           said of its primary network may not hold";
            notes.warn(codes::NOT_MODELLED, node.span(), message);
        }
        if let Some(node) = annotations.get(STATUS).filter(|_| !found.is_empty()) {
            add_status(notes, node, namespace, &mut found);
        }
    }
    found.extend(of_machine(notes, spec, namespace));
    if found.len() > ATTACHMENTS_MAX {
        let span = metadata.unwrap_or(spec).span();
        let message = format!("the pod asks for more than {ATTACHMENTS_MAX} further attachments");
        notes.error(codes::BAD_VALUE, span, message);
        found.truncate(ATTACHMENTS_MAX);
        found.push(unread(span));
    }
    found
}

/// Some attachment, to which network is not known.
fn unread(span: Span) -> Attached {
    Attached { network: None, addresses: Vec::new(), span }
}

/// Source: `KubeVirt` user guide, *Interfaces and Networks*: `multus.networkName` of a network of
/// the machine.
fn of_machine(notes: &mut Notes, spec: Node<'_>, namespace: &Name) -> Vec<Attached> {
    if spec.get("domain").is_none() {
        return Vec::new();
    }
    let mut found = Vec::new();
    for network in notes.items(spec, "networks") {
        let Some(multus) = notes.take(network.object_field("multus")) else { continue };
        let Some(name) = notes.take(multus.str_field("networkName")) else { continue };
        let span = network.span();
        found.push(Attached { network: name_of(name, namespace), addresses: Vec::new(), span });
    }
    found
}

/// What the annotation asks for. What cannot be read of it is some attachment.
fn asked(notes: &mut Notes, node: Node<'_>, namespace: &Name) -> Vec<Attached> {
    let span = node.span();
    let text = match node.to_str() {
        Ok(text) => text.trim(),
        Err(error) => {
            notes.diagnostics.push(error);
            return vec![unread(span)];
        }
    };
    if !text.starts_with(['[', '{']) {
        let names = names(text, namespace);
        if names.iter().any(Option::is_none) {
            let message = format!("`{text}` is no list of `[namespace/]name[@interface]`");
            notes.error(codes::BAD_VALUE, span, message);
        }
        let each = names.into_iter();
        return each.map(|network| Attached { network, addresses: Vec::new(), span }).collect();
    }
    let Some(tree) = parsed(notes, node, text) else { return vec![unread(span)] };
    let root = tree.root();
    let entries: Vec<Node<'_>> =
        if text.starts_with('{') { vec![root] } else { root.items().collect() };
    let mut found = Vec::new();
    for entry in entries {
        let name = entry.get("name").and_then(Node::as_str);
        let own = entry.get("namespace").and_then(Node::as_str).filter(|own| !own.is_empty());
        let network = name.and_then(|name| match own {
            Some(own) => name_of(name, &Name::from(own)),
            None => name_of(name, namespace),
        });
        if network.is_none() {
            notes.error(codes::BAD_VALUE, span, "an entry of the annotation names no network");
        }
        let texts = entry.get("ips").into_iter().flat_map(Node::items).filter_map(Node::as_str);
        found.push(Attached { network, addresses: texts.filter_map(address).collect(), span });
    }
    found
}

/// Adds the addresses that attachments got, in the order in which the same network is named.
fn add_status(notes: &mut Notes, node: Node<'_>, namespace: &Name, found: &mut [Attached]) {
    let Some(text) = node.as_str() else { return };
    let Some(tree) = parsed(notes, node, text) else { return };
    let mut got: Vec<(NetworkName, Vec<IpAddr>)> = Vec::new();
    for entry in tree.root().items() {
        let name = entry.get("name").and_then(Node::as_str);
        let Some(network) = name.and_then(|name| name_of(name, namespace)) else { continue };
        let texts = entry.get("ips").into_iter().flat_map(Node::items).filter_map(Node::as_str);
        got.push((network, texts.filter_map(address).collect()));
    }
    for attached in found {
        let place = got.iter().position(|(network, _)| Some(network) == attached.network.as_ref());
        if let Some(place) = place {
            let (_, addresses) = got.remove(place);
            if !addresses.is_empty() {
                attached.addresses = addresses;
            }
        }
    }
}

/// The JSON that a string holds. Its own places are not those of the file, so nobody is told them.
pub(crate) fn parsed(notes: &mut Notes, node: Node<'_>, text: &str) -> Option<Tree> {
    let span = node.span();
    let limits = Limits { file_bytes_max: ANNOTATION_BYTES_MAX, ..Limits::default() };
    match Tree::parse_json(span.file, text, &limits) {
        Ok(tree) => Some(tree),
        Err(error) => {
            let message = format!("the text is no JSON that can be read: {}", error.reason);
            notes.error(codes::BAD_VALUE, span, message);
            None
        }
    }
}

/// A list of networks with commas between them; nothing for what is no name.
pub(crate) fn names(text: &str, namespace: &Name) -> Vec<Option<NetworkName>> {
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    parts.map(|part| name_of(part, namespace)).collect()
}

/// `[namespace/]name[@interface]`.
fn name_of(text: &str, namespace: &Name) -> Option<NetworkName> {
    let (name, interface) = text.split_once('@').unwrap_or((text, "any"));
    let (namespace, name) = match name.split_once('/') {
        Some((namespace, name)) => (Name::from(namespace.trim()), name.trim()),
        None => (namespace.clone(), name.trim()),
    };
    let is_name = |text: &str| !text.is_empty() && !text.contains(['/', ' ']);
    (is_name(name) && is_name(&namespace) && !interface.is_empty())
        .then(|| (namespace, Name::from(name)))
}

/// An address, with or without the length of its network.
fn address(text: &str) -> Option<IpAddr> {
    let alone = text.split_once('/').map_or(text, |(address, _)| address);
    alone.parse().ok()
}
