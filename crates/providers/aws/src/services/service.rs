//! What the conversions of services share: workloads with their labels, tags and open doors.

use std::collections::BTreeMap;
use std::sync::Arc;

use watertight_model::network::{Action, Combine, Guard, LayerId, Peer, Rule, Stage, StageDefault};
use watertight_model::{WorkloadId, WorkloadKind};
use watertight_net::{FlowSet, PortSet};
use watertight_source::Node;

use crate::context::{Context, NewWorkload};
use crate::index::Item;
use crate::scope::arn_scope;
use crate::shapes::Kind;

/// A service to add as a workload, see [`add`].
#[derive(Debug)]
pub(crate) struct Service<'n> {
    /// The workload's id.
    pub(crate) id: &'n str,
    /// The name that a person would use.
    pub(crate) name: &'n str,
    /// What it is.
    pub(crate) kind: WorkloadKind,
    /// The VPC, where it is in one.
    pub(crate) vpc: Option<&'n str>,
    /// Tags.
    pub(crate) tags: Vec<(&'n str, &'n str)>,
    /// The group of which it is a replica.
    pub(crate) owner: Option<&'n str>,
    /// Whether it stores data that a reader may want.
    pub(crate) stores_data: bool,
}

/// Adds a service as a workload, with account and region by its id or where it lies.
pub(crate) fn add(context: &mut Context<'_>, item: &Item<'_>, service: Service<'_>) -> WorkloadId {
    let (account, region) = arn_scope(service.id);
    let account = account.or_else(|| context.account_of(item));
    let region = region.or_else(|| context.region_of(item));
    context.add_workload(&NewWorkload {
        id: service.id,
        name: service.name,
        kind: service.kind,
        account,
        region,
        vpc: service.vpc,
        tags: service.tags,
        owner: service.owner,
        stores_data: service.stores_data,
        origin: Some(item.node.span()),
    })
}

/// Labels a workload with a fact of the provider.
pub(crate) fn label(context: &mut Context<'_>, workload: WorkloadId, key: &str, value: &str) {
    let (key, value) = (context.name(key), context.name(value));
    context.estate.workloads[workload].labels.insert(key, value);
}

/// Labels a workload with the port at which its service listens. It is no guard: packets to other
/// ports arrive, and nobody listens there.
pub(crate) fn label_port(context: &mut Context<'_>, workload: WorkloadId, port: Option<u16>) {
    if let Some(port) = port.filter(|port| *port != 0) {
        label(context, workload, "aws.port", &port.to_string());
    }
}

/// Labels a workload that has public addresses, whether or not the input tells them.
pub(crate) fn label_public(context: &mut Context<'_>, workload: WorkloadId, public: Option<bool>) {
    if let Some(public) = public {
        let value = if public { "true" } else { "false" };
        label(context, workload, "aws.publicly-accessible", value);
    }
}

/// Tags as an object (`{"env": "prod"}`), as some services write them.
pub(crate) fn tag_map<'t>(
    context: &mut Context<'_>,
    node: Node<'t>,
    key: &str,
) -> Vec<(&'t str, &'t str)> {
    let Some(tags) = context.fields.object(node, key) else { return Vec::new() };
    tags.entries().filter_map(|tag| Some((tag.key, tag.value.as_str()?))).collect()
}

/// Tags as a list with lower-case keys (`[{"key": "env", "value": "prod"}]`).
pub(crate) fn small_tags<'t>(
    context: &mut Context<'_>,
    node: Node<'t>,
    key: &str,
) -> Vec<(&'t str, &'t str)> {
    let tags = context.fields.objects(node, key);
    let mut read = Vec::with_capacity(tags.len());
    for tag in tags {
        if let Some(name) = context.fields.text(tag, "key") {
            read.push((name, context.fields.text(tag, "value").unwrap_or_default()));
        }
    }
    read
}

/// The ids at `inner` of the objects at `key`; `None` when there is no such list.
pub(crate) fn ids<'t>(
    context: &mut Context<'_>,
    node: Node<'t>,
    key: &str,
    inner: &str,
) -> Option<Vec<&'t str>> {
    node.get(key).filter(|list| !list.is_null())?;
    let mut ids = Vec::new();
    for entry in context.fields.objects(node, key) {
        ids.extend(context.fields.text(entry, inner));
    }
    Some(ids)
}

/// The strings of a list; `None` when there is no such list.
pub(crate) fn texts<'t>(
    context: &mut Context<'_>,
    node: Node<'t>,
    key: &str,
) -> Option<Vec<&'t str>> {
    node.get(key).filter(|list| !list.is_null())?;
    Some(context.fields.texts(node, key))
}

/// One slot for each subnet.
pub(crate) fn slots<'n>(subnets: &[&'n str]) -> Vec<Vec<&'n str>> {
    subnets.iter().map(|subnet| vec![*subnet]).collect()
}

/// One slot for each of the zones, with the subnets that are in it. A zone without a subnet that is
/// known gives none; without zones, every subnet is a slot.
pub(crate) fn slots_in<'n>(
    context: &Context<'_>,
    subnets: &[&'n str],
    zones: &[&str],
) -> Vec<Vec<&'n str>> {
    let mut by_zone: BTreeMap<&str, Vec<&'n str>> = BTreeMap::new();
    for subnet in subnets {
        if let Some(id) = context.subnets.get(subnet) {
            let zone = context.estate.network.subnets[id].zone.as_str();
            by_zone.entry(zone).or_default().push(*subnet);
        }
    }
    let slots: Vec<Vec<&str>> =
        zones.iter().filter_map(|zone| by_zone.get(zone).cloned()).collect();
    if slots.is_empty() { self::slots(subnets) } else { slots }
}

/// Whether two resources lie in one account and region, as far as the input tells: names of many
/// services are unique only there.
pub(crate) fn same_place(one: &Item<'_>, other: &Item<'_>) -> bool {
    let place = |item: &Item<'_>| {
        let (account, region) = arn_scope(item.id);
        let account = account.or(item.scope.account.as_deref()).map(str::to_owned);
        (account, region.or(item.scope.region.as_deref()).map(str::to_owned))
    };
    let (one, other) = (place(one), place(other));
    let agree = |left: Option<String>, right: Option<String>| match (left, right) {
        (Some(left), Some(right)) => left == right,
        _ => true,
    };
    agree(one.0, other.0) && agree(one.1, other.1)
}

/// Whether the input holds an answer of a call for the account and region of a resource.
pub(crate) fn was_asked(context: &Context<'_>, kind: Kind, item: &Item<'_>) -> bool {
    let agree = |marked: Option<&str>, own: Option<&str>| match (marked, own) {
        (Some(marked), Some(own)) => marked == own,
        _ => true,
    };
    let own = (item.scope.account.as_deref(), item.scope.region.as_deref());
    let is_denied = context.index.denials.of_list(kind, own.0, own.1);
    context.index.marks().any(|(marked, account, region)| {
        // Where the call was denied, only an answer that is from there for sure counts.
        let is_there = if is_denied {
            account.is_some() && (account, region) == own
        } else {
            agree(account, own.0) && agree(region, own.1)
        };
        marked == kind && is_there
    })
}

/// Whom a service's door lets in.
#[derive(Debug)]
pub(crate) enum Door<'n> {
    /// Everybody: who may do what is for its permissions to say.
    Everybody,
    /// These addresses.
    Prefixes(Vec<watertight_net::Prefix>),
    /// Somebody, which the text describes; who that is cannot be told from addresses.
    Somebody(&'n str),
}

/// The layer of what answers and opens nothing: the network interface of an endpoint.
pub(crate) fn opens_nothing(context: &mut Context<'_>) -> LayerId {
    const NAME: &str = "an endpoint opens nothing";
    if let Some(guard) = context.guards.get(NAME) {
        return context.layer(vec![guard]);
    }
    let stage = |default| Stage { combine: Combine::Union, rules: Vec::new().into(), default };
    let (id, kind) = (context.name(NAME), context.name("service endpoint"));
    let guard = context.estate.network.guards.push(Guard {
        name: id.clone(),
        title: id.clone(),
        kind,
        stateful: true,
        ingress: vec![stage(StageDefault::Accept)],
        egress: vec![stage(StageDefault::Deny)],
        origin: None,
    });
    context.guards.insert(id, guard);
    context.layer(vec![guard])
}

/// The layer of a service that answers in the provider's own plane, at these TCP ports only. Places
/// with the same door share it.
pub(crate) fn door(
    context: &mut Context<'_>,
    name: &str,
    ports: &[u16],
    door: &Door<'_>,
) -> LayerId {
    if let Some(guard) = context.guards.get(name) {
        return context.layer(vec![guard]);
    }
    let flows = ports
        .iter()
        .fold(FlowSet::none(), |flows, port| flows.union(&FlowSet::tcp(PortSet::single(*port))));
    let flows = Arc::new(flows);
    let peers = match door {
        Door::Everybody => vec![Peer::Any],
        Door::Prefixes(prefixes) => prefixes.iter().copied().map(Peer::Prefix).collect(),
        Door::Somebody(text) => vec![Peer::Unread(context.name(text))],
    };
    let mut rules = Vec::with_capacity(peers.len());
    for (number, peer) in peers.into_iter().enumerate() {
        let name = context.name(&format!("ingress {number}"));
        let flows = Arc::clone(&flows);
        rules.push(Rule { name, peer, flows, action: Action::Accept, origin: None });
    }
    let ingress =
        Stage { combine: Combine::Union, rules: rules.into(), default: StageDefault::Deny };
    let egress =
        Stage { combine: Combine::Union, rules: Vec::new().into(), default: StageDefault::Accept };
    let id = context.name(name);
    let guard = Guard {
        name: id.clone(),
        title: id.clone(),
        kind: context.name("service endpoint"),
        stateful: true,
        ingress: vec![ingress],
        egress: vec![egress],
        origin: None,
    };
    let guard = context.estate.network.guards.push(guard);
    context.guards.insert(id, guard);
    context.layer(vec![guard])
}
