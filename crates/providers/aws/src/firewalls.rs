//! Network firewalls (AWS Network Firewall developer guide): endpoints in subnets that routes lead
//! to, and an upper bound of what the firewall's rules pass.
//!
//! An endpoint is an inspection gateway: a Box that returns what it passes to its own subnet. What
//! its rules refuse whatever the contents are is refused for sure, at the edge of the firewall's
//! subnet: by the source where packets come in, by the destination where they go on.

use std::collections::{BTreeMap, BTreeSet};

use watertight_model::network::{
    Attached, Endpoint, EndpointId, EndpointRole, Gateway, GatewayId, GatewayKind, Guard, LayerId,
    SubnetId,
};
use watertight_model::{WorkloadId, WorkloadKind};
use watertight_source::{Kind as ValueKind, Node};

use crate::codes;
use crate::context::{Context, NewWorkload};
use crate::index::Item;
use crate::shapes::Kind;
use crate::subnet;

mod policy;
mod sides;

use policy::Stages;

/// Converts the endpoints of firewalls, before routes lead to them.
pub(crate) fn convert(context: &mut Context<'_>) {
    let index = context.index;
    for item in index.of(Kind::NetworkFirewalls) {
        let mut first = None;
        for (zone, attachment) in attachments(context, item) {
            first = first.or(endpoint(context, item, zone, attachment));
        }
        if let Some(gateway) = first {
            let name = context.name(item.id);
            context.gateways.insert(name, gateway);
        }
    }
}

/// The attachment in each zone (`FirewallStatus`, `SyncStates`).
fn attachments<'t>(context: &mut Context<'t>, item: &Item<'t>) -> Vec<(&'t str, Node<'t>)> {
    let status = context.fields.object(item.holder, "FirewallStatus");
    let states = status.and_then(|status| context.fields.object(status, "SyncStates"));
    let mut found = Vec::new();
    for entry in states.into_iter().flat_map(Node::entries) {
        if entry.value.kind() == ValueKind::Object {
            let attachment = context.fields.object(entry.value, "Attachment");
            found.extend(attachment.map(|attachment| (entry.key, attachment)));
        }
    }
    found
}

/// One endpoint as an inspection gateway; one that the list of VPC endpoints made already stays.
fn endpoint<'t>(
    context: &mut Context<'t>,
    item: &Item<'t>,
    zone: &str,
    attachment: Node<'t>,
) -> Option<GatewayId> {
    let id = context.fields.text(attachment, "EndpointId").filter(|id| !id.is_empty())?;
    if let Some(gateway) = context.gateways.get(id) {
        return Some(gateway);
    }
    let status = context.fields.text(attachment, "Status");
    let available = matches!(status, Some("READY") | None);
    let Some(subnet_id) = context.fields.text(attachment, "SubnetId") else {
        let message = format!("the subnet of `{id}` in `{zone}` is not in the input");
        context.fields.warn(attachment, codes::NOT_MODELLED, id, message);
        return None;
    };
    let vpc = item.node;
    let subnet = match context.subnets.get(subnet_id) {
        Some(subnet) => subnet,
        None => subnet::subnet_of(context, vpc, subnet_id),
    };
    let workload = workload(context, item);
    let name = context.name(&format!("{id}/{subnet_id}"));
    let endpoint = context.estate.network.endpoints.push(Endpoint {
        name: name.clone(),
        workload,
        subnet: Some(subnet),
        addresses: Vec::new(),
        delegated: Vec::new(),
        public: Vec::new(),
        layers: Vec::new(),
        role: EndpointRole::Host,
        inferred: true,
        origin: Some(attachment.span()),
    });
    context.endpoints.insert(name, endpoint);
    context.own(endpoint, workload);
    let name = context.name(id);
    let gateway = context.estate.network.gateways.push(Gateway {
        name: name.clone(),
        kind: GatewayKind::Inspection { endpoint },
        available,
        origin: Some(attachment.span()),
    });
    context.gateways.insert(name, gateway);
    context.estate.network.endpoints[endpoint].role = EndpointRole::Inspector(gateway);
    Some(gateway)
}

fn workload<'t>(context: &mut Context<'t>, item: &Item<'t>) -> WorkloadId {
    let name = context.fields.text(item.node, "FirewallName").unwrap_or_default();
    let vpc = context.fields.text(item.node, "VpcId");
    let tags = context.fields.tags(item.node, "Tags");
    let account = context.account_of(item);
    let region = context.region_of(item);
    context.add_workload(&NewWorkload {
        id: item.id,
        name,
        kind: WorkloadKind::Gateway,
        account,
        region,
        vpc,
        tags,
        owner: None,
        stores_data: false,
        origin: Some(item.node.span()),
    })
}

/// Puts what rules refuse at the edge of the firewalls' subnets, when everything that could share
/// such a subnet is known: where something does, its own traffic would meet the guard too.
pub(crate) fn convert_rules(context: &mut Context<'_>) {
    let index = context.index;
    let shared = shared_subnets(context);
    for item in index.of(Kind::NetworkFirewalls) {
        let mut subnets = BTreeSet::new();
        for (_, attachment) in attachments(context, item) {
            let id = context.fields.text(attachment, "EndpointId").unwrap_or_default();
            subnets.extend(subnet_of_gateway(context, id));
        }
        let message = format!(
            "what `{}` refuses by address, protocol and port is read, what it passes is unknown",
            item.id
        );
        context.fields.note(item.node, codes::NOT_MODELLED, item.id, message);
        let Some(engines) = policy::engines(context, item) else { continue };
        for (stages, stateful) in [(engines.packets, false), (engines.connections, true)] {
            if sides::is_open(&stages.ingress) && sides::is_open(&stages.egress) {
                continue;
            }
            let layer = guard(context, item, stages, stateful);
            for subnet in subnets.difference(&shared) {
                context.estate.network.subnets[*subnet].layers.push(layer);
            }
        }
    }
}

fn subnet_of_gateway(context: &Context<'_>, id: &str) -> Option<SubnetId> {
    let gateway = context.gateways.get(id)?;
    match context.estate.network.gateways[gateway].kind {
        GatewayKind::Inspection { endpoint } => context.estate.network.endpoints[endpoint].subnet,
        _ => None,
    }
}

/// Subnets that hold something else than one inspection gateway's attachment.
fn shared_subnets(context: &Context<'_>) -> BTreeSet<SubnetId> {
    let network = &context.estate.network;
    let mut holders: BTreeMap<SubnetId, EndpointId> = BTreeMap::new();
    let mut shared = BTreeSet::new();
    for (id, endpoint) in network.endpoints.iter() {
        let Some(subnet) = endpoint.subnet else { continue };
        let is_inspector = matches!(endpoint.role, EndpointRole::Inspector(_));
        if !is_inspector || holders.insert(subnet, id).is_some() {
            shared.insert(subnet);
        }
    }
    for attachment in network.attachments.values() {
        if let Attached::Realm { subnets, .. } = &attachment.attached {
            shared.extend(subnets);
        }
    }
    shared
}

/// A guard of what one engine of a firewall may pass.
fn guard(context: &mut Context<'_>, item: &Item<'_>, stages: Stages, stateful: bool) -> LayerId {
    let engine = if stateful { "stateful" } else { "stateless" };
    let name = context.name(&format!("{engine} rules of {}", item.id));
    let title = context.fields.text(item.node, "FirewallName").unwrap_or(item.id);
    let guard = Guard {
        name: name.clone(),
        title: context.name(title),
        kind: context.name("network firewall"),
        stateful,
        ingress: stages.ingress,
        egress: stages.egress,
        origin: Some(item.node.span()),
    };
    let guard = context.estate.network.guards.push(guard);
    context.guards.insert(name, guard);
    context.layer(vec![guard])
}
