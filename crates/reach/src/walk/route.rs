//! Routes: out of a subnet, and wherever they lead.

use watertight_model::network::{
    Attached, AttachmentId, Direction, EndpointId, EndpointRole, GatewayId, Hop, SubnetId,
};
use watertight_model::{Disposition, Name};

use super::{Context, Packet, Walk};
use crate::index::Lookup;
use crate::path::{Place, Step};

impl<'n> Walk<'_, 'n> {
    /// Looks up a destination and follows the route that decides.
    pub(super) fn route(&mut self, mut packet: Packet, context: Context) {
        let network = self.network();
        let lookup = self.index().lookup(network, context.table, packet.destination);
        let here = context.subnet.map_or(Place::Realm(context.realm), Place::Subnet);
        let route = match lookup {
            Lookup::Route(route) => route,
            Lookup::NoRoute => {
                self.leave_edge(&mut packet, context);
                let why = Name::from("no route matches the destination");
                return self.stop(packet, Disposition::NoRoute, here, why);
            }
            Lookup::Unread(text) => {
                self.leave_edge(&mut packet, context);
                let why = format!("the input does not tell the addresses of route `{text}`");
                return self.unknown(packet, here, Name::from(why));
            }
        };
        if let Hop::Gateway(gateway) = route.hop
            && matches!(
                network.gateways[gateway].kind,
                watertight_model::network::GatewayKind::Transit
            )
        {
            return self.enter_transit(packet, context, gateway, route.text.clone());
        }
        self.leave_edge(&mut packet, context);
        packet.steps.push(Step::Route { table: context.table, text: route.text.clone() });
        match &route.hop {
            Hop::Local => self.deliver_locally(packet, context.realm),
            Hop::Endpoint(endpoint) => self.through_endpoint(packet, context, *endpoint),
            Hop::Gateway(gateway) => self.enter_gateway(packet, context, *gateway),
            Hop::Blackhole(why) => {
                self.stop(packet, Disposition::NullRouted, here, why.clone());
            }
            Hop::Unread(what) => self.opaque(packet, here, what.clone()),
            Hop::Attachment(_) => {
                let why = Name::from("a subnet's route leads to an attachment");
                self.unknown(packet, here, why);
            }
        }
    }

    /// The subnet's guards, going out; an edge of a realm has none.
    fn leave_edge(&mut self, packet: &mut Packet, context: Context) {
        if let Some(subnet) = context.subnet.filter(|_| !context.checked) {
            self.check(packet, Place::Subnet(subnet), Direction::Egress);
        }
    }

    /// Guards of a gateway's subnet, going in, unless the packet is in that subnet already.
    pub(super) fn enter_gateway_subnet(
        &mut self,
        packet: &mut Packet,
        context: Context,
        subnet: SubnetId,
    ) {
        if context.subnet != Some(subnet) {
            packet.steps.push(Step::At(Place::Subnet(subnet)));
            self.check(packet, Place::Subnet(subnet), Direction::Ingress);
        }
    }

    /// A route to an endpoint: what is not for it passes only if it forwards, and then it is a Box.
    fn through_endpoint(&mut self, mut packet: Packet, context: Context, id: EndpointId) {
        let network = self.network();
        let endpoint = &network.endpoints[id];
        let place = Place::Endpoint(id);
        let Some(subnet) = endpoint.subnet else {
            let why = Name::from("a route leads to an endpoint in no subnet");
            return self.unknown(packet, place, why);
        };
        self.enter_gateway_subnet(&mut packet, context, subnet);
        if self.holds(id, packet.destination) {
            return self.arrive(packet, id);
        }
        // An endpoint on the machine has one of the attachment's own addresses.
        if let Some(guest) = self.endpoint_in(subnet, packet.destination)
            && network.uplinks.contains_key(&guest)
            && self.is_on_one_machine(id, guest)
        {
            return self.arrive(packet, guest);
        }
        packet.steps.push(Step::At(place));
        self.check(&mut packet, place, Direction::Ingress);
        if endpoint.role != EndpointRole::Forwarder {
            let why =
                Name::from("drops what is not addressed to it (source and destination check)");
            return self.stop(packet, Disposition::DeniedIn, place, why);
        }
        let text = Name::from("a machine that forwards");
        pass_box(&mut packet, place, text);
        self.check(&mut packet, place, Direction::Egress);
        self.leave_subnet(packet, subnet);
    }

    /// Into a transit gateway. Guards of the attachment's subnet are met going in, also by what comes
    /// from that very subnet, which meets them both ways: only what a transit gateway sends to its
    /// attachment's subnet meets none.
    ///
    /// Source: Amazon VPC Transit Gateways, "How network ACLs work with transit gateways".
    fn enter_transit(
        &mut self,
        mut packet: Packet,
        context: Context,
        gateway: GatewayId,
        text: Name,
    ) {
        let network = self.network();
        let here = context.subnet.map_or(Place::Realm(context.realm), Place::Subnet);
        let attachments = self.index().attachments(gateway, context.realm);
        let usable = attachments.iter().copied().find(|id| network.attachments[*id].available);
        let entry = usable.and_then(|id| {
            let subnet = self.attachment_subnet(id, context.subnet)?;
            Some((id, subnet))
        });
        let step = Step::Route { table: context.table, text };
        let Some((attachment, subnet)) = entry else {
            self.leave_edge(&mut packet, context);
            packet.steps.push(step);
            let why = if usable.is_some() {
                "the attachment has no subnet in the zone"
            } else {
                "the realm has no working attachment to the transit gateway"
            };
            return self.stop(packet, Disposition::NullRouted, here, Name::from(why));
        };
        self.leave_edge(&mut packet, context);
        packet.steps.push(step);
        packet.steps.push(Step::At(Place::Subnet(subnet)));
        self.check(&mut packet, Place::Subnet(subnet), Direction::Ingress);
        packet.references_out = false;
        packet.references_in &= network.attachments[attachment].references && !packet.has_crossed();
        // A transit gateway keeps traffic in the zone in which it comes in.
        packet.zone = Some(network.subnets[subnet].zone.clone());
        self.transit(packet, attachment);
    }

    /// The subnet of an attachment that serves the zone of a subnet; the first one for a packet
    /// that comes from no subnet.
    fn attachment_subnet(&self, id: AttachmentId, from: Option<SubnetId>) -> Option<SubnetId> {
        let network = self.network();
        let Attached::Realm { subnets, .. } = &network.attachments[id].attached else {
            return None;
        };
        match from {
            None => subnets.first().copied(),
            Some(from) => {
                let zone = &network.subnets[from].zone;
                subnets.iter().copied().find(|subnet| network.subnets[*subnet].zone == *zone)
            }
        }
    }

    /// At a transit gateway, come in by an attachment.
    pub(super) fn transit(&mut self, mut packet: Packet, id: AttachmentId) {
        let place = Place::Attachment(id);
        if !self.enter_place(&mut packet, place) {
            return;
        }
        let network = self.network();
        let attachment = &network.attachments[id];
        let Some(table) = attachment.table else {
            if attachment.table_read {
                let why = Name::from("the attachment is associated with no table");
                return self.stop(packet, Disposition::NoRoute, place, why);
            }
            let why = Name::from("the input does not tell the attachment's table");
            return self.unknown(packet, place, why);
        };
        let route = match self.index().lookup(network, table, packet.destination) {
            Lookup::Route(route) => route,
            Lookup::NoRoute => {
                let why = Name::from("no route of the associated table matches");
                return self.stop(packet, Disposition::NoRoute, place, why);
            }
            Lookup::Unread(text) => {
                let why = format!("the input does not tell the routes of `{text}`");
                return self.unknown(packet, place, Name::from(why));
            }
        };
        packet.steps.push(Step::Route { table, text: route.text.clone() });
        match &route.hop {
            Hop::Attachment(out) => self.out_of_transit(packet, *out),
            Hop::Blackhole(why) => self.stop(packet, Disposition::NullRouted, place, why.clone()),
            Hop::Unread(what) => self.opaque(packet, place, what.clone()),
            Hop::Local | Hop::Endpoint(_) | Hop::Gateway(_) => {
                let why = Name::from("a transit gateway's route leads to no attachment");
                self.unknown(packet, place, why);
            }
        }
    }

    fn out_of_transit(&mut self, mut packet: Packet, id: AttachmentId) {
        let network = self.network();
        let attachment = &network.attachments[id];
        let place = Place::Attachment(id);
        packet.steps.push(Step::At(place));
        if !attachment.available {
            let why = Name::from("the attachment does not work");
            return self.stop(packet, Disposition::NullRouted, place, why);
        }
        match &attachment.attached {
            Attached::Realm { realm: None, .. } => self.leave_estate(packet, id),
            Attached::Realm { realm: Some(_), subnets, .. } => {
                let zone = packet.zone.clone();
                let same = subnets
                    .iter()
                    .find(|subnet| zone.as_ref() == Some(&network.subnets[**subnet].zone));
                let Some(subnet) = same.or(subnets.first()).copied() else {
                    let why = Name::from("the attachment has no subnet");
                    return self.stop(packet, Disposition::NullRouted, place, why);
                };
                packet.references_in &= attachment.references;
                packet.over_transit = true;
                packet.over_peer = false;
                packet.translated = false;
                self.leave_attachment_subnet(packet, subnet);
            }
            Attached::Peer(Some(other)) => {
                packet.references_in = false;
                self.transit(packet, *other);
            }
            Attached::Peer(None) => self.leave_estate(packet, id),
            Attached::Outside(_) => self.leave_estate(packet, id),
            Attached::Opaque(what) => self.opaque(packet, place, what.clone()),
        }
    }
}

/// Through a Box: references made before it do not hold beyond it, nor beyond it for what came in.
pub(super) fn pass_box(packet: &mut Packet, at: Place, text: Name) {
    packet.steps.push(Step::Box { at, text });
    packet.references_in = false;
    packet.references_out = true;
    packet.waiting.clear();
    packet.sender = None;
}
