//! Fronts outside of VPCs and before other fronts: API gateways, accelerators, and endpoints of
//! services that the estate itself offers.

use std::collections::BTreeMap;

use watertight_model::network::{
    EndpointId, EndpointRole, Front, FrontId, Health, Listener, OriginGuard, Target, TargetEnd,
    TargetGroup, TargetGroupId, Unaddressed,
};
use watertight_model::{Name, Truth, WorkloadId, WorkloadKind};
use watertight_net::{Family, FlowSet, PortSet};
use watertight_source::Node;

use super::targets::{instance_end, without_qualifier};
use super::{by_name, rest};
use crate::context::Context;
use crate::endpoints;
use crate::index::Item;
use crate::services::place::{Groups, Placement, serve};
use crate::services::service::{Door, Service, add, door, label, opens_nothing, tag_map};
use crate::services::stores::partition;
use crate::services::stores::plane::Plane;
use crate::services::stores::policy::{Owner, Policy};
use crate::shapes::Kind;

/// Converts them.
pub(crate) fn convert(context: &mut Context<'_>) {
    let index = context.index;
    let fronts = by_name(context);
    let plane = Plane::read(context);
    for item in index.of(Kind::RestApis) {
        rest::convert(context, item, (&fronts, &plane));
    }
    for item in index.of(Kind::HttpApis) {
        http_api(context, item, (&fronts, &plane));
    }
    for item in index.of(Kind::Accelerators) {
        accelerator(context, item, &fronts);
    }
    for item in index.of(Kind::VpcEndpointServiceConfigurations) {
        offered_service(context, item, &fronts);
    }
}

fn http_api(
    context: &mut Context<'_>,
    item: &Item<'_>,
    (fronts, plane): (&BTreeMap<Name, FrontId>, &Plane),
) {
    let name = context.fields.text(item.node, "Name").unwrap_or_default();
    let tags = tag_map(context, item.node, "Tags");
    let index = context.index;
    let body = index.find(Kind::HttpApiIntegrations, item.id);
    let mut targets = Vec::new();
    if let Some(body) = body {
        for integration in context.fields.objects(body.node, "Items") {
            if let Some(uri) = context.fields.text(integration, "IntegrationUri") {
                targets.push(integration_target(context, uri, fronts));
            }
        }
    }
    let group = group(context, item.id, targets, body.is_some(), item.node);
    let unnamed = context.fields.flag(item.node, "DisableExecuteApiEndpoint") == Some(true);
    let groups = vec![group];
    let own = Api { name, tags, private: false, unnamed, policy: None, groups };
    api(context, item, own, plane);
}

/// What an integration calls: a function, or the listener behind a VPC link.
pub(super) fn integration_target(
    context: &mut Context<'_>,
    uri: &str,
    fronts: &BTreeMap<Name, FrontId>,
) -> Target {
    let function = match uri.split_once("/functions/") {
        Some((_, rest)) => rest.split('/').next().unwrap_or(rest),
        None => uri,
    };
    let balancer =
        uri.rsplit_once('/').map(|(head, _)| head.replace(":listener/", ":loadbalancer/"));
    let end = if let Some(workload) = context.workloads.get(without_qualifier(function)) {
        TargetEnd::Workload(workload)
    } else if let Some(front) = balancer.and_then(|balancer| fronts.get(balancer.as_str())) {
        TargetEnd::Front(*front)
    } else {
        TargetEnd::Unread(context.name(uri))
    };
    // An integration names the listener that it calls, and so its port.
    let port = match &end {
        TargetEnd::Front(front) => {
            let mut listeners = context.estate.network.fronts[*front].listeners.iter();
            let named = listeners.find(|listener| *listener.name == *uri);
            named.and_then(|one| one.flows.project_destination().first())
        }
        _ => None,
    };
    Target { end, port, health_port: None, health: Health::Unknown }
}

/// An API in the provider's plane.
pub(super) struct Api<'n> {
    /// Its name.
    pub(super) name: &'n str,
    /// Its tags.
    pub(super) tags: Vec<(&'n str, &'n str)>,
    /// Whether it answers behind interface endpoints of the service alone ("Private REST APIs in API
    /// Gateway").
    pub(super) private: bool,
    /// Whether it does not answer at its own name, but at names of the owner's, which the input does
    /// not tell ("Disable the default endpoint for REST APIs").
    pub(super) unnamed: bool,
    /// Its resource policy, in the shape that the call prints.
    pub(super) policy: Option<Node<'n>>,
    /// Where its integrations lead.
    pub(super) groups: Vec<TargetGroupId>,
}

/// Adds an API as a front in the provider's plane.
pub(super) fn api(context: &mut Context<'_>, item: &Item<'_>, api: Api<'_>, plane: &Plane) {
    let workload = add(
        context,
        item,
        Service {
            id: item.id,
            name: api.name,
            kind: WorkloadKind::LoadBalancer,
            vpc: None,
            tags: api.tags,
            owner: None,
            stores_data: false,
        },
    );
    label(context, workload, "aws.type", "api");
    let scheme = if api.private { "internal" } else { "internet-facing" };
    label(context, workload, "scheme", scheme);
    let layer = if api.unnamed {
        let text = "callers of a name of the owner's, which the input does not tell";
        door(context, "API without its own name", &[443], &Door::Somebody(text))
    } else {
        let name = if api.private { "private API" } else { "API" };
        door(context, name, &[443], &Door::Everybody)
    };
    let flows = FlowSet::tcp(PortSet::single(443));
    let listener = Listener {
        name: context.name(item.id),
        flows,
        target_groups: api.groups,
        clauses: Vec::new(),
        origin: Some(item.node.span()),
    };
    let front = context.estate.network.fronts.next_id();
    let endpoint = plane_endpoint(context, item, workload, front, Some(layer));
    let known = answers(context, item, (api.private, api.policy), plane);
    context.estate.network.unaddressed.insert(endpoint, known);
    add_front(context, item, workload, vec![endpoint], vec![listener]);
}

/// How requests come to an API.
///
/// The name of a private one leads to the interface endpoints of its service, whichever names they
/// answer to, and nobody may call it whom its policy does not allow ("API Gateway resource policies
/// affecting authorization workflow").
fn answers(
    context: &mut Context<'_>,
    item: &Item<'_>,
    (private, policy): (bool, Option<Node<'_>>),
    plane: &Plane,
) -> Unaddressed {
    const SERVICE: &str = "execute-api";
    let (account, region) = (context.account_of(item), context.region_of(item));
    let ways = plane.private(SERVICE, region);
    let arn = format!(
        "arn:{}:{SERVICE}:{}:{}:{}",
        partition(region),
        region.unwrap_or_default(),
        account.unwrap_or_default(),
        item.id
    );
    let owner = Owner { service: SERVICE, arn: &arn, private: &ways };
    let known = plane.unaddressed(context, SERVICE, region);
    if !private {
        let policy = policy.map(|place| Policy::read(context, &owner, place)).unwrap_or_default();
        return Unaddressed { interfaces: Vec::new(), origin_guards: policy.guards, ..known };
    }
    let policy = match policy {
        Some(place) => Policy::read_closed(context, &owner, place),
        None => Policy::unread(context),
    };
    let name = context.name("what a private API is");
    let private = OriginGuard { name, admits: ways.clone(), unread: None };
    let interfaces = plane.interfaces(SERVICE, region);
    let origin_guards = std::iter::once(private).chain(policy.guards).collect();
    Unaddressed { interfaces, origin_guards, ..known }
}

/// An accelerator: its addresses are the provider's, on the internet.
fn accelerator(context: &mut Context<'_>, item: &Item<'_>, fronts: &BTreeMap<Name, FrontId>) {
    let name = context.fields.text(item.node, "Name").unwrap_or_default();
    let workload = add(
        context,
        item,
        Service {
            id: item.id,
            name,
            kind: WorkloadKind::LoadBalancer,
            vpc: None,
            tags: Vec::new(),
            owner: None,
            stores_data: false,
        },
    );
    label(context, workload, "aws.type", "accelerator");
    label(context, workload, "scheme", "internet-facing");
    let front = context.estate.network.fronts.next_id();
    let endpoint = plane_endpoint(context, item, workload, front, None);
    for set in context.fields.objects(item.node, "IpSets") {
        for text in context.fields.texts(set, "IpAddresses") {
            let address = context.fields.address_of(set, text);
            context.estate.network.endpoints[endpoint].addresses.extend(address);
        }
    }
    let enabled = context.fields.flag(item.node, "Enabled") != Some(false);
    let index = context.index;
    let mut listeners = Vec::new();
    let prefix = format!("{}/listener/", item.id);
    for listener in index.of(Kind::AcceleratorListeners) {
        if enabled && listener.id.starts_with(&prefix) {
            listeners.extend(accelerator_listener(context, listener, fronts));
        }
    }
    add_front(context, item, workload, vec![endpoint], listeners);
}

fn accelerator_listener(
    context: &mut Context<'_>,
    item: &Item<'_>,
    fronts: &BTreeMap<Name, FrontId>,
) -> Option<Listener> {
    let protocol = context.fields.required_text(item.node, "Protocol")?;
    let mut flows = FlowSet::none();
    for range in context.fields.objects(item.node, "PortRanges") {
        let first = context.fields.port(range, "FromPort")?;
        let last = context.fields.port(range, "ToPort")?;
        let Ok(ports) = PortSet::range(first, last) else {
            context.fields.unknown_value(range, "ToPort", item.id);
            continue;
        };
        let own = if protocol == "UDP" { FlowSet::udp(ports) } else { FlowSet::tcp(ports) };
        flows = flows.union(&own);
    }
    let index = context.index;
    let prefix = format!("{}/endpoint-group/", item.id);
    let mut target_groups = Vec::new();
    for body in index.of(Kind::AcceleratorEndpointGroups) {
        if body.id.starts_with(&prefix) {
            let mut targets = Vec::new();
            for endpoint in context.fields.objects(body.node, "EndpointDescriptions") {
                targets.extend(accelerated(context, endpoint, fronts));
            }
            target_groups.push(group(context, body.id, targets, true, body.node));
        }
    }
    Some(Listener {
        name: context.name(item.id),
        flows,
        target_groups,
        clauses: Vec::new(),
        origin: Some(item.node.span()),
    })
}

/// An endpoint of an accelerator: a load balancer or an instance; weight 0 gets nothing.
fn accelerated(
    context: &mut Context<'_>,
    node: Node<'_>,
    fronts: &BTreeMap<Name, FrontId>,
) -> Option<Target> {
    let id = context.fields.required_text(node, "EndpointId")?;
    if context.fields.integer(node, "Weight") == Some(0) {
        return None;
    }
    let health = match context.fields.text(node, "HealthState") {
        Some("HEALTHY") => Health::Healthy,
        Some("UNHEALTHY") => Health::Unhealthy,
        _ => Health::Unknown,
    };
    let end = match fronts.get(id) {
        Some(front) => TargetEnd::Front(*front),
        None if id.starts_with("i-") => instance_end(context, node, id, Family::V4),
        None => TargetEnd::Unread(context.name(id)),
    };
    Some(Target { end, port: None, health_port: None, health })
}

/// A service that the estate offers over `PrivateLink`: interface endpoints to it are fronts before
/// its load balancers. Targets see the load balancer, never the consumer.
fn offered_service(context: &mut Context<'_>, item: &Item<'_>, fronts: &BTreeMap<Name, FrontId>) {
    let Some(service) = context.fields.text(item.node, "ServiceName") else { return };
    let index = context.index;
    let balancers = context.fields.texts(item.node, "NetworkLoadBalancerArns");
    let known: Vec<FrontId> =
        balancers.iter().filter_map(|arn| fronts.get(*arn)).copied().collect();
    for consumer in index.of(Kind::VpcEndpoints) {
        let is_own = context.fields.text(consumer.node, "ServiceName") == Some(service);
        let Some(workload) = context.workloads.get(consumer.id).filter(|_| is_own) else {
            continue;
        };
        if endpoints::works(context, consumer) == Truth::No {
            continue;
        }
        let mut listeners = Vec::new();
        for front in &known {
            let own = context.estate.network.fronts[*front].listeners.clone();
            let end = TargetEnd::Front(*front);
            let target = Target { end, port: None, health_port: None, health: Health::Unknown };
            let id = format!("{}->{}", consumer.id, context.estate.network.fronts[*front].name);
            let group = group(context, &id, vec![target], true, item.node);
            for listener in own {
                listeners.push(Listener { target_groups: vec![group], ..listener });
            }
        }
        let own = context.estate.workloads[workload].endpoints.clone();
        let read = known.len() == balancers.len() && !balancers.is_empty();
        let front = add_front(context, consumer, workload, own.clone(), listeners);
        let is_read = known.iter().all(|id| context.estate.network.fronts[*id].listeners_read);
        context.estate.network.fronts[front].listeners_read = read && is_read;
        let silent = opens_nothing(context);
        for endpoint in own {
            let endpoint = &mut context.estate.network.endpoints[endpoint];
            endpoint.role = EndpointRole::Front(front);
            endpoint.layers.push(silent);
        }
    }
}

/// The endpoint of a front in the provider's plane.
fn plane_endpoint(
    context: &mut Context<'_>,
    item: &Item<'_>,
    workload: WorkloadId,
    front: FrontId,
    layer: Option<watertight_model::network::LayerId>,
) -> EndpointId {
    let placement = Placement {
        workload,
        id: item.id,
        node: item.node,
        slots: Vec::new(),
        groups: Groups::Open,
        role: EndpointRole::Front(front),
    };
    serve(context, &placement, layer.into_iter().collect())
}

pub(super) fn add_front(
    context: &mut Context<'_>,
    item: &Item<'_>,
    workload: WorkloadId,
    endpoints: Vec<EndpointId>,
    listeners: Vec<Listener>,
) -> FrontId {
    let name = context.name(item.id);
    context.estate.network.fronts.push(Front {
        name,
        workload,
        endpoints,
        listeners,
        cross_zone: true,
        listeners_read: true,
        origin: Some(item.node.span()),
    })
}

/// A group of targets that see the front's address.
pub(super) fn group(
    context: &mut Context<'_>,
    id: &str,
    targets: Vec<Target>,
    targets_read: bool,
    place: Node<'_>,
) -> TargetGroupId {
    let name = context.name(id);
    context.estate.network.target_groups.push(TargetGroup {
        name,
        preserves_source: false,
        cross_zone: None,
        targets,
        targets_read,
        origin: Some(place.span()),
    })
}
