//! Classic load balancers (Elastic Load Balancing version 1).

use watertight_model::network::{
    EndpointRole, Front, Health, Listener, Target, TargetGroup, TargetGroupId,
};
use watertight_model::{WorkloadId, WorkloadKind};
use watertight_net::Family;
use watertight_source::Node;

use super::listeners::flows;
use super::targets::instance_end;
use crate::context::{Context, Holder};
use crate::index::Item;
use crate::scope::arn_of;
use crate::services::place::{Groups, Infer, Placement, attach_named};
use crate::services::service::{Service, add, label, slots, texts};
use crate::shapes::Kind;

/// Converts classic load balancers.
pub(crate) fn convert(context: &mut Context<'_>) {
    let index = context.index;
    for item in index.of(Kind::ClassicLoadBalancers) {
        if let Some(name) = context.fields.required_text(item.node, "LoadBalancerName") {
            balancer(context, item, name);
        }
    }
}

fn balancer(context: &mut Context<'_>, item: &Item<'_>, name: &str) {
    let vpc = context.fields.text(item.node, "VPCId");
    let workload = workload(context, item, name, vpc);
    let id = context.estate.workloads[workload].id.clone();
    let subnets = context.fields.texts(item.node, "Subnets");
    let groups = texts(context, item.node, "SecurityGroups");
    let front = context.estate.network.fronts.next_id();
    let placement = Placement {
        workload,
        id: &id,
        node: item.node,
        slots: slots(&subnets),
        groups: Groups::required(groups),
        role: EndpointRole::Front(front),
    };
    let endpoints = attach_named(context, &placement, Infer::Each, |unowned| {
        unowned.holder == Holder::LoadBalancer(name)
            && unowned.item.node.get("VpcId").and_then(Node::as_str) == vpc
    });
    let listeners = listeners(context, item, name, &id);
    let cross_zone = cross_zone(context, item, name);
    context.estate.network.fronts.push(Front {
        name: id.clone(),
        workload,
        endpoints,
        listeners,
        cross_zone,
        listeners_read: true,
        origin: Some(item.node.span()),
    });
}

/// The workload, with the ARN that policies write for it where account and region are known.
fn workload(
    context: &mut Context<'_>,
    item: &Item<'_>,
    name: &str,
    vpc: Option<&str>,
) -> WorkloadId {
    let place = (context.account_of(item), context.region_of(item));
    let id = arn_of("elasticloadbalancing", place, ("loadbalancer/", name));
    let workload = add(
        context,
        item,
        Service {
            id: &id,
            name,
            kind: WorkloadKind::LoadBalancer,
            vpc,
            tags: Vec::new(),
            owner: None,
            stores_data: false,
        },
    );
    label(context, workload, "aws.type", "classic");
    if let Some(scheme) = context.fields.text(item.node, "Scheme") {
        label(context, workload, "scheme", scheme);
    }
    workload
}

fn listeners(context: &mut Context<'_>, item: &Item<'_>, name: &str, id: &str) -> Vec<Listener> {
    let mut listeners = Vec::new();
    for description in context.fields.objects(item.node, "ListenerDescriptions") {
        let Some(node) = context.fields.object(description, "Listener") else { continue };
        let protocol = context.fields.required_text(node, "Protocol");
        let port = context.fields.port(node, "LoadBalancerPort");
        let (Some(protocol), Some(port)) = (protocol, port) else { continue };
        let Some(flows) = flows(&protocol.to_ascii_uppercase(), port) else {
            context.fields.unknown_value(node, "Protocol", id);
            continue;
        };
        let to = context.fields.port(node, "InstancePort");
        let group = group(context, item, name, id, to);
        listeners.push(Listener {
            name: context.name(&format!("{id}:{port}")),
            flows,
            target_groups: vec![group],
            clauses: Vec::new(),
            origin: Some(node.span()),
        });
    }
    listeners
}

/// The registered instances at a listener's port. They see the load balancer's address.
fn group(
    context: &mut Context<'_>,
    item: &Item<'_>,
    name: &str,
    id: &str,
    port: Option<u16>,
) -> TargetGroupId {
    // `HTTP:80/index.html` (Elastic Load Balancing API, "HealthCheck").
    let check = context.fields.object(item.node, "HealthCheck");
    let check = check.and_then(|check| context.fields.text(check, "Target"));
    let asked = check.and_then(|check| check.split_once(':')?.1.split('/').next()?.parse().ok());
    let mut targets = Vec::new();
    for instance in context.fields.objects(item.node, "Instances") {
        let Some(instance_id) = context.fields.required_text(instance, "InstanceId") else {
            continue;
        };
        let end = instance_end(context, instance, instance_id, Family::V4);
        let health = health(context, item, name, instance_id);
        targets.push(Target { end, port, health_port: asked, health });
    }
    let port = port.map_or_else(String::new, |port| port.to_string());
    let name = context.name(&format!("{id}->{port}"));
    context.estate.network.target_groups.push(TargetGroup {
        name,
        preserves_source: false,
        cross_zone: None,
        targets,
        targets_read: true,
        origin: Some(item.node.span()),
    })
}

/// What the health check said of an instance.
fn health(context: &mut Context<'_>, item: &Item<'_>, name: &str, instance: &str) -> Health {
    let index = context.index;
    for body in index.of(Kind::InstanceHealth) {
        if body.id != name || !same_scope(body, item) {
            continue;
        }
        for state in context.fields.objects(body.node, "InstanceStates") {
            if context.fields.text(state, "InstanceId") == Some(instance) {
                return match context.fields.text(state, "State") {
                    Some("InService") => Health::Healthy,
                    Some("OutOfService") => Health::Unhealthy,
                    _ => Health::Unknown,
                };
            }
        }
    }
    Health::Unknown
}

/// Whether the load balancer leads to other zones: off unless its attributes say so.
fn cross_zone(context: &mut Context<'_>, item: &Item<'_>, name: &str) -> bool {
    let index = context.index;
    let own = index.of(Kind::ClassicLoadBalancerAttributes).iter();
    let mut own = own.filter(|body| body.id == name && same_scope(body, item));
    own.next_back().is_some_and(|body| {
        let attributes = context.fields.object(body.node, "LoadBalancerAttributes");
        let zones =
            attributes.and_then(|node| context.fields.object(node, "CrossZoneLoadBalancing"));
        zones.and_then(|zones| context.fields.flag(zones, "Enabled")) == Some(true)
    })
}

/// Names of classic load balancers are unique in one account and region only.
fn same_scope(one: &Item<'_>, other: &Item<'_>) -> bool {
    one.scope.account == other.scope.account && one.scope.region == other.scope.region
}
