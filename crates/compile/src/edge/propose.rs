//! From denials of guardrails that no group holds to denials at the edges of subnets.
//!
//! An edge sees single packets, and no connections. So a denial is written only where every pair of ends
//! whose packets it matches is denied, and where no reply of an allowed connection looks like them: the
//! connections of the other direction are denied too, or ports tell the two apart. What is proposed is
//! proved like everything else; what the proof does not carry is not written.

use std::collections::{BTreeMap, BTreeSet};

use watertight_model::network::{Attached, EndpointId, EndpointRole, RealmId, SubnetId};
use watertight_model::{Estate, Name};
use watertight_net::{
    AddressSet, ByteSet, Family, FlowPart, FlowSet, PortRange, PortSet, Prefix, Protocol,
};
use watertight_policy::decide::Who;
use watertight_reach::leads_outside;

use super::{Edge, EdgeList, EdgeRule};
use crate::cover::fewest;
use crate::intent::{Allowed, Intent, KindId};
use crate::lots::seen;
use crate::outside::{self, Part};
use crate::plane::Plane;
use crate::vacant::{Vacancy, vacancies};
use crate::via::Vias;

/// The first port that a TCP client may take for itself: ephemeral ports begin at 1024 (Amazon VPC user guide,
/// "Custom network ACLs"), and reserved ones, as clients of NFS take, at 512 (`rresvport(3)`). Over UDP
/// servers ask one another from their own ports, whatever these are.
pub(crate) const CLIENTS_MIN: u16 = 512;

/// So many protocols are refused one by one; of more only those that are used by nearly everybody.
const PROTOCOLS_MAX: usize = 8;
/// So many types of ICMP are refused one by one.
const TYPES_MAX: usize = 4;

/// What passes, and a guardrail denies it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Barred {
    pub(crate) from: BarredEnd,
    pub(crate) to: BarredEnd,
    pub(crate) flows: FlowSet,
}

/// An end of it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum BarredEnd {
    Endpoints(Vec<EndpointId>),
    /// Addresses outside that the policy does not tell apart.
    Outside(AddressSet),
}

/// What is to be at edges.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Proposed {
    pub(crate) edges: Vec<Edge>,
    /// What does not fit.
    pub(crate) notes: Vec<String>,
}

/// What can stand at edges against what is barred, and between endpoints that are to be cut off and all other
/// subnets of their realms.
pub(crate) fn propose(
    intent: &Intent<'_>,
    plane: &dyn Plane,
    (barred, cut): (&[Barred], &[EndpointId]),
) -> Proposed {
    let lists: BTreeMap<Name, EdgeList> =
        plane.edges().into_iter().map(|list| (list.subnet.clone(), list)).collect();
    let mut proposal = Proposal::new(intent, plane, lists);
    for one in barred {
        proposal.add(one);
    }
    for one in cut {
        proposal.cut(*one);
    }
    proposal.finish()
}

/// A subnet at whose edge denials can stand.
#[derive(Debug)]
struct Site {
    realm: RealmId,
    /// What the policy sees in who is in it.
    kinds: BTreeSet<KindId>,
    /// Its addresses that nobody has: who comes to one is behind the edge too.
    vacant: Vec<Vacancy>,
}

/// Who is at the other side of an edge.
#[derive(Clone, Copy)]
enum Other<'o> {
    Kind(KindId),
    Outside(&'o AddressSet),
    Part(&'o Part),
}

/// What a list holds: the realm, what it stands in for, and the denials.
type Content = (RealmId, String, String, [Vec<EdgeRule>; 2]);

/// What is refused at the edge of a subnet in one direction, with whom.
type Wanted = BTreeMap<FlowSet, AddressSet>;

struct Proposal<'p, 'a> {
    intent: &'p Intent<'a>,
    plane: &'p dyn Plane,
    lists: BTreeMap<Name, EdgeList>,
    sites: BTreeMap<SubnetId, Site>,
    /// What the policy sees in those who have an address, hidden ones behind it among them.
    holders: BTreeMap<Prefix, BTreeSet<KindId>>,
    wanted: BTreeMap<(SubnetId, bool), Wanted>,
    /// Whether somebody outside may have an address of the estate too.
    leads_outside: bool,
    /// Where what is to be cut off is not.
    uncut: Vec<String>,
}

impl<'p, 'a> Proposal<'p, 'a> {
    fn new(intent: &'p Intent<'a>, plane: &'p dyn Plane, lists: BTreeMap<Name, EdgeList>) -> Self {
        let estate = intent.estate();
        let vias = Vias::new(estate);
        let network = &estate.network;
        let mut members: BTreeMap<SubnetId, Vec<EndpointId>> = BTreeMap::new();
        let mut holders: BTreeMap<Prefix, BTreeSet<KindId>> = BTreeMap::new();
        for (id, endpoint) in network.endpoints.iter() {
            let host = network.uplinks.get(&id).map(|uplink| uplink.by);
            let host = host.and_then(|host| network.endpoints.get(host)?.subnet);
            for subnet in endpoint.subnet.into_iter().chain(host) {
                members.entry(subnet).or_default().push(id);
            }
            let outer = endpoint.public.iter().map(|(_, outer)| Prefix::host(*outer));
            let realm = crate::intent::realm_of(estate, id);
            let own = realm.map(|realm| seen(estate, realm, id)).unwrap_or_default();
            for address in own.into_iter().chain(outer) {
                holders.entry(address).or_default().insert(intent.kind_of(id));
            }
        }
        // What a transit gateway carries into a realm leaves the subnet of its attachment for all others.
        let carrying = network.attachments.values().flat_map(|one| match &one.attached {
            Attached::Realm { subnets, .. } => subnets.as_slice(),
            Attached::Peer(_) | Attached::Outside(_) | Attached::Opaque(_) => &[],
        });
        let carrying: BTreeSet<SubnetId> = carrying.copied().collect();
        let told: BTreeSet<Prefix> = intent.sets().iter().flat_map(AddressSet::prefixes).collect();
        let mut vacant: BTreeMap<Name, Vec<Vacancy>> = BTreeMap::new();
        for vacancy in vacancies(estate, &told) {
            vacant.entry(vacancy.subnet.clone()).or_default().push(vacancy);
        }
        let mut sites = BTreeMap::new();
        for (id, subnet) in network.subnets.iter() {
            let own = members.get(&id).map(Vec::as_slice).unwrap_or_default();
            let is_plain = own.iter().all(|one| is_plain(estate, &vias, *one));
            let is_plain = is_plain && !carrying.contains(&id);
            if is_plain && subnet.endpoints_read && lists.contains_key(&subnet.name) {
                let kinds = own.iter().map(|one| intent.kind_of(*one)).collect();
                let vacant = vacant.remove(&subnet.name).unwrap_or_default();
                sites.insert(id, Site { realm: subnet.realm, kinds, vacant });
            }
        }
        let (wanted, uncut) = (BTreeMap::new(), Vec::new());
        let leads_outside = leads_outside(network);
        Self { intent, plane, lists, sites, holders, wanted, leads_outside, uncut }
    }

    /// Adds what can stand against one thing: where it comes in, and what is left of it where it goes out.
    fn add(&mut self, barred: &Barred) {
        for (to, subnet) in self.by_subnet(&barred.to) {
            for (from, own) in self.by_subnet(&barred.from) {
                if subnet.is_some() && subnet == own {
                    continue;
                }
                let rest = self.deny((subnet, true), &from, &barred.flows);
                if !rest.is_empty() {
                    self.deny((own, false), &to, &rest);
                }
            }
        }
    }

    /// Has the edges of all other subnets of its realm refuse an endpoint.
    fn cut(&mut self, endpoint: EndpointId) {
        let network = &self.intent.estate().network;
        let own = network.endpoints.get(endpoint).and_then(|one| one.subnet);
        let realm = crate::intent::realm_of(self.intent.estate(), endpoint);
        let others = network.subnets.iter().filter(|(id, one)| {
            own != Some(*id) && Some(one.realm) == realm && self.lists.contains_key(&one.name)
        });
        let others: Vec<(SubnetId, Name)> =
            others.map(|(id, one)| (id, one.name.clone())).collect();
        let end = BarredEnd::Endpoints(vec![endpoint]);
        for (subnet, name) in others {
            let mut rest = FlowSet::none();
            for ingress in [true, false] {
                rest = rest.union(&self.deny((Some(subnet), ingress), &end, &FlowSet::all()));
            }
            if !rest.is_empty() {
                let what =
                    if rest.is_all() { String::from("nothing") } else { format!("all but {rest}") };
                self.uncut.push(format!("{what} is cut at the edge of {name}"));
            }
        }
    }

    /// An end in parts that are in one subnet each.
    fn by_subnet(&self, end: &BarredEnd) -> Vec<(BarredEnd, Option<SubnetId>)> {
        let BarredEnd::Endpoints(members) = end else { return vec![(end.clone(), None)] };
        let mut found: BTreeMap<Option<SubnetId>, Vec<EndpointId>> = BTreeMap::new();
        let endpoints = &self.intent.estate().network.endpoints;
        for id in members {
            let subnet = endpoints.get(*id).and_then(|one| one.subnet);
            found.entry(subnet).or_default().push(*id);
        }
        found.into_iter().map(|(subnet, all)| (BarredEnd::Endpoints(all), subnet)).collect()
    }

    /// Has an edge refuse what it may of flows with others; what is left.
    fn deny(
        &mut self,
        (subnet, ingress): (Option<SubnetId>, bool),
        others: &BarredEnd,
        flows: &FlowSet,
    ) -> FlowSet {
        let Some((subnet, site)) = subnet.and_then(|id| Some((id, self.sites.get(&id)?))) else {
            return flows.clone();
        };
        let mut denied: Vec<(AddressSet, FlowSet)> = Vec::new();
        match others {
            BarredEnd::Outside(addresses) => {
                let may = self.deniable(site, Other::Outside(addresses), ingress);
                denied.push((addresses.clone(), rounded(flows, &may)));
            }
            BarredEnd::Endpoints(members) => {
                let estate = self.intent.estate();
                let all = members.iter().flat_map(|id| seen(estate, site.realm, *id));
                for address in all.collect::<BTreeSet<Prefix>>() {
                    let may = self.deniable_with(site, address, ingress);
                    denied.push((AddressSet::from_prefix(address), rounded(flows, &may)));
                }
            }
        }
        let mut rest = FlowSet::none();
        let wanted = self.wanted.entry((subnet, ingress)).or_default();
        for (addresses, denied) in denied {
            let pieces = self.plane.pieces(&denied);
            let written: FlowSet = pieces.written.iter().cloned().collect();
            rest = rest.union(&flows.difference(&written));
            for piece in pieces.written.into_iter().filter(|piece| !piece.is_empty()) {
                let all = wanted.entry(piece).or_default();
                *all = all.union(&addresses);
            }
        }
        rest
    }

    /// What an edge may refuse with all who have an address.
    fn deniable_with(&self, site: &Site, address: Prefix, ingress: bool) -> FlowSet {
        let kinds = self.holders.get(&address).into_iter().flatten();
        kinds.fold(self.deniable_outside(site, address, ingress), |all, kind| {
            all.intersection(&self.deniable(site, Other::Kind(*kind), ingress))
        })
    }

    /// What it may refuse with somebody outside who has the address too.
    fn deniable_outside(&self, site: &Site, address: Prefix, ingress: bool) -> FlowSet {
        if !self.leads_outside {
            return FlowSet::all();
        }
        self.deniable(site, Other::Outside(&AddressSet::from_prefix(address)), ingress)
    }

    /// What an edge may refuse with one on the other side: nothing that is allowed with anybody in the
    /// subnet, and nothing that replies look like.
    fn deniable(&self, site: &Site, other: Other<'_>, ingress: bool) -> FlowSet {
        let (mut asked, mut back) = (FlowSet::none(), FlowSet::none());
        for kind in &site.kinds {
            asked = asked.union(&passing(&self.asked(*kind, other, ingress)));
            back = back.union(&passing(&self.asked(*kind, other, !ingress)));
        }
        if let Other::Kind(kind) = other {
            for vacancy in &site.vacant {
                let with =
                    |ingress: bool| passing(&self.intent.with_vacant(kind, vacancy, !ingress));
                (asked, back) = (asked.union(&with(ingress)), back.union(&with(!ingress)));
            }
        }
        let told_apart = told_apart(&FlowSet::all().difference(&asked), &back);
        if asked.is_empty() && back.is_empty() {
            told_apart
        } else {
            told_apart.difference(&errors())
        }
    }

    /// What is allowed to one in a subnet from another, or with no `ingress` from it.
    fn asked(&self, own: KindId, other: Other<'_>, ingress: bool) -> Allowed {
        match other {
            Other::Kind(other) if ingress => (*self.intent.between(other, own)).clone(),
            Other::Kind(other) => (*self.intent.between(own, other)).clone(),
            Other::Outside(set) => (*self.intent.with_outside(own, set, ingress)).clone(),
            Other::Part(part) => outside::ask(self.intent, &self.intent.end_of(own), part, ingress),
        }
    }

    fn finish(self) -> Proposed {
        let mut proposed = Proposed { notes: self.uncut.clone(), ..Proposed::default() };
        let mut found: BTreeMap<Content, Vec<Name>> = BTreeMap::new();
        let network = &self.intent.estate().network;
        for (id, site) in &self.sites {
            let Some(list) = network.subnets.get(*id).and_then(|one| self.lists.get(&one.name))
            else {
                continue;
            };
            let sides = [true, false].map(|ingress| {
                let (rules, left) = self.rules((*id, site), list, ingress);
                proposed.notes.extend(left);
                rules
            });
            if sides.iter().any(|rules| !rules.is_empty()) {
                let key = (site.realm, list.base.clone(), list.stamp.clone(), sides);
                found.entry(key).or_default().push(list.subnet.clone());
            }
        }
        for ((realm, base, stamp, sides), subnets) in found {
            let Some(realm) = network.realms.get(realm) else { continue };
            let of = |told: &Option<Name>| told.clone().unwrap_or_else(|| Name::from(""));
            let place = (of(&realm.account), of(&realm.region));
            let named = (realm.name.clone(), place);
            proposed.edges.push(Edge::new(named, (&base, &stamp), subnets, sides));
        }
        proposed.edges.sort();
        proposed
    }

    /// The denials of one direction at an edge, and what does not fit: then those that are there already
    /// stay.
    fn rules(
        &self,
        (id, site): (SubnetId, &Site),
        list: &EdgeList,
        ingress: bool,
    ) -> (Vec<EdgeRule>, Option<String>) {
        let Some(wanted) = self.wanted.get(&(id, ingress)) else { return (Vec::new(), None) };
        let [of_ingress, of_egress] = list.room;
        let room = if ingress { of_ingress } else { of_egress };
        let fits = |rules: &[EdgeRule]| u32::try_from(rules.len()).is_ok_and(|many| many <= room);
        let rules = rules_of(wanted, |_, must| must.prefixes());
        if fits(&rules) {
            return (rules, None);
        }
        let needed = rules.len();
        let parts = outside::parts(self.intent);
        let fewer = rules_of(wanted, |piece, must| {
            fewest(must, &must.union(&self.harmless(site, &parts, piece, ingress)))
        });
        if fits(&fewer) {
            return (fewer, None);
        }
        let held = list.ours.as_ref().map(|ours| &ours.edge);
        let held = held.map(|edge| if ingress { &edge.ingress } else { &edge.egress });
        let stays = |one: &&EdgeRule| rules.contains(one) || fewer.contains(one);
        let kept: Vec<EdgeRule> = held.into_iter().flatten().filter(stays).cloned().collect();
        let (subnet, base, least) = (&list.subnet, &list.base, fewer.len());
        let way = if ingress { "comes in" } else { "goes out" };
        let left = format!(
            "the network ACL of {subnet} ({base}) has room for {room} more entries about what \
             {way}, and guardrails need {needed}, {least} when merged: they are not written"
        );
        (kept, Some(left))
    }

    /// Addresses with which what a denial says is denied anyway.
    fn harmless(&self, site: &Site, parts: &[Part], piece: &FlowSet, ingress: bool) -> AddressSet {
        let is_denied = |other: Other<'_>| self.deniable(site, other, ingress).contains(piece);
        // Within realms somebody new may get a free address.
        let outside = parts.iter().filter(|part| part.end.who != Who::Unknown);
        let free = outside.filter(|part| is_denied(Other::Part(part)));
        let free = free.fold(AddressSet::empty(), |all, part| all.union(&part.addresses));
        let mut known: BTreeMap<KindId, bool> = BTreeMap::new();
        let held = self.holders.iter().filter(|(address, kinds)| {
            let mut kinds = kinds.iter();
            kinds.all(|kind| *known.entry(*kind).or_insert_with(|| is_denied(Other::Kind(*kind))))
                && self.deniable_outside(site, **address, ingress).contains(piece)
        });
        free.union(&AddressSet::from_prefixes(held.map(|(address, _)| *address)))
    }
}

/// The ICMP that is not of a family: each has its own.
const fn foreign(family: Family) -> Protocol {
    match family {
        Family::V4 => Protocol::ICMPV6,
        Family::V6 => Protocol::ICMP,
    }
}

/// Denials, in order.
fn rules_of(
    wanted: &Wanted,
    prefixes: impl Fn(&FlowSet, &AddressSet) -> Vec<Prefix>,
) -> Vec<EdgeRule> {
    let each = wanted.iter().flat_map(|(flows, must)| {
        let prefixes = prefixes(flows, must).into_iter();
        let prefixes =
            prefixes.filter(|one| !FlowSet::protocol(foreign(one.family())).contains(flows));
        prefixes.map(|prefix| EdgeRule { prefix, flows: flows.clone() })
    });
    each.collect::<BTreeSet<_>>().into_iter().collect()
}

/// Whether what leaves and enters a subnet for an endpoint is its own: nothing that it hands on for others.
fn is_plain(estate: &Estate, vias: &Vias, id: EndpointId) -> bool {
    let role = estate.network.endpoints.get(id).map(|one| one.role);
    let is_own = matches!(
        role,
        Some(
            EndpointRole::Host
                | EndpointRole::InitiatesOnly
                | EndpointRole::AnswersOnly
                | EndpointRole::Front(_)
        )
    );
    is_own && !vias.is_target(id) && !vias.is_front(id)
}

/// What is refused so that what may be of some flows is: in as few entries as may be, and so that it is the same
/// whatever else lets through a part of it. All of it is denied anyway.
fn rounded(flows: &FlowSet, may: &FlowSet) -> FlowSet {
    let must = flows.intersection(may);
    if must.is_empty() || may.is_all() {
        return if must.is_empty() { must } else { FlowSet::all() };
    }
    let common = [Protocol::TCP, Protocol::UDP, Protocol::ICMP, Protocol::ICMPV6];
    let is_many = must.protocols().count() > PROTOCOLS_MAX;
    let protocols = must.protocols().filter(|one| !is_many || common.contains(one));
    let of_protocol = protocols.map(|protocol| {
        let whole = FlowSet::protocol(protocol);
        let may = may.intersection(&whole);
        if may.contains(&whole) {
            return whole;
        }
        let FlowSpan::Ports(ranges) = FlowSpan::of(&may, protocol) else {
            let must = must.intersection(&whole);
            let is_few = FlowSpan::types(&must) <= TYPES_MAX;
            return if is_few { must } else { FlowSet::none() };
        };
        ranges.into_iter().filter(|range| range.intersects(&must)).collect()
    });
    of_protocol.collect()
}

/// The ports of a protocol in ranges, from whatever port they come; all else as it is.
enum FlowSpan {
    Ports(Vec<FlowSet>),
    Other,
}

impl FlowSpan {
    /// How many types of ICMP there are in flows of it; one for what has no types.
    fn types(flows: &FlowSet) -> usize {
        let of = |part: FlowPart| match part {
            FlowPart::Icmp { types, .. } => {
                (0..=u8::MAX).filter(|one| types.contains(*one)).count()
            }
            FlowPart::Ports { .. } | FlowPart::Other { .. } => 1,
        };
        flows.parts().map(of).sum()
    }

    fn of(flows: &FlowSet, protocol: Protocol) -> Self {
        let mut ranges = Vec::new();
        for part in flows.parts() {
            match part {
                FlowPart::Ports { source, destination, .. } if source.is_full() => {
                    ranges.extend(destination.intervals().iter().map(|range| {
                        FlowSet::ports(protocol, PortSet::full(), PortSet::from(*range))
                    }));
                }
                _ => return Self::Other,
            }
        }
        Self::Ports(ranges)
    }
}

/// What of an answer may pass, whatever the request.
fn passing(allowed: &Allowed) -> FlowSet {
    allowed.allow.union(&allowed.inspect)
}

/// What hosts and routers on the way tell of connections that are allowed, such as that packets are too long
/// (RFC 792; RFC 4443, types 1 to 4; Amazon EC2 user guide, "Path MTU Discovery").
fn errors() -> FlowSet {
    let of = |protocol: Protocol, types: &[u8]| -> FlowSet {
        let each = types.iter();
        each.map(|one| FlowSet::icmp(protocol, ByteSet::single(*one), ByteSet::full())).collect()
    };
    of(Protocol::ICMP, &[3, 11, 12]).union(&of(Protocol::ICMPV6, &[1, 2, 3, 4]))
}

/// What of flows no reply of what is allowed the other way looks like. A reply goes to the port that its
/// client took for itself, and those are not among the well-known ones.
fn told_apart(flows: &FlowSet, back: &FlowSet) -> FlowSet {
    let clients = PortSet::from(PortRange::new(CLIENTS_MIN, u16::MAX).unwrap_or(PortRange::FULL));
    back.parts().fold(flows.clone(), |rest, part| {
        let replies = match &part {
            FlowPart::Ports { protocol, .. } if *protocol == Protocol::TCP => {
                FlowSet::ports(*protocol, PortSet::full(), clients.clone())
            }
            FlowPart::Ports { protocol, .. } => FlowSet::protocol(*protocol),
            FlowPart::Icmp { protocol, .. } | FlowPart::Other { protocol } => {
                FlowSet::protocol(*protocol)
            }
        };
        rest.difference(&replies)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(first: u16, last: u16) -> FlowSet {
        let range = PortRange::new(first, last).expect("they are in order");
        FlowSet::ports(Protocol::TCP, PortSet::full(), PortSet::from(range))
    }

    /// One below, at and above the first port that clients take.
    #[test]
    fn a_denial_is_told_apart_from_replies_by_well_known_ports_alone() {
        let back = tcp(443, 443);
        assert_eq!(told_apart(&tcp(22, 22), &back), tcp(22, 22));
        assert_eq!(told_apart(&tcp(511, 511), &back), tcp(511, 511));
        assert_eq!(told_apart(&tcp(512, 512), &back), FlowSet::none());
        assert_eq!(told_apart(&tcp(511, 513), &back), tcp(511, 511));
        assert_eq!(told_apart(&tcp(5432, 5432), &FlowSet::none()), tcp(5432, 5432));
        let all = told_apart(&FlowSet::all(), &back);
        assert!(all.contains(&FlowSet::protocol(Protocol::UDP)));
        assert_eq!(all.intersection(&FlowSet::protocol(Protocol::TCP)), tcp(0, 511));
        let dns = FlowSet::ports(Protocol::UDP, PortSet::full(), PortSet::single(53));
        assert_eq!(
            told_apart(&dns, &dns),
            FlowSet::none(),
            "servers ask each other from their own ports"
        );
    }

    #[test]
    fn a_denial_is_as_wide_as_nothing_that_is_allowed() {
        let all = FlowSet::all();
        assert_eq!(rounded(&tcp(22, 22), &all), all);
        assert_eq!(rounded(&FlowSet::none(), &all), FlowSet::none());
        let but_https = all.difference(&tcp(443, 443));
        assert_eq!(rounded(&tcp(22, 22), &but_https), tcp(0, 442));
        assert_eq!(rounded(&tcp(22, 500), &but_https), tcp(0, 442).union(&tcp(444, 65535)));
        let icmp = FlowSet::protocol(Protocol::ICMP);
        let ping = FlowSet::icmp(Protocol::ICMP, ByteSet::single(8), ByteSet::full());
        assert_eq!(rounded(&ping, &but_https), icmp);
        assert_eq!(rounded(&ping, &but_https.difference(&errors())), ping);
        // 255 types would need as many entries.
        assert_eq!(rounded(&icmp, &but_https.difference(&ping)), FlowSet::none());
        assert_eq!(rounded(&tcp(443, 443), &but_https), FlowSet::none());
    }

    #[test]
    fn protocols_without_ports_are_told_apart_by_nothing() {
        let back = FlowSet::protocol(Protocol::ICMP);
        assert_eq!(told_apart(&FlowSet::protocol(Protocol::ICMP), &back), FlowSet::none());
        assert_eq!(told_apart(&tcp(22, 22), &back), tcp(22, 22));
    }
}
