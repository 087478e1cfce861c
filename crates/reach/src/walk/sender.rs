//! Fronts that translate where a connection is opened: virtual addresses, such as a cluster's
//! services have.
//!
//! The sender's own guards see the target, and the target's guards see the sender.

use watertight_model::network::{EndpointId, FrontId, Target, TargetEnd};
use watertight_model::{Disposition, Name};
use watertight_net::{Family, FlowSet};

use super::front::serving;
use super::{Packet, Walk};
use crate::path::{End, Place, Session, Step};

impl Walk<'_, '_> {
    /// The front that leads a connection to a target before it leaves its sender.
    pub(super) fn led_at_sender(
        &self,
        packet: &Packet,
        sender: EndpointId,
    ) -> Option<(EndpointId, FrontId)> {
        let network = self.network();
        if self.reply || packet.by_front || network.at_sender.is_empty() {
            return None;
        }
        let own = network.subnets[network.endpoints[sender].subnet?].realm;
        let realms = network.led_in.get(&sender).copied().into_iter().chain([own]);
        let mut ids =
            realms.filter_map(|realm| self.index().endpoint_of(realm, packet.destination));
        ids.find_map(|id| network.at_sender.get(&id).map(|front| (id, *front)))
    }

    /// One branch for each listener and target.
    pub(super) fn lead_at_sender(
        &mut self,
        packet: &Packet,
        sender: EndpointId,
        id: EndpointId,
        front: FrontId,
    ) {
        let network = self.network();
        let content = &network.fronts[front];
        let place = Place::Endpoint(id);
        let family = Family::of(packet.destination);
        let mut heard = FlowSet::none();
        for listener in &content.listeners {
            let own = listener.flows.difference(&heard);
            heard = heard.union(&listener.flows);
            if own.is_empty() {
                continue;
            }
            let port = listener.flows.project_destination().first();
            for group in listener.target_groups.iter().map(|id| &network.target_groups[*id]) {
                let mut branch = packet.clone();
                branch.steps.push(Step::Select(own.clone()));
                if !group.targets_read {
                    let why = Name::from("the input does not tell the front's targets");
                    self.unknown(branch, place, why);
                    continue;
                }
                let targets = serving(network, id, content, group).into_iter();
                let targets: Vec<&Target> =
                    targets.filter(|target| is_of_family(target, family)).collect();
                if targets.is_empty() {
                    let why = Name::from("no target is registered");
                    self.stop(branch, Disposition::DeniedIn, place, why);
                    continue;
                }
                for target in targets {
                    self.lead_to(branch.clone(), (sender, id, port), target);
                }
            }
        }
        let rest = heard.complement();
        if !rest.is_empty() {
            let mut branch = packet.clone();
            branch.steps.push(Step::Select(rest));
            let why = Name::from("no listener");
            self.stop(branch, Disposition::DeniedIn, place, why);
        }
    }

    fn lead_to(
        &mut self,
        mut packet: Packet,
        (sender, id, port): (EndpointId, EndpointId, Option<u16>),
        target: &Target,
    ) {
        let place = Place::Endpoint(id);
        let to = match &target.end {
            TargetEnd::Endpoint(_, address) | TargetEnd::Address(address) => *address,
            TargetEnd::Unread(what) => {
                let why = format!("the target `{what}` is not in the input");
                return self.unknown(packet, place, Name::from(why));
            }
            TargetEnd::Front(_) | TargetEnd::Workload(_) => {
                let why = Name::from("the target has no address");
                return self.unknown(packet, place, why);
            }
        };
        let from = packet.destination;
        packet.steps.push(Step::Destination { at: place, from, to });
        if let Some(port) = target.port {
            packet.steps.push(Step::Port(port));
        }
        packet.destination = to;
        if self.holds(sender, to) {
            // Back to itself: the host sees to it that the answer comes from the front.
            return self.finish(packet, End::Delivered(sender));
        }
        packet.by_front = true;
        packet.sessions.push(Session::AtSender { sender, address: from, port });
        self.leave_endpoint_led(packet, sender);
    }

    /// At the sender of a connection, a reply comes from the address that was dialled.
    pub(super) fn return_from_front(&self, packet: &mut Packet, id: EndpointId) {
        let found = self.expected.iter().find_map(|session| match session {
            Session::AtSender { sender, address, port } if *sender == id => Some((*address, *port)),
            Session::AtSender { .. }
            | Session::Translated { .. }
            | Session::Front { .. }
            | Session::EgressOnly(_) => None,
        });
        let (Some((to, port)), Some(from)) = (found, packet.source) else { return };
        packet.steps.push(Step::Source { at: Place::Endpoint(id), from, to });
        packet.steps.extend(port.map(Step::SourcePort));
        packet.source = Some(to);
    }
}

fn is_of_family(target: &Target, family: Family) -> bool {
    match &target.end {
        TargetEnd::Endpoint(_, address) | TargetEnd::Address(address) => {
            Family::of(*address) == family
        }
        TargetEnd::Front(_) | TargetEnd::Workload(_) | TargetEnd::Unread(_) => true,
    }
}
