//! Names of ends: how a person says where packets start and where they go.
//!
//! `docs/reference/ends.md` describes the names. [`resolve`] finds what a name stands for in an
//! estate; [`End::starts`] and [`End::destinations`] turn it into what
//! [`Reach::answer`](crate::Reach::answer) takes.

mod atoms;
mod catalogue;
#[cfg(test)]
mod tests;

use std::net::IpAddr;

use watertight_model::network::{EndpointId, GatewayId, GatewayKind, RealmId, Subnet, SubnetId};
use watertight_model::{Estate, Name, Network, WorkloadId};
use watertight_net::Family;

pub use atoms::{internet_atoms, outside_atoms};
pub(crate) use atoms::{internet_space, named_atoms};

use crate::path::{OutsideBy, Start};
use crate::unaddressed::{Target, start_of, targets_of};
use catalogue::Catalogue;

/// How many candidates or suggestions an error names.
const NAMED_MAX: usize = 10;

/// What a name stands for.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum End {
    /// A workload with all its attachments, or one of its attachments.
    Endpoints {
        /// The workload.
        workload: WorkloadId,
        /// The attachments that are meant; none where the input tells of none.
        endpoints: Vec<EndpointId>,
        /// The one address that is meant; all of them where there is none.
        address: Option<IpAddr>,
    },
    /// An address that no endpoint has and that is not on the internet, or, as a destination, any
    /// address: who has it depends on where packets start.
    Address(IpAddr),
    /// A subnet, from an address that nobody has.
    Subnet {
        /// The subnet.
        subnet: SubnetId,
        /// The address.
        address: IpAddr,
    },
    /// A realm's router.
    Realm(RealmId),
    /// The internet, or one address of it.
    Internet {
        /// The address; none for all of the internet.
        address: Option<IpAddr>,
    },
    /// A network outside of the estate.
    Outside {
        /// By what it is reached.
        by: OutsideBy,
        /// The address; none for all that routes send there.
        address: Option<IpAddr>,
    },
}

/// Why a name stands for nothing, or for too much.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum EndError {
    /// There is no name.
    #[error("the name is empty: name a workload, an address, `internet` or one of the other ends")]
    Empty,
    /// The name fits nothing.
    #[error("`{name}` is nothing in this estate{}", did_you_mean(.suggestions))]
    Unknown {
        /// The name as given.
        name: String,
        /// Names that are spelled like it, the closest first.
        suggestions: Vec<String>,
    },
    /// The input has no internet of its own: what surrounds it holds the internet with all else.
    #[error(
        "nothing here tells where the internet begins: write `outside:{outside}` for all that is \
         outside, or `outside:{outside}@198.51.100.7` for one address"
    )]
    NoInternet {
        /// The name of what surrounds the input.
        outside: String,
    },
    /// The name fits several ends.
    #[error(
        "`{name}` fits several: {}{}; write the id of one of them, or put an account, region or VPC before the name, as in `scope/name`",
        .candidates.join(", "), and_more(*.more)
    )]
    Ambiguous {
        /// The name as given.
        name: String,
        /// What it fits, ordered, at most ten.
        candidates: Vec<String>,
        /// How many more it fits.
        more: usize,
    },
    /// What follows the `@` is no address.
    #[error("`{address}` after `@` in `{name}` is no IPv4 or IPv6 address")]
    BadAddress {
        /// The name as given.
        name: String,
        /// What follows the `@`.
        address: String,
    },
    /// The address is not one of the end's own.
    #[error("`{name}` has no address `{address}`; it has {}", list_or_none(.has))]
    NotItsAddress {
        /// The part before the `@`.
        name: String,
        /// The address as given.
        address: IpAddr,
        /// The addresses that it has.
        has: Vec<String>,
    },
    /// A subnet without an address.
    #[error("`{name}` is a subnet and needs an address in it: write `{name}@{example}`")]
    NeedsAddress {
        /// The name as given.
        name: String,
        /// An address of the subnet.
        example: String,
    },
    /// An address after a name that takes none.
    #[error("`{name}` stands for a whole network and takes no address: leave out `@{address}`")]
    TakesNoAddress {
        /// The part before the `@`.
        name: String,
        /// The address as given.
        address: IpAddr,
    },
    /// A realm as a destination.
    #[error(
        "`{name}` is a whole network, which no packet can be sent to: name a workload or an address in it"
    )]
    NoDestination {
        /// The name as given.
        name: String,
    },
    /// As a start, an address that no endpoint has and that the internet does not route.
    #[error(
        "no workload of this estate has the address `{address}`, and the internet does not route it{}",
        in_subnet(.subnet.as_ref(), *.address)
    )]
    NobodyHas {
        /// The address.
        address: IpAddr,
        /// A subnet that holds it.
        subnet: Option<String>,
    },
}

impl End {
    /// Where packets of a family start, ordered.
    ///
    /// Each attachment sends from its primary address, or from the one that was named. All of the
    /// internet, or of an outside network, is one start for each part that the estate's rules and
    /// routes tell apart ([`internet_atoms`], [`outside_atoms`]). An attachment whose address the
    /// input does not tell is one start, see [`Start::Unaddressed`].
    pub fn starts(&self, network: &Network, family: Family) -> Vec<Start> {
        let of_family = |address: &Option<IpAddr>| {
            address.map(|address| (Family::of(address) == family).then_some(address))
        };
        match self {
            Self::Endpoints { endpoints, address, .. } => {
                endpoint_starts(network, endpoints, *address, family)
            }
            Self::Subnet { subnet, address } => (Family::of(*address) == family)
                .then_some(Start::Subnet { subnet: *subnet, address: *address })
                .into_iter()
                .collect(),
            Self::Address(_) => Vec::new(),
            Self::Realm(realm) => vec![Start::Realm(*realm)],
            Self::Internet { address } => match of_family(address) {
                Some(address) => {
                    address.map(|address| Start::Internet { address }).into_iter().collect()
                }
                None => internet_starts(network, family),
            },
            Self::Outside { by, address } => {
                let start = |address| Start::Outside { by: *by, address };
                match of_family(address) {
                    Some(address) => address.map(start).into_iter().collect(),
                    None => outside_atoms(network, *by)
                        .into_iter()
                        .map(|(_, address)| address)
                        .filter(|address| Family::of(*address) == family)
                        .map(start)
                        .collect(),
                }
            }
        }
    }

    /// Where the end is reached: its addresses, or its attachments whose addresses the input does
    /// not tell, those first that are not public.
    pub fn targets(&self, network: &Network) -> Vec<Target> {
        let mut targets: Vec<Target> =
            self.destinations(network).into_iter().map(Target::Address).collect();
        if let Self::Endpoints { address: None, endpoints, .. } = self {
            targets.extend(endpoints.iter().flat_map(|id| targets_of(network, *id)));
            targets.sort_by_key(Target::is_public);
        }
        targets
    }

    /// The addresses at which the end is reached, without repetition: private addresses first, in
    /// the order of the attachments, then public ones.
    ///
    /// Empty for a realm, which is no place that a packet can be sent to, and for a workload whose
    /// addresses the input does not tell.
    pub fn destinations(&self, network: &Network) -> Vec<IpAddr> {
        let mut addresses: Vec<IpAddr> = match self {
            Self::Endpoints { address: Some(address), .. } => vec![*address],
            Self::Endpoints { endpoints, address: None, .. } => {
                let each = || endpoints.iter().filter_map(|id| network.endpoints.get(*id));
                let private = each().flat_map(|endpoint| endpoint.addresses.iter().copied());
                let public =
                    each().flat_map(|endpoint| endpoint.public.iter().map(|(_, outer)| *outer));
                private.chain(public).collect()
            }
            Self::Subnet { address, .. } | Self::Address(address) => vec![*address],
            Self::Realm(_) => Vec::new(),
            Self::Internet { address: Some(address) }
            | Self::Outside { address: Some(address), .. } => vec![*address],
            Self::Internet { address: None } => representatives(internet_atoms(network)),
            Self::Outside { by, address: None } => representatives(outside_atoms(network, *by)),
        };
        let mut seen = std::collections::BTreeSet::new();
        addresses.retain(|address| seen.insert(*address));
        addresses
    }
}

fn representatives<T>(atoms: Vec<(T, IpAddr)>) -> Vec<IpAddr> {
    atoms.into_iter().map(|(_, address)| address).collect()
}

fn endpoint_starts(
    network: &Network,
    endpoints: &[EndpointId],
    address: Option<IpAddr>,
    family: Family,
) -> Vec<Start> {
    let mut starts = Vec::new();
    // Nobody is at a virtual address: nothing is sent from there.
    for id in endpoints.iter().filter(|id| !network.at_sender.contains_key(id)) {
        let Some(endpoint) = network.endpoints.get(*id) else { continue };
        let own = match address {
            Some(address) if endpoint.holds(address) => Some(address),
            Some(address) => private_of(&endpoint.public, address),
            None => endpoint.address(family),
        };
        match own {
            Some(address) if Family::of(address) == family => {
                starts.push(Start::Endpoint { endpoint: *id, address });
            }
            None if address.is_none() => starts.extend(start_of(network, *id, family)),
            Some(_) | None => {}
        }
    }
    starts.sort();
    starts.dedup();
    starts
}

fn private_of(public: &[(IpAddr, IpAddr)], address: IpAddr) -> Option<IpAddr> {
    public.iter().find(|(_, outer)| *outer == address).map(|(inner, _)| *inner)
}

fn internet_starts(network: &Network, family: Family) -> Vec<Start> {
    internet_atoms(network)
        .into_iter()
        .map(|(_, address)| address)
        .filter(|address| Family::of(*address) == family)
        .map(|address| Start::Internet { address })
        .collect()
}

/// What surrounds a network without a way to the internet of its own, such as a cluster's alone:
/// who comes from the internet comes from there, as others do.
fn surroundings(network: &Network) -> Option<GatewayId> {
    if network.realms.values().any(|realm| realm.internet.is_some()) {
        return None;
    }
    let mut all = network.gateways.iter();
    let found = all.find(|(_, one)| matches!(one.kind, GatewayKind::Surroundings { .. }));
    found.map(|(id, _)| id)
}

/// The names of an estate, for many questions. Making one reads the whole estate once.
#[derive(Debug)]
pub struct Directory<'e> {
    catalogue: Catalogue<'e>,
}

impl<'e> Directory<'e> {
    /// Reads an estate's names.
    pub fn new(estate: &'e Estate) -> Self {
        Self { catalogue: Catalogue::new(estate) }
    }

    /// Finds what a name stands for.
    ///
    /// Ids come before names, and a name before a scope and a name, so that what is unique without
    /// a scope needs none.
    ///
    /// # Errors
    /// When the name fits nothing or several ends, or its address does not fit it.
    pub fn end(&self, text: &str) -> Result<End, EndError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(EndError::Empty);
        }
        let catalogue = &self.catalogue;
        let Some((name, after)) = text.rsplit_once('@') else {
            return whole(catalogue, text);
        };
        // A person's name for a workload may hold an `@` itself.
        if let Ok(end) = whole(catalogue, text) {
            return Ok(end);
        }
        let Ok(address) = after.parse::<IpAddr>() else {
            let bad = EndError::BadAddress { name: text.to_owned(), address: after.to_owned() };
            return Err(if catalogue.find(name).is_ok() || name == "internet" {
                bad
            } else {
                catalogue.unknown(text)
            });
        };
        at_address(catalogue, name, address)
    }

    /// Finds where packets start.
    ///
    /// # Errors
    /// As [`Directory::end`], and when the name is an address from which nobody sends.
    pub fn start(&self, text: &str) -> Result<End, EndError> {
        let end = self.end(text)?;
        if let End::Internet { address } = end
            && let Some(id) = surroundings(self.catalogue.network())
        {
            let Some(address) = address else {
                let outside = self.catalogue.network().gateways[id].name.to_string();
                return Err(EndError::NoInternet { outside });
            };
            return Ok(End::Outside { by: OutsideBy::Gateway(id), address: Some(address) });
        }
        let End::Address(address) = end else { return Ok(end) };
        let holds =
            |subnet: &&Subnet| subnet.prefixes.iter().any(|prefix| prefix.contains(address));
        let subnet = self.catalogue.network().subnets.values().find(holds);
        let subnet = subnet.map(|subnet| subnet.name.to_string());
        Err(EndError::NobodyHas { address, subnet })
    }

    /// Finds where packets go. An address is itself, whoever has it where they start.
    ///
    /// # Errors
    /// As [`Directory::end`], and when the name is a whole realm.
    pub fn destination(&self, text: &str) -> Result<End, EndError> {
        if let Ok(address) = text.trim().parse::<IpAddr>() {
            let known = known_as(&self.catalogue, address)?;
            return Ok(known.unwrap_or(End::Address(address)));
        }
        match self.end(text)? {
            End::Realm(_) => Err(EndError::NoDestination { name: text.trim().to_owned() }),
            end => Ok(end),
        }
    }
}

/// Finds what a name stands for; see [`Directory::end`].
///
/// # Errors
/// As [`Directory::end`].
pub fn resolve(estate: &Estate, text: &str) -> Result<End, EndError> {
    Directory::new(estate).end(text)
}

/// Finds where packets start; see [`Directory::start`].
///
/// # Errors
/// As [`Directory::start`].
pub fn resolve_start(estate: &Estate, text: &str) -> Result<End, EndError> {
    Directory::new(estate).start(text)
}

/// Finds where packets go; see [`Directory::destination`].
///
/// # Errors
/// As [`Directory::destination`].
pub fn resolve_destination(estate: &Estate, text: &str) -> Result<End, EndError> {
    Directory::new(estate).destination(text)
}

/// A name without `@address`.
fn whole(catalogue: &Catalogue<'_>, text: &str) -> Result<End, EndError> {
    if text == "internet" {
        return Ok(End::Internet { address: None });
    }
    if let Some(gateway) = text.strip_prefix("outside:") {
        let by = catalogue.outside(text, gateway)?;
        return Ok(End::Outside { by, address: None });
    }
    if let Ok(address) = text.parse::<IpAddr>() {
        return of_address(catalogue, address);
    }
    match catalogue.find(text)? {
        Found::Workload(workload) => {
            let endpoints = catalogue.estate.workloads[workload].endpoints.clone();
            Ok(End::Endpoints { workload, endpoints, address: None })
        }
        Found::Endpoint(endpoint) => {
            let workload = catalogue.network().endpoints[endpoint].workload;
            Ok(End::Endpoints { workload, endpoints: vec![endpoint], address: None })
        }
        Found::Subnet(subnet) => {
            let example = catalogue.network().subnets[subnet].prefixes.first();
            let example = example.map_or_else(|| "10.0.0.1".into(), |one| one.last().to_string());
            Err(EndError::NeedsAddress { name: text.to_owned(), example })
        }
        Found::Realm(realm) => Ok(End::Realm(realm)),
    }
}

/// An address alone: whoever has it.
fn of_address(catalogue: &Catalogue<'_>, address: IpAddr) -> Result<End, EndError> {
    if let Some(known) = known_as(catalogue, address)? {
        return Ok(known);
    }
    let network = catalogue.network();
    let holders: Vec<Found> = network
        .endpoints
        .iter()
        .filter(|(_, endpoint)| {
            endpoint.holds(address) || private_of(&endpoint.public, address).is_some()
        })
        .map(|(id, _)| Found::Endpoint(id))
        .collect();
    match holders.as_slice() {
        [] if crate::is_public(address) => Ok(End::Internet { address: Some(address) }),
        [] => Ok(End::Address(address)),
        [Found::Endpoint(endpoint)] => Ok(End::Endpoints {
            workload: network.endpoints[*endpoint].workload,
            endpoints: vec![*endpoint],
            address: Some(address),
        }),
        several => Err(catalogue.ambiguous(&address.to_string(), several)),
    }
}

/// The endpoint that the input calls by an address which it does not have here.
fn known_as(catalogue: &Catalogue<'_>, address: IpAddr) -> Result<Option<End>, EndError> {
    let network = catalogue.network();
    match network.known_as.get(&address).map(Vec::as_slice) {
        None | Some([]) => Ok(None),
        Some([endpoint]) => Ok(Some(End::Endpoints {
            workload: network.endpoints[*endpoint].workload,
            endpoints: vec![*endpoint],
            address: None,
        })),
        Some(several) => {
            let found: Vec<Found> = several.iter().copied().map(Found::Endpoint).collect();
            Err(catalogue.ambiguous(&address.to_string(), &found))
        }
    }
}

/// A name with an address after it.
fn at_address(catalogue: &Catalogue<'_>, name: &str, address: IpAddr) -> Result<End, EndError> {
    if name == "internet" {
        return Ok(End::Internet { address: Some(address) });
    }
    if let Some(gateway) = name.strip_prefix("outside:") {
        let by = catalogue.outside(name, gateway)?;
        return Ok(End::Outside { by, address: Some(address) });
    }
    let network = catalogue.network();
    let (workload, endpoints) = match catalogue.find(name)? {
        Found::Workload(workload) => {
            (workload, catalogue.estate.workloads[workload].endpoints.clone())
        }
        Found::Endpoint(endpoint) => (network.endpoints[endpoint].workload, vec![endpoint]),
        Found::Subnet(subnet) => {
            let prefixes = &network.subnets[subnet].prefixes;
            if prefixes.iter().any(|prefix| prefix.contains(address)) {
                return Ok(End::Subnet { subnet, address });
            }
            let has = prefixes.iter().map(ToString::to_string).collect();
            return Err(EndError::NotItsAddress { name: name.to_owned(), address, has });
        }
        Found::Realm(_) => {
            return Err(EndError::TakesNoAddress { name: name.to_owned(), address });
        }
    };
    let meant: Vec<EndpointId> = endpoints
        .iter()
        .copied()
        .filter(|id| {
            let endpoint = &network.endpoints[*id];
            endpoint.holds(address) || private_of(&endpoint.public, address).is_some()
        })
        .collect();
    let known: &[EndpointId] = network.known_as.get(&address).map_or(&[], Vec::as_slice);
    if let Some(known) = known.iter().find(|id| endpoints.contains(id)) {
        return Ok(End::Endpoints { workload, endpoints: vec![*known], address: None });
    }
    if meant.is_empty() {
        let all = End::Endpoints { workload, endpoints, address: None };
        let has = all.destinations(network).iter().map(ToString::to_string).collect();
        return Err(EndError::NotItsAddress { name: name.to_owned(), address, has });
    }
    Ok(End::Endpoints { workload, endpoints: meant, address: Some(address) })
}

/// What an id or a name was found to be.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Found {
    Workload(WorkloadId),
    Endpoint(EndpointId),
    Subnet(SubnetId),
    Realm(RealmId),
}

fn did_you_mean(suggestions: &[String]) -> String {
    match suggestions {
        [] => "; `watertight inventory` lists what there is".to_owned(),
        some => {
            let quoted: Vec<String> = some.iter().map(|name| format!("`{name}`")).collect();
            format!("; did you mean {}?", quoted.join(" or "))
        }
    }
}

fn and_more(more: usize) -> String {
    if more == 0 { String::new() } else { format!(" and {more} more") }
}

fn list_or_none(has: &[String]) -> String {
    if has.is_empty() { "none in the input".to_owned() } else { has.join(", ") }
}

fn in_subnet(subnet: Option<&String>, address: IpAddr) -> String {
    subnet.map_or_else(String::new, |subnet| {
        format!("; to send from there as nobody in particular, write `{subnet}@{address}`")
    })
}

/// The name of a place outside of the estate, as [`resolve`] reads it.
pub fn outside_name(network: &Network, by: OutsideBy) -> Name {
    let id = match by {
        OutsideBy::Gateway(gateway) => &network.gateways[gateway].name,
        OutsideBy::Attachment(attachment) => catalogue::attachment_name(network, attachment),
    };
    Name::from(format!("outside:{id}"))
}
