//! Gateways: what each admits, rewrites and leads to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use watertight_model::network::{
    AttachmentId, Direction, EndpointId, GatewayId, GatewayKind, InternetAccess, RealmId,
};
use watertight_model::{Disposition, Name};
use watertight_net::{Family, FlowSet, Protocol};

use super::route::pass_box;
use super::{Context, Packet, Walk};
use crate::path::{End, OutsideBy, Place, Session, Step};
use crate::space::is_public;

/// What a translating gateway admits, by the way that a packet came.
#[derive(Clone, Copy, Debug)]
struct Admits {
    transit: bool,
    peers: bool,
}

impl<'n> Walk<'_, 'n> {
    pub(super) fn enter_gateway(&mut self, mut packet: Packet, context: Context, id: GatewayId) {
        let network = self.network();
        let gateway = &network.gateways[id];
        let here = context.subnet.map_or(Place::Realm(context.realm), Place::Subnet);
        if !gateway.available {
            let why = Name::from(format!("{} does not work or is gone", gateway.name));
            return self.stop(packet, Disposition::NullRouted, here, why);
        }
        let attached = match &gateway.kind {
            GatewayKind::Internet { realm, .. }
            | GatewayKind::EgressOnly { realm }
            | GatewayKind::Tunnel { realm, .. } => *realm == Some(context.realm),
            GatewayKind::Surroundings { realm } => *realm == context.realm,
            GatewayKind::Peering { sides, .. } => sides.contains(&Some(context.realm)),
            GatewayKind::SourceNat { .. }
            | GatewayKind::Transit
            | GatewayKind::Service { .. }
            | GatewayKind::Inspection { .. }
            | GatewayKind::Opaque(_) => true,
        };
        if !attached {
            let why = Name::from(format!("{} is not attached to this realm", gateway.name));
            return self.stop(packet, Disposition::NullRouted, here, why);
        }
        match &gateway.kind {
            GatewayKind::Internet { .. } => self.through_internet(packet, context, id),
            GatewayKind::EgressOnly { .. } => self.egress_only(packet, context, id),
            GatewayKind::SourceNat { endpoint, carries, admits_transit, admits_peers } => {
                let admits = Admits { transit: *admits_transit, peers: *admits_peers };
                self.source_nat(packet, context, *endpoint, carries, admits);
            }
            GatewayKind::Peering { sides, references } => {
                self.peering(packet, context.realm, id, *sides, *references);
            }
            GatewayKind::Transit => {
                let why = Name::from("a transit gateway is entered by its attachments");
                self.unknown(packet, Place::Gateway(id), why);
            }
            GatewayKind::Service { endpoint } => {
                packet.realm = Some(context.realm);
                self.through_service_gateway(packet, id, *endpoint);
            }
            GatewayKind::Tunnel { .. } | GatewayKind::Surroundings { .. } => {
                packet.steps.push(Step::At(Place::Gateway(id)));
                self.finish(packet, End::Outside(OutsideBy::Gateway(id)));
            }
            GatewayKind::Inspection { endpoint } => self.inspection(packet, context, id, *endpoint),
            GatewayKind::Opaque(what) => self.opaque(packet, Place::Gateway(id), what.clone()),
        }
    }

    /// A Box that leads to the unknown.
    pub(super) fn opaque(&mut self, mut packet: Packet, at: Place, what: Name) {
        packet.steps.push(Step::At(at));
        let why = format!("{what} forwards in a way that cannot be read");
        self.unknown(packet, at, Name::from(why));
    }

    /// The switch of a subnet refuses its way to an internet or egress-only gateway.
    fn access_refuses(&self, packet: &Packet, context: Context, direct: bool) -> Option<Name> {
        let subnet = context.subnet?;
        match &self.network().subnets[subnet].internet_access {
            InternetAccess::Open => None,
            InternetAccess::EgressOnly(switch) => {
                (direct && !packet.translated).then(|| switch.clone())
            }
            InternetAccess::Closed(switch) => Some(switch.clone()),
            InternetAccess::Unread(_) => None,
        }
    }

    /// Past what cannot be read of the switch of a subnet, which may refuse its way to the internet.
    fn pass_unread(&self, packet: &mut Packet, context: Context, at: Place) {
        let subnet = context.subnet.map(|id| &self.network().subnets[id]);
        match subnet.map(|subnet| &subnet.internet_access) {
            Some(InternetAccess::Unread(text)) => {
                packet.steps.push(Step::Switch { at, text: text.clone() });
            }
            Some(
                InternetAccess::Open | InternetAccess::EgressOnly(_) | InternetAccess::Closed(_),
            )
            | None => {}
        }
    }

    fn through_internet(&mut self, mut packet: Packet, context: Context, id: GatewayId) {
        let place = Place::Gateway(id);
        packet.steps.push(Step::At(place));
        // What a session of a translating gateway or of an outside connection expects passes: its
        // opening was admitted.
        if let Some(switch) = self.access_refuses(&packet, context, true) {
            let why = Name::from(format!("{switch} blocks the way to the internet"));
            return self.stop(packet, Disposition::DeniedIn, place, why);
        }
        self.pass_unread(&mut packet, context, place);
        if Family::of(packet.destination) == Family::V4 {
            let public = packet
                .source
                .and_then(|source| Some((source, self.public_of(context.realm, source)?)));
            let Some((private, public)) = public else {
                let why = Name::from("the source has no public address");
                return self.stop(packet, Disposition::DeniedIn, place, why);
            };
            packet.steps.push(Step::Source { at: place, from: private, to: public });
            packet.source = Some(public);
        }
        leave_realm(&mut packet);
        if !is_public(packet.destination) {
            let why = Name::from("the internet does not route the address");
            return self.stop(packet, Disposition::NullRouted, Place::Internet, why);
        }
        self.come_from_internet(packet);
    }

    fn egress_only(&mut self, mut packet: Packet, context: Context, id: GatewayId) {
        let place = Place::Gateway(id);
        packet.steps.push(Step::At(place));
        if Family::of(packet.destination) == Family::V4 {
            let why = Name::from("an egress-only gateway carries IPv6 only");
            return self.stop(packet, Disposition::NullRouted, place, why);
        }
        if let Some(switch) = self.access_refuses(&packet, context, false) {
            let why = Name::from(format!("{switch} blocks the way to the internet"));
            return self.stop(packet, Disposition::DeniedIn, place, why);
        }
        self.pass_unread(&mut packet, context, place);
        // It keeps state: what was opened from outside came in another way, and is not answered here.
        //
        // Source: Amazon VPC user guide, "Egress-only internet gateways".
        if self.reply {
            let why = Name::from("an egress-only gateway lets nothing be opened from outside");
            return self.stop(packet, Disposition::DeniedIn, place, why);
        }
        packet.sessions.push(Session::EgressOnly(context.realm));
        leave_realm(&mut packet);
        if !is_public(packet.destination) {
            let why = Name::from("the internet does not route the address");
            return self.stop(packet, Disposition::NullRouted, Place::Internet, why);
        }
        self.come_from_internet(packet);
    }

    fn source_nat(
        &mut self,
        mut packet: Packet,
        context: Context,
        endpoint: EndpointId,
        carries: &FlowSet,
        admits: Admits,
    ) {
        let network = self.network();
        let place = Place::Endpoint(endpoint);
        let Some(subnet) = network.endpoints[endpoint].subnet else {
            let why = Name::from("the input does not tell the gateway's subnet");
            return self.unknown(packet, place, why);
        };
        self.enter_gateway_subnet(&mut packet, context, subnet);
        if !self.enter_place(&mut packet, place) {
            return;
        }
        let other = match Family::of(packet.destination) {
            Family::V4 => Protocol::ICMPV6,
            Family::V6 => Protocol::ICMP,
        };
        let flows = carries.difference(&FlowSet::protocol(other));
        packet.steps.push(Step::Carry { at: place, flows });
        if (packet.over_peer && !admits.peers) || (packet.over_transit && !admits.transit) {
            let why = Name::from("it translates nothing that came this way");
            return self.stop(packet, Disposition::DeniedIn, place, why);
        }
        let Some(own) = network.endpoints[endpoint].address(Family::V4) else {
            let why = Name::from("the input does not tell the gateway's address");
            return self.unknown(packet, place, why);
        };
        if let IpAddr::V6(destination) = packet.destination {
            let Some(inner) = translated_destination(destination) else {
                let why = Name::from("it translates no IPv6 but that of 64:ff9b::/96");
                return self.stop(packet, Disposition::DeniedIn, place, why);
            };
            let to = IpAddr::V4(inner);
            packet.steps.push(Step::Destination { at: place, from: packet.destination, to });
            packet.destination = to;
        }
        if let Some(from) = packet.source {
            packet.steps.push(Step::Source { at: place, from, to: own });
            packet.sessions.push(Session::Translated { endpoint, original: from });
        }
        packet.source = Some(own);
        packet.sender = None;
        packet.references_in = false;
        packet.references_out = false;
        packet.translated = true;
        self.leave_subnet(packet, subnet);
    }

    /// At a translating gateway's own address: only a session's reply goes on.
    pub(super) fn arrive_at_translator(&mut self, mut packet: Packet, id: EndpointId) {
        let place = Place::Endpoint(id);
        self.settle(&mut packet, Some(id));
        let session = self.expected.iter().find_map(|session| match session {
            Session::Translated { endpoint, original } if *endpoint == id => Some(*original),
            Session::Translated { .. }
            | Session::Front { .. }
            | Session::AtSender { .. }
            | Session::EgressOnly(_) => None,
        });
        let Some(original) = session else {
            let why = Name::from("no session expects it");
            return self.stop(packet, Disposition::DeniedIn, place, why);
        };
        packet.steps.push(Step::Destination { at: place, from: packet.destination, to: original });
        packet.destination = original;
        if let (IpAddr::V6(_), Some(IpAddr::V4(source))) = (original, packet.source) {
            let to = IpAddr::V6(embedded_source(source));
            packet.steps.push(Step::Source { at: place, from: IpAddr::V4(source), to });
            packet.source = Some(to);
        }
        packet.references_in = false;
        packet.references_out = false;
        packet.sender = None;
        let Some(subnet) = self.network().endpoints[id].subnet else {
            let why = Name::from("the input does not tell the gateway's subnet");
            return self.unknown(packet, place, why);
        };
        self.leave_subnet(packet, subnet);
    }

    fn peering(
        &mut self,
        mut packet: Packet,
        from: RealmId,
        id: GatewayId,
        sides: [Option<RealmId>; 2],
        references: bool,
    ) {
        let place = Place::Gateway(id);
        packet.steps.push(Step::At(place));
        let [first, second] = sides;
        let other = if first == Some(from) { second } else { first };
        let Some(other) = other else {
            return self.finish(packet, End::Outside(OutsideBy::Gateway(id)));
        };
        let realm = &self.network().realms[other];
        if !realm.prefixes.iter().any(|prefix| prefix.contains(packet.destination)) {
            let why = Name::from("a peering leads to the other side's own prefixes only");
            return self.stop(packet, Disposition::NullRouted, Place::Realm(other), why);
        }
        let references = references && !packet.has_crossed();
        packet.references_in &= references;
        packet.references_out &= references;
        packet.over_peer = true;
        packet.over_transit = false;
        packet.translated = false;
        self.deliver_locally(packet, other);
    }

    fn inspection(
        &mut self,
        mut packet: Packet,
        context: Context,
        id: GatewayId,
        endpoint: EndpointId,
    ) {
        let place = Place::Gateway(id);
        let Some(subnet) = self.network().endpoints[endpoint].subnet else {
            let why = Name::from("the input does not tell the gateway's subnet");
            return self.unknown(packet, place, why);
        };
        self.enter_gateway_subnet(&mut packet, context, subnet);
        let text = Name::from("an inspection gateway");
        packet.steps.push(Step::At(place));
        pass_box(&mut packet, place, text);
        self.leave_subnet(packet, subnet);
    }

    /// Out of the estate by an attachment of a transit gateway.
    pub(super) fn leave_estate(&mut self, packet: Packet, id: AttachmentId) {
        self.finish(packet, End::Outside(OutsideBy::Attachment(id)));
    }

    /// Within a front's reach: the target's subnet sees the packet unless the sender is in it.
    pub(super) fn enter_target(&mut self, mut packet: Packet, target: EndpointId) {
        let network = self.network();
        let own = packet.sender.and_then(|sender| network.endpoints[sender].subnet);
        let Some(subnet) = network.endpoints[target].subnet else {
            return self.arrive(packet, target);
        };
        if own != Some(subnet) {
            packet.steps.push(Step::At(Place::Subnet(subnet)));
            self.check(&mut packet, Place::Subnet(subnet), Direction::Ingress);
        }
        self.arrive(packet, target);
    }
}

/// What holds inside a realm does not hold beyond the internet.
fn leave_realm(packet: &mut Packet) {
    packet.sender = None;
    packet.references_in = false;
    packet.references_out = false;
    packet.over_peer = false;
    packet.over_transit = false;
    packet.translated = false;
}

/// The IPv4 address that an address of the well-known NAT64 prefix stands for (RFC 6052).
fn translated_destination(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let bits = address.to_bits();
    let low = u32::try_from(bits & u128::from(u32::MAX)).ok()?;
    (bits - u128::from(low) == NAT64.to_bits()).then(|| Ipv4Addr::from_bits(low))
}

/// The address of the well-known NAT64 prefix that stands for an IPv4 address (RFC 6052).
fn embedded_source(address: Ipv4Addr) -> Ipv6Addr {
    Ipv6Addr::from_bits(NAT64.to_bits() | u128::from(address.to_bits()))
}

/// The well-known prefix `64:ff9b::/96`.
const NAT64: Ipv6Addr = Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0);
