//! Data warehouses, search domains and message brokers: Redshift, OpenSearch, MSK, Amazon MQ.

use std::net::IpAddr;

use watertight_model::network::{EndpointId, EndpointRole, Unaddressed};
use watertight_model::{WorkloadId, WorkloadKind};
use watertight_source::Node;

use super::place::{Groups, Infer, Placement, attach_alike, attach_named, describes, serve};
use super::service::{
    Door, Service, add, door, ids, label, label_port, label_public, same_place, slots, slots_in,
    tag_map, texts,
};
use super::stores::plane::Plane;
use super::stores::policy::{Owner, Policy};
use crate::context::{Context, Holder, Unowned};
use crate::index::Item;
use crate::scope::arn_of;
use crate::shapes::Kind;

/// Converts warehouses, search domains and brokers.
pub(crate) fn convert(context: &mut Context<'_>) {
    let index = context.index;
    for item in index.of(Kind::RedshiftClusters) {
        warehouse(context, item);
    }
    for item in index.of(Kind::RedshiftWorkgroups) {
        workgroup(context, item);
    }
    for item in index.of(Kind::SearchDomains) {
        search_domain(context, item);
    }
    for item in index.of(Kind::KafkaClusters) {
        kafka(context, item);
    }
    for item in index.of(Kind::BrokerDetails) {
        broker(context, item);
    }
}

fn warehouse<'t>(context: &mut Context<'t>, item: &Item<'t>) {
    let Some(name) = context.fields.required_text(item.node, "ClusterIdentifier") else { return };
    let place = (context.account_of(item), context.region_of(item));
    let id = arn_of("redshift", place, ("cluster:", name));
    let vpc = context.fields.text(item.node, "VpcId");
    let tags = context.fields.tags(item.node, "Tags");
    let data = Data { id: &id, name, vpc, tags, kind: WorkloadKind::Database };
    let workload = data.add(context, item);
    let endpoint = context.fields.object(item.node, "Endpoint");
    let port = endpoint.and_then(|endpoint| context.fields.port(endpoint, "Port"));
    label_port(context, workload, port);
    let public = context.fields.flag(item.node, "PubliclyAccessible");
    label_public(context, workload, public);
    for role in context.fields.objects(item.node, "IamRoles") {
        if let Some(role) = context.fields.text(role, "IamRoleArn") {
            context.roles.entry(workload).or_insert(role);
        }
    }
    let subnets = warehouse_subnets(context, item);
    let second = context.fields.object(item.node, "MultiAZSecondary");
    let places = [Some(item.node), second].into_iter().flatten();
    let zones: Vec<&str> =
        places.filter_map(|node| context.fields.text(node, "AvailabilityZone")).collect();
    let nodes = warehouse_nodes(context, item);
    let groups = ids(context, item.node, "VpcSecurityGroups", "VpcSecurityGroupId");
    let placement = Placement {
        workload,
        id: &id,
        node: item.node,
        slots: slots_with(context, slots_in(context, &subnets, &zones), &nodes),
        groups: Groups::required(groups),
        role: EndpointRole::Host,
    };
    let is_one = |unowned: &Unowned<'_>| describes(unowned, "RedshiftNetworkInterface");
    // Interfaces do not tell of which cluster they are. The addresses of its nodes do.
    let is_of_node = |unowned: &Unowned<'_>| {
        let text = |key: &str| unowned.item.node.get(key).and_then(Node::as_str);
        let own = text("PrivateIpAddress").and_then(|own| own.parse().ok());
        is_one(unowned)
            && text("VpcId") == vpc
            && own.is_some_and(|own: IpAddr| nodes.iter().any(|node| node.private == own))
    };
    let is_told = context.unowned.values().any(is_of_node);
    let endpoints = if is_told {
        attach_named(context, &placement, Infer::IfNone, is_of_node)
    } else {
        attach_alike(context, &placement, Infer::Each, is_one)
    };
    for endpoint in endpoints {
        give_node_addresses(context, &nodes, endpoint);
    }
}

/// A node of a warehouse: each has an interface of its own.
struct WarehouseNode {
    private: IpAddr,
    public: Option<IpAddr>,
}

/// The nodes of a warehouse whose addresses are told, in both zones where it is in two.
fn warehouse_nodes(context: &mut Context<'_>, item: &Item<'_>) -> Vec<WarehouseNode> {
    let second = context.fields.object(item.node, "MultiAZSecondary");
    let mut found = Vec::new();
    for holder in [Some(item.node), second].into_iter().flatten() {
        for node in context.fields.objects(holder, "ClusterNodes") {
            let private = context.fields.address(node, "PrivateIPAddress");
            let public = context.fields.address(node, "PublicIPAddress");
            found.extend(private.map(|private| WarehouseNode { private, public }));
        }
    }
    found
}

/// Of the subnets in which it may be those in which a node is, where that is told.
fn slots_with<'n>(
    context: &Context<'_>,
    slots: Vec<Vec<&'n str>>,
    nodes: &[WarehouseNode],
) -> Vec<Vec<&'n str>> {
    let network = &context.estate.network;
    let holds = |subnet: &&str| {
        let prefixes = context.subnets.get(subnet).map(|id| &network.subnets[id].prefixes);
        prefixes
            .into_iter()
            .flatten()
            .any(|prefix| nodes.iter().any(|node| prefix.contains(node.private)))
    };
    let narrowed = slots.into_iter().map(|slot| {
        let told: Vec<&str> = slot.iter().copied().filter(holds).collect();
        if told.is_empty() { slot } else { told }
    });
    narrowed.collect()
}

/// Addresses of a warehouse's nodes, for the inferred endpoint in whose subnet they are.
fn give_node_addresses(context: &mut Context<'_>, nodes: &[WarehouseNode], id: EndpointId) {
    let endpoint = &context.estate.network.endpoints[id];
    let (true, Some(subnet)) = (endpoint.inferred, endpoint.subnet) else { return };
    let prefixes = context.estate.network.subnets[subnet].prefixes.clone();
    for WarehouseNode { private, public } in nodes {
        if prefixes.iter().any(|prefix| prefix.contains(*private)) {
            let endpoint = &mut context.estate.network.endpoints[id];
            endpoint.addresses.push(*private);
            endpoint.public.extend(public.map(|public| (*private, public)));
        }
    }
}

fn warehouse_subnets<'t>(context: &mut Context<'t>, item: &Item<'_>) -> Vec<&'t str> {
    let Some(name) = context.fields.text(item.node, "ClusterSubnetGroupName") else {
        return Vec::new();
    };
    let index = context.index;
    let found = index.of(Kind::RedshiftSubnetGroups).iter().find(|group| {
        let own = group.node.get("ClusterSubnetGroupName").and_then(Node::as_str);
        own == Some(name) && same_place(group, item)
    });
    let Some(group) = found else {
        context.warn_missing(item.node, "subnet group", name);
        return Vec::new();
    };
    ids(context, group.node, "Subnets", "SubnetIdentifier").unwrap_or_default()
}

/// A serverless warehouse.
fn workgroup(context: &mut Context<'_>, item: &Item<'_>) {
    let name = context.fields.text(item.node, "workgroupName").unwrap_or_default();
    let data =
        Data { id: item.id, name, vpc: None, tags: Vec::new(), kind: WorkloadKind::Database };
    let workload = data.add(context, item);
    let port = context.fields.port(item.node, "port");
    label_port(context, workload, port);
    let public = context.fields.flag(item.node, "publiclyAccessible");
    label_public(context, workload, public);
    let subnets = context.fields.texts(item.node, "subnetIds");
    let groups = texts(context, item.node, "securityGroupIds");
    let placement = Placement {
        workload,
        id: item.id,
        node: item.node,
        slots: slots(&subnets),
        groups: Groups::required(groups),
        role: EndpointRole::Host,
    };
    attach_alike(context, &placement, Infer::Each, |unowned| {
        describes(unowned, "RedshiftNetworkInterface")
    });
}

/// A search domain: in a VPC, or behind an endpoint that its access policy guards.
fn search_domain(context: &mut Context<'_>, item: &Item<'_>) {
    if context.fields.flag(item.node, "Deleted") == Some(true) {
        return;
    }
    let name = context.fields.text(item.node, "DomainName").unwrap_or_default();
    let options = context.fields.object(item.node, "VPCOptions");
    let vpc = options.and_then(|options| context.fields.text(options, "VPCId"));
    let data = Data { id: item.id, name, vpc, tags: Vec::new(), kind: WorkloadKind::Database };
    let workload = data.add(context, item);
    label(context, workload, "aws.port", "443");
    let subnets = match options {
        Some(options) => context.fields.texts(options, "SubnetIds"),
        None => Vec::new(),
    };
    let groups = options.and_then(|options| texts(context, options, "SecurityGroupIds"));
    let in_vpc = vpc.is_some() || !subnets.is_empty();
    let placement = Placement {
        workload,
        id: item.id,
        node: item.node,
        slots: slots(&subnets),
        groups: Groups::required(groups),
        role: EndpointRole::Host,
    };
    label_public(context, workload, Some(!in_vpc));
    if in_vpc {
        attach_named(context, &placement, Infer::Each, |unowned| {
            unowned.holder == Holder::Service(WorkloadKind::Database, name)
                && describes(unowned, "ES ")
        });
    } else {
        let layer = door(context, "public search domain", &[80, 443], &Door::Everybody);
        let endpoint = serve(context, &placement, vec![layer]);
        let known = search_answers(context, item);
        context.estate.network.unaddressed.insert(endpoint, known);
    }
}

/// How requests come to a search domain outside of VPCs: at public addresses, past what its access
/// policy denies to everybody ("Identity and Access Management in Amazon OpenSearch Service").
///
/// What the policy allows guards nothing here: whom the account's own permissions allow may ask,
/// too.
fn search_answers(context: &mut Context<'_>, item: &Item<'_>) -> Unaddressed {
    let region = context.region_of(item);
    let plane = Plane::read(context);
    let owner = Owner { service: "es", arn: item.id, private: &[] };
    let policies = item.node.get("AccessPolicies");
    let policies = policies.filter(|place| place.as_str().is_none_or(|text| !text.is_empty()));
    let policy = policies.map(|place| Policy::read(context, &owner, place)).unwrap_or_default();
    let known = plane.unaddressed(context, "es", region);
    Unaddressed { interfaces: Vec::new(), origin_guards: policy.guards, ..known }
}

/// A Kafka cluster, with machines of its own or without.
fn kafka(context: &mut Context<'_>, item: &Item<'_>) {
    let either = |upper: &str, lower: &str| {
        item.node.get(upper).or_else(|| item.node.get(lower)).and_then(Node::as_str)
    };
    let name = either("ClusterName", "clusterName").unwrap_or_default();
    let tags = tag_map(context, item.node, "Tags");
    let data = Data { id: item.id, name, vpc: None, tags, kind: WorkloadKind::Queue };
    let workload = data.add(context, item);
    let provisioned = context.fields.object(item.node, "Provisioned").unwrap_or(item.node);
    let brokers = context.fields.object(provisioned, "BrokerNodeGroupInfo");
    let mut places = Vec::new();
    if let Some(node) = brokers {
        let subnets = context.fields.texts(node, "ClientSubnets");
        places.push((subnets, texts(context, node, "SecurityGroups")));
        let access = context.fields.object(node, "ConnectivityInfo");
        let access = access.and_then(|node| context.fields.object(node, "PublicAccess"));
        let access = access.and_then(|node| context.fields.text(node, "Type"));
        label_public(context, workload, access.map(|kind| kind != "DISABLED"));
    }
    if let Some(serverless) = context.fields.object(item.node, "Serverless") {
        for config in context.fields.objects(serverless, "VpcConfigs") {
            let subnets = context.fields.texts(config, "SubnetIds");
            places.push((subnets, texts(context, config, "SecurityGroupIds")));
        }
    }
    for (subnets, groups) in places {
        let placement = Placement {
            workload,
            id: item.id,
            node: item.node,
            slots: slots(&subnets),
            groups: Groups::required(groups),
            role: EndpointRole::Host,
        };
        attach_named(context, &placement, Infer::Each, |unowned| {
            unowned.holder == Holder::Service(WorkloadKind::Queue, name)
        });
    }
}

/// A broker of Amazon MQ.
fn broker(context: &mut Context<'_>, item: &Item<'_>) {
    let id = context.fields.text(item.node, "BrokerArn").unwrap_or(item.id);
    let name = context.fields.text(item.node, "BrokerName").unwrap_or_default();
    let tags = tag_map(context, item.node, "Tags");
    let data = Data { id, name, vpc: None, tags, kind: WorkloadKind::Queue };
    let workload = data.add(context, item);
    let public = context.fields.flag(item.node, "PubliclyAccessible");
    label_public(context, workload, public);
    let subnets = context.fields.texts(item.node, "SubnetIds");
    let groups = texts(context, item.node, "SecurityGroups");
    let mut addresses = Vec::new();
    for instance in context.fields.objects(item.node, "BrokerInstances") {
        addresses.extend(context.fields.text(instance, "IpAddress"));
    }
    let placement = Placement {
        workload,
        id,
        node: item.node,
        slots: slots(&subnets),
        groups: Groups::required(groups),
        role: EndpointRole::Host,
    };
    attach_named(context, &placement, Infer::Each, |unowned| {
        let own = unowned.item.node.get("PrivateIpAddress").and_then(Node::as_str);
        own.is_some_and(|own| addresses.contains(&own))
            && unowned.item.node.get("RequesterManaged").and_then(Node::as_bool) != Some(false)
    });
}

struct Data<'n> {
    id: &'n str,
    name: &'n str,
    vpc: Option<&'n str>,
    tags: Vec<(&'n str, &'n str)>,
    kind: WorkloadKind,
}

impl Data<'_> {
    fn add(self, context: &mut Context<'_>, item: &Item<'_>) -> WorkloadId {
        add(
            context,
            item,
            Service {
                id: self.id,
                name: self.name,
                kind: self.kind,
                vpc: self.vpc,
                tags: self.tags,
                owner: None,
                stores_data: true,
            },
        )
    }
}
