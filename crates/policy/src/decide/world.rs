use std::collections::BTreeMap;
use std::net::IpAddr;

use watertight_model::{Labels, Name};
use watertight_net::{AddressSet, FlowSet};

/// What decisions are about: workloads, the fronts between them, and providers' services.
#[derive(Clone, Debug, Default)]
pub struct World {
    /// The workloads; ends name them by their place in this list.
    pub workloads: Vec<Member>,
    /// What ends one leg and begins the next.
    pub fronts: Vec<FrontLegs>,
    /// Where providers' services answer, by the name of the service, such as `aws.s3`.
    pub services: BTreeMap<Name, AddressSet>,
    /// All addresses at which providers' services answer, also those whose name is not known.
    pub service_space: AddressSet,
}

/// One workload, as its raw facts describe it.
#[derive(Clone, Debug)]
pub struct Member {
    /// The provider's id, which is its own as long as it lives: shares of segments go by it.
    pub id: Name,
    /// The name that a person would use.
    pub name: Name,
    /// The account that holds it.
    pub account: Option<Name>,
    /// The subnets of its endpoints.
    pub subnets: Vec<Name>,
    /// Provider facts and tags.
    pub labels: Labels,
    /// Its addresses; a public one is in no network.
    pub places: Vec<Place>,
}

/// An address in a network.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Place {
    /// The network; `None` for the public address space.
    pub network: Option<Name>,
    /// The address.
    pub address: IpAddr,
}

/// The legs of one front. A front that keeps its clients' addresses ends no leg, and is none here.
#[derive(Clone, Debug)]
pub struct FrontLegs {
    /// The workload that it is.
    pub workload: usize,
    /// What it listens on.
    pub listeners: Vec<ListenerLegs>,
    /// Its health checks.
    pub health: Vec<TargetLegs>,
}

/// One listener of a front.
#[derive(Clone, Debug)]
pub struct ListenerLegs {
    /// What it listens on.
    pub flows: FlowSet,
    /// Where it leads.
    pub targets: Vec<TargetLegs>,
}

/// The legs from a front to one workload.
#[derive(Clone, Debug)]
pub struct TargetLegs {
    /// The workload.
    pub workload: usize,
    /// What is sent there.
    pub flows: FlowSet,
}

impl World {
    /// The public addresses of workloads: those are no part of the internet.
    pub(super) fn public_addresses(&self) -> AddressSet {
        let places = self.workloads.iter().flat_map(|workload| &workload.places);
        let public = places.filter(|place| place.network.is_none());
        AddressSet::from_prefixes(public.map(|place| watertight_net::Prefix::host(place.address)))
    }
}
