//! Internet, egress-only, peering and virtual private gateways.

use watertight_model::Truth;
use watertight_model::network::{Gateway, GatewayId, GatewayKind, RealmId};
use watertight_source::Node;

use crate::codes;
use crate::context::Context;
use crate::index::Item;
use crate::shapes::Kind;

/// The states of a peering in which it carries nothing (Amazon VPC peering guide, "VPC peering connection
/// lifecycle").
pub(crate) const IDLE_PEERINGS: [&str; 8] = [
    "initiating-request",
    "pending-acceptance",
    "deleted",
    "rejected",
    "failed",
    "expired",
    "provisioning",
    "deleting",
];

/// Converts gateways that stand at a VPC's edge. Their edge tables come with the routes.
pub(crate) fn convert(context: &mut Context<'_>) {
    let index = context.index;
    for item in index.of(Kind::InternetGateways) {
        let (realm, works) = attached_realm(context, item, "Attachments");
        let kind = GatewayKind::Internet { realm, edge: None };
        let gateway = add(context, item, kind, works);
        if let Some(realm) = realm {
            context.estate.network.realms[realm].internet = Some(gateway);
        }
    }
    for item in index.of(Kind::EgressOnlyInternetGateways) {
        let (realm, works) = attached_realm(context, item, "Attachments");
        add(context, item, GatewayKind::EgressOnly { realm }, works);
    }
    for item in index.of(Kind::VpnGateways) {
        let (realm, attached) = attached_realm(context, item, "VpcAttachments");
        let states: (&[&str], &[&str]) = (&["available"], &["pending", "deleting", "deleted"]);
        let works = context.fields.works(item.node, "State", item.id, states);
        add(context, item, GatewayKind::Tunnel { realm, edge: None }, works.and(attached));
    }
    for item in index.of(Kind::VpcPeeringConnections) {
        peering(context, item);
    }
}

/// Adds a gateway under its id.
pub(crate) fn add(
    context: &mut Context<'_>,
    item: &Item<'_>,
    kind: GatewayKind,
    works: Truth,
) -> GatewayId {
    let name = context.name(item.id);
    let origin = Some(item.node.span());
    let gateway = Gateway { name: name.clone(), kind, available: works != Truth::No, origin };
    let gateway = context.estate.network.gateways.push(gateway);
    if works == Truth::Maybe {
        context.gateways_unread.insert(gateway);
    }
    context.gateways.insert(name, gateway);
    gateway
}

/// The realm that a gateway is attached to, and whether it is for sure. Internet gateways say
/// `available` where virtual private gateways say `attached` (EC2 API reference).
fn attached_realm(
    context: &mut Context<'_>,
    item: &Item<'_>,
    key: &str,
) -> (Option<RealmId>, Truth) {
    let states: (&[&str], &[&str]) =
        (&["available", "attached"], &["attaching", "detaching", "detached"]);
    for attachment in context.fields.objects(item.node, key) {
        let works = context.fields.works(attachment, "State", item.id, states);
        if works == Truth::No {
            continue;
        }
        let Some(vpc) = context.fields.text(attachment, "VpcId") else { continue };
        if let Some(realm) = context.realms.get(vpc) {
            return (Some(realm), works);
        }
        context.warn_missing(attachment, "VPC", vpc);
    }
    (None, Truth::Yes)
}

/// A peering is active or drops. References across it hold within one region (Amazon VPC peering
/// guide, "Update your security groups to reference peer security groups").
fn peering(context: &mut Context<'_>, item: &Item<'_>) {
    let status = context.fields.object(item.node, "Status");
    let works = match status {
        Some(status) if status.get("Code").is_some() => {
            context.fields.works(status, "Code", item.id, (&["active"], &IDLE_PEERINGS))
        }
        _ => {
            let message = format!("peering `{}` has no status", item.id);
            context.fields.warn(item.node, codes::UNREAD_CONTENT, item.id, message);
            Truth::Maybe
        }
    };
    let mut sides = [None, None];
    let mut regions = [None, None];
    for (at, key) in ["RequesterVpcInfo", "AccepterVpcInfo"].into_iter().enumerate() {
        let Some(side) = context.fields.object(item.node, key) else { continue };
        let realm = side_realm(context, side, works != Truth::No);
        let region = context.fields.text(side, "Region").map(str::to_owned);
        let own = realm.and_then(|realm| context.estate.network.realms[realm].region.clone());
        regions[at] = region.or_else(|| own.map(|region| region.as_str().to_owned()));
        sides[at] = realm;
    }
    let references = match &regions {
        [Some(one), Some(other)] => one == other,
        _ => true,
    };
    let kind = GatewayKind::Peering { sides, references };
    add(context, item, kind, works);
}

fn side_realm(context: &mut Context<'_>, side: Node<'_>, warns: bool) -> Option<RealmId> {
    let vpc = context.fields.text(side, "VpcId")?;
    let realm = context.realms.get(vpc);
    if realm.is_none() && warns {
        context.warn_missing(side, "VPC", vpc);
    }
    realm
}
