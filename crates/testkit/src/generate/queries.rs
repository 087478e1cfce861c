//! Packets that are about as often accepted as denied: drawn from a rule that allows, half of them
//! changed in one place.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::draft::{Draft, PeerDraft, RuleDraft};
use crate::twin::aws::{Packet, Start};

pub(super) fn draw(draft: &mut Draft, count: usize) -> Vec<Packet> {
    let mut packets = Vec::with_capacity(count);
    while packets.len() < count {
        let packet = match draft.random.below(100) {
            0..66 => from_rule(draft),
            66..75 => to_listener(draft),
            75..85 => along_route(draft),
            85..92 => to_world(draft),
            92..95 => to_platform(draft),
            _ => anything(draft),
        };
        let Some(mut packet) = packet else { continue };
        if draft.random.chance(50) {
            change(draft, &mut packet);
        }
        packets.push(packet);
    }
    packets
}

/// The interfaces that something sends from: a NAT gateway and an inspection endpoint only forward.
fn senders(draft: &Draft) -> Vec<usize> {
    let forwards = ["nat_gateway", "gateway_load_balancer_endpoint"];
    let positions = draft.interfaces.iter().enumerate();
    positions.filter(|(_, one)| !forwards.contains(&one.kind)).map(|(at, _)| at).collect()
}

fn any_sender(draft: &mut Draft) -> Option<usize> {
    let senders = senders(draft);
    draft.random.pick(&senders).copied()
}

fn packet(start: Start, source: Option<IpAddr>, destination: IpAddr) -> Packet {
    Packet {
        start,
        source,
        destination,
        protocol: 6,
        source_port: 0,
        destination_port: 0,
        icmp_type: 0,
        icmp_code: 0,
    }
}

/// A packet that an ingress rule allows.
fn from_rule(draft: &mut Draft) -> Option<Packet> {
    let to = draft.random.below(draft.interfaces.len());
    let target = draft.interfaces.get(to)?.clone();
    let group = draft.random.pick(&target.groups).copied()?;
    let rules = draft.groups.get(group)?.ingress.clone();
    let rule = draft.random.pick(&rules)?.clone();
    let version_6 = matches!(rule.peer, PeerDraft::Version6(..)) || rule.protocol == "icmpv6";
    let addresses: Vec<IpAddr> =
        target.every_address().into_iter().filter(|one| one.is_ipv6() == version_6).collect();
    let destination = draft.random.pick(&addresses).copied()?;
    let mut packet = sender(draft, to, &rule.peer, destination)?;
    fill_flow(draft, &mut packet, &rule);
    Some(packet)
}

/// Somebody whom the peer of a rule covers.
fn sender(draft: &mut Draft, to: usize, peer: &PeerDraft, destination: IpAddr) -> Option<Packet> {
    if matches!(peer, PeerDraft::Missing(_)) {
        return None;
    }
    let open = matches!(peer, PeerDraft::Version4(_, 0) | PeerDraft::Version6(_, 0));
    if open && draft.random.chance(45) {
        return from_outside(draft, to, destination);
    }
    let vpc_of = |draft: &Draft, at: usize| {
        draft.interfaces.get(at).and_then(|one| draft.subnets.get(one.subnet)).map(|one| one.vpc)
    };
    // Mostly senders with a way to the target: in the same VPC, or in a connected one.
    let home = vpc_of(draft, to)?;
    let (across, near) = (draft.random.chance(35), draft.random.chance(85));
    let connected = |vpc: usize| {
        draft.connected.contains(&(vpc, home)) || draft.connected.contains(&(home, vpc))
    };
    let across = across && (0..draft.vpcs.len()).any(connected);
    let found: Vec<(usize, IpAddr)> = senders(draft)
        .into_iter()
        .filter(|at| *at != to)
        .filter(|at| match vpc_of(draft, *at) {
            Some(vpc) if across => vpc != home && connected(vpc),
            Some(vpc) => !near || vpc == home || connected(vpc),
            None => false,
        })
        .filter_map(|at| Some((at, covered(draft, at, peer, destination)?)))
        .collect();
    let (from, address) = draft.random.pick(&found).copied()?;
    let interface = draft.interfaces.get(from)?;
    Some(packet(Start::Interface(interface.id.clone()), Some(address), destination))
}

/// The address of an interface that the peer of a rule covers.
fn covered(draft: &Draft, at: usize, peer: &PeerDraft, destination: IpAddr) -> Option<IpAddr> {
    let interface = draft.interfaces.get(at)?;
    match peer {
        PeerDraft::Group(group) => {
            let mut addresses = interface.every_address().into_iter();
            addresses
                .find(|one| one.is_ipv6() == destination.is_ipv6())
                .filter(|_| interface.groups.contains(group))
        }
        PeerDraft::Version4(network, length) => held_in(draft, at, &[(*network, *length)]),
        PeerDraft::List(list) => held_in(draft, at, &draft.lists.get(*list)?.entries),
        PeerDraft::Version6(..) => interface.version_6.map(IpAddr::V6),
        PeerDraft::Missing(_) => None,
    }
}

fn held_in(draft: &Draft, at: usize, prefixes: &[(Ipv4Addr, u8)]) -> Option<IpAddr> {
    let interface = draft.interfaces.get(at)?;
    let inside = |address: &Ipv4Addr| {
        prefixes.iter().any(|(network, length)| {
            let kept = u32::MAX.checked_shl(32 - u32::from(*length)).unwrap_or(0);
            address.to_bits() & kept == network.to_bits() & kept
        })
    };
    interface.addresses.iter().copied().find(inside).map(IpAddr::V4)
}

/// From the internet to the public side of an interface, or from behind a tunnel.
fn from_outside(draft: &mut Draft, to: usize, destination: IpAddr) -> Option<Packet> {
    let target = draft.interfaces.get(to)?.clone();
    if draft.random.chance(20)
        && let Some(outside) = draft.random.pick(&draft.outside).cloned()
    {
        let source = Ipv4Addr::new(172, 16, draft.random.byte(), 9);
        return Some(packet(Start::Outside(outside), Some(IpAddr::V4(source)), destination));
    }
    if destination.is_ipv6() {
        let source = Ipv6Addr::new(0x2a00, 0x1450, 0x4001, 0, 0, 0, 0, 0x200e);
        return Some(packet(Start::Internet, Some(IpAddr::V6(source)), destination));
    }
    let public = IpAddr::V4(target.public?);
    let source = Ipv4Addr::new(198, 51, 100, draft.random.byte());
    Some(packet(Start::Internet, Some(IpAddr::V4(source)), public))
}

fn fill_flow(draft: &mut Draft, packet: &mut Packet, rule: &RuleDraft) {
    let version_6 = packet.destination.is_ipv6();
    packet.protocol = match rule.protocol {
        "tcp" => 6,
        "udp" => 17,
        "icmp" => 1,
        "icmpv6" => 58,
        "50" => 50,
        _ if draft.random.chance(20) => {
            if version_6 {
                58
            } else {
                1
            }
        }
        _ => 6,
    };
    let bound = |bound: i64, other: u16| u16::try_from(bound).unwrap_or(other);
    match packet.protocol {
        6 | 17 => {
            packet.source_port = source_port(draft);
            let (from, to) = (bound(rule.from, 443), bound(rule.to, 443));
            let span = usize::from(to.saturating_sub(from));
            let step = draft.random.between(0, span.min(90));
            packet.destination_port = from.saturating_add(u16::try_from(step).unwrap_or(0));
        }
        1 | 58 => {
            let echo = if version_6 { 128 } else { 8 };
            packet.icmp_type = u8::try_from(rule.from).unwrap_or(echo);
            packet.icmp_code = u8::try_from(rule.to).unwrap_or(0);
        }
        _ => {}
    }
}

fn source_port(draft: &mut Draft) -> u16 {
    let ports = [32_768, 40_000, 49_152, 60_999, 1024, 500];
    draft.random.pick(&ports).copied().unwrap_or(40_000)
}

fn to_listener(draft: &mut Draft) -> Option<Packet> {
    let (front, protocol, port) = draft.random.pick(&draft.listeners).copied()?;
    let target = draft.interfaces.get(front)?.clone();
    let vpc = draft.subnets.get(target.subnet)?.vpc;
    let mut packet = if target.public.is_some() && draft.random.chance(50) {
        from_outside(draft, front, IpAddr::V4(*target.addresses.first()?))?
    } else {
        let inside: Vec<usize> = senders(draft)
            .into_iter()
            .filter(|at| {
                let subnet = draft.interfaces.get(*at).map(|one| one.subnet);
                subnet.and_then(|at| draft.subnets.get(at)).is_some_and(|one| one.vpc == vpc)
            })
            .collect();
        let from = draft.random.pick(&inside).copied()?;
        let start = Start::Interface(draft.interfaces.get(from)?.id.clone());
        packet(start, None, IpAddr::V4(*target.addresses.first()?))
    };
    packet.protocol = protocol;
    packet.source_port = source_port(draft);
    packet.destination_port = port;
    Some(packet)
}

/// From an interface to the internet, a public service or a network behind a tunnel.
fn to_world(draft: &mut Draft) -> Option<Packet> {
    let from = any_sender(draft)?;
    let start = Start::Interface(draft.interfaces.get(from)?.id.clone());
    let version_6 = draft.interfaces.get(from)?.version_6.is_some() && draft.random.chance(40);
    let destination = if version_6 {
        match draft.random.below(3) {
            0 => IpAddr::V6(Ipv6Addr::new(0x0064, 0xff9b, 0, 0, 0, 0, 0xc633, 0x6407)),
            _ => IpAddr::V6(Ipv6Addr::new(0x2a00, 0x1450, 0x4001, 0, 0, 0, 0, 0x200e)),
        }
    } else {
        let last = draft.random.byte();
        IpAddr::V4(match draft.random.below(5) {
            0 | 1 => Ipv4Addr::new(52, 216, 7, last),
            2 => Ipv4Addr::new(198, 51, 100, last),
            3 => Ipv4Addr::new(172, 16, 3, last),
            _ => Ipv4Addr::new(192, 0, 2, last),
        })
    };
    let mut packet = packet(start, None, destination);
    packet.source_port = source_port(draft);
    packet.destination_port = 443;
    Some(packet)
}

fn to_platform(draft: &mut Draft) -> Option<Packet> {
    let from = any_sender(draft)?;
    let interface = draft.interfaces.get(from)?.clone();
    let vpc = draft.vpcs.get(draft.subnets.get(interface.subnet)?.vpc)?;
    let (destination, protocol, port) = match draft.random.below(4) {
        0 => (Ipv4Addr::new(169, 254, 169, 254), 6, 80),
        1 => (Ipv4Addr::new(169, 254, 169, 123), 17, 123),
        // An interface's own address.
        2 => (*interface.addresses.first()?, 6, 443),
        _ => (Ipv4Addr::new(10, vpc.block, 0, 2), 17, 53),
    };
    let mut packet = packet(Start::Interface(interface.id), None, IpAddr::V4(destination));
    packet.protocol = protocol;
    packet.source_port = source_port(draft);
    packet.destination_port = port;
    Some(packet)
}

/// To an address that some route other than the local one leads to, from a subnet with that route.
fn along_route(draft: &mut Draft) -> Option<Packet> {
    let table = draft.random.below(draft.tables.len());
    let from: Vec<usize> = senders(draft)
        .into_iter()
        .filter(|at| {
            let subnet = draft.interfaces.get(*at).and_then(|one| draft.subnets.get(one.subnet));
            subnet.is_some_and(|subnet| subnet.table == table)
        })
        .collect();
    let from = draft.random.pick(&from).copied()?;
    let routes = &draft.tables.get(table)?.routes;
    let prefixes: Vec<(Ipv4Addr, u8)> = routes
        .iter()
        .filter(|route| route["GatewayId"] != "local")
        .filter_map(|route| route["DestinationCidrBlock"].as_str()?.split_once('/'))
        .filter_map(|(network, length)| Some((network.parse().ok()?, length.parse().ok()?)))
        .collect();
    let (network, length) = draft.random.pick(&prefixes).copied()?;
    let held: Vec<IpAddr> = (0..draft.interfaces.len())
        .filter(|at| *at != from)
        .filter_map(|at| held_in(draft, at, &[(network, length)]))
        .collect();
    let [a, b, c, _] = network.octets();
    let nobody = IpAddr::V4(Ipv4Addr::new(a, b, c, draft.random.byte()));
    let destination = draft.random.pick(&held).copied().unwrap_or(nobody);
    let start = Start::Interface(draft.interfaces.get(from)?.id.clone());
    let mut packet = packet(start, None, destination);
    packet.source_port = source_port(draft);
    packet.destination_port = draft.random.pick(&[22, 80, 443]).copied().unwrap_or(443);
    Some(packet)
}

/// Any start to any address.
fn anything(draft: &mut Draft) -> Option<Packet> {
    let destination = any_address(draft)?;
    let from = draft.random.below(draft.subnets.len());
    let subnet = draft.subnets.get(from)?.clone();
    let vpc = draft.vpcs.get(subnet.vpc)?.id.clone();
    let [a, b, c, _] = subnet.network.octets();
    let version_4 = destination.is_ipv4();
    let (start, source) = match draft.random.below(5) {
        0 => (Start::Vpc(vpc), None),
        1 if version_4 => {
            (Start::SubnetAt(subnet.id), Some(IpAddr::V4(Ipv4Addr::new(a, b, c, 250))))
        }
        2 if version_4 => (Start::Internet, Some(IpAddr::V4(Ipv4Addr::new(198, 51, 100, 7)))),
        _ => {
            let at = any_sender(draft)?;
            (Start::Interface(draft.interfaces.get(at)?.id.clone()), None)
        }
    };
    let mut packet = packet(start, source, destination);
    packet.source_port = source_port(draft);
    packet.destination_port = 443;
    Some(packet)
}

/// Somebody's address, nobody's in a subnet, one that no subnet holds, or one of the world.
fn any_address(draft: &mut Draft) -> Option<IpAddr> {
    let subnet = draft.random.below(draft.subnets.len());
    let [a, b, c, _] = draft.subnets.get(subnet)?.network.octets();
    Some(match draft.random.below(5) {
        0 => IpAddr::V4(Ipv4Addr::new(a, b, c, 251)),
        1 => IpAddr::V4(Ipv4Addr::new(a, b, 240, 9)),
        2 => IpAddr::V4(Ipv4Addr::new(8, 8, 8, 8)),
        _ => {
            let at = draft.random.below(draft.interfaces.len());
            let addresses = draft.interfaces.get(at)?.every_address();
            draft.random.pick(&addresses).copied()?
        }
    })
}

/// Changes one thing.
fn change(draft: &mut Draft, packet: &mut Packet) {
    match draft.random.below(5) {
        0 | 1 if matches!(packet.protocol, 6 | 17) => {
            let ports = [21, 22, 80, 81, 443, 3306, 5432, 8085, 9000];
            packet.destination_port = draft.random.pick(&ports).copied().unwrap_or(21);
        }
        0 | 1 if matches!(packet.protocol, 1 | 58) => {
            let kinds = [(8, 0), (8, 1), (3, 4), (3, 1), (128, 0)];
            let (kind, code) = draft.random.pick(&kinds).copied().unwrap_or((3, 4));
            packet.icmp_type = kind;
            packet.icmp_code = code;
        }
        0 => {
            packet.protocol = 17;
            packet.destination_port = 4050;
            packet.source_port = 40_000;
            packet.icmp_type = 0;
            packet.icmp_code = 0;
        }
        2 => packet.source_port = if packet.source_port == 0 { 0 } else { 600 },
        3 if packet.protocol == 6 => packet.protocol = 17,
        4 => {
            let other = any_address(draft);
            if let Some(other) = other.filter(|one| one.is_ipv4() == packet.destination.is_ipv4()) {
                packet.destination = other;
            }
        }
        _ => {
            let at = any_sender(draft).unwrap_or(0);
            let other = draft.interfaces.get(at);
            if let Some(other) = other.filter(|_| matches!(packet.start, Start::Interface(_))) {
                packet.start = Start::Interface(other.id.clone());
                packet.source = None;
            }
        }
    }
}
