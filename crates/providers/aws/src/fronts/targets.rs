//! Target groups: what is registered, at which port, how healthy, and what the target sees.

use std::collections::BTreeMap;
use std::net::IpAddr;

use watertight_model::Name;
use watertight_model::network::{
    EndpointId, FrontId, Health, RealmId, Target, TargetEnd, TargetGroup, TargetGroupId,
};
use watertight_net::Family;
use watertight_source::Node;

use super::{about, attribute};
use crate::context::Context;
use crate::index::Item;
use crate::shapes::Kind;

/// Makes target groups, each once.
#[derive(Debug)]
pub(super) struct Targets<'t> {
    made: BTreeMap<(&'t str, bool), TargetGroupId>,
    fronts: BTreeMap<Name, FrontId>,
    addresses: BTreeMap<IpAddr, Vec<(RealmId, EndpointId)>>,
}

impl<'t> Targets<'t> {
    /// Nothing made yet.
    pub(super) fn new(context: &Context<'t>, fronts: BTreeMap<Name, FrontId>) -> Self {
        let mut addresses: BTreeMap<IpAddr, Vec<(RealmId, EndpointId)>> = BTreeMap::new();
        let network = &context.estate.network;
        for (id, endpoint) in network.endpoints.iter() {
            let Some(subnet) = endpoint.subnet else { continue };
            let realm = network.subnets[subnet].realm;
            for address in &endpoint.addresses {
                addresses.entry(*address).or_default().push((realm, id));
            }
        }
        Self { made: BTreeMap::new(), fronts, addresses }
    }

    /// The target group with an ARN, for listeners that end the leg or do not.
    pub(super) fn group(
        &mut self,
        context: &mut Context<'t>,
        place: Node<'t>,
        arn: &'t str,
        ends_leg: bool,
    ) -> TargetGroupId {
        if let Some(group) = self.made.get(&(arn, ends_leg)) {
            return *group;
        }
        let item = context.index.find(Kind::TargetGroups, arn).copied();
        if item.is_none() {
            context.warn_missing(place, "target group", arn);
        }
        let preserves_source = !ends_leg && preserves_source(context, item.as_ref(), arn);
        let health = about(context, Kind::TargetHealth, arn).copied();
        let mut targets = Vec::new();
        if let Some(health) = health {
            for description in context.fields.objects(health.node, "TargetHealthDescriptions") {
                targets.extend(self.target(context, item.as_ref(), description));
            }
        }
        let name = context.name(arn);
        let key = "load_balancing.cross_zone.enabled";
        let cross_zone = match attribute(context, Kind::TargetGroupAttributes, arn, key) {
            Some("true") => Some(true),
            Some("false") => Some(false),
            // `use_load_balancer_configuration`, which is the default.
            _ => None,
        };
        let group = context.estate.network.target_groups.push(TargetGroup {
            name,
            preserves_source,
            cross_zone,
            targets,
            targets_read: health.is_some_and(|item| !is_cut(item.node)),
            origin: item.map(|item| item.node.span()),
        });
        self.made.insert((arn, ends_leg), group);
        group
    }

    fn target(
        &self,
        context: &mut Context<'_>,
        group: Option<&Item<'_>>,
        description: Node<'_>,
    ) -> Option<Target> {
        let target = context.fields.object(description, "Target")?;
        let id = context.fields.required_text(target, "Id")?;
        let state = context.fields.object(description, "TargetHealth");
        let state = state.and_then(|state| context.fields.text(state, "State"));
        // Nothing is sent to these, also when no target is healthy (Elastic Load Balancing, "Target
        // health status"): zone not enabled, stopped, in no rule, or deregistered.
        if matches!(state, Some("unused" | "draining")) {
            return None;
        }
        let end = self.end(context, group, target, id);
        let is_called = id.starts_with("arn:") && id.contains(":function:");
        // A target is reached at its own port; the group's is only the one that it got by default.
        let port = context.fields.port(target, "Port");
        let port = port.or_else(|| group.and_then(|item| context.fields.port(item.node, "Port")));
        let port = port.filter(|_| !is_called);
        let asked = context.fields.text(description, "HealthCheckPort");
        let asked = asked.or_else(|| context.fields.text(group?.node, "HealthCheckPort"));
        let health_port = health_port(asked, port).filter(|_| !is_called);
        Some(Target { end, port, health_port, health: health(state) })
    }

    fn end(
        &self,
        context: &mut Context<'_>,
        group: Option<&Item<'_>>,
        target: Node<'_>,
        id: &str,
    ) -> TargetEnd {
        let families = group.and_then(|item| context.fields.text(item.node, "IpAddressType"));
        let family = if families == Some("ipv6") { Family::V6 } else { Family::V4 };
        if let Ok(address) = id.parse::<IpAddr>() {
            let vpc = group.and_then(|item| context.fields.text(item.node, "VpcId"));
            return self.holder(context, vpc, address);
        }
        if id.starts_with("arn:") {
            let name = context.name(id);
            if let Some(front) = self.fronts.get(&name) {
                return TargetEnd::Front(*front);
            }
            let function = without_qualifier(id);
            if let Some(workload) = context.workloads.get(function) {
                return TargetEnd::Workload(workload);
            }
            context.warn_missing(target, "target", id);
            return TargetEnd::Unread(name);
        }
        instance_end(context, target, id, family)
    }

    /// Who has an address: in the group's VPC, else (for peers) wherever exactly one has it.
    pub(super) fn holder(
        &self,
        context: &Context<'_>,
        vpc: Option<&str>,
        address: IpAddr,
    ) -> TargetEnd {
        let realm = vpc.and_then(|vpc| context.realms.get(vpc));
        let holders = self.addresses.get(&address).map(Vec::as_slice).unwrap_or_default();
        let own = holders.iter().find(|(holder, _)| Some(*holder) == realm);
        match (own, holders) {
            (Some((_, endpoint)), _) | (None, [(_, endpoint)]) => {
                TargetEnd::Endpoint(*endpoint, address)
            }
            _ => TargetEnd::Address(address),
        }
    }
}

/// The port at which a target's health is asked for: a number, or `traffic-port`, which is what is taken
/// where nothing is told (Elastic Load Balancing, "Health check settings").
fn health_port(told: Option<&str>, own: Option<u16>) -> Option<u16> {
    match told {
        None | Some("traffic-port") => own,
        Some(number) => number.parse().ok(),
    }
}

/// An instance as a target: its primary attachment at its primary address.
pub(super) fn instance_end(
    context: &mut Context<'_>,
    place: Node<'_>,
    id: &str,
    family: Family,
) -> TargetEnd {
    let endpoint = context
        .workloads
        .get(id)
        .and_then(|workload| context.estate.workloads[workload].endpoints.first().copied());
    let found = endpoint.and_then(|endpoint| {
        let address = context.estate.network.endpoints[endpoint].address(family)?;
        Some(TargetEnd::Endpoint(endpoint, address))
    });
    found.unwrap_or_else(|| {
        context.warn_missing(place, "target", id);
        TargetEnd::Unread(context.name(id))
    })
}

/// Whether targets see the client's address.
///
/// Source: user guide for network load balancers, "Client IP preservation": off by default for
/// groups of IP addresses with TCP or TLS, else on; always on for UDP and QUIC. Load balancers with
/// HTTP groups never do.
fn preserves_source(context: &mut Context<'_>, group: Option<&Item<'_>>, arn: &str) -> bool {
    let Some(group) = group else { return false };
    let protocol = context.fields.text(group.node, "Protocol").unwrap_or_default();
    let by_address = context.fields.text(group.node, "TargetType") == Some("ip");
    let default = match protocol {
        "UDP" | "TCP_UDP" | "QUIC" | "TCP_QUIC" => return true,
        "TCP" | "TLS" => !by_address,
        _ => return false,
    };
    let key = "preserve_client_ip.enabled";
    let value = attribute(context, Kind::TargetGroupAttributes, arn, key);
    value.map_or(default, |value| value == "true")
}

/// What a target's state means for new connections.
fn health(state: Option<&str>) -> Health {
    match state {
        Some("healthy") => Health::Healthy,
        Some("unhealthy" | "unhealthy.draining" | "initial") => Health::Unhealthy,
        // `unavailable`: health checks are off.
        _ => Health::Unknown,
    }
}

/// A function's ARN without the version or alias behind it.
pub(crate) fn without_qualifier(arn: &str) -> &str {
    let name_ends = arn.match_indices(':').nth(6).map(|(position, _)| position);
    name_ends.and_then(|end| arn.get(..end)).unwrap_or(arn)
}

/// Whether an answer says that more follow.
fn is_cut(answer: Node<'_>) -> bool {
    answer.get("NextToken").and_then(Node::as_str).is_some_and(|token| !token.is_empty())
}
