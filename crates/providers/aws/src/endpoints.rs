//! VPC endpoints: gateway, interface and Gateway Load Balancer endpoints (AWS PrivateLink guide).

use std::collections::BTreeMap;

use watertight_model::network::{Endpoint, EndpointId, EndpointRole, GatewayKind, SubnetId};
use watertight_model::{Truth, WorkloadId, WorkloadKind};

use crate::codes;
use crate::context::{Context, Holder, NewWorkload};
use crate::gateways;
use crate::index::Item;
use crate::security_groups;
use crate::shapes::Kind;

/// Converts VPC endpoints.
pub(crate) fn convert(context: &mut Context<'_>) {
    let index = context.index;
    let named = named(context);
    for item in index.of(Kind::VpcEndpoints) {
        let named = named.get(item.id).map(Vec::as_slice).unwrap_or_default();
        let works = works(context, item);
        match context.fields.text(item.node, "VpcEndpointType").unwrap_or("Gateway") {
            "Gateway" => gateway(context, item, works),
            "GatewayLoadBalancer" => inspection(context, item, works, named),
            "Interface" | "Resource" | "ServiceNetwork" => {
                interface(context, item, works, named);
            }
            _ => {
                context.fields.unknown_value(item.node, "VpcEndpointType", item.id);
                interface(context, item, works, named);
            }
        }
    }
}

/// A service that is reached by a route, without an address in the VPC.
fn gateway<'t>(context: &mut Context<'t>, item: &Item<'t>, works: Truth) {
    let workload = workload(context, item);
    let endpoint = add_endpoint(context, item, None, workload, false);
    gateways::add(context, item, GatewayKind::Service { endpoint }, works);
}

/// A Box that returns what it passes to its own subnet.
fn inspection<'t>(context: &mut Context<'t>, item: &Item<'t>, works: Truth, named: &[EndpointId]) {
    let workload = workload(context, item);
    let endpoints = attachments(context, item, workload, named);
    let Some(endpoint) = endpoints.first().copied() else {
        let text = context.name("Gateway Load Balancer endpoint in no subnet of the input");
        let message = format!("the subnet of endpoint `{}` is not in the input", item.id);
        context.fields.warn(item.node, codes::NOT_MODELLED, item.id, message);
        gateways::add(context, item, GatewayKind::Opaque(text), works);
        return;
    };
    let message = format!("what `{}` lets through is decided by an appliance", item.id);
    context.fields.note(item.node, codes::NOT_MODELLED, item.id, message);
    let gateway = gateways::add(context, item, GatewayKind::Inspection { endpoint }, works);
    for endpoint in endpoints {
        context.estate.network.endpoints[endpoint].role = EndpointRole::Inspector(gateway);
        context.estate.network.endpoints[endpoint].layers.clear();
    }
}

/// Interfaces in the VPC's subnets, behind their own groups.
fn interface<'t>(context: &mut Context<'t>, item: &Item<'t>, works: Truth, named: &[EndpointId]) {
    if works == Truth::No && context.fields.list(item.node, "NetworkInterfaceIds").len() == 0 {
        return;
    }
    let workload = workload(context, item);
    for endpoint in attachments(context, item, workload, named) {
        // Clients open connections to the service, never the service to them (AWS PrivateLink guide,
        // "What is AWS PrivateLink?"). Until its owner accepts it, and when it failed, nothing can be
        // sent to the service.
        let is_idle = works == Truth::No;
        let role = if is_idle { EndpointRole::InitiatesOnly } else { EndpointRole::AnswersOnly };
        if works == Truth::Maybe {
            let layer = security_groups::unread_layer(context, item.id);
            context.estate.network.endpoints[endpoint].layers.push(layer);
        }
        context.estate.network.endpoints[endpoint].role = role;
    }
}

/// Whether a VPC endpoint works: as its own body says, and as the side that offers the service says
/// (AWS PrivateLink guide, "Accept or reject connection requests").
pub(crate) fn works(context: &mut Context<'_>, item: &Item<'_>) -> Truth {
    // What is `partial` works in some of its subnets.
    let idle =
        ["PendingAcceptance", "Pending", "Deleting", "Deleted", "Rejected", "Failed", "Expired"];
    let states: (&[&str], &[&str]) = (&["Available"], &idle);
    let own = context.fields.works(item.node, "State", item.id, states);
    let index = context.index;
    let offered = index.find(Kind::VpcEndpointConnections, item.id);
    let offered =
        offered.map(|other| context.fields.works(other.node, "VpcEndpointState", item.id, states));
    own.and(offered.unwrap_or(Truth::Yes))
}

/// The endpoint's interfaces; where they are not in the input, one inferred in each subnet.
fn attachments<'t>(
    context: &mut Context<'t>,
    item: &Item<'t>,
    workload: WorkloadId,
    named: &[EndpointId],
) -> Vec<EndpointId> {
    let mut found = Vec::new();
    for id in context.fields.texts(item.node, "NetworkInterfaceIds") {
        found.extend(context.endpoints.get(id));
    }
    if found.is_empty() {
        found.extend(named);
    }
    for endpoint in &found {
        context.own(*endpoint, workload);
    }
    if !found.is_empty() {
        return found;
    }
    for id in context.fields.texts(item.node, "SubnetIds") {
        if let Some(subnet) = context.subnets.get(id) {
            found.push(add_endpoint(context, item, Some((id, subnet)), workload, true));
        } else {
            context.warn_missing(item.node, "subnet", id);
        }
    }
    if !found.is_empty() {
        let message =
            format!("the interfaces of `{}` are inferred; their addresses are unknown", item.id);
        context.fields.note(item.node, codes::INFERRED, item.id, message);
    }
    found
}

/// Interfaces by the endpoint that their descriptions name.
fn named<'t>(context: &Context<'t>) -> BTreeMap<&'t str, Vec<EndpointId>> {
    let mut named: BTreeMap<&str, Vec<EndpointId>> = BTreeMap::new();
    for (endpoint, unowned) in &context.unowned {
        if let Holder::Service(WorkloadKind::PrivateService, id) = unowned.holder {
            named.entry(id).or_default().push(*endpoint);
        }
    }
    named
}

fn workload<'t>(context: &mut Context<'t>, item: &Item<'t>) -> WorkloadId {
    let tags = context.fields.tags(item.node, "Tags");
    let service = context.fields.text(item.node, "ServiceName");
    let name = context.fields.name_tag(item.node, "Tags").or(service).unwrap_or_default();
    let vpc = context.fields.text(item.node, "VpcId");
    let account = context.account_of(item);
    let region = context.region_of(item);
    context.add_workload(&NewWorkload {
        id: item.id,
        name,
        kind: WorkloadKind::PrivateService,
        account,
        region,
        vpc,
        tags,
        owner: None,
        stores_data: false,
        origin: Some(item.node.span()),
    })
}

fn add_endpoint(
    context: &mut Context<'_>,
    item: &Item<'_>,
    place: Option<(&str, SubnetId)>,
    workload: WorkloadId,
    is_guarded: bool,
) -> EndpointId {
    let mut layers = Vec::new();
    if is_guarded && item.node.get("Groups").is_some() {
        let mut ids = Vec::new();
        for group in context.fields.objects(item.node, "Groups") {
            ids.extend(context.fields.required_text(group, "GroupId"));
        }
        layers.push(security_groups::layer(context, item.node, &ids));
    }
    let name = match place {
        Some((subnet, _)) => context.name(&format!("{}/{subnet}", item.id)),
        None => context.name(item.id),
    };
    let endpoint = context.estate.network.endpoints.push(Endpoint {
        name: name.clone(),
        workload,
        subnet: place.map(|(_, subnet)| subnet),
        addresses: Vec::new(),
        delegated: Vec::new(),
        public: Vec::new(),
        layers,
        role: EndpointRole::Host,
        inferred: is_guarded,
        origin: Some(item.node.span()),
    });
    context.endpoints.insert(name, endpoint);
    context.own(endpoint, workload);
    endpoint
}
