//! Container tasks and services with network attachments of their own.

use std::collections::BTreeSet;

use watertight_model::network::{EndpointId, EndpointRole};
use watertight_model::{WorkloadId, WorkloadKind};
use watertight_source::Node;

use super::place::{Groups, Infer, Placement, attach_interface, attach_named, infer_in};
use super::service::{Service, add, label, label_public, slots, small_tags, texts};
use crate::context::Context;
use crate::index::Item;
use crate::shapes::Kind;

/// Converts tasks, then services of which no task is in the input.
pub(crate) fn convert(context: &mut Context<'_>) {
    let index = context.index;
    let mut running: BTreeSet<(&str, &str)> = BTreeSet::new();
    for item in index.of(Kind::ContainerTasks) {
        running.extend(task(context, item));
    }
    for item in index.of(Kind::ContainerServices) {
        service(context, item, &running);
    }
}

/// Converts a task; returns the cluster and name of the service that owns it.
fn task<'t>(context: &mut Context<'t>, item: &Item<'t>) -> Option<(&'t str, &'t str)> {
    if context.fields.text(item.node, "lastStatus") == Some("STOPPED") {
        return None;
    }
    let cluster = context.fields.text(item.node, "clusterArn").unwrap_or_default();
    let group = context.fields.text(item.node, "group").unwrap_or_default();
    let service = group.strip_prefix("service:");
    let (owner, owned) = match service {
        Some(name) => (owner_of(context, cluster, name).unwrap_or(group), Some((cluster, name))),
        None => (group, None),
    };
    let name = match group.split_once(':') {
        Some((_, name)) => format!("{name}/{}", last(item.id)),
        None => last(item.id).to_owned(),
    };
    let tags = small_tags(context, item.node, "tags");
    let workload = add(
        context,
        item,
        Service {
            id: item.id,
            name: &name,
            kind: WorkloadKind::Task,
            vpc: None,
            tags,
            owner: Some(owner).filter(|owner| !owner.is_empty()),
            stores_data: false,
        },
    );
    remember_role(context, item, workload);
    let placement = Placement {
        workload,
        id: item.id,
        node: item.node,
        slots: Vec::new(),
        groups: service_groups(context, cluster, service),
        role: EndpointRole::Host,
    };
    for attachment in context.fields.objects(item.node, "attachments") {
        attach(context, &placement, attachment);
    }
    owned
}

/// The interface of a task's attachment, or one inferred from what the attachment tells.
fn attach(
    context: &mut Context<'_>,
    placement: &Placement<'_>,
    attachment: Node<'_>,
) -> Option<EndpointId> {
    let of_type = context.fields.text(attachment, "type");
    if of_type.is_some_and(|kind| kind != "ElasticNetworkInterface" && kind != "eni") {
        return None;
    }
    if context.fields.text(attachment, "status") == Some("DELETED") {
        return None;
    }
    let details = context.fields.objects(attachment, "details");
    let detail = |name: &str| {
        let own = details.iter().find(|node| node.get("name").and_then(Node::as_str) == Some(name));
        own.and_then(|node| node.get("value")).and_then(Node::as_str)
    };
    if let Some(interface) = detail("networkInterfaceId")
        && let Some(endpoint) = attach_interface(context, placement, interface)
    {
        return Some(endpoint);
    }
    let endpoint = infer_in(context, placement, detail("subnetId")?)?;
    for name in ["privateIPv4Address", "ipv6Address"] {
        if let Some(text) = detail(name) {
            let address = context.fields.address_of(attachment, text);
            context.estate.network.endpoints[endpoint].addresses.extend(address);
        }
    }
    Some(endpoint)
}

/// The role of a task: overridden, else that of its definition.
fn remember_role<'t>(context: &mut Context<'t>, item: &Item<'t>, workload: WorkloadId) {
    let overrides = context.fields.object(item.node, "overrides");
    let role = overrides.and_then(|node| context.fields.text(node, "taskRoleArn"));
    let role = role.or_else(|| definition_role(context, item.node, "taskDefinitionArn"));
    if let Some(role) = role {
        context.roles.insert(workload, role);
    }
}

fn definition_role<'t>(context: &mut Context<'t>, node: Node<'_>, key: &str) -> Option<&'t str> {
    let definition = context.fields.text(node, key)?;
    let item = *context.index.find(Kind::TaskDefinitions, definition)?;
    context.fields.text(item.node, "taskRoleArn")
}

/// A service stands for its tasks where the input does not hold them.
fn service<'t>(context: &mut Context<'t>, item: &Item<'t>, running: &BTreeSet<(&str, &str)>) {
    let cluster = context.fields.text(item.node, "clusterArn").unwrap_or_default();
    let name = context.fields.text(item.node, "serviceName").unwrap_or_else(|| last(item.id));
    let desired = context.fields.integer(item.node, "desiredCount");
    if running.contains(&(cluster, name)) || desired == Some(0) {
        return;
    }
    let tags = small_tags(context, item.node, "tags");
    let workload = add(
        context,
        item,
        Service {
            id: item.id,
            name,
            kind: WorkloadKind::Task,
            vpc: None,
            tags,
            owner: None,
            stores_data: false,
        },
    );
    if let Some(role) = definition_role(context, item.node, "taskDefinition") {
        context.roles.insert(workload, role);
    }
    let Some(config) = network(context, item) else {
        // Its tasks use the network of the machines that they run on.
        label(context, workload, "aws.network", "host");
        return;
    };
    let subnets = context.fields.texts(config, "subnets");
    let groups = texts(context, config, "securityGroups");
    let public = context.fields.text(config, "assignPublicIp").map(|value| value == "ENABLED");
    label_public(context, workload, public);
    let placement = Placement {
        workload,
        id: item.id,
        node: item.node,
        slots: slots(&subnets),
        groups: Groups::required(groups),
        role: EndpointRole::Host,
    };
    attach_named(context, &placement, Infer::Each, |_| false);
}

/// The settings of a service whose tasks have interfaces of their own.
fn network<'t>(context: &mut Context<'_>, service: &Item<'t>) -> Option<Node<'t>> {
    let config = context.fields.object(service.node, "networkConfiguration")?;
    context.fields.object(config, "awsvpcConfiguration")
}

fn find_service<'t>(context: &Context<'t>, cluster: &str, name: &str) -> Option<Item<'t>> {
    let index = context.index;
    let is = |item: &Item<'_>, key: &str, value: &str| {
        item.node.get(key).and_then(Node::as_str) == Some(value)
    };
    let mut services = index.of(Kind::ContainerServices).iter();
    services.find(|item| is(item, "serviceName", name) && is(item, "clusterArn", cluster)).copied()
}

fn owner_of<'t>(context: &Context<'t>, cluster: &str, name: &str) -> Option<&'t str> {
    find_service(context, cluster, name).map(|item| item.id)
}

/// The groups that tasks of a service get; of a task alone the input does not tell them.
fn service_groups<'t>(
    context: &mut Context<'t>,
    cluster: &str,
    service: Option<&str>,
) -> Groups<'t> {
    let Some(item) = service.and_then(|name| find_service(context, cluster, name)) else {
        return Groups::Unread;
    };
    match network(context, &item) {
        Some(config) => Groups::required(texts(context, config, "securityGroups")),
        None => Groups::Unread,
    }
}

fn last(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}
