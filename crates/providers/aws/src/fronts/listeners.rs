//! Listeners and their rules.

use std::collections::BTreeMap;

use watertight_model::network::{FrontId, Listener, TargetGroupId};
use watertight_model::{Name, Truth};
use watertight_net::{FlowSet, PortSet};
use watertight_source::Node;

use super::targets::Targets;
use crate::context::Context;
use crate::index::Item;
use crate::services::service::was_asked;
use crate::shapes::Kind;

/// Listeners by load balancer, rules by listener.
#[derive(Debug)]
pub(super) struct Listeners<'t> {
    listeners: BTreeMap<&'t str, Vec<Item<'t>>>,
    rules: BTreeMap<String, Vec<Item<'t>>>,
}

impl<'t> Listeners<'t> {
    /// Sorts what the input holds.
    pub(super) fn new(context: &mut Context<'t>) -> Self {
        let index = context.index;
        let mut listeners: BTreeMap<&str, Vec<Item<'_>>> = BTreeMap::new();
        for item in index.of(Kind::Listeners) {
            if let Some(balancer) = context.fields.required_text(item.node, "LoadBalancerArn") {
                listeners.entry(balancer).or_default().push(*item);
            }
        }
        let mut rules: BTreeMap<String, Vec<Item<'_>>> = BTreeMap::new();
        for item in index.of(Kind::ListenerRules) {
            if let Some(listener) = listener_of(item.id) {
                rules.entry(listener).or_default().push(*item);
            }
        }
        for rules in rules.values_mut() {
            rules.sort_by_cached_key(|rule| (priority(rule.node), rule.id));
        }
        Self { listeners, rules }
    }

    /// Adds the listeners of a load balancer to its front.
    pub(super) fn add_to(
        &self,
        context: &mut Context<'t>,
        targets: &mut Targets<'t>,
        balancer: &Item<'t>,
        front: FrontId,
        is_application: bool,
    ) {
        let own = self.listeners.get(balancer.id).map(Vec::as_slice).unwrap_or_default();
        let serves = serves(context, balancer);
        let mut listeners = Vec::with_capacity(own.len());
        let mut is_read = !own.is_empty() || was_asked(context, Kind::Listeners, balancer);
        for item in own.iter().filter(|_| serves == Truth::Yes) {
            let listener = self.listener(context, targets, item, is_application);
            // One that cannot be read may hear anything.
            is_read &= listener.is_some();
            listeners.extend(listener);
        }
        let is_read = serves == Truth::No || (serves == Truth::Yes && is_read);
        let front = &mut context.estate.network.fronts[front];
        front.listeners = listeners;
        front.listeners_read = is_read;
    }

    fn listener(
        &self,
        context: &mut Context<'t>,
        targets: &mut Targets<'t>,
        item: &Item<'t>,
        is_application: bool,
    ) -> Option<Listener> {
        let protocol = context.fields.required_text(item.node, "Protocol")?;
        let port = context.fields.port(item.node, "Port")?;
        let Some(flows) = flows(protocol, port) else {
            context.fields.unknown_value(item.node, "Protocol", item.id);
            return None;
        };
        let mut found = Vec::new();
        for action in context.fields.objects(item.node, "DefaultActions") {
            forwards(context, action, &mut found);
        }
        let mut clauses = Vec::new();
        for rule in self.rules.get(item.id).into_iter().flatten() {
            clauses.extend(clause(context, rule, &mut found));
        }
        let mut target_groups: Vec<TargetGroupId> = Vec::new();
        for arn in found {
            let group = targets.group(context, item.node, arn, is_application);
            if !target_groups.contains(&group) {
                target_groups.push(group);
            }
        }
        let origin = Some(item.node.span());
        Some(Listener { name: context.name(item.id), flows, target_groups, clauses, origin })
    }
}

/// Whether a load balancer serves by its state (Elastic Load Balancing API reference,
/// "`LoadBalancerState`").
pub(super) fn serves(context: &mut Context<'_>, balancer: &Item<'_>) -> Truth {
    let states: (&[&str], &[&str]) = (&["active", "active_impaired"], &["provisioning", "failed"]);
    match context.fields.object(balancer.node, "State") {
        Some(state) => context.fields.works(state, "Code", balancer.id, states),
        None => Truth::Yes,
    }
}

/// What a listener of a protocol hears; `None` for a protocol that is not known.
pub(super) fn flows(protocol: &str, port: u16) -> Option<FlowSet> {
    let port = PortSet::single(port);
    match protocol {
        "HTTP" | "HTTPS" | "TCP" | "TLS" | "SSL" => Some(FlowSet::tcp(port)),
        "UDP" | "QUIC" => Some(FlowSet::udp(port)),
        "TCP_UDP" | "TCP_QUIC" => Some(FlowSet::tcp(port.clone()).union(&FlowSet::udp(port))),
        _ => None,
    }
}

/// The target groups to which an action forwards; other actions answer by themselves. A group of
/// weight 0 gets nothing.
fn forwards<'t>(context: &mut Context<'_>, action: Node<'t>, found: &mut Vec<&'t str>) {
    if context.fields.text(action, "Type").is_some_and(|kind| kind != "forward") {
        return;
    }
    let groups = match context.fields.object(action, "ForwardConfig") {
        Some(config) => context.fields.objects(config, "TargetGroups"),
        None => Vec::new(),
    };
    if groups.is_empty() {
        found.extend(context.fields.text(action, "TargetGroupArn"));
    }
    for group in groups {
        if context.fields.integer(group, "Weight") != Some(0) {
            found.extend(context.fields.text(group, "TargetGroupArn"));
        }
    }
}

/// What a rule asks for, as text; its groups are added to those of its listener.
fn clause<'t>(
    context: &mut Context<'_>,
    rule: &Item<'t>,
    found: &mut Vec<&'t str>,
) -> Option<Name> {
    for action in context.fields.objects(rule.node, "Actions") {
        forwards(context, action, found);
    }
    if context.fields.flag(rule.node, "IsDefault") == Some(true) {
        return None;
    }
    let mut parts = Vec::new();
    for condition in context.fields.objects(rule.node, "Conditions") {
        let field = context.fields.text(condition, "Field").unwrap_or_default();
        parts.push(format!("{field} {}", values(condition).join(" or ")));
    }
    let number = context.fields.text(rule.node, "Priority").unwrap_or_default();
    Some(context.name(&format!("{number}: {}", parts.join(" and "))))
}

/// The values of a condition, whichever of its forms holds them.
fn values(condition: Node<'_>) -> Vec<String> {
    let direct = condition.get("Values").filter(|values| !values.is_empty());
    let inner = condition
        .entries()
        .filter(|entry| entry.key.ends_with("Config"))
        .find_map(|entry| entry.value.get("Values"));
    let Some(values) = direct.or(inner) else { return Vec::new() };
    let text = |value: Node<'_>| {
        let part = |key| value.get(key).and_then(Node::as_str).unwrap_or_default();
        let pair = || format!("{}={}", part("Key"), part("Value"));
        value.as_str().map_or_else(pair, str::to_owned)
    };
    values.items().map(text).collect()
}

/// The listener of a rule, by the rule's ARN, which holds the listener's.
fn listener_of(rule: &str) -> Option<String> {
    let (listener, _) = rule.rsplit_once('/')?;
    let (head, tail) = listener.split_once(":listener-rule/")?;
    Some(format!("{head}:listener/{tail}"))
}

/// The number of a rule; the default rule comes last.
fn priority(rule: Node<'_>) -> u32 {
    let text = rule.get("Priority").and_then(Node::as_str);
    text.and_then(|text| text.parse().ok()).unwrap_or(u32::MAX)
}
