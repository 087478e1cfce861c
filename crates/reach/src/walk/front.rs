//! Fronts: from a listener to its targets.

use std::net::IpAddr;

use watertight_model::network::{
    Direction, EndpointId, Front, FrontId, Health, Listener, SubnetId, Target, TargetEnd,
    TargetGroup,
};
use watertight_model::{Disposition, Name, Network};
use watertight_net::{Family, FlowSet};

use super::{Packet, Walk};
use crate::path::{End, Place, Session, Step};

impl<'n> Walk<'_, 'n> {
    /// A reply of a target that sees its client's address: the front sits between. It leaves the
    /// target's subnet (unless the client is in it, as on the way in), and goes on from the front's
    /// subnet with the front's address and the listener's port as its source.
    pub(super) fn reply_by_front(
        &mut self,
        mut packet: Packet,
        target: SubnetId,
        front: EndpointId,
        address: IpAddr,
        port: Option<u16>,
    ) {
        let network = self.network();
        let Some(next) = network.endpoints[front].subnet else {
            let why = Name::from("the input does not tell the front's subnet");
            return self.unknown(packet, Place::Endpoint(front), why);
        };
        packet.steps.push(Step::At(Place::Subnet(target)));
        let prefixes = &network.subnets[target].prefixes;
        if !prefixes.iter().any(|prefix| prefix.contains(packet.destination)) {
            self.check(&mut packet, Place::Subnet(target), Direction::Egress);
        }
        packet.steps.push(Step::At(Place::Endpoint(front)));
        if let Some(from) = packet.source {
            packet.steps.push(Step::Source { at: Place::Endpoint(front), from, to: address });
        }
        if let Some(port) = port {
            packet.steps.push(Step::SourcePort(port));
        }
        packet.source = Some(address);
        packet.sender = Some(front);
        self.leave_subnet(packet, next);
    }

    /// At a front's attachment: its guards, then one branch for each listener and target.
    pub(super) fn arrive_at_front(&mut self, mut packet: Packet, id: EndpointId, front: FrontId) {
        let place = Place::Endpoint(id);
        self.check(&mut packet, place, Direction::Ingress);
        self.settle(&mut packet, Some(id));
        let network = self.network();
        if self.reply {
            // A front's own connection to a target: its reply is for the front.
            self.return_from_front(&mut packet, id);
            return self.finish(packet, End::Delivered(id));
        }
        let Some(mut packet) = self.past_origin_guards(packet, id) else { return };
        let content = &network.fronts[front];
        if !content.listeners_read {
            let why = Name::from("the input does not tell the front's listeners");
            return self.unknown(packet, place, why);
        }
        let mut heard = FlowSet::none();
        for listener in &content.listeners {
            let own = listener.flows.difference(&heard);
            heard = heard.union(&listener.flows);
            if own.is_empty() {
                continue;
            }
            let mut branch = packet.clone();
            branch.steps.push(Step::Select(own));
            self.listen(branch, id, front, content, listener);
        }
        let rest = heard.complement();
        if !rest.is_empty() {
            packet.steps.push(Step::Select(rest));
            let why = Name::from("no listener");
            self.stop(packet, Disposition::DeniedIn, place, why);
        }
    }

    fn listen(
        &mut self,
        packet: Packet,
        id: EndpointId,
        front: FrontId,
        content: &Front,
        listener: &Listener,
    ) {
        let network = self.network();
        let place = Place::Endpoint(id);
        let groups = listener.target_groups.iter().map(|group| &network.target_groups[*group]);
        let family = Family::of(packet.destination);
        let (preserving, ending): (Vec<&TargetGroup>, Vec<&TargetGroup>) =
            groups.partition(|group| group.preserves_source && is_of_family(group, family));
        if !ending.is_empty() || preserving.is_empty() {
            // The front ends the leg: what it does with it is another leg.
            self.finish(packet.clone(), End::Delivered(id));
        }
        for group in preserving {
            if !group.targets_read {
                let why = Name::from("the input does not tell the front's targets");
                self.unknown(packet.clone(), place, why);
                continue;
            }
            let targets = serving(network, id, content, group);
            if targets.is_empty() {
                let why = Name::from("no target takes connections");
                self.stop(packet.clone(), Disposition::DeniedIn, place, why);
            }
            let port = listener.flows.project_destination().first();
            for target in targets {
                let mut branch = packet.clone();
                branch.sessions.push(Session::Front {
                    endpoint: id,
                    address: packet.destination,
                    port,
                });
                self.reach_target(branch, id, front, target);
            }
        }
    }

    fn reach_target(
        &mut self,
        mut packet: Packet,
        id: EndpointId,
        front: FrontId,
        target: &Target,
    ) {
        let place = Place::Endpoint(id);
        let network = self.network();
        if let Some(port) = target.port {
            packet.steps.push(Step::Port(port));
        }
        packet.front = Some(front);
        packet.by_front = true;
        // Rules of the target may refer to the front's guards, not to the client's.
        packet.references_in = false;
        // Its own rules may refer to the target's: what it sends on starts here, whatever the client's way.
        packet.references_out = true;
        match &target.end {
            TargetEnd::Endpoint(endpoint, address) => {
                rewrite(&mut packet, place, *address);
                self.check(&mut packet, place, Direction::Egress);
                self.enter_target(packet, *endpoint);
            }
            TargetEnd::Address(address) => {
                rewrite(&mut packet, place, *address);
                self.check(&mut packet, place, Direction::Egress);
                let why = Name::from("no endpoint of the estate has the target's address");
                self.unknown(packet, place, why);
            }
            TargetEnd::Front(other) => {
                for endpoint in &network.fronts[*other].endpoints {
                    let Some(address) = network.endpoints[*endpoint].addresses.first() else {
                        let why = Name::from("the input does not tell the target's address");
                        self.unknown(packet.clone(), Place::Endpoint(*endpoint), why);
                        continue;
                    };
                    let mut branch = packet.clone();
                    rewrite(&mut branch, place, *address);
                    self.check(&mut branch, place, Direction::Egress);
                    if self.enter_place(&mut branch, Place::Endpoint(*endpoint)) {
                        self.enter_target(branch, *endpoint);
                    }
                }
            }
            TargetEnd::Workload(_) => self.finish(packet, End::Delivered(id)),
            TargetEnd::Unread(what) => {
                let why = format!("the target `{what}` is not in the input");
                self.unknown(packet, place, Name::from(why));
            }
        }
    }
}

/// The targets to which an attachment of a front leads: those of its zone unless the group, or
/// else the front, crosses zones; healthy ones, or all when none is (fail open).
///
/// Source: Elastic Load Balancing, "Target group health" and "Cross-zone load balancing".
pub(crate) fn serving<'g>(
    network: &Network,
    attachment: EndpointId,
    front: &Front,
    group: &'g TargetGroup,
) -> Vec<&'g Target> {
    let zone_of = |endpoint: EndpointId| {
        network.endpoints[endpoint].subnet.map(|subnet| &network.subnets[subnet].zone)
    };
    let own = zone_of(attachment);
    let crosses = group.cross_zone.unwrap_or(front.cross_zone);
    let near = |target: &&Target| match &target.end {
        TargetEnd::Endpoint(endpoint, _) => crosses || zone_of(*endpoint) == own,
        TargetEnd::Address(_)
        | TargetEnd::Front(_)
        | TargetEnd::Workload(_)
        | TargetEnd::Unread(_) => true,
    };
    let all: Vec<&Target> = group.targets.iter().filter(near).collect();
    let healthy: Vec<&Target> =
        all.iter().copied().filter(|target| target.health != Health::Unhealthy).collect();
    if healthy.is_empty() { all } else { healthy }
}

/// Whether a group's targets have addresses of a family: a front that passes a connection to the
/// other family uses its own address.
fn is_of_family(group: &TargetGroup, family: Family) -> bool {
    group.targets.iter().all(|target| match &target.end {
        TargetEnd::Endpoint(_, address) | TargetEnd::Address(address) => {
            Family::of(*address) == family
        }
        TargetEnd::Front(_) | TargetEnd::Workload(_) | TargetEnd::Unread(_) => true,
    })
}

fn rewrite(packet: &mut Packet, at: Place, to: IpAddr) {
    packet.steps.push(Step::Destination { at, from: packet.destination, to });
    packet.destination = to;
}
