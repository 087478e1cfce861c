//! Questions about endpoints whose addresses the input does not tell.
//!
//! Such an endpoint has one of many addresses: a free one of its subnet, or one of its service's.
//! One address of each part that rules, lists and routes tell apart is tried. Where all give the
//! same answer, that is the answer; where they differ, it is unknown.

mod spaces;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};

use watertight_model::network::{EndpointId, GatewayKind, SubnetId};
use watertight_model::{Bounds, Disposition, Name, Network};
use watertight_net::{AddressSet, Family, FlowSet, Prefix};

use crate::answer::{Part, Reach};
use crate::assumed::{Assumed, Held};
use crate::path::{End, Path, Place, Start, Step};
pub(crate) use spaces::Spaces;
use spaces::public_candidates;

/// How many combinations of addresses one question tries; with more, its answer is unknown.
const TRIED_MAX: usize = 20_000;
/// How many addresses a reason names.
const NAMED_MAX: usize = 3;

/// Where packets are sent.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Target {
    /// To an address, whoever has it where they start.
    Address(IpAddr),
    /// To an endpoint whose address the input does not tell.
    Unaddressed {
        /// The endpoint.
        endpoint: EndpointId,
        /// The family of its address.
        family: Family,
        /// Whether it is its public address that is dialled.
        public: bool,
    },
}

impl Target {
    /// The family of the address.
    pub fn family(&self) -> Family {
        match self {
            Self::Address(address) => Family::of(*address),
            Self::Unaddressed { family, .. } => *family,
        }
    }

    /// Whether it is an address that the internet carries packets to.
    pub fn is_public(&self) -> bool {
        match self {
            Self::Address(address) => crate::is_public(*address),
            Self::Unaddressed { family, public, .. } => *public || *family == Family::V6,
        }
    }

    /// The address, or what is known of it: `an address of 10.0.1.0/24`.
    pub fn describe(&self, network: &Network) -> String {
        match self {
            Self::Address(address) => address.to_string(),
            Self::Unaddressed { endpoint, family, public } => {
                describe(network, *endpoint, *family, *public)
            }
        }
    }
}

/// What is known of where an endpoint without addresses is: `an address of 10.0.1.0/24`,
/// `a public address of s3.eu-central-1`.
pub fn describe(network: &Network, endpoint: EndpointId, family: Family, public: bool) -> String {
    let content = &network.endpoints[endpoint];
    match (content.subnet, network.unaddressed.get(&endpoint)) {
        (Some(subnet), _) if !public => {
            let prefixes = network.subnets[subnet].prefixes.iter();
            let own: Vec<String> =
                prefixes.filter(|one| one.family() == family).map(ToString::to_string).collect();
            format!("an address of {}", own.join(", "))
        }
        (None, Some(known)) => format!("a public address of {}", known.service),
        _ => format!("a public address of {}", content.name),
    }
}

/// Whether an endpoint has addresses that the input does not tell.
pub(crate) fn is_unaddressed(network: &Network, endpoint: EndpointId) -> bool {
    let content = &network.endpoints[endpoint];
    let stands_for_service = || {
        let mut kinds = network.gateways.values().map(|gateway| &gateway.kind);
        kinds.any(|kind| matches!(kind, GatewayKind::Service { endpoint: own } if *own == endpoint))
    };
    content.addresses.is_empty()
        && content.delegated.is_empty()
        && (content.subnet.is_some() || !stands_for_service())
}

/// From where an endpoint whose addresses the input does not tell sends, in a family.
pub(crate) fn start_of(network: &Network, endpoint: EndpointId, family: Family) -> Option<Start> {
    let sends = match network.endpoints[endpoint].subnet {
        Some(subnet) => family_of(network, subnet) == family,
        None => !public_candidates(network, endpoint).of_family(family).is_empty(),
    };
    (is_unaddressed(network, endpoint) && sends).then_some(Start::Unaddressed { endpoint, family })
}

/// Where an endpoint whose addresses the input does not tell is reached: in its subnet, then on
/// the internet.
pub(crate) fn targets_of(network: &Network, endpoint: EndpointId) -> Vec<Target> {
    if !is_unaddressed(network, endpoint) {
        return Vec::new();
    }
    let subnet = network.endpoints[endpoint].subnet;
    let private = subnet.map(|subnet| family_of(network, subnet));
    let own = private.map(|family| Target::Unaddressed { endpoint, family, public: false });
    let space = public_candidates(network, endpoint);
    let families = [Family::V4, Family::V6].into_iter();
    let outer = families
        .filter(|family| !space.of_family(*family).is_empty())
        // An interface's IPv6 address is public itself.
        .filter(|family| subnet.is_none() || *family == Family::V4)
        .map(|family| Target::Unaddressed { endpoint, family, public: true });
    own.into_iter().chain(outer).collect()
}

/// The family of an inferred interface's address: IPv4 where its subnet has any.
fn family_of(network: &Network, subnet: SubnetId) -> Family {
    let mut prefixes = network.subnets[subnet].prefixes.iter();
    if prefixes.any(|prefix| prefix.family() == Family::V4) { Family::V4 } else { Family::V6 }
}

/// A start with the address that is taken to be its own.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) held: Option<Held>,
    pub(crate) start: Start,
}

/// An address that is dialled, with who is taken to have it and the service that is meant.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dialled {
    pub(crate) held: Option<Held>,
    pub(crate) service: Option<EndpointId>,
    pub(crate) address: IpAddr,
}

/// One combination of addresses to try.
struct Trial {
    assumed: Assumed,
    start: Start,
    destination: IpAddr,
}

impl Trial {
    /// None where one endpoint would have two of its addresses at a time.
    fn of(sent: &Sent, dialled: &Dialled) -> Option<Self> {
        if let (Some(one), Some(other)) = (sent.held, dialled.held)
            && one.endpoint == other.endpoint
            && one != other
        {
            return None;
        }
        let held: BTreeSet<Held> = sent.held.iter().chain(&dialled.held).copied().collect();
        let assumed = Assumed { held: held.into_iter().collect(), service: dialled.service };
        Some(Self { assumed, start: sent.start.clone(), destination: dialled.address })
    }
}

impl Reach<'_> {
    /// What becomes of each part of `flows` from `start` to a target, see
    /// [`answer`](Reach::answer).
    ///
    /// Where an end's address is one of many, a part of the flows for which all of them give the
    /// same disposition has it, with the way from and to one of them. The rest is
    /// [`Disposition::Unknown`].
    pub fn ask(&self, start: &Start, target: &Target, flows: &FlowSet) -> Vec<Part> {
        if let (Target::Address(address), false) =
            (target, matches!(start, Start::Unaddressed { .. }))
        {
            return self.answer_assuming(&Assumed::default(), start, *address, flows);
        }
        let whose = match (target, start) {
            (Target::Unaddressed { endpoint, .. }, _)
            | (_, Start::Unaddressed { endpoint, .. }) => *endpoint,
            _ => return Vec::new(),
        };
        let other = match target {
            Target::Address(address) => hosts([*address]),
            Target::Unaddressed { .. } => AddressSet::empty(),
        };
        let sources = self.sent(start, &other);
        let taken = sources.iter().flat_map(|sent| {
            let held = sent.held.into_iter().flat_map(|held| [held.private, held.public]);
            held.flatten().chain(sent.start.source())
        });
        let targets = match target {
            // Who sends to itself has one address.
            Target::Unaddressed { .. } if is_same(start, target) => {
                self.dialled(start, target, &AddressSet::empty())
            }
            _ => self.dialled(start, target, &hosts(taken)),
        };
        self.try_all(whose, &sources, &targets, flows)
    }

    /// What becomes of flows whichever addresses the ends of `whose` question have.
    pub(crate) fn try_all(
        &self,
        whose: EndpointId,
        sources: &[Sent],
        targets: &[Dialled],
        flows: &FlowSet,
    ) -> Vec<Part> {
        if sources.len().saturating_mul(targets.len()) > TRIED_MAX {
            let why = "the input does not tell the address, and rules tell too many apart";
            return untold(whose, flows, why);
        }
        let mut trials = Vec::new();
        for sent in sources {
            trials.extend(targets.iter().filter_map(|dialled| Trial::of(sent, dialled)));
        }
        if trials.is_empty() {
            return untold(whose, flows, "the input tells of no address that is free for it");
        }
        let mut answers = Vec::with_capacity(trials.len());
        for trial in &trials {
            let parts =
                self.answer_assuming(&trial.assumed, &trial.start, trial.destination, flows);
            answers.push((trial, parts));
        }
        agreed(whose, answers)
    }

    /// From where packets of a start may come, if nobody else has its address.
    pub(crate) fn sent(&self, start: &Start, others: &AddressSet) -> Vec<Sent> {
        let Start::Unaddressed { endpoint, family } = start else {
            return vec![Sent { held: None, start: start.clone() }];
        };
        let own = self.spaces().candidates(self.network, *endpoint, *family, others).into_iter();
        own.filter_map(|held| {
            let address = held.private.or(held.public)?;
            let start = Start::Endpoint { endpoint: *endpoint, address };
            Some(Sent { held: Some(held), start })
        })
        .collect()
    }

    /// The addresses that are dialled to reach a target, with what is taken to have them, if
    /// nobody else has one.
    pub(crate) fn dialled(
        &self,
        start: &Start,
        target: &Target,
        others: &AddressSet,
    ) -> Vec<Dialled> {
        let (endpoint, family, public) = match target {
            Target::Address(address) => {
                return vec![Dialled { held: None, service: None, address: *address }];
            }
            Target::Unaddressed { endpoint, family, public } => (*endpoint, *family, *public),
        };
        let in_plane = self.network.endpoints[endpoint].subnet.is_none();
        let service = in_plane.then_some(endpoint);
        let near = if in_plane { self.near(start, endpoint, family, others) } else { Vec::new() };
        if !near.is_empty() {
            let dialled = |(held, address)| Dialled { held, service, address };
            return near.into_iter().map(dialled).collect();
        }
        let mut found: Vec<Dialled> = self
            .spaces()
            .candidates(self.network, endpoint, family, others)
            .into_iter()
            .filter_map(|held| {
                let address = if public { held.public } else { held.private }?;
                Some(Dialled { held: Some(held), service, address })
            })
            .collect();
        if matches!(start, Start::Internet { .. }) {
            // Nothing on the internet looks at which public address is dialled.
            found.dedup_by_key(|dialled| dialled.held.and_then(|held| held.private));
        }
        found
    }

    /// The attachments in the realm of a start that lead to a service: its name stands for them
    /// there.
    fn near(
        &self,
        start: &Start,
        endpoint: EndpointId,
        family: Family,
        others: &AddressSet,
    ) -> Vec<(Option<Held>, IpAddr)> {
        let realm = match start {
            Start::Endpoint { endpoint, .. } | Start::Unaddressed { endpoint, .. } => {
                crate::index::realm_of(self.network, *endpoint)
            }
            Start::Subnet { subnet, .. } => Some(self.network.subnets[*subnet].realm),
            Start::Realm(realm) => Some(*realm),
            Start::Internet { .. } | Start::Outside { .. } => None,
        };
        let Some((realm, known)) = realm.zip(self.network.unaddressed.get(&endpoint)) else {
            return Vec::new();
        };
        let mut found = Vec::new();
        for interface in &known.interfaces {
            if crate::index::realm_of(self.network, *interface) != Some(realm) {
                continue;
            }
            let own = self.network.endpoints[*interface].addresses.iter().copied();
            found.extend(own.filter(|one| Family::of(*one) == family).map(|one| (None, one)));
            if is_unaddressed(self.network, *interface) {
                let spaces = self.spaces();
                let held = spaces.candidates(self.network, *interface, family, others).into_iter();
                found.extend(held.filter_map(|held| Some((Some(held), held.private?))));
            }
        }
        found
    }
}

/// The answer where nothing can be tried: unknown, and why.
fn untold(whose: EndpointId, flows: &FlowSet, why: &str) -> Vec<Part> {
    let (at, why) = (Place::Endpoint(whose), Name::from(why));
    let nowhere = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    let path = Path {
        steps: vec![Step::At(at)],
        end: End::Unknown { at, why: why.clone() },
        source: None,
        destination: nowhere,
        dialled: nowhere,
        sessions: Vec::new(),
        by_front: false,
        realm: None,
        through: None,
    };
    vec![Part {
        flows: flows.clone(),
        disposition: Disposition::Unknown,
        at,
        why,
        path,
        ends_at_step: 1,
        established: Bounds { sure: FlowSet::none(), possible: flows.clone() },
        reply: None,
    }]
}

/// Whether a start and a target are the same endpoint, whose address the input does not tell.
fn is_same(start: &Start, target: &Target) -> bool {
    matches!(
        (start, target),
        (Start::Unaddressed { endpoint: one, .. }, Target::Unaddressed { endpoint: other, .. })
            if one == other
    )
}

fn hosts(addresses: impl IntoIterator<Item = IpAddr>) -> AddressSet {
    AddressSet::from_prefixes(addresses.into_iter().map(Prefix::host))
}

/// What all answers agree on, and the rest as unknown.
fn agreed(whose: EndpointId, answers: Vec<(&Trial, Vec<Part>)>) -> Vec<Part> {
    let all = || answers.iter().map(|(_, parts)| parts.as_slice());
    let mut differ = FlowSet::none();
    for disposition in Disposition::ALL {
        let (union, common) = united(all().map(|parts| {
            let own = parts.iter().filter(|part| part.disposition == disposition);
            own.fold(FlowSet::none(), |sum, part| sum.union(&part.flows))
        }));
        differ = differ.union(&union.difference(&common));
    }
    let established = |sure: bool| {
        united(all().map(|parts| {
            let of = |part: &Part| {
                let both = &part.established;
                if sure { both.sure.clone() } else { both.possible.clone() }
            };
            parts.iter().fold(FlowSet::none(), |sum, part| sum.union(&of(part)))
        }))
    };
    let (sure, possible) = (established(true).1, established(false).0);
    let why = why(&answers, &differ);
    let Some((_, first)) = answers.into_iter().next() else { return Vec::new() };
    let mut parts: Vec<Part> = Vec::new();
    let mut doubtful: Option<Part> = None;
    for mut part in first {
        if part.flows.intersects(&differ) && doubtful.is_none() {
            doubtful = Some(part.clone());
        }
        part.flows = part.flows.difference(&differ);
        part.established = Bounds {
            sure: part.established.sure.intersection(&sure).intersection(&part.flows),
            possible: if part.disposition.is_delivered() {
                possible.intersection(&part.flows)
            } else {
                part.established.possible.intersection(&possible).intersection(&part.flows)
            },
        };
        if !part.flows.is_empty() {
            parts.push(part);
        }
    }
    if let Some(mut part) = doubtful {
        unknown(&mut part, differ.clone(), whose, why);
        part.established.possible = possible.intersection(&differ);
        parts.push(part);
    }
    parts
}

/// The union and the intersection of sets.
fn united(sets: impl Iterator<Item = FlowSet>) -> (FlowSet, FlowSet) {
    let mut union = FlowSet::none();
    let mut common: Option<FlowSet> = None;
    for set in sets {
        union = union.union(&set);
        common = Some(common.map_or_else(|| set.clone(), |before| before.intersection(&set)));
    }
    (union, common.unwrap_or_else(FlowSet::none))
}

/// Makes a part one whose disposition the endpoint's address would decide.
fn unknown(part: &mut Part, flows: FlowSet, whose: EndpointId, why: Name) {
    part.established = Bounds { sure: FlowSet::none(), possible: flows.clone() };
    part.flows = flows;
    part.disposition = Disposition::Unknown;
    part.at = Place::Endpoint(whose);
    part.why = why;
    part.ends_at_step = 0;
    part.reply = None;
}

/// Which addresses give which dispositions.
fn why(answers: &[(&Trial, Vec<Part>)], differ: &FlowSet) -> Name {
    let mut text = String::from("its address decides");
    let mut told: BTreeSet<Disposition> = BTreeSet::new();
    for (trial, parts) in answers {
        let found = parts
            .iter()
            .find(|part| part.flows.intersects(differ) && !told.contains(&part.disposition));
        let Some(part) = found.filter(|_| told.len() < NAMED_MAX) else { continue };
        let address = match trial.assumed.held.first() {
            Some(held) => held.public.or(held.private).unwrap_or(trial.destination),
            None => trial.destination,
        };
        let mark = if told.is_empty() { ":" } else { "," };
        // Writing to a String cannot fail.
        let _infallible = write!(text, "{mark} with {address} it is {}", part.disposition);
        told.insert(part.disposition);
    }
    Name::from(text)
}
