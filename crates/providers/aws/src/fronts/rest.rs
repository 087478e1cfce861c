//! REST APIs: where the integrations of their methods lead (Amazon API Gateway REST API reference,
//! `Integration` and `VpcLink`).

use std::collections::BTreeMap;

use watertight_model::Name;
use watertight_model::network::{FrontId, Health, Target, TargetEnd};
use watertight_source::Node;

use super::edges::{Api, api, group, integration_target};
use crate::context::Context;
use crate::index::Item;
use crate::services::service::tag_map;
use crate::services::stores::plane::Plane;
use crate::shapes::Kind;

/// Converts one API. Without its resources in the input, where it leads is unknown.
pub(super) fn convert(
    context: &mut Context<'_>,
    item: &Item<'_>,
    (fronts, plane): (&BTreeMap<Name, FrontId>, &Plane),
) {
    let name = context.fields.text(item.node, "name").unwrap_or_default();
    let tags = tag_map(context, item.node, "tags");
    let config = context.fields.object(item.node, "endpointConfiguration");
    let types = match config {
        Some(config) => context.fields.texts(config, "types"),
        None => Vec::new(),
    };
    let private = types.contains(&"PRIVATE");
    let (targets, is_read) = targets(context, item, fronts);
    let group = group(context, item.id, targets, is_read, item.node);
    let unnamed = context.fields.flag(item.node, "disableExecuteApiEndpoint") == Some(true);
    let policy = item.node.get("policy");
    let own = Api { name, tags, private, unnamed, policy, groups: vec![group] };
    api(context, item, own, plane);
}

/// What the methods of an API call, each once, and whether that is all: a page may follow, and
/// methods are listed only when they are asked for (`--embed methods`).
fn targets(
    context: &mut Context<'_>,
    item: &Item<'_>,
    fronts: &BTreeMap<Name, FrontId>,
) -> (Vec<Target>, bool) {
    let Some(body) = context.index.find(Kind::RestApiResources, item.id) else {
        return (Vec::new(), false);
    };
    let mut found: Vec<Target> = Vec::new();
    let mut is_read = body.node.get("position").is_none_or(Node::is_null);
    for resource in context.fields.objects(body.node, "items") {
        let Some(methods) = context.fields.object(resource, "resourceMethods") else { continue };
        for method in methods.entries() {
            let integration = method.value.get("methodIntegration");
            let Some(integration) = integration.filter(|node| node.entries().next().is_some())
            else {
                is_read = false;
                continue;
            };
            for target in called(context, integration, fronts) {
                if !found.contains(&target) {
                    found.push(target);
                }
            }
        }
    }
    (found, is_read)
}

/// What one integration calls; a mock answers by itself.
fn called(
    context: &mut Context<'_>,
    integration: Node<'_>,
    fronts: &BTreeMap<Name, FrontId>,
) -> Vec<Target> {
    if context.fields.text(integration, "type") == Some("MOCK") {
        return Vec::new();
    }
    if context.fields.text(integration, "connectionType") == Some("VPC_LINK") {
        return behind_link(context, integration, fronts);
    }
    let uri = context.fields.text(integration, "uri").unwrap_or_default();
    vec![integration_target(context, uri, fronts)]
}

/// The network load balancers of a VPC link. They see the link's own addresses.
fn behind_link(
    context: &mut Context<'_>,
    integration: Node<'_>,
    fronts: &BTreeMap<Name, FrontId>,
) -> Vec<Target> {
    let id = context.fields.text(integration, "connectionId").unwrap_or_default();
    let port = context.fields.text(integration, "uri").and_then(port_of);
    let Some(link) = context.index.find(Kind::RestVpcLinks, id) else {
        context.warn_missing(integration, "VPC link", id);
        let end = TargetEnd::Unread(context.name(id));
        return vec![Target { end, port, health_port: None, health: Health::Unknown }];
    };
    let status = context.fields.text(link.node, "status");
    if status.is_some_and(|status| status != "AVAILABLE") {
        return Vec::new();
    }
    let mut found = Vec::new();
    for arn in context.fields.texts(link.node, "targetArns") {
        let end = match fronts.get(arn) {
            Some(front) => TargetEnd::Front(*front),
            None => TargetEnd::Unread(context.name(arn)),
        };
        found.push(Target { end, port, health_port: None, health: Health::Unknown });
    }
    found
}

/// The port of a URL: its own, else that of its scheme.
fn port_of(uri: &str) -> Option<u16> {
    let (scheme, rest) = uri.split_once("://")?;
    let host = rest.split('/').next()?;
    match host.rsplit_once(':') {
        Some((_, port)) => port.parse().ok(),
        None if scheme == "https" => Some(443),
        None => Some(80),
    }
}
