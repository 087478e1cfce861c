//! Endpoints whose addresses the input does not tell, and the ways to services in a provider's
//! plane.

use std::net::IpAddr;

use watertight_model::network::{Direction, EndpointId, GatewayId, Origin, RealmId, SubnetId};
use watertight_model::{Disposition, Name};

use super::{Packet, Walk};
use crate::path::{End, Place, Step};

/// How a request came to a service.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Came {
    Gateway(GatewayId, Option<RealmId>),
    Interface(EndpointId, Option<RealmId>),
    Internet(Option<IpAddr>),
}

impl<'n> Walk<'_, 'n> {
    /// Whether an endpoint has an address, or is taken to have it.
    pub(super) fn holds(&self, endpoint: EndpointId, address: IpAddr) -> bool {
        self.network().endpoints[endpoint].holds(address)
            || self.walker.assumed.holds(endpoint, address)
    }

    /// The endpoint that has an address in a subnet.
    pub(super) fn endpoint_in(&self, subnet: SubnetId, address: IpAddr) -> Option<EndpointId> {
        let assumed = self.walker.assumed.with_private(address);
        let there = |id: &EndpointId| self.network().endpoints[*id].subnet == Some(subnet);
        assumed.filter(there).or_else(|| self.index().endpoint_in(subnet, address))
    }

    /// The endpoint that the internet reaches at an address, and the address that this stands for.
    pub(super) fn public(&self, address: IpAddr) -> Option<(EndpointId, IpAddr)> {
        self.walker.assumed.with_public(address).or_else(|| self.index().public(address))
    }

    /// The public address that stands for an address in a realm.
    pub(super) fn public_of(&self, realm: RealmId, private: IpAddr) -> Option<IpAddr> {
        let network = self.network();
        let there = |id: &EndpointId| crate::index::realm_of(network, *id) == Some(realm);
        if let Some(holder) = self.walker.assumed.with_private(private).filter(there) {
            return self.walker.assumed.public_of(holder, private);
        }
        let holder = self.index().endpoint_of(realm, private)?;
        network.endpoints[holder].public_of(private)
    }

    /// Through a gateway to a service: at the endpoint of it that is meant, where one is, else at
    /// what stands for all of the service.
    pub(super) fn through_service_gateway(
        &mut self,
        mut packet: Packet,
        gateway: GatewayId,
        stands_for: EndpointId,
    ) {
        packet.steps.push(Step::At(Place::Gateway(gateway)));
        let Some(meant) = self.walker.assumed.service else {
            return self.finish(packet, End::Delivered(stands_for));
        };
        let known = self.network().unaddressed.get(&meant);
        if known.is_none_or(|known| known.gateways.binary_search(&gateway).is_err()) {
            let why = Name::from("the gateway leads to another service");
            return self.stop(packet, Disposition::NullRouted, Place::Gateway(gateway), why);
        }
        self.check(&mut packet, Place::Endpoint(stands_for), Direction::Ingress);
        packet.gateway = Some(gateway);
        self.arrive(packet, meant);
    }

    /// At an endpoint whose guards let the packet in: on to the service behind it where that is
    /// meant, and past the origin guards.
    pub(super) fn accept(&mut self, mut packet: Packet, id: EndpointId) {
        let network = self.network();
        if self.reply {
            return self.finish(packet, End::Delivered(id));
        }
        if let Some(meant) = self.walker.assumed.service.filter(|meant| *meant != id)
            && let Some(known) = network.unaddressed.get(&meant)
            && known.interfaces.binary_search(&id).is_ok()
        {
            packet.through = Some(id);
            return self.arrive(packet, meant);
        }
        if let Some(packet) = self.past_origin_guards(packet, id) {
            self.finish(packet, End::Delivered(id));
        }
    }

    /// The packet where the origin guards of an endpoint admit it; else it ends there.
    pub(super) fn past_origin_guards(&mut self, packet: Packet, id: EndpointId) -> Option<Packet> {
        let network = self.network();
        let Some(known) = network.unaddressed.get(&id) else { return Some(packet) };
        let came = match (packet.gateway, packet.through) {
            (Some(gateway), _) => Came::Gateway(gateway, packet.realm),
            (None, Some(through)) => {
                Came::Interface(through, crate::index::realm_of(network, through))
            }
            (None, None) => Came::Internet(packet.source),
        };
        let mut unread = None;
        for guard in &known.origin_guards {
            if guard.admits.iter().any(|origin| admits(origin, came)) {
                continue;
            }
            let Some(missing) = &guard.unread else {
                let why = Name::from(format!("{} does not admit what comes this way", guard.name));
                self.stop(packet, Disposition::DeniedIn, Place::Endpoint(id), why);
                return None;
            };
            unread.get_or_insert_with(|| Name::from(format!("{}: {missing}", guard.name)));
        }
        let Some(why) = unread else { return Some(packet) };
        self.unknown(packet, Place::Endpoint(id), why);
        None
    }
}

/// Whether a way that a guard admits is the one by which a request came.
fn admits(origin: &Origin, came: Came) -> bool {
    match (origin, came) {
        (Origin::Gateway(gateway), Came::Gateway(by, _)) => *gateway == by,
        (Origin::Interface(interface), Came::Interface(by, _)) => *interface == by,
        (Origin::Realm(realm), Came::Gateway(_, from) | Came::Interface(_, from)) => {
            from == Some(*realm)
        }
        (Origin::Addresses(addresses), Came::Internet(Some(from))) => addresses.contains(from),
        (
            Origin::Gateway(_) | Origin::Interface(_) | Origin::Realm(_) | Origin::Addresses(_),
            Came::Gateway(..) | Came::Interface(..) | Came::Internet(_),
        ) => false,
    }
}
