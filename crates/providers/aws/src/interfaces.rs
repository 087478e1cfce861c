//! Network interfaces: endpoints with their addresses and groups.
//!
//! Interfaces come from `describe-network-interfaces`; those of instances also from the instances'
//! own bodies, where the first is missing. `owner` finds whose each one is.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use watertight_model::network::{Endpoint, EndpointId, EndpointRole, LayerId};
use watertight_model::{WorkloadId, WorkloadKind};
use watertight_net::Prefix;
use watertight_source::Node;

use crate::codes;
use crate::context::{Context, Holder, Unowned, nobody};
use crate::index::Item;
use crate::instances::is_gone;
use crate::security_groups;
use crate::shapes::Kind;
use crate::subnet;

pub(crate) mod owner;

/// Interface types that have no security groups unless they list some (EC2 API reference,
/// `NetworkInterface`; Elastic Load Balancing user guide: a network load balancer without groups
/// lets everything in).
const OPEN_TYPES: [&str; 4] = [
    "network_load_balancer",
    "gateway_load_balancer",
    "gateway_load_balancer_endpoint",
    "transit_gateway",
];

/// Converts interfaces and gives those of instances to their machines.
pub(crate) fn convert(context: &mut Context<'_>) {
    let index = context.index;
    let elastic = elastic_addresses(context);
    // Endpoints of a machine by device index, the primary one first.
    let mut owned: Vec<(WorkloadId, i64, EndpointId)> = Vec::new();
    for item in index.of(Kind::NetworkInterfaces) {
        add(context, item, None, &elastic, &mut owned);
    }
    let attached: BTreeSet<WorkloadId> = owned.iter().map(|(workload, _, _)| *workload).collect();
    for instance in index.of(Kind::Instances).iter().filter(|item| !is_gone(item.node)) {
        let interfaces = context.fields.objects(instance.node, "NetworkInterfaces");
        let is_bare = interfaces.is_empty();
        for node in interfaces {
            let Some(id) = context.fields.required_text(node, "NetworkInterfaceId") else {
                continue;
            };
            let item = Item { id, node, holder: instance.node, scope: instance.scope };
            if context.endpoints.get(id).is_none() {
                add(context, &item, Some(instance.id), &elastic, &mut owned);
            } else if index.find(Kind::NetworkInterfaces, id).is_none()
                && context.endpoints.get(instance.id).is_none()
            {
                // Dumps with blanked ids: another machine's body gave its interface the same one.
                let message = format!("`{id}` is an interface of another machine too");
                context.fields.warn(node, codes::CONFLICT, instance.id, message);
                let item = Item { id: instance.id, ..item };
                add(context, &item, Some(instance.id), &elastic, &mut owned);
            }
        }
        let workload = context.workloads.get(instance.id);
        if let Some(workload) = workload.filter(|one| is_bare && !attached.contains(one)) {
            owned.extend(add_bare(context, instance, workload, &elastic));
        }
    }
    owned.sort_unstable();
    for (workload, _, endpoint) in owned {
        context.own(endpoint, workload);
    }
}

/// The elastic addresses of each interface, or of each instance where no interface is told: private
/// address, where told, and public one.
type Elastic<'t> = BTreeMap<&'t str, Vec<(Option<IpAddr>, IpAddr)>>;

fn elastic_addresses<'t>(context: &mut Context<'t>) -> Elastic<'t> {
    let mut elastic = Elastic::new();
    for item in context.index.of(Kind::Addresses) {
        let instance = context.fields.text(item.node, "InstanceId");
        let interface = context.fields.text(item.node, "NetworkInterfaceId").or(instance);
        let public = context.fields.address(item.node, "PublicIp");
        let private = context.fields.address(item.node, "PrivateIpAddress");
        if let (Some(interface), Some(public)) = (interface.filter(|id| !id.is_empty()), public) {
            elastic.entry(interface).or_default().push((private, public));
        }
    }
    elastic
}

fn add<'t>(
    context: &mut Context<'t>,
    item: &Item<'t>,
    instance: Option<&str>,
    elastic: &Elastic<'_>,
    owned: &mut Vec<(WorkloadId, i64, EndpointId)>,
) {
    let holder = owner::holder(context, item);
    let attachment = context.fields.object(item.node, "Attachment");
    let attached = attachment.and_then(|node| context.fields.text(node, "InstanceId"));
    let attached = attached.filter(|id| !id.is_empty());
    let machine = instance.or(attached);
    let role = role(context, item.node, machine, holder);
    let addresses = addresses(context, item.node, elastic.get(item.id).map(Vec::as_slice));
    let subnet_id = context.fields.text(item.node, "SubnetId");
    let subnet = subnet_id.map(|id| subnet::subnet_of(context, item.node, id));
    if let Some(subnet) = subnet {
        subnet::admit(context, subnet, &addresses.private);
    }
    let layers = layers(context, item);
    let name = context.name(item.id);
    let endpoint = context.estate.network.endpoints.push(Endpoint {
        name: name.clone(),
        workload: nobody(),
        subnet,
        addresses: addresses.private,
        delegated: addresses.delegated,
        public: addresses.public,
        layers,
        role,
        inferred: false,
        origin: Some(item.node.span()),
    });
    context.endpoints.insert(name, endpoint);
    match machine {
        Some(machine) => {
            let workload = owner::machine(context, item, machine);
            let index = attachment.and_then(|node| context.fields.integer(node, "DeviceIndex"));
            owned.push((workload, index.unwrap_or(0), endpoint));
        }
        None => {
            context.unowned.insert(endpoint, Unowned { item: *item, holder });
        }
    }
}

/// An instance whose body lists no interface: one is inferred from its address, subnet and groups.
fn add_bare<'t>(
    context: &mut Context<'t>,
    instance: &Item<'t>,
    workload: WorkloadId,
    elastic: &Elastic<'_>,
) -> Option<(WorkloadId, i64, EndpointId)> {
    let private = context.fields.address(instance.node, "PrivateIpAddress")?;
    let mut public = Vec::new();
    let outer = context.fields.address(instance.node, "PublicIpAddress");
    public.extend(outer.map(|outer| (private, outer)));
    for (inner, outer) in elastic.get(instance.id).into_iter().flatten() {
        add_public(&mut public, inner.unwrap_or(private), *outer);
    }
    let subnet = context.fields.text(instance.node, "SubnetId");
    let subnet = subnet.map(|id| subnet::subnet_of(context, instance.node, id));
    if let Some(subnet) = subnet {
        subnet::admit(context, subnet, &[private]);
    }
    let groups = groups(context, instance.node, "SecurityGroups");
    let layer = match groups {
        Some(groups) => security_groups::layer(context, instance.node, &groups),
        None => security_groups::unread_layer(context, instance.id),
    };
    let is_forwarder = context.fields.flag(instance.node, "SourceDestCheck") == Some(false);
    let name = context.name(&format!("{}/primary", instance.id));
    let mut addresses = vec![private];
    addresses.extend(context.fields.address(instance.node, "Ipv6Address"));
    let endpoint = context.estate.network.endpoints.push(Endpoint {
        name: name.clone(),
        workload,
        subnet,
        addresses,
        delegated: Vec::new(),
        public,
        layers: vec![layer],
        role: if is_forwarder { EndpointRole::Forwarder } else { EndpointRole::Host },
        inferred: true,
        origin: Some(instance.node.span()),
    });
    let message = format!("the interface of `{}` is inferred from its body", instance.id);
    context.fields.note(instance.node, codes::INFERRED, instance.id, message);
    context.endpoints.insert(name, endpoint);
    Some((workload, 0, endpoint))
}

/// What the interface does with what is not for it.
fn role(
    context: &mut Context<'_>,
    node: Node<'_>,
    machine: Option<&str>,
    holder: Holder<'_>,
) -> EndpointRole {
    let checked = context.fields.flag(node, "SourceDestCheck");
    match holder {
        Holder::Function(_) => EndpointRole::InitiatesOnly,
        _ if machine.is_none() && is_unattached(node) => EndpointRole::InitiatesOnly,
        Holder::Service(WorkloadKind::PrivateService, _)
            if context.fields.text(node, "InterfaceType") == Some("vpc_endpoint") =>
        {
            EndpointRole::AnswersOnly
        }
        // Reached by routes to its gateway, never by its address (Amazon VPC Transit Gateways, "How
        // transit gateways work").
        Holder::Service(WorkloadKind::Gateway, _)
            if context.fields.text(node, "InterfaceType") == Some("transit_gateway") =>
        {
            EndpointRole::CarriesOnly
        }
        // Services turn the check off without forwarding for others.
        Holder::LoadBalancer(_) | Holder::Service(..) if machine.is_none() => EndpointRole::Host,
        _ if checked == Some(false) => EndpointRole::Forwarder,
        _ => EndpointRole::Host,
    }
}

/// Whether an interface is attached to nothing: packets to its addresses are lost (EC2 API
/// reference, `NetworkInterface`: `Status` is `available` when it is not in use).
pub(crate) fn is_unattached(node: Node<'_>) -> bool {
    let is_attached = node.get("Attachment").is_some_and(|attachment| !attachment.is_null());
    node.get("Status").and_then(Node::as_str) == Some("available") && !is_attached
}

#[derive(Default)]
struct Addresses {
    private: Vec<IpAddr>,
    delegated: Vec<Prefix>,
    public: Vec<(IpAddr, IpAddr)>,
}

/// Primary addresses first; public ones from the interface's associations and elastic addresses.
fn addresses(
    context: &mut Context<'_>,
    node: Node<'_>,
    elastic: Option<&[(Option<IpAddr>, IpAddr)]>,
) -> Addresses {
    let mut found = Addresses::default();
    let primary = context.fields.address(node, "PrivateIpAddress");
    found.private.extend(primary);
    for entry in context.fields.objects(node, "PrivateIpAddresses") {
        let Some(address) = context.fields.address(entry, "PrivateIpAddress") else { continue };
        if !found.private.contains(&address) {
            let is_primary = context.fields.flag(entry, "Primary") == Some(true);
            let at = if is_primary && primary.is_none() { 0 } else { found.private.len() };
            found.private.insert(at, address);
        }
        if let Some(public) = association(context, entry) {
            add_public(&mut found.public, address, public);
        }
    }
    let primary = found.private.first().copied();
    if let (Some(private), Some(public)) = (primary, association(context, node)) {
        add_public(&mut found.public, private, public);
    }
    for (private, public) in elastic.into_iter().flatten() {
        if let Some(private) = private.or(primary) {
            add_public(&mut found.public, private, *public);
        }
    }
    let mut v6 = Vec::new();
    for entry in context.fields.objects(node, "Ipv6Addresses") {
        if let Some(address) = context.fields.address(entry, "Ipv6Address") {
            let is_primary = context.fields.flag(entry, "IsPrimaryIpv6") == Some(true);
            let at = if is_primary { 0 } else { v6.len() };
            v6.insert(at, address);
        }
    }
    found.private.extend(v6);
    for (list, key) in [("Ipv4Prefixes", "Ipv4Prefix"), ("Ipv6Prefixes", "Ipv6Prefix")] {
        for entry in context.fields.objects(node, list) {
            found.delegated.extend(context.fields.prefix(entry, key));
        }
    }
    found
}

fn association(context: &mut Context<'_>, node: Node<'_>) -> Option<IpAddr> {
    let association = context.fields.object(node, "Association")?;
    context.fields.address(association, "PublicIp")
}

fn add_public(public: &mut Vec<(IpAddr, IpAddr)>, private: IpAddr, outer: IpAddr) {
    if !public.contains(&(private, outer)) {
        public.push((private, outer));
    }
}

/// The interface's groups as one layer.
fn layers(context: &mut Context<'_>, item: &Item<'_>) -> Vec<LayerId> {
    let of_type = context.fields.text(item.node, "InterfaceType").unwrap_or_default();
    let groups = groups(context, item.node, "Groups");
    match groups {
        Some(groups) if groups.is_empty() && OPEN_TYPES.contains(&of_type) => Vec::new(),
        None if OPEN_TYPES.contains(&of_type) => Vec::new(),
        Some(groups) => vec![security_groups::layer(context, item.node, &groups)],
        None => vec![security_groups::unread_layer(context, item.id)],
    }
}

/// The ids in a list of groups; `None` when the list is absent.
fn groups<'t>(context: &mut Context<'_>, node: Node<'t>, key: &str) -> Option<Vec<&'t str>> {
    node.get(key).filter(|list| !list.is_null())?;
    let mut ids = Vec::new();
    for group in context.fields.objects(node, key) {
        ids.extend(context.fields.required_text(group, "GroupId"));
    }
    Some(ids)
}
