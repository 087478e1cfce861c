//! The addresses of a service, and how it is reached from where.

use std::collections::BTreeSet;
use std::net::IpAddr;

use watertight_model::Name;
use watertight_net::{Family, Prefix};
use watertight_source::{Node, Span};

use crate::codes;
use crate::fields::Notes;
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

/// A service as what packets are sent to.
#[derive(Clone, Debug)]
pub(super) struct Addressed {
    pub(super) namespace: Name,
    pub(super) name: Name,
    pub(super) kind: Kind,
    pub(super) cluster_addresses: Vec<IpAddr>,
    /// The families that it is served over; none where the input does not tell.
    families: Option<BTreeSet<Family>>,
    /// `externalIPs`.
    pub(super) external_addresses: Vec<IpAddr>,
    /// The addresses of its load balancer.
    pub(super) balancer_addresses: Vec<IpAddr>,
    pub(super) is_balanced: bool,
    pub(super) has_node_ports: bool,
    /// Whether it has those that it names, at least.
    pub(super) may_have_node_ports: bool,
    /// Whether pods see the address of a client from outside.
    pub(super) keeps_source: bool,
    /// Whether pods reach only pods on their own node.
    pub(super) stays_on_node: bool,
    pub(super) ranges: Vec<Prefix>,
    pub(super) span: Span,
}

impl Addressed {
    /// Source: Kubernetes API reference, `ServiceSpec`.
    pub(super) fn read(object: &Object<'_>, notes: &mut Notes) -> Option<Self> {
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
        let families = families(notes, spec, &cluster_addresses);
        let is_balanced = given == "LoadBalancer";
        let allocates = notes.take(spec.bool_field("allocateLoadBalancerNodePorts"));
        let ranges = notes.items(spec, "loadBalancerSourceRanges");
        let is_local = |notes: &mut Notes, key| notes.take(spec.str_field(key)) == Some("Local");
        let mut found = Self {
            namespace: object.namespace.clone(),
            name: object.name.clone(),
            kind,
            cluster_addresses,
            families,
            external_addresses: addresses(notes, spec, "externalIPs"),
            balancer_addresses: if is_balanced { balanced(object) } else { Vec::new() },
            is_balanced,
            has_node_ports: given == "NodePort" || (is_balanced && allocates != Some(false)),
            may_have_node_ports: given == "NodePort" || is_balanced,
            keeps_source: is_local(notes, "externalTrafficPolicy"),
            stays_on_node: is_local(notes, "internalTrafficPolicy"),
            ranges: Vec::new(),
            span: object.span,
        };
        if is_balanced {
            found.ranges = ranges.into_iter().filter_map(|node| prefix(notes, node)).collect();
        }
        Some(found)
    }

    /// Whether it is served over a family, as far as the input tells.
    pub(super) fn is_served_over(&self, family: Family) -> bool {
        self.families.as_ref().is_none_or(|families| families.contains(&family))
    }

    /// Its name in the cluster's domain names.
    pub(super) fn domain(&self) -> Name {
        Name::from(format!("{}.{}.svc", self.name, self.namespace))
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

/// The families that a service is served over, where the input tells all of them.
///
/// Source: Kubernetes, *`IPv4/IPv6` dual-stack*, "Services": `clusterIPs` and `ipFamilies` are of the same
/// families; a service that prefers both has those that its cluster has.
fn families(
    notes: &mut Notes,
    spec: Node<'_>,
    cluster_addresses: &[IpAddr],
) -> Option<BTreeSet<Family>> {
    let by_address: BTreeSet<Family> = cluster_addresses.iter().copied().map(Family::of).collect();
    if !addresses(notes, spec, "clusterIPs").is_empty() {
        return Some(by_address);
    }
    match notes.take(spec.str_field("ipFamilyPolicy")) {
        Some("RequireDualStack") => return Some(BTreeSet::from([Family::V4, Family::V6])),
        Some("PreferDualStack") => return None,
        _ => {}
    }
    let listed = notes.items(spec, "ipFamilies");
    let named = listed.into_iter().filter_map(|node| match node.as_str() {
        Some("IPv4") => Some(Family::V4),
        Some("IPv6") => Some(Family::V6),
        _ => None,
    });
    let all: BTreeSet<Family> = named.chain(by_address).collect();
    (!all.is_empty()).then_some(all)
}

/// Whether an object names an address of IPv6 for a service: then pods have some.
pub(crate) fn is_over_v6(object: &Object<'_>, notes: &mut Notes) -> bool {
    let is_service = object.kind == "Service" && object.group.is_empty();
    let Some(spec) = object.spec(notes).filter(|_| is_service) else { return false };
    let single = notes.take(spec.str_field("clusterIP")).unwrap_or_default();
    let listed = notes.items(spec, "ipFamilies");
    single.parse::<IpAddr>().is_ok_and(|one| one.is_ipv6())
        || ["clusterIPs", "externalIPs"]
            .into_iter()
            .any(|key| addresses(notes, spec, key).iter().any(IpAddr::is_ipv6))
        || balanced(object).iter().any(IpAddr::is_ipv6)
        || listed.into_iter().any(|one| one.as_str() == Some("IPv6"))
        || notes.take(spec.str_field("ipFamilyPolicy")) == Some("RequireDualStack")
}
