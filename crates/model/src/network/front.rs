use std::net::IpAddr;

use watertight_net::{FlowSet, PortSet};
use watertight_source::Span;

use super::{EndpointId, FrontId, Network, TargetGroupId};
use crate::{Name, WorkloadId};

/// What leads listeners to targets: a load balancer, an API gateway, a service.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Front {
    /// The provider's id.
    pub name: Name,
    /// The workload that it is.
    pub workload: WorkloadId,
    /// Its attachments: what is addressed to one of them meets the listeners.
    pub endpoints: Vec<EndpointId>,
    /// What it listens on. What no listener matches is refused.
    pub listeners: Vec<Listener>,
    /// Whether an attachment leads to targets in other zones than its own, unless a target group
    /// says otherwise.
    pub cross_zone: bool,
    /// Whether the input tells its listeners: when not, what it accepts is unknown.
    pub listeners_read: bool,
    /// Where it was read from.
    pub origin: Option<Span>,
}

/// One listener of a [`Front`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listener {
    /// The provider's id.
    pub name: Name,
    /// What it listens on: its protocol and port, from every source port.
    pub flows: FlowSet,
    /// Where it leads, whatever a request's contents: clauses on contents are not evaluated.
    pub target_groups: Vec<TargetGroupId>,
    /// Conditions on a request's contents that lead to other groups, as text, for explanations.
    pub clauses: Vec<Name>,
    /// Where it was read from.
    pub origin: Option<Span>,
}

/// Targets that share a port and settings.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TargetGroup {
    /// The provider's id.
    pub name: Name,
    /// Whether targets see the client's address: then the front does not end the leg, and only
    /// the destination is rewritten.
    pub preserves_source: bool,
    /// Whether attachments lead to its targets in other zones than their own; `None` leaves it to
    /// the front.
    pub cross_zone: Option<bool>,
    /// Its registered targets, in the order of the source.
    pub targets: Vec<Target>,
    /// Whether the input tells its targets: when not, where it leads is unknown.
    pub targets_read: bool,
    /// Where it was read from.
    pub origin: Option<Span>,
}

/// One registered target.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Target {
    /// What is registered.
    pub end: TargetEnd,
    /// The port at which it is reached; `None` for targets that are called, not connected to.
    pub port: Option<u16>,
    /// The TCP port at which the front asks for its health; `None` where it asks nobody there, or the
    /// port is not known.
    pub health_port: Option<u16>,
    /// What the last health check said.
    pub health: Health,
}

impl Target {
    /// What a front sends there for what a listener hears: the same protocols at the target's port. Another front
    /// whose port is not told is sent what is heard; what is called gets anything.
    pub fn sent(&self, heard: &FlowSet) -> FlowSet {
        match (self.port, &self.end) {
            (Some(port), _) => heard
                .protocols()
                .filter(|protocol| protocol.has_ports())
                .map(|protocol| FlowSet::ports(protocol, PortSet::full(), PortSet::single(port)))
                .fold(FlowSet::none(), |all, one| all.union(&one)),
            (None, TargetEnd::Front(_)) => heard.any_source(),
            (None, _) => FlowSet::all(),
        }
    }
}

/// What a [`Target`] is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TargetEnd {
    /// An endpoint at one of its addresses.
    Endpoint(EndpointId, IpAddr),
    /// An address that no endpoint of the estate has.
    Address(IpAddr),
    /// Another front.
    Front(FrontId),
    /// A workload that is called through the provider's plane (a function).
    Workload(WorkloadId),
    /// Something that is not in the input. The text names it.
    Unread(Name),
}

impl TargetEnd {
    /// The workload that it is; nothing of what is not in the input.
    pub fn workload(&self, network: &Network) -> Option<WorkloadId> {
        match self {
            Self::Endpoint(endpoint, _) => Some(network.endpoints.get(*endpoint)?.workload),
            Self::Front(front) => Some(network.fronts.get(*front)?.workload),
            Self::Workload(workload) => Some(*workload),
            Self::Address(_) | Self::Unread(_) => None,
        }
    }
}

/// What a health check said of a [`Target`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Health {
    /// Healthy: it gets connections.
    Healthy,
    /// Unhealthy: it gets connections only when no target is healthy.
    Unhealthy,
    /// The input does not tell.
    Unknown,
}
