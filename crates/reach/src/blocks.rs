//! Which classes need asking at all: routes are looked up once for each pair of sites, and guards
//! that could accept nothing end a pair before it is walked.
//!
//! Endpoints of one subnet are routed alike, so one walk between two subnets tells for all pairs of
//! classes in them that no route connects them. Nothing here decides an answer: a pair that could
//! be connected is walked as any other.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use watertight_model::network::{Direction, EndpointId, EndpointRole, GatewayKind, Hop, SubnetId};
use watertight_model::{Disposition, Network};
use watertight_net::{AddressAtoms, AtomId, Family};

use crate::answer::Reach;
use crate::classes::Class;
use crate::guards::could_accept;
use crate::matrix::ClassIndex;
use crate::path::{End, Path, Place, Seen, Start, Step};
use crate::space::is_public;

/// Where sources of a group start.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum SourceSite {
    /// Ordinary endpoints of a subnet, by family.
    Subnet(SubnetId, Family),
    /// Something that is routed in its own way.
    Alone(ClassIndex, Family),
}

/// Where targets of a group are.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum TargetSite {
    /// Addresses of a subnet that no route tells apart.
    Subnet(SubnetId, AtomId),
    /// Something that is routed in its own way.
    Alone(ClassIndex, IpAddr),
}

/// One start of a class.
pub(crate) struct Source {
    pub(crate) class: ClassIndex,
    pub(crate) start: Start,
    outside: bool,
}

/// One address of a class.
pub(crate) struct Target {
    pub(crate) class: ClassIndex,
    pub(crate) address: IpAddr,
    endpoint: Option<EndpointId>,
    outside: bool,
}

/// What routes say about two sites.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Block {
    /// Nothing gets from one to the other, whatever guards say.
    Apart,
    /// Packets get there as they were sent.
    Plain,
    /// Something on the way rewrites, forwards or selects.
    Special,
}

/// The classes' starts and addresses, by site.
pub(crate) struct Blocks {
    sources: BTreeMap<SourceSite, Vec<Source>>,
    targets: BTreeMap<TargetSite, Vec<Target>>,
}

impl Reach<'_> {
    /// Groups the starts and addresses of classes by site.
    pub(crate) fn blocks(&self, classes: &[Class]) -> Blocks {
        let routes = self.network.tables.values().flat_map(|table| {
            let known = table.routes.iter().map(|route| route.destination);
            let unread = table.unread.iter().flat_map(|unread| unread.candidates.prefixes());
            known.chain(unread)
        });
        let realms = self.network.realms.values().flat_map(|realm| realm.prefixes.iter().copied());
        let atoms = AddressAtoms::from_prefixes(routes.chain(realms));
        let routed_to = self.routed_to();
        let mut blocks = Blocks { sources: BTreeMap::new(), targets: BTreeMap::new() };
        for (index, class) in classes.iter().enumerate() {
            self.add_sources(&mut blocks, index, class);
            self.add_targets(&mut blocks, index, class, &atoms, &routed_to);
        }
        blocks
    }

    /// Endpoints to which routes lead: packets for them may take ways of their own.
    fn routed_to(&self) -> BTreeSet<EndpointId> {
        let routes = self.network.tables.values().flat_map(|table| &table.routes);
        let targets = routes.filter_map(|route| match route.hop {
            Hop::Endpoint(endpoint) => Some(endpoint),
            Hop::Local
            | Hop::Gateway(_)
            | Hop::Attachment(_)
            | Hop::Blackhole(_)
            | Hop::Unread(_) => None,
        });
        targets.collect()
    }

    fn add_sources(&self, blocks: &mut Blocks, index: ClassIndex, class: &Class) {
        let outside = !matches!(class, Class::Endpoints(_));
        for start in self.class_starts(class) {
            let Some(source) = start.source() else { continue };
            let family = Family::of(source);
            let site = match &start {
                Start::Endpoint { endpoint, .. } => {
                    let endpoint = &self.network.endpoints[*endpoint];
                    match (endpoint.subnet, endpoint.role) {
                        (
                            Some(subnet),
                            EndpointRole::Host
                            | EndpointRole::Forwarder
                            | EndpointRole::InitiatesOnly,
                        ) => SourceSite::Subnet(subnet, family),
                        _ => SourceSite::Alone(index, family),
                    }
                }
                Start::Subnet { .. }
                | Start::Realm(_)
                | Start::Internet { .. }
                | Start::Outside { .. }
                | Start::Unaddressed { .. } => SourceSite::Alone(index, family),
            };
            blocks.sources.entry(site).or_default().push(Source { class: index, start, outside });
        }
    }

    fn add_targets(
        &self,
        blocks: &mut Blocks,
        index: ClassIndex,
        class: &Class,
        atoms: &AddressAtoms,
        routed_to: &BTreeSet<EndpointId>,
    ) {
        let member = match class {
            Class::Endpoints(members) => members.first().copied(),
            Class::Internet(_) | Class::Outside(..) => None,
        };
        for address in self.class_addresses(class, false) {
            let content = member.map(|endpoint| &self.network.endpoints[endpoint]);
            let local = content.and_then(|content| {
                let own = content.addresses.contains(&address);
                content.subnet.filter(|_| own && !is_public(address))
            });
            let plain = member.is_none_or(|endpoint| !routed_to.contains(&endpoint));
            let site = match local {
                Some(subnet) if plain => TargetSite::Subnet(subnet, atoms.atom_of(address)),
                _ => TargetSite::Alone(index, address),
            };
            let target =
                Target { class: index, address, endpoint: member, outside: member.is_none() };
            blocks.targets.entry(site).or_default().push(target);
        }
    }

    /// Every pair of different classes that routes could connect, in order; with `asking`, only
    /// those of which guards at both ends could accept anything.
    pub(crate) fn for_each_pair(
        &self,
        blocks: &Blocks,
        asking: bool,
        mut visit: impl FnMut(&Source, &Target),
    ) {
        for sources in blocks.sources.values() {
            for targets in blocks.targets.values() {
                let (Some(source), Some(target)) = (sources.first(), targets.first()) else {
                    continue;
                };
                let same_family =
                    source.start.source().map(Family::of) == Some(Family::of(target.address));
                if !same_family || (source.outside && target.outside) {
                    continue;
                }
                if source.outside && !is_public(target.address) && is_internet(&source.start) {
                    continue;
                }
                let block = self.block(&source.start, target.address);
                if block == Block::Apart {
                    continue;
                }
                for source in sources {
                    for target in targets {
                        let asked = !asking || self.could_connect(block, source, target);
                        if source.class != target.class && asked {
                            visit(source, target);
                        }
                    }
                }
            }
        }
    }

    /// What routes say about the sites of a start and an address.
    fn block(&self, start: &Start, address: IpAddr) -> Block {
        let paths = self.walker().paths(start, address);
        if !paths.iter().all(|path| is_plain(self.network, path)) {
            return Block::Special;
        }
        if paths.iter().all(is_apart) { Block::Apart } else { Block::Plain }
    }

    /// Whether guards at both ends could accept anything of a pair.
    fn could_connect(&self, block: Block, source: &Source, target: &Target) -> bool {
        let ipv6 = target.address.is_ipv6();
        if let Start::Endpoint { endpoint, .. } = &source.start {
            let seen =
                Seen { address: Some(target.address), ipv6, member: target.endpoint, front: None };
            if !self.could_pass(*endpoint, Direction::Egress, seen) {
                return false;
            }
        }
        let Some(endpoint) = target.endpoint else { return true };
        let role = self.network.endpoints[endpoint].role;
        if matches!(role, EndpointRole::InitiatesOnly | EndpointRole::CarriesOnly) {
            return false;
        }
        let own = self.network.endpoints[endpoint].addresses.contains(&target.address);
        if block != Block::Plain
            || !own
            || !matches!(role, EndpointRole::Host | EndpointRole::AnswersOnly)
        {
            return true;
        }
        let member = match &source.start {
            Start::Endpoint { endpoint, .. } => Some(*endpoint),
            Start::Subnet { .. }
            | Start::Realm(_)
            | Start::Internet { .. }
            | Start::Outside { .. }
            | Start::Unaddressed { .. } => None,
        };
        let seen = Seen { address: source.start.source(), ipv6, member, front: None };
        self.could_pass(endpoint, Direction::Ingress, seen)
    }

    fn could_pass(&self, endpoint: EndpointId, direction: Direction, seen: Seen) -> bool {
        let layers = &self.network.endpoints[endpoint].layers;
        layers.iter().all(|layer| could_accept(self.network, *layer, direction, seen))
    }
}

fn is_internet(start: &Start) -> bool {
    matches!(start, Start::Internet { .. })
}

/// Whether a path ends for want of a route, before anything looked at who sends or receives.
fn is_apart(path: &Path) -> bool {
    let End::Stopped { disposition, at, .. } = &path.end else { return false };
    let by_routes = matches!(disposition, Disposition::NoRoute | Disposition::NullRouted);
    by_routes && matches!(at, Place::Subnet(_) | Place::Realm(_) | Place::Attachment(_))
}

/// Whether nothing on the way rewrites, forwards or selects.
fn is_plain(network: &Network, path: &Path) -> bool {
    path.steps.iter().all(|step| match step {
        Step::At(Place::Gateway(id)) => {
            matches!(network.gateways[*id].kind, GatewayKind::Peering { .. })
        }
        Step::At(Place::Internet) => false,
        Step::At(_) | Step::Route { .. } | Step::Guards(_) => true,
        Step::Source { .. }
        | Step::Destination { .. }
        | Step::Select(_)
        | Step::Carry { .. }
        | Step::Port(_)
        | Step::SourcePort(_)
        | Step::Switch { .. }
        | Step::Box { .. } => false,
    })
}
