//! From the internet and from outside networks into realms.

use watertight_model::network::{EndpointRole, GatewayId, GatewayKind, InternetAccess, RealmId};
use watertight_model::{Disposition, Name};
use watertight_net::Family;

use super::{Context, Packet, Walk};
use crate::path::{End, OutsideBy, Place, Session, Step};
use crate::space::is_public;

impl<'n> Walk<'_, 'n> {
    /// On the internet, towards whoever has the address.
    pub(super) fn come_from_internet(&mut self, mut packet: Packet) {
        if !self.enter_place(&mut packet, Place::Internet) {
            return;
        }
        if !is_public(packet.destination) {
            let why = Name::from("the internet does not route the address");
            return self.stop(packet, Disposition::NullRouted, Place::Internet, why);
        }
        packet.sender = None;
        packet.references_in = false;
        packet.references_out = false;
        let Some((holder, private)) = self.public(packet.destination) else {
            return self.finish(packet, End::Internet);
        };
        let network = self.network();
        let endpoint = &network.endpoints[holder];
        let Some(subnet) = endpoint.subnet else {
            // A service of the provider's plane answers on the internet itself.
            return self.arrive(packet, holder);
        };
        let realm = network.subnets[subnet].realm;
        if Family::of(packet.destination) == Family::V6
            && self.expected.contains(&Session::EgressOnly(realm))
        {
            return self.deliver_locally(packet, realm);
        }
        let gateway = network.realms[realm].internet.filter(|id| network.gateways[*id].available);
        let Some(gateway) = gateway else {
            let why = Name::from("the address's realm has no internet gateway");
            return self.stop(packet, Disposition::NullRouted, Place::Internet, why);
        };
        let place = Place::Gateway(gateway);
        packet.steps.push(Step::At(place));
        let expected = matches!(endpoint.role, EndpointRole::Translator(_)) && self.reply;
        let access = &network.subnets[subnet].internet_access;
        if let InternetAccess::Unread(text) = access {
            packet.steps.push(Step::Switch { at: place, text: text.clone() });
        }
        let switch = match access {
            InternetAccess::Open | InternetAccess::Unread(_) => None,
            InternetAccess::EgressOnly(_) if expected => None,
            InternetAccess::EgressOnly(switch) | InternetAccess::Closed(switch) => Some(switch),
        };
        if let Some(switch) = switch {
            let why = Name::from(format!("{switch} blocks the way from the internet"));
            return self.stop(packet, Disposition::DeniedIn, place, why);
        }
        if private != packet.destination {
            packet.steps.push(Step::Destination {
                at: place,
                from: packet.destination,
                to: private,
            });
            packet.destination = private;
        }
        self.enter_realm(packet, realm, gateway);
    }

    /// Into a realm through a gateway, by that gateway's edge table where it has one.
    fn enter_realm(&mut self, packet: Packet, realm: RealmId, gateway: GatewayId) {
        let edge = match &self.network().gateways[gateway].kind {
            GatewayKind::Internet { edge, .. } | GatewayKind::Tunnel { edge, .. } => *edge,
            GatewayKind::EgressOnly { .. }
            | GatewayKind::SourceNat { .. }
            | GatewayKind::Peering { .. }
            | GatewayKind::Transit
            | GatewayKind::Service { .. }
            | GatewayKind::Surroundings { .. }
            | GatewayKind::Inspection { .. }
            | GatewayKind::Opaque(_) => None,
        };
        match edge {
            Some(table) => {
                self.route(packet, Context { realm, subnet: None, table, checked: true });
            }
            None => self.deliver_locally(packet, realm),
        }
    }

    /// From behind a gateway or an attachment.
    pub(super) fn come_from_outside(&mut self, mut packet: Packet, by: OutsideBy) {
        packet.references_in = false;
        packet.references_out = false;
        let network = self.network();
        let gateway = match by {
            OutsideBy::Attachment(attachment) => return self.transit(packet, attachment),
            OutsideBy::Gateway(gateway) => gateway,
        };
        let place = Place::Gateway(gateway);
        packet.steps.push(Step::At(place));
        if !network.gateways[gateway].available {
            let why = Name::from("the gateway does not work or is gone");
            return self.stop(packet, Disposition::NullRouted, place, why);
        }
        let holds = |realm: &RealmId| {
            let prefixes = &network.realms[*realm].prefixes;
            prefixes.iter().any(|prefix| prefix.contains(packet.destination))
        };
        let (realm, edge) = match &network.gateways[gateway].kind {
            GatewayKind::Tunnel { realm, edge } => (*realm, edge.is_some()),
            GatewayKind::Surroundings { realm } => (Some(*realm), false),
            // A side of the peering that is not in the input.
            GatewayKind::Peering { sides, .. } => {
                (sides.iter().flatten().copied().find(holds), false)
            }
            GatewayKind::Internet { .. }
            | GatewayKind::EgressOnly { .. }
            | GatewayKind::SourceNat { .. }
            | GatewayKind::Transit
            | GatewayKind::Service { .. }
            | GatewayKind::Inspection { .. }
            | GatewayKind::Opaque(_) => (None, false),
        };
        let Some(realm) = realm.filter(|realm| edge || holds(realm)) else {
            let why = Name::from("the gateway's realm does not hold the address");
            return self.stop(packet, Disposition::NullRouted, place, why);
        };
        packet.over_peer = true;
        self.enter_realm(packet, realm, gateway);
    }

    /// A reply of a service that was reached inside a realm.
    pub(super) fn come_from_service(&mut self, mut packet: Packet, realm: RealmId) {
        packet.references_in = false;
        packet.references_out = false;
        self.deliver_locally(packet, realm);
    }
}
