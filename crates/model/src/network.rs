//! The forwarding and filtering model that every question is answered on.
//!
//! A packet leaves an [`Endpoint`], meets its guards, its [`Subnet`]'s guards and that subnet's
//! [`Table`]; a route leads it into its [`Realm`], into a [`Gateway`] or to another endpoint; on
//! the way guards refuse it and gateways rewrite it, until an endpoint accepts it or it leaves the
//! model. `docs/reference/dispositions.md` says which word describes which end.

mod endpoint;
mod front;
mod gateway;
mod guard;
mod route;
mod rules;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use watertight_net::{AddressSet, FlowSet, Prefix};
use watertight_source::Span;

pub use endpoint::{
    Endpoint, EndpointRole, InternetAccess, Origin, OriginGuard, Realm, Subnet, Unaddressed, Uplink,
};
pub use front::{Front, Health, Listener, Target, TargetEnd, TargetGroup};
pub use gateway::{Attached, Attachment, Gateway, GatewayKind};
pub use guard::{Action, Combine, Direction, Guard, Layer, Peer, Rule, Stage, StageDefault};
pub use route::{Hop, Route, Table, UnreadRoute};
pub use rules::Rules;

use crate::arena::arena_id;
use crate::{Arena, Name};

arena_id! {
    /// Names a [`Realm`]: one address space.
    RealmId
}
arena_id! {
    /// Names a [`Subnet`].
    SubnetId
}
arena_id! {
    /// Names an [`Endpoint`].
    EndpointId
}
arena_id! {
    /// Names a routing [`Table`].
    TableId
}
arena_id! {
    /// Names a [`Gateway`].
    GatewayId
}
arena_id! {
    /// Names an [`Attachment`] of a transit gateway.
    AttachmentId
}
arena_id! {
    /// Names a [`Guard`].
    GuardId
}
arena_id! {
    /// Names a [`Layer`]: guards that decide together at one place.
    LayerId
}
arena_id! {
    /// Names an interned list of addresses that rules and routes share (a prefix list).
    ListId
}
arena_id! {
    /// Names a [`Front`].
    FrontId
}
arena_id! {
    /// Names a [`TargetGroup`] of fronts.
    TargetGroupId
}

/// The forwarding and filtering model of one estate.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Network {
    /// Address spaces (a VPC, a virtual network, a cluster).
    pub realms: Arena<RealmId, Realm>,
    /// Subnets of realms.
    pub subnets: Arena<SubnetId, Subnet>,
    /// Network attachments of workloads.
    pub endpoints: Arena<EndpointId, Endpoint>,
    /// Routing tables: of subnets, gateways' edges and transit gateways.
    pub tables: Arena<TableId, Table>,
    /// What leads from one place to another.
    pub gateways: Arena<GatewayId, Gateway>,
    /// What transit gateways are attached to.
    pub attachments: Arena<AttachmentId, Attachment>,
    /// Filters.
    pub guards: Arena<GuardId, Guard>,
    /// Guards that decide together, shared by the places that have the same ones.
    pub layers: Arena<LayerId, Layer>,
    /// Named lists of addresses.
    pub lists: Arena<ListId, AddressList>,
    /// Load balancers and other things that lead a listener to targets.
    pub fronts: Arena<FrontId, Front>,
    /// Targets of fronts.
    pub target_groups: Arena<TargetGroupId, TargetGroup>,
    /// Addresses of the providers' own services, where the input tells them (prefix lists of
    /// gateway endpoints).
    pub service_space: AddressSet,
    /// Of these, what is one service's, by the word for it in policies: `aws.s3`.
    pub services: BTreeMap<Name, AddressSet>,
    /// What is known of endpoints whose addresses the input does not tell. An endpoint without
    /// addresses that is not here has no public address either.
    pub unaddressed: BTreeMap<EndpointId, Unaddressed>,
    /// Endpoints that send under their hosts' addresses to where their own are not known.
    pub uplinks: BTreeMap<EndpointId, Uplink>,
    /// Endpoints that nobody is: what is sent to one of their addresses from the same realm is led
    /// to a target of this front where it is sent, before the sender's own guards look at it, and
    /// keeps its source. What comes from elsewhere meets the endpoint's role.
    pub at_sender: BTreeMap<EndpointId, FrontId>,
    /// Fronts whose targets see one of their machines as the client of whom comes from outside, although what is
    /// led keeps its source here: which machine it is nobody tells. Policy takes each for the end of a leg.
    pub translating: BTreeSet<FrontId>,
    /// Endpoints that virtual endpoints of another realm lead as well as those of their own: pods and
    /// nodes of a cluster that are in the network of its nodes.
    pub led_in: BTreeMap<EndpointId, RealmId>,
    /// Endpoints by addresses that the input tells of them and for which others stand here: a name by
    /// which they are asked about, and nothing more.
    pub known_as: BTreeMap<IpAddr, Vec<EndpointId>>,
    /// Services of the platform itself that endpoints reach past every guard; only the guards of
    /// an endpoint with an uplink stand before them.
    pub platform: Vec<PlatformService>,
}

/// A service of the platform at a fixed address (metadata, time, licence activation): no guard
/// looks at what goes there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PlatformService {
    /// What it is.
    pub name: Name,
    /// Where it answers.
    pub addresses: AddressSet,
    /// What it answers to; the rest is refused there.
    pub flows: FlowSet,
    /// Endpoints that it does not answer, ordered: where it is switched off.
    pub refuses: Vec<EndpointId>,
}

/// A named list of addresses that rules and routes refer to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AddressList {
    /// The list's id.
    pub name: Name,
    /// Its content.
    pub content: ListContent,
    /// Where it was read from.
    pub origin: Option<Span>,
}

/// What is known of an [`AddressList`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ListContent {
    /// Exactly these prefixes, in the order of the source.
    Known(Vec<Prefix>),
    /// The input does not tell; the list could hold any of these addresses.
    Unread(AddressSet),
}
