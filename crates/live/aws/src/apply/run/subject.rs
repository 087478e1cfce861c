//! What steps are about, and how long each is looked at.

use watertight_aws::Service;
use watertight_compile::{PlannedEdge, PlannedGroup, Templated};

use super::super::edges::MadeBy;

/// How often it is looked whether a change can be seen, with waits that double.
pub(super) const LOOKS_MAX: u32 = 14;

/// How often it is looked whether a service has done what it was asked: services take minutes.
pub(super) const SERVICE_LOOKS_MAX: u32 = 90;

/// The same of what gets other machines with its data moved to them, which takes hours where there is much of it.
pub(super) const DOMAIN_LOOKS_MAX: u32 = 720;

/// What a step is about.
pub(super) enum Subject<'p> {
    Group(&'p PlannedGroup),
    Interface(&'p str),
    Resource(Service, &'p str),
    /// A scaling group and its template, with the description of the version that the plan makes.
    Template(&'p Templated, String),
    /// A list for edges, and which of its name.
    Edge(&'p PlannedEdge, MadeBy),
    /// A subnet, with what is at its edge.
    Subnet(&'p str),
}

impl Subject<'_> {
    /// How often it is looked whether a change can be seen.
    pub(super) const fn looks_max(&self) -> u32 {
        match self {
            Self::Group(_)
            | Self::Interface(_)
            | Self::Template(..)
            | Self::Edge(..)
            | Self::Subnet(_) => LOOKS_MAX,
            Self::Resource(Service::SearchDomain, _) => DOMAIN_LOOKS_MAX,
            Self::Resource(..) => SERVICE_LOOKS_MAX,
        }
    }
}
