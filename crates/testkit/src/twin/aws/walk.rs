//! The walk's own state, and the steps between subnets and interfaces: A, B, C, E, F and L.

use std::net::{IpAddr, Ipv4Addr};

use super::bodies::{Interface, NextHop, Subnet};
use super::guards::Verdict;
use super::prefix::is_link_local;
use super::{Disposition, Estate, Packet, Start};

/// What a rule can see of the way that a packet took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Crossing {
    Internet,
    Nat,
    /// Something that forwards and cannot be read.
    Unreadable,
    /// A load balancer that keeps the client's address; its interface.
    Front(String),
    Peering(String),
    TransitGateway {
        id: String,
        entered: String,
        left: String,
    },
    /// A tunnel or a direct link.
    Link,
}

/// A translation that the reply undoes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Undo {
    Nat { id: String, source: IpAddr, destination: IpAddr, protocol: u8 },
    Front { interface: String, address: IpAddr, port: u16 },
    EgressOnly { id: String, vpc: String },
}

/// What is being asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Mode {
    Forward,
    /// Where does the way lead? No guard refuses.
    Probe,
    /// The way back to `sender`, if an interface sent the packet.
    Reply {
        sender: Option<String>,
    },
}

/// Addresses and ports as the sender wrote them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) source: Option<IpAddr>,
    pub(super) destination: IpAddr,
    pub(super) source_port: u16,
    pub(super) destination_port: u16,
}

/// A packet on its way, with what it has passed.
#[derive(Debug, Clone)]
pub(super) struct Flow {
    pub(super) header: Header,
    pub(super) protocol: u8,
    pub(super) icmp_type: u8,
    pub(super) icmp_code: u8,
    pub(super) sent: Header,
    /// The interface that sent it, as long as its source address is unchanged.
    pub(super) sender: Option<String>,
    /// The sender's subnet until the packet has left it.
    pub(super) home: Option<String>,
    /// The zone of the subnet that it left last.
    pub(super) zone: String,
    pub(super) crossings: Vec<Crossing>,
    pub(super) undo: Vec<Undo>,
    /// Interfaces whose security groups saw the packet.
    pub(super) tracked: Vec<String>,
    pub(super) path: Vec<String>,
    pub(super) visited: Vec<(String, Header)>,
    pub(super) mode: Mode,
}

/// Where a packet ended, to begin the reply there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    Nowhere,
    /// The platform beside the sender: nothing lies between.
    Platform,
    Interface(String),
    /// A service behind a gateway endpoint of the VPC.
    Service {
        vpc: String,
    },
    Internet,
    Outside(String),
}

/// One end of a walk.
#[derive(Debug, Clone)]
pub(super) struct End {
    pub(super) disposition: Disposition,
    pub(super) at: String,
    pub(super) place: Place,
    pub(super) flow: Flow,
    pub(super) upper: Vec<Self>,
}

impl End {
    pub(super) fn accepts(&self) -> (bool, bool) {
        match self.disposition {
            Disposition::Accepted => (true, true),
            Disposition::Unknown => {
                (false, self.upper.is_empty() || self.upper.iter().any(|end| end.accepts().1))
            }
            _ => (false, false),
        }
    }
}

impl Flow {
    fn of(packet: &Packet) -> Self {
        let header = Header {
            source: packet.source,
            destination: packet.destination,
            source_port: packet.source_port,
            destination_port: packet.destination_port,
        };
        Self {
            header,
            protocol: packet.protocol,
            icmp_type: packet.icmp_type,
            icmp_code: packet.icmp_code,
            sent: header,
            sender: None,
            home: None,
            zone: String::new(),
            crossings: Vec::new(),
            undo: Vec::new(),
            tracked: Vec::new(),
            path: Vec::new(),
            visited: Vec::new(),
            mode: Mode::Forward,
        }
    }

    pub(super) fn destination(&self) -> IpAddr {
        self.header.destination
    }

    pub(super) fn is_reply(&self) -> bool {
        matches!(self.mode, Mode::Reply { .. })
    }

    /// One end of this flow.
    pub(super) fn end(self, disposition: Disposition, at: &str) -> Vec<End> {
        self.end_in(disposition, at, Place::Nowhere)
    }

    pub(super) fn end_in(self, disposition: Disposition, at: &str, place: Place) -> Vec<End> {
        vec![End { disposition, at: at.to_owned(), place, flow: self, upper: Vec::new() }]
    }

    /// An end that cannot be known, with what follows if the packet passes.
    pub(super) fn unknown(self, at: &str, upper: Vec<End>) -> Vec<End> {
        let disposition = Disposition::Unknown;
        vec![End { disposition, at: at.to_owned(), place: Place::Nowhere, flow: self, upper }]
    }

    /// Notes that the packet is at a place; true if it was there before with this header.
    pub(super) fn revisits(&mut self, place: &str) -> bool {
        let visit = (place.to_owned(), self.header);
        let before = self.visited.contains(&visit);
        self.visited.push(visit);
        before
    }
}

/// Goes on, ends, or both, as a guard says.
pub(super) fn guarded(
    verdict: Verdict,
    flow: Flow,
    refusal: Disposition,
    at: &str,
    next: impl FnOnce(Flow) -> Vec<End>,
) -> Vec<End> {
    match verdict {
        Verdict::Yes => next(flow),
        Verdict::No => flow.end(refusal, at),
        Verdict::Unknown => {
            let upper = next(flow.clone());
            flow.unknown(at, upper)
        }
    }
}

impl Estate {
    pub(super) fn begin(&self, packet: &Packet) -> Vec<End> {
        let mut flow = Flow::of(packet);
        match &packet.start {
            Start::Interface(id) => {
                let Some(interface) = self.bodies.interfaces.get(id) else {
                    return flow.unknown(id, Vec::new());
                };
                let version_4 = packet.destination.is_ipv4();
                let primary = interface.addresses.iter().find(|one| one.is_ipv4() == version_4);
                let Some(source) = packet.source.or(primary.copied()) else {
                    return flow.end(Disposition::NoRoute, id);
                };
                flow.header.source = Some(source);
                flow.sent = flow.header;
                flow.sender = Some(id.clone());
                flow.home = Some(interface.subnet.clone());
                self.leave_interface(interface, flow, Disposition::DeniedOut)
            }
            Start::SubnetAt(id) => match self.bodies.subnets.get(id) {
                Some(subnet) => {
                    flow.home = Some(id.clone());
                    self.within_subnet(subnet, flow)
                }
                None => flow.unknown(id, Vec::new()),
            },
            Start::Vpc(id) => {
                flow.header.source = None;
                flow.sent.source = None;
                self.local_delivery(id, flow)
            }
            Start::Internet => self.enter_from_internet(flow),
            Start::Outside(id) => self.enter_from_outside(id, flow),
        }
    }

    /// A. Leaves an interface.
    pub(super) fn leave_interface(
        &self,
        interface: &Interface,
        mut flow: Flow,
        refusal: Disposition,
    ) -> Vec<End> {
        flow.path.push(interface.id.clone());
        if interface.addresses.contains(&flow.destination()) {
            return flow.end_in(Disposition::Accepted, &interface.id, Place::Platform);
        }
        if let Some((disposition, service)) = self.platform_service(interface, &flow) {
            return flow.end_in(disposition, service, Place::Platform);
        }
        // An interface endpoint answers; the service behind it opens nothing. Nor does the interface
        // of a transit gateway.
        let opens_nothing = ["vpc_endpoint", "transit_gateway"].contains(&interface.kind.as_str());
        if opens_nothing && !flow.is_reply() && flow.sender.as_ref() == Some(&interface.id) {
            return flow.end(Disposition::DeniedOut, &interface.id);
        }
        let verdict = self.groups_admit(interface, true, &flow);
        flow.tracked.push(interface.id.clone());
        guarded(verdict, flow, refusal, &interface.id, |flow| {
            match self.bodies.subnets.get(&interface.subnet) {
                Some(subnet) => self.within_subnet(subnet, flow),
                None => flow.unknown(&interface.subnet, Vec::new()),
            }
        })
    }

    /// Link-local services and the VPC's resolver, which no guard looks at.
    fn platform_service(
        &self,
        interface: &Interface,
        flow: &Flow,
    ) -> Option<(Disposition, &'static str)> {
        let destination = flow.destination();
        let verdict = |accepted| {
            if accepted { Disposition::Accepted } else { Disposition::DeniedIn }
        };
        let metadata =
            [IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)), IpAddr::V6(METADATA_VERSION_6)];
        if metadata.contains(&destination) {
            let instance = interface.instance.as_ref().and_then(|id| self.bodies.instances.get(id));
            let enabled = instance.is_some_and(|instance| instance.metadata_enabled);
            let http = flow.protocol == 6 && flow.header.destination_port == 80;
            return Some((verdict(enabled && http), "instance-metadata"));
        }
        if is_link_local(destination) {
            return Some((Disposition::Accepted, "link-local"));
        }
        if self.resolver(&interface.vpc) == Some(destination) {
            let dns = matches!(flow.protocol, 6 | 17) && flow.header.destination_port == 53;
            return Some((verdict(dns), "resolver"));
        }
        None
    }

    /// The VPC's first IPv4 prefix plus two.
    fn resolver(&self, vpc: &str) -> Option<IpAddr> {
        let first = self.bodies.vpcs.get(vpc)?.prefixes.iter().find(|one| one.network.is_ipv4())?;
        match first.network {
            IpAddr::V4(base) => {
                base.to_bits().checked_add(2).map(|bits| Ipv4Addr::from_bits(bits).into())
            }
            IpAddr::V6(_) => None,
        }
    }

    /// B. Stays in the subnet, else leaves it.
    pub(super) fn within_subnet(&self, subnet: &Subnet, flow: Flow) -> Vec<End> {
        if subnet.prefixes.iter().any(|prefix| prefix.contains(flow.destination())) {
            return self.find_neighbor(subnet, flow);
        }
        self.leave_subnet(subnet, flow)
    }

    /// C. The subnet's ACL on the way out, then its routes.
    pub(super) fn leave_subnet(&self, subnet: &Subnet, mut flow: Flow) -> Vec<End> {
        flow.path.push(subnet.id.clone());
        flow.zone.clone_from(&subnet.zone);
        let own = flow.home.take().is_some_and(|home| home == subnet.id);
        let refusal = if own { Disposition::DeniedOut } else { Disposition::DeniedIn };
        let verdict = self.acl_admits(subnet, true, &flow);
        guarded(verdict, flow, refusal, &subnet.id, |flow| self.route_from_subnet(subnet, flow))
    }

    /// L. The VPC's router delivers to the subnet that holds the destination.
    pub(super) fn local_delivery(&self, vpc: &str, mut flow: Flow) -> Vec<End> {
        if !self.bodies.vpcs.contains_key(vpc) {
            return exit(vpc, flow);
        }
        flow.path.push(vpc.to_owned());
        let destination = flow.destination();
        let subnet = self.bodies.subnets.values().find(|subnet| {
            subnet.vpc == vpc && subnet.prefixes.iter().any(|prefix| prefix.contains(destination))
        });
        match subnet {
            Some(subnet) => self.enter_subnet(subnet, flow),
            None => flow.end(Disposition::NullRouted, vpc),
        }
    }

    /// E. Enters a subnet through its ACL.
    pub(super) fn enter_subnet(&self, subnet: &Subnet, flow: Flow) -> Vec<End> {
        let verdict = self.acl_admits(subnet, false, &flow);
        guarded(verdict, flow, Disposition::DeniedIn, &subnet.id, |mut flow| {
            flow.path.push(subnet.id.clone());
            self.find_neighbor(subnet, flow)
        })
    }

    /// Finds who has the address in the subnet.
    pub(super) fn find_neighbor(&self, subnet: &Subnet, flow: Flow) -> Vec<End> {
        let destination = flow.destination();
        let holder = self.bodies.interfaces.values().find(|interface| {
            interface.subnet == subnet.id && interface.addresses.contains(&destination)
        });
        match holder {
            Some(interface) => self.arrive(interface, flow),
            None if self.routes_to_unlisted(&subnet.vpc)
                && matches!(flow.mode, Mode::Forward | Mode::Probe) =>
            {
                flow.unknown(&subnet.id, Vec::new())
            }
            None => flow.end(Disposition::NeighborUnreachable, &subnet.id),
        }
    }

    /// Whether a working route of a VPC leads to an interface that the bodies lack: it exists, in
    /// some subnet of the VPC, with addresses that nobody told.
    fn routes_to_unlisted(&self, vpc: &str) -> bool {
        let tables = self.bodies.tables.values().filter(|table| table.vpc == vpc);
        tables.flat_map(|table| &table.routes).any(|route| match &route.target {
            NextHop::Interface(id) => !route.blackhole && !self.bodies.interfaces.contains_key(id),
            _ => false,
        })
    }

    /// F. Arrives at an interface.
    pub(super) fn arrive(&self, interface: &Interface, mut flow: Flow) -> Vec<End> {
        flow.path.push(interface.id.clone());
        let place = Place::Interface(interface.id.clone());
        match &flow.mode {
            Mode::Forward => {}
            Mode::Probe => return flow.end_in(Disposition::Accepted, &interface.id, place),
            Mode::Reply { sender } if sender.as_ref() == Some(&interface.id) => {
                return flow.end_in(Disposition::Accepted, &interface.id, place);
            }
            Mode::Reply { .. } => return self.reply_at_interface(interface, flow),
        }
        if let Some(nat) = self.nat_of(&interface.id) {
            return flow.end(Disposition::DeniedIn, nat);
        }
        if ["lambda", "transit_gateway"].contains(&interface.kind.as_str()) || interface.loose {
            return flow.end(Disposition::DeniedIn, &interface.id);
        }
        if self.is_front(&interface.id) {
            return self.arrive_at_front(interface, flow);
        }
        let verdict = self.groups_admit(interface, false, &flow);
        flow.tracked.push(interface.id.clone());
        guarded(verdict, flow, Disposition::DeniedIn, &interface.id, |flow| {
            flow.end_in(Disposition::Accepted, &interface.id, place)
        })
    }

    /// The NAT gateway that an interface belongs to.
    pub(super) fn nat_of(&self, interface: &str) -> Option<&str> {
        self.bodies
            .nats
            .iter()
            .find(|(_, nat)| nat.interfaces.iter().any(|one| one == interface))
            .map(|(id, _)| id.as_str())
    }
}

/// Hands the packet to what lies outside the estate.
pub(super) fn exit(id: &str, mut flow: Flow) -> Vec<End> {
    let at = format!("outside:{id}");
    flow.path.push(at.clone());
    flow.end_in(Disposition::ExitsNetwork, &at, Place::Outside(id.to_owned()))
}

const METADATA_VERSION_6: std::net::Ipv6Addr =
    std::net::Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254);
