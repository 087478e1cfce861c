use watertight_model::Name;
use watertight_source::Span;

use crate::words::words;

use super::{AddressItem, Over, Peer, Spanned};

words! {
    /// An essential that can be narrowed: a plane can filter it.
    Narrowable {
        /// What fronts send to check the health of their targets.
        HealthChecks = "health checks",
        /// What the pods of a cluster ask its own resolver.
        ClusterResolver = "cluster resolver",
        /// What nodes and control planes ask one another.
        ControlPlane = "control plane",
    }
}

/// `kind: Essentials`: what no policy closes, beside what every platform needs.
#[derive(Clone, Debug)]
pub struct Essentials {
    /// Connections for management that stay, in quarantine too.
    pub failsafe: Vec<Failsafe>,
    /// Where control planes are that no estate tells of.
    pub control_planes: Vec<ControlPlane>,
    /// Between whom essentials are needed that would be let through between more.
    pub narrowed: Vec<Narrowed>,
}

/// Between whom an essential is needed. Of several for one essential each holds.
#[derive(Clone, Debug)]
pub struct Narrowed {
    /// Where it stands.
    pub span: Span,
    /// Which essential.
    pub essential: Spanned<Narrowable>,
    /// The workloads that open its legs; none for whoever does.
    pub from: Vec<Peer>,
    /// The workloads that accept them; none for whoever does.
    pub to: Vec<Peer>,
}

/// Connections that stay whatever a policy says.
#[derive(Clone, Debug)]
pub struct Failsafe {
    /// Where it stands.
    pub span: Span,
    /// A name for people.
    pub name: Option<Spanned<Name>>,
    /// Who opens them; never empty.
    pub from: Vec<Peer>,
    /// Who accepts them; never empty.
    pub to: Vec<Peer>,
    /// What is sent.
    pub over: Over,
}

/// Where the control plane of a cluster is.
#[derive(Clone, Debug)]
pub struct ControlPlane {
    /// Where it stands.
    pub span: Span,
    /// The name of the cluster.
    pub cluster: Spanned<Name>,
    /// The account of the cluster that is meant, where several have the name.
    pub account: Option<Spanned<Name>>,
    /// Its region, likewise.
    pub region: Option<Spanned<Name>>,
    /// Its addresses; never empty.
    pub addresses: Vec<Spanned<AddressItem>>,
    /// The network that they are in.
    pub network: Option<Spanned<Name>>,
}
