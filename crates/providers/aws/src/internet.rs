//! What the input does not tell of the way between a VPC and the internet.

use watertight_model::network::{
    Gateway, GatewayId, GatewayKind, InternetAccess, RealmId, Table, TableId, UnreadRoute,
};
use watertight_net::AddressSet;
use watertight_source::Diagnostic;

use crate::codes;
use crate::context::Context;
use crate::lists;
use crate::public_access::PublicAccess;
use crate::shapes::Kind;

/// What may stop a way to or from the internet where the switch was not read.
const SWITCH_UNREAD: &str = "VPC Block Public Access";

/// Why a way from outside is unknown where the gateway perhaps does not work.
const STATE_UNREAD: &str = "a gateway whose state is not known";

/// Notes the VPCs whose account and region did not tell their switch. Where nobody asked for it, it
/// is taken to be off, which is how every account begins (Amazon VPC user guide, "Block public
/// access to VPCs and subnets").
pub(crate) fn find_switches(context: &mut Context<'_>, access: &PublicAccess<'_>) {
    let kinds = [Kind::BlockPublicAccessOptions, Kind::BlockPublicAccessExclusions];
    let realms: Vec<RealmId> = context.estate.network.realms.ids().collect();
    for realm in realms {
        let (account, region) = lists::owner_of(context, realm);
        let (account, region) = (account.as_deref(), region.as_deref());
        let denials = &context.index.denials;
        let [options, exclusions] = kinds.map(|kind| denials.of_list(kind, account, region));
        let switch = access.is_on(account, region);
        // Of a switch that is on, the exclusions decide whom it stops.
        if (options && switch.is_none()) || (exclusions && switch == Some(true)) {
            context.switch_unread.insert(realm);
        }
    }
}

/// Gives VPCs whose internet gateways the input does not tell one that may be there, those whose switch it does
/// not tell one that may be on, and gateways of which it does not tell the state an edge that may be shut.
pub(crate) fn convert(context: &mut Context<'_>) {
    shut_unread(context);
    let realms: Vec<RealmId> = context.estate.network.realms.ids().collect();
    for realm in realms {
        if context.switch_unread.contains(&realm) {
            may_stop(context, realm);
        }
        let known = context.estate.network.realms[realm].internet;
        if known.is_none() && !lists::is_listed_for(context, Kind::InternetGateways, realm) {
            add_possible(context, realm);
        }
    }
}

/// Puts the switch on the way between a VPC's subnets and the internet. Whoever it is known to stop, an exclusion
/// may let pass.
fn may_stop(context: &mut Context<'_>, realm: RealmId) {
    let text = context.name(SWITCH_UNREAD);
    for (_, subnet) in context.estate.network.subnets.iter_mut() {
        if subnet.realm == realm {
            subnet.internet_access = InternetAccess::Unread(text.clone());
        }
    }
}

/// Gives gateways that perhaps do not work an edge that may be shut.
fn shut_unread(context: &mut Context<'_>) {
    for gateway in context.gateways_unread.clone() {
        let realm = match context.estate.network.gateways[gateway].kind {
            GatewayKind::Internet { realm, .. } | GatewayKind::Tunnel { realm, .. } => realm,
            _ => None,
        };
        if let Some(realm) = realm {
            let table = unread_table(context, realm, STATE_UNREAD);
            set_edge(context, gateway, table);
        }
    }
}

/// An internet gateway that may be attached to a VPC. Out of the VPC leads only a route to one that
/// is in the input; what comes in by it is unknown.
fn add_possible(context: &mut Context<'_>, realm: RealmId) {
    let vpc = context.estate.network.realms[realm].name.clone();
    let table = unread_table(
        context,
        realm,
        "an internet gateway that may be attached; the input does not tell",
    );
    let name = context.name(&format!("internet gateway of {vpc}"));
    let origin = context.estate.network.realms[realm].origin;
    let kind = GatewayKind::Internet { realm: Some(realm), edge: Some(table) };
    let gateway = Gateway { name, kind, available: true, origin };
    let gateway = context.estate.network.gateways.push(gateway);
    context.estate.network.realms[realm].internet = Some(gateway);
    // Of a VPC that is not in the input, another warning says so.
    let Some(origin) = origin else { return };
    let message = format!("the input does not tell whether `{vpc}` has an internet gateway");
    let help = "collect `describe-internet-gateways` of the account and region that own the VPC";
    let diagnostic = Diagnostic::warning(codes::UNREAD_CONTENT, message);
    let diagnostic = diagnostic.with_resource(vpc.as_str()).with_label(origin, "").with_help(help);
    context.fields.diagnostics.push(diagnostic);
}

/// A table that may lead anywhere.
fn unread_table(context: &mut Context<'_>, realm: RealmId, why: &str) -> TableId {
    let vpc = context.estate.network.realms[realm].name.clone();
    let text = context.name(why);
    let unread = UnreadRoute { candidates: AddressSet::all(), text, origin: None };
    let name = context.name(&format!("internet edge of {vpc}"));
    let table = Table { name, routes: Vec::new(), unread: vec![unread], origin: None };
    context.estate.network.tables.push(table)
}

fn set_edge(context: &mut Context<'_>, gateway: GatewayId, table: TableId) {
    let kind = &mut context.estate.network.gateways[gateway].kind;
    if let GatewayKind::Internet { edge, .. } | GatewayKind::Tunnel { edge, .. } = kind {
        *edge = Some(table);
    }
}
