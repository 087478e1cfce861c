//! The ways that packets can take, before any guard is asked.

use std::net::IpAddr;

use watertight_model::network::{
    AttachmentId, Direction, EndpointId, FrontId, GatewayId, LayerId, RealmId, SubnetId, TableId,
};
use watertight_model::{Disposition, Name};
use watertight_net::{Family, FlowSet};

/// Where a packet starts.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Start {
    /// At an endpoint, from one of its addresses.
    Endpoint {
        /// The endpoint that sends.
        endpoint: EndpointId,
        /// The address that it sends from.
        address: IpAddr,
    },
    /// In a subnet, from an address that nobody has.
    Subnet {
        /// The subnet.
        subnet: SubnetId,
        /// The address.
        address: IpAddr,
    },
    /// At a realm's router, from no address that a rule could name.
    Realm(RealmId),
    /// On the internet.
    Internet {
        /// The address that it comes from.
        address: IpAddr,
    },
    /// Outside of the estate, behind a gateway or an attachment.
    Outside {
        /// Which one.
        by: OutsideBy,
        /// The address that it comes from.
        address: IpAddr,
    },
    /// At an endpoint whose address the input does not tell: [`Reach::answer`](crate::Reach::answer)
    /// tries every address that it could have.
    Unaddressed {
        /// The endpoint that sends.
        endpoint: EndpointId,
        /// The family of the address that it sends from.
        family: Family,
    },
}

impl Start {
    /// Whether it is at this endpoint.
    pub(crate) fn is_at(&self, id: EndpointId) -> bool {
        match self {
            Self::Endpoint { endpoint, .. } | Self::Unaddressed { endpoint, .. } => *endpoint == id,
            Self::Subnet { .. } | Self::Realm(_) | Self::Internet { .. } | Self::Outside { .. } => {
                false
            }
        }
    }

    /// The address that the packet comes from, where it has one.
    pub fn source(&self) -> Option<IpAddr> {
        match self {
            Self::Endpoint { address, .. }
            | Self::Subnet { address, .. }
            | Self::Internet { address }
            | Self::Outside { address, .. } => Some(*address),
            Self::Realm(_) | Self::Unaddressed { .. } => None,
        }
    }
}

/// By what an outside network is reached.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum OutsideBy {
    /// A gateway of a realm.
    Gateway(GatewayId),
    /// An attachment of a transit gateway.
    Attachment(AttachmentId),
}

/// A place in the network, for paths and explanations.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Place {
    /// An endpoint.
    Endpoint(EndpointId),
    /// A subnet's edge.
    Subnet(SubnetId),
    /// A realm's router.
    Realm(RealmId),
    /// A gateway.
    Gateway(GatewayId),
    /// A transit gateway, seen from one of its attachments.
    Attachment(AttachmentId),
    /// The internet.
    Internet,
}

/// One step of a path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Step {
    /// Passes through a place.
    At(Place),
    /// A route decides.
    Route {
        /// In which table.
        table: TableId,
        /// How the provider writes it.
        text: Name,
    },
    /// Guards decide.
    Guards(Check),
    /// The source is rewritten.
    Source {
        /// Where.
        at: Place,
        /// From.
        from: IpAddr,
        /// To.
        to: IpAddr,
    },
    /// The destination is rewritten.
    Destination {
        /// Where.
        at: Place,
        /// From.
        from: IpAddr,
        /// To.
        to: IpAddr,
    },
    /// Only these flows go this way; what else there is takes another path.
    Select(FlowSet),
    /// Only these flows are carried; a gateway refuses the rest.
    Carry {
        /// Where.
        at: Place,
        /// What it carries.
        flows: FlowSet,
    },
    /// The destination port is rewritten.
    Port(u16),
    /// The source port is rewritten (replies only).
    SourcePort(u16),
    /// A switch that lets a packet pass as it is, or refuses it: what follows happens only if it lets it pass.
    Switch {
        /// Where.
        at: Place,
        /// What it is.
        text: Name,
    },
    /// A Box: what follows happens only if it passes packets unchanged.
    Box {
        /// Where.
        at: Place,
        /// What it is.
        text: Name,
    },
}

/// Guards that a packet meets, and what they see of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Check {
    /// Where.
    pub place: Place,
    /// In which direction, seen from there.
    pub direction: Direction,
    /// The layers, all of which must accept.
    pub layers: Vec<LayerId>,
    /// What rules match as the peer.
    pub seen: Seen,
}

/// What a guard sees of a packet's peer: its source at ingress, its destination at egress.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Seen {
    /// The address; none where the packet has none that a rule could name.
    pub address: Option<IpAddr>,
    /// Whether the address is of IPv6: decides which catch-all rules match a missing address.
    pub ipv6: bool,
    /// The endpoint that has the address and to which references hold on this way.
    pub member: Option<EndpointId>,
    /// The front through which the packet came without ending its leg.
    pub front: Option<FrontId>,
}

/// How a path ends.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum End {
    /// An endpoint accepts, if the guards on the way do.
    Delivered(EndpointId),
    /// A service of the platform accepts: no guard looks.
    Platform(Name),
    /// Back where a translation's session began (replies only) or where an address that nobody
    /// has is expected.
    Stopped {
        /// What happens.
        disposition: Disposition,
        /// Where.
        at: Place,
        /// Why.
        why: Name,
    },
    /// Handed to the internet.
    Internet,
    /// Handed to an outside network.
    Outside(OutsideBy),
    /// Something that decides is missing or cannot be read.
    Unknown {
        /// Where.
        at: Place,
        /// What is missing.
        why: Name,
    },
}

/// A session that a translating gateway keeps for a connection, for its replies.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) enum Session {
    /// A gateway with an attachment rewrote the source.
    Translated {
        /// The gateway's attachment.
        endpoint: EndpointId,
        /// The source before.
        original: IpAddr,
    },
    /// A front passed it to a target without ending the leg.
    Front {
        /// The front's attachment.
        endpoint: EndpointId,
        /// The front's address that was addressed.
        address: IpAddr,
        /// The listener's port.
        port: Option<u16>,
    },
    /// A front led it to a target where it was sent.
    AtSender {
        /// Who sent it.
        sender: EndpointId,
        /// The front's address that was addressed.
        address: IpAddr,
        /// The listener's port.
        port: Option<u16>,
    },
    /// An egress-only gateway of this realm let it out.
    EgressOnly(RealmId),
}

/// One way through the network: what happens to a packet with given addresses, before guards are
/// asked. Guards only take flows away.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Path {
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// The end.
    pub end: End,
    /// The source address at the end.
    pub source: Option<IpAddr>,
    /// The destination address at the end.
    pub destination: IpAddr,
    /// The destination address at the beginning.
    pub dialled: IpAddr,
    pub(crate) sessions: Vec<Session>,
    /// Whether a front rewrote the destination without ending the leg.
    pub(crate) by_front: bool,
    /// The realm in which a service or platform end was reached.
    pub(crate) realm: Option<RealmId>,
    /// The attachment through which a service was reached.
    pub(crate) through: Option<EndpointId>,
}

impl Path {
    /// The same way with other steps.
    pub(crate) fn with_steps(&self, steps: Vec<Step>) -> Self {
        Self {
            steps,
            end: self.end.clone(),
            sessions: self.sessions.clone(),
            through: self.through,
            ..*self
        }
    }

    /// The endpoints whose guards the path meets, for the state that they keep.
    pub(crate) fn guarded(&self) -> impl Iterator<Item = Place> + '_ {
        self.steps.iter().filter_map(|step| match step {
            Step::Guards(check) => Some(check.place),
            _ => None,
        })
    }
}
