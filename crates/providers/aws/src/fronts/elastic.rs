//! Application and network load balancers (Elastic Load Balancing version 2).

use std::net::IpAddr;

use watertight_model::WorkloadKind;
use watertight_model::network::{EndpointId, EndpointRole, Front, FrontId};
use watertight_source::Node;

use super::listeners::Listeners;
use super::targets::Targets;
use super::{attribute, by_name};
use crate::context::{Context, Holder};
use crate::index::Item;
use crate::services::place::{Groups, Infer, Placement, attach_named};
use crate::services::service::{Service, add, label, slots, texts};
use crate::shapes::Kind;

/// Converts load balancers, then their listeners, which may lead to other load balancers.
pub(crate) fn convert(context: &mut Context<'_>) {
    let index = context.index;
    let mut balancers: Vec<(&Item<'_>, FrontId, bool)> = Vec::new();
    for item in index.of(Kind::LoadBalancers) {
        match context.fields.text(item.node, "Type") {
            Some("gateway") => {}
            Some("application") => balancers.push((item, add_front(context, item, true), true)),
            Some("network") => balancers.push((item, add_front(context, item, false), false)),
            other => {
                if other.is_some() {
                    context.fields.unknown_value(item.node, "Type", item.id);
                }
                let is_application = item.id.contains(":loadbalancer/app/");
                let front = add_front(context, item, is_application);
                balancers.push((item, front, is_application));
            }
        }
    }
    let fronts = by_name(context);
    let mut targets = Targets::new(context, fronts);
    let listeners = Listeners::new(context);
    for (item, front, is_application) in balancers {
        listeners.add_to(context, &mut targets, item, front, is_application);
        cross_zones(context, item, front, is_application);
    }
}

/// Name, kind, scheme and account of a load balancer as a workload.
pub(super) fn add_workload(
    context: &mut Context<'_>,
    item: &Item<'_>,
) -> watertight_model::WorkloadId {
    let name = context.fields.text(item.node, "LoadBalancerName").unwrap_or_default();
    let vpc = context.fields.text(item.node, "VpcId");
    let tags = context.fields.tags(item.node, "Tags");
    let workload = add(
        context,
        item,
        Service {
            id: item.id,
            name,
            kind: WorkloadKind::LoadBalancer,
            vpc,
            tags,
            owner: None,
            stores_data: false,
        },
    );
    for (key, field) in [("scheme", "Scheme"), ("aws.type", "Type")] {
        if let Some(value) = context.fields.text(item.node, field) {
            label(context, workload, key, value);
        }
    }
    workload
}

/// The subnets of a load balancer, with the addresses that it was given there.
pub(super) fn subnets<'t>(
    context: &mut Context<'_>,
    item: &Item<'t>,
) -> Vec<(&'t str, Vec<Node<'t>>)> {
    let mut subnets = Vec::new();
    for zone in context.fields.objects(item.node, "AvailabilityZones") {
        if let Some(subnet) = context.fields.text(zone, "SubnetId") {
            subnets.push((subnet, context.fields.objects(zone, "LoadBalancerAddresses")));
        }
    }
    subnets
}

/// Whether an unowned interface's description names this load balancer.
pub(super) fn is_named(holder: Holder<'_>, arn: &str) -> bool {
    match holder {
        Holder::LoadBalancer(path) => {
            !path.is_empty()
                && arn.strip_suffix(path).is_some_and(|rest| rest.ends_with(":loadbalancer/"))
        }
        Holder::Function(_) | Holder::Service(..) | Holder::Unknown => false,
    }
}

fn add_front(context: &mut Context<'_>, item: &Item<'_>, is_application: bool) -> FrontId {
    let workload = add_workload(context, item);
    let subnets = subnets(context, item);
    let groups = texts(context, item.node, "SecurityGroups");
    // A network load balancer without groups lets everything in (user guide for network load
    // balancers, "Update the security groups for your Network Load Balancer").
    let groups = if is_application { Groups::required(groups) } else { Groups::optional(groups) };
    let front = context.estate.network.fronts.next_id();
    let ids: Vec<&str> = subnets.iter().map(|(subnet, _)| *subnet).collect();
    let placement = Placement {
        workload,
        id: item.id,
        node: item.node,
        slots: slots(&ids),
        groups,
        role: EndpointRole::Front(front),
    };
    let endpoints =
        attach_named(context, &placement, Infer::Each, |unowned| is_named(unowned.holder, item.id));
    for (subnet, addresses) in subnets {
        give_addresses(context, &endpoints, subnet, &addresses);
    }
    let name = context.name(item.id);
    context.estate.network.fronts.push(Front {
        name,
        workload,
        endpoints,
        listeners: Vec::new(),
        cross_zone: is_application,
        listeners_read: false,
        origin: Some(item.node.span()),
    })
}

/// Gives an inferred endpoint the addresses that the load balancer says it has there.
fn give_addresses(
    context: &mut Context<'_>,
    endpoints: &[EndpointId],
    subnet: &str,
    addresses: &[Node<'_>],
) {
    let subnet = context.subnets.get(subnet);
    let inferred = endpoints.iter().copied().find(|id| {
        let endpoint = &context.estate.network.endpoints[*id];
        endpoint.inferred && endpoint.subnet == subnet
    });
    let Some(inferred) = inferred else { return };
    for node in addresses {
        let private: Option<IpAddr> = context.fields.address(*node, "PrivateIPv4Address");
        let public = context.fields.address(*node, "IpAddress");
        let v6 = context.fields.address(*node, "IPv6Address");
        let endpoint = &mut context.estate.network.endpoints[inferred];
        endpoint.addresses.extend(private);
        endpoint.addresses.extend(v6);
        endpoint.public.extend(private.zip(public));
    }
}

/// Whether an attachment leads to targets in other zones: on for application load balancers, off
/// for network load balancers, unless attributes say otherwise. A target group may overrule it.
fn cross_zones(context: &mut Context<'_>, item: &Item<'_>, front: FrontId, is_application: bool) {
    let key = "load_balancing.cross_zone.enabled";
    let own = attribute(context, Kind::LoadBalancerAttributes, item.id, key);
    let own = own.map_or(is_application, |value| value == "true");
    context.estate.network.fronts[front].cross_zone = own;
}
