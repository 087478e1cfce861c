use std::net::IpAddr;

use watertight_net::{AddressSet, Family, Prefix};
use watertight_source::Span;

use super::{EndpointId, FrontId, GatewayId, LayerId, RealmId, SubnetId, TableId};
use crate::{Name, WorkloadId};

/// One address space: addresses in it are reached without a gateway.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Realm {
    /// The provider's id.
    pub name: Name,
    /// The name that a person gave it, or the id.
    pub title: Name,
    /// The account that owns it, where known.
    pub account: Option<Name>,
    /// The region, where known.
    pub region: Option<Name>,
    /// The prefixes that are local to it.
    pub prefixes: Vec<Prefix>,
    /// The internet gateway attached to it, if any.
    pub internet: Option<GatewayId>,
    /// Addresses at which the provider's resolver answers, reached past every guard.
    pub resolvers: Vec<IpAddr>,
    /// Whether the input holds all of its subnets; otherwise an address that none of them holds
    /// could be in one that is missing.
    pub subnets_read: bool,
    /// Whether its endpoints are further attachments of workloads that have others elsewhere: no
    /// way leads from them there, and output says the subnet beside the workload's name.
    pub further: bool,
    /// Where it was read from.
    pub origin: Option<Span>,
}

/// A part of a realm, with its own edge: guards and a routing table.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Subnet {
    /// The provider's id.
    pub name: Name,
    /// The name that a person gave it, or the id.
    pub title: Name,
    /// The realm that it is part of.
    pub realm: RealmId,
    /// Its prefixes, IPv4 and IPv6.
    pub prefixes: Vec<Prefix>,
    /// Its availability zone; empty where the provider has none.
    pub zone: Name,
    /// The table that routes what leaves it; `None` when the input does not tell (answers that
    /// need it are unknown).
    pub table: Option<TableId>,
    /// Guards at its edge, met by what enters or leaves it and never by what stays within.
    pub layers: Vec<LayerId>,
    /// What an account's switch leaves of its way to the internet.
    pub internet_access: InternetAccess,
    /// Addresses of it that the provider keeps for itself: nobody else can be there.
    pub kept: AddressSet,
    /// Whether the input holds all endpoints in it; otherwise an address that none of them has
    /// could belong to one that is missing.
    pub endpoints_read: bool,
    /// Where it was read from.
    pub origin: Option<Span>,
}

/// What an account's or region's switch (such as VPC Block Public Access) leaves of a subnet's
/// way to the internet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum InternetAccess {
    /// Nothing is switched off.
    Open,
    /// Only connections opened from inside through a translating or egress-only gateway; the name
    /// is the switch's.
    EgressOnly(Name),
    /// None; the name is the switch's.
    Closed(Name),
    /// The input says something of a switch that cannot be read; the name says what.
    Unread(Name),
}

/// One network attachment of a workload.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Endpoint {
    /// The provider's id of the attachment (an interface id), or one made from the workload's id
    /// where the provider hides it.
    pub name: Name,
    /// Whose attachment it is.
    pub workload: WorkloadId,
    /// The realm and subnet that it is in; `None` for what lives in a provider's service plane.
    pub subnet: Option<SubnetId>,
    /// Its addresses in the realm, primary first in each family.
    pub addresses: Vec<IpAddr>,
    /// Prefixes that are delegated to it beside its addresses.
    pub delegated: Vec<Prefix>,
    /// Private addresses, each with the public address that stands for it.
    pub public: Vec<(IpAddr, IpAddr)>,
    /// Guards at the endpoint; all layers must accept.
    pub layers: Vec<LayerId>,
    /// What it does with a packet that arrives.
    pub role: EndpointRole,
    /// Whether the provider hides it and it was inferred from its service's settings.
    pub inferred: bool,
    /// Where it was read from.
    pub origin: Option<Span>,
}

/// What an endpoint does with a packet that arrives at it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum EndpointRole {
    /// Accepts what is addressed to it and drops the rest (a source and destination check).
    Host,
    /// Accepts what is addressed to it and forwards the rest: a Box.
    Forwarder,
    /// Only opens connections; nothing can open one to it (a function's attachment).
    InitiatesOnly,
    /// Only answers; it opens no connection (an attachment of a private service).
    AnswersOnly,
    /// Carries what a gateway routes; it accepts nothing for itself and opens nothing (an attachment
    /// of a transit gateway).
    CarriesOnly,
    /// Belongs to a translating gateway: nothing is accepted that no session expects.
    Translator(GatewayId),
    /// Belongs to a front.
    Front(FrontId),
    /// Belongs to an inspection gateway: what is routed to it passes a Box.
    Inspector(GatewayId),
}

/// How what an endpoint sends to some addresses leaves: under the address of another endpoint, its
/// host's, whose guards then look at it.
///
/// Replies to what came from outside go back as they came; only connections that the endpoint
/// opens are translated, and only IPv4.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Uplink {
    /// The host's endpoint, whose primary address becomes the source.
    pub by: EndpointId,
    /// Destinations to which the endpoint sends under its own address, ordered.
    pub keeps: Vec<Prefix>,
}

impl Uplink {
    /// Whether what is sent to an address leaves under the host's address.
    pub fn translates(&self, destination: IpAddr) -> bool {
        destination.is_ipv4() && !self.keeps.iter().any(|prefix| prefix.contains(destination))
    }
}

/// What is known of an endpoint whose addresses the input does not tell.
///
/// An endpoint in a subnet has one of that subnet's free addresses. An endpoint in no subnet
/// belongs to a provider's service plane: it answers at some of the addresses of its service, and
/// private ways lead to it past the internet.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Unaddressed {
    /// What it is a part of, for explanations (`s3.eu-central-1`, `function URLs`).
    pub service: Name,
    /// The addresses among which its public ones are; empty when it has none.
    pub public: AddressSet,
    /// Gateways whose routes lead to its service, ordered.
    pub gateways: Vec<GatewayId>,
    /// Attachments in realms that lead to its service for whoever is in the same realm, ordered.
    pub interfaces: Vec<EndpointId>,
    /// Whether it opens connections of its own.
    pub opens: bool,
    /// Its guards that look at how a request came; all of them must admit it.
    pub origin_guards: Vec<OriginGuard>,
}

/// A guard of a service that looks at how a request came: it admits what came by one of some ways.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct OriginGuard {
    /// What it is, for explanations (`the bucket policy's statement OnlyThroughOurEndpoint`).
    pub name: Name,
    /// The ways, of which any will do.
    pub admits: Vec<Origin>,
    /// Why it could admit more than these, where the input does not tell all of it.
    pub unread: Option<Name>,
}

/// A way by which a request comes to a service.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Origin {
    /// Through this gateway.
    Gateway(GatewayId),
    /// Through this attachment.
    Interface(EndpointId),
    /// Through any gateway or attachment of a realm.
    Realm(RealmId),
    /// From the internet, from one of these addresses.
    Addresses(AddressSet),
}

impl Endpoint {
    /// The primary address of a family.
    pub fn address(&self, family: Family) -> Option<IpAddr> {
        self.addresses.iter().copied().find(|address| Family::of(*address) == family)
    }

    /// Whether a packet to this address in the endpoint's subnet is for this endpoint.
    pub fn holds(&self, address: IpAddr) -> bool {
        self.addresses.contains(&address)
            || self.delegated.iter().any(|prefix| prefix.contains(address))
    }

    /// The public address that stands for a private one.
    pub fn public_of(&self, private: IpAddr) -> Option<IpAddr> {
        self.public.iter().find(|(inner, _)| *inner == private).map(|(_, outer)| *outer)
    }
}
