use watertight_model::Name;
use watertight_source::Span;

use super::{AddressItem, Over, Peer, Spanned};

/// `kind: Essentials`: what no policy closes, beside what every platform needs.
#[derive(Clone, Debug)]
pub struct Essentials {
    /// Connections for management that stay, in quarantine too.
    pub failsafe: Vec<Failsafe>,
    /// Where control planes are that no estate tells of.
    pub control_planes: Vec<ControlPlane>,
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
