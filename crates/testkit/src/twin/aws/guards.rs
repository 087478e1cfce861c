//! Guards: security groups, network ACLs, Block Public Access.

use std::net::IpAddr;

use super::bodies::{AclEntry, Interface, Peer, Rule, Subnet};
use super::walk::{Crossing, Flow, Mode};
use super::{Disposition, Estate};

/// What a guard says: yes, no, or that what it depends on is not in the estate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Verdict {
    No,
    Unknown,
    Yes,
}

impl From<bool> for Verdict {
    fn from(yes: bool) -> Self {
        if yes { Self::Yes } else { Self::No }
    }
}

impl Estate {
    /// The union of an interface's security groups, in one direction.
    pub(super) fn groups_admit(&self, interface: &Interface, egress: bool, flow: &Flow) -> Verdict {
        if flow.mode == Mode::Probe || (flow.is_reply() && flow.tracked.contains(&interface.id)) {
            return Verdict::Yes;
        }
        if interface.groups.is_empty() {
            // A NAT gateway has no groups, and a Network Load Balancer need not have any.
            let open = ["network_load_balancer", "nat_gateway"];
            return Verdict::from(open.contains(&interface.kind.as_str()));
        }
        let verdicts = interface.groups.iter().map(|id| match self.bodies.groups.get(id) {
            Some(group) => {
                let rules = if egress { &group.egress } else { &group.ingress };
                let verdicts =
                    rules.iter().map(|rule| self.rule_matches(rule, interface, egress, flow));
                verdicts.max().unwrap_or(Verdict::No)
            }
            None => Verdict::Unknown,
        });
        verdicts.max().unwrap_or(Verdict::No)
    }

    fn rule_matches(
        &self,
        rule: &Rule,
        interface: &Interface,
        egress: bool,
        flow: &Flow,
    ) -> Verdict {
        if !rule_covers_flow(rule, flow) {
            return Verdict::No;
        }
        let verdicts = rule.peers.iter().map(|peer| match peer {
            Peer::Prefix(prefix) => Verdict::from(match peer_address(flow, egress) {
                Some(address) => prefix.contains(address),
                None => prefix.is_any() && prefix.network.is_ipv4() == flow.destination().is_ipv4(),
            }),
            Peer::PrefixList(id) => match peer_address(flow, egress) {
                Some(address) => self.list_contains(id, address).0,
                None => Verdict::No,
            },
            Peer::Group(id) if egress => self.leads_to_member(id, interface, flow),
            Peer::Group(id) => Verdict::from(self.comes_from_member(id, interface, flow)),
        });
        verdicts.max().unwrap_or(Verdict::No)
    }

    /// An ingress reference: a member sent the packet, unchanged, over a way that references work on.
    fn comes_from_member(&self, group: &str, interface: &Interface, flow: &Flow) -> bool {
        if let Some(Crossing::Front(front)) = flow.crossings.last() {
            return self.has_group(front, group);
        }
        let Some(sender) = flow.sender.as_ref() else { return false };
        let held = |id: &str| {
            let addresses = self.bodies.interfaces.get(id).map(|one| &one.addresses);
            flow.header.source.is_some_and(|source| {
                addresses.is_some_and(|addresses| addresses.contains(&source))
            })
        };
        self.has_group(sender, group)
            && held(sender)
            && self.reference_works(&flow.crossings, sender, &interface.id, true)
    }

    /// An egress reference: the way leads to a member, unchanged, and references work on it. Where
    /// it cannot be told how the way goes on, it may lead to a member that has the address.
    fn leads_to_member(&self, group: &str, interface: &Interface, flow: &Flow) -> Verdict {
        let mut probe = flow.clone();
        probe.mode = Mode::Probe;
        probe.crossings.clear();
        let Some(subnet) = self.bodies.subnets.get(&interface.subnet) else { return Verdict::No };
        let verdicts = self.within_subnet(subnet, probe).into_iter().map(|end| {
            let works = |holder: &String| {
                self.has_group(holder, group)
                    && self.reference_works(&end.flow.crossings, &interface.id, holder, false)
            };
            match end.disposition {
                Disposition::Accepted => Verdict::from(end.flow.path.last().is_some_and(works)),
                Disposition::Unknown if end.upper.is_empty() => {
                    let destination = end.flow.header.destination;
                    let holders = self.bodies.interfaces.values();
                    let holders = holders.filter(|one| one.addresses.contains(&destination));
                    // Who has it in the VPC is meant before who has it elsewhere.
                    let (own, others): (Vec<_>, Vec<_>) =
                        holders.partition(|one| one.vpc == interface.vpc);
                    let meant = if own.is_empty() { others } else { own };
                    let may = meant.iter().any(|one| works(&one.id));
                    if may { Verdict::Unknown } else { Verdict::No }
                }
                _ => Verdict::No,
            }
        });
        verdicts.max().unwrap_or(Verdict::No)
    }

    fn has_group(&self, interface: &str, group: &str) -> bool {
        let interface = self.bodies.interfaces.get(interface);
        interface.is_some_and(|interface| interface.groups.iter().any(|one| one == group))
    }

    /// Whether a reference matches over this way: inside a VPC, over one active peering in a region,
    /// or, for ingress, over one transit gateway in a region where everybody supports it.
    fn reference_works(&self, crossings: &[Crossing], from: &str, to: &str, ingress: bool) -> bool {
        let region = |id: &str| {
            let interface = self.bodies.interfaces.get(id)?;
            Some(self.bodies.vpcs.get(&interface.vpc)?.region.clone())
        };
        let same_region = region(from).is_some() && region(from) == region(to);
        match crossings {
            [] => true,
            [Crossing::Peering(id)] => {
                let sides = self.bodies.peerings.get(id).map(|peering| &peering.sides);
                match sides.map(|[a, b]| (&a.region, &b.region)) {
                    Some((Some(a), Some(b))) => a == b,
                    _ => same_region,
                }
            }
            [Crossing::TransitGateway { id, entered, left }] => {
                let supported = |attachment: &String| {
                    self.bodies
                        .attachments
                        .get(&(attachment.clone(), id.clone()))
                        .is_some_and(|attachment| attachment.references)
                };
                ingress
                    && same_region
                    && self.bodies.transit_gateways.get(id).is_some_and(|one| one.references)
                    && supported(entered)
                    && supported(left)
            }
            _ => false,
        }
    }

    /// Whether a prefix list holds the address, and with which length.
    pub(super) fn list_contains(&self, id: &str, address: IpAddr) -> (Verdict, u8) {
        let list = self.bodies.prefix_lists.get(id);
        if let Some(entries) = list.and_then(|list| list.entries.as_ref()) {
            let holding = entries.iter().filter(|entry| entry.contains(address));
            return match holding.map(|entry| entry.length).max() {
                Some(length) => (Verdict::Yes, length),
                None => (Verdict::No, 0),
            };
        }
        let version_6 = list.and_then(|list| list.version_6);
        if version_6.is_some_and(|version_6| version_6 == address.is_ipv4()) {
            return (Verdict::No, 0);
        }
        (Verdict::Unknown, if address.is_ipv4() { 32 } else { 128 })
    }

    /// The subnet's ACL in one direction: the first entry that matches decides, else no.
    pub(super) fn acl_admits(&self, subnet: &Subnet, egress: bool, flow: &Flow) -> Verdict {
        if flow.mode == Mode::Probe {
            return Verdict::Yes;
        }
        let acls = || self.bodies.acls.values();
        let acl = acls()
            .find(|acl| acl.subnets.contains(&subnet.id))
            .or_else(|| acls().find(|acl| acl.is_default && acl.vpc == subnet.vpc));
        let Some(acl) = acl else { return Verdict::Unknown };
        let entry = acl
            .entries
            .iter()
            .filter(|entry| entry.egress == egress)
            .find(|entry| entry_matches(entry, egress, flow));
        Verdict::from(entry.is_some_and(|entry| entry.allow))
    }

    /// What Block Public Access leaves of a subnet's way to the internet. A subnet's own exclusion
    /// beats its VPC's.
    pub(super) fn public_access(&self, vpc: &str, subnet: &str) -> PublicAccess {
        let Some(body) = self.bodies.vpcs.get(vpc) else { return PublicAccess::Open };
        let option = self
            .bodies
            .public_access
            .iter()
            .find(|option| option.account == body.account && option.region == body.region);
        let mode = option.map_or("off", |option| option.mode.as_str());
        let exclusion = |resource: &str| {
            self.bodies.exclusions.iter().find(|exclusion| exclusion.resource == resource)
        };
        let excluded = exclusion(subnet).or_else(|| exclusion(vpc)).map(|one| one.bidirectional);
        match (mode, excluded) {
            ("block-bidirectional" | "block-ingress", Some(true)) => PublicAccess::Open,
            ("block-bidirectional", Some(false)) | ("block-ingress", _) => PublicAccess::EgressOnly,
            ("block-bidirectional", None) => PublicAccess::Closed,
            _ => PublicAccess::Open,
        }
    }
}

/// What Block Public Access leaves of a subnet's way to the internet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PublicAccess {
    /// All of it.
    Open,
    /// What a NAT gateway or an egress-only gateway opens.
    EgressOnly,
    /// Nothing.
    Closed,
}

fn peer_address(flow: &Flow, egress: bool) -> Option<IpAddr> {
    if egress { Some(flow.header.destination) } else { flow.header.source }
}

fn rule_covers_flow(rule: &Rule, flow: &Flow) -> bool {
    let Some(protocol) = rule.protocol else { return true };
    if protocol != flow.protocol {
        return false;
    }
    match protocol {
        6 | 17 => rule.from == -1 || in_range(flow.header.destination_port, (rule.from, rule.to)),
        1 | 58 => {
            rule.from == -1
                || (rule.from == i64::from(flow.icmp_type)
                    && (rule.to == -1 || rule.to == i64::from(flow.icmp_code)))
        }
        _ => true,
    }
}

fn entry_matches(entry: &AclEntry, egress: bool, flow: &Flow) -> bool {
    let prefix_matches = match peer_address(flow, egress) {
        Some(address) => entry.prefix.contains(address),
        None => {
            entry.prefix.is_any() && entry.prefix.network.is_ipv4() == flow.destination().is_ipv4()
        }
    };
    let Some(protocol) = entry.protocol else { return prefix_matches };
    prefix_matches
        && protocol == flow.protocol
        && match protocol {
            6 | 17 => entry.ports.is_none_or(|range| in_range(flow.header.destination_port, range)),
            1 | 58 => entry.icmp.is_none_or(|icmp| {
                icmp.kind == -1
                    || (icmp.kind == i64::from(flow.icmp_type)
                        && (icmp.code == -1 || icmp.code == i64::from(flow.icmp_code)))
            }),
            _ => true,
        }
}

fn in_range(port: u16, (from, to): (i64, i64)) -> bool {
    (from..=to).contains(&i64::from(port))
}
