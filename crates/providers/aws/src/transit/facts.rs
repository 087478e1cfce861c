//! What the bodies of several calls tell of each attachment.

use std::collections::{BTreeMap, BTreeSet};

use watertight_model::Truth;

use crate::context::Context;
use crate::index::Item;
use crate::shapes::Kind;

use super::{Key, gateway_of_table, table_of_body};

/// The states of an attachment in which it carries nothing (EC2 API reference, "`TransitGatewayAttachment`").
pub(crate) const IDLE_ATTACHMENTS: [&str; 11] = [
    "initiating",
    "initiatingRequest",
    "pendingAcceptance",
    "rollingBack",
    "pending",
    "deleting",
    "deleted",
    "failed",
    "rejected",
    "rejecting",
    "failing",
];

/// What is known of one attachment.
#[derive(Clone, Debug)]
pub(super) struct Facts<'t> {
    /// A body about it.
    pub(super) item: Option<Item<'t>>,
    /// What it is attached to: `vpc`, `vpn`, `peering` and so on.
    pub(super) kind: &'t str,
    /// The id of what it is attached to; for a peering, the other transit gateway's.
    pub(super) resource: Option<&'t str>,
    /// Whether it works.
    pub(super) works: Truth,
    /// The table that it is associated with.
    pub(super) table: Option<&'t str>,
    /// Whether the input tells its table.
    pub(super) table_read: bool,
    /// Its subnets, for a VPC's.
    pub(super) subnets: Option<Vec<&'t str>>,
    /// Whether appliance mode is on.
    pub(super) appliance: bool,
    /// Whether references to security groups are on.
    pub(super) references: bool,
}

impl Default for Facts<'_> {
    fn default() -> Self {
        Self {
            item: None,
            kind: "",
            resource: None,
            works: Truth::Yes,
            table: None,
            table_read: false,
            subnets: None,
            appliance: false,
            references: false,
        }
    }
}

impl Facts<'_> {
    /// Whether it leads to another transit gateway.
    pub(super) fn is_peering(&self) -> bool {
        matches!(self.kind, "peering" | "tgw-peering")
    }
}

/// The facts of all attachments.
pub(super) type All<'t> = BTreeMap<Key<'t>, Facts<'t>>;

/// Reads every body about attachments and associations.
pub(super) fn read<'t>(context: &mut Context<'t>) -> All<'t> {
    let index = context.index;
    let mut all = All::new();
    for item in index.of(Kind::TransitGatewayAttachments) {
        general(context, item, &mut all);
    }
    for item in index.of(Kind::TransitGatewayVpcAttachments) {
        vpc(context, item, &mut all);
    }
    for item in index.of(Kind::TransitGatewayPeeringAttachments) {
        peering(context, item, &mut all);
    }
    for item in index.of(Kind::TransitGatewayConnects) {
        let Some(gateway) = context.fields.text(item.node, "TransitGatewayId") else { continue };
        let works = works(context, item);
        let transport = context.fields.text(item.node, "TransportTransitGatewayAttachmentId");
        let fact = all.entry((item.id, gateway)).or_insert_with(|| Facts {
            item: Some(*item),
            kind: "connect",
            works,
            ..Facts::default()
        });
        fact.resource = fact.resource.or(transport);
    }
    associations(context, &mut all);
    all
}

/// Whether an attachment works (EC2 API reference, "`TransitGatewayAttachment`").
fn works(context: &mut Context<'_>, item: &Item<'_>) -> Truth {
    context.fields.works(
        item.node,
        "State",
        item.id,
        (&["available", "modifying"], &IDLE_ATTACHMENTS),
    )
}

/// `describe-transit-gateway-attachments`: kind, resource, state and association.
fn general<'t>(context: &mut Context<'t>, item: &Item<'t>, all: &mut All<'t>) {
    let Some(gateway) = context.fields.required_text(item.node, "TransitGatewayId") else { return };
    let owner = context.fields.text(item.node, "TransitGatewayOwnerId");
    let viewer = item.scope.account.as_deref();
    // Only the transit gateway's owner sees associations for sure.
    let sees_all = owner.is_none() || viewer.is_none() || owner == viewer;
    let association = context.fields.object(item.node, "Association");
    let state = association.and_then(|node| context.fields.text(node, "State"));
    let table =
        association.and_then(|node| context.fields.text(node, "TransitGatewayRouteTableId"));
    let table = table.filter(|_| matches!(state, Some("associated") | None));
    let fact = Facts {
        item: Some(*item),
        kind: context.fields.text(item.node, "ResourceType").unwrap_or_default(),
        resource: context.fields.text(item.node, "ResourceId"),
        works: works(context, item),
        table,
        table_read: association.is_some() || sees_all,
        ..Facts::default()
    };
    all.insert((item.id, gateway), fact);
}

/// `describe-transit-gateway-vpc-attachments`: subnets and options.
fn vpc<'t>(context: &mut Context<'t>, item: &Item<'t>, all: &mut All<'t>) {
    let Some(gateway) = context.fields.required_text(item.node, "TransitGatewayId") else { return };
    let vpc = context.fields.text(item.node, "VpcId");
    let works = works(context, item);
    let subnets = context.fields.texts(item.node, "SubnetIds");
    let options = context.fields.object(item.node, "Options");
    let appliance = options.and_then(|node| context.fields.text(node, "ApplianceModeSupport"));
    let support = "SecurityGroupReferencingSupport";
    let references = options.and_then(|node| context.fields.text(node, support));
    let fact = all.entry((item.id, gateway)).or_insert_with(|| Facts { works, ..Facts::default() });
    fact.item = Some(*item);
    fact.kind = "vpc";
    fact.resource = fact.resource.or(vpc);
    fact.subnets = Some(subnets);
    fact.appliance = appliance == Some("enable");
    fact.references = references == Some("enable");
}

/// `describe-transit-gateway-peering-attachments`: one attachment at each side in the input.
fn peering<'t>(context: &mut Context<'t>, item: &Item<'t>, all: &mut All<'t>) {
    let works = works(context, item);
    let side = |context: &mut Context<'t>, key: &str| {
        let info = context.fields.object(item.node, key)?;
        context.fields.text(info, "TransitGatewayId")
    };
    let requester = side(context, "RequesterTgwInfo");
    let accepter = side(context, "AccepterTgwInfo");
    let (Some(requester), Some(accepter)) = (requester, accepter) else { return };
    for (own, other) in [(requester, accepter), (accepter, requester)] {
        if context.gateways.get(own).is_none() {
            continue;
        }
        all.entry((item.id, own)).or_insert_with(|| Facts {
            item: Some(*item),
            kind: "peering",
            resource: Some(other),
            works,
            ..Facts::default()
        });
    }
}

/// `get-transit-gateway-route-table-associations`, one body for each table.
fn associations<'t>(context: &mut Context<'t>, all: &mut All<'t>) {
    let index = context.index;
    let mut read: BTreeSet<&str> = BTreeSet::new();
    for item in index.of(Kind::TransitGatewayAssociations) {
        let Some(table) = table_of_body(context, item) else { continue };
        read.insert(table);
        let gateway = gateway_of_table(context, table);
        for association in context.fields.objects(item.node, "Associations") {
            let state = context.fields.text(association, "State");
            let id = context.fields.required_text(association, "TransitGatewayAttachmentId");
            let (Some(id), Some("associated") | None) = (id, state) else { continue };
            let key = match gateway {
                Some(gateway) => Some((id, gateway)),
                None => all.range((id, "")..).next().map(|(key, _)| *key),
            };
            if let Some(fact) = key.filter(|key| key.0 == id).and_then(|key| all.get_mut(&key)) {
                fact.table = Some(table);
                fact.table_read = true;
            }
        }
    }
    // Where every table of a transit gateway tells its associations, what has none has none.
    let mut complete: BTreeMap<&str, bool> = BTreeMap::new();
    for item in index.of(Kind::TransitGatewayRouteTables) {
        if let Some(gateway) = context.fields.text(item.node, "TransitGatewayId") {
            *complete.entry(gateway).or_insert(true) &= read.contains(item.id);
        }
    }
    for ((_, gateway), fact) in all.iter_mut() {
        fact.table_read |= complete.get(gateway).copied().unwrap_or(false);
    }
}
