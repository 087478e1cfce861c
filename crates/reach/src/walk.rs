//! The walk: every way that a packet with given addresses can take.
//!
//! Routing does not look at ports, so a walk follows addresses alone and leaves guards as checks
//! to be made later, on whole sets of flows at once. It branches only where a front has several
//! listeners or targets. `docs/reference/dispositions.md` describes each step.

mod front;
mod gateway;
mod host;
mod inbound;
mod route;
mod sender;
mod service;

pub(crate) use self::front::serving;

use std::collections::BTreeSet;
use std::net::IpAddr;

use watertight_model::network::{
    Direction, EndpointId, EndpointRole, FrontId, GatewayId, RealmId, SubnetId, TableId,
};
use watertight_model::{Disposition, Name, Network};
use watertight_net::Family;

use crate::assumed::Assumed;
use crate::index::{Index, realm_of};
use crate::path::{Check, End, Path, Place, Seen, Session, Start, Step};

/// More steps than any real path has: what is longer is a loop.
const STEPS_MAX: usize = 256;

/// Walks one network.
#[derive(Debug)]
pub(crate) struct Walker<'n> {
    pub(crate) network: &'n Network,
    pub(crate) index: &'n Index,
    /// Addresses that endpoints are taken to have beside their own.
    pub(crate) assumed: Assumed,
}

/// What the walk knows of the packet on the way.
#[derive(Clone, Debug)]
struct Packet {
    source: Option<IpAddr>,
    destination: IpAddr,
    dialled: IpAddr,
    /// The endpoint that sent it, as long as its source was not rewritten.
    sender: Option<EndpointId>,
    /// The endpoint that has `destination` where it was last delivered.
    front: Option<FrontId>,
    /// Whether references hold at an ingress, at an egress.
    references_in: bool,
    references_out: bool,
    /// Whether the packet came into the realm that it is in over a transit gateway, over a peer
    /// or a tunnel.
    over_transit: bool,
    over_peer: bool,
    /// Whether the source was rewritten by a translating gateway of the subnet that it is in.
    translated: bool,
    zone: Option<Name>,
    steps: Vec<Step>,
    /// Egress checks by members, decided when it is known who has the destination.
    waiting: Vec<usize>,
    sessions: Vec<Session>,
    by_front: bool,
    realm: Option<RealmId>,
    /// The gateway, or the attachment, through which it gets to a service.
    gateway: Option<GatewayId>,
    through: Option<EndpointId>,
    visited: BTreeSet<(Pass, Place, Option<IpAddr>, IpAddr)>,
}

impl Packet {
    /// Whether it has come into its realm over a gateway between networks: references hold over one
    /// of these, never over two.
    fn has_crossed(&self) -> bool {
        self.over_transit || self.over_peer
    }
}

/// How a packet passes a place: it may pass one place once in each way without being in a loop.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Pass {
    Through,
    OutOfTransit,
}

/// The realm and subnet from whose edge a route is looked up.
#[derive(Clone, Copy, Debug)]
struct Context {
    realm: RealmId,
    subnet: Option<SubnetId>,
    table: TableId,
    /// Whether the subnet's guards looked at the packet already.
    checked: bool,
}

impl<'n> Walker<'n> {
    /// Every way of a packet from `start` to `destination`.
    pub(crate) fn paths(&self, start: &Start, destination: IpAddr) -> Vec<Path> {
        let mut walk = Walk { walker: self, expected: Vec::new(), reply: false, paths: Vec::new() };
        walk.begin(new_packet(start.source(), destination), start);
        walk.paths
    }

    /// Every way of a reply from `source` at `from`: translations that `sessions` remember are
    /// undone.
    pub(crate) fn reply_paths(
        &self,
        from: &ReplyFrom,
        source: IpAddr,
        destination: IpAddr,
        sessions: Vec<Session>,
    ) -> Vec<Path> {
        let mut walk = Walk { walker: self, expected: sessions, reply: true, paths: Vec::new() };
        let packet = new_packet(Some(source), destination);
        match from {
            ReplyFrom::Start(start) => walk.begin(packet, start),
            ReplyFrom::Service(realm) => walk.come_from_service(packet, *realm),
        }
        walk.paths
    }
}

/// Where a reply starts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum ReplyFrom {
    /// Where a packet of its own could start.
    Start(Start),
    /// At a service that was reached inside a realm.
    Service(RealmId),
}

fn new_packet(source: Option<IpAddr>, destination: IpAddr) -> Packet {
    Packet {
        source,
        destination,
        dialled: destination,
        sender: None,
        front: None,
        references_in: true,
        references_out: true,
        over_transit: false,
        over_peer: false,
        translated: false,
        zone: None,
        steps: Vec::new(),
        waiting: Vec::new(),
        sessions: Vec::new(),
        by_front: false,
        realm: None,
        gateway: None,
        through: None,
        visited: BTreeSet::new(),
    }
}

/// One walk under way.
struct Walk<'w, 'n> {
    walker: &'w Walker<'n>,
    /// Sessions that replies find.
    expected: Vec<Session>,
    /// Whether it is a reply that travels.
    reply: bool,
    paths: Vec<Path>,
}

impl<'w, 'n> Walk<'w, 'n> {
    fn network(&self) -> &'n Network {
        self.walker.network
    }

    fn index(&self) -> &'w Index {
        self.walker.index
    }

    fn begin(&mut self, mut packet: Packet, start: &Start) {
        match start {
            Start::Endpoint { endpoint, .. } => {
                packet.sender = Some(*endpoint);
                self.leave_endpoint(packet, *endpoint);
            }
            Start::Subnet { subnet, .. } => self.leave_subnet(packet, *subnet),
            Start::Realm(realm) => self.deliver_locally(packet, *realm),
            Start::Internet { .. } => self.come_from_internet(packet),
            Start::Outside { by, .. } => self.come_from_outside(packet, *by),
            Start::Unaddressed { endpoint, .. } => {
                let why = Name::from("the input does not tell the address that it sends from");
                self.unknown(packet, Place::Endpoint(*endpoint), why);
            }
        }
    }

    fn leave_endpoint(&mut self, mut packet: Packet, id: EndpointId) {
        packet.steps.push(Step::At(Place::Endpoint(id)));
        if self.holds(id, packet.destination) {
            return self.finish(packet, End::Delivered(id));
        }
        if let Some((virtual_end, front)) = self.led_at_sender(&packet, id) {
            return self.lead_at_sender(&packet, id, virtual_end, front);
        }
        self.leave_endpoint_led(packet, id);
    }

    /// Out of an endpoint towards where the packet is led.
    fn leave_endpoint_led(&mut self, mut packet: Packet, id: EndpointId) {
        let network = self.network();
        let endpoint = &network.endpoints[id];
        let Some(subnet) = endpoint.subnet else {
            // In no subnet: the provider's service plane reaches the internet as it is.
            self.check(&mut packet, Place::Endpoint(id), Direction::Egress);
            return self.come_from_internet(packet);
        };
        if let Some(Session::Front { endpoint, address, port }) = self.expected.last().copied() {
            self.check(&mut packet, Place::Endpoint(id), Direction::Egress);
            // What a machine sends to who is on it never leaves it: no front changes it back.
            let client = self.holder(Place::Endpoint(id), packet.destination);
            if let Some(client) = client.filter(|client| self.is_on_one_machine(id, *client)) {
                return self.finish(packet, End::Delivered(client));
            }
            return self.reply_by_front(packet, subnet, endpoint, address, port);
        }
        let uplink = network.uplinks.get(&id);
        let host = uplink.and_then(|uplink| network.endpoints[uplink.by].subnet);
        let realm = network.subnets[host.unwrap_or(subnet)].realm;
        if let Some(end) = self.platform(realm, packet.destination) {
            if uplink.is_some() {
                self.check(&mut packet, Place::Endpoint(id), Direction::Egress);
            }
            packet.realm = Some(realm);
            return self.finish_platform(packet, end, id);
        }
        let opens_none = match endpoint.role {
            EndpointRole::Translator(_)
            | EndpointRole::Inspector(_)
            | EndpointRole::CarriesOnly => {
                Some("it passes connections on and opens none of its own")
            }
            EndpointRole::AnswersOnly if !self.reply => Some("it answers and opens no connection"),
            EndpointRole::Host
            | EndpointRole::Forwarder
            | EndpointRole::InitiatesOnly
            | EndpointRole::AnswersOnly
            | EndpointRole::Front(_) => None,
        };
        if let Some(why) = opens_none.map(Name::from) {
            return self.stop(packet, Disposition::DeniedOut, Place::Endpoint(id), why);
        }
        self.check(&mut packet, Place::Endpoint(id), Direction::Egress);
        if let Some(near) = self.near(&packet, id) {
            return self.arrive(packet, near);
        }
        match uplink {
            Some(uplink) if self.leaves_by_host(&packet, uplink) => {
                self.leave_by_host(packet, uplink.by);
            }
            _ => self.leave_subnet(packet, subnet),
        }
    }

    /// A platform service that has this address, seen from a realm.
    fn platform(&self, realm: RealmId, address: IpAddr) -> Option<PlatformEnd> {
        if self.index().is_resolver(realm, address) {
            return Some(PlatformEnd::Resolver);
        }
        let services = &self.network().platform;
        let found = services.iter().position(|service| service.addresses.contains(address))?;
        Some(PlatformEnd::Service(found))
    }

    fn leave_subnet(&mut self, mut packet: Packet, id: SubnetId) {
        if !self.enter_place(&mut packet, Place::Subnet(id)) {
            return;
        }
        let subnet = &self.network().subnets[id];
        if packet.zone.is_none() {
            packet.zone = Some(subnet.zone.clone());
        }
        if subnet.prefixes.iter().any(|prefix| prefix.contains(packet.destination)) {
            return self.arrive_in(packet, id);
        }
        let Some(table) = subnet.table else {
            self.check(&mut packet, Place::Subnet(id), Direction::Egress);
            let why = Name::from("the input does not tell the subnet's routing table");
            return self.unknown(packet, Place::Subnet(id), why);
        };
        let context = Context { realm: subnet.realm, subnet: Some(id), table, checked: false };
        self.route(packet, context);
    }

    /// Out of a transit gateway by an attachment's subnet: that subnet's guards look at what goes
    /// out of it, whatever its table says next.
    fn leave_attachment_subnet(&mut self, mut packet: Packet, id: SubnetId) {
        let subnet = &self.network().subnets[id];
        if subnet.prefixes.iter().any(|prefix| prefix.contains(packet.destination)) {
            packet.steps.push(Step::At(Place::Subnet(id)));
            return self.arrive_in(packet, id);
        }
        packet.steps.push(Step::At(Place::Subnet(id)));
        self.check(&mut packet, Place::Subnet(id), Direction::Egress);
        if !self.pass(&mut packet, Pass::OutOfTransit, Place::Subnet(id)) {
            return;
        }
        let Some(table) = subnet.table else {
            let why = Name::from("the input does not tell the subnet's routing table");
            return self.unknown(packet, Place::Subnet(id), why);
        };
        let context = Context { realm: subnet.realm, subnet: Some(id), table, checked: true };
        self.route(packet, context);
    }

    /// Remembers a place; ends the walk as a loop when the packet was there before.
    fn enter_place(&mut self, packet: &mut Packet, place: Place) -> bool {
        self.pass(packet, Pass::Through, place)
    }

    fn pass(&mut self, packet: &mut Packet, pass: Pass, place: Place) -> bool {
        let key = (pass, place, packet.source, packet.destination);
        if packet.steps.len() < STEPS_MAX && packet.visited.insert(key) {
            packet.steps.push(Step::At(place));
            return true;
        }
        let why = Name::from("the packet was here before");
        let stopped = packet.clone();
        self.stop(stopped, Disposition::Loop, place, why);
        false
    }

    fn deliver_locally(&mut self, mut packet: Packet, realm: RealmId) {
        packet.steps.push(Step::At(Place::Realm(realm)));
        match self.index().subnet_of(realm, packet.destination) {
            Some(subnet) => self.enter_subnet(packet, subnet),
            None if self.may_be_in_missing_subnet(realm, packet.destination) => {
                let why = "no subnet of the input holds the address, and not all are in the input";
                self.unknown(packet, Place::Realm(realm), Name::from(why));
            }
            None => self.stop(
                packet,
                Disposition::NullRouted,
                Place::Realm(realm),
                Name::from("no subnet holds the address"),
            ),
        }
    }

    /// Whether an address that no known subnet holds could be in one that is missing: the realm
    /// holds it, or the realm's own prefixes are missing too. A reply looks for its sender, which
    /// is known and would have been found.
    fn may_be_in_missing_subnet(&self, realm: RealmId, address: IpAddr) -> bool {
        let realm = &self.network().realms[realm];
        let holds = || realm.prefixes.iter().any(|prefix| prefix.contains(address));
        !self.reply && !realm.subnets_read && (realm.origin.is_none() || holds())
    }

    fn enter_subnet(&mut self, mut packet: Packet, id: SubnetId) {
        packet.steps.push(Step::At(Place::Subnet(id)));
        self.check(&mut packet, Place::Subnet(id), Direction::Ingress);
        self.arrive_in(packet, id);
    }

    /// Within the subnet: finds who has the address. A reply looks for its sender, which is known
    /// and would be found; nobody else counts.
    fn arrive_in(&mut self, packet: Packet, id: SubnetId) {
        match self.endpoint_in(id, packet.destination) {
            Some(endpoint) => self.arrive(packet, endpoint),
            None if !self.reply && !self.network().subnets[id].endpoints_read => {
                let why = "nobody in the input has the address, and not all endpoints of the \
                           subnet are in the input";
                self.unknown(packet, Place::Subnet(id), Name::from(why));
            }
            None => self.stop(
                packet,
                Disposition::NeighborUnreachable,
                Place::Subnet(id),
                Name::from("nobody in the subnet has the address"),
            ),
        }
    }

    fn arrive(&mut self, mut packet: Packet, id: EndpointId) {
        let place = Place::Endpoint(id);
        packet.steps.push(Step::At(place));
        match self.network().endpoints[id].role {
            EndpointRole::Host | EndpointRole::Forwarder | EndpointRole::AnswersOnly => {
                self.check(&mut packet, place, Direction::Ingress);
                self.settle(&mut packet, Some(id));
                self.return_from_front(&mut packet, id);
                match self.expected_guest(id) {
                    Some((guest, original)) => self.return_to_guest(packet, place, guest, original),
                    None => self.accept(packet, id),
                }
            }
            EndpointRole::InitiatesOnly => {
                self.settle(&mut packet, Some(id));
                if self.reply {
                    self.check(&mut packet, place, Direction::Ingress);
                    self.return_from_front(&mut packet, id);
                    return self.finish(packet, End::Delivered(id));
                }
                let why = Name::from("nothing can open a connection to it");
                self.stop(packet, Disposition::DeniedIn, place, why);
            }
            EndpointRole::Translator(_) => self.arrive_at_translator(packet, id),
            EndpointRole::Front(front) => self.arrive_at_front(packet, id, front),
            EndpointRole::Inspector(_) | EndpointRole::CarriesOnly => {
                self.settle(&mut packet, Some(id));
                let why = Name::from("a gateway's attachment accepts nothing for itself");
                self.stop(packet, Disposition::DeniedIn, place, why);
            }
        }
    }

    /// Adds the checks of a place's layers.
    fn check(&self, packet: &mut Packet, place: Place, direction: Direction) {
        let layers = match place {
            Place::Endpoint(id) => &self.network().endpoints[id].layers,
            Place::Subnet(id) => &self.network().subnets[id].layers,
            Place::Realm(_) | Place::Gateway(_) | Place::Attachment(_) | Place::Internet => return,
        };
        if layers.is_empty() {
            return;
        }
        let address = match direction {
            Direction::Ingress => packet.source,
            Direction::Egress => Some(packet.destination),
        };
        let member = match direction {
            Direction::Ingress if packet.references_in => packet.sender,
            Direction::Ingress => None,
            Direction::Egress => None,
        };
        if direction == Direction::Egress {
            packet.waiting.push(packet.steps.len());
        }
        let front = if direction == Direction::Ingress { packet.front } else { None };
        packet.steps.push(Step::Guards(Check {
            place,
            direction,
            layers: layers.clone(),
            seen: Seen {
                address,
                ipv6: Family::of(packet.destination) == Family::V6,
                member,
                front,
            },
        }));
    }

    /// Decides the egress checks that wait for whoever has the destination that they saw.
    fn settle(&self, packet: &mut Packet, holder: Option<EndpointId>) {
        for position in std::mem::take(&mut packet.waiting) {
            if let Some(Step::Guards(check)) = packet.steps.get_mut(position)
                && packet.references_out
                && let Some(holder) = holder
                && let Some(address) = check.seen.address
                && self.holds(holder, address)
            {
                check.seen.member = Some(holder);
            }
        }
    }

    fn stop(&mut self, packet: Packet, disposition: Disposition, at: Place, why: Name) {
        self.finish(packet, End::Stopped { disposition, at, why });
    }

    /// Ends a way of which the input does not tell how it goes on. It may lead to whoever of the
    /// estate has the destination, so that references to that endpoint's guards may hold.
    fn unknown(&mut self, mut packet: Packet, at: Place, why: Name) {
        if !packet.waiting.is_empty() && packet.references_out {
            let holder = self.holder(at, packet.destination);
            self.settle(&mut packet, holder);
        }
        self.finish(packet, End::Unknown { at, why });
    }

    /// Who of the estate has an address: in the realm of a place, else in any.
    fn holder(&self, at: Place, address: IpAddr) -> Option<EndpointId> {
        let network = self.network();
        let own = match at {
            Place::Subnet(id) => Some(network.subnets[id].realm),
            Place::Realm(realm) => Some(realm),
            Place::Endpoint(id) => realm_of(network, id),
            Place::Gateway(_) | Place::Attachment(_) | Place::Internet => None,
        };
        let all = network.realms.iter().map(|(realm, _)| realm);
        own.into_iter().chain(all).find_map(|realm| self.index().endpoint_of(realm, address))
    }

    /// Whether one of two endpoints is on the machine of the other, or both are on one.
    fn is_on_one_machine(&self, one: EndpointId, other: EndpointId) -> bool {
        let network = self.network();
        let host = |id: EndpointId| network.uplinks.get(&id).map(|uplink| uplink.by);
        let machine = |id: EndpointId| network.endpoints[host(id).unwrap_or(id)].workload;
        (host(one).is_some() || host(other).is_some()) && machine(one) == machine(other)
    }

    fn finish_platform(&mut self, mut packet: Packet, end: PlatformEnd, asker: EndpointId) {
        match end {
            PlatformEnd::Resolver => {
                packet.steps.push(Step::Carry {
                    at: Place::Internet,
                    flows: crate::platform::resolver_flows(),
                });
                self.finish(packet, End::Platform(Name::from("resolver")));
            }
            PlatformEnd::Service(position) => {
                let Some(service) = self.network().platform.get(position) else { return };
                if service.refuses.binary_search(&asker).is_ok() {
                    let why = Name::from(if self.network().uplinks.contains_key(&asker) {
                        "the service's answers do not travel beyond the host"
                    } else {
                        "the service is switched off"
                    });
                    return self.stop(packet, Disposition::DeniedIn, Place::Endpoint(asker), why);
                }
                packet
                    .steps
                    .push(Step::Carry { at: Place::Internet, flows: service.flows.clone() });
                self.finish(packet, End::Platform(service.name.clone()));
            }
        }
    }

    fn finish(&mut self, packet: Packet, end: End) {
        self.paths.push(Path {
            steps: packet.steps,
            end,
            source: packet.source,
            destination: packet.destination,
            dialled: packet.dialled,
            sessions: packet.sessions,
            by_front: packet.by_front,
            realm: packet.realm,
            through: packet.through,
        });
    }
}

/// A platform service found by address.
#[derive(Clone, Copy, Debug)]
enum PlatformEnd {
    Resolver,
    Service(usize),
}
