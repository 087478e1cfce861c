//! What is behind a port of a service, for whoever asks.

use watertight_model::Name;
use watertight_model::network::{EndpointId, Health, Target, TargetEnd, TargetGroupId};
use watertight_net::{Family, FlowSet, PortSet};

use super::ends::{Adding, From, group};
use super::listed::{Holder, Listed};
use super::services::{ServicePort, numbers};
use crate::flows::to_ports;
use crate::workloads::Pod;

impl Adding<'_, '_> {
    /// What a port leads to for somebody.
    pub(super) fn targets(&mut self, port: &ServicePort, from: From, known: bool) -> TargetGroupId {
        let mut targets: Vec<Target> = Vec::new();
        let pods: Vec<_> = self.lowering.placed().collect();
        for (pod, endpoint) in pods.iter().filter(|(pod, _)| self.service.selects(pod)) {
            for number in numbers(pod, port) {
                targets.extend(self.at_pod(from, *endpoint, (port, number)));
            }
        }
        let listed =
            if self.service.has_selector() { Vec::new() } else { self.service.lists.behind(port) };
        let of_family = |one: &Listed| Family::of(one.address) == from.family();
        for one in listed.into_iter().filter(of_family) {
            targets.extend(self.at_listed(from, &pods, (port, one)));
        }
        let known = known && self.service.is_told();
        let name = Name::from(format!("{} of {}", port.title(), self.content.domain()));
        let content = group(name, targets, known, self.content);
        self.lowering.estate.network.target_groups.push(content)
    }

    /// What is behind an address that an object lists.
    fn at_listed(
        &self,
        from: From,
        pods: &[(&Pod, EndpointId)],
        (port, listed): (&ServicePort, Listed),
    ) -> Option<Target> {
        let Listed { address, number, has_node } = listed;
        let on_own_node = match from {
            From::Inside(_) => self.content.stays_on_node,
            From::Outside(_) => self.content.keeps_source,
            From::Around(_) => false,
        };
        // What is on no node that is told is on nobody's own.
        if on_own_node && !has_node {
            return None;
        }
        match listed.holder(pods) {
            Holder::Pod(only) => self.at_pod(from, only, (port, number)),
            Holder::Nobody if on_own_node && matches!(from, From::Inside(_)) => {
                let why = Name::from(format!("{address} as one on the sender's own node"));
                Some(target(TargetEnd::Unread(why), number))
            }
            Holder::Nobody => Some(target(TargetEnd::Address(address), number)),
            Holder::OneOf(_) => {
                let why = Name::from(format!("one of several pods at {address}"));
                Some(target(TargetEnd::Unread(why), number))
            }
        }
    }

    /// A pod at its address, or why it may not be it; nothing where it has none of the family.
    fn at_pod(
        &self,
        from: From,
        pod: EndpointId,
        (port, number): (&ServicePort, u16),
    ) -> Option<Target> {
        let own = self.lowering.estate.network.endpoints[pod].address(from.family())?;
        if let Some(why) = self.doubt(from, pod, &to_ports(port.protocol, PortSet::single(number)))
        {
            return Some(target(TargetEnd::Unread(why), number));
        }
        Some(target(TargetEnd::Endpoint(pod, own), number))
    }

    /// Why the input does not tell whether a pod is reached, or as whose client.
    fn doubt(&self, from: From, pod: EndpointId, flows: &FlowSet) -> Option<Name> {
        let name = &self.lowering.estate.network.endpoints[pod].name;
        match from {
            From::Inside(_) if self.content.stays_on_node => {
                Some(Name::from(format!("{name} as a pod on the sender's own node")))
            }
            From::Outside(family) if !self.content.keeps_source => {
                let admits = self.lowering.admits_whoever_is_outside(pod, flows, family);
                (!admits).then(|| {
                    Name::from(format!(
                        "{name} as its policies see the client or a node in its place"
                    ))
                })
            }
            From::Inside(_) | From::Outside(_) | From::Around(_) => None,
        }
    }
}

fn target(end: TargetEnd, port: u16) -> Target {
    Target { end, port: Some(port), health_port: Some(port), health: Health::Unknown }
}
