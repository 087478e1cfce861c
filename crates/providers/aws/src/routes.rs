//! Route tables of VPCs, and which one serves each subnet and gateway (Amazon VPC user guide,
//! "Route tables"; "Route priority" for the ranks).

use std::collections::BTreeMap;

use watertight_model::network::{
    Attached, EndpointId, GatewayId, GatewayKind, Hop, ListContent, RealmId, Route, Table, TableId,
    UnreadRoute,
};
use watertight_net::Prefix;
use watertight_source::Node;

use crate::codes;
use crate::context::Context;
use crate::index::Item;
use crate::lists;
use crate::prefix_lists::list_of;
use crate::shapes::Kind;

/// Ranks among routes of one prefix.
const STATIC: u8 = 0;
const PREFIX_LIST: u8 = 1;
const PROPAGATED: u8 = 2;

/// Converts route tables and their associations.
pub(crate) fn convert(context: &mut Context<'_>) {
    let index = context.index;
    let mut main: BTreeMap<RealmId, TableId> = BTreeMap::new();
    for item in index.of(Kind::RouteTables) {
        let table = table(context, item);
        associate(context, item, table, &mut main);
    }
    // A subnet without an association of its own may have one in a page that is not in the input.
    let realms: Vec<RealmId> = main.keys().copied().collect();
    for realm in realms {
        if lists::is_cut(index, Kind::RouteTables, &lists::owner_of(context, realm)) {
            main.remove(&realm);
        }
    }
    let without: Vec<_> = context
        .estate
        .network
        .subnets
        .iter()
        .filter(|(_, subnet)| subnet.table.is_none())
        .map(|(id, subnet)| (id, subnet.realm))
        .collect();
    for (subnet, realm) in without {
        context.estate.network.subnets[subnet].table = main.get(&realm).copied();
        if !main.contains_key(&realm) {
            let subnet = &context.estate.network.subnets[subnet];
            let message =
                format!("the route table of subnet `{}` is not in the input", subnet.name);
            let mut diagnostic = watertight_source::Diagnostic::warning(codes::MISSING, message)
                .with_resource(subnet.name.as_str());
            if let Some(origin) = subnet.origin {
                diagnostic = diagnostic.with_label(origin, "");
            }
            context.fields.diagnostics.push(diagnostic);
        }
    }
}

fn table<'t>(context: &mut Context<'t>, item: &Item<'t>) -> TableId {
    let vpc = context.fields.text(item.node, "VpcId");
    let realm = vpc.and_then(|vpc| context.realms.get(vpc));
    let mut table = Table {
        name: context.name(item.id),
        routes: Vec::new(),
        unread: Vec::new(),
        origin: Some(item.node.span()),
    };
    let max = usize::try_from(context.options.parts_max).unwrap_or(usize::MAX);
    for node in context.fields.objects(item.node, "Routes") {
        route(context, item.id, node, realm, &mut table);
        if table.routes.len() > max {
            let message = format!("`{}` has more than {max} routes (`parts_max`)", item.id);
            context.fields.error(item.node, codes::TOO_MANY, item.id, message);
            break;
        }
    }
    if item.node.get("Routes").is_none() {
        let message = format!("the routes of `{}` are not in the input", item.id);
        context.fields.warn(item.node, codes::UNREAD_CONTENT, item.id, message);
        let text = context.name("routes that are not in the input");
        let candidates = watertight_net::AddressSet::all();
        table.unread.push(UnreadRoute { candidates, text, origin: table.origin });
    }
    settle_ties(context, &mut table);
    let name = table.name.clone();
    let id = context.estate.network.tables.push(table);
    context.tables.insert(name, id);
    id
}

/// Where two prefix lists of one table hold the same prefix and lead to different targets, the
/// provider chooses at random, once (Amazon VPC user guide, "Route tables", route priority and
/// prefix lists): the input does not tell.
fn settle_ties(context: &mut Context<'_>, table: &mut Table) {
    let mut places: BTreeMap<Prefix, Vec<usize>> = BTreeMap::new();
    for (place, route) in table.routes.iter().enumerate() {
        if route.rank == PREFIX_LIST {
            places.entry(route.destination).or_default().push(place);
        }
    }
    for (prefix, places) in places {
        let leads = |place: &usize| &table.routes[*place].hop;
        if places.iter().any(|place| leads(place) != leads(&places[0])) {
            let why =
                context.name(&format!("prefix lists that lead {prefix} to different targets"));
            for place in places {
                table.routes[place].hop = Hop::Unread(why.clone());
            }
        }
    }
}

fn route(
    context: &mut Context<'_>,
    id: &str,
    node: Node<'_>,
    realm: Option<RealmId>,
    table: &mut Table,
) {
    let (hop, via) = hop(context, id, node, realm);
    let by = context.fields.text(node, "Origin");
    // What a virtual private gateway propagates, and what a route server advertises.
    let is_propagated = matches!(by, Some("EnableVgwRoutePropagation" | "Advertisement"));
    let origin = Some(node.span());
    let v4 = context.fields.prefix(node, "DestinationCidrBlock");
    if let Some(destination) =
        v4.or_else(|| context.fields.prefix(node, "DestinationIpv6CidrBlock"))
    {
        // The local route is preferred to what overlaps it and is propagated, even if that is more
        // specific (AWS Site-to-Site VPN user guide, "Route tables and VPN route priority").
        if by == Some("EnableVgwRoutePropagation") && is_local(context, realm, destination) {
            return;
        }
        let rank = if is_propagated { PROPAGATED } else { STATIC };
        let text = context.name(&format!("{destination} via {via}"));
        table.routes.push(Route { destination, rank, hop, text, origin });
        return;
    }
    let Some(list_id) = context.fields.text(node, "DestinationPrefixListId") else {
        let message = format!("a route of `{id}` has no destination that is read");
        context.fields.warn(node, codes::UNREAD_CONTENT, id, message);
        let candidates = watertight_net::AddressSet::all();
        let text = context.name(&format!("unknown destination via {via}"));
        table.unread.push(UnreadRoute { candidates, text, origin });
        return;
    };
    let list = list_of(context, node, list_id);
    match context.estate.network.lists[list].content.clone() {
        ListContent::Known(prefixes) => {
            for destination in prefixes {
                let text = context.name(&format!("{list_id} ({destination}) via {via}"));
                let (rank, hop) = (PREFIX_LIST, hop.clone());
                table.routes.push(Route { destination, rank, hop, text, origin });
            }
        }
        ListContent::Unread(candidates) => {
            let text = context.name(&format!("{list_id} via {via}"));
            table.unread.push(UnreadRoute { candidates, text, origin });
        }
    }
}

/// Whether the local route of a VPC holds all of a prefix.
fn is_local(context: &Context<'_>, realm: Option<RealmId>, prefix: Prefix) -> bool {
    let Some(realm) = realm else { return false };
    context.estate.network.realms[realm].prefixes.iter().any(|own| own.covers(prefix))
}

/// The fields that name a route's target, in the order in which they decide: an interface comes
/// before the instance that it belongs to.
const TARGETS: [&str; 12] = [
    "NetworkInterfaceId",
    "InstanceId",
    "NatGatewayId",
    "TransitGatewayId",
    "VpcPeeringConnectionId",
    "EgressOnlyInternetGatewayId",
    "CarrierGatewayId",
    "LocalGatewayId",
    "CoreNetworkArn",
    "OdbNetworkArn",
    "VpcEndpointId",
    "GatewayId",
];

/// Where a route leads, and its target's id.
fn hop<'t>(
    context: &mut Context<'_>,
    table: &str,
    node: Node<'t>,
    realm: Option<RealmId>,
) -> (Hop, &'t str) {
    let mut target = None;
    for key in TARGETS {
        let id = context.fields.text(node, key).filter(|id| !id.is_empty());
        target = target.or(id.map(|id| (key, id)));
    }
    let via = target.map_or("nowhere", |(_, id)| id);
    match context.fields.text(node, "State") {
        Some("active") | None => {}
        Some("blackhole") => return (Hop::Blackhole(context.name("blackhole")), via),
        Some(_) => {
            context.fields.unknown_value(node, "State", table);
            return (Hop::Unread(context.name("a route in an unknown state")), via);
        }
    }
    let Some((key, id)) = target else {
        let message = format!("a route of `{table}` has no target that is read");
        context.fields.warn(node, codes::NOT_MODELLED, table, message);
        return (Hop::Unread(context.name("a route without a target that is read")), via);
    };
    let hop = match key {
        "GatewayId" if id == "local" => Some(Hop::Local),
        // Its services answer within the VPC, see `fronts::lattice`.
        "GatewayId" if id == "VpcLattice" => {
            context.index.has(Kind::LatticeVpcAssociations).then_some(Hop::Local)
        }
        "NetworkInterfaceId" => context.endpoints.get(id).map(Hop::Endpoint),
        "InstanceId" => primary(context, id).map(Hop::Endpoint),
        "CarrierGatewayId" | "LocalGatewayId" | "CoreNetworkArn" | "OdbNetworkArn" => {
            let message = format!("what is behind `{id}` is not modelled");
            context.fields.warn(node, codes::NOT_MODELLED, id, message);
            Some(Hop::Unread(context.name(id)))
        }
        "TransitGatewayId" => transit(context, id, realm),
        _ => context.gateways.get(id).map(|gateway| guarded(context, gateway)),
    };
    let hop = hop.unwrap_or_else(|| {
        context.warn_missing(node, "route target", id);
        Hop::Unread(context.name(&format!("{id} is not in the input")))
    });
    (hop, via)
}

/// A gateway; one that perhaps does not work leads to the unknown.
fn guarded(context: &mut Context<'_>, gateway: GatewayId) -> Hop {
    if context.gateways_unread.contains(&gateway) {
        let name = context.estate.network.gateways[gateway].name.clone();
        return Hop::Unread(context.name(&format!("{name}, whose state is not known")));
    }
    Hop::Gateway(gateway)
}

/// The primary interface of an instance.
fn primary(context: &Context<'_>, instance: &str) -> Option<EndpointId> {
    let workload = context.workloads.get(instance)?;
    context.estate.workloads[workload].endpoints.first().copied()
}

/// A transit gateway, when the input tells how this VPC is attached to it.
fn transit(context: &mut Context<'_>, id: &str, realm: Option<RealmId>) -> Option<Hop> {
    let gateway = context.gateways.get(id)?;
    let is_unread = realm.is_some_and(|realm| context.transit_unread.contains(&(realm, gateway)));
    if is_unread || !is_attachment_told(context, gateway, realm) {
        return Some(Hop::Unread(
            context.name(&format!("attachments to {id} are not in the input")),
        ));
    }
    Some(guarded(context, gateway))
}

/// Whether the input tells if a VPC is attached to a transit gateway: by the attachment, or by a
/// list in which it would stand.
fn is_attachment_told(context: &Context<'_>, gateway: GatewayId, realm: Option<RealmId>) -> bool {
    let attachments = context.estate.network.attachments.values();
    let mut own = attachments.filter(|attachment| attachment.gateway == gateway);
    let is_there = own.any(|attachment| match attachment.attached {
        Attached::Realm { realm: attached, .. } => attached.is_some() && attached == realm,
        _ => false,
    });
    let kinds = [Kind::TransitGatewayVpcAttachments, Kind::TransitGatewayAttachments];
    is_there
        || kinds.into_iter().any(|kind| match realm {
            Some(realm) => lists::is_listed_for(context, kind, realm),
            None => context.index.has(kind),
        })
}

/// Serves subnets, the VPC as its main table, or a gateway's edge.
fn associate(
    context: &mut Context<'_>,
    item: &Item<'_>,
    table: TableId,
    main: &mut BTreeMap<RealmId, TableId>,
) {
    for association in context.fields.objects(item.node, "Associations") {
        let state = context.fields.object(association, "AssociationState");
        let state = state.and_then(|state| context.fields.text(state, "State"));
        if !matches!(state, Some("associated") | None) {
            continue;
        }
        if context.fields.flag(association, "Main") == Some(true) {
            let vpc = context.fields.text(item.node, "VpcId");
            if let Some(realm) = vpc.and_then(|vpc| context.realms.get(vpc)) {
                main.insert(realm, table);
            }
        }
        if let Some(id) = context.fields.text(association, "SubnetId").filter(|id| !id.is_empty()) {
            match context.subnets.get(id) {
                Some(subnet) => context.estate.network.subnets[subnet].table = Some(table),
                None => context.warn_missing(association, "subnet", id),
            }
        }
        let gateway = context.fields.text(association, "GatewayId").filter(|id| !id.is_empty());
        if let Some(id) = gateway {
            edge(context, association, id, table);
        }
    }
}

fn edge(context: &mut Context<'_>, place: Node<'_>, id: &str, table: TableId) {
    let Some(gateway) = context.gateways.get(id) else {
        context.warn_missing(place, "gateway", id);
        return;
    };
    match &mut context.estate.network.gateways[gateway].kind {
        GatewayKind::Internet { edge, .. } | GatewayKind::Tunnel { edge, .. } => {
            *edge = Some(table);
        }
        _ => {
            let message = format!("`{id}` is no gateway that can have a route table");
            context.fields.warn(place, codes::NOT_MODELLED, id, message);
        }
    }
}
