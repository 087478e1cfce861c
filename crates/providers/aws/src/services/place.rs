//! Where a service's network attachments are: interfaces of the input that it claims, or endpoints
//! inferred from its subnets and groups.

use std::collections::BTreeSet;

use watertight_model::WorkloadId;
use watertight_model::network::{Endpoint, EndpointId, EndpointRole, LayerId, SubnetId};
use watertight_source::Node;

use crate::codes;
use crate::context::{Context, Unowned};
use crate::security_groups;

/// Where a service says that it is.
#[derive(Debug)]
pub(crate) struct Placement<'n> {
    /// Whose attachments they are.
    pub(crate) workload: WorkloadId,
    /// The service's id, from which names of inferred endpoints are made.
    pub(crate) id: &'n str,
    /// Where it is written.
    pub(crate) node: Node<'n>,
    /// For each attachment, the subnets of which it is in one.
    pub(crate) slots: Vec<Vec<&'n str>>,
    /// Its security groups.
    pub(crate) groups: Groups<'n>,
    /// What its attachments do with packets.
    pub(crate) role: EndpointRole,
}

/// What the input tells about the security groups of a service.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Groups<'n> {
    /// These.
    Known(Vec<&'n str>),
    /// There are some, but the input does not tell which.
    Unread,
    /// The service has none: nothing is filtered.
    Open,
}

impl<'n> Groups<'n> {
    /// Groups that a service must have: no list means that the input does not tell.
    pub(crate) fn required(list: Option<Vec<&'n str>>) -> Self {
        list.map_or(Self::Unread, Self::Known)
    }

    /// Groups that a service may have: none means that nothing is filtered.
    pub(crate) fn optional(list: Option<Vec<&'n str>>) -> Self {
        list.filter(|list| !list.is_empty()).map_or(Self::Open, Self::Known)
    }

    /// Whether an interface could have these groups.
    fn fit(&self, unowned: &Unowned<'_>) -> bool {
        match self {
            Self::Known(groups) => has_groups(unowned, groups),
            Self::Unread => true,
            Self::Open => has_groups(unowned, &[]),
        }
    }
}

/// Which slots get an inferred endpoint when no interface of the input is for them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Infer {
    /// Each that is left.
    Each,
    /// None, unless no interface was found at all: the service is in some of its subnets only.
    IfNone,
}

/// Gives a workload every unowned interface that names it, then infers endpoints for what is left
/// of its slots.
pub(crate) fn attach_named(
    context: &mut Context<'_>,
    placement: &Placement<'_>,
    infer: Infer,
    is_own: impl Fn(&Unowned<'_>) -> bool,
) -> Vec<EndpointId> {
    let named = context.unowned.iter().filter(|(_, unowned)| is_own(unowned));
    let named: Vec<EndpointId> = named.map(|(endpoint, _)| *endpoint).collect();
    let mut taken: BTreeSet<SubnetId> = BTreeSet::new();
    for endpoint in &named {
        taken.extend(context.estate.network.endpoints[*endpoint].subnet);
        claim(context, *endpoint, placement);
    }
    let is_found = |context: &Context<'_>, slot: &[&str]| {
        slot.iter().any(|id| context.subnets.get(id).is_some_and(|id| taken.contains(&id)))
    };
    let mut endpoints = named;
    if infer == Infer::Each || endpoints.is_empty() {
        for slot in &placement.slots {
            if !is_found(context, slot) {
                endpoints.extend(infer_slot(context, placement, slot));
            }
        }
    }
    endpoints
}

/// Gives a workload one unowned interface for each of its slots: the first one that could be its
/// own, is in one of the slot's subnets and has exactly its groups. Where interfaces do not name
/// their owner, this tells apart what can be told apart.
pub(crate) fn attach_alike(
    context: &mut Context<'_>,
    placement: &Placement<'_>,
    infer: Infer,
    could_be: impl Fn(&Unowned<'_>) -> bool,
) -> Vec<EndpointId> {
    let mut endpoints = Vec::new();
    let mut left = Vec::new();
    for slot in &placement.slots {
        let alike = context.unowned.iter().find(|(_, unowned)| {
            could_be(unowned)
                && placement.groups.fit(unowned)
                && subnet_of(unowned).is_some_and(|subnet| slot.contains(&subnet))
        });
        match alike.map(|(endpoint, _)| *endpoint) {
            Some(endpoint) => {
                claim(context, endpoint, placement);
                endpoints.push(endpoint);
            }
            None => left.push(slot),
        }
    }
    if infer == Infer::Each || endpoints.is_empty() {
        for slot in left {
            endpoints.extend(infer_slot(context, placement, slot));
        }
    }
    endpoints
}

/// Gives a workload the interface with an id; `None` when it is not in the input or is not free.
pub(crate) fn attach_interface(
    context: &mut Context<'_>,
    placement: &Placement<'_>,
    interface: &str,
) -> Option<EndpointId> {
    let endpoint = context.endpoints.get(interface)?;
    if !context.unowned.contains_key(&endpoint) {
        return None;
    }
    claim(context, endpoint, placement);
    Some(endpoint)
}

/// Adds an endpoint that the input does not hold, in one subnet.
///
/// A subnet that is not in the input gives no endpoint but a warning: what is in no subnet would be
/// a service that the whole internet can talk to.
pub(crate) fn infer_in(
    context: &mut Context<'_>,
    placement: &Placement<'_>,
    subnet_id: &str,
) -> Option<EndpointId> {
    let Some(subnet) = context.subnets.get(subnet_id) else {
        context.warn_missing(placement.node, "subnet", subnet_id);
        return None;
    };
    let name = format!("{}/{subnet_id}", placement.id);
    let layers = match &placement.groups {
        Groups::Known(groups) => vec![security_groups::layer(context, placement.node, groups)],
        Groups::Unread => vec![security_groups::unread_layer(context, &name)],
        Groups::Open => Vec::new(),
    };
    let endpoint = infer(context, placement, &name, Some(subnet), layers);
    let message = format!("the interface of `{}` in `{subnet_id}` is inferred", placement.id);
    context.fields.note(placement.node, codes::INFERRED, placement.id, message);
    Some(endpoint)
}

/// Adds an endpoint in no subnet: it lives in the provider's service plane.
pub(crate) fn serve(
    context: &mut Context<'_>,
    placement: &Placement<'_>,
    layers: Vec<LayerId>,
) -> EndpointId {
    let name = format!("{}/service", placement.id);
    infer(context, placement, &name, None, layers)
}

/// Whether an interface has exactly these groups.
pub(crate) fn has_groups(unowned: &Unowned<'_>, groups: &[&str]) -> bool {
    let listed = unowned.item.node.get("Groups").into_iter().flat_map(Node::items);
    let listed: BTreeSet<&str> =
        listed.filter_map(|group| group.get("GroupId").and_then(Node::as_str)).collect();
    listed == groups.iter().copied().collect()
}

/// Whether an interface's description begins so.
pub(crate) fn describes(unowned: &Unowned<'_>, start: &str) -> bool {
    let description = unowned.item.node.get("Description").and_then(Node::as_str);
    description.is_some_and(|description| description.starts_with(start))
}

/// The subnet of an interface.
pub(crate) fn subnet_of<'t>(unowned: &Unowned<'t>) -> Option<&'t str> {
    unowned.item.node.get("SubnetId").and_then(Node::as_str)
}

fn claim(context: &mut Context<'_>, endpoint: EndpointId, placement: &Placement<'_>) {
    context.estate.network.endpoints[endpoint].role = placement.role;
    context.own(endpoint, placement.workload);
}

fn infer_slot(
    context: &mut Context<'_>,
    placement: &Placement<'_>,
    slot: &[&str],
) -> Vec<EndpointId> {
    slot.iter().filter_map(|subnet| infer_in(context, placement, subnet)).collect()
}

fn infer(
    context: &mut Context<'_>,
    placement: &Placement<'_>,
    name: &str,
    subnet: Option<SubnetId>,
    layers: Vec<LayerId>,
) -> EndpointId {
    let name = context.name(name);
    let endpoint = context.estate.network.endpoints.push(Endpoint {
        name: name.clone(),
        workload: placement.workload,
        subnet,
        addresses: Vec::new(),
        delegated: Vec::new(),
        public: Vec::new(),
        layers,
        role: placement.role,
        inferred: true,
        origin: Some(placement.node.span()),
    });
    context.endpoints.insert(name, endpoint);
    context.own(endpoint, placement.workload);
    endpoint
}
