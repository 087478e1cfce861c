//! VPC Lattice: services that answer in every VPC of their service networks.
//!
//! Amazon VPC Lattice user guide, "How VPC Lattice works", "Control traffic using security groups"
//! and "Control traffic to VPC Lattice using network ACLs": clients of an associated VPC reach
//! services at link-local addresses, past the security groups of the association; targets see
//! connections from link-local addresses of their own VPC, whichever VPC the client is in.
//!
//! So each VPC gets one more subnet with these addresses. A service is a front with an attachment in
//! the subnet of each associated VPC, and with one that only opens connections where targets are.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use watertight_model::network::{
    Combine, Endpoint, EndpointRole, FrontId, Guard, Health, Hop, InternetAccess, LayerId,
    Listener, RealmId, Route, Stage, StageDefault, Subnet, SubnetId, Table, TableId, Target,
    TargetEnd, TargetGroupId,
};
use watertight_model::{Name, WorkloadId, WorkloadKind};
use watertight_net::{AddressSet, Family, FlowSet, PortSet, Prefix};
use watertight_source::Node;

use super::edges::{add_front, group};
use super::targets::{Targets, instance_end, without_qualifier};
use super::{about, by_name};
use crate::codes;
use crate::context::Context;
use crate::index::Item;
use crate::security_groups;
use crate::services::service::{Door, Service, add, door, label, texts};
use crate::shapes::Kind;

/// Where services answer: "169.254.171.0/24 for IPv4".
const LINK_LOCAL: &str = "169.254.171.0/24";

/// A VPC in a service network.
struct Association<'t> {
    realm: RealmId,
    network: &'t str,
    layers: Vec<LayerId>,
}

/// What services are made of.
struct Mesh<'t> {
    associations: Vec<Association<'t>>,
    targets: Targets<'t>,
    fronts: BTreeMap<Name, FrontId>,
    subnets: BTreeMap<RealmId, SubnetId>,
    groups: BTreeMap<&'t str, TargetGroupId>,
}

/// Converts services with their associations.
pub(super) fn convert(context: &mut Context<'_>) {
    let index = context.index;
    let fronts = by_name(context);
    let mut mesh = Mesh {
        associations: associations(context),
        targets: Targets::new(context, fronts.clone()),
        fronts,
        subnets: BTreeMap::new(),
        groups: BTreeMap::new(),
    };
    let needed =
        [Kind::LatticeVpcAssociations, Kind::LatticeServiceAssociations, Kind::LatticeServices];
    if let Some(missing) = needed.into_iter().find(|kind| !index.has(*kind)) {
        for item in index.of(Kind::ServiceNetworks) {
            let call = missing.call();
            let message = format!(
                "who reaches what in `{}` needs `{call}`, which is not in the input",
                item.id
            );
            context.fields.warn(item.node, codes::NOT_MODELLED, item.id, message);
        }
    }
    for item in index.of(Kind::LatticeServices) {
        let status = context.fields.text(item.node, "status");
        if works(status) {
            service(context, &mut mesh, item);
        }
    }
}

/// Whether something works in this state: what is changed, or could not be, does.
fn works(status: Option<&str>) -> bool {
    !matches!(status, Some("CREATE_IN_PROGRESS" | "CREATE_FAILED" | "DELETE_IN_PROGRESS"))
}

fn associations<'t>(context: &mut Context<'t>) -> Vec<Association<'t>> {
    let index = context.index;
    let mut found = Vec::new();
    for item in index.of(Kind::LatticeVpcAssociations) {
        let status = context.fields.text(item.node, "status");
        let vpc = context.fields.text(item.node, "vpcId");
        let network = context.fields.text(item.node, "serviceNetworkArn");
        let (Some(vpc), Some(network), true) = (vpc, network, works(status)) else { continue };
        let Some(realm) = context.realms.get(vpc) else {
            context.warn_missing(item.node, "VPC", vpc);
            continue;
        };
        let details = about(context, Kind::LatticeVpcAssociationDetails, item.id).copied();
        let groups = details.and_then(|item| texts(context, item.node, "securityGroupIds"));
        let layers = match groups.as_deref() {
            Some([]) => Vec::new(),
            Some(groups) => vec![security_groups::layer(context, item.node, groups)],
            None => vec![security_groups::unread_layer(context, item.id)],
        };
        found.push(Association { realm, network, layers });
    }
    found
}

fn service<'t>(context: &mut Context<'t>, mesh: &mut Mesh<'t>, item: &Item<'t>) {
    let name = context.fields.text(item.node, "name").unwrap_or_default();
    let kind = WorkloadKind::LoadBalancer;
    let (id, tags) = (item.id, Vec::new());
    let service = Service { id, name, kind, vpc: None, tags, owner: None, stores_data: false };
    let workload = add(context, item, service);
    label(context, workload, "aws.type", "lattice-service");
    label(context, workload, "scheme", "internal");
    let networks = networks_of(context, item.id);
    let (listeners, reached) = listeners(context, mesh, item);
    let ports: Vec<u16> = listeners
        .iter()
        .filter_map(|listener| listener.flows.project_destination().first())
        .collect();
    let is_read = !listeners.is_empty();
    let front = context.estate.network.fronts.next_id();
    let mut endpoints = Vec::new();
    for number in 0..mesh.associations.len() {
        let Some(association) = mesh.associations.get(number) else { continue };
        if !networks.contains(association.network) {
            continue;
        }
        let (realm, network) = (association.realm, association.network);
        let mut layers = association.layers.clone();
        for arn in [item.id, network] {
            layers.extend(auth(context, arn, &ports));
        }
        let subnet = subnet(context, mesh, realm, item.node);
        endpoints.push(attachment(context, item, (workload, front), subnet, layers, "clients"));
    }
    for realm in reached {
        let layers = vec![opens_only(context)];
        let subnet = subnet(context, mesh, realm, item.node);
        endpoints.push(attachment(context, item, (workload, front), subnet, layers, "targets"));
    }
    let front = add_front(context, item, workload, endpoints, listeners);
    context.estate.network.fronts[front].listeners_read = is_read;
}

/// The service networks that offer a service.
fn networks_of<'t>(context: &mut Context<'t>, service: &str) -> BTreeSet<&'t str> {
    let index = context.index;
    let mut found = BTreeSet::new();
    for item in index.of(Kind::LatticeServiceAssociations) {
        let status = context.fields.text(item.node, "status");
        if context.fields.text(item.node, "serviceArn") == Some(service) && works(status) {
            found.extend(context.fields.text(item.node, "serviceNetworkArn"));
        }
    }
    found
}

/// The listeners of a service, and the realms in which it has targets.
fn listeners<'t>(
    context: &mut Context<'t>,
    mesh: &mut Mesh<'t>,
    service: &Item<'t>,
) -> (Vec<Listener>, BTreeSet<RealmId>) {
    let index = context.index;
    let prefix = format!("{}/listener/", service.id);
    let (mut listeners, mut reached) = (Vec::new(), BTreeSet::new());
    for item in index.of(Kind::LatticeListeners).iter().filter(|item| item.id.starts_with(&prefix))
    {
        let Some(port) = context.fields.port(item.node, "port") else { continue };
        let mut groups = Vec::new();
        let action = context.fields.object(item.node, "defaultAction");
        groups.extend(action.into_iter().flat_map(|action| forwards(context, action)));
        let mut clauses = Vec::new();
        let rules = format!("{}/rule/", item.id);
        for rule in index.of(Kind::LatticeRules).iter().filter(|rule| rule.id.starts_with(&rules)) {
            let action = context.fields.object(rule.node, "action");
            groups.extend(action.into_iter().flat_map(|action| forwards(context, action)));
            if context.fields.flag(rule.node, "isDefault") != Some(true) {
                let name = context.fields.text(rule.node, "name").unwrap_or(rule.id);
                let number = context.fields.integer(rule.node, "priority").unwrap_or(0);
                clauses.push(context.name(&format!("{number}: {name}")));
            }
        }
        let mut target_groups = Vec::new();
        for id in groups {
            let group = target_group(context, mesh, item.node, id);
            if !target_groups.contains(&group) {
                target_groups.push(group);
            }
        }
        for id in &target_groups {
            reached.extend(realms(context, *id));
        }
        listeners.push(Listener {
            name: context.name(item.id),
            flows: FlowSet::tcp(PortSet::single(port)),
            target_groups,
            clauses,
            origin: Some(item.node.span()),
        });
    }
    (listeners, reached)
}

/// The target groups of an action, by id or ARN; one of weight 0 gets nothing.
fn forwards<'t>(context: &mut Context<'_>, action: Node<'t>) -> Vec<&'t str> {
    let Some(forward) = context.fields.object(action, "forward") else { return Vec::new() };
    let mut found = Vec::new();
    for group in context.fields.objects(forward, "targetGroups") {
        if context.fields.integer(group, "weight") != Some(0) {
            found.extend(context.fields.text(group, "targetGroupIdentifier"));
        }
    }
    found
}

fn target_group<'t>(
    context: &mut Context<'t>,
    mesh: &mut Mesh<'t>,
    place: Node<'t>,
    id: &'t str,
) -> TargetGroupId {
    let id = id.rsplit('/').next().unwrap_or(id);
    if let Some(group) = mesh.groups.get(id) {
        return *group;
    }
    let index = context.index;
    let is_own = |arn: &str| arn.rsplit('/').next() == Some(id);
    let item = index.of(Kind::LatticeTargetGroups).iter().find(|item| is_own(item.id));
    if item.is_none() {
        context.warn_missing(place, "target group", id);
    }
    let body = index.find(Kind::LatticeTargets, id);
    let mut targets = Vec::new();
    let nodes = body.map(|body| context.fields.objects(body.node, "items"));
    for node in nodes.into_iter().flatten() {
        targets.extend(target(context, mesh, item, node));
    }
    let made = group(context, id, targets, body.is_some(), item.map_or(place, |item| item.node));
    mesh.groups.insert(id, made);
    made
}

fn target<'t>(
    context: &mut Context<'t>,
    mesh: &Mesh<'t>,
    group: Option<&Item<'t>>,
    node: Node<'t>,
) -> Option<Target> {
    let id = context.fields.required_text(node, "id")?;
    let vpc = group.and_then(|item| context.fields.text(item.node, "vpcIdentifier"));
    let end = if let Ok(address) = id.parse::<IpAddr>() {
        mesh.targets.holder(context, vpc, address)
    } else if let Some(workload) =
        context.workloads.get(without_qualifier(id)).filter(|_| id.contains(":function:"))
    {
        TargetEnd::Workload(workload)
    } else if let Some(front) = mesh.fronts.get(id) {
        TargetEnd::Front(*front)
    } else {
        instance_end(context, node, id, Family::V4)
    };
    let health = match context.fields.text(node, "status") {
        Some("HEALTHY") => Health::Healthy,
        Some("UNHEALTHY" | "DRAINING" | "UNUSED" | "INITIAL") => Health::Unhealthy,
        _ => Health::Unknown,
    };
    let port = context.fields.port(node, "port");
    let port = port.or_else(|| group.and_then(|item| context.fields.port(item.node, "port")));
    let is_called = matches!(end, TargetEnd::Workload(_));
    let port = port.filter(|_| !is_called);
    Some(Target { end, port, health_port: port, health })
}

/// The realms of a group's targets.
fn realms(context: &Context<'_>, group: TargetGroupId) -> BTreeSet<RealmId> {
    let network = &context.estate.network;
    let of = |endpoint| network.endpoints[endpoint].subnet.map(|id| network.subnets[id].realm);
    let targets = network.target_groups[group].targets.iter();
    let ends = targets.flat_map(|target| match &target.end {
        TargetEnd::Endpoint(endpoint, _) => vec![*endpoint],
        TargetEnd::Front(front) => network.fronts[*front].endpoints.clone(),
        TargetEnd::Address(_) | TargetEnd::Workload(_) | TargetEnd::Unread(_) => Vec::new(),
    });
    ends.filter_map(of).collect()
}

/// The layer of an auth policy, which looks at who signed a request.
fn auth(context: &mut Context<'_>, arn: &str, ports: &[u16]) -> Option<LayerId> {
    let item = about(context, Kind::LatticeAuthTypes, arn).copied();
    let kind = item.and_then(|item| context.fields.text(item.node, "authType"));
    let text = match kind {
        Some("NONE") => return None,
        Some(_) => "callers that its auth policy allows",
        None => "whether it has an auth policy is not in the input",
    };
    Some(door(context, &format!("auth policy of {arn}"), ports, &Door::Somebody(text)))
}

/// A layer that lets in nothing but replies.
fn opens_only(context: &mut Context<'_>) -> LayerId {
    let name = context.name("VPC Lattice towards its targets");
    if let Some(guard) = context.guards.get(name.as_str()) {
        return context.layer(vec![guard]);
    }
    let stage = |default| Stage { combine: Combine::Union, rules: Vec::new().into(), default };
    let kind = context.name("service endpoint");
    let guard = context.estate.network.guards.push(Guard {
        name: name.clone(),
        title: name.clone(),
        kind,
        stateful: true,
        ingress: vec![stage(StageDefault::Deny)],
        egress: vec![stage(StageDefault::Accept)],
        origin: None,
    });
    context.guards.insert(name, guard);
    context.layer(vec![guard])
}

fn attachment(
    context: &mut Context<'_>,
    item: &Item<'_>,
    (workload, front): (WorkloadId, FrontId),
    subnet: SubnetId,
    layers: Vec<LayerId>,
    side: &str,
) -> watertight_model::network::EndpointId {
    let place = context.estate.network.subnets[subnet].name.clone();
    let name = context.name(&format!("{}/{place}/{side}", item.id));
    let endpoint = context.estate.network.endpoints.push(Endpoint {
        name: name.clone(),
        workload,
        subnet: Some(subnet),
        addresses: Vec::new(),
        delegated: Vec::new(),
        public: Vec::new(),
        layers,
        role: EndpointRole::Front(front),
        inferred: true,
        origin: Some(item.node.span()),
    });
    context.endpoints.insert(name, endpoint);
    context.own(endpoint, workload);
    let message = format!("the addresses of `{}` among {LINK_LOCAL} are not told", item.id);
    context.fields.note(item.node, codes::INFERRED, item.id, message);
    endpoint
}

/// The subnet of a VPC in which services answer, made when first needed, with a route to it in each
/// of the VPC's tables.
fn subnet<'t>(
    context: &mut Context<'t>,
    mesh: &mut Mesh<'t>,
    realm: RealmId,
    place: Node<'t>,
) -> SubnetId {
    if let Some(subnet) = mesh.subnets.get(&realm) {
        return *subnet;
    }
    let link_local: Vec<Prefix> = LINK_LOCAL.parse().into_iter().collect();
    let tables: BTreeSet<TableId> = {
        let subnets = context.estate.network.subnets.values();
        subnets.filter(|one| one.realm == realm).filter_map(|one| one.table).collect()
    };
    for table in tables {
        add_routes(context, table, &link_local, place);
    }
    let vpc = context.estate.network.realms[realm].name.clone();
    let name = context.name(&format!("vpc-lattice-{vpc}"));
    let own = context.estate.network.realms[realm].prefixes.clone();
    let table = Table { name: name.clone(), routes: Vec::new(), unread: Vec::new(), origin: None };
    let table = context.estate.network.tables.push(table);
    add_routes(context, table, &own, place);
    let zone = context.name("");
    let subnet = context.estate.network.subnets.push(Subnet {
        name: name.clone(),
        title: name,
        realm,
        prefixes: link_local,
        zone,
        table: Some(table),
        layers: Vec::new(),
        internet_access: InternetAccess::Open,
        kept: AddressSet::empty(),
        endpoints_read: true,
        origin: Some(place.span()),
    });
    mesh.subnets.insert(realm, subnet);
    subnet
}

/// Adds local routes to prefixes for which a table has none.
fn add_routes(context: &mut Context<'_>, table: TableId, prefixes: &[Prefix], place: Node<'_>) {
    for prefix in prefixes {
        let text = context.name(&format!("{prefix} via VpcLattice"));
        let routes = &mut context.estate.network.tables[table].routes;
        if routes.iter().all(|route| route.destination != *prefix) {
            let (hop, origin) = (Hop::Local, Some(place.span()));
            routes.push(Route { destination: *prefix, rank: 0, hop, text, origin });
        }
    }
}
