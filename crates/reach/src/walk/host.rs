//! Endpoints on a host: what they send leaves under the host's address where theirs is not known.

use std::net::IpAddr;

use watertight_model::Name;
use watertight_model::network::{Direction, EndpointId, Uplink};
use watertight_net::Family;

use super::{Packet, Walk};
use crate::path::{Place, Session, Step};

impl Walk<'_, '_> {
    /// Whether a packet leaves under the host's address: a connection that is opened to where the
    /// endpoint's own address is not known. Replies go back as the connection came.
    pub(super) fn leaves_by_host(&self, packet: &Packet, uplink: &Uplink) -> bool {
        !self.reply
            && packet.source.is_some_and(|source| source.is_ipv4())
            && uplink.translates(packet.destination)
            && !self.holds(uplink.by, packet.destination)
    }

    /// Who has the destination on the sender's own machine, in another subnet: what stays on a machine
    /// meets no subnet's guards and no route.
    pub(super) fn near(&self, packet: &Packet, sender: EndpointId) -> Option<EndpointId> {
        let network = self.network();
        let subnet = network.endpoints[sender].subnet.filter(|_| !network.uplinks.is_empty())?;
        let realm = network.subnets[subnet].realm;
        let holder = self.index().endpoint_of(realm, packet.destination)?;
        let is_near = network.endpoints[holder].subnet != Some(subnet)
            && self.is_on_one_machine(sender, holder);
        is_near.then_some(holder)
    }

    /// Out of the host, whose guards see what comes from itself.
    pub(super) fn leave_by_host(&mut self, mut packet: Packet, host: EndpointId) {
        let place = Place::Endpoint(host);
        let endpoint = &self.network().endpoints[host];
        let (Some(own), Some(subnet)) = (endpoint.address(Family::V4), endpoint.subnet) else {
            let why = Name::from("the input does not tell the address or the subnet of its host");
            return self.unknown(packet, place, why);
        };
        if !self.enter_place(&mut packet, place) {
            return;
        }
        if let Some(from) = packet.source {
            packet.steps.push(Step::Source { at: place, from, to: own });
            packet.sessions.push(Session::Translated { endpoint: host, original: from });
        }
        packet.source = Some(own);
        packet.sender = Some(host);
        self.check(&mut packet, place, Direction::Egress);
        self.leave_subnet(packet, subnet);
    }

    /// The endpoint on a host, and its address, for which the host's session expects a reply.
    pub(super) fn expected_guest(&self, host: EndpointId) -> Option<(EndpointId, IpAddr)> {
        self.expected.iter().find_map(|session| match session {
            Session::Translated { endpoint, original } if *endpoint == host => {
                Some((self.index().guest_of(host, *original)?, *original))
            }
            Session::Translated { .. }
            | Session::Front { .. }
            | Session::AtSender { .. }
            | Session::EgressOnly(_) => None,
        })
    }

    /// From the host to the endpoint on it that opened the connection.
    pub(super) fn return_to_guest(
        &mut self,
        mut packet: Packet,
        place: Place,
        guest: EndpointId,
        original: IpAddr,
    ) {
        packet.steps.push(Step::Destination { at: place, from: packet.destination, to: original });
        packet.destination = original;
        packet.references_in = false;
        packet.references_out = false;
        packet.sender = None;
        self.arrive(packet, guest);
    }
}
