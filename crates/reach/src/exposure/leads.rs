//! Where fronts lead: to their targets, and past fronts among them to those fronts' targets.

use std::net::IpAddr;

use watertight_model::network::{EndpointId, Front, TargetEnd, TargetGroup};
use watertight_model::{Bounds, Network};
use watertight_net::{FlowSet, PortSet, Protocol};

use crate::answer::Reach;
use crate::fold::{Asking, fold};
use crate::index::realm_of;
use crate::matrix::Matrix;
use crate::path::End;
use crate::walk::serving;

/// How many fronts a lead passes.
const FRONTS_MAX: usize = 3;

/// One target of a front.
#[derive(Clone, Debug)]
pub(super) struct Lead {
    /// The attachment of the front that opens the leg to the target: the last one on the way.
    via: EndpointId,
    /// The target.
    pub(super) to: EndpointId,
    /// The address under which it is registered; none for code that the provider runs.
    address: Option<IpAddr>,
    port: Option<u16>,
}

/// Whether a front's attachment is in no network: the provider carries what it sends to its targets,
/// in ways that no route shows. What leads to targets where it is sent is no such front.
pub(super) fn is_apart(network: &Network, attachment: EndpointId) -> bool {
    network.endpoints[attachment].subnet.is_none() && !network.at_sender.contains_key(&attachment)
}

/// Where an attachment of a front leads by one of its groups. A target that is another front counts
/// as that front's attachments, and, where the provider carries packets between the two, as that
/// front's targets too: nobody reaches the second front by routes.
pub(super) fn leads(
    network: &Network,
    attachment: EndpointId,
    (front, heard): (&Front, &FlowSet),
    group: &TargetGroup,
) -> Vec<Lead> {
    let mut found = Vec::new();
    add(network, attachment, (front, heard), group, FRONTS_MAX, &mut found);
    found
}

fn add(
    network: &Network,
    via: EndpointId,
    (front, heard): (&Front, &FlowSet),
    group: &TargetGroup,
    fronts_max: usize,
    found: &mut Vec<Lead>,
) {
    for target in serving(network, via, front, group) {
        let port = target.port;
        match &target.end {
            TargetEnd::Endpoint(to, address) => {
                found.push(Lead { via, to: *to, address: Some(*address), port });
            }
            TargetEnd::Workload(workload) => {
                let mut endpoints = network.endpoints.iter();
                let first = endpoints.find(|(_, one)| one.workload == *workload);
                found.extend(first.map(|(to, _)| Lead { via, to, address: None, port }));
            }
            TargetEnd::Front(next) => {
                let next = &network.fronts[*next];
                for endpoint in &next.endpoints {
                    let address = network.endpoints[*endpoint].addresses.first().copied();
                    if address.is_some() {
                        found.push(Lead { via, to: *endpoint, address, port });
                    }
                    let carried = is_apart(network, via)
                        || realm_of(network, via) != realm_of(network, *endpoint);
                    if carried && fronts_max > 1 {
                        let sent = towards(heard, port);
                        for listener in &next.listeners {
                            let own = listener.flows.intersection(&sent);
                            for group in &listener.target_groups {
                                let group = &network.target_groups[*group];
                                if !own.is_empty() {
                                    let next = (next, &own);
                                    add(network, *endpoint, next, group, fronts_max - 1, found);
                                }
                            }
                        }
                    }
                }
            }
            TargetEnd::Address(_) | TargetEnd::Unread(_) => {}
        }
    }
}

impl Lead {
    /// What a front can establish with the target for what its listener hears. What the provider
    /// carries between networks is possible, never sure: whose guards see it is not told.
    pub(super) fn flows(
        &self,
        reach: &Reach<'_>,
        matrix: &Matrix,
        from: EndpointId,
        heard: &FlowSet,
    ) -> Bounds<FlowSet> {
        let network = reach.network;
        let wanted = towards(heard, self.port);
        let Some(address) = self.address else {
            // The provider runs it for each request.
            return Bounds::exact(heard.clone());
        };
        let carried = is_apart(network, self.via)
            || realm_of(network, self.via) != realm_of(network, self.to);
        let established = if matrix.between(self.via, self.to).is_some() {
            reach.leg(self.via, (self.to, address), &wanted)
        } else {
            Bounds::exact(FlowSet::none())
        };
        if !established.possible.is_empty() && self.via == from {
            return established;
        }
        let possible = if carried { wanted } else { established.possible };
        Bounds { sure: FlowSet::none(), possible }
    }
}

impl Reach<'_> {
    /// What of `wanted` an attachment of a front can establish with a target.
    fn leg(
        &self,
        from: EndpointId,
        (to, address): (EndpointId, IpAddr),
        wanted: &FlowSet,
    ) -> Bounds<FlowSet> {
        let mut found = Bounds::exact(FlowSet::none());
        for start in self.starts_of(from) {
            if start.source().is_some_and(|source| source.is_ipv4() != address.is_ipv4()) {
                continue;
            }
            for path in self.walker().paths(&start, address) {
                if path.end != End::Delivered(to) {
                    continue;
                }
                let folded = fold(self, &path, wanted, Asking::All);
                let (established, _) = self.reply(&start, &path, &folded);
                found.sure = found.sure.union(&established.sure);
                found.possible = found.possible.union(&established.possible);
            }
        }
        found
    }
}

/// What a front sends for what its listener hears: the same transport protocols, at the target's
/// port, from any source port.
fn towards(listens: &FlowSet, port: Option<u16>) -> FlowSet {
    let protocols: Vec<Protocol> = listens.protocols().collect();
    protocols
        .into_iter()
        .map(|protocol| {
            let ports = port.map_or_else(PortSet::full, PortSet::single);
            FlowSet::ports(protocol, PortSet::full(), ports)
        })
        .fold(FlowSet::none(), |all, one| all.union(&one))
}
