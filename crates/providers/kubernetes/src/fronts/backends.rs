//! What is behind the backends of an ingress or a route, for the front that serves it.

use std::net::IpAddr;

use watertight_model::network::{
    Action, AddressList, EndpointId, Health, ListContent, Peer, Rule, Target, TargetEnd,
};
use watertight_model::{ArenaId, Name};
use watertight_net::{AddressSet, Family, PortSet, Prefix, Protocol};

use super::listed::{Holder, Listed};
use super::services::{Service, Services, numbers};
use super::{Backend, Way};
use crate::codes;
use crate::flows::to_ports;
use crate::lower::Lowering;
use crate::workloads::Pod;

/// Where a front leads what comes by one way.
#[derive(Debug)]
pub(super) struct Led {
    /// What it may send.
    pub(super) rules: Vec<Rule>,
    pub(super) targets: Vec<Target>,
    /// Whether these are all.
    pub(super) is_known: bool,
}

/// One of those behind a backend.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum End {
    /// A pod, at its addresses of a family or at all.
    Pod(usize, EndpointId, Option<Family>),
    /// An address outside.
    Address(IpAddr),
    /// One of several pods at an address.
    OneOf(IpAddr, Vec<EndpointId>),
}

/// Those behind a backend, each with the protocol and port at which it is reached.
type Reached = (End, Protocol, u16);

/// Where a way leads.
pub(super) fn led(lowering: &mut Lowering<'_>, services: &Services, way: &Way) -> Led {
    let mut led = Led { rules: Vec::new(), targets: Vec::new(), is_known: true };
    let pods: Vec<(&Pod, EndpointId)> = lowering.placed().collect();
    for backend in &way.backends {
        let Some(service) = services.get(&backend.namespace, &backend.service) else {
            let message = format!(
                "the service `{}/{}` is not in the input: it leads nowhere",
                backend.namespace, backend.service
            );
            lowering.notes.warn(codes::MISSING, way.span, message);
            continue;
        };
        if service.is_told() {
            for reached in reached(&pods, service, backend) {
                led.add(lowering, way, reached);
            }
        } else {
            led.add_untold(way, backend);
        }
    }
    led
}

/// Those behind a backend, each once.
///
/// Source: Kubernetes, *Service*, "Services without selectors": such a service leads to what objects list,
/// whoever asks for it.
fn reached(pods: &[(&Pod, EndpointId)], service: &Service, backend: &Backend) -> Vec<Reached> {
    let mut found: Vec<Reached> = Vec::new();
    let meant = service.meant(backend.port.as_ref());
    // HTTP, TLS and TCP go to ports of TCP, whatever else the service has of that number.
    for port in meant.filter(|port| port.protocol == backend.protocol) {
        for (pod, id) in pods.iter().filter(|(pod, _)| service.selects(pod)) {
            let end = End::Pod(id.index(), *id, None);
            found.extend(numbers(pod, port).map(|number| (end.clone(), port.protocol, number)));
        }
        if service.has_selector() {
            continue;
        }
        for one in service.lists.behind(port) {
            let Listed { address, number, .. } = one;
            let end = match one.holder(pods) {
                Holder::Nobody => End::Address(address),
                Holder::Pod(id) => End::Pod(id.index(), id, Some(Family::of(address))),
                Holder::OneOf(those) => End::OneOf(address, those),
            };
            found.push((end, port.protocol, number));
        }
    }
    found.sort();
    found.dedup();
    found
}

impl Led {
    fn add(&mut self, lowering: &mut Lowering<'_>, way: &Way, reached: Reached) {
        let (end, protocol, port) = reached;
        let flows = to_ports(protocol, PortSet::single(port));
        let mut rule = |peer| self.rules.push(rule(way, peer, flows.clone()));
        let target = match end {
            End::Pod(_, pod, only) => {
                let own = of_family(lowering, pod, only);
                for address in &own {
                    rule(Peer::Prefix(Prefix::host(*address)));
                }
                // The front takes what comes over one family to pods over the other, too.
                let first = own.iter().find(|one| Family::of(**one) == Family::V4).or(own.first());
                first.map(|address| TargetEnd::Endpoint(pod, *address))
            }
            End::Address(address) => {
                rule(Peer::Prefix(Prefix::host(address)));
                Some(TargetEnd::Address(address))
            }
            End::OneOf(address, those) => {
                let only = Some(Family::of(address));
                let all = those.iter().flat_map(|pod| of_family(lowering, *pod, only));
                let all = AddressSet::from_prefixes(all.map(Prefix::host));
                let name = Name::from(format!("one of several pods at {address}"));
                rule(Peer::List(lowering.estate.network.lists.push(AddressList {
                    name: name.clone(),
                    content: ListContent::Unread(all),
                    origin: Some(way.span),
                })));
                Some(TargetEnd::Unread(name))
            }
        };
        self.targets.extend(target.map(|end| Target {
            end,
            port: Some(port),
            health_port: Some(port),
            health: Health::Unknown,
        }));
    }

    /// Adds that a service leads somewhere, where is not told.
    fn add_untold(&mut self, way: &Way, backend: &Backend) {
        let what = format!("what is behind {}.{}.svc", backend.service, backend.namespace);
        let flows = to_ports(backend.protocol, PortSet::full());
        self.rules.push(rule(way, Peer::Unread(Name::from(what)), flows));
        self.is_known = false;
    }
}

fn rule(way: &Way, peer: Peer, flows: watertight_net::FlowSet) -> Rule {
    Rule {
        name: way.name.clone(),
        peer,
        flows: flows.into(),
        action: Action::Accept,
        origin: Some(way.span),
    }
}

/// The addresses of a pod, of one family or all.
fn of_family(lowering: &Lowering<'_>, pod: EndpointId, only: Option<Family>) -> Vec<IpAddr> {
    let all = lowering.estate.network.endpoints[pod].addresses.iter().copied();
    all.filter(|one| only.is_none_or(|family| Family::of(*one) == family)).collect()
}
