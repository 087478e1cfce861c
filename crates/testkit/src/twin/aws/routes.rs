//! Routes: D with its targets, T through transit gateways, I from the internet, O from outside.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::bodies::{Destination, NextHop, Route, RouteTable, Subnet, Vpc};
use super::guards::{PublicAccess, Verdict};
use super::prefix::is_global_unicast;
use super::reply::egress_only_gateway_of_reply;
use super::walk::{Crossing, End, Flow, Place, Undo, exit, guarded};
use super::{Disposition, Estate, Prefix};

mod transit;

/// Where a packet meets a route table.
#[derive(Clone, Copy)]
struct Router<'a> {
    vpc: &'a str,
    /// The subnet that it leaves; none at the edge of a gateway.
    subnet: Option<&'a Subnet>,
    /// The subnet or the gateway.
    at: &'a str,
}

/// The route that a packet takes.
enum Choice<'a> {
    None,
    One(&'a Route),
    /// It depends on a prefix list whose entries are not in the estate, or on which of two the
    /// provider takes.
    Several(Vec<&'a Route>),
}

impl Estate {
    /// The table that is associated with the subnet, else the VPC's main table.
    fn table_of(&self, subnet: &Subnet) -> Option<&RouteTable> {
        let tables = || self.bodies.tables.values();
        tables()
            .find(|table| table.subnets.contains(&subnet.id))
            .or_else(|| tables().find(|table| table.main && table.vpc == subnet.vpc))
    }

    fn edge_table_of(&self, gateway: &str) -> Option<&RouteTable> {
        self.bodies.tables.values().find(|table| table.gateways.iter().any(|one| one == gateway))
    }

    /// D. The subnet's route table.
    pub(super) fn route_from_subnet(&self, subnet: &Subnet, flow: Flow) -> Vec<End> {
        match self.table_of(subnet) {
            Some(table) => {
                let router = Router { vpc: &subnet.vpc, subnet: Some(subnet), at: &subnet.id };
                self.route(table, router, flow)
            }
            None => flow.unknown(&subnet.id, Vec::new()),
        }
    }

    fn route(&self, table: &RouteTable, router: Router<'_>, mut flow: Flow) -> Vec<End> {
        if flow.revisits(router.at) {
            return flow.end(Disposition::Loop, router.at);
        }
        match self.choose(table, flow.destination()) {
            Choice::None => flow.end(Disposition::NoRoute, router.at),
            Choice::One(route) => self.follow(route, router, flow),
            Choice::Several(routes) => {
                let ends = routes.iter().flat_map(|route| self.follow(route, router, flow.clone()));
                let upper = ends.collect();
                flow.unknown(router.at, upper)
            }
        }
    }

    /// Longest prefix; then static prefix, static prefix list, propagated.
    fn choose<'a>(&self, table: &'a RouteTable, destination: IpAddr) -> Choice<'a> {
        let mut certain = Vec::new();
        let mut uncertain = Vec::new();
        for route in &table.routes {
            if route.propagated && self.is_within_vpc(&table.vpc, &route.destination) {
                continue;
            }
            let (verdict, length, rank) = match &route.destination {
                Destination::Prefix(prefix) => (
                    Verdict::from(prefix.contains(destination)),
                    prefix.length,
                    if route.propagated { 2 } else { 0 },
                ),
                Destination::PrefixList(id) => {
                    let (verdict, length) = self.list_contains(id, destination);
                    (verdict, length, 1)
                }
            };
            let candidate = ((std::cmp::Reverse(length), rank), route);
            match verdict {
                Verdict::Yes => certain.push(candidate),
                // A gateway endpoint's list holds addresses of a public service only.
                Verdict::Unknown
                    if !matches!(route.target, NextHop::Endpoint(_))
                        || is_global_unicast(destination) =>
                {
                    uncertain.push(candidate);
                }
                _ => {}
            }
        }
        let best = certain.iter().min_by_key(|one| one.0);
        // Of prefix lists that hold the same prefix, nobody knows which one the provider takes.
        if let Some((key @ (_, 1), first)) = best {
            let ties = certain.iter().filter(|(other, _)| other == key).map(|(_, route)| *route);
            let leads = |one: &Route| (one.blackhole, format!("{:?}", one.target));
            uncertain.extend(ties.filter(|one| leads(one) != leads(first)).map(|one| (*key, one)));
        }
        let best = best.map(|one| one.1);
        if uncertain.is_empty() {
            return best.map_or(Choice::None, Choice::One);
        }
        Choice::Several(best.into_iter().chain(uncertain.iter().map(|one| one.1)).collect())
    }

    /// Whether the local route of the VPC holds a propagated one: then that one is never used.
    fn is_within_vpc(&self, vpc: &str, destination: &Destination) -> bool {
        let Destination::Prefix(prefix) = destination else { return false };
        let Some(vpc) = self.bodies.vpcs.get(vpc) else { return false };
        vpc.prefixes.iter().any(|own| own.length <= prefix.length && own.contains(prefix.network))
    }

    fn follow(&self, route: &Route, router: Router<'_>, flow: Flow) -> Vec<End> {
        if route.blackhole {
            return flow.end(Disposition::NullRouted, router.at);
        }
        match &route.target {
            NextHop::Local => self.local_delivery(router.vpc, flow),
            NextHop::InternetGateway(id) => self.to_internet_gateway(id, router, flow),
            NextHop::Nat(id) => self.to_nat(id, router, flow),
            NextHop::EgressOnly(id) => self.to_egress_only_gateway(id, router, flow),
            NextHop::TransitGateway(id) => self.to_transit_gateway(id, router, flow),
            NextHop::Peering(id) => self.to_peering(id, router, flow),
            NextHop::VpnGateway(id) => {
                if self.is_attached(id, router.vpc) {
                    exit(id, flow)
                } else {
                    flow.end(Disposition::NullRouted, router.at)
                }
            }
            NextHop::Endpoint(id) => self.to_endpoint(id, router, flow),
            NextHop::Interface(id) => self.to_interface(id, router, flow),
            NextHop::Instance(id) => {
                let primary = self
                    .bodies
                    .interfaces
                    .values()
                    .filter(|interface| interface.instance.as_ref() == Some(id))
                    .min_by_key(|interface| interface.device_index);
                match primary {
                    Some(interface) => self.to_interface(&interface.id, router, flow),
                    None => flow.end(Disposition::NullRouted, router.at),
                }
            }
            NextHop::Other(id) => flow.unknown(id, Vec::new()),
        }
    }

    fn is_attached(&self, gateway: &str, vpc: &str) -> bool {
        self.bodies.attached.get(gateway).is_some_and(|attached| attached == vpc)
    }

    fn to_internet_gateway(&self, id: &str, router: Router<'_>, mut flow: Flow) -> Vec<End> {
        if !self.is_attached(id, router.vpc) {
            return flow.end(Disposition::NullRouted, router.at);
        }
        flow.path.push(id.to_owned());
        let subnet = router.subnet.map(|subnet| subnet.id.as_str()).unwrap_or_default();
        let access = self.public_access(router.vpc, subnet);
        let by_nat = self.bodies.interfaces.values().any(|one| {
            one.vpc == router.vpc
                && flow.header.source.is_some_and(|source| one.addresses.contains(&source))
                && self.nat_of(&one.id).is_some()
        });
        if access == PublicAccess::Closed || (access == PublicAccess::EgressOnly && !by_nat) {
            return flow.end(Disposition::DeniedIn, id);
        }
        if flow.destination().is_ipv4() {
            let public = self.public_address_of(router.vpc, flow.header.source);
            let Some(public) = public else { return flow.end(Disposition::DeniedIn, id) };
            flow.header.source = Some(public);
        }
        self.onto_internet(flow)
    }

    fn public_address_of(&self, vpc: &str, private: Option<IpAddr>) -> Option<IpAddr> {
        self.bodies
            .interfaces
            .values()
            .filter(|interface| interface.vpc == vpc)
            .flat_map(|interface| &interface.public)
            .find(|pair| Some(pair.0) == private)
            .map(|pair| pair.1)
    }

    fn onto_internet(&self, mut flow: Flow) -> Vec<End> {
        flow.sender = None;
        flow.crossings.push(Crossing::Internet);
        self.enter_from_internet(flow)
    }

    fn to_egress_only_gateway(&self, id: &str, router: Router<'_>, mut flow: Flow) -> Vec<End> {
        if flow.destination().is_ipv4() || !self.is_attached(id, router.vpc) {
            return flow.end(Disposition::NullRouted, router.at);
        }
        flow.path.push(id.to_owned());
        let subnet = router.subnet.map(|subnet| subnet.id.as_str()).unwrap_or_default();
        if self.public_access(router.vpc, subnet) == PublicAccess::Closed {
            return flow.end(Disposition::DeniedIn, id);
        }
        // It keeps state and has seen nothing of what was opened from outside.
        if flow.is_reply() {
            return flow.end(Disposition::DeniedIn, id);
        }
        flow.undo.push(Undo::EgressOnly { id: id.to_owned(), vpc: router.vpc.to_owned() });
        self.onto_internet(flow)
    }

    fn to_nat(&self, id: &str, router: Router<'_>, flow: Flow) -> Vec<End> {
        if !self.bodies.nats.contains_key(id) {
            return flow.unknown(id, Vec::new());
        }
        let nat = self.bodies.nats.get(id).filter(|nat| nat.available);
        let found = nat.and_then(|nat| Some((nat.private?, self.bodies.subnets.get(&nat.subnet)?)));
        let Some((private, subnet)) = found else {
            return flow.end(Disposition::NullRouted, router.at);
        };
        self.step_into(subnet, router, flow, |mut flow| {
            flow.path.push(id.to_owned());
            let linked =
                matches!(flow.crossings.last(), Some(Crossing::Peering(_) | Crossing::Link));
            let before = (flow.header, flow.protocol);
            let Some(source) = flow.header.source.filter(|_| !linked) else {
                return flow.end(Disposition::DeniedIn, id);
            };
            match (flow.destination(), flow.protocol) {
                (IpAddr::V4(_), 6 | 17 | 1) => {}
                (IpAddr::V6(destination), 6 | 17 | 58) if is_translated(destination) => {
                    flow.header.destination = IpAddr::V4(embedded(destination));
                    if flow.protocol == 58 {
                        flow.protocol = 1;
                        flow.icmp_type = echo_of_version_4(flow.icmp_type);
                    }
                }
                _ => return flow.end(Disposition::DeniedIn, id),
            }
            flow.header.source = Some(private);
            flow.sender = None;
            flow.crossings.push(Crossing::Nat);
            flow.undo.push(Undo::Nat {
                id: id.to_owned(),
                source,
                destination: before.0.destination,
                protocol: before.1,
            });
            self.leave_subnet(subnet, flow)
        })
    }

    /// Enters the subnet of a gateway or a forwarding interface: no ACL inside one subnet.
    fn step_into(
        &self,
        subnet: &Subnet,
        router: Router<'_>,
        mut flow: Flow,
        next: impl FnOnce(Flow) -> Vec<End>,
    ) -> Vec<End> {
        if router.subnet.is_some_and(|from| from.id == subnet.id) {
            return next(flow);
        }
        let verdict = self.acl_admits(subnet, false, &flow);
        flow.path.push(subnet.id.clone());
        guarded(verdict, flow, Disposition::DeniedIn, &subnet.id, next)
    }

    fn to_peering(&self, id: &str, router: Router<'_>, mut flow: Flow) -> Vec<End> {
        if !self.bodies.peerings.contains_key(id) {
            return flow.unknown(id, Vec::new());
        }
        let peering = self.bodies.peerings.get(id).filter(|peering| peering.active);
        let peer = peering.and_then(|peering| {
            let [requester, accepter] = &peering.sides;
            match router.vpc {
                vpc if vpc == requester.vpc => Some(accepter),
                vpc if vpc == accepter.vpc => Some(requester),
                _ => None,
            }
        });
        let Some(peer) = peer else { return flow.end(Disposition::NullRouted, router.at) };
        let known = self.bodies.vpcs.get(&peer.vpc);
        let prefixes = known.map_or(&peer.prefixes, |vpc| &vpc.prefixes);
        if !holds(prefixes, flow.destination()) {
            return flow.end(Disposition::NullRouted, router.at);
        }
        flow.path.push(id.to_owned());
        flow.crossings.push(Crossing::Peering(id.to_owned()));
        self.local_delivery(&peer.vpc, flow)
    }

    fn to_endpoint(&self, id: &str, router: Router<'_>, mut flow: Flow) -> Vec<End> {
        let endpoint = self.bodies.endpoints.get(id);
        let Some(endpoint) = endpoint.filter(|one| one.available && one.vpc == router.vpc) else {
            return flow.end(Disposition::NullRouted, router.at);
        };
        if endpoint.kind == "Gateway" {
            flow.path.push(id.to_owned());
            flow.path.push(endpoint.service.clone());
            let place = Place::Service { vpc: router.vpc.to_owned() };
            return flow.end_in(Disposition::Accepted, id, place);
        }
        let subnet = endpoint.subnet.as_ref().and_then(|id| self.bodies.subnets.get(id));
        let Some(subnet) = subnet.filter(|_| endpoint.kind == "GatewayLoadBalancer") else {
            return flow.unknown(id, Vec::new());
        };
        self.step_into(subnet, router, flow, |mut flow| {
            flow.path.push(id.to_owned());
            let mut passed = flow.clone();
            passed.crossings.push(Crossing::Unreadable);
            passed.sender = None;
            let upper = self.within_subnet(subnet, passed);
            flow.unknown(id, upper)
        })
    }

    /// An interface that forwards, if its source and destination check lets it.
    fn to_interface(&self, id: &str, router: Router<'_>, flow: Flow) -> Vec<End> {
        let interface = self.bodies.interfaces.get(id);
        let found = interface.and_then(|one| Some((one, self.bodies.subnets.get(&one.subnet)?)));
        let Some((interface, subnet)) = found else {
            // The route is active, so its target exists; the bodies do not have it.
            return flow.unknown(id, Vec::new());
        };
        if interface.addresses.contains(&flow.destination()) {
            return self.step_into(subnet, router, flow, |flow| self.arrive(interface, flow));
        }
        self.step_into(subnet, router, flow, |mut flow| {
            flow.path.push(id.to_owned());
            let verdict = self.groups_admit(interface, false, &flow);
            // A reply that comes in opens no connection by which it could go out.
            if !flow.is_reply() {
                flow.tracked.push(id.to_owned());
            }
            guarded(verdict, flow, Disposition::DeniedIn, id, |flow| {
                if interface.source_dest_check || interface.loose {
                    return flow.end(Disposition::DeniedIn, id);
                }
                let mut passed = flow.clone();
                passed.crossings.push(Crossing::Unreadable);
                passed.sender = None;
                let upper = self.leave_interface(interface, passed, Disposition::DeniedIn);
                flow.unknown(id, upper)
            })
        })
    }

    /// I. From the internet.
    pub(super) fn enter_from_internet(&self, mut flow: Flow) -> Vec<End> {
        let destination = flow.destination();
        flow.path.push(INTERNET.to_owned());
        if flow.revisits(INTERNET) {
            return flow.end(Disposition::Loop, INTERNET);
        }
        if !is_global_unicast(destination) {
            return flow.end(Disposition::NullRouted, INTERNET);
        }
        let holder = self.bodies.interfaces.values().find(|interface| {
            interface.public.iter().any(|pair| pair.1 == destination)
                || (destination.is_ipv6() && interface.addresses.contains(&destination))
        });
        let Some(holder) = holder else {
            return flow.end_in(Disposition::ExitsNetwork, INTERNET, Place::Internet);
        };
        if flow.crossings.last() != Some(&Crossing::Internet) {
            flow.crossings.push(Crossing::Internet);
        }
        if let Some(gateway) = egress_only_gateway_of_reply(&holder.vpc, &flow) {
            flow.path.push(gateway);
            return self.local_delivery(&holder.vpc, flow);
        }
        let gateway = self
            .bodies
            .attached
            .iter()
            .find(|(id, vpc)| id.starts_with("igw-") && **vpc == holder.vpc)
            .map(|(id, _)| id);
        let Some(gateway) = gateway else { return flow.end(Disposition::NullRouted, INTERNET) };
        flow.path.push(gateway.clone());
        let access = self.public_access(&holder.vpc, &holder.subnet);
        let answer_to_nat = flow.is_reply() && self.nat_of(&holder.id).is_some();
        if access == PublicAccess::Closed || (access == PublicAccess::EgressOnly && !answer_to_nat)
        {
            return flow.end(Disposition::DeniedIn, gateway);
        }
        if let Some((private, _)) = holder.public.iter().find(|pair| pair.1 == destination) {
            flow.header.destination = *private;
        }
        match self.edge_table_of(gateway) {
            Some(table) => {
                let router = Router { vpc: &holder.vpc, subnet: None, at: gateway };
                self.route(table, router, flow)
            }
            None => self.local_delivery(&holder.vpc, flow),
        }
    }

    /// O. From behind a virtual private gateway or an attachment of a transit gateway.
    pub(super) fn enter_from_outside(&self, id: &str, mut flow: Flow) -> Vec<End> {
        flow.path.push(format!("outside:{id}"));
        if !id.starts_with("vgw-") {
            return self.enter_by_attachment(id, flow);
        }
        flow.crossings.push(Crossing::Link);
        let vpc = self.bodies.attached.get(id).and_then(|vpc| self.bodies.vpcs.get(vpc));
        let Some(vpc) = vpc else { return flow.end(Disposition::NullRouted, id) };
        flow.path.push(id.to_owned());
        if let Some(table) = self.edge_table_of(id) {
            return self.route(table, Router { vpc: &vpc.id, subnet: None, at: id }, flow);
        }
        if holds_vpc(vpc, flow.destination()) {
            return self.local_delivery(&vpc.id, flow);
        }
        flow.end(Disposition::NullRouted, id)
    }
}

const INTERNET: &str = "internet";

fn holds(prefixes: &[Prefix], address: IpAddr) -> bool {
    prefixes.iter().any(|prefix| prefix.contains(address))
}

fn holds_vpc(vpc: &Vpc, address: IpAddr) -> bool {
    holds(&vpc.prefixes, address)
}

/// Whether the address stands for an IPv4 address behind a translator (`64:ff9b::/96`).
fn is_translated(address: Ipv6Addr) -> bool {
    address.segments()[..6] == [0x0064, 0xff9b, 0, 0, 0, 0]
}

fn embedded(address: Ipv6Addr) -> Ipv4Addr {
    let [.., a, b, c, d] = address.octets();
    Ipv4Addr::new(a, b, c, d)
}

fn echo_of_version_4(icmp_type: u8) -> u8 {
    match icmp_type {
        128 => 8,
        129 => 0,
        other => other,
    }
}
