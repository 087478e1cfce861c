//! Relational and graph databases: instances and clusters of RDS, Aurora, `DocumentDB` and Neptune.

use std::collections::BTreeMap;

use watertight_model::WorkloadKind;
use watertight_model::network::{EndpointId, EndpointRole, Unaddressed};
use watertight_source::Node;

use super::place::{Groups, Infer, Placement, attach_alike, describes};
use super::service::{Service, add, ids, label, label_port, label_public, same_place, slots_in};
use super::stores::plane::elsewhere;
use crate::context::Context;
use crate::index::Item;
use crate::shapes::Kind;

/// How the descriptions of databases' interfaces begin. They do not name the database.
const DESCRIPTIONS: [&str; 3] = ["RDSNetworkInterface", "DocumentDB", "Neptune"];

/// Converts clusters with the instances that are their members, then single instances.
pub(crate) fn convert(context: &mut Context<'_>) {
    let index = context.index;
    let mut members: BTreeMap<&str, Vec<&Item<'_>>> = BTreeMap::new();
    let mut single = Vec::new();
    for item in index.of(Kind::DbInstances) {
        match cluster_of(context, item) {
            Some(cluster) => members.entry(cluster.id).or_default().push(item),
            None => single.push(item),
        }
    }
    for item in index.of(Kind::DbClusters) {
        let members = members.get(item.id).map(Vec::as_slice).unwrap_or_default();
        cluster(context, item, members);
    }
    for item in single {
        instance(context, item);
    }
}

/// The cluster that an instance is a member of, if it is in the input.
fn cluster_of<'t>(context: &mut Context<'t>, item: &Item<'_>) -> Option<&'t Item<'t>> {
    let name = context.fields.text(item.node, "DBClusterIdentifier")?;
    let index = context.index;
    index.of(Kind::DbClusters).iter().find(|cluster| {
        let identifier = cluster.node.get("DBClusterIdentifier").and_then(Node::as_str);
        identifier == Some(name) && same_place(cluster, item)
    })
}

/// A cluster is one workload: its members are its replicas, each with an attachment in its zone.
fn cluster<'t>(context: &mut Context<'t>, item: &Item<'t>, members: &[&Item<'t>]) {
    let name = context.fields.text(item.node, "DBClusterIdentifier").unwrap_or_default();
    let group = context.fields.text(item.node, "DBSubnetGroup");
    let mut place = group.and_then(|group| named_group(context, item, group));
    let mut zones = Vec::new();
    let mut public = context.fields.flag(item.node, "PubliclyAccessible");
    for member in members {
        zones.extend(context.fields.text(member.node, "AvailabilityZone"));
        place = place.or_else(|| own_group(context, member));
        let own = context.fields.flag(member.node, "PubliclyAccessible");
        public = match (public, own) {
            (Some(one), Some(other)) => Some(one || other),
            (one, other) => one.or(other),
        };
    }
    let port = context.fields.port(item.node, "Port");
    let infer = if members.is_empty() { Infer::IfNone } else { Infer::Each };
    database(context, item, Database { name, place, zones, public, port, infer });
}

fn instance<'t>(context: &mut Context<'t>, item: &Item<'t>) {
    let name = context.fields.text(item.node, "DBInstanceIdentifier").unwrap_or_default();
    let place = own_group(context, item);
    let mut zones = Vec::new();
    zones.extend(context.fields.text(item.node, "AvailabilityZone"));
    zones.extend(context.fields.text(item.node, "SecondaryAvailabilityZone"));
    let public = context.fields.flag(item.node, "PubliclyAccessible");
    let endpoint = context.fields.object(item.node, "Endpoint");
    let port = endpoint.and_then(|endpoint| context.fields.port(endpoint, "Port"));
    let port = port.or_else(|| context.fields.port(item.node, "DbInstancePort"));
    let infer = Infer::Each;
    database(context, item, Database { name, place, zones, public, port, infer });
}

struct Database<'n> {
    name: &'n str,
    place: Option<SubnetGroup<'n>>,
    zones: Vec<&'n str>,
    public: Option<bool>,
    port: Option<u16>,
    infer: Infer,
}

fn database(context: &mut Context<'_>, item: &Item<'_>, database: Database<'_>) {
    let (vpc, subnets) = match &database.place {
        Some(group) => (group.vpc, group.subnets.as_slice()),
        None => (None, &[][..]),
    };
    let tags = context.fields.tags(item.node, "TagList");
    let workload = add(
        context,
        item,
        Service {
            id: item.id,
            name: database.name,
            kind: WorkloadKind::Database,
            vpc,
            tags,
            owner: None,
            stores_data: true,
        },
    );
    if let Some(engine) = context.fields.text(item.node, "Engine") {
        label(context, workload, "aws.engine", engine);
    }
    label_port(context, workload, database.port);
    label_public(context, workload, database.public);
    let groups = ids(context, item.node, "VpcSecurityGroups", "VpcSecurityGroupId");
    let placement = Placement {
        workload,
        id: item.id,
        node: item.node,
        slots: slots_in(context, subnets, &database.zones),
        groups: Groups::required(groups),
        role: EndpointRole::Host,
    };
    let endpoints = attach_alike(context, &placement, database.infer, |unowned| {
        DESCRIPTIONS.iter().any(|start| describes(unowned, start))
    });
    if database.public == Some(true) {
        for endpoint in endpoints {
            public_somewhere(context, endpoint);
        }
    }
}

/// A publicly accessible database of which the input tells no address has a public one, too
/// ("Hiding a DB instance in a VPC from the internet", Amazon RDS User Guide).
fn public_somewhere(context: &mut Context<'_>, endpoint: EndpointId) {
    if !context.estate.network.endpoints[endpoint].addresses.is_empty() {
        return;
    }
    let known = Unaddressed {
        service: context.name("databases"),
        public: elsewhere(context),
        gateways: Vec::new(),
        interfaces: Vec::new(),
        opens: false,
        origin_guards: Vec::new(),
    };
    context.estate.network.unaddressed.insert(endpoint, known);
}

struct SubnetGroup<'n> {
    vpc: Option<&'n str>,
    subnets: Vec<&'n str>,
}

/// The subnet group that an instance's body holds, or that it names.
fn own_group<'t>(context: &mut Context<'t>, item: &Item<'t>) -> Option<SubnetGroup<'t>> {
    let node = item.node.get("DBSubnetGroup").filter(|group| !group.is_null())?;
    if let Some(name) = node.as_str() {
        return named_group(context, item, name);
    }
    let node = context.fields.object(item.node, "DBSubnetGroup")?;
    Some(subnet_group(context, node))
}

fn named_group<'t>(
    context: &mut Context<'t>,
    item: &Item<'_>,
    name: &str,
) -> Option<SubnetGroup<'t>> {
    let index = context.index;
    let found = index.of(Kind::DbSubnetGroups).iter().find(|group| {
        let own = group.node.get("DBSubnetGroupName").and_then(Node::as_str);
        own == Some(name) && same_place(group, item)
    });
    let Some(group) = found else {
        context.warn_missing(item.node, "subnet group", name);
        return None;
    };
    Some(subnet_group(context, group.node))
}

fn subnet_group<'n>(context: &mut Context<'_>, node: Node<'n>) -> SubnetGroup<'n> {
    let vpc = context.fields.text(node, "VpcId");
    let subnets = ids(context, node, "Subnets", "SubnetIdentifier").unwrap_or_default();
    SubnetGroup { vpc, subnets }
}
