//! Internet, egress-only, peering and virtual private gateways.

use watertight_model::network::{Gateway, GatewayId, GatewayKind, RealmId};
use watertight_source::Node;

use crate::context::Context;
use crate::index::Item;
use crate::shapes::Kind;

/// Converts gateways that stand at a VPC's edge. Their edge tables come with the routes.
pub(crate) fn convert(context: &mut Context<'_>) {
    let index = context.index;
    for item in index.of(Kind::InternetGateways) {
        let realm = attached_realm(context, item, "Attachments");
        let kind = GatewayKind::Internet { realm, edge: None };
        let gateway = add(context, item, kind, true);
        if let Some(realm) = realm {
            context.estate.network.realms[realm].internet = Some(gateway);
        }
    }
    for item in index.of(Kind::EgressOnlyInternetGateways) {
        let realm = attached_realm(context, item, "Attachments");
        add(context, item, GatewayKind::EgressOnly { realm }, true);
    }
    for item in index.of(Kind::VpnGateways) {
        let realm = attached_realm(context, item, "VpcAttachments");
        let state = context.fields.text(item.node, "State");
        let available = matches!(state, Some("available") | None);
        add(context, item, GatewayKind::Tunnel { realm, edge: None }, available);
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
    available: bool,
) -> GatewayId {
    let name = context.name(item.id);
    let origin = Some(item.node.span());
    let gateway = Gateway { name: name.clone(), kind, available, origin };
    let gateway = context.estate.network.gateways.push(gateway);
    context.gateways.insert(name, gateway);
    gateway
}

/// The realm that a gateway is attached to. Internet gateways say `available` where virtual private
/// gateways say `attached` (EC2 API reference).
fn attached_realm(context: &mut Context<'_>, item: &Item<'_>, key: &str) -> Option<RealmId> {
    for attachment in context.fields.objects(item.node, key) {
        let state = context.fields.text(attachment, "State");
        match state {
            Some("available" | "attached") | None => {}
            Some("attaching" | "detaching" | "detached") => continue,
            Some(_) => {
                context.fields.unknown_value(attachment, "State", item.id);
                continue;
            }
        }
        let Some(vpc) = context.fields.text(attachment, "VpcId") else { continue };
        if let Some(realm) = context.realms.get(vpc) {
            return Some(realm);
        }
        context.warn_missing(attachment, "VPC", vpc);
    }
    None
}

/// A peering is active or drops. References across it hold within one region (Amazon VPC peering
/// guide, "Update your security groups to reference peer security groups").
fn peering(context: &mut Context<'_>, item: &Item<'_>) {
    let status = context.fields.object(item.node, "Status");
    let code = status.and_then(|status| context.fields.text(status, "Code"));
    let known = [
        "initiating-request",
        "pending-acceptance",
        "active",
        "deleted",
        "rejected",
        "failed",
        "expired",
        "provisioning",
        "deleting",
    ];
    if let (Some(status), Some(code)) = (status, code)
        && !known.contains(&code)
    {
        context.fields.unknown_value(status, "Code", item.id);
    }
    let mut sides = [None, None];
    let mut regions = [None, None];
    for (at, key) in ["RequesterVpcInfo", "AccepterVpcInfo"].into_iter().enumerate() {
        let Some(side) = context.fields.object(item.node, key) else { continue };
        let realm = side_realm(context, side, code == Some("active"));
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
    add(context, item, kind, code == Some("active"));
}

fn side_realm(context: &mut Context<'_>, side: Node<'_>, warns: bool) -> Option<RealmId> {
    let vpc = context.fields.text(side, "VpcId")?;
    let realm = context.realms.get(vpc);
    if realm.is_none() && warns {
        context.warn_missing(side, "VPC", vpc);
    }
    realm
}
