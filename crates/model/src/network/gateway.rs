use watertight_net::FlowSet;
use watertight_source::Span;

use super::{EndpointId, RealmId, SubnetId, TableId};
use crate::Name;

/// What leads from one place to another.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Gateway {
    /// The provider's id.
    pub name: Name,
    /// What it does.
    pub kind: GatewayKind,
    /// Whether it works: a gateway that is gone, failed or not yet there drops what is routed to it.
    pub available: bool,
    /// Where it was read from.
    pub origin: Option<Span>,
}

/// What a [`Gateway`] does with a packet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum GatewayKind {
    /// To and from the internet, translating IPv4 addresses 1:1. Admits from inside only what has
    /// a public address.
    Internet {
        /// The realm that it is attached to.
        realm: Option<RealmId>,
        /// The table that routes what enters the realm through it.
        edge: Option<TableId>,
    },
    /// To the internet for IPv6, opened from inside only.
    EgressOnly {
        /// The realm that it is attached to.
        realm: Option<RealmId>,
    },
    /// Rewrites the source to its own address and routes on from its own subnet.
    SourceNat {
        /// Its attachment, whose primary address becomes the source.
        endpoint: EndpointId,
        /// What it can carry.
        carries: FlowSet,
        /// Whether it admits what came over a transit gateway.
        admits_transit: bool,
        /// Whether it admits what came over a peering or a tunnel.
        admits_peers: bool,
    },
    /// Between two realms, not transitive: only to the other realm's own prefixes.
    Peering {
        /// Both sides; `None` for a realm that is not in the input.
        sides: [Option<RealmId>; 2],
        /// Whether rules may refer to guards' members across it.
        references: bool,
    },
    /// A router with attachments and tables of its own.
    Transit,
    /// To a provider's service, without leaving its network.
    Service {
        /// The endpoint, in no subnet, that stands for the service.
        endpoint: EndpointId,
    },
    /// To networks outside of the estate through a virtual private gateway.
    Tunnel {
        /// The realm that it is attached to.
        realm: Option<RealmId>,
        /// The table that routes what enters the realm through it.
        edge: Option<TableId>,
    },
    /// To everything around a realm of which the input tells nothing but that it is there: all
    /// addresses that are not the realm's own, the internet among them. What lies on the way there
    /// is not in the input, so nothing is refused and nothing translated at it.
    Surroundings {
        /// The realm that it surrounds.
        realm: RealmId,
    },
    /// A Box that returns what it passes to its own subnet, unchanged.
    Inspection {
        /// Its attachment.
        endpoint: EndpointId,
    },
    /// A Box that leads to the unknown. The text says what it is.
    Opaque(Name),
}

/// One attachment of a transit gateway.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Attachment {
    /// The provider's id.
    pub name: Name,
    /// The transit gateway.
    pub gateway: super::GatewayId,
    /// The table that routes what comes in by it; `None` when it has none (`no_route`).
    pub table: Option<TableId>,
    /// Whether the input tells its table: when not, the lookup is unknown.
    pub table_read: bool,
    /// What it is attached to.
    pub attached: Attached,
    /// Whether it works.
    pub available: bool,
    /// Whether guards behind it may refer to members of guards across the transit gateway.
    pub references: bool,
    /// Where it was read from.
    pub origin: Option<Span>,
}

/// What an [`Attachment`] is attached to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Attached {
    /// A realm, with one subnet for each zone that it serves, ordered by subnet id.
    Realm {
        /// The realm; `None` when it is not in the input.
        realm: Option<RealmId>,
        /// The subnets.
        subnets: Vec<SubnetId>,
        /// Whether both directions of a connection leave in the same zone.
        appliance: bool,
    },
    /// Another transit gateway, by the attachment at its side of the peering (`None` when that
    /// is not in the input).
    Peer(Option<super::AttachmentId>),
    /// Networks outside of the estate; the name is that of the tunnel's or link's own resource.
    Outside(Name),
    /// A Box. The text says what it is.
    Opaque(Name),
}
