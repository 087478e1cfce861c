//! The reply: from where the packet ended, back to its sender, with translations undone.

use super::bodies::Interface;
use super::walk::{End, Flow, Header, Mode, Place, Undo, guarded};
use super::{Disposition, Estate, Outcome, Packet, Start};

impl Estate {
    pub(super) fn outcome(&self, end: End, packet: &Packet) -> Outcome {
        let (mut established, mut may_establish) = self.established(&end, packet);
        let upper: Vec<Outcome> =
            end.upper.into_iter().map(|end| self.outcome(end, packet)).collect();
        if end.disposition == Disposition::Unknown {
            established = false;
            may_establish = upper.is_empty() || upper.iter().any(|one| one.may_establish);
        }
        let delivered_to = match end.place {
            Place::Interface(id) if end.disposition == Disposition::Accepted => Some(id),
            Place::Platform if end.disposition == Disposition::Accepted => {
                Some(end.at.clone()).filter(|at| at.starts_with("eni-"))
            }
            _ => None,
        };
        let fronted = end.flow.undo.iter().any(|undo| matches!(undo, Undo::Front { .. }));
        Outcome {
            disposition: end.disposition,
            at: end.at,
            delivered_to,
            changed_port: fronted.then_some(end.flow.header.destination_port),
            path: end.flow.path,
            established,
            may_establish,
            upper,
        }
    }

    fn established(&self, end: &End, packet: &Packet) -> (bool, bool) {
        if !matches!(end.disposition, Disposition::Accepted | Disposition::ExitsNetwork) {
            return (false, false);
        }
        if end.place == Place::Platform {
            return (true, true);
        }
        // Without a source address there is nobody to come back to.
        let Some(flow) = reply_of(&end.flow, packet) else { return (false, false) };
        let ends = match &end.place {
            Place::Interface(id) => match self.bodies.interfaces.get(id) {
                Some(interface) => self.reply_from_interface(interface, flow),
                None => Vec::new(),
            },
            Place::Service { vpc } => self.local_delivery(vpc, flow),
            Place::Internet => self.enter_from_internet(flow),
            Place::Outside(id) => self.reply_from_outside(id, flow),
            Place::Platform | Place::Nowhere => Vec::new(),
        };
        super::either(ends.iter().map(|end| returned(end, packet)))
    }

    fn reply_from_interface(&self, interface: &Interface, mut flow: Flow) -> Vec<End> {
        // Whoever answers with its own address can be meant by a reference to its groups.
        flow.sender = Some(interface.id.clone());
        let own = interface.addresses.contains(&flow.destination());
        let Some(Undo::Front { interface: front, address, port }) =
            flow.undo.last().cloned().filter(|_| !own)
        else {
            return self.leave_interface(interface, flow, Disposition::DeniedOut);
        };
        // The load balancer sits between: out of the target's subnet (unless the client is in it,
        // as on the way in), then from the load balancer's subnet with its address as the source.
        flow.undo.pop();
        flow.path.push(interface.id.clone());
        let Some(subnet) = self.bodies.subnets.get(&interface.subnet) else {
            return flow.unknown(&interface.subnet, Vec::new());
        };
        let front = self.bodies.interfaces.get(&front);
        let front = front.and_then(|one| self.bodies.subnets.get(&one.subnet));
        let Some(front) = front else { return Vec::new() };
        let beside = subnet.prefixes.iter().any(|prefix| prefix.contains(flow.destination()));
        let next = |mut flow: Flow| {
            flow.header.source = Some(address);
            flow.header.source_port = port;
            self.within_subnet(front, flow)
        };
        if beside {
            return next(flow);
        }
        let verdict = self.acl_admits(subnet, true, &flow);
        guarded(verdict, flow, Disposition::DeniedIn, &subnet.id, next)
    }

    fn reply_from_outside(&self, id: &str, flow: Flow) -> Vec<End> {
        if id.starts_with("vgw-") {
            return self.enter_from_outside(id, flow);
        }
        let known = self.bodies.attachments.values().any(|one| one.resource == id);
        // A network that is not in the estate: its way back is not known.
        if known && !id.starts_with("vpc-") {
            self.enter_from_outside(id, flow)
        } else {
            flow.unknown(id, Vec::new())
        }
    }

    /// A reply that arrives at an interface other than the sender's: a NAT gateway undoes its
    /// translation, everybody else has no use for it.
    pub(super) fn reply_at_interface(&self, interface: &Interface, mut flow: Flow) -> Vec<End> {
        let Some(nat) = self.nat_of(&interface.id) else {
            return flow.end(Disposition::DeniedIn, &interface.id);
        };
        let position = flow.undo.iter().rposition(|undo| match undo {
            Undo::Nat { id, .. } => id == nat,
            _ => false,
        });
        let Some(position) = position else { return flow.end(Disposition::DeniedIn, nat) };
        let Undo::Nat { source, destination, protocol, .. } = flow.undo.remove(position) else {
            return flow.end(Disposition::DeniedIn, nat);
        };
        flow.path.push(nat.to_owned());
        flow.header.destination = source;
        // Only NAT64 changes the far address.
        if destination.is_ipv6() {
            flow.header.source = Some(destination);
            flow.protocol = protocol;
            flow.icmp_type = match (protocol, flow.icmp_type) {
                (58, 0) => 129,
                (58, 8) => 128,
                (_, other) => other,
            };
        }
        match self.bodies.subnets.get(&interface.subnet) {
            Some(subnet) => self.within_subnet(subnet, flow),
            None => flow.unknown(&interface.subnet, Vec::new()),
        }
    }
}

/// The egress-only gateway that the packet left the VPC by: its reply comes in there.
pub(super) fn egress_only_gateway_of_reply(vpc: &str, flow: &Flow) -> Option<String> {
    let mut gateways = flow.undo.iter().filter_map(|undo| match undo {
        Undo::EgressOnly { id, vpc: left } if left == vpc => Some(id.clone()),
        _ => None,
    });
    gateways.next().filter(|_| flow.is_reply())
}

fn reply_of(flow: &Flow, packet: &Packet) -> Option<Flow> {
    let header = flow.header;
    let sender = match &packet.start {
        Start::Interface(id) => Some(id.clone()),
        _ => None,
    };
    let mut reply = flow.clone();
    reply.header = Header {
        source: Some(header.destination),
        destination: header.source?,
        source_port: header.destination_port,
        destination_port: header.source_port,
    };
    reply.icmp_type = match (flow.protocol, flow.icmp_type) {
        (1, 8) => 0,
        (1, 0) => 8,
        (1, 13) => 14,
        (1, 14) => 13,
        (58, 128) => 129,
        (58, 129) => 128,
        (_, other) => other,
    };
    reply.sender = None;
    reply.home = None;
    reply.zone.clear();
    reply.crossings.clear();
    reply.path.clear();
    reply.visited.clear();
    reply.mode = Mode::Reply { sender };
    Some(reply)
}

/// Whether a reply came back to the sender with the header that it expects, in both bounds.
fn returned(end: &End, packet: &Packet) -> (bool, bool) {
    if end.disposition == Disposition::Unknown {
        let upper = end.upper.iter().any(|end| returned(end, packet).1);
        return (false, end.upper.is_empty() || upper);
    }
    let sent = end.flow.sent;
    let expected = Header {
        source: Some(sent.destination),
        destination: match sent.source {
            Some(source) => source,
            None => return (false, false),
        },
        source_port: sent.destination_port,
        destination_port: sent.source_port,
    };
    let at_sender = match (&packet.start, &end.place) {
        (Start::Interface(id), Place::Interface(at)) => {
            end.disposition == Disposition::Accepted && id == at
        }
        (Start::SubnetAt(id), _) => {
            end.disposition == Disposition::NeighborUnreachable && end.at == *id
        }
        (Start::Internet, Place::Internet) => true,
        (Start::Outside(id), Place::Outside(at)) => id == at,
        _ => false,
    };
    let back = at_sender && end.flow.header == expected;
    (back, back)
}
