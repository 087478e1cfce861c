use watertight_net::{AddressSet, Prefix};
use watertight_source::Span;

use super::{AttachmentId, EndpointId, GatewayId};
use crate::Name;

/// A routing table. The longest matching prefix decides; among routes of one prefix, the one with
/// the lowest rank, then the first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Table {
    /// The provider's id.
    pub name: Name,
    /// Its routes, in the order of the source.
    pub routes: Vec<Route>,
    /// Routes whose destinations the input does not tell.
    pub unread: Vec<UnreadRoute>,
    /// Where it was read from.
    pub origin: Option<Span>,
}

/// One route.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Route {
    /// The addresses that it matches.
    pub destination: Prefix,
    /// Preference among routes of the same prefix: lower wins. The provider's page says how it is
    /// made up (for AWS: static before prefix list before propagated).
    pub rank: u8,
    /// Where it leads.
    pub hop: Hop,
    /// How the provider writes the route, for explanations (`10.0.0.0/8 via pcx-0a1b`).
    pub text: Name,
    /// Where it was read from.
    pub origin: Option<Span>,
}

/// A route to a list of addresses that the input does not tell.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UnreadRoute {
    /// The addresses that the list could hold; a lookup of one of them is unknown, unless a known
    /// route decides whatever the list holds.
    pub candidates: AddressSet,
    /// How the provider writes the route.
    pub text: Name,
    /// Where it was read from.
    pub origin: Option<Span>,
}

/// Where a route leads.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Hop {
    /// Into the realm that the table belongs to.
    Local,
    /// To an endpoint, which forwards it or drops it.
    Endpoint(EndpointId),
    /// Into a gateway.
    Gateway(GatewayId),
    /// Out of a transit gateway's attachment (tables of transit gateways only).
    Attachment(AttachmentId),
    /// Nowhere: the route matches and drops. The text says why (`blackhole`, `target is gone`).
    Blackhole(Name),
    /// To something that the input does not tell or that is not modelled: a Box.
    Unread(Name),
}
