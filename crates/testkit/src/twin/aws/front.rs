//! Fronts: load balancers, their listeners and targets.

use std::net::IpAddr;

use super::bodies::{Interface, Listener, LoadBalancer, Target, TargetGroup};
use super::walk::{Crossing, End, Flow, Place, Undo, guarded};
use super::{Disposition, Estate, Packet, Start};

impl Estate {
    /// Whether an interface belongs to a load balancer.
    pub(super) fn is_front(&self, interface: &str) -> bool {
        self.bodies
            .interfaces
            .get(interface)
            .is_some_and(|interface| interface.description.starts_with("ELB "))
    }

    fn load_balancer_of(&self, interface: &Interface) -> Option<&LoadBalancer> {
        let name = interface.description.strip_prefix("ELB ")?;
        let suffix = format!(":loadbalancer/{name}");
        self.bodies.load_balancers.values().find(|one| one.arn.ends_with(&suffix))
    }

    /// F, for a load balancer: its own groups, a listener, then the front or its targets.
    pub(super) fn arrive_at_front(&self, interface: &Interface, mut flow: Flow) -> Vec<End> {
        let verdict = self.groups_admit(interface, false, &flow);
        flow.tracked.push(interface.id.clone());
        guarded(verdict, flow, Disposition::DeniedIn, &interface.id, |flow| {
            let place = Place::Interface(interface.id.clone());
            let Some(load_balancer) = self.load_balancer_of(interface) else {
                let upper = flow.clone().end_in(Disposition::Accepted, &interface.id, place);
                return flow.unknown(&interface.id, upper);
            };
            let listener = self.listener_for(load_balancer, &flow);
            let Some(listener) = listener else {
                return flow.end(Disposition::DeniedIn, &interface.id);
            };
            if load_balancer.kind != "network" {
                return flow.end_in(Disposition::Accepted, &interface.id, place);
            }
            self.pass_front(interface, load_balancer, listener, flow)
        })
    }

    fn listener_for(&self, load_balancer: &LoadBalancer, flow: &Flow) -> Option<&Listener> {
        self.bodies.listeners.iter().find(|listener| {
            listener.load_balancer == load_balancer.arn
                && listener.port == flow.header.destination_port
                && listener.carried().contains(&flow.protocol)
        })
    }

    fn pass_front(
        &self,
        interface: &Interface,
        load_balancer: &LoadBalancer,
        listener: &Listener,
        flow: Flow,
    ) -> Vec<End> {
        let mut ends = Vec::new();
        for id in &listener.target_groups {
            let Some(group) = self.bodies.target_groups.get(id) else {
                ends.extend(flow.clone().unknown(id, Vec::new()));
                continue;
            };
            if !self.preserves_client(group, flow.destination()) {
                let place = Place::Interface(interface.id.clone());
                ends.extend(flow.clone().end_in(Disposition::Accepted, &interface.id, place));
                continue;
            }
            for (address, port) in self.targets_of(interface, load_balancer, group) {
                ends.extend(self.forward_to(interface, address, port, flow.clone()));
            }
        }
        if ends.is_empty() { flow.end(Disposition::DeniedIn, &interface.id) } else { ends }
    }

    /// Whether the target sees the client's address.
    fn preserves_client(&self, group: &TargetGroup, destination: IpAddr) -> bool {
        // A group without targets translates nothing between families, nor passes anything on.
        let targets =
            self.bodies.targets.get(&group.arn).is_some_and(|targets| !targets.is_empty());
        let translates = targets && group.version_6 != destination.is_ipv6();
        if translates {
            return false;
        }
        let attribute = self.attribute(&group.arn, "preserve_client_ip.enabled");
        match (group.protocol.as_str(), group.kind.as_str(), attribute) {
            ("UDP" | "TCP_UDP", ..) | (_, "alb", _) => true,
            (_, _, Some(enabled)) => enabled == "true",
            (_, kind, None) => kind == "instance",
        }
    }

    fn attribute(&self, arn: &str, key: &str) -> Option<&str> {
        self.bodies.attributes.get(arn)?.get(key).map(String::as_str)
    }

    fn is_cross_zone(&self, load_balancer: &LoadBalancer, group: &TargetGroup) -> bool {
        const KEY: &str = "load_balancing.cross_zone.enabled";
        match self.attribute(&group.arn, KEY) {
            Some("true") => true,
            Some("false") => false,
            _ => match self.attribute(&load_balancer.arn, KEY) {
                Some(enabled) => enabled == "true",
                None => load_balancer.kind == "application",
            },
        }
    }

    /// The targets in reach of the load balancer's interface; healthy ones if there are any.
    fn targets_of(
        &self,
        interface: &Interface,
        load_balancer: &LoadBalancer,
        group: &TargetGroup,
    ) -> Vec<(IpAddr, u16)> {
        let any_zone = self.is_cross_zone(load_balancer, group);
        let zone = self.zone_of(&interface.subnet);
        let registered = self.bodies.targets.get(&group.arn).map_or(&[][..], Vec::as_slice);
        let mut targets: Vec<(IpAddr, &Target)> = Vec::new();
        for target in registered {
            for address in self.addresses_of_target(interface, group, target) {
                let holder = self.holder_in(&interface.vpc, address);
                let target_zone = holder.and_then(|holder| self.zone_of(&holder.subnet));
                if any_zone || target_zone == zone {
                    targets.push((address, target));
                }
            }
        }
        let healthy = targets.iter().any(|(_, target)| target.healthy);
        targets
            .into_iter()
            .filter(|(_, target)| target.healthy || !healthy)
            .map(|(address, target)| (address, target.port))
            .collect()
    }

    fn zone_of(&self, subnet: &str) -> Option<&str> {
        self.bodies.subnets.get(subnet).map(|subnet| subnet.zone.as_str())
    }

    fn holder_in(&self, vpc: &str, address: IpAddr) -> Option<&Interface> {
        self.bodies
            .interfaces
            .values()
            .find(|interface| interface.vpc == vpc && interface.addresses.contains(&address))
    }

    fn addresses_of_target(
        &self,
        front: &Interface,
        group: &TargetGroup,
        target: &Target,
    ) -> Vec<IpAddr> {
        let first = |interface: &Interface| {
            let mut addresses = interface.addresses.iter();
            addresses.find(|address| address.is_ipv6() == group.version_6).copied()
        };
        let interfaces = self.bodies.interfaces.values();
        match group.kind.as_str() {
            "instance" => interfaces
                .filter(|one| one.instance.as_ref() == Some(&target.id))
                .min_by_key(|one| one.device_index)
                .and_then(first)
                .into_iter()
                .collect(),
            "alb" => interfaces
                .filter(|one| one.vpc == front.vpc)
                .filter(|one| self.load_balancer_of(one).is_some_and(|lb| lb.arn == target.id))
                .filter_map(first)
                .collect(),
            _ => target.id.parse().into_iter().collect(),
        }
    }

    /// Sends a packet on to a target with the client's address, where the load balancer's own groups
    /// let it out: no route of the load balancer's subnet is looked at, and the target's ACL only if
    /// the client is in another subnet.
    fn forward_to(
        &self,
        front: &Interface,
        address: IpAddr,
        port: u16,
        mut flow: Flow,
    ) -> Vec<End> {
        flow.undo.push(Undo::Front {
            interface: front.id.clone(),
            address: flow.header.destination,
            port: flow.header.destination_port,
        });
        flow.crossings.push(Crossing::Front(front.id.clone()));
        flow.header.destination = address;
        flow.header.destination_port = port;
        let verdict = self.groups_admit(front, true, &flow);
        guarded(verdict, flow, Disposition::DeniedIn, &front.id, |flow| {
            self.find_target(front, address, flow)
        })
    }

    fn find_target(&self, front: &Interface, address: IpAddr, flow: Flow) -> Vec<End> {
        let subnet = self.bodies.subnets.values().find(|subnet| {
            subnet.vpc == front.vpc && subnet.prefixes.iter().any(|prefix| prefix.contains(address))
        });
        let Some(subnet) = subnet else { return flow.end(Disposition::NullRouted, &front.vpc) };
        let beside = flow.sender.as_ref().is_some_and(|sender| {
            self.bodies.interfaces.get(sender).is_some_and(|client| client.subnet == subnet.id)
        });
        if beside { self.find_neighbor(subnet, flow) } else { self.enter_subnet(subnet, flow) }
    }

    /// What a load balancer that ends the leg sends on from one of its interfaces: a packet to each
    /// target in reach, at the target's port.
    pub fn second_legs(&self, interface: &str) -> Vec<Packet> {
        self.legs_by_listener(interface).into_iter().map(|(_, packet)| packet).collect()
    }

    /// What a load balancer that ends the leg sends on from one of its interfaces, and for which of
    /// its listeners.
    pub(super) fn legs_by_listener(&self, interface: &str) -> Vec<(&Listener, Packet)> {
        let found = self.bodies.interfaces.get(interface);
        let found = found.and_then(|one| Some((one, self.load_balancer_of(one)?)));
        let Some((front, load_balancer)) = found else { return Vec::new() };
        let mut legs = Vec::new();
        let listeners =
            self.bodies.listeners.iter().filter(|one| one.load_balancer == load_balancer.arn);
        for listener in listeners {
            let groups = listener.target_groups.iter();
            for group in groups.filter_map(|id| self.bodies.target_groups.get(id)) {
                let family = if group.version_6 { VERSION_6 } else { VERSION_4 };
                if load_balancer.kind == "network" && self.preserves_client(group, family) {
                    continue;
                }
                for (destination, destination_port) in self.targets_of(front, load_balancer, group)
                {
                    let packet = Packet {
                        start: Start::Interface(front.id.clone()),
                        source: None,
                        destination,
                        protocol: if group.protocol == "UDP" { 17 } else { 6 },
                        source_port: SECOND_LEG_SOURCE_PORT,
                        destination_port,
                        icmp_type: 0,
                        icmp_code: 0,
                    };
                    legs.push((listener, packet));
                }
            }
        }
        legs
    }
}

/// One of the ports that load balancers send from (1024-65535).
const SECOND_LEG_SOURCE_PORT: u16 = 40_000;
const VERSION_4: IpAddr = IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED);
const VERSION_6: IpAddr = IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED);
