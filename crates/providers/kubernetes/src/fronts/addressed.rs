//! The addresses of a service, and how it is reached from where.

use std::net::IpAddr;

use watertight_model::Name;
use watertight_net::{Prefix, Protocol};
use watertight_source::{Node, Span};

use super::services::ServicePort;
use crate::codes;
use crate::fields::Notes;
use crate::flows::{port, protocol};
use crate::objects::Object;
use crate::policies::prefix;

/// What a service's name stands for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// Addresses at which nobody is, that lead to pods.
    Virtual,
    /// The pods themselves.
    Headless,
    /// Another name (`ExternalName`).
    Alias(Name),
}

/// Addresses behind a service that selects no pods, with their ports.
#[derive(Clone, Debug)]
struct Slice {
    addresses: Vec<IpAddr>,
    ports: Vec<(Option<Name>, Protocol, u16)>,
}

/// A service as what packets are sent to.
#[derive(Clone, Debug)]
pub(super) struct Addressed {
    pub(super) namespace: Name,
    pub(super) name: Name,
    pub(super) kind: Kind,
    pub(super) cluster_addresses: Vec<IpAddr>,
    /// `externalIPs`, and the addresses of its load balancer.
    pub(super) outer_addresses: Vec<IpAddr>,
    pub(super) is_balanced: bool,
    pub(super) has_external: bool,
    pub(super) has_node_ports: bool,
    /// Whether it has those that it names, at least.
    pub(super) may_have_node_ports: bool,
    /// Whether pods see the address of a client from outside.
    pub(super) keeps_source: bool,
    /// Whether pods reach only pods on their own node.
    pub(super) stays_on_node: bool,
    pub(super) ranges: Vec<Prefix>,
    /// Whether objects list what is behind it.
    pub(super) has_slices: bool,
    slices: Vec<Slice>,
    pub(super) span: Span,
}

impl Addressed {
    /// Source: Kubernetes API reference, `ServiceSpec`.
    pub(super) fn read(
        object: &Object<'_>,
        objects: &[Object<'_>],
        notes: &mut Notes,
    ) -> Option<Self> {
        let spec = object.spec(notes)?;
        let given = notes.take(spec.str_field("type")).unwrap_or("ClusterIP");
        let single = notes.take(spec.str_field("clusterIP")).unwrap_or_default();
        let is_headless = single == "None" && given == "ClusterIP";
        let kind = match given {
            "ExternalName" => Kind::Alias(alias(notes, object, spec)),
            _ if is_headless => Kind::Headless,
            "ClusterIP" | "NodePort" | "LoadBalancer" => Kind::Virtual,
            other => {
                let message = format!("`{other}` is no type of a service");
                notes.error(codes::BAD_VALUE, spec.span(), message);
                return None;
            }
        };
        let mut cluster_addresses: Vec<IpAddr> = single.parse().ok().into_iter().collect();
        cluster_addresses.extend(addresses(notes, spec, "clusterIPs"));
        cluster_addresses.dedup();
        let external = addresses(notes, spec, "externalIPs");
        let is_balanced = given == "LoadBalancer";
        let mut outer_addresses = external.clone();
        if is_balanced {
            outer_addresses.extend(balanced(object));
        }
        let allocates = notes.take(spec.bool_field("allocateLoadBalancerNodePorts"));
        let ranges = notes.items(spec, "loadBalancerSourceRanges");
        let is_local = |notes: &mut Notes, key| notes.take(spec.str_field(key)) == Some("Local");
        let mut found = Self {
            namespace: object.namespace.clone(),
            name: object.name.clone(),
            kind,
            cluster_addresses,
            outer_addresses,
            is_balanced,
            has_external: !external.is_empty(),
            has_node_ports: given == "NodePort" || (is_balanced && allocates != Some(false)),
            may_have_node_ports: given == "NodePort" || is_balanced,
            keeps_source: is_local(notes, "externalTrafficPolicy"),
            stays_on_node: is_local(notes, "internalTrafficPolicy"),
            ranges: Vec::new(),
            has_slices: false,
            slices: Vec::new(),
            span: object.span,
        };
        if is_balanced {
            found.ranges = ranges.into_iter().filter_map(|node| prefix(notes, node)).collect();
        }
        let own: Vec<&Object<'_>> = objects.iter().filter(|slice| found.owns(slice)).collect();
        found.has_slices = !own.is_empty();
        found.slices = own.into_iter().flat_map(|slice| slices(slice, notes)).collect();
        Some(found)
    }

    fn owns(&self, object: &Object<'_>) -> bool {
        let is_slice = matches!(
            (object.group, object.kind),
            ("", "Endpoints") | ("discovery.k8s.io", "EndpointSlice")
        );
        is_slice
            && object.namespace == self.namespace
            && crate::known::service_of(object) == self.name
    }

    /// Its name in the cluster's domain names.
    pub(super) fn domain(&self) -> Name {
        Name::from(format!("{}.{}.svc", self.name, self.namespace))
    }

    /// Whether an address is listed behind it.
    pub(super) fn holds(&self, address: IpAddr) -> bool {
        self.slices.iter().any(|slice| slice.addresses.contains(&address))
    }

    /// The listed addresses and numbers to which a port leads.
    pub(super) fn listed(&self, port: &ServicePort) -> Vec<(IpAddr, u16)> {
        let mut found = Vec::new();
        for slice in &self.slices {
            let fits = |(name, protocol, _): &&(Option<Name>, Protocol, u16)| {
                *protocol == port.protocol
                    && name.as_deref().unwrap_or_default()
                        == port.name.as_deref().unwrap_or_default()
            };
            for (_, _, number) in slice.ports.iter().filter(fits) {
                found.extend(slice.addresses.iter().map(|address| (*address, *number)));
            }
        }
        found.sort();
        found.dedup();
        found
    }
}

/// What `externalName` names: a service of the cluster by its domain name, or something outside.
fn alias(notes: &mut Notes, object: &Object<'_>, spec: Node<'_>) -> Name {
    let domain = notes.take(spec.str_field("externalName")).unwrap_or_default();
    let domain = domain.trim_end_matches('.').to_ascii_lowercase();
    let inside = domain.strip_suffix(".cluster.local").unwrap_or(&domain);
    if inside.strip_suffix(".svc").is_none() {
        let message = format!(
            "the service `{}` stands for the domain `{domain}`: its addresses are not known",
            object.full_name()
        );
        notes.note(codes::NOT_MODELLED, object.span, message);
    }
    Name::from(inside)
}

fn addresses(notes: &mut Notes, spec: Node<'_>, key: &str) -> Vec<IpAddr> {
    let nodes = notes.items(spec, key);
    let texts = nodes.into_iter().filter_map(Node::as_str);
    texts.filter_map(|text| text.parse().ok()).collect()
}

/// Source: Kubernetes API reference, `LoadBalancerIngress`: with `ipMode` `Proxy` packets come with
/// the node's address as their destination; the balancer's is reached outside all the same.
fn balanced(object: &Object<'_>) -> Vec<IpAddr> {
    let status = object.node.get("status").and_then(|status| status.get("loadBalancer"));
    let entries = status.and_then(|balancer| balancer.get("ingress"));
    let each = entries.into_iter().flat_map(Node::items);
    let texts = each.filter_map(|entry| entry.get("ip").and_then(Node::as_str));
    texts.filter_map(|text| text.parse().ok()).collect()
}

/// What an `Endpoints` or `EndpointSlice` object lists.
fn slices(object: &Object<'_>, notes: &mut Notes) -> Vec<Slice> {
    let mut found = Vec::new();
    if object.kind == "EndpointSlice" {
        let endpoints = notes.items(object.node, "endpoints");
        let lists = endpoints.into_iter().flat_map(|one| notes.items(one, "addresses"));
        let parsed = lists.filter_map(Node::as_str).filter_map(|text| text.parse().ok());
        let addresses = parsed.collect();
        found.push(Slice { addresses, ports: ports(notes, object.node) });
        return found;
    }
    for subset in notes.items(object.node, "subsets") {
        let mut entries = notes.items(subset, "addresses");
        entries.extend(notes.items(subset, "notReadyAddresses"));
        let texts = entries.into_iter().filter_map(|one| one.get("ip").and_then(Node::as_str));
        let addresses = texts.filter_map(|text| text.parse().ok()).collect();
        found.push(Slice { addresses, ports: ports(notes, subset) });
    }
    found
}

fn ports(notes: &mut Notes, node: Node<'_>) -> Vec<(Option<Name>, Protocol, u16)> {
    let mut found = Vec::new();
    for one in notes.items(node, "ports") {
        let number = one.get("port").and_then(|number| port(notes, number));
        if let (Some(number), Some(protocol)) = (number, protocol(notes, one)) {
            found.push((notes.name(one, "name"), protocol, number));
        }
    }
    found
}
