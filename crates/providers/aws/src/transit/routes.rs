//! The tables of transit gateways: routes as searched, or static ones with what is propagated.

use std::collections::{BTreeMap, BTreeSet};

use watertight_model::Truth;
use watertight_model::network::{Hop, ListContent, Route, TableId, UnreadRoute};
use watertight_net::{AddressSet, Prefix};
use watertight_source::{Node, Span};

use crate::codes;
use crate::context::Context;
use crate::prefix_lists::list_of;
use crate::shapes::Kind;

use super::facts::{All, Facts};
use super::{Attachments, Key, gateway_of_table, table_of_body};

/// Preference: static before prefix list before propagated, as for route tables of VPCs.
const STATIC: u8 = 0;
const PREFIX_LIST: u8 = 1;
const PROPAGATED: u8 = 2;

/// What the input holds of a table's content.
#[derive(Clone, Copy, Default, Debug)]
struct Read {
    /// All routes, by a search.
    all: bool,
    /// The static routes.
    statics: bool,
    /// Which attachments propagate into it.
    propagations: bool,
}

/// Fills the tables.
pub(super) fn convert(context: &mut Context<'_>, facts: &All<'_>, attachments: &Attachments<'_>) {
    let index = context.index;
    let mut read: BTreeMap<&str, Read> = BTreeMap::new();
    for kind in [Kind::TransitGatewayRoutes, Kind::TransitGatewayStaticRoutes] {
        for item in index.of(kind) {
            let Some(table) = table_of_body(context, item) else { continue };
            let more = context.fields.flag(item.node, "AdditionalRoutesAvailable") == Some(true);
            let state = read.entry(table).or_default();
            state.all |= kind == Kind::TransitGatewayRoutes && !more;
            state.statics |= !more;
            searched(context, table, item.node, attachments);
        }
    }
    for item in index.of(Kind::TransitGatewayPrefixListReferences) {
        if let Some(table) = table_of_body(context, item) {
            listed(context, table, item.node, attachments);
        }
    }
    for item in index.of(Kind::TransitGatewayPropagations) {
        let Some(table) = table_of_body(context, item) else { continue };
        let state = read.entry(table).or_default();
        state.propagations = true;
        let is_searched = state.all;
        propagated(context, table, item.node, (facts, attachments), is_searched);
    }
    let tables: Vec<TableId> = context.estate.network.tables.ids().collect();
    for table in tables {
        let name = context.estate.network.tables[table].name.clone();
        let state = read.get(name.as_str()).copied().unwrap_or_default();
        if state.all || (state.statics && state.propagations) {
            continue;
        }
        let text = format!("routes of {name} that are not in the input");
        unread(context, table, AddressSet::all(), &text, None);
        let message = format!("the routes of `{name}` are not all in the input");
        let diagnostic = watertight_source::Diagnostic::warning(codes::UNREAD_CONTENT, message);
        let diagnostic = diagnostic.with_resource(name.as_str());
        let origin = context.estate.network.tables[table].origin;
        context.fields.diagnostics.push(match origin {
            Some(origin) => diagnostic.with_label(origin, ""),
            None => diagnostic,
        });
    }
}

/// Routes as `search-transit-gateway-routes` gives them.
fn searched(context: &mut Context<'_>, table: &str, body: Node<'_>, attachments: &Attachments<'_>) {
    let table_id = super::add_table(context, table, None);
    let gateway = gateway_of_table(context, table);
    for node in context.fields.objects(body, "Routes") {
        let Some(destination) = context.fields.prefix(node, "DestinationCidrBlock") else {
            continue;
        };
        let is_propagated = context.fields.text(node, "Type") == Some("propagated");
        let is_listed = context.fields.text(node, "PrefixListId").is_some();
        let rank = match (is_propagated, is_listed) {
            (true, _) => PROPAGATED,
            (false, true) => PREFIX_LIST,
            (false, false) => STATIC,
        };
        let targets = context.fields.objects(node, "TransitGatewayAttachments");
        let target = targets
            .first()
            .and_then(|target| context.fields.text(*target, "TransitGatewayAttachmentId"));
        let hop = match context.fields.text(node, "State") {
            Some("blackhole") => Hop::Blackhole(context.name("blackhole")),
            Some("active") | None => hop(context, node, target, gateway, attachments),
            Some("pending" | "deleting" | "deleted") => continue,
            Some(_) => {
                context.fields.unknown_value(node, "State", table);
                Hop::Unread(context.name("a route in an unknown state"))
            }
        };
        let via = target.unwrap_or("nowhere");
        add(context, table_id, (destination, rank, hop), via, node.span());
    }
}

/// Where a route to an attachment leads.
fn hop(
    context: &mut Context<'_>,
    place: Node<'_>,
    target: Option<&str>,
    gateway: Option<&str>,
    attachments: &Attachments<'_>,
) -> Hop {
    let Some(target) = target else {
        return Hop::Unread(context.name("a route without an attachment"));
    };
    if let Some(attachment) = find(attachments, (target, gateway.unwrap_or_default())) {
        return Hop::Attachment(attachment);
    }
    context.warn_missing(place, "transit gateway attachment", target);
    Hop::Unread(context.name(&format!("{target} is not in the input")))
}

/// The attachment of a transit gateway; where the table's gateway is not told, the first of the id.
fn find(
    attachments: &Attachments<'_>,
    (id, gateway): Key<'_>,
) -> Option<watertight_model::network::AttachmentId> {
    let exact = attachments.get(&(id, gateway)).copied();
    exact.or_else(|| {
        let mut rest = attachments.range((id, "")..).filter(|_| gateway.is_empty());
        rest.next().filter(|(key, _)| key.0 == id).map(|(_, attachment)| *attachment)
    })
}

/// References to prefix lists, each as one route for each of the list's prefixes.
fn listed(context: &mut Context<'_>, table: &str, body: Node<'_>, attachments: &Attachments<'_>) {
    let table_id = super::add_table(context, table, None);
    let gateway = gateway_of_table(context, table);
    for node in context.fields.objects(body, "TransitGatewayPrefixListReferences") {
        let Some(id) = context.fields.required_text(node, "PrefixListId") else { continue };
        let attachment = context.fields.object(node, "TransitGatewayAttachment");
        let target =
            attachment.and_then(|node| context.fields.text(node, "TransitGatewayAttachmentId"));
        let hop = if context.fields.flag(node, "Blackhole") == Some(true) {
            Hop::Blackhole(context.name("blackhole"))
        } else {
            hop(context, node, target, gateway, attachments)
        };
        let list = list_of(context, node, id);
        let via = target.unwrap_or("nowhere");
        match context.estate.network.lists[list].content.clone() {
            ListContent::Known(prefixes) => {
                for prefix in prefixes {
                    add(context, table_id, (prefix, PREFIX_LIST, hop.clone()), via, node.span());
                }
            }
            ListContent::Unread(candidates) => {
                let text = format!("{id} via {via}");
                unread(context, table_id, candidates, &text, Some(node.span()));
            }
        }
    }
}

/// What attachments propagate: a VPC its prefixes, a VPN connection its static routes.
fn propagated(
    context: &mut Context<'_>,
    table: &str,
    body: Node<'_>,
    (facts, attachments): (&All<'_>, &Attachments<'_>),
    is_searched: bool,
) {
    let table_id = super::add_table(context, table, None);
    let gateway = gateway_of_table(context, table).unwrap_or_default();
    for node in context.fields.objects(body, "TransitGatewayRouteTablePropagations") {
        let state = context.fields.text(node, "State");
        let id = context.fields.required_text(node, "TransitGatewayAttachmentId");
        let (Some(id), Some("enabled") | None) = (id, state) else { continue };
        let Some(attachment) = find(attachments, (id, gateway)) else {
            if !is_searched {
                context.warn_missing(node, "transit gateway attachment", id);
                let text = format!("what {id} propagates");
                unread(context, table_id, AddressSet::all(), &text, Some(node.span()));
            }
            continue;
        };
        let fact = facts.get(&(id, gateway));
        let Some(prefixes) = prefixes(context, fact) else {
            if !is_searched {
                let text = format!("what {id} propagates");
                unread(context, table_id, AddressSet::all(), &text, Some(node.span()));
            }
            continue;
        };
        if fact.is_some_and(|fact| fact.works == Truth::No) {
            continue;
        }
        let known: BTreeSet<Prefix> = propagated_to(context, table_id, attachment);
        for prefix in prefixes.into_iter().filter(|prefix| !known.contains(prefix)) {
            let hop = Hop::Attachment(attachment);
            add(context, table_id, (prefix, PROPAGATED, hop), id, node.span());
        }
    }
}

/// Destinations of the propagated routes that a table has to an attachment.
fn propagated_to(
    context: &Context<'_>,
    table: TableId,
    attachment: watertight_model::network::AttachmentId,
) -> BTreeSet<Prefix> {
    let routes = &context.estate.network.tables[table].routes;
    let fits =
        |route: &&Route| route.rank == PROPAGATED && route.hop == Hop::Attachment(attachment);
    routes.iter().filter(fits).map(|route| route.destination).collect()
}

/// What an attachment propagates; `None` when the input does not tell.
fn prefixes(context: &mut Context<'_>, fact: Option<&Facts<'_>>) -> Option<Vec<Prefix>> {
    let fact = fact?;
    match fact.kind {
        "vpc" => {
            let realm = context.realms.get(fact.resource?)?;
            Some(context.estate.network.realms[realm].prefixes.clone())
        }
        "vpn" => {
            let index = context.index;
            let item = index.find(Kind::VpnConnections, fact.resource?)?;
            let options = context.fields.object(item.node, "Options")?;
            if context.fields.flag(options, "StaticRoutesOnly") != Some(true) {
                return None;
            }
            let mut prefixes = Vec::new();
            for route in context.fields.objects(item.node, "Routes") {
                if matches!(context.fields.text(route, "State"), Some("available") | None) {
                    prefixes.extend(context.fields.prefix(route, "DestinationCidrBlock"));
                }
            }
            Some(prefixes)
        }
        _ => None,
    }
}

fn add(
    context: &mut Context<'_>,
    table: TableId,
    (destination, rank, hop): (Prefix, u8, Hop),
    via: &str,
    origin: Span,
) {
    let text = context.name(&format!("{destination} via {via}"));
    let route = Route { destination, rank, hop, text, origin: Some(origin) };
    context.estate.network.tables[table].routes.push(route);
}

fn unread(
    context: &mut Context<'_>,
    table: TableId,
    candidates: AddressSet,
    text: &str,
    origin: Option<Span>,
) {
    let text = context.name(text);
    context.estate.network.tables[table].unread.push(UnreadRoute { candidates, text, origin });
}
