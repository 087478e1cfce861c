//! Kubernetes control planes and the groups of their nodes.

use std::collections::BTreeMap;

use watertight_model::Trust;
use watertight_model::network::{EndpointRole, Unaddressed};
use watertight_model::{WorkloadId, WorkloadKind};
use watertight_net::Prefix;
use watertight_source::Node;

use super::place::{Groups, Infer, Placement, attach_named, serve};
use super::service::{Door, Service, add, door, label, slots, tag_map};
use super::stores::plane::elsewhere;
use crate::context::{Context, Holder};
use crate::index::Item;
use crate::shapes::Kind;

/// The port of a cluster's API.
const API: u16 = 443;

/// Converts clusters, then gives the machines of node groups their owner.
pub(crate) fn convert(context: &mut Context<'_>) {
    let index = context.index;
    for item in index.of(Kind::KubernetesClusters) {
        cluster(context, item);
    }
    node_groups(context);
}

fn cluster<'t>(context: &mut Context<'t>, item: &Item<'t>) {
    let name = context.fields.text(item.node, "name").unwrap_or_default();
    let config = context.fields.object(item.node, "resourcesVpcConfig").unwrap_or(item.node);
    let vpc = context.fields.text(config, "vpcId");
    let tags = tag_map(context, item.node, "tags");
    let workload = add(
        context,
        item,
        Service {
            id: item.id,
            name,
            kind: WorkloadKind::Cluster,
            vpc,
            tags,
            owner: None,
            stores_data: false,
        },
    );
    if let Some(role) = context.fields.text(item.node, "roleArn") {
        context.roles.insert(workload, role);
    }
    label(context, workload, "aws.port", "443");
    let oidc = item.node.get("identity").and_then(|identity| identity.get("oidc"));
    if let Some(issuer) = oidc.and_then(|oidc| oidc.get("issuer")).and_then(Node::as_str) {
        let issuer = issuer.trim_start_matches("https://").to_ascii_lowercase();
        label(context, workload, Trust::ISSUER, &issuer);
    }
    let subnets = context.fields.texts(config, "subnetIds");
    let mut groups = context.fields.texts(config, "securityGroupIds");
    groups.extend(context.fields.text(config, "clusterSecurityGroupId"));
    let placement = Placement {
        workload,
        id: item.id,
        node: item.node,
        slots: slots(&subnets),
        groups: Groups::Known(groups),
        role: EndpointRole::Host,
    };
    // A cluster has two to four interfaces, in whichever of its subnets the provider chooses.
    let endpoints = attach_named(context, &placement, Infer::IfNone, |unowned| {
        unowned.holder == Holder::Service(WorkloadKind::Cluster, name)
            && unowned.item.node.get("VpcId").and_then(Node::as_str) == vpc
    });
    if context.fields.flag(config, "endpointPrivateAccess") != Some(true) {
        // Only the name is switched off for sure; the documentation does not say what the
        // interfaces then do with a call.
        let text = "the API's private endpoint is off; whether its interfaces answer is not told";
        let layer = door(context, "private endpoint that is off", &[API], &Door::Somebody(text));
        for endpoint in endpoints {
            context.estate.network.endpoints[endpoint].layers.push(layer);
        }
    }
    public_endpoint(context, item, workload, config);
}

/// The API's public endpoint, for whom its list of prefixes admits; without a list, for everybody.
fn public_endpoint(
    context: &mut Context<'_>,
    item: &Item<'_>,
    workload: WorkloadId,
    config: Node<'_>,
) {
    let public = context.fields.flag(config, "endpointPublicAccess");
    super::service::label_public(context, workload, public);
    if public == Some(false) {
        return;
    }
    let mut prefixes: Vec<Prefix> = Vec::new();
    for text in context.fields.texts(config, "publicAccessCidrs") {
        prefixes.extend(context.fields.prefix_of(config, text));
    }
    let is_listed = config.get("publicAccessCidrs").is_some_and(|list| !list.is_null());
    let access = if is_listed { Door::Prefixes(prefixes) } else { Door::Everybody };
    let layer = door(context, &format!("public endpoint of {}", item.id), &[API], &access);
    let placement = Placement {
        workload,
        id: item.id,
        node: item.node,
        slots: Vec::new(),
        groups: Groups::Open,
        role: EndpointRole::Host,
    };
    let endpoint = serve(context, &placement, vec![layer]);
    let known = Unaddressed {
        service: context.name("Kubernetes control planes"),
        public: elsewhere(context),
        gateways: Vec::new(),
        interfaces: Vec::new(),
        opens: false,
        origin_guards: Vec::new(),
    };
    context.estate.network.unaddressed.insert(endpoint, known);
}

/// Machines of a node group are replicas of it: its autoscaling groups' names tell which they are,
/// else the tag that the provider gives its nodes.
fn node_groups(context: &mut Context<'_>) {
    let index = context.index;
    let mut owners: BTreeMap<&str, &str> = BTreeMap::new();
    let mut by_tags: BTreeMap<(&str, &str), &str> = BTreeMap::new();
    for item in index.of(Kind::KubernetesNodeGroups) {
        let cluster = context.fields.text(item.node, "clusterName").unwrap_or_default();
        let name = context.fields.text(item.node, "nodegroupName").unwrap_or_default();
        by_tags.insert((cluster, name), item.id);
        let Some(resources) = context.fields.object(item.node, "resources") else { continue };
        for group in context.fields.objects(resources, "autoScalingGroups") {
            if let Some(name) = context.fields.text(group, "name") {
                owners.insert(name, item.id);
            }
        }
    }
    let mut found = Vec::new();
    for (id, workload) in context.estate.workloads.iter() {
        let tag = |key: &str| workload.labels.get(key).map(watertight_model::Name::as_str);
        let names = (tag("eks:cluster-name"), tag("eks:nodegroup-name"));
        let owner = workload.owner.as_deref().and_then(|owner| owners.get(owner));
        let by_tag = match names {
            (Some(cluster), Some(group)) => by_tags.get(&(cluster, group)),
            _ => None,
        };
        if let Some(owner) = owner.or(by_tag)
            && workload.kind == WorkloadKind::Machine
        {
            found.push((id, *owner));
        }
    }
    for (workload, owner) in found {
        let owner = context.name(owner);
        context.estate.workloads[workload].owner = Some(owner);
    }
}
