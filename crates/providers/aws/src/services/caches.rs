//! Caches and in-memory databases: `ElastiCache`, `MemoryDB` and DAX.

use watertight_model::WorkloadKind;
use watertight_model::network::EndpointRole;
use watertight_source::Node;

use super::place::{Groups, Infer, Placement, attach_alike, attach_named};
use super::service::{Service, add, ids, label, label_port, same_place, slots, slots_in, texts};
use crate::context::{Context, Holder, Unowned};
use crate::index::Item;
use crate::shapes::Kind;

/// Converts clusters, replication groups whose clusters are not in the input, serverless caches.
pub(crate) fn convert(context: &mut Context<'_>) {
    let index = context.index;
    for item in index.of(Kind::CacheClusters) {
        cluster(context, item);
    }
    for item in index.of(Kind::ReplicationGroups) {
        replication_group(context, item);
    }
    for item in index.of(Kind::ServerlessCaches) {
        serverless(context, item);
    }
    for item in index.of(Kind::MemoryDbClusters) {
        memory_db(context, item);
    }
    for item in index.of(Kind::DaxClusters) {
        dax(context, item);
    }
}

fn cluster<'t>(context: &mut Context<'t>, item: &Item<'t>) {
    let Some(name) = context.fields.required_text(item.node, "CacheClusterId") else { return };
    let group = context.fields.text(item.node, "CacheSubnetGroupName");
    let group = group.and_then(|name| named_group(context, item, Kind::CacheSubnetGroups, name));
    let owner = context.fields.text(item.node, "ReplicationGroupId");
    let nodes = context.fields.objects(item.node, "CacheNodes");
    let mut zones = Vec::new();
    let mut port = endpoint_port(context, item.node, "ConfigurationEndpoint");
    for node in nodes {
        zones.extend(context.fields.text(node, "CustomerAvailabilityZone"));
        port = port.or_else(|| endpoint_port(context, node, "Endpoint"));
    }
    if zones.is_empty() {
        let zone = context.fields.text(item.node, "PreferredAvailabilityZone");
        zones.extend(zone.filter(|zone| *zone != "Multiple"));
    }
    let groups = ids(context, item.node, "SecurityGroups", "SecurityGroupId");
    let (vpc, subnets) = group.unwrap_or_default();
    let cache = Cache { id: item.id, name, vpc, owner, port };
    let workload = cache.add(context, item, WorkloadKind::Cache);
    let placement = Placement {
        workload,
        id: item.id,
        node: item.node,
        slots: slots_in(context, &subnets, &zones),
        groups: Groups::required(groups),
        role: EndpointRole::Host,
    };
    attach_named(context, &placement, Infer::Each, |unowned| is_cache(unowned, name));
}

/// A replication group is the owner of its clusters; where the input does not hold these, it stands
/// for them.
fn replication_group(context: &mut Context<'_>, item: &Item<'_>) {
    let Some(name) = context.fields.required_text(item.node, "ReplicationGroupId") else { return };
    let index = context.index;
    let members = context.fields.texts(item.node, "MemberClusters");
    let is_known = index.of(Kind::CacheClusters).iter().any(|cluster| {
        let owner = cluster.node.get("ReplicationGroupId").and_then(Node::as_str);
        owner == Some(name) && same_place(cluster, item)
    });
    if is_known {
        return;
    }
    let mut port = endpoint_port(context, item.node, "ConfigurationEndpoint");
    for shard in context.fields.objects(item.node, "NodeGroups") {
        port = port.or_else(|| endpoint_port(context, shard, "PrimaryEndpoint"));
    }
    let cache = Cache { id: item.id, name, vpc: None, owner: None, port };
    let workload = cache.add(context, item, WorkloadKind::Cache);
    let placement = Placement {
        workload,
        id: item.id,
        node: item.node,
        slots: Vec::new(),
        groups: Groups::Unread,
        role: EndpointRole::Host,
    };
    attach_named(context, &placement, Infer::Each, |unowned| {
        is_cache(unowned, name) || members.iter().any(|member| is_cache(unowned, member))
    });
}

/// A serverless cache is reached through interfaces in its subnets.
fn serverless(context: &mut Context<'_>, item: &Item<'_>) {
    let name = context.fields.text(item.node, "ServerlessCacheName").unwrap_or_default();
    let subnets = context.fields.texts(item.node, "SubnetIds");
    let groups = texts(context, item.node, "SecurityGroupIds");
    let port = endpoint_port(context, item.node, "Endpoint");
    let cache = Cache { id: item.id, name, vpc: None, owner: None, port };
    let workload = cache.add(context, item, WorkloadKind::Cache);
    let placement = Placement {
        workload,
        id: item.id,
        node: item.node,
        slots: slots(&subnets),
        groups: Groups::required(groups),
        role: EndpointRole::Host,
    };
    attach_alike(context, &placement, Infer::Each, |unowned| is_cache(unowned, name));
}

fn memory_db<'t>(context: &mut Context<'t>, item: &Item<'t>) {
    let name = context.fields.text(item.node, "Name").unwrap_or_default();
    let group = context.fields.text(item.node, "SubnetGroupName");
    let group = group.and_then(|name| named_group(context, item, Kind::MemoryDbSubnetGroups, name));
    let (vpc, subnets) = group.unwrap_or_default();
    let groups = ids(context, item.node, "SecurityGroups", "SecurityGroupId");
    let port = endpoint_port(context, item.node, "ClusterEndpoint");
    let mut zones = Vec::new();
    for shard in context.fields.objects(item.node, "Shards") {
        for node in context.fields.objects(shard, "Nodes") {
            zones.extend(context.fields.text(node, "AvailabilityZone"));
        }
    }
    zones.sort_unstable();
    zones.dedup();
    let cache = Cache { id: item.id, name, vpc, owner: None, port };
    let workload = cache.add(context, item, WorkloadKind::Database);
    let placement = Placement {
        workload,
        id: item.id,
        node: item.node,
        slots: slots_in(context, &subnets, &zones),
        groups: Groups::required(groups),
        role: EndpointRole::Host,
    };
    let infer = if zones.is_empty() { Infer::IfNone } else { Infer::Each };
    attach_named(context, &placement, infer, |unowned| {
        holder_name(unowned).is_some_and(|holder| is_node(holder, name))
    });
}

fn dax<'t>(context: &mut Context<'t>, item: &Item<'t>) {
    let name = context.fields.text(item.node, "ClusterName").unwrap_or_default();
    let group = context.fields.text(item.node, "SubnetGroup");
    let group = group.and_then(|name| named_group(context, item, Kind::DaxSubnetGroups, name));
    let (vpc, subnets) = group.unwrap_or_default();
    let groups = ids(context, item.node, "SecurityGroups", "SecurityGroupIdentifier");
    let port = endpoint_port(context, item.node, "ClusterDiscoveryEndpoint");
    let mut zones = Vec::new();
    for node in context.fields.objects(item.node, "Nodes") {
        zones.extend(context.fields.text(node, "AvailabilityZone"));
    }
    let cache = Cache { id: item.id, name, vpc, owner: None, port };
    let workload = cache.add(context, item, WorkloadKind::Cache);
    if let Some(role) = item.node.get("IamRoleArn").and_then(Node::as_str) {
        context.roles.insert(workload, role);
    }
    let placement = Placement {
        workload,
        id: item.id,
        node: item.node,
        slots: slots_in(context, &subnets, &zones),
        groups: Groups::required(groups),
        role: EndpointRole::Host,
    };
    let infer = if zones.is_empty() { Infer::IfNone } else { Infer::Each };
    attach_named(context, &placement, infer, |unowned| {
        holder_name(unowned).is_some_and(|holder| is_node(holder, name))
    });
}

struct Cache<'n> {
    id: &'n str,
    name: &'n str,
    vpc: Option<&'n str>,
    owner: Option<&'n str>,
    port: Option<u16>,
}

impl Cache<'_> {
    fn add(
        &self,
        context: &mut Context<'_>,
        item: &Item<'_>,
        kind: WorkloadKind,
    ) -> watertight_model::WorkloadId {
        let workload = add(
            context,
            item,
            Service {
                id: self.id,
                name: self.name,
                kind,
                vpc: self.vpc,
                tags: Vec::new(),
                owner: self.owner,
                stores_data: true,
            },
        );
        label_port(context, workload, self.port);
        if let Some(engine) = context.fields.text(item.node, "Engine") {
            label(context, workload, "aws.engine", engine);
        }
        workload
    }
}

/// VPC and subnets of the subnet group with a name.
fn named_group<'t>(
    context: &mut Context<'t>,
    item: &Item<'_>,
    kind: Kind,
    name: &str,
) -> Option<(Option<&'t str>, Vec<&'t str>)> {
    const NAMES: [&str; 3] = ["CacheSubnetGroupName", "SubnetGroupName", "Name"];
    const SUBNETS: [&str; 2] = ["SubnetIdentifier", "Identifier"];
    let index = context.index;
    let found = index.of(kind).iter().find(|group| {
        let named = |key: &&str| group.node.get(key).and_then(Node::as_str) == Some(name);
        NAMES.iter().any(named) && same_place(group, item)
    });
    let Some(group) = found else {
        context.warn_missing(item.node, "subnet group", name);
        return None;
    };
    let mut subnets = Vec::new();
    for subnet in context.fields.objects(group.node, "Subnets") {
        for key in SUBNETS {
            subnets.extend(context.fields.text(subnet, key));
        }
    }
    Some((context.fields.text(group.node, "VpcId"), subnets))
}

fn endpoint_port(context: &mut Context<'_>, node: Node<'_>, key: &str) -> Option<u16> {
    let endpoint = context.fields.object(node, key)?;
    context.fields.port(endpoint, "Port")
}

/// Whether an interface is one of a cache: it carries the cache's name, or a node's.
fn is_cache(unowned: &Unowned<'_>, name: &str) -> bool {
    match unowned.holder {
        Holder::Service(WorkloadKind::Cache, holder) => is_node(holder, name),
        _ => false,
    }
}

fn holder_name<'t>(unowned: &Unowned<'t>) -> Option<&'t str> {
    match unowned.holder {
        Holder::Service(_, name) if !name.is_empty() => Some(name),
        Holder::Service(..) | Holder::LoadBalancer(_) | Holder::Function(_) | Holder::Unknown => {
            unowned.item.node.get("Description")?.as_str()?.split_whitespace().last()
        }
    }
}

/// Whether a name is that of a cluster or of one of its nodes (`cluster-0001-001`, `cluster-a`).
fn is_node(holder: &str, name: &str) -> bool {
    let Some(rest) = holder.strip_prefix(name) else { return false };
    rest.is_empty()
        || rest.strip_prefix('-').is_some_and(|rest| {
            rest.len() == 1
                || rest.split('-').all(|part| {
                    (3..=4).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
                })
        })
}
