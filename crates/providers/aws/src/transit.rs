//! Transit gateways: attachments, what routes them, and what they route (Amazon VPC transit gateways
//! guide, "How transit gateways work").
//!
//! An attachment of a peering has one id on both sides: it is named by its id and its gateway's.

use std::collections::{BTreeMap, BTreeSet};

use watertight_model::Truth;
use watertight_model::network::{
    Attached, Attachment, AttachmentId, Gateway, GatewayId, GatewayKind, SubnetId, Table,
};
use watertight_source::Span;

use crate::context::{Context, Holder};
use crate::index::Item;
use crate::shapes::Kind;

mod facts;
mod routes;

use facts::Facts;
pub(crate) use facts::IDLE_ATTACHMENTS;

/// The id of an attachment and that of its transit gateway.
type Key<'t> = (&'t str, &'t str);

/// Attachments by their key.
type Attachments<'t> = BTreeMap<Key<'t>, AttachmentId>;

/// Converts transit gateways with their tables, attachments and routes.
pub(crate) fn convert(context: &mut Context<'_>) {
    let index = context.index;
    let mut referencing = BTreeSet::new();
    for item in index.of(Kind::TransitGateways) {
        let states: (&[&str], &[&str]) =
            (&["available", "modifying"], &["pending", "deleting", "deleted"]);
        let works = context.fields.works(item.node, "State", item.id, states);
        let options = context.fields.object(item.node, "Options");
        let support = "SecurityGroupReferencingSupport";
        let support = options.and_then(|node| context.fields.text(node, support));
        if support == Some("enable") {
            referencing.insert(item.id);
        }
        add_gateway(context, item.id, works, Some(item.node.span()));
    }
    for item in index.of(Kind::TransitGatewayRouteTables) {
        add_table(context, item.id, Some(item.node.span()));
    }
    let facts = facts::read(context);
    let mut attachments = Attachments::new();
    let interfaces = interfaces_by_attachment(context);
    for (key, fact) in &facts {
        let references = fact.references && referencing.contains(key.1);
        let attachment = attachment(context, *key, fact, references, &interfaces);
        attachments.insert(*key, context.estate.network.attachments.push(attachment));
    }
    for (key, fact) in &facts {
        if let (Some(attachment), true) = (attachments.get(key), fact.is_peering()) {
            let peer = fact.resource.and_then(|other| attachments.get(&(key.0, other)).copied());
            context.estate.network.attachments[*attachment].attached = Attached::Peer(peer);
        }
    }
    routes::convert(context, &facts, &attachments);
}

/// The transit gateway with this id; one that only its attachments tell of works as they say.
fn gateway_of(context: &mut Context<'_>, id: &str) -> GatewayId {
    match context.gateways.get(id) {
        Some(gateway) => gateway,
        None => add_gateway(context, id, Truth::Yes, None),
    }
}

fn add_gateway(
    context: &mut Context<'_>,
    id: &str,
    works: Truth,
    origin: Option<Span>,
) -> GatewayId {
    let name = context.name(id);
    let available = works != Truth::No;
    let gateway = Gateway { name: name.clone(), kind: GatewayKind::Transit, available, origin };
    let gateway = context.estate.network.gateways.push(gateway);
    if works == Truth::Maybe {
        context.gateways_unread.insert(gateway);
    }
    context.gateways.insert(name, gateway);
    gateway
}

fn add_table(
    context: &mut Context<'_>,
    id: &str,
    origin: Option<Span>,
) -> watertight_model::network::TableId {
    if let Some(table) = context.tables.get(id) {
        return table;
    }
    let name = context.name(id);
    let table = Table { name: name.clone(), routes: Vec::new(), unread: Vec::new(), origin };
    let table = context.estate.network.tables.push(table);
    context.tables.insert(name, table);
    table
}

/// The subnets of the interfaces that belong to each attachment.
fn interfaces_by_attachment<'t>(context: &Context<'t>) -> BTreeMap<&'t str, BTreeSet<SubnetId>> {
    let mut subnets: BTreeMap<&str, BTreeSet<SubnetId>> = BTreeMap::new();
    for (endpoint, unowned) in &context.unowned {
        if let Holder::Service(_, id) = unowned.holder
            && id.starts_with("tgw-attach-")
        {
            let subnet = context.estate.network.endpoints[*endpoint].subnet;
            subnets.entry(id).or_default().extend(subnet);
        }
    }
    subnets
}

fn attachment(
    context: &mut Context<'_>,
    (id, gateway): Key<'_>,
    fact: &Facts<'_>,
    references: bool,
    interfaces: &BTreeMap<&str, BTreeSet<SubnetId>>,
) -> Attachment {
    let gateway_id = gateway_of(context, gateway);
    let table = fact.table.map(|table| add_table(context, table, None));
    let is_unread = fact.works == Truth::Maybe || context.gateways_unread.contains(&gateway_id);
    let attached = match fact.kind {
        _ if is_unread => unread(context, id, gateway_id, fact),
        "vpc" => realm(context, id, gateway_id, fact, interfaces),
        "peering" | "tgw-peering" => Attached::Peer(None),
        "vpn" | "direct-connect-gateway" | "connect" => {
            Attached::Outside(context.name(fact.resource.unwrap_or(id)))
        }
        other => {
            if let Some(item) = fact.item {
                context.fields.unknown_value(item.node, "ResourceType", id);
            }
            Attached::Opaque(context.name(&format!("transit gateway attachment of kind {other}")))
        }
    };
    Attachment {
        name: context.name(id),
        gateway: gateway_id,
        table,
        table_read: fact.table_read,
        attached,
        // Without its transit gateway, an attachment leads nowhere.
        available: fact.works != Truth::No && context.estate.network.gateways[gateway_id].available,
        references,
        origin: fact.item.map(|item| item.node.span()),
    }
}

/// An attachment that perhaps does not work: what is routed there, and what comes from there, is
/// unknown.
fn unread(context: &mut Context<'_>, id: &str, gateway: GatewayId, fact: &Facts<'_>) -> Attached {
    if let Some(realm) = fact.resource.and_then(|vpc| context.realms.get(vpc)) {
        context.transit_unread.insert((realm, gateway));
    }
    Attached::Opaque(context.name(&format!("{id}, whose state is not known")))
}

/// A VPC's attachment, in the subnets that its body lists, else in those of its interfaces.
fn realm(
    context: &mut Context<'_>,
    id: &str,
    gateway: GatewayId,
    fact: &Facts<'_>,
    interfaces: &BTreeMap<&str, BTreeSet<SubnetId>>,
) -> Attached {
    let realm = fact.resource.and_then(|vpc| context.realms.get(vpc));
    let mut subnets = Vec::new();
    for subnet in fact.subnets.iter().flatten() {
        match (context.subnets.get(subnet), fact.item) {
            (Some(subnet), _) => subnets.push(subnet),
            (None, Some(item)) if realm.is_some() => {
                context.warn_missing(item.node, "subnet", subnet);
            }
            _ => {}
        }
    }
    if fact.subnets.is_none() {
        subnets.extend(interfaces.get(id).into_iter().flatten().copied());
    }
    let known = &context.estate.network.subnets;
    subnets.sort_by(|one, other| known[*one].name.cmp(&known[*other].name));
    subnets.dedup();
    if let (true, Some(realm)) = (subnets.is_empty() && fact.subnets.is_none(), realm) {
        context.transit_unread.insert((realm, gateway));
        if let Some(item) = fact.item {
            let message = format!("the subnets of attachment `{id}` are not in the input");
            context.fields.warn(item.node, crate::codes::UNREAD_CONTENT, id, message);
        }
        return Attached::Opaque(
            context.name(&format!("the subnets of {id} are not in the input")),
        );
    }
    Attached::Realm { realm, subnets, appliance: fact.appliance }
}

/// The gateway that a table belongs to, by the table's own body.
fn gateway_of_table<'t>(context: &mut Context<'t>, table: &str) -> Option<&'t str> {
    let item = context.index.find(Kind::TransitGatewayRouteTables, table)?;
    context.fields.text(item.node, "TransitGatewayId")
}

/// The table that a body about one table names; a body that names none is a warning.
fn table_of_body<'t>(context: &mut Context<'t>, item: &Item<'t>) -> Option<&'t str> {
    if item.id.is_empty() {
        let message = String::from("the body does not say which route table it is about");
        context.fields.warn(item.node, crate::codes::NO_PARAMETER, "", message);
        return None;
    }
    Some(item.id)
}
